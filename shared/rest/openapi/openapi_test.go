package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

func TestTheDescriptionIsOpenAPI31(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1.") {
		t.Errorf("it is of version %s", document.OpenAPI)
	}
	// Examples and default values are held against their schemas too.
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
}

func TestTheDescriptionIsFormattedOneWay(t *testing.T) {
	var formatted bytes.Buffer
	if err := json.Indent(&formatted, openapi.Document, "", "  "); err != nil {
		t.Fatal(err)
	}
	if formatted.String() != string(openapi.Document) {
		t.Error("openapi.json is not as json.Indent with two spaces has it, with one line end behind it")
	}
}

func operations(t *testing.T) map[string]openapitest.Operation {
	t.Helper()
	all, err := openapitest.Operations()
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[string]openapitest.Operation{}
	for _, operation := range all {
		byKey[operation.Method+" "+operation.Path] = operation
	}
	return byKey
}

func TestEveryRouteIsDescribedAndNothingElse(t *testing.T) {
	described := operations(t)
	for _, route := range rest.Routes {
		operation, found := described[route.Key()]
		if !found {
			t.Errorf("%s is not described", route.Key())
			continue
		}
		delete(described, route.Key())

		var roles []mci.Role
		for _, alternative := range operation.Roles {
			if len(alternative) != 1 {
				t.Errorf("%s: each alternative of its security is one role, not %q", route.Key(), alternative)
				continue
			}
			roles = append(roles, mci.Role(alternative[0]))
		}
		if got, want := sorted(roles), sorted(route.Roles); !slices.Equal(got, want) {
			t.Errorf("%s is described for %q, and open to %q", route.Key(), got, want)
		}

		var query, path, header []string
		for _, parameter := range operation.Parameters {
			list := map[string]*[]string{"query": &query, "path": &path, "header": &header}[parameter.In]
			if list == nil {
				t.Errorf("%s: %s is in %s", route.Key(), parameter.Name, parameter.In)
				continue
			}
			*list = append(*list, parameter.Name)
		}
		if got, want := sorted(query), sorted(route.Query); !slices.Equal(got, want) {
			t.Errorf("%s is described with the query parameters %q, and knows %q", route.Key(), got, want)
		}
		var inPath []string
		for _, match := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(route.Path, -1) {
			inPath = append(inPath, match[1])
		}
		if got, want := sorted(path), sorted(inPath); !slices.Equal(got, want) {
			t.Errorf("%s is described with %q in its path", route.Key(), got)
		}
		if got := slices.Contains(header, "Idempotency-Key"); got != route.TakesIdempotencyKey() {
			t.Errorf("%s is described to take an Idempotency-Key: %v", route.Key(), got)
		}
		if got := operation.BodySchema != ""; got != (route.Method == "POST" && !route.Public()) {
			t.Errorf("%s is described to take a JSON body: %v", route.Key(), got)
		}
	}
	for key := range described {
		t.Errorf("%s is described, and is no route", key)
	}
}

func sorted[T ~string](words []T) []T {
	words = slices.Clone(words)
	slices.Sort(words)
	return words
}

func TestOperationIDsAreDistinct(t *testing.T) {
	seen := map[string]string{}
	for key, operation := range operations(t) {
		if other, twice := seen[operation.ID]; twice || operation.ID == "" {
			t.Errorf("%s and %s have the operation ID %q", key, other, operation.ID)
		}
		seen[operation.ID] = key
	}
}

