// Package story tells tests' stories by the front door: partners, engagements and customers of a test's own, and what
// they do by HTTP and by the emailed link. Every name is new, so that tests run side by side.
package story

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/shared/mci"
)

// Object is JSON to be sent.
type Object = map[string]any

// Name gives a name that nobody else has, with a readable beginning.
func Name(beginning string) string {
	return beginning + "-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
}

// Partner is a partner with one enrolled location, eligible for every engagement, and a user who may do everything
// there.
type Partner struct {
	ID, Name, Location, User string
	Token                    string // of the user, an incentives-admin
}

// NewPartner makes a partner.
func NewPartner(t testing.TB) Partner {
	t.Helper()
	return NewPartners(t, 1)[0]
}

// NewPartners makes many partners at once.
func NewPartners(t testing.TB, n int) []Partner {
	t.Helper()
	partners := make([]Partner, n)
	data := importer.Data{}
	for i := range partners {
		p := Partner{ID: Name("partner"), Location: Name("location"), User: Name("user")}
		p.Name = "Partner " + p.ID
		p.Token = localtest.Token(t, p.ID, p.User, mci.IncentivesAdmin)
		data.Add("locations.csv", p.ID, p.Name, p.Location, "Seattle", "US", true, "*")
		data.Add("grants.csv", p.ID, p.User, p.Location, mci.IncentivesAdmin)
		partners[i] = p
	}
	localtest.Load(t, data)
	return partners
}

// NewLocation gives the partner one more location, for the engagements named as locations.csv names them. Nobody holds
// a grant on it yet.
func (p Partner) NewLocation(t testing.TB, enrolled bool, engagementIDs string) (locationID string) {
	t.Helper()
	locationID = Name("location")
	localtest.LoadRow(t, "locations.csv", p.ID, p.Name, locationID, "Lyon", "FR", enrolled, engagementIDs)
	return locationID
}

// GrantAt grants a user a role at a location.
func (p Partner) GrantAt(t testing.TB, user, locationID string, role mci.Role) {
	t.Helper()
	localtest.LoadRow(t, "grants.csv", p.ID, user, locationID, role)
}

// Eligible loads the program's word on a customer ID for an engagement; a reason makes it a no.
func Eligible(t testing.TB, engagement string, id Object, reason string) {
	t.Helper()
	localtest.LoadRow(t, "eligibility.csv", engagement, id["type"], id["value"], reason == "", reason)
}

// Engagement loads an engagement of fixed pay that takes every ID of that pay, and has room for all; the changes given
// are made to it first, nil takes a field away. It gives the engagement's ID.
func Engagement(t testing.TB, changes Object) string {
	t.Helper()
	engagement := Object{
		"id": Name("engagement"), "name": "Assessment", "solutionArea": "Infrastructure",
		"description": "An assessment.",
		"payType":     "fixed", "customerIdTypes": []string{"domain", "tenant-id", "tpid", "azure-subscription-id"},
		"startsOn": "2020-01-01", "endsOn": "2039-12-31", "consentWindowDays": 30, "submissionWindowDays": 60,
		"resubmissionWindowDays": 14, "claimLimits": Object{"active": 100, "allowed": 200}, "exclusive": false,
		"payout": "1250.00", "referral": nil, "coSell": nil,
	}
	for field, value := range changes {
		engagement[field] = value
	}
	localtest.LoadRow(t, "engagements.json", engagement)
	return engagement["id"].(string)
}

// VariableEngagement loads an engagement of variable pay: 100 an hour from 10 to 100 hours, at most 5000 and a tenth of
// the opportunity.
func VariableEngagement(t testing.TB, changes Object) string {
	t.Helper()
	variable := Object{
		"payType": "variable", "customerIdTypes": []string{"msx-opportunity-id"}, "payout": nil,
		"rates": Object{"perHour": "100.00", "minHours": 10, "maxHours": 100, "maxPayout": "5000.00",
			"maxShareOfOpportunity": "0.1"},
	}
	for field, value := range changes {
		variable[field] = value
	}
	return Engagement(t, variable)
}

// Customer is a customer with one ID of each type. Its contact's address is in its domain.
type Customer struct {
	ID, Name, Domain, Tenant, TPID, Subscription, Opportunity string
	Email                                                     string
}

