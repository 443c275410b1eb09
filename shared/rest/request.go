package rest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
)

// Caller is who the verified token says is calling.
type Caller struct {
	PartnerID string // "" for the program's own people
	UserID    string
	Roles     []mci.Role
}

// Has says whether the caller has one of the roles.
func (c Caller) Has(roles ...mci.Role) bool {
	return slices.ContainsFunc(roles, func(role mci.Role) bool { return slices.Contains(c.Roles, role) })
}

// Incentives says whether the caller may work on its partner's claims.
func (c Caller) Incentives() bool {
	return c.PartnerID != "" && c.Has(mci.IncentivesAdmin, mci.IncentivesUser)
}

// SeesAll says whether the caller sees all of the claim with that ID: it is the caller's partner's, or the caller is of
// the program's staff. Sellers see of the others those that are co-sell.
func (c Caller) SeesAll(id mci.ClaimID) bool {
	return c.Incentives() && id.PartnerID() == c.PartnerID || c.Has(mci.ProgramAdmin)
}

// partnerRoles are roles in which one acts for a partner.
var partnerRoles = []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser, mci.ReferralAdmin}

// admit refuses a caller whom the route is not for: by role, or because the role acts for a partner and the token names
// none. What every role may see needs no partner.
func (r Route) admit(caller Caller) error {
	if !r.Allows(caller.Roles) {
		return mci.Refuse(mci.Forbidden, "None of your roles opens this route; it takes one of "+mci.Join(r.Roles)+".")
	}
	withoutPartner := slices.DeleteFunc(slices.Clone(caller.Roles),
		func(role mci.Role) bool { return slices.Contains(partnerRoles, role) })
	if caller.PartnerID == "" && len(r.Roles) < len(mci.Roles) && !r.Allows(withoutPartner) {
		return mci.Refuse(mci.Forbidden, "Your token names no partner to act for.")
	}
	return nil
}

// callerOf reads the claims that the gateway's authorizer has verified and hands over as strings, arrays as [a b].
func callerOf(event GatewayRequest, environment *platform.Environment) (Caller, error) {
	authorizer := event.RequestContext.Authorizer
	if authorizer == nil || authorizer.JWT == nil || authorizer.JWT.Claims["sub"] == "" {
		return Caller{}, mci.Refuse(mci.Unauthenticated, "Send a token: Authorization: Bearer ….")
	}
	claims := authorizer.JWT.Claims
	token, err := tokenOf(event)
	if err != nil || token.text("sub") != claims["sub"] {
		return Caller{}, mci.Refuse(mci.Unauthenticated, "Send the token itself: Authorization: Bearer ….")
	}
	if token.text("token_use") == "access" {
		return Caller{}, mci.Refuse(mci.Unauthenticated,
			"Send the ID token: an access token does not name your company.")
	}
	caller := Caller{PartnerID: claims[environment.Setting(platform.PartnerClaim)], UserID: claims["sub"]}
	for _, role := range token.list(environment.Setting(platform.RolesClaim)) {
		caller.Roles = append(caller.Roles, mci.Role(role))
	}
	return caller, nil
}

// token is the payload of the token that the gateway's authorizer has verified.
type token map[string]any

