package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// pipe is the name of the pipe from the table's stream to the bus.
const pipe = "events"

const (
	// idlePoll is how often the stream is looked at while nothing happens; a Lambda poller does so four times a second.
	idlePoll = 250 * time.Millisecond
	// relist is how often the stream's shards are listed, which takes the engine longer with every record: new ones
	// come once another has ended, which is noticed, or else with a new stream.
	relist = 10 * time.Second
	// Retries of a batch wait longer and longer, between these bounds.
	firstBackoff, longestBackoff = 100 * time.Millisecond, 5 * time.Second
)

// poller is the event source mapping between the table's stream and a function, or the pipe between it and the bus: it
// reads every shard in order, keeps the records that match the filter, and hands them to its target in batches until
// each was taken or given up.
type poller struct {
	config   Config
	stream   Stream
	filter   pattern
	target   target
	database *dynamodb.Client
	client   *dynamodbstreams.Client

	checkpointFile string
	checkpoint     checkpoint
	shards         []string           // as they were listed
	listed         time.Time          // when that was
	iterators      map[string]string  // by shard
	wake           chan chan struct{} // a request to read everything now; closed by the poller once it did
}

// checkpoint is how far the stream was read. It survives a restart.
type checkpoint struct {
	Stream string            `json:"stream"`
	Shards map[string]string `json:"shards"` // the sequence number of the last record that is done with, by shard
}

// target takes a batch of records, and says how many of them, from the first on, are done with.
type target func(ctx context.Context, requestID string, batch []streamRecord) (taken int, result Result)

// newPoller goes on where the last run stopped, which the checkpoint's file says, unless the table is a new one.
func newPoller(config Config, stream Stream, checkpointFile string, created bool, target target) (*poller, error) {
	filter, err := parsePattern(stream.Filter)
	if err != nil {
		return nil, fmt.Errorf("the filter of %s: %w", stream.Function, err)
	}
	p := &poller{config: config, stream: stream, filter: filter, target: target,
		database:       dynamodb.NewFromConfig(config.aws()),
		client:         dynamodbstreams.NewFromConfig(config.aws()),
		checkpointFile: filepath.Join(config.StateDir, checkpointFile),
		checkpoint:     checkpoint{Shards: map[string]string{}},
		iterators:      map[string]string{},
		wake:           make(chan chan struct{}),
	}
	kept, err := os.ReadFile(p.checkpointFile)
	if created || errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(kept, &p.checkpoint)
	}
	if err != nil {
		return nil, fmt.Errorf("read the stream's checkpoint: %w", err)
	}
	return p, nil
}

// run reads the stream until ctx is over. What cannot be read now is read later.
func (p *poller) run(ctx context.Context) {
	var asked []chan struct{}
	backoff := idlePoll
	for {
		err := p.round(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := idlePoll
		if err != nil {
			fmt.Fprintf(p.config.Output, "the table's stream cannot be read, trying again in %s: %v\n", backoff, err)
			p.listed = time.Time{}
			clear(p.iterators)
			wait, backoff = backoff, min(2*backoff, longestBackoff)
		} else {
			backoff = idlePoll
			for _, done := range asked {
				close(done)
			}
			asked = nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case done := <-p.wake:
			timer.Stop()
			asked = append(asked, done)
		case <-timer.C:
		}
	}
}

// drain returns once everything was read and handled that was in the stream when it was called.
func (p *poller) drain(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case p.wake <- done:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// round reads every shard up to its present end.
func (p *poller) round(ctx context.Context) error {
	described, err := p.database.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(TableName)})
	if err != nil {
		return fmt.Errorf("find the stream: %w", err)
	}
	stream := aws.ToString(described.Table.LatestStreamArn)
	if stream == "" { // WithoutStream is at work
		return nil
	}
	if stream != p.checkpoint.Stream {
		// A new stream has new shards, except on an engine that goes on with the old ones: then so does the checkpoint.
		p.checkpoint.Stream = stream
		p.listed = time.Time{}
		clear(p.iterators)
	}
	for list := time.Since(p.listed) > relist; ; list = true {
		if list {
			if p.shards, err = p.listShards(ctx); err != nil {
				return err
			}
			p.listed = time.Now()
		}
		someEnded := false
		for _, shard := range p.shards {
			ended, err := p.readShard(ctx, shard)
			if err != nil {
				return fmt.Errorf("read shard %s: %w", shard, err)
			}
			someEnded = someEnded || ended
		}
		if !someEnded { // else other shards go on with it
			return nil
		}
	}
}

