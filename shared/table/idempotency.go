package table

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// answerLife is how long an answer is kept for its idempotency key (D13).
const answerLife = 24 * time.Hour

func answerKey(r mci.IdempotentRequest) Key {
	return idempotencyKey(hash(r.PartnerID, r.UserID, r.Route, r.IdempotencyKey))
}

// Answer is the first success of a request.
type Answer struct {
	Key
	BodyHash   string `json:"bodyHash"`
	Status     int    `json:"status"`
	Body       string `json:"body"`
	TimeToLive int64  `json:"ttl"`
}

// Answer gives the answer kept for a request's key, nil where there is none. GetItem: 1 round trip, or none without a key;
// 1 unit per 4 KB.
func (t *Table) Answer(ctx context.Context, request mci.IdempotentRequest, now time.Time) (*Answer, error) {
	if request.IdempotencyKey == "" {
		return nil, nil
	}
	var answer Answer
	found, err := t.get(ctx, answerKey(request), &answer)
	if err != nil || !found || answer.TimeToLive <= now.Unix() {
		return nil, err
	}
	return &answer, nil
}

// Serves refuses a request that has the answer's key and another body.
func (a *Answer) Serves(request mci.IdempotentRequest) error {
	if a.BodyHash != hash(string(request.Body)) {
		return mci.Refuse(mci.IdempotencyKeyReused, "This Idempotency-Key was used for another body; use a new key for a new request.")
	}
	return nil
}

// Unanswered has a commit rely on there being no answer yet for a request's key: the same request may have succeeded since
// it was looked for.
func (t *Table) Unanswered(request mci.IdempotentRequest, now time.Time) []Write {
	if request.IdempotencyKey == "" {
		return nil
	}
	key, err := encode(answerKey(request))
	check := &types.ConditionCheck{
		TableName: &t.name, Key: key, ConditionExpression: aws.String(notKept),
		ExpressionAttributeNames:  map[string]string{"#ttl": TimeToLive},
		ExpressionAttributeValues: Item{":now": number(fmt.Sprint(now.Unix()))},
	}
	return []Write{{item: types.TransactWriteItem{ConditionCheck: check}, lost: ErrLostRace, err: err}}
}

// notKept holds where no answer is kept, or one whose time is over.
const notKept = "attribute_not_exists(pk) OR #ttl <= :now"

// Keep writes the answer of a request's first success; the race for one key has one winner.
func (t *Table) Keep(request mci.IdempotentRequest, status int, body []byte, now time.Time) []Write {
	if request.IdempotencyKey == "" {
		return nil
	}
	answer := Answer{answerKey(request), hash(string(request.Body)), status, string(body), now.Add(answerLife).Unix()}
	write := t.put(answer, notKept, Item{":now": number(fmt.Sprint(now.Unix()))}, ErrLostRace)
	write.item.Put.ExpressionAttributeNames = map[string]string{"#ttl": TimeToLive}
	return []Write{write}
}
