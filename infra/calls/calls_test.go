// Package calls compares what functions call, on the one-machine cloud, with what the deployment lets them call, and
// what they store with what the deployment reads from it.
package calls

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) {
	localtest.Main(m, localtest.WithNotices, func(config *cloud.Config) { config.RetentionMonths = "1" })
}

// TestTheDeploymentFitsTheFunctions tells a story that takes every function through all it does, and looks at what it
// left.
func TestTheDeploymentFitsTheFunctions(t *testing.T) {
	everything(t)
	t.Run("functions call exactly what they may", callsArePermissions)
	t.Run("functions write where they may", writesAreInTheirPartitions)
	t.Run("domain events find what they tell", domainEventsAreStored)
}

// callsArePermissions holds what was asked of the engines against platform.Permissions, both ways: the stack grants
// exactly those.
func callsArePermissions(t *testing.T) {
	for _, function := range platform.Functions {
		asked := map[string]bool{}
		for _, request := range localtest.Requests(function.Name) {
			for _, action := range needed(t, request) {
				asked[action] = true
			}
		}
		got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(slices.Values(platform.Permissions[function.Name]))
		if !slices.Equal(got, want) {
			t.Errorf("%s calls\n%q, and may\n%q", function.Name, got, want)
		}
	}
}

// writesAreInTheirPartitions looks at the partition key of every item that a limited function wrote.
func writesAreInTheirPartitions(t *testing.T) {
	for function, patterns := range platform.LeadingKeys {
		written := 0
		for _, request := range localtest.Requests(function) {
			for _, partition := range writtenTo(t, request) {
				written++
				if !slices.ContainsFunc(patterns, func(pattern string) bool {
					return strings.HasPrefix(partition, strings.TrimSuffix(pattern, "*"))
				}) {
					t.Errorf("%s writes to partition %s, and may to %q", function, partition, patterns)
				}
			}
		}
		if written == 0 {
			t.Errorf("%s writes nothing", function)
		}
	}
}

// writtenTo lists the partition keys of the items that a request writes.
func writtenTo(t *testing.T, request localtest.Request) []string {
	t.Helper()
	parameters := request.Parameters(t)
	// PutItem, UpdateItem, DeleteItem
	writes := []any{map[string]any{strings.TrimSuffix(request.Action, "Item"): parameters}}
	if request.Action == "TransactWriteItems" {
		writes = parameters["TransactItems"].([]any)
	}
	var partitions []string
	for _, write := range writes {
		for part, field := range map[string]string{"Put": "Item", "Update": "Key", "Delete": "Key"} {
			if of, isPart := write.(map[string]any)[part].(map[string]any); isPart {
				key := of[field].(map[string]any)[table.PartitionKey].(map[string]any)
				partitions = append(partitions, key["S"].(string))
			}
		}
	}
	return partitions
}

// needed are the permissions that AWS asks of whoever makes the request: a transaction needs those of its parts.
func needed(t *testing.T, request localtest.Request) []string {
	t.Helper()
	switch {
	case request.Service == localtest.SESService:
		return []string{"ses:" + request.Action}
	case request.Service == localtest.KMSService:
		return []string{"kms:" + request.Action}
	case request.Action == "TransactGetItems":
		return []string{"dynamodb:GetItem"}
	case request.Action != "TransactWriteItems":
		return []string{"dynamodb:" + request.Action}
	}
	permission := map[string]string{
		"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem",
		"ConditionCheck": "dynamodb:ConditionCheckItem",
	}
	var actions []string
	for _, item := range request.Parameters(t)["TransactItems"].([]any) {
		for part := range item.(map[string]any) {
			actions = append(actions, permission[part])
		}
	}
	return actions
}

