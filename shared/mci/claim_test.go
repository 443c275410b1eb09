package mci

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests' zones are there wherever they run
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// claimIn gives a claim that is in the status in time, with all that a claim in it has.
func claimIn(status Status, now time.Time) Claim {
	claim := Claim{
		ID: NewClaimID("01M7XY0BKKW8B0KCSSSGWVWS32", "partner-1"), PartnerID: "partner-1", Status: status,
		CreatedAt:  now,
		ConsentDue: now.Add(Days(10)), Version: 1,
		CustomerContact: Contact{Name: "Kim", Email: "kim@contoso.com"}, Events: 1, Head: "head",
		Email: Email{Sends: []time.Time{}},
	}
	if status != ConsentNotSent && status != Cancelled && status != Expired {
		size := MustMoney("1000.00")
		claim.DealSize = &size
	}
	if slices.Contains([]Status{Consented, Submitted, ActionRequired, Completed, Rejected}, status) {
		due := now.Add(Days(20))
		claim.ConsentedAt, claim.SubmissionDue = &now, &due
	}
	if status == Submitted || status == ActionRequired {
		claim.SubmittedAt = &now
	}
	if slices.Contains([]Status{Completed, Rejected, Declined, Cancelled, Expired}, status) {
		claim.EndedAt = &now
	}
	return claim
}

var (
	anEngagement = Engagement{ID: "e", PayType: Fixed, SubmissionWindowDays: 30, ResubmissionWindowDays: 7}
	anAct        = Act{At: noon.Add(time.Hour), Actor: "user-1", Salt: []byte("salt")}
)

// deeds is all that can be done to a claim, by name; each gives the status that it leads to, or says that it does not.
var deeds = map[string]func(Claim) (Change, bool, error){
	"request consent": func(c Claim) (Change, bool, error) {
		size, yes := MustMoney("1000.00"), true
		change, err := c.RequestConsent(anAct, ConsentRequest{DealSize: &size, DisclaimerAccepted: &yes}, anEngagement)
		return change, err == nil, err
	},
	"accept": func(c Claim) (Change, bool, error) {
		change, did := c.Decide(anAct, DecisionAccepted, Evidence{}, anEngagement)
		return change, did, nil
	},
	"decline": func(c Claim) (Change, bool, error) {
		change, did := c.Decide(anAct, DecisionDeclined, Evidence{}, anEngagement)
		return change, did, nil
	},
	"submit": func(c Claim) (Change, bool, error) {
		change, err := c.Submit(anAct, DateOf(noon), "")
		return change, err == nil, err
	},
	"cancel": func(c Claim) (Change, bool, error) {
		change, err := c.Cancel(anAct, "no time")
		return change, err == nil, err
	},
	"complete": func(c Claim) (Change, bool, error) {
		change, err := c.Review(anAct, Complete, "", anEngagement)
		return change, err == nil, err
	},
	"return": func(c Claim) (Change, bool, error) {
		change, err := c.Review(anAct, Return, "", anEngagement)
		return change, err == nil, err
	},
	"reject": func(c Claim) (Change, bool, error) {
		change, err := c.Review(anAct, Reject, "", anEngagement)
		return change, err == nil, err
	},
	"let expire": func(c Claim) (Change, bool, error) {
		change, did := c.Expire(noon.Add(Days(400)), anAct)
		return change, did, nil
	},
}