// TestEveryListOfWordsIsTheCodes compares what stands in the document with what stands in the code, so that each can be
// read by itself and neither can run ahead.
func TestEveryListOfWordsIsTheCodes(t *testing.T) {
	for pointer, want := range map[string][]string{
		"/components/schemas/Status":                            words(mci.Statuses),
		"/components/schemas/CustomerIDType":                    words(mci.IDTypes),
		"/components/schemas/EventType":                         words(mci.EventTypes),
		"/components/schemas/ReferralType":                      words(mci.ReferralTypes),
		"/components/schemas/PayType":                           {string(mci.Fixed), string(mci.Variable)},
		"/components/schemas/ReviewRequest/properties/decision": words(mci.ReviewDecisions),
		"/components/schemas/ClaimFields/properties/origin":     {string(mci.Added), string(mci.Claimed)},
		"/components/schemas/EngagementFields/properties/state": {string(mci.Active), string(mci.Upcoming),
			string(mci.Ended)},
		"/components/parameters/state/schema": {string(mci.Active), string(mci.Upcoming), string(mci.Ended)},
		"/components/schemas/ReferralFields/properties/status": {string(mci.ReferralNew), string(mci.ReferralActive),
			string(mci.ReferralIsOver)},
		"/components/schemas/MoneyRequest/properties/currency": {mci.Currency},
		"/components/schemas/EmailStatus":                      words(mci.EmailStatuses),
		"/components/schemas/Action": words([]mci.Action{mci.ActionClaimCustomer,
			mci.ActionSendConsent, mci.ActionResendConsent, mci.ActionSubmitClaim, mci.ActionCancelClaim,
			mci.ActionReviewClaim}),
		"/components/schemas/ReasonCode": words(reasonCodes),
		"/paths/~1consent~1{token}/post/requestBody/content/application~1x-www-form-urlencoded/schema/properties/" +
			"decision": {
			"accept", "decline"},
	} {
		schema, err := openapitest.Schema(pointer)
		if err != nil {
			t.Fatal(err)
		}
		listed, _ := schema["enum"].([]any)
		got := make([]string, len(listed))
		for i, word := range listed {
			got[i] = fmt.Sprint(word)
		}
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%s lists %q, and the code knows %q", pointer, got, want)
		}
	}
}

var reasonCodes = []mci.ReasonCode{
	mci.ReasonEngagementNotActive, mci.ReasonIDTypeNotAccepted, mci.ReasonLocationNotEnrolled,
	mci.ReasonLocationNotEligible,
	mci.ReasonCriteriaNotMet, mci.ReasonOpportunityClosed, mci.ReasonOpportunityOfAnother, mci.ReasonHoursOutOfRange,
	mci.ReasonClaimExists, mci.ReasonActiveLimitReached, mci.ReasonAllowedLimitReached, mci.ReasonConsentedToAnother,
	mci.ReasonEngagedWithAnother, mci.ReasonIDOfAnotherCustomer,
}

func words[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}

// TestEveryFieldHasAMeaningAndAnExample looks at all parameters, and at all fields of all bodies. A field that has
// fields of its own, or a list of words, needs no example.
func TestEveryFieldHasAMeaningAndAnExample(t *testing.T) {
	schemas, err := openapitest.Schema("/components/schemas")
	if err != nil {
		t.Fatal(err)
	}
	var look func(pointer string, part any)
	look = func(pointer string, part any) {
		schema, _ := part.(map[string]any)
		fields, _ := schema["properties"].(map[string]any)
		for name, field := range fields {
			pointer := pointer + "/properties/" + name
			own, isSchema := field.(map[string]any)
			referred, err := openapitest.Resolve(field)
			if err != nil {
				t.Fatal(err)
			}
			if !isSchema {
				continue // it is forbidden here
			}
			if own["description"] == nil && referred["description"] == nil {
				t.Errorf("%s has no meaning", pointer)
			}
			examples, _ := own["examples"].([]any)
			for _, example := range examples {
				if err := openapitest.Fits(pointer, example); err != nil {
					t.Errorf("the example of %s: %v", pointer, err)
				}
			}
			shows := func(keyword string) bool { return own[keyword] != nil || referred[keyword] != nil }
			if !slices.ContainsFunc([]string{"examples", "enum", "const", "properties", "items", "allOf", "oneOf"},
				shows) && referred["type"] != "boolean" {
				t.Errorf("%s has no example", pointer)
			}
			if own["$ref"] == nil {
				look(pointer, field)
			}
		}
		if items := schema["items"]; items != nil {
			look(pointer+"/items", items)
		}
		for _, keyword := range []string{"allOf", "oneOf"} {
			parts, _ := schema[keyword].([]any)
			for i, part := range parts {
				look(fmt.Sprintf("%s/%s/%d", pointer, keyword, i), part)
			}
		}
	}
	for name, schema := range schemas {
		look("/components/schemas/"+name, schema)
	}
	parameters, err := openapitest.Schema("/components/parameters")
	if err != nil {
		t.Fatal(err)
	}
	for name, parameter := range parameters {
		pointer := "/components/parameters/" + name
		said, _ := parameter.(map[string]any)
		if said["description"] == nil {
			t.Errorf("%s has no meaning", pointer)
		}
		if err := openapitest.Fits(pointer+"/schema", said["example"]); err != nil {
			t.Errorf("the example of %s: %v", pointer, err)
		}
	}
}

