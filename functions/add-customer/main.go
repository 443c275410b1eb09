// Command add-customer adds a customer, named by one customer ID, to engagements: each gets its claim, all or none
// (S7-S18).
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
	environment := platform.Open("add-customer")
	f := function{rest.OpenTable(environment)}
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

	return rest.Settle(ctx, f.table, r, func(ctx context.Context) (rest.Answer, error) {
		// What was named.
		var catalogue table.Catalogue
		var isPartners bool
		var grants mci.Grants
		var record table.DirectoryRecord
		var emailTenant string
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
			record, err = f.table.Directory(groupCtx, id)
			return err
		})
		group.Go(func() (err error) {
			emailTenant, err = f.table.EmailTenant(groupCtx, nomination.CustomerContact.Email)
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
		switch err := r.Valid(mistakes...); {
		case err != nil:
			return rest.Answer{}, err
		case kept != nil:
			return rest.Kept(r, kept)
		case !grants.At(locationID):
			return rest.Answer{}, rest.NotGranted(locationID)
		}

		// How the customer stands.
		standing, err := f.table.StandingOf(ctx, r.Caller.PartnerID, id, record)
		if err != nil {
			return rest.Answer{}, err
		}

		// All claims, or none.
		nomination.Engagements, nomination.Standing = engagements, standing
		nomination.IDs, nomination.Opportunity = []mci.NominatedID{record.NominatedID()}, record.Opportunity
		nomination.TenantMatches = mci.TenantMatches(id, emailTenant)
		return rest.CommitBirths(ctx, f.table, r, nomination, claimIDs, act, grants)
	})
}
