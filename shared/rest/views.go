package rest

import (
	"time"

	"mci.example/customers/shared/mci"
)

// ClaimView is a claim as the API shows it.
type ClaimView struct {
	ID              mci.ClaimID         `json:"id"`
	FriendlyName    string              `json:"friendlyName"`
	PartnerID       string              `json:"partnerId"`
	LocationID      string              `json:"locationId"`
	EngagementID    string              `json:"engagementId"`
	PayType         mci.PayType         `json:"payType"`
	Customer        mci.CustomerSummary `json:"customer"`
	CustomerID      mci.CustomerID      `json:"customerId"`
	Origin          mci.Origin          `json:"origin"`
	Status          mci.Status          `json:"status"`
	Actions         []mci.Action        `json:"actions"`
	Hours           int                 `json:"hours,omitempty"`
	Payout          mci.Money           `json:"payout"`
	DealSize        *mci.Money          `json:"dealSize,omitempty"`
	MismatchReason  string              `json:"mismatchReason,omitempty"`
	CustomerContact *mci.Contact        `json:"customerContact,omitempty"`
	PartnerContact  mci.Contact         `json:"partnerContact"`
	EmailStatus     mci.EmailStatus     `json:"emailStatus,omitempty"`
	CreatedAt       time.Time           `json:"createdAt"`
	ConsentDue      time.Time           `json:"consentDue"`
	ConsentedAt     *time.Time          `json:"consentedAt,omitempty"`
	SubmissionDue   *time.Time          `json:"submissionDue,omitempty"`
	EndedAt         *time.Time          `json:"endedAt,omitempty"`
	DeclineReason   string              `json:"declineReason,omitempty"`
	Referral        *ReferralLink       `json:"referral,omitempty"`
	Version         int                 `json:"version"`
}

// ClaimList is a list of claims as the API shows it.
type ClaimList struct {
	Claims []ClaimView `json:"claims"`
	Cursor string      `json:"cursor,omitempty"`
}

// ReferralLink leads from a claim to its referral (S26).
type ReferralLink struct {
	ID   mci.ReferralID   `json:"id"`
	Type mci.ReferralType `json:"type"`
	Href string           `json:"href"`
}

// ViewClaim shows a claim to a caller who may see it, with what is open to that caller. Those who are neither of its partner nor
// the program's admins are not shown the customer's contact.
func ViewClaim(claim mci.Claim, caller Caller, grants mci.Grants) ClaimView {
	own := caller.Incentives() && caller.PartnerID == claim.PartnerID
	view := ClaimView{
		ID: claim.ID, FriendlyName: claim.FriendlyName, PartnerID: claim.PartnerID, LocationID: claim.LocationID,
		EngagementID: claim.EngagementID, PayType: claim.PayType, Customer: claim.Customer, CustomerID: claim.Nominated.CustomerID,
		Origin: claim.Origin, Status: claim.Status,
		Actions: claim.Actions(own && grants.At(claim.LocationID), caller.Has(mci.ProgramAdmin)),
		Hours:   claim.Hours, Payout: claim.Payout, DealSize: claim.DealSize, MismatchReason: claim.MismatchReason,
		PartnerContact: claim.PartnerContact, EmailStatus: claim.Email.Status, CreatedAt: claim.CreatedAt,
		ConsentDue: claim.ConsentDue, ConsentedAt: claim.ConsentedAt, SubmissionDue: claim.SubmissionDue, EndedAt: claim.EndedAt,
		DeclineReason: claim.DeclineReason, Version: claim.Version,
	}
	if own || caller.Has(mci.ProgramAdmin) {
		view.CustomerContact = &claim.CustomerContact
	}
	if claim.Referral != nil {
		view.Referral = &ReferralLink{claim.ReferralID(), claim.Referral.Type, "/v1/referrals/" + string(claim.ReferralID())}
	}
	return view
}
