package main

import (
	"net/http"
	"net/url"
	"slices"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// queueOfHome is the review queue on Home.
func queueOfHome(v *visit, parameter string) (g.Node, error) {
	list, err := v.filledClaims(v.pageAsked(parameter))
	if err != nil {
		return nil, err
	}
	return g.Group{
		h.P(h.Class("lead"), v.words.text("queueLead")),
		table(v, v.words.say("reviewQueue"), v.words.say("nothing.queue"), queueColumns, list.Claims),
		v.pager(v.words.say("reviewQueue"), parameter, list.Cursor),
		h.P(h.Class("actions"), v.exportLink("/portal/review.csv", nil)),
	}, nil
}

// reviewQueue lists the submitted claims of all partners, longest waiting first (P7).
func reviewQueue(v *visit) error {
	queue, err := queueOfHome(v, "cursor")
	if err != nil {
		return err
	}
	return v.show(page{Title: v.words.say("reviewQueue"), Content: []g.Node{queue}})
}

// queueColumns are those of the review queue.
var queueColumns = []column[claim]{
	shown("claim", func(_ *words, c claim) string { return c.FriendlyName }, func(_ *visit, c claim) g.Node {
		return link(claimPath(c.ID), c.FriendlyName)
	}),
	inFile("claimID", func(_ *words, c claim) string { return c.ID }),
	shown("partner", func(_ *words, c claim) string {
		if c.PartnerName == "" {
			return c.PartnerID
		}
		return c.PartnerName
	}, nil),
	shown("customer", func(_ *words, c claim) string { return c.Customer.Name }, nil),
	shown("engagement", func(_ *words, c claim) string { return engagementName(c) }, nil),
	shown("payout", func(w *words, c claim) string { return w.money(c.Payout) }, nil),
	shown("submitted", func(w *words, c claim) string {
		if c.SubmittedAt == nil {
			return ""
		}
		return w.instant(*c.SubmittedAt)
	}, func(v *visit, c claim) g.Node { return v.instantOf(c.SubmittedAt) }),
}

func reviewQueueCSV(v *visit) error {
	return export(v, "review-queue", queueColumns, func(cursor string) ([]claim, string, error) {
		return v.claimsAt(url.Values{}, cursor)
	})
}

// reviewDecisions are the buttons of the review, in order.
var reviewDecisions = []struct{ value, class string }{{"complete", "primary"}, {"return", ""}, {"reject", "danger"}}

// reviewField is the review's one field.
var reviewField = field{Name: "reason", Kind: longField, Pointer: "/reason", Optional: true, Max: 500}

// reviewSection shows what speaks against a claim's consent (D24), and the form that reviews the claim.
func (v *visit) reviewSection(c claim, f *form) g.Node {
	var signals g.Node
	if v.user.has("program-admin") {
		signals = h.P(h.Class("note good"), v.words.text("noSignals"))
		if len(c.Signals) > 0 {
			items := make([]g.Node, len(c.Signals))
			for i, signal := range c.Signals {
				sentence := signal.Detail
				if key := "signal." + signal.Code; v.words.knows(key) {
					sentence = v.words.say(key)
				}
				items[i] = h.Li(g.Text(sentence))
			}
			signals = h.Div(h.Class("note bad"), h.P(v.words.text("signals")), h.Ul(items...))
		}
	}
	if !c.can("review-claim") {
		if len(c.Signals) == 0 {
			return nil
		}
		return signals
	}
	buttons := make([]g.Node, len(reviewDecisions))
	for i, decision := range reviewDecisions {
		buttons[i] = h.Button(h.Type("submit"), g.If(decision.class != "", h.Class(decision.class)), h.Name("decision"),
			h.Value(decision.value),
			v.words.text("review."+decision.value))
	}
	return h.Section(h.Aria("labelledby", "review"), h.H2(h.ID("review"), v.words.text("review")), signals,
		h.Form(h.ID("form"), h.Method("post"), h.Action(claimPath(c.ID)+"/review"), g.Attr("novalidate"),
			hidden("key", f.values.Get("key")), f.render(reviewField), h.Div(h.Class("buttons"), g.Group(buttons))))
}

// reviewClaim takes the program's word on a claim.
func reviewClaim(v *visit) error {
	id := v.r.PathValue("id")
	f := &form{v: v, values: v.r.PostForm, fields: []field{reviewField}}
	decision := f.values.Get("decision")
	isDecision := slices.ContainsFunc(reviewDecisions,
		func(d struct{ value, class string }) bool { return d.value == decision })
	switch {
	case f.values.Get("go") == "language":
	case !isDecision:
		return v.problemPage(http.StatusBadRequest, "malformed")
	case decision != "complete" && f.get("reason") == "":
		f.note("reason", v.words.say("reasonRequired"))
	default:
		_, err := v.api.review(v.r.Context(), f.get("key"), id, review{decision, plainLines(f.get("reason"))})
		if err == nil {
			return v.seeOther(claimPath(id) + "?done=" + decision)
		}
		if err := f.refuse(err); err != nil {
			return err
		}
	}
	c, err := v.api.claim(v.r.Context(), id)
	if err != nil {
		return err
	}
	return v.showClaim(c, f)
}
