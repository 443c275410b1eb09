package crash

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// world is what all runs stand on.
type world struct {
	engagements []string // of fixed pay, with referrals
	coSell      string   // one that co-sells as well
	managedOnly string   // one that co-sells with managed customers only
	program     string
	partners    []story.Partner  // enough for each run to have its own
	customers   []story.Customer // eligible by their tenants alone
	mailbox     map[string][]client.Email
}

// readMailbox reads all emails, once for all runs.
func (w *world) readMailbox(t *testing.T) {
	t.Helper()
	w.mailbox = map[string][]client.Email{}
	for _, mail := range localtest.Mailbox(t) {
		w.mailbox[mail.To[0]] = append(w.mailbox[mail.To[0]], mail)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	referrals := story.WithCoSell(false)
	referrals["coSell"] = nil
	w := &world{program: story.Program(t), coSell: story.Engagement(t, story.WithCoSell(false)),
		managedOnly: story.Engagement(t, story.WithCoSell(true))}
	for range 3 {
		w.engagements = append(w.engagements, story.Engagement(t, referrals))
	}
	return w
}

// people makes partners and customers for so many runs, at once.
func (w *world) people(t *testing.T, runs int) {
	t.Helper()
	names := make([]string, runs)
	for i := range names {
		names[i] = story.Name("Customer")
	}
	w.partners, w.customers = story.NewPartners(t, runs), story.NewCustomers(t, names)
	data := importer.Data{}
	for _, customer := range w.customers {
		for _, engagement := range append([]string{w.coSell, w.managedOnly}, w.engagements...) {
			data.Add("eligibility.csv", engagement, mci.TenantID, customer.Tenant, true, "")
		}
	}
	localtest.Load(t, data)
}

// run is one flow by one client on one customer.
type run struct {
	*world
	partner  story.Partner
	customer story.Customer
	claim    story.Claim // that the flow is about, if it was there before
	link     string
	key      string       // the request's Idempotency-Key
	message  string       // SES's ID of the email
	tags     story.Object // that SES was given with it, and tells with its events
}

// newRun takes a partner and a customer for a run.
func (w *world) newRun(t *testing.T) *run {
	t.Helper()
	if len(w.partners) == 0 {
		t.Fatal("there are too few partners and customers for all runs")
	}
	r := &run{world: w, partner: w.partners[0], customer: w.customers[0], key: story.Name("key")}
	w.partners, w.customers = w.partners[1:], w.customers[1:]
	return r
}

// begin takes a run to where the flow begins.
func (w *world) begin(t *testing.T, f flow) *run {
	t.Helper()
	r := w.newRun(t)
	if f.prepare != nil {
		f.prepare(t, r)
	}
	if f.ready != nil {
		localtest.WaitDrained(t)
		f.ready(t, r)
	}
	return r
}

// marks are IDs of which each request that a function makes for this run holds one, but for those that tell nothing.
func (r *run) marks() []string {
	marks := []string{r.partner.ID, r.customer.ID, r.customer.Email, r.customer.Tenant, r.customer.Domain}
	for _, mark := range []string{r.claim.ID, r.message} {
		if mark != "" { // a flow may do without
			marks = append(marks, mark)
		}
	}
	return marks
}

func (r *run) marked(request localtest.Request) bool {
	body := string(request.Body)
	return slices.ContainsFunc(r.marks(), func(mark string) bool { return strings.Contains(body, mark) })
}

// bring makes the claim that the flow is about.
func (r *run) bring(t *testing.T, status mci.Status, engagement string) {
	t.Helper()
	contact := story.Object{"name": "Pat Partner", "email": partnerAddress(r)}
	r.claim = story.Born(t, localtest.Call(t, "POST", "/v1/customers", r.partner.Token, r.partner.Nomination(r.customer,
		r.customer.By(mci.TenantID), []string{engagement}, story.Object{"partnerContact": contact})))[0]
	steps := []struct {
		leads mci.Status
		step  func()
	}{
		{mci.ConsentNotSent, func() {}},
		{mci.ConsentPending, func() { r.ask(t) }},
		{mci.Consented, func() { story.Accept(t, r.link) }},
		{mci.Submitted, func() { r.partner.Submit(t, r.claim.ID) }},
	}
	for _, s := range steps {
		if s.step(); s.leads == status {
			break
		}
	}
	r.claim = r.partner.Get(t, r.claim.ID)
}

var consentPath = regexp.MustCompile(`/consent/[A-Za-z0-9_.-]+`)

// ask sends the consent email.
func (r *run) ask(t *testing.T) {
	t.Helper()
	r.taken(t, story.Post(t, r.partner.Token, r.claim.ID, "consent-requests", story.FirstRequest("60000.00")).Expect(t,
		202))
}

// askUnrecorded sends the consent email, and the function dies before it writes down that SES has it.
func (r *run) askUnrecorded(t *testing.T) {
	t.Helper()
	fault := localtest.Inject(t, localtest.Fault{
		Effect: localtest.KillBefore, Function: "send-consent", Action: "TransactWriteItems", Skip: 1, Match: r.marked,
	})
	r.taken(t, story.Post(t, r.partner.Token, r.claim.ID, "consent-requests", story.FirstRequest("60000.00")))
	if fault.Fired() != 1 {
		t.Error("the sending was recorded")
	}
}

// taken reads what the email says from the request to SES: to read the whole mailbox each time takes long.
func (r *run) taken(t *testing.T, answer localtest.Response) {
	t.Helper()
	for _, request := range answer.Requests() {
		if request.Service != localtest.SESService {
			continue
		}
		var asked struct {
			EmailTags []struct{ Name, Value string }
		}
		var taken struct{ MessageId string }
		if err := errors.Join(json.Unmarshal(request.Body, &asked), json.Unmarshal(request.Answer,
			&taken)); err != nil {
			t.Fatal(err)
		}
		r.link, r.message, r.tags = consentPath.FindString(string(request.Body)), taken.MessageId, story.Object{}
		for _, tag := range asked.EmailTags {
			r.tags[tag.Name] = []string{tag.Value}
		}
	}
	if r.message == "" {
		t.Fatal("SES has no email")
	}
}

// post is the client's request, with its key.
func (r *run) post(t *testing.T, path string, body any) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", path, r.partner.Token, body, "Idempotency-Key", r.key)
}

