// Command build makes the zip of every function, ready for Lambda: the binary alone, the same to the last bit wherever
// and whenever it is built from the same source by the same Go.
package main

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/platform"
)

func main() {
	out := flag.String("out", "build", "the folder for the zips")
	flag.Parse()
	if err := build(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build compiles every function and puts each into a zip of its own. A zip appears only when it is whole, and none
// stays of a function that is no more.
func build(out string) error {
	binaries, err := os.MkdirTemp("", "build")
	if err != nil {
		return fmt.Errorf("making a folder for the binaries: %w", err)
	}
	defer os.RemoveAll(binaries)
	var names []string
	for _, function := range platform.Functions {
		names = append(names, function.Name)
	}
	if err := compile(".", binaries, names...); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(out, "*.zip"))
	if err != nil {
		return fmt.Errorf("listing old zips: %w", err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing an old zip: %w", err)
		}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the folder for the zips: %w", err)
	}
	var packing errgroup.Group
	packing.SetLimit(runtime.NumCPU())
	for _, name := range names {
		packing.Go(func() error {
			path := filepath.Join(out, name+".zip")
			if err := pack(filepath.Join(binaries, name), path); err != nil {
				return fmt.Errorf("packing %s: %w", path, err)
			}
			return nil
		})
	}
	return packing.Wait()
}

// compile builds the functions of the module for Lambda, one binary each, all at once.
func compile(module, folder string, names ...string) error {
	arguments := append([]string{"build", "-o", folder + string(filepath.Separator)}, platform.BuildFlags...)
	for _, name := range names {
		arguments = append(arguments, "./functions/"+name)
	}
	command := exec.Command("go", arguments...)
	command.Dir = module
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOARM64=v8.2", "GOFLAGS=",
		"GOEXPERIMENT=")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("compiling the functions: %w", err)
	}
	return nil
}

// pack puts the binary into a zip as Lambda wants it: named bootstrap, executable, of no date.
func pack(binary, path string) (err error) {
	source, err := os.Open(binary)
	if err != nil {
		return fmt.Errorf("opening the binary: %w", err)
	}
	defer source.Close()
	target, err := os.CreateTemp(filepath.Dir(path), "*.part")
	if err != nil {
		return fmt.Errorf("creating the zip: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, target.Close(), os.Remove(target.Name()))
		}
	}()
	archive := zip.NewWriter(target)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0,
		time.UTC)}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return fmt.Errorf("starting the zip: %w", err)
	}
	if _, err := io.Copy(entry, source); err != nil {
		return fmt.Errorf("writing the zip: %w", err)
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("ending the zip: %w", err)
	}
	if err := target.Chmod(0o644); err != nil {
		return fmt.Errorf("letting others read the zip: %w", err)
	}
	if err := target.Close(); err != nil {
		return fmt.Errorf("closing the zip: %w", err)
	}
	if err := os.Rename(target.Name(), path); err != nil {
		return fmt.Errorf("naming the zip: %w", err)
	}
	return nil
}
