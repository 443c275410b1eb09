package main

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// wizard is a form in one or more steps. What was typed on other steps travels along in the form, so that the server
// keeps nothing and Back loses nothing. "Ask for consent" in consent.go is the example to read.
//
// A request builds the wizard anew, with what its steps need from the API, and calls run: that shows the first step for
// a GET, and for a POST does what the button says. Next judges the step's own fields, then calls its Check; the last
// button calls Send. What either says is wrong is shown at its field, on the step that has the field.
type wizard struct {
	Title  string        // the page's heading
	Lead   []g.Node      // under it, on each step
	Leave  leave         // a link that leaves the form
	Steps  []step        // in order
	Submit string        // the text of the last button
	Danger bool          // the last button takes something away
	Begin  func(f *form) // fills in what a new form starts with
	Send   func(f *form) (address string, err error)
}

// leave is a link that leaves a form, to a claim or to a list.
type leave struct{ address, text string }

// step is one page of a wizard.
type step struct {
	Name    string                 // its heading is the text step.<Name>; "" for the only step of a form
	Fields  []field                // in order
	Load    func(f *form) error    // reads what Content shows; may be nil
	Content func(f *form) []g.Node // before the fields; may be nil
	After   func(f *form) []g.Node // after them; may be nil
	// called on Next; may be nil. It may change the values, and fields that later steps show
	Check func(f *form) error
	// Live says what Check found, shown by script while the fields are filled in; may be nil
	Live func(f *form) g.Node
	CSP  func(f *form) string // of the step's page, in place of the usual policy; may be nil
}

// newKey gives a new Idempotency-Key.
func newKey() string { return rand.Text() }

// run answers a request to the wizard's address.
func (v *visit) run(w wizard) error {
	f := &form{v: v, values: url.Values{}}
	for _, step := range w.Steps {
		f.fields = append(f.fields, step.Fields...)
	}
	if v.r.Method != http.MethodPost {
		f.values.Set("key", newKey())
		if w.Begin != nil {
			w.Begin(f)
		}
		return w.show(f, 0)
	}
	f.values = v.r.PostForm
	at := max(0, slices.IndexFunc(w.Steps, func(s step) bool { return s.Name == f.values.Get("step") }))
	switch f.values.Get("go") {
	case "language":
		return w.show(f, at)
	case "back":
		return w.show(f, max(0, at-1))
	case "send":
		return w.send(f, at)
	case "live":
		return w.live(f, at)
	}
	return w.next(f, at)
}

// next judges a step and shows the one after it.
func (w wizard) next(f *form, at int) error {
	step := w.Steps[at]
	f.require(step.Fields)
	if len(f.problems) == 0 && step.Check != nil {
		if err := step.Check(f); err != nil {
			if err := f.refuse(err); err != nil {
				return err
			}
		}
	}
	if len(f.problems) == 0 && at+1 < len(w.Steps) {
		at++
	}
	return w.show(f, w.stepOfProblem(f, at))
}

// send judges the last step and has the form sent.
func (w wizard) send(f *form, at int) error {
	f.require(w.Steps[at].Fields)
	if len(f.problems) == 0 {
		address, err := w.Send(f)
		if err == nil && len(f.problems) == 0 {
			if address == "" {
				return nil // answered already
			}
			return f.v.seeOther(address)
		}
		if err != nil {
			if err := f.refuse(err); err != nil {
				return err
			}
		}
	}
	return w.show(f, w.stepOfProblem(f, at))
}

// live answers script with what Check says of a step that is being filled in.
func (w wizard) live(f *form, at int) error {
	step := w.Steps[at]
	if step.Live == nil {
		return f.v.problemPage(http.StatusBadRequest, "malformed")
	}
	if err := step.Check(f); err != nil {
		if err := f.refuse(err); err != nil {
			return err
		}
	}
	if len(f.problems) == 0 {
		return f.v.answer(step.Live(f), http.StatusOK)
	}
	sentences := make([]string, len(f.problems))
	for i, problem := range f.problems {
		sentences[i] = problem.sentence
	}
	return f.v.answer(h.P(g.Text(strings.Join(sentences, f.v.words.say("sentenceMark")))), http.StatusOK)
}

// stepOfProblem gives the step with the first field that has a problem, the present one where no step has it.
func (w wizard) stepOfProblem(f *form, at int) int {
	for _, problem := range f.problems {
		for i, step := range w.Steps {
			if slices.ContainsFunc(step.Fields, func(field field) bool { return field.Name == problem.field }) {
				return i
			}
		}
	}
	return at
}

