// Package mail is the consent email and the consent page: what a customer is asked, in the customer's own language, and
// the way there through SES. It knows nothing of the table, nor of who may do what: the functions tell it what to say.
//
// Names are the partner's to choose, so nothing here trusts them: they are cleaned of whatever could break a line or
// turn the reading direction, and are escaped where they stand.
package mail

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Money is an amount in decimal digits, such as 1250.00, and its ISO 4217 currency.
type Money struct{ Amount, Currency string }

// Ask is what a customer is asked. Email and page tell it alike.
type Ask struct {
	PartnerName          string
	EngagementName       string
	CustomerName         string // the company
	ContactName          string // the person there who is asked; only the email names them
	PartnerContactName   string
	PartnerContactEmail  string
	Payout               Money     // what the program pays the partner
	AskedAt              time.Time // of this email; the page shows that of the link's
	ConsentDue           time.Time // no answer counts from here on
	SubmissionWindowDays int       // from consent to the partner's submission
	Reminder             bool
	Link                 string // to the page; only the email carries it
}

// cleaned returns the ask with its names fit for one line of text.
func (a Ask) cleaned() Ask {
	for _, name := range []*string{&a.PartnerName, &a.EngagementName, &a.CustomerName, &a.ContactName,
		&a.PartnerContactName, &a.PartnerContactEmail, &a.Payout.Amount, &a.Payout.Currency} {
		*name = OneLine(*name)
	}
	return a
}

// OneLine makes a text harmless in a line: controls, line ends and runs of spaces become one space, invalid bytes and
// what has no shape of its own (such as marks that turn the direction) go. Joiners stay, for scripts and emoji use them.
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

// part is a piece of a sentence: words of ours, or a value that was filled in.
type part struct {
	text     string
	value    bool
	datetime string // for an instant, in RFC 3339
}

// phrase is a sentence with its values filled in.
type phrase []part

// String returns the sentence as plain text.
func (p phrase) String() string {
	var b strings.Builder
	for _, part := range p {
		b.WriteString(part.text)
	}
	return b.String()
}

// Render writes the sentence as HTML with everything in it escaped: instants for machines too, and values set apart, for a name
// may be written from the other side. It makes a phrase a node of page and email.
func (p phrase) Render(w io.Writer) error {
	for _, part := range p {
		text := html.EscapeString(part.text)
		switch {
		case part.datetime != "":
			text = `<time datetime="` + html.EscapeString(part.datetime) + `">` + text + "</time>"
		case part.value:
			text = "<bdi>" + text + "</bdi>"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// telling is an ask in a language: the source of every sentence.
type telling struct {
	*texts
	locale Locale
	ask    Ask // its names fit for one line of text
	values map[string]part
	err    error // the first sentence that there was not, or that could not be filled in: a mistake of the build
}

func tell(l Locale, a Ask, decidedAt time.Time) (*telling, error) {
	t, err := textsOf(l)
	if err != nil {
		return nil, err
	}
	if _, ok := loaded[l]; !ok {
		l = English
	}
	instant := func(at time.Time) part {
		if at.IsZero() {
			return part{}
		}
		return part{t.Format.date(at), true, at.UTC().Format(time.RFC3339)}
	}
	name := func(s string) part { return part{text: s, value: true} }
	a = a.cleaned()
	contact := a.PartnerContactName
	if contact == "" {
		contact = a.PartnerContactEmail
	}
	values := map[string]part{
		"partner":        name(a.PartnerName),
		"engagement":     name(a.EngagementName),
		"customer":       name(a.CustomerName),
		"contact":        name(a.ContactName),
		"partnerContact": name(contact),
		"payout":         {},
		"days":           {text: t.Format.days(a.SubmissionWindowDays)},
		"asked":          instant(a.AskedAt),
		"due":            instant(a.ConsentDue),
		"decided":        instant(decidedAt),
	}
	if a.Payout.Amount != "" {
		values["payout"] = name(t.Format.money(a.Payout))
	}
	return &telling{texts: t, locale: l, ask: a, values: values}, nil
}

// say returns a sentence of the texts with its values filled in.
func (t *telling) say(key string) phrase {
	sentence, ok := t.Sentences[key]
	if !ok {
		t.err = cmp.Or(t.err, fmt.Errorf("there is no sentence %q in %s", key, t.Language))
	}
	return t.fill(sentence)
}

// value returns a value by itself, nil when the ask does not have it.
func (t *telling) value(name string) phrase {
	if v := t.values[name]; v.text != "" {
		return phrase{v}
	}
	return nil
}

// fill goes through the sentence once, so that braces in a value stay what they are.
func (t *telling) fill(sentence string) phrase {
	var p phrase
	for sentence != "" {
		before, rest, found := strings.Cut(sentence, "{")
		if before != "" {
			p = append(p, part{text: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := t.values[name]
		if !closed || !known {
			t.err = cmp.Or(t.err, fmt.Errorf("a sentence in %s fills in %q, which there is not", t.Language, name))
			break
		}
		p = append(p, value)
		sentence = after
	}
	closeUp(p)
	return p
}

// closeUp takes away the spaces that a sentence has around its values, for names in letters, where a name in characters
// stands between characters: those are written without.
func closeUp(parts []part) {
	for i := 1; i < len(parts); i++ {
		last, _ := utf8.DecodeLastRuneInString(strings.TrimSuffix(parts[i-1].text, " "))
		first, _ := utf8.DecodeRuneInString(strings.TrimPrefix(parts[i].text, " "))
		if character(last) && character(first) {
			parts[i-1].text = strings.TrimSuffix(parts[i-1].text, " ")
			parts[i].text = strings.TrimPrefix(parts[i].text, " ")
		}
	}
}

// character tells whether a rune is one of those that Chinese and Japanese are written in.
func character(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == 'ー' || r == '々'
}

// section is a heading of the page and what stands under it: a list, or a paragraph.
type section struct {
	title phrase
	items []phrase
	text  phrase
}

// sections returns what the customer must know before answering, in the order of the page.
func (t *telling) sections() []section {
	meaning := section{title: t.say("meaningTitle")}
	for _, sentence := range t.Meaning {
		meaning.items = append(meaning.items, t.fill(sentence))
	}
	return []section{meaning, {title: t.say("decliningTitle"), text: t.say("declining")}, {title: t.say("recordingTitle"), text: t.say("recording")}}
}

// row is a line of the summary that stands at the top of email and page.
type row struct{ label, value phrase }

// rows returns those lines of the summary for which there is a value; labels and values bear the same keys.
func (t *telling) rows(keys ...string) []row {
	var rows []row
	for _, key := range keys {
		if value := t.value(key); value != nil {
			rows = append(rows, row{t.say(key), value})
		}
	}
	return rows
}

// Evidence is what a customer was shown, for the record: the locale, the textVersion, and the statement, which is the exact
// text, as plain text, that the page gives the customer to accept or decline. The error can only be one of the build: texts
// that cannot be read or lack a sentence, which the tests rule out.
func Evidence(l Locale, a Ask) (map[string]string, error) {
	t, err := tell(l, a, time.Time{})
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, s := range t.sections() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s\n", s.title)
		for n, item := range s.items {
			fmt.Fprintf(&b, "%d. %s\n", n+1, item)
		}
		if s.text != nil {
			fmt.Fprintf(&b, "%s\n", s.text)
		}
	}
	return map[string]string{"locale": string(t.locale), "textVersion": t.version, "statement": b.String()}, t.err
}
