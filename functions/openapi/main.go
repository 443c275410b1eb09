// Command openapi gives the OpenAPI 3.1 description of the API.
package main

import (
	"context"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi"
)

func main() {
	environment := platform.Open("openapi")
	rest.Start(environment, map[string]rest.Handler{"GET /v1/openapi.json": describe})
}

func describe(_ context.Context, r *rest.Request) (rest.Answer, error) {
	if err := r.Valid(); err != nil {
		return rest.Answer{}, err
	}
	return rest.OK(openapi.Document), nil
}
