package mci

import (
	"strings"
	"time"
)

// ErasedContact stands where a person's data was erased: no email can be sent to it.
var ErasedContact = Contact{Name: erasedText, Email: "erased@erased.invalid"}

const erasedText = "(erased)"

// Person is whose data is to be erased: by a whole email address, or everybody's on a claim for "" (D37).
type Person string

// is says whether a contact is the person's, whatever the spelling of the address.
func (p Person) is(contact Contact) bool {
	return contact != ErasedContact && (p == "" || SameAddress(contact.Email, string(p)))
}

// isIn says whether a text names the person by the whole address, and by no part of one.
func (p Person) isIn(text string) bool {
	if p == "" {
		return text != ""
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n<>()[]{},;:\"'", r) })
	for _, word := range words {
		if SameAddress(strings.TrimRight(word, ".!?"), string(p)) {
			return true
		}
	}
	return false
}

// Erase gives the claim without a person's data, and the private details in which something was erased: every part that
// names the person, where the person was asked for consent what came with the answer, and what was typed beside it.
// What happened, when, and what the claim pays stays, and so does the chain (B1). It says whether there was anything to
// erase.
func (c Claim) Erase(p Person, h History, now time.Time) (after Claim, erased []Private, found bool) {
	asked := p.is(c.CustomerContact)
	for _, private := range h.Private {
		asked = asked || p.names(private.Parts[PartCustomer])
	}
	events := make(map[int]EventType, len(h.Events))
	for _, event := range h.Events {
		events[event.Seq] = event.Type
	}
	for i, private := range h.Private {
		parts := make(map[Part]*PrivatePart, len(private.Parts))
		changed := false
		for part, kept := range private.Parts {
			answer := part == PartCustomer && kept.Data[privateContact] == ""
			of := p.names(kept) || p == "" || asked && (answer || part == PartTyped)
			if kept.ErasedAt == nil && of {
				kept, changed = &PrivatePart{ErasedAt: &now}, true
			}
			parts[part] = kept
		}
		if changed {
			h.Private[i].Parts = parts
			erased = append(erased, h.Private[i])
		}
	}
	after = c
	fields := replay(h)
	after.FriendlyName, after.MismatchReason = fields["friendlyName"], fields["mismatchReason"]
	after.DeclineReason, after.SubmissionNotes = fields["declineReason"], fields["submissionNotes"]
	after.ReviewReason = fields["reviewReason"]
	if fields["customerContact"] == ErasedContact.String() {
		after.CustomerContact = ErasedContact
	}
	if fields["partnerContact"] == ErasedContact.String() {
		after.PartnerContact = ErasedContact
	}
	if len(erased) > 0 {
		after.Version++
	}
	return after, erased, len(erased) > 0
}

// names says whether a part of a private detail names the person.
func (p Person) names(part *PrivatePart) bool {
	if part == nil {
		return false
	}
	for _, text := range part.Data {
		if p.isIn(text) {
			return true
		}
	}
	return false
}
