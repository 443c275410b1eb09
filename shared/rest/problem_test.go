package rest

import (
	"strings"
	"testing"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

// TestEveryCodeHasItsStatusAndIsDescribed holds the codes against the statuses that the contract gives them, and finds
// those that no route is described to answer.
func TestEveryCodeHasItsStatusAndIsDescribed(t *testing.T) {
	t.Parallel()
	contract := map[mci.Code]int{
		"malformed": 400, "unauthenticated": 401, "forbidden": 403, "location-not-granted": 403, "own-claim": 403,
		"not-found":              404,
		"idempotency-key-reused": 409, "claim-exists": 409, "wrong-status": 409, "deal-size-immutable": 409,
		"disclaimer-changed": 409, "not-qualified": 409,
		"too-large": 413, "unsupported-media-type": 415,
		"invalid": 422, "customer-not-found": 422, "tenant-not-found": 422, "single-engagement-only": 422,
		"hours-required":           422,
		"mismatch-reason-required": 422, "disclaimer-required": 422, "deal-size-required": 422,
		"recipient-opted-out": 422,
		"not-eligible":        422,
		"too-many-requests":   429, "internal": 500, "try-again": 503, "mail-unavailable": 503,
	}
	operations, err := openapitest.Operations()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, operation := range operations {
		for _, status := range operation.Statuses() {
			for _, kind := range operation.Types(status) {
				described[kind] = true
				code := mci.Code(strings.TrimPrefix(kind, "urn:mci:problem:"))
				if contract[code] != status {
					t.Errorf("%s is described to answer %s with %d, and the contract says %d", operation.ID, code,
						status, contract[code])
				}
			}
		}
	}
	if len(contract) != len(statuses) {
		t.Errorf("the contract has %d codes, and the edge %d", len(contract), len(statuses))
	}
	for code, status := range contract {
		if statuses[code] != status {
			t.Errorf("%s is %d instead of %d", code, statuses[code], status)
		}
		if !described[ProblemType(code)] {
			t.Errorf("no route is described to answer %s", code)
		}
	}
}
