package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The files are made, not edited: an edit by hand would be lost with the next making.
func TestTheSampleIsAsGenerated(t *testing.T) {
	made, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range made {
		kept, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(kept, content) {
			t.Errorf("%s differs from what the generator makes; run go generate ./scripts/sample/generate", name)
		}
	}
}
