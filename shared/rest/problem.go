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
	mci.OwnClaim:               http.StatusForbidden,
	mci.NotFound:               http.StatusNotFound,
	mci.IdempotencyKeyReused:   http.StatusConflict,
	mci.ClaimExists:            http.StatusConflict,
	mci.WrongStatus:            http.StatusConflict,
	mci.DealSizeImmutable:      http.StatusConflict,
	mci.DisclaimerChanged:      http.StatusConflict,
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
	mci.RecipientOptedOut:      http.StatusUnprocessableEntity,
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
func problem(event GatewayRequest, refusal *mci.Refusal) GatewayResponse {
	status := statuses[refusal.Code]
	detail := refusal.Detail
	if refusal.Code == mci.Internal {
		detail = "Something went wrong on our side; the same request may be repeated. Quote the instance when you " +
			"report it."
	}
	body, err := json.Marshal(Problem{
		Type: ProblemType(refusal.Code), Title: title(refusal.Code), Status: status, Detail: detail,
		Instance: event.RequestContext.RequestID, Errors: refusal.Mistakes, ClaimID: refusal.ClaimID,
		Ineligible: refusal.Ineligible,
	})
	if err != nil {
		body = fmt.Appendf(nil, `{"type":%q,"status":%d}`, ProblemType(mci.Internal), http.StatusInternalServerError)
	}
	response := GatewayResponse{StatusCode: status, Headers: headers("application/problem+json"), Body: string(body)}
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
