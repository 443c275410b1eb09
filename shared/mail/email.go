package mail

import (
	_ "embed" // the templates
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"
)

// Message is an email, less its addresses. HTML and Text say the same.
type Message struct{ Subject, HTML, Text string }

// errLink is the caller's mistake: an email without its link asks for nothing.
var errLink = errors.New("the link of a consent email is an absolute http or https address")

// Email returns the consent email for an ask, or its reminder. It loads nothing from anywhere and carries no address
// but the link. It fails for an ask without a usable Link.
func Email(l Locale, a Ask) (Message, error) {
	link, err := url.Parse(a.Link)
	if err != nil || (link.Scheme != "https" && link.Scheme != "http") || link.Host == "" {
		return Message{}, errLink
	}
	t, err := tell(l, a, time.Time{})
	if err != nil {
		return Message{}, err
	}
	d := letter{telling: t, Link: link.String()}
	if err := d.write(a.Reminder); err != nil {
		return Message{}, err
	}
	html, err := emailHTML()
	if err != nil {
		return Message{}, fmt.Errorf("parsing the consent email: %w", err)
	}
	text, err := emailText()
	if err != nil {
		return Message{}, fmt.Errorf("parsing the consent email's text: %w", err)
	}
	var h, p strings.Builder
	if err := html.Execute(&h, d); err != nil {
		return Message{}, fmt.Errorf("rendering the consent email: %w", err)
	}
	if err := text.Execute(&p, d); err != nil {
		return Message{}, fmt.Errorf("rendering the consent email's text: %w", err)
	}
	return Message{Subject: d.Subject.String(), HTML: h.String(), Text: p.String()}, nil
}

// letter is what the email's templates read.
type letter struct {
	*telling
	Link       string
	Subject    *phrase
	Greeting   *phrase
	Paragraphs []*phrase
	Rows       []row
	Parts      []section
	Reply      *phrase
}

// write fills in the sentences.
func (d *letter) write(reminder bool) error {
	subject, greeting, paragraphs := "subject", "greeting", []string{"emailIntro", "emailAnswer"}
	if reminder {
		subject, paragraphs = "subjectReminder", []string{"emailReminder", "emailIntro", "emailAnswer"}
	}
	if d.Value("contact") == nil {
		greeting = "greetingNobody"
	}
	var err error
	if d.Subject, err = d.Say(subject); err != nil {
		return err
	}
	if d.Greeting, err = d.Say(greeting); err != nil {
		return err
	}
	for _, key := range paragraphs {
		paragraph, err := d.Say(key)
		if err != nil {
			return err
		}
		d.Paragraphs = append(d.Paragraphs, paragraph)
	}
	if d.Rows, err = d.rows(append(asked, "partnerContact")...); err != nil {
		return err
	}
	if d.Value("partnerContact") != nil {
		if d.Reply, err = d.Say("emailReply"); err != nil {
			return err
		}
	}
	sections, err := d.Sections()
	if err != nil {
		return err
	}
	d.Parts = sections[:2] // what is recorded stands on the page, where the answer is given
	return nil
}

var (
	//go:embed templates/email.html
	emailHTMLSource string
	//go:embed templates/email.txt
	emailTextSource string

	emailHTML = sync.OnceValues(func() (*htmltemplate.Template, error) {
		return htmltemplate.New("email").Parse(emailHTMLSource)
	})
	emailText = sync.OnceValues(func() (*texttemplate.Template, error) {
		return texttemplate.New("email").Parse(emailTextSource)
	})
)
