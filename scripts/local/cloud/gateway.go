package cloud

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/shared/rest"
)

// API Gateway's limits for an HTTP API.
const (
	maximumBody        = 10 << 20
	maximumHeaders     = 10240 // request line and header values together
	integrationTimeout = 30 * time.Second
)

// RequestIDHeader is the header of every answer of the gateway that names the request.
const RequestIDHeader = "Apigw-Requestid"

// ServeHTTP is API Gateway's HTTP API with its routes, and beside them, under /local/, what stands for the console.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/local/") {
		c.serveLocal(w, r)
		return
	}
	source, forwarded := outsideSource(r)
	c.serveAPI(w, r, source, forwarded)
}

// functionSource is the address that functions' own calls come from.
const functionSource = "127.0.0.2"

// serveFunction answers a function's own call to the API, which has an address of its own so that it can be told from a
// call of the outside. The function sees the same API, and the API the function's address.
func (c *Cloud) serveFunction(w http.ResponseWriter, r *http.Request) {
	r.Host = strings.TrimPrefix(c.url, "http://")
	c.serveAPI(w, r, functionSource, append(forwardedFor(r), functionSource))
}

// outsideSource gives the address that a call of the outside comes from, and X-Forwarded-For as the gateway hands it
// on, which ends with that address. Everything outside is on this machine, so whoever wants to come from elsewhere says
// so in X-Forwarded-For: its last address is the connection's, and those before are what that client sent.
func outsideSource(r *http.Request) (source string, forwarded []string) {
	forwarded = forwardedFor(r)
	if last := len(forwarded) - 1; last >= 0 {
		if address, err := netip.ParseAddr(forwarded[last]); err == nil {
			return address.String(), forwarded
		}
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	return source, append(forwarded, source)
}

// forwardedFor lists what X-Forwarded-For says.
func forwardedFor(r *http.Request) []string {
	var list []string
	for entry := range strings.SplitSeq(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// serveAPI answers a call of the API that comes from the source.
func (c *Cloud) serveAPI(w http.ResponseWriter, r *http.Request, source string, forwarded []string) {
	requestID := newID()
	w.Header().Set(RequestIDHeader, requestID)
	route, parameters, found := matchRoute(c.config.Routes, r.Method, r.URL.EscapedPath())
	if !found {
		writeMessage(w, http.StatusNotFound, "Not Found")
		return
	}
	if headerSize(r) > maximumHeaders {
		writeMessage(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	var claims map[string]string
	if !route.Public() {
		var err error
		if claims, err = c.authorize(r.Context(), r.Header.Get("Authorization")); err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeMessage(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maximumBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		writeMessage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		writeMessage(w, http.StatusBadRequest, "Bad Request")
		return
	}
	payload, err := json.Marshal(gatewayEvent(r, requestID, route, parameters, claims, body, source, forwarded))
	if err != nil {
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if len(payload) > maximumPayload {
		writeMessage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	// The function runs to its end even if the caller has gone away or the gateway no longer waits. The gateway's
	// patience begins when a process has the request: how long this machine takes to start one says nothing of the
	// cloud.
	answer, taken := make(chan Result, 1), make(chan struct{})
	go func() { answer <- c.lambda.begin(route.Function, requestID, payload, taken) }()
	select {
	case result := <-answer:
		writeResult(w, result)
		return
	case <-taken:
	}
	select {
	case result := <-answer:
		writeResult(w, result)
	case <-time.After(integrationTimeout):
		writeMessage(w, http.StatusServiceUnavailable, "Service Unavailable")
	}
}

// matchRoute finds the route of a request. A parameter is one segment of the path, decoded, and never empty; the last
// one is all the rest of the path if its name ends in a plus. Routes with such a parameter stand behind those without.
func matchRoute(routes []rest.Route, method, path string) (rest.Route, map[string]string, bool) {
	segments := strings.Split(path, "/")
next:
	for _, route := range routes {
		pattern, segments := strings.Split(route.Path, "/"), segments
		if last := len(pattern) - 1; strings.HasSuffix(route.Path, "+}") && len(segments) > len(pattern) {
			segments = append(segments[:last:last], strings.Join(segments[last:], "/"))
		}
		if route.Method != method || len(pattern) != len(segments) {
			continue
		}
		parameters := map[string]string{}
		for i, want := range pattern {
			got, err := url.PathUnescape(segments[i])
			if err != nil {
				continue next
			}
			if name, isParameter := strings.CutPrefix(want, "{"); isParameter && got != "" {
				parameters[strings.TrimRight(name, "+}")] = got
			} else if got != want {
				continue next
			}
		}
		return route, parameters, true
	}
	return rest.Route{}, nil, false
}

// gatewayEvent is the request in payload format 2.0.
func gatewayEvent(r *http.Request, requestID string, route rest.Route, parameters, claims map[string]string,
	body []byte, source string, forwarded []string) events.APIGatewayV2HTTPRequest {
	now := time.Now().UTC()
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	prefix, _, _ := strings.Cut(host, ".")
	event := events.APIGatewayV2HTTPRequest{
		Version:               "2.0",
		RouteKey:              route.Key(),
		RawPath:               r.URL.Path, // decoded, as this kind of API has it
		RawQueryString:        r.URL.RawQuery,
		Headers:               map[string]string{},
		QueryStringParameters: joinValues(r.URL.Query()),
		PathParameters:        parameters,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey:     route.Key(),
			AccountID:    Account,
			Stage:        "$default",
			RequestID:    requestID,
			APIID:        "local",
			DomainName:   host,
			DomainPrefix: prefix,
			Time:         now.Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch:    now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  source,
				UserAgent: r.UserAgent(),
			},
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			for _, line := range values {
				for cookie := range strings.SplitSeq(line, ";") {
					event.Cookies = append(event.Cookies, strings.TrimSpace(cookie))
				}
			}
			continue
		}
		event.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	port := "80"
	if _, given, err := net.SplitHostPort(r.Host); err == nil {
		port = given
	}
	event.Headers["host"] = r.Host
	event.Headers["content-length"] = strconv.Itoa(len(body))
	event.Headers["x-forwarded-for"] = strings.Join(forwarded, ", ")
	event.Headers["x-forwarded-port"] = port
	event.Headers["x-forwarded-proto"] = "http"
	event.Headers["x-amzn-trace-id"] = traceID()
	if claims != nil {
		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
		}
	}
	switch {
	case len(body) == 0:
	case isText(r.Header.Get("Content-Type")) && utf8.Valid(body): // the event is JSON, which holds no other text
		event.Body = string(body)
	default:
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return event
}

// isText says whether API Gateway hands a body of this type over as it is. Everything else, forms and bodies of no type
// among them, goes in base64.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(strings.SplitN(contentType, ";", 2)[0]))
	}
	return strings.HasPrefix(kind, "text/") ||
		slices.Contains([]string{"application/json", "application/xml", "application/javascript"}, kind)
}

// joinValues joins the values of a repeated parameter by commas.
func joinValues(query url.Values) map[string]string {
	joined := make(map[string]string, len(query))
	for name, values := range query {
		joined[name] = strings.Join(values, ",")
	}
	return joined
}

func headerSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	return size
}

// functionAnswer is what a function answers in payload format 2.0. Without a statusCode, the answer as a whole is the
// body.
type functionAnswer struct {
	StatusCode      json.RawMessage `json:"statusCode"`
	Headers         map[string]any  `json:"headers"`
	Cookies         []string        `json:"cookies"`
	Body            *string         `json:"body"`
	IsBase64Encoded bool            `json:"isBase64Encoded"`
}

// writeResult renders a function's answer to the caller, or a failure without saying what it was.
func writeResult(w http.ResponseWriter, result Result) {
	if result.Failed || !json.Valid(result.Payload) {
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	var answer functionAnswer
	if err := json.Unmarshal(result.Payload, &answer); err != nil || answer.StatusCode == nil {
		body := result.Payload
		if text := ""; json.Unmarshal(result.Payload, &text) == nil {
			body = []byte(text)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
		return
	}
	status, err := strconv.Atoi(strings.Trim(string(answer.StatusCode), `"`))
	body, bodyErr := answer.body()
	if err != nil || status < 100 || status > 599 || bodyErr != nil {
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	header := w.Header()
	for name, value := range answer.Headers {
		header.Set(name, fmt.Sprint(value))
	}
	for _, cookie := range answer.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	w.Write(body) // a caller that has gone away is not told
}

func (a functionAnswer) body() ([]byte, error) {
	if a.Body == nil {
		return nil, nil
	}
	if a.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(*a.Body)
	}
	return []byte(*a.Body), nil
}

// traceID is an X-Ray trace's header.
func traceID() string {
	random := make([]byte, 12)
	rand.Read(random) // never fails
	return fmt.Sprintf("Root=1-%08x-%s", time.Now().Unix(), hex.EncodeToString(random))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"message":"Internal Server Error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body) // a caller that has gone away is not told
}

// writeMessage is how API Gateway words its own answers.
func writeMessage(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"message": message})
}
