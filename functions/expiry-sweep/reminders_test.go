package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
	"mci.example/customers/shared/write"
)

// withReminders are the changes that give an engagement deadlines after 10 days, and reminders 7 and 2 days before
// them.
func withReminders() story.Object {
	return story.Object{
		"consentWindowDays": 10, "submissionWindowDays": 10, "resubmissionWindowDays": 10,
		"reminders": story.Object{"consentDays": []int{7, 2}, "submissionDays": []int{7, 2}},
	}
}

// swept runs the sweep, and gives how many reminders it says to have recorded.
func swept(t *testing.T) int {
	t.Helper()
	answer := localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	return localtest.Decode[struct{ Reminded int }](t, answer).Reminded
}

func TestD30_EachInstantIsRecordedOnceByTheSystem(t *testing.T) {
	alone(t)
	p, e := story.NewPartner(t), story.Engagement(t, withReminders())
	events := map[mci.Status]mci.EventType{
		mci.ConsentNotSent: mci.ConsentDueSoon, mci.ConsentPending: mci.ConsentReminded,
		mci.Consented: mci.SubmissionDueSoon, mci.ActionRequired: mci.SubmissionDueSoon,
	}
	claims, first, last := map[mci.Status]story.Claim{}, time.Time{}, time.Time{}
	for status := range events {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, e), e)
		claims[status], last = claim, claim.ConsentDue
		if claim.SubmissionDue != nil {
			last = *claim.SubmissionDue
		}
		if first.IsZero() {
			first = last
		}
	}
	story.ClockAt(t, first.Add(-mci.Days(7)-20*time.Second))
	if n := swept(t); n != 0 {
		t.Errorf("before the first instant %d are reminded", n)
	}
	for _, days := range []int{7, 2} {
		story.ClockAt(t, last.Add(-mci.Days(days)))
		if one, two := swept(t), swept(t); one != len(claims) || two != 0 {
			t.Errorf("%d days before the deadline %d are reminded, then %d", days, one, two)
		}
	}
	for status, event := range events {
		now := p.Get(t, claims[status].ID)
		if strings.Count(now.Types(), string(event)) != 2 || !now.EventsIntact || now.Status != string(status) {
			t.Errorf("the claim is %s, intact %t: %s", now.Status, now.EventsIntact, now.Types())
		}
		for _, each := range now.Events {
			if each.Type == string(event) && each.Actor != mci.ActorSystem {
				t.Errorf("it was %s who recorded %s", each.Actor, each.Type)
			}
		}
	}
	story.ClockAt(t, last)
	if n := story.Sweep(t); n != len(claims) {
		t.Errorf("at the deadline %d claims expired", n)
	}
}

func TestD30_ManyInstantsAtOnceAreOneReminderAndAnEndedClaimHasNone(t *testing.T) {
	alone(t)
	p := story.NewPartner(t)
	changes := withReminders()
	changes["reminders"] = story.Object{"consentDays": []int{9, 8, 7, 6, 5}, "submissionDays": []int{}}
	e := story.Engagement(t, changes)
	asked, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	cancelled, _ := p.Bring(t, mci.Cancelled, story.NewCustomer(t, e), e)
	declined, _ := p.Bring(t, mci.Declined, story.NewCustomer(t, e), e)
	accepted, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	story.ClockAt(t, asked.ConsentDue.Add(-mci.Days(5)).Add(time.Minute))
	if n := swept(t); n != 1 {
		t.Errorf("the sweep reminds %d times", n)
	}
	for _, claim := range []story.Claim{cancelled, declined, accepted} {
		if now := p.Get(t, claim.ID); now.Version != claim.Version {
			t.Errorf("a claim that is %s was changed: %s", now.Status, now.Types())
		}
	}
	// The instants of one who was never reminded end with the deadline.
	late, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	story.ClockAt(t, late.ConsentDue)
	swept(t)
	if now := p.Get(t, late.ID); strings.Contains(now.Types(), string(mci.ConsentReminded)) || now.Status != "expired" {
		t.Errorf("the claim is %s: %s", now.Status, now.Types())
	}
}

func TestD30_RemindersAreThoseOfWhenTheClaimEnteredItsStatus(t *testing.T) {
	alone(t)
	p, changes := story.NewPartner(t), withReminders()
	changes["id"] = story.Name("engagement")
	e := story.Engagement(t, changes)
	before, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	changes["reminders"] = nil
	story.Engagement(t, changes)
	localtest.SetClock(t, 2*time.Minute) // functions look at the catalogue again
	after, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	story.ClockAt(t, after.ConsentDue.Add(-mci.Days(7)))
	if n := swept(t); n != 1 {
		t.Errorf("the sweep reminds %d times", n)
	}
	if now := p.Get(t, before.ID); !strings.Contains(now.Types(), string(mci.ConsentReminded)) || !now.EventsIntact {
		t.Errorf("the claim of before: %s", now.Types())
	}
}

