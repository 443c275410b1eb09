package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"time"

	"mci.example/customers/scripts/bench/replay"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// callFigures are what one kind of call is measured to be.
type callFigures struct {
	Name         string  `json:"name"`
	Function     string  `json:"function"`
	Route        string  `json:"route,omitempty"`
	Samples      int     `json:"samples"`
	P50          float64 `json:"p50Milliseconds"`
	FloorP50     float64 `json:"floorP50Milliseconds"`
	P95          float64 `json:"p95Milliseconds"`
	FloorP95     float64 `json:"floorP95Milliseconds"`
	RatioP50     float64 `json:"ratioP50"`
	RatioP95     float64 `json:"ratioP95"`
	RoundTrips   int     `json:"roundTrips"`
	Budget       int     `json:"roundTripsBudget"`
	Requests     int     `json:"requests"`
	ReadUnits    float64 `json:"readUnits"`
	WriteUnits   float64 `json:"writeUnits"`
	Emails       int     `json:"emails"`
	Signatures   int     `json:"signatures"`
	BilledMillis float64 `json:"billedMilliseconds"` // of one call, each rounded up
}

// kind is a kind of call to measure.
type kind struct {
	name     string
	function string
	route    string // its key; "" for functions that are no route's
	status   int    // that is expected; 0 for functions that answer no gateway
	budget   int    // round trips one after another, at most
	payloads [][]byte
	rounds   int  // for reads, which may be repeated; writes are made once for each payload
	keep     bool // whether what was written stays, as it was recorded
	cold     string
}

// subjects is how many different claims a kind of write is measured on.
func (b *bench) subjects() int { return b.size(200, 12) }

// measure times a kind of call against its floor, and gives the recording of each of its payloads.
//
// Each call is first recorded and undone. It is then timed in turn with the floor that replays the recording, on the
// same items, put back in between to what they were: both do the same to the same.
func (b *bench) measure(ctx context.Context, k kind) ([]recording, error) {
	s := b.stand
	fail := func(doing string, err error) ([]recording, error) {
		return nil, fmt.Errorf("%s: %s: %w", k.name, doing, err)
	}
	recordings, err := b.recordAll(ctx, k)
	if err != nil {
		return fail("recording", err)
	}
	if err := s.record(false); err != nil {
		return fail("starting anew", err)
	}
	calls := make([]replay.Call, len(recordings))
	for i, recorded := range recordings {
		calls[i] = recorded.call()
	}
	if err := s.teach(calls); err != nil {
		return fail("preparing the floor", err)
	}
	at := func(round int) int { return round % len(k.payloads) }
	undo := func(round int) error { return s.undo(ctx, recordings[at(round)]) }
	contenders := []contender{
		{undo, func(round int) error { return s.time(k.function, k.payloads[at(round)]) }},
		{undo, func(round int) error { return s.time(floorFunction, makes(at(round), k.payloads[at(round)])) }},
	}
	rounds := k.rounds
	if rounds == 0 {
		rounds = len(k.payloads)
	}
	if _, err := interleave(min(rounds, 20), contenders...); err != nil {
		return fail("warming up", err)
	}
	taken, err := interleave(rounds, contenders...)
	if err != nil {
		return fail("timing", err)
	}
	s.look()
	b.callFigures(k, recordings, taken[0], taken[1])
	b.keep(k.name, recordings[0])
	if k.cold != "" {
		if err := b.coldStart(ctx, k, recordings[0]); err != nil {
			return fail("starting cold", err)
		}
		if err := s.teach(calls); err != nil {
			return fail("preparing the floor", err)
		}
	}
	for i := range recordings {
		if err := undo(i); err != nil {
			return fail("putting back", err)
		}
		if k.keep {
			if err := s.time(floorFunction, makes(i, nil)); err != nil {
				return fail("leaving things as they were recorded", err)
			}
		}
	}
	return recordings, nil
}

