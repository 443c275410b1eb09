package mci

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

func TestD8_WhatIsAnAmount(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0.00", "0.0": "0.00", "0.01": "0.01", "1": "1.00", "1.5": "1.50", "1250.00": "1250.00",
		"999999999999999.99": "999999999999999.99", "1000000000000": "1000000000000.00",
	} {
		amount, err := ParseMoney(text)
		if err != nil || amount.String() != want {
			t.Errorf("%q is %s (%v), not %s", text, amount, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "-1", "+1", "1.", ".5", "1.234", "01", "00", "1,000", "1 000", "1e3", "1E3", "0x1", "NaN", "Inf", "١",
		"１",
		"1.0.0", "1\n", " 1", "$1", "1000000000000000", "--1", "1..0",
	} {
		if amount, err := ParseMoney(text); err == nil {
			t.Errorf("%q is taken for %s", text, amount)
		}
	}
}

func TestD8_AmountsAreShownAndStoredAlike(t *testing.T) {
	for _, text := range []string{"0.00", "0.10", "1250.00", "999999999999999.99"} {
		amount := MustMoney(text)
		shown, err := json.Marshal(amount)
		if want := `{"amount":"` + text + `","currency":"USD"}`; err != nil || string(shown) != want {
			t.Errorf("%s is shown as %s (%v)", text, shown, err)
		}
		var read Money
		if err := json.Unmarshal(shown, &read); err != nil || !read.Equal(amount) {
			t.Errorf("%s is read as %s (%v)", shown, read, err)
		}
		stored, err := amount.MarshalText()
		if err != nil || string(stored) != text || read.UnmarshalText(stored) != nil || !read.Equal(amount) {
			t.Errorf("%s is stored as %s (%v)", text, stored, err)
		}
	}
	for _, other := range []string{`{"amount":"1.00","currency":"EUR"}`, `{"amount":"1.00"}`,
		`{"amount":1,"currency":"USD"}`, `"1.00"`, `1`, `{"amount":"","currency":"USD"}`} {
		if err := json.Unmarshal([]byte(other), new(Money)); err == nil {
			t.Errorf("%s is taken for money", other)
		}
	}
	if !MustMoney("1").Equal(MustMoney("1.00")) || !MustMoney("9.99").Less(MustMoney("10")) ||
		MustMoney("10.00").Less(MustMoney("10")) {
		t.Error("amounts are compared by how they are written")
	}
}

func TestD8_CentsAreRoundedHalfToEven(t *testing.T) {
	for exact, want := range map[string]string{
		"0.005": "0.00", "0.015": "0.02", "0.025": "0.02", "0.035": "0.04", "0.0050000000001": "0.01",
		"0.0149999999999": "0.01", "2.675": "2.68", "1.005": "1.00", "1.115": "1.12",
		"0.995": "1.00", "0.985": "0.98", "99.995": "100.00", "1234567890123.455": "1234567890123.46", "0.0049": "0.00",
		"0.0051": "0.01", "7": "7.00",
	} {
		if got := round(decimal.RequireFromString(exact)).String(); got != want {
			t.Errorf("%s is rounded to %s, not %s", exact, got, want)
		}
	}
}

func TestD8_Payout(t *testing.T) {
	share := func(text string) Share {
		s, err := ParseShare(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, test := range map[string]struct {
		perHour, most, share, value string
		hours                       int
		want                        string
	}{
		"the hours at the rate":                {"95.50", "100000.00", "1", "1000000.00", 41, "3915.50"},
		"the most, to the cent":                {"100.00", "2500.01", "1", "1000000.00", 26, "2500.01"},
		"the share, to the cent":               {"100.00", "5000.00", "0.15", "1000.07", 20, "150.01"},
		"the share, half a cent to even":       {"100.00", "5000.00", "0.15", "1000.10", 20, "150.02"}, // 150.015
		"the share, half a cent to even, down": {"100.00", "5000.00", "0.05", "1000.50", 20, "50.02"},  // 50.025
		"the share is rounded, not the rate":   {"0.01", "5000.00", "0.5", "0.03", 2, "0.02"},          // 0.015 of 0.02
		"a tenth that no binary fraction is":   {"0.10", "5000.00", "1", "1000.00", 3, "0.30"},
		"no opportunity's value, no pay":       {"100.00", "5000.00", "0.5", "0.00", 20, "0.00"},
		"no share, no pay":                     {"100.00", "5000.00", "0", "1000000.00", 20, "0.00"},
		"a share written with many places": {"100.00", "5000.00", "0.123456789012345678", "10000.00", 100,
			"1234.57"},
	} {
		rates := Rates{PerHour: MustMoney(test.perHour), MaxPayout: MustMoney(test.most),
			MaxShareOfOpportunity: share(test.share)}
		if got, _ := rates.Payout(test.hours, MustMoney(test.value)); got.String() != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}

func TestD8_WhatIsAShare(t *testing.T) {
	for _, good := range []string{"0", "1", "0.15", "0.5", "1.0"} {
		if _, err := ParseShare(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-0.1", "1.01", "15%", "1/2", "2", "NaN", strings.Repeat("0", 30),
		"0." + strings.Repeat("1", 30), "1e-400000"} {
		if share, err := ParseShare(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, share)
		}
	}
}
