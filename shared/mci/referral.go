package mci

import "time"

// ReferralType says who sells: the partner alone, or together with the program's sellers.
type ReferralType string

// The types of a referral.
const (
	PartnerLed ReferralType = "partner-led"
	CoSell     ReferralType = "co-sell"
)

// ReferralTypes lists them.
var ReferralTypes = []ReferralType{PartnerLed, CoSell}

// ReferralStatus is how far a referral has come.
type ReferralStatus string

// The statuses of a referral (D9).
const (
	ReferralNew    ReferralStatus = "new"
	ReferralActive ReferralStatus = "active"
	ReferralIsOver ReferralStatus = "closed"
)

// Referral is what a claim keeps of its referral. All else follows from the claim, so the two cannot disagree.
type Referral struct {
	Type       ReferralType `json:"type"`
	CreatedAt  time.Time    `json:"createdAt"`
	UpgradedAt *time.Time   `json:"upgradedAt,omitempty"`
}

// ReferralID identifies a claim's referral.
type ReferralID string

// ReferralID is the ID of the claim's referral.
func (c Claim) ReferralID() ReferralID { return "R" + ReferralID(c.ID) }

// ParseReferralID gives the claim to which a referral belongs, and whether the text can be a referral's ID at all.
func ParseReferralID(text string) (ClaimID, bool) {
	if text == "" || text[0] != 'R' {
		return "", false
	}
	return ParseClaimID(text[1:])
}

// substatuses say how a referral closed, by its claim's end (D9).
var substatuses = map[Status]string{Completed: "won", Rejected: "lost", Cancelled: "lost", Declined: "declined",
	Expired: "expired"}

func (c Claim) referralStatus() (ReferralStatus, string) {
	switch {
	case c.Status.Terminal():
		return ReferralIsOver, substatuses[c.Status]
	case c.ConsentedAt == nil:
		return ReferralNew, ""
	}
	return ReferralActive, ""
}

// ReferralSummary is a referral as lists show it.
type ReferralSummary struct {
	ID             ReferralID      `json:"id"`
	ClaimID        ClaimID         `json:"claimId"`
	PartnerID      string          `json:"partnerId"`
	PartnerName    string          `json:"partnerName"`
	FriendlyName   string          `json:"friendlyName"`
	Type           ReferralType    `json:"type"`
	Status         ReferralStatus  `json:"status"`
	Substatus      string          `json:"substatus,omitempty"`
	DealSize       Money           `json:"dealSize"`
	Customer       CustomerSummary `json:"customer"`
	EngagementID   string          `json:"engagementId"`
	EngagementName string          `json:"engagementName"`
	CreatedAt      time.Time       `json:"createdAt"`
	UpgradedAt     *time.Time      `json:"upgradedAt,omitempty"`
}

// ReferralSummary gives the claim's referral; the claim must have one.
func (c Claim) ReferralSummary() ReferralSummary {
	status, substatus := c.referralStatus()
	return ReferralSummary{
		ID: c.ReferralID(), ClaimID: c.ID, PartnerID: c.PartnerID, PartnerName: c.PartnerName,
		FriendlyName: c.FriendlyName,
		Type:         c.Referral.Type, Status: status, Substatus: substatus,
		DealSize: *c.DealSize, Customer: c.Customer, EngagementID: c.EngagementID, EngagementName: c.EngagementName,
		CreatedAt: c.Referral.CreatedAt, UpgradedAt: c.Referral.UpgradedAt,
	}
}

// IsCoSell says whether the claim's referral is co-sell: the program's sellers then see the claim (S27).
func (c Claim) IsCoSell() bool { return c.Referral != nil && c.Referral.Type == CoSell }

// NotManaged refuses an upgrade for a customer that is not managed (D9).
var NotManaged = Refuse(NotQualified, "The engagement co-sells with managed customers only, and this one is not.")

// Upgrade makes the claim's referral co-sell if it qualifies (S27, D9): the customer has consented, the claim is open,
// and the engagement's rule holds. The change says where it holds for managed customers only. A referral that is
// co-sell already stays as it is: the change is then empty.
func (c Claim) Upgrade(act Act, engagement Engagement) (Change, error) {
	rule := engagement.CoSell
	switch {
	case c.Referral.Type == CoSell:
		return Change{}, nil
	case c.ConsentedAt == nil:
		return Change{}, Refuse(NotQualified, "The customer has not consented.")
	case c.Status.Terminal():
		return Change{}, Refuse(NotQualified, "The referral is closed.")
	case rule == nil:
		return Change{}, Refuse(NotQualified, "The engagement has no co-sell.")
	case c.DealSize.Less(rule.MinDealSize):
		return Change{}, Refuse(NotQualified, "The deal size is below "+rule.MinDealSize.String()+" "+Currency+".")
	}
	change := c.begin()
	change.ManagedOnly = rule.ManagedCustomersOnly
	upgraded := *c.Referral
	upgraded.Type, upgraded.UpgradedAt = CoSell, &act.At
	change.After.Referral = &upgraded
	change.record(act, ReferralUpgraded, map[string]string{"referralId": string(c.ReferralID()),
		"type": string(CoSell)}, nil)
	return change, nil
}
