package mail

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func render(t *testing.T, p Page, l Locale) (int, map[string]string, string) {
	t.Helper()
	status, header, body, err := p.Render(l)
	if err != nil {
		t.Fatal(err)
	}
	return status, header, body
}

func pageOf(s State) Page {
	return Page{State: s, Question: question(), DecidedAt: time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC),
		Reason: "Not <now>\nperhaps later",
		Stop:   true, Receipt: "/consent/x.y/receipt"}
}

func TestD10_EachStateHasItsStatus(t *testing.T) {
	for state, want := range map[State]int{Void: 404, Asking: 200, WrongDecision: 422, ReasonTooLong: 422,
		StatementChanged: 422, Accepted: 200,
		Declined: 200, TooLate: 410, Unreadable: 400, NotAllowed: 405, TooLarge: 413, UnsupportedForm: 415,
		Unavailable: 503} {
		if got, _, _ := render(t, pageOf(state), English); got != want {
			t.Errorf("state %d answers %d, want %d", state, got, want)
		}
	}
	if _, _, _, err := (Page{State: 99}).Render(English); err == nil {
		t.Error("a state that there is not was rendered")
	}
}

// every goes through all states in all languages.
func every(t *testing.T, check func(t *testing.T, state State, l Locale)) {
	for _, l := range Locales {
		for state := range states {
			t.Run(fmt.Sprintf("%s/%d", l, state), func(t *testing.T) { check(t, state, l) })
		}
	}
}

func TestThePageIsWellMade(t *testing.T) {
	every(t, func(t *testing.T, state State, l Locale) {
		_, header, body := render(t, pageOf(state), l)
		root, elements := parse(t, body)
		loadsNothing(t, elements)
		document := elements["html"][0]
		if attribute(document, "lang") != string(l) || attribute(document, "dir") == "" ||
			header["Content-Language"] != string(l) {
			t.Error("its language is not said")
		}
		for _, one := range []string{"title", "h1", "main", "header", "footer", "style"} {
			if len(elements[one]) != 1 {
				t.Errorf("there are %d <%s>", len(elements[one]), one)
			}
		}
		if strings.ContainsAny(text(root), "{}") {
			t.Error("something is not filled in")
		}
		ids := map[string]bool{}
		for n := range root.Descendants() {
			if id := attribute(n, "id"); n.Type == html.ElementNode && id != "" {
				if ids[id] {
					t.Errorf("two have the ID %s", id)
				}
				ids[id] = true
			}
		}
		for n := range root.Descendants() {
			for _, reference := range []string{"aria-describedby", "aria-labelledby", "for"} {
				for _, id := range strings.Fields(attribute(n, reference)) {
					if !ids[id] {
						t.Errorf("%s of <%s> names %s, which is not there", reference, n.Data, id)
					}
				}
			}
		}
		for _, link := range elements["a"] {
			to := attribute(link, "href")
			if fragment, ok := strings.CutPrefix(to, "#"); ok && !ids[fragment] || !ok &&
				to != "mailto:kim@contoso.example" && to != "/consent/x.y/receipt" {
				t.Errorf("a link leads to %q", to)
			}
		}
		var read struct{ last int }
		for n := range root.Descendants() {
			if level, ok := strings.CutPrefix(n.Data, "h"); ok && n.Type == html.ElementNode && len(level) == 1 {
				rank, err := strconv.Atoi(level)
				if err == nil && rank > read.last+1 && states[state].problem == "" {
					t.Errorf("<%s> follows a heading of rank %d", n.Data, read.last)
				}
				read.last = rank
			}
		}
	})
}

