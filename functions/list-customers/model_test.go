package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// model is what the specification says of partners that work for customers on one engagement, in as few words as there are:
// lists of claims, and the clock. It is held against the product step by step.
type model struct {
	now             time.Time
	active, allowed int
	exclusive       bool
	consent, submit time.Duration
	resubmit        time.Duration
	eligible        map[string]bool // by customer
	claims          []*modelClaim
	known           map[[2]string]bool // partner and customer
}

type modelClaim struct {
	id, partner, customer, link string
	status                      mci.Status
	wasKnown, consented         bool
	due                         time.Time
}

// at is the claim's status at the model's instant (D3).
func (m *model) at(c *modelClaim) mci.Status {
	runs := slices.Contains([]mci.Status{mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.ActionRequired}, c.status)
	if runs && !m.now.Before(c.due) {
		return mci.Expired
	}
	return c.status
}

func (m *model) open(c *modelClaim) bool {
	return slices.Contains([]mci.Status{mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.Submitted, mci.ActionRequired}, m.at(c))
}

// own is the partner's open claim, nil for none (S6).
func (m *model) own(partner, customer string) *modelClaim {
	for _, c := range m.claims {
		if c.partner == partner && c.customer == customer && m.open(c) {
			return c
		}
	}
	return nil
}

// reasons are why the partner cannot nominate the customer (S3, D4, D15).
func (m *model) reasons(partner, customer string) string {
	held, completed, engaged, consented := 0, 0, false, false
	for _, c := range m.claims {
		switch other := c.partner != partner; {
		case c.customer != customer:
		case m.open(c):
			held++
			engaged, consented = engaged || other, consented || other && c.consented
		case m.at(c) == mci.Completed:
			completed++
			engaged, consented = engaged || other, consented || other
		}
	}
	var codes []string
	for _, reason := range []struct {
		holds bool
		code  mci.ReasonCode
	}{
		{!m.eligible[customer], mci.ReasonCriteriaNotMet}, {held >= m.active, mci.ReasonActiveLimitReached}, {held+completed >= m.allowed, mci.ReasonAllowedLimitReached},
		{m.exclusive && consented, mci.ReasonConsentedToAnother}, {m.exclusive && engaged, mci.ReasonEngagedWithAnother},
	} {
		if reason.holds {
			codes = append(codes, string(reason.code))
		}
	}
	return strings.Join(codes, " ")
}

// page says where the customer stands on the partner's page (S1-S5, S24, D16, D20): a line for each row.
func (m *model) page(partner, customer string) []string {
	var rows []string
	known, reasons := m.known[[2]string{partner, customer}], m.reasons(partner, customer)
	switch own := m.own(partner, customer); {
	case own != nil:
		next := map[mci.Status]string{mci.ConsentNotSent: "send-consent cancel-claim", mci.ConsentPending: "resend-consent cancel-claim",
			mci.Consented: "submit-claim cancel-claim", mci.ActionRequired: "submit-claim cancel-claim"}
		rows = append(rows, fmt.Sprintf("eligible %t %s %s [%s]", known, own.id, m.at(own), next[m.at(own)]))
	case known && reasons == "":
		rows = append(rows, "eligible true [claim-customer]")
	case known:
		rows = append(rows, "ineligible "+reasons)
	}
	for _, c := range m.claims {
		status := m.at(c)
		unseen := !c.wasKnown && (status == mci.Declined || status == mci.Expired && !c.consented)
		if c.partner == partner && c.customer == customer && !m.open(c) && !unseen {
			rows = append(rows, fmt.Sprintf("complete %s %s", c.id, status))
		}
	}
	return rows
}

