// Command add-customer adds a customer, named by one customer ID, to engagements: each gets its claim, all or none
// (S7-S18).
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
	environment := platform.Open("add-customer")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/customers": f.add})
}

type function struct{ table *table.Table }

func (f function) add(ctx context.Context, r *rest.Request) (rest.Answer, error) {
	id := rest.ReadCustomerID(r.Body)
	locationID := rest.ReadLocationID(r.Body)
	engagementIDs := rest.ReadEngagementIDs(r.Body)
	nomination := mci.Nomination{
		Origin: mci.Added, FriendlyName: r.Body.Line("friendlyName", mci.MaxName), Hours: r.Body.OptionalWhole("hours"),
		MismatchReason: r.Body.OptionalText("mismatchReason", mci.MaxReason),
	}
	nomination.CustomerContact, nomination.PartnerContact = rest.ReadContacts(r.Body)
	claimIDs := platform.NewClaimIDs(r.Now, r.Caller.PartnerID, len(engagementIDs))
	act := platform.Act(r.Now, r.Caller.UserID)

	return lifecycle.Settle(ctx, f.table, r, func(ctx context.Context) (rest.Answer, error) {
		// What was named.
		var record table.DirectoryRecord
		var emailTenant string
		named, err := lifecycle.LoadNamed(ctx, f.table, r, locationID, engagementIDs,
			func(ctx context.Context) (err error) {
				record, err = f.table.Directory(ctx, id)
				return err
			},
			func(ctx context.Context) (err error) {
				emailTenant, err = f.table.EmailTenant(ctx, nomination.CustomerContact.Email)
				return err
			})
		if err != nil {
			return rest.Answer{}, err
		}
		switch err := r.Valid(named.Mistakes...); {
		case err != nil:
			return rest.Answer{}, err
		case named.Kept != nil:
			return lifecycle.Kept(r, named.Kept)
		case !named.Grants.At(locationID):
			return rest.Answer{}, rest.NotGranted(locationID)
		}

		// How the customer stands.
		standing, err := f.table.StandingOf(ctx, r.Caller.PartnerID, id, record)
		if err != nil {
			return rest.Answer{}, err
		}

		// All claims, or none.
		nomination.Location, nomination.Engagements, nomination.Standing = named.Location, named.Engagements, standing
		nomination.IDs, nomination.Opportunity = []mci.NominatedID{record.NominatedID()}, record.Opportunity
		nomination.TenantMatches = mci.TenantMatches(id, emailTenant)
		return lifecycle.CommitBirths(ctx, f.table, r, nomination, claimIDs, act, named.Grants)
	})
}
