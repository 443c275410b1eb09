package story

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/shared/mci"
)

// Day is a day of the program (D2).
const Day = 24 * time.Hour

// WithCoSell are the changes that make an engagement one with referrals from 1,000 on and co-sell from 50,000 on, where
// managedOnly with managed customers only.
func WithCoSell(managedOnly bool) Object {
	return Object{
		"referral": Object{"minDealSize": "1000.00"},
		"coSell":   Object{"minDealSize": "50000.00", "managedCustomersOnly": managedOnly},
	}
}

// NewUser gives a token of another user of the partner, who holds a grant of that role at the partner's location; "" is
// none.
func (p Partner) NewUser(t testing.TB, grant mci.Role, roles ...mci.Role) (token string) {
	t.Helper()
	user := Name("user")
	if grant != "" {
		p.Grant(t, user, grant, false)
	}
	return localtest.Token(t, p.ID, user, roles...)
}

// Grant gives the user a grant at the partner's location, or takes it away.
func (p Partner) Grant(t testing.TB, user string, role mci.Role, revoked bool) {
	t.Helper()
	localtest.LoadRow(t, "grants.csv", p.ID, user, p.Location, role, revoked)
}

// Post asks for something to be done to a claim: "consent-requests", "submission", "cancellation" or "review".
func Post(t testing.TB, token, claimID, what string, body any, headers ...string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", "/v1/claims/"+claimID+"/"+what, token, body, headers...)
}

// Submission is a body that submits a claim whose work was done today.
func Submission() Object { return Object{"completedOn": mci.DateOf(localtest.Now()), "notes": ""} }

// Request asks for consent, and gives the claim.
func (p Partner) Request(t testing.TB, claimID string, body Object) Claim {
	t.Helper()
	return localtest.Decode[Claim](t, Post(t, p.Token, claimID, "consent-requests", body).Expect(t, 202))
}

// Link is the consent link of the latest email to the address.
func Link(t testing.TB, address string) string {
	t.Helper()
	mails := localtest.Mails(t, address)
	return localtest.ConsentLink(t, localtest.Mail(t, address, max(1, len(mails))))
}

// Bring gives a new claim that was brought to the status by the front door, with its consent link where the customer
// was asked. Expired is for whoever moves the clock.
func (p Partner) Bring(t testing.TB, status mci.Status, c Customer, engagement string) (claim Claim, link string) {
	t.Helper()
	return p.BringTo(t, p.Add(t, c, engagement), status)
}

// BringTo brings a claim that has just been added to the status, as Bring does.
func (p Partner) BringTo(t testing.TB, claim Claim, status mci.Status) (now Claim, link string) {
	t.Helper()
	steps := map[mci.Status]func(){
		mci.ConsentPending: func() { link = p.Ask(t, claim) },
		mci.Consented:      func() { Accept(t, link) },
		mci.Declined:       func() { Decline(t, link) },
		mci.Submitted:      func() { p.Submit(t, claim.ID) },
		mci.ActionRequired: func() { Review(t, claim.ID, mci.Return) },
		mci.Completed:      func() { Review(t, claim.ID, mci.Complete) },
		mci.Rejected:       func() { Review(t, claim.ID, mci.Reject) },
		mci.Cancelled:      func() { p.Cancel(t, claim.ID) },
	}
	paths := map[mci.Status][]mci.Status{
		mci.ConsentNotSent: {},
		mci.ConsentPending: {mci.ConsentPending},
		mci.Consented:      {mci.ConsentPending, mci.Consented},
		mci.Declined:       {mci.ConsentPending, mci.Declined},
		mci.Cancelled:      {mci.Cancelled},
		mci.Submitted:      {mci.ConsentPending, mci.Consented, mci.Submitted},
		mci.ActionRequired: {mci.ConsentPending, mci.Consented, mci.Submitted, mci.ActionRequired},
		mci.Completed:      {mci.ConsentPending, mci.Consented, mci.Submitted, mci.Completed},
		mci.Rejected:       {mci.ConsentPending, mci.Consented, mci.Submitted, mci.Rejected},
	}
	path, known := paths[status]
	if !known {
		t.Fatalf("no way is known to a claim that is %s", status)
	}
	for _, step := range path {
		steps[step]()
	}
	if now = p.Get(t, claim.ID); now.Status != string(status) {
		t.Fatalf("the claim is %s instead of %s", now.Status, status)
	}
	return now, link
}

// ClockAt has the functions' clock stand at the instant, from which it runs on.
func ClockAt(t testing.TB, instant time.Time) {
	t.Helper()
	localtest.SetClock(t, localtest.Cloud().Offset()+instant.Sub(localtest.Now()))
}

// DayBegins has the functions' clock stand at the beginning of the next UTC day. Tests that count by the day begin with
// it, so that the day does not end before they do.
func DayBegins(t testing.TB) {
	t.Helper()
	ClockAt(t, localtest.Now().UTC().Truncate(Day).Add(Day))
}

// Sweep runs the sweep, and gives how many claims it says to have expired.
func Sweep(t testing.TB) int {
	t.Helper()
	answer := localtest.Invoke(t, "expiry-sweep", Object{}).Expect(t, 200)
	return localtest.Decode[struct {
		Expired int `json:"expired"`
	}](t, answer).Expired
}

