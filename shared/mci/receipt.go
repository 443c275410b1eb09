package mci

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Decision is what the customer answered.
type Decision string

// The decisions of a customer.
const (
	DecisionAccepted Decision = "accepted"
	DecisionDeclined Decision = "declined"
)

// decisions are the customer's, by the event that records each.
var decisions = map[EventType]Decision{ConsentAccepted: DecisionAccepted, ConsentDeclined: DecisionDeclined}

// Receipt is the payload of a decision's signed record (D28): who asked, for what, what was shown word for word, what
// was answered and when, bound to the claim's history. It names no person.
type Receipt struct {
	Issuer        string          `json:"iss"` // scheme and host of the deployment that took the answer
	IssuedAt      int64           `json:"iat"` // Unix seconds
	ID            string          `json:"jti"` // the event's hash: no two decisions have the same
	ClaimID       ClaimID         `json:"claimId"`
	Decision      Decision        `json:"decision"`
	DecidedAt     time.Time       `json:"decidedAt"`
	Partner       ReceiptParty    `json:"partner"`
	Customer      CustomerSummary `json:"customer"`
	Engagement    ReceiptParty    `json:"engagement"`
	Language      string          `json:"language"`
	Statement     string          `json:"statement"` // the text that was shown
	StatementHash string          `json:"statementHash"`
	Event         ReceiptEvent    `json:"event"`
}

// ReceiptParty is a partner or an engagement, as a receipt names it.
type ReceiptParty struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ReceiptEvent is the decision's event. Its hashes bind the receipt to the decision and to everything before it (B1).
type ReceiptEvent struct {
	Seq          int    `json:"seq"`
	Hash         string `json:"hash"`
	PreviousHash string `json:"previousHash"`
}

// StatementHash is the SHA-256 of a statement, in hexadecimal: what the page's form carries (D27) and a receipt says.
func StatementHash(statement string) string {
	sum := sha256.Sum256([]byte(statement))
	return hex.EncodeToString(sum[:])
}

// NewReceipt makes the receipt of a decision from the claim, the decision's event, and the statement in the language in
// which the customer read it. Issuer is the deployment's scheme and host.
func NewReceipt(issuer string, claim Claim, event Event, language, statement string) Receipt {
	return Receipt{
		Issuer: issuer, IssuedAt: event.At.Unix(), ID: event.Hash,
		ClaimID: claim.ID, Decision: decisions[event.Type], DecidedAt: event.At,
		Partner:    ReceiptParty{claim.PartnerID, claim.PartnerName},
		Customer:   claim.Customer,
		Engagement: ReceiptParty{claim.EngagementID, claim.EngagementName},
		Language:   language, Statement: statement, StatementHash: StatementHash(statement),
		Event: ReceiptEvent{event.Seq, event.Hash, event.PreviousHash},
	}
}

// Check says what is wrong with the receipt by itself: what it lacks, or a statement that does not have its hash.
func (r Receipt) Check() error {
	fields := []struct {
		name  string
		given bool
	}{
		{"iss", r.Issuer != ""}, {"iat", r.IssuedAt > 0}, {"jti", r.ID != ""}, {"claimId", r.ClaimID != ""},
		{"decidedAt", !r.DecidedAt.IsZero()},
		{"partner.id", r.Partner.ID != ""}, {"partner.name", r.Partner.Name != ""},
		{"customer.id", r.Customer.ID != ""}, {"customer.name", r.Customer.Name != ""},
		{"engagement.id", r.Engagement.ID != ""}, {"engagement.name", r.Engagement.Name != ""},
		{"language", r.Language != ""}, {"statement", r.Statement != ""}, {"statementHash", r.StatementHash != ""},
		{"event.seq", r.Event.Seq > 0}, {"event.hash", r.Event.Hash != ""},
		{"event.previousHash", r.Event.PreviousHash != ""},
	}
	for _, field := range fields {
		if !field.given {
			return fmt.Errorf("it lacks %s", field.name)
		}
	}
	switch {
	case r.Decision != DecisionAccepted && r.Decision != DecisionDeclined:
		return errors.New("its decision is neither accepted nor declined")
	case r.StatementHash != StatementHash(r.Statement):
		return errors.New("its statement does not have the hash that it says")
	}
	return nil
}

// Proves says whether the receipt is that of the claim's decision, which the event records. What neither the event nor
// the claim holds, the statement and its language, is the receipt's own word.
func (r Receipt) Proves(claim Claim, event Event) bool {
	expected := NewReceipt(r.Issuer, claim, event, r.Language, r.Statement)
	return r.DecidedAt.Equal(expected.DecidedAt) && r.at(expected.DecidedAt) == expected && r.Check() == nil
}

// at gives the receipt with its instant in another form of the same instant, so that receipts can be compared.
func (r Receipt) at(instant time.Time) Receipt {
	r.DecidedAt = instant
	return r
}