// TestD1_WhatMovesAClaim holds every status against everything that can be done: what the table of the decision does
// not name is refused, and changes nothing.
func TestD1_WhatMovesAClaim(t *testing.T) {
	leads := map[Status]map[string]Status{
		ConsentNotSent: {"request consent": ConsentPending, "cancel": Cancelled, "let expire": Expired},
		ConsentPending: {"request consent": ConsentPending, "accept": Consented, "decline": Declined,
			"cancel": Cancelled, "let expire": Expired},
		Consented:      {"submit": Submitted, "cancel": Cancelled, "let expire": Expired},
		Submitted:      {"complete": Completed, "return": ActionRequired, "reject": Rejected},
		ActionRequired: {"submit": Submitted, "cancel": Cancelled, "let expire": Expired},
	}
	for _, status := range Statuses {
		if terminal := leads[status] == nil; status.Terminal() != terminal {
			t.Errorf("%s is terminal: %t", status, status.Terminal())
		}
		for name, do := range deeds {
			claim := claimIn(status, noon)
			before := fmt.Sprintf("%+v", claim)
			change, did, err := do(claim)
			want, may := leads[status][name]
			if did != may || may && change.After.Status != want {
				t.Errorf("%s, %s: done %t, now %s; want %s", status, name, did, change.After.Status, want)
			}
			var refusal *Refusal
			if err != nil && (!errors.As(err, &refusal) || refusal.Code != WrongStatus) {
				t.Errorf("%s, %s: %v", status, name, err)
			}
			if after := fmt.Sprintf("%+v", claim); after != before {
				t.Errorf("%s, %s: the claim as it was has changed:\n%s\n%s", status, name, before, after)
			}
			if !did {
				if !change.Empty() {
					t.Errorf("%s, %s: a change that was not made is not empty: %+v", status, name, change)
				}
				continue
			}
			after := change.After
			if after.Version != claim.Version+1 || after.Events != claim.Events+len(change.Events) ||
				len(change.Events) == 0 || after.Head != change.Events[len(change.Events)-1].Hash {
				t.Errorf("%s, %s: the claim counts %d events, version %d", status, name, after.Events, after.Version)
			}
			if ended := after.EndedAt != nil; ended != after.Status.Terminal() {
				t.Errorf("%s, %s: now %s, ended at %v", status, name, after.Status, after.EndedAt)
			}
		}
	}
}

// TestD1_NoEventMovesAClaimButThoseOfTheTable holds the state machine's own table: every status against every event.
func TestD1_NoEventMovesAClaimButThoseOfTheTable(t *testing.T) {
	const allowed = `
		consent-not-sent consent.requested consent-pending
		consent-not-sent claim.cancelled   cancelled
		consent-not-sent claim.expired     expired
		consent-pending  consent.reminded  consent-pending
		consent-pending  consent.accepted  consented
		consent-pending  consent.declined  declined
		consent-pending  claim.cancelled   cancelled
		consent-pending  claim.expired     expired
		consented        claim.submitted   submitted
		consented        claim.cancelled   cancelled
		consented        claim.expired     expired
		submitted        claim.completed   completed
		submitted        claim.returned    action-required
		submitted        claim.rejected    rejected
		action-required  claim.submitted   submitted
		action-required  claim.cancelled   cancelled
		action-required  claim.expired     expired`
	want := map[[2]string]string{}
	for line := range strings.Lines(strings.TrimSpace(allowed)) {
		words := strings.Fields(line)
		want[[2]string{words[0], words[1]}] = words[2]
	}
	for _, status := range Statuses {
		for _, event := range EventTypes {
			if got := string(moves[status][event]); got != want[[2]string{string(status), string(event)}] {
				t.Errorf("%s on a claim that is %s leads to %q", event, status, got)
			}
		}
	}
}

