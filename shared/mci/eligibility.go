package mci

import (
	"slices"
	"time"
)

// ReasonCode names why a customer or a location may not take part.
type ReasonCode string

// Every reason there is.
const (
	ReasonEngagementNotActive  ReasonCode = "engagement-not-active"
	ReasonIDTypeNotAccepted    ReasonCode = "id-type-not-accepted"
	ReasonLocationNotEnrolled  ReasonCode = "location-not-enrolled"
	ReasonLocationNotEligible  ReasonCode = "location-not-eligible"
	ReasonCriteriaNotMet       ReasonCode = "criteria-not-met"
	ReasonOpportunityClosed    ReasonCode = "opportunity-closed"
	ReasonOpportunityOfAnother ReasonCode = "opportunity-of-another-customer"
	ReasonHoursOutOfRange      ReasonCode = "hours-out-of-range"
	ReasonClaimExists          ReasonCode = "claim-exists"
	ReasonActiveLimitReached   ReasonCode = "active-limit-reached"
	ReasonAllowedLimitReached  ReasonCode = "allowed-limit-reached"
	ReasonConsentedToAnother   ReasonCode = "consented-to-another-partner"
	ReasonEngagedWithAnother   ReasonCode = "engaged-with-another-partner"
	ReasonIDOfAnotherCustomer  ReasonCode = "id-of-another-customer"
)

// withoutEligibilityRow says that the program has no word on a customer ID (S11).
const withoutEligibilityRow = "The program's list for this engagement does not name this customer ID. " +
	"The status of one ID never carries over to another: an eligible TPID or tenant ID must be nominated itself."

// reasonDetails say each reason to a person.
var reasonDetails = map[ReasonCode]string{
	ReasonEngagementNotActive: "Nominations are taken from the engagement's first day to its last (UTC), " +
		"and today is not one of them.",
	ReasonIDTypeNotAccepted:    "The engagement does not take nominations by this type of customer ID.",
	ReasonLocationNotEnrolled:  "The location is not enrolled in the program.",
	ReasonLocationNotEligible:  "The location is not eligible for this engagement.",
	ReasonCriteriaNotMet:       "The customer does not meet the engagement's eligibility criteria.",
	ReasonOpportunityClosed:    "The opportunity is no longer open.",
	ReasonOpportunityOfAnother: "The opportunity belongs to another customer.",
	ReasonHoursOutOfRange:      "The hours are outside the engagement's bounds.",
	ReasonClaimExists:          "You have an open claim for this customer on this engagement.",
	ReasonActiveLimitReached:   "The customer has as many open claims on this engagement as are allowed at a time.",
	ReasonAllowedLimitReached:  "The customer has had as many claims on this engagement as are allowed.",
	ReasonConsentedToAnother:   "The customer has consented to another partner for this engagement.",
	ReasonEngagedWithAnother:   "The customer already engages with another partner on this engagement.",
	ReasonIDOfAnotherCustomer:  "The program's directory gives this ID to another customer by now.",
}

// Reason is why not, for machines and for people.
type Reason struct {
	Code   ReasonCode `json:"code"`
	Detail string     `json:"detail"`

	// EligibleBy are the types of ID by which the program holds this very customer eligible (D33).
	EligibleBy []IDType `json:"eligibleBy,omitempty"`
}

func reasons(codes ...ReasonCode) []Reason {
	found := make([]Reason, len(codes))
	for i, code := range codes {
		found[i] = Reason{Code: code, Detail: reasonDetails[code]}
	}
	return found
}

// NominatedID is a customer ID by which a partner nominated a customer.
type NominatedID struct {
	CustomerID
	ByDomain bool `json:"byDomain,omitempty"` // a tenant to which a domain led (D5)
}

// Eligibility is the program's word on one customer ID for one engagement (S11). An ID without one is not eligible.
type Eligibility struct {
	EngagementID string `json:"engagementId"`
	Eligible     bool   `json:"eligible"`
	Reason       string `json:"reason,omitempty"` // why not
}

// OpportunityStatus is how far a sale has come.
type OpportunityStatus string

// The statuses of an MSX opportunity.
const (
	OpportunityOpen OpportunityStatus = "open"
	OpportunityWon  OpportunityStatus = "won"
	OpportunityLost OpportunityStatus = "lost"
)

