package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

type object = story.Object

// get reads a page of the engagement's customers; query is what follows the question mark.
func get(t *testing.T, token, engagement, query string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "GET", "/v1/engagements/"+engagement+"/customers?"+query, token, nil)
}

// pages reads all pages of the engagement's customers.
func pages(t *testing.T, token, engagement, query string) []story.Page {
	t.Helper()
	return story.Pages[story.Page](t, token, "/v1/engagements/"+engagement+"/customers?"+query)
}

// listed are those customers' fields of that name, in the order of the list.
func listed(t *testing.T, token, engagement, query, field string) (values []string) {
	t.Helper()
	for _, page := range pages(t, token, engagement, query) {
		for _, row := range page.Items {
			values = append(values, row.Customer[field].(string))
		}
	}
	return values
}

var tabs = []string{"eligible", "ineligible", "complete"}

// on lists the tabs on which the customer stands.
func on(t *testing.T, p story.Partner, engagement string, c story.Customer) string {
	t.Helper()
	var found []string
	for _, tab := range tabs {
		for _, row := range p.Customers(t, engagement, tab) {
			if row.Customer["id"] == c.ID {
				found = append(found, tab)
			}
		}
	}
	return strings.Join(found, " ")
}

// reasons are those for which the customer stands on Ineligible; "" where it does not.
func reasons(t *testing.T, p story.Partner, engagement string, c story.Customer) string {
	t.Helper()
	row := story.Find(p.Customers(t, engagement, "ineligible"), c)
	if row == nil {
		return ""
	}
	return story.Codes(row.Reasons)
}

func TestS1_ThePageShowsKnownCustomersAndThoseWithAClaimHere(t *testing.T) {
	t.Parallel()
	partners, engagement, another := story.NewPartners(t, 2), story.Engagement(t, nil), story.Engagement(t, nil)
	p, other := partners[0], partners[1]
	added, elsewhere, others, known := story.NewCustomer(t, engagement), story.NewCustomer(t, another, engagement),
		story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	p.Add(t, added, engagement)
	p.Add(t, elsewhere, another)
	other.Consented(t, others, engagement)
	p.Know(t, known, mci.TPID)
	for c, want := range map[*story.Customer]string{&added: "eligible", &elsewhere: "", &others: "",
		&known: "eligible"} {
		if got := on(t, p, engagement, *c); got != want {
			t.Errorf("%s stands on %q, not on %q", c.Name, got, want)
		}
	}
	// Known from the consent on.
	elsewhereClaim := story.Find(p.Customers(t, another, "eligible"), elsewhere).Claim
	story.Accept(t, p.Ask(t, *elsewhereClaim))
	if got := on(t, p, engagement, elsewhere); got != "eligible" {
		t.Errorf("after consent to a claim elsewhere the customer stands on %q", got)
	}
}

func TestS2_EachEligibleCustomerWithTheActionThatIsNext(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	for status, want := range map[mci.Status]struct{ tabs, actions string }{
		mci.ConsentNotSent: {"eligible", "[send-consent cancel-claim]"},
		mci.ConsentPending: {"eligible", "[resend-consent cancel-claim]"},
		mci.Consented:      {"eligible", "[submit-claim cancel-claim]"},
		mci.Submitted:      {"eligible", "[]"},
		mci.ActionRequired: {"eligible", "[submit-claim cancel-claim]"},
		// S5. Those who have consented are known, and can be claimed again.
		mci.Completed: {"eligible complete", "[claim-customer]"},
		mci.Rejected:  {"eligible complete", "[claim-customer]"},
		mci.Cancelled: {"complete", ""},
		mci.Declined:  {"", ""}, // S24
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			c := story.NewCustomer(t, engagement)
			claim, _ := p.Bring(t, status, c, engagement)
			if got := on(t, p, engagement, c); got != want.tabs {
				t.Errorf("the customer stands on %q, not on %q", got, want.tabs)
			}
			if row := story.Find(p.Customers(t, engagement, "eligible"), c); row != nil {
				if got := fmt.Sprint(row.Actions); got != want.actions {
					t.Errorf("the actions are %s, not %s", got, want.actions)
				}
				if known := claim.ConsentedAt != nil; row.Known == nil || *row.Known != known {
					t.Errorf("known is %v", row.Known)
				}
				if open := !status.Terminal(); open != (row.Claim != nil) || open &&
					fmt.Sprint(row.Claim.Actions) != want.actions {
					t.Errorf("the row's claim is %+v", row.Claim)
				}
			}
			if row := story.Find(p.Customers(t, engagement, "complete"), c); row != nil {
				if row.Claim == nil || row.Claim.ID != claim.ID || row.Claim.Status != string(status) ||
					len(row.Claim.Actions) != 0 {
					t.Errorf("Complete shows %+v", row.Claim)
				}
			}
		})
	}
}

