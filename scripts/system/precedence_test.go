package system

import (
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
)

// TestTheFirstErrorOfTheContractWins sends every POST route requests with more and more wrong with them, from the last error to
// the first: each time the one that the contract names first is told.
func TestTheFirstErrorOfTheContractWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := localtest.Token(t, w.partner.ID, w.partner.User, "owner")
	const tooLong, malformed = rest.MaxBody + 1, `{"unknown":`
	long := strings.Repeat("{", tooLong)
	for _, route := range rest.Routes {
		if route.Method != "POST" || route.Public() {
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			token := localtest.Token(t, w.partner.ID, w.partner.User, route.Roles[0])
			path := strings.NewReplacer("{claimId}", "none", "{referralId}", "none", "{customerId}", "none").Replace(route.Path)
			body := calls[route.Key()](t, w).body
			if path != route.Path {
				story.Refused(t, localtest.Call(t, "POST", path, token, body, "Idempotency-Key", "key"), 404, mci.NotFound)
			}
			for _, wrong := range []struct {
				path, token, body, contentType string
				status                         int
				code                           mci.Code
			}{
				{path + "?unknown=1", token, `{"unknown":1}`, "application/json", 422, mci.Invalid},
				{path + "?unknown=1", token, malformed, "application/json", 400, mci.Malformed},
				{path + "?unknown=1", token, malformed, "text/plain", 415, mci.UnsupportedMediaType},
				{path + "?unknown=1", token, long, "text/plain", 413, mci.TooLarge},
				{path + "?unknown=1", nobody, long, "text/plain", 403, mci.Forbidden},
			} {
				answer := localtest.Call(t, "POST", wrong.path, wrong.token, wrong.body, "Content-Type", wrong.contentType, "Idempotency-Key", "")
				story.Refused(t, answer, wrong.status, wrong.code)
				changedNothing(t, string(wrong.code), answer)
			}
			localtest.Call(t, "POST", path+"?unknown=1", "", long, "Content-Type", "text/plain", "Idempotency-Key", "").Expect(t, 401)
		})
	}
}

