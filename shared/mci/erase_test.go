package mci

import (
	"slices"
	"testing"
)

func TestD37_AnAddressIsFoundWholeAndByNoPartOfOne(t *testing.T) {
	tests := []struct {
		text  string
		named []string
		other []string // that are not named
	}{
		{"kim@contoso.com", []string{"kim@contoso.com", "KIM@Contoso.COM"}, []string{"im@contoso.com", "kim@contoso.co",
			"@", "@contoso.com", "contoso.com"}},
		{"Ask Kim <kim@contoso.com>, or 'lee@contoso.com'.", []string{"kim@contoso.com", "lee@contoso.com"},
			[]string{"im@contoso.com"}},
		{"o'brien@contoso.com", []string{"o'brien@contoso.com"}, []string{"brien@contoso.com"}},
		{"a+kim@contoso.com", []string{"a+kim@contoso.com"}, []string{"kim@contoso.com"}},
		{"kim@münchen.example!", []string{"kim@xn--mnchen-3ya.example", "kim@MÜNCHEN.example"},
			[]string{"kim@nchen.example"}},
		{"担当はkim@contoso.comに", []string{"kim@contoso.com"}, []string{"im@contoso.com"}},
		{"kim@contoso.com.", []string{"kim@contoso.com"}, nil},
		{"mailto:kim@contoso.com?subject=x", []string{"kim@contoso.com"}, nil},
		{"kim@sales.contoso.com", []string{"kim@sales.contoso.com"}, []string{"kim@contoso.com"}},
		{"kim at contoso.com, @, a@, @b.com", nil, []string{"kim@contoso.com", "a@b.com"}},
	}
	for _, test := range tests {
		addresses := AddressesIn(test.text)
		for _, address := range test.named {
			if !slices.Contains(addresses, NormalAddress(address)) {
				t.Errorf("%q does not name %s: %q", test.text, address, addresses)
			}
		}
		for _, address := range test.other {
			if slices.Contains(addresses, NormalAddress(address)) {
				t.Errorf("%q names %s", test.text, address)
			}
		}
	}
	brien := Contact{Name: "Pat", Email: "o'brien@contoso.com", Phone: "+1 425"}
	if Person("brien@contoso.com").isIn(privateContact, brien.String()) ||
		!Person("O'Brien@contoso.com").isIn(privateContact, brien.String()) {
		t.Error("a contact is not found by its own address alone")
	}
}
