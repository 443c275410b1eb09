package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// authorize does what API Gateway's JWT authorizer does: it verifies the token in the Authorization header and hands
// its claims over as strings.
func (c *Cloud) authorize(ctx context.Context, authorization string) (map[string]string, error) {
	raw := authorization
	if scheme, token, found := strings.Cut(authorization, " "); found && strings.EqualFold(scheme, "Bearer") {
		raw = strings.TrimSpace(token)
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512})
	if err != nil {
		return nil, fmt.Errorf("no signed token: %w", err)
	}
	if signed.Signatures[0].Header.KeyID == "" {
		return nil, fmt.Errorf("the token names no key")
	}
	token, err := c.verifier.Verify(ctx, raw) // signature, issuer, exp and nbf
	if err != nil {
		return nil, err
	}
	var client struct {
		ID string `json:"client_id"`
	}
	if err := token.Claims(&client); err != nil {
		return nil, fmt.Errorf("read the token's claims: %w", err)
	}
	// Access tokens have no audience: API Gateway looks at client_id then, so functions refuse what is no ID token.
	if !slices.Contains(token.Audience, ClientID) && (len(token.Audience) > 0 || client.ID != ClientID) {
		return nil, fmt.Errorf("the token is for %v, not for %s", token.Audience, ClientID)
	}
	if token.IssuedAt.After(time.Now()) {
		return nil, fmt.Errorf("the token was issued in the future")
	}
	var claims json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the token's claims: %w", err)
	}
	return renderClaims(claims)
}

// renderClaims turns claims into strings as API Gateway does: numbers in their digits, arrays as [a b].
func renderClaims(claims []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(claims))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		return nil, fmt.Errorf("read the token's claims: %w", err)
	}
	rendered := make(map[string]string, len(values))
	for name, value := range values {
		rendered[name] = fmt.Sprint(value)
	}
	return rendered, nil
}
