package mci

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// EventType says what happened to a claim.
type EventType string

// Every type of event.
const (
	ClaimAdded       EventType = "claim.added"
	ClaimClaimed     EventType = "claim.claimed"
	ConsentRequested EventType = "consent.requested"
	ConsentReminded  EventType = "consent.reminded"
	ConsentAccepted  EventType = "consent.accepted"
	ConsentDeclined  EventType = "consent.declined"
	ClaimSubmitted   EventType = "claim.submitted"
	ClaimReturned    EventType = "claim.returned"
	ClaimCompleted   EventType = "claim.completed"
	ClaimRejected    EventType = "claim.rejected"
	ClaimCancelled   EventType = "claim.cancelled"
	ClaimExpired     EventType = "claim.expired"
	EmailSent        EventType = "email.sent"
	EmailDelivered   EventType = "email.delivered"
	EmailBounced     EventType = "email.bounced"
	EmailComplained  EventType = "email.complained"
	ReferralCreated  EventType = "referral.created"
	ReferralUpgraded EventType = "referral.upgraded"
	ReferralClosed   EventType = "referral.closed"
)

// EventTypes lists every type of event.
var EventTypes = []EventType{
	ClaimAdded, ClaimClaimed, ConsentRequested, ConsentReminded, ConsentAccepted, ConsentDeclined, ClaimSubmitted,
	ClaimReturned, ClaimCompleted, ClaimRejected, ClaimCancelled, ClaimExpired, EmailSent, EmailDelivered, EmailBounced,
	EmailComplained, ReferralCreated, ReferralUpgraded, ReferralClosed,
}

// Actors that are no user of the portal. A user is named by the token's subject.
const (
	ActorCustomer = "customer"
	ActorSystem   = "system"
)

// Act is who does something and when: what every event of it says. Salt is fresh random bytes; it keeps the hashes of
// personal data from being guessed.
type Act struct {
	At    time.Time
	Actor string
	Salt  []byte
}

// Event is one entry of a claim's history (B1). Its hash covers all else in it and the hash before; Detail holds no
// personal data, only its salted hash, under "privateHash".
type Event struct {
	ClaimID      ClaimID           `json:"claimId"`
	PartnerID    string            `json:"partnerId"` // these three go with the event to whoever is told of it
	EngagementID string            `json:"engagementId"`
	CustomerID   string            `json:"customerId"`
	Seq          int               `json:"seq"` // from 1
	At           time.Time         `json:"at"`
	Actor        string            `json:"actor"`
	Type         EventType         `json:"type"`
	Detail       map[string]string `json:"detail"`
	PreviousHash string            `json:"previousHash"`
	Hash         string            `json:"hash"`
}

// firstPreviousHash stands before the first event.
var firstPreviousHash = strings.Repeat("0", 64)

// privateHash is the key of Detail that binds an event to its private detail.
const privateHash = "privateHash"

