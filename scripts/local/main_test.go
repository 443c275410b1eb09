package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/cloud"
)

// binary is this command, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "local-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(folder)
		binary = filepath.Join(folder, "local")
		if said, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, said)
			return 1
		}
		return m.Run()
	}())
}

// command is this command as make run starts it, on free ports.
type command struct {
	*exec.Cmd
	out   io.ReadCloser
	err   output
	url   string
	ports map[string]string
}

// output is what a run has said so far; it can be read while the run goes on.
type output struct {
	sync.Mutex
	text bytes.Buffer
}

// Write keeps more of it.
func (o *output) Write(more []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	return o.text.Write(more)
}

func (o *output) String() string {
	o.Lock()
	defer o.Unlock()
	return o.text.String()
}

// newCommand prepares a run with the state of the folder.
func newCommand(t *testing.T, state string, ports map[string]string) *command {
	t.Helper()
	c := &command{Cmd: exec.Command(binary), ports: ports}
	c.Env = append(os.Environ(), "STATE_DIR="+state, "DYNAMODB_ENDPOINT=", "SES_ENDPOINT=")
	for variable, port := range ports {
		c.Env = append(c.Env, variable+"="+port)
	}
	c.url = "http://127.0.0.1:" + ports["PORT"]
	c.Stderr = &c.err
	var err error
	if c.out, err = c.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	return c
}

func freePorts(t *testing.T) map[string]string {
	t.Helper()
	free, err := cloud.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"PORT": free[0], "DYNAMODB_PORT": free[1], "SES_PORT": free[2]}
}

// start waits for the line that says that all is ready.
func (c *command) start(t *testing.T) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() }) // a run that has ended is what most tests leave
	lines := bufio.NewReader(c.out)
	line, err := lines.ReadString('\n')
	if err != nil || line != "ready "+c.url+"\n" {
		_ = c.Wait()
		t.Fatalf("the first line is %q, %v; standard error:\n%s", line, err, c.err.String())
	}
	if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "portal "+c.url+"/portal ") {
		t.Errorf("the second line is %q, %v", line, err)
	}
}

// children are the processes that the command has started; only Linux tells.
func (c *command) children(t *testing.T) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		after := string(content[bytes.LastIndexByte(content, ')')+1:])
		if fields := strings.Fields(after); fields[1] == strconv.Itoa(c.Process.Pid) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			children = append(children, pid)
		}
	}
	return children
}

// patience is how long a test waits for what should come at once, however busy the machine is.
const patience = 3 * time.Minute

// waitGone returns once none of the processes is left.
func waitGone(t *testing.T, pids []int) {
	t.Helper()
	deadline := time.After(patience)
	for len(pids) > 0 {
		pids = slices.DeleteFunc(pids, func(pid int) bool {
			content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(content), ") Z ")
		})
		select {
		case <-deadline:
			t.Fatalf("processes %v are still running", pids)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %d %s %v", url, answer.StatusCode, content, err)
	}
	return string(content)
}

func database(port string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: cloud.Region, BaseEndpoint: aws.String("http://127.0.0.1:" + port),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
}

func count(t *testing.T, port string) int {
	t.Helper()
	items := 0
	pages := dynamodb.NewScanPaginator(database(port), &dynamodb.ScanInput{TableName: aws.String(cloud.TableName),
		Select: types.SelectCount})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		items += int(page.Count)
	}
	return items
}

func TestARunThatIsKilledKeepsItsStateAndDoesNotBlockTheNext(t *testing.T) {
	if testing.Short() {
		t.Skip("builds all functions")
	}
	state, ports := t.TempDir(), freePorts(t)
	first := newCommand(t, state, ports)
	first.start(t)
	if count(t, ports["DYNAMODB_PORT"]) == 0 {
		t.Error("the sample was not imported on the first run")
	}
	item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "kept"},
		"sk": &types.AttributeValueMemberS{Value: "kept"}}
	_, err := database(ports["DYNAMODB_PORT"]).PutItem(t.Context(),
		&dynamodb.PutItemInput{TableName: aws.String(cloud.TableName), Item: item})
	if err != nil {
		t.Fatal(err)
	}
	post(t, first.url+"/local/clock", `{"offset":"744h"}`)
	items := count(t, ports["DYNAMODB_PORT"])
	children := first.children(t)
	if len(children) < 2 {
		t.Fatalf("the engines are not among the children %v", children)
	}
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	waitGone(t, children)

	second := newCommand(t, state, ports)
	second.start(t)
	if got := count(t, ports["DYNAMODB_PORT"]); got != items {
		t.Errorf("%d items instead of %d", got, items)
	}
	if strings.Contains(second.err.String(), "importing") {
		t.Error("the sample was imported again")
	}
	answer, err := http.Get(second.url + "/local/clock")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if clock, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(clock), "744h") {
		t.Errorf("the clock shows %s, %v", clock, err)
	}

	third := newCommand(t, state, freePorts(t))
	if err := third.Run(); err == nil || !strings.Contains(third.err.String(), "STATE_DIR") {
		t.Errorf("a second run with the same state ended with %v and said %q", err, third.err.String())
	}

	children = second.children(t)
	if err := second.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("Ctrl-C ended it with %v", err)
	}
	waitGone(t, children)
}

func TestWhatKeepsItFromStartingIsSaidInOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenPort := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	for name, test := range map[string]struct {
		environment string
		says        []string
	}{
		"the API's port is taken":           {"PORT=" + takenPort, []string{takenPort, "PORT"}},
		"the database's port is taken":      {"DYNAMODB_PORT=" + takenPort, []string{takenPort, "DYNAMODB_PORT"}},
		"the mailbox's port is taken":       {"SES_PORT=" + takenPort, []string{takenPort, "SES_PORT"}},
		"a port that is none":               {"PORT=http", []string{"PORT", "http"}},
		"a port out of range":               {"SES_PORT=70000", []string{"SES_PORT", "70000"}},
		"an endpoint that is none":          {"DYNAMODB_ENDPOINT=localhost:8000", []string{"DYNAMODB_ENDPOINT"}},
		"a setting that is no number":       {"MAILS_PER_PARTNER=many", []string{"MAILS_PER_PARTNER", "many"}},
		"a setting of nothing":              {"RETENTION_MONTHS=0", []string{"RETENTION_MONTHS", "0"}},
		"a state folder that cannot be one": {"STATE_DIR=/dev/null/state", []string{"/dev/null/state"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCommand(t, t.TempDir(), freePorts(t))
			c.Env = append(c.Env, test.environment)
			expectOneLine(t, c, test.says...)
		})
	}
	for name, file := range map[string]string{"a state of no form": "dynamodb.sqlite",
		"a state of another form": "form"} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			if err := os.WriteFile(filepath.Join(state, file), []byte("1"), 0o600); err != nil {
				t.Fatal(err)
			}
			expectOneLine(t, newCommand(t, state, freePorts(t)), state, "older form", "make reset")
		})
	}
	t.Run("the engines are not installed", func(t *testing.T) {
		c := newCommand(t, t.TempDir(), freePorts(t))
		c.Dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(c.Dir, "go.mod"), []byte("module empty\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		expectOneLine(t, c, "npm ci --prefix infra")
	})
}

func expectOneLine(t *testing.T, c *command, says ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = c.Process.Kill() })
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(c.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	said := c.err.String()
	if len(out) != 0 || strings.Count(said, "\n") != 1 {
		t.Errorf("it said %q and %q", out, said)
	}
	for _, word := range says {
		if !strings.Contains(said, word) {
			t.Errorf("%q does not say %s", said, word)
		}
	}
}
