// Command submit-claim hands in a claim whose work is done, within the time that the engagement sets (S25).
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
	environment := platform.Open("submit-claim")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/claims/{claimId}/submission": f.submit})
}

type function struct{ table *table.Table }

func (f function) submit(ctx context.Context, r *rest.Request) (rest.Response, error) {
	completedOn := rest.Parsed(r.Body, "completedOn", func(text string) (mci.Date, error) {
		day, err := mci.ParseDate(text)
		if err != nil {
			return "", err
		}
		return day, mci.CheckCompletedOn(day, r.Now)
	})
	notes := r.Body.OptionalText("notes", mci.MaxNotes)
	return write.ChangeClaim(ctx, f.table, r, write.ClaimCase{
		Check: func(claim mci.Claim) []mci.Mistake { return claim.CheckSubmission(completedOn) },
		Decide: func(claim write.Claim, act mci.Act) (mci.Change, error) {
			return claim.Submit(act, completedOn, notes)
		},
	})
}
