package mci

import (
	"slices"
	"strconv"
	"time"
)

// EmailStatus is what became of the latest consent email to the customer's present address (D12).
type EmailStatus string

// The statuses of an email. It is "sent" until more is known.
const (
	EmailStatusSent       EmailStatus = "sent"
	EmailStatusDelivered  EmailStatus = "delivered"
	EmailStatusBounced    EmailStatus = "bounced"
	EmailStatusComplained EmailStatus = "complained"
)

// EmailStatuses lists them, from the least to the one that counts most.
var EmailStatuses = []EmailStatus{EmailStatusSent, EmailStatusDelivered, EmailStatusBounced, EmailStatusComplained}

// worse says whether a status counts over another: a late "delivered" never hides a bounce.
func (s EmailStatus) worse(than EmailStatus) bool {
	return slices.Index(EmailStatuses, s) > slices.Index(EmailStatuses, than)
}

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
	SentAt         *time.Time  `json:"sentAt,omitempty"`   // when SES took the email that Status speaks of
	BySystem       bool        `json:"bySystem,omitempty"` // that email was a reminder of the system (D30)

	// AddressHash is of the address that was asked, while there is no answer: mail is counted and stopped by it.
	AddressHash string `json:"addressHash,omitempty"`
}

// Sending is an email that was committed to and is not yet recorded as sent. Until its lease is over another request
// must wait; then it may be sent again, for the request that began it has crashed.
type Sending struct {
	Number int       `json:"number"` // of the event that asks for it
	Lease  time.Time `json:"lease"`
	Unsent bool      `json:"unsent,omitempty"` // the mail service said that it did not take it

	LinkHash string `json:"linkHash"` // of the link in it
	BySystem bool   `json:"bySystem,omitempty"`
}

// beingSent refuses to send while another does.
func (s Sending) beingSent(now time.Time) *Refusal {
	detail := "An email for this claim is being sent just now."
	return &Refusal{Code: TryAgain, Detail: detail, RetryAfter: s.Lease.Sub(now)}
}

// The bounds of sending.
const (
	MaxSendsADay = 10 // of one claim, in 24 hours (D21)
	SendingLease = 10 * time.Second
)

// recentSends gives the sends of the 24 hours before an instant (D21).
func (e Email) recentSends(now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(e.Sends), func(sent time.Time) bool { return now.Sub(sent) >= Days(1) })
}

// AwaitsConsent says that consent can be asked for: there is no answer yet.
func (c Claim) AwaitsConsent() bool { return c.Status == ConsentNotSent || c.Status == ConsentPending }

// SendsLeft is how many consent emails D21 leaves at an instant.
func (c Claim) SendsLeft(now time.Time) int {
	return max(0, MaxSendsADay-len(c.Email.recentSends(now)))
}

// ConsentRequest is what the partner gives when it asks the customer for consent. A reminder may give nothing.
type ConsentRequest struct {
	DealSize           *Money
	DisclaimerAccepted *bool
	DisclaimerVersion  string // that the partner read; "" where the request names none
	MismatchReason     string
	CustomerContact    *Contact
	PartnerContact     *Contact

	// What is known beside the request.
	CurrentDisclaimer string            // the version that is in force (D32)
	EmailDomain       DirectoryEntry    // of the corrected customer contact's address
	Location          Location          // the claim's
	LinkHash          string            // of the link in the email
	Shown             map[string]string // which text the email has, for the record
}

// CorrectedContacts gives the claim's contacts as the request leaves them.
func (c Claim) CorrectedContacts(request ConsentRequest) (customer, partner Contact) {
	customer, partner = c.CustomerContact, c.PartnerContact
	if request.CustomerContact != nil {
		customer = *request.CustomerContact
	}
	if request.PartnerContact != nil {
		partner = *request.PartnerContact
	}
	return customer, partner
}

// contactCheck is what the contacts of a request are judged by.
func (c Claim) contactCheck(request ConsentRequest) ContactCheck {
	customer, partner := c.CorrectedContacts(request)
	if request.CustomerContact != nil {
		c.EmailDomain = request.EmailDomain
	}
	return ContactCheck{
		CustomerID: c.Customer.ID, Nominated: c.Nominated, Domain: c.EmailDomain, Location: request.Location,
		Customer: customer, Partner: partner,
	}
}

// CheckContacts gives the mistakes in the contacts of a request (D23). Contacts that the request leaves as they are
// make no mistake.
func (c Claim) CheckContacts(request ConsentRequest) []Mistake {
	if request.CustomerContact == nil && request.PartnerContact == nil {
		return nil
	}
	return c.contactCheck(request).Mistakes()
}

