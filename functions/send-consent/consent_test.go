package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) {
	localtest.Main(m, func(c *cloud.Config) { c.MailsPerPartner = strconv.Itoa(mailsPerPartner) })
}

// request sends a consent request.
func request(t *testing.T, token, claimID string, body any, headers ...string) localtest.Response {
	t.Helper()
	return story.Post(t, token, claimID, "consent-requests", body, headers...)
}

// with gives the body with changes made to it; nil takes a field away.
func with(body story.Object, changes story.Object) story.Object {
	changed := story.Object{}
	for _, fields := range []story.Object{body, changes} {
		for field, value := range fields {
			changed[field] = value
			if value == nil {
				delete(changed, field)
			}
		}
	}
	return changed
}

func money(amount any) story.Object { return story.Object{"amount": amount, "currency": "USD"} }

var first = story.FirstRequest("60000.00")

func TestS21_SendingTheConsentEmail(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"consentWindowDays": 45, "submissionWindowDays": 20})
	c := story.NewCustomer(t, e)
	claim := p.Add(t, c, e)
	if due := claim.CreatedAt.Add(45 * story.Day); !claim.ConsentDue.Equal(due) {
		t.Errorf("S20: consent is due %s, 45 days after %s is %s", claim.ConsentDue, claim.CreatedAt, due)
	}
	if claim.EmailStatus != "" || claim.DealSize != nil {
		t.Errorf("before it was sent, the email is %q and the deal %v", claim.EmailStatus, claim.DealSize)
	}
	corrected := story.Object{"name": "Chris Corrected", "email": "chris@" + c.Domain, "phone": "+1 425 555 0100",
		"locale": "fr"}
	partner := story.Object{"name": "Sam Sales", "email": "sam@partner.example", "phone": "+1 425 555 0199"}
	sent := p.Request(t, claim.ID, with(first, story.Object{"customerContact": corrected, "partnerContact": partner}))
	if sent.Status != "consent-pending" || sent.EmailStatus != "sent" || sent.DealSize == nil ||
		sent.DealSize.String() != "60000.00" {
		t.Errorf("answered a claim that is %s, its email %q, its deal %v", sent.Status, sent.EmailStatus, sent.DealSize)
	}
	if *sent.CustomerContact != (mci.Contact{Name: "Chris Corrected", Email: "chris@" + c.Domain,
		Phone: "+1 425 555 0100", Locale: "fr"}) ||
		sent.PartnerContact != (mci.Contact{Name: "Sam Sales", Email: "sam@partner.example",
			Phone: "+1 425 555 0199"}) {
		t.Errorf("the contacts are %+v and %+v", sent.CustomerContact, sent.PartnerContact)
	}
	if !sent.ConsentDue.Equal(claim.ConsentDue) || !sent.Payout.Equal(claim.Payout) {
		t.Errorf("asking moved the deadline to %s or the payout to %s: the deal size has no effect on it",
			sent.ConsentDue, sent.Payout)
	}
	if !slices.Equal(sent.Actions, []string{"resend-consent", "cancel-claim"}) {
		t.Errorf("what is open then: %q", sent.Actions)
	}
	if mails := localtest.Mails(t, c.Email); len(mails) != 0 {
		t.Errorf("%d emails went to the address that was corrected", len(mails))
	}
	localtest.Mail(t, "chris@"+c.Domain, 1)
}

