package rest

import (
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

// partnerRoles are roles in which one acts for a partner.
var partnerRoles = []mci.Role{mci.IncentivesAdmin, mci.IncentivesUser, mci.ReferralAdmin}

// admit refuses a caller whom the route is not for: by role, or because the role acts for a partner and the token names none.
// What every role may see needs no partner.
func (r Route) admit(caller Caller) error {
	if !r.Allows(caller.Roles) {
		return mci.Refuse(mci.Forbidden, "None of your roles opens this route; it takes one of "+mci.Join(r.Roles)+".")
	}
	withoutPartner := slices.DeleteFunc(slices.Clone(caller.Roles), func(role mci.Role) bool { return slices.Contains(partnerRoles, role) })
	if caller.PartnerID == "" && len(r.Roles) < len(mci.Roles) && !r.Allows(withoutPartner) {
		return mci.Refuse(mci.Forbidden, "Your token names no partner to act for.")
	}
	return nil
}

// callerOf reads the claims that the gateway's authorizer has verified and hands over as strings, arrays as [a b].
func callerOf(event Event, environment *platform.Environment) (Caller, error) {
	authorizer := event.RequestContext.Authorizer
	if authorizer == nil || authorizer.JWT == nil || authorizer.JWT.Claims["sub"] == "" {
		return Caller{}, mci.Refuse(mci.Unauthenticated, "Send a token: Authorization: Bearer ….")
	}
	claims := authorizer.JWT.Claims
	caller := Caller{PartnerID: claims[environment.Setting(platform.PartnerClaim)], UserID: claims["sub"]}
	roles := strings.Trim(claims[environment.Setting(platform.RolesClaim)], "[]")
	for _, role := range strings.FieldsFunc(roles, func(r rune) bool { return r == ' ' || r == ',' }) {
		caller.Roles = append(caller.Roles, mci.Role(role))
	}
	return caller, nil
}

// Request is a request to a JSON route, its caller known and its role checked.
type Request struct {
	Route  Route
	Caller Caller
	Now    time.Time
	Body   *Object // of a POST

	path, query       map[string]string
	rawQuery          string // in which it shows whether a parameter is given twice: the gateway has joined its values
	rawBody           []byte
	idempotencyKey    string
	hasIdempotencyKey bool
	mistakes          []mci.Mistake
}

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

// QueryOneOf gives a query parameter that is one of some words, or what it is where it is not given.
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
	all := slices.Clone(r.mistakes)
	for _, name := range slices.Sorted(maps.Keys(r.query)) {
		if !slices.Contains(r.Route.Query, name) {
			all = append(all, mci.Mistake{Pointer: "/" + name, Detail: "is not a query parameter that is known here"})
		}
	}
	values, _ := url.ParseQuery(r.rawQuery) // what cannot be read is no parameter to the gateway either
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			all = append(all, mci.Mistake{Pointer: "/" + name, Detail: "is given more than once"})
		}
	}
	if r.hasIdempotencyKey {
		visible := func(c rune) bool { return c <= ' ' || c > '~' }
		if length := len(r.idempotencyKey); length < 1 || length > maxIdempotencyKey || strings.ContainsFunc(r.idempotencyKey, visible) {
			all = append(all, mci.Mistake{Pointer: "/Idempotency-Key", Detail: fmt.Sprintf("must be 1 to %d visible ASCII characters", maxIdempotencyKey)})
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
