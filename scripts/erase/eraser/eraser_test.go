package eraser_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/erase/eraser"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) {
	localtest.Main(m, func(config *cloud.Config) { config.Output = io.Discard })
}

func run(t *testing.T, who string, options eraser.Options) eraser.Report {
	t.Helper()
	var err error
	if options.Who, err = eraser.ParseWho(who); err != nil {
		t.Fatal(err)
	}
	return find(t, options)
}

func find(t *testing.T, options eraser.Options) eraser.Report {
	t.Helper()
	options.Now = localtest.Now
	report, err := eraser.Run(t.Context(), localtest.DynamoDB(), localtest.Table(), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// holding lists the items that hold one of the words anywhere.
func holding(t *testing.T, words ...string) []string {
	t.Helper()
	var found []string
	for _, item := range story.Every(t) {
		stored := strings.ToLower(texts(&types.AttributeValueMemberM{Value: item}))
		if slices.ContainsFunc(words, func(word string) bool {
			return strings.Contains(stored, strings.ToLower(word))
		}) {
			found = append(found, story.TextOf(item, "pk")+" "+story.TextOf(item, "sk"))
		}
	}
	return found
}

// texts gives all texts of a value, at any depth.
func texts(value types.AttributeValue) string {
	var all []string
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return value.Value
	case *types.AttributeValueMemberM:
		for _, inner := range value.Value {
			all = append(all, texts(inner))
		}
	case *types.AttributeValueMemberL:
		for _, inner := range value.Value {
			all = append(all, texts(inner))
		}
	}
	return strings.Join(all, "\n")
}

// life is a claim whose customer was asked at a wrong address, then at the right one, and declined with a reason.
type life struct {
	partner      story.Partner
	customer     story.Customer
	claim        story.Claim
	first, email string
	texts        []string // that must be gone
}

func newLife(t *testing.T, decide bool) life {
	t.Helper()
	l := life{partner: story.NewPartner(t)}
	engagement := story.Engagement(t, story.WithCoSell(false))
	l.customer = story.NewCustomer(t, engagement)
	l.first, l.email = l.customer.Email, "Right."+l.customer.Email
	name := story.Name("Dana")
	l.texts = []string{l.first, l.email, name, "because of reasons", "the tenant of a friend", "+1 555 0100"}
	body := l.partner.Nomination(l.customer, l.customer.By(mci.TenantID), []string{engagement}, story.Object{
		"friendlyName": "The claim of " + name, "mismatchReason": "the tenant of a friend",
		"customerContact": story.Object{"name": name, "email": l.first, "phone": "+1 555 0100"},
	})
	l.claim = story.Born(t, localtest.Call(t, "POST", "/v1/customers", l.partner.Token, body, "Idempotency-Key",
		story.Name("key")))[0]
	story.Post(t, l.partner.Token, l.claim.ID, "consent-requests", story.FirstRequest("60000.00")).Expect(t, 202)
	right := story.Object{"customerContact": story.Object{"name": name, "email": l.email, "phone": "+1 555 0100"}}
	story.Post(t, l.partner.Token, l.claim.ID, "consent-requests", right, "Idempotency-Key",
		story.Name("key")).Expect(t, 202)
	if decide {
		story.Answer(t, story.Link(t, l.email), story.Form("decline", "because of reasons")).Expect(t, 303)
	}
	return l
}

func TestB1_APersonsDataIsGoneAndTheHistoryWhole(t *testing.T) {
	l, other := newLife(t, true), newLife(t, true)
	if len(holding(t, l.texts...)) < 5 {
		t.Fatal("the data was never there")
	}
	before := l.partner.Get(t, l.claim.ID)

	shown := run(t, l.email, eraser.Options{})
	if len(shown.Claims) != 1 || shown.KeptResponses != 1 || len(holding(t, l.email)) == 0 {
		t.Errorf("it says what would go, and does nothing: %+v", shown)
	}
	exported, _ := json.Marshal(shown)
	for _, text := range append(slices.Clone(l.texts[1:3]), "because of reasons", string(mci.ConsentDeclined)) {
		if !strings.Contains(string(exported), text) {
			t.Errorf("what is exported lacks %q: %s", text, exported)
		}
	}
	if strings.Contains(string(exported), "pat@partner.example") {
		t.Errorf("what is exported tells of another person: %s", exported)
	}
	for _, part := range []string{"a" + l.email, l.email[1:], "@" + l.customer.Domain, "@"} {
		if who, err := eraser.ParseWho(part); err == nil {
			if none := find(t, eraser.Options{Who: who, Erase: true}); len(none.Claims)+none.KeptResponses > 0 {
				t.Errorf("%s is nobody's address, and erases %+v", part, none)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "who")
	// both are the person's
	if err := os.WriteFile(file, []byte(strings.ToUpper(l.email)+"\n\n "+l.first+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "@"+file, eraser.Options{Erase: true})
	if left := holding(t, l.texts[:3]...); len(left) > 0 {
		t.Errorf("the person is still named by %v", left)
	}
	for _, private := range story.Items(t, "CLAIM#"+l.claim.ID, "PRIVATE#") {
		var kept mci.Private
		if err := table.Decode(private, &kept); err != nil {
			t.Fatal(err)
		}
		for _, part := range kept.Parts {
			for _, evidence := range []string{"reason", "address", "browser"} {
				if part.Data[evidence] != "" {
					t.Errorf("the %s of the answer is still there: %v", evidence, part.Data)
				}
			}
		}
	}
	after := l.partner.Get(t, l.claim.ID)
	if !after.EventsIntact || after.Types() != before.Types() || after.Status != "declined" ||
		after.DeclineReason != "" || after.MismatchReason != "" {
		t.Errorf("the claim is %+v", after)
	}
	if after.CustomerContact.Email != mci.ErasedContact.Email || after.PartnerContact != before.PartnerContact {
		t.Errorf("the contacts are %+v and %+v", after.CustomerContact, after.PartnerContact)
	}
	if whole := other.partner.Get(t, other.claim.ID); whole.DeclineReason != "because of reasons" ||
		!whole.EventsIntact {
		t.Errorf("another person's claim is %+v", whole)
	}
	if again := run(t, l.email, eraser.Options{Erase: true}); len(again.Claims)+again.KeptResponses > 0 {
		t.Errorf("what is erased is erased: %+v", again)
	}
	soak.Audit(t)
}

func TestD37_AnErasureThatWasCutShortIsCompletedByRepeatingIt(t *testing.T) {
	l := newLife(t, true)
	whole := story.Items(t, "PARTNER#"+l.partner.ID, "CLAIM#"+mci.ClaimID(l.claim.ID).Ordinal())
	run(t, l.email, eraser.Options{Erase: true})
	for _, item := range whole { // as if it had ended before it came to the claim itself
		story.PutItem(t, item)
	}
	if len(holding(t, l.email)) == 0 {
		t.Fatal("the claim is not back")
	}
	if report := run(t, l.email, eraser.Options{Erase: true}); len(report.Claims) != 1 {
		t.Errorf("it says %+v", report)
	}
	if left := holding(t, l.email); len(left) > 0 {
		t.Errorf("the person is still named by %v", left)
	}
	if after := l.partner.Get(t, l.claim.ID); !after.EventsIntact {
		t.Error("the history is not whole")
	}
	soak.Audit(t)
}

func TestB1_AllThatPeopleTypedOnAClaimIsGoneAndTheHistoryWhole(t *testing.T) {
	l := newLife(t, true)
	report := run(t, l.claim.ID, eraser.Options{Erase: true})
	if len(report.Claims) != 1 || len(report.Claims[0].Details) < 4 || report.KeptResponses != 2 {
		t.Errorf("it says %+v", report)
	}
	left := slices.DeleteFunc(holding(t, append(l.texts, "pat@partner.example")...), func(key string) bool {
		return !strings.Contains(key, mci.ClaimID(l.claim.ID).Ordinal())
	})
	if len(left) > 0 {
		t.Errorf("people are still named by %v", left)
	}
	if after := l.partner.Get(t, l.claim.ID); !after.EventsIntact || after.FriendlyName != "(erased)" {
		t.Errorf("the claim is %+v", after)
	}
	soak.Audit(t)
}

func TestAnOpenClaimKeepsItsContactsUnlessAskedOtherwise(t *testing.T) {
	l := newLife(t, false)
	report := run(t, l.email, eraser.Options{Erase: true})
	if left := report.Left(eraser.Options{}); len(left) != 1 || len(report.Claims) != 1 ||
		l.partner.Get(t, l.claim.ID).CustomerContact.Email == mci.ErasedContact.Email {
		t.Fatalf("it says %+v", report)
	}
	run(t, l.email, eraser.Options{Erase: true, Open: true})
	after := l.partner.Get(t, l.claim.ID)
	if !after.EventsIntact || after.CustomerContact.Email != mci.ErasedContact.Email ||
		after.Status != "consent-pending" {
		t.Errorf("the claim is %+v", after)
	}
	// The partner gives another contact, and goes on.
	contact := story.Object{"customerContact": story.Object{"name": "Lee", "email": "lee@" + l.customer.Domain}}
	story.Post(t, l.partner.Token, l.claim.ID, "consent-requests", contact).Expect(t, 202)
	story.Accept(t, story.Link(t, "lee@"+l.customer.Domain))
	if !l.partner.Get(t, l.claim.ID).EventsIntact {
		t.Error("the history is broken")
	}
	soak.Audit(t)
}

func TestD37_WhoIsAWholeAddressOrAClaimOrAFileOfThese(t *testing.T) {
	id := mci.NewClaimID("01JBQ3E5Z8Q7C4T9W2X6Y1V0KM", "fabrikam")
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "who's who")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "@" + path
	}
	who, err := eraser.ParseWho(file("# asked for in May\no'brien@contoso.com\n#\n\nim@münchen.example\n" + string(id) +
		"\n"))
	if err != nil || fmt.Sprint(who) != fmt.Sprintf("{[o'brien@contoso.com im@xn--mnchen-3ya.example] [%s]}", id) {
		t.Errorf("it is %v: %v", who, err)
	}
	for text, want := range map[string]string{
		"@": "no such file", "": "neither", "kim": "neither", "contoso.com": "neither", "*@contoso.com x": "neither",
		file(""):                             "names nobody",
		file("kim@contoso.com\nkim\nlee@\n"): "who:2: \"kim\" is neither", "@/none": "no such file",
	} {
		if who, err := eraser.ParseWho(text); err == nil ||
			!strings.Contains(strings.ReplaceAll(err.Error(), "who's who", "who"), want) {
			t.Errorf("%q is %v: %v", text, who, err)
		}
	}
}
