package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

type object = story.Object

// check asks by a body.
func check(t *testing.T, p story.Partner, body any, headers ...string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", "/v1/eligibility-checks", p.Token, body, headers...)
}

// asking is a body that asks about the customer by an ID; nil takes a field away.
func asking(p story.Partner, customerID object, changes object) object {
	body := object{"customerId": customerID, "locationId": p.Location}
	for field, value := range changes {
		if body[field] = value; value == nil {
			delete(body, field)
		}
	}
	return body
}

func id(idType mci.IDType, value string) object { return object{"type": idType, "value": value} }

// ask gives what a check finds.
func ask(t *testing.T, p story.Partner, customerID object, changes object) result {
	t.Helper()
	return localtest.Decode[result](t, check(t, p, asking(p, customerID, changes)).Expect(t, 200))
}

// standing is "eligible", or the codes of the reasons why not.
func standing(t *testing.T, r result, engagement string) string {
	t.Helper()
	is := func(v mci.Verdict) bool { return v.EngagementID == engagement }
	eligible, ineligible := slices.ContainsFunc(r.Eligible, is), slices.ContainsFunc(r.Ineligible, is)
	if eligible == ineligible {
		t.Fatalf("engagement %s is on both lists, or on none", engagement)
	}
	if eligible {
		return "eligible"
	}
	return story.Reasons(r.Ineligible, engagement)
}

func TestContract_Shape(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	fixed, variable := story.Engagement(t, object{"name": "Landing zone", "payout": "1250.5"}),
		story.VariableEngagement(t, object{"name": "Migration"})
	c := story.NewCustomer(t, fixed)
	answer := check(t, p, asking(p, c.By(mci.Domain), object{"customerEmail": c.Email})).Expect(t, 200).JSON(t)
	if fields := story.Fields(t, answer); fields != "checkedId customer eligible ineligible tenantMatchesEmailDomain" {
		t.Errorf("a check has the fields %s", fields)
	}
	for field, want := range (object{
		"customer":  object{"id": c.ID, "name": c.Name, "country": "US"},
		"checkedId": object{"type": "tenant-id", "value": c.Tenant}, "tenantMatchesEmailDomain": nil,
	}) {
		if fmt.Sprint(answer[field]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, not %v", field, answer[field], want)
		}
	}
	of := func(list, engagement string) object {
		for _, verdict := range answer[list].([]any) {
			if verdict.(object)["engagementId"] == engagement {
				return verdict.(object)
			}
		}
		t.Fatalf("%s is not among the %s", engagement, list)
		return nil
	}
	if got, want := of("eligible", fixed), (object{"engagementId": fixed, "name": "Landing zone", "payType": "fixed",
		"by": object{"type": "tenant-id", "value": c.Tenant}, "payout": object{"amount": "1250.50",
			"currency": "USD"}}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("an eligible engagement is %v, not %v", got, want)
	}
	got := of("ineligible", variable)
	if fields := story.Fields(t, got); fields != "engagementId name payType reasons" || got["payType"] != "variable" {
		t.Errorf("an ineligible engagement has the fields %s", fields)
	}
	if reason := got["reasons"].([]any)[0].(object); story.Fields(t, reason) != "code detail" ||
		reason["code"] != "id-type-not-accepted" || reason["detail"] == "" {
		t.Errorf("a reason is %v", reason)
	}
	// Both lists are lists where they are empty, too.
	stranger := story.NewCustomer(t)
	if answer := check(t, p, asking(p, stranger.By(mci.TPID), nil)).Expect(t,
		200).JSON(t); len(answer["eligible"].([]any)) != 0 {
		t.Errorf("a customer that nothing is said of is eligible for %v", answer["eligible"])
	}
}

func TestS10_ADomainIsCheckedByItsTenant(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.TenantID), "")
	found := ask(t, p, c.By(mci.Domain), nil)
	if standing(t, found, engagement) != "eligible" || *found.CheckedID != (mci.CustomerID{Type: mci.TenantID,
		Value: c.Tenant}) {
		t.Errorf("found %+v", found.CheckedID)
	}
	problem := story.Refused(t, check(t, p, asking(p, id(mci.Domain, "nowhere.example"), nil)), 422, mci.TenantNotFound)
	if !strings.Contains(problem.Detail, "tenant ID") || !strings.Contains(problem.Detail, "TPID") {
		t.Errorf("the answer does not ask for the tenant ID or the TPID: %s", problem.Detail)
	}
}

