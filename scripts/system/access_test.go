package system

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
)

// access says what each role gets for the route's call about the partner's own things: as a user of that partner, as a
// user of another partner, as a user of none. A role that is not named is forbidden; no token is always 401, and a
// public route asks for none.
var access = map[string]map[mci.Role][3]int{
	"GET /v1/engagements":                          allRoles(200, 200, 200),
	"GET /v1/engagements/{engagementId}":           allRoles(200, 200, 200),
	"GET /v1/engagements/{engagementId}/customers": incentives(200, 200, 403), // everyone sees their own page
	"POST /v1/eligibility-checks":                  incentives(200, 422, 403), // another partner's location is none
	"POST /v1/customers":                           incentives(201, 422, 403),
	"POST /v1/customers/{customerId}/claims":       incentives(201, 422, 403),
	"GET /v1/claims":                               with(incentives(200, 200, 403), mci.ProgramAdmin, 200, 200, 200),
	"GET /v1/claims/{claimId}": with(with(incentives(200, 404, 403), mci.ProgramAdmin, 200, 200, 200),
		mci.FieldSeller, 200, 200, 200),
	"GET /v1/claims/{claimId}/receipt": with(with(incentives(200, 404, 403), mci.ProgramAdmin, 200, 200, 200),
		mci.FieldSeller, 200, 200, 200),
	"GET /.well-known/jwks.json":                 nil,
	"POST /v1/claims/{claimId}/consent-previews": incentives(200, 404, 403),
	"POST /v1/claims/{claimId}/consent-requests": incentives(202, 404, 403),
	"POST /v1/claims/{claimId}/submission":       incentives(200, 404, 403),
	"POST /v1/claims/{claimId}/cancellation":     incentives(200, 404, 403),
	"POST /v1/claims/{claimId}/review":           {mci.ProgramAdmin: {403, 200, 200}}, // D31
	"GET /v1/referrals": {mci.ReferralAdmin: {200, 200, 403}, mci.FieldSeller: {200, 200, 200},
		mci.ProgramAdmin: {200, 200, 200}},
	"GET /v1/referrals/{referralId}": {mci.ReferralAdmin: {200, 404, 403}, mci.FieldSeller: {200, 200, 200},
		mci.ProgramAdmin: {200, 200, 200}},
	"POST /v1/referrals/{referralId}/upgrade": {mci.ReferralAdmin: {200, 404, 403}, mci.ProgramAdmin: {200, 200, 200}},
	"GET /consent/{token}":                    nil,
	"HEAD /consent/{token}":                   nil,
	"GET /consent/{token}/receipt":            nil,
	"POST /consent/{token}":                   nil,
	"GET /v1/openapi.json":                    nil,
}

func allRoles(own, other, none int) map[mci.Role][3]int {
	row := map[mci.Role][3]int{}
	for _, role := range mci.Roles {
		row[role] = [3]int{own, other, none}
	}
	return row
}

func incentives(own, other, none int) map[mci.Role][3]int {
	return map[mci.Role][3]int{mci.IncentivesAdmin: {own, other, none}, mci.IncentivesUser: {own, other, none}}
}

func with(row map[mci.Role][3]int, role mci.Role, own, other, none int) map[mci.Role][3]int {
	row[role] = [3]int{own, other, none}
	return row
}

// seesAll are the roles to which nothing of any partner is secret, but to field sellers the customer's contact.
var seesAll = []mci.Role{mci.ProgramAdmin, mci.FieldSeller}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for key := range access {
		if calls[key] == nil {
			t.Errorf("there is no route %s", key)
		}
	}
	for _, route := range rest.Routes {
		row, listed := access[route.Key()]
		if !listed || calls[route.Key()] == nil {
			t.Errorf("%s is in no table: say who may do it, and how it is called", route.Key())
			continue
		}
		t.Run(route.Key(), func(t *testing.T) {
			t.Parallel()
			if route.Public() {
				c := calls[route.Key()](t, w)
				localtest.Call(t, route.Method, c.path, "", c.body).Expect(t, c.want)
				return
			}
			c := calls[route.Key()](t, w)
			w.refused(t, route, "nobody", "", &c, http.StatusUnauthorized)
			w.refused(t, route, "a token that is none", "none", &c, http.StatusUnauthorized)
			for _, role := range mci.Roles {
				for i, caller := range []story.Partner{w.partner, w.other, {User: story.Name("user")}} {
					want := 403
					if statuses, named := row[role]; named {
						want = statuses[i]
					}
					who := fmt.Sprintf("%s of %s", role, []string{"the partner", "another partner", "no partner"}[i])
					token := localtest.Token(t, caller.ID, caller.User, role)
					if want >= 400 {
						w.refused(t, route, who, token, &c, want)
						continue
					}
					answer := localtest.Call(t, route.Method, c.path, token, c.body)
					if answer.Status != want {
						t.Errorf("%s got %d instead of %d: %s", who, answer.Status, want, answer.Body)
					}
					if i > 0 && !slices.Contains(seesAll, role) {
						w.tellsNothing(t, who, answer, c)
					}
					if route.Method != http.MethodGet {
						c = calls[route.Key()](t, w) // done; the next caller needs another
					}
				}
			}
		})
	}
}

