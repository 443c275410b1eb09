package main

import (
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// locationAt gives the partner a location at which the program lists the mail domains of the partner's people.
func locationAt(t *testing.T, p story.Partner, domains string) {
	t.Helper()
	localtest.LoadRow(t, "locations.csv", p.ID, p.Name, p.Location, "Seattle", "US", true, "*", domains)
}

func TestD23_TheContactIsTheCustomers(t *testing.T) {
	t.Parallel()
	person := func(name, email string) object { return object{"name": name, "email": email} }
	for name, test := range map[string]struct {
		customer, partner object
		domains           string // of the partner's people, by the program's list
		reason            string
		pointers          string // of the mistakes; "" for none
		code              mci.Code
	}{
		"the partner contact's own address": {
			customer: person("Kim", "pat@partner.example"), partner: person("Pat", "pat@partner.example"),
			pointers: "/customerContact/email",
		},
		"the same address in other letters and another spelling of its domain": {
			customer: person("Kim", "PAT@Bücher.example"), partner: person("Pat", "pat@xn--bcher-kva.example"),
			pointers: "/customerContact/email",
		},
		"the partner contact's domain, without a reason": {
			customer: person("Kim", "kim@partner.example"), partner: person("Pat", "pat@partner.example"),
			code: mci.MismatchReasonRequired,
		},
		"the partner contact's domain, with a reason": {
			customer: person("Kim", "kim@partner.example"), partner: person("Pat", "pat@partner.example"),
			reason: "A guest.",
		},
		"a partner's contact at none of the listed domains": {
			customer: nil, partner: person("Pat", "pat@elsewhere.example"), domains: "partner.example;partner.test",
			pointers: "/partnerContact/email",
		},
		"a partner's contact at a listed domain": {
			customer: nil, partner: person("Pat", "pat@PARTNER.test"), domains: "partner.example;partner.test",
		},
		"a partner's contact at a listed domain in other spellings": {
			customer: nil, partner: person("Pat", "pat@xn--bcher-kva.example."), domains: "BÜCHER.example",
		},
		"the partner contact's domain in another spelling, without a reason": {
			customer: person("Kim", "kim@BÜCHER.example."), partner: person("Pat", "pat@xn--bcher-kva.example"),
			code: mci.MismatchReasonRequired,
		},
		"names with links": {
			customer: person("Kim https://evil.example", "kim@nowhere.example"), partner: person("evil.example.com",
				"pat@partner.example"),
			pointers: "/customerContact/name /partnerContact/name",
		},
		"a name that is a link in wide letters, and one with an address": {
			customer: person("ｅｖｉｌ．ｃｏｍ", "kim@nowhere.example"), partner: person("pat@partner", "pat@partner.example"),
			pointers: "/customerContact/name /partnerContact/name",
		},
		"links cut by marks that nobody sees": {
			customer: person("Kim evil\u200e.com", "kim@nowhere.example"), partner: person("evil\u00ad.c\u200bom",
				"pat@partner.example"),
			pointers: "/customerContact/name /partnerContact/name",
		},
		"a domain that only browsers take": {
			customer: person("ab--cd.рф", "kim@nowhere.example"), partner: person("Pat", "pat@partner.example"),
			pointers: "/customerContact/name",
		},
		"names in scripts that are written with such marks": {
			customer: nil, partner: person("نوری\u200cزاده \u200f(نوری)", "pat@partner.example"),
		},
		"a scheme without slashes": {
			customer: person("mailto:kim", "kim@nowhere.example"), partner: person("Pat", "pat@partner.example"),
			pointers: "/customerContact/name",
		},
		"names with dots that are no links": {
			customer: nil, partner: person("Dr. J. R. O'Neil Jr.", "pat@partner.example"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, e := story.NewPartner(t), story.Engagement(t, nil)
			if test.domains != "" {
				locationAt(t, p, test.domains)
			}
			c := story.NewCustomer(t, e)
			changes := object{"partnerContact": test.partner}
			if test.customer != nil {
				changes["customerContact"] = test.customer
			}
			if test.reason != "" {
				changes["mismatchReason"] = test.reason
			}
			answer := add(t, p, p.Nomination(c, c.By(mci.TPID), []string{e}, changes))
			switch {
			case test.pointers != "":
				if told := story.Refused(t, answer, 422, mci.Invalid).Pointers(); told != test.pointers {
					t.Errorf("the mistakes are at %s", told)
				}
			case test.code != "":
				story.Refused(t, answer, 422, test.code)
			default:
				if claim := story.Born(t, answer)[0]; claim.MismatchReason != test.reason {
					t.Errorf("the reason kept is %q", claim.MismatchReason)
				}
			}
		})
	}
}

func TestD18_AReasonIsKeptOnlyWhereThereIsAMismatch(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for name, test := range map[string]struct {
		by      mci.IDType
		email   string // "" for one at the customer's own domain
		kept    bool
		finding string
	}{
		"a tenant to which the domain leads":       {mci.TenantID, "", false, "of-customer"},
		"a tenant to which the domain leads not":   {mci.TenantID, "kim@nowhere.example", true, "unknown"},
		"a domain that led to the tenant":          {mci.Domain, "kim@nowhere.example", false, "unknown"},
		"a TPID, whose customer the domain is not": {mci.TPID, "kim@nowhere.example", false, "unknown"},
		"a TPID of the customer of the domain":     {mci.TPID, "", false, "of-customer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := story.NewCustomer(t, e)
			changes := object{"mismatchReason": "A subsidiary."}
			if test.email != "" {
				changes["customerContact"] = object{"name": "Kim", "email": test.email}
			}
			claim := story.Born(t, add(t, p, p.Nomination(c, c.By(test.by), []string{e}, changes)))[0]
			if kept := claim.MismatchReason == "A subsidiary."; kept != test.kept {
				t.Errorf("the reason kept is %q", claim.MismatchReason)
			}
			if finding := p.Get(t, claim.ID).Events[0].Detail["contactDomain"]; finding != test.finding {
				t.Errorf("the history says that the contact's domain is %q", finding)
			}
		})
	}
}
