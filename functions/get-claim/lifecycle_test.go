package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// ask is one of the ways to move a claim by the front door.
type ask struct {
	name   string
	post   func(t *testing.T, p story.Partner, claim story.Claim) localtest.Response
	leads  map[mci.Status]mci.Status // where it is allowed, and where it leads
	action mci.Action                // what the partner, or the program, is told that it can do
}

var asks = []ask{
	{"a first consent request", func(t *testing.T, p story.Partner, claim story.Claim) localtest.Response {
		return story.Post(t, p.Token, claim.ID, "consent-requests", story.FirstRequest("60000.00"))
	}, map[mci.Status]mci.Status{mci.ConsentNotSent: mci.ConsentPending,
		mci.ConsentPending: mci.ConsentPending}, mci.ActionSendConsent},
	{"a reminder", func(t *testing.T, p story.Partner, claim story.Claim) localtest.Response {
		return story.Post(t, p.Token, claim.ID, "consent-requests", story.Object{"disclaimerAccepted": true})
	}, map[mci.Status]mci.Status{mci.ConsentPending: mci.ConsentPending}, mci.ActionResendConsent},
	{"a submission", func(t *testing.T, p story.Partner, claim story.Claim) localtest.Response {
		return story.Post(t, p.Token, claim.ID, "submission", story.Submission())
	}, map[mci.Status]mci.Status{mci.Consented: mci.Submitted, mci.ActionRequired: mci.Submitted},
		mci.ActionSubmitClaim},
	{"a cancellation", func(t *testing.T, p story.Partner, claim story.Claim) localtest.Response {
		return story.Post(t, p.Token, claim.ID, "cancellation", story.Object{"reason": "Not wanted any more."})
	}, map[mci.Status]mci.Status{
		mci.ConsentNotSent: mci.Cancelled, mci.ConsentPending: mci.Cancelled, mci.Consented: mci.Cancelled,
		mci.ActionRequired: mci.Cancelled,
	}, mci.ActionCancelClaim},
	{"a review that completes", review(mci.Complete), map[mci.Status]mci.Status{mci.Submitted: mci.Completed},
		mci.ActionReviewClaim},
	{"a review that returns", review(mci.Return), map[mci.Status]mci.Status{mci.Submitted: mci.ActionRequired},
		mci.ActionReviewClaim},
	{"a review that rejects", review(mci.Reject), map[mci.Status]mci.Status{mci.Submitted: mci.Rejected},
		mci.ActionReviewClaim},
}

func review(decision mci.ReviewDecision) func(t *testing.T, p story.Partner, claim story.Claim) localtest.Response {
	return func(t *testing.T, _ story.Partner, claim story.Claim) localtest.Response {
		return story.Post(t, story.Program(t), claim.ID, "review", story.Object{"decision": decision,
			"reason": "Looked at."})
	}
}

// shown is the claim as the API shows it, with all that can change.
func shown(t *testing.T, p story.Partner, claimID string) string {
	t.Helper()
	return string(localtest.Call(t, "GET", "/v1/claims/"+claimID, p.Token, nil).Expect(t, 200).Body)
}

// standing is a claim in a status, with the link of whoever was asked.
type standing struct {
	status mci.Status
	how    string
	claim  story.Claim
	link   string
}