// TestErrorsBehindNotFoundComeInTheContractsOrder goes through what is behind 404: 409 idempotency-key-reused, 403
// location-not-granted, other 409, other 422.
func TestErrorsBehindNotFoundComeInTheContractsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.partner
	ungranted := func() story.Partner { // a user like any other, but for the grant
		user := p
		user.User = story.Name("user")
		user.Token = localtest.Token(t, p.ID, user.User, mci.IncentivesUser)
		return user
	}
	variable := story.VariableEngagement(t, nil)
	known := story.NewCustomer(t, w.engagement, variable)
	p.Know(t, known, mci.TenantID)
	claimed := story.NewCustomer(t, w.engagement)
	open := p.Add(t, claimed, w.engagement)
	p.Add(t, known, w.engagement)
	submitted, _ := w.claim(t, mci.Submitted)
	asked, _ := w.claim(t, mci.ConsentPending)
	fresh, _ := w.claim(t, mci.ConsentNotSent)
	stranger := story.Object{"type": "tpid", "value": "99999999999999999999"}

	for name, refused := range map[string]struct {
		path   string
		caller story.Partner
		body   story.Object
		status int
		code   mci.Code
	}{
		"add: no grant, and an open claim":                          {"/v1/customers", ungranted(), p.Nomination(claimed, claimed.By(mci.TenantID), []string{w.engagement}, nil), 403, mci.LocationNotGranted},
		"add: no grant, and no such customer":                       {"/v1/customers", ungranted(), p.Nomination(claimed, stranger, []string{w.engagement}, nil), 403, mci.LocationNotGranted},
		"add: an unknown engagement, and no grant":                  {"/v1/customers", ungranted(), p.Nomination(claimed, stranger, []string{"none"}, nil), 422, mci.Invalid},
		"add: an open claim, and two of which one pays by the hour": {"/v1/customers", p, p.Nomination(claimed, claimed.By(mci.TenantID), []string{variable, w.engagement}, nil), 409, mci.ClaimExists},
		"add: an open claim, and a mismatch": {"/v1/customers", p, p.Nomination(claimed, claimed.By(mci.TenantID), []string{w.engagement},
			story.Object{"customerContact": story.Object{"name": "Kim Contact", "email": "kim@elsewhere.example"}}), 409, mci.ClaimExists},
		"add: no such customer, and no hours":                  {"/v1/customers", p, p.Nomination(known, stranger, []string{variable}, nil), 422, mci.CustomerNotFound},
		"add: two of which one pays by the hour, and no hours": {"/v1/customers", p, p.Nomination(known, known.By(mci.MSXOpportunity), []string{variable, story.Engagement(t, nil)}, nil), 422, mci.SingleEngagementOnly},
		"add: no hours, and not eligible": {"/v1/customers", p, p.Nomination(known, known.By(mci.TenantID), []string{variable},
			story.Object{"customerContact": story.Object{"name": "Kim Contact", "email": "kim@elsewhere.example"}}), 422, mci.HoursRequired},
		"add: a mismatch, and not eligible": {"/v1/customers", p, p.Nomination(known, known.By(mci.TenantID), []string{story.Engagement(t, nil)},
			story.Object{"customerContact": story.Object{"name": "Kim Contact", "email": "kim@elsewhere.example"}}), 422, mci.MismatchReasonRequired},
		"claim: not known, and no grant":                              {"/v1/customers/" + claimed.ID + "/claims", ungranted(), p.ClaimBody(claimed, []string{w.engagement}, nil), 404, mci.NotFound},
		"claim: no grant, and an open claim":                          {"/v1/customers/" + known.ID + "/claims", ungranted(), p.ClaimBody(known, []string{w.engagement}, nil), 403, mci.LocationNotGranted},
		"claim: an open claim, and two of which one pays by the hour": {"/v1/customers/" + known.ID + "/claims", p, p.ClaimBody(known, []string{w.engagement, variable}, nil), 409, mci.ClaimExists},
		"send: a mistake, and no such claim":                          {"/v1/claims/none/consent-requests", p, story.Object{"disclaimerAccepted": 1}, 422, mci.Invalid},
		"send: no grant, and not open":                                {"/v1/claims/" + submitted.ID + "/consent-requests", ungranted(), story.Object{}, 403, mci.LocationNotGranted},
		"send: not open, and no disclaimer":                           {"/v1/claims/" + submitted.ID + "/consent-requests", p, story.Object{"disclaimerAccepted": false}, 409, mci.WrongStatus},
		"send: another deal size, and no disclaimer": {"/v1/claims/" + asked.ID + "/consent-requests", p,
			story.Object{"disclaimerAccepted": false, "dealSize": story.Object{"amount": "1.00", "currency": "USD"}}, 409, mci.DealSizeImmutable},
		"send: no disclaimer, and no deal size":   {"/v1/claims/" + fresh.ID + "/consent-requests", p, story.Object{}, 422, mci.DisclaimerRequired},
		"submit: no grant, and nothing to submit": {"/v1/claims/" + open.ID + "/submission", ungranted(), plain(t, story.Submission()), 403, mci.LocationNotGranted},
		"cancel: no grant, and under review":      {"/v1/claims/" + submitted.ID + "/cancellation", ungranted(), story.Object{}, 403, mci.LocationNotGranted},
	} {
		t.Run(name, func(t *testing.T) {
			answer := localtest.Call(t, "POST", refused.path, refused.caller.Token, refused.body)
			story.Refused(t, answer, refused.status, refused.code)
			changedNothing(t, name, answer)
		})
	}

	t.Run("a key used for another body, and no grant any more", func(t *testing.T) {
		user := ungranted()
		p.Grant(t, user.User, mci.IncentivesUser, false)
		c := story.NewCustomer(t, w.engagement)
		body := p.Nomination(c, c.By(mci.TenantID), []string{w.engagement}, nil)
		localtest.Call(t, "POST", "/v1/customers", user.Token, body, "Idempotency-Key", "key").Expect(t, 201)
		p.Grant(t, user.User, mci.IncentivesUser, true)
		body["friendlyName"] = "Another name"
		answer := localtest.Call(t, "POST", "/v1/customers", user.Token, body, "Idempotency-Key", "key")
		story.Refused(t, answer, 409, mci.IdempotencyKeyReused)
		body["locationId"] = "none"
		answer = localtest.Call(t, "POST", "/v1/customers", user.Token, body, "Idempotency-Key", "key")
		story.Refused(t, answer, 422, mci.Invalid)
	})
}
