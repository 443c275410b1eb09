package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

// everything is all that the table holds of a claim: its partner's, its customer's and its own items.
func everything(t *testing.T, claim story.Claim) string {
	t.Helper()
	customer := claim.Customer["id"].(string)
	all := slices.Concat(
		story.Items(t, "PARTNER#"+claim.PartnerID, "CLAIM#"+claim.ID[:26]),
		story.Items(t, "PARTNER#"+claim.PartnerID, "CUSTOMER#"+customer), story.Items(t, "CUSTOMER#"+customer, ""),
		story.Items(t, "CLAIM#"+claim.ID, ""))
	var values []map[string]any
	if err := attributevalue.UnmarshalListOfMaps(all, &values); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// evidence is the event of that type, and all that is kept of it out of everybody's sight.
func evidence(t *testing.T, claim story.Claim, eventType string) (event story.Event, private string) {
	t.Helper()
	at := slices.IndexFunc(claim.Events, func(e story.Event) bool { return e.Type == eventType })
	if at < 0 {
		t.Fatalf("there is no %s: %s", eventType, claim.Types())
	}
	var parts []map[string]any
	items := story.Items(t, "CLAIM#"+claim.ID, fmt.Sprintf("PRIVATE#%05d", claim.Events[at].Seq))
	if err := attributevalue.UnmarshalListOfMaps(items, &parts); err != nil {
		t.Fatal(err)
	}
	return claim.Events[at], fmt.Sprint(parts)
}

func TestD10_GETAndHEADWriteNothing(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	before := everything(t, claim)
	for _, query := range []string{"", "?decision=accept", "?decision=decline&reason=x"} {
		for _, method := range []string{"GET", "HEAD"} {
			answer := localtest.Call(t, method, link+query, "", nil).Expect(t, 200)
			for _, request := range answer.Requests() {
				if request.Action != "BatchGetItem" && request.Action != "GetItem" && request.Action != "Query" {
					t.Errorf("%s %s does a %s", method, query, request.Action)
				}
			}
		}
	}
	if after := everything(t, claim); after != before {
		t.Errorf("opening the page changed\n%s\nto\n%s", before, after)
	}
}

func TestD10_TheFirstDecisionStands(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for decision, c := range map[string]struct{ other, status, heading string }{
		"accept":  {"decline", "consented", "Your consent has been recorded"},
		"decline": {"accept", "declined", "Your refusal has been recorded"},
	} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
			p.Request(t, claim.ID, story.Object{})
			second := story.Link(t, claim.CustomerContact.Email)
			answer := story.Answer(t, link, story.Form(decision, "First words")).Expect(t, 303)
			if to := answer.Header.Get("Location"); to != link {
				t.Errorf("it leads to %s instead of %s", to, link)
			}
			decided := p.Get(t, claim.ID)
			if decided.Status != c.status {
				t.Fatalf("the claim is %s", decided.Status)
			}
			before := everything(t, claim)
			page := localtest.Call(t, "GET", link, "", nil).Expect(t, 200)
			if !strings.Contains(string(page.Body), c.heading) || strings.Contains(string(page.Body), "<form") {
				t.Errorf("the page shows\n%s", page.Body)
			}
			for _, again := range []string{decision, c.other, "perhaps", ""} {
				for _, by := range []string{link, second} {
					answer := story.Answer(t, by, story.Form(again, "Other words")).Expect(t, 303)
					if to := answer.Header.Get("Location"); to != by {
						t.Errorf("%q afterwards leads to %s", again, to)
					}
					if shown := localtest.Call(t, "GET", by, "", nil).Expect(t,
						200); strings.ReplaceAll(string(shown.Body), by, link) != string(page.Body) {
						t.Errorf("after %q the page shows\n%s", again, shown.Body)
					}
				}
			}
			if after := everything(t, claim); after != before {
				t.Errorf("repeating and contradicting changed\n%s\nto\n%s", before, after)
			}
			if decided.DeclineReason != map[string]string{"decline": "First words"}[decision] {
				t.Errorf("the reason is %q", decided.DeclineReason)
			}
		})
	}
}

