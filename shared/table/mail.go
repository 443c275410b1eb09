package table

import (
	"context"
	"time"

	"mci.example/customers/shared/mci"
)

// Link is a consent link of a claim: of the token only the hash is kept, in the key. It is void once the customer's
// address has been corrected (D10).
type Link struct {
	Key
	AddressVersion int   `json:"addressVersion"`
	TimeToLive     int64 `json:"ttl"`
}

// linkLife is how long a link tells what was decided, after it can decide nothing any more.
const linkLife = 400 * 24 * time.Hour

// NewLink writes a link by which the claim's customer can answer.
func (t *Table) NewLink(claim mci.Claim, tokenHash string) []Write {
	return []Write{t.put(Link{linkKey(claim.ID, tokenHash), claim.Email.AddressVersion, claim.ConsentDue.Add(linkLife).Unix()}, "", nil, nil)}
}

// messageLife is how long SES's word on an email is waited for.
const messageLife = 90 * 24 * time.Hour

// Message is an email that SES took.
type Message struct {
	Key
	ClaimID    mci.ClaimID `json:"claimId"`
	TimeToLive int64       `json:"ttl"`
}

// NewMessage writes that SES took an email for the claim under that message ID.
func (t *Table) NewMessage(id string, claimID mci.ClaimID, now time.Time) []Write {
	return []Write{t.put(Message{messageKey(id), claimID, now.Add(messageLife).Unix()}, "", nil, nil)}
}

// Message gives the email of that message ID, and whether it is known. GetItem: 1 round trip, 1 unit.
func (t *Table) Message(ctx context.Context, id string) (Message, bool, error) {
	var message Message
	found, err := t.get(ctx, messageKey(id), &message)
	return message, found, err
}
