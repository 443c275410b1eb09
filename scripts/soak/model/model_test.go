package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// This file is the model: what the system must say, told from the specification alone, in the simplest way that is
// right. It keeps one list of claims, and counts whatever it is asked for anew each time.

const day = 24 * time.Hour

// engagement is as the program's file says.
type engagement struct {
	id              string
	types           []string
	variable        bool
	exclusive       bool
	active, allowed int
	consent, submit int // days
	resubmit        int
	referralFrom    int // dollars, -1 for no referrals
	coSellFrom      int // dollars, -1 for no co-sell
	managedOnly     bool
	reminders       []int // days before either deadline, falling
}

// opportunitiesOnly says that the engagement takes MSX opportunity IDs only.
func (e *engagement) opportunitiesOnly() bool { return e.variable }

type customer struct {
	id, name, email string
	ids             map[string]string // by type
	eligible        map[string]bool   // by engagement and type
	managed         bool
}

// nominatedID is an ID by which a partner nominated a customer.
type nominatedID struct {
	kind     string
	byDomain bool
}

type partner struct {
	id, location, user, token, seller string
	known                             map[*customer]bool
	nominated                         map[*customer][]nominatedID
}

// link is one that was emailed.
type link struct {
	path    string
	address int // the how many-th address it went to
}

type claim struct {
	id            string
	birth         int // the how many-th; claims that were born at once share it
	submission    int // the how many-th, once it was submitted
	partner       *partner
	customer      *customer
	engagement    *engagement
	wasKnown      bool
	status        string // as if no deadline had passed
	consentDue    time.Time
	consented     bool
	submissionDue time.Time
	deal          int // dollars, -1 before the first request
	referral      string
	address       int
	links         []link
	message       string // SES's ID of the latest email to the present address
	email         string // what became of it
	sends         []time.Time
	sentAt        time.Time // the latest of them
	bySystem      bool      // which was a reminder of the system
	remindedTo    time.Time // reminders whose instant is not later are over
	reminders     int       // how many were recorded
}

// due is the deadline that the claim runs under while it is not over.
func (c *claim) due() time.Time {
	if c.consented {
		return c.submissionDue
	}
	return c.consentDue
}

// enters has the claim come into a status at an instant: reminders of before are skipped.
func (c *claim) enters(status string, now time.Time) { c.status, c.remindedTo = status, now }

// instants are those of the claim's reminders in the status that it has.
func (c *claim) instants(now time.Time) []time.Time {
	if status := c.at(now); over(status) || status == "submitted" {
		return nil
	}
	var instants []time.Time
	for _, days := range c.engagement.reminders {
		instants = append(instants, c.due().Add(-time.Duration(days)*day))
	}
	return instants
}

// remind says what a sweep records of the claim's reminders (D30), of several that have passed one: "" for nothing.
func (c *claim) remind(now time.Time) string {
	passed := slices.ContainsFunc(c.instants(now), func(at time.Time) bool {
		return at.After(c.remindedTo) && !at.After(now)
	})
	if !passed {
		return ""
	}
	c.remindedTo = now
	switch c.status {
	case "consent-not-sent":
		return "consent.due-soon"
	case "consented", "action-required":
		return "submission.due-soon"
	}
	gap := day
	if c.bySystem {
		gap = day / 2
	}
	recent := 0
	for _, sent := range c.sends {
		if now.Sub(sent) < day {
			recent++
		}
	}
	if c.email == "bounced" || c.email == "complained" || now.Sub(c.sentAt) < gap || recent >= 10 {
		return "" // for good
	}
	return "consent.reminded"
}

// badness orders what becomes of an email: the worst counts.
var badness = []string{"", "sent", "delivered", "bounced", "complained"}

// at is the claim's status at an instant: a deadline that has passed ends it.
func (c *claim) at(now time.Time) string {
	switch c.status {
	case "consent-not-sent", "consent-pending":
		if !now.Before(c.consentDue) {
			return "expired"
		}
	case "consented", "action-required":
		if !now.Before(c.submissionDue) {
			return "expired"
		}
	}
	return c.status
}

