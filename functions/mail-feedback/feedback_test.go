package main

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// told is one event of SES.
type told struct {
	kind string
	more story.Object
}

var (
	delivery  = told{"Delivery", story.Object{"delivery": story.Object{"smtpResponse": "250 ok"}}}
	bounce    = told{"Bounce", story.PermanentBounce}
	complaint = told{"Complaint", story.Object{"complaint": story.Object{"complaintFeedbackType": "abuse"}}}
	transient = told{"Bounce", story.Object{"bounce": story.Object{"bounceType": "Transient",
		"bounceSubType": "MailboxFull"}}}
	unclear  = told{"Bounce", story.Object{"bounce": story.Object{"bounceType": "Undetermined"}}}
	opened   = told{"Open", nil}
	rejected = told{"Reject", nil}
	delayed  = told{"DeliveryDelay", nil}
)

// asked gives a claim whose customer was asked, and SES's ID of the email.
func asked(t *testing.T, p story.Partner, engagement string) (story.Claim, string) {
	t.Helper()
	claim, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, engagement), engagement)
	return claim, localtest.Mail(t, claim.CustomerContact.Email, 1).MessageID
}

func TestD12_TheWorstCountsInWhateverOrderAndNumberItIsTold(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, c := range []struct {
		rule   string
		told   []told
		status string
		events string
	}{
		{"nothing", nil, "sent", ""},
		{"delivered", []told{delivery}, "delivered", "email.delivered"},
		{"a permanent bounce", []told{bounce}, "bounced", "email.bounced"},
		{"a complaint", []told{complaint}, "complained", "email.complained"},
		{"a transient bounce is none", []told{transient}, "sent", ""},
		{"a bounce that SES cannot tell is none", []told{unclear}, "sent", ""},
		{"a transient bounce, then delivered", []told{transient, delivery}, "delivered", "email.delivered"},
		{"all else that SES tells", []told{opened, rejected, delayed}, "sent", ""},
		{"delivered, then complained of", []told{delivery, complaint}, "complained",
			"email.delivered email.complained"},
		{"a bounce overtaken by its delivery", []told{bounce, delivery}, "bounced", "email.bounced"},
		{"a complaint overtakes everything", []told{complaint, bounce, delivery}, "complained", "email.complained"},
		{"each twice", []told{delivery, delivery, bounce, bounce, delivery, complaint, complaint, bounce}, "complained",
			"email.delivered email.bounced email.complained"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			claim, message := asked(t, p, e)
			recorded := 0
			for _, event := range c.told {
				if story.MailEvent(t, event.kind, message, event.more) {
					recorded++
				}
			}
			now := p.Get(t, claim.ID)
			events := strings.TrimSpace(strings.TrimPrefix(now.Types(), claim.Types()))
			if now.EmailStatus != c.status || events != c.events || recorded != len(strings.Fields(c.events)) ||
				!now.EventsIntact {
				t.Errorf("the email is %q by %q instead of %q by %q", now.EmailStatus, events, c.status, c.events)
			}
			if last := now.Events[len(now.Events)-1]; events != "" && (last.Actor != "system" ||
				last.Detail["messageId"] != message) {
				t.Errorf("the event is %+v", last)
			}
			if now.Status != "consent-pending" || strings.Join(now.Actions, " ") != "resend-consent cancel-claim" {
				t.Errorf("the claim is %s, open for %q", now.Status, now.Actions)
			}
			row := story.Find(p.Customers(t, e, "eligible"), story.Customer{ID: claim.Customer["id"].(string)})
			if row == nil || row.Claim.EmailStatus != c.status {
				t.Errorf("Eligible shows %+v", row)
			}
		})
	}
}

// TestSomebodyIsToldWhereTooMuchOfAPartnersMailBounces counts by the day: of six emails four bounces are bad luck, the
// fifth is not. It moves the clock to a day of its own.
func TestSomebodyIsToldWhereTooMuchOfAPartnersMailBounces(t *testing.T) {
	story.DayBegins(t)
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for bounces := range 6 {
		_, message := asked(t, p, e)
		if !story.MailEvent(t, bounce.kind, message, bounce.more) {
			t.Fatal("the bounce is not recorded")
		}
		told := strings.Contains(localtest.Logs(t, "mail-feedback"),
			`"msg":"too much of a partner's mail bounces","function":"mail-feedback","partner":"`+p.ID+`"`)
		if told != (bounces+1 >= 5) {
			t.Errorf("after %d bounces somebody is told: %v", bounces+1, told)
		}
	}
}

