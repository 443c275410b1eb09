// Package day lets the clock run through three days, much quicker than the real one, while work goes on: what time
// brings must come once and in its time, and no function may grow.
package day

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

func TestMain(m *testing.M) {
	localtest.Main(m, localtest.WithNotices, func(config *cloud.Config) {
		config.MailsPerPartner = "1000000" // one partner does all the work (D25)
	})
}

const days = 3

// size is in how many steps the clock goes through a day, how long the work of each step goes on, and for how long
// memory is watched then; 0 is one round of work, and no watching. With SOAK=65m each day goes by a hundred times as
// quickly as a real one, in steps of an hour.
func size() (steps int, working, watching time.Duration) {
	limit, long := soak.Long()
	if !long {
		return 1, 0, 0
	}
	aDay := limit * 2 / 3 / days
	steps = min(max(int(aDay/(10*time.Second)), 1), 24)
	return steps, aDay / time.Duration(steps), limit / 3
}

// born are the claims of a step, each kind with its own fate.
type born struct {
	unasked    story.Claim // has a day to be asked
	unanswered story.Claim // has three days to be consented to, and is reminded of that a day before
	unfinished story.Claim // is consented to, has two days to be submitted, and is told of that a day before
}

// day is who works, and what the claims are of.
type day struct {
	partner             story.Partner
	staff               string
	short, long, coSell string // engagements

	mu        sync.Mutex
	customers []story.Customer
}

func TestWhatTimeBringsComesOnceWhileWorkGoesOn(t *testing.T) {
	steps, working, watching := size()
	reminders := func(consent, submission []int) story.Object {
		return story.Object{"consentDays": consent, "submissionDays": submission}
	}
	d := &day{
		partner: story.NewPartner(t), staff: story.Program(t),
		short: story.Engagement(t, story.Object{"consentWindowDays": 1}),
		long: story.Engagement(t, story.Object{"consentWindowDays": 3, "submissionWindowDays": 2,
			"reminders": reminders([]int{1}, []int{1})}),
		coSell: story.Engagement(t, story.WithCoSell(false)),
	}
	offset := localtest.Cloud().Offset()
	localtest.SetClock(t, offset) // which has the test set it back in the end
	var claims []born
	for step := range days * steps {
		claims = append(claims, d.bear(t))
		// The stream brings a record again whose function died after it had worked on it, and another one late: after
		// the clock has gone on.
		again := localtest.Inject(t, localtest.Fault{Effect: localtest.KillAfter, Function: platform.Stream.Function,
			Action: "TransactWriteItems"})
		repeated := d.consented(t, d.coSell)
		d.work(t, working)
		localtest.WaitDrained(t)
		again.Remove()
		if c := d.partner.Get(t, repeated.ID); again.Fired() == 0 || c.Referral.Type != string(mci.CoSell) {
			t.Errorf("%d records came again, and a referral is %s", again.Fired(), c.Referral.Type)
		}
		late := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: platform.Stream.Function})
		upgraded := d.consented(t, d.coSell)
		late.Wait(t)
		offset += story.Day / time.Duration(steps)
		if err := localtest.Cloud().SetClock(offset); err != nil {
			t.Fatal(err)
		}
		late.Remove()
		d.sweep(t)
		localtest.WaitDrained(t)
		if c := d.partner.Get(t, upgraded.ID); c.Referral.Type != string(mci.CoSell) {
			t.Errorf("the record that came late left the referral %s", c.Referral.Type)
		}
		for age, judge := range []func(testing.TB, born){d.afterADay, d.afterTwoDays} {
			if at := step + 1 - (age+1)*steps; at >= 0 {
				judge(t, claims[at])
			}
		}
	}
	soak.Audit(t)
	if watching >= time.Minute { // sooner nothing is settled
		d.watch(t, watching)
		soak.Audit(t)
	}
}

// customer gives one that nobody has met.
func (d *day) customer(t testing.TB) story.Customer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.customers) == 0 {
		names := make([]string, 20)
		for i := range names {
			names[i] = story.Name("Customer")
		}
		d.customers = story.NewCustomers(t, names, d.short, d.long, d.coSell)
	}
	c := d.customers[0]
	d.customers = d.customers[1:]
	return c
}

func (d *day) consented(t testing.TB, engagement string) story.Claim {
	t.Helper()
	return d.partner.Consented(t, d.customer(t), engagement)
}

