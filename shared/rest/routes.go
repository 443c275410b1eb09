// Package rest is the edge between API Gateway and the use cases: the route table, the caller, strict decoding,
// problems, idempotency, cursors and the OpenAPI document.
package rest

import (
	"net/http"
	"slices"

	"mci.example/customers/shared/mci"
)

// Route is one method and path of the API. The local gateway and the CDK app both read Routes, so a route, its
// function and its authorizer are declared once.
type Route struct {
	Method   string
	Path     string     // with {parameters}, as API Gateway writes them
	Function string     // the folder in functions/ that answers
	Roles    []mci.Role // who may call it; a public route has none
	Query    []string   // the query parameters it knows; all others are refused
}

// Public says that the route needs no token: the emailed link is the key, or there is nothing to protect.
func (r Route) Public() bool { return len(r.Roles) == 0 }

// Key is the route's key as API Gateway writes it: "GET /v1/claims/{claimId}".
func (r Route) Key() string { return r.Method + " " + r.Path }

// judgeOnly are POSTs that write nothing: an Idempotency-Key is passed over.
var judgeOnly = []string{"/v1/eligibility-checks", "/v1/claims/{claimId}/consent-previews"}

// TakesIdempotencyKey says that the route keeps its response for a request's Idempotency-Key (D13).
func (r Route) TakesIdempotencyKey() bool {
	return r.Method == http.MethodPost && !r.Public() && !slices.Contains(judgeOnly, r.Path)
}

// Allows says whether any of the caller's roles opens the route.
func (r Route) Allows(roles []mci.Role) bool {
	return slices.ContainsFunc(roles, func(role mci.Role) bool { return slices.Contains(r.Roles, role) })
}

var (
	incentives = []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser}
	claims     = append(slices.Clone(incentives), mci.ProgramAdmin)
	claim      = append(slices.Clone(claims), mci.FieldSeller)
	referrals  = []mci.Role{mci.ReferralAdmin, mci.FieldSeller, mci.ProgramAdmin}
	upgraders  = []mci.Role{mci.ReferralAdmin, mci.ProgramAdmin}
	reviewers  = []mci.Role{mci.ProgramAdmin}
)

// Routes is every route of the API.
var Routes = []Route{
	{"GET", "/v1/engagements", "list-engagements", mci.Roles, []string{"state"}},
	{"GET", "/v1/engagements/{engagementId}", "list-engagements", mci.Roles, nil},
	{"GET", "/v1/engagements/{engagementId}/customers", "list-customers", incentives, []string{"tab", "q", "limit",
		"cursor"}},
	{"POST", "/v1/eligibility-checks", "check-eligibility", incentives, nil},
	{"POST", "/v1/customers", "add-customer", incentives, nil},
	{"POST", "/v1/customers/{customerId}/claims", "claim-customer", incentives, nil},
	{"GET", "/v1/claims", "list-claims", claims, []string{
		"status", "engagementId", "locationId", "emailStatus", "sort", "partnerId", "limit", "cursor",
	}},
	{"GET", "/v1/claims/{claimId}", "get-claim", claim, nil},
	{"GET", "/v1/claims/{claimId}/receipt", "receipts", claim, nil},
	{"GET", "/.well-known/jwks.json", "receipts", nil, nil},
	{"POST", "/v1/claims/{claimId}/consent-previews", "send-consent", incentives, nil},
	{"POST", "/v1/claims/{claimId}/consent-requests", "send-consent", incentives, nil},
	{"GET", "/consent/{token}", "consent-callback", nil, nil},
	{"HEAD", "/consent/{token}", "consent-callback", nil, nil},
	{"GET", "/consent/{token}/receipt", "consent-callback", nil, nil},
	{"POST", "/consent/{token}", "consent-callback", nil, nil},
	{"POST", "/v1/claims/{claimId}/submission", "submit-claim", incentives, nil},
	{"POST", "/v1/claims/{claimId}/cancellation", "cancel-claim", incentives, nil},
	{"POST", "/v1/claims/{claimId}/review", "review-claim", reviewers, nil},
	{"GET", "/v1/referrals", "list-referrals", referrals, []string{"type", "limit", "cursor"}},
	{"GET", "/v1/referrals/{referralId}", "list-referrals", referrals, nil},
	{"POST", "/v1/referrals/{referralId}/upgrade", "referral-upgrade", upgraders, nil},
	{"GET", "/v1/openapi.json", "openapi", nil, nil},
}

// PortalRoutes lead to the portal's pages, which have sessions of their own in place of the authorizer's tokens.
var PortalRoutes = []Route{
	{"GET", "/", "portal", nil, nil},
	{"GET", "/portal", "portal", nil, nil},
	{"HEAD", "/portal", "portal", nil, nil},
	{"POST", "/portal", "portal", nil, nil},
	{"GET", "/portal/{proxy+}", "portal", nil, nil},
	{"HEAD", "/portal/{proxy+}", "portal", nil, nil},
	{"POST", "/portal/{proxy+}", "portal", nil, nil},
}

// GatewayRoutes is every route that the gateway has: the API's and the portal's.
func GatewayRoutes() []Route { return slices.Concat(Routes, PortalRoutes) }
