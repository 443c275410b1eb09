// Command openapi gives the OpenAPI 3.1 description of the API.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi"
)

func main() {
	lambda.Start(newFunction(platform.Open("openapi")))
}

// description is the answer of every request that is in order, rendered when it is first asked for: it is long, and the
// same for all.
var description = sync.OnceValues(func() ([]byte, error) {
	var dense bytes.Buffer
	if err := json.Compact(&dense, openapi.Document); err != nil {
		return nil, fmt.Errorf("taking the spaces out of the description: %w", err)
	}
	response, err := rest.Render(rest.OK(json.RawMessage(dense.Bytes())))
	if err != nil {
		return nil, err
	}
	return json.Marshal(response)
})

type function struct{ server *rest.Server }

func newFunction(environment *platform.Environment) function {
	return function{rest.NewServer(environment, map[string]rest.Handler{
		"GET /v1/openapi.json": func(_ context.Context, r *rest.Request) (rest.Response, error) {
			return rest.OK(nil), r.Valid()
		},
	})}
}

// Invoke answers a request of the gateway: what is wrong with it, or the description.
func (f function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event rest.GatewayRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("reading the gateway's event: %w", err)
	}
	response, err := f.server.Handle(ctx, event)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return json.Marshal(response)
	}
	return description()
}
