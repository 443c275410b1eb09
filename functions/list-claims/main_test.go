package main

import (
	"fmt"
	"net/url"
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

func get(t *testing.T, token, query string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "GET", "/v1/claims?"+query, token, nil)
}

// list reads the whole list, page by page.
func list(t *testing.T, token, query string) (claims []story.Claim) {
	t.Helper()
	for _, page := range story.Pages[struct{ Claims []story.Claim }](t, token, "/v1/claims?"+query) {
		claims = append(claims, page.Claims...)
	}
	return claims
}

func ids(claims []story.Claim) []string {
	found := make([]string, len(claims))
	for i, claim := range claims {
		found[i] = claim.ID
	}
	return found
}

func expect(t *testing.T, what string, got []story.Claim, want ...story.Claim) {
	t.Helper()
	if !slices.Equal(ids(got), ids(want)) {
		t.Errorf("%s are\n%s, not\n%s", what, strings.Join(ids(got), "\n"), strings.Join(ids(want), "\n"))
	}
}

func TestContract_APartnersClaimsNewestFirst(t *testing.T) {
	t.Parallel()
	partners, one, two := story.NewPartners(t, 2), story.Engagement(t, nil), story.Engagement(t, nil)
	p, other := partners[0], partners[1]
	add := func(status mci.Status, engagement string) story.Claim {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, one, two), engagement)
		return claim
	}
	first, second, third, fourth := add(mci.Declined, one), add(mci.Submitted, two), add(mci.Cancelled, one),
		add(mci.ConsentPending, one)
	fifth := add(mci.Declined, two)
	other.Add(t, story.NewCustomer(t, one), one)

	expect(t, "the claims", list(t, p.Token, ""), fifth, fourth, third, second, first)
	expect(t, "those declined", list(t, p.Token, "status=declined"), fifth, first)
	expect(t, "those on one engagement", list(t, p.Token, "engagementId="+one), fourth, third, first)
	expect(t, "those declined on one engagement", list(t, p.Token, "limit=1&status=declined&engagementId="+one), first)
	expect(t, "those expired", list(t, p.Token, "status=expired"))
	expect(t, "those on an engagement that there is not", list(t, p.Token, "engagementId=nothing"))
	expect(t, "the claims by the partner's own ID", list(t, p.Token, "partnerId="+p.ID), fifth, fourth, third, second,
		first)
	for _, role := range []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser} { // to look takes no grant
		seen := list(t, localtest.Token(t, p.ID, "anybody", role), "status=consent-pending")
		if expect(t, "the claims for "+string(role), seen, fourth); len(seen[0].Actions) != 0 {
			t.Errorf("a user without a grant is offered %v", seen[0].Actions)
		}
	}
	if got := fmt.Sprint(list(t, p.Token,
		"status=consent-pending")[0].Actions); got != "[resend-consent cancel-claim]" {
		t.Errorf("a user with a grant is offered %s", got)
	}
}

func TestContract_Shape(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	if answer := get(t, p.Token, "").Expect(t, 200).JSON(t); story.Fields(t, answer) != "claims" ||
		len(answer["claims"].([]any)) != 0 {
		t.Errorf("an empty list is %v", answer)
	}
	c := story.NewCustomer(t, engagement)
	claim := p.Consented(t, c, engagement)
	localtest.WaitDrained(t)
	whole := get(t, p.Token, "limit=1").Expect(t, 200).JSON(t)
	if fields := story.Fields(t, whole); fields != "claims" {
		t.Errorf("the only page of a list has the fields %s", fields)
	}
	listed := whole["claims"].([]any)[0].(object)
	const want = "actions consentDue consentedAt createdAt customer customerContact customerId dealSize due " +
		"emailSentAt emailStatus " +
		"engagementId engagementName friendlyName id locationId locationName origin partnerContact partnerId " +
		"partnerName payType payout " +
		"referral status submissionDue version"
	if fields := story.Fields(t, listed); fields != want {
		t.Errorf("a claim has the fields\n%s, not\n%s", fields, want)
	}
	// The same claim as one reads by itself, but for its history.
	read := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, p.Token, nil).Expect(t, 200).JSON(t)
	for field, value := range listed {
		if fmt.Sprint(read[field]) != fmt.Sprint(value) {
			t.Errorf("%s is %v in the list, and %v by itself", field, value, read[field])
		}
	}
}

