// Package mail writes what customers and partners' contacts read: the consent email and the consent page behind its
// link, the receipt email, the notices, and the disclaimer that a partner accepts, each in the reader's language. It
// reads no table and decides nothing: the functions say what happened.
//
// Names are the partner's to choose, so nothing here trusts them: they are cleaned of all that could break a line or
// turn the reading direction, and are escaped where they stand.
package mail

import (
	"cmp"
	"strings"
	"time"
	"unicode"

	"mci.example/customers/shared/mci"
)

// ConsentQuestion is what a customer is asked. Email and page ask it alike.
type ConsentQuestion struct {
	PartnerName          string
	EngagementName       string
	CustomerName         string // the company
	ContactName          string // the person there who is asked; only emails name them
	PartnerContactName   string
	PartnerContactEmail  string
	Payout               mci.Money // the program pays it to the partner
	ConsentDue           time.Time // no answer counts from here on
	SubmissionWindowDays int       // from consent to the partner's submission
}

// QuestionOf returns what the claim's customer is asked.
func QuestionOf(claim mci.Claim) ConsentQuestion {
	return ConsentQuestion{
		PartnerName: claim.PartnerName, EngagementName: claim.EngagementName, CustomerName: claim.Customer.Name,
		ContactName: claim.CustomerContact.Name, PartnerContactName: claim.PartnerContact.Name,
		PartnerContactEmail: claim.PartnerContact.Email, Payout: claim.Payout,
		ConsentDue: claim.ConsentDue, SubmissionWindowDays: claim.SubmissionWindowDays,
	}
}

// writer returns a writer of the language's sentences with the question's values.
func (q ConsentQuestion) writer(l Locale) (*writer, error) {
	w, err := newWriter(l)
	if err != nil {
		return nil, err
	}
	q.PartnerContactEmail = OneLine(q.PartnerContactEmail)
	w.name(partner, q.PartnerName)
	w.name(engagement, q.EngagementName)
	w.name(customer, q.CustomerName)
	w.name(contact, q.ContactName)
	w.name(partnerContact, cmp.Or(OneLine(q.PartnerContactName), q.PartnerContactEmail))
	w.words(payout, w.Format.money(q.Payout))
	w.words(days, w.Format.days(q.SubmissionWindowDays))
	w.instant(due, q.ConsentDue)
	return w, nil
}

// OneLine makes a text harmless in a line: controls, line ends and runs of spaces become one space; invalid bytes and
// invisible characters (such as marks that turn the direction) go. Joiners stay, for scripts and emoji use them.
func OneLine(s string) string {
	unusual := func(r rune) bool { return r < ' ' || r > '~' }
	if strings.IndexFunc(s, unusual) < 0 && !strings.Contains(s, "  ") && strings.TrimSpace(s) == s {
		return s // as most names are
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d':
			return r
		case r == unicode.ReplacementChar:
			return -1
		case unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
