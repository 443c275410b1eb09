package localtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
)

// Response is the answer to a call.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string // which also names the function's run in the records
}

// Call sends a request to the API. A token of "" is none. The body is a string or bytes, sent as they are; url.Values,
// sent as a form; nil for none; anything else, sent as JSON. Headers are pairs of name and value, and win over what
// Call would set. Redirects are not followed.
func Call(t testing.TB, method, path, token string, body any, headers ...string) Response {
	t.Helper()
	request := newRequest(t, method, path, body)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return do(t, request)
}

// Invoke runs a function with the payload, a value or encoded JSON; nil is its sample in events/. The answer is the
// function's own, with status 500 where the function failed.
func Invoke(t testing.TB, function string, payload any) Response {
	t.Helper()
	return do(t, newRequest(t, http.MethodPost, "/local/invoke/"+function, payload))
}

// connections follows no redirect and keeps as many connections as a test can open.
var connections = &http.Client{
	Timeout:       5 * time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100},
}

func newRequest(t testing.TB, method, path string, body any) *http.Request {
	t.Helper()
	var content []byte
	kind := "application/json"
	switch body := body.(type) {
	case nil:
		kind = ""
	case string:
		content = []byte(body)
	case []byte:
		content = body
	case json.RawMessage:
		content = body
	case url.Values:
		content, kind = []byte(body.Encode()), "application/x-www-form-urlencoded"
	default:
		var err error
		if content, err = json.Marshal(body); err != nil {
			t.Fatalf("encode the body: %v", err)
		}
	}
	if strings.HasPrefix(path, "/") {
		path = URL() + path
	}
	request, err := http.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	return request
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
