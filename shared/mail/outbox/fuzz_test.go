package outbox

import (
	netmail "net/mail"
	"strings"
	"testing"
)

// Whatever is given as an address, no header ends early and no recipient becomes two.
func FuzzAnAddressIsWrittenAsOneRecipientOrRefused(f *testing.F) {
	for _, seed := range []string{
		"ana@contoso.com", "ana@münchen.example", "Ana <ana@contoso.com>", "ana@contoso.com, eve@evil.example",
		"ana@contoso.com\r\nBcc: eve@evil.example",
		"\"a\\r\\n\"@contoso.com", "\"a, b\"@contoso.com", "=?utf-8?q?=0D=0ABcc:?= <a@contoso.com>",
		"Ünïcode <a@contoso.com>", "a@contoso.com\u2028", "\xff@contoso.com", "@", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		for what, write := range map[string]func(string) (string, error){"recipient": bare, "sender": sender} {
			written, err := write(address)
			if err != nil {
				continue
			}
			parsed, err := netmail.ParseAddressList(written)
			if err != nil || len(parsed) != 1 || strings.ContainsAny(written, "\r\n\x00") || !ascii(written) {
				t.Errorf("the %s %q is written %q: %v", what, address, written, err)
			}
		}
	})
}
