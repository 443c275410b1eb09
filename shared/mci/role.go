package mci

// Role is what a caller may do, as the token says it. A caller may hold several.
type Role string

// The roles of the program's portal.
const (
	IncentivesAdmin Role = "incentives-admin" // all partner work on claims
	IncentivesUser  Role = "incentives-user"  // the same work as an incentives-admin (D17)
	ReferralAdmin   Role = "referral-admin"   // the partner's referrals in detail, and their upgrade
	FieldSeller     Role = "field-seller"     // co-sell referrals and their claims, of every partner
	ProgramAdmin    Role = "program-admin"    // every partner's claims and referrals; reviews submitted claims
)

// Roles lists every role there is, so that tests and documents can go through them all.
var Roles = []Role{IncentivesAdmin, IncentivesUser, ReferralAdmin, FieldSeller, ProgramAdmin}
