package main

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/bench/replay"
)

func TestAPercentileIsATimeThatSoManyRunsDidNotExceed(t *testing.T) {
	var taken times
	for i := 200; i > 0; i-- {
		taken = append(taken, time.Duration(i))
	}
	for p, want := range map[int]time.Duration{50: 100, 95: 190, 100: 200} {
		if got := taken.percentile(p); got != want {
			t.Errorf("the percentile %d is %d, not %d", p, got, want)
		}
	}
	if got := (times{7}).percentile(50); got != 7 {
		t.Errorf("the median of one run is %d", got)
	}
}

func TestContendersRunInTurnAndEachBeginsAsOften(t *testing.T) {
	var order strings.Builder
	note := func(name string) contender {
		return contender{run: func(int) error { order.WriteString(name); return nil }}
	}
	taken, err := interleave(4, note("A"), note("B"))
	if err != nil || order.String() != "ABBAABBA" || len(taken[0]) != 4 || len(taken[1]) != 4 {
		t.Errorf("they ran %s (%v)", order.String(), err)
	}
}

func TestRequestsSentAtOnceAreOneRoundTrip(t *testing.T) {
	at := func(began, ended int) *recorded {
		zero := time.Unix(0, 0)
		return &recorded{Request: replay.Request{Action: "GetItem"}, began: zero.Add(time.Duration(began)),
			ended: zero.Add(time.Duration(ended))}
	}
	// Two at once, one after the first of them, two when all are answered; they are listed as they ended.
	r := recorder{requests: []*recorded{at(0, 10), at(1, 30), at(12, 32), at(40, 50), at(41, 49)}}
	recording := r.end(nil)
	var waves []int
	for _, request := range recording.requests {
		waves = append(waves, request.wave)
	}
	if !slices.Equal(waves, []int{1, 1, 2, 3, 3}) || recording.trips() != 3 {
		t.Errorf("the waves are %v", waves)
	}
	if call := recording.call(); len(call.Waves) != 3 || len(call.Waves[2]) != 2 {
		t.Errorf("the floor is told %v", call.Waves)
	}
}

func TestPlotsAreWellFormedAndShowEveryPoint(t *testing.T) {
	p := plot{title: "A < B & C", x: "x", y: "y", logarithmic: true, lines: []plotLine{
		{name: "one", colour: colours[0], points: [][2]float64{{100, 1.2}, {10_000, 1.3}, {100_000, 1.25}}},
		{name: "floor", dashed: true, colour: colours[1], points: [][2]float64{{100, 1}, {100_000, 1}}},
	}}
	drawn := p.svg()
	decoder, circles := xml.NewDecoder(strings.NewReader(drawn)), 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, drawn)
		}
		if element, begins := token.(xml.StartElement); begins && element.Name.Local == "circle" {
			circles++
		}
	}
	if circles != 5 || !strings.Contains(drawn, "100k") {
		t.Errorf("%d points are drawn of 5: %s", circles, drawn)
	}
}
