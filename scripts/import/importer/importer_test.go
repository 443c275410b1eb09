package importer_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/import/importer"
)

var tables atomic.Int64

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
	client, table := newTable(t)
	summary := mustRun(t, client, table, sampleFolder, importer.Options{})
	t.Logf("\n%s", summary)
	first := scan(t, client, table)
	checked, written, revoked := 0, 0, 1
	for _, file := range summary.Files {
		checked, written = checked+file.Checked, written+file.Written
	}
	if checked != written || len(first) != checked-revoked {
		t.Errorf("%d rows were checked and %d written, and the table has %d items; want all of them but the revoked grant",
			checked, written, len(first))
	}
	mustRun(t, client, table, sampleFolder, importer.Options{})
	if second := scan(t, client, table); !reflect.DeepEqual(first, second) {
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