func (r *run) onClaim(t *testing.T, what string, body any) localtest.Response {
	t.Helper()
	return r.post(t, "/v1/claims/"+r.claim.ID+"/"+what, body)
}

// flow is something that a client does, which writes.
type flow struct {
	name     string
	function string
	prepare  func(t *testing.T, r *run)
	// once the stream has come by, nil for flows that it does not concern
	ready  func(t *testing.T, r *run)
	do     func(t *testing.T, r *run) localtest.Response // may be repeated
	status int                                           // of the answer in the end
	events string                                        // of each claim in the end
	check  func(t *testing.T, r *run)                    // what else must hold in the end, nil for nothing
}

const (
	added     = "claim.added"
	pending   = added + " consent.requested referral.created email.sent"
	consented = pending + " consent.accepted"
	submitted = consented + " claim.submitted"
)

func review(decision mci.ReviewDecision, events string) flow {
	return flow{
		name: "review: " + string(decision), function: "review-claim", status: 200, events: submitted + " " + events,
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.Submitted, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			return localtest.Call(t, "POST", "/v1/claims/"+r.claim.ID+"/review", r.program,
				story.Object{"decision": decision, "reason": "seen"}, "Idempotency-Key", r.key)
		},
	}
}

func answer(decision, events string) flow {
	return flow{
		name: decision, function: "consent-callback", status: 303, events: events,
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.ConsentPending, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			return story.Answer(t, r.link, url.Values{"decision": {decision}})
		},
		check: func(t *testing.T, r *run) { localtest.Call(t, "GET", r.link, "", nil).Expect(t, 200) },
	}
}

func bounced(name string, prepare func(t *testing.T, r *run)) flow {
	return flow{
		name: name, function: "mail-feedback", status: 200, events: pending + " email.bounced", prepare: prepare,
		do: func(t *testing.T, r *run) localtest.Response {
			return localtest.Invoke(t, "mail-feedback", story.Object{
				"version": "0", "id": r.key, "detail-type": "Email Bounced", "source": "aws.ses",
				"account": "123456789012",
				"time":    "2026-11-01T10:00:01Z", "region": "us-east-1", "resources": []string{},
				"detail": story.Object{
					"eventType": "Bounce", "bounce": story.Object{"bounceType": "Permanent"},
					"mail": story.Object{"messageId": r.message, "tags": r.tags},
				},
			})
		},
		check: asked(contactOf, 0),
	}
}

// asked checks that the customer was asked, at most once more than the partner wanted, each time by a link that works.
func asked(address func(r *run) string, before int) func(t *testing.T, r *run) {
	return func(t *testing.T, r *run) {
		t.Helper()
		mails := r.mailbox[address(r)]
		if sent := len(mails) - before; sent < 1 || sent > 2 {
			t.Errorf("%d emails were sent instead of one, or one more", sent)
		}
		for _, mail := range mails {
			localtest.Call(t, "GET", localtest.ConsentLink(t, mail), "", nil).Expect(t, 200)
		}
	}
}