func TestD10_ADecisionIsShownWhateverBecameOfTheClaimSince(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for _, status := range []mci.Status{mci.Submitted, mci.ActionRequired, mci.Completed, mci.Rejected} {
		_, link := p.Bring(t, status, story.NewCustomer(t, e), e)
		if page := localtest.Call(t, "GET", link, "", nil).Expect(t, 200); !strings.Contains(string(page.Body),
			"Your consent has been recorded") {
			t.Errorf("of a claim that is %s the page shows\n%s", status, page.Body)
		}
	}
	claim, link := p.Bring(t, mci.Consented, story.NewCustomer(t, e), e)
	p.Cancel(t, claim.ID)
	if page := localtest.Call(t, "GET", link, "", nil).Expect(t, 200); !strings.Contains(string(page.Body),
		"Your consent has been recorded") {
		t.Errorf("of a claim that was cancelled after consent the page shows\n%s", page.Body)
	}
}

func TestD10_AWrongLinkIs404AndDoesNothing(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	other, otherLink := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	foreign := story.NewPartner(t)
	foreignClaim, _ := foreign.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	secret, id, _ := strings.Cut(strings.TrimPrefix(link, "/consent/"), ".")
	otherSecret, _, _ := strings.Cut(strings.TrimPrefix(otherLink, "/consent/"), ".")
	flip := func(text string, at int) string {
		changed := []byte(text)
		changed[at] = map[bool]byte{true: 'A', false: 'B'}[changed[at] != 'A']
		return string(changed)
	}
	tokens := map[string]string{
		"replayed on another claim of the partner": secret + "." + other.ID,
		"replayed on a claim of another partner":   secret + "." + foreignClaim.ID,
		"another claim's secret":                   otherSecret + "." + id,
		"no secret":                                "." + id,
		"no claim":                                 secret + ".",
		"the secret alone":                         secret,
		"the claim alone":                          id,
		"cut":                                      secret[:42] + "." + id,
		"cut at the end":                           secret + "." + id[:len(id)-1],
		"longer":                                   secret + "A." + id,
		"longer at the end":                        secret + "." + id + "0",
		"padded":                                   secret + "=." + id,
		"in small letters":                         secret + "." + strings.ToLower(id),
		"twice the same":                           secret + "." + id + "." + id,
		"with a space":                             secret + "%20." + id,
		"with a null":                              secret + "%00." + id,
		"a hash of keys":                           secret + "." + strings.Replace(id, "-", "%23", 1),
		"the stored hash for a secret":             strings.Repeat("0", 64) + "." + id,
		"a claim that there is not":                secret + ".01JD0000000000000000000000" + id[26:],
		"very long":                                strings.Repeat("A", 4000) + "." + id,
		"nothing that means anything":              "favicon.ico",
		"its last bits, which base64 has no use for":    secret[:42] + string(rune(secret[42]+1)) + "." + id,
		"the other alphabet of base64":                  strings.Repeat("+", 43) + "." + id,
		"another version of the secret, letter by case": strings.ToUpper(secret) + "." + id,
	}
	for _, at := range []int{0, 1, 20, 41} {
		tokens[fmt.Sprintf("with character %d changed", at+1)] = flip(secret, at) + "." + id
	}
	before := everything(t, claim)
	for rule, token := range tokens {
		if token == secret+"."+id {
			t.Fatalf("%s is the true token", rule)
		}
		for _, method := range []string{"GET", "HEAD", "POST"} {
			var body any
			if method == "POST" {
				body = story.Form("accept")
			}
			answer := localtest.Call(t, method, "/consent/"+token, "", body)
			if answer.Status != 404 {
				t.Errorf("%s of a link that is %s answers %d", method, rule, answer.Status)
			}
			if page := string(answer.Body); strings.Contains(page, p.Name) ||
				strings.Contains(page, claim.Customer["name"].(string)) {
				t.Errorf("%s of a link that is %s tells of the claim", method, rule)
			}
		}
	}
	if after := everything(t, claim); after != before {
		t.Errorf("wrong links changed the claim")
	}
	if now := p.Get(t, other.ID); now.Status != "consent-pending" {
		t.Errorf("the other claim is %s", now.Status)
	}
}

