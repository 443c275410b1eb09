package mci

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// TokenSecret is how many random bytes a consent link carries: 256 bits (D10).
const TokenSecret = 32

// NewConsentToken makes the token of a consent link, which names the claim and carries the secret, and the hash, all of
// the secret that is ever stored (D10). The secret is TokenSecret bytes that nobody can guess.
func NewConsentToken(id ClaimID, secret []byte) (token, hash string) {
	return base64.RawURLEncoding.EncodeToString(secret) + "." + string(id), secretHash(secret)
}

// ParseConsentToken gives the claim that a token names and the hash of its secret, and whether it can be a token at
// all.
func ParseConsentToken(token string) (id ClaimID, hash string, ok bool) {
	encoded, named, _ := strings.Cut(token, ".")
	secret, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	id, isID := ParseClaimID(named)
	if err != nil || len(secret) != TokenSecret || !isID || strings.ContainsAny(encoded, "\r\n") {
		return "", "", false
	}
	return id, secretHash(secret), true
}

func secretHash(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}
