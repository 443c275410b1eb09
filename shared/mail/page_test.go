package mail

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
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
	return Page{State: s, Ask: ask(), DecidedAt: time.Date(2026, 11, 20, 16, 45, 30, 0, time.UTC), Reason: "Not <now>\nperhaps later"}
}

func TestD10_EachStateHasItsStatus(t *testing.T) {
	for state, want := range map[State]int{Void: 404, Asking: 200, WrongDecision: 422, ReasonTooLong: 422, Accepted: 200,
		Declined: 200, TooLate: 410, Unreadable: 400, NotAllowed: 405, TooLarge: 413, UnsupportedForm: 415, Unavailable: 503} {
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
		if attribute(document, "lang") != string(l) || attribute(document, "dir") == "" || header["Content-Language"] != string(l) {
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
			if fragment, ok := strings.CutPrefix(to, "#"); ok && !ids[fragment] || !ok && to != "mailto:kim@contoso.example" {
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
		for _, directive := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !slices.Contains(strings.Split(policy, "; "), directive) {
				t.Errorf("the policy lacks %s: %s", directive, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("the policy is loose: %s", policy)
		}
		_, elements := parse(t, body)
		sum := sha256.Sum256([]byte(elements["style"][0].FirstChild.Data))
		if hash := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, hash) {
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

func TestS22_ThePageAsks(t *testing.T) {
	for _, l := range Locales {
		for _, state := range []State{Asking, WrongDecision, ReasonTooLong} {
			t.Run(fmt.Sprintf("%s/%d", l, state), func(t *testing.T) {
				p := pageOf(state)
				_, _, body := render(t, p, l)
				root, elements := parse(t, body)
				seen := text(root)
				read, err := textsOf(l)
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range strings.Split(statement(t, l, p.Ask), "\n") {
					line = strings.Join(strings.Fields(regexp.MustCompile(`^\d\. `).ReplaceAllString(line, "")), " ")
					if !strings.Contains(seen, line) {
						t.Errorf("the page does not show this of the statement: %q", line)
					}
				}
				for _, want := range []string{p.Ask.PartnerName, p.Ask.EngagementName, p.Ask.CustomerName,
					strings.Join(strings.Fields(read.Format.date(p.Ask.ConsentDue)), " ")} {
					if !strings.Contains(seen, want) {
						t.Errorf("the page does not say %q", want)
					}
				}
				if strings.Contains(seen, p.Ask.ContactName) {
					t.Error("the page names the person who was asked")
				}
				if len(elements["form"]) != 1 || attribute(elements["form"][0], "method") != "post" {
					t.Fatal("there is no form to post")
				}
				var values []string
				for _, button := range elements["button"] {
					if attribute(button, "name") != "decision" || attribute(button, "type") != "" {
						t.Error("a button does not submit a decision")
					}
					values = append(values, attribute(button, "value"))
				}
				if !slices.Equal(values, []string{"accept", "decline"}) {
					t.Errorf("the buttons say %v", values)
				}
				version := elements["input"][0]
				if attribute(version, "type") != "hidden" || attribute(version, "name") != "version" || attribute(version, "value") != TextVersion(l) {
					t.Error("the form does not say which text was read")
				}
				reason := elements["textarea"][0]
				if attribute(reason, "name") != "reason" || attribute(reason, "maxlength") != "500" || attribute(elements["label"][0], "for") != attribute(reason, "id") {
					t.Error("the reason has no field, no label or no end")
				}
				typed := ""
				if reason.FirstChild != nil {
					typed = reason.FirstChild.Data
				}
				if want := map[bool]string{true: p.Reason}[state != Asking]; typed != want {
					t.Errorf("the reason shown is %q, want %q", typed, want)
				}
			})
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
		if !alert || !field || !strings.Contains(described, c.field+"-problem") {
			t.Errorf("alert %v, field %v, described by %q", alert, field, described)
		}
		if to := attribute(elements["a"][0], "href"); to != "#"+c.field {
			t.Errorf("the summary leads to %q", to)
		}
	}
}

func TestD10_ThePageShowsWhatWasRecorded(t *testing.T) {
	for _, l := range Locales {
		read, err := textsOf(l)
		if err != nil {
			t.Fatal(err)
		}
		for state, answer := range map[State]string{Accepted: "acceptedTitle", Declined: "declinedTitle"} {
			p := pageOf(state)
			_, _, body := render(t, p, l)
			root, elements := parse(t, body)
			seen := text(root)
			for _, want := range []string{read.Sentences[answer], p.Ask.EngagementName, p.Ask.PartnerName,
				strings.Join(strings.Fields(read.Format.date(p.DecidedAt)), " ")} {
				if !strings.Contains(seen, want) {
					t.Errorf("%s: the page does not say %q", l, want)
				}
			}
			for _, unwanted := range []string{p.Ask.ContactName, p.Ask.CustomerName, "12,500", "perhaps later"} {
				if strings.Contains(seen, unwanted) {
					t.Errorf("%s: the page says %q, which is not part of what was recorded", l, unwanted)
				}
			}
			if len(elements["form"]) > 0 {
				t.Errorf("%s: the page asks again", l)
			}
			status := false
			for n := range root.Descendants() {
				status = status || attribute(n, "role") == "status"
			}
			if !status {
				t.Errorf("%s: the message is no status", l)
			}
			if title := text(elements["title"][0]); !strings.HasPrefix(title, read.Sentences[answer]) {
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
		for _, unwanted := range []string{p.Ask.ContactName, p.Ask.CustomerName, "12,500", "<form"} {
			if strings.Contains(late, unwanted) {
				t.Errorf("%s: a late reader sees %q", l, unwanted)
			}
		}
		if !strings.Contains(late, p.Ask.EngagementName) {
			t.Errorf("%s: a late reader does not see which engagement it was", l)
		}
		_, _, bare := render(t, Page{State: TooLate}, l)
		root, elements := parse(t, bare)
		if len(elements["dl"]) > 0 || len(elements["a"]) > 0 || strings.Contains(text(root), "0001") || strings.Contains(text(root), " .") {
			t.Errorf("%s: without the claim the page says %q", l, text(root))
		}
	}
}

func TestHostileNamesStayTextOnThePage(t *testing.T) {
	every(t, func(t *testing.T, state State, l Locale) {
		p := Page{State: state, Ask: hostileAsk("PartnerContactEmail"), DecidedAt: time.Unix(0, 0), Reason: hostile + "</textarea><script>alert(3)</script>"}
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
			p.Ask.PartnerContactEmail = address
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
			{"ink", "paper", 4.5}, {"ink", "ground", 4.5}, {"ink", "wash", 4.5}, {"quiet", "paper", 4.5}, {"quiet", "ground", 4.5},
			{"accent", "paper", 4.5}, {"accent", "wash", 4.5}, {"accent-deep", "wash", 4.5}, {"on-accent", "accent", 4.5},
			{"on-accent", "accent-deep", 4.5}, {"bad", "paper", 4.5}, {"bad", "wash", 4.5}, {"edge", "paper", 3}, {"good", "wash", 3},
		} {
			if scheme[c.front] == "" || scheme[c.back] == "" {
				t.Fatalf("scheme %d lacks %s or %s", i, c.front, c.back)
			}
			a, b := luminance(t, scheme[c.front]), luminance(t, scheme[c.back])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < c.least {
				t.Errorf("scheme %d: %s on %s has a contrast of %.2f, which must be %.1f", i, c.front, c.back, ratio, c.least)
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
