package mci

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Currency is the only one that the program pays and counts in.
const Currency = "USD"

// Money is an amount of US dollars: decimal, never floating point, whole cents (D8). The zero value is no money.
// JSON shows it as {"amount":"1250.00","currency":"USD"}; the table stores the amount.
type Money struct{ dollars decimal.Decimal }

// ParseMoney reads an amount such as "1250", "1250.5" or "1250.00". It refuses signs, exponents, more than two places
// and more than fifteen digits before the point.
func ParseMoney(amount string) (Money, error) {
	whole, cents, hasCents := strings.Cut(amount, ".")
	if whole != "0" && !spelled(whole, 1, 15, "123456789", digits) || hasCents &&
		!spelled(cents, 1, 2, digits, digits) {
		return Money{}, fmt.Errorf("an amount is a decimal number of dollars with at most two places, such as 1250.00")
	}
	dollars, err := decimal.NewFromString(amount)
	if err != nil {
		return Money{}, fmt.Errorf("reading an amount: %w", err)
	}
	return Money{dollars}, nil
}

// MustMoney is ParseMoney for amounts that the program's own text holds; it panics on any other.
func MustMoney(amount string) Money {
	m, err := ParseMoney(amount)
	if err != nil {
		panic(err)
	}
	return m
}

// round gives whole cents, half to even (D8).
func round(dollars decimal.Decimal) Money { return Money{dollars.RoundBank(2)} }

// String gives the amount with two places: "1250.00".
func (m Money) String() string { return m.dollars.StringFixedBank(2) }

// Less says whether m is the smaller amount.
func (m Money) Less(other Money) bool { return m.dollars.LessThan(other.dollars) }

// Equal says whether both are the same amount, however it was written.
func (m Money) Equal(other Money) bool { return m.dollars.Equal(other.dollars) }

// MarshalText gives the amount, as the table stores it.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText gave.
func (m *Money) UnmarshalText(text []byte) error {
	parsed, err := ParseMoney(string(text))
	*m = parsed
	return err
}

// moneyJSON is how the API shows money.
type moneyJSON struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// MarshalJSON gives the API's form.
func (m Money) MarshalJSON() ([]byte, error) {
	return []byte(`{"amount":"` + m.String() + `","currency":"` + Currency + `"}`), nil
}

// UnmarshalJSON reads the API's form, in US dollars only.
func (m *Money) UnmarshalJSON(text []byte) error {
	var read moneyJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return fmt.Errorf("reading money: %w", err)
	}
	if read.Currency != Currency {
		return fmt.Errorf("money is in %s", Currency)
	}
	return m.UnmarshalText([]byte(read.Amount))
}
