package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

func review(t *testing.T, token, claimID string, body any, headers ...string) localtest.Response {
	t.Helper()
	return story.Post(t, token, claimID, "review", body, headers...)
}

func TestD1_TheProgramsWordOnASubmittedClaim(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	for decision, c := range map[mci.ReviewDecision]struct{ status, event, referral string }{
		mci.Complete: {"completed", "claim.completed", "closed/won"},
		mci.Return:   {"action-required", "claim.returned", "active"},
		mci.Reject:   {"rejected", "claim.rejected", "closed/lost"},
	} {
		t.Run(string(decision), func(t *testing.T) {
			t.Parallel()
			customer := story.NewCustomer(t, e)
			claim, _ := p.Bring(t, mci.Submitted, customer, e)
			answer := review(t, story.Program(t), claim.ID, story.Object{"decision": decision,
				"reason": "Looked at."}).Expect(t, 200)
			told, now := localtest.Decode[story.Claim](t, answer), p.Get(t, claim.ID)
			if told.Status != c.status || now.Status != c.status || told.CustomerContact == nil {
				t.Errorf("answered %s", answer.Body)
			}
			at := slices.IndexFunc(now.Events, func(event story.Event) bool { return event.Type == c.event })
			if at < 0 || now.Events[at].Detail["reason"] != "Looked at." {
				t.Errorf("the history is %s", now.Types())
			}
			if state := claim.ReferralNow(t).State(); state != c.referral {
				t.Errorf("the referral is %s instead of %s", state, c.referral)
			}
			if ended := told.EndedAt != nil; ended != (decision != mci.Return) {
				t.Errorf("it ended at %v", told.EndedAt)
			}
			tab := map[bool]string{true: "eligible", false: "complete"}[decision == mci.Return]
			if row := story.Find(p.Customers(t, e, tab), customer); row == nil || row.Claim == nil ||
				row.Claim.ID != claim.ID {
				t.Errorf("the tab %s shows %+v", tab, row)
			}
		})
	}
}

func TestD4_CompletedCountsAndRejectedDoesNot(t *testing.T) {
	t.Parallel()
	for decision, refused := range map[mci.ReviewDecision]bool{mci.Complete: true, mci.Reject: false} {
		for rule, changes := range map[string]story.Object{
			"two claims at all":  {"claimLimits": story.Object{"active": 1, "allowed": 1}},
			"one partner at all": {"exclusive": true},
		} {
			t.Run(string(decision)+", "+rule, func(t *testing.T) {
				t.Parallel()
				e := story.Engagement(t, changes)
				one, two := story.NewPartner(t), story.NewPartner(t)
				c := story.NewCustomer(t, e)
				claim, _ := one.Bring(t, mci.Submitted, c, e)
				story.Review(t, claim.ID, decision)
				answer := localtest.Call(t, "POST", "/v1/customers", two.Token, two.Nomination(c, c.By(mci.TenantID),
					[]string{e}, nil))
				if refused {
					story.Refused(t, answer, 422, mci.NotEligible)
				} else {
					answer.Expect(t, 201)
				}
			})
		}
	}
}

// TestD2_SentBackAClaimIsDueTheLaterOfBoth moves the clock.
func TestD2_SentBackAClaimIsDueTheLaterOfBoth(t *testing.T) {
	p := story.NewPartner(t)
	for _, c := range []struct {
		rule                  string
		submission, resubmit  int
		waits                 time.Duration
		untilTheFirstDeadline bool
	}{
		{"a short time to submit again does not shorten what there was", 60, 14, story.Day, true},
		{"reviewed late, the time to submit again counts", 60, 14, 50 * story.Day, false},
		{"reviewed after the first deadline has passed, too", 2, 3, 30 * story.Day, false},
		{"the first deadline a little later than the other", 10, 5, 5*story.Day - time.Hour, true},
		{"the first deadline a little earlier than the other", 10, 5, 5*story.Day + time.Hour, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			localtest.SetClock(t, 0)
			e := story.Engagement(t, story.Object{"submissionWindowDays": c.submission,
				"resubmissionWindowDays": c.resubmit})
			claim, _ := p.Bring(t, mci.Submitted, story.NewCustomer(t, e), e)
			localtest.SetClock(t, c.waits)
			returned := story.Review(t, claim.ID, mci.Return)
			now := p.Get(t, claim.ID)
			reviewed := now.Events[len(now.Events)-1].At
			want := reviewed.Add(time.Duration(c.resubmit) * story.Day)
			if c.untilTheFirstDeadline {
				want = *claim.SubmissionDue
			}
			if !returned.SubmissionDue.Equal(want) || !now.SubmissionDue.Equal(want) {
				t.Errorf("reviewed %s, it is due %s instead of %s", reviewed, returned.SubmissionDue, want)
			}
			story.ClockAt(t, want.Add(-15*time.Second))
			p.Submit(t, claim.ID)
			story.Review(t, claim.ID, mci.Return) // sent back again, it has time again
			if again := p.Get(t, claim.ID); !again.SubmissionDue.After(want) {
				t.Errorf("sent back again, it is due %s", again.SubmissionDue)
			}
		})
	}
}

