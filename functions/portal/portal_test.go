package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// reader is a browser without script: it keeps cookies and follows redirects.
type reader struct {
	*http.Client
	t   *testing.T
	url string // of the portal
}

// answer is a page as it came.
type answer struct {
	status int
	header http.Header
	body   string
	url    *url.URL
}

func newReader(t *testing.T) reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return reader{&http.Client{Jar: jar, Timeout: time.Minute}, t, localtest.URL()}
}

// as gives a reader with the session of a user, as signing in would have left it.
func as(t *testing.T, token string) reader {
	t.Helper()
	r := newReader(t)
	address, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	r.Jar.SetCookies(address, []*http.Cookie{{Name: idTokenCookie, Value: token, Path: "/"}})
	return r
}

func (r reader) send(method, path string, form url.Values, headers ...string) answer {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", r.url)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			request.Header.Del(headers[i])
		}
	}
	response, err := r.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body), response.Request.URL}
}

func (r reader) get(path string) answer { r.t.Helper(); return r.send(http.MethodGet, path, nil) }

// expect fails the test unless the page has the status and says all of it.
func (a answer) expect(t *testing.T, status int, said ...string) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("%s is answered %d, not %d: %.400s", a.url, a.status, status, a.body)
	}
	for _, part := range said {
		if !strings.Contains(a.body, part) {
			t.Errorf("%s does not say %q: %.2000s", a.url, part, a.body)
		}
	}
	return a
}

// stay has the reader follow no redirect.
func (r reader) stay() reader {
	client := *r.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r.Client = &client
	return r
}

var hiddenRequest = regexp.MustCompile(`name="request" value="([^"]*)"`)

func TestP1_SigningInAndOut(t *testing.T) {
	r := newReader(t)
	r.stay().get("/").expect(t, http.StatusSeeOther)
	issuers := r.get("/portal/engagements?x=1").expect(t, 200, "Sign in")
	asked := hiddenRequest.FindStringSubmatch(issuers.body)
	if asked == nil {
		t.Fatalf("the issuer shows no form: %s", issuers.body)
	}
	form := url.Values{"request": {strings.ReplaceAll(asked[1], "&amp;", "&")}, "person": {"ana@northwind"}}
	at := r.send("POST", "/local/issuer/sign-in", form).expect(t, 200, "Ana", "Sign out")
	if at.url.RequestURI() != "/portal/engagements?x=1" {
		t.Errorf("signing in leads to %s", at.url)
	}
	if at.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page may be kept: %q", at.header)
	}
	if strings.Contains(at.body, "eyJ") {
		t.Error("the page holds a token")
	}
	out := r.send("POST", "/portal/sign-out", nil).expect(t, 200, "Sign in")
	if !strings.HasPrefix(out.url.Path, "/local/issuer/") {
		t.Errorf("signing out leads to %s", out.url)
	}
	r.get("/portal").expect(t, 200, "One of the sample")
}

func TestP1_CookiesOfASessionAreOutOfReach(t *testing.T) {
	for _, publicURL := range []string{"http://127.0.0.1:8080", "https://portal.example"} {
		p := &portal{publicURL: publicURL}
		recorder := httptest.NewRecorder()
		v := &visit{p: p, w: recorder, r: httptest.NewRequest("GET", "/portal", nil)}
		v.keep(tokens{id: strings.Repeat("a", 4500), refresh: strings.Repeat("b", 2000)})
		cookies := recorder.Result().Cookies()
		if len(cookies) != 3 {
			t.Errorf("%d cookies hold the session: %v", len(cookies), cookies)
		}
		for _, cookie := range cookies {
			encrypted := strings.HasPrefix(publicURL, "https")
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" ||
				cookie.Secure != encrypted ||
				strings.HasPrefix(cookie.Name, "__Host-") != encrypted || len(cookie.Value) > 4000 {
				t.Errorf("over %s a cookie is %s", publicURL, cookie)
			}
		}
	}
}