func TestD12_TheSameEventManyTimesAtOnceIsOne(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, message := asked(t, p, e)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			event := []told{bounce, delivery, complaint}[i%3]
			story.MailEvent(t, event.kind, message, event.more)
		})
	}
	all.Wait()
	now := p.Get(t, claim.ID)
	if now.EmailStatus != "complained" || strings.Count(now.Types(), "email.complained") != 1 ||
		strings.Count(now.Types(), "email.bounced") > 1 || !now.EventsIntact {
		t.Errorf("the email is %q: %s", now.EmailStatus, now.Types())
	}
}

func TestD12_TheAddressIsCorrectedAndTheEmailResent(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, first := asked(t, p, e)
	story.MailEvent(t, "Bounce", first, story.PermanentBounce)
	if now := p.Get(t, claim.ID); now.EmailStatus != "bounced" || strings.Join(now.Actions,
		" ") != "resend-consent cancel-claim" {
		t.Errorf("bounced, the email is %q, the claim open for %q", now.EmailStatus, now.Actions)
	}
	right := story.Name("right") + "@customer.example"
	if sent := p.Request(t, claim.ID, story.Object{"customerContact": story.Object{"name": "Robin Right",
		"email": right}, "mismatchReason": "A sister."}); sent.EmailStatus != "sent" {
		t.Errorf("to the new address the email is %q", sent.EmailStatus)
	}
	for _, event := range []told{delivery, bounce, complaint} {
		if story.MailEvent(t, event.kind, first, event.more) {
			t.Errorf("%s of the email to the old address counts", event.kind)
		}
	}
	mail := localtest.Mail(t, right, 1)
	story.MailEvent(t, "Delivery", mail.MessageID, nil)
	if now := p.Get(t, claim.ID); now.EmailStatus != "delivered" {
		t.Errorf("the email is %q", now.EmailStatus)
	}
	story.Accept(t, localtest.ConsentLink(t, mail))
}

func TestD12_OfSeveralEmailsToOneAddressTheLatestCounts(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, first := asked(t, p, e)
	story.MailEvent(t, "Bounce", first, story.PermanentBounce)
	if sent := p.Request(t, claim.ID, story.Object{}); sent.EmailStatus != "sent" {
		t.Errorf("resent, the email is %q", sent.EmailStatus)
	}
	second := localtest.Mail(t, claim.CustomerContact.Email, 2).MessageID
	if story.MailEvent(t, "Complaint", first, complaint.more) {
		t.Error("a complaint of the earlier email counts")
	}
	story.MailEvent(t, "Delivery", second, nil)
	if now := p.Get(t, claim.ID); now.EmailStatus != "delivered" || strings.Count(now.Types(), "email.") != 4 {
		t.Errorf("the email is %q: %s", now.EmailStatus, now.Types())
	}
}

func TestD12_AfterTheConsentAnEmailIsStillToldOfAndAfterTheEndNothingIs(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, status := range mci.Statuses {
		if status == mci.Expired || status == mci.ConsentNotSent || status == mci.Cancelled {
			continue
		}
		claim, _ := p.Bring(t, status, story.NewCustomer(t, e), e)
		message := localtest.Mail(t, claim.CustomerContact.Email, 1).MessageID
		recorded := story.MailEvent(t, "Complaint", message, complaint.more)
		now := p.Get(t, claim.ID)
		if recorded == status.Terminal() || (now.Version != claim.Version) != recorded ||
			now.Status != string(status) || !now.EventsIntact {
			t.Errorf("of a claim that is %s a complaint is recorded: %t; version %d became %d", status, recorded,
				claim.Version, now.Version)
		}
	}
	claim, message := asked(t, p, e)
	p.Cancel(t, claim.ID)
	if story.MailEvent(t, "Bounce", message, bounce.more) {
		t.Error("of a cancelled claim a bounce is recorded")
	}
}

