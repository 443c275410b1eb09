// Package issuer is the OpenID Connect issuer of the one-machine cloud: people sign in on its page, and a client gets
// their tokens by authorization code with PKCE. It checks what a real issuer checks, except who the people are.
package issuer

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The token's claims that name the caller's partner and roles, as Cognito has them.
const (
	PartnerClaim = "custom:partnerId"
	RolesClaim   = "cognito:groups"
)

// How long things are good for, in real time: the clock that functions see does not age tokens.
const (
	codeLife    = time.Minute
	tokenLife   = time.Hour      // of the tokens that a client gets
	sessionLife = 12 * time.Hour // of a session at the issuer, and of its refresh tokens
	dayLife     = 24 * time.Hour // of a token made by Token
)

// Client is the one application that may have people sign in.
type Client struct {
	ID          string
	RedirectTo  []string // where a code may be sent
	SignedOutTo []string // where a browser may go from signing out
}

// User is who a token speaks of.
type User struct {
	Subject string
	Partner string
	Roles   []string
	Name    string
}

// Issuer signs tokens and answers the addresses of OpenID Connect below its URL.
type Issuer struct {
	url    string
	path   string // of the url
	secure bool   // whether the url is https
	client Client
	key    *rsa.PrivateKey
	keyID  string
	mux    *http.ServeMux
	now    func() time.Time

	mu       sync.Mutex
	sessions map[string]session // by the hash of the cookie's value
	codes    map[string]*code   // by hash; a used one is kept while it would be good, so that a second use is noticed
	refresh  map[string]string  // the hash of a session's cookie, by the hash of the refresh token
}

// session is one sign-in of a person at the issuer.
type session struct {
	user    User
	started time.Time
}

// code is an authorization code and what it was given out for.
type code struct {
	session    string // the hash of its cookie
	redirectTo string
	challenge  string
	nonce      string
	scopes     string
	given      time.Time
	used       bool
}

// Open makes the issuer whose tokens say url in the claim iss. It makes the signing key at the first start and keeps it
// in the file, so that tokens outlive a restart; sessions do not.
func Open(url, keyFile string, client Client) (*Issuer, error) {
	key, err := signingKey(keyFile)
	if err != nil {
		return nil, fmt.Errorf("the key that signs tokens: %w", err)
	}
	digest := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	i := &Issuer{url: url, client: client, key: key, keyID: hex.EncodeToString(digest[:8]), now: time.Now,
		sessions: map[string]session{}, codes: map[string]*code{}, refresh: map[string]string{}}
	return i, i.route()
}

func signingKey(path string) (*rsa.PrivateKey, error) {
	kept, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
		return key, os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(kept)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key: delete it to have a new one made", path)
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

// route makes the table of addresses.
func (i *Issuer) route() error {
	base, err := url.Parse(i.url)
	if err != nil {
		return fmt.Errorf("the issuer's address: %w", err)
	}
	i.path, i.secure, i.mux = base.Path, base.Scheme == "https", http.NewServeMux()
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /.well-known/openid-configuration": i.discovery,
		"GET /.well-known/jwks.json":            i.keys,
		"GET /authorize":                        i.authorize,
		"POST /sign-in":                         i.signIn,
		"POST /token":                           i.token,
		"GET /sign-out":                         i.signOut,
		"POST /sign-out":                        i.signOut,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		i.mux.HandleFunc(method+" "+i.path+path, handler)
	}
	return nil
}

// ServeHTTP answers the issuer's own addresses.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	i.mux.ServeHTTP(w, r)
}

// URL is what the claim iss says.
func (i *Issuer) URL() string { return i.url }

// KeysURL is where the public keys are.
func (i *Issuer) KeysURL() string { return i.url + "/.well-known/jwks.json" }

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                i.url,
		"authorization_endpoint":                i.url + "/authorize",
		"token_endpoint":                        i.url + "/token",
		"jwks_uri":                              i.KeysURL(),
		"end_session_endpoint":                  i.url + "/sign-out",
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"scopes_supported":                      []string{"openid", "profile", "email"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &i.key.PublicKey, KeyID: i.keyID, Algorithm: "RS256", Use: "sig"}}})
}

// Token gives an ID token of the user that is good for a day, as one who has signed in just now would get it.
func (i *Issuer) Token(user User) (string, error) {
	now := i.now()
	return i.sign(i.idClaims(user, now, now, dayLife), nil)
}

// Sign gives a token of this issuer with these very claims; tests make tokens with it that nobody should accept.
func (i *Issuer) Sign(claims map[string]any) (string, error) { return i.sign(claims, nil) }

// idClaims are the claims of an ID token. As Cognito does, it leaves out what a user lacks.
func (i *Issuer) idClaims(user User, signedIn, now time.Time, life time.Duration) map[string]any {
	claims := i.claims(user, "id", signedIn, now, life)
	claims["aud"] = i.client.ID
	if user.Partner != "" {
		claims[PartnerClaim] = user.Partner
	}
	if user.Name != "" {
		claims["name"] = user.Name
	}
	return claims
}

// accessClaims are the claims of an access token, which as Cognito's names its client in client_id and has no audience,
// no partner and no name.
func (i *Issuer) accessClaims(user User, scopes string, signedIn, now time.Time) map[string]any {
	claims := i.claims(user, "access", signedIn, now, tokenLife)
	claims["client_id"], claims["scope"] = i.client.ID, scopes
	return claims
}

func (i *Issuer) claims(user User, use string, signedIn, now time.Time, life time.Duration) map[string]any {
	claims := map[string]any{"sub": user.Subject, "iss": i.url, "token_use": use, "iat": now.Unix(),
		"auth_time": signedIn.Unix(), "exp": now.Add(life).Unix(), "jti": rand.Text()}
	if len(user.Roles) > 0 {
		claims[RolesClaim] = user.Roles
	}
	return claims
}

// sign gives a token with the claims and those that are added to them.
func (i *Issuer) sign(claims, added map[string]any) (string, error) {
	all := maps.Clone(claims)
	maps.Copy(all, added)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.key,
		KeyID: i.keyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	payload, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("encode a token's claims: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}

// start begins a session and gives the secret that its cookie holds.
func (i *Issuer) start(user User) string {
	secret := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.sessions, func(_ string, s session) bool { return i.over(s) })
	maps.DeleteFunc(i.refresh, func(_, session string) bool { _, goesOn := i.sessions[session]; return !goesOn })
	i.sessions[hash(secret)] = session{user, i.now()}
	return secret
}

func (i *Issuer) over(s session) bool { return !i.now().Before(s.started.Add(sessionLife)) }

// session gives a session that goes on, by the hash of its cookie. i.mu is held.
func (i *Issuer) session(key string) (session, bool) {
	s, found := i.sessions[key]
	return s, found && !i.over(s)
}

// give makes a code for the session.
func (i *Issuer) give(c code) string {
	secret := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	c.given = i.now()
	maps.DeleteFunc(i.codes, func(_ string, other *code) bool { return !i.now().Before(other.given.Add(codeLife)) })
	i.codes[hash(secret)] = &c
	return secret
}

func (c Client) redirects(address string) bool  { return slices.Contains(c.RedirectTo, address) }
func (c Client) signsOutTo(address string) bool { return slices.Contains(c.SignedOutTo, address) }

// hash is how secrets are kept.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body) // a caller that has gone away is not told
}
