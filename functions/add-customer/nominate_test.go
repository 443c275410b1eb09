package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

type object = story.Object

// add nominates by a body.
func add(t *testing.T, p story.Partner, body any, headers ...string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", "/v1/customers", p.Token, body, headers...)
}

// id is a customer ID as a nomination names it.
func id(idType mci.IDType, value string) object { return object{"type": idType, "value": value} }

func TestS7_TheClaimHoldsAllThatThePartnerGave(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, object{"consentWindowDays": 17})
	c := story.NewCustomer(t, engagement)
	before := time.Now()
	answer := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, object{
		"friendlyName": "  Migration of the Łódź site  ",
		"customerContact": object{"name": "Žofie Nováková", "email": "Zofie@" + c.Domain, "phone": "+420 555 0100",
			"locale": "pt-BR"},
		"partnerContact": object{"name": "Pat Partner", "email": "pat@partner.example", "phone": "+1 (425) 555-0100"},
	})).Expect(t, 201)

	body := answer.JSON(t)
	if fields := story.Fields(t, body); fields != "claims" {
		t.Errorf("the answer has the fields %s", fields)
	}
	claim := body["claims"].([]any)[0].(object)
	const want = "actions consentDue createdAt customer customerContact customerId due engagementId engagementName " +
		"friendlyName id locationId locationName origin partnerContact partnerId partnerName payType payout " +
		"sendsLeft status version"
	if fields := story.Fields(t, claim); fields != want {
		t.Errorf("a new claim has the fields\n%s, not\n%s", fields, want)
	}
	createdAt, err := time.Parse(time.RFC3339, fmt.Sprint(claim["createdAt"]))
	if err != nil || createdAt.Before(before.Truncate(time.Millisecond)) || createdAt.After(time.Now()) ||
		createdAt.Location() != time.UTC {
		t.Errorf("createdAt is %v", claim["createdAt"])
	}
	consentDue, err := time.Parse(time.RFC3339, fmt.Sprint(claim["consentDue"]))
	if err != nil || consentDue.Sub(createdAt) != 17*story.Day {
		t.Errorf("S20: consent is due on %v, %s after %v", claim["consentDue"], consentDue.Sub(createdAt),
			claim["createdAt"])
	}
	for field, want := range (object{
		"friendlyName": "Migration of the Łódź site", "partnerId": p.ID, "partnerName": p.Name,
		"locationId": p.Location, "locationName": "Seattle", "engagementId": engagement, "engagementName": "Assessment",
		"payType":    "fixed",
		"customer":   object{"id": c.ID, "name": c.Name, "country": "US"},
		"customerId": object{"type": "tpid", "value": c.TPID},
		"origin":     "added", "status": "consent-not-sent", "actions": []any{"send-consent", "cancel-claim"},
		"payout": object{"amount": "1250.00", "currency": "USD"},
		"customerContact": object{"name": "Žofie Nováková", "email": "Zofie@" + c.Domain, "phone": "+420 555 0100",
			"locale": "pt-BR"},
		"partnerContact": object{"name": "Pat Partner", "email": "pat@partner.example", "phone": "+1 (425) 555-0100"},
		"due":            claim["consentDue"], "sendsLeft": 10.0, "version": 1.0,
	}) {
		if fmt.Sprint(claim[field]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, not %v", field, claim[field], want)
		}
	}
}

func TestS7_OptionalPartsOfContactsAreLeftOut(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	answer := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, object{
		"customerContact": object{"name": "Kim", "email": c.Email, "phone": nil, "locale": nil}, "mismatchReason": nil,
		"hours": nil,
	})).Expect(t, 201)
	claim := answer.JSON(t)["claims"].([]any)[0].(object)
	for _, contact := range []string{"customerContact", "partnerContact"} {
		if fields := story.Fields(t, claim[contact]); fields != "email name" {
			t.Errorf("%s has the fields %s", contact, fields)
		}
	}
}

