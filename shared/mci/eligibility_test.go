package mci

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// codes lists the codes of reasons.
func codes(reasons []Reason) string {
	words := make([]string, len(reasons))
	for i, reason := range reasons {
		words[i] = string(reason.Code)
	}
	return strings.Join(words, " ")
}

// fits is a candidate that may take part.
func fits() Candidate {
	return Candidate{
		Engagement: Engagement{ID: "e", PayType: Fixed, CustomerIDTypes: []IDType{TenantID, TPID},
			StartsOn: "2026-11-01", EndsOn: "2026-11-30", ClaimLimits: ClaimLimits{2, 3}},
		PartnerID: "p", CustomerID: "c", ID: NominatedID{CustomerID: CustomerID{TPID, "1"}},
		Eligibility: &Eligibility{Eligible: true},
		Location:    &Location{PartnerID: "p", Enrolled: true, AllEngagements: true}, Now: noon,
	}
}

func TestS14_EachReasonByItself(t *testing.T) {
	held := func(partners ...string) map[ClaimID]Place {
		places := map[ClaimID]Place{}
		for i, partner := range partners {
			due := noon.Add(time.Hour)
			places[NewClaimID(fmt.Sprintf("%026d", i), partner)] = Place{PartnerID: partner, Due: &due}
		}
		return places
	}
	forHours := func(hours int, opportunity Opportunity) func(*Candidate) {
		return func(c *Candidate) {
			c.Engagement.PayType, c.Engagement.CustomerIDTypes = Variable, []IDType{MSXOpportunity}
			c.Engagement.Rates = &Rates{MinHours: 10, MaxHours: 100}
			c.ID.Type, c.Hours, c.Opportunity = MSXOpportunity, &hours, &opportunity
		}
	}
	open := Opportunity{CustomerID: "c", Status: OpportunityOpen}
	for name, test := range map[string]struct {
		change func(*Candidate)
		want   string
	}{
		"too few hours":   {forHours(9, open), "hours-out-of-range"},
		"the least hours": {forHours(10, open), ""},
		"the most hours":  {forHours(100, open), ""},
		"too many hours":  {forHours(101, open), "hours-out-of-range"},
		"an opportunity that was won": {forHours(50, Opportunity{CustomerID: "c", Status: OpportunityWon}),
			"opportunity-closed"},
		"an opportunity of another": {forHours(50, Opportunity{CustomerID: "d", Status: OpportunityOpen}),
			"opportunity-of-another-customer"},
		"none": {func(*Candidate) {}, ""},
		"before the first day": {func(c *Candidate) { c.Engagement.StartsOn = "2026-11-22" },
			"engagement-not-active"},
		"after the last day": {func(c *Candidate) { c.Engagement.EndsOn = "2026-11-20" },
			"engagement-not-active"},
		"another type": {func(c *Candidate) { c.ID.Type = AzureSubscription }, "id-type-not-accepted"},
		"not enrolled": {func(c *Candidate) { c.Location.Enrolled = false }, "location-not-enrolled"},
		"not for this engagement": {func(c *Candidate) {
			c.Location = &Location{Enrolled: true, EngagementIDs: []string{"f"}}
		}, "location-not-eligible"},
		"no location chosen yet": {func(c *Candidate) { c.Location = nil }, ""},
		"no word on the ID":      {func(c *Candidate) { c.Eligibility = nil }, "criteria-not-met"},
		"a no":                   {func(c *Candidate) { c.Eligibility = &Eligibility{} }, "criteria-not-met"},
		"another type, and a no": {func(c *Candidate) { c.ID.Type, c.Eligibility = Domain, nil },
			"id-type-not-accepted"},
		"an open claim of this partner": {func(c *Candidate) { c.Participation.Places = held("p") }, "claim-exists"},
		"an open claim of another":      {func(c *Candidate) { c.Participation.Places = held("q") }, ""},
		"as many open as may be": {func(c *Candidate) { c.Participation.Places = held("q", "r") },
			"active-limit-reached"},
		"one completed":               {func(c *Candidate) { c.Participation.Completed = 1 }, ""},
		"as many completed as may be": {func(c *Candidate) { c.Participation.Completed = 3 }, "allowed-limit-reached"},
		"more completed than may be":  {func(c *Candidate) { c.Participation.Completed = 9 }, "allowed-limit-reached"},
		"one open, two completed": {func(c *Candidate) {
			c.Participation.Places, c.Participation.Completed = held("q"), 2
		}, "allowed-limit-reached"},
		"two open, one completed": {func(c *Candidate) {
			c.Participation.Places, c.Participation.Completed = held("q", "r"), 1
		}, "active-limit-reached allowed-limit-reached"},
		"exclusive, and engaged": {func(c *Candidate) {
			c.Engagement.Exclusive, c.Participation.Places = true, held("q")
		}, "engaged-with-another-partner"},
		"exclusive, completed by another": {func(c *Candidate) {
			c.Engagement.Exclusive, c.Participation.CompletedBy = true, []string{"q"}
		}, "consented-to-another-partner engaged-with-another-partner"},
		"exclusive, completed by its own": {func(c *Candidate) {
			c.Engagement.Exclusive, c.Participation.CompletedBy = true, []string{"p"}
		}, ""},
		"exclusive, and free again": {func(c *Candidate) {
			c.Engagement.Exclusive, c.Participation.Places = true, held("q")
			c.Now = noon.Add(time.Hour)
		}, ""},
	} {
		candidate := fits()
		test.change(&candidate)
		found := candidate.Reasons()
		if got := codes(found); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
		for _, reason := range found {
			if reason.Detail == "" {
				t.Errorf("%s: nothing is said of %s", name, reason.Code)
			}
		}
	}
}