// NewCustomer makes a customer whose IDs are all eligible for the engagements, and whose opportunity is open and worth
// 100,000.
func NewCustomer(t testing.TB, engagements ...string) Customer {
	t.Helper()
	return NewCustomerNamed(t, Name("Customer"), engagements...)
}

// NewCustomerNamed is NewCustomer by a name.
func NewCustomerNamed(t testing.TB, name string, engagements ...string) Customer {
	t.Helper()
	return NewCustomers(t, []string{name}, engagements...)[0]
}

// NewCustomers makes many customers at once.
func NewCustomers(t testing.TB, names []string, engagements ...string) []Customer {
	t.Helper()
	all := make([]Customer, len(names))
	data := importer.Data{}
	for i, name := range names {
		domain := strings.ToLower(Name("customer")) + ".example"
		c := Customer{
			ID: Name("customer"), Name: name, Domain: domain, Tenant: uuid.NewString(), Subscription: uuid.NewString(),
			TPID: fmt.Sprint(uuid.New().ID()), Opportunity: Name("7"), Email: "contact@" + domain,
		}
		all[i] = c
		data.Add("customers.csv", c.ID, name, "US", true)
		data.Add("customer-ids.csv", c.ID, mci.TenantID, c.Tenant)
		data.Add("customer-ids.csv", c.ID, mci.TPID, c.TPID)
		data.Add("customer-ids.csv", c.ID, mci.AzureSubscription, c.Subscription)
		data.Add("domains.csv", c.Domain, c.Tenant)
		data.Add("opportunities.csv", c.Opportunity, c.ID, "100000.00", "open")
		for _, engagement := range engagements {
			for _, id := range c.IDs() {
				if id.Type != mci.Domain {
					data.Add("eligibility.csv", engagement, id.Type, id.Value, true, "")
				}
			}
		}
	}
	localtest.Load(t, data)
	return all
}

// Manage has the program say whether the customer is managed.
func (c Customer) Manage(t testing.TB, managed bool) {
	t.Helper()
	localtest.LoadRow(t, "customers.csv", c.ID, c.Name, "US", managed)
}

// IDs are the customer's IDs, one of each type.
func (c Customer) IDs() []mci.CustomerID {
	return []mci.CustomerID{
		{Type: mci.Domain, Value: c.Domain}, {Type: mci.TenantID, Value: c.Tenant}, {Type: mci.TPID, Value: c.TPID},
		{Type: mci.AzureSubscription, Value: c.Subscription}, {Type: mci.MSXOpportunity, Value: c.Opportunity},
	}
}

// By gives the customer's ID of that type, as a nomination names it.
func (c Customer) By(idType mci.IDType) Object {
	for _, id := range c.IDs() {
		if id.Type == idType {
			return Object{"type": string(id.Type), "value": id.Value}
		}
	}
	panic("no ID of type " + string(idType))
}

// Claim is a claim as the API shows it, as far as tests look at it.
type Claim struct {
	ID              string         `json:"id"`
	FriendlyName    string         `json:"friendlyName"`
	PartnerID       string         `json:"partnerId"`
	PartnerName     string         `json:"partnerName"`
	LocationID      string         `json:"locationId"`
	LocationName    string         `json:"locationName"`
	EngagementID    string         `json:"engagementId"`
	EngagementName  string         `json:"engagementName"`
	PayType         string         `json:"payType"`
	Customer        Object         `json:"customer"`
	CustomerID      mci.CustomerID `json:"customerId"`
	Origin          string         `json:"origin"`
	Status          string         `json:"status"`
	Actions         []string       `json:"actions"`
	Hours           int            `json:"hours"`
	Payout          mci.Money      `json:"payout"`
	DealSize        *mci.Money     `json:"dealSize"`
	MismatchReason  string         `json:"mismatchReason"`
	CustomerContact *mci.Contact   `json:"customerContact"`
	PartnerContact  mci.Contact    `json:"partnerContact"`
	EmailStatus     string         `json:"emailStatus"`
	EmailSentAt     *time.Time     `json:"emailSentAt"`
	SendsLeft       *int           `json:"sendsLeft"`
	CreatedAt       time.Time      `json:"createdAt"`
	ConsentDue      time.Time      `json:"consentDue"`
	ConsentedAt     *time.Time     `json:"consentedAt"`
	SubmissionDue   *time.Time     `json:"submissionDue"`
	Due             *time.Time     `json:"due"`
	SubmittedAt     *time.Time     `json:"submittedAt"`
	CompletedOn     mci.Date       `json:"completedOn"`
	SubmissionNotes string         `json:"submissionNotes"`
	ReviewReason    string         `json:"reviewReason"`
	EndedAt         *time.Time     `json:"endedAt"`
	DeclineReason   string         `json:"declineReason"`
	Referral        *struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Href string `json:"href"`
	} `json:"referral"`
	Version      int     `json:"version"`
	Events       []Event `json:"events"`
	EventsIntact bool    `json:"eventsIntact"`
}

