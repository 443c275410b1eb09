// Package races has very many requests meet at one customer, one place, one link, one key, and at one instant. Whoever
// wins, what they leave must hold every rule, and nobody is refused who fits.
package races

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// crowd is how many requests meet.
func crowd() int {
	if _, long := soak.Long(); long {
		return 400
	}
	return 100
}

// atOnce makes n requests at once and gives their answers. One that is asked to try again does so.
func atOnce(n int, ask func(i int) localtest.Response) []localtest.Response {
	answers := make([]localtest.Response, n)
	start := make(chan struct{})
	var asking sync.WaitGroup
	for i := range n {
		asking.Go(func() {
			<-start
			for range 20 {
				if answers[i] = ask(i); answers[i].Status != http.StatusServiceUnavailable {
					return
				}
			}
		})
	}
	close(start)
	asking.Wait()
	return answers
}

// races is how many there are, three of them at a deadline; they share the time that SOAK gives.
const races = 10

// rounds runs a race, and under SOAK again and again for its share of the time. Each round's names are its own.
func rounds(t *testing.T, race func(t *testing.T)) {
	limit, _ := soak.Long()
	for began, round := time.Now(), 1; ; round++ {
		if !t.Run(fmt.Sprintf("round %d", round), race) || time.Since(began) >= limit/races {
			return
		}
	}
}

// statuses counts answers by status.
func statuses(answers []localtest.Response) map[int]int {
	counts := map[int]int{}
	for _, answer := range answers {
		counts[answer.Status]++
	}
	return counts
}

// wanted has every partner want the customer at once. It gives how many got it, and how many were refused for which
// reasons.
func wanted(t *testing.T, partners []story.Partner, engagement string) (born int, refused map[string]int) {
	t.Helper()
	customer := story.NewCustomer(t, engagement)
	answers := atOnce(len(partners), func(i int) localtest.Response {
		body := partners[i].Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil)
		return localtest.Call(t, "POST", "/v1/customers", partners[i].Token, body)
	})
	refused = map[string]int{}
	for _, answer := range answers {
		if answer.Status == 201 {
			born++
			continue
		}
		refused[story.Reasons(story.Refused(t, answer, 422, mci.NotEligible).Ineligible, engagement)]++
	}
	return born, refused
}

func TestD4_OfACrowdExactlyAsManyGetAPlaceAsThereAre(t *testing.T) {
	rounds(t, func(t *testing.T) {
		for _, c := range []struct {
			crowd, active, allowed int
			reasons                string // for which all others are refused
		}{
			{crowd(), 7, 200, "active-limit-reached"},
			{crowd() / 4, 7, 7, "active-limit-reached allowed-limit-reached"},
			{crowd() / 4, 1, 1, "active-limit-reached allowed-limit-reached"},
			{crowd() / 4, 100, 100, ""},
		} {
			limits := story.Object{"claimLimits": story.Object{"active": c.active, "allowed": c.allowed}}
			born, refused := wanted(t, story.NewPartners(t, c.crowd), story.Engagement(t, limits))
			if fit := min(c.active, c.crowd); born != fit || refused[c.reasons] != c.crowd-fit {
				t.Errorf("%d of %d got a place where %d may; refused were %v", born, c.crowd, c.active, refused)
			}
		}
		soak.Audit(t)
	})
}

func TestD4_APlaceThatIsGivenBackIsTakenOnce(t *testing.T) {
	rounds(t, func(t *testing.T) {
		engagement := story.Engagement(t, story.Object{"claimLimits": story.Object{"active": 1, "allowed": 200}})
		customer := story.NewCustomer(t, engagement)
		holder, partners := story.NewPartner(t), story.NewPartners(t, crowd()/2)
		claim := holder.Add(t, customer, engagement)
		cancelled := make(chan struct{})
		answers := atOnce(len(partners)+1, func(i int) localtest.Response {
			if i == len(partners) {
				defer close(cancelled)
				return story.Post(t, holder.Token, claim.ID, "cancellation", story.Object{"reason": ""})
			}
			body := partners[i].Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil)
			answer := localtest.Call(t, "POST", "/v1/customers", partners[i].Token, body)
			if answer.Status == 422 { // it may have come before the place was free
				<-cancelled
				answer = localtest.Call(t, "POST", "/v1/customers", partners[i].Token, body)
			}
			return answer
		})
		if counts := statuses(answers); counts[200] != 1 || counts[201] != 1 {
			t.Errorf("answered %v", counts)
		}
		soak.Audit(t)
	})
}