func TestS11_TheStatusOfOneIDNeverCarriesOver(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.TPID), "")
	story.Eligible(t, engagement, c.By(mci.AzureSubscription), "Not this subscription.")
	for by, want := range map[mci.IDType]string{
		mci.TPID: "eligible", mci.TenantID: "criteria-not-met", mci.Domain: "criteria-not-met",
		mci.AzureSubscription: "criteria-not-met",
		mci.MSXOpportunity:    "id-type-not-accepted",
	} {
		found := ask(t, p, c.By(by), nil)
		if got := standing(t, found, engagement); got != want {
			t.Errorf("by %s: %s, not %s", by, got, want)
		}
		if by != mci.Domain && found.CheckedID.Type != by {
			t.Errorf("by %s: %s was checked", by, found.CheckedID)
		}
		if found.Customer.ID != c.ID {
			t.Errorf("by %s: the customer is %+v", by, found.Customer)
		}
	}
}

func TestS12_TheTenantIsComparedWithTheEmailDomain(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	c, other := story.NewCustomer(t), story.NewCustomer(t)
	for name, test := range map[string]struct {
		by    mci.IDType
		email any
		want  string
	}{
		"a tenant ID, and an address in its domain":           {mci.TenantID, c.Email, "true"},
		"a tenant ID, and an address in another's":            {mci.TenantID, other.Email, "false"},
		"a tenant ID, and an address in nobody's":             {mci.TenantID, "kim@nowhere.example", "false"},
		"a tenant ID without an address":                      {mci.TenantID, nil, "null"},
		"a TPID, and an address in another's domain (D18)":    {mci.TPID, other.Email, "null"},
		"a domain, and an address in it (D18)":                {mci.Domain, c.Email, "null"},
		"a domain, and an address in another's (D18)":         {mci.Domain, other.Email, "null"},
		"a subscription ID, and an address in its own domain": {mci.AzureSubscription, c.Email, "null"},
	} {
		answer := check(t, p, asking(p, c.By(test.by), object{"customerEmail": test.email})).Expect(t, 200)
		if !strings.Contains(string(answer.Body), `"tenantMatchesEmailDomain":`+test.want) {
			t.Errorf("%s: not %s in %s", name, test.want, answer.Body)
		}
	}
}

func TestS14_TheLocationAndTheCustomerDecide(t *testing.T) {
	t.Parallel()
	p, engagement, another := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	for name, test := range map[string]struct{ location, engagement, another string }{
		"a location for all":       {p.Location, "eligible", "criteria-not-met"},
		"a location for the other": {p.NewLocation(t, true, another), "location-not-eligible", "criteria-not-met"},
		"a location not enrolled": {p.NewLocation(t, false, engagement), "location-not-enrolled",
			"location-not-enrolled location-not-eligible criteria-not-met"},
		// a check writes nothing, and takes no grant
		"a location that nobody uses": {p.NewLocation(t, true, "*"), "eligible", "criteria-not-met"},
	} {
		found := ask(t, p, c.By(mci.TPID), object{"locationId": test.location})
		if got := standing(t, found, engagement); got != test.engagement {
			t.Errorf("%s: %s, not %s", name, got, test.engagement)
		}
		if got := standing(t, found, another); got != test.another {
			t.Errorf("%s, the other engagement: %s, not %s", name, got, test.another)
		}
	}
}