func TestThePageIsKeptToItself(t *testing.T) {
	every(t, func(t *testing.T, state State, l Locale) {
		_, header, body := render(t, pageOf(state), l)
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
		} {
			if header[name] != want {
				t.Errorf("%s is %q", name, header[name])
			}
		}
		for name := range header {
			if http.CanonicalHeaderKey(name) != name {
				t.Errorf("%s is not written as headers are", name)
			}
		}
		policy := header["Content-Security-Policy"]
		for _, directive := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'",
			"frame-ancestors 'none'"} {
			if !slices.Contains(strings.Split(policy, "; "), directive) {
				t.Errorf("the policy lacks %s: %s", directive, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("the policy is loose: %s", policy)
		}
		_, elements := parse(t, body)
		sum := sha256.Sum256([]byte(elements["style"][0].FirstChild.Data))
		if hash := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy,
			hash) {
			t.Errorf("the policy does not let the page's style through: %s, want %s", policy, hash)
		}
		for name, nodes := range elements {
			for _, n := range nodes {
				if attribute(n, "style") != "" {
					t.Errorf("<%s> has a style of its own, which the policy forbids", name)
				}
			}
		}
	})
	t.Run("a method that there is not is told those that there are", func(t *testing.T) {
		if _, header, _ := render(t, pageOf(NotAllowed), English); header["Allow"] != "GET, HEAD, POST" {
			t.Errorf("Allow is %q", header["Allow"])
		}
	})
	t.Run("who may try again is told when", func(t *testing.T) {
		if _, header, _ := render(t, pageOf(Unavailable), English); header["Retry-After"] == "" {
			t.Error("there is no Retry-After")
		}
	})
}

// visible lists the texts of a page's main part that are part of the statement, in their order: the alert, the
// partner's contact and the forms are not.
func visible(main *html.Node) []string {
	var lines []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		isAddress := n.Data == "div" && n.LastChild.LastChild.Data == "a"
		if attribute(n, "role") == "alert" || attribute(n, "class") == "answer" || isAddress {
			return
		}
		switch n.Data {
		case "h1", "h2", "p", "dt", "dd", "li":
			lines = append(lines, text(n))
			return
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(main)
	return lines
}

func TestS22_ThePageAsks(t *testing.T) {
	for _, l := range Locales {
		for _, state := range []State{Asking, WrongDecision, ReasonTooLong, StatementChanged} {
			t.Run(fmt.Sprintf("%s/%d", l, state), func(t *testing.T) {
				p := pageOf(state)
				_, _, body := render(t, p, l)
				root, elements := parse(t, body)
				if strings.Contains(text(root), p.Question.ContactName) {
					t.Error("the page names the person who was asked")
				}
				forms, hash := elements["form"], statement(t, l, p.Question).Hash()
				if len(forms) != 2 {
					t.Fatalf("there are %d forms, not one to accept and one to decline", len(forms))
				}
				for i, decision := range []string{"accept", "decline"} {
					fields := map[string]string{}
					for n := range forms[i].Descendants() {
						if name := attribute(n, "name"); name != "" {
							fields[name] = attribute(n, "value")
						}
						if n.Data == "button" && attribute(n, "type") != "" {
							t.Error("a button does not submit")
						}
					}
					want := map[string]string{"decision": decision, "statement": hash}
					if decision == "decline" {
						want["reason"], want["stop"] = "", "yes"
					}
					if attribute(forms[i], "method") != "post" || attribute(forms[i], "action") != "" ||
						!maps.Equal(fields, want) {
						t.Errorf("the form to %s posts %v, want %v", decision, fields, want)
					}
				}
				reason := elements["textarea"][0]
				if attribute(reason, "maxlength") != "500" ||
					attribute(elements["label"][0], "for") != attribute(reason, "id") {
					t.Error("the reason has no label or no end")
				}
				typed, ticked := "", false
				if reason.FirstChild != nil {
					typed = reason.FirstChild.Data
				}
				for _, a := range elements["input"][2].Attr {
					ticked = ticked || a.Key == "checked"
				}
				if want := map[bool]string{true: p.Reason}[state != Asking]; typed != want ||
					ticked != (state != Asking) {
					t.Errorf("shown again is %q, want %q, ticked %t", typed, want, ticked)
				}
			})
		}
	}
}

func TestD27_TheStatementIsWordForWordWhatThePageShows(t *testing.T) {
	for _, l := range Locales {
		for _, state := range []State{Asking, WrongDecision, ReasonTooLong, StatementChanged} {
			for _, q := range []ConsentQuestion{question(), hostileQuestion("PartnerContactEmail"),
				questionFor("コントソ", "ファブリカム", "kim@contoso.example")} {
				_, _, body := render(t, Page{State: state, Question: q}, l)
				_, elements := parse(t, body)
				var lines []string
				for line := range strings.Lines(statement(t, l, q).Text) {
					if line = strings.Join(strings.Fields(line), " "); line != "" {
						lines = append(lines, line)
					}
				}
				if shown := visible(elements["main"][0]); !slices.Equal(shown, lines) {
					t.Errorf("%s, %d: the page shows\n%q\nthe statement says\n%q", l, state, shown, lines)
				}
			}
		}
	}
}

func TestS22_AMistakeIsSaidWhereItIsPutRight(t *testing.T) {
	for _, c := range []struct {
		state           State
		field, sentence string
	}{
		{WrongDecision, "decision", "Choose “Accept” or “Decline”."},
		{ReasonTooLong, "reason", "The reason is too long. Shorten it to at most 500 characters."},
		{StatementChanged, "statement",
			"Your answer was not recorded: it was given to another text than the one that now stands here. Please " +
				"read this text, then answer."},
	} {
		_, _, body := render(t, pageOf(c.state), English)
		root, elements := parse(t, body)
		if title := text(elements["title"][0]); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("the title is %q", title)
		}
		alert, field, described := false, false, ""
		for n := range root.Descendants() {
			if attribute(n, "role") == "alert" {
				alert = strings.Contains(text(n), c.sentence)
			}
			if attribute(n, "id") == c.field {
				field, described = true, attribute(n, "aria-describedby")
			}
		}
		if !alert || !field || !strings.Contains(described, c.field+"-problem") && c.state != StatementChanged {
			t.Errorf("alert %v, field %v, described by %q", alert, field, described)
		}
		if to := attribute(elements["a"][0], "href"); to != "#"+c.field {
			t.Errorf("the summary leads to %q", to)
		}
	}
}

