package table

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// ErrLostRace says that what a decision relied on has changed: load and decide again.
var ErrLostRace = errors.New("lost a race")

// ErrNotManaged says that the customer is not managed, which the decision relied on.
var ErrNotManaged = errors.New("the customer is not managed")

// Write is one item of a transaction, with what it means when its condition does not hold.
type Write struct {
	item types.TransactWriteItem
	lost error
	err  error // of making the write
}

// transactionLimit is how many items one transaction takes.
const transactionLimit = 100

// Commit writes all or nothing: TransactWriteItems, 1 round trip, 2 units per KB of each item. It gives ErrLostRace, or
// the error of the write whose condition did not hold.
func (t *Table) Commit(ctx context.Context, writes ...[]Write) error {
	all := slices.Concat(writes...)
	if len(all) == 0 {
		return nil
	}
	if len(all) > transactionLimit {
		return fmt.Errorf("committing %d items, of which a transaction takes %d", len(all), transactionLimit)
	}
	items := make([]types.TransactWriteItem, len(all))
	for i, write := range all {
		if write.err != nil {
			return write.err
		}
		items[i] = write.item
	}
	_, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	var running *types.TransactionInProgressException
	switch {
	case err == nil:
		return nil
	case errors.As(err, &conflict), errors.As(err, &running):
		return fmt.Errorf("committing: %w", ErrLostRace)
	case !errors.As(err, &cancelled):
		return fmt.Errorf("committing %d items: %w", len(all), err)
	}
	lost := error(nil)
	for i, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "", "None":
		case "ConditionalCheckFailed":
			if lost == nil || errors.Is(lost, ErrLostRace) {
				lost = all[i].lost
			}
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			lost = ErrLostRace // whatever else is wrong is decided anew
		default:
			return fmt.Errorf("committing %d items: %w", len(all), err)
		}
	}
	if lost == nil {
		return fmt.Errorf("committing %d items: %w", len(all), err)
	}
	return fmt.Errorf("committing: %w", lost)
}

// attempts is how often a decision is made anew before the caller is asked to try again.
const attempts = 8

// Settle runs a decision, load to commit, until it wins its race; one that never does is refused with TryAgain.
func Settle[T any](ctx context.Context, decide func(ctx context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, err := decide(ctx)
		if !errors.Is(err, ErrLostRace) {
			return result, err
		}
		if attempt == attempts || pause(ctx, attempt) != nil {
			var none T
			return none, &mci.Refusal{Code: mci.TryAgain, Detail: "Many requests meet here just now; nothing was changed.", RetryAfter: time.Second}
		}
	}
}

// Birth writes a claim that is born: the claim, its event, and its place in the participation as it was loaded.
func (t *Table) Birth(change mci.Change, loaded mci.Participation, now time.Time) []Write {
	writes := append(t.history(change), t.put(newClaimRecord(change.After), "attribute_not_exists(pk)", nil, ErrLostRace))
	return append(writes, t.putVersion(struct {
		Key
		mci.Participation
	}{participationKey(change.After.Customer.ID, change.After.EngagementID), loaded.With(change.After, now)}, loaded.Version))
}

// Nomination writes that the partner nominated a customer, as it was loaded, by an ID. One nominated so before is not
// written again, but relied on: a customer who has just become known was known when the claim was born.
func (t *Table) Nomination(loaded, after mci.NominatedCustomer) []Write {
	if slices.Equal(loaded.IDs, after.IDs) && loaded.Customer == after.Customer {
		key, err := encode(nominatedKey(loaded.PartnerID, loaded.Customer.ID))
		check := &types.ConditionCheck{
			TableName: &t.name, Key: key, ConditionExpression: aws.String("version = :loaded"),
			ExpressionAttributeValues: Item{":loaded": number(fmt.Sprint(loaded.Version))},
		}
		return []Write{{item: types.TransactWriteItem{ConditionCheck: check}, lost: ErrLostRace, err: err}}
	}
	return []Write{t.putVersion(newNominatedRecord(after), loaded.Version)}
}

type nominatedRecord struct {
	Key
	PageKey string `json:"pageKey,omitempty"`
	mci.NominatedCustomer
}

func newNominatedRecord(customer mci.NominatedCustomer) nominatedRecord {
	record := nominatedRecord{Key: nominatedKey(customer.PartnerID, customer.Customer.ID), NominatedCustomer: customer}
	if customer.Known() {
		record.PageKey = knownPages + position(customer.Customer)
	}
	return record
}

