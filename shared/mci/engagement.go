// Package mci holds the program's rules as pure code: it reads no clock, no network and no table. Every rule of
// the product lives here; functions load what a rule needs, ask it, and commit what it says.
package mci

import (
	"fmt"
	"slices"
	"time"
)

// PayType says how an engagement pays.
type PayType string

// The two ways to pay.
const (
	Fixed    PayType = "fixed"    // one amount for the work
	Variable PayType = "variable" // by the hour, within bounds
)

// Engagement is a partner activity that pays. It is the program's data, imported and never coded (B2).
type Engagement struct {
	ID                     string        `json:"id"`
	Name                   string        `json:"name"`
	SolutionArea           string        `json:"solutionArea"`
	Description            string        `json:"description"`
	PayType                PayType       `json:"payType"`
	CustomerIDTypes        []IDType      `json:"customerIdTypes"` // by which a customer may be nominated (S9)
	StartsOn               Date          `json:"startsOn"`        // the first day on which nominations are taken (D6)
	EndsOn                 Date          `json:"endsOn"`          // the last one
	ConsentWindowDays      int           `json:"consentWindowDays"`
	SubmissionWindowDays   int           `json:"submissionWindowDays"`
	ResubmissionWindowDays int           `json:"resubmissionWindowDays"`
	ClaimLimits            ClaimLimits   `json:"claimLimits"`
	Exclusive              bool          `json:"exclusive"`        // one partner at a time for a customer (D15)
	Payout                 *Money        `json:"payout,omitempty"` // of fixed pay
	Rates                  *Rates        `json:"rates,omitempty"`  // of variable pay
	Referral               *ReferralRule `json:"referral"`
	CoSell                 *CoSellRule   `json:"coSell"`
	Reminders              *Reminders    `json:"reminders"` // nil for none
}

// ClaimLimits bound a customer's claims on an engagement, over all partners (D4).
type ClaimLimits struct {
	Active  int `json:"active"`  // open claims
	Allowed int `json:"allowed"` // open and completed ones
}

// Rates are what variable pay is computed from (D8).
type Rates struct {
	PerHour               Money `json:"perHour"`
	MinHours              int   `json:"minHours"`
	MaxHours              int   `json:"maxHours"`
	MaxPayout             Money `json:"maxPayout"`
	MaxShareOfOpportunity Share `json:"maxShareOfOpportunity"`
}

// ReferralRule says when asking for consent creates a referral (D9).
type ReferralRule struct {
	MinDealSize Money `json:"minDealSize"`
}

// CoSellRule says when a referral is upgraded to co-sell (D9).
type CoSellRule struct {
	MinDealSize          Money `json:"minDealSize"`
	ManagedCustomersOnly bool  `json:"managedCustomersOnly"`
}

// Reminders say when customer and partner are reminded of a deadline: so many days before it, the earliest first (D30).
type Reminders struct {
	ConsentDays    []int `json:"consentDays"`    // before consentDue
	SubmissionDays []int `json:"submissionDays"` // before submissionDue
}

// EngagementState is where a day lies relative to an engagement's dates.
type EngagementState string

// The states of an engagement (D6).
const (
	Active   EngagementState = "active"
	Upcoming EngagementState = "upcoming"
	Ended    EngagementState = "ended"
)

// State gives the engagement's state at an instant, by UTC dates, first and last included (D6).
func (e Engagement) State(now time.Time) EngagementState {
	switch today := DateOf(now); {
	case today < e.StartsOn:
		return Upcoming
	case today > e.EndsOn:
		return Ended
	}
	return Active
}

// OpportunitiesOnly says that customers can be nominated by MSX opportunity alone; such an engagement's Ineligible tab
// shows no detail (S4, D7).
func (e Engagement) OpportunitiesOnly() bool {
	return len(e.CustomerIDTypes) == 1 && e.CustomerIDTypes[0] == MSXOpportunity
}

// ConsentDue is the deadline for the customer's answer to a claim born at an instant (S20, D2).
func (e Engagement) ConsentDue(born time.Time) time.Time { return born.Add(Days(e.ConsentWindowDays)) }

// promisedSubmissionDue is the deadline to submit a claim that the customer consents to at an instant: by the window
// that the engagement had when the claim was born (S25, D2, D27).
func (c Claim) promisedSubmissionDue(consented time.Time) time.Time {
	return consented.Add(Days(c.SubmissionWindowDays))
}

// ResubmissionDue is the deadline of a claim sent back by a review at an instant; an earlier promise that ends later
// stands (D2).
func (e Engagement) ResubmissionDue(reviewed, promised time.Time) time.Time {
	if due := reviewed.Add(Days(e.ResubmissionWindowDays)); due.After(promised) {
		return due
	}
	return promised
}

// Accepts says whether the engagement takes a nomination by this ID (S9). A tenant to which a domain led satisfies an
// engagement that takes domains (D5).
func (e Engagement) Accepts(id NominatedID) bool {
	return slices.Contains(e.CustomerIDTypes, id.Type) || id.ByDomain && slices.Contains(e.CustomerIDTypes, Domain)
}

// Location is a partner's location, by the program's data.
type Location struct {
	PartnerID      string   `json:"partnerId"`
	PartnerName    string   `json:"partnerName"`
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Country        string   `json:"country"`
	Enrolled       bool     `json:"enrolled"`       // in the program
	AllEngagements bool     `json:"allEngagements"` // eligible for every engagement
	EngagementIDs  []string `json:"engagementIds"`  // or for these
	PartnerDomains []string `json:"partnerDomains"` // of the partner's people, in normal form; none: any domain (D23)
}

// EligibleFor says whether the location may do this engagement, once enrolled.
func (l Location) EligibleFor(engagementID string) bool {
	return l.AllEngagements || slices.Contains(l.EngagementIDs, engagementID)
}

// Grant lets a user write at a location (S8, D17).
type Grant struct {
	PartnerID  string `json:"partnerId"`
	UserID     string `json:"userId"`
	LocationID string `json:"locationId"`
	Role       Role   `json:"role"`
}

// Grants are a user's.
type Grants []Grant

// At says whether the user may write at a location: a grant of either incentives role will do (D17).
func (g Grants) At(locationID string) bool {
	return slices.ContainsFunc(g, func(grant Grant) bool {
		return grant.LocationID == locationID && (grant.Role == IncentivesAdmin || grant.Role == IncentivesUser)
	})
}

// Choosable are the locations that the user may choose for the engagement: enrolled, eligible, granted (S8).
func (g Grants) Choosable(locations []Location, engagementID string) []Location {
	var choosable []Location
	for _, location := range locations {
		if location.Enrolled && location.EligibleFor(engagementID) && g.At(location.ID) {
			choosable = append(choosable, location)
		}
	}
	return choosable
}

// Date is a day in UTC, written 2026-11-01; dates compare as strings do.
type Date string

// ParseDate checks a date.
func ParseDate(text string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", fmt.Errorf("a date is one such as 2026-11-01")
	}
	return Date(text), nil
}

// DateOf is the UTC date of an instant.
func DateOf(instant time.Time) Date { return Date(instant.UTC().Format(time.DateOnly)) }

// Days is a span of n days of 24 hours (D2).
func Days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
