// Package engine kills the DynamoDB engine and the functions at random while claims go through their lives, and has the
// mail service fail in every way: what was confirmed is there, what is there is whole, and whoever repeats gets
// through.
package engine

import (
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) {
	soak.Parallel("8")
	localtest.Main(m, func(config *cloud.Config) { config.Output = io.Discard })
}

// confirmed is what a client was told of a claim.
type confirmed struct {
	partner story.Partner
	claim   story.Claim
}

// client takes claims through their lives, whatever happens: it repeats what failed until it is confirmed.
type client struct {
	t        *testing.T
	partner  story.Partner
	program  string
	progress *atomic.Int64 // requests that were confirmed, of all clients
	done     []confirmed
}

// insist repeats a request until it is answered so.
func (c *client) insist(status int, ask func(key string) localtest.Response) localtest.Response {
	key := story.Name("key")
	for range 200 {
		answer := ask(key)
		switch {
		case answer.Status == status:
			c.progress.Add(1)
			return answer
		case answer.Header.Get("Retry-After") != "":
			c.wait(answer.Header.Get("Retry-After"))
		case answer.Status < http.StatusInternalServerError:
			c.t.Errorf("answered %d instead of %d: %s", answer.Status, status, answer.Body)
			return answer
		}
	}
	c.t.Errorf("never answered %d", status)
	return localtest.Response{}
}

// wait honours a Retry-After by moving the clock. A second is over by itself.
func (c *client) wait(after string) {
	seconds, err := strconv.Atoi(after)
	if err != nil {
		c.t.Errorf("Retry-After is %q", after)
	}
	if seconds <= 1 {
		return
	}
	moving.Lock()
	defer moving.Unlock()
	if err := localtest.Cloud().SetClock(localtest.Cloud().Offset() + time.Duration(seconds)*time.Second); err != nil {
		c.t.Error(err)
	}
}

// moving is held by whoever moves the clock.
var moving sync.Mutex

func (c *client) live(customer story.Customer, engagement string) {
	t := c.t
	body := c.partner.Nomination(customer, customer.By(mci.TPID), []string{engagement}, nil)
	answer := c.insist(201, func(key string) localtest.Response {
		return localtest.Call(t, "POST", "/v1/customers", c.partner.Token, body, "Idempotency-Key", key)
	})
	if answer.Status != 201 {
		return
	}
	claim := story.Born(t, answer)[0]
	note := func(answer localtest.Response) {
		if answer.Status/100 == 2 {
			claim = localtest.Decode[story.Claim](t, answer)
			c.done = append(c.done, confirmed{c.partner, claim})
		}
	}
	on := func(token, what string, status int, body story.Object) {
		note(c.insist(status, func(key string) localtest.Response {
			return story.Post(t, token, claim.ID, what, body, "Idempotency-Key", key)
		}))
	}
	on(c.partner.Token, "consent-requests", 202, story.FirstRequest("60000.00"))
	link := story.Link(t, customer.Email)
	c.insist(303, func(string) localtest.Response { return story.Answer(t, link, story.Form("accept")) })
	on(c.partner.Token, "submission", 200, story.Submission())
	on(c.program, "review", 200, story.Object{"decision": "complete", "reason": ""})
}

func TestWhatWasConfirmedSurvivesTheEngineAndTheFunctionsBeingKilled(t *testing.T) {
	if os.Getenv("DYNAMODB_ENDPOINT") != "" {
		t.Skip("the engine is another's, and cannot be killed")
	}
	kills, lives := 4, 6
	if limit, long := soak.Long(); long {
		kills = int(limit/time.Second) / 4
		lives = kills
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))

	engagement := story.Engagement(t, story.WithCoSell(false))
	names := make([]string, 4*lives)
	for i := range names {
		names[i] = story.Name("Customer")
	}
	customers := story.NewCustomers(t, names, engagement)
	var progress atomic.Int64
	clients := make([]*client, 4)
	for i, partner := range story.NewPartners(t, len(clients)) {
		clients[i] = &client{t: t, partner: partner, program: story.Program(t), progress: &progress}
	}
	var living sync.WaitGroup
	finished := make(chan struct{})
	for i, c := range clients {
		living.Go(func() {
			for _, customer := range customers[i*lives : (i+1)*lives] {
				c.live(customer, engagement)
			}
		})
	}
	go func() {
		living.Wait()
		close(finished)
	}()

	functions := []string{"add-customer", "send-consent", "consent-callback", "submit-claim", "review-claim",
		"referral-upgrade"}
	var dying []*localtest.Injected
	enginesKilled := 0
	for kill := range kills {
		// One request in some dies with its function, before or after it takes effect, and then the engine does.
		dying = append(dying, localtest.Inject(t, localtest.Fault{
			Effect:   []localtest.Effect{localtest.KillBefore, localtest.KillAfter}[kill%2],
			Function: functions[random.IntN(len(functions))], Action: "TransactWriteItems", Skip: random.IntN(3),
		}))
		point := localtest.Inject(t, localtest.Fault{
			Effect: localtest.Lose, Service: localtest.DynamoDBService, Action: "TransactWriteItems",
			Skip: 2 + random.IntN(12),
		})
		if !await(point, finished) {
			break
		}
		if err := localtest.Cloud().KillDatabase(); err != nil {
			t.Fatal(err)
		}
		if err := localtest.Cloud().RestartDatabase(t.Context()); err != nil {
			t.Fatal(err)
		}
		enginesKilled++
	}
	<-finished
	localtest.WaitDrained(t) // the function that the stream wakes may die, too
	functionsKilled := 0
	for _, death := range dying {
		functionsKilled += death.Fired()
	}
	t.Logf("the engine was killed %d times, a function %d times", enginesKilled, functionsKilled)
	if enginesKilled == 0 || functionsKilled == 0 {
		t.Error("what was to be survived never happened")
	}

	told := 0
	for _, c := range clients {
		for _, was := range c.done {
			told++
			is := was.partner.Get(t, was.claim.ID)
			if is.Version < was.claim.Version || !is.EventsIntact || is.Status != "completed" {
				t.Errorf("claim %s was confirmed as version %d, %s, and is version %d, %s; its history is whole: %t",
					is.ID, was.claim.Version, was.claim.Status, is.Version, is.Status, is.EventsIntact)
			}
		}
	}
	if told != 3*len(customers) {
		t.Errorf("%d of %d steps were confirmed", told, 3*len(customers))
	}
	soak.Audit(t)
}

