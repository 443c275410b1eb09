package table

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
)

// DirectoryEntry returns what the directory has on a customer ID; the zero value if it does not know the ID. GetItem: 1
// round trip, or none for no ID; 1 unit.
func (t *Table) DirectoryEntry(ctx context.Context, id mci.CustomerID) (mci.DirectoryEntry, error) {
	var record DirectoryRecord
	if id.Value == "" {
		return record.DirectoryEntry, nil
	}
	_, err := t.get(ctx, idKey(id), &record)
	return record.DirectoryEntry, err
}

// DirectoryEntries returns what the directory has on customer IDs, without those that it does not know. BatchGetItem: 1
// round trip, or none for no ID; 1 unit each.
func (t *Table) DirectoryEntries(ctx context.Context, ids []mci.CustomerID) ([]mci.DirectoryEntry, error) {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = idKey(id)
	}
	items, err := t.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	var entries []mci.DirectoryEntry
	for _, key := range keys {
		if item, found := items[key]; found {
			var record DirectoryRecord
			if err := decode(item, &record); err != nil {
				return nil, err
			}
			entries = append(entries, record.DirectoryEntry)
		}
	}
	return entries, nil
}

// EmailDomain returns what the directory has on the domain of an email address (S12). Costs as DirectoryEntry.
func (t *Table) EmailDomain(ctx context.Context, address string) (mci.DirectoryEntry, error) {
	if address == "" {
		return mci.DirectoryEntry{}, nil
	}
	return t.DirectoryEntry(ctx, mci.CustomerID{Type: mci.Domain, Value: mci.EmailDomain(address)})
}

// StandingOf returns the standing of the customer to whom the directory gives an ID, by the ID's entry; mci.UnknownID
// if it gives it to nobody. A domain's entry names the customer only by hint: where the hint is stale, the standing is
// read once more. 1 round trip, or 2 then; units as Standing.
func (t *Table) StandingOf(ctx context.Context, partnerID string, entry mci.DirectoryEntry) (mci.Standing, error) {
	id := entry.NominatedID().CustomerID
	standing, err := t.Standing(ctx, partnerID, entry.Customer, []mci.CustomerID{id})
	if owner := standing.Owners[id]; err == nil && entry.Type == mci.Domain &&
		(owner == "" || owner != entry.Customer) {
		if owner == "" {
			return mci.Standing{}, mci.UnknownID(entry.CustomerID)
		}
		return t.Standing(ctx, partnerID, owner, []mci.CustomerID{id})
	}
	return standing, err
}

