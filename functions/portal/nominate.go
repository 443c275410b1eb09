package main

import (
	"net/http"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// idTypes are the types of customer ID, as the form offers them.
var idTypes = []string{"domain", "tenant-id", "tpid", "azure-subscription-id", opportunityType}

const opportunityType = "msx-opportunity-id"

// nominating is the form that adds a customer (S7–S18), or claims a known one (S19).
type nominating struct {
	v          *visit
	engagement engagement // from whose page the form was opened
	known      string     // the known customer's ID; "" where one is added
	checked    checkAnswer
	failed     bool // the check did
}

// addCustomer is the form that adds a customer, step by step (P4).
func addCustomer(v *visit) error {
	opened, err := v.api.engagement(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	n := &nominating{v: v, engagement: opened}
	return v.run(wizard{
		Title:  v.words.say("addCustomer"),
		Lead:   []g.Node{h.P(h.Class("hint"), g.Text(opened.Name))},
		Leave:  leave{customersPath(opened.ID), v.words.say("toList")},
		Submit: v.words.say("addCustomer"),
		Begin:  n.begin,
		Steps:  []step{n.nameAndLocation(), n.customerID(), n.engagements(), n.contacts(), n.review()},
		Send: func(f *form) (string, error) {
			claims, err := v.api.addCustomer(v.r.Context(), f.get("key"), n.nomination(f))
			return confirmation(claims, "added"), err
		},
	})
}

// claimCustomer is the form that claims a known customer (S19).
func claimCustomer(v *visit) error {
	opened, err := v.api.engagement(v.r.Context(), v.r.URL.Query().Get("engagement"))
	if err != nil {
		return err
	}
	n := &nominating{v: v, engagement: opened, known: v.r.PathValue("id")}
	if v.r.Method != http.MethodPost {
		if err := n.checkKnown(); err != nil {
			return err
		}
	}
	return v.run(wizard{
		Title:  v.words.say("action.claim-customer"),
		Lead:   []g.Node{h.P(h.Class("hint"), g.Text(opened.Name))},
		Leave:  leave{customersPath(opened.ID), v.words.say("toList")},
		Submit: v.words.say("action.claim-customer"),
		Begin:  n.begin,
		Steps:  []step{n.nameAndLocation(), n.engagements(), n.contacts(), n.review()},
		Send: func(f *form) (string, error) {
			claims, err := v.api.claimCustomer(v.r.Context(), f.get("key"), n.known, n.nomination(f))
			return confirmation(claims, "claimed"), err
		},
	})
}

// confirmation is the page that confirms what was done: the first claim's own.
func confirmation(claims []claim, done string) string {
	switch {
	case len(claims) == 0:
		return "/portal"
	case len(claims) > 1:
		done += "All"
	}
	return claimPath(claims[0].ID) + "?done=" + done
}

// begin fills in what a new form starts with: the engagement whose page it was opened from.
func (n *nominating) begin(f *form) {
	f.values.Set("engagementIds", n.engagement.ID)
	if len(n.engagement.CustomerIDTypes) == 1 {
		f.values.Set("idType", n.engagement.CustomerIDTypes[0])
	}
	if len(n.engagement.Locations) == 1 {
		f.values.Set("locationId", n.engagement.Locations[0].ID)
	}
}

func (n *nominating) nameAndLocation() step {
	options := make([]option, len(n.engagement.Locations))
	for i, location := range n.engagement.Locations {
		options[i] = option{Value: location.ID, Text: location.Name + " (" + location.Country + ")"}
	}
	return step{Name: "nameAndLocation", Fields: []field{
		{Name: "friendlyName", Kind: textField, Pointer: "/friendlyName", Max: 120},
		{Name: "locationId", Kind: selectField, Pointer: "/locationId", Options: options},
	}}
}

func (n *nominating) customerID() step {
	options := make([]option, len(idTypes))
	for i, idType := range idTypes {
		options[i] = option{Value: idType, Text: n.v.words.word("idType", idType)}
	}
	return step{
		Name: "customerId",
		Fields: []field{
			{Name: "idType", Kind: selectField, Pointer: "/customerId/type", Options: options},
			{Name: "idValue", Kind: textField, Pointer: "/customerId", Max: 253},
		},
		Check: func(f *form) error { return n.check(f, "") },
		Live:  func(*form) g.Node { return n.standing() },
	}
}

// standing says in which engagements the customer may take part, and why not in the one whose page the form was opened
// from.
func (n *nominating) standing() g.Node {
	w := n.v.words
	names := make([]string, len(n.checked.Eligible))
	for i, verdict := range n.checked.Eligible {
		names[i] = verdict.Name
	}
	key := "live.eligible"
	if len(names) == 0 {
		key = "live.none"
	}
	nodes := g.Group{h.P(w.text(key, "customer", n.checked.Customer.Name, "engagements",
		strings.Join(names, w.say("listMark"))))}
	for _, verdict := range n.checked.Ineligible {
		if verdict.EngagementID == n.engagement.ID {
			nodes = append(nodes, h.P(g.Text(verdict.Name+": "), list(n.v.reasons(verdict.Reasons))))
		}
	}
	return nodes
}

// byOpportunity says that the customer is nominated by an MSX opportunity, which pays by the hour.
func (n *nominating) byOpportunity(f *form) bool {
	if n.known == "" {
		return f.get("idType") == opportunityType
	}
	return slices.Equal(n.engagement.CustomerIDTypes, []string{opportunityType})
}

// engagements is where engagements are chosen: those open to the customer and the location, and the others with reasons
// (S14). One of variable pay is chosen alone, with its hours (S15).
func (n *nominating) engagements() step {
	fields := []field{
		{Name: "opportunityId", Kind: textField, Pointer: "/opportunityId", Max: 64,
			Shown: n.byTypedOpportunity},
		// After a failed check the step offers no engagements, and the form keeps those chosen before.
		{Name: "engagementIds", Kind: checkboxField, Pointer: "/engagementIds",
			Shown: func(f *form) bool { return !n.failed || n.byTypedOpportunity(f) }},
		{Name: "hours", Kind: numberField, Pointer: "/hours", Max: 7, Shown: n.byOpportunity},
	}
	return step{
		Name:   "engagements",
		Fields: fields,
		Load: func(f *form) error {
			if n.byOpportunity(f) {
				fields[1].Kind = radioField
			}
			err := n.check(f, "")
			fields[1].Options = n.options(f)
			return err
		},
		Content: func(*form) []g.Node { return []g.Node{n.customer()} },
		After:   func(f *form) []g.Node { return []g.Node{n.ineligible(f)} },
		Check: func(f *form) error {
			if n.byOpportunity(f) {
				if err := checkCell("hours", f.get("hours"), ""); err != nil {
					f.note("hours", n.v.mistake(n.v.words.say("field.hours"), err.Error()))
					return nil
				}
			}
			if err := n.check(f, ""); err != nil {
				return err
			}
			n.noteIneligible(f)
			return nil
		},
		Live: n.payouts,
	}
}

// payouts says what the chosen engagements pay.
func (n *nominating) payouts(f *form) g.Node {
	var nodes g.Group
	for _, verdict := range n.checked.Eligible {
		if pays := n.payout(verdict); pays != nil && slices.Contains(f.values["engagementIds"], verdict.EngagementID) {
			nodes = append(nodes, h.P(g.Text(verdict.Name+": "), pays))
		}
	}
	return nodes
}

// options are the engagements to choose from.
func (n *nominating) options(f *form) []option {
	if n.byTypedOpportunity(f) && f.get("opportunityId") == "" {
		return []option{{Value: n.engagement.ID, Text: n.engagement.Name}} // eligible or not by an opportunity alone
	}
	var options []option
	for _, verdict := range n.checked.Eligible {
		options = append(options, option{Value: verdict.EngagementID, Text: verdict.Name, Hint: n.payout(verdict)})
	}
	for _, verdict := range n.checked.Ineligible {
		if n.opensHere(f, verdict) {
			options = append(options, option{Value: verdict.EngagementID, Text: verdict.Name})
		}
	}
	if n.byTypedOpportunity(f) { // another opportunity may open it
		options = withOption(options, n.engagement.ID, n.engagement.Name)
	}
	return options
}

// byTypedOpportunity says that the step "Engagements" asks for an MSX opportunity.
func (n *nominating) byTypedOpportunity(f *form) bool { return n.known != "" && n.byOpportunity(f) }

// opensHere says that an engagement is not open, but would be with other hours or another opportunity, which stand on
// the step where it is chosen.
func (n *nominating) opensHere(f *form, verdict verdict) bool {
	for _, reason := range verdict.Reasons {
		if n.fieldOf(f, reason) == "engagementIds" {
			return false
		}
	}
	return true
}

// fieldOf is where the step "Engagements" puts a reason right.
func (n *nominating) fieldOf(f *form, reason reason) string {
	switch reason.Code {
	case "hours-out-of-range":
		return "hours"
	case "opportunity-closed", "opportunity-of-another-customer":
		if n.byTypedOpportunity(f) {
			return "opportunityId"
		}
	}
	return "engagementIds"
}

// payout says what an engagement pays, and what decided it (S17).
func (n *nominating) payout(verdict verdict) g.Node {
	w := n.v.words
	if verdict.Payout == nil {
		return nil
	}
	text := w.say("pay.fixed", "amount", w.money(*verdict.Payout))
	if basis := verdict.PayoutBasis; basis != nil {
		text += w.say("sentenceMark") + w.say("payout."+basis.DecidedBy, "hours", w.number(basis.Hours),
			"perHour", w.money(basis.PerHour), "max", w.money(basis.MaxPayout),
			"share", percent(basis.MaxShareOfOpportunity), "value", w.money(basis.OpportunityValue))
	}
	return g.Text(text)
}

// customer shows whom the ID names.
func (n *nominating) customer() g.Node {
	var checkedID any
	if n.checked.CheckedID != nil {
		checkedID = customerIDs(n.v.words, []customerID{*n.checked.CheckedID})[0]
	}
	return n.v.facts("column.customer", n.checked.Customer.Name, "fact.customerID", checkedID)
}

// ineligible lists the engagements that are not open, each with every reason.
func (n *nominating) ineligible(f *form) g.Node {
	var items []g.Node
	for _, verdict := range n.checked.Ineligible {
		if !n.opensHere(f, verdict) {
			items = append(items, h.Li(h.Strong(g.Text(verdict.Name+": ")), list(n.v.reasons(verdict.Reasons))))
		}
	}
	if len(items) == 0 {
		return nil
	}
	return h.Details(g.Attr("open"), h.Summary(n.v.words.text("notOpen")), h.Ul(items...))
}

// noteIneligible notes the chosen engagements that are not open, each reason where it is put right.
func (n *nominating) noteIneligible(f *form) {
	for _, verdict := range n.checked.Ineligible {
		if !slices.Contains(f.values["engagementIds"], verdict.EngagementID) {
			continue
		}
		for i, why := range n.v.reasons(verdict.Reasons) {
			f.note(n.fieldOf(f, verdict.Reasons[i]), verdict.Name+": "+why)
		}
	}
}

// contacts asks for a reason where the email's domain does not lead to the nominated tenant (S12).
func (n *nominating) contacts() step {
	return step{Name: "contacts", Fields: contactFields(n.v.words, nil), Check: func(f *form) error {
		if err := n.check(f, f.get("customerEmail")); err != nil {
			return err
		}
		matches := n.checked.TenantMatchesEmailDomain
		if n.known == "" && matches != nil && !*matches && f.get("idType") == "tenant-id" &&
			f.get("mismatchReason") == "" {
			f.ask("mismatchReason")
			f.note("mismatchReason", n.v.words.say("problem.mismatch-reason-required"))
		}
		return nil
	}}
}

// review shows all that was given, with the payout (S17).
func (n *nominating) review() step {
	return step{
		Name: "review",
		Load: func(f *form) error { return n.check(f, "") },
		Content: func(f *form) []g.Node {
			w := n.v.words
			customer, partner := f.contacts()
			var chosen []g.Node
			for _, verdict := range slices.Concat(n.checked.Eligible, n.checked.Ineligible) {
				if slices.Contains(f.values["engagementIds"], verdict.EngagementID) {
					pays := n.payout(verdict)
					chosen = append(chosen, h.Li(g.Text(verdict.Name), g.If(pays != nil, g.Text(" · ")), pays))
				}
			}
			location := f.get("locationId")
			for _, l := range n.engagement.Locations {
				if l.ID == location {
					location = l.Name
				}
			}
			var checkedID any
			if n.checked.CheckedID != nil {
				checkedID = customerIDs(w, []customerID{*n.checked.CheckedID})[0]
			}
			return []g.Node{n.v.facts(
				"field.friendlyName", f.get("friendlyName"), "field.locationId", location,
				"column.customer", n.checked.Customer.Name, "fact.customerID", checkedID,
				"field.opportunityId", f.get("opportunityId"),
				"field.engagementIds", g.Node(h.Ul(chosen...)), "field.hours", n.shownHours(f),
				"fact.customerContact", contactNode(w, &customer), "field.mismatchReason", f.get("mismatchReason"),
				"fact.partnerContact", contactNode(w, &partner),
			)}
		},
	}
}

func (n *nominating) shownHours(f *form) string {
	if !n.byOpportunity(f) {
		return ""
	}
	return f.get("hours")
}

// checkKnown gives the API's 404 for a customer that the partner does not know. Who may choose no location cannot be
// told.
func (n *nominating) checkKnown() error {
	if len(n.engagement.Locations) == 0 {
		return nil
	}
	_, err := n.v.api.checkEligibility(n.v.r.Context(), checkRequest{KnownCustomerID: n.known,
		LocationID: n.engagement.Locations[0].ID})
	if p := problemOf(err); p != nil && p.Status == http.StatusUnprocessableEntity {
		p.Status = http.StatusNotFound
	}
	return err
}

// check asks the API which engagements the customer is eligible for, by what was typed so far. Only the step that asks
// for the email address passes it, because only there can its mistakes be corrected.
func (n *nominating) check(f *form, email string) (err error) {
	request := checkRequest{LocationID: f.get("locationId"), CustomerEmail: email}
	if n.byOpportunity(f) && checkCell("hours", f.get("hours"), "") == nil {
		request.Hours = f.whole("hours")
	}
	if n.known != "" {
		request.KnownCustomerID = n.known
		if n.byOpportunity(f) {
			request.OpportunityID = f.get("opportunityId")
		}
	} else {
		request.CustomerID = &customerID{Type: f.get("idType"), Value: f.get("idValue")}
	}
	n.checked, err = n.v.api.checkEligibility(n.v.r.Context(), request)
	n.failed = err != nil
	return err
}

// nomination is what the form says.
func (n *nominating) nomination(f *form) nomination {
	customer, partner := f.contacts()
	request := nomination{
		FriendlyName: f.get("friendlyName"), LocationID: f.get("locationId"), EngagementIDs: f.values["engagementIds"],
		MismatchReason: plainLines(f.get("mismatchReason")), CustomerContact: customer, PartnerContact: partner,
	}
	if n.byOpportunity(f) {
		request.Hours = f.whole("hours")
	}
	if n.known == "" {
		request.CustomerID = &customerID{Type: f.get("idType"), Value: f.get("idValue")}
	} else if n.byOpportunity(f) {
		request.OpportunityID = f.get("opportunityId")
	}
	return request
}
