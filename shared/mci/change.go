package mci

import "reflect"

// Change is a decision: a claim as it was and as it shall be, the events that tell why, and what follows from it. It is
// committed as a whole or not at all.
type Change struct {
	Before      *Claim // nil for a claim that is born
	After       Claim
	Events      []Event
	Private     []Private
	Receipt     string // of the customer's decision (D28)
	ManagedOnly bool   // holds only while the customer is managed (D9)
}

// Empty says that there is nothing to commit.
func (c Change) Empty() bool { return len(c.Events) == 0 && c.After.Version == 0 }

// PlaceChange says what becomes of the claim's place under the limits (D4).
type PlaceChange int

// What can become of a place.
const (
	PlaceKept      PlaceChange = iota // as it was
	PlaceTaken                        // by a claim that is born
	PlaceMoved                        // to another deadline, or to consented: it must still be held at the commit
	PlaceFreed                        // the claim ended uncompleted; a rival may have taken the place over by then
	PlaceCompleted                    // it counts as completed from now on, and must still be held at the commit
)

// Place says what becomes of the claim's place.
func (c Change) Place() PlaceChange {
	switch {
	case c.Before == nil:
		return PlaceTaken
	case c.After.Status == Completed:
		return PlaceCompleted
	case c.After.Status.Terminal():
		return PlaceFreed
	case !reflect.DeepEqual(c.Before.Place(), c.After.Place()):
		return PlaceMoved
	}
	return PlaceKept
}

// BecameKnown says that the customer is known to the partner from this change on.
func (c Change) BecameKnown() bool {
	return c.Before != nil && c.Before.ConsentedAt == nil && c.After.ConsentedAt != nil
}

// begin starts a change of the claim.
func (c Claim) begin() Change {
	change := Change{Before: &c, After: c}
	change.After.Version++
	return change
}

// Touch changes nothing but the version: who decided by the claim as it was decides anew.
func (c Claim) Touch() Change { return c.begin() }

// move begins a change by an event that the state machine allows (D1). A claim that ends closes its referral (D9). It
// says whether the claim's status allows the event.
func (c Claim) move(act Act, event EventType, detail map[string]string, private PrivateText) (Change, bool) {
	next, allowed := moves[c.Status][event]
	if !allowed {
		return Change{}, false
	}
	change := c.begin()
	if next != c.Status {
		change.After.Status, change.After.ReminderDays, change.After.RemindAt = next, nil, nil
		change.After.Email.AddressHash = ""
	}
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

// typed is a private detail that holds one text that somebody typed.
func typed(key, text string) PrivateText { return PrivateText{PartTyped: {key: text}} }