func TestD2_ADeadlinePassesWhenTheClockReachesIt(t *testing.T) {
	for _, test := range []struct {
		status Status
		due    func(Claim) time.Time
	}{
		{ConsentNotSent, func(c Claim) time.Time { return c.ConsentDue }},
		{ConsentPending, func(c Claim) time.Time { return c.ConsentDue }},
		{Consented, func(c Claim) time.Time { return *c.SubmissionDue }},
		{ActionRequired, func(c Claim) time.Time { return *c.SubmissionDue }},
	} {
		claim := claimIn(test.status, noon)
		due := test.due(claim)
		for at, expired := range map[time.Time]bool{
			due.Add(-time.Nanosecond): false, due: true, due.Add(time.Nanosecond): true,
			due.In(time.FixedZone("", 14*3600)): true, due.Add(-time.Nanosecond).In(time.FixedZone("",
				-12*3600)): false,
		} {
			seen := claim.At(at)
			if (seen.Status == Expired) != expired || expired && !seen.EndedAt.Equal(due) || !expired &&
				!reflect.DeepEqual(seen, claim) {
				t.Errorf("%s, due %s: at %s it is %s, ended at %v", test.status, due, at, seen.Status, seen.EndedAt)
			}
			if held := claim.Place().Holds(at); held == expired {
				t.Errorf("%s, due %s: at %s its place is held: %t", test.status, due, at, held)
			}
			change, did := claim.Expire(at, anAct)
			if did != expired || did && (change.After.Status != Expired || !change.After.EndedAt.Equal(due) ||
				!change.Events[0].At.Equal(due)) {
				t.Errorf("%s, due %s: at %s the expiry is written: %t, %+v", test.status, due, at, did,
					change.After.EndedAt)
			}
			if expired {
				if _, again := change.After.Expire(at, anAct); again {
					t.Errorf("%s: the expiry is written twice", test.status)
				}
			}
		}
	}
	for _, status := range []Status{Submitted, Completed, Rejected, Declined, Cancelled, Expired} {
		claim := claimIn(status, noon)
		if seen := claim.At(noon.Add(Days(4000))); !reflect.DeepEqual(seen, claim) {
			t.Errorf("%s: it runs under no deadline, and is %s", status, seen.Status)
		}
	}
}

func TestD2_ADayIs24HoursWhateverTheCalendarSays(t *testing.T) {
	for name, test := range map[string]struct {
		zone, from string
		days       int
		want       string // in UTC
	}{
		"over the hour that spring takes":     {"Europe/Berlin", "2026-03-28T12:00:00", 1, "2026-03-29T11:00:00Z"},
		"over the hour that autumn gives":     {"Europe/Berlin", "2026-10-24T12:00:00", 1, "2026-10-25T10:00:00Z"},
		"over a day that an island skipped":   {"Pacific/Apia", "2011-12-29T12:00:00", 2, "2011-12-31T22:00:00Z"},
		"over a leap day":                     {"UTC", "2028-02-28T23:59:59", 1, "2028-02-29T23:59:59Z"},
		"from a leap day":                     {"UTC", "2028-02-29T00:00:00", 1, "2028-03-01T00:00:00Z"},
		"from a leap day, for 365 days":       {"UTC", "2028-02-29T00:00:00", 365, "2029-02-28T00:00:00Z"},
		"over February of a year without one": {"UTC", "2027-02-28T12:00:00", 1, "2027-03-01T12:00:00Z"},
		"over the end of a year": {"America/Los_Angeles", "2026-12-31T20:00:00", 1,
			"2027-01-02T04:00:00Z"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.ParseInLocation("2006-01-02T15:04:05", test.from, zone)
		if err != nil {
			t.Fatal(err)
		}
		engagement := Engagement{ID: "e", PayType: Fixed, Payout: new(Money), ConsentWindowDays: test.days,
			SubmissionWindowDays: test.days, ResubmissionWindowDays: test.days}
		nomination := Nomination{Origin: Added, Engagements: []Engagement{engagement}}
		nomination.CustomerContact.Email, nomination.PartnerContact.Email = "a@b.example", "c@d.example"
		born := nomination.birth("id", Candidate{Engagement: engagement}, Act{At: from}).After
		if got := born.ConsentDue.UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%s: consent is due %s, not %s", name, got, test.want)
		}
		asked := claimIn(ConsentPending, noon)
		asked.SubmissionWindowDays = test.days
		accepted, _ := asked.Decide(Act{At: from}, DecisionAccepted, Evidence{}, anEngagement)
		if got := accepted.After.SubmissionDue.UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%s: the submission is due %s, not %s", name, got, test.want)
		}
	}
}

