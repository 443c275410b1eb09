package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestB2_ClaimsAreBornUnderTheRulesOfTheirDayAndKeepThem(t *testing.T) {
	t.Parallel()
	partners, id := story.NewPartners(t, 3), story.Name("engagement")
	p := partners[0]
	story.Engagement(t, object{"id": id, "payout": "100.00", "consentWindowDays": 5})
	c, d := story.NewCustomer(t, id), story.NewCustomer(t)
	old := p.Add(t, c, id)
	p2 := partners[1].Add(t, c, id)

	story.Engagement(t, object{"id": id, "payout": "200.00", "consentWindowDays": 9, "claimLimits": object{"active": 1,
		"allowed": 3}})
	imported := story.Engagement(t, nil) // which no function has seen, so the rules are read anew
	for _, engagement := range []string{id, imported} {
		story.Eligible(t, engagement, d.By(mci.TPID), "")
		story.Eligible(t, engagement, c.By(mci.TPID), "")
	}
	born := story.Born(t, add(t, p, p.Nomination(d, d.By(mci.TPID), []string{id, imported}, nil)))[0]
	if born.Payout.String() != "200.00" || born.ConsentDue.Sub(born.CreatedAt) != 9*story.Day {
		t.Errorf("a new claim pays %s, and waits %s", born.Payout, born.ConsentDue.Sub(born.CreatedAt))
	}
	if kept := p.Get(t, old.ID); kept.Payout.String() != "100.00" || !kept.ConsentDue.Equal(old.ConsentDue) {
		t.Errorf("the old claim pays %s, and waits until %s", kept.Payout, kept.ConsentDue)
	}
	// Two are open where one may be now: both run on, and no third is born.
	answer := add(t, partners[2], partners[2].Nomination(c, c.By(mci.TPID), []string{id, imported}, nil))
	if reasons := story.Ineligible(t, answer, id); reasons != "active-limit-reached" {
		t.Errorf("the reasons are %q", reasons)
	}
	story.Accept(t, partners[1].Ask(t, p2))
}

func TestB2_AChangedEngagementIsDecidedByWithinTenSeconds(t *testing.T) {
	t.Parallel()
	p, ended := story.NewPartner(t), object{"id": story.Name("engagement"), "endsOn": "2020-12-31"}
	engagement := story.Engagement(t, ended)
	c := story.NewCustomer(t, engagement)
	body := p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	if reasons := story.Ineligible(t, add(t, p, body), engagement); reasons != "engagement-not-active" {
		t.Fatalf("the reasons are %q", reasons)
	}
	story.Engagement(t, object{"id": engagement})
	imported := time.Now()
	for again := time.Tick(500 * time.Millisecond); ; <-again {
		asked := time.Since(imported)
		if add(t, p, body).Status == 201 {
			return
		}
		if asked > 10*time.Second {
			t.Fatalf("%s after the import it is refused", asked)
		}
	}
}

func TestS6_AKnownCustomerIsEitherAddedOrClaimedNeverBoth(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	p.Know(t, c, mci.TPID)
	answers := make([]localtest.Response, 12)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			if i%2 == 0 {
				answers[i] = add(t, p, p.Nomination(c, c.By(mci.TenantID), []string{engagement}, nil))
			} else {
				answers[i] = localtest.Call(t, "POST", "/v1/customers/"+c.ID+"/claims", p.Token,
					p.ClaimBody(c, []string{engagement}, nil))
			}
		})
	}
	all.Wait()
	var born, told []string
	for _, answer := range answers {
		if answer.Status == 201 {
			born = append(born, story.Born(t, answer)[0].ID)
		} else {
			told = append(told, story.Refused(t, answer, 409, mci.ClaimExists).ClaimID)
		}
	}
	if len(born) != 1 {
		t.Fatalf("%d claims were born", len(born))
	}
	for _, claimID := range told {
		if claimID != born[0] {
			t.Errorf("the open claim is said to be %s, not %s", claimID, born[0])
		}
	}
}

// atCommit is a fault at the partner's next commit of an added customer.
func atCommit(p story.Partner, effect localtest.Effect, times int) localtest.Fault {
	return localtest.Fault{Effect: effect, Function: "add-customer", Action: "TransactWriteItems", Times: times,
		Match: localtest.Naming(p.ID)}
}

func TestD16_ACustomerThatBecomesKnownWhileItIsAddedWasKnownAtTheBirth(t *testing.T) {
	t.Parallel()
	p, engagement, another := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement, another)
	link := p.Ask(t, p.Add(t, c, another))

	commit := localtest.Inject(t, atCommit(p, localtest.Hold, 1))
	answered := make(chan localtest.Response)
	go func() { answered <- add(t, p, p.Nomination(c, c.By(mci.TenantID), []string{engagement}, nil)) }()
	commit.Wait(t)
	story.Accept(t, link)
	commit.Remove()
	claim := story.Born(t, <-answered)[0]

	story.Decline(t, p.Ask(t, claim))
	if row := story.Find(p.Customers(t, engagement, "complete"), c); row == nil || row.Claim.ID != claim.ID {
		t.Errorf("Complete shows %+v: the claim's customer was known when it was born", row)
	}
}

func TestContract_ARaceThatCannotBeSettledAsksToTryAgainAndChangesNothing(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	body := p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	commit := localtest.Inject(t, atCommit(p, localtest.Conflict, localtest.All))
	answer := add(t, p, body)
	if story.Refused(t, answer, 503, mci.TryAgain); answer.Header.Get("Retry-After") == "" {
		t.Error("nobody says when to try again")
	}
	if commit.Fired() < 3 {
		t.Errorf("it was tried %d times", commit.Fired())
	}
	if n := len(p.Claims(t)); n != 0 {
		t.Errorf("there are %d claims", n)
	}
	commit.Remove()
	add(t, p, body).Expect(t, 201)
}

func TestContract_AnInternalErrorShowsNoInternals(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	body := p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	fault := localtest.Inject(t, atCommit(p, localtest.Reject, localtest.All))
	answer := add(t, p, body)
	problem := story.Refused(t, answer, 500, mci.Internal)
	for _, internal := range []string{"dynamo", "Validation", "Transact", "item", ".go", p.ID, c.ID} {
		if strings.Contains(strings.ToLower(problem.Detail), strings.ToLower(internal)) {
			t.Errorf("the answer tells of %q: %s", internal, problem.Detail)
		}
	}
	fault.Remove()
	add(t, p, body).Expect(t, 201)
}

func TestS16_ClaimsBornTogetherLiveApart(t *testing.T) {
	t.Parallel()
	p, one, two := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, one, two)
	claims := story.Born(t, add(t, p, p.Nomination(c, c.By(mci.TPID), []string{one, two}, nil)))
	p.Cancel(t, claims[0].ID)
	if other := p.Get(t, claims[1].ID); other.Status != "consent-not-sent" || other.Types() != "claim.added" ||
		!other.EventsIntact {
		t.Errorf("after the end of its sister the claim is %s, its history %s", other.Status, other.Types())
	}
}
