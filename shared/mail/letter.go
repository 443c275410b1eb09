package mail

import (
	_ "embed" // the style
	"fmt"
	"strings"
	"unicode/utf8"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// letter is what an email says, in its order. Empty parts are left out.
type letter struct {
	*writer
	subject    phrase
	preview    phrase // the line that mailboxes show beside the subject
	heading    phrase
	greeting   phrase
	paragraphs []phrase
	rows       []row
	button     phrase
	link       string // of the button
	remark     phrase // about the link
	sections   []section
	reply      phrase // to whom a reply goes
	why        phrase // why the reader gets it
}

// text returns the email as plain text.
func (l letter) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", l.greeting)
	for _, paragraph := range l.paragraphs {
		fmt.Fprintf(&b, "%s\n\n", paragraph)
	}
	for _, row := range l.rows {
		fmt.Fprintf(&b, "%s: %s\n", row.label, row.value)
	}
	if l.button != nil {
		fmt.Fprintf(&b, "\n%s:\n%s\n", l.button, l.link)
	}
	if l.remark != nil {
		fmt.Fprintf(&b, "\n%s\n", l.remark)
	}
	for _, s := range l.sections {
		fmt.Fprintf(&b, "\n%s\n", s.title)
		for i, paragraph := range s.paragraphs {
			if s.numbered {
				fmt.Fprintf(&b, "%d. ", i+1)
			}
			fmt.Fprintf(&b, "%s\n", paragraph)
		}
	}
	if l.reply != nil {
		fmt.Fprintf(&b, "\n%s\n", l.reply)
	}
	fmt.Fprintf(&b, "\n-- \n%s\n%s\n", l.why, l.sentence("program"))
	return b.String()
}

// html returns the email as HTML. Mail readers know tables and styles in place best; emailStyle only adds the dark.
func (l letter) html() (string, error) {
	paper := []g.Node{h.Class("paper ink"), h.Style("padding:28px 24px;background:#ffffff;border:1px solid #d5dbe1;" +
		"border-radius:8px;" + font + "font-size:16px;line-height:1.6;color:#1a2129;word-break:break-word;"),
		h.H1(h.Class("ink"), h.Style("margin:0 0 16px;font-size:22px;line-height:1.35;font-weight:600;color:#1a2129;"),
			l.heading),
		paragraph(l.greeting),
	}
	for _, p := range l.paragraphs {
		paper = append(paper, paragraph(p))
	}
	paper = append(paper, l.summary())
	if l.button != nil {
		paper = append(paper, l.buttonTable(), quiet(l.sentence("emailLink"), h.Br(),
			h.A(h.Class("link"), h.Href(l.link), h.Style("color:#17508a;word-break:break-all;"), g.Text(l.link))))
	}
	if l.remark != nil {
		paper = append(paper, quiet(l.remark))
	}
	for _, s := range l.sections {
		paper = append(paper, h.H2(h.Class("ink"),
			h.Style("margin:24px 0 8px;font-size:17px;line-height:1.4;font-weight:600;color:#1a2129;"), s.title))
		if !s.numbered {
			paper = append(paper, g.Map(s.paragraphs, paragraph))
			continue
		}
		paper = append(paper, h.Ol(h.Style("margin:0;padding:0 0 0 24px;"),
			g.Map(s.paragraphs, func(item phrase) g.Node { return h.Li(h.Style("margin:0 0 8px;"), item) })))
	}
	foot := []g.Node{h.Class("quiet"), h.Style("padding:16px 8px 0;" + font +
		"font-size:14px;line-height:1.5;color:#515c68;word-break:break-word;")}
	if l.reply != nil {
		foot = append(foot, h.P(h.Style("margin:0 0 8px;"), l.reply))
	}
	foot = append(foot, h.P(h.Style("margin:0;"), l.why))

	language, title := g.Group{h.Lang(string(l.locale)), h.Dir(l.Direction)}, l.sentence("program").String()
	document := h.Doctype(h.HTML(language,
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("supported-color-schemes"), h.Content("light dark")),
			h.TitleEl(g.Text(title)),
			h.StyleEl(g.Raw(emailStyle)),
		),
		h.Body(h.Class("ground"), h.Style("margin:0;padding:0;background:#f3f5f7;"),
			h.Div(h.Role("article"), h.Aria("label", title), language,
				h.Div(h.Style("display:none;max-height:0;overflow:hidden;"), l.preview),
				layout("100%", "background:#f3f5f7;", h.Class("ground"),
					h.Tr(h.Td(g.Attr("align", "center"), h.Style("padding:24px 12px;"),
						layout("600", "width:100%;max-width:600px;",
							h.Tr(h.Td(h.Class("quiet"), h.Style("padding:0 8px 12px;"+font+
								"font-size:14px;line-height:1.5;color:#515c68;"), l.sentence("program"))),
							h.Tr(h.Td(paper...)),
							h.Tr(h.Td(foot...)),
						),
					))),
			),
		),
	))
	var b strings.Builder
	b.Grow(16 << 10)
	if err := document.Render(&b); err != nil {
		return "", err
	}
	return b.String(), nil
}

