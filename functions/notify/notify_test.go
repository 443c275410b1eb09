package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/receipts"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) { localtest.Main(m, localtest.WithNotices) }

// Tests of this file move the clock and count emails: they run one after another.

// told is a partner that is told of its claims at an address of its own.
type told struct {
	story.Partner
	address, engagement string
}

func newTold(t *testing.T) told {
	t.Helper()
	engagement := story.Engagement(t, story.Object{
		"consentWindowDays": 10, "submissionWindowDays": 10, "resubmissionWindowDays": 10,
		"reminders": story.Object{"consentDays": []int{9, 8, 7, 2}, "submissionDays": []int{7}},
	})
	return told{story.NewPartner(t), story.Name("pat") + "@partner.example", engagement}
}

// add adds a customer, whose contact reads pt-BR, with a partner's contact who reads fr.
func (p told) add(t *testing.T, partnerContact story.Object) (story.Claim, story.Customer) {
	t.Helper()
	c := story.NewCustomer(t, p.engagement)
	contact := story.Object{"name": "Pat Partner", "email": p.address, "locale": "fr"}
	for field, value := range partnerContact {
		contact[field] = value
	}
	body := p.Nomination(c, c.By(mci.TenantID), []string{p.engagement}, story.Object{
		"customerContact": story.Object{"name": "Kim Contact", "email": c.Email, "locale": "pt-BR"},
		"partnerContact":  contact,
	})
	answer := localtest.Call(t, "POST", "/v1/customers", p.Token, body).Expect(t, 201)
	return localtest.Decode[struct{ Claims []story.Claim }](t, answer).Claims[0], c
}

// drained waits until the bus has delivered everything, and gives how many emails an address has.
func drained(t *testing.T, address string) int {
	t.Helper()
	localtest.WaitDrained(t)
	return len(localtest.Mails(t, address))
}

// busEvents are the claim's events of a type as the bus delivered them.
func busEvents(t *testing.T, claim story.Claim, event mci.EventType) []story.Object {
	t.Helper()
	localtest.WaitDrained(t)
	answer := localtest.Call(t, "GET", "/local/events?claimId="+claim.ID, "", nil).Expect(t, 200)
	var found []story.Object
	for _, each := range localtest.Decode[struct{ Events []story.Object }](t, answer).Events {
		if each["detail-type"] == string(event) {
			found = append(found, each)
		}
	}
	return found
}

// attached is the file that notify's email to the address carries.
func attached(t *testing.T, address string) string {
	t.Helper()
	for _, request := range localtest.Requests("notify") {
		var sent struct {
			Destination struct{ ToAddresses []string }
			Content     struct {
				Simple struct {
					Attachments []struct{ FileName, RawContent, ContentTransferEncoding string }
				}
			}
			EmailTags []any
		}
		if request.Service != localtest.SESService || json.Unmarshal(request.Body, &sent) != nil ||
			sent.Destination.ToAddresses[0] != address {
			continue
		}
		if len(sent.EmailTags) > 0 {
			t.Errorf("the email has tags: %v", sent.EmailTags)
		}
		if files := sent.Content.Simple.Attachments; len(files) == 1 && files[0].ContentTransferEncoding == "BASE64" {
			content, err := base64.StdEncoding.DecodeString(files[0].RawContent)
			if err != nil {
				t.Fatal(err)
			}
			return string(content)
		}
	}
	t.Fatalf("no email to %s carries a file", address)
	return ""
}

