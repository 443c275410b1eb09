// Command check-eligibility tells a partner for which engagements a customer may be added, and why not for the others,
// before anything is written (S9-S15, S17).
package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("check-eligibility")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/eligibility-checks": f.check})
}

type function struct{ table *table.Table }

// result is what a check finds.
type result struct {
	Customer                 mci.CustomerSummary `json:"customer"`
	CheckedID                mci.CustomerID      `json:"checkedId"`
	TenantMatchesEmailDomain *bool               `json:"tenantMatchesEmailDomain"`
	Eligible                 []mci.Verdict       `json:"eligible"`
	Ineligible               []mci.Verdict       `json:"ineligible"`
}

func (f function) check(ctx context.Context, r *rest.Request) (rest.Response, error) {
	id := rest.ReadCustomerID(r.Body)
	locationID := rest.ReadLocationID(r.Body)
	hours := r.Body.OptionalWhole("hours")
	email := rest.OptionalParsed(r.Body, "customerEmail", mci.ParseEmail)

	// What was asked about.
	var catalogue table.Catalogue
	var location mci.Location
	var isPartners bool
	var entry, emailDomain mci.DirectoryEntry
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		catalogue, err = f.table.FreshCatalogue(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		location, isPartners, err = f.table.Location(groupCtx, r.Caller.PartnerID, locationID)
		return err
	})
	group.Go(func() (err error) {
		entry, err = f.table.DirectoryEntry(groupCtx, id)
		return err
	})
	group.Go(func() (err error) {
		emailDomain, err = f.table.EmailDomain(groupCtx, email)
		return err
	})
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}
	if err := r.Valid(rest.CheckLocation(locationID, isPartners)...); err != nil {
		return rest.Response{}, err
	}

	if err := entry.CheckNominated(id); err != nil {
		return rest.Response{}, err
	}

	// How the customer stands.
	standing, err := f.table.StandingOf(ctx, r.Caller.PartnerID, entry)
	if err != nil {
		return rest.Response{}, err
	}
	checked := entry.NominatedID()
	nomination := mci.Nomination{
		Location: location, Standing: standing, IDs: []mci.NominatedID{checked}, Opportunity: entry.Opportunity,
		Engagements: catalogue.Engagements(), Hours: hours,
	}
	found := result{Customer: standing.Customer.Summary(), CheckedID: checked.CustomerID}
	found.Eligible, found.Ineligible = nomination.Verdicts(r.Now)
	if email != "" {
		found.TenantMatchesEmailDomain = mci.TenantMatches(id, emailDomain)
	}
	return rest.OK(found), nil
}
