package calls

import (
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// BenchmarkCapacity measures what each call consumes of the table, in the read and write units that DynamoDB bills on
// demand; the costs in the README come from it. Its time says nothing: measuring slows everything down.
func BenchmarkCapacity(b *testing.B) {
	p := story.NewPartner(b)
	engagement := story.Engagement(b, story.Object{
		"referral": story.Object{"minDealSize": "1000.00"},
		"coSell":   story.Object{"minDealSize": "50000.00", "managedCustomersOnly": true},
	})
	seller := localtest.Token(b, "", story.Name("seller"), mci.FieldSeller)
	for range 100 { // a full page of customers, known and not
		p.Add(b, story.NewCustomer(b, engagement), engagement)
	}
	customer := func() story.Customer { return story.NewCustomer(b, engagement) }
	nominated := func() story.Claim { return p.Add(b, customer(), engagement) }
	consented := func() story.Claim { return p.Consented(b, customer(), engagement) }
	submitted := func() story.Claim { return p.Submit(b, consented().ID) }
	get := func(path, token string) localtest.Response { return localtest.Call(b, "GET", path, token, nil) }
	post := func(path string, body any) localtest.Response { return localtest.Call(b, "POST", path, p.Token, body) }

	// Each prepares what the call needs, outside the measurement, and returns the call.
	for _, call := range []struct {
		name    string
		prepare func() func() localtest.Response
	}{
		{"list-engagements", func() func() localtest.Response {
			return func() localtest.Response { return get("/v1/engagements/"+engagement, p.Token) }
		}},
		{"list-customers, 25 rows", func() func() localtest.Response {
			return func() localtest.Response { return get("/v1/engagements/"+engagement+"/customers", p.Token) }
		}},
		{"check-eligibility by domain", func() func() localtest.Response {
			c := customer()
			return func() localtest.Response {
				return post("/v1/eligibility-checks", story.Object{"customerId": c.By(mci.Domain), "locationId": p.Location})
			}
		}},
		{"add-customer", func() func() localtest.Response {
			c := customer()
			return func() localtest.Response {
				return post("/v1/customers", p.Nomination(c, c.By(mci.Domain), []string{engagement}, nil))
			}
		}},
		{"list-claims, 25 rows", func() func() localtest.Response {
			return func() localtest.Response { return get("/v1/claims", p.Token) }
		}},
		{"get-claim, completed", func() func() localtest.Response {
			claim := story.Review(b, submitted().ID, mci.Complete)
			return func() localtest.Response { return get("/v1/claims/"+claim.ID, p.Token) }
		}},
		{"send-consent", func() func() localtest.Response {
			claim := nominated()
			return func() localtest.Response {
				return post("/v1/claims/"+claim.ID+"/consent-requests", story.FirstRequest("60000.00"))
			}
		}},
		{"consent page", func() func() localtest.Response {
			link := p.Ask(b, nominated())
			return func() localtest.Response { return get(link, "") }
		}},
		{"consent decision", func() func() localtest.Response {
			link := p.Ask(b, nominated())
			return func() localtest.Response { return story.Answer(b, link, map[string][]string{"decision": {"accept"}}) }
		}},
		{"submit-claim", func() func() localtest.Response {
			claim := consented()
			body := story.Object{"completedOn": localtest.Now().UTC().Format(time.DateOnly), "notes": ""}
			return func() localtest.Response { return post("/v1/claims/"+claim.ID+"/submission", body) }
		}},
		{"cancel-claim", func() func() localtest.Response {
			claim := nominated()
			return func() localtest.Response {
				return post("/v1/claims/"+claim.ID+"/cancellation", story.Object{"reason": ""})
			}
		}},
		{"review-claim", func() func() localtest.Response {
			claim, program := submitted(), story.Program(b)
			return func() localtest.Response {
				return localtest.Call(b, "POST", "/v1/claims/"+claim.ID+"/review", program, story.Object{"decision": mci.Complete, "reason": ""})
			}
		}},
		{"list-referrals, 25 rows", func() func() localtest.Response {
			return func() localtest.Response { return get("/v1/referrals", seller) }
		}},
		{"expiry-sweep, nothing due", func() func() localtest.Response {
			return func() localtest.Response { return localtest.Invoke(b, "expiry-sweep", story.Object{}) }
		}},
	} {
		b.Run(strings.ReplaceAll(call.name, " ", "_"), func(b *testing.B) {
			localtest.Measure(b)
			var reads, writes float64
			for b.Loop() {
				answer := call.prepare()()
				if answer.Status >= 400 {
					b.Fatalf("answered %d: %s", answer.Status, answer.Body)
				}
				for _, request := range answer.Requests() {
					switch request.Action {
					case "TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem":
						writes += request.Capacity
					default:
						reads += request.Capacity
					}
				}
			}
			b.ReportMetric(reads/float64(b.N), "reads/op")
			b.ReportMetric(writes/float64(b.N), "writes/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}
