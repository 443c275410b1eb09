package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"mci.example/customers/shared/rest"
)

// timeToAnswer is what is left of the function's time when calls to the API are given up, so that a page can say so.
const timeToAnswer = time.Second

// serveGateway has a handler of net/http answer the requests of API Gateway, in payload format 2.0. It never fails and
// never panics. The log names the route and never the path.
func serveGateway(handler http.Handler) func(context.Context, rest.GatewayRequest) (rest.GatewayResponse,
	error) {
	return func(ctx context.Context, event rest.GatewayRequest) (rest.GatewayResponse, error) {
		began, id := time.Now(), event.RequestContext.RequestID
		if deadline, limited := ctx.Deadline(); limited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-timeToAnswer))
			defer cancel()
		}
		request, err := newRequest(ctx, event)
		if err != nil {
			slog.Error("reading the gateway's event", "request", id, "error", err)
			return rest.GatewayResponse{StatusCode: http.StatusBadRequest}, nil
		}
		recorder := answerTo(handler, request, id)
		slog.Info("answered", "route", request.Pattern, "request", id, "status", recorder.status,
			"milliseconds", time.Since(began).Milliseconds())
		return recorder.response(request.Method), nil
	}
}

// answerTo records the handler's answer; a panic becomes an empty answer of status 500.
func answerTo(handler http.Handler, request *http.Request, id string) (r *recorder) {
	r = &recorder{header: http.Header{}}
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("panic", "request", id, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			r = &recorder{header: http.Header{"Cache-Control": {"no-store"}}, status: http.StatusInternalServerError}
		}
	}()
	handler.ServeHTTP(r, request)
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r
}

// requestIDs carries the gateway's request ID in a request's context.
type requestIDKey struct{}

func newRequest(ctx context.Context, event rest.GatewayRequest) (*http.Request, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil, fmt.Errorf("decoding the body: %w", err)
		}
	}
	ctx = context.WithValue(ctx, requestIDKey{}, event.RequestContext.RequestID)
	// The gateway gives the path decoded.
	address := &url.URL{Path: event.RawPath, RawQuery: event.RawQueryString}
	request := (&http.Request{
		Method: event.RequestContext.HTTP.Method, URL: address, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(event.Headers)+1), Body: io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Host:          event.Headers["host"], RemoteAddr: event.RequestContext.HTTP.SourceIP,
		RequestURI: address.RequestURI(),
	}).WithContext(ctx)
	for name, value := range event.Headers {
		request.Header.Set(name, value)
	}
	if len(event.Cookies) > 0 {
		request.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	return request, nil
}

// recorder keeps an answer until the gateway is given it as a whole.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header gives the header to be sent.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader sets the status, once.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write appends to the body.
func (r *recorder) Write(more []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(more)
}

// response gives what was recorded as the gateway takes it. Every body of the portal is text.
func (r *recorder) response(method string) rest.GatewayResponse {
	response := rest.GatewayResponse{StatusCode: r.status, Headers: map[string]string{},
		Cookies: r.header["Set-Cookie"]}
	for name, values := range r.header {
		if name != "Set-Cookie" {
			response.Headers[name] = strings.Join(values, ", ")
		}
	}
	if method != http.MethodHead {
		response.Body = r.body.String()
	}
	return response
}
