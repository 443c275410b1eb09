package table

import (
	"context"
	"fmt"
	"time"

	"mci.example/customers/shared/mci"
)

// KeptResponse is the response to the first success of a request with an Idempotency-Key (D13).
type KeptResponse struct {
	Key
	BodyHash   string `json:"bodyHash"` // of the request
	Status     int    `json:"status"`
	Packed     packed `json:"body"`
	TimeToLive int64  `json:"ttl"`
}

// Body is the response's.
func (r KeptResponse) Body() string { return r.Packed.text }

func keptResponseKey(r mci.IdempotentRequest) Key {
	return idempotencyKey(hash(r.PartnerID, r.UserID, r.Route, r.IdempotencyKey))
}

// KeptResponse returns the response kept for a request's key; nil if there is none. GetItem: 1 round trip, or none
// without a key; 1 unit per 4 KB.
func (t *Table) KeptResponse(ctx context.Context, request mci.IdempotentRequest, now time.Time) (*KeptResponse, error) {
	if request.IdempotencyKey == "" {
		return nil, nil
	}
	var response KeptResponse
	found, err := t.get(ctx, keptResponseKey(request), &response)
	if err != nil || !found || response.TimeToLive <= now.Unix() {
		return nil, err
	}
	return &response, nil
}

// noneKept holds where no response is kept, or one whose time is over.
const noneKept = "attribute_not_exists(pk) OR #ttl <= :now"

// PutKeptResponse keeps the response to a request's first success; of several requests with one key, one wins.
func (t *Table) PutKeptResponse(request mci.IdempotentRequest, status int, body []byte, now time.Time) []Write {
	if request.IdempotencyKey == "" {
		return nil
	}
	response := KeptResponse{
		keptResponseKey(request), request.BodyHash(), status, packed{text: string(body)},
		now.Add(keptResponseLife).Unix(),
	}
	write := t.put(response, noneKept, Item{":now": number(fmt.Sprint(now.Unix()))}, ErrLostRace)
	write.item.Put.ExpressionAttributeNames = map[string]string{"#ttl": TimeToLive}
	return []Write{write}
}
