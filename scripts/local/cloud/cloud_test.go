package cloud

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// buffer collects what the cloud says, from many goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// echoTimeout is far more than the function needs, however busy the machine is.
const echoTimeout = 5 * time.Second

// echoConfig is a cloud whose only function is testdata/echo.
func echoConfig(t *testing.T, stateDir string) Config {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Root: root, StateDir: stateDir, NoSchedule: true,
		// On DynamoDB Local every access key has a database of its own.
		DynamoDBEndpoint: os.Getenv("DYNAMODB_ENDPOINT"), AccessKeyID: rand.Text(),
		Functions: []platform.Function{{Name: "echo", MemoryMB: 256, Timeout: echoTimeout,
			Environment: []string{platform.TableName, platform.PublicURL}}},
		Routes: []rest.Route{
			{Method: "GET", Path: "/v1/things", Function: "echo", Roles: mci.Roles},
			{Method: "POST", Path: "/v1/things/{thingId}/parts", Function: "echo", Roles: mci.Roles},
			{Method: "GET", Path: "/open/{token}", Function: "echo"},
			{Method: "POST", Path: "/open/{token}", Function: "echo"},
		},
		Stream: Stream{Function: "echo", Filter: `{"dynamodb":{"NewImage":{"do":{"S":[{"exists":true}]}}}}`,
			BatchSize: 4, Retries: 2, MaximumAge: time.Hour},
		Packages: []string{"./scripts/local/cloud/testdata/echo"},
	}
}

func start(t *testing.T, config Config) *Cloud {
	t.Helper()
	c, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

// shared is the cloud that tests share unless they stop it or look at its state.
var shared struct {
	once  sync.Once
	cloud *Cloud
	said  buffer
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.cloud != nil {
		shared.cloud.Stop()
		os.RemoveAll(shared.cloud.config.StateDir)
	}
	os.Exit(code)
}

func sharedCloud(t *testing.T) *Cloud {
	t.Helper()
	shared.once.Do(func() {
		var folder string
		if folder, shared.err = os.MkdirTemp("", "cloud-"); shared.err == nil {
			config := echoConfig(t, folder)
			config.Output = &shared.said
			shared.cloud, shared.err = Start(t.Context(), config)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cloud
}

// call sends a request and returns the answer with its body.
func call(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(content)
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}
