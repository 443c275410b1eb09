package mail

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

// ask is one with everything in it.
func ask() Ask {
	return Ask{
		PartnerName: "Contoso & Sons", EngagementName: "Security Workshop", CustomerName: "Fabrikam Ltd",
		ContactName: "Ada Example", PartnerContactName: "Kim Lee", PartnerContactEmail: "kim@contoso.example",
		Payout:  Money{"12500.00", "USD"},
		AskedAt: time.Date(2026, 11, 2, 8, 5, 0, 0, time.UTC), ConsentDue: time.Date(2026, 12, 5, 14, 30, 0, 0, time.UTC),
		SubmissionWindowDays: 90, Link: "https://consent.example/consent/dG9rZW4.01J",
	}
}

func statement(t *testing.T, l Locale, a Ask) string {
	t.Helper()
	evidence, err := Evidence(l, a)
	if err != nil || evidence["locale"] != string(l) || evidence["textVersion"] != TextVersion(l) {
		t.Fatalf("the evidence is %v, %v", evidence, err)
	}
	return evidence["statement"]
}

func TestD11_TheStatementSaysWhatAcceptingMeans(t *testing.T) {
	for _, l := range Locales {
		t.Run(string(l), func(t *testing.T) {
			read, err := textsOf(l)
			if err != nil {
				t.Fatal(err)
			}
			a := ask()
			got := statement(t, l, a)
			for _, want := range []string{a.PartnerName, a.EngagementName, a.CustomerName, read.Format.money(a.Payout),
				read.Format.days(90), read.Format.date(a.ConsentDue), "\n1. ", "\n4. "} {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q:\n%s", want, got)
				}
			}
			if strings.ContainsAny(got, "{}") {
				t.Errorf("something is not filled in:\n%s", got)
			}
			if strings.Contains(got, a.ContactName) || strings.Contains(got, "kim") {
				t.Errorf("it names a person:\n%s", got)
			}
		})
	}
	t.Run("braces in a name are no placeholders", func(t *testing.T) {
		a := ask()
		a.PartnerName, a.EngagementName = "{customer}", "{"
		if got := statement(t, English, a); !strings.Contains(got, "engagement “{”, which {customer} carries out") {
			t.Error(got)
		}
	})
}

func TestNamesInCharactersStandWithoutSpaces(t *testing.T) {
	a := ask()
	a.PartnerName, a.CustomerName = "コントソ", "ファブリカム"
	if got := statement(t, "ja", a); !strings.Contains(got, "ファブリカムは、コントソが MCI") {
		t.Error(got)
	}
	a.PartnerName, a.CustomerName = "Contoso", "Fabrikam"
	if got := statement(t, "ja", a); !strings.Contains(got, "Fabrikam は、Contoso が MCI") {
		t.Error(got)
	}
}

func TestNamesBecomeOneHarmlessLine(t *testing.T) {
	for _, c := range []struct{ rule, name, want string }{
		{"line ends are spaces", "Ada\r\nBcc: all@example.com", "Ada Bcc: all@example.com"},
		{"so are the separators of lines and paragraphs", "a\u2028b\u2029c\u0085d\ve", "a b c d e"},
		{"controls are spaces", "a\x00b\x1b[31mc\x7f", "a b [31mc"},
		{"marks that turn the direction go", "evil\u202egpj.\u2066x\u2069\u200f", "evilgpj.x"},
		{"what is invisible goes", "a\u200bb\ufeffc\u00add", "abcd"},
		{"joiners stay", "می\u200cخواهم 👩\u200d💻", "می\u200cخواهم 👩\u200d💻"},
		{"invalid bytes go", "a\xff\xfeb", "ab"},
		{"spaces are one, and none at the ends", "\u3000 a \t\u00a0 b  ", "a b"},
		{"names of any script stay", "Işıl Çağrı 山田 Ünïted", "Işıl Çağrı 山田 Ünïted"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := OneLine(c.name); got != c.want {
				t.Errorf("OneLine(%q) = %q, want %q", c.name, got, c.want)
			}
		})
	}
	t.Run("of any text", rapid.MakeCheck(func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a \r\n\t\u202e\u2028\u0085\x00\x7f字")))).Draw(t, "name")
		got := OneLine(s)
		if strings.ContainsFunc(got, unicode.IsControl) || strings.ContainsAny(got, "\u2028\u2029\u202e") {
			t.Fatalf("OneLine(%q) = %q", s, got)
		}
		if again := OneLine(got); again != got {
			t.Fatalf("%q is not left as it is, but became %q", got, again)
		}
	}))
}
