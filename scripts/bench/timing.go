package main

import (
	"slices"
	"time"
)

// contender is one of several that are timed in turn. What prepare does is not timed.
type contender struct {
	prepare func(round int) error
	run     func(round int) error
}

// interleave runs contenders in turn, A B B A A B and so on, so that what the machine does besides meets all alike, and
// gives each one's times.
func interleave(rounds int, contenders ...contender) ([]times, error) {
	taken := make([]times, len(contenders))
	for round := range rounds {
		for turn := range contenders {
			at := (round + turn) % len(contenders)
			if prepare := contenders[at].prepare; prepare != nil {
				if err := prepare(round); err != nil {
					return nil, err
				}
			}
			began := time.Now()
			if err := contenders[at].run(round); err != nil {
				return nil, err
			}
			taken[at] = append(taken[at], time.Since(began))
		}
	}
	return taken, nil
}

// times are how long each of several runs took.
type times []time.Duration

// percentile is the time that p percent of the runs did not exceed.
func (t times) percentile(p int) time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	return sorted[(len(sorted)*p+99)/100-1]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
