package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// engagementStates are the states of an engagement, in the order in which they matter.
var engagementStates = []string{"active", "upcoming", "ended"}

// allEngagements reads the engagements of each state.
func (v *visit) allEngagements(ctx context.Context) (map[string][]engagement, error) {
	lists := make([][]engagement, len(engagementStates))
	group, ctx := errgroup.WithContext(ctx)
	for i, state := range engagementStates {
		group.Go(func() (err error) {
			lists[i], err = v.api.engagements(ctx, state)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string][]engagement{}
	for i, state := range engagementStates {
		all[state] = lists[i]
	}
	return all, nil
}

// engagements lists the partner's engagements by their state, with their rules in words (P3).
func engagements(v *visit) error {
	all, err := v.allEngagements(v.r.Context())
	if err != nil {
		return err
	}
	content := []g.Node{h.P(h.Class("actions"), v.exportLink("/portal/engagements.csv", nil))}
	for _, state := range engagementStates {
		var cards []g.Node
		for _, e := range all[state] {
			cards = append(cards, h.Li(h.Class("card"), v.engagementCard(e)))
		}
		section := []g.Node{h.Aria("labelledby", state), h.H2(h.ID(state), v.words.text("engagements."+state))}
		if len(cards) == 0 {
			section = append(section, h.P(h.Class("nothing"), v.words.text("noEngagements")))
		} else {
			section = append(section, h.Ul(h.Class("cards"), g.Group(cards)))
		}
		content = append(content, h.Section(section...))
	}
	return v.show(page{Title: v.words.say("engagements"), Content: content})
}

func (v *visit) engagementCard(e engagement) g.Node {
	name := g.Text(e.Name)
	if v.user.incentives() {
		name = link(customersPath(e.ID), e.Name)
	}
	return g.Group{
		h.H3(name),
		h.P(h.Class("hint"), g.Text(e.SolutionArea), g.Text(" · "), g.Text(payText(v.words, e))),
		h.P(g.Text(e.Description)),
		h.Details(h.Summary(v.words.text("rules")), v.rules(e)),
	}
}

func customersPath(engagementID string) string {
	return "/portal/engagements/" + url.PathEscape(engagementID) + "/customers"
}

// payText says what an engagement pays.
func payText(w *words, e engagement) string {
	switch {
	case e.Payout != nil:
		return w.say("pay.fixed", "amount", w.money(*e.Payout))
	case e.Rates != nil:
		return w.say("pay.variable", "perHour", w.money(e.Rates.PerHour), "max", w.money(e.Rates.MaxPayout))
	}
	return ""
}

// rules says an engagement's rules in sentences.
func (v *visit) rules(e engagement) g.Node {
	w := v.words
	sentences := []string{
		w.say("rule.dates", "from", w.day(e.StartsOn), "to", w.day(e.EndsOn)),
		w.say("rule.ids", "types", w.join("idType", e.CustomerIDTypes)),
		w.say("rule.consent", "n", strconv.Itoa(e.ConsentWindowDays)),
		w.say("rule.submission", "n", strconv.Itoa(e.SubmissionWindowDays)),
		w.say("rule.resubmission", "n", strconv.Itoa(e.ResubmissionWindowDays)),
		w.say("rule.limits", "active", strconv.Itoa(e.ClaimLimits.Active), "allowed",
			strconv.Itoa(e.ClaimLimits.Allowed)),
	}
	if e.Exclusive {
		sentences = append(sentences, w.say("rule.exclusive"))
	}
	if r := e.Rates; r != nil {
		sentences = append(sentences, w.say("rule.hours", "min", w.number(r.MinHours), "max", w.number(r.MaxHours)),
			w.say("rule.share", "share", percent(r.MaxShareOfOpportunity)))
	}
	if e.Referral != nil {
		sentences = append(sentences, w.say("rule.referral", "amount", w.money(e.Referral.MinDealSize)))
	}
	if e.CoSell != nil {
		key := "rule.coSell"
		if e.CoSell.ManagedCustomersOnly {
			key = "rule.coSellManaged"
		}
		sentences = append(sentences, w.say(key, "amount", w.money(e.CoSell.MinDealSize)))
	}
	return list(sentences)
}

// percent writes a share such as 0.15 as 15 %.
func percent(share string) string {
	value, err := decimal.NewFromString(share)
	if err != nil {
		return share
	}
	return value.Shift(2).String() + " %"
}

// engagementColumns are those of the list as a file.
var engagementColumns = []column[engagement]{
	inFile("engagementID", func(_ *words, e engagement) string { return e.ID }),
	inFile("engagement", func(_ *words, e engagement) string { return e.Name }),
	inFile("state", func(w *words, e engagement) string { return w.say("engagements." + e.State) }),
	inFile("solutionArea", func(_ *words, e engagement) string { return e.SolutionArea }),
	inFile("pay", payText),
	inFile("startsOn", func(_ *words, e engagement) string { return e.StartsOn }),
	inFile("endsOn", func(_ *words, e engagement) string { return e.EndsOn }),
	inFile("customerIDs", func(w *words, e engagement) string { return w.join("idType", e.CustomerIDTypes) }),
}

func engagementsCSV(v *visit) error {
	return export(v, "engagements", engagementColumns, func(string) ([]engagement, string, error) {
		all, err := v.allEngagements(v.r.Context())
		var rows []engagement
		for _, state := range engagementStates {
			rows = append(rows, all[state]...)
		}
		return rows, "", err
	})
}
