package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

// Handler responds to one request to a JSON route.
type Handler func(ctx context.Context, request *Request) (Response, error)

// Response is a success: its status and what becomes its JSON body.
type Response struct {
	Status int
	Body   any
	maxAge time.Duration
}

// OK responds with 200.
func OK(body any) Response { return Response{Status: http.StatusOK, Body: body} }

// CacheFor lets everyone keep the response for a while; without, nobody may keep it.
func (r Response) CacheFor(age time.Duration) Response {
	r.maxAge = age
	return r
}

// Server serves the JSON routes of one function.
type Server struct {
	environment *platform.Environment
	handlers    map[string]Handler // by route key
}

// NewServer serves routes by their keys.
func NewServer(environment *platform.Environment, handlers map[string]Handler) *Server {
	return &Server{environment, handlers}
}

// Handle serves a request: it finds the route and the caller, refuses what the route does not allow or take, and
// renders the handler's response. It never fails and never panics.
func (s *Server) Handle(ctx context.Context, event GatewayRequest) (GatewayResponse, error) {
	respond := func(ctx context.Context) (GatewayResponse, error) {
		response, err := s.respond(ctx, event)
		if err != nil {
			return GatewayResponse{}, err
		}
		return Render(response)
	}
	fail := func(refusal *mci.Refusal) GatewayResponse { return problem(event, refusal) }
	return Edge(ctx, event, respond, fail), nil
}

func (s *Server) respond(ctx context.Context, event GatewayRequest) (Response, error) {
	handler, known := s.handlers[event.RouteKey]
	at := slices.IndexFunc(Routes, func(r Route) bool { return r.Key() == event.RouteKey })
	if !known || at < 0 {
		return Response{}, mci.Refuse(mci.NotFound, "There is no such route.")
	}
	route := Routes[at]
	request := &Request{
		Route: route, Now: s.environment.Now(), clock: s.environment.Now, path: event.PathParameters,
		query: event.QueryStringParameters, rawQuery: event.RawQueryString, headers: event.Headers,
		sourceIP: event.RequestContext.HTTP.SourceIP,
	}
	if !route.Public() {
		var err error
		if request.Caller, err = callerOf(event, s.environment); err != nil {
			return Response{}, err
		}
		if err := route.admit(request.Caller); err != nil {
			return Response{}, err
		}
	}
	if route.Method == http.MethodPost { // a GET's body means nothing
		body, err := jsonBody(event)
		if err != nil {
			return Response{}, err
		}
		if request.Body, err = ParseObject(body); err != nil {
			return Response{}, err
		}
		request.rawBody = body
	}
	if route.TakesIdempotencyKey() {
		request.idempotencyKey, request.hasIdempotencyKey = event.Headers["idempotency-key"]
	}
	return handler(ctx, request)
}

// jsonBody returns the body of a request; UnsupportedMediaType if it is not JSON. A request that needs to say nothing
// may have none.
func jsonBody(event GatewayRequest) ([]byte, error) {
	body, err := Body(event)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	mediaType, parameters, err := mime.ParseMediaType(event.Headers["content-type"])
	charset := parameters["charset"]
	if err != nil || mediaType != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		const detail = "The body must be JSON in UTF-8: Content-Type: application/json."
		return nil, mci.Refuse(mci.UnsupportedMediaType, detail)
	}
	return body, nil
}

// headers of every JSON response.
func headers(contentType string) map[string]string {
	return map[string]string{
		"Content-Type": contentType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Strict-Transport-Security": "max-age=31536000",
	}
}

// Render gives a success as the gateway takes it.
func Render(response Response) (GatewayResponse, error) {
	body, isJSON := response.Body.(json.RawMessage)
	if !isJSON {
		var err error
		if body, err = json.Marshal(response.Body); err != nil {
			return GatewayResponse{}, fmt.Errorf("rendering the response: %w", err)
		}
	}
	rendered := GatewayResponse{StatusCode: response.Status, Headers: headers("application/json"), Body: string(body)}
	if response.maxAge > 0 {
		rendered.Headers["Cache-Control"] = "public, max-age=" + seconds(response.maxAge)
	}
	return rendered, nil
}