// Change writes what became of a claim: the claim, its events, and all that follows from the claim - its place under the
// limits, the known customer, its referral. It relies on the claim alone, as it was loaded, and on its place being held.
func (t *Table) Change(change mci.Change) []Write {
	if change.Empty() {
		return nil
	}
	before, after := change.Before, change.After
	writes := append(t.history(change), t.putVersion(newClaimRecord(after), before.Version))
	place := participationKey(after.Customer.ID, after.EngagementID)
	switch {
	case after.Status == mci.Completed:
		writes = append(writes, t.update(place, "REMOVE places.#claim ADD version :one, completed :one, completedBy :partner",
			"attribute_exists(places.#claim)", map[string]string{"#claim": string(after.ID)},
			Item{":one": number("1"), ":partner": &types.AttributeValueMemberSS{Value: []string{after.PartnerID}}}))
	case after.Status.Terminal():
		// Whoever took the place after its deadline may have removed it already.
		writes = append(writes, t.update(place, "REMOVE places.#claim ADD version :one", "attribute_exists(pk)",
			map[string]string{"#claim": string(after.ID)}, Item{":one": number("1")}))
	case !reflect.DeepEqual(before.Place(), after.Place()):
		held, err := encode(after.Place())
		write := t.update(place, "SET places.#claim = :place ADD version :one", "attribute_exists(places.#claim)",
			map[string]string{"#claim": string(after.ID)}, Item{":one": number("1"), ":place": &types.AttributeValueMemberM{Value: held}})
		write.err = errors.Join(write.err, err)
		writes = append(writes, write)
	}
	if before.ConsentedAt == nil && after.ConsentedAt != nil {
		writes = append(writes, t.update(nominatedKey(after.PartnerID, after.Customer.ID),
			"SET pageKey = :page, knownSince = if_not_exists(knownSince, :now), #customer.#name = :name ADD version :one",
			"attribute_exists(pk)", map[string]string{"#customer": "customer", "#name": "name"}, Item{
				":page": text(knownPages + position(after.Customer)), ":name": text(after.Customer.Name),
				":now": text(after.ConsentedAt.Format(time.RFC3339Nano)), ":one": number("1"),
			}))
	}
	if after.Referral != nil && (before.Referral == nil || before.Referral.Type != after.Referral.Type) {
		writes = append(writes, t.put(newReferralRecord(after), "", nil, nil))
	}
	return writes
}

// Upgrade writes that a claim's referral became co-sell. Where the engagement co-sells with managed customers only, it relies
// on the customer being one: ErrNotManaged if it is not (D9).
func (t *Table) Upgrade(change mci.Change, engagement mci.Engagement) []Write {
	writes := t.Change(change)
	if len(writes) == 0 || !engagement.CoSell.ManagedCustomersOnly {
		return writes
	}
	key, err := encode(customerKey(change.After.Customer.ID))
	check := &types.ConditionCheck{
		TableName: &t.name, Key: key, ConditionExpression: aws.String("managed = :yes"),
		ExpressionAttributeValues: Item{":yes": &types.AttributeValueMemberBOOL{Value: true}},
	}
	return append(writes, Write{item: types.TransactWriteItem{ConditionCheck: check}, lost: ErrNotManaged, err: err})
}

// Qualifies says whether the claim's customer is one that the engagement co-sells with, as Upgrade relies on. GetItem: 1 round
// trip, 1 unit, or none where it co-sells with all.
func (t *Table) Qualifies(ctx context.Context, claim mci.Claim, engagement mci.Engagement) (bool, error) {
	if engagement.CoSell == nil || !engagement.CoSell.ManagedCustomersOnly {
		return engagement.CoSell != nil, nil
	}
	var customer mci.Customer
	_, err := t.get(ctx, customerKey(claim.Customer.ID), &customer)
	return customer.Managed, err
}

// history writes a change's events and their private details.
func (t *Table) history(change mci.Change) []Write {
	var writes []Write
	claim := change.After
	for _, event := range change.Events {
		record := eventRecord{eventKey(claim.ID, event.Seq), event}
		writes = append(writes, t.put(record, "attribute_not_exists(pk)", nil, ErrLostRace))
	}
	for _, private := range change.Private {
		writes = append(writes, t.put(privateRecord{privateKey(claim.ID, private.Seq), private}, "attribute_not_exists(pk)", nil, ErrLostRace))
	}
	return writes
}

// putVersion puts a record whose version was loaded; 0 is that of an item that is not there yet.
func (t *Table) putVersion(record any, loaded int) Write {
	if loaded == 0 {
		return t.put(record, "attribute_not_exists(pk)", nil, ErrLostRace)
	}
	return t.put(record, "version = :loaded", Item{":loaded": number(fmt.Sprint(loaded))}, ErrLostRace)
}

func (t *Table) put(record any, condition string, values Item, lost error) Write {
	item, err := encode(record)
	put := &types.Put{TableName: &t.name, Item: item, ExpressionAttributeValues: values}
	if condition != "" {
		put.ConditionExpression = &condition
	}
	return Write{item: types.TransactWriteItem{Put: put}, lost: lost, err: err}
}

func (t *Table) update(key Key, expression, condition string, names map[string]string, values Item) Write {
	item, err := encode(key)
	for name := range names {
		if !strings.Contains(expression+condition, name) {
			err = errors.Join(err, fmt.Errorf("updating %s: the name %s is not used", key.kind(), name))
		}
	}
	return Write{item: types.TransactWriteItem{Update: &types.Update{
		TableName: &t.name, Key: item, UpdateExpression: &expression, ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}}, lost: ErrLostRace, err: err}
}

func number(digits string) types.AttributeValue { return &types.AttributeValueMemberN{Value: digits} }
