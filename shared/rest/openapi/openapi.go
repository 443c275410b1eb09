// Package openapi holds the description of the API.
package openapi

import (
	_ "embed" // the document
	"encoding/json"
)

// Document is the OpenAPI 3.1 description of every route.
//
//go:embed openapi.json
var Document json.RawMessage
