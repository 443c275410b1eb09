// Command submit-claim hands in a claim whose work is done, within the time that the engagement sets (S25).
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
	environment := platform.Open("submit-claim")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/claims/{claimId}/submission": f.submit})
}

type function struct{ table *table.Table }

func (f function) submit(ctx context.Context, r *rest.Request) (rest.Answer, error) {
	completedOn := rest.Parsed(r.Body, "completedOn", func(text string) (mci.Date, error) {
		day, err := mci.ParseDate(text)
		if err != nil {
			return "", err
		}
		return day, mci.CheckCompletedOn(day, r.Now)
	})
	notes := r.Body.OptionalText("notes", mci.MaxNotes)
	return lifecycle.ChangeClaim(ctx, f.table, r, func(claim mci.Claim, act mci.Act, _ table.Catalogue) (mci.Change, error) {
		return claim.Submit(act, completedOn, notes)
	})
}
