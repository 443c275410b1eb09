package mail

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// Message is an email without its addresses. HTML and Text say the same.
type Message struct {
	Subject, HTML, Text string
	Attachments         []Attachment
}

// Attachment is a file that goes with an email.
type Attachment struct {
	Name, Type string
	Content    []byte
}

// errLink is the caller's mistake: an email without its link cannot be answered.
var errLink = errors.New("the link of an email is an absolute http or https address")

// checkedLink returns the link as an email carries it.
func checkedLink(link string) (string, error) {
	parsed, err := url.Parse(link)
	if err != nil || (parsed.Scheme != "https" && parsed.Scheme != "http") || parsed.Host == "" {
		return "", errLink
	}
	return parsed.String(), nil
}

// ConsentEmail asks a customer for consent, or reminds them (S21, S23, D30).
type ConsentEmail struct {
	Question ConsentQuestion
	Link     string // to the consent page
	Reminder bool
}

// Message returns the email in a language. It loads nothing from anywhere and carries no address but the link. It fails
// without a usable Link.
func (e ConsentEmail) Message(l Locale) (Message, error) {
	letter, err := e.letter(l)
	if err != nil {
		return Message{}, err
	}
	return letter.message()
}

func (e ConsentEmail) letter(l Locale) (letter, error) {
	link, err := checkedLink(e.Link)
	if err != nil {
		return letter{}, err
	}
	w, err := e.Question.writer(l)
	if err != nil {
		return letter{}, err
	}
	made := letter{
		writer: w, subject: w.sentence("subject"), preview: w.sentence("preview"),
		heading: w.sentence("askingHeading"), greeting: w.greeting(),
		paragraphs: []phrase{w.sentence("emailIntro"), w.sentence("emailAnswer")},
		rows:       w.rows(append(slices.Clone(asked), partnerContact)...),
		button:     w.sentence("emailButton"), link: link, remark: w.sentence("emailOpening"),
		sections: w.sections()[:2], // what is recorded stands on the page, where the answer is given
		why:      w.sentence("emailWhy"),
	}
	if e.Reminder {
		made.subject = w.sentence("subjectReminder")
		made.paragraphs = slices.Insert(made.paragraphs, 0, w.sentence("emailReminder"))
	}
	if w.value(partnerContact) != nil {
		made.reply = w.sentence("emailReply")
	}
	return made, w.failure("the consent email")
}

// greeting addresses the reader, by name where there is one.
func (w *writer) greeting() phrase {
	if w.value(contact) == nil {
		return w.sentence("greetingNobody")
	}
	return w.sentence("greeting")
}

// message returns the letter as HTML and text, in lines that every mail server takes.
func (l letter) message() (Message, error) {
	html, err := l.html()
	if err != nil {
		return Message{}, fmt.Errorf("rendering an email: %w", err)
	}
	return Message{Subject: l.subject.String(), HTML: fold(html, true), Text: fold(l.text(), false)}, nil
}
