package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

type object = story.Object

// claim claims a customer by a body.
func claim(t *testing.T, p story.Partner, c story.Customer, body any, headers ...string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", "/v1/customers/"+c.ID+"/claims", p.Token, body, headers...)
}

func TestS19_AKnownCustomerOnEligibleIsClaimed(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, object{"consentWindowDays": 12})
	c := story.NewCustomer(t, engagement)
	p.Know(t, c, mci.TPID)
	row := story.Find(p.Customers(t, engagement, "eligible"), c)
	if row == nil || row.Claim != nil || fmt.Sprint(row.Actions) != "[claim-customer]" {
		t.Fatalf("the page shows %+v", row)
	}
	body := p.ClaimBody(c, []string{engagement}, object{"friendlyName": "Second year",
		"customerContact": object{"name": "Kim", "email": c.Email, "phone": "+1 425 555 0100", "locale": "tr"}})
	answer := claim(t, p, c, body).Expect(t, 201)
	got := answer.JSON(t)["claims"].([]any)[0].(object)
	const want = "actions consentDue createdAt customer customerContact customerId due engagementId engagementName " +
		"friendlyName id locationId locationName origin partnerContact partnerId partnerName payType payout " +
		"sendsLeft status version"
	if fields := story.Fields(t, got); fields != want {
		t.Errorf("a new claim has the fields\n%s, not\n%s", fields, want)
	}
	for field, want := range (object{
		"friendlyName": "Second year", "partnerId": p.ID, "locationId": p.Location, "engagementId": engagement,
		"payType":    "fixed",
		"customer":   object{"id": c.ID, "name": c.Name, "country": "US"},
		"customerId": object{"type": "tpid", "value": c.TPID}, "origin": "claimed", "status": "consent-not-sent",
		"actions": []any{"send-consent", "cancel-claim"}, "payout": object{"amount": "1250.00", "currency": "USD"},
		"version":         1.0,
		"customerContact": object{"name": "Kim", "email": c.Email, "phone": "+1 425 555 0100", "locale": "tr"},
	}) {
		if fmt.Sprint(got[field]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, not %v", field, got[field], want)
		}
	}
	born := story.Born(t, answer)[0]
	if born.ConsentDue.Sub(born.CreatedAt) != 12*story.Day {
		t.Errorf("S20: consent is due %s after the claiming", born.ConsentDue.Sub(born.CreatedAt))
	}
	if whole := p.Get(t, born.ID); whole.Types() != "claim.claimed" || !whole.EventsIntact {
		t.Errorf("the claim's history is %s", whole.Types())
	}
	row = story.Find(p.Customers(t, engagement, "eligible"), c)
	if row == nil || row.Claim == nil || row.Claim.ID != born.ID {
		t.Errorf("after the claiming the page shows %+v", row)
	}
}

func TestS19_SeveralEngagementsGetAClaimEachOrNoneDoes(t *testing.T) {
	t.Parallel()
	p, one, two, closed := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil),
		story.Engagement(t, nil)
	c := story.NewCustomer(t, one, two)
	p.Know(t, c, mci.TenantID)
	answer := claim(t, p, c, p.ClaimBody(c, []string{one, closed, two}, nil))
	if reasons := story.Ineligible(t, answer, closed); reasons != "criteria-not-met" {
		t.Errorf("the reasons are %q", reasons)
	}
	for _, engagement := range []string{one, two} {
		if row := story.Find(p.Customers(t, engagement, "eligible"), c); row == nil || row.Claim != nil {
			t.Errorf("a claim was born all the same: %+v", row)
		}
	}
	claims := story.Born(t, claim(t, p, c, p.ClaimBody(c, []string{two, one}, nil)))
	if len(claims) != 2 || claims[0].EngagementID != two || claims[1].EngagementID != one {
		t.Errorf("the claims born are %+v", claims)
	}
}

