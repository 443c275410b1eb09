package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) {
	localtest.Main(m, func(config *cloud.Config) { config.RetentionMonths = "24" })
}

// Tests of this file move the clock: they run one after another.

// alone lets a sweep work off all that time brings to the claims of earlier tests, so that the test's own sweeps count
// its own claims alone.
func alone(t *testing.T) {
	t.Helper()
	now := localtest.Cloud().Offset()
	localtest.SetClock(t, now+400*story.Day)
	story.Sweep(t)
	localtest.SetClock(t, now)
}

// atTheInstant asks from a moment before the instant until it has passed, and checks that the answer is "no" until the
// clock reaches it and "yes" from then on. What is asked of is given by name.
func atTheInstant(t *testing.T, instant time.Time, asked map[string]func() bool) {
	t.Helper()
	for margin := 500 * time.Millisecond; ; margin *= 2 {
		story.ClockAt(t, instant.Add(-margin))
		seenBefore, seenAfter := map[string]bool{}, map[string]bool{}
		for len(seenAfter) < len(asked) {
			for name, ask := range asked {
				from := localtest.Now()
				yes := ask()
				to := localtest.Now()
				switch {
				case to.Before(instant):
					seenBefore[name] = true
					if yes {
						t.Fatalf("%s: yes at the latest %s before the instant", name, instant.Sub(to))
					}
				case !from.Before(instant):
					seenAfter[name] = true
					if !yes {
						t.Fatalf("%s: no at the earliest %s after the instant", name, from.Sub(instant))
					}
				}
			}
		}
		if len(seenBefore) == len(asked) {
			return
		}
		if margin > 20*time.Second {
			t.Fatalf("before the instant only %v were asked", seenBefore)
		}
	}
}

// readers are all ways to see that a claim has expired.
func readers(t *testing.T, p story.Partner, c story.Customer, claim story.Claim, link string) map[string]func() bool {
	t.Helper()
	staff := story.Program(t)
	statusBy := func(token string) func() bool {
		return func() bool {
			answer := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, token, nil).Expect(t, 200)
			seen := localtest.Decode[story.Claim](t, answer)
			if (seen.EndedAt != nil) != (seen.Status == "expired") || seen.Status == "expired" &&
				len(seen.Actions) > 0 || !seen.EventsIntact {
				t.Errorf("the claim is shown as %s", answer.Body)
			}
			return seen.Status == "expired"
		}
	}
	listed := func(query string) func() bool {
		return func() bool {
			answer := localtest.Call(t, "GET", "/v1/claims?"+query, p.Token, nil).Expect(t, 200)
			list := localtest.Decode[struct{ Claims []story.Claim }](t, answer).Claims
			return slices.ContainsFunc(list, func(each story.Claim) bool {
				return each.ID == claim.ID &&
					each.Status == "expired"
			})
		}
	}
	asked := map[string]func() bool{
		"the claim":                  statusBy(p.Token),
		"the claim, by the program":  statusBy(staff),
		"the list":                   listed("limit=100"),
		"the list of expired claims": listed("limit=100&status=expired"),
		"gone from Eligible": func() bool {
			row := story.Find(p.Customers(t, claim.EngagementID, "eligible"), c)
			return row == nil || row.Claim == nil
		},
	}
	if claim.Referral != nil {
		asked["the referral"] = func() bool {
			answer := localtest.Call(t, "GET", claim.Referral.Href, staff, nil).Expect(t, 200)
			return localtest.Decode[story.Referral](t, answer).State() == "closed/expired"
		}
	}
	if link != "" && claim.ConsentedAt == nil {
		asked["the consent page"] = func() bool {
			answer := localtest.Call(t, "GET", link, "", nil)
			if answer.Status != 200 && answer.Status != 410 {
				t.Errorf("the consent page answers %d", answer.Status)
			}
			return answer.Status == 410
		}
		asked["the head of the consent page"] = func() bool {
			return localtest.Call(t, "HEAD", link, "", nil).Status == 410
		}
	}
	return asked
}

