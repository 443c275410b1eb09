package importer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/table"
)

// store is the table, and how many requests may be under way to it.
type store struct {
	client  *dynamodb.Client
	table   string
	workers int
}

const (
	batchPut = 25  // items, as DynamoDB bounds a batch of writes
	batchGet = 100 // and one of reads

	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
	maxRounds  = 12 // in a row in which DynamoDB does nothing
)

// ErrUnreachable is the error of a load that found no table, or no way to it, before anything was written.
var ErrUnreachable = errors.New("the table cannot be reached")

// reach says whether the table is there, before much is asked of it.
func (s store) reach(ctx context.Context) error {
	_, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table,
		Key:       table.KeyItem(table.Key{PK: "IMPORT", SK: "IMPORT"}), // which nothing has
	}, func(o *dynamodb.Options) { o.RetryMaxAttempts = 2 })
	var none *types.ResourceNotFoundException
	if errors.As(err, &none) {
		return fmt.Errorf("%w: there is no table %s", ErrUnreachable, s.table)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return nil
}

// get reads items by key, in no order, no more of each than what a check needs. Those that are not there are left out.
func (s store) get(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	found := map[table.Key]table.Item{}
	if len(keys) == 0 {
		return found, nil
	}
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.getBatches(ctx, keys)
}

func (s store) getBatches(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	found := map[table.Key]table.Item{}
	var lock sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.workers)
	for batch := range slices.Chunk(keys, batchGet) {
		group.Go(func() error {
			left := make([]table.Item, len(batch))
			for i, key := range batch {
				left[i] = table.KeyItem(key)
			}
			return untilDone(ctx, len(left), func() (int, error) {
				output, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
					RequestItems: map[string]types.KeysAndAttributes{s.table: {
						Keys:                 left,
						ProjectionExpression: aws.String(table.PartitionKey + "," + table.SortKey + ",customerId"),
						ConsistentRead:       aws.Bool(true),
					}},
				})
				if err != nil {
					return 0, err
				}
				lock.Lock()
				defer lock.Unlock()
				for _, item := range output.Responses[s.table] {
					found[table.KeyOf(item)] = item
				}
				left = output.UnprocessedKeys[s.table].Keys
				return len(left), nil
			})
		})
	}
	return found, group.Wait()
}

// writer writes changes in batches, several at a time.
type writer struct {
	store   store
	ctx     context.Context
	group   *errgroup.Group
	batch   []change
	written atomic.Int64
}

func (s store) newWriter(ctx context.Context) *writer {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.workers)
	return &writer{store: s, ctx: ctx, group: group}
}

// add takes a change, and waits while as many batches as may be are under way.
func (w *writer) add(change change) error {
	if w.batch = append(w.batch, change); len(w.batch) == batchPut {
		w.flush()
	}
	return w.ctx.Err()
}

func (w *writer) flush() {
	batch := w.batch
	w.batch = nil
	if len(batch) > 0 {
		w.group.Go(func() error { return w.send(batch) })
	}
}

// close waits for all batches, and tells how many changes were made and the first error.
func (w *writer) close() (int, error) {
	w.flush()
	err := w.group.Wait()
	return int(w.written.Load()), err
}

func (w *writer) send(batch []change) error {
	left := make([]types.WriteRequest, len(batch))
	for i, change := range batch {
		if change.record == nil {
			left[i] = table.Delete(change.key)
			continue
		}
		put, err := table.Put(change.record)
		if err != nil {
			return err
		}
		left[i] = put
	}
	beside, err := w.store.besideOwners(w.ctx, batch)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(beside, batchPut) {
		if err := w.store.put(w.ctx, some, func(int) {}); err != nil {
			return err
		}
	}
	return w.store.put(w.ctx, left, func(written int) { w.written.Add(int64(written)) })
}

// put makes the requests of a batch, and tells how many were done.
func (s store) put(ctx context.Context, left []types.WriteRequest, done func(int)) error {
	return untilDone(ctx, len(left), func() (int, error) {
		output, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{s.table: left},
		})
		if err != nil {
			return 0, err
		}
		done(len(left) - len(output.UnprocessedItems[s.table]))
		left = output.UnprocessedItems[s.table]
		return len(left), nil
	})
}

// untilDone asks again for what DynamoDB left undone, which it does when more is asked than the table has capacity for.
// It waits ever longer as long as nothing gets done, by chance more or less, so that workers do not all come back at
// once.
func untilDone(ctx context.Context, left int, round func() (left int, err error)) error {
	for idle := 0; ; {
		now, err := round()
		if err != nil || now == 0 {
			return err
		}
		if idle++; now < left {
			idle = 1
		}
		if idle > maxRounds {
			return fmt.Errorf("DynamoDB left %d items undone %d times in a row: the table lacks the capacity", now,
				maxRounds)
		}
		left = now
		pause := time.NewTimer(rand.N(min(firstPause<<idle, maxPause)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}