// Event is an event as the API shows it.
type Event struct {
	Seq          int               `json:"seq"`
	At           time.Time         `json:"at"`
	Actor        string            `json:"actor"`
	Type         string            `json:"type"`
	Detail       map[string]string `json:"detail"`
	PreviousHash string            `json:"previousHash"`
	Hash         string            `json:"hash"`
}

// Types lists the types of the claim's events, in order.
func (c Claim) Types() string {
	types := make([]string, len(c.Events))
	for i, event := range c.Events {
		types[i] = event.Type
	}
	return strings.Join(types, " ")
}

// Nomination is a body that adds the customer by an ID to engagements; the changes given are made to it, nil takes a
// field away.
func (p Partner) Nomination(c Customer, id Object, engagements []string, changes Object) Object {
	body := Object{
		"friendlyName": "The claim of " + c.Name, "locationId": p.Location, "customerId": id,
		"engagementIds":   engagements,
		"customerContact": Object{"name": "Kim Contact", "email": c.Email},
		"partnerContact":  Object{"name": "Pat Partner", "email": "pat@partner.example"},
	}
	for field, value := range changes {
		body[field] = value
		if value == nil {
			delete(body, field)
		}
	}
	return body
}

// Add adds the customer by its tenant ID, and gives the claim.
func (p Partner) Add(t testing.TB, c Customer, engagement string) Claim {
	t.Helper()
	return p.add(t, c, mci.TenantID, engagement, nil)
}

// AddVariable adds the customer by its MSX opportunity ID for some hours.
func (p Partner) AddVariable(t testing.TB, c Customer, engagement string, hours int) Claim {
	t.Helper()
	return p.add(t, c, mci.MSXOpportunity, engagement, Object{"hours": hours})
}

func (p Partner) add(t testing.TB, c Customer, by mci.IDType, engagement string, changes Object) Claim {
	t.Helper()
	body := p.Nomination(c, c.By(by), []string{engagement}, changes)
	return Born(t, localtest.Call(t, "POST", "/v1/customers", p.Token, body))[0]
}

// ClaimBody is a body that claims a known customer.
func (p Partner) ClaimBody(c Customer, engagements []string, changes Object) Object {
	body := p.Nomination(c, nil, engagements, changes)
	delete(body, "customerId")
	return body
}

// Claim claims a known customer, and gives the claim.
func (p Partner) Claim(t testing.TB, c Customer, engagement string) Claim {
	t.Helper()
	return Born(t, localtest.Call(t, "POST", "/v1/customers/"+c.ID+"/claims", p.Token,
		p.ClaimBody(c, []string{engagement}, nil)))[0]
}

// Know makes the customer known to the partner, by an ID of that type: it consents to a claim on an engagement made for
// it.
func (p Partner) Know(t testing.TB, c Customer, by mci.IDType) Claim {
	t.Helper()
	checked, changes := c.By(by), Object{}
	var engagement string
	switch by {
	case mci.MSXOpportunity:
		engagement, changes = VariableEngagement(t, nil), Object{"hours": 10}
	case mci.Domain:
		engagement, checked = Engagement(t, nil), c.By(mci.TenantID)
	default:
		engagement = Engagement(t, nil)
	}
	Eligible(t, engagement, checked, "")
	claim := p.add(t, c, by, engagement, changes)
	Accept(t, p.Ask(t, claim))
	return p.Get(t, claim.ID)
}

