package mail

import (
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// State is what the consent page has to say.
type State int

// The states of the page. The zero one tells nothing of any claim.
const (
	Void            State = iota // 404: a link that is unknown, voided, or whose claim has ended some other way
	Asking                       // 200: to be answered
	WrongDecision                // 422: asks again, for the form named neither accept nor decline
	ReasonTooLong                // 422: asks again, for a shorter reason
	Accepted                     // 200: what was recorded, and when
	Declined                     // 200: what was recorded, and when
	TooLate                      // 410: the time to answer has ended
	Unreadable                   // 400: a form that is none
	NotAllowed                   // 405: a method that the page does not have
	TooLarge                     // 413: a form of more bytes than any answer needs
	UnsupportedForm              // 415: something other than a form
	Unavailable                  // 503: the same link or form again, in a moment
)

// states says of each state how it is answered, and which sentences say so: <words>Title, <words>Heading and those
// named. Only states that show the claim are given any of it.
var states = map[State]struct {
	status     int
	words      string
	paragraphs []string
	rows       []string
	asking     bool
	problem    string // the sentence that says what was wrong
	field      string // where that is put right
	showsClaim bool
}{
	Void:            {status: http.StatusNotFound, words: "void", paragraphs: []string{"voidText"}},
	Asking:          {status: http.StatusOK, words: "asking", paragraphs: []string{"askingIntro"}, rows: asked, asking: true, showsClaim: true},
	WrongDecision:   {status: http.StatusUnprocessableEntity, words: "asking", paragraphs: []string{"askingIntro"}, rows: asked, asking: true, showsClaim: true, problem: "errorDecision", field: "decision"},
	ReasonTooLong:   {status: http.StatusUnprocessableEntity, words: "asking", paragraphs: []string{"askingIntro"}, rows: asked, asking: true, showsClaim: true, problem: "errorReason", field: "reason"},
	Accepted:        {status: http.StatusOK, words: "accepted", paragraphs: []string{"acceptedText", "stands"}, rows: decided, showsClaim: true},
	Declined:        {status: http.StatusOK, words: "declined", paragraphs: []string{"declinedText", "stands"}, rows: decided, showsClaim: true},
	TooLate:         {status: http.StatusGone, words: "late", paragraphs: []string{"lateText", "lateDue", "latePartner"}, rows: ended, showsClaim: true},
	Unreadable:      {status: http.StatusBadRequest, words: "unreadable", paragraphs: []string{"unreadableText"}},
	NotAllowed:      {status: http.StatusMethodNotAllowed, words: "method", paragraphs: []string{"methodText"}},
	TooLarge:        {status: http.StatusRequestEntityTooLarge, words: "large", paragraphs: []string{"largeText"}},
	UnsupportedForm: {status: http.StatusUnsupportedMediaType, words: "unreadable", paragraphs: []string{"unreadableText"}},
	Unavailable:     {status: http.StatusServiceUnavailable, words: "again", paragraphs: []string{"againText"}},
}

var (
	asked   = []string{"partner", "engagement", "customer", "payout", "asked", "due"}
	decided = []string{"answer", "decided", "engagement", "partner"}
	ended   = []string{"engagement", "partner"}
)

// Page is the consent page in one of its states. States that do not show the claim need no Ask, and show nothing of one
// that is given; TooLate without one says only that the time is over.
//
// The form posts decision (accept or decline), reason and version (TextVersion of what was read) to the page's own
// address. A line end in the reason counts as one character for the browser, which then sends two, CR LF.
//
// A POST from this page carries "Origin: null", as it must under its Referrer-Policy: the link's token alone is what
// makes an answer the customer's.
type Page struct {
	State     State
	Ask       Ask
	DecidedAt time.Time // of Accepted and Declined
	Reason    string    // what was typed, to be shown again with WrongDecision and ReasonTooLong
}

// Head returns the page's status and headers in a language: all that a HEAD asks for.
func (p Page) Head(l Locale) (status int, header map[string]string) {
	return states[p.State].status, headers(p.State, l)
}

// Render returns the page in a language with its status and its headers. The error can only be one of the build: texts that
// cannot be read or lack a sentence, which the tests rule out.
func (p Page) Render(l Locale) (status int, header map[string]string, body string, err error) {
	state, ok := states[p.State]
	if !ok {
		return 0, nil, "", fmt.Errorf("the consent page has no state %d", p.State)
	}
	if !state.showsClaim {
		p.Ask = Ask{}
	}
	t, err := tell(l, p.Ask, p.DecidedAt)
	if err != nil {
		return 0, nil, "", err
	}
	document := p.document(t)
	if t.err != nil {
		return 0, nil, "", fmt.Errorf("writing the consent page: %w", t.err)
	}
	var b strings.Builder
	b.Grow(16 << 10)
	if err := document.Render(&b); err != nil {
		return 0, nil, "", fmt.Errorf("rendering the consent page: %w", err)
	}
	status, header = p.Head(t.locale)
	return status, header, b.String(), nil
}

// document is the page as HTML.
func (p Page) document(t *telling) g.Node {
	state := states[p.State]
	says := t.say(state.words + "Title").String() // what the page says in short, of a decision the answer itself
	t.values["answer"] = part{text: says}
	content := p.answered
	if state.asking {
		content = p.asking
	}
	return h.Doctype(h.HTML(h.Lang(string(t.locale)), h.Dir(t.Direction),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.TitleEl(g.Text(title(t, says, state.problem != ""))),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("robots"), h.Content("noindex, nofollow")),
			h.StyleEl(g.Raw(pageStyle)),
		),
		h.Body(
			h.Header(h.P(h.Strong(g.Text("MCI")), g.Text(" · "), t.say("consentPage"))),
			h.Main(content(t)...),
			h.Footer(h.P(t.say("program"))),
		),
	))
}

