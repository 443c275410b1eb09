package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

type object = story.Object

func get(t *testing.T, token, path string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "GET", "/v1/engagements"+path, token, nil)
}

// list gives the engagements of an answer by ID, and their IDs in order.
func list(t *testing.T, answer localtest.Response) (map[string]object, []string) {
	t.Helper()
	byID, ids := map[string]object{}, []string{}
	for _, engagement := range localtest.Decode[struct{ Engagements []object }](t, answer.Expect(t, 200)).Engagements {
		id := fmt.Sprint(engagement["id"])
		byID[id] = engagement
		ids = append(ids, id)
	}
	return byID, ids
}

const (
	common = "claimLimits coSell consentWindowDays customerIdTypes description endsOn exclusive id name payType " +
		"referral reminders resubmissionWindowDays solutionArea startsOn state submissionWindowDays"
	locations = "eligibleLocations enrolledLocations"
)

// fields are those of an engagement, with some more.
func fields(more ...string) string {
	all := strings.Fields(common + " " + strings.Join(more, " "))
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestB2_TheProgramsRulesAreShownAsTheyWereImported(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	fixed := story.Engagement(t, object{"name": "Łódź assessment", "payout": "1250.5", "exclusive": true,
		"customerIdTypes": []string{"tpid", "domain"},
		"referral":        object{"minDealSize": "1000"}, "coSell": object{"minDealSize": "50000.00",
			"managedCustomersOnly": true},
		"reminders": object{"consentDays": []int{7, 2}}})
	variable := story.VariableEngagement(t, nil)
	usd := func(amount string) object { return object{"amount": amount, "currency": "USD"} }
	for id, want := range map[string]object{
		fixed: {
			"id": fixed, "name": "Łódź assessment", "solutionArea": "Infrastructure", "description": "An assessment.",
			"payType":         "fixed",
			"customerIdTypes": []any{"tpid", "domain"}, "startsOn": "2020-01-01", "endsOn": "2039-12-31",
			"consentWindowDays": 30, "submissionWindowDays": 60,
			"resubmissionWindowDays": 14, "claimLimits": object{"active": 100, "allowed": 200}, "exclusive": true,
			"payout":   usd("1250.50"),
			"referral": object{"minDealSize": usd("1000.00")}, "coSell": object{"minDealSize": usd("50000.00"),
				"managedCustomersOnly": true},
			"reminders": object{"consentDays": []any{7, 2}, "submissionDays": []any{}},
			"state":     "active", "eligibleLocations": 1, "enrolledLocations": 1,
		},
		variable: {
			"payType": "variable", "customerIdTypes": []any{"msx-opportunity-id"}, "referral": nil, "coSell": nil,
			"reminders": nil, "exclusive": false,
			"rates": object{"perHour": usd("100.00"), "minHours": 10, "maxHours": 100, "maxPayout": usd("5000.00"),
				"maxShareOfOpportunity": "0.1"},
		},
	} {
		listed, _ := list(t, get(t, p.Token, ""))
		detail := get(t, p.Token, "/"+id).Expect(t, 200).JSON(t)
		for where, got := range map[string]object{"in the list": listed[id], "by itself": detail} {
			for field, value := range want {
				if fmt.Sprint(got[field]) != fmt.Sprint(value) {
					t.Errorf("%s %s is %v, not %v", where, field, got[field], value)
				}
			}
		}
		pay := map[string]string{fixed: "payout", variable: "rates"}[id]
		if got, want := story.Fields(t, listed[id]), fields(locations, pay); got != want {
			t.Errorf("in the list there are the fields\n%s, not\n%s", got, want)
		}
		if got, want := story.Fields(t, detail), fields(locations, pay, "locations"); got != want {
			t.Errorf("by itself there are the fields\n%s, not\n%s", got, want)
		}
	}
}

func TestB2_AnEngagementImportedAnewIsShownAtOnce(t *testing.T) {
	t.Parallel()
	p, id := story.NewPartner(t), story.Name("engagement")
	for _, name := range []string{"First", "Second", "Third"} {
		story.Engagement(t, object{"id": id, "name": name})
		listed, _ := list(t, get(t, p.Token, ""))
		if listed[id]["name"] != name || get(t, p.Token, "/"+id).JSON(t)["name"] != name {
			t.Errorf("after the import of %s the list has %v", name, listed[id])
		}
	}
}

func TestContract_EngagementsForWhichThePartnerHasALocation(t *testing.T) {
	t.Parallel()
	partners := story.NewPartners(t, 2)
	some, none := partners[0], partners[1]
	one, two, three := story.Engagement(t, nil), story.Engagement(t, nil), story.Engagement(t, nil)
	// The partner's first location is for two engagements, its second for one and not enrolled, its third for one of
	// them.
	localtest.LoadRow(t, "locations.csv", some.ID, some.Name, some.Location, "Seattle", "US", true, one+";"+two)
	localtest.LoadRow(t, "locations.csv", none.ID, none.Name, none.Location, "Seattle", "US", true, "")
	some.NewLocation(t, false, three+";"+one)
	some.NewLocation(t, true, one)
	listed, ids := list(t, get(t, some.Token, ""))
	for id, want := range map[string]string{one: "2 of 2", two: "1 of 2", three: "0 of 2"} {
		if got := fmt.Sprint(listed[id]["eligibleLocations"], " of ", listed[id]["enrolledLocations"]); got != want {
			t.Errorf("%s locations are eligible, not %s", got, want)
		}
	}
	if len(ids) != 3 {
		t.Errorf("the list is %v", ids)
	}
	if _, ids := list(t, get(t, none.Token, "")); len(ids) != 0 {
		t.Errorf("a partner whose locations are for no engagement sees %v", ids)
	}
	if _, ids := list(t, get(t, localtest.Token(t, "partner-without-locations", "somebody", mci.IncentivesUser),
		"")); len(
		ids) != 0 {
		t.Errorf("a partner without locations sees %v", ids)
	}
	if got := get(t, none.Token, "/"+one).Expect(t, 200).JSON(t); fmt.Sprint(got["eligibleLocations"],
		got["locations"]) != "0 []" {
		t.Errorf("one engagement by itself is open to everybody, with the locations that may be chosen; it is %v", got)
	}
}

func TestS8_TheLocationsThatThisUserMayChoose(t *testing.T) {
	t.Parallel()
	p, engagement, another := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	granted, notEnrolled, notEligible := p.NewLocation(t, true, engagement), p.NewLocation(t, false, "*"),
		p.NewLocation(t, true, another)
	p.NewLocation(t, true, "*") // on which nobody holds a grant
	referrals := p.NewLocation(t, true, "*")
	for _, location := range []string{granted, notEnrolled, notEligible} {
		p.GrantAt(t, p.User, location, mci.IncentivesUser)
		p.GrantAt(t, p.User, location, mci.IncentivesAdmin) // twice granted is one location
	}
	p.GrantAt(t, p.User, referrals, mci.ReferralAdmin)
	choosable := func(token string) []any {
		t.Helper()
		return get(t, token, "/"+engagement).Expect(t, 200).JSON(t)["locations"].([]any)
	}
	got := choosable(p.Token)
	want := map[string]object{
		p.Location: {"id": p.Location, "name": "Seattle", "country": "US"}, granted: {"id": granted, "name": "Lyon",
			"country": "FR"},
	}
	if len(got) != len(want) {
		t.Errorf("the user may choose %v", got)
	}
	for _, location := range got {
		if id := fmt.Sprint(location.(object)["id"]); fmt.Sprint(location) != fmt.Sprint(want[id]) {
			t.Errorf("the user may choose %v", location)
		}
	}
	for name, token := range map[string]string{
		"a colleague without a grant":     localtest.Token(t, p.ID, "colleague", mci.IncentivesAdmin),
		"the same user, with no role for": localtest.Token(t, p.ID, p.User, mci.ReferralAdmin),
		"the program's staff":             story.Program(t),
	} {
		if got := choosable(token); len(got) != 0 {
			t.Errorf("%s may choose %v", name, got)
		}
	}
}

func TestContract_EveryRoleMayLook(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	for _, role := range mci.Roles {
		for _, partner := range []string{p.ID, ""} {
			token := localtest.Token(t, partner, "somebody", role)
			listed, _ := list(t, get(t, token, ""))
			detail := get(t, token, "/"+engagement).Expect(t, 200).JSON(t)
			for where, got := range map[string]object{"list": listed[engagement], "detail": detail} {
				_, eligible := got["eligibleLocations"]
				_, enrolled := got["enrolledLocations"]
				if got["id"] != engagement || eligible != (partner != "") || enrolled != (partner != "") {
					t.Errorf("a %s of partner %q sees in the %s %v", role, partner, where, got)
				}
			}
		}
	}
}

// This test moves the clock.
func TestD6_AnEngagementIsActiveFromItsFirstDayToItsLast(t *testing.T) {
	p := story.NewPartner(t)
	first := time.Now().UTC().Truncate(story.Day).Add(2 * story.Day)
	last := first.Add(story.Day)
	engagement := story.Engagement(t, object{"startsOn": first.Format(time.DateOnly),
		"endsOn": last.Format(time.DateOnly)})
	for _, moment := range []struct {
		at   time.Time
		want string
	}{
		{first.Add(-5 * time.Minute), "upcoming"}, {first, "active"}, {last.Add(story.Day - 5*time.Minute), "active"},
		{last.Add(story.Day), "ended"},
	} {
		story.ClockAt(t, moment.at)
		for _, state := range []string{"active", "upcoming", "ended"} {
			listed, _ := list(t, get(t, p.Token, "?state="+state))
			got, shown := listed[engagement]
			if shown != (state == moment.want) || shown && got["state"] != state {
				t.Errorf("at %s the engagement is shown as %s: %t, %v", moment.at, state, shown, got["state"])
			}
		}
		if listed, _ := list(t, get(t, p.Token, "")); (listed[engagement] != nil) != (moment.want == "active") {
			t.Errorf("at %s those shown unless asked otherwise are the active ones", moment.at)
		}
		if got := get(t, p.Token, "/"+engagement).Expect(t, 200).JSON(t)["state"]; got != moment.want {
			t.Errorf("at %s the engagement is %s, not %s", moment.at, got, moment.want)
		}
	}
}
