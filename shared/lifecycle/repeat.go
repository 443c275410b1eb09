package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// Settle is table.Settle for a request that may be repeated (D13). Where it is refused, what refused it may be the very success
// of the same request, which came while this one was decided; then it gets that answer. 1 round trip more, for a refusal of a
// request with an Idempotency-Key; without one there is no answer to look for.
func Settle(ctx context.Context, t *table.Table, r *rest.Request, decide func(ctx context.Context) (rest.Answer, error)) (rest.Answer, error) {
	answer, err := table.Settle(ctx, decide)
	var refusal *mci.Refusal
	if !errors.As(err, &refusal) || slices.Contains(beforeKeys, refusal.Code) {
		return answer, err
	}
	kept, readErr := t.Answer(ctx, r.Idempotency(), r.Now)
	switch {
	case readErr != nil:
		return rest.Answer{}, readErr
	case kept == nil:
		return rest.Answer{}, err
	}
	return Kept(r, kept)
}

// beforeKeys are the refusals that come before an Idempotency-Key counts.
var beforeKeys = []mci.Code{mci.Forbidden, mci.Invalid, mci.NotFound}

// Kept gives the answer kept for the request's Idempotency-Key again; the same key with another body is refused.
func Kept(r *rest.Request, answer *table.Answer) (rest.Answer, error) {
	return rest.Answer{Status: answer.Status, Body: json.RawMessage(answer.Body)}, answer.Serves(r.Idempotency())
}

// Keep renders an answer once, for the caller and for whoever repeats the request (D13).
func Keep(t *table.Table, r *rest.Request, answer rest.Answer) (rest.Answer, []table.Write, error) {
	body, err := json.Marshal(answer.Body)
	if err != nil {
		return rest.Answer{}, nil, fmt.Errorf("rendering the answer: %w", err)
	}
	return rest.Answer{Status: answer.Status, Body: json.RawMessage(body)}, t.Keep(r.Idempotency(), answer.Status, body, r.Now), nil
}