// title names what the page says, what it is about, and the program; that something is wrong comes first.
func title(t *telling, says string, wrong bool) string {
	titles := []string{says}
	if wrong {
		titles[0] = t.say("errorTitle").String() + ": " + says
	}
	if engagement := t.value("engagement"); engagement != nil {
		titles = append(titles, engagement.String())
	}
	return strings.Join(append(titles, "MCI"), " – ")
}

// asking is the page of a claim that is to be answered: what is wrong with the last try, what is asked, what it means, the form.
func (p Page) asking(t *telling) []g.Node {
	state := states[p.State]
	var nodes []g.Node
	if state.problem != "" {
		nodes = append(nodes, h.Div(h.Class("summary"), h.Role("alert"), h.TabIndex("-1"), h.AutoFocus(), labelledBy("problem-title"),
			h.H2(h.ID("problem-title"), t.say("errorHeading")),
			h.P(h.A(h.Href("#"+state.field), t.say(state.problem))),
		))
	}
	nodes = append(nodes, h.H1(t.say(state.words+"Heading")))
	for _, key := range state.paragraphs {
		nodes = append(nodes, h.P(h.Class("lead"), t.say(key)))
	}
	nodes = append(nodes, summary(t, state.rows))
	for i, s := range t.sections() {
		id := "section-" + strconv.Itoa(i)
		section := []g.Node{labelledBy(id), h.H2(h.ID(id), s.title)}
		if s.items != nil {
			section = append(section, h.Ol(g.Map(s.items, func(item phrase) g.Node { return h.Li(item) })))
		}
		if s.text != nil {
			section = append(section, h.P(s.text))
		}
		nodes = append(nodes, h.Section(section...))
	}
	return append(nodes, p.form(t))
}

