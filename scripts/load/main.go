// Command load finds out what a running `make run` holds:
//
//	load [-storm]
//
// It brings a day's traffic at a rate, however fast answers come. It finds the highest rate at which the 99th
// percentile of latency stays under a second, runs at it for LOAD (5m), and looks then whether anything was lost or is
// there twice. With -storm everyone meets at one customer, one engagement, one partner's list, one link and one
// Idempotency-Key, for STORM (1m) each. It prints its figures, keeps them in build/, and fails where a promise is
// broken. SEED makes the same choices again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mci.example/customers/scripts/measure"
)

func main() {
	storm := flag.Bool("storm", false, "have everyone meet at one thing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *storm); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// length reads a duration from the environment.
func length(variable string, standard time.Duration) (time.Duration, error) {
	given := os.Getenv(variable)
	if given == "" {
		return standard, nil
	}
	length, err := time.ParseDuration(given)
	if err != nil || length < time.Second {
		return 0, fmt.Errorf("%s must be a duration of a second or more, such as %s: %q", variable, standard, given)
	}
	return length, nil
}

func run(ctx context.Context, storm bool) error {
	lasting, err := length("LOAD", 5*time.Minute)
	if err != nil {
		return err
	}
	each, err := length("STORM", time.Minute)
	if err != nil {
		return err
	}
	seed := rand.Uint64() >> 40
	if given := os.Getenv("SEED"); given != "" {
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			return fmt.Errorf("SEED must be a whole number: %q", given)
		}
	}
	w := newWorld(seed)
	if err := w.Check(ctx); err != nil {
		return err
	}
	measure.Progress("the seed is %d; importing %d partners and %d customers", seed, partnerCount, customerCount)
	if err := w.build(ctx); err != nil {
		return err
	}
	t := newTraffic(w)
	if t.ahead, err = t.Clock(ctx); err != nil {
		return err
	}
	name, figures := "storm", ""
	if storm {
		figures, err = t.storms(ctx, each)
	} else {
		name = "load"
		figures, err = t.load(ctx, lasting)
	}
	if err != nil {
		return errors.Join(err, t.kept())
	}
	verdict := "No promise was broken: nothing was lost, nothing was there twice, and the audit found nothing.\n"
	if len(t.broken) > 0 {
		verdict = fmt.Sprintf("%d promises were broken.\n", len(t.broken))
	}
	figures = fmt.Sprintf("Measured %s; seed %d. The rates are this machine's, which the generator shares, not the "+
		"cloud's.\n\n%s\n%s", measure.ThisMachine(), seed, figures, verdict)
	fmt.Print("\n", figures)
	if err := os.MkdirAll("build", 0o755); err != nil {
		return fmt.Errorf("making the folder for the figures: %w", err)
	}
	if err := os.WriteFile(filepath.Join("build", name+".md"), []byte(figures), 0o644); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	return t.kept()
}

// kept names the promises that were broken, the first hundred of them; nil where all were kept.
func (t *traffic) kept() error {
	if len(t.broken) == 0 {
		return nil
	}
	return fmt.Errorf("promises were broken:\n%s", strings.Join(t.broken[:min(len(t.broken), 100)], "\n"))
}

// searches is how often the highest rate is looked for; the lowest of what they find is told.
const searches = 3

// breather is how long the system gets to work off what a trial has left behind that was too much for it.
const breather = 5 * time.Second

// load finds the highest rate that is held, and runs at it.
func (t *traffic) load(ctx context.Context, lasting time.Duration) (string, error) {
	trial := min(max(lasting/20, 2*time.Second), 15*time.Second)
	measure.Progress("warming up")
	if _, _, err := t.attack(ctx, 10, 2*trial); err != nil {
		return "", err
	}
	began := time.Now()
	var rates []int
	for start := 16; len(rates) < searches; start = rates[0] / 2 {
		rate, err := highest(start, func(rate int) (bool, error) {
			samples, s, err := t.attack(ctx, float64(rate), trial)
			p99 := percentile(latencies(samples), 99)
			measure.Progress("%d a second for %s: p99 %s ms%s", rate, trial, milliseconds(p99),
				map[bool]string{true: ", given up"}[s.overrun])
			if held := p99 < bound && !s.overrun; held || err != nil {
				return held, err
			}
			return false, pause(ctx, breather) // the stream and the bus still work on what came
		})
		if err != nil {
			return "", err
		}
		if rate == 0 {
			return "", errors.New("this machine holds no rate at all with p99 under a second")
		}
		measure.Progress("%d a second is held", rate)
		rates = append(rates, rate)
	}
	// What the trials left on the engagement of a day comes due while the long run goes on, for the sweeps to find.
	clear(t.waiting)
	before := t.ahead
	if err := t.goTo(ctx, before+24*time.Hour-time.Since(began)); err != nil {
		return "", err
	}
	defer func() { _ = t.SetClock(context.WithoutCancel(ctx), before) }()
	for rate := slices.Min(rates); rate > 0; rate = rate * 4 / 5 { // what is held for seconds may not be for minutes
		if _, _, err := t.attack(ctx, float64(rate)/2, 2*trial); err != nil { // which starts the processes anew
			return "", err
		}
		measure.Progress("%d a second for %s", rate, lasting)
		usedBefore, err := t.usedSoFar(ctx)
		if err != nil {
			return "", err
		}
		from := time.Now()
		samples, s, err := t.attack(ctx, float64(rate), lasting)
		if err != nil {
			return "", err
		}
		took := time.Since(from)
		usedAfter, err := t.usedSoFar(ctx)
		if err != nil {
			return "", err
		}
		p99 := percentile(latencies(samples), 99)
		if p99 >= bound || s.overrun {
			measure.Progress("it did not hold that for so long: p99 %s ms", milliseconds(p99))
			continue
		}
		checked, err := t.check(ctx)
		return fmt.Sprintf("With p99 under a second this machine held %s requests a second for %s in %d searches, "+
			"and %d for %s. %s %s\n\nMilliseconds since each request was due:\n\n%s\n```text\n%s```\n",
			listed(rates), trial, searches, rate, lasting, shares(usedBefore, usedAfter, took), checked,
			table(samples), plot(samples, lasting)), err
	}
	return "", fmt.Errorf("this machine holds no rate for %s with p99 under a second", lasting)
}

// goTo sets the functions' clock.
func (t *traffic) goTo(ctx context.Context, ahead time.Duration) error {
	t.ahead = ahead
	return t.SetClock(ctx, ahead)
}

// check looks whether every promise was kept, and says what was looked at.
func (t *traffic) check(ctx context.Context) (string, error) {
	measure.Progress("looking for what was confirmed: %d claims", len(t.claims))
	if err := t.settle(ctx); err != nil {
		return "", err
	}
	if err := t.verify(ctx); err != nil {
		return "", err
	}
	measure.Progress("auditing")
	report, err := t.audit(ctx)
	if err != nil {
		return "", err
	}
	emails := 0
	for _, c := range t.claims {
		for _, count := range c.emails {
			emails += count
		}
	}
	return fmt.Sprintf("Read back: %d claims and %d emails; audited: %d items.", len(t.claims), emails, report.Items),
		nil
}

func latencies(samples []sample) []time.Duration {
	all := make([]time.Duration, len(samples))
	for i, s := range samples {
		all[i] = s.latency
	}
	return sorted(all)
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }

func listed(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ", ")
}
