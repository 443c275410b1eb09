package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// home is what needs the user next, by their roles (P2).
func home(v *visit) error {
	sections := v.homeSections()
	title := "whatIsNext"
	if len(sections) == 0 {
		return v.show(page{Title: v.words.say(title), Content: []g.Node{h.P(h.Class("lead"), v.words.text("noRole"))}})
	}
	if sections[0].heading != "referrals" {
		title = sections[0].heading
	}
	var content []g.Node
	for i, section := range sections {
		parameter := "cursor"
		if i > 0 {
			parameter += strconv.Itoa(i + 1)
		}
		list, err := section.list(v, parameter)
		if err != nil {
			return err
		}
		if section.heading != title {
			content = append(content, h.H2(v.words.text(section.heading)))
		}
		content = append(content, list)
	}
	return v.show(page{Title: v.words.say(title), Content: content})
}

// homeSection is a list of Home.
type homeSection struct {
	heading string
	list    func(v *visit, parameter string) (g.Node, error) // parameter is the query's, for the list's cursor
}

func (v *visit) homeSections() []homeSection {
	var sections []homeSection
	if v.user.incentives() {
		sections = append(sections, homeSection{"whatIsNext", nextClaims})
	}
	if v.user.has("program-admin") {
		sections = append(sections, homeSection{"reviewQueue", queueOfHome})
	}
	switch {
	case v.user.has("field-seller"):
		sections = append(sections, homeSection{"coSellReferrals", coSellOfHome})
	case v.user.has("referral-admin"):
		sections = append(sections, homeSection{"referrals", referralsOfHome})
	}
	return sections
}

// nextClaims are the claims that run under a deadline, soonest first.
func nextClaims(v *visit, parameter string) (g.Node, error) {
	query := v.ownClaims(v.pageAsked(parameter))
	query.Set("sort", "due")
	list, err := v.filledClaims(query)
	if err != nil {
		return nil, err
	}
	return g.Group{
		h.P(h.Class("lead"), v.words.text("homeLead")),
		table(v, v.words.say("whatIsNext"), v.words.say("nothingNext"), nextColumns, list.Claims),
		v.pager(v.words.say("whatIsNext"), parameter, list.Cursor),
		h.P(h.Class("actions"), v.exportLink("/portal/home.csv", nil)),
	}, nil
}

// nextColumns are those of what needs the user next.
var nextColumns = []column[claim]{
	shown("claim", func(_ *words, c claim) string { return c.FriendlyName }, func(v *visit, c claim) g.Node {
		return link(claimPath(c.ID), c.FriendlyName)
	}),
	shown("customer", func(_ *words, c claim) string { return c.Customer.Name }, nil),
	shown("engagement", func(_ *words, c claim) string { return engagementName(c) }, nil),
	shown("status", statusText, statusNode),
	shown("next", func(w *words, c claim) string { return nextSentence(w, c) }, func(v *visit, c claim) g.Node {
		return h.Div(h.Class("row-actions"), v.claimActions(c, nextActions))
	}),
	shown("due", func(w *words, c claim) string { return dueText(w, c) }, dueNode),
	inFile("address", func(_ *words, c claim) string { return claimPath(c.ID) }),
}

// nextActions are those that Home offers.
var nextActions = []string{"send-consent", "resend-consent", "submit-claim"}

func homeCSV(v *visit) error {
	return export(v, "next", nextColumns, func(cursor string) ([]claim, string, error) {
		return v.claimsAt(v.ownClaims(url.Values{"sort": {"due"}}), cursor)
	})
}

// ownClaims asks for the claims of the user's partner: who is also of the program's staff must name it.
func (v *visit) ownClaims(query url.Values) url.Values {
	if v.user.has("program-admin") {
		query.Set("partnerId", v.user.Partner)
	}
	return query
}

// filledClaims reads a page of claims that is not empty, if there is one.
func (v *visit) filledClaims(query url.Values) (claimList, error) {
	return fill(v.p.now, query, func(query url.Values) (claimList, int, string, error) {
		list, err := v.api.claims(v.r.Context(), query)
		return list, len(list.Claims), list.Cursor, err
	})
}

// claimsAt reads a page of the most claims that one can have.
func (v *visit) claimsAt(query url.Values, cursor string) ([]claim, string, error) {
	list, err := v.api.claims(v.r.Context(), pageOf(query, cursor))
	return list.Claims, list.Cursor, err
}

// pageOf gives a query for a page of the most rows that one can have.
func pageOf(query url.Values, cursor string) url.Values {
	asked := url.Values{"limit": {"100"}}
	for name := range query {
		asked.Set(name, query.Get(name))
	}
	asked.Del("cursor")
	if cursor != "" {
		asked.Set("cursor", cursor)
	}
	return asked
}

