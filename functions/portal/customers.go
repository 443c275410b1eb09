package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// tabs are those of the Customers page.
var tabs = []string{"eligible", "ineligible", "complete"}

// customers is the Customers page of an engagement (S1–S5).
func customers(v *visit) error {
	id := v.r.PathValue("id")
	query := v.asked("tab", "q", "cursor")
	tab := query.Get("tab")
	if !slices.Contains(tabs, tab) {
		tab = tabs[0]
		query.Set("tab", tab)
	}
	var rules engagement
	var found customersPage
	search := &form{v: v}
	group, ctx := errgroup.WithContext(v.r.Context())
	group.Go(func() (err error) {
		rules, err = v.api.engagement(ctx, id)
		return err
	})
	group.Go(func() (err error) {
		found, err = fill(time.Now, query, func(query url.Values) (customersPage, int, string, error) {
			page, err := v.api.customers(ctx, id, query)
			return page, len(page.Items), page.Cursor, err
		})
		if p := problemOf(err); p != nil && len(p.Errors) > 0 && p.Errors[0].Pointer == "/q" {
			search.note("q", v.mistake(v.words.say("search"), p.Errors[0].Detail))
			return nil
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	status, described := http.StatusOK, "q-hint"
	var wrong g.Node
	if sentence := search.problemsAt("q"); sentence != "" {
		status, described = http.StatusUnprocessableEntity, "q-hint q-problem"
		wrong = h.P(h.Class("problem"), h.ID("q-problem"), g.Text(sentence))
	}
	address := customersPath(id)
	var actions []g.Node
	if rules.State == "active" {
		actions = append(actions,
			h.A(h.Class("button primary"), h.Href(address+"/add"), v.words.text("addCustomer")),
			h.A(h.Class("button"), h.Href(address+"/import"), v.words.text("addFromFile")))
	}
	actions = append(actions, v.exportLink(address+".csv", url.Values{"tab": {tab}, "q": query["q"]}))
	var state g.Node
	if rules.State != "active" {
		state = h.P(h.Class("note"), v.words.text("engagementIs."+rules.State, "from", v.words.day(rules.StartsOn),
			"to", v.words.day(rules.EndsOn)))
	}
	var note g.Node
	if found.Note != "" {
		note = h.P(h.Class("note"), v.words.text("opportunitiesOnly"))
	}
	nothing := "nothing." + tab
	if query.Get("q") != "" {
		nothing = "nothing.search"
	}
	return v.show(page{
		Title:  rules.Name,
		Before: v.words.say("tab." + tab),
		Status: status,
		Lead: []g.Node{
			h.P(h.Class("hint"), g.Text(rules.SolutionArea), g.Text(" · "), g.Text(payText(v.words, rules))),
			state,
			h.Details(h.Class("rules"), h.Summary(v.words.text("rules")), v.rules(rules)),
		},
		Content: []g.Node{
			search.summary(field{Name: "q"}),
			h.P(h.Class("actions"), g.Group(actions)),
			v.tabLinks(address, tab, query.Get("q")),
			h.Form(h.Class("search"), h.Role("search"), h.Method("get"), h.Action(address),
				hidden("tab", tab),
				h.Label(h.For("q"), v.words.text("search")),
				h.P(h.Class("hint"), h.ID("q-hint"), v.words.text("searchHint")), wrong,
				h.Div(h.Class("inline"),
					h.Input(h.Type("search"), h.ID("q"), h.Name("q"), h.Value(query.Get("q")),
						h.Aria("describedby", described), g.If(wrong != nil, h.Aria("invalid", "true")),
						h.MaxLength("253")),
					h.Button(h.Type("submit"), v.words.text("find"))),
			),
			note,
			g.Iff(wrong == nil, func() g.Node {
				return table(v, v.words.say("tab."+tab), v.words.say(nothing), customerColumns(id)[tab], found.Items)
			}),
			v.pager(v.words.say("tab."+tab), "cursor", found.Cursor),
		},
	})
}

// fill reads on while pages of a list are empty, for a moment: only a missing cursor ends a list.
func fill[T any](now func() time.Time, query url.Values, read func(url.Values) (page T, rows int, cursor string,
	err error)) (T, error) {
	for began := now(); ; {
		page, rows, cursor, err := read(query)
		if err != nil || rows > 0 || cursor == "" || now().Sub(began) > 2*time.Second {
			return page, err
		}
		query.Set("cursor", cursor)
	}
}

func (v *visit) tabLinks(address, current, q string) g.Node {
	links := make([]g.Node, len(tabs))
	for i, tab := range tabs {
		query := url.Values{"tab": {tab}}
		if q != "" {
			query.Set("q", q)
		}
		links[i] = h.Li(h.A(h.Href(address+"?"+query.Encode()), g.If(tab == current, h.Aria("current", "page")),
			v.words.text("tab."+tab)))
	}
	return h.Nav(h.Class("tabs"), h.Aria("label", v.words.say("tabs")), h.Ul(links...))
}

// customerColumns are the columns of each tab.
func customerColumns(engagementID string) map[string][]column[customerRow] {
	name := shown("customer", func(_ *words, r customerRow) string { return r.Customer.Name }, nil)
	country := inFile("country", func(_ *words, r customerRow) string { return r.Customer.Country })
	ids := shown("customerIDs", func(w *words, r customerRow) string {
		return strings.Join(customerIDs(w, r.CustomerIDs),
			"; ")
	},
		func(v *visit, r customerRow) g.Node { return list(customerIDs(v.words, r.CustomerIDs)) })
	status := shown("status", func(w *words, r customerRow) string {
		if r.Claim == nil {
			return w.say("notClaimed")
		}
		return statusText(w, *r.Claim)
	}, func(v *visit, r customerRow) g.Node {
		if r.Claim == nil {
			return v.words.text("notClaimed")
		}
		return statusNode(v, *r.Claim)
	})
	ofClaim := func(text func(w *words, c claim) string) func(*words, customerRow) string {
		return func(w *words, r customerRow) string {
			if r.Claim == nil {
				return ""
			}
			return text(w, *r.Claim)
		}
	}
	theClaim := shown("claim", ofClaim(func(_ *words, c claim) string { return c.FriendlyName }),
		func(_ *visit, r customerRow) g.Node {
			if r.Claim == nil {
				return g.Text("–")
			}
			return link(claimPath(r.Claim.ID), r.Claim.FriendlyName)
		})
	claimID := inFile("claimID", ofClaim(func(_ *words, c claim) string { return c.ID }))
	due := shown("due", ofClaim(dueText), func(v *visit, r customerRow) g.Node {
		if r.Claim == nil || r.Claim.Due == nil {
			return g.Text("–")
		}
		return dueNode(v, *r.Claim)
	})
	return map[string][]column[customerRow]{
		"eligible": {name, country, ids, theClaim, claimID, status, due,
			onPage("actions", func(v *visit, r customerRow) g.Node {
				return h.Div(h.Class("row-actions"), v.rowActions(engagementID, r))
			})},
		"ineligible": {name, country, ids, shown("reasons", func(w *words, r customerRow) string {
			return strings.Join((&visit{words: w}).reasons(r.Reasons), " ")
		}, func(v *visit, r customerRow) g.Node { return list(v.reasons(r.Reasons)) })},
		"complete": {name, country, theClaim, claimID, status, shown("ended", ofClaim(func(w *words, c claim) string {
			if c.EndedAt == nil {
				return ""
			}
			return w.instant(*c.EndedAt)
		}), func(v *visit, r customerRow) g.Node {
			if r.Claim == nil || r.Claim.EndedAt == nil {
				return nil
			}
			return v.words.at(*r.Claim.EndedAt)
		})},
	}
}

// rowActions are links to what is next for a customer (S2).
func (v *visit) rowActions(engagementID string, r customerRow) g.Node {
	var links g.Group
	for _, action := range r.Actions {
		address := ""
		switch {
		case action == "claim-customer":
			address = "/portal/customers/" + url.PathEscape(r.Customer.ID) + "/claim?engagement=" +
				url.QueryEscape(engagementID)
		case r.Claim != nil && actionPaths[action] != "":
			address = claimPath(r.Claim.ID) + actionPaths[action]
		default:
			continue
		}
		links = append(links, h.A(h.Class("button"), h.Href(address), v.words.text("action."+action)))
	}
	return links
}

func customersCSV(v *visit) error {
	query := v.asked("tab", "q")
	tab := query.Get("tab")
	if !slices.Contains(tabs, tab) {
		tab = tabs[0]
		query.Set("tab", tab)
	}
	id := v.r.PathValue("id")
	return export(v, csvName(id, tab), customerColumns(id)[tab], func(cursor string) ([]customerRow, string, error) {
		page, err := v.api.customers(v.r.Context(), id, pageOf(query, cursor))
		return page.Items, page.Cursor, err
	})
}
