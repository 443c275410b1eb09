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

// The states of the page. The zero one says nothing of any claim.
const (
	Void             State = iota // 404: a link that is unknown, voided, or whose claim has ended some other way
	Asking                        // 200: to be answered
	WrongDecision                 // 422: asks again, for the form named neither accept nor decline
	ReasonTooLong                 // 422: asks again, for a shorter reason
	StatementChanged              // 422: asks again, for the answer was to another statement than the present one (D27)
	Accepted                      // 200: what was recorded, and when
	Declined                      // 200: what was recorded, and when
	TooLate                       // 410: the time to answer has ended
	Unreadable                    // 400: a body that is no form
	NotAllowed                    // 405: a method that the page does not have
	TooLarge                      // 413: a form of more bytes than any answer needs
	UnsupportedForm               // 415: a body of another type than a form
	Unavailable                   // 503: the same link or form again, in a moment
)

// states says of each state its status and its sentences: <words>Title, <words>Heading and those named. Only states
// that show the claim are given any of it.
var states = map[State]struct {
	status     int
	words      string
	paragraphs []string
	rows       []placeholder
	problem    string // the sentence that says what was wrong
	field      string // where that is put right
	showsClaim bool
}{
	Void:   {status: http.StatusNotFound, words: "void", paragraphs: []string{"voidText"}},
	Asking: {status: http.StatusOK, words: "asking", showsClaim: true},
	WrongDecision: {status: http.StatusUnprocessableEntity, words: "asking", showsClaim: true,
		problem: "errorDecision", field: "decision"},
	ReasonTooLong: {status: http.StatusUnprocessableEntity, words: "asking", showsClaim: true,
		problem: "errorReason", field: "reason"},
	StatementChanged: {status: http.StatusUnprocessableEntity, words: "asking", showsClaim: true,
		problem: "errorStatement", field: "statement"},
	Accepted: {status: http.StatusOK, words: "accepted", paragraphs: []string{"acceptedText", "stands"},
		rows: decisionFacts, showsClaim: true},
	Declined: {status: http.StatusOK, words: "declined", paragraphs: []string{"declinedText", "stopped", "stands"},
		rows: decisionFacts, showsClaim: true},
	TooLate: {status: http.StatusGone, words: "late", paragraphs: []string{"lateText", "lateDue", "latePartner"},
		rows: []placeholder{engagement, partner}, showsClaim: true},
	Unreadable: {status: http.StatusBadRequest, words: "unreadable", paragraphs: []string{"unreadableText"}},
	NotAllowed: {status: http.StatusMethodNotAllowed, words: "method", paragraphs: []string{"methodText"}},
	TooLarge:   {status: http.StatusRequestEntityTooLarge, words: "large", paragraphs: []string{"largeText"}},
	UnsupportedForm: {status: http.StatusUnsupportedMediaType, words: "unreadable",
		paragraphs: []string{"unreadableText"}},
	Unavailable: {status: http.StatusServiceUnavailable, words: "again", paragraphs: []string{"againText"}},
}

// decisionFacts are the facts of a decision.
var decisionFacts = []placeholder{answer, decided, engagement, partner}

// Page is the consent page in one of its states. States that do not show the claim need no Question, and show nothing
// of one that is given; TooLate without one says only that the time is over.
//
// Two forms post to the page's own address, so that a reason or a tick never goes with accepting: one decision=accept;
// the other decision=decline, reason, and stop=yes where it was ticked (D26). Both post statement, the hash of the
// statement that was shown (D27). A line end in the reason counts as one character for the browser, which then sends
// two, CR LF.
//
// A POST from this page carries "Origin: null", as it must under its Referrer-Policy: the link's token alone is what
// makes an answer the customer's.
type Page struct {
	State     State
	Question  ConsentQuestion
	DecidedAt time.Time // of Accepted and Declined
	Receipt   string    // the receipt's path, of Accepted and Declined
	Reason    string    // as typed, to be shown again with the 422s
	Stop      bool      // as ticked, to be shown again with the 422s; with Declined it was recorded
}

// Head returns the page's status and headers in a language: all that a HEAD asks for.
func (p Page) Head(l Locale) (status int, header map[string]string) {
	return states[p.State].status, headers(p.State, existing(l))
}

