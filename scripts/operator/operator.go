// Package operator is what the operators' commands share: which table they work on.
package operator

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/shared/platform"
)

// The one-machine cloud's own names. Its engine takes any credentials.
const (
	localTable  = "customers"
	localRegion = "us-east-1"
	localPort   = "8000"
)

// Connect gives a client of the table that the environment asks for, the table's name, and where that is, for messages.
func Connect(ctx context.Context) (*dynamodb.Client, string, string, error) {
	tableName, endpoint := os.Getenv(platform.TableName), os.Getenv("DYNAMODB_ENDPOINT")
	if tableName == "" && endpoint == "" {
		endpoint = "http://127.0.0.1:" + cmp.Or(os.Getenv("DYNAMODB_PORT"), localPort)
	}
	if endpoint == "" {
		loaded, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, "", "", fmt.Errorf("reading the AWS configuration: %w", err)
		}
		return dynamodb.NewFromConfig(loaded), tableName, "the table is " + tableName + " of the AWS account that the environment names", nil
	}
	client := dynamodb.New(dynamodb.Options{
		Region:       localRegion,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	tableName = cmp.Or(tableName, localTable)
	where := fmt.Sprintf("the table is %s of the one-machine cloud at %s: is it running (make run)?", tableName, endpoint)
	return client, tableName, where, nil
}
