package localtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/capacity"
	"mci.example/customers/scripts/local/cloud"
)

// The services that the proxy stands in front of.
const (
	DynamoDBService = "dynamodb"
	SESService      = "ses"
	KMSService      = "kms"
)

// Request is one request that a function made to an engine.
type Request struct {
	Function   string
	Process    string // the execution environment
	Invocation string // the RequestID of the call it was made for; "" while the process started
	Service    string
	Action     string // "TransactWriteItems", "SendEmail"
	Body       []byte
	Status     int    // of the answer, 0 if there was none
	Answer     []byte // what the engine answered, whether or not the function got it
	Start, End time.Time
	Wave       int     // which round trip of the invocation it belongs to, from 1; 0 unless measured
	Capacity   float64 // consumed capacity units; 0 unless measured
	Fault      Effect  // what was done to it, "" for nothing
}

// keptInvocations bounds what the proxy remembers, for test binaries that run for long.
const keptInvocations = 5000

// proxy stands between the functions and the engines. Its address carries the function and the process, so that it
// knows who asks.
type proxy struct {
	address   string
	server    *http.Server
	transport *http.Transport
	connected chan struct{} // closed once the cloud is known
	cloud     *cloud.Cloud

	mu          sync.Mutex
	finished    *sync.Cond            // by mu: a request was answered
	records     map[string][]*Request // by invocation
	order       []string              // of invocations, oldest first
	actions     map[string]map[string]bool
	mail        chan struct{} // closed at the next email
	faults      []*Injected
	measuring   bool
	measurement map[string]*waves // by process
}

func startProxy() (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{
		address: "http://" + listener.Addr().String(),
		// The engines close what is idle for five seconds; a request on such a connection would be lost.
		transport: &http.Transport{
			MaxIdleConnsPerHost: 200, DisableCompression: true, IdleConnTimeout: 2 * time.Second,
		},
		connected:   make(chan struct{}),
		records:     map[string][]*Request{},
		actions:     map[string]map[string]bool{},
		mail:        make(chan struct{}),
		measurement: map[string]*waves{},
	}
	p.finished = sync.NewCond(&p.mu)
	p.server = &http.Server{Handler: p}
	go p.server.Serve(listener) // ends when stop closes the server
	return p, nil
}

func (p *proxy) stop() { p.server.Close() }

// connect tells the proxy where the engines are.
func (p *proxy) connect(c *cloud.Cloud) {
	p.cloud = c
	close(p.connected)
}

// endpoints are those that a function's process is started with.
func (p *proxy) endpoints(function, process string) cloud.Endpoints {
	of := func(service string) string { return p.address + "/" + service + "/" + function + "/" + process }
	return cloud.Endpoints{DynamoDB: of(DynamoDBService), SES: of(SESService), KMS: of(KMSService)}
}

// ServeHTTP passes a request on to its engine and the answer back, with what tests want done to it on the way.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-p.connected
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 4)
	body, err := io.ReadAll(r.Body)
	if err != nil || len(parts) < 3 {
		panic(http.ErrAbortHandler) // the function is gone
	}
	request := &Request{Service: parts[0], Function: parts[1], Process: parts[2], Body: body, Start: time.Now(),
		Invocation: p.cloud.CurrentRequest(parts[2])}
	path := "/"
	if len(parts) == 4 {
		path += parts[3]
	}
	request.Action = action(request.Service, r, path)

	fault := p.record(request)
	measured := p.arrive(request)
	defer measured.leave()
	if !fault.before(w, r, p.cloud, request) {
		return
	}
	status, header, answer, err := p.forward(r, path, request, measured != nil)
	p.finish(request, status, answer)
	if err != nil {
		panic(http.ErrAbortHandler) // the engine is gone; so is the answer
	}
	measured.wait()
	if !fault.after(p.cloud, request) {
		panic(http.ErrAbortHandler)
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	w.Write(answer) // a function that is gone by now is what some tests want
}

// action is what the request asks for.
func action(service string, r *http.Request, path string) string {
	if service != SESService {
		_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		return name
	}
	if r.Method == http.MethodPost && path == "/v2/email/outbound-emails" {
		return "SendEmail"
	}
	return r.Method + " " + path
}

// forward has the engine answer.
func (p *proxy) forward(r *http.Request, path string, request *Request, measured bool) (int, http.Header, []byte,
	error) {
	at, body := p.cloud.Endpoints(), request.Body
	endpoint := map[string]string{DynamoDBService: at.DynamoDB, SESService: at.SES, KMSService: at.KMS}[request.Service]
	if measured && request.Service == DynamoDBService {
		body = capacity.Ask(request.Action, body)
	}
	out, err := http.NewRequest(r.Method, strings.TrimSuffix(endpoint, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	out.URL.RawQuery = r.URL.RawQuery
	out.Header = r.Header.Clone()
	answer, err := p.transport.RoundTrip(out)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, content, err
}

// record keeps the request and finds the fault that is meant for it, if any.
func (p *proxy) record(request *Request) *Injected {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.records[request.Invocation]; !known {
		p.order = append(p.order, request.Invocation)
		if len(p.order) > keptInvocations {
			delete(p.records, p.order[0])
			p.order = p.order[1:]
		}
	}
	p.records[request.Invocation] = append(p.records[request.Invocation], request)
	if p.actions[request.Function] == nil {
		p.actions[request.Function] = map[string]bool{}
	}
	p.actions[request.Function][request.Service+":"+request.Action] = true
	for _, fault := range p.faults {
		if fault.hits(request) {
			request.Fault = fault.fault.Effect
			return fault
		}
	}
	return nil
}

func (p *proxy) finish(request *Request, status int, answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	request.Status, request.Answer, request.End = status, answer, time.Now()
	request.Capacity = capacity.Of(answer)
	p.finished.Broadcast()
	if request.Action == "SendEmail" && status == http.StatusOK {
		close(p.mail)
		p.mail = make(chan struct{})
	}
}

// settle returns once the engines are done with all that was asked of them for the invocation, whoever is left to hear
// of it. What a fault has stopped is not waited for.
func (p *proxy) settle(invocation string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for slices.ContainsFunc(p.records[invocation], func(r *Request) bool { return r.Fault == "" && r.End.IsZero() }) {
		p.finished.Wait()
	}
}

// nextMail is closed when the next email has reached the mailbox.
func (p *proxy) nextMail() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mail
}

func (p *proxy) requests(invocation string) []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := make([]Request, len(p.records[invocation]))
	for i, request := range p.records[invocation] {
		requests[i] = *request
	}
	return requests
}

// Requests are those of the function that are remembered, in their order, whatever they were made for.
func Requests(function string) []Request {
	p := running.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	var requests []Request
	for _, invocation := range p.order {
		for _, request := range p.records[invocation] {
			if request.Function == function {
				requests = append(requests, *request)
			}
		}
	}
	slices.SortStableFunc(requests, func(a, b Request) int { return a.Start.Compare(b.Start) })
	return requests
}

// Actions are all that the function has asked for so far, as in "dynamodb:Query", sorted.
func Actions(function string) []string {
	p := running.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	var actions []string
	for action := range p.actions[function] {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	return actions
}

// Parameters reads the request's JSON.
func (r Request) Parameters(t testing.TB) map[string]any {
	t.Helper()
	var parameters map[string]any
	if err := json.Unmarshal(r.Body, &parameters); err != nil {
		t.Fatalf("%v in the request %s", err, r.Body)
	}
	return parameters
}