// Born gives the claims that an answer says were added or claimed.
func Born(t testing.TB, answer localtest.Response) []Claim {
	t.Helper()
	answer.Expect(t, 201)
	return localtest.Decode[struct{ Claims []Claim }](t, answer).Claims
}

// Claims gives the partner's latest claims, at most a hundred.
func (p Partner) Claims(t testing.TB) []Claim {
	t.Helper()
	answer := localtest.Call(t, "GET", "/v1/claims?limit=100", p.Token, nil).Expect(t, 200)
	return localtest.Decode[struct{ Claims []Claim }](t, answer).Claims
}

// FirstRequest is the body of a first consent request for a deal of that size.
func FirstRequest(dealSize string) Object {
	return Object{"dealSize": Object{"amount": dealSize, "currency": "USD"}, "disclaimerAccepted": true}
}

// Ask sends the consent email for a deal of 60,000, and gives the path of the page that it links to.
func (p Partner) Ask(t testing.TB, claim Claim) (link string) {
	t.Helper()
	p.Request(t, claim.ID, FirstRequest("60000.00"))
	return Link(t, claim.CustomerContact.Email)
}

// Answer posts the page's form as it stands, hidden field included.
func Answer(t testing.TB, link string, form url.Values) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", link, "", Shown(t, link, form))
}

var statementField = regexp.MustCompile(`name="statement" value="([0-9a-f]{64})"`)

// Shown adds to a form the hash of the statement that the page shows now, where it shows one (D27).
func Shown(t testing.TB, link string, form url.Values, headers ...string) url.Values {
	t.Helper()
	page := localtest.Call(t, "GET", link, "", nil, headers...)
	if found := statementField.FindSubmatch(page.Body); found != nil && !form.Has("statement") {
		form = maps.Clone(form)
		form.Set("statement", string(found[1]))
	}
	return form
}

// Accept and Decline are the customer's answers.
func Accept(t testing.TB, link string) {
	t.Helper()
	Answer(t, link, Form("accept")).Expect(t, 303)
}

// Decline declines without a reason.
func Decline(t testing.TB, link string) {
	t.Helper()
	Answer(t, link, Form("decline")).Expect(t, 303)
}

// Consented gives a claim to which the customer has consented.
func (p Partner) Consented(t testing.TB, c Customer, engagement string) Claim {
	t.Helper()
	claim := p.Add(t, c, engagement)
	Accept(t, p.Ask(t, claim))
	return p.Get(t, claim.ID)
}

// Get gives the claim as it is now, with its events.
func (p Partner) Get(t testing.TB, claimID string) Claim {
	t.Helper()
	return localtest.Decode[Claim](t, localtest.Call(t, "GET", "/v1/claims/"+claimID, p.Token, nil).Expect(t, 200))
}

// Submit hands the claim in, the work done today.
func (p Partner) Submit(t testing.TB, claimID string) Claim {
	t.Helper()
	return localtest.Decode[Claim](t, Post(t, p.Token, claimID, "submission", Submission()).Expect(t, 200))
}

// Cancel cancels the claim.
func (p Partner) Cancel(t testing.TB, claimID string) Claim {
	t.Helper()
	answer := Post(t, p.Token, claimID, "cancellation", Object{"reason": ""}).Expect(t, 200)
	return localtest.Decode[Claim](t, answer)
}

// Program is a token of the program's staff.
func Program(t testing.TB) string {
	t.Helper()
	return localtest.Token(t, "", Name("staff"), mci.ProgramAdmin)
}

// Review is the program's word on a submitted claim.
func Review(t testing.TB, claimID string, decision mci.ReviewDecision) Claim {
	t.Helper()
	body := Object{"decision": decision, "reason": "Looked at."}
	return localtest.Decode[Claim](t, Post(t, Program(t), claimID, "review", body).Expect(t, 200))
}

// Page is a page of customers.
type Page struct {
	Engagement Object `json:"engagement"`
	Tab        string `json:"tab"`
	Items      []Row  `json:"items"`
	Cursor     string `json:"cursor"`
	Note       string `json:"note"`
}

// Row is a row of any tab.
type Row struct {
	Customer    Object           `json:"customer"`
	CustomerIDs []mci.CustomerID `json:"customerIds"`
	Known       *bool            `json:"known"`
	Claim       *Claim           `json:"claim"`
	Actions     []string         `json:"actions"`
	Reasons     []mci.Reason     `json:"reasons"`
}

