// Command list-customers lists the customers of an engagement for the three tabs of its Customers page. Eligible has
// those who may take part, with the next actions; Ineligible those who may not, with the reasons; Complete has the
// claims that have ended (S1-S5, S24).
package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

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

// query says which page is asked for.
type query struct {
	*rest.Request
	engagementID string
	tab          tab
	search       string // the start of a name, or a customer ID
	limit        int
	from         string
}

func (f function) list(ctx context.Context, r *rest.Request) (rest.Response, error) {
	q := query{Request: r, engagementID: r.Path("engagementId")}
	q.tab = rest.QueryOneOf(r, "tab", []tab{eligible, ineligible, complete}, eligible)
	q.search, q.limit, q.from = r.Query("q"), r.Limit(), r.Cursor()
	if err := mci.CheckText(q.search, mci.MaxName); err != nil && len(mci.IDsSpelled(q.search)) == 0 {
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
		answer.Note = "This engagement takes MSX opportunity IDs only: whether a customer may take part shows when " +
			"an opportunity is named, so there is nothing to show here."
		return rest.OK(answer), nil // S4, D7
	case q.tab == complete:
		answer.Items = found.complete(q)
	default:
		answer.Items = found.standing(q)
	}
	answer.Cursor = r.NextCursor(found.next)
	return rest.OK(answer), nil
}

// entry is what stands at one position of the page, before it is judged: an open or an ended claim, or a known
// customer.
type entry struct {
	claim *table.ListedClaim
	known *mci.NominatedCustomer
}

// position is the entry's place on its tab.
func (e entry) position() string {
	if e.known != nil {
		return table.CustomerPosition(e.known.Customer)
	}
	return e.claim.Position
}

func ofClaim(c *table.ListedClaim) entry     { return entry{claim: c} }
func ofKnown(k *mci.NominatedCustomer) entry { return entry{known: k} }

// found is a page as it was read.
type found struct {
	engagement mci.Engagement
	entries    []entry
	next       string
	named      []mci.DirectoryEntry // of the IDs that the search can be
	grants     mci.Grants
	mayClaim   bool // the caller has a location to choose (S8)
	table.PageStanding
}