// everything makes every function do all that it can do.
func everything(t *testing.T) {
	t.Helper()
	p, other := story.NewPartner(t), story.NewPartner(t)
	referred := story.Engagement(t, story.Object{
		"referral": story.Object{"minDealSize": "1000.00"},
		"coSell":   story.Object{"minDealSize": "50000.00", "managedCustomersOnly": true},
	})
	plain := story.Engagement(t, nil)
	exclusive := story.Engagement(t, story.Object{"exclusive": true})
	variable := story.VariableEngagement(t, nil)
	engagements := []string{referred, plain, exclusive, variable}
	c := story.NewCustomer(t, engagements...)
	seller := localtest.Token(t, "", story.Name("seller"), mci.FieldSeller)
	referrals := localtest.Token(t, p.ID, story.Name("user"), mci.ReferralAdmin)
	program := story.Program(t)
	get := func(path, token string) {
		t.Helper()
		localtest.Call(t, "GET", path, token, nil).Expect(t, 200)
	}

	// Everyone who writes loses one race, and so does again what it does then.
	for _, function := range platform.Functions {
		localtest.Inject(t, localtest.Fault{Effect: localtest.Conflict, Function: function.Name,
			Action: "TransactWriteItems"})
	}

	get("/v1/openapi.json", "")
	get("/.well-known/jwks.json", "")
	get("/v1/engagements", p.Token)
	get("/v1/engagements/"+plain, p.Token)
	for _, id := range c.IDs() {
		body := story.Object{"customerId": c.By(id.Type), "locationId": p.Location, "customerEmail": c.Email}
		if id.Type == mci.MSXOpportunity {
			body["hours"] = 40
		}
		localtest.Call(t, "POST", "/v1/eligibility-checks", p.Token, body).Expect(t, 200)
	}

	// One claim goes all the way, with a reminder, a corrected address and a return.
	nomination := p.Nomination(c, c.By(mci.Domain), []string{referred, exclusive}, nil)
	added := localtest.Call(t, "POST", "/v1/customers", p.Token, nomination, "Idempotency-Key", "add")
	added.Expect(t, 201)
	localtest.Call(t, "POST", "/v1/customers", p.Token, nomination, "Idempotency-Key", "add").Expect(t, 201)
	claims := localtest.Decode[struct{ Claims []story.Claim }](t, added).Claims
	claim := claims[slices.IndexFunc(claims, func(claim story.Claim) bool { return claim.EngagementID == referred })]
	p.AddVariable(t, c, variable, 40)
	consent := "/v1/claims/" + claim.ID + "/consent-requests"
	localtest.Call(t, "POST", consent, p.Token, story.FirstRequest("60000.00"), "Idempotency-Key", "ask").Expect(t, 202)
	localtest.Call(t, "POST", consent, p.Token, story.Object{}).Expect(t, 202)
	corrected := story.Object{"name": "Kim Contact", "email": "corrected@" + c.Domain}
	localtest.Call(t, "POST", consent, p.Token, story.Object{"customerContact": corrected}).Expect(t, 202)
	tellOfMail(t)
	link := localtest.ConsentLink(t, localtest.Mail(t, "corrected@"+c.Domain, 1))
	get(link, "")
	localtest.Call(t, "HEAD", link, "", nil).Expect(t, 200)
	story.Accept(t, link)
	get(link, "")
	get(link+"/receipt", "")
	localtest.WaitDrained(t)
	submitted := story.Post(t, p.Token, claim.ID, "submission", story.Submission(), "Idempotency-Key", "submit")
	submitted.Expect(t, 200)
	returned := story.Object{"decision": mci.Return, "reason": "The report is missing."}
	story.Post(t, program, claim.ID, "review", returned, "Idempotency-Key", "return").Expect(t, 200)
	p.Submit(t, claim.ID)
	story.Review(t, claim.ID, mci.Complete)

	// Others end in every other way.
	known := p.Claim(t, c, plain)
	story.Post(t, p.Token, known.ID, "cancellation", story.Object{}, "Idempotency-Key", "cancel").Expect(t, 200)
	small := story.NewCustomer(t, engagements...)
	small.Manage(t, false)
	asked := p.Add(t, small, referred)
	story.Accept(t, p.Ask(t, asked))
	localtest.WaitDrained(t)
	upgrade := "/v1/referrals/" + p.Get(t, asked.ID).Referral.ID + "/upgrade"
	localtest.Call(t, "POST", upgrade, referrals, nil).Expect(t, 409)
	small.Manage(t, true)
	localtest.Call(t, "POST", upgrade, program, nil, "Idempotency-Key", "upgrade").Expect(t, 200)
	p.Submit(t, asked.ID)
	story.Review(t, asked.ID, mci.Reject)
	refusing := story.NewCustomer(t, engagements...)
	story.Decline(t, p.Ask(t, p.Add(t, refusing, exclusive)))
	waiting := story.NewCustomer(t, engagements...)
	p.Ask(t, p.Add(t, waiting, referred))
	p.Add(t, waiting, plain)
	other.Add(t, waiting, plain)

	// Everyone reads, by every filter.
	for _, tab := range []string{"eligible", "ineligible", "complete"} {
		for _, engagement := range engagements {
			get("/v1/engagements/"+engagement+"/customers?limit=1&tab="+tab, p.Token)
			get("/v1/engagements/"+engagement+"/customers?"+url.Values{"tab": {tab}, "q": {"cust"}}.Encode(), p.Token)
		}
	}
	for _, query := range []string{"", "?status=cancelled", "?engagementId=" + plain, "?limit=1", "?sort=due"} {
		get("/v1/claims"+query, p.Token)
	}
	get("/v1/claims", program)
	get("/v1/claims?partnerId="+p.ID, program)
	get("/v1/claims/"+claim.ID, seller)
	get("/v1/claims/"+claim.ID, program)
	get("/v1/claims/"+claim.ID+"/receipt", seller)
	for _, token := range []string{referrals, seller, program} {
		for _, query := range []string{"", "?type=co-sell", "?limit=1"} {
			get("/v1/referrals"+query, token)
		}
		get("/v1/referrals/"+p.Get(t, claim.ID).Referral.ID, token)
	}
	get("/v1/referrals?type=partner-led", referrals)

	reminders(t)
	localtest.SetClock(t, 40*24*time.Hour)
	localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	localtest.WaitDrained(t)
}