func TestS2_ActionsAreThoseOfTheUserWhoLooks(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	elsewhere := p.NewLocation(t, true, "*")
	c, known := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	p.Add(t, c, engagement)
	p.Know(t, known, mci.TPID)
	for name, test := range map[string]struct {
		grant string // the location
		want  string // of the claim, then of the known customer
	}{
		"who holds no grant":                    {"", "[] []"},
		"who holds one at another location":     {elsewhere, "[] [claim-customer]"},
		"who holds one at the claim's location": {p.Location, "[send-consent cancel-claim] [claim-customer]"},
	} {
		user := story.Name("user")
		if test.grant != "" {
			p.GrantAt(t, user, test.grant, mci.IncentivesUser)
		}
		page := localtest.Decode[story.Page](t, get(t, localtest.Token(t, p.ID, user, mci.IncentivesUser), engagement,
			"").Expect(t, 200))
		if got := fmt.Sprint(story.Find(page.Items, c).Actions, " ",
			story.Find(page.Items, known).Actions); got != test.want {
			t.Errorf("a user %s sees the actions %s, not %s", name, got, test.want)
		}
	}
}

func TestS3_EveryReasonThatHolds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		engagement object
		eligible   bool
		others     []mci.Status // claims of other partners
		want       string
	}{
		"the criteria are not met": {nil, false, nil, "criteria-not-met"},
		"the active claims are reached": {object{"claimLimits": object{"active": 1, "allowed": 9}}, true,
			[]mci.Status{mci.ConsentPending}, "active-limit-reached"},
		"the allowed claims are reached": {object{"claimLimits": object{"active": 1, "allowed": 1}}, true,
			[]mci.Status{mci.Completed}, "allowed-limit-reached"},
		"active and allowed are reached": {object{"claimLimits": object{"active": 1, "allowed": 2}}, true,
			[]mci.Status{mci.Completed, mci.Submitted}, "active-limit-reached allowed-limit-reached"},
		"consented to another partner": {object{"exclusive": true}, true, []mci.Status{mci.Consented},
			"consented-to-another-partner engaged-with-another-partner"},
		"engaged with another partner": {object{"exclusive": true}, true, []mci.Status{mci.ConsentPending},
			"engaged-with-another-partner"},
		"another partner's is not exclusive": {nil, true, []mci.Status{mci.Consented}, ""},
		"the ID is of a type not taken": {object{"customerIdTypes": []string{"tpid"}}, true, nil,
			"id-type-not-accepted"},
		"the engagement has ended":      {object{"endsOn": "2025-01-01"}, true, nil, "engagement-not-active"},
		"the engagement is yet to come": {object{"startsOn": "2039-01-01"}, true, nil, "engagement-not-active"},
		"all at once": {object{"exclusive": true, "claimLimits": object{"active": 1, "allowed": 1}}, false,
			[]mci.Status{mci.Consented},
			"criteria-not-met active-limit-reached allowed-limit-reached consented-to-another-partner " +
				"engaged-with-another-partner"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			partners, engagement := story.NewPartners(t, 3), story.Engagement(t, test.engagement)
			p := partners[0]
			c := story.NewCustomer(t)
			if test.eligible {
				story.Eligible(t, engagement, c.By(mci.TenantID), "")
			}
			p.Know(t, c, mci.TenantID)
			for i, status := range test.others {
				story.Eligible(t, engagement, c.By(mci.TPID), "")
				other := partners[1+i]
				added := story.Born(t, localtest.Call(t, "POST", "/v1/customers", other.Token,
					other.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)))[0]
				other.BringTo(t, added, status)
			}
			if got := reasons(t, p, engagement, c); got != test.want {
				t.Errorf("the reasons are %q, not %q", got, test.want)
			}
			wantOn := "ineligible"
			if test.want == "" {
				wantOn = "eligible"
			}
			if got := on(t, p, engagement, c); got != wantOn {
				t.Errorf("the customer stands on %q", got)
			}
		})
	}
}

func TestS3_TheProgramsOwnReasonIsTold(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	p.Know(t, c, mci.TPID)
	story.Eligible(t, engagement, c.By(mci.TPID), "Too few seats, says the program.")
	row := story.Find(p.Customers(t, engagement, "ineligible"), c)
	if row == nil || len(row.Reasons) != 1 || row.Reasons[0].Detail != "Too few seats, says the program." {
		t.Errorf("Ineligible shows %+v", row)
	}
}

