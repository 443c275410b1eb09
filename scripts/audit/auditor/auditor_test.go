package auditor_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/audit/auditor"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// item reads an item, nil where there is none.
func item(t *testing.T, key table.Key) table.Item {
	t.Helper()
	out, err := localtest.DynamoDB().GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String(localtest.Table()), Key: table.KeyItem(key), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

func run(t *testing.T, options auditor.Options) auditor.Report {
	t.Helper()
	options.Now = localtest.Now
	report, err := auditor.Run(t.Context(), localtest.DynamoDB(), localtest.Table(), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func num(value int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(value)}
}

// set gives a tampering that sets attributes; nil takes one away.
func set(changes table.Item) func(table.Item) {
	return func(item table.Item) {
		for name, value := range changes {
			item[name] = value
			if value == nil {
				delete(item, name)
			}
		}
	}
}

// in tampers with a map within the item.
func in(name string, tamper func(table.Item)) func(table.Item) {
	return func(item table.Item) {
		inner := maps.Clone(item[name].(*types.AttributeValueMemberM).Value)
		tamper(inner)
		item[name] = &types.AttributeValueMemberM{Value: inner}
	}
}

// world is a table in which something of everything is stored.
type world struct {
	partner, other                               story.Partner
	engagement, exclusive                        string
	open, completed, declined, cancelled, coSell story.Claim
	customer                                     story.Customer
	claimKey, doneKey, placeKey, donePlaceKey    table.Key
	knownKey, coSellKey, eventKey                table.Key
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{partner: story.NewPartner(t), other: story.NewPartner(t)}
	rules := story.WithCoSell(false)
	rules["claimLimits"] = story.Object{"active": 1, "allowed": 2}
	w.engagement = story.Engagement(t, rules)
	w.exclusive = story.Engagement(t, story.Object{"exclusive": true})
	bring := func(status mci.Status, engagement string) (story.Claim, story.Customer) {
		customer := story.NewCustomer(t, engagement)
		claim, _ := w.partner.Bring(t, status, customer, engagement)
		return claim, customer
	}
	w.open, _ = bring(mci.ConsentPending, w.engagement)
	w.completed, w.customer = bring(mci.Completed, w.engagement)
	w.declined, _ = bring(mci.Declined, w.engagement)
	w.cancelled, _ = bring(mci.Cancelled, w.engagement)
	w.coSell, _ = bring(mci.Consented, w.exclusive)
	w.coSell, _ = bring(mci.Consented, w.engagement)
	localtest.WaitDrained(t)

	history := func(claim story.Claim) string { return "CLAIM#" + claim.ID }
	place := func(claim story.Claim) table.Key {
		return table.Key{PK: "CUSTOMER#" + claim.Customer["id"].(string), SK: "PARTICIPATION#" + claim.EngagementID}
	}
	w.claimKey, w.doneKey = table.ClaimKey(mci.ClaimID(w.open.ID)), table.ClaimKey(mci.ClaimID(w.completed.ID))
	w.placeKey, w.donePlaceKey = place(w.open), place(w.completed)
	w.knownKey = table.Key{PK: w.claimKey.PK, SK: "CUSTOMER#" + w.customer.ID}
	w.coSellKey = table.ClaimKey(mci.ClaimID(w.coSell.ID))
	w.eventKey = table.Key{PK: history(w.completed), SK: "EVENT#00002"}
	return w
}

func TestWhatTheSystemWroteBreaksNoRule(t *testing.T) {
	newWorld(t)
	report := soak.Audit(t)
	if report.Claims < 6 || report.Places < 2 || report.Customers < 6 || report.Items < 50 {
		t.Errorf("only that was judged: %+v", report)
	}
}

func TestEveryTamperingIsFound(t *testing.T) {
	w := newWorld(t)
	foreign := mci.NewClaimID(mci.ClaimID(w.open.ID).Ordinal(), w.other.ID)
	ended := mci.ClaimID(w.completed.ID)
	tests := map[string]struct {
		rule   auditor.Rule
		key    table.Key // what is tampered with
		tamper func(table.Item)
		told   table.Key // of what it is told; the zero value is the item itself
	}{
		"an open claim without its place": {auditor.PlaceRule, w.placeKey, in("places", func(i table.Item) {
			clear(i)
		}),
			w.claimKey},
		"a place whose claim is another's": {auditor.PlaceRule, w.placeKey, in("places", func(i table.Item) {
			i[string(foreign)] = i[w.open.ID]
			delete(i, w.open.ID)
		}), table.Key{}},
		"a place of a claim that has ended": {auditor.PlaceRule, w.donePlaceKey, in("places", func(i table.Item) {
			i[string(ended)] = &types.AttributeValueMemberM{Value: table.Item{"partnerId": story.Text(w.partner.ID),
				"consented": &types.AttributeValueMemberBOOL{}}}
		}), w.doneKey},
		"a place that is due when its claim is not": {auditor.PlaceRule, w.placeKey,
			in("places", in(w.open.ID, set(table.Item{"due": story.Text("2090-01-01T00:00:00Z")}))), w.claimKey},
		"more completed claims than are allowed": {auditor.LimitRule, w.donePlaceKey,
			set(table.Item{"completed": num(3)}), table.Key{}},
		"a completed claim that is not counted": {auditor.LimitRule, w.donePlaceKey,
			set(table.Item{"completed": num(0), "completedBy": nil}), w.doneKey},
		"a completed claim that there never was": {auditor.LimitRule, w.donePlaceKey,
			set(table.Item{"completed": num(2)}), table.Key{}},
		"a known customer who never consented": {auditor.KnownRule, table.Key{PK: w.claimKey.PK, SK: "CUSTOMER#" +
			w.declined.Customer["id"].(string)}, set(table.Item{"knownSince": story.Text("2026-01-01T00:00:00Z")}),
			table.Key{}},
		"a customer known since before the consent": {auditor.KnownRule, w.knownKey,
			set(table.Item{"knownSince": story.Text("2020-01-01T00:00:00Z")}), table.Key{}},
		"a customer known since after the consent": {auditor.KnownRule, w.knownKey,
			set(table.Item{"knownSince": story.Text("2090-01-01T00:00:00Z")}), table.Key{}},
		"a consent whose customer is not known": {auditor.KnownRule, w.knownKey,
			set(table.Item{"knownSince": nil, "pageKey": nil}), w.doneKey},
		"a known customer who is not listed": {auditor.IndexRule, w.knownKey, set(table.Item{"pageKey": nil}),
			table.Key{}},
		"a referral of no claim": {auditor.IndexRule, w.claimKey,
			set(table.Item{"referred": story.Text("REFERRAL#co-sell#00")}), table.Key{}},
		"a referral that is listed as another type": {auditor.IndexRule, w.coSellKey,
			set(table.Item{"referred": story.Text("REFERRAL#partner-led#00")}), table.Key{}},
		"a referral that its claim forgot": {auditor.IndexRule, w.coSellKey, set(table.Item{"referral": nil}),
			table.Key{}},
		"a referral whose type is another": {auditor.ReferralRule, w.coSellKey,
			in("referral", set(table.Item{"type": story.Text("partner-led")})), table.Key{}},
		"an event of no claim": {auditor.HistoryRule, w.eventKey,
			set(table.Item{"pk": story.Text("CLAIM#none")}), table.Key{PK: "CLAIM#none", SK: w.eventKey.SK}},
		"a consent that was not given": {auditor.KnownRule, w.claimKey,
			set(table.Item{"consentedAt": story.Text("2026-01-01T00:00:00Z")}), table.Key{}},
		"a claim that lives again": {auditor.TerminalRule, w.doneKey,
			set(table.Item{"status": story.Text("submitted")}), table.Key{}},
		"a claim that ended otherwise": {auditor.TerminalRule, w.doneKey,
			set(table.Item{"status": story.Text("rejected")}), table.Key{}},
		"a claim under another partner's key": {auditor.OwnerRule, w.claimKey,
			set(table.Item{"pk": story.Text("PARTNER#" + w.other.ID)}), table.Key{PK: "PARTNER#" + w.other.ID,
				SK: w.claimKey.SK}},
		"a claim without its birth": {auditor.OwnerRule, table.Key{PK: w.claimKey.PK, SK: w.claimKey.SK + "#BIRTH"},
			set(table.Item{"sk": story.Text(w.claimKey.SK + "#DEATH")}), w.claimKey},
		"a birth without its claim": {auditor.OwnerRule, table.Key{PK: w.claimKey.PK, SK: w.claimKey.SK + "#BIRTH"},
			set(table.Item{"pk": story.Text("PARTNER#" + w.other.ID)}), table.Key{PK: "PARTNER#" + w.other.ID,
				SK: w.claimKey.SK + "#BIRTH"}},
		"a claim that names another partner": {auditor.OwnerRule, w.claimKey,
			set(table.Item{"partnerId": story.Text(w.other.ID)}), table.Key{}},
		"a customer under another partner's key": {auditor.OwnerRule, w.knownKey,
			set(table.Item{"pk": story.Text("PARTNER#" + w.other.ID)}), table.Key{PK: "PARTNER#" + w.other.ID,
				SK: w.knownKey.SK}},
		"a location under another partner's key": {auditor.OwnerRule, table.Key{PK: "PARTNER#" + w.partner.ID,
			SK: "LOCATION#" + w.partner.Location}, set(table.Item{"pk": story.Text("PARTNER#" + w.other.ID)}),
			table.Key{PK: "PARTNER#" + w.other.ID, SK: "LOCATION#" + w.partner.Location}},
		"a participation under another customer": {auditor.OwnerRule, w.placeKey,
			set(table.Item{"pk": story.Text("CUSTOMER#another")}),
			table.Key{PK: "CUSTOMER#another", SK: w.placeKey.SK}},
		"a claim that waits for review and is done": {auditor.IndexRule, w.doneKey,
			set(table.Item{"queue": story.Text("REVIEW#00")}), table.Key{}},
		"an open claim that no sweep finds": {auditor.IndexRule, w.claimKey,
			set(table.Item{"queue": nil, "queueKey": nil}), table.Key{}},
		"an ended claim on the page of open ones": {auditor.IndexRule, w.doneKey,
			set(table.Item{"pageKey": story.Text("OPEN#" + w.engagement + "#x")}), table.Key{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := item(t, test.key)
			if before == nil {
				t.Fatalf("there is no item %v", test.key)
			}
			changed := maps.Clone(before)
			test.tamper(changed)
			story.DeleteItem(t, table.KeyItem(test.key))
			story.PutItem(t, changed)
			defer func() {
				story.DeleteItem(t, changed)
				story.PutItem(t, before)
			}()
			told := test.told
			if told == (table.Key{}) {
				told = test.key
			}
			report := run(t, auditor.Options{})
			if !slices.ContainsFunc(report.Violations, func(v auditor.Violation) bool {
				return v.Rule == test.rule &&
					v.Key == told
			}) {
				t.Errorf("%v was not told to break %q: %v", told, test.rule, report.Violations)
			}
		})
	}
	soak.Audit(t)
}

func TestAPlaceTooManyIsFound(t *testing.T) {
	w := newWorld(t)
	second, _ := w.partner.Bring(t, mci.ConsentNotSent, story.NewCustomer(t, w.engagement), w.engagement)
	mine := item(t, w.placeKey)
	tampered := maps.Clone(mine)
	in("places", func(i table.Item) { i[second.ID] = i[w.open.ID] })(tampered)
	story.PutItem(t, tampered)
	defer story.PutItem(t, mine)
	report := run(t, auditor.Options{})
	for _, rule := range []auditor.Rule{auditor.PlaceRule, auditor.LimitRule, auditor.OneClaimRule} {
		if !slices.ContainsFunc(report.Violations, func(v auditor.Violation) bool {
			return v.Rule == rule &&
				v.Key == w.placeKey
		}) {
			t.Errorf("%q was not told: %v", rule, report.Violations)
		}
	}
}

func TestD15_TwoPartnersOnAnExclusiveEngagementAreFound(t *testing.T) {
	w := newWorld(t)
	customer := story.NewCustomer(t, w.exclusive)
	claim, _ := w.partner.Bring(t, mci.Completed, customer, w.exclusive)
	key := table.Key{PK: "CUSTOMER#" + customer.ID, SK: "PARTICIPATION#" + claim.EngagementID}
	mine := item(t, key)
	tampered := maps.Clone(mine)
	tampered["completedBy"] = &types.AttributeValueMemberSS{Value: []string{w.partner.ID, w.other.ID}}
	story.PutItem(t, tampered)
	defer story.PutItem(t, mine)
	report := run(t, auditor.Options{})
	if !slices.ContainsFunc(report.Violations, func(v auditor.Violation) bool {
		return v.Rule == auditor.ExclusiveRule &&
			v.Key == key
	}) {
		t.Errorf("it was not told: %v", report.Violations)
	}
}

func TestWhatHasEndedIsHeldAgainstAnEarlierSnapshot(t *testing.T) {
	w := newWorld(t)
	var snapshot bytes.Buffer
	run(t, auditor.Options{Snapshot: &snapshot})
	if !strings.Contains(snapshot.String(), w.completed.ID) || strings.Contains(snapshot.String(), w.open.ID) {
		t.Fatalf("the snapshot holds the ended claims alone: %s", &snapshot)
	}
	if report := run(t, auditor.Options{Earlier: bytes.NewReader(snapshot.Bytes())}); len(report.Violations) > 0 {
		t.Fatalf("nothing has changed: %v", report.Violations)
	}
	before := item(t, w.doneKey)
	defer story.PutItem(t, before)

	changed := maps.Clone(before)
	changed["head"] = story.Text("0000")
	story.PutItem(t, changed)
	violated := func() bool {
		report := run(t, auditor.Options{Earlier: bytes.NewReader(snapshot.Bytes())})
		return slices.ContainsFunc(report.Violations,
			func(v auditor.Violation) bool { return v.Rule == auditor.TerminalRule && v.Key == w.doneKey })
	}
	if !violated() {
		t.Error("a changed claim was not told")
	}
	story.DeleteItem(t, table.KeyItem(w.doneKey))
	if !violated() {
		t.Error("a claim that is gone was not told")
	}
}

func TestD3_AClaimPastItsDeadlineThatNoSweepHasSeenBreaksNoRule(t *testing.T) {
	engagement := story.Engagement(t, story.Object{"claimLimits": story.Object{"active": 1, "allowed": 1}})
	customer := story.NewCustomer(t, engagement)
	story.NewPartner(t).Add(t, customer, engagement)
	localtest.SetClock(t, localtest.Cloud().Offset()+31*24*time.Hour)
	story.NewPartner(t).Add(t, customer, engagement) // on the place of the first
	soak.Audit(t)
}

// domainEvents gives what the bus tells of a claim, as it answers.
func domainEvents(t *testing.T, claimID string) string {
	t.Helper()
	localtest.WaitDrained(t)
	answer, err := http.Get(localtest.Cloud().URL() + "/local/events?claimId=" + claimID)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestB4_DomainEventsAreReadAsTheyCome(t *testing.T) {
	partner, engagement := story.NewPartner(t), story.Engagement(t, nil)
	claim, _ := partner.Bring(t, mci.ConsentNotSent, story.NewCustomer(t, engagement), engagement)
	id := mci.ClaimID(claim.ID)
	told := domainEvents(t, claim.ID)
	var list struct{ Events []json.RawMessage }
	if err := json.Unmarshal([]byte(told), &list); err != nil || len(list.Events) != 1 {
		t.Fatalf("the bus tells %s: %v", told, err)
	}
	audit := func(events string) []auditor.Violation {
		t.Helper()
		options := auditor.Options{}
		if events != "" {
			options.Events = strings.NewReader(events)
		}
		return slices.DeleteFunc(run(t, options).Violations,
			func(v auditor.Violation) bool { return v.Key != table.ClaimKey(id) })
	}
	envelope := string(list.Events[0])
	for what, events := range map[string]string{
		"the answer": told, "one a line": envelope + "\n" + envelope + "\n", "a list": "[" + envelope + "]",
	} {
		if violations := audit(events); len(violations) > 0 {
			t.Errorf("%s: %v", what, violations)
		}
	}

	// An event more or less than left is told as well.
	partner.Request(t, claim.ID, story.FirstRequest("100.00"))
	if violations := audit(told); len(violations) == 0 {
		t.Error("an event that did not leave was not told")
	}
	more := strings.ReplaceAll(domainEvents(t, claim.ID), `"seq":"2"`, `"seq":"9"`)
	if violations := audit(more); len(violations) != 2 {
		t.Errorf("event 9 left and is gone, event 2 did not leave: %v", violations)
	}
	for _, events := range []string{"", "7", "{", `{"events":[]}`, `{"detail":{}}`} {
		options := auditor.Options{Now: localtest.Now, Events: strings.NewReader(events)}
		if _, err := auditor.Run(t.Context(), localtest.DynamoDB(), localtest.Table(), options); err == nil {
			t.Errorf("%q was taken for domain events", events)
		}
	}
}
