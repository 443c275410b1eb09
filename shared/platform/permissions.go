package platform

// Permissions is every action that each function's code calls, as IAM names them: a transaction has none of its own
// but needs those of its parts (PutItem, UpdateItem, DeleteItem, ConditionCheckItem; GetItem for reads). The stack
// grants exactly these, and tests compare them with the requests that functions made.
var Permissions = map[string][]string{
	"add-customer":      {batchGet, condition, deleteItem, get, put, query, update},
	"cancel-claim":      {condition, deleteItem, get, put, query, update},
	"check-eligibility": {batchGet, get, query},
	"claim-customer":    {batchGet, condition, deleteItem, get, put, query, update},
	"consent-callback":  {condition, deleteItem, get, put, query, update},
	"expiry-sweep":      {condition, deleteItem, get, put, query, update},
	"get-claim":         {get, query},
	"list-claims":       {batchGet, query},
	"list-customers":    {batchGet, get, query},
	"list-engagements":  {get, query},
	"list-referrals":    {get, query},
	"mail-feedback":     {get, put, query, update},
	"openapi":           nil,
	"referral-upgrade":  {condition, get, put, query, update},
	"review-claim":      {condition, deleteItem, get, put, query, update},
	"send-consent":      {condition, get, put, query, sendEmail, update},
	"submit-claim":      {condition, get, put, query, update},
}

const (
	batchGet   = "dynamodb:BatchGetItem"
	condition  = "dynamodb:ConditionCheckItem"
	deleteItem = "dynamodb:DeleteItem"
	get        = "dynamodb:GetItem"
	put        = "dynamodb:PutItem"
	query      = "dynamodb:Query"
	update     = "dynamodb:UpdateItem"
	sendEmail  = "ses:SendEmail"
)
