// Package outbox sends messages through SES. It stands apart from the messages so that functions which only show pages
// carry no client of SES.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"
	"golang.org/x/net/idna"

	"mci.example/customers/shared/mail"
)

// Why an email was not sent.
var (
	// ErrUnavailable: SES could not be reached, or does not send just now. The email may go out on a later try.
	ErrUnavailable = errors.New("email is unavailable")
	// ErrUnanswered is an ErrUnavailable: SES gave no answer, so the email may have gone out on this try.
	ErrUnanswered = fmt.Errorf("%w: no answer", ErrUnavailable)
	// ErrRefused: SES does not take this message or one of its addresses.
	ErrRefused = errors.New("email was refused")
)

// Sender sends emails through SES.
type Sender struct {
	client           *sesv2.Client
	from             string
	configurationSet string
}

// idle is for how long a connection to SES is used again.
const idle = 2 * time.Second

// Open returns a sender from an address that SES has verified, which may bear a display name. It never tries again by
// itself: when an answer is lost the email may be on its way, and a second one would follow. Whoever called decides
// about that. The configuration set may be empty.
func Open(config aws.Config, from, configurationSet string) *Sender {
	// A connection that has been idle may be closed by the other side just as it is used again, and the email is lost.
	connections := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.IdleConnTimeout = idle
	})
	client := sesv2.NewFromConfig(config, func(o *sesv2.Options) {
		o.Retryer, o.HTTPClient = aws.NopRetryer{}, connections
	})
	return NewSender(client, from, configurationSet)
}

// NewSender is Open with a client, which must not retry (aws.NopRetryer).
func NewSender(client *sesv2.Client, from, configurationSet string) *Sender {
	return &Sender{client: client, from: from, configurationSet: configurationSet}
}

// Send sends a message and returns the ID that SES gave it, by which later events name it. Both addresses are bare, for
// a name would add nothing that the message does not say; without replyTo, replies go to the sender. Tags go along to
// those events and to SES's metrics, so they shall name a claim, never a person; notices and receipts have none. Errors
// are ErrUnavailable, which may be ErrUnanswered, or ErrRefused; their text holds no address.
func (s *Sender) Send(ctx context.Context, to, replyTo string, m mail.Message, tags map[string]string) (string, error) {
	from, err := sender(s.from)
	if err != nil {
		return "", fmt.Errorf("%w: the sender's own address: %w", ErrUnavailable, err)
	}
	recipient, err := bare(to)
	if err != nil {
		return "", fmt.Errorf("%w: the recipient's address: %w", ErrRefused, err)
	}
	var replies []string
	if replyTo != "" {
		reply, err := bare(replyTo)
		if err != nil {
			return "", fmt.Errorf("%w: the address to reply to: %w", ErrRefused, err)
		}
		replies = []string{reply}
	}
	text := func(s string) *types.Content {
		return &types.Content{Data: aws.String(s), Charset: aws.String("UTF-8")}
	}
	input := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(from),
		Destination:      &types.Destination{ToAddresses: []string{recipient}},
		ReplyToAddresses: replies,
		Content: &types.EmailContent{Simple: &types.Message{
			Subject:     text(mail.OneLine(m.Subject)),
			Body:        &types.Body{Html: text(m.HTML), Text: text(m.Text)},
			Attachments: attachments(m.Attachments),
		}},
	}
	if s.configurationSet != "" {
		input.ConfigurationSetName = aws.String(s.configurationSet)
	}
	for name, value := range tags {
		named := types.MessageTag{Name: aws.String(tag(name)), Value: aws.String(tag(value))}
		input.EmailTags = append(input.EmailTags, named)
	}
	slices.SortFunc(input.EmailTags, func(a, b types.MessageTag) int { return strings.Compare(*a.Name, *b.Name) })
	if err := ctx.Err(); err != nil { // SES is not asked any more, so the email has surely not gone out
		return "", failure{kind: ErrUnavailable, cause: err}
	}
	out, err := s.client.SendEmail(ctx, input)
	if err != nil {
		return "", failure{kind: kindOf(err), cause: err}
	}
	return aws.ToString(out.MessageId), nil
}

// attachments are sent in base64: SES's default encoding takes no line as long as a receipt's.
func attachments(files []mail.Attachment) []types.Attachment {
	var attached []types.Attachment
	for _, file := range files {
		attached = append(attached, types.Attachment{
			FileName: aws.String(file.Name), ContentType: aws.String(file.Type), RawContent: file.Content,
			ContentDisposition:      types.AttachmentContentDispositionAttachment,
			ContentTransferEncoding: types.AttachmentContentTransferEncodingBase64,
		})
	}
	return attached
}

// kindOf tells what SES will not take from what it cannot do now. What is wrong on our side of it (a permission, an
// identity, a missing configuration set) can be put right, after which the same email goes out.
func kindOf(err error) error {
	var rejected *types.MessageRejected
	var bad *types.BadRequestException
	if errors.As(err, &rejected) || errors.As(err, &bad) {
		return ErrRefused
	}
	var answer smithy.APIError
	if dial := (*net.OpError)(nil); errors.As(err, &answer) || errors.As(err, &dial) && dial.Op == "dial" {
		return ErrUnavailable
	}
	return ErrUnanswered
}

// failure is SES's error, with a text that can be logged: SES's own repeats addresses.
type failure struct{ kind, cause error }

func (f failure) Error() string {
	var api smithy.APIError
	if errors.As(f.cause, &api) {
		return fmt.Sprintf("sending through SES: %v: %s", f.kind, api.ErrorCode())
	}
	if errors.Is(f.cause, context.DeadlineExceeded) || errors.Is(f.cause, context.Canceled) {
		return fmt.Sprintf("sending through SES: %v in time", f.kind)
	}
	return fmt.Sprintf("sending through SES: %v: no connection", f.kind)
}

// Unwrap returns what the failure is, and what caused it.
func (f failure) Unwrap() []error { return []error{f.kind, f.cause} }

// sender writes the address that emails come from. A display name that is not plain ASCII becomes encoded words, as SES
// wants it.
func sender(configured string) (string, error) {
	parsed, err := netmail.ParseAddress(configured)
	if err != nil {
		return "", errNoAddress
	}
	address, err := bare(parsed.Address)
	if err != nil || parsed.Name == "" {
		return address, err
	}
	return (&netmail.Address{Name: mail.OneLine(parsed.Name), Address: address}).String(), nil
}

var errNoAddress = errors.New("not an email address")

// bare checks an address and writes it as SES takes it: the domain in Punycode, what stands before it in ASCII.
func bare(address string) (string, error) {
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || mail.OneLine(address) != address {
		return "", errNoAddress
	}
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:at], address[at+1:]
	if !ascii(local) {
		return "", errors.New("what stands before @ is not in ASCII, which SES does not take")
	}
	if !ascii(domain) {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", errors.New("the domain cannot be written in ASCII")
		}
	}
	return local + "@" + domain, nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > '~' || r < ' ' }) < 0
}

// tag makes a text fit for a tag: SES takes letters, digits and some marks, at most 256.
func tag(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.@", r) {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 256)]
}
