package mci

import (
	"slices"
	"time"
)

// NominatedCustomer is what a partner has to do with a customer that it nominated: by which IDs, in that order, and
// since when the customer is known to it. Eligible judges by these IDs alone (D5).
type NominatedCustomer struct {
	PartnerID  string          `json:"partnerId"`
	Customer   CustomerSummary `json:"customer"`
	IDs        []NominatedID   `json:"ids"`
	KnownSince *time.Time      `json:"knownSince,omitempty"` // the first consent to this partner on any claim
	Version    int             `json:"version"`
}

// Known says whether the customer gave this partner consent on any claim, whatever became of it.
func (n NominatedCustomer) Known() bool { return n.KnownSince != nil }

// CustomerIDs gives the IDs alone.
func CustomerIDs(nominated []NominatedID) []CustomerID {
	ids := make([]CustomerID, len(nominated))
	for i, id := range nominated {
		ids[i] = id.CustomerID
	}
	return ids
}

// With gives the customer as nominated by one more ID. The customer's name follows the program's directory.
func (n NominatedCustomer) With(partnerID string, customer CustomerSummary, id NominatedID) NominatedCustomer {
	n.PartnerID, n.Customer = partnerID, customer
	n.Version++
	n.IDs = slices.Clone(n.IDs)
	for i := range n.IDs {
		if n.IDs[i].CustomerID == id.CustomerID {
			n.IDs[i].ByDomain = n.IDs[i].ByDomain || id.ByDomain
			return n
		}
	}
	n.IDs = append(n.IDs, id)
	return n
}
