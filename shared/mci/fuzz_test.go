package mci_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mci.example/customers/shared/mci"
)

// What is taken as an ID is its own only spelling, so that two texts never lead to one claim.
func FuzzAClaimsIDHasOneSpelling(f *testing.F) {
	id := mci.NewClaimID("01AN4Z07BY79KA1307SR9X4MV3", "partner-1")
	for _, seed := range []string{string(id), "R" + string(id), "RR" + string(id), string(id) + "\n",
		strings.ToLower(string(id)), "01AN4Z07BY79KA1307SR9X4MV3-", "-", "R", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := mci.ParseClaimID(text); ok {
			if string(id) != text || id.PartnerID() == "" || mci.NewClaimID(id.Ordinal(), id.PartnerID()) != id {
				t.Errorf("%q is taken as the claim %q of %q", text, id, id.PartnerID())
			}
			if again, ok := mci.ParseReferralID("R" + text); !ok || again != id {
				t.Errorf("the referral of %q is of %q", id, again)
			}
		}
		if id, ok := mci.ParseReferralID(text); ok && "R"+string(id) != text {
			t.Errorf("%q is taken as the referral of %q", text, id)
		}
	})
}

// A token is its own only spelling, and leads back to the claim and the secret that it was made of.
func FuzzATokenHasOneSpelling(f *testing.F) {
	id := mci.NewClaimID("01AN4Z07BY79KA1307SR9X4MV3", "partner-1")
	token, _ := mci.NewConsentToken(id, make([]byte, mci.TokenSecret))
	short, _ := mci.NewConsentToken(id, make([]byte, mci.TokenSecret-1))
	for _, seed := range []string{token, short, token + ".", strings.Replace(token, ".", "=.", 1), "A\n" + token[1:],
		token[:42] + "B" + token[43:], ".", ""} {
		f.Add(seed, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, text string, secret []byte) {
		if id, hash, ok := mci.ParseConsentToken(text); ok {
			encoded, _, _ := strings.Cut(text, ".")
			if len(encoded) != 43 || strings.Trim(encoded,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" ||
				text != encoded+"."+string(id) || len(hash) != 64 {
				t.Errorf("%q is taken as a token of %q", text, id)
			}
		}
		token, hash := mci.NewConsentToken(id, secret)
		parsed, again, ok := mci.ParseConsentToken(token)
		if ok != (len(secret) == mci.TokenSecret) || ok && (parsed != id || again != hash) {
			t.Errorf("a secret of %d bytes makes the token %q, which is taken: %v, %q", len(secret), token, ok, parsed)
		}
	})
}

// The directory knows one form of a customer ID: bringing it there again changes nothing, and it is fit for a key.
func FuzzACustomerIDIsBroughtIntoOneForm(f *testing.F) {
	for i, seed := range []string{
		"contoso.com", "CONTOSO.com.", "münchen.example", "xn--mnchen-3ya.example", "a..b", ".", "1.2.3.4", "ﬁ.example",
		"a\u00ad.example", "\x81.0",
		"3F2504E0-4F89-41D3-9A0C-0305E82C3301", "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}",
		"urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301",
		" 640214 ", "0", "٣", "7-3KQ9ZTR2", "a#b", "", "\x00",
	} {
		f.Add(uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		idType := mci.IDTypes[int(kind)%len(mci.IDTypes)]
		id, err := mci.ParseCustomerID(idType, text)
		if err != nil {
			if err.Error() == "" {
				t.Errorf("%s %q is refused without a word", idType, text)
			}
			return
		}
		again, err := mci.ParseCustomerID(idType, id.Value)
		if err != nil || again != id {
			t.Errorf("%s %q is brought into the form %q, and that into %q: %v", idType, text, id.Value, again.Value,
				err)
		}
		if id.Type != idType || id.Value == "" || len(id.Value) > 255 ||
			strings.Trim(id.Value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
			t.Errorf("%s %q is brought into the form %q", idType, text, id.Value)
		}
	})
}

// An address that is taken cannot end a line of an email's header or name a second recipient, and leads to a domain.
func FuzzAnAddressIsOneRecipient(f *testing.F) {
	for _, seed := range []string{
		"ana@contoso.com", " ana@CONTOSO.com ", "ana@münchen.example", `"a b"@contoso.com`, `"a\"b"@contoso.com`,
		"a@b@contoso.com", "ana@contoso.com, eve@evil.example",
		"ana@contoso.com\r\nBcc: eve@evil.example", "Ana <ana@contoso.com>", "(c)ana@contoso.com", "ana@[127.0.0.1]",
		"ana@1.2.3.4", "анна@contoso.com", ".a@contoso.com", "0@\xe2.0", "@",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := mci.ParseEmail(text)
		if err != nil {
			return
		}
		for _, r := range address {
			if r <= ' ' || r > '~' || strings.ContainsRune("<>,;", r) && !strings.Contains(address, `"`) {
				t.Errorf("%q is taken as %q", text, address)
			}
		}
		domain := mci.EmailDomain(address)
		if normal, err := mci.ParseDomain(domain); err != nil || normal != domain || len(address) > 254 {
			t.Errorf("%q is taken as %q, at the domain %q: %v", text, address, domain, err)
		}
		if again, err := mci.ParseEmail(address); err != nil || again != address {
			t.Errorf("%q is taken as %q, and that as %q: %v", text, address, again, err)
		}
	})
}

// Text that is taken shows what it holds, and an amount is read as it is written.
func FuzzTextAndMoneyAreAsTheyAreWritten(f *testing.F) {
	for _, seed := range []string{"Contoso", " ", "a\x00", "\u202e", "a\r\nb", "\xff", "1250.00", "01", "1e3", "-1",
		"999999999999999.99", "0.005", "+1 425 555 0100", "()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if mci.CheckText(text, 100) == nil && (utf8.RuneCountInString(text) > 100 || strings.ContainsAny(text,
			"\x00\x1b\u2028\u2029\u202e\u2066\ufeff\ufffd\u0085")) {
			t.Errorf("the text %q is taken", text)
		}
		if mci.CheckLine(text, 100) == nil && (mci.CheckText(text, 100) != nil || strings.TrimSpace(text) == "" ||
			strings.ContainsAny(text, "\r\n\t")) {
			t.Errorf("the line %q is taken", text)
		}
		if mci.CheckPhone(text) == nil && (len(text) < 3 || len(text) > 40 || strings.ContainsAny(text, "\r\n\t<>\"")) {
			t.Errorf("the phone number %q is taken", text)
		}
		if money, err := mci.ParseMoney(text); err == nil {
			whole, cents, _ := strings.Cut(text, ".")
			if got, want := money.String(), whole+"."+(cents + "00")[:2]; got != want {
				t.Errorf("%q is read as %s", text, got)
			}
		}
		if day, err := mci.ParseDate(text); err == nil && (string(day) != text || len(text) != 10) {
			t.Errorf("%q is read as the day %s", text, day)
		}
	})
}
