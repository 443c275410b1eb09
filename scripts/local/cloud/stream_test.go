package cloud

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// put writes an item that tells the echo function what to do with its record; do may be "".
func put(t *testing.T, c *Cloud, name, do string) {
	t.Helper()
	item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "stream"},
		"sk": &types.AttributeValueMemberS{Value: name}}
	if do != "" {
		item["do"] = &types.AttributeValueMemberS{Value: do}
	}
	if _, err := c.Database().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(TableName),
		Item: item}); err != nil {
		t.Fatal(err)
	}
}

// seen is how often the function was given the record.
func seen(t *testing.T, c *Cloud, name string) int {
	t.Helper()
	return strings.Count(read(t, filepath.Join(c.config.StateDir, "logs", "echo.log")), "record "+name+"\n")
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(content)
}

func drain(t *testing.T, c *Cloud) {
	t.Helper()
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestTheStreamWakesItsFunction(t *testing.T) {
	c := start(t, echoConfig(t, t.TempDir()))
	deadLetters := func() int {
		return strings.Count(read(t, filepath.Join(c.config.StateDir, "dead-letters.jsonl")), "\n")
	}

	t.Run("a record that matches comes once, another not at all", func(t *testing.T) {
		put(t, c, "matching", "take")
		put(t, c, "other", "")
		drain(t, c)
		if seen(t, c, "matching") != 1 || seen(t, c, "other") != 0 {
			t.Errorf("came %d and %d times", seen(t, c, "matching"), seen(t, c, "other"))
		}
	})
	t.Run("a record that fails is tried again until it is given up, those around it are taken", func(t *testing.T) {
		for _, name := range []string{"before-1", "before-2"} {
			put(t, c, name, "take")
		}
		put(t, c, "bad", "fail")
		put(t, c, "after-1", "take")
		drain(t, c)
		if deadLetters() != 1 {
			t.Errorf("%d dead letters", deadLetters())
		}
		if seen(t, c, "bad") < 3 {
			t.Errorf("the bad record was tried %d times, with 2 retries allowed", seen(t, c, "bad"))
		}
		for _, name := range []string{"before-1", "before-2"} {
			if seen(t, c, name) != 1 {
				t.Errorf("%s, before the first failure, came %d times", name, seen(t, c, name))
			}
		}
		if seen(t, c, "after-1") < 1 {
			t.Error("the record after it never came")
		}
	})
	t.Run("a record that crashes the function is found by halving the batch", func(t *testing.T) {
		for _, name := range []string{"half-1", "half-2"} {
			put(t, c, name, "take")
		}
		put(t, c, "crash", "crash")
		put(t, c, "half-3", "take")
		drain(t, c)
		if deadLetters() != 2 {
			t.Errorf("%d dead letters", deadLetters())
		}
		for _, name := range []string{"half-1", "half-2", "half-3"} {
			if seen(t, c, name) == 0 {
				t.Errorf("%s never came", name)
			}
		}
	})
	t.Run("more records than a batch holds all come", func(t *testing.T) {
		for _, name := range []string{"many-1", "many-2", "many-3", "many-4", "many-5", "many-6", "many-7", "many-8",
			"many-9"} {
			put(t, c, name, "take")
		}
		drain(t, c)
		if got := strings.Count(read(t, filepath.Join(c.config.StateDir, "logs", "echo.log")),
			"record many-"); got != 9 {
			t.Errorf("%d of 9 came", got)
		}
	})
}

func TestARestartGoesOnInTheStream(t *testing.T) {
	config := echoConfig(t, t.TempDir())
	c := start(t, config)
	put(t, c, "taken", "take")
	drain(t, c)
	c.Stop()
	again := start(t, config)
	drain(t, again)
	if seen(t, again, "taken") != 1 {
		t.Errorf("a record that was taken came %d times", seen(t, again, "taken"))
	}
	put(t, again, "next", "take")
	drain(t, again)
	if seen(t, again, "next") != 1 {
		t.Errorf("the next record came %d times", seen(t, again, "next"))
	}
}

func TestARecordIsGivenUp(t *testing.T) {
	p := poller{stream: Stream{Retries: 2, MaximumAge: time.Hour}}
	young, old := streamRecord{born: time.Now()}, streamRecord{born: time.Now().Add(-2 * time.Hour)}
	for name, test := range map[string]struct {
		record streamRecord
		tries  int
		want   string
	}{
		"not at its last retry":    {young, 2, ""},
		"after its last retry":     {young, 3, "RetryAttemptsExhausted"},
		"not tried again when old": {old, 1, "RecordAgeExceeded"},
	} {
		if got := p.exhausted(test.record, test.tries); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestALoadWithoutTheStreamWakesNobody(t *testing.T) {
	c := start(t, echoConfig(t, t.TempDir()))
	put(t, c, "earlier", "take")
	if err := c.WithoutStream(t.Context(), func() error { put(t, c, "loaded", "take"); return nil }); err != nil {
		t.Fatal(err)
	}
	put(t, c, "later", "take")
	drain(t, c)
	if seen(t, c, "earlier") != 1 || seen(t, c, "loaded") != 0 || seen(t, c, "later") != 1 {
		t.Errorf("came %d, %d and %d times", seen(t, c, "earlier"), seen(t, c, "loaded"), seen(t, c, "later"))
	}
}

func TestFirstFailure(t *testing.T) {
	batch := []streamRecord{{sequence: "1"}, {sequence: "2"}, {sequence: "3"}}
	for name, test := range map[string]struct {
		answer string
		taken  int
	}{
		"none failed":             {`{"batchItemFailures":[]}`, 3},
		"no list is no failure":   {`{}`, 3},
		"null is no failure":      {`{"batchItemFailures":null}`, 3},
		"an empty answer is none": {``, 3},
		"the lowest failed one counts": {`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`,
			1},
		"a record of no batch fails all":         {`{"batchItemFailures":[{"itemIdentifier":"9"}]}`, 0},
		"an empty name fails all":                {`{"batchItemFailures":[{"itemIdentifier":""}]}`, 0},
		"an answer that cannot be read is as if": {`"oops"`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if taken := firstFailure([]byte(test.answer), batch); taken != test.taken {
				t.Errorf("%d taken instead of %d", taken, test.taken)
			}
		})
	}
}
