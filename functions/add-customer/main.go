// Command add-customer adds a customer, named by one customer ID, to engagements: each gets its claim, all or none
// (S7-S18).
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
	environment := platform.Open("add-customer")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/customers": f.add})
}

type function struct{ table *table.Table }

func (f function) add(ctx context.Context, r *rest.Request) (rest.Response, error) {
	id := rest.ReadCustomerID(r.Body)
	nomination := write.ReadNomination(r, mci.Added)
	var entry mci.DirectoryEntry
	return write.Run(ctx, f.table, r, write.Case{
		Load: func(ctx context.Context) (write.Loaded, error) {
			return nomination.Load(ctx, f.table, r, func(ctx context.Context) (err error) {
				entry, err = f.table.DirectoryEntry(ctx, id)
				return err
			})
		},
		Decide: func(ctx context.Context, act mci.Act, grants mci.Grants) (_ write.Decision, err error) {
			if err := entry.CheckNominated(id); err != nil {
				return write.Decision{}, err
			}
			nomination.IDs, nomination.Opportunity = []mci.NominatedID{entry.NominatedID()}, entry.Opportunity
			if nomination.Standing, err = f.table.StandingOf(ctx, r.Caller.PartnerID, entry); err != nil {
				return write.Decision{}, err
			}
			return nomination.Decide(f.table, r, act, grants)
		},
	})
}