func TestD29_EachEventIsToldOnceInTheReadersLanguage(t *testing.T) {
	p := newTold(t)
	claim, c := p.add(t, nil)
	story.Accept(t, p.Ask(t, claim))
	if n := drained(t, c.Email); n != 2 {
		t.Errorf("the customer has %d emails instead of the question and the receipt", n)
	}
	keys := localtest.Decode[jose.JSONWebKeySet](t, localtest.Call(t, "GET", "/.well-known/jwks.json", "",
		nil).Expect(t, 200))
	receipt, err := receipts.Verify(attached(t, c.Email), keys)
	if err != nil || string(receipt.ClaimID) != claim.ID || receipt.Decision != mci.DecisionAccepted {
		t.Errorf("the receipt attached is %+v: %v", receipt, err)
	}
	if mail := localtest.Mails(t, c.Email)[1]; !strings.Contains(mail.HTML, `lang="pt-BR"`) ||
		mail.ReplyTo[0] != p.address {
		t.Errorf("the customer's email is %q, replies go to %v", mail.Subject, mail.ReplyTo)
	}
	p.Submit(t, claim.ID)
	story.Review(t, claim.ID, mci.Return)
	p.Submit(t, claim.ID)
	story.Review(t, claim.ID, mci.Complete)
	other, otherCustomer := p.add(t, nil)
	story.Decline(t, p.Ask(t, other))
	rejected, _ := p.add(t, nil)
	story.Accept(t, p.Ask(t, rejected))
	p.Submit(t, rejected.ID)
	story.Review(t, rejected.ID, mci.Reject)
	bounced, bouncedCustomer := p.add(t, nil)
	p.Ask(t, bounced)
	message := localtest.Mails(t, bouncedCustomer.Email)[0].MessageID
	story.MailEvent(t, "Bounce", message, story.PermanentBounce)
	story.MailEvent(t, "Complaint", message, nil)
	// Accepted, returned and completed; declined; accepted and rejected; bounced and complained.
	if n := drained(t, p.address); n != 8 {
		t.Errorf("the partner's contact has %d notices", n)
	}
	if n := drained(t, otherCustomer.Email); n != 2 {
		t.Errorf("who declined has %d emails", n)
	}
	reasons := 0
	for _, mail := range localtest.Mails(t, p.address) {
		if !strings.Contains(mail.HTML, `lang="fr"`) || !strings.Contains(mail.Text, "/portal/claims/") ||
			strings.Contains(mail.HTML, "@customer") {
			t.Errorf("a notice is %q: %s", mail.Subject, mail.Text)
		}
		if strings.Contains(mail.Text, "Looked at.") {
			reasons++
		}
	}
	if reasons != 3 { // of the three reviews
		t.Errorf("%d notices give the reason", reasons)
	}
	if now := p.Get(t, claim.ID); !now.EventsIntact || strings.Count(now.Types(), "email.sent") != 1 {
		t.Errorf("the emails changed the claim: %s", now.Types())
	}

	// What is told again, in whatever order and however often at once, sends nothing more.
	events := append(busEvents(t, claim, mci.ClaimCompleted), busEvents(t, claim, mci.ConsentAccepted)...)
	var all sync.WaitGroup
	for _, event := range append(events, events...) {
		all.Go(func() { localtest.Invoke(t, "notify", event).Expect(t, 200) })
	}
	all.Wait()
	if drained(t, p.address) != 8 || drained(t, c.Email) != 2 {
		t.Error("an event told twice sent an email twice")
	}
}

func TestD29_WhoTakesNoNoticesGetsNone(t *testing.T) {
	p := newTold(t)
	claim, c := p.add(t, story.Object{"notices": false})
	story.Accept(t, p.Ask(t, claim))
	if drained(t, p.address) != 0 || drained(t, c.Email) != 2 {
		t.Error("the partner's contact was told, or the customer was not")
	}
}

func TestD29_ReplaysAndWhatIsNoEventArePassedOver(t *testing.T) {
	p := newTold(t)
	claim, _ := p.add(t, nil)
	for _, event := range []story.Object{
		{"replay-name": "again", "detail": story.Object{"claimId": claim.ID, "seq": "1"}},
		{"detail": story.Object{"claimId": claim.ID, "seq": "999"}},
		{"detail": story.Object{"claimId": claim.ID, "seq": "one"}},
		{"detail": story.Object{"claimId": "../" + claim.ID, "seq": "1"}}, {"detail": story.Object{}}, {},
		// The table says what it is.
		{"detail": story.Object{"claimId": claim.ID, "seq": "1", "type": "claim.completed"}},
	} {
		answer := localtest.Invoke(t, "notify", event).Expect(t, 200)
		if string(answer.Body) != `{"sent":0}` {
			t.Errorf("%v is answered %s", event, answer.Body)
		}
	}
}

