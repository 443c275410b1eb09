package mci

import (
	"slices"
	"strings"
	"time"
)

// SignalCode names what speaks against a claim's consent (D24).
type SignalCode string

// Every signal there is.
const (
	SignalDomainUnknown   SignalCode = "contact-domain-unknown"
	SignalDomainOfAnother SignalCode = "contact-domain-of-another-customer"
	SignalDomainOfPartner SignalCode = "contact-domain-of-partner"
	SignalContactChanged  SignalCode = "contact-changed"
	SignalPartnersNetwork SignalCode = "answered-from-partner-network"
	SignalAnsweredAtOnce  SignalCode = "answered-at-once"
)

// answeredAtOnceWithin is how soon after an email an answer is suspicious.
const answeredAtOnceWithin = 30 * time.Second

// signalDetails say each signal to a person.
var signalDetails = map[SignalCode]string{
	SignalDomainUnknown:   "The contact's email domain leads to no tenant.",
	SignalDomainOfAnother: "The contact's email domain leads to another customer.",
	SignalDomainOfPartner: "The contact's email domain is the partner's.",
	SignalContactChanged:  "The address that answered is not the one first given.",
	SignalPartnersNetwork: "The answer came from a network address from which a user of the partner had acted on " +
		"this claim.",
	SignalAnsweredAtOnce: "The answer came within 30 seconds of an email being sent.",
}

// Signal is what speaks against a consent, for machines and for people.
type Signal struct {
	Code   SignalCode `json:"code"`
	Detail string     `json:"detail"`
}

// Signals gives what speaks against the claim's consent (D24), by its history. Private details that were erased tell
// nothing any more.
func (c Claim) Signals(h History) []Signal {
	var domain, firstContact, lastContact, answeredFrom string
	var acted []string // the addresses from which the partner's users acted before the answer
	var sent []time.Time
	var answered time.Time
	for _, event := range h.Events {
		if findings := event.Detail["contactDomain"]; findings != "" {
			domain = findings
		}
		if contact := h.private(event.Seq, PartCustomer)[privateContact]; contact != "" {
			if firstContact == "" {
				firstContact = contact
			}
			lastContact = contact
		}
		if event.Type == EmailSent {
			sent = append(sent, event.At)
		}
		if event.Type == ConsentAccepted || event.Type == ConsentDeclined {
			answered = event.At
			answeredFrom = h.private(event.Seq, PartCustomer)[privateAddress]
		}
		if answered.IsZero() {
			acted = append(acted, strings.Fields(h.private(event.Seq, PartUser)[privateAddresses])...)
		}
	}
	findings := strings.Fields(domain)
	holds := map[SignalCode]bool{
		SignalDomainUnknown:   slices.Contains(findings, string(DomainUnknown)),
		SignalDomainOfAnother: slices.Contains(findings, string(DomainOfAnotherCustomer)),
		SignalDomainOfPartner: slices.Contains(findings, string(DomainOfPartner)),
		SignalContactChanged:  !answered.IsZero() && !SameAddress(addressOf(firstContact), addressOf(lastContact)),
		SignalPartnersNetwork: answeredFrom != "" && slices.Contains(acted, answeredFrom),
		SignalAnsweredAtOnce: slices.ContainsFunc(sent, func(at time.Time) bool {
			return !answered.IsZero() && !answered.Before(at) && answered.Sub(at) <= answeredAtOnceWithin
		}),
	}
	signals := []Signal{}
	for _, code := range SignalCodes {
		if holds[code] {
			signals = append(signals, Signal{code, signalDetails[code]})
		}
	}
	return signals
}

// SignalCodes lists every signal.
var SignalCodes = []SignalCode{
	SignalDomainUnknown, SignalDomainOfAnother, SignalDomainOfPartner, SignalContactChanged, SignalPartnersNetwork,
	SignalAnsweredAtOnce,
}

// addressOf gives the address in a contact's line.
func addressOf(contact string) string {
	_, rest, _ := strings.Cut(contact, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}
