package mci

import (
	"slices"
	"time"
)

// Participation is one customer's part in one engagement, over all partners: the places that open claims hold, by
// claim, and the claims completed. Limits, one open claim per partner, and exclusivity are all decided from it and
// committed on its version, so there is no counter that could drift (D4, D15). The zero value is nobody's part yet.
type Participation struct {
	CustomerID   string            `json:"customerId"`
	EngagementID string            `json:"engagementId"`
	Places       map[ClaimID]Place `json:"places"` // by claim ID
	Completed    int               `json:"completed"`
	// CompletedBy names partners.
	CompletedBy []string `json:"completedBy,omitempty" dynamodbav:"completedBy,stringset,omitempty"`
	Version     int      `json:"version"`
}

// Place is what an open claim holds under the limits, until its deadline.
type Place struct {
	PartnerID string     `json:"partnerId"`
	Due       *time.Time `json:"due,omitempty"` // a submitted claim has none
	Consented bool       `json:"consented"`
}

// Holds says whether the place is still held: at its deadline it is free, swept or not (D3).
func (p Place) Holds(now time.Time) bool { return p.Due == nil || now.Before(*p.Due) }

// Held gives the places still held at an instant.
func (p Participation) Held(now time.Time) map[ClaimID]Place {
	held := make(map[ClaimID]Place, len(p.Places)+1)
	for claimID, place := range p.Places {
		if place.Holds(now) {
			held[claimID] = place
		}
	}
	return held
}

// OpenClaim gives the ID of the partner's open claim, or "" (S6).
func (p Participation) OpenClaim(partnerID string, now time.Time) ClaimID {
	for claimID, place := range p.Places {
		if place.PartnerID == partnerID && place.Holds(now) {
			return claimID
		}
	}
	return ""
}

// With gives the participation with a new claim's place in it, and without those whose deadline has passed.
func (p Participation) With(claim Claim, now time.Time) Participation {
	p.CustomerID, p.EngagementID = claim.Customer.ID, claim.EngagementID
	p.Places = p.Held(now)
	p.Places[claim.ID] = claim.Place()
	p.Version++
	return p
}

// Open says whether limits and exclusivity leave room for a new claim of the partner (D4, D15).
func (p Participation) Open(engagement Engagement, partnerID string, now time.Time) bool {
	return len(p.refusals(engagement, partnerID, now)) == 0
}

// refusals gives the reasons for which the participation takes no new claim of the partner.
func (p Participation) refusals(engagement Engagement, partnerID string, now time.Time) []ReasonCode {
	held := p.Held(now)
	var codes []ReasonCode
	if p.OpenClaim(partnerID, now) != "" {
		codes = append(codes, ReasonClaimExists)
	}
	if len(held) >= engagement.ClaimLimits.Active {
		codes = append(codes, ReasonActiveLimitReached)
	}
	if len(held)+p.Completed >= engagement.ClaimLimits.Allowed {
		codes = append(codes, ReasonAllowedLimitReached)
	}
	if !engagement.Exclusive {
		return codes
	}
	isOther := func(partner string) bool { return partner != partnerID }
	completed := slices.ContainsFunc(p.CompletedBy, isOther)
	consented, engaged := completed, completed
	for _, place := range held {
		engaged = engaged || isOther(place.PartnerID)
		consented = consented || isOther(place.PartnerID) && place.Consented
	}
	if consented {
		codes = append(codes, ReasonConsentedToAnother)
	}
	if engaged {
		codes = append(codes, ReasonEngagedWithAnother)
	}
	return codes
}
