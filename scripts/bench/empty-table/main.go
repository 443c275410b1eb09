// Command empty-table is what the cold start of a function that reads and writes the table is measured against: it
// holds the same SDK client and does nothing with it.
package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/scripts/bench/idle"
)

func main() {
	idle.Serve(func(settings aws.Config) []any {
		table := dynamodb.NewFromConfig(settings)
		return []any{table.GetItem, table.Query}
	})
}
