package mci

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How long what people type may be, in characters.
const (
	MaxName   = 120
	MaxReason = 500
	MaxNotes  = 2000
)

// CheckLine checks a text of one line that people will read: at most max characters, not blank, without characters that
// hide or reorder others, or that could end a line of an email's header.
func CheckLine(text string, max int) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("must not be blank")
	}
	if strings.ContainsAny(text, "\r\n\t") {
		return fmt.Errorf("must be one line, without tabs")
	}
	return CheckText(text, max)
}

// CheckText checks a text of any number of lines, blank or not, as CheckLine does.
func CheckText(text string, max int) error {
	if length := utf8.RuneCountInString(text); length > max {
		return fmt.Errorf("must have at most %d characters, has %d", max, length)
	}
	for _, r := range text {
		if hidden(r) {
			return fmt.Errorf("must not contain the character U+%04X", r)
		}
	}
	return nil
}

// hidden are characters that a reader cannot see and that change what others look like: control characters, line and
// paragraph separators, and the marks that override the direction of writing.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\r' || r == '\t':
		return false
	case r == utf8.RuneError, unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// What IDs and numbers are written with.
const (
	digits        = "0123456789"
	alphanumerics = digits + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// spelled says whether a text has min to max characters: the first one of first, and all one of all.
func spelled(text string, min, max int, first, all string) bool {
	return len(text) >= min && len(text) <= max && strings.Trim(text, all) == "" &&
		strings.IndexByte(first, text[0]) >= 0
}

// CheckID checks an ID that the program's files give to engagements, locations, partners, customers and users.
func CheckID(id string) error {
	if !spelled(id, 1, 120, alphanumerics, alphanumerics+"._~:@|+=-") {
		return fmt.Errorf("an ID is 1 to 120 letters, digits and . _ ~ : @ | + = - , and begins with a letter or digit")
	}
	return nil
}

// ParseEmail checks an email address and gives it with its domain in normal form.
func ParseEmail(address string) (string, error) {
	invalid := fmt.Errorf("an email address is one such as ana@contoso.com")
	address = strings.TrimSpace(address)
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 64 || len(address) > 254 {
		return "", invalid
	}
	domain, err := ParseDomain(address[at+1:])
	if err != nil {
		return "", invalid
	}
	normal := address[:at] + "@" + domain
	for i := range at {
		if address[i] <= ' ' || address[i] > '~' {
			return "", invalid
		}
	}
	parsed, err := mail.ParseAddress(normal)
	if err != nil || parsed.Address != normal || parsed.Name != "" || len(normal) > 254 {
		return "", invalid
	}
	return normal, nil
}

// EmailDomain is the part of a checked address that leads to a tenant (S12).
func EmailDomain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// CheckPhone checks a phone number.
func CheckPhone(phone string) error {
	if !spelled(phone, 3, 40, digits+"+(", digits+"+ ()./x-") || strings.LastIndexByte(phone, '+') > 0 {
		return fmt.Errorf("a phone number is 3 to 40 digits, spaces and + ( ) . / - x, such as +1 425 555 0100")
	}
	return nil
}