// TestD27_WhatWasPromisedStands replaces every process, as moving the clock does: none remembers the engagement.
func TestD27_WhatWasPromisedStands(t *testing.T) {
	p := story.NewPartner(t)
	e := story.Engagement(t, story.Object{"submissionWindowDays": 33, "resubmissionWindowDays": 5})
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	localtest.SetClock(t, localtest.Cloud().Offset())
	story.Engagement(t, story.Object{"id": e, "submissionWindowDays": 2, "resubmissionWindowDays": 70})
	story.Accept(t, link)
	if now := p.Get(t, claim.ID); !now.SubmissionDue.Equal(now.ConsentedAt.Add(33 * story.Day)) {
		t.Errorf("consented %s, it is due %s", now.ConsentedAt, now.SubmissionDue)
	}
	p.Submit(t, claim.ID)
	story.Review(t, claim.ID, mci.Return)
	now := p.Get(t, claim.ID)
	if reviewed := now.Events[len(now.Events)-1].At; !now.SubmissionDue.Equal(reviewed.Add(70 * story.Day)) {
		t.Errorf("reviewed %s, it is due %s", reviewed, now.SubmissionDue)
	}
}

func TestD1_WhatAReviewMustHave(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.Submitted, story.NewCustomer(t, e), e)
	staff := story.Program(t)
	for rule, body := range map[string]any{
		"no body":                    nil,
		"no decision":                story.Object{"reason": ""},
		"an empty decision":          story.Object{"decision": ""},
		"a status for a decision":    story.Object{"decision": "completed"},
		"a decision in capitals":     story.Object{"decision": "Complete"},
		"a decision that is true":    story.Object{"decision": true},
		"a reason of 501 characters": story.Object{"decision": "reject", "reason": strings.Repeat("x", 501)},
		"a field that nobody knows":  story.Object{"decision": "reject", "reason": "Why.", "notes": ""},
	} {
		if problem := story.Refused(t, review(t, staff, claim.ID, body), 422, mci.Invalid); len(problem.Errors) != 1 {
			t.Errorf("%s: told %+v", rule, problem.Errors)
		}
	}
	complete := story.Object{"decision": "complete"}
	for rule, token := range map[string]string{
		"its own partner": p.Token, "a field seller": localtest.Token(t, "", story.Name("seller"), mci.FieldSeller),
		"a referral admin": p.NewUser(t, "", mci.ReferralAdmin),
	} {
		if answer := review(t, token, claim.ID, complete); answer.Status != 403 {
			t.Errorf("%s: answered %d", rule, answer.Status)
		}
	}
	story.Refused(t, review(t, staff, "01JD0000000000000000000000"+claim.ID[26:], complete), 404, mci.NotFound)
	story.Refused(t, review(t, staff, claim.ID+"0", complete), 404, mci.NotFound)
	if now := p.Get(t, claim.ID); now.Version != claim.Version {
		t.Errorf("refusals changed the claim")
	}
	review(t, staff, claim.ID, complete).Expect(t, 200) // a reason need not be given
}

// TestD14_TheReviewQueueHasTheLongestWaitingFirst is alone with the queue of all partners, which other tests fill too:
// it looks at its own claims' order.
func TestD14_TheReviewQueueHasTheLongestWaitingFirst(t *testing.T) {
	t.Parallel()
	e := story.Engagement(t, nil)
	staff := story.Program(t)
	var born, waiting []string
	partners := []story.Partner{story.NewPartner(t), story.NewPartner(t)}
	owners := map[string]story.Partner{}
	for i := range 6 {
		p := partners[i%2]
		claim, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
		born = append(born, claim.ID)
		owners[claim.ID] = p
	}
	for _, i := range []int{3, 0, 5, 1} {
		owners[born[i]].Submit(t, born[i])
		waiting = append(waiting, born[i])
	}
	queue := func(limit string) []string {
		var ids []string
		path := "/v1/claims?engagementId=" + e + "&limit=" + limit
		for _, page := range story.Pages[struct{ Claims []story.Claim }](t, staff, path) {
			for _, claim := range page.Claims {
				if claim.Status != "submitted" || !slices.Equal(claim.Actions, []string{"review-claim"}) ||
					claim.CustomerContact == nil {
					t.Errorf("the queue holds a claim that is %s, open for %q", claim.Status, claim.Actions)
				}
				ids = append(ids, claim.ID)
			}
		}
		return ids
	}
	for _, limit := range []string{"100", "1", "3"} {
		if got := queue(limit); !slices.Equal(got, waiting) {
			t.Errorf("by %s a page the queue is %v instead of %v", limit, got, waiting)
		}
	}
	// Sent back and submitted again, a claim waits anew; what was decided waits no more.
	story.Review(t, waiting[0], mci.Return)
	owners[waiting[0]].Submit(t, waiting[0])
	story.Review(t, waiting[2], mci.Complete)
	if got, want := queue("100"), []string{waiting[1], waiting[3], waiting[0]}; !slices.Equal(got, want) {
		t.Errorf("then the queue is %v instead of %v", got, want)
	}
	// By partner the program sees all, newest first.
	answer := localtest.Call(t, "GET", "/v1/claims?limit=100&partnerId="+partners[0].ID, staff, nil).Expect(t, 200)
	var all []string
	for _, claim := range localtest.Decode[struct{ Claims []story.Claim }](t, answer).Claims {
		all = append(all, claim.ID)
	}
	if want := []string{born[4], born[2], born[0]}; !slices.Equal(all, want) {
		t.Errorf("the partner's claims are %v instead of %v", all, want)
	}
	story.Refused(t, localtest.Call(t, "GET", "/v1/claims?partnerId="+partners[0].ID, partners[1].Token, nil), 422,
		mci.Invalid)
}
