package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/table"
)

// What one DynamoDB partition takes: units a second, and bytes where a local index keeps a partition key's items
// together.
const (
	partitionWrites = 1000
	partitionReads  = 3000
	partitionBytes  = 10 << 30
)

// The program that the ceilings are held against: how much happens in it, taken and not measured.
const (
	programPartners  = 100_000
	livesADay        = 4 * programPartners // claims, from the adding to the completion
	peak             = 10                  // the busiest second by the mean one
	livesASecond     = float64(livesADay) * peak / 86_400
	busiestLivesADay = 1000 // of one partner, which is also the bound of its consent emails
	busiestLives     = float64(busiestLivesADay) * peak / 86_400
	busiestPages     = 20.0 // a second, of all users of one partner
	pagesALife       = 10   // of customers, until a claim is completed
	environments     = 1000 // of all functions, each of which reads the catalogue every ten seconds
	reviewPages      = 10.0 // a second, of all the program's staff
	sellerPages      = 100.0
	busiestCustomer  = 10.0 // acts a second that concern one customer
)

// consumption is what something takes.
type consumption struct {
	Reads  float64 `json:"reads"`
	Writes float64 `json:"writes"`
}

// ceilingFigures say how often a second something can happen until the partition that it meets is used up.
type ceilingFigures struct {
	Partition string      `json:"partition"`
	Act       string      `json:"act"`
	Units     consumption `json:"unitsOfOnePartition"`
	Rate      float64     `json:"actsASecond"`
	Needed    float64     `json:"neededASecond"`
	Remedy    string      `json:"remedy"`
}

// life names all calls of a claim's life together; for the ceilings, with its notices.
const life = "a claim's life"

// ceilings are the partitions that business acts meet, with how many partitions share the load.
var ceilings = []struct {
	partition, act string
	spread         int
	needed         float64
	remedy         string
}{
	{"PARTNER#p", life, 1, busiestLives, "a second partition key for a partner's ended claims"},
	{"PARTNER#p", "list-customers", 1, busiestPages, "smaller pages"},
	{"PARTNER#p", "list-claims", 1, busiestPages, "smaller pages"},
	{"CUSTOMER#c", life, 1, busiestCustomer, "none is needed: a customer has at most 500 places"},
	{"ID#type#value", "check-eligibility", 1, busiestCustomer, "the catalogue's cache for the directory, too"},
	{"CLAIM#id", life, 1, 1, "none is needed: a claim is one partner's work"},
	{"ENGAGEMENTS", "list-customers", 1, livesASecond * pagesALife, "the engagement from the cached catalogue"},
	{"ENGAGEMENTS", catalogueRead, 1, environments / 10.0, "copies of the catalogue, one drawn at random"},
	{"DUE#shard", life, table.Shards, livesASecond, "more shards"},
	{"REVIEW#shard", life, table.ListShards, livesASecond, "more shards"},
	{"REVIEW#shard", "list-claims, to be reviewed", table.ListShards, reviewPages, "a queue for each reviewer"},
	{"ENDED#shard", life, table.Shards, livesASecond, "more shards"},
	{"REFERRAL#type#shard", life, table.ListShards, livesASecond, "more shards"},
	{"REFERRAL#type#shard", "list-referrals, of all partners", table.ListShards, sellerPages,
		"a list for each country"},
	{"MAILS#PARTNER#p", life, 1, busiestLives, "shards of the count, each with its part of the bound"},
	{"MAILS#ADDRESS#hash", life, 1, 30.0 / 60, "none is needed: 30 emails a day"},
	{"MESSAGE#id", life, 1, 1, "none is needed: a partition each"},
	{"IDEMPOTENCY#hash", life, 1, 1, "none is needed: a partition each"},
	{"OPTOUT#hash", life, 1, 1, "none is needed: a partition each"},
	{"NOTICE#id", life, 1, 1, "none is needed: a partition each"},
}

// catalogueRead is the reading of the whole catalogue by an execution environment.
const catalogueRead = "the catalogue read anew"

// keep remembers what a call consumed of which partition.
func (b *bench) keep(name string, recorded recording) {
	if b.consumed == nil {
		b.consumed = map[string]map[string]consumption{}
	}
	add := func(act string) {
		if b.consumed[act] == nil {
			b.consumed[act] = map[string]consumption{}
		}
		for partition, more := range recorded.byPartition() {
			sum := b.consumed[act][partition]
			b.consumed[act][partition] = consumption{sum.Reads + more.Reads, sum.Writes + more.Writes}
		}
	}
	add(name)
	if !slices.Contains(lifeCalls, name) && !slices.Contains(noticeCalls, name) {
		return
	}
	add(life)
	for key, item := range recorded.put() {
		if b.stored == nil {
			b.stored = map[table.Key]table.Item{}
		}
		b.stored[key] = item
	}
}