// TestD3_AClaimPastItsDeadlineTakesNoWordOfItsEmail moves the clock.
func TestD3_AClaimPastItsDeadlineTakesNoWordOfItsEmail(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"consentWindowDays": 1})
	claim, message := asked(t, p, e)
	unrecorded := p.Add(t, story.NewCustomer(t, e), e) // SES has its email; send-consent died before it could say so
	localtest.Inject(t, localtest.Fault{Effect: localtest.KillBefore, Function: "send-consent",
		Action: "TransactWriteItems", Match: localtest.Naming(unrecorded.ID, string(mci.EmailSent))})
	story.Post(t, p.Token, unrecorded.ID, "consent-requests", story.FirstRequest("100.00")).Expect(t, 500)
	overtaking := story.Object{"mail": story.Object{
		"messageId": localtest.Mail(t, unrecorded.CustomerContact.Email, 1).MessageID, "tags": tagsOf(t, unrecorded)}}
	maps.Copy(overtaking, bounce.more)

	story.ClockAt(t, unrecorded.ConsentDue)
	if story.MailEvent(t, "Bounce", message, bounce.more) || story.MailEvent(t, "Bounce", "", overtaking) {
		t.Error("unswept, it takes a bounce")
	}
	story.Sweep(t)
	if now := p.Get(t, claim.ID); story.MailEvent(t, "Bounce", message, bounce.more) || now.Status != "expired" ||
		!now.EventsIntact {
		t.Errorf("swept, it is %s: %s", now.Status, now.Types())
	}
	now := p.Get(t, unrecorded.ID)
	if now.Types() != "claim.added consent.requested claim.expired" || now.Status != "expired" || !now.EventsIntact {
		t.Errorf("swept, the claim whose email was not recorded is %s: %s", now.Status, now.Types())
	}
}

func TestD12_WhatBecomesOfAnEmailToTheOldAddressIsNotOfTheNewOne(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, old := asked(t, p, e)
	right := story.Name("right") + "@customer.example"
	correction := story.Object{"customerContact": story.Object{"name": "Robin Right", "email": right},
		"mismatchReason": "A sister."}
	down := localtest.Inject(t, localtest.Fault{Effect: localtest.Down, Service: localtest.SESService,
		Times: localtest.All,
		Match: localtest.Naming(right)})
	story.Refused(t, story.Post(t, p.Token, claim.ID, "consent-requests", correction), 503, mci.MailUnavailable)
	for _, event := range []told{delivery, bounce, complaint} {
		if story.MailEvent(t, event.kind, old, event.more) {
			t.Errorf("before any email went to the new address, %s of the old one counts", event.kind)
		}
	}
	down.Remove()
	p.Request(t, claim.ID, story.Object{})
	if subject := localtest.Mail(t, right, 1).Subject; strings.HasPrefix(subject, "Reminder") {
		t.Errorf("the first email to the address is titled %q", subject)
	}
	if now := p.Get(t, claim.ID); now.EmailStatus != "sent" || !now.EventsIntact {
		t.Errorf("the email is %q: %s", now.EmailStatus, now.Types())
	}
}

// raw invokes the function with an event as it is.
func raw(t *testing.T, detail any) localtest.Response {
	t.Helper()
	return localtest.Invoke(t, "mail-feedback", story.Object{
		"version": "0", "id": story.Name("event"), "detail-type": "Email Bounced", "source": "aws.ses",
		"account": "123456789012",
		"time":    "2026-11-01T10:00:01Z", "region": "eu-central-1", "resources": []string{}, "detail": detail,
	})
}

