// Package system holds all routes together to what every one of them promises: who may call it, what it refuses and in
// which order, what it costs, what it logs.
package system

import (
	"slices"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// world is what the calls of every route are about: a partner with an engagement of its own, and another partner.
type world struct {
	partner, other story.Partner
	engagement     string // of fixed pay, with referrals and co-sell
	variable       string // engagement of variable pay
}

func newWorld(t testing.TB) world {
	t.Helper()
	partners := story.NewPartners(t, 2)
	return world{partners[0], partners[1], story.Engagement(t, story.WithCoSell(false)), story.VariableEngagement(t,
		nil)}
}

// call is a request that succeeds where the caller may make it.
type call struct {
	path   string
	body   any
	want   int
	secret []string // what nobody else may learn

	customer story.Customer // that it is about
	claim    story.Claim    // that it writes to
}

// calls says of each route how to make a call of it that succeeds, once, for the world's partner or whoever may more. A
// new route needs its line here: the tests of all routes go through this table.
var calls = map[string]func(t testing.TB, w world) call{
	"GET /v1/engagements": func(testing.TB, world) call { return call{path: "/v1/engagements", want: 200} },
	"GET /v1/engagements/{engagementId}": func(_ testing.TB, w world) call {
		return call{path: "/v1/engagements/" + w.engagement, want: 200, secret: []string{w.partner.Location}}
	},
	"GET /v1/engagements/{engagementId}/customers": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.ConsentNotSent)
		return call{path: "/v1/engagements/" + w.engagement + "/customers", want: 200, secret: append(secret, claim.ID)}
	},
	"POST /v1/eligibility-checks": func(t testing.TB, w world) call {
		c := story.NewCustomer(t, w.engagement)
		return call{path: "/v1/eligibility-checks", want: 200, customer: c, secret: []string{c.Name},
			body: story.Object{
				"customerId": c.By(mci.TenantID), "locationId": w.partner.Location, "customerEmail": c.Email,
				"hours": 40,
			}}
	},
	"POST /v1/customers": func(t testing.TB, w world) call {
		c := story.NewCustomer(t, w.engagement, w.variable)
		body := w.partner.Nomination(c, c.By(mci.TenantID), []string{w.engagement},
			story.Object{"mismatchReason": "A reason.", "hours": 40})
		return call{path: "/v1/customers", body: full(body), want: 201, customer: c, secret: []string{c.Name}}
	},
	"POST /v1/customers/{customerId}/claims": func(t testing.TB, w world) call {
		c := story.NewCustomer(t, w.engagement, w.variable)
		w.partner.Know(t, c, mci.TenantID)
		body := w.partner.ClaimBody(c, []string{w.engagement}, story.Object{
			"hours": 40, "opportunityId": c.Opportunity, "mismatchReason": "A reason."})
		return call{path: "/v1/customers/" + c.ID + "/claims", body: full(body), want: 201, customer: c,
			secret: []string{c.Name}}
	},
	"GET /v1/claims": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.ConsentNotSent)
		return call{path: "/v1/claims", want: 200, secret: append(secret, claim.ID)}
	},
	"GET /v1/claims/{claimId}": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.Consented)
		localtest.WaitDrained(t) // then its referral is co-sell
		return call{path: "/v1/claims/" + claim.ID, want: 200, secret: secret}
	},
	"GET /v1/claims/{claimId}/receipt": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.Consented)
		localtest.WaitDrained(t) // then its referral is co-sell
		return call{path: "/v1/claims/" + claim.ID + "/receipt", want: 200, secret: secret}
	},
	"GET /.well-known/jwks.json": func(testing.TB, world) call {
		return call{path: "/.well-known/jwks.json", want: 200}
	},
	"POST /v1/claims/{claimId}/consent-previews": func(t testing.TB, w world) call {
		return w.asking(t, "consent-previews", 200)
	},
	"POST /v1/claims/{claimId}/consent-requests": func(t testing.TB, w world) call {
		return w.asking(t, "consent-requests", 202)
	},
	"GET /consent/{token}/receipt": func(t testing.TB, w world) call {
		link := w.link(t)
		story.Accept(t, link)
		return call{path: link + "/receipt", want: 200}
	},
	"GET /consent/{token}":  func(t testing.TB, w world) call { return call{path: w.link(t), want: 200} },
	"HEAD /consent/{token}": func(t testing.TB, w world) call { return call{path: w.link(t), want: 200} },
	"POST /consent/{token}": func(t testing.TB, w world) call {
		link := w.link(t)
		return call{path: link, body: story.Shown(t, link, story.Form("accept")), want: 303}
	},
	"POST /v1/claims/{claimId}/submission": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.Consented)
		body := story.Object{"completedOn": mci.DateOf(localtest.Now()), "notes": "Notes."}
		return call{path: "/v1/claims/" + claim.ID + "/submission", body: plain(t, body), want: 200, secret: secret}
	},
	"POST /v1/claims/{claimId}/cancellation": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.ConsentNotSent)
		return call{path: "/v1/claims/" + claim.ID + "/cancellation", body: story.Object{"reason": "A reason."},
			want: 200, secret: secret}
	},
	"POST /v1/claims/{claimId}/review": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.Submitted)
		body := story.Object{"decision": "complete", "reason": "A reason."}
		return call{path: "/v1/claims/" + claim.ID + "/review", body: body, want: 200, secret: secret}
	},
	"GET /v1/referrals": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.ConsentPending)
		return call{path: "/v1/referrals", want: 200, secret: append(secret, claim.ID)}
	},
	"GET /v1/referrals/{referralId}": func(t testing.TB, w world) call {
		claim, secret := w.claim(t, mci.Consented)
		localtest.WaitDrained(t)
		return call{path: claim.Referral.Href, want: 200, secret: secret}
	},
	"POST /v1/referrals/{referralId}/upgrade": func(t testing.TB, w world) call {
		claim, c, secret := w.qualifying(t)
		return call{path: claim.Referral.Href + "/upgrade", body: story.Object{}, want: 200, customer: c,
			secret: secret}
	},
	"GET /v1/openapi.json": func(testing.TB, world) call { return call{path: "/v1/openapi.json", want: 200} },
}

