// Package abuse has partners and strangers try what is not theirs: IDs of another partner on every route, and consent
// tokens that are guessed, cut or another claim's. Neither the answer nor what is asked of the table tells right from
// wrong.
package abuse

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
)

func TestMain(m *testing.M) {
	localtest.Main(m, func(config *cloud.Config) { config.Output = io.Discard })
}

// victim is a partner with something of everything.
type victim struct {
	story.Partner
	customer story.Customer
	claims   []story.Claim // in every status that can be brought about at once
}

func newVictim(t *testing.T, engagement string) victim {
	t.Helper()
	v := victim{Partner: story.NewPartner(t)}
	for _, status := range []mci.Status{
		mci.ConsentNotSent, mci.ConsentPending, mci.Consented, mci.Submitted, mci.ActionRequired, mci.Completed,
		mci.Rejected,
		mci.Declined, mci.Cancelled,
	} {
		v.customer = story.NewCustomer(t, engagement)
		claim, _ := v.Bring(t, status, v.customer, engagement)
		v.claims = append(v.claims, claim)
	}
	localtest.WaitDrained(t)
	return v
}

// TestNoIDOfAnotherPartnerOpensAnything tries each of a partner's IDs, as another partner's user with every role of a
// partner, on every route.
func TestNoIDOfAnotherPartnerOpensAnything(t *testing.T) {
	engagement := story.Engagement(t, story.WithCoSell(false))
	v, thief := newVictim(t, engagement), story.NewPartner(t)
	token := localtest.Token(t, thief.ID, thief.User, mci.IncentivesAdmin, mci.IncentivesUser, mci.ReferralAdmin)
	before := stateOf(t, v)

	bodies := map[string]func(claim story.Claim) any{
		"POST /v1/claims/{claimId}/consent-requests": func(story.Claim) any { return story.FirstRequest("60000.00") },
		"POST /v1/claims/{claimId}/consent-previews": func(story.Claim) any { return story.Object{} },
		"POST /v1/claims/{claimId}/submission":       func(story.Claim) any { return story.Submission() },
		"POST /v1/claims/{claimId}/cancellation":     func(story.Claim) any { return story.Object{"reason": ""} },
		"POST /v1/claims/{claimId}/review": func(story.Claim) any {
			return story.Object{"decision": "complete",
				"reason": ""}
		},
		"POST /v1/referrals/{referralId}/upgrade": func(story.Claim) any { return story.Object{} },
		"POST /v1/customers/{customerId}/claims": func(story.Claim) any {
			return thief.ClaimBody(v.customer,
				[]string{engagement}, nil)
		},
		"POST /v1/customers":                           nil, // adding is open to all
		"POST /v1/eligibility-checks":                  nil,
		"POST /consent/{token}":                        nil, // public
		"GET /v1/claims/{claimId}":                     func(story.Claim) any { return nil },
		"GET /v1/claims/{claimId}/receipt":             func(story.Claim) any { return nil },
		"GET /v1/referrals/{referralId}":               func(story.Claim) any { return nil },
		"GET /v1/engagements/{engagementId}/customers": nil, // of the program
		"GET /v1/engagements/{engagementId}":           nil,
	}
	tried := 0
	for _, route := range rest.Routes {
		if !strings.Contains(route.Path, "{") || route.Public() {
			continue
		}
		body, known := bodies[route.Key()]
		if !known {
			t.Fatalf("%s is a route that this test does not know", route.Key())
		}
		if body == nil {
			continue
		}
		for _, claim := range v.claims {
			for _, id := range forms(claim.ID, thief.ID) {
				path := strings.NewReplacer("{claimId}", id, "{referralId}", "R"+id, "{customerId}",
					claim.Customer["id"].(string)).Replace(route.Path)
				answer := localtest.Call(t, route.Method, path, token, body(claim))
				tried++
				want := http.StatusNotFound
				if !route.Allows([]mci.Role{mci.IncentivesAdmin, mci.ReferralAdmin}) {
					want = http.StatusForbidden
				}
				if answer.Status != want {
					t.Errorf("%s %s answers %d %s", route.Method, path, answer.Status, answer.Body)
				}
				for _, request := range answer.Requests() {
					if strings.Contains(string(request.Body), v.ID) {
						t.Errorf("%s %s has read of the other partner: %s %s", route.Method, path, request.Action,
							request.Body)
					}
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d were tried", tried)
	}
	// What lists and searches show is the thief's own: nothing.
	for _, path := range []string{
		"/v1/claims", "/v1/claims?status=submitted", "/v1/claims?engagementId=" + engagement, "/v1/referrals",
		"/v1/referrals?type=partner-led",
		"/v1/engagements/" + engagement + "/customers", "/v1/engagements/" + engagement + "/customers?tab=complete",
		"/v1/engagements/" + engagement + "/customers?tab=ineligible",
	} {
		answer := localtest.Call(t, "GET", path, token, nil).Expect(t, 200)
		if strings.Contains(string(answer.Body), v.ID) || strings.Contains(string(answer.Body), v.customer.ID) {
			t.Errorf("%s shows %s", path, answer.Body)
		}
	}
	story.Refused(t, localtest.Call(t, "GET", "/v1/claims?partnerId="+v.ID, token, nil), 422, mci.Invalid)
	// The other partner's location cannot be worked at, whatever grant its user holds.
	foreign := thief.Nomination(v.customer, v.customer.By(mci.TPID), []string{engagement},
		story.Object{"locationId": v.Location})
	story.Refused(t, localtest.Call(t, "POST", "/v1/customers", token, foreign), 422, mci.Invalid)

	if after := stateOf(t, v); after != before {
		t.Errorf("the claims were\n%s\nand are\n%s", before, after)
	}
	soak.Audit(t)
}

// forms are the ID and what somebody might make of it: the same claim under one's own partner, in other letters, cut.
func forms(id, thief string) []string {
	claim := mci.ClaimID(id)
	return []string{id, string(mci.NewClaimID(claim.Ordinal(), thief)), strings.ToLower(id), id[:len(id)-1], id + "0",
		claim.Ordinal()}
}

// stateOf writes down the victim's claims.
func stateOf(t *testing.T, v victim) string {
	t.Helper()
	var lines []string
	for _, claim := range v.claims {
		now := v.Get(t, claim.ID)
		lines = append(lines, fmt.Sprintf("%s %s %d %s", now.ID, now.Status, now.Version, now.Types()))
	}
	return strings.Join(lines, "\n")
}

// own is what a token itself says: the hash of its secret, and its claim.
var own = regexp.MustCompile(`[0-9a-f]{64}|01[0-9A-HJKMNP-TV-Z]{24}`)

// asked writes down what a page's request asks of the table, without what the token itself says.
func asked(answer localtest.Response) string {
	var lines []string
	for _, request := range answer.Requests() {
		if request.Action == "GetPublicKey" || strings.Contains(string(request.Body), "ENGAGEMENTS") {
			continue // keys are read as a process starts, and the catalogue now and then, whoever asks
		}
		lines = append(lines, fmt.Sprintf("%s of %d bytes", request.Action,
			len(own.ReplaceAllString(string(request.Body), ""))))
	}
	return strings.Join(lines, "; ")
}

// tokens are such as are well formed: right, wrong, and right until a correction or a cancellation voided them.
func tokens(t *testing.T) map[string]string {
	t.Helper()
	engagement, p := story.Engagement(t, nil), story.NewPartner(t)
	right, link := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, engagement), engagement)
	_, otherLink := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, engagement), engagement)
	corrected, void := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, engagement), engagement)
	address := story.Object{"mismatchReason": "A sister.", "customerContact": story.Object{"name": "Lee",
		"email": story.Name("lee") + "@customer.example"}}
	story.Post(t, p.Token, corrected.ID, "consent-requests", address).Expect(t, 202)
	cancelled, ended := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, engagement), engagement)
	story.Post(t, p.Token, cancelled.ID, "cancellation", story.Object{"reason": ""}).Expect(t, 200)
	secret, _, _ := strings.Cut(strings.TrimPrefix(otherLink, "/consent/"), ".")
	return map[string]string{
		"right":           strings.TrimPrefix(link, "/consent/"),
		"guessed":         strings.Repeat("A", 43) + "." + right.ID,
		"another claim's": secret + "." + right.ID,
		"void":            strings.TrimPrefix(void, "/consent/"),
		"cancelled":       strings.TrimPrefix(ended, "/consent/"),
		"of no claim":     secret + ".01JD0000000000000000000000" + right.ID[26:],
	}
}

