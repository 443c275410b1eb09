package main

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// claimPage says where a claim stands and what is next, with its whole history (P6).
func claimPage(v *visit) error {
	c, err := v.api.claim(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.showClaim(c, &form{v: v, values: url.Values{"key": {newKey()}}})
}

// showClaim shows a claim, with a form to review it where that is the user's to do.
func (v *visit) showClaim(c claim, review *form) error {
	w := v.words
	formID := ""
	if c.can("review-claim") {
		formID = "form"
	}
	status := 0
	before := ""
	if len(review.problems) > 0 {
		status, before = max(review.status, http.StatusUnprocessableEntity), w.say("problemTitle")
	}
	return v.show(page{
		Title: c.FriendlyName, Before: before, Form: formID, Status: status,
		Lead: []g.Node{
			h.P(changingClaim(w, "standing", c), h.Class("lead"), statusNode(v, c), g.Text(" "),
				g.Text(nextSentence(w, c))),
			review.summary(reviewField),
			v.done(confirmations(c), "name", c.FriendlyName, "customer", c.Customer.Name),
		},
		Content: []g.Node{
			h.Div(h.ID("actions"), h.Data("part", ""), h.Class("actions"), v.claimActions(c, []string{"send-consent",
				"resend-consent", "submit-claim", "cancel-claim"}), v.receiptLink(c)),
			v.reviewSection(c, review),
			v.deadlines(c),
			v.claimFacts(c),
			v.referralOfClaim(c),
			v.history(c.Events, c.EventsIntact, true),
		},
	})
}

// confirmations are those that fit the claim's status.
func confirmations(c claim) []string {
	return map[string][]string{
		"consent-not-sent": {c.Origin, c.Origin + "All"}, "consent-pending": {"sent"}, "submitted": {"submitted"},
		"cancelled": {"cancelled"}, "completed": {"complete"}, "action-required": {"return"}, "rejected": {"reject"},
	}[c.Status]
}

// receiptLink downloads the receipt once there is a decision.
func (v *visit) receiptLink(c claim) g.Node {
	if c.ConsentedAt == nil && c.Status != "declined" {
		return nil
	}
	return h.A(h.Class("button"), h.Href(claimPath(c.ID)+"/receipt"), v.words.text("downloadReceipt"))
}

func (v *visit) deadlines(c claim) g.Node {
	return v.partOfClaim("dates", v.facts(
		"fact.due", v.instantOf(c.Due),
		"fact.created", v.instantOf(&c.CreatedAt),
		"fact.consentDue", v.instantOf(&c.ConsentDue),
		"fact.consented", v.instantOf(c.ConsentedAt),
		"fact.submissionDue", v.instantOf(c.SubmissionDue),
		"fact.submitted", v.instantOf(c.SubmittedAt),
		"fact.ended", v.instantOf(c.EndedAt),
	))
}

// partOfClaim is a section of a claim's page, which script renews when the claim changes. Its key is that of its
// heading.
func (v *visit) partOfClaim(key string, content ...g.Node) g.Node {
	return h.Section(h.ID("part-"+key), h.Data("part", ""), h.Aria("labelledby", key),
		h.H2(h.ID(key), v.words.text(key)), g.Group(content))
}

func (v *visit) claimFacts(c claim) g.Node {
	w := v.words
	var dealSize, email, sendsLeft, hours, customerPage string
	if c.DealSize != nil {
		dealSize = w.money(*c.DealSize)
	}
	if c.EmailStatus != "" {
		email = w.word("emailStatus", c.EmailStatus)
	}
	var emailNode g.Node
	if email != "" {
		emailNode = g.Group{badge("email-"+c.EmailStatus, email), g.Iff(c.EmailSentAt != nil, func() g.Node {
			return g.Group{g.Text(" "), v.words.at(*c.EmailSentAt)}
		})}
	}
	if c.SendsLeft != nil {
		sendsLeft = w.say("sendsLeft", "n", strconv.Itoa(*c.SendsLeft))
	}
	if c.Hours > 0 {
		hours = w.number(c.Hours)
	}
	engagement := g.Text(engagementName(c))
	if customerPage = customersPath(c.EngagementID); v.user.incentives() {
		engagement = link(customerPage, engagementName(c))
	}
	completedOn := ""
	if c.CompletedOn != "" {
		completedOn = w.day(c.CompletedOn)
	}
	return v.partOfClaim("details", v.facts(
		"column.customer", c.Customer.Name+" ("+c.Customer.Country+")",
		"fact.customerID", customerIDs(w, []customerID{c.CustomerID})[0],
		"column.engagement", engagement,
		"column.location", locationName(c),
		"column.partner", c.PartnerName,
		"fact.origin", w.word("origin", c.Origin),
		"column.payout", w.money(c.Payout),
		"field.hours", hours,
		"fact.dealSize", dealSize,
		"fact.email", emailNode,
		"fact.sendsLeft", sendsLeft,
		"fact.customerContact", contactNode(w, c.CustomerContact),
		"fact.partnerContact", contactNode(w, &c.PartnerContact),
		"field.mismatchReason", c.MismatchReason,
		"fact.declineReason", c.DeclineReason,
		"field.completedOn", completedOn,
		"field.notes", multiline(c.SubmissionNotes),
		"fact.reviewReason", multiline(c.ReviewReason),
		"column.claimID", g.Node(h.Code(g.Text(c.ID))),
	))
}

// multiline keeps the line ends of what was typed; nil where there is nothing.
func multiline(text string) g.Node {
	if text == "" {
		return nil
	}
	return h.Span(h.Class("lines"), g.Text(text))
}

func contactNode(w *words, c *contact) g.Node {
	if c == nil || c.Email == "" && c.Name == "" {
		return nil
	}
	node := g.Group{g.Text(c.Name)}
	if c.Email != "" {
		node = append(node, h.Br(), g.Text(c.Email))
	}
	if c.Phone != "" {
		node = append(node, h.Br(), g.Text(c.Phone))
	}
	if c.Locale != "" {
		node = append(node, h.Br(), w.text("writesIn", "language", languageName(c.Locale)))
	}
	return node
}

func (v *visit) referralOfClaim(c claim) g.Node {
	if c.Referral == nil {
		return nil
	}
	text := v.words.word("referralType", c.Referral.Type)
	said := g.Text(text)
	if v.user.has("referral-admin", "field-seller", "program-admin") {
		said = link(referralPath(c.Referral.ID), text)
	}
	return h.Section(h.Aria("labelledby", "referral"), h.H2(h.ID("referral"), v.words.text("referral")), h.P(said))
}

// history is the events as a timeline, and whether they are whole.
func (v *visit) history(events []event, intact, judged bool) g.Node {
	w := v.words
	var items []g.Node
	for _, e := range slices.Backward(events) {
		items = append(items, h.Li(
			h.P(h.Strong(w.text("event."+e.Type)), g.Text(" · "), g.Text(actor(w, e.Actor))),
			h.P(h.Class("hint"), w.at(e.At)),
			v.eventDetail(e),
		))
	}
	var verdict g.Node
	if judged {
		class, key := "note bad", "broken"
		if intact {
			class, key = "note good", "intact"
		}
		verdict = h.P(h.Class(class), w.text(key))
	}
	return v.partOfClaim("history", verdict, h.Ol(h.Class("timeline"), g.Attr("reversed"), g.Group(items)))
}

// actor names who did something.
func actor(w *words, name string) string {
	if key := "actor." + name; w.knows(key) {
		return w.say(key)
	}
	return name
}

// shownDetails are the parts of an event's detail that readers understand, in order.
var shownDetails = []string{"reason", "notes", "dealSize", "payout", "hours", "completedOn", "status", "substatus",
	"type", "disclaimerVersion", "language"}

func (v *visit) eventDetail(e event) g.Node {
	var pairs []any
	for _, key := range shownDetails {
		value := e.Detail[key]
		switch key {
		case "status", "substatus":
			value = v.words.word("referralStatus", value)
		case "type":
			value = v.words.word("referralType", value)
		case "dealSize", "payout":
			if value != "" {
				value = v.words.money(money{value, "USD"})
			}
		case "language":
			value = languageName(value)
		case "completedOn":
			value = v.words.day(value)
		case "reason", "notes":
			pairs = append(pairs, "detail."+key, multiline(value))
			continue
		}
		pairs = append(pairs, "detail."+key, value)
	}
	return v.facts(pairs...)
}

// claimReceipt gives the receipt of the decision as a file (D28).
func claimReceipt(v *visit) error {
	receipt, err := v.api.receipt(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	header := v.w.Header()
	header.Set("Content-Type", "application/jose")
	header.Set("Content-Disposition", `attachment; filename="consent-receipt.jws"`)
	_, _ = v.w.Write([]byte(receipt)) // the recorder never fails
	return nil
}

// openClaim gives the claim whose form a request is for. Where the action is not open, a page has said so and it gives
// false. A form that was posted goes to the API in any case, which knows what was done already.
func (v *visit) openClaim(actions ...string) (c claim, open bool, err error) {
	c, err = v.api.claim(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return c, false, err
	}
	if v.r.Method == http.MethodPost || slices.ContainsFunc(actions, c.can) {
		return c, true, nil
	}
	return c, false, v.show(page{Title: c.FriendlyName, Status: http.StatusConflict, Content: []g.Node{
		h.P(h.Class("lead"), statusNode(v, c), g.Text(" "), v.words.text("notNow")),
		h.P(link(claimPath(c.ID), v.words.say("toClaim"))),
	}})
}

// submitClaim is the form that hands a claim in.
func submitClaim(v *visit) error {
	c, open, err := v.openClaim("submit-claim")
	if err != nil || !open {
		return err
	}
	today := v.p.now().UTC().Format("2006-01-02")
	return v.run(wizard{
		Title: v.words.say("action.submit-claim"),
		Lead:  v.aboutClaim(c),
		Leave: leave{claimPath(c.ID), v.words.say("toClaim")},
		Steps: []step{{Fields: []field{
			{Name: "completedOn", Kind: dateField, Pointer: "/completedOn", Latest: today},
			{Name: "notes", Kind: longField, Pointer: "/notes", Optional: true, Max: 2000},
		}}},
		Submit: v.words.say("action.submit-claim"),
		Begin:  func(f *form) { f.values.Set("completedOn", today) },
		Send: func(f *form) (string, error) {
			_, err := v.api.submit(v.r.Context(), f.get("key"), c.ID, submission{f.get("completedOn"),
				plainLines(f.get("notes"))})
			return claimPath(c.ID) + "?done=submitted", err
		},
	})
}

// cancelClaim is the form that cancels a claim.
func cancelClaim(v *visit) error {
	c, open, err := v.openClaim("cancel-claim")
	if err != nil || !open {
		return err
	}
	return v.run(wizard{
		Title: v.words.say("action.cancel-claim"),
		Lead:  append(v.aboutClaim(c), h.P(v.words.text("cancelWarning"))),
		Leave: leave{claimPath(c.ID), v.words.say("toClaim")},
		Steps: []step{{Fields: []field{{Name: "reason", Kind: longField, Pointer: "/reason", Optional: true,
			Max: 500}}}},
		Submit: v.words.say("action.cancel-claim"),
		Danger: true,
		Send: func(f *form) (string, error) {
			_, err := v.api.cancel(v.r.Context(), f.get("key"), c.ID, cancellation{plainLines(f.get("reason"))})
			return claimPath(c.ID) + "?done=cancelled", err
		},
	})
}

// aboutClaim says which claim a form is about.
func (v *visit) aboutClaim(c claim) []g.Node {
	return []g.Node{h.P(h.Class("lead"), link(claimPath(c.ID), c.FriendlyName), g.Text(" · "), g.Text(c.Customer.Name),
		g.Text(" · "), g.Text(engagementName(c)))}
}