func claimPath(id string) string { return "/portal/claims/" + url.PathEscape(id) }

func engagementName(c claim) string {
	if c.EngagementName == "" {
		return c.EngagementID
	}
	return c.EngagementName
}

func statusText(w *words, c claim) string { return w.word("status", c.Status) }

// statusNode is the status, with that of the email while an answer is awaited.
func statusNode(v *visit, c claim) g.Node {
	var email g.Node
	if said := emailText(v.words, c); said != "" {
		email = g.Group{g.Text(" "), badge("email-"+c.EmailStatus, said)}
	}
	return g.Group{badge(c.Status, v.words.word("status", c.Status)), email}
}

// emailText says what became of the email while its answer is awaited.
func emailText(w *words, c claim) string {
	if c.EmailStatus == "" || c.Status != "consent-pending" {
		return ""
	}
	return w.say("emailIs", "status", w.word("emailStatus", c.EmailStatus))
}

func badge(class, text string) g.Node { return h.Span(h.Class("badge "+class), g.Text(text)) }

func dueText(w *words, c claim) string {
	if c.Due == nil {
		return ""
	}
	return w.instant(*c.Due)
}

func dueNode(v *visit, c claim) g.Node {
	if c.Due == nil {
		return nil
	}
	return v.words.at(*c.Due)
}

// nextSentence says what is next for a claim.
func nextSentence(w *words, c claim) string {
	key := "next." + c.Status
	if c.Status == "consent-pending" && (c.EmailStatus == "bounced" || c.EmailStatus == "complained") {
		key = "next." + c.EmailStatus
	}
	return w.say(key)
}

// actionPaths are where each action of a claim leads, below the claim's page.
var actionPaths = map[string]string{
	"send-consent": "/consent", "resend-consent": "/consent", "submit-claim": "/submission",
	"cancel-claim": "/cancellation",
}

// claimActions are links to the actions of a claim that are open, of those named.
func (v *visit) claimActions(c claim, names []string) g.Node {
	var links g.Group
	for _, name := range names {
		if c.can(name) && actionPaths[name] != "" {
			class := "button"
			if len(links) == 0 && name != "cancel-claim" {
				class = "button primary"
			}
			links = append(links, h.A(h.Class(class), h.Href(claimPath(c.ID)+actionPaths[name]),
				v.words.text("action."+name)))
		}
	}
	return links
}

// reasons are sentences for why not.
func (v *visit) reasons(reasons []reason) []string {
	sentences := make([]string, len(reasons))
	for i, reason := range reasons {
		key := "reason." + reason.Code
		switch {
		case !v.words.knows(key):
			sentences[i] = reason.Detail
		case len(reason.EligibleBy) > 0:
			sentences[i] = v.words.say(key) + v.words.say("sentenceMark") +
				v.words.say("eligibleBy", "types", v.words.join("idType", reason.EligibleBy))
		default:
			sentences[i] = v.words.say(key)
		}
	}
	return sentences
}

// list gives sentences as a list, one alone as itself.
func list(sentences []string) g.Node {
	if len(sentences) == 1 {
		return g.Text(sentences[0])
	}
	items := make([]g.Node, len(sentences))
	for i, sentence := range sentences {
		items[i] = h.Li(g.Text(sentence))
	}
	return h.Ul(items...)
}

// customerIDs writes the IDs of a customer.
func customerIDs(w *words, ids []customerID) []string {
	written := make([]string, len(ids))
	for i, id := range ids {
		written[i] = w.word("idType", id.Type) + ": " + id.Value
	}
	return written
}

// facts is a list of what there is to know, in pairs of the text of a label and a value; pairs without a value are left
// out.
func (v *visit) facts(pairs ...any) g.Node {
	var lines []g.Node
	for i := 0; i+1 < len(pairs); i += 2 {
		var value g.Node
		switch given := pairs[i+1].(type) {
		case nil:
		case string:
			if given != "" {
				value = g.Text(given)
			}
		case g.Node:
			value = given
		}
		if value != nil {
			lines = append(lines, h.Div(h.Dt(v.words.text(pairs[i].(string))), h.Dd(value)))
		}
	}
	return h.Dl(h.Class("facts"), g.Group(lines))
}

// done is the confirmation that a page shows after its form was sent; which one, the address says, and nothing else.
func (v *visit) done(keys []string, namesAndValues ...string) g.Node {
	key := v.r.URL.Query().Get("done")
	if !slices.Contains(keys, key) {
		return nil
	}
	return h.Div(h.Class("done"), h.Role("status"), h.TabIndex("-1"), h.AutoFocus(),
		h.P(v.words.text("done."+key, namesAndValues...)))
}

// csvName makes an ID the name of a file.
func csvName(parts ...string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, strings.Join(parts, "-"))
}
