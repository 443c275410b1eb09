package issuer

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	redirectTo  = "http://portal.example/portal/callback"
	signedOutTo = "http://portal.example/portal"
)

// site is the issuer on an address of its own, and a clock that tests move.
type site struct {
	*Issuer
	provider *oidc.Provider
	config   oauth2.Config
	ahead    time.Duration
}

func open(t *testing.T) *site {
	t.Helper()
	s := &site{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	var err error
	s.Issuer, err = Open(server.URL+"/local/issuer", filepath.Join(t.TempDir(), "key.pem"),
		Client{ID: "portal", RedirectTo: []string{redirectTo}, SignedOutTo: []string{signedOutTo}})
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return time.Now().Add(s.ahead) }
	if s.provider, err = oidc.NewProvider(t.Context(), s.URL()); err != nil {
		t.Fatal(err)
	}
	s.config = oauth2.Config{ClientID: "portal", Endpoint: s.provider.Endpoint(), RedirectURL: redirectTo,
		Scopes: []string{"openid"}}
	return s
}

// browser keeps cookies, stays at the issuer, and shows the last answer.
type browser struct {
	t      *testing.T
	client *http.Client
	status int
	header http.Header
	body   string
	to     *url.URL // where it was sent to, nil if nowhere
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, address string, form url.Values, headers ...string) *browser {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.status, b.header, b.body, b.to = answer.StatusCode, answer.Header, string(content), nil
	if location := answer.Header.Get("Location"); location != "" {
		if b.to, err = url.Parse(location); err != nil {
			b.t.Fatal(err)
		}
	}
	return b
}

var hidden = regexp.MustCompile(`<input type="hidden" name="request" value="([^"]*)">`)

// signIn fills in the form that is shown.
func (b *browser) signIn(s *site, fields url.Values, headers ...string) *browser {
	b.t.Helper()
	found := hidden.FindStringSubmatch(b.body)
	if b.status != http.StatusOK || found == nil {
		b.t.Fatalf("no sign-in page, but %d %s", b.status, b.body)
	}
	fields.Set("request", html.UnescapeString(found[1]))
	return b.do("POST", s.URL()+"/sign-in", fields, headers...)
}

// code is what the redirect brings, with the state it was asked for.
func (b *browser) code(state string) string {
	b.t.Helper()
	if b.status != http.StatusSeeOther || b.to == nil || !strings.HasPrefix(b.to.String(), redirectTo+"?") ||
		b.to.Query().Get("code") == "" || b.to.Query().Get("state") != state {
		b.t.Fatalf("no code for the state %s, but %d %v %s", state, b.status, b.to, b.body)
	}
	return b.to.Query().Get("code")
}