func TestP1_AnAnswerOfAnotherSignInIsRefused(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	r.get("/portal/callback?code=x&state=y").expect(t, 400, "Signing in did not work")
	begun := r.stay().get("/portal/sign-in?to=//evil.example").expect(t, 303)
	address, err := url.Parse(begun.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if query.Get(name) == "" {
			t.Errorf("the issuer is asked without %s: %s", name, address)
		}
	}
	r.get("/portal/callback?code=x&state=other").expect(t, 400)
	r.stay().get("/portal/sign-in")
	r.get("/portal/callback?code=x&state="+query.Get("state")).expect(t, 400) // of the first attempt
	begun = r.stay().get("/portal/sign-in").expect(t, 303)
	address, _ = url.Parse(begun.header.Get("Location"))
	r.get("/portal/callback?code=x&iss=https://evil.example&state="+address.Query().Get("state")).expect(t, 400)
	begun = r.stay().get("/portal/sign-in").expect(t, 303)
	address, _ = url.Parse(begun.header.Get("Location"))
	r.get("/portal/callback?code=never-issued&state="+address.Query().Get("state")).expect(t, 400)
}

func TestP12_APostNeedsProofThatThisPageSentIt(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	r := as(t, p.Token)
	for _, path := range []string{"/portal/sign-out", "/portal/language", "/portal/claims/x/consent",
		"/portal/claims/x/cancellation", "/portal/claims/x/review",
		"/portal/claims/x/submission", "/portal/referrals/x/upgrade", "/portal"} {
		for name, headers := range map[string][]string{
			"another site's page":   {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
			"another origin":        {"Origin", "https://evil.example"},
			"a sandboxed page":      {"Origin", "null"},
			"neither header":        {"Origin", ""},
			"a page of a same site": {"Origin", "", "Sec-Fetch-Site", "same-site"},
		} {
			if a := r.stay().send("POST", path, url.Values{"go": {"send"}}, headers...); a.status != http.StatusForbidden {
				t.Errorf("a POST to %s of %s is answered %d", path, name, a.status)
			}
		}
	}
}

func TestWhatIsAnotherPartnersIsNotFoundOnEveryPage(t *testing.T) {
	t.Parallel()
	p, other, e := story.NewPartner(t), story.NewPartner(t), story.Engagement(t, nil)
	theirs := other.Add(t, story.NewCustomer(t, e), e)
	r := as(t, p.Token)
	for _, path := range []string{"", "/consent", "/submission", "/cancellation", "/receipt"} {
		a := r.get("/portal/claims/"+theirs.ID+path).expect(t, 404, "Page not found")
		if strings.Contains(a.body, theirs.FriendlyName) {
			t.Errorf("the page tells of %s", theirs.FriendlyName)
		}
	}
	r.get("/portal/claims/nothing").expect(t, 404)
	r.get("/portal/nowhere").expect(t, 404)
	r.get("/portal/referrals").expect(t, 403, "Not allowed")
	r.get("/portal/engagements/nothing/customers").expect(t, 404)
	if a := r.send("HEAD", "/portal/claims", nil); a.status != 200 || a.body != "" {
		t.Errorf("HEAD is answered %d %q", a.status, a.body)
	}
}

func TestHostileNamesStayTextOnEveryPageAndInEveryFile(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, e)
	name := `=HYPERLINK("x")<script>alert(1)</script>"'&`
	body := p.Nomination(c, c.By(mci.TenantID), []string{e}, story.Object{"friendlyName": name})
	claim := story.Born(t, localtest.Call(t, "POST", "/v1/customers", p.Token, body))[0]
	r := as(t, p.Token)
	for _, path := range []string{"/portal/claims", "/portal/claims/" + claim.ID, "/portal/engagements/" + e +
		"/customers", "/portal/claims/" + claim.ID + "/consent",
		"/portal/claims/" + claim.ID + "/cancellation"} {
		if a := r.get(path).expect(t, 200, "=HYPERLINK"); strings.Contains(a.body, "<script>alert") {
			t.Errorf("%s lets a script in", path)
		}
	}
	for _, path := range []string{"/portal/claims.csv", "/portal/engagements/" + e + "/customers.csv?tab=eligible"} {
		a := r.get(path).expect(t, 200, "\"'=HYPERLINK")
		if !strings.HasPrefix(a.body, "\ufeff") || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") {
			t.Errorf("%s is %q %.40q", path, a.header, a.body)
		}
	}
}