// judgeRequest gives the refusals of asking for consent that a preview shares (D32): the claim's status, and contacts
// that need a reason. It gives the reason to keep.
func (c Claim) judgeRequest(request ConsentRequest) (mismatchReason string, err error) {
	if !c.AwaitsConsent() {
		return "", c.wrongStatus("consent can be asked for only while there is no answer.")
	}
	customer, partner := c.CorrectedContacts(request)
	sameCustomer := SameAddress(customer.Email, c.CustomerContact.Email)
	if sameCustomer && SameAddress(partner.Email, c.PartnerContact.Email) {
		return c.MismatchReason, nil // an unchanged address is not asked about again (D18)
	}
	mismatch := c.contactCheck(request).Mismatch()
	switch {
	case mismatch == "":
		return "", nil
	case request.MismatchReason != "":
		return request.MismatchReason, nil
	case sameCustomer && c.MismatchReason != "":
		return c.MismatchReason, nil
	}
	return "", Refuse(MismatchReasonRequired, mismatch)
}

// PreviewConsent refuses what asking for consent with these contacts would be refused for (D32); it does not judge deal
// size, disclaimer and bounds.
func (c Claim) PreviewConsent(request ConsentRequest) error {
	_, err := c.judgeRequest(request)
	return err
}

// RequestConsent decides to send the consent email, or a reminder (S21, S23, D9, D10, D21, D32). The email itself goes
// out after the commit, and EmailSent records it. Where an earlier attempt was cut short, the same email is sent again
// and nothing else changes.
func (c Claim) RequestConsent(act Act, request ConsentRequest, engagement Engagement) (Change, error) {
	first := c.Status == ConsentNotSent
	accepted := request.DisclaimerAccepted
	stale := request.DisclaimerVersion != "" && request.DisclaimerVersion != request.CurrentDisclaimer
	mismatchReason, err := c.judgeRequest(request)
	switch {
	case CodeOf(err) == WrongStatus:
		return Change{}, err
	case !first && request.DealSize != nil && !request.DealSize.Equal(*c.DealSize):
		return Change{}, Refuse(DealSizeImmutable,
			"The deal size was sent as "+c.DealSize.String()+" and cannot be changed.")
	case stale:
		return Change{}, Refuse(DisclaimerChanged,
			"The disclaimer has changed: read version "+request.CurrentDisclaimer+" and accept it.")
	case err != nil:
		return Change{}, err
	case first && accepted == nil, accepted != nil && !*accepted:
		return Change{}, Refuse(DisclaimerRequired,
			"Read the disclaimer and accept it: disclaimerAccepted must be true.")
	case first && request.DealSize == nil:
		return Change{}, Refuse(DealSizeRequired,
			"Give the deal size: the revenue expected in the first 12 months, in US dollars.")
	}
	pending := c.Email.Pending
	if pending != nil && act.At.Before(pending.Lease) {
		return Change{}, pending.beingSent(act.At)
	}

	change := c.begin()
	after := &change.After
	after.CustomerContact, after.PartnerContact = c.CorrectedContacts(request)
	after.MismatchReason = mismatchReason
	if request.CustomerContact != nil {
		after.EmailDomain = DirectoryEntry{Tenant: request.EmailDomain.Tenant, Customer: request.EmailDomain.Customer}
	}
	if !SameAddress(after.CustomerContact.Email, c.CustomerContact.Email) {
		after.Email.AddressVersion++
		after.Email.Status, after.Email.MessageID, after.Email.SentAt = "", "", nil
	}
	sameCustomer := after.CustomerContact.String() == c.CustomerContact.String()
	samePartner := after.PartnerContact.String() == c.PartnerContact.String()
	after.Corrected = c.Corrected || !sameCustomer || !samePartner || after.EmailDomain != c.EmailDomain ||
		after.MismatchReason != c.MismatchReason
	resumed := pending != nil && sameCustomer && samePartner && !first
	if !resumed || !pending.Unsent { // an email that may have gone out is one of the day's, too
		after.Email.Sends = c.Email.recentSends(act.At)
		if len(after.Email.Sends) >= MaxSendsADay {
			return Change{}, &Refusal{
				Code: TooManyRequests, Detail: "A claim's consent email can be sent ten times in 24 hours.",
				RetryAfter: after.Email.Sends[0].Add(Days(1)).Sub(act.At),
			}
		}
		after.Email.Sends = append(after.Email.Sends, act.At)
	}
	after.Email.AddressHash = AddressHash(after.CustomerContact.Email)
	number := c.Events + 1 // unique among this claim's emails: every new one records an event
	if resumed {
		number = pending.Number
	} else {
		c.recordRequest(&change, act, request, engagement)
	}
	after.Email.Pending = &Sending{Number: number, Lease: act.At.Add(SendingLease), LinkHash: request.LinkHash}
	return change, nil
}