// claims is all that a token says.
func claims(t *testing.T, token *oidc.IDToken) map[string]any {
	t.Helper()
	var all map[string]any
	if err := token.Claims(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// exchange redeems a code and verifies the ID token as a client does.
func (s *site) exchange(ctx context.Context, code string, options ...oauth2.AuthCodeOption) (*oauth2.Token,
	*oidc.IDToken, error) {
	tokens, err := s.config.Exchange(ctx, code, options...)
	if err != nil {
		return nil, nil, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := s.provider.Verifier(&oidc.Config{ClientID: "portal"}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	return tokens, id, id.VerifyAccessToken(tokens.AccessToken)
}

func TestAPersonSignsInAndOut(t *testing.T) {
	s, b := open(t), newBrowser(t)
	verifier := oauth2.GenerateVerifier()
	ask := s.config.AuthCodeURL("state-1", oidc.Nonce("nonce-1"), oauth2.S256ChallengeOption(verifier))
	code := b.do("GET", ask, nil).signIn(s, url.Values{"person": {"ana@northwind"}}).code("state-1")
	for _, cookie := range b.header["Set-Cookie"] {
		for _, flag := range []string{"HttpOnly", "SameSite=Lax", "Path=/local/issuer"} {
			if !strings.Contains(cookie, flag) {
				t.Errorf("the cookie lacks %s: %s", flag, cookie)
			}
		}
	}
	tokens, id, err := s.exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	got := claims(t, id)
	if id.Subject != "ana@northwind" || id.Nonce != "nonce-1" || got[PartnerClaim] != "northwind" ||
		got["token_use"] != "id" ||
		got["name"] != "Ana" || len(got[RolesClaim].([]any)) != 1 ||
		!id.Expiry.Before(time.Now().Add(tokenLife+time.Minute)) {
		t.Errorf("the ID token says %v", got)
	}

	// The session spares a second sign-in, unless that is asked for; the refresh token gives new tokens.
	again := s.config.AuthCodeURL("state-2", oauth2.S256ChallengeOption(verifier))
	b.do("GET", again, nil).code("state-2")
	if b.do("GET", again+"&prompt=login", nil); !strings.Contains(b.body, "<form") {
		t.Errorf("prompt=login shows no form, but %d", b.status)
	}
	renewed, err := s.config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
	if err != nil || renewed.Extra("id_token") == "" || renewed.Extra("id_token") == tokens.Extra("id_token") {
		t.Errorf("refreshing gives %v, %v", renewed, err)
	}

	discovered := map[string]any{}
	if err := s.provider.Claims(&discovered); err != nil {
		t.Fatal(err)
	}
	out, _ := discovered["end_session_endpoint"].(string)
	if b.do("GET", out+"?client_id=portal&post_logout_redirect_uri=http://elsewhere.example/", nil); b.status != 400 ||
		b.to != nil {
		t.Errorf("signing out to elsewhere answers %d %v", b.status, b.to)
	}
	b.do("GET", again, nil).code("state-2") // that ended nothing
	stolen := b.client.Jar.Cookies(mustParse(t, s.URL()))
	b.do("GET", out+"?"+url.Values{"client_id": {"portal"}, "logout_uri": {signedOutTo}}.Encode(), nil)
	if b.status != http.StatusSeeOther || b.to.String() != signedOutTo {
		t.Errorf("signing out leads to %d %v", b.status, b.to)
	}
	if b.do("GET", again, nil); !strings.Contains(b.body, "<form") {
		t.Errorf("after signing out the answer is %d %v", b.status, b.to)
	}
	b.client.Jar.SetCookies(mustParse(t, s.URL()), stolen)
	if b.do("GET", again, nil); !strings.Contains(b.body, "<form") {
		t.Error("the cookie of a session that was ended opens it again")
	}
	if _, err := s.config.TokenSource(t.Context(),
		&oauth2.Token{RefreshToken: tokens.RefreshToken}).Token(); err == nil {
		t.Error("the refresh token outlives the session")
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(address + "/authorize")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestAnyoneSignsInByHand(t *testing.T) {
	s := open(t)
	for name, test := range map[string]struct {
		form    url.Values
		partner any
		roles   int
	}{
		"with all fields": {url.Values{"sub": {"kim"}, "partnerId": {"p-1"},
			"roles": {"incentives-user  referral-admin"}}, "p-1", 2},
		"without a partner": {url.Values{"sub": {"kim"}, "partnerId": {""}, "roles": {"program-admin"}}, nil,
			1},
		"without a partner or a role":  {url.Values{"sub": {"kim"}}, nil, 0},
		"with a group that is no role": {url.Values{"sub": {"kim"}, "roles": {"Team,program-admin"}}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, verifier := newBrowser(t), oauth2.GenerateVerifier()
			b.do("GET", s.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), nil)
			_, id, err := s.exchange(t.Context(), b.signIn(s, test.form).code("s"), oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			got := claims(t, id)
			roles, _ := got[RolesClaim].([]any)
			if id.Subject != "kim" || got[PartnerClaim] != test.partner || len(roles) != test.roles {
				t.Errorf("the ID token says %v", got)
			}
		})
	}
	b := newBrowser(t).do("GET", s.config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), nil)
	if b.signIn(s, url.Values{"sub": {" "}}); b.status != 422 || !strings.Contains(b.body, "sub is missing") ||
		b.to != nil {
		t.Errorf("nobody signs in: %d %v", b.status, b.to)
	}
}

func TestTheSignInPageHasAButtonForEachPersonAndAFormForAnyone(t *testing.T) {
	s := open(t)
	b := newBrowser(t).do("GET", s.config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), nil)
	for _, person := range People {
		if found := regexp.MustCompile(`<button [^>]*>`+person.Name+`\b`).FindAllString(b.body, -1); len(found) != 1 {
			t.Errorf("%d buttons for %s", len(found), person.Name)
		}
	}
	// A search for Ana, whatever the letter case, finds Ana alone.
	if found := regexp.MustCompile(`(?i)<button [^>]*>[^<]*ana`).FindAllString(b.body, -1); len(found) != 1 {
		t.Errorf("%d buttons have ana in them: %v", len(found), found)
	}
	forms := strings.Split(b.body, "<form ")
	for _, name := range []string{"sub", "partnerId", "roles"} {
		if len(forms) != 3 || strings.Contains(forms[1], `name="`+name+`"`) ||
			!strings.Contains(forms[2], `<label for="`+name+`">`+name+`</label>`) || !strings.Contains(forms[2],
			`type="text" id="`+name+`" name="`+name+`"`) {
			t.Errorf("no field %s with its label in the second of %d forms", name, len(forms)-1)
		}
	}
	policy := b.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") ||
		!strings.Contains(policy, "form-action 'self' http://portal.example;") {
		t.Errorf("the policy is %s", policy)
	}
	if b.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be cached")
	}
	if b.signIn(s, url.Values{"person": {"ana@northwind"}}, "Sec-Fetch-Site", "cross-site"); b.status != 403 ||
		b.to != nil {
		t.Errorf("another site's form is answered with %d %v", b.status, b.to)
	}
}

func TestARequestThatIsNotToBeTrustedLeadsNowhere(t *testing.T) {
	s := open(t)
	challenge := oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())
	good := url.Values{"client_id": {"portal"}, "redirect_uri": {redirectTo}, "response_type": {"code"},
		"scope": {"openid"},
		"state": {"s"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	for name, test := range map[string]struct {
		parameter string
		values    []string
		tells     string // the error that the client is told; "" is told to the person alone
	}{
		"another client":                {"client_id", []string{"other"}, ""},
		"no client":                     {"client_id", nil, ""},
		"another redirect address":      {"redirect_uri", []string{"http://elsewhere.example/"}, ""},
		"a longer redirect address":     {"redirect_uri", []string{redirectTo + "/more"}, ""},
		"no redirect address":           {"redirect_uri", nil, ""},
		"two redirect addresses":        {"redirect_uri", []string{redirectTo, "http://elsewhere.example/"}, ""},
		"another response type":         {"response_type", []string{"token"}, "unsupported_response_type"},
		"a code in the fragment":        {"response_mode", []string{"fragment"}, "invalid_request"},
		"no OpenID":                     {"scope", []string{"profile"}, "invalid_scope"},
		"no challenge":                  {"code_challenge", nil, "invalid_request"},
		"a challenge of no hash":        {"code_challenge", []string{"short"}, "invalid_request"},
		"a plain challenge":             {"code_challenge_method", []string{"plain"}, "invalid_request"},
		"a challenge of no method":      {"code_challenge_method", nil, "invalid_request"},
		"a parameter twice":             {"state", []string{"s", "s"}, "invalid_request"},
		"no form where none is allowed": {"prompt", []string{"none"}, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := url.Values{}
			for parameter, values := range good {
				asked[parameter] = values
			}
			if asked[test.parameter] = test.values; test.values == nil {
				delete(asked, test.parameter)
			}
			b := newBrowser(t).do("GET", s.URL()+"/authorize?"+asked.Encode(), nil)
			if test.tells == "" && (b.status != 400 || b.to != nil) {
				t.Errorf("answered %d %v", b.status, b.to)
			}
			if test.tells != "" && (b.to == nil || b.to.Query().Get("error") != test.tells ||
				b.to.Query().Get("state") != "s") {
				t.Errorf("answered %d %v", b.status, b.to)
			}
			// The form's hidden field is no way around it.
			b.do("POST", s.URL()+"/sign-in", url.Values{"person": {"ana@northwind"}, "request": {asked.Encode()}})
			if test.parameter != "prompt" && b.to != nil && b.to.Query().Has("code") {
				t.Errorf("the form gives a code")
			}
		})
	}
}

func TestACodeIsGoodOnceForItsClientAndForAMinute(t *testing.T) {
	s, verifier := open(t), oauth2.GenerateVerifier()
	for name, test := range map[string]struct {
		change map[string]string // of the token request's form
		wait   time.Duration
		used   bool
		status int
		tells  string
	}{
		"as it should be":    {},
		"in its last second": {wait: codeLife - time.Second},
		"too late":           {wait: codeLife, status: 400, tells: "invalid_grant"},
		"a second time":      {used: true, status: 400, tells: "invalid_grant"},
		"another verifier": {change: map[string]string{"code_verifier": oauth2.GenerateVerifier()}, status: 400,
			tells: "invalid_grant"},
		"no verifier": {change: map[string]string{"code_verifier": ""}, status: 400, tells: "invalid_grant"},
		"another redirect address": {change: map[string]string{"redirect_uri": "http://elsewhere.example/"},
			status: 400, tells: "invalid_grant"},
		"another code": {change: map[string]string{"code": "guessed"}, status: 400, tells: "invalid_grant"},
		"another client": {change: map[string]string{"client_id": "other"}, status: 401,
			tells: "invalid_client"},
		"a client with a secret": {change: map[string]string{"client_secret": "x"}, status: 401,
			tells: "invalid_client"},
		"another grant": {change: map[string]string{"grant_type": "password"}, status: 400,
			tells: "unsupported_grant_type"},
		"an unknown refresh token": {change: map[string]string{"grant_type": "refresh_token", "refresh_token": "x"},
			status: 400, tells: "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			s.ahead = 0
			b := newBrowser(t).do("GET", s.config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), nil)
			code := b.signIn(s, url.Values{"person": {"ana@northwind"}}).code("s")
			form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"portal"},
				"redirect_uri": {redirectTo}, "code": {code}, "code_verifier": {verifier}}
			for name, value := range test.change {
				form.Set(name, value)
			}
			var first struct {
				Refresh string `json:"refresh_token"`
			}
			if test.used {
				if err := json.Unmarshal([]byte(b.do("POST", s.URL()+"/token", form).body), &first); err != nil ||
					first.Refresh == "" {
					t.Fatalf("the first use answers %d %s", b.status, b.body)
				}
			}
			s.ahead = test.wait
			b.do("POST", s.URL()+"/token", form)
			if test.tells == "" && b.status != 200 || test.tells != "" && (b.status != test.status ||
				!strings.Contains(b.body,
					`"`+test.tells+`"`)) {
				t.Errorf("answered %d %s", b.status, b.body)
			}
			if !test.used {
				return
			}
			// A code that was stolen and used twice gives nobody anything more.
			b.do("POST", s.URL()+"/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"portal"},
				"refresh_token": {first.Refresh}})
			if b.status != 400 {
				t.Errorf("the first use's refresh token is still good: %d %s", b.status, b.body)
			}
		})
	}
}

// A client that checks what it shall refuses a token of another nonce, audience, issuer or time.
func TestAClientThatChecksRefusesWhatIsNotForIt(t *testing.T) {
	s := open(t)
	now := time.Now()
	for name, change := range map[string]map[string]any{
		"another audience": {"aud": "other"}, "an access token": {"aud": nil},
		"another issuer":         {"iss": "https://elsewhere.example"},
		"an end that has passed": {"exp": now.Add(-time.Minute).Unix()},
	} {
		all := s.idClaims(User{Subject: "kim"}, now, now, tokenLife)
		for name, value := range change {
			if all[name] = value; value == nil {
				delete(all, name)
			}
		}
		raw, err := s.Sign(all)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.provider.Verifier(&oidc.Config{ClientID: "portal"}).Verify(t.Context(), raw); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