// refusesAll checks that nothing moves the claim but what its status allows.
func (s standing) refusesAll(t *testing.T, p story.Partner) {
	t.Helper()
	before := shown(t, p, s.claim.ID)
	for _, ask := range asks {
		_, allowed := ask.leads[s.status]
		if allowed || ask.action == mci.ActionResendConsent && s.status == mci.ConsentNotSent {
			continue // a reminder of nothing is a first request that lacks what it needs (S21)
		}
		t.Run(fmt.Sprintf("%s%s takes no %s", s.status, s.how, strings.TrimPrefix(ask.name, "a ")), func(t *testing.T) {
			problem := story.Refused(t, ask.post(t, p, s.claim), 409, mci.WrongStatus)
			if !strings.Contains(problem.Detail, string(s.status)) {
				t.Errorf("the detail does not say how the claim stands: %s", problem.Detail)
			}
		})
	}
	if s.link != "" && s.status != mci.ConsentPending {
		for _, decision := range []string{"accept", "decline"} {
			want := map[mci.Status]int{mci.Cancelled: 404, mci.Expired: 410}[s.status]
			if want == 0 || s.claim.ConsentedAt != nil {
				want = 303 // the decision that stands is shown
			}
			t.Run(fmt.Sprintf("%s%s takes no answer to %s", s.status, s.how, decision), func(t *testing.T) {
				story.Answer(t, s.link, url.Values{"decision": {decision}}).Expect(t, want)
			})
		}
	}
	if !p.Get(t, s.claim.ID).EventsIntact {
		t.Errorf("the history of the claim that is %s%s is said to be broken", s.status, s.how)
	}
	if after := shown(t, p, s.claim.ID); after != before {
		t.Errorf("a refusal changed the %s claim from\n%s\nto\n%s", s.status, before, after)
	}
}

// TestD1_EveryStatusTakesWhatItsTableSaysAndNothingElse moves the clock, as two of the statuses are reached only so.
func TestD1_EveryStatusTakesWhatItsTableSaysAndNothingElse(t *testing.T) {
	p := story.NewPartner(t)
	long := story.Engagement(t, story.Object{"consentWindowDays": 300, "submissionWindowDays": 300,
		"resubmissionWindowDays": 300})
	short := story.Engagement(t, story.Object{"consentWindowDays": 1, "submissionWindowDays": 1,
		"resubmissionWindowDays": 1})

	var all []standing
	for _, status := range mci.Statuses {
		if status != mci.Expired {
			claim, link := p.Bring(t, status, story.NewCustomer(t, long), long)
			all = append(all, standing{status, "", claim, link})
		}
	}
	asked, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, long), long)
	all = append(all, standing{mci.Cancelled, " after the customer was asked", p.Cancel(t, asked.ID), link})
	for _, status := range []mci.Status{mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.ActionRequired} {
		claim, link := p.Bring(t, status, story.NewCustomer(t, short), short)
		all = append(all, standing{mci.Expired, " once " + string(status), claim, link})
	}

	localtest.SetClock(t, story.Day+story.Day/24)
	for _, s := range all {
		s.refusesAll(t, p)
	}
	if swept := story.Sweep(t); swept != 4 {
		t.Errorf("the sweep expired %d claims instead of 4", swept)
	}
	for _, s := range all {
		if s.status == mci.Expired {
			s.how += ", swept"
			s.refusesAll(t, p)
		}
	}
}

func TestD1_WhatIsAllowedLeadsWhereTheTableSays(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, ask := range asks {
		for from, to := range ask.leads {
			t.Run(fmt.Sprintf("%s with %s becomes %s", from, ask.name, to), func(t *testing.T) {
				t.Parallel()
				claim, _ := p.Bring(t, from, story.NewCustomer(t, e), e)
				answer := ask.post(t, p, claim)
				if answer.Status != 200 && answer.Status != 202 {
					t.Fatalf("answered %d: %s", answer.Status, answer.Body)
				}
				told, now := localtest.Decode[story.Claim](t, answer), p.Get(t, claim.ID)
				if told.Status != string(to) || now.Status != string(to) || told.Version != now.Version ||
					now.Version <= claim.Version {
					t.Errorf("told %s in version %d, is %s in %d, was in %d", told.Status, told.Version, now.Status,
						now.Version, claim.Version)
				}
				if !now.EventsIntact {
					t.Errorf("the history is broken: %s", now.Types())
				}
				if terminal := to.Terminal(); terminal != (now.EndedAt != nil) {
					t.Errorf("a claim that is %s ended at %v", to, now.EndedAt)
				}
			})
		}
	}
	for decision, to := range map[string]mci.Status{"accept": mci.Consented, "decline": mci.Declined} {
		t.Run(fmt.Sprintf("consent-pending with a customer's %s becomes %s", decision, to), func(t *testing.T) {
			t.Parallel()
			claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
			story.Answer(t, link, story.Form(decision)).Expect(t, 303)
			if now := p.Get(t, claim.ID); now.Status != string(to) {
				t.Errorf("it is %s", now.Status)
			}
		})
	}
}

