package localtest

import (
	"testing"

	"mci.example/customers/scripts/import/importer"
)

// Load imports rows of the program's files beside what the table has already.
func Load(t testing.TB, data importer.Data) {
	t.Helper()
	if _, err := data.Import(t.Context(), DynamoDB(), Table(), importer.Options{}); err != nil {
		t.Fatalf("import %v: %v", data, err)
	}
}

// LoadRow imports one row of a file.
func LoadRow(t testing.TB, file string, cells ...any) {
	t.Helper()
	Load(t, importer.Data{file: {cells}})
}

// LoadFolder imports a folder, such as scripts/sample.
func LoadFolder(t testing.TB, folder string) {
	t.Helper()
	if _, err := importer.Run(t.Context(), DynamoDB(), Table(), folder, importer.Options{}); err != nil {
		t.Fatalf("import %s: %v", folder, err)
	}
}
