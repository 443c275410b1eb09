package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
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

// newTable makes a table of the test's own that nothing streams from: the engine takes more writes without one.
func newTable(t *testing.T) (name string) {
	t.Helper()
	input := table.CreateInput(story.Name("import"))
	input.StreamSpecification = nil
	if _, err := localtest.DynamoDB().CreateTable(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := localtest.DynamoDB().DeleteTable(context.Background(),
			&dynamodb.DeleteTableInput{TableName: input.TableName}); err != nil {
			t.Error(err)
		}
	})
	return *input.TableName
}

// load imports the folder into the table over the wire.
func load(ctx context.Context, w *wire, name, folder string) (importer.Summary, error) {
	options := localtest.DynamoDB().Options()
	options.HTTPClient = &http.Client{Transport: w}
	options.Retryer = aws.NopRetryer{} // so that each fault is the import's own to bear
	return importer.Run(ctx, dynamodb.New(options), name, folder, importer.Options{})
}

// rows is how many locations there are: more than one batch of writes.
const rows = 30

// data is a folder of the program's files, one row or more of each, of which each key and each name is its own.
type data struct {
	folder       string
	word, tenant string // by which its own are known
	keys         []table.Key
}

// newData writes a folder. It refers to what another has brought, or to itself alone where there is none before.
func newData(t *testing.T, before data) data {
	t.Helper()
	d := data{folder: t.TempDir(), word: story.Name("data"), tenant: uuid.NewString()}
	files := importer.Data{
		"engagements.json": {{story.Object{
			"id": d.word, "name": "Assessment", "solutionArea": "Infrastructure", "description": "", "payType": "fixed",
			"customerIdTypes": []string{"tenant-id"}, "startsOn": "2020-01-01", "endsOn": "2039-12-31",
			"consentWindowDays": 30, "submissionWindowDays": 60, "resubmissionWindowDays": 14,
			"claimLimits": story.Object{"active": 1, "allowed": 2}, "payout": "1250.00"}}},
		"grants.csv":        {{d.word, "user", d.word + "-0", mci.IncentivesAdmin, ""}},
		"customers.csv":     {{d.word, "Customer", "US", true}},
		"customer-ids.csv":  {{d.word, mci.TenantID, d.tenant}},
		"opportunities.csv": {{d.word, d.word, "1000.00", "open"}},
	}
	if before.word != "" {
		files.Add("domains.csv", d.word+".example", d.tenant)
		files.Add("domains.csv", d.word+"-other.example", before.tenant)
		files.Add("eligibility.csv", d.word, mci.TenantID, d.tenant, true, "")
		files.Add("eligibility.csv", before.word, mci.TenantID, d.tenant, false, "too small")
	}
	tenant := mci.CustomerID{Type: mci.TenantID, Value: d.tenant}
	domain := func(name string) mci.CustomerID { return mci.CustomerID{Type: mci.Domain, Value: name} }
	d.keys = []table.Key{
		table.NewEngagementRecord(mci.Engagement{ID: d.word}).Key,
		table.NewGrantRecord(mci.Grant{PartnerID: d.word, UserID: "user", LocationID: d.word + "-0",
			Role: mci.IncentivesAdmin}).Key,
		table.NewCustomerRecord(mci.Customer{ID: d.word}).Key,
		table.NewDirectoryRecord(tenant, "").Key,
		table.NewDomainRecord(domain(d.word+".example"), tenant, "").Key,
		table.NewDomainRecord(domain(d.word+"-other.example"), tenant, "").Key,
		table.NewOpportunityRecord(mci.Opportunity{ID: d.word}).Key,
		table.NewEligibilityRecord(tenant, mci.Eligibility{EngagementID: d.word}).Key,
		table.NewEligibilityRecord(tenant, mci.Eligibility{EngagementID: before.word}).Key,
	}
	for i := range rows {
		files.Add("locations.csv", d.word, "Partner", fmt.Sprintf("%s-%d", d.word, i), "Seattle", "US", true, "*")
		location := mci.Location{PartnerID: d.word, ID: fmt.Sprintf("%s-%d", d.word, i)}
		d.keys = append(d.keys, table.NewLocationRecord(location).Key)
	}
	if err := files.Write(d.folder); err != nil {
		t.Fatal(err)
	}
	return d
}

// stored gives the items that the folder has led to, each as one line, with nothing in it by which folders differ.
func (d data) stored(t *testing.T, name string) []string {
	t.Helper()
	keys := make([]table.Item, len(d.keys))
	for i, key := range d.keys {
		keys[i] = table.KeyItem(key)
	}
	output, err := localtest.DynamoDB().BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{name: {Keys: keys, ConsistentRead: aws.Bool(true)}},
	})
	if err != nil || len(output.UnprocessedKeys) > 0 {
		t.Fatalf("reading %d items, of which %d tables have some left: %v", len(keys), len(output.UnprocessedKeys), err)
	}
	nobodys := strings.NewReplacer(d.word, "WORD", d.tenant, "TENANT")
	var lines []string
	for _, item := range output.Responses[name] {
		var attributes map[string]any
		if err := attributevalue.UnmarshalMap(item, &attributes); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, nobodys.Replace(fmt.Sprint(attributes))) // maps print in the order of their keys
	}
	slices.Sort(lines)
	return lines
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

// throttled is a fault of which the request takes no effect, and DynamoDB says so.
func throttled(func() (*http.Response, error)) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusBadRequest,
		Header:     http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(
			`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"asked to throttle"}`)),
	}, nil
}

func TestB2_AnImportThatWasCutShortAnywhereIsMendedByRepeatingIt(t *testing.T) {
	name := newTable(t)
	before := newData(t, data{})
	if _, err := load(t.Context(), &wire{}, name, before.folder); err != nil {
		t.Fatal(err)
	}
	clean, sound := &wire{}, newData(t, before)
	summary, err := load(t.Context(), clean, name, sound.folder)
	if err != nil {
		t.Fatal(err)
	}
	requests, want := clean.seen.Load(), sound.stored(t, name)
	// each file's, and those that look things up
	if len(want) != len(sound.keys) || len(summary.Files) != 8 || requests < 12 {
		t.Fatalf("the import made %d of %d items in %d requests: %s", len(want), len(sound.keys), requests, summary)
	}
	fails := func(then func()) fault {
		return func(func() (*http.Response, error)) (*http.Response, error) {
			then()
			return nil, errLost
		}
	}
	faults := map[string]func(kill context.CancelFunc) fault{
		"it fails":                       func(context.CancelFunc) fault { return fails(func() {}) },
		"it is throttled":                func(context.CancelFunc) fault { return throttled },
		"its answer is lost":             func(context.CancelFunc) fault { return loses(func() {}) },
		"the import is killed before it": func(kill context.CancelFunc) fault { return fails(kill) },
		"the import is killed after it":  func(kill context.CancelFunc) fault { return loses(kill) },
	}
	for wrong, fault := range faults {
		for at := range requests {
			t.Run(fmt.Sprintf("%s/request %d", wrong, at+1), func(t *testing.T) {
				data := newData(t, before)
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				if _, err := load(ctx, &wire{at: at + 1, fault: fault(kill)}, name, data.folder); err == nil {
					t.Error("the import did not say that it was cut short")
				}
				again, err := load(t.Context(), &wire{}, name, data.folder)
				if err != nil {
					t.Fatalf("the repetition failed: %v", err)
				}
				if got := data.stored(t, name); !slices.Equal(got, want) {
					t.Errorf("the table has\n%s\ninstead of\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"),
						again)
				}
			})
		}
	}
}