func TestD15_OfACrowdOnePartnerGetsAnExclusiveEngagement(t *testing.T) {
	rounds(t, func(t *testing.T) {
		n := crowd() / 2
		born, refused := wanted(t, story.NewPartners(t, n), story.Engagement(t, story.Object{"exclusive": true}))
		if born != 1 || refused["engaged-with-another-partner"] != n-1 {
			t.Errorf("%d partners got the customer; refused were %v", born, refused)
		}
		soak.Audit(t)
	})
}

func TestS6_OfOnePartnersCrowdOneClaimIsBorn(t *testing.T) {
	rounds(t, func(t *testing.T) {
		engagement, another := story.Engagement(t, nil), story.Engagement(t, nil)
		customer, partner := story.NewCustomer(t, engagement, another), story.NewPartner(t)
		bodies := []story.Object{
			partner.Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil),
			partner.Nomination(customer, customer.By(mci.TenantID), []string{engagement, another}, nil),
			partner.Nomination(customer, customer.By(mci.Domain), []string{another, engagement}, nil),
		}
		answers := atOnce(crowd(), func(i int) localtest.Response {
			return localtest.Call(t, "POST", "/v1/customers", partner.Token, bodies[i%len(bodies)])
		})
		counts := statuses(answers)
		if counts[201] != 1 || counts[409] != len(answers)-1 {
			// The first may have been for one engagement alone: what names both is refused then, and nothing is born by
			// halves.
			t.Errorf("answered %v", counts)
		}
		soak.Audit(t)
	})
}

func TestD13_OfACrowdWithOneKeyAllGetTheSameAnswer(t *testing.T) {
	rounds(t, func(t *testing.T) {
		engagement := story.Engagement(t, nil)
		customer, partner := story.NewCustomer(t, engagement), story.NewPartner(t)
		body := partner.Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil)
		claim := ""
		for _, step := range []struct {
			name   string
			status int
			ask    func() localtest.Response
		}{
			{"adding", 201, func() localtest.Response {
				return localtest.Call(t, "POST", "/v1/customers", partner.Token, body, "Idempotency-Key", "one")
			}},
			{"asking", 202, func() localtest.Response {
				return story.Post(t, partner.Token, claim, "consent-requests", story.FirstRequest("10.00"),
					"Idempotency-Key", "two")
			}},
			{"cancelling", 200, func() localtest.Response {
				return story.Post(t, partner.Token, claim, "cancellation", story.Object{"reason": ""},
					"Idempotency-Key", "three")
			}},
		} {
			t.Run(step.name, func(t *testing.T) {
				answers := atOnce(crowd()/2, func(int) localtest.Response {
					for {
						if answer := step.ask(); answer.Status != 503 { // which a client repeats, as it is told to
							return answer
						}
					}
				})
				for _, answer := range answers {
					if answer.Status != step.status || string(answer.Body) != string(answers[0].Body) {
						t.Fatalf("one was answered %d %s and another %d %s", answers[0].Status, answers[0].Body,
							answer.Status, answer.Body)
					}
				}
				if claim == "" {
					claim = story.Born(t, answers[0])[0].ID
				}
			})
		}
		if mails := localtest.Mails(t, customer.Email); len(mails) != 1 {
			t.Errorf("%d emails were sent", len(mails))
		}
		soak.Audit(t)
	})
}