// formID is the form's on a page that has one.
const formID = "form"

// show shows a step.
func (w wizard) show(f *form, at int) error {
	if load := w.Steps[at].Load; load != nil {
		if err := load(f); err != nil {
			if err := f.refuse(err); err != nil {
				return err
			}
			at = w.stepOfProblem(f, at)
		}
	}
	words, step := f.v.words, w.Steps[at]
	var before string
	var heading, progress g.Node
	if step.Name != "" {
		before = words.say("step." + step.Name)
		moved := f.v.r.Method == http.MethodPost && len(f.problems) == 0
		heading = h.H2(h.ID("step"), g.If(moved, g.Group{h.TabIndex("-1"), h.AutoFocus()}),
			words.text("step."+step.Name))
		progress = w.progress(words, at)
	}
	if len(f.problems) > 0 {
		before = words.say("problemTitle")
	}
	content := []g.Node{}
	if step.Content != nil {
		content = step.Content(f)
	}
	for _, field := range step.Fields {
		content = append(content, f.render(field))
	}
	if step.Live != nil {
		content = append(content, h.Div(h.ID("live"), h.Class("live")))
	}
	if step.After != nil {
		content = append(content, step.After(f)...)
	}
	status := 0
	if len(f.problems) > 0 {
		status = http.StatusUnprocessableEntity
		if f.status != 0 {
			status = f.status
		}
	}
	csp := ""
	if step.CSP != nil {
		csp = step.CSP(f)
	}
	return f.v.show(page{
		Title: w.Title, Before: before, Lead: w.Lead, Form: formID, Status: status, CSP: csp,
		Content: []g.Node{progress, f.summary(step.Fields...), h.Form(h.ID(formID), h.Method("post"),
			h.Action(f.v.r.URL.RequestURI()), g.Attr("novalidate"), g.If(f.v.r.Method == http.MethodPost,
				h.Data("typed", "")),
			w.carried(f, at), heading, g.Group(content), w.buttons(words, at)), w.leaving(words)},
	})
}

// leaving is the dialog by which script asks before something typed is left behind.
func (w wizard) leaving(words *words) g.Node {
	return h.Dialog(h.ID("leaving"), h.Aria("labelledby", "leaving-title"),
		h.H2(h.ID("leaving-title"), words.text("leaving")), h.P(words.text("leavingText")),
		h.Form(h.Class("buttons"), h.Method("dialog"),
			h.Button(h.Type("submit"), h.Class("primary"), words.text("stay")),
			h.A(h.Class("button danger"), h.Href(w.Leave.address), words.text("leave"))))
}

// progress lists the steps.
func (w wizard) progress(words *words, at int) g.Node {
	items := make([]g.Node, len(w.Steps))
	for i, step := range w.Steps {
		items[i] = h.Li(g.If(i == at, h.Aria("current", "step")), g.If(i < at, h.Class("past")),
			words.text("step."+step.Name))
	}
	return h.Ol(h.Class("steps"), h.Aria("label", words.say("steps", "n", strconv.Itoa(at+1), "of",
		strconv.Itoa(len(w.Steps)))), g.Group(items))
}

// carried are the values that this step does not show.
func (w wizard) carried(f *form, at int) g.Node {
	notCarried := []string{"step", "go", "language"}
	for _, field := range w.Steps[at].Fields {
		if field.visible(f) {
			notCarried = append(notCarried, field.Name)
		}
	}
	nodes := g.Group{hidden("step", w.Steps[at].Name)}
	names := make([]string, 0, len(f.values))
	for name := range f.values {
		if !slices.Contains(notCarried, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range f.values[name] {
			nodes = append(nodes, hidden(name, value))
		}
	}
	return nodes
}

// buttons come with the one first that Enter presses.
func (w wizard) buttons(words *words, at int) g.Node {
	var buttons []g.Node
	if at+1 < len(w.Steps) {
		buttons = append(buttons, button("primary", "next", words.say("next")))
	} else {
		class := "primary"
		if w.Danger {
			class = "danger"
		}
		buttons = append(buttons, button(class, "send", w.Submit))
	}
	if at > 0 {
		buttons = append(buttons, button("", "back", words.say("back")))
	}
	return h.Div(h.Class("buttons"), g.Group(buttons), h.A(h.ID("leave"), h.Href(w.Leave.address),
		g.Text(w.Leave.text)))
}

// button is one that submits the form and says by "go" which it was.
func button(class, value, text string) g.Node {
	return h.Button(h.Type("submit"), g.If(class != "", h.Class(class)), h.Name("go"), h.Value(value), g.Text(text))
}