// Private is the personal data, and all else that people typed, of one event. It stands outside the chain, so that it
// can be erased and the chain stays whole; altering or removing it does not go unseen.
type Private struct {
	Seq      int               `json:"seq"`
	Salt     string            `json:"salt,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	ErasedAt *time.Time        `json:"erasedAt,omitempty"`
}

// Erased gives what is left of the private detail once the person's data is erased: that it was, and when.
func (p Private) Erased(now time.Time) Private { return Private{Seq: p.Seq, ErasedAt: &now} }

func (p Private) hash() string { return digest(p.Salt, p.Data) }

// digest is a SHA-256 over the JSON of its parts, whose form Go fixes: fields in order, maps by key.
func digest(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic("hashing an event: " + err.Error()) // strings, numbers and times always have a JSON form
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (e Event) hash() string {
	return digest(e.ClaimID, e.PartnerID, e.EngagementID, e.CustomerID, e.Seq, e.At.UTC().Format(time.RFC3339Nano), e.Actor, e.Type, e.Detail, e.PreviousHash)
}

// Change is a decision: a claim as it was and as it shall be, with the events that tell why. It is committed as a whole
// or not at all.
type Change struct {
	Before  *Claim // nil for a claim that is born
	After   Claim
	Events  []Event
	Private []Private
}

// Empty says that there is nothing to commit.
func (c Change) Empty() bool { return len(c.Events) == 0 && c.After.Version == 0 }

// move begins a change by an event that the state machine allows (D1); a claim that ends closes its referral (D9).
func (c Claim) move(act Act, event EventType, detail, private map[string]string) (Change, bool) {
	next, allowed := moves[c.Status][event]
	if !allowed {
		return Change{}, false
	}
	change := c.begin()
	change.After.Status = next
	change.record(act, event, detail, private)
	if next.Terminal() {
		change.After.EndedAt = &act.At
		if change.After.Referral != nil {
			status, substatus := change.After.referralStatus()
			change.record(act, ReferralClosed, map[string]string{"status": string(status), "substatus": substatus}, nil)
		}
	}
	return change, true
}

// begin starts a change of the claim.
func (c Claim) begin() Change {
	change := Change{Before: &c, After: c}
	change.After.Version++
	return change
}

// record appends an event to the change and to the claim's chain. Empty values are left out.
func (c *Change) record(act Act, event EventType, detail, private map[string]string) {
	detail, private = compact(detail), compact(private)
	claim := &c.After
	claim.Events++
	if len(private) > 0 {
		salt := digest(hex.EncodeToString(act.Salt), strconv.Itoa(claim.Events), string(claim.ID))
		kept := Private{Seq: claim.Events, Salt: salt, Data: private}
		detail[privateHash] = kept.hash()
		c.Private = append(c.Private, kept)
	}
	previous := claim.Head
	if previous == "" {
		previous = firstPreviousHash
	}
	recorded := Event{
		ClaimID: claim.ID, PartnerID: claim.PartnerID, EngagementID: claim.EngagementID, CustomerID: claim.Customer.ID,
		Seq: claim.Events, At: act.At, Actor: act.Actor, Type: event, Detail: detail, PreviousHash: previous,
	}
	recorded.Hash = recorded.hash()
	claim.Head = recorded.Hash
	c.Events = append(c.Events, recorded)
}

func compact(values map[string]string) map[string]string {
	kept := make(map[string]string, len(values)+1)
	maps.Copy(kept, values)
	maps.DeleteFunc(kept, func(_, value string) bool { return value == "" })
	return kept
}

// History is a claim's events and their private details, in order.
type History struct {
	Events  []Event
	Private []Private
}

// shown are the private details that people of the partner and of the program read with an event; whence and on what
// browser a customer answered are evidence, and nobody's to read here (D11).
var shown = []string{"reason", "notes"}

// Shown gives the detail of each event for a reader who may see what people typed.
func (h History) Shown(event Event) map[string]string {
	detail := maps.Clone(event.Detail)
	for _, private := range h.Private {
		if private.Seq != event.Seq {
			continue
		}
		for _, key := range shown {
			if text := private.Data[key]; text != "" {
				detail[key] = text
			}
		}
	}
	return detail
}

// Intact says whether the history is whole: as many events as the claim counts, each with the hash that its content has,
// each bound to the one before, the last one the claim's head; every private detail as its event's hash says, or erased;
// and the claim in the status to which the events lead (B1).
func (c Claim) Intact(h History) bool {
	private := make(map[int]Private, len(h.Private))
	for _, p := range h.Private {
		private[p.Seq] = p
	}
	if len(h.Events) != c.Events || len(private) != len(h.Private) {
		return false
	}
	previous, status := firstPreviousHash, ConsentNotSent
	for i, event := range h.Events {
		if event.ClaimID != c.ID || event.Seq != i+1 || event.PreviousHash != previous || event.Hash != event.hash() {
			return false
		}
		kept, found := private[event.Seq]
		if want := event.Detail[privateHash]; found != (want != "") || found && kept.ErasedAt == nil && kept.hash() != want {
			return false
		}
		delete(private, event.Seq)
		if next, moved := moves[status][event.Type]; moved {
			status = next
		}
		previous = event.Hash
	}
	return previous == c.Head && status == c.Status && len(private) == 0
}
