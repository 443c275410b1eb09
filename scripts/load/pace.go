package main

import (
	"slices"
	"sync/atomic"
	"time"
)

// bound is what a rate is held within: the answers' 99th percentile.
const bound = time.Second

// schedule says when each request of a run is due: so many a second, evenly, however fast answers come. It is vegeta's
// pacer too. vegeta counts latency from the sending; a request that is sent late, for the generator was held up, has
// waited since it was due.
type schedule struct {
	rate     float64
	count    uint64
	began    time.Time
	answered atomic.Uint64
	overrun  bool // more requests wait for answers than come due in two bounds: the rate is not held
}

func newSchedule(rate float64, length time.Duration) *schedule {
	return &schedule{rate: rate, count: max(1, uint64(rate*length.Seconds()))}
}

func (s *schedule) due(seq uint64) time.Duration {
	return time.Duration(float64(seq) / s.rate * float64(time.Second))
}

// Pace says how long to wait with the next request, and ends the run after the last one.
func (s *schedule) Pace(elapsed time.Duration, sent uint64) (wait time.Duration, stop bool) {
	if s.began.IsZero() {
		s.began = time.Now().Add(-elapsed)
	}
	waiting := float64(sent) - float64(s.answered.Load())
	s.overrun = s.overrun || waiting > 20+2*s.rate*bound.Seconds()
	return max(0, s.due(sent)-elapsed), s.overrun || sent >= s.count
}

// Rate is for vegeta's own reports, which nobody reads here.
func (s *schedule) Rate(time.Duration) float64 { return s.rate }

// latency is from the instant at which a request was due until its answer.
func (s *schedule) latency(seq uint64, answered time.Time) time.Duration {
	return max(0, answered.Sub(s.began.Add(s.due(seq))))
}

// highest finds the highest rate that is held, to a twentieth: it doubles the rate until it is not held, and bisects
// then. 0 is none.
func highest(start int, holds func(rate int) (bool, error)) (int, error) {
	held, failed := 0, 0
	for rate := max(1, start); ; {
		ok, err := holds(rate)
		if err != nil {
			return 0, err
		}
		if ok {
			held = rate
		} else {
			failed = rate
		}
		switch {
		case failed == 0:
			rate = 2 * held
		case failed-held <= max(1, held/20):
			return held, nil
		default:
			rate = (held + failed) / 2
		}
	}
}

// percentile is the time that p percent of the sorted ones do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}

func sorted(times []time.Duration) []time.Duration { return slices.Sorted(slices.Values(times)) }
