package cloud

import (
	"encoding/json"
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
	"time"

	"github.com/google/uuid"

	"mci.example/customers/shared/platform"
)

const (
	// maximumProcesses bounds how many requests one function works on at once; more wait.
	maximumProcesses = 50
	// initTimeout is how long a process may take until it asks for its first request: longer than Lambda's ten seconds,
	// for many may start at once on a machine that is busy.
	initTimeout = time.Minute
	// maximumPayload is Lambda's limit for a request and for an answer.
	maximumPayload = 6 << 20
)

// lambda runs the functions: a process works on one request at a time, is started when no idle one is there, and is
// kept for the next request.
type lambda struct {
	config     Config
	at         Endpoints
	binaries   *build
	values     map[string]string
	clock      *clock
	runtimeAPI string // host:port
	server     *http.Server
	functions  map[string]*function

	mu         sync.Mutex
	processes  map[string]*process // by ID: all that run
	started    int
	generation int
	stopped    bool
}

// function is one deployed function and its idle processes.
type function struct {
	platform.Function
	log   *os.File
	slots chan struct{} // one for each request in work
	mu    sync.Mutex
	idle  []*process // the last one was used last
}

// process is one execution environment.
type process struct {
	id         string
	function   *function
	generation int
	child      *child
	work       chan *invocation // to the process, once it asks for the next request
	leave      chan struct{}    // closed once it shall exit by itself
	leaving    sync.Once
	mu         sync.Mutex
	current    *invocation // handed out and not yet answered
}

// invocation is one request on its way through a process.
type invocation struct {
	id      string
	payload []byte
	taken   chan struct{} // closed once a process has it
	result  chan Result
}

// Result is a function's answer.
type Result struct {
	Payload []byte // the answer, or {"errorMessage","errorType"} of a failure
	Failed  bool   // whether the function failed: returned an error, crashed, or ran into its timeout
}

func startLambda(config Config, at Endpoints, binaries *build, values map[string]string, clock *clock) (*lambda,
	error) {
	l := &lambda{config: config, at: at, binaries: binaries, values: values, clock: clock,
		functions: map[string]*function{}, processes: map[string]*process{}}
	for _, declared := range config.Functions {
		path := filepath.Join(config.StateDir, "logs", declared.Name+".log")
		log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return nil, fmt.Errorf("open a function's log: %w", err)
		}
		l.functions[declared.Name] = &function{Function: declared, log: log, slots: make(chan struct{},
			maximumProcesses)}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Runtime API: %w", err)
	}
	l.runtimeAPI = listener.Addr().String()
	l.server = &http.Server{Handler: l.runtimeHandler()}
	go l.server.Serve(listener) // ends when stop closes the server
	return l, nil
}

// stop ends all processes.
func (l *lambda) stop() {
	l.mu.Lock()
	l.stopped = true
	var running []*process
	for _, p := range l.processes {
		running = append(running, p)
	}
	l.mu.Unlock()
	for _, p := range running {
		p.end()
	}
	l.server.Close()
	for _, f := range l.functions {
		f.log.Close()
	}
}

func (l *lambda) stopping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// replaceProcesses has every later request worked on by a process that is started from now on. Requests in work are
// finished by the process that has them.
func (l *lambda) replaceProcesses() {
	l.mu.Lock()
	l.generation++
	l.mu.Unlock()
	for _, f := range l.functions {
		f.mu.Lock()
		idle := f.idle
		f.idle = nil
		f.mu.Unlock()
		for _, p := range idle {
			p.end()
		}
	}
}

// end ends a process. One that measures coverage writes it down on its own way out: the Runtime API has it exit.
func (p *process) end() {
	if coverage() != "" {
		p.leaving.Do(func() { close(p.leave) })
		select {
		case <-p.child.done:
		case <-time.After(5 * time.Second):
		}
	}
	p.child.kill()
}

// set changes a variable of the functions from the next request on.
func (l *lambda) set(variable, value string) {
	l.mu.Lock()
	l.values[variable] = value
	l.mu.Unlock()
	l.replaceProcesses()
}

