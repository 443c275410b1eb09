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
	ClaimAdded        EventType = "claim.added"
	ClaimClaimed      EventType = "claim.claimed"
	ConsentRequested  EventType = "consent.requested"
	ConsentReminded   EventType = "consent.reminded"
	ConsentAccepted   EventType = "consent.accepted"
	ConsentDeclined   EventType = "consent.declined"
	ClaimSubmitted    EventType = "claim.submitted"
	ClaimReturned     EventType = "claim.returned"
	ClaimCompleted    EventType = "claim.completed"
	ClaimRejected     EventType = "claim.rejected"
	ClaimCancelled    EventType = "claim.cancelled"
	ClaimExpired      EventType = "claim.expired"
	EmailSent         EventType = "email.sent"
	EmailDelivered    EventType = "email.delivered"
	EmailBounced      EventType = "email.bounced"
	EmailComplained   EventType = "email.complained"
	ReferralCreated   EventType = "referral.created"
	ReferralUpgraded  EventType = "referral.upgraded"
	ReferralClosed    EventType = "referral.closed"
	ConsentDueSoon    EventType = "consent.due-soon"
	SubmissionDueSoon EventType = "submission.due-soon"
)

// EventTypes lists every type of event.
var EventTypes = []EventType{
	ClaimAdded, ClaimClaimed, ConsentRequested, ConsentReminded, ConsentAccepted, ConsentDeclined, ClaimSubmitted,
	ClaimReturned, ClaimCompleted, ClaimRejected, ClaimCancelled, ClaimExpired, EmailSent, EmailDelivered, EmailBounced,
	EmailComplained, ReferralCreated, ReferralUpgraded, ReferralClosed, ConsentDueSoon, SubmissionDueSoon,
}

// OfReferral says that the event tells of the claim's referral.
func (t EventType) OfReferral() bool {
	return t == ReferralCreated || t == ReferralUpgraded || t == ReferralClosed
}

// Actors that are no user of the portal. A user is named by the token's subject.
const (
	ActorCustomer = "customer"
	ActorSystem   = "system"
)

// Act is who does something and when: every event of it says so. Salt is fresh random bytes; it keeps the hashes of
// personal data from being guessed. Addresses are the network addresses that a user acted from (D24).
type Act struct {
	At        time.Time
	Actor     string
	Salt      []byte
	Addresses []string
}

// Event is one entry of a claim's history (B1). Its hash covers all else in it and the hash before. Detail holds no
// personal data, only the salted hash of each part of it.
type Event struct {
	ClaimID      ClaimID           `json:"claimId"`
	PartnerID    string            `json:"partnerId"` // these three tell whoever receives the event what it is about
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

// Part names whose personal data a private detail holds. Each part is erased by itself, and the evidence of the others
// stays.
type Part string

// The parts of a private detail.
const (
	PartCustomer Part = "customer" // the customer's contact, and where the answer came from
	PartPartner  Part = "partner"  // the partner's contact
	PartUser     Part = "user"     // where the partner's user acted from
	PartTyped    Part = "typed"    // names, reasons and notes that people typed
)

// Parts lists every part, in the order in which they are hashed.
var Parts = []Part{PartCustomer, PartPartner, PartUser, PartTyped}

// hashKey is the key of an event's detail that binds it to the part.
func (p Part) hashKey() string { return string(p) + "Hash" }

// Keys of the private details.
const (
	privateContact        = "contact"
	privateAddress        = "address"
	privateAddresses      = "addresses"
	privateBrowser        = "browser"
	privateReason         = "reason"
	privateNotes          = "notes"
	privateFriendlyName   = "friendlyName"
	privateMismatchReason = "mismatchReason"
)

// PrivateText is personal data, or text that people typed, by part.
type PrivateText map[Part]map[string]string

// Private is the private detail of one event. It stands outside the chain, so that it can be erased and the chain stays
// whole; altering or removing it breaks the hash that the event keeps of it (B1).
type Private struct {
	Seq   int                   `json:"seq"`
	Parts map[Part]*PrivatePart `json:"parts"`
}

// PrivatePart is one part of a private detail. An erased one holds nothing but the instant of its erasure.
type PrivatePart struct {
	Salt     string            `json:"salt,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	ErasedAt *time.Time        `json:"erasedAt,omitempty"`
}

func (p PrivatePart) hash() string { return digest(p.Salt, p.Data) }

// intact says whether the part is what its event's hash vouches for, or erased to nothing.
func (p PrivatePart) intact(want string) bool {
	if p.ErasedAt != nil {
		return p.Salt == "" && len(p.Data) == 0
	}
	return p.hash() == want
}

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
	at := e.At.UTC().Format(time.RFC3339Nano)
	return digest(e.ClaimID, e.PartnerID, e.EngagementID, e.CustomerID, e.Seq, at, e.Actor, e.Type, e.Detail,
		e.PreviousHash)
}

// record appends an event to the change and to the claim's chain. Empty values are left out.
func (c *Change) record(act Act, event EventType, detail map[string]string, private PrivateText) {
	detail = withoutEmpty(detail)
	claim := &c.After
	claim.Events++
	kept := Private{Seq: claim.Events, Parts: map[Part]*PrivatePart{}}
	for _, part := range Parts {
		data := withoutEmpty(private[part])
		if part == PartUser && len(c.Events) == 0 { // an act is kept with its first event
			data = withoutEmpty(map[string]string{privateAddresses: strings.Join(act.Addresses, " ")})
		}
		if len(data) == 0 {
			continue
		}
		salt := digest(hex.EncodeToString(act.Salt), strconv.Itoa(claim.Events), string(part), string(claim.ID))
		kept.Parts[part] = &PrivatePart{Salt: salt, Data: data}
		detail[part.hashKey()] = kept.Parts[part].hash()
	}
	if len(kept.Parts) > 0 {
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

// withoutEmpty copies the values that are not empty.
func withoutEmpty(values map[string]string) map[string]string {
	kept := make(map[string]string, len(values)+len(Parts))
	maps.Copy(kept, values)
	maps.DeleteFunc(kept, func(_, value string) bool { return value == "" })
	return kept
}

// History is a claim's events and their private details, in order.
type History struct {
	Events  []Event
	Private []Private
	Receipt string // of the customer's decision, a compact JWS; "" for none
	Altered bool   // an item of it is not as it was written
}

// private gives the data of one part of an event's private detail; nil where there is none, or it was erased.
func (h History) private(seq int, part Part) map[string]string {
	for _, private := range h.Private {
		if private.Seq == seq && private.Parts[part] != nil {
			return private.Parts[part].Data
		}
	}
	return nil
}

// shown are the typed details that people of the partner and of the program read with an event. Where a customer
// answered from is evidence, and nobody reads it here (D11).
var shown = []string{privateReason, privateNotes}

// Shown gives the detail of an event for a reader who may see what people typed.
func (h History) Shown(event Event) map[string]string {
	detail := maps.Clone(event.Detail)
	typed := h.private(event.Seq, PartTyped)
	for _, key := range shown {
		if text := typed[key]; text != "" {
			detail[key] = text
		}
	}
	return detail
}
