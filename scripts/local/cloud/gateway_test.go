package cloud

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/scripts/local/issuer"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// event is what the function got for a request.
func event(t *testing.T, method, path, body string, headers ...string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	answer, content := call(t, method, sharedCloud(t).URL()+path, body, headers...)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("answered %d %s", answer.StatusCode, content)
	}
	return decode[events.APIGatewayV2HTTPRequest](t, content)
}

func bearer(t *testing.T, roles ...string) []string {
	t.Helper()
	token, err := sharedCloud(t).Token("user-1", "partner-1", roles...)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"Authorization", "Bearer " + token}
}

func TestPayloadFormat(t *testing.T) {
	headers := append(bearer(t, "incentives-user", "program-admin"), "X-Twice", "1", "X-Twice", "2", "Cookie",
		"a=1; b=2", "User-Agent", "test", "Content-Type", "application/json")
	got := event(t, "POST", "/v1/things/caf%C3%A9%20x/parts?q=a&q=b&empty=&c=%20d", `{"ä":1}`, headers...)
	c := sharedCloud(t)
	host := strings.TrimPrefix(c.URL(), "http://")
	for name, is := range map[string][2]any{
		"version":         {got.Version, "2.0"},
		"route key":       {got.RouteKey, "POST /v1/things/{thingId}/parts"},
		"raw path":        {got.RawPath, "/v1/things/café x/parts"},
		"raw query":       {got.RawQueryString, "q=a&q=b&empty=&c=%20d"},
		"query":           {got.QueryStringParameters, map[string]string{"q": "a,b", "empty": "", "c": " d"}},
		"path parameters": {got.PathParameters, map[string]string{"thingId": "café x"}},
		"cookies":         {got.Cookies, []string{"a=1", "b=2"}},
		"cookie header":   {got.Headers["cookie"], ""},
		"repeated header": {got.Headers["x-twice"], "1,2"},
		"host":            {got.Headers["host"], host},
		"forwarded for":   {got.Headers["x-forwarded-for"], "127.0.0.1"},
		"body":            {got.Body, `{"ä":1}`},
		"base64":          {got.IsBase64Encoded, false},
		"stage":           {got.RequestContext.Stage, "$default"},
		"domain":          {got.RequestContext.DomainName, "127.0.0.1"},
		"account":         {got.RequestContext.AccountID, Account},
		"method":          {got.RequestContext.HTTP.Method, "POST"},
		"path":            {got.RequestContext.HTTP.Path, "/v1/things/café x/parts"},
		"protocol":        {got.RequestContext.HTTP.Protocol, "HTTP/1.1"},
		"source":          {got.RequestContext.HTTP.SourceIP, "127.0.0.1"},
		"user agent":      {got.RequestContext.HTTP.UserAgent, "test"},
	} {
		if !reflect.DeepEqual(is[0], is[1]) {
			t.Errorf("%s is %#v instead of %#v", name, is[0], is[1])
		}
	}
	if got.RequestContext.RequestID == "" || got.RequestContext.TimeEpoch == 0 ||
		!strings.HasSuffix(got.RequestContext.Time, " +0000") {
		t.Errorf("the request context is %+v", got.RequestContext)
	}
	claims := got.RequestContext.Authorizer.JWT.Claims
	for name, want := range map[string]string{"sub": "user-1", issuer.PartnerClaim: "partner-1",
		issuer.RolesClaim: "[incentives-user program-admin]", "token_use": "id", "iss": c.Issuer(), "aud": ClientID} {
		if claims[name] != want {
			t.Errorf("claim %s is %q instead of %q", name, claims[name], want)
		}
	}
	if len(claims["exp"]) != 10 || strings.ContainsAny(claims["exp"], ".e") {
		t.Errorf("exp is %s, not a number's digits", claims["exp"])
	}
}