// kill ends a process at this point of its work.
func (l *lambda) kill(id string) {
	l.mu.Lock()
	p := l.processes[id]
	l.mu.Unlock()
	if p != nil {
		p.child.kill()
	}
}

// current is the request that a process works on, or "".
func (l *lambda) current(id string) string {
	l.mu.Lock()
	p := l.processes[id]
	l.mu.Unlock()
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return ""
	}
	return p.current.id
}

// invoke has the function answer the payload. Whoever asked may go away meanwhile: the function still runs to its end.
func (l *lambda) invoke(name, id string, payload []byte) Result {
	return l.begin(name, id, payload, make(chan struct{}))
}

// begin is invoke, and closes taken once a process has the request.
func (l *lambda) begin(name, id string, payload []byte, taken chan struct{}) Result {
	f := l.functions[name]
	if f == nil {
		return failure("ResourceNotFoundException", "Function not found: "+functionARN(name))
	}
	if len(payload) > maximumPayload {
		return failure("RequestTooLargeException",
			"Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	}
	f.slots <- struct{}{}
	defer func() { <-f.slots }()
	result := l.run(f, &invocation{id: id, payload: payload, taken: taken, result: make(chan Result, 1)})
	if result.Failed && !l.stopping() {
		fmt.Fprintf(l.config.Output, "%s failed: %s (log: %s)\n", name, result.Payload, f.log.Name())
	}
	return result
}

func (l *lambda) run(f *function, inv *invocation) Result {
	for {
		p, fresh, err := l.process(f)
		if err != nil {
			return failure("Runtime.InvalidEntrypoint", err.Error())
		}
		starting := time.NewTimer(initTimeout)
		select {
		case p.work <- inv:
			starting.Stop()
			close(inv.taken)
			return l.await(p, inv)
		case <-starting.C:
			p.child.kill()
			late := fmt.Sprintf("RequestId: %s Error: the process asked for no request within %s of its start", inv.id,
				initTimeout)
			fmt.Fprintln(f.log, late)
			return failure("Sandbox.Timedout", late)
		case <-p.child.done:
			starting.Stop()
			if fresh {
				return exited(p, inv)
			}
			// It ended while it was idle: the request is none of its business, another process takes it.
		}
	}
}

// await waits for the answer of the process that has taken the request.
func (l *lambda) await(p *process, inv *invocation) Result {
	timeout := time.NewTimer(p.function.Timeout)
	defer timeout.Stop()
	select {
	case result := <-inv.result:
		l.release(p)
		return result
	case <-timeout.C:
		p.child.kill()
		return failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id,
			p.function.Timeout.Seconds()))
	case <-p.child.done:
		select {
		case result := <-inv.result: // it answered, and ended then
			return result
		default:
			return exited(p, inv)
		}
	}
}

// process takes an idle process of the function or starts one.
func (l *lambda) process(f *function) (p *process, fresh bool, err error) {
	f.mu.Lock()
	if last := len(f.idle) - 1; last >= 0 {
		p = f.idle[last]
		f.idle = f.idle[:last]
	}
	f.mu.Unlock()
	if p != nil {
		return p, false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil, false, fmt.Errorf("the one-machine cloud is stopping")
	}
	l.started++
	p = &process{id: f.Name + "-" + strconv.Itoa(l.started), function: f, generation: l.generation,
		work: make(chan *invocation), leave: make(chan struct{})}
	cmd := exec.Command(l.binaries.binary(f.Name))
	cmd.Dir = l.binaries.folder
	cmd.Env = l.environment(f.Function, p.id)
	cmd.Stdout, cmd.Stderr = f.log, f.log
	if p.child, err = spawn(cmd); err != nil {
		return nil, false, err
	}
	l.processes[p.id] = p
	go func() {
		<-p.child.done
		l.mu.Lock()
		delete(l.processes, p.id)
		l.mu.Unlock()
		f.mu.Lock()
		f.idle = slices.DeleteFunc(f.idle, func(other *process) bool { return other == p })
		f.mu.Unlock()
	}()
	return p, true, nil
}

