package mail

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
)

// nasty are texts that are no names.
var nasty = []string{
	"Contoso", "Contoso\r\nBcc: eve@evil.example", "\u202egpj", "<script>alert(1)</script>",
	`"><img src=x onerror=alert(1)>`, "{{.Link}}", "{due}", "a\x00b", "\xff\xfe",
	"Ana <ana@contoso.com>", "ana@contoso.com, eve@evil.example", `"a\r\n"@contoso.com`, "ana@münchen.example",
	"=?utf-8?q?=0D=0ABcc:?=", "\u2028", "</textarea><form action=//evil.example>",
	"ana@contoso.com?bcc=eve@evil.example&body=x#y", "javascript:alert(1)", "</title></style><!--", "&lt;b&#62;",
	"コントソ",
	"\n-- \n", " ", strings.Repeat("x", 5000),
}

// namesOf gives the fields of a question that others choose.
func namesOf(q *ConsentQuestion) []*string {
	return []*string{&q.PartnerName, &q.EngagementName, &q.CustomerName, &q.ContactName, &q.PartnerContactName,
		&q.PartnerContactEmail}
}

// harmless returns the question with a word of its own in the place of each name that has anything to show, and what
// puts the names back there.
func harmless(q ConsentQuestion) (ConsentQuestion, []string) {
	var back []string
	for i, name := range namesOf(&q) {
		if shown := OneLine(*name); shown != "" {
			*name = "Qname" + string(rune('A'+i))
			back = append(back, *name, shown)
		}
	}
	return q, back
}

// differs tells the first piece that is not what it is among the harmless ones once the names are put back there; ""
// for none. Spaces do not count: a sentence has fewer of them around a name in characters.
func differs(pieces, harmless, back []string) string {
	names := strings.NewReplacer(back...)
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	for i := range max(len(pieces), len(harmless)) {
		if i >= len(pieces) {
			return harmless[i] + " is not there"
		}
		if i >= len(harmless) || squeeze(pieces[i]) != squeeze(names.Replace(harmless[i])) {
			return pieces[i]
		}
	}
	return ""
}

// piecesOf takes a document apart: its elements, where they stand, their attributes, and the texts between. Addresses
// are told by their scheme and all that follows.
func piecesOf(t *testing.T, document string) []string {
	t.Helper()
	root, elements := parse(t, document)
	loadsNothing(t, elements)
	var pieces []string
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			pieces = append(pieces, n.Data)
			continue
		case html.ElementNode:
			pieces = append(pieces, n.Parent.Data+"/<"+n.Data+">")
		default:
			pieces = append(pieces, "<!"+n.Data)
		}
		for _, a := range n.Attr {
			value := a.Val
			if address, isMail := strings.CutPrefix(value, "mailto:"); isMail {
				link, err := url.Parse(value)
				if err != nil || link.Scheme != "mailto" || link.RawQuery != "" || link.Fragment != "" {
					t.Errorf("the address %q is more than one: %v", value, err)
				}
				if address, err = url.PathUnescape(address); err != nil {
					t.Errorf("the address %q: %v", value, err)
				}
				value = "mailto:" + address
			}
			pieces = append(pieces, a.Key+"="+value)
		}
	}
	return pieces
}

// questionFor has a name and an address in every place where the program leaves the choice to others.
func questionFor(name, other, address string) ConsentQuestion {
	q := question()
	q.PartnerName, q.EngagementName, q.CustomerName, q.ContactName, q.PartnerContactName, q.PartnerContactEmail = name,
		other, name, other, name, address
	return q
}

// unfolded returns an email before its long lines are ended.
func unfolded(t *testing.T, email message, l Locale) Message {
	t.Helper()
	written, err := email.letter(l)
	if err != nil {
		t.Fatalf("no email is made: %v", err)
	}
	document, err := written.html()
	if err != nil {
		t.Fatal(err)
	}
	return Message{Subject: written.subject.String(), HTML: document, Text: written.text()}
}

