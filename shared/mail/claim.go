package mail

import "mci.example/customers/shared/mci"

// AskOf gives what the claim's customer is asked; the link, and whether it is a reminder, are for the caller to add.
func AskOf(claim mci.Claim, engagement mci.Engagement) Ask {
	ask := Ask{
		PartnerName: claim.PartnerName, EngagementName: claim.EngagementName, CustomerName: claim.Customer.Name,
		ContactName: claim.CustomerContact.Name, PartnerContactName: claim.PartnerContact.Name,
		PartnerContactEmail: claim.PartnerContact.Email, Payout: Money{claim.Payout.String(), mci.Currency},
		AskedAt: claim.CreatedAt, ConsentDue: claim.ConsentDue, SubmissionWindowDays: engagement.SubmissionWindowDays,
	}
	if sends := claim.Email.Sends; len(sends) > 0 {
		ask.AskedAt = sends[len(sends)-1]
	}
	return ask
}
