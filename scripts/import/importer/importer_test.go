package importer_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/import/enginetest"
	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) { os.Exit(enginetest.Run(m)) }

const sampleFolder = "../../sample"

// folderOf makes a folder of files.
func folderOf(t testing.TB, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// mustRun loads a folder in which nothing is wrong.
func mustRun(t testing.TB, client *dynamodb.Client, table, folder string, options importer.Options) importer.Summary {
	t.Helper()
	summary, err := importer.Run(t.Context(), client, table, folder, options)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func TestTheSampleLoadsAndLoadingItAgainChangesNothing(t *testing.T) {
	client, name := enginetest.NewTable(t)
	summary := mustRun(t, client, name, sampleFolder, importer.Options{})
	t.Logf("\n%s", summary)
	first := enginetest.Scan(t, client, name)
	checked, written, revoked, besideOwners := 0, 0, 1, 0
	for _, item := range first {
		if key := table.KeyOf(item); strings.HasPrefix(key.PK, "CUSTOMER#") &&
			strings.HasPrefix(key.SK, "ELIGIBILITY#") {
			besideOwners++
		}
	}
	for _, file := range summary.Files {
		checked, written = checked+file.Checked, written+file.Written
	}
	if checked != written || len(first) != checked-revoked+besideOwners || besideOwners == 0 {
		t.Errorf("%d rows were checked and %d written, and the table has %d items; want all of them but the revoked "+
			"grant",
			checked, written, len(first))
	}
	mustRun(t, client, name, sampleFolder, importer.Options{})
	if second := enginetest.Scan(t, client, name); !reflect.DeepEqual(first, second) {
		t.Error("the second load changed the table")
	}
}

// mistakesOf loads a folder and gives its mistakes, each as "file:line: reason".
func mistakesOf(t testing.TB, client *dynamodb.Client, table, folder string) []string {
	t.Helper()
	_, err := importer.Run(t.Context(), client, table, folder, importer.Options{})
	var mistakes importer.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	lines := []string{}
	for _, mistake := range mistakes {
		lines = append(lines, mistake.String())
	}
	return lines
}

// expect compares mistakes with what is expected of each, in order.
func expect(t *testing.T, got []string, want []string) {
	t.Helper()
	matches := slices.EqualFunc(got, want, strings.Contains)
	if !matches {
		t.Errorf("got\n\t%s\nwant lines that contain\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// anEngagement is one in which nothing is wrong, in JSON; change alters its fields, and a nil value takes one away.
func anEngagement(change map[string]any) string {
	fields := map[string]any{
		"id": "assessment", "name": "Assessment", "solutionArea": "Infrastructure", "description": "Look and tell.",
		"payType": "fixed", "customerIdTypes": []string{"domain", "tenant-id", "tpid", "azure-subscription-id"},
		"startsOn": "2024-01-01", "endsOn": "2035-12-31",
		"consentWindowDays": 30, "submissionWindowDays": 60, "resubmissionWindowDays": 14,
		"claimLimits": map[string]any{"active": 2, "allowed": 3}, "exclusive": false, "payout": "2000.00",
		"referral": map[string]any{"minDealSize": "10000.00"},
		"coSell":   map[string]any{"minDealSize": "20000.00", "managedCustomersOnly": true},
	}
	for field, value := range change {
		if fields[field] = value; value == nil {
			delete(fields, field)
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// jsonNumber is a number as it stands in JSON, however long.
func jsonNumber(digits string) json.Number { return json.Number(digits) }

func keysOf(items map[table.Key]table.Item) []table.Key {
	return slices.SortedFunc(maps.Keys(items), func(a, b table.Key) int {
		return cmp.Or(strings.Compare(a.PK, b.PK), strings.Compare(a.SK, b.SK))
	})
}

func equalItems(a, b map[table.Key]table.Item) bool { return reflect.DeepEqual(a, b) }
