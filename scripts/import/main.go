// Command import loads a folder of the program's files into the table:
//
//	import [--dry-run] <folder>
//
// With TABLE_NAME set it loads into that table, by the AWS configuration and credentials of the environment. Without, it
// loads into the one-machine cloud that runs here (DYNAMODB_PORT, or DYNAMODB_ENDPOINT for an engine of one's own).
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/shared/platform"
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
	client, tableName, where, err := connect(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	summary, err := importer.Run(ctx, client, tableName, flags.Arg(0), importer.Options{DryRun: *dryRun, Progress: os.Stderr})
	var mistakes importer.Mistakes
	switch {
	case errors.As(err, &mistakes):
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintf(os.Stderr, "%d %s; nothing was written\n", len(mistakes), plural(len(mistakes), "mistake"))
		return exitFailed
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "stopped; load the folder again to complete it")
		return exitFailed
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintln(os.Stderr, where)
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

// The one-machine cloud's own names. Its engine takes any credentials.
const (
	localTable  = "customers"
	localRegion = "us-east-1"
	localPort   = "8000"
)

// connect gives a client of the table that the environment asks for, the table's name, and where that is, for messages.
func connect(ctx context.Context) (*dynamodb.Client, string, string, error) {
	tableName, endpoint := os.Getenv(platform.TableName), os.Getenv("DYNAMODB_ENDPOINT")
	if tableName == "" && endpoint == "" {
		endpoint = "http://127.0.0.1:" + cmp.Or(os.Getenv("DYNAMODB_PORT"), localPort)
	}
	if endpoint == "" {
		loaded, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, "", "", fmt.Errorf("reading the AWS configuration: %w", err)
		}
		return dynamodb.NewFromConfig(loaded), tableName, "the table is " + tableName + " of the AWS account that the environment names", nil
	}
	client := dynamodb.New(dynamodb.Options{
		Region:       localRegion,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	tableName = cmp.Or(tableName, localTable)
	where := fmt.Sprintf("the table is %s of the one-machine cloud at %s: is it running (make run)?", tableName, endpoint)
	return client, tableName, where, nil
}
