package mail

import (
	_ "embed" // the style
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
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
	letter := write(t, link.String())
	document, text := letter.html(t), letter.text(t)
	if t.err != nil {
		return Message{}, fmt.Errorf("writing the consent email: %w", t.err)
	}
	var b strings.Builder
	if err := document.Render(&b); err != nil {
		return Message{}, fmt.Errorf("rendering the consent email: %w", err)
	}
	return Message{Subject: letter.subject.String(), HTML: inLines.Replace(b.String()), Text: text}, nil
}

// inLines ends lines where it shows nowhere: those of an email may have 998 bytes.
var inLines = strings.NewReplacer("</style>", "</style>\n", "</p>", "</p>\n", "</h1>", "</h1>\n", "</h2>", "</h2>\n", "</li>", "</li>\n", "</tr>", "</tr>\n")

// letter is what the email says, in its order.
type letter struct {
	link       string
	subject    phrase
	greeting   phrase
	paragraphs []phrase
	rows       []row
	sections   []section
	reply      phrase // nil where there is nobody to reply to
}

// write fills in the sentences.
func write(t *telling, link string) letter {
	l := letter{link: link, subject: t.say("subject"), greeting: t.say("greeting"), rows: t.rows(slices.Concat(asked, []string{"partnerContact"})...),
		sections: t.sections()[:2]} // what is recorded stands on the page, where the answer is given
	if t.ask.Reminder {
		l.subject, l.paragraphs = t.say("subjectReminder"), []phrase{t.say("emailReminder")}
	}
	if t.value("contact") == nil {
		l.greeting = t.say("greetingNobody")
	}
	l.paragraphs = append(l.paragraphs, t.say("emailIntro"), t.say("emailAnswer"))
	if t.value("partnerContact") != nil {
		l.reply = t.say("emailReply")
	}
	return l
}

// text is the email as plain text.
func (l letter) text(t *telling) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", l.greeting)
	for _, paragraph := range l.paragraphs {
		fmt.Fprintf(&b, "%s\n\n", paragraph)
	}
	for _, row := range l.rows {
		fmt.Fprintf(&b, "%s: %s\n", row.label, row.value)
	}
	fmt.Fprintf(&b, "\n%s:\n%s\n\n%s\n", t.say("emailButton"), l.link, t.say("emailOpening"))
	for _, s := range l.sections {
		fmt.Fprintf(&b, "\n%s\n", s.title)
		for _, item := range s.items {
			fmt.Fprintf(&b, "- %s\n", item)
		}
		if s.text != nil {
			fmt.Fprintf(&b, "%s\n", s.text)
		}
	}
	if l.reply != nil {
		fmt.Fprintf(&b, "\n%s\n", l.reply)
	}
	fmt.Fprintf(&b, "\n-- \n%s\n%s\n", t.say("emailWhy"), t.say("program"))
	return b.String()
}

