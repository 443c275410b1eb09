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
func (s Share) String() string { return s.part.String() }

// MarshalText gives the share as JSON and the table hold it.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText gave.
func (s *Share) UnmarshalText(text []byte) error {
	parsed, err := ParseShare(string(text))
	*s = parsed
	return err
}

// PayoutFor is what a claim on the engagement pays (S17, D8): the engagement's payout, or for variable pay the hours at
// the rate, at most the engagement's maximum and its share of the opportunity's value. Hours must be within the rates'
// bounds.
func (e Engagement) PayoutFor(hours int, opportunity *Opportunity) Money {
	if e.PayType == Fixed {
		return *e.Payout
	}
	pay := decimal.Min(
		e.Rates.PerHour.dollars.Mul(decimal.NewFromInt(int64(hours))),
		e.Rates.MaxPayout.dollars,
		e.Rates.MaxShareOfOpportunity.part.Mul(opportunity.Value.dollars),
	)
	return round(pay)
}
