package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"mci.example/customers/scripts/local/client"
	"mci.example/customers/shared/mci"
)

// claim is what the generator knows of a claim: what was confirmed of it, so that it can be looked for afterwards.
type claim struct {
	id        mci.ClaimID
	partner   int
	customer  int
	link      string // of the latest consent email
	awaited   bool   // the email was confirmed, and is on its way
	page      []byte // behind the link
	confirmed map[mci.EventType]int
	emails    map[string]int // by what they are: see emailsOf
	unsettled bool           // an answer broke the rules, so nobody knows what became of the call
}

// stage is where a claim waits for somebody to act on it.
type stage string

const (
	unasked   stage = "unasked" // added or claimed
	mailed    stage = "mailed"  // the email is on its way
	emailed   stage = "emailed" // the customer has it
	opened    stage = "opened"  // the page is open
	consented stage = "consented"
	submitted stage = "submitted"
)

// call is one request, and what a success means.
type call struct {
	*kind
	method, path, token, key string // the key is its Idempotency-Key
	body                     any
	claim                    *claim        // that it is about
	to                       stage         // where the claim waits after a success
	event                    mci.EventType // that a success confirms
	partner, customer        int           // of a nomination
	succeeded                func(body []byte)
	told                     time.Time // to try again
}

// kind is a kind of call.
type kind struct {
	name    string
	share   float64
	success int
	refused []int                        // what the rules may refuse it with, beside 503
	make    func(*traffic) *call         // nil where there is nothing to act on
	about   func(*traffic, *claim) *call // of a kind that acts on claims: one on this very claim
}

// read makes a kind of call that reads one of the paths, as the partner's user.
func read(name string, share float64, path func(*traffic) string) *kind {
	return &kind{name: name, share: share, success: 200, make: func(t *traffic) *call {
		return &call{method: http.MethodGet, path: path(t), token: t.tokens[t.partners.choose()]}
	}}
}

// readAs makes a kind of call that reads a path as somebody of the program.
func readAs(name string, share float64, path string, token func(*traffic) string) *kind {
	return &kind{name: name, share: share, success: 200, make: func(t *traffic) *call {
		return &call{method: http.MethodGet, path: path, token: token(t)}
	}}
}

// kinds are a day's calls with their shares, and the answers that the rules allow.
var kinds = []*kind{
	read("engagements", 6, func(*traffic) string { return "/v1/engagements" }),
	read("engagement", 3, func(t *traffic) string { return "/v1/engagements/" + t.anEngagement() }),
	read("customers, eligible", 13, customersPage("tab=eligible")),
	read("customers, ineligible", 3, customersPage("tab=ineligible")),
	read("customers, complete", 3, customersPage("tab=complete")),
	read("customers, search", 4, func(t *traffic) string {
		return customersPage("q=" + t.domain(t.popular.choose()))(t)
	}),
	read("claims", 7, func(*traffic) string { return "/v1/claims" }),
	read("claims by deadline", 5, func(*traffic) string { return "/v1/claims?sort=due&limit=10" }),
	{name: "claim", share: 9, success: 200, make: func(t *traffic) *call {
		if len(t.claims) == 0 {
			return nil
		}
		c := t.claims[len(t.claims)-1-min(len(t.claims)-1, t.popular.choose())] // the latest are looked at most
		return &call{method: http.MethodGet, path: "/v1/claims/" + string(c.id), token: t.tokens[c.partner]}
	}},
	readAs("review queue", 2, "/v1/claims", func(t *traffic) string { return t.staff }),
	read("referrals", 2, func(*traffic) string { return "/v1/referrals" }),
	readAs("referrals, co-sell", 1, "/v1/referrals?type=co-sell", func(t *traffic) string { return t.seller }),
	{name: "check", share: 9, success: 200, make: func(t *traffic) *call {
		partner, customer := t.partners.choose(), t.popular.choose()
		return &call{path: "/v1/eligibility-checks", token: t.tokens[partner], body: object{
			"customerId": object{"type": "domain", "value": t.domain(customer)}, "locationId": t.location(partner)}}
	}},
	adding,
	{name: "claim a customer", share: 1, success: 201, refused: []int{409, 422}, make: func(t *traffic) *call {
		if len(t.known) == 0 {
			return nil
		}
		known := t.known[t.ran.IntN(len(t.known))]
		body := t.nomination(known.partner, known.customer, t.anEngagementFor(known.customer))
		delete(body, "customerId")
		return &call{path: "/v1/customers/" + t.customer(known.customer) + "/claims", token: t.tokens[known.partner],
			body: body, key: t.newKey(), event: mci.ClaimClaimed, to: unasked, partner: known.partner,
			customer: known.customer}
	}},
	acting("preview", 1.5, 200, nil, unasked, func(t *traffic, c *claim) *call {
		return &call{path: "/consent-previews", body: object{}, to: unasked}
	}),
	acting("ask for consent", 6.5, 202, []int{429}, unasked, func(t *traffic, c *claim) *call {
		return &call{path: "/consent-requests", event: mci.ConsentRequested, to: mailed, body: object{
			"dealSize": object{"amount": "60000.00", "currency": "USD"}, "disclaimerAccepted": true}}
	}),
	acting("remind", 0.5, 202, []int{429}, emailed, func(t *traffic, c *claim) *call {
		return &call{path: "/consent-requests", event: mci.ConsentReminded, to: emailed, body: object{}}
	}),
	acting("open the link", 6, 200, nil, emailed, func(t *traffic, c *claim) *call {
		return &call{method: http.MethodGet, to: opened, succeeded: func(page []byte) { c.page = page }}
	}),
	acting("answer", 5.5, 303, nil, opened, func(t *traffic, c *claim) *call {
		made := &call{body: client.Fill(url.Values{"decision": {"accept"}}, c.page),
			event: mci.ConsentAccepted, to: consented, succeeded: func([]byte) { t.known = append(t.known, c) }}
		if t.ran.IntN(10) == 0 {
			made.body, made.event, made.to, made.succeeded = client.Fill(url.Values{"decision": {"decline"}}, c.page),
				mci.ConsentDeclined, "", nil
		}
		return made
	}),
	acting("submit", 5, 200, nil, consented, func(t *traffic, c *claim) *call {
		today := time.Now().Add(t.ahead).UTC().Format(time.DateOnly)
		return &call{path: "/submission", event: mci.ClaimSubmitted, to: submitted, body: object{"completedOn": today,
			"notes": ""}}
	}),
	acting("cancel", 0.5, 200, nil, consented, func(t *traffic, c *claim) *call {
		return &call{path: "/cancellation", event: mci.ClaimCancelled, body: object{"reason": ""}}
	}),
	acting("review", 4.5, 200, nil, submitted, func(t *traffic, c *claim) *call {
		made := &call{path: "/review", token: t.staff, event: mci.ClaimCompleted}
		decision := mci.Complete
		switch t.ran.IntN(10) {
		case 0:
			decision, made.event, made.to = mci.Return, mci.ClaimReturned, consented
		case 1:
			decision, made.event = mci.Reject, mci.ClaimRejected
		}
		made.body = object{"decision": decision, "reason": "Looked at."}
		return made
	}),
	{name: "sweep", share: 0.3, success: 200, make: func(*traffic) *call {
		return &call{path: "/local/invoke/expiry-sweep", body: object{}}
	}},
}

