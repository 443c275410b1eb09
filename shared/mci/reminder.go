package mci

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file holds the rules of reminders: what time brings to a claim before its deadline (D30). The sweep adds the
// bounds of mail and the customer's "stop" (D25, D26); TellsPartner says which notices the partner's contact takes.

// reminderDays are the engagement's reminders of claims in a status.
func (e Engagement) reminderDays(status Status) []int {
	switch {
	case e.Reminders == nil:
		return nil
	case status == ConsentNotSent || status == ConsentPending:
		return e.Reminders.ConsentDays
	case status == Consented || status == ActionRequired:
		return e.Reminders.SubmissionDays
	}
	return nil
}

// daysText writes reminders as events' details hold them: "7 2".
func daysText(days []int) string { return strings.Trim(fmt.Sprint(days), "[]") }

// setReminders gives a claim that enters its status at an instant the reminders that the engagement has then. Those
// whose instant has passed by then are skipped.
func (c *Claim) setReminders(engagement Engagement, at time.Time) {
	c.ReminderDays = engagement.reminderDays(c.Status)
	c.RemindAt = c.nextReminder(at)
}

// nextReminder is the first instant of a reminder after an instant, nil where there is none.
func (c Claim) nextReminder(after time.Time) *time.Time {
	for _, days := range c.ReminderDays {
		if at := c.Due().Add(-Days(days)); at.After(after) {
			return &at
		}
	}
	return nil
}

// NextInstant is when time next does something to the claim: the instant of a reminder, or its deadline. It is nil
// where the claim runs under none.
func (c Claim) NextInstant() *time.Time {
	if c.RemindAt != nil {
		return c.RemindAt
	}
	return c.Due()
}

// reminderGap is the shortest time between two reminders of the system. Reminders of consecutive days are due a day
// apart, but the first may go out late.
const reminderGap = 12 * time.Hour

// remindable says whether the customer may be reminded at an instant, as far as the claim tells: the address neither
// bounced nor complained, and no consent email of this claim went, or may have gone, to it in the 24 hours before.
func (c Claim) remindable(now time.Time) bool {
	sent, bySystem := c.Email.SentAt, c.Email.BySystem
	if pending := c.Email.Pending; pending != nil && !pending.Unsent {
		sent, bySystem = &pending.Lease, pending.BySystem
	}
	gap := Days(1)
	if bySystem {
		gap = reminderGap
	}
	return c.emailMayGo() && (sent == nil || now.Sub(*sent) >= gap) && c.SendsLeft(now) > 0
}

// emailMayGo says whether the system may write to the customer who was asked.
func (c Claim) emailMayGo() bool {
	refused := c.Email.Status == EmailStatusBounced || c.Email.Status == EmailStatusComplained
	return c.Status == ConsentPending && !refused && c.Email.AddressHash != ""
}

func (c Claim) reminderPassed(now time.Time) bool {
	return c.RemindAt != nil && !now.Before(*c.RemindAt)
}

// dueSoonEvents are recorded at reminders of claims for which the partner is to act.
var dueSoonEvents = map[Status]EventType{
	ConsentNotSent: ConsentDueSoon, Consented: SubmissionDueSoon, ActionRequired: SubmissionDueSoon,
}

// Remind records what the instant of a reminder brings, once it has passed (D30). Of several that have passed only one
// counts. Without mailAllowed the customer is not reminded, and that reminder is left out for good: the change has no
// event. The email goes out after the commit, by SendReminder. There is nothing to record where no instant has passed.
func (c Claim) Remind(act Act, mailAllowed bool) (Change, bool) {
	if !c.reminderPassed(act.At) {
		return Change{}, false
	}
	change := c.begin()
	after := &change.After
	after.RemindAt = c.nextReminder(act.At)
	event, partners := dueSoonEvents[c.Status]
	switch {
	case partners:
		change.record(act, event, map[string]string{"due": instant(*c.Due())}, nil)
	case mailAllowed && c.remindable(act.At):
		after.Email.Sends = append(c.Email.recentSends(act.At), act.At)
		after.Email.Pending = &Sending{Number: c.Events + 1, Lease: act.At, Unsent: true}
		// It goes to the contacts that were asked last.
		change.record(act, ConsentReminded, map[string]string{"addressVersion": strconv.Itoa(c.Email.AddressVersion)},
			nil)
	}
	return change, true
}

// contactsAsked are the private details of an event that asks for consent.
func (c Claim) contactsAsked() PrivateText {
	return PrivateText{
		PartCustomer: {privateContact: c.CustomerContact.String()},
		PartPartner:  {privateContact: c.PartnerContact.String()},
		PartTyped:    {privateMismatchReason: c.MismatchReason},
	}
}

// SendReminder decides on sending the reminder that the event of that number recorded: it commits to it as
// RequestConsent does, under a lease and with a new link. Where it may not go any more it is left out for good, and
// sends is false. The change is empty where that email is not pending any more. SendReminder refuses while another
// sends it.
func (c Claim) SendReminder(act Act, number int, linkHash string, optedOut bool) (change Change, sends bool,
	err error) {
	pending := c.Email.Pending
	switch {
	case c.Status.Terminal() || pending == nil || pending.Number != number:
		return Change{}, false, nil
	case act.At.Before(pending.Lease):
		return Change{}, false, pending.beingSent(act.At)
	}
	change = c.begin()
	if !c.emailMayGo() || optedOut {
		change.After.Email.Pending = nil
		return change, false, nil
	}
	change.After.Email.Pending = &Sending{
		Number: number, Lease: act.At.Add(SendingLease), LinkHash: linkHash, BySystem: true,
	}
	return change, true, nil
}
