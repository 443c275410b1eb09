// Command get-claim gives one claim with its history, and says whether both are whole (B1). The program's staff also
// see what speaks against its consent (D24).
package main

import (
	"context"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/receipts"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("get-claim")
	keys := platform.Must(receipts.OpenPublicKeys(clients.Config(), environment.Setting(platform.ReceiptKeys)))
	// The keys are there when the first decided claim comes; if not, its reader asks again.
	go func() { _, _ = keys.Set(context.Background()) }()
	f := function{clients.Table(environment), keys}
	rest.Start(environment, map[string]rest.Handler{"GET /v1/claims/{claimId}": f.get})
}

type function struct {
	table *table.Table
	keys  *receipts.PublicKeys
}

// details are a claim with its history.
type details struct {
	rest.ClaimView
	Events       []rest.EventView `json:"events"`
	EventsIntact bool             `json:"eventsIntact"`
	Signals      *[]mci.Signal    `json:"signals,omitempty"` // for the program's staff
}

func (f function) get(ctx context.Context, r *rest.Request) (rest.Response, error) {
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	id, isID := mci.ParseClaimID(r.Path("claimId"))
	own := r.Caller.Incentives() && id.PartnerID() == r.Caller.PartnerID
	seesAll := r.Caller.SeesAll(id)
	if !isID || !seesAll && !r.Caller.Has(mci.FieldSeller) {
		return rest.Response{}, mci.NoSuchClaim
	}
	read, err := f.load(ctx, r, id, own)
	if err == nil && !read.intact {
		// Claim and history are two reads, and the claim may move on between them: only what a second reading finds
		// broken is broken.
		read, err = f.load(ctx, r, id, own)
	}
	if err != nil {
		return rest.Response{}, err
	}
	claim := read.claim
	if !seesAll && !claim.IsCoSell() {
		return rest.Response{}, mci.NoSuchClaim
	}

	shown := details{
		ClaimView: r.ViewClaim(claim.At(r.Now), read.grants), EventsIntact: read.intact, Events: []rest.EventView{},
	}
	if r.Caller.Has(mci.ProgramAdmin) {
		signals := claim.Signals(read.history)
		shown.Signals = &signals
	}
	for _, e := range read.history.Events {
		detail := e.Detail
		if seesAll {
			detail = read.history.Shown(e)
		}
		shown.Events = append(shown.Events, rest.ViewEvent(e, detail))
	}
	return rest.OK(shown), nil
}

// claimRead is a claim as it is stored, with its history.
type claimRead struct {
	claim   mci.Claim
	history mci.History
	grants  mci.Grants // of the caller
	intact  bool       // whether claim, history and receipt agree (B1)
}

// isIntact says whether a claim, its history and its receipt, signed by one of the keys, agree (B1).
func isIntact(claim mci.Claim, history mci.History, keys jose.JSONWebKeySet) bool {
	if history.Receipt == "" {
		return len(claim.Faults(history, nil)) == 0
	}
	receipt, err := receipts.Verify(history.Receipt, keys)
	return err == nil && len(claim.Faults(history, &receipt)) == 0
}

// load reads the claim, its history and the caller's grants in parallel: 1 round trip. Only a decided claim waits for
// the keys of receipts, which the environment asks for as it starts.
func (f function) load(ctx context.Context, r *rest.Request, id mci.ClaimID, own bool) (claimRead, error) {
	var read claimRead
	var found bool
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		read.claim, found, err = f.table.Claim(groupCtx, id)
		return err
	})
	group.Go(func() (err error) {
		read.history, err = f.table.History(groupCtx, id)
		return err
	})
	if own {
		group.Go(func() (err error) {
			read.grants, err = f.table.Grants(groupCtx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
	}
	err := group.Wait()
	var keys jose.JSONWebKeySet
	switch {
	case err != nil:
		return claimRead{}, err
	case !found:
		return claimRead{}, mci.NoSuchClaim
	case read.history.Receipt != "":
		keys, err = f.keys.Set(ctx)
	}
	if err == nil {
		read.intact = isIntact(read.claim, read.history, keys)
	}
	return read, err
}
