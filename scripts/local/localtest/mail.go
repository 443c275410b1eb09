package localtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Email is what the mailbox holds.
type Email struct {
	MessageID string
	From      string
	To        []string
	ReplyTo   []string
	Subject   string
	Text      string
	HTML      string
	Attached  []Attachment
}

// Attachment is a file that goes with an email.
type Attachment struct {
	Name    string `json:"filename"`
	Type    string `json:"contentType"`
	Content []byte `json:"content"`
}

// Mails lists the emails to the address so far, oldest first.
func Mails(t testing.TB, address string) []Email {
	t.Helper()
	emails, err := stored()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(emails, func(email Email) bool {
		return !slices.ContainsFunc(email.To, sameAddress(address))
	})
}

// Mailbox lists all emails so far, oldest first.
func Mailbox(t testing.TB) []Email {
	t.Helper()
	emails, err := stored()
	if err != nil {
		t.Fatal(err)
	}
	return emails
}

// Mail waits for the nth email to the address, counted from 1.
func Mail(t testing.TB, address string, n int) Email {
	t.Helper()
	deadline := time.After(patience)
	for {
		sent := running.proxy.nextMail()
		if emails := Mails(t, address); len(emails) >= n {
			return emails[n-1]
		}
		select {
		case <-sent:
		case <-deadline:
			t.Fatalf("email %d to %s did not come within %s", n, address, patience)
		}
	}
}

// sameAddress fits an address with or without a name before it.
func sameAddress(address string) func(string) bool {
	return func(to string) bool {
		return strings.EqualFold(to, address) || strings.HasSuffix(strings.ToLower(to),
			"<"+strings.ToLower(address)+">")
	}
}

// mailbox is what was read of the mailbox so far. Only emails of the last seconds are read twice, for it grows, and
// many tests look into it.
var mailbox struct {
	sync.Mutex
	emails []Email
	known  map[string]bool // by message ID
	latest int64           // the second in which the last of them came
	asked  time.Time       // when it was last read
}

// overlap is by how many seconds an email may be stored later than others that came after it.
const overlap = 10

// stored gives all emails that the mailbox holds by now.
func stored() ([]Email, error) {
	called := time.Now()
	mailbox.Lock()
	defer mailbox.Unlock()
	if mailbox.asked.After(called) { // while this waited for its turn
		return slices.Clone(mailbox.emails), nil
	}
	asked := time.Now()
	answer, err := http.Get(fmt.Sprintf("%s/store?since=%d", running.SESEndpoint(), mailbox.latest-overlap))
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	defer answer.Body.Close()
	var store struct {
		Emails []struct {
			At          int64    `json:"at"`
			MessageID   string   `json:"messageId"`
			From        string   `json:"from"`
			ReplyTo     []string `json:"replyTo"`
			Subject     string   `json:"subject"`
			Destination struct {
				To []string `json:"to"`
			} `json:"destination"`
			Body struct {
				Text string `json:"text"`
				HTML string `json:"html"`
			} `json:"body"`
			Attachments []Attachment `json:"attachments"`
		} `json:"emails"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&store); err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	if mailbox.known == nil {
		mailbox.known = map[string]bool{}
	}
	mailbox.asked = asked
	for _, email := range store.Emails {
		mailbox.latest = max(mailbox.latest, email.At)
		if mailbox.known[email.MessageID] {
			continue
		}
		mailbox.known[email.MessageID] = true
		mailbox.emails = append(mailbox.emails, Email{email.MessageID, email.From, email.Destination.To, email.ReplyTo,
			email.Subject, email.Body.Text, email.Body.HTML, email.Attachments})
	}
	return slices.Clone(mailbox.emails), nil
}

var consentPath = regexp.MustCompile(`/consent/[A-Za-z0-9_.~%-]+`)

// ConsentLink is the path of the consent page that the email links to. Text and HTML must link to the same one, at the
// API's own address.
func ConsentLink(t testing.TB, email Email) string {
	t.Helper()
	paths := map[string]bool{}
	for _, part := range []string{email.Text, email.HTML} {
		path := consentPath.FindString(part)
		if path == "" || !strings.Contains(part, URL()+path) {
			t.Fatalf("a part of the email %q has no consent link: %s", email.Subject, part)
		}
		paths[strings.TrimRight(path, ".")] = true
	}
	if len(paths) != 1 {
		t.Fatalf("the parts of the email %q have different consent links: %v", email.Subject, paths)
	}
	for path := range paths {
		return path
	}
	return ""
}