func TestS19_OnlyAKnownCustomerCanBeClaimed(t *testing.T) {
	t.Parallel()
	partners, engagement, another := story.NewPartners(t, 2), story.Engagement(t, nil), story.Engagement(t, nil)
	p, other := partners[0], partners[1]
	for name, meet := range map[string]func(c story.Customer){
		"one that nobody nominated": func(story.Customer) {},
		"one added, and not yet asked": func(c story.Customer) {
			p.Bring(t, mci.ConsentNotSent, c, another)
		},
		"one asked": func(c story.Customer) {
			p.Bring(t, mci.ConsentPending, c, another)
		},
		"one that declined":                          func(c story.Customer) { p.Bring(t, mci.Declined, c, another) },
		"one that is known to another partner alone": func(c story.Customer) { other.Know(t, c, mci.TPID) },
		"one that the program does not know":         func(story.Customer) {},
	} {
		t.Run(name, func(t *testing.T) {
			c := story.NewCustomer(t, engagement, another)
			meet(c)
			if strings.Contains(name, "does not know") {
				c.ID = "nobody"
			}
			story.Refused(t, claim(t, p, c, p.ClaimBody(c, []string{engagement}, nil)), 404, mci.NotFound)
		})
	}
	t.Run("one known, whatever became of the claim", func(t *testing.T) {
		for _, status := range []mci.Status{mci.Consented, mci.Submitted, mci.Rejected, mci.Completed} {
			c := story.NewCustomer(t, engagement, another)
			p.Bring(t, status, c, another)
			p.Claim(t, c, engagement)
		}
		c := story.NewCustomer(t, engagement, another)
		p.Cancel(t, p.Consented(t, c, another).ID)
		p.Claim(t, c, engagement)
	})
}

func TestD19_TheFirstNominatedIDThatIsTakenAndEligibleClaims(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	fixed := []mci.IDType{mci.Domain, mci.TenantID, mci.TPID, mci.AzureSubscription}
	for name, test := range map[string]struct {
		nominated []mci.IDType // in this order
		taken     []mci.IDType // by the engagement
		eligible  []mci.IDType
		by        mci.IDType
		reasons   string
	}{
		"the first of two that are eligible": {[]mci.IDType{mci.TPID, mci.TenantID}, fixed,
			[]mci.IDType{mci.TPID, mci.TenantID}, mci.TPID, ""},
		"the first of two, nominated the other way": {[]mci.IDType{mci.TenantID, mci.TPID}, fixed,
			[]mci.IDType{mci.TPID, mci.TenantID}, mci.TenantID, ""},
		"the second, where the first is not eligible": {[]mci.IDType{mci.TPID, mci.TenantID}, fixed,
			[]mci.IDType{mci.TenantID}, mci.TenantID, ""},
		"the second, where the first is not taken": {[]mci.IDType{mci.TPID, mci.TenantID}, []mci.IDType{mci.TenantID},
			[]mci.IDType{mci.TenantID, mci.TPID}, mci.TenantID, ""},
		"a domain's tenant, where tenant IDs are taken": {[]mci.IDType{mci.Domain}, []mci.IDType{mci.TenantID},
			[]mci.IDType{mci.TenantID}, mci.TenantID, ""},
		"a domain's tenant, where domains are taken": {[]mci.IDType{mci.Domain}, []mci.IDType{mci.Domain},
			[]mci.IDType{mci.TenantID}, mci.TenantID, ""},
		"a tenant ID, where domains alone are taken": {[]mci.IDType{mci.TenantID}, []mci.IDType{mci.Domain},
			[]mci.IDType{mci.TenantID}, "", "id-type-not-accepted"},
		"a tenant nominated first itself, then by domain": {[]mci.IDType{mci.TenantID, mci.Domain},
			[]mci.IDType{mci.Domain}, []mci.IDType{mci.TenantID}, mci.TenantID, ""},
		"none eligible, the reason is told once": {[]mci.IDType{mci.TPID, mci.TenantID}, fixed, nil, "",
			"criteria-not-met"},
		"none taken or eligible, the reasons of all": {[]mci.IDType{mci.TPID, mci.TenantID}, []mci.IDType{mci.TPID},
			nil, "", "criteria-not-met id-type-not-accepted"},
		"an ID by which nobody nominated counts nothing": {[]mci.IDType{mci.TPID}, fixed, []mci.IDType{mci.TenantID,
			mci.AzureSubscription}, "", "criteria-not-met"},
		"an opportunity, where none is taken": {[]mci.IDType{mci.MSXOpportunity}, fixed, []mci.IDType{mci.TPID},
			"", "id-type-not-accepted"},
		"an opportunity first, then a TPID": {[]mci.IDType{mci.MSXOpportunity, mci.TPID}, fixed,
			[]mci.IDType{mci.TPID}, mci.TPID, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engagement := story.Engagement(t, object{"customerIdTypes": test.taken})
			c := story.NewCustomer(t)
			for _, idType := range test.nominated {
				p.Know(t, c, idType)
			}
			for _, idType := range test.eligible {
				story.Eligible(t, engagement, c.By(idType), "")
			}
			answer := claim(t, p, c, p.ClaimBody(c, []string{engagement}, nil))
			onEligible, onIneligible := story.Find(p.Customers(t, engagement, "eligible"), c),
				story.Find(p.Customers(t, engagement, "ineligible"), c)
			if test.reasons != "" {
				if reasons := story.Ineligible(t, answer, engagement); reasons != test.reasons {
					t.Errorf("the reasons are %q, not %q", reasons, test.reasons)
				}
				if onEligible != nil || onIneligible == nil || story.Codes(onIneligible.Reasons) != test.reasons {
					t.Errorf("the page shows %+v on Eligible, %+v on Ineligible", onEligible, onIneligible)
				}
				return
			}
			if born := story.Born(t, answer)[0]; born.CustomerID.Type != test.by {
				t.Errorf("the claim is by %s, not by its %s", born.CustomerID, test.by)
			}
			if onEligible == nil || onIneligible != nil {
				t.Errorf("the page shows %+v on Eligible, %+v on Ineligible", onEligible, onIneligible)
			}
		})
	}
}

