package platform

// Permissions is every action that each function's code calls, as IAM names them: a transaction has none of its own
// but needs those of its parts (PutItem, UpdateItem, DeleteItem, ConditionCheckItem; GetItem for reads). The stack
// grants exactly these, and tests compare them with the requests that functions made.
var Permissions = map[string][]string{
	"add-customer":      {condition, get, put, query},
	"cancel-claim":      {get, put, query, update},
	"check-eligibility": {get, query},
	"claim-customer":    {condition, get, put, query},
	"consent-callback":  {batchGet, get, put, query, update, Sign},
	"expiry-sweep":      {batchGet, get, put, query, update},
	"get-claim":         {query, GetPublicKey},
	"list-claims":       {batchGet, query},
	"list-customers":    {batchGet, get, query},
	"list-engagements":  {get, query},
	"list-referrals":    {batchGet, query},
	"mail-feedback":     {get, put, query, update},
	"notify":            {batchGet, get, put, query, sendEmail},
	"openapi":           nil,
	"portal":            nil,
	"receipts":          {get, query, GetPublicKey},
	"referral-upgrade":  {condition, get, put, query},
	"review-claim":      {get, put, query, update},
	"send-consent":      {batchGet, get, put, query, sendEmail, update},
	"submit-claim":      {get, put, query, update},
}

// LeadingKeys limits what a function may write to partitions of these patterns (IAM's dynamodb:LeadingKeys), where it
// has a row here. IAM cannot say more of an item than its partition key.
var LeadingKeys = map[string][]string{
	"consent-callback": {"CLAIM#*", "CUSTOMER#*", "OPTOUT#*", "PARTNER#*"},
}

// Writes are the permissions that change items.
var Writes = []string{put, update, "dynamodb:DeleteItem"}

const (
	batchGet  = "dynamodb:BatchGetItem"
	condition = "dynamodb:ConditionCheckItem"
	get       = "dynamodb:GetItem"
	put       = "dynamodb:PutItem"
	query     = "dynamodb:Query"
	update    = "dynamodb:UpdateItem"
	sendEmail = "ses:SendEmail"

	// Sign is for consent-callback alone: by the policy of the keys that sign receipts, not by its role's (D28).
	Sign = "kms:Sign"
	// GetPublicKey is for whoever verifies receipts or publishes their keys.
	GetPublicKey = "kms:GetPublicKey"
)
