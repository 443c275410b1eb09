package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// recording fits the commit that records the claim's email once SES has it.
func recording(claim story.Claim) func(localtest.Request) bool {
	return localtest.Naming(claim.ID, string(mci.EmailSent))
}

// about says whether an engine's request is about the claim, so that tests side by side leave each other alone.
func about(claim story.Claim) func(localtest.Request) bool {
	return func(r localtest.Request) bool {
		return strings.Contains(string(r.Body), claim.ID[:26]) || strings.Contains(string(r.Body),
			claim.CustomerContact.Email)
	}
}

func TestS21_WhileSESFailsTheClaimWaitsAndTheSameRequestMayBeRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	e := story.Engagement(t, story.WithCoSell(false))
	for _, effect := range []localtest.Effect{localtest.Down, localtest.Fail, localtest.Throttle, localtest.Reject} {
		t.Run(string(effect), func(t *testing.T) {
			t.Parallel()
			claim := p.Add(t, story.NewCustomer(t, e), e)
			key := story.Name("key")
			fault := localtest.Inject(t, localtest.Fault{Effect: effect, Service: localtest.SESService,
				Match: about(claim), Times: localtest.All})
			for attempt := range 3 {
				answer := request(t, p.Token, claim.ID, first, "Idempotency-Key", key)
				story.Refused(t, answer, 503, mci.MailUnavailable)
				if wait, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || wait < 1 {
					t.Errorf("attempt %d: Retry-After is %q", attempt+1, answer.Header.Get("Retry-After"))
				}
				if fault.Fired() != attempt+1 {
					t.Errorf("attempt %d: SES was asked %d times: the SDK must not try by itself, an email may be on "+
						"its way",
						attempt+1, fault.Fired())
				}
			}
			waiting := p.Get(t, claim.ID)
			if waiting.Status != "consent-pending" || waiting.EmailStatus != "" || !waiting.EventsIntact ||
				waiting.Types() != "claim.added consent.requested referral.created" || strings.Join(waiting.Actions,
				" ") != "resend-consent cancel-claim" {
				t.Errorf("meanwhile the claim is %s, its email %q, open for %q: %s", waiting.Status,
					waiting.EmailStatus, waiting.Actions, waiting.Types())
			}
			fault.Remove()

			answer := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t, 202)
			if again := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t,
				202); string(again.Body) != string(answer.Body) {
				t.Errorf("repeated, it answers %s", again.Body)
			}
			mails := localtest.Mails(t, claim.CustomerContact.Email)
			if len(mails) != 1 || strings.HasPrefix(mails[0].Subject, "Reminder") {
				t.Fatalf("the emails are %+v", mails)
			}
			sent := p.Get(t, claim.ID)
			if sent.EmailStatus != "sent" ||
				sent.Types() != "claim.added consent.requested referral.created email.sent" || !sent.EventsIntact {
				t.Errorf("then its email is %q: %s", sent.EmailStatus, sent.Types())
			}
			story.Accept(t, localtest.ConsentLink(t, mails[0]))
		})
	}
}

func TestS23_AReminderThatFailedIsRepeatedAsOne(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Down, Service: localtest.SESService,
		Match: about(claim), Times: localtest.All})
	story.Refused(t, request(t, p.Token, claim.ID, story.Object{}), 503, mci.MailUnavailable)
	if now := p.Get(t, claim.ID); now.EmailStatus != "sent" {
		t.Errorf("the email that did go out is %q", now.EmailStatus)
	}
	fault.Remove()
	p.Request(t, claim.ID, story.Object{})
	if types := p.Get(t, claim.ID).Types(); types != "claim.added consent.requested email.sent consent.reminded "+
		"email.sent" {
		t.Errorf("the history is %s", types)
	}
	if mails := localtest.Mails(t, claim.CustomerContact.Email); len(mails) != 2 || !strings.HasPrefix(mails[1].Subject,
		"Reminder") {
		t.Errorf("the emails are %+v", mails)
	}
	story.Accept(t, link)
}

func TestD12_AContactCorrectedWhileTheEmailCouldNotGoOutIsTheOneAsked(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Reject, Service: localtest.SESService,
		Match: about(claim), Times: localtest.All})
	story.Refused(t, request(t, p.Token, claim.ID, first), 503, mci.MailUnavailable)
	fault.Remove()
	corrected := story.Name("right") + "@customer.example"
	p.Request(t, claim.ID, story.Object{"customerContact": story.Object{"name": "Robin Right", "email": corrected},
		"mismatchReason": "A subsidiary."})
	mail := localtest.Mail(t, corrected, 1)
	if strings.HasPrefix(mail.Subject, "Reminder") || len(localtest.Mails(t, claim.CustomerContact.Email)) != 0 {
		t.Errorf("the first email of all is %q; to the wrong address went %d", mail.Subject,
			len(localtest.Mails(t, claim.CustomerContact.Email)))
	}
	story.Accept(t, localtest.ConsentLink(t, mail))
	if now := p.Get(t, claim.ID); now.Status != "consented" || !now.EventsIntact {
		t.Errorf("the claim is %s: %s", now.Status, now.Types())
	}
}

