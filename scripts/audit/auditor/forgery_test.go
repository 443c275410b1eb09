package auditor_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/scripts/audit/auditor"
	"mci.example/customers/scripts/erase/eraser"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/receipts"
	"mci.example/customers/shared/table"
)

// forger can write the table, knows this product's code, and can do nothing else: a claim, its history and its receipt
// are in the forger's hands.
type forger struct {
	t       *testing.T
	partner story.Partner
	table   *table.Table
	stored  mci.Claim // as it is
	claim   mci.Claim // as it shall be
	events  []mci.Event
	private []mci.Private
	receipt string
	sent    string // the receipt that the customer was sent
	link    string
	before  []story.Item // all that concerned the claim before anything was forged
	asked   []story.Item // the same before the customer answered
	spent   bool         // something forged has left as a domain event: the claim is of no more use
}

// own are the items that concern the forger's claim or its customer.
func (f *forger) own() []story.Item {
	f.t.Helper()
	return slices.DeleteFunc(story.Every(f.t), func(item story.Item) bool {
		return !f.concerns(story.TextOf(item, "pk") + " " + story.TextOf(item, "sk") + " " + story.TextOf(item,
			"claimId"))
	})
}

// concerns says whether a key is that of an item of the forger's claim, or of its customer.
func (f *forger) concerns(key string) bool {
	return strings.Contains(key, f.stored.ID.Ordinal()) || strings.Contains(key, f.stored.Customer.ID)
}

// putBack has the table hold these items of the claim, and no others.
func (f *forger) putBack(items []story.Item) {
	f.t.Helper()
	key := func(item story.Item) string { return story.TextOf(item, "pk") + " " + story.TextOf(item, "sk") }
	kept := map[string]bool{}
	for _, item := range items {
		kept[key(item)] = true
		story.PutItem(f.t, item)
	}
	for _, item := range f.own() {
		if !kept[key(item)] {
			story.DeleteItem(f.t, item)
		}
	}
}

// newForger takes a claim whose customer was asked for 10 hours of work, and where it was decided, submitted it.
func newForger(t *testing.T, engagement string, decided bool) *forger {
	t.Helper()
	f := &forger{t: t, partner: story.NewPartner(t), table: table.New(localtest.DynamoDB(), localtest.Table())}
	c := story.NewCustomer(t)
	story.Eligible(t, engagement, c.By(mci.MSXOpportunity), "")
	claim := f.partner.AddVariable(t, c, engagement, 10)
	f.stored.ID, f.stored.Customer.ID = mci.ClaimID(claim.ID), c.ID
	f.link = f.partner.Ask(t, claim)
	f.asked = f.own()
	if decided {
		story.Accept(t, f.link)
		f.partner.Submit(t, claim.ID)
	}
	localtest.WaitDrained(t)
	f.before = f.own()
	f.read()
	f.sent = f.receipt
	return f
}

