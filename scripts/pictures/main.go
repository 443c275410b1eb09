// Command pictures takes the pictures of the portal that the README shows: make pictures. It runs the whole system on
// the sample data, has people use it, and writes functions/portal/pictures/*.png.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/cloud"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := cloud.FindRoot()
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	state, err := os.MkdirTemp("", "pictures-")
	if err != nil {
		return fmt.Errorf("making a folder for the state: %w", err)
	}
	defer os.RemoveAll(state)
	started, err := cloud.Start(ctx, cloud.Config{Root: root, StateDir: state, Output: os.Stderr, NoSchedule: true})
	if err != nil {
		return err
	}
	defer started.Stop()
	sample := filepath.Join(root, "scripts", "sample")
	if _, err := importer.Run(ctx, started.Database(), cloud.TableName, sample, importer.Options{}); err != nil {
		return fmt.Errorf("importing the sample: %w", err)
	}
	folder := filepath.Join(root, "functions", "portal", "pictures")
	take := cloud.Browser(ctx, root, filepath.Join(folder, "take.mjs"), started.URL(), started.SESEndpoint(),
		started.URL(), folder)
	take.Stdout = os.Stderr
	if err := take.Run(); err != nil {
		return fmt.Errorf("taking the pictures: %w", err)
	}
	return nil
}