// html is the email as HTML. Mail readers know tables and styles in place best; emailStyle only adds the dark.
func (l letter) html(t *telling) g.Node {
	paper := []g.Node{h.Class("paper ink"), h.Style("padding:28px 24px;background:#ffffff;border:1px solid #d5dbe1;border-radius:8px;" + font +
		"font-size:16px;line-height:1.6;color:#1a2129;word-break:break-word;"),
		h.H1(h.Class("ink"), h.Style("margin:0 0 16px;font-size:22px;line-height:1.35;font-weight:600;color:#1a2129;"), t.say("askingHeading")),
		paragraph(l.greeting),
	}
	for _, p := range l.paragraphs {
		paper = append(paper, paragraph(p))
	}
	paper = append(paper, l.summary(), l.button(t),
		h.P(h.Class("quiet"), h.Style("margin:0 0 12px;font-size:14px;color:#515c68;"), t.say("emailLink"), h.Br(),
			h.A(h.Class("link"), h.Href(l.link), h.Style("color:#17508a;word-break:break-all;"), g.Text(l.link))),
		h.P(h.Class("quiet"), h.Style("margin:0 0 8px;font-size:14px;color:#515c68;"), t.say("emailOpening")),
	)
	for _, s := range l.sections {
		paper = append(paper, h.H2(h.Class("ink"), h.Style("margin:24px 0 8px;font-size:17px;line-height:1.4;font-weight:600;color:#1a2129;"), s.title))
		if s.items != nil {
			paper = append(paper, h.Ol(h.Style("margin:0;padding:0 0 0 24px;"),
				g.Map(s.items, func(item phrase) g.Node { return h.Li(h.Style("margin:0 0 8px;"), item) })))
		}
		if s.text != nil {
			paper = append(paper, paragraph(s.text))
		}
	}
	foot := []g.Node{h.Class("quiet"), h.Style("padding:16px 8px 0;" + font + "font-size:14px;line-height:1.5;color:#515c68;word-break:break-word;")}
	if l.reply != nil {
		foot = append(foot, h.P(h.Style("margin:0 0 8px;"), l.reply))
	}
	foot = append(foot, h.P(h.Style("margin:0;"), t.say("emailWhy")))

	language := g.Group{h.Lang(string(t.locale)), h.Dir(t.Direction)}
	return h.Doctype(h.HTML(language,
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("supported-color-schemes"), h.Content("light dark")),
			h.TitleEl(g.Text(l.subject.String())),
			h.StyleEl(g.Raw(emailStyle)),
		),
		h.Body(h.Class("ground"), h.Style("margin:0;padding:0;background:#f3f5f7;"),
			h.Div(h.Role("article"), h.Aria("label", l.subject.String()), language,
				h.Div(h.Style("display:none;max-height:0;overflow:hidden;"), t.say("preview")),
				table("100%", "background:#f3f5f7;", h.Class("ground"), h.Tr(h.Td(g.Attr("align", "center"), h.Style("padding:24px 12px;"),
					table("600", "width:100%;max-width:600px;",
						h.Tr(h.Td(h.Class("quiet"), h.Style("padding:0 8px 12px;"+font+"font-size:14px;line-height:1.5;color:#515c68;"), t.say("program"))),
						h.Tr(h.Td(paper...)),
						h.Tr(h.Td(foot...)),
					),
				))),
			),
		),
	))
}

// summary is the lines that say what the claim is.
func (l letter) summary() g.Node {
	return h.Table(h.Width("100%"), unframed, h.Style("margin:20px 0 8px;"), g.Map(l.rows, func(r row) g.Node {
		return h.Tr(
			h.Th(h.Scope("row"), g.Attr("align", "start"), h.Class("quiet line"), h.Style("padding:8px 16px 8px 0;width:38%;border-bottom:1px solid #d5dbe1;"+
				"text-align:start;vertical-align:top;font-size:15px;font-weight:400;color:#515c68;"), r.label),
			h.Td(h.Class("ink line"), h.Style("padding:8px 0;border-bottom:1px solid #d5dbe1;vertical-align:top;font-size:15px;font-weight:600;color:#1a2129;"), r.value),
		)
	}))
}

// button leads to the page.
func (l letter) button(t *telling) g.Node {
	return h.Table(h.Role("presentation"), unframed, h.Style("margin:24px 0 16px;"),
		h.Tr(h.Td(h.Class("button"), g.Attr("bgcolor", "#17508a"), h.Style("background:#17508a;border-radius:4px;mso-padding-alt:13px 28px;"),
			h.A(h.Href(l.link), h.Style("display:inline-block;padding:13px 28px;"+font+
				"font-size:16px;line-height:1.4;font-weight:600;color:#ffffff;text-decoration:none;"), t.say("emailButton")))))
}

func paragraph(p phrase) g.Node { return h.P(h.Style("margin:0 0 12px;"), p) }

// table is one that only lays out.
func table(width, style string, children ...g.Node) g.Node {
	return h.Table(h.Role("presentation"), h.Width(width), unframed, h.Style(style), g.Group(children))
}

var unframed = g.Group{g.Attr("cellpadding", "0"), g.Attr("cellspacing", "0"), g.Attr("border", "0")}

const font = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"

//go:embed email.css
var emailStyle string