func TestS8_WhichLocationsCanBeChosen(t *testing.T) {
	t.Parallel()
	p, other := story.NewPartner(t), story.NewPartner(t)
	engagement, another := story.Engagement(t, nil), story.Engagement(t, nil)
	granted := func(location string) string {
		p.GrantAt(t, p.User, location, mci.IncentivesUser)
		return location
	}
	byAnother := p.NewLocation(t, true, "*")
	p.GrantAt(t, "somebody-else", byAnother, mci.IncentivesAdmin)
	asReferralAdmin := p.NewLocation(t, true, "*")
	p.GrantAt(t, p.User, asReferralAdmin, mci.ReferralAdmin)

	for name, test := range map[string]struct {
		location string
		reasons  string   // of a 422 not-eligible
		code     mci.Code // of a 403
		pointer  string   // of a 422 invalid
	}{
		"enrolled, eligible for all engagements, granted": {location: p.Location},
		"enrolled, eligible for this one, granted": {location: granted(p.NewLocation(t, true, another+";"+
			engagement))},
		"not enrolled": {location: granted(p.NewLocation(t, false, "*")), reasons: "location-not-enrolled"},
		"not eligible": {location: granted(p.NewLocation(t, true, another)), reasons: "location-not-eligible"},
		"neither, both are told": {location: granted(p.NewLocation(t, false, "")),
			reasons: "location-not-enrolled location-not-eligible"},
		"without a grant":               {location: p.NewLocation(t, true, "*"), code: mci.LocationNotGranted},
		"granted to somebody else":      {location: byAnother, code: mci.LocationNotGranted},
		"granted for referrals only":    {location: asReferralAdmin, code: mci.LocationNotGranted},
		"not granted, and not enrolled": {location: p.NewLocation(t, false, ""), code: mci.LocationNotGranted},
		"another partner's":             {location: other.Location, pointer: "/locationId"},
		"nobody's":                      {location: "nowhere", pointer: "/locationId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := story.NewCustomer(t, engagement)
			answer := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement},
				object{"locationId": test.location}))
			switch {
			case test.code != "":
				story.Refused(t, answer, 403, test.code)
			case test.pointer != "":
				if pointers := story.Refused(t, answer, 422, mci.Invalid).Pointers(); pointers != test.pointer {
					t.Errorf("the mistakes are at %s", pointers)
				}
			case test.reasons != "":
				if reasons := story.Ineligible(t, answer, engagement); reasons != test.reasons {
					t.Errorf("the reasons are %q, not %q", reasons, test.reasons)
				}
			default:
				answer.Expect(t, 201)
			}
		})
	}
}

func TestS9_EachPayTakesItsIDs(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	fixed := []mci.IDType{mci.Domain, mci.TenantID, mci.TPID, mci.AzureSubscription}
	subsets := [][]mci.IDType{fixed, {mci.Domain}, {mci.TenantID}, {mci.TPID}, {mci.AzureSubscription},
		{mci.TPID, mci.AzureSubscription}}
	for _, taken := range subsets {
		t.Run("fixed pay that takes "+mci.Join(taken), func(t *testing.T) {
			t.Parallel()
			engagement := story.Engagement(t, object{"customerIdTypes": taken})
			accepted := map[mci.IDType]bool{}
			for _, idType := range taken {
				accepted[idType] = true
			}
			// D5: a domain has become its tenant, which satisfies an engagement that takes tenant IDs.
			accepted[mci.Domain] = accepted[mci.Domain] || accepted[mci.TenantID]
			for _, by := range mci.IDTypes {
				c := story.NewCustomer(t, engagement)
				answer := add(t, p, p.Nomination(c, c.By(by), []string{engagement}, object{"hours": 20}))
				if accepted[by] {
					answer.Expect(t, 201)
				} else if reasons := story.Ineligible(t, answer, engagement); reasons != "id-type-not-accepted" {
					t.Errorf("by %s: the reasons are %q", by, reasons)
				}
			}
		})
	}
	t.Run("variable pay", func(t *testing.T) {
		t.Parallel()
		engagement := story.VariableEngagement(t, nil)
		for _, by := range mci.IDTypes {
			c := story.NewCustomer(t, engagement)
			answer := add(t, p, p.Nomination(c, c.By(by), []string{engagement}, object{"hours": 20}))
			if by == mci.MSXOpportunity {
				answer.Expect(t, 201)
			} else if reasons := story.Ineligible(t, answer, engagement); reasons != "id-type-not-accepted" {
				t.Errorf("by %s: the reasons are %q", by, reasons)
			}
		}
	})
}

