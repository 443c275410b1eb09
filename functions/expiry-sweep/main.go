// Command expiry-sweep writes down what time has brought to claims: their expiry once the deadline has passed (D3), and
// what the instants of reminders bring (D30). Readers and writers know of an expiry without it. What it costs is in
// proportion to what is due. Sweeps may overlap, and one that runs out of time leaves the rest to the next.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("expiry-sweep")
	f := function{clients.Table(environment), environment.Number(platform.MailsPerPartner), environment.Now}
	lambda.Start(f.sweep)
}

type function struct {
	table      *table.Table
	perPartner int // consent emails in a day (D25)
	now        func() time.Time
}

const (
	pageSize  = 5               // claims read at a time, of each shard: twenty times as many took 34 MB of memory
	parallel  = 2               // claims of one shard worked on at a time; all shards are swept at once
	timeToEnd = 5 * time.Second // left of the function's time when it stops taking up more
)

// result says what a sweep did. Reminded counts the reminders that took effect, the customers' and the partners'.
// Remaining says that time ran out before all was done.
type result struct {
	Expired   int  `json:"expired"`
	Reminded  int  `json:"reminded"`
	Remaining bool `json:"remaining"`
}

// sweeping is one run of the sweep.
type sweeping struct {
	function
	at     time.Time
	inTime func() bool

	sync.Mutex // of what is below
	events     map[mci.EventType]int
	failed     int
	remaining  bool
	lag        time.Duration // of what had waited longest
}

func (f function) sweep(ctx context.Context, _ any) (result, error) {
	deadline, limited := ctx.Deadline()
	s := &sweeping{
		function: f, at: f.now(), events: map[mci.EventType]int{},
		inTime: func() bool { return !limited || time.Until(deadline) > timeToEnd },
	}
	var shards errgroup.Group
	for shard := range table.Shards {
		shards.Go(func() error { return s.shard(ctx, shard) })
	}
	err := shards.Wait()
	if s.failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d claims could not be swept; the next sweep tries them again", s.failed))
	}
	done := result{
		Expired:   s.events[mci.ClaimExpired],
		Reminded:  s.events[mci.ConsentReminded] + s.events[mci.ConsentDueSoon] + s.events[mci.SubmissionDueSoon],
		Remaining: s.remaining,
	}
	platform.Emit(map[string]float64{
		platform.ClaimsExpired: float64(done.Expired), platform.ConsentsReminded: float64(s.events[mci.ConsentReminded]),
		platform.SweepLagSeconds: s.lag.Seconds(),
	})
	slog.Info("swept", "expired", done.Expired, "reminded", done.Reminded, "failed", s.failed, "remaining", s.remaining)
	return done, err
}

// shard works on the due claims of one shard, page by page, until there are no more or time runs out.
func (s *sweeping) shard(ctx context.Context, shard int) error {
	for from := ""; ; {
		if !s.inTime() {
			s.note(func() { s.remaining = true })
			return nil
		}
		page, err := s.table.DueClaims(ctx, shard, s.at, from, pageSize)
		if err != nil {
			return err
		}
		var claims errgroup.Group
		claims.SetLimit(parallel)
		for _, claim := range page.Items {
			claims.Go(func() error {
				s.claim(ctx, claim)
				return nil
			})
		}
		_ = claims.Wait() // failures are counted
		if from = page.Next; from == "" {
			return nil
		}
	}
}

// note changes what is counted.
func (s *sweeping) note(change func()) {
	s.Lock()
	defer s.Unlock()
	change()
}

// claim works on one due claim, if there is time.
func (s *sweeping) claim(ctx context.Context, claim mci.Claim) {
	if !s.inTime() {
		s.note(func() { s.remaining = true })
		return
	}
	events, err := s.advance(ctx, claim)
	if err != nil {
		slog.Error("sweeping a claim", "claim", claim.ID, "error", err)
	}
	s.note(func() {
		if next := claim.NextInstant(); next != nil { // nil for one that has moved on
			s.lag = max(s.lag, s.at.Sub(*next))
		}
		if err != nil {
			s.failed++
		}
		for _, event := range events {
			s.events[event.Type]++
		}
	})
}

// advance commits what time has brought to a claim, and returns its events: 1 round trip, 2 where the customer is to be
// reminded. It decides by the claim as it was listed; where that has moved on since, by the claim as it is now.
func (s *sweeping) advance(ctx context.Context, claim mci.Claim) ([]mci.Event, error) {
	listed, allowed := true, false
	return table.Settle(ctx, func(ctx context.Context) (_ []mci.Event, err error) {
		if !listed {
			if claim, _, err = s.table.Claim(ctx, claim.ID); err != nil {
				return nil, err
			}
		}
		listed = false
		act := platform.Act(s.at, mci.ActorSystem)
		change, due := claim.Expire(s.at, act)
		if !due {
			if !allowed && claim.RemindsCustomer(s.at) {
				if allowed, err = s.countMail(ctx, claim); err != nil {
					return nil, err
				}
			}
			if change, due = claim.Remind(act, allowed); !due {
				return nil, nil
			}
		}
		if err := s.table.Commit(ctx, s.table.UpdateClaim(change)); err != nil {
			return nil, err
		}
		return change.Events, nil
	})
}

// countMail counts a reminder among the emails of the day, and says whether it may go: the customer has not said stop,
// and no bound is reached (D25, D26).
func (s *sweeping) countMail(ctx context.Context, claim mci.Claim) (bool, error) {
	err := s.table.CountMail(ctx, claim.PartnerID, claim.CustomerContact.Email, s.perPartner, s.at)
	switch mci.CodeOf(err) {
	case mci.RecipientOptedOut, mci.TooManyRequests:
		return false, nil
	}
	return err == nil, err
}