func TestD12_WhatIsNotOursIsIgnored(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, message := asked(t, p, e)
	other, _ := asked(t, p, e)
	for rule, detail := range map[string]any{
		"an email that we did not send": story.Object{"eventType": "Bounce", "bounce": story.PermanentBounce["bounce"],
			"mail": story.Object{"messageId": story.Name("message")}},
		"such an email with a tag of ours": story.Object{"eventType": "Bounce",
			"bounce": story.PermanentBounce["bounce"], "mail": story.Object{"messageId": story.Name("message"),
				"tags": story.Object{"claim": []string{claim.ID}}}},
		"tags that name nothing": story.Object{"eventType": "Bounce", "bounce": story.PermanentBounce["bounce"],
			"mail": story.Object{"messageId": story.Name("message"),
				"tags": story.Object{"claim": []string{"nothing"}}}},
		"no message ID": story.Object{"eventType": "Bounce", "bounce": story.PermanentBounce["bounce"],
			"mail": story.Object{}},
		"no mail":          story.Object{"eventType": "Bounce", "bounce": story.PermanentBounce["bounce"]},
		"nothing at all":   story.Object{},
		"a bounce of none": story.Object{"eventType": "Bounce", "mail": story.Object{"messageId": message}},
	} {
		if answer := raw(t, detail); answer.Status != 200 || strings.Contains(string(answer.Body), "true") {
			t.Errorf("%s: answered %d %s", rule, answer.Status, answer.Body)
		}
	}
	if answer := raw(t, "a text"); answer.Status != 500 {
		t.Errorf("what cannot be read is answered %d: it shall be seen", answer.Status)
	}
	if now := p.Get(t, claim.ID); now.Version != claim.Version {
		t.Errorf("it changed the claim: %s", now.Types())
	}
	// The message ID decides, whatever the tags say.
	raw(t, story.Object{"eventType": "Bounce", "bounce": story.PermanentBounce["bounce"],
		"mail": story.Object{"messageId": message, "tags": story.Object{"claim": []string{other.ID}}}}).Expect(t, 200)
	if now := p.Get(t, claim.ID); now.EmailStatus != "bounced" {
		t.Errorf("the email is %q", now.EmailStatus)
	}
	if now := p.Get(t, other.ID); now.EmailStatus != "sent" {
		t.Errorf("the other claim's email is %q", now.EmailStatus)
	}
}

// tagsOf are those that SES was given with the claim's latest email, and tells with its events.
func tagsOf(t *testing.T, claim story.Claim) story.Object {
	t.Helper()
	tags := story.Object{}
	for _, r := range localtest.Requests("send-consent") {
		if r.Action != "SendEmail" || !strings.Contains(string(r.Body), claim.ID) {
			continue
		}
		for _, tag := range r.Parameters(t)["EmailTags"].([]any) {
			tags[tag.(map[string]any)["Name"].(string)] = []any{tag.(map[string]any)["Value"]}
		}
	}
	return tags
}

func TestD12_AnEventThatOvertakesTheRecordOfItsEmailCounts(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, effect := range []localtest.Effect{localtest.Hold, localtest.KillBefore} {
		claim := p.Add(t, story.NewCustomer(t, e), e)
		fault := localtest.Inject(t, localtest.Fault{Effect: effect, Function: "send-consent",
			Action: "TransactWriteItems", Match: localtest.Naming(claim.ID, string(mci.EmailSent))})
		sent := make(chan localtest.Response)
		go func() { sent <- story.Post(t, p.Token, claim.ID, "consent-requests", story.FirstRequest("100.00")) }()
		fault.Wait(t) // SES has the email; nothing says so yet
		message := localtest.Mail(t, claim.CustomerContact.Email, 1).MessageID
		for range 2 {
			raw(t, story.Object{"eventType": "Bounce", "bounce": story.PermanentBounce["bounce"],
				"mail": story.Object{"messageId": message, "tags": tagsOf(t, claim)}}).Expect(t, 200)
		}
		fault.Release()
		if answer := <-sent; effect == localtest.Hold {
			answer.Expect(t, 202)
		}
		if now := p.Get(t, claim.ID); now.EmailStatus != "bounced" ||
			now.Types() != "claim.added consent.requested email.sent email.bounced" || !now.EventsIntact {
			t.Errorf("%s: the email is %q: %s", effect, now.EmailStatus, now.Types())
		}
	}
}

func TestD12_WhatCouldNotBeWrittenDownComesAgain(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, effect := range []localtest.Effect{localtest.Reject, localtest.KillBefore, localtest.KillAfter} {
		t.Run(fmt.Sprint(effect), func(t *testing.T) {
			t.Parallel()
			claim, message := asked(t, p, e)
			detail := story.Object{"eventType": "Complaint", "mail": story.Object{"messageId": message}}
			fault := localtest.Inject(t, localtest.Fault{Effect: effect, Function: "mail-feedback",
				Action: "TransactWriteItems", Match: localtest.Naming(claim.ID)})
			raw(t, detail).Expect(t, 500)
			if fault.Fired() != 1 {
				t.Fatal("nothing failed")
			}
			raw(t, detail).Expect(t, 200)
			if now := p.Get(t, claim.ID); now.EmailStatus != "complained" || strings.Count(now.Types(),
				"email.complained") != 1 || !now.EventsIntact {
				t.Errorf("the email is %q: %s", now.EmailStatus, now.Types())
			}
		})
	}
}
