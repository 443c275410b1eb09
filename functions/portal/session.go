package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"mci.example/customers/shared/mail"
)

// Cookies. Those that hold a secret are out of scripts' reach.
const (
	idTokenCookie      = "portal-id-token"
	refreshTokenCookie = "portal-refresh-token"
	signInCookie       = "portal-sign-in"
	languageCookie     = "portal-language"
)

const (
	sessionLife  = 12 * time.Hour // of the cookies; the tokens in them end by themselves
	languageLife = 365 * 24 * time.Hour
	cookiePiece  = 3800 // bytes of a value that fit in one cookie
	cookiePieces = 2
	maxTokens    = 7000 // bytes of both tokens: the gateway takes 10,240 of all headers
	renewBefore  = time.Minute
)

// visit is one request of a user.
type visit struct {
	p     *portal
	w     http.ResponseWriter
	r     *http.Request
	words *words
	user  *user // nil for those who are not signed in
	api   api
}

// user is whom the ID token names. It decides what is shown; what is allowed, the API decides by the token itself.
type user struct {
	ID, Name, Partner string
	Roles             []string
	token             string
	ends              time.Time
}

// has says whether the user has one of the roles.
func (u *user) has(roles ...string) bool {
	return u != nil && slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(u.Roles, role) })
}

// Roles that open pages together.
var (
	incentives = []string{"incentives-admin", "incentives-user"}
	staff      = []string{"program-admin"}
)

// incentives says whether the user works on their partner's claims.
func (u *user) incentives() bool { return u.has(incentives...) }

// newVisit reads the language and the session, which may have none or an old token.
func (p *portal) newVisit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{p: p, w: w, r: r}
	v.words = &words{mail.ChooseLocale(v.cookie(languageCookie), r.Header.Get("Accept-Language"))}
	v.use(v.cookie(idTokenCookie))
	return v
}

// use has the visit's calls made with the token.
func (v *visit) use(token string) {
	v.user = v.p.readToken(token)
	v.api = api{url: v.p.apiURL, client: v.p.client, token: token, address: v.r.RemoteAddr,
		language: string(v.words.locale)}
}

// readToken reads an ID token that the portal itself has put in a cookie, after verifying it; nil where it is none. Who
// puts another one there sees an empty page: the API verifies every token.
func (p *portal) readToken(token string) *user {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	claims := map[string]json.RawMessage{}
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	claimed := func(name string) (value string) {
		_ = json.Unmarshal(claims[name], &value) // one that is no text is none
		return value
	}
	u := &user{ID: claimed("sub"), Partner: claimed(p.partner), token: token}
	for _, name := range []string{"name", "email", "sub"} {
		if u.Name == "" {
			u.Name = claimed(name)
		}
	}
	_ = json.Unmarshal(claims[p.roles], &u.Roles) // no list is no role
	var ends int64
	if json.Unmarshal(claims["exp"], &ends) != nil || u.ID == "" {
		return nil
	}
	u.ends = time.Unix(ends, 0)
	return u
}

// open answers a request that needs no session.
func (p *portal) open(answer func(v *visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.newVisit(w, r)
		if err := answer(v); err != nil {
			v.fail(err)
		}
	}
}

// signedIn answers a request of those who are signed in. A token that is about to end is renewed; where it cannot be,
// the user signs in and comes back, and a form that was posted waits with all that was typed.
func (p *portal) signedIn(answer func(v *visit) error) http.HandlerFunc {
	return p.open(func(v *visit) error {
		if v.r.Method == http.MethodPost {
			if err := parseForm(v.r); err != nil {
				return v.refusedForm(err)
			}
			if v.r.PostForm.Get("go") == "language" {
				v.keepLanguage(v.r.PostForm.Get("language"))
			}
		}
		// The token's life is real time, whatever clock the functions go by.
		if v.user == nil || time.Until(v.user.ends) < renewBefore {
			if err := v.renew(); err != nil {
				if v.user == nil || time.Now().After(v.user.ends) {
					return v.signInAgain()
				}
			}
		}
		return answer(v)
	})
}

// renew gets a new ID token by the refresh token.
func (v *visit) renew() error {
	refresh := v.cookie(refreshTokenCookie)
	if refresh == "" {
		return errNoRefreshToken
	}
	tokens, err := v.p.issuer.refresh(v.r.Context(), refresh)
	if err != nil {
		slog.Info("renewing a session", "request", requestID(v.r.Context()), "error", err)
		return err
	}
	if v.user != nil {
		if renewed := v.p.readToken(tokens.id); renewed == nil || renewed.ID != v.user.ID {
			return fmt.Errorf("the issuer renewed the session of someone else")
		}
	}
	v.keep(tokens)
	v.use(tokens.id)
	return nil
}

// signInAgain leads to the issuer and back, or keeps what was posted until the user has signed in elsewhere.
func (v *visit) signInAgain() error {
	if v.r.Method == http.MethodPost {
		return v.sessionEnded()
	}
	return v.seeOther("/portal/sign-in?to=" + url.QueryEscape(v.r.URL.RequestURI()))
}

// seeOther leads to another page of the portal.
func (v *visit) seeOther(address string) error {
	v.w.Header().Set("Location", address)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// keep puts a session's tokens in cookies. A refresh token too long to travel along is dropped: the session then ends
// with its ID token.
func (v *visit) keep(tokens tokens) {
	if len(tokens.id)+len(tokens.refresh) > maxTokens {
		tokens.refresh = ""
	}
	v.setCookie(idTokenCookie, tokens.id, sessionLife)
	v.setCookie(refreshTokenCookie, tokens.refresh, sessionLife)
}

// forget ends the session in this browser.
func (v *visit) forget() {
	v.user = nil
	v.setCookie(idTokenCookie, "", 0)
	v.setCookie(refreshTokenCookie, "", 0)
}

// cookieName is the name by which the browser itself keeps a cookie from other hosts and plain connections. On one
// machine, over plain HTTP, browsers take no such name.
func (p *portal) cookieName(name string, piece int) string {
	if piece > 0 {
		name = fmt.Sprintf("%s-%d", name, piece)
	}
	if p.encrypted() {
		return "__Host-" + name
	}
	return name
}

func (p *portal) encrypted() bool { return strings.HasPrefix(p.publicURL, "https:") }

// cookie gives a cookie's value, "" where there is none.
func (v *visit) cookie(name string) string {
	value := ""
	for piece := range cookiePieces {
		cookie, err := v.r.Cookie(v.p.cookieName(name, piece))
		if err != nil {
			break
		}
		value += cookie.Value
	}
	return value
}

// setCookie sets a cookie, in pieces where it is long; an empty value takes it away.
func (v *visit) setCookie(name, value string, life time.Duration) {
	for piece := range cookiePieces {
		part := value[:min(cookiePiece, len(value))]
		value = value[len(part):]
		cookie := &http.Cookie{
			Name: v.p.cookieName(name, piece), Value: part, Path: "/", HttpOnly: true, Secure: v.p.encrypted(),
			SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds()),
		}
		if part == "" {
			if _, err := v.r.Cookie(cookie.Name); err != nil {
				continue // the browser has none to take away
			}
			cookie.MaxAge = -1
		}
		http.SetCookie(v.w, cookie)
	}
}

// requestID names the request in logs and to users.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
