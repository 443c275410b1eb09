// Command erase finds and erases a person's data:
//
//	erase [--confirm] [--open] <who>    or: make erase WHO=<who> [CONFIRM=yes] [OPEN=yes]
//	erase --export <who>                or: make export-person WHO=<who>
//
// Who is an email address, for one person wherever they stand; a claim's ID, for all that people typed on one claim; or
// @ and the name of a file with one of these a line. Addresses are found whole, in any spelling of the domain, and by
// no part of one. Without --confirm it shows what would go. With --export it writes all of it as JSON.
//
// What goes: the person's contact on every claim; what the person typed, and what others typed that holds the address,
// with the evidence that came with a customer's answer (from which address and browser); responses kept for idempotency
// keys. Each part of an event's private detail is erased by itself. What stays, for the program owes and proves
// payments by it: that and when a customer was asked and answered, the company, its IDs, the deal size, the payout, and
// who of the partner's users did what, by user ID. The history's chain stays whole, and shows that a detail was erased
// and when.
//
// A claim that is still open needs its contacts: it is named and left alone, and the exit code is 1. End it first, or
// give
// --open: no email can then be sent for it until the partner gives another contact. It may be run again at any time,
// and completes what was cut short.
//
// It does not reach what lies outside the table: backups, of which point-in-time recovery keeps those of its window;
// the stream, which forgets after a day; the mail service's own logs. Whoever restores a backup runs it again.
//
// With TABLE_NAME set it works on that table, by the AWS configuration and credentials of the environment. Without, on
// the one-machine cloud that runs here (DYNAMODB_PORT, or DYNAMODB_ENDPOINT for an engine of one's own).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mci.example/customers/scripts/erase/eraser"
	"mci.example/customers/scripts/operator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var options eraser.Options
	export := flag.Bool("export", false, "write what there is as JSON, and erase nothing")
	flag.BoolVar(&options.Erase, "confirm", false, "erase; without, only show what would go")
	flag.BoolVar(&options.Open, "open", false, "erase on claims that are still open, too")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(),
			"usage: make erase WHO=<email address, claim ID, or @file with one a line> [CONFIRM=yes] [OPEN=yes]\n"+
				"       make export-person WHO=…")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || flag.Arg(0) == "" || *export && options.Erase {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(ctx, os.Stdout, flag.Arg(0), options, *export); err != nil {
		fmt.Fprintln(os.Stderr, "erase:", err)
		os.Exit(1)
	}
}

// run shows, exports or erases. Data that is left on open claims is an error.
func run(ctx context.Context, out io.Writer, who string, options eraser.Options, export bool) (err error) {
	if options.Who, err = eraser.ParseWho(who); err != nil {
		return err
	}
	client, name, where, err := operator.Connect(ctx)
	if err != nil {
		return err
	}
	next := time.Now().Add(5 * time.Second)
	options.Progress = func(items int64) {
		if now := time.Now(); now.After(next) {
			next = now.Add(5 * time.Second)
			fmt.Fprintf(os.Stderr, "looking: %d items\n", items)
		}
	}
	report, err := eraser.Run(ctx, client, name, options)
	if err != nil {
		return fmt.Errorf("%w; %s", err, where)
	}
	if export {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return tell(out, report, options)
}

// tell says what went, or would go, claim by claim, and what was left.
func tell(out io.Writer, report eraser.Report, options eraser.Options) error {
	left := report.Left(options)
	for _, claim := range report.Claims {
		fmt.Fprintf(out, "%s (%s):", claim.ID, claim.Status)
		for _, detail := range claim.Details {
			fmt.Fprintf(out, " %s of event %d %s,", detail.Part, detail.Seq, detail.Type)
		}
		if claim.Open() && !options.Open {
			fmt.Fprintln(out, " left, for the claim is still open")
			continue
		}
		fmt.Fprintln(out, map[bool]string{true: " erased", false: " would be erased"}[options.Erase])
	}
	for _, id := range report.Missing {
		fmt.Fprintf(out, "there is no claim %s\n", id)
	}
	did := "erased"
	if !options.Erase {
		did = "would be erased; nothing was written (CONFIRM=yes does it)"
	}
	fmt.Fprintf(out, "%d claims, %d kept responses %s\n", len(report.Claims)-len(left), report.KeptResponses, did)
	if len(left) > 0 {
		return fmt.Errorf("%d claims are still open and keep their data: end them first, or give OPEN=yes", len(left))
	}
	if len(report.Missing) > 0 {
		return fmt.Errorf("%d claims do not exist", len(report.Missing))
	}
	return nil
}