func TestD10_OnlyAFormDecidesAndOnlyByTheTwoWords(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	before := everything(t, claim)
	posts := []struct {
		rule   string
		body   any
		kind   string
		status int
	}{
		{"no decision", url.Values{}, "", 422},
		{"an empty one", story.Form(""), "", 422},
		{"another one", story.Form("perhaps"), "", 422},
		{"in capitals", story.Form("ACCEPT"), "", 422},
		{"with a space", story.Form("accept "), "", 422},
		{"both", url.Values{"decision": {"accept", "decline"}}, "", 422},
		{"the same twice", url.Values{"decision": {"accept", "accept"}}, "", 422},
		{"a reason of 501 characters", story.Form("decline", strings.Repeat("ü", 501)), "", 422},
		{"no body at all", nil, "application/x-www-form-urlencoded", 422},
		{"nothing", nil, "", 422},
		{"no form", `{"decision":"accept"}`, "application/json", 415},
		{"a form as text", "decision=accept", "text/plain", 415},
		{"a form of parts", "--b\r\nContent-Disposition: form-data; name=\"decision\"\r\n\r\naccept\r\n--b--\r\n",
			"multipart/form-data; boundary=b", 415},
		{"a form that cannot be read", "decision=%zz", "application/x-www-form-urlencoded", 400},
		{"a form of more than 64 KiB", "decision=decline&reason=" + strings.Repeat("x", 65<<10),
			"application/x-www-form-urlencoded", 413},
	}
	send := func(body any, kind string) localtest.Response {
		if kind == "" {
			return localtest.Call(t, "POST", link, "", body)
		}
		return localtest.Call(t, "POST", link, "", body, "Content-Type", kind)
	}
	for _, c := range posts {
		answer := send(c.body, c.kind)
		if answer.Status != c.status || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: answered %d as %s", c.rule, answer.Status, answer.Header.Get("Content-Type"))
		}
	}
	for _, method := range []string{"PUT", "DELETE", "PATCH"} {
		if answer := localtest.Call(t, method, link, "", story.Form("accept")); answer.Status < 400 ||
			answer.Status >= 500 {
			t.Errorf("%s answers %d", method, answer.Status)
		}
	}
	if after := everything(t, claim); after != before {
		t.Errorf("what was no answer changed\n%s\nto\n%s", before, after)
	}
	story.Decline(t, link)
	for _, c := range posts {
		if answer := send(c.body, c.kind); answer.Status != 303 {
			t.Errorf("%s after the decision: answered %d", c.rule, answer.Status)
		}
	}
}

func TestD27_AnAnswerToAnotherStatementIsNotTakenAndThePresentOneIsShown(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	_, otherLink := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	statement := func(page localtest.Response) string {
		found := regexp.MustCompile(`name="statement" value="([0-9a-f]{64})"`).FindSubmatch(page.Body)
		if found == nil {
			t.Fatalf("the page has no statement:\n%s", page.Body)
		}
		return string(found[1])
	}
	present := statement(localtest.Call(t, "GET", link, "", nil, "Accept-Language", "fr").Expect(t, 200))
	before := everything(t, claim)
	for what, hash := range map[string]string{
		"none": "", "another claim's": statement(localtest.Call(t, "GET", otherLink, "", nil).Expect(t, 200)),
		"one in capitals": strings.ToUpper(present), "one that there never was": strings.Repeat("0", 64),
	} {
		form := story.Form("decline", "Not <now>")
		form.Set("statement", hash)
		form.Set("stop", "yes")
		page := localtest.Call(t, "POST", link, "", form, "Accept-Language", "fr").Expect(t, 422)
		if !strings.Contains(string(page.Body), "Not &lt;now&gt;") || !strings.Contains(string(page.Body),
			" checked") || !strings.Contains(string(page.Body), `role="alert"`) {
			t.Errorf("with %s the page does not say why, or has lost what was typed:\n%s", what, page.Body)
		}
		if shown := statement(page); shown != present {
			t.Errorf("with %s the page shows another statement than before", what)
		}
	}
	if after := everything(t, claim); after != before {
		t.Error("an answer to another statement changed the claim")
	}
	// An answer to the statement in another language than the browser's now is an answer to that one.
	form := story.Form("accept")
	form.Set("statement", present)
	localtest.Call(t, "POST", link, "", form, "Accept-Language", "ja").Expect(t, 303)
	decided := p.Get(t, claim.ID)
	if event, _ := evidence(t, decided, "consent.accepted"); event.Detail["language"] != "fr" ||
		event.Detail["statementHash"] != present {
		t.Errorf("the claim is %s, the event %v", decided.Status, event)
	}
}