func TestTheClientsAddress(t *testing.T) {
	url := sharedCloud(t).URL()
	_, content := call(t, "POST", url+"/open/x", `{"do":"environment"}`, "Content-Type", "application/json")
	var inside string
	for _, variable := range decode[struct{ Environment []string }](t, content).Environment {
		if address, found := strings.CutPrefix(variable, platform.APIURL+"="); found {
			inside = address
		}
	}
	for name, test := range map[string]struct {
		url               string
		given             []string
		source, forwarded string
	}{
		"of the connection": {url, nil, "127.0.0.1", "127.0.0.1"},
		"as it is given":    {url, []string{"203.0.113.7"}, "203.0.113.7", "203.0.113.7"},
		"of IPv6":           {url, []string{"2001:DB8::1"}, "2001:db8::1", "2001:DB8::1"},
		"the last one, which the others sent": {url, []string{"10.1.1.1,nonsense", "203.0.113.7"}, "203.0.113.7",
			"10.1.1.1, nonsense, 203.0.113.7"},
		"of the connection after nonsense": {url, []string{"203.0.113.7, nonsense"}, "127.0.0.1",
			"203.0.113.7, nonsense, 127.0.0.1"},
		"of a function":              {inside, nil, "127.0.0.2", "127.0.0.2"},
		"of a function for somebody": {inside, []string{"203.0.113.7"}, "127.0.0.2", "203.0.113.7, 127.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			for _, value := range test.given {
				headers = append(headers, "X-Forwarded-For", value)
			}
			answer, content := call(t, "GET", test.url+"/open/x", "", headers...)
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("answered %d %s", answer.StatusCode, content)
			}
			got := decode[events.APIGatewayV2HTTPRequest](t, content)
			if got.RequestContext.HTTP.SourceIP != test.source || got.Headers["x-forwarded-for"] != test.forwarded ||
				"http://"+got.Headers["host"] != url {
				t.Errorf("from %s, forwarded for %q, to %s", got.RequestContext.HTTP.SourceIP,
					got.Headers["x-forwarded-for"], got.Headers["host"])
			}
		})
	}
	if answer, _ := call(t, "GET", inside+"/local/clock", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("functions reach what only people have: %d", answer.StatusCode)
	}
}

func TestBodiesThatAreNotTextComeInBase64(t *testing.T) {
	for kind, encoded := range map[string]bool{
		"application/json":                  false,
		"application/json; charset=utf-8":   false,
		"text/plain":                        false,
		"application/xml":                   false,
		"application/x-www-form-urlencoded": true,
		"application/octet-stream":          true,
		"application/problem+json":          true,
		"":                                  true,
	} {
		t.Run(kind, func(t *testing.T) {
			got := event(t, "POST", "/open/x", "a=b", "Content-Type", kind)
			want := "a=b"
			if encoded {
				want = base64.StdEncoding.EncodeToString([]byte(want))
			}
			if got.IsBase64Encoded != encoded || got.Body != want {
				t.Errorf("the body is %q, base64 %t", got.Body, got.IsBase64Encoded)
			}
		})
	}
}

// The event is JSON in UTF-8: in it, such bytes would have become other characters, unseen.
func TestABodyThatIsNotUTF8ComesInBase64(t *testing.T) {
	got := event(t, "POST", "/open/x", "a\xff", "Content-Type", "application/json")
	if want := base64.StdEncoding.EncodeToString([]byte("a\xff")); !got.IsBase64Encoded || got.Body != want {
		t.Errorf("the body is %q, base64 %t", got.Body, got.IsBase64Encoded)
	}
}

func TestRoutes(t *testing.T) {
	token := bearer(t, "field-seller")
	for name, test := range map[string]struct {
		method, path string
		status       int
	}{
		"an unknown path is not found":         {"GET", "/v1/nothing", 404},
		"another method is not found":          {"DELETE", "/v1/things", 404},
		"HEAD is not GET":                      {"HEAD", "/v1/things", 404},
		"a slash at the end is another path":   {"GET", "/v1/things/", 404},
		"an empty parameter is no parameter":   {"GET", "/open/", 404},
		"a parameter is one segment":           {"GET", "/open/a/b", 404},
		"a public route needs no token":        {"GET", "/open/a", 200},
		"unknown paths are found out unsigned": {"GET", "/", 404},
	} {
		t.Run(name, func(t *testing.T) {
			if answer, body := call(t, test.method, sharedCloud(t).URL()+test.path, "",
				token...); answer.StatusCode != test.status {
				t.Errorf("answered %d %s", answer.StatusCode, body)
			}
		})
	}
	if got := event(t, "GET", "/open/a", ""); got.RequestContext.Authorizer != nil {
		t.Error("a public route has an authorizer")
	}
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer string // what the function answers
		status int
		body   string
		header http.Header
	}{
		"as it says": {`{"statusCode":201,"headers":{"x-a":"b","x-n":1},"cookies":["a=1","b=2"],"body":"hello"}`, 201,
			"hello",
			http.Header{"X-A": {"b"}, "X-N": {"1"}, "Set-Cookie": {"a=1", "b=2"},
				"Content-Type": {"text/plain;charset=UTF-8"}, "Content-Length": {"5"}}},
		"base64 is decoded": {`{"statusCode":200,"body":"aGVsbG8=","isBase64Encoded":true}`, 200, "hello", nil},
		"wrong base64 is an error": {`{"statusCode":200,"body":"%","isBase64Encoded":true}`, 500,
			`{"message":"Internal Server Error"}`, nil},
		"a status in quotes is one":    {`{"statusCode":"204"}`, 204, "", nil},
		"a status of nonsense is none": {`{"statusCode":"many"}`, 500, `{"message":"Internal Server Error"}`, nil},
		"without a status it is JSON":  {`{"a":1}`, 200, `{"a":1}`, http.Header{"Content-Type": {"application/json"}}},
		"a string is the body":         {`"hello"`, 200, "hello", http.Header{"Content-Type": {"application/json"}}},
	} {
		t.Run(name, func(t *testing.T) {
			// The body is an order that is also the answer: {"do":"answer", …}.
			body := `{"do":"answer","answer":` + test.answer + `}`
			answer, content := call(t, "POST", sharedCloud(t).URL()+"/open/x", body, "Content-Type", "application/json")
			if answer.StatusCode != test.status || content != test.body {
				t.Errorf("answered %d %s", answer.StatusCode, content)
			}
			for name, values := range test.header {
				if !reflect.DeepEqual(answer.Header[name], values) {
					t.Errorf("header %s is %q", name, answer.Header[name])
				}
			}
		})
	}
}

