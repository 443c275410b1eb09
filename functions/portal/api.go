package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// api calls the public API with a user's own token, and with no right of its own (B5).
type api struct {
	url      string
	client   *http.Client
	token    string
	address  string // the user's network address (D24)
	language string // of the disclaimer
}

// money is an amount in dollars.
type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// customerID is an ID by which a customer is nominated.
type customerID struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// contact is a person. Notices are a partner's contact's; left out they are wanted.
type contact struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Phone   string `json:"phone,omitempty"`
	Locale  string `json:"locale,omitempty"`
	Notices *bool  `json:"notices,omitempty"`
}

// customer is a company.
type customer struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Country string `json:"country"`
}

// engagement is an engagement with its rules. Locations, which the user may choose, come with one alone.
type engagement struct {
	ID                     string   `json:"id"`
	Name                   string   `json:"name"`
	SolutionArea           string   `json:"solutionArea"`
	Description            string   `json:"description"`
	PayType                string   `json:"payType"`
	CustomerIDTypes        []string `json:"customerIdTypes"`
	StartsOn               string   `json:"startsOn"`
	EndsOn                 string   `json:"endsOn"`
	ConsentWindowDays      int      `json:"consentWindowDays"`
	SubmissionWindowDays   int      `json:"submissionWindowDays"`
	ResubmissionWindowDays int      `json:"resubmissionWindowDays"`
	ClaimLimits            struct {
		Active  int `json:"active"`
		Allowed int `json:"allowed"`
	} `json:"claimLimits"`
	Exclusive bool   `json:"exclusive"`
	Payout    *money `json:"payout"`
	Rates     *struct {
		PerHour               money  `json:"perHour"`
		MinHours              int    `json:"minHours"`
		MaxHours              int    `json:"maxHours"`
		MaxPayout             money  `json:"maxPayout"`
		MaxShareOfOpportunity string `json:"maxShareOfOpportunity"`
	} `json:"rates"`
	Referral *struct {
		MinDealSize money `json:"minDealSize"`
	} `json:"referral"`
	CoSell *struct {
		MinDealSize          money `json:"minDealSize"`
		ManagedCustomersOnly bool  `json:"managedCustomersOnly"`
	} `json:"coSell"`
	State             string     `json:"state"`
	EligibleLocations *int       `json:"eligibleLocations"`
	EnrolledLocations *int       `json:"enrolledLocations"`
	Locations         []location `json:"locations"`
}

// location is a location of the partner.
type location struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Country string `json:"country"`
}

// claim is a claim; Events, EventsIntact and Signals come with one alone.
type claim struct {
	ID              string     `json:"id"`
	FriendlyName    string     `json:"friendlyName"`
	PartnerID       string     `json:"partnerId"`
	PartnerName     string     `json:"partnerName"`
	LocationID      string     `json:"locationId"`
	LocationName    string     `json:"locationName"`
	EngagementID    string     `json:"engagementId"`
	EngagementName  string     `json:"engagementName"`
	PayType         string     `json:"payType"`
	Customer        customer   `json:"customer"`
	CustomerID      customerID `json:"customerId"`
	Origin          string     `json:"origin"`
	Status          string     `json:"status"`
	Actions         []string   `json:"actions"`
	Hours           int        `json:"hours"`
	Payout          money      `json:"payout"`
	DealSize        *money     `json:"dealSize"`
	MismatchReason  string     `json:"mismatchReason"`
	CustomerContact *contact   `json:"customerContact"`
	PartnerContact  contact    `json:"partnerContact"`
	EmailStatus     string     `json:"emailStatus"`
	EmailSentAt     *time.Time `json:"emailSentAt"`
	SendsLeft       *int       `json:"sendsLeft"`
	CreatedAt       time.Time  `json:"createdAt"`
	ConsentDue      time.Time  `json:"consentDue"`
	ConsentedAt     *time.Time `json:"consentedAt"`
	SubmissionDue   *time.Time `json:"submissionDue"`
	Due             *time.Time `json:"due"`
	SubmittedAt     *time.Time `json:"submittedAt"`
	CompletedOn     string     `json:"completedOn"`
	SubmissionNotes string     `json:"submissionNotes"`
	ReviewReason    string     `json:"reviewReason"`
	EndedAt         *time.Time `json:"endedAt"`
	DeclineReason   string     `json:"declineReason"`
	Referral        *struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Href string `json:"href"`
	} `json:"referral"`
	Version      int      `json:"version"`
	Events       []event  `json:"events"`
	EventsIntact bool     `json:"eventsIntact"`
	Signals      []reason `json:"signals"`
}

