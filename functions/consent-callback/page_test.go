package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) {
	localtest.OnAnswer(tellsNobodyTheLink)
	localtest.Main(m)
}

// tellsNobodyTheLink holds every answer of the function: the link is the key, so no cache and no other site may learn
// it.
func tellsNobodyTheLink(t testing.TB, request *http.Request, answer localtest.Response) {
	isPage := answer.Status == http.StatusSeeOther || strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html")
	if !isPage || !strings.HasPrefix(request.URL.Path, "/consent/") {
		return
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s of %s answers %d with %s %q instead of %q", request.Method, request.URL.Path, answer.Status,
				name, got, want)
		}
	}
}

// browser is a real one, which tests drive by turns.
type browser struct {
	mu     sync.Mutex
	input  io.WriteCloser
	output *bufio.Scanner
}

// call is what to open, how, and what to do there; steps are those of testdata/browser.mjs.
type call struct {
	URL      string     `json:"url"`
	HTML     string     `json:"html"` // an email to show instead
	Width    int        `json:"width"`
	Dark     bool       `json:"dark"`
	NoScript bool       `json:"noScript"`
	Language string     `json:"language"`
	Steps    [][]string `json:"steps"`
}

// sight is what there is to see then.
type sight struct {
	Error      string   `json:"error"`
	Status     int      `json:"status"`
	URL        string   `json:"url"`
	Title      string   `json:"title"`
	Language   string   `json:"language"`
	Text       string   `json:"text"`
	Message    string   `json:"message"`
	Alert      string   `json:"alert"`
	Overflow   float64  `json:"overflow"`
	Background string   `json:"background"`
	Active     string   `json:"active"`
	Outline    float64  `json:"outline"`
	Reason     string   `json:"reason"`
	Small      []string `json:"small"`
	Console    []string `json:"console"`
	Requests   []string `json:"requests"`
	Violations []string `json:"violations"`
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	command := cloud.Browser(context.Background(), localtest.Root(), filepath.Join("testdata", "browser.mjs"))
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		input.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the browser ended with %v", err)
		}
	})
	b := &browser{input: input, output: bufio.NewScanner(output)}
	b.output.Buffer(nil, 1<<20)
	return b
}

