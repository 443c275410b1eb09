package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// Whatever comes as an event of SES: nothing is recorded of what is no event, says nothing of an email, or names none;
// and the table is asked for all the rest, here in vain.
func FuzzAnEventOfSESIsReadOrRefusedOrIgnored(f *testing.F) {
	for _, sample := range localtest.Samples(f, "mail-feedback") {
		var event events.CloudWatchEvent
		if err := json.Unmarshal(sample, &event); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(event.Detail))
	}
	for _, seed := range []string{
		`{"eventType":"Bounce","bounce":{"bounceType":"Permanent"},"mail":{"messageId":"m",` +
			`"tags":{"claim":["01AN4Z07BY79KA1307SR9X4MV3-partner-1"],"number":["1"]}}}`,
		`{"eventType":"Bounce","bounce":{"bounceType":"Transient"},"mail":{"messageId":"m"}}`,
		`{"eventType":"Complaint","mail":{"messageId":"m","tags":{"claim":[],"number":["-1"]}}}`,
		`{"eventType":"Delivery","mail":{"messageId":""}}`,
		`{"eventType":"Delivery","mail":{"messageId":"m","tags":{"claim":"x"}}}`,
		`{"eventType":"Delivery","mail":{"messageId":"m","tags":{"number":["99999999999999999999"],"claim":[null]}}}`,
		`{"eventType":["Bounce"]}`, `{"mail":null}`, `null`, `"Bounce"`, `[]`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	now := time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC)
	away := function{table.New(dynamodb.New(dynamodb.Options{Region: "eu-central-1"}), "away"),
		func() time.Time { return now }}
	none, cancel := context.WithCancel(context.Background())
	cancel() // so that no request goes out
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := away.handle(none, events.CloudWatchEvent{Detail: payload})
		var told detail
		unread := json.Unmarshal(payload, &told)
		var status mci.EmailStatus
		if told.EventType == "Delivery" || told.EventType == "Complaint" || told.EventType == "Bounce" &&
			told.Bounce.BounceType == "Permanent" {
			status = map[string]mci.EmailStatus{"Delivery": mci.EmailStatusDelivered,
				"Complaint": mci.EmailStatusComplained, "Bounce": mci.EmailStatusBounced}[told.EventType]
		}
		if told.status() != status {
			t.Errorf("%s makes the email %q", payload, told.status())
		}
		if ignored := unread == nil && (status == "" || told.Mail.MessageID == ""); answer.Recorded ||
			(err == nil) != ignored {
			t.Errorf("%s is answered %v, %v", payload, answer, err)
		}
		if unread != nil {
			return
		}
		// What the tags say of the claim is taken only as it was written there, and changes only the email that they
		// are of.
		if id, isTagged := mci.ParseClaimID(first(told.Mail.Tags["claim"])); isTagged &&
			string(id) != told.Mail.Tags["claim"][0] {
			t.Errorf("%s is of the claim %q", payload, id)
		}
		claim := mci.Claim{Status: mci.ConsentPending, Email: mci.Email{Pending: &mci.Sending{Number: 1}}}
		act := mci.Act{At: now, Actor: mci.ActorSystem}
		if _, sent := claim.EmailSent(act, told.number(), told.Mail.MessageID); sent != (told.number() == 1) {
			t.Errorf("%s is of the first email: %v", payload, sent)
		}
		claim.Email = mci.Email{MessageID: "m", Status: mci.EmailStatusDelivered}
		change, changed := claim.EmailFeedback(act, told.Mail.MessageID, told.status())
		if changed != (told.Mail.MessageID == "m" && (status == mci.EmailStatusBounced ||
			status == mci.EmailStatusComplained)) || changed && change.After.Email.Status != status {
			t.Errorf("%s makes a delivered email %q: %v", payload, change.After.Email.Status, changed)
		}
	})
}
