package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	localissuer "mci.example/customers/scripts/local/issuer"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mci"
)

// request is a method and a path of a route, with an ID in it.
type request struct{ method, path string }

// requests are those that all routes take: GET, POST, or both where a route names no method.
func requests(id string) (all []request) {
	for _, route := range slices.Concat(openRoutes, routes) {
		method, path, named := strings.Cut(route.pattern, " ")
		if !named {
			path = route.pattern
		}
		path = strings.ReplaceAll(path, "{id}", id)
		if path == "/" {
			path = "/portal/nowhere" // what is nobody's
		}
		if named {
			all = append(all, request{method, path})
			continue
		}
		all = append(all, request{"GET", path}, request{"POST", path})
	}
	return all
}

func TestP12_APostNeedsProofThatThisPageSentIt(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	r := as(t, p.Token).stay()
	posts := 0
	for _, request := range requests(claim.ID) {
		if request.method != http.MethodPost {
			continue
		}
		posts++
		for name, headers := range map[string][]string{
			"another site's page":   {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
			"another origin":        {"Origin", "https://evil.example"},
			"a sandboxed page":      {"Origin", "null"},
			"neither header":        {"Origin", ""},
			"a page of a same site": {"Origin", "", "Sec-Fetch-Site", "same-site"},
		} {
			form := url.Values{"go": {"send"}, "decision": {"complete"}, "reason": {"x"}, "key": {"k"},
				"language": {"fr"}}
			a := r.send("POST", request.path, form, headers...).expect(t, http.StatusForbidden, "Not accepted")
			if len(a.header["Set-Cookie"]) > 0 {
				t.Errorf("a POST to %s of %s sets a cookie", request.path, name)
			}
		}
	}
	if posts < 10 {
		t.Errorf("only %d forms were tried", posts)
	}
	if now := p.Get(t, claim.ID); now.Status != string(mci.ConsentNotSent) {
		t.Errorf("the claim became %s", now.Status)
	}
}

func TestWhatIsAnotherPartnersIsNotFoundOnEveryPage(t *testing.T) {
	t.Parallel()
	e := story.Engagement(t, story.WithCoSell(false))
	p, other, c := story.NewPartner(t), story.NewPartner(t), story.NewCustomerNamed(t, story.Name("Secret"), e)
	theirs := other.Consented(t, c, e)
	referral := theirs.ReferralNow(t)
	r := as(t, p.NewUser(t, mci.IncentivesAdmin, mci.IncentivesAdmin, mci.ReferralAdmin))
	tried := 0
	for id, part := range map[string]string{theirs.ID: "/claims/" + theirs.ID, referral.ID: "/referrals/" +
		referral.ID} {
		for _, request := range requests(id) {
			if !strings.Contains(request.path, part) {
				continue
			}
			tried++
			want := 404
			if strings.HasSuffix(request.path, "/review") {
				want = 403 // partners review nothing, not even what is theirs
			}
			form := url.Values{"go": {"send"}, "decision": {"complete"}, "reason": {"x"}, "key": {"k"}}
			a := r.send(request.method, request.path, form).expect(t, want)
			if strings.Contains(a.body, c.Name) || strings.Contains(a.body, theirs.FriendlyName) {
				t.Errorf("%s tells of the claim", request.path)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d pages were tried", tried)
	}
	// A customer who is known to the other partner alone is not named either.
	a := r.send("POST", "/portal/customers/"+c.ID+"/claim?engagement="+e, url.Values{"step": {"nameAndLocation"},
		"go": {"next"}, "friendlyName": {"x"}, "locationId": {p.Location}})
	if a.status != 422 || strings.Contains(a.body, c.Name) {
		t.Errorf("another's customer is answered %d: %s", a.status, a.body)
	}
	for path, want := range map[string]int{"/portal/claims/nothing": 404, "/portal/nowhere": 404, "/portal/review": 403,
		"/portal/engagements/nothing/customers": 404, "/portal/referrals/nothing": 404} {
		r.get(path).expect(t, want)
	}
	for token, path := range map[string]string{story.Program(t): "/portal/claims", p.Token: "/portal/referrals",
		localtest.Token(t, "", story.Name("seller"), mci.FieldSeller): "/portal/engagements/" + e + "/customers/add"} {
		as(t, token).get(path).expect(t, 403, "Not allowed")
	}
	if a := r.send("HEAD", "/portal/claims", nil); a.status != 200 || a.body != "" {
		t.Errorf("HEAD is answered %d %q", a.status, a.body)
	}
}

// P7: who reviews a claim reads what speaks against its consent (D24), and nobody else does.
func TestP7_TheReviewerReadsWhatSpeaksAgainstAConsent(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, e)
	body := p.Nomination(c, c.By(mci.TPID), []string{e}, story.Object{"customerContact": story.Object{"name": "Kim",
		"email": story.Name("kim") + "@nowhere.example"}})
	claim := story.Born(t, localtest.Call(t, "POST", "/v1/customers", p.Token, body))[0]
	p.BringTo(t, claim, mci.Submitted)
	const signal = "email address leads to no tenant."
	as(t, story.Program(t)).get(claimPath(claim.ID)).expect(t, 200, signal, ">Complete<")
	if a := as(t, p.Token).get(claimPath(claim.ID)).expect(t, 200); strings.Contains(a.body, signal) {
		t.Error("the partner reads the signal")
	}
}

// hostileText is one that a page must show as it is, and a file as a cell that is no formula.
const hostileText = `=HYPERLINK("x")<script>alert(1)</script><img src=x onerror=alert(1)>"'&` + "`${1}"

func TestHostileTextsStayTextOnEveryPageAndInEveryFile(t *testing.T) {
	t.Parallel()
	name := hostileText
	engagement := story.WithCoSell(false)
	engagement["name"], engagement["description"], engagement["solutionArea"] = name, name, name
	e, next, closed := story.Engagement(t, engagement), story.Engagement(t, engagement),
		story.Engagement(t, engagement)
	p := story.NewPartner(t)
	localtest.LoadRow(t, "locations.csv", p.ID, name, p.Location, name, "US", true, "*")
	contactName := `<img onerror=alert(1)>"'`
	add := func() story.Claim {
		c := story.NewCustomerNamed(t, name, e, next)
		body := p.Nomination(c, c.By(mci.TenantID), []string{e}, story.Object{"friendlyName": name,
			"mismatchReason": name, "customerContact": story.Object{"name": contactName,
				"email": "kim@nowhere.example"},
			"partnerContact": story.Object{"name": contactName, "email": "pat@partner.example"}})
		return story.Born(t, localtest.Call(t, "POST", "/v1/customers", p.Token, body))[0]
	}
	consented := func() story.Claim {
		claim := add()
		story.Accept(t, p.Ask(t, claim))
		return claim
	}
	submitted := func() story.Claim {
		claim := consented()
		body := story.Submission()
		body["notes"] = name
		story.Post(t, p.Token, claim.ID, "submission", body).Expect(t, 200)
		return claim
	}
	notSent, waiting, returned := add(), submitted(), submitted()
	story.Post(t, story.Program(t), returned.ID, "review", story.Object{"decision": "return", "reason": name}).
		Expect(t, 200)
	declined := add()
	story.Answer(t, p.Ask(t, declined), story.Form("decline", name)).Expect(t, 303)
	cancelled := consented()
	story.Post(t, p.Token, cancelled.ID, "cancellation", story.Object{"reason": name}).Expect(t, 200)
	localtest.WaitDrained(t)
	referral := p.Get(t, waiting.ID).ReferralNow(t).ID

	customers, claims, ineligible := customersPath(e), "/portal/claims/", customersPath(closed)
	user := p.NewUser(t, mci.IncentivesAdmin, mci.IncentivesAdmin, mci.ReferralAdmin)
	readers := map[string][]string{
		user: {
			"/portal", "/portal/engagements", customers, ineligible + "?tab=ineligible", customers + "?tab=complete",
			"/portal/claims", claims + notSent.ID + "?done=added", claims + returned.ID, claims + declined.ID,
			claims + cancelled.ID, claims + notSent.ID + "/cancellation", claims + returned.ID + "/submission",
			"/portal/referrals", "/portal/referrals/" + referral,
			"/portal/home.csv", "/portal/engagements.csv", customers + ".csv", ineligible + ".csv?tab=ineligible",
			customers + ".csv?tab=complete", "/portal/claims.csv", "/portal/referrals.csv",
		},
		story.Program(t): {"/portal", "/portal/review", claims + waiting.ID, "/portal/referrals/" + referral,
			"/portal/review.csv", "/portal/referrals.csv"},
		localtest.Token(t, "", story.Name("seller"), mci.FieldSeller): {"/portal", claims + waiting.ID,
			"/portal/referrals/" + referral},
	}
	for token, paths := range readers {
		r := as(t, token)
		for _, path := range paths {
			a := r.get(path).expect(t, 200)
			if strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") {
				isHarmlessFile(t, path, a.body)
				continue
			}
			isHarmlessPage(t, path, a.body)
		}
	}

	// Each step of the forms, and what becomes of a file.
	r, added, filed := as(t, user), story.NewCustomerNamed(t, name, e), story.NewCustomerNamed(t, name, e)
	steps := func(path string, typed ...[]string) {
		page := r.get(path).expect(t, 200)
		isHarmlessPage(t, path, page.body)
		for _, values := range typed {
			page = r.send("POST", path, carriedBy(page, append(values, "go", "next")...)).expect(t, 200)
			isHarmlessPage(t, path+" after "+values[0], page.body)
		}
	}
	nameAndLocation := []string{"friendlyName", name, "locationId", p.Location}
	contacts := []string{"customerName", contactName, "customerEmail", "kim@nowhere.example", "mismatchReason", name,
		"partnerName", contactName, "partnerEmail", "pat@partner.example"}
	steps(customers+"/add", nameAndLocation, []string{"idType", "tenant-id", "idValue", added.Tenant},
		[]string{"engagementIds", e}, contacts)
	steps("/portal/customers/"+waiting.Customer["id"].(string)+"/claim?engagement="+next, nameAndLocation,
		[]string{"engagementIds", next}, contacts)
	steps(claims+notSent.ID+"/consent", contacts, []string{"dealSize", "60000"})

	path, header := customers+"/import", strings.Join(nominationColumns, ",")
	isHarmlessPage(t, "a file of unknown columns", r.upload(path, cell(name)).expect(t, 422).body)
	checked := r.upload(path, fmt.Sprintf("%s\n%s,%s,tenant-id,%s,,%s,%s,kim@nowhere.example,,,%s,pat@partner.example,",
		header, cell(name), p.Location, filed.Tenant, cell(name), cell(contactName), cell(contactName))).expect(t, 200)
	isHarmlessPage(t, "a file's verdicts", checked.body)
	outcome := r.send("POST", path, carriedBy(checked, "go", "add")).expect(t, 200, "1 customers were added")
	isHarmlessPage(t, "a file's outcome", outcome.body)
	isHarmlessFile(t, "a file's outcome", r.send("POST", path, carriedBy(outcome, "go", "download")).body)
}

func cell(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

// isHarmlessPage fails the test where a page, or the email in its frame, does not show the hostile text, or has an
// element or an attribute that is never written.
func isHarmlessPage(t *testing.T, path, body string) {
	t.Helper()
	if !strings.Contains(body, "=HYPERLINK") {
		t.Errorf("%s does not show the text", path)
	}
	document, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for node := range document.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		for _, attribute := range node.Attr {
			if strings.HasPrefix(attribute.Key, "on") || strings.HasPrefix(attribute.Val, "javascript:") ||
				node.Data == "script" && attribute.Key == "src" && !strings.HasPrefix(attribute.Val,
					"/portal/assets/") {
				t.Errorf("%s has <%s %s=%q>", path, node.Data, attribute.Key, attribute.Val)
			}
			if attribute.Key == "srcdoc" {
				isHarmlessPage(t, "the email on "+path, attribute.Val)
			}
		}
		if node.Data == "img" || node.Data == "script" && node.FirstChild != nil {
			t.Errorf("%s lets <%s> in", path, node.Data)
		}
	}
}

func isHarmlessFile(t *testing.T, path, body string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil || !strings.HasPrefix(body, "\ufeff") || len(rows) < 2 {
		t.Errorf("%s has %d rows (%v): %.60q", path, len(rows), err, body)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
				t.Errorf("%s has the cell %q", path, cell)
			}
		}
	}
	if !strings.Contains(body, "'=HYPERLINK") {
		t.Errorf("%s does not have the text", path)
	}
}

