package rest

import (
	"context"
	"net/http"
	"strconv"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

// ClaimList is a list of claims as the API shows it.
type ClaimList struct {
	Claims []Claim `json:"claims"`
	Cursor string  `json:"cursor,omitempty"`
}

// NotGranted refuses to write at a location on which the user holds no grant (S8, D17).
func NotGranted(locationID string) error {
	return mci.Refuse(mci.LocationNotGranted, "You hold no grant on location "+locationID+"; ask your company's administrator for one.")
}

// CheckNomination gives the engagements chosen, and the mistakes that only the table can tell: a location that is not the
// partner's, an engagement that the program does not have.
func CheckNomination(locationID string, isPartners bool, engagementIDs []string, catalogue table.Catalogue) ([]mci.Mistake, []mci.Engagement) {
	var mistakes []mci.Mistake
	if locationID != "" && !isPartners {
		mistakes = append(mistakes, mci.Mistake{Pointer: "/locationId", Detail: "is not a location of yours"})
	}
	chosen := make([]mci.Engagement, len(engagementIDs))
	for i, id := range engagementIDs {
		engagement, found := catalogue[id]
		if !found && id != "" {
			mistakes = append(mistakes, mci.Mistake{Pointer: "/engagementIds/" + strconv.Itoa(i), Detail: "is not an engagement of the program"})
		}
		chosen[i] = engagement
	}
	return mistakes, chosen
}

// CommitBirths decides on a nomination and commits its claims, the customer as nominated, and the answer for whoever repeats
// the request, in one transaction. 1 round trip; per claim 2 units per KB of the claim, its event, its private detail and its
// participation.
func CommitBirths(ctx context.Context, t *table.Table, r *Request, n mci.Nomination, ids []mci.ClaimID, act mci.Act, grants mci.Grants) (Answer, error) {
	changes, nominated, err := n.Decide(ids, act)
	if err != nil {
		return Answer{}, err
	}
	list := ClaimList{}
	writes := [][]table.Write{t.Nomination(n.Standing.Nominated, nominated)}
	for _, change := range changes {
		list.Claims = append(list.Claims, ViewClaim(change.After, r.Caller, grants))
		writes = append(writes, t.Birth(change, n.Standing.Participations[change.After.EngagementID], act.At))
	}
	answer, keep, err := Keep(t, r, Answer{http.StatusCreated, list})
	if err != nil {
		return Answer{}, err
	}
	if err := t.Commit(ctx, append(writes, keep)...); err != nil {
		return Answer{}, err
	}
	platform.Count(changes...)
	return answer, nil
}
