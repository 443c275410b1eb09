package lifecycle

import (
	"context"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// Named is what a nomination names, as the table has it.
type Named struct {
	Location    mci.Location
	Engagements []mci.Engagement
	Grants      mci.Grants // of the caller
	Kept        *table.Answer
	Mistakes    []mci.Mistake // that only the table can tell: names that it does not have
}

// LoadNamed loads what a nomination names, with the caller's grants and the answer kept for the request, and more that the
// nomination needs, all in parallel: 1 round trip.
func LoadNamed(ctx context.Context, t *table.Table, r *rest.Request, locationID string, engagementIDs []string, more ...func(context.Context) error) (Named, error) {
	var named Named
	var catalogue table.Catalogue
	var isPartners bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		catalogue, err = t.Catalogue(ctx, engagementIDs...)
		return err
	})
	group.Go(func() (err error) {
		named.Location, isPartners, err = t.Location(ctx, r.Caller.PartnerID, locationID)
		return err
	})
	group.Go(func() (err error) {
		named.Grants, err = t.Grants(ctx, r.Caller.PartnerID, r.Caller.UserID)
		return err
	})
	group.Go(func() (err error) {
		named.Kept, err = t.Answer(ctx, r.Idempotency(), r.Now)
		return err
	})
	for _, load := range more {
		group.Go(func() error { return load(ctx) })
	}
	if err := group.Wait(); err != nil {
		return Named{}, err
	}
	named.Mistakes = rest.CheckLocation(locationID, isPartners)
	for i, id := range engagementIDs {
		engagement, found := catalogue[id]
		if !found && id != "" {
			named.Mistakes = append(named.Mistakes, mci.Mistake{Pointer: "/engagementIds/" + strconv.Itoa(i), Detail: "is not an engagement of the program"})
		}
		named.Engagements = append(named.Engagements, engagement)
	}
	return named, nil
}

// CommitBirths decides on a nomination and commits its claims, the customer as nominated, and the answer for whoever repeats
// the request, in one transaction. 1 round trip; per claim 2 units per KB of the claim, its event, its private detail and its
// participation.
func CommitBirths(ctx context.Context, t *table.Table, r *rest.Request, n mci.Nomination, ids []mci.ClaimID, act mci.Act, grants mci.Grants) (rest.Answer, error) {
	changes, nominated, err := n.Decide(ids, act)
	if err != nil {
		return rest.Answer{}, err
	}
	list := rest.ClaimList{}
	writes := [][]table.Write{t.Nomination(n.Standing.Nominated, nominated)}
	for _, change := range changes {
		list.Claims = append(list.Claims, rest.ViewClaim(change.After, r.Caller, grants))
		writes = append(writes, t.Birth(change, n.Standing.Participations[change.After.EngagementID], act.At))
	}
	answer, keep, err := Keep(t, r, rest.Answer{Status: http.StatusCreated, Body: list})
	if err != nil {
		return rest.Answer{}, err
	}
	if err := t.Commit(ctx, append(writes, keep)...); err != nil {
		return rest.Answer{}, err
	}
	platform.Count(changes...)
	return answer, nil
}
