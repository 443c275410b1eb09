package localtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Samples are the sample payloads of a function, as they stand in events/.
func Samples(t testing.TB, function string) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Root(), "events", function+"*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no samples in events/: %v", function, err)
	}
	var samples [][]byte
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample)
	}
	return samples
}
