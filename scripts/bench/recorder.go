package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/bench/replay"
	"mci.example/customers/scripts/local/capacity"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/table"
)

// recorder stands between the functions and the engines, and keeps what is asked: to count it, and for the floor to ask
// the same. Of every item that a transaction writes it keeps what was there before, so that what the call did can be
// undone, and the same call be made again.
type recorder struct {
	address   string
	server    *http.Server
	transport *http.Transport
	cloud     *cloud.Cloud

	mu       sync.Mutex
	hold     time.Duration
	requests []*recorded
	before   map[table.Key]table.Item // empty for none
}

// recorded is one request.
type recorded struct {
	replay.Request
	answer        []byte
	began, ended  time.Time
	wave          int
	reads, writes float64 // request units
}

// writing are the actions that change items.
var writing = []string{"TransactWriteItems", "UpdateItem"}

// hold is how long an answer is held back so that requests that are sent at once are seen to be.
const hold = 20 * time.Millisecond

func startRecorder() (*recorder, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the recorder: %w", err)
	}
	r := &recorder{address: "http://" + listener.Addr().String(), transport: &http.Transport{MaxIdleConnsPerHost: 200,
		DisableCompression: true}}
	r.server = &http.Server{Handler: r}
	go r.server.Serve(listener) // ends when stop closes the server
	return r, nil
}

func (r *recorder) stop() { r.server.Close() }

func (r *recorder) connect(c *cloud.Cloud) { r.cloud = c }

func (r *recorder) endpoints() cloud.Endpoints {
	return cloud.Endpoints{DynamoDB: r.address + "/dynamodb", SES: r.address + "/ses", KMS: r.address + "/kms"}
}

// begin forgets everything recorded so far. Measured holds answers back to tell which requests are sent at once.
func (r *recorder) begin(measured bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold, r.requests, r.before = 0, nil, map[table.Key]table.Item{}
	if measured {
		r.hold = hold
	}
}

// recording is what one call asked.
type recording struct {
	requests []*recorded
	before   map[table.Key]table.Item
	answer   []byte
}

// end gives what was recorded since begin.
func (r *recorder) end(answer []byte) recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := slices.Clone(r.requests)
	slices.SortStableFunc(requests, func(a, b *recorded) int { return a.began.Compare(b.began) })
	for i, request := range requests {
		request.wave = 1
		for _, earlier := range requests[:i] {
			if !earlier.ended.After(request.began) {
				request.wave = max(request.wave, earlier.wave+1)
			}
		}
	}
	return recording{requests, r.before, answer}
}

// trips is the number of round trips one after another.
func (r recording) trips() int {
	trips := 0
	for _, request := range r.requests {
		trips = max(trips, request.wave)
	}
	return trips
}

// units are the request units that the engine says were consumed.
func (r recording) units() (reads, writes float64) {
	for _, request := range r.requests {
		reads, writes = reads+request.reads, writes+request.writes
	}
	return reads, writes
}

// as gives the requests the waves of another recording of the like call, which was measured; it says whether they are
// as many.
func (r recording) as(measured recording) bool {
	if len(r.requests) != len(measured.requests) {
		return false
	}
	waves := make([]int, len(measured.requests))
	for i, request := range measured.requests {
		waves[i] = request.wave
	}
	slices.Sort(waves)
	for i, request := range r.requests {
		request.wave = waves[i]
	}
	return true
}

// call is the recording as the floor is told it.
func (r recording) call() replay.Call {
	call := replay.Call{Waves: make([][]replay.Request, r.trips()), Answer: r.answer}
	for _, request := range r.requests {
		call.Waves[request.wave-1] = append(call.Waves[request.wave-1], request.Request)
	}
	return call
}

// undo puts back what was there before the call.
func (s *stand) undo(ctx context.Context, r recording) error {
	var requests []types.WriteRequest
	for key, item := range r.before {
		if len(item) == 0 {
			requests = append(requests, table.Delete(key))
		} else {
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
	}
	if err := s.write(ctx, requests); err != nil {
		return fmt.Errorf("undoing a call: %w", err)
	}
	return nil
}

// ServeHTTP passes a request on to its engine, and the answer back.
func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the function is gone
	}
	service, path, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	_, action, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	endpoint, sent := r.cloud.Endpoints().KMS, body
	switch service {
	case "ses":
		endpoint, action = r.cloud.SESEndpoint(), "SendEmail"
	case "dynamodb":
		endpoint, sent = r.cloud.DynamoDBEndpoint(), capacity.Ask(action, body)
	}
	kept := &recorded{Request: replay.Request{Action: action, Body: body}, began: time.Now()}
	r.mu.Lock()
	held := r.hold
	r.requests = append(r.requests, kept)
	r.mu.Unlock()
	if slices.Contains(writing, action) {
		if err := r.keepBefore(request.Context(), body); err != nil {
			panic(http.ErrAbortHandler) // the engine is gone
		}
	}
	out, err := http.NewRequestWithContext(request.Context(), request.Method, endpoint+"/"+path, bytes.NewReader(sent))
	if err != nil {
		panic(http.ErrAbortHandler) // no address that a function asks is wrong
	}
	out.Header = request.Header.Clone()
	answer, err := r.transport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler) // the engine is gone
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	time.Sleep(held)
	r.mu.Lock()
	kept.answer, kept.ended = content, time.Now()
	if consumed := capacity.Of(content); slices.Contains(writing, action) {
		kept.writes = consumed
	} else {
		kept.reads = consumed
	}
	r.mu.Unlock()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	w.Write(content) // a function that is gone needs no answer
}

// keepBefore keeps what is there of the items that a transaction or an update is to write.
func (r *recorder) keepBefore(ctx context.Context, body []byte) error {
	type part struct {
		Key  map[string]json.RawMessage
		Item map[string]json.RawMessage
	}
	type writes struct{ Put, Update, Delete *part }
	var request struct {
		Key           map[string]json.RawMessage // of an update
		TransactItems []writes
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return fmt.Errorf("reading what is to be written: %w", err)
	}
	if request.Key != nil {
		request.TransactItems = []writes{{Update: &part{Key: request.Key}}}
	}
	for _, item := range request.TransactItems {
		for _, written := range []*part{item.Put, item.Update, item.Delete} {
			if written == nil {
				continue
			}
			var pk, sk struct{ S string }
			attributes := written.Key
			if attributes == nil {
				attributes = written.Item
			}
			if json.Unmarshal(attributes[table.PartitionKey], &pk) != nil || json.Unmarshal(attributes[table.SortKey],
				&sk) != nil {
				return fmt.Errorf("an item without a key is to be written")
			}
			key := table.Key{PK: pk.S, SK: sk.S}
			out, err := r.cloud.Database().GetItem(ctx, &dynamodb.GetItemInput{
				TableName: aws.String(cloud.TableName), Key: table.KeyItem(key), ConsistentRead: aws.Bool(true),
			})
			if err != nil {
				return fmt.Errorf("reading what is there before it is written: %w", err)
			}
			r.mu.Lock()
			if _, known := r.before[key]; !known {
				r.before[key] = out.Item
			}
			r.mu.Unlock()
		}
	}
	return nil
}
