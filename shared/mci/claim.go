package mci

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ClaimID identifies a claim and names its partner, so that one read finds it whoever asks; to clients it is opaque.
type ClaimID string

var partnerEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewClaimID makes an ID from an ordinal, a ULID, which orders claims by their birth.
func NewClaimID(ordinal, partnerID string) ClaimID {
	return ClaimID(ordinal + "-" + partnerEncoding.EncodeToString([]byte(partnerID)))
}

// ordinalLength is a ULID's.
const ordinalLength = 26

// ParseClaimID says whether the text can be a claim's ID at all.
func ParseClaimID(text string) (ClaimID, bool) {
	id := ClaimID(text)
	ordinal, partner, found := strings.Cut(text, "-")
	isULID := len(ordinal) == ordinalLength && strings.Trim(ordinal, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
	if !found || !isULID || len(partner) > 200 {
		return "", false
	}
	return id, id.PartnerID() != "" && NewClaimID(ordinal, id.PartnerID()) == id
}

// PartnerID is the partner that the ID names, or "" if it names none.
func (id ClaimID) PartnerID() string {
	_, partner, _ := strings.Cut(string(id), "-")
	decoded, err := partnerEncoding.DecodeString(partner)
	if err != nil {
		return ""
	}
	return string(decoded)
}

// Ordinal is the ID's place in the order of birth.
func (id ClaimID) Ordinal() string {
	ordinal, _, _ := strings.Cut(string(id), "-")
	return ordinal
}

// Status is where a claim stands (D1).
type Status string

// The statuses of a claim.
const (
	ConsentNotSent Status = "consent-not-sent" // added or claimed
	ConsentPending Status = "consent-pending"  // the customer was asked
	Consented      Status = "consented"        // the partner does the work
	Submitted      Status = "submitted"        // the program reviews
	ActionRequired Status = "action-required"  // sent back to the partner
	Completed      Status = "completed"        // terminal, as are all below
	Rejected       Status = "rejected"
	Declined       Status = "declined"
	Cancelled      Status = "cancelled"
	Expired        Status = "expired"
)

// Statuses lists every status of a claim.
var Statuses = []Status{
	ConsentNotSent, ConsentPending, Consented, Submitted, ActionRequired,
	Completed, Rejected, Declined, Cancelled, Expired,
}

// moves is the claim's state machine (D1): what may happen in a status, and the status it leads to. A status that is
// not here is terminal.
var moves = map[Status]map[EventType]Status{
	ConsentNotSent: {ConsentRequested: ConsentPending, ClaimCancelled: Cancelled, ClaimExpired: Expired},
	ConsentPending: {
		ConsentReminded: ConsentPending, ConsentAccepted: Consented, ConsentDeclined: Declined,
		ClaimCancelled: Cancelled, ClaimExpired: Expired,
	},
	Consented:      {ClaimSubmitted: Submitted, ClaimCancelled: Cancelled, ClaimExpired: Expired},
	Submitted:      {ClaimCompleted: Completed, ClaimReturned: ActionRequired, ClaimRejected: Rejected},
	ActionRequired: {ClaimSubmitted: Submitted, ClaimCancelled: Cancelled, ClaimExpired: Expired},
}

// Terminal says that nothing moves the claim any more.
func (s Status) Terminal() bool { return len(moves[s]) == 0 }

// Origin is how a claim was born.
type Origin string

// The two origins (S6).
const (
	Added   Origin = "added"   // the partner named the customer by an ID (S7)
	Claimed Origin = "claimed" // the partner took a known customer (S19)
)

// Contact is a person to write to.
type Contact struct {
	Name   string `json:"name"`
	Email  string `json:"email"`
	Phone  string `json:"phone,omitempty"`
	Locale string `json:"locale,omitempty"` // the language to write in (D11)

	// Notices is false where a partner's contact wants no emails about events (D29); nil means true.
	Notices *bool `json:"notices,omitempty"`
}

// Claim is one partner location's work for one customer on one engagement.
type Claim struct {
	ID             ClaimID         `json:"id"`
	FriendlyName   string          `json:"friendlyName"`
	PartnerID      string          `json:"partnerId"`
	PartnerName    string          `json:"partnerName"`
	LocationID     string          `json:"locationId"`
	LocationName   string          `json:"locationName"`
	EngagementID   string          `json:"engagementId"`
	EngagementName string          `json:"engagementName"`
	PayType        PayType         `json:"payType"`
	Customer       CustomerSummary `json:"customer"`
	Nominated      NominatedID     `json:"nominated"` // the ID on which eligibility was checked
	Origin         Origin          `json:"origin"`
	// the customer was known to the partner when the claim was born (S24, D16)
	WasKnown        bool           `json:"wasKnown"`
	Status          Status         `json:"status"`
	Hours           int            `json:"hours,omitempty"` // never changed after birth (S15)
	Payout          Money          `json:"payout"`
	DealSize        *Money         `json:"dealSize,omitempty"` // never changed once sent (S21)
	MismatchReason  string         `json:"mismatchReason,omitempty"`
	CustomerContact Contact        `json:"customerContact"`
	PartnerContact  Contact        `json:"partnerContact"`
	EmailDomain     DirectoryEntry `json:"emailDomain"` // of the customer contact's address
	Email           Email          `json:"email"`
	CreatedAt       time.Time      `json:"createdAt"`
	ConsentDue      time.Time      `json:"consentDue"`
	ConsentedAt     *time.Time     `json:"consentedAt,omitempty"`
	SubmissionDue   *time.Time     `json:"submissionDue,omitempty"`
	SubmittedAt     *time.Time     `json:"submittedAt,omitempty"`
	SubmittedBy     []string       `json:"submittedBy,omitempty"` // the IDs of all users who ever did (D31)
	CompletedOn     Date           `json:"completedOn,omitempty"`
	SubmissionNotes string         `json:"submissionNotes,omitempty"`
	ReviewReason    string         `json:"reviewReason,omitempty"` // of the latest review
	EndedAt         *time.Time     `json:"endedAt,omitempty"`
	DeclineReason   string         `json:"declineReason,omitempty"`
	Stopped         bool           `json:"stopped,omitempty"` // the customer shall not be asked again (D26)
	Referral        *Referral      `json:"referral,omitempty"`
	Events          int            `json:"events"` // how many there are (B1)
	Head            string         `json:"head"`   // the latest event's hash
	Version         int            `json:"version"`

	// Corrected says that a contact, the email domain or the mismatch reason is not the one that the claim was born
	// with.
	Corrected bool `json:"corrected,omitempty"`

	// ListedAs is the form of the customer's name by which the claim is listed, where the name itself was not read.
	ListedAs string `json:"-"`

	// SubmissionWindowDays is what the engagement promised when the claim was born (D27).
	SubmissionWindowDays int `json:"submissionWindowDays"`

	// ReminderDays are the days before the deadline at which the engagement had reminders when the claim entered its
	// status, RemindAt the next such instant (D30).
	ReminderDays []int      `json:"reminderDays,omitempty"`
	RemindAt     *time.Time `json:"remindAt,omitempty"`
}

// Due is the deadline that the claim runs under now, or nil where it runs under none (D2).
func (c Claim) Due() *time.Time {
	switch c.Status {
	case ConsentNotSent, ConsentPending:
		return &c.ConsentDue
	case Consented, ActionRequired:
		return c.SubmissionDue
	}
	return nil
}

// At gives the claim as it stands at an instant: past its deadline it is expired, for every reader and writer, whether
// or not the sweep has come by (D3). A deadline passes when the clock reaches it (D2).
func (c Claim) At(now time.Time) Claim {
	if due := c.Due(); due != nil && !now.Before(*due) {
		ended := *due
		c.Status, c.EndedAt = Expired, &ended
	}
	return c
}

// Place is what the claim holds under the limits while it is open.
func (c Claim) Place() Place {
	return Place{PartnerID: c.PartnerID, Due: c.Due(), Consented: c.ConsentedAt != nil}
}

// Hidden says that the claim is on no tab of the Customers page: it was declined, or expired before consent, by a
// customer who was not known when it was born (S24, D16).
func (c Claim) Hidden() bool {
	return !c.WasKnown && (c.Status == Declined || c.Status == Expired && c.ConsentedAt == nil)
}

// Action is what a caller can do with a claim, or a customer, now.
type Action string

// The actions there are (S2).
const (
	ActionClaimCustomer Action = "claim-customer"
	ActionSendConsent   Action = "send-consent"
	ActionResendConsent Action = "resend-consent"
	ActionSubmitClaim   Action = "submit-claim"
	ActionCancelClaim   Action = "cancel-claim"
	ActionReviewClaim   Action = "review-claim"
)

// partnerActions and programActions are what each side can do in each status.
var (
	partnerActions = map[Status][]Action{
		ConsentNotSent: {ActionSendConsent, ActionCancelClaim},
		ConsentPending: {ActionResendConsent, ActionCancelClaim},
		Consented:      {ActionSubmitClaim, ActionCancelClaim},
		ActionRequired: {ActionSubmitClaim, ActionCancelClaim},
	}
	programActions = map[Status][]Action{Submitted: {ActionReviewClaim}}
)

// Actions lists what is open to a caller who writes at the claim's location, who reviews for the program, or neither.
func (c Claim) Actions(writes, reviews bool) []Action {
	open := []Action{}
	if writes {
		open = append(open, partnerActions[c.Status]...)
	}
	if reviews {
		open = append(open, programActions[c.Status]...)
	}
	return open
}

// wrongStatus refuses what the claim's status does not allow.
func (c Claim) wrongStatus(doing string) *Refusal {
	return Refuse(WrongStatus, "The claim is "+string(c.Status)+"; "+doing)
}

// CheckCompletedOn refuses a day of completion that has not come yet.
func CheckCompletedOn(day Date, now time.Time) error {
	if today := DateOf(now); day > today {
		return fmt.Errorf("must not be after today, %s (UTC)", today)
	}
	return nil
}

// CheckSubmission gives the mistakes of a submission that only the claim can tell: the work cannot be completed before
// the customer's consent.
func (c Claim) CheckSubmission(completedOn Date) []Mistake {
	if c.ConsentedAt == nil || completedOn == "" || completedOn >= DateOf(*c.ConsentedAt) {
		return nil
	}
	consented := string(DateOf(*c.ConsentedAt))
	return []Mistake{{"/completedOn", "must not be before the customer's consent, " + consented + " (UTC)"}}
}

// Submit hands the claim in (S25). It refuses a claim in a status in which nothing can be submitted.
func (c Claim) Submit(act Act, completedOn Date, notes string) (Change, error) {
	detail := map[string]string{"completedOn": string(completedOn)}
	change, moved := c.move(act, ClaimSubmitted, detail, typed(privateNotes, notes))
	if !moved {
		return Change{}, c.wrongStatus("only a claim that the customer has consented to, or that was sent back, " +
			"can be submitted.")
	}
	after := &change.After
	after.SubmittedAt = &act.At
	if !slices.Contains(c.SubmittedBy, act.Actor) {
		after.SubmittedBy = append(slices.Clone(c.SubmittedBy), act.Actor)
	}
	after.CompletedOn, after.SubmissionNotes = completedOn, notes
	return change, nil
}

// Cancel ends the claim at the partner's wish; its place is free.
func (c Claim) Cancel(act Act, reason string) (Change, error) {
	change, moved := c.move(act, ClaimCancelled, nil, typed(privateReason, reason))
	if !moved {
		return Change{}, c.wrongStatus("only an open claim that is not under review can be cancelled.")
	}
	return change, nil
}

// ReviewDecision is what the program decides on a submitted claim.
type ReviewDecision string

// The decisions of a review.
const (
	Complete ReviewDecision = "complete"
	Return   ReviewDecision = "return"
	Reject   ReviewDecision = "reject"
)

// ReviewDecisions lists them.
var ReviewDecisions = []ReviewDecision{Complete, Return, Reject}

var reviewEvents = map[ReviewDecision]EventType{Complete: ClaimCompleted, Return: ClaimReturned, Reject: ClaimRejected}

// NeedsReason says that the partner must be told why (D31).
func (d ReviewDecision) NeedsReason() bool { return d == Return || d == Reject }

// OwnedBy refuses a reviewer who belongs to the claim's partner, or who submitted the claim (D31).
func (c Claim) OwnedBy(partnerID, userID string) error {
	switch {
	case partnerID != "" && partnerID == c.PartnerID:
		return Refuse(OwnClaim, "This is a claim of your own partner; somebody else of the program reviews it.")
	case slices.Contains(c.SubmittedBy, userID):
		return Refuse(OwnClaim, "You submitted this claim; somebody else of the program reviews it.")
	}
	return nil
}

// Review completes, rejects or sends back a submitted claim. One that is sent back gets the engagement's present time
// to resubmit (D2, D27).
func (c Claim) Review(act Act, decision ReviewDecision, reason string, engagement Engagement) (Change, error) {
	act.Addresses = nil // D24 asks for those of the partner's users alone
	detail := map[string]string{}
	var due *time.Time
	if decision == Return && c.SubmissionDue != nil {
		resubmission := engagement.ResubmissionDue(act.At, *c.SubmissionDue)
		due, detail["submissionDue"] = &resubmission, instant(resubmission)
		detail["reminders"] = daysText(engagement.reminderDays(ActionRequired))
	}
	change, moved := c.move(act, reviewEvents[decision], detail, typed(privateReason, reason))
	if !moved {
		return Change{}, c.wrongStatus("only a submitted claim can be reviewed.")
	}
	change.After.ReviewReason = reason
	if due != nil {
		change.After.SubmissionDue = due
		change.After.setReminders(engagement, act.At)
	}
	return change, nil
}

// Expire writes down that the claim's deadline has passed (D3); there is nothing to write where it has not, or where
// that was written before. The event bears the instant of the deadline.
func (c Claim) Expire(now time.Time, act Act) (Change, bool) {
	due := c.Due()
	if due == nil || now.Before(*due) {
		return Change{}, false
	}
	act.At = *due
	return c.move(act, ClaimExpired, map[string]string{"due": instant(*due)}, nil)
}

// instant writes an instant as events' details hold it.
func instant(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
