// Package auditor reads a whole table and says what in it breaks the rules that must always hold, however the system
// was used, crashed or raced.
//
// It only reads. A parallel scan names what there is to judge; each claim, participation and customer is then read with
// all that it stands on, and what looks wrong is read again before it is told, so that a table may be judged while it
// is at work. In memory it keeps 16 bytes for each customer that consented to a partner and for each that completed a
// claim; all else passes by.
package auditor

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// Options change how a table is judged. The zero value judges it by the real clock, silently.
type Options struct {
	Now      func() time.Time // by which deadlines pass
	Progress func(items int64)
	Workers  int // items judged at a time; 0 for a number that suits

	Keys *jose.JSONWebKeySet // of receipts; nil: receipts are compared with their claims, and no signature is verified

	Events io.Reader // domain events: what left the system must be what the table holds

	Snapshot io.Writer // is told of every claim that has ended
	Earlier  io.Reader // an earlier Snapshot: what had ended then must be the same now
}

const (
	defaultWorkers = 16
	segments       = 4
	looks          = 4 // at what seems wrong, before it is told
	mostKept       = 10_000
)

// Report is what was found.
type Report struct {
	Items      int64 // looked at
	Claims     int64 // judged, as are those below
	Places     int64
	Customers  int64
	Violations []Violation // at most 10,000
	More       int64       // violations beyond those
}

// Run judges the table. An error is one of reading it.
func Run(ctx context.Context, client *dynamodb.Client, tableName string, options Options) (Report, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Workers == 0 {
		options.Workers = defaultWorkers
	}
	a := &auditor{
		table: table.New(client, tableName), options: options,
		consented: map[digest]struct{}{}, known: map[digest]table.Key{}, completed: map[digest]tally{},
	}
	var err error
	if a.catalogue, err = a.table.FreshCatalogue(ctx); err != nil {
		return Report{}, fmt.Errorf("reading the engagements: %w", err)
	}
	for _, step := range []func(context.Context) error{a.scan, a.settleKnown, a.settleCompleted, a.compare,
		a.compareEvents} {
		if err := step(ctx); err != nil {
			return a.report, err
		}
	}
	a.report.Items = a.items.Load()
	slices.SortFunc(a.report.Violations, func(x, y Violation) int {
		return compareStrings(x.Key.PK, y.Key.PK, x.Key.SK, y.Key.SK, x.Detail, y.Detail)
	})
	return a.report, nil
}

