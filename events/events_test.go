// Package events holds a sample payload of every function, as AWS hands it over: <function>.json, which the one-machine
// cloud uses where none is given, and <function>.<case>.json for what else the function gets. They speak of the sample
// data.
package events

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// What the samples name, and what takes its place in the story below.
const (
	sampleClaim   = "01K8ZJ4T4M7Q1V3S5X9B2D6F8H-dsqq4x38exmpws0"
	sampleToken   = "q8Zk3hGhvGIAMEJvQqmV0XwQ2nT5rY7uIoPaSdFgHjA." + sampleClaim
	sampleMessage = "0100019a4f2c7d31-5e6f7a8b-9c0d-4e1f-a2b3-c4d5e6f7a8b9-000000"
)

// samples gives every sample by its name.
func samples(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(path, ".json")] = string(content)
	}
	return all
}

// functionOf is the function that a sample is for.
func functionOf(sample string) string {
	function, _, _ := strings.Cut(sample, ".")
	return function
}

func TestEveryFunctionAndRouteHasItsSampleAndNothingElse(t *testing.T) {
	t.Parallel()
	all := samples(t)
	routes := map[string]bool{}
	for name, content := range all {
		if !slices.ContainsFunc(platform.Functions, func(f platform.Function) bool {
			return f.Name == functionOf(name)
		}) {
			t.Errorf("%s.json is of no function", name)
		}
		var event rest.GatewayRequest
		if err := json.Unmarshal([]byte(content), &event); err != nil || event.RouteKey == "" {
			continue
		}
		isItsRoute := func(r rest.Route) bool { return r.Key() == event.RouteKey && r.Function == functionOf(name) }
		if !slices.ContainsFunc(rest.GatewayRoutes(), isItsRoute) {
			t.Errorf("%s.json is of the route %s, which is not its function's", name, event.RouteKey)
		}
		routes[event.RouteKey] = true
	}
	for _, function := range platform.Functions {
		if all[function.Name] == "" {
			t.Errorf("%s has no sample", function.Name)
		}
	}
	for _, route := range rest.Routes {
		if !routes[route.Key()] {
			t.Errorf("%s has no sample", route.Key())
		}
	}
}

// TestSamplesNameNobody finds addresses that could be somebody's.
func TestSamplesNameNobody(t *testing.T) {
	t.Parallel()
	address := regexp.MustCompile(`[A-Za-z0-9._-]+@[A-Za-z0-9.-]+\.[a-z]+`)
	number := regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	for name, content := range samples(t) {
		for _, found := range address.FindAllString(content, -1) {
			if !strings.HasSuffix(found, ".example") {
				t.Errorf("%s.json names %s", name, found)
			}
		}
		for _, found := range number.FindAllString(content, -1) {
			if !strings.HasPrefix(found, "192.0.2.") && !strings.HasPrefix(found, "198.51.100.") &&
				!strings.HasPrefix(found, "203.0.113.") {
				t.Errorf("%s.json names the address %s, which is not kept for examples", name, found)
			}
		}
	}
}

// TestSamplesOfTheGatewayAreWhole holds what a sample says several times against itself.
func TestSamplesOfTheGatewayAreWhole(t *testing.T) {
	t.Parallel()
	for name, content := range samples(t) {
		var event events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal([]byte(content), &event); err != nil || event.RouteKey == "" {
			continue
		}
		called := event.RequestContext.HTTP
		path := event.RouteKey[strings.IndexByte(event.RouteKey, ' ')+1:]
		for parameter, value := range event.PathParameters {
			path = strings.Replace(path, "{"+parameter+"}", value, 1)
		}
		query := url.Values{}
		for parameter, value := range event.QueryStringParameters {
			query.Set(parameter, value)
		}
		body := event.Body
		if event.IsBase64Encoded {
			decoded, err := base64.StdEncoding.DecodeString(body)
			if err != nil {
				t.Errorf("%s.json: its body: %v", name, err)
			}
			body = string(decoded)
		}
		given, err := url.ParseQuery(event.RawQueryString)
		switch {
		case event.Version != "2.0", event.RequestContext.RouteKey != event.RouteKey, called.Path != event.RawPath,
			path != event.RawPath,
			called.Method+" " != event.RouteKey[:len(called.Method)+1], event.Headers["user-agent"] != called.UserAgent,
			event.RequestContext.DomainName != event.Headers["host"],
			event.Headers["content-length"] != strconv.Itoa(len(body)):
			t.Errorf("%s.json says two things of one: %s", name, content)
		case err != nil || given.Encode() != query.Encode():
			t.Errorf("%s.json: its queries are %s and %s", name, given.Encode(), query.Encode())
		}
		for header := range event.Headers {
			if header != strings.ToLower(header) {
				t.Errorf("%s.json: API Gateway writes %s in lower case", name, header)
			}
		}
	}
}

