// Command list-customers is the Customers page of an engagement: who may take part and what is next for each, who may
// not and why, and what is over (S1-S5, S24).
package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("list-customers")
	f := function{clients.Table(environment)}
	rest.Start(environment, map[string]rest.Handler{"GET /v1/engagements/{engagementId}/customers": f.list})
}

type function struct{ table *table.Table }

// tab is one of the page's three.
type tab string

const (
	eligible   tab = "eligible"
	ineligible tab = "ineligible"
	complete   tab = "complete"
)

// page is the answer.
type page struct {
	Engagement struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"engagement"`
	Tab    tab    `json:"tab"`
	Items  []row  `json:"items"`
	Cursor string `json:"cursor,omitempty"`
	Note   string `json:"note,omitempty"`
}

// row is a customer, or on Complete a claim, with what its tab shows.
type row struct {
	Customer    mci.CustomerSummary `json:"customer"`
	CustomerIDs []mci.CustomerID    `json:"customerIds,omitempty"`
	Known       *bool               `json:"known,omitempty"`
	Claim       *rest.ClaimView     `json:"claim,omitempty"`
	Actions     *[]mci.Action       `json:"actions,omitempty"`
	Reasons     []mci.Reason        `json:"reasons,omitempty"`
}

// query is what is looked for.
type query struct {
	*rest.Request
	engagementID string
	tab          tab
	name         string // its start
	limit        int
	from         string
}

func (f function) list(ctx context.Context, r *rest.Request) (rest.Response, error) {
	q := query{Request: r, engagementID: r.Path("engagementId")}
	q.tab = rest.QueryOneOf(r, "tab", []tab{eligible, ineligible, complete}, eligible)
	q.name, q.limit, q.from = r.Query("q"), r.Limit(), r.Cursor()
	if err := mci.CheckText(q.name, mci.MaxName); err != nil {
		r.Mistake("q", err.Error())
	}
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	found, err := f.read(ctx, q)
	if err != nil {
		return rest.Response{}, err
	}

	answer := page{Tab: q.tab, Items: []row{}}
	answer.Engagement.ID, answer.Engagement.Name = found.engagement.ID, found.engagement.Name
	switch {
	case q.tab == ineligible && found.engagement.OpportunitiesOnly():
		answer.Note = "This engagement takes MSX opportunity IDs only: whether a customer may take part shows when an opportunity is named, so there is nothing to show here."
		return rest.OK(answer), nil // S4, D7
	case q.tab == complete:
		answer.Items = found.complete(q)
	default:
		if answer.Items, err = f.standing(ctx, q, found); err != nil {
			return rest.Response{}, err
		}
	}
	answer.Cursor = r.NextCursor(found.next)
	return rest.OK(answer), nil
}

// entry is what stands at one position of the page, before it is judged: an open or an ended claim, or a known
// customer.
type entry struct {
	claim *mci.Claim
	known *mci.NominatedCustomer
}

// found is what the first step reads.
type found struct {
	engagement mci.Engagement
	entries    []entry
	next       string
	grants     mci.Grants
	mayClaim   bool // the caller has a location to choose (S8)
}

// read reads the engagement, the caller's locations and grants, and of each list that the tab shows as many entries as
// the page has rows, by name, in parallel: 1 round trip. Complete looks at open claims too, for one past its deadline
// is over for every reader (D3).
func (f function) read(ctx context.Context, q query) (found, error) {
	var result found
	var exists bool
	var locations []mci.Location
	var open, done table.Page[mci.Claim]
	var known table.Page[mci.NominatedCustomer]
	partnerID := q.Caller.PartnerID
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		result.engagement, exists, err = f.table.Engagement(ctx, q.engagementID)
		return err
	})
	group.Go(func() (err error) {
		locations, err = f.table.Locations(ctx, partnerID)
		return err
	})
	group.Go(func() (err error) {
		result.grants, err = f.table.Grants(ctx, partnerID, q.Caller.UserID)
		return err
	})
	if q.tab != ineligible {
		group.Go(func() (err error) {
			open, err = f.table.OpenClaims(ctx, partnerID, q.engagementID, q.name, q.from, q.limit)
			return err
		})
	}
	group.Go(func() (err error) {
		if q.tab == complete {
			done, err = f.table.DoneClaims(ctx, partnerID, q.engagementID, q.name, q.from, q.limit)
		} else {
			known, err = f.table.KnownCustomers(ctx, partnerID, q.name, q.from, q.limit)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return found{}, err
	}
	if !exists {
		return found{}, mci.NoSuchEngagement
	}
	result.mayClaim = len(result.grants.Choosable(locations, q.engagementID)) > 0
	result.entries, result.next = table.Merge(table.Ascending, q.limit,
		table.MergeAs(open, func(c *mci.Claim) entry { return entry{claim: c} }),
		table.MergeAs(done, func(c *mci.Claim) entry { return entry{claim: c} }),
		table.MergeAs(known, func(k *mci.NominatedCustomer) entry { return entry{known: k} }))
	return result, nil
}

// complete shows ended claims (S5): those that ended unseen are left out (S24, D16).
func (p found) complete(q query) []row {
	rows := []row{}
	for _, e := range p.entries {
		claim := e.claim.At(q.Now)
		if claim.Status.Terminal() && !claim.Hidden() {
			view := q.ViewClaim(claim, p.grants)
			rows = append(rows, row{Customer: claim.Customer, Claim: &view})
		}
	}
	return rows
}

// standing judges the page's customers, by what BatchGetItem gives in 1 round trip, and shows those of the tab.
func (f function) standing(ctx context.Context, q query, p found) ([]row, error) {
	ask := table.PageCustomers{PartnerID: q.Caller.PartnerID, EngagementID: q.engagementID}
	for _, e := range p.entries {
		if e.known != nil {
			ask.Customers = append(ask.Customers, *e.known)
		} else {
			ask.CustomerIDs = append(ask.CustomerIDs, e.claim.Customer.ID)
		}
	}
	standing, err := f.table.PageStanding(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("judging the page's customers: %w", err)
	}

	rows := []row{}
	for _, e := range p.entries {
		if e.claim != nil {
			if claim := e.claim.At(q.Now); q.tab == eligible && !claim.Status.Terminal() {
				rows = append(rows, p.claimRow(q, claim, standing.Nominated[claim.Customer.ID]))
			}
			continue
		}
		participation := standing.Participations[e.known.Customer.ID]
		if participation.OpenClaim(q.Caller.PartnerID, q.Now) != "" {
			continue // its claim's own entry shows the customer (D20)
		}
		candidates := make([]mci.Candidate, len(e.known.IDs))
		for i, id := range e.known.IDs {
			candidates[i] = mci.Candidate{
				Engagement: p.engagement, PartnerID: q.Caller.PartnerID, CustomerID: e.known.Customer.ID, ID: id,
				Eligibility: standing.Eligibility[id.CustomerID], Participation: participation, Now: q.Now,
			}
		}
		var reasons []mci.Reason
		if !p.engagement.OpportunitiesOnly() { // of such, every known customer stands on Eligible (D7)
			_, reasons = mci.FirstEligible(candidates)
		}
		switch {
		case q.tab == eligible && len(reasons) == 0:
			rows = append(rows, p.knownRow(q, *e.known))
		case q.tab == ineligible && len(reasons) > 0:
			rows = append(rows, row{Customer: e.known.Customer, CustomerIDs: idsOf(*e.known), Reasons: reasons})
		}
	}
	return rows, nil
}

// claimRow shows a customer whose claim is open, with what is next for the claim (S2, D20).
func (p found) claimRow(q query, claim mci.Claim, nominated mci.NominatedCustomer) row {
	view := q.ViewClaim(claim, p.grants)
	known := nominated.Known()
	return row{Customer: claim.Customer, CustomerIDs: idsOf(nominated), Known: &known, Claim: &view,
		Actions: &view.Actions}
}

// knownRow shows a customer whom the partner may claim (S2, S19).
func (p found) knownRow(q query, customer mci.NominatedCustomer) row {
	known, actions := true, []mci.Action{}
	if p.mayClaim && p.engagement.State(q.Now) == mci.Active {
		actions = append(actions, mci.ActionClaimCustomer)
	}
	return row{Customer: customer.Customer, CustomerIDs: idsOf(customer), Known: &known, Actions: &actions}
}

func idsOf(customer mci.NominatedCustomer) []mci.CustomerID {
	ids := make([]mci.CustomerID, len(customer.IDs))
	for i, id := range customer.IDs {
		ids[i] = id.CustomerID
	}
	return ids
}
