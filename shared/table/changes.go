package table

import (
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// This file translates decisions into writes. What follows from a decision is said by mci.Change; each write's
// condition says what the decision relied on.

// PutBirth writes a claim that is born: the claim, its event, and its place in the participation as it was loaded.
func (t *Table) PutBirth(change mci.Change, loaded mci.Participation, now time.Time) []Write {
	writes := append(t.putHistory(change), t.putBorn(change.After, "attribute_not_exists(pk)"),
		t.putMoving(change.After, 0))
	return append(writes, t.putVersion(struct {
		Key
		mci.Participation
	}{participationKey(change.After.Customer.ID, change.After.EngagementID), loaded.With(change.After,
		now)}, loaded.Version))
}

// PutNominated writes that the partner nominated a customer, as it was loaded, by an ID. A customer that was nominated
// so before is not written again, but relied on: it may have become known since.
func (t *Table) PutNominated(loaded, after mci.NominatedCustomer) []Write {
	if !slices.Equal(loaded.IDs, after.IDs) || loaded.Customer != after.Customer {
		return []Write{t.putVersion(newNominatedRecord(after), loaded.Version)}
	}
	key, err := encode(nominatedKey(loaded.PartnerID, loaded.Customer.ID))
	check := &types.ConditionCheck{
		TableName: &t.name, Key: key, ConditionExpression: aws.String("version = :loaded"),
		ExpressionAttributeValues: Item{":loaded": version(loaded.Version)},
	}
	return []Write{{item: types.TransactWriteItem{ConditionCheck: check}, lost: ErrLostRace, err: err}}
}

// UpdateClaim writes a change of a claim that was born before: the claim, its events, and all that follows from them.
// It relies on the claim alone, as it was loaded, and on what the change says must still hold.
func (t *Table) UpdateClaim(change mci.Change) []Write {
	if change.Empty() {
		return nil
	}
	writes := append(t.putHistory(change), t.putMoving(change.After, change.Before.Version))
	writes = append(writes, t.updatePlace(change)...)
	if change.BecameKnown() {
		writes = append(writes, t.updateKnown(change.After))
	}
	if change.ManagedOnly {
		writes = append(writes, t.checkManaged(change.After.Customer.ID))
	}
	if change.Receipt != "" {
		writes = append(writes, t.PutReceipt(change.After.ID, change.Receipt)...)
	}
	return writes
}

// updatePlace writes what becomes of the claim's place under the limits.
func (t *Table) updatePlace(change mci.Change) []Write {
	claim := change.After
	place := participationKey(claim.Customer.ID, claim.EngagementID)
	names, one := map[string]string{"#claim": string(claim.ID)}, version(1)
	switch change.Place() {
	case mci.PlaceCompleted:
		return []Write{t.update(place, "REMOVE places.#claim ADD version :one, completed :one, completedBy :partner",
			"attribute_exists(places.#claim)", names,
			Item{":one": one, ":partner": &types.AttributeValueMemberSS{Value: []string{claim.PartnerID}}})}
	case mci.PlaceFreed:
		// A rival that took the place after its deadline may have removed it already.
		return []Write{t.update(place, "REMOVE places.#claim ADD version :one", "attribute_exists(pk)", names,
			Item{":one": one})}
	case mci.PlaceMoved:
		held, err := encode(claim.Place())
		write := t.update(place, "SET places.#claim = :place ADD version :one", "attribute_exists(places.#claim)",
			names, Item{":one": one, ":place": &types.AttributeValueMemberM{Value: held}})
		write.err = errors.Join(write.err, err)
		return []Write{write}
	}
	return nil
}

// updateKnown writes that the claim's customer is known to the partner. The list goes by the name of the latest
// nomination, which an older claim's consent does not change (D34).
func (t *Table) updateKnown(claim mci.Claim) Write {
	return t.update(nominatedKey(claim.PartnerID, claim.Customer.ID),
		"SET pageKey = nameKey, knownSince = if_not_exists(knownSince, :now) ADD version :one", "attribute_exists(pk)",
		nil,
		Item{":now": text(claim.ConsentedAt.Format(time.RFC3339Nano)), ":one": version(1)})
}

// checkManaged relies on the customer being managed: mci.NotManaged if it is not (D9).
func (t *Table) checkManaged(customerID string) Write {
	key, err := encode(customerKey(customerID))
	check := &types.ConditionCheck{
		TableName: &t.name, Key: key, ConditionExpression: aws.String("managed = :yes"),
		ExpressionAttributeValues: Item{":yes": &types.AttributeValueMemberBOOL{Value: true}},
	}
	return Write{item: types.TransactWriteItem{ConditionCheck: check}, lost: mci.NotManaged, err: err}
}

// putHistory writes a change's events and their private details.
func (t *Table) putHistory(change mci.Change) []Write {
	var writes []Write
	for _, event := range change.Events {
		record := eventRecord{eventKey(change.After.ID, event.Seq), event}
		writes = append(writes, t.put(record, "attribute_not_exists(pk)", nil, ErrLostRace))
	}
	for _, private := range change.Private {
		record := privateRecord{privateKey(change.After.ID, private.Seq), private}
		writes = append(writes, t.put(record, "attribute_not_exists(pk)", nil, ErrLostRace))
	}
	return writes
}

// nominatedRecord is a nominated customer as the table holds it. NameKey is its place in the list of known customers,
// where it stands once it is known.
type nominatedRecord struct {
	Key
	NameKey string `json:"nameKey"`
	PageKey string `json:"pageKey,omitempty"`
	mci.NominatedCustomer
}

func newNominatedRecord(customer mci.NominatedCustomer) nominatedRecord {
	record := nominatedRecord{
		Key: nominatedKey(customer.PartnerID, customer.Customer.ID), NameKey: knownPages +
			CustomerPosition(customer.Customer),
		NominatedCustomer: customer,
	}
	if customer.Known() {
		record.PageKey = record.NameKey
	}
	return record
}