// listShards lists the stream's shards, parents before children.
func (p *poller) listShards(ctx context.Context) ([]string, error) {
	var shards []string
	input := &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(p.checkpoint.Stream)}
	for {
		page, err := p.client.DescribeStream(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("list the stream's shards: %w", err)
		}
		for _, shard := range page.StreamDescription.Shards {
			shards = append(shards, aws.ToString(shard.ShardId))
		}
		input.ExclusiveStartShardId = page.StreamDescription.LastEvaluatedShardId
		if input.ExclusiveStartShardId == nil {
			slices.Sort(shards) // shard IDs begin with the time they were opened
			return shards, nil
		}
	}
}

// readShard reads a shard up to its present end, and says whether it has come to its last one.
func (p *poller) readShard(ctx context.Context, shard string) (ended bool, err error) {
	iterator, known := p.iterators[shard]
	if known && iterator == "" {
		return false, nil // it had ended before
	}
	if !known {
		if iterator, err = p.iterator(ctx, shard); err != nil {
			return false, err
		}
		p.iterators[shard] = iterator
	}
	for iterator != "" { // a shard that is closed and read to its end has no next iterator
		page, err := p.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: aws.String(iterator)})
		if expired := (*types.ExpiredIteratorException)(nil); errors.As(err, &expired) {
			if iterator, err = p.iterator(ctx, shard); err == nil {
				continue
			}
		}
		if err != nil {
			return false, err
		}
		if err := p.handle(ctx, shard, page.Records); err != nil {
			return false, err
		}
		iterator = aws.ToString(page.NextShardIterator)
		p.iterators[shard] = iterator
		if iterator != "" && len(page.Records) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// iterator begins after the last record that is done with, or at the oldest there is.