func TestD3_AtItsDeadlineAClaimIsExpiredForEveryReader(t *testing.T) {
	alone(t)
	p := story.NewPartner(t)
	changes := story.WithCoSell(false)
	changes["consentWindowDays"], changes["submissionWindowDays"], changes["resubmissionWindowDays"] = 3, 5, 7
	e := story.Engagement(t, changes)
	for _, status := range []mci.Status{mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.ActionRequired} {
		t.Run(string(status), func(t *testing.T) {
			c := story.NewCustomer(t, e)
			claim, link := p.Bring(t, status, c, e)
			localtest.WaitDrained(t)
			claim = p.Get(t, claim.ID)
			due := claim.ConsentDue
			if claim.SubmissionDue != nil {
				due = *claim.SubmissionDue
			}
			atTheInstant(t, due, readers(t, p, c, claim, link))

			unswept := p.Get(t, claim.ID)
			if !unswept.EndedAt.Equal(due) || unswept.Types() != claim.Types() || unswept.Version != claim.Version {
				t.Errorf("unswept, it ended at %s, version %d: %s", unswept.EndedAt, unswept.Version, unswept.Types())
			}
			if n := story.Sweep(t); n != 1 {
				t.Errorf("the sweep expired %d claims", n)
			}
			swept := p.Get(t, claim.ID)
			want := claim.Types() + " claim.expired"
			if claim.Referral != nil {
				want += " referral.closed"
			}
			expiry := swept.Events[len(claim.Events)]
			if swept.Status != "expired" || !swept.EndedAt.Equal(due) || swept.Types() != want || !swept.EventsIntact ||
				expiry.Actor != "system" || !expiry.At.Equal(due) || len(swept.Actions) != 0 {
				t.Errorf("swept, it is %s, ended at %s by %+v: %s", swept.Status, swept.EndedAt, expiry, swept.Types())
			}
			for name, ask := range readers(t, p, c, claim, link) {
				if !ask() {
					t.Errorf("%s: not expired any more once swept", name)
				}
			}
			for range 2 {
				if n := story.Sweep(t); n != 0 {
					t.Errorf("a further sweep expired %d claims", n)
				}
			}
			if again := p.Get(t, claim.ID); again.Version != swept.Version {
				t.Errorf("further sweeps changed the claim to version %d", again.Version)
			}
		})
	}
}

func TestD3_AtItsDeadlineAClaimTakesNothingFromAnyWriter(t *testing.T) {
	p := story.NewPartner(t)
	e := story.Engagement(t, story.Object{"consentWindowDays": 3, "submissionWindowDays": 5,
		"resubmissionWindowDays": 7})
	first := story.FirstRequest("100.00")
	post := func(claim story.Claim, what string, body func() story.Object) func() localtest.Response {
		return func() localtest.Response { return story.Post(t, p.Token, claim.ID, what, body()) }
	}
	fixed := func(body story.Object) func() story.Object { return func() story.Object { return body } }
	answer := func(link, decision string) func() localtest.Response {
		return func() localtest.Response { return story.Answer(t, link, url.Values{"decision": {decision}}) }
	}
	for _, c := range []struct {
		rule   string
		status mci.Status
		write  func(claim story.Claim, link string) func() localtest.Response
		before int // the answer until the deadline
		after  int // and from it on
	}{
		{"asking for consent", mci.ConsentNotSent, func(claim story.Claim, _ string) func() localtest.Response {
			return post(claim, "consent-requests", fixed(first))
		}, 202, 409},
		{"cancelling what was not asked for", mci.ConsentNotSent,
			func(claim story.Claim, _ string) func() localtest.Response {
				return post(claim, "cancellation", fixed(story.Object{}))
			}, 200, 409},
		{"reminding", mci.ConsentPending, func(claim story.Claim, _ string) func() localtest.Response {
			return post(claim, "consent-requests", fixed(story.Object{}))
		}, 202, 409},
		{"accepting", mci.ConsentPending, func(_ story.Claim, link string) func() localtest.Response {
			return answer(link,
				"accept")
		}, 303, 410},
		{"declining", mci.ConsentPending, func(_ story.Claim, link string) func() localtest.Response {
			return answer(link,
				"decline")
		}, 303, 410},
		{"submitting", mci.Consented, func(claim story.Claim, _ string) func() localtest.Response {
			return post(claim, "submission", story.Submission)
		}, 200, 409},
		{"cancelling after consent", mci.Consented, func(claim story.Claim, _ string) func() localtest.Response {
			return post(claim, "cancellation", fixed(story.Object{}))
		}, 200, 409},
		{"submitting again", mci.ActionRequired, func(claim story.Claim, _ string) func() localtest.Response {
			return post(claim, "submission", story.Submission)
		}, 200, 409},
	} {
		t.Run(c.rule, func(t *testing.T) {
			early, link := p.Bring(t, c.status, story.NewCustomer(t, e), e)
			inTime := c.write(early, link)
			late, lateLink := p.Bring(t, c.status, story.NewCustomer(t, e), e)
			tooLate := c.write(late, lateLink)
			dueOf := func(claim story.Claim) time.Time {
				if claim.SubmissionDue != nil {
					return *claim.SubmissionDue
				}
				return claim.ConsentDue
			}
			story.ClockAt(t, dueOf(early).Add(-15*time.Second))
			inTime().Expect(t, c.before)
			story.ClockAt(t, dueOf(late))
			refused := tooLate()
			refused.Expect(t, c.after)
			if c.after == 409 {
				story.Refused(t, refused, 409, mci.WrongStatus)
			}
			if now := p.Get(t, late.ID); now.Status != "expired" || now.Types() != late.Types() {
				t.Errorf("refused, the claim is %s: %s", now.Status, now.Types())
			}
			story.Sweep(t)
			tooLate().Expect(t, c.after)
		})
	}
}

