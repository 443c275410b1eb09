package mci

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// ErasedContact stands where a person's data was erased: no email can be sent to it.
var ErasedContact = Contact{Name: erasedText, Email: "erased@erased.invalid"}

const erasedText = "(erased)"

// Person is whose data is to be found or erased: by a whole email address, or everybody's on a claim for "" (D37).
type Person string

// is says whether a contact is the person's, whatever the spelling of the address.
func (p Person) is(contact Contact) bool {
	return contact != ErasedContact && (p == "" || SameAddress(contact.Email, string(p)))
}

// isIn says whether a private detail names the person by the whole address, and by no part of one.
func (p Person) isIn(key, text string) bool {
	switch {
	case p == "":
		return text != ""
	case key == privateContact: // "Kim <kim@contoso.com> …"
		address, _, _ := strings.Cut(text[strings.LastIndexByte(text, '<')+1:], ">")
		return SameAddress(address, string(p))
	}
	return slices.Contains(AddressesIn(text), NormalAddress(string(p)))
}

// AddressesIn gives every email address that a text names, in the form of NormalAddress. A sign of punctuation beside
// an address may be part of it or not, and so may be letters of a script that writes without spaces: both are given.
func AddressesIn(text string) []string {
	var addresses []string
	for i := range len(text) {
		if text[i] != '@' {
			continue
		}
		local, domain := text[strings.LastIndexFunc(text[:i], notInLocal)+1:i], text[i+1:]
		local = strings.TrimLeftFunc(local, notInLocal) // the rest of a character of several bytes
		if end := strings.IndexFunc(domain, notInDomain); end >= 0 {
			domain = domain[:end]
		}
		ascii := domain
		if end := strings.IndexFunc(domain, func(r rune) bool { return r > unicode.MaxASCII }); end >= 0 {
			ascii = domain[:end]
		}
		for _, local := range []string{local, strings.Trim(local, punctuation)} {
			for _, domain := range []string{domain, ascii} {
				address, err := ParseEmail(local + "@" + strings.TrimRight(domain, ".-"))
				if normal := NormalAddress(address); err == nil && !slices.Contains(addresses, normal) {
					addresses = append(addresses, normal)
				}
			}
		}
	}
	return addresses
}

// punctuation is what an address may have before the @ beside letters and digits.
const punctuation = "!#$%&'*+-/=?^_`{|}~."

func notInLocal(r rune) bool {
	return !strings.ContainsRune(alphanumerics+punctuation, r)
}

func notInDomain(r rune) bool {
	return r != '.' && r != '-' && r != '。' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

// PersonalData is a part of an event's private detail that concerns a person.
type PersonalData struct {
	Seq  int               `json:"seq"`
	At   time.Time         `json:"at"`
	Type EventType         `json:"type"`
	Part Part              `json:"part"`
	Data map[string]string `json:"data"`
}

// PersonalData gives everything of a claim's history that Erase would erase, in order.
func (c Claim) PersonalData(p Person, h History) []PersonalData {
	concerns := c.concerning(p, h)
	var all []PersonalData
	for _, event := range h.Events {
		for _, private := range h.Private {
			for _, part := range Parts {
				if private.Seq == event.Seq && concerns(private, part) {
					all = append(all, PersonalData{event.Seq, event.At, event.Type, part, private.Parts[part].Data})
				}
			}
		}
	}
	return all
}

// concerning says which parts of private details concern a person: those that name the person, and, if the person was
// asked for consent, the evidence of the answer and the texts typed beside it.
func (c Claim) concerning(p Person, h History) func(Private, Part) bool {
	asked := p.is(c.CustomerContact)
	for _, private := range h.Private {
		asked = asked || p.names(private.Parts[PartCustomer])
	}
	return func(private Private, part Part) bool {
		kept := private.Parts[part]
		if kept == nil || kept.ErasedAt != nil {
			return false
		}
		answer := part == PartCustomer && kept.Data[privateContact] == ""
		return p == "" || p.names(kept) || asked && (answer || part == PartTyped)
	}
}

// Erase gives the claim without a person's data, and the private details in which something was erased. What happened,
// when, and what the claim pays stays, and so does the chain (B1). It says whether there was anything to erase: of an
// erasure that was cut short, that may be the claim's own fields alone.
func (c Claim) Erase(p Person, h History, now time.Time) (after Claim, erased []Private, found bool) {
	concerns := c.concerning(p, h)
	for i, private := range h.Private {
		parts := make(map[Part]*PrivatePart, len(private.Parts))
		changed := false
		for part, kept := range private.Parts {
			if parts[part] = kept; concerns(private, part) {
				parts[part], changed = &PrivatePart{ErasedAt: &now}, true
			}
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
		after.CustomerContact, after.Email.AddressHash = ErasedContact, ""
	}
	if fields["partnerContact"] == ErasedContact.String() {
		after.PartnerContact = ErasedContact
	}
	found = len(erased) > 0 || !maps.Equal(after.recordedFields(), c.recordedFields())
	if found {
		after.Version++
		after.Corrected = true
	}
	return after, erased, found
}

// Erased says that everybody's data on the claim was erased.
func (c Claim) Erased() bool {
	return c.CustomerContact == ErasedContact && c.PartnerContact == ErasedContact
}

// names says whether a part of a private detail names the person.
func (p Person) names(part *PrivatePart) bool {
	if part == nil {
		return false
	}
	for key, text := range part.Data {
		if p.isIn(key, text) {
			return true
		}
	}
	return false
}
