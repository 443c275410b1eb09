package mci

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// EmailStatus is what became of the latest consent email to the customer's present address (D12).
type EmailStatus string

// The statuses of an email, from best to worst but for the first.
const (
	EmailStatusSent       EmailStatus = "sent"
	EmailStatusDelivered  EmailStatus = "delivered"
	EmailStatusBounced    EmailStatus = "bounced"
	EmailStatusComplained EmailStatus = "complained"
)

// badness orders statuses: the worst counts, so a late "delivered" never hides a bounce.
var badness = []EmailStatus{"", EmailStatusSent, EmailStatusDelivered, EmailStatusBounced, EmailStatusComplained}

var emailEvents = map[EmailStatus]EventType{
	EmailStatusDelivered: EmailDelivered, EmailStatusBounced: EmailBounced, EmailStatusComplained: EmailComplained,
}

// Email is what a claim knows of its consent emails.
type Email struct {
	AddressVersion int         `json:"addressVersion"` // links sent to an earlier version of the address are void (D10)
	Sends          []time.Time `json:"sends"`          // in the latest 24 hours (D21)
	Pending        *Sending    `json:"pending,omitempty"`
	MessageID      string      `json:"messageId,omitempty"` // SES's, of the latest
	Status         EmailStatus `json:"status,omitempty"`
}

// Sending is an email that was committed to and is not yet recorded as sent. Until its lease is over another request
// must wait; then it may be sent again, for who began it has crashed.
type Sending struct {
	Number int       `json:"number"` // of this claim's emails, from 1
	Lease  time.Time `json:"lease"`
	Unsent bool      `json:"unsent,omitempty"` // the mail service said that it did not take it
}

// The bounds of sending.
const (
	MaxSendsADay = 10 // D21
	SendingLease = 10 * time.Second
)

// ConsentRequest is what the partner gives when it asks the customer for consent. A reminder may give nothing.
type ConsentRequest struct {
	DealSize           *Money
	DisclaimerAccepted *bool
	CustomerContact    *Contact
	PartnerContact     *Contact
	Evidence           map[string]string // what the email says, for the record
}

// RequestConsent decides to send the consent email, or a reminder (S21, S23, D9, D10, D21). The email itself goes out
// after the commit, and EmailSent records it; where an earlier attempt was cut short, the same email is sent again and
// nothing else changes.
func (c Claim) RequestConsent(act Act, request ConsentRequest, engagement Engagement) (Change, error) {
	first := c.Status == ConsentNotSent
	switch {
	case !first && c.Status != ConsentPending:
		return Change{}, c.wrongStatus("consent can be asked for only while there is no answer.")
	case !first && request.DealSize != nil && !request.DealSize.Equal(*c.DealSize):
		return Change{}, Refuse(DealSizeImmutable, "The deal size was sent as "+c.DealSize.String()+" and cannot be changed.")
	case first && request.DisclaimerAccepted == nil, request.DisclaimerAccepted != nil && !*request.DisclaimerAccepted:
		return Change{}, Refuse(DisclaimerRequired, "Read the disclaimer and accept it: disclaimerAccepted must be true.")
	case first && request.DealSize == nil:
		return Change{}, Refuse(DealSizeRequired, "Give the deal size: the revenue expected in the first 12 months, in US dollars.")
	}
	pending := c.Email.Pending
	if pending != nil && act.At.Before(pending.Lease) {
		return Change{}, &Refusal{Code: TryAgain, Detail: "An email for this claim is being sent just now.", RetryAfter: pending.Lease.Sub(act.At)}
	}

	change := c.begin()
	after := &change.After
	if request.PartnerContact != nil {
		after.PartnerContact = *request.PartnerContact
	}
	corrected := false
	if request.CustomerContact != nil {
		corrected = request.CustomerContact.Email != c.CustomerContact.Email
		after.CustomerContact = *request.CustomerContact
	}
	if corrected {
		after.Email.AddressVersion++
		after.Email.Status, after.Email.MessageID = "", ""
	}
	same := after.CustomerContact == c.CustomerContact && after.PartnerContact == c.PartnerContact
	resumed := pending != nil && same && !first
	if !resumed || !pending.Unsent { // an email that may have gone out is one of the day's, too
		after.Email.Sends = slices.DeleteFunc(slices.Clone(c.Email.Sends), func(sent time.Time) bool { return act.At.Sub(sent) >= Days(1) })
		if len(after.Email.Sends) >= MaxSendsADay {
			wait := after.Email.Sends[0].Add(Days(1)).Sub(act.At)
			return Change{}, &Refusal{Code: TooManyRequests, Detail: "A claim's consent email can be sent ten times in 24 hours.", RetryAfter: wait}
		}
		after.Email.Sends = append(after.Email.Sends, act.At)
	}
	number := c.Events + 1 // unique among this claim's emails: every new one records an event
	if resumed {
		number = pending.Number
	} else {
		c.requested(&change, act, request, engagement)
	}
	after.Email.Pending = &Sending{Number: number, Lease: act.At.Add(SendingLease)}
	return change, nil
}