var hashedAsset = regexp.MustCompile(`(?:href|src)="(/portal/assets/[^"]+)"`)

func TestP12_EveryAnswerHasTheHeadersThatKeepItSafe(t *testing.T) {
	t.Parallel()
	r := as(t, story.NewPartner(t).Token)
	page := r.get("/portal/engagements").expect(t, 200)
	for _, a := range []answer{page, r.get("/portal/nowhere"), r.get("/portal/engagements.csv"),
		newReader(t).stay().get("/portal")} {
		policy := a.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'; script-src 'self'; style-src 'self';") ||
			!strings.Contains(policy, "base-uri 'none'; frame-ancestors 'none'; form-action 'self' http") ||
			strings.Contains(policy, "unsafe") {
			t.Errorf("%s has the policy %q", a.url, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s has %s %q", a.url, name, got)
			}
		}
	}
	found := hashedAsset.FindAllStringSubmatch(page.body, -1)
	if len(found) != 3 {
		t.Errorf("the page has %d files", len(found))
	}
	for _, asset := range found {
		a := r.get(asset[1]).expect(t, 200)
		if a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s is kept %q", asset[1], a.header.Get("Cache-Control"))
		}
	}
	r.get("/portal/assets/portal.000000000000.css").expect(t, 404)
	byFile, _ := assets()
	if size := len(byFile["portal.mjs"].content); size > 10_000 {
		t.Errorf("the script has %d bytes", size)
	}
}

