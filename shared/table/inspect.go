package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
)

// This file is for those who check the table as it is stored, and trust no item to be where it belongs.

// Kind is what an item is, by its key.
type Kind string

// The kinds of item that the rules of claims speak of; all others are the program's own data and what lives for a
// while.
const (
	ClaimKind         Kind = "claim" // what moves of it
	BirthKind         Kind = "claim's birth"
	KnownKind         Kind = "nominated customer"
	PartnerKind       Kind = "partner's data" // locations and grants
	ParticipationKind Kind = "participation"
	EventKind         Kind = "event"
	PrivateKind       Kind = "private detail"
	LinkKind          Kind = "consent link"
	MessageKind       Kind = "email"
	OtherKind         Kind = ""
)

// kinds finds the kind by the words with which partition and sort key begin.
var kinds = map[string]Kind{
	"PARTNER CLAIM": ClaimKind, "PARTNER CUSTOMER": KnownKind, "PARTNER LOCATION": PartnerKind,
	"PARTNER GRANT": PartnerKind, "CUSTOMER PARTICIPATION": ParticipationKind, "CLAIM EVENT": EventKind,
	"CLAIM PRIVATE": PrivateKind, "CLAIM CONSENT": LinkKind, "MESSAGE MESSAGE": MessageKind,
	"IDEMPOTENCY IDEMPOTENCY": KeptResponseKind,
}

// Kind is what the item of this key is.
func (k Key) Kind() Kind {
	if kind := kinds[k.kind()]; kind != ClaimKind || !strings.HasSuffix(k.SK, birthSuffix) {
		return kind
	}
	return BirthKind
}

var unescaper = strings.NewReplacer("%23", "#", "%25", "%")

// Owner is whom the key's partition belongs to: a partner's, a customer's or a claim's ID.
func (k Key) Owner() string {
	_, owner, _ := strings.Cut(k.PK, "#")
	return unescaper.Replace(owner)
}

// Decode reads an item into a record, a struct with json tags.
func Decode(item Item, record any) error { return decode(item, record) }

// indexed are the attributes that place an item: its keys and those of the indexes.
var indexed = []string{PartitionKey, SortKey, PageKey, DueKey, CustomerKey, Queue, QueueKey, Referred}

