package main

import (
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// submit hands a claim in.
func submit(t *testing.T, token, claimID string, body any, headers ...string) localtest.Response {
	t.Helper()
	return story.Post(t, token, claimID, "submission", body, headers...)
}

func on(day time.Time) string { return day.UTC().Format(time.DateOnly) }

func TestS25_AConsentedClaimIsSubmitted(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	today := on(localtest.Now())
	answer := submit(t, p.Token, claim.ID, story.Object{"completedOn": today, "notes": "All of it."}).Expect(t, 200)
	told, now := localtest.Decode[story.Claim](t, answer), p.Get(t, claim.ID)
	if told.Status != "submitted" || told.Version != now.Version || len(told.Actions) != 0 ||
		told.CustomerContact == nil {
		t.Errorf("answered %s", answer.Body)
	}
	last := now.Events[len(now.Events)-1]
	if last.Type != "claim.submitted" || last.Detail["completedOn"] != today ||
		last.Detail["notes"] != "All of it." || last.Actor != p.User {
		t.Errorf("the event is %+v", last)
	}
	row := story.Find(p.Customers(t, e, "eligible"), story.Customer{ID: now.Customer["id"].(string)})
	if row == nil || row.Claim.Status != "submitted" || row.Actions == nil || len(row.Actions) != 0 {
		t.Errorf("a submitted claim stands on Eligible with no action, not as %+v", row)
	}
}

// TestS25_TheDayOfCompletionIsFromTheConsentsDateToToday moves the clock.
func TestS25_TheDayOfCompletionIsFromTheConsentsDateToToday(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	consented := map[string]story.Claim{}
	rules := []struct {
		rule    string
		day     func(consent, now time.Time) string
		refused bool
	}{
		{"the consent's date", func(consent, _ time.Time) string { return on(consent) }, false},
		{"a day between", func(consent, _ time.Time) string { return on(consent.Add(3 * story.Day)) }, false},
		{"today", func(_, now time.Time) string { return on(now) }, false},
		{"tomorrow", func(_, now time.Time) string { return on(now.Add(story.Day)) }, true},
		{"the day before the consent", func(consent, _ time.Time) string { return on(consent.Add(-story.Day)) }, true},
		{"a day that there is not", func(time.Time, time.Time) string { return "2026-02-30" }, true},
		{"an instant", func(_, now time.Time) string { return now.UTC().Format(time.RFC3339) }, true},
		{"another way to write it", func(_, now time.Time) string { return now.UTC().Format("01/02/2006") }, true},
		{"a year of five digits", func(time.Time, time.Time) string { return "12026-01-01" }, true},
		{"nothing", func(time.Time, time.Time) string { return "" }, true},
		{"long ago", func(time.Time, time.Time) string { return "0001-01-01" }, true},
	}
	for _, c := range rules {
		consented[c.rule], _ = p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	}
	localtest.SetClock(t, 7*story.Day)
	story.DayBegins(t)
	for _, c := range rules {
		t.Run(c.rule, func(t *testing.T) {
			claim := consented[c.rule]
			day := c.day(*claim.ConsentedAt, localtest.Now())
			answer := submit(t, p.Token, claim.ID, story.Object{"completedOn": day, "notes": ""})
			if !c.refused {
				answer.Expect(t, 200)
				return
			}
			problem := story.Refused(t, answer, 422, mci.Invalid)
			if len(problem.Errors) != 1 || problem.Errors[0].Pointer != "/completedOn" {
				t.Errorf("%q is told as %+v", day, problem.Errors)
			}
			if now := p.Get(t, claim.ID); now.Status != "consented" || now.Version != claim.Version {
				t.Errorf("refused, the claim is %s", now.Status)
			}
		})
	}
}

func TestS25_WhatASubmissionMustHave(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	unasked := p.Add(t, story.NewCustomer(t, e), e)
	today := on(localtest.Now())
	for _, c := range []struct {
		rule     string
		body     any
		pointers []string
	}{
		{"without a body", nil, []string{"/completedOn"}},
		{"without a day", story.Object{"notes": ""}, []string{"/completedOn"}},
		{"a day that is a number", story.Object{"completedOn": 20261101}, []string{"/completedOn"}},
		{"a day that is null", story.Object{"completedOn": nil}, []string{"/completedOn"}},
		{"notes of 2,001 characters", story.Object{"completedOn": today, "notes": strings.Repeat("é", 2001)},
			[]string{"/notes"}},
		{"notes that are a list", story.Object{"completedOn": today, "notes": []string{"x"}}, []string{"/notes"}},
		{"notes with a null character", story.Object{"completedOn": today, "notes": "a\x00b"}, []string{"/notes"}},
		{"notes that turn the reading direction", story.Object{"completedOn": today, "notes": "a\u202eb"},
			[]string{"/notes"}},
		{"a field that nobody knows", story.Object{"completedOn": today, "hours": 40}, []string{"/hours"}},
		{"many at once", story.Object{"completedOn": "soon", "notes": 1, "x": 1}, []string{"/completedOn", "/notes",
			"/x"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var pointers []string
			for _, mistake := range story.Refused(t, submit(t, p.Token, claim.ID, c.body), 422, mci.Invalid).Errors {
				pointers = append(pointers, mistake.Pointer)
			}
			if !story.Same(pointers, c.pointers) {
				t.Errorf("told %q instead of %q", pointers, c.pointers)
			}
		})
	}
	stranger := p.NewUser(t, "", mci.IncentivesUser)
	story.Refused(t, submit(t, stranger, claim.ID, story.Submission()), 403, mci.LocationNotGranted)
	story.Refused(t, submit(t, stranger, unasked.ID, story.Submission()), 403, mci.LocationNotGranted)
	story.Refused(t, submit(t, p.Token, unasked.ID, story.Submission()), 409, mci.WrongStatus)
	story.Refused(t, submit(t, story.NewPartner(t).Token, claim.ID, story.Submission()), 404, mci.NotFound)
	story.Refused(t, submit(t, story.Program(t), claim.ID, story.Submission()), 403, mci.Forbidden)

	hostile := "<script>alert(1)</script>\r\n" + strings.Repeat("長", 1900) + "\t'; DROP TABLE claims; -- 👩‍👩‍👧"
	submit(t, p.NewUser(t, mci.IncentivesAdmin, mci.IncentivesUser), claim.ID, story.Object{"completedOn": today,
		"notes": hostile}).Expect(t, 200)
	now := p.Get(t, claim.ID)
	if kept := now.Events[len(now.Events)-1].Detail["notes"]; kept != hostile {
		t.Errorf("of the notes %q is kept", kept)
	}
}

func TestS25_ADayBeforeTheConsentIsAMistakeBeforeAllElse(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	key, submission := story.Name("key"), story.Submission()
	early := story.Object{"completedOn": on(claim.ConsentedAt.Add(-story.Day))}
	story.Refused(t, submit(t, p.NewUser(t, "", mci.IncentivesUser), claim.ID, early), 422, mci.Invalid)
	submit(t, p.Token, claim.ID, submission, "Idempotency-Key", key).Expect(t, 200)
	story.Refused(t, submit(t, p.Token, claim.ID, early, "Idempotency-Key", key), 422, mci.Invalid)
	story.Refused(t, submit(t, p.Token, claim.ID, early), 422, mci.Invalid)
	submit(t, p.Token, claim.ID, submission, "Idempotency-Key", key).Expect(t, 200)
}
