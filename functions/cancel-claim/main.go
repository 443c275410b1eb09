// Command cancel-claim ends a claim at the partner's wish; what it held is free at once (D1, D4).
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
	environment := platform.Open("cancel-claim")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/claims/{claimId}/cancellation": f.cancel})
}

type function struct{ table *table.Table }

func (f function) cancel(ctx context.Context, r *rest.Request) (rest.Response, error) {
	reason := r.Body.OptionalText("reason", mci.MaxReason)
	return write.ChangeClaim(ctx, f.table, r, write.ClaimCase{
		Decide: func(claim write.Claim, act mci.Act) (mci.Change, error) { return claim.Cancel(act, reason) },
	})
}