// recordRequest records that consent was asked for, or the customer reminded, and creates the referral with the first
// email (S26, D9).
func (c Claim) recordRequest(change *Change, act Act, request ConsentRequest, engagement Engagement) {
	after := &change.After
	detail := map[string]string{
		"addressVersion": strconv.Itoa(after.Email.AddressVersion), "linkHash": request.LinkHash,
		"contactDomain": c.contactCheck(request).Findings(),
	}
	for key, value := range request.Shown {
		detail[key] = value
	}
	if request.DisclaimerAccepted != nil {
		detail["disclaimerVersion"] = request.CurrentDisclaimer
	}
	if c.Status == ConsentPending {
		change.record(act, ConsentReminded, detail, after.contactsAsked())
		return
	}
	after.Status, after.DealSize = moves[c.Status][ConsentRequested], request.DealSize
	after.setReminders(engagement, act.At)
	detail["dealSize"], detail["reminders"] = after.DealSize.String(), daysText(after.ReminderDays)
	change.record(act, ConsentRequested, detail, after.contactsAsked())
	if rule := engagement.Referral; rule != nil && !after.DealSize.Less(rule.MinDealSize) {
		after.Referral = &Referral{Type: PartnerLed, CreatedAt: act.At}
		created := map[string]string{"referralId": string(after.ReferralID()), "type": string(PartnerLed)}
		change.record(act, ReferralCreated, created, nil)
	}
}

// EmailSent records that SES took the pending email (D12). There is nothing to record for another email than the
// pending one, or once the claim has ended.
func (c Claim) EmailSent(act Act, number int, messageID string) (Change, bool) {
	if c.Email.Pending == nil || c.Email.Pending.Number != number || c.Status.Terminal() {
		return Change{}, false
	}
	change := c.begin()
	email := &change.After.Email
	email.Pending, email.Status, email.MessageID, email.SentAt = nil, EmailStatusSent, messageID, &act.At
	email.BySystem = c.Email.Pending.BySystem
	detail := map[string]string{
		"number": strconv.Itoa(number), "messageId": messageID, "linkHash": c.Email.Pending.LinkHash,
	}
	change.record(act, EmailSent, detail, nil)
	return change, true
}

// EmailFailed ends the lease of the pending email that could not be sent, so that the same request can be repeated at
// once. Unsent says that the mail service did not take it; without, it may have gone out, and a repetition counts as
// another (D21).
func (c Claim) EmailFailed(act Act, number int, unsent bool) (Change, bool) {
	if c.Email.Pending == nil || c.Email.Pending.Number != number || c.Status.Terminal() {
		return Change{}, false
	}
	change := c.begin()
	pending := *c.Email.Pending
	pending.Lease, pending.Unsent = act.At, unsent
	change.After.Email.Pending = &pending
	return change, true
}

// EmailFeedback records what SES told of an email (D12): of the latest to the present address alone, the worst counts,
// and an ended claim never changes.
func (c Claim) EmailFeedback(act Act, messageID string, status EmailStatus) (Change, bool) {
	if c.Status.Terminal() || messageID != c.Email.MessageID || !status.worse(c.Email.Status) {
		return Change{}, false
	}
	change := c.begin()
	change.After.Email.Status = status
	change.record(act, emailEvents[status], map[string]string{"messageId": messageID}, nil)
	return change, true
}

// Evidence is what goes with a customer's decision (D11, D28).
type Evidence struct {
	Reason   string            // a declining customer may give one
	Stop     bool              // a declining customer does not want to be asked by this partner again (D26)
	Shown    map[string]string // which text was shown: its hash and its language
	Address  string            // of the customer's connection
	Browser  string
	LinkHash string // of the link that was answered
}

// Decided says whether the customer has decided, and how; the first decision stands (D10).
func (c Claim) Decided() (accepted, decided bool) {
	return c.ConsentedAt != nil, c.ConsentedAt != nil || c.Status == Declined
}

// Sent says whether a link went out by email: its hash stands in the event of its email (B4).
func (h History) Sent(linkHash string) bool {
	return slices.ContainsFunc(h.Events, func(event Event) bool { return event.Detail["linkHash"] == linkHash })
}

// Decide records the customer's decision (S22, S24, S25, D10). It changes nothing where there is nothing to decide.
func (c Claim) Decide(act Act, decision Decision, evidence Evidence, engagement Engagement) (Change, bool) {
	detail := map[string]string{"linkHash": evidence.LinkHash}
	for key, value := range evidence.Shown {
		detail[key] = value
	}
	private := PrivateText{PartCustomer: {privateAddress: evidence.Address, privateBrowser: evidence.Browser}}
	event, due := ConsentDeclined, time.Time{}
	accept := decision == DecisionAccepted
	if accept {
		event, due = ConsentAccepted, c.promisedSubmissionDue(act.At)
		detail["submissionDue"] = instant(due)
		detail["reminders"] = daysText(engagement.reminderDays(Consented))
	} else {
		private[PartTyped] = map[string]string{privateReason: evidence.Reason}
		if evidence.Stop {
			detail["stop"] = "yes"
		}
	}
	change, moved := c.move(act, event, detail, private)
	if !moved {
		return Change{}, false
	}
	if accept {
		change.After.ConsentedAt, change.After.SubmissionDue = &act.At, &due
		change.After.setReminders(engagement, act.At)
	} else {
		change.After.DeclineReason, change.After.Stopped = evidence.Reason, evidence.Stop
	}
	return change, true
}