func TestS21_SESThatIsSlowIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Service: localtest.SESService,
		Match: about(claim), Times: localtest.All})
	began := time.Now()
	story.Refused(t, request(t, p.Token, claim.ID, first), 503, mci.MailUnavailable)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	fault.Remove()
	p.Request(t, claim.ID, first)
}

func TestS21_TwoRequestsAtOnceSendOneEmail(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Service: localtest.SESService,
		Match: about(claim)})
	answer := make(chan localtest.Response)
	go func() { answer <- request(t, p.Token, claim.ID, first) }()
	fault.Wait(t)
	busy := request(t, p.Token, claim.ID, first)
	story.Refused(t, busy, 503, mci.TryAgain)
	if wait, err := strconv.Atoi(busy.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 10 {
		t.Errorf("Retry-After is %q", busy.Header.Get("Retry-After"))
	}
	fault.Release()
	(<-answer).Expect(t, 202)
	if mails := localtest.Mails(t, claim.CustomerContact.Email); len(mails) != 1 {
		t.Errorf("%d emails went out", len(mails))
	}
}

func TestD10_AnAnswerThatOvertakesTheRecordOfItsEmailStands(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, decision := range []string{"accept", "decline"} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			claim := p.Add(t, story.NewCustomer(t, e), e)
			fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Service: localtest.DynamoDBService,
				Action: "TransactWriteItems", Match: recording(claim)})
			answer := make(chan localtest.Response)
			go func() { answer <- request(t, p.Token, claim.ID, first) }()
			fault.Wait(t) // SES has the email; nothing says so yet
			story.Answer(t, localtest.ConsentLink(t, localtest.Mail(t, claim.CustomerContact.Email, 1)),
				story.Form(decision)).Expect(t, 303)
			fault.Release()
			told := localtest.Decode[story.Claim](t, (<-answer).Expect(t, 202))
			now := p.Get(t, claim.ID)
			want := map[string]string{"accept": "consented", "decline": "declined"}[decision]
			if told.Status != want || now.Status != want || !now.EventsIntact {
				t.Errorf("told %s, it is %s: %s", told.Status, now.Status, now.Types())
			}
			if strings.Count(now.Types(), "consent.") != 2 {
				t.Errorf("the history is %s", now.Types())
			}
		})
	}
}

// TestS21_ACrashAnywhereIsRepairedByRepeatingTheRequest moves the clock behind the lease of an email that nobody knows
// the end of.
func TestS21_ACrashAnywhereIsRepairedByRepeatingTheRequest(t *testing.T) {
	p := story.NewPartner(t)
	e := story.Engagement(t, story.WithCoSell(false))
	type crash struct {
		when   string
		fault  localtest.Fault
		match  func(story.Claim) func(localtest.Request) bool
		status mci.Status // that the crash leaves
		emails int        // that were sent once it is repaired
		claim  story.Claim
		key    string
	}
	commit := localtest.Fault{Service: localtest.DynamoDBService, Action: "TransactWriteItems"}
	send := localtest.Fault{Service: localtest.SESService, Action: "SendEmail"}
	at := func(fault localtest.Fault, effect localtest.Effect) localtest.Fault {
		fault.Effect = effect
		return fault
	}
	var crashes []*crash
	for _, withKey := range []bool{true, false} {
		for _, c := range []crash{
			{"before the decision is committed", at(commit, localtest.KillBefore), about, mci.ConsentNotSent, 1,
				story.Claim{}, ""},
			{"once the decision is committed", at(commit, localtest.KillAfter), about, mci.ConsentPending, 1,
				story.Claim{}, ""},
			{"before the email is sent", at(send, localtest.KillBefore), about, mci.ConsentPending, 1, story.Claim{},
				""},
			{"once the email is sent", at(send, localtest.KillAfter), about, mci.ConsentPending, 2, story.Claim{}, ""},
			{"before it is recorded", at(commit, localtest.KillBefore), recording, mci.ConsentPending, 2, story.Claim{},
				""},
			{"once it is recorded", at(commit, localtest.KillAfter), recording, mci.ConsentPending, 2, story.Claim{},
				""},
		} {
			if withKey {
				c.key = story.Name("key")
				if c.when == "once it is recorded" {
					c.emails = 1 // the answer was kept
				}
			}
			c.claim = p.Add(t, story.NewCustomer(t, e), e)
			crashes = append(crashes, &c)
		}
	}
	ask := func(t *testing.T, c *crash) localtest.Response {
		if c.key == "" {
			return request(t, p.Token, c.claim.ID, first)
		}
		return request(t, p.Token, c.claim.ID, first, "Idempotency-Key", c.key)
	}
	for _, c := range crashes {
		c.fault.Match = func(r localtest.Request) bool { return r.Function == "send-consent" && c.match(c.claim)(r) }
		fault := localtest.Inject(t, c.fault)
		if answer := ask(t, c); answer.Status < 500 {
			t.Errorf("a crash %s answers %d: %s", c.when, answer.Status, answer.Body)
		}
		if fault.Fired() != 1 {
			t.Errorf("there was no crash %s", c.when)
		}
		if now := p.Get(t, c.claim.ID); now.Status != string(c.status) || !now.EventsIntact {
			t.Errorf("a crash %s leaves a claim that is %s: %s", c.when, now.Status, now.Types())
		}
	}
	localtest.SetClock(t, mci.SendingLease+time.Second)
	for _, c := range crashes {
		t.Run(fmt.Sprintf("%s, with a key: %t", c.when, c.key != ""), func(t *testing.T) {
			ask(t, c).Expect(t, 202)
			now := p.Get(t, c.claim.ID)
			want := "claim.added consent.requested referral.created email.sent"
			if c.when == "once it is recorded" && c.key == "" {
				want += " consent.reminded email.sent" // all was well: the repetition is a reminder
			}
			if now.Status != "consent-pending" || now.EmailStatus != "sent" || !now.EventsIntact ||
				now.Types() != want {
				t.Errorf("repaired, it is %s, its email %q: %s", now.Status, now.EmailStatus, now.Types())
			}
			mails := localtest.Mails(t, c.claim.CustomerContact.Email)
			if len(mails) != c.emails {
				t.Errorf("%d emails went out instead of %d", len(mails), c.emails)
			}
			for i, mail := range mails {
				if answer := localtest.Call(t, "GET", localtest.ConsentLink(t, mail), "", nil); answer.Status != 200 {
					t.Errorf("the link of email %d answers %d", i+1, answer.Status)
				}
			}
			story.Accept(t, localtest.ConsentLink(t, mails[0]))
		})
	}
}

