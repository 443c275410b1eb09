package cloud

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"mci.example/customers/shared/platform"
)

// A build is a folder with one binary per function, made from the sources as they are now. It is named after the
// sources' hash, so that starting again with nothing changed builds nothing, and a cloud that runs keeps its binaries
// while the next one builds others.
type build struct {
	folder string
	lock   *os.File // held shared as long as the build is in use
}

// newBuild builds all functions for this machine with one go build, unless that was done before.
func newBuild(ctx context.Context, config Config) (*build, error) {
	root := filepath.Join(config.Root, "build", "host")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("make the build folder: %w", err)
	}
	// One build at a time on this machine: test binaries that start together share one.
	turn, err := lockFile(filepath.Join(root, ".lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("wait for another build: %w", err)
	}
	defer turn.Close()

	hash, err := hashSources(config)
	if err != nil {
		return nil, fmt.Errorf("hash the functions' sources: %w", err)
	}
	folder := filepath.Join(root, hash)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(config.Output, "building the functions (a minute or so the first time, seconds afterwards)")
		if folder, err = goBuild(ctx, config, folder); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("look for the build: %w", err)
	}
	lock, err := lockFile(filepath.Join(folder, ".lock"), syscall.LOCK_SH)
	if err != nil {
		return nil, fmt.Errorf("hold the build: %w", err)
	}
	removeOthers(root, hash)
	return &build{folder, lock}, nil
}

// binary is where the function's binary stands.
func (b *build) binary(function string) string { return filepath.Join(b.folder, function) }

func (b *build) release() { b.lock.Close() }

// coverage is the folder in which the functions write down which of their statements ran, or "" where they do not. It
// has a name of its own because go test sets GOCOVERDIR to a folder that it removes.
func coverage() string { return os.Getenv("FUNCTIONS_GOCOVERDIR") }

// buildFlags are those of the deployed functions; where coverage is measured, also those that have them count.
func buildFlags() []string {
	if coverage() == "" {
		return platform.BuildFlags
	}
	return append(slices.Clone(platform.BuildFlags), "-cover", "-coverpkg=./shared/...,./functions/...")
}

// goBuild writes the folder as a whole or not at all. Where broken functions are allowed, those that build go to a
// folder that is used this once.
func goBuild(ctx context.Context, config Config, folder string) (string, error) {
	work, err := os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return "", fmt.Errorf("make the build folder: %w", err)
	}
	arguments := slices.Concat([]string{"build"}, buildFlags(), []string{"-o", work + "/"}, config.Packages)
	cmd := exec.CommandContext(ctx, "go", arguments...)
	cmd.Dir = config.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("the functions do not build: %w\n%s", err, bytes.TrimSpace(said.Bytes()))
		if config.AllowBroken && ctx.Err() == nil {
			fmt.Fprintln(config.Output, err)
			return work, nil
		}
	} else if err = os.Rename(work, folder); err == nil {
		return folder, nil
	}
	os.RemoveAll(work)
	return "", err
}

// hashSources covers everything that a binary can depend on: the functions' files and the shared ones, the modules, the
// toolchain and the flags.
func hashSources(config Config) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH, os.Getenv("GOFLAGS"), buildFlags(),
		config.Packages)
	add := func(path string) error {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		fmt.Fprintln(hash, path)
		_, err = io.Copy(hash, file)
		return err
	}
	folders := []string{"shared"}
	for _, name := range config.Packages {
		folders = append(folders, strings.TrimSuffix(name, "/..."))
	}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(config.Root, folder), func(path string, entry fs.DirEntry,
			err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return add(path)
		})
		if err != nil {
			return "", err
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := add(filepath.Join(config.Root, name)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// removeOthers clears builds that no running cloud holds. What cannot be removed is left for the next time.
func removeOthers(root, hash string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		// A build of the last minutes may be on its way to being used.
		if err != nil || !entry.IsDir() || entry.Name() == hash || time.Since(info.ModTime()) < 10*time.Minute {
			continue
		}
		folder := filepath.Join(root, entry.Name())
		lock, err := lockFile(filepath.Join(folder, ".lock"), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(folder)
		lock.Close()
	}
}

// lockFile locks a file for as long as it is open; the kernel lets go of it when the process dies.
func lockFile(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