func TestFailuresShowNothing(t *testing.T) {
	for _, do := range []string{`{"do":"fail"}`, `{"do":"panic"}`, `{"do":"exit"}`, `{"do":"wait","wait":"1h"}`} {
		answer, body := call(t, "POST", sharedCloud(t).URL()+"/open/x", do, "Content-Type", "application/json")
		if answer.StatusCode != 500 || body != `{"message":"Internal Server Error"}` {
			t.Errorf("%s answered %d %s", do, answer.StatusCode, body)
		}
	}
}

func TestLimits(t *testing.T) {
	url := sharedCloud(t).URL() + "/open/x"
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"5 MB of text pass":              {strings.Repeat("a", 5<<20), []string{"Content-Type", "text/plain"}, 200},
		"more than 10 MB do not":         {strings.Repeat("a", 10<<20+1), []string{"Content-Type", "text/plain"}, 413},
		"more than Lambda takes neither": {strings.Repeat("a", 7<<20), []string{"Content-Type", "text/plain"}, 413},
		"headers of 11 kB do not":        {"", []string{"X-Long", strings.Repeat("a", 11000)}, 431},
	} {
		t.Run(name, func(t *testing.T) {
			if answer, _ := call(t, "POST", url, test.body, test.headers...); answer.StatusCode != test.status {
				t.Errorf("answered %d", answer.StatusCode)
			}
		})
	}
}

func TestMatchRoute(t *testing.T) {
	routes := []rest.Route{
		{Method: "GET", Path: "/", Function: "root"},
		{Method: "GET", Path: "/v1/claims/{claimId}/events/{seq}", Function: "event"},
		{Method: "GET", Path: "/portal", Function: "home"},
		{Method: "GET", Path: "/portal/{proxy+}", Function: "pages"},
		{Method: "HEAD", Path: "/portal/{proxy+}", Function: "heads"},
		{Method: "GET", Path: "/.well-known/jwks.json", Function: "keys"},
	}
	for name, test := range map[string]struct {
		method, path, function string
		parameters             map[string]string
	}{
		"a parameter is decoded": {"GET", "/v1/claims/a%2Fb/events/1", "event",
			map[string]string{"claimId": "a/b", "seq": "1"}},
		"the root":          {"GET", "/", "root", map[string]string{}},
		"a path with a dot": {"GET", "/.well-known/jwks.json", "keys", map[string]string{}},
		"a greedy parameter takes one segment": {"GET", "/portal/claims", "pages",
			map[string]string{"proxy": "claims"}},
		"or all that follow, decoded": {"GET", "/portal/claims/a%20b/consent", "pages",
			map[string]string{"proxy": "claims/a b/consent"}},
		"even an empty one at the end": {"GET", "/portal/claims/", "pages",
			map[string]string{"proxy": "claims/"}},
		"but not none": {"GET", "/portal/", "", nil},
		"the path before it is a route of its own": {"GET", "/portal", "home", map[string]string{}},
		"each method has its own": {"HEAD", "/portal/claims", "heads",
			map[string]string{"proxy": "claims"}},
		"and no other's": {"HEAD", "/portal", "", nil},
	} {
		route, parameters, found := matchRoute(routes, test.method, test.path)
		if found != (test.function != "") || route.Function != test.function || !reflect.DeepEqual(parameters,
			test.parameters) {
			t.Errorf("%s: found %t %s with %v", name, found, route.Function, parameters)
		}
	}
}