// TestTheStreamsSampleIsOneThatTheFilterLetsThrough reads the filter as AWS does: each list names what is let through.
func TestTheStreamsSampleIsOneThatTheFilterLetsThrough(t *testing.T) {
	t.Parallel()
	var pattern any
	if err := json.Unmarshal([]byte(platform.Stream.Filter), &pattern); err != nil {
		t.Fatal(err)
	}
	var batch struct{ Records []any }
	if err := json.Unmarshal([]byte(samples(t)[platform.Stream.Function]), &batch); err != nil ||
		len(batch.Records) == 0 {
		t.Fatalf("the sample is no batch: %v", err)
	}
	for _, record := range batch.Records {
		if !letsThrough(pattern, record) {
			t.Errorf("%v does not let %v through", pattern, record)
		}
	}
}

func letsThrough(pattern, value any) bool {
	switch pattern := pattern.(type) {
	case map[string]any:
		fields, _ := value.(map[string]any)
		for name, inner := range pattern {
			if !letsThrough(inner, fields[name]) {
				return false
			}
		}
		return true
	case []any:
		return slices.Contains(pattern, value)
	}
	return false
}

// answered is what a function's answer to a request is held against; the others' answers are their own.
type answered struct {
	status int
	body   string
}

// invoke runs the sample's function, and holds the answer to a request against the API's description.
func invoke(t *testing.T, name, payload string) answered {
	t.Helper()
	answer := localtest.Invoke(t, functionOf(name), json.RawMessage(payload))
	if answer.Status != 200 {
		t.Fatalf("%s failed: %s", name, answer.Body)
	}
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(payload), &event); err != nil || event.RouteKey == "" {
		return answered{body: string(answer.Body)}
	}
	response := localtest.Decode[events.APIGatewayV2HTTPResponse](t, answer)
	request, err := http.NewRequestWithContext(t.Context(), event.RequestContext.HTTP.Method, event.RawPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	for key, value := range response.Headers {
		header.Set(key, value)
	}
	if functionOf(name) == "portal" { // which is no part of the API that is described
		return answered{response.StatusCode, response.Body}
	}
	if err := openapitest.Check(request, response.StatusCode, header, []byte(response.Body)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return answered{response.StatusCode, response.Body}
}

// TestSamplesTellTheLifeOfAClaim replays every sample: first as it is, on the sample data, then again in the order of a
// claim's life, with the claim that add-customer's sample makes in the place of the one that the samples name.
func TestSamplesTellTheLifeOfAClaim(t *testing.T) {
	localtest.LoadFolder(t, filepath.Join("..", "scripts", "sample"))
	all := samples(t)
	asIs := map[string]int{
		"list-engagements": 200, "list-engagements.one": 200, "list-customers": 200, "check-eligibility": 200,
		"list-claims":    200,
		"list-referrals": 200, "openapi": 200, "receipts.keys": 200, "add-customer": 201, "portal": 303,
		"claim-customer": 404, "get-claim": 404, "receipts": 404, "send-consent": 404, "send-consent.reminder": 404,
		"submit-claim": 404, "cancel-claim": 404,
		"review-claim": 404, "list-referrals.one": 404, "referral-upgrade.request": 404,
		"consent-callback": 404, "consent-callback.receipt": 404, "send-consent.preview": 404,
		"consent-callback.scan":     404,
		"consent-callback.decision": 404,
		// What the gateway does not bring has no status; none of it has anything to do yet.
		"referral-upgrade": 0, "expiry-sweep": 0, "notify": 0, "mail-feedback": 0, "mail-feedback.transient": 0,
		"mail-feedback.complaint": 0, "mail-feedback.delivery": 0,
	}
	nothing := map[string]string{
		"referral-upgrade": `{"batchItemFailures":[]}`, "expiry-sweep": `{"expired":0,"reminded":0,"remaining":false}`,
		"notify": `{"sent":0}`, "mail-feedback": `{"recorded":false}`,
	}
	var added string
	for name, payload := range all {
		want, known := asIs[name]
		if !known {
			t.Errorf("%s.json is replayed nowhere: say what it is answered", name)
			continue
		}
		got := invoke(t, name, payload)
		if got.status != want {
			t.Errorf("%s is answered %d instead of %d: %s", name, got.status, want, got.body)
		}
		if want == 0 && got.body != nothing[functionOf(name)] {
			t.Errorf("%s answers %s", name, got.body)
		}
		if name == "add-customer" {
			added = got.body
		}
	}

	var born struct{ Claims []story.Claim }
	if err := json.Unmarshal([]byte(added), &born); err != nil || len(born.Claims) != 1 {
		t.Fatalf("add-customer answered %s", added)
	}
	claim := born.Claims[0]
	token, message := sampleToken, sampleMessage
	today := string(mci.DateOf(localtest.Now()))
	tell := func(name string, status int, says string) {
		t.Helper()
		ordinal, _, _ := strings.Cut(sampleClaim, "-")
		payload := strings.NewReplacer(sampleToken, token, sampleClaim, claim.ID, ordinal, claim.ID[:26], sampleMessage,
			message,
			`\"completedOn\":\"2026-11-08\"`, `\"completedOn\":\"`+today+`\"`).Replace(all[name])
		got := invoke(t, name, payload)
		if got.status != status || !strings.Contains(got.body, says) {
			t.Fatalf("%s is answered %d, and not with %s: %s", name, got.status, says, got.body)
		}
	}
	tell("add-customer", 201, claim.ID) // the key gets the first answer again
	tell("send-consent.preview", 200, `"sendsLeft":10`)
	tell("send-consent", 202, `"status":"consent-pending"`)
	token = strings.TrimPrefix(localtest.ConsentLink(t, localtest.Mail(t, "kim@contoso.example", 1)), "/consent/")
	message = sentMessage(t)
	tell("mail-feedback.transient", 0, `{"recorded":false}`)
	tell("mail-feedback.delivery", 0, `{"recorded":true}`)
	tell("mail-feedback", 0, `{"recorded":true}`)
	tell("mail-feedback.complaint", 0, `{"recorded":true}`)
	tell("get-claim", 200, `"emailStatus":"complained"`)
	tell("send-consent.reminder", 202, `"emailStatus":"sent"`)
	tell("referral-upgrade.request", 409, "not-qualified")
	tell("consent-callback.scan", 200, "")
	tell("consent-callback", 200, `lang="pt-BR"`)
	tell("consent-callback.decision", 422, "statement") // not the one that the page shows
	shown := story.Shown(t, "/consent/"+token, story.Form("accept"))
	all["consent-callback.decision"] = strings.Replace(all["consent-callback.decision"], sampleForm,
		base64.StdEncoding.EncodeToString([]byte(shown.Encode())), 1)
	tell("consent-callback.decision", 303, "")
	tell("consent-callback.decision", 303, "") // again
	tell("consent-callback.receipt", 200, ".")
	tell("notify", 0, `{"sent":2}`) // the receipt to the customer, and a notice to the partner
	tell("notify", 0, `{"sent":0}`) // again
	tell("receipts", 200, `{"receipt":"`)
	streamsAsTheTableHasIt(t, all["referral-upgrade"], claim)
	tell("referral-upgrade", 0, `{"batchItemFailures":[]}`)
	tell("referral-upgrade", 0, `{"batchItemFailures":[]}`) // the stream brings everything at least once
	tell("referral-upgrade.request", 200, `"type":"co-sell"`)
	tell("list-referrals", 200, claim.ID)
	tell("list-referrals.one", 200, `"status":"active"`)
	tell("list-customers", 200, claim.ID)
	tell("list-claims", 200, claim.ID)
	tell("claim-customer", 201, `"origin":"claimed"`)
	tell("submit-claim", 200, `"status":"submitted"`)
	tell("review-claim", 200, `"status":"action-required"`)
	tell("cancel-claim", 200, `"status":"cancelled"`)
	tell("list-referrals.one", 200, `"substatus":"lost"`)
	tell("expiry-sweep", 0, `"expired":0`)
	tell("get-claim", 200, `"eventsIntact":true`)
}

// sampleForm is the body of the decision's sample.
const sampleForm = "ZGVjaXNpb249YWNjZXB0JnN0YXRlbWVudD0zZjJjOWEwZDViN2U0MThjNmExZjBlOWQ4YzdiNmE1ZjRlM2QyYzFiMGE5ZjhlN" +
	"2Q2YzViNGEzZjJlMWQwYzli"

// sentMessage is the ID that SES gave to the first email.
func sentMessage(t *testing.T) string {
	t.Helper()
	for _, request := range localtest.Requests("send-consent") {
		if request.Service == localtest.SESService {
			var sent struct {
				MessageID string `json:"MessageId"`
			}
			if err := json.Unmarshal(request.Answer, &sent); err != nil {
				t.Fatal(err)
			}
			return sent.MessageID
		}
	}
	t.Fatal("no email was sent")
	return ""
}

// streamsAsTheTableHasIt holds the attributes of the stream's sample against those of a claim that has just been
// consented to.
func streamsAsTheTableHasIt(t *testing.T, sample string, claim story.Claim) {
	t.Helper()
	var batch events.DynamoDBEvent
	if err := json.Unmarshal([]byte(sample), &batch); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for name := range batch.Records[0].Change.NewImage {
		got = append(got, name)
	}
	moving := story.Items(t, "PARTNER#"+claim.PartnerID, "CLAIM#"+claim.ID[:26])[0]
	for name := range moving {
		want = append(want, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the stream's sample has the attributes\n%q, and the table\n%q", got, want)
	}
}
