// Command import loads a folder of the program's files into the table:
//
//	import [--dry-run] <folder>
//
// With TABLE_NAME set it loads into that table, by the AWS configuration and credentials of the environment. Without,
// it loads into the one-machine cloud that runs here (DYNAMODB_PORT, or DYNAMODB_ENDPOINT for an engine of one's own).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/operator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func run(ctx context.Context, arguments []string) int {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	dryRun := flags.Bool("dry-run", false, "check everything and write nothing")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: import [--dry-run] <folder>    or: make import DATA=<folder>")
		flags.PrintDefaults()
	}
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return exitDone
	} else if err != nil {
		return exitUsage
	}
	if flags.NArg() != 1 || flags.Arg(0) == "" {
		flags.Usage()
		return exitUsage
	}
	client, tableName, where, err := operator.Connect(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	summary, err := importer.Run(ctx, client, tableName, flags.Arg(0), importer.Options{DryRun: *dryRun,
		Progress: os.Stderr})
	var mistakes importer.Mistakes
	switch {
	case errors.As(err, &mistakes):
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintf(os.Stderr, "%d %s; nothing was written\n", len(mistakes), plural(len(mistakes), "mistake"))
		return exitFailed
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "stopped; load the folder again to complete it")
		return exitFailed
	case errors.Is(err, importer.ErrUnreachable):
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintln(os.Stderr, where)
		return exitFailed
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	fmt.Print(summary)
	if *dryRun {
		fmt.Println("no mistakes; nothing was written, as --dry-run asks")
	}
	return exitDone
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
