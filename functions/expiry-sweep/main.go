// Command expiry-sweep writes down what time has brought to claims: their expiry once the deadline has passed (D3), and
// what the instants of reminders bring (D30); where the deployment says so, it erases people's data on claims that
// ended long ago (D37). Readers and writers know of an expiry without it. What it costs is in
// proportion to what is due. Sweeps may overlap, and one that runs out of time leaves the rest to the next.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	f := function{clients.Table(environment), environment.Number(platform.MailsPerPartner), 0, environment.Now}
	if environment.Setting(platform.RetentionMonths) != "" {
		f.retentionMonths = environment.Number(platform.RetentionMonths)
	}
	lambda.Start(f.sweep)
}

type function struct {
	table      *table.Table
	perPartner int // consent emails in a day (D25)

	retentionMonths int // 0 for ever (D37)
	now             func() time.Time
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
	Erased    int  `json:"erased,omitempty"`
	Remaining bool `json:"remaining"`
}

// sweeping is one run of the sweep.
type sweeping struct {
	function
	at     time.Time
	inTime func() bool

	sync.Mutex // of what is below
	events     map[mci.EventType]int
	erased     int
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
		shards.Go(func() error {
			due := func(from string) (table.Page[mci.Claim], error) {
				return s.table.DueClaims(ctx, shard, s.at, from, pageSize)
			}
			return s.each(due, func(claim mci.Claim) error { return s.advance(ctx, claim) })
		})
		if f.retentionMonths == 0 {
			continue
		}
		shards.Go(func() error {
			ended := func(from string) (table.Page[mci.Claim], error) {
				return s.table.EndedClaims(ctx, shard, s.at.AddDate(0, -f.retentionMonths, 0), from, pageSize)
			}
			return s.each(ended, func(claim mci.Claim) error { return s.erase(ctx, claim.ID) })
		})
	}
	err := shards.Wait()
	if s.failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d claims could not be swept; the next sweep tries them again", s.failed))
	}
	done := result{
		Expired:   s.events[mci.ClaimExpired],
		Reminded:  s.events[mci.ConsentReminded] + s.events[mci.ConsentDueSoon] + s.events[mci.SubmissionDueSoon],
		Erased:    s.erased,
		Remaining: s.remaining,
	}
	platform.Emit(map[string]float64{
		platform.ClaimsExpired:    float64(done.Expired),
		platform.ConsentsReminded: float64(s.events[mci.ConsentReminded]),
		platform.SweepLagSeconds:  s.lag.Seconds(),
	})
	slog.Info("swept", "expired", done.Expired, "reminded", done.Reminded, "erased", done.Erased, "failed", s.failed,
		"remaining", s.remaining)
	return done, err
}

// each works on the claims of a list, page by page, until there are no more or time runs out.
func (s *sweeping) each(list func(from string) (table.Page[mci.Claim], error), work func(mci.Claim) error) error {
	for from := ""; ; {
		if !s.inTime() {
			s.note(func() { s.remaining = true })
			return nil
		}
		page, err := list(from)
		if err != nil {
			return err
		}
		var claims errgroup.Group
		claims.SetLimit(parallel)
		for _, claim := range page.Items {
			claims.Go(func() error {
				s.claim(claim, work)
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

// claim works on one claim, if there is time.
func (s *sweeping) claim(claim mci.Claim, work func(mci.Claim) error) {
	if !s.inTime() {
		s.note(func() { s.remaining = true })
		return
	}
	if next := claim.NextInstant(); next != nil {
		s.note(func() { s.lag = max(s.lag, s.at.Sub(*next)) })
	}
	if err := work(claim); err != nil {
		slog.Error("sweeping a claim", "claim", claim.ID, "error", err)
		s.note(func() { s.failed++ })
	}
}

// advance commits what time has brought to a claim: 1 round trip, 2 where a customer is reminded. It decides by the
// claim as it was listed; where that has moved on since, by the claim as it is now.
func (s *sweeping) advance(ctx context.Context, claim mci.Claim) error {
	listed, mailAllowed := true, true
	_, err := table.Settle(ctx, func(ctx context.Context) (none struct{}, err error) {
		if !listed {
			if claim, _, err = s.table.Claim(ctx, claim.ID); err != nil {
				return none, err
			}
		}
		listed = false
		act := platform.Act(s.at, mci.ActorSystem)
		change, due := claim.Expire(s.at, act)
		if !due {
			change, due = claim.Remind(act, mailAllowed)
		}
		if !due {
			return none, nil
		}
		writes := s.table.UpdateClaim(change)
		if slices.ContainsFunc(change.Events, func(e mci.Event) bool { return e.Type == mci.ConsentReminded }) {
			optedOut, err := s.table.OptedOut(ctx, claim.PartnerID, claim.Email.AddressHash)
			if err != nil {
				return none, err
			}
			if optedOut { // this reminder is left out
				mailAllowed = false
				return none, table.ErrLostRace
			}
			writes = append(writes, s.table.CountMail(claim, s.perPartner, s.at)...)
		}
		err = s.table.Commit(ctx, writes)
		if mci.CodeOf(err) == mci.TooManyRequests {
			mailAllowed = false // a bound is reached: this reminder is left out
			return none, table.ErrLostRace
		}
		if err != nil {
			return none, err
		}
		s.note(func() {
			for _, event := range change.Events {
				s.events[event.Type]++
			}
		})
		return none, nil
	})
	return err
}

// erase erases everybody's data on a claim that ended long ago. 1 round trip to read, 2 and more to write.
func (s *sweeping) erase(ctx context.Context, id mci.ClaimID) error {
	_, err := table.Settle(ctx, func(ctx context.Context) (none struct{}, err error) {
		claim, found, err := s.table.Claim(ctx, id)
		if err != nil || !found || !claim.Status.Terminal() {
			return none, err
		}
		history, err := s.table.History(ctx, id)
		if err != nil {
			return none, err
		}
		after, erased, found := claim.Erase("", history, s.at)
		if !found {
			return none, nil
		}
		if err := s.table.Erase(ctx, claim, after, erased); err != nil {
			return none, err
		}
		s.note(func() { s.erased++ })
		return none, nil
	})
	return err
}
