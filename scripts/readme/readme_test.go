// Package readme holds the READMEs against what they speak of: commands are run, tables compared.
package readme

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/shared/rest"
)

// The READMEs: for who meets the product, for who deploys and operates it, its figures, and for who changes the portal.
const (
	product   = "README.md"
	operating = "infra/README.md"
	figures   = "scripts/bench/README.md"
	portal    = "functions/portal/README.md"
)

// read gives the text of a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(localtest.Root(), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheProductsREADMEStaysShort(t *testing.T) {
	t.Parallel()
	if lines := strings.Count(read(t, product), "\n"); lines >= 250 {
		t.Errorf("it has %d lines; operating and figures have READMEs of their own", lines)
	}
}

// notRun are commands of the README that this test cannot run, with the reason.
var notRun = map[string]string{
	"make test":  "this test is part of it",
	"make bench": "takes minutes, and measures nothing while other tests run",
	"make soak":  "takes as long as one likes",
}

// TestTheREADMEsCommandsWork runs every command of the README's sh blocks, in their order, in one shell's worth of
// variables, on the ports and the state of a test.
func TestTheREADMEsCommandsWork(t *testing.T) {
	ports, err := cloud.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	environment := append(os.Environ(), "PORT="+ports[0], "DYNAMODB_PORT="+ports[1], "SES_PORT="+ports[2], "STATE_DIR="+
		t.TempDir(), "MAKEFLAGS=")
	block := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	for _, found := range block.FindAllStringSubmatch(read(t, product), -1) {
		commands := strings.TrimSpace(found[1])
		switch {
		case notRun[commands] != "":
			t.Logf("%s: not run, for it %s", commands, notRun[commands])
		case commands == "make run":
			run(t, environment)
		default:
			onTheTestsPort := strings.ReplaceAll(commands, "127.0.0.1:8080", "127.0.0.1:"+ports[0])
			command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", onTheTestsPort)
			command.Dir, command.Env = localtest.Root(), environment
			out, err := command.CombinedOutput()
			if err != nil || strings.Contains(string(out), "urn:mci:problem") ||
				strings.Contains(string(out), `"message"`) {
				t.Errorf("%s\n%v\n%s", commands, err, out)
			}
		}
	}
	operate(t, "http://127.0.0.1:"+ports[0], environment)
}