// reminders has the system remind of every deadline, and people be told.
func reminders(t *testing.T) {
	t.Helper()
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{
		"consentWindowDays": 10, "submissionWindowDays": 10,
		"reminders": story.Object{"consentDays": []int{5}, "submissionDays": []int{5}},
	})
	for _, status := range []mci.Status{mci.ConsentNotSent, mci.ConsentPending, mci.Consented} {
		p.Bring(t, status, story.NewCustomer(t, e), e)
	}
	localtest.WaitDrained(t)
	localtest.SetClock(t, 6*24*time.Hour)
	localtest.Inject(t, localtest.Fault{Effect: localtest.Conflict, Function: "notify", Action: "TransactWriteItems",
		Match: localtest.Naming(string(mci.EmailSent))})
	localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
	localtest.WaitDrained(t)
}

// tellOfMail has SES tell of every email that was sent: delivered, bounced, complained of.
func tellOfMail(t *testing.T) {
	t.Helper()
	for _, request := range localtest.Requests("send-consent") {
		if request.Service != localtest.SESService {
			continue
		}
		var sent struct{ MessageId string }
		if err := json.Unmarshal(request.Answer, &sent); err != nil || sent.MessageId == "" {
			t.Fatalf("the email service answered %s: %v", request.Answer, err)
		}
		for _, kind := range [][2]string{
			{"Delivery", "Email Delivered"}, {"Bounce", "Email Bounced"}, {"Complaint", "Email Complaint Received"},
		} {
			localtest.Invoke(t, "mail-feedback", story.Object{
				"version": "0", "id": story.Name("event"), "source": platform.MailEvents.Source, "detail-type": kind[1],
				"detail": story.Object{
					"eventType": kind[0], "bounce": story.Object{"bounceType": "Permanent"},
					"mail": story.Object{"messageId": sent.MessageId,
						"timestamp": time.Now().UTC().Format(time.RFC3339)},
				},
			}).Expect(t, 200)
		}
	}
}

// domainEventsAreStored looks for every attribute that the pipe takes from the table's stream in every item that it
// lets through, and for events among the items that it does not.
func domainEventsAreStored(t *testing.T) {
	pages := dynamodb.NewScanPaginator(localtest.DynamoDB(),
		&dynamodb.ScanInput{TableName: aws.String(localtest.Table())})
	types := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			partition, key := text(item[table.PartitionKey]), text(item[table.SortKey])
			event := strings.HasPrefix(partition, platform.DomainEvents.PartitionPrefix) &&
				strings.HasPrefix(key, platform.DomainEvents.KeyPrefix)
			if _, hashed := item["hash"]; hashed != event {
				t.Errorf("item %s %s is let through: %v", partition, key, event)
			}
			if !event {
				continue
			}
			for attribute, kind := range platform.DomainEvents.Detail {
				if got := fmt.Sprintf("%T", item[attribute]); got != "*types.AttributeValueMember"+kind ||
					text(item[attribute]) == "" {
					t.Errorf("attribute %s of %s %s is a %s", attribute, partition, key, got)
				}
			}
			types[text(item["type"])] = true
		}
	}
	for _, kind := range mci.EventTypes {
		if !types[string(kind)] {
			t.Errorf("the story has no %s", kind)
		}
	}
}

func text(value types.AttributeValue) string {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return value.Value
	case *types.AttributeValueMemberN:
		return value.Value
	}
	return ""
}