func TestD3_WhatAnExpiredClaimHeldIsFreeAtThatInstant(t *testing.T) {
	for rule, changes := range map[string]story.Object{
		"its place under the limit of active claims":  {"claimLimits": story.Object{"active": 1, "allowed": 5}},
		"its place under the limit of allowed claims": {"claimLimits": story.Object{"active": 1, "allowed": 1}},
		"the customer, of whom it had the only claim": {"exclusive": true},
	} {
		for _, status := range []mci.Status{mci.ConsentPending, mci.Consented} {
			t.Run(fmt.Sprintf("%s, %s", rule, status), func(t *testing.T) {
				changes["consentWindowDays"], changes["submissionWindowDays"] = 2, 4
				e := story.Engagement(t, changes)
				one, two, three := story.NewPartner(t), story.NewPartner(t), story.NewPartner(t)
				c := story.NewCustomer(t, e)
				claim, _ := one.Bring(t, status, c, e)
				due := claim.ConsentDue
				if claim.SubmissionDue != nil {
					due = *claim.SubmissionDue
				}
				check := func(p story.Partner) bool {
					answer := localtest.Call(t, "POST", "/v1/eligibility-checks", p.Token,
						story.Object{"customerId": c.By(mci.TenantID), "locationId": p.Location}).Expect(t, 200)
					return strings.Contains(string(answer.Body), `"eligible":[{"engagementId":"`+e) ||
						eligible(t, answer, e)
				}
				atTheInstant(t, due, map[string]func() bool{
					"another partner's check": func() bool { return check(two) },
					"its own partner's check": func() bool { return check(one) },
				})
				body := two.Nomination(c, c.By(mci.TenantID), []string{e}, nil)
				story.ClockAt(t, due.Add(-15*time.Second))
				story.Refused(t, localtest.Call(t, "POST", "/v1/customers", two.Token, body), 422, mci.NotEligible)
				story.ClockAt(t, due)
				second := two.Add(t, c, e)
				if check(three) {
					t.Error("the place that was taken over is free for a third")
				}
				story.Sweep(t)
				if check(three) {
					t.Error("the sweep gave away the place that was taken over")
				}
				if now := one.Get(t, claim.ID); now.Status != "expired" ||
					!strings.Contains(now.Types(), "claim.expired") || !now.EventsIntact {
					t.Errorf("the first claim is %s: %s", now.Status, now.Types())
				}
				if now := two.Get(t, second.ID); now.Status != "consent-not-sent" {
					t.Errorf("the second claim is %s", now.Status)
				}
			})
		}
	}
}

func eligible(t *testing.T, answer localtest.Response, engagement string) bool {
	t.Helper()
	verdict := localtest.Decode[struct {
		Eligible []struct{ EngagementID string }
	}](t, answer)
	return slices.ContainsFunc(verdict.Eligible,
		func(each struct{ EngagementID string }) bool { return each.EngagementID == engagement })
}