// bear has a step's claims born.
func (d *day) bear(t testing.TB) born {
	b := born{d.partner.Add(t, d.customer(t), d.short), d.partner.Add(t, d.customer(t), d.long), d.consented(t, d.long)}
	d.partner.Ask(t, b.unanswered)
	return b
}

func (d *day) afterADay(t testing.TB, b born) {
	d.had(t, b.unasked, "claim.added claim.expired")
	d.had(t, b.unanswered, "claim.added consent.requested email.sent")
	d.had(t, b.unfinished, "claim.added consent.requested email.sent consent.accepted submission.due-soon")
}

func (d *day) afterTwoDays(t testing.TB, b born) {
	d.had(t, b.unasked, "claim.added claim.expired")
	d.had(t, b.unanswered, "claim.added consent.requested email.sent consent.reminded email.sent")
	d.had(t, b.unfinished,
		"claim.added consent.requested email.sent consent.accepted submission.due-soon claim.expired")
	if mails := localtest.Mails(t, b.unanswered.CustomerContact.Email); len(mails) != 2 {
		t.Errorf("the customer was asked and reminded by %d emails", len(mails))
	}
}

// had holds a claim's events against what must have happened, each once and no sooner than in its time.
func (d *day) had(t testing.TB, c story.Claim, types string) {
	t.Helper()
	now := d.partner.Get(t, c.ID)
	if now.Types() != types || !now.EventsIntact {
		t.Errorf("a claim of %s had %s at %s, instead of %s", c.CreatedAt, now.Types(), localtest.Now(), types)
	}
	for _, event := range now.Events {
		if event.Actor == mci.ActorSystem && event.At.Sub(c.CreatedAt) < story.Day && event.Type != "email.sent" {
			t.Errorf("%s came %s after the claim was born", event.Type, event.At.Sub(c.CreatedAt))
		}
	}
}

// sweep runs the sweep until it says that all is done.
func (d *day) sweep(t testing.TB) {
	t.Helper()
	for remaining := true; remaining; {
		answer := localtest.Invoke(t, platform.Schedule.Function, story.Object{}).Expect(t, 200)
		remaining = localtest.Decode[struct{ Remaining bool }](t, answer).Remaining
	}
}

// work has several claims at a time go through their lives, for some time, or once each.
func (d *day) work(t testing.TB, length time.Duration) {
	const workers = 2
	var working sync.WaitGroup
	began := time.Now()
	for range workers {
		working.Go(func() {
			for done := false; !done; done = time.Since(began) >= length || t.Failed() {
				d.life(t)
			}
		})
	}
	working.Wait()
}

// life takes a customer through the product, so that every function has something to do.
func (d *day) life(t testing.TB) {
	p, c := d.partner, d.customer(t)
	get := func(token string, paths ...string) {
		for _, path := range paths {
			localtest.Call(t, http.MethodGet, path, token, nil).Expect(t, 200)
		}
	}
	get("", "/v1/openapi.json", "/.well-known/jwks.json")
	page, err := http.Get(localtest.URL() + "/portal")
	if err != nil || page.Body.Close() != nil || page.StatusCode != 200 {
		t.Errorf("the portal does not lead to the sign-in page: %v", err)
	}
	get(p.Token, "/v1/engagements", "/v1/claims", "/v1/engagements/"+d.coSell+"/customers")
	localtest.Call(t, http.MethodPost, "/v1/eligibility-checks", p.Token, story.Object{"customerId": c.By(mci.TPID),
		"locationId": p.Location}).Expect(t, 200)
	claim := p.Add(t, c, d.coSell)
	link := p.Ask(t, claim)
	story.MailEvent(t, "Delivery", localtest.Mail(t, c.Email, 1).MessageID, nil)
	story.Accept(t, link)
	get(d.staff, "/v1/claims", "/v1/referrals", "/v1/claims/"+claim.ID, "/v1/claims/"+claim.ID+"/receipt")
	p.Submit(t, claim.ID)
	story.Review(t, claim.ID, mci.Complete)
	p.Cancel(t, p.Claim(t, c, d.coSell).ID)
	story.Sweep(t)
}

// Memory may differ by so much between an early window, when all is warm, and the end: a tenth, and what the collector
// leaves one time and not another.
const (
	tolerance = 1.1
	leeway    = 4 << 20
)

