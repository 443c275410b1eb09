package main

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"mci.example/customers/shared/mci"
)

// claimFilters are the query parameters by which the partner's claims are filtered.
var claimFilters = []string{"status", "engagementId", "locationId", "emailStatus"}

// claims lists the partner's claims, newest first.
func claims(v *visit) error {
	query := v.ownClaims(v.asked(append([]string{"cursor"}, claimFilters...)...))
	var found claimList
	var engagements []option
	var locations []option
	group, ctx := errgroup.WithContext(v.r.Context())
	group.Go(func() (err error) {
		found, err = fill(v.p.now, query, func(query url.Values) (claimList, int, string, error) {
			list, err := v.api.claims(ctx, query)
			return list, len(list.Claims), list.Cursor, err
		})
		return err
	})
	group.Go(func() error {
		all, err := v.allEngagements(ctx)
		for _, state := range engagementStates {
			for _, e := range all[state] {
				engagements = append(engagements, option{Value: e.ID, Text: e.Name})
			}
		}
		if err == nil {
			locations = v.locations(ctx, all["active"])
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for _, c := range found.Claims {
		locations = withOption(locations, c.LocationID, c.LocationName)
		engagements = withOption(engagements, c.EngagementID, c.EngagementName)
	}
	statuses := make([]option, len(mci.Statuses))
	for i, status := range mci.Statuses {
		statuses[i] = option{Value: string(status), Text: v.words.word("status", string(status))}
	}
	export := v.asked(claimFilters...)
	return v.show(page{Title: v.words.say("claims"), Content: []g.Node{
		h.Form(h.Class("filters"), h.Method("get"), h.Action("/portal/claims"),
			v.filter("status", query.Get("status"), statuses),
			v.filter("engagementId", query.Get("engagementId"), engagements),
			v.filter("locationId", query.Get("locationId"), locations),
			h.Button(h.Type("submit"), v.words.text("filter"))),
		h.P(h.Class("actions"), v.exportLink("/portal/claims.csv", export)),
		table(v, v.words.say("claims"), v.words.say("nothing.claims"), claimColumns, found.Claims),
		v.pager(v.words.say("claims"), "cursor", found.Cursor),
	}})
}

// locations gives those that the user may choose for the engagement that is open to most of the partner's. The page
// adds those of the claims that it lists. Without some a filter offers less, and the page is still right.
func (v *visit) locations(ctx context.Context, engagements []engagement) (locations []option) {
	if len(engagements) == 0 {
		return nil
	}
	widest := slices.MaxFunc(engagements, func(a, b engagement) int {
		return cmp.Compare(whole(a.EligibleLocations), whole(b.EligibleLocations))
	})
	detail, err := v.api.engagement(ctx, widest.ID)
	if err != nil {
		slog.Warn("reading locations", "request", requestID(v.r.Context()), "error", err)
	}
	for _, l := range detail.Locations {
		locations = withOption(locations, l.ID, l.Name)
	}
	slices.SortFunc(locations, func(a, b option) int { return cmp.Compare(a.Text, b.Text) })
	return locations
}

func whole(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// withOption adds a choice that is not among them.
func withOption(options []option, value, text string) []option {
	if value == "" || slices.ContainsFunc(options, func(o option) bool { return o.Value == value }) {
		return options
	}
	if text == "" {
		text = value
	}
	return append(options, option{Value: value, Text: text})
}

// filter is a select that narrows a list.
func (v *visit) filter(name, value string, options []option) g.Node {
	choices := []g.Node{h.Option(h.Value(""), v.words.text("all"))}
	for _, o := range withOption(options, value, value) {
		choices = append(choices, h.Option(h.Value(o.Value), g.If(o.Value == value, h.Selected()), g.Text(o.Text)))
	}
	return h.Div(h.Class("field"), h.Label(h.For(name), v.words.text("filter."+name)),
		h.Select(h.ID(name), h.Name(name), g.Group(choices)))
}

// claimColumns are those of the partner's claims.
var claimColumns = []column[claim]{
	shown("claim", func(_ *words, c claim) string { return c.FriendlyName }, func(_ *visit, c claim) g.Node {
		return link(claimPath(c.ID), c.FriendlyName)
	}),
	inFile("claimID", func(_ *words, c claim) string { return c.ID }),
	shown("customer", func(_ *words, c claim) string { return c.Customer.Name }, nil),
	shown("engagement", func(_ *words, c claim) string { return engagementName(c) }, nil),
	shown("location", func(_ *words, c claim) string { return locationName(c) }, nil),
	shown("status", statusText, statusNode),
	inFile("emailStatus", func(w *words, c claim) string {
		if c.EmailStatus == "" {
			return ""
		}
		return w.word("emailStatus", c.EmailStatus)
	}),
	shown("due", dueText, func(v *visit, c claim) g.Node {
		if c.Due == nil {
			return g.Text("–")
		}
		return dueNode(v, c)
	}),
	shown("payout", func(w *words, c claim) string { return w.money(c.Payout) }, nil),
	shown("created", func(w *words, c claim) string { return w.instant(c.CreatedAt) },
		func(v *visit, c claim) g.Node { return v.words.at(c.CreatedAt) }),
}

func locationName(c claim) string {
	if c.LocationName == "" {
		return c.LocationID
	}
	return c.LocationName
}

func claimsCSV(v *visit) error {
	query := v.ownClaims(v.asked(claimFilters...))
	return export(v, "claims", claimColumns, func(cursor string) ([]claim, string, error) {
		return v.claimsAt(query,
			cursor)
	})
}
