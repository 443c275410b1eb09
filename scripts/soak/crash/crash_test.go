// Package crash has every AWS call of every flow that writes go wrong in every way: it fails before it takes effect,
// its answer is lost, the process is killed before it or after it, it is throttled, it meets a conflict. Then it does
// what a client would do, and holds the table against the rules that always hold: after the fault already, and when all
// is repaired.
package crash

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) {
	soak.Parallel("12")
	localtest.Main(m, func(config *cloud.Config) { config.Output = io.Discard }) // functions shall fail here
}

// call is one of a flow's AWS calls: what it asks for, and the how many-th of that it is.
type call struct {
	service, action, items string
	skip                   int
}

func (c call) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s #%d", c.action, c.items, c.skip+1))
}

var keyWords = regexp.MustCompile(`"S":"([A-Z]+)(?:#|")`)

// callOf names a request by its action and the kinds of item that it is about.
func callOf(request localtest.Request) call {
	var words []string
	for _, match := range keyWords.FindAllStringSubmatch(string(request.Body), -1) {
		words = append(words, match[1])
	}
	slices.Sort(words) // JSON objects have no order
	words = slices.Compact(words)
	if request.Action == "TransactWriteItems" {
		words = nil // its first item says little
	}
	return call{service: request.Service, action: request.Action, items: strings.Join(words, " ")}
}

// ofNobody says whether the call is one that tells no clients apart: of the catalogue, of a kept response, of who said
// stop, or of KMS, which is given a digest alone.
func (c call) ofNobody() bool {
	words := []string{"ENGAGEMENTS", "IDEMPOTENCY", "OPTOUT", "IDEMPOTENCY OPTOUT"}
	return slices.Contains(words, c.items) || c.service == localtest.KMSService
}

// callsOf lists the calls that a run's answer took, but for those that tell no clients apart: they have a test of their
// own. There must be no others that cannot be told from those of other runs, for they would never meet a fault.
func callsOf(t *testing.T, r *run, requests []localtest.Request) []call {
	t.Helper()
	var calls []call
	for _, request := range requests {
		c := callOf(request)
		if !r.marked(request) {
			if !c.ofNobody() {
				t.Errorf("nothing tells whose this is: %s %s", c.action, request.Body)
			}
			continue
		}
		for slices.Contains(calls, c) {
			c.skip++
		}
		calls = append(calls, c)
	}
	return calls
}

// effects are the ways in which a call goes wrong. All is as often as the SDK tries.
type effect struct {
	localtest.Effect
	times int
}

// slow is longer than a function waits for KMS.
const slow = 5 * time.Second

func (e effect) String() string {
	if e.times == localtest.All {
		return string(e.Effect) + ", always"
	}
	return string(e.Effect)
}

// What goes wrong with each call. The second lists are for longer runs: they differ in little.
var (
	reads = [][]effect{
		{{localtest.Fail, localtest.All}, {localtest.KillBefore, 1}},
		{{localtest.Lose, 1}, {localtest.KillAfter, 1}, {localtest.Throttle, localtest.All}},
	}
	commits = [][]effect{{
		{localtest.Fail, localtest.All}, {localtest.Lose, 1}, {localtest.KillBefore, 1}, {localtest.KillAfter, 1},
		{localtest.Conflict, 1},
	}, {
		{localtest.Throttle, localtest.All}, {localtest.Fail, 1}, {localtest.Lose, localtest.All},
		{localtest.Conflict, localtest.All},
	}}
	signatures = [][]effect{{
		{localtest.Fail, localtest.All}, {localtest.Lose, 1}, {localtest.KillBefore, 1}, {localtest.KillAfter, 1},
		{localtest.Throttle, localtest.All}, {localtest.Slow, localtest.All},
	}}
	emails = [][]effect{{
		{localtest.Fail, 1}, {localtest.Lose, 1}, {localtest.KillBefore, 1}, {localtest.KillAfter, 1},
		{localtest.Throttle, 1}, {localtest.Reject, 1},
	}, {{localtest.Down, 1}}}
)

func effectsOn(c call) []effect {
	lists := reads
	switch {
	case c.service == localtest.KMSService:
		lists = signatures
	case c.service == localtest.SESService:
		lists = emails
	case c.action == "TransactWriteItems":
		lists = commits
	}
	if _, long := soak.Long(); long {
		return slices.Concat(lists...)
	}
	return lists[0]
}

// attempt is a run whose request met a fault.
type attempt struct {
	flow   flow
	run    *run
	call   call
	effect effect
}

