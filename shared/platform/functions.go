// Package platform is what every function's main needs: configuration, clock, logging, metrics; in clients, those of
// AWS. The functions' own settings stand here too, for the CDK app and the one-machine cloud read the same values.
package platform

import "time"

// Names of the environment variables that functions read. AWS's own are not among them.
const (
	// which deployment it is: dev, prod, or local on one machine; every function has it
	Stage            = "STAGE"
	TableName        = "TABLE_NAME"        // the DynamoDB table
	PartnerClaim     = "PARTNER_CLAIM"     // the token's claim that names the caller's partner
	RolesClaim       = "ROLES_CLAIM"       // the token's claim that lists the caller's roles
	Sender           = "SENDER"            // the address that consent emails come from
	ConfigurationSet = "CONFIGURATION_SET" // SES's, for the consent email
	PublicURL        = "PUBLIC_URL"        // what the consent link begins with: scheme and host
	// the keys of receipts by number, as in 1=<KMS key>,2=<KMS key>; the last one signs
	ReceiptKeys     = "RECEIPT_KEYS"
	OIDCIssuer      = "OIDC_ISSUER"       // whose ID tokens the API takes, and where the portal has people sign in
	OIDCClientID    = "OIDC_CLIENT_ID"    // the portal's name at the issuer, which is the audience of ID tokens
	SignOutURL      = "SIGN_OUT_URL"      // the issuer's sign-out address; empty: the one that its discovery names
	MailsPerPartner = "MAILS_PER_PARTNER" // how many consent emails one partner may send in a UTC day (D25)
	RetentionMonths = "RETENTION_MONTHS"  // how long private detail outlives a claim's end (D37); empty: until erased
	ClockOffset     = "CLOCK_OFFSET"      // how far ahead the clock runs; only the one-machine cloud sets it
	// where functions call the API, see Environment.API; only the one-machine cloud sets it
	APIURL = "API_URL"
)

// Function is one Lambda function: a folder of functions/ and what it runs with.
type Function struct {
	Name        string
	MemoryMB    int
	Timeout     time.Duration
	Environment []string
}

var (
	tableEnvironment  = []string{Stage, TableName}
	callerEnvironment = []string{Stage, TableName, PartnerClaim, RolesClaim}
	mailEnvironment   = append(callerEnvironment[:4:4], Sender, ConfigurationSet, PublicURL, MailsPerPartner)
)

// Functions is every function that is deployed, by name.
var Functions = []Function{
	{"add-customer", 512, 10 * time.Second, callerEnvironment},
	{"cancel-claim", 512, 10 * time.Second, callerEnvironment},
	{"check-eligibility", 512, 10 * time.Second, callerEnvironment},
	{"claim-customer", 512, 10 * time.Second, callerEnvironment},
	{"consent-callback", 512, 10 * time.Second, append(tableEnvironment[:2:2], PublicURL, ReceiptKeys)},
	{"expiry-sweep", 1024, 5 * time.Minute, append(tableEnvironment[:2:2], MailsPerPartner, RetentionMonths)},
	{"get-claim", 512, 10 * time.Second, append(callerEnvironment[:4:4], ReceiptKeys)},
	{"list-claims", 512, 10 * time.Second, callerEnvironment},
	{"list-customers", 512, 10 * time.Second, callerEnvironment},
	{"list-engagements", 512, 10 * time.Second, callerEnvironment},
	{"list-referrals", 512, 10 * time.Second, callerEnvironment},
	{"mail-feedback", 512, 30 * time.Second, tableEnvironment},
	{"notify", 512, 30 * time.Second, []string{Stage, TableName, Sender, ConfigurationSet, PublicURL}},
	{"openapi", 256, 10 * time.Second, []string{Stage}},
	{"portal", 512, 29 * time.Second, []string{Stage, PublicURL, OIDCIssuer, OIDCClientID, SignOutURL, PartnerClaim,
		RolesClaim}},
	{"receipts", 512, 10 * time.Second, append(callerEnvironment[:4:4], ReceiptKeys)},
	{"referral-upgrade", 512, 30 * time.Second, callerEnvironment},
	{"review-claim", 512, 10 * time.Second, callerEnvironment},
	{"send-consent", 512, 20 * time.Second, mailEnvironment},
	{"submit-claim", 512, 10 * time.Second, callerEnvironment},
}

// FunctionOf gives the function of that name, the zero value where there is none.
func FunctionOf(name string) Function {
	for _, function := range Functions {
		if function.Name == name {
			return function
		}
	}
	return Function{}
}

// Schedule is the sweep's: it runs every Rate. Sweeps may overlap harmlessly.
var Schedule = struct {
	Function string
	Rate     time.Duration
}{"expiry-sweep", 5 * time.Minute}

// Stream is how the table's stream wakes a function: only records that match Filter (an EventBridge event pattern, as
// an event source mapping takes it), in batches, with partial failures reported.
var Stream = struct {
	Function   string
	Filter     string
	BatchSize  int
	Retries    int           // of one record, before it goes to the dead-letter queue
	MaximumAge time.Duration // of a record that is still retried
}{
	Function: "referral-upgrade",
	// A claim that has just been consented to and whose referral is still partner-led.
	Filter: `{"eventName":["MODIFY"],"dynamodb":{"NewImage":{"status":{"S":["consented"]},` +
		`"referral":{"M":{"type":{"S":["partner-led"]}}}},"OldImage":{"status":{"S":["consent-pending"]}}}}`,
	BatchSize:  25,
	Retries:    10,
	MaximumAge: 6 * time.Hour,
}

// MailEvents is what SES tells about a consent email by way of EventBridge's default bus.
var MailEvents = struct {
	Function    string
	Source      string
	DetailTypes []string
}{"mail-feedback", "aws.ses", []string{"Email Bounced", "Email Complaint Received", "Email Delivered"}}