func TestContract_TheProgramSeesWhatWaitsLongestFirst(t *testing.T) {
	t.Parallel()
	partners, engagement := story.NewPartners(t, 3), story.Engagement(t, nil)
	bring := func(p story.Partner, status mci.Status) story.Claim {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, engagement), engagement)
		return claim
	}
	first, second := bring(partners[0], mci.Submitted), bring(partners[1], mci.Submitted)
	bring(partners[2], mci.ActionRequired)
	bring(partners[2], mci.Completed)
	third := bring(partners[0], mci.Submitted)
	staff := story.Program(t)
	mine := func(query string) []story.Claim { // those of other tests are in the queue too
		return slices.DeleteFunc(list(t, staff, query), func(c story.Claim) bool {
			return c.EngagementID != engagement
		})
	}
	waiting := mine("")
	expect(t, "the claims that wait", waiting, first, second, third)
	expect(t, "the claims that wait, one by one", mine("limit=1"), first, second, third)
	expect(t, "the claims that wait on the engagement", list(t, staff, "engagementId="+engagement), first, second,
		third)
	for _, claim := range waiting {
		if fmt.Sprint(claim.Actions) != "[review-claim]" || claim.CustomerContact == nil ||
			claim.Status != "submitted" {
			t.Errorf("the program sees %+v", claim)
		}
	}
	// One that comes back waits from then on.
	story.Review(t, first.ID, mci.Return)
	expect(t, "after one was sent back, those that wait", mine(""), second, third)
	partners[0].Submit(t, first.ID)
	expect(t, "once it is submitted again, those that wait", mine(""), second, third, first)

	expect(t, "a partner's claims", list(t, staff, "partnerId="+partners[0].ID), third, first)
	expect(t, "a partner's completed claims", list(t, staff, "partnerId="+partners[2].ID+"&status=submitted"))
	expect(t, "the claims of a partner that there is not", list(t, staff, "partnerId=nobody"))
}

func TestContract_PagingLosesNothingAndShowsNothingTwice(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	engagements := make([]string, 10)
	for i := range engagements {
		engagements[i] = story.Engagement(t, nil)
	}
	var all []string // oldest first
	for range 13 {
		c := story.NewCustomer(t, engagements...)
		answer := localtest.Call(t, "POST", "/v1/customers", p.Token, p.Nomination(c, c.By(mci.TPID), engagements, nil))
		all = append(all, ids(story.Born(t, answer))...)
	}
	slices.Reverse(all)
	for _, limit := range []int{1, 7, 65, 100} {
		if got := ids(list(t, p.Token, fmt.Sprint("limit=", limit))); !slices.Equal(got, all) {
			t.Errorf("by pages of %d the list has %d claims, or another order, not %d", limit, len(got), len(all))
		}
	}
	page := localtest.Decode[struct{ Claims []story.Claim }](t, get(t, p.Token, "").Expect(t, 200))
	if len(page.Claims) != 25 {
		t.Errorf("a page has %d claims unless more are asked for", len(page.Claims))
	}
	// The oldest one is found by its status, however many newer ones have another.
	oldest := p.Cancel(t, all[len(all)-1])
	expect(t, "the one cancelled", list(t, p.Token, "status=cancelled&limit=1"), oldest)
	if got := list(t, p.Token, "limit=3&engagementId="+engagements[4]); len(got) != 13 {
		t.Errorf("%d claims are on the engagement", len(got))
	}

	// What is added while somebody turns the pages does not disturb them.
	first := localtest.Decode[struct {
		Claims []story.Claim
		Cursor string
	}](t, get(t, p.Token, "limit=50").Expect(t, 200))
	p.Add(t, story.NewCustomer(t, engagements[0]), engagements[0])
	rest := list(t, p.Token, "limit=50&cursor="+first.Cursor)
	if got := append(ids(first.Claims), ids(rest)...); !slices.Equal(got, all) {
		t.Errorf("the pages have %d claims, or another order, not %d", len(got), len(all))
	}
}