func TestD29_ACrashSendsAtMostOneMoreAndLosesNothing(t *testing.T) {
	for _, c := range []struct {
		effect         localtest.Effect
		action         string
		skip, from, to int
	}{
		{localtest.KillBefore, "BatchGetItem", 0, 1, 1}, {localtest.KillAfter, "TransactWriteItems", 0, 1, 1},
		{localtest.KillBefore, "SendEmail", 0, 1, 1}, {localtest.KillAfter, "SendEmail", 0, 1, 2},
		{localtest.KillBefore, "TransactWriteItems", 1, 1, 2}, {localtest.Throttle, "SendEmail", 0, 1, 1},
		{localtest.Lose, "SendEmail", 0, 1, 2}, {localtest.Reject, "SendEmail", 0, 1, 1},
	} {
		t.Run(fmt.Sprint(c.effect, " ", c.action, " ", c.skip), func(t *testing.T) {
			p := newTold(t)
			claim, _ := p.Bring(t, mci.Submitted, story.NewCustomer(t, p.engagement), p.engagement)
			localtest.WaitDrained(t)
			before := len(localtest.Mails(t, "pat@partner.example"))
			fault := localtest.Inject(t, localtest.Fault{Effect: c.effect, Function: "notify", Action: c.action,
				Skip: c.skip})
			story.Review(t, claim.ID, mci.Complete)
			if n := drained(t, "pat@partner.example") - before; fault.Fired() != 1 || n < c.from || n > c.to {
				t.Errorf("%d emails went out, %d faults", n, fault.Fired())
			}
		})
	}
}

// A notice that cannot be sent ends as a dead letter, and an alarm tells. The event sends it once that is possible.
func TestD29_WhatTheMailServiceRefusesOrNeverAnswersIsADeadLetterAndNotForgotten(t *testing.T) {
	for effect, later := range map[localtest.Effect]int{localtest.Reject: 1, localtest.Throttle: 1, localtest.Lose: 0} {
		t.Run(string(effect), func(t *testing.T) {
			p := newTold(t)
			claim, _ := p.Bring(t, mci.Submitted, story.NewCustomer(t, p.engagement), p.engagement)
			localtest.WaitDrained(t)
			before := len(localtest.Mails(t, "pat@partner.example"))
			fault := localtest.Inject(t, localtest.Fault{Effect: effect, Function: "notify", Action: "SendEmail",
				Times: localtest.All})
			story.Review(t, claim.ID, mci.Complete)
			event := busEvents(t, claim, mci.ClaimCompleted)[0] // which the bus has given up
			fault.Remove()
			sent := len(localtest.Mails(t, "pat@partner.example"))
			if effect == localtest.Lose && sent-before != 2 || effect != localtest.Lose && sent != before {
				t.Errorf("%d emails went out", sent-before)
			}
			letters := localtest.DeadLetters(t, "notify")
			if last := letters[len(letters)-1]; !strings.Contains(last, claim.ID) || strings.Contains(last, "@") {
				t.Errorf("the latest dead letter does not tell of the claim, or names an address: %s", last)
			}
			answer := localtest.Invoke(t, "notify", event)
			if answer.Status == 200 != (later == 1) || len(localtest.Mails(t, "pat@partner.example")) != sent+later {
				t.Errorf("told again, it answers %d: %s", answer.Status, answer.Body)
			}
		})
	}
}