func TestS21_ALostAnswerOfTheTableIsNoSecondEmail(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for commit, match := range map[string]func(story.Claim) func(localtest.Request) bool{"the decision's": about,
		"the record's": recording} {
		claim := p.Add(t, story.NewCustomer(t, e), e)
		fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Lose, Function: "send-consent",
			Action: "TransactWriteItems", Match: match(claim)})
		request(t, p.Token, claim.ID, first).Expect(t, 202)
		if fault.Fired() != 1 {
			t.Fatal("no answer was lost")
		}
		now := p.Get(t, claim.ID)
		if len(localtest.Mails(t, claim.CustomerContact.Email)) != 1 || now.EmailStatus != "sent" ||
			!now.EventsIntact || now.Types() != "claim.added consent.requested email.sent" {
			t.Errorf("with the answer to %s commit lost, %d emails, %q: %s", commit,
				len(localtest.Mails(t, claim.CustomerContact.Email)), now.EmailStatus, now.Types())
		}
	}
}

// TestD21_TenEmailsADay moves the clock.
func TestD21_TenEmailsADay(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	p.Request(t, claim.ID, first)
	began := *p.Get(t, claim.ID).EmailSentAt
	localtest.SetClock(t, time.Hour)
	for range 8 {
		p.Request(t, claim.ID, story.Object{})
	}
	other := story.Name("other") + "@customer.example"
	p.Request(t, claim.ID, story.Object{"customerContact": story.Object{"name": "Kim Contact", "email": other},
		"mismatchReason": "A sister company."})

	full := func() {
		t.Helper()
		refusedUntil(t, began.Add(story.Day), func() localtest.Response {
			return request(t, p.Token, claim.ID, story.Object{})
		})
	}
	full()
	version := p.Get(t, claim.ID).Version
	full()
	story.Refused(t, request(t, p.Token, claim.ID, story.Object{"customerContact": story.Object{"name": "Kim",
		"email": claim.CustomerContact.Email}}), 429, mci.TooManyRequests)
	if now := p.Get(t, claim.ID); now.Version != version || now.CustomerContact.Email != other {
		t.Errorf("what was refused changed the claim: %+v", now)
	}
	another := p.Add(t, story.NewCustomer(t, e), e)
	p.Request(t, another.ID, first) // each claim has ten of its own

	story.ClockAt(t, began.Add(story.Day-20*time.Second))
	full()
	story.ClockAt(t, began.Add(story.Day))
	p.Request(t, claim.ID, story.Object{})
	second := request(t, p.Token, claim.ID, story.Object{})
	story.Refused(t, second, 429, mci.TooManyRequests)
	if n := len(localtest.Mails(t, claim.CustomerContact.Email)) + len(localtest.Mails(t, other)); n != 11 {
		t.Errorf("%d emails went out", n)
	}
}

// TestD13_AKeyIsGoodFor24Hours moves the clock.
func TestD13_AKeyIsGoodFor24Hours(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	key := story.Name("key")
	sent := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t, 202)
	at := localtest.Now()
	story.ClockAt(t, at.Add(story.Day-20*time.Second))
	if again := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t,
		202); string(again.Body) != string(
		sent.Body) {
		t.Errorf("within 24 hours it answers %s", again.Body)
	}
	story.ClockAt(t, at.Add(story.Day))
	request(t, p.Token, claim.ID, story.Object{"disclaimerAccepted": true}, "Idempotency-Key", key).Expect(t, 202)
	if mails := localtest.Mails(t, claim.CustomerContact.Email); len(mails) != 2 {
		t.Errorf("%d emails went out", len(mails))
	}
}
