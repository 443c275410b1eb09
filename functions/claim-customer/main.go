// Command claim-customer claims a known customer for engagements, by the IDs that the partner nominated it by before: each
// gets its claim, all or none (S19, D7, D19).
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
	environment := platform.Open("claim-customer")
	f := function{clients.Table(environment)}
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

	return lifecycle.Settle(ctx, f.table, r, func(ctx context.Context) (rest.Answer, error) {
		// What was named.
		var nominated mci.NominatedCustomer
		var opportunity table.DirectoryRecord
		named, err := lifecycle.LoadNamed(ctx, f.table, r, locationID, engagementIDs,
			func(ctx context.Context) (err error) {
				nominated, err = f.table.Nominated(ctx, r.Caller.PartnerID, customerID)
				return err
			},
			func(ctx context.Context) (err error) {
				opportunity, err = f.table.Directory(ctx, opportunityID)
				return err
			})
		if err != nil {
			return rest.Answer{}, err
		}
		byOpportunity := len(named.Engagements) == 1 && named.Engagements[0].OpportunitiesOnly()
		if byOpportunity && !r.Body.Has("opportunityId") {
			named.Mistakes = append(named.Mistakes, mci.Mistake{Pointer: "/opportunityId", Detail: "is required: the engagement takes nominations by MSX opportunity ID only"})
		}
		switch err := r.Valid(named.Mistakes...); {
		case err != nil:
			return rest.Answer{}, err
		case !nominated.Known():
			return rest.Answer{}, mci.Refuse(mci.NotFound, "No customer that is known to you has this ID.")
		case named.Kept != nil:
			return lifecycle.Kept(r, named.Kept)
		case !named.Grants.At(locationID):
			return rest.Answer{}, rest.NotGranted(locationID)
		}

		// How the customer stands, by the IDs it was nominated by, or by the opportunity.
		nomination.IDs, nomination.Opportunity = nominated.IDs, opportunity.Opportunity
		if byOpportunity {
			nomination.IDs = []mci.NominatedID{{CustomerID: opportunityID}}
		}
		ids := make([]mci.CustomerID, len(nomination.IDs))
		for i, id := range nomination.IDs {
			ids[i] = id.CustomerID
		}
		nomination.Location, nomination.Engagements = named.Location, named.Engagements
		if nomination.Standing, err = f.table.Standing(ctx, r.Caller.PartnerID, customerID, ids); err != nil {
			return rest.Answer{}, err
		}
		return lifecycle.CommitBirths(ctx, f.table, r, nomination, claimIDs, act, named.Grants)
	})
}
