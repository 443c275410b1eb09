package main

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mail"
)

var tagPattern = regexp.MustCompile(`<[^>]*>`)

// spaced writes every space as a plain one; dates are held together by others.
func spaced(text string) string { return strings.Join(strings.Fields(text), " ") }

// toSES is what SES was asked to send, and when.
func toSES(t *testing.T, answer localtest.Response) map[string]any {
	t.Helper()
	for _, r := range answer.Requests() {
		if r.Action == "SendEmail" {
			return r.Parameters(t)
		}
	}
	t.Fatal("SES was not asked")
	return nil
}

func TestD12_TheEmailBearsWhatSESNeedsToTellOfIt(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	answer := request(t, p.Token, claim.ID, with(first, story.Object{"partnerContact": story.Object{"name": "Sam Sales",
		"email": "sam@partner.example"}})).Expect(t, 202)
	asked := toSES(t, answer)
	if set, _ := asked["ConfigurationSetName"].(string); set == "" {
		t.Errorf("no configuration set: nobody would hear of bounces: %v", asked["ConfigurationSetName"])
	}
	tags := map[string]string{}
	for _, tag := range asked["EmailTags"].([]any) {
		tags[tag.(map[string]any)["Name"].(string)] = tag.(map[string]any)["Value"].(string)
	}
	if tags["claim"] != claim.ID {
		t.Errorf("the tags are %v", tags)
	}
	allowed := regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,256}$`)
	for name, value := range tags {
		if !allowed.MatchString(name) || !allowed.MatchString(value) || strings.Contains(value, "@") {
			t.Errorf("SES takes no tag %s=%s, or it names a person", name, value)
		}
	}
	email := localtest.Mail(t, claim.CustomerContact.Email, 1)
	if len(email.To) != 1 || email.To[0] != claim.CustomerContact.Email || len(email.ReplyTo) != 1 ||
		email.ReplyTo[0] != "sam@partner.example" || email.From == "" {
		t.Errorf("it goes from %q to %q, answers to %q", email.From, email.To, email.ReplyTo)
	}
	if destination := asked["Destination"].(map[string]any); destination["CcAddresses"] != nil ||
		destination["BccAddresses"] != nil {
		t.Errorf("it goes to others too: %v", destination)
	}
	// The message ID that SES gave is the one that its events will name.
	events := p.Get(t, claim.ID).Events
	if sent := events[len(events)-1]; sent.Type != "email.sent" || sent.Detail["messageId"] != email.MessageID {
		t.Errorf("the event is %+v, SES calls the email %s", sent, email.MessageID)
	}
}

func TestS21_HostileNamesAreNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	const script = `<script>alert("x")</script>`
	hostile := map[string]string{
		"partner":    `Evil & Sons <img src=x onerror=alert(1)> "'`,
		"engagement": `</title>` + script + ` {{.Link}} {partner}`,
		"customer":   `Tailspin <b>Toys</b> %0d%0aBcc:x`,
		"contact":    `Kim "><a href=evil onclick="alert(1)">click`,
		"sales":      `Sam <sam at evil>, Bcc: all`,
	}
	p := story.NewPartner(t)
	localtest.LoadRow(t, "locations.csv", p.ID, hostile["partner"], p.Location, "Seattle", "US", true, "*")
	e := story.Engagement(t, story.Object{"name": hostile["engagement"]})
	c := story.NewCustomerNamed(t, hostile["customer"], e)
	claim := p.Add(t, c, e)
	contact := story.Object{"name": hostile["contact"], "email": c.Email}
	sales := story.Object{"name": hostile["sales"], "email": "sam@partner.example"}
	answer := request(t, p.Token, claim.ID, with(first, story.Object{"customerContact": contact,
		"partnerContact": sales})).Expect(t, 202)
	email := localtest.Mail(t, c.Email, 1)

	if strings.ContainsAny(email.Subject, "\r\n") || !strings.Contains(email.Subject, hostile["engagement"]) ||
		!strings.Contains(email.Subject, hostile["partner"]) {
		t.Errorf("the subject is %q", email.Subject)
	}
	if len(email.To) != 1 || email.To[0] != c.Email || len(email.ReplyTo) != 1 ||
		email.ReplyTo[0] != "sam@partner.example" {
		t.Errorf("it goes to %q, answers to %q", email.To, email.ReplyTo)
	}
	page := localtest.Call(t, "GET", localtest.ConsentLink(t, email), "", nil).Expect(t, 200)
	for where, text := range map[string]string{"email": email.HTML, "page": string(page.Body)} {
		for _, markup := range []string{"<script", "<img", "<b>Toys", `<a href=evil`, "onerror=alert(1)>"} {
			if strings.Contains(text, markup) {
				t.Errorf("the %s holds %s as markup", where, markup)
			}
		}
		for who, name := range hostile {
			if (who == "contact" || who == "sales") && where == "page" {
				continue // the page greets nobody; whom to write to is there
			}
			if !strings.Contains(html.UnescapeString(text), name) {
				t.Errorf("the %s does not show the %s's name as it is", where, who)
			}
		}
		if got := strings.Count(text, "http"); where == "email" &&
			got != strings.Count(text, localtest.URL()+"/consent/")+strings.Count(text, "https://evil.example") {
			t.Errorf("the email links to more than the page: %s", text)
		}
	}
	if strings.Contains(string(page.Body), hostile["contact"]) || strings.Contains(string(page.Body), c.Email) {
		t.Error("the page tells whoever has the link whom it was sent to")
	}
	if !strings.Contains(email.Text, hostile["partner"]) || !strings.Contains(email.Text, hostile["contact"]) {
		t.Errorf("the text is\n%s", email.Text)
	}
	// No header of its own: all goes by SES's structured fields.
	if simple := toSES(t, answer)["Content"].(map[string]any); simple["Raw"] != nil || simple["Simple"] == nil {
		t.Errorf("the message is not one that SES writes itself: %v", simple)
	}
}

