package localtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"mci.example/customers/scripts/import/importer"
)

// Files is a folder of the program's own data, as make import loads it: content by file name. A content that is no
// string is encoded as JSON.
type Files map[string]any

// Load imports the files beside what the table has already.
func Load(t testing.TB, files Files) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		encoded, isText := content.(string)
		if !isText {
			marshalled, err := json.Marshal(content)
			if err != nil {
				t.Fatalf("encode %s: %v", name, err)
			}
			encoded = string(marshalled)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(encoded), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	LoadFolder(t, folder)
}

// LoadFolder imports a folder, such as scripts/sample.
func LoadFolder(t testing.TB, folder string) {
	t.Helper()
	if _, err := importer.Run(t.Context(), DynamoDB(), Table(), folder, importer.Options{}); err != nil {
		t.Fatalf("import %s: %v", folder, err)
	}
}
