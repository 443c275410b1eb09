package rest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/shared/mci"
)

// GatewayRequest is what functions read of API Gateway's request, in payload format 2.0. The gateway sends more, which
// would take time to decode.
type GatewayRequest struct {
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	RequestContext        struct {
		RequestID  string             `json:"requestId"`
		Authorizer *GatewayAuthorizer `json:"authorizer,omitempty"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body            string `json:"body,omitempty"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// GatewayAuthorizer holds the claims of the token that the gateway has verified.
type GatewayAuthorizer struct {
	JWT *struct {
		Claims map[string]string `json:"claims"`
	} `json:"jwt"`
}

// GatewayResponse is API Gateway's, in payload format 2.0.
type GatewayResponse = events.APIGatewayV2HTTPResponse

// MaxBody is how many bytes a body may have.
const MaxBody = 64 << 10

// timeToRespond is the part of the function's time that is left for telling the caller to try again. A function that
// runs out of time gives the caller an error of the gateway. While the table stands still, a whole crowd of them runs
// out of time at once, so there is room to answer on a processor that is in short supply.
const timeToRespond = time.Second

// Edge runs one request of a Lambda function behind API Gateway: it ends the work in time, recovers from a panic, and
// logs the route and the status. Respond does the work; fail renders why there is no response. A failure that is no
// *mci.Refusal is internal: it is logged, and the caller learns only that something went wrong.
func Edge(
	ctx context.Context, request GatewayRequest,
	respond func(context.Context) (GatewayResponse, error), fail func(*mci.Refusal) GatewayResponse,
) (response GatewayResponse) {
	began := time.Now()
	log := slog.With("route", request.RouteKey, "request", request.RequestContext.RequestID)
	defer func() {
		if cause := recover(); cause != nil {
			log.Error("panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			response = fail(mci.Refuse(mci.Internal, ""))
		}
		log.Info("answered", "status", response.StatusCode, "milliseconds", time.Since(began).Milliseconds())
	}()
	ctx, cancel := inTime(ctx)
	defer cancel()
	response, err := respond(ctx)
	if err == nil {
		return response
	}
	var refusal *mci.Refusal
	if !errors.As(err, &refusal) {
		log.Error("failed", "error", err)
		refusal = mci.Refuse(mci.Internal, "")
	}
	if ctx.Err() != nil {
		const detail = "This took too long; the same request may be repeated."
		refusal = &mci.Refusal{Code: mci.TryAgain, Detail: detail, RetryAfter: time.Second}
	}
	return fail(refusal)
}

// inTime ends the work of a request while there is time left for a response.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-timeToRespond))
}

// Body returns the request's body as the client sent it; TooLarge if it is longer than MaxBody.
func Body(request GatewayRequest) ([]byte, error) {
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(request.Body); err != nil {
			return nil, fmt.Errorf("decoding the gateway's body: %w", err)
		}
	}
	if len(body) > MaxBody {
		detail := fmt.Sprintf("The body has %d bytes; at most %d are taken.", len(body), MaxBody)
		return nil, mci.Refuse(mci.TooLarge, detail)
	}
	return body, nil
}