func TestD10_OfACrowdAtOneLinkTheFirstDecisionStands(t *testing.T) {
	rounds(t, func(t *testing.T) {
		engagement := story.Engagement(t, story.WithCoSell(false))
		customer, partner := story.NewCustomer(t, engagement), story.NewPartner(t)
		claim, link := partner.Bring(t, mci.ConsentPending, customer, engagement)
		answers := atOnce(crowd(), func(i int) localtest.Response {
			return story.Answer(t, link, story.Form([]string{"accept", "decline"}[i%2], "reason"))
		})
		if counts := statuses(answers); counts[303] != len(answers) {
			t.Errorf("answered %v", counts)
		}
		localtest.WaitDrained(t)
		whole := partner.Get(t, claim.ID)
		asked := "claim.added consent.requested referral.created email.sent "
		if types := whole.Types(); types != asked+"consent.accepted referral.upgraded" && types != asked+
			"consent.declined referral.closed" {
			t.Errorf("the claim's events are %s", types)
		}
		soak.Audit(t)
	})
}

func TestD1_OfReviewsSubmissionsAndCancellationsOneTakesEffectAtATime(t *testing.T) {
	rounds(t, func(t *testing.T) {
		engagement := story.Engagement(t, nil)
		partner, program := story.NewPartner(t), story.Program(t)
		type move struct {
			event mci.EventType // of one that takes effect
			ask   func(claim string) localtest.Response
		}
		review := func(event mci.EventType, decision mci.ReviewDecision) move {
			return move{event, func(claim string) localtest.Response {
				return story.Post(t, program, claim, "review", story.Object{"decision": decision, "reason": "Seen."})
			}}
		}
		complete, reject := review(mci.ClaimCompleted, mci.Complete), review(mci.ClaimRejected, mci.Reject)
		giveBack := review(mci.ClaimReturned, mci.Return)
		cancel := move{mci.ClaimCancelled, func(claim string) localtest.Response {
			return story.Post(t, partner.Token, claim, "cancellation", story.Object{"reason": ""})
		}}
		submit := move{mci.ClaimSubmitted, func(claim string) localtest.Response {
			return story.Post(t, partner.Token, claim, "submission", story.Submission())
		}}
		contests := map[string]struct {
			from  mci.Status
			moves []move
			ends  []string // all that may have come of it: no cancellation is open before the claim is returned
		}{
			"review against review": {mci.Submitted, []move{complete, reject}, []string{"claim.completed",
				"claim.rejected"}},
			"return against cancellation": {mci.Submitted, []move{giveBack, cancel}, []string{"claim.returned",
				"claim.returned claim.cancelled"}},
			"submission against cancellation": {mci.ActionRequired, []move{submit, cancel}, []string{"claim.submitted",
				"claim.cancelled"}},
		}
		for name, contest := range contests {
			t.Run(name, func(t *testing.T) {
				claim, _ := partner.Bring(t, contest.from, story.NewCustomer(t, engagement), engagement)
				answers := atOnce(crowd()/4, func(i int) localtest.Response {
					return contest.moves[i%len(contest.moves)].ask(
						claim.ID)
				})
				confirmed := map[string]int{}
				for i, answer := range answers {
					if answer.Status == 200 {
						confirmed[string(contest.moves[i%len(contest.moves)].event)]++
						continue
					}
					story.Refused(t, answer, 409, mci.WrongStatus)
				}
				whole := partner.Get(t, claim.ID)
				whole.Events = whole.Events[len(claim.Events):]
				took := map[string]int{}
				for _, event := range whole.Events {
					took[event.Type]++
				}
				if !slices.Contains(contest.ends, whole.Types()) || !maps.Equal(confirmed, took) {
					t.Errorf("%v were confirmed, and the claim's events since are %s", confirmed, whole.Types())
				}
			})
		}
		soak.Audit(t)
	})
}

// act is what a claim's customer or partner does to it as its deadline passes.
type act struct {
	from mci.Status
	due  func(story.Claim) time.Time
	do   func(testing.TB, story.Partner, *contest) localtest.Response
	// to the first that made it, to those after it, and to all where it was too late
	answers struct{ made, again, late int }
	event   mci.EventType // of one that made it
	to      mci.Status
}