func over(status string) bool {
	return slices.Contains([]string{"completed", "rejected", "declined", "cancelled", "expired"}, status)
}

// hidden says that no tab of the Customers page shows the claim (S24).
func (c *claim) hidden(now time.Time) bool {
	status := c.at(now)
	return !c.wasKnown && (status == "declined" || status == "expired" && !c.consented)
}

// referralState is the referral's status, with its substatus.
func (c *claim) referralState(now time.Time) string {
	switch status := c.at(now); {
	case status == "completed":
		return "closed/won"
	case status == "rejected" || status == "cancelled":
		return "closed/lost"
	case over(status):
		return "closed/" + status
	case c.consented:
		return "active"
	}
	return "new"
}

var actions = map[string]string{
	"consent-not-sent": "send-consent cancel-claim", "consent-pending": "resend-consent cancel-claim",
	"consented": "submit-claim cancel-claim", "action-required": "submit-claim cancel-claim",
}

// world is the model's state.
type world struct {
	partners    []*partner
	customers   []*customer
	engagements []*engagement
	claims      []*claim
	births      int
	submissions int
}

// find gives the claim of that ID, nil where it is none of this world's.
func (w *world) find(id string) *claim {
	for _, c := range w.claims {
		if c.id == id {
			return c
		}
	}
	return nil
}

// open lists claims of the customer on the engagement that are open.
func (w *world) open(c *customer, e *engagement, now time.Time) []*claim {
	var open []*claim
	for _, claim := range w.claims {
		if claim.customer == c && claim.engagement == e && !over(claim.at(now)) {
			open = append(open, claim)
		}
	}
	return open
}

func (w *world) own(p *partner, c *customer, e *engagement, now time.Time) *claim {
	for _, claim := range w.open(c, e, now) {
		if claim.partner == p {
			return claim
		}
	}
	return nil
}

func (w *world) completed(c *customer, e *engagement) []*claim {
	var completed []*claim
	for _, claim := range w.claims {
		if claim.customer == c && claim.engagement == e && claim.status == "completed" {
			completed = append(completed, claim)
		}
	}
	return completed
}

// refusals are the reasons why a partner's nomination by an ID is refused; hours below 0 were not given.
func (w *world) refusals(p *partner, c *customer, e *engagement, id nominatedID, hours int, now time.Time) []string {
	var reasons []string
	accepted := slices.Contains(e.types, id.kind) || id.byDomain && slices.Contains(e.types, "domain")
	switch {
	case !accepted:
		reasons = append(reasons, "id-type-not-accepted")
	case !c.eligible[e.id+" "+id.kind]:
		reasons = append(reasons, "criteria-not-met")
	}
	if e.variable && hours >= 0 && (hours < 10 || hours > 100) {
		reasons = append(reasons, "hours-out-of-range")
	}
	if w.own(p, c, e, now) != nil {
		reasons = append(reasons, "claim-exists")
	}
	return append(reasons, w.places(p, c, e, now)...)
}

// places are the reasons why other claims leave a partner no place, whatever the ID.
func (w *world) places(p *partner, c *customer, e *engagement, now time.Time) (reasons []string) {
	open, completed := w.open(c, e, now), w.completed(c, e)
	if len(open) >= e.active {
		reasons = append(reasons, "active-limit-reached")
	}
	if len(open)+len(completed) >= e.allowed {
		reasons = append(reasons, "allowed-limit-reached")
	}
	engaged, consented := false, false
	for _, other := range append(slices.Clone(open), completed...) {
		if e.exclusive && other.partner != p {
			engaged = true
			consented = consented || other.consented
		}
	}
	if consented {
		reasons = append(reasons, "consented-to-another-partner")
	}
	if engaged {
		reasons = append(reasons, "engaged-with-another-partner")
	}
	return reasons
}

