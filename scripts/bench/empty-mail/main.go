// Command empty-mail is what the cold start of a function that reads and writes the table and sends email is measured
// against: it holds the same SDK clients and does nothing with them.
package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"mci.example/customers/scripts/bench/idle"
)

func main() {
	idle.Serve(func(settings aws.Config) []any {
		table, mail := dynamodb.NewFromConfig(settings), sesv2.NewFromConfig(settings)
		return []any{table.GetItem, table.Query, mail.SendEmail}
	})
}
