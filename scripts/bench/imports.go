package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// importFigures are how fast rows are imported, and how much memory that takes.
type importFigures struct {
	Rows  int     `json:"rows"`
	Rate  float64 `json:"rowsPerSecond"`
	Floor float64 `json:"floorPerSecond"`
	Ratio float64 `json:"ratio"`
	Peak  int64   `json:"peakMemoryBytes"`
}

const maxImportPeak = 200 << 20

const ineligible = "Uses less than is asked for."

// imports measures the import of eligibility rows against batches of the same items, written as fast as they can be.
func (b *bench) imports(ctx context.Context) error {
	f := &importFigures{Rows: b.size(200_000, 5000)}
	work, err := os.MkdirTemp("", "bench-import-")
	if err != nil {
		return fmt.Errorf("making a folder for the import: %w", err)
	}
	defer os.RemoveAll(work)
	binary := filepath.Join(work, "import")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./scripts/import")
	build.Dir, build.Stderr = b.root, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the import: %w", err)
	}
	folder := filepath.Join(work, "data")
	number := 10_000_000 // of the next row's ID, which no other row has
	next := func() int { number += f.Rows; return number }
	taken, err := interleave(b.size(3, 1),
		contender{
			func(int) error { return writeEligibility(folder, next(), f.Rows) },
			func(int) error {
				run := exec.CommandContext(ctx, binary, folder)
				run.Env = []string{"DYNAMODB_ENDPOINT=" + b.stand.DynamoDBEndpoint()}
				run.Stderr = os.Stderr
				if err := run.Run(); err != nil {
					return fmt.Errorf("importing: %w", err)
				}
				if usage, known := run.ProcessState.SysUsage().(*syscall.Rusage); known {
					f.Peak = max(f.Peak, usage.Maxrss<<10)
				}
				return nil
			},
		},
		contender{run: func(int) error { return b.writeAsFloor(ctx, next(), f.Rows) }},
	)
	if err != nil {
		return err
	}
	f.Rate = float64(f.Rows) / taken[0].percentile(50).Seconds()
	f.Floor = float64(f.Rows) / taken[1].percentile(50).Seconds()
	f.Ratio = f.Rate / f.Floor
	b.Import = f
	measure.Progress("%-44s %6.0f rows a second, %.2f × its floor, %.0f MB", fmt.Sprintf("import, %d rows", f.Rows),
		f.Rate, f.Ratio, megabytes(f.Peak))
	b.expect(f.Ratio >= 0.8, "import: %.2f × the rows a second of the floor, less than 0.8 ×", f.Ratio)
	b.expect(f.Peak <= maxImportPeak, "import: used up to %.0f MB of memory, more than 200", megabytes(f.Peak))
	return nil
}

// writeEligibility writes the files to import.
func writeEligibility(folder string, first, rows int) error {
	data := importer.Data{"engagements.json": {{engagement(0)}}}
	for n := first; n < first+rows; n++ {
		data.Add("eligibility.csv", engagementID(0), mci.TenantID, customer(n).tenant(), false, ineligible)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder to import: %w", err)
	}
	return data.Write(folder)
}

// writeAsFloor writes what the import would, in batches, and does nothing else.
func (b *bench) writeAsFloor(ctx context.Context, first, rows int) error {
	record := func(n int) table.EligibilityRecord {
		return table.NewEligibilityRecord(mci.CustomerID{Type: mci.TenantID, Value: customer(n).tenant()},
			mci.Eligibility{EngagementID: engagementID(0), Reason: ineligible})
	}
	pattern, err := table.Put(record(first))
	if err != nil {
		return err
	}
	const portion = 10_000
	for from := first; from < first+rows; from += portion {
		requests := make([]types.WriteRequest, 0, portion)
		for n := from; n < min(from+portion, first+rows); n++ {
			item := maps.Clone(pattern.PutRequest.Item)
			item[table.PartitionKey] = &types.AttributeValueMemberS{Value: record(n).PK}
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
		if err := b.stand.write(ctx, requests); err != nil {
			return err
		}
	}
	return nil
}