func TestEverySuccessHasAWholeExample(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				answer := response.Value.Content["application/json"]
				isSuccess := strings.HasPrefix(status, "2") && path != "/v1/openapi.json"
				if isSuccess && answer != nil && answer.Example == nil {
					t.Errorf("%s %s: the answer %s has no example", method, path, status)
				}
			}
		}
	}
}

// refusals are the codes that single routes refuse by, beside those of all routes of their kind. That each of a POST's
// does come, the tests of the whole system hold, and that no answer has another code, every test does.
var refusals = map[string][]mci.Code{
	"POST /v1/eligibility-checks": {mci.CustomerNotFound, mci.TenantNotFound},
	"POST /v1/customers": {mci.LocationNotGranted, mci.ClaimExists, mci.CustomerNotFound, mci.TenantNotFound,
		mci.SingleEngagementOnly, mci.HoursRequired, mci.MismatchReasonRequired, mci.NotEligible},
	"POST /v1/customers/{customerId}/claims": {mci.LocationNotGranted, mci.ClaimExists, mci.CustomerNotFound,
		mci.SingleEngagementOnly, mci.HoursRequired, mci.MismatchReasonRequired, mci.NotEligible},
	"POST /v1/claims/{claimId}/consent-previews": {mci.LocationNotGranted, mci.WrongStatus, mci.MismatchReasonRequired,
		mci.RecipientOptedOut},
	"POST /v1/claims/{claimId}/consent-requests": {mci.LocationNotGranted, mci.WrongStatus, mci.DealSizeImmutable,
		mci.DisclaimerChanged, mci.MismatchReasonRequired, mci.DisclaimerRequired, mci.DealSizeRequired,
		mci.RecipientOptedOut, mci.MailUnavailable},
	"POST /v1/claims/{claimId}/submission":    {mci.LocationNotGranted, mci.WrongStatus},
	"POST /v1/claims/{claimId}/cancellation":  {mci.LocationNotGranted, mci.WrongStatus},
	"POST /v1/claims/{claimId}/review":        {mci.OwnClaim, mci.WrongStatus},
	"POST /v1/referrals/{referralId}/upgrade": {mci.NotQualified},
}

