package localtest

import (
	"sync"
	"testing"
	"time"
)

// A round trip is over once a function that has all its answers was found at rest, and to have asked nothing more, at
// so many looks, one after another. One that waits for a processor is not at rest, so that a busy machine makes no
// round trips out of requests that a function sends at once.
const (
	looks = 3
	pause = 50 * time.Millisecond // between looks
)

// Measure has the proxy count round trips and consumed capacity until the test ends. It holds back all answers until
// the function has asked nothing more for a moment, so that requests made at the same time are counted as one round
// trip however fast the engine is. Tests that measure do not run in parallel.
func Measure(t testing.TB) {
	t.Helper()
	set := func(on bool) {
		running.proxy.mu.Lock()
		defer running.proxy.mu.Unlock()
		running.proxy.measuring = on
	}
	set(true)
	t.Cleanup(func() { set(false) })
}

// waves groups a process's requests into round trips.
type waves struct {
	working    func() bool // whether the process has something to do
	mu         sync.Mutex
	invocation string
	number     int
	open       bool
	inFlight   int
	release    chan struct{} // closed when the round trip is over
	timer      *time.Timer   // to the next look
	atRest     int           // at how many looks the process was
}

// wave is one request's part in a round trip; nil when nothing is measured.
type wave struct {
	waves   *waves
	release chan struct{}
	left    sync.Once
}

// arrive puts the request into the process's present round trip, or begins the next one.
func (p *proxy) arrive(request *Request) *wave {
	p.mu.Lock()
	// The keys of receipts are asked for as a process starts, beside what it was started for.
	if !p.measuring || request.Action == "GetPublicKey" {
		p.mu.Unlock()
		return nil
	}
	ws := p.measurement[request.Process]
	if ws == nil {
		ws = &waves{working: func() bool { return p.cloud.Working(request.Process) }}
		p.measurement[request.Process] = ws
	}
	p.mu.Unlock()

	ws.mu.Lock()
	if ws.invocation != request.Invocation {
		ws.invocation, ws.number = request.Invocation, 0
	}
	if !ws.open {
		ws.open, ws.release = true, make(chan struct{})
		ws.number++
	}
	number := ws.number
	ws.inFlight++
	if ws.timer != nil {
		ws.timer.Stop()
	}
	w := &wave{waves: ws, release: ws.release}
	ws.mu.Unlock()

	p.mu.Lock()
	request.Wave = number
	p.mu.Unlock()
	return w
}

// leave takes the request out of its round trip: its answer is here, or never comes. Leaving twice does nothing.
func (w *wave) leave() {
	if w == nil {
		return
	}
	w.left.Do(func() {
		w.waves.mu.Lock()
		defer w.waves.mu.Unlock()
		w.waves.inFlight--
		if w.waves.inFlight == 0 {
			w.waves.atRest = 0
			w.waves.timer = time.AfterFunc(pause, w.waves.look)
		}
	})
}

// wait holds the answer back until the round trip is over.
func (w *wave) wait() {
	if w == nil {
		return
	}
	w.leave()
	<-w.release
}

// look lets all answers of the round trip go once it is over, unless a request has come meanwhile.
func (ws *waves) look() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if !ws.open || ws.inFlight > 0 {
		return
	}
	if ws.atRest++; ws.working() {
		ws.atRest = 0
	}
	if ws.atRest < looks {
		ws.timer = time.AfterFunc(pause, ws.look)
		return
	}
	ws.open = false
	close(ws.release)
}