func TestD3_PlacesAreHeldUntilTheirDeadlineAndNotLonger(t *testing.T) {
	due := noon
	p := Participation{Places: map[ClaimID]Place{"a": {PartnerID: "p", Due: &due}, "b": {PartnerID: "q"}}}
	for at, want := range map[time.Time]int{due.Add(-time.Nanosecond): 2, due: 1, due.Add(time.Hour): 1} {
		if held := p.Held(at); len(held) != want {
			t.Errorf("at %s the places held are %v", at, held)
		}
	}
	if p.OpenClaim("p", due.Add(-time.Nanosecond)) != "a" || p.OpenClaim("p", due) != "" ||
		p.OpenClaim("q", due) != "b" {
		t.Error("an open claim is none of its partner's, or one past its deadline is")
	}
	// A new place sweeps those that are over, and leaves what was loaded as it was.
	claim := claimIn(ConsentNotSent, noon)
	with := p.With(claim, due)
	if len(p.Places) != 2 || len(with.Places) != 2 || with.Version != p.Version+1 ||
		with.Places[claim.ID].PartnerID != claim.PartnerID {
		t.Errorf("with a claim more, %+v is %+v", p, with)
	}
}

func TestD19_TheFirstThatIsEligibleIsChosen(t *testing.T) {
	candidate := func(value string, reason ReasonCode) Candidate {
		c := fits()
		c.ID.Value = value
		switch reason {
		case ReasonCriteriaNotMet:
			c.Eligibility = nil
		case ReasonIDTypeNotAccepted:
			c.ID.Type = Domain
		}
		return c
	}
	no, wrong := ReasonCriteriaNotMet, ReasonIDTypeNotAccepted
	for name, test := range map[string]struct {
		candidates []Candidate
		want       string // the value chosen, or the reasons
	}{
		"the only one":      {[]Candidate{candidate("1", "")}, "1"},
		"the first of two":  {[]Candidate{candidate("1", ""), candidate("2", "")}, "1"},
		"the second":        {[]Candidate{candidate("1", no), candidate("2", "")}, "2"},
		"the last of three": {[]Candidate{candidate("1", wrong), candidate("2", no), candidate("3", "")}, "3"},
		"none, each reason once": {[]Candidate{candidate("1", no), candidate("2", wrong), candidate("3", no)},
			"criteria-not-met id-type-not-accepted"},
		"none, in another order": {[]Candidate{candidate("1", wrong), candidate("2", no)},
			"id-type-not-accepted criteria-not-met"},
	} {
		chosen, reasons := FirstEligible(test.candidates)
		got := codes(reasons)
		if len(reasons) == 0 {
			got = chosen.ID.Value
		}
		if got != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}

func TestD6_StatesOfAnEngagementByUTCDates(t *testing.T) {
	engagement := Engagement{StartsOn: "2028-02-29", EndsOn: "2028-02-29"}
	tokyo := time.FixedZone("", 9*3600)
	for at, want := range map[time.Time]EngagementState{
		time.Date(2028, 2, 28, 23, 59, 59, 999_999_999, time.UTC): Upcoming,
		time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC):              Active,
		time.Date(2028, 2, 29, 23, 59, 59, 999_999_999, time.UTC): Active,
		time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC):               Ended,
		time.Date(2028, 2, 29, 8, 59, 59, 0, tokyo):               Upcoming, // still the 28th in UTC
		time.Date(2028, 3, 1, 8, 59, 59, 0, tokyo):                Active,
	} {
		if got := engagement.State(at); got != want {
			t.Errorf("at %s it is %s, not %s", at, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	for _, good := range []string{"2026-11-01", "2028-02-29", "0001-01-01"} {
		if date, err := ParseDate(good); err != nil || string(date) != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "2026-11-31", "2027-02-29", "2026-1-1", "26-11-01", "2026-11-01T00:00:00Z",
		" 2026-11-01", "2026/11/01", "١٢٣٤-٠١-٠١"} {
		if _, err := ParseDate(bad); err == nil {
			t.Errorf("%q is taken for a date", bad)
		}
	}
}

func TestD5_WhichIDsAnEngagementTakes(t *testing.T) {
	tenant := CustomerID{TenantID, "t"}
	for _, test := range []struct {
		takes []IDType
		id    NominatedID
		want  bool
	}{
		{[]IDType{TenantID}, NominatedID{CustomerID: tenant}, true},
		{[]IDType{TenantID}, NominatedID{tenant, true}, true},
		{[]IDType{Domain}, NominatedID{tenant, true}, true},
		{[]IDType{Domain}, NominatedID{CustomerID: tenant}, false},
		{[]IDType{TPID, AzureSubscription}, NominatedID{tenant, true}, false},
		{nil, NominatedID{tenant, true}, false},
	} {
		if got := (Engagement{CustomerIDTypes: test.takes}).Accepts(test.id); got != test.want {
			t.Errorf("%v takes %+v: %t", test.takes, test.id, got)
		}
	}
	for takes, want := range map[string]bool{"msx-opportunity-id": true, "msx-opportunity-id tpid": false,
		"tpid": false, "": false} {
		var types []IDType
		for _, word := range strings.Fields(takes) {
			types = append(types, IDType(word))
		}
		if got := (Engagement{CustomerIDTypes: types}).OpportunitiesOnly(); got != want {
			t.Errorf("%q takes opportunities only: %t", takes, got)
		}
	}
}

func TestD5_NominatingAddsAnIDOnceAndLeavesWhatWasLoaded(t *testing.T) {
	one, two := NominatedID{CustomerID: CustomerID{TPID, "1"}}, NominatedID{CustomerID: CustomerID{TenantID, "2"}}
	loaded := NominatedCustomer{IDs: slices.Grow([]NominatedID{one}, 10), Version: 4}
	summary := CustomerSummary{"c", "Contoso", "US"}
	with := loaded.With("p", summary, two)
	with = with.With("p", summary, NominatedID{two.CustomerID, true})
	with = with.With("p", summary, one)
	if !slices.Equal(with.IDs, []NominatedID{one, {two.CustomerID, true}}) || with.Customer != summary ||
		with.PartnerID != "p" {
		t.Errorf("nominated by both: %+v", with)
	}
	byDomain := NominatedID{one.CustomerID, true}
	if again := loaded.With("p", summary, byDomain); !slices.Equal(again.IDs, []NominatedID{byDomain}) {
		t.Errorf("nominated by the domain too: %+v", again)
	}
	if len(loaded.IDs) != 1 || loaded.IDs[0] != one || loaded.Version != 4 || loaded.IDs[:2][1] != (NominatedID{}) {
		t.Errorf("what was loaded is now %+v", loaded)
	}
}