// signInAs signs a reader in on the issuer's page.
func (r reader) signInAs(person, address string) answer {
	r.t.Helper()
	page := r.get(address).expect(r.t, 200, "Sign in")
	asked := hiddenRequest.FindStringSubmatch(page.body)
	if asked == nil {
		r.t.Fatal("the issuer shows no form")
	}
	form := url.Values{"request": {html.UnescapeString(asked[1])}, "person": {person}}
	r.url = page.url.Scheme + "://" + page.url.Host
	return r.send("POST", "/local/issuer/sign-in", form)
}

// A token that ends while a form is filled in is renewed, and nobody else's takes its place; the log tells of none.
func TestP1_ATokenThatEndsIsRenewedAndWhatWasTypedIsSent(t *testing.T) {
	localtest.LoadFolder(t, filepath.Join(localtest.Root(), "scripts", "sample"))
	e := story.Engagement(t, nil)
	northwind := story.Partner{ID: "northwind", Location: "nw-seattle",
		Token: localtest.Token(t, "northwind", "ana@northwind", mci.IncentivesAdmin)}
	claim := northwind.Add(t, story.NewCustomer(t, e), e)
	r := newReader(t)
	r.signInAs("ana@northwind", "/portal/sign-in?to=//evil.example/portal")
	address := r.address()
	secrets := map[string]string{}
	for _, cookie := range r.Jar.Cookies(address) {
		secrets[cookie.Name] = cookie.Value
	}
	end := func(subject string) {
		payload, _ := json.Marshal(map[string]any{"sub": subject, "exp": time.Now().Add(-time.Minute).Unix()})
		r.Jar.SetCookies(address, []*http.Cookie{{Name: idTokenCookie, Value: unsignedWith(payload), Path: "/"}})
	}
	form := url.Values{"reason": {"Typed before the end"}, "step": {""}, "go": {"send"}, "key": {"k"}}
	end("somebody-else")
	r.send("POST", claimPath(claim.ID)+"/cancellation", form).expect(t, 401, "Typed before the end", "Continue")
	end("ana@northwind")
	r.send("POST", claimPath(claim.ID)+"/cancellation", form).expect(t, 200, "was cancelled", "Typed before the end")
	log := localtest.Logs(t, "portal")
	for _, secret := range append(slices.Collect(maps.Values(secrets)), "Typed before", "eyJ", claim.ID, "code=") {
		if secret != "" && strings.Contains(log, secret) {
			t.Errorf("the portal's log holds %q", secret)
		}
	}
}

