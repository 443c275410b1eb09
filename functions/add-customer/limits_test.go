package main

import (
	"fmt"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func limits(active, allowed int) object {
	return object{"claimLimits": object{"active": active, "allowed": allowed}}
}

func TestD4_WhatGivesAPlaceBack(t *testing.T) {
	t.Parallel()
	const both = "active-limit-reached allowed-limit-reached"
	for status, reasons := range map[mci.Status]string{
		mci.ConsentNotSent: both, mci.ConsentPending: both, mci.Consented: both, mci.Submitted: both,
		mci.ActionRequired: both,
		mci.Completed:      "allowed-limit-reached", // counts as allowed, and is not active
		mci.Declined:       "", mci.Cancelled: "", mci.Rejected: "",
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
			if found := story.Ineligible(t, answer, engagement); found != reasons {
				t.Errorf("the reasons are %q, not %q", found, reasons)
			}
			if status == mci.Completed {
				own := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil))
				if found := story.Ineligible(t, own, engagement); found != reasons {
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
		return story.Ineligible(t, answer, engagement)
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
		if reasons := story.Ineligible(t, answer, engagement); reasons != "active-limit-reached allowed-limit-reached" {
			t.Errorf("by %s: the reasons are %q", by, reasons)
		}
	}
}

func TestD15_AnExclusiveEngagementIsOnePartnersAtATime(t *testing.T) {
	t.Parallel()
	const engaged, consented = "engaged-with-another-partner",
		"consented-to-another-partner engaged-with-another-partner"
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
			} else if found := story.Ineligible(t, answer, engagement); found != reasons {
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
			} else if reasons := story.Ineligible(t, answer, engagement); reasons != "engagement-not-active" {
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
	if reasons := story.Ineligible(t, tryAdd(other, asked),
		asked); reasons != "active-limit-reached allowed-limit-reached engaged-with-another-partner" {
		t.Errorf("before the deadline the reasons are %q", reasons)
	}
	story.ClockAt(t, pending.ConsentDue)
	claim := story.Born(t, tryAdd(other, asked))[0]
	if got := p.Get(t, pending.ID); got.Status != "expired" || got.EndedAt == nil ||
		!got.EndedAt.Equal(pending.ConsentDue) {
		t.Errorf("the claim is %s, ended at %v", got.Status, got.EndedAt)
	}
	other.Cancel(t, claim.ID)
	story.Born(t, tryAdd(p, asked)) // its own customer is free to be nominated again

	story.ClockAt(t, agreed.SubmissionDue.Add(-5*time.Minute))
	if reasons := story.Ineligible(t, tryAdd(other, consented), consented); reasons !=
		"active-limit-reached allowed-limit-reached consented-to-another-partner engaged-with-another-partner" {
		t.Errorf("before the deadline the reasons are %q", reasons)
	}
	story.ClockAt(t, *agreed.SubmissionDue)
	story.Born(t, tryAdd(other, consented))

	// The sweep, which comes by late, takes nobody's place away.
	story.Sweep(t)
	if reasons := story.Ineligible(t, tryAdd(p, consented),
		consented); reasons != "active-limit-reached allowed-limit-reached engaged-with-another-partner" {
		t.Errorf("after the sweep the reasons are %q", reasons)
	}
	if got := p.Get(t, agreed.ID); got.Status != "expired" || !got.EventsIntact {
		t.Errorf("the claim is %s, its history %s", got.Status, got.Types())
	}
}
