package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/audit/auditor"
	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/operator"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/receipts"
)

const (
	glance   = 300 * time.Millisecond // between two looks at what takes a moment
	patience = 3 * time.Minute        // with the stream, the bus and the mailbox, once nothing comes any more
)

// readMailUntil reads the mailbox now and then until ctx is over.
func (t *traffic) readMailUntil(ctx context.Context) error {
	for {
		if err := t.readMail(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		if pause(ctx, glance) != nil {
			return nil
		}
	}
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(length):
		return nil
	}
}

// portalLink leads from a notice to its claim.
const portalLink = "/portal/claims/"

// readMail takes in what the mailbox got since the last look. A customer whose consent email has come can open its
// link.
func (t *traffic) readMail(ctx context.Context) error {
	emails, err := t.mailbox.Unread(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	emails, t.early = append(t.early, emails...), nil
	for _, email := range emails {
		kind, id, link := emailOf(email)
		c := t.byID[id]
		if c == nil { // or it is another run's
			t.early = append(t.early, email)
			continue
		}
		c.emails[kind]++
		if kind == consentEmail {
			c.link = link
			if c.awaited {
				c.awaited = false
				t.waiting[emailed] = append(t.waiting[emailed], c)
			}
		}
	}
	return nil
}

// What emails are.
const (
	consentEmail = "consent emails"
	receiptEmail = "receipts"
	noticeEmail  = "notices"
)

// emailOf says what an email is, and of which claim.
func emailOf(email client.Email) (kind string, id mci.ClaimID, link string) {
	if found := client.ConsentLink.FindStringSubmatch(email.Text); found != nil && len(email.Attachments) == 0 {
		return consentEmail, mci.ClaimID(found[1]), found[0]
	}
	for _, attached := range email.Attachments {
		if receipt, err := receipts.Read(strings.TrimSpace(string(attached.Content))); err == nil {
			return receiptEmail, receipt.ClaimID, ""
		}
	}
	if _, after, found := strings.Cut(email.Text, portalLink); found {
		return noticeEmail, mci.ClaimID(strings.Fields(after)[0]), ""
	}
	return "", "", ""
}

// emailsOf says of which emails there must be one for each event of a type.
func emailsOf(event mci.EventType) []string {
	switch event {
	case mci.ConsentRequested, mci.ConsentReminded:
		return []string{consentEmail}
	case mci.ConsentAccepted, mci.ConsentDeclined:
		return []string{receiptEmail, noticeEmail}
	case mci.ClaimReturned, mci.ClaimCompleted, mci.ClaimRejected, mci.ClaimExpired:
		return []string{noticeEmail}
	}
	return nil
}

// settle has those who were told to try again do so until they get another answer.
func (t *traffic) settle(ctx context.Context) error {
	again := t.again
	t.again = nil
	for _, c := range again {
		if _, err := t.ask(ctx, c); err != nil {
			return err
		}
	}
	for _, c := range t.again {
		t.breaks("%s was told to try again for %s", c.name, patience)
	}
	return nil
}

// verify reads back every claim that was confirmed: nothing is lost and nothing is there twice, neither events nor
// emails.
func (t *traffic) verify(ctx context.Context) error {
	left := t.claims
	for until := time.Now().Add(patience); ; {
		if err := t.readMail(ctx); err != nil {
			return err
		}
		faults := make([]string, len(left))
		group, reading := errgroup.WithContext(ctx)
		group.SetLimit(8)
		for i, c := range left {
			group.Go(func() (err error) {
				faults[i], err = t.faultsOf(reading, c)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		var wrong []*claim
		for i, c := range left {
			if faults[i] != "" {
				wrong = append(wrong, c)
			}
		}
		if len(wrong) == 0 {
			return nil
		}
		if time.Now().After(until) {
			for i, c := range left {
				if faults[i] != "" {
					t.breaks("claim %s: %s", c.id, faults[i])
				}
			}
			return nil
		}
		left = wrong // emails that are still on their way
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// faultsOf holds a claim's events against what was confirmed, and its emails against its events.
func (t *traffic) faultsOf(ctx context.Context, c *claim) (string, error) {
	answer, err := t.Send(ctx, http.MethodGet, "/v1/claims/"+string(c.id), t.tokens[c.partner], nil)
	if err != nil {
		return "", err
	}
	var read struct {
		EventsIntact bool
		Events       []struct {
			Type  mci.EventType
			Actor string
		}
	}
	if err := json.Unmarshal(answer.Body, &read); err != nil || answer.Status != http.StatusOK {
		return fmt.Sprintf("reading it was answered %d", answer.Status), nil
	}
	if !read.EventsIntact {
		return "its history is not intact", nil
	}
	happened, emails := map[mci.EventType]int{}, map[string]int{}
	for _, event := range read.Events {
		if event.Actor != mci.ActorSystem {
			happened[event.Type]++
		}
		for _, kind := range emailsOf(event.Type) {
			emails[kind]++
		}
	}
	var faults []string
	for _, event := range confirmable {
		if !c.unsettled && happened[event] != c.confirmed[event] {
			faults = append(faults, fmt.Sprintf("%s was confirmed %d times and is there %d times", event,
				c.confirmed[event], happened[event]))
		}
	}
	for _, kind := range []string{consentEmail, receiptEmail, noticeEmail} {
		if c.emails[kind] != emails[kind] {
			faults = append(faults, fmt.Sprintf("%d %s came, and its events ask for %d", c.emails[kind], kind,
				emails[kind]))
		}
	}
	return strings.Join(faults, "; "), nil
}

// confirmable are the events that an answer confirms to somebody.
var confirmable = []mci.EventType{
	mci.ClaimAdded, mci.ClaimClaimed, mci.ConsentRequested, mci.ConsentReminded, mci.ConsentAccepted,
	mci.ConsentDeclined,
	mci.ClaimSubmitted, mci.ClaimReturned, mci.ClaimCompleted, mci.ClaimRejected, mci.ClaimCancelled,
}

// audit holds the whole table, and the domain events that left it, against the rules that always hold. What the stream
// has not brought yet is waited for.
func (t *traffic) audit(ctx context.Context) (auditor.Report, error) {
	database, table, _, err := operator.Connect(ctx)
	if err != nil {
		return auditor.Report{}, err
	}
	keys, err := operator.Keys(t.API + "/.well-known/jwks.json")
	if err != nil {
		return auditor.Report{}, err
	}
	for until := time.Now().Add(patience); ; {
		events, err := t.Send(ctx, http.MethodGet, "/local/events", "", nil)
		if err != nil {
			return auditor.Report{}, err
		}
		ahead, err := t.Clock(ctx)
		if err != nil {
			return auditor.Report{}, err
		}
		report, err := auditor.Run(ctx, database, table, auditor.Options{Keys: &keys,
			Events: bytes.NewReader(events.Body), Now: func() time.Time { return time.Now().Add(ahead) }})
		if err != nil {
			return report, err
		}
		if len(report.Violations) == 0 || time.Now().After(until) {
			for _, violation := range report.Violations {
				t.breaks("%s", violation)
			}
			return report, t.toldTwice(events.Body)
		}
		if err := pause(ctx, time.Second); err != nil {
			return report, err
		}
	}
}

// toldTwice looks for domain events that are on the bus twice, though nothing failed.
func (t *traffic) toldTwice(body []byte) error {
	var bus struct {
		Events []struct {
			Detail struct {
				ClaimID mci.ClaimID
				Seq     string
			}
		}
	}
	if err := json.Unmarshal(body, &bus); err != nil {
		return fmt.Errorf("reading the domain events: %w", err)
	}
	told := map[string]bool{}
	for _, event := range bus.Events {
		one := string(event.Detail.ClaimID) + " " + event.Detail.Seq
		if told[one] && t.byID[event.Detail.ClaimID] != nil {
			t.breaks("the bus got event %s twice", one)
		}
		told[one] = true
	}
	return nil
}
