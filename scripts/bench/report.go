package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// report prints the figures, and writes them to build/bench.json for machines and to build/bench.md for people; a whole
// run at full size renews the plots.
func (b *bench) report(whole bool) error {
	said := b.tables() + "\n" + b.summary()
	fmt.Print("\n" + said)
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("rendering the figures: %w", err)
	}
	out := filepath.Join(b.root, "build")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the folder for the figures: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, "bench.json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, "bench.md"), []byte(said), 0o644); err != nil {
		return fmt.Errorf("writing the tables: %w", err)
	}
	plots := out
	if whole && !b.quick {
		plots = filepath.Join(b.root, "scripts", "bench", "plots")
	}
	if len(b.Ceilings) > 0 && !b.quick {
		if err := b.writeCeilings(); err != nil {
			return err
		}
	}
	return b.plots(plots)
}

// tables are the figures for people, in Markdown.
func (b *bench) tables() string {
	var text strings.Builder
	section := func(title string, columns []string, rows [][]string) {
		if len(rows) > 0 {
			fmt.Fprintf(&text, "%s\n\n%s\n", title, markdown(columns, rows))
		}
	}
	var rows [][]string
	for _, c := range b.Calls {
		rows = append(rows, []string{
			c.Name, number("%.2f", c.P50), number("%.2f", c.FloorP50), number("%.2f", c.RatioP50),
			number("%.2f", c.RatioP95),
			fmt.Sprintf("%d of %d", c.RoundTrips, c.Budget), number("%.1f", c.ReadUnits), number("%.1f", c.WriteUnits),
		})
	}
	section("Warm calls, in milliseconds and by the floor; round trips one after another; request units", []string{
		"call", "p50", "floor", "p50 ×", "p95 ×", "trips", "read", "written"}, rows)

	rows = nil
	for _, c := range b.Cold {
		rows = append(rows, []string{c.Function, number("%.1f", c.Answer), number("%.1f", c.EmptyTime),
			number("%.2f", c.Ratio),
			number("%.1f", c.Call), number("%.1f", c.FloorTime), number("%.2f", c.FloorRatio)})
	}
	section("Cold starts, in milliseconds: to a first answer that asks nothing of the table, against an empty "+
		"function with the same clients; to a first whole call, against the floor",
		[]string{"function", "answer", "empty", "×", "call", "floor", "×"}, rows)

	b.portalTables(section)

	rows = nil
	for _, s := range b.Sizes {
		rows = append(rows, []string{s.Function, number("%.2f", megabytes(s.Zip)), number("%.1f", megabytes(s.Peak))})
	}
	section("Zips and peak memory, in MB", []string{"function", "zip", "memory"}, rows)

	rows = nil
	for _, g := range b.Growth {
		rows = append(rows, []string{g.Curve, fmt.Sprintf("%d %s", g.Size, g.Of), number("%.2f", g.P50),
			number("%.2f", g.FloorP50), number("%.2f", g.Ratio)})
	}
	section("Growth, in milliseconds", []string{"call", "with", "p50", "floor", "×"}, rows)

	rows = nil
	for _, f := range b.Flat {
		rows = append(rows, []string{f.Curve, number("%.2f", f.Ratio), number("%.2f", f.Target)})
	}
	section("How flat that is: the largest size by the smallest", []string{"call", "×", "at most"}, rows)

	if s := b.Sweep; s != nil {
		rows = nil
		for _, p := range s.Points {
			rows = append(rows, []string{fmt.Sprint(p.Claims), number("%.0f", p.Rate), number("%.0f", p.Floor),
				number("%.2f", p.Ratio)})
		}
		section(fmt.Sprintf("Sweep of %d due claims, by the second (by its floor %.2f × slower in the larger table; "+
			"two at once take %.2f × the time of one; cut short, done in %d runs)",
			s.Due, s.Flat, s.Twice, s.Resumed), []string{"claims in the table", "expired", "floor", "×"}, rows)
	}
	if f := b.Import; f != nil {
		section("Import of eligibility rows, by the second", []string{"rows", "imported", "floor", "×", "memory, MB"},
			[][]string{{
				fmt.Sprint(f.Rows), number("%.0f", f.Rate), number("%.0f", f.Floor), number("%.2f", f.Ratio),
				number("%.0f", megabytes(f.Peak))}})
	}

	rows = nil
	for _, c := range b.Costs {
		rows = append(rows, []string{c.Name, number("%.1f", c.Reads), number("%.1f", c.Writes),
			number("%.2f", c.Gateway), number("%.2f", c.Lambda), number("%.2f", c.DynamoDB), number("%.2f", c.SES),
			number("%.2f", c.KMS),
			number("%.2f", c.All)})
	}
	section(fmt.Sprintf("Request units of one call; cost of a million in US dollars, at the public prices of %s of %s",
		b.Prices.Region, b.Prices.Seen),
		[]string{"call", "read", "written", "API Gateway", "Lambda", "DynamoDB", "SES", "KMS", "all"}, rows)
	if tables := b.ceilingTables(); tables != "" {
		fmt.Fprintf(&text, "Ceilings. %s\n", tables)
	}
	return text.String()
}

// number leaves zero out.
func number(format string, value float64) string {
	if value == 0 {
		return "–"
	}
	return fmt.Sprintf(format, value)
}

// markdown is a table, its columns aligned: the first to the left, all others to the right.
func markdown(columns []string, rows [][]string) string {
	widths := make([]int, len(columns))
	for _, row := range append([][]string{columns}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	line := func(row []string) {
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				text.WriteString("| " + cell + padding + " |")
			} else {
				text.WriteString(" " + padding + cell + " |")
			}
		}
		text.WriteString("\n")
	}
	line(columns)
	for i := range columns {
		if i == 0 {
			text.WriteString("|" + strings.Repeat("-", widths[i]+2) + "|")
		} else {
			text.WriteString(strings.Repeat("-", widths[i]+1) + ":|")
		}
	}
	text.WriteString("\n")
	for _, row := range rows {
		line(row)
	}
	return text.String()
}
