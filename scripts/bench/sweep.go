package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/bench/replay"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

const sweepFunction = "expiry-sweep"

// sweepParallel is how many transactions a sweep has under way: two for each shard of the queue.
const sweepParallel = 2 * table.Shards

// sweepFigures are how fast due claims are expired.
type sweepFigures struct {
	Due    int          `json:"due"` // claims, in every run
	Points []sweepPoint `json:"points"`
	// the rate with fewest claims in the table by that with most, both by their floors
	Flat    float64 `json:"flat"`
	Resumed int     `json:"resumedIn"` // runs, each cut short, that together expired every due claim once
	Twice   float64 `json:"twoAtOnce"` // the time of two sweeps at once by that of one, every due claim expired once
	// the items read for reminders with most claims in the table by those with fewest
	ItemsReadFlat float64 `json:"itemsReadFlat"`
}

// sweepPoint is what a sweep does with so many claims in the table: the rate by the second, and the items read where
// nothing but reminders is due.
type sweepPoint struct {
	Claims    int     `json:"claims"`
	Rate      float64 `json:"claimsPerSecond"`
	Floor     float64 `json:"floorPerSecond"`
	Ratio     float64 `json:"ratio"`
	ItemsRead int     `json:"itemsReadForReminders"`
}

// remindersDue is how many reminders are due where the items read for them are counted.
const remindersDue = 100

// sweep measures the sweep on a table of its own.
func (b *bench) sweep(ctx context.Context) error {
	s, err := openStand(ctx, b.root, platform.Functions, "")
	if err != nil {
		return err
	}
	defer s.close()
	figures := &sweepFigures{Due: b.size(2000, 60)}
	due, err := b.loadClaims(ctx, s, 0, figures.Due, true)
	if err != nil {
		return err
	}
	if err := s.record(true); err != nil {
		return err
	}
	s.recorder.begin(false)
	if expired, _, err := sweepOnce(s); err != nil || expired != figures.Due {
		return fmt.Errorf("the sweep expired %d claims of %d: %w", expired, figures.Due, err)
	}
	recorded := s.recorder.end(nil)
	if err := s.undo(ctx, recorded); err != nil {
		return err
	}
	undo := func(int) error { return s.undo(ctx, recorded) }
	sweeps := func(int) error {
		expired, _, err := sweepOnce(s)
		if err == nil && expired != figures.Due {
			err = fmt.Errorf("the sweep expired %d claims of %d", expired, figures.Due)
		}
		return err
	}
	loaded := figures.Due
	for _, claims := range []int{b.size(10_000, 500), b.size(200_000, 2000)} {
		if _, err := b.loadClaims(ctx, s, loaded, claims, false); err != nil {
			return err
		}
		loaded = claims
		if err := s.record(false); err != nil {
			return err
		}
		if err := s.teach([]replay.Call{transactions(recorded)}); err != nil {
			return err
		}
		taken, err := interleave(b.size(7, 2), contender{undo, sweeps},
			contender{undo, func(int) error { return s.time(floorFunction, makes(0, scheduled)) }})
		if err != nil {
			return err
		}
		rate := func(t times) float64 { return float64(figures.Due) / t.percentile(50).Seconds() }
		p := sweepPoint{Claims: claims, Rate: rate(taken[0]), Floor: rate(taken[1]),
			Ratio: rate(taken[0]) / rate(taken[1])}
		s.look() // before its processes end
		measure.Progress("%-44s %6.0f a second, %.2f × its floor", fmt.Sprintf("expiry-sweep, %d claims", claims),
			p.Rate, p.Ratio)
		b.expect(p.Ratio >= 0.7, "expiry-sweep: with %d claims it expires %.2f × as many a second as the floor, less "+
			"than 0.7 ×", claims, p.Ratio)
		if p.ItemsRead, err = b.reminders(ctx, s); err != nil {
			return fmt.Errorf("reminders: %w", err)
		}
		figures.Points = append(figures.Points, p)
	}
	least, most := figures.Points[0], figures.Points[1]
	figures.Flat, figures.ItemsReadFlat = least.Ratio/most.Ratio, float64(most.ItemsRead)/float64(least.ItemsRead)
	b.expect(figures.Flat <= 1.2, "expiry-sweep: %.2f × slower with %d claims than with %d, more than 1.2 ×",
		figures.Flat, most.Claims, least.Claims)
	b.expect(figures.ItemsReadFlat <= 1.05, "expiry-sweep: for as many reminders it reads %.2f × as many items with "+
		"%d claims as with %d, more than 1.05 ×", figures.ItemsReadFlat, most.Claims, least.Claims)

	if err := b.twoSweeps(ctx, s, figures, recorded, due); err != nil {
		return fmt.Errorf("two sweeps at once: %w", err)
	}
	if err := b.resumedSweep(ctx, s, figures, recorded, due); err != nil {
		return fmt.Errorf("sweeps that are cut short: %w", err)
	}
	s.look()
	b.stand.peaks[sweepFunction] = max(b.stand.peaks[sweepFunction], s.peaks[sweepFunction])
	b.Sweep = figures
	return nil
}

