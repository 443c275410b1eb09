package main

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// field is a field of a form. Its label is the text field.<Name>, its hint, if there is one, hint.<Name>.
type field struct {
	Name     string // of the form's value, and the ID of the input
	Kind     kind
	Pointer  string // where the API's body has it, so that a mistake there stands at this field
	Optional bool
	Judged   bool     // whether it is needed is the API's to say
	Options  []option // of choices
	Max      int      // characters
	Latest   string   // of a date
	Shown    func(f *form) bool
}

// kind says how a field is filled in.
type kind string

// The kinds of fields.
const (
	textField     kind = "text"
	emailField    kind = "email"
	phoneField    kind = "tel"
	amountField   kind = "amount"
	numberField   kind = "number"
	dateField     kind = "date"
	longField     kind = "long"     // several lines
	selectField   kind = "select"   // one of Options
	radioField    kind = "radio"    // one of Options, all in sight
	checkboxField kind = "checkbox" // any of Options
	consentField  kind = "consent"  // one checkbox, whose label is the field's
)

// option is one choice of a field. Hint, which may be nil, describes it.
type option struct {
	Value, Text string
	Hint        g.Node
}

// form is what was typed so far, and what is wrong with it.
type form struct {
	v        *visit
	values   url.Values
	fields   []field // all of them, whatever step they are on
	problems []fieldProblem
	status   int // of the page where there are problems
}

// fieldProblem is a sentence at a field, or of the form as a whole where the field is "". Address, which may be "", is
// where the sentence leads instead.
type fieldProblem struct{ field, sentence, address string }

// get gives a value without the spaces around it.
func (f *form) get(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// whole gives a value as a whole number, 0 where it is none.
func (f *form) whole(name string) int {
	n, err := strconv.Atoi(f.get(name))
	if err != nil {
		return 0
	}
	return n
}

// note notes a problem at a field, each once.
func (f *form) note(field, sentence string) { f.add(fieldProblem{field: field, sentence: sentence}) }

func (f *form) add(problem fieldProblem) {
	if !slices.Contains(f.problems, problem) {
		f.problems = append(f.problems, problem)
	}
}

// problemsAt gives the sentences at a field, "" where there is none.
func (f *form) problemsAt(name string) string {
	var sentences []string
	for _, problem := range f.problems {
		if problem.field == name {
			sentences = append(sentences, problem.sentence)
		}
	}
	return joined(f.v.words, sentences)
}

// ask has a field be shown from now on that is asked only where it is needed.
func (f *form) ask(name string) {
	if !f.asks(name) {
		f.values.Add("asks", name)
	}
}

// asks says whether that field is shown.
func (f *form) asks(name string) bool { return slices.Contains(f.values["asks"], name) }

// require notes each field that must be filled in and is not.
func (f *form) require(fields []field) {
	for _, field := range fields {
		if !field.Optional && !field.Judged && field.visible(f) && f.get(field.Name) == "" {
			f.note(field.Name, f.v.words.say(requiredKey(field.Kind), "field", f.v.label(field)))
		}
	}
}

func requiredKey(k kind) string {
	switch k {
	case selectField, radioField, checkboxField:
		return "mistake.choose"
	case consentField:
		return "problem.disclaimer-required"
	}
	return "mistake.required"
}

func (field field) visible(f *form) bool { return field.Shown == nil || field.Shown(f) }

// fieldOfCode is where the problem of a code is put right: the first that a form has.
var fieldOfCode = map[string][]string{
	"mismatch-reason-required": {"mismatchReason"},
	"recipient-opted-out":      {"customerEmail"},
	"customer-not-found":       {"idValue", "opportunityId"},
	"tenant-not-found":         {"idValue"},
	"single-engagement-only":   {"engagementIds"},
	"hours-required":           {"hours"},
	"not-eligible":             {"engagementIds"},
	"location-not-granted":     {"locationId"},
	"disclaimer-required":      {"disclaimerAccepted"},
	"disclaimer-changed":       {"disclaimerAccepted"},
	"deal-size-required":       {"dealSize"},
	"deal-size-immutable":      {"dealSize"},
}

// refuse notes what the API says is wrong, each at its field. An error that is not about what was typed is given back.
func (f *form) refuse(err error) error {
	p := problemOf(err)
	if p == nil || p.Status == http.StatusUnauthorized || p.Status == http.StatusNotFound || p.Code == "forbidden" {
		return err
	}
	f.status = f.v.statusOf(p)
	for _, mistake := range p.Errors {
		at := f.fieldAt(mistake.Pointer)
		f.note(at.Name, f.v.mistake(f.v.label(at), mistake.Detail))
	}
	if len(p.Errors) > 0 {
		return nil
	}
	noted := fieldProblem{sentence: f.v.sentence(p)}
	for _, name := range fieldOfCode[p.Code] {
		if slices.ContainsFunc(f.fields, func(field field) bool { return field.Name == name }) {
			noted.field = name
			f.ask(name)
			break
		}
	}
	switch p.Code {
	case "claim-exists":
		if p.ClaimID != "" {
			noted.address = "/portal/claims/" + url.PathEscape(p.ClaimID)
		}
	case "not-eligible":
		for _, verdict := range p.Ineligible {
			noted.sentence += " " + verdict.Name + ": " + strings.Join(f.v.reasons(verdict.Reasons), " ")
		}
	case "disclaimer-changed":
		f.values.Del("disclaimerAccepted") // it is another one that is to be read
	case "idempotency-key-reused":
		f.values.Set("key", newKey())
	}
	f.add(noted)
	return nil
}

// fieldAt gives the field at a pointer into the API's body, or above it; the zero value where there is none.
func (f *form) fieldAt(pointer string) field {
	if pointer == "/customerEmail" { // as a check names it
		pointer = "/customerContact/email"
	}
	for _, field := range f.fields {
		if field.Pointer != "" && (pointer == field.Pointer || strings.HasPrefix(pointer, field.Pointer+"/")) {
			return field
		}
	}
	return field{}
}

// mistakes are what the API can say of a value, and the sentences that say it in the user's language. They are compiled
// where they are needed, so that a process starts sooner.
var mistakes = []struct{ detail, key string }{
	{`^(is required|must not be blank|must not be empty|must be a text)`, "mistake.required"},
	{`own$`, "mistake.ownAddress"},
	{`at a domain of your company: (.+)`, "mistake.partnerDomain"},
	{`language tag`, "mistake.locale"},
	{`one of (.+)`, "mistake.oneOf"},
	{`1 to (\d+) entries`, "mistake.entries"},
	{`must have at most (\d+) characters`, "mistake.long"},
	{`email address`, "mistake.email"},
	{`phone`, "mistake.phone"},
	{`must be at most ([\d.]+)`, "mistake.most"},
	{`decimal number`, "mistake.amount"},
	{`whole number from 1 to (\d+)`, "mistake.whole"},
	{`one line`, "mistake.line"},
	{`character U\+`, "mistake.character"},
	{`link|web address`, "mistake.link"},
	{`after today`, "mistake.future"},
	{`before`, "mistake.past"},
	{`a date is`, "mistake.date"},
	{`a domain is`, "mistake.domain"},
	{`a TPID is`, "mistake.tpid"},
	{`MSX opportunity ID is`, "mistake.opportunity"},
	{`GUID`, "mistake.guid"},
	{`a location`, "mistake.location"},
	{`engagement`, "mistake.engagement"},
}

// mistake says in a sentence what is wrong with a value.
func (v *visit) mistake(label, detail string) string {
	for _, known := range mistakes {
		if found := regexp.MustCompile(known.detail).FindStringSubmatch(detail); found != nil {
			n := ""
			if len(found) > 1 {
				n = found[1]
			}
			return v.words.say(known.key, "field", label, "n", n)
		}
	}
	return v.words.say("mistake.other", "field", label, "detail", detail)
}

// sentence says in the user's language why the API refused, and when to try again.
func (v *visit) sentence(p *problem) string {
	key := "problem." + p.Code
	if !v.words.knows(key) {
		key = "problem." + unavailable
	}
	sentence := v.words.say(key)
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		sentence += v.words.say("sentenceMark") + v.retryAfter(p.RetryAfter)
	}
	return sentence
}