func TestContract_Refusals(t *testing.T) {
	t.Parallel()
	partners := story.NewPartners(t, 2)
	p, other := partners[0], partners[1]
	if got := story.Refused(t, get(t, p.Token, "partnerId="+other.ID), 422,
		mci.Invalid).Pointers(); got != "/partnerId" {
		t.Errorf("the mistakes are at %s", got)
	}
	for _, query := range []string{"status=consented&status=submitted", "limit=5&limit=5", "zz=1&zz=2"} {
		got := story.Refused(t, get(t, p.Token, query), 422, mci.Invalid).Pointers()
		if want := "/" + query[:strings.Index(query, "=")]; got != want {
			t.Errorf("the mistakes of %s are at %s", query, got)
		}
	}
	for name, token := range map[string]string{
		"a referral admin":   localtest.Token(t, p.ID, p.User, mci.ReferralAdmin),
		"a field seller":     localtest.Token(t, "", p.User, mci.FieldSeller),
		"an admin of nobody": localtest.Token(t, "", p.User, mci.IncentivesAdmin),
	} {
		t.Run(name, func(t *testing.T) { story.Refused(t, get(t, token, "limit=0"), 403, mci.Forbidden) })
	}
}

func TestContract_ACursorOfTheStaffIsOfOnePartnerOrOfTheQueue(t *testing.T) {
	t.Parallel()
	partners, engagement, staff := story.NewPartners(t, 2), story.Engagement(t, nil), story.Program(t)
	p, other := partners[0], partners[1]
	for range 2 {
		p.Add(t, story.NewCustomer(t, engagement), engagement)
	}
	cursor, _ := get(t, staff, "limit=1&partnerId="+p.ID).Expect(t, 200).JSON(t)["cursor"].(string)
	get(t, staff, "partnerId="+p.ID+"&cursor="+cursor).Expect(t, 200)
	for name, answer := range map[string]localtest.Response{
		"of another partner": get(t, staff, "partnerId="+other.ID+"&cursor="+cursor),
		"of the queue":       get(t, staff, "cursor="+cursor),
		"of the partner":     get(t, p.Token, "cursor="+cursor),
	} {
		if got := story.Refused(t, answer, 422, mci.Invalid).Pointers(); got != "/cursor" {
			t.Errorf("%s: the mistakes are at %s", name, got)
		}
	}
}

// This test moves the clock.
func TestD3_AClaimPastItsDeadlineIsListedAsExpiredSweptOrNot(t *testing.T) {
	p, engagement := story.NewPartner(t), story.Engagement(t, object{"consentWindowDays": 3, "submissionWindowDays": 5})
	asked, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, engagement), engagement)
	agreed, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, engagement), engagement)
	submitted, _ := p.Bring(t, mci.Submitted, story.NewCustomer(t, engagement), engagement)
	expectAll := func(query string, want ...story.Claim) {
		t.Helper()
		expect(t, query, list(t, p.Token, query), want...)
		expect(t, query+", for the program", list(t, story.Program(t), query+"&partnerId="+p.ID), want...)
	}
	look := func() {
		t.Helper()
		expectAll("status=expired", asked)
		expectAll("status=consent-pending")
		expectAll("status=consented", agreed)
		expectAll("status=submitted", submitted)
		if got := list(t, p.Token, "status=expired")[0]; got.EndedAt == nil || !got.EndedAt.Equal(asked.ConsentDue) ||
			len(got.Actions) != 0 {
			t.Errorf("the expired claim is %+v", got)
		}
	}
	expectAll("status=expired")
	story.ClockAt(t, asked.ConsentDue)
	look()
	story.Sweep(t)
	look()
	story.ClockAt(t, agreed.SubmissionDue.Add(time.Millisecond))
	expectAll("status=expired", agreed, asked)
	expectAll("status=submitted", submitted) // which runs under no deadline
}