func TestS4_OpportunitiesOnlyShowNoIneligible(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]object{
		"open to nominations": nil,
		"ended":               {"endsOn": "2025-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, engagement := story.NewPartner(t), story.VariableEngagement(t, changes)
			c := story.NewCustomer(t)
			p.Know(t, c, mci.TPID)
			answer := get(t, p.Token, engagement, "tab=ineligible").Expect(t, 200).JSON(t)
			if fields := story.Fields(t, answer); fields != "engagement items note tab" ||
				len(answer["items"].([]any)) != 0 || answer["note"] == "" {
				t.Errorf("Ineligible is %v", answer)
			}
			// D7: the known customer is on Eligible, to be claimed.
			row := story.Find(p.Customers(t, engagement, "eligible"), c)
			want := "[claim-customer]"
			if changes != nil {
				want = "[]" // D6: no nomination is taken
			}
			if row == nil || fmt.Sprint(row.Actions) != want {
				t.Errorf("Eligible shows %+v", row)
			}
		})
	}
	p, fixed := story.NewPartner(t), story.Engagement(t, nil)
	for _, tab := range tabs {
		if answer := get(t, p.Token, fixed, "tab="+tab).Expect(t, 200).JSON(t); answer["note"] != nil {
			t.Errorf("an engagement of fixed pay has a note on %s: %v", tab, answer["note"])
		}
	}
}

func TestS5_CompleteShowsEachEndedClaim(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	first, _ := p.Bring(t, mci.Completed, c, engagement)
	second := p.Cancel(t, p.Claim(t, c, engagement).ID)
	third := p.Claim(t, c, engagement)
	story.Decline(t, p.Ask(t, third))
	open := p.Claim(t, c, engagement)
	var ids []string
	for _, row := range p.Customers(t, engagement, "complete") {
		ids = append(ids, row.Claim.ID)
	}
	if want := []string{first.ID, second.ID, third.ID}; fmt.Sprint(ids) != fmt.Sprint(want) {
		t.Errorf("Complete shows %v, not %v: each that has ended, the oldest first", ids, want)
	}
	if row := story.Find(p.Customers(t, engagement, "eligible"), c); row == nil || row.Claim == nil ||
		row.Claim.ID != open.ID {
		t.Errorf("Eligible shows %+v", row)
	}
}

func TestS24_ANewCustomerThatDeclinesIsOnNoTab(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	claim, _ := p.Bring(t, mci.Declined, c, engagement)
	if got := on(t, p, engagement, c); got != "" {
		t.Errorf("the customer stands on %q", got)
	}
	// D16: the claim stays in the partner's list of claims.
	answer := localtest.Call(t, "GET", "/v1/claims?status=declined", p.Token, nil).Expect(t, 200)
	if list := localtest.Decode[struct{ Claims []story.Claim }](t, answer).Claims; len(list) != 1 ||
		list[0].ID != claim.ID {
		t.Errorf("the partner's declined claims are %+v", list)
	}
	// The customer can be added again, and stands on the page as any other.
	p.Add(t, c, engagement)
	if got := on(t, p, engagement, c); got != "eligible" {
		t.Errorf("added again, the customer stands on %q", got)
	}
}

func TestD16_AKnownCustomerThatDeclinesIsOnCompleteAndJudgedAfresh(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c, d := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	for _, customer := range []story.Customer{c, d} {
		p.Know(t, customer, mci.TPID)
		story.Decline(t, p.Ask(t, p.Claim(t, customer, engagement)))
	}
	story.Eligible(t, engagement, d.By(mci.TPID), "No longer.")
	if got := on(t, p, engagement, c); got != "eligible complete" {
		t.Errorf("the customer that is eligible stands on %q", got)
	}
	if got := on(t, p, engagement, d); got != "ineligible complete" {
		t.Errorf("the customer that is not stands on %q", got)
	}
}

func TestD16_ACustomerThatBecameKnownMeanwhileWasNotKnownAtTheBirth(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	claim := p.Add(t, c, engagement)
	p.Know(t, c, mci.TPID) // by another claim, elsewhere
	row := story.Find(p.Customers(t, engagement, "eligible"), c)
	if row == nil || row.Known == nil || !*row.Known {
		t.Errorf("Eligible shows %+v", row)
	}
	story.Decline(t, p.Ask(t, claim))
	if got := on(t, p, engagement, c); got != "eligible" {
		t.Errorf("the customer stands on %q: the claim is on no tab, the known customer is on Eligible", got)
	}
}