func TestS10_ADomainIsCheckedByItsTenant(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.TenantID), "")
	claim := story.Born(t, add(t, p, p.Nomination(c, c.By(mci.Domain), []string{engagement}, nil)))[0]
	if claim.CustomerID != (mci.CustomerID{Type: mci.TenantID, Value: c.Tenant}) || claim.Customer["id"] != c.ID {
		t.Errorf("the claim is for %v, by %s", claim.Customer, claim.CustomerID)
	}

	// A word on the domain itself counts for nothing.
	c = story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.Domain), "")
	if reasons := story.Ineligible(t, add(t, p, p.Nomination(c, c.By(mci.Domain), []string{engagement}, nil)),
		engagement); reasons != "criteria-not-met" {
		t.Errorf("the reasons are %q", reasons)
	}
}

func TestS10_WithoutATenantTheTenantIDOrTheTPIDIsAskedFor(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	problem := story.Refused(t, add(t, p, p.Nomination(c, id(mci.Domain, story.Name("unknown")+".example"),
		[]string{engagement}, nil)), 422, mci.TenantNotFound)
	for _, wanted := range []string{"tenant ID", "TPID"} {
		if !strings.Contains(problem.Detail, wanted) {
			t.Errorf("the answer does not ask for a %s: %s", wanted, problem.Detail)
		}
	}
	// A tenant that is no customer's.
	domain := story.Name("lost") + ".example"
	localtest.LoadRow(t, "domains.csv", domain, uuid.NewString())
	story.Refused(t, add(t, p, p.Nomination(c, id(mci.Domain, domain), []string{engagement}, nil)), 422,
		mci.CustomerNotFound)
}

func TestS10_ADomainWhoseTenantHasChangedHandsNamesTheNewCustomer(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	seller, buyer := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	localtest.LoadRow(t, "customer-ids.csv", buyer.ID, mci.TenantID, seller.Tenant)
	claim := story.Born(t, add(t, p, p.Nomination(seller, seller.By(mci.Domain), []string{engagement}, nil)))[0]
	if claim.Customer["id"] != buyer.ID {
		t.Errorf("the claim is for %v, whose tenant it no longer is", claim.Customer)
	}
}

func TestS11_TheStatusOfOneIDNeverCarriesOver(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	for _, eligible := range []mci.IDType{mci.TenantID, mci.TPID, mci.AzureSubscription} {
		t.Run("eligible by "+string(eligible)+" alone", func(t *testing.T) {
			t.Parallel()
			engagement := story.Engagement(t, nil)
			c := story.NewCustomer(t)
			story.Eligible(t, engagement, c.By(eligible), "")
			for _, by := range []mci.IDType{mci.TenantID, mci.TPID, mci.AzureSubscription} {
				if by == eligible {
					continue
				}
				problem := story.Refused(t, add(t, p, p.Nomination(c, c.By(by), []string{engagement}, nil)), 422,
					mci.NotEligible)
				if reasons := story.Reasons(problem.Ineligible, engagement); reasons != "criteria-not-met" {
					t.Errorf("by %s: the reasons are %q", by, reasons)
				}
			}
			add(t, p, p.Nomination(c, c.By(eligible), []string{engagement}, nil)).Expect(t, 201)
		})
	}
}