// Standing returns a customer's standing for a partner, judged by these IDs. Queries of the customer's partition and of
// each ID's, and a GetItem, in parallel: 1 round trip; 1 unit per 4 KB. Without a customer's ID it reads the IDs alone.
func (t *Table) Standing(ctx context.Context, partnerID, customerID string, ids []mci.CustomerID) (mci.Standing,
	error) {
	standing := mci.Standing{
		Participations: map[string]mci.Participation{},
		Eligibility:    make(map[mci.CustomerID]map[string]*mci.Eligibility, len(ids)),
		Owners:         make(map[mci.CustomerID]string, len(ids)),
	}
	ofIDs := make([]idItems, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	if customerID != "" {
		group.Go(func() (err error) {
			standing.Nominated, err = t.Nominated(ctx, partnerID, customerID)
			return err
		})
		group.Go(func() error { return t.customerItems(ctx, customerID, &standing) })
	}
	for i, id := range ids {
		group.Go(func() (err error) {
			ofIDs[i], err = t.idItems(ctx, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return mci.Standing{}, err
	}
	for i, id := range ids {
		standing.Owners[id], standing.Eligibility[id] = ofIDs[i].owner, ofIDs[i].eligibility
	}
	return standing, nil
}

// customerItems reads a customer's partition into its standing: the customer, for what its IDs are eligible, and its
// participations. Query: 1 round trip; 1 unit per 4 KB.
func (t *Table) customerItems(ctx context.Context, customerID string, standing *mci.Standing) error {
	items, _, err := t.query(ctx, span{partition: customerPK(customerID), from: customerSK, to: participation + last})
	for _, item := range items {
		switch sk := KeyOf(item).SK; {
		case sk == customerSK:
			err = decode(item, &standing.Customer)
		case strings.HasPrefix(sk, eligibilityPrefix):
			var record CustomerEligibilityRecord
			err = decode(item, &record)
			standing.Words = append(standing.Words, mci.EligibilityOfID{CustomerID: record.CustomerID,
				Eligibility: record.Eligibility})
		default:
			var p mci.Participation
			err = decode(item, &p)
			standing.Participations[p.EngagementID] = p
		}
		if err != nil {
			return err
		}
	}
	return err
}

// idItems is what the partition of a customer ID holds: whose it is, and for what it is eligible.
type idItems struct {
	owner       string
	eligibility map[string]*mci.Eligibility // by engagement
}

// idItems reads a customer ID's partition. Query: 1 round trip; 1 unit per 4 KB.
func (t *Table) idItems(ctx context.Context, id mci.CustomerID) (idItems, error) {
	found := idItems{eligibility: map[string]*mci.Eligibility{}}
	items, _, err := t.query(ctx, span{partition: idPK(id), from: ownerSK, to: eligibilityPrefix + last})
	for _, item := range items {
		if KeyOf(item).SK == ownerSK {
			var record DirectoryRecord
			if err := decode(item, &record); err != nil {
				return found, err
			}
			found.owner = record.Customer
			continue
		}
		row := new(mci.Eligibility)
		if err := decode(item, row); err != nil {
			return found, err
		}
		found.eligibility[row.EngagementID] = row
	}
	return found, err
}

// EligibilityOf gives the program's words on a customer ID. Query: 1 round trip; 1 unit per 4 KB.
func (t *Table) EligibilityOf(ctx context.Context, id mci.CustomerID) ([]mci.Eligibility, error) {
	items, err := t.idItems(ctx, id)
	var rows []mci.Eligibility
	for _, row := range items.eligibility {
		rows = append(rows, *row)
	}
	return rows, err
}

// Nominated gives what the partner has to do with a customer; the zero value for nothing. GetItem: 1 round trip, 1
// unit.
func (t *Table) Nominated(ctx context.Context, partnerID, customerID string) (mci.NominatedCustomer, error) {
	var customer mci.NominatedCustomer
	_, err := t.get(ctx, nominatedKey(partnerID, customerID), &customer)
	return customer, err
}

// KnownCustomers gives customers known to the partner, by name, from a position on, where the name begins with prefix.
// Query of the Pages index: 1 round trip; 1 unit per 4 KB of customers looked at.
func (t *Table) KnownCustomers(ctx context.Context, partnerID, prefix, from string,
	limit int) (Page[mci.NominatedCustomer], error) {
	s := byName(partnerID, knownPages, prefix, from, limit)
	s.whole = true
	items, more, err := t.query(ctx, s)
	if err != nil {
		return Page[mci.NominatedCustomer]{}, err
	}
	customers, err := decodeAll[mci.NominatedCustomer](items)
	if err != nil {
		return Page[mci.NominatedCustomer]{}, err
	}
	page := Page[mci.NominatedCustomer]{Items: customers}
	for _, customer := range customers {
		page.positions = append(page.positions, CustomerPosition(customer.Customer))
	}
	if more {
		page.Next = page.Position(len(customers) - 1)
	}
	return page, nil
}

// PageCustomers names customers of one partner whose standing on one engagement a page needs.
type PageCustomers struct {
	PartnerID, EngagementID string
	Known                   []mci.NominatedCustomer // judged by their IDs
	WithClaim               []string                // by ID: whose nomination is to be read
	CustomerIDs             []string                // of all whose present name is to be read
	Claims                  []mci.ClaimID
}

// PageStanding is what a page of customers needs to know beyond its rows.
type PageStanding struct {
	Customers      map[string]mci.CustomerSummary      // by ID, as the directory has them
	Participations map[string]mci.Participation        // by customer
	Eligibility    map[mci.CustomerID]*mci.Eligibility // by ID
	Nominated      map[string]mci.NominatedCustomer    // by customer
	Claims         map[mci.ClaimID]mci.Claim
}

// PageStanding gives the standing of a page's customers on its engagement. BatchGetItem in parallel batches of 100: 1
// round trip; 2 units per customer, 2 per claim and 1 per nominated ID.
func (t *Table) PageStanding(ctx context.Context, page PageCustomers) (PageStanding, error) {
	standing := PageStanding{
		map[string]mci.CustomerSummary{}, map[string]mci.Participation{}, map[mci.CustomerID]*mci.Eligibility{},
		map[string]mci.NominatedCustomer{}, map[mci.ClaimID]mci.Claim{},
	}
	var keys []Key
	for _, customerID := range page.CustomerIDs {
		keys = append(keys, customerKey(customerID))
	}
	for _, customer := range page.Known {
		keys = append(keys, participationKey(customer.Customer.ID, page.EngagementID))
		for _, id := range customer.IDs {
			keys = append(keys, eligibilityKey(id.CustomerID, page.EngagementID))
		}
	}
	for _, customerID := range page.WithClaim {
		keys = append(keys, nominatedKey(page.PartnerID, customerID))
	}
	for _, id := range page.Claims {
		keys = append(keys, claimKeys(id)...)
	}
	slices.SortFunc(keys, compareKeys)
	items, err := t.getAll(ctx, slices.Compact(keys))
	if err != nil {
		return PageStanding{}, err
	}
	for _, customerID := range page.CustomerIDs {
		var customer mci.Customer
		if err := decode(items[customerKey(customerID)], &customer); err != nil {
			return PageStanding{}, err
		}
		standing.Customers[customerID] = customer.Summary()
	}
	for _, customer := range page.Known {
		var p mci.Participation
		if err := decode(items[participationKey(customer.Customer.ID, page.EngagementID)], &p); err != nil {
			return PageStanding{}, err
		}
		standing.Participations[customer.Customer.ID] = p
		for _, id := range customer.IDs {
			item, found := items[eligibilityKey(id.CustomerID, page.EngagementID)]
			if !found {
				continue
			}
			row := new(mci.Eligibility)
			if err := decode(item, row); err != nil {
				return PageStanding{}, err
			}
			standing.Eligibility[id.CustomerID] = row
		}
	}
	for _, customerID := range page.WithClaim {
		var customer mci.NominatedCustomer
		if err := decode(items[nominatedKey(page.PartnerID, customerID)], &customer); err != nil {
			return PageStanding{}, err
		}
		standing.Nominated[customerID] = customer
	}
	for _, id := range page.Claims {
		claim, found, err := claimIn(items, id)
		if err != nil {
			return PageStanding{}, err
		}
		if found {
			standing.Claims[id] = claim
		}
	}
	return standing, nil
}