func contactOf(r *run) string   { return r.customer.Email }
func correctedOf(r *run) string { return "corrected@" + r.customer.ID + ".example" }

// flows is every flow that a client carries out by a request. Sweep, stream and import have tests of their own.
var flows = []flow{
	{
		name: "add, for three engagements", function: "add-customer", status: 201, events: added,
		do: func(t *testing.T, r *run) localtest.Response {
			return r.post(t, "/v1/customers", r.partner.Nomination(r.customer, r.customer.By(mci.Domain), r.engagements,
				nil))
		},
		check: func(t *testing.T, r *run) {
			if claims := r.partner.Claims(t); len(claims) != 3 {
				t.Errorf("the partner has %d claims instead of 3", len(claims))
			}
			for _, engagement := range r.engagements {
				if row := story.Find(r.partner.Customers(t, engagement, "eligible"), r.customer); row == nil ||
					row.Claim == nil {
					t.Errorf("the customer is not on the page of %s", engagement)
				}
			}
		},
	},
	{
		name: "claim, for two engagements", function: "claim-customer", status: 201,
		prepare: func(t *testing.T, r *run) {
			r.bring(t, mci.Consented, r.engagements[0])
			r.claim = story.Claim{}
		},
		do: func(t *testing.T, r *run) localtest.Response {
			return r.post(t, "/v1/customers/"+r.customer.ID+"/claims", r.partner.ClaimBody(r.customer,
				r.engagements[1:], nil))
		},
		check: func(t *testing.T, r *run) {
			if claims := r.partner.Claims(t); len(claims) != 3 {
				t.Errorf("the partner has %d claims instead of 3", len(claims))
			}
		},
	},
	{
		name: "send", function: "send-consent", status: 202, events: pending,
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.ConsentNotSent, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			return r.onClaim(t, "consent-requests", story.FirstRequest("60000.00"))
		},
		check: asked(contactOf, 0),
	},
	{
		name: "resend", function: "send-consent", status: 202, events: pending + " consent.reminded email.sent",
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.ConsentPending, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			return r.onClaim(t, "consent-requests", story.Object{})
		},
		check: asked(contactOf, 1),
	},
	{
		name: "resend to a corrected address", function: "send-consent", status: 202, events: pending +
			" consent.reminded email.sent",
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.ConsentPending, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			contact := story.Object{"name": "Kim Contact", "email": correctedOf(r)}
			return r.onClaim(t, "consent-requests", story.Object{"customerContact": contact,
				"mismatchReason": "A sister."})
		},
		check: func(t *testing.T, r *run) {
			asked(correctedOf, 0)(t, r)
			localtest.Call(t, "GET", r.link, "", nil).Expect(t, 404) // D10
		},
	},
	answer("accept", consented),
	answer("decline", pending+" consent.declined referral.closed"),
	{
		name: "submit", function: "submit-claim", status: 200, events: submitted,
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.Consented, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			// The same whatever day it is by then.
			body := story.Object{"completedOn": mci.DateOf(*r.claim.ConsentedAt), "notes": ""}
			return r.onClaim(t, "submission", body)
		},
	},
	review(mci.Complete, "claim.completed referral.closed"),
	review(mci.Return, "claim.returned"),
	review(mci.Reject, "claim.rejected referral.closed"),
	{
		name: "cancel", function: "cancel-claim", status: 200, events: pending + " claim.cancelled referral.closed",
		prepare: func(t *testing.T, r *run) { r.bring(t, mci.ConsentPending, r.engagements[0]) },
		do: func(t *testing.T, r *run) localtest.Response {
			return r.onClaim(t, "cancellation", story.Object{"reason": "no more"})
		},
	},
	{
		name: "upgrade on request", function: "referral-upgrade", status: 200, events: consented + " referral.upgraded",
		prepare: func(t *testing.T, r *run) {
			r.customer.Manage(t, false)
			r.bring(t, mci.Consented, r.managedOnly)
		},
		// After the stream has found that it does not qualify.
		ready: func(t *testing.T, r *run) { r.customer.Manage(t, true) },
		do: func(t *testing.T, r *run) localtest.Response {
			token := localtest.Token(t, r.partner.ID, r.partner.User, mci.ReferralAdmin)
			return localtest.Call(t, "POST", r.claim.Referral.Href+"/upgrade", token, story.Object{}, "Idempotency-Key",
				r.key)
		},
	},
	bounced("feedback: bounced", func(t *testing.T, r *run) { r.bring(t, mci.ConsentPending, r.engagements[0]) }),
	bounced("feedback: bounced, before the sending was recorded", func(t *testing.T, r *run) {
		r.bring(t, mci.ConsentNotSent, r.engagements[0])
		r.askUnrecorded(t)
	}),
	told,
}
