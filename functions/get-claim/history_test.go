package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

func TestB1_TheHistorySaysWhatHappenedInOrder(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))

	t.Run("completed, once sent back", func(t *testing.T) {
		t.Parallel()
		claim, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
		localtest.WaitDrained(t)
		p.Submit(t, claim.ID)
		story.Review(t, claim.ID, mci.Return)
		p.Submit(t, claim.ID)
		story.Review(t, claim.ID, mci.Complete)
		expectEvents(t, p.Get(t, claim.ID), p.User, [][2]string{
			{"claim.added", p.User}, {"consent.requested", p.User}, {"referral.created", p.User},
			{"email.sent", p.User},
			{"consent.accepted", "customer"}, {"referral.upgraded", "system"}, {"claim.submitted", p.User},
			{"claim.returned", "staff"},
			{"claim.submitted", p.User}, {"claim.completed", "staff"}, {"referral.closed", "staff"},
		})
	})
	t.Run("declined after a reminder that bounced", func(t *testing.T) {
		t.Parallel()
		claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
		p.Request(t, claim.ID, story.Object{})
		mails := localtest.Mails(t, claim.CustomerContact.Email)
		story.MailEvent(t, "Delivery", mails[1].MessageID, nil)
		story.MailEvent(t, "Bounce", mails[1].MessageID, story.PermanentBounce)
		story.MailEvent(t, "Complaint", mails[1].MessageID, nil)
		story.Decline(t, link)
		expectEvents(t, p.Get(t, claim.ID), p.User, [][2]string{
			{"claim.added", p.User}, {"consent.requested", p.User}, {"referral.created", p.User},
			{"email.sent", p.User},
			{"consent.reminded", p.User}, {"email.sent", p.User}, {"email.delivered", "system"},
			{"email.bounced", "system"},
			{"email.complained", "system"}, {"consent.declined", "customer"}, {"referral.closed", "customer"},
		})
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		plain := story.Engagement(t, nil)
		claim, _ := p.Bring(t, mci.Rejected, story.NewCustomer(t, plain), plain)
		expectEvents(t, claim, p.User, [][2]string{
			{"claim.added", p.User}, {"consent.requested", p.User}, {"email.sent", p.User},
			{"consent.accepted", "customer"},
			{"claim.submitted", p.User}, {"claim.rejected", "staff"},
		})
	})
	t.Run("claimed and cancelled", func(t *testing.T) {
		t.Parallel()
		c := story.NewCustomer(t, e)
		p.Bring(t, mci.Rejected, c, e)
		claim := p.Cancel(t, p.Claim(t, c, e).ID)
		expectEvents(t, p.Get(t, claim.ID), p.User, [][2]string{{"claim.claimed", p.User}, {"claim.cancelled", p.User}})
	})
}

// expectEvents holds a claim's events against types and actors ("staff" is somebody of the program), and checks the
// chain as a reader can who trusts nobody: by computing it.
func expectEvents(t *testing.T, claim story.Claim, user string, want [][2]string) {
	t.Helper()
	var got [][2]string
	for _, event := range claim.Events {
		actor := event.Actor
		if strings.HasPrefix(actor, "staff-") {
			actor = "staff"
		}
		got = append(got, [2]string{event.Type, actor})
	}
	if !slices.Equal(got, want) {
		t.Errorf("the history is\n%v, not\n%v", got, want)
	}
	if !claim.EventsIntact {
		t.Error("the history is said to be broken")
	}
	previous := strings.Repeat("0", 64)
	for i, event := range claim.Events {
		if event.Seq != i+1 || event.PreviousHash != previous || event.Hash != hashOf(t, claim, event) {
			t.Errorf("event %d, %s, does not follow: seq %d, previous hash %s, hash %s", i+1, event.Type, event.Seq,
				event.PreviousHash, event.Hash)
		}
		if event.At.IsZero() || event.At.Location() != time.UTC || i > 0 && event.At.Before(claim.Events[i-1].At) {
			t.Errorf("event %d, %s, is of %s", i+1, event.Type, event.At)
		}
		previous = event.Hash
	}
}

