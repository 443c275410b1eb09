package mci

import (
	"crypto/sha256"
	"encoding/hex"
)

// IdempotentRequest is a request with an Idempotency-Key: the same caller, route, key and body get the first success
// again (D13). The zero value has no key.
type IdempotentRequest struct {
	PartnerID, UserID, Route, IdempotencyKey string
	Body                                     []byte
}

// BodyHash is kept in place of the body.
func (r IdempotentRequest) BodyHash() string {
	sum := sha256.Sum256(r.Body)
	return hex.EncodeToString(sum[:])
}

// SameBody refuses a request whose key was used for a body of another hash.
func (r IdempotentRequest) SameBody(keptHash string) error {
	if keptHash == r.BodyHash() {
		return nil
	}
	return Refuse(IdempotencyKeyReused,
		"This Idempotency-Key was used for another body; use a new key for a new request.")
}