func TestD20_AnOpenClaimStandsOnEligibleWhateverHasChanged(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	engagement := story.Engagement(t, object{"claimLimits": object{"active": 1, "allowed": 1}, "exclusive": true})
	c := story.NewCustomer(t, engagement)
	p.Consented(t, c, engagement) // the limits are reached by this very claim
	story.Eligible(t, engagement, c.By(mci.TenantID), "No longer.")
	localtest.LoadRow(t, "locations.csv", p.ID, p.Name, p.Location, "Seattle", "US", false, "")
	if got := on(t, p, engagement, c); got != "eligible" {
		t.Errorf("the customer stands on %q", got)
	}
	if row := story.Find(p.Customers(t, engagement, "eligible"),
		c); fmt.Sprint(row.Actions) != "[submit-claim cancel-claim]" {
		t.Errorf("the actions are %v", row.Actions)
	}
}

func TestContract_Shapes(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, object{"name": "Landing zone"})
	added, known, ineligible, done := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement),
		story.NewCustomer(t), story.NewCustomer(t, engagement)
	p.Add(t, added, engagement)
	p.Know(t, known, mci.Domain)
	p.Know(t, ineligible, mci.TPID)
	p.Bring(t, mci.Cancelled, done, engagement)
	rowOf := func(tab string, c story.Customer) object {
		page := get(t, p.Token, engagement, "tab="+tab).Expect(t, 200).JSON(t)
		if fields := story.Fields(t, page); fields != "engagement items tab" || page["tab"] != tab {
			t.Errorf("the page has the fields %s", fields)
		}
		if want := (object{"id": engagement,
			"name": "Landing zone"}); fmt.Sprint(page["engagement"]) != fmt.Sprint(want) {
			t.Errorf("the page's engagement is %v", page["engagement"])
		}
		for _, item := range page["items"].([]any) {
			if row := item.(object); row["customer"].(object)["id"] == c.ID {
				if want := (object{"id": c.ID, "name": c.Name,
					"country": "US"}); fmt.Sprint(row["customer"]) != fmt.Sprint(want) {
					t.Errorf("the row's customer is %v", row["customer"])
				}
				return row
			}
		}
		t.Fatalf("%s is not on %s", c.Name, tab)
		return nil
	}
	row := rowOf("eligible", added)
	if fields := story.Fields(t, row); fields != "actions claim customer customerIds known" || row["known"] != false {
		t.Errorf("the row of an added customer has the fields %s", fields)
	}
	const claimFields = "actions consentDue createdAt customer customerContact customerId due engagementId " +
		"engagementName friendlyName id " +
		"locationId locationName origin partnerContact partnerId partnerName payType payout sendsLeft status version"
	if fields := story.Fields(t, row["claim"]); fields != claimFields {
		t.Errorf("a row's claim has the fields %s", fields)
	}
	row = rowOf("eligible", known)
	if fields := story.Fields(t, row); fields != "actions customer customerIds known" || row["known"] != true {
		t.Errorf("the row of a known customer has the fields %s", fields)
	}
	if want := []any{object{"type": "tenant-id", "value": known.Tenant}}; fmt.Sprint(row["customerIds"]) != fmt.Sprint(
		want) {
		t.Errorf("the customer's IDs are %v, not %v", row["customerIds"], want)
	}
	row = rowOf("ineligible", ineligible)
	if fields := story.Fields(t, row); fields != "customer customerIds reasons" {
		t.Errorf("the row of an ineligible customer has the fields %s", fields)
	}
	if fields := story.Fields(t, row["reasons"].([]any)[0]); fields != "code detail" {
		t.Errorf("a reason has the fields %s", fields)
	}
	row = rowOf("complete", done)
	if fields := story.Fields(t, row); fields != "claim customer" {
		t.Errorf("the row of a complete customer has the fields %s", fields)
	}
	if fields := story.Fields(t, row["claim"]); !strings.Contains(fields, "endedAt") {
		t.Errorf("an ended claim has the fields %s", fields)
	}
}

func TestContract_EligibleIsTheTabUnlessAnotherIsAsked(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	if page := get(t, p.Token, engagement, "").Expect(t, 200).JSON(t); page["tab"] != "eligible" ||
		page["items"] == nil {
		t.Errorf("the page is %v", page)
	}
}

func TestContract_Refusals(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	story.Refused(t, get(t, p.Token, "nothing", ""), 404, mci.NotFound)
	story.Refused(t, get(t, p.Token, "nothing", "limit=0"), 422, mci.Invalid) // comes before 404
	get(t, "", engagement, "").Expect(t, 401)
	for name, token := range map[string]string{
		"a referral admin":      localtest.Token(t, p.ID, p.User, mci.ReferralAdmin),
		"a field seller":        localtest.Token(t, "", p.User, mci.FieldSeller),
		"the program's staff":   story.Program(t),
		"an admin of nobody":    localtest.Token(t, "", p.User, mci.IncentivesAdmin),
		"somebody with no role": localtest.Token(t, p.ID, p.User),
	} {
		t.Run(name, func(t *testing.T) { story.Refused(t, get(t, token, "nothing", "limit=0"), 403, mci.Forbidden) })
	}
	for _, role := range []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser} {
		get(t, localtest.Token(t, p.ID, "anybody", role), engagement, "").Expect(t, 200) // to look takes no grant
	}
}

