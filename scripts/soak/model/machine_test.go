// Package model drives the whole system at random, as several partners, their customers and the program do while the
// clock moves on, and holds every answer against a small model of the specification.
package model

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.checks": "12", "rapid.steps": "60",
		"rapid.shrinktime": "2m"} {
		if given := flag.Lookup(name); given.Value.String() != given.DefValue {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err) // the flags are rapid's own
		}
	}
	localtest.Main(m, func(config *cloud.Config) { config.Output = io.Discard })
}

// TestTheSystemDoesAsTheModelSays prints the seed and the shortest sequence that fails; -rapid.seed runs it again.
func TestTheSystemDoesAsTheModelSays(t *testing.T) {
	limit, long := soak.Long()
	for began := time.Now(); ; {
		rapid.Check(t, func(rt *rapid.T) {
			m := newMachine(t, rt)
			rt.Repeat(map[string]func(*rapid.T){"": func(*rapid.T) {}, "next": m.next})
			m.everything(rt)
			m.audit(rt)
		})
		if !long || t.Failed() || time.Since(began) > limit {
			break
		}
	}
	soak.Audit(t)
}

// machine is the system beside its model.
type machine struct {
	world
	t       *testing.T
	program string
	field   string
	kept    []kept
}

// kept is a request that succeeded by an Idempotency-Key.
type kept struct {
	path, token, key string
	body             story.Object
	at               time.Time
	answer           localtest.Response
}

func newMachine(t *testing.T, rt *rapid.T) *machine {
	m := &machine{t: t, program: story.Program(t), field: localtest.Token(t, "", story.Name("seller"), mci.FieldSeller)}
	for _, p := range story.NewPartners(t, 3) {
		m.partners = append(m.partners, &partner{
			id: p.ID, location: p.Location, user: p.User, token: p.Token, seller: localtest.Token(t, p.ID, p.User,
				mci.ReferralAdmin),
			known: map[*customer]bool{}, nominated: map[*customer][]nominatedID{},
		})
	}
	m.engagements = []*engagement{
		{types: []string{"domain", "tpid"}, active: 2, allowed: 3, consent: 10, submit: 20, resubmit: 25,
			referralFrom: 1000, coSellFrom: 50000, managedOnly: true, reminders: []int{9, 8, 5, 2}},
		{types: []string{"tenant-id", "tpid"}, exclusive: true, active: 5, allowed: 5, consent: 5, submit: 8,
			resubmit: 3, referralFrom: -1, coSellFrom: -1, reminders: []int{2, 1}},
		{types: []string{"msx-opportunity-id"}, variable: true, active: 1, allowed: 1, consent: 7, submit: 7,
			resubmit: 7, referralFrom: 0, coSellFrom: 0},
	}
	data := importer.Data{}
	for _, e := range m.engagements {
		e.id = story.Name("engagement")
		data.Add("engagements.json", rulesOf(e))
	}
	names := []string{"contoso ltd", "Contoso"} // few, so that they meet often
	// One draw decides who is eligible at the beginning: rapid, which tries to do without each draw, comes to the steps
	// sooner.
	eligibility := rand.New(rand.NewPCG(uint64(draw(rt, "eligibility", 4096)), 0))
	for i, c := range story.NewCustomers(t, names) {
		made := &customer{id: c.ID, name: strings.ToLower(names[i]), email: c.Email, managed: true,
			eligible: map[string]bool{}, ids: map[string]string{
				"domain": c.Domain, "tenant-id": c.Tenant, "tpid": c.TPID, "msx-opportunity-id": c.Opportunity,
			}}
		m.customers = append(m.customers, made)
		for _, e := range m.engagements {
			for _, kind := range []string{"tenant-id", "tpid", "msx-opportunity-id"} {
				eligible := eligibility.IntN(8) > 0
				made.eligible[e.id+" "+kind] = eligible
				data.Add("eligibility.csv", e.id, kind, made.ids[kind], eligible, "")
			}
		}
	}
	localtest.Load(t, data)
	return m
}

// rulesOf is the engagement as engagements.json has it.
func rulesOf(e *engagement) story.Object {
	dollars := func(n int) string { return strconv.Itoa(n) + ".00" }
	rules := story.Object{
		"id": e.id, "name": "Assessment", "solutionArea": "Infrastructure", "description": "An assessment.",
		"payType":         "fixed",
		"customerIdTypes": e.types, "startsOn": "2020-01-01", "endsOn": "2999-12-31", "consentWindowDays": e.consent,
		"submissionWindowDays": e.submit, "resubmissionWindowDays": e.resubmit,
		"claimLimits": story.Object{"active": e.active, "allowed": e.allowed}, "exclusive": e.exclusive,
		"payout":   "1250.00",
		"referral": nil, "coSell": nil,
	}
	if len(e.reminders) > 0 {
		rules["reminders"] = story.Object{"consentDays": e.reminders, "submissionDays": e.reminders}
	}
	if e.variable {
		delete(rules, "payout")
		rules["payType"] = "variable"
		rules["rates"] = story.Object{"perHour": "100.00", "minHours": 10, "maxHours": 100, "maxPayout": "5000.00",
			"maxShareOfOpportunity": "0.1"}
	}
	if e.referralFrom >= 0 {
		rules["referral"] = story.Object{"minDealSize": dollars(e.referralFrom)}
	}
	if e.coSellFrom >= 0 {
		rules["coSell"] = story.Object{"minDealSize": dollars(e.coSellFrom), "managedCustomersOnly": e.managedOnly}
	}
	return rules
}

