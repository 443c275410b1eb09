package system

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// budgets are how often each route may wait for the table or for SES, one time after another, in the steady state and
// cold. Sending an email is the one wait that the table's budget does not count.
var budgets = map[string]int{
	"GET /v1/engagements":                          1,
	"GET /v1/engagements/{engagementId}":           1,
	"GET /v1/engagements/{engagementId}/customers": 2,
	"POST /v1/eligibility-checks":                  2,
	"POST /v1/customers":                           3,
	"POST /v1/customers/{customerId}/claims":       3,
	"GET /v1/claims":                               1,
	"GET /v1/claims/{claimId}":                     1,
	"GET /v1/claims/{claimId}/receipt":             1,
	"GET /.well-known/jwks.json":                   1, // the keys, once per environment
	"POST /v1/claims/{claimId}/consent-previews":   2,
	"POST /v1/claims/{claimId}/consent-requests":   4 + 1,
	"GET /consent/{token}":                         1,
	"HEAD /consent/{token}":                        1,
	"GET /consent/{token}/receipt":                 2,
	"POST /consent/{token}":                        3,
	"POST /v1/claims/{claimId}/submission":         2,
	"POST /v1/claims/{claimId}/cancellation":       2,
	"POST /v1/claims/{claimId}/review":             2,
	"GET /v1/referrals":                            2,
	"GET /v1/referrals/{referralId}":               1,
	"POST /v1/referrals/{referralId}/upgrade":      2,
	"GET /v1/openapi.json":                         0,
}