func TestS14_EveryReasonThatHolds(t *testing.T) {
	t.Parallel()
	partners := story.NewPartners(t, 3)
	p, other, third := partners[0], partners[1], partners[2]
	tight := object{"claimLimits": object{"active": 1, "allowed": 1}}
	exclusive := object{"exclusive": true}
	ended, upcoming := story.Engagement(t, object{"endsOn": "2025-01-01"}),
		story.Engagement(t, object{"startsOn": "2039-01-01"})
	own, full, used, engaged, consented := story.Engagement(t, nil), story.Engagement(t, tight),
		story.Engagement(t, tight), story.Engagement(t, exclusive), story.Engagement(t, exclusive)
	c := story.NewCustomer(t, ended, upcoming, own, full, used, engaged, consented)
	p.Add(t, c, own)
	other.Add(t, c, full)
	other.Bring(t, mci.Completed, c, used)
	other.Add(t, c, engaged)
	third.Bring(t, mci.Consented, c, consented)
	found := ask(t, p, c.By(mci.TenantID), nil)
	for engagement, want := range map[string]string{
		ended: "engagement-not-active", upcoming: "engagement-not-active", own: "claim-exists",
		full: "active-limit-reached allowed-limit-reached",
		used: "allowed-limit-reached", engaged: "engaged-with-another-partner",
		consented: "consented-to-another-partner engaged-with-another-partner",
	} {
		if got := standing(t, found, engagement); got != want {
			t.Errorf("the reasons are %q, not %q", got, want)
		}
	}
	if got := standing(t, ask(t, other, c.By(mci.TenantID), nil),
		full); got != "claim-exists active-limit-reached allowed-limit-reached" {
		t.Errorf("the partner that has the claim is told %q", got)
	}
}

// eligibleBy gives the types that a check says the customer is eligible by.
func eligibleBy(t *testing.T, r result, engagement string) []mci.IDType {
	t.Helper()
	for _, verdict := range r.Ineligible {
		if verdict.EngagementID == engagement {
			if reason := verdict.Reasons[0]; reason.Code == mci.ReasonCriteriaNotMet {
				return reason.EligibleBy
			}
		}
	}
	t.Fatalf("engagement %s is not closed because its criteria are not met", engagement)
	return nil
}

func TestS13_D33_TheAnswerSaysByWhichIDTheCustomerIsEligible(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	noTenants := story.Engagement(t, object{"customerIdTypes": []string{"tpid", "azure-subscription-id"}})
	domains := story.Engagement(t, object{"customerIdTypes": []string{"tpid", "domain"}})
	c, other := story.NewCustomer(t), story.NewCustomer(t)
	for _, e := range []string{engagement, noTenants, domains} {
		story.Eligible(t, e, c.By(mci.AzureSubscription), "")
		story.Eligible(t, e, c.By(mci.TenantID), "")
		story.Eligible(t, e, c.By(mci.TPID), "Not this parent.")
		story.Eligible(t, e, other.By(mci.TPID), "")
	}
	for e, want := range map[string]string{
		engagement: "[tenant-id azure-subscription-id]", noTenants: "[azure-subscription-id]", domains: "[tenant-id]",
	} {
		if got := eligibleBy(t, ask(t, p, c.By(mci.TPID), nil), e); fmt.Sprint(got) != want {
			t.Errorf("the customer is eligible by %v, not %s", got, want)
		}
	}
	if got := eligibleBy(t, ask(t, p, other.By(mci.TenantID), nil), engagement); fmt.Sprint(got) != "[tpid]" {
		t.Errorf("by a domain's tenant it is eligible by %v", got)
	}
	problem := story.Refused(t, localtest.Call(t, "POST", "/v1/customers", p.Token, p.Nomination(c, c.By(mci.TPID),
		[]string{engagement}, nil)), 422, mci.NotEligible)
	if got := problem.Ineligible[0].Reasons[0].EligibleBy; fmt.Sprint(got) != "[tenant-id azure-subscription-id]" {
		t.Errorf("the refusal says eligible by %v", got)
	}

	// The program changes its word, and then whose the ID is; a word on an ID that is nobody's counts once it is
	// somebody's.
	story.Eligible(t, engagement, c.By(mci.AzureSubscription), "No longer.")
	if got := eligibleBy(t, ask(t, p, c.By(mci.TPID), nil), engagement); fmt.Sprint(got) != "[tenant-id]" {
		t.Errorf("after the program's no it is eligible by %v", got)
	}
	late := uuid.NewString()
	story.Eligible(t, engagement, id(mci.AzureSubscription, late), "")
	localtest.LoadRow(t, "customer-ids.csv", other.ID, mci.TenantID, c.Tenant)
	localtest.LoadRow(t, "customer-ids.csv", c.ID, mci.AzureSubscription, late)
	if got := eligibleBy(t, ask(t, p, c.By(mci.TPID), nil), engagement); fmt.Sprint(got) != "[azure-subscription-id]" {
		t.Errorf("after the tenant went to another customer it is eligible by %v", got)
	}
	if got := eligibleBy(t, ask(t, p, other.By(mci.AzureSubscription), nil),
		engagement); fmt.Sprint(got) != "[tenant-id tpid]" {
		t.Errorf("the other customer is eligible by %v", got)
	}
}

