// Package clients makes the AWS clients that functions hold. It stands apart from platform, so that a function without
// any does not carry the SDK.
package clients

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

var load = sync.OnceValues(func() (aws.Config, error) { return config.LoadDefaultConfig(context.Background()) })

// Config gives what the SDK's clients are made with; where it cannot be read the process ends.
func Config() aws.Config {
	config, err := load()
	if err != nil {
		platform.Fail(fmt.Errorf("reading the AWS configuration: %w", err))
	}
	return config
}

// Table gives the table that the environment names, by a client with the SDK's own retries.
func Table(environment *platform.Environment) *table.Table {
	return table.New(dynamodb.NewFromConfig(Config()), environment.Setting(platform.TableName))
}
