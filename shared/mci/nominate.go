package mci

import "time"

// Standing is what decides on one customer's part in engagements, for one partner.
type Standing struct {
	Customer       Customer
	Nominated      NominatedCustomer                      // the zero value where this partner never did
	Participations map[string]Participation               // by engagement
	Eligibility    map[CustomerID]map[string]*Eligibility // by ID and engagement
}

// Nomination names a customer for engagements, at one location of a partner: adding (S7) or claiming (S19) it.
type Nomination struct {
	Origin          Origin
	FriendlyName    string
	Location        Location
	Standing        Standing
	IDs             []NominatedID // in the order in which they are tried (D19); one where the partner names it
	Opportunity     *Opportunity  // that an MSX opportunity ID names
	Engagements     []Engagement
	Hours           *int
	TenantMatches   *bool // nil where there is nothing to compare (S12)
	MismatchReason  string
	CustomerContact Contact
	PartnerContact  Contact
}

// candidates are the ways to take part in an engagement, one for each ID.
func (n Nomination) candidates(engagement Engagement, now time.Time) []Candidate {
	candidates := make([]Candidate, len(n.IDs))
	for i, id := range n.IDs {
		candidates[i] = Candidate{
			Engagement: engagement, PartnerID: n.Location.PartnerID, CustomerID: n.Standing.Customer.ID, ID: id,
			Eligibility: n.Standing.Eligibility[id.CustomerID][engagement.ID], Participation: n.Standing.Participations[engagement.ID],
			Location: &n.Location, Hours: n.Hours, Now: now,
		}
		if id.Type == MSXOpportunity {
			candidates[i].Opportunity = n.Opportunity
		}
	}
	return candidates
}

// Verdicts gives the engagements in which the customer may take part, each with its payout where the hours it takes are
// known, and the others with every reason (S14, S17).
func (n Nomination) Verdicts(now time.Time) (eligible, ineligible []Verdict) {
	eligible, ineligible = []Verdict{}, []Verdict{}
	for _, engagement := range n.Engagements {
		verdict := Verdict{EngagementID: engagement.ID, Name: engagement.Name, PayType: engagement.PayType}
		chosen, reasons := Choose(n.candidates(engagement, now))
		if len(reasons) > 0 {
			verdict.Reasons = reasons
			ineligible = append(ineligible, verdict)
			continue
		}
		if payout, known := chosen.payout(); known {
			verdict.Payout = &payout
		}
		eligible = append(eligible, verdict)
	}
	return eligible, ineligible
}

// payout gives what the candidate's claim would pay, if the hours it takes are known.
func (c Candidate) payout() (Money, bool) {
	if c.Engagement.PayType == Variable {
		if c.Hours == nil || c.Opportunity == nil {
			return Money{}, false
		}
		return c.Engagement.PayoutFor(*c.Hours, c.Opportunity), true
	}
	return c.Engagement.PayoutFor(0, nil), true
}

// Decide gives birth to one claim for each of the engagements, or refuses them all (S6, S9-S16, S19, D4, D15); with the
// claims comes the customer as nominated by their IDs. There are as many claim IDs as engagements.
func (n Nomination) Decide(ids []ClaimID, act Act) ([]Change, NominatedCustomer, error) {
	if err := n.refuse(act.At); err != nil {
		return nil, NominatedCustomer{}, err
	}
	changes := make([]Change, len(n.Engagements))
	nominated := n.Standing.Nominated
	for i, engagement := range n.Engagements {
		chosen, _ := Choose(n.candidates(engagement, act.At))
		changes[i] = n.birth(ids[i], chosen, act)
		nominated = nominated.With(n.Location.PartnerID, n.Standing.Customer.Summary(), chosen.ID)
	}
	nominated.Version = n.Standing.Nominated.Version + 1
	return changes, nominated, nil
}

// refuse gives the first refusal in the order of the contract.
func (n Nomination) refuse(now time.Time) error {
	variable := false
	for _, engagement := range n.Engagements {
		variable = variable || engagement.PayType == Variable
		if open := n.Standing.Participations[engagement.ID].OpenClaim(n.Location.PartnerID, now); open != "" {
			return &Refusal{Code: ClaimExists, Detail: "You have an open claim for this customer on engagement " + engagement.ID + ".", ClaimID: open}
		}
	}
	switch {
	case variable && len(n.Engagements) == 1 && n.IDs[0].Type == MSXOpportunity && n.Opportunity == nil:
		return Refuse(CustomerNotFound, "The program's directory does not know the "+n.IDs[0].String()+".")
	case variable && len(n.Engagements) > 1:
		return Refuse(SingleEngagementOnly, "An engagement of variable pay is nominated for by itself: choose that one alone.")
	case variable && n.Hours == nil:
		return Refuse(HoursRequired, "Give the hours that the engagement needs; they cannot be changed later.")
	case n.TenantMatches != nil && !*n.TenantMatches && n.MismatchReason == "":
		return Refuse(MismatchReasonRequired, "The tenant ID is not the one that the customer's email domain leads to: give a mismatchReason.")
	}
	if _, ineligible := n.Verdicts(now); len(ineligible) > 0 {
		return &Refusal{Code: NotEligible, Detail: "Not every engagement chosen is open to this customer and location; nothing was added.", Ineligible: ineligible}
	}
	return nil
}

var birthEvents = map[Origin]EventType{Added: ClaimAdded, Claimed: ClaimClaimed}

// birth makes the claim (S18, S20).
func (n Nomination) birth(id ClaimID, chosen Candidate, act Act) Change {
	engagement := chosen.Engagement
	claim := Claim{
		ID: id, FriendlyName: n.FriendlyName, PartnerID: n.Location.PartnerID, PartnerName: n.Location.PartnerName,
		LocationID: n.Location.ID, EngagementID: engagement.ID, EngagementName: engagement.Name, PayType: engagement.PayType,
		Customer: n.Standing.Customer.Summary(), Nominated: chosen.ID, Origin: n.Origin, WasKnown: n.Standing.Nominated.Known(),
		Status: ConsentNotSent, MismatchReason: n.MismatchReason,
		CustomerContact: n.CustomerContact, PartnerContact: n.PartnerContact,
		CreatedAt: act.At, ConsentDue: act.At.Add(Days(engagement.ConsentWindowDays)), Version: 1,
	}
	claim.Payout, _ = chosen.payout()
	if engagement.PayType == Variable {
		claim.Hours = *n.Hours
	}
	change := Change{After: claim}
	change.record(act, birthEvents[n.Origin], map[string]string{
		"engagementId": engagement.ID, "locationId": claim.LocationID, "customerId": claim.Customer.ID,
		"idType": string(claim.Nominated.Type), "idValue": claim.Nominated.Value,
		"payout": claim.Payout.String(), "consentDue": claim.ConsentDue.Format(time.RFC3339Nano),
	}, map[string]string{
		"friendlyName": claim.FriendlyName, "mismatchReason": claim.MismatchReason,
		"customerContact": claim.CustomerContact.String(), "partnerContact": claim.PartnerContact.String(),
	})
	return change
}