// refused checks that a caller is refused, that nothing was written or sent, and that the answer tells nothing.
func (w world) refused(t *testing.T, route rest.Route, who, token string, c *call, want int) {
	t.Helper()
	answer := localtest.Call(t, route.Method, c.path, token, c.body)
	if answer.Status != want {
		t.Errorf("%s got %d instead of %d: %s", who, answer.Status, want, answer.Body)
		*c = calls[route.Key()](t, w)
	}
	changedNothing(t, who, answer)
	w.tellsNothing(t, who, answer, *c)
}

// tellsNothing checks that an answer holds nothing that its reader may not know.
func (w world) tellsNothing(t *testing.T, who string, answer localtest.Response, c call) {
	t.Helper()
	for _, secret := range c.secret {
		if bytes.Contains(answer.Body, []byte(secret)) {
			t.Errorf("%s learns %q: %s", who, secret, answer.Body)
		}
	}
}

// changedNothing checks that the functions asked the engines for nothing but what they have, or in vain.
func changedNothing(t *testing.T, what string, answer localtest.Response) {
	t.Helper()
	for _, request := range answer.Requests() {
		switch request.Action {
		case "GetItem", "BatchGetItem", "Query":
		default:
			if request.Status >= 400 {
				continue
			}
			t.Errorf("%s made the function ask for %s", what, request.Action)
		}
	}
}

func copyOf(body story.Object) (story.Object, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	var copied story.Object
	err = json.Unmarshal(encoded, &copied)
	return copied, err
}

func TestNoRoleAndUnknownRolesOpenNothing(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	for _, roles := range [][]mci.Role{nil, {"owner"}, {"incentives"}, {"Incentives-Admin"}} {
		token := localtest.Token(t, p.ID, p.User, roles...)
		for _, path := range []string{"/v1/engagements", "/v1/claims", "/v1/referrals"} {
			story.Refused(t, localtest.Call(t, "GET", path, token, nil), 403, mci.Forbidden)
		}
	}
}

func TestOneOfSeveralRolesIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	claim, _ := w.claim(t, mci.ConsentPending)
	for name, roles := range map[string][]mci.Role{
		"own claim":     {mci.ReferralAdmin, mci.IncentivesUser},
		"program's eye": {mci.FieldSeller, mci.ProgramAdmin},
	} {
		token := localtest.Token(t, w.partner.ID, w.partner.User, roles...)
		if answer := localtest.Call(t, "GET", "/v1/claims/"+claim.ID, token, nil); answer.Status != 200 {
			t.Errorf("%s: %d", name, answer.Status)
		}
	}
}