func TestS12_ATenantIDIsComparedWithTheEmailDomain(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	const reason = "The subsidiary buys; its parent's people write."
	for name, test := range map[string]struct {
		by      mci.IDType
		email   func(c, other story.Customer) string
		compare bool
	}{
		"a tenant ID that the email domain leads to": {mci.TenantID,
			func(c, _ story.Customer) string { return c.Email }, false},
		"a tenant ID, and a domain in capitals that leads to it": {mci.TenantID,
			func(c, _ story.Customer) string { return "Kim@" + strings.ToUpper(c.Domain) }, false},
		"a tenant ID, and a domain that leads to another tenant": {mci.TenantID,
			func(_, other story.Customer) string { return other.Email }, true},
		"a tenant ID, and a domain that leads to none (D18)": {mci.TenantID,
			func(story.Customer, story.Customer) string { return "kim@nowhere.example" }, true},
		"a tenant ID, and a subdomain of one that leads to it": {mci.TenantID,
			func(c, _ story.Customer) string { return "kim@mail." + c.Domain }, true},
		"a TPID, and a domain that leads to another tenant (D18)": {mci.TPID,
			func(_, other story.Customer) string { return other.Email }, false},
		"a subscription ID, and a domain that leads to no tenant (D18)": {mci.AzureSubscription,
			func(story.Customer, story.Customer) string { return "kim@nowhere.example" }, false},
		"a domain, and an address in one that leads elsewhere (D18)": {mci.Domain,
			func(_, other story.Customer) string { return other.Email }, false},
		"an opportunity, and a domain that leads to no tenant (D18, S9)": {mci.MSXOpportunity,
			func(story.Customer, story.Customer) string { return "kim@nowhere.example" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engagement := story.Engagement(t, nil)
			if test.by == mci.MSXOpportunity {
				engagement = story.VariableEngagement(t, nil)
			}
			c, other := story.NewCustomer(t, engagement), story.NewCustomer(t)
			changes := object{"customerContact": object{"name": "Kim", "email": test.email(c, other)}, "hours": 20}
			body := p.Nomination(c, c.By(test.by), []string{engagement}, changes)
			if !test.compare {
				add(t, p, body).Expect(t, 201)
				return
			}
			for _, blank := range []any{nil, "", " \n "} {
				body["mismatchReason"] = blank
				story.Refused(t, add(t, p, body), 422, mci.MismatchReasonRequired)
			}
			body["mismatchReason"] = reason
			if claim := story.Born(t, add(t, p, body))[0]; claim.MismatchReason != reason {
				t.Errorf("the claim's reason is %q", claim.MismatchReason)
			}
		})
	}
}

func TestS13_TheAnswerSaysWhichIDToNominate(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.TPID), "")
	problem := story.Refused(t, add(t, p, p.Nomination(c, c.By(mci.Domain), []string{engagement}, nil)), 422,
		mci.NotEligible)
	detail := problem.Ineligible[0].Reasons[0].Detail
	if !strings.Contains(detail, "TPID") || !strings.Contains(detail, "tenant ID") {
		t.Errorf("the reason does not say by which ID to nominate: %s", detail)
	}
	add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)).Expect(t, 201)
}

func TestS13_TheProgramsOwnReasonIsTold(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.TPID), "Fewer than 300 seats, says the program.")
	problem := story.Refused(t, add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)), 422,
		mci.NotEligible)
	reason := problem.Ineligible[0].Reasons[0]
	if reason.Code != mci.ReasonCriteriaNotMet || reason.Detail != "Fewer than 300 seats, says the program." {
		t.Errorf("the reason is %+v", reason)
	}
}

func TestS15_VariablePay(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	variable, fixed := story.VariableEngagement(t, nil), story.Engagement(t, nil)
	nominate := func(engagements []string, hours any) (localtest.Response, story.Customer) {
		c := story.NewCustomer(t, variable, fixed)
		return add(t, p, p.Nomination(c, c.By(mci.MSXOpportunity), engagements, object{"hours": hours})), c
	}
	t.Run("takes one engagement per nomination", func(t *testing.T) {
		for _, engagements := range [][]string{{variable, fixed}, {fixed, variable},
			{variable, story.VariableEngagement(t, nil)}} {
			answer, _ := nominate(engagements, 20)
			story.Refused(t, answer, 422, mci.SingleEngagementOnly)
		}
	})
	t.Run("needs the hours", func(t *testing.T) {
		answer, _ := nominate([]string{variable}, nil)
		story.Refused(t, answer, 422, mci.HoursRequired)
	})
	for hours, inRange := range map[int]bool{1: false, 9: false, 10: true, 100: true, 101: false, 1000: false} {
		t.Run(fmt.Sprintf("from 10 to 100 hours, given %d", hours), func(t *testing.T) {
			answer, _ := nominate([]string{variable}, hours)
			if !inRange {
				if reasons := story.Ineligible(t, answer, variable); reasons != "hours-out-of-range" {
					t.Errorf("the reasons are %q", reasons)
				}
			} else if claim := story.Born(t, answer)[0]; claim.Hours != hours || claim.PayType != "variable" {
				t.Errorf("the claim is for %d hours of %s pay", claim.Hours, claim.PayType)
			}
		})
	}
	t.Run("hours are whole", func(t *testing.T) {
		for _, hours := range []any{20.5, "20", true, object{}, -20, 1e300,
			json.Number("20.0000000000000000000000000001"), json.Number("1e-999999999")} {
			answer, _ := nominate([]string{variable}, hours)
			if pointers := story.Refused(t, answer, 422, mci.Invalid).Pointers(); pointers != "/hours" {
				t.Errorf("%v: the mistakes are at %s", hours, pointers)
			}
		}
	})
	t.Run("a whole number may be written with a point or an exponent", func(t *testing.T) {
		for written, want := range map[string]int{"40.0": 40, "4e1": 40, "0.4E2": 40} {
			answer, _ := nominate([]string{variable}, json.Number(written))
			if claim := story.Born(t, answer)[0]; claim.Hours != want {
				t.Errorf("%s gives %d hours", written, claim.Hours)
			}
		}
	})
	t.Run("fixed pay has no hours", func(t *testing.T) {
		c := story.NewCustomer(t, fixed)
		claim := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{fixed}, object{"hours": 20})).Expect(t,
			201).JSON(t)["claims"].([]any)[0].(object)
		if hours, has := claim["hours"]; has {
			t.Errorf("a claim of fixed pay has %v hours", hours)
		}
	})
}