// shown is what the product shows, in the same words.
func shown(t *testing.T, p story.Partner, engagement string, c story.Customer) []string {
	t.Helper()
	var rows []string
	for _, tab := range tabs {
		for _, row := range p.Customers(t, engagement, tab) {
			switch {
			case row.Customer["id"] != c.ID:
			case tab == "complete":
				rows = append(rows, fmt.Sprintf("complete %s %s", row.Claim.ID, row.Claim.Status))
			case tab == "ineligible":
				rows = append(rows, "ineligible "+story.Codes(row.Reasons))
			case row.Claim != nil:
				rows = append(rows, fmt.Sprintf("eligible %t %s %s %v", *row.Known, row.Claim.ID, row.Claim.Status, row.Actions))
			default:
				rows = append(rows, fmt.Sprintf("eligible %t %v", *row.Known, row.Actions))
			}
		}
	}
	return rows
}

// TestD1ToD20_AnyStoryIsToldAsTheSpecificationTellsIt has partners, customers and the program do things at random, and the
// clock run, and compares each answer and each page with the model's. It moves the clock. SEED repeats a run.
func TestD1ToD20_AnyStoryIsToldAsTheSpecificationTellsIt(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	m := &model{active: 1 + random.IntN(2), exclusive: random.IntN(3) == 0, consent: 2 * story.Day, submit: 3 * story.Day, resubmit: story.Day,
		eligible: map[string]bool{}, known: map[[2]string]bool{}}
	m.allowed = m.active + 1 + random.IntN(3)
	partners := story.NewPartners(t, 3)
	engagement := story.Engagement(t, object{"claimLimits": object{"active": m.active, "allowed": m.allowed}, "exclusive": m.exclusive,
		"consentWindowDays": 2, "submissionWindowDays": 3, "resubmissionWindowDays": 1})
	customers := []story.Customer{story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)}
	for _, c := range customers {
		m.eligible[c.ID] = true
	}
	staff := story.Program(t)
	var did []string
	for range 110 {
		m.now = localtest.Now()
		p, c := partners[random.IntN(len(partners))], customers[random.IntN(len(customers))]
		claim := &modelClaim{}
		for _, candidate := range m.claims { // the partner's latest for the customer
			if candidate.partner == p.ID && candidate.customer == c.ID {
				claim = candidate
			}
		}
		deed := step(t, m, random, p, c, engagement, claim, staff)
		did = append(did, deed)
		m.now = localtest.Now()
		for _, reader := range []story.Partner{p, partners[random.IntN(len(partners))]} {
			if got, want := shown(t, reader, engagement, c), m.page(reader.ID, c.ID); !slices.Equal(got, want) {
				t.Fatalf("after\n%s\nthe page of %s shows\n%s\nnot\n%s", strings.Join(did, "\n"), reader.ID, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// step does one thing, in the product and in the model, and says what.
func step(t *testing.T, m *model, random *rand.Rand, p story.Partner, c story.Customer, engagement string, claim *modelClaim, staff string) string {
	t.Helper()
	key := [2]string{p.ID, c.ID}
	expect := func(answer localtest.Response, want string) {
		t.Helper()
		got := strconv.Itoa(answer.Status)
		if answer.Status >= 400 {
			problem := localtest.Decode[story.Problem](t, answer)
			got += " " + strings.TrimPrefix(problem.Type, "urn:mci:problem:")
			if reasons := story.Reasons(problem.Ineligible, engagement); reasons != "" {
				got += " " + reasons
			}
		}
		if got != want {
			t.Fatalf("%s of %s for %s (its claim is %q): answered %s, not %s", answer.Header.Get("Date"), p.ID, c.ID, claim.status, got, want)
		}
	}
	status := mci.Status("")
	if claim.id != "" {
		status = m.at(claim)
	}
	change := func(answer localtest.Response, to mci.Status, from ...mci.Status) {
		t.Helper()
		if !slices.Contains(from, status) {
			expect(answer, "409 wrong-status")
			return
		}
		expect(answer, strconv.Itoa(answer.Status))
		if answer.Status >= 300 {
			t.Fatalf("answered %d: %s", answer.Status, answer.Body)
		}
		got := localtest.Decode[story.Claim](t, answer)
		claim.status = to
		if got.Status != string(to) {
			t.Fatalf("the claim is %s, not %s", got.Status, to)
		}
		if got.SubmissionDue != nil {
			claim.due = *got.SubmissionDue
		}
	}
	nominate := func(answer localtest.Response) {
		t.Helper()
		switch reasons := m.reasons(p.ID, c.ID); {
		case m.own(p.ID, c.ID) != nil:
			expect(answer, "409 claim-exists")
		case reasons != "":
			expect(answer, "422 not-eligible "+reasons)
		default:
			born := story.Born(t, answer)[0]
			m.claims = append(m.claims, &modelClaim{id: born.ID, partner: p.ID, customer: c.ID, status: mci.ConsentNotSent, wasKnown: m.known[key], due: born.CreatedAt.Add(m.consent)})
		}
	}

	deed := []string{"add", "add", "claim", "ask", "ask", "answer", "answer", "answer", "submit", "submit", "cancel", "review", "review", "wait", "judge"}[random.IntN(15)]
	if claim.id == "" && deed != "claim" && deed != "wait" && deed != "judge" {
		deed = "add"
	}
	switch deed {
	case "add":
		nominate(localtest.Call(t, "POST", "/v1/customers", p.Token, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)))
	case "claim":
		answer := localtest.Call(t, "POST", "/v1/customers/"+c.ID+"/claims", p.Token, p.ClaimBody(c, []string{engagement}, nil))
		if m.known[key] {
			nominate(answer)
		} else {
			expect(answer, "404 not-found")
		}
	case "ask":
		if status == mci.ConsentPending { // reminders are other tests'
			return "nothing"
		}
		change(story.Post(t, p.Token, claim.id, "consent-requests", story.FirstRequest("60000.00")), mci.ConsentPending, mci.ConsentNotSent)
		if claim.status == mci.ConsentPending && claim.link == "" {
			claim.link = story.Link(t, c.Email)
		}
	case "answer":
		if claim.link == "" {
			return "nothing"
		}
		decision := []string{"accept", "accept", "decline"}[random.IntN(3)]
		answer := story.Answer(t, claim.link, url.Values{"decision": {decision}})
		switch {
		case status == mci.ConsentPending && decision == "accept":
			claim.status, claim.consented, m.known[key] = mci.Consented, true, true
			claim.due = *p.Get(t, claim.id).SubmissionDue
			answer.Expect(t, 303)
		case status == mci.ConsentPending:
			claim.status = mci.Declined
			answer.Expect(t, 303)
		case claim.consented || status == mci.Declined: // the first decision stands
			answer.Expect(t, 303)
		case status == mci.Expired:
			answer.Expect(t, 410)
		default:
			answer.Expect(t, 404)
		}
		deed = decision
	case "submit":
		change(story.Post(t, p.Token, claim.id, "submission", story.Submission()), mci.Submitted, mci.Consented, mci.ActionRequired)
	case "cancel":
		change(story.Post(t, p.Token, claim.id, "cancellation", object{"reason": ""}), mci.Cancelled, mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.ActionRequired)
	case "review":
		decision := mci.ReviewDecisions[random.IntN(3)]
		to := map[mci.ReviewDecision]mci.Status{mci.Complete: mci.Completed, mci.Return: mci.ActionRequired, mci.Reject: mci.Rejected}[decision]
		change(story.Post(t, staff, claim.id, "review", object{"decision": decision, "reason": "Seen."}), to, mci.Submitted)
		deed = string(decision)
	case "wait":
		to := m.now.Add([]time.Duration{time.Hour, story.Day, 2 * story.Day}[random.IntN(3)])
		for _, c := range m.claims { // never so near a deadline that the test's own time decides
			if away := c.due.Sub(to); away > -5*time.Minute && away < 5*time.Minute {
				to = c.due.Add(5 * time.Minute)
			}
		}
		story.ClockAt(t, to)
		if random.IntN(2) == 0 {
			story.Sweep(t)
		}
	case "judge":
		m.eligible[c.ID] = !m.eligible[c.ID]
		story.Eligible(t, engagement, c.By(mci.TPID), map[bool]string{false: "No longer."}[m.eligible[c.ID]])
	}
	return fmt.Sprintf("%s: %s of %s (%s)", deed, p.ID, c.ID, status)
}
