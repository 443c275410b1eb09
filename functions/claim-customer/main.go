// Command claim-customer claims a known customer for engagements, by the IDs that the partner nominated it by before: each
// gets its claim, all or none (S19, D7, D19).
package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("claim-customer")
	f := function{rest.OpenTable(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/customers/{customerId}/claims": f.claim})
}

type function struct{ table *table.Table }

func (f function) claim(ctx context.Context, r *rest.Request) (rest.Answer, error) {
	customerID := r.Path("customerId")
	locationID := rest.ReadLocationID(r.Body)
	engagementIDs := rest.ReadEngagementIDs(r.Body)
	opportunityID := rest.OptionalParsed(r.Body, "opportunityId", func(value string) (mci.CustomerID, error) {
		return mci.ParseCustomerID(mci.MSXOpportunity, value)
	})
	nomination := mci.Nomination{
		Origin: mci.Claimed, FriendlyName: r.Body.Line("friendlyName", mci.MaxName), Hours: r.Body.OptionalWhole("hours"),
	}
	nomination.CustomerContact, nomination.PartnerContact = rest.ReadContacts(r.Body)
	claimIDs := platform.NewClaimIDs(r.Now, r.Caller.PartnerID, len(engagementIDs))
	act := platform.Act(r.Now, r.Caller.UserID)

	return rest.Settle(ctx, f.table, r, func(ctx context.Context) (rest.Answer, error) {
		// What was named.
		var catalogue table.Catalogue
		var isPartners bool
		var grants mci.Grants
		var nominated mci.NominatedCustomer
		var opportunity table.DirectoryRecord
		var kept *table.Answer
		group, groupCtx := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			catalogue, err = f.table.Catalogue(groupCtx, engagementIDs...)
			return err
		})
		group.Go(func() (err error) {
			nomination.Location, isPartners, err = f.table.Location(groupCtx, r.Caller.PartnerID, locationID)
			return err
		})
		group.Go(func() (err error) {
			grants, err = f.table.Grants(groupCtx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
		group.Go(func() (err error) {
			nominated, err = f.table.Nominated(groupCtx, r.Caller.PartnerID, customerID)
			return err
		})
		group.Go(func() (err error) {
			opportunity, err = f.table.Directory(groupCtx, opportunityID)
			return err
		})
		group.Go(func() (err error) {
			kept, err = f.table.Answer(groupCtx, r.Idempotency(), r.Now)
			return err
		})
		if err := group.Wait(); err != nil {
			return rest.Answer{}, err
		}
		mistakes, engagements := rest.CheckNomination(locationID, isPartners, engagementIDs, catalogue)
		if opportunityID.Value == "" && !r.Body.Has("opportunityId") && len(engagements) == 1 && engagements[0].OpportunitiesOnly() {
			mistakes = append(mistakes, mci.Mistake{Pointer: "/opportunityId", Detail: "is required: the engagement takes nominations by MSX opportunity ID only"})
		}
		switch err := r.Valid(mistakes...); {
		case err != nil:
			return rest.Answer{}, err
		case !nominated.Known():
			return rest.Answer{}, mci.Refuse(mci.NotFound, "No customer that is known to you has this ID.")
		case kept != nil:
			return rest.Kept(r, kept)
		case !grants.At(locationID):
			return rest.Answer{}, rest.NotGranted(locationID)
		}

		// How the customer stands, by the IDs it was nominated by, or by the opportunity.
		nomination.IDs, nomination.Opportunity = nominated.IDs, opportunity.Opportunity
		if len(engagements) == 1 && engagements[0].OpportunitiesOnly() {
			nomination.IDs = []mci.NominatedID{{CustomerID: opportunityID}}
		}
		ids := make([]mci.CustomerID, len(nomination.IDs))
		for i, id := range nomination.IDs {
			ids[i] = id.CustomerID
		}
		var err error
		nomination.Engagements = engagements
		if nomination.Standing, err = f.table.Standing(ctx, r.Caller.PartnerID, customerID, ids); err != nil {
			return rest.Answer{}, err
		}
		return rest.CommitBirths(ctx, f.table, r, nomination, claimIDs, act, grants)
	})
}
