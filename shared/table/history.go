package table

import (
	"context"
	"strings"

	"mci.example/customers/shared/mci"
)

// eventRecord is an event as the table holds it: with what the portal and CRMs are told of it, which is identifiers only.
type eventRecord struct {
	Key
	mci.Event
}

type privateRecord struct {
	Key
	mci.Private
}

// History gives a claim's events with their private details, in order. Query of the claim's history: 1 round trip; 1 unit
// per 4 KB.
func (t *Table) History(ctx context.Context, id mci.ClaimID) (mci.History, error) {
	items, _, err := t.query(ctx, span{partition: historyPK(id), from: eventPrefix, to: privatePrefix + last})
	if err != nil {
		return mci.History{}, err
	}
	return historyOf(items)
}

// historyOf reads the items of a claim's history, in order.
func historyOf(items []Item) (mci.History, error) {
	var history mci.History
	for _, item := range items {
		var key Key
		if err := decode(item, &key); err != nil {
			return mci.History{}, err
		}
		switch {
		case strings.HasPrefix(key.SK, eventPrefix):
			var record eventRecord
			if err := decode(item, &record); err != nil {
				return mci.History{}, err
			}
			history.Events = append(history.Events, record.Event)
		case strings.HasPrefix(key.SK, privatePrefix):
			var record privateRecord
			if err := decode(item, &record); err != nil {
				return mci.History{}, err
			}
			history.Private = append(history.Private, record.Private)
		}
	}
	return history, nil
}
