package system

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

// attempt is a request that would succeed, until faults are put into it.
type attempt struct {
	partner  story.Partner // of its own, as is the customer
	customer story.Customer
	claim    story.Claim // that the request is about, if any
	fixed    string      // engagements: the first takes the customer, the other its opportunity
	variable string

	path, token, kind, key string
	body                   story.Object
	before, after          string   // stand around the body's JSON
	whole                  *attempt // the same without a fault
}

// send makes the request.
func (a *attempt) send(t testing.TB) localtest.Response {
	t.Helper()
	encoded, err := json.Marshal(a.body)
	if err != nil {
		t.Fatal(err)
	}
	headers := []string{"Content-Type", a.kind}
	if a.key != "" {
		headers = append(headers, "Idempotency-Key", a.key)
	}
	return localtest.Call(t, http.MethodPost, a.path, a.token, a.before+string(encoded)+a.after, headers...)
}

// payByTheHour has the request be for the engagement of variable pay, unless it is already.
func (a *attempt) payByTheHour() {
	if ids := a.body["engagementIds"].([]string); !slices.Contains(ids, a.variable) {
		a.body["engagementIds"] = []string{a.variable}
	}
}

// fault is something wrong with a request. Of two that stand in one list, the first is told.
type fault struct {
	code    mci.Code
	touches string // what it changes, in words: two faults that change the same cannot be put into one request
	put     func(t testing.TB, a *attempt)
}

// done says that the fault comes of something that was done before: all others are but another request.
func (f fault) done() bool {
	return slices.Contains([]mci.Code{mci.IdempotencyKeyReused, mci.ClaimExists, mci.WrongStatus, mci.DealSizeImmutable,
		mci.NotQualified}, f.code)
}

// Faults that requests to every route can have, in the contract's order.
var (
	edge = []fault{
		{mci.Unauthenticated, "token", func(_ testing.TB, a *attempt) { a.token = "" }},
		{mci.Forbidden, "token", func(t testing.TB, a *attempt) {
			a.token = localtest.Token(t, a.partner.ID, a.partner.User, "owner")
		}},
		{mci.TooLarge, "", func(_ testing.TB, a *attempt) { a.before = strings.Repeat(" ", rest.MaxBody) }},
		{mci.UnsupportedMediaType, "", func(_ testing.TB, a *attempt) { a.kind = "text/plain" }},
		{mci.Malformed, "", func(_ testing.TB, a *attempt) { a.after = "]" }},
		{mci.Invalid, "", func(_ testing.TB, a *attempt) { a.body["unknown"] = 1 }},
		{mci.Invalid, "", func(_ testing.TB, a *attempt) { a.path += "?unknown=1" }},
	}
	unknownEngagement = fault{mci.Invalid, "", func(_ testing.TB, a *attempt) { // which only the table can tell
		a.body["engagementIds"] = append([]string{"none"}, a.body["engagementIds"].([]string)...)
	}}
	notFound = fault{mci.NotFound, "path", func(_ testing.TB, a *attempt) {
		parts := strings.Split(a.path, "/")
		parts[3] = "none"
		a.path = strings.Join(parts, "/")
	}}
	keyReused = fault{mci.IdempotencyKeyReused, "path caller", func(t testing.TB, a *attempt) {
		a.key = story.Name("key")
		whole := a.whole.copy()
		whole.key = a.key
		if answer := whole.send(t); answer.Status >= 300 {
			t.Fatalf("the request without a fault is answered %d: %s", answer.Status, answer.Body)
		}
		a.before += " " // which makes it another body
	}}
	notGranted = fault{mci.LocationNotGranted, "grant", func(t testing.TB, a *attempt) {
		if a.key != "" { // which is the caller's alone
			a.partner.Grant(t, a.partner.User, mci.IncentivesAdmin, true)
			return
		}
		a.token = localtest.Token(t, a.partner.ID, story.Name("user"), mci.IncentivesUser)
	}}
	cancelled   = fault{mci.WrongStatus, "", func(t testing.TB, a *attempt) { a.partner.Cancel(t, a.claim.ID) }}
	wrongStatus = fault{mci.WrongStatus, "", func(t testing.TB, a *attempt) { a.whole.send(t) }} // it is done already
	notEligible = fault{mci.NotEligible, "grant", func(t testing.TB, a *attempt) {
		a.body["locationId"] = a.partner.NewLocation(t, false, "*")
		a.partner.GrantAt(t, a.partner.User, a.body["locationId"].(string), mci.IncentivesUser)
	}}
	customerNotFound = fault{mci.CustomerNotFound, "customer", func(_ testing.TB, a *attempt) {
		a.body["customerId"] = story.Object{"type": "tpid", "value": "99999999999999999999"}
	}}
	tenantNotFound = fault{mci.TenantNotFound, "customer", func(_ testing.TB, a *attempt) {
		a.body["customerId"] = story.Object{"type": "domain", "value": "nowhere.example"}
	}}
	severalEngagements = fault{mci.SingleEngagementOnly, "", func(_ testing.TB, a *attempt) {
		a.body["engagementIds"] = []string{a.fixed, a.variable}
	}}
	noHours = fault{mci.HoursRequired, "", func(_ testing.TB, a *attempt) {
		a.payByTheHour()
		delete(a.body, "hours")
	}}
	noMismatchReason = fault{mci.MismatchReasonRequired, "", func(_ testing.TB, a *attempt) {
		delete(a.body, "mismatchReason")
		a.body["customerContact"] = story.Object{"name": "Kim Contact", "email": "kim@elsewhere.example"}
	}}
)

