// Command openapi gives the OpenAPI 3.1 description of the API.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi"
)

func main() {
	environment := platform.Open("openapi")
	lambda.Start(&function{server: rest.NewServer(environment, map[string]rest.Handler{"GET /v1/openapi.json": describe})})
}

// function keeps the rendered answer, for the description is long and the same for all.
type function struct {
	server *rest.Server
	answer []byte
}

// Invoke answers a request of the gateway; one at a time, as Lambda has it.
func (f *function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event rest.Event
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("reading the gateway's event: %w", err)
	}
	response, err := f.server.Handle(ctx, event)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return json.Marshal(response)
	case f.answer != nil:
		return f.answer, nil
	}
	var dense bytes.Buffer
	if err := json.Compact(&dense, []byte(response.Body)); err != nil {
		return nil, fmt.Errorf("taking the spaces out of the description: %w", err)
	}
	response.Body = dense.String()
	f.answer, err = json.Marshal(response)
	return f.answer, err
}

func describe(_ context.Context, r *rest.Request) (rest.Answer, error) {
	if err := r.Valid(); err != nil {
		return rest.Answer{}, err
	}
	return rest.OK(openapi.Document), nil
}