func (a attempt) String() string { return fmt.Sprintf("%s/%s/%s", a.flow.name, a.call, a.effect) }

func TestNoFaultAtAnyCallBreaksAFlow(t *testing.T) {
	w := newWorld(t)
	w.people(t, len(flows))
	var attempts []attempt
	for _, f := range flows {
		clean := w.begin(t, f)
		answer := f.do(t, clean).Expect(t, f.status)
		calls := callsOf(t, clean, answer.Requests())
		if len(calls) < 2 {
			t.Fatalf("%s makes only the calls %v", f.name, calls)
		}
		w.readMailbox(t)
		f.end(t, clean)
		for _, c := range calls {
			for _, e := range effectsOn(c) {
				attempts = append(attempts, attempt{flow: f, call: c, effect: e})
			}
		}
	}
	w.people(t, len(attempts))
	for i := range attempts {
		attempts[i].run = w.newRun(t)
		if attempts[i].flow.ready != nil {
			attempts[i].flow.prepare(t, attempts[i].run)
		}
	}
	localtest.WaitDrained(t)
	t.Logf("%d faults in %d flows", len(attempts), len(flows))

	meet(t, attempts)
	soak.Audit(t) // half-done is whole, too

	// An email that was begun may be sent again once its lease is over.
	localtest.SetClock(t, mci.SendingLease+time.Second)
	t.Run("the repetition", func(t *testing.T) {
		for _, a := range attempts {
			t.Run(a.String(), func(t *testing.T) {
				t.Parallel()
				first := a.flow.do(t, a.run).Expect(t, a.flow.status)
				again := a.flow.do(t, a.run).Expect(t, a.flow.status)
				byRequest := a.flow.function != "mail-feedback" && a.flow.function != "notify"
				if byRequest && string(first.Body) != string(again.Body) {
					t.Errorf("the same request was answered\n%s and then\n%s", first.Body, again.Body)
				}
			})
		}
	})
	w.readMailbox(t)
	t.Run("the end", func(t *testing.T) {
		for _, a := range attempts {
			t.Run(a.String(), func(t *testing.T) {
				t.Parallel()
				a.flow.end(t, a.run)
			})
		}
	})
	w.everyEmailHasItsClaim(t)
	soak.Audit(t)
}

// meet has each attempt meet its fault, side by side.
func meet(t *testing.T, attempts []attempt) {
	t.Helper()
	t.Run("the fault", func(t *testing.T) {
		for _, a := range attempts {
			t.Run(a.String(), func(t *testing.T) {
				t.Parallel()
				if a.flow.ready != nil {
					a.flow.ready(t, a.run)
				} else if a.flow.prepare != nil {
					a.flow.prepare(t, a.run)
				}
				fault := localtest.Inject(t, localtest.Fault{
					Effect: a.effect.Effect, Function: a.flow.function, Service: a.call.service, Action: a.call.action,
					Skip: a.call.skip, Times: a.effect.times,
					Match: func(request localtest.Request) bool {
						c := callOf(request)
						return c.items == a.call.items && a.run.marked(request)
					},
				})
				a.flow.do(t, a.run) // whatever it answers
				if fault.Fired() == 0 {
					t.Error("the fault met no call")
				}
			})
		}
	})
}

// TestNoFaultAtWhatTellsNoClientsApartBreaksAFlow has the reads of the catalogue and of kept answers go wrong, whose
// requests name no client: each function is by itself, started anew so that it has no catalogue yet.
func TestNoFaultAtWhatTellsNoClientsApartBreaksAFlow(t *testing.T) {
	w := newWorld(t)
	// functions take the clock as they start
	startAnew := func() { localtest.SetClock(t, localtest.Cloud().Offset()+time.Second) }
	type round struct{ items, effect string }
	rounds := map[round][]*attempt{} // of which each function has one part
	var functions []string
	runs := 0
	for _, f := range flows {
		if slices.Contains(functions, f.function) {
			continue
		}
		functions = append(functions, f.function)
		w.people(t, 1)
		clean := w.begin(t, f)
		startAnew()
		for _, request := range f.do(t, clean).Expect(t, f.status).Requests() {
			c := callOf(request)
			if !c.ofNobody() {
				continue
			}
			for _, e := range effectsOn(c) {
				in := round{c.items, e.String()}
				rounds[in] = append(rounds[in], &attempt{flow: f, call: c, effect: e})
				runs++
			}
		}
	}
	w.people(t, runs)
	t.Logf("%d faults in %d functions", runs, len(functions))
	for in, attempts := range rounds {
		for _, a := range attempts {
			a.run = w.begin(t, a.flow)
		}
		startAnew()
		t.Run(in.items+" "+in.effect, func(t *testing.T) {
			for _, a := range attempts {
				t.Run(a.flow.name, func(t *testing.T) {
					t.Parallel()
					fault := localtest.Inject(t, localtest.Fault{
						Effect: a.effect.Effect, Function: a.flow.function, Action: a.call.action,
						Times: a.effect.times, Delay: slow,
						Match: func(request localtest.Request) bool { return callOf(request).items == a.call.items },
					})
					a.flow.do(t, a.run) // whatever it answers
					if fault.Fired() == 0 {
						t.Error("the fault met no call")
					}
					fault.Remove()
					a.flow.do(t, a.run).Expect(t, a.flow.status)
				})
			}
		})
	}
	w.readMailbox(t)
	for _, attempts := range rounds {
		for _, a := range attempts {
			a.flow.end(t, a.run)
		}
	}
	w.everyEmailHasItsClaim(t)
	soak.Audit(t)
}