// faults are those that a request to each route can have behind the edge's, in the contract's order.
var faults = map[string][]fault{
	"POST /v1/eligibility-checks": {customerNotFound, tenantNotFound},
	"POST /v1/customers": {keyReused, notGranted, {mci.ClaimExists, "customer", claimExists}, customerNotFound,
		tenantNotFound, severalEngagements, noHours, noMismatchReason, notEligible},
	"POST /v1/customers/{customerId}/claims": {unknownEngagement, notFound, keyReused, notGranted,
		{mci.ClaimExists, "", claimExists}, {mci.CustomerNotFound, "", func(_ testing.TB, a *attempt) {
			a.payByTheHour()
			a.body["opportunityId"] = "7-UNKNOWN"
		}}, severalEngagements, noHours, noMismatchReason, notEligible},
	"POST /v1/claims/{claimId}/consent-previews": {notFound, notGranted, cancelled, noMismatchReason, optedOut},
	"POST /v1/claims/{claimId}/consent-requests": {notFound, {keyReused.code, "path caller first", keyReused.put},
		notGranted,
		cancelled,
		{mci.DealSizeImmutable, "dealSize", func(t testing.TB, a *attempt) {
			a.whole.send(t)
			a.body["dealSize"] = story.Object{"amount": "1.00", "currency": "USD"}
		}},
		{mci.DisclaimerChanged, "", func(_ testing.TB, a *attempt) {
			a.body["disclaimerVersion"] = "en-0123456789abcdef"
		}},
		noMismatchReason,
		{mci.DisclaimerRequired, "", func(_ testing.TB, a *attempt) { a.body["disclaimerAccepted"] = false }},
		{mci.DealSizeRequired, "dealSize first", func(_ testing.TB, a *attempt) { delete(a.body, "dealSize") }},
		optedOut,
		{mci.TooManyRequests, "first", func(t testing.TB, a *attempt) {
			for range mci.MaxSendsADay {
				a.whole.send(t)
			}
		}}},
	"POST /v1/claims/{claimId}/submission":   {notFound, keyReused, notGranted, wrongStatus},
	"POST /v1/claims/{claimId}/cancellation": {notFound, keyReused, notGranted, wrongStatus},
	"POST /v1/claims/{claimId}/review": {notFound, keyReused, {mci.OwnClaim, "token caller",
		func(t testing.TB, a *attempt) {
			a.token = localtest.Token(t, a.partner.ID, story.Name("staff"), mci.ProgramAdmin)
		}}, wrongStatus},
	"POST /v1/referrals/{referralId}/upgrade": {notFound, keyReused,
		{mci.NotQualified, "", func(t testing.TB, a *attempt) { a.customer.Manage(t, false) }}},
}