var acts = map[string]act{
	"answer": {
		from: mci.ConsentPending, to: mci.Consented, event: mci.ConsentAccepted,
		due: func(claim story.Claim) time.Time { return claim.ConsentDue },
		do: func(t testing.TB, _ story.Partner, c *contest) localtest.Response {
			return story.Answer(t, c.link, story.Form("accept"))
		},
		answers: struct{ made, again, late int }{303, 303, 410},
	},
	"cancellation": {
		from: mci.ConsentPending, to: mci.Cancelled, event: mci.ClaimCancelled,
		due: func(claim story.Claim) time.Time { return claim.ConsentDue },
		do: func(t testing.TB, p story.Partner, c *contest) localtest.Response {
			return story.Post(t, p.Token, c.claim.ID, "cancellation", story.Object{"reason": ""})
		},
		answers: struct{ made, again, late int }{200, 409, 409},
	},
	"submission": {
		from: mci.Consented, to: mci.Submitted, event: mci.ClaimSubmitted,
		due: func(claim story.Claim) time.Time { return *claim.SubmissionDue },
		do: func(t testing.TB, p story.Partner, c *contest) localtest.Response {
			return story.Post(t, p.Token, c.claim.ID, "submission", story.Submission())
		},
		answers: struct{ made, again, late int }{200, 409, 409},
	},
}

// contest is a claim on whose deadline somebody acts, and whose customer rivals want.
type contest struct {
	customer story.Customer
	claim    story.Claim
	link     string
	due      time.Time
	lead     time.Duration // before the deadline, from which on somebody acts
	looks    []answer      // at the link, until then
	acts     []answer
	rivals   []answer
}

// answer is one with the instants between which it was made.
type answer struct {
	localtest.Response
	asked, answered time.Time
}

// timed makes a request.
func timed(ask func() localtest.Response) answer {
	asked := localtest.Now()
	response := ask()
	return answer{response, asked, localtest.Now()}
}

// settled are the answers but those that say to try again.
func settled(answers []answer) []answer {
	return slices.DeleteFunc(slices.Clone(answers),
		func(a answer) bool { return a.Status == http.StatusServiceUnavailable })
}

// TestD3_AtTheInstantOfTheDeadline has sweeps, answers, submissions, cancellations and new claims meet at the deadline,
// until some made it and some were too late.
func TestD3_AtTheInstantOfTheDeadline(t *testing.T) {
	const contests, mostTries = 6, 8
	for name, a := range acts {
		t.Run(name, func(t *testing.T) {
			rounds(t, func(t *testing.T) {
				d := deadline{
					act: a, engagement: story.Engagement(t, story.Object{"claimLimits": story.Object{"active": 1,
						"allowed": 200}}),
					partner: story.NewPartner(t), rivals: story.NewPartners(t, 4),
				}
				made, late := 0, 0
				lead := 2 * time.Millisecond // of the first contest; each after it has twice as much as the one before
				for try := 1; made == 0 || late == 0; try++ {
					if try > mostTries {
						t.Fatalf("%d made it and %d were too late", made, late)
					}
					ended := made
					for _, c := range d.meet(t, contests, lead) {
						if d.judge(t, c) {
							made++
						} else {
							late++
						}
					}
					if ended == made {
						lead *= 4
					} else {
						lead /= 4
					}
					soak.Audit(t)
				}
				t.Logf("%d made it and %d were too late", made, late)
			})
		})
	}
}

// deadline is what a meeting needs.
type deadline struct {
	act
	engagement string // on which a customer may have one open claim
	partner    story.Partner
	rivals     []story.Partner
}

// want has a rival want the customer.
func (d deadline) want(t testing.TB, c *contest, rival story.Partner) answer {
	body := rival.Nomination(c.customer, c.customer.By(mci.TPID), []string{d.engagement}, nil)
	return timed(func() localtest.Response { return localtest.Call(t, "POST", "/v1/customers", rival.Token, body) })
}

