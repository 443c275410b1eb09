package main

import (
	"fmt"
	"slices"
	"strings"
)

// target is one thing to reach, and what was measured.
type target struct{ what, reach, measured string }

// targets sums the figures up: of each kind the one that is worst, and the one in the middle.
func (b *bench) targets() []target {
	var all []target
	add := func(what, reach, measured string, values ...any) {
		all = append(all, target{what, reach, fmt.Sprintf(measured, values...)})
	}
	worst := func(figures []float64, names []string) (middle, most float64, name string) {
		at := slices.Index(figures, slices.Max(figures))
		return slices.Sorted(slices.Values(figures))[len(figures)/2], figures[at], names[at]
	}
	if len(b.Calls) > 0 {
		var p50, p95, trips []float64
		var names []string
		for _, c := range b.Calls {
			if c.Function == "portal" {
				continue
			}
			p50, p95, names = append(p50, c.RatioP50), append(p95, c.RatioP95), append(names, c.Name)
			trips = append(trips, float64(c.RoundTrips-c.Budget))
		}
		middle, most, name := worst(p50, names)
		add("a warm call, p50", "at most 1.25 × its floor", "%.2f × in the middle, %.2f × at most (%s)", middle, most,
			name)
		middle, most, name = worst(p95, names)
		add("a warm call, p95", "at most 1.5 × its floor", "%.2f × in the middle, %.2f × at most (%s)", middle, most,
			name)
		_, most, _ = worst(trips, names)
		add("round trips one after another", "the design's budgets", "%s", map[bool]string{true: "all within",
			false: "not all within"}[most <= 0])
	}
	if len(b.Cold) > 0 {
		var ratios []float64
		var names []string
		for _, c := range b.Cold {
			ratios, names = append(ratios, c.judged()), append(names, c.Function)
		}
		middle, most, name := worst(ratios, names)
		add("a cold start", "at most 1.2 × an empty function", "%.2f × in the middle, %.2f × at most (%s)", middle,
			most, name)
	}
	b.portalTargets(add)
	if len(b.Sizes) > 0 {
		var zips, peaks []float64
		var names []string
		for _, s := range b.Sizes {
			zips, peaks, names = append(zips, megabytes(s.Zip)), append(peaks, megabytes(s.Peak)),
				append(names, s.Function)
		}
		_, zip, zipName := worst(zips, names)
		add("a zip", "at most 6 MB", "%.1f MB at most (%s)", zip, zipName)
		_, peak, peakName := worst(peaks, names)
		add("peak memory", "at most 24 MB", "%.1f MB at most (%s)", peak, peakName)
	}
	for _, f := range b.Flat {
		add(f.Curve, fmt.Sprintf("at most %.2f × from smallest to largest", f.Target), "%.2f ×", f.Ratio)
	}
	if s := b.Sweep; s != nil {
		least, most := s.Points[0], s.Points[len(s.Points)-1]
		add("the sweep's rate", "at least 0.7 × its floor", "%.2f × and %.2f × (%.0f and %.0f claims a second)",
			least.Ratio, most.Ratio, least.Rate, most.Rate)
		add(fmt.Sprintf("the sweep, with %d claims in the table and with %d", least.Claims, most.Claims),
			"flat within 1.2 ×", "%.2f × slower, by its floor", s.Flat)
		add(fmt.Sprintf("items that a sweep reads for %d reminders, among %d claims and among %d", remindersDue,
			least.Claims, most.Claims), fmt.Sprintf("at most %d, flat within 1.05 ×", 2*remindersDue),
			"%d and %d: %.2f ×", least.ItemsRead, most.ItemsRead, s.ItemsReadFlat)
		add("a sweep cut short; two at once", "no harm",
			"done in %d runs; %.2f × the time of one; every claim expired once", s.Resumed, s.Twice)
	}
	if f := b.Import; f != nil {
		add(fmt.Sprintf("the import of %d rows", f.Rows), "at least 0.8 × its floor", "%.2f × (%.0f rows a second)",
			f.Ratio, f.Rate)
		add("the import's memory", "at most 200 MB", "%.0f MB", megabytes(f.Peak))
	}
	return all
}

// summary is the targets as a table.
func (b *bench) summary() string {
	var rows [][]string
	for _, t := range b.targets() {
		rows = append(rows, []string{t.what, t.reach, t.measured})
	}
	if len(rows) == 0 {
		return ""
	}
	missed := "Every target is reached.\n"
	if len(b.Missed) > 0 {
		missed = "Missed:\n\n- " + strings.Join(b.Missed, "\n- ") + "\n"
	}
	return fmt.Sprintf("Measured %s.\n\n%s\n%s", b.Machine, markdown([]string{"what", "to reach", "measured"}, rows),
		missed)
}
