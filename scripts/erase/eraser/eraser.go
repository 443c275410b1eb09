// Package eraser finds and erases people's data in a table, and leaves whole what must stay: what was claimed, asked,
// answered and paid, when, and the chain that proves it.
package eraser

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// Who says whose data is meant.
type Who struct {
	Persons []mci.Person  `json:"persons,omitempty"` // by whole addresses
	Claims  []mci.ClaimID `json:"claims,omitempty"`  // everybody's on these
}

// ParseWho reads an email address, a claim's ID, or @ and the name of a file with one of these a line; blank lines and
// those that begin with # and a space are passed over. All mistakes of a file are told at once.
func ParseWho(text string) (Who, error) {
	var who Who
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return who, who.add(text)
	}
	file, err := os.Open(name)
	if err != nil {
		return who, fmt.Errorf("@ and the name of a file was given: %w", err)
	}
	defer file.Close()
	var mistakes []error
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line == "#" || strings.HasPrefix(line, "# ") {
			continue
		}
		if err := who.add(line); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", name, number, err))
		}
	}
	if len(who.Persons)+len(who.Claims)+len(mistakes) == 0 {
		mistakes = append(mistakes, fmt.Errorf("%s names nobody", name))
	}
	return who, errors.Join(append(mistakes, lines.Err())...)
}

func (w *Who) add(text string) error {
	if id, isID := mci.ParseClaimID(text); isID {
		w.Claims = append(w.Claims, id)
		return nil
	}
	address, err := mci.ParseEmail(text)
	if err != nil {
		return fmt.Errorf("%q is neither a whole email address nor a claim's ID", text)
	}
	w.Persons = append(w.Persons, mci.Person(address))
	return nil
}

// Options say whose data is found, and whether it is erased.
type Options struct {
	Who   Who
	Erase bool // else nothing is written
	Open  bool // erase on claims that are still open, too
	Now   func() time.Time

	Progress func(items int64)
}

// Report is what was found, and erased if that was asked for.
type Report struct {
	Who           Who           `json:"who"`
	Claims        []Claim       `json:"claims"`
	KeptResponses int           `json:"keptResponses"` // for idempotency keys, which tell of the claims
	Missing       []mci.ClaimID `json:"missing,omitempty"`
}

// Claim is what was found on a claim.
type Claim struct {
	ID         mci.ClaimID         `json:"claimId"`
	PartnerID  string              `json:"partnerId"`
	Engagement string              `json:"engagementId"`
	Customer   mci.CustomerSummary `json:"customer"`
	Status     mci.Status          `json:"status"`
	Details    []mci.PersonalData  `json:"details"`
}

// Open says that the claim still needs its contacts.
func (c Claim) Open() bool { return !c.Status.Terminal() }

// Left are the open claims, which keep their data unless asked otherwise.
func (r Report) Left(options Options) []mci.ClaimID {
	var left []mci.ClaimID
	for _, claim := range r.Claims {
		if claim.Open() && !options.Open {
			left = append(left, claim.ID)
		}
	}
	return left
}

const segments = 4

