package mci

// IdempotentRequest is what an Idempotency-Key binds: the same caller, route, key and body get the first success again
// (D13). The zero value has no key, and binds nothing.
type IdempotentRequest struct {
	PartnerID, UserID, Route, IdempotencyKey string
	Body                                     []byte
}