// misplaced names the attributes of an item that are not what the record that it holds asks for.
func misplaced(item Item, record any) ([]string, error) {
	want, err := encode(record)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range indexed {
		if value(item, name) != value(want, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// value is a text attribute's, "" for none.
func value(item Item, name string) string {
	found, isText := item[name].(*types.AttributeValueMemberS)
	if !isText {
		return ""
	}
	return found.Value
}

// Surroundings are a claim as it is stored with all that follows from it.
type Surroundings struct {
	Found         bool // whether there is such a claim; the rest is empty where there is none
	Claim         mci.Claim
	Misplaced     []string // attributes of the claim's item that its state does not ask for
	History       mci.History
	Participation mci.Participation
	Nominated     mci.NominatedCustomer
}

// Surroundings reads a claim and all that follows from it. GetItem and Query of its history, then BatchGetItem: 2 round
// trips. The claim may move on between them.
func (t *Table) Surroundings(ctx context.Context, id mci.ClaimID) (Surroundings, error) {
	var s Surroundings
	var items []Item
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		found, err := t.getAll(groupCtx, claimKeys(id))
		if err != nil {
			return err
		}
		if s.Claim, s.Found, err = claimIn(found, id); err != nil || !s.Found {
			return err
		}
		record := newClaimRecord(s.Claim)
		s.Misplaced, err = misplaced(found[claimKey(id)], record)
		if value(found[birthKey(id)], CustomerKey) != record.CustomerKey {
			s.Misplaced = append(s.Misplaced, CustomerKey+" of the birth")
		}
		return err
	})
	group.Go(func() (err error) {
		items, _, err = t.query(groupCtx, span{partition: historyPK(id), from: eventPrefix, to: receiptSK})
		return err
	})
	if err := group.Wait(); err != nil || !s.Found {
		return s, err
	}
	s.History = historyOf(items)
	participation, nominated := participationKey(s.Claim.Customer.ID, s.Claim.EngagementID),
		nominatedKey(id.PartnerID(), s.Claim.Customer.ID)
	found, err := t.getAll(ctx, []Key{participation, nominated})
	if err != nil {
		return s, err
	}
	if err := decode(found[participation], &s.Participation); err != nil {
		return s, err
	}
	return s, decode(found[nominated], &s.Nominated)
}

// Managed says whether a customer is managed, as an upgrade relies on (D9). GetItem: 1 round trip, 1 unit.
func (t *Table) Managed(ctx context.Context, customerID string) (bool, error) {
	var customer mci.Customer
	_, err := t.get(ctx, customerKey(customerID), &customer)
	return customer.Managed, err
}

// Participation gives a customer's part in an engagement, the zero value for none. GetItem: 1 round trip; 1 unit per 4
// KB.
func (t *Table) Participation(ctx context.Context, key Key) (mci.Participation, error) {
	var participation mci.Participation
	_, err := t.get(ctx, key, &participation)
	return participation, err
}

// ParticipationKey is where a participation belongs.
func ParticipationKey(p mci.Participation) Key { return participationKey(p.CustomerID, p.EngagementID) }

// ClaimKey is where what moves of a claim belongs.
func ClaimKey(id mci.ClaimID) Key { return claimKey(id) }

// ClaimIDAt is the ID of the claim of which an item has this key.
func ClaimIDAt(key Key) mci.ClaimID { return claimIDAt(key) }

// NominatedAsStored gives a nominated customer, and the attributes of its item that its state does not ask for.
// GetItem: 1 round trip, 1 unit.
func (t *Table) NominatedAsStored(ctx context.Context, key Key) (mci.NominatedCustomer, []string, error) {
	items, err := t.getAll(ctx, []Key{key})
	if err != nil || items[key] == nil {
		return mci.NominatedCustomer{}, nil, err
	}
	var record nominatedRecord
	if err := decode(items[key], &record); err != nil {
		return mci.NominatedCustomer{}, nil, err
	}
	names, err := misplaced(items[key], newNominatedRecord(record.NominatedCustomer))
	return record.NominatedCustomer, names, err
}

// EveryClaim calls f with each of a partner's claims, newest first, until f says that it is enough. Queries of the
// partner's CLAIM# items: 1 unit per 4 KB.
func (t *Table) EveryClaim(ctx context.Context, partnerID string, f func(mci.Claim) (enough bool)) error {
	for from := ""; ; {
		page, err := t.Claims(ctx, partnerID, from, batchLimit)
		if err != nil {
			return err
		}
		for _, claim := range page.Items {
			if f(claim) {
				return nil
			}
		}
		if from = page.Next; from == "" {
			return nil
		}
	}
}

// Segment goes through one of so many segments of the table, and hands on the attributes that are asked for, "" for
// all. Scan, strongly consistent: 1 unit per 4 KB of all that the table holds.
func (t *Table) Segment(ctx context.Context, segment, segments int, attributes string, take func([]Item) error) error {
	input := &dynamodb.ScanInput{
		TableName: &t.name, Segment: aws.Int32(int32(segment)), TotalSegments: aws.Int32(int32(segments)),
		ConsistentRead: aws.Bool(true),
	}
	if attributes != "" {
		input.ProjectionExpression = &attributes
	}
	for {
		page, err := t.client.Scan(ctx, input)
		if err != nil {
			return fmt.Errorf("scanning the table: %w", err)
		}
		if err := take(page.Items); err != nil || len(page.LastEvaluatedKey) == 0 {
			return err
		}
		input.ExclusiveStartKey = page.LastEvaluatedKey
	}
}
