package crash

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
)

// partnerAddress is where the partner's contact of a run's claim is told of it.
func partnerAddress(r *run) string { return "pat@" + r.partner.ID + ".example" }

// tell hands the claim's latest event of a type to notify, as the bus does.
func (r *run) tell(t *testing.T, event mci.EventType) localtest.Response {
	t.Helper()
	for _, each := range slices.Backward(r.claim.Events) {
		if each.Type == string(event) {
			detail := story.Object{"claimId": r.claim.ID, "seq": strconv.Itoa(each.Seq)}
			return localtest.Invoke(t, "notify", story.Object{"detail": detail})
		}
	}
	t.Fatalf("the claim has no event %s: %s", event, r.claim.Types())
	return localtest.Response{}
}

// told is the telling of a decision: to the customer with the receipt, and to the partner's contact.
var told = flow{
	name: "tell of a decision", function: "notify", status: 200, events: consented,
	prepare: func(t *testing.T, r *run) { r.bring(t, mci.Consented, r.engagements[0]) },
	do:      func(t *testing.T, r *run) localtest.Response { return r.tell(t, mci.ConsentAccepted) },
	check: func(t *testing.T, r *run) {
		receipts, notices := len(r.mailbox[contactOf(r)])-1, len(r.mailbox[partnerAddress(r)])
		if receipts < 1 || notices < 1 || receipts+notices > 3 {
			t.Errorf("%d receipts and %d notices were sent instead of one each, or one more", receipts, notices)
		}
	},
}

// TestD30_NoFaultLosesAReminderNorSendsItTwiceButForACrash has the sweep meet each fault at the commit of a reminder,
// and then notify at each of its calls.
func TestD30_NoFaultLosesAReminderNorSendsItTwiceButForACrash(t *testing.T) {
	w := newWorld(t)
	engagement := story.Engagement(t, story.Object{
		"consentWindowDays": 10, "reminders": story.Object{"consentDays": []int{5}},
	})
	w.engagements[0] = engagement
	remind := flow{
		name: "remind", function: "notify", status: 200,
		events: added + " consent.requested email.sent consent.reminded email.sent",
		do:     func(t *testing.T, r *run) localtest.Response { return r.tell(t, mci.ConsentReminded) },
		check:  asked(contactOf, 1),
	}
	atCommit := effectsOn(call{service: localtest.DynamoDBService, action: "TransactWriteItems"})
	most := 30 // reminders: one for each fault at notify's calls, and some for none
	if _, long := soak.Long(); long {
		most = 60
	}
	w.people(t, most)
	runs := make([]*run, most)
	for i := range runs {
		runs[i] = w.newRun(t)
		runs[i].bring(t, mci.ConsentPending, engagement)
	}
	story.ClockAt(t, runs[most-1].claim.ConsentDue.Add(time.Minute-5*story.Day))

	// Sweeps that die, one after another: each fault meets a reminder of its own.
	var faults []*localtest.Injected
	for i, e := range atCommit {
		faults = append(faults, localtest.Inject(t, localtest.Fault{
			Effect: e.Effect, Function: "expiry-sweep", Action: "TransactWriteItems", Times: min(1, e.times),
			Match: runs[i].marked,
		}))
	}
	for range 2 * len(atCommit) {
		localtest.Invoke(t, "expiry-sweep", story.Object{}) // whatever it answers
	}
	for i, fault := range faults {
		if fault.Fired() == 0 {
			t.Errorf("%s met no reminder", atCommit[i])
		}
		fault.Remove()
	}
	soak.Audit(t) // half-done is whole, too
	localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	for _, r := range runs {
		r.claim = r.partner.Get(t, r.claim.ID)
		if strings.Count(r.claim.Types(), string(mci.ConsentReminded)) != 1 {
			t.Fatalf("the claim's events are %s", r.claim.Types())
		}
	}

	calls := callsOf(t, runs[0], remind.do(t, runs[0]).Expect(t, 200).Requests())
	var attempts []attempt
	for _, c := range calls {
		for _, e := range effectsOn(c) {
			attempts = append(attempts, attempt{flow: remind, call: c, effect: e})
		}
	}
	optOuts := effectsOn(call{action: "GetItem"}) // whose requests tell no clients apart
	if len(attempts)+len(optOuts) >= most {
		t.Fatalf("there are %d faults, and %d reminders", len(attempts)+len(optOuts), most)
	}
	for i, e := range optOuts {
		fault := localtest.Inject(t, localtest.Fault{
			Effect: e.Effect, Function: "notify", Action: "GetItem", Times: e.times,
			Match: func(request localtest.Request) bool { return callOf(request).items == "OPTOUT" },
		})
		remind.do(t, runs[most-1-i]) // whatever it answers
		if fault.Fired() == 0 {
			t.Errorf("%s met no look at who said stop", e)
		}
		fault.Remove()
	}
	for i := range attempts {
		attempts[i].run = runs[i+1]
	}
	meet(t, attempts)
	localtest.SetClock(t, localtest.Cloud().Offset()+mci.SendingLease+time.Second)
	for range 2 {
		for _, r := range runs {
			remind.do(t, r).Expect(t, 200)
		}
	}
	w.readMailbox(t)
	for _, r := range runs {
		remind.end(t, r)
	}
	if n := len(w.mailbox[contactOf(runs[0])]); n != 2 {
		t.Errorf("told again without a fault, the customer has %d emails", n)
	}
	w.everyEmailHasItsClaim(t)
	soak.Audit(t)
}
