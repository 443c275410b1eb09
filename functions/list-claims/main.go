// Command list-claims gives a partner its claims, newest first or those with a deadline by that, and the program's
// staff those that wait for review, longest waiting first.
package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("list-claims")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"GET /v1/claims": f.list})
}

type function struct{ table *table.Table }

// lookedAt is how many claims a page looks at to find those that its filters want, however few there are.
const lookedAt = 100

// byDue orders a partner's open claims by the deadline that they run under, the soonest first.
const byDue = "due"

// query says which claims are asked for.
type query struct {
	partnerID    string // whose claims; "" for those of all partners that wait for review
	sort         string
	status       mci.Status
	engagementID string
	locationID   string
	emailStatus  mci.EmailStatus
	limit        int
	from         string
}

// read reads the query, and refuses one that has mistakes.
func read(r *rest.Request) (query, error) {
	q := query{
		partnerID: r.Query("partnerId"), sort: rest.QueryOneOf(r, "sort", []string{byDue}, ""),
		status: rest.QueryOneOf(r, "status", mci.Statuses, ""), engagementID: r.Query("engagementId"),
		locationID: r.Query("locationId"), emailStatus: rest.QueryOneOf(r, "emailStatus", mci.EmailStatuses, ""),
		limit: r.Limit(), from: r.Cursor(),
	}
	staff := r.Caller.Has(mci.ProgramAdmin)
	switch {
	case q.partnerID != "" && q.partnerID != r.Caller.PartnerID && !staff:
		r.Mistake("partnerId", "is for the program's staff; you see your own partner's claims without it")
	case q.partnerID == "" && staff && q.sort == byDue:
		r.Mistake("partnerId", "is required with sort=due: claims of all partners are listed by how long they wait "+
			"for review")
	case q.partnerID == "" && !staff:
		q.partnerID = r.Caller.PartnerID
	}
	return q, r.Valid()
}

// wants says whether a claim, as it stands now, is one that is looked for.
func (q query) wants(claim mci.Claim) bool {
	return (q.sort != byDue || claim.Due() != nil) && (q.partnerID != "" || claim.Status == mci.Submitted) &&
		(q.status == "" || claim.Status == q.status) &&
		(q.engagementID == "" || claim.EngagementID == q.engagementID) &&
		(q.locationID == "" || claim.LocationID == q.locationID) &&
		(q.emailStatus == "" || claim.Email.Status == q.emailStatus)
}

// filtered says that not every claim of the list is wanted.
func (q query) filtered() bool {
	return q.status != "" || q.engagementID != "" || q.locationID != "" || q.emailStatus != ""
}

// page reads the query's list: 1 round trip, or 2 where an index names its claims.
func (f function) page(ctx context.Context, q query, now time.Time) (table.Page[mci.Claim], error) {
	limit := q.limit
	if q.filtered() {
		limit = max(limit, lookedAt)
	}
	switch {
	case q.partnerID == "":
		return f.table.SubmittedClaims(ctx, q.from, limit)
	case q.sort == byDue:
		return f.table.OpenClaimsByDue(ctx, q.partnerID, now, q.from, limit)
	}
	return f.table.Claims(ctx, q.partnerID, q.from, limit)
}

func (f function) list(ctx context.Context, r *rest.Request) (rest.Response, error) {
	q, err := read(r)
	if err != nil {
		return rest.Response{}, err
	}
	var page table.Page[mci.Claim]
	var grants mci.Grants
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		page, err = f.page(groupCtx, q, r.Now)
		return err
	})
	if r.Caller.Incentives() {
		group.Go(func() (err error) {
			grants, err = f.table.Grants(groupCtx, r.Caller.PartnerID, r.Caller.UserID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}

	asAtNow := func(claim *mci.Claim) mci.Claim { return claim.At(r.Now) }
	order := table.Descending
	if q.partnerID == "" || q.sort == byDue {
		order = table.Ascending
	}
	claims, next := table.MergeWhere(order, q.limit, q.wants, table.MergeAs(page, asAtNow))
	list := rest.ClaimList{Claims: []rest.ClaimView{}, Cursor: r.NextCursor(next)}
	for _, claim := range claims {
		list.Claims = append(list.Claims, r.ViewClaim(claim, grants))
	}
	return rest.OK(list), nil
}