// end checks what the flow has led to.
func (f flow) end(t *testing.T, r *run) {
	t.Helper()
	claims := []story.Claim{r.claim}
	if r.claim.ID == "" { // they are born in the flow
		claims = r.partner.Claims(t)
	}
	for _, claim := range claims {
		whole := r.partner.Get(t, claim.ID)
		if f.events != "" && whole.Types() != f.events {
			t.Errorf("the claim's events are\n%s instead of\n%s", whole.Types(), f.events)
		}
		if !whole.EventsIntact {
			t.Error("the claim's history is broken")
		}
	}
	if f.check != nil {
		f.check(t, r)
	}
}

// everyEmailHasItsClaim checks that each email that ever went out is of a claim whose customer was to be asked.
func (w *world) everyEmailHasItsClaim(t *testing.T) {
	t.Helper()
	claims := table.New(localtest.DynamoDB(), localtest.Table())
	for address, mails := range w.mailbox {
		for _, mail := range mails {
			if !consentPath.MatchString(mail.Text) {
				continue // a receipt or a notice
			}
			_, id, _ := strings.Cut(localtest.ConsentLink(t, mail), ".")
			claim, found, err := claims.Claim(t.Context(), mci.ClaimID(id))
			if err != nil || !found || claim.DealSize == nil {
				t.Errorf("an email went to %s for claim %s, which was not to be asked for: %v", address, id, err)
			}
		}
	}
}

