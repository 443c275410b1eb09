package localtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
)

// Effect is what a fault does to a request.
type Effect string

// The effects. SDKs try again after most of them, so a fault that a function shall notice hits all requests (Times:
// All).
const (
	Fail       Effect = "fail"        // 500, and the engine never sees it
	Throttle   Effect = "throttle"    // ThrottlingException, or SES's TooManyRequestsException
	Conflict   Effect = "conflict"    // a transaction cancelled because another one was at the same items
	Reject     Effect = "reject"      // SES's MessageRejected, KMS's DisabledException, DynamoDB's ValidationException
	Down       Effect = "down"        // the connection breaks before the request is seen
	Lose       Effect = "lose"        // the request takes effect, and the connection breaks before the answer
	KillBefore Effect = "kill-before" // the function dies before the request is seen
	KillAfter  Effect = "kill-after"  // the request takes effect, and the function dies before the answer
	Hold       Effect = "hold"        // the request waits until Release
	Slow       Effect = "slow"        // the request waits for Delay
)

// All is Times without end.
const All = -1

// Fault says which requests are hit, and how. Empty fields fit every request.
type Fault struct {
	Effect   Effect
	Function string
	Service  string
	Action   string
	Match    func(Request) bool
	Skip     int // how many that fit are let through first
	Times    int // how many are hit then; 0 is one
	Delay    time.Duration
}

// Naming fits the requests that hold every one of the texts.
func Naming(texts ...string) func(Request) bool {
	return func(r Request) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !bytes.Contains(r.Body, []byte(text)) })
	}
}

// Injected is a fault at work.
type Injected struct {
	fault   Fault
	skip    int
	left    int
	hit     chan Request // each hit, for whoever waits
	release chan struct{}
	once    sync.Once

	mu    sync.Mutex
	fired int
}

// Inject puts the fault to work until the test ends.
func Inject(t testing.TB, fault Fault) *Injected {
	t.Helper()
	i := &Injected{fault: fault, skip: fault.Skip, left: max(fault.Times, 1), hit: make(chan Request, 1000),
		release: make(chan struct{})}
	if fault.Times == All {
		i.left = All
	}
	p := running.proxy
	p.mu.Lock()
	p.faults = append(p.faults, i)
	p.mu.Unlock()
	t.Cleanup(func() { i.Remove() })
	return i
}

// Remove ends the fault, and lets go of what it holds.
func (i *Injected) Remove() {
	p := running.proxy
	p.mu.Lock()
	p.faults = slices.DeleteFunc(p.faults, func(other *Injected) bool { return other == i })
	p.mu.Unlock()
	i.Release()
}

// Release lets go of the requests that a Hold has stopped, and of all later ones.
func (i *Injected) Release() { i.once.Do(func() { close(i.release) }) }

// Fired is how many requests were hit so far.
func (i *Injected) Fired() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fired
}

// Wait returns the next request that is hit.
func (i *Injected) Wait(t testing.TB) Request {
	t.Helper()
	select {
	case request := <-i.hit:
		return request
	case <-time.After(patience):
		t.Fatalf("no request was hit by %s within %s", i.fault.Effect, patience)
		return Request{}
	}
}

// hits says whether this request is the fault's, and counts it.
func (i *Injected) hits(request *Request) bool {
	f := i.fault
	if f.Function != "" && f.Function != request.Function || f.Service != "" && f.Service != request.Service ||
		f.Action != "" && f.Action != request.Action || f.Match != nil && !f.Match(*request) || i.left == 0 {
		return false
	}
	if i.skip > 0 {
		i.skip--
		return false
	}
	if i.left != All {
		i.left--
	}
	i.mu.Lock()
	i.fired++
	i.mu.Unlock()
	select {
	case i.hit <- *request:
	default: // nobody waits for that many
	}
	return true
}

// before does what the fault does to a request on its way to the engine, and says whether it goes on.
func (i *Injected) before(w http.ResponseWriter, r *http.Request, c *cloud.Cloud, request *Request) bool {
	if i == nil {
		return true
	}
	answer := func(status int, kind, message string, more map[string]any) bool {
		writeFailure(w, request.Service, status, kind, message, more)
		return false
	}
	switch i.fault.Effect {
	case Fail:
		if request.Service == KMSService {
			return answer(http.StatusInternalServerError, "KMSInternalException", "asked to fail", nil)
		}
		return answer(http.StatusInternalServerError, "InternalServerError", "asked to fail", nil)
	case Throttle:
		if request.Service == SESService {
			return answer(http.StatusTooManyRequests, "TooManyRequestsException", "asked to throttle", nil)
		}
		return answer(http.StatusBadRequest, "ThrottlingException", "asked to throttle", nil)
	case Conflict:
		reasons := conflicts(request.Body)
		return answer(http.StatusBadRequest, "TransactionCanceledException",
			fmt.Sprintf("Transaction cancelled, please refer cancellation reasons for specific reasons [%s]",
				strings.Join(codes(reasons), ", ")),
			map[string]any{"CancellationReasons": reasons})
	case Reject:
		if request.Service == SESService {
			return answer(http.StatusBadRequest, "MessageRejected", "asked to reject", nil)
		}
		if request.Service == KMSService {
			return answer(http.StatusBadRequest, "DisabledException", "asked to reject", nil)
		}
		return answer(http.StatusBadRequest, "ValidationException", "asked to reject", nil)
	case Down:
		panic(http.ErrAbortHandler)
	case KillBefore:
		c.Kill(request.Process)
		panic(http.ErrAbortHandler)
	case Hold:
		select {
		case <-i.release:
		case <-r.Context().Done(): // the function is gone
		}
	case Slow:
		select {
		case <-time.After(i.fault.Delay):
		case <-r.Context().Done():
		}
	}
	return true
}

// after does what the fault does to an answer on its way back, and says whether it gets there.
func (i *Injected) after(c *cloud.Cloud, request *Request) bool {
	if i == nil {
		return true
	}
	switch i.fault.Effect {
	case Lose:
		return false
	case KillAfter:
		c.Kill(request.Process)
		return false
	default:
		return true
	}
}

// conflicts gives one reason for each item of the transaction: the first one was in use.
func conflicts(body []byte) []map[string]string {
	var transaction struct{ TransactItems []json.RawMessage }
	if err := json.Unmarshal(body, &transaction); err != nil || len(transaction.TransactItems) == 0 {
		return []map[string]string{{"Code": "TransactionConflict"}}
	}
	reasons := make([]map[string]string, len(transaction.TransactItems))
	for i := range reasons {
		reasons[i] = map[string]string{"Code": "None"}
	}
	reasons[0] = map[string]string{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
	return reasons
}

func codes(reasons []map[string]string) []string {
	list := make([]string, len(reasons))
	for i, reason := range reasons {
		list[i] = reason["Code"]
	}
	return list
}

// writeFailure words an error as the service does.
func writeFailure(w http.ResponseWriter, service string, status int, kind, message string, more map[string]any) {
	body := map[string]any{"message": message}
	for name, value := range more {
		body[name] = value
	}
	switch service {
	case DynamoDBService:
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		body["__type"] = "com.amazonaws.dynamodb.v20120810#" + kind
	case KMSService:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		body["__type"] = kind
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-ErrorType", kind)
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings always encode
	}
	w.WriteHeader(status)
	w.Write(encoded) // a function that is gone by now needs no answer
}