func TestD21_AnEmailCountsFor24HoursAndNoLonger(t *testing.T) {
	claim := claimIn(ConsentPending, noon)
	for i := range MaxSendsADay {
		claim.Email.Sends = append(claim.Email.Sends, noon.Add(time.Duration(i)*time.Minute))
	}
	for _, c := range []struct {
		at   time.Time
		wait time.Duration // 0 where the email may go
	}{
		{noon.Add(Days(1) - time.Hour), time.Hour}, {noon.Add(Days(1) - 1), 1}, {noon.Add(Days(1)), 0},
	} {
		change, err := claim.RequestConsent(Act{At: c.at, Actor: "user-1", Salt: []byte("salt")}, ConsentRequest{},
			anEngagement)
		var refusal *Refusal
		switch refused := errors.As(err, &refusal); {
		case refused != (c.wait > 0), refused && (refusal.Code != TooManyRequests || refusal.RetryAfter != c.wait):
			t.Errorf("at %s: %v", c.at, err)
		case !refused && len(change.After.Email.Sends) != MaxSendsADay:
			t.Errorf("at %s: %d emails count", c.at, len(change.After.Email.Sends))
		}
	}
}

func TestD2_ReturnedClaimsAreDueAfterTheReviewOrWhenTheyWereIfThatIsLater(t *testing.T) {
	review := noon.Add(Days(50))
	for name, test := range map[string]struct{ was, want time.Time }{
		"due before the review":                 {review.Add(-time.Hour), review.Add(Days(7))},
		"due after the review, within the days": {review.Add(Days(6)), review.Add(Days(7))},
		"due at the very end of the days":       {review.Add(Days(7)), review.Add(Days(7))},
		"due later than that":                   {review.Add(Days(8)), review.Add(Days(8))},
	} {
		claim := claimIn(Submitted, noon)
		claim.SubmissionDue = &test.was
		change, err := claim.Review(Act{At: review}, Return, "", anEngagement)
		if err != nil || !change.After.SubmissionDue.Equal(test.want) || !claim.SubmissionDue.Equal(test.was) {
			t.Errorf("%s: now due %v, not %v (%v)", name, change.After.SubmissionDue, test.want, err)
		}
	}
}

func TestS24_WhichClaimsAreOnNoTab(t *testing.T) {
	for _, status := range Statuses {
		for _, known := range []bool{true, false} {
			for _, consented := range []bool{true, false} {
				claim := Claim{Status: status, WasKnown: known}
				if consented {
					claim.ConsentedAt = &noon
				}
				want := !known && (status == Declined || status == Expired && !consented)
				if claim.Hidden() != want {
					t.Errorf("%s, known %t, consented %t: hidden %t", status, known, consented, claim.Hidden())
				}
			}
		}
	}
}

func TestClaimIDs_NameTheirPartnerAndNothingElseIsOne(t *testing.T) {
	const ordinal = "01M7XY0BKKW8B0KCSSSGWVWS32"
	for _, partner := range []string{"p", "partner-1", "a.b_c~d:e@f|g+h=i-j", strings.Repeat("x", 120), "ünï"} {
		id := NewClaimID(ordinal, partner)
		parsed, isID := ParseClaimID(string(id))
		if !isID || parsed != id || id.PartnerID() != partner || id.Ordinal() != ordinal {
			t.Errorf("%s is of partner %q, ordinal %s, an ID: %t", id, id.PartnerID(), id.Ordinal(), isID)
		}
	}
	good := string(NewClaimID(ordinal, "partner-1"))
	for _, bad := range []string{
		"", "-", ordinal, ordinal + "-", good[1:], good[:len(good)-1], strings.ToLower(good), strings.ToUpper(good),
		" " + good, good + "\n",
		strings.Replace(good, "-", "", 1), strings.Replace(good, "0", "O", 1), good + "-" + good, "R" + good,
		ordinal + "-" + strings.Repeat("0", 201),
	} {
		if id, isID := ParseClaimID(bad); isID {
			t.Errorf("%q is taken for the ID %q", bad, id)
		}
	}
}
