package rest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"mci.example/customers/shared/mci"
)

// statuses map each refusal to HTTP, here and nowhere else.
var statuses = map[mci.Code]int{
	mci.Malformed:              http.StatusBadRequest,
	mci.Unauthenticated:        http.StatusUnauthorized,
	mci.Forbidden:              http.StatusForbidden,
	mci.LocationNotGranted:     http.StatusForbidden,
	mci.NotFound:               http.StatusNotFound,
	mci.IdempotencyKeyReused:   http.StatusConflict,
	mci.ClaimExists:            http.StatusConflict,
	mci.WrongStatus:            http.StatusConflict,
	mci.DealSizeImmutable:      http.StatusConflict,
	mci.NotQualified:           http.StatusConflict,
	mci.TooLarge:               http.StatusRequestEntityTooLarge,
	mci.UnsupportedMediaType:   http.StatusUnsupportedMediaType,
	mci.Invalid:                http.StatusUnprocessableEntity,
	mci.CustomerNotFound:       http.StatusUnprocessableEntity,
	mci.TenantNotFound:         http.StatusUnprocessableEntity,
	mci.SingleEngagementOnly:   http.StatusUnprocessableEntity,
	mci.HoursRequired:          http.StatusUnprocessableEntity,
	mci.MismatchReasonRequired: http.StatusUnprocessableEntity,
	mci.DisclaimerRequired:     http.StatusUnprocessableEntity,
	mci.DealSizeRequired:       http.StatusUnprocessableEntity,
	mci.NotEligible:            http.StatusUnprocessableEntity,
	mci.TooManyRequests:        http.StatusTooManyRequests,
	mci.Internal:               http.StatusInternalServerError,
	mci.TryAgain:               http.StatusServiceUnavailable,
	mci.MailUnavailable:        http.StatusServiceUnavailable,
}

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Type       string        `json:"type"`
	Title      string        `json:"title"`
	Status     int           `json:"status"`
	Detail     string        `json:"detail"`
	Instance   string        `json:"instance"` // the request's ID
	Errors     []mci.Mistake `json:"errors,omitempty"`
	ClaimID    mci.ClaimID   `json:"claimId,omitempty"`
	Ineligible []mci.Verdict `json:"ineligible,omitempty"`
}

// ProblemType is what names a refusal to machines.
func ProblemType(code mci.Code) string { return "urn:mci:problem:" + string(code) }

// problem renders a refusal. Of an internal error it says nothing but that there was one, and the ID to quote.
func problem(event Event, refusal *mci.Refusal) Response {
	status := statuses[refusal.Code]
	detail := refusal.Detail
	if refusal.Code == mci.Internal {
		detail = "Something went wrong on our side; the same request may be repeated. Quote the instance when you report it."
	}
	body, err := json.Marshal(Problem{
		Type: ProblemType(refusal.Code), Title: title(refusal.Code), Status: status, Detail: detail,
		Instance: event.RequestContext.RequestID, Errors: refusal.Mistakes, ClaimID: refusal.ClaimID, Ineligible: refusal.Ineligible,
	})
	if err != nil {
		body = fmt.Appendf(nil, `{"type":%q,"status":%d}`, ProblemType(mci.Internal), http.StatusInternalServerError)
	}
	response := Response{StatusCode: status, Headers: headers("application/problem+json"), Body: string(body)}
	if refusal.RetryAfter > 0 {
		response.Headers["Retry-After"] = seconds(refusal.RetryAfter)
	}
	return response
}

func seconds(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

// title makes a code readable: "location-not-granted" is "Location not granted".
func title(code mci.Code) string {
	text := []byte(code)
	text[0] -= 'a' - 'A'
	for i := range text {
		if text[i] == '-' {
			text[i] = ' '
		}
	}
	return string(text)
}

// NoSuchClaim is how a claim is refused that is not there, or that the caller may not see.
var NoSuchClaim = mci.Refuse(mci.NotFound, "There is no such claim.")

// NoSuchEngagement is how an engagement in the path is refused that the program does not have.
var NoSuchEngagement = mci.Refuse(mci.NotFound, "There is no such engagement.")

// NoSuchReferral is how a referral is refused that is not there, or that the caller may not see.
var NoSuchReferral = mci.Refuse(mci.NotFound, "There is no such referral.")

// NotGranted refuses to write at a location on which the user holds no grant (S8, D17).
func NotGranted(locationID string) error {
	return mci.Refuse(mci.LocationNotGranted, "You hold no grant on location "+locationID+"; ask your company's administrator for one.")
}
