package main

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"sync"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"mci.example/customers/shared/mail"
)

// askForConsent is the form that sends a claim's consent email, or sends it again (P5): contacts, deal size, then the
// very email and the disclaimer.
func askForConsent(v *visit) error {
	c, open, err := v.openClaim("send-consent", "resend-consent")
	if err != nil || !open {
		return err
	}
	var preview consentPreview
	again := c.DealSize != nil
	dealSize := step{Name: "dealSize", Fields: []field{{Name: "dealSize", Kind: amountField, Pointer: "/dealSize",
		Max: 20}}}
	if again {
		dealSize = step{Name: "dealSize", Content: func(*form) []g.Node {
			return []g.Node{v.facts("fact.dealSize", v.words.money(*c.DealSize)),
				h.P(h.Class("hint"), v.words.text("dealSizeStands"))}
		}}
	}
	return v.run(wizard{
		Title:  v.words.say("askForConsent"),
		Lead:   v.aboutClaim(c),
		Leave:  leave{claimPath(c.ID), v.words.say("toClaim")},
		Submit: v.words.say("sendForConsent"),
		Begin:  func(f *form) { f.fillContacts(c.CustomerContact, &c.PartnerContact) },
		Steps: []step{
			{Name: "contacts", Fields: contactFields(v.words, c.CustomerContact), Check: func(f *form) error {
				_, err := v.api.previewConsent(v.r.Context(), c.ID, f.consentRequest(c))
				return err
			}},
			dealSize,
			{
				Name:   "review",
				Fields: []field{{Name: "disclaimerAccepted", Kind: consentField, Pointer: "/disclaimerAccepted"}},
				Load: func(f *form) (err error) {
					preview, err = v.api.previewConsent(v.r.Context(), c.ID, f.consentRequest(c))
					f.values.Set("disclaimerVersion", preview.Disclaimer.Version)
					return err
				},
				Content: func(f *form) []g.Node { return v.previewNodes(c, f, preview) },
				CSP:     func(*form) string { return v.p.cspFor(preview.HTML) },
			},
		},
		Send: func(f *form) (string, error) {
			request := f.consentRequest(c)
			request.DisclaimerAccepted = f.get("disclaimerAccepted") == "yes"
			request.DisclaimerVersion = f.get("disclaimerVersion")
			_, err := v.api.sendConsent(v.r.Context(), f.get("key"), c.ID, request)
			return claimPath(c.ID) + "?done=sent", err
		},
	})
}

// contactFields are the fields of both contacts, and of why they do not match where that is asked for. The customer's
// contact so far, which may be nil, keeps its language.
func contactFields(w *words, customer *contact) []field {
	languages := []option{{Value: "", Text: w.say("theirBrowser")}}
	for _, locale := range mail.Locales {
		languages = append(languages, option{Value: string(locale), Text: languageName(string(locale))})
	}
	if customer != nil {
		languages = withOption(languages, customer.Locale, languageName(customer.Locale))
	}
	return []field{
		{Name: "customerName", Kind: textField, Pointer: "/customerContact/name", Max: 120},
		{Name: "customerEmail", Kind: emailField, Pointer: "/customerContact/email"},
		{Name: "customerPhone", Kind: phoneField, Pointer: "/customerContact/phone", Optional: true},
		{Name: "locale", Kind: selectField, Pointer: "/customerContact/locale", Optional: true, Options: languages},
		{Name: "mismatchReason", Kind: longField, Pointer: "/mismatchReason", Max: 500, Judged: true,
			Shown: func(f *form) bool { return f.asks("mismatchReason") }},
		{Name: "partnerName", Kind: textField, Pointer: "/partnerContact/name", Max: 120},
		{Name: "partnerEmail", Kind: emailField, Pointer: "/partnerContact/email"},
		{Name: "partnerPhone", Kind: phoneField, Pointer: "/partnerContact/phone", Optional: true},
	}
}

// fillContacts fills in the fields of contacts.
func (f *form) fillContacts(customer, partner *contact) {
	for prefix, contact := range map[string]*contact{"customer": customer, "partner": partner} {
		if contact != nil {
			f.values.Set(prefix+"Name", contact.Name)
			f.values.Set(prefix+"Email", contact.Email)
			f.values.Set(prefix+"Phone", contact.Phone)
		}
	}
	if customer != nil {
		f.values.Set("locale", customer.Locale)
	}
}