func TestD3_ItsOwnPartnerCanNominateAgainBeforeTheSweepHasComeBy(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"consentWindowDays": 2})
	c := story.NewCustomer(t, e)
	claim, _ := p.Bring(t, mci.ConsentPending, c, e)
	body := p.Nomination(c, c.By(mci.TenantID), []string{e}, nil)
	story.ClockAt(t, claim.ConsentDue.Add(-15*time.Second))
	if problem := story.Refused(t, localtest.Call(t, "POST", "/v1/customers", p.Token, body), 409,
		mci.ClaimExists); problem.ClaimID != claim.ID {
		t.Errorf("the claim that exists is %q", problem.ClaimID)
	}
	story.ClockAt(t, claim.ConsentDue)
	again := p.Add(t, c, e)
	row := story.Find(p.Customers(t, e, "eligible"), c)
	if row == nil || row.Claim == nil || row.Claim.ID != again.ID {
		t.Errorf("Eligible shows %+v", row)
	}
	story.Sweep(t)
	if one, two := p.Get(t, claim.ID), p.Get(t, again.ID); one.Status != "expired" ||
		two.Status != "consent-not-sent" || !one.EventsIntact || !two.EventsIntact {
		t.Errorf("the claims are %s and %s", one.Status, two.Status)
	}
}

func TestS24_WhoDoesNotAnswerInTimeIsOnNoTabUnlessKnown(t *testing.T) {
	p := story.NewPartner(t)
	other := story.Engagement(t, nil)
	e := story.Engagement(t, story.Object{"consentWindowDays": 1, "submissionWindowDays": 1})
	stranger, known, consented := story.NewCustomer(t, e), story.NewCustomer(t, e, other), story.NewCustomer(t, e)
	p.Bring(t, mci.Consented, known, other)
	p.Bring(t, mci.ConsentPending, stranger, e)
	p.Bring(t, mci.ConsentPending, known, e)
	p.Bring(t, mci.Consented, consented, e)
	localtest.SetClock(t, story.Day+time.Minute)
	for _, when := range []string{"before the sweep", "after the sweep"} {
		for _, c := range []struct {
			rule               string
			customer           story.Customer
			eligible, complete bool
		}{
			{"a stranger who did not answer", stranger, false, false},
			{"a known customer who did not answer", known, true, true},
			{"one who had consented", consented, true, true},
		} {
			if row := story.Find(p.Customers(t, e, "eligible"), c.customer); (row != nil) != c.eligible || row != nil &&
				row.Claim != nil {
				t.Errorf("%s, %s: Eligible shows %+v", c.rule, when, row)
			}
			if row := story.Find(p.Customers(t, e, "complete"), c.customer); (row != nil) != c.complete || row != nil &&
				row.Claim.Status != "expired" {
				t.Errorf("%s, %s: Complete shows %+v", c.rule, when, row)
			}
			if row := story.Find(p.Customers(t, e, "ineligible"), c.customer); row != nil {
				t.Errorf("%s, %s: Ineligible shows %+v", c.rule, when, row)
			}
		}
		story.Sweep(t)
	}
	list := localtest.Decode[struct{ Claims []story.Claim }](t, localtest.Call(t, "GET", "/v1/claims?status=expired",
		p.Token, nil).Expect(t, 200))
	if len(list.Claims) != 3 {
		t.Errorf("the partner's list has %d expired claims instead of 3", len(list.Claims))
	}
}

func TestD2_WhatIsSubmittedWaitsForTheProgramHoweverLong(t *testing.T) {
	p := story.NewPartner(t)
	e := story.Engagement(t, story.Object{"consentWindowDays": 1, "submissionWindowDays": 1,
		"claimLimits": story.Object{"active": 1, "allowed": 1}})
	c := story.NewCustomer(t, e)
	claim, _ := p.Bring(t, mci.Submitted, c, e)
	localtest.SetClock(t, 300*story.Day)
	story.Sweep(t)
	if now := p.Get(t, claim.ID); now.Status != "submitted" || now.Version != claim.Version {
		t.Errorf("after 300 days it is %s", now.Status)
	}
	other := story.NewPartner(t)
	story.Refused(t, localtest.Call(t, "POST", "/v1/customers", other.Token, other.Nomination(c, c.By(mci.TenantID),
		[]string{e}, nil)), 422, mci.NotEligible)
	story.Review(t, claim.ID, mci.Complete)
}

