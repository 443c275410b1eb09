package mail

import (
	"strings"
	"testing"
	"unicode"
)

// Whatever the partner calls itself, its contact and the claim's customer, the subject stays one line and nothing that was typed
// becomes part of the email's markup.
func FuzzNoNameLeavesItsPlaceInTheEmail(f *testing.F) {
	for i, seed := range []string{
		"Contoso", "Contoso\r\nBcc: eve@evil.example", "\u202egpj", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{.Link}}", "a\x00b", "\xff\xfe",
		"Ana <ana@contoso.com>", "ana@contoso.com, eve@evil.example", `"a\r\n"@contoso.com`, "ana@münchen.example", "=?utf-8?q?=0D=0ABcc:?=", "\u2028", strings.Repeat("x", 5000),
	} {
		f.Add(uint8(i), seed, seed)
	}
	f.Fuzz(func(t *testing.T, language uint8, name, address string) {
		message, err := Email(Locales[int(language)%len(Locales)], Ask{
			PartnerName: name, EngagementName: name, CustomerName: name, ContactName: name, PartnerContactName: name, PartnerContactEmail: address,
			Payout: Money{"1250.00", "USD"}, Link: "https://incentives.example/consent/token",
		})
		if err != nil {
			t.Fatalf("no email is made for %q: %v", name, err)
		}
		if strings.ContainsFunc(message.Subject, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }) {
			t.Errorf("the subject for %q is %q", name, message.Subject)
		}
		lower := strings.ToLower(message.HTML)
		for _, mark := range []string{"<script", "<img", "onerror=alert(1)>"} {
			if strings.Contains(lower, mark) {
				t.Errorf("%q becomes markup: %s", name, message.HTML)
			}
		}
	})
}
