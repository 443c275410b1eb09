package mci

import (
	"errors"
	"time"
)

// Code names why a request is refused, for machines. The edge maps each to its HTTP status, and only there.
type Code string

// Every refusal there is.
const (
	Malformed              Code = "malformed"
	Unauthenticated        Code = "unauthenticated"
	Forbidden              Code = "forbidden"
	LocationNotGranted     Code = "location-not-granted"
	OwnClaim               Code = "own-claim"
	NotFound               Code = "not-found"
	IdempotencyKeyReused   Code = "idempotency-key-reused"
	ClaimExists            Code = "claim-exists"
	WrongStatus            Code = "wrong-status"
	DealSizeImmutable      Code = "deal-size-immutable"
	DisclaimerChanged      Code = "disclaimer-changed"
	NotQualified           Code = "not-qualified"
	TooLarge               Code = "too-large"
	UnsupportedMediaType   Code = "unsupported-media-type"
	Invalid                Code = "invalid"
	CustomerNotFound       Code = "customer-not-found"
	TenantNotFound         Code = "tenant-not-found"
	SingleEngagementOnly   Code = "single-engagement-only"
	HoursRequired          Code = "hours-required"
	MismatchReasonRequired Code = "mismatch-reason-required"
	DisclaimerRequired     Code = "disclaimer-required"
	DealSizeRequired       Code = "deal-size-required"
	RecipientOptedOut      Code = "recipient-opted-out"
	NotEligible            Code = "not-eligible"
	TooManyRequests        Code = "too-many-requests"
	Internal               Code = "internal"
	TryAgain               Code = "try-again"
	MailUnavailable        Code = "mail-unavailable"
)

// Refusal is a clear no: what was wrong, where, and what to do. All other errors are internal, and callers learn
// nothing of them.
type Refusal struct {
	Code       Code
	Detail     string
	Mistakes   []Mistake     // of an invalid request: every one
	ClaimID    ClaimID       // of the open claim, for ClaimExists
	Ineligible []Verdict     // for NotEligible
	RetryAfter time.Duration // for TooManyRequests, TryAgain and MailUnavailable; 0 for none
}

// Mistake is one thing wrong with a request, and where: a JSON pointer into the body, or the name of a parameter.
type Mistake struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error gives the code and the detail.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Detail }

// Refuse makes a refusal that needs no more than words.
func Refuse(code Code, detail string) *Refusal { return &Refusal{Code: code, Detail: detail} }

// RefuseInvalid makes the refusal of a request that has mistakes, or nil where it has none.
func RefuseInvalid(mistakes []Mistake) error {
	if len(mistakes) == 0 {
		return nil
	}
	return &Refusal{Code: Invalid, Detail: "The request has mistakes; none of it was carried out.", Mistakes: mistakes}
}

// Refusals of what the path names.
var (
	NoSuchClaim      = Refuse(NotFound, "There is no such claim.")
	NoSuchEngagement = Refuse(NotFound, "There is no such engagement.")
	NoSuchReferral   = Refuse(NotFound, "There is no such referral.")
	NotKnown         = Refuse(NotFound, "No customer that is known to you has this ID.")
)

// NotGranted refuses to write at a location on which the user holds no grant (S8, D17).
func NotGranted(locationID string) error {
	return Refuse(LocationNotGranted,
		"You hold no grant on location "+locationID+"; ask your company's administrator for one.")
}

// Verdict says that a customer may take part in one engagement, or every reason why not (S14).
type Verdict struct {
	EngagementID string       `json:"engagementId"`
	Name         string       `json:"name"`
	PayType      PayType      `json:"payType"`
	By           *CustomerID  `json:"by,omitempty"` // the ID that opens it (D35)
	Payout       *Money       `json:"payout,omitempty"`
	PayoutBasis  *PayoutBasis `json:"payoutBasis,omitempty"` // of variable pay
	Reasons      []Reason     `json:"reasons,omitempty"`
}

// CodeOf gives the code of a refusal, "" for any other error.
func CodeOf(err error) Code {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}