// claimExists gives the customer an open claim on each engagement, unless it has one.
func claimExists(t testing.TB, a *attempt) {
	p, c := a.partner, a.customer
	for _, nomination := range []story.Object{
		p.Nomination(c, c.By(mci.TenantID), []string{a.fixed}, nil),
		p.Nomination(c, c.By(mci.MSXOpportunity), []string{a.variable}, story.Object{"hours": 20}),
	} {
		localtest.Call(t, http.MethodPost, "/v1/customers", p.Token, nomination)
	}
}

// optedOut has the claim's customer decline another claim of the partner, and ask not to be asked again (D26).
var optedOut = fault{mci.RecipientOptedOut, "", func(t testing.TB, a *attempt) {
	c := story.Customer{ID: a.claim.Customer["id"].(string), Tenant: a.claim.CustomerID.Value,
		Email: a.claim.CustomerContact.Email}
	engagement := story.Engagement(t, nil)
	story.Eligible(t, engagement, c.By(mci.TenantID), "")
	form := story.Form("decline")
	form.Set("stop", "yes")
	story.Answer(t, a.partner.Ask(t, a.partner.Add(t, c, engagement)), form).Expect(t, 303)
}}

// newAttempt makes a request to the route that would succeed, of a partner and about a customer of its own.
func newAttempt(t testing.TB, route rest.Route, w world) *attempt {
	t.Helper()
	w.partner = story.NewPartner(t)
	c := calls[route.Key()](t, w)
	a := &attempt{partner: w.partner, fixed: w.engagement, variable: w.variable, customer: c.customer, claim: c.claim,
		path: c.path, kind: "application/json", body: c.body.(story.Object)}
	if a.token = localtest.Token(t, w.partner.ID, w.partner.User, route.Roles[0]); route.Roles[0] == mci.ProgramAdmin {
		a.token = story.Program(t)
	}
	a.whole = a.copy()
	return a
}

// TestOfTwoErrorsTheContractSaysWhichIsTold puts every two faults that a request to a route can have into one request.
func TestOfTwoErrorsTheContractSaysWhichIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operations, err := openapitest.Operations()
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range rest.Routes {
		if route.Method != http.MethodPost || route.Public() {
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			all := slices.Concat(edge, faults[route.Key()])
			at := slices.IndexFunc(operations, func(o openapitest.Operation) bool {
				return o.Method+" "+o.Path == route.Key()
			})
			for _, code := range documented(operations[at]) {
				if !slices.ContainsFunc(all, func(f fault) bool { return f.code == code }) {
					t.Errorf("the route is described to answer %s, and no fault here has it do so", code)
				}
			}
			for i, second := range all {
				shared := newAttempt(t, route, w) // by all but those faults for which something must be done first
				second.put(t, shared)
				shared.refused(t, second, second)
				for _, first := range all[:i] {
					if !together(first, second) {
						continue
					}
					a := shared.copy()
					if first.done() {
						a = newAttempt(t, route, w)
					}
					switch {
					case first.code == mci.IdempotencyKeyReused, first.done() && second.code == mci.RecipientOptedOut:
						// A success comes before all that keeps it from being one.
						first.put(t, a)
						second.put(t, a)
					case first.done():
						second.put(t, a)
						first.put(t, a)
					default:
						first.put(t, a)
					}
					a.refused(t, first, second)
				}
			}
		})
	}
}

// copy gives another request that is the same.
func (a *attempt) copy() *attempt {
	copied := *a
	copied.body = maps.Clone(a.body)
	return &copied
}

