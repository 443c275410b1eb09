package cloud

import (
	"strings"
	"testing"
)

func TestInvoke(t *testing.T) {
	c := sharedCloud(t)
	tests := map[string]struct {
		payload string
		status  int
		says    string
	}{
		"the function's own answer comes back":        {`{"a":1}`, 200, `{"a":1}`},
		"an error of the function is 500":             {`{"do":"fail"}`, 500, `"errorMessage":"asked to fail"`},
		"a panic is 500":                              {`{"do":"panic"}`, 500, `asked to panic`},
		"a crash is 500":                              {`{"do":"exit"}`, 500, `Runtime.ExitError`},
		"a function is ended at its timeout":          {`{"do":"wait","wait":"1h"}`, 500, `Task timed out after 1.00 seconds`},
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