func TestD11_TheEvidenceOfADecisionIsKeptAndNobodyReadsIt(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	seller, staff := localtest.Token(t, "", story.Name("seller"), mci.FieldSeller), story.Program(t)
	const browser = "Mozilla/5.0 (X11; TestBrowser/4.2) <script>"
	for decision, event := range map[string]string{"accept": "consent.accepted", "decline": "consent.declined"} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
			page := localtest.Call(t, "GET", link, "", nil, "Accept-Language", "fr-FR,fr;q=0.9").Expect(t, 200)
			before := localtest.Now().Add(-time.Second)
			localtest.Call(t, "POST", link, "", story.Shown(t, link, story.Form(decision), "Accept-Language",
				"fr-FR,fr;q=0.9"), "Accept-Language", "fr-FR,fr;q=0.9", "User-Agent", browser,
				"X-Forwarded-For", "203.0.113.66", "Forwarded", "for=203.0.113.67").Expect(t, 303)
			localtest.WaitDrained(t)
			decided := p.Get(t, claim.ID)
			kept, private := evidence(t, decided, event)
			if kept.At.Before(before) || kept.At.After(localtest.Now()) {
				t.Errorf("it was decided at %s", kept.At)
			}
			if !strings.Contains(private, "203.0.113.66") || !strings.Contains(private, browser) {
				t.Errorf("the evidence is %s", private)
			}
			if kept.Detail["language"] != "fr" || !strings.Contains(string(page.Body),
				fmt.Sprintf("value=%q", kept.Detail["statementHash"])) {
				t.Errorf("the event %v does not name the statement that was shown", kept)
			}

			readers := map[string]string{"the partner": p.Token, "the program": staff}
			if decision == "accept" {
				readers["a field seller"] = seller
			}
			for who, token := range readers {
				read := string(localtest.Call(t, "GET", "/v1/claims/"+claim.ID, token, nil).Expect(t, 200).Body)
				for _, hidden := range []string{"203.0.113.66", "TestBrowser"} {
					if strings.Contains(read, hidden) {
						t.Errorf("%s reads %s: %s", who, hidden, read)
					}
				}
			}
			for _, path := range []string{"/v1/claims?partnerId=" + p.ID, "/v1/referrals", decided.Referral.Href} {
				if read := string(localtest.Call(t, "GET", path, staff, nil).Expect(t,
					200).Body); strings.Contains(read, "203.0.113.66") || strings.Contains(read, "TestBrowser") {
					t.Errorf("%s tells the evidence: %s", path, read)
				}
			}
		})
	}
}

func TestD11_ADecliningCustomerMayGiveAReason(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	for rule, c := range map[string]struct{ typed, kept string }{
		"none":                               {"", ""},
		"blanks":                             {" \r\n\t ", ""},
		"500 characters of any alphabet":     {strings.Repeat("長", 500), strings.Repeat("長", 500)},
		"lines as the web sends them":        {"One\r\nTwo", "One\nTwo"},
		"500 with line ends counted once":    {strings.Repeat("a\r\n", 249) + "aa", strings.Repeat("a\n", 249) + "aa"},
		"markup":                             {`<script>alert("x")</script>`, `<script>alert("x")</script>`},
		"what turns the reading direction":   {"abc\u202edef", "abcdef"},
		"control characters and null":        {"a\x00b\x07c", "abc"},
		"a smiley made of several":           {"👩‍👩‍👧", "👩‍👩‍👧"},
		"bytes that are no text":             {"a\xffb", "ab"},
		"a formula for somebody's worksheet": {"=1+1", "=1+1"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
			story.Answer(t, link, story.Form("decline", c.typed)).Expect(t, 303)
			now := p.Get(t, claim.ID)
			if now.Status != "declined" || now.DeclineReason != c.kept {
				t.Errorf("the claim is %s, the reason %q", now.Status, now.DeclineReason)
			}
			staff := localtest.Decode[story.Claim](t, localtest.Call(t, "GET", "/v1/claims/"+claim.ID, story.Program(t),
				nil).Expect(t, 200))
			if staff.DeclineReason != c.kept {
				t.Errorf("the program reads %q", staff.DeclineReason)
			}
		})
	}
	t.Run("an accepting one gives none", func(t *testing.T) {
		t.Parallel()
		claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
		story.Answer(t, link, story.Form("accept", strings.Repeat("typed and then accepted ", 100))).Expect(t, 303)
		if all := everything(t, claim); strings.Contains(all, "typed and then") ||
			p.Get(t, claim.ID).Status != "consented" {
			t.Error("what was typed before accepting is kept, or stood in the way")
		}
	})
}

