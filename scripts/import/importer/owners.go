package importer

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// besideOwners gives the writes that keep a copy of each ID's eligibility beside its owner (D33). They come before the
// changes themselves, so that a load that was cut short finds what is left to do when it is repeated.
func (s store) besideOwners(ctx context.Context, batch []change) ([]types.WriteRequest, error) {
	batch = slices.DeleteFunc(slices.Clone(batch), func(c change) bool { return !c.ofOwner() })
	var keys []table.Key
	for _, change := range batch {
		if key := ownerKey(change.id); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	found, err := s.getBatches(ctx, keys)
	if err != nil {
		return nil, err
	}
	requests := make([][]types.WriteRequest, len(batch))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.workers)
	for i, change := range batch {
		var owner table.DirectoryRecord
		if item, isThere := found[ownerKey(change.id)]; isThere {
			if owner, err = table.DecodeDirectoryRecord(item); err != nil {
				return nil, err
			}
		}
		group.Go(func() (err error) {
			requests[i], err = s.besideOwner(ctx, change, owner.DirectoryEntry.Customer)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(requests...), nil
}

// besideOwner is besideOwners for one change, about an ID of that owner, "" for none.
func (s store) besideOwner(ctx context.Context, change change, owner string) ([]types.WriteRequest, error) {
	if record, isEligibility := change.record.(table.EligibilityRecord); isEligibility {
		if owner == "" {
			return nil, nil
		}
		put, err := table.Put(table.NewCustomerEligibilityRecord(owner, change.id, record.Eligibility))
		return []types.WriteRequest{put}, err
	}
	next := change.record.(table.DirectoryRecord).DirectoryEntry.Customer
	if next == owner {
		return nil, nil
	}
	rows, err := table.New(s.client, s.table).EligibilityOf(ctx, change.id)
	if err != nil {
		return nil, err
	}
	var requests []types.WriteRequest
	for _, row := range rows {
		put, err := table.Put(table.NewCustomerEligibilityRecord(next, change.id, row))
		if err != nil {
			return nil, err
		}
		requests = append(requests, put)
		if owner != "" {
			requests = append(requests, table.Delete(table.NewCustomerEligibilityRecord(owner, change.id, row).Key))
		}
	}
	return requests, nil
}

func ownerKey(id mci.CustomerID) table.Key { return table.NewDirectoryRecord(id, "").Key }

// ofOwner says that the change is about an ID whose eligibility stands beside its owner. A domain is not: its tenant
// is.
func (c change) ofOwner() bool { return c.id.Value != "" && c.id.Type != mci.Domain }