func TestD5_ATenantNominatedByDomainStaysOneOfADomain(t *testing.T) {
	t.Parallel()
	p, another := story.NewPartner(t), story.Engagement(t, nil)
	domains := story.Engagement(t, object{"customerIdTypes": []string{"domain"}})
	for name, ids := range map[string][]mci.IDType{
		"by the domain, then by its tenant": {mci.Domain, mci.TenantID},
		"by the tenant, then by its domain": {mci.TenantID, mci.Domain},
	} {
		t.Run(name, func(t *testing.T) {
			c := story.NewCustomer(t, domains, another)
			p.Know(t, c, ids[0])
			again := p.Nomination(c, c.By(ids[1]), []string{another}, nil)
			localtest.Call(t, "POST", "/v1/customers", p.Token, again).Expect(t, 201)
			if row := story.Find(p.Customers(t, domains, "eligible"), c); row == nil ||
				fmt.Sprint(row.Actions) != "[claim-customer]" {
				t.Errorf("an engagement that takes domains alone shows %+v", row)
			}
			p.Claim(t, c, domains)
		})
	}
}

func TestD7_ClaimingForVariablePayTakesAnOpportunityAndHours(t *testing.T) {
	t.Parallel()
	p, engagement, fixed := story.NewPartner(t), story.VariableEngagement(t, nil), story.Engagement(t, nil)
	known := func() story.Customer {
		c := story.NewCustomer(t, engagement, fixed)
		p.Know(t, c, mci.TPID)
		return c
	}
	stranger := story.NewCustomer(t, engagement)
	for name, test := range map[string]struct {
		engagements []string
		changes     func(c story.Customer) object
		code        mci.Code // "" for a claim
		pointers    string
		reasons     string
	}{
		"an open opportunity of the customer, and hours": {[]string{engagement},
			func(c story.Customer) object { return object{"opportunityId": c.Opportunity, "hours": 20} }, "", "", ""},
		"spaces around the opportunity": {[]string{engagement},
			func(c story.Customer) object {
				return object{"opportunityId": " " + c.Opportunity + " ", "hours": 20}
			}, "", "",
			""},
		"without an opportunity": {[]string{engagement},
			func(story.Customer) object { return object{"hours": 20} }, mci.Invalid, "/opportunityId", ""},
		"with what cannot be an opportunity": {[]string{engagement},
			func(story.Customer) object {
				return object{"opportunityId": "7 8", "hours": 20}
			}, mci.Invalid, "/opportunityId",
			""},
		"with one that the directory does not know": {[]string{engagement},
			func(story.Customer) object {
				return object{"opportunityId": "7-UNKNOWN", "hours": 20}
			}, mci.CustomerNotFound, "",
			""},
		"without hours": {[]string{engagement},
			func(c story.Customer) object { return object{"opportunityId": c.Opportunity} }, mci.HoursRequired, "", ""},
		"with too many hours": {[]string{engagement},
			func(c story.Customer) object {
				return object{"opportunityId": c.Opportunity, "hours": 101}
			}, mci.NotEligible, "",
			"hours-out-of-range"},
		"with another customer's opportunity": {[]string{engagement},
			func(story.Customer) object { return object{"opportunityId": stranger.Opportunity, "hours": 20} },
			mci.NotEligible, "", "opportunity-of-another-customer"},
		"for two engagements": {[]string{engagement, fixed},
			func(c story.Customer) object { return object{"opportunityId": c.Opportunity, "hours": 20} },
			mci.SingleEngagementOnly, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := known()
			answer := claim(t, p, c, p.ClaimBody(c, test.engagements, test.changes(c)))
			switch test.code {
			case "":
				born := story.Born(t, answer)[0]
				if born.Hours != 20 || born.Payout.String() != "2000.00" ||
					born.CustomerID != (mci.CustomerID{Type: mci.MSXOpportunity, Value: c.Opportunity}) ||
					born.Origin != "claimed" {
					t.Errorf("the claim is %+v", born)
				}
			case mci.NotEligible:
				if reasons := story.Ineligible(t, answer, engagement); reasons != test.reasons {
					t.Errorf("the reasons are %q, not %q", reasons, test.reasons)
				}
			default:
				if pointers := story.Refused(t, answer, 422, test.code).Pointers(); pointers != test.pointers {
					t.Errorf("the mistakes are at %q", pointers)
				}
			}
		})
	}
	t.Run("an opportunity that is closed, and not eligible, of another customer: all is told", func(t *testing.T) {
		t.Parallel()
		c, other := known(), story.NewCustomer(t)
		localtest.LoadRow(t, "opportunities.csv", other.Opportunity, other.ID, "1.00", "lost")
		answer := claim(t, p, c, p.ClaimBody(c, []string{engagement}, object{"opportunityId": other.Opportunity,
			"hours": 5}))
		const all = "criteria-not-met opportunity-closed opportunity-of-another-customer hours-out-of-range"
		if reasons := story.Ineligible(t, answer, engagement); reasons != all {
			t.Errorf("the reasons are %q, not %q", reasons, all)
		}
	})
}