// requested records that consent was asked for, or the customer reminded, and creates the referral with the first email
// (S26, D9).
func (c Claim) requested(change *Change, act Act, request ConsentRequest, engagement Engagement) {
	after := &change.After
	evidence := map[string]string{"customerContact": after.CustomerContact.String(), "partnerContact": after.PartnerContact.String()}
	maps.Copy(evidence, request.Evidence)
	if c.Status == ConsentPending {
		change.record(act, ConsentReminded, map[string]string{"addressVersion": strconv.Itoa(after.Email.AddressVersion)}, evidence)
		return
	}
	after.Status, after.DealSize = moves[c.Status][ConsentRequested], request.DealSize
	change.record(act, ConsentRequested, map[string]string{"dealSize": after.DealSize.String()}, evidence)
	if rule := engagement.Referral; rule != nil && !after.DealSize.Less(rule.MinDealSize) {
		after.Referral = &Referral{Type: PartnerLed, CreatedAt: act.At}
		change.record(act, ReferralCreated, map[string]string{"referralId": string(after.ReferralID()), "type": string(PartnerLed)}, nil)
	}
}

// EmailSent records that SES took the pending email (D12). There is nothing to record for another email than the pending
// one, or once the claim has ended.
func (c Claim) EmailSent(act Act, number int, messageID string) (Change, bool) {
	if c.Email.Pending == nil || c.Email.Pending.Number != number || c.Status.Terminal() {
		return Change{}, false
	}
	change := c.begin()
	change.After.Email.Pending = nil
	change.After.Email.Status, change.After.Email.MessageID = EmailStatusSent, messageID
	change.record(act, EmailSent, map[string]string{"number": strconv.Itoa(number), "messageId": messageID}, nil)
	return change, true
}

// EmailFailed ends the lease of the pending email that could not be sent, so that the same request can be repeated at once.
// Unsent says that the mail service did not take it; without, it may have gone out, and a repetition counts as another (D21).
func (c Claim) EmailFailed(act Act, number int, unsent bool) (Change, bool) {
	if c.Email.Pending == nil || c.Email.Pending.Number != number || c.Status.Terminal() {
		return Change{}, false
	}
	change := c.begin()
	change.After.Email.Pending = &Sending{Number: number, Lease: act.At, Unsent: unsent}
	return change, true
}

// EmailFeedback records what SES told of an email (D12): of the latest to the present address alone, the worst counts,
// and an ended claim never changes.
func (c Claim) EmailFeedback(act Act, messageID string, status EmailStatus) (Change, bool) {
	worse := slices.Index(badness, status) > slices.Index(badness, c.Email.Status)
	if c.Status.Terminal() || messageID != c.Email.MessageID || !worse {
		return Change{}, false
	}
	change := c.begin()
	change.After.Email.Status = status
	change.record(act, emailEvents[status], map[string]string{"messageId": messageID}, nil)
	return change, true
}

// Answer is a customer's decision with its evidence: when is the act's; whence, on what browser and to which text stand
// in Evidence (D11).
type Answer struct {
	Accept   bool
	Reason   string // a declining customer may give one
	Evidence map[string]string
}

// Answered says whether the customer has decided, and how; the first decision stands (D10).
func (c Claim) Answered() (accepted, answered bool) {
	return c.ConsentedAt != nil, c.ConsentedAt != nil || c.Status == Declined
}

// Decide records the customer's answer (S22, S24, S25, D10). It changes nothing where there is nothing to decide.
func (c Claim) Decide(act Act, answer Answer, engagement Engagement) (Change, bool) {
	event := map[bool]EventType{true: ConsentAccepted, false: ConsentDeclined}[answer.Accept]
	evidence := compact(answer.Evidence)
	if !answer.Accept && answer.Reason != "" {
		evidence["reason"] = answer.Reason
	}
	change, moved := c.move(act, event, nil, evidence)
	if !moved {
		return Change{}, false
	}
	if answer.Accept {
		due := act.At.Add(Days(engagement.SubmissionWindowDays))
		change.After.ConsentedAt, change.After.SubmissionDue = &act.At, &due
	} else {
		change.After.DeclineReason = answer.Reason
	}
	return change, true
}
