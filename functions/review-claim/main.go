// Command review-claim is the program's word on a submitted claim: completed, sent back, or finally rejected (D1, D2).
package main

import (
	"context"

	"mci.example/customers/shared/lifecycle"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("review-claim")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/claims/{claimId}/review": f.review})
}

type function struct{ table *table.Table }

func (f function) review(ctx context.Context, r *rest.Request) (rest.Answer, error) {
	decision := rest.OneOf(r.Body, "decision", mci.ReviewDecisions)
	reason := r.Body.OptionalText("reason", mci.MaxReason)
	return lifecycle.ChangeClaim(ctx, f.table, r, func(claim mci.Claim, act mci.Act, catalogue table.Catalogue) (mci.Change, error) {
		return claim.Review(act, decision, reason, catalogue[claim.EngagementID])
	})
}