func TestD30_AReminderThatMayNotGoIsLeftOutForGood(t *testing.T) {
	alone(t)
	story.DayBegins(t) // by which an address's emails are counted
	began := localtest.Cloud().Offset()
	p, e := story.NewPartner(t), story.Engagement(t, withReminders())
	prevent := map[string]func(claim story.Claim){
		"the address bounced": func(claim story.Claim) {
			story.MailEvent(t, "Bounce", localtest.Mails(t, claim.CustomerContact.Email)[0].MessageID,
				story.PermanentBounce)
		},
		"the customer complained": func(claim story.Claim) {
			story.MailEvent(t, "Complaint", localtest.Mails(t, claim.CustomerContact.Email)[0].MessageID, nil)
		},
		"the customer said stop": func(claim story.Claim) { optOut(t, p.ID, claim.CustomerContact.Email) },
		"thirty emails went to the address that day": func(claim story.Claim) {
			fillBound(t, claim.CustomerContact.Email, claim.ConsentDue.Add(-mci.Days(7)))
		},
		"a consent email went out in the 24 hours before": func(claim story.Claim) {
			story.ClockAt(t, claim.ConsentDue.Add(-mci.Days(8)).Add(time.Hour))
			p.Request(t, claim.ID, story.Object{})
			localtest.SetClock(t, began)
		},
	}
	before := map[string]story.Claim{}
	var last story.Claim
	for rule, how := range prevent {
		last, _ = p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
		how(last)
		before[rule] = p.Get(t, last.ID)
	}
	for _, later := range []time.Duration{0, 25 * time.Hour} {
		story.ClockAt(t, last.ConsentDue.Add(-mci.Days(7)).Add(later))
		if n := swept(t); n != 0 {
			t.Errorf("%s after the instant %d are reminded", later, n)
		}
	}
	for rule, claim := range before {
		if now := p.Get(t, claim.ID); now.Types() != claim.Types() || !now.EventsIntact {
			t.Errorf("%s: the events are %s", rule, now.Types())
		}
	}
}

// optOut and fillBound write what stops mail, as the functions do.
func optOut(t *testing.T, partner, address string) {
	t.Helper()
	stored := table.New(localtest.DynamoDB(), localtest.Table())
	if err := stored.Commit(t.Context(), stored.PutOptOut(partner, address, localtest.Now())); err != nil {
		t.Fatal(err)
	}
}

func fillBound(t *testing.T, address string, day time.Time) {
	t.Helper()
	stored := table.New(localtest.DynamoDB(), localtest.Table())
	for i := range mci.MaxMailsToAddress {
		another := mci.Claim{PartnerID: fmt.Sprint("another partner ", i)}
		another.Email.AddressHash = mci.AddressHash(address)
		if err := stored.Commit(t.Context(), stored.CountMail(another, 1000, day)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestD30_SweepsAtOnceAndCrashesRecordAReminderOnce(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, withReminders())
	claims := make([]story.Claim, 6)
	for i := range claims {
		claims[i], _ = p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	}
	story.ClockAt(t, claims[len(claims)-1].ConsentDue.Add(-mci.Days(7)))
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.KillAfter, Function: "expiry-sweep",
		Action: "TransactWriteItems", Skip: 4})
	localtest.Invoke(t, "expiry-sweep", story.Object{})
	if fault.Fired() != 1 {
		t.Fatal("the sweep did not die")
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { swept(t) })
	}
	all.Wait()
	for _, claim := range claims {
		if now := p.Get(t, claim.ID); strings.Count(now.Types(), string(mci.ConsentReminded)) != 1 ||
			!now.EventsIntact {
			t.Errorf("a claim has %s", now.Types())
		}
	}
}

// What a sweep reads is in proportion to what is due, whatever else the table holds.
func TestD30_ASweepReadsAtMostTwoItemsForEachThatIsDue(t *testing.T) {
	alone(t)
	const open, due = 300, 100
	p, e := story.NewPartner(t), story.Engagement(t, withReminders())
	stored := table.New(localtest.DynamoDB(), localtest.Table())
	model, found, err := stored.Claim(t.Context(), mci.ClaimID(p.Add(t, story.NewCustomer(t, e), e).ID))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	past := localtest.Now().Add(-time.Hour)
	ids := write.NewClaimIDs(localtest.Now(), p.ID, open)
	var requests []types.WriteRequest
	for i, id := range ids {
		claim := model
		if claim.ID = id; i < due {
			claim.RemindAt = &past
		}
		puts, err := table.Puts(stored.PutBirth(mci.Change{After: claim}, mci.Participation{}, localtest.Now()))
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, puts[:2]...) // the claim itself; it shares the model's place
		if len(requests) == 24 || i == open-1 {
			_, err := localtest.DynamoDB().BatchWriteItem(t.Context(),
				&dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
					localtest.Table(): requests}})
			if err != nil {
				t.Fatal(err)
			}
			requests = nil
		}
	}
	answer := localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	read := 0
	for _, request := range answer.Requests() {
		var got struct {
			ScannedCount int
			Item         json.RawMessage
			Responses    map[string][]json.RawMessage
		}
		if err := json.Unmarshal(request.Answer, &got); err != nil {
			t.Fatal(err)
		}
		if read += got.ScannedCount + len(got.Responses[localtest.Table()]); got.Item != nil {
			read++
		}
	}
	if n := localtest.Decode[struct{ Reminded int }](t, answer).Reminded; n != due || read > 2*due {
		t.Errorf("for %d reminders of %d due, %d items were read", n, due, read)
	}
}
