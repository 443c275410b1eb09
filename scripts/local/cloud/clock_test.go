package cloud

import (
	"slices"
	"testing"
	"time"
)

type environment struct {
	Environment []string
	PID         int
	Deadline    time.Time
	RequestID   string
	ARN         string
}

func environmentOf(t *testing.T, c *Cloud) environment {
	t.Helper()
	answer, body := call(t, "POST", c.URL()+"/local/invoke/echo", `{"do":"environment"}`)
	if answer.StatusCode != 200 {
		t.Fatalf("answered %d %s", answer.StatusCode, body)
	}
	return decode[environment](t, body)
}

func TestTheClock(t *testing.T) {
	folder := t.TempDir()
	c := start(t, echoConfig(t, folder))
	before := environmentOf(t, c)
	if slices.ContainsFunc(before.Environment, isOffset) {
		t.Error("a clock that does not run ahead is set in the environment")
	}
	for body, status := range map[string]int{
		`{"offset":"-1h"}`: 422, `{"offset":"soon"}`: 422, `{"offset":744}`: 400, `{}`: 400, `{"hours":1}`: 400,
		``:              400,
		`{"offset":""}`: 422,
	} {
		if answer, said := call(t, "POST", c.URL()+"/local/clock", body); answer.StatusCode != status {
			t.Errorf("%s answered %d %s", body, answer.StatusCode, said)
		}
	}
	if answer, said := call(t, "POST", c.URL()+"/local/clock", `{"offset":"744h"}`); answer.StatusCode != 200 {
		t.Fatalf("answered %d %s", answer.StatusCode, said)
	}
	after := environmentOf(t, c)
	if !slices.Contains(after.Environment, "CLOCK_OFFSET=744h0m0s") || after.PID == before.PID {
		t.Errorf("the function's process %d, before %d, has %v", after.PID, before.PID, after.Environment)
	}
	if got := time.Until(after.Deadline); got > time.Minute {
		t.Errorf("Lambda's own clock runs ahead too: the deadline is in %s", got)
	}
	c.Stop()

	again := start(t, echoConfig(t, folder))
	if got := again.Offset(); got != 744*time.Hour {
		t.Errorf("after a restart the offset is %s", got)
	}
	if _, body := call(t, "GET", again.URL()+"/local/clock", ""); decode[struct{ Offset string }](t,
		body).Offset != "744h0m0s" {
		t.Errorf("the clock shows %s", body)
	}
}

func isOffset(variable string) bool { return len(variable) > 12 && variable[:12] == "CLOCK_OFFSET" }