// hashOf computes an event's hash: SHA-256 of the JSON of its parts. What people typed is shown with the event and is
// no part of it: its salted hash is.
func hashOf(t *testing.T, claim story.Claim, event story.Event) string {
	t.Helper()
	detail := maps.Clone(event.Detail)
	if detail["typedHash"] != "" {
		delete(detail, "reason")
		delete(detail, "notes")
	}
	content, err := json.Marshal([]any{claim.ID, claim.PartnerID, claim.EngagementID, claim.Customer["id"], event.Seq,
		event.At.UTC().Format(time.RFC3339Nano), event.Actor, event.Type, detail, event.PreviousHash})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func TestB1_WhatPeopleTypedIsReadWithItsEventAndStandsOutsideTheChain(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	story.Post(t, p.Token, claim.ID, "submission", story.Object{"completedOn": mci.DateOf(localtest.Now()),
		"notes": "Done with Kim.\nTwice."}).Expect(t, 200)
	story.Post(t, story.Program(t), claim.ID, "review", story.Object{"decision": "return",
		"reason": "Which Kim?"}).Expect(
		t, 200)
	story.Post(t, p.Token, claim.ID, "cancellation", story.Object{"reason": "Kim has left."}).Expect(t, 200)

	said := map[string]string{}
	for _, event := range p.Get(t, claim.ID).Events {
		said[event.Type] = event.Detail["notes"] + event.Detail["reason"]
	}
	if said["claim.submitted"] != "Done with Kim.\nTwice." || said["claim.returned"] != "Which Kim?" ||
		said["claim.cancelled"] != "Kim has left." {
		t.Errorf("the events say %q", said)
	}
	for _, item := range story.Items(t, "CLAIM#"+claim.ID, "EVENT#") {
		if stored := fmt.Sprint(plain(item)); strings.Contains(stored, "Kim") {
			t.Errorf("the stored event tells what was typed: %s", stored)
		}
	}
}

// plain makes an item readable.
func plain(item story.Item) map[string]any {
	values := map[string]any{}
	for name, value := range item {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			values[name] = value.Value
		case *types.AttributeValueMemberN:
			values[name] = value.Value
		case *types.AttributeValueMemberM:
			values[name] = plain(value.Value)
		default:
			values[name] = fmt.Sprintf("%v", value)
		}
	}
	return values
}

// rich brings a claim with every sort of event and evidence, fresh for whoever tampers with it.
func rich(t *testing.T) (story.Partner, story.Claim) {
	t.Helper()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	p.Request(t, claim.ID, story.Object{})
	story.Accept(t, link)
	localtest.WaitDrained(t)
	story.Post(t, p.Token, claim.ID, "submission", story.Object{"completedOn": mci.DateOf(localtest.Now()),
		"notes": "All done."}).Expect(t, 200)
	story.Post(t, story.Program(t), claim.ID, "review", story.Object{"decision": "return",
		"reason": "Not all."}).Expect(t, 200)
	claim = p.Get(t, claim.ID)
	if !claim.EventsIntact || len(claim.Events) < 9 {
		t.Fatalf("the history before tampering: %v, %s", claim.EventsIntact, claim.Types())
	}
	return p, claim
}

// others gives values that are not this one, as somebody who tampers would choose them.
func others(value types.AttributeValue) []types.AttributeValue {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		if instant, err := time.Parse(time.RFC3339Nano, value.Value); err == nil {
			return []types.AttributeValue{story.Text(instant.Add(time.Millisecond).Format(time.RFC3339Nano))}
		}
		return []types.AttributeValue{story.Text(value.Value + "x")}
	case *types.AttributeValueMemberN:
		n, _ := strconv.Atoi(value.Value)
		return []types.AttributeValue{&types.AttributeValueMemberN{Value: fmt.Sprint(n + 1)}}
	case *types.AttributeValueMemberM:
		changed := []types.AttributeValue{&types.AttributeValueMemberM{Value: story.Item{}}}
		more := maps.Clone(value.Value)
		more["injected"] = story.Text("x")
		changed = append(changed, &types.AttributeValueMemberM{Value: more})
		for name, inner := range value.Value {
			for _, other := range others(inner) {
				one := maps.Clone(value.Value)
				one[name] = other
				changed = append(changed, &types.AttributeValueMemberM{Value: one})
			}
			less := maps.Clone(value.Value)
			delete(less, name)
			changed = append(changed, &types.AttributeValueMemberM{Value: less})
		}
		return slices.DeleteFunc(changed, func(other types.AttributeValue) bool {
			return fmt.Sprint(plain(story.Item{"": other})) == fmt.Sprint(plain(story.Item{"": value}))
		})
	}
	return nil
}

