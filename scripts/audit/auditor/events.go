package auditor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// told are the hashes of a claim's events that left the system as domain events, by the events' numbers. One that left
// with two hashes is kept with both.
type told map[int][]hashes

type hashes struct{ own, previous string }

// domainEvent is what a domain event tells, or its envelope, or a list of either.
type domainEvent struct {
	Events []json.RawMessage `json:"events"` // as /local/events answers
	Detail json.RawMessage   `json:"detail"` // of EventBridge's envelope

	ClaimID      mci.ClaimID `json:"claimId"`
	Seq          any         `json:"seq"`
	Hash         string      `json:"hash"`
	PreviousHash string      `json:"previousHash"`
}

// readEvents reads domain events, as the bus or its archive gives them: one after another, or in a list.
func readEvents(reader io.Reader) (map[mci.ClaimID]told, error) {
	left := map[mci.ClaimID]told{}
	decoder := json.NewDecoder(reader)
	for number := 1; ; number++ {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = readEvent(left, value)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the domain events: entry %d: %w", number, err)
		}
	}
	if len(left) == 0 {
		return nil, errors.New("reading the domain events: there are none")
	}
	return left, nil
}

func readEvent(left map[mci.ClaimID]told, value json.RawMessage) error {
	var list []json.RawMessage
	var event domainEvent
	if bytes.HasPrefix(bytes.TrimSpace(value), []byte("[")) {
		if err := json.Unmarshal(value, &list); err != nil {
			return err
		}
	} else if err := json.Unmarshal(value, &event); err != nil {
		return err
	}
	switch list = append(list, event.Events...); {
	case len(list) > 0 || event.Events != nil:
		for _, inner := range list {
			if err := readEvent(left, inner); err != nil {
				return err
			}
		}
		return nil
	case event.Detail != nil:
		return readEvent(left, event.Detail)
	}
	seq, err := strconv.Atoi(fmt.Sprint(event.Seq))
	if _, isID := mci.ParseClaimID(string(event.ClaimID)); !isID || err != nil || event.Hash == "" {
		return errors.New("it is no domain event: it needs claimId, seq and hash")
	}
	if left[event.ClaimID] == nil {
		left[event.ClaimID] = told{}
	}
	left[event.ClaimID][seq] = append(left[event.ClaimID][seq], hashes{event.Hash, event.PreviousHash})
	return nil
}

// compareEvents holds the histories of the claims of which domain events tell against these events: a history that was
// rewritten in the table, whole and with its hashes, differs from what left the system (B4).
func (a *auditor) compareEvents(ctx context.Context) error {
	if a.options.Events == nil {
		return nil
	}
	left, err := readEvents(a.options.Events)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(a.options.Workers)
	for id, told := range left {
		group.Go(func() error {
			return a.settle(ctx, func() ([]Violation, error) {
				history, err := a.table.History(ctx, id)
				return judgeEvents(id, history, told), err
			})
		})
	}
	return group.Wait()
}

// judgeEvents holds a claim's history against its domain events. Those before the first one told may have left before
// the file begins; the first one's previous hash vouches for them.
func judgeEvents(id mci.ClaimID, history mci.History, told told) []Violation {
	j := &judgement{key: table.ClaimKey(id)}
	first := 0
	for seq := range told {
		if first == 0 || seq < first {
			first = seq
		}
	}
	stored := map[int]hashes{}
	for _, event := range history.Events {
		stored[event.Seq] = hashes{event.Hash, event.PreviousHash}
		j.must(event.Seq < first || told[event.Seq] != nil, EventRule,
			"event %d, %s, is not among the domain events: it was planted, or has left since these were fetched",
			event.Seq,
			event.Type)
	}
	for seq, all := range told {
		for _, left := range all {
			own, found := stored[seq]
			j.must(found, EventRule, "event %d left the system, and the table has none", seq)
			same := own.own == left.own && (left.previous == "" || own.previous == left.previous)
			j.must(!found || same, EventRule, "event %d left the system with hash %s, and the table has %s", seq,
				left.own, own.own)
		}
	}
	return j.found
}
