package main

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// built compiles and packs the smallest function from a copy of its source, as another machine would have it, and
// returns the zip and the binary.
func built(t *testing.T) (packed, binary []byte) {
	t.Helper()
	const name = "openapi"
	module := t.TempDir()
	for _, part := range []string{"shared", "functions/" + name} {
		if err := os.CopyFS(filepath.Join(module, part), os.DirFS(filepath.Join("../..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(module, file), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	if err := compile(module, folder, name); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "function.zip")
	if err := pack(filepath.Join(folder, name), path); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	binary, err = os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return packed, binary
}

func TestZipsAreTheSameWhereverTheyAreBuilt(t *testing.T) {
	first, binary := built(t)
	second, _ := built(t)
	if !bytes.Equal(first, second) {
		t.Error("the same source in two folders gives two different zips")
	}

	archive, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 1 {
		t.Fatalf("the zip holds %d files, want the binary alone", len(archive.File))
	}
	entry := archive.File[0]
	if entry.Name != "bootstrap" || entry.Mode() != 0o755 {
		t.Errorf("the binary is %s with mode %v, want an executable bootstrap", entry.Name, entry.Mode())
	}
	if entry.Modified.After(time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the binary is dated %v", entry.Modified)
	}
	content, err := entry.Open()
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unpacked, binary) {
		t.Error("the zip holds something else than the binary")
	}

	program, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != elf.EM_AARCH64 {
		t.Errorf("the binary is for %v", program.Machine)
	}
	if program.Section(".symtab") != nil || program.Section(".debug_info") != nil {
		t.Error("the binary is not stripped")
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, setting := range info.Settings {
		got[setting.Key] = setting.Value
	}
	for key, want := range map[string]string{"-tags": "lambda.norpc", "CGO_ENABLED": "0", "GOOS": "linux",
		"GOARCH": "arm64", "-trimpath": "true", "vcs.revision": ""} {
		if got[key] != want {
			t.Errorf("the binary was built with %s=%q, want %q", key, got[key], want)
		}
	}
}

func TestNoZipOfWhatFailed(t *testing.T) {
	folder := t.TempDir()
	if err := pack(filepath.Join(folder, "nothing"), filepath.Join(folder, "function.zip")); err == nil {
		t.Error("packing nothing succeeded")
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("packing nothing left %v", left)
	}
}
