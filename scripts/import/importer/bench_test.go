package importer_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/import/enginetest"
	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

const benchmarkRows = 50_000

// BenchmarkImport loads eligibility rows; BenchmarkFloor writes the same items in batches and does nothing else.
func BenchmarkImport(b *testing.B) {
	folder := b.TempDir()
	engagement := `[` + anEngagement(nil) + `]`
	if err := os.WriteFile(filepath.Join(folder, "engagements.json"), []byte(engagement), 0o644); err != nil {
		b.Fatal(err)
	}
	writeEligibility(b, folder, benchmarkRows)
	for b.Loop() {
		client, name := enginetest.NewTable(b)
		mustRun(b, client, name, folder, importer.Options{})
	}
	b.ReportMetric(float64(benchmarkRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func writeEligibility(t testing.TB, folder string, rows int) {
	t.Helper()
	f, err := os.Create(filepath.Join(folder, "eligibility.csv"))
	if err != nil {
		t.Fatal(err)
	}
	text := bufio.NewWriter(f)
	fmt.Fprintln(text, "engagementId,idType,idValue,eligible,reason")
	for i := range rows {
		fmt.Fprintf(text, "assessment,tenant-id,3f2504e0-4f89-41d3-9a0c-%012d,false,Uses less than is asked for.\n", i)
	}
	if err := text.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkFloor(b *testing.B) {
	for _, workers := range []int{1, 4, 8, 16} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			for b.Loop() {
				client, name := enginetest.NewTable(b)
				group, ctx := errgroup.WithContext(b.Context())
				group.SetLimit(workers)
				for first := 0; first < benchmarkRows; first += 25 {
					var batch []types.WriteRequest
					for i := range 25 {
						id := mci.CustomerID{Type: mci.TenantID, Value: fmt.Sprintf("3f2504e0-4f89-41d3-9a0c-%012d",
							first+i)}
						put, err := table.Put(table.NewEligibilityRecord(id, mci.Eligibility{
							EngagementID: "assessment", Reason: "Uses less than is asked for."}))
						if err != nil {
							b.Fatal(err)
						}
						batch = append(batch, put)
					}
					group.Go(func() error {
						_, err := client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
							RequestItems: map[string][]types.WriteRequest{name: batch}})
						return err
					})
				}
				if err := group.Wait(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(benchmarkRows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