// TestWhatBelongsToAnotherPartnerIsAsIfItWereNotThere compares, word for word, the answers about another partner's
// things with those about things that nobody has.
func TestWhatBelongsToAnotherPartnerIsAsIfItWereNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, theirs := w.other, w.partner
	foreign, _ := w.claim(t, mci.Consented)
	known := story.NewCustomer(t, w.engagement)
	theirs.Know(t, known, mci.TenantID)
	own, _ := mine.Bring(t, mci.ConsentPending, story.NewCustomer(t, w.engagement), w.engagement)
	absent := strings.Replace(own.ID, own.ID[:6], "01AAAA", 1) // of this partner, and not there
	reviews := localtest.Token(t, mine.ID, mine.User, mci.IncentivesAdmin, mci.ReferralAdmin)

	for _, route := range rest.Routes {
		if route.Public() || !strings.Contains(route.Path, "{") ||
			!route.Allows([]mci.Role{mci.IncentivesAdmin, mci.ReferralAdmin}) {
			continue
		}
		ids := map[string][3]string{
			"{claimId}":    {foreign.ID, absent, "no-claim"},
			"{referralId}": {foreign.Referral.ID, "R" + absent, "no-referral"},
			"{customerId}": {known.ID, story.NewCustomer(t).ID, "nobody"},
		}
		for parameter, candidates := range ids {
			if !strings.Contains(route.Path, parameter) {
				continue
			}
			t.Run(route.Key(), func(t *testing.T) {
				body := calls[route.Key()](t, w).body
				if fields, isObject := body.(story.Object); isObject && fields["locationId"] != nil {
					fields["locationId"] = mine.Location
				}
				var said [3]story.Problem
				for i, id := range candidates {
					answer := localtest.Call(t, route.Method, strings.Replace(route.Path, parameter, id, 1), reviews,
						body)
					said[i] = story.Refused(t, answer, 404, mci.NotFound)
					said[i].Instance = ""
					changedNothing(t, id, answer)
				}
				if got := fmt.Sprintf("%+v", said[0]); got != fmt.Sprintf("%+v", said[1]) ||
					got != fmt.Sprintf("%+v", said[2]) {
					t.Errorf("the answers differ: %+v", said)
				}
			})
		}
	}

	for _, key := range []string{"POST /v1/eligibility-checks", "POST /v1/customers",
		"POST /v1/customers/{customerId}/claims"} {
		t.Run(key+" at another's location", func(t *testing.T) {
			c := calls[key](t, w) // at their location
			foreign := story.Refused(t, localtest.Call(t, "POST", c.path, mine.Token, c.body), 422, mci.Invalid)
			c.body.(story.Object)["locationId"] = story.Name("location")
			unknown := story.Refused(t, localtest.Call(t, "POST", c.path, mine.Token, c.body), 422, mci.Invalid)
			if foreign.Pointers() != "/locationId" || fmt.Sprint(foreign.Errors) != fmt.Sprint(unknown.Errors) {
				t.Errorf("another's location: %+v; an unknown one: %+v", foreign.Errors, unknown.Errors)
			}
		})
	}

	t.Run("lists", func(t *testing.T) {
		for _, path := range []string{
			"/v1/engagements/" + w.engagement + "/customers", "/v1/engagements/" + w.engagement +
				"/customers?tab=complete",
			"/v1/claims", "/v1/referrals", "/v1/claims?engagementId=" + w.engagement,
		} {
			answer := localtest.Call(t, "GET", path, reviews, nil).Expect(t, 200)
			for _, secret := range []string{foreign.ID, foreign.CustomerContact.Email, theirs.ID, theirs.Name,
				known.Name} {
				if bytes.Contains(answer.Body, []byte(secret)) {
					t.Errorf("%s tells of %s", path, secret)
				}
			}
		}
		story.Refused(t, localtest.Call(t, "GET", "/v1/claims?partnerId="+theirs.ID, reviews, nil), 422, mci.Invalid)
	})
}

func TestD36_ARoleIsAWholeWordOfTheTokensOwnArray(t *testing.T) {
	for _, group := range []mci.Role{
		"Team program-admin", "program-admin,field-seller", "[program-admin]", "program-admin ", "Program-Admin",
	} {
		token := localtest.Token(t, "", story.Name("user"), group)
		story.Refused(t, localtest.Call(t, "GET", "/v1/claims", token, nil), http.StatusForbidden, mci.Forbidden)
	}
}

// The gateway's authorizer lets an access token of the same client pass, for AWS's does.
func TestAnAccessTokenIsRefused(t *testing.T) {
	for _, use := range []string{"id", "access"} {
		payload := fmt.Sprintf(`{"sub":"ana@northwind","cognito:groups":["incentives-admin"],"token_use":%q}`, use)
		var event rest.GatewayRequest
		if err := json.Unmarshal(localtest.Samples(t, "list-claims")[0], &event); err != nil {
			t.Fatal(err)
		}
		event.Headers["authorization"] = "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
		var response rest.GatewayResponse
		if err := json.Unmarshal(localtest.Invoke(t, "list-claims", event).Body, &response); err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"id": 200, "access": 401}[use]; response.StatusCode != want {
			t.Errorf("an %s token is answered %d: %s", use, response.StatusCode, response.Body)
		}
	}
}