// read takes the claim as the table holds it.
func (f *forger) read() {
	f.t.Helper()
	ctx := f.t.Context()
	stored, found, err := f.table.Claim(ctx, f.stored.ID)
	if err != nil || !found {
		f.t.Fatal(found, err)
	}
	history, err := f.table.History(ctx, f.stored.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	f.stored, f.claim, f.events, f.private, f.receipt = stored, stored, history.Events, history.Private, history.Receipt
}

// at finds an event.
func (f *forger) at(event mci.EventType) *mci.Event {
	f.t.Helper()
	at := slices.IndexFunc(f.events, func(e mci.Event) bool { return e.Type == event })
	if at < 0 {
		f.t.Fatalf("the claim has no event %s", event)
	}
	return &f.events[at]
}

// sha is the hash that this product makes of values, as anyone can who reads its code.
func (f *forger) sha(values ...any) string {
	f.t.Helper()
	text, err := json.Marshal(values)
	if err != nil {
		f.t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// rehash makes all numbers and hashes anew.
func (f *forger) rehash() {
	f.t.Helper()
	renumbered := map[int]int{}
	for i := range f.events {
		renumbered[f.events[i].Seq] = i + 1
	}
	for i := range f.private {
		f.private[i].Seq = renumbered[f.private[i].Seq]
	}
	previous := strings.Repeat("0", 64)
	for i := range f.events {
		e := &f.events[i]
		e.Seq, e.PreviousHash = i+1, previous
		for _, private := range f.private {
			for part, kept := range private.Parts {
				if private.Seq == e.Seq {
					e.Detail[string(part)+"Hash"] = f.sha(kept.Salt, kept.Data)
				}
			}
		}
		e.Hash = f.sha(e.ClaimID, e.PartnerID, e.EngagementID, e.CustomerID, e.Seq, instant(e.At), e.Actor, e.Type,
			e.Detail, e.PreviousHash)
		previous = e.Hash
	}
	f.claim.Events, f.claim.Head = len(f.events), previous
}

// encode gives a record as the table holds it.
func (f *forger) encode(key table.Key, record any) story.Item {
	f.t.Helper()
	item, err := attributevalue.MarshalMapWithOptions(record, func(o *attributevalue.EncoderOptions) {
		o.TagKey, o.UseEncodingMarshalers, o.OmitNullAttributeValues = "json", true, true
	})
	if err != nil {
		f.t.Fatal(err)
	}
	maps.Copy(item, table.KeyItem(key))
	return item
}

// write has the table hold the claim and its history as the forger wants them, with every index and the claim's place.
func (f *forger) write() {
	f.t.Helper()
	partition := "CLAIM#" + string(f.claim.ID)
	wanted := map[string]story.Item{}
	for _, event := range f.events {
		key := table.Key{PK: partition, SK: fmt.Sprintf("EVENT#%05d", event.Seq)}
		wanted[key.SK] = f.encode(key, event)
	}
	for _, private := range f.private {
		key := table.Key{PK: partition, SK: fmt.Sprintf("PRIVATE#%05d", private.Seq)}
		wanted[key.SK] = f.encode(key, private)
	}
	if f.receipt != "" {
		wanted["RECEIPT"] = f.items(f.table.PutReceipt(f.claim.ID, f.receipt))[0]
	}
	stands := map[string]bool{}
	for _, item := range story.Items(f.t, partition, "") {
		sk := story.TextOf(item, "sk")
		if stands[sk] = true; wanted[sk] == nil && !strings.HasPrefix(sk, "CONSENT#") {
			story.DeleteItem(f.t, item)
		}
	}
	for sk, item := range wanted {
		f.spent = f.spent || !stands[sk]
		story.PutItem(f.t, item)
	}
	if f.claim.Head != f.stored.Head || fmt.Sprint(f.claim) != fmt.Sprint(f.stored) {
		f.claim.Version = f.stored.Version + 1
		f.commit(mci.Change{Before: &f.stored, After: f.claim})
		story.PutItem(f.t, f.items(f.table.PutClaim(f.claim))[0]) // what it was born with
	}
}

// items are those that writes put.
func (f *forger) items(writes []table.Write) []story.Item {
	f.t.Helper()
	puts, err := table.Puts(writes)
	if err != nil {
		f.t.Fatal(err)
	}
	var items []story.Item
	for _, put := range puts {
		items = append(items, put.PutRequest.Item)
	}
	return items
}

// commit writes as a function would.
func (f *forger) commit(change mci.Change) {
	f.t.Helper()
	f.spent = f.spent || len(change.Events) > 0
	if err := f.table.Commit(f.t.Context(), f.table.UpdateClaim(change)); err != nil {
		f.t.Fatal(err)
	}
}

// act is what somebody is made to have done just now.
func act(actor string) mci.Act { return platform.Act(localtest.Now(), actor) }

// plant makes a link of the forger's own that leads to the claim, and gives its hash and its path.
func (f *forger) plant() (hash, path string) {
	f.t.Helper()
	f.spent = true // by the answer
	token, hash := mci.NewConsentToken(f.claim.ID, platform.RandomBytes(mci.TokenSecret))
	if err := f.table.Commit(f.t.Context(), f.table.PutLink(f.claim, hash)); err != nil {
		f.t.Fatal(err)
	}
	return hash, "/consent/" + token
}

// fields are those that money and time depend on: each is changed in the claim, and in the events that record it.
var fields = map[string]struct {
	claim  func(*mci.Claim)
	events func(*forger)
}{
	"payout": {func(c *mci.Claim) { c.Payout = dollars("4999.00") },
		func(f *forger) { f.at(mci.ClaimAdded).Detail["payout"] = "4999.00" }},
	"hours": {func(c *mci.Claim) { c.Hours = 99 }, func(f *forger) { f.at(mci.ClaimAdded).Detail["hours"] = "99" }},
	"dealSize": {func(c *mci.Claim) { size := dollars("7.00"); c.DealSize = &size },
		func(f *forger) { f.at(mci.ConsentRequested).Detail["dealSize"] = "7.00" }},
	"consentDue": {func(c *mci.Claim) { c.ConsentDue = c.ConsentDue.Add(story.Day) },
		func(f *forger) { f.at(mci.ClaimAdded).Detail["consentDue"] = instant(f.claim.ConsentDue) }},
	"submissionWindowDays": {func(c *mci.Claim) { c.SubmissionWindowDays++ },
		func(f *forger) {
			f.at(mci.ClaimAdded).Detail["submissionWindowDays"] = fmt.Sprint(f.claim.SubmissionWindowDays)
		}},
	"customerContact": {func(c *mci.Claim) { c.CustomerContact.Email = "forger@evil.example" },
		contacts(mci.PartCustomer)},
	"partnerContact": {func(c *mci.Claim) { c.PartnerContact.Email = "forger@evil.example" },
		contacts(mci.PartPartner)},
}

// contacts changes a contact wherever an event records it.
func contacts(part mci.Part) func(*forger) {
	return func(f *forger) {
		contact := map[mci.Part]mci.Contact{mci.PartCustomer: f.claim.CustomerContact,
			mci.PartPartner: f.claim.PartnerContact}[part]
		for _, private := range f.private {
			if kept := private.Parts[part]; kept != nil && kept.Data["contact"] != "" {
				kept.Data["contact"] = contact.String()
			}
		}
	}
}

func instant(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func dollars(amount string) mci.Money {
	money, err := mci.ParseMoney(amount)
	if err != nil {
		panic(err) // the tests' own text
	}
	return money
}

// forgery is what a forger does to a claim that was decided, or one whose customer was just asked.
type forgery struct {
	row, what string // the row of the table in infra/README.md
	decided   bool
	forge     func(*forger)
}

func forgeries() []forgery {
	const decided, asked = true, false
	var all []forgery
	add := func(row, what string, isDecided bool, forge func(*forger)) {
		all = append(all, forgery{row, what, isDecided, forge})
	}
	type change struct {
		what  string
		forge func(*forger)
	}
	drop := func(f *forger, event mci.EventType) {
		seq := f.at(event).Seq
		f.events = slices.DeleteFunc(f.events, func(e mci.Event) bool { return e.Seq == seq })
		f.private = slices.DeleteFunc(f.private, func(p mci.Private) bool { return p.Seq == seq })
	}
	swap := func(f *forger, i int) { f.events[i], f.events[i+1] = f.events[i+1], f.events[i] }
	early := []change{
		{"an event altered", func(f *forger) { f.at(mci.EmailSent).Actor = "somebody" }},
		{"an event added", func(f *forger) {
			more := *f.at(mci.EmailSent)
			more.Type, more.Detail = mci.EmailDelivered, maps.Clone(more.Detail)
			f.events = slices.Insert(f.events, 2, more)
		}},
		{"an event removed", func(f *forger) { drop(f, mci.EmailSent) }},
		{"two events reordered", func(f *forger) { swap(f, 1) }},
		{"a private detail altered", func(f *forger) {
			f.private[0].Parts[mci.PartTyped].Data["friendlyName"], f.claim.FriendlyName = "Another", "Another"
		}},
	}
	for name, field := range fields {
		early = append(early, change{name, func(f *forger) {
			field.claim(&f.claim)
			field.events(f)
		}})
		add("a field of the claim, and not its events", name, decided, func(f *forger) {
			field.claim(&f.claim)
			f.write()
		})
	}
	add("a field of the claim, and not its events", "submissionDue", decided, func(f *forger) {
		due := f.claim.SubmissionDue.Add(story.Day)
		f.claim.SubmissionDue = &due
		f.write()
	})
	add("a field of the claim, and not its events", "status", decided, func(f *forger) {
		f.claim.Status = mci.ActionRequired
		f.write()
	})
	for _, change := range []change{
		early[0], early[4],
		{"an event added", func(f *forger) {
			more := f.events[len(f.events)-1]
			more.Seq++
			f.events = append(f.events, more)
		}},
		{"an event removed", func(f *forger) { drop(f, mci.ClaimSubmitted) }},
		{"two events in each other's place", func(f *forger) {
			swap(f, 1)
			f.events[1].Seq, f.events[2].Seq = 2, 3
		}},
	} {
		add("events or private details altered, added, removed or put elsewhere, with their hashes as they were",
			change.what, decided, func(f *forger) {
				change.forge(f)
				f.write()
			})
	}
	for _, change := range early {
		add("a decision or anything before it, with all hashes made anew", change.what, decided, func(f *forger) {
			change.forge(f)
			f.rehash()
			f.write()
		})
		add("a claim without a decision, with all hashes made anew", change.what, asked, func(f *forger) {
			change.forge(f)
			f.rehash()
			f.write()
		})
	}
	erased := func(putBack func(erased, was *forger)) func(*forger) {
		return func(f *forger) {
			who, err := eraser.ParseWho(f.stored.CustomerContact.Email)
			if err == nil {
				_, err = eraser.Run(f.t.Context(), localtest.DynamoDB(), localtest.Table(),
					eraser.Options{Who: who, Erase: true, Open: true, Now: localtest.Now})
			}
			if err != nil {
				f.t.Fatal(err)
			}
			was := *f
			f.read()
			if !f.partner.Get(f.t, string(f.stored.ID)).EventsIntact || f.claim.CustomerContact != mci.ErasedContact {
				f.t.Fatal("nothing was erased, or the erasure broke the history")
			}
			putBack(f, &was)
			f.write()
		}
	}
	const half = "an erased detail put back, and not the claim's field, or beside its erasure"
	add(half, "not the field", decided, erased(func(f, was *forger) { f.private = was.private }))
	add(half, "beside its erasure", decided, erased(func(f, was *forger) {
		f.private[0].Parts[mci.PartCustomer].Data = was.private[0].Parts[mci.PartCustomer].Data
	}))
	add("an erased detail put back with the claim's field", "both", decided, erased(func(f, was *forger) {
		f.private, f.claim = was.private, was.claim
	}))
	const unproven = "a decision of which there is no receipt, or another claim's"
	consent := func(receipt func(*forger) string) func(*forger) {
		return func(f *forger) {
			change, _ := f.claim.Decide(act(mci.ActorCustomer), mci.DecisionAccepted,
				mci.Evidence{LinkHash: f.at(mci.ConsentRequested).Detail["linkHash"]}, mci.Engagement{})
			change.Receipt = receipt(f)
			f.commit(change)
		}
	}
	another := func(f *forger) string { return newForger(f.t, f.claim.EngagementID, true).receipt }
	add(unproven, "a consent that nobody gave", asked, consent(func(*forger) string { return "" }))
	add(unproven, "a consent that nobody gave, with another's receipt", asked, consent(another))
	add(unproven, "receipts swapped", decided, func(f *forger) {
		f.receipt = another(f)
		f.write()
	})
	add(unproven, "a receipt removed", decided, func(f *forger) {
		f.receipt = ""
		f.write()
	})
	const rewritten = "a decision or anything before it, with all hashes made anew"
	for what, forge := range map[string]func(*forger){
		"the decision's instant": func(f *forger) {
			at := f.claim.ConsentedAt.Add(-story.Day)
			f.at(mci.ConsentAccepted).At, f.claim.ConsentedAt = at, &at
		},
		"submissionDue": func(f *forger) {
			due := f.claim.SubmissionDue.Add(story.Day)
			f.at(mci.ConsentAccepted).Detail["submissionDue"], f.claim.SubmissionDue = instant(due), &due
		},
		"the statement that was shown": func(f *forger) {
			f.at(mci.ConsentAccepted).Detail["statementHash"] = strings.Repeat("7", 64)
		},
	} {
		add(rewritten, what, decided, func(f *forger) {
			forge(f)
			f.rehash()
			f.write()
		})
	}
	const after = "anything after a decision, with all hashes made anew"
	add(after, "the submission altered", decided, func(f *forger) {
		f.at(mci.ClaimSubmitted).Actor, f.claim.SubmittedBy = "somebody", []string{"somebody"}
		f.rehash()
		f.write()
	})
	add(after, "the submission removed", decided, func(f *forger) {
		drop(f, mci.ClaimSubmitted)
		f.claim.Status, f.claim.SubmittedAt, f.claim.SubmittedBy, f.claim.CompletedOn = mci.Consented, nil, nil, ""
		f.rehash()
		f.write()
	})
	add("a link in place of the one that an email carried, with all hashes made anew, and answered", "accepted", asked,
		func(f *forger) {
			hash, path := f.plant()
			story.Answer(f.t, path, story.Form("accept")).Expect(f.t, 404) // no event names it
			for _, event := range []mci.EventType{mci.ConsentRequested, mci.EmailSent} {
				f.at(event).Detail["linkHash"] = hash
			}
			f.rehash()
			f.write()
			story.Accept(f.t, path)
		})
	const whole = "a whole claim put back to an earlier state, or removed"
	add(whole, "before the decision", decided, func(f *forger) { f.putBack(f.asked) })
	add(whole, "removed", decided, func(f *forger) { f.putBack(nil) })
	const end = "an event added at the end as a function would, with all that follows from it"
	add(end, "a review", decided, func(f *forger) {
		change, err := f.claim.Review(act("staff-1"), mci.Complete, "", mci.Engagement{})
		if err != nil {
			f.t.Fatal(err)
		}
		f.commit(change)
	})
	add(end, "an email with a link, which is answered", asked, func(f *forger) {
		hash, path := f.plant()
		f.claim.Email.Pending = &mci.Sending{Number: 9, LinkHash: hash}
		change, _ := f.claim.EmailSent(act("system"), 9, "none")
		change.Before = &f.stored
		f.commit(change)
		story.Accept(f.t, path)
	})
	return all
}

// finders are the columns of the table in infra/README.md.
var finders = []string{"`eventsIntact`", "`make audit`", "`make audit EVENTS=…`", "the customer's receipt"}

// TestB1_B4_WhatIsForgedIsFoundWhereTheREADMESays holds the table of infra/README.md against forgeries of each row.
func TestB1_B4_WhatIsForgedIsFoundWhereTheREADMESays(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(localtest.Root(), "infra", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	says := map[string][]string{}
	_, rows, _ := strings.Cut(string(readme), "| what was changed in the table | "+strings.Join(finders, " | ")+" |\n")
	for _, row := range regexp.MustCompile(`(?m)\A(\|.*\n)+`).FindAllString(rows, 1) {
		for _, line := range strings.Split(strings.TrimSpace(row), "\n")[1:] {
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			says[cells[0]] = cells[1:]
		}
	}
	tried := map[string]bool{}
	published := localtest.Call(t, "GET", "/.well-known/jwks.json", "", nil).Expect(t, 200)
	keys := localtest.Decode[jose.JSONWebKeySet](t, published)
	engagement := story.VariableEngagement(t, nil)
	forgers := map[bool]*forger{}
	for _, forgery := range forgeries() {
		tried[forgery.row] = true
		t.Run(forgery.row+"/"+forgery.what, func(t *testing.T) {
			f := forgers[forgery.decided]
			if f == nil || f.spent {
				f = newForger(t, engagement, forgery.decided)
				forgers[forgery.decided] = f
			}
			f.t = t
			f.read()
			defer f.putBack(f.before)
			forgery.forge(f)
			found, violations := f.foundBy(keys)
			if !slices.Equal(found, says[forgery.row]) {
				t.Errorf("it is found by %q of %q, and the README says %q: %v", found, finders, says[forgery.row],
					violations)
			}
		})
	}
	if want, got := slices.Sorted(maps.Keys(says)), slices.Sorted(maps.Keys(tried)); !slices.Equal(want, got) {
		t.Errorf("the README has the rows %q, and this test %q", want, got)
	}
}

// foundBy says of each finder whether it finds that something was forged.
func (f *forger) foundBy(keys jose.JSONWebKeySet) (found []string, violations []auditor.Violation) {
	f.t.Helper()
	id := string(f.stored.ID)
	intact, standing := true, false
	var shown story.Claim
	if answer := localtest.Call(f.t, "GET", "/v1/claims/"+id, f.partner.Token, nil); answer.Status != 404 {
		shown = localtest.Decode[story.Claim](f.t, answer.Expect(f.t, 200))
		intact = shown.EventsIntact
	}
	var kept mci.Receipt
	if f.sent != "" {
		var err error
		if kept, err = receipts.Verify(f.sent, keys); err != nil {
			f.t.Fatal(err)
		}
	}
	for _, event := range shown.Events {
		standing = standing || event.Hash == kept.Event.Hash && event.Seq == kept.Event.Seq
	}
	report := run(f.t, auditor.Options{Keys: &keys, Events: strings.NewReader(domainEvents(f.t, id))})
	audited, compared := false, false
	for _, violation := range report.Violations {
		if !f.concerns(violation.Key.PK + violation.Key.SK) {
			continue
		}
		compared, violations = true, append(violations, violation)
		audited = audited || violation.Rule != auditor.EventRule
	}
	for _, finds := range []bool{!intact, audited, compared, kept.ID != "" && !standing} {
		found = append(found, map[bool]string{true: "yes", false: "–"}[finds])
	}
	return found, violations
}
