// Command review-claim is the program's word on a submitted claim: completed, sent back, or finally rejected (D1, D2).
package main

import (
	"context"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
	"mci.example/customers/shared/write"
)

func main() {
	environment := platform.Open("review-claim")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/claims/{claimId}/review": f.review})
}

type function struct{ table *table.Table }

func (f function) review(ctx context.Context, r *rest.Request) (rest.Response, error) {
	decision := rest.OneOf(r.Body, "decision", mci.ReviewDecisions)
	reason := r.Body.OptionalText("reason", mci.MaxReason)
	if decision.NeedsReason() && reason == "" {
		r.Body.Mistake("reason", "is required: the partner reads why the claim is returned or rejected")
	}
	return write.ChangeClaim(ctx, f.table, r, write.ClaimCase{
		Decide: func(claim write.Claim, act mci.Act) (mci.Change, error) {
			return claim.Review(act, decision, reason, claim.Engagement)
		},
	})
}
