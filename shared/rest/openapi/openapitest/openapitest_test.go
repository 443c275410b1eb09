package openapitest_test

import (
	"net/http"
	"strings"
	"testing"

	"mci.example/customers/shared/rest/openapi/openapitest"
)

// TestAnAnswerThatIsNotAsDescribedIsFound shows that the check can fail, and at what.
func TestAnAnswerThatIsNotAsDescribedIsFound(t *testing.T) {
	const (
		list    = `{"referrals":[]}`
		problem = `{"type":"urn:mci:problem:not-found","title":"Not found","status":404,` +
			`"detail":"There is no such claim.","instance":"1"}`
	)
	for name, answer := range map[string]struct {
		method, path string
		status       int
		header, body string
		wrong        string // "" for none
	}{
		"as described":         {"GET", "/v1/referrals", 200, "Content-Type: application/json", list, ""},
		"a problem":            {"GET", "/v1/claims/x", 404, "Content-Type: application/problem+json", problem, ""},
		"a parameter, escaped": {"GET", "/v1/claims/a%2Fb", 404, "Content-Type: application/problem+json", problem, ""},
		"the gateway's refusal": {"GET", "/v1/claims/x", 401, "Content-Type: application/json",
			`{"message":"Unauthorized"}`, ""},
		"no route":       {"GET", "/v1/nothing", 404, "", "", ""},
		"no body":        {"HEAD", "/consent/x", 200, "", "", ""},
		"not of the API": {"POST", "/local/token", 200, "", "", ""},
		"an undescribed status": {"GET", "/v1/referrals", 404, "Content-Type: application/problem+json", problem,
			"not described to answer 404"},
		"an undescribed route": {"GET", "/v1/nothing", 200, "", "", "not described"},
		"an unknown field": {"GET", "/v1/referrals", 200, "Content-Type: application/json",
			`{"referrals":[],"total":0}`, "additional"},
		"a missing field": {"GET", "/v1/referrals", 200, "Content-Type: application/json", `{}`, "missing"},
		"a wrong type": {"GET", "/v1/referrals", 200, "Content-Type: application/json", `{"referrals":null}`,
			"want array"},
		"another content type": {"GET", "/v1/referrals", 200, "Content-Type: text/html", list, "text/html"},
		"no JSON":              {"GET", "/v1/referrals", 200, "Content-Type: application/json", `{`, "no JSON"},
		"a code of another route": {"GET", "/v1/claims/x", 404, "Content-Type: application/problem+json",
			strings.Replace(problem, "not-found", "wrong-status", 1), "value must be"},
		"a status of another problem": {"GET", "/v1/claims/x", 404, "Content-Type: application/problem+json",
			strings.Replace(problem, "404", "409", 1), "/status"},
		"a mistake without mistakes": {"GET", "/v1/referrals", 422, "Content-Type: application/problem+json",
			`{"type":"urn:mci:problem:invalid","title":"Invalid","status":422,"detail":"It has mistakes.",` +
				`"instance":"1"}`,
			"errors"},
		"a body where there is none": {"HEAD", "/consent/x", 200, "", "<html>", "has one"},
		"a redirect to nowhere":      {"POST", "/consent/x", 303, "", "", "Location"},
		"a wait that is no number": {"GET", "/v1/referrals", 503, "Content-Type: application/json\nRetry-After: soon",
			`{"message":"Service Unavailable"}`, "Retry-After"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), answer.method, "http://api.example"+answer.path,
				nil)
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			for line := range strings.SplitSeq(answer.header, "\n") {
				if name, value, given := strings.Cut(line, ": "); given {
					header.Set(name, value)
				}
			}
			err = openapitest.Check(request, answer.status, header, []byte(answer.body))
			switch {
			case answer.wrong == "" && err != nil:
				t.Error(err)
			case answer.wrong != "" && (err == nil || !strings.Contains(err.Error(), answer.wrong)):
				t.Errorf("%v, which does not say %s", err, answer.wrong)
			}
		})
	}
}
