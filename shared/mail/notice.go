package mail

import (
	"fmt"
	"strings"
	"time"

	"mci.example/customers/shared/mci"
)

// Notice tells the partner's contact what happened to a claim (D29). It holds no data of any other person, but for the
// reason that the customer typed for the partner to read.
type Notice struct {
	Event          mci.EventType
	FriendlyName   string
	EngagementName string
	CustomerName   string
	ContactName    string // the partner's contact, who reads it
	Payout         mci.Money
	At             time.Time // of the event
	Deadline       time.Time // that the claim runs under now; the zero value where it runs under none
	Reason         string    // of declining, returning and rejecting
	Stop           bool      // with consent.declined: the customer shall not be asked again (D26)
	Link           string    // to the claim in the portal
}

// NoticeOf returns the notice of an event, as the claim stands now; publicURL is the portal's scheme and host. The
// caller adds the event's reason, and whether the customer said stop.
func NoticeOf(claim mci.Claim, event mci.EventType, at time.Time, publicURL string) Notice {
	notice := Notice{
		Event: event, FriendlyName: claim.FriendlyName, EngagementName: claim.EngagementName,
		CustomerName: claim.Customer.Name, ContactName: claim.PartnerContact.Name, Payout: claim.Payout, At: at,
		Link: strings.TrimSuffix(publicURL, "/") + "/portal/claims/" + string(claim.ID),
	}
	if due := claim.Due(); due != nil {
		notice.Deadline = *due
	}
	return notice
}

// Message returns the notice as an email in a language. It fails without a usable Link, for an event without a notice,
// and for a deadline that comes near without that Deadline.
func (n Notice) Message(l Locale) (Message, error) {
	letter, err := n.letter(l)
	if err != nil {
		return Message{}, err
	}
	return letter.message()
}

func (n Notice) letter(l Locale) (letter, error) {
	link, err := checkedLink(n.Link)
	if err != nil {
		return letter{}, err
	}
	w, err := newWriter(l)
	if err != nil {
		return letter{}, err
	}
	w.name(friendlyName, n.FriendlyName)
	w.name(engagement, n.EngagementName)
	w.name(customer, n.CustomerName)
	w.name(contact, n.ContactName)
	w.words(payout, w.Format.money(n.Payout))
	w.instant(happened, n.At)
	w.instant(deadline, n.Deadline)
	w.name(reason, n.Reason)
	texts, found := w.Notices[n.Event]
	if !found || texts.Subject.uses(deadline) && n.Deadline.IsZero() {
		return letter{}, fmt.Errorf("no notice of %s can be written", n.Event)
	}
	subject, text := w.fill(texts.Subject), w.fill(texts.Text)
	made := letter{
		writer: w, subject: subject, preview: text, heading: subject, greeting: w.greeting(),
		paragraphs: []phrase{text},
		rows:       w.rows(friendlyName, engagement, customer, happened, deadline, reason),
		button:     w.sentence("noticeButton"), link: link, why: w.sentence("noticeWhy"),
	}
	if n.Stop {
		made.paragraphs = append(made.paragraphs, w.sentence("noticeStop"))
	}
	if !texts.Next.uses(deadline) || !n.Deadline.IsZero() {
		made.paragraphs = append(made.paragraphs, w.fill(texts.Next))
	}
	return made, w.failure("a notice")
}
