package main

import (
	"slices"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// list gives all referrals that the query finds, over as many pages as it takes.
func list(t *testing.T, token, query string) []story.Referral {
	t.Helper()
	var all []story.Referral
	for _, page := range story.Pages[struct{ Referrals []story.Referral }](t, token, "/v1/referrals?"+query) {
		if page.Referrals == nil {
			t.Errorf("the list of %s is no list", query)
		}
		all = append(all, page.Referrals...)
	}
	return all
}

// of keeps the referrals of these partners, in their order, by claim.
func of(referrals []story.Referral, partners ...story.Partner) []string {
	claims := []string{}
	for _, referral := range referrals {
		if slices.ContainsFunc(partners, func(p story.Partner) bool { return p.ID == referral.PartnerID }) {
			claims = append(claims, referral.ClaimID)
		}
	}
	return claims
}

func TestS26_S27_WhoSeesWhichReferrals(t *testing.T) {
	t.Parallel()
	e, plain := story.Engagement(t, story.WithCoSell(false)), story.Engagement(t, nil)
	one, two := story.NewPartner(t), story.NewPartner(t)
	claims := map[string]string{}
	bring := func(name string, p story.Partner, status mci.Status, engagement string) {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, engagement), engagement)
		claims[name] = claim.ID
	}
	bring("one's partner-led", one, mci.ConsentPending, e)
	bring("one's co-sell", one, mci.Consented, e)
	bring("two's partner-led", two, mci.ConsentPending, e)
	bring("two's co-sell", two, mci.Submitted, e)
	bring("one without a referral", one, mci.Consented, plain)
	bring("one that nobody was asked for", one, mci.ConsentNotSent, e)
	localtest.WaitDrained(t)

	admin := one.NewUser(t, "", mci.ReferralAdmin)
	seller, staff := localtest.Token(t, "", story.Name("seller"), mci.FieldSeller), story.Program(t)
	partnerSeller := localtest.Token(t, two.ID, story.Name("seller"), mci.FieldSeller)
	both := one.NewUser(t, "", mci.ReferralAdmin, mci.FieldSeller)
	for _, c := range []struct {
		who, token, query string
		sees              []string // newest first
	}{
		{"a partner's referral admin", admin, "", []string{"one's co-sell", "one's partner-led"}},
		{"its co-sell ones", admin, "type=co-sell", []string{"one's co-sell"}},
		{"its partner-led ones", admin, "type=partner-led", []string{"one's partner-led"}},
		{"a field seller", seller, "", []string{"two's co-sell", "one's co-sell"}},
		{"a field seller's co-sell ones", seller, "type=co-sell", []string{"two's co-sell", "one's co-sell"}},
		{"a field seller's partner-led ones", seller, "type=partner-led", []string{}},
		{"a field seller whose token names a partner", partnerSeller, "", []string{"two's co-sell", "one's co-sell"}},
		{"a field seller who is a partner's referral admin too", both, "", []string{"two's co-sell", "one's co-sell",
			"one's partner-led"}},
		{"such a one's co-sell ones", both, "type=co-sell", []string{"two's co-sell", "one's co-sell"}},
		{"such a one's partner-led ones", both, "type=partner-led", []string{"one's partner-led"}},
		{"the program", staff, "", []string{"two's co-sell", "two's partner-led", "one's co-sell",
			"one's partner-led"}},
		{"the program's partner-led ones", staff, "type=partner-led", []string{"two's partner-led",
			"one's partner-led"}},
	} {
		for _, limit := range []string{"limit=100&", "limit=1&", ""} {
			want := []string{}
			for _, name := range c.sees {
				want = append(want, claims[name])
			}
			got := of(list(t, c.token, strings.TrimSuffix(limit+c.query, "&")), one, two)
			if !slices.Equal(got, want) {
				t.Errorf("%s (%s) sees %v instead of %v", c.who, limit, got, want)
			}
		}
	}
	if others := list(t, admin, ""); len(others) != 2 {
		t.Errorf("a partner's referral admin sees %d referrals", len(others))
	}

	href := func(name string) string { return "/v1/referrals/R" + claims[name] }
	for _, c := range []struct {
		rule, token, path string
		status            int
	}{
		{"its own", admin, href("one's partner-led"), 200},
		{"another partner's is not there", admin, href("two's co-sell"), 404},
		{"a seller's co-sell", seller, href("two's co-sell"), 200},
		{"a seller's partner-led is not there", seller, href("two's partner-led"), 404},
		{"the program's any", staff, href("two's partner-led"), 200},
		{"a claim without a referral has none", staff, href("one without a referral"), 404},
		{"a claim that nobody was asked for has none", staff, href("one that nobody was asked for"), 404},
		{"a claim's ID is no referral's", staff, "/v1/referrals/" + claims["one's co-sell"], 404},
		{"nothing is nothing", staff, "/v1/referrals/R", 404},
		{"incentives roles do not see referrals", one.Token, href("one's co-sell"), 403},
		{"nor do they list them", one.Token, "/v1/referrals", 403},
		{"a referral admin without a partner sees none", localtest.Token(t, "", "nobody", mci.ReferralAdmin),
			"/v1/referrals", 403},
	} {
		if answer := localtest.Call(t, "GET", c.path, c.token, nil); answer.Status != c.status {
			t.Errorf("%s: answered %d: %s", c.rule, answer.Status, answer.Body)
		}
	}
}