func TestD11_ThePageSpeaksTheContactsLanguageThenTheBrowsersThenEnglish(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	links := map[string]string{}
	for _, locale := range []string{"", "tr", "pt-BR", "zh-TW", "de"} {
		claim := p.Add(t, story.NewCustomer(t, e), e)
		contact := story.Object{"name": "Kim Contact", "email": claim.CustomerContact.Email}
		if locale != "" {
			contact["locale"] = locale
		}
		body := maps.Clone(story.FirstRequest("60000.00"))
		body["customerContact"] = contact
		p.Request(t, claim.ID, body)
		links[locale] = story.Link(t, claim.CustomerContact.Email)
	}
	for _, c := range []struct{ contact, browser, page string }{
		{"", "", "en"}, {"", "ja", "ja"}, {"", "fr-CH, fr;q=0.9, en;q=0.8", "fr"}, {"", "sw", "en"},
		{"", "sw, tr;q=0.1", "tr"},
		{"", "en;q=0.1, pt;q=0.9", "pt-BR"}, {"", "*", "en"}, {"", "garbage;;;q=", "en"},
		{"", strings.Repeat("x", 5000), "en"},
		{"tr", "", "tr"}, {"tr", "ja", "tr"}, {"pt-BR", "en", "pt-BR"}, {"zh-TW", "fr", "zh-TW"}, {"de", "ja", "ja"},
		{"de", "", "en"},
	} {
		page := localtest.Call(t, "GET", links[c.contact], "", nil, "Accept-Language", c.browser).Expect(t, 200)
		if got := page.Header.Get("Content-Language"); got != c.page || !strings.Contains(string(page.Body),
			`<html lang="`+c.page+`"`) {
			t.Errorf("a contact of %q with a browser of %.40q gets the page in %s instead of %s", c.contact, c.browser,
				got, c.page)
		}
	}
	// Pages that show no claim speak the browser's language.
	if page := localtest.Call(t, "GET", "/consent/nothing", "", nil, "Accept-Language", "ja").Expect(t,
		404); page.Header.Get("Content-Language") != "ja" {
		t.Errorf("a wrong link's page is in %s", page.Header.Get("Content-Language"))
	}
}

func TestS25_ConsentMakesTheCustomerKnownAndTheSubmissionDue(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"submissionWindowDays": 33})
	c := story.NewCustomer(t, e)
	claim, link := p.Bring(t, mci.ConsentPending, c, e)
	if row := story.Find(p.Customers(t, e, "eligible"), c); row == nil || *row.Known {
		t.Errorf("before the consent the page shows %+v", row)
	}
	story.Accept(t, link)
	now := p.Get(t, claim.ID)
	if now.ConsentedAt == nil || now.SubmissionDue == nil ||
		!now.SubmissionDue.Equal(now.ConsentedAt.Add(33*story.Day)) {
		t.Errorf("consented at %v, due %v", now.ConsentedAt, now.SubmissionDue)
	}
	if row := story.Find(p.Customers(t, e, "eligible"), c); row == nil || !*row.Known {
		t.Errorf("after the consent the page shows %+v", row)
	}
	other := story.Engagement(t, nil)
	if row := story.Find(p.Customers(t, other, "ineligible"), c); row == nil {
		t.Error("a known customer is not on the page of another engagement")
	}
}

// TestS1_ACustomerIsKnownSinceTheFirstConsent moves the clock.
func TestS1_ACustomerIsKnownSinceTheFirstConsent(t *testing.T) {
	p, one, two := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, one, two)
	first := p.Consented(t, c, one)
	_, link := p.Bring(t, mci.ConsentPending, c, two)
	localtest.SetClock(t, 3*story.Day)
	story.Accept(t, link)
	stored := story.Items(t, "PARTNER#"+p.ID, "CUSTOMER#"+c.ID)
	if len(stored) != 1 || story.TextOf(stored[0], "knownSince") != first.ConsentedAt.Format(time.RFC3339Nano) {
		t.Errorf("consented at %s, the customer is stored as %v", first.ConsentedAt, stored)
	}
}