// edge is a portal of the test's own, whose issuer and API are what the test makes of them.
type edge struct {
	reader
	portal *portal
}

// newEdge opens such a portal, which adds a file's rows one by one. signOutURL may be "", the API nil.
func newEdge(t *testing.T, issuerURL, signOutURL string, api http.Handler) edge {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p := &portal{publicURL: server.URL, client: newAPIClient(), now: time.Now, roles: "cognito:groups",
		partner: "custom:partnerId", csp: policy(issuerURL, signOutURL)}
	if api != nil {
		answering := httptest.NewServer(api)
		t.Cleanup(answering.Close)
		p.apiURL = answering.URL
	}
	p.issuer = newIssuer(issuerURL, "portal", p.publicURL, signOutURL)
	handler = p.handler()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return edge{reader{&http.Client{Jar: jar}, t, server.URL}.stay(), p}
}

// P1: only the answer to this very sign-in, signed by the issuer for the portal, begins a session.
func TestP1_OnlyTheIssuersOwnAnswerToThisSignInBeginsASession(t *testing.T) {
	t.Parallel()
	var mine, others *localissuer.Issuer
	var claims map[string]any
	signer := &mine
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/token") {
			mine.ServeHTTP(w, r)
			return
		}
		token, err := (*signer).Sign(claims)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"token_type":"Bearer","access_token":"x","id_token":%q}`, token)
	}))
	t.Cleanup(server.Close)
	open := func(url string) *localissuer.Issuer {
		opened, err := localissuer.Open(url, filepath.Join(t.TempDir(), "key.pem"), localissuer.Client{ID: "portal"})
		if err != nil {
			t.Fatal(err)
		}
		return opened
	}
	mine, others = open(server.URL+"/local/issuer"), open("https://evil.example")
	r := newEdge(t, mine.URL(), "", nil)
	for _, test := range []struct {
		name    string
		changes map[string]any
		signer  **localissuer.Issuer
		query   string
		status  int
	}{
		{"its own answer", nil, &mine, "", 303},
		{"its own answer that names the issuer", nil, &mine, "&iss=" + url.QueryEscape(mine.URL()), 303},
		{"another issuer that the address names", nil, &mine, "&iss=https://evil.example", 400},
		{"another nonce", map[string]any{"nonce": "other"}, &mine, "", 400},
		{"no nonce", map[string]any{"nonce": nil}, &mine, "", 400},
		{"another issuer", map[string]any{"iss": "https://evil.example"}, &mine, "", 400},
		{"another audience", map[string]any{"aud": "another-portal"}, &mine, "", 400},
		{"a token that has ended", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, &mine, "", 400},
		{"another's signature", nil, &others, "", 400},
		{"another state", nil, &mine, "&state=other", 400},
		{"a refusal", nil, &mine, "&code=&error=access_denied", 400},
	} {
		begun := r.get("/portal/sign-in?to=/portal/claims").expect(t, 303)
		asked, err := url.Parse(begun.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		query := asked.Query()
		claims = map[string]any{"iss": mine.URL(), "aud": "portal", "sub": "ana", "nonce": query.Get("nonce"),
			"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
		for name, value := range test.changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		signer = test.signer
		answered := url.Values{"code": {"x"}, "state": {query.Get("state")}}
		more, err := url.ParseQuery(strings.TrimPrefix(test.query, "&"))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(answered, more)
		a := r.get("/portal/callback?"+answered.Encode()).expect(t, test.status)
		began := strings.Contains(strings.Join(a.header["Set-Cookie"], " "), idTokenCookie+"=e")
		if began != (test.status == 303) {
			t.Errorf("%s begins a session: %t", test.name, began)
		}
		if began && a.header.Get("Location") != "/portal/claims" {
			t.Errorf("signing in leads to %s", a.header.Get("Location"))
		}
		// The same answer is refused the second time.
		r.get("/portal/callback?"+answered.Encode()).expect(t, 400)
	}
}

// P1: signing out leads to the stage's own address where it has one, as Cognito's must be, and tells it no token.
func TestP1_SigningOutLeadsToTheStagesOwnAddress(t *testing.T) {
	t.Parallel()
	const signOutURL = "https://people.example/logout"
	r := newEdge(t, localtest.Cloud().Issuer(), signOutURL, nil)
	r.with(localtest.Token(t, "", story.Name("staff"), mci.ProgramAdmin))
	out := r.send("POST", "/portal/sign-out", nil).expect(t, http.StatusSeeOther)
	home := r.url + "/portal"
	query := url.Values{"client_id": {"portal"}, "logout_uri": {home}, "post_logout_redirect_uri": {home}}
	if got := out.header.Get("Location"); got != signOutURL+"?"+query.Encode() {
		t.Errorf("signing out leads to %s", got)
	}
	if left := r.Jar.Cookies(r.address()); len(left) > 0 {
		t.Errorf("the session leaves %v", left)
	}
	// Browsers hold the redirect of a form against the policy.
	if policy := out.header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, " https://people.example") {
		t.Errorf("the policy is %q", policy)
	}
}

// unsignedWith is a token that the API does not take.
func unsignedWith(payload []byte) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(payload) + ".x"
}

// contextOfAMoment is that of a request whose function has hardly any time left.
func contextOfAMoment(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 50*time.Millisecond)
}

// failures are what the API, or the way to it, can do wrong.
var failures = []struct {
	name       string
	fail       http.HandlerFunc
	status     int
	key        string // of the sentence
	retryAfter string
}{
	{"throttling", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
		fmt.Fprint(w, `{"message":"Too Many Requests"}`)
	}, 429, "problem.too-many-requests", "7"},
	{"asking to try again", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(503)
		fmt.Fprint(w, `{"type":"urn:mci:problem:try-again","status":503,"detail":"Again."}`)
	}, 503, "problem.try-again", "1"},
	{"failing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 502, "problem.unavailable", ""},
	{"telling that it failed", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		fmt.Fprint(w, `{"type":"urn:mci:problem:internal","status":500,"detail":"goroutine 1 [running]"}`)
	}, 502, "problem.internal", ""},
	{"nonsense", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>goroutine 1 [running]") }, 502,
		"problem.unavailable", ""},
	{"JSON of another shape", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `["goroutine 1 [running]"]`)
	},
		502, "problem.unavailable", ""},
	{"leading elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example/", http.StatusFound)
	}, 502, "problem.unavailable", ""},
	{"breaking off", func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}, 502, "problem.unavailable",
		""},
	{"slow", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the caller's giving up is noticed
		<-r.Context().Done()
	}, 504, "problem.slow", ""},
}

// known are the answers to reads, for failures of what comes after them.
var known = map[string]string{
	"/claims/c": `{"id":"c","friendlyName":"A claim","status":"submitted","engagementId":"e",
		"actions":["send-consent","submit-claim","cancel-claim","review-claim"],
		"customer":{"id":"x","name":"Contoso","country":"US"},"payout":{"amount":"1.00","currency":"USD"}}`,
	"/engagements/c": `{"id":"c","name":"Assessment","customerIdTypes":["domain"],"state":"active",
		"locations":[{"id":"l","name":"Seattle","country":"US"}]}`,
	"/claims": `{"claims":[]}`,
	"/referrals/c": `{"id":"c","claimId":"c","type":"partner-led","status":"new",
		"dealSize":{"amount":"1.00","currency":"USD"},
		"customer":{"id":"x","name":"Contoso","country":"US"}}`,
}

// readMore are the pages that call the API again once they have read what they are about.
var readMore = []string{"/portal", "/portal/engagements/c/customers", "/portal/customers/c/claim"}

// Each page says in the reader's words that the API fails, and loses nothing that was typed: where all calls fail, and
// where those fail that come after reading what the page or its form is about.
func TestPagesSayThatTheAPIFailsAndLoseNothing(t *testing.T) {
	t.Parallel()
	typed := `Typed with "care" & <patience>`
	for _, failure := range failures {
		for _, readsFirst := range []bool{false, true} {
			r := newEdge(t, "http://127.0.0.1:1", "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for path, answer := range known {
					if readsFirst && r.Method == "GET" && strings.HasSuffix(r.URL.Path, path) {
						fmt.Fprint(w, answer)
						return
					}
				}
				failure.fail(w, r)
			}))
			payload, _ := json.Marshal(map[string]any{"sub": "ana", "custom:partnerId": "p",
				"exp":            time.Now().Add(time.Hour).Unix(),
				"cognito:groups": []string{"incentives-admin", "referral-admin", "program-admin"}})
			words := &words{mail.Locale("ja")}
			said := html.EscapeString(words.say(failure.key))
			for _, request := range requests("c") {
				if strings.HasPrefix(request.path, "/portal/sign") || slices.Contains([]string{"/portal/nowhere",
					"/portal/callback", "/portal/language"}, request.path) ||
					readsFirst && request.method == "GET" && !slices.Contains(readMore, request.path) {
					continue // these ask nothing of the API
				}
				form := url.Values{"reason": {typed}, "friendlyName": {typed}, "notes": {typed}, "file": {typed},
					"locationId": {"l"}, "idType": {"domain"}, "idValue": {"contoso.example"}, "engagementIds": {"c"},
					"customerName": {"Kim"}, "customerEmail": {"kim@contoso.example"}, "partnerName": {"Pat"},
					"partnerEmail": {"pat@partner.example"}, "disclaimerAccepted": {"yes"},
					"completedOn": {"2026-11-01"},
					"go":          {"send"}, "decision": {"return"}, "step": {"review"}, "key": {"k"}}
				if strings.HasSuffix(request.path, "/import") {
					form.Set("go", "add")
					form.Set("file", strings.Join(nominationColumns, ",")+"\n"+
						strings.Repeat(cell(typed)+",", len(nominationColumns)-1)+"x")
				}
				if readsFirst && strings.HasSuffix(request.path, "/add") { // a step that cannot offer what was chosen
					form.Set("go", "next")
					form.Set("step", "engagements")
				}
				asked := httptest.NewRequest(request.method, r.url+request.path+"?engagement=c",
					strings.NewReader(form.Encode()))
				if failure.name == "slow" {
					ctx, cancel := contextOfAMoment(t)
					defer cancel()
					asked = asked.WithContext(ctx)
				}
				asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				asked.Header.Set("Sec-Fetch-Site", "same-origin")
				asked.Header.Set("Accept-Language", "ja")
				asked.AddCookie(&http.Cookie{Name: idTokenCookie, Value: unsignedWith(payload)})
				recorder := httptest.NewRecorder()
				r.portal.handler().ServeHTTP(recorder, asked)
				body := recorder.Body.String()
				what := fmt.Sprintf("%s %s, %s, reading first: %t", request.method, request.path, failure.name,
					readsFirst)
				isImport := readsFirst && strings.HasSuffix(request.path, "/import") // whose page tells how far it came
				if recorder.Code != failure.status && !isImport {
					t.Errorf("%s: answered %d, not %d", what, recorder.Code, failure.status)
				}
				if !strings.Contains(body, said) {
					t.Errorf("%s: the page does not say %q: %.3000s", what, said, body)
				}
				if got := recorder.Header().Get("Retry-After"); got != failure.retryAfter && !isImport {
					t.Errorf("%s: Retry-After is %q", what, got)
				}
				carries := strings.HasSuffix(request.path, "/upgrade") ||
					strings.Contains(body, html.EscapeString(typed)) ||
					strings.Contains(body, html.EscapeString(cell(typed)))
				if form.Get("step") == "engagements" {
					carries = carries && strings.Contains(body, `name="engagementIds" value="c"`)
				}
				if request.method == "POST" && !carries {
					t.Errorf("%s: what was typed is lost: %s", what, body)
				}
				if strings.Contains(body, "goroutine") || strings.Contains(body, "evil.example") {
					t.Errorf("%s: the page shows what the API said", what)
				}
			}
		}
	}
}

// A file that was chosen waits with the form, in the session's end as in the API's.
func TestP10_AChosenFileIsNotLost(t *testing.T) {
	t.Parallel()
	content := strings.Join(nominationColumns, ",") + "\nTyped with care" + strings.Repeat(",",
		len(nominationColumns)-1)
	newReader(t).upload("/portal/engagements/e/customers/import", content).expect(t, 401, "Typed with care", "Continue")
}

func TestP10_AFileTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	large := string(bytes.Repeat([]byte("x"), maxFile+1))
	as(t, p.Token).upload(customersPath(e)+"/import", large).expect(t, 422, "too large")
}
