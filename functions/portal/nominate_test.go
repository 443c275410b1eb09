package main

import (
	"bytes"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/unicode"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

var hiddenFields = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// carriedBy gives what a page's form carries along unseen, with more that is typed.
func carriedBy(page answer, more ...string) url.Values {
	form := url.Values{}
	for _, found := range hiddenFields.FindAllStringSubmatch(page.body, -1) {
		if name := found[1]; name != "to" {
			form.Add(name, html.UnescapeString(found[2]))
		}
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func TestP4_ACustomerIsAddedStepByStep(t *testing.T) {
	p, e, other := story.NewPartner(t), story.Engagement(t, story.Object{"name": "First"}),
		story.Engagement(t, story.Object{"name": "Second"})
	closed := story.Engagement(t, story.Object{"name": "Closed to all"})
	c := story.NewCustomer(t, e, other)
	r := as(t, p.Token)
	address := customersPath(e) + "/add"

	page := r.get(address).expect(t, 200, "Name and location", "Friendly name", "Location")
	page = r.send("POST", address, carriedBy(page, "go", "next", "friendlyName", "", "locationId", p.Location)).
		expect(t, 422, "Friendly name: this is needed.")
	page = r.send("POST", address, carriedBy(page, "go", "next", "friendlyName", "Big deal", "locationId", p.Location)).
		expect(t, 200, "Customer ID type")
	r.send("POST", address, carriedBy(page, "go", "next", "idType", "domain", "idValue", "nowhere.example")).
		expect(t, 422, "No tenant was found for this domain.", `aria-invalid="true"`)
	r.send("POST", address, carriedBy(page, "go", "next", "idType", "tpid", "idValue", "1")).
		expect(t, 422, `<h2 id="step">Customer ID<`, `<a href="#idValue">The program knows no customer by this ID.`,
			`id="idValue" name="idValue" required aria-describedby="idValue-problem" aria-invalid="true"`)
	page = r.send("POST", address, carriedBy(page, "go", "next", "idType", "tenant-id", "idValue", c.Tenant)).
		expect(t, 200, "First", "Second", "Closed to all", "does not meet the engagement", c.Name)

	chosen := carriedBy(page, "go", "next")
	chosen["engagementIds"] = []string{e, other}
	page = r.send("POST", address, chosen).expect(t, 200, "Customer contact email", "Partner contact email")
	contacts := []string{
		"customerName", "Kim", "customerEmail", "kim@nowhere.example", "customerPhone", "", "locale", "fr",
		"partnerName", "Pat", "partnerEmail", "pat@partner.example", "partnerPhone", "",
	}
	malformed := r.send("POST", address, carriedBy(page, append(contacts, "go", "next", "customerEmail", "kim")...)).
		expect(t, 422, `<a href="#customerEmail">Customer contact email: give`,
			`aria-describedby="customerEmail-problem"`)
	r.send("POST", address, carriedBy(malformed, append(contacts, "go", "back", "customerEmail", "kim")...)).
		expect(t, 200, `value="`+e+`" checked`, `value="`+other+`" checked`)
	page = r.send("POST", address, carriedBy(page, append(contacts, "go", "next")...)).
		expect(t, 422, "Reason for the mismatch", "Give a reason.")

	// Back loses nothing.
	back := r.send("POST", address, carriedBy(page, append(contacts, "go", "back", "mismatchReason", "A guest.")...)).
		expect(t, 200, `value="`+e+`" checked`, `value="`+other+`" checked`)
	again := carriedBy(back, "go", "next")
	again["engagementIds"] = []string{e, other}
	page = r.send("POST", address, again).expect(t, 200, "kim@nowhere.example", "A guest.")
	// Once the address is right, no reason is needed.
	r.send("POST", address, carriedBy(page, append(contacts, "go", "next", "mismatchReason", "", "customerEmail",
		c.Email)...)).expect(t, 200, "Big deal", c.Email)
	page = r.send("POST", address, carriedBy(page, append(contacts, "go", "next", "mismatchReason", "A guest.")...)).
		expect(t, 200, "Big deal", "1,250.00", "A guest.", "Add customer")

	// A double click adds nothing twice.
	send := carriedBy(page, "go", "send")
	first := r.send("POST", address, send).expect(t, 200, "Big deal", "was added", c.Name)
	second := r.send("POST", address, send).expect(t, 200, "was added")
	if first.url.Path != second.url.Path {
		t.Errorf("sent twice, the form leads to %s and %s", first.url, second.url)
	}
	for _, engagement := range []string{e, other} {
		row := story.Find(p.Customers(t, engagement, "eligible"), c)
		if row == nil || row.Claim == nil || row.Claim.FriendlyName != "Big deal" ||
			row.Claim.MismatchReason != "A guest." {
			t.Errorf("on the Customers page stands %+v", row)
		}
	}
	if strings.Contains(page.body, closed) && strings.Contains(page.body, `value="`+closed+`"`) {
		t.Error("an engagement that is not open can be chosen")
	}
}

func TestS15_VariablePayTakesHoursAndShowsThePayout(t *testing.T) {
	p, e := story.NewPartner(t), story.VariableEngagement(t, story.Object{"name": "By the hour"})
	c := story.NewCustomer(t, e)
	r := as(t, p.Token)
	address := customersPath(e) + "/add"
	page := r.get(address)
	page = r.send("POST", address, carriedBy(page, "go", "next", "friendlyName", "Hours", "locationId", p.Location))
	page = r.send("POST", address, carriedBy(page, "go", "next", "idType", "msx-opportunity-id", "idValue",
		c.Opportunity)).
		expect(t, 200, `type="radio"`, "Hours", "By the hour")
	for hours, said := range map[string]string{"5": "By the hour: The hours are outside the engagement",
		"abc": "Hours: give a whole number", "2.5": "Hours: give a whole number", "0": "Hours: give a whole number",
		"9999999": "Hours: give a whole number"} {
		r.send("POST", address, carriedBy(page, "go", "next", "engagementIds", e, "hours", hours)).
			expect(t, 422, `<a href="#hours">`+said, `value="`+e+`" checked`, `value="`+hours+`"`)
	}
	page = r.send("POST", address, carriedBy(page, "go", "next", "engagementIds", e, "hours", "20")).expect(t, 200,
		"Contacts")
	page = r.send("POST", address, carriedBy(page, "go", "next", "customerName", "Kim", "customerEmail", c.Email,
		"customerPhone", "",
		"locale", "", "partnerName", "Pat", "partnerEmail", "pat@partner.example", "partnerPhone", "")).expect(
		t, 200, "2,000.00")
	r.send("POST", address, carriedBy(page, "go", "send")).expect(t, 200, "was added")
}

func TestS19_AKnownCustomerIsClaimed(t *testing.T) {
	p, first := story.NewPartner(t), story.Engagement(t, nil)
	next := story.Engagement(t, story.Object{"name": "The next one"})
	c := story.NewCustomer(t, first, next)
	p.Consented(t, c, first)
	r := as(t, p.Token)
	r.get(customersPath(next)).expect(t, 200, "Claim customer")
	address := "/portal/customers/" + c.ID + "/claim?engagement=" + next
	page := r.get(address).expect(t, 200, "Claim customer", "Name and location")
	page = r.send("POST", address, carriedBy(page, "go", "next", "friendlyName", "Again", "locationId", p.Location)).
		expect(t, 200, "The next one")
	page = r.send("POST", address, carriedBy(page, "go", "next", "engagementIds", next)).expect(t, 200, "Contacts")
	page = r.send("POST", address, carriedBy(page, "go", "next", "customerName", "Kim", "customerEmail", c.Email,
		"customerPhone", "",
		"locale", "", "partnerName", "Pat", "partnerEmail", "pat@partner.example", "partnerPhone", "")).expect(
		t, 200, "Again")
	r.send("POST", address, carriedBy(page, "go", "send")).expect(t, 200, "was claimed", c.Name)
}

func TestD7_AnOpportunityThatDoesNotFitIsSaidWhereItIsTyped(t *testing.T) {
	p, e := story.NewPartner(t), story.VariableEngagement(t, story.Object{"name": "By the hour"})
	c, other := story.NewCustomer(t, e), story.NewCustomer(t, e)
	p.Know(t, c, mci.TPID)
	r := as(t, p.Token)
	r.get("/portal/customers/"+other.ID+"/claim?engagement="+e).expect(t, 404)
	address := "/portal/customers/" + c.ID + "/claim?engagement=" + e
	page := r.send("POST", address, carriedBy(r.get(address), "go", "next", "friendlyName", "Hours", "locationId",
		p.Location)).expect(t, 200, "MSX opportunity ID", `value="`+e+`" checked`)
	for opportunity, said := range map[string]string{"7-nobodys": "The program knows no customer by this ID.",
		other.Opportunity: "By the hour: The opportunity belongs to another customer.", c.Opportunity: ""} {
		typed := carriedBy(page, "go", "next", "opportunityId", opportunity, "engagementIds", e, "hours", "20")
		if said == "" {
			r.send("POST", address, typed).expect(t, 200, "Customer contact email")
			continue
		}
		at := r.send("POST", address, typed).expect(t, 422, `<a href="#opportunityId">`+said, `value="`+e+`" checked`,
			`value="`+opportunity+`"`, `value="20"`)
		if strings.Count(at.body, said) != 2 {
			t.Errorf("%q is said %d times", said, strings.Count(at.body, said))
		}
	}
}

// upload posts a file as a browser does.
func (r reader) upload(path, content string) answer {
	r.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("csv", "customers.csv")
	if err == nil {
		_, err = file.Write([]byte(content))
	}
	if err == nil {
		err = form.WriteField("go", "check")
	}
	if err != nil || form.Close() != nil {
		r.t.Fatalf("writing a form: %v", err)
	}
	request, err := http.NewRequestWithContext(r.t.Context(), "POST", r.url+path, &body)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Origin", r.url)
	response, err := r.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	var page bytes.Buffer
	if _, err := page.ReadFrom(response.Body); err != nil {
		r.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, page.String(), response.Request.URL}
}

func TestP5_ADealSizeThatIsNoAmountIsToldAtItsField(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	r := as(t, p.Token)
	c := story.NewCustomer(t, e)
	address := "/portal/claims/" + p.Add(t, c, e).ID + "/consent"
	page := r.send("POST", address, carriedBy(r.get(address), "go", "next", "customerName", "Kim", "customerEmail",
		c.Email, "partnerName", "Pat", "partnerEmail", "pat@partner.example")).expect(t, 200, `id="dealSize"`)
	for _, typed := range []string{"", "much", "-1", "1.234", "1000000000000.01"} {
		r.send("POST", address, carriedBy(page, "go", "next", "dealSize", typed)).expect(t, 422,
			`<h2 id="step">Deal size<`, `<a href="#dealSize">Deal size (US dollars): `)
	}
	r.send("POST", address, carriedBy(page, "go", "next", "dealSize", "60,000.5")).expect(t, 200, "60,000.50 USD",
		"I have read and accept the disclaimer")
}

func TestP3_ASearchThatCannotBeIsToldAtItsField(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	typed := strings.Repeat("x", mci.MaxName+1)
	page := as(t, p.Token).get(customersPath(e)+"?q="+typed).expect(t, 422,
		`<a href="#q">Search: at most 120 characters fit.`,
		`value="`+typed+`" aria-describedby="q-hint q-problem" aria-invalid="true"`)
	if strings.Contains(page.body, `class="nothing"`) {
		t.Error("a search that was not made found nobody")
	}
}

func TestP10_ManyCustomersAreAddedFromAFileEachOnce(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	one, two, stranger := story.NewCustomer(t, e), story.NewCustomer(t, e), story.NewCustomer(t)
	r := as(t, p.Token)
	address := customersPath(e) + "/import"
	header := strings.Join(nominationColumns, ",") + "\r\n"
	row := func(name string, c story.Customer, email string) string {
		return fmt.Sprintf("%s,%s,tpid,%s,,,Kim,%s,,,Pat,pat@partner.example,\r\n", name, p.Location, c.TPID, email)
	}
	twoLines := func(row string) string { // in the column of the reason
		return strings.Replace(row, ",,,Kim", ",,\"Two\r\nlines\",Kim", 1)
	}
	r.get(address).expect(t, 200, "CSV file", "Check")
	for name, test := range map[string]struct{ content, said string }{
		"nothing":        {"", "The file has no rows."},
		"a header alone": {header, "The file has no rows."},
		"another header": {"name,email\r\na,b\r\n", "Line 1: The column “friendlyName” is missing."},
		"a file in Windows-1252": {header + row("Gr\xfc\xdfe", one, one.Email),
			"The file is not text in UTF-8. Save it as “CSV UTF-8” and choose it again."},
		"an open quotation": {header + "\"a\r\n", "a quotation mark that is not closed"},
		"too few cells": {header + row("A", one, one.Email) + "\r\nshort,row\r\n",
			"Line 4: There are more or fewer cells"},
		"cells that are needed": {header + row("", one, ""), "Line 2: Friendly name: this is needed."},
		"a mistake below a cell of two lines": {header + twoLines(row("A", one, one.Email)) + row("", two, two.Email),
			"Line 3: Friendly name: this is needed."},
		"a malformed address": {header + row("A", one, "kim"),
			"Line 2: Customer contact email: give an email address"},
		"a language that is none": {header + strings.Replace(row("A", one, one.Email), ",Pat", "french?,Pat", 1),
			"Line 2: Language: give a language tag"},
		"the partner's own address": {header + row("A", one, "Pat@Partner.example"),
			"Line 2: Customer contact email: this must be the customer"},
		"a tenant that the address does not lead to": {header + strings.Replace(row("A", one, two.Email),
			"tpid,"+one.TPID, "tenant-id,"+one.Tenant, 1), "Line 2: The email address does not lead to"},
		"an address at the partner's domain": {header + row("A", one, "kim@partner.example"),
			"Line 2: The email address does not lead to"},
		"a name with a link": {header + strings.Replace(row("A", one, one.Email), "Kim", "evil.example.com", 1),
			"must not contain a link"},
		"another's location": {header + strings.Replace(row("A", one, one.Email), p.Location, "elsewhere", 1),
			"Line 2: Location: this is not a location that you can choose"},
		"a location of others among the partner's": {header + strings.Replace(row("A", one, one.Email), p.Location,
			p.NewLocation(t, true, "*"), 1), "Line 2: Location: this is not a location that you can choose"},
		"too many rows": {header + strings.Repeat(row("A", one, one.Email), maxRows+1), "more than 500 rows"},
	} {
		page := r.upload(address, test.content).expect(t, 422, test.said, `id="csv-problem"`,
			`aria-describedby="csv-hint csv-problem" aria-invalid="true"`)
		if strings.Contains(page.body, ">Add customers<") {
			t.Errorf("%s: a file with mistakes can be added", name)
		}
	}

	r.upload(address, header+row("", one, one.Email)+row("B", two, "kim")).expect(t, 422,
		"Line 2: Friendly name: this is needed.", "Line 3: Customer contact email: give an email address")
	nobody := r.upload(address, header+strings.Replace(row("A", one, ""), "pat@partner.example", "", 1)).expect(t, 422,
		"Line 2: Customer contact email: this is needed.", "Line 2: Partner contact email: this is needed.")
	if strings.Contains(nobody.body, "this must be the customer") {
		t.Error("two addresses that are missing are told to be one")
	}

	hourly := customersPath(story.VariableEngagement(t, nil)) + "/import"
	r.upload(hourly, header+row("A", one, one.Email)).expect(t, 422, "Line 2: Hours: this is needed.")

	// A row at a location that the program does not pay is not eligible, beside one that is right.
	r.upload(address, header+row("A", one, one.Email)+strings.Replace(row("B", two, two.Email), p.Location,
		p.NewLocation(t, false, "*"), 1)).expect(t, 200, "1 of 2 rows", "The location is not enrolled in the program.")

	// What only adding finds is said by the column's name.
	strict := story.NewPartner(t)
	localtest.LoadRow(t, "locations.csv", strict.ID, "Strict", strict.Location, "Lyon", "FR", true, "*",
		"strict.example")
	s := as(t, strict.Token)
	checked := s.upload(address, header+strings.Replace(row("A", one, one.Email), p.Location, strict.Location, 1)).
		expect(t, 200, "1 of 1 rows")
	s.send("POST", address, carriedBy(checked, "go", "add")).expect(t, 200,
		"Partner contact email: this must be at a domain of your company: strict.example.")

	// As a spreadsheet writes “Unicode text”.
	unicodeText, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(
		strings.ReplaceAll(header+row("Grüße", one, one.Email), ",", "\t"))
	if err != nil {
		t.Fatal(err)
	}
	r.upload(address, unicodeText).expect(t, 200, "1 of 1 rows", "Grüße", "Can be added: "+one.Name)

	// As a spreadsheet of another language writes it: a mark, semicolons, a cell of two lines, a blank line.
	content := "\ufeff" + strings.ReplaceAll(header+twoLines(row("First claim", one, one.Email))+"\r\n"+
		row("Stranger", stranger, stranger.Email)+row("=cmd()", two, two.Email), ",", ";")
	page := r.upload(address, content).expect(t, 200, "2 of 3 rows can be added", "does not meet the engagement",
		`>4</th><td data-label="Friendly name">Stranger<`, ">Add customers<")

	add := carriedBy(page, "go", "add")
	for range 2 { // sent again, nothing is added twice
		done := r.send("POST", address, add).expect(t, 200, "All 3 rows are done, 2 customers were added.",
			"First claim")
		file := r.send("POST", address, carriedBy(done, "go", "download")).expect(t, 200, "'=cmd()", "does not meet")
		if file.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(file.body, "\ufeff") {
			t.Errorf("the outcome is %s: %.60q", file.header.Get("Content-Type"), file.body)
		}
	}
	claims := p.Claims(t)
	if len(claims) != 2 || claims[0].Status != string(mci.ConsentNotSent) {
		t.Errorf("there are %d claims", len(claims))
	}
}

// P10: adding that stops goes on by "Continue", and however often a form is sent, each row is added once.
func TestP10_AddingThatStopsGoesOnAndAddsNothingTwice(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	content := strings.Join(nominationColumns, ",") + "\n"
	customers := story.NewCustomers(t, []string{"First", "Second", "Third"}, e)
	for _, c := range customers {
		content += fmt.Sprintf("%s,%s,tpid,%s,,,Kim,%s,,,Pat,pat@partner.example,\n", c.Name, p.Location, c.TPID,
			c.Email)
	}
	r := newEdge(t, localtest.Cloud().Issuer(), "", nil)
	r.with(p.Token)
	r.portal.apiURL, r.portal.timeToAdd = localtest.URL(), time.Hour
	address := customersPath(e) + "/import"
	add := url.Values{"file": {content}, "go": {"add"}}

	// The function that adds the second customer dies once that is written.
	died := localtest.Inject(t, localtest.Fault{Effect: localtest.KillAfter, Function: "add-customer",
		Action: "TransactWriteItems", Match: localtest.Naming(customers[1].ID)})
	stopped := r.send("POST", address, add).expect(t, 200, "1 of 3 rows are done, 1 customers were added.",
		"The service could not answer.", ">Continue<")
	if died.Fired() != 1 || strings.Contains(stopped.body, "data-continue") {
		t.Errorf("%d functions died, and script goes on by itself: %s", died.Fired(), stopped.body)
	}
	goOn := carriedBy(stopped, "go", "add")
	for _, form := range []url.Values{goOn, goOn, add} {
		r.send("POST", address, form).expect(t, 200, "All 3 rows are done, 3 customers were added.")
	}

	// Where the time of a piece is over, script goes on.
	r.portal.timeToAdd = 0
	page := r.send("POST", address, add).expect(t, 200, "1 of 3 rows", "data-continue")
	page = r.send("POST", address, carriedBy(page, "go", "add")).expect(t, 200, "2 of 3 rows", "data-continue")
	r.send("POST", address, carriedBy(page, "go", "add")).expect(t, 200,
		"All 3 rows are done, 3 customers were added.")
	names := map[string]bool{}
	claims := p.Claims(t)
	for _, claim := range claims {
		names[claim.FriendlyName] = true
	}
	if len(claims) != 3 || len(names) != 3 {
		t.Errorf("there are %d claims of %v", len(claims), names)
	}
}