// Opportunity is a sale that the program's sellers expect (MSX: Microsoft Sales Experience).
type Opportunity struct {
	ID         string            `json:"id"`
	CustomerID string            `json:"customerId"`
	Value      Money             `json:"value"`
	Status     OpportunityStatus `json:"status"`
}

// Candidate is all that a customer's standing on one engagement is judged by, for one partner at one instant.
type Candidate struct {
	Engagement    Engagement
	PartnerID     string
	CustomerID    string
	ID            NominatedID
	Eligibility   *Eligibility // the program's word on ID; nil for none
	EligibleBy    []IDType     // the types of the customer's IDs that are eligible for the engagement
	Opportunity   *Opportunity // that ID names, for MSX opportunities
	Participation Participation
	IDReassigned  bool      // the directory gives ID to another customer by now (D34)
	Location      *Location // nil where none was chosen yet, as on the Customers page
	Hours         *int      // nil where not given yet
	Now           time.Time
}

// Reasons gives every reason for which the customer, or the location, may not take part; none means eligible
// (S3, S8, S9, S11, S14, D4, D6, D7, D8, D15).
func (c Candidate) Reasons() []Reason {
	var codes []ReasonCode
	add := func(holds bool, code ReasonCode) {
		if holds {
			codes = append(codes, code)
		}
	}
	accepted := c.Engagement.Accepts(c.ID)
	add(c.Engagement.State(c.Now) != Active, ReasonEngagementNotActive)
	add(!accepted, ReasonIDTypeNotAccepted)
	if c.Location != nil {
		add(!c.Location.Enrolled, ReasonLocationNotEnrolled)
		add(!c.Location.EligibleFor(c.Engagement.ID), ReasonLocationNotEligible)
	}
	add(c.IDReassigned, ReasonIDOfAnotherCustomer)
	add(accepted && (c.Eligibility == nil || !c.Eligibility.Eligible), ReasonCriteriaNotMet)
	if c.Opportunity != nil && accepted {
		add(c.Opportunity.Status != OpportunityOpen, ReasonOpportunityClosed)
		add(c.Opportunity.CustomerID != c.CustomerID, ReasonOpportunityOfAnother)
	}
	if c.Hours != nil && c.Engagement.Rates != nil {
		add(*c.Hours < c.Engagement.Rates.MinHours || *c.Hours > c.Engagement.Rates.MaxHours, ReasonHoursOutOfRange)
	}
	found := reasons(append(codes, c.Participation.refusals(c.Engagement, c.PartnerID, c.Now)...)...)
	for i := range found {
		if found[i].Code != ReasonCriteriaNotMet {
			continue
		}
		found[i].EligibleBy = c.Engagement.taken(c.EligibleBy)
		switch {
		case c.Eligibility == nil:
			found[i].Detail = withoutEligibilityRow
		case c.Eligibility.Reason != "":
			found[i].Detail = c.Eligibility.Reason
		}
	}
	return found
}

// taken gives, of the types of eligible IDs, those that the engagement takes, each once. A tenant serves an engagement
// that takes domains, too (D5, D33).
func (e Engagement) taken(types []IDType) []IDType {
	var taken []IDType
	for _, idType := range IDTypes {
		id := NominatedID{CustomerID: CustomerID{Type: idType}, ByDomain: idType == TenantID}
		if slices.Contains(types, idType) && e.Accepts(id) {
			taken = append(taken, idType)
		}
	}
	return taken
}

// same says whether two reasons tell a person the same.
func (r Reason) same(other Reason) bool { return r.Code == other.Code && r.Detail == other.Detail }

// FirstEligible gives, of candidates that differ in the ID alone, the first that is eligible, in the order of
// nomination; if none is, it gives the reasons of all, each once (D19). There must be at least one candidate.
func FirstEligible(candidates []Candidate) (Candidate, []Reason) {
	var all []Reason
	for _, candidate := range candidates {
		found := candidate.Reasons()
		if len(found) == 0 {
			return candidate, nil
		}
		for _, reason := range found {
			if !slices.ContainsFunc(all, reason.same) {
				all = append(all, reason)
			}
		}
	}
	return candidates[0], all
}

// TenantMatches compares a nominated tenant ID with the tenant that the customer's email domain leads to, "" for none
// (S12, D18). It gives nil where there is nothing to compare: the nomination is not by a tenant ID.
func TenantMatches(nominated CustomerID, domain DirectoryEntry) *bool {
	if nominated.Type != TenantID {
		return nil
	}
	matches := nominated.Value == domain.Tenant
	return &matches
}
