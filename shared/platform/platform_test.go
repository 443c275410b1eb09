package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mci.example/customers/shared/mci"
)

// opens has this test binary be a function's process: it opens the environment and says so.
const opens = "TEST_OPENS"

func TestMain(m *testing.M) {
	if function := os.Getenv(opens); function != "" {
		environment := Open(function)
		fmt.Println("open", environment.settings)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// openProcess runs a process that opens the function's environment with these variables alone.
func openProcess(t *testing.T, function string, variables map[string]string) (out, problem string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self)
	command.Env = []string{opens + "=" + function, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), command.ProcessState.ExitCode()
}

// settings are values for all that the function reads.
func settings(function Function) map[string]string {
	values := map[string]string{}
	for _, name := range function.Environment {
		values[name] = "some value of " + name
	}
	return values
}

// clearLine checks that a process ended before it served, with one line for people and machines that says why.
func clearLine(t *testing.T, function, problem string, code int, says ...string) {
	t.Helper()
	var line struct{ Level, Msg, Function, Error string }
	if err := json.Unmarshal([]byte(problem), &line); err != nil || strings.Count(problem, "\n") != 1 || code != 1 {
		t.Errorf("%s ends with %d and says %q; it should end with 1 and say one line", function, code, problem)
		return
	}
	if line.Level != "ERROR" || line.Function != function || line.Msg == "" {
		t.Errorf("%s says %s", function, problem)
	}
	for _, word := range says {
		if !strings.Contains(line.Error, word) {
			t.Errorf("%s does not name %s: %s", function, word, line.Error)
		}
	}
}

func TestAFunctionThatLacksASettingDoesNotStart(t *testing.T) {
	t.Parallel()
	for _, function := range Functions {
		t.Run(function.Name, func(t *testing.T) {
			t.Parallel()
			if out, problem, code := openProcess(t, function.Name, settings(function)); code != 0 || problem != "" {
				t.Errorf("with all settings it ends with %d and says %s%s", code, out, problem)
			}
			for _, name := range function.Environment {
				for _, missing := range []string{"unset", "empty"} {
					values := settings(function)
					if delete(values, name); missing == "empty" {
						values[name] = ""
					}
					out, problem, code := openProcess(t, function.Name, values)
					if mayBeEmpty[name] {
						continue
					}
					if usual, hasUsual := defaults[name]; hasUsual {
						if code != 0 || !strings.Contains(out, usual) {
							t.Errorf("without %s it ends with %d and says %s%s; %s is its usual value", name, code, out,
								problem, usual)
						}
						continue
					}
					clearLine(t, function.Name, problem, code, name)
				}
			}
		})
	}
}

func TestAWrongClockOffsetIsSaid(t *testing.T) {
	t.Parallel()
	function := Functions[0]
	with := func(offset string) map[string]string {
		values := settings(function)
		values[ClockOffset] = offset
		return values
	}
	for _, offset := range []string{"1", "tomorrow", "1d", " "} {
		_, problem, code := openProcess(t, function.Name, with(offset))
		clearLine(t, function.Name, problem, code, ClockOffset)
	}
	if _, problem, code := openProcess(t, function.Name, with("744h")); code != 0 {
		t.Errorf("744h is an offset: %s", problem)
	}
}

func TestAFunctionThatIsNotListedDoesNotStart(t *testing.T) {
	t.Parallel()
	_, problem, code := openProcess(t, "none", nil)
	clearLine(t, "none", problem, code, "none")
}

func TestTheClockRunsAheadByItsOffsetInWholeMillisecondsOfUTC(t *testing.T) {
	t.Parallel()
	before := time.Now()
	now := (&Environment{offset: time.Hour}).Now()
	if ahead := now.Sub(before); ahead < time.Hour-time.Millisecond || ahead > time.Hour+time.Minute {
		t.Errorf("it runs %s ahead", ahead)
	}
	if now.Location() != time.UTC || now.Nanosecond()%int(time.Millisecond) != 0 {
		t.Errorf("it shows %s", now)
	}
}

// TestFoldersFunctionsAndPermissionsAreOneList holds what is declared here against the folders of functions/, and
// against the name by which each main opens its environment.
func TestFoldersFunctionsAndPermissionsAreOneList(t *testing.T) {
	t.Parallel()
	names := make([]string, len(Functions))
	for i, function := range Functions {
		names[i] = function.Name
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("the functions are not in order, or one is listed twice: %q", names)
	}
	mains, err := filepath.Glob(filepath.Join("..", "..", "functions", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	folders := make([]string, len(mains))
	for i, path := range mains {
		folders[i] = filepath.Base(filepath.Dir(path))
		if opened := openedBy(t, path); !slices.Equal(opened, []string{folders[i]}) {
			t.Errorf("%s opens the environment of %q", path, opened)
		}
	}
	slices.Sort(folders)
	if !slices.Equal(names, folders) {
		t.Errorf("the functions are %q, and the folders %q", names, folders)
	}
	if permitted := slices.Sorted(maps.Keys(Permissions)); !slices.Equal(names, permitted) {
		t.Errorf("the functions are %q, and permissions are of %q", names, permitted)
	}
	for name, actions := range Permissions {
		if len(slices.Compact(slices.Sorted(slices.Values(actions)))) != len(actions) {
			t.Errorf("%s has a permission twice: %q", name, actions)
		}
	}
	for what, function := range map[string]string{"schedule": Schedule.Function, "stream": Stream.Function,
		"mail events": MailEvents.Function} {
		if !slices.Contains(names, function) {
			t.Errorf("the %s wake %s, which is no function", what, function)
		}
	}
}

// openedBy lists what a main passes to platform.Open.
func openedBy(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		call, isCall := node.(*ast.CallExpr)
		if !isCall || len(call.Args) != 1 {
			return true
		}
		selector, isSelector := call.Fun.(*ast.SelectorExpr)
		name, isText := call.Args[0].(*ast.BasicLit)
		if !isSelector || !isText || selector.Sel.Name != "Open" || fmt.Sprint(selector.X) != "platform" {
			return true
		}
		unquoted, err := strconv.Unquote(name.Value)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, unquoted)
		return true
	})
	return names
}

