package mail

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
)

// nasty are texts that are no names.
var nasty = []string{
	"Contoso", "Contoso\r\nBcc: eve@evil.example", "\u202egpj", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{.Link}}", "{due}", "a\x00b", "\xff\xfe",
	"Ana <ana@contoso.com>", "ana@contoso.com, eve@evil.example", `"a\r\n"@contoso.com`, "ana@münchen.example", "=?utf-8?q?=0D=0ABcc:?=", "\u2028", "</textarea><form action=//evil.example>",
	"ana@contoso.com?bcc=eve@evil.example&body=x#y", "javascript:alert(1)", "</title></style><!--", "&lt;b&#62;", "コントソ", "\n-- \n", " ", strings.Repeat("x", 5000),
}

// namesOf gives the fields of an ask that others choose.
func namesOf(a *Ask) []*string {
	return []*string{&a.PartnerName, &a.EngagementName, &a.CustomerName, &a.ContactName, &a.PartnerContactName, &a.PartnerContactEmail}
}

// harmless returns the ask with a word of its own in the place of each name that has anything to show, and what puts the names
// back there.
func harmless(a Ask) (Ask, []string) {
	var back []string
	for i, name := range namesOf(&a) {
		if shown := OneLine(*name); shown != "" {
			*name = "Qname" + string(rune('A'+i))
			back = append(back, *name, shown)
		}
	}
	return a, back
}

// differs tells the first piece that is not what it is among the harmless ones once the names are put back there; "" for none.
// Spaces do not count: a sentence has fewer of them around a name in characters.
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

// piecesOf takes a document apart: its elements, where they stand, their attributes, and the texts between. Addresses are told
// by their scheme and all that follows.
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

// askFor is an ask with a name and an address in every place where the program leaves the choice to others.
func askFor(name, other, address string) Ask {
	a := ask()
	a.PartnerName, a.EngagementName, a.CustomerName, a.ContactName, a.PartnerContactName, a.PartnerContactEmail = name, other, name, other, name, address
	return a
}

// Whatever the partner calls itself, its contact and the claim's customer: the email is that of harmless names, with the names
// in their places and nowhere else. Its subject stays one line, and its plain text has the lines that we wrote.
func FuzzNoNameLeavesItsPlaceInTheEmail(f *testing.F) {
	for i, seed := range nasty {
		f.Add(uint8(i), i%2 == 0, seed, nasty[(i+1)%len(nasty)], nasty[(i+2)%len(nasty)])
	}
	f.Fuzz(func(t *testing.T, language uint8, reminder bool, name, other, address string) {
		locale := Locales[int(language)%len(Locales)]
		named := askFor(name, other, address)
		named.Reminder = reminder
		message, err := Email(locale, named)
		if err != nil {
			t.Fatalf("no email is made: %v", err)
		}
		plain, back := harmless(named)
		model, err := Email(locale, plain)
		if err != nil {
			t.Fatalf("no email is made of harmless names: %v", err)
		}
		if strings.ContainsFunc(message.Subject, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }) {
			t.Errorf("the subject is %q", message.Subject)
		}
		if strings.ContainsFunc(message.Text, func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }) {
			t.Errorf("the text has lines or controls that are not ours: %q", message.Text)
		}
		for what, pieces := range map[string][2][]string{
			"subject": {{message.Subject}, {model.Subject}},
			"text":    {strings.Split(message.Text, "\n"), strings.Split(model.Text, "\n")},
			"HTML":    {piecesOf(t, message.HTML), piecesOf(t, model.HTML)},
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
		page := Page{State(int(state) % len(states)), askFor(name, other, address), time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC), reason}
		status, _, body := render(t, page, locale)
		var back []string
		page.Ask, back = harmless(page.Ask)
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