func TestD35_AKnownCustomerIsCheckedAsClaimingWouldJudgeIt(t *testing.T) {
	t.Parallel()
	p, stranger := story.NewPartner(t), story.NewPartner(t)
	byTPID, byTenant, closed := story.Engagement(t, nil), story.Engagement(t, nil), story.Engagement(t, nil)
	variable := story.VariableEngagement(t, nil)
	c, other := story.NewCustomer(t, variable), story.NewCustomer(t, variable)
	p.Know(t, c, mci.TPID)
	p.Know(t, c, mci.Domain)
	story.Eligible(t, byTPID, c.By(mci.TPID), "")
	story.Eligible(t, byTenant, c.By(mci.TenantID), "")
	story.Eligible(t, closed, c.By(mci.AzureSubscription), "") // by which nobody nominated it
	known := func(changes object) object {
		body := object{"knownCustomerId": c.ID, "locationId": p.Location}
		for field, value := range changes {
			body[field] = value
		}
		return body
	}
	answer := check(t, p, known(object{"customerEmail": "kim@nowhere.example"})).Expect(t, 200)
	if fields := story.Fields(t, answer.JSON(t)); fields != "customer eligible ineligible tenantMatchesEmailDomain" ||
		answer.JSON(t)["tenantMatchesEmailDomain"] != nil {
		t.Errorf("a check of a known customer is %s", answer.Body)
	}
	found := localtest.Decode[result](t, answer)
	by := map[string]string{}
	for _, verdict := range found.Eligible {
		by[verdict.EngagementID] = verdict.By.String()
	}
	if by[byTPID] != "tpid "+c.TPID || by[byTenant] != "tenant-id "+c.Tenant || found.Customer.ID != c.ID {
		t.Errorf("the customer is eligible by %v", by)
	}
	if got := eligibleBy(t, found, closed); fmt.Sprint(got) != "[azure-subscription-id]" {
		t.Errorf("another ID of it would do, and it is eligible by %v", got)
	}
	if got := standing(t, found, variable); got != "id-type-not-accepted" {
		t.Errorf("without an opportunity: %s", got)
	}
	for opportunity, want := range map[string]string{c.Opportunity: "eligible",
		other.Opportunity: "opportunity-of-another-customer"} {
		found := localtest.Decode[result](t,
			check(t, p, known(object{"opportunityId": opportunity, "hours": 25})).Expect(t, 200))
		if got := standing(t, found, variable); got != want {
			t.Errorf("by an opportunity: %s, not %s", got, want)
		}
		if standing(t, found, byTPID) != "eligible" {
			t.Error("an opportunity closes what takes other IDs")
		}
	}
	story.Refused(t, check(t, p, known(object{"opportunityId": "7-UNKNOWN"})), 422, mci.CustomerNotFound)
	story.Refused(t, check(t, p, known(object{"knownCustomerId": other.ID})), 422, mci.CustomerNotFound)
	story.Refused(t, check(t, stranger, object{"knownCustomerId": c.ID, "locationId": stranger.Location}), 422,
		mci.CustomerNotFound)
	for _, bad := range []struct {
		body object
		want string
	}{
		{known(object{"customerId": c.By(mci.TPID)}), "/customerId"},
		{known(object{"knownCustomerId": 7}), "/knownCustomerId"},
		{known(object{"knownCustomerId": "a\u202eb"}), "/knownCustomerId"},
		{known(object{"opportunityId": "no such form"}), "/opportunityId"},
		{object{"customerId": c.By(mci.TPID), "opportunityId": c.Opportunity, "locationId": p.Location},
			"/opportunityId"},
	} {
		if pointers := story.Refused(t, check(t, p, bad.body), 422, mci.Invalid).Pointers(); pointers != bad.want {
			t.Errorf("the mistakes are at %s, not %s", pointers, bad.want)
		}
	}
	none := object{"customerId": c.By(mci.TPID), "knownCustomerId": nil, "opportunityId": nil, "locationId": p.Location}
	check(t, p, none).Expect(t, 200)
	if claim := p.Claim(t, c, byTenant); claim.CustomerID.Type != mci.TenantID {
		t.Errorf("it is claimed by %s", claim.CustomerID)
	}
}

