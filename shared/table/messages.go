package table

import (
	"context"
	"time"

	"mci.example/customers/shared/mci"
)

// Message is an email that SES took.
type Message struct {
	Key
	ClaimID    mci.ClaimID `json:"claimId"`
	TimeToLive int64       `json:"ttl"`
}

// PutMessage writes that SES took an email for the claim under that message ID.
func (t *Table) PutMessage(id string, claimID mci.ClaimID, now time.Time) []Write {
	return []Write{t.put(Message{messageKey(id), claimID, now.Add(messageLife).Unix()}, "", nil, nil)}
}

// Message returns the email of that message ID, and whether it is known. GetItem: 1 round trip, 1 unit.
func (t *Table) Message(ctx context.Context, id string) (Message, bool, error) {
	var message Message
	found, err := t.get(ctx, messageKey(id), &message)
	return message, found, err
}