// due brings claims that are all due, and moves the clock there.
func due(t *testing.T, n int) (story.Partner, []story.Claim) {
	t.Helper()
	alone(t)
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"consentWindowDays": 1})
	claims := make([]story.Claim, n)
	for i := range claims {
		claims[i] = p.Add(t, story.NewCustomer(t, e), e)
	}
	story.ClockAt(t, claims[n-1].ConsentDue.Add(time.Minute))
	return p, claims
}

// expiredOnce checks that each claim was expired, by one event.
func expiredOnce(t *testing.T, p story.Partner, claims []story.Claim) {
	t.Helper()
	for _, claim := range claims {
		if now := p.Get(t, claim.ID); now.Types() != "claim.added claim.expired" || now.Status != "expired" ||
			!now.EventsIntact {
			t.Errorf("a claim is %s: %s", now.Status, now.Types())
		}
	}
}

func TestD3_SweepsAtTheSameTimeWriteEachExpiryOnce(t *testing.T) {
	p, claims := due(t, 24)
	counts := make([]int, 4)
	var all sync.WaitGroup
	for i := range counts {
		all.Go(func() { counts[i] = story.Sweep(t) })
	}
	all.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if sum != len(claims) {
		t.Errorf("the sweeps say %v, together not %d", counts, len(claims))
	}
	expiredOnce(t, p, claims)
}

func TestD3_ASweepThatDiesLeavesTheRestToTheNext(t *testing.T) {
	for _, effect := range []localtest.Effect{localtest.KillBefore, localtest.KillAfter} {
		p, claims := due(t, 12)
		fault := localtest.Inject(t, localtest.Fault{Effect: effect, Function: "expiry-sweep",
			Action: "TransactWriteItems", Skip: 4})
		localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 500)
		if fault.Fired() != 1 {
			t.Fatal("the sweep did not die")
		}
		done := 0
		for _, claim := range claims {
			if strings.Contains(p.Get(t, claim.ID).Types(), "claim.expired") {
				done++
			}
		}
		// What it had asked of the table when it died may still come to pass after it was counted here.
		if n := story.Sweep(t); n > len(claims)-done {
			t.Errorf("of %d claims %d were done before it died, %d by the next sweep", len(claims), done, n)
		}
		expiredOnce(t, p, claims)
	}
}

func TestD3_AClaimThatCannotBeExpiredDoesNotHoldUpTheOthers(t *testing.T) {
	p, claims := due(t, 8)
	stuck := claims[3]
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Reject, Function: "expiry-sweep",
		Action: "TransactWriteItems", Times: localtest.All,
		Match: localtest.Naming(stuck.ID)})
	localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 500) // an alarm shall see it
	expiredOnce(t, p, slices.Concat(claims[:3], claims[4:]))
	if now := p.Get(t, stuck.ID); now.Status != "expired" {
		t.Errorf("for its reader the one that is stuck is %s", now.Status)
	}
	fault.Remove()
	if n := story.Sweep(t); n != 1 {
		t.Errorf("the next sweep expired %d", n)
	}
	expiredOnce(t, p, claims)
}

func TestD3_ThrottledSweepsTryAgain(t *testing.T) {
	p, claims := due(t, 4)
	localtest.Inject(t, localtest.Fault{Effect: localtest.Conflict, Function: "expiry-sweep",
		Action: "TransactWriteItems", Times: 4})
	if n := story.Sweep(t); n != 4 {
		t.Errorf("the sweep expired %d", n)
	}
	expiredOnce(t, p, claims)
}

func TestD3_AClaimThatMovedOnSinceItWasListedIsLeftAlone(t *testing.T) {
	alone(t)
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"consentWindowDays": 1})
	claim := p.Add(t, story.NewCustomer(t, e), e)
	// A sweep whose clock is ahead lists the claim as due; before it writes, the partner cancels.
	localtest.SetClock(t, story.Day+time.Minute)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "expiry-sweep",
		Action: "TransactWriteItems",
		Match:  localtest.Naming(claim.ID)})
	swept := make(chan int)
	go func() { swept <- story.Sweep(t) }()
	fault.Wait(t)
	localtest.SetClock(t, 0)
	p.Cancel(t, claim.ID)
	fault.Release()
	if n := <-swept; n != 0 {
		t.Errorf("the sweep says it expired %d", n)
	}
	if now := p.Get(t, claim.ID); now.Status != "cancelled" || now.Types() != "claim.added claim.cancelled" ||
		!now.EventsIntact {
		t.Errorf("the claim is %s: %s", now.Status, now.Types())
	}
}