func TestS17_TheProposedPayout(t *testing.T) {
	t.Parallel()
	p, variable, fixed := story.NewPartner(t), story.VariableEngagement(t, object{"rates": object{
		"perHour": "100.00", "minHours": 10, "maxHours": 100, "maxPayout": "5000.00",
		"maxShareOfOpportunity": "0.10"}}), story.Engagement(t, nil)
	for name, test := range map[string]struct {
		value  string
		hours  any
		payout string // "" where it is left out
		want   string
		by     string // what decides
	}{
		"from the hours":                     {"100000.00", 25, "2500.00", "eligible", "hours"},
		"at most the engagement's most":      {"100000.00", 100, "5000.00", "eligible", "maxPayout"},
		"at most the share":                  {"333.33", 25, "33.33", "eligible", "maxShareOfOpportunity"},
		"the hours where all are the same":   {"50000.00", 50, "5000.00", "eligible", "hours"},
		"left out of a check without hours":  {"100000.00", nil, "", "eligible", ""},
		"no payout where the hours are many": {"100000.00", 101, "", "hours-out-of-range", ""},
		"no payout where the hours are few":  {"100000.00", 9, "", "hours-out-of-range", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := story.NewCustomer(t, variable)
			localtest.LoadRow(t, "opportunities.csv", c.Opportunity, c.ID, test.value, "open")
			found := ask(t, p, c.By(mci.MSXOpportunity), object{"hours": test.hours})
			if got := standing(t, found, variable); got != test.want {
				t.Errorf("%s, not %s", got, test.want)
			}
			payout := ""
			for _, verdict := range found.Eligible {
				if verdict.EngagementID == variable && verdict.Payout != nil {
					payout = verdict.Payout.String()
					basis, err := json.Marshal(verdict.PayoutBasis)
					if err != nil {
						t.Fatal(err)
					}
					usd := func(amount string) string { return `{"amount":"` + amount + `","currency":"USD"}` }
					want := fmt.Sprintf(`{"hours":%d,"perHour":%s,"opportunityValue":%s,"maxPayout":%s,`+
						`"maxShareOfOpportunity":"0.10","decidedBy":%q}`,
						test.hours, usd("100.00"), usd(test.value), usd("5000.00"), test.by)
					if string(basis) != want {
						t.Errorf("the payout's basis is %s, not %s", basis, want)
					}
				}
			}
			if payout != test.payout {
				t.Errorf("the payout is %q, not %q", payout, test.payout)
			}
			// What the review shows is what the claim gets.
			if test.payout != "" {
				if claim := p.AddVariable(t, c, variable, test.hours.(int)); claim.Payout.String() != test.payout {
					t.Errorf("the claim's payout is %s", claim.Payout)
				}
			}
		})
	}
	t.Run("fixed pay needs no hours, and takes no notice of them", func(t *testing.T) {
		c := story.NewCustomer(t, fixed)
		for _, hours := range []any{nil, 1000} {
			for _, verdict := range ask(t, p, c.By(mci.TPID), object{"hours": hours}).Eligible {
				if verdict.EngagementID == fixed && verdict.Payout.String() != "1250.00" {
					t.Errorf("the payout is %s", verdict.Payout)
				}
			}
		}
	})
}

func TestD7_TheOpportunityIsJudged(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.VariableEngagement(t, nil)
	c := story.NewCustomer(t)
	localtest.LoadRow(t, "opportunities.csv", c.Opportunity, c.ID, "1.00", "won")
	if got := standing(t, ask(t, p, c.By(mci.MSXOpportunity), object{"hours": 101}),
		engagement); got != "criteria-not-met opportunity-closed hours-out-of-range" {
		t.Errorf("the reasons are %q", got)
	}
}