// recordAll records every payload's call, and undoes it.
func (b *bench) recordAll(ctx context.Context, k kind) ([]recording, error) {
	s := b.stand
	if err := s.record(true); err != nil {
		return nil, err
	}
	record := func(payload []byte, measured bool) (recording, error) {
		s.recorder.begin(measured)
		answer, err := s.invoke(k.function, payload, k.status)
		if err != nil {
			return recording{}, err
		}
		recorded := s.recorder.end(answer)
		return recorded, s.undo(ctx, recorded)
	}
	// The first call finds nothing cached; it is the ones behind it that are measured.
	if _, err := record(k.payloads[0], false); err != nil {
		return nil, err
	}
	recordings := make([]recording, len(k.payloads))
	for i, payload := range k.payloads {
		var err error
		if recordings[i], err = record(payload, i == 0); err != nil {
			return nil, err
		}
		if i > 0 && !recordings[i].as(recordings[0]) {
			// The catalogue was read anew, or a request was repeated: record it once more, by itself.
			if recordings[i], err = record(payload, true); err != nil {
				return nil, err
			}
		}
	}
	return recordings, nil
}

func (b *bench) callFigures(k kind, recordings []recording, taken, floor times) {
	f := callFigures{
		Name: k.name, Function: k.function, Route: k.route, Samples: len(taken), Budget: k.budget,
		P50: milliseconds(taken.percentile(50)), FloorP50: milliseconds(floor.percentile(50)),
		P95: milliseconds(taken.percentile(95)), FloorP95: milliseconds(floor.percentile(95)),
	}
	f.RatioP50, f.RatioP95 = f.P50/f.FloorP50, f.P95/f.FloorP95
	for _, recorded := range recordings {
		reads, writes := recorded.units()
		f.ReadUnits += reads / float64(len(recordings))
		f.WriteUnits += writes / float64(len(recordings))
	}
	f.RoundTrips, f.Requests = recordings[0].trips(), len(recordings[0].requests)
	for _, request := range recordings[0].requests {
		switch request.Action {
		case "SendEmail":
			f.Emails++
			f.RoundTrips-- // which the budgets do not count
		case "Sign":
			f.Signatures++
		}
	}
	for _, one := range taken {
		f.BilledMillis += float64((one+time.Millisecond-1)/time.Millisecond) / float64(len(taken))
	}
	b.Calls = append(b.Calls, f)
	measure.Progress("%-44s %6.2f ms, %.2f × its floor (p95 %.2f ×), %d round trips", k.name, f.P50, f.RatioP50,
		f.RatioP95, f.RoundTrips)
	if f.Function == "portal" {
		return // its pages are judged by what they take beyond their calls
	}
	b.expect(f.RatioP50 <= 1.25, "%s: p50 is %.2f × its floor, more than 1.25 ×", k.name, f.RatioP50)
	b.expect(f.RatioP95 <= 1.5, "%s: p95 is %.2f × its floor, more than 1.5 ×", k.name, f.RatioP95)
	b.expect(f.RoundTrips <= k.budget, "%s: %d round trips one after another, more than %d", k.name, f.RoundTrips,
		k.budget)
}

// route makes a kind of call of a route.
func (b *bench) route(name, function string, status, budget int, requests ...request) kind {
	k := kind{name: name, function: function, route: requests[0].route, status: status, budget: budget}
	for _, r := range requests {
		k.payloads = append(k.payloads, r.payload())
	}
	if status == 200 && len(requests) == 1 {
		k.rounds = b.size(400, 30)
	}
	return k
}

// asked is a claim whose customer was sent an email.
type asked struct {
	id        mci.ClaimID
	token     string
	messageID string
}

var linkPattern = regexp.MustCompile(`/consent/([A-Za-z0-9_-]{43}\.[A-Za-z0-9-]+)`)

var statementPattern = regexp.MustCompile(`name="statement" value="([0-9a-f]{64})"`)

