package main

import (
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestContract_EveryMistakeAtOnceWithItsPointer(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	engagement := story.Engagement(t, nil)
	for name, test := range map[string]struct{ body, pointers string }{
		"nothing at all": {`{}`, "/customerContact /customerId /engagementIds /friendlyName /locationId " +
			"/partnerContact"},
		"half of a character": {`{"friendlyName":"\ud83d"}`, "/customerContact /customerId /engagementIds " +
			"/friendlyName /locationId /partnerContact"},
		"no body": {``, "/customerContact /customerId /engagementIds /friendlyName /locationId /partnerContact"},
		"everything null": {`{"friendlyName":null,"locationId":null,"customerId":null,"engagementIds":null,
		"hours":null,"mismatchReason":null,
			"customerContact":null,"partnerContact":null}`,
			"/customerContact /customerId /engagementIds /friendlyName /locationId /partnerContact"},
		"everything of another type": {`{"friendlyName":1,"locationId":[],"customerId":"contoso.com",
		"engagementIds":"e","hours":"40","mismatchReason":{},
			"customerContact":[],"partnerContact":true}`,
			"/customerContact /customerId /engagementIds /friendlyName /hours /locationId /mismatchReason " +
				"/partnerContact"},
		"everything empty": {`{"friendlyName":"","locationId":"","customerId":{},"engagementIds":[],` +
			`"customerContact":{},"partnerContact":{}}`,
			"/customerContact/email /customerContact/name /customerId/type /customerId/value /engagementIds " +
				"/friendlyName /locationId /partnerContact/email /partnerContact/name"},
		"unknown fields at every level": {`{"friendlyName":"A","locationId":"` + p.Location +
			`","customerId":{"type":"tpid","value":"1","Value":"2"},"engagementIds":["` + engagement + `"],
			"customerContact":{"name":"A","email":"a@b.example","fax":"1"},"partnerContact":{"name":"A",
			"email":"p@c.example","fax":"fr"},"a/b~c":1,"FriendlyName":"B"}`,
			"/FriendlyName /a~1b~0c /customerContact/fax /customerId/Value /partnerContact/fax"},
		"mistakes that only the program's data can tell, with those of the body": {`{"friendlyName":" ",
		"locationId":"nowhere","customerId":{"type":"tpid","value":"1a"},
			"engagementIds":["` + engagement +
			`","nothing"],"customerContact":{"name":"A","email":"a@b.example"},"partnerContact":{"name":"A",` +
			`"email":"p@c.example"}}`,
			"/customerId/value /engagementIds/1 /friendlyName /locationId"},
		"what the engagements are": {`{"friendlyName":"A","locationId":"` +
			p.Location + `","customerId":{"type":"tpid","value":"1"},
			"engagementIds":["` + engagement + `",1,"","` + engagement +
			`",null,"unknown"],"customerContact":{"name":"A","email":"a@b.example"},"partnerContact":{"name":"A",` +
			`"email":"p@c.example"}}`,
			"/engagementIds/1 /engagementIds/2 /engagementIds/3 /engagementIds/4 /engagementIds/5"},
		"what the contacts are": {`{"friendlyName":"A\nB","locationId":"` + p.Location +
			`","customerId":{"type":"domain","value":"localhost"},"engagementIds":["` + engagement + `"],
			"customerContact":{"name":"A\u202eB","email":"kim","phone":"ring me","locale":"klingon!"},
			"partnerContact":{"name":"\t","email":"Pat <pat@b.example>","phone":"1"}}`,
			"/customerContact/email /customerContact/locale /customerContact/name /customerContact/phone " +
				"/customerId/value /friendlyName /partnerContact/email /partnerContact/name /partnerContact/phone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := story.Refused(t, localtest.Call(t, "POST", "/v1/customers", p.Token, test.body), 422,
				mci.Invalid)
			if problem.Pointers() != test.pointers {
				t.Errorf("the mistakes are at\n%s, not\n%s", problem.Pointers(), test.pointers)
			}
			for _, mistake := range problem.Errors {
				if mistake.Detail == "" {
					t.Errorf("nothing is said of %s", mistake.Pointer)
				}
			}
		})
	}
}

