package rest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"mci.example/customers/shared/mci"
)

// Whatever a body is, reading it takes an object that JSON has too, and every mistake has a place and a word, and can
// be told.
func FuzzABodyIsReadOrItsMistakesAreTold(f *testing.F) {
	for _, seed := range []string{
		`{"friendlyName":"A","locationId":"l","customerId":{"type":"domain","value":"contoso.com"},` +
			`"engagementIds":["e"],"hours":40,` +
			`"customerContact":{"name":"Ana","email":"ana@contoso.com","phone":"+1 425 555 0100","locale":"pt-BR"},` +
			`"dealSize":{"amount":"1.00","currency":"USD"}}`,
		`{"hours":1e999999999,"dealSize":1,"disclaimerAccepted":"yes","engagementIds":[1,1,"",null,"a","a"]}`,
		`{"a":1,"a":2}`, `{"a":{"b":[{"c":1,"c":2}]}}`,
		`{"a/b~c":{"":1}}`, `{"engagementIds":{}}`, `{"customerContact":[]}`, "{\"a\":\"\xff\"}", `{"\ud800":1}`, `[]`,
		`null`, `{} {}`, `{`, ``,
		strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100),
	} {
		f.Add([]byte(seed))
	}
	largest := mci.MustMoney("1000000000000.00")
	f.Fuzz(func(t *testing.T, body []byte) {
		object, err := ParseObject(body)
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("the refusal is no text: %q", err)
			}
			return
		}
		var fields map[string]any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if len(body) > 0 && decoder.Decode(&fields) != nil || len(fields) != len(object.fields) {
			t.Errorf("%q is read as %d fields, and is %d by JSON", body, len(object.fields), len(fields))
		}
		ReadContacts(object)
		ReadCustomerID(object)
		ReadLocationID(object)
		if ids := ReadEngagementIDs(object); len(ids) > maxEngagements {
			t.Errorf("%d engagements are taken", len(ids))
		}
		if hours := object.OptionalWhole("hours"); hours != nil && *hours < 1 {
			t.Errorf("%d hours are taken", *hours)
		}
		if size := object.OptionalMoney("dealSize", largest); size != nil && len(object.Mistakes()) == 0 &&
			largest.Less(*size) {
			t.Errorf("a deal of %s is taken", size)
		}
		object.OptionalBool("disclaimerAccepted")
		object.OptionalText("mismatchReason", mci.MaxReason)
		object.Line("friendlyName", mci.MaxName)
		OptionalParsed(object, "completedOn", mci.ParseDate)
		OneOf(object, "decision", mci.ReviewDecisions)
		mistakes := object.Mistakes()
		for _, mistake := range mistakes {
			if !strings.HasPrefix(mistake.Pointer, "/") || mistake.Detail == "" || !utf8.ValidString(mistake.Pointer+
				mistake.Detail) {
				t.Errorf("the mistake %q cannot be told", mistake)
			}
		}
		refusal := &mci.Refusal{Code: mci.Invalid, Detail: "Mistakes.", Mistakes: mistakes}
		if response := problem(GatewayRequest{}, refusal); !json.Valid([]byte(response.Body)) ||
			response.StatusCode != 422 {
			t.Errorf("the problem is %d %s", response.StatusCode, response.Body)
		}
	})
}

// A cursor opens at its position for the caller and query that it was made for, and is a mistake for every other;
// whatever else is given as a cursor is a mistake too.
func FuzzACursorServesItsCallerAndQueryAlone(f *testing.F) {
	request := func(cursor, partner, name string) *Request {
		return &Request{Route: Routes[2], Caller: Caller{PartnerID: partner, UserID: "user"},
			path:  map[string]string{"engagementId": "e"},
			query: map[string]string{"cursor": cursor, "q": name}}
	}
	good := request("", "partner", "con").NextCursor("contoso\x01c-1")
	for _, seed := range []string{good, good[:20], good + "A", "A\n" + good, "", "=", "AAAA", "\xff"} {
		f.Add(seed, "con", "position")
	}
	f.Fuzz(func(t *testing.T, cursor, name, position string) {
		guess := request(cursor, "partner", name)
		if opened := guess.Cursor(); cursor != "" && opened == "" && len(guess.mistakes) != 1 {
			t.Errorf("%q is no mistake", cursor)
		} else if opened != "" && guess.NextCursor(opened) != cursor {
			t.Errorf("%q opens at %q, whose cursor it is not", cursor, opened)
		}
		if position == "" {
			return
		}
		mine := request("", "partner", name).NextCursor(position)
		if again := request(mine, "partner", name); again.Cursor() != position || len(again.mistakes) > 0 {
			t.Errorf("the cursor for %q is not opened: %v", position, again.mistakes)
		}
		for _, other := range []*Request{request(mine, "other", name), request(mine, "partner", name+"x")} {
			if other.Cursor() != "" || len(other.mistakes) != 1 {
				t.Errorf("the cursor for %q is opened for another caller or query", position)
			}
		}
	})
}
