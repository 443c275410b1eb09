package mail

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"mci.example/customers/shared/mci"
)

// hostile is a name as no partner should have it.
const hostile = "\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>\r\nBcc: " +
	"all@evil.example\u202e\x00{{.Link}}{due}"

// hostileQuestion has it in every field of text but those given.
func hostileQuestion(except ...string) ConsentQuestion {
	q := question()
	v := reflect.ValueOf(&q).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.String && !slices.Contains(except, v.Type().Field(i).Name) {
			v.Field(i).SetString(hostile)
		}
	}
	return q
}

// message is an email of any kind.
type message interface {
	Message(Locale) (Message, error)
	letter(Locale) (letter, error)
}

// written returns the message of an email, and fails the test where there is none.
func written(t *testing.T, email message, l Locale) Message {
	t.Helper()
	m, err := email.Message(l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const consentLink = "https://consent.example/consent/dG9rZW4.01J"

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
	for _, name := range []string{"script", "img", "link", "iframe", "object", "embed", "base", "video", "audio", "svg",
		"picture", "source"} {
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
				if a.Key == "href" && !slices.ContainsFunc([]string{"#", "mailto:", "http://", "https://", "/consent/"},
					func(start string) bool { return strings.HasPrefix(a.Val, start) }) {
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

// emails are one of each kind, by what they are, for a question.
func emails(q ConsentQuestion, reason string) map[string]message {
	at := time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC)
	all := map[string]message{
		"asking":    ConsentEmail{q, consentLink, false},
		"reminding": ConsentEmail{q, consentLink, true},
		"accepted": ReceiptEmail{q, true, at, false, "e30.e30.c2ln",
			"https://consent.example/.well-known/jwks.json"},
		"declined": ReceiptEmail{q, false, at, false, "e30.e30.c2ln",
			"https://consent.example/.well-known/jwks.json"},
		"stopped": ReceiptEmail{q, false, at, true, "e30.e30.c2ln",
			"https://consent.example/.well-known/jwks.json"},
		"stop, notice": noticeFor(q, mci.ConsentDeclined, reason, true),
	}
	for event := range noticed {
		all[string(event)] = noticeFor(q, event, reason, false)
	}
	return all
}

// noticed are the events that a partner's contact is told of (D29), and what the notice says of deadline and reason.
var noticed = map[mci.EventType]struct{ deadline, reason bool }{
	"consent.accepted": {deadline: true}, "consent.declined": {reason: true}, "email.bounced": {deadline: true},
	"email.complained": {deadline: true}, "claim.returned": {deadline: true, reason: true}, "claim.completed": {},
	"claim.rejected": {reason: true}, "claim.expired": {}, "consent.due-soon": {deadline: true},
	"submission.due-soon": {deadline: true},
}

func noticeFor(q ConsentQuestion, event mci.EventType, reason string, stop bool) Notice {
	n := Notice{
		Event: event, FriendlyName: q.EngagementName, EngagementName: q.EngagementName, CustomerName: q.CustomerName,
		ContactName: q.PartnerContactName, Payout: q.Payout, At: time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC),
		Stop: stop,
		Link: "https://consent.example/portal/claims/01J",
	}
	if noticed[event].deadline {
		n.Deadline = q.ConsentDue
	}
	if noticed[event].reason {
		n.Reason = reason
	}
	return n
}

func TestEveryEmailIsWellMadeInEveryLanguage(t *testing.T) {
	for _, l := range Locales {
		subjects := map[string]string{}
		for kind, email := range emails(question(), "No budget") {
			t.Run(string(l)+"/"+kind, func(t *testing.T) {
				m := written(t, email, l)
				root, elements := parse(t, m.HTML)
				loadsNothing(t, elements)
				if attribute(elements["html"][0], "lang") != string(l) ||
					attribute(elements["html"][0], "dir") != "ltr" {
					t.Error("its language or direction is not said")
				}
				if len(elements["h1"]) != 1 {
					t.Errorf("it has %d headings of the first rank", len(elements["h1"]))
				}
				if strings.ContainsAny(m.Subject+m.Text+text(root), "{}") {
					t.Error("something is not filled in")
				}
				if other, taken := subjects[m.Subject]; taken && !strings.Contains(kind+other, "stop") &&
					!strings.Contains(kind+other, "accepted") {
					t.Errorf("its subject is that of %s", other)
				}
				subjects[m.Subject] = kind
				// HTML and text say the same: each line of the text is in the HTML.
				seen := strings.Join(strings.Fields(text(root)), "")
				for line := range strings.Lines(m.Text) {
					line = regexp.MustCompile(`^\d\. `).ReplaceAllString(strings.TrimSuffix(strings.TrimSpace(line),
						":"), "")
					for _, piece := range strings.SplitN(line, ": ", 2) {
						if piece = strings.Join(strings.Fields(piece), ""); piece != "--" &&
							!strings.Contains(seen, piece) {
							t.Errorf("the HTML lacks %q:\n%s", piece, seen)
						}
					}
				}
			})
		}
	}
}

func TestNoLineOfAnEmailIsTooLong(t *testing.T) {
	for what, name := range map[string]string{
		"quotes": strings.Repeat(`"`, mci.MaxName), "Chinese": strings.Repeat("長", mci.MaxName),
		"emoji": strings.Repeat("👩", mci.MaxName),
		"words": strings.Repeat("a ", mci.MaxName/2-1) + "b",
	} {
		q := question()
		for _, field := range namesOf(&q) {
			*field = name
		}
		reason := strings.Repeat(name, mci.MaxReason/mci.MaxName)
		for _, l := range Locales {
			for kind, email := range emails(q, reason) {
				m := written(t, email, l)
				for part, lines := range map[string]string{"HTML": m.HTML, "text": m.Text} {
					for line := range strings.Lines(lines) {
						if len(line) > 998 {
							t.Errorf("%s, %s: a line of the %s with names of %s has %d bytes: %.200s", l, kind, part,
								what, len(line), line)
						}
					}
				}
				if root, _ := parse(t, m.HTML); !strings.Contains(strings.Join(strings.Fields(text(root)), " "), name) {
					t.Errorf("%s, %s: a name of %s is not shown whole", l, kind, what)
				}
			}
		}
	}
}

func TestS22_TheEmailAsksInEveryLanguage(t *testing.T) {
	for _, l := range Locales {
		t.Run(string(l), func(t *testing.T) {
			q := question()
			m := written(t, ConsentEmail{Question: q, Link: consentLink}, l)
			w, err := newWriter(l)
			if err != nil {
				t.Fatal(err)
			}
			root, elements := parse(t, m.HTML)
			links := 0
			for _, link := range elements["a"] {
				if attribute(link, "href") != consentLink {
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
				"who asks": q.PartnerName, "for which engagement": q.EngagementName, "whom": q.CustomerName,
				"the person": q.ContactName, "the partner's contact": q.PartnerContactName, "the link": consentLink,
				"until when": squeeze(w.Format.date(q.ConsentDue)), "the payout": squeeze(w.Format.money(q.Payout)),
				"the time to submit": w.Format.days(90), "what accepting means": w.sentence("meaningTitle").String(),
			} {
				if !strings.Contains(seen, want) {
					t.Errorf("the HTML lacks %s: %q in\n%s", what, want, seen)
				}
				if !strings.Contains(plain, want) {
					t.Errorf("the text lacks %s: %q in\n%s", what, want, plain)
				}
			}
			if !strings.Contains(m.Subject, q.PartnerName) || !strings.Contains(m.Subject, q.EngagementName) {
				t.Errorf("the subject is %q", m.Subject)
			}
		})
	}
}

func TestS23_AReminderSaysThatItIsOne(t *testing.T) {
	for _, l := range Locales {
		first := written(t, ConsentEmail{question(), consentLink, false}, l)
		reminder := written(t, ConsentEmail{question(), consentLink, true}, l)
		if first.Subject == reminder.Subject || first.Text == reminder.Text || first.HTML == reminder.HTML {
			t.Errorf("in %s a reminder reads like the first email", l)
		}
	}
}

func TestAnEmailNeedsItsLink(t *testing.T) {
	for _, link := range []string{"", "/consent/x", "javascript:alert(1)", "https:///x", "mailto:a@b.example",
		"http://[", hostile} {
		notice := noticeFor(question(), mci.ClaimExpired, "", false)
		notice.Link = link
		for _, email := range []message{
			ConsentEmail{Question: question(), Link: link}, ReceiptEmail{Question: question(), KeysLink: link}, notice,
		} {
			if _, err := email.Message(English); err == nil {
				t.Errorf("a %T with the link %q was made", email, link)
			}
		}
	}
}

func TestAnEmailDoesWithoutWhatIsMissing(t *testing.T) {
	q := question()
	q.ContactName, q.PartnerContactName = " ", ""
	m := written(t, ConsentEmail{Question: q, Link: consentLink}, English)
	if !strings.HasPrefix(m.Text, "Hello,\n") || !strings.Contains(m.Text, "to reach kim@contoso.example at") {
		t.Error(m.Text)
	}
}

func TestD29_TheCustomerGetsTheReceipt(t *testing.T) {
	const receipt = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"
	at := time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC)
	for _, l := range Locales {
		w, err := newWriter(l)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]bool{}
		for _, c := range []struct {
			accepted, stop bool
			answer         string
		}{{true, false, "acceptedTitle"}, {true, true, "acceptedTitle"}, {false, false, "declinedTitle"},
			{false, true, "declinedTitle"}} {
			m := written(t, ReceiptEmail{question(), c.accepted, at, c.stop, receipt,
				"https://consent.example/.well-known/jwks.json"}, l)
			for _, want := range []string{w.sentence(c.answer).String(), w.Format.date(at), question().PartnerName,
				question().CustomerName,
				question().EngagementName, ReceiptName, "https://consent.example/.well-known/jwks.json"} {
				if !strings.Contains(m.Text, want) {
					t.Errorf("%s: it does not say %q:\n%s", l, want, m.Text)
				}
			}
			if len(m.Attachments) != 1 || !reflect.DeepEqual(m.Attachments[0], Attachment{"consent-receipt.jws",
				"application/jose", []byte(receipt)}) {
				t.Errorf("%s: attached is %v", l, m.Attachments)
			}
			texts[m.Text] = true
		}
		if len(texts) != 3 { // stop goes with declining alone
			t.Errorf("%s: four decisions are told in %d ways", l, len(texts))
		}
	}
}

func TestD29_ThePartnersContactIsToldOfEachEvent(t *testing.T) {
	for _, l := range Locales {
		w, err := newWriter(l)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Notices) != len(noticed) {
			t.Errorf("%s: there are %d notices for %d events", l, len(w.Notices), len(noticed))
		}
		for event, c := range noticed {
			if w.Notices[event].Subject == nil {
				t.Errorf("nobody is told of %s", event)
			}
			q := question()
			q.PartnerContactName = "Sam Sales"
			n := noticeFor(q, event, "Hours are missing", false)
			n.FriendlyName = "Autumn workshop"
			m := written(t, n, l)
			for want, holds := range map[string]bool{
				"Sam Sales": true, "Autumn workshop": true, q.EngagementName: true, q.CustomerName: true, n.Link: true,
				w.Format.date(n.At):       true,
				w.Format.date(n.Deadline): c.deadline, "Hours are missing": c.reason,
				q.ContactName: false, "@": false, "0001": false,
			} {
				if strings.Contains(m.Text, want) != holds && want != w.Format.date(time.Time{}) {
					t.Errorf("%s, %s: that it says %q is not %t:\n%s", l, event, want, holds, m.Text)
				}
			}
		}
		stop := written(t, noticeFor(question(), mci.ConsentDeclined, "", true), l)
		if !strings.Contains(stop.Text, w.sentence("decliningTitle").String()) &&
			stop.Text == written(t, noticeFor(question(), mci.ConsentDeclined, "", false), l).Text {
			t.Errorf("%s: that the customer shall not be asked again is not said", l)
		}
	}
	t.Run("a deadline that has gone since is not spoken of", func(t *testing.T) {
		n := noticeFor(question(), mci.ConsentAccepted, "", false)
		n.Deadline = time.Time{}
		if m := written(t, n, English); strings.Contains(m.Text, "Please submit") ||
			strings.Contains(m.Text, "Deadline") {
			t.Error(m.Text)
		}
		n.Event = "submission.due-soon"
		if _, err := n.Message(English); err == nil {
			t.Error("a deadline that there is not comes near")
		}
	})
	t.Run("a claim's own", func(t *testing.T) {
		due, submissionDue := time.Date(2026, 12, 5, 14, 30, 0, 0, time.UTC), time.Date(2027, 1, 5, 14, 30, 0, 0,
			time.UTC)
		claim := mci.Claim{ID: "01J-x", FriendlyName: "Autumn", EngagementName: "Workshop",
			Customer:       mci.CustomerSummary{Name: "Fabrikam"},
			PartnerContact: mci.Contact{Name: "Sam"}, CustomerContact: mci.Contact{Name: "Kim"},
			Payout: mci.MustMoney("10.00"),
			Status: mci.Consented, ConsentDue: due, SubmissionDue: &submissionDue}
		got := NoticeOf(claim, mci.ConsentAccepted, due, "https://portal.example/")
		want := Notice{Event: mci.ConsentAccepted, FriendlyName: "Autumn", EngagementName: "Workshop",
			CustomerName: "Fabrikam", ContactName: "Sam",
			Payout: claim.Payout, At: due, Deadline: submissionDue, Link: "https://portal.example/portal/claims/01J-x"}
		if got != want {
			t.Errorf("it is %+v", got)
		}
		claim.Status = mci.Declined
		if got := NoticeOf(claim, mci.ConsentDeclined, due, "https://portal.example"); !got.Deadline.IsZero() {
			t.Errorf("declined it is %+v", got)
		}
	})
}

func BenchmarkEmail(b *testing.B) {
	for b.Loop() {
		if _, err := (ConsentEmail{Question: question(), Link: consentLink}).Message("ja"); err != nil {
			b.Fatal(err)
		}
	}
}
