// Command empty-keys is what the cold start of a function that reads and writes the table and asks KMS is measured
// against: it holds the same SDK clients and does nothing with them.
package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"mci.example/customers/scripts/bench/idle"
)

func main() {
	idle.Serve(func(settings aws.Config) []any {
		table, keys := dynamodb.NewFromConfig(settings), kms.NewFromConfig(settings)
		return []any{table.GetItem, table.Query, keys.Sign, keys.GetPublicKey}
	})
}