func TestS26_AReferralInDetail(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	c := story.NewCustomer(t, e)
	claim, link := p.Bring(t, mci.ConsentPending, c, e)
	admin := p.NewUser(t, "", mci.ReferralAdmin)
	read := func() (story.Referral, string) {
		answer := localtest.Call(t, "GET", claim.Referral.Href, admin, nil).Expect(t, 200)
		return localtest.Decode[story.Referral](t, answer), string(answer.Body)
	}
	referral, body := read()
	if referral.ID != claim.Referral.ID || referral.ClaimID != claim.ID || referral.PartnerID != p.ID ||
		referral.Type != "partner-led" ||
		referral.State() != "new" || referral.DealSize.String() != "60000.00" || referral.EngagementID != e ||
		referral.Customer["id"] != c.ID || referral.Customer["name"] != c.Name || referral.CreatedAt.IsZero() ||
		referral.UpgradedAt != nil ||
		referral.PartnerName != p.Name || referral.EngagementName != "Assessment" ||
		referral.FriendlyName != claim.FriendlyName ||
		referral.PartnerContact.Email != "pat@partner.example" || referral.ClaimStatus != "consent-pending" ||
		referral.ConsentedAt != nil ||
		referral.SubmissionDue != nil || referral.Payout.String() != "1250.00" {
		t.Errorf("it is %s", body)
	}
	for _, personal := range []string{c.Email, "Kim Contact"} {
		if strings.Contains(body, personal) {
			t.Errorf("it tells %s: %s", personal, body)
		}
	}
	story.Accept(t, link)
	if active, _ := read(); active.State() != "active" {
		t.Errorf("after the consent it is %s", active.State())
	}
	localtest.WaitDrained(t)
	upgraded, _ := read()
	if upgraded.Type != "co-sell" || upgraded.UpgradedAt == nil || upgraded.UpgradedAt.Before(upgraded.CreatedAt) ||
		upgraded.ID != referral.ID || !upgraded.CreatedAt.Equal(referral.CreatedAt) {
		t.Errorf("upgraded it is %+v", upgraded)
	}
	now := p.Get(t, claim.ID)
	if upgraded.ClaimStatus != "consented" || !upgraded.ConsentedAt.Equal(*now.ConsentedAt) ||
		!upgraded.SubmissionDue.Equal(*now.Due) {
		t.Errorf("of the claim it says %+v", upgraded)
	}
	if types := (story.Claim{Events: upgraded.Events}).Types(); types != "referral.created referral.upgraded" {
		t.Errorf("its own events are %s", types)
	}
	listed := list(t, admin, "")
	if len(listed) != 1 || listed[0].ID != upgraded.ID || !listed[0].UpgradedAt.Equal(*upgraded.UpgradedAt) ||
		listed[0].State() != "active" ||
		listed[0].PartnerName != p.Name || listed[0].EngagementName != "Assessment" ||
		listed[0].FriendlyName != claim.FriendlyName || listed[0].Events != nil {
		t.Errorf("listed it is %+v", listed)
	}
	if now.Referral.Type != "co-sell" || now.Referral.Href != claim.Referral.Href {
		t.Errorf("the claim links to %+v", now.Referral)
	}
}

func TestD9_AReferralClosesAsItsClaimEnds(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	admin := p.NewUser(t, "", mci.ReferralAdmin)
	for status, state := range map[mci.Status]string{
		mci.ConsentPending: "new", mci.Consented: "active", mci.Submitted: "active", mci.ActionRequired: "active",
		mci.Completed: "closed/won", mci.Rejected: "closed/lost", mci.Declined: "closed/declined",
	} {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, e), e)
		if got := claim.ReferralNow(t).State(); got != state {
			t.Errorf("of a claim that is %s it is %s instead of %s", status, got, state)
		}
		listed := list(t, admin, "")
		at := slices.IndexFunc(listed, func(r story.Referral) bool { return r.ClaimID == claim.ID })
		if at < 0 || listed[at].State() != state {
			t.Errorf("of a claim that is %s it is listed as %+v", status, listed)
		}
		localtest.WaitDrained(t)
		whole := p.Get(t, claim.ID)
		if closed := strings.Count(whole.Types(), "referral.closed"); (closed == 1) != status.Terminal() ||
			closed > 1 || !whole.EventsIntact {
			t.Errorf("of a claim that is %s the history is %s", status, whole.Types())
		}
		if status.Terminal() {
			last := whole.Events[len(whole.Events)-1]
			if last.Type == "referral.closed" && last.Detail["status"]+"/"+last.Detail["substatus"] != state {
				t.Errorf("the event says %v", last.Detail)
			}
		}
	}
}
