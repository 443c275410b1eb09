// Package write runs every route that writes: load, decide, commit, and keep the response for a repetition of the
// request. The order of the checks that routes share is the contract's, and stands here alone; rest has checked token,
// role and form of the body before, and a route's own refusals follow in its decision. A route says what it loads and
// what it decides.
package write

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// Loaded is what loading has shown, as far as refusals depend on it. The zero value refuses nothing.
type Loaded struct {
	Mistakes []mci.Mistake // that only the table can tell
	NotFound error         // what the path names is not there for the caller
	Location string        // at which the caller needs a grant, "" for none (D17)
	NotOwn   error         // the caller may not do this to their own (D31)
}

// Decision is what a route decided.
type Decision struct {
	Changes  []mci.Change // that took effect, once committed
	Writes   []table.Write
	Response rest.Response

	// After goes on once the writes are committed, and gives the response instead. It keeps the response itself, by
	// Keep; Decide must look itself whether one was kept meanwhile.
	After func(ctx context.Context) (rest.Response, error)
}

// Case is one request's case. Load reads what the decision needs; Run reads the caller's grants and the kept response
// at the same time. Decide decides at the act's instant; it may load once more what depends on what was loaded first.
type Case struct {
	Load   func(ctx context.Context) (Loaded, error)
	Decide func(ctx context.Context, act mci.Act, grants mci.Grants) (Decision, error)
}

// Run carries out a request: it refuses what is invalid, not found, a reused key, not granted, the caller's own
// claim, or what the decision itself refuses, in this order; then commits, and keeps the response for a repetition
// (D13). A lost race begins anew. Where a request with an Idempotency-Key is refused, Run takes 1 round trip more: an
// earlier copy of the request may have succeeded meanwhile, and its response is then given.
func Run(ctx context.Context, t *table.Table, r *rest.Request, c Case) (rest.Response, error) {
	attempts := 0
	response, err := table.Settle(ctx, func(ctx context.Context) (rest.Response, error) {
		if attempts++; attempts > 1 {
			r.Renew()
		}
		return try(ctx, t, r, c)
	})
	var refusal *mci.Refusal
	if !errors.As(err, &refusal) || beforeKeys[refusal.Code] {
		return response, err
	}
	kept, readErr := t.KeptResponse(ctx, r.Idempotency(), r.Now)
	switch {
	case readErr != nil:
		return rest.Response{}, readErr
	case kept == nil:
		return rest.Response{}, err
	}
	return repeat(r, kept)
}

// Judge carries out a request that writes nothing: it refuses as Run does, and gives the decision's response. An
// Idempotency-Key is passed over.
func Judge(ctx context.Context, t *table.Table, r *rest.Request, c Case) (rest.Response, error) {
	r.PassOverIdempotencyKey()
	return Run(ctx, t, r, c)
}

// beforeKeys are the refusals that come before an Idempotency-Key counts.
var beforeKeys = map[mci.Code]bool{mci.Forbidden: true, mci.Invalid: true, mci.NotFound: true}

// try is one attempt: load, decide, commit.
func try(ctx context.Context, t *table.Table, r *rest.Request, c Case) (rest.Response, error) {
	var loaded Loaded
	var kept *table.KeptResponse
	var grants mci.Grants
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		loaded, err = c.Load(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		kept, err = t.KeptResponse(groupCtx, r.Idempotency(), r.Now)
		return err
	})
	if r.Caller.Incentives() {
		group.Go(func() (err error) {
			grants, err = t.Grants(groupCtx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}
	switch err := r.Valid(loaded.Mistakes...); {
	case err != nil:
		return rest.Response{}, err
	case loaded.NotFound != nil:
		return rest.Response{}, loaded.NotFound
	case kept != nil:
		return repeat(r, kept)
	case loaded.Location != "" && !grants.At(loaded.Location):
		return rest.Response{}, mci.NotGranted(loaded.Location)
	case loaded.NotOwn != nil:
		return rest.Response{}, loaded.NotOwn
	}
	decision, err := c.Decide(ctx, r.Act(), grants)
	if err != nil {
		return rest.Response{}, err
	}
	return commit(ctx, t, r, decision)
}

// commit writes the decision with the response for a repetition of the request.
func commit(ctx context.Context, t *table.Table, r *rest.Request, d Decision) (rest.Response, error) {
	var keep []table.Write
	if d.After == nil {
		var err error
		if d.Response, keep, err = Keep(t, r, d.Response); err != nil {
			return rest.Response{}, err
		}
	}
	if err := t.Commit(ctx, d.Writes, keep); err != nil {
		return rest.Response{}, err
	}
	platform.Count(d.Changes...)
	if d.After != nil {
		return d.After(ctx)
	}
	return d.Response, nil
}

// Keep renders a response once, for the caller and for a repetition of the request (D13).
func Keep(t *table.Table, r *rest.Request, response rest.Response) (rest.Response, []table.Write, error) {
	body, err := json.Marshal(response.Body)
	if err != nil {
		return rest.Response{}, nil, fmt.Errorf("rendering the response: %w", err)
	}
	rendered := rest.Response{Status: response.Status, Body: json.RawMessage(body)}
	return rendered, t.PutKeptResponse(r.Idempotency(), response.Status, body, r.Now), nil
}

// repeat gives the kept response again; the same key with another body is refused.
func repeat(r *rest.Request, kept *table.KeptResponse) (rest.Response, error) {
	response := rest.Response{Status: kept.Status, Body: json.RawMessage(kept.Body())}
	return response, r.Idempotency().SameBody(kept.BodyHash)
}
