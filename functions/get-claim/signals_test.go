package main

import (
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// signalsOf lists the codes that a reader sees with a claim; false where there is no such field.
func signalsOf(t *testing.T, token, claimID string) (string, bool) {
	t.Helper()
	answer := localtest.Call(t, "GET", "/v1/claims/"+claimID, token, nil).Expect(t, 200)
	signals, shown := answer.JSON(t)["signals"].([]any)
	var codes []string
	for _, signal := range signals {
		told := signal.(map[string]any)
		if told["detail"] == "" {
			t.Errorf("nothing is said of %s", told["code"])
		}
		codes = append(codes, told["code"].(string))
	}
	return strings.Join(codes, " "), shown
}

func TestD24_TheReviewerSeesWhatSpeaksAgainstAConsent(t *testing.T) {
	e := story.Engagement(t, nil)
	p, other := story.NewPartner(t), story.NewCustomer(t)
	localtest.LoadRow(t, "locations.csv", p.ID, p.Name, p.Location, "Seattle", "US", true, "*",
		"listed.example;partner.example")
	const office, home = "203.0.113.7", "198.51.100.9"
	for name, test := range map[string]struct {
		contact   string // the first one; "" for the customer's own
		corrected string // the one that is asked
		partnerAt string // where the partner's user asks from
		answersAt string
		wait      time.Duration // from the email to the answer
		want      string
	}{
		"nothing": {partnerAt: office, answersAt: home, wait: time.Minute},
		"a domain that leads to no tenant": {
			contact: "kim@nowhere.example", partnerAt: office, answersAt: home, wait: time.Minute,
			want: "contact-domain-unknown",
		},
		"the partner's own domain": {
			contact: "kim@partner.example", partnerAt: office, answersAt: home, wait: time.Minute,
			want: "contact-domain-unknown contact-domain-of-partner",
		},
		"another customer's domain": {
			contact: "kim@" + other.Domain, partnerAt: office, answersAt: home, wait: time.Minute,
			want: "contact-domain-of-another-customer",
		},
		"a domain that the program lists as the partner's": {
			contact: "kim@listed.example", partnerAt: office, answersAt: home, wait: time.Minute,
			want: "contact-domain-unknown contact-domain-of-partner",
		},
		"another address": {
			corrected: "lee@", partnerAt: office, answersAt: home, wait: time.Minute, want: "contact-changed",
		},
		"the partner's own network": {
			partnerAt: office, answersAt: office, wait: time.Minute, want: "answered-from-partner-network",
		},
		"an address that a proxy forwarded with the partner's act": {
			partnerAt: "none, " + home + ", " + office, answersAt: home, wait: time.Minute,
			want: "answered-from-partner-network",
		},
		"the partner's network, which only the answer's own header names": {
			partnerAt: office, answersAt: office + ", " + home, wait: time.Minute,
		},
		"at once": {partnerAt: office, answersAt: home, want: "answered-at-once"},
	} {
		t.Run(name, func(t *testing.T) {
			c := story.NewCustomer(t, e)
			email := c.Email
			changes := story.Object{"mismatchReason": "A reason."}
			if test.contact != "" {
				email = strings.Replace(test.contact, "kim@", story.Name("kim")+"@", 1)
				changes["customerContact"] = story.Object{"name": "Kim", "email": email}
			}
			added := localtest.Call(t, "POST", "/v1/customers", p.Token, p.Nomination(c, c.By(mci.TPID), []string{e},
				changes), "X-Forwarded-For", test.partnerAt)
			claim := story.Born(t, added)[0]
			request := story.FirstRequest("60000.00")
			if test.corrected != "" {
				email = test.corrected + c.Domain
				request["customerContact"] = story.Object{"name": "Lee", "email": email}
			}
			localtest.Call(t, "POST", "/v1/claims/"+claim.ID+"/consent-requests", p.Token, request,
				"X-Forwarded-For", test.partnerAt).Expect(t, 202)
			if test.wait > 0 {
				localtest.SetClock(t, localtest.Cloud().Offset()+test.wait)
			}
			link := story.Link(t, email)
			localtest.Call(t, "POST", link, "", story.Shown(t, link, story.Form("accept")),
				"X-Forwarded-For", test.answersAt).Expect(t, 303)
			if codes, _ := signalsOf(t, story.Program(t), claim.ID); codes != test.want {
				t.Errorf("the reviewer sees %q", codes)
			}
			if _, shown := signalsOf(t, p.Token, claim.ID); shown {
				t.Error("the partner sees the signals")
			}
		})
	}
}