// An interrupted session loses nothing that was typed.
func TestP1_AFormPostedAfterTheSessionsEndWaits(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]reader{"no session": newReader(t), "a token that has ended": as(t,
		unsigned(time.Now().Add(-time.Hour))), "a token of nobody": as(t, unsigned(time.Now().Add(time.Hour)))} {
		form := url.Values{"reason": {"Typed with <care>"}, "step": {""}, "go": {"send"}, "key": {"k"}}
		a := r.stay().send("POST", "/portal/claims/x/cancellation", form).expect(t, 401, "Typed with &lt;care&gt;",
			"Continue", "Sign in")
		if strings.Contains(a.url.RawQuery, "Typed") {
			t.Errorf("%s: what was typed is in an address", name)
		}
	}
}

// unsigned is a token that the API does not take.
func unsigned(ends time.Time) string {
	payload, _ := json.Marshal(map[string]any{"sub": "mallory", "exp": ends.Unix(),
		"cognito:groups": []string{"incentives-admin"}})
	return "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".x"
}

func TestP11_TheLanguageIsTheUsersThenTheBrowsersThenEnglish(t *testing.T) {
	t.Parallel()
	r := as(t, story.NewPartner(t).Token)
	r.send("GET", "/portal/engagements", nil, "Accept-Language", "pt-PT").expect(t, 200, `lang="pt-BR"`, "Engajamentos")
	r.send("POST", "/portal/language", url.Values{"language": {"tr"}, "to": {"/portal/engagements?x=1"}}).expect(t, 200,
		`lang="tr"`)
	r.send("GET", "/portal/engagements", nil, "Accept-Language", "pt-PT").expect(t, 200, `lang="tr"`)
	newReader(t).stay().send("POST", "/portal/language", url.Values{"language": {"xx"},
		"to": {"https://evil.example"}}).expect(t, 303)
}

// A page says so where the API fails, is slow, is throttled or answers nonsense, and keeps what was typed.
func TestPagesSayWhatTheAPIDoes(t *testing.T) {
	t.Parallel()
	claim := `{"id":"c","friendlyName":"A claim","status":"consented","actions":["cancel-claim"],"customer":{"id":"x","name":"Contoso","country":"US"},"payout":{"amount":"1.00","currency":"USD"}}`
	for _, c := range []struct {
		name         string
		fail         http.HandlerFunc
		status       int
		said, header string
	}{
		{"throttling", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
			fmt.Fprint(w, `{"message":"Too Many Requests"}`)
		}, 429, "7 seconds", "7"},
		{"asking to try again", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(503)
			fmt.Fprint(w, `{"type":"urn:mci:problem:try-again","status":503,"detail":"Again."}`)
		}, 503, "1 seconds", "1"},
		{"failing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 502, "could not answer", ""},
		{"nonsense", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, 502, "could not answer", ""},
		{"breaking off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "could not answer",
			""},
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/claims/c") {
				fmt.Fprint(w, claim)
				return
			}
			c.fail(w, r)
		}))
		t.Cleanup(api.Close)
		p := &portal{publicURL: "http://127.0.0.1", apiURL: api.URL, client: newAPIClient(), now: time.Now,
			roles: "cognito:groups"}
		p.issuer = newIssuer("http://127.0.0.1:1", "portal", p.publicURL, "")
		ask := func(method, path string, form url.Values) *http.Response {
			request := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Sec-Fetch-Site", "same-origin")
			request.AddCookie(&http.Cookie{Name: idTokenCookie, Value: unsigned(time.Now().Add(time.Hour))})
			recorder := httptest.NewRecorder()
			p.handler().ServeHTTP(recorder, request)
			return recorder.Result()
		}
		for _, page := range []*http.Response{
			ask("GET", "/portal/claims", nil),
			ask("POST", "/portal/claims/c/cancellation", url.Values{"reason": {"Typed with care"}, "go": {"send"},
				"key": {"k"}}),
		} {
			body, err := io.ReadAll(page.Body)
			if err != nil {
				t.Fatal(err)
			}
			if page.StatusCode != c.status || !strings.Contains(string(body), c.said) ||
				page.Header.Get("Retry-After") != c.header {
				t.Errorf("%s: %d %q %s", c.name, page.StatusCode, page.Header.Get("Retry-After"), body)
			}
			if strings.Contains(string(body), "<form") && strings.Contains(string(body), "reason") &&
				!strings.Contains(string(body), "Typed with care") {
				t.Errorf("%s: what was typed is lost", c.name)
			}
		}
	}
}