// step is something that may come next, with how often it does.
type step struct {
	name  string
	often int
	do    func(*machine, *rapid.T)
}

// steps are those of a claim's life, and, less often, what happens beside it.
var steps = []step{
	{"add", 4, (*machine).add}, {"claim a known customer", 4, (*machine).claimKnown},
	{"send first", 4, (*machine).sendFirst},
	{"send", 1, (*machine).send}, {"accept", 4, (*machine).accept}, {"answer", 2, (*machine).answer},
	{"submit", 2, (*machine).submit},
	{"review", 2, (*machine).review}, {"cancel", 1, (*machine).cancel}, {"come to a deadline", 2, (*machine).deadline},
	{"let time pass", 1, (*machine).pass}, {"sweep", 1, (*machine).sweep},
	{"come to a reminder", 2, (*machine).reminder}, {"upgrade", 1, (*machine).upgrade},
	{"mail event", 1, (*machine).mailEvent},
	{"eligibility changes", 1, (*machine).changeEligibility}, {"management changes", 1, (*machine).changeManaged},
	{"look at a page", 1, (*machine).look}, {"look at lists", 1, (*machine).lists}, {"look at lists across partners", 1,
		(*machine).listsOfAll},
	{"repeat", 2, (*machine).repeat},
}

// next does what comes next.
func (m *machine) next(rt *rapid.T) {
	m.stepOver(rt)
	var all []step
	for _, s := range steps {
		for range s.often {
			all = append(all, s)
		}
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	name := "add" // there is nothing else to begin with
	if len(m.claims) > 0 {
		name = pick(rt, "step", names...)
	}
	all[slices.Index(names, name)].do(m, rt)
}

// call asks the system.
func (m *machine) call(method, path, token string, body any) localtest.Response {
	return localtest.Call(m.t, method, path, token, body)
}

// post asks the system to do something, at times by a key with which the request may be repeated.
func (m *machine) post(rt *rapid.T, path, token string, body story.Object) localtest.Response {
	if draw(rt, "with a key", 2) == 0 {
		return m.call("POST", path, token, body)
	}
	k := kept{path: path, token: token, key: story.Name("key"), body: body, at: now()}
	k.answer = m.keyed(k, body)
	if k.answer.Status < 300 {
		m.kept = append(m.kept, k)
	}
	return k.answer
}

func (m *machine) keyed(k kept, body story.Object) localtest.Response {
	return localtest.Call(m.t, "POST", k.path, k.token, body, "Idempotency-Key", k.key)
}

// repeat repeats a request that succeeded in the last 24 hours: whatever has happened since, it gets the answer that it
// got, and does nothing. With another body it is refused (D13).
func (m *machine) repeat(rt *rapid.T) {
	m.kept = slices.DeleteFunc(m.kept, func(k kept) bool { return now().Sub(k.at) >= day-time.Minute })
	if len(m.kept) == 0 {
		return
	}
	k := m.kept[draw(rt, "request", len(m.kept))]
	if draw(rt, "with another body", 4) == 0 {
		another := maps.Clone(k.body)
		switch {
		case another["friendlyName"] != nil:
			another["friendlyName"] = "Another claim"
		case another["reason"] != nil:
			another["reason"] = "another"
		case another["notes"] != nil:
			another["notes"] = "other ones"
		case strings.HasSuffix(k.path, "/consent-requests"):
			another["partnerContact"] = story.Object{"name": "Lou", "email": "lou@partner.example"}
		default:
			return // a body that has nothing to change
		}
		expect(rt, m.keyed(k, another), 409, "idempotency-key-reused")
		return
	}
	again := m.keyed(k, k.body)
	if again.Status != k.answer.Status || !bytes.Equal(again.Body, k.answer.Body) {
		differ(rt, "%s was answered %d %s, and when it was repeated %d %s", k.path, k.answer.Status, k.answer.Body,
			again.Status, again.Body)
	}
	for _, request := range again.Requests() {
		if request.Service == localtest.SESService {
			differ(rt, "the repeat of %s sent an email", k.path)
		}
	}
}

// differ fails the sequence. What it says holds new names and instants each time, and so is only logged: rapid shrinks
// what fails in the same words again.
func differ(rt *rapid.T, format string, values ...any) {
	rt.Helper()
	rt.Logf(format, values...)
	rt.Fatal("the system differs from the model")
}

// expect holds an answer against what the model says: the status of a success, or the code of a refusal.
func expect(rt *rapid.T, answer localtest.Response, status int, code string) {
	var problem struct{ Type string }
	if answer.Status >= 400 {
		_ = json.Unmarshal(answer.Body, &problem) // a page is no problem document
	}
	if answer.Status != status || strings.TrimPrefix(problem.Type, "urn:mci:problem:") != code {
		differ(rt, "answered %d %s instead of %d %s", answer.Status, answer.Body, status, code)
	}
}

// statusOf is the HTTP status of each refusal.
var statusOf = map[string]int{
	"claim-exists": 409, "wrong-status": 409, "not-qualified": 409, "deal-size-immutable": 409, "not-found": 404,
	"not-eligible":           422,
	"single-engagement-only": 422, "hours-required": 422, "disclaimer-required": 422, "invalid": 422,
	"too-many-requests": 429,
}

func now() time.Time { return localtest.Now() }

// number gives one of so many numbers, each as likely as any other; rapid's own are mostly small.
func number(rt *rapid.T, n int) int {
	drawn := 0
	for range 12 {
		drawn *= 2
		if rapid.Bool().Draw(rt, "bit") {
			drawn++
		}
	}
	return drawn % n
}

// draw picks one of so many, by number.
func draw(rt *rapid.T, what string, n int) int {
	return rapid.Custom(func(rt *rapid.T) int { return number(rt, n) }).Draw(rt, what)
}

// pick picks one of a list.
func pick[T any](rt *rapid.T, what string, list ...T) T {
	return rapid.Custom(func(rt *rapid.T) T { return list[number(rt, len(list))] }).Draw(rt, what)
}

// drawClaim picks a claim such as the step is meant for, if there are any; one in a few is any claim.
func (m *machine) drawClaim(rt *rapid.T, meant ...string) *claim {
	var candidates []*claim
	for _, c := range m.claims {
		if slices.Contains(meant, c.at(now())) {
			candidates = append(candidates, c)
		}
	}
	if len(candidates) == 0 || draw(rt, "any claim", 5) == 0 {
		candidates = m.claims
	}
	return candidates[draw(rt, "claim", len(candidates))]
}

// nomination draws a partner, a customer and engagements, and a body for them.
func (m *machine) nomination(rt *rapid.T) (p *partner, c *customer, engagements []*engagement, hours int,
	body story.Object) {
	p = m.partners[draw(rt, "partner", len(m.partners))]
	c = m.customers[draw(rt, "customer", len(m.customers))]
	chosen := pick(rt, "engagements", "0", "0", "1", "1", "2", "2", "01", "10", "02")
	ids := []string{}
	hours = -1
	for _, digit := range chosen {
		e := m.engagements[digit-'0']
		engagements, ids = append(engagements, e), append(ids, e.id)
		if e.variable {
			hours = pick(rt, "hours", 40, 40, 40, 40, 5, -1)
		}
	}
	body = story.Object{
		"friendlyName": "A claim", "locationId": p.location, "engagementIds": ids,
		"customerContact": story.Object{"name": "Kim", "email": c.email}, "partnerContact": story.Object{"name": "Pat",
			"email": "pat@partner.example"},
	}
	if hours >= 0 {
		body["hours"] = hours
	}
	return p, c, engagements, hours, body
}

func (m *machine) add(rt *rapid.T) {
	p, c, engagements, hours, body := m.nomination(rt)
	kind := pick(rt, "by", "domain", "tenant-id", "tpid", "msx-opportunity-id")
	if draw(rt, "by any ID", 5) > 0 {
		kind = pick(rt, "by an ID that is taken", engagements[0].types...)
	}
	body["customerId"] = story.Object{"type": kind, "value": c.ids[kind]}
	id := nominatedID{kind: kind}
	if kind == "domain" {
		id = nominatedID{"tenant-id", true}
	}
	m.nominated(rt, p, c, engagements, []nominatedID{id}, hours, m.post(rt, "/v1/customers", p.token, body))
}

func (m *machine) claimKnown(rt *rapid.T) {
	p, c, engagements, hours, body := m.nomination(rt)
	ids := p.nominated[c]
	only := len(engagements) == 1 && engagements[0].opportunitiesOnly()
	if only {
		ids = []nominatedID{{kind: "msx-opportunity-id"}}
		body["opportunityId"] = c.ids["msx-opportunity-id"]
	}
	answer := m.post(rt, "/v1/customers/"+c.id+"/claims", p.token, body)
	if !p.known[c] {
		expect(rt, answer, 404, "not-found")
		return
	}
	m.nominated(rt, p, c, engagements, slices.Clone(ids), hours, answer)
}

// nominated holds the answer to a nomination against the model, and gives birth to its claims.
func (m *machine) nominated(rt *rapid.T, p *partner, c *customer, engagements []*engagement, ids []nominatedID,
	hours int, answer localtest.Response) {
	code, chosen, ineligible := m.nominate(p, c, engagements, ids, hours, now())
	if code != "" {
		expect(rt, answer, statusOf[code], code)
		var problem story.Problem
		if err := json.Unmarshal(answer.Body, &problem); err != nil {
			rt.Fatal(err)
		}
		for _, verdict := range problem.Ineligible {
			if got := set(strings.Fields(story.Codes(verdict.Reasons))); got != ineligible[verdict.EngagementID] {
				differ(rt, "refused for %q instead of %q", got, ineligible[verdict.EngagementID])
			}
			delete(ineligible, verdict.EngagementID)
		}
		if len(ineligible) > 0 {
			differ(rt, "not told of as refused: %v", ineligible)
		}
		return
	}
	expect(rt, answer, 201, "")
	var born struct{ Claims []story.Claim }
	if err := json.Unmarshal(answer.Body, &born); err != nil || len(born.Claims) != len(engagements) {
		differ(rt, "%v: %s", err, answer.Body)
	}
	wasKnown := p.known[c]
	m.births++
	for i, e := range engagements {
		made := born.Claims[i]
		if made.EngagementID != e.id || string(made.CustomerID.Type) != chosen[i].kind ||
			!made.ConsentDue.Equal(made.CreatedAt.Add(time.Duration(e.consent)*day)) {
			differ(rt, "the claim on %s by %s is %+v", e.id, chosen[i].kind, made)
		}
		m.claims = append(m.claims, &claim{
			id: made.ID, birth: m.births, partner: p, customer: c, engagement: e, wasKnown: wasKnown,
			status:     "consent-not-sent",
			consentDue: made.ConsentDue, deal: -1, remindedTo: made.CreatedAt,
		})
		p.remember(c, chosen[i])
	}
}

func (m *machine) sendFirst(rt *rapid.T) { m.request(rt, m.drawClaim(rt, "consent-not-sent"), true) }

func (m *machine) send(rt *rapid.T) {
	m.request(rt, m.drawClaim(rt, "consent-not-sent", "consent-pending"), draw(rt, "with the deal size", 2) == 1)
}

// request asks for consent: in full, or as a reminder; to the address as it is, or to a corrected one.
func (m *machine) request(rt *rapid.T, c *claim, full bool) {
	body := story.Object{}
	deal := pick(rt, "deal", 500, 60000)
	if full {
		body = story.FirstRequest(strconv.Itoa(deal) + ".00")
	}
	corrected := draw(rt, "corrected", 4) == 0
	if corrected {
		body["mismatchReason"] = "A sister company."
		body["customerContact"] = story.Object{"name": "Lee", "email": story.Name("lee") + "@customer.example"}
	}
	instant := now()
	status := c.at(instant)
	c.sends = slices.DeleteFunc(c.sends, func(sent time.Time) bool { return instant.Sub(sent) >= day })
	code := ""
	switch {
	case status != "consent-not-sent" && status != "consent-pending":
		code = "wrong-status"
	case status == "consent-pending" && full && deal != c.deal:
		code = "deal-size-immutable"
	case status == "consent-not-sent" && !full:
		code = "disclaimer-required"
	case len(c.sends) >= 10:
		code = "too-many-requests"
	}
	answer := m.post(rt, "/v1/claims/"+c.id+"/consent-requests", c.partner.token, body)
	if code != "" {
		expect(rt, answer, statusOf[code], code)
		return
	}
	expect(rt, answer, 202, "")
	if corrected {
		c.address++
	}
	if status == "consent-not-sent" {
		c.enters("consent-pending", now())
		c.deal = deal
		if c.engagement.referralFrom >= 0 && deal >= c.engagement.referralFrom {
			c.referral = "partner-led"
		}
	}
	c.sends = append(c.sends, instant)
	m.readEmail(rt, c, answer, false)
}

var consentPath = regexp.MustCompile(`/consent/[A-Za-z0-9_.-]+`)

// readEmail takes the link and SES's ID from the one email that the request sent.
func (m *machine) readEmail(rt *rapid.T, c *claim, answer localtest.Response, bySystem bool) {
	sent := 0
	for _, request := range answer.Requests() {
		if request.Service != localtest.SESService {
			continue
		}
		sent++
		var taken struct{ MessageId string }
		if err := json.Unmarshal(request.Answer, &taken); err != nil {
			rt.Fatal(err)
		}
		c.links = append(c.links, link{consentPath.FindString(string(request.Body)), c.address})
		c.message = taken.MessageId
	}
	whole := m.get(rt, c)
	if sent != 1 || whole.EmailSentAt == nil {
		differ(rt, "%d emails were sent, the latest at %v", sent, whole.EmailSentAt)
	}
	c.email, c.sentAt, c.bySystem = "sent", *whole.EmailSentAt, bySystem
}

func (m *machine) accept(rt *rapid.T) { m.decide(rt, m.drawClaim(rt, "consent-pending"), "accept") }

func (m *machine) answer(rt *rapid.T) {
	c := m.drawClaim(rt, "consent-pending", "consented", "expired", "cancelled")
	m.decide(rt, c, pick(rt, "decision", "accept", "decline"))
}

// decide posts a decision at any of the claim's links, opened before and after.
func (m *machine) decide(rt *rapid.T, c *claim, decision string) {
	if len(c.links) == 0 {
		return // nobody was asked
	}
	l := c.links[draw(rt, "link", len(c.links))]
	page := func() int {
		status := c.at(now())
		switch {
		case l.address != c.address:
			return 404
		case c.consented, status == "declined", status == "consent-pending":
			return 200
		case status == "expired":
			return 410
		}
		return 404 // the claim was cancelled before there was an answer
	}
	before := page()
	expect(rt, m.call("GET", l.path, "", nil), before, "")
	answer := m.call("POST", l.path, "", story.Shown(m.t, l.path, url.Values{"decision": {decision}}))
	if before != 200 {
		expect(rt, answer, before, "")
		return
	}
	expect(rt, answer, 303, "")
	if c.at(now()) == "consent-pending" {
		if decision == "decline" {
			c.status = "declined"
		} else {
			c.enters("consented", now())
			c.consented, c.submissionDue = true, now().Add(day) // until the claim says when
			whole := m.get(rt, c)
			if whole.ConsentedAt == nil || whole.SubmissionDue == nil ||
				!whole.SubmissionDue.Equal(whole.ConsentedAt.Add(time.Duration(c.engagement.submit)*day)) {
				differ(rt, "the consented claim is %+v", whole)
			}
			c.submissionDue = *whole.SubmissionDue
			c.partner.known[c.customer] = true
			if c.referral != "" && c.coSells(now()) {
				c.referral = "co-sell"
			}
			localtest.WaitDrained(m.t)
		}
	}
	expect(rt, m.call("GET", l.path, "", nil), 200, "")
}

// get reads the claim, and holds what it says against the model.
func (m *machine) get(rt *rapid.T, c *claim) story.Claim {
	answer := m.call("GET", "/v1/claims/"+c.id, c.partner.token, nil)
	expect(rt, answer, 200, "")
	var whole story.Claim
	if err := json.Unmarshal(answer.Body, &whole); err != nil {
		rt.Fatal(err)
	}
	if whole.Status != c.at(now()) || !whole.EventsIntact {
		differ(rt, "the claim is %s instead of %s; its history is whole: %t", whole.Status, c.at(now()),
			whole.EventsIntact)
	}
	reminders := 0
	for _, event := range whole.Events {
		if strings.HasSuffix(event.Type, ".due-soon") || event.Type == "consent.reminded" &&
			event.Actor == mci.ActorSystem {
			reminders++
		}
	}
	if reminders != c.reminders {
		differ(rt, "the claim has %d reminders of the system instead of %d: %s", reminders, c.reminders, whole.Types())
	}
	return whole
}

// do asks for something to be done to a claim that is only right in some statuses.
func (m *machine) do(rt *rapid.T, c *claim, token, what string, body story.Object, from ...string) bool {
	right := slices.Contains(from, c.at(now()))
	answer := m.post(rt, "/v1/claims/"+c.id+"/"+what, token, body)
	if !right {
		expect(rt, answer, 409, "wrong-status")
		return false
	}
	expect(rt, answer, 200, "")
	return true
}

func (m *machine) submit(rt *rapid.T) {
	c := m.drawClaim(rt, "consented", "action-required")
	body := story.Object{"completedOn": now().UTC().Format(time.DateOnly), "notes": ""}
	if m.do(rt, c, c.partner.token, "submission", body, "consented", "action-required") {
		m.submissions++
		c.status, c.submission = "submitted", m.submissions
	}
}

func (m *machine) cancel(rt *rapid.T) {
	c := m.drawClaim(rt, "consent-not-sent", "consent-pending", "consented", "action-required")
	if m.do(rt, c, c.partner.token, "cancellation", story.Object{"reason": ""}, "consent-not-sent", "consent-pending",
		"consented", "action-required") {
		c.status = "cancelled"
	}
}

func (m *machine) review(rt *rapid.T) {
	c := m.drawClaim(rt, "submitted")
	decision := pick(rt, "decision", "complete", "complete", "return", "reject")
	instant := now()
	if !m.do(rt, c, m.program, "review", story.Object{"decision": decision, "reason": "Seen."}, "submitted") {
		return
	}
	c.enters(map[string]string{"complete": "completed", "return": "action-required", "reject": "rejected"}[decision],
		now())
	if decision == "return" {
		// Whichever is later; the review's own instant is known to a moment only.
		if moved := instant.Add(time.Duration(c.engagement.resubmit) * day); moved.After(c.submissionDue) {
			c.submissionDue = moved
			due := *m.get(rt, c).SubmissionDue
			if late := due.Sub(moved); late < -time.Second || late > time.Minute {
				differ(rt, "due %s after the review at %s", due, instant)
			}
			c.submissionDue = due
		} else if due := *m.get(rt, c).SubmissionDue; !due.Equal(c.submissionDue) {
			differ(rt, "due %s, which was due %s, after the review at %s", due, c.submissionDue, instant)
		}
	}
}

func (m *machine) sweep(rt *rapid.T) {
	swept := now()
	expect(rt, localtest.Invoke(m.t, "expiry-sweep", story.Object{}), 200, "")
	for _, c := range m.claims {
		if c.at(now()) == "expired" {
			c.status = "expired"
		}
		event := c.remind(swept)
		if event == "" {
			continue
		}
		c.reminders++
		last := m.get(rt, c).Events
		if got := last[len(last)-1]; got.Type != event || got.Actor != mci.ActorSystem {
			differ(rt, "the sweep recorded %s by %s instead of %s", got.Type, got.Actor, event)
		}
		told := story.Object{"detail": story.Object{"claimId": c.id, "seq": strconv.Itoa(len(last))}}
		answer := localtest.Invoke(m.t, "notify", told)
		expect(rt, answer, 200, "")
		if event == "consent.reminded" {
			c.sends = append(c.sends, now())
			m.readEmail(rt, c, answer, true)
		}
		if again := localtest.Invoke(m.t, "notify", told); string(again.Body) != `{"sent":0}` {
			differ(rt, "told again, %s is answered %s", event, again.Body)
		}
	}
}

// pass lets whole days pass. A deadline that is as many days away has then passed by what the steps since took.
func (m *machine) pass(rt *rapid.T) {
	days := 1 + draw(rt, "days", 8)
	if err := localtest.Cloud().SetClock(localtest.Cloud().Offset() + time.Duration(days)*day); err != nil {
		rt.Fatal(err)
	}
}

// deadline moves the clock to a claim's deadline, or to a minute before it.
func (m *machine) deadline(rt *rapid.T) {
	c := m.drawClaim(rt, "consent-not-sent", "consent-pending", "consented", "action-required")
	due := c.due()
	if draw(rt, "before it", 4) == 0 {
		due = due.Add(-time.Minute)
	}
	ahead := due.Sub(now())
	if ahead < 0 {
		return // it has passed
	}
	if err := localtest.Cloud().SetClock(localtest.Cloud().Offset() + ahead); err != nil {
		rt.Fatal(err)
	}
}

// reminder moves the clock to the instant of a claim's next reminder, and sweeps.
func (m *machine) reminder(rt *rapid.T) {
	c := m.drawClaim(rt, "consent-not-sent", "consent-pending", "consented", "action-required")
	for _, at := range c.instants(now()) {
		ahead := at.Sub(now())
		if ahead < 0 {
			continue
		}
		if err := localtest.Cloud().SetClock(localtest.Cloud().Offset() + ahead); err != nil {
			rt.Fatal(err)
		}
		m.stepOver(rt)
		m.sweep(rt)
		return
	}
}

// stepOver moves the clock to an instant that is a moment away, so that none passes between a step and its comparison,
// however slow the machine: a deadline, one of a reminder, or the end of the time in which an email keeps one back.
func (m *machine) stepOver(rt *rapid.T) {
	for moved := true; moved; {
		moved = false
		for _, c := range m.claims {
			for _, at := range append(c.instants(now()), c.due(), c.sentAt.Add(day/2), c.sentAt.Add(day)) {
				if left := at.Sub(now()); 0 < left && left < 20*time.Second {
					moved = true
					if err := localtest.Cloud().SetClock(localtest.Cloud().Offset() + left); err != nil {
						rt.Fatal(err)
					}
				}
			}
		}
	}
}

func (m *machine) upgrade(rt *rapid.T) {
	c := m.drawClaim(rt, "consented", "submitted", "consent-pending")
	answer := m.post(rt, "/v1/referrals/R"+c.id+"/upgrade", c.partner.seller, story.Object{})
	switch {
	case c.referral == "":
		expect(rt, answer, 404, "not-found")
	case c.referral == "co-sell" || c.coSells(now()):
		expect(rt, answer, 200, "")
		c.referral = "co-sell"
	default:
		expect(rt, answer, 409, "not-qualified")
	}
}

func (m *machine) mailEvent(rt *rapid.T) {
	c := m.drawClaim(rt, "consent-pending", "consented")
	if c.message == "" {
		return // nobody was asked
	}
	kind := pick(rt, "event", "Bounce", "Complaint", "Delivery")
	told := story.MailEvent(m.t, kind, c.message, story.PermanentBounce)
	status := map[string]string{"Bounce": "bounced", "Complaint": "complained", "Delivery": "delivered"}[kind]
	worse := slices.Index(badness, status) > slices.Index(badness, c.email) && !over(c.at(now()))
	if told != worse {
		differ(rt, "%s after %s was recorded: %t", status, c.email, told)
	}
	if worse {
		c.email = status
	}
}

func (m *machine) changeEligibility(rt *rapid.T) {
	c := m.customers[draw(rt, "customer", len(m.customers))]
	e := m.engagements[draw(rt, "engagement", len(m.engagements))]
	kind := pick(rt, "kind", "tenant-id", "tpid", "msx-opportunity-id")
	eligible := draw(rt, "eligible", 2) == 1
	c.eligible[e.id+" "+kind] = eligible
	localtest.LoadRow(m.t, "eligibility.csv", e.id, kind, c.ids[kind], eligible, "")
}

func (m *machine) changeManaged(rt *rapid.T) {
	c := m.customers[draw(rt, "customer", len(m.customers))]
	c.managed = draw(rt, "managed", 2) == 1
	localtest.LoadRow(m.t, "customers.csv", c.id, c.name, "US", c.managed)
}

func (m *machine) look(rt *rapid.T) {
	m.page(rt, m.partners[draw(rt, "partner", len(m.partners))],
		m.engagements[draw(rt, "engagement", len(m.engagements))])
}

// page holds all tabs of a partner's Customers page against the model.
func (m *machine) page(rt *rapid.T, p *partner, e *engagement) {
	for _, tab := range []string{"eligible", "ineligible", "complete"} {
		var lines []string
		query := url.Values{"tab": {tab}, "limit": {pick(rt, "limit", "1", "2", "100")}}
		for {
			answer := m.call("GET", "/v1/engagements/"+e.id+"/customers?"+query.Encode(), p.token, nil)
			expect(rt, answer, http.StatusOK, "")
			var page story.Page
			if err := json.Unmarshal(answer.Body, &page); err != nil {
				rt.Fatal(err)
			}
			for _, row := range page.Items {
				lines = append(lines, lineOf(row, tab))
			}
			if page.Cursor == "" {
				break
			}
			query.Set("cursor", page.Cursor)
		}
		if want := m.world.page(p, e, tab, now()); !slices.Equal(lines, want) {
			differ(rt, "%s of engagement %d shows\n%s\ninstead of\n%s", tab, slices.Index(m.engagements, e),
				strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	}
}

// lineOf writes a row as the model does.
func lineOf(row story.Row, tab string) string {
	line := fmt.Sprint(row.Customer["id"])
	if row.Claim != nil {
		line += fmt.Sprintf(" claim %s %s", row.Claim.ID, row.Claim.Status)
	}
	switch tab {
	case "eligible":
		line += fmt.Sprintf(" known %t: %s", row.Known != nil && *row.Known, strings.Join(row.Actions, " "))
	case "ineligible":
		line += ": " + set(strings.Fields(story.Codes(row.Reasons)))
	}
	return line
}

// lists holds a partner's lists of claims and referrals against the model.
func (m *machine) lists(rt *rapid.T) {
	m.listsOf(rt, m.partners[draw(rt, "partner", len(m.partners))])
}

func (m *machine) listsOf(rt *rapid.T, p *partner) {
	var claims, referrals []string
	for _, c := range slices.Backward(m.claims) {
		if c.partner != p {
			continue
		}
		status := c.at(now())
		claims = append(claims, fmt.Sprintf("%s %s [%s] email %s referral %s", c.id, status, actions[status], c.email,
			c.referral))
		if c.referral != "" {
			referrals = append(referrals, fmt.Sprintf("R%s %s %s", c.id, c.referral, c.referralState(now())))
		}
	}
	var list struct {
		Claims    []story.Claim
		Referrals []story.Referral
	}
	read := func(path, token string) {
		answer := m.call("GET", path, token, nil)
		expect(rt, answer, 200, "")
		if err := json.Unmarshal(answer.Body, &list); err != nil {
			rt.Fatal(err)
		}
	}
	read("/v1/claims?limit=100", p.token)
	read("/v1/referrals?limit=100", p.seller)
	var gotClaims, gotReferrals []string
	for _, c := range list.Claims {
		referral := ""
		if c.Referral != nil {
			referral = c.Referral.Type
		}
		gotClaims = append(gotClaims, fmt.Sprintf("%s %s [%s] email %s referral %s", c.ID, c.Status,
			strings.Join(c.Actions, " "), c.EmailStatus, referral))
	}
	for _, r := range list.Referrals {
		gotReferrals = append(gotReferrals, fmt.Sprintf("%s %s %s", r.ID, r.Type, r.State()))
	}
	inOrder := strings.Join(gotClaims, "\n")
	slices.Sort(claims)
	slices.Sort(gotClaims)
	slices.Sort(referrals) // which have no order
	slices.Sort(gotReferrals)
	if !slices.Equal(claims, gotClaims) || !slices.Equal(referrals, gotReferrals) {
		differ(rt, "the lists are\n%s\n%s\ninstead of\n%s\n%s", strings.Join(gotClaims, "\n"),
			strings.Join(gotReferrals, "\n"), strings.Join(claims, "\n"), strings.Join(referrals, "\n"))
	}
	// Newest first; those born at once have no order among themselves that the model knows.
	if !slices.IsSortedFunc(list.Claims, func(a, b story.Claim) int {
		return m.find(b.ID).birth - m.find(a.ID).birth
	}) {
		differ(rt, "the claims are not listed newest first:\n%s", inOrder)
	}
}

// listsOfAll holds the lists across partners against the model: the program's of what waits for review, longest waiting
// first, and the field sellers' of co-sell referrals. Other sequences' claims are on them too.
func (m *machine) listsOfAll(rt *rapid.T) {
	var waiting []*claim
	var coSell []string
	for _, c := range m.claims {
		if c.status == "submitted" {
			waiting = append(waiting, c)
		}
		if c.referral == "co-sell" {
			coSell = append(coSell, fmt.Sprintf("R%s co-sell %s", c.id, c.referralState(now())))
		}
	}
	slices.SortFunc(waiting, func(a, b *claim) int { return a.submission - b.submission })
	var want, gotWaiting, gotCoSell []string
	for _, c := range waiting {
		want = append(want, c.id)
	}
	read := func(path, token string, take func(claims []story.Claim, referrals []story.Referral)) {
		for cursor := ""; ; {
			var page struct {
				Claims    []story.Claim
				Referrals []story.Referral
				Cursor    string
			}
			answer := m.call("GET", path+"?limit=100"+cursor, token, nil)
			expect(rt, answer, 200, "")
			if err := json.Unmarshal(answer.Body, &page); err != nil {
				rt.Fatal(err)
			}
			take(page.Claims, page.Referrals)
			if page.Cursor == "" {
				return
			}
			cursor = "&cursor=" + url.QueryEscape(page.Cursor)
		}
	}
	read("/v1/claims", m.program, func(claims []story.Claim, _ []story.Referral) {
		for _, c := range claims {
			if c.Status != "submitted" {
				differ(rt, "claim %s waits for review and is %s", c.ID, c.Status)
			}
			if m.find(c.ID) != nil {
				gotWaiting = append(gotWaiting, c.ID)
			}
		}
	})
	read("/v1/referrals", m.field, func(_ []story.Claim, referrals []story.Referral) {
		for _, r := range referrals {
			if m.find(r.ClaimID) != nil {
				gotCoSell = append(gotCoSell, fmt.Sprintf("%s %s %s", r.ID, r.Type, r.State()))
			}
		}
	})
	slices.Sort(coSell) // which have no order
	slices.Sort(gotCoSell)
	if !slices.Equal(want, gotWaiting) || !slices.Equal(coSell, gotCoSell) {
		differ(rt, "the lists across partners are\n%s\n%s\ninstead of\n%s\n%s", strings.Join(gotWaiting, "\n"),
			strings.Join(gotCoSell, "\n"), strings.Join(want, "\n"), strings.Join(coSell, "\n"))
	}
}

// audit fails the sequence, so that it shrinks, for each rule that something of its own breaks. What other sequences
// broke is still in the table.
func (m *machine) audit(rt *rapid.T) {
	own := map[string]bool{}
	for _, p := range m.partners {
		own[p.id] = true
	}
	for _, c := range m.customers {
		own[c.id] = true
	}
	for _, c := range m.claims {
		own[c.id] = true
	}
	var violations []string
	for _, violation := range soak.Judge(m.t).Violations {
		if own[violation.Key.Owner()] {
			violations = append(violations, violation.String())
		}
	}
	if len(violations) > 0 {
		differ(rt, "%s", strings.Join(violations, "\n"))
	}
}

// everything holds all pages and lists against the model.
func (m *machine) everything(rt *rapid.T) {
	for _, p := range m.partners {
		m.listsOf(rt, p)
		for _, e := range m.engagements {
			m.page(rt, p, e)
		}
	}
	m.listsOfAll(rt)
	for _, c := range m.claims {
		m.get(rt, c)
	}
}
