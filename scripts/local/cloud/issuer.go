package cloud

import (
	"context"
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
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// The token's claims that name the caller's partner and roles, as Cognito has them.
const (
	PartnerClaim = "custom:partnerId"
	RolesClaim   = "cognito:groups"
)

// tokenLife is how long a token is good for, in real time: the clock that functions see does not age tokens.
const tokenLife = 24 * time.Hour

// issuer is the identity provider: it signs tokens, publishes its keys as OpenID Connect has it, and, for the gateway,
// verifies tokens against what it published.
type issuer struct {
	url      string
	key      *rsa.PrivateKey
	keyID    string
	verifier *oidc.IDTokenVerifier
}

// openIssuer makes the signing key at the first start and keeps it, so that tokens outlive a restart.
func openIssuer(url, keyFile string) (*issuer, error) {
	key, err := signingKey(keyFile)
	if err != nil {
		return nil, fmt.Errorf("the key that signs tokens: %w", err)
	}
	digest := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	keys := oidc.NewRemoteKeySet(context.Background(), url+"/jwks.json") // fetched when a token first needs them
	return &issuer{url: url, key: key, keyID: hex.EncodeToString(digest[:8]),
		verifier: oidc.NewVerifier(url, keys, &oidc.Config{ClientID: Audience})}, nil
}

func signingKey(path string) (*rsa.PrivateKey, error) {
	kept, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
		return key, writeFile(path, pem.EncodeToMemory(block))
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

// serve answers the issuer's own addresses.
func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, "/local/oidc") {
	case "/.well-known/openid-configuration":
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": i.url, "jwks_uri": i.url + "/jwks.json",
			"authorization_endpoint": i.url + "/authorize", "token_endpoint": i.url + "/token",
			"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	case "/jwks.json":
		writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: &i.key.PublicKey, KeyID: i.keyID, Algorithm: "RS256", Use: "sig"}}})
	default:
		writeMessage(w, http.StatusNotFound, "Not Found")
	}
}

// token is an ID token of the user, good for a day.
func (i *issuer) token(subject, partner string, roles []string) (string, error) {
	now := time.Now()
	claims := map[string]any{"sub": subject, "iss": i.url, "aud": Audience, "token_use": "id",
		"iat": now.Unix(), "auth_time": now.Unix(), "exp": now.Add(tokenLife).Unix(), "jti": newID()}
	// As Cognito does, what a user lacks is left out.
	if partner != "" {
		claims[PartnerClaim] = partner
	}
	if len(roles) > 0 {
		claims[RolesClaim] = roles
	}
	return i.sign(claims)
}

func (i *issuer) sign(claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.key, KeyID: i.keyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode a token's claims: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}

// Token is a token of the user, as POST /local/token gives it.
func (c *Cloud) Token(subject, partner string, roles ...string) (string, error) {
	return c.issuer.token(subject, partner, roles)
}

// Sign is a token of this issuer with these very claims; tests make tokens with it that nobody should accept.
func (c *Cloud) Sign(claims map[string]any) (string, error) { return c.issuer.sign(claims) }

// Issuer is what the claim iss must say.
func (c *Cloud) Issuer() string { return c.issuer.url }
