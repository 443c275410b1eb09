package cloud

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestInvoke(t *testing.T) {
	c := sharedCloud(t)
	tests := map[string]struct {
		payload string
		status  int
		says    string
	}{
		"the function's own answer comes back": {`{"a":1}`, 200, `{"a":1}`},
		"an error of the function is 500":      {`{"do":"fail"}`, 500, `"errorMessage":"asked to fail"`},
		"a panic is 500":                       {`{"do":"panic"}`, 500, `asked to panic`},
		"a crash is 500":                       {`{"do":"exit"}`, 500, `Runtime.ExitError`},
		"a function is ended at its timeout": {`{"do":"wait","wait":"1h"}`, 500,
			`Task timed out after 5.00 seconds`},
		"a payload that is not JSON is refused":       {`{"a":`, 400, `not JSON`},
		"no payload and no sample in events/ is said": {``, 400, `events/echo.json`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer, body := call(t, "POST", c.URL()+"/local/invoke/echo", test.payload)
			if answer.StatusCode != test.status || !strings.Contains(body, test.says) {
				t.Errorf("answered %d %s", answer.StatusCode, body)
			}
		})
	}
	if answer, body := call(t, "POST", c.URL()+"/local/invoke/nobody", `{}`); answer.StatusCode != 404 {
		t.Errorf("an unknown function answered %d %s", answer.StatusCode, body)
	}
}

func TestTheEnvironmentIsLambdas(t *testing.T) {
	t.Setenv("AWS_PROFILE", "of-the-user")
	c := sharedCloud(t)
	got := environmentOf(t, c)
	for _, want := range []string{"AWS_LAMBDA_FUNCTION_NAME=echo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=" + Region, "TABLE_NAME=" + TableName, "PUBLIC_URL=" + c.URL(), "AWS_ENDPOINT_URL_DYNAMODB=" +
			c.DynamoDBEndpoint(),
		"AWS_ENDPOINT_URL_SESV2=" + c.SESEndpoint()} {
		if !slices.Contains(got.Environment, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, variable := range got.Environment {
		if strings.HasPrefix(variable, "AWS_PROFILE=") || strings.HasPrefix(variable, "HOME=") ||
			strings.HasPrefix(variable, "SENDER=") {
			t.Errorf("%s should not be there", variable)
		}
	}
	if left := time.Until(got.Deadline); left <= 0 || left > echoTimeout {
		t.Errorf("the deadline is in %s, with a timeout of %s", left, echoTimeout)
	}
	if got.RequestID == "" || got.ARN != functionARN("echo") {
		t.Errorf("request %q of %q", got.RequestID, got.ARN)
	}
}

func TestProcesses(t *testing.T) {
	c := sharedCloud(t)
	first := environmentOf(t, c)
	if second := environmentOf(t, c); second.PID != first.PID {
		t.Error("an idle process was not used again")
	}
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() { c.Invoke("echo", newID(), []byte(`{"do":"wait","wait":"500ms"}`)) })
	}
	group.Wait()
	c.lambda.mu.Lock()
	if n := len(c.lambda.processes); n < 5 {
		t.Errorf("%d processes worked on five requests at once", n)
	}
	c.lambda.mu.Unlock()
	pid := environmentOf(t, c).PID
	c.lambda.mu.Lock()
	var idle *process
	for _, p := range c.lambda.processes {
		if p.child.cmd.Process.Pid == pid {
			idle = p
		}
	}
	c.lambda.mu.Unlock()
	idle.child.kill()
	environmentOf(t, c) // an idle process that has died fails no request
}

func TestWhatProcessesUseIsShown(t *testing.T) {
	c := sharedCloud(t)
	pid := environmentOf(t, c).PID
	_, body := call(t, "GET", c.URL()+"/local/processes", "")
	shown := decode[struct{ Processes []Process }](t, body).Processes
	for name, id := range map[string]int{"gateway": os.Getpid(), "echo": pid} {
		at := slices.IndexFunc(shown, func(p Process) bool { return p.Name == name && p.PID == id })
		if at < 0 {
			t.Errorf("%s, process %d, is not among %v", name, id, shown)
		} else if runtime.GOOS == "linux" && (shown[at].Memory < 1<<20 || name == "gateway" && shown[at].CPU == 0) {
			t.Errorf("%s uses %v", name, shown[at])
		}
	}
}

func TestOnlyTheProcessThatHasARequestCanAnswerIt(t *testing.T) {
	c := sharedCloud(t)
	environmentOf(t, c)
	c.lambda.mu.Lock()
	var process string
	for id := range c.lambda.processes {
		process = id
	}
	c.lambda.mu.Unlock()
	base := "http://" + c.lambda.runtimeAPI + "/"
	for path, status := range map[string]int{
		process + "/2018-06-01/runtime/invocation/other/response": 400,
		"nobody/2018-06-01/runtime/invocation/other/response":     403,
		process + "/2018-06-01/runtime/nothing":                   404,
	} {
		if answer, body := call(t, "POST", base+path, `{}`); answer.StatusCode != status {
			t.Errorf("%s answered %d %s", path, answer.StatusCode, body)
		}
	}
}