// adding is also what is done where there is no claim to act on.
var adding = &kind{name: "add a customer", share: 7.5, success: 201, refused: []int{409, 422}}

func init() {
	adding.make = func(t *traffic) *call {
		customer := t.popular.choose()
		return t.add(t.partners.choose(), customer, t.anEngagementFor(customer))
	}
}

// add makes the call by which a partner adds a customer.
func (t *traffic) add(partner, customer, engagement int) *call {
	return &call{kind: adding, method: http.MethodPost, path: "/v1/customers", token: t.tokens[partner],
		key: t.newKey(), event: mci.ClaimAdded, to: unasked, partner: partner, customer: customer,
		body: t.nomination(partner, customer, engagement)}
}

// newKey gives an Idempotency-Key.
func (t *traffic) newKey() string {
	t.keys++
	return fmt.Sprintf("%s-%d", t.run, t.keys)
}

// acting makes a kind of call about the claim that waits longest at a stage. One without a path is the customer's, at
// the link; all others are the partner's, or whose token they have.
func acting(name string, share float64, success int, refused []int, from stage,
	make func(*traffic, *claim) *call) *kind {
	k := &kind{name: name, share: share, success: success, refused: refused}
	k.about = func(t *traffic, c *claim) *call {
		made := make(t, c)
		made.kind, made.claim, made.method = k, c, cmp.Or(made.method, http.MethodPost)
		if made.event != "" {
			made.key = t.newKey()
		}
		if made.path == "" {
			made.path = c.link
		} else {
			made.path, made.token = "/v1/claims/"+string(c.id)+made.path, cmp.Or(made.token, t.tokens[c.partner])
		}
		return made
	}
	k.make = func(t *traffic) *call {
		waiting := t.waiting[from]
		if len(waiting) == 0 {
			return nil
		}
		t.waiting[from] = waiting[1:]
		return k.about(t, waiting[0])
	}
	return k
}

func customersPage(query string) func(*traffic) string {
	return func(t *traffic) string { return "/v1/engagements/" + t.anEngagement() + "/customers?" + query }
}

// traffic is what goes on: the calls, and the claims with what waits to be done to them.
type traffic struct {
	*world
	ahead time.Duration // the functions' clock

	mu      sync.Mutex
	calls   []*call
	keys    int
	again   []*call  // told to try again
	claims  []*claim // in the order of their birth
	byID    map[mci.ClaimID]*claim
	known   []*claim // whose customers are known to their partners
	waiting map[stage][]*claim
	broken  []string // promises, in words
	mailbox *client.Mailbox
	early   []client.Email // that were quicker than the answer that confirms their claim
}

func newTraffic(w *world) *traffic {
	return &traffic{world: w, byID: map[mci.ClaimID]*claim{}, waiting: map[stage][]*claim{},
		mailbox: client.NewMailbox(w.Client, time.Now().Unix())}
}

