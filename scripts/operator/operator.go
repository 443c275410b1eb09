// Package operator is what the operators' commands share: which table they work on, and the keys of receipts.
package operator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-jose/go-jose/v4"

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
		return dynamodb.NewFromConfig(loaded), tableName, "the table is " + tableName +
			" of the AWS account that the environment names", nil
	}
	client := dynamodb.New(dynamodb.Options{
		Region:       localRegion,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	tableName = cmp.Or(tableName, localTable)
	where := fmt.Sprintf("the table is %s of the one-machine cloud at %s: is it running (make run)?", tableName,
		endpoint)
	return client, tableName, where, nil
}

// Keys gives the published keys of receipts: a JWK Set in a file or at an address; without either, that of the
// one-machine cloud that runs here.
func Keys(source string) (jose.JSONWebKeySet, error) {
	source = cmp.Or(source, "http://127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080")+"/.well-known/jwks.json")
	var keys jose.JSONWebKeySet
	published, err := Read(source)
	if err != nil {
		return keys, fmt.Errorf("reading the keys: %w", err)
	}
	if err := json.Unmarshal(published, &keys); err != nil || len(keys.Keys) == 0 {
		return keys, errors.Join(fmt.Errorf("%s is no JWK Set that has a key", source), err)
	}
	return keys, nil
}

// most is how many bytes a receipt, or a set of keys, may have.
const most = 1 << 20

// Read gives the content of a file, or of an address.
func Read(source string) ([]byte, error) {
	if !strings.HasPrefix(source, "http://") && !strings.HasPrefix(source, "https://") {
		file, err := os.Open(source)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return io.ReadAll(io.LimitReader(file, most))
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(source)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", source, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, most))
}