// refused sends the request with its two faults, of which the first is told.
func (a *attempt) refused(t *testing.T, first, second fault) {
	t.Helper()
	answer := a.send(t)
	changedNothing(t, string(first.code+" and "+second.code), answer)
	if first.code == mci.Unauthenticated { // the gateway's own answer is no problem of ours
		answer.Expect(t, 401)
		return
	}
	problem := localtest.Decode[story.Problem](t, answer)
	if problem.Type != rest.ProblemType(first.code) || problem.Status != answer.Status {
		t.Errorf("%s and %s: answered %d: %s", first.code, second.code, answer.Status, answer.Body)
	}
}

// together says whether two faults can be put into one request.
func together(a, b fault) bool {
	return !slices.ContainsFunc(strings.Fields(a.touches), func(word string) bool {
		return slices.Contains(strings.Fields(b.touches), word)
	})
}

// documented are the codes of the refusals that an operation is described to give, but for those that the gateway or
// the day's mail decide.
func documented(operation openapitest.Operation) (codes []mci.Code) {
	for _, status := range operation.Statuses() {
		for _, kind := range operation.Types(status) {
			code := mci.Code(strings.TrimPrefix(kind, "urn:mci:problem:"))
			if status < 500 && (code != mci.TooManyRequests || strings.HasSuffix(operation.Path, "/consent-requests")) {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// answer is a form posted to the consent page, which decides until faults are put into it.
type answer struct {
	link, kind, after string
	form              url.Values
}

// TestOfTwoFaultsOfAnAnswerTheConsentPageTellsTheFirst puts every two faults that a customer's answer can have into one
// form.
func TestOfTwoFaultsOfAnAnswerTheConsentPageTellsTheFirst(t *testing.T) {
	w := newWorld(t)
	short := story.Engagement(t, story.Object{"consentWindowDays": 1})
	link := func(status mci.Status, engagement string) string {
		_, link := w.partner.Bring(t, status, story.NewCustomer(t, engagement), engagement)
		return link
	}
	open, decided, late := link(mci.ConsentPending, w.engagement), link(mci.Declined, w.engagement),
		link(mci.ConsentPending, short)
	localtest.SetClock(t, story.Day)
	whole := story.Shown(t, open, story.Form("accept"))
	faults := []struct {
		status int
		says   string
		put    func(*answer)
	}{
		{303, "", func(a *answer) { a.link = decided }}, // whatever is posted then
		{413, "", func(a *answer) { a.after += strings.Repeat("x", rest.MaxBody) }},
		{415, "", func(a *answer) { a.kind = "text/plain" }},
		{400, "", func(a *answer) { a.after += "&%zz" }},
		{404, "", func(a *answer) { a.link = "/consent/none" }},
		{410, "", func(a *answer) { a.link = late }},
		{422, "Choose “Accept” or “Decline”.", func(a *answer) { a.form.Set("decision", "perhaps") }},
		{422, "The reason is too long.", func(a *answer) {
			a.form.Set("decision", "decline")
			a.form.Set("reason", strings.Repeat("x", mci.MaxReason+1))
		}},
		{422, "it was given to another text", func(a *answer) { a.form.Set("statement", strings.Repeat("0", 64)) }},
	}
	for i, second := range faults {
		for _, first := range faults[:i+1] { // of the three links, the later ones are put in first
			a := answer{open, "application/x-www-form-urlencoded", "", maps.Clone(whole)}
			second.put(&a)
			first.put(&a)
			got := localtest.Call(t, http.MethodPost, a.link, "", a.form.Encode()+a.after, "Content-Type", a.kind)
			changedNothing(t, fmt.Sprint(first.status, " and ", second.status), got)
			if got.Status != first.status || !strings.Contains(string(got.Body), first.says) {
				t.Errorf("%d %s and %d %s: %d %s", first.status, first.says, second.status, second.says, got.Status,
					got.Body)
			}
		}
	}
	localtest.Call(t, http.MethodPost, open, "", whole).Expect(t, 303)
	localtest.Call(t, http.MethodGet, open+"/receipt", "", nil).Expect(t, 200)
}
