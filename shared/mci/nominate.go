package mci

import (
	"strconv"
	"time"
)

// Standing is what decides on one customer's part in engagements, for one partner.
type Standing struct {
	Customer       Customer
	Nominated      NominatedCustomer                      // the zero value where this partner never did
	Participations map[string]Participation               // by engagement
	Eligibility    map[CustomerID]map[string]*Eligibility // by ID and engagement
	Words          []EligibilityOfID                      // on all IDs of the customer (D33)
	Owners         map[CustomerID]string                  // whose each ID is by the directory
}

// EligibilityOfID is the program's word on one of a customer's IDs for one engagement.
type EligibilityOfID struct {
	CustomerID
	Eligibility
}

// eligibleBy gives the types of the customer's IDs that are eligible for an engagement (D33).
func (s Standing) eligibleBy(engagementID string) []IDType {
	var types []IDType
	for _, word := range s.Words {
		if word.EngagementID == engagementID && word.Eligible {
			types = append(types, word.Type)
		}
	}
	return types
}

// Nomination names a customer for engagements, at one location of a partner: adding (S7) or claiming (S19) it.
type Nomination struct {
	Origin          Origin
	FriendlyName    string
	Location        Location
	Standing        Standing
	IDs             []NominatedID // in the order in which they are tried (D19); one where the partner names it
	OpportunityID   CustomerID    // that claiming names; the zero value for none
	Opportunity     *Opportunity  // that an MSX opportunity ID names
	Engagements     []Engagement
	Hours           *int
	EmailDomain     DirectoryEntry // of the customer contact's address
	MismatchReason  string
	CustomerContact Contact
	PartnerContact  Contact
}

// byOpportunity says that the nomination is for an engagement that takes MSX opportunities alone (D7).
func (n Nomination) byOpportunity() bool {
	return len(n.Engagements) == 1 && n.Engagements[0].OpportunitiesOnly()
}

// CheckOpportunity gives the mistake of claiming a customer without the opportunity that the engagement takes (D7).
func (n Nomination) CheckOpportunity(given bool) []Mistake {
	if given || !n.byOpportunity() {
		return nil
	}
	const detail = "is required: the engagement takes nominations by MSX opportunity ID only"
	return []Mistake{{"/opportunityId", detail}}
}

// ClaimedBy gives the IDs by which a known customer is claimed: those that it was nominated by, or the opportunity (D7,
// D19).
func (n Nomination) ClaimedBy(nominated NominatedCustomer) []NominatedID {
	if n.byOpportunity() {
		return []NominatedID{{CustomerID: n.OpportunityID}}
	}
	return nominated.IDs
}

// KnownVerdicts gives the verdicts on a known customer for each engagement, as claiming would judge it: by the IDs that
// it was nominated by, or the opportunity (D35).
func (n Nomination) KnownVerdicts(now time.Time) (eligible, ineligible []Verdict) {
	eligible, ineligible = []Verdict{}, []Verdict{}
	for _, engagement := range n.Engagements {
		one := n
		one.Engagements = []Engagement{engagement}
		one.IDs = one.ClaimedBy(n.Standing.Nominated)
		yes, no := one.Verdicts(now)
		eligible, ineligible = append(eligible, yes...), append(ineligible, no...)
	}
	return eligible, ineligible
}

// candidates are the ways to take part in an engagement, one for each ID.
func (n Nomination) candidates(engagement Engagement, now time.Time) []Candidate {
	candidates := make([]Candidate, len(n.IDs))
	for i, id := range n.IDs {
		candidates[i] = Candidate{
			Engagement: engagement, PartnerID: n.Location.PartnerID, CustomerID: n.Standing.Customer.ID, ID: id,
			Eligibility:   n.Standing.Eligibility[id.CustomerID][engagement.ID],
			EligibleBy:    n.Standing.eligibleBy(engagement.ID),
			Participation: n.Standing.Participations[engagement.ID],
			IDReassigned: id.Value != "" && id.Type != MSXOpportunity &&
				n.Standing.Owners[id.CustomerID] != n.Standing.Customer.ID,
			Location: &n.Location, Hours: n.Hours, Now: now,
		}
		if id.Type == MSXOpportunity {
			candidates[i].Opportunity = n.Opportunity
		}
	}
	return candidates
}

// Verdicts gives the engagements in which the customer may take part, each with the ID that opens it and its payout
// where the hours it takes are known, and the others with every reason (S14, S17, D35).
func (n Nomination) Verdicts(now time.Time) (eligible, ineligible []Verdict) {
	eligible, ineligible = []Verdict{}, []Verdict{}
	for _, engagement := range n.Engagements {
		verdict := Verdict{EngagementID: engagement.ID, Name: engagement.Name, PayType: engagement.PayType}
		chosen, reasons := FirstEligible(n.candidates(engagement, now))
		if len(reasons) > 0 {
			verdict.Reasons = reasons
			ineligible = append(ineligible, verdict)
			continue
		}
		verdict.By = &chosen.ID.CustomerID
		if payout, basis, known := chosen.payout(); known {
			verdict.Payout, verdict.PayoutBasis = &payout, basis
		}
		eligible = append(eligible, verdict)
	}
	return eligible, ineligible
}

// payout gives what the candidate's claim would pay, if the hours it takes are known, and the basis of variable pay.
func (c Candidate) payout() (Money, *PayoutBasis, bool) {
	if c.Engagement.PayType == Fixed {
		return *c.Engagement.Payout, nil, true
	}
	if c.Hours == nil || c.Opportunity == nil {
		return Money{}, nil, false
	}
	payout, basis := c.Engagement.Rates.Payout(*c.Hours, c.Opportunity.Value)
	return payout, &basis, true
}

