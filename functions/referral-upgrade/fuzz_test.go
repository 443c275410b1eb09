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
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// claimRecord is one of the stream, less the braces around it.
const claimRecord = `"eventID":"1","dynamodb":{"SequenceNumber":"1",` +
	`"NewImage":{"id":{"S":"01AN4Z07BY79KA1307SR9X4MV3-partner-1"}}}`

// Whatever wakes the function is a batch, a request, or an error, for an answer would tell the stream that all is done.
// Of a batch exactly those records come again that name a claim whose upgrade failed, and a request may be made again:
// here nothing is in time.
func FuzzAnEventIsABatchARequestOrRefused(f *testing.F) {
	for _, sample := range localtest.Samples(f, "referral-upgrade") {
		f.Add(sample)
	}
	for _, seed := range []string{
		`{"Records":[{` + claimRecord + `},{},null,7,{"dynamodb":{"NewImage":{"id":{"N":"7"}}}},{` + claimRecord +
			`}]}`,
		`{"Records":[]}`, `{"Records":null}`, `{"Records":"x"}`, `{"Records":{}}`,
		`{"records":[{` + claimRecord + `}]}`, `{"Records":[],"routeKey":"POST /v1/referrals/{referralId}/upgrade"}`,
		`{"routeKey":"GET /"}`, `{"routeKey":7}`,
		`{"routeKey":"POST /v1/referrals/{referralId}/upgrade","body":"%","isBase64Encoded":true,` +
			`"pathParameters":{"referralId":"R"}}`, `null`, `[]`, `"nothing"`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	away := function{table: table.New(dynamodb.New(dynamodb.Options{Region: "eu-central-1"}), "away"), now: time.Now,
		server: rest.NewServer(nil, nil)}
	none, cancel := context.WithCancel(context.Background())
	cancel() // so that no request goes out
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := away.handle(none, payload)
		switch answer := answer.(type) {
		case nil:
			if err == nil {
				t.Errorf("%q is answered with nothing", payload)
			}
		case rest.GatewayResponse:
			var event rest.GatewayRequest
			if unread := json.Unmarshal(payload, &event); unread != nil || event.RouteKey == "" || err != nil ||
				answer.StatusCode != 503 || !json.Valid([]byte(answer.Body)) {
				t.Errorf("%q is answered as a request: %v, %v", payload, answer, err)
			}
		case events.DynamoDBEventResponse:
			var batch struct{ Records []json.RawMessage }
			if unread := json.Unmarshal(payload, &batch); unread != nil || err != nil ||
				answer.BatchItemFailures == nil {
				t.Errorf("%q is answered as a batch: %v, %v, %v", payload, answer, err, unread)
			}
			failed := 0
			for _, raw := range batch.Records {
				var record events.DynamoDBEventRecord
				if json.Unmarshal(raw, &record) != nil {
					continue
				}
				id, isClaim := claimOf(record)
				if !isClaim {
					continue
				}
				if again, ok := mci.ParseClaimID(string(id)); !ok || again != id ||
					id != mci.ClaimID(record.Change.NewImage["id"].String()) {
					t.Errorf("%q is of the claim %q", raw, id)
				}
				if failed == len(answer.BatchItemFailures) ||
					answer.BatchItemFailures[failed].ItemIdentifier != record.Change.SequenceNumber {
					t.Fatalf("%q does not come again: %v", raw, answer)
				}
				failed++
			}
			if failed != len(answer.BatchItemFailures) {
				t.Errorf("of %q there come again %v", payload, answer)
			}
		default:
			t.Errorf("%q is answered with %T", payload, answer)
		}
	})
}