// await waits for the point's request; it says whether that came before all was over.
func await(point *localtest.Injected, finished <-chan struct{}) bool {
	for point.Fired() == 0 {
		select {
		case <-finished:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

func TestS21_WhateverTheMailServiceDoesTheSameRequestGetsThrough(t *testing.T) {
	engagement := story.Engagement(t, nil)
	first := story.FirstRequest("60000.00")
	tests := []struct {
		name   string
		fault  localtest.Fault
		emails int // at most
	}{
		{"it is down", localtest.Fault{Effect: localtest.Down}, 1},
		{"it fails", localtest.Fault{Effect: localtest.Fail}, 1},
		{"it throttles", localtest.Fault{Effect: localtest.Throttle}, 1},
		{"it rejects", localtest.Fault{Effect: localtest.Reject}, 1},
		{"its answer is lost", localtest.Fault{Effect: localtest.Lose}, 2},
		{"it is slower than is waited for", localtest.Fault{Effect: localtest.Slow, Delay: 9 * time.Second}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			partner, customer := story.NewPartner(t), story.NewCustomer(t, engagement)
			claim := partner.Add(t, customer, engagement)
			fault := test.fault
			fault.Service = localtest.SESService
			fault.Match = localtest.Naming(claim.ID)
			injected := localtest.Inject(t, fault)
			ask := func() localtest.Response {
				return story.Post(t, partner.Token, claim.ID, "consent-requests", first, "Idempotency-Key", "one")
			}
			answer := ask()
			story.Refused(t, answer, 503, mci.MailUnavailable)
			if answer.Header.Get("Retry-After") == "" || injected.Fired() != 1 {
				t.Errorf("it says not when to try again, or the fault met %d requests", injected.Fired())
			}
			if half := partner.Get(t, claim.ID); half.Status != "consent-pending" || half.EmailStatus != "" {
				t.Errorf("meanwhile the claim is %s, its email %q", half.Status, half.EmailStatus)
			}
			ask().Expect(t, 202)
			mails := localtest.Mails(t, customer.Email)
			if len(mails) < 1 || len(mails) > test.emails {
				t.Errorf("%d emails were sent", len(mails))
			}
			for _, mail := range mails {
				localtest.Call(t, "GET", localtest.ConsentLink(t, mail), "", nil).Expect(t, 200)
			}
			if whole := partner.Get(t, claim.ID); whole.Types() != "claim.added consent.requested email.sent" {
				t.Errorf("the claim's events are %s", whole.Types())
			}
		})
	}
}

func TestD13_WhileAnEmailIsOnItsWayNoSecondOneIsSent(t *testing.T) {
	engagement := story.Engagement(t, nil)
	partner, customer := story.NewPartner(t), story.NewCustomer(t, engagement)
	claim := partner.Add(t, customer, engagement)
	hold := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Service: localtest.SESService,
		Match: localtest.Naming(claim.ID)})
	first := make(chan localtest.Response)
	go func() {
		first <- story.Post(t, partner.Token, claim.ID, "consent-requests", story.FirstRequest("60000.00"))
	}()
	hold.Wait(t)
	for i := range 5 {
		answer := story.Post(t, partner.Token, claim.ID, "consent-requests", story.Object{})
		story.Refused(t, answer, 503, mci.TryAgain)
		if wait := answer.Header.Get("Retry-After"); wait == "" {
			t.Errorf("answer %d says not when to try again", i)
		}
	}
	hold.Release()
	(<-first).Expect(t, 202)
	if mails := localtest.Mails(t, customer.Email); len(mails) != 1 {
		t.Errorf("%d emails were sent", len(mails))
	}
}

func TestD21_AnEmailOfWhichNobodyKnowsWhetherItWentOutIsOneOfTheDaysTen(t *testing.T) {
	engagement := story.Engagement(t, nil)
	tests := []struct {
		name   string
		effect localtest.Effect
		last   int // the answer after ten
		emails int
	}{
		{"SES takes them, and its answers are lost", localtest.Lose, 429, 10},
		{"SES says that it does not take them", localtest.Throttle, 503, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			partner, customer := story.NewPartner(t), story.NewCustomer(t, engagement)
			claim := partner.Add(t, customer, engagement)
			localtest.Inject(t, localtest.Fault{Effect: test.effect, Service: localtest.SESService,
				Times: localtest.All, Match: localtest.Naming(claim.ID)})
			ask := func() localtest.Response {
				return story.Post(t, partner.Token, claim.ID, "consent-requests", story.FirstRequest("60000.00"),
					"Idempotency-Key", "one")
			}
			for range 10 {
				ask().Expect(t, 503)
			}
			for range 3 {
				ask().Expect(t, test.last)
			}
			if mails := localtest.Mails(t, customer.Email); len(mails) != test.emails {
				t.Errorf("%d emails were sent", len(mails))
			}
		})
	}
}