// can says whether an action on the claim is open to the user now.
func (c claim) can(action string) bool {
	for _, open := range c.Actions {
		if open == action {
			return true
		}
	}
	return false
}

// event is an event of a claim's history.
type event struct {
	Seq          int               `json:"seq"`
	At           time.Time         `json:"at"`
	Actor        string            `json:"actor"`
	Type         string            `json:"type"`
	Detail       map[string]string `json:"detail"`
	PreviousHash string            `json:"previousHash"`
	Hash         string            `json:"hash"`
}

// claimList is a page of claims.
type claimList struct {
	Claims []claim `json:"claims"`
	Cursor string  `json:"cursor"`
}

// customersPage is a page of a tab of an engagement's Customers page.
type customersPage struct {
	Engagement struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"engagement"`
	Tab    string        `json:"tab"`
	Items  []customerRow `json:"items"`
	Cursor string        `json:"cursor"`
	Note   string        `json:"note"`
}

// customerRow is a row of any tab.
type customerRow struct {
	Customer    customer     `json:"customer"`
	CustomerIDs []customerID `json:"customerIds"`
	Known       bool         `json:"known"`
	Claim       *claim       `json:"claim"`
	Actions     []string     `json:"actions"`
	Reasons     []reason     `json:"reasons"`
}

// reason says in a code, and in English words, why not.
type reason struct {
	Code       string   `json:"code"`
	Detail     string   `json:"detail"`
	EligibleBy []string `json:"eligibleBy,omitempty"`
}

// verdict says that a customer may take part in one engagement, or every reason why not.
type verdict struct {
	EngagementID string       `json:"engagementId"`
	Name         string       `json:"name"`
	PayType      string       `json:"payType"`
	Payout       *money       `json:"payout"`
	PayoutBasis  *payoutBasis `json:"payoutBasis"`
	By           *customerID  `json:"by"`
	Reasons      []reason     `json:"reasons"`
}

// payoutBasis says what a variable payout was computed from.
type payoutBasis struct {
	Hours                 int    `json:"hours"`
	PerHour               money  `json:"perHour"`
	OpportunityValue      money  `json:"opportunityValue"`
	MaxPayout             money  `json:"maxPayout"`
	MaxShareOfOpportunity string `json:"maxShareOfOpportunity"`
	DecidedBy             string `json:"decidedBy"`
}

// checkRequest asks which engagements a customer may take part in.
type checkRequest struct {
	CustomerID      *customerID `json:"customerId,omitempty"`
	KnownCustomerID string      `json:"knownCustomerId,omitempty"`
	OpportunityID   string      `json:"opportunityId,omitempty"`
	LocationID      string      `json:"locationId"`
	CustomerEmail   string      `json:"customerEmail,omitempty"`
	Hours           int         `json:"hours,omitempty"`
}

// checkAnswer is the answer.
type checkAnswer struct {
	Customer                 customer    `json:"customer"`
	CheckedID                *customerID `json:"checkedId"`
	TenantMatchesEmailDomain *bool       `json:"tenantMatchesEmailDomain"`
	Eligible                 []verdict   `json:"eligible"`
	Ineligible               []verdict   `json:"ineligible"`
}

// nomination adds a customer, or without CustomerID claims a known one.
type nomination struct {
	FriendlyName    string      `json:"friendlyName"`
	LocationID      string      `json:"locationId"`
	CustomerID      *customerID `json:"customerId,omitempty"`
	OpportunityID   string      `json:"opportunityId,omitempty"`
	EngagementIDs   []string    `json:"engagementIds"`
	Hours           int         `json:"hours,omitempty"`
	MismatchReason  string      `json:"mismatchReason,omitempty"`
	CustomerContact contact     `json:"customerContact"`
	PartnerContact  contact     `json:"partnerContact"`
}

// consentRequest asks a customer for consent; a preview takes the same fields, all optional.
type consentRequest struct {
	DealSize           *money   `json:"dealSize,omitempty"`
	DisclaimerAccepted bool     `json:"disclaimerAccepted,omitempty"`
	DisclaimerVersion  string   `json:"disclaimerVersion,omitempty"`
	MismatchReason     string   `json:"mismatchReason,omitempty"`
	CustomerContact    *contact `json:"customerContact,omitempty"`
	PartnerContact     *contact `json:"partnerContact,omitempty"`
}

// consentPreview is the email as it will go out, and the disclaimer (D32).
type consentPreview struct {
	To         string `json:"to"`
	ReplyTo    string `json:"replyTo"`
	Locale     string `json:"locale"`
	Subject    string `json:"subject"`
	HTML       string `json:"html"`
	Text       string `json:"text"`
	Disclaimer struct {
		Version string `json:"version"`
		Locale  string `json:"locale"`
		Text    string `json:"text"`
	} `json:"disclaimer"`
	SendsLeft int `json:"sendsLeft"`
}

// submission hands a claim in.
type submission struct {
	CompletedOn string `json:"completedOn"`
	Notes       string `json:"notes"`
}

// review is the program's word on a submitted claim.
type review struct {
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
}

// cancellation ends a claim.
type cancellation struct {
	Reason string `json:"reason"`
}

// referral is the sales record of a claim; PartnerContact and what follows it come with one alone.
type referral struct {
	ID             string     `json:"id"`
	ClaimID        string     `json:"claimId"`
	PartnerID      string     `json:"partnerId"`
	PartnerName    string     `json:"partnerName"`
	EngagementID   string     `json:"engagementId"`
	EngagementName string     `json:"engagementName"`
	FriendlyName   string     `json:"friendlyName"`
	Type           string     `json:"type"`
	Status         string     `json:"status"`
	Substatus      string     `json:"substatus"`
	DealSize       money      `json:"dealSize"`
	Customer       customer   `json:"customer"`
	CreatedAt      time.Time  `json:"createdAt"`
	UpgradedAt     *time.Time `json:"upgradedAt"`
	PartnerContact *contact   `json:"partnerContact"`
	ClaimStatus    string     `json:"claimStatus"`
	ConsentedAt    *time.Time `json:"consentedAt"`
	SubmissionDue  *time.Time `json:"submissionDue"`
	Payout         *money     `json:"payout"`
	Events         []event    `json:"events"`
}

// referralList is a page of referrals.
type referralList struct {
	Referrals []referral `json:"referrals"`
	Cursor    string     `json:"cursor"`
}

func (a api) engagements(ctx context.Context, state string) ([]engagement, error) {
	list, err := call[struct {
		Engagements []engagement `json:"engagements"`
	}](ctx, a, "GET", "/v1/engagements", url.Values{"state": {state}}, "", nil)
	return list.Engagements, err
}

func (a api) engagement(ctx context.Context, id string) (engagement, error) {
	return call[engagement](ctx, a, "GET", "/v1/engagements/"+url.PathEscape(id), nil, "", nil)
}

func (a api) customers(ctx context.Context, engagementID string, query url.Values) (customersPage, error) {
	return call[customersPage](ctx, a, "GET", "/v1/engagements/"+url.PathEscape(engagementID)+"/customers", query, "",
		nil)
}

func (a api) claims(ctx context.Context, query url.Values) (claimList, error) {
	return call[claimList](ctx, a, "GET", "/v1/claims", query, "", nil)
}

func (a api) claim(ctx context.Context, id string) (claim, error) {
	return call[claim](ctx, a, "GET", "/v1/claims/"+url.PathEscape(id), nil, "", nil)
}

func (a api) receipt(ctx context.Context, claimID string) (string, error) {
	answer, err := call[struct {
		Receipt string `json:"receipt"`
	}](ctx, a, "GET", "/v1/claims/"+url.PathEscape(claimID)+"/receipt", nil, "", nil)
	return answer.Receipt, err
}

func (a api) checkEligibility(ctx context.Context, request checkRequest) (checkAnswer, error) {
	return call[checkAnswer](ctx, a, "POST", "/v1/eligibility-checks", nil, "", request)
}

func (a api) addCustomer(ctx context.Context, key string, request nomination) ([]claim, error) {
	list, err := call[claimList](ctx, a, "POST", "/v1/customers", nil, key, request)
	return list.Claims, err
}

func (a api) claimCustomer(ctx context.Context, key, customerID string, request nomination) ([]claim, error) {
	list, err := call[claimList](ctx, a, "POST", "/v1/customers/"+url.PathEscape(customerID)+"/claims", nil, key,
		request)
	return list.Claims, err
}

func (a api) previewConsent(ctx context.Context, claimID string, request consentRequest) (consentPreview, error) {
	return call[consentPreview](ctx, a, "POST", "/v1/claims/"+url.PathEscape(claimID)+"/consent-previews", nil, "",
		request)
}

func (a api) sendConsent(ctx context.Context, key, claimID string, request consentRequest) (claim, error) {
	return call[claim](ctx, a, "POST", "/v1/claims/"+url.PathEscape(claimID)+"/consent-requests", nil, key, request)
}

func (a api) submit(ctx context.Context, key, claimID string, request submission) (claim, error) {
	return call[claim](ctx, a, "POST", "/v1/claims/"+url.PathEscape(claimID)+"/submission", nil, key, request)
}

func (a api) cancel(ctx context.Context, key, claimID string, request cancellation) (claim, error) {
	return call[claim](ctx, a, "POST", "/v1/claims/"+url.PathEscape(claimID)+"/cancellation", nil, key, request)
}

func (a api) review(ctx context.Context, key, claimID string, request review) (claim, error) {
	return call[claim](ctx, a, "POST", "/v1/claims/"+url.PathEscape(claimID)+"/review", nil, key, request)
}

func (a api) referrals(ctx context.Context, query url.Values) (referralList, error) {
	return call[referralList](ctx, a, "GET", "/v1/referrals", query, "", nil)
}

func (a api) referral(ctx context.Context, id string) (referral, error) {
	return call[referral](ctx, a, "GET", "/v1/referrals/"+url.PathEscape(id), nil, "", nil)
}

func (a api) upgrade(ctx context.Context, key, referralID string) (referral, error) {
	return call[referral](ctx, a, "POST", "/v1/referrals/"+url.PathEscape(referralID)+"/upgrade", nil, key, struct{}{})
}

// problem is why the API refused, or that it did not answer: its own problem documents, and codes for what never
// reached it.
type problem struct {
	Type       string        `json:"type"`
	Status     int           `json:"status"`
	Code       string        `json:"-"`
	Detail     string        `json:"detail"`
	Instance   string        `json:"instance"`
	Errors     []mistake     `json:"errors"`
	ClaimID    string        `json:"claimId"`
	Ineligible []verdict     `json:"ineligible"`
	RetryAfter time.Duration `json:"-"`
}

// mistake is one thing wrong with a request: a pointer into its body, or to a query parameter, and what.
type mistake struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error names the code and nothing that was sent.
func (p *problem) Error() string { return fmt.Sprintf("the API answered %d %s", p.Status, p.Code) }

// Codes for what is no answer of the API.
const (
	unavailable = "unavailable" // no connection, or nonsense
	slow        = "slow"        // no answer in time
)

// problemOf gives the problem that an error is, nil where it is none.
func problemOf(err error) *problem {
	var p *problem
	errors.As(err, &p)
	return p
}

// codes of answers without a problem document, which the gateway gives by itself.
var codes = map[int]string{401: "unauthenticated", 403: "forbidden", 404: "not-found", 413: "too-large",
	429: "too-many-requests", 503: "try-again"}

const (
	timeToRead = 12 * time.Second // for an answer to a GET
	maxAnswer  = 6 << 20          // bytes, as many as a function can answer
)

func newAPIClient() *http.Client {
	return &http.Client{
		// the token goes nowhere else
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// call sends a request and reads the answer. Whatever keeps it from succeeding is a *problem.
func call[T any](ctx context.Context, a api, method, path string, query url.Values, key string, body any) (answer T,
	_ error) {
	if method == http.MethodGet {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeToRead)
		defer cancel()
	}
	request, err := a.request(ctx, method, path, query, key, body)
	if err != nil {
		return answer, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return answer, unanswered(ctx, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer, unanswered(ctx, err)
	case response.StatusCode >= 300:
		return answer, refused(response, content)
	case len(content) > maxAnswer:
		return answer, &problem{Status: http.StatusBadGateway, Code: unavailable, Detail: "too long"}
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return answer, &problem{Status: http.StatusBadGateway, Code: unavailable, Detail: "not JSON"}
	}
	return answer, nil
}

func (a api) request(ctx context.Context, method, path string, query url.Values, key string, body any) (*http.Request,
	error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding a request to %s: %w", method, err)
		}
		content = bytes.NewReader(encoded)
	}
	address := a.url + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("X-Forwarded-For", a.address)
	request.Header.Set("Accept-Language", a.language)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	return request, nil
}

func unanswered(ctx context.Context, err error) *problem {
	if ctx.Err() != nil {
		return &problem{Status: http.StatusGatewayTimeout, Code: slow, Detail: err.Error()}
	}
	return &problem{Status: http.StatusBadGateway, Code: unavailable, Detail: err.Error()}
}

func refused(response *http.Response, content []byte) *problem {
	p := &problem{}
	if json.Unmarshal(content, p) != nil {
		p = &problem{}
	}
	p.Status = response.StatusCode
	p.Code = strings.TrimPrefix(p.Type, "urn:mci:problem:")
	if p.Code == "" || p.Code == p.Type || p.Status < 400 {
		p.Code = cmp.Or(codes[p.Status], unavailable)
	}
	if p.Code == "internal" || p.Code == unavailable {
		p.Status = http.StatusBadGateway
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}
