package mci

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// Share is a part of an amount, as a decimal number from 0 to 1: "0.15" is 15 %.
type Share struct{ part decimal.Decimal }

// ParseShare reads a share.
func ParseShare(text string) (Share, error) {
	part, err := decimal.NewFromString(text)
	if err != nil || len(text) > 20 || part.IsNegative() || part.GreaterThan(decimal.NewFromInt(1)) {
		return Share{}, fmt.Errorf("a share is a decimal number from 0 to 1, such as 0.15")
	}
	return Share{part}, nil
}

// String gives the share as it was written.
func (s Share) String() string { return s.part.StringFixed(-s.part.Exponent()) }

// MarshalText gives the share as JSON and the table hold it.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText gave.
func (s *Share) UnmarshalText(text []byte) error {
	parsed, err := ParseShare(string(text))
	*s = parsed
	return err
}

// PayoutBasis is what variable pay was computed from, and which bound decided (S17, D8).
type PayoutBasis struct {
	Hours                 int    `json:"hours"`
	PerHour               Money  `json:"perHour"`
	OpportunityValue      Money  `json:"opportunityValue"`
	MaxPayout             Money  `json:"maxPayout"`
	MaxShareOfOpportunity Share  `json:"maxShareOfOpportunity"`
	DecidedBy             string `json:"decidedBy"`
}

// What can decide on variable pay.
const (
	DecidedByHours     = "hours"
	DecidedByMaxPayout = "maxPayout"
	DecidedByMaxShare  = "maxShareOfOpportunity"
)

// Payout is what a claim of variable pay pays: the hours at the rate, at most the engagement's maximum and its share of
// the opportunity's value (S17, D8). Hours must be within the rates' bounds.
func (r Rates) Payout(hours int, value Money) (Money, PayoutBasis) {
	pay, decidedBy := r.PerHour.dollars.Mul(decimal.NewFromInt(int64(hours))), DecidedByHours
	if r.MaxPayout.dollars.LessThan(pay) {
		pay, decidedBy = r.MaxPayout.dollars, DecidedByMaxPayout
	}
	if share := r.MaxShareOfOpportunity.part.Mul(value.dollars); share.LessThan(pay) {
		pay, decidedBy = share, DecidedByMaxShare
	}
	return round(pay), PayoutBasis{hours, r.PerHour, value, r.MaxPayout, r.MaxShareOfOpportunity, decidedBy}
}