func TestD7_AnOpportunityMustBeOpenAndEligible(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.VariableEngagement(t, nil)
	for name, test := range map[string]struct {
		status   string
		eligible bool
		reasons  string
	}{
		"open and eligible":                     {"open", true, ""},
		"won":                                   {"won", true, "opportunity-closed"},
		"lost":                                  {"lost", true, "opportunity-closed"},
		"not eligible":                          {"open", false, "criteria-not-met"},
		"lost, and not eligible, both are told": {"lost", false, "criteria-not-met opportunity-closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := story.NewCustomer(t)
			localtest.LoadRow(t, "opportunities.csv", c.Opportunity, c.ID, "100000.00", test.status)
			if test.eligible {
				story.Eligible(t, engagement, c.By(mci.MSXOpportunity), "")
			}
			answer := add(t, p, p.Nomination(c, c.By(mci.MSXOpportunity), []string{engagement}, object{"hours": 20}))
			if test.reasons == "" {
				answer.Expect(t, 201)
			} else if reasons := story.Ineligible(t, answer, engagement); reasons != test.reasons {
				t.Errorf("the reasons are %q, not %q", reasons, test.reasons)
			}
		})
	}
}

func TestS16_SeveralEngagementsOfFixedPayGetAClaimEach(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	engagements := make([]string, 10)
	for i := range engagements {
		engagements[i] = story.Engagement(t, object{"payout": fmt.Sprintf("%d.00", 1000+i), "consentWindowDays": 10 +
			i})
	}
	c := story.NewCustomer(t, engagements...)
	claims := story.Born(t, add(t, p, p.Nomination(c, c.By(mci.AzureSubscription), engagements, nil)))
	if len(claims) != len(engagements) {
		t.Fatalf("%d claims were born", len(claims))
	}
	ids := map[string]bool{}
	for i, claim := range claims {
		if claim.EngagementID != engagements[i] || claim.Payout.String() != fmt.Sprintf("%d.00", 1000+i) ||
			claim.ConsentDue.Sub(claim.CreatedAt) != time.Duration(10+i)*story.Day {
			t.Errorf("claim %d is %+v", i, claim)
		}
		if got := p.Get(t, claim.ID); got.Status != "consent-not-sent" || got.Types() != "claim.added" ||
			!got.EventsIntact {
			t.Errorf("claim %d reads %+v", i, got)
		}
		ids[claim.ID] = true
	}
	if len(ids) != len(engagements) {
		t.Errorf("the claims have the IDs %v", ids)
	}
}