func TestS8_LocationsAreChosenAsInAdding(t *testing.T) {
	t.Parallel()
	p, other, engagement := story.NewPartner(t), story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	p.Know(t, c, mci.TPID)
	at := func(location string) localtest.Response {
		return claim(t, p, c, p.ClaimBody(c, []string{engagement}, object{"locationId": location}))
	}
	notEnrolled, ungranted := p.NewLocation(t, false, ""), p.NewLocation(t, true, "*")
	p.GrantAt(t, p.User, notEnrolled, mci.IncentivesAdmin)
	story.Refused(t, at(ungranted), 403, mci.LocationNotGranted)
	const both = "location-not-enrolled location-not-eligible"
	if reasons := story.Ineligible(t, at(notEnrolled), engagement); reasons != both {
		t.Errorf("the reasons are %q", reasons)
	}
	if pointers := story.Refused(t, at(other.Location), 422, mci.Invalid).Pointers(); pointers != "/locationId" {
		t.Errorf("the mistakes are at %s", pointers)
	}
	at(p.Location).Expect(t, 201)
}

func TestD18_AtClaimingTheContactIsTheCustomersToo(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	contact := func(email string, more object) object {
		more["customerContact"] = object{"name": "Kim", "email": email}
		return more
	}
	for _, by := range []mci.IDType{mci.TenantID, mci.Domain} {
		c := story.NewCustomer(t, engagement)
		p.Know(t, c, by)
		body := func(changes object) object { return p.ClaimBody(c, []string{engagement}, changes) }
		if by == mci.TenantID {
			story.Refused(t, claim(t, p, c, body(contact("kim@nowhere.example", object{}))), 422,
				mci.MismatchReasonRequired)
		}
		own := claim(t, p, c, body(contact("pat@PARTNER.example", object{})))
		if pointers := story.Refused(t, own, 422, mci.Invalid).Pointers(); pointers != "/customerContact/email" {
			t.Errorf("the mistakes are at %s", pointers)
		}
		answer := claim(t, p, c, body(contact("kim@nowhere.example", object{"mismatchReason": "A subsidiary."})))
		if kept := story.Born(t, answer)[0].MismatchReason; (kept != "") != (by == mci.TenantID) {
			t.Errorf("known by %s, the reason kept is %q", by, kept)
		}
	}
}