// Decide makes one claim for each of the engagements, or refuses them all (S6, S9-S16, S19, D4, D15). It also gives the
// customer as nominated by the claims' IDs. There must be as many claim IDs as engagements.
func (n Nomination) Decide(ids []ClaimID, act Act) ([]Change, NominatedCustomer, error) {
	if err := n.refuse(act.At); err != nil {
		return nil, NominatedCustomer{}, err
	}
	changes := make([]Change, len(n.Engagements))
	nominated := n.Standing.Nominated
	for i, engagement := range n.Engagements {
		chosen, _ := FirstEligible(n.candidates(engagement, act.At))
		changes[i] = n.birth(ids[i], chosen, act)
		nominated = nominated.With(n.Location.PartnerID, n.Standing.Customer.Summary(), chosen.ID)
	}
	nominated.Version = n.Standing.Nominated.Version + 1
	return changes, nominated, nil
}

// CheckContacts gives the mistakes in the nomination's contacts (D23).
func (n Nomination) CheckContacts() []Mistake { return n.contactCheck(NominatedID{}).Mistakes() }

func (n Nomination) contactCheck(id NominatedID) ContactCheck {
	return ContactCheck{
		CustomerID: n.Standing.Customer.ID, Nominated: id, Domain: n.EmailDomain, Location: n.Location,
		Customer: n.CustomerContact, Partner: n.PartnerContact,
	}
}

// refuse gives the first refusal in the order of the contract.
func (n Nomination) refuse(now time.Time) error {
	variable, mismatch := false, ""
	for _, engagement := range n.Engagements {
		variable = variable || engagement.PayType == Variable
		if open := n.Standing.Participations[engagement.ID].OpenClaim(n.Location.PartnerID, now); open != "" {
			detail := "You have an open claim for this customer on engagement " + engagement.ID + "."
			return &Refusal{Code: ClaimExists, Detail: detail, ClaimID: open}
		}
		chosen, _ := FirstEligible(n.candidates(engagement, now))
		if mismatch == "" {
			mismatch = n.contactCheck(chosen.ID).Mismatch()
		}
	}
	switch {
	case variable && n.OpportunityID.Value != "" && n.Opportunity == nil:
		return UnknownID(n.OpportunityID)
	case variable && len(n.Engagements) > 1:
		return Refuse(SingleEngagementOnly,
			"An engagement of variable pay is nominated for by itself: choose that one alone.")
	case variable && n.Hours == nil:
		return Refuse(HoursRequired, "Give the hours that the engagement needs; they cannot be changed later.")
	case mismatch != "" && n.MismatchReason == "":
		return Refuse(MismatchReasonRequired, mismatch)
	}
	if _, ineligible := n.Verdicts(now); len(ineligible) > 0 {
		return &Refusal{
			Code:       NotEligible,
			Detail:     "Not every engagement chosen is open to this customer and location; nothing was added.",
			Ineligible: ineligible,
		}
	}
	return nil
}

var birthEvents = map[Origin]EventType{Added: ClaimAdded, Claimed: ClaimClaimed}

// birth makes the claim (S18, S20, D27).
func (n Nomination) birth(id ClaimID, chosen Candidate, act Act) Change {
	engagement, check := chosen.Engagement, n.contactCheck(chosen.ID)
	claim := Claim{
		ID: id, FriendlyName: n.FriendlyName, PartnerID: n.Location.PartnerID, PartnerName: n.Location.PartnerName,
		LocationID: n.Location.ID, LocationName: n.Location.Name,
		EngagementID: engagement.ID, EngagementName: engagement.Name, PayType: engagement.PayType,
		Customer: n.Standing.Customer.Summary(), Nominated: chosen.ID, Origin: n.Origin,
		WasKnown: n.Standing.Nominated.Known(), Status: ConsentNotSent,
		CustomerContact: n.CustomerContact, PartnerContact: n.PartnerContact,
		EmailDomain: DirectoryEntry{Tenant: n.EmailDomain.Tenant, Customer: n.EmailDomain.Customer},
		CreatedAt:   act.At, ConsentDue: engagement.ConsentDue(act.At), Version: 1,
		SubmissionWindowDays: engagement.SubmissionWindowDays,
	}
	if check.Mismatch() != "" {
		claim.MismatchReason = n.MismatchReason
	}
	claim.Payout, _, _ = chosen.payout()
	if engagement.PayType == Variable {
		claim.Hours = *n.Hours
	}
	claim.setReminders(engagement, act.At)
	change := Change{After: claim}
	change.record(act, birthEvents[n.Origin], claim.birthDetail(check.Findings()), PrivateText{
		PartCustomer: {privateContact: claim.CustomerContact.String()},
		PartPartner:  {privateContact: claim.PartnerContact.String()},
		PartTyped:    {privateFriendlyName: claim.FriendlyName, privateMismatchReason: claim.MismatchReason},
	})
	return change
}

// birthDetail is what the first event says of the claim: all that never changes, and what was promised (B1, D27).
func (c Claim) birthDetail(contactDomain string) map[string]string {
	detail := map[string]string{
		"engagementId": c.EngagementID, "locationId": c.LocationID, "customerId": c.Customer.ID,
		"idType": string(c.Nominated.Type), "idValue": c.Nominated.Value,
		"payout": c.Payout.String(), "consentDue": instant(c.ConsentDue),
		"submissionWindowDays": strconv.Itoa(c.SubmissionWindowDays), "contactDomain": contactDomain,
		"reminders": daysText(c.ReminderDays),
	}
	if c.Hours > 0 {
		detail["hours"] = strconv.Itoa(c.Hours)
	}
	return detail
}