// release keeps the process for the next request, unless it is of another time.
func (l *lambda) release(p *process) {
	l.mu.Lock()
	current := p.generation == l.generation && !l.stopped
	if current && p.child.running() {
		p.function.mu.Lock()
		p.function.idle = append(p.function.idle, p)
		p.function.mu.Unlock()
	}
	l.mu.Unlock()
	if !current {
		p.end()
	}
}

// runtimeHandler is the Runtime API. Every process has a path of its own, so that none can speak for another.
func (l *lambda) runtimeHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, handler func(*process, http.ResponseWriter, *http.Request)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /{process}/2018-06-01/runtime/"+path, func(w http.ResponseWriter, r *http.Request) {
			l.mu.Lock()
			p := l.processes[r.PathValue("process")]
			l.mu.Unlock()
			if p == nil {
				runtimeError(w, http.StatusForbidden, "UnknownProcess", "No such process")
				return
			}
			handler(p, w, r)
		})
	}
	handle("GET invocation/next", l.next)
	handle("POST invocation/{id}/response", l.response)
	handle("POST invocation/{id}/error", l.error)
	handle("POST init/error", l.initError)
	return mux
}

// next hands the process its next request, once there is one.
func (l *lambda) next(p *process, w http.ResponseWriter, r *http.Request) {
	select {
	case inv := <-p.work:
		p.mu.Lock()
		p.current = inv
		p.mu.Unlock()
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(p.function.Timeout).UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN(p.function.Name))
		header.Set("Lambda-Runtime-Trace-Id", traceID()+";Parent=0000000000000000;Sampled=0")
		w.Write(inv.payload) // a process that is gone by now is noticed where its answer is awaited
	case <-p.leave:
		runtimeError(w, http.StatusGone, "Shutdown", "No request will come any more")
	case <-r.Context().Done():
	case <-p.child.done:
	}
}

func (l *lambda) response(p *process, w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, maximumPayload+1))
	if err != nil {
		runtimeError(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	if len(payload) > maximumPayload {
		tooLarge := failure("Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (6291556 bytes).")
		if p.answer(r.PathValue("id"), tooLarge) {
			runtimeError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
				"Exceeded maximum allowed payload size")
		}
		return
	}
	l.accept(p, w, r, Result{Payload: payload})
}

func (l *lambda) error(p *process, w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, maximumPayload))
	if err != nil {
		runtimeError(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	l.accept(p, w, r, Result{Payload: payload, Failed: true})
}

func (l *lambda) accept(p *process, w http.ResponseWriter, r *http.Request, result Result) {
	if !p.answer(r.PathValue("id"), result) {
		runtimeError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

// initError is how a process says that it cannot start. It ends then, which fails the request it was started for.
func (l *lambda) initError(_ *process, w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

// answer passes on the result if the process has that very request in work.
func (p *process) answer(id string, result Result) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || p.current.id != id {
		return false
	}
	p.current.result <- result
	p.current = nil
	return true
}

func runtimeError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(failure(kind, message).Payload)
}

// failure is how Lambda itself words what went wrong with a function.
func failure(kind, message string) Result {
	payload, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		panic(err) // two strings always encode
	}
	return Result{Payload: payload, Failed: true}
}

func exited(p *process, inv *invocation) Result {
	how := "exit status 0"
	if p.child.err != nil {
		how = p.child.err.Error()
	}
	return failure("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", inv.id, how))
}

func functionARN(name string) string {
	return "arn:aws:lambda:" + Region + ":" + Account + ":function:" + name
}

func newID() string { return uuid.NewString() }

// Invoke has the function answer the payload, as an event source would, under the given request ID.
func (c *Cloud) Invoke(function, requestID string, payload []byte) Result {
	return c.lambda.invoke(function, requestID, payload)
}

// Kill ends a function's process, wherever it is in its work.
func (c *Cloud) Kill(process string) { c.lambda.kill(process) }

// CurrentRequest is the ID of the request that a process works on, or "".
func (c *Cloud) CurrentRequest(process string) string { return c.lambda.current(process) }