func TestS2_ActionsAreThoseOpenToTheCallerNow(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	partners := map[mci.Status][]string{
		mci.ConsentNotSent: {"send-consent", "cancel-claim"}, mci.ConsentPending: {"resend-consent", "cancel-claim"},
		mci.Consented: {"submit-claim", "cancel-claim"}, mci.ActionRequired: {"submit-claim", "cancel-claim"},
	}
	programs := map[mci.Status][]string{mci.Submitted: {"review-claim"}}
	granted := p.NewUser(t, mci.IncentivesAdmin, mci.IncentivesUser)
	withoutGrant := p.NewUser(t, "", mci.IncentivesAdmin)
	callers := []struct {
		who   string
		token string
		open  map[mci.Status][]string
	}{
		{"the partner's admin with a grant", p.Token, partners},
		{"a user with a grant of the other role", granted, partners},
		{"a user without a grant on the location", withoutGrant, nil},
		{"the program", story.Program(t), programs},
	}
	for _, status := range mci.Statuses {
		if status == mci.Expired {
			continue // the sweep's own tests
		}
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			claim, _ := p.Bring(t, status, story.NewCustomer(t, e), e)
			for _, caller := range callers {
				answer := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, caller.token, nil).Expect(t, 200)
				if got := localtest.Decode[story.Claim](t, answer).Actions; !slices.Equal(got, caller.open[status]) ||
					got == nil {
					t.Errorf("%s can do %q, want %q", caller.who, got, caller.open[status])
				}
			}
		})
	}
}

func TestD17_AClaimIsReadByWhomItConcerns(t *testing.T) {
	t.Parallel()
	p, other := story.NewPartner(t), story.NewPartner(t)
	e := story.Engagement(t, story.WithCoSell(false))
	partnerLed, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	coSell, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	localtest.WaitDrained(t)

	seller := localtest.Token(t, "", story.Name("seller"), mci.FieldSeller)
	for _, c := range []struct {
		rule, token, claim string
		status             int
		code               mci.Code
	}{
		{"its partner's user without a grant reads it", p.NewUser(t, "", mci.IncentivesUser), partnerLed.ID, 200, ""},
		{"the program reads it", story.Program(t), partnerLed.ID, 200, ""},
		{"a field seller reads a co-sell claim", seller, coSell.ID, 200, ""},
		{"a field seller does not see another", seller, partnerLed.ID, 404, mci.NotFound},
		{"another partner does not see it", other.Token, partnerLed.ID, 404, mci.NotFound},
		{"a partner's referral admin works on referrals only", p.NewUser(t, "", mci.ReferralAdmin), partnerLed.ID, 403,
			mci.Forbidden},
		{"a caller without a role sees nothing", localtest.Token(t, p.ID, p.User), partnerLed.ID, 403, mci.Forbidden},
		{"an incentives role without a partner sees nothing", localtest.Token(t, "", p.User, mci.IncentivesAdmin),
			partnerLed.ID, 403, mci.Forbidden},
		{"a claim that there is not is not found", p.Token, "01JD0000000000000000000000" + partnerLed.ID[26:], 404,
			mci.NotFound},
		{"what cannot be a claim is not found", p.Token, "nothing", 404, mci.NotFound},
	} {
		t.Run(c.rule, func(t *testing.T) {
			answer := localtest.Call(t, "GET", "/v1/claims/"+c.claim, c.token, nil)
			if c.code == "" {
				answer.Expect(t, 200)
			} else {
				story.Refused(t, answer, c.status, c.code)
			}
		})
	}
	t.Run("without a token it is 401", func(t *testing.T) {
		localtest.Call(t, "GET", "/v1/claims/"+partnerLed.ID, "", nil).Expect(t, 401)
	})
	t.Run("a parameter that nobody knows is refused", func(t *testing.T) {
		story.Refused(t, localtest.Call(t, "GET", "/v1/claims/"+partnerLed.ID+"?full=true", p.Token, nil), 422,
			mci.Invalid)
	})
}

