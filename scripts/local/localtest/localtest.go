// Package localtest is what the tests of the functions stand on: one one-machine cloud for each test binary, on free
// ports and with a state of its own, whose functions reach the engines through a proxy that records what they ask,
// counts how often they wait, and lets requests fail at any point.
//
//	func TestMain(m *testing.M) { localtest.Main(m) }
//
//	func TestS19_AKnownCustomerIsClaimed(t *testing.T) {
//		localtest.LoadRow(t, "customers.csv", "customer-1", "Contoso", "US", true)
//		token := localtest.Token(t, "partner-1", "user-1", mci.IncentivesUser)
//		answer := localtest.Call(t, "POST", "/v1/customers/customer-1/claims", token, body)
//		answer.Expect(t, 201)
//	}
//
// Tests may run in parallel, apart from those that move the clock (SetClock) or measure (Measure), which slow down or
// mislead the others. Tests that run in parallel use partners, customers and addresses of their own.
package localtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

// patience is how long a test waits for an event that should come at once, however busy the machine is.
const patience = 3 * time.Minute

// running is the test binary's cloud, set by Main.
var running struct {
	*cloud.Cloud
	proxy *proxy
	state string
}

// Main starts the cloud, runs the tests, stops everything, and exits as tests do. Options change the cloud's
// configuration.
func Main(m *testing.M, options ...func(*cloud.Config)) {
	os.Exit(run(m, options))
}

func run(m *testing.M, options []func(*cloud.Config)) (code int) {
	state, err := os.MkdirTemp(cloud.Memory(4<<30), "localtest-")
	if err != nil {
		return fail("make a state folder", err)
	}
	defer func() {
		if code == 0 {
			os.RemoveAll(state)
		} else {
			tables, _ := filepath.Glob(filepath.Join(state, "dynamodb.sqlite*")) // the pattern is a good one
			for _, table := range tables {
				_ = os.Remove(table) // it may lie in memory, and only the logs are of use
			}
			fmt.Fprintf(os.Stderr, "localtest: the functions' logs are in %s\n", filepath.Join(state, "logs"))
		}
	}()
	proxy, err := startProxy()
	if err != nil {
		return fail("start the proxy", err)
	}
	defer proxy.stop()
	config := cloud.Config{
		Root:             Root(),
		StateDir:         state,
		DynamoDBEndpoint: os.Getenv("DYNAMODB_ENDPOINT"),
		SESEndpoint:      os.Getenv("SES_ENDPOINT"),
		Output:           os.Stderr,
		NoSchedule:       true,           // tests invoke what runs on a schedule when they want it
		Rules:            []cloud.Rule{}, // and have the bus wake functions where they want it (WithNotices)
		AllowBroken:      true,
		Endpoints:        proxy.endpoints,
	}
	if config.DynamoDBEndpoint != "" {
		// DynamoDB Local keeps a database for each access key, so test binaries that share it do not meet.
		config.AccessKeyID = rand.Text()
	}
	for _, option := range options {
		option(&config)
	}
	started, err := cloud.Start(context.Background(), config)
	if err != nil {
		return fail("start the one-machine cloud", err)
	}
	defer started.Stop()
	if config.Routes == nil {
		OnAnswer(asDescribed)
	}
	running.Cloud, running.proxy, running.state = started, proxy, state
	mailbox.Mailbox = client.NewMailbox(client.Client{Mailbox: started.SESEndpoint()}, 0)
	proxy.connect(started)
	return m.Run()
}

// WithNotices is an option of Main that has the bus wake the function that mails what follows from events.
func WithNotices(config *cloud.Config) { config.Rules = []cloud.Rule{cloud.Rule(platform.Notices)} }

// asDescribed holds an answer of the product against the description of its API.
func asDescribed(t testing.TB, request *http.Request, response Response) {
	if err := openapitest.Check(request, response.Status, response.Header, response.Body); err != nil {
		t.Errorf("not as the API is described: %v", err)
	}
}

func fail(doing string, err error) int {
	fmt.Fprintf(os.Stderr, "localtest: %s: %v\n", doing, err)
	return 1
}

// Root is the repository's folder, wherever in it the test runs.
var Root = sync.OnceValue(func() string {
	root, err := cloud.FindRoot()
	if err != nil {
		panic(err)
	}
	return root
})

// URL is where the API answers, without a slash at its end.
func URL() string { return running.URL() }

// Cloud is the running cloud itself, for what this package does not cover.
func Cloud() *cloud.Cloud { return running.Cloud }

// Now is the instant that the functions see.
func Now() time.Time { return running.Now() }

// DynamoDB is a client on the engine itself, which the proxy does not see, to look at the table or to tamper with it.
func DynamoDB() *dynamodb.Client { return running.Database() }

// Table is the table's name.
func Table() string { return cloud.TableName }

// Token is a token of the user; a partner of "" is none.
func Token(t testing.TB, partner, subject string, roles ...mci.Role) string {
	t.Helper()
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	token, err := running.Cloud.Token(subject, partner, names...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ReceiptKey is the key that signs receipts.
func ReceiptKey(t testing.TB) string {
	t.Helper()
	_, key, found := strings.Cut(running.ReceiptKeys(), "1=")
	if !found || strings.Contains(key, ",") {
		t.Fatalf("not one key signs receipts, but %s", running.ReceiptKeys())
	}
	return key
}

// SetClock has all functions run that far ahead until the test ends.
func SetClock(t testing.TB, offset time.Duration) {
	t.Helper()
	before := running.Offset()
	if err := running.Cloud.SetClock(offset); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Cloud.SetClock(before); err != nil {
			t.Errorf("set the clock back: %v", err)
		}
	})
}

// WaitDrained returns once the function that the table's stream wakes has worked on everything written until now.
func WaitDrained(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := running.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

// Logs is what the function has written to its log until now.
func Logs(t testing.TB, function string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(running.state, "logs", function+".log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// DeadLetters are the events that the function was given up with until now, oldest first, as JSON.
func DeadLetters(t testing.TB, function string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(running.state, "dead-letters.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(content), "\n"), func(letter string) bool {
		return !strings.Contains(letter, ":function:"+function+`"`)
	})
}
