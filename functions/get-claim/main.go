// Command get-claim gives one claim with its history, and says whether the history is whole (B1).
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
	environment := platform.Open("get-claim")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"GET /v1/claims/{claimId}": f.get})
}

type function struct{ table *table.Table }

// details are a claim with its history.
type details struct {
	rest.ClaimView
	Events       []rest.EventView `json:"events"`
	EventsIntact bool             `json:"eventsIntact"`
}

func (f function) get(ctx context.Context, r *rest.Request) (rest.Response, error) {
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	id, isID := mci.ParseClaimID(r.Path("claimId"))
	own := r.Caller.Incentives() && id.PartnerID() == r.Caller.PartnerID
	if !isID || !own && !r.Caller.Has(mci.FieldSeller, mci.ProgramAdmin) {
		return rest.Response{}, mci.NoSuchClaim
	}
	claim, history, grants, err := f.load(ctx, r, id, own)
	if err != nil {
		return rest.Response{}, err
	}
	intact := claim.Intact(history)
	if !intact {
		// The claim and its history are two reads, between which it may have moved on: only what is still broken when read
		// again is broken.
		if claim, history, grants, err = f.load(ctx, r, id, own); err != nil {
			return rest.Response{}, err
		}
		intact = claim.Intact(history)
	}
	readsWhatWasTyped := own || r.Caller.Has(mci.ProgramAdmin)
	if !readsWhatWasTyped && (claim.Referral == nil || claim.Referral.Type != mci.CoSell) {
		return rest.Response{}, mci.NoSuchClaim
	}

	answer := details{ClaimView: r.ViewClaim(claim, grants), EventsIntact: intact, Events: []rest.EventView{}}
	for _, e := range history.Events {
		detail := e.Detail
		if readsWhatWasTyped {
			detail = history.Shown(e)
		}
		answer.Events = append(answer.Events, rest.ViewEvent(e, detail))
	}
	return rest.OK(answer), nil
}

// load reads the claim, its history and the caller's grants, in parallel: 1 round trip.
func (f function) load(ctx context.Context, r *rest.Request, id mci.ClaimID, own bool) (claim mci.Claim, history mci.History, grants mci.Grants, err error) {
	var found bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		claim, found, err = f.table.Claim(ctx, id)
		return err
	})
	group.Go(func() (err error) {
		history, err = f.table.History(ctx, id)
		return err
	})
	if own {
		group.Go(func() (err error) {
			grants, err = f.table.Grants(ctx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
	}
	if err = group.Wait(); err == nil && !found {
		err = mci.NoSuchClaim
	}
	return claim, history, grants, err
}
