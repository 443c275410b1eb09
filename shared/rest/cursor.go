package rest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mci.example/customers/shared/mci"
)

// Cursors seals the positions at which lists go on. A cursor can be neither read nor forged, and serves its caller and
// query alone.
type Cursors struct{ seal cipher.AEAD }

// NewCursors makes cursors with a secret of at least 32 characters.
func NewCursors(secret string) (Cursors, error) {
	if len(secret) < 32 {
		return Cursors{}, fmt.Errorf("the secret of cursors must have at least 32 characters")
	}
	key := sha256.Sum256([]byte(secret))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return Cursors{}, fmt.Errorf("preparing the seal of cursors: %w", err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return Cursors{}, fmt.Errorf("preparing the seal of cursors: %w", err)
	}
	return Cursors{seal}, nil
}

// binding is whom and what a cursor serves: the caller and the query without the cursor itself and the page's size.
func binding(r *Request) []byte {
	parts := []string{r.Route.Key(), r.Caller.PartnerID, r.Caller.UserID, mci.Join(r.Caller.Roles)}
	for _, parameters := range []map[string]string{r.path, r.query} {
		for _, name := range slices.Sorted(maps.Keys(parameters)) {
			if name != "cursor" && name != "limit" {
				parts = append(parts, name+"="+parameters[name])
			}
		}
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return []byte(strings.Join(parts, "\x00"))
	}
	return text
}

// Seal gives the cursor for a position, "" for none.
func (c Cursors) Seal(r *Request, position string) string {
	if position == "" {
		return ""
	}
	nonce := make([]byte, c.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(c.seal.Seal(nonce, nonce, []byte(position), binding(r)))
}

// Open gives the position of the request's cursor, "" where it has none. A cursor of another caller or query, or that
// was tampered with, is a mistake.
func (c Cursors) Open(r *Request) string {
	cursor := r.Query("cursor")
	if cursor == "" {
		return ""
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(sealed) > c.seal.NonceSize() {
		var position []byte
		nonce := sealed[:c.seal.NonceSize()]
		if position, err = c.seal.Open(nil, nonce, sealed[len(nonce):], binding(r)); err == nil {
			return string(position)
		}
	}
	r.Mistake("cursor", "is not a cursor of yours for this query; begin the list anew without it")
	return ""
}
