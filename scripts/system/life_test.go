package system

import (
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// lifeBudget is how many write units one claim's life may take.
const lifeBudget = 100

// TestAClaimsLifeWritesFewUnits adds a customer, asks, has the email delivered and the customer accept, upgrades the
// referral, submits and completes, each with an Idempotency-Key where it takes one.
func TestAClaimsLifeWritesFewUnits(t *testing.T) {
	w := newWorld(t)
	c := story.NewCustomer(t, w.engagement)
	localtest.Measure(t)
	var total float64
	step := func(name string, requests []localtest.Request) {
		t.Helper()
		units := 0.0
		for _, request := range requests {
			if request.Action == "TransactWriteItems" {
				units += request.Capacity
			}
		}
		t.Logf("%-10s %3.0f", name, units)
		total += units
	}
	post := func(name, path, token string, body any, status int) localtest.Response {
		t.Helper()
		answer := localtest.Call(t, "POST", path, token, body, "Idempotency-Key", story.Name("key")).Expect(t, status)
		step(name, answer.Requests())
		return answer
	}
	nomination := full(w.partner.Nomination(c, c.By(mci.Domain), []string{w.engagement}, nil))
	claim := story.Born(t, post("adding", "/v1/customers", w.partner.Token, nomination, 201))[0]
	path := "/v1/claims/" + claim.ID
	post("asking", path+"/consent-requests", w.partner.Token, story.FirstRequest("60000.00"), 202)
	email := localtest.Mail(t, c.Email, 1)
	delivered := localtest.Invoke(t, "mail-feedback", story.Object{"detail": story.Object{"eventType": "Delivery",
		"mail": story.Object{"messageId": email.MessageID, "tags": story.Object{"claim": []string{claim.ID}}}}})
	step("delivery", delivered.Requests())
	link := localtest.ConsentLink(t, email)
	form := story.Shown(t, link, story.Form("accept"))
	step("accepting", localtest.Call(t, "POST", link, "", form).Expect(t, 303).Requests())
	localtest.WaitDrained(t) // the stream brings the consent
	var upgrade []localtest.Request
	for _, request := range localtest.Requests("referral-upgrade") {
		if strings.Contains(string(request.Body), claim.ID) {
			upgrade = append(upgrade, request)
		}
	}
	step("upgrading", upgrade)
	work := story.Object{"completedOn": mci.DateOf(localtest.Now()), "notes": "Three days on site."}
	post("submitting", path+"/submission", w.partner.Token, work, 200)
	post("completing", path+"/review", story.Program(t), story.Object{"decision": mci.Complete, "reason": ""}, 200)
	whole := w.partner.Get(t, claim.ID)
	became := whole.Status + " " + whole.EmailStatus + " " + whole.Referral.Type
	if became != "completed delivered co-sell" {
		t.Errorf("the claim, its email and its referral are %s", became)
	}
	if total > lifeBudget {
		t.Errorf("%.0f units were written, more than %d", total, lifeBudget)
	}
}