func TestS16_AllOfTheEngagementsOrNone(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	open, closed, alsoClosed := story.Engagement(t, nil), story.Engagement(t, nil),
		story.Engagement(t, object{"endsOn": "2025-12-31"})
	c := story.NewCustomer(t, open)
	problem := story.Refused(t, add(t, p, p.Nomination(c, c.By(mci.TPID), []string{open, closed, alsoClosed}, nil)),
		422, mci.NotEligible)
	if len(problem.Ineligible) != 2 || story.Reasons(problem.Ineligible, closed) != "criteria-not-met" ||
		story.Reasons(problem.Ineligible, alsoClosed) != "engagement-not-active criteria-not-met" {
		t.Errorf("the ineligible are %+v", problem.Ineligible)
	}
	if row := story.Find(p.Customers(t, open, "eligible"), c); row != nil {
		t.Errorf("a claim was born: %+v", row.Claim)
	}
}

func TestS6_OneOpenClaimPerPartnerEngagementAndCustomer(t *testing.T) {
	t.Parallel()
	p, engagement, another := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement, another)
	claim := p.Add(t, c, engagement)
	for _, by := range []mci.IDType{mci.TenantID, mci.TPID, mci.Domain} {
		for _, engagements := range [][]string{{engagement}, {another, engagement}} {
			problem := story.Refused(t, add(t, p, p.Nomination(c, c.By(by), engagements, nil)), 409, mci.ClaimExists)
			if problem.ClaimID != claim.ID {
				t.Errorf("by %s for %d engagements: the open claim is said to be %q, not %q", by, len(engagements),
					problem.ClaimID, claim.ID)
			}
		}
	}
	if row := story.Find(p.Customers(t, another, "eligible"), c); row != nil {
		t.Errorf("a claim was born on the other engagement: %+v", row.Claim)
	}
	// Another partner may.
	other := story.NewPartner(t)
	other.Add(t, c, engagement)
	// Once the claim has ended, so may this one.
	p.Cancel(t, claim.ID)
	p.Add(t, c, engagement)
}

func TestS6_AKnownCustomerOfAnOpenClaimIsNotClaimedAsWell(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	claim := p.Consented(t, c, engagement)
	answer := localtest.Call(t, "POST", "/v1/customers/"+c.ID+"/claims", p.Token, p.ClaimBody(c, []string{engagement},
		nil))
	if problem := story.Refused(t, answer, 409, mci.ClaimExists); problem.ClaimID != claim.ID {
		t.Errorf("the open claim is said to be %q, not %q", problem.ClaimID, claim.ID)
	}
}

func TestD5_AnUnknownIDIsRefused(t *testing.T) {
	t.Parallel()
	p, fixed, variable := story.NewPartner(t), story.Engagement(t, nil), story.VariableEngagement(t, nil)
	c := story.NewCustomer(t, fixed, variable)
	for _, unknown := range []object{
		id(mci.TenantID, uuid.NewString()), id(mci.TPID, "99999999999999999999"), id(mci.AzureSubscription,
			uuid.NewString()),
		id(mci.MSXOpportunity, "7-UNKNOWN"), id(mci.TenantID, c.Subscription), id(mci.AzureSubscription, c.Tenant),
	} {
		for _, engagement := range []string{fixed, variable} {
			story.Refused(t, add(t, p, p.Nomination(c, unknown, []string{engagement}, object{"hours": 20})), 422,
				mci.CustomerNotFound)
		}
	}
}

func TestD5_IDsAreTakenHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	unicode := story.NewCustomer(t)
	label := story.Name("x")
	localtest.LoadRow(t, "domains.csv", label+".bücher.example", unicode.Tenant)
	for name, write := range map[string]func(c story.Customer) object{
		"a tenant ID in capitals": func(c story.Customer) object {
			return id(mci.TenantID, strings.ToUpper(c.Tenant))
		},
		"a tenant ID with spaces around it": func(c story.Customer) object {
			return id(mci.TenantID, " "+c.Tenant+"\t")
		},
		"a subscription ID in capitals": func(c story.Customer) object {
			return id(mci.AzureSubscription, strings.ToUpper(c.Subscription))
		},
		"a TPID with spaces around it": func(c story.Customer) object { return id(mci.TPID, " "+c.TPID+" ") },
		"a domain in capitals": func(c story.Customer) object {
			return id(mci.Domain, strings.ToUpper(c.Domain))
		},
		"a domain with the dot of the root": func(c story.Customer) object { return id(mci.Domain, c.Domain+".") },
		"a domain with spaces around it":    func(c story.Customer) object { return id(mci.Domain, " "+c.Domain+" ") },
		"an international domain as read": func(story.Customer) object {
			return id(mci.Domain, label+".BÜCHER.example")
		},
		"an international domain as sent": func(story.Customer) object {
			return id(mci.Domain, label+".xn--bcher-kva.EXAMPLE")
		},
		"an international domain, ideographic": func(story.Customer) object {
			return id(mci.Domain, label+"。bücher。example")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engagement := story.Engagement(t, nil)
			c := story.NewCustomer(t, engagement)
			story.Eligible(t, engagement, unicode.By(mci.TenantID), "")
			answer := add(t, p, p.Nomination(c, write(c), []string{engagement}, nil))
			claim := story.Born(t, answer)[0]
			if value := claim.CustomerID.Value; value != strings.ToLower(value) || len(value) == 0 || value[0] == ' ' {
				t.Errorf("the claim is by %q", value)
			}
		})
	}
}

