// Command list-referrals shows referrals to those who sell: a partner's own to its referral admins, co-sell ones to
// field sellers, all to the program's staff (S26, S27).
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
	environment := platform.Open("list-referrals")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{
		"GET /v1/referrals":              f.list,
		"GET /v1/referrals/{referralId}": f.get,
	})
}

type function struct{ table *table.Table }

// lookedAt is how many of the partner's own claims a page looks at to find those to show, however few there are.
const lookedAt = 100

func (f function) list(ctx context.Context, r *rest.Request) (rest.Response, error) {
	asked := rest.QueryOneOf(r, "type", mci.ReferralTypes, "")
	limit, from := r.Limit(), r.Cursor()
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	lists, err := f.read(ctx, r.Caller, asked, from, limit)
	if err != nil {
		return rest.Response{}, err
	}
	// What is not of the type asked for has been upgraded since it was listed, or is the partner's of the other type; a
	// partner's own that is co-sell is on two lists of a field seller's who is its referral admin.
	seen := map[mci.ClaimID]bool{}
	shown := func(claim mci.Claim) bool {
		again := seen[claim.ID]
		seen[claim.ID] = true
		return !again && claim.Referral != nil && (asked == "" || claim.Referral.Type == asked) &&
			maySee(r.Caller, claim)
	}
	page := struct {
		Referrals []mci.ReferralSummary `json:"referrals"`
		Cursor    string                `json:"cursor,omitempty"`
	}{Referrals: []mci.ReferralSummary{}}
	claims, next := table.MergeWhere(table.Descending, limit, shown, lists...)
	for _, claim := range claims {
		page.Referrals = append(page.Referrals, claim.At(r.Now).ReferralSummary())
	}
	page.Cursor = r.NextCursor(next)
	return rest.OK(page), nil
}

// read reads the lists of which the caller may see something: 2 round trips, whatever their number.
func (f function) read(ctx context.Context, caller rest.Caller, asked mci.ReferralType, from string,
	limit int) ([]table.List[mci.Claim], error) {
	everyPartners := caller.Has(mci.ProgramAdmin)
	var reads []func(ctx context.Context) (table.Page[mci.Claim], error)
	for _, t := range mci.ReferralTypes {
		if (asked == "" || asked == t) && (everyPartners || t == mci.CoSell && caller.Has(mci.FieldSeller)) {
			reads = append(reads, func(ctx context.Context) (table.Page[mci.Claim], error) {
				return f.table.Referrals(ctx, t, from, limit)
			})
		}
	}
	if !everyPartners && caller.PartnerID != "" && caller.Has(mci.ReferralAdmin) {
		reads = append(reads, func(ctx context.Context) (table.Page[mci.Claim], error) {
			// Those with a referral are among them.
			return f.table.Claims(ctx, caller.PartnerID, from, max(limit, lookedAt))
		})
	}
	same := func(claim *mci.Claim) mci.Claim { return *claim }
	lists := make([]table.List[mci.Claim], len(reads))
	group, ctx := errgroup.WithContext(ctx)
	for i, read := range reads {
		group.Go(func() error {
			page, err := read(ctx)
			lists[i] = table.MergeAs(page, same)
			return err
		})
	}
	return lists, group.Wait()
}

// maySee says whether a claim's referral is the caller's to see.
func maySee(caller rest.Caller, claim mci.Claim) bool {
	return caller.Has(mci.ProgramAdmin) ||
		caller.Has(mci.ReferralAdmin) && caller.PartnerID != "" && claim.PartnerID == caller.PartnerID ||
		caller.Has(mci.FieldSeller) && claim.Referral.Type == mci.CoSell
}

func (f function) get(ctx context.Context, r *rest.Request) (rest.Response, error) {
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	id, isID := mci.ParseReferralID(r.Path("referralId"))
	own := r.Caller.Has(mci.ReferralAdmin) && id.PartnerID() == r.Caller.PartnerID
	if !isID || !own && !r.Caller.Has(mci.FieldSeller, mci.ProgramAdmin) {
		return rest.Response{}, mci.NoSuchReferral // another partner's is not even read
	}
	var claim mci.Claim
	var history mci.History
	var found bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		claim, found, err = f.table.Claim(ctx, id)
		return err
	})
	group.Go(func() (err error) {
		history, err = f.table.History(ctx, id)
		return err
	})
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}
	if !found || claim.Referral == nil || !maySee(r.Caller, claim) {
		return rest.Response{}, mci.NoSuchReferral
	}
	return rest.OK(view(claim.At(r.Now), history)), nil
}

// details are a referral with what its claim and its history say of it.
type details struct {
	mci.ReferralSummary
	PartnerContact mci.Contact      `json:"partnerContact"`
	ClaimStatus    mci.Status       `json:"claimStatus"`
	ConsentedAt    *time.Time       `json:"consentedAt,omitempty"`
	SubmissionDue  *time.Time       `json:"submissionDue,omitempty"`
	Payout         mci.Money        `json:"payout"`
	Events         []rest.EventView `json:"events"` // the referral's own
}

// view shows a claim's referral in detail.
func view(claim mci.Claim, history mci.History) details {
	shown := details{
		ReferralSummary: claim.ReferralSummary(), PartnerContact: claim.PartnerContact, ClaimStatus: claim.Status,
		ConsentedAt: claim.ConsentedAt, SubmissionDue: claim.SubmissionDue, Payout: claim.Payout,
		Events: []rest.EventView{},
	}
	for _, event := range history.Events {
		if event.Type.OfReferral() {
			shown.Events = append(shown.Events, rest.ViewEvent(event, event.Detail))
		}
	}
	return shown
}
