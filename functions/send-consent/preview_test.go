package main

import (
	"regexp"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
)

// One link of an email is the customer's; the preview has in its place one that opens nothing.
var linkPattern = regexp.MustCompile(`/consent/[A-Za-z0-9_.-]+`)

func TestD32_ThePreviewIsTheVeryEmail(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, e)
	claim := p.Add(t, c, e)
	contacts := story.Object{"customerContact": story.Object{"name": "Kim", "email": c.Email, "locale": "pt-BR"},
		"partnerContact": story.Object{"name": "Sam Sales", "email": "sam@partner.example"}}
	for number, body := range []story.Object{contacts, {}} { // the first email, then a reminder
		preview := story.Post(t, p.Token, claim.ID, "consent-previews", body, "Accept-Language", "fr").Expect(t, 200).
			JSON(t)
		if now := p.Get(t, claim.ID); len(now.Events) != 1+2*number || len(localtest.Mails(t, c.Email)) != number ||
			preview["sendsLeft"] != float64(10-number) {
			t.Errorf("a preview does something: %s, %v sends left", now.Types(), preview["sendsLeft"])
		}
		if number == 0 {
			body = with(first, body)
		}
		request(t, p.Token, claim.ID, body).Expect(t, 202)
		email := localtest.Mail(t, c.Email, number+1)
		for part, sent := range map[string]string{"to": email.To[0], "replyTo": email.ReplyTo[0], "locale": "pt-BR",
			"subject": email.Subject, "html": email.HTML, "text": email.Text} {
			shown := preview[part].(string)
			for _, link := range linkPattern.FindAllString(shown, -1) {
				localtest.Call(t, "GET", link, "", nil).Expect(t, 404)
			}
			// An email's lines are folded, which depends on the link's length.
			if unlinked := func(text string) string {
				return spaced(linkPattern.ReplaceAllString(text, "/consent/"))
			}; unlinked(shown) != unlinked(sent) {
				t.Errorf("email %d: the preview's %s is\n%.2000s\nand what was sent\n%.2000s", number, part,
					unlinked(shown), unlinked(sent))
			}
		}
		if disclaimer := preview["disclaimer"].(map[string]any); disclaimer["locale"] != "fr" {
			t.Errorf("the disclaimer is in %v, not in the reader's language", disclaimer["locale"])
		}
	}
}
