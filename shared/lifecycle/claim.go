// Package lifecycle is what the functions that write share between their route and the table: the claim or the names that a
// request is about, the decision, and the answer that is kept for whoever repeats it.
package lifecycle

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// LoadedClaim is a claim as it stands at the request's instant, with all else that deciding on it takes.
type LoadedClaim struct {
	Claim     mci.Claim
	Catalogue table.Catalogue
	Grants    mci.Grants // of the caller
	Kept      *table.Answer
}

// LoadClaim loads the claim that the path names: GetItem of the claim, the caller's grants, the kept answer and, if it has
// grown old, the catalogue, in parallel: 1 round trip. Another partner's claim is as if it were not there, unless the caller
// may see those of every partner; it is not even read.
func LoadClaim(ctx context.Context, t *table.Table, r *rest.Request, everyPartners bool) (LoadedClaim, error) {
	id, isID := mci.ParseClaimID(r.Path("claimId"))
	if !isID || !everyPartners && id.PartnerID() != r.Caller.PartnerID {
		return LoadedClaim{}, rest.NoSuchClaim
	}
	var loaded LoadedClaim
	var found bool
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		loaded.Claim, found, err = t.Claim(groupCtx, id)
		return err
	})
	group.Go(func() (err error) {
		loaded.Catalogue, err = t.Catalogue(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		loaded.Kept, err = t.Answer(groupCtx, r.Idempotency(), r.Now)
		return err
	})
	if r.Caller.Incentives() {
		group.Go(func() (err error) {
			loaded.Grants, err = t.Grants(groupCtx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return LoadedClaim{}, err
	}
	if !found {
		return LoadedClaim{}, rest.NoSuchClaim
	}
	var err error
	loaded.Catalogue, err = t.Including(ctx, loaded.Catalogue, loaded.Claim.EngagementID)
	return loaded, err
}

// ChangeClaim carries out what a request wants done to a claim: load, decide, commit, answer the claim; anew if the race is
// lost. A partner's user needs a grant on the claim's location (D17). 2 round trips.
func ChangeClaim(ctx context.Context, t *table.Table, r *rest.Request, decide func(claim mci.Claim, act mci.Act, catalogue table.Catalogue) (mci.Change, error)) (rest.Answer, error) {
	if err := r.Valid(); err != nil {
		return rest.Answer{}, err
	}
	act := platform.Act(r.Now, r.Caller.UserID)
	reviews := r.Route.Allows([]mci.Role{mci.ProgramAdmin})
	return Settle(ctx, t, r, func(ctx context.Context) (rest.Answer, error) {
		loaded, err := LoadClaim(ctx, t, r, reviews)
		if err != nil {
			return rest.Answer{}, err
		}
		change, refused := decide(loaded.Claim.At(r.Now), act, loaded.Catalogue)
		var refusal *mci.Refusal
		switch {
		case errors.As(refused, &refusal) && refusal.Code == mci.Invalid: // what only the claim can tell is a mistake all the same
			return rest.Answer{}, refused
		case loaded.Kept != nil:
			return Kept(r, loaded.Kept)
		case !reviews && !loaded.Grants.At(loaded.Claim.LocationID):
			return rest.Answer{}, rest.NotGranted(loaded.Claim.LocationID)
		case refused != nil:
			return rest.Answer{}, refused
		}
		answer, keep, err := Keep(t, r, rest.OK(rest.ViewClaim(change.After, r.Caller, loaded.Grants)))
		if err != nil {
			return rest.Answer{}, err
		}
		if err := t.Commit(ctx, t.Change(change), keep); err != nil {
			return rest.Answer{}, err
		}
		platform.Count(change)
		return answer, nil
	})
}