// Render returns the page in a language with its status and its headers. The error can only be one of the build: texts
// that cannot be read or lack a sentence, which the tests rule out.
func (p Page) Render(l Locale) (status int, header map[string]string, body string, err error) {
	state, ok := states[p.State]
	if !ok {
		return 0, nil, "", fmt.Errorf("the consent page has no state %d", p.State)
	}
	var w *writer
	if state.showsClaim {
		w, err = p.Question.writer(l)
	} else {
		p.Question = ConsentQuestion{}
		w, err = newWriter(l)
	}
	if err != nil {
		return 0, nil, "", err
	}
	w.instant(decided, p.DecidedAt)
	document := p.document(w)
	if err := w.failure("the consent page"); err != nil {
		return 0, nil, "", err
	}
	var b strings.Builder
	b.Grow(16 << 10)
	if err := document.Render(&b); err != nil {
		return 0, nil, "", fmt.Errorf("rendering the consent page: %w", err)
	}
	status, header = p.Head(l)
	return status, header, b.String(), nil
}

// document is the page as HTML.
func (p Page) document(w *writer) g.Node {
	state := states[p.State]
	title := w.sentence(state.words + "Title").String() // the page in short, of a decision the answer itself
	w.words(answer, title)
	content := p.answered
	if state.words == "asking" {
		content = p.asking
	}
	return h.Doctype(h.HTML(h.Lang(string(w.locale)), h.Dir(w.Direction),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.TitleEl(g.Text(pageTitle(w, title, state.problem != ""))),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("robots"), h.Content("noindex, nofollow")),
			h.StyleEl(g.Raw(pageStyle)),
		),
		h.Body(
			h.Header(h.P(h.Strong(g.Text("MCI")), g.Text(" · "), w.sentence("consentPage"))),
			h.Main(content(w)...),
			h.Footer(h.P(w.sentence("program"))),
		),
	))
}

// pageTitle names the page in short, the engagement, and the program; an error comes first.
func pageTitle(w *writer, title string, isError bool) string {
	if isError {
		title = w.sentence("errorTitle").String() + ": " + title
	}
	titles := []string{title}
	if engagement := w.value(engagement); engagement != nil {
		titles = append(titles, engagement.String())
	}
	return strings.Join(append(titles, "MCI"), " – ")
}

// asking is the page of a claim that is to be answered: the mistake in the last try, the statement, the forms.
func (p Page) asking(w *writer) []g.Node {
	state := states[p.State]
	var nodes []g.Node
	if state.problem != "" {
		nodes = append(nodes, h.Div(h.Class("summary"), h.Role("alert"), h.TabIndex("-1"), h.AutoFocus(),
			labelledBy("problem-title"),
			h.H2(h.ID("problem-title"), w.sentence("errorHeading")),
			h.P(h.A(h.Href("#"+state.field), w.sentence(state.problem))),
		))
	}
	parts := w.statementParts()
	nodes = append(nodes, h.H1(h.ID("statement"), parts.heading), h.P(h.Class("lead"), parts.introduction),
		p.summary(w, parts.facts))
	for i, s := range parts.sections {
		id := "section-" + strconv.Itoa(i)
		section := []g.Node{labelledBy(id), h.H2(h.ID(id), s.title)}
		if s.numbered {
			section = append(section, h.Ol(g.Map(s.paragraphs, func(item phrase) g.Node { return h.Li(item) })))
		} else {
			section = append(section, g.Map(s.paragraphs, func(text phrase) g.Node { return h.P(text) }))
		}
		nodes = append(nodes, h.Section(section...))
	}
	return append(nodes, p.forms(w, parts.statement(w).Hash()))
}