// choose finds the first ID that is not refused, or the reasons of all.
func (w *world) choose(p *partner, c *customer, e *engagement, ids []nominatedID, hours int,
	now time.Time) (chosen nominatedID, reasons []string) {
	for _, id := range ids {
		refused := w.refusals(p, c, e, id, hours, now)
		if len(refused) == 0 {
			return id, nil
		}
		reasons = append(reasons, refused...)
	}
	return nominatedID{}, reasons
}

// set writes reasons as a set.
func set(reasons []string) string {
	reasons = slices.Clone(reasons)
	slices.Sort(reasons)
	return strings.Join(slices.Compact(reasons), " ")
}

// nominate says how a nomination is answered: "" if claims are born of it.
func (w *world) nominate(p *partner, c *customer, engagements []*engagement, ids []nominatedID, hours int,
	now time.Time) (code string, chosen []nominatedID, ineligible map[string]string) {
	variable := false
	for _, e := range engagements {
		variable = variable || e.variable
		if w.own(p, c, e, now) != nil {
			return "claim-exists", nil, nil
		}
	}
	if variable && len(engagements) > 1 {
		return "single-engagement-only", nil, nil
	}
	if variable && hours < 0 {
		return "hours-required", nil, nil
	}
	ineligible = map[string]string{}
	for _, e := range engagements {
		id, reasons := w.choose(p, c, e, ids, hours, now)
		if len(reasons) > 0 {
			ineligible[e.id] = set(reasons)
		}
		chosen = append(chosen, id)
	}
	if len(ineligible) > 0 {
		return "not-eligible", nil, ineligible
	}
	return "", chosen, nil
}

// remember keeps the ID by which a partner nominated a customer.
func (p *partner) remember(c *customer, id nominatedID) {
	for i := range p.nominated[c] {
		if p.nominated[c][i].kind == id.kind {
			p.nominated[c][i].byDomain = p.nominated[c][i].byDomain || id.byDomain
			return
		}
	}
	p.nominated[c] = append(p.nominated[c], id)
}

// coSells says whether the claim's referral qualifies for co-sell.
func (c *claim) coSells(now time.Time) bool {
	e := c.engagement
	return c.consented && !over(c.at(now)) && e.coSellFrom >= 0 && c.deal >= e.coSellFrom &&
		(c.customer.managed || !e.managedOnly)
}

// page gives the rows of a tab, each as one line, in the order of the page.
func (w *world) page(p *partner, e *engagement, tab string, now time.Time) []string {
	type row struct {
		name, id string
		order    int
		text     string
	}
	var rows []row
	for i, claim := range w.claims {
		if claim.partner != p || claim.engagement != e {
			continue
		}
		status := claim.at(now)
		switch {
		case tab == "eligible" && !over(status):
			text := fmt.Sprintf("%s claim %s %s known %t: %s", claim.customer.id, claim.id, status,
				p.known[claim.customer], actions[status])
			rows = append(rows, row{claim.customer.name, claim.customer.id, i, text})
		case tab == "complete" && over(status) && !claim.hidden(now):
			rows = append(rows, row{claim.customer.name, claim.customer.id, i, fmt.Sprintf("%s claim %s %s",
				claim.customer.id, claim.id, status)})
		}
	}
	for _, c := range w.customers {
		if !p.known[c] || w.own(p, c, e, now) != nil {
			continue
		}
		var reasons []string
		if !e.opportunitiesOnly() {
			_, reasons = w.choose(p, c, e, p.nominated[c], -1, now)
		}
		switch {
		case tab == "eligible" && len(reasons) == 0:
			action := "claim-customer"
			if e.opportunitiesOnly() && len(w.places(p, c, e, now)) > 0 {
				action = "" // the row stands there all the same
			}
			rows = append(rows, row{c.name, c.id, 0, fmt.Sprintf("%s known true: %s", c.id, action)})
		case tab == "ineligible" && len(reasons) > 0:
			rows = append(rows, row{c.name, c.id, 0, fmt.Sprintf("%s: %s", c.id, set(reasons))})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.id, b.id), a.order-b.order)
	})
	var lines []string
	for _, row := range rows {
		lines = append(lines, row.text)
	}
	return lines
}
