package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"mci.example/customers/scripts/bench/replay"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/platform"
)

// coldFigures are how long a function takes from the start of its process to its first answer: to one that needs no
// table, against an empty function with the same clients, and to one that does, against the floor.
type coldFigures struct {
	Function   string  `json:"function"`
	Empty      string  `json:"empty"`
	Answer     float64 `json:"firstAnswerMilliseconds,omitempty"`
	EmptyTime  float64 `json:"emptyMilliseconds,omitempty"`
	Ratio      float64 `json:"ratio,omitempty"`
	Call       float64 `json:"firstCallMilliseconds"`
	FloorTime  float64 `json:"floorMilliseconds"`
	FloorRatio float64 `json:"floorRatio"`
}

// judged is the ratio that counts: that to the floor where a function has nothing to answer without the table.
func (f coldFigures) judged() float64 {
	if f.Ratio == 0 {
		return f.FloorRatio
	}
	return f.Ratio
}

// coldStart measures the cold start of a call's function.
func (b *bench) coldStart(ctx context.Context, k kind, recorded recording) error {
	s := b.stand
	again := func(int) error { return s.replace() }
	undone := func(int) error {
		if err := s.undo(ctx, recorded); err != nil {
			return err
		}
		return s.replace()
	}
	f := coldFigures{Function: k.function, Empty: k.cold}
	if refused := refusal(k); refused != nil {
		taken, err := interleave(b.size(100, 3),
			contender{again, func(int) error { return s.time(k.function, refused) }},
			contender{again, func(int) error { return s.time(k.cold, refused) }})
		if err != nil {
			return err
		}
		f.Answer, f.EmptyTime = milliseconds(taken[0].percentile(50)), milliseconds(taken[1].percentile(50))
		f.Ratio = f.Answer / f.EmptyTime
	}
	once, err := json.Marshal(replay.Program{First: true, Calls: []replay.Call{recorded.call()}})
	if err != nil {
		return fmt.Errorf("telling the floor what to do: %w", err)
	}
	taken, err := interleave(b.size(30, 3),
		contender{undone, func(int) error { return s.time(k.function, k.payloads[0]) }},
		contender{undone, func(int) error { return s.time(floorFunction, append([]byte(replay.Once), once...)) }})
	if err != nil {
		return err
	}
	f.Call, f.FloorTime = milliseconds(taken[0].percentile(50)), milliseconds(taken[1].percentile(50))
	f.FloorRatio = f.Call / f.FloorTime
	b.Cold = append(b.Cold, f)
	measure.Progress("%-44s %6.2f ms, %.2f × an empty function", k.function+", cold", cmp.Or(f.Answer, f.Call),
		f.judged())
	b.expect(f.judged() <= 1.2, "%s: the cold start is %.2f × that of an empty function, more than 1.2 ×", k.function,
		f.judged())
	return nil
}

// refusal is a payload of the call's kind that a function answers without asking for anything, nil where there is none.
func refusal(k kind) []byte {
	switch k.function {
	case "openapi":
		return request{route: k.route, query: map[string]string{"unknown": "1"}}.payload()
	case "expiry-sweep":
		return nil
	case "notify":
		return encoded(object{"id": "1", "detail": object{}})
	case "mail-feedback":
		return encoded(object{"id": "1", "detail": object{"eventType": "Send"}})
	case "consent-callback":
		return request{route: k.route, path: map[string]string{"token": "none"}}.payload()
	}
	route := k.route
	if route == "" {
		return []byte(`{"Records":[]}`)
	}
	return request{route: route, user: user{partner, "eve", "guest"}}.payload()
}

// sizeFigures are what a function weighs.
type sizeFigures struct {
	Function string `json:"function"`
	Zip      int64  `json:"zipBytes"`
	Peak     int64  `json:"peakMemoryBytes"`
}

// What a function may weigh.
const (
	maxZip  = 6 << 20
	maxPeak = 24 << 20
)

// sizes builds the zips as they are deployed, and lists them with the most memory that each function was seen to use.
func (b *bench) sizes(ctx context.Context) error {
	measure.Progress("building the zips")
	out := filepath.Join(b.root, "build")
	build := exec.CommandContext(ctx, "go", "run", "./scripts/build", "-out", out)
	build.Dir, build.Stdout, build.Stderr = b.root, os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the zips: %w", err)
	}
	for _, function := range platform.Functions {
		zip, err := os.Stat(filepath.Join(out, function.Name+".zip"))
		if err != nil {
			return fmt.Errorf("looking at a zip: %w", err)
		}
		f := sizeFigures{function.Name, zip.Size(), b.stand.peaks[function.Name]}
		b.Sizes = append(b.Sizes, f)
		b.expect(f.Zip <= maxZip, "%s: the zip has %.2f MB, more than 6", f.Function, megabytes(f.Zip))
		b.expect(f.Peak > 0, "%s: its memory was not measured", f.Function)
		b.expect(f.Peak <= maxPeak, "%s: used up to %.1f MB of memory, more than 24", f.Function, megabytes(f.Peak))
	}
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
