package late

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
)

// TestD29_LateEventsInDisorderAndMoreThanOnceTellWhatStillHoldsOnce has the bus hand over every event of some claims
// only when their stories are over, each three times, in any order, and some at once.
func TestD29_LateEventsInDisorderAndMoreThanOnceTellWhatStillHoldsOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := story.NewPartner(t)
	localtest.WaitDrained(t)
	before := len(localtest.Mails(t, "pat@partner.example"))
	e := story.Engagement(t, story.Object{
		"consentWindowDays": 10, "reminders": story.Object{"consentDays": []int{7, 6, 2}},
	})
	var asked [3]story.Claim
	var links [3]string
	for i := range asked {
		asked[i], links[i] = p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	}
	cancelled, _ := p.Bring(t, mci.ConsentNotSent, story.NewCustomer(t, e), e)
	for _, days := range []int{7, 6} {
		story.ClockAt(t, cancelled.ConsentDue.Add(time.Minute-mci.Days(days)))
		localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	}
	waiting, completed, stopped := asked[0], asked[1], asked[2]
	story.Accept(t, links[1])
	p.Submit(t, completed.ID)
	story.Review(t, completed.ID, mci.Return)
	p.Submit(t, completed.ID)
	story.Review(t, completed.ID, mci.Complete)
	story.Answer(t, links[2], url.Values{"decision": {"decline"}, "stop": {"yes"}}).Expect(t, 303)
	p.Cancel(t, cancelled.ID)
	localtest.WaitDrained(t)

	var events []json.RawMessage
	for _, claim := range []story.Claim{waiting, completed, stopped, cancelled} {
		now := p.Get(t, claim.ID)
		if !strings.Contains(now.Types(), "reminded") && !strings.Contains(now.Types(), "due-soon") {
			t.Fatalf("a claim was not reminded of: %s", now.Types())
		}
		answer := localtest.Call(t, "GET", "/local/events?claimId="+claim.ID, "", nil).Expect(t, 200)
		of := localtest.Decode[struct{ Events []json.RawMessage }](t, answer).Events
		events = append(events, append(of, append(of, of...)...)...)
	}
	random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	var handing errgroup.Group
	handing.SetLimit(4)
	for _, event := range events {
		handing.Go(func() error {
			for range 20 {
				if localtest.Invoke(t, "notify", event).Status == 200 {
					return nil
				} // else it ran out of time while another sent
			}
			t.Errorf("in twenty tries notify did not take %s", event)
			return nil
		})
	}
	_ = handing.Wait() // answers were waited for

	for claim, want := range map[*story.Claim]int{
		&waiting:   2, // the question, and one reminder for the two
		&completed: 2, // the question and the receipt
		&stopped:   2,
		&cancelled: 0,
	} {
		if n := len(localtest.Mails(t, claim.CustomerContact.Email)); n != want {
			t.Errorf("a customer has %d emails instead of %d: %s", n, want, p.Get(t, claim.ID).Types())
		}
	}
	// Accepted, returned, completed; declined. Deadlines that do not run any more are told to nobody.
	if n := len(localtest.Mails(t, "pat@partner.example")) - before; n != 4 {
		t.Errorf("the partner's contact has %d notices", n)
	}
	soak.Audit(t)
}