func TestD10_ThePageShowsWhatWasRecorded(t *testing.T) {
	for _, l := range Locales {
		w, err := newWriter(l)
		if err != nil {
			t.Fatal(err)
		}
		for state, answer := range map[State]string{Accepted: "acceptedTitle", Declined: "declinedTitle"} {
			p := pageOf(state)
			_, _, body := render(t, p, l)
			root, elements := parse(t, body)
			seen := text(root)
			for _, want := range []string{w.sentence(answer).String(), p.Question.EngagementName,
				p.Question.PartnerName, strings.Join(strings.Fields(w.Format.date(p.DecidedAt)), " ")} {
				if !strings.Contains(seen, want) {
					t.Errorf("%s: the page does not say %q", l, want)
				}
			}
			for _, unwanted := range []string{p.Question.ContactName, p.Question.CustomerName, "12,500",
				"perhaps later"} {
				if strings.Contains(seen, unwanted) {
					t.Errorf("%s: the page says %q, which is not part of what was recorded", l, unwanted)
				}
			}
			if len(elements["form"]) > 0 {
				t.Errorf("%s: the page asks again", l)
			}
			if link := elements["a"][len(elements["a"])-1]; attribute(link, "href") != p.Receipt ||
				text(link) != w.sentence("receiptLink").String() {
				t.Errorf("%s: the page does not lead to the receipt", l)
			}
			p.Stop = false
			if _, _, without := render(t, p, l); (without != body) != (state == Declined) {
				t.Errorf("%s: only with declining the page says that the customer will not be asked again", l)
			}
			status := false
			for n := range root.Descendants() {
				status = status || attribute(n, "role") == "status"
			}
			if !status {
				t.Errorf("%s: the message is no status", l)
			}
			if title := text(elements["title"][0]); !strings.HasPrefix(title, w.sentence(answer).String()) {
				t.Errorf("%s: the title %q does not begin with what was recorded", l, title)
			}
		}
	}
}