func TestD8_PayoutOfVariablePay(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	for name, test := range map[string]struct {
		rates object
		value string // of the opportunity
		hours int
		want  string
	}{
		"hours at the rate":                               {object{}, "100000.00", 20, "2000.00"},
		"at the least hours":                              {object{}, "100000.00", 10, "1000.00"},
		"just at the most that is paid":                   {object{}, "100000.00", 50, "5000.00"},
		"at most the most that is paid":                   {object{}, "100000.00", 51, "5000.00"},
		"just at the share of the opportunity":            {object{}, "20000.00", 20, "2000.00"},
		"at most the share of the opportunity":            {object{}, "19999.90", 20, "1999.99"},
		"all three at once":                               {object{}, "50000.00", 50, "5000.00"},
		"nothing of an opportunity that is worth nothing": {object{}, "0.00", 20, "0.00"},
		"a cent":                               {object{"maxShareOfOpportunity": "0.01"}, "1.00", 20, "0.01"},
		"half a cent to even, down to nothing": {object{"maxShareOfOpportunity": "0.01"}, "0.50", 20, "0.00"},
		"half a cent to even, up":              {object{"maxShareOfOpportunity": "0.01"}, "1.50", 20, "0.02"},
		"half a cent to even, down":            {object{"maxShareOfOpportunity": "0.01"}, "2.50", 20, "0.02"},
		"more than half a cent":                {object{"maxShareOfOpportunity": "0.01"}, "2.51", 20, "0.03"},
		"less than half a cent":                {object{"maxShareOfOpportunity": "0.01"}, "3.49", 20, "0.03"},
		"a third of a dollar, as closely as it is written": {object{"maxShareOfOpportunity": "0.333333333333333"},
			"1.00", 20, "0.33"},
		"the whole opportunity":                 {object{"maxShareOfOpportunity": "1"}, "1234.56", 20, "1234.56"},
		"cents that floating point cannot hold": {object{"perHour": "0.07"}, "100000.00", 29, "2.03"},
		"amounts beyond what floating point can hold": {
			object{"perHour": "90071992547409.93", "maxPayout": "999999999999999.99", "maxShareOfOpportunity": "1"},
			"999999999999999.99", 11, "990791918021509.23",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rates := object{"perHour": "100.00", "minHours": 10, "maxHours": 100, "maxPayout": "5000.00",
				"maxShareOfOpportunity": "0.1"}
			for field, value := range test.rates {
				rates[field] = value
			}
			engagement := story.VariableEngagement(t, object{"rates": rates})
			c := story.NewCustomer(t, engagement)
			localtest.LoadRow(t, "opportunities.csv", c.Opportunity, c.ID, test.value, "open")
			answer := add(t, p, p.Nomination(c, c.By(mci.MSXOpportunity), []string{engagement},
				object{"hours": test.hours})).Expect(t, 201)
			payout := answer.JSON(t)["claims"].([]any)[0].(object)["payout"]
			if want := fmt.Sprint(object{"amount": test.want, "currency": "USD"}); fmt.Sprint(payout) != want {
				t.Errorf("the payout is %v, not %s", payout, want)
			}
		})
	}
}