// filled gives a form with the hidden field of the consent page that a function answered (D27).
func filled(answer []byte, form url.Values) (url.Values, error) {
	var page struct{ Body string }
	if err := json.Unmarshal(answer, &page); err != nil {
		return nil, fmt.Errorf("reading the consent page: %w", err)
	}
	hidden := statementPattern.FindStringSubmatch(page.Body)
	if hidden == nil {
		return nil, errors.New("the consent page has no hidden field")
	}
	form = maps.Clone(form)
	form.Set("statement", hidden[1])
	return form, nil
}

// eventOf finds the number of an event in get-claim's answer.
func eventOf(answer []byte, event mci.EventType) (int, error) {
	claim, err := body[struct{ Events []mci.Event }](answer)
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(claim.Events, func(e mci.Event) bool { return e.Type == event })
	if at < 0 {
		return 0, fmt.Errorf("the claim has no event %s", event)
	}
	return claim.Events[at].Seq, nil
}

// askedOf finds the link and SES's ID in what was recorded of a consent request.
func askedOf(id mci.ClaimID, recorded recording) (asked, error) {
	for _, request := range recorded.requests {
		if request.Action != "SendEmail" {
			continue
		}
		var answer struct{ MessageId string }
		link := linkPattern.FindSubmatch(request.Body)
		if err := json.Unmarshal(request.answer, &answer); err != nil || link == nil || answer.MessageId == "" {
			return asked{}, fmt.Errorf("the email of claim %s has no link or no ID", id)
		}
		return asked{id, string(link[1]), answer.MessageId}, nil
	}
	return asked{}, fmt.Errorf("no email was sent for claim %s", id)
}