// summary is the facts.
func (l letter) summary() g.Node {
	return h.Table(h.Width("100%"), unframed, h.Style("margin:20px 0 8px;"), g.Map(l.rows, func(r row) g.Node {
		return h.Tr(
			h.Th(h.Scope("row"), g.Attr("align", "start"), h.Class("quiet line"),
				h.Style("padding:8px 16px 8px 0;width:38%;"+"border-bottom:1px solid "+
					"#d5dbe1;text-align:start;vertical-align:top;font-size:15px;font-weight:400;"+
					"color:#515c68;"), r.label),
			h.Td(h.Class("ink line"), h.Style("padding:8px 0;border-bottom:1px solid #d5dbe1;vertical-align:top;"+
				"font-size:15px;font-weight:600;color:#1a2129;"), r.value),
		)
	}))
}

// buttonTable is the button, in a table for mail readers that ignore the padding of links.
func (l letter) buttonTable() g.Node {
	return h.Table(h.Role("presentation"), unframed, h.Style("margin:24px 0 16px;"),
		h.Tr(h.Td(h.Class("button"), g.Attr("bgcolor", "#17508a"),
			h.Style("background:#17508a;border-radius:4px;mso-padding-alt:13px 28px;"),
			h.A(h.Href(l.link), h.Style("display:inline-block;padding:13px 28px;"+font+
				"font-size:16px;line-height:1.4;font-weight:600;color:#ffffff;text-decoration:none;"), l.button))))
}

func paragraph(p phrase) g.Node { return h.P(h.Style("margin:0 0 12px;"), p) }

// quiet is a paragraph in small grey print.
func quiet(children ...g.Node) g.Node {
	return h.P(h.Class("quiet"), h.Style("margin:0 0 12px;font-size:14px;color:#515c68;"), g.Group(children))
}

// layout is a table that only lays out.
func layout(width, style string, children ...g.Node) g.Node {
	return h.Table(h.Role("presentation"), h.Width(width), unframed, h.Style(style), g.Group(children))
}

var unframed = g.Group{g.Attr("cellpadding", "0"), g.Attr("cellspacing", "0"), g.Attr("border", "0")}

const font = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"

//go:embed email.css
var emailStyle string

// Mail servers may refuse, or break, lines of more than 998 bytes (RFC 5322). So a line ends at the first space after
// softLine bytes, and in text without spaces after hardLine.
const softLine, hardLine = 500, 900

// fold ends lines that are too long. HTML shows it nowhere: a line ends in place of a space, or inside a tag that
// allows a line break.
func fold(text string, isHTML bool) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/16)
	hardEnd := map[bool]string{true: "<wbr\n>", false: "\n"}[isHTML]
	column, inTag, quoted := 0, false, false
	for rest := text; rest != ""; {
		_, size := utf8.DecodeRuneInString(rest)
		if isHTML && rest[0] == '&' {
			size = strings.IndexByte(rest, ';') + 1 // an escaped character is one
		}
		piece := rest[:size]
		column += size
		switch {
		case isHTML && piece == "<":
			inTag = true
		case inTag && piece == `"`:
			quoted = !quoted
		case piece == "\n":
			column = 0
		case piece == " " && column > softLine && !quoted:
			piece, column = "\n", 0
		case inTag && piece == ">":
			inTag = quoted
		case column > hardLine && !inTag:
			piece, column = piece+hardEnd, 0
		}
		b.WriteString(piece)
		rest = rest[size:]
	}
	return b.String()
}