func TestEveryOperationListsTheProblemsThatItGivesAndWhenTheyCome(t *testing.T) {
	for key, operation := range operations(t) {
		at := slices.IndexFunc(rest.Routes, func(r rest.Route) bool { return r.Key() == key })
		if strings.HasPrefix(operation.Path, "/consent/") || at < 0 {
			continue // its problems are pages
		}
		route := rest.Routes[at]
		want := append([]mci.Code{mci.Invalid, mci.TooManyRequests, mci.Internal}, refusals[key]...)
		if !route.Public() {
			want = append(want, mci.Unauthenticated, mci.Forbidden)
		}
		if route.Function != "openapi" {
			want = append(want, mci.TryAgain)
		}
		if route.Method == "POST" {
			want = append(want, mci.Malformed, mci.TooLarge, mci.UnsupportedMediaType)
		}
		if route.TakesIdempotencyKey() {
			want = append(want, mci.IdempotencyKeyReused)
		}
		if strings.Contains(route.Path, "{") {
			want = append(want, mci.NotFound)
		}
		var got []mci.Code
		for _, status := range operation.Statuses() {
			for _, kind := range operation.Types(status) {
				code := mci.Code(strings.TrimPrefix(kind, "urn:mci:problem:"))
				got = append(got, code)
				if !strings.Contains(operation.Description(status), "`"+string(code)+"`: ") {
					t.Errorf("%s does not say when it answers %s", key, code)
				}
			}
		}
		if slices.Sort(want); !slices.Equal(sorted(got), want) {
			t.Errorf("%s lists the problems\n%q, and gives\n%q", key, sorted(got), want)
		}
	}
}

// TestLengthsAreTheCodes holds the lengths of the document against those by which texts are checked.
func TestLengthsAreTheCodes(t *testing.T) {
	for pointer, want := range map[string]int{
		"/components/schemas/Line":                               mci.MaxName,
		"/components/schemas/Reason":                             mci.MaxReason,
		"/components/schemas/SubmissionRequest/properties/notes": mci.MaxNotes,
		"/paths/~1consent~1{token}/post/requestBody/content/application~1x-www-form-urlencoded/schema/properties/" +
			"reason": mci.MaxReason,
	} {
		schema, err := openapitest.Schema(pointer)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(schema["maxLength"]); got != fmt.Sprint(want) {
			t.Errorf("%s has the length %s, and the code %d", pointer, got, want)
		}
	}
}

// TestLinksLead holds every link against the operation that it leads to: each parameter of its path is given, by what
// the request has or by what the example of the response has.
func TestLinksLead(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct {
				Links map[string]struct {
					OperationID, Description string
					Parameters               map[string]string
				}
				Content map[string]struct{ Example any }
			}
		}
	}
	if err := json.Unmarshal(openapi.Document, &document); err != nil {
		t.Fatal(err)
	}
	paths := map[string][]string{}
	for path, methods := range document.Paths {
		for _, operation := range methods {
			for _, match := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				paths[operation.OperationID] = append(paths[operation.OperationID], match[1])
			}
		}
	}
	leads := map[string]bool{}
	for path, methods := range document.Paths {
		for _, operation := range methods {
			for status, response := range operation.Responses {
				for name, link := range response.Links {
					where := operation.OperationID + " " + status + ", link " + name
					leads[link.OperationID] = true
					if got := slices.Sorted(maps.Keys(link.Parameters)); !slices.Equal(got, paths[link.OperationID]) ||
						link.Description == "" {
						t.Errorf("%s gives %q, and %s takes %q", where, got, link.OperationID, paths[link.OperationID])
					}
					for _, expression := range link.Parameters {
						pointer, ofBody := strings.CutPrefix(expression, "$response.body#")
						parameter, ofPath := strings.CutPrefix(expression, "$request.path.")
						switch {
						case ofPath && strings.Contains(path, "{"+parameter+"}"):
						case !ofBody || at(response.Content["application/json"].Example, pointer) == nil:
							t.Errorf("%s: %s is nothing that the call has", where, expression)
						}
					}
				}
			}
		}
	}
	for operation := range paths {
		if !leads[operation] && operation != "headConsentPage" && operation != "showConsentPage" {
			t.Errorf("no link leads to %s", operation)
		}
	}
}

// at gives what a JSON pointer finds in a value, nil for nothing.
func at(value any, pointer string) any {
	for _, name := range strings.Split(pointer, "/")[1:] {
		switch of := value.(type) {
		case map[string]any:
			value = of[name]
		case []any:
			index, err := strconv.Atoi(name)
			if err != nil || index >= len(of) {
				return nil
			}
			value = of[index]
		default:
			return nil
		}
	}
	return value
}
