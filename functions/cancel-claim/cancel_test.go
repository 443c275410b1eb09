package main

import (
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

func cancel(t *testing.T, token, claimID string, body any, headers ...string) localtest.Response {
	t.Helper()
	return story.Post(t, token, claimID, "cancellation", body, headers...)
}

func TestD4_ACancelledClaimGivesItsPlaceBackAtOnce(t *testing.T) {
	t.Parallel()
	for rule, changes := range map[string]story.Object{
		"one active claim":   {"claimLimits": story.Object{"active": 1, "allowed": 9}},
		"one claim at all":   {"claimLimits": story.Object{"active": 1, "allowed": 1}},
		"one partner at all": {"exclusive": true},
	} {
		for _, status := range []mci.Status{mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.ActionRequired} {
			t.Run(rule+", "+string(status), func(t *testing.T) {
				t.Parallel()
				e := story.Engagement(t, changes)
				one, two := story.NewPartner(t), story.NewPartner(t)
				c := story.NewCustomer(t, e)
				claim, _ := one.Bring(t, status, c, e)
				body := two.Nomination(c, c.By(mci.TenantID), []string{e}, nil)
				story.Refused(t, localtest.Call(t, "POST", "/v1/customers", two.Token, body), 422, mci.NotEligible)
				cancelled := one.Cancel(t, claim.ID)
				if cancelled.Status != "cancelled" || cancelled.EndedAt == nil || len(cancelled.Actions) != 0 {
					t.Errorf("answered a claim that is %s, ended %v, open for %q", cancelled.Status, cancelled.EndedAt,
						cancelled.Actions)
				}
				two.Add(t, c, e)
			})
		}
	}
}

func TestS5_ACancelledClaimIsOnCompleteAndItsCustomerIsJudgedAfresh(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	stranger, known := story.NewCustomer(t, e), story.NewCustomer(t, e)
	unasked, _ := p.Bring(t, mci.Cancelled, stranger, e)
	consented, _ := p.Bring(t, mci.Consented, known, e)
	p.Cancel(t, consented.ID)
	for _, c := range []struct {
		rule     string
		customer story.Customer
		claim    string
		eligible bool
	}{{"of a stranger", stranger, unasked.ID, false}, {"of a known customer", known, consented.ID, true}} {
		if row := story.Find(p.Customers(t, e, "complete"), c.customer); row == nil || row.Claim.ID != c.claim ||
			row.Claim.Status != "cancelled" {
			t.Errorf("%s: Complete shows %+v", c.rule, row)
		}
		row := story.Find(p.Customers(t, e, "eligible"), c.customer)
		if (row != nil) != c.eligible || row != nil &&
			(row.Claim != nil || strings.Join(row.Actions, " ") != "claim-customer") {
			t.Errorf("%s: Eligible shows %+v", c.rule, row)
		}
	}
}

func TestD9_CancellingClosesTheReferralAsLost(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	for _, status := range []mci.Status{mci.ConsentPending, mci.Consented, mci.ActionRequired} {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, e), e)
		if p.Cancel(t, claim.ID); claim.ReferralNow(t).State() != "closed/lost" {
			t.Errorf("cancelled when %s, the referral is %s", status, claim.ReferralNow(t).State())
		}
		now := p.Get(t, claim.ID)
		if !strings.HasSuffix(now.Types(), " claim.cancelled referral.closed") || !now.EventsIntact {
			t.Errorf("the history is %s", now.Types())
		}
	}
}

func TestD1_WhatACancellationMustHave(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	for rule, body := range map[string]any{
		"a reason of 501 characters":           story.Object{"reason": strings.Repeat("ß", 501)},
		"a reason that is a number":            story.Object{"reason": 7},
		"a reason with a control character":    story.Object{"reason": "a\x1b[31mb"},
		"a reason that hides what comes after": story.Object{"reason": "a\u2066b"},
		"a field that nobody knows":            story.Object{"reason": "", "because": "x"},
	} {
		problem := story.Refused(t, cancel(t, p.Token, claim.ID, body), 422, mci.Invalid)
		if len(problem.Errors) != 1 || !strings.HasPrefix(problem.Errors[0].Pointer, "/") {
			t.Errorf("%s: told %+v", rule, problem.Errors)
		}
	}
	for rule, body := range map[string]string{"a name twice": `{"reason":"a","reason":"b"}`, "two values": `{} {}`,
		"a number": "7"} {
		if answer := cancel(t, p.Token, claim.ID, body); answer.Status != 400 {
			t.Errorf("%s: answered %d", rule, answer.Status)
		}
	}
	story.Refused(t, cancel(t, p.NewUser(t, "", mci.IncentivesAdmin), claim.ID, story.Object{}), 403,
		mci.LocationNotGranted)
	story.Refused(t, cancel(t, story.NewPartner(t).Token, claim.ID, story.Object{}), 404, mci.NotFound)
	story.Refused(t, cancel(t, story.Program(t), claim.ID, story.Object{}), 403, mci.Forbidden)
	if now := p.Get(t, claim.ID); now.Version != claim.Version {
		t.Errorf("refusals changed the claim to version %d", now.Version)
	}
	cancel(t, p.NewUser(t, mci.IncentivesUser, mci.IncentivesAdmin), claim.ID,
		story.Object{"reason": strings.Repeat("ß", 500)}).Expect(t, 200)

	withoutBody := p.Add(t, story.NewCustomer(t, e), e)
	cancel(t, p.Token, withoutBody.ID, nil).Expect(t, 200) // nothing needs to be said
	blank := p.Add(t, story.NewCustomer(t, e), e)
	cancel(t, p.Token, blank.ID, story.Object{"reason": "  "}).Expect(t, 200)
}

func TestD17_AGrantTakenAwayEndsWhatItsUserMayDo(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	user := story.Name("user")
	token := localtest.Token(t, p.ID, user, mci.IncentivesUser)
	p.Grant(t, user, mci.IncentivesUser, false)
	if answer := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, token, nil).Expect(t,
		200); !strings.Contains(string(answer.Body), "cancel-claim") {
		t.Errorf("with a grant the user sees %s", answer.Body)
	}
	p.Grant(t, user, mci.IncentivesUser, true)
	if answer := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, token, nil).Expect(t,
		200); strings.Contains(string(answer.Body), "cancel-claim") {
		t.Errorf("without one the user sees %s", answer.Body)
	}
	story.Refused(t, cancel(t, token, claim.ID, story.Object{}), 403, mci.LocationNotGranted)
}
