// Command list-claims gives a partner its claims, newest first, and the program's staff those that wait for review,
// longest waiting first.
package main

import (
	"context"

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

// lookedAt is how many claims a page looks at to find those of one status or engagement, however few there are.
const lookedAt = 100

func (f function) list(ctx context.Context, r *rest.Request) (rest.Response, error) {
	status := rest.QueryOneOf(r, "status", mci.Statuses, "")
	engagementID, partnerID, limit, from := r.Query("engagementId"), r.Query("partnerId"), r.Limit(), r.Cursor()
	if partnerID != "" && partnerID != r.Caller.PartnerID && !r.Caller.Has(mci.ProgramAdmin) {
		r.Mistake("partnerId", "is for the program's staff; you see your own partner's claims without it")
	}
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	if partnerID == "" && !r.Caller.Has(mci.ProgramAdmin) {
		partnerID = r.Caller.PartnerID
	}
	reads := limit
	if status != "" || engagementID != "" {
		reads = max(limit, lookedAt)
	}

	var page table.Page[mci.Claim]
	var grants mci.Grants
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if partnerID == "" {
			page, err = f.table.SubmittedClaims(groupCtx, from, reads)
		} else {
			page, err = f.table.Claims(groupCtx, partnerID, from, reads)
		}
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
	wanted := func(claim mci.Claim) bool {
		return (status == "" || claim.Status == status) && (engagementID == "" || claim.EngagementID == engagementID)
	}
	order := table.Descending
	if partnerID == "" {
		order = table.Ascending
	}
	claims, next := table.MergeWhere(order, limit, wanted, table.MergeAs(page, asAtNow))
	list := rest.ClaimList{Claims: []rest.ClaimView{}, Cursor: r.NextCursor(next)}
	for _, claim := range claims {
		list.Claims = append(list.Claims, r.ViewClaim(claim, grants))
	}
	return rest.OK(list), nil
}
