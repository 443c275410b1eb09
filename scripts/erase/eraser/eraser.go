// Package eraser erases a person's data from a table, and leaves whole what must stay: what was claimed, asked, answered and
// paid, when, and the chain that proves it.
package eraser

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// Options say whose data is erased, and how far.
type Options struct {
	Email string      // of the person; or
	Claim mci.ClaimID // all that people typed on this one claim

	Open   bool // on claims that are still open too
	DryRun bool // write nothing
	Now    func() time.Time

	Progress func(items int64)
}

// Report is what was erased, or would be.
type Report struct {
	Claims  []mci.ClaimID // from which something was erased
	Open    []mci.ClaimID // that still hold some, for they are open
	Details int           // private details of events
	Answers int           // kept for idempotency keys
}

const segments = 4

// Run erases. It may be run again, and completes what was cut short.
func Run(ctx context.Context, client *dynamodb.Client, tableName string, options Options) (Report, error) {
	if (options.Email == "") == (options.Claim == "") {
		return Report{}, errors.New("either a person's email address or a claim's ID must be given")
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	e := &eraser{table: table.New(client, tableName), options: options, done: map[mci.ClaimID]bool{}}
	if options.Claim != "" {
		found, err := e.claim(ctx, options.Claim)
		if err != nil {
			return e.report, err
		}
		if !found {
			return e.report, fmt.Errorf("there is no claim %s", options.Claim)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for segment := range segments {
		group.Go(func() error {
			return e.table.Segment(ctx, segment, segments, "", func(items []table.Item) error { return e.look(ctx, items) })
		})
	}
	err := group.Wait()
	return e.report, err
}

type eraser struct {
	table   *table.Table
	options Options

	mu     sync.Mutex
	items  int64
	done   map[mci.ClaimID]bool // claims that were looked at; those of one person are few
	report Report
}

// look erases from whatever of the items holds the person's data.
func (e *eraser) look(ctx context.Context, items []table.Item) error {
	for _, item := range items {
		var id mci.ClaimID
		var holds bool
		var err error
		switch key := table.KeyOf(item); key.Kind() {
		case table.KeptResponseKind:
			err = e.answer(ctx, item)
		case table.ClaimKind:
			id, holds, err = e.inClaim(item)
		case table.PrivateKind:
			id = mci.ClaimID(key.Owner())
			holds, err = e.inDetail(item)
		}
		if err == nil && holds {
			_, err = e.claim(ctx, id)
		}
		if err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.items += int64(len(items))
	if e.options.Progress != nil {
		e.options.Progress(e.items)
	}
	return nil
}

// names says whether a text holds the person's address.
func (e *eraser) names(text string) bool {
	return e.options.Email != "" && strings.Contains(strings.ToLower(text), strings.ToLower(e.options.Email))
}

func (e *eraser) inClaim(item table.Item) (mci.ClaimID, bool, error) {
	var claim mci.Claim
	if err := table.Decode(item, &claim); err != nil {
		return "", false, err
	}
	for _, text := range []string{claim.CustomerContact.Email, claim.PartnerContact.Email, claim.FriendlyName, claim.DeclineReason, claim.MismatchReason} {
		if e.names(text) {
			return claim.ID, true, nil
		}
	}
	return "", false, nil
}

// inDetail finds what was said before an address was corrected, and in texts that people typed.
func (e *eraser) inDetail(item table.Item) (bool, error) {
	var detail mci.Private
	if err := table.Decode(item, &detail); err != nil {
		return false, err
	}
	for _, part := range detail.Parts {
		for _, text := range part.Data {
			if e.names(text) {
				return true, nil
			}
		}
	}
	return false, nil
}

// answer forgets a kept answer that tells of the person or the claim.
func (e *eraser) answer(ctx context.Context, item table.Item) error {
	answer, err := table.KeptResponseOf(item)
	if err != nil {
		return err
	}
	if !e.names(answer.Body) && (e.options.Claim == "" || !strings.Contains(answer.Body, string(e.options.Claim))) {
		return nil
	}
	if !e.options.DryRun {
		if err := e.table.DeleteKeptResponse(ctx, answer); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.report.Answers++
	return nil
}

// claim erases from a claim. It says whether there is one.
func (e *eraser) claim(ctx context.Context, id mci.ClaimID) (bool, error) {
	e.mu.Lock()
	done := e.done[id]
	e.done[id] = true
	e.mu.Unlock()
	if done {
		return true, nil
	}
	return table.Settle(ctx, func(ctx context.Context) (bool, error) {
		claim, found, err := e.table.Claim(ctx, id)
		if err != nil || !found {
			return false, err
		}
		history, err := e.table.History(ctx, id)
		if err != nil {
			return true, err
		}
		now := e.options.Now().UTC().Truncate(time.Millisecond)
		after, erased, holds := claim.Erase(mci.Person(e.options.Email), history, now)
		if !holds {
			return true, nil
		}
		open := !claim.At(now).Status.Terminal()
		if !e.options.DryRun && (!open || e.options.Open) {
			if err := e.table.Erase(ctx, claim, after, erased); err != nil {
				return true, err
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if open && !e.options.Open {
			e.report.Open = append(e.report.Open, id)
			return true, nil
		}
		e.report.Claims = append(e.report.Claims, id)
		e.report.Details += len(erased)
		return true, nil
	})
}