func TestS27_FieldSellersSeeTheClaimWithoutTheCustomersContact(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	c := story.NewCustomer(t, e)
	claim, _ := p.Bring(t, mci.Consented, c, e)
	localtest.WaitDrained(t)
	story.Post(t, p.Token, claim.ID, "submission", story.Object{"completedOn": mci.DateOf(localtest.Now()),
		"notes": "Report handed over."}).Expect(t, 200)
	story.Review(t, claim.ID, mci.Return)

	seller := localtest.Token(t, "", story.Name("seller"), mci.FieldSeller)
	answer := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, seller, nil).Expect(t, 200)
	seen := localtest.Decode[story.Claim](t, answer)
	if seen.CustomerContact != nil || strings.Contains(string(answer.Body), "Kim Contact") ||
		strings.Contains(string(answer.Body), c.Email) {
		t.Errorf("the customer's contact is told: %s", answer.Body)
	}
	if seen.Referral == nil || seen.Referral.Type != "co-sell" || len(seen.Actions) != 0 ||
		seen.PartnerContact.Email == "" || len(seen.Events) == 0 || !seen.EventsIntact ||
		seen.SubmissionNotes != "Report handed over." || seen.ReviewReason != "Looked at." {
		t.Errorf("the seller sees %s", answer.Body)
	}
}

func TestD2_TheClaimSaysWhereItStands(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	if claim.EmailSentAt == nil || claim.SendsLeft == nil || *claim.SendsLeft != 9 ||
		!claim.Due.Equal(claim.ConsentDue) {
		t.Errorf("asked: sent at %v, %v sends left, due %v", claim.EmailSentAt, claim.SendsLeft, claim.Due)
	}
	sentAt := *claim.EmailSentAt
	claim = p.Request(t, claim.ID, story.Object{"customerContact": story.Object{"name": "Kim", "email": "other" +
		claim.CustomerContact.Email}})
	if !claim.EmailSentAt.After(sentAt) || *claim.SendsLeft != 8 {
		t.Errorf("asked at another address: sent at %v, %v sends left", claim.EmailSentAt, claim.SendsLeft)
	}
	story.Accept(t, story.Link(t, claim.CustomerContact.Email))
	if claim = p.Get(t, claim.ID); claim.SendsLeft != nil || !claim.Due.Equal(*claim.SubmissionDue) {
		t.Errorf("consented: %v sends left, due %v", claim.SendsLeft, claim.Due)
	}
	today := mci.DateOf(localtest.Now())
	story.Post(t, p.Token, claim.ID, "submission", story.Object{"completedOn": today, "notes": "All done."}).Expect(t,
		200)
	claim = p.Get(t, claim.ID)
	if claim.Due != nil || claim.SubmittedAt == nil || claim.CompletedOn != today ||
		claim.SubmissionNotes != "All done." || claim.ReviewReason != "" {
		t.Errorf("submitted: %+v", claim)
	}
	story.Review(t, claim.ID, mci.Return)
	if claim = p.Get(t, claim.ID); claim.ReviewReason != "Looked at." || !claim.Due.Equal(*claim.SubmissionDue) ||
		claim.SubmittedAt == nil {
		t.Errorf("returned: %+v", claim)
	}
}
