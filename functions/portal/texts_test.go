package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

var placeholder = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// P11: every language says every sentence, with the same values in it.
func TestP11_EveryLanguageHasEverySentence(t *testing.T) {
	english, err := load(mail.English)
	if err != nil {
		t.Fatal(err)
	}
	values := func(sentence string) []string {
		found := placeholder.FindAllString(sentence, -1)
		slices.Sort(found)
		return found
	}
	for _, locale := range mail.Locales {
		w, err := load(locale)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Months) != 12 {
			t.Errorf("%s names %d months", locale, len(w.Months))
		}
		same := 0
		for key, sentence := range english.Sentences {
			said, known := w.Sentences[key]
			if !known {
				t.Errorf("%s lacks %s", locale, key)
			}
			if !slices.Equal(values(said), values(sentence)) {
				t.Errorf("%s says %q for %q", locale, said, sentence)
			}
			if locale != mail.English && said == sentence && len(sentence) > 20 {
				t.Errorf("%s leaves %s in English: %q", locale, key, said)
			}
			if said == sentence {
				same++
			}
		}
		if locale != mail.English && same > len(english.Sentences)/10 {
			t.Errorf("%s leaves %d of %d sentences in English", locale, same, len(english.Sentences))
		}
		for key := range w.Sentences {
			if _, known := english.Sentences[key]; !known {
				t.Errorf("%s says %s, which English lacks", locale, key)
			}
		}
	}
}

// P11: what the API says of a value is said in the reader's language.
func TestP11_MistakesAreSaidInTheReadersLanguage(t *testing.T) {
	tag := checkCell("locale", "french?", "")
	idType := checkCell("idType", "duns", "")
	for _, detail := range []string{
		tag.Error(), idType.Error(), mci.ContactCheck{
			Location: mci.Location{PartnerDomains: []string{"partner.example"}},
			Customer: mci.Contact{Email: "a@b.example"}, Partner: mci.Contact{Email: "a@b.example"},
		}.Mistakes()[0].Detail, mci.ContactCheck{
			Location: mci.Location{PartnerDomains: []string{"partner.example"}},
			Partner:  mci.Contact{Email: "a@b.example"},
		}.Mistakes()[0].Detail, "must have 1 to 10 entries, has 11",
	} {
		for _, locale := range mail.Locales {
			v := &visit{words: &words{locale}}
			said := v.mistake("Field", detail)
			if said == v.words.say("mistake.other", "field", "Field", "detail", detail) {
				t.Errorf("in %s stands %q", locale, said)
			}
		}
	}
}

// P9: the page that asks to narrow a list leads back to it.
func TestP9_AnExportThatIsTooLongLeadsBackToItsList(t *testing.T) {
	for path, list := range map[string]string{"/portal/home.csv": "/portal",
		"/portal/claims.csv?status=submitted": "/portal/claims?status=submitted"} {
		recorder := httptest.NewRecorder()
		v := &visit{p: &portal{}, w: recorder, r: httptest.NewRequest("GET", path, nil), words: &words{mail.English}}
		err := export(v, "long", claimColumns, func(string) ([]claim, string, error) {
			return make([]claim, maxExport+1), "", nil
		})
		if err != nil || recorder.Code != 422 || !strings.Contains(recorder.Body.String(), `<a href="`+list+`">`) {
			t.Errorf("%s is answered %d, %v: %s", path, recorder.Code, err, recorder.Body)
		}
	}
}

// Every key in the sources is a sentence, and so is every word of the product that pages show.
func TestEverySentenceThatPagesSayIsThere(t *testing.T) {
	w := &words{mail.English}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`(?:say|text)\("([a-zA-Z.-]+)"[,)]`)
	column := regexp.MustCompile(`(?:shown|onPage|inFile)\("([a-zA-Z]+)"`)
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range said.FindAllStringSubmatch(string(content), -1) {
			if _, known := w.texts().Sentences[found[1]]; !known {
				t.Errorf("%s says %s, which English lacks", source, found[1])
			}
		}
		for _, found := range column.FindAllStringSubmatch(string(content), -1) {
			if !w.knows("column." + found[1]) {
				t.Errorf("%s has a column %s without a heading", source, found[1])
			}
		}
	}
	need := func(family string, codes ...string) {
		for _, code := range codes {
			if !w.knows(family + "." + code) {
				t.Errorf("there is no sentence %s.%s", family, code)
			}
		}
	}
	for _, status := range mci.Statuses {
		need("status", string(status))
		need("next", string(status))
	}
	for _, event := range mci.EventTypes {
		need("event", string(event))
	}
	for _, idType := range mci.IDTypes {
		need("idType", string(idType))
	}
	for _, signal := range mci.SignalCodes {
		need("signal", string(signal))
	}
	operations, err := openapitest.Operations()
	if err != nil {
		t.Fatal(err)
	}
	need("problem", unavailable, slow)
	for _, operation := range operations {
		for _, status := range operation.Statuses() {
			for _, kind := range operation.Types(status) {
				if status != http.StatusUnauthorized { // which leads to signing in
					need("problem", strings.TrimPrefix(kind, "urn:mci:problem:"))
				}
			}
		}
	}
	for _, schema := range []struct{ name, family string }{{"ReasonCode", "reason"}} {
		described, err := openapitest.Schema("/components/schemas/" + schema.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range described["enum"].([]any) {
			need(schema.family, code.(string))
		}
	}
}