// label gives a field's name for its reader.
func (v *visit) label(field field) string {
	if field.Name == "" {
		return v.words.say("form")
	}
	return v.words.say("field." + field.Name)
}

// maxForm is how many bytes a form may have, as many as a function is given.
const maxForm = 6 << 20

// parseForm reads a posted form of either encoding.
func parseForm(r *http.Request) error {
	if r.PostForm != nil {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && mediaType == "multipart/form-data":
		if err := r.ParseMultipartForm(maxForm); err != nil {
			return err
		}
		carryFile(r)
		return nil
	case r.ContentLength > 0 && mediaType != "application/x-www-form-urlencoded":
		return errNoForm
	}
	return r.ParseForm()
}

var errNoForm = errors.New("the body is no form")

func (v *visit) refusedForm(error) error { return v.problemPage(http.StatusBadRequest, "malformed") }

// summary lists all that is wrong, each linked to its field if the page shows it, and takes the focus; nil where
// nothing is.
func (f *form) summary(shown ...field) g.Node {
	if len(f.problems) == 0 {
		return nil
	}
	items := make([]g.Node, len(f.problems))
	for i, problem := range f.problems {
		switch {
		case problem.address != "":
			items[i] = h.Li(link(problem.address, problem.sentence))
		case slices.ContainsFunc(shown, func(s field) bool { return s.Name == problem.field && s.visible(f) }):
			items[i] = h.Li(link("#"+problem.field, problem.sentence))
		default:
			items[i] = h.Li(g.Text(problem.sentence))
		}
	}
	return h.Div(h.Class("summary"), h.Role("alert"), h.TabIndex("-1"), h.AutoFocus(), h.Aria("labelledby", "summary"),
		h.H2(h.ID("summary"), f.v.words.text("summary")), h.Ul(items...))
}

