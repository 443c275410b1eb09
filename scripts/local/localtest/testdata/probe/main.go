// Command probe is a function for the tests of localtest: it asks the engines for what its payload says.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	keys "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	mail "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"golang.org/x/sync/errgroup"
)

// order is a list of round trips, each a list of requests made at once: "get k", "put k", "mail address" or "sign key".
type order struct {
	Steps [][]string `json:"steps"`
}

func main() {
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p := probe{dynamodb.NewFromConfig(settings), sesv2.NewFromConfig(settings), kms.NewFromConfig(settings),
		aws.String(os.Getenv("TABLE_NAME"))}
	lambda.Start(p.run)
}

type probe struct {
	database *dynamodb.Client
	mail     *sesv2.Client
	keys     *kms.Client
	table    *string
}

func (p probe) run(ctx context.Context, order order) (map[string]any, error) {
	for _, step := range order.Steps {
		group, ctx := errgroup.WithContext(ctx)
		for _, request := range step {
			group.Go(func() error { return p.ask(ctx, request) })
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	offset, err := time.ParseDuration("0" + os.Getenv("CLOCK_OFFSET"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"now": time.Now().Add(offset)}, nil
}

func (p probe) ask(ctx context.Context, request string) error {
	var what, of string
	if _, err := fmt.Sscan(request, &what, &of); err != nil {
		return err
	}
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: of},
		"sk": &types.AttributeValueMemberS{Value: "-"}}
	var err error
	switch what {
	case "get":
		_, err = p.database.GetItem(ctx, &dynamodb.GetItemInput{TableName: p.table, Key: key})
	case "put":
		_, err = p.database.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: p.table, Item: key}}}})
	case "sign":
		_, err = p.keys.Sign(ctx, &kms.SignInput{KeyId: aws.String(of), Message: []byte("probe"),
			MessageType:      keys.MessageTypeRaw,
			SigningAlgorithm: keys.SigningAlgorithmSpecEcdsaSha256})
	case "mail":
		_, err = p.mail.SendEmail(ctx, &sesv2.SendEmailInput{
			FromEmailAddress: aws.String("probe@mci.example"),
			Destination:      &mail.Destination{ToAddresses: []string{of}},
			Content: &mail.EmailContent{Simple: &mail.Message{
				Subject: &mail.Content{Data: aws.String("Probe")},
				Body: &mail.Body{Text: &mail.Content{Data: aws.String("See " + os.Getenv("PUBLIC_URL") +
					"/consent/abc.def.")}, Html: &mail.Content{Data: aws.String(`<a href="` + os.Getenv("PUBLIC_URL") +
					`/consent/abc.def">See</a>`)}},
			}},
		})
	}
	return err
}