// reminders counts the items that a sweep reads where reminders of some claims are due, and nothing else is (D30).
func (b *bench) reminders(ctx context.Context, s *stand) (itemsRead int, err error) {
	if _, _, err := sweepOnce(s); err != nil { // of what is due
		return 0, err
	}
	now := s.Now()
	past := now.Add(-time.Hour)
	t := table.New(nil, cloud.TableName)
	err = s.load(ctx, "claims due for a reminder", remindersDue, func(n int) ([]types.WriteRequest, error) {
		birth, _, err := born(fmt.Sprintf("reminded-%d", n), customer(n), 0, now.Add(-mci.Days(1)))
		if err != nil {
			return nil, err
		}
		birth.After.ReminderDays, birth.After.RemindAt = []int{29}, &past
		return table.Puts(t.PutClaim(birth.After))
	})
	if err != nil {
		return 0, err
	}
	if err := s.record(true); err != nil {
		return 0, err
	}
	s.recorder.begin(false)
	answer, err := s.invoke(sweepFunction, scheduled, 0)
	if err != nil {
		return 0, err
	}
	var result struct{ Reminded int }
	if err := json.Unmarshal(answer, &result); err != nil {
		return 0, fmt.Errorf("reading the sweep's answer: %w", err)
	}
	for _, request := range s.recorder.end(nil).requests {
		var got struct {
			ScannedCount int
			Item         json.RawMessage
			Responses    map[string][]json.RawMessage
		}
		if err := json.Unmarshal(request.answer, &got); err != nil {
			return 0, fmt.Errorf("reading what the sweep was answered: %w", err)
		}
		if itemsRead += got.ScannedCount + len(got.Responses[cloud.TableName]); got.Item != nil {
			itemsRead++
		}
	}
	measure.Progress("%-44s %6d items read for %d reminders", "expiry-sweep, reminders", itemsRead, result.Reminded)
	b.expect(result.Reminded == remindersDue && itemsRead <= 2*remindersDue,
		"expiry-sweep: for %d reminders of %d due it reads %d items", result.Reminded, remindersDue, itemsRead)
	return itemsRead, s.record(false)
}

// transactions is the recorded sweep's writing alone, as many at a time.
func transactions(recorded recording) replay.Call {
	call := replay.Call{Waves: [][]replay.Request{nil}, Limit: sweepParallel, Answer: []byte("{}")}
	for _, request := range recorded.requests {
		if request.Action == "TransactWriteItems" {
			call.Waves[0] = append(call.Waves[0], request.Request)
		}
	}
	return call
}

// sweepOnce runs the sweep, and gives how many claims it expired and whether it ran out of time.
func sweepOnce(s *stand) (expired int, remaining bool, err error) {
	answer, err := s.invoke(sweepFunction, scheduled, 0)
	if err != nil {
		return 0, false, err
	}
	var result struct {
		Expired   int
		Remaining bool
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return 0, false, fmt.Errorf("reading the sweep's answer: %w", err)
	}
	return result.Expired, result.Remaining, nil
}