func TestD10_NothingOfAClaimIsShownWithoutItsLink(t *testing.T) {
	for _, l := range Locales {
		for state, s := range states {
			if s.showsClaim {
				continue
			}
			_, _, with := render(t, pageOf(state), l)
			_, _, without := render(t, Page{State: state}, l)
			if with != without {
				t.Errorf("%s: state %d shows something of the claim", l, state)
			}
		}
		p := pageOf(TooLate)
		_, _, late := render(t, p, l)
		for _, unwanted := range []string{p.Question.ContactName, p.Question.CustomerName, "12,500", "<form"} {
			if strings.Contains(late, unwanted) {
				t.Errorf("%s: a late reader sees %q", l, unwanted)
			}
		}
		if !strings.Contains(late, p.Question.EngagementName) {
			t.Errorf("%s: a late reader does not see which engagement it was", l)
		}
		_, _, bare := render(t, Page{State: TooLate}, l)
		root, elements := parse(t, bare)
		if len(elements["dl"]) > 0 || len(elements["a"]) > 0 || strings.Contains(text(root), "0001") ||
			strings.Contains(text(root), " .") {
			t.Errorf("%s: without the claim the page says %q", l, text(root))
		}
	}
}

func TestHostileNamesStayTextOnThePage(t *testing.T) {
	every(t, func(t *testing.T, state State, l Locale) {
		p := Page{State: state, Question: hostileQuestion("PartnerContactEmail"), Stop: true, DecidedAt: time.Unix(0,
			0), Reason: hostile + "</textarea><script>alert(3)</script>"}
		_, header, body := render(t, p, l)
		_, elements := parse(t, body)
		loadsNothing(t, elements)
		for name, value := range header {
			if strings.Contains(value, "evil") {
				t.Errorf("%s has the name in it", name)
			}
		}
		if strings.ContainsAny(strings.ReplaceAll(body, "\n", ""), "\x00\u202e") && states[state].problem == "" {
			t.Error("something invisible got through")
		}
	})
	t.Run("an address is only ever written to", func(t *testing.T) {
		for _, address := range []string{"javascript:alert(1)", "a@b.example?bcc=all@evil.example", "\" onclick=\"x"} {
			p := pageOf(Accepted)
			p.Question.PartnerContactEmail, p.Receipt = address, ""
			_, _, body := render(t, p, English)
			_, elements := parse(t, body)
			loadsNothing(t, elements)
			for _, link := range elements["a"] {
				if to := attribute(link, "href"); !strings.HasPrefix(to, "mailto:") || strings.Contains(to, "?") {
					t.Errorf("the address %q made a link to %q", address, to)
				}
			}
		}
	})
}

// colours reads the custom properties of the light scheme, then those of the dark one.
func colours(t *testing.T) [2]map[string]string {
	t.Helper()
	light, dark, found := strings.Cut(pageStyle, "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	var both [2]map[string]string
	for i, css := range []string{light, dark} {
		both[i] = map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			both[i][m[1]] = m[2]
		}
	}
	return both
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestThePageCanBeReadLightAndDark(t *testing.T) {
	for i, scheme := range colours(t) {
		for _, c := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 4.5}, {"ink", "ground", 4.5}, {"ink", "wash", 4.5}, {"quiet", "paper", 4.5},
			{"quiet", "ground", 4.5},
			{"accent", "paper", 4.5}, {"accent", "wash", 4.5}, {"accent-deep", "wash", 4.5}, {"on-accent", "accent",
				4.5},
			{"on-accent", "accent-deep", 4.5}, {"bad", "paper", 4.5}, {"bad", "wash", 4.5}, {"edge", "paper", 3},
			{"good", "wash", 3},
		} {
			if scheme[c.front] == "" || scheme[c.back] == "" {
				t.Fatalf("scheme %d lacks %s or %s", i, c.front, c.back)
			}
			a, b := luminance(t, scheme[c.front]), luminance(t, scheme[c.back])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < c.least {
				t.Errorf("scheme %d: %s on %s has a contrast of %.2f, which must be %.1f", i, c.front, c.back, ratio,
					c.least)
			}
		}
	}
}

func BenchmarkPage(b *testing.B) {
	p := pageOf(Asking)
	for b.Loop() {
		if _, _, _, err := p.Render("fr"); err != nil {
			b.Fatal(err)
		}
	}
}
