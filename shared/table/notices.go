package table

import (
	"context"
	"time"

	"mci.example/customers/shared/mci"
)

// noticeRecord is an email that follows from an event as the table holds it.
type noticeRecord struct {
	Key
	mci.Notice
	TimeToLive int64 `json:"ttl"`
}

// Recorded is an event with what telling people of it needs.
type Recorded struct {
	Claim   mci.Claim
	Event   mci.Event
	Shown   map[string]string // its detail, with what people typed
	Receipt string            // of the claim's decision, "" for none
	Notices map[mci.Recipient]mci.Notice
}

// Recorded returns a claim's event of that number, and false where there is none. BatchGetItem: 1 round trip; 1 unit
// each per 4 KB.
func (t *Table) Recorded(ctx context.Context, id mci.ClaimID, seq int) (Recorded, bool, error) {
	keys := []Key{
		eventKey(id, seq), privateKey(id, seq), receiptKey(id),
		noticeKey(id, seq, mci.RecipientCustomer), noticeKey(id, seq, mci.RecipientPartner),
	}
	items, err := t.getAll(ctx, append(claimKeys(id), keys...))
	if err != nil {
		return Recorded{}, false, err
	}
	claim, found, err := claimIn(items, id)
	if err != nil || !found || items[eventKey(id, seq)] == nil {
		return Recorded{}, false, err
	}
	recorded := Recorded{Claim: claim, Notices: map[mci.Recipient]mci.Notice{}}
	for _, recipient := range []mci.Recipient{mci.RecipientCustomer, mci.RecipientPartner} {
		var record noticeRecord
		if err := decode(items[noticeKey(id, seq, recipient)], &record); err != nil {
			return Recorded{}, false, err
		}
		recorded.Notices[recipient] = record.Notice
	}
	var history []Item
	for _, key := range keys[:3] {
		if items[key] != nil {
			history = append(history, items[key])
		}
	}
	h := historyOf(history)
	recorded.Event, recorded.Receipt = h.Events[0], h.Receipt
	recorded.Shown = h.Shown(recorded.Event)
	return recorded, true, nil
}

// PutNotice writes an email that follows from an event, whose version was loaded.
func (t *Table) PutNotice(event mci.Event, to mci.Recipient, loaded, after mci.Notice, now time.Time) []Write {
	record := noticeRecord{noticeKey(event.ClaimID, event.Seq, to), after, now.Add(noticeLife).Unix()}
	return []Write{t.putVersion(record, loaded.Version)}
}
