package write

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// Claim is a claim with the engagement that it is for.
type Claim struct {
	mci.Claim
	Engagement mci.Engagement
}

// LoadClaim returns a claim and its engagement; mci.NoSuchClaim if there is none. Query of the claim and, if it has
// grown old, the catalogue, in parallel: 1 round trip.
func LoadClaim(ctx context.Context, t *table.Table, id mci.ClaimID) (Claim, error) {
	var claim Claim
	var found bool
	var catalogue table.Catalogue
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		claim.Claim, found, err = t.Claim(groupCtx, id)
		return err
	})
	group.Go(func() (err error) {
		catalogue, err = t.Catalogue(groupCtx)
		return err
	})
	if err := group.Wait(); err != nil {
		return Claim{}, err
	}
	if !found {
		return Claim{}, mci.NoSuchClaim
	}
	catalogue, err := t.Including(ctx, catalogue, claim.EngagementID)
	claim.Engagement = catalogue[claim.EngagementID]
	return claim, err
}

// ClaimCase is the case of a request that changes the claim which its path names.
type ClaimCase struct {
	// Check gives the mistakes that only the claim can tell; nil for none.
	Check  func(claim mci.Claim) []mci.Mistake
	Decide func(claim Claim, act mci.Act) (mci.Change, error)
}

// ChangeClaim carries out a request to change a claim, and responds with the claim. A partner's user needs a grant on
// the claim's location (D17), and the program's staff review no claim of their own (D31). Another partner's claim is
// not even read. 2 round trips.
func ChangeClaim(ctx context.Context, t *table.Table, r *rest.Request, c ClaimCase) (rest.Response, error) {
	reviews := r.Route.Allows([]mci.Role{mci.ProgramAdmin})
	var claim Claim
	return Run(ctx, t, r, Case{
		Load: func(ctx context.Context) (loaded Loaded, err error) {
			id, isID := mci.ParseClaimID(r.Path("claimId"))
			if !isID || !reviews && id.PartnerID() != r.Caller.PartnerID {
				return Loaded{NotFound: mci.NoSuchClaim}, nil
			}
			claim, err = LoadClaim(ctx, t, id)
			if errors.Is(err, mci.NoSuchClaim) {
				return Loaded{NotFound: err}, nil
			}
			if err == nil && c.Check != nil {
				loaded.Mistakes = c.Check(claim.Claim)
			}
			if reviews {
				loaded.NotOwn = claim.OwnedBy(r.Caller.PartnerID, r.Caller.UserID)
			} else {
				loaded.Location = claim.LocationID
			}
			return loaded, err
		},
		Decide: func(_ context.Context, act mci.Act, grants mci.Grants) (Decision, error) {
			claim.Claim = claim.At(act.At)
			change, err := c.Decide(claim, act)
			if err != nil {
				return Decision{}, err
			}
			return Decision{
				Changes: []mci.Change{change}, Writes: t.UpdateClaim(change),
				Response: rest.OK(r.ViewClaim(change.After, grants)),
			}, nil
		},
	})
}
