// Command audit reads a whole table and says what in it breaks the rules that must always hold: places under the
// limits, one open claim a partner, exclusive engagements, known customers, referrals, histories, ended claims, owners,
// indexes.
//
//	audit [--events <file>] [--jwks <file or address>] [--snapshot <file>] [--earlier <file>]
//
// It only reads, and may run while the table is at work. Each violation is one line with the claim's ID or the item's
// key and no personal data; there is one and the exit code is 1. A limit or an exclusiveness that the program has
// tightened since counts as exceeded where claims were born under the looser one.
//
// --events also compares each event of the claims that the file tells of with what left the system: domain events as
// the bus of the one-machine cloud or an archive gives them, one after another or in a list. A history that was
// rewritten in the table, with its hashes, is found by nothing else. Fetch the file while nothing is at work, or events
// since then are told.
//
// The keys by which receipts are verified are those of --jwks; without, those that the one-machine cloud publishes.
//
// --snapshot writes down how each claim ended; --earlier holds the table against such a file, for what has ended never
// changes.
//
// With TABLE_NAME set it reads that table, by the AWS configuration and credentials of the environment. Without, that
// of the one-machine cloud that runs here (DYNAMODB_PORT, or DYNAMODB_ENDPOINT for an engine of one's own), by its
// clock (PORT).
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-jose/go-jose/v4"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"mci.example/customers/scripts/audit/auditor"
	"mci.example/customers/scripts/operator"
	"mci.example/customers/shared/platform"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	events := flag.String("events", "", "compare the table with the domain events in this file")
	jwks := flag.String("jwks", "", "verify receipts with these keys: a file or an address")
	snapshot := flag.String("snapshot", "", "write down in this file how each claim ended")
	earlier := flag.String("earlier", "", "hold the table against a snapshot that was written before")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	holds, err := run(ctx, *events, *jwks, *snapshot, *earlier)
	if err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
	}
	if err != nil || !holds {
		os.Exit(1)
	}
}

func run(ctx context.Context, events, jwks, snapshot, earlier string) (holds bool, err error) {
	client, name, where, err := operator.Connect(ctx)
	if err != nil {
		return false, err
	}
	options := auditor.Options{Now: clock(ctx)}
	if options.Keys, err = keys(jwks); err != nil {
		return false, err
	}
	if events != "" {
		file, err := os.Open(events)
		if err != nil {
			return false, fmt.Errorf("opening the domain events: %w", err)
		}
		defer file.Close()
		options.Events = file
	}
	if earlier != "" {
		file, err := os.Open(earlier)
		if err != nil {
			return false, fmt.Errorf("opening the earlier snapshot: %w", err)
		}
		defer file.Close()
		options.Earlier = file
	}
	if snapshot != "" {
		file, err := os.Create(snapshot)
		if err != nil {
			return false, fmt.Errorf("opening the snapshot: %w", err)
		}
		buffered := bufio.NewWriter(file)
		options.Snapshot = buffered
		defer func() { err = errors.Join(err, buffered.Flush(), file.Close()) }()
	}
	began := time.Now()
	progress, finish := show(ctx, os.Stderr, client, name)
	options.Progress = progress
	report, err := auditor.Run(ctx, client, name, options)
	finish()
	if err != nil {
		return false, fmt.Errorf("%w; %s", err, where)
	}
	for _, violation := range report.Violations {
		fmt.Println(violation)
	}
	violations := int64(len(report.Violations)) + report.More
	fmt.Printf("%d items, %d claims, %d places, %d nominated customers in %.1f s: %d violations\n",
		report.Items, report.Claims, report.Places, report.Customers, time.Since(began).Seconds(), violations)
	return violations == 0, nil
}

// keys gives the keys by which receipts are verified; nil where there are none at hand, which is said.
func keys(source string) (*jose.JSONWebKeySet, error) {
	set, err := operator.Keys(source)
	switch {
	case err == nil:
		return &set, nil
	case source != "":
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "audit: the signatures of receipts are not verified, for no keys are at hand (JWKS=<file "+
		"or address>):", err)
	return nil, nil
}

// show draws progress on a terminal, and writes a line now and then elsewhere.
func show(ctx context.Context, w *os.File, client *dynamodb.Client, name string) (progress func(int64), finish func()) {
	if !term.IsTerminal(int(w.Fd())) {
		next := time.Now().Add(5 * time.Second)
		return func(items int64) {
			if now := time.Now(); now.After(next) {
				next = now.Add(5 * time.Second)
				fmt.Fprintf(w, "auditing: %d items\n", items)
			}
		}, func() {}
	}
	total := int64(-1)
	if described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name}); err == nil &&
		aws.ToInt64(described.Table.ItemCount) > 0 {
		total = *described.Table.ItemCount // as it was some hours ago, which is near enough
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("auditing"),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionShowCount())
	return func(items int64) {
		if total >= 0 {
			items = min(items, total)
		}
		_ = bar.Set64(items) // a bar that cannot be drawn is no reason to stop
	}, func() { _ = bar.Finish() }
}

// clock is the clock by which the table's claims run: the one-machine cloud's may be ahead of the real one.
func clock(ctx context.Context) func() time.Time {
	if os.Getenv(platform.TableName) != "" {
		return time.Now
	}
	offset, err := localOffset(ctx)
	if err != nil {
		return time.Now // nothing runs there by another clock
	}
	return func() time.Time { return time.Now().Add(offset) }
}

func localOffset(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+cmp.Or(os.Getenv("PORT"),
		"8080")+"/local/clock", nil)
	if err != nil {
		return 0, fmt.Errorf("asking for the clock: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking for the clock: %w", err)
	}
	defer answer.Body.Close()
	var clock struct{ Offset string }
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<10)).Decode(&clock); err != nil {
		return 0, fmt.Errorf("reading the clock: %w", err)
	}
	return time.ParseDuration(clock.Offset)
}
