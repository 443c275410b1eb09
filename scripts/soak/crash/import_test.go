package crash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
)

var errLost = errors.New("the connection broke")

// fault is what happens to a request instead of sending it.
type fault func(send func() (*http.Response, error)) (*http.Response, error)

// wire carries the import's requests, and lets one go wrong.
type wire struct {
	fault fault
	at    int64 // which request, from 1
	seen  atomic.Int64
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	send := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(request) }
	if w.seen.Add(1) != w.at {
		return send()
	}
	return w.fault(send)
}

// load imports the folder over the wire.
func load(ctx context.Context, w *wire, folder string) (importer.Summary, error) {
	options := localtest.DynamoDB().Options()
	options.HTTPClient = &http.Client{Transport: w}
	options.Retryer = aws.NopRetryer{} // so that each fault is the import's own to bear
	return importer.Run(ctx, dynamodb.New(options), localtest.Table(), folder, importer.Options{})
}

// rows is how many each file has.
const rows = 60

// folder writes files of which each key and each name holds the word.
func folder(t *testing.T, word string) string {
	t.Helper()
	locations, customers := "", ""
	for i := range rows {
		locations += fmt.Sprintf("%s,Partner,%s-%d,Seattle,US,true,*\n", word, word, i)
		customers += fmt.Sprintf("%s-%d,Customer,US,true\n", word, i)
	}
	files := map[string]string{
		"locations.csv": "partnerId,partnerName,locationId,locationName,country,enrolled,engagementIds\n" + locations,
		"customers.csv": "customerId,name,country,managed\n" + customers,
	}
	path := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// stored counts the items that the folder of the word has led to.
func stored(t *testing.T, word string) int {
	t.Helper()
	n := len(story.Items(t, "PARTNER#"+word, "LOCATION#"))
	for i := range rows {
		n += len(story.Items(t, fmt.Sprintf("CUSTOMER#%s-%d", word, i), "CUSTOMER"))
	}
	return n
}

// loses is a fault that lets the request take effect.
func loses(then func()) fault {
	return func(send func() (*http.Response, error)) (*http.Response, error) {
		if answer, err := send(); err == nil {
			answer.Body.Close()
		}
		then()
		return nil, errLost
	}
}

func TestB2_AnImportThatWasCutShortAnywhereIsMendedByRepeatingIt(t *testing.T) {
	word := story.Name("whole")
	clean := &wire{}
	summary, err := load(t.Context(), clean, folder(t, word))
	if err != nil {
		t.Fatal(err)
	}
	requests, items := clean.seen.Load(), stored(t, word)
	if items != 2*rows || requests < 5 {
		t.Fatalf("the import made %d items in %d requests: %s", items, requests, summary)
	}
	faults := map[string]func(kill context.CancelFunc) fault{
		"it fails": func(context.CancelFunc) fault {
			return func(func() (*http.Response, error)) (*http.Response, error) { return nil, errLost }
		},
		"its answer is lost":            func(context.CancelFunc) fault { return loses(func() {}) },
		"the import is killed after it": func(kill context.CancelFunc) fault { return loses(kill) },
	}
	for name, fault := range faults {
		for at := range requests {
			t.Run(fmt.Sprintf("%s/request %d", name, at+1), func(t *testing.T) {
				word := story.Name("cut")
				path := folder(t, word)
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				if _, err := load(ctx, &wire{at: at + 1, fault: fault(kill)}, path); err == nil {
					t.Error("the import did not say that it was cut short")
				}
				again, err := load(t.Context(), &wire{}, path)
				if err != nil {
					t.Fatalf("the repetition failed: %v", err)
				}
				if n := stored(t, word); n != items {
					t.Errorf("there are %d items instead of %d: %s", n, items, again)
				}
			})
		}
	}
}