func (p *poller) iterator(ctx context.Context, shard string) (string, error) {
	oldest := &dynamodbstreams.GetShardIteratorInput{StreamArn: aws.String(p.checkpoint.Stream),
		ShardId:           aws.String(shard),
		ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	input := oldest
	if last := p.checkpoint.Shards[shard]; last != "" {
		after := *oldest
		after.ShardIteratorType, after.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, aws.String(last)
		input = &after
	}
	output, err := p.client.GetShardIterator(ctx, input)
	if trimmed := (*types.TrimmedDataAccessException)(nil); errors.As(err, &trimmed) {
		output, err = p.client.GetShardIterator(ctx, oldest)
	}
	if err != nil {
		return "", fmt.Errorf("find the place to read on: %w", err)
	}
	return aws.ToString(output.ShardIterator), nil
}

// streamRecord is a record on its way to the function.
type streamRecord struct {
	sequence string
	born     time.Time
	event    json.RawMessage
}

// handle has the function take the matching records, in batches, and moves the checkpoint behind them.
func (p *poller) handle(ctx context.Context, shard string, records []types.Record) error {
	if len(records) == 0 {
		return nil
	}
	var matching []streamRecord
	for _, record := range records {
		event, err := json.Marshal(streamEvent(record, p.checkpoint.Stream))
		if err != nil {
			return fmt.Errorf("encode a record: %w", err)
		}
		matched, err := p.filter.matches(event)
		if err != nil {
			return err
		}
		if matched {
			matching = append(matching, streamRecord{aws.ToString(record.Dynamodb.SequenceNumber),
				aws.ToTime(record.Dynamodb.ApproximateCreationDateTime), event})
		}
	}
	size := max(1, p.stream.BatchSize)
	for batch := range slices.Chunk(matching, size) {
		if err := p.deliver(ctx, shard, batch); err != nil {
			return err
		}
		if err := p.keep(shard, batch[len(batch)-1].sequence); err != nil {
			return err
		}
	}
	return p.keep(shard, aws.ToString(records[len(records)-1].Dynamodb.SequenceNumber))
}

// keep notes that all up to the record is done with.
func (p *poller) keep(shard, sequence string) error {
	if p.checkpoint.Shards[shard] == sequence {
		return nil
	}
	p.checkpoint.Shards[shard] = sequence
	encoded, err := json.Marshal(p.checkpoint)
	if err == nil {
		err = writeFile(p.checkpointFile, encoded)
	}
	if err != nil {
		return fmt.Errorf("keep the stream's checkpoint: %w", err)
	}
	return nil
}

// deliver hands the batch to the function until every record was taken or given up. If nothing was taken it halves the
// batch, so that a bad record holds up as few others as possible.
func (p *poller) deliver(ctx context.Context, shard string, batch []streamRecord) error {
	tries, backoff := 0, firstBackoff
	for len(batch) > 0 {
		requestID := newID()
		taken, result := p.target(ctx, requestID, batch)
		if ctx.Err() != nil { // the function was stopped, which is no failure of its own
			return ctx.Err()
		}
		if taken > 0 {
			if err := p.keep(shard, batch[taken-1].sequence); err != nil {
				return err
			}
			batch, tries, backoff = batch[taken:], 0, firstBackoff
		} else if half := len(batch) / 2; half > 0 {
			if err := p.deliver(ctx, shard, batch[:half]); err != nil {
				return err
			}
			return p.deliver(ctx, shard, batch[half:])
		}
		if len(batch) == 0 {
			return nil
		}
		tries++
		if condition := p.exhausted(batch[0], tries); condition != "" {
			if err := p.giveUp(shard, batch[0], condition, requestID, tries, result); err != nil {
				return err
			}
			batch, tries, backoff = batch[1:], 0, firstBackoff
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, longestBackoff)
	}
	return nil
}

// offer has the function that the stream wakes work on the batch.
func (c *Cloud) offer(_ context.Context, requestID string, batch []streamRecord) (taken int, result Result) {
	records := make([]json.RawMessage, len(batch))
	for i, record := range batch {
		records[i] = record.event
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return 0, failure("InvalidRequest", err.Error())
	}
	result = c.lambda.invoke(c.config.Stream.Function, requestID, payload)
	if result.Failed {
		return 0, result
	}
	return firstFailure(result.Payload, batch), result
}

// publish puts the batch on the bus.
func (c *Cloud) publish(ctx context.Context, _ string, batch []streamRecord) (taken int, result Result) {
	if err := c.bus.put(ctx, batch); err != nil {
		return 0, failure("PutEvents", err.Error())
	}
	return len(batch), Result{}
}

// firstFailure reads which records a function reports as failed, as the event source mapping does: the whole batch
// failed if the report cannot be read, or names a record that was not in it.
func firstFailure(answer []byte, batch []streamRecord) int {
	var report struct {
		Failures []struct {
			Sequence string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) == 0 {
		return len(batch)
	}
	if err := json.Unmarshal(answer, &report); err != nil {
		return 0
	}
	first := len(batch)
	for _, failed := range report.Failures {
		position := slices.IndexFunc(batch, func(record streamRecord) bool {
			return record.sequence == failed.Sequence
		})
		if position < 0 {
			return 0
		}
		first = min(first, position)
	}
	return first
}

// exhausted says why a record is not tried again, if it is not.
func (p *poller) exhausted(record streamRecord, tries int) string {
	switch {
	case tries > p.stream.Retries:
		return "RetryAttemptsExhausted"
	case p.stream.MaximumAge > 0 && time.Since(record.born) > p.stream.MaximumAge:
		return "RecordAgeExceeded"
	default:
		return ""
	}
}

// giveUp writes the record down as the dead-letter queue gets it: not the record, but where it stands in the stream.
func (p *poller) giveUp(shard string, record streamRecord, condition, requestID string, tries int,
	result Result) error {
	responseContext := map[string]any{"statusCode": 200, "executedVersion": "$LATEST"}
	if result.Failed {
		responseContext["functionError"] = "Unhandled"
	}
	born := record.born.UTC().Format(time.RFC3339Nano)
	err := writeDeadLetter(p.config, p.stream.Function, map[string]any{
		"requestContext": map[string]any{"requestId": requestID, "functionArn": functionARN(p.stream.Function),
			"condition": condition, "approximateInvokeCount": tries},
		"responseContext": responseContext,
		"version":         "1.0",
		"timestamp":       time.Now().UTC().Format(time.RFC3339Nano),
		"DDBStreamBatchInfo": map[string]any{"shardId": shard, "startSequenceNumber": record.sequence,
			"endSequenceNumber": record.sequence, "approximateArrivalOfFirstRecord": born,
			"approximateArrivalOfLastRecord": born, "batchSize": 1, "streamArn": p.checkpoint.Stream},
	})
	if err != nil {
		return err
	}
	return p.keep(shard, record.sequence)
}

// Drain returns once the functions that the stream and the bus wake have worked on everything that was written until
// now.
func (c *Cloud) Drain(ctx context.Context) error {
	for _, poller := range c.pollers {
		if err := poller.drain(ctx); err != nil {
			return fmt.Errorf("wait for the table's stream: %w", err)
		}
	}
	if err := c.bus.drain(ctx); err != nil {
		return fmt.Errorf("wait for the bus: %w", err)
	}
	return nil
}

// Events lists the domain events of a claim that have reached the bus, oldest first; of all claims where claimID is "".
// Everything that was written until now is among them, unless ctx is over before.
func (c *Cloud) Events(ctx context.Context, claimID string) ([]json.RawMessage, error) {
	for _, poller := range c.pollers {
		if poller.stream.Function == pipe {
			_ = poller.drain(ctx) // those that have come are told even so
		}
	}
	return c.bus.of(claimID)
}