// form is where the customer answers. What is wrong stands at the field that it is about.
func (p Page) form(t *telling) g.Node {
	state := states[p.State]
	problem := func(field string) (told g.Node, describedBy string) {
		if state.field != field {
			return nil, ""
		}
		id := field + "-problem"
		return h.P(h.Class("problem"), h.ID(id), t.say(state.problem)), id
	}
	reasonProblem, reasonProblemID := problem("reason")
	decisionProblem, decisionProblemID := problem("decision")
	reason := ""
	if state.problem != "" {
		reason = p.Reason
	}
	return h.Form(h.Method("post"), labelledBy("answer"),
		h.H2(h.ID("answer"), t.say("answerTitle")),
		h.P(t.say("answerIntro")),
		h.Input(h.Type("hidden"), h.Name("version"), h.Value(t.version)),
		h.Label(h.For("reason"), t.say("reason")),
		h.P(h.Class("hint"), h.ID("reason-hint"), t.say("reasonHint")),
		reasonProblem,
		h.Textarea(h.ID("reason"), h.Name("reason"), h.Rows("3"), h.MaxLength("500"), describedBy("reason-hint", reasonProblemID),
			g.If(reasonProblem != nil, h.Aria("invalid", "true")),
			g.Text("\n"+reason), // browsers take one line end away
		),
		decisionProblem,
		h.Div(h.Class("choice"),
			h.Button(h.ID("decision"), h.Class("accept"), h.Name("decision"), h.Value("accept"), describedBy(decisionProblemID), t.say("accept")),
			h.Button(h.Name("decision"), h.Value("decline"), describedBy(decisionProblemID), t.say("decline")),
		),
	)
}

// answered is the page where there is nothing to answer.
func (p Page) answered(t *telling) []g.Node {
	state := states[p.State]
	class, recorded := "status", p.State == Accepted || p.State == Declined
	if p.State == Accepted {
		class += " accepted"
	}
	told := []g.Node{h.Class(class), g.If(recorded, h.Role("status")), h.H1(t.say(state.words + "Heading"))}
	for _, key := range state.paragraphs {
		// Without the claim, what speaks of it is left out.
		if key == "lateDue" && t.value("due") == nil || key == "latePartner" && t.value("partner") == nil {
			continue
		}
		told = append(told, h.P(t.say(key)))
	}
	return []g.Node{h.Div(told...), summary(t, state.rows)}
}

// summary is the lines that say what the claim is, the partner's contact last; nothing where there are none.
func summary(t *telling, keys []string) g.Node {
	var lines []g.Node
	for _, row := range t.rows(keys...) {
		lines = append(lines, h.Div(h.Dt(row.label), h.Dd(row.value)))
	}
	if address := t.ask.PartnerContactEmail; address != "" {
		var name g.Node
		if t.ask.PartnerContactName != "" {
			name = g.Group{t.value("partnerContact"), h.Br()}
		}
		// Escaped whole, for what follows a question mark would be more than an address.
		lines = append(lines, h.Div(h.Dt(t.say("partnerContact")), h.Dd(name, h.A(h.Href("mailto:"+url.PathEscape(address)), g.Text(address)))))
	}
	if lines == nil {
		return nil
	}
	return h.Dl(lines...)
}

func labelledBy(id string) g.Node { return h.Aria("labelledby", id) }

// describedBy names the elements that describe one, those that there are; nothing where there are none.
func describedBy(ids ...string) g.Node {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	if len(ids) == 0 {
		return nil
	}
	return h.Aria("describedby", strings.Join(ids, " "))
}

// headers are those of every page: nothing from elsewhere is loaded, nothing is kept, framed or told to others, and the
// link's secret goes nowhere.
func headers(s State, l Locale) map[string]string {
	h := map[string]string{
		"Content-Type":     "text/html; charset=utf-8",
		"Content-Language": string(l),
		"Content-Security-Policy": "default-src 'none'; style-src '" + styleHash() + "'; form-action 'self'; " +
			"base-uri 'none'; frame-ancestors 'none'",
		"Cache-Control":                "no-store",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"X-Robots-Tag":                 "noindex, nofollow, noarchive",
		"Strict-Transport-Security":    "max-age=63072000; includeSubDomains",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	}
	switch s {
	case NotAllowed:
		h["Allow"] = "GET, HEAD, POST"
	case Unavailable:
		h["Retry-After"] = "5"
	}
	return h
}

//go:embed page.css
var pageStyle string

var styleHash = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
})
