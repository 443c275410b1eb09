package mail

import (
	"crypto/sha256"
	_ "embed" // the templates
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"
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
	showsClaim bool
}{
	Void:            {status: http.StatusNotFound, words: "void", paragraphs: []string{"voidText"}},
	Asking:          {status: http.StatusOK, words: "asking", paragraphs: []string{"askingIntro"}, rows: asked, asking: true, showsClaim: true},
	WrongDecision:   {status: http.StatusUnprocessableEntity, words: "asking", paragraphs: []string{"askingIntro"}, rows: asked, asking: true, showsClaim: true, problem: "errorDecision"},
	ReasonTooLong:   {status: http.StatusUnprocessableEntity, words: "asking", paragraphs: []string{"askingIntro"}, rows: asked, asking: true, showsClaim: true, problem: "errorReason"},
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

// Render returns the page in a language with its status and its headers. A HEAD is answered with the same less the body.
// The error can only be one of the build: a template or a text that does not fit, which the tests rule out.
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
	v := view{telling: t, Style: template.CSS(pageStyle), Accepted: p.State == Accepted,
		Recorded: p.State == Accepted || p.State == Declined, Asking: state.asking,
		ReasonProblem: p.State == ReasonTooLong, DecisionProblem: p.State == WrongDecision}
	if err := v.write(p, state.words, state.paragraphs, state.rows, state.problem); err != nil {
		return 0, nil, "", err
	}
	parsed, err := pageTemplate()
	if err != nil {
		return 0, nil, "", fmt.Errorf("parsing the consent page: %w", err)
	}
	var b strings.Builder
	if err := parsed.Execute(&b, v); err != nil {
		return 0, nil, "", fmt.Errorf("rendering the consent page: %w", err)
	}
	return state.status, headers(p.State, t.Locale), b.String(), nil
}

// view is what the page's template reads.
type view struct {
	*telling
	Title           string
	Style           template.CSS
	Heading         *phrase
	Paragraphs      []*phrase
	Rows            []row
	Asking          bool
	Accepted        bool
	Recorded        bool // there is an answer to tell of
	Problem         *phrase
	ReasonProblem   bool
	DecisionProblem bool
	Reason          string
}

// Version goes with the answer: it names the text that was read.
func (v view) Version() string { return v.version }

// ProblemField is where the problem is put right.
func (v view) ProblemField() string {
	if v.ReasonProblem {
		return "reason"
	}
	return "decision"
}

// write fills in the sentences of a state.
func (v *view) write(p Page, words string, paragraphs, rows []string, problem string) error {
	title, err := v.Say(words + "Title")
	if err != nil {
		return err
	}
	v.values["answer"] = part{text: title.String()}
	titles := []string{title.String()}
	if problem != "" {
		v.Reason = p.Reason
		if v.Problem, err = v.Say(problem); err != nil {
			return err
		}
		wrong, err := v.Say("errorTitle")
		if err != nil {
			return err
		}
		titles[0] = wrong.String() + ": " + titles[0]
	}
	if engagement := v.Value("engagement"); engagement != nil {
		titles = append(titles, engagement.String())
	}
	v.Title = strings.Join(append(titles, "MCI"), " – ")
	if v.Heading, err = v.Say(words + "Heading"); err != nil {
		return err
	}
	for _, key := range paragraphs {
		// Without the claim, what speaks of it is left out.
		if (key == "lateDue" && v.Value("due") == nil) || (key == "latePartner" && v.Value("partner") == nil) {
			continue
		}
		paragraph, err := v.Say(key)
		if err != nil {
			return err
		}
		v.Paragraphs = append(v.Paragraphs, paragraph)
	}
	if v.Rows, err = v.rows(rows...); err != nil {
		return err
	}
	contact, err := v.contactRow(p.Ask)
	v.Rows = append(v.Rows, contact...)
	return err
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

var (
	//go:embed templates/page.html
	pageSource string
	//go:embed templates/page.css
	pageStyle string

	pageTemplate = sync.OnceValues(func() (*template.Template, error) {
		return template.New("page").Option("missingkey=error").Parse(pageSource)
	})
	styleHash = sync.OnceValue(func() string {
		sum := sha256.Sum256([]byte(pageStyle))
		return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	})
)