// token is one of a caller who may make calls of the route: the partner's own user, or the program's staff.
func (w world) token(t testing.TB, route rest.Route) string {
	t.Helper()
	if route.Public() {
		return ""
	}
	if slices.Equal(route.Roles, []mci.Role{mci.ProgramAdmin}) {
		return story.Program(t)
	}
	return localtest.Token(t, w.partner.ID, w.partner.User, route.Roles...)
}

// claim brings a claim of a new customer to a status, and gives what only its partner and the program may know of it.
func (w world) claim(t testing.TB, status mci.Status) (story.Claim, []string) {
	t.Helper()
	c := story.NewCustomer(t, w.engagement)
	claim, _ := w.partner.Bring(t, status, c, w.engagement)
	localtest.WaitDrained(t) // then a referral that becomes co-sell is
	return claim, []string{c.Name, c.Email, w.partner.Name}
}

// asking is a call that asks a new claim's customer for consent, or shows how that would look.
func (w world) asking(t testing.TB, what string, want int) call {
	t.Helper()
	claim, secret := w.claim(t, mci.ConsentNotSent)
	body := story.FirstRequest("60000.00")
	body["customerContact"], body["partnerContact"] = claim.CustomerContact, claim.PartnerContact
	preview := story.Post(t, w.partner.Token, claim.ID, "consent-previews", body).Expect(t, 200).JSON(t)
	body["disclaimerVersion"], body["mismatchReason"] = preview["disclaimer"].(story.Object)["version"], "A reason."
	return call{path: "/v1/claims/" + claim.ID + "/" + what, body: full(plain(t, body)), want: want, claim: claim,
		secret: secret}
}

// qualifying gives a claim whose referral can be upgraded, though the stream did not: its customer has been managed
// only since.
func (w world) qualifying(t testing.TB) (story.Claim, story.Customer, []string) {
	t.Helper()
	engagement := story.Engagement(t, story.WithCoSell(true))
	c := story.NewCustomer(t, engagement)
	c.Manage(t, false)
	claim, _ := w.partner.Bring(t, mci.Consented, c, engagement)
	localtest.WaitDrained(t)
	c.Manage(t, true)
	return claim, c, []string{c.Name, c.Email, w.partner.Name}
}

// link gives the page of a customer who was asked.
func (w world) link(t testing.TB) string {
	t.Helper()
	_, link := w.partner.Bring(t, mci.ConsentPending, story.NewCustomer(t, w.engagement), w.engagement)
	return link
}

// full gives the contacts of a body every field that they can have.
func full(body story.Object) story.Object {
	body["customerContact"].(story.Object)["phone"] = "+1 425 555 0100"
	body["customerContact"].(story.Object)["locale"] = "pt-BR"
	body["partnerContact"].(story.Object)["phone"] = "+1 425 555 0101"
	body["partnerContact"].(story.Object)["locale"] = "fr"
	body["partnerContact"].(story.Object)["notices"] = true
	return body
}

// plain gives a body as nothing but JSON's own types.
func plain(t testing.TB, body story.Object) story.Object {
	t.Helper()
	copied, err := copyOf(body)
	if err != nil {
		t.Fatal(err)
	}
	return copied
}