// B5: the portal's own types of the API's bodies and answers have the fields that the API describes, and no others. One
// that serves for several has the fields of all.
func TestB5_TheClientsTypesAreTheAPIs(t *testing.T) {
	const rows = "/properties/items/items"
	for schemas, view := range map[string]any{
		"ClaimDetails": claim{}, "EngagementDetails": engagement{}, "Contact": contact{}, "Customer": customer{},
		"CustomerID": customerID{}, "EngagementDetails/properties/locations/items": location{},
		"Money": money{}, "Event": event{}, "ClaimList": claimList{}, "ReferralList": referralList{},
		"ReferralDetails": referral{}, "CustomersPage": customersPage{},
		"EligiblePage" + rows + " IneligiblePage" + rows + " CompletePage" + rows: customerRow{},
		"EligibilityCheckRequest": checkRequest{}, "EligibilityCheck": checkAnswer{},
		"EligibilityCheck/properties/eligible/items Ineligible": verdict{}, "PayoutBasis": payoutBasis{},
		"WhyNot": reason{}, "AddCustomerRequest ClaimCustomerRequest": nomination{},
		"ConsentRequest": consentRequest{}, "ConsentPreview": consentPreview{},
		"ReviewRequest": review{}, "CancellationRequest": cancellation{}, "SubmissionRequest": submission{},
		"Problem": problem{}, "Mistake": mistake{},
	} {
		want := map[string]bool{}
		for schema := range strings.FieldsSeq(schemas) {
			described, err := openapitest.Schema("/components/schemas/" + schema)
			if err != nil {
				t.Fatal(err)
			}
			if properties(t, described, want); len(want) == 0 {
				t.Errorf("%s is described without fields", schema)
			}
		}
		typed := reflect.TypeOf(view)
		for i := range typed.NumField() {
			name, _, _ := strings.Cut(typed.Field(i).Tag.Get("json"), ",")
			if name != "-" && !want[name] {
				t.Errorf("the API's %s has no field %s", schemas, name)
			}
			delete(want, name)
		}
		for name := range want {
			if !passedOver[schemas+"."+name] {
				t.Errorf("the portal leaves out %s of %s", name, schemas)
			}
		}
	}
}

// passedOver are fields of answers that no page shows.
var passedOver = map[string]bool{
	"EngagementDetails.reminders": true, "Problem.title": true,
}

// properties collects the fields that a schema and its parts describe.
func properties(t *testing.T, schema map[string]any, found map[string]bool) {
	t.Helper()
	for _, part := range []string{"allOf", "oneOf", "anyOf"} {
		parts, _ := schema[part].([]any)
		for _, part := range parts {
			resolved, err := openapitest.Resolve(part)
			if err != nil {
				t.Fatal(err)
			}
			properties(t, resolved, found)
		}
	}
	fields, _ := schema["properties"].(map[string]any)
	for name := range fields {
		found[name] = true
	}
}

// P9: no cell of a file begins as a formula does.
func TestP9_CellsOfAFileAreHarmless(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "Contoso": "Contoso", "a=b": "a=b", "=1+1": "'=1+1", "+1 425": "'+1 425", "-1": "'-1", "@sum": "'@sum",
		"\tx": "'\tx", "\rx": "'\rx", "＝1": "'＝1",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q becomes %q, not %q", cell, got, want)
		}
	}
}

// P1: signing in leads to pages of the portal alone.
func TestP1_SigningInLeadsToPagesOfThePortalAlone(t *testing.T) {
	for to, want := range map[string]string{
		"/portal/claims?status=submitted": "/portal/claims?status=submitted", "/portal": "/portal",
		"": "/portal", "//evil.example/portal": "/portal", "https://evil.example/portal/": "/portal",
		"/portal/../../evil":    "/portal",
		"/portal\\evil.example": "/portal", "/portalevil": "/portal", "javascript:alert(1)": "/portal",
		"/portal/%0d%0aSet-Cookie:a=b":       "/portal/%0d%0aSet-Cookie:a=b",
		"/portal/sign-in?to=/portal/sign-in": "/portal", "/v1/claims": "/portal", "/portal//evil.example": "/portal",
	} {
		if got := ownPath(to); got != want {
			t.Errorf("%q leads to %q, not %q", to, got, want)
		}
	}
}

func TestAmountsAreTakenHoweverTheirDigitsAreGrouped(t *testing.T) {
	for typed, want := range map[string]string{
		"60000": "60000", "60,000": "60000", "60,000.50": "60000.50", "60.000,50": "60000.50", "1.000.000": "1000000",
		"60 000,5": "60000.5",
		"$1,000":   "1000", "1.5": "1.5", "1,5": "1.5", "abc": "abc", "1,2,3": "1,2,3", "1.000": "1.000",
	} {
		if got := plainAmount(typed); got != want {
			t.Errorf("%q is taken for %q, not %q", typed, got, want)
		}
	}
}