// compareStrings compares pairs of strings until one differs.
func compareStrings(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != pairs[i+1] {
			if pairs[i] < pairs[i+1] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// digest stands for a pair of IDs.
type digest [16]byte

func digestOf(first, second string) digest {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%d:%s%s", len(first), first, second)))
	return digest(sum[:16])
}

// tally is how many claims a customer completed on an engagement, less those that its participation counts.
type tally struct {
	open int
	key  table.Key // of the participation, once it was seen
}

type auditor struct {
	table     *table.Table
	options   Options
	catalogue table.Catalogue
	items     atomic.Int64

	mu        sync.Mutex
	report    Report
	consented map[digest]struct{}  // partners and customers with the consent from which on the customer is known
	known     map[digest]table.Key // and those known of whom that consent was not seen yet
	completed map[digest]tally     // customers and engagements whose count is not even yet
}

// found notes violations.
func (a *auditor) found(violations []Violation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, violation := range violations {
		if len(a.report.Violations) < mostKept {
			a.report.Violations = append(a.report.Violations, violation)
		} else {
			a.report.More++
		}
	}
}

// settle judges until nothing is wrong, or what is wrong has been looked at a few times: between two reads of a table
// at work a claim may have moved on.
func (a *auditor) settle(ctx context.Context, judge func() ([]Violation, error)) error {
	for look := 1; ; look++ {
		violations, err := judge()
		if err != nil || len(violations) == 0 {
			return err
		}
		if look == looks {
			a.found(violations)
			return nil
		}
		timer := time.NewTimer(time.Duration(look) * 10 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// scanned are the attributes that tell what an item is and whom it names.
const scanned = "pk, sk, partnerId, claimId"

// scan goes through the whole table, in parallel segments.
func (a *auditor) scan(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan func(context.Context) error)
	var scanning errgroup.Group
	for segment := range segments {
		scanning.Go(func() error { return a.segment(ctx, segment, work) })
	}
	group.Go(func() error {
		defer close(work)
		return scanning.Wait()
	})
	for range a.options.Workers {
		group.Go(func() error {
			for judge := range work {
				if err := judge(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (a *auditor) segment(ctx context.Context, segment int, work chan<- func(context.Context) error) error {
	var last mci.ClaimID // whose history the latest item belongs to: items of one partition come together
	return a.table.Segment(ctx, segment, segments, scanned, func(items []table.Item) error {
		for _, item := range items {
			judge := a.judge(item, &last)
			if judge == nil {
				continue
			}
			select {
			case work <- judge:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		seen := a.items.Add(int64(len(items)))
		if a.options.Progress != nil {
			a.options.Progress(seen)
		}
		return nil
	})
}

// judge gives what is to be done about an item, nil for nothing.
func (a *auditor) judge(item table.Item, last *mci.ClaimID) func(context.Context) error {
	key := table.KeyOf(item)
	switch key.Kind() {
	case table.ClaimKind:
		return func(ctx context.Context) error { return a.claim(ctx, key) }
	case table.BirthKind:
		id := table.ClaimIDAt(key)
		return func(ctx context.Context) error { return a.belongs(ctx, key, id, OwnerRule) }
	case table.ParticipationKind:
		return func(ctx context.Context) error { return a.participation(ctx, key) }
	case table.KnownKind:
		return func(ctx context.Context) error { return a.nominated(ctx, key) }
	case table.PartnerKind:
		return func(context.Context) error { return a.owned(key, text(item, "partnerId")) }
	case table.MessageKind:
		id := mci.ClaimID(text(item, "claimId"))
		return func(ctx context.Context) error { return a.belongs(ctx, key, id, OwnerRule) }
	case table.EventKind, table.PrivateKind, table.LinkKind:
		id := mci.ClaimID(key.Owner())
		if id == *last {
			return nil
		}
		*last = id
		return func(ctx context.Context) error { return a.belongs(ctx, key, id, HistoryRule) }
	}
	return nil
}

func text(item table.Item, name string) string {
	value, _ := item[name].(*types.AttributeValueMemberS)
	if value == nil {
		return ""
	}
	return value.Value
}

// claim judges a claim with all that follows from it.
func (a *auditor) claim(ctx context.Context, key table.Key) error {
	id := table.ClaimIDAt(key)
	if _, isID := mci.ParseClaimID(string(id)); !isID || table.ClaimKey(id) != key {
		a.found([]Violation{{OwnerRule, key, "the key is no claim's"}})
		return nil
	}
	var s table.Surroundings
	err := a.settle(ctx, func() (violations []Violation, err error) {
		if s, err = a.table.Surroundings(ctx, id); err != nil {
			return nil, err
		}
		if !s.Found {
			return []Violation{{OwnerRule, key, "the claim was never born"}}, nil
		}
		return judgeClaim(id, s, a.options.Keys, a.options.Now()), nil
	})
	if err != nil || !s.Found {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Claims++
	claim := s.Claim
	if consentsSince(claim, s.Nominated) {
		pair := digestOf(claim.PartnerID, claim.Customer.ID)
		a.consented[pair] = struct{}{}
		delete(a.known, pair)
	}
	if claim.Status == mci.Completed {
		a.count(claim.Customer.ID, claim.EngagementID, 1, table.Key{})
	}
	if claim.Status.Terminal() && a.options.Snapshot != nil {
		return writeSnapshot(a.options.Snapshot, claim)
	}
	return nil
}

// consentsSince says whether the claim's consent is the one from which on the customer is known to the partner.
func consentsSince(claim mci.Claim, n mci.NominatedCustomer) bool {
	return n.Known() && claim.Customer.ID == n.Customer.ID && claim.ConsentedAt != nil &&
		claim.ConsentedAt.Equal(*n.KnownSince)
}

// count adds to a tally, and forgets one that is even. The auditor must be locked.
func (a *auditor) count(customerID, engagementID string, n int, key table.Key) {
	pair := digestOf(customerID, engagementID)
	t := a.completed[pair]
	t.open += n
	if key != (table.Key{}) {
		t.key = key
	}
	a.completed[pair] = t
	if t.open == 0 {
		delete(a.completed, pair)
	}
}

// participation judges a customer's part in an engagement with the claims that hold places in it.
func (a *auditor) participation(ctx context.Context, key table.Key) error {
	var p mci.Participation
	err := a.settle(ctx, func() (violations []Violation, err error) {
		if p, err = a.table.Participation(ctx, key); err != nil {
			return nil, err
		}
		claims := map[mci.ClaimID]mci.Claim{}
		for id := range p.Places {
			claim, found, err := a.table.Claim(ctx, id)
			if err != nil {
				return nil, err
			}
			if found {
				claims[id] = claim
			}
		}
		return judgeParticipation(key, p, claims, a.catalogue[p.EngagementID], a.options.Now()), nil
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Places += int64(len(p.Places))
	if p.Completed != 0 {
		a.count(p.CustomerID, p.EngagementID, -p.Completed, key)
	}
	return nil
}

// nominated judges what a partner has to do with a customer.
func (a *auditor) nominated(ctx context.Context, key table.Key) error {
	var n mci.NominatedCustomer
	err := a.settle(ctx, func() (violations []Violation, err error) {
		var misplaced []string
		if n, misplaced, err = a.table.NominatedAsStored(ctx, key); err != nil {
			return nil, err
		}
		return judgeNominated(key, n, misplaced), nil
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Customers++
	pair := digestOf(n.PartnerID, n.Customer.ID)
	if _, consented := a.consented[pair]; n.Known() && !consented {
		a.known[pair] = key
	}
	return nil
}

// owned judges an item of a partner's own by the partner that it names.
func (a *auditor) owned(key table.Key, partnerID string) error {
	if key.Owner() != partnerID {
		a.found([]Violation{{OwnerRule, key, "the item says that it is partner " + partnerID + "'s"}})
	}
	return nil
}

// belongs judges an item that stands on a claim: there must be one.
func (a *auditor) belongs(ctx context.Context, key table.Key, id mci.ClaimID, rule Rule) error {
	return a.settle(ctx, func() ([]Violation, error) {
		if _, isID := mci.ParseClaimID(string(id)); isID {
			if _, found, err := a.table.Claim(ctx, id); err != nil || found {
				return nil, err
			}
		}
		return []Violation{{rule, key, fmt.Sprintf("there is no claim %s", id)}}, nil
	})
}

// settleKnown looks for the consents of customers who are known and of whom the consent that made them so was not seen.
func (a *auditor) settleKnown(ctx context.Context) error {
	for _, key := range a.known {
		n, _, err := a.table.NominatedAsStored(ctx, key)
		if err != nil {
			return err
		}
		consented := false
		if err := a.table.EveryClaim(ctx, key.Owner(), func(claim mci.Claim) bool {
			consented = consentsSince(claim, n)
			return consented
		}); err != nil {
			return err
		}
		if n.Known() && !consented {
			a.found([]Violation{{KnownRule, key,
				"the customer consented to nothing at the instant since which they are known"}})
		}
	}
	return nil
}

// settleCompleted counts anew where a customer's completed claims are not as many as its participation says.
func (a *auditor) settleCompleted(ctx context.Context) error {
	for _, t := range a.completed {
		if t.key == (table.Key{}) {
			continue // there is no such participation, which its claims' own judgement has told
		}
		err := a.settle(ctx, func() ([]Violation, error) {
			p, err := a.table.Participation(ctx, t.key)
			if err != nil {
				return nil, err
			}
			completed := 0
			for _, partnerID := range p.CompletedBy {
				err := a.table.EveryClaim(ctx, partnerID, func(claim mci.Claim) bool {
					if claim.Customer.ID == p.CustomerID && claim.EngagementID == p.EngagementID &&
						claim.Status == mci.Completed {
						completed++
					}
					return false
				})
				if err != nil {
					return nil, err
				}
			}
			if completed == p.Completed {
				return nil, nil
			}
			return []Violation{{LimitRule, t.key, fmt.Sprintf("%d claims are counted as completed, and there are %d",
				p.Completed, completed)}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ending is a line of a snapshot: a claim that has ended. Erasing a person's data changes none of it.
type ending struct {
	Claim  mci.ClaimID `json:"claim"`
	Status mci.Status  `json:"status"`
	Head   string      `json:"head"`
}

func endingOf(claim mci.Claim) ending { return ending{claim.ID, claim.Status, claim.Head} }

func writeSnapshot(w io.Writer, claim mci.Claim) error {
	line, err := json.Marshal(endingOf(claim))
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the snapshot: %w", err)
	}
	return nil
}

// compare holds the claims of an earlier snapshot against what they are now.
func (a *auditor) compare(ctx context.Context) error {
	if a.options.Earlier == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(a.options.Workers)
	decoder := json.NewDecoder(bufio.NewReader(a.options.Earlier))
	for {
		var was ending
		if err := decoder.Decode(&was); errors.Is(err, io.EOF) {
			return group.Wait()
		} else if err != nil {
			return errors.Join(fmt.Errorf("reading the earlier snapshot: %w", err), group.Wait())
		}
		group.Go(func() error {
			claim, found, err := a.table.Claim(ctx, was.Claim)
			switch {
			case err != nil:
				return err
			case !found:
				a.found([]Violation{{TerminalRule, table.ClaimKey(was.Claim), "the claim was " + string(was.Status) +
					" and is gone"}})
			case endingOf(claim) != was:
				a.found([]Violation{{TerminalRule, table.ClaimKey(was.Claim),
					fmt.Sprintf("the claim was %s and has changed since; it is %s", was.Status, claim.Status)}})
			}
			return nil
		})
	}
}