func TestD11_TheEmailSpeaksTheContactsLanguageAndTheVersionOfItsTextIsKept(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	subjects := map[string]bool{}
	for locale, spoken := range map[string]mail.Locale{
		"": "en", "en-GB": "en", "zh-TW": "zh-TW", "pt-BR": "pt-BR", "pt": "pt-BR", "ja": "ja", "ja-JP": "ja",
		"fr":    "fr",
		"fr-CA": "fr", "tr": "tr",
		"de": "en", "sw": "en",
	} {
		claim := p.Add(t, story.NewCustomer(t, e), e)
		contact := story.Object{"name": "Kim Contact", "email": claim.CustomerContact.Email}
		if locale != "" {
			contact["locale"] = locale
		}
		p.Request(t, claim.ID, with(first, story.Object{"customerContact": contact}))
		email := localtest.Mail(t, claim.CustomerContact.Email, 1)
		if !strings.Contains(email.HTML, `lang="`+string(spoken)+`"`) {
			t.Errorf("a contact of %q is written to in another language than %s", locale, spoken)
		}
		subjects[strings.NewReplacer(p.Name, "").Replace(email.Subject)] = true

		requested := p.Get(t, claim.ID).Events[1]
		if requested.Detail["language"] != string(spoken) || len(requested.Detail["statementHash"]) != 64 {
			t.Errorf("of what a contact of %q was told is kept %v", locale, requested.Detail)
		}
		whom := false
		for _, item := range story.Items(t, "CLAIM#"+claim.ID, "PRIVATE#00002") {
			encoded, err := json.Marshal(plain(item))
			whom = whom || err == nil && strings.Contains(string(encoded), claim.CustomerContact.Email)
		}
		if !whom {
			t.Errorf("whom the email of %q went to is not kept", locale)
		}
	}
	if len(subjects) != 6 {
		t.Errorf("there are %d subjects for six languages", len(subjects))
	}
}

func TestS22_TheEmailSaysAllThatTheCustomerMustKnow(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	e := story.Engagement(t, story.Object{"name": "Security Workshop", "payout": "12345.67", "consentWindowDays": 10,
		"submissionWindowDays": 21})
	c := story.NewCustomer(t, e)
	claim := p.Add(t, c, e)
	p.Request(t, claim.ID, with(first, story.Object{"partnerContact": story.Object{"name": "Sam Sales",
		"email": "sam@partner.example"}}))
	email := localtest.Mail(t, c.Email, 1)
	for what, words := range map[string]string{
		"the partner": p.Name, "the engagement": "Security Workshop", "the customer": c.Name, "the payout": "12,345.67",
		"the deadline": claim.ConsentDue.UTC().Format("2 January 2006, 15:04"), "the time to submit": "21 days",
		"the greeting": "Kim Contact",
		"whom to ask":  "Sam Sales",
	} {
		read := spaced(tagPattern.ReplaceAllString(html.UnescapeString(email.HTML), ""))
		if !strings.Contains(spaced(email.Text), words) || !strings.Contains(read, words) {
			t.Errorf("%s (%s) is missing:\n%s", what, words, read)
		}
	}
	if strings.Contains(email.Text, "60,000") || strings.Contains(email.Text, "60000") {
		t.Errorf("the deal size is the partner's, not for the customer to read:\n%s", email.Text)
	}
}
