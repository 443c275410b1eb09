package mci

import (
	"errors"
	"time"
)

// This file holds the rules of the emails that follow from events (D29).

// Recipient is whom an event is told to.
type Recipient string

// The recipients of emails that follow from events.
const (
	RecipientCustomer Recipient = "customer" // the receipt of the decision
	RecipientPartner  Recipient = "partner"  // a notice
)

// TellsCustomer says whether the customer gets an email of the event: the receipt of the decision.
func (c Claim) TellsCustomer(event Event) bool {
	decided := event.Type == ConsentAccepted || event.Type == ConsentDeclined
	return decided && c.CustomerContact != ErasedContact
}

// partnerNotices are the events of which the partner's contact is told.
var partnerNotices = map[EventType]bool{
	ConsentAccepted: true, ConsentDeclined: true, EmailBounced: true, EmailComplained: true, ClaimReturned: true,
	ClaimCompleted: true, ClaimRejected: true, ClaimExpired: true, ConsentDueSoon: true, SubmissionDueSoon: true,
}

// TellsPartner says whether the partner's contact gets an email of the event, as the claim stands now. That a deadline
// comes near is told only while it does.
func (c Claim) TellsPartner(event Event) bool {
	if dueSoon := event.Type == ConsentDueSoon || event.Type == SubmissionDueSoon; dueSoon {
		if dueSoonEvents[c.Status] != event.Type || event.Detail["due"] != instant(*c.Due()) {
			return false
		}
	}
	return partnerNotices[event.Type] && c.PartnerContact.TakesNotices()
}

// RemindsBySystem says whether the event is one for which the customer gets a consent email (D30).
func (e Event) RemindsBySystem() bool { return e.Type == ConsentReminded && e.Actor == ActorSystem }

// Notice is an email that follows from an event, to one recipient. An event told twice sends it once; a crash sends it
// at most once more.
type Notice struct {
	Lease   time.Time `json:"lease"` // until then nobody else sends it
	Tries   int       `json:"tries"` // how often it may have gone out
	Over    bool      `json:"over"`  // it was sent
	Version int       `json:"version"`
}

// maxNoticeTries is how often a notice may go out: once, and once more after a crash.
const maxNoticeTries = 2

// ErrTooManyTries says that a notice may have gone out as often as it may, and that nobody knows whether it did.
var ErrTooManyTries = errors.New("nobody knows whether the email went out, and it may not be tried again")

// Begin takes up the sending, under a lease. It returns false where there is nothing to send any more. It refuses while
// another sends, and with ErrTooManyTries.
func (n Notice) Begin(now time.Time) (Notice, bool, error) {
	switch {
	case n.Over:
		return n, false, nil
	case now.Before(n.Lease):
		return n, false, Sending{Lease: n.Lease}.beingSent(now)
	case n.Tries >= maxNoticeTries:
		return n, false, ErrTooManyTries
	}
	n.Lease = now.Add(SendingLease)
	n.Tries++
	n.Version++
	return n, true, nil
}

// Sent is the notice once the mail service took it.
func (n Notice) Sent() Notice {
	n.Over = true
	n.Version++
	return n
}

// Failed ends the lease for another try at once. Unsent says that the mail service did not take the email; without, it
// may have gone out.
func (n Notice) Failed(now time.Time, unsent bool) Notice {
	n.Lease = now
	n.Version++
	if unsent {
		n.Tries--
	}
	return n
}