func TestB1_WhateverIsChangedInAStoredEventOrItsEvidenceIsFound(t *testing.T) {
	t.Parallel()
	p, claim := rich(t)
	for _, kind := range []string{"EVENT#", "PRIVATE#"} {
		items := story.Items(t, "CLAIM#"+claim.ID, kind)
		if len(items) == 0 {
			t.Fatalf("there are no %s items", kind)
		}
		for _, item := range items {
			for name, value := range item {
				if name == "pk" || name == "sk" {
					continue // that is to move it: as good as removed, below
				}
				changes := others(value)
				if len(changes) == 0 {
					t.Errorf("%s %s is of a type that this test does not change", story.TextOf(item, "sk"), name)
				}
				for _, other := range changes {
					changed := maps.Clone(item)
					changed[name] = other
					story.PutItem(t, changed)
					if whole := p.Get(t, claim.ID); whole.EventsIntact {
						t.Errorf("nobody sees that %s of %s is %v instead of %v", name, story.TextOf(item, "sk"),
							plain(changed)[name], plain(item)[name])
					}
				}
			}
			story.PutItem(t, item)
		}
	}
	if whole := p.Get(t, claim.ID); !whole.EventsIntact {
		t.Error("with everything put back the history is still said to be broken")
	}
}

func TestB1_WhateverIsTakenFromOrAddedToTheHistoryIsFound(t *testing.T) {
	t.Parallel()
	p, claim := rich(t)
	events, private := story.Items(t, "CLAIM#"+claim.ID, "EVENT#"), story.Items(t, "CLAIM#"+claim.ID, "PRIVATE#")
	broken := func(rule string) {
		t.Helper()
		if whole := p.Get(t, claim.ID); whole.EventsIntact {
			t.Errorf("nobody sees it: %s", rule)
		}
	}
	whole := func() {
		t.Helper()
		for _, item := range slices.Concat(events, private) {
			story.PutItem(t, item)
		}
		if now := p.Get(t, claim.ID); !now.EventsIntact || now.Types() != claim.Types() {
			t.Errorf("with everything put back the history is %v: %s", now.EventsIntact, now.Types())
		}
	}
	for i, item := range events {
		story.DeleteItem(t, item)
		broken(fmt.Sprintf("event %d of %d is gone", i+1, len(events)))
		story.PutItem(t, item)
	}
	for _, item := range private {
		story.DeleteItem(t, item)
		broken("the evidence " + story.TextOf(item, "sk") + " is gone, and nobody erased it")
		story.PutItem(t, item)
	}
	for cut := range len(events) {
		for _, item := range events[cut:] {
			story.DeleteItem(t, item)
		}
		broken(fmt.Sprintf("the history ends after event %d", cut))
		whole()
	}
	for i := range len(events) - 1 {
		this, next := maps.Clone(events[i]), maps.Clone(events[i+1])
		this["sk"], next["sk"] = next["sk"], this["sk"]
		story.PutItem(t, this)
		story.PutItem(t, next)
		broken(fmt.Sprintf("events %d and %d have changed places", i+1, i+2))
		this["seq"], next["seq"] = next["seq"], this["seq"]
		story.PutItem(t, this)
		story.PutItem(t, next)
		broken(fmt.Sprintf("events %d and %d have changed places and numbers", i+1, i+2))
		whole()
	}
	for _, list := range [][]story.Item{events, private} {
		for i := range len(list) - 1 {
			copied := maps.Clone(list[i])
			copied["sk"] = list[i+1]["sk"]
			story.PutItem(t, copied)
			broken(story.TextOf(list[i], "sk") + " stands twice, in place of the one behind it")
			whole()
		}
		last := list[len(list)-1]
		added := maps.Clone(last)
		kind, _, _ := strings.Cut(story.TextOf(last, "sk"), "#")
		added["sk"] = story.Text(kind + "#00099")
		story.PutItem(t, added)
		broken("one more " + kind + " stands at the end")
		story.DeleteItem(t, added)
		added["sk"] = story.Text(kind + "#00000")
		story.PutItem(t, added)
		broken("one more " + kind + " stands at the beginning")
		story.DeleteItem(t, added)
	}
	// Evidence of an event that has none.
	for _, event := range events {
		number := strings.TrimPrefix(story.TextOf(event, "sk"), "EVENT#")
		if slices.ContainsFunc(private, func(item story.Item) bool {
			return story.TextOf(item, "sk") == "PRIVATE#"+number
		}) {
			continue
		}
		foreign := maps.Clone(private[0])
		foreign["sk"], foreign["seq"] = story.Text("PRIVATE#"+number), event["seq"]
		story.PutItem(t, foreign)
		broken("event " + number + " was given evidence afterwards")
		story.DeleteItem(t, foreign)
	}
	whole()
}

