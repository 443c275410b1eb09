// Command claim-customer claims a known customer for engagements, by the IDs that the partner nominated it by before:
// each gets its claim, all or none (S19, D7, D19).
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
	environment := platform.Open("claim-customer")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/customers/{customerId}/claims": f.claim})
}

type function struct{ table *table.Table }

func (f function) claim(ctx context.Context, r *rest.Request) (rest.Response, error) {
	customerID := r.Path("customerId")
	nomination := write.ReadNomination(r, mci.Claimed)
	nomination.OpportunityID = rest.ReadOpportunityID(r.Body)
	var nominated mci.NominatedCustomer
	var opportunity mci.DirectoryEntry
	return write.Run(ctx, f.table, r, write.Case{
		Load: func(ctx context.Context) (write.Loaded, error) {
			loaded, err := nomination.Load(ctx, f.table, r,
				func(ctx context.Context) (err error) {
					nominated, err = f.table.Nominated(ctx, r.Caller.PartnerID, customerID)
					return err
				},
				func(ctx context.Context) (err error) {
					opportunity, err = f.table.DirectoryEntry(ctx, nomination.OpportunityID)
					return err
				})
			if !nominated.Known() {
				loaded.NotFound = mci.NotKnown
			}
			loaded.Mistakes = append(loaded.Mistakes, nomination.CheckOpportunity(r.Body.Has("opportunityId"))...)
			return loaded, err
		},
		Decide: func(ctx context.Context, act mci.Act, grants mci.Grants) (_ write.Decision, err error) {
			nomination.Opportunity = opportunity.Opportunity
			nomination.IDs = nomination.ClaimedBy(nominated)
			ids := mci.CustomerIDs(nomination.IDs)
			if nomination.Standing, err = f.table.Standing(ctx, r.Caller.PartnerID, customerID, ids); err != nil {
				return write.Decision{}, err
			}
			return nomination.Decide(f.table, r, act, grants)
		},
	})
}
