package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func limits(active, allowed int) object {
	return object{"claimLimits": object{"active": active, "allowed": allowed}}
}

// race has every partner add the customer at the same time, and those who are asked to try again do so until they are told
// more. It gives the claims born, by partner, and for everybody else the reasons why not.
func race(t *testing.T, partners []story.Partner, c story.Customer, engagement string) (born map[string]story.Claim, refused map[string]string) {
	t.Helper()
	born, refused = map[string]story.Claim{}, map[string]string{}
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, p := range partners {
		all.Go(func() {
			body := p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
			answer := add(t, p, body)
			for try := 1; answer.Status == 503 && try < 20; try++ {
				if story.Refused(t, answer, 503, mci.TryAgain); answer.Header.Get("Retry-After") == "" {
					t.Error("nobody says when to try again")
				}
				answer = add(t, p, body)
			}
			mu.Lock()
			defer mu.Unlock()
			switch answer.Status {
			case 201:
				born[p.ID] = story.Born(t, answer)[0]
			case 422:
				refused[p.ID] = ineligible(t, answer, engagement)
			default:
				t.Errorf("%s was answered %d: %s", p.ID, answer.Status, answer.Body)
			}
		})
	}
	all.Wait()
	return born, refused
}

func TestD4_TheLimitHoldsWhenManyPartnersAddAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		partners int
		limits   object
		fit      int
		reasons  string
	}{
		"of open claims":                   {60, limits(7, 100), 7, "active-limit-reached"},
		"of open and completed claims":     {20, limits(7, 7), 7, "active-limit-reached allowed-limit-reached"},
		"of one":                           {20, limits(1, 1), 1, "active-limit-reached allowed-limit-reached"},
		"that nobody reaches refuses none": {20, limits(20, 20), 20, ""},
	} {
		t.Run(name, func(t *testing.T) {
			partners, engagement := story.NewPartners(t, test.partners), story.Engagement(t, test.limits)
			c := story.NewCustomer(t, engagement)
			born, refused := race(t, partners, c, engagement)
			if len(born) != test.fit || len(refused) != len(partners)-test.fit {
				t.Errorf("%d claims were born where %d fit; %d were refused", len(born), test.fit, len(refused))
			}
			for partner, reasons := range refused {
				if reasons != test.reasons {
					t.Errorf("%s was refused for %q, not %q", partner, reasons, test.reasons)
				}
			}
		})
	}
}

func TestD15_OneOfManyPartnersEngagesAnExclusiveCustomer(t *testing.T) {
	t.Parallel()
	partners, engagement := story.NewPartners(t, 25), story.Engagement(t, object{"exclusive": true})
	c := story.NewCustomer(t, engagement)
	born, refused := race(t, partners, c, engagement)
	if len(born) != 1 {
		t.Fatalf("%d partners have an open claim", len(born))
	}
	for partner, reasons := range refused {
		if reasons != "engaged-with-another-partner" {
			t.Errorf("%s was refused for %q", partner, reasons)
		}
	}
}

func TestS6_OneClaimIsBornWhenAPartnersUsersAddAtOnce(t *testing.T) {
	t.Parallel()
	p, engagement, another := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement, another)
	answers := make([]localtest.Response, 12)
	var all sync.WaitGroup
	for i := range answers {
		engagements := [][]string{{engagement}, {engagement, another}, {another, engagement}}[i%3]
		all.Go(func() { answers[i] = add(t, p, p.Nomination(c, c.By(mci.TPID), engagements, nil)) })
	}
	all.Wait()
	born := map[string]int{}
	for _, answer := range answers {
		if answer.Status == 201 {
			for _, claim := range story.Born(t, answer) {
				born[claim.EngagementID]++
			}
		} else if problem := story.Refused(t, answer, 409, mci.ClaimExists); problem.ClaimID == "" {
			t.Errorf("the open claim is not named: %s", answer.Body)
		}
	}
	if born[engagement] != 1 || born[another] > 1 || claimsOf(t, p) != born[engagement]+born[another] {
		t.Errorf("%v claims were born; the partner has %d", born, claimsOf(t, p))
	}
}

