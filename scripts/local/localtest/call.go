package localtest

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/local/cloud"
)

// Response is the answer to a call.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string // which also names the function's run in the records
}

// Call sends a request to the API, as client.Request describes it. Redirects are not followed.
func Call(t testing.TB, method, path, token string, body any, headers ...string) Response {
	t.Helper()
	request, err := client.Client{API: URL()}.Request(t.Context(), method, path, token, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

// Invoke runs a function with the payload, a value or encoded JSON; nil is its sample in events/. The answer is the
// function's own, with status 500 where the function failed.
func Invoke(t testing.TB, function string, payload any) Response {
	t.Helper()
	return Call(t, http.MethodPost, "/local/invoke/"+function, "", payload)
}

// connections follows no redirect and keeps as many connections as a test can open.
var connections = &http.Client{
	Timeout:       5 * time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100},
}

func do(t testing.TB, request *http.Request) Response {
	t.Helper()
	answer, err := connections.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("read the answer to %s %s: %v", request.Method, request.URL.Path, err)
	}
	response := Response{answer.StatusCode, answer.Header, content, answer.Header.Get(cloud.RequestIDHeader)}
	if response.Status == http.StatusInternalServerError { // the function may be gone, and what it asked for go on
		running.proxy.settle(response.RequestID)
	}
	observers.Lock()
	called := observers.list
	observers.Unlock()
	for _, observe := range called {
		observe(t, request, response)
	}
	return response
}

// observers are called for every answer.
var observers struct {
	sync.Mutex
	list []func(testing.TB, *http.Request, Response)
}

// OnAnswer has f called with every answer from now on, of the API and of functions that are run by hand, so that one
// place can hold them all against the API's description. The request's body can be read by request.GetBody.
func OnAnswer(f func(testing.TB, *http.Request, Response)) {
	observers.Lock()
	defer observers.Unlock()
	observers.list = append(observers.list, f)
}

// Expect fails the test unless the answer has the status. It returns the answer, so that calls read as sentences.
func (r Response) Expect(t testing.TB, status int) Response {
	t.Helper()
	if r.Status != status {
		t.Fatalf("answered %d instead of %d: %s", r.Status, status, r.Body)
	}
	return r
}

// Decode reads the answer's JSON; fields that T lacks are ignored.
func Decode[T any](t testing.TB, r Response) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(r.Body, &value); err != nil {
		t.Fatalf("%v in the answer %d: %s", err, r.Status, r.Body)
	}
	return value
}

// JSON is the answer's JSON object.
func (r Response) JSON(t testing.TB) map[string]any {
	t.Helper()
	return Decode[map[string]any](t, r)
}

// Requests are those that the function made to the engines to give this answer, in their order.
func (r Response) Requests() []Request { return running.proxy.requests(r.RequestID) }

// Waves is how many round trips the function made one after another to give this answer; requests made at the same time
// are one. It counts only while Measure is on.
func (r Response) Waves() int {
	waves := 0
	for _, request := range r.Requests() {
		waves = max(waves, request.Wave)
	}
	return waves
}
