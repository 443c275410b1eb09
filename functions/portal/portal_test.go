package main

import (
	"encoding/json"
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
	return newReader(t).with(token)
}

// with gives the reader the session of a user.
func (r reader) with(token string) reader {
	r.t.Helper()
	r.Jar.SetCookies(r.address(), []*http.Cookie{{Name: idTokenCookie, Value: token, Path: "/"}})
	return r
}

// address is that of the portal.
func (r reader) address() *url.URL {
	r.t.Helper()
	address, err := url.Parse(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	return address
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
	a := answer{response.StatusCode, response.Header, string(body), response.Request.URL}
	keepsSecrets(r.t, path, a)
	return a
}

// beginningOfToken is how every signed token begins, and no random text by chance.
var beginningOfToken = regexp.MustCompile(`\beyJ[\w-]+\.`)

// keepsSecrets holds every answer: no token is in it or in an address, and nothing of it is kept.
func keepsSecrets(t *testing.T, path string, a answer) {
	if beginningOfToken.MatchString(a.body + "\n" + a.url.String() + "\n" + a.header.Get("Location")) {
		t.Errorf("%s gives a token away: %s %q", path, a.url, a.header)
	}
	if kept := a.header.Get("Cache-Control"); kept != "no-store" && !strings.Contains(path, "/assets/") {
		t.Errorf("%s may be kept: %q", path, kept)
	}
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
	at := r.signInAs("ana@northwind", "/portal/engagements?x=1").expect(t, 200, "Ana", "Sign out")
	if at.url.RequestURI() != "/portal/engagements?x=1" {
		t.Errorf("signing in leads to %s", at.url)
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
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" ||
				cookie.Domain != "" || cookie.Secure != encrypted ||
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
	return unsignedWith(payload)
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

func TestP2_EachListOfHomeHasItsOwnPages(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	first := p.Add(t, story.NewCustomer(t, e), e)
	p.Ask(t, first)
	p.Ask(t, p.Add(t, story.NewCustomer(t, e), e))
	token := p.NewUser(t, mci.IncentivesAdmin, mci.IncentivesAdmin, mci.ReferralAdmin)
	cursor := func(list string) string {
		type page struct{ Cursor string }
		return localtest.Decode[page](t, localtest.Call(t, "GET", list, token, nil)).Cursor
	}
	query := url.Values{"cursor": {cursor("/v1/claims?sort=due&limit=1")}, "cursor2": {cursor("/v1/referrals?limit=1")}}
	r := as(t, token)
	page := r.get("/portal?"+query.Encode()).expect(t, 200, "First page")
	for _, list := range []string{"/portal/claims/", "/portal/referrals/"} {
		links := regexp.MustCompile(`<th scope="row"><a href="`+list).FindAllString(page.body, -1)
		if len(links) != 1 {
			t.Errorf("the second page of %s has %d rows: %s", list, len(links), page.body)
		}
	}
	for _, name := range []string{"cursor", "cursor2"} {
		page.expect(t, 200, `href="/portal?`+url.Values{name: query[name]}.Encode()+`"`)
	}

	// A confirmation is of what happened; the language of a failed upgrade's page upgrades nothing.
	if at := r.get("/portal/claims/" + first.ID + "?done=reject"); strings.Contains(at.body, "rejected") {
		t.Error("the page says that a claim was rejected, which was not")
	}
	upgrade := "/portal/referrals/" + p.Get(t, first.ID).Referral.ID + "/upgrade"
	at := r.send("POST", upgrade, url.Values{"go": {"language"}, "language": {"fr"}}).expect(t, 200, `lang="fr"`)
	if at.url.Path != strings.TrimSuffix(upgrade, "/upgrade") {
		t.Errorf("the choice of a language leads to %s", at.url)
	}
}

func TestTheLanguageOfACustomersContactStaysWhateverItIs(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, e)
	body := p.Nomination(c, c.By(mci.TPID), []string{e}, story.Object{"customerContact": story.Object{"name": "Kim",
		"email": c.Email, "locale": "de"}})
	added := localtest.Decode[struct{ Claims []story.Claim }](t, localtest.Call(t, "POST", "/v1/customers", p.Token,
		body).Expect(t, 201))
	as(t, p.Token).get("/portal/claims/"+added.Claims[0].ID+"/consent").expect(t, 200, `<option value="de" selected>`)
}