func TestD4_WhatGivesAPlaceBack(t *testing.T) {
	t.Parallel()
	const both = "active-limit-reached allowed-limit-reached"
	for status, reasons := range map[mci.Status]string{
		mci.ConsentNotSent: both, mci.ConsentPending: both, mci.Consented: both, mci.Submitted: both, mci.ActionRequired: both,
		mci.Completed: "allowed-limit-reached", // counts as allowed, and is not active
		mci.Declined:  "", mci.Cancelled: "", mci.Rejected: "",
	} {
		t.Run("a claim that is "+string(status), func(t *testing.T) {
			t.Parallel()
			partners, engagement := story.NewPartners(t, 2), story.Engagement(t, limits(1, 1))
			p, other := partners[0], partners[1]
			c := story.NewCustomer(t, engagement)
			p.Bring(t, status, c, engagement)
			answer := add(t, other, other.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
			if reasons == "" {
				answer.Expect(t, 201)
				return
			}
			if found := ineligible(t, answer, engagement); found != reasons {
				t.Errorf("the reasons are %q, not %q", found, reasons)
			}
			if status == mci.Completed {
				own := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
				if found := ineligible(t, own, engagement); found != reasons {
					t.Errorf("the partner itself: the reasons are %q, not %q", found, reasons)
				}
			}
		})
	}
}

func TestD4_ActiveAndAllowedCountApart(t *testing.T) {
	t.Parallel()
	partners, engagement := story.NewPartners(t, 4), story.Engagement(t, limits(2, 3))
	c := story.NewCustomer(t, engagement)
	tryAdd := func(p story.Partner) string {
		t.Helper()
		answer := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
		if answer.Status == 201 {
			return ""
		}
		return ineligible(t, answer, engagement)
	}
	expect := func(p story.Partner, want string) {
		t.Helper()
		if got := tryAdd(p); got != want {
			t.Fatalf("the reasons are %q, not %q", got, want)
		}
	}
	partners[0].Bring(t, mci.Completed, c, engagement) // 0 open, 1 completed
	expect(partners[0], "")                            // 1 open, 1 completed: the same partner again
	second := partners[1].Add(t, c, engagement)        // 2 open, 1 completed
	expect(partners[2], "active-limit-reached allowed-limit-reached")
	partners[1].Cancel(t, second.ID)                   // 1 open, 1 completed
	partners[2].Bring(t, mci.Completed, c, engagement) // 1 open, 2 completed
	expect(partners[3], "allowed-limit-reached")
}

func TestD4_LimitsAreOfOneCustomerAndOneEngagement(t *testing.T) {
	t.Parallel()
	partners := story.NewPartners(t, 2)
	engagement, another := story.Engagement(t, limits(1, 1)), story.Engagement(t, limits(1, 1))
	c, d := story.NewCustomer(t, engagement, another), story.NewCustomer(t, engagement)
	partners[0].Add(t, c, engagement)
	partners[1].Add(t, d, engagement)
	partners[1].Add(t, c, another)
	// Whatever ID names the customer.
	for _, by := range []mci.IDType{mci.Domain, mci.TenantID, mci.AzureSubscription} {
		answer := add(t, partners[1], partners[1].Nomination(c, c.By(by), []string{engagement}, nil))
		if reasons := ineligible(t, answer, engagement); reasons != "active-limit-reached allowed-limit-reached" {
			t.Errorf("by %s: the reasons are %q", by, reasons)
		}
	}
}

func TestD15_AnExclusiveEngagementIsOnePartnersAtATime(t *testing.T) {
	t.Parallel()
	const engaged, consented = "engaged-with-another-partner", "consented-to-another-partner engaged-with-another-partner"
	for status, reasons := range map[mci.Status]string{
		mci.ConsentNotSent: engaged, mci.ConsentPending: engaged, mci.Consented: consented, mci.Submitted: consented,
		mci.ActionRequired: consented, mci.Completed: consented, mci.Declined: "", mci.Cancelled: "", mci.Rejected: "",
	} {
		t.Run("another partner's claim that is "+string(status), func(t *testing.T) {
			t.Parallel()
			partners, engagement := story.NewPartners(t, 2), story.Engagement(t, object{"exclusive": true})
			p, other := partners[0], partners[1]
			c := story.NewCustomer(t, engagement)
			p.Bring(t, status, c, engagement)
			answer := add(t, other, other.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
			if reasons == "" {
				answer.Expect(t, 201)
			} else if found := ineligible(t, answer, engagement); found != reasons {
				t.Errorf("the reasons are %q, not %q", found, reasons)
			}
			if status == mci.Completed { // it holds the customer for its own partner alone
				add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)).Expect(t, 201)
			}
		})
	}
}

// The tests below move the clock.

