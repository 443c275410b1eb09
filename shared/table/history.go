package table

import (
	"context"
	"maps"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// eventRecord is an event as the table holds it: with what the portal and CRMs are told of it, which is identifiers
// only.
type eventRecord struct {
	Key
	mci.Event
}

type privateRecord struct {
	Key
	mci.Private
}

// History returns a claim's events with their private details, in order, and the receipt of its decision. Query of the
// claim's history: 1 round trip; 1 unit per 4 KB.
func (t *Table) History(ctx context.Context, id mci.ClaimID) (mci.History, error) {
	items, _, err := t.query(ctx, span{partition: historyPK(id), from: eventPrefix, to: receiptSK})
	if err != nil {
		return mci.History{}, err
	}
	return historyOf(items), nil
}

// historyOf reads the items of a claim's history, in order.
func historyOf(items []Item) mci.History {
	var history mci.History
	for _, item := range items {
		switch sk := KeyOf(item).SK; {
		case strings.HasPrefix(sk, eventPrefix):
			var record eventRecord
			history.Altered = !asWritten(item, &record) || history.Altered
			history.Events = append(history.Events, record.Event)
		case strings.HasPrefix(sk, privatePrefix):
			var record privateRecord
			history.Altered = !asWritten(item, &record) || history.Altered
			history.Private = append(history.Private, record.Private)
		case sk == receiptSK:
			var record receiptRecord
			history.Altered = !asWritten(item, &record) || history.Altered
			history.Receipt = record.receipt()
		}
	}
	return history
}

// asWritten reads an item into a record, and says whether the record is all that the item holds. An item that was
// altered in the table may hold more than the record, or what the record cannot hold (B1).
func asWritten(item Item, record any) bool {
	if err := decode(item, record); err != nil {
		return false
	}
	again, err := encode(record)
	return err == nil && maps.EqualFunc(again, item, same)
}

// same says whether two values of an item are equal. Nearly all are texts or maps, which it compares by themselves.
func same(a, b types.AttributeValue) bool {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		b, isText := b.(*types.AttributeValueMemberS)
		return isText && a.Value == b.Value
	case *types.AttributeValueMemberM:
		b, isMap := b.(*types.AttributeValueMemberM)
		return isMap && maps.EqualFunc(a.Value, b.Value, same)
	}
	return reflect.DeepEqual(a, b)
}
