// Package races has very many requests meet at one customer, one place, one link, one key, and at one instant. Whoever wins,
// what they leave must hold every rule, and nobody is refused who fits.
package races

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) {
	localtest.Main(m, func(config *cloud.Config) { config.Output = io.Discard })
}

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

// statuses counts answers by status.
func statuses(answers []localtest.Response) map[int]int {
	counts := map[int]int{}
	for _, answer := range answers {
		counts[answer.Status]++
	}
	return counts
}

func TestD4_OfACrowdExactlyAsManyGetAPlaceAsThereAre(t *testing.T) {
	const places = 7
	engagement := story.Engagement(t, story.Object{"claimLimits": story.Object{"active": places, "allowed": 200}})
	customer := story.NewCustomer(t, engagement)
	partners := story.NewPartners(t, crowd())
	answers := atOnce(len(partners), func(i int) localtest.Response {
		return localtest.Call(t, "POST", "/v1/customers", partners[i].Token, partners[i].Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil))
	})
	if counts := statuses(answers); counts[201] != places || counts[422] != len(partners)-places {
		t.Errorf("answered %v", counts)
	}
	soak.Audit(t)
}

func TestD4_APlaceThatIsGivenBackIsTakenOnce(t *testing.T) {
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
}

func TestD15_OfACrowdOnePartnerGetsAnExclusiveEngagement(t *testing.T) {
	engagement := story.Engagement(t, story.Object{"exclusive": true})
	customer := story.NewCustomer(t, engagement)
	partners := story.NewPartners(t, crowd()/2)
	answers := atOnce(len(partners), func(i int) localtest.Response {
		return localtest.Call(t, "POST", "/v1/customers", partners[i].Token, partners[i].Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil))
	})
	if counts := statuses(answers); counts[201] != 1 || counts[422] != len(partners)-1 {
		t.Errorf("answered %v", counts)
	}
	soak.Audit(t)
}

func TestS6_OfOnePartnersCrowdOneClaimIsBorn(t *testing.T) {
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
		// The first may have been for one engagement alone: what names both is refused then, and nothing is born by halves.
		t.Errorf("answered %v", counts)
	}
	soak.Audit(t)
}