// ceilings holds what was measured against what a partition takes.
func (b *bench) ceilings(ctx context.Context) error {
	out, err := b.stand.Database().Query(ctx, &dynamodb.QueryInput{
		TableName: aws.String(cloud.TableName), KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: table.Item{":p": &types.AttributeValueMemberS{Value: "ENGAGEMENTS"}},
		ConsistentRead:            aws.Bool(true), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w", err)
	}
	catalogue := consumption{Reads: aws.ToFloat64(out.ConsumedCapacity.CapacityUnits)}
	b.consumed[catalogueRead] = map[string]consumption{"ENGAGEMENTS": catalogue}
	forgotten := map[string]bool{}
	for _, partitions := range b.consumed {
		for partition, used := range partitions {
			if used != (consumption{}) {
				forgotten[partition] = true
			}
		}
	}
	for _, c := range ceilings {
		delete(forgotten, c.partition)
		used := b.consumed[c.act][c.partition]
		used.Reads, used.Writes = used.Reads/float64(c.spread), used.Writes/float64(c.spread)
		f := ceilingFigures{c.partition, c.act, used, 0, c.needed, c.remedy}
		for _, rate := range []float64{partitionWrites / used.Writes, partitionReads / used.Reads} {
			if f.Rate == 0 || rate < f.Rate {
				f.Rate = rate
			}
		}
		if used == (consumption{}) {
			return fmt.Errorf("%s consumed nothing of %s", c.act, c.partition)
		}
		b.Ceilings = append(b.Ceilings, f)
		b.expect(f.Rate >= f.Needed, "%s: %s takes %.0f a second, fewer than the %.0f that are needed", c.partition,
			c.act, f.Rate, f.Needed)
	}
	for partition := range forgotten {
		b.expect(false, "%s: units are consumed of it, and it is not among the ceilings", partition)
	}
	for key, item := range b.stored {
		if strings.HasPrefix(key.PK, "PARTNER#") {
			b.BytesOfAClaim += itemSize(item)
			for _, index := range table.Indexes {
				if index.Local && item[index.SortKey] != nil {
					entry := table.Item{"pk": item["pk"], "sk": item["sk"], index.SortKey: item[index.SortKey]}
					b.BytesOfAClaim += itemSize(entry) + 100
				}
			}
		}
	}
	return nil
}

// byPartition adds up what a call consumed of each partition, of the table and of its indexes.
func (r recording) byPartition() map[string]consumption {
	sums := map[string]consumption{}
	add := func(pk string, reads, writes float64) {
		sum := sums[partitionOf(pk)]
		sums[partitionOf(pk)] = consumption{sum.Reads + reads, sum.Writes + writes}
	}
	for _, request := range r.requests {
		var asked struct {
			Key, ExpressionAttributeValues map[string]attribute
			RequestItems                   map[string]struct{ Keys []map[string]attribute }
		}
		if json.Unmarshal(request.Body, &asked) != nil {
			continue // a request to another engine
		}
		switch {
		case request.Action == "GetItem":
			add(asked.Key[table.PartitionKey].S, request.reads, 0)
		case request.Action == "Query":
			add(asked.ExpressionAttributeValues[":p"].S, request.reads, 0)
		case request.Action == "BatchGetItem":
			for _, batch := range asked.RequestItems {
				for _, key := range batch.Keys {
					add(key[table.PartitionKey].S, request.reads/float64(len(batch.Keys)), 0)
				}
			}
		}
	}
	for _, written := range r.written() {
		before := r.before[written.key]
		after := written.item
		if after == nil { // an update, or a check
			after = before
		}
		add(written.key.PK, 0, 2*kilobytes(max(itemSize(before), itemSize(after))))
		for _, index := range table.Indexes {
			old, now := entryOf(before, index), entryOf(after, index)
			if strings.Contains(written.update, index.SortKey) {
				now += "updated"
			}
			if old == now {
				continue
			}
			for item, entry := range map[*table.Item]string{&before: old, &after: now} {
				if pk, isText := (*item)[index.PartitionKey].(*types.AttributeValueMemberS); isText && entry != "" {
					add(pk.Value, 0, 1)
				}
			}
		}
	}
	return sums
}

// entryOf is an item's place in an index, "" for none.
func entryOf(item table.Item, index table.Index) string {
	partition, inPartition := item[index.PartitionKey].(*types.AttributeValueMemberS)
	sort, inOrder := item[index.SortKey].(*types.AttributeValueMemberS)
	if !inPartition || !inOrder {
		return ""
	}
	return partition.Value + " " + sort.Value
}

// written is an item that a transaction writes or checks.
type written struct {
	key    table.Key
	item   table.Item // nil for an update or a check
	update string
}

func (r recording) written() []written {
	var all []written
	for _, request := range r.requests {
		var transaction struct {
			TransactItems []map[string]struct {
				Key, Item        map[string]attribute
				UpdateExpression string
			}
		}
		if request.Action != "TransactWriteItems" || json.Unmarshal(request.Body, &transaction) != nil {
			continue
		}
		for _, parts := range transaction.TransactItems {
			for _, part := range parts {
				w := written{update: part.UpdateExpression}
				attributes := part.Key
				if part.Item != nil {
					attributes = part.Item
					w.item = itemOf(part.Item)
				}
				w.key = table.KeyOf(itemOf(attributes))
				all = append(all, w)
			}
		}
	}
	return all
}

// put gives the items that were put, as they are then.
func (r recording) put() map[table.Key]table.Item {
	items := map[table.Key]table.Item{}
	for _, written := range r.written() {
		if written.item != nil {
			items[written.key] = written.item
		}
	}
	return items
}

// attribute is a value as it goes over the wire.
type attribute struct {
	S, N string
	B    []byte
	M    map[string]attribute
	L    []attribute
	SS   []string
}

// value is the attribute as the SDK has it. What it cannot tell apart takes a byte each.
func (a attribute) value() types.AttributeValue {
	switch {
	case a.S != "":
		return &types.AttributeValueMemberS{Value: a.S}
	case a.N != "":
		return &types.AttributeValueMemberN{Value: a.N}
	case a.B != nil:
		return &types.AttributeValueMemberB{Value: a.B}
	case a.SS != nil:
		return &types.AttributeValueMemberSS{Value: a.SS}
	case a.M != nil:
		m := &types.AttributeValueMemberM{Value: table.Item{}}
		for name, inner := range a.M {
			m.Value[name] = inner.value()
		}
		return m
	case a.L != nil:
		l := &types.AttributeValueMemberL{}
		for _, inner := range a.L {
			l.Value = append(l.Value, inner.value())
		}
		return l
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

// itemOf is an item as the SDK has it.
func itemOf(attributes map[string]attribute) table.Item {
	item := table.Item{}
	for name, value := range attributes {
		item[name] = value.value()
	}
	return item
}

// partitionNames are the names of all partitions of a kind, by how their keys begin.
var partitionNames = map[string]string{
	"PARTNER": "PARTNER#p", "CUSTOMER": "CUSTOMER#c", "ID": "ID#type#value", "CLAIM": "CLAIM#id",
	"DUE": "DUE#shard", "REVIEW": "REVIEW#shard", "ENDED": "ENDED#shard", "REFERRAL": "REFERRAL#type#shard",
	"MAILS#PARTNER": "MAILS#PARTNER#p", "MAILS#ADDRESS": "MAILS#ADDRESS#hash", "MESSAGE": "MESSAGE#id",
	"IDEMPOTENCY": "IDEMPOTENCY#hash", "OPTOUT": "OPTOUT#hash", "NOTICE": "NOTICE#id",
}

// partitionOf says whose partition it is, without saying which: "PARTNER#p".
func partitionOf(pk string) string {
	kind, rest, _ := strings.Cut(pk, "#")
	if kind == "MAILS" {
		of, _, _ := strings.Cut(rest, "#")
		kind += "#" + of
	}
	if name, known := partitionNames[kind]; known {
		return name
	}
	return kind
}

func kilobytes(bytes int) float64 { return float64(max(1, (bytes+1023)/1024)) }

// itemSize is what DynamoDB counts of an item: the bytes of names and values.
func itemSize(item table.Item) int {
	size := 0
	for name, value := range item {
		size += len(name) + valueSize(value)
	}
	return size
}

func valueSize(value types.AttributeValue) int {
	size := 0
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return len(v.Value)/2 + 1
	case *types.AttributeValueMemberSS:
		for _, text := range v.Value {
			size += len(text)
		}
		return size
	case *types.AttributeValueMemberM:
		for name, inner := range v.Value {
			size += len(name) + valueSize(inner) + 1
		}
		return size + 3
	case *types.AttributeValueMemberL:
		for _, inner := range v.Value {
			size += valueSize(inner) + 1
		}
		return size + 3
	}
	return 1
}

// ceilingTables are the ceilings for people, in Markdown.
func (b *bench) ceilingTables() string {
	var rows [][]string
	for _, c := range b.Ceilings {
		rows = append(rows, []string{"`" + c.Partition + "`", c.Act, number("%.2f", c.Units.Reads),
			number("%.2f", c.Units.Writes), grouped(c.Rate), grouped(c.Needed), c.Remedy})
	}
	partitions := markdown([]string{"partition", "act", "read", "written", "acts a second", "needed", "remedy"}, rows)
	years := partitionBytes / float64(b.BytesOfAClaim) / busiestLivesADay / 365
	if len(b.Ceilings) == 0 {
		return ""
	}
	calls := livesASecond * (float64(len(lifeCalls)) + 3*pagesALife)
	emails, writes := 0.0, 0.0
	for _, c := range b.Calls {
		if slices.Contains(lifeCalls, c.Name) || slices.Contains(noticeCalls, c.Name) {
			emails, writes = emails+livesASecond*float64(c.Emails), writes+livesASecond*c.WriteUnits
		}
	}
	accounts := markdown([]string{"default of an account (as of 2025)", "it takes", "needed", "remedy"}, [][]string{
		{"API Gateway, requests a second", "10,000", grouped(calls), "a higher quota"},
		{"Lambda, executions at once", "1,000", grouped(calls * 0.05),
			"a higher quota; reserve some for `consent-callback`"},
		{"SES, emails a second at first", "14", grouped(emails),
			"a higher quota, asked for before the start; it grows with a good name"},
		{"SES, emails a day at first", "50,000", grouped(emails / peak * 86_400), "the same"},
		{"KMS, signatures a second (ECC)", "1,000", grouped(livesASecond), "a higher quota"},
		{"DynamoDB, writes a second of a new table", "4,000", grouped(writes), "warm throughput, set before the start"},
		{"DynamoDB, writes a second of a table", "40,000", grouped(writes), "a higher quota"},
	})
	return fmt.Sprintf(`Taken for a large program: %s partners, %s claims a day from the adding to the completion,
%d times as many in the busiest second as in the mean one (%.0f), %s of them a day of the busiest partner, which is the
bound of its consent emails, and %d pages of customers a claim. A partition takes 1,000 units a second written and 3,000
read (2025). Units are those that one act takes of one partition, a claim's life with the emails that follow from its
acceptance and completion; the sweep's queues have %d partitions, lists across partners %d.

%s
A partner's items stay in one partition, for it has local indexes: 10 GB. A claim takes %s bytes of it with its index
entries, so the busiest partner fills it in %.0f years. Remedy: a second partition key for its claims that ended long
ago.

%s`, grouped(programPartners), grouped(livesADay), peak, livesASecond, grouped(busiestLivesADay), pagesALife,
		table.Shards, table.ListShards, partitions, grouped(float64(b.BytesOfAClaim)), years, accounts)
}

// grouped writes a number with no more digits than matter.
func grouped(n float64) string {
	switch {
	case n < 10:
		return fmt.Sprintf("%.2g", n)
	case n < 1000:
		return fmt.Sprintf("%.0f", n)
	}
	digits := fmt.Sprintf("%.0f", n)
	var text string
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			text += ","
		}
		text += string(digit)
	}
	return text
}

// The lines of the README between which the ceilings stand.
const (
	ceilingsBegin = "<!-- make bench writes what follows -->\n"
	ceilingsEnd   = "<!-- until here -->\n"
)

// writeCeilings renews the tables of the README.
func (b *bench) writeCeilings() error {
	path := filepath.Join(b.root, "scripts", "bench", "README.md")
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the README: %w", err)
	}
	before, rest, begins := strings.Cut(string(content), ceilingsBegin)
	_, after, ends := strings.Cut(rest, ceilingsEnd)
	if !begins || !ends {
		return fmt.Errorf("the README has no place for the ceilings")
	}
	renewed := before + ceilingsBegin + "\n" + b.ceilingTables() + "\n" + ceilingsEnd + after
	if err := os.WriteFile(path, []byte(renewed), 0o644); err != nil {
		return fmt.Errorf("writing the README: %w", err)
	}
	return nil
}
