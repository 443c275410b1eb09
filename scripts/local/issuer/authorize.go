package issuer

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// cookieName is that of the cookie that holds a session's secret.
const cookieName = "issuer-session"

// challengePattern is what S256 makes of a verifier.
var challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// request is what a client asks of the authorization endpoint.
type request struct {
	raw        string
	redirectTo string
	state      string
	nonce      string
	challenge  string
	scopes     string
	prompts    []string
}

// refusal is why a request is refused. Without an OAuth error code it is shown to the person and never sent to the
// redirect address, which may be anyone's.
type refusal struct{ code, message string }

// readRequest checks the query of the authorization endpoint.
func (i *Issuer) readRequest(raw string) (request, *refusal) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return request{}, &refusal{"", "The address is not understood: start again from the portal."}
	}
	if id := query.Get("client_id"); id != i.client.ID {
		return request{}, &refusal{"", i.otherClient(id)}
	}
	asked := request{raw: raw, redirectTo: query.Get("redirect_uri"), state: query.Get("state"),
		nonce: query.Get("nonce"), challenge: query.Get("code_challenge"), scopes: query.Get("scope"),
		prompts: strings.Fields(query.Get("prompt"))}
	if !i.client.redirects(asked.redirectTo) || len(query["redirect_uri"]) != 1 {
		return request{}, &refusal{"", fmt.Sprintf("redirect_uri is %q; registered are only %s.", asked.redirectTo,
			strings.Join(i.client.RedirectTo, ", "))}
	}
	for name, values := range query {
		if len(values) > 1 {
			return asked, &refusal{"invalid_request", name + " is given more than once"}
		}
	}
	switch {
	case query.Get("response_type") != "code":
		return asked, &refusal{"unsupported_response_type", "response_type is not code"}
	case query.Get("response_mode") != "" && query.Get("response_mode") != "query":
		return asked, &refusal{"invalid_request", "response_mode is not query"}
	case !slices.Contains(strings.Fields(asked.scopes), "openid"):
		return asked, &refusal{"invalid_scope", "scope lacks openid"}
	case query.Get("code_challenge_method") != "S256":
		return asked, &refusal{"invalid_request", "code_challenge_method is not S256: PKCE is required"}
	case !challengePattern.MatchString(asked.challenge):
		return asked, &refusal{"invalid_request",
			"code_challenge is not what S256 makes of a verifier: PKCE is required"}
	}
	return asked, nil
}

// otherClient says that a client is not registered.
func (i *Issuer) otherClient(id string) string {
	return fmt.Sprintf("client_id is %q; only the client %q is registered here.", id, i.client.ID)
}

// authorize shows the sign-in page, or sends a code where the person has a session already.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	asked, refused := i.readRequest(r.URL.RawQuery)
	if refused != nil {
		i.refuse(w, r, asked, *refused)
		return
	}
	key := sessionKey(r)
	i.mu.Lock()
	_, goesOn := i.session(key)
	i.mu.Unlock()
	switch {
	case goesOn && !slices.Contains(asked.prompts, "login"):
		i.sendCode(w, r, asked, key)
	case slices.Contains(asked.prompts, "none"):
		i.refuse(w, r, asked, refusal{"login_required", "nobody is signed in"})
	default:
		i.showSignIn(w, http.StatusOK, asked, "")
	}
}

// signIn takes the sign-in page's form: a person's button, or anyone by hand.
func (i *Issuer) signIn(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		showMessage(w, http.StatusForbidden, "This form was sent by another site. Start again from the portal.")
		return
	}
	if err := r.ParseForm(); err != nil {
		showMessage(w, http.StatusBadRequest, "The form is not understood. Start again from the portal.")
		return
	}
	asked, refused := i.readRequest(r.PostForm.Get("request"))
	if refused != nil {
		i.refuse(w, r, asked, *refused)
		return
	}
	user := User{
		Subject: strings.TrimSpace(r.PostForm.Get("sub")),
		Partner: strings.TrimSpace(r.PostForm.Get("partnerId")),
		Roles:   strings.Fields(r.PostForm.Get("roles")),
	}
	if subject := r.PostForm.Get("person"); subject != "" {
		known := slices.IndexFunc(People, func(person User) bool { return person.Subject == subject })
		if known < 0 {
			i.showSignIn(w, http.StatusUnprocessableEntity, asked, "")
			return
		}
		user = People[known]
	}
	if user.Subject == "" {
		i.showSignIn(w, http.StatusUnprocessableEntity, asked, "sub is missing: say who signs in")
		return
	}
	secret := i.start(user)
	http.SetCookie(w, i.cookie(secret, int(sessionLife.Seconds())))
	i.sendCode(w, r, asked, hash(secret))
}

// sendCode sends the browser back to the client with a code.
func (i *Issuer) sendCode(w http.ResponseWriter, r *http.Request, asked request, session string) {
	secret := i.give(code{session: session, redirectTo: asked.redirectTo, challenge: asked.challenge,
		nonce: asked.nonce, scopes: asked.scopes})
	redirect(w, r, asked.redirectTo, url.Values{"code": {secret}, "state": {asked.state}})
}

// refuse tells the client by the redirect address, or the person where that address is not to be trusted.
func (i *Issuer) refuse(w http.ResponseWriter, r *http.Request, asked request, why refusal) {
	if why.code == "" {
		showMessage(w, http.StatusBadRequest, why.message)
		return
	}
	redirect(w, r, asked.redirectTo,
		url.Values{"error": {why.code}, "error_description": {why.message}, "state": {asked.state}})
}

// signOut ends the session and sends the browser on, or says that it is done.
func (i *Issuer) signOut(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		showMessage(w, http.StatusBadRequest, "The request is not understood.")
		return
	}
	to := r.Form.Get("logout_uri")
	if to == "" {
		to = r.Form.Get("post_logout_redirect_uri")
	}
	if id := r.Form.Get("client_id"); to != "" && id != i.client.ID {
		showMessage(w, http.StatusBadRequest, i.otherClient(id))
		return
	}
	if to != "" && !i.client.signsOutTo(to) {
		showMessage(w, http.StatusBadRequest, fmt.Sprintf("The address to go to is %q; registered are only %s.", to,
			strings.Join(i.client.SignedOutTo, ", ")))
		return
	}
	i.mu.Lock()
	delete(i.sessions, sessionKey(r))
	i.mu.Unlock()
	http.SetCookie(w, i.cookie("", -1))
	if to == "" {
		showMessage(w, http.StatusOK, "You are signed out.")
		return
	}
	query := url.Values{}
	if state := r.Form.Get("state"); state != "" {
		query.Set("state", state)
	}
	redirect(w, r, to, query)
}

// redirect sends the browser to a registered address with the parameters that have a value.
func redirect(w http.ResponseWriter, r *http.Request, address string, parameters url.Values) {
	to, err := url.Parse(address)
	if err != nil {
		showMessage(w, http.StatusInternalServerError, "The registered address cannot be used: "+address)
		return
	}
	query := to.Query()
	for name, values := range parameters {
		if values[0] != "" {
			query.Set(name, values[0])
		}
	}
	to.RawQuery = query.Encode()
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// cookie is the session's cookie, at the issuer's addresses alone.
func (i *Issuer) cookie(secret string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: secret, Path: i.path, MaxAge: maxAge, HttpOnly: true, Secure: i.secure,
		SameSite: http.SameSiteLaxMode}
}

// sessionKey is the hash of the request's cookie.
func sessionKey(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return hash(cookie.Value)
}