// MailEvent has SES tell something of an email, as EventBridge delivers it: "Bounce", "Complaint" or "Delivery", more
// in the detail. It says whether that changed anything.
func MailEvent(t testing.TB, kind, messageID string, more Object) bool {
	t.Helper()
	detail := Object{"eventType": kind, "mail": Object{
		"timestamp": "2026-11-01T10:00:00.000Z", "messageId": messageID, "source": "consent@mci.example",
		"destination": []string{"somebody@customer.example"},
		"tags":        Object{"ses:configuration-set": []string{"consent"}},
	}}
	for name, value := range more {
		detail[name] = value
	}
	types := map[string]string{"Bounce": "Email Bounced", "Complaint": "Email Complaint Received",
		"Delivery": "Email Delivered"}
	answer := localtest.Invoke(t, "mail-feedback", Object{
		"version": "0", "id": Name("event"), "detail-type": types[kind], "source": "aws.ses", "account": "123456789012",
		"time": "2026-11-01T10:00:01Z", "region": "eu-central-1", "resources": []string{}, "detail": detail,
	}).Expect(t, 200)
	return localtest.Decode[struct {
		Recorded bool `json:"recorded"`
	}](t, answer).Recorded
}

// PermanentBounce is what SES adds of an address that does not exist.
var PermanentBounce = Object{"bounce": Object{"bounceType": "Permanent", "bounceSubType": "General"}}

// Referral is a referral as the API shows it.
type Referral struct {
	ID             string     `json:"id"`
	ClaimID        string     `json:"claimId"`
	PartnerID      string     `json:"partnerId"`
	PartnerName    string     `json:"partnerName"`
	FriendlyName   string     `json:"friendlyName"`
	Type           string     `json:"type"`
	Status         string     `json:"status"`
	Substatus      string     `json:"substatus"`
	DealSize       mci.Money  `json:"dealSize"`
	Customer       Object     `json:"customer"`
	EngagementID   string     `json:"engagementId"`
	EngagementName string     `json:"engagementName"`
	CreatedAt      time.Time  `json:"createdAt"`
	UpgradedAt     *time.Time `json:"upgradedAt"`

	// In detail alone.
	PartnerContact *mci.Contact `json:"partnerContact"`
	ClaimStatus    string       `json:"claimStatus"`
	ConsentedAt    *time.Time   `json:"consentedAt"`
	SubmissionDue  *time.Time   `json:"submissionDue"`
	Payout         *mci.Money   `json:"payout"`
	Events         []Event      `json:"events"`
}

// State is the referral's status with its substatus: "active", "closed/won".
func (r Referral) State() string { return strings.TrimSuffix(r.Status+"/"+r.Substatus, "/") }

// ReferralNow gives the claim's referral, as the program's staff sees it; the claim must have one.
func (c Claim) ReferralNow(t testing.TB) Referral {
	t.Helper()
	if c.Referral == nil {
		t.Fatal("the claim has no referral")
	}
	return localtest.Decode[Referral](t, localtest.Call(t, "GET", c.Referral.Href, Program(t), nil).Expect(t, 200))
}

// Item is an item of the table.
type Item = map[string]types.AttributeValue

// Items gives the items of one partition whose sort key begins so, read from the engine itself.
func Items(t testing.TB, partition, beginning string) []Item {
	t.Helper()
	input := &dynamodb.QueryInput{
		TableName: aws.String(localtest.Table()), ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: Item{":pk": Text(partition)},
	}
	if beginning != "" { // older engines take no empty text
		*input.KeyConditionExpression += " AND begins_with(sk, :sk)"
		input.ExpressionAttributeValues[":sk"] = Text(beginning)
	}
	out, err := localtest.DynamoDB().Query(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	return out.Items
}

// Every gives every item of the table, read from the engine itself.
func Every(t testing.TB) []Item {
	t.Helper()
	var items []Item
	pages := dynamodb.NewScanPaginator(localtest.DynamoDB(),
		&dynamodb.ScanInput{TableName: aws.String(localtest.Table()), ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, page.Items...)
	}
	return items
}

// PutItem writes an item to the table behind the functions' back.
func PutItem(t testing.TB, item Item) {
	t.Helper()
	if _, err := localtest.DynamoDB().PutItem(t.Context(),
		&dynamodb.PutItemInput{TableName: aws.String(localtest.Table()), Item: item}); err != nil {
		t.Fatal(err)
	}
}

// DeleteItem takes an item from the table behind the functions' back.
func DeleteItem(t testing.TB, item Item) {
	t.Helper()
	if _, err := localtest.DynamoDB().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(localtest.Table()), Key: Item{"pk": item["pk"], "sk": item["sk"]},
	}); err != nil {
		t.Fatal(err)
	}
}

// Text is a text as DynamoDB holds it.
func Text(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

// TextOf is the text of an item's attribute, "" where it is none.
func TextOf(item Item, name string) string {
	value, _ := item[name].(*types.AttributeValueMemberS)
	if value == nil {
		return ""
	}
	return value.Value
}

// Same says whether two lists hold the same, in any order.
func Same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// Form is what the consent page posts: the decision, and a reason where one is given.
func Form(decision string, reason ...string) url.Values {
	form := url.Values{"decision": {decision}}
	for _, text := range reason {
		form.Set("reason", text)
	}
	return form
}
