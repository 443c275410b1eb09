package mci

import (
	"slices"
	"strings"
	"time"
)

// ErasedContact stands where a person's data was erased: no email can be sent to it.
var ErasedContact = Contact{Name: erasedText, Email: "erased@erased.invalid"}

const erasedText = "(erased)"

// Person is whose data is to be erased: by email address, or everybody's on a claim for "".
type Person string

// in says whether a text speaks of the person, by the address.
func (p Person) in(text string) bool {
	return p == "" || strings.Contains(strings.ToLower(text), strings.ToLower(string(p)))
}

func (p Person) is(contact Contact) bool {
	return contact != ErasedContact && (p == "" || strings.EqualFold(contact.Email, string(p)))
}

// Erase gives the claim without a person's data, and what is left of the private details that held some: all that speak of
// the person, and where the person was asked for consent, all that came with the answer. What happened, when, and what the
// claim pays stays, and so does the chain (B1). It says whether there was anything to erase.
func (c Claim) Erase(p Person, h History, now time.Time) (after Claim, erased []Private, found bool) {
	after = c
	asked := p.is(c.CustomerContact) || slices.ContainsFunc(h.Private, func(private Private) bool {
		return private.Data["customerContact"] != "" && p.in(private.Data["customerContact"])
	})
	answers := map[int]bool{}
	for _, event := range h.Events {
		answers[event.Seq] = event.Type == ConsentAccepted || event.Type == ConsentDeclined
	}
	for _, private := range h.Private {
		speaks := false
		for _, text := range private.Data {
			speaks = speaks || p.in(text)
		}
		if private.ErasedAt == nil && (p == "" || speaks || asked && answers[private.Seq]) {
			erased = append(erased, private.Erased(now))
		}
	}
	replace := func(text *string, holds bool, by string) {
		if holds && *text != "" {
			*text = by
		}
	}
	replace(&after.FriendlyName, p.in(c.FriendlyName) || asked && strings.Contains(strings.ToLower(c.FriendlyName), strings.ToLower(c.CustomerContact.Name)), erasedText)
	replace(&after.DeclineReason, asked || p.in(c.DeclineReason), "")
	replace(&after.MismatchReason, asked || p.in(c.MismatchReason), "")
	if p.is(c.CustomerContact) {
		after.CustomerContact = ErasedContact
	}
	if p.is(c.PartnerContact) {
		after.PartnerContact = ErasedContact
	}
	changed := after.FriendlyName != c.FriendlyName || after.DeclineReason != c.DeclineReason || after.MismatchReason != c.MismatchReason ||
		after.CustomerContact != c.CustomerContact || after.PartnerContact != c.PartnerContact
	if changed {
		after.Version++
	}
	return after, erased, changed || len(erased) > 0
}
