// Command empty-client is what the portal is measured against: a function that holds an HTTP client. It makes the calls
// that its payload names, in order and as many at a time, and answers fixed bytes; of any other payload it makes none.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/sync/errgroup"
)

func main() { lambda.Start(caller{&http.Client{}}) }

type caller struct{ client *http.Client }

// Prefix begins a payload that names calls.
var prefix = []byte("calls:")

// Invoke makes the calls.
func (c caller) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	named, isNamed := bytes.CutPrefix(payload, prefix)
	if !isNamed {
		return []byte("{}"), nil
	}
	var program struct {
		Token string     `json:"token"`
		Waves [][]string `json:"waves"`
	}
	if err := json.Unmarshal(named, &program); err != nil {
		return nil, fmt.Errorf("reading the calls: %w", err)
	}
	for _, wave := range program.Waves {
		group, ctx := errgroup.WithContext(ctx)
		for _, address := range wave {
			group.Go(func() error { return c.call(ctx, address, program.Token) })
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	return []byte("{}"), nil
}

func (c caller) call(ctx context.Context, address, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("calling: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %d", response.StatusCode)
	}
	return nil
}