// The eraser's own tests show that the chain stays whole; here only half of an erasure was done.
func TestB1_AnErasedDetailWhoseFieldStaysIsFound(t *testing.T) {
	t.Parallel()
	p, claim := rich(t)
	erased := &types.AttributeValueMemberM{Value: story.Item{
		"erasedAt": story.Text(localtest.Now().UTC().Format(time.RFC3339Nano)),
	}}
	for _, item := range story.Items(t, "CLAIM#"+claim.ID, "PRIVATE#")[:1] {
		for part := range item["parts"].(*types.AttributeValueMemberM).Value {
			if part != "typed" {
				continue // later events hold the present contacts
			}
			parts := maps.Clone(item["parts"].(*types.AttributeValueMemberM).Value)
			parts[part] = erased
			half := maps.Clone(item)
			half["parts"] = &types.AttributeValueMemberM{Value: parts}
			story.PutItem(t, half)
			if p.Get(t, claim.ID).EventsIntact {
				t.Errorf("the %s part is erased, and the claim still holds what it said", part)
			}
		}
	}
}

func TestB1_ThePrivatePartSaysNothingByItsHashAlone(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	var hashes []string
	for range 2 {
		claim := p.Add(t, story.NewCustomer(t, e), e)
		story.Post(t, p.Token, claim.ID, "cancellation", story.Object{"reason": "The very same."}).Expect(t, 200)
		events := p.Get(t, claim.ID).Events
		hashes = append(hashes, events[len(events)-1].Detail["typedHash"])
	}
	if hashes[0] == "" || hashes[0] == hashes[1] {
		t.Errorf("the same words have the hashes %q: they can be guessed", hashes)
	}
}

