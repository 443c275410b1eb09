package table

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"
)

// Table is the one DynamoDB table. Its methods are the access patterns; all reads are strongly consistent but those of
// global indexes, which may lag by a moment (D14).
type Table struct {
	client    *dynamodb.Client
	name      string
	catalogue catalogueCache
}

// New gives the table of that name.
func New(client *dynamodb.Client, name string) *Table { return &Table{client: client, name: name} }

// batchLimit is how many items one BatchGetItem takes.
const batchLimit = 100

// get reads one item into record; it says whether there is one. 1 round trip; half a unit per 4 KB, doubled for strong
// consistency.
func (t *Table) get(ctx context.Context, key Key, record any) (bool, error) {
	if !key.fits() {
		return false, nil
	}
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: KeyItem(key),
		ConsistentRead: aws.Bool(true)})
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", key.kind(), err)
	}
	if len(out.Item) == 0 {
		return false, nil
	}
	return true, decode(out.Item, record)
}

// getAll reads items by key, in parallel batches: 1 round trip, unless DynamoDB leaves some for another. Items that do
// not exist are left out.
func (t *Table) getAll(ctx context.Context, keys []Key) (map[Key]Item, error) {
	batches := make([][]Item, (len(keys)+batchLimit-1)/batchLimit)
	group, ctx := errgroup.WithContext(ctx)
	for i := range batches {
		group.Go(func() (err error) {
			batches[i], err = t.getBatch(ctx, keys[i*batchLimit:min(len(keys), (i+1)*batchLimit)])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := make(map[Key]Item, len(keys))
	for _, batch := range batches {
		for _, item := range batch {
			found[KeyOf(item)] = item
		}
	}
	return found, nil
}

func (t *Table) getBatch(ctx context.Context, keys []Key) ([]Item, error) {
	wanted := make([]Item, len(keys))
	for i, key := range keys {
		wanted[i] = KeyItem(key)
	}
	var found []Item
	request := map[string]types.KeysAndAttributes{t.name: {Keys: wanted, ConsistentRead: aws.Bool(true)}}
	for attempt := 0; len(request) > 0; attempt++ {
		if attempt > 0 {
			if err := pause(ctx, attempt); err != nil {
				return nil, err
			}
		}
		out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
		if err != nil {
			return nil, fmt.Errorf("reading %d items, such as %s: %w", len(keys), keys[0].kind(), err)
		}
		found = append(found, out.Responses[t.name]...)
		request = out.UnprocessedKeys
	}
	return found, nil
}

// span is a range of one partition, of the table or of an index, in order.
type span struct {
	index      Index // the zero value is the table itself
	partition  string
	from, to   string // of the sort key, both included
	whole      bool   // items of a local index as they are in the table, not the entries' keys alone
	descending bool
	limit      int32 // of items given; 0 is all there are
	mayEnd     bool  // the list may end where query says that there is more; so no item is read beyond the limit
}

// within spans what begins with a prefix.
func within(partition, prefix string) span {
	return span{partition: partition, from: prefix, to: prefix + last}
}

// query reads a span. 1 round trip per megabyte where there is no limit, else 1. More says that the limit cut it short.
func (t *Table) query(ctx context.Context, s span) (items []Item, more bool, err error) {
	if first, end := (Key{s.partition, s.from}), (Key{s.partition, s.to}); !first.fits() || !end.fits() ||
		s.from > s.to {
		return nil, false, nil
	}
	input := &dynamodb.QueryInput{
		TableName:                &t.name,
		KeyConditionExpression:   aws.String("#p = :p AND #s BETWEEN :from AND :to"),
		ExpressionAttributeNames: map[string]string{"#p": PartitionKey, "#s": SortKey},
		ExpressionAttributeValues: Item{
			":p": text(s.partition), ":from": text(max(s.from, first)), ":to": text(s.to),
		},
		ScanIndexForward: aws.Bool(!s.descending),
		ConsistentRead:   aws.Bool(true),
	}
	if s.index.Name != "" {
		input.IndexName = &s.index.Name
		input.ExpressionAttributeNames = map[string]string{"#p": s.index.PartitionKey, "#s": s.index.SortKey}
		input.ConsistentRead = aws.Bool(s.index.Local)
		if s.whole {
			input.Select = types.SelectAllAttributes
		}
	}
	switch {
	case s.limit > 0 && s.mayEnd:
		input.Limit = aws.Int32(s.limit)
	case s.limit > 0:
		input.Limit = aws.Int32(s.limit + 1) // one more tells whether there is one
	}
	for {
		out, err := t.client.Query(ctx, input)
		if err != nil {
			return nil, false, fmt.Errorf("reading %s items: %w", Key{PK: s.partition, SK: s.from}.kind(), err)
		}
		items = append(items, out.Items...)
		switch {
		case s.limit > 0 && len(items) > int(s.limit):
			return items[:s.limit], true, nil
		case s.limit > 0 || len(out.LastEvaluatedKey) == 0:
			return items, len(out.LastEvaluatedKey) > 0, nil
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// decodeAll reads items into records.
func decodeAll[T any](items []Item) ([]T, error) {
	records := make([]T, len(items))
	for i, item := range items {
		if err := decode(item, &records[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

// pause waits a little, longer each time and never the same for two: what lost a race once shall not lose it again to
// the same rival.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(jitter(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting to try again: %w", ctx.Err())
	}
}

// jitter is a random wait of up to 20 ms, doubled with each attempt, at most a second.
func jitter(attempt int) time.Duration {
	return rand.N(min(20*time.Millisecond<<min(attempt, 10), time.Second))
}
