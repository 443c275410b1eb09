package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"mci.example/customers/scripts/import/enginetest"
)

// command is the built command, as operators run it.
var command string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "import-command-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	command = filepath.Join(folder, "import")
	if out, err := exec.Command("go", "build", "-o", command, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v\n%s", err, out)
		return 1
	}
	return enginetest.Run(m)
}

// prepare prepares the command for a table at an endpoint.
func prepare(t *testing.T, endpoint, table string, arguments ...string) *exec.Cmd {
	t.Helper()
	prepared := exec.CommandContext(t.Context(), command, arguments...)
	prepared.Env = []string{"DYNAMODB_ENDPOINT=" + endpoint, "TABLE_NAME=" + table}
	return prepared
}

// execute runs the command to its end and gives its exit code and what it said on either stream.
func execute(t *testing.T, prepared *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems strings.Builder
	prepared.Stdout, prepared.Stderr = &out, &problems
	var exit *exec.ExitError
	if err := prepared.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return prepared.ProcessState.ExitCode(), out.String(), problems.String()
}

func folderOf(t *testing.T, name, content string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestTheSampleIsLoadedAndSummed(t *testing.T) {
	client, table := enginetest.NewTable(t)
	code, stdout, stderr := execute(t, prepare(t, enginetest.Endpoint, table, "../sample"))
	// A line now and then says how far a long load has come.
	if said := regexp.MustCompile(`(?m)^(checking|writing) \S+: \d+ %\n`).ReplaceAllString(stderr, ""); code != 0 ||
		said != "" {
		t.Fatalf("exit code %d: %s", code, said)
	}
	for _, word := range []string{"file", "checked", "written", "seconds", "engagements.json", "eligibility.csv",
		"all"} {
		if !strings.Contains(stdout, word) {
			t.Errorf("the summary lacks %s:\n%s", word, stdout)
		}
	}
	first := enginetest.Scan(t, client, table)
	if code, _, stderr := execute(t, prepare(t, enginetest.Endpoint, table, "../sample")); code != 0 {
		t.Fatalf("the second load: exit code %d: %s", code, stderr)
	}
	if second := enginetest.Scan(t, client, table); !reflect.DeepEqual(first, second) {
		t.Error("the second load changed the table")
	}
}

func TestMistakesAreToldByFileAndLineAndNothingIsWritten(t *testing.T) {
	client, table := enginetest.NewTable(t)
	folder := folderOf(t, "customers.csv",
		"customerId,name,country,managed\nc1,One,US,true\nc2,,US,true\nc3,Three,US,maybe\n")
	code, stdout, stderr := execute(t, prepare(t, enginetest.Endpoint, table, folder))
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if code != 1 || stdout != "" || len(lines) != 3 ||
		!strings.HasPrefix(lines[0], "customers.csv:3: name: ") ||
		!strings.HasPrefix(lines[1], "customers.csv:4: managed: ") ||
		lines[2] != "2 mistakes; nothing was written" {
		t.Errorf("exit code %d, said\n%s%s", code, stdout, stderr)
	}
	if items := enginetest.Scan(t, client, table); len(items) != 0 {
		t.Errorf("%d items were written", len(items))
	}
}

func TestADryRunSaysThatNothingWasWritten(t *testing.T) {
	client, table := enginetest.NewTable(t)
	code, stdout, stderr := execute(t, prepare(t, enginetest.Endpoint, table, "--dry-run", "../sample"))
	if code != 0 || !strings.Contains(stdout, "nothing was written") {
		t.Errorf("exit code %d, said\n%s%s", code, stdout, stderr)
	}
	if items := enginetest.Scan(t, client, table); len(items) != 0 {
		t.Errorf("%d items were written", len(items))
	}
}

func TestWhatCannotBeDoneIsToldWithAnExitCode(t *testing.T) {
	const nowhere = "http://127.0.0.1:1"
	tests := map[string]struct {
		endpoint  string
		arguments []string
		code      int
		want      string
	}{
		"no folder is given":       {enginetest.Endpoint, nil, 2, "usage: import [--dry-run] <folder>"},
		"an empty folder is given": {enginetest.Endpoint, []string{""}, 2, "usage: import"},
		"two folders are given":    {enginetest.Endpoint, []string{"a", "b"}, 2, "usage: import"},
		"a flag is not known": {enginetest.Endpoint, []string{"--force", "a"}, 2,
			"flag provided but not defined"},
		"help is asked for":          {enginetest.Endpoint, []string{"--help"}, 0, "usage: import"},
		"the folder is not there":    {enginetest.Endpoint, []string{"nowhere"}, 1, "there is no folder nowhere"},
		"the folder is empty":        {enginetest.Endpoint, []string{t.TempDir()}, 1, "has none of the files"},
		"the table is not there":     {enginetest.Endpoint, []string{"../sample"}, 1, "there is no table"},
		"the engine does not answer": {nowhere, []string{"../sample"}, 1, "is it running (make run)?"},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			code, stdout, stderr := execute(t, prepare(t, test.endpoint, "none", test.arguments...))
			if code != test.code || !strings.Contains(stderr, test.want) ||
				strings.Contains(stderr, "the table is ") != (test.endpoint == nowhere ||
					strings.Contains(test.want, "table")) {
				t.Errorf("exit code %d, want %d, and %q in\n%s%s", code, test.code, test.want, stdout, stderr)
			}
		})
	}
}

// A load that dies at any point leaves what a second one completes.
func TestALoadThatWasKilledIsCompletedByAnother(t *testing.T) {
	client, table := enginetest.NewTable(t)
	other, nameOfOther := enginetest.NewTable(t)
	var lock sync.Mutex
	writes, reached := 0, make(chan struct{})
	release := make(chan struct{})
	edge := enginetest.Edge(t, func(action string, _ []byte) []byte {
		lock.Lock()
		if action == "BatchWriteItem" {
			writes++
		}
		stop := writes > 20
		if writes == 21 {
			close(reached)
			writes++
		}
		lock.Unlock()
		if stop {
			<-release
		}
		return nil
	})
	killed := prepare(t, edge, table, "../sample")
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := killed.Wait(); err == nil {
		t.Fatal("the load ended before it was killed")
	}
	close(release)
	count := len(enginetest.Scan(t, client, table))
	if code, _, stderr := execute(t, prepare(t, enginetest.Endpoint, table, "../sample")); code != 0 {
		t.Fatalf("the second load: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := execute(t, prepare(t, enginetest.Endpoint, nameOfOther, "../sample")); code != 0 {
		t.Fatalf("a load from the start: exit code %d: %s", code, stderr)
	}
	got, want := enginetest.Scan(t, client, table), enginetest.Scan(t, other, nameOfOther)
	if count == 0 || count >= len(want) || !reflect.DeepEqual(got, want) {
		t.Errorf("%d items were there after the kill, %d after the second load, and a load from the start gives %d",
			count, len(got), len(want))
	}
}
