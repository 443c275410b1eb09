// Package mail is the consent email and the consent page: what a customer is asked, in the customer's own language, and
// the way there through SES. It knows nothing of the table, nor of who may do what: the functions tell it what to say.
//
// Names are the partner's to choose, so nothing here trusts them: they are cleaned of whatever could break a line or
// turn the reading direction, and are escaped where they stand.
package mail

import (
	"fmt"
	"html/template"
	"net/url"
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

// html returns the part with everything in it escaped: instants for machines too, and values set apart, for a name may be
// written from the other side.
func (p part) html() string {
	text := template.HTMLEscapeString(p.text)
	switch {
	case p.datetime != "":
		return `<time datetime="` + template.HTMLEscapeString(p.datetime) + `">` + text + "</time>"
	case p.value:
		return "<bdi>" + text + "</bdi>"
	}
	return text
}

// phrase is a sentence with its values filled in, as plain text and as HTML. Both are made once, as fields: a template that
// asks for them takes a third of the time of one that calls methods.
type phrase struct {
	text string
	HTML template.HTML
}

// phraseOf makes a phrase of its parts.
func phraseOf(parts ...part) *phrase {
	var text, html strings.Builder
	for _, p := range parts {
		text.WriteString(p.text)
		html.WriteString(p.html())
	}
	return &phrase{text.String(), template.HTML(html.String())}
}

// String returns the sentence as plain text.
func (p *phrase) String() string { return p.text }

// telling is an ask in a language: the source of every sentence.
type telling struct {
	*texts
	Locale Locale
	values map[string]part
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
	return &telling{texts: t, Locale: l, values: values}, nil
}

// Say returns a sentence of the texts with its values filled in.
func (t *telling) Say(key string) (*phrase, error) {
	sentence, ok := t.Sentences[key]
	if !ok {
		return nil, fmt.Errorf("there is no sentence %q in %s", key, t.Language)
	}
	return t.fill(sentence)
}

// Value returns a value by itself, nil when the ask does not have it.
func (t *telling) Value(name string) *phrase {
	if v := t.values[name]; v.text != "" {
		return phraseOf(v)
	}
	return nil
}

// fill goes through the sentence once, so that braces in a value stay what they are.
func (t *telling) fill(sentence string) (*phrase, error) {
	var parts []part
	for sentence != "" {
		before, rest, found := strings.Cut(sentence, "{")
		if before != "" {
			parts = append(parts, part{text: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := t.values[name]
		if !closed || !known {
			return nil, fmt.Errorf("a sentence in %s fills in %q, which there is not", t.Language, name)
		}
		parts = append(parts, value)
		sentence = after
	}
	closeUp(parts)
	return phraseOf(parts...), nil
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
	Title *phrase
	Items []*phrase
	Text  *phrase
}

// Sections returns what the customer must know before answering, in the order of the page.
func (t *telling) Sections() ([]section, error) {
	meaning := section{}
	var err error
	if meaning.Title, err = t.Say("meaningTitle"); err != nil {
		return nil, err
	}
	for _, sentence := range t.Meaning {
		item, err := t.fill(sentence)
		if err != nil {
			return nil, err
		}
		meaning.Items = append(meaning.Items, item)
	}
	sections := []section{meaning}
	for _, key := range []string{"declining", "recording"} {
		s := section{}
		if s.Title, err = t.Say(key + "Title"); err != nil {
			return nil, err
		}
		if s.Text, err = t.Say(key); err != nil {
			return nil, err
		}
		sections = append(sections, s)
	}
	return sections, nil
}

// row is a line of the summary that stands at the top of email and page.
type row struct {
	Label   *phrase
	Value   *phrase
	Address string // an email address to write to
	Mailto  string // and the link that does so
}

// rows returns those lines of the summary for which there is a value; labels and values bear the same keys.
func (t *telling) rows(keys ...string) ([]row, error) {
	var rows []row
	for _, key := range keys {
		value := t.Value(key)
		if value == nil {
			continue
		}
		label, err := t.Say(key)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{Label: label, Value: value})
	}
	return rows, nil
}

// contactRow returns the line that names the partner's contact, none when the ask has no address.
func (t *telling) contactRow(a Ask) ([]row, error) {
	a = a.cleaned()
	if a.PartnerContactEmail == "" {
		return nil, nil
	}
	label, err := t.Say("partnerContact")
	if err != nil {
		return nil, err
	}
	// Escaped whole, for what follows a question mark would be more than an address.
	mailto := "mailto:" + url.PathEscape(a.PartnerContactEmail)
	contact := row{Label: label, Address: a.PartnerContactEmail, Mailto: mailto}
	if a.PartnerContactName != "" {
		contact.Value = t.Value("partnerContact")
	}
	return []row{contact}, nil
}

// Statement returns the exact text, as plain text, that the page shows the customer to accept or decline: evidence of
// what was agreed to. It is empty only if the texts of the language cannot be read, which the tests rule out.
func Statement(l Locale, a Ask) string {
	t, err := tell(l, a, time.Time{})
	if err != nil {
		return ""
	}
	sections, err := t.Sections()
	if err != nil {
		return ""
	}
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s\n", s.Title)
		for n, item := range s.Items {
			fmt.Fprintf(&b, "%d. %s\n", n+1, item)
		}
		if s.Text != nil {
			fmt.Fprintf(&b, "%s\n", s.Text)
		}
	}
	return b.String()
}
