package openapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAClaimsLifeTypeChecks generates TypeScript types from the description, and checks a walk through a claim's life
// against them: what a generator makes of the description can be worked with.
func TestAClaimsLifeTypeChecks(t *testing.T) {
	tools, err := filepath.Abs("../../../infra/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	document, err := filepath.Abs("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	walk, err := os.ReadFile("testdata/walk.ts")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "walk.ts"), walk, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{filepath.Join(tools, "openapi-typescript", "bin", "cli.js"), document, "-o", "schema.d.ts"},
		{
			filepath.Join(tools, "typescript", "bin", "tsc"), "--noEmit", "--strict", "--target", "es2022", "--module",
			"esnext",
			"--moduleResolution", "bundler", "--lib", "es2022,dom", "walk.ts", "schema.d.ts",
		},
	} {
		command := exec.CommandContext(t.Context(), "node", arguments...)
		command.Dir = folder
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(arguments[0]), err, said)
		}
	}
}
