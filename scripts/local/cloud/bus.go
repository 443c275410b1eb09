package cloud

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"mci.example/customers/shared/platform"
)

// Rule is a rule on the bus: events that match the pattern are handed to the function.
type Rule struct {
	Function string
	Pattern  string
}

const (
	// deliveryTries is how often a function is tried with an event: Lambda repeats what it was invoked with
	// asynchronously twice.
	deliveryTries = 3
	// deliveries bounds how many events are on their way at once.
	deliveries = 10
)

// bus is the bus of domain events: it keeps every event, hands it to the functions that a rule names, at least once,
// and tells whoever asks.
type bus struct {
	config   Config
	rules    []parsedRule
	lambda   *lambda
	clock    *clock
	doneFile string
	slots    chan struct{} // one for each event on its way
	running  sync.WaitGroup

	mu      sync.Mutex
	events  *os.File
	size    int64       // of the events' file
	pending []*delivery // not yet delivered, or behind one that is not
	noted   int64       // what the file says is delivered
	changed chan struct{}
}

type parsedRule struct {
	function string
	pattern  pattern
}

// delivery is one event's way to all functions that it is for.
type delivery struct {
	end  int64 // where its line ends in the events' file
	done bool
}

// openBus goes on with what the last run had not delivered.
func openBus(ctx context.Context, config Config, lambda *lambda, clock *clock) (*bus, error) {
	b := &bus{config: config, lambda: lambda, clock: clock, doneFile: filepath.Join(config.StateDir,
		"events-delivered"), slots: make(chan struct{}, deliveries), changed: make(chan struct{})}
	for _, rule := range config.Rules {
		parsed, err := parsePattern(rule.Pattern)
		if err != nil {
			return nil, fmt.Errorf("the rule of %s: %w", rule.Function, err)
		}
		b.rules = append(b.rules, parsedRule{rule.Function, parsed})
	}
	var err error
	path := filepath.Join(config.StateDir, "events.jsonl")
	if b.events, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open the events' file: %w", err)
	}
	var delivered int64
	kept, err := os.ReadFile(b.doneFile)
	if err == nil {
		delivered, err = strconv.ParseInt(strings.TrimSpace(string(kept)), 10, 64)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read how many events were delivered: %w", err)
	}
	var left [][]byte
	err = b.read(func(line []byte) {
		if b.size += int64(len(line)); b.size > delivered {
			left = append(left, bytes.Clone(line))
		}
	})
	if err == nil {
		err = b.events.Truncate(b.size) // a run that was killed may have left half a line
	}
	if err != nil {
		return nil, fmt.Errorf("read the events' file: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	end := b.size
	for _, line := range left {
		end -= int64(len(line))
	}
	for _, line := range left {
		end += int64(len(line))
		b.send(ctx, line, end)
	}
	b.note()
	return b, nil
}

// read goes through all lines of the events' file that are whole.
func (b *bus) read(f func(line []byte)) error {
	if _, err := b.events.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(b.events)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f(line)
	}
}

