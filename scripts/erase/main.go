// Command erase erases a person's data:
//
//	erase [--dry-run] [--open] <email address>    of one person, wherever it stands
//	erase [--dry-run] [--open] <claim ID>         all that people typed on one claim
//
// What goes: the person's contact on every claim; what the person typed, and what others typed that holds the address; the
// private details of events that speak of the person, with the evidence that came with a customer's answer (from which
// address and browser, to which text); answers kept for idempotency keys. A detail is erased as a whole, with what it says
// of others. What stays, for the program owes and proves payments by it: that and when a customer was asked and answered, the
// company, its IDs, the deal size, the payout, and who of the partner's users did what, by user ID. The history's chain
// stays whole, and shows that a detail was erased and when.
//
// A claim that is still open needs its contacts: it is named and left alone, and the exit code is 1. End it first, or give
// --open: no email can then be sent for it until the partner gives another contact. It may be run again at any time, and
// completes what was cut short.
//
// It does not reach what lies outside the table: backups, of which point-in-time recovery keeps those of its window; the
// stream, which forgets after a day; the mail service's own logs. Whoever restores a backup runs it again.
//
// With TABLE_NAME set it works on that table, by the AWS configuration and credentials of the environment. Without, on the
// one-machine cloud that runs here (DYNAMODB_PORT, or DYNAMODB_ENDPOINT for an engine of one's own).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mci.example/customers/scripts/erase/eraser"
	"mci.example/customers/scripts/operator"
	"mci.example/customers/shared/mci"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var options eraser.Options
	flag.BoolVar(&options.DryRun, "dry-run", false, "say what would be erased and write nothing")
	flag.BoolVar(&options.Open, "open", false, "erase on claims that are still open, too")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: erase [--dry-run] [--open] <email address or claim ID>    or: make erase WHO=<email address or claim ID>")
		flag.PrintDefaults()
	}
	flag.Parse()
	who := flag.Arg(0)
	if flag.NArg() != 1 || who == "" {
		flag.Usage()
		os.Exit(2)
	}
	if id, isID := mci.ParseClaimID(who); isID {
		options.Claim = id
	} else if options.Email = who; !strings.Contains(who, "@") {
		fmt.Fprintln(os.Stderr, "erase: neither an email address nor a claim's ID was given")
		os.Exit(2)
	}
	left, err := run(ctx, options)
	if err != nil {
		fmt.Fprintln(os.Stderr, "erase:", err)
	}
	if err != nil || left {
		os.Exit(1)
	}
}

// run erases, and says whether some is left on open claims.
func run(ctx context.Context, options eraser.Options) (left bool, err error) {
	client, name, where, err := operator.Connect(ctx)
	if err != nil {
		return false, err
	}
	next := time.Now().Add(5 * time.Second)
	options.Progress = func(items int64) {
		if now := time.Now(); now.After(next) {
			next = now.Add(5 * time.Second)
			fmt.Fprintf(os.Stderr, "looking: %d items\n", items)
		}
	}
	report, err := eraser.Run(ctx, client, name, options)
	for _, id := range report.Claims {
		fmt.Println(id)
	}
	for _, id := range report.Open {
		fmt.Println(id, "is still open, and keeps its data")
	}
	did := "erased"
	if options.DryRun {
		did = "would be erased; nothing was written"
	}
	fmt.Printf("%d claims, %d details of events, %d kept answers %s\n", len(report.Claims), report.Details, report.Answers, did)
	if err != nil {
		return false, fmt.Errorf("%w; %s", err, where)
	}
	return len(report.Open) > 0, nil
}