func TestContract_CustomerIDsThatCannotBe(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	for _, wrong := range []object{
		id(mci.Domain, ""), id(mci.Domain, "contoso"), id(mci.Domain, "https://contoso.com"),
		id(mci.Domain, "contoso.com/"),
		id(mci.Domain, "kim@contoso.com"),
		id(mci.Domain, "10.0.0.1"), id(mci.Domain, "a..example"), id(mci.Domain, strings.Repeat("a", 64)+".example"),
		id(mci.Domain, strings.Repeat("a.", 130)+"example"), id(mci.Domain, "contoso .com"),
		id(mci.Domain, "conto_so.com"),
		id(mci.TenantID, "contoso.com"), id(mci.TenantID, "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}"),
		id(mci.TenantID, "3f2504e04f8941d39a0c0305e82c3301"),
		id(mci.TenantID, "3f2504e0-4f89-41d3-9a0c-0305e82c330g"),
		id(mci.TenantID, "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
		id(mci.TPID, "-1"), id(mci.TPID, "1.0"), id(mci.TPID, "123456789012345678901"), id(mci.TPID, "１２３"),
		id(mci.AzureSubscription, "subscription"), id(mci.MSXOpportunity, "7 ABC"),
		id(mci.MSXOpportunity, strings.Repeat("7", 65)), id(mci.MSXOpportunity, "#"),
	} {
		problem := story.Refused(t, add(t, p, p.Nomination(c, wrong, []string{engagement}, nil)), 422, mci.Invalid)
		if problem.Pointers() != "/customerId/value" {
			t.Errorf("%v: the mistakes are at %s", wrong, problem.Pointers())
		}
	}
	for _, unknown := range []any{"email", "Domain", "", "tenant_id"} {
		problem := story.Refused(t, add(t, p, p.Nomination(c, object{"type": unknown, "value": "1"},
			[]string{engagement}, nil)), 422, mci.Invalid)
		if problem.Pointers() != "/customerId/type" {
			t.Errorf("type %q: the mistakes are at %s", unknown, problem.Pointers())
		}
	}
}

func TestContract_Lengths(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	engagements := make([]string, 11)
	for i := range engagements {
		engagements[i] = story.Engagement(t, nil)
	}
	longest := strings.Repeat("名", 120)
	contact := func(name string) object { return object{"name": name, "email": "kim@nowhere.example"} }
	for name, test := range map[string]struct {
		changes object
		pointer string
	}{
		"names of 120 characters": {object{"friendlyName": longest, "customerContact": contact(longest),
			"partnerContact": object{"name": longest, "email": "pat@elsewhere.example"}}, ""},
		"a friendly name of 121": {object{"friendlyName": longest + "名"}, "/friendlyName"},
		"a customer's contact of 121": {object{"customerContact": contact(longest + "名")},
			"/customerContact/name"},
		"a partner's contact of 121": {object{"partnerContact": contact(longest + "名")},
			"/partnerContact/name"},
		"a reason of 500 characters": {object{"customerContact": contact("Kim"),
			"mismatchReason": strings.Repeat("é", 500)}, ""},
		"a reason of 501": {object{"customerContact": contact("Kim"),
			"mismatchReason": strings.Repeat("é", 501)}, "/mismatchReason"},
		"a reason of many lines": {object{"customerContact": contact("Kim"),
			"mismatchReason": "One.\n\tTwo."}, ""},
		"ten engagements": {object{"engagementIds": engagements[:10]}, ""},
		"eleven":          {object{"engagementIds": engagements}, "/engagementIds"},
		"an address of 255 characters": {object{"partnerContact": object{"name": "P", "email": "pp@" +
			strings.Repeat(strings.Repeat("a", 60)+".", 4) + "aexample"}}, "/partnerContact/email"},
		"an address with 65 characters before the": {object{"partnerContact": object{"name": "P",
			"email": strings.Repeat("p", 65) + "@b.example"}}, "/partnerContact/email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := story.NewCustomer(t, engagements...)
			changes := object{"mismatchReason": "A subsidiary."}
			for field, value := range test.changes {
				changes[field] = value
			}
			answer := add(t, p, p.Nomination(c, c.By(mci.TenantID), engagements[:1], changes))
			if test.pointer == "" {
				answer.Expect(t, 201)
			} else if pointers := story.Refused(t, answer, 422, mci.Invalid).Pointers(); pointers != test.pointer {
				t.Errorf("the mistakes are at %s", pointers)
			}
		})
	}
}