// operate runs operators' commands on what the demo has left. What they are given is never run.
func operate(t *testing.T, api string, environment []string) {
	t.Helper()
	system := client.Client{API: api}
	ana, err := system.Token(t.Context(), client.Object{"sub": "ana@northwind", "partnerId": "northwind",
		"roles": []string{"incentives-admin"}})
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(path string) client.Object {
		found, err := system.Fetch(t.Context(), "GET", path, ana, nil)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	completed := fetch("/v1/claims?status=completed")["claims"].([]any)[0].(client.Object)
	path := "/v1/claims/" + completed["id"].(string)
	contact := completed["customerContact"].(client.Object)["email"].(string)
	folder := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(folder, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	receipt := fetch(path + "/receipt")["receipt"].(string)
	genuine := file("genuine.jws", receipt)
	altered := file("altered.jws", strings.Replace(receipt, ".", ".ICAg", 1)) // spaces before what was signed
	trap := filepath.Join(folder, "trap")
	hostile := strings.ReplaceAll("\"kim\" '; touch x; $(touch x) $(shell touch x) `touch x` # @contoso.example", " x",
		" "+trap)
	before := client.Compact(fetch(path))
	for _, c := range []struct {
		arguments []string
		does      bool
		says      string
	}{
		{[]string{"verify", "RECEIPT=" + genuine}, true, "The receipt holds."},
		{[]string{"verify", "RECEIPT=" + altered}, false, "it was altered"},
		{[]string{"audit"}, true, ""},
		{[]string{"erase", "WHO=" + hostile}, false,
			fmt.Sprintf("%q is neither a whole email address nor a claim's ID", hostile)},
		{[]string{"erase", "WHO=" + contact}, true, "nothing was written (CONFIRM=yes does it)"},
		{[]string{"export-person", "WHO=" + contact}, true, strconv.Quote(contact)},
	} {
		command := exec.CommandContext(t.Context(), "make", append([]string{"--silent"}, c.arguments...)...)
		command.Dir, command.Env = localtest.Root(), environment
		var told bytes.Buffer
		command.Stderr = &told
		out, err := command.Output()
		if (err == nil) != c.does || !strings.Contains(string(out)+told.String(), c.says) ||
			c.arguments[0] == "export-person" && !json.Valid(out) {
			t.Errorf("make %q: %v\n%s\n%s", c.arguments, err, out, &told)
		}
	}
	if _, err := os.Stat(trap); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what WHO holds was run: %v", err)
	}
	if after := client.Compact(fetch(path)); after != before {
		t.Errorf("without CONFIRM the claim changed from\n%s\nto\n%s", before, after)
	}
}

// run starts `make run`, waits until it says that it is ready, and has Ctrl-C end it with the test, with nothing left.
func run(t *testing.T, environment []string) {
	t.Helper()
	command := exec.Command("make", "--silent", "run")
	command.Dir, command.Env, command.SysProcAttr = localtest.Root(), environment, &syscall.SysProcAttr{Setpgid: true}
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		if lines.Scan() {
			ready <- lines.Text()
		}
		close(ready)
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() {
		if err := syscall.Kill(-command.Process.Pid, syscall.SIGINT); err != nil {
			t.Error(err)
		}
		done := make(chan error, 1)
		go func() { done <- command.Wait() }()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Error("Ctrl-C does not end make run")
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	select {
	case line := <-ready:
		if !strings.HasPrefix(line, "ready http://127.0.0.1:") {
			t.Fatalf("make run says %q first", line)
		}
	case <-ctx.Done():
		t.Fatal("make run is not ready in ten minutes")
	}
}

func TestEveryTargetThatAREADMENamesIsThere(t *testing.T) {
	t.Parallel()
	makefile := read(t, "Makefile")
	for _, path := range []string{product, operating, figures, portal} {
		for _, named := range regexp.MustCompile("(?m)(?:`|^|… )make ([a-z][a-z-]+)").FindAllStringSubmatch(read(t,
			path), -1) {
			if !regexp.MustCompile(`(?m)^` + named[1] + `:`).MatchString(makefile) {
				t.Errorf("%s names make %s, which the Makefile does not have", path, named[1])
			}
		}
	}
}

// TestLinksLeadToFiles follows the links of the READMEs within the repository.
func TestLinksLeadToFiles(t *testing.T) {
	t.Parallel()
	for _, path := range []string{product, operating, figures, portal} {
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(read(t, path), -1) {
			if _, err := os.Stat(filepath.Join(localtest.Root(), filepath.Dir(path), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, link[1], err)
			}
		}
	}
}

func TestTheREADMEListsTheFoldersOfShared(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(localtest.Root(), "shared", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, row := range regexp.MustCompile(`(?m)^shared/(\w+)/ `).FindAllStringSubmatch(read(t, product), -1) {
		listed = append(listed, filepath.Join(localtest.Root(), "shared", row[1]))
	}
	slices.Sort(listed)
	if !slices.Equal(folders, listed) {
		t.Errorf("the README lists\n%q, and there are\n%q", listed, folders)
	}
}

// checklists are the README's lists of files to touch. Each names an example, and the files are those of the product in
// whose text or name the example stands.
var checklists = []struct {
	title, example string
	pattern        string            // the example as code writes it
	values         map[string]string // of the list's placeholders
	uses           []string          // where the example stands for other reasons
}{
	{"A route", "check-eligibility", `check-eligibility|/v1/eligibility-checks`,
		map[string]string{"<name>": "check-eligibility"}, nil},
	{"A field of a claim", "declineReason", `[dD]eclineReason`, nil, []string{product}},
	{"What a claim is born with", "wasKnown", `[wW]asKnown`, nil, []string{product}},
	{"A status", "action-required", `action-required|ActionRequired`, nil, nil},
	{"A language", "pt-BR", `pt-BR`, map[string]string{"<locale>": "pt-BR"},
		[]string{"events/", "shared/rest/fields.go", product}},
}

func TestTheREADMEsChecklistsAreComplete(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(read(t, product), "## Changing it")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, checklist := range checklists {
		_, list, found := strings.Cut(section, "\n- **"+checklist.title+"**, as `"+checklist.example+"`")
		if !found {
			t.Errorf("the README has no list %q with the example %s", checklist.title, checklist.example)
			continue
		}
		list, _, _ = strings.Cut(list, "\n- **")
		var listed []string
		for _, path := range regexp.MustCompile("`([^` ]+/[^` ]+|"+product+")`").FindAllStringSubmatch(list, -1) {
			name := path[1]
			for placeholder, value := range checklist.values {
				name = strings.ReplaceAll(name, placeholder, value)
			}
			files, err := filepath.Glob(filepath.Join(localtest.Root(), name))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 0 {
				t.Errorf("%s: %s is no file", checklist.title, name)
			}
			for _, file := range files {
				relative, err := filepath.Rel(localtest.Root(), file)
				if err != nil {
					t.Fatal(err)
				}
				listed = append(listed, relative)
			}
		}
		standing := filesWith(t, regexp.MustCompile(checklist.pattern), checklist.uses)
		for _, file := range standing {
			if !slices.Contains(listed, file) {
				t.Errorf("%s: the README does not list %s, where %s stands", checklist.title, file, checklist.example)
			}
		}
		for _, file := range listed {
			if !slices.Contains(standing, file) {
				t.Errorf("%s: the README lists %s, where %s does not stand", checklist.title, file, checklist.example)
			}
		}
	}
}

// filesWith lists the product's files, tests apart, in whose text or name the pattern stands.
func filesWith(t *testing.T, pattern *regexp.Regexp, besides []string) []string {
	t.Helper()
	var found []string
	for _, root := range []string{"functions", "shared", "infra", "events", "scripts/erase", product} {
		err := filepath.WalkDir(filepath.Join(localtest.Root(), root), func(path string, entry fs.DirEntry,
			err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if entry.Name() == "node_modules" || entry.Name() == "testdata" {
					return filepath.SkipDir
				}
				return nil
			}
			relative, err := filepath.Rel(localtest.Root(), path)
			if err != nil {
				return err
			}
			skipped := slices.ContainsFunc(besides, func(prefix string) bool {
				return strings.HasPrefix(relative, prefix)
			})
			if skipped || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if pattern.Match(text) || pattern.MatchString(relative) {
				found = append(found, relative)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestTheREADMEsRoutesAreTheAPIs(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `((?:GET|HEAD|POST) [^`]+)` \\|").FindAllStringSubmatch(read(t,
		product), -1) {
		listed = append(listed, row[1])
	}
	var routes []string
	for _, route := range rest.Routes {
		routes = append(routes, route.Key())
	}
	if got, want := strings.Join(listed, "\n"), strings.Join(routes, "\n"); got != want {
		t.Errorf("the README lists\n%s\n\nand the route table\n%s", got, want)
	}
}

func TestTheFiguresListEveryAccessPattern(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(read(t, figures), "## Access patterns")
	if !found {
		t.Fatalf("%s has no access patterns", figures)
	}
	table, _, _ = strings.Cut(table, "\n## ")
	files, err := filepath.Glob(filepath.Join(localtest.Root(), "shared", "table", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]bool{}
	patterns := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			method, isFunction := declaration.(*ast.FuncDecl)
			if !isFunction || method.Recv == nil || !method.Name.IsExported() {
				continue
			}
			methods[method.Name.Name] = true
			if !strings.Contains(method.Doc.Text(), "round trip") {
				continue
			}
			patterns++
			if !strings.Contains(table, "`"+method.Name.Name+"`") {
				t.Errorf("the access patterns lack %s of %s", method.Name.Name, filepath.Base(file))
			}
		}
	}
	if patterns == 0 {
		t.Error("no access pattern was found in shared/table")
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*)\\|").FindAllStringSubmatch(table, -1) {
		for _, named := range regexp.MustCompile("`([A-Z]\\w*)`").FindAllStringSubmatch(row[1], -1) {
			if !methods[named[1]] {
				t.Errorf("the access patterns list %s, which shared/table does not have", named[1])
			}
		}
	}
}

func TestTheREADMEGivesEachDependencyItsReason(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(read(t, product), "## Dependencies")
	pinned := regexp.MustCompile(`(?m)^\s+(\S+) v\S+$`).FindAllStringSubmatch(read(t, "go.mod"), -1)
	for _, packages := range []string{"infra/package.json", "infra/cdk/package.json",
		"scripts/bench/lighthouse/package.json"} {
		pinned = append(pinned, regexp.MustCompile(`"([^"]+)": "\d[^"]*"`).FindAllStringSubmatch(read(t, packages),
			-1)...)
	}
	for _, dependency := range pinned {
		path := strings.TrimPrefix(dependency[1], "github.com/")
		path = strings.TrimPrefix(path, "aws/aws-sdk-go-v2/service/")
		path = strings.TrimPrefix(path, "aws/aws-sdk-go-v2/")
		if !strings.Contains(table, path) {
			t.Errorf("the README gives no reason for %s", dependency[1])
		}
	}
}

// TestLocksHoldForEveryRegistry looks for addresses in npm's locks, which would have everyone download from there.
func TestLocksHoldForEveryRegistry(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"infra/package-lock.json", "infra/cdk/package-lock.json",
		"scripts/bench/lighthouse/package-lock.json"} {
		if strings.Contains(read(t, path), `"resolved"`) {
			t.Errorf("%s records addresses: npm install --omit-lockfile-registry-resolved", path)
		}
	}
}