func TestContract_NothingIsWritten(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	key := story.Name("key")
	// passed over, whatever it is
	for _, key := range []string{key, key, "no key at all \u00e9", strings.Repeat("k", 300)} {
		answer := check(t, p, asking(p, c.By(mci.Domain), object{"customerEmail": c.Email}), "Idempotency-Key",
			key).Expect(t, 200)
		for _, request := range answer.Requests() {
			if !slices.Contains([]string{"GetItem", "Query", "BatchGetItem"}, request.Action) {
				t.Errorf("a check asked for %s", request.Action)
			}
		}
	}
	if rows := p.Customers(t, engagement, "eligible"); len(rows) != 0 {
		t.Errorf("the page shows %+v", rows)
	}
}

func TestContract_EveryMistakeAtOnceWithItsPointer(t *testing.T) {
	t.Parallel()
	p, other := story.NewPartner(t), story.NewPartner(t)
	for body, want := range map[string]string{
		`{}`: "/customerId /locationId",
		`{"customerId":{"type":"tpid","value":"x"},"locationId":"` + other.Location +
			`","customerEmail":"kim","hours":0.5,"engagementIds":[]}`: "/customerEmail /customerId/value " +
			"/engagementIds /hours /locationId",
		`{"customerId":[],"locationId":{},"customerEmail":1,"hours":"1"}`: "/customerEmail " +
			"/customerId /hours /locationId",
		`{"customerId":{"type":"tpid","value":"99999999999999999999"},"locationId":"nowhere"}`: "/locationId",
	} {
		if pointers := story.Refused(t, check(t, p, body), 422, mci.Invalid).Pointers(); pointers != want {
			t.Errorf("the mistakes are at %s, not %s", pointers, want)
		}
	}
	for _, unknown := range []object{id(mci.TPID, "99999999999999999999"), id(mci.TenantID, uuid.NewString()),
		id(mci.MSXOpportunity, "7-UNKNOWN")} {
		story.Refused(t, check(t, p, asking(p, unknown, nil)), 422, mci.CustomerNotFound)
	}
}

func TestB2_AnImportedEngagementIsCheckedAtOnce(t *testing.T) {
	t.Parallel()
	p, c := story.NewPartner(t), story.NewCustomer(t)
	ask(t, p, c.By(mci.TPID), nil)
	engagement := story.Engagement(t, nil)
	story.Eligible(t, engagement, c.By(mci.TPID), "")
	if got := standing(t, ask(t, p, c.By(mci.TPID), nil), engagement); got != "eligible" {
		t.Errorf("%s", got)
	}
	story.Eligible(t, engagement, c.By(mci.TPID), "No longer.")
	if got := standing(t, ask(t, p, c.By(mci.TPID), nil), engagement); got != "criteria-not-met" {
		t.Errorf("%s", got)
	}
	// A changed rule, too.
	story.Engagement(t, object{"id": engagement, "name": "Renamed", "customerIdTypes": []string{"domain"},
		"claimLimits": object{"active": 1, "allowed": 1}, "payout": "9.99"})
	if got := standing(t, ask(t, p, c.By(mci.TPID), nil), engagement); got != "id-type-not-accepted" {
		t.Errorf("%s", got)
	}
}

// This test moves the clock.
func TestD6_TheFirstDayAndTheLast(t *testing.T) {
	p := story.NewPartner(t)
	day := time.Now().UTC().Truncate(story.Day).Add(2 * story.Day)
	engagement := story.Engagement(t, object{"startsOn": day.Format(time.DateOnly),
		"endsOn": day.Format(time.DateOnly)})
	c := story.NewCustomer(t, engagement)
	for _, moment := range []struct {
		at   time.Time
		want string
	}{
		{day.Add(-5 * time.Minute), "engagement-not-active"}, {day, "eligible"}, {day.Add(story.Day - 5*time.Minute),
			"eligible"}, {day.Add(story.Day), "engagement-not-active"},
	} {
		story.ClockAt(t, moment.at)
		if got := standing(t, ask(t, p, c.By(mci.TPID), nil), engagement); got != moment.want {
			t.Errorf("at %s: %s, not %s", moment.at, got, moment.want)
		}
	}
}
