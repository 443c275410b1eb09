package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"mci.example/customers/scripts/bench/replay"
)

// What was recorded goes over the wire again as it was, but for the token that would have a transaction taken for done.
func TestRecordedRequestsAreSentAsTheyWere(t *testing.T) {
	var sent []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = body
		io.WriteString(w, `{}`)
	}))
	defer server.Close()
	settings := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	f := &floor{
		table: dynamodb.NewFromConfig(settings), mail: sesv2.NewFromConfig(settings), keys: kms.NewFromConfig(settings),
	}

	requests := map[string]string{
		"GetItem": `{"TableName":"customers","ConsistentRead":true,"Key":{"pk":{"S":"PARTNER#p"},` +
			`"sk":{"S":"CLAIM#1"}}}`,
		"Query": `{"TableName":"customers","IndexName":"pages","Limit":25,"ScanIndexForward":false,
		"KeyConditionExpression":"#p = :p",
			"ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":p":{"S":"PARTNER#p"}}}`,
		"BatchGetItem": `{"RequestItems":{"customers":{"ConsistentRead":true,"Keys":[{"pk":{"S":"a"},` +
			`"sk":{"S":"b"}}]}}}`,
		"TransactWriteItems": `{"ClientRequestToken":"3f2504e0","TransactItems":[
			{"Put":{"TableName":"customers","ConditionExpression":"attribute_not_exists(pk)","Item":{"pk":{"S":"a"},
			"n":{"N":"7"},
				"yes":{"BOOL":true},"none":{"NULL":true},"map":{"M":{"list":{"L":[{"S":"x"},{"N":"1.5"}]}}},
				"set":{"SS":["p","q"]},"bytes":{"B":"AAEC"}}}},
			{"Update":{"TableName":"customers","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},
			"UpdateExpression":"ADD version :one","ExpressionAttributeValues":{":one":{"N":"1"}}}},
			{"ConditionCheck":{"TableName":"customers","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},
			"ConditionExpression":"managed = :yes"}}]}`,
		"UpdateItem": `{"TableName":"customers","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},
		"UpdateExpression":"ADD mails :one",
			"ConditionExpression":"mails < :bound","ExpressionAttributeValues":{":one":{"N":"1"},":bound":{"N":"30"}}}`,
		"Sign": `{"KeyId":"arn:aws:kms:us-east-1:1:key/1","Message":"AAEC","MessageType":"DIGEST",` +
			`"SigningAlgorithm":"ECDSA_SHA_256"}`,
		"GetPublicKey": `{"KeyId":"arn:aws:kms:us-east-1:1:key/1"}`,
		"SendEmail": `{"FromEmailAddress":"a@b.example","Destination":{"ToAddresses":["c@d.example"]},
		"EmailTags":[{"Name":"claim","Value":"1"}],
			"Content":{"Simple":{"Subject":{"Data":"s","Charset":"UTF-8"},"Body":{"Html":{"Data":"<p>"},
			"Text":{"Data":"t"}}}}}`,
	}
	for action, body := range requests {
		t.Run(action, func(t *testing.T) {
			send, err := f.prepare(replay.Request{Action: action, Body: json.RawMessage(body)})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // a call is made many times
				if err := send(context.Background()); err != nil {
					t.Fatal(err)
				}
				want, got := read(t, []byte(body)), read(t, sent)
				delete(want, "ClientRequestToken")
				if action == "TransactWriteItems" && got["ClientRequestToken"] == "3f2504e0" {
					t.Error("the recorded token was sent again")
				}
				delete(got, "ClientRequestToken")
				if !reflect.DeepEqual(got, want) {
					t.Errorf("sent %s\ninstead of %s", sent, body)
				}
			}
		})
	}
	if _, err := f.prepare(replay.Request{Action: "DeleteTable", Body: json.RawMessage(`{}`)}); err == nil {
		t.Error("what no function sends was taken")
	}
	if _, err := f.prepare(replay.Request{Action: "GetItem",
		Body: json.RawMessage(`{"Tablename":"customers"}`)}); err == nil {
		t.Error("a parameter that the request does not have was taken")
	}
}

func read(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var read map[string]any
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	return read
}
