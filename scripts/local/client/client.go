// Package client calls a running `make run` from outside, as its users do: the API, the emailed links, the mailbox, and
// what stands for the console under /local/.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// Object is JSON.
type Object = map[string]any

// Client is where the API and the mailbox are.
type Client struct{ API, Mailbox string }

// FromEnvironment gives the client of the `make run` that was started with the same environment.
func FromEnvironment() Client {
	local := func(variable, standard string) string {
		return "http://127.0.0.1:" + cmp.Or(os.Getenv(variable), standard)
	}
	return Client{local("PORT", "8080"), cmp.Or(os.Getenv("SES_ENDPOINT"), local("SES_PORT", "8005"))}
}

// Check fails where nothing answers.
func (c Client) Check(ctx context.Context) error {
	if _, err := c.Fetch(ctx, http.MethodGet, "/v1/openapi.json", "", nil); err != nil {
		return fmt.Errorf("nothing answers at %s; start the system with: make run", c.API)
	}
	return nil
}

// Answer is the answer to a call.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// connections follows no redirect and keeps as many connections as a crowd needs.
var connections = &http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 1000},
}

// Request is a call to be made. The address is a path of the API or a whole one. A token of "" is none. The body is a
// string or bytes, sent as they are; url.Values, sent as a form; nil for none; anything else, sent as JSON. Headers are
// pairs of name and value, and win over others.
func (c Client) Request(ctx context.Context, method, address, token string, body any,
	headers ...string) (*http.Request, error) {
	var content, kind string
	switch body := body.(type) {
	case nil:
	case url.Values:
		content, kind = body.Encode(), "application/x-www-form-urlencoded"
	default:
		var err error
		if content, err = encode(body); err != nil {
			return nil, fmt.Errorf("encoding the body of %s %s: %w", method, address, err)
		}
		kind = "application/json"
	}
	if strings.HasPrefix(address, "/") {
		address = c.API + address
	}
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("asking for %s %s: %w", method, address, err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request, nil
}

func encode(body any) (string, error) {
	switch body := body.(type) {
	case string:
		return body, nil
	case []byte:
		return string(body), nil
	case json.RawMessage:
		return string(body), nil
	}
	return compact(body)
}

func compact(value any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSpace(text.String()), err
}

// Send makes a call that Request describes.
func (c Client) Send(ctx context.Context, method, address, token string, body any, headers ...string) (Answer, error) {
	request, err := c.Request(ctx, method, address, token, body, headers...)
	if err != nil {
		return Answer{}, err
	}
	answer, err := connections.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer of %s %s: %w", method, request.URL.Path, err)
	}
	return Answer{answer.StatusCode, answer.Header, text}, nil
}

// Compact gives a value as JSON on one line, for people to read.
func Compact(value any) string {
	text, err := compact(value)
	if err != nil {
		return err.Error()
	}
	return text
}

// Fetch makes a call, and gives the JSON object that it answers; an error unless that is a success.
func (c Client) Fetch(ctx context.Context, method, address, token string, body Object) (Object, error) {
	var sent any
	if body != nil {
		sent = body
	}
	answer, err := c.Send(ctx, method, address, token, sent)
	if err != nil {
		return nil, err
	}
	var found Object
	if err := json.Unmarshal(answer.Body, &found); err != nil {
		return nil, fmt.Errorf("reading the answer of %s %s: %w", method, address, err)
	}
	if answer.Status >= 300 {
		return nil, fmt.Errorf("%s %s answered %d: %s", method, address, answer.Status, Compact(found))
	}
	return found, nil
}

// Token signs somebody in: {"sub","partnerId","roles"}.
func (c Client) Token(ctx context.Context, who Object) (string, error) {
	found, err := c.Fetch(ctx, http.MethodPost, "/local/token", "", who)
	token, _ := found["token"].(string)
	return token, err
}

// Clock is how far ahead of the real time the functions run.
func (c Client) Clock(ctx context.Context) (time.Duration, error) {
	found, err := c.Fetch(ctx, http.MethodGet, "/local/clock", "", nil)
	if err != nil {
		return 0, err
	}
	offset, _ := found["offset"].(string)
	ahead, err := time.ParseDuration(offset)
	if err != nil {
		return 0, fmt.Errorf("reading the clock: %w", err)
	}
	return ahead, nil
}

// SetClock has all functions run that far ahead.
func (c Client) SetClock(ctx context.Context, ahead time.Duration) error {
	_, err := c.Fetch(ctx, http.MethodPost, "/local/clock", "", Object{"offset": ahead.String()})
	return err
}

// ConsentLink finds the link of a consent email. It ends with the claim's ID.
var ConsentLink = regexp.MustCompile(`https?://\S+/consent/[A-Za-z0-9_-]+\.(\S+)`)

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// Fill adds the hidden fields of the page behind a consent link to the form that is posted to it.
func Fill(form url.Values, page []byte) url.Values {
	for _, field := range hidden.FindAllSubmatch(page, -1) {
		form.Set(string(field[1]), string(field[2])) // which statement was answered
	}
	return form
}