// tokenOf reads the token of a request that the authorizer let through. The authorizer hands over arrays as one text,
// which cannot be taken apart for sure: a group's name may hold spaces (D36).
func tokenOf(event GatewayRequest) (token, error) {
	header := event.Headers["authorization"]
	if kind, rest, found := strings.Cut(header, " "); found && strings.EqualFold(kind, "Bearer") {
		header = strings.TrimSpace(rest)
	}
	parts := strings.Split(header, ".")
	if len(parts) != 3 {
		return nil, errors.New("the token is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("decoding the token: %w", err)
	}
	var claims token
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	return claims, nil
}

// text gives a claim that is a text, "" for any other.
func (t token) text(name string) string {
	text, _ := t[name].(string)
	return text
}

// list gives the texts of a claim that is an array.
func (t token) list(name string) []string {
	var list []string
	values, _ := t[name].([]any)
	for _, value := range values {
		if text, isText := value.(string); isText {
			list = append(list, text)
		}
	}
	return list
}

// Request is a request to a JSON route, its caller known and its role checked.
type Request struct {
	Route  Route
	Caller Caller
	Now    time.Time
	Body   *Object // of a POST

	clock             func() time.Time
	sourceIP          string
	headers           map[string]string
	path, query       map[string]string
	rawQuery          string // in which it shows whether a parameter is given twice: the gateway has joined its values
	rawBody           []byte
	idempotencyKey    string
	hasIdempotencyKey bool
	mistakes          []mci.Mistake
}

// Renew takes the present instant for the request's: a decision that lost its race is made anew at a later instant.
func (r *Request) Renew() { r.Now = r.clock() }

// Act is what the caller does at the request's instant.
func (r *Request) Act() mci.Act {
	act := platform.Act(r.Now, r.Caller.UserID)
	act.Addresses = mci.ActAddresses(r.sourceIP, r.headers["x-forwarded-for"])
	return act
}

// Header gives a header by its name in lower case, "" where there is none.
func (r *Request) Header(name string) string { return r.headers[name] }

// PassOverIdempotencyKey treats the request as one without an Idempotency-Key: it writes nothing.
func (r *Request) PassOverIdempotencyKey() { r.idempotencyKey, r.hasIdempotencyKey = "", false }

// Path gives a parameter of the path.
func (r *Request) Path(name string) string { return r.path[name] }

// Mistake notes what is wrong with a query parameter or header.
func (r *Request) Mistake(name, detail string) {
	r.mistakes = append(r.mistakes, mci.Mistake{Pointer: "/" + name, Detail: detail})
}

// Query gives a query parameter, "" where there is none. One that is given and empty is a mistake.
func (r *Request) Query(name string) string {
	value, given := r.query[name]
	if given && value == "" {
		r.Mistake(name, "must not be empty")
	}
	return value
}

// QueryOneOf gives a query parameter that must be one of the words; otherwise stands for one that is not given.
func QueryOneOf[T ~string](r *Request, name string, words []T, otherwise T) T {
	value := T(r.Query(name))
	switch {
	case value == "":
		return otherwise
	case !slices.Contains(words, value):
		r.Mistake(name, "must be one of "+mci.Join(words))
	}
	return value
}

// Limit is how many rows a page may have: 1 to 100, 25 unless given.
func (r *Request) Limit() int {
	text := r.Query("limit")
	if text == "" {
		return 25
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > 100 {
		r.Mistake("limit", "must be a whole number from 1 to 100")
		return 1
	}
	return limit
}

// maxIdempotencyKey is how long an Idempotency-Key may be.
const maxIdempotencyKey = 255

// Mistakes gives all that is wrong with the request so far: its body, its query, its headers.
func (r *Request) Mistakes() []mci.Mistake {
	values, _ := url.ParseQuery(r.rawQuery) // what cannot be read is no parameter to the gateway either
	repeated := func(name string) bool { return len(values[name]) > 1 }
	all := slices.DeleteFunc(slices.Clone(r.mistakes), func(m mci.Mistake) bool { return repeated(m.Pointer[1:]) })
	for _, name := range slices.Sorted(maps.Keys(r.query)) {
		switch {
		case !slices.Contains(r.Route.Query, name):
			all = append(all, mci.Mistake{Pointer: "/" + name, Detail: "is not a query parameter that is known here"})
		case repeated(name): // its values came joined, and mistakes in them are not told
			all = append(all, mci.Mistake{Pointer: "/" + name, Detail: "is given more than once"})
		}
	}
	if r.hasIdempotencyKey {
		invisible := func(c rune) bool { return c <= ' ' || c > '~' }
		if length := len(r.idempotencyKey); length < 1 || length > maxIdempotencyKey ||
			strings.ContainsFunc(r.idempotencyKey, invisible) {
			all = append(all, mci.Mistake{Pointer: "/Idempotency-Key",
				Detail: fmt.Sprintf("must be 1 to %d visible ASCII characters", maxIdempotencyKey)})
		}
	}
	if r.Body != nil {
		all = append(all, r.Body.Mistakes()...)
	}
	return all
}

// Valid refuses the request if it has mistakes, with those found elsewhere.
func (r *Request) Valid(more ...mci.Mistake) error {
	return mci.RefuseInvalid(append(r.Mistakes(), more...))
}

// Idempotency is what the request's Idempotency-Key binds (D13).
func (r *Request) Idempotency() mci.IdempotentRequest {
	parameters := make([]string, 0, len(r.path))
	for _, name := range slices.Sorted(maps.Keys(r.path)) {
		parameters = append(parameters, r.path[name])
	}
	return mci.IdempotentRequest{
		PartnerID: r.Caller.PartnerID, UserID: r.Caller.UserID, IdempotencyKey: r.idempotencyKey, Body: r.rawBody,
		Route: r.Route.Key() + " " + strings.Join(parameters, " "),
	}
}
