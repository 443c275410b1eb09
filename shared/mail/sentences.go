package mail

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// placeholder names a value that sentences fill in.
type placeholder int

// The placeholders, and how the texts write them.
const (
	none placeholder = iota
	partner
	engagement
	customer
	contact // the person who reads an email
	partnerContact
	payout
	days
	due
	answer
	decided
	friendlyName
	happened
	deadline
	reason
	keys
	placeholders // how many there are
)

var placeholderNames = [placeholders]string{"", "partner", "engagement", "customer", "contact", "partnerContact",
	"payout", "days", "due", "answer", "decided", "friendlyName", "happened", "deadline", "reason", "keys"}

// span is a piece of text, ready for plain text and for HTML.
type span struct{ text, html string }

// phrase is a sentence with its values filled in. It is a node of page and email.
type phrase []span

// String returns the phrase as plain text.
func (p phrase) String() string {
	var b strings.Builder
	for _, span := range p {
		b.WriteString(span.text)
	}
	return b.String()
}

// Render writes the phrase as HTML.
func (p phrase) Render(w io.Writer) error {
	for _, span := range p {
		if _, err := io.WriteString(w, span.html); err != nil {
			return err
		}
	}
	return nil
}

// sentence is one of a language's texts, cut where values are filled in.
type sentence []struct {
	words span        // ours
	value placeholder // stands after them; none at the end
}

// UnmarshalText cuts a text such as "Dear {contact}," into its pieces. It refuses braces without a placeholder.
func (s *sentence) UnmarshalText(text []byte) error {
	rest := string(text)
	for rest != "" {
		before, after, found := strings.Cut(rest, "{")
		value := none
		if found {
			name, end, closed := strings.Cut(after, "}")
			value = placeholder(slices.Index(placeholderNames[:], name))
			if !closed || value <= none {
				return fmt.Errorf("%q fills in %q, which is no value", text, name)
			}
			after = end
		}
		*s = append(*s, struct {
			words span
			value placeholder
		}{span{before, html.EscapeString(before)}, value})
		rest = after
	}
	return nil
}

// uses says whether the sentence fills in the value.
func (s sentence) uses(value placeholder) bool {
	for _, piece := range s {
		if piece.value == value {
			return true
		}
	}
	return false
}

// writer writes sentences of one language, with the values of one page or email filled in.
type writer struct {
	*texts
	locale Locale
	values [placeholders]span
	err    error // the first sentence that the texts lack: a mistake of the build
}

func newWriter(l Locale) (*writer, error) {
	l = existing(l)
	t, err := loaded[l]()
	if err != nil {
		return nil, err
	}
	return &writer{texts: t, locale: l}, nil
}

// name gives a value that others chose. HTML sets it apart, for it may be written from the other side.
func (w *writer) name(p placeholder, name string) {
	if name = OneLine(name); name != "" {
		w.values[p] = span{name, "<bdi>" + html.EscapeString(name) + "</bdi>"}
	}
}

// words gives a value in our own words.
func (w *writer) words(p placeholder, words string) {
	w.values[p] = span{words, html.EscapeString(words)}
}

// instant gives an instant, in HTML for machines too. The zero instant is none.
func (w *writer) instant(p placeholder, at time.Time) {
	if !at.IsZero() {
		text := w.Format.date(at)
		datetime := at.UTC().Format(time.RFC3339)
		w.values[p] = span{text, `<time datetime="` + datetime + `">` + html.EscapeString(text) + "</time>"}
	}
}

// link gives an address of ours, which the HTML of an email makes a link.
func (w *writer) link(p placeholder, address string) {
	escaped := html.EscapeString(address)
	w.values[p] = span{address, `<a class="link" href="` + escaped + `" style="color:#17508a;word-break:break-all;">` +
		escaped + "</a>"}
}

// sentence returns a sentence of the texts with its values filled in.
func (w *writer) sentence(key string) phrase {
	s, found := w.Sentences[key]
	if !found {
		w.err = cmp.Or(w.err, fmt.Errorf("the texts of %s have no sentence %q", w.locale, key))
	}
	return w.fill(s)
}

// value returns a value by itself, nil where there is none.
func (w *writer) value(p placeholder) phrase {
	if w.values[p].text == "" {
		return nil
	}
	return phrase{w.values[p]}
}

// fill puts the values into a sentence.
func (w *writer) fill(s sentence) phrase {
	p := make(phrase, 0, 2*len(s))
	for _, piece := range s {
		if piece.words.text != "" {
			p = append(p, piece.words)
		}
		if piece.value != none {
			p = append(p, w.values[piece.value])
		}
	}
	closeUp(p)
	return p
}

// closeUp takes away the spaces that a sentence has around its values where a name in Chinese or Japanese characters
// stands between such characters: those are written without.
func closeUp(p phrase) {
	for i := 1; i < len(p); i++ {
		before, after := &p[i-1], &p[i]
		last, _ := utf8.DecodeLastRuneInString(strings.TrimSuffix(before.text, " "))
		if !character(last) {
			continue
		}
		if first, _ := utf8.DecodeRuneInString(strings.TrimPrefix(after.text, " ")); character(first) {
			before.text, before.html = strings.TrimSuffix(before.text, " "), strings.TrimSuffix(before.html, " ")
			after.text, after.html = strings.TrimPrefix(after.text, " "), strings.TrimPrefix(after.html, " ")
		}
	}
}

// character says whether a rune is one that Chinese and Japanese are written in.
func character(r rune) bool {
	return r > unicode.MaxLatin1 &&
		(unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == 'ー' || r == '々')
}

// row is a fact: its label and its value.
type row struct{ label, value phrase }

// rows returns the facts that have a value. A label's sentence has its placeholder's name.
func (w *writer) rows(facts ...placeholder) []row {
	rows := make([]row, 0, len(facts))
	for _, fact := range facts {
		if value := w.value(fact); value != nil {
			rows = append(rows, row{w.sentence(placeholderNames[fact]), value})
		}
	}
	return rows
}

// section is a heading and the paragraphs under it, which may be numbered.
type section struct {
	title      phrase
	numbered   bool
	paragraphs []phrase
}
