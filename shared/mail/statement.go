package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Statement is what a customer is asked to accept or decline, word for word as the page shows it: heading,
// introduction, facts and sections, each text on a line of its own. The partner's contact is left out, so that it
// names no person (D27).
type Statement struct {
	Locale Locale
	Text   string
}

// Statement returns the statement in a language. The error can only be one of the build: texts that cannot be read or
// lack a sentence, which the tests rule out.
func (q ConsentQuestion) Statement(l Locale) (Statement, error) {
	w, err := q.writer(l)
	if err != nil {
		return Statement{}, err
	}
	return w.statementParts().statement(w), w.failure("the statement")
}

// StatementWithHash returns the statement, of whatever language, that has the hash. It returns false where none has:
// the customer was shown another one than the present.
func (q ConsentQuestion) StatementWithHash(hash string) (Statement, bool, error) {
	for _, l := range Locales {
		s, err := q.Statement(l)
		if err != nil || s.Hash() == hash {
			return s, err == nil, err
		}
	}
	return Statement{}, false, nil
}

// Hash returns the SHA-256 of the text in hex.
func (s Statement) Hash() string {
	sum := sha256.Sum256([]byte(s.Text))
	return hex.EncodeToString(sum[:])
}

// Shown says which statement was shown, for the claim's history: its language and its hash.
func (s Statement) Shown() map[string]string {
	return map[string]string{"language": string(s.Locale), "statementHash": s.Hash()}
}

// statementParts are what page and statement are made of.
type statementParts struct {
	heading, introduction phrase
	facts                 []row
	sections              []section
}

func (w *writer) statementParts() statementParts {
	return statementParts{w.sentence("askingHeading"), w.sentence("askingIntro"), w.rows(asked...), w.sections()}
}

// asked are the facts of a question.
var asked = []placeholder{partner, engagement, customer, payout, due}

// sections returns what the customer must know before answering, in the order of the page.
func (w *writer) sections() []section {
	meaning := section{title: w.sentence("meaningTitle"), numbered: true}
	for _, s := range w.Meaning {
		meaning.paragraphs = append(meaning.paragraphs, w.fill(s))
	}
	return []section{
		meaning,
		{title: w.sentence("decliningTitle"), paragraphs: []phrase{w.sentence("declining")}},
		{title: w.sentence("recordingTitle"), paragraphs: []phrase{w.sentence("recording")}},
	}
}

// statement returns the text of the parts.
func (p statementParts) statement(w *writer) Statement {
	lines := []phrase{p.heading, nil, p.introduction, nil}
	for _, fact := range p.facts {
		lines = append(lines, fact.label, fact.value)
	}
	for _, s := range p.sections {
		lines = slices.Concat(lines, []phrase{nil, s.title}, s.paragraphs)
	}
	var b strings.Builder
	b.Grow(4 << 10)
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, span := range line {
			b.WriteString(span.text)
		}
	}
	return Statement{w.locale, b.String()}
}

// failure returns the writer's error, if it has one.
func (w *writer) failure(what string) error {
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("writing %s: %w", what, w.err)
}
