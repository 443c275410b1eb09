package platform

// MetricNamespace is where business metrics go, as CloudWatch embedded metric format, with the dimension
// MetricDimension. Dashboards and alarms read them by these names.
const (
	MetricNamespace = "MCI/Customers"
	MetricDimension = "Stage"
)

// Names of the business metrics. Those above TimeToConsentHours count what took effect, as the events of claims do.
const (
	ClaimsAdded        = "ClaimsAdded"
	ClaimsClaimed      = "ClaimsClaimed"
	ConsentsRequested  = "ConsentsRequested"
	ConsentsReminded   = "ConsentsReminded"
	ConsentsAccepted   = "ConsentsAccepted"
	ConsentsDeclined   = "ConsentsDeclined"
	ClaimsSubmitted    = "ClaimsSubmitted"
	ClaimsReturned     = "ClaimsReturned"
	ClaimsCompleted    = "ClaimsCompleted"
	ClaimsRejected     = "ClaimsRejected"
	ClaimsCancelled    = "ClaimsCancelled"
	ClaimsExpired      = "ClaimsExpired"
	ReferralsCreated   = "ReferralsCreated"
	ReferralsUpgraded  = "ReferralsUpgraded"
	EmailsBounced      = "EmailsBounced"
	EmailsComplained   = "EmailsComplained"
	TimeToConsentHours = "TimeToConsentHours" // from the birth of the claim to the consent
	SweepLagSeconds    = "SweepLagSeconds"    // how long the oldest due claim had waited; 0 for none
	ReceiptsUnsigned   = "ReceiptsUnsigned"   // decisions that were not taken because KMS signed no receipt
	RecordsUnreadable  = "RecordsUnreadable"  // records of the table's stream that name no claim, and are passed over

	// PartnerBounceShareExceeded counts bounces of a partner whose bounces of the day pass its share of bad addresses.
	PartnerBounceShareExceeded = "PartnerBounceShareExceeded"
)