// visit opens the page and fails the test for whatever no page may do: break a rule of accessibility, run over the
// screen's edge, load something, or let a script run.
func (b *browser) visit(t *testing.T, v call) sight {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := json.NewEncoder(b.input).Encode(v); err != nil {
		t.Fatalf("ask the browser: %v", err)
	}
	if !b.output.Scan() {
		t.Fatalf("the browser has gone: %v", b.output.Err())
	}
	var s sight
	if err := json.Unmarshal(b.output.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Error != "" {
		t.Fatalf("visiting %+v: %s", v, s.Error)
	}
	for _, violation := range s.Violations {
		t.Errorf("at %d pixels: %s", v.Width, violation)
	}
	for _, small := range s.Small {
		t.Errorf("at %d pixels this is hard to hit: %s", v.Width, small)
	}
	if s.Overflow > 0 {
		t.Errorf("at %d pixels the page runs %v over the edge", v.Width, s.Overflow)
	}
	for _, line := range s.Console {
		t.Errorf("the browser complains: %s", line)
	}
	for _, request := range s.Requests {
		if _, to, _ := strings.Cut(request, " "); !strings.HasPrefix(to, localtest.URL()+"/consent/") {
			t.Errorf("the page made the browser ask for %s", request)
		}
	}
	return s
}

// invited is a customer whom a partner asked.
type invited struct {
	partner story.Partner
	claim   story.Claim
	link    string
}

// invite nominates a new customer, sends the consent email and takes the link from it. An empty locale is none.
func invite(t *testing.T, name, locale string) invited {
	t.Helper()
	p := story.NewPartner(t)
	e := story.Engagement(t, story.Object{"name": "Security Workshop <b>&amp;</b>", "payout": "12500.00"})
	localtest.LoadRow(t, "locations.csv", p.ID, "Contoso <script>alert(1)</script> Consulting", p.Location, "Berlin",
		"DE", true, "*")
	c := story.NewCustomerNamed(t, name, e)
	contact := story.Object{"name": "Robin Reader", "email": c.Email}
	if locale != "" {
		contact["locale"] = locale
	}
	claim := story.Born(t, localtest.Call(t, "POST", "/v1/customers", p.Token,
		p.Nomination(c, c.By(mci.TPID), []string{e}, story.Object{"customerContact": contact})))[0]
	return invited{p, claim, localtest.URL() + p.Ask(t, claim)}
}

func TestD11_ThePageIsReadableInEveryLanguageOnAnyScreen(t *testing.T) {
	b := openBrowser(t)
	backgrounds := map[bool]string{}
	for _, locale := range mail.Locales {
		t.Run(string(locale), func(t *testing.T) {
			customer := invite(t, "Fabrikam Aktiengesellschaft", string(locale))
			for _, width := range []int{320, 1280} {
				for _, dark := range []bool{false, true} {
					// The browser speaks another language than the contact, which comes first.
					s := b.visit(t, call{URL: customer.link, Width: width, Dark: dark, Language: "fr-FR"})
					if s.Status != 200 || s.Language != string(locale) {
						t.Errorf("the answer is %d in %s", s.Status, s.Language)
					}
					if !strings.Contains(s.Text, "Contoso <script>alert(1)</script> Consulting") ||
						!strings.Contains(s.Text, "Security Workshop <b>&amp;</b>") {
						t.Errorf("names are not shown as they are:\n%s", s.Text)
					}
					backgrounds[dark] = s.Background
				}
			}
		})
	}
	if backgrounds[false] == backgrounds[true] {
		t.Errorf("light and dark are both %s: the style did not apply", backgrounds[true])
	}
}

func TestD11_TheEmailArrivesInEveryLanguage(t *testing.T) {
	b := openBrowser(t)
	for _, locale := range mail.Locales {
		t.Run(string(locale), func(t *testing.T) {
			customer := invite(t, "Fabrikam", string(locale))
			email := localtest.Mail(t, customer.claim.CustomerContact.Email, 1)
			if len(email.To) != 1 || email.To[0] != customer.claim.CustomerContact.Email || len(email.ReplyTo) != 1 ||
				email.ReplyTo[0] != "pat@partner.example" {
				t.Errorf("it is to %v, answers go to %v", email.To, email.ReplyTo)
			}
			for _, width := range []int{320, 800} {
				s := b.visit(t, call{HTML: email.HTML, Width: width, Dark: width == 320})
				if s.Language != string(locale) ||
					!strings.Contains(s.Text, "Contoso <script>alert(1)</script> Consulting") {
					t.Errorf("in %s it reads\n%s", s.Language, s.Text)
				}
				if len(s.Requests) > 0 {
					t.Errorf("reading it asks for %v", s.Requests)
				}
			}
		})
	}
}

func TestD10_OpeningTheLinkChangesNothing(t *testing.T) {
	customer := invite(t, "Fabrikam", "tr")
	claim := func() string {
		return string(localtest.Call(t, "GET", "/v1/claims/"+customer.claim.ID, customer.partner.Token, nil).Expect(t,
			200).Body)
	}
	path := strings.TrimPrefix(customer.link, localtest.URL())
	before := claim()
	get := localtest.Call(t, "GET", path, "", nil, "Accept-Language", "ja").Expect(t, 200)
	head := localtest.Call(t, "HEAD", path, "", nil).Expect(t, 200)
	if after := claim(); after != before {
		t.Errorf("the claim was\n%s\nand is\n%s", before, after)
	}
	if len(head.Body) > 0 {
		t.Errorf("HEAD has a body: %s", head.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Language": "tr", "Cache-Control": "no-store",
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	} {
		if get.Header.Get(name) != want || head.Header.Get(name) != want {
			t.Errorf("%s is %q for GET, %q for HEAD, want %q", name, get.Header.Get(name), head.Header.Get(name), want)
		}
	}
	if policy := get.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; ") ||
		policy != head.Header.Get("Content-Security-Policy") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestD11_TheBrowsersLanguageIsNextToTheContacts(t *testing.T) {
	b := openBrowser(t)
	customer := invite(t, "Fabrikam", "")
	for asked, want := range map[string]string{"pt-BR": "pt-BR", "ja-JP": "ja", "tr": "tr", "zh-TW": "zh-TW",
		"sv-SE": "en"} {
		if s := b.visit(t, call{URL: customer.link, Language: asked}); s.Language != want {
			t.Errorf("a browser in %s gets the page in %s", asked, s.Language)
		}
	}
}

func TestD10_TheCustomerAnswersWithoutScripts(t *testing.T) {
	b := openBrowser(t)
	for _, c := range []struct{ decision, other, title, status string }{
		{"accept", "decline", "Accepted", "consented"},
		{"decline", "accept", "Declined", "declined"},
	} {
		t.Run(c.decision, func(t *testing.T) {
			customer := invite(t, "Fabrikam", "en")
			answer := [][]string{{"fill", "textarea", "No budget\nthis year"}, {"check", "#stop"},
				{"submit", "button[value=" + c.decision + "]"}}
			s := b.visit(t, call{URL: customer.link, Width: 320, NoScript: true, Steps: answer})
			if s.Status != 200 || s.URL != customer.link || !strings.HasPrefix(s.Title, c.title) || s.Message == "" {
				t.Fatalf("after the answer: %d at %s, %q, %q", s.Status, s.URL, s.Title, s.Message)
			}
			posts := 0
			for _, request := range s.Requests {
				if strings.HasPrefix(request, "POST ") {
					posts++
				}
			}
			if posts != 1 {
				t.Errorf("the answer was posted %d times: %v", posts, s.Requests)
			}
			recorded := s.Message
			if again := b.visit(t, call{URL: customer.link}); again.Message != recorded || strings.Contains(again.Text,
				"No budget") {
				t.Errorf("opened again, the page says\n%s", again.Text)
			}
			// A second tab that was open all the time contradicts the first.
			localtest.Call(t, "POST", strings.TrimPrefix(customer.link, localtest.URL()), "",
				url.Values{"decision": {c.other}}).Expect(t, 303)
			if again := b.visit(t, call{URL: customer.link}); again.Message != recorded {
				t.Errorf("contradicted, the page says\n%s", again.Text)
			}
			claim := localtest.Call(t, "GET", "/v1/claims/"+customer.claim.ID, customer.partner.Token, nil).Expect(t,
				200).JSON(t)
			if claim["status"] != c.status {
				t.Errorf("the claim is %v", claim["status"])
			}
			reason, _ := claim["declineReason"].(string)
			if want := map[string]string{"decline": "No budget\nthis year"}[c.decision]; strings.ReplaceAll(reason,
				"\r\n", "\n") != want {
				t.Errorf("the reason is %q, want %q", reason, want)
			}
		})
	}
}

func TestD10_TheCustomerAnswersByKeyboard(t *testing.T) {
	b := openBrowser(t)
	customer := invite(t, "Fabrikam", "en")
	var steps [][]string
	for _, want := range []string{"a", "button accept", "textarea reason", "input yes", "button decline"} {
		steps = append(steps, []string{"press", "Tab"})
		s := b.visit(t, call{URL: customer.link, Steps: steps})
		if s.Active != want {
			t.Errorf("after %d tabs the focus is on %q, want %q", len(steps), s.Active, want)
		}
		if s.Outline < 2 {
			t.Errorf("the focus on %q is hard to see", s.Active)
		}
	}
	// Enter on the checkbox, too, submits the form that it stands in: it never accepts.
	if s := b.visit(t, call{URL: customer.link, Steps: append(steps[:4:4], []string{"press", "Space"},
		[]string{"enter"})}); !strings.HasPrefix(s.Title, "Declined") {
		t.Errorf("the page is %q", s.Title)
	}
}

func TestS22_AMistakeKeepsWhatWasTyped(t *testing.T) {
	b := openBrowser(t)
	customer := invite(t, "Fabrikam", "en")
	for _, c := range []struct {
		rule, reason, want string
		prepare            []string
	}{
		{"a reason that is too long", strings.Repeat("long", 126), "The reason is too long", []string{"set", "textarea",
			"maxlength", "5000"}},
		{"a decision that is none", "Because", "Choose “Accept” or “Decline”", []string{"set", "button[value=decline]",
			"value", "perhaps"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := b.visit(t, call{URL: customer.link, Width: 320, Steps: [][]string{c.prepare,
				{"fill", "textarea", c.reason}, {"submit", "button:not(.accept)"}}})
			if s.Status != 422 || !strings.Contains(s.Alert, c.want) || !strings.HasPrefix(s.Title, "Error") ||
				s.Reason != c.reason {
				t.Errorf("%d, %q, %q, kept %q", s.Status, s.Title, s.Alert, s.Reason)
			}
			if s := b.visit(t, call{URL: customer.link}); s.Alert != "" || !strings.Contains(s.Text, "Decline") {
				t.Errorf("the mistake was recorded:\n%s", s.Text)
			}
		})
	}
}

func TestD10_AWrongLinkSaysNothing(t *testing.T) {
	b := openBrowser(t)
	customer := invite(t, "Fabrikam", "en")
	for _, link := range []string{localtest.URL() + "/consent/nothing", customer.link[:len(customer.link)-1],
		customer.link + "x",
		strings.Replace(customer.link, "/consent/", "/consent/A", 1)} {
		s := b.visit(t, call{URL: link, Width: 320})
		if s.Status != 404 || strings.Contains(s.Text, "Contoso") || strings.Contains(s.Text, "Workshop") {
			t.Errorf("%s shows %d\n%s", link, s.Status, s.Text)
		}
	}
}

func TestS24_AfterTheTimeThePageOnlySaysSo(t *testing.T) {
	b := openBrowser(t)
	customer := invite(t, "Fabrikam", "en")
	localtest.SetClock(t, 30*24*time.Hour)
	s := b.visit(t, call{URL: customer.link, Width: 320, Dark: true})
	if s.Status != 410 || !strings.HasPrefix(s.Title, "Too late") || strings.Contains(s.Text, "12,500") ||
		strings.Contains(s.Text, "Robin") {
		t.Errorf("%d, %q\n%s", s.Status, s.Title, s.Text)
	}
}
