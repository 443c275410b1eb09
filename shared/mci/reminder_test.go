package mci

import (
	"testing"
	"time"
)

// remindedClaim is a claim in the status whose deadline is ten days from noon, with reminders.
func remindedClaim(status Status, days ...int) Claim {
	claim := claimIn(status, noon)
	due := noon.Add(Days(10))
	claim.ConsentDue = due
	if claim.SubmissionDue != nil {
		claim.SubmissionDue = &due
	}
	claim.Email.AddressHash = AddressHash("kim@contoso.com")
	claim.setReminders(Engagement{Reminders: &Reminders{ConsentDays: days, SubmissionDays: days}}, noon)
	return claim
}

// daysIn is the instant so many days from noon.
func daysIn(days int) time.Time { return noon.Add(Days(days)) }

func TestD30_TimeDoesSomethingAtEachReminderAndAtTheDeadline(t *testing.T) {
	for _, c := range []struct {
		rule string
		days []int
		now  time.Time
		want time.Time // the next instant once now was worked on
		does bool
	}{
		{"before the first reminder nothing happens", []int{7, 2}, daysIn(3).Add(-time.Millisecond), daysIn(3), false},
		{"a reminder comes with its instant", []int{7, 2}, daysIn(3), daysIn(8), true},
		{"of several that passed unnoticed one counts", []int{9, 8, 7, 6, 2}, daysIn(5), daysIn(8), true},
		{"after the last comes the deadline", []int{7, 2}, daysIn(9), daysIn(10), true},
		{"those that passed before the claim was in the status are skipped", []int{12, 10, 2}, daysIn(3), daysIn(8),
			false},
		{"without reminders there is the deadline alone", nil, daysIn(3), daysIn(10), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			for status, event := range map[Status]EventType{
				ConsentNotSent: ConsentDueSoon, ConsentPending: ConsentReminded, Consented: SubmissionDueSoon,
				ActionRequired: SubmissionDueSoon,
			} {
				claim := remindedClaim(status, c.days...)
				change, does := claim.Remind(Act{At: c.now, Actor: ActorSystem}, true)
				if does != c.does || does && (len(change.Events) != 1 || change.Events[0].Type != event) {
					t.Errorf("%s: it records %v", status, change.Events)
				}
				if does {
					claim = change.After
				}
				if next := claim.NextInstant(); !next.Equal(c.want) {
					t.Errorf("%s: the next instant is %s instead of %s", status, next, c.want)
				}
				if _, again := claim.Remind(Act{At: c.now, Actor: ActorSystem}, true); again {
					t.Errorf("%s: it reminds twice", status)
				}
			}
		})
	}
	for _, status := range []Status{Submitted, Completed, Rejected, Declined, Cancelled, Expired} {
		if claim := remindedClaim(status, 7, 2); claim.NextInstant() != nil {
			t.Errorf("time does something to a claim that is %s", status)
		}
	}
}

func TestD30_TheCustomerIsRemindedWhereTheEmailMayGoElseLeftOutForGood(t *testing.T) {
	now := daysIn(3)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	for _, c := range []struct {
		rule    string
		email   Email
		contact Contact
		allowed bool
		want    bool
	}{
		{"an email of long ago", Email{Status: EmailStatusDelivered, SentAt: ago(Days(3))}, Contact{Email: "a@b.c"},
			true, true},
		{"an email of 24 hours ago", Email{Status: EmailStatusSent, SentAt: ago(Days(1))}, Contact{}, true, true},
		{"an email of less than 24 hours ago", Email{Status: EmailStatusSent, SentAt: ago(Days(1) - time.Millisecond)},
			Contact{}, true, false},
		{"one that may have gone out", Email{Pending: &Sending{Lease: *ago(time.Hour)}}, Contact{}, true, false},
		{"one that did not go out", Email{Pending: &Sending{Lease: *ago(time.Hour), Unsent: true}}, Contact{}, true,
			true},
		{"an address that bounced", Email{Status: EmailStatusBounced, SentAt: ago(Days(3))}, Contact{}, true, false},
		{"who complained", Email{Status: EmailStatusComplained, SentAt: ago(Days(3))}, Contact{}, true, false},
		{"who said stop, or a bound is reached", Email{Status: EmailStatusSent, SentAt: ago(Days(3))}, Contact{}, false,
			false},
		{"an erased contact", Email{Status: EmailStatusSent, SentAt: ago(Days(3))}, ErasedContact, true, false},
		{"ten emails that failed in a day", Email{Sends: make([]time.Time, 0, 10)}, Contact{}, true, false},
	} {
		claim := remindedClaim(ConsentPending, 7, 2)
		if c.email.Sends != nil {
			for range MaxSendsADay {
				c.email.Sends = append(c.email.Sends, *ago(time.Hour))
			}
		}
		claim.Email, claim.CustomerContact = c.email, c.contact
		if c.contact != ErasedContact {
			claim.Email.AddressHash = AddressHash(c.contact.Email)
		}
		change, due := claim.Remind(Act{At: now, Actor: ActorSystem}, c.allowed)
		if reminded := len(change.Events) == 1; !due || reminded != c.want ||
			reminded != (len(change.After.Email.Sends) == 1) && c.email.Sends == nil {
			t.Errorf("%s: it records %v", c.rule, change.Events)
		}
		if next := change.After.NextInstant(); !next.Equal(daysIn(8)) {
			t.Errorf("%s: the next instant is %s", c.rule, next)
		}
	}
}