func TestS24_ACustomerWhoWasNotKnownAndDeclinesIsOnNoTab(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	one, two := story.Engagement(t, nil), story.Engagement(t, nil)
	stranger, known := story.NewCustomer(t, one, two), story.NewCustomer(t, one, two)
	p.Bring(t, mci.Declined, stranger, one)
	p.Bring(t, mci.Consented, known, one)
	declined, _ := p.Bring(t, mci.Declined, known, two) // D16: added by the same ID, and known
	for _, c := range []struct {
		rule            string
		customer        story.Customer
		engagement      string
		eligible, ended bool
	}{
		{"a stranger who declined", stranger, one, false, false},
		{"a stranger on another engagement", stranger, two, false, false},
		{"a known customer who declined", known, two, true, true},
	} {
		if row := story.Find(p.Customers(t, c.engagement, "eligible"), c.customer); (row != nil) != c.eligible {
			t.Errorf("%s: Eligible shows %+v", c.rule, row)
		}
		if row := story.Find(p.Customers(t, c.engagement, "complete"), c.customer); (row != nil) != c.ended {
			t.Errorf("%s: Complete shows %+v", c.rule, row)
		}
		if row := story.Find(p.Customers(t, c.engagement, "ineligible"), c.customer); row != nil {
			t.Errorf("%s: Ineligible shows %+v", c.rule, row)
		}
	}
	if row := story.Find(p.Customers(t, two, "complete"), known); row != nil && row.Claim.ID != declined.ID {
		t.Errorf("Complete shows claim %s", row.Claim.ID)
	}
	list := localtest.Decode[struct{ Claims []story.Claim }](t, localtest.Call(t, "GET", "/v1/claims?status=declined",
		p.Token, nil).Expect(t, 200))
	if len(list.Claims) != 2 {
		t.Errorf("the partner's list has %d declined claims instead of 2", len(list.Claims))
	}
}

// TestD10_WhenTheTableOrKMSIsAwayThePageAsksToComeBackAndNothingIsRecorded runs by itself: KMS is given a digest, which
// names no claim.
func TestD10_WhenTheTableOrKMSIsAwayThePageAsksToComeBackAndNothingIsRecorded(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	unsigned := func() int {
		return strings.Count(localtest.Logs(t, "consent-callback"), `"`+platform.ReceiptsUnsigned+`":1`)
	}
	for _, fault := range []localtest.Fault{
		{Service: localtest.DynamoDBService, Action: "BatchGetItem", Effect: localtest.Fail},
		{Service: localtest.DynamoDBService, Action: "TransactWriteItems", Effect: localtest.Fail},
		{Service: localtest.KMSService, Action: "Sign", Effect: localtest.Fail},
		{Service: localtest.KMSService, Action: "Sign", Effect: localtest.Throttle},
		{Service: localtest.KMSService, Action: "Sign", Effect: localtest.Reject},
		{Service: localtest.KMSService, Action: "Sign", Effect: localtest.Hold},
	} {
		t.Run(fault.Action+" "+string(fault.Effect), func(t *testing.T) {
			claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
			form, before, counted := story.Shown(t, link, story.Form("accept")), everything(t, claim), unsigned()
			fault.Function, fault.Times = "consent-callback", localtest.All
			injected := localtest.Inject(t, fault)
			answer := localtest.Call(t, "POST", link, "", form).Expect(t, 503)
			if answer.Header.Get("Retry-After") == "" || !strings.Contains(string(answer.Body), "Please try again") ||
				strings.Contains(string(answer.Body), "DynamoDB") || strings.Contains(string(answer.Body), "KMS") {
				t.Errorf("it says %v\n%s", answer.Header, answer.Body)
			}
			if after := everything(t, claim); after != before {
				t.Errorf("what could not be decided changed\n%s\nto\n%s", before, after)
			}
			want := map[string]int{localtest.KMSService: 1}[fault.Service]
			if got := unsigned() - counted; got != want {
				t.Errorf("%d receipts are counted as unsigned instead of %d", got, want)
			}
			injected.Remove()
			localtest.Call(t, "POST", link, "", form).Expect(t, 303)
		})
	}
}

func TestD10_AnAnswerRacesWithTheCancellation(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, e), e)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "consent-callback",
		Action: "TransactWriteItems",
		Match:  localtest.Naming(claim.ID[:26])})
	answer := make(chan localtest.Response)
	go func() { answer <- story.Answer(t, link, story.Form("accept")) }()
	fault.Wait(t)
	p.Cancel(t, claim.ID)
	fault.Release()
	(<-answer).Expect(t, 404)
	if now := p.Get(t, claim.ID); now.Status != "cancelled" || !now.EventsIntact || now.ConsentedAt != nil {
		t.Errorf("the claim is %s: %s", now.Status, now.Types())
	}
}
