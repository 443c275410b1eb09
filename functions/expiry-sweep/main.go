// Command expiry-sweep writes down the expiry of claims whose deadline has passed (D3). Readers and writers know without it;
// what it costs is in proportion to what is due. Sweeps may overlap, and one that runs out of time leaves the rest to the
// next.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
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
	lambda.Start(function{clients.Table(environment), environment.Now}.sweep)
}

type function struct {
	table *table.Table
	now   func() time.Time
}

const (
	pageSize  = 5               // claims read at a time, of each shard: twenty times as many took 34 MB of memory
	parallel  = 2               // claims of one shard expired at a time; all shards are swept at once
	timeToEnd = 5 * time.Second // left of the function's time when it stops taking up more
)

// result says what a sweep did. Remaining says that time ran out before all was done.
type result struct {
	Expired   int64 `json:"expired"`
	Remaining bool  `json:"remaining"`
}

func (f function) sweep(ctx context.Context, _ any) (result, error) {
	now := f.now()
	deadline, limited := ctx.Deadline()
	inTime := func() bool { return !limited || time.Until(deadline) > timeToEnd }
	var expired, failed, lag atomic.Int64
	var remaining atomic.Bool
	var shards errgroup.Group
	for shard := range table.Shards {
		shards.Go(func() error {
			for from := ""; ; {
				if !inTime() {
					remaining.Store(true)
					return nil
				}
				page, err := f.table.DueClaims(ctx, shard, now, from, pageSize)
				if err != nil {
					return err
				}
				var claims errgroup.Group
				claims.SetLimit(parallel)
				for _, claim := range page.Items {
					longest(&lag, now.Sub(*claim.Due()))
					claims.Go(func() error {
						if !inTime() {
							remaining.Store(true)
							return nil
						}
						wrote, err := f.expire(ctx, claim, now)
						switch {
						case err != nil:
							failed.Add(1)
							slog.Error("expiring a claim", "claim", claim.ID, "error", err)
						case wrote:
							expired.Add(1)
						}
						return nil
					})
				}
				_ = claims.Wait() // what failed is counted
				if from = page.Next; from == "" {
					return nil
				}
			}
		})
	}
	err := shards.Wait()
	platform.Emit(map[string]float64{
		platform.ClaimsExpired: float64(expired.Load()), platform.SweepLagSeconds: time.Duration(lag.Load()).Seconds(),
	})
	slog.Info("swept", "expired", expired.Load(), "failed", failed.Load(), "remaining", remaining.Load())
	if n := failed.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d claims could not be expired; the next sweep tries them again", n))
	}
	return result{expired.Load(), remaining.Load()}, err
}

// expire writes down one expiry, by the claim as the index had it: 1 round trip. Where it has moved on since, what it is now
// decides.
func (f function) expire(ctx context.Context, claim mci.Claim, now time.Time) (bool, error) {
	listed := true
	return table.Settle(ctx, func(ctx context.Context) (bool, error) {
		if !listed {
			var err error
			if claim, _, err = f.table.Claim(ctx, claim.ID); err != nil {
				return false, err
			}
		}
		listed = false
		change, due := claim.Expire(now, platform.Act(now, mci.ActorSystem))
		if !due {
			return false, nil
		}
		if err := f.table.Commit(ctx, f.table.UpdateClaim(change)); err != nil {
			return false, err
		}
		return true, nil
	})
}

// longest keeps the larger duration.
func longest(kept *atomic.Int64, d time.Duration) {
	for {
		old := kept.Load()
		if int64(d) <= old || kept.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}
