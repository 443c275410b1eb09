package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi"
)

// TestTheDescriptionIsTheSameForAll asks one process again and again, between requests that are refused: what it keeps
// is the description, and nothing of whoever asked.
func TestTheDescriptionIsTheSameForAll(t *testing.T) {
	t.Setenv(platform.Stage, "test")
	f := newFunction(platform.Open("openapi"))
	sample, err := os.ReadFile(filepath.Join("..", "..", "events", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(string(sample), `"rawQueryString": ""`,
		`"rawQueryString": "a=1", "queryStringParameters": {"a": "1"}`, 1)
	var dense bytes.Buffer
	if err := json.Compact(&dense, openapi.Document); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []struct {
		event  string
		status int
	}{{wrong, 422}, {string(sample), 200}, {wrong, 422}, {string(sample), 200}} {
		answer, err := f.Invoke(t.Context(), []byte(asked.event))
		if err != nil {
			t.Fatal(err)
		}
		var response rest.GatewayResponse
		if err := json.Unmarshal(answer, &response); err != nil || response.StatusCode != asked.status {
			t.Fatalf("answered %d instead of %d, %v: %.300s", response.StatusCode, asked.status, err, answer)
		}
		if asked.status == 200 && (response.Body != dense.String() || response.IsBase64Encoded) {
			t.Errorf("the description is not what stands in openapi.json, less its spaces: %.300s", response.Body)
		}
		if bytes.Contains(answer, []byte("Uxq8jh")) != (asked.status != 200) { // the request's ID
			t.Errorf("answered with the request's ID: %.300s", answer)
		}
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"Records":[]`)); err == nil {
		t.Error("what is no event is answered")
	}
}
