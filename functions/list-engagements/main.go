// Command list-engagements gives the engagements that pay, with their rules, and the locations that may do them.
package main

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("list-engagements")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{
		"GET /v1/engagements":                f.list,
		"GET /v1/engagements/{engagementId}": f.get,
	})
}

type function struct{ table *table.Table }

// engagement is an engagement as a caller sees it. The counts of locations are left out for callers without a partner.
type engagement struct {
	mci.Engagement
	State             mci.EngagementState `json:"state"`
	EligibleLocations *int                `json:"eligibleLocations,omitempty"` // enrolled, and eligible for it
	EnrolledLocations *int                `json:"enrolledLocations,omitempty"` // enrolled in the program
}

// choosable is a location that the caller may choose (S8).
type choosable struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Country string `json:"country"`
}

var states = []mci.EngagementState{mci.Active, mci.Upcoming, mci.Ended}

// list gives the engagements in one state for which the caller's partner has an eligible location; a caller without a
// partner gets all.
func (f function) list(ctx context.Context, r *rest.Request) (rest.Response, error) {
	state := rest.QueryOneOf(r, "state", states, mci.Active)
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	var catalogue table.Catalogue
	var locations []mci.Location
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		catalogue, err = f.table.FreshCatalogue(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		locations, err = f.locations(groupCtx, r.Caller)
		return err
	})
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}
	list := []engagement{}
	for _, e := range catalogue.Engagements() {
		hasLocation := slices.ContainsFunc(locations, func(l mci.Location) bool { return l.EligibleFor(e.ID) })
		if e.State(r.Now) == state && (hasLocation || r.Caller.PartnerID == "") {
			list = append(list, f.view(e, r, locations))
		}
	}
	return rest.OK(struct {
		Engagements []engagement `json:"engagements"`
	}{list}), nil
}

// get gives one engagement in any state, with the locations that the caller may choose.
func (f function) get(ctx context.Context, r *rest.Request) (rest.Response, error) {
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	var found bool
	var e mci.Engagement
	var locations []mci.Location
	var grants mci.Grants
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		e, found, err = f.table.Engagement(groupCtx, r.Path("engagementId"))
		return err
	})
	group.Go(func() (err error) {
		locations, err = f.locations(groupCtx, r.Caller)
		return err
	})
	if r.Caller.Incentives() {
		group.Go(func() (err error) {
			grants, err = f.table.Grants(groupCtx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}
	if !found {
		return rest.Response{}, mci.NoSuchEngagement
	}
	detail := struct {
		engagement
		Locations []choosable `json:"locations"`
	}{f.view(e, r, locations), []choosable{}}
	for _, location := range grants.Choosable(locations, e.ID) {
		detail.Locations = append(detail.Locations, choosable{location.ID, location.Name, location.Country})
	}
	return rest.OK(detail), nil
}

// locations gives the caller's partner's.
func (f function) locations(ctx context.Context, caller rest.Caller) ([]mci.Location, error) {
	if caller.PartnerID == "" {
		return nil, nil
	}
	return f.table.Locations(ctx, caller.PartnerID)
}

func (f function) view(e mci.Engagement, r *rest.Request, locations []mci.Location) engagement {
	view := engagement{Engagement: e, State: e.State(r.Now)}
	if r.Caller.PartnerID == "" {
		return view
	}
	eligible, enrolled := 0, 0
	for _, location := range locations {
		if !location.Enrolled {
			continue
		}
		enrolled++
		if location.EligibleFor(e.ID) {
			eligible++
		}
	}
	view.EligibleLocations, view.EnrolledLocations = &eligible, &enrolled
	return view
}
