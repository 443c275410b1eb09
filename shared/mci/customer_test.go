package mci

import (
	"slices"
	"strings"
	"testing"
)

func TestS10_DomainsInTheirOneForm(t *testing.T) {
	for text, want := range map[string]string{
		"contoso.com": "contoso.com", "CONTOSO.Com": "contoso.com", " contoso.com ": "contoso.com",
		"contoso.com.": "contoso.com", "a.b.c.contoso.com": "a.b.c.contoso.com",
		"münchen.example": "xn--mnchen-3ya.example", "MÜNCHEN.example": "xn--mnchen-3ya.example",
		"XN--MNCHEN-3YA.example": "xn--mnchen-3ya.example",
		"mu\u0308nchen.example":  "xn--mnchen-3ya.example", "straße.example": "xn--strae-oqa.example",
		"例え.テスト": "xn--r8jz45g.xn--zckzah",
		"例え。テスト": "xn--r8jz45g.xn--zckzah", "ｃｏｎｔｏｓｏ.com": "contoso.com", "3m.com": "3m.com",
		"r3---sn.example": "r3---sn.example", "xn--p1ai.xn--p1ai": "xn--p1ai.xn--p1ai",
		"1.2.3.4.example": "1.2.3.4.example", "contoso.com。": "contoso.com",
	} {
		id, err := ParseCustomerID(Domain, text)
		if err != nil || id != (CustomerID{Domain, want}) {
			t.Errorf("%q is %q (%v), not %q", text, id.Value, err, want)
			continue
		}
		if again, err := ParseCustomerID(Domain, id.Value); err != nil || again != id {
			t.Errorf("%q read again is %q (%v)", id.Value, again.Value, err)
		}
	}
	for _, bad := range []string{
		"", " ", ".", "..", "contoso", "contoso..com", ".contoso.com", "contoso.com..", "con toso.com", "conto_so.com",
		"contoso.com/path", "https://contoso.com", "kim@contoso.com",
		"contoso.com:443", "10.0.0.1", "127.1", "[::1]", "*.contoso.com", strings.Repeat("a", 64) + ".com",
		strings.Repeat("a.", 127) + "com", "contoso.com\x00", "con\u200btoso\u202e.com", "xn--a.example",
	} {
		if id, err := ParseCustomerID(Domain, bad); err == nil {
			t.Errorf("%q is taken for the domain %q", bad, id.Value)
		}
	}
}

func TestS9_CustomerIDsInTheirOneForm(t *testing.T) {
	const guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	for _, test := range []struct {
		idType     IDType
		text, want string // "" where it is none
	}{
		{TenantID, guid, guid}, {TenantID, strings.ToUpper(guid), guid}, {TenantID, "\t" + guid + " ", guid},
		{AzureSubscription, strings.ToUpper(guid), guid},
		{TenantID, "", ""}, {TenantID, "{" + guid + "}", ""}, {TenantID, strings.ReplaceAll(guid, "-", ""), ""},
		{TenantID, "urn:uuid:" + guid, ""}, {TenantID, guid[:35] + "g", ""},
		{TenantID, strings.Replace(guid, "-", "0", 1), ""}, {AzureSubscription, "contoso.com", ""},
		{TPID, "1", "1"}, {TPID, " 12345 ", "12345"}, {TPID, strings.Repeat("9", 20), strings.Repeat("9", 20)},
		{TPID, "", ""}, {TPID, strings.Repeat("9", 21), ""}, {TPID, "12a", ""}, {TPID, "-1", ""}, {TPID, "1 2", ""},
		{TPID, "１", ""}, {TPID, "1\n", "1"},
		{MSXOpportunity, "7-1AB2CD3EF", "7-1AB2CD3EF"}, {MSXOpportunity, " a.b_c-D ", "a.b_c-D"},
		{MSXOpportunity, strings.Repeat("7", 64), strings.Repeat("7", 64)},
		{MSXOpportunity, "", ""}, {MSXOpportunity, strings.Repeat("7", 65), ""}, {MSXOpportunity, "-7", ""},
		{MSXOpportunity, "7 8", ""}, {MSXOpportunity, "7#8", ""}, {MSXOpportunity, "ü", ""},
		{"email", "kim@contoso.com", ""}, {"", guid, ""}, {"Domain", "contoso.com", ""},
	} {
		id, err := ParseCustomerID(test.idType, test.text)
		if (err == nil) != (test.want != "") || err == nil && id != (CustomerID{test.idType, test.want}) {
			t.Errorf("%s %q is %q (%v), not %q", test.idType, test.text, id.Value, err, test.want)
		}
	}
}

func TestD22_NamesAreTheSameWhateverTheLetterCase(t *testing.T) {
	for _, same := range [][]string{
		{"Contoso", "CONTOSO", "contoso", "Ｃｏｎｔｏｓｏ"}, {"Straße", "STRASSE", "strasse"}, {"Ångström", "ÅNGSTRÖM",
			"A\u030angstro\u0308m"}, {"İstanbul", "Istanbul", "ISTANBUL", "ıstanbul", "istanbul"},
		{"ΟΔΟΣ", "οδος", "οδοσ"}, {"IŞIK", "ışık", "işik"}, {"ﬁnance", "FINANCE"},
	} {
		for _, name := range same {
			if SortName(name) != SortName(same[0]) {
				t.Errorf("%q and %q are not the same: %q, %q", name, same[0], SortName(name), SortName(same[0]))
			}
			if again := SortName(SortName(name)); again != SortName(name) {
				t.Errorf("%q in its form is %q, and once more %q", name, SortName(name), again)
			}
		}
	}
	for _, differ := range [][2]string{{"Contoso", "Contosó"}, {"Contoso", "Contoso "}, {"a", "b"}} {
		if SortName(differ[0]) == SortName(differ[1]) {
			t.Errorf("%q and %q are the same", differ[0], differ[1])
		}
	}
}