// meet has all meet at the deadlines of new claims.
func (d deadline) meet(t *testing.T, n int, lead time.Duration) []*contest {
	var contests []*contest
	for i := range n {
		c := &contest{customer: story.NewCustomer(t, d.engagement), lead: lead << i}
		c.claim, c.link = d.partner.Bring(t, d.from, c.customer, d.engagement)
		c.due = d.due(c.claim)
		contests = append(contests, c)
	}
	// The clock stands a little before the first deadline, and passes all of them while the requests come.
	story.ClockAt(t, contests[0].due.Add(-300*time.Millisecond-contests[0].lead))
	last := contests[n-1].due.Add(300 * time.Millisecond)
	var meeting sync.WaitGroup
	for _, c := range contests {
		meeting.Go(func() {
			for len(settled(c.acts)) == 0 || localtest.Now().Before(last) {
				if localtest.Now().Before(c.due.Add(-c.lead)) {
					c.looks = append(c.looks, timed(func() localtest.Response {
						return localtest.Call(t, "GET", c.link, "", nil)
					}))
				} else {
					c.acts = append(c.acts, timed(func() localtest.Response { return d.do(t, d.partner, c) }))
				}
			}
		})
		meeting.Go(func() {
			for i := 0; localtest.Now().Before(last); i++ {
				c.rivals = append(c.rivals, d.want(t, c, d.rivals[i%len(d.rivals)]))
			}
		})
	}
	var sweeps []localtest.Response
	meeting.Go(func() {
		for localtest.Now().Before(last) {
			sweeps = append(sweeps, localtest.Invoke(t, "expiry-sweep", story.Object{}))
		}
	})
	meeting.Wait()
	for _, sweep := range append(sweeps, localtest.Invoke(t, "expiry-sweep", story.Object{})) {
		if sweep.Status != 200 {
			t.Errorf("a sweep answered %d %s", sweep.Status, sweep.Body)
		}
	}
	return contests
}

// judge holds all answers of a contest against what became of its claim, and says whether the act made it.
func (d deadline) judge(t *testing.T, c *contest) (made bool) {
	t.Helper()
	for _, look := range c.looks {
		tooLate := look.Status == 410 && d.from == mci.ConsentPending && !look.answered.Before(c.due)
		if look.Status != 200 && !tooLate {
			t.Errorf("before anybody acted, the link that is due %s answered %d at %s", c.due, look.Status,
				look.answered)
		}
	}
	done := settled(c.acts)
	if len(done) == 0 {
		t.Fatal("no act was settled")
	}
	first := done[0]
	made = first.Status == d.answers.made
	for i, a := range done {
		want := d.answers.late
		switch {
		case made && i == 0:
			want = d.answers.made
		case made:
			want = d.answers.again
		}
		if a.Status != want {
			t.Errorf("act %d was answered %d instead of %d, the first one %d: %s", i+1, a.Status, want, first.Status,
				a.Body)
		}
		if want == 409 {
			story.Refused(t, a.Response, 409, mci.WrongStatus)
		}
	}
	if made && !first.asked.Before(c.due) || !made && first.answered.Before(c.due) {
		t.Errorf("due %s, asked %s and answered %d at %s", c.due, first.asked, first.Status, first.answered)
	}

	whole := d.partner.Get(t, c.claim.ID)
	at := map[string]time.Time{}
	for _, event := range whole.Events {
		at[event.Type] = event.At
	}
	took, acted := at[string(d.event)]
	_, expired := at[string(mci.ClaimExpired)]
	status := mci.Expired
	if made {
		status = d.to
	}
	if whole.Status != string(status) || !whole.EventsIntact || acted != made || expired == made || made &&
		!took.Before(c.due) {
		t.Errorf("answered %d, and the claim that was due %s is %s by %v", first.Status, c.due, whole.Status,
			whole.Events)
	}
	if d.event == mci.ConsentAccepted {
		page := localtest.Call(t, "GET", c.link, "", nil)
		if says := strings.Contains(string(page.Body), "Accepted"); says != made ||
			page.Status != map[bool]int{true: 200, false: 410}[made] {
			t.Errorf("answered %d, and the page then answers %d %s", first.Status, page.Status, page.Body)
		}
	}
	d.judgeRivals(t, c, first)
	return made
}