// read reads a page: the lists, then what its entries are judged by. 2 round trips.
func (f function) read(ctx context.Context, q query) (found, error) {
	result, err := f.lists(ctx, q)
	if err != nil || q.tab == ineligible && result.engagement.OpportunitiesOnly() {
		return result, err
	}
	ask := table.PageCustomers{PartnerID: q.Caller.PartnerID, EngagementID: q.engagementID}
	for _, e := range result.entries {
		if e.known != nil {
			ask.CustomerIDs, ask.Known = append(ask.CustomerIDs, e.known.Customer.ID), append(ask.Known, *e.known)
			continue
		}
		ask.CustomerIDs, ask.Claims = append(ask.CustomerIDs, e.claim.CustomerID), append(ask.Claims, e.claim.ID)
		if q.tab != complete {
			ask.WithClaim = append(ask.WithClaim, e.claim.CustomerID)
		}
	}
	byID := make([]customerByID, len(result.named))
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		result.PageStanding, err = f.table.PageStanding(groupCtx, ask)
		return err
	})
	for i, named := range result.named {
		group.Go(func() (err error) {
			byID[i], err = f.byID(groupCtx, q, named)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return found{}, fmt.Errorf("judging the page's customers: %w", err)
	}
	result.add(q, byID)
	return result, nil
}

// lists reads the engagement, the caller's locations and grants, what the directory has on the IDs that the search can
// be, and of each list that the tab shows as many entries as the page has rows, by name, in parallel: 1 round trip.
// Complete looks at open claims too, for one past its deadline is over for every reader (D3).
func (f function) lists(ctx context.Context, q query) (found, error) {
	var result found
	var exists bool
	var locations []mci.Location
	var open, done table.Page[table.ListedClaim]
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
	group.Go(func() (err error) {
		result.named, err = f.table.DirectoryEntries(ctx, mci.IDsSpelled(q.search))
		return err
	})
	if q.tab != ineligible {
		group.Go(func() (err error) {
			open, err = f.table.OpenClaims(ctx, partnerID, q.engagementID, q.search, q.from, q.limit)
			return err
		})
	}
	group.Go(func() (err error) {
		if q.tab == complete {
			done, err = f.table.DoneClaims(ctx, partnerID, q.engagementID, q.search, q.from, q.limit)
		} else {
			known, err = f.table.KnownCustomers(ctx, partnerID, q.search, q.from, q.limit)
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
		table.MergeAs(open, ofClaim), table.MergeAs(done, ofClaim), table.MergeAs(known, ofKnown))
	return result, nil
}

// customerByID is a customer that is searched by one of its IDs, with this partner's claims for it.
type customerByID struct {
	standing mci.Standing
	claims   []mci.Claim
}

// byID reads the customer to whom the directory gives an ID, and this partner's claims for it on the engagement, in
// parallel: 1 round trip, or 2 where a domain's hint is stale.
func (f function) byID(ctx context.Context, q query, named mci.DirectoryEntry) (customerByID, error) {
	var result customerByID
	claims := func(ctx context.Context, customerID string) (err error) {
		result.claims, err = f.table.CustomerClaims(ctx, q.Caller.PartnerID, q.engagementID, customerID)
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		result.standing, err = f.table.StandingOf(groupCtx, q.Caller.PartnerID, named)
		if mci.CodeOf(err) == mci.CustomerNotFound { // a domain whose tenant is nobody's
			return nil
		}
		return err
	})
	group.Go(func() error { return claims(groupCtx, named.Customer) })
	if err := group.Wait(); err != nil {
		return customerByID{}, err
	}
	if owner := result.standing.Customer.ID; owner != named.Customer {
		return result, claims(ctx, owner)
	}
	return result, nil
}

// add adds to the page the entries of customers that were searched by an ID, where their name does not find them.
func (p *found) add(q query, customers []customerByID) {
	byName, seen := mci.SortName(q.search), map[string]bool{}
	var entries []entry
	add := func(e entry) {
		if position := e.position(); position > q.from && !strings.HasPrefix(position, byName) && !seen[position] {
			seen[position] = true
			entries = append(entries, e)
		}
	}
	for _, c := range customers {
		customer, nominated := c.standing.Customer, c.standing.Nominated
		if nominated.PartnerID == "" {
			continue
		}
		for _, claim := range c.claims {
			if p.Claims[claim.ID] = claim; q.tab == complete || q.tab == eligible && !claim.Status.Terminal() {
				add(ofClaim(&table.ListedClaim{ID: claim.ID, CustomerID: customer.ID,
					Position: table.ClaimPosition(claim)}))
			}
		}
		if q.tab != complete && nominated.Known() {
			add(ofKnown(&nominated))
		}
		p.Customers[customer.ID], p.Nominated[customer.ID] = customer.Summary(), nominated
		p.Participations[customer.ID] = c.standing.Participations[q.engagementID]
		for _, word := range c.standing.Words {
			if word.EngagementID == q.engagementID {
				p.Eligibility[word.CustomerID] = &word.Eligibility
			}
		}
	}
	if len(entries) == 0 {
		return
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.position(), b.position()) })
	p.entries, p.next = table.Merge(table.Ascending, q.limit,
		table.ListOf(p.entries, entry.position, p.next != ""), table.ListOf(entries, entry.position, false))
}

// present is a customer as the directory has it now (D34).
func (p found) present(listed mci.CustomerSummary) mci.CustomerSummary {
	if customer := p.Customers[listed.ID]; customer.ID != "" {
		return customer
	}
	return listed
}

