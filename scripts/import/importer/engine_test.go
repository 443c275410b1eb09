package importer_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/table"
)

// endpoint is a real engine's, started once for all tests: each has a table of its own there.
var endpoint string

func TestMain(m *testing.M) { os.Exit(withEngine(m.Run)) }

func withEngine(run func() int) int {
	if endpoint = os.Getenv("DYNAMODB_ENDPOINT"); endpoint != "" {
		return run()
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		panic(err)
	}
	folder, err := os.MkdirTemp("", "import")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	address := free.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	free.Close()
	engine := exec.Command(filepath.Join(root, "infra/node_modules/@dynoxide/linux-x64/dynoxide"),
		"serve", "--port", port, "--db-path", filepath.Join(folder, "data.db"))
	if err := engine.Start(); err != nil {
		panic(fmt.Sprintf("starting the DynamoDB engine (npm ci --prefix infra installs it): %v", err))
	}
	ended := make(chan error, 1)
	go func() { ended <- engine.Wait() }()
	defer func() {
		engine.Process.Kill()
		<-ended
	}()
	endpoint = "http://" + address
	for {
		select {
		case err := <-ended:
			panic(fmt.Sprintf("the DynamoDB engine ended: %v", err))
		default:
		}
		if connection, err := net.Dial("tcp", address); err == nil {
			connection.Close()
			return run()
		}
	}
}

func clientOf(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// newTable makes an empty table, with the product's keys and indexes.
func newTable(t testing.TB) (*dynamodb.Client, string) {
	t.Helper()
	client := clientOf(endpoint)
	name := fmt.Sprintf("t%d-%d", os.Getpid(), tables.Add(1))
	input := &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(table.PartitionKey, table.SortKey),
	}
	attributes := map[string]bool{table.PartitionKey: true, table.SortKey: true}
	all := &types.Projection{ProjectionType: types.ProjectionTypeAll}
	for _, index := range table.Indexes {
		attributes[index.PartitionKey], attributes[index.SortKey] = true, true
		schema := keySchema(index.PartitionKey, index.SortKey)
		if index.Local {
			input.LocalSecondaryIndexes = append(input.LocalSecondaryIndexes,
				types.LocalSecondaryIndex{IndexName: &index.Name, KeySchema: schema, Projection: all})
			continue
		}
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes,
			types.GlobalSecondaryIndex{IndexName: &index.Name, KeySchema: schema, Projection: all})
	}
	for attribute := range attributes {
		input.AttributeDefinitions = append(input.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: aws.String(attribute), AttributeType: types.ScalarAttributeTypeS})
	}
	if _, err := client.CreateTable(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	return client, name
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &partition, KeyType: types.KeyTypeHash},
		{AttributeName: &sort, KeyType: types.KeyTypeRange},
	}
}

// scan gives every item of the table by its key.
func scan(t testing.TB, client *dynamodb.Client, name string) map[table.Key]table.Item {
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
