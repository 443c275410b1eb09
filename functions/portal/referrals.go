package main

import (
	"net/http"
	"net/url"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

func referralPath(id string) string { return "/portal/referrals/" + url.PathEscape(id) }

// referralList is a table of referrals.
func (v *visit) referralTable(query url.Values, nothing, parameter string) (g.Node, error) {
	list, err := fill(v.p.now, query, func(query url.Values) (referralList, int, string, error) {
		list, err := v.api.referrals(v.r.Context(), query)
		return list, len(list.Referrals), list.Cursor, err
	})
	if err != nil {
		return nil, err
	}
	export := url.Values{}
	if query.Get("type") != "" {
		export.Set("type", query.Get("type"))
	}
	return g.Group{
		h.P(h.Class("actions"), v.exportLink("/portal/referrals.csv", export)),
		table(v, v.words.say("referrals"), v.words.say(nothing), referralColumns, list.Referrals),
		v.pager(v.words.say("referrals"), parameter, list.Cursor),
	}, nil
}

// coSellOfHome are the referrals that sellers sell together with partners.
func coSellOfHome(v *visit, parameter string) (g.Node, error) {
	query := v.pageAsked(parameter)
	query.Set("type", "co-sell")
	return v.referralTable(query, "nothing.coSell", parameter)
}

func referralsOfHome(v *visit, parameter string) (g.Node, error) {
	return v.referralTable(v.pageAsked(parameter), "nothing.referrals", parameter)
}

// referrals lists the referrals that the user may see (P8).
func referrals(v *visit) error {
	query := v.asked("type", "cursor")
	list, err := v.referralTable(query, "nothing.referrals", "cursor")
	if err != nil {
		return err
	}
	types := []option{{Value: "partner-led", Text: v.words.word("referralType", "partner-led")},
		{Value: "co-sell", Text: v.words.word("referralType", "co-sell")}}
	return v.show(page{Title: v.words.say("referrals"), Content: []g.Node{
		h.Form(h.Class("filters"), h.Method("get"), h.Action("/portal/referrals"), v.filter("type", query.Get("type"),
			types), h.Button(h.Type("submit"), v.words.text("filter"))),
		list,
	}})
}

// referralColumns are those of the list of referrals.
var referralColumns = []column[referral]{
	shown("referral", func(_ *words, r referral) string { return r.FriendlyName }, func(_ *visit, r referral) g.Node {
		name := r.FriendlyName
		if name == "" {
			name = r.Customer.Name
		}
		return link(referralPath(r.ID), name)
	}),
	inFile("referralID", func(_ *words, r referral) string { return r.ID }),
	inFile("claimID", func(_ *words, r referral) string { return r.ClaimID }),
	shown("customer", func(_ *words, r referral) string { return r.Customer.Name }, nil),
	shown("partner", func(_ *words, r referral) string {
		if r.PartnerName == "" {
			return r.PartnerID
		}
		return r.PartnerName
	}, nil),
	shown("engagement", func(_ *words, r referral) string {
		if r.EngagementName == "" {
			return r.EngagementID
		}
		return r.EngagementName
	}, nil),
	shown("referralType", func(w *words, r referral) string { return w.word("referralType", r.Type) }, nil),
	shown("status", func(w *words, r referral) string { return referralStatus(w, r) }, nil),
	shown("dealSize", func(w *words, r referral) string { return w.money(r.DealSize) }, nil),
	shown("created", func(w *words, r referral) string { return w.instant(r.CreatedAt) },
		func(v *visit, r referral) g.Node { return v.words.at(r.CreatedAt) }),
}

func referralStatus(w *words, r referral) string {
	status := w.word("referralStatus", r.Status)
	if r.Substatus != "" {
		status += " (" + w.word("referralStatus", r.Substatus) + ")"
	}
	return status
}

func referralsCSV(v *visit) error {
	query := v.asked("type")
	return export(v, "referrals", referralColumns, func(cursor string) ([]referral, string, error) {
		list, err := v.api.referrals(v.r.Context(), pageOf(query, cursor))
		return list.Referrals, list.Cursor, err
	})
}

// referralPage shows one referral.
func referralPage(v *visit) error {
	r, err := v.api.referral(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.showReferral(r, &form{v: v, values: url.Values{"key": {newKey()}}})
}

func (v *visit) showReferral(r referral, f *form) error {
	w := v.words
	title := r.FriendlyName
	if title == "" {
		title = r.Customer.Name
	}
	var upgrade g.Node
	if v.user.has("referral-admin", "program-admin") && r.Type == "partner-led" && r.Status != "closed" {
		upgrade = h.Form(h.Method("post"), h.Action(referralPath(r.ID)+"/upgrade"), hidden("key", f.values.Get("key")),
			h.P(h.Class("hint"), w.text("upgradeHint")),
			h.Div(h.Class("buttons"), h.Button(h.Class("primary"), h.Type("submit"), w.text("upgrade"))))
	}
	payout := ""
	if r.Payout != nil {
		payout = w.money(*r.Payout)
	}
	claimStatus := ""
	if r.ClaimStatus != "" {
		claimStatus = w.word("status", r.ClaimStatus)
	}
	toClaim := g.Text(r.ClaimID)
	if v.user.incentives() || v.user.has("program-admin") || v.user.has("field-seller") && r.Type == "co-sell" {
		toClaim = link(claimPath(r.ClaimID), w.say("toClaim"))
	}
	status := 0
	if len(f.problems) > 0 {
		status = max(f.status, http.StatusUnprocessableEntity)
	}
	return v.show(page{
		Title: title, Status: status,
		Lead: []g.Node{
			h.P(h.Class("lead"), badge(r.Type, w.word("referralType", r.Type)), g.Text(" "),
				badge(r.Status, referralStatus(w, r))),
			f.summary(),
			g.If(r.Type == "co-sell", v.done([]string{"upgraded"}, "name", title, "customer", r.Customer.Name)),
		},
		Content: []g.Node{
			upgrade,
			v.facts(
				"column.customer", r.Customer.Name+" ("+r.Customer.Country+")",
				"column.partner", r.PartnerName,
				"column.engagement", r.EngagementName,
				"fact.dealSize", w.money(r.DealSize),
				"column.payout", payout,
				"fact.partnerContact", contactNode(w, r.PartnerContact),
				"fact.claimStatus", claimStatus,
				"column.claim", toClaim,
				"fact.created", v.instantOf(&r.CreatedAt),
				"fact.consented", v.instantOf(r.ConsentedAt),
				"fact.submissionDue", v.instantOf(r.SubmissionDue),
				"fact.upgraded", v.instantOf(r.UpgradedAt),
			),
			g.Iff(len(r.Events) > 0, func() g.Node { return v.history(r.Events, false, false) }),
		},
	})
}

// upgradeReferral asks for the upgrade to co-sell (S27).
func upgradeReferral(v *visit) error {
	id := v.r.PathValue("id")
	f := &form{v: v, values: v.r.PostForm}
	if f.get("go") == "language" { // chosen on the page of a failure
		return v.seeOther(referralPath(id))
	}
	_, err := v.api.upgrade(v.r.Context(), f.get("key"), id)
	if err == nil {
		return v.seeOther(referralPath(id) + "?done=upgraded")
	}
	if err := f.refuse(err); err != nil {
		return err
	}
	r, err := v.api.referral(v.r.Context(), id)
	if err != nil {
		return err
	}
	return v.showReferral(r, f)
}
