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
	PartnerName     string              `json:"partnerName"`
	LocationID      string              `json:"locationId"`
	LocationName    string              `json:"locationName"`
	EngagementID    string              `json:"engagementId"`
	EngagementName  string              `json:"engagementName"`
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
	EmailSentAt     *time.Time          `json:"emailSentAt,omitempty"`
	SendsLeft       *int                `json:"sendsLeft,omitempty"` // while consent can be asked for
	CreatedAt       time.Time           `json:"createdAt"`
	ConsentDue      time.Time           `json:"consentDue"`
	ConsentedAt     *time.Time          `json:"consentedAt,omitempty"`
	SubmissionDue   *time.Time          `json:"submissionDue,omitempty"`
	Due             *time.Time          `json:"due,omitempty"` // the deadline that it runs under now
	SubmittedAt     *time.Time          `json:"submittedAt,omitempty"`
	CompletedOn     mci.Date            `json:"completedOn,omitempty"`
	SubmissionNotes string              `json:"submissionNotes,omitempty"`
	ReviewReason    string              `json:"reviewReason,omitempty"`
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

// ViewClaim shows a claim as it stands now to the request's caller, who may see it, with what is open to that caller.
// Field sellers are not shown the customer's contact, nor the reason that was given for it.
func (r *Request) ViewClaim(claim mci.Claim, grants mci.Grants) ClaimView {
	claim = claim.At(r.Now)
	own := r.Caller.Incentives() && r.Caller.PartnerID == claim.PartnerID
	reviews := r.Caller.Has(mci.ProgramAdmin) && claim.OwnedBy(r.Caller.PartnerID, r.Caller.UserID) == nil
	view := ClaimView{
		ID: claim.ID, FriendlyName: claim.FriendlyName, PartnerID: claim.PartnerID, PartnerName: claim.PartnerName,
		LocationID: claim.LocationID, LocationName: claim.LocationName,
		EngagementID: claim.EngagementID, EngagementName: claim.EngagementName, PayType: claim.PayType,
		Customer: claim.Customer, CustomerID: claim.Nominated.CustomerID, Origin: claim.Origin, Status: claim.Status,
		Actions: claim.Actions(own && grants.At(claim.LocationID), reviews),
		Hours:   claim.Hours, Payout: claim.Payout, DealSize: claim.DealSize, PartnerContact: claim.PartnerContact,
		EmailStatus: claim.Email.Status, EmailSentAt: claim.Email.SentAt, CreatedAt: claim.CreatedAt,
		ConsentDue: claim.ConsentDue, ConsentedAt: claim.ConsentedAt, SubmissionDue: claim.SubmissionDue,
		Due:         claim.Due(),
		SubmittedAt: claim.SubmittedAt, CompletedOn: claim.CompletedOn, SubmissionNotes: claim.SubmissionNotes,
		ReviewReason: claim.ReviewReason, EndedAt: claim.EndedAt, DeclineReason: claim.DeclineReason,
		Version: claim.Version,
	}
	if claim.AwaitsConsent() {
		left := claim.SendsLeft(r.Now)
		view.SendsLeft = &left
	}
	if own || r.Caller.Has(mci.ProgramAdmin) {
		view.CustomerContact, view.MismatchReason = &claim.CustomerContact, claim.MismatchReason
	}
	if claim.Referral != nil {
		view.Referral = &ReferralLink{claim.ReferralID(), claim.Referral.Type,
			"/v1/referrals/" + string(claim.ReferralID())}
	}
	return view
}

// EventView is an event of a claim as the API shows it.
type EventView struct {
	Seq          int               `json:"seq"`
	At           time.Time         `json:"at"`
	Actor        string            `json:"actor"`
	Type         mci.EventType     `json:"type"`
	Detail       map[string]string `json:"detail"`
	PreviousHash string            `json:"previousHash"`
	Hash         string            `json:"hash"`
}

// ViewEvent shows an event with as much of its detail as the reader may see.
func ViewEvent(e mci.Event, detail map[string]string) EventView {
	return EventView{e.Seq, e.At, e.Actor, e.Type, detail, e.PreviousHash, e.Hash}
}
