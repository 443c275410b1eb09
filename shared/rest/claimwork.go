package rest

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

// LoadedClaim is a claim as it stands at the request's instant, with all else that deciding on it takes.
type LoadedClaim struct {
	Claim     mci.Claim
	Catalogue table.Catalogue
	Grants    mci.Grants // of the caller
	Kept      *table.Answer
}

// NoSuchClaim is how a claim is refused that is not there, or that the caller may not see.
var NoSuchClaim = mci.Refuse(mci.NotFound, "There is no such claim.")

// LoadClaim loads the claim that the path names: GetItem of the claim, the caller's grants, the kept answer and, if it has
// grown old, the catalogue, in parallel: 1 round trip. Another partner's claim is as if it were not there, unless the caller
// may see those of every partner; it is not even read.
func LoadClaim(ctx context.Context, t *table.Table, r *Request, everyPartners bool) (LoadedClaim, error) {
	id, isID := mci.ParseClaimID(r.Path("claimId"))
	if !isID || !everyPartners && id.PartnerID() != r.Caller.PartnerID {
		return LoadedClaim{}, NoSuchClaim
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
		return LoadedClaim{}, NoSuchClaim
	}
	var err error
	loaded.Catalogue, err = t.Including(ctx, loaded.Catalogue, loaded.Claim.EngagementID)
	return loaded, err
}

// ChangeClaim carries out what a request wants done to a claim: load, decide, commit, answer the claim; anew if the race is
// lost. A partner's user needs a grant on the claim's location (D17). 2 round trips.
func ChangeClaim(ctx context.Context, t *table.Table, r *Request, decide func(claim mci.Claim, act mci.Act, catalogue table.Catalogue) (mci.Change, error)) (Answer, error) {
	if err := r.Valid(); err != nil {
		return Answer{}, err
	}
	act := platform.Act(r.Now, r.Caller.UserID)
	reviews := r.Route.Allows([]mci.Role{mci.ProgramAdmin})
	return Settle(ctx, t, r, func(ctx context.Context) (Answer, error) {
		loaded, err := LoadClaim(ctx, t, r, reviews)
		if err != nil {
			return Answer{}, err
		}
		change, refused := decide(loaded.Claim.At(r.Now), act, loaded.Catalogue)
		var refusal *mci.Refusal
		switch {
		case errors.As(refused, &refusal) && refusal.Code == mci.Invalid: // what only the claim can tell is a mistake all the same
			return Answer{}, refused
		case loaded.Kept != nil:
			return Kept(r, loaded.Kept)
		case !reviews && !loaded.Grants.At(loaded.Claim.LocationID):
			return Answer{}, NotGranted(loaded.Claim.LocationID)
		case refused != nil:
			return Answer{}, refused
		}
		answer, keep, err := Keep(t, r, OK(ViewClaim(change.After, r.Caller, loaded.Grants)))
		if err != nil {
			return Answer{}, err
		}
		if err := t.Commit(ctx, t.Change(change), keep); err != nil {
			return Answer{}, err
		}
		platform.Count(change)
		return answer, nil
	})
}

// NoSuchEngagement is how an engagement in the path is refused that the program does not have.
var NoSuchEngagement = mci.Refuse(mci.NotFound, "There is no such engagement.")

// NoSuchReferral is how a referral is refused that is not there, or that the caller may not see.
var NoSuchReferral = mci.Refuse(mci.NotFound, "There is no such referral.")
