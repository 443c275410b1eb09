package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// plot is a chart of lines.
type plot struct {
	title, x, y string
	logarithmic bool // the x axis
	lines       []plotLine
}

// plotLine is one line of a plot; a dashed one is a floor.
type plotLine struct {
	name   string
	dashed bool
	colour string
	points [][2]float64
}

// colours can be told apart by people who are blind to some, on light and on dark.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// The plot's measures.
const (
	plotWidth, plotHeight                       = 720, 360
	leftMargin, rightMargin, topMargin, xMargin = 64, 190, 44, 52
)

// nice rounds up to a number that an axis can end at.
func nice(value float64) float64 {
	if value <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 8, 10} {
		if step*power >= value {
			return step * power
		}
	}
	return 10 * power
}

// svg draws the plot.
func (p plot) svg() string {
	var xs, ys []float64
	for _, line := range p.lines {
		for _, point := range line.points {
			xs, ys = append(xs, point[0]), append(ys, point[1])
		}
	}
	if len(xs) == 0 {
		return ""
	}
	scale := func(x float64) float64 {
		if p.logarithmic {
			return math.Log10(x)
		}
		return x
	}
	left, right, top := scale(slices.Min(xs)), scale(slices.Max(xs)), nice(slices.Max(ys)*1.05)
	if !p.logarithmic {
		left = 0
	}
	if right == left {
		right = left + 1
	}
	at := func(x, y float64) (float64, float64) {
		return leftMargin + (scale(x)-left)/(right-left)*(plotWidth-leftMargin-rightMargin),
			plotHeight - xMargin - y/top*(plotHeight-topMargin-xMargin)
	}
	var text strings.Builder
	write := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" font-family="system-ui,`+
		` sans-serif" font-size="12">`, plotWidth, plotHeight)
	write(`<title>%s</title>`, html.EscapeString(p.title))
	write(`<rect width="%d" height="%d" fill="#fff"/>`, plotWidth, plotHeight)
	write(`<text x="%d" y="24" font-size="15" font-weight="600" fill="#222">%s</text>`, leftMargin,
		html.EscapeString(p.title))
	for i := range 5 {
		value := top * float64(i) / 4
		_, y := at(slices.Min(xs), value)
		write(`<path d="M%d %.1fH%d" stroke="#ddd"/>`, leftMargin, y, plotWidth-rightMargin)
		write(`<text x="%d" y="%.1f" text-anchor="end" fill="#444">%s</text>`, leftMargin-8, y+4, short(value))
	}
	ticks := slices.Compact(slices.Sorted(slices.Values(xs)))
	for _, x := range ticks {
		px, py := at(x, 0)
		write(`<text x="%.1f" y="%.1f" text-anchor="middle" fill="#444">%s</text>`, px, py+18, short(x))
	}
	write(`<text x="%d" y="%d" text-anchor="middle" fill="#444">%s</text>`, leftMargin+
		(plotWidth-leftMargin-rightMargin)/2, plotHeight-12, html.EscapeString(p.x))
	write(`<text transform="translate(16 %d) rotate(-90)" text-anchor="middle" fill="#444">%s</text>`, topMargin+
		(plotHeight-topMargin-xMargin)/2, html.EscapeString(p.y))
	for i, line := range p.lines {
		dash := ""
		if line.dashed {
			dash = ` stroke-dasharray="5 4"`
		}
		var path []string
		for _, point := range line.points {
			x, y := at(point[0], point[1])
			path = append(path, fmt.Sprintf("%.1f %.1f", x, y))
			write(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x, y, line.colour)
		}
		write(`<path d="M%s" fill="none" stroke="%s" stroke-width="2"%s/>`, strings.Join(path, "L"), line.colour, dash)
		y := topMargin + 8 + i*20
		write(`<path d="M%d %dh24" stroke="%s" stroke-width="2"%s/>`, plotWidth-rightMargin+14, y, line.colour, dash)
		write(`<text x="%d" y="%d" fill="#222">%s</text>`, plotWidth-rightMargin+44, y+4, html.EscapeString(line.name))
	}
	write(`</svg>`)
	return text.String()
}

// short writes a number in few characters.
func short(value float64) string {
	if value >= 10_000 {
		return fmt.Sprintf("%gk", math.Round(value/100)/10)
	}
	return fmt.Sprintf("%g", math.Round(value*100)/100)
}

// curves gives the lines of growth curves by their names, each with its floor if asked.
func (b *bench) curves(withFloor bool, names ...[2]string) []plotLine {
	var lines []plotLine
	for i, name := range names {
		line := plotLine{name: name[1], colour: colours[i%len(colours)]}
		floor := plotLine{name: name[1] + ", floor", colour: line.colour, dashed: true}
		for _, g := range b.Growth {
			if g.Curve == name[0] {
				line.points = append(line.points, [2]float64{float64(g.Size), g.P50})
				floor.points = append(floor.points, [2]float64{float64(g.Size), g.FloorP50})
			}
		}
		if lines = append(lines, line); withFloor {
			lines = append(lines, floor)
		}
	}
	return lines
}

// plots writes the growth curves that were measured as SVG files.
func (b *bench) plots(folder string) error {
	var tabs [][2]string
	for _, tab := range []string{"eligible", "ineligible", "complete"} {
		for _, page := range []string{"first", "last"} {
			tabs = append(tabs, [2]string{"list-customers, " + tab + ", " + page + " page", tab + ", " + page +
				" page"})
		}
	}
	all := map[string]plot{
		"customers.svg": {"A page of customers, by how many the partner knows", "known customers", "milliseconds, p50",
			true, b.curves(false, tabs...)},
		"claims.svg": {"A page of claims, by how many it lists", "claims on the page", "milliseconds, p50", false,
			b.curves(true, [2]string{"list-claims", "list-claims"})},
		"events.svg": {"A claim, by how many events it has", "events", "milliseconds, p50", false,
			b.curves(true, [2]string{"get-claim", "get-claim"})},
	}
	if b.Sweep != nil {
		sweep, floor := plotLine{name: "expiry-sweep", colour: colours[0]}, plotLine{name: "floor", colour: colours[0],
			dashed: true}
		for _, p := range b.Sweep.Points {
			sweep.points = append(sweep.points, [2]float64{float64(p.Claims), p.Rate})
			floor.points = append(floor.points, [2]float64{float64(p.Claims), p.Floor})
		}
		all["sweep.svg"] = plot{"Due claims expired by the second, by how many claims there are", "claims in the table",
			"claims a second", true, []plotLine{sweep, floor}}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder for the plots: %w", err)
	}
	for name, plot := range all {
		drawn := plot.svg()
		if drawn == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(drawn), 0o644); err != nil {
			return fmt.Errorf("writing a plot: %w", err)
		}
	}
	return nil
}
