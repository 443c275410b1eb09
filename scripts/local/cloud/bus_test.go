package cloud

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// record writes an event of a claim as the product does. The echo function does what do says.
func record(t *testing.T, c *Cloud, claimID string, seq int, kind, do string) {
	t.Helper()
	text := func(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }
	item := map[string]types.AttributeValue{"pk": text("CLAIM#" + claimID), "sk": text(fmt.Sprintf("EVENT#%05d", seq)),
		"claimId": text(claimID), "seq": &types.AttributeValueMemberN{Value: strconv.Itoa(seq)}, "type": text(kind),
		"at": text("2026-11-01T10:00:00Z"), "partnerId": text("p"), "engagementId": text(do), "customerId": text("c"),
		"actor": text("somebody@p")}
	_, err := c.Database().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(TableName), Item: item})
	if err != nil {
		t.Fatal(err)
	}
}

// told is how often the function was given the event.
func told(t *testing.T, c *Cloud, seq int) int {
	t.Helper()
	return strings.Count(read(t, filepath.Join(c.config.StateDir, "logs", "echo.log")), fmt.Sprintf("event %d\n", seq))
}

// listed is what GET /local/events says of the claim.
func listed(t *testing.T, c *Cloud, claimID string) []map[string]any {
	t.Helper()
	answer, body := call(t, "GET", c.URL()+"/local/events?claimId="+claimID, "")
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("answered %d %s", answer.StatusCode, body)
	}
	return decode[struct{ Events []map[string]any }](t, body).Events
}

func busConfig(t *testing.T, state string) Config {
	config := echoConfig(t, state)
	config.Rules = []Rule{{"echo", `{"source":["mci.customers"],"replay-name":[{"exists":false}],` +
		`"detail-type":[{"prefix":"told."}]}`}}
	return config
}

func TestEventsOfClaimsReachTheBusAndThoseThatARuleNames(t *testing.T) {
	config := busConfig(t, t.TempDir())
	c := start(t, config)
	record(t, c, "a", 1, "told.one", "")
	record(t, c, "b", 2, "told.two", "")
	record(t, c, "a", 3, "other", "")
	put(t, c, "no event", "")
	events := listed(t, c, "a")
	if len(events) != 2 || len(listed(t, c, "nobody")) != 0 {
		t.Fatalf("listed are %v", events)
	}
	first, err := json.Marshal(events[0]["detail"])
	if err != nil {
		t.Fatal(err)
	}
	for name, is := range map[string][2]any{
		"version": {events[0]["version"], "0"}, "source": {events[0]["source"], "mci.customers"},
		"detail-type": {events[0]["detail-type"], "told.one"}, "the second's": {events[1]["detail-type"], "other"},
		"account": {events[0]["account"], Account}, "region": {events[0]["region"], Region},
	} {
		if is[0] != is[1] {
			t.Errorf("%s is %v instead of %v", name, is[0], is[1])
		}
	}
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(events[0]["time"])); err != nil ||
		events[0]["id"] == events[1]["id"] {
		t.Errorf("the events are %v", events)
	}
	for _, part := range []string{`"claimId":"a"`, `"seq":"1"`, `"partnerId":"p"`, `"at":"2026-11-01T10:00:00Z"`} {
		if !strings.Contains(string(first), part) {
			t.Errorf("the detail lacks %s: %s", part, first)
		}
	}
	if strings.Contains(string(first), "somebody") {
		t.Errorf("the detail says more than the stack declares: %s", first)
	}
	drain(t, c)
	if told(t, c, 1) != 1 || told(t, c, 2) != 1 || told(t, c, 3) != 0 {
		t.Errorf("told %d, %d and %d times", told(t, c, 1), told(t, c, 2), told(t, c, 3))
	}

	// An event that fails is tried again and given up; those behind it are delivered.
	record(t, c, "a", 4, "told.four", "fail")
	record(t, c, "a", 5, "told.five", "crash")
	record(t, c, "a", 6, "told.six", "")
	drain(t, c)
	if told(t, c, 4) != deliveryTries || told(t, c, 5) != deliveryTries || told(t, c, 6) != 1 {
		t.Errorf("told %d, %d and %d times", told(t, c, 4), told(t, c, 5), told(t, c, 6))
	}
	letters := read(t, filepath.Join(config.StateDir, "dead-letters.jsonl"))
	if strings.Count(letters, "\n") != 2 || strings.Count(letters, `"condition":"RetriesExhausted"`) != 2 {
		t.Errorf("the dead letters are %s", letters)
	}

	// After a restart, what was delivered does not come again, and the list is whole.
	c.Stop()
	again := start(t, config)
	record(t, again, "a", 7, "told.seven", "")
	drain(t, again)
	if told(t, again, 1) != 1 || told(t, again, 6) != 1 || told(t, again, 7) != 1 || len(listed(t, again, "a")) != 6 {
		t.Errorf("told %d, %d and %d times", told(t, again, 1), told(t, again, 6), told(t, again, 7))
	}
}

func TestWhatARunHadNotDeliveredTheNextOneDelivers(t *testing.T) {
	config := busConfig(t, t.TempDir())
	c := start(t, config)
	record(t, c, "a", 1, "told.one", "")
	record(t, c, "a", 2, "told.two", "")
	drain(t, c)
	c.Stop()
	// As if the run had been killed before the second event was delivered, and while it wrote down a third.
	kept := read(t, filepath.Join(config.StateDir, "events.jsonl"))
	delivered := strconv.Itoa(strings.Index(kept, "\n") + 1)
	for name, content := range map[string]string{"events-delivered": delivered, "events.jsonl": kept + `{"version":`} {
		if err := os.WriteFile(filepath.Join(config.StateDir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := start(t, config)
	record(t, again, "a", 3, "told.three", "")
	drain(t, again)
	if told(t, again, 1) != 1 || told(t, again, 2) != 2 || told(t, again, 3) != 1 || len(listed(t, again, "a")) != 3 {
		t.Errorf("told %d, %d and %d times, listed %v", told(t, again, 1), told(t, again, 2), told(t, again, 3),
			listed(t, again, "a"))
	}
}