// render gives a field with its label, its hint, what is wrong with it, and what was typed.
func (f *form) render(field field) g.Node {
	if !field.visible(f) {
		return nil
	}
	w := f.v.words
	label := f.v.label(field)
	if field.Optional {
		label += " " + w.say("optional")
	}
	var described []string
	var hint, problem g.Node
	if key := "hint." + field.Name; w.knows(key) {
		id := field.Name + "-hint"
		hint, described = h.P(h.Class("hint"), h.ID(id), w.text(key)), append(described, id)
	}
	sentence := f.problemsAt(field.Name)
	if sentence != "" {
		id := field.Name + "-problem"
		problem, described = h.P(h.Class("problem"), h.ID(id), g.Text(sentence)), append(described, id)
	}
	describedBy := g.If(len(described) > 0, h.Aria("describedby", strings.Join(described, " ")))
	invalid := g.If(sentence != "", h.Aria("invalid", "true"))
	switch field.Kind {
	case radioField, checkboxField:
		return f.choices(field, label, hint, problem, describedBy, sentence != "")
	case consentField:
		return h.Div(h.Class("field"), hint, problem, h.Div(h.Class("choice"),
			h.Input(h.Type("checkbox"), h.ID(field.Name), h.Name(field.Name), h.Value("yes"),
				g.If(f.get(field.Name) == "yes", h.Checked()),
				h.Required(), describedBy, invalid),
			h.Label(h.For(field.Name), g.Text(label))))
	}
	common := g.Group{h.ID(field.Name), h.Name(field.Name), g.If(!field.Optional && !field.Judged, h.Required()),
		describedBy, invalid,
		g.If(field.Max > 0, h.MaxLength(strconv.Itoa(field.Max)))}
	return h.Div(h.Class("field "+string(field.Kind)), h.Label(h.For(field.Name), g.Text(label)), hint, problem,
		f.input(field, common))
}

// input is the field's own element.
func (f *form) input(field field, common g.Group) g.Node {
	value := f.values.Get(field.Name)
	switch field.Kind {
	case longField:
		return h.Textarea(common, h.Rows("4"), g.Text("\n"+value)) // browsers take one line end away
	case selectField:
		options := g.Group{}
		if len(field.Options) != 1 && (len(field.Options) == 0 || field.Options[0].Value != "") {
			options = append(options, h.Option(h.Value(""), f.v.words.text("choose")))
		}
		for _, o := range field.Options {
			options = append(options, h.Option(h.Value(o.Value), g.If(o.Value == value, h.Selected()), g.Text(o.Text)))
		}
		return h.Select(common, options)
	case amountField:
		return h.Input(common, h.Type("text"), h.Value(value), g.Attr("inputmode", "decimal"), h.AutoComplete("off"))
	case numberField:
		return h.Input(common, h.Type("text"), h.Value(value), g.Attr("inputmode", "numeric"), h.AutoComplete("off"))
	case dateField:
		return h.Input(common, h.Type("date"), h.Value(value), g.If(field.Latest != "", h.Max(field.Latest)))
	}
	return h.Input(common, h.Type(string(field.Kind)), h.Value(value), h.AutoComplete("off"))
}

// choices are a field's options, all in sight.
func (f *form) choices(field field, label string, hint, problem, describedBy g.Node, isWrong bool) g.Node {
	items := make([]g.Node, len(field.Options))
	isWrongBox := isWrong && field.Kind == checkboxField
	for i, o := range field.Options {
		var described []string
		if isWrongBox {
			described = append(described, field.Name+"-problem")
		}
		id := field.Name + "-" + strconv.Itoa(i)
		if i == 0 {
			id = field.Name // to which the summary links
		}
		if o.Hint != nil {
			described = append(described, id+"-about")
		}
		items[i] = h.Div(h.Class("choice"),
			h.Input(h.Type(string(field.Kind)), h.ID(id), h.Name(field.Name), h.Value(o.Value),
				g.If(slices.Contains(f.values[field.Name], o.Value), h.Checked()),
				g.If(len(described) > 0, h.Aria("describedby", strings.Join(described, " "))),
				g.If(isWrongBox, h.Aria("invalid", "true"))),
			h.Label(h.For(id), g.Text(o.Text)),
			g.If(o.Hint != nil, h.P(h.Class("hint"), h.ID(id+"-about"), o.Hint)))
	}
	isRadio := field.Kind == radioField
	return h.FieldSet(h.Class("field"), g.If(len(items) == 0, g.Group{h.ID(field.Name), h.TabIndex("-1")}),
		g.If(isRadio, h.Role("radiogroup")), g.If(isRadio && isWrong,
			h.Aria("invalid", "true")), describedBy,
		h.Legend(g.Text(label)), hint, problem, g.Group(items))
}

func hidden(name, value string) g.Node {
	return h.Input(h.Type("hidden"), h.Name(name), h.Value(value))
}