func TestD13_OfACrowdWithOneKeyAllGetTheSameAnswer(t *testing.T) {
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
			return story.Post(t, partner.Token, claim, "consent-requests", story.FirstRequest("10.00"), "Idempotency-Key", "two")
		}},
		{"cancelling", 200, func() localtest.Response {
			return story.Post(t, partner.Token, claim, "cancellation", story.Object{"reason": ""}, "Idempotency-Key", "three")
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
					t.Fatalf("one was answered %d %s and another %d %s", answers[0].Status, answers[0].Body, answer.Status, answer.Body)
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
}

func TestD10_OfACrowdAtOneLinkTheFirstDecisionStands(t *testing.T) {
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
	if types := whole.Types(); types != asked+"consent.accepted referral.upgraded" && types != asked+"consent.declined referral.closed" {
		t.Errorf("the claim's events are %s", types)
	}
	soak.Audit(t)
}

func TestD1_OfReviewsSubmissionsAndCancellationsOneTakesEffectAtATime(t *testing.T) {
	engagement := story.Engagement(t, nil)
	partner, program := story.NewPartner(t), story.Program(t)
	type contest struct {
		from mci.Status
		asks []func(claim string) localtest.Response
	}
	review := func(decision mci.ReviewDecision) func(string) localtest.Response {
		return func(claim string) localtest.Response {
			return story.Post(t, program, claim, "review", story.Object{"decision": decision, "reason": ""})
		}
	}
	cancel := func(claim string) localtest.Response {
		return story.Post(t, partner.Token, claim, "cancellation", story.Object{"reason": ""})
	}
	submit := func(claim string) localtest.Response {
		return story.Post(t, partner.Token, claim, "submission", story.Submission())
	}
	contests := map[string]contest{
		"review against review":           {mci.Submitted, []func(string) localtest.Response{review(mci.Complete), review(mci.Reject)}},
		"review against cancellation":     {mci.Submitted, []func(string) localtest.Response{review(mci.Complete), cancel}},
		"submission against cancellation": {mci.ActionRequired, []func(string) localtest.Response{submit, cancel}},
	}
	for name, contest := range contests {
		t.Run(name, func(t *testing.T) {
			claim, _ := partner.Bring(t, contest.from, story.NewCustomer(t, engagement), engagement)
			before := len(claim.Events)
			answers := atOnce(crowd()/4, func(i int) localtest.Response { return contest.asks[i%len(contest.asks)](claim.ID) })
			counts := statuses(answers)
			whole := partner.Get(t, claim.ID)
			if counts[200] != len(whole.Events)-before || counts[200]+counts[409] != len(answers) || counts[200] < 1 || counts[200] > 2 {
				t.Errorf("answered %v, and the claim's events are %s", counts, whole.Types())
			}
		})
	}
	soak.Audit(t)
}

// TestD3_AtTheInstantOfTheDeadline has sweeps, answers, submissions, cancellations and new claims meet at the deadline.
func TestD3_AtTheInstantOfTheDeadline(t *testing.T) {
	engagement := story.Engagement(t, story.Object{"claimLimits": story.Object{"active": 1, "allowed": 200}})
	partner, rivals := story.NewPartner(t), story.NewPartners(t, 4)
	const contests = 6
	type contest struct {
		customer story.Customer
		claim    story.Claim
		link     string
		accepts  bool // at the deadline; else the partner cancels
	}
	var asked, consented []contest
	for i := range contests {
		c := contest{customer: story.NewCustomer(t, engagement), accepts: i%2 == 0}
		c.claim, c.link = partner.Bring(t, mci.ConsentPending, c.customer, engagement)
		asked = append(asked, c)
	}
	for range contests {
		c := contest{customer: story.NewCustomer(t, engagement)}
		c.claim, c.link = partner.Bring(t, mci.Consented, c.customer, engagement)
		consented = append(consented, c)
	}
	meet := func(contests []contest, due func(story.Claim) time.Time, act func(contest) localtest.Response) {
		// The clock stands a little before the first deadline, and passes all of them while the requests come.
		story.ClockAt(t, due(contests[0].claim).Add(-300*time.Millisecond))
		last := due(contests[len(contests)-1].claim).Add(300 * time.Millisecond)
		var meeting sync.WaitGroup
		for _, c := range contests {
			meeting.Go(func() {
				for localtest.Now().Before(last) {
					act(c)
				}
			})
			meeting.Go(func() {
				for i := 0; localtest.Now().Before(last); i++ {
					rival := rivals[i%len(rivals)]
					localtest.Call(t, "POST", "/v1/customers", rival.Token, rival.Nomination(c.customer, c.customer.By(mci.TPID), []string{engagement}, nil))
				}
			})
		}
		meeting.Go(func() {
			for localtest.Now().Before(last) {
				localtest.Invoke(t, "expiry-sweep", story.Object{})
			}
		})
		meeting.Wait()
		localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
		soak.Audit(t)
	}
	t.Run("answer and cancellation", func(t *testing.T) {
		meet(asked, func(c story.Claim) time.Time { return c.ConsentDue }, func(c contest) localtest.Response {
			switch {
			case localtest.Now().Before(c.claim.ConsentDue.Add(-20 * time.Millisecond)):
				return localtest.Call(t, "GET", c.link, "", nil)
			case c.accepts:
				return story.Answer(t, c.link, story.Form("accept"))
			}
			return story.Post(t, partner.Token, c.claim.ID, "cancellation", story.Object{"reason": ""})
		})
	})
	t.Run("submission", func(t *testing.T) {
		meet(consented, func(c story.Claim) time.Time { return *c.SubmissionDue }, func(c contest) localtest.Response {
			if localtest.Now().Before(c.claim.SubmissionDue.Add(-20 * time.Millisecond)) {
				return localtest.Call(t, "GET", c.link, "", nil)
			}
			return story.Post(t, partner.Token, c.claim.ID, "submission", story.Submission())
		})
	})
	var ends []string
	for _, c := range slices.Concat(asked, consented) {
		whole := partner.Get(t, c.claim.ID)
		if !whole.EventsIntact {
			t.Errorf("the history of %s is broken", whole.ID)
		}
		ends = append(ends, whole.Status)
	}
	t.Log(fmt.Sprint("they ended as ", ends))
}