func TestD30_ASweepThatIsLateForOneReminderDoesNotCostTheNextDays(t *testing.T) {
	for late, want := range map[time.Duration]bool{20 * time.Minute: true, 13 * time.Hour: false} {
		claim := remindedClaim(ConsentPending, 3, 2)
		first, second := Act{At: daysIn(7).Add(late), Actor: ActorSystem}, Act{At: daysIn(8), Actor: ActorSystem}
		reminded, _ := claim.Remind(first, true)
		number := reminded.After.Email.Pending.Number
		sending, _, err := reminded.After.SendReminder(first, number, "hash", false)
		if err != nil {
			t.Fatal(err)
		}
		sent, _ := sending.After.EmailSent(first, number, "message")
		for rule, claim := range map[string]Claim{"went out": sent.After, "may have gone out": sending.After} {
			if next, _ := claim.Remind(second, true); (len(next.Events) == 1) != want {
				t.Errorf("the day before's %s %s after its instant: it records %v", rule, late, next.Events)
			}
		}
	}
}

func TestD30_AReminderIsLookedAtAgainBeforeItIsSent(t *testing.T) {
	reminded, _ := remindedClaim(ConsentPending, 7).Remind(Act{At: daysIn(3), Actor: ActorSystem}, true)
	number := reminded.Events[0].Seq
	act := Act{At: daysIn(3).Add(time.Minute), Actor: ActorSystem}
	sending, sends, err := reminded.After.SendReminder(act, number, "hash", false)
	if err != nil || !sends || len(sending.Events) != 0 || sending.After.Email.Pending.LinkHash != "hash" ||
		len(sending.After.Email.Sends) != 1 {
		t.Fatalf("it sends %t, %v: %+v", sends, err, sending.After.Email)
	}
	if _, _, err := sending.After.SendReminder(act, number, "other", false); CodeOf(err) != TryAgain {
		t.Errorf("while it is being sent: %v", err)
	}
	later := Act{At: act.At.Add(SendingLease), Actor: ActorSystem}
	if _, sends, err := sending.After.SendReminder(later, number, "other", false); err != nil || !sends {
		t.Errorf("whoever sent it has crashed: %t, %v", sends, err)
	}
	sent, _ := sending.After.EmailSent(act, number, "message")
	bounced, stopped := reminded.After, reminded.After
	bounced.Email.Status = EmailStatusBounced
	for rule, c := range map[string]struct {
		claim    Claim
		number   int
		optedOut bool
		pending  bool // still, afterwards
	}{
		"it was sent":                {sent.After, number, false, false},
		"another email came after":   {reminded.After, number - 1, false, true},
		"the claim has ended":        {reminded.After.At(daysIn(10)), number, false, true},
		"the address bounced since":  {bounced, number, false, false},
		"the customer has said stop": {stopped, number, true, false},
	} {
		change, sends, err := c.claim.SendReminder(act, c.number, "hash", c.optedOut)
		after := c.claim
		if !change.Empty() {
			after = change.After
		}
		if err != nil || sends || (after.Email.Pending != nil) != c.pending {
			t.Errorf("%s: it sends %t, %v: %+v", rule, sends, err, after.Email)
		}
	}
}