// judgeRivals holds the answers to the rivals against what became of the first claim by the first act that was settled.
func (d deadline) judgeRivals(t *testing.T, c *contest, first answer) {
	t.Helper()
	made := first.Status == d.answers.made
	ended := !made || d.to.Terminal()
	earliest, freed := c.due, c.due // when the place became free, at the earliest and at the latest
	if made {
		earliest, freed = first.asked, first.answered
	}
	births := 0
	wanted := settled(c.rivals)
	if ended && !slices.ContainsFunc(wanted, func(a answer) bool { return a.Status == 201 }) {
		wanted = append(wanted, d.want(t, c, d.rivals[0])) // whom nobody may refuse now
	}
	for _, a := range wanted {
		switch a.Status {
		case 201:
			births++
			if !ended || a.answered.Before(earliest) {
				t.Errorf("a rival got a place at %s; the first claim was due %s, and was answered %d at %s", a.answered,
					c.due, first.Status, first.answered)
			}
		case 409:
			story.Refused(t, a.Response, 409, mci.ClaimExists)
			if births == 0 {
				t.Error("a rival without a claim was told of its own")
			}
		default:
			problem := story.Refused(t, a.Response, 422, mci.NotEligible)
			if reasons := story.Reasons(problem.Ineligible, d.engagement); reasons != "active-limit-reached" {
				t.Errorf("a rival was refused for %s", reasons)
			}
			if ended && births == 0 && !a.asked.Before(freed) {
				t.Errorf("a rival was refused at %s, when the place was free since %s", a.asked, freed)
			}
		}
	}
	if births > 1 || ended != (births == 1) {
		t.Errorf("%d rivals got the place of the claim; it has ended: %t", births, ended)
	}
}

// TestD3_WhatIsCommittedAfterTheDeadlineIsTooLate holds each act at its commit until its deadline has passed and a
// rival has the place.
func TestD3_WhatIsCommittedAfterTheDeadlineIsTooLate(t *testing.T) {
	for name, a := range acts {
		if a.to.Terminal() {
			continue // it gives the place back, and takes nothing from whoever has it by now
		}
		t.Run(name, func(t *testing.T) {
			engagement := story.Engagement(t, story.Object{"claimLimits": story.Object{"active": 1, "allowed": 200}})
			partner, rival, c := story.NewPartner(t), story.NewPartner(t),
				&contest{customer: story.NewCustomer(t, engagement)}
			c.claim, c.link = partner.Bring(t, a.from, c.customer, engagement)
			due := a.due(c.claim)
			held := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Action: "TransactWriteItems",
				Match: localtest.Naming(c.claim.ID[:26])})
			late := make(chan localtest.Response, 1)
			for margin := 2 * time.Second; held.Fired() == 0; margin += time.Second {
				story.ClockAt(t, due.Add(-margin))
				go func() { late <- a.do(t, partner, c) }()
				for held.Fired() == 0 && len(late) == 0 {
					<-time.After(time.Millisecond)
				}
				if held.Fired() == 0 { // it was slower than the margin
					(<-late).Expect(t, a.answers.late)
				}
			}
			<-time.After(due.Sub(localtest.Now())) // for it, too: moving the clock leaves a process in work as it is
			rival.Add(t, c.customer, engagement)
			held.Release()
			if answer := <-late; answer.Status != a.answers.late {
				t.Errorf("it was answered %d: %s", answer.Status, answer.Body)
			}
			if now := partner.Get(t, c.claim.ID); now.Status != "expired" ||
				strings.Contains(now.Types(), string(a.event)) {
				t.Errorf("the claim is %s: %s", now.Status, now.Types())
			}
			soak.Audit(t)
			story.Sweep(t) // the next test's clock stands before the deadline again
		})
	}
}

func TestACustomerWhoAcceptsSeveralClaimsAtOnceIsKnownSinceTheirConsent(t *testing.T) {
	partner := story.NewPartner(t)
	var engagements []string
	for range 6 {
		engagements = append(engagements, story.Engagement(t, nil))
	}
	for range 4 {
		customer := story.NewCustomer(t, engagements...)
		var links []string
		for _, engagement := range engagements {
			_, link := partner.Bring(t, mci.ConsentPending, customer, engagement)
			links = append(links, link)
		}
		answers := atOnce(len(links), func(i int) localtest.Response {
			return story.Answer(t, links[i],
				story.Form("accept"))
		})
		if counts := statuses(answers); counts[303] != len(links) {
			t.Errorf("answered %v", counts)
		}
	}
	soak.Audit(t)
}
