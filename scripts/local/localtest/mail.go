package localtest

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/client"
)

// Mails lists the emails to the address so far, oldest first.
func Mails(t testing.TB, address string) []client.Email {
	t.Helper()
	emails, err := stored()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(emails, func(email client.Email) bool {
		return !slices.ContainsFunc(email.To, sameAddress(address))
	})
}

// Mailbox lists all emails so far, oldest first.
func Mailbox(t testing.TB) []client.Email {
	t.Helper()
	emails, err := stored()
	if err != nil {
		t.Fatal(err)
	}
	return emails
}

// Mail waits for the nth email to the address, counted from 1.
func Mail(t testing.TB, address string, n int) client.Email {
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

// mailbox is what was read of the mailbox so far.
var mailbox struct {
	sync.Mutex
	*client.Mailbox
	emails []client.Email
	asked  time.Time // when it was last read
}

// stored gives all emails that the mailbox holds by now.
func stored() ([]client.Email, error) {
	called := time.Now()
	mailbox.Lock()
	defer mailbox.Unlock()
	if mailbox.asked.After(called) { // while this waited for its turn
		return slices.Clone(mailbox.emails), nil
	}
	asked := time.Now()
	unread, err := mailbox.Unread(context.Background())
	if err != nil {
		return nil, err
	}
	mailbox.asked, mailbox.emails = asked, append(mailbox.emails, unread...)
	return slices.Clone(mailbox.emails), nil
}

var consentPath = regexp.MustCompile(`/consent/[A-Za-z0-9_.~%-]+`)

// ConsentLink is the path of the consent page that the email links to. Text and HTML must link to the same one, at the
// API's own address.
func ConsentLink(t testing.TB, email client.Email) string {
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