// loadClaims writes claims with their places from a number to another, due or not, and gives their IDs.
func (b *bench) loadClaims(ctx context.Context, s *stand, from, to int, due bool) ([]mci.ClaimID, error) {
	t := table.New(nil, cloud.TableName)
	at := s.Now().Add(-mci.Days(1))
	if due {
		at = at.Add(-mci.Days(40))
	}
	var ids []mci.ClaimID
	err := s.load(ctx, "claims", to-from, func(n int) ([]types.WriteRequest, error) {
		birth, _, err := born(fmt.Sprintf("partner-%d", n%50), customer(from+n), 0, at)
		if err != nil {
			return nil, err
		}
		birth.Events, birth.Private = nil, nil // which no sweep reads
		ids = append(ids, birth.After.ID)
		return table.Puts(t.PutBirth(birth, mci.Participation{}, at))
	})
	return ids, err
}

// twoSweeps has two sweeps run at once: together they must expire every due claim once.
func (b *bench) twoSweeps(ctx context.Context, s *stand, figures *sweepFigures, recorded recording,
	due []mci.ClaimID) error {
	var alone, together times
	for range b.size(3, 1) {
		if err := s.undo(ctx, recorded); err != nil {
			return err
		}
		began := time.Now()
		if _, _, err := sweepOnce(s); err != nil {
			return err
		}
		alone = append(alone, time.Since(began))
		if err := s.undo(ctx, recorded); err != nil {
			return err
		}
		var group errgroup.Group
		expired := make([]int, 2)
		began = time.Now()
		for i := range expired {
			group.Go(func() (err error) {
				expired[i], _, err = sweepOnce(s)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		together = append(together, time.Since(began))
		if expired[0]+expired[1] != figures.Due {
			return fmt.Errorf("they expired %d and %d claims of %d", expired[0], expired[1], figures.Due)
		}
		if err := expiredOnce(ctx, s, due); err != nil {
			return err
		}
	}
	figures.Twice = float64(together.percentile(50)) / float64(alone.percentile(50))
	measure.Progress("%-44s %6.2f × the time of one, every claim once", "expiry-sweep, two at once", figures.Twice)
	return nil
}

// resumedSweep gives the sweep less time than it takes, again and again: what one leaves the next takes up.
func (b *bench) resumedSweep(ctx context.Context, s *stand, figures *sweepFigures, recorded recording,
	due []mci.ClaimID) error {
	functions := slices.Clone(platform.Functions)
	for i := range functions {
		if functions[i].Name == sweepFunction {
			functions[i].Timeout = 5*time.Second + 400*time.Millisecond // of which it keeps five seconds
		}
	}
	short, err := openStand(ctx, b.root, functions, s.DynamoDBEndpoint())
	if err != nil {
		return err
	}
	defer short.close()
	if err := s.undo(ctx, recorded); err != nil {
		return err
	}
	expired := 0
	for remaining := true; remaining; {
		var more int
		if more, remaining, err = sweepOnce(short); err != nil {
			return err
		}
		expired += more
		if figures.Resumed++; figures.Resumed > 1000 {
			return fmt.Errorf("a thousand sweeps did not come to an end")
		}
	}
	if expired != figures.Due {
		return fmt.Errorf("%d sweeps expired %d claims of %d", figures.Resumed, expired, figures.Due)
	}
	measure.Progress("%-44s in %d runs, every claim once", "expiry-sweep, cut short", figures.Resumed)
	return expiredOnce(ctx, s, due)
}

// expiredOnce checks that every claim is expired, by one change.
func expiredOnce(ctx context.Context, s *stand, due []mci.ClaimID) error {
	t := table.New(s.Database(), cloud.TableName)
	for _, id := range due {
		claim, found, err := t.Claim(ctx, id)
		if err != nil {
			return err
		}
		if !found || claim.Status != mci.Expired || claim.Version != 2 {
			return fmt.Errorf("claim %s is %s, version %d, after the sweep", id, claim.Status, claim.Version)
		}
	}
	return nil
}