func (t *traffic) anEngagement() string { return t.engagement(t.ran.IntN(engagementCount)) }

// choose makes a call, of a kind by the kinds' shares. Who was told to try again does so after a second.
func (t *traffic) choose() *call {
	if len(t.again) > 0 && time.Since(t.again[0].told) > time.Second {
		c := t.again[0]
		t.again = t.again[1:]
		return c
	}
	at := 0.0
	for _, k := range kinds {
		at += k.share
	}
	at *= t.ran.Float64()
	chosen := adding
	for _, k := range kinds {
		if at -= k.share; at < 0 {
			chosen = k
			break
		}
	}
	made := chosen.make(t)
	if made == nil {
		return adding.make(t)
	}
	made.kind, made.method = chosen, cmp.Or(made.method, http.MethodPost)
	return made
}

// headers are pairs of name and value, as client.Send takes them.
func (c *call) headers() []string {
	if c.key == "" {
		return nil
	}
	return []string{"Idempotency-Key", c.key}
}

// next is vegeta's targeter. The number of the call stands in the URL's fragment, which is not sent.
func (t *traffic) next(target *vegeta.Target) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.choose()
	request, err := t.Request(context.Background(), c.method, c.path, c.token, c.body, c.headers()...)
	if err != nil {
		return err
	}
	target.Method, target.Header, target.URL = c.method, request.Header, fmt.Sprintf("%s#%d", request.URL, len(t.calls))
	target.Body, err = io.ReadAll(request.Body)
	t.calls = append(t.calls, c)
	return err
}

// called is the call that a result is of.
func (t *traffic) called(result *vegeta.Result) *call {
	_, number, _ := strings.Cut(result.URL, "#")
	at, err := strconv.Atoi(number)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil || at >= len(t.calls) {
		return nil
	}
	return t.calls[at]
}

// answered notes what an answer confirms, and whether the rules allow it.
func (t *traffic) answered(c *call, status int, body []byte, failure string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case status == c.success:
		t.confirm(c, body)
	case status == http.StatusServiceUnavailable:
		c.told = time.Now()
		t.again = append(t.again, c)
		return // which needs its body
	case !slices.Contains(c.refused, status):
		if c.claim != nil {
			c.claim.unsettled = true
		}
		t.breaks("%s was answered %d %s%.300s", c.name, status, failure, body)
	}
	c.body = nil
}

// breaks notes that a promise is broken.
func (t *traffic) breaks(text string, values ...any) {
	t.broken = append(t.broken, fmt.Sprintf(text, values...))
}

func (t *traffic) confirm(c *call, body []byte) {
	if c.claim == nil && c.event != "" {
		var born struct{ Claims []struct{ ID mci.ClaimID } }
		if err := json.Unmarshal(body, &born); err != nil || len(born.Claims) != 1 {
			t.breaks("%s was confirmed without a claim: %.300s", c.name, body)
			return
		}
		c.claim = t.byID[born.Claims[0].ID]
		if c.claim != nil {
			t.breaks("%s was confirmed with claim %s, which was there before", c.name, c.claim.id)
			return
		}
		c.claim = &claim{id: born.Claims[0].ID, partner: c.partner, customer: c.customer,
			confirmed: map[mci.EventType]int{}, emails: map[string]int{}}
		t.claims, t.byID[c.claim.id] = append(t.claims, c.claim), c.claim
	}
	if c.event != "" {
		c.claim.confirmed[c.event]++
	}
	if c.succeeded != nil {
		c.succeeded(body)
	}
	switch {
	case c.to == mailed && c.claim.link == "":
		c.claim.awaited = true
	case c.to == mailed:
		t.waiting[emailed] = append(t.waiting[emailed], c.claim)
	case c.to != "":
		t.waiting[c.to] = append(t.waiting[c.to], c.claim)
	}
}

// attack has the traffic come at a rate for some time, and gives every answer's sample.
func (t *traffic) attack(ctx context.Context, rate float64, length time.Duration) ([]sample, *schedule, error) {
	s := newSchedule(rate, length)
	attacker := vegeta.NewAttacker(vegeta.Redirects(vegeta.NoFollow), vegeta.Timeout(time.Minute))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	reading, stop := context.WithCancel(ctx)
	group, reading := errgroup.WithContext(reading)
	group.Go(func() error { return t.readMailUntil(reading) })
	var samples []sample
	for result := range attacker.Attack(t.next, s, 0, "") {
		s.answered.Add(1)
		c := t.called(result)
		t.answered(c, int(result.Code), result.Body, result.Error)
		samples = append(samples, sample{c.kind, s.due(result.Seq), s.latency(result.Seq, result.End()),
			int(result.Code)})
	}
	stop()
	return samples, s, errors.Join(group.Wait(), ctx.Err())
}

// sample is an answer: to what, when it was due, counted from the beginning, and how long it took since then.
type sample struct {
	kind    *kind
	due     time.Duration
	latency time.Duration
	status  int
}
