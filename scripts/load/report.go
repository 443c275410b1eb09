package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"mci.example/customers/scripts/local/cloud"
)

// table is the figures by kind of call, in Markdown.
func table(samples []sample) string {
	var text strings.Builder
	text.WriteString("| call | count | answers | p50 | p95 | p99 | max |\n|---|---|---|---|---|---|---|\n")
	row := func(name string, of []sample) {
		var taken []time.Duration
		statuses := map[int]int{}
		for _, s := range of {
			taken = append(taken, s.latency)
			statuses[s.status]++
		}
		slices.Sort(taken)
		fmt.Fprintf(&text, "| %s | %d | %s | %s | %s | %s | %s |\n", name, len(of), counts(statuses),
			milliseconds(percentile(taken, 50)), milliseconds(percentile(taken, 95)),
			milliseconds(percentile(taken, 99)),
			milliseconds(percentile(taken, 100)))
	}
	for _, k := range kinds {
		row(k.name, slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.kind != k }))
	}
	row("all", samples)
	return text.String()
}

// counts lists how many answers had which status.
func counts(statuses map[int]int) string {
	var list []string
	for _, status := range sortedKeys(statuses) {
		list = append(list, fmt.Sprintf("%d: %d", status, statuses[status]))
	}
	return strings.Join(list, ", ")
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f", float64(d)/float64(time.Millisecond))
}

const (
	plotRows  = 20
	plotWidth = 52 // 13 columns for each power of ten, from a millisecond on
)

// plot draws latency over time: a line for each twentieth of the run, from a millisecond to ten seconds.
func plot(samples []sample, length time.Duration) string {
	var text strings.Builder
	text.WriteString("    at    p50    p99    max  1 ms         10 ms        100 ms       1 s          10 s\n")
	for row := range plotRows {
		from, to := length*time.Duration(row)/plotRows, length*time.Duration(row+1)/plotRows
		var taken []time.Duration
		for _, s := range samples {
			if s.due >= from && s.due < to {
				taken = append(taken, s.latency)
			}
		}
		slices.Sort(taken)
		line := []rune(strings.Repeat("·", plotWidth+1))
		for _, mark := range []struct {
			p    int
			sign rune
		}{{100, 'x'}, {99, '9'}, {50, '5'}} {
			line[column(percentile(taken, mark.p))] = mark.sign
		}
		fmt.Fprintf(&text, "%6s %6s %6s %6s  %s\n", from.Round(time.Second), milliseconds(percentile(taken, 50)),
			milliseconds(percentile(taken, 99)), milliseconds(percentile(taken, 100)), string(line))
	}
	return text.String()
}

// column is where a time stands on the plot's logarithmic axis.
func column(taken time.Duration) int {
	at := math.Log10(max(1, float64(taken)/float64(time.Millisecond))) * plotWidth / 4
	return min(plotWidth, int(math.Round(at)))
}

// used is how many seconds of CPU each process of the system has used so far, and this one.
type used map[cloud.Process]float64

// usedSoFar asks the one-machine cloud what its processes have used. Without /proc all is 0.
func (t *traffic) usedSoFar(ctx context.Context) (used, error) {
	answer, err := t.Send(ctx, http.MethodGet, "/local/processes", "", nil)
	if err != nil {
		return nil, err
	}
	var shown struct{ Processes []cloud.Process }
	if err := json.Unmarshal(answer.Body, &shown); err != nil {
		return nil, fmt.Errorf("reading what the processes use: %w", err)
	}
	u := used{}
	for _, p := range shown.Processes {
		u[cloud.Process{Name: p.Name, PID: p.PID}] = p.CPU
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return nil, fmt.Errorf("asking what this process uses: %w", err)
	}
	u[cloud.Process{Name: generator}] = time.Duration(own.Utime.Nano() + own.Stime.Nano()).Seconds()
	return u, nil
}

const generator = "generator"

// shares says in words what part of the machine each took between two looks.
func shares(before, after used, took time.Duration) string {
	parts := []string{generator, "gateway", "functions", "dynamodb", "ses"}
	seconds := map[string]float64{}
	for process, cpu := range after {
		name := process.Name
		if !slices.Contains(parts, name) {
			name = "functions"
		}
		seconds[name] += cpu - before[process]
	}
	if seconds["gateway"] == 0 {
		return "What each process took is not known: this machine has no /proc."
	}
	var list []string
	for _, name := range parts {
		list = append(list, fmt.Sprintf("%s %.0f %%", name, 100*seconds[name]/took.Seconds()/float64(runtime.NumCPU())))
	}
	return fmt.Sprintf("Of the %d cores: %s.", runtime.NumCPU(), strings.Join(list, ", "))
}
