package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"mci.example/customers/shared/mail"
)

// ses stands at the network's edge: it answers as SES does and keeps what it was sent.
type ses struct {
	*httptest.Server
	mu   sync.Mutex
	kept []map[string]any
}

// requests are those so far.
func (s *ses) requests() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

func newSES(t *testing.T, answer http.HandlerFunc) (*ses, *sesv2.Client) {
	t.Helper()
	s := &ses{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var request map[string]any
		if err := json.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.kept = append(s.kept, request)
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s, sesv2.New(sesv2.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
}

func took(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"MessageId":"0100-message"}`)
}

func fails(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		io.WriteString(w, `{"message":"Email address is not verified: ada@fabrikam.example"}`)
	}
}

func send(client *sesv2.Client, from, to, replyTo string) (string, error) {
	return NewSender(client, from, "consent").Send(context.Background(), to, replyTo,
		mail.Message{Subject: "Subject: ü", HTML: "<p>ü</p>", Text: "ü"}, map[string]string{"claim": "01J.abc",
			"kind": "first"})
}

func TestS21_TheEmailIsSentThroughSES(t *testing.T) {
	s, client := newSES(t, took)
	id, err := send(client, "MCI <consent@mci.example>", "ada@fabrikam.example", "kim@contoso.example")
	if err != nil || id != "0100-message" {
		t.Fatal(id, err)
	}
	got, err := json.Marshal(s.requests()[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ConfigurationSetName":"consent","Content":{"Simple":{"Body":{"Html":{"Charset":"UTF-8",` +
		`"Data":"\u003cp\u003eü\u003c/p\u003e"},` +
		`"Text":{"Charset":"UTF-8","Data":"ü"}},"Subject":{"Charset":"UTF-8","Data":"Subject: ü"}}},` +
		`"Destination":{"ToAddresses":["ada@fabrikam.example"]},` +
		`"EmailTags":[{"Name":"claim","Value":"01J.abc"},{"Name":"kind","Value":"first"}],` +
		`"FromEmailAddress":"\"MCI\" \u003cconsent@mci.example\u003e",` +
		`"ReplyToAddresses":["kim@contoso.example"]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestD29_AReceiptIsAttachedInBase64WithoutTagsAndWithoutAReplyAddress(t *testing.T) {
	s, client := newSES(t, took)
	_, err := NewSender(client, "consent@mci.example", "").Send(context.Background(), "ada@fabrikam.example", "",
		mail.Message{Subject: "x", HTML: "x", Text: "x", Attachments: []mail.Attachment{{Name: "consent-receipt.jws",
			Type: "application/jose", Content: []byte("a.b.c")}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	request := s.requests()[0]
	got, err := json.Marshal(request["Content"].(map[string]any)["Simple"].(map[string]any)["Attachments"])
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"ContentDisposition":"ATTACHMENT","ContentTransferEncoding":"BASE64","ContentType":"application/jose",` +
		`"FileName":"consent-receipt.jws","RawContent":"YS5iLmM="}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if request["EmailTags"] != nil || request["ReplyToAddresses"] != nil {
		t.Errorf("it has tags %v, and replies go to %v", request["EmailTags"], request["ReplyToAddresses"])
	}
}

func TestNothingForeignReachesAHeader(t *testing.T) {
	s, client := newSES(t, took)
	t.Run("a subject is one line", func(t *testing.T) {
		_, err := NewSender(client, "consent@mci.example", "").Send(context.Background(), "ada@fabrikam.example",
			"kim@contoso.example",
			mail.Message{Subject: "Hello\r\nBcc: all@evil.example\u202e", HTML: "x", Text: "x"},
			map[string]string{"claim": "a b/ü\r\n" + strings.Repeat("x", 300)})
		if err != nil {
			t.Fatal(err)
		}
		request := s.requests()[len(s.requests())-1]
		subject := request["Content"].(map[string]any)["Simple"].(map[string]any)["Subject"].(map[string]any)["Data"]
		if subject != "Hello Bcc: all@evil.example" {
			t.Errorf("the subject is %q", subject)
		}
		tag := request["EmailTags"].([]any)[0].(map[string]any)["Value"].(string)
		if len(tag) != 256 || !strings.HasPrefix(tag, "a_b____xxx") {
			t.Errorf("the tag is %q", tag)
		}
		if _, ok := request["ConfigurationSetName"]; ok {
			t.Error("there is a configuration set, though none was named")
		}
	})
	t.Run("the sender's name is in ASCII", func(t *testing.T) {
		if _, err := send(client, "Prämien ⟨MCI⟩ <consent@mci.example>", "ada@fabrikam.example",
			"kim@contoso.example"); err != nil {
			t.Fatal(err)
		}
		from := s.requests()[len(s.requests())-1]["FromEmailAddress"].(string)
		if !ascii(from) || !strings.HasPrefix(from, "=?utf-8?") || !strings.HasSuffix(from, " <consent@mci.example>") {
			t.Errorf("it is %q", from)
		}
	})
	t.Run("a domain in letters of its own is sent in Punycode", func(t *testing.T) {
		if _, err := send(client, "consent@mci.example", "ada@bücher.example", "kim@日本語.example"); err != nil {
			t.Fatal(err)
		}
		request := s.requests()[len(s.requests())-1]
		if to := request["Destination"].(map[string]any)["ToAddresses"].([]any)[0]; to != "ada@xn--bcher-kva.example" {
			t.Errorf("it goes to %q", to)
		}
		if to := request["ReplyToAddresses"].([]any)[0]; to != "kim@xn--wgv71a119e.example" {
			t.Errorf("answers go to %q", to)
		}
	})
	t.Run("what is no bare address is refused before SES hears of it", func(t *testing.T) {
		before := len(s.requests())
		for _, address := range []string{"", "ada", "Ada <ada@fabrikam.example>",
			"ada@fabrikam.example, eve@evil.example", "ada@fabrikam.example\r\nBcc: eve@evil.example",
			"ädä@fabrikam.example", "ada@fabrikam.example\u202e",
			" ada@fabrikam.example"} {
			if _, err := send(client, "consent@mci.example", address, "kim@contoso.example"); !errors.Is(err,
				ErrRefused) {
				t.Errorf("to %q: %v", address, err)
			}
			if _, err := send(client, "consent@mci.example", "ada@fabrikam.example", address); !errors.Is(err,
				ErrRefused) && address != "" {
				t.Errorf("answers to %q: %v", address, err)
			}
		}
		if len(s.requests()) != before+1 { // no address to reply to is none
			t.Errorf("SES was asked %d times", len(s.requests())-before)
		}
	})
}

func TestWhatBecomesOfAFailedEmail(t *testing.T) {
	for _, c := range []struct {
		rule   string
		answer http.HandlerFunc
		want   error
	}{
		{"SES rejects the message", fails(400, "MessageRejected"), ErrRefused},
		{"SES does not understand it", fails(400, "BadRequestException"), ErrRefused},
		{"too many at once", fails(429, "TooManyRequestsException"), ErrUnavailable},
		{"a quota is used up", fails(400, "LimitExceededException"), ErrUnavailable},
		{"sending is paused", fails(400, "SendingPausedException"), ErrUnavailable},
		{"the account is suspended", fails(400, "AccountSuspendedException"), ErrUnavailable},
		{"the domain to send from is not verified", fails(400, "MailFromDomainNotVerifiedException"), ErrUnavailable},
		{"there is no such configuration set", fails(404, "NotFoundException"), ErrUnavailable},
		{"we may not", fails(403, "AccessDeniedException"), ErrUnavailable},
		{"SES fails", fails(500, "InternalFailure"), ErrUnavailable},
		{"the connection breaks", func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, ErrUnavailable},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s, client := newSES(t, c.answer)
			_, err := send(client, "consent@mci.example", "ada@fabrikam.example", "kim@contoso.example")
			if !errors.Is(err, c.want) {
				t.Errorf("it is %v", err)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("the error names an address: %v", err)
			}
			if len(s.requests()) != 1 {
				t.Errorf("SES was asked %d times: the email may go out more than once", len(s.requests()))
			}
		})
	}
	t.Run("no answer in time", func(t *testing.T) {
		asked := make(chan struct{})
		_, client := newSES(t, func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() })
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		go func() { <-asked; cancel() }()
		_, err := NewSender(client, "consent@mci.example", "").Send(ctx, "ada@fabrikam.example", "kim@contoso.example",
			mail.Message{}, nil)
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("it is %v", err)
		}
	})
	t.Run("time was over before SES was asked: nothing can have gone out", func(t *testing.T) {
		_, client := newSES(t, took)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := NewSender(client, "consent@mci.example", "").Send(ctx, "ada@fabrikam.example", "kim@contoso.example",
			mail.Message{}, nil)
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnanswered) {
			t.Errorf("it is %v", err)
		}
	})
	t.Run("nobody listens: nothing can have gone out", func(t *testing.T) {
		nobody := httptest.NewServer(nil)
		nobody.Close()
		client := sesv2.New(sesv2.Options{Region: "us-east-1", BaseEndpoint: &nobody.URL, Retryer: aws.NopRetryer{},
			Credentials: aws.AnonymousCredentials{}})
		_, err := send(client, "consent@mci.example", "ada@fabrikam.example", "kim@contoso.example")
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnanswered) {
			t.Errorf("it is %v", err)
		}
	})
	t.Run("a sender without an address", func(t *testing.T) {
		_, client := newSES(t, took)
		if _, err := send(client, "", "ada@fabrikam.example", "kim@contoso.example"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("it is %v", err)
		}
	})
}