func TestD6_NominationsAreTakenFromTheFirstDayToTheLast(t *testing.T) {
	p := story.NewPartner(t)
	day := time.Now().UTC().Truncate(story.Day).Add(3 * story.Day)
	written := func(day time.Time) string { return day.Format(time.DateOnly) }
	oneDay := story.Engagement(t, object{"startsOn": written(day), "endsOn": written(day)})
	from := story.Engagement(t, object{"startsOn": written(day)})
	until := story.Engagement(t, object{"endsOn": written(day)})
	for _, moment := range []struct {
		name                string
		at                  time.Time
		oneDay, from, until bool
	}{
		{"five minutes before the end of the day before", day.Add(-5 * time.Minute), false, false, true},
		{"the first moment of the day", day.Add(time.Millisecond), true, true, true},
		{"five minutes before the end of the day", day.Add(story.Day - 5*time.Minute), true, true, true},
		{"the first moment of the day after", day.Add(story.Day + time.Millisecond), false, true, false},
	} {
		story.ClockAt(t, moment.at)
		for engagement, active := range map[string]bool{oneDay: moment.oneDay, from: moment.from, until: moment.until} {
			c := story.NewCustomer(t, engagement)
			answer := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
			if active {
				answer.Expect(t, 201)
			} else if reasons := ineligible(t, answer, engagement); reasons != "engagement-not-active" {
				t.Errorf("%s: the reasons are %q", moment.name, reasons)
			}
		}
	}
	// Claims already born run on, and the page stays readable.
	rows := p.Customers(t, oneDay, "eligible")
	if len(rows) != 2 || fmt.Sprint(rows[0].Actions) != "[send-consent cancel-claim]" {
		t.Fatalf("the page of the engagement that has ended shows %+v", rows)
	}
	for _, row := range rows {
		link := p.Ask(t, *row.Claim)
		story.Accept(t, link)
		p.Submit(t, row.Claim.ID)
		if done := story.Review(t, row.Claim.ID, mci.Complete); done.Status != "completed" {
			t.Errorf("the claim is %s", done.Status)
		}
	}
}

func TestD3_APlaceIsFreeAtTheDeadlineSweptOrNot(t *testing.T) {
	partners := story.NewPartners(t, 2)
	p, other := partners[0], partners[1]
	changes := limits(1, 1)
	changes["consentWindowDays"], changes["submissionWindowDays"], changes["exclusive"] = 5, 6, true
	asked, consented := story.Engagement(t, changes), story.Engagement(t, changes)
	c := story.NewCustomer(t, asked, consented)
	pending, _ := p.Bring(t, mci.ConsentPending, c, asked)
	agreed, _ := p.Bring(t, mci.Consented, c, consented)
	tryAdd := func(p story.Partner, engagement string) localtest.Response {
		return add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
	}

	story.ClockAt(t, pending.ConsentDue.Add(-5*time.Minute))
	story.Refused(t, tryAdd(p, asked), 409, mci.ClaimExists)
	if reasons := ineligible(t, tryAdd(other, asked), asked); reasons != "active-limit-reached allowed-limit-reached engaged-with-another-partner" {
		t.Errorf("before the deadline the reasons are %q", reasons)
	}
	story.ClockAt(t, pending.ConsentDue)
	claim := story.Born(t, tryAdd(other, asked))[0]
	if got := p.Get(t, pending.ID); got.Status != "expired" || got.EndedAt == nil || !got.EndedAt.Equal(pending.ConsentDue) {
		t.Errorf("the claim is %s, ended at %v", got.Status, got.EndedAt)
	}
	other.Cancel(t, claim.ID)
	story.Born(t, tryAdd(p, asked)) // its own customer is free to be nominated again

	story.ClockAt(t, agreed.SubmissionDue.Add(-5*time.Minute))
	if reasons := ineligible(t, tryAdd(other, consented), consented); reasons !=
		"active-limit-reached allowed-limit-reached consented-to-another-partner engaged-with-another-partner" {
		t.Errorf("before the deadline the reasons are %q", reasons)
	}
	story.ClockAt(t, *agreed.SubmissionDue)
	story.Born(t, tryAdd(other, consented))

	// The sweep, which comes by late, takes nobody's place away.
	story.Sweep(t)
	if reasons := ineligible(t, tryAdd(p, consented), consented); reasons != "active-limit-reached allowed-limit-reached engaged-with-another-partner" {
		t.Errorf("after the sweep the reasons are %q", reasons)
	}
	if got := p.Get(t, agreed.ID); got.Status != "expired" || !got.EventsIntact {
		t.Errorf("the claim is %s, its history %s", got.Status, got.Types())
	}
}