// contacts gives the contacts that were typed.
func (f *form) contacts() (customer, partner contact) {
	return contact{Name: f.get("customerName"), Email: f.get("customerEmail"), Phone: f.get("customerPhone"),
			Locale: f.get("locale")},
		contact{Name: f.get("partnerName"), Email: f.get("partnerEmail"), Phone: f.get("partnerPhone")}
}

// consentRequest is what the steps before the last say so far. A contact replaces the old one whole, so what the form
// does not ask stays.
func (f *form) consentRequest(c claim) consentRequest {
	customer, partner := f.contacts()
	partner.Locale, partner.Notices = c.PartnerContact.Locale, c.PartnerContact.Notices
	request := consentRequest{CustomerContact: &customer, PartnerContact: &partner,
		MismatchReason: plainLines(f.get("mismatchReason"))}
	if typed := f.get("dealSize"); typed != "" && c.DealSize == nil {
		request.DealSize = &money{plainAmount(typed), "USD"}
	}
	return request
}

// previewNodes are the email as it will go out, and the disclaimer.
func (v *visit) previewNodes(c claim, f *form, preview consentPreview) []g.Node {
	if preview.HTML == "" {
		return nil // the preview failed, and the summary says so
	}
	w := v.words
	dealSize := w.money(money{plainAmount(f.get("dealSize")), "USD"})
	if c.DealSize != nil {
		dealSize = w.money(*c.DealSize)
	}
	return []g.Node{
		v.facts(
			"fact.to", preview.To, "fact.replyTo", preview.ReplyTo, "fact.subject", preview.Subject,
			"field.locale", languageName(preview.Locale), "fact.dealSize", dealSize,
			"fact.sendsLeft", w.say("sendsLeft", "n", w.number(preview.SendsLeft)),
		),
		h.H3(w.text("theEmail")),
		h.IFrame(h.Title(w.say("theEmail")), g.Attr("sandbox", ""), g.Attr("srcdoc", preview.HTML), h.TabIndex("0")),
		h.Details(h.Summary(w.text("asText")), h.Pre(h.Lang(preview.Locale), h.TabIndex("0"), g.Text(preview.Text))),
		h.H3(w.text("disclaimer")),
		h.P(h.Class("disclaimer lines"), h.Lang(preview.Disclaimer.Locale), g.Text(preview.Disclaimer.Text)),
	}
}

// pattern gives a regular expression that is compiled when it is first needed: a cold start needs none.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

var styleElements = pattern(`(?s)<style>(.*?)</style>`)

// cspFor is the policy of the page with an email's preview, whose frame inherits it: its style attributes, and the very
// style elements that it has, are allowed there.
func (p *portal) cspFor(email string) string {
	styles := "style-src 'self'"
	for _, element := range styleElements().FindAllStringSubmatch(email, -1) {
		sum := sha256.Sum256([]byte(element[1]))
		styles += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return strings.Replace(p.csp, "style-src 'self'", styles+"; style-src-attr 'unsafe-inline'", 1)
}

var (
	withCommas = pattern(`^\d{1,3}(,\d{3})+(\.\d+)?$`)
	withPoints = pattern(`^\d{1,3}(\.\d{3})+(,\d+)?$`)
	cents      = pattern(`^\d+,\d{1,2}$`)
)

// plainAmount gives an amount as the API takes it, however its writer groups digits. What is no amount stays for the
// API to refuse.
func plainAmount(typed string) string {
	amount := strings.Map(func(r rune) rune {
		if slices.Contains([]rune(" \u00a0\u202f'’$"), r) {
			return -1
		}
		return r
	}, typed)
	switch {
	case withCommas().MatchString(amount):
		return strings.ReplaceAll(amount, ",", "")
	case withPoints().MatchString(amount) && (strings.Contains(amount, ",") || strings.Count(amount, ".") > 1):
		return strings.ReplaceAll(strings.ReplaceAll(amount, ".", ""), ",", ".")
	case cents().MatchString(amount):
		return strings.Replace(amount, ",", ".", 1)
	}
	return amount
}

// plainLines makes the line ends of the web plain.
func plainLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
