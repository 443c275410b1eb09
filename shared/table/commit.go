package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// ErrLostRace says that what a decision relied on has changed: load and decide again.
var ErrLostRace = errors.New("lost a race")

// Write is one item of a transaction, with what it means when its condition does not hold.
type Write struct {
	item types.TransactWriteItem
	lost error
	err  error // of making the write
}

// transactionLimit is how many items one transaction takes.
const transactionLimit = 100

// Commit writes all or nothing: TransactWriteItems, 1 round trip, 2 units per KB of each item. It gives ErrLostRace, or
// else the error of the first write whose condition did not hold.
func (t *Table) Commit(ctx context.Context, writes ...[]Write) error {
	all := slices.Concat(writes...)
	if len(all) == 0 {
		return nil
	}
	if len(all) > transactionLimit {
		return fmt.Errorf("committing %d items, of which a transaction takes %d", len(all), transactionLimit)
	}
	items := make([]types.TransactWriteItem, len(all))
	for i, write := range all {
		if write.err != nil {
			return write.err
		}
		items[i] = write.item
	}
	_, err := t.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	var running *types.TransactionInProgressException
	switch {
	case err == nil:
		return nil
	case errors.As(err, &conflict), errors.As(err, &running):
		return fmt.Errorf("committing: %w", ErrLostRace)
	case !errors.As(err, &cancelled):
		return fmt.Errorf("committing %d items: %w", len(all), err)
	}
	lost := error(nil)
	for i, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "", "None":
		case "ConditionalCheckFailed":
			if lost == nil || errors.Is(all[i].lost, ErrLostRace) { // a lost race is decided anew, whatever else failed
				lost = all[i].lost
			}
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			lost = ErrLostRace
		default:
			return fmt.Errorf("committing %d items: %w", len(all), err)
		}
	}
	if lost == nil {
		return fmt.Errorf("committing %d items: %w", len(all), err)
	}
	return fmt.Errorf("committing: %w", lost)
}

// attempts is how often a decision is made anew before the caller is asked to try again.
const attempts = 8

// Settle runs a decision, load to commit, until it wins its race; one that never does is refused with TryAgain.
func Settle[T any](ctx context.Context, decide func(ctx context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, err := decide(ctx)
		if !errors.Is(err, ErrLostRace) {
			return result, err
		}
		if attempt == attempts || pause(ctx, attempt) != nil {
			var none T
			return none, &mci.Refusal{Code: mci.TryAgain,
				Detail: "Many requests meet here just now; nothing was changed.", RetryAfter: time.Second}
		}
	}
}

// putVersion puts a record whose version was loaded; 0 is that of an item that is not there yet.
func (t *Table) putVersion(record any, loaded int) Write {
	condition, values := unchanged(loaded)
	return t.put(record, condition, values, ErrLostRace)
}

// unchanged is the condition that an item still has the version that was loaded.
func unchanged(loaded int) (condition string, values Item) {
	if loaded == 0 {
		return "attribute_not_exists(pk)", nil
	}
	return "version = :loaded", Item{":loaded": version(loaded)}
}

func (t *Table) put(record any, condition string, values Item, lost error) Write {
	item, err := encode(record)
	return t.putItem(item, err, condition, values, lost)
}

// putItem puts an item, unless making it failed.
func (t *Table) putItem(item Item, err error, condition string, values Item, lost error) Write {
	put := &types.Put{TableName: &t.name, Item: item, ExpressionAttributeValues: values}
	if condition != "" {
		put.ConditionExpression = &condition
	}
	return Write{item: types.TransactWriteItem{Put: put}, lost: lost, err: err}
}

func (t *Table) update(key Key, expression, condition string, names map[string]string, values Item) Write {
	item, err := encode(key)
	for name := range names {
		if !strings.Contains(expression+condition, name) {
			err = errors.Join(err, fmt.Errorf("updating %s: the name %s is not used", key.kind(), name))
		}
	}
	return Write{item: types.TransactWriteItem{Update: &types.Update{
		TableName: &t.name, Key: item, UpdateExpression: &expression, ConditionExpression: &condition,
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}}, lost: ErrLostRace, err: err}
}

// version is a version's number, or what is added to it.
func version(n int) types.AttributeValue { return number(strconv.Itoa(n)) }

func number(digits string) types.AttributeValue { return &types.AttributeValueMemberN{Value: digits} }