// Customers gives all rows of a tab of the engagement's Customers page, whatever their pages.
func (p Partner) Customers(t testing.TB, engagement, tab string) []Row {
	t.Helper()
	path := "/v1/engagements/" + engagement + "/customers?limit=100&tab=" + tab
	var rows []Row
	for _, page := range Pages[Page](t, p.Token, path) {
		rows = append(rows, page.Items...)
	}
	return rows
}

// Pages reads a list to its end, from the cursor on if the path has one, and gives its pages.
func Pages[T any](t testing.TB, token, path string) (pages []T) {
	t.Helper()
	for len(pages) < 1000 {
		answer := localtest.Call(t, "GET", path, token, nil).Expect(t, 200)
		pages = append(pages, localtest.Decode[T](t, answer))
		cursor := localtest.Decode[struct{ Cursor string }](t, answer).Cursor
		if cursor == "" {
			return pages
		}
		address, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		query := address.Query()
		query.Set("cursor", cursor)
		address.RawQuery = query.Encode()
		path = address.String()
	}
	t.Fatalf("the list has no end: %s", path)
	return nil
}

// Find gives the customer's row, nil where there is none.
func Find(rows []Row, c Customer) *Row {
	for i := range rows {
		if rows[i].Customer["id"] == c.ID {
			return &rows[i]
		}
	}
	return nil
}

// Codes lists the codes of reasons.
func Codes(reasons []mci.Reason) string {
	codes := make([]string, len(reasons))
	for i, reason := range reasons {
		codes[i] = string(reason.Code)
	}
	return strings.Join(codes, " ")
}

// Problem is an error as the API shows it.
type Problem struct {
	Type       string        `json:"type"`
	Status     int           `json:"status"`
	Detail     string        `json:"detail"`
	Instance   string        `json:"instance"`
	Errors     []mci.Mistake `json:"errors"`
	ClaimID    string        `json:"claimId"`
	Ineligible []mci.Verdict `json:"ineligible"`
}

// Refused checks that the answer refuses with that status and code, and gives the problem.
func Refused(t testing.TB, answer localtest.Response, status int, code mci.Code) Problem {
	t.Helper()
	answer.Expect(t, status)
	var problem Problem
	if err := json.Unmarshal(answer.Body, &problem); err != nil {
		t.Fatalf("the answer is no problem: %v: %s", err, answer.Body)
	}
	if problem.Type != "urn:mci:problem:"+string(code) || problem.Status != status || problem.Detail == "" ||
		problem.Instance == "" {
		t.Fatalf("the answer is %s, not %s: %s", problem.Type, code, answer.Body)
	}
	if contentType := answer.Header.Get("Content-Type"); contentType != "application/problem+json" {
		t.Fatalf("a problem comes as application/problem+json, not as %s", contentType)
	}
	return problem
}

// Ineligible checks that the answer refuses an ineligible customer, and gives the codes of the reasons for the
// engagement.
func Ineligible(t testing.TB, answer localtest.Response, engagement string) string {
	t.Helper()
	return Reasons(Refused(t, answer, 422, mci.NotEligible).Ineligible, engagement)
}

// Fields lists the names of a JSON object's fields, sorted, so that tests can hold a shape against the contract.
func Fields(t testing.TB, value any) string {
	t.Helper()
	object, isObject := value.(Object)
	if !isObject {
		t.Fatalf("%v is no object", value)
	}
	return strings.Join(slices.Sorted(maps.Keys(object)), " ")
}

// Reasons gives the codes of the reasons for which a problem, or a check, says that the engagement is closed; "" where
// it does not name it.
func Reasons(verdicts []mci.Verdict, engagement string) string {
	for _, verdict := range verdicts {
		if verdict.EngagementID == engagement {
			return Codes(verdict.Reasons)
		}
	}
	return ""
}

// Pointers lists where a problem sees mistakes, sorted.
func (p Problem) Pointers() string {
	pointers := make([]string, len(p.Errors))
	for i, mistake := range p.Errors {
		pointers[i] = mistake.Pointer
	}
	slices.Sort(pointers)
	return strings.Join(pointers, " ")
}