// Whatever the partner calls itself, its contact and the claim's customer: the email is that of harmless names, with
// the names in their places and nowhere else. Its subject stays one line, and its plain text has the lines that we
// wrote.
func FuzzNoNameLeavesItsPlaceInTheEmail(f *testing.F) {
	for i, seed := range nasty {
		f.Add(uint8(i), i%2 == 0, seed, nasty[(i+1)%len(nasty)], nasty[(i+2)%len(nasty)])
	}
	f.Fuzz(func(t *testing.T, language uint8, reminder bool, name, other, address string) {
		locale := Locales[int(language/3)%len(Locales)]
		named := questionFor(name, other, address)
		plain, back := harmless(named)
		email := func(q ConsentQuestion) message {
			switch events := slices.Sorted(maps.Keys(noticed)); int(language) % 3 {
			case 0:
				return noticeFor(q, events[int(language)%len(events)], q.ContactName, reminder)
			case 1:
				return ReceiptEmail{q, reminder, q.ConsentDue, reminder, "", consentLink}
			}
			return ConsentEmail{q, consentLink, reminder}
		}
		made, model := unfolded(t, email(named), locale), unfolded(t, email(plain), locale)
		if strings.ContainsFunc(made.Subject, func(r rune) bool {
			return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("the subject is %q", made.Subject)
		}
		if strings.ContainsFunc(made.Text, func(r rune) bool {
			return r != '\n' && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("the text has lines or controls that are not ours: %q", made.Text)
		}
		for what, pieces := range map[string][2][]string{
			"subject": {{made.Subject}, {model.Subject}},
			"text":    {strings.Split(made.Text, "\n"), strings.Split(model.Text, "\n")},
			"HTML":    {piecesOf(t, made.HTML), piecesOf(t, model.HTML)},
		} {
			if piece := differs(pieces[0], pieces[1], back); piece != "" {
				t.Errorf("names change the %s: %q", what, piece)
			}
		}
	})
}

// The same of the page in each of its states, and of what the customer typed, which is shown again.
func FuzzNoNameAndNoReasonLeavesItsPlaceOnThePage(f *testing.F) {
	for i, seed := range nasty {
		f.Add(uint8(i), uint8(i), seed, nasty[(i+1)%len(nasty)], nasty[(i+2)%len(nasty)], seed)
	}
	for _, reason := range nasty { // each where it is shown again
		f.Add(uint8(0), uint8(WrongDecision), "Contoso", "Workshop", "ana@contoso.com", reason)
		f.Add(uint8(0), uint8(ReasonTooLong), "Contoso", "Workshop", "ana@contoso.com", "\r\n"+reason+"\r")
	}
	f.Fuzz(func(t *testing.T, language, state uint8, name, other, address, reason string) {
		locale := Locales[int(language)%len(Locales)]
		page := Page{State: State(int(state) % len(states)), Question: questionFor(name, other, address),
			Reason: reason, DecidedAt: time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC), Receipt: "/consent/x/receipt",
			Stop: state%2 == 0}
		status, _, body := render(t, page, locale)
		var back []string
		question := page.Question
		page.Question, back = harmless(question)
		back = append(back, statement(t, locale, page.Question).Hash(), statement(t, locale, question).Hash())
		if reason != "" {
			page.Reason = "Qreason"
			back = append(back, page.Reason, strings.ReplaceAll(reason, "\x00", "\ufffd")) // HTML has no sign for NUL
		}
		modelStatus, _, model := render(t, page, locale)
		if status != modelStatus {
			t.Errorf("the page answers %d, and %d with harmless names", status, modelStatus)
		}
		if piece := differs(piecesOf(t, body), piecesOf(t, model), back); piece != "" {
			t.Errorf("names or the reason change the page: %q", piece)
		}
	})
}

// The oracle itself: it sees a page that a name has changed.
func TestAChangedPageIsSeen(t *testing.T) {
	const model = `<p title="QnameA">QnameA <a href="mailto:QnameA">x</a></p>`
	back := []string{"QnameA", "<b>"}
	for page, want := range map[string]bool{
		`<p title="&lt;b&gt;">&lt;b&gt; <a href="mailto:%3Cb%3E">x</a></p>`:          false,
		`<p title="&lt;b&gt;"><b> <a href="mailto:%3Cb%3E">x</a></p>`:                true,
		`<p title="&lt;b&gt;" class="">&lt;b&gt; <a href="mailto:%3Cb%3E">x</a></p>`: true,
		`<p title="&lt;b&gt;">&lt;b&gt; <a href="https://%3Cb%3E">x</a></p>`:         true,
		`<p title="&lt;b&gt;">&lt;b&gt; <a href="mailto:%3Cb%3E">x</a><!-- --></p>`:  true,
		`<p title="&lt;b&gt;">&lt;b&gt; <a>x</a></p>`:                                true,
		`<p title="&lt;b&gt;">&lt;b&gt; </p>`:                                        true,
	} {
		if piece := differs(piecesOf(t, page), piecesOf(t, model), back); (piece != "") != want {
			t.Errorf("of %s it tells %q", page, piece)
		}
	}
}
