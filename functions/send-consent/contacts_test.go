package main

import (
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// TestD18_D23_ACorrectedContactIsJudgedAsTheFirst corrects contacts, which a preview and sending judge alike.
func TestD18_D23_ACorrectedContactIsJudgedAsTheFirst(t *testing.T) {
	t.Parallel()
	e := story.Engagement(t, nil)
	const reason, newReason = "A subsidiary.", "Another one."
	for name, test := range map[string]struct {
		by                mci.IDType // TPID unless given
		before            string     // the customer's address at first; "" for one at its own domain
		customer, partner string     // addresses; "" for no correction
		reason            string
		pointers          string   // of the mistakes
		code              mci.Code // of the refusal; "" with no pointers where it is sent
		kept              string   // reason then
	}{
		"a tenant to which the new domain does not lead": {
			by: mci.TenantID, customer: "kim@nowhere.example", code: mci.MismatchReasonRequired,
		},
		"the same with a reason": {
			by: mci.TenantID, customer: "kim@nowhere.example", reason: newReason, kept: newReason,
		},
		"the same address in another spelling is not asked about again": {
			by: mci.TenantID, before: "kim@bücher.example", customer: "KIM@XN--BCHER-KVA.example.", kept: reason,
		},
		"a tenant to which the new domain leads": {
			by: mci.TenantID, before: "kim@nowhere.example", customer: "kim@own", reason: newReason,
		},
		"a domain that led to the tenant": {by: mci.Domain, customer: "kim@nowhere.example", reason: newReason},
		"the partner contact's own address": {
			customer: "PAT@partner.EXAMPLE", pointers: "/customerContact/email",
		},
		"a partner contact with the customer's address": {
			before: "kim@nowhere.example", partner: "kim@NOWHERE.example.", pointers: "/customerContact/email",
		},
		"the partner contact's domain": {customer: "kim@partner.example", code: mci.MismatchReasonRequired},
		"the partner contact's domain, with a reason": {
			customer: "kim@partner.example", reason: newReason, kept: newReason,
		},
		"a partner contact who moves to the customer's domain, which does not lead to the customer": {
			before: "kim@nowhere.example", partner: "pat@nowhere.example", code: mci.MismatchReasonRequired,
		},
		"a partner contact who moves to the customer's own domain": {partner: "pat@own"},
		"a partner contact at none of the listed domains": {partner: "pat@elsewhere",
			pointers: "/partnerContact/email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := story.NewPartner(t), story.NewCustomer(t, e)
			at := func(address string) string { return strings.Replace(address, "@own", "@"+c.Domain, 1) }
			if test.by == "" {
				test.by = mci.TPID
			}
			changes := story.Object{}
			if test.before != "" {
				changes = story.Object{"mismatchReason": reason,
					"customerContact": story.Object{"name": "Kim", "email": test.before}}
			}
			claim := story.Born(t, localtest.Call(t, "POST", "/v1/customers", p.Token,
				p.Nomination(c, c.By(test.by), []string{e}, changes)))[0]
			body := story.Object{}
			if test.customer != "" {
				body["customerContact"] = story.Object{"name": "Kim", "email": at(test.customer)}
			}
			if test.partner == "pat@elsewhere" {
				localtest.LoadRow(t, "locations.csv", p.ID, p.Name, p.Location, "Seattle", "US", true, "*",
					"partner.example")
				test.partner += ".example"
			}
			if test.partner != "" {
				body["partnerContact"] = story.Object{"name": "Pat", "email": at(test.partner)}
			}
			if test.reason != "" {
				body["mismatchReason"] = test.reason
			}
			for what, status := range map[string]int{"consent-previews": 200, "consent-requests": 202} {
				sent := body
				if what == "consent-requests" {
					sent = with(first, body)
				}
				answer := story.Post(t, p.Token, claim.ID, what, sent)
				switch {
				case test.pointers != "":
					if pointers := story.Refused(t, answer, 422, mci.Invalid).Pointers(); pointers != test.pointers {
						t.Errorf("%s: the mistakes are at %s", what, pointers)
					}
				case test.code != "":
					story.Refused(t, answer, 422, test.code)
				default:
					answer.Expect(t, status)
				}
			}
			if now := p.Get(t, claim.ID); test.pointers+string(test.code) == "" && now.MismatchReason != test.kept {
				t.Errorf("the reason kept is %q", now.MismatchReason)
			}
		})
	}
}
