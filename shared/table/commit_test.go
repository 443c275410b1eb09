package table

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// cancelling is a table whose engine cancels every transaction for these reasons, one for each item.
func cancelling(t *testing.T, reasons ...string) *Table {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"message": "cancelled"}
		list := []map[string]string{}
		for _, reason := range reasons {
			list = append(list, map[string]string{"Code": reason})
		}
		body["CancellationReasons"] = list
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	return New(client, "customers")
}

func TestWhyATransactionWasCancelled(t *testing.T) {
	const held, failed, conflict = "None", "ConditionalCheckFailed", "TransactionConflict"
	notManaged, other := errors.New("not managed"), errors.New("neither")
	for name, c := range map[string]struct {
		reasons []string // of an item whose condition means a lost race, and of one that means more
		want    error
	}{
		"a condition that a rival broke":               {[]string{failed, held}, ErrLostRace},
		"a condition that means something else":        {[]string{held, failed}, notManaged},
		"both: it is decided anew":                     {[]string{failed, failed}, ErrLostRace},
		"another transaction at the same items":        {[]string{conflict, held}, ErrLostRace},
		"it was at the second of them":                 {[]string{held, conflict}, ErrLostRace},
		"a condition, and another transaction":         {[]string{failed, conflict}, ErrLostRace},
		"too much at once":                             {[]string{"ThrottlingError", held}, ErrLostRace},
		"more than the table may take":                 {[]string{held, "ProvisionedThroughputExceeded"}, ErrLostRace},
		"an item that the engine does not take":        {[]string{"ValidationError", held}, other},
		"an item that is too large, and a broken race": {[]string{failed, "ItemCollectionSizeLimitExceeded"}, other},
		"no reason at all":                             {[]string{held, held}, other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := cancelling(t, c.reasons...)
			record := struct{ Key }{Key{"pk", "sk"}}
			raced, relied := table.put(record, "", nil, ErrLostRace), table.put(record, "", nil, notManaged)
			err := table.Commit(t.Context(), []Write{raced}, []Write{relied})
			for _, known := range []error{ErrLostRace, notManaged} {
				if err == nil || errors.Is(err, known) != (known == c.want) {
					t.Errorf("it gives %v", err)
				}
			}
		})
	}
}
