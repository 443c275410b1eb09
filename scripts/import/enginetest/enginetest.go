// Package enginetest is what the import's tests stand on: a real engine, a table of its own for each test, and a way to
// stand between the two.
package enginetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/table"
)

// Endpoint is the engine's address, once Run runs the tests.
var Endpoint string

// Run starts the engine, runs the tests, stops it, and gives the exit code. DYNAMODB_ENDPOINT names another engine to
// use.
func Run(m *testing.M) int {
	if Endpoint = os.Getenv("DYNAMODB_ENDPOINT"); Endpoint != "" {
		return m.Run()
	}
	root, err := cloud.FindRoot()
	if err != nil {
		return fail(err)
	}
	folder, err := os.MkdirTemp("", "enginetest-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(folder)
	endpoint, stop, err := cloud.StartDatabase(context.Background(), root, folder)
	if err != nil {
		return fail(err)
	}
	defer stop()
	Endpoint = endpoint
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "starting the DynamoDB engine (npm ci --prefix infra installs it):", err)
	return 1
}

// Client is a client of an engine, or of what stands in front of it.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// NewTable makes an empty table as the product has it, until the test ends.
func NewTable(t testing.TB) (*dynamodb.Client, string) {
	t.Helper()
	client, name := Client(Endpoint), "import-"+rand.Text()
	input := table.CreateInput(name)
	input.StreamSpecification = nil // nothing here reads it
	if _, err := client.CreateTable(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(),
			&dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	return client, name
}

// Scan gives every item of the table by its key.
func Scan(t testing.TB, client *dynamodb.Client, name string) map[table.Key]table.Item {
	t.Helper()
	items := map[table.Key]table.Item{}
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &name, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			items[table.KeyOf(item)] = item
		}
	}
	return items
}

// Edge stands between a client and the engine, as a network does, and can answer in the engine's place: nil passes the
// request on. It gives its address.
func Edge(t testing.TB, answer func(action string, body []byte) []byte) string {
	t.Helper()
	target, err := url.Parse(Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // a load that is cut short breaks its connections
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if said := answer(action, body); said != nil {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.Write(said) // who is gone by now needs no answer
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