// names are customers' names in the order in which they are listed. The same names follow each other by ID.
var names = []string{
	"3M", "AAA", "Aab", "aac", "Contoso", "contoso", "CONTOSO", "Contoso-Werke", "Contoso AG", "Contoso, Ltd.",
	"Contoso Ltd", "contosO ltd & Co", "Contosos",
	"fußball", "FUSSBALL", "Istanbul", "İstanbul", "ıstanbul", "Tailspin", "Zava", "Ångström", "ÅNGSTRÖM", "Ａｄａｔｕｍ",
	"Émile", "株式会社コントソ", "🏭 Works",
}

func TestD22_OrderAndSearch(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	customers := make([]story.Customer, len(names))
	for i, name := range names {
		customers[i] = story.NewCustomerNamed(t, name, engagement)
		if i%3 == 0 {
			p.Know(t, customers[i], mci.TenantID) // stands there as known
		} else {
			p.Add(t, customers[i], engagement) // stands there by its claim
		}
	}
	expected := slices.Clone(customers)
	slices.SortFunc(expected, func(a, b story.Customer) int {
		if order := strings.Compare(mci.SortName(a.Name), mci.SortName(b.Name)); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	listed := func(query string) []string {
		var found []string
		for _, page := range pages(t, p.Token, engagement, query) {
			for _, row := range page.Items {
				found = append(found, fmt.Sprint(row.Customer["name"], " ", row.Customer["id"]))
			}
		}
		return found
	}
	want := func(match func(name string) bool) []string {
		var found []string
		for _, c := range expected {
			if match(c.Name) {
				found = append(found, c.Name+" "+c.ID)
			}
		}
		return found
	}
	if got := listed("limit=4"); !slices.Equal(got, want(func(string) bool { return true })) {
		t.Errorf("the customers are listed as\n%s", strings.Join(got, "\n"))
	}
	for query, matches := range map[string][]string{
		"contoso": {"Contoso", "contoso", "CONTOSO", "Contoso-Werke", "Contoso AG", "Contoso, Ltd.", "Contoso Ltd",
			"contosO ltd & Co", "Contosos"},
		"CONTOSO L":    {"Contoso Ltd", "contosO ltd & Co"},
		"cOntoso ltd ": {"contosO ltd & Co"},
		"Contosos":     {"Contosos"},
		"a":            {"AAA", "Aab", "aac", "Ａｄａｔｕｍ"},
		"ad":           {"Ａｄａｔｕｍ"}, // full width
		"ång":          {"Ångström", "ÅNGSTRÖM"},
		"A\u030angs":   {"Ångström", "ÅNGSTRÖM"}, // written with a combining ring
		"fuss":         {"fußball", "FUSSBALL"},
		"FUß":          {"fußball", "FUSSBALL"},
		"istan":        {"Istanbul", "İstanbul", "ıstanbul"},
		"ISTAN":        {"Istanbul", "İstanbul", "ıstanbul"},
		"İs":           {"Istanbul", "İstanbul", "ıstanbul"},
		"ıs":           {"Istanbul", "İstanbul", "ıstanbul"},
		"株式":           {"株式会社コントソ"},
		"🏭":            {"🏭 Works"},
		"é":            {"Émile"},
		"works":        nil, // not the start
		"%":            nil,
		"contoso%":     nil,
		"c_ntoso":      nil,
		"contoso, ":    {"Contoso, Ltd."},
		"#":            nil,
	} {
		got := listed("limit=2&q=" + url.QueryEscape(query))
		if want := want(func(name string) bool { return slices.Contains(matches, name) }); !slices.Equal(got, want) {
			t.Errorf("the search for %q finds\n%s\nnot\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// places puts customers on every tab, in every way, and gives their number by tab.
func places(t *testing.T, p story.Partner, engagement string) map[string]int {
	t.Helper()
	many := func(n int, do func(c story.Customer)) {
		for range n {
			do(story.NewCustomer(t, engagement))
		}
	}
	many(5, func(c story.Customer) { p.Add(t, c, engagement) })
	many(4, func(c story.Customer) { p.Know(t, c, mci.TenantID) })
	many(3, func(c story.Customer) { p.Know(t, c, mci.TenantID); p.Claim(t, c, engagement) })
	many(4, func(c story.Customer) {
		p.Know(t, c, mci.TenantID)
		story.Eligible(t, engagement, c.By(mci.TenantID), "No.")
	})
	many(3, func(c story.Customer) { p.Bring(t, mci.Cancelled, c, engagement) })
	many(2, func(c story.Customer) { p.Bring(t, mci.Completed, c, engagement) }) // claimable again
	many(2, func(c story.Customer) { p.Bring(t, mci.Declined, c, engagement) })  // on no tab
	return map[string]int{"eligible": 5 + 4 + 3 + 2, "ineligible": 4, "complete": 3 + 2}
}

func TestContract_PagingLosesNothingAndShowsNothingTwice(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	counts := places(t, p, engagement)
	for _, tab := range tabs {
		var whole []string
		for _, limit := range []int{100, 1, 2, 3, 7, counts[tab]} {
			var found []string
			for _, page := range pages(t, p.Token, engagement, fmt.Sprintf("tab=%s&limit=%d", tab, limit)) {
				if len(page.Items) > limit {
					t.Errorf("%s: a page of at most %d rows has %d", tab, limit, len(page.Items))
				}
				for _, row := range page.Items {
					found = append(found, fmt.Sprint(row.Customer["name"]))
				}
			}
			if !slices.IsSortedFunc(found, func(a, b string) int {
				return strings.Compare(mci.SortName(a), mci.SortName(b))
			}) {
				t.Errorf("%s by pages of %d is out of order: %v", tab, limit, found)
			}
			if limit == 100 {
				if whole = found; len(whole) != counts[tab] {
					t.Errorf("%s has %d rows, not %d", tab, len(whole), counts[tab])
				}
			} else if !slices.Equal(found, whole) {
				t.Errorf("%s by pages of %d is %v, not %v", tab, limit, found, whole)
			}
		}
	}
}

func TestD14_APageShowsWhatWasJustConfirmed(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	for range 10 {
		c := story.NewCustomer(t, engagement)
		claim := p.Add(t, c, engagement)
		if row := story.Find(p.Customers(t, engagement, "eligible"), c); row == nil || row.Claim.ID != claim.ID {
			t.Fatalf("after the adding the page shows %+v", row)
		}
		p.Cancel(t, claim.ID)
		if got := on(t, p, engagement, c); got != "complete" {
			t.Fatalf("after the cancellation the customer stands on %q", got)
		}
	}
}

// This test moves the clock.
func TestD3_AClaimPastItsDeadlineIsOverOnEveryTabSweptOrNot(t *testing.T) {
	p := story.NewPartner(t)
	engagement := story.Engagement(t, object{"consentWindowDays": 3, "submissionWindowDays": 4})
	fresh := func() story.Customer { return story.NewCustomer(t, engagement) }
	unasked, asked, agreed, known, closed, submitted := fresh(), fresh(), fresh(), fresh(), fresh(), fresh()
	p.Bring(t, mci.ConsentNotSent, unasked, engagement)
	p.Bring(t, mci.ConsentPending, asked, engagement)
	p.Bring(t, mci.Consented, agreed, engagement)
	p.Bring(t, mci.Submitted, submitted, engagement)
	for _, c := range []story.Customer{known, closed} {
		p.Know(t, c, mci.TenantID)
		p.Claim(t, c, engagement)
	}
	story.Eligible(t, engagement, closed.By(mci.TenantID), "No longer.")
	expect := func(moment string, want map[string]string) {
		t.Helper()
		for name, c := range map[string]story.Customer{"unasked": unasked, "asked": asked, "agreed": agreed,
			"known": known, "closed": closed, "submitted": submitted} {
			if got := on(t, p, engagement, c); got != want[name] {
				t.Errorf("%s, %s: the customer stands on %q, not on %q", moment, name, got, want[name])
			}
		}
		for _, tab := range tabs {
			for _, row := range p.Customers(t, engagement, tab) {
				if row.Claim != nil && (row.Claim.Status == "expired") != (tab == "complete") {
					t.Errorf("%s: %s shows a claim that is %s", moment, tab, row.Claim.Status)
				}
			}
		}
	}
	all := "eligible"
	before := map[string]string{"unasked": all, "asked": all, "agreed": all, "known": all, "closed": all,
		"submitted": all}
	expect("in time", before)
	begin := time.Now()
	story.ClockAt(t, begin.Add(3*story.Day-10*time.Minute))
	expect("just in time", before)
	// S24 and D16: the new customers are on no tab; the known one can be claimed again, the other known one is told why
	// not.
	after := map[string]string{"unasked": "", "asked": "", "agreed": all, "known": "eligible complete",
		"closed": "ineligible complete", "submitted": all}
	story.ClockAt(t, begin.Add(3*story.Day+10*time.Minute))
	expect("past the consent's deadline", after)
	story.Sweep(t)
	expect("past the consent's deadline, and swept", after)
	after["agreed"] = "eligible complete" // it consented, and is known
	story.ClockAt(t, begin.Add(4*story.Day+10*time.Minute))
	expect("past the submission's deadline", after)
	story.Sweep(t)
	expect("past the submission's deadline, and swept", after)
	// One with an expired claim can be claimed anew; its old claim stays on Complete.
	p.Claim(t, known, engagement)
	if got := on(t, p, engagement, known); got != "eligible complete" {
		t.Errorf("claimed anew, the customer stands on %q", got)
	}
}

func TestD22_SearchOnEveryTab(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	for _, name := range []string{"Fabrikam", "FABRIKAM AG", "Northwind"} {
		p.Know(t, story.NewCustomerNamed(t, name), mci.TPID) // of whom the program says nothing: ineligible
		p.Bring(t, mci.Cancelled, story.NewCustomerNamed(t, name, engagement), engagement)
		p.Add(t, story.NewCustomerNamed(t, name, engagement), engagement)
	}
	for _, tab := range tabs {
		for query, want := range map[string]string{"fabrikam": "[Fabrikam FABRIKAM AG]", "FABRIKAM A": "[FABRIKAM AG]",
			"north": "[Northwind]", "kam": "[]"} {
			page := localtest.Decode[story.Page](t, get(t, p.Token, engagement,
				"tab="+tab+"&q="+url.QueryEscape(query)).Expect(
				t, 200))
			names := []any{}
			for _, row := range page.Items {
				names = append(names, row.Customer["name"])
			}
			if fmt.Sprint(names) != want || page.Cursor != "" {
				t.Errorf("%s: the search for %q finds %v", tab, query, names)
			}
		}
	}
}

func TestD22_TheSameNamesFollowEachOtherByID(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	beginning := story.Name("same")
	ids := []string{beginning, beginning + "-1", beginning + ".1", beginning + "1", beginning + "10", beginning + "A",
		beginning + "a"}
	for i, at := range []int{4, 0, 6, 2, 5, 1, 3} { // nominated in another order; each other one known
		c := story.NewCustomer(t, engagement)
		c.ID, c.Name = ids[at], "Contoso"
		c.Manage(t, false)
		localtest.LoadRow(t, "customer-ids.csv", c.ID, mci.TenantID, c.Tenant)
		localtest.LoadRow(t, "customer-ids.csv", c.ID, mci.TPID, c.TPID)
		if i%2 == 0 {
			p.Know(t, c, mci.TenantID)
		} else {
			p.Add(t, c, engagement)
		}
	}
	for _, limit := range []string{"100", "1", "2"} {
		found := listed(t, p.Token, engagement, "limit="+limit, "id")
		if !slices.Equal(found, ids) {
			t.Errorf("by pages of %s the customers are listed as %v, not %v", limit, found, ids)
		}
	}
}

func TestD34_RowsShowTheDirectorysPresentName(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	old := story.Name("Oldname")
	open, known, done := story.NewCustomerNamed(t, old, engagement), story.NewCustomerNamed(t, old, engagement),
		story.NewCustomerNamed(t, old, engagement)
	p.Add(t, open, engagement)
	p.Know(t, known, mci.TenantID)
	p.Bring(t, mci.Cancelled, done, engagement)
	for _, c := range []story.Customer{open, known, done} {
		localtest.LoadRow(t, "customers.csv", c.ID, "Newname", "CH", true)
	}
	for tab, customers := range map[string][]story.Customer{"eligible": {open, known}, "complete": {done}} {
		// found by the name of the nomination
		page := localtest.Decode[story.Page](t, get(t, p.Token, engagement, "tab="+tab+"&q="+old).Expect(t, 200))
		for _, c := range customers {
			row := story.Find(page.Items, c)
			if row == nil || row.Customer["name"] != "Newname" || row.Customer["country"] != "CH" {
				t.Errorf("%s shows %+v", tab, row)
			} else if row.Claim != nil && row.Claim.Customer["name"] != old {
				t.Errorf("the claim's own name is %v", row.Claim.Customer["name"])
			}
		}
	}
}

func TestD7_WhereLimitsForbidAClaimTheRowHasNoAction(t *testing.T) {
	t.Parallel()
	p, other := story.NewPartner(t), story.NewPartner(t)
	for name, rules := range map[string]object{
		"the active limit":  {"claimLimits": object{"active": 1, "allowed": 9}},
		"the allowed limit": {"claimLimits": object{"active": 1, "allowed": 1}},
		"exclusivity":       {"exclusive": true},
	} {
		engagement := story.VariableEngagement(t, rules)
		c := story.NewCustomer(t, engagement)
		p.Know(t, c, mci.TPID)
		rowOf := func() *story.Row { return story.Find(p.Customers(t, engagement, "eligible"), c) }
		if row := rowOf(); row == nil || fmt.Sprint(row.Actions) != "[claim-customer]" {
			t.Errorf("%s: before, the row is %+v", name, row)
		}
		claim := other.AddVariable(t, c, engagement, 20)
		if row := rowOf(); row == nil || row.Actions == nil || len(row.Actions) != 0 {
			t.Errorf("%s: the row is %+v", name, row)
		}
		other.Cancel(t, claim.ID)
		if row := rowOf(); row == nil || fmt.Sprint(row.Actions) != "[claim-customer]" {
			t.Errorf("%s: afterwards the row is %+v", name, row)
		}
	}
}

func TestD22_SearchByAnyIDOfTheCustomer(t *testing.T) {
	t.Parallel()
	p, other, engagement := story.NewPartner(t), story.NewPartner(t), story.Engagement(t, nil)
	customers := map[string]story.Customer{}
	for _, tab := range tabs {
		customers[tab] = story.NewCustomer(t, engagement)
	}
	p.Add(t, customers["eligible"], engagement)
	p.Bring(t, mci.Cancelled, customers["complete"], engagement)
	p.Know(t, customers["ineligible"], mci.TPID)
	story.Eligible(t, engagement, customers["ineligible"].By(mci.TPID), "Not this parent.")
	knownToo := story.NewCustomer(t, engagement)
	p.Know(t, knownToo, mci.Domain)
	label := strings.Repeat("a", 60)
	long := strings.Join([]string{label, label, label, knownToo.Domain}, ".") // of over 200 characters
	localtest.LoadRow(t, "domains.csv", long, knownToo.Tenant)
	theirs := story.NewCustomer(t, engagement)
	other.Add(t, theirs, engagement)
	search := func(tab, query string) []story.Row {
		return localtest.Decode[story.Page](t, get(t, p.Token, engagement, "tab="+tab+"&limit=1&q="+
			url.QueryEscape(query)).Expect(t, 200)).Items
	}
	spellings := func(c story.Customer) []string {
		return []string{
			c.Domain, strings.ToUpper(c.Domain) + ".", " " + c.Domain + " ", c.Tenant, strings.ToUpper(c.Tenant),
			c.TPID,
			c.Subscription,
			c.Opportunity,
		}
	}
	for _, tab := range tabs {
		for owner, c := range customers {
			for _, query := range spellings(c) {
				if rows := search(tab, query); (tab == owner) != (len(rows) == 1) || len(rows) == 1 &&
					rows[0].Customer["id"] != c.ID {
					t.Errorf("%s: the search for %q, which is on %s, finds %+v", tab, query, owner, rows)
				}
			}
		}
		for _, query := range append(spellings(theirs), knownToo.Domain[1:], knownToo.TPID+"0", "xn--a.example") {
			if rows := search(tab, query); len(rows) > 0 {
				t.Errorf("%s: the search for %q finds %+v", tab, query, rows)
			}
		}
	}
	if rows := search("eligible", knownToo.Subscription); len(rows) != 1 || !*rows[0].Known ||
		fmt.Sprint(rows[0].Actions) != "[claim-customer]" {
		t.Errorf("a known customer is found as %+v", rows)
	}
	if rows := search("eligible", strings.ToUpper(long)); len(rows) != 1 || rows[0].Customer["id"] != knownToo.ID {
		t.Errorf("a domain of %d characters finds %+v", len(long), rows)
	}
	if rows := search("ineligible", customers["ineligible"].Domain); len(rows) != 1 ||
		rows[0].Reasons[0].Detail != "Not this parent." {
		t.Errorf("an ineligible customer is found as %+v", rows)
	}
	localtest.LoadRow(t, "customer-ids.csv", knownToo.ID, mci.TenantID, customers["eligible"].Tenant)
	if rows := search("eligible", customers["eligible"].Domain); len(rows) != 1 ||
		rows[0].Customer["id"] != knownToo.ID {
		t.Errorf("a domain whose tenant went to another customer finds %+v", rows)
	}

	// A name that begins as another customer's ID is spelled: both are found, in order, each once, over pages.
	named := story.NewCustomerNamed(t, knownToo.TPID+" Ltd", engagement)
	p.Add(t, named, engagement)
	found := listed(t, p.Token, engagement, "limit=1&q="+knownToo.TPID, "id")
	if want := []string{named.ID, knownToo.ID}; !slices.Equal(found, want) {
		t.Errorf("found are %v, not %v", found, want)
	}
}