func TestContract_EveryMistakeAtOnceWithItsPointer(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	c := story.NewCustomer(t)
	for body, want := range map[string]string{
		`{}`: "/customerContact /engagementIds /friendlyName /locationId /partnerContact",
		`{"friendlyName":"","locationId":7,"engagementIds":["nothing"],"opportunityId":"#","hours":"20",
			"customerId":{"type":"tpid","value":"1"},
			"mismatchReason":7,"customerContact":{"name":"A"},"partnerContact":{"email":"@"}}`: "" +
			"/customerContact/email /customerId /engagementIds/0 /friendlyName /hours " +
			"/locationId /mismatchReason /opportunityId /partnerContact/email /partnerContact/name",
	} {
		if pointers := story.Refused(t, claim(t, p, c, body), 422, mci.Invalid).Pointers(); pointers != want {
			t.Errorf("the mistakes are at\n%s, not\n%s", pointers, want)
		}
	}
}

func TestD4_LimitsHoldForClaimingToo(t *testing.T) {
	t.Parallel()
	const many, fit = 16, 3
	partners, engagement := story.NewPartners(t, many),
		story.Engagement(t, object{"claimLimits": object{"active": fit, "allowed": many}})
	c := story.NewCustomer(t, engagement)
	for _, p := range partners {
		p.Know(t, c, mci.TPID)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	born := 0
	for _, p := range partners {
		all.Go(func() {
			body := p.ClaimBody(c, []string{engagement}, nil)
			answer := claim(t, p, c, body)
			for answer.Status == 503 {
				answer = claim(t, p, c, body)
			}
			mu.Lock()
			defer mu.Unlock()
			if answer.Status == 201 {
				born++
			} else if reasons := story.Ineligible(t, answer, engagement); reasons != "active-limit-reached" {
				t.Errorf("the reasons are %q", reasons)
			}
		})
	}
	all.Wait()
	if born != fit {
		t.Errorf("%d claims were born where %d fit", born, fit)
	}
}

func TestD15_AnExclusiveCustomerIsClaimedByOnePartner(t *testing.T) {
	t.Parallel()
	partners, engagement := story.NewPartners(t, 2), story.Engagement(t, object{"exclusive": true})
	c := story.NewCustomer(t, engagement)
	partners[0].Know(t, c, mci.TPID)
	partners[1].Know(t, c, mci.TPID)
	held := partners[0].Claim(t, c, engagement)
	attempt := func() localtest.Response {
		return claim(t, partners[1], c, partners[1].ClaimBody(c, []string{engagement}, nil))
	}
	if reasons := story.Ineligible(t, attempt(), engagement); reasons != "engaged-with-another-partner" {
		t.Errorf("the reasons are %q", reasons)
	}
	story.Accept(t, partners[0].Ask(t, held))
	if reasons := story.Ineligible(t, attempt(),
		engagement); reasons != "consented-to-another-partner engaged-with-another-partner" {
		t.Errorf("after consent the reasons are %q", reasons)
	}
	partners[0].Cancel(t, held.ID)
	attempt().Expect(t, 201)
}