func TestEveryEventThatAnybodyWaitsForIsCounted(t *testing.T) {
	t.Parallel()
	// The others tell the same; and that a deadline comes near is for the partner to know.
	uncounted := []mci.EventType{
		mci.EmailSent, mci.EmailDelivered, mci.ReferralClosed, mci.ConsentDueSoon, mci.SubmissionDueSoon,
	}
	for _, event := range mci.EventTypes {
		if name := metricOf[event]; (name == "") != slices.Contains(uncounted, event) {
			t.Errorf("%s is counted as %q", event, name)
		}
	}
}

func TestMetricsAreWrittenInTheEmbeddedFormat(t *testing.T) {
	now := time.Date(2026, 11, 1, 9, 30, 0, 0, time.UTC)
	t.Setenv(Stage, "dev")
	var out bytes.Buffer
	emit(&out, now, nil)
	if out.Len() > 0 {
		t.Errorf("nothing to count is written as %s", &out)
	}
	emit(&out, now, map[string]float64{ClaimsAdded: 2, TimeToConsentHours: 1.5, SweepLagSeconds: 0})
	var line struct {
		Stage string
		AWS   struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
		ClaimsAdded, TimeToConsentHours, SweepLagSeconds *float64
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%v in %s", err, &out)
	}
	if line.Stage != "dev" || line.AWS.Timestamp != now.UnixMilli() || len(line.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("written as %s", &out)
	}
	directive := line.AWS.CloudWatchMetrics[0]
	if directive.Namespace != MetricNamespace || !slices.EqualFunc(directive.Dimensions, [][]string{{MetricDimension}},
		slices.Equal) {
		t.Errorf("the directive is %+v", directive)
	}
	unitOf := map[string]string{}
	for _, metric := range directive.Metrics {
		unitOf[metric.Name] = metric.Unit
	}
	if want := map[string]string{ClaimsAdded: "Count", TimeToConsentHours: "None",
		SweepLagSeconds: "Seconds"}; !maps.Equal(unitOf, want) {
		t.Errorf("the units are %v", unitOf)
	}
	if line.ClaimsAdded == nil || *line.ClaimsAdded != 2 || line.TimeToConsentHours == nil ||
		*line.TimeToConsentHours != 1.5 ||
		line.SweepLagSeconds == nil || *line.SweepLagSeconds != 0 {
		t.Errorf("the values are written as %s", &out)
	}
}