// TestB1_NoPersonalDataInEventsAndLogs goes all ways of a claim, with faults, and looks for whatever people were named.
func TestB1_NoPersonalDataInEventsAndLogs(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	secrets := map[string]string{
		"the contact's name": "Ottilie Geheim", "the partner's contact": "Wilhelmine Diskret",
		"the contact's phone":   "+49 30 5550123",
		"the partner's address": "wilhelmine.diskret@partner-secret.example",
		"a corrected address":   "o.geheim@secret-mail.example",
		"the decline's reason":  "we never liked them", "the friendly name": "Project Nightfall",
		"the browser":               "SecretBrowser/9.9",
		"the cancellation's reason": "budget was stolen", "notes": "met at the secret cafe",
		"the mismatch's reason": "tenant of the secret mother",
	}
	c := story.NewCustomerNamed(t, story.Name("Umbrella Secret Holding"), e)
	secrets["the customer's name"], secrets["the customer's address"] = c.Name, c.Email
	contact := story.Object{"name": secrets["the contact's name"], "email": c.Email,
		"phone": secrets["the contact's phone"]}
	partnerContact := story.Object{"name": secrets["the partner's contact"], "email": secrets["the partner's address"]}
	add := func(c story.Customer) story.Claim {
		body := p.Nomination(c, c.By(mci.TenantID), []string{e}, story.Object{
			"friendlyName": secrets["the friendly name"], "customerContact": contact, "partnerContact": partnerContact,
		})
		localtest.Call(t, "POST", "/v1/eligibility-checks", p.Token, story.Object{
			"customerId": c.By(mci.Domain), "locationId": p.Location, "customerEmail": contact["email"],
		}).Expect(t, 200)
		localtest.Call(t, "POST", "/v1/customers", p.Token, story.Object{"customerContact": contact,
			"friendlyName": 1}).Expect(t, 422)
		answer := localtest.Call(t, "POST", "/v1/customers", p.Token, body)
		return localtest.Decode[struct{ Claims []story.Claim }](t, answer.Expect(t, 201)).Claims[0]
	}

	claim := add(c)
	story.Post(t, p.Token, claim.ID, "consent-requests", story.FirstRequest("60000.00")).Expect(t, 202)
	mails := localtest.Mails(t, c.Email)
	story.MailEvent(t, "Bounce", mails[0].MessageID, story.Object{"bounce": story.Object{
		"bounceType": "Permanent", "bouncedRecipients": []story.Object{{"emailAddress": c.Email,
			"diagnosticCode": "unknown user " + c.Email}},
	}})
	corrected := story.Object{"customerContact": story.Object{"name": secrets["the contact's name"],
		"email": secrets["a corrected address"]}, "mismatchReason": "A subsidiary."}
	story.Post(t, p.Token, claim.ID, "consent-requests", corrected).Expect(t, 202)
	link := story.Link(t, secrets["a corrected address"])
	localtest.Call(t, "POST", link, "", story.Shown(t, link, story.Form("decline", secrets["the decline's reason"])),
		"User-Agent", secrets["the browser"]).Expect(t, 303)

	claim = add(c)
	story.Accept(t, p.Ask(t, claim))
	localtest.WaitDrained(t)
	story.Post(t, p.Token, claim.ID, "submission", story.Object{"completedOn": mci.DateOf(localtest.Now()),
		"notes": secrets["notes"]}).Expect(t, 200)
	story.Post(t, story.Program(t), claim.ID, "review", story.Object{"decision": "return",
		"reason": secrets["notes"]}).Expect(t, 200)
	story.Post(t, p.Token, claim.ID, "cancellation",
		story.Object{"reason": secrets["the cancellation's reason"]}).Expect(
		t, 200)
	p.Customers(t, e, "eligible")
	localtest.Call(t, "GET", "/v1/claims?limit=5", p.Token, nil).Expect(t, 200)

	// Errors of the engines are what is most tempting to log as they are.
	broken := add(c)
	isOurs := func(r localtest.Request) bool {
		return strings.Contains(string(r.Body), p.ID) || strings.Contains(string(r.Body), c.Email)
	}
	for _, effect := range []localtest.Effect{localtest.Reject, localtest.Throttle, localtest.Down, localtest.Fail} {
		fault := localtest.Inject(t, localtest.Fault{Effect: effect, Service: localtest.SESService, Match: isOurs,
			Times: localtest.All})
		story.Post(t, p.Token, broken.ID, "consent-requests", story.FirstRequest("60000.00")).Expect(t, 503)
		fault.Remove()
	}
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Reject, Service: localtest.DynamoDBService,
		Action: "TransactWriteItems", Match: isOurs, Times: localtest.All})
	story.Refused(t, story.Post(t, p.Token, broken.ID, "cancellation",
		story.Object{"reason": secrets["the cancellation's reason"]}), 500, mci.Internal)
	fault.Remove()

	for _, function := range platform.Functions {
		log := localtest.Logs(t, function.Name)
		for what, secret := range secrets {
			if strings.Contains(log, secret) {
				t.Errorf("the log of %s tells %s", function.Name, what)
			}
		}
		if secret, _, _ := strings.Cut(strings.TrimPrefix(link, "/consent/"), "."); strings.Contains(log, secret) {
			t.Errorf("the log of %s tells a consent link's secret", function.Name)
		}
	}
	for _, item := range story.Every(t) {
		if !strings.HasPrefix(story.TextOf(item, "sk"), "EVENT#") {
			continue
		}
		for what, secret := range secrets {
			if strings.Contains(fmt.Sprint(plain(item)), secret) {
				t.Errorf("the stored event %v tells %s", plain(item)["type"], what)
			}
		}
	}
}

