package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

// object is JSON.
type object = map[string]any

// user is who calls; the zero value is a customer, who has no account.
type user struct {
	partner, id string
	role        mci.Role
}

// request is a call of the API.
type request struct {
	route string // its key
	user  user
	path  map[string]string
	query map[string]string
	body  any        // sent as JSON
	form  url.Values // or as a form
}

// payload is what API Gateway hands to the route's function, with the headers that a browser's request has and the key
// that lets a client repeat it.
func (r request) payload() []byte {
	method, path, _ := strings.Cut(r.route, " ")
	for name, value := range r.path {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	query := url.Values{}
	for name, value := range r.query {
		query.Set(name, value)
	}
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: r.route, RawPath: path, RawQueryString: query.Encode(), PathParameters: r.path,
		QueryStringParameters: r.query,
		Headers: map[string]string{
			"accept": "application/json", "accept-encoding": "gzip, deflate, br",
			"accept-language": "fr-FR,fr;q=0.8,en;q=0.5",
			"host":            "api.mci.example",
			"user-agent":      "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 " + "Firefox/140.0",
			"x-amzn-trace-id": "Root=1-6742a6d0-0123456789abcdef01234567", "x-forwarded-for": "203.0.113.7",
			"x-forwarded-port": "443", "x-forwarded-proto": "https",
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: r.route, AccountID: cloud.Account, Stage: "$default", RequestID: "JKJaXmPLvHcESHA=",
			APIID:      "abcdef1234",
			DomainName: "api.mci.example", DomainPrefix: "api", Time: "21/Nov/2026:10:00:00 +0000",
			TimeEpoch: 1795255200000,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: method, Path: path, Protocol: "HTTP/1.1", SourceIP: "203.0.113.7",
				UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
			},
		},
	}
	if r.user.id != "" {
		payload := base64.RawURLEncoding.EncodeToString(encoded(object{
			"sub": r.user.id, "cognito:groups": []string{string(r.user.role)}, "token_use": "id",
		}))
		event.Headers["authorization"] = "Bearer eyJhbGciOiJSUzI1NiJ9." + payload + "." + strings.Repeat("c2lnbmF0dXJl",
			30)
		now := time.Now()
		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{
				"sub": r.user.id, "custom:partnerId": r.user.partner, "cognito:groups": "[" + string(r.user.role) + "]",
				"aud": cloud.ClientID, "iss": "https://issuer.mci.example", "token_use": "id",
				"iat": fmt.Sprint(now.Unix()), "exp": fmt.Sprint(now.Add(time.Hour).Unix()),
			}},
		}
	}
	switch {
	case r.body != nil:
		event.Headers["content-type"], event.Headers["idempotency-key"] = "application/json", rand.Text()
		event.Body = string(encoded(r.body))
	case r.form != nil:
		event.Headers["content-type"] = "application/x-www-form-urlencoded"
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(r.form.Encode())), true
	}
	return encoded(event)
}

// encoded is JSON of what can always be encoded.
func encoded(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a mistake of this program
	}
	return text
}

// body reads the JSON that a function answered by way of the gateway.
func body[T any](answer []byte) (T, error) {
	var response struct{ Body string }
	var value T
	if err := json.Unmarshal(answer, &response); err != nil {
		return value, fmt.Errorf("reading an answer: %w", err)
	}
	if err := json.Unmarshal([]byte(response.Body), &value); err != nil {
		return value, fmt.Errorf("reading the body of an answer: %w", err)
	}
	return value, nil
}

// scheduled is what the scheduler hands to the sweep.
var scheduled = encoded(object{"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.scheduler",
	"detail": "{}"})

// delivered is SES's word that a claim's email has arrived.
func delivered(messageID string, claim mci.ClaimID) []byte {
	return encoded(object{
		"version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "Email Delivered",
		"source":  "aws.ses",
		"account": cloud.Account, "time": "2026-11-21T10:00:00Z", "region": cloud.Region, "resources": []string{},
		"detail": object{"eventType": "Delivery", "mail": object{
			"timestamp": "2026-11-21T10:00:00Z", "messageId": messageID,
			"tags": object{"claim": []string{string(claim)}},
		}, "delivery": object{"timestamp": "2026-11-21T10:00:01Z", "smtpResponse": "250 ok"}},
	})
}

// consented is what the table's stream tells of a claim that was just consented to.
func consented(claim mci.ClaimID) []byte {
	return encoded(object{"Records": []object{{
		"eventID": "1", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
		"awsRegion": cloud.Region,
		"dynamodb": object{
			"SequenceNumber": "100000000000000000001", "StreamViewType": "NEW_AND_OLD_IMAGES", "SizeBytes": 2000,
			"Keys": object{"pk": object{"S": "PARTNER#" + claim.PartnerID()},
				"sk": object{"S": "CLAIM#" + claim.Ordinal()}},
			"NewImage": object{"id": object{"S": string(claim)}, "status": object{"S": "consented"}},
		},
	}}})
}

// told is a domain event of a claim, as the bus delivers it.
func told(claim mci.ClaimID, seq int, event mci.EventType) []byte {
	return encoded(object{
		"version": "0", "id": "2e3f4051-6b7c-4d8e-9f0a-1b2c3d4e5f60", "detail-type": string(event),
		"source": platform.DomainEvents.Source, "account": cloud.Account, "time": "2026-11-21T10:00:02Z",
		"region": cloud.Region, "resources": []string{},
		"detail": object{"claimId": string(claim), "seq": fmt.Sprint(seq), "type": string(event),
			"at": "2026-11-21T10:00:00.412Z", "partnerId": claim.PartnerID()},
	})
}