func TestD30_TheSystemRemindsTheCustomerOnceAndItsLinkAnswers(t *testing.T) {
	p := newTold(t)
	claim, c := p.add(t, nil)
	p.Ask(t, claim)
	waiting, _ := p.add(t, nil)
	story.ClockAt(t, waiting.ConsentDue.Add(-mci.Days(2))) // four instants have passed
	localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	if n := drained(t, c.Email); n != 2 {
		t.Fatalf("the customer has %d emails", n)
	}
	if n := drained(t, p.address); n != 1 { // consent.due-soon of the other claim
		t.Errorf("the partner's contact has %d notices", n)
	}
	now := p.Get(t, claim.ID)
	if !strings.HasSuffix(now.Types(), "consent.reminded email.sent") || now.EmailStatus != "sent" ||
		!now.EventsIntact {
		t.Errorf("the events are %s", now.Types())
	}
	for _, event := range busEvents(t, claim, mci.ConsentReminded) {
		localtest.Invoke(t, "notify", event).Expect(t, 200)
	}
	if n := drained(t, c.Email); n != 2 {
		t.Errorf("told twice, the customer has %d emails", n)
	}
	story.Accept(t, story.Link(t, c.Email))
	localtest.WaitDrained(t)
	consented := p.Get(t, claim.ID)
	story.ClockAt(t, consented.SubmissionDue.Add(-mci.Days(7)))
	localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	// Accepted, and that the submission is due soon; the other claim expired.
	if n := drained(t, p.address); n != 4 {
		t.Errorf("the partner's contact has %d notices", n)
	}
}

func TestD30_ASweepThatIsLateOneDayDoesNotCostTheNextDaysReminder(t *testing.T) {
	p := newTold(t)
	claim, c := p.add(t, nil)
	p.Ask(t, claim)
	for i, days := range []int{8, 7} {
		late := []time.Duration{20 * time.Minute, time.Minute}[i]
		story.ClockAt(t, claim.ConsentDue.Add(late-mci.Days(days)))
		localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
		if n := drained(t, c.Email); n != i+2 {
			t.Errorf("%d days before the deadline the customer has %d emails", days, n)
		}
	}
}

func TestD30_WhatHappensBeforeItIsSentStopsAReminder(t *testing.T) {
	stored := table.New(localtest.DynamoDB(), localtest.Table())
	for rule, c := range map[string]struct {
		status mci.Status
		happen func(p told, claim story.Claim)
	}{
		"the customer said stop": {mci.ConsentPending, func(p told, claim story.Claim) {
			if err := stored.Commit(t.Context(), stored.PutOptOut(p.ID, claim.CustomerContact.Email,
				localtest.Now())); err != nil {
				t.Fatal(err)
			}
		}},
		"the address bounced": {mci.ConsentPending, func(_ told, claim story.Claim) {
			story.MailEvent(t, "Bounce", localtest.Mails(t, claim.CustomerContact.Email)[0].MessageID,
				story.PermanentBounce)
		}},
		"the claim has ended": {mci.ConsentPending, func(p told, claim story.Claim) {
			p.Cancel(t, claim.ID)
		}},
		"the claim has ended, not asked": {mci.ConsentNotSent, func(p told, claim story.Claim) {
			p.Cancel(t, claim.ID)
		}},
		"the customer was asked meanwhile": {mci.ConsentNotSent, func(p told, claim story.Claim) { p.Ask(t, claim) }},
	} {
		t.Run(rule, func(t *testing.T) {
			p := newTold(t)
			claim, _ := p.add(t, nil)
			if c.status == mci.ConsentPending {
				p.Ask(t, claim)
			}
			localtest.WaitDrained(t)
			story.ClockAt(t, claim.ConsentDue.Add(-mci.Days(2)).Add(time.Minute))
			held := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "notify",
				Action: "BatchGetItem", Match: localtest.Naming(claim.ID)})
			localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
			held.Wait(t)
			c.happen(p, claim)
			sent := len(localtest.Mails(t, claim.CustomerContact.Email))
			held.Release()
			bounce := 0
			if rule == "the address bounced" {
				bounce = 1 // of which the partner is told
			}
			if asked, told := drained(t, claim.CustomerContact.Email), drained(t, p.address); asked != sent ||
				told != bounce {
				t.Errorf("the reminder went out: the customer has %d emails after %d, the partner %d instead of %d",
					asked, sent, told, bounce)
			}
			if now := p.Get(t, claim.ID); !now.EventsIntact {
				t.Errorf("the claim is not intact: %s", now.Types())
			}
		})
	}
}