// lifecycle measures every function along the life of as many claims.
func (b *bench) lifecycle(ctx context.Context) error {
	n := b.subjects()
	all := func(make func(i int) request) []request {
		requests := []request{}
		for i := range n {
			requests = append(requests, make(i))
		}
		return requests
	}
	run := func(k kind, changes ...func(*kind)) ([]recording, error) {
		for _, change := range changes {
			change(&k)
		}
		return b.measure(ctx, k)
	}
	keep := func(k *kind) { k.keep = true }
	cold := func(empty string) func(k *kind) { return func(k *kind) { k.cold = empty } }
	nomination := func(c customer, engagements ...string) object {
		return object{
			"friendlyName": "The claim of " + c.name(), "locationId": location, "engagementIds": engagements,
			"customerContact": c.contact(), "partnerContact": partnerContact,
		}
	}
	adding := func(c customer, engagements ...string) request {
		body := nomination(c, engagements...)
		body["customerId"] = object{"type": "domain", "value": c.domain()}
		return request{route: "POST /v1/customers", user: partnerUser, body: body}
	}
	type births struct{ Claims []struct{ ID mci.ClaimID } }

	// What needs no claim.
	if _, err := run(b.route("openapi", "openapi", 200, 0, request{route: "GET /v1/openapi.json"}),
		cold(emptyFunction)); err != nil {
		return err
	}
	portal := b.route("portal, to sign in", "portal", 303, 0, request{route: "GET /portal"})
	if _, err := run(portal, cold(emptyClient)); err != nil {
		return err
	}
	if _, err := run(b.route("list-engagements", "list-engagements", 200, 1, request{route: "GET /v1/engagements",
		user: partnerUser}), cold(emptyTable)); err != nil {
		return err
	}
	if _, err := run(b.route("list-engagements, one", "list-engagements", 200, 1, request{
		route: "GET /v1/engagements/{engagementId}", user: partnerUser,
		path: map[string]string{"engagementId": engagementID(0)},
	})); err != nil {
		return err
	}
	if _, err := run(b.route("check-eligibility", "check-eligibility", 200, 2, request{
		route: "POST /v1/eligibility-checks", user: partnerUser, body: object{
			"customerId": object{"type": "domain", "value": customer(0).domain()}, "locationId": location,
			"customerEmail": "kim@" + customer(0).domain(),
		},
	}), cold(emptyTable)); err != nil {
		return err
	}
	if _, err := run(b.route("receipts, the keys", "receipts", 200, 0,
		request{route: "GET /.well-known/jwks.json"})); err != nil {
		return err
	}

	// From the adding to the consent.
	if _, err := run(b.route("add-customer, 3 engagements", "add-customer", 201, 3, all(func(i int) request {
		return adding(customer(i), engagementID(0), engagementID(1), engagementID(2))
	})...)); err != nil {
		return err
	}
	added, err := run(b.route("add-customer", "add-customer", 201, 3,
		all(func(i int) request { return adding(customer(i), engagementID(0)) })...),
		keep, cold(emptyTable))
	if err != nil {
		return err
	}
	claims := make([]mci.ClaimID, n)
	for i, recorded := range added {
		answer, err := body[births](recorded.answer)
		if err != nil {
			return err
		}
		claims[i] = answer.Claims[0].ID
	}
	onClaims := func(route string, user user, body any) []request {
		return all(func(i int) request {
			return request{route: route, user: user, path: map[string]string{"claimId": string(claims[i])}, body: body}
		})
	}
	if _, err := run(b.route("list-claims", "list-claims", 200, 1, request{route: "GET /v1/claims", user: partnerUser}),
		cold(emptyTable)); err != nil {
		return err
	}
	list := request{route: "GET /v1/claims", user: partnerUser, query: map[string]string{"sort": "due"}}
	if _, err := run(b.route("list-claims, by due", "list-claims", 200, 2, list)); err != nil {
		return err
	}
	list.query = map[string]string{"status": "consent-not-sent", "engagementId": engagementID(0),
		"locationId": location}
	if _, err := run(b.route("list-claims, filtered", "list-claims", 200, 1, list)); err != nil {
		return err
	}
	if _, err := run(b.route("get-claim", "get-claim", 200, 1, onClaims("GET /v1/claims/{claimId}", partnerUser,
		nil)[0]), cold(emptyKeys)); err != nil {
		return err
	}
	dealSize := object{"amount": "60000.00", "currency": "USD"}
	if _, err := run(b.route("send-consent, preview", "send-consent", 200, 2, onClaims(
		"POST /v1/claims/{claimId}/consent-previews", partnerUser, object{"dealSize": dealSize})[0])); err != nil {
		return err
	}
	send := "POST /v1/claims/{claimId}/consent-requests"
	sent, err := run(b.route("send-consent", "send-consent", 202, 4, onClaims(send, partnerUser, object{
		"dealSize": dealSize, "disclaimerAccepted": true,
	})...), keep, cold(emptyMail))
	if err != nil {
		return err
	}
	emails := make([]asked, n)
	for i, recorded := range sent {
		if emails[i], err = askedOf(claims[i], recorded); err != nil {
			return err
		}
	}
	if _, err := run(b.route("send-consent, reminder", "send-consent", 202, 4, onClaims(send, partnerUser,
		object{})...)); err != nil {
		return err
	}
	feedback := kind{name: "mail-feedback", function: "mail-feedback", budget: 2, keep: true, cold: emptyTable}
	for _, email := range emails {
		feedback.payloads = append(feedback.payloads, delivered(email.messageID, email.id))
	}
	if _, err := run(feedback); err != nil {
		return err
	}
	page := func(method string, form url.Values) func(i int) request {
		return func(i int) request {
			return request{route: method + " /consent/{token}", path: map[string]string{"token": emails[i].token},
				form: form}
		}
	}
	if _, err := run(b.route("consent-callback, the page", "consent-callback", 200, 1, page("GET", nil)(0)),
		cold(emptyKeys)); err != nil {
		return err
	}
	if _, err := run(b.route("consent-callback, HEAD", "consent-callback", 200, 1, page("HEAD", nil)(0))); err != nil {
		return err
	}
	decisions := func(form url.Values) ([]request, error) {
		requests := all(page("GET", nil))
		for i, visit := range requests {
			answer, err := b.stand.invoke("consent-callback", visit.payload(), 200)
			if err != nil {
				return nil, err
			}
			if form, err = filled(answer, form); err != nil {
				return nil, err
			}
			requests[i] = page("POST", form)(i)
		}
		return requests, nil
	}
	decline, err := decisions(url.Values{"decision": {"decline"}, "reason": {"Not this year."}})
	if err != nil {
		return err
	}
	if _, err := run(b.route("consent-callback, decline", "consent-callback", 303, 3, decline...)); err != nil {
		return err
	}
	accept, err := decisions(url.Values{"decision": {"accept"}})
	if err != nil {
		return err
	}
	if _, err := run(b.route("consent-callback, accept", "consent-callback", 303, 3, accept...), keep); err != nil {
		return err
	}
	if _, err := run(b.route("consent-callback, the receipt", "consent-callback", 200, 2, request{
		route: "GET /consent/{token}/receipt", path: map[string]string{"token": emails[0].token},
	})); err != nil {
		return err
	}
	if _, err := run(b.route("receipts, of a claim", "receipts", 200, 1, onClaims("GET /v1/claims/{claimId}/receipt",
		partnerUser, nil)[0]), cold(emptyKeys)); err != nil {
		return err
	}
	if _, err := run(b.route("get-claim, decided", "get-claim", 200, 1, onClaims("GET /v1/claims/{claimId}",
		partnerUser, nil)[0])); err != nil {
		return err
	}
	notices := func(name string, event mci.EventType, budget int, changes ...func(*kind)) error {
		answer, err := b.stand.invoke("get-claim", onClaims("GET /v1/claims/{claimId}", partnerUser, nil)[0].payload(),
			200)
		if err != nil {
			return err
		}
		seq, err := eventOf(answer, event)
		if err != nil {
			return err
		}
		notices := kind{name: name, function: "notify", budget: budget}
		for _, claim := range claims { // their histories are alike
			notices.payloads = append(notices.payloads, told(claim, seq, event))
		}
		_, err = run(notices, changes...)
		return err
	}
	if err := notices("notify, of an acceptance", mci.ConsentAccepted, 5, cold(emptyMail)); err != nil {
		return err
	}

	// From the consent to the end.
	woken := kind{name: "referral-upgrade, from the stream", function: "referral-upgrade", budget: 2, cold: emptyTable}
	for _, claim := range claims {
		woken.payloads = append(woken.payloads, consented(claim))
	}
	if _, err := run(woken); err != nil {
		return err
	}
	if _, err := run(b.route("referral-upgrade", "referral-upgrade", 200, 2, all(func(i int) request {
		return request{route: "POST /v1/referrals/{referralId}/upgrade", user: seller,
			path: map[string]string{"referralId": referralOf(claims[i])}, body: object{}}
	})...), keep); err != nil {
		return err
	}
	if _, err := run(b.route("list-referrals", "list-referrals", 200, 2, request{route: "GET /v1/referrals",
		user: seller}), cold(emptyTable)); err != nil {
		return err
	}
	if _, err := run(b.route("list-referrals, of all partners", "list-referrals", 200, 2, request{
		route: "GET /v1/referrals", user: staff,
	})); err != nil {
		return err
	}
	if _, err := run(b.route("list-referrals, one", "list-referrals", 200, 1, request{
		route: "GET /v1/referrals/{referralId}", user: seller,
		path: map[string]string{"referralId": referralOf(claims[0])},
	})); err != nil {
		return err
	}
	if _, err := run(b.route("submit-claim", "submit-claim", 200, 2, onClaims("POST /v1/claims/{claimId}/submission",
		partnerUser, object{
			"completedOn": b.stand.Now().UTC().Format(time.DateOnly),
			"notes":       "Three days on site; the report is with the customer.",
		})...), keep, cold(emptyTable)); err != nil {
		return err
	}
	if _, err := run(b.route("list-claims, to be reviewed", "list-claims", 200, 2, request{route: "GET /v1/claims",
		user: staff})); err != nil {
		return err
	}
	review := "POST /v1/claims/{claimId}/review"
	if _, err := run(b.route("review-claim, return", "review-claim", 200, 2,
		onClaims(review, staff, object{"decision": "return", "reason": "The report is missing."})...)); err != nil {
		return err
	}
	if _, err := run(b.route("review-claim, complete", "review-claim", 200, 2,
		onClaims(review, staff, object{"decision": "complete", "reason": ""})...), keep, cold(emptyTable)); err != nil {
		return err
	}
	if err := notices("notify, of a completion", mci.ClaimCompleted, 3); err != nil {
		return err
	}

	// Once more, for customers who are known now.
	if _, err := run(b.route("list-customers", "list-customers", 200, 2, request{
		route: "GET /v1/engagements/{engagementId}/customers", user: partnerUser,
		path:  map[string]string{"engagementId": engagementID(1)},
		query: map[string]string{"tab": "eligible"},
	}), cold(emptyTable)); err != nil {
		return err
	}
	if _, err := run(b.route("list-customers, by an ID", "list-customers", 200, 2, request{
		route: "GET /v1/engagements/{engagementId}/customers", user: partnerUser,
		path:  map[string]string{"engagementId": engagementID(1)},
		query: map[string]string{"tab": "eligible", "q": customer(0).tenant()},
	})); err != nil {
		return err
	}
	if _, err := run(b.route("check-eligibility, of a known customer", "check-eligibility", 200, 2, request{
		route: "POST /v1/eligibility-checks", user: partnerUser, body: object{
			"knownCustomerId": customer(0).id(), "locationId": location, "customerEmail": "kim@" + customer(0).domain(),
		},
	})); err != nil {
		return err
	}
	again, err := run(b.route("claim-customer", "claim-customer", 201, 3, all(func(i int) request {
		return request{route: "POST /v1/customers/{customerId}/claims", user: partnerUser,
			path: map[string]string{"customerId": customer(i).id()}, body: nomination(customer(i), engagementID(1))}
	})...), keep, cold(emptyTable))
	if err != nil {
		return err
	}
	for i, recorded := range again {
		answer, err := body[births](recorded.answer)
		if err != nil {
			return err
		}
		claims[i] = answer.Claims[0].ID
	}
	if _, err := run(b.route("cancel-claim", "cancel-claim", 200, 2,
		onClaims("POST /v1/claims/{claimId}/cancellation", partnerUser,
			object{"reason": "The customer has moved."})...), cold(emptyTable)); err != nil {
		return err
	}
	nothing := kind{name: "expiry-sweep, nothing due", function: "expiry-sweep", budget: 1,
		payloads: [][]byte{scheduled}, rounds: b.size(200, 20), cold: emptyTable}
	if _, err = run(nothing); err != nil {
		return err
	}
	if err := b.complete(); err != nil {
		return err
	}
	return b.ceilings(ctx)
}

// complete checks that no function and no route was forgotten.
func (b *bench) complete() error {
	for _, function := range platform.Functions {
		if !slices.ContainsFunc(b.Cold, func(f coldFigures) bool { return f.Function == function.Name }) {
			return fmt.Errorf("the cold start of %s is not measured", function.Name)
		}
	}
	for _, route := range rest.Routes {
		if !slices.ContainsFunc(b.Calls, func(f callFigures) bool { return f.Route == route.Key() }) {
			return fmt.Errorf("no call of %s is measured", route.Key())
		}
	}
	return nil
}

// referralOf is the ID of a claim's referral.
func referralOf(claim mci.ClaimID) string { return string(mci.Claim{ID: claim}.ReferralID()) }
