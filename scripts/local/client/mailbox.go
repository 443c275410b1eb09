package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Email is what the mailbox holds.
type Email struct {
	MessageID   string   `json:"messageId"`
	At          int64    `json:"at"` // seconds of Unix time
	From        string   `json:"from"`
	ReplyTo     []string `json:"replyTo"`
	Subject     string   `json:"subject"`
	Destination `json:"destination"`
	Body        `json:"body"`
	Attachments []struct {
		Content []byte `json:"content"`
	} `json:"attachments"`
}

// Destination is whom an email goes to.
type Destination struct {
	To []string `json:"to"`
}

// Body is an email's content in its two forms.
type Body struct {
	Text string `json:"text"`
	HTML string `json:"html"`
}

// Emails lists those in the mailbox since a second of Unix time, oldest first.
func (c Client) Emails(ctx context.Context, since int64) ([]Email, error) {
	answer, err := c.Send(ctx, http.MethodGet, fmt.Sprintf("%s/store?since=%d", c.Mailbox, since), "", nil)
	if err != nil {
		return nil, fmt.Errorf("reading the mailbox: %w", err)
	}
	var store struct{ Emails []Email }
	if err := json.Unmarshal(answer.Body, &store); err != nil {
		return nil, fmt.Errorf("reading the mailbox: %w", err)
	}
	return store.Emails, nil
}

// overlap is by how many seconds an email may be stored later than others that came after it.
const overlap = 10

// Mailbox reads each email of the mailbox once. It is not for several goroutines at the same time.
type Mailbox struct {
	client Client
	known  map[string]bool // by message ID
	latest int64           // the second in which the last known email came
}

// NewMailbox gives a reader of the emails that come from a second of Unix time on.
func NewMailbox(c Client, since int64) *Mailbox {
	return &Mailbox{client: c, known: map[string]bool{}, latest: since}
}

// Unread lists the emails that it has not given before, oldest first. Only those of the last seconds are asked for
// twice, because the mailbox grows.
func (m *Mailbox) Unread(ctx context.Context) ([]Email, error) {
	emails, err := m.client.Emails(ctx, m.latest-overlap)
	if err != nil {
		return nil, err
	}
	var unread []Email
	for _, email := range emails {
		m.latest = max(m.latest, email.At)
		if !m.known[email.MessageID] {
			m.known[email.MessageID] = true
			unread = append(unread, email)
		}
	}
	return unread, nil
}
