package rest

import (
	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/platform"
)

// Start serves JSON routes as a Lambda function, until the environment ends.
func Start(environment *platform.Environment, handlers map[string]Handler) {
	lambda.Start(NewServer(environment, handlers).Handle)
}

// OpenCursors gives the cursors that the environment's secret seals; without a fit one the function cannot start.
func OpenCursors(environment *platform.Environment) Cursors {
	cursors, err := NewCursors(environment.Setting(platform.CursorKey))
	if err != nil {
		platform.Fail(err)
	}
	return cursors
}
