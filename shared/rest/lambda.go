package rest

import (
	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/platform"
)

// Start serves JSON routes as a Lambda function, until the environment ends.
func Start(environment *platform.Environment, handlers map[string]Handler) {
	lambda.Start(NewServer(environment, handlers).Handle)
}