func TestD17_TheRoleAndAGrantOfEitherKind(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	for name, test := range map[string]struct {
		roles   []mci.Role
		grant   mci.Role
		partner string
		status  int
		code    mci.Code
	}{
		"an admin with an admin's grant": {[]mci.Role{mci.IncentivesAdmin}, mci.IncentivesAdmin, p.ID, 201, ""},
		"an admin with a user's grant":   {[]mci.Role{mci.IncentivesAdmin}, mci.IncentivesUser, p.ID, 201, ""},
		"a user with an admin's grant":   {[]mci.Role{mci.IncentivesUser}, mci.IncentivesAdmin, p.ID, 201, ""},
		"a user with a user's grant":     {[]mci.Role{mci.IncentivesUser}, mci.IncentivesUser, p.ID, 201, ""},
		"a user with more roles": {[]mci.Role{mci.ReferralAdmin, mci.IncentivesUser, mci.ProgramAdmin},
			mci.IncentivesUser, p.ID, 201, ""},
		"a user without a grant":   {[]mci.Role{mci.IncentivesUser}, "", p.ID, 403, mci.LocationNotGranted},
		"a grant without the role": {[]mci.Role{mci.ReferralAdmin}, mci.IncentivesAdmin, p.ID, 403, mci.Forbidden},
		"the program's staff":      {[]mci.Role{mci.ProgramAdmin}, mci.IncentivesAdmin, "", 403, mci.Forbidden},
		"a field seller":           {[]mci.Role{mci.FieldSeller}, "", "", 403, mci.Forbidden},
		"no role at all":           {nil, mci.IncentivesAdmin, p.ID, 403, mci.Forbidden},
		"a role that there is not": {[]mci.Role{"incentives"}, mci.IncentivesAdmin, p.ID, 403, mci.Forbidden},
		"an admin of no partner":   {[]mci.Role{mci.IncentivesAdmin}, "", "", 403, mci.Forbidden},
		"an admin of no partner, and staff": {[]mci.Role{mci.IncentivesAdmin, mci.ProgramAdmin}, "", "", 403,
			mci.Forbidden},
		"an admin at another partner's place": {[]mci.Role{mci.IncentivesAdmin}, mci.IncentivesAdmin, "another-partner",
			422, mci.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := story.Name("user")
			if test.grant != "" {
				p.GrantAt(t, user, p.Location, test.grant)
			}
			c := story.NewCustomer(t, engagement)
			token := localtest.Token(t, test.partner, user, test.roles...)
			answer := localtest.Call(t, "POST", "/v1/customers", token, p.Nomination(c, c.By(mci.TPID),
				[]string{engagement}, nil))
			if test.code == "" {
				answer.Expect(t, test.status)
			} else {
				story.Refused(t, answer, test.status, test.code)
			}
		})
	}
}

func TestD17_AGrantTakenAwayServesNoMore(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c, d := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	p.Add(t, c, engagement)
	p.Grant(t, p.User, mci.IncentivesAdmin, true)
	story.Refused(t, add(t, p, p.Nomination(d, d.By(mci.TPID), []string{engagement}, nil)), 403, mci.LocationNotGranted)
}

func TestD19_AKnownCustomerIsAddedByAnotherID(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	p.Know(t, c, mci.TenantID)
	story.Eligible(t, engagement, c.By(mci.TPID), "")
	claim := story.Born(t, add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)))[0]
	if claim.Origin != "added" {
		t.Errorf("the claim's origin is %s", claim.Origin)
	}
	row := story.Find(p.Customers(t, engagement, "eligible"), c)
	if row == nil || row.Known == nil || !*row.Known || row.Claim == nil || row.Claim.ID != claim.ID {
		t.Fatalf("the page shows %+v", row)
	}
	want := []mci.CustomerID{{Type: mci.TenantID, Value: c.Tenant}, {Type: mci.TPID, Value: c.TPID}}
	if fmt.Sprint(row.CustomerIDs) != fmt.Sprint(want) {
		t.Errorf("the customer's IDs are %v, not %v in the order of nomination", row.CustomerIDs, want)
	}
	// The customer stays known, whatever becomes of this claim.
	p.Cancel(t, claim.ID)
	if row := story.Find(p.Customers(t, engagement, "eligible"), c); row == nil || row.Claim != nil || !*row.Known {
		t.Errorf("after the end of the claim the page shows %+v", row)
	}
}
