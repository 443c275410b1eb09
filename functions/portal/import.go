package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/language"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"mci.example/customers/shared/mci"
)

// timeToImport is how long a check may take, and one piece of adding; the page then goes on by "Continue".
const timeToImport = 15 * time.Second

// checksAtOnce is how many rows are checked at the same time.
const checksAtOnce = 8

// importing is the page that adds many customers from a file (P10). The file travels in the form, and each row is added
// by itself, under a key that is its own: the file's and the line's. So nothing is added twice, however often it is
// sent.
type importing struct {
	v          *visit
	engagement engagement
	text       string
	rows       []fileRow
	outcomes   []rowOutcome
	problem    string // that stops this piece of adding
}

// rowOutcome is what became of a row: a verdict of the check, or of adding it.
type rowOutcome struct {
	Line    int    `json:"line"`
	Name    string `json:"name"`
	Claim   string `json:"claim,omitempty"` // the ID of the claim that was added
	Text    string `json:"text"`
	Fits    bool   `json:"fits"` // the row can be added, or was
	Mistake bool   `json:"mistake,omitempty"`
}

// importCustomers answers the page's requests: the form, its check, and each piece of adding.
func importCustomers(v *visit) error {
	opened, err := v.api.engagement(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	i := &importing{v: v, engagement: opened}
	if v.r.Method != http.MethodPost {
		return i.show(nil)
	}
	switch v.r.PostForm.Get("go") {
	case "check":
		return i.check()
	case "add":
		return i.add()
	case "download":
		i.carried()
		return export(v, csvName(opened.ID, "outcome"), outcomeColumns, func(string) ([]rowOutcome, string, error) {
			return i.outcomes, "", nil
		})
	}
	// Another language was chosen.
	if i.carried(); i.v.r.PostForm.Get("adding") != "" {
		return i.showAdded()
	}
	return i.check()
}

// carried reads what travelled in the form.
func (i *importing) carried() {
	i.text = plainLines(i.v.r.PostForm.Get("file"))
	i.rows, _ = readRows(i.text)
	if err := json.Unmarshal([]byte(i.v.r.PostForm.Get("outcomes")), &i.outcomes); err != nil {
		i.outcomes = nil
	}
}

// check reads the file that was chosen, and shows by its line every mistake that the file alone tells, else every one
// that the program tells, else the verdict on each row.
func (i *importing) check() error {
	mistakes := i.read()
	if mistakes == nil {
		i.rows, mistakes = readRows(i.text)
	}
	if mistakes == nil {
		mistakes = i.cellMistakes()
	}
	if mistakes != nil {
		return i.show(mistakes)
	}
	ctx, cancel := context.WithTimeout(i.v.r.Context(), timeToImport)
	defer cancel()
	i.outcomes = make([]rowOutcome, len(i.rows))
	var group errgroup.Group
	group.SetLimit(checksAtOnce)
	for n, row := range i.rows {
		group.Go(func() (err error) {
			i.outcomes[n], err = i.verdict(ctx, row)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, outcome := range i.outcomes {
		if outcome.Mistake {
			mistakes = append(mistakes, fileMistake{Line: outcome.Line, Key: "row", Values: []string{"text",
				outcome.Text}})
		}
	}
	return i.show(mistakes)
}

// read reads the file that was chosen, or the one that travelled in a form which waited.
func (i *importing) read() (mistakes []fileMistake) {
	if i.v.r.MultipartForm == nil {
		i.text = plainLines(i.v.r.PostForm.Get("file"))
		return nil
	}
	i.text, mistakes = chosenFile(i.v.r.MultipartForm)
	return mistakes
}

// chosenFile gives the text of the file in a form.
func chosenFile(form *multipart.Form) (string, []fileMistake) {
	if len(form.File["csv"]) == 0 {
		return "", []fileMistake{{Key: "none"}}
	}
	chosen := form.File["csv"][0]
	if chosen.Size > maxFile {
		return "", []fileMistake{{Key: "tooLarge"}}
	}
	file, err := chosen.Open()
	if err != nil {
		return "", []fileMistake{{Key: "unreadable"}}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return "", []fileMistake{{Key: "unreadable"}}
	}
	text, isText := plainFile(content)
	if !isText {
		return "", []fileMistake{{Key: "encoding"}}
	}
	return plainLines(text), nil
}

// carryFile puts a chosen file's text among the form's values, so that a form that has to wait keeps it.
func carryFile(r *http.Request) {
	if r.MultipartForm == nil {
		return
	}
	if text, mistakes := chosenFile(r.MultipartForm); mistakes == nil {
		r.PostForm.Set("file", text)
	}
}

// required are the columns whose cells must not be empty.
var required = []string{"friendlyName", "locationId", "idType", "idValue", "customerName", "customerEmail",
	"partnerName", "partnerEmail"}

// cellMistakes names the cells that cannot be right, whatever the program's data say.
func (i *importing) cellMistakes() (mistakes []fileMistake) {
	needed := required
	if i.engagement.PayType == "variable" {
		needed = append(slices.Clone(required), "hours")
	}
	for _, row := range i.rows {
		for _, column := range needed {
			if row.Cells[column] == "" {
				mistakes = append(mistakes, fileMistake{Line: row.Line, Field: column, Key: "is required"})
			}
		}
		for _, column := range nominationColumns {
			if err := checkCell(column, row.Cells[column], row.Cells["idType"]); row.Cells[column] != "" && err != nil {
				mistakes = append(mistakes, fileMistake{Line: row.Line, Field: column, Key: err.Error()})
			}
		}
		customer, partner := row.Cells["customerEmail"], row.Cells["partnerEmail"]
		if customer != "" && mci.SameAddress(customer, partner) { // D23
			mistakes = append(mistakes, fileMistake{Line: row.Line, Field: "customerEmail",
				Key: "must be the customer's, not the partner contact's own"})
		}
	}
	return mistakes
}

// checkCell says what is wrong with a cell, in the API's words.
func checkCell(column, value, idType string) error {
	switch column {
	case "friendlyName":
		return mci.CheckLine(value, mci.MaxName)
	case "customerName", "partnerName":
		if err := mci.CheckLine(value, mci.MaxName); err != nil {
			return err
		}
		return mci.CheckContactName(value)
	case "customerEmail", "partnerEmail":
		_, err := mci.ParseEmail(value)
		return err
	case "customerPhone", "partnerPhone":
		return mci.CheckPhone(value)
	case "locale":
		if _, err := language.Parse(value); err != nil || len(value) > 35 {
			return fmt.Errorf("must be a language tag such as fr-CA")
		}
	case "mismatchReason":
		return mci.CheckText(value, mci.MaxReason)
	case "idType":
		if !slices.Contains(mci.IDTypes, mci.IDType(value)) {
			return fmt.Errorf("must be one of %s", mci.Join(mci.IDTypes))
		}
	case "idValue":
		if slices.Contains(mci.IDTypes, mci.IDType(idType)) {
			_, err := mci.ParseCustomerID(mci.IDType(idType), value)
			return err
		}
	case "hours":
		if hours, err := strconv.Atoi(value); err != nil || hours < 1 || hours > 1_000_000 {
			return fmt.Errorf("must be a whole number from 1 to 1000000")
		}
	}
	return nil
}

// verdict says whether a row can be added, or why not.
func (i *importing) verdict(ctx context.Context, row fileRow) (rowOutcome, error) {
	outcome := rowOutcome{Line: row.Line, Name: row.Cells["friendlyName"]}
	checked, err := i.v.api.checkEligibility(ctx, checkRequest{
		CustomerID:    &customerID{Type: row.Cells["idType"], Value: row.Cells["idValue"]},
		LocationID:    row.Cells["locationId"],
		CustomerEmail: row.Cells["customerEmail"], Hours: wholeOf(row.Cells["hours"]),
	})
	if p := problemOf(err); p != nil && p.Status == http.StatusUnprocessableEntity {
		outcome.Text, outcome.Mistake = i.refusal(p), p.Code == "invalid"
		return outcome, nil
	}
	if err != nil {
		return outcome, err
	}
	if row.Cells["mismatchReason"] == "" {
		mismatch, err := i.mismatch(ctx, row, checked)
		if err != nil {
			return outcome, err
		}
		if mismatch {
			outcome.Text, outcome.Mistake = i.v.words.say("problem.mismatch-reason-required"), true
			return outcome, nil
		}
	}
	outcome.Text = i.v.words.say("import.notOffered")
	for _, verdict := range checked.Eligible {
		if verdict.EngagementID != i.engagement.ID {
			continue
		}
		mayChoose := func(l location) bool { return l.ID == row.Cells["locationId"] }
		if outcome.Mistake = !slices.ContainsFunc(i.engagement.Locations, mayChoose); outcome.Mistake { // S8
			outcome.Text = i.v.mistake(i.v.words.say("field.locationId"), "is not a location that you may choose")
		} else {
			outcome.Text, outcome.Fits = i.v.words.say("import.fits", "customer", checked.Customer.Name), true
		}
	}
	for _, verdict := range checked.Ineligible {
		if verdict.EngagementID == i.engagement.ID {
			outcome.Text = joined(i.v.words, i.v.reasons(verdict.Reasons))
		}
	}
	return outcome, nil
}

// mismatch says that the row needs a reason: the email's domain does not lead to the nominated tenant (S12), or is the
// partner contact's own and does not lead to the customer (D23).
func (i *importing) mismatch(ctx context.Context, row fileRow, checked checkAnswer) (bool, error) {
	if matches := checked.TenantMatchesEmailDomain; matches != nil {
		return !*matches, nil
	}
	domain := emailDomain(row.Cells["customerEmail"])
	if domain != emailDomain(row.Cells["partnerEmail"]) {
		return false, nil
	}
	ofDomain, err := i.v.api.checkEligibility(ctx, checkRequest{
		CustomerID: &customerID{Type: string(mci.Domain), Value: domain}, LocationID: row.Cells["locationId"],
	})
	if p := problemOf(err); p != nil && p.Status == http.StatusUnprocessableEntity {
		return true, nil // it leads to nobody
	}
	return ofDomain.Customer.ID != checked.Customer.ID, err
}

// emailDomain is the domain of an address that was checked already.
func emailDomain(address string) string { return mci.EmailDomain(mci.NormalAddress(address)) }

// add adds rows, in the order of the file, for as long as a piece may take, and at least one.
func (i *importing) add() error {
	i.carried()
	if i.rows == nil {
		return i.show([]fileMistake{{Key: "unreadable"}})
	}
	began := time.Now()
	if i.v.r.PostForm.Get("adding") == "" {
		i.outcomes = nil // what the form carried are the verdicts of the check
	}
	for _, row := range i.rows[min(len(i.outcomes), len(i.rows)):] {
		outcome, err := i.addRow(row)
		if err != nil {
			p := problemOf(err)
			if p == nil || p.Status == http.StatusUnauthorized || p.Code == "forbidden" {
				return err
			}
			i.problem = i.v.sentence(p)
			break
		}
		i.outcomes = append(i.outcomes, outcome)
		if time.Since(began) >= i.v.p.timeToAdd {
			break
		}
	}
	return i.showAdded()
}

// addRow adds one row. A refusal is the row's outcome; an error is one that passes.
func (i *importing) addRow(row fileRow) (rowOutcome, error) {
	outcome := rowOutcome{Line: row.Line, Name: row.Cells["friendlyName"]}
	cells := row.Cells
	claims, err := i.v.api.addCustomer(i.v.r.Context(), i.key(row.Line), nomination{
		FriendlyName: cells["friendlyName"], LocationID: cells["locationId"],
		CustomerID:    &customerID{Type: cells["idType"], Value: cells["idValue"]},
		EngagementIDs: []string{i.engagement.ID}, Hours: wholeOf(cells["hours"]),
		MismatchReason: cells["mismatchReason"],
		CustomerContact: contact{
			Name: cells["customerName"], Email: cells["customerEmail"], Phone: cells["customerPhone"],
			Locale: cells["locale"],
		},
		PartnerContact: contact{Name: cells["partnerName"], Email: cells["partnerEmail"], Phone: cells["partnerPhone"]},
	})
	p := problemOf(err)
	switch {
	case err == nil && len(claims) > 0:
		outcome.Claim, outcome.Fits = claims[0].ID, true
		outcome.Text = i.v.words.say("import.added", "customer", claims[0].Customer.Name)
		return outcome, nil
	case p != nil && p.Status >= 400 && p.Status < 500 && p.Status != http.StatusUnauthorized &&
		p.Status != http.StatusTooManyRequests && p.Code != "forbidden":
		outcome.Text = i.refusal(p)
		return outcome, nil
	}
	return outcome, err
}

// key is a row's Idempotency-Key: the SHA-256 of file and line.
func (i *importing) key(line int) string {
	sum := sha256.Sum256([]byte(i.text + "\n" + strconv.Itoa(line)))
	return hex.EncodeToString(sum[:])
}

// refusal says why the API refused a row.
func (i *importing) refusal(p *problem) string {
	var sentences []string
	nomination := nominating{v: i.v, engagement: i.engagement}
	f := &form{v: i.v, fields: slices.Concat(nomination.nameAndLocation().Fields, nomination.customerID().Fields,
		nomination.engagements().Fields, nomination.contacts().Fields)}
	for _, mistake := range p.Errors {
		sentences = append(sentences, i.v.mistake(i.v.label(f.fieldAt(mistake.Pointer)), mistake.Detail))
	}
	for _, verdict := range p.Ineligible {
		sentences = append(sentences, i.v.reasons(verdict.Reasons)...)
	}
	if len(sentences) == 0 {
		sentences = append(sentences, i.v.sentence(p))
	}
	return joined(i.v.words, sentences)
}

func joined(w *words, sentences []string) string {
	text := ""
	for n, sentence := range sentences {
		if n > 0 {
			text += w.say("sentenceMark")
		}
		text += sentence
	}
	return text
}

func wholeOf(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// outcomeColumns are those of the verdicts and of what became of the rows.
var outcomeColumns = []column[rowOutcome]{
	shown("line", func(_ *words, o rowOutcome) string { return strconv.Itoa(o.Line) }, nil),
	shown("friendlyName", func(_ *words, o rowOutcome) string { return o.Name }, nil),
	shown("outcome", func(_ *words, o rowOutcome) string { return o.Text }, nil),
	shown("claim", func(_ *words, o rowOutcome) string { return o.Claim }, func(v *visit, o rowOutcome) g.Node {
		if o.Claim == "" {
			return g.Text("–")
		}
		return link(claimPath(o.Claim), v.words.say("toClaim"))
	}),
}

// show shows the form for a file, with its mistakes or the verdicts on its rows.
func (i *importing) show(mistakes []fileMistake) error {
	w, status := i.v.words, 0
	var summary, problem, verdicts g.Node
	described := "csv-hint"
	if len(mistakes) > 0 {
		status = http.StatusUnprocessableEntity
		items := make([]g.Node, len(mistakes))
		for n, mistake := range mistakes {
			items[n] = h.Li(link("#csv", i.sentence(mistake)))
		}
		problem = h.P(h.Class("problem"), h.ID("csv-problem"), g.Text(i.sentence(mistakes[0])))
		described += " csv-problem"
		summary = h.Div(h.Class("summary"), h.Role("alert"), h.TabIndex("-1"), h.AutoFocus(),
			h.Aria("labelledby", "summary"), h.H2(h.ID("summary"), w.text("summary")), h.Ul(items...))
	} else if len(i.outcomes) > 0 {
		fit := len(slices.DeleteFunc(slices.Clone(i.outcomes), func(o rowOutcome) bool { return !o.Fits }))
		verdicts = h.Section(h.Aria("labelledby", "verdicts"),
			h.H2(h.ID("verdicts"), h.TabIndex("-1"), h.AutoFocus(), w.text("import.verdicts", "n", w.number(fit), "of",
				w.number(len(i.outcomes)))),
			table(i.v, w.say("import.verdicts", "n", w.number(fit), "of", w.number(len(i.outcomes))), "",
				outcomeColumns[:3], i.outcomes),
			i.form("", h.Div(h.Class("buttons"), g.If(fit > 0, button("primary", "add", w.say("addCustomers"))),
				link(customersPath(i.engagement.ID), w.say("toList")))))
	}
	var columns []g.Node
	for _, name := range nominationColumns {
		columns = append(columns, h.Code(g.Text(name)), g.Text(" "))
	}
	chosen := h.Form(h.ID(formID), h.Method("post"), h.EncType("multipart/form-data"), h.Action(i.v.r.URL.RequestURI()),
		h.Div(h.Class("field"), h.Label(h.For("csv"), w.text("field.csv")), h.P(h.Class("hint"), h.ID("csv-hint"),
			w.text("hint.csv")), problem,
			h.Input(h.Type("file"), h.ID("csv"), h.Name("csv"), h.Accept(".csv,.txt,text/csv"),
				h.Aria("describedby", described),
				g.If(len(mistakes) > 0, h.Aria("invalid", "true")))),
		h.Details(h.Summary(w.text("import.columns")), h.P(columns...)),
		h.Div(h.Class("buttons"), button("primary", "check", w.say("check")), link(customersPath(i.engagement.ID),
			w.say("toList"))))
	form := ""
	if verdicts != nil {
		form = "rows"
	}
	return i.v.show(page{
		Title: w.say("addFromFile"), Lead: []g.Node{h.P(h.Class("hint"), g.Text(i.engagement.Name))}, Status: status,
		Form:    form,
		Content: []g.Node{summary, verdicts, chosen},
	})
}

// form is one that carries the file and what became of its rows.
func (i *importing) form(adding string, content ...g.Node) g.Node {
	carried, err := json.Marshal(i.outcomes)
	if err != nil {
		carried = []byte("[]") // texts and numbers always have a JSON form
	}
	return h.Form(h.ID("rows"), h.Method("post"), h.Action(i.v.r.URL.RequestURI()), hidden("file", i.text),
		hidden("adding", adding),
		hidden("outcomes", string(carried)), g.Group(content))
}

// showAdded shows what became of the rows so far, and goes on where there are more.
func (i *importing) showAdded() error {
	w, done, of := i.v.words, len(i.outcomes), len(i.rows)
	added := len(slices.DeleteFunc(slices.Clone(i.outcomes), func(o rowOutcome) bool { return !o.Fits }))
	key, buttons := "import.done", g.Group{button("", "download", w.say("import.download")),
		link(customersPath(i.engagement.ID), w.say("toList"))}
	if done < of {
		key = "import.progress"
		buttons = g.Group{h.Button(h.Type("submit"), h.Class("primary"), h.Name("go"), h.Value("add"),
			g.If(i.problem == "", h.Data("continue", "")), w.text("continue"))}
	}
	sentence := w.say(key, "done", w.number(done), "of", w.number(of), "added", w.number(added))
	return i.v.show(page{
		Title: w.say("addFromFile"), Lead: []g.Node{h.P(h.Class("hint"), g.Text(i.engagement.Name))}, Form: "rows",
		Content: []g.Node{
			g.If(i.problem != "", h.Div(h.Class("summary"), h.Role("alert"), h.P(g.Text(i.problem)))),
			h.Div(h.Class("done"), h.Role("status"), h.TabIndex("-1"), h.AutoFocus(), h.P(g.Text(sentence)),
				h.Progress(h.Max(strconv.Itoa(of)), h.Value(strconv.Itoa(done)), h.Aria("label", sentence))),
			i.form("yes", h.Div(h.Class("buttons"), buttons)),
			table(i.v, sentence, "", outcomeColumns, i.outcomes),
		},
	})
}

// sentence says what is wrong with a file or a line of it.
func (i *importing) sentence(m fileMistake) string {
	w := i.v.words
	text := ""
	if m.Field != "" {
		text = i.v.mistake(w.say("field."+m.Field), m.Key)
	} else {
		text = w.say("file."+m.Key, m.Values...)
	}
	if m.Line == 0 {
		return text
	}
	return w.say("file.line", "line", strconv.Itoa(m.Line)) + text
}