// complete shows ended claims (S5): those that ended unseen are left out (S24, D16).
func (p found) complete(q query) []row {
	rows, shown := []row{}, map[mci.ClaimID]bool{}
	for _, e := range p.entries {
		claim, found := p.Claims[e.claim.ID] // one that is being born may be listed before it can be read
		// A claim that ended between the reading of two lists is on both.
		if claim = claim.At(q.Now); found && claim.Status.Terminal() && !claim.Hidden() && !shown[claim.ID] {
			shown[claim.ID] = true
			view := q.ViewClaim(claim, p.grants)
			rows = append(rows, row{Customer: p.present(claim.Customer), Claim: &view})
		}
	}
	return rows
}

// standing judges the page's customers, and shows those of the tab.
func (p found) standing(q query) []row {
	rows := []row{}
	for _, e := range p.entries {
		if e.claim != nil {
			claim, found := p.Claims[e.claim.ID]
			if claim = claim.At(q.Now); found && q.tab == eligible && !claim.Status.Terminal() {
				rows = append(rows, p.claimRow(q, claim, p.Nominated[claim.Customer.ID]))
			}
			continue
		}
		participation := p.Participations[e.known.Customer.ID]
		if participation.OpenClaim(q.Caller.PartnerID, q.Now) != "" {
			continue // its claim's own entry shows the customer (D20)
		}
		reasons, open := p.judge(q, *e.known, participation)
		switch {
		case q.tab == eligible && len(reasons) == 0:
			rows = append(rows, p.knownRow(q, *e.known, open))
		case q.tab == ineligible && len(reasons) > 0:
			rows = append(rows, row{Customer: p.present(e.known.Customer), CustomerIDs: idsOf(*e.known),
				Reasons: reasons})
		}
	}
	return rows
}

// judge gives the reasons why a known customer is ineligible, and whether one without reasons can be claimed. Where the
// engagement takes MSX opportunities alone, every known customer stands on Eligible, and limits and exclusivity alone
// say whether it can be claimed (D7).
func (p found) judge(q query, known mci.NominatedCustomer, participation mci.Participation) (reasons []mci.Reason,
	open bool) {
	if p.engagement.OpportunitiesOnly() {
		return nil, participation.Open(p.engagement, q.Caller.PartnerID, q.Now)
	}
	candidates := make([]mci.Candidate, len(known.IDs))
	for i, id := range known.IDs {
		candidates[i] = mci.Candidate{
			Engagement: p.engagement, PartnerID: q.Caller.PartnerID, CustomerID: known.Customer.ID, ID: id,
			Eligibility: p.Eligibility[id.CustomerID], Participation: participation, Now: q.Now,
		}
	}
	_, reasons = mci.FirstEligible(candidates)
	return reasons, true
}

// claimRow shows a customer whose claim is open, with what is next for the claim (S2, D20).
func (p found) claimRow(q query, claim mci.Claim, nominated mci.NominatedCustomer) row {
	view := q.ViewClaim(claim, p.grants)
	known := nominated.Known()
	return row{Customer: p.present(claim.Customer), CustomerIDs: idsOf(nominated), Known: &known, Claim: &view,
		Actions: &view.Actions}
}

// knownRow shows a known customer, whom the partner may claim where that is open (S2, S19).
func (p found) knownRow(q query, customer mci.NominatedCustomer, open bool) row {
	known, actions := true, []mci.Action{}
	if open && p.mayClaim && p.engagement.State(q.Now) == mci.Active {
		actions = append(actions, mci.ActionClaimCustomer)
	}
	return row{Customer: p.present(customer.Customer), CustomerIDs: idsOf(customer), Known: &known, Actions: &actions}
}

func idsOf(customer mci.NominatedCustomer) []mci.CustomerID {
	ids := make([]mci.CustomerID, len(customer.IDs))
	for i, id := range customer.IDs {
		ids[i] = id.CustomerID
	}
	return ids
}
