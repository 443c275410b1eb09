package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// issuer is the OpenID Connect issuer whose ID tokens the API takes. It is asked for its addresses when they are first
// needed.
type issuer struct {
	url, clientID, portalURL, signOutURL string
	client                               *http.Client

	mu        sync.Mutex
	addresses *addresses
}

// addresses are what discovery says of the issuer.
type addresses struct {
	provider   *oidc.Provider
	scopes     []string
	signOut    string
	revocation string
}

// tokens are a session's.
type tokens struct{ id, refresh string }

var errNoRefreshToken = errors.New("the session has no refresh token")

// timeToSignIn is for one call to the issuer.
const timeToSignIn = 8 * time.Second

func newIssuer(url, clientID, portalURL, signOutURL string) *issuer {
	return &issuer{url: url, clientID: clientID, portalURL: portalURL, signOutURL: signOutURL,
		client: &http.Client{Timeout: timeToSignIn}}
}

// discover gives the issuer's addresses, which are read once.
func (i *issuer) discover(ctx context.Context) (*addresses, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.addresses != nil {
		return i.addresses, nil
	}
	// The provider goes on using this context when it reads keys anew.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), i.client), i.url)
	if err != nil {
		return nil, fmt.Errorf("reading the issuer's configuration: %w", err)
	}
	var more struct {
		Scopes     []string `json:"scopes_supported"`
		SignOut    string   `json:"end_session_endpoint"`
		Revocation string   `json:"revocation_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("reading the issuer's configuration: %w", err)
	}
	i.addresses = &addresses{provider, []string{oidc.ScopeOpenID}, more.SignOut, more.Revocation}
	for _, scope := range []string{"email", "profile", oidc.ScopeOfflineAccess} {
		if slices.Contains(more.Scopes, scope) {
			i.addresses.scopes = append(i.addresses.scopes, scope)
		}
	}
	return i.addresses, nil
}

func (i *issuer) config(a *addresses) *oauth2.Config {
	endpoint := a.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client, whose proof is PKCE
	return &oauth2.Config{ClientID: i.clientID, Endpoint: endpoint, RedirectURL: i.portalURL + "/portal/callback",
		Scopes: a.scopes}
}

// exchange turns the code that the issuer sent back into tokens, and verifies them.
func (i *issuer) exchange(ctx context.Context, code string, attempt signInAttempt) (tokens, error) {
	a, err := i.discover(ctx)
	if err != nil {
		return tokens{}, err
	}
	ctx = oidc.ClientContext(ctx, i.client)
	answer, err := i.config(a).Exchange(ctx, code, oauth2.VerifierOption(attempt.Verifier))
	if err != nil {
		return tokens{}, fmt.Errorf("exchanging the code: %w", withoutBody(err))
	}
	id, err := i.verify(ctx, a, answer)
	if err != nil {
		return tokens{}, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(attempt.Nonce)) != 1 {
		return tokens{}, errors.New("the ID token is of another sign-in")
	}
	return tokensOf(answer, ""), nil
}

// refresh gets new tokens. An issuer that gives no new refresh token lets the old one live on.
func (i *issuer) refresh(ctx context.Context, refreshToken string) (tokens, error) {
	a, err := i.discover(ctx)
	if err != nil {
		return tokens{}, err
	}
	ctx = oidc.ClientContext(ctx, i.client)
	answer, err := i.config(a).TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return tokens{}, fmt.Errorf("refreshing: %w", withoutBody(err))
	}
	if _, err := i.verify(ctx, a, answer); err != nil {
		return tokens{}, err
	}
	return tokensOf(answer, refreshToken), nil
}

// verify checks signature, issuer, audience and expiry of the answer's ID token.
func (i *issuer) verify(ctx context.Context, a *addresses, answer *oauth2.Token) (*oidc.IDToken, error) {
	id, err := a.provider.Verifier(&oidc.Config{ClientID: i.clientID}).Verify(ctx, tokensOf(answer, "").id)
	if err != nil {
		return nil, fmt.Errorf("verifying the ID token: %w", err)
	}
	return id, nil
}

func tokensOf(answer *oauth2.Token, refreshToken string) tokens {
	id, _ := answer.Extra("id_token").(string)
	if answer.RefreshToken != "" {
		refreshToken = answer.RefreshToken
	}
	return tokens{id, refreshToken}
}

// withoutBody keeps the issuer's answer, which may hold what it was sent, out of the log.
func withoutBody(err error) error {
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) {
		return fmt.Errorf("the issuer answered %d %q", refused.Response.StatusCode, refused.ErrorCode)
	}
	return err
}

// revoke ends a refresh token where the issuer has an address for that. The session ends with or without it.
func (i *issuer) revoke(ctx context.Context, a *addresses, refreshToken string) {
	if a.revocation == "" || refreshToken == "" {
		return
	}
	form := url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}, "client_id": {i.clientID}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.revocation, strings.NewReader(form.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		var response *http.Response
		if response, err = i.client.Do(request); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
			response.Body.Close()
			return
		}
	}
	slog.Warn("revoking a refresh token", "error", err)
}

// signInAttempt is what must come back as it was sent. It waits in a cookie.
type signInAttempt struct{ State, Nonce, Verifier, To string }

// signInLife is how long somebody may take to sign in.
const signInLife = time.Hour

// signIn leads to the issuer.
func signIn(v *visit) error {
	a, err := v.p.issuer.discover(v.r.Context())
	if err != nil {
		return v.signInFailed(http.StatusBadGateway, err)
	}
	attempt := signInAttempt{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), ownPath(v.r.URL.Query().Get("to"))}
	encoded, err := json.Marshal(attempt)
	if err != nil {
		return fmt.Errorf("encoding the sign-in: %w", err)
	}
	v.setCookie(signInCookie, base64.RawURLEncoding.EncodeToString(encoded), signInLife)
	address := v.p.issuer.config(a).AuthCodeURL(attempt.State, oidc.Nonce(attempt.Nonce),
		oauth2.S256ChallengeOption(attempt.Verifier),
		oauth2.SetAuthURLParam("ui_locales", string(v.words.locale)))
	return v.seeOther(address)
}

// ownPath gives a path of the portal, its first page's where what is given is anything else.
func ownPath(to string) string {
	parsed, err := url.Parse(to)
	isOwn := err == nil && parsed.Scheme == "" && parsed.Host == "" && parsed.Opaque == "" && !strings.ContainsAny(to,
		"\\\r\n\t") &&
		path.Clean(parsed.Path) == parsed.Path && (parsed.Path == "/portal" ||
		strings.HasPrefix(parsed.Path, "/portal/"))
	if !isOwn || parsed.Path == "/portal/sign-in" || parsed.Path == "/portal/callback" {
		return "/portal"
	}
	return parsed.RequestURI()
}

// callback takes what the issuer sends back, and leads to where one was going.
func callback(v *visit) error {
	var attempt signInAttempt
	encoded, err := base64.RawURLEncoding.DecodeString(v.cookie(signInCookie))
	if err == nil {
		err = json.Unmarshal(encoded, &attempt)
	}
	v.setCookie(signInCookie, "", 0)
	query := v.r.URL.Query()
	switch {
	case err != nil || attempt.State == "":
		return v.signInFailed(http.StatusBadRequest, errors.New("this browser has begun no sign-in"))
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(attempt.State)) != 1:
		return v.signInFailed(http.StatusBadRequest, errors.New("the state is of another sign-in"))
	case query.Has("iss") && query.Get("iss") != v.p.issuer.url:
		return v.signInFailed(http.StatusBadRequest, errors.New("the answer is of another issuer"))
	case query.Get("code") == "":
		return v.signInFailed(http.StatusBadRequest, fmt.Errorf("the issuer refused: %.40q", query.Get("error")))
	}
	tokens, err := v.p.issuer.exchange(v.r.Context(), query.Get("code"), attempt)
	if err != nil {
		return v.signInFailed(http.StatusBadRequest, err)
	}
	v.keep(tokens)
	return v.seeOther(ownPath(attempt.To))
}

// signInFailed says that signing in did not work, and offers to try again.
func (v *visit) signInFailed(status int, err error) error {
	slog.Warn("signing in", "request", requestID(v.r.Context()), "error", err)
	return v.problemPage(status, "signInFailed", link("/portal/sign-in", v.words.say("signIn")))
}

// signedIn is where somebody lands who signed in beside a form that waits.
func signedIn(v *visit) error {
	if v.user == nil {
		return v.seeOther("/portal/sign-in?to=%2Fportal%2Fsigned-in")
	}
	return v.problemPage(http.StatusOK, "signedIn")
}

// signOut ends the session here and at the issuer. No token is in the address.
func signOut(v *visit) error {
	refreshToken := v.cookie(refreshTokenCookie)
	v.forget()
	address := v.p.issuer.signOutURL
	a, err := v.p.issuer.discover(v.r.Context())
	if err == nil {
		v.p.issuer.revoke(v.r.Context(), a, refreshToken)
		if address == "" {
			address = a.signOut
		}
	}
	target, parseErr := url.Parse(address)
	if parseErr != nil || target.Host == "" {
		return v.seeOther("/portal")
	}
	query := target.Query()
	query.Set("client_id", v.p.issuer.clientID)
	query.Set("logout_uri", v.p.publicURL+"/portal")
	query.Set("post_logout_redirect_uri", v.p.publicURL+"/portal")
	target.RawQuery = query.Encode()
	return v.seeOther(target.String())
}
