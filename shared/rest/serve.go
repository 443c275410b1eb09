package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

// Event and Response are API Gateway's, in payload format 2.0.
type (
	Event    = events.APIGatewayV2HTTPRequest
	Response = events.APIGatewayV2HTTPResponse
)

// MaxBody is how many bytes a body may have.
const MaxBody = 64 << 10

// Handler answers one request to a JSON route. An error that is no *mci.Refusal is internal: the caller learns only that
// there was one.
type Handler func(ctx context.Context, request *Request) (Answer, error)

// Answer is a success: its status and what becomes its JSON body.
type Answer struct {
	Status int
	Body   any
}

// OK answers 200.
func OK(body any) Answer { return Answer{http.StatusOK, body} }

// Server answers the JSON routes of one function.
type Server struct {
	environment *platform.Environment
	handlers    map[string]Handler // by route key
}

// NewServer serves routes by their keys.
func NewServer(environment *platform.Environment, handlers map[string]Handler) *Server {
	return &Server{environment, handlers}
}

// Handle answers a request: it finds the route and the caller, refuses what the route does not allow or take, and renders
// what the handler says. It never fails and never panics.
func (s *Server) Handle(ctx context.Context, event Event) (response Response, _ error) {
	began := time.Now()
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("panic", "route", event.RouteKey, "request", event.RequestContext.RequestID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			response = problem(event, mci.Refuse(mci.Internal, ""))
		}
		slog.Info("answered", "route", event.RouteKey, "request", event.RequestContext.RequestID,
			"status", response.StatusCode, "milliseconds", time.Since(began).Milliseconds())
	}()
	ctx, cancel := inTime(ctx)
	defer cancel()
	answer, err := s.answer(ctx, event)
	if err == nil {
		response, err = Render(answer)
	}
	if err != nil {
		var refusal *mci.Refusal
		if !errors.As(err, &refusal) {
			slog.Error("failed", "route", event.RouteKey, "request", event.RequestContext.RequestID, "error", err)
			refusal = mci.Refuse(mci.Internal, "")
		}
		if ctx.Err() != nil {
			refusal = &mci.Refusal{Code: mci.TryAgain, Detail: "This took too long; the same request may be repeated.", RetryAfter: time.Second}
		}
		response = problem(event, refusal)
	}
	return response, nil
}

// timeToAnswer is what is left of the function's time when work ends and the caller is told to try again: a function that runs
// out of time answers nothing that makes sense.
const timeToAnswer = 500 * time.Millisecond

// inTime ends the work of a request in time for an answer.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-timeToAnswer))
}

func (s *Server) answer(ctx context.Context, event Event) (Answer, error) {
	handler, known := s.handlers[event.RouteKey]
	at := slices.IndexFunc(Routes, func(r Route) bool { return r.Key() == event.RouteKey })
	if !known || at < 0 {
		return Answer{}, mci.Refuse(mci.NotFound, "There is no such route.")
	}
	route := Routes[at]
	request := &Request{Route: route, Now: s.environment.Now(), path: event.PathParameters, query: event.QueryStringParameters,
		rawQuery: event.RawQueryString}
	if !route.Public() {
		var err error
		if request.Caller, err = callerOf(event, s.environment); err != nil {
			return Answer{}, err
		}
		if err := route.admit(request.Caller); err != nil {
			return Answer{}, err
		}
	}
	if route.Method == http.MethodPost { // what a GET brings along means nothing
		body, err := readBody(event)
		if err != nil {
			return Answer{}, err
		}
		if request.Body, err = ParseObject(body); err != nil {
			return Answer{}, err
		}
		request.rawBody, request.idempotencyKey = body, event.Headers["idempotency-key"]
		_, request.hasIdempotencyKey = event.Headers["idempotency-key"]
	}
	return handler(ctx, request)
}

// readBody gives the body of a request: 413 where it is too long, 415 where it is not JSON. A request that needs to say
// nothing may have none.
func readBody(event Event) ([]byte, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fmt.Errorf("decoding the gateway's body: %w", err)
		}
		body = decoded
	}
	if len(body) > MaxBody {
		return nil, mci.Refuse(mci.TooLarge, fmt.Sprintf("The body has %d bytes; at most %d are taken.", len(body), MaxBody))
	}
	if len(body) == 0 {
		return nil, nil
	}
	mediaType, parameters, err := mime.ParseMediaType(event.Headers["content-type"])
	charset := parameters["charset"]
	if err != nil || mediaType != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, mci.Refuse(mci.UnsupportedMediaType, "The body must be JSON in UTF-8: Content-Type: application/json.")
	}
	return body, nil
}

// headers of every JSON answer.
func headers(contentType string) map[string]string {
	return map[string]string{
		"Content-Type": contentType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Strict-Transport-Security": "max-age=31536000",
	}
}

// Render gives a success as the gateway takes it.
func Render(answer Answer) (Response, error) {
	body, kept := answer.Body.(json.RawMessage)
	if !kept {
		var err error
		if body, err = json.Marshal(answer.Body); err != nil {
			return Response{}, fmt.Errorf("rendering the answer: %w", err)
		}
	}
	return Response{StatusCode: answer.Status, Headers: headers("application/json"), Body: string(body)}, nil
}