// put is the pipe's end: it makes events of records of the stream, as the stack's pipe does, keeps them, and sends them
// on their way.
func (b *bus) put(ctx context.Context, records []streamRecord) error {
	var lines [][]byte
	for _, record := range records {
		event, err := domainEvent(record.event, b.clock.now())
		if err != nil {
			return err
		}
		lines = append(lines, append(event, '\n'))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.events.WriteAt(bytes.Join(lines, nil), b.size); err != nil {
		return fmt.Errorf("keep events: %w", err)
	}
	for _, line := range lines {
		b.size += int64(len(line))
		b.send(ctx, line, b.size)
	}
	b.note()
	return nil
}

// domainEvent is a record of the stream as an event in EventBridge's envelope.
func domainEvent(record []byte, at time.Time) ([]byte, error) {
	var change struct {
		Dynamodb struct {
			NewImage map[string]map[string]any
		} `json:"dynamodb"`
	}
	if err := json.Unmarshal(record, &change); err != nil {
		return nil, fmt.Errorf("read a record of the stream: %w", err)
	}
	detail := map[string]string{}
	for attribute, kind := range platform.DomainEvents.Detail {
		// A missing attribute is empty.
		detail[attribute], _ = change.Dynamodb.NewImage[attribute][kind].(string)
	}
	event, err := json.Marshal(map[string]any{"version": "0", "id": newID(), "source": platform.DomainEvents.Source,
		"detail-type": detail["type"], "account": Account, "time": at.UTC().Format(time.RFC3339), "region": Region,
		"resources": []string{}, "detail": detail})
	if err != nil {
		return nil, fmt.Errorf("encode an event: %w", err)
	}
	return event, nil
}

// send sends an event on its way. b.mu is held.
func (b *bus) send(ctx context.Context, event []byte, end int64) {
	var functions []string
	for _, rule := range b.rules {
		matched, err := rule.pattern.matches(event)
		if err != nil {
			fmt.Fprintf(b.config.Output, "an event cannot be read: %v\n", err)
		}
		if matched {
			functions = append(functions, rule.function)
		}
	}
	sent := &delivery{end: end}
	b.pending = append(b.pending, sent)
	if len(functions) == 0 {
		sent.done = true
		return
	}
	b.running.Go(func() {
		b.slots <- struct{}{}
		defer func() { <-b.slots }()
		for _, function := range functions {
			if !b.deliver(ctx, function, event) {
				return // the next run goes on with it
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		sent.done = true
		b.note()
	})
}

// deliver has the function take the event, or gives it up after some tries. It says false where ctx is over before.
func (b *bus) deliver(ctx context.Context, function string, event []byte) bool {
	backoff := firstBackoff
	for try := 1; ; try++ {
		requestID := newID()
		result := b.lambda.invoke(function, requestID, bytes.TrimSpace(event))
		if ctx.Err() != nil {
			return false // the function was stopped, which is no failure of its own
		}
		if !result.Failed {
			return true
		}
		if try == deliveryTries {
			err := writeDeadLetter(b.config, function, map[string]any{
				"version": "1.0", "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
				"requestContext": map[string]any{"requestId": requestID, "functionArn": functionARN(function),
					"condition": "RetriesExhausted", "approximateInvokeCount": try},
				"requestPayload": json.RawMessage(event),
				"responseContext": map[string]any{"statusCode": 200, "executedVersion": "$LATEST",
					"functionError": "Unhandled"},
				"responsePayload": json.RawMessage(result.Payload),
			})
			if err != nil {
				fmt.Fprintln(b.config.Output, err)
			}
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, longestBackoff)
	}
}

// note writes down up to where events were delivered. b.mu is held.
func (b *bus) note() {
	delivered := b.noted
	for len(b.pending) > 0 && b.pending[0].done {
		delivered = b.pending[0].end
		b.pending = b.pending[1:]
	}
	if delivered == b.noted {
		return
	}
	b.noted = delivered
	if err := writeFile(b.doneFile, strconv.AppendInt(nil, delivered, 10)); err != nil {
		fmt.Fprintf(b.config.Output, "what was delivered is not kept, so it comes again after a restart: %v\n", err)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// drain returns once every event was delivered or given up that was put until now.
func (b *bus) drain(ctx context.Context) error {
	b.mu.Lock()
	end := b.size
	b.mu.Unlock()
	for {
		b.mu.Lock()
		delivered, changed := len(b.pending) == 0 || b.pending[0].end > end, b.changed
		b.mu.Unlock()
		if delivered {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// of lists the events of a claim, oldest first, or all where the claim is "".
func (b *bus) of(claimID string) ([]json.RawMessage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []json.RawMessage{}
	err := b.read(func(line []byte) {
		var event struct {
			Detail struct {
				ClaimID string `json:"claimId"`
			} `json:"detail"`
		}
		mayBe := bytes.Contains(line, []byte(claimID)) // which spares reading most of the others
		if claimID == "" || mayBe && json.Unmarshal(line, &event) == nil && event.Detail.ClaimID == claimID {
			found = append(found, bytes.TrimSpace(line))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the events' file: %w", err)
	}
	return found, nil
}

// stop waits for the deliveries that a context that is over has ended.
func (b *bus) stop() {
	b.running.Wait()
	b.events.Close()
}

// writeDeadLetter writes down what a function could not be given, as its dead-letter queue gets it.
func writeDeadLetter(config Config, function string, letter map[string]any) error {
	encoded, err := json.Marshal(letter)
	if err != nil {
		return fmt.Errorf("encode a dead letter: %w", err)
	}
	path := filepath.Join(config.StateDir, "dead-letters.jsonl")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write a dead letter: %w", err)
	}
	defer file.Close()
	if _, err := file.Write(append(encoded, '\n')); err != nil {
		return fmt.Errorf("write a dead letter: %w", err)
	}
	fmt.Fprintf(config.Output, "a dead letter of %s: see %s\n", function, path)
	return nil
}
