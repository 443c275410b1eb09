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
	CheckedID                *mci.CustomerID     `json:"checkedId,omitempty"` // nil for a known customer
	TenantMatchesEmailDomain *bool               `json:"tenantMatchesEmailDomain"`
	Eligible                 []mci.Verdict       `json:"eligible"`
	Ineligible               []mci.Verdict       `json:"ineligible"`
}

// question names the customer that is asked about: a new one by an ID, or a known one.
type question struct {
	id            mci.CustomerID
	knownID       string
	opportunityID mci.CustomerID // of a known customer
	locationID    string
	hours         *int
	email         string
}

func read(body *rest.Object) question {
	q := question{
		locationID: rest.ReadLocationID(body), hours: body.OptionalWhole("hours"),
		email: rest.OptionalParsed(body, "customerEmail", mci.ParseEmail), opportunityID: rest.ReadOpportunityID(body),
	}
	if !body.Has("knownCustomerId") {
		if q.id = rest.ReadCustomerID(body); body.Has("opportunityId") {
			body.Mistake("opportunityId", "goes with knownCustomerId alone")
		}
		return q
	}
	if q.knownID = body.Line("knownCustomerId", mci.MaxName); body.Has("customerId") {
		body.Mistake("customerId", "must be left out where knownCustomerId is given")
		rest.ReadCustomerID(body)
	}
	return q
}

// loaded is what the first step reads.
type loaded struct {
	catalogue          table.Catalogue
	location           mci.Location
	isPartners         bool
	entry, emailDomain mci.DirectoryEntry    // entry is of the ID, or of a known customer's opportunity
	nominated          mci.NominatedCustomer // the known customer
}

// load reads what the question names, in parallel: 1 round trip.
func (f function) load(ctx context.Context, partnerID string, q question) (loaded, error) {
	var l loaded
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		l.catalogue, err = f.table.FreshCatalogue(ctx)
		return err
	})
	group.Go(func() (err error) {
		l.location, l.isPartners, err = f.table.Location(ctx, partnerID, q.locationID)
		return err
	})
	if q.knownID != "" {
		group.Go(func() (err error) {
			l.nominated, err = f.table.Nominated(ctx, partnerID, q.knownID)
			return err
		})
		group.Go(func() (err error) {
			l.entry, err = f.table.DirectoryEntry(ctx, q.opportunityID)
			return err
		})
		return l, group.Wait()
	}
	group.Go(func() (err error) {
		l.entry, err = f.table.DirectoryEntry(ctx, q.id)
		return err
	})
	group.Go(func() (err error) {
		l.emailDomain, err = f.table.EmailDomain(ctx, q.email)
		return err
	})
	return l, group.Wait()
}

func (f function) check(ctx context.Context, r *rest.Request) (rest.Response, error) {
	q := read(r.Body)
	l, err := f.load(ctx, r.Caller.PartnerID, q)
	if err != nil {
		return rest.Response{}, err
	}
	if err := r.Valid(rest.CheckLocation(q.locationID, l.isPartners)...); err != nil {
		return rest.Response{}, err
	}
	nomination := mci.Nomination{
		Location: l.location, Opportunity: l.entry.Opportunity, Engagements: l.catalogue.Engagements(), Hours: q.hours,
		OpportunityID: q.opportunityID,
	}
	if q.knownID != "" {
		return f.checkKnown(ctx, r, q, l.nominated, nomination)
	}

	if err := l.entry.CheckNominated(q.id); err != nil {
		return rest.Response{}, err
	}
	if nomination.Standing, err = f.table.StandingOf(ctx, r.Caller.PartnerID, l.entry); err != nil {
		return rest.Response{}, err
	}
	checked := l.entry.NominatedID()
	nomination.IDs = []mci.NominatedID{checked}
	found := result{Customer: nomination.Standing.Customer.Summary(), CheckedID: &checked.CustomerID}
	found.Eligible, found.Ineligible = nomination.Verdicts(r.Now)
	if q.email != "" {
		found.TenantMatchesEmailDomain = mci.TenantMatches(q.id, l.emailDomain)
	}
	return rest.OK(found), nil
}

// checkKnown judges a known customer as claiming would (D35).
func (f function) checkKnown(
	ctx context.Context, r *rest.Request, q question, nominated mci.NominatedCustomer, nomination mci.Nomination,
) (rest.Response, error) {
	if !nominated.Known() {
		return rest.Response{}, mci.Refuse(mci.CustomerNotFound, "No customer that is known to you has this ID.")
	}
	ids := mci.CustomerIDs(nominated.IDs)
	if q.opportunityID.Value != "" {
		if nomination.Opportunity == nil {
			return rest.Response{}, mci.UnknownID(q.opportunityID)
		}
		ids = append(ids, q.opportunityID)
	}
	var err error
	if nomination.Standing, err = f.table.Standing(ctx, r.Caller.PartnerID, q.knownID, ids); err != nil {
		return rest.Response{}, err
	}
	nomination.Standing.Nominated = nominated
	found := result{Customer: nomination.Standing.Customer.Summary()}
	found.Eligible, found.Ineligible = nomination.KnownVerdicts(r.Now)
	return rest.OK(found), nil
}