func TestS21_WhatARequestMustHave(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	unasked := p.Add(t, story.NewCustomer(t, e), e)
	asked, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	consented, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	stranger := p.NewUser(t, "", mci.IncentivesUser)
	none := "01JD0000000000000000000000" + unasked.ID[26:]

	for _, c := range []struct {
		rule, token, claim string
		body               any
		status             int
		code               mci.Code
	}{
		{"a first request without the disclaimer", p.Token, unasked.ID,
			with(first, story.Object{"disclaimerAccepted": nil}), 422, mci.DisclaimerRequired},
		{"a first request that rejects the disclaimer", p.Token, unasked.ID,
			with(first, story.Object{"disclaimerAccepted": false}), 422, mci.DisclaimerRequired},
		{"a first request without a deal size", p.Token, unasked.ID, with(first, story.Object{"dealSize": nil}), 422,
			mci.DealSizeRequired},
		{"the disclaimer is missed before the deal size", p.Token, unasked.ID, story.Object{}, 422,
			mci.DisclaimerRequired},
		{"a first request without a body", p.Token, unasked.ID, nil, 422, mci.DisclaimerRequired},
		{"a reminder that rejects the disclaimer", p.Token, asked.ID, story.Object{"disclaimerAccepted": false}, 422,
			mci.DisclaimerRequired},
		{"a reminder with another deal size", p.Token, asked.ID, story.Object{"dealSize": money("60000.01")}, 409,
			mci.DealSizeImmutable},
		{"another deal size comes before the disclaimer", p.Token, asked.ID,
			with(first, story.Object{"dealSize": money("1.00"), "disclaimerAccepted": false}), 409,
			mci.DealSizeImmutable},
		{"the status comes before all of these", p.Token, consented.ID, story.Object{"dealSize": money("1.00"),
			"disclaimerAccepted": false}, 409, mci.WrongStatus},
		{"the grant comes before the status", stranger, consented.ID, story.Object{}, 403, mci.LocationNotGranted},
		{"the grant comes before what a first request lacks", stranger, unasked.ID, story.Object{}, 403,
			mci.LocationNotGranted},
		{"mistakes come before the grant", stranger, unasked.ID, with(first, story.Object{"hurry": true}), 422,
			mci.Invalid},
		{"mistakes come before a claim that is not there", p.Token, none, with(first, story.Object{"hurry": true}), 422,
			mci.Invalid},
		{"a claim that is not there", p.Token, none, first, 404, mci.NotFound},
		{"another partner's claim is not there", story.NewPartner(t).Token, unasked.ID, first, 404, mci.NotFound},
		{"the program asks nobody", story.Program(t), unasked.ID, first, 403, mci.Forbidden},
		{"a referral admin asks nobody", p.NewUser(t, mci.IncentivesUser, mci.ReferralAdmin), unasked.ID, first, 403,
			mci.Forbidden},
		{"the role comes before mistakes", story.Program(t), unasked.ID, "[", 403, mci.Forbidden},
		{"a body that is cut", p.Token, unasked.ID, `{"disclaimerAccepted":`, 400, mci.Malformed},
		{"a body that is a list", p.Token, unasked.ID, "[]", 400, mci.Malformed},
		{"a body of more than 64 KiB", p.Token, unasked.ID, `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, 413,
			mci.TooLarge},
	} {
		t.Run(c.rule, func(t *testing.T) {
			story.Refused(t, request(t, c.token, c.claim, c.body), c.status, c.code)
		})
	}
	t.Run("a body that is no JSON", func(t *testing.T) {
		story.Refused(t, request(t, p.Token, unasked.ID, "a=b", "Content-Type", "application/x-www-form-urlencoded"),
			415, mci.UnsupportedMediaType)
	})
	if now := p.Get(t, unasked.ID); now.Version != unasked.Version || now.Types() != "claim.added" {
		t.Errorf("refusals changed the claim: version %d, %s", now.Version, now.Types())
	}
	if mails := localtest.Mails(t, unasked.CustomerContact.Email); len(mails) != 0 {
		t.Errorf("refusals sent %d emails", len(mails))
	}
	// the same, written otherwise
	p.Request(t, asked.ID, story.Object{"dealSize": money("60000"), "disclaimerAccepted": true})
}

func TestS21_EveryMistakeIsToldWithItsPointer(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	good := story.Object{"name": "Kim Contact", "email": "kim@customer.example"}
	contact := func(field string, value any) story.Object {
		return with(first, story.Object{"customerContact": with(good, story.Object{field: value})})
	}
	deal := func(size any) story.Object { return with(first, story.Object{"dealSize": size}) }
	for _, c := range []struct {
		rule     string
		body     story.Object
		pointers []string
	}{
		{"a deal of less than nothing", deal(money("-1.00")), []string{"/dealSize/amount"}},
		{"a deal above the highest", deal(money("1000000000000.01")), []string{"/dealSize/amount"}},
		{"a deal in parts of cents", deal(money("1.001")), []string{"/dealSize/amount"}},
		{"a deal with an exponent", deal(money("1e3")), []string{"/dealSize/amount"}},
		{"a deal as a number", deal(money(1000)), []string{"/dealSize/amount"}},
		{"a deal in words", deal(money("much")), []string{"/dealSize/amount"}},
		{"a deal without an amount", deal(story.Object{"currency": "USD"}), []string{"/dealSize/amount"}},
		{"a deal in other dollars", deal(story.Object{"amount": "1.00", "currency": "CAD"}),
			[]string{"/dealSize/currency"}},
		{"a deal without a currency", deal(story.Object{"amount": "1.00"}), []string{"/dealSize/currency"}},
		{"a deal that is a text", deal("60000.00"), []string{"/dealSize"}},
		{"a deal with more to it", deal(with(money("1.00"), story.Object{"per": "year"})), []string{"/dealSize/per"}},
		{"a disclaimer in words", with(first, story.Object{"disclaimerAccepted": "true"}),
			[]string{"/disclaimerAccepted"}},
		{"a name of 121 characters", contact("name", strings.Repeat("ü", 121)), []string{"/customerContact/name"}},
		{"a name of two lines", contact("name", "Kim\nContact"), []string{"/customerContact/name"}},
		{"a name that smuggles a header", contact("name", "Kim\r\nBcc: everybody@customer.example"),
			[]string{"/customerContact/name"}},
		{"a blank name", contact("name", "  "), []string{"/customerContact/name"}},
		{"a name that turns the reading direction", contact("name", "Kim \u202etcatnoC"),
			[]string{"/customerContact/name"}},
		{"a name with a control character", contact("name", "Kim\x00"), []string{"/customerContact/name"}},
		{"a contact without a name", contact("name", nil), []string{"/customerContact/name"}},
		{"a contact without an address", contact("email", nil), []string{"/customerContact/email"}},
		{"an address that is none", contact("email", "kim"), []string{"/customerContact/email"}},
		{"an address with a header", contact("email", "kim@customer.example\r\nBcc: everybody@customer.example"),
			[]string{"/customerContact/email"}},
		{"two addresses", contact("email", "kim@customer.example, lee@customer.example"),
			[]string{"/customerContact/email"}},
		{"an address with a name", contact("email", "Kim <kim@customer.example>"), []string{"/customerContact/email"}},
		{"a phone in words", contact("phone", "call me"), []string{"/customerContact/phone"}},
		{"a language that is none", contact("locale", "no such language"), []string{"/customerContact/locale"}},
		{"a field that nobody knows", contact("title", "Dr"), []string{"/customerContact/title"}},
		{"a partner's language that is none", with(first,
			story.Object{"partnerContact": with(good, story.Object{"locale": "no such"})}),
			[]string{"/partnerContact/locale"}},
		{"many mistakes at once", story.Object{"dealSize": money("x"), "disclaimerAccepted": 1,
			"customerContact": story.Object{}, "a/b~c": 1},
			[]string{"/disclaimerAccepted", "/dealSize/amount", "/customerContact/name", "/customerContact/email",
				"/a~1b~0c"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			problem := story.Refused(t, request(t, p.Token, claim.ID, c.body), 422, mci.Invalid)
			var pointers []string
			for _, mistake := range problem.Errors {
				if mistake.Detail == "" {
					t.Errorf("%s is not explained", mistake.Pointer)
				}
				pointers = append(pointers, mistake.Pointer)
			}
			if !story.Same(pointers, c.pointers) {
				t.Errorf("told %q instead of %q", pointers, c.pointers)
			}
		})
	}
}

func TestS21_TheLargestAndTheSmallestAreTaken(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for size, shown := range map[string]string{"0": "0.00", "0.00": "0.00", "1000000000000.00": "1000000000000.00",
		"0.1": "0.10"} {
		claim := p.Add(t, story.NewCustomer(t, e), e)
		name := strings.Repeat("長", 120)
		sent := p.Request(t, claim.ID, with(story.FirstRequest(size),
			story.Object{"customerContact": story.Object{"name": name, "email": claim.CustomerContact.Email}}))
		if sent.DealSize.String() != shown || sent.CustomerContact.Name != name {
			t.Errorf("a deal of %s is shown as %s, the name as %s", size, sent.DealSize, sent.CustomerContact.Name)
		}
	}
}

func TestS23_TheCustomerIsRemindedUntilAnAnswerComes(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	reminded := p.Request(t, claim.ID, story.Object{})
	mails := localtest.Mails(t, claim.CustomerContact.Email)
	if len(mails) != 2 || strings.HasPrefix(mails[0].Subject, "Reminder") || !strings.HasPrefix(mails[1].Subject,
		"Reminder: ") {
		t.Fatalf("there are %d emails: %+v", len(mails), mails)
	}
	if reminded.Status != "consent-pending" || !reminded.ConsentDue.Equal(claim.ConsentDue) {
		t.Errorf("a reminder leaves a claim that is %s, due %s instead of %s", reminded.Status, reminded.ConsentDue,
			claim.ConsentDue)
	}
	if whole := p.Get(t, claim.ID); whole.Types() != "claim.added consent.requested email.sent consent.reminded "+
		"email.sent" {
		t.Errorf("the history is %s", whole.Types())
	}
	story.Accept(t, link)
	story.Refused(t, request(t, p.Token, claim.ID, story.Object{}), 409, mci.WrongStatus)
}

func TestD12_WhoeverWasNeverAskedIsNotReminded(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	next := story.Name("successor") + "@customer.example"
	p.Request(t, claim.ID, story.Object{"customerContact": story.Object{"name": "Sacha Successor", "email": next},
		"mismatchReason": "A successor."})
	if mail := localtest.Mail(t, next, 1); strings.HasPrefix(mail.Subject, "Reminder") || !strings.Contains(mail.Text,
		"Sacha Successor") {
		t.Errorf("the new contact is greeted with %q:\n%s", mail.Subject, mail.Text)
	}
	p.Request(t, claim.ID, story.Object{})
	if mail := localtest.Mail(t, next, 2); !strings.HasPrefix(mail.Subject, "Reminder") {
		t.Errorf("the reminder is %q", mail.Subject)
	}
}

func TestS26_D9_AReferralComesWithTheFirstEmailWhereTheConditionsHold(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	from1000 := story.Object{"referral": story.Object{"minDealSize": "1000.00"}}
	for _, c := range []struct {
		rule       string
		engagement story.Object
		dealSize   string
		created    bool
	}{
		{"the deal reaches the engagement's minimum", from1000, "1000.00", true},
		{"a cent less does not", from1000, "999.99", false},
		{"more does", from1000, "250000.00", true},
		{"an engagement without referrals has none", nil, "250000.00", false},
		{"any deal does where the minimum is nothing", story.Object{"referral": story.Object{"minDealSize": "0.00"}},
			"0.00", true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			e := story.Engagement(t, c.engagement)
			claim := p.Add(t, story.NewCustomer(t, e), e)
			if claim.Referral != nil {
				t.Error("there is a referral before anybody was asked")
			}
			sent := p.Request(t, claim.ID, story.FirstRequest(c.dealSize))
			if (sent.Referral != nil) != c.created {
				t.Fatalf("the referral is %+v", sent.Referral)
			}
			if !c.created {
				return
			}
			if sent.Referral.Type != "partner-led" || sent.Referral.Href != "/v1/referrals/"+sent.Referral.ID {
				t.Errorf("the claim links to %+v", sent.Referral)
			}
			referral := sent.ReferralNow(t)
			if referral.State() != "new" || referral.Type != "partner-led" ||
				referral.DealSize.String() != c.dealSize || referral.ClaimID != claim.ID ||
				referral.PartnerID != p.ID || referral.EngagementID != e ||
				referral.Customer["id"] != claim.Customer["id"] || referral.UpgradedAt != nil ||
				referral.CreatedAt.Before(claim.CreatedAt) {
				t.Errorf("the referral is %+v", referral)
			}
			again := p.Request(t, claim.ID, story.Object{})
			if again.Referral.ID != sent.Referral.ID || strings.Count(p.Get(t, claim.ID).Types(),
				"referral.created") != 1 {
				t.Errorf("a reminder made another referral: %+v", again.Referral)
			}
		})
	}
}

// token takes a consent link apart.
func token(t *testing.T, link string) (secret []byte, encoded, claimID string) {
	t.Helper()
	encoded, claimID, found := strings.Cut(strings.TrimPrefix(link, "/consent/"), ".")
	secret, err := base64.RawURLEncoding.DecodeString(encoded)
	if !found || err != nil {
		t.Fatalf("the link %s is not made of a secret and a claim: %v", link, err)
	}
	return secret, encoded, claimID
}

func TestD10_ALinkNamesTheClaimAndCarries256BitsOfWhichTheHashAloneIsStored(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	seen := map[string]bool{}
	var ones, bits int
	for range 8 {
		claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
		p.Request(t, claim.ID, story.Object{})
		for _, link := range []string{link, story.Link(t, claim.CustomerContact.Email)} {
			secret, encoded, claimID := token(t, link)
			if len(secret) != 32 || seen[encoded] || claimID != claim.ID {
				t.Fatalf("%s carries %d bits, seen before: %t, and names %s", link, 8*len(secret), seen[encoded],
					claimID)
			}
			seen[encoded] = true
			for _, b := range secret {
				for ; b > 0; b &= b - 1 {
					ones++
				}
				bits += 8
			}
			hash := sha256.Sum256(secret)
			stored, hashes := 0, 0
			for _, item := range story.Every(t) {
				text := fmt.Sprintf("%v", plain(item))
				if strings.Contains(text, encoded) || strings.Contains(text, hex.EncodeToString(secret)) ||
					strings.Contains(text, string(secret)) {
					stored++
				}
				if strings.Contains(text, hex.EncodeToString(hash[:])) {
					hashes++
				}
			}
			if stored != 0 || hashes != 3 { // the link, the event of its request, and that of its email (B4)
				t.Errorf("the secret itself is in %d items, its hash in %d", stored, hashes)
			}
		}
	}
	// 4096 fair coins: 2048 ± 32; ten deviations never come.
	if ones < bits/2-320 || ones > bits/2+320 {
		t.Errorf("%d of %d bits are ones: they are not random", ones, bits)
	}
}

func TestD10_ARemindersLinkStandsBesideTheEarlierAndACorrectedAddressVoidsThem(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, one := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	address := claim.CustomerContact.Email
	opens := func(rule, link string, status int) {
		t.Helper()
		if answer := localtest.Call(t, "GET", link, "", nil); answer.Status != status {
			t.Errorf("%s: opening the link answers %d instead of %d", rule, answer.Status, status)
		}
		if status == 404 {
			if answer := story.Answer(t, link, story.Form("accept")); answer.Status != 404 {
				t.Errorf("%s: answering by the link answers %d", rule, answer.Status)
			}
		}
	}
	contact := func(name, email string) story.Object {
		return story.Object{"customerContact": story.Object{"name": name, "email": email}}
	}
	p.Request(t, claim.ID, story.Object{})
	two := story.Link(t, address)
	opens("after a reminder, the first", one, 200)
	opens("after a reminder, the second", two, 200)

	p.Request(t, claim.ID, contact("Another Name", address))
	three := story.Link(t, address)
	opens("after a correction of the name alone, the first", one, 200)
	p.Request(t, claim.ID, contact("Another Name", strings.Replace(address, "customer-", "CUSTOMER-", 1)))
	four := story.Link(t, address)
	opens("after the same address in other letters, the first", one, 200)
	opens("after the same address in other letters, the third", three, 200)

	other := story.Name("other") + "@customer.example"
	p.Request(t, claim.ID, with(contact("Another Person", other), story.Object{"mismatchReason": "A sister company."}))
	five := story.Link(t, other)
	for i, link := range []string{one, two, three, four} {
		opens(fmt.Sprintf("after a corrected address, link %d", i+1), link, 404)
	}
	opens("after a corrected address, its own", five, 200)

	p.Request(t, claim.ID, contact("Kim Contact", address))
	six := story.Link(t, address)
	opens("once it is corrected back, the first", one, 404)
	opens("once it is corrected back, the other's", five, 404)
	opens("once it is corrected back, the latest", six, 200)
	story.Accept(t, six)
	opens("once decided, the latest", six, 200)
	opens("once decided, a void one", one, 404)
}

func TestD10_D12_D13_LinksEmailsAndAnswersAreKeptLongEnoughAndAllElseForEver(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	before := localtest.Now()
	request(t, p.Token, claim.ID, first, "Idempotency-Key", story.Name("key")).Expect(t, 202)
	after := localtest.Now()
	lives := map[string]struct {
		from, to time.Time
		holds    string // the attribute that names the claim, or its partner
	}{
		"CONSENT":     {claim.ConsentDue.Add(400 * story.Day), claim.ConsentDue.Add(400 * story.Day), "pk"},
		"MESSAGE":     {before.Add(90 * story.Day), after.Add(90 * story.Day), "claimId"},
		"DAY":         {before.Add(2 * story.Day), after.Add(2 * story.Day), "pk"},
		"IDEMPOTENCY": {before.Add(story.Day), after.Add(story.Day), ""},
	}
	found := map[string]bool{}
	for _, item := range story.Every(t) {
		kind, _, _ := strings.Cut(story.TextOf(item, "sk"), "#")
		life, dies := lives[kind]
		ttl, _ := item["ttl"].(*types.AttributeValueMemberN)
		if dies != (ttl != nil) {
			t.Errorf("an item of %s has the time to live %v", kind, item["ttl"])
		}
		of := story.TextOf(item, life.holds)
		if kept, err := table.KeptResponseOf(item); kind == "IDEMPOTENCY" && err == nil {
			of = kept.Body()
		}
		if !dies || ttl == nil || !strings.Contains(of, claim.ID) && !strings.HasSuffix(of, "#"+p.ID) {
			continue
		}
		if end, err := strconv.ParseInt(ttl.Value, 10, 64); err != nil || end < life.from.Unix() ||
			end > life.to.Unix() {
			t.Errorf("an item of %s lives until %s, not until %s", kind, time.Unix(end, 0), life.to)
		}
		found[kind] = true
	}
	for kind := range lives {
		if !found[kind] {
			t.Errorf("there is no %s of the claim", kind)
		}
	}
}

func TestD13_TheSameRequestAgainGetsTheSameAnswerAndSendsNothing(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	key := story.Name("key")
	sent := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t, 202)
	again := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t, 202)
	if string(again.Body) != string(sent.Body) {
		t.Errorf("repeated, it answers\n%s\ninstead of\n%s", again.Body, sent.Body)
	}
	story.Refused(t, request(t, p.Token, claim.ID, story.Object{}, "Idempotency-Key", key), 409,
		mci.IdempotencyKeyReused)
	story.Refused(t, request(t, p.Token, claim.ID, story.Object{"x": 1}, "Idempotency-Key", key), 422, mci.Invalid)
	if mails := localtest.Mails(t, claim.CustomerContact.Email); len(mails) != 1 {
		t.Errorf("%d emails went out", len(mails))
	}

	// Another caller's key, and the same key for another claim, are other keys.
	colleague := p.NewUser(t, mci.IncentivesUser, mci.IncentivesUser)
	request(t, colleague, claim.ID, story.Object{}, "Idempotency-Key", key).Expect(t, 202)
	other := p.Add(t, story.NewCustomer(t, e), e)
	if answer := request(t, p.Token, other.ID, first, "Idempotency-Key", key).Expect(t,
		202); answer.JSON(t)["id"] != other.ID {
		t.Errorf("the key of another claim answers %s", answer.Body)
	}
	if mails := localtest.Mails(t, claim.CustomerContact.Email); len(mails) != 2 {
		t.Errorf("%d emails went out instead of the colleague's too", len(mails))
	}

	// What came after does not change the answer, nor does the answer come too soon.
	story.Accept(t, story.Link(t, claim.CustomerContact.Email))
	if late := request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t, 202); string(late.Body) != string(
		sent.Body) {
		t.Errorf("later, it answers %s", late.Body)
	}
	stranger := p.NewUser(t, "", mci.IncentivesUser)
	story.Refused(t, request(t, stranger, claim.ID, first, "Idempotency-Key", key), 403, mci.LocationNotGranted)
}

func TestD13_OnlySuccessesAreKept(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	key := story.Name("key")
	story.Refused(t, request(t, p.Token, claim.ID, story.Object{}, "Idempotency-Key", key), 422, mci.DisclaimerRequired)
	request(t, p.Token, claim.ID, first, "Idempotency-Key", key).Expect(t, 202)
	for rule, bad := range map[string]string{"an empty key": "", "a key of 256 characters": strings.Repeat("k", 256),
		"a key with a space": "a b", "a key beyond ASCII": "schlüssel"} {
		t.Run(rule, func(t *testing.T) {
			problem := story.Refused(t, request(t, p.Token, claim.ID, story.Object{}, "Idempotency-Key", bad), 422,
				mci.Invalid)
			if len(problem.Errors) != 1 || !strings.Contains(problem.Errors[0].Pointer, "Idempotency-Key") {
				t.Errorf("told %+v", problem.Errors)
			}
		})
	}
	request(t, p.Token, claim.ID, story.Object{}, "Idempotency-Key", strings.Repeat("k", 255)).Expect(t, 202)
}

func TestD17_SendingTakesAGrantOnTheClaimsLocation(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	for _, role := range []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser} {
		for _, grant := range []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser} {
			t.Run(fmt.Sprintf("an %s with a grant of %s may", role, grant), func(t *testing.T) {
				request(t, p.NewUser(t, grant, role), claim.ID, first).Expect(t, 202)
			})
		}
	}
	user := story.Name("user")
	token := localtest.Token(t, p.ID, user, mci.IncentivesUser)
	refused := func(rule string) {
		t.Helper()
		if answer := request(t, token, claim.ID, first); answer.Status != 403 || !strings.Contains(string(answer.Body),
			"location-not-granted") {
			t.Errorf("%s: answered %d %s", rule, answer.Status, answer.Body)
		}
	}
	refused("without a grant")
	p.Grant(t, user, mci.IncentivesUser, false)
	request(t, token, claim.ID, first).Expect(t, 202)
	p.Grant(t, user, mci.IncentivesUser, true)
	refused("with a grant that was taken away")
	p.Grant(t, user, mci.IncentivesAdmin, false)
	request(t, token, claim.ID, first).Expect(t, 202)

	elsewhere := story.NewPartner(t)
	elsewhere.Grant(t, user, mci.IncentivesUser, false)
	p.Grant(t, user, mci.IncentivesAdmin, true)
	refused("with a grant at another partner's location")
}

// plain makes an item readable, with bytes as they are.
func plain(item story.Item) map[string]any {
	var values map[string]any
	if err := attributevalue.UnmarshalMap(item, &values); err != nil {
		panic(err)
	}
	return values
}