// bearEarlier has claims born two days ago, a few seconds apart. So, for that length of time from now on, customers are
// reminded and deadlines pass again and again. What was due before is swept.
func (d *day) bearEarlier(t testing.TB, length time.Duration) (claims []born) {
	const step = 5 * time.Second
	now := localtest.Now()
	for later := time.Duration(0); later < length; later += step {
		story.ClockAt(t, now.Add(later-2*story.Day))
		claims = append(claims, d.bear(t))
	}
	localtest.WaitDrained(t)
	story.ClockAt(t, now.Add(length-story.Day))
	d.sweep(t)
	localtest.WaitDrained(t)
	story.ClockAt(t, now)
	return claims
}

// watch has the work go on, by the same processes, and holds the memory of each at the end against an early window.
func (d *day) watch(t *testing.T, length time.Duration) {
	if !slices.ContainsFunc(localtest.Cloud().Processes(), func(p cloud.Process) bool { return p.Memory > 0 }) {
		t.Skip("this machine has no /proc to watch memory by")
	}
	claims := d.bearEarlier(t, length)
	began := time.Now()
	working := make(chan struct{})
	go func() {
		defer close(working)
		d.work(t, length)
	}()
	early, end := map[cloud.Process][]int64{}, map[cloud.Process][]int64{}
	for tick := time.NewTicker(length / 240); ; {
		select {
		case <-tick.C:
		case <-working:
			tick.Stop()
			compare(t, early, end)
			localtest.WaitDrained(t)
			for _, b := range claims[:len(claims)*3/4] { // the work had the last quarter to find that they were due
				d.afterTwoDays(t, b)
			}
			return
		}
		for _, p := range localtest.Cloud().Processes() {
			process := cloud.Process{Name: p.Name, PID: p.PID}
			switch gone := time.Since(began); {
			case p.Memory == 0: // it has just ended
			case gone > length/4 && gone < length/2:
				early[process] = append(early[process], p.Memory)
			case gone > length*3/4:
				end[process] = append(end[process], p.Memory)
			}
		}
	}
}

// compare holds functions' memory in two windows against each other. The gateway and the engines are not the product's.
func compare(t testing.TB, early, end map[cloud.Process][]int64) {
	watched := map[string]bool{}
	for process, before := range early {
		after := end[process]
		if platform.FunctionOf(process.Name).Name == "" || len(after) == 0 {
			continue
		}
		watched[process.Name] = true
		was, is := median(before), median(after)
		t.Logf("%s: %.1f MB, then %.1f MB", process.Name, float64(was)/(1<<20), float64(is)/(1<<20))
		if float64(is) > float64(was)*tolerance+leeway {
			t.Errorf("%s has grown from %d to %d bytes", process.Name, was, is)
		}
	}
	for _, function := range platform.Functions {
		if !watched[function.Name] {
			t.Errorf("no process of %s was there long enough to be watched", function.Name)
		}
	}
}

func median(values []int64) int64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

func TestAFunctionThatGrowsIsSeen(t *testing.T) {
	steady := func(from int64) (values []int64) {
		for range 9 {
			values = append(values, from+rand.Int64N(1<<20))
		}
		return values
	}
	for _, c := range []struct {
		early, end int64
		grown      bool
	}{{20 << 20, 20 << 20, false}, {20 << 20, 24 << 20, false}, {20 << 20, 30 << 20, true}} {
		early, end := map[cloud.Process][]int64{}, map[cloud.Process][]int64{}
		for i, function := range platform.Functions {
			early[cloud.Process{Name: function.Name, PID: i}] = steady(c.early)
			end[cloud.Process{Name: function.Name, PID: i}] = steady(c.end)
		}
		told := &counting{TB: t}
		compare(told, early, end)
		if want := map[bool]int{true: len(platform.Functions)}[c.grown]; told.errors != want {
			t.Errorf("from %d to %d bytes: %d functions were said to have grown", c.early, c.end, told.errors)
		}
	}
}

// counting counts errors in place of failing.
type counting struct {
	testing.TB
	errors int
}

func (c *counting) Errorf(text string, values ...any) {
	c.errors++
	c.Log(fmt.Sprintf(text, values...))
}
func (c *counting) Logf(string, ...any) {}