func TestD14_WhatWasConfirmedIsWhatIsReadNext(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, e)
	claim := p.Add(t, c, e)
	everywhere := func(status mci.Status) {
		t.Helper()
		if now := p.Get(t, claim.ID); now.Status != string(status) {
			t.Errorf("the claim is %s instead of %s", now.Status, status)
		}
		list := localtest.Decode[struct{ Claims []story.Claim }](t, localtest.Call(t, "GET", "/v1/claims", p.Token,
			nil).Expect(t, 200))
		if len(list.Claims) != 1 || list.Claims[0].Status != string(status) {
			t.Errorf("the list is %+v instead of one claim that is %s", list.Claims, status)
		}
		tab := map[bool]string{true: "complete", false: "eligible"}[status.Terminal()]
		row := story.Find(p.Customers(t, e, tab), c)
		if row == nil || row.Claim == nil || row.Claim.Status != string(status) {
			t.Errorf("the tab %s shows %+v instead of a claim that is %s", tab, row, status)
		}
	}
	everywhere(mci.ConsentNotSent)
	link := p.Ask(t, claim)
	everywhere(mci.ConsentPending)
	story.Accept(t, link)
	everywhere(mci.Consented)
	p.Submit(t, claim.ID)
	everywhere(mci.Submitted)
	story.Review(t, claim.ID, mci.Return)
	everywhere(mci.ActionRequired)
	p.Submit(t, claim.ID)
	story.Review(t, claim.ID, mci.Complete)
	everywhere(mci.Completed)
}

func TestB1_AReadBetweenTwoWritesDoesNotCryWolf(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	// The history is read, and then, before the claim is, an email goes out.
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "get-claim", Action: "Query",
		Match: localtest.Naming(claim.ID[:26] + "#BIRTH")})
	read := make(chan story.Claim)
	go func() { read <- p.Get(t, claim.ID) }()
	fault.Wait(t)
	p.Request(t, claim.ID, story.Object{})
	fault.Release()
	if whole := <-read; !whole.EventsIntact {
		t.Errorf("a claim that moved on while it was read is said to be broken: %s", whole.Types())
	}
}

// TestD28_OnlyADecidedClaimAsksForTheKeysOfReceipts replaces every process, as moving the clock does.
func TestD28_OnlyADecidedClaimAsksForTheKeysOfReceipts(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	asked, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	decided, _ := p.Bring(t, mci.Declined, story.NewCustomer(t, e), e)
	kms := localtest.Inject(t, localtest.Fault{Effect: localtest.Fail, Service: localtest.KMSService,
		Function: "get-claim", Times: localtest.All})
	localtest.SetClock(t, localtest.Cloud().Offset())
	read := func(claim story.Claim) localtest.Response {
		t.Helper()
		return localtest.Call(t, "GET", "/v1/claims/"+claim.ID, p.Token, nil)
	}
	story.Refused(t, read(decided), 503, mci.TryAgain) // what the environment asked for as it started is over
	before := kms.Fired()
	if !p.Get(t, asked.ID).EventsIntact || kms.Fired() != before {
		t.Error("a claim without a decision asked KMS")
	}
	kms.Remove()
	if !p.Get(t, decided.ID).EventsIntact {
		t.Error("with KMS back the history is still said to be broken")
	}
	for _, claim := range []story.Claim{asked, decided} {
		for _, request := range read(claim).Expect(t, 200).Requests() {
			if request.Service == localtest.KMSService {
				t.Errorf("KMS was asked again for keys that never change: %s", request.Action)
			}
		}
	}
}