func TestS12_TenantsAreComparedOnlyWhereATenantIDIsNominated(t *testing.T) {
	for _, idType := range IDTypes {
		for emailTenant, want := range map[string]bool{"t": true, "u": false, "": false} {
			matches := TenantMatches(CustomerID{idType, "t"}, DirectoryEntry{Tenant: emailTenant})
			if compared := matches != nil; compared != (idType == TenantID) || compared && *matches != want {
				t.Errorf("%s t, and an email domain that leads to %q: %v", idType, emailTenant, matches)
			}
		}
	}
}

func TestContract_WhatIsAnEmailAddress(t *testing.T) {
	for text, want := range map[string]string{
		"kim@contoso.com": "kim@contoso.com", " kim@Contoso.COM ": "kim@contoso.com",
		"Kim.O'Neil+x@contoso.com": "Kim.O'Neil+x@contoso.com", "kim@münchen.example": "kim@xn--mnchen-3ya.example",
		strings.Repeat("k", 64) + "@contoso.com": strings.Repeat("k", 64) + "@contoso.com",
	} {
		if got, err := ParseEmail(text); err != nil || got != want {
			t.Errorf("%q is %q (%v), not %q", text, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "@", "kim", "kim@", "@contoso.com", "kim@contoso", "kim@@contoso.com", "kim@contoso.com, sam@contoso.com",
		"Kim <kim@contoso.com>", "kim@contoso.com\nBcc: sam@contoso.com",
		"kim\r\n@contoso.com", "ki m@contoso.com", "\"kim\"@contoso.com", ".kim@contoso.com", "kim.@contoso.com",
		"k..m@contoso.com", "kïm@contoso.com", "kim@10.0.0.1", "kim@[10.0.0.1]",
		strings.Repeat("k", 65) + "@contoso.com", "k@" + strings.Repeat("a.", 126) + "com", "kim(comment)@contoso.com",
		"kim@contoso.com>", "<kim@contoso.com",
	} {
		if got, err := ParseEmail(bad); err == nil {
			t.Errorf("%q is taken for the address %q", bad, got)
		}
	}
	if got := EmailDomain("a@b@contoso.com"); got != "contoso.com" {
		t.Errorf("the domain is %q", got)
	}
}

func TestContract_WhatPeopleMayType(t *testing.T) {
	for text, line := range map[string]bool{
		"Kim": true, "株式会社": true, "😀 Ltd": true, "O'N & <S>": true, strings.Repeat("é", 10): true, "\u200fשלום": true,
		"e\u0301": true,
		"":        false, "  ": false, "\u00a0": false, "a\nb": false, "a\rb": false, "a\tb": false, "a\x00b": false,
		"a\x1bb": false, "a\u0085b": false, "a\u2028b": false, "a\u2029b": false,
		"a\u202eb": false, "a\u2066b": false, "\ufeffa": false, "a\ufffdb": false, "\xff": false,
		strings.Repeat("é", 11): false,
	} {
		if err := CheckLine(text, 10); (err == nil) != line {
			t.Errorf("%q as a line of at most 10 characters: %v", text, err)
		}
	}
	for text, fits := range map[string]bool{"": true, " ": true, "a\r\n\tb": true, "a\x00": false, "a\u202e": false,
		strings.Repeat("\n", 10): true, strings.Repeat("\n", 11): false} {
		if err := CheckText(text, 10); (err == nil) != fits {
			t.Errorf("%q as a text of at most 10 characters: %v", text, err)
		}
	}
	for id, fits := range map[string]bool{
		"a": true, "partner-1": true, "0a1.b_c~d:e@f|g+h=i": true, strings.Repeat("a", 120): true,
		"": false, "-a": false, ".": false, "a b": false, "a#b": false, "a/b": false, "a%": false, "ü": false,
		"a\n":                    false,
		strings.Repeat("a", 121): false, "a\x01": false,
	} {
		if err := CheckID(id); (err == nil) != fits {
			t.Errorf("%q as an ID: %v", id, err)
		}
	}
	for phone, fits := range map[string]bool{
		"+1 425 555 0100": true, "(425) 555-0100 x12": true, "425.555.0100": true, "112": true, "+81 3/1234": true,
		"": false, "12": false, "ring me": false, "+1+2": false, "x12": false, "1\n2345": false,
		strings.Repeat("1", 41): false, "+1 425 555 0100 ext 5": false,
	} {
		if err := CheckPhone(phone); (err == nil) != fits {
			t.Errorf("%q as a phone number: %v", phone, err)
		}
	}
	if !slices.Contains(IDTypes, Domain) ||
		Join(IDTypes) != "domain, tenant-id, tpid, azure-subscription-id, msx-opportunity-id" {
		t.Errorf("the types of customer ID are %s", Join(IDTypes))
	}
}
