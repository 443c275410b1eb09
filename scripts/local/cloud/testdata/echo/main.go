// Command echo is a function for the tests of the one-machine cloud: it does what its payload says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is what a payload may ask for; any other payload is answered by itself.
type order struct {
	Do     string          `json:"do"`
	Wait   string          `json:"wait"`
	Answer json.RawMessage `json:"answer"`
}

func main() {
	if os.Getenv("AWS_LAMBDA_FUNCTION_NAME") == "" {
		fmt.Fprintln(os.Stderr, "this is a Lambda function")
		os.Exit(2)
	}
	lambda.Start(answer)
}

func answer(ctx context.Context, payload json.RawMessage) (any, error) {
	var event struct {
		order
		Version string `json:"version"`
		Body    string `json:"body"`
		Detail  struct {
			Seq          string `json:"seq"`
			EngagementID string `json:"engagementId"` // which says what to do with a domain event
		} `json:"detail"`
		Records []struct {
			Change struct {
				Sequence string                       `json:"SequenceNumber"`
				NewImage map[string]map[string]string `json:"NewImage"`
			} `json:"dynamodb"`
		} `json:"Records"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	if event.Records != nil {
		failures := []map[string]string{}
		for _, record := range event.Records {
			fmt.Printf("record %s\n", record.Change.NewImage["sk"]["S"])
			switch record.Change.NewImage["do"]["S"] {
			case "fail":
				failures = append(failures, map[string]string{"itemIdentifier": record.Change.Sequence})
			case "crash":
				os.Exit(3)
			}
		}
		return map[string]any{"batchItemFailures": failures}, nil
	}
	if event.Detail.Seq != "" {
		fmt.Printf("event %s\n", event.Detail.Seq)
		asked := event.Detail.EngagementID
		if asked == "crash" {
			os.Exit(3)
		}
		if asked == "fail" {
			return nil, errors.New("asked to fail")
		}
	}
	asked := event.order
	if event.Version == "2.0" {
		// A body that is an order is followed; every other request is answered by its own event.
		if err := json.Unmarshal([]byte(event.Body), &asked); err != nil || asked.Do == "" {
			return map[string]any{"statusCode": 200, "headers": map[string]string{"content-type": "application/json"},
				"body": string(payload)}, nil
		}
	}
	switch asked.Do {
	case "fail":
		return nil, errors.New("asked to fail")
	case "panic":
		panic("asked to panic")
	case "exit":
		os.Exit(3)
	case "wait":
		wait, err := time.ParseDuration(asked.Wait)
		if err != nil {
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			select {} // as a function that does not care about its deadline
		}
	case "environment":
		deadline, _ := ctx.Deadline()
		invoked, _ := lambdacontext.FromContext(ctx)
		return map[string]any{"environment": os.Environ(), "pid": os.Getpid(), "deadline": deadline,
			"requestId": invoked.AwsRequestID, "arn": invoked.InvokedFunctionArn}, nil
	case "answer":
		return asked.Answer, nil
	}
	return payload, nil
}