// TestBudgets measures every route twice: by processes that have just started and have read nothing yet, and by the
// same ones again, whose catalogue is at hand.
func TestBudgets(t *testing.T) {
	for key := range budgets {
		if calls[key] == nil {
			t.Errorf("there is no route %s", key)
		}
	}
	w := newWorld(t)
	var report strings.Builder
	table := tabwriter.NewWriter(&report, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "route\tstate\tround trips\tread units\twrite units\titems")
	tokens, prepared := map[string]string{}, map[string]call{}
	for _, route := range rest.Routes {
		if _, known := budgets[route.Key()]; !known {
			t.Fatalf("%s has no budget", route.Key())
		}
		tokens[route.Key()] = w.token(t, route)
		prepared[route.Key()] = calls[route.Key()](t, w)
	}
	tokens["GET /v1/claims"] = w.partner.Token // for the partner's own list; the program's is below
	measure := func(route rest.Route, state string, c call) {
		t.Helper()
		answer := measured(t, func() localtest.Response {
			return localtest.Call(t, route.Method, c.path, tokens[route.Key()], c.body)
		})
		if answer.Expect(t, c.want); answer.Waves() > budgets[route.Key()] {
			t.Errorf("%s, %s: %d round trips, and the budget is %d: %s", route.Key(), state, answer.Waves(),
				budgets[route.Key()], trips(answer))
		}
		fmt.Fprintln(table, row(route.Key(), state, answer))
	}
	for left := rest.Routes; len(left) > 0; { // of each function one route at a time: the next one finds it warm
		localtest.SetClock(t, localtest.Cloud().Offset()+time.Second) // which replaces every process
		called, later := map[string]bool{}, []rest.Route{}
		for _, route := range left {
			if called[route.Function] {
				later = append(later, route)
				continue
			}
			called[route.Function] = true
			measure(route, "cold", prepared[route.Key()])
		}
		left = later
	}
	for _, route := range rest.Routes {
		c, warm := calls[route.Key()](t, w), calls[route.Key()](t, w)
		localtest.Call(t, route.Method, warm.path, tokens[route.Key()], warm.body).Expect(t, warm.want)
		measure(route, "steady", c)
	}

	t.Run("a customer is added by a domain", func(t *testing.T) {
		c := story.NewCustomer(t, w.engagement)
		body := w.partner.Nomination(c, c.By(mci.Domain), []string{w.engagement}, nil)
		answer := measured(t, func() localtest.Response {
			return localtest.Call(t, "POST", "/v1/customers", w.partner.Token, body, "Idempotency-Key",
				story.Name("key"))
		})
		if answer.Expect(t, 201); answer.Waves() > 3 {
			t.Errorf("%d round trips: %s", answer.Waves(), trips(answer))
		}
		fmt.Fprintln(table, row("POST /v1/customers by a domain, with a key", "steady", answer))
	})

	t.Run("a customer is added to ten engagements in one transaction", func(t *testing.T) {
		var engagements []string
		for range 10 {
			engagements = append(engagements, story.Engagement(t, story.WithCoSell(false)))
		}
		c := story.NewCustomer(t, engagements...)
		body := w.partner.Nomination(c, c.By(mci.TenantID), engagements, nil)
		answer := measured(t, func() localtest.Response {
			return localtest.Call(t, "POST", "/v1/customers", w.partner.Token, body, "Idempotency-Key",
				story.Name("key"))
		})
		answer.Expect(t, 201)
		if answer.Waves() > 3 {
			t.Errorf("%d round trips: %s", answer.Waves(), trips(answer))
		}
		if n := items(t, answer); n == 0 || n > 100 {
			t.Errorf("the transaction holds %d items; DynamoDB takes 100", n)
		}
		fmt.Fprintln(table, row("POST /v1/customers to ten engagements", "steady", answer))
	})

	t.Run("an index names the claims, which are read in one batch", func(t *testing.T) {
		w.claim(t, mci.Submitted)
		for path, token := range map[string]string{
			"/v1/claims?sort=due": w.partner.Token, "/v1/claims": story.Program(t),
		} {
			answer := measured(t, func() localtest.Response { return localtest.Call(t, "GET", path, token, nil) })
			if answer.Expect(t, 200); answer.Waves() > 2 {
				t.Errorf("%d round trips: %s", answer.Waves(), trips(answer))
			}
			fmt.Fprintln(table, row("GET "+path, "steady", answer))
		}
	})

	t.Run("a full page of customers of every kind", func(t *testing.T) {
		engagement := story.Engagement(t, nil)
		for i := range 30 {
			c := story.NewCustomer(t, engagement)
			if i%2 == 0 {
				w.partner.Know(t, c, mci.TenantID)
			} else {
				w.partner.Add(t, c, engagement)
			}
		}
		for _, tab := range []string{"eligible", "ineligible", "complete"} {
			answer := measured(t, func() localtest.Response {
				return localtest.Call(t, "GET", "/v1/engagements/"+engagement+"/customers?tab="+tab, w.partner.Token,
					nil)
			})
			if answer.Expect(t, 200); answer.Waves() > 2 {
				t.Errorf("%s: %d round trips: %s", tab, answer.Waves(), trips(answer))
			}
			fmt.Fprintln(table, row("GET …/customers?tab="+tab+" of 30", "steady", answer))
		}
	})

	t.Run("SES tells of an email", func(t *testing.T) {
		claim, _ := w.claim(t, mci.ConsentPending)
		message := ""
		for _, event := range w.partner.Get(t, claim.ID).Events {
			if event.Type == string(mci.EmailSent) {
				message = event.Detail["messageId"]
			}
		}
		tags := story.Object{"claim": []string{claim.ID}}
		for _, told := range []struct {
			event  string
			mail   story.Object
			budget int
		}{
			{"Delivery", story.Object{"messageId": message, "tags": tags}, 2},
			{"Complaint", story.Object{"messageId": message}, 3}, // an email whose tag is lost takes one more to find
		} {
			detail := story.Object{"eventType": told.event, "mail": told.mail}
			answer := measured(t, func() localtest.Response {
				return localtest.Invoke(t, "mail-feedback", story.Object{"source": platform.MailEvents.Source,
					"detail": detail})
			})
			if string(answer.Body) != `{"recorded":true}` || answer.Waves() > told.budget {
				t.Errorf("%s: %d round trips: %s: %s", told.event, answer.Waves(), trips(answer), answer.Body)
			}
			fmt.Fprintln(table, row("mail-feedback, "+strings.ToLower(told.event), "steady", answer))
		}
	})

	t.Run("the stream brings a consent", func(t *testing.T) {
		claim, _, _ := w.qualifying(t)
		record := story.Object{"eventID": "1", "eventName": "MODIFY", "dynamodb": story.Object{
			"SequenceNumber": "1", "NewImage": story.Object{"id": story.Object{"S": claim.ID}},
		}}
		answer := measured(t, func() localtest.Response {
			return localtest.Invoke(t, "referral-upgrade", story.Object{"Records": []any{record}})
		})
		if upgraded := w.partner.Get(t, claim.ID); upgraded.Referral.Type != string(mci.CoSell) || answer.Waves() > 2 {
			t.Errorf("the referral is %s after %d round trips: %s", upgraded.Referral.Type, answer.Waves(),
				trips(answer))
		}
		fmt.Fprintln(table, row("referral-upgrade, one record", "steady", answer))
	})

	t.Run("the sweep finds nothing due", func(t *testing.T) {
		localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
		answer := measured(t, func() localtest.Response { return localtest.Invoke(t, "expiry-sweep", story.Object{}) })
		if answer.Expect(t, 200); answer.Waves() != 1 {
			t.Errorf("%d round trips: %s", answer.Waves(), trips(answer))
		}
		fmt.Fprintln(table, row("expiry-sweep, nothing due", "steady", answer))
	})

	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("what each call consumes:\n%s", &report)
}

// measured makes a call while round trips are counted.
func measured(t *testing.T, make func() localtest.Response) (answer localtest.Response) {
	t.Helper()
	t.Run("measured", func(t *testing.T) {
		localtest.Measure(t)
		answer = make()
	})
	return answer
}

// trips lists what a function asked for, by round trip.
func trips(answer localtest.Response) string {
	var list []string
	for _, request := range answer.Requests() {
		list = append(list, fmt.Sprintf("%d %s", request.Wave, request.Action))
	}
	return strings.Join(list, ", ")
}

// items is how many items the call's transactions hold, at most.
func items(t *testing.T, answer localtest.Response) int {
	t.Helper()
	most := 0
	for _, request := range answer.Requests() {
		if request.Action == "TransactWriteItems" {
			written, _ := request.Parameters(t)["TransactItems"].([]any)
			most = max(most, len(written))
		}
	}
	return most
}

func row(what, state string, answer localtest.Response) string {
	var reads, writes float64
	written := 0
	for _, request := range answer.Requests() {
		if request.Action == "TransactWriteItems" {
			writes += request.Capacity
			written += strings.Count(string(request.Body), `"TableName"`)
		} else {
			reads += request.Capacity
		}
	}
	return fmt.Sprintf("%s\t%s\t%d\t%.1f\t%.1f\t%d", what, state, answer.Waves(), reads, writes, written)
}
