package main

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func TestTheHighestRateThatIsHeldIsFound(t *testing.T) {
	for _, c := range []struct{ start, capacity, least int }{
		{16, 1000, 950}, {16, 100, 95}, {16, 16, 16}, {16, 5, 5}, {16, 1, 1}, {16, 0, 0}, {500, 90, 85}, {0, 7, 7},
	} {
		tried := 0
		found, err := highest(c.start, func(rate int) (bool, error) {
			tried++
			return rate <= c.capacity, nil
		})
		if err != nil || found > c.capacity || found < c.least || tried > 14 {
			t.Errorf("from %d, of %d a second %d were found by %d trials: %v", c.start, c.capacity, found, tried, err)
		}
	}
}

// TestNoAnswersDelayHidesAnothers has the first of twenty requests held up, with one worker to send them: all behind it
// are sent late, and their latency counts from when they were due.
func TestNoAnswersDelayHidesAnothers(t *testing.T) {
	const delay, rate = 200 * time.Millisecond, 100
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) == 1 {
			time.Sleep(delay)
		}
	}))
	defer server.Close()
	s := newSchedule(rate, delay)
	targets := vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: server.URL})
	answers := 0
	for result := range vegeta.NewAttacker(vegeta.MaxWorkers(1)).Attack(targets, s, 0, "") {
		s.answered.Add(1)
		answers++
		if got, least := s.latency(result.Seq, result.End()), delay-s.due(result.Seq); got < least {
			t.Errorf("request %d was due at %s, behind one of %s, and counts %s", result.Seq, s.due(result.Seq), delay,
				got)
		}
	}
	if answers != 20 || s.overrun {
		t.Errorf("%d requests were sent", answers)
	}
}

func TestARunIsGivenUpOnceTooManyWait(t *testing.T) {
	s := newSchedule(10, time.Minute)
	for sent := uint64(0); ; sent++ {
		if _, stop := s.Pace(s.due(sent), sent); stop {
			if !s.overrun || sent != 41 {
				t.Errorf("it was given up after %d requests", sent)
			}
			return
		}
	}
}

func TestZipfsFewAreMuchBusierThanAllOthers(t *testing.T) {
	z := newZipf(rand.New(rand.NewPCG(1, 2)), 4, 100)
	var met [100]int
	for range 100_000 {
		met[z.choose()]++
	}
	if met[0] < 8*met[50] || met[0] < 3*met[9] || met[99] == 0 {
		t.Errorf("the first was met %d times, the tenth %d, the 51st %d, the last %d", met[0], met[9], met[50], met[99])
	}
}

func TestThePlotShowsWhenAnswersWereSlow(t *testing.T) {
	var samples []sample
	for second := range 100 {
		slow := sample{due: time.Duration(second) * time.Second, latency: 10 * time.Millisecond, status: 200}
		if second == 52 {
			slow.latency = time.Second
		}
		samples = append(samples, slow)
	}
	lines := strings.Split(plot(samples, 100*time.Second), "\n")
	if ten, all := strings.Index(lines[1], "5"), []rune(lines[11]); !strings.Contains(lines[11], "50s") ||
		ten < 0 || string(all[len(all)-14]) != "9" {
		t.Errorf("the plot is\n%s", strings.Join(lines, "\n"))
	}
}