// forms are where the customer answers. A mistake stands at the field that it is about.
func (p Page) forms(w *writer, statementHash string) g.Node {
	state := states[p.State]
	problem := func(field string) (message g.Node, describedBy string) {
		if state.field != field {
			return nil, ""
		}
		id := field + "-problem"
		return h.P(h.Class("problem"), h.ID(id), w.sentence(state.problem)), id
	}
	decisionProblem, decisionProblemID := problem("decision")
	reasonProblem, reasonProblemID := problem("reason")
	if state.problem == "" {
		p.Reason, p.Stop = "", false
	}
	statement := h.Input(h.Type("hidden"), h.Name("statement"), h.Value(statementHash))
	return h.Section(h.Class("answer"), labelledBy("answer"),
		h.H2(h.ID("answer"), w.sentence("answerTitle")),
		h.P(w.sentence("answerIntro")),
		decisionProblem,
		h.Form(h.Method("post"), statement,
			h.Button(h.ID("decision"), h.Class("accept"), h.Name("decision"), h.Value("accept"),
				describedBy(decisionProblemID), w.sentence("accept")),
		),
		h.Form(h.Method("post"), labelledBy("declining"), statement,
			h.H3(h.ID("declining"), w.sentence("declineHeading")),
			h.Label(h.For("reason"), w.sentence("reasonForDeclining")),
			h.P(h.Class("hint"), h.ID("reason-hint"), w.sentence("reasonHint")),
			reasonProblem,
			h.Textarea(h.ID("reason"), h.Name("reason"), h.Rows("3"), h.MaxLength("500"),
				describedBy("reason-hint", reasonProblemID),
				g.If(reasonProblem != nil, h.Aria("invalid", "true")),
				g.Text("\n"+p.Reason), // browsers take one line end away
			),
			h.Div(h.Class("tick"),
				h.Input(h.Type("checkbox"), h.ID("stop"), h.Name("stop"), h.Value("yes"), g.If(p.Stop, h.Checked()),
					describedBy("stop-hint")),
				h.Label(h.For("stop"), w.sentence("stop")),
			),
			h.P(h.Class("hint"), h.ID("stop-hint"), w.sentence("stopHint")),
			h.Button(h.Name("decision"), h.Value("decline"), describedBy(decisionProblemID), w.sentence("decline")),
		),
	)
}

// answered is the page where there is nothing to answer.
func (p Page) answered(w *writer) []g.Node {
	state := states[p.State]
	class, recorded := "status", p.State == Accepted || p.State == Declined
	if p.State == Accepted {
		class += " accepted"
	}
	status := []g.Node{h.Class(class), g.If(recorded, h.Role("status")), h.H1(w.sentence(state.words + "Heading"))}
	for _, key := range state.paragraphs {
		// Without the claim, or without a stop, the sentences about it are left out.
		if key == "lateDue" && w.value(due) == nil || key == "latePartner" && w.value(partner) == nil ||
			key == "stopped" && !p.Stop {
			continue
		}
		status = append(status, h.P(w.sentence(key)))
	}
	nodes := []g.Node{h.Div(status...), p.summary(w, w.rows(state.rows...))}
	if recorded && p.Receipt != "" {
		nodes = append(nodes, h.Section(labelledBy("receipt"),
			h.H2(h.ID("receipt"), w.sentence("receiptTitle")),
			h.P(w.sentence("receiptText")),
			h.P(h.A(h.Class("download"), h.Href(p.Receipt), w.sentence("receiptLink"))),
		))
	}
	return nodes
}

// summary is the facts, and the partner's contact last; nothing where there are none.
func (p Page) summary(w *writer, facts []row) g.Node {
	var lines []g.Node
	for _, fact := range facts {
		lines = append(lines, h.Div(h.Dt(fact.label), h.Dd(fact.value)))
	}
	if address := OneLine(p.Question.PartnerContactEmail); address != "" {
		var name g.Node
		if OneLine(p.Question.PartnerContactName) != "" {
			name = g.Group{w.value(partnerContact), h.Br()}
		}
		// Escaped whole, for what follows a question mark would be more than an address.
		lines = append(lines, h.Div(h.Dt(w.sentence("partnerContact")),
			h.Dd(name, h.A(h.Href("mailto:"+url.PathEscape(address)), g.Text(address)))))
	}
	if lines == nil {
		return nil
	}
	return h.Dl(lines...)
}

func labelledBy(id string) g.Node { return h.Aria("labelledby", id) }

// describedBy names the elements that describe one; empty IDs are left out.
func describedBy(ids ...string) g.Node {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	if len(ids) == 0 {
		return nil
	}
	return h.Aria("describedby", strings.Join(ids, " "))
}

// headers are those of every page: it loads nothing from elsewhere, is neither stored nor framed, and gives the link's
// secret to nobody.
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
