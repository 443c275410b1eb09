package mail

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// hostile is a name as no partner should have it.
const hostile = "\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>\r\nBcc: all@evil.example\u202e\x00{{.Link}}{due}"

// hostileAsk has it in every field of text but those given.
func hostileAsk(except ...string) Ask {
	a := ask()
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).Kind() == reflect.String && !strings.Contains(strings.Join(except, " "), name) {
			v.Field(i).SetString(hostile)
		}
	}
	a.Payout = Money{hostile, hostile}
	return a
}

// parse reads a document and returns it with its elements by name.
func parse(t *testing.T, document string) (*html.Node, map[string][]*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	elements := map[string][]*html.Node{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			elements[n.Data] = append(elements[n.Data], n)
		}
	}
	return root, elements
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what a reader sees of a node, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" {
			b.WriteString(d.Data)
			continue
		}
		switch d.Data {
		case "p", "h1", "h2", "li", "dt", "dd", "th", "td", "tr", "div", "br", "button", "label":
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// loadsNothing fails for whatever would make a reader's program fetch, run or send something.
func loadsNothing(t *testing.T, elements map[string][]*html.Node) {
	t.Helper()
	for _, name := range []string{"script", "img", "link", "iframe", "object", "embed", "base", "video", "audio", "svg", "picture", "source"} {
		if len(elements[name]) > 0 {
			t.Errorf("there is a <%s>", name)
		}
	}
	for name, nodes := range elements {
		for _, n := range nodes {
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "srcset" || a.Key == "background" ||
					a.Key == "action" || a.Key == "formaction" || a.Key == "http-equiv" {
					t.Errorf("<%s> has %s=%q", name, a.Key, a.Val)
				}
				if a.Key == "style" && strings.Contains(a.Val, "url(") {
					t.Errorf("<%s> has a style that loads: %q", name, a.Val)
				}
				if a.Key == "href" && !slices.ContainsFunc([]string{"#", "mailto:", "http://", "https://"}, func(start string) bool { return strings.HasPrefix(a.Val, start) }) {
					t.Errorf("<%s> leads to %q", name, a.Val)
				}
			}
		}
	}
	for _, style := range elements["style"] {
		if css := style.FirstChild.Data; strings.Contains(css, "url(") || strings.Contains(css, "@import") {
			t.Error("the style loads something")
		}
	}
}

func TestS22_TheEmailAsksInEveryLanguage(t *testing.T) {
	for _, l := range Locales {
		t.Run(string(l), func(t *testing.T) {
			a := ask()
			m, err := Email(l, a)
			if err != nil {
				t.Fatal(err)
			}
			read, err := textsOf(l)
			if err != nil {
				t.Fatal(err)
			}
			root, elements := parse(t, m.HTML)
			loadsNothing(t, elements)
			if lang := attribute(elements["html"][0], "lang"); lang != string(l) {
				t.Errorf("its language is %q", lang)
			}
			if attribute(elements["html"][0], "dir") != "ltr" {
				t.Error("it has no direction")
			}
			if len(elements["h1"]) != 1 {
				t.Errorf("it has %d headings of the first rank", len(elements["h1"]))
			}
			links := 0
			for _, link := range elements["a"] {
				if attribute(link, "href") != a.Link {
					t.Errorf("it leads to %q", attribute(link, "href"))
				}
				links++
			}
			if links != 2 {
				t.Errorf("the link is there %d times, not as a button and as text", links)
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
			seen, plain := text(root), squeeze(m.Text)
			for what, want := range map[string]string{
				"who asks": a.PartnerName, "for which engagement": a.EngagementName, "whom": a.CustomerName,
				"the person": a.ContactName, "the partner's contact": a.PartnerContactName, "the link": a.Link,
				"until when": squeeze(read.Format.date(a.ConsentDue)), "the payout": squeeze(read.Format.money(a.Payout)),
				"the time to submit": read.Format.days(90), "what accepting means": read.Sentences["meaningTitle"],
			} {
				if !strings.Contains(seen, want) {
					t.Errorf("the HTML lacks %s: %q in\n%s", what, want, seen)
				}
				if !strings.Contains(plain, want) {
					t.Errorf("the text lacks %s: %q in\n%s", what, want, plain)
				}
			}
			if strings.ContainsAny(m.Text+seen, "{}") {
				t.Error("something is not filled in")
			}
			if !strings.Contains(m.Subject, a.PartnerName) || !strings.Contains(m.Subject, a.EngagementName) {
				t.Errorf("the subject is %q", m.Subject)
			}
		})
	}
}

func TestS23_AReminderSaysThatItIsOne(t *testing.T) {
	for _, l := range Locales {
		a := ask()
		first, err := Email(l, a)
		if err != nil {
			t.Fatal(err)
		}
		a.Reminder = true
		reminder, err := Email(l, a)
		if err != nil {
			t.Fatal(err)
		}
		if first.Subject == reminder.Subject || first.Text == reminder.Text || first.HTML == reminder.HTML {
			t.Errorf("in %s a reminder reads like the first email", l)
		}
	}
}

func TestHostileNamesStayTextInTheEmail(t *testing.T) {
	for _, l := range Locales {
		m, err := Email(l, hostileAsk("Link"))
		if err != nil {
			t.Fatal(err)
		}
		root, elements := parse(t, m.HTML)
		loadsNothing(t, elements)
		if !strings.Contains(text(root), "<script>alert(1)</script>") {
			t.Errorf("in %s the name is not shown as it is", l)
		}
		if len(elements["a"]) != 2 {
			t.Errorf("in %s there are %d links", l, len(elements["a"]))
		}
		if m.Subject != OneLine(m.Subject) && strings.ContainsAny(m.Subject, "\r\n\x00\u202e") {
			t.Errorf("in %s the subject is %q", l, m.Subject)
		}
		if strings.Contains(m.Text, "\r") || strings.Contains(m.Text, "\nBcc") || strings.Contains(m.Text, "\u202e") {
			t.Errorf("in %s the text is broken:\n%s", l, m.Text)
		}
	}
}

func TestTheEmailNeedsItsLink(t *testing.T) {
	for _, link := range []string{"", "/consent/x", "javascript:alert(1)", "https:///x", "mailto:a@b.example", "http://[", hostile} {
		a := ask()
		a.Link = link
		if _, err := Email(English, a); err == nil {
			t.Errorf("an email with the link %q was made", link)
		}
	}
}

func TestTheEmailDoesWithoutWhatIsMissing(t *testing.T) {
	a := ask()
	a.ContactName, a.PartnerContactName = " ", ""
	m, err := Email(English, a)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Text, "Hello,\n") || !strings.Contains(m.Text, "to reach kim@contoso.example at") {
		t.Error(m.Text)
	}
}

func BenchmarkEmail(b *testing.B) {
	a := ask()
	for b.Loop() {
		if _, err := Email("ja", a); err != nil {
			b.Fatal(err)
		}
	}
}