// TestD3_NoFaultKeepsAClaimFromExpiringOnce has a sweep of its own meet each fault at each kind of call that a sweep
// makes, and the next one none. Each two sweeps have a day of their own, and two claims that are due on it.
func TestD3_NoFaultKeepsAClaimFromExpiringOnce(t *testing.T) {
	type round struct {
		action string
		effect effect
		hit    *run // the claim whose expiry meets the fault
		other  *run // one beside it
	}
	var rounds []round
	w := newWorld(t)
	_, long := soak.Long()
	const again = "Query of the claim" // that a transaction could not expire as the index had it
	for _, action := range []string{"Query", "TransactWriteItems", again} {
		for _, e := range effectsOn(call{action: strings.Fields(action)[0]}) {
			if e.Effect == localtest.Throttle && action != "TransactWriteItems" && !long {
				continue // the SDK tries again for seconds, and the sweep sees what it sees of a read that fails
			}
			rounds = append(rounds, round{action: action, effect: e})
			days := story.WithCoSell(false)
			days["coSell"], days["consentWindowDays"] = nil, len(rounds)
			w.engagements = append(w.engagements, story.Engagement(t, days))
		}
	}
	// By then the claims of other tests are due, too: they shall not be counted.
	localtest.SetClock(t, localtest.Cloud().Offset()+100*story.Day)
	story.Sweep(t)
	w.people(t, 2*len(rounds))
	ofRounds := w.engagements[len(w.engagements)-len(rounds):]
	for i := range rounds {
		r := &rounds[i]
		r.other, r.hit = w.newRun(t), w.newRun(t)
		r.other.bring(t, mci.ConsentNotSent, ofRounds[i])
		r.hit.bring(t, mci.ConsentPending, ofRounds[i])
	}

	for _, r := range rounds {
		story.ClockAt(t, r.hit.claim.ConsentDue.Add(time.Second)) // the other's is a moment earlier
		t.Run(r.action+"/"+r.effect.String(), func(t *testing.T) {
			hit, other := queueOf(t, r.hit), queueOf(t, r.other)
			match := r.hit.marked
			switch r.action {
			case "Query": // names no claim
				match = localtest.Naming(`"` + hit + `"`)
			case again:
				localtest.Inject(t, localtest.Fault{
					Effect: localtest.Conflict, Function: "expiry-sweep", Action: "TransactWriteItems",
					Match: r.hit.marked,
				})
			}
			fault := localtest.Inject(t, localtest.Fault{
				Effect: r.effect.Effect, Function: "expiry-sweep", Action: strings.Fields(r.action)[0],
				Times: r.effect.times, Match: match,
			})
			killed := r.effect.Effect == localtest.KillBefore || r.effect.Effect == localtest.KillAfter
			overcome := r.effect.times == 1 && !killed // by trying again
			answer := localtest.Invoke(t, "expiry-sweep", story.Object{})
			fault.Remove()
			if fault.Fired() == 0 {
				t.Error("the fault met no call")
			}
			if want := map[bool]int{true: 200, false: 500}[overcome]; answer.Status != want {
				t.Errorf("the sweep answered %d instead of %d: %s", answer.Status, want, answer.Body)
			}
			if long || r.effect.Effect == localtest.KillAfter {
				soak.Audit(t) // half-done is whole, too
			}

			hitLeft, otherLeft := !r.hit.expired(t), !r.other.expired(t)
			if overcome && hitLeft {
				t.Error("the sweep said that it was done, and left the claim")
			}
			if alone := r.action != "Query" || hit != other; !killed && alone && otherLeft {
				t.Error("the fault kept another claim from expiring")
			}
			left := 0
			for _, is := range []bool{hitLeft, otherLeft} {
				if is {
					left++
				}
			}
			if n := story.Sweep(t); n != left {
				t.Errorf("the next sweep expired %d claims instead of %d", n, left)
			}
		})
	}
	for _, r := range rounds {
		for of, want := range map[*run]string{r.hit: pending + " claim.expired referral.closed", r.other: added +
			" claim.expired"} {
			if whole := of.partner.Get(t, of.claim.ID); whole.Types() != want || !whole.EventsIntact {
				t.Errorf("%s/%s: the claim's events are\n%s instead of\n%s", r.action, r.effect, whole.Types(), want)
			}
		}
	}
	soak.Audit(t)
}

// queueOf is the queue in which the run's claim, its partner's only one, waits for its expiry.
func queueOf(t *testing.T, r *run) string {
	t.Helper()
	items := story.Items(t, "PARTNER#"+r.partner.ID, "CLAIM#") // what moves of it, and its birth
	if len(items) != 2 || story.TextOf(items[0], table.Queue) == "" {
		t.Fatalf("of the partner's %d claims one should wait for its expiry", len(items))
	}
	return story.TextOf(items[0], table.Queue)
}

// expired says whether the claim's expiry was written down.
func (r *run) expired(t *testing.T) bool {
	t.Helper()
	return strings.Contains(r.partner.Get(t, r.claim.ID).Types(), "claim.expired")
}

// TestS27_NoFaultKeepsAReferralFromItsUpgrade has the function that the stream wakes meet faults: the stream brings the
// record again.
func TestS27_NoFaultKeepsAReferralFromItsUpgrade(t *testing.T) {
	type fault struct {
		action string
		effect effect
	}
	var faults []fault
	for _, e := range effectsOn(call{action: "Query"}) {
		faults = append(faults, fault{"Query", e})
	}
	for _, e := range effectsOn(call{action: "TransactWriteItems"}) {
		faults = append(faults, fault{"TransactWriteItems", e})
	}
	w := newWorld(t)
	w.people(t, len(faults))
	for _, f := range faults {
		t.Run(f.action+"/"+f.effect.String(), func(t *testing.T) {
			r := w.newRun(t)
			r.bring(t, mci.ConsentPending, w.coSell)
			injected := localtest.Inject(t, localtest.Fault{
				Effect: f.effect.Effect, Function: "referral-upgrade", Action: f.action, Match: r.marked,
				Times: map[bool]int{true: 3, false: 1}[f.effect.times == localtest.All], // as often as the SDK tries
			})
			story.Accept(t, r.link)
			injected.Wait(t)
			localtest.WaitDrained(t)
			if whole := r.partner.Get(t, r.claim.ID); whole.Types() != consented+" referral.upgraded" ||
				!whole.EventsIntact {
				t.Errorf("the claim's events are %s", whole.Types())
			}
		})
	}
	soak.Audit(t)
}
