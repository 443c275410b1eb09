package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"regexp"
	"time"
)

// verifierPattern is what a code verifier looks like (RFC 7636).
var verifierPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// tokenError is an answer of the token endpoint's own, as OAuth words it.
type tokenError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// grant is what the token endpoint gives tokens for.
type grant struct {
	session session
	scopes  string
	nonce   string
	refresh string // a new refresh token, "" where the client has one
}

// token is the token endpoint.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, tokenError{"invalid_request", "the form is not understood"})
		return
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			writeJSON(w, http.StatusBadRequest, tokenError{"invalid_request", name + " is given more than once"})
			return
		}
	}
	// The client is public: it has no secret, and a request that shows one is somebody else's.
	secret := r.PostForm.Has("client_secret") || r.Header.Get("Authorization") != ""
	if r.PostForm.Get("client_id") != i.client.ID || secret {
		writeJSON(w, http.StatusUnauthorized,
			tokenError{"invalid_client", "the client gives its client_id in the form, and no secret"})
		return
	}
	var given grant
	var refused *tokenError
	switch kind := r.PostForm.Get("grant_type"); kind {
	case "authorization_code":
		given, refused = i.redeem(r.PostForm.Get("code"), r.PostForm.Get("redirect_uri"),
			r.PostForm.Get("code_verifier"))
	case "refresh_token":
		given, refused = i.renew(r.PostForm.Get("refresh_token"))
	default:
		refused = &tokenError{"unsupported_grant_type", "grant_type is neither authorization_code nor refresh_token"}
	}
	if refused != nil {
		writeJSON(w, http.StatusBadRequest, refused)
		return
	}
	answer, err := i.tokens(given)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, tokenError{"server_error", err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// redeem takes a code, once.
func (i *Issuer) redeem(secret, redirectTo, verifier string) (grant, *tokenError) {
	refuse := func(why string) (grant, *tokenError) { return grant{}, &tokenError{"invalid_grant", why} }
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.codes[hash(secret)]
	if c == nil || !i.now().Before(c.given.Add(codeLife)) {
		return refuse("the code is not known, or no longer good")
	}
	if c.used {
		delete(i.sessions, c.session) // whoever used it may have stolen it: its refresh token ends with the session
		return refuse("the code was used before")
	}
	c.used = true
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	switch session, goesOn := i.session(c.session); {
	case !goesOn:
		return refuse("the person has signed out")
	case c.redirectTo != redirectTo:
		return refuse("redirect_uri is not the one that the code was sent to")
	case !verifierPattern.MatchString(verifier) || subtle.ConstantTimeCompare([]byte(challenge),
		[]byte(c.challenge)) != 1:
		return refuse("code_verifier is not the one of the code_challenge")
	default:
		token := rand.Text()
		i.refresh[hash(token)] = c.session
		return grant{session, c.scopes, c.nonce, token}, nil
	}
}

// renew takes a refresh token, which as Cognito's stays good for its session.
func (i *Issuer) renew(secret string) (grant, *tokenError) {
	i.mu.Lock()
	defer i.mu.Unlock()
	session, goesOn := i.session(i.refresh[hash(secret)])
	if !goesOn {
		return grant{}, &tokenError{"invalid_grant", "the refresh token is not known, or its session has ended"}
	}
	return grant{session: session, scopes: "openid"}, nil
}

// tokens is the answer to a grant.
func (i *Issuer) tokens(given grant) (map[string]any, error) {
	now, user := i.now(), given.session.user
	access, err := i.sign(i.accessClaims(user, given.scopes, given.session.started, now), nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(access))
	added := map[string]any{"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])}
	if given.nonce != "" {
		added["nonce"] = given.nonce
	}
	id, err := i.sign(i.idClaims(user, given.session.started, now, tokenLife), added)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"token_type": "Bearer", "expires_in": int(tokenLife / time.Second),
		"access_token": access, "id_token": id}
	if given.refresh != "" {
		answer["refresh_token"] = given.refresh
	}
	return answer, nil
}