func TestD10_TheTableIsAskedTheSameForARightAndForAWrongToken(t *testing.T) {
	named := tokens(t)
	for _, method := range []string{"GET", "HEAD"} {
		for _, name := range slices.Sorted(maps.Keys(named)) {
			right := localtest.Call(t, method, "/consent/"+named["right"], "", nil).Expect(t, 200)
			answer := localtest.Call(t, method, "/consent/"+named[name], "", nil)
			if answer.Status != 200 && answer.Status != 404 {
				t.Errorf("%s of a %s token answers %d", method, name, answer.Status)
			}
			if got, want := asked(answer), asked(right); got != want || want == "" {
				t.Errorf("%s of a %s token asks %q, of the right one %q", method, name, got, want)
			}
		}
	}
}

func TestD10_WrongTokensAreAnsweredAlike(t *testing.T) {
	named := tokens(t)
	delete(named, "right")
	var first localtest.Response
	for name, token := range named {
		answer := localtest.Call(t, "GET", "/consent/"+token, "", nil).Expect(t, 404)
		if first.Body == nil {
			first = answer
		}
		for _, header := range []http.Header{answer.Header, first.Header} {
			header.Del("Date")
			header.Del(cloud.RequestIDHeader)
		}
		if string(answer.Body) != string(first.Body) || !maps.EqualFunc(answer.Header, first.Header,
			slices.Equal[[]string]) {
			t.Errorf("a %s token is answered otherwise: %v %s, not %v %s", name, answer.Header, answer.Body,
				first.Header, first.Body)
		}
	}
}

// TestD10_TheTimeOfAnAnswerDoesNotTellAWrongTokenFromAVoidOne is of clocks, and so for long runs alone. A token that
// was never right must take as long as one that was. Whether there is a claim of an ID takes its own time: the ID is no
// secret, and cannot be guessed.
func TestD10_TheTimeOfAnAnswerDoesNotTellAWrongTokenFromAVoidOne(t *testing.T) {
	if _, long := soak.Long(); !long {
		t.Skip("clocks say little in a short run")
	}
	named := tokens(t)
	delete(named, "right")
	delete(named, "of no claim")
	const rounds = 2000
	taken := map[string][]time.Duration{}
	for range rounds {
		for name, token := range named {
			began := time.Now()
			localtest.Call(t, "GET", "/consent/"+token, "", nil).Expect(t, 404)
			taken[name] = append(taken[name], time.Since(began))
		}
	}
	medians := map[string]float64{}
	shortest, longest := math.Inf(1), 0.0
	for name, times := range taken {
		slices.Sort(times)
		medians[name] = times[rounds/2].Seconds()
		shortest, longest = min(shortest, medians[name]), max(longest, medians[name])
	}
	if longest > 1.1*shortest {
		t.Errorf("the medians, in seconds, tell tokens apart: %v", medians)
	}
}