// Run finds what there is, and erases it if that is asked for. It may be run again, and completes what was cut short.
func Run(ctx context.Context, client *dynamodb.Client, tableName string, options Options) (Report, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	e := &eraser{
		table: table.New(client, tableName), options: options, persons: map[string]mci.Person{},
		found: map[mci.ClaimID][]mci.Person{}, report: Report{Who: options.Who, Claims: []Claim{}},
	}
	for _, person := range options.Who.Persons {
		e.persons[mci.NormalAddress(string(person))] = person
	}
	for _, id := range options.Who.Claims {
		e.found[id] = []mci.Person{""}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for segment := range segments {
		group.Go(func() error {
			return e.table.Segment(groupCtx, segment, segments, "", func(items []table.Item) error {
				return e.look(groupCtx, items)
			})
		})
	}
	if err := group.Wait(); err != nil {
		return e.report, err
	}
	for id, persons := range e.found {
		if err := e.claim(ctx, id, persons); err != nil {
			return e.report, fmt.Errorf("claim %s: %w", id, err)
		}
	}
	slices.SortFunc(e.report.Claims, func(a, b Claim) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(e.report.Missing)
	return e.report, nil
}

type eraser struct {
	table   *table.Table
	options Options
	persons map[string]mci.Person // by their addresses' normal form

	mu     sync.Mutex
	items  int64
	found  map[mci.ClaimID][]mci.Person // who is named on each claim
	report Report
}

// look finds the claims on which somebody is named, and erases kept responses that name somebody or tell of a claim.
func (e *eraser) look(ctx context.Context, items []table.Item) error {
	for _, item := range items {
		var err error
		switch key := table.KeyOf(item); key.Kind() {
		case table.KeptResponseKind:
			err = e.keptResponse(ctx, item)
		case table.ClaimKind, table.BirthKind:
			err = e.inClaim(table.ClaimIDAt(key), item)
		case table.PrivateKind:
			err = e.inDetail(mci.ClaimID(key.Owner()), item)
		}
		if err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.items += int64(len(items))
	if e.options.Progress != nil {
		e.options.Progress(e.items)
	}
	return nil
}

// named gives those persons whom a text names.
func (e *eraser) named(text string) []mci.Person {
	var named []mci.Person
	for _, address := range mci.AddressesIn(text) {
		if person, wanted := e.persons[address]; wanted {
			named = append(named, person)
		}
	}
	return named
}

func (e *eraser) note(id mci.ClaimID, texts ...string) {
	for _, text := range texts {
		for _, person := range e.named(text) {
			e.mu.Lock()
			if !slices.Contains(e.found[id], person) {
				e.found[id] = append(e.found[id], person)
			}
			e.mu.Unlock()
		}
	}
}

// inClaim looks into one of a claim's items.
func (e *eraser) inClaim(id mci.ClaimID, item table.Item) error {
	var claim mci.Claim
	if err := table.Decode(item, &claim); err != nil {
		return err
	}
	e.note(id, claim.CustomerContact.Email, claim.PartnerContact.Email, claim.FriendlyName, claim.DeclineReason,
		claim.MismatchReason, claim.SubmissionNotes, claim.ReviewReason)
	return nil
}

// inDetail finds what was said before an address was corrected, and in texts that people typed.
func (e *eraser) inDetail(id mci.ClaimID, item table.Item) error {
	var detail mci.Private
	if err := table.Decode(item, &detail); err != nil {
		return err
	}
	for _, part := range detail.Parts {
		for _, text := range part.Data {
			e.note(id, text)
		}
	}
	return nil
}

// keptResponse deletes a kept response that names one of the persons, or tells of one of the claims.
func (e *eraser) keptResponse(ctx context.Context, item table.Item) error {
	response, err := table.KeptResponseOf(item)
	if err != nil {
		return err
	}
	tells := func(id mci.ClaimID) bool { return strings.Contains(response.Body(), string(id)) }
	if !slices.ContainsFunc(textsIn(response.Body()), func(text string) bool { return len(e.named(text)) > 0 }) &&
		!slices.ContainsFunc(e.options.Who.Claims, tells) {
		return nil
	}
	if e.options.Erase {
		if err := e.table.DeleteKeptResponse(ctx, response); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.report.KeptResponses++
	return nil
}

// textsIn gives every text of a JSON body.
func textsIn(body string) []string {
	var texts []string
	decoder := json.NewDecoder(strings.NewReader(body))
	for {
		token, err := decoder.Token()
		if err != nil {
			return append(texts, body[min(int(decoder.InputOffset()), len(body)):]) // all of what is not JSON
		}
		if text, isText := token.(string); isText {
			texts = append(texts, text)
		}
	}
}

// claim reports what a claim holds of the persons, and erases it if that is asked for.
func (e *eraser) claim(ctx context.Context, id mci.ClaimID, persons []mci.Person) error {
	report, err := table.Settle(ctx, func(ctx context.Context) (*Claim, error) {
		before, found, err := e.table.Claim(ctx, id)
		if err != nil {
			return nil, err
		}
		if !found {
			e.report.Missing = append(e.report.Missing, id)
			return nil, nil
		}
		history, err := e.table.History(ctx, id)
		if err != nil {
			return nil, err
		}
		now := e.options.Now().UTC().Truncate(time.Millisecond)
		report := Claim{
			ID: id, PartnerID: before.PartnerID, Engagement: before.EngagementID, Customer: before.Customer,
			Status: before.At(now).Status,
		}
		after, erased := before, map[int]mci.Private{}
		for _, person := range persons {
			report.Details = append(report.Details, after.PersonalData(person, history)...)
			var details []mci.Private
			after, details, _ = after.Erase(person, history, now)
			for _, detail := range details {
				erased[detail.Seq] = detail
			}
		}
		if len(report.Details) == 0 && after.Version == before.Version {
			return nil, nil
		}
		if !e.options.Erase || report.Open() && !e.options.Open {
			return &report, nil
		}
		var details []mci.Private
		for _, detail := range history.Private {
			if kept, changed := erased[detail.Seq]; changed {
				details = append(details, kept)
			}
		}
		return &report, e.table.Erase(ctx, before, after, details)
	})
	if err == nil && report != nil {
		e.report.Claims = append(e.report.Claims, *report)
	}
	return err
}