// This test moves the clock.
func TestP2_WhatIsNextByItsDeadline(t *testing.T) {
	p, other, staff := story.NewPartner(t), story.NewPartner(t), story.Program(t)
	long := story.Engagement(t, object{"consentWindowDays": 40, "submissionWindowDays": 60})
	short := story.Engagement(t, object{"consentWindowDays": 20, "submissionWindowDays": 5})
	elsewhere := p.NewLocation(t, true, "*")
	p.GrantAt(t, p.User, elsewhere, mci.IncentivesUser)
	claims := map[string]string{}
	bring := func(name string, status mci.Status, engagement string) story.Claim {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, engagement), engagement)
		claims[claim.ID] = name
		return claim
	}
	bring("consented, 60 days", mci.Consented, long)
	bring("not sent, 40 days", mci.ConsentNotSent, long)
	bring("consented, 5 days", mci.Consented, short)
	bounced := bring("asked, 20 days", mci.ConsentPending, short)
	bring("returned, 14 days", mci.ActionRequired, short)
	bring("submitted", mci.Submitted, short)
	bring("cancelled", mci.Cancelled, short)
	c := story.NewCustomer(t, long)
	there := localtest.Call(t, "POST", "/v1/customers", p.Token, p.Nomination(c, c.By(mci.TPID), []string{long},
		object{"locationId": elsewhere}))
	claims[story.Born(t, there)[0].ID] = "elsewhere, 40 days"
	other.Add(t, story.NewCustomer(t, short), short)
	latest := localtest.Mails(t, bounced.CustomerContact.Email)
	if !story.MailEvent(t, "Bounce", latest[0].MessageID, story.PermanentBounce) {
		t.Fatal("the bounce changed nothing")
	}

	names := func(token, query string) string {
		var found []string
		for _, claim := range list(t, token, query) {
			found = append(found, claims[claim.ID])
		}
		return strings.Join(found, "; ")
	}
	const all = "consented, 5 days; returned, 14 days; asked, 20 days; not sent, 40 days; elsewhere, 40 days; " +
		"consented, 60 days"
	for query, want := range map[string]string{
		"sort=due": all, "sort=due&limit=1": all, "sort=due&limit=100": all,
		"sort=due&status=consented": "consented, 5 days; consented, 60 days",
		"sort=due&limit=1&engagementId=" +
			short: "consented, 5 days; returned, 14 days; asked, 20 days",
		"sort=due&locationId=" + elsewhere:                            "elsewhere, 40 days",
		"sort=due&emailStatus=bounced":                                "asked, 20 days",
		"sort=due&status=submitted":                                   "",
		"locationId=" + elsewhere:                                     "elsewhere, 40 days",
		"emailStatus=bounced&limit=1":                                 "asked, 20 days",
		"emailStatus=bounced&status=expired":                          "",
		"locationId=nowhere":                                          "",
		"emailStatus=complained&engagementId=" + bounced.EngagementID: "",
	} {
		if got := names(p.Token, query); got != want {
			t.Errorf("%s lists %s, not %s", query, got, want)
		}
	}
	if got := names(staff, "sort=due&partnerId="+p.ID); got != all {
		t.Errorf("the staff sees %s", got)
	}
	for query, want := range map[string]string{"sort=due": "/partnerId", "sort=newest": "/sort", "sort=": "/sort",
		"emailStatus=lost": "/emailStatus", "locationId=": "/locationId"} {
		if got := story.Refused(t, get(t, staff, query), 422, mci.Invalid).Pointers(); got != want {
			t.Errorf("%s: the mistakes are at %s", query, got)
		}
	}
	cursor, _ := get(t, p.Token, "sort=due&limit=1").JSON(t)["cursor"].(string)
	story.Refused(t, get(t, p.Token, "cursor="+url.QueryEscape(cursor)), 422, mci.Invalid)

	// What passed its deadline is over, swept or not, and a page is a page however much of that there is (D3).
	story.ClockAt(t, localtest.Now().Add(15*story.Day))
	if got := names(p.Token, "sort=due&limit=1"); got != "asked, 20 days; not sent, 40 days; elsewhere, 40 days; "+
		"consented, 60 days" {
		t.Errorf("after 15 days it lists %s", got)
	}
}
