// Command bench measures how fast the functions are and what they cost, each figure against a floor that is measured in
// the same run: a bare function that asks DynamoDB and SES for the same.
//
//	bench [-quick] [-only calls,growth,…]
//
// It prints tables, and writes build/bench.json, build/bench.md and, when it has measured everything, the plots beside
// its source.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

func main() {
	quick := flag.Bool("quick", false,
		"small sizes and few runs, to see that everything works: the figures mean little")
	only := flag.String("only", "", "the parts to measure, separated by commas: "+strings.Join(partNames(), ", "))
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *quick, *only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench is one run of the benchmark, and its figures as build/bench.json has them.
type bench struct {
	root  string
	quick bool
	stand *stand
	began time.Time

	consumed map[string]map[string]consumption // by act and partition
	stored   map[table.Key]table.Item          // all that a claim's life puts

	Machine measure.Machine `json:"machine"`
	Quick   bool            `json:"quick"`
	Calls   []callFigures   `json:"calls"`
	Cold    []coldFigures   `json:"coldStarts"`
	Sizes   []sizeFigures   `json:"sizes"`
	Growth  []growthFigures `json:"growth"`
	Flat    []flatFigures   `json:"flatness"`
	Sweep   *sweepFigures   `json:"sweep,omitempty"`
	Pages   []pageFigures   `json:"pages"`
	Marks   []marks         `json:"lighthouse"`
	Import  *importFigures  `json:"import,omitempty"`
	Costs   []costFigures   `json:"costPerMillionCalls"`
	Prices  priceList       `json:"prices"`
	Missed  []string        `json:"missed"`

	Ceilings      []ceilingFigures `json:"ceilings"`
	BytesOfAClaim int              `json:"bytesOfAClaimInItsPartnersPartition"`
}

// parts are what is measured, in order. All but the sweep and the import stand on one table.
var parts = []struct {
	name    string
	measure func(*bench, context.Context) error
}{
	{"calls", (*bench).lifecycle},
	{"growth", (*bench).growth},
	{"import", (*bench).imports},
	{"sweep", (*bench).sweep},
	{"portal", (*bench).portal},
	{"sizes", (*bench).sizes},
}

func partNames() []string {
	var names []string
	for _, part := range parts {
		names = append(names, part.name)
	}
	return names
}

// size is a number for a full run, or for a quick one.
func (b *bench) size(full, quick int) int {
	if b.quick {
		return quick
	}
	return full
}

// expect notes a target that was missed.
func (b *bench) expect(reached bool, text string, values ...any) {
	if !reached {
		b.Missed = append(b.Missed, fmt.Sprintf(text, values...))
	}
}

func run(ctx context.Context, quick bool, only string) error {
	root, err := cloud.FindRoot()
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	asked := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	for _, name := range asked {
		if !slices.Contains(partNames(), name) {
			return fmt.Errorf("there is no part %s; there are %s", name, strings.Join(partNames(), ", "))
		}
	}
	b := &bench{root: root, quick: quick, Quick: quick, began: time.Now(), Machine: measure.ThisMachine(),
		Prices: prices, Missed: []string{}}
	measure.Progress("starting the one-machine cloud")
	if b.stand, err = openStand(ctx, root, platform.Functions, ""); err != nil {
		return err
	}
	defer b.stand.close()
	if err := b.stand.found(ctx, b.subjects()); err != nil {
		return fmt.Errorf("laying the ground: %w", err)
	}
	var failed error
	for _, part := range parts {
		if len(asked) > 0 && !slices.Contains(asked, part.name) {
			continue
		}
		measure.Progress("measuring %s", part.name)
		if failed = part.measure(b, ctx); failed != nil {
			failed = fmt.Errorf("measuring %s: %w", part.name, failed)
			break
		}
	}
	b.costs()
	// What was measured before a failure is told all the same.
	return errors.Join(failed, b.report(len(asked) == 0 && failed == nil))
}
