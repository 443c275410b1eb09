package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"mci.example/customers/shared/mci"
)

// question has everything in it.
func question() ConsentQuestion {
	return ConsentQuestion{
		PartnerName: "Contoso & Sons", EngagementName: "Security Workshop", CustomerName: "Fabrikam Ltd",
		ContactName: "Ada Example", PartnerContactName: "Kim Lee", PartnerContactEmail: "kim@contoso.example",
		Payout: mci.MustMoney("12500.00"), ConsentDue: time.Date(2026, 12, 5, 14, 30, 0, 0, time.UTC),
		SubmissionWindowDays: 90,
	}
}

func statement(t *testing.T, l Locale, q ConsentQuestion) Statement {
	t.Helper()
	s, err := q.Statement(l)
	if err != nil || s.Locale != l {
		t.Fatalf("the statement is in %s, %v", s.Locale, err)
	}
	return s
}

func TestD27_TheStatementSaysWhatAcceptingMeansAndNamesNoPerson(t *testing.T) {
	hashes := map[string]Locale{}
	for _, l := range Locales {
		t.Run(string(l), func(t *testing.T) {
			w, err := newWriter(l)
			if err != nil {
				t.Fatal(err)
			}
			q := question()
			s := statement(t, l, q)
			for _, want := range []string{q.PartnerName, q.EngagementName, q.CustomerName, w.Format.money(q.Payout),
				w.Format.days(90), w.Format.date(q.ConsentDue)} {
				if !strings.Contains(s.Text, want) {
					t.Errorf("it does not say %q:\n%s", want, s.Text)
				}
			}
			if strings.ContainsAny(s.Text, "{}") {
				t.Errorf("something is not filled in:\n%s", s.Text)
			}
			if strings.Contains(s.Text, q.ContactName) || strings.Contains(s.Text, "Kim") ||
				strings.Contains(s.Text, "kim") {
				t.Errorf("it names a person:\n%s", s.Text)
			}
			sum := sha256.Sum256([]byte(s.Text))
			if s.Hash() != hex.EncodeToString(sum[:]) {
				t.Errorf("its hash is %s", s.Hash())
			}
			if other, taken := hashes[s.Hash()]; taken {
				t.Errorf("it is that of %s", other)
			}
			hashes[s.Hash()] = l
			if found, ok, err := q.StatementWithHash(s.Hash()); !ok || err != nil || found != s {
				t.Errorf("by its hash there is %v, %v", found, err)
			}
			if shown := s.Shown(); len(shown) != 2 || shown["language"] != string(l) ||
				shown["statementHash"] != s.Hash() {
				t.Errorf("the history says %v", shown)
			}
		})
	}
	t.Run("whatever it says changes its hash, and no person does", func(t *testing.T) {
		for what, c := range map[string]struct {
			change func(*ConsentQuestion)
			same   bool
		}{
			"the partner":           {func(q *ConsentQuestion) { q.PartnerName = "Northwind" }, false},
			"the engagement":        {func(q *ConsentQuestion) { q.EngagementName = "Workshop" }, false},
			"the customer":          {func(q *ConsentQuestion) { q.CustomerName = "Fabrikam" }, false},
			"the payout":            {func(q *ConsentQuestion) { q.Payout = mci.MustMoney("12500.01") }, false},
			"the deadline":          {func(q *ConsentQuestion) { q.ConsentDue = q.ConsentDue.Add(time.Minute) }, false},
			"the submission window": {func(q *ConsentQuestion) { q.SubmissionWindowDays++ }, false},
			"the contacts": {func(q *ConsentQuestion) {
				q.ContactName, q.PartnerContactName, q.PartnerContactEmail = "Eve", "Sam", "sam@contoso.example"
			}, true},
		} {
			q := question()
			before := statement(t, English, q).Hash()
			c.change(&q)
			if _, found, err := q.StatementWithHash(before); err != nil || found != c.same {
				t.Errorf("with another of %s the old statement is the present one: %v, %v", what, found, err)
			}
		}
	})
	t.Run("no hash is that of no statement", func(t *testing.T) {
		for _, hash := range []string{"", strings.Repeat("0", 64),
			strings.ToUpper(statement(t, English, question()).Hash())} {
			if _, found, err := question().StatementWithHash(hash); found || err != nil {
				t.Errorf("%q is one: %v", hash, err)
			}
		}
	})
	t.Run("an unknown language is English", func(t *testing.T) {
		if s, err := question().Statement("xx"); err != nil || s != statement(t, English, question()) {
			t.Errorf("it is %v, %v", s, err)
		}
	})
	t.Run("braces in a name are no placeholders", func(t *testing.T) {
		q := question()
		q.PartnerName, q.EngagementName = "{customer}", "{"
		if s := statement(t, English, q); !strings.Contains(s.Text, "engagement “{”, which {customer} carries out") {
			t.Error(s.Text)
		}
	})
}

func TestNamesInCharactersStandWithoutSpaces(t *testing.T) {
	a := question()
	a.PartnerName, a.CustomerName = "コントソ", "ファブリカム"
	if got := statement(t, "ja", a).Text; !strings.Contains(got, "ファブリカムは、コントソが MCI") {
		t.Error(got)
	}
	a.PartnerName, a.CustomerName = "Contoso", "Fabrikam"
	if got := statement(t, "ja", a).Text; !strings.Contains(got, "Fabrikam は、Contoso が MCI") {
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
		s := rapid.OneOf(rapid.String(), rapid.StringOf(
			rapid.SampledFrom([]rune("a \r\n\t\u202e\u2028\u0085\x00\x7f字")))).Draw(t, "name")
		got := OneLine(s)
		if strings.ContainsFunc(got, unicode.IsControl) || strings.ContainsAny(got, "\u2028\u2029\u202e") {
			t.Fatalf("OneLine(%q) = %q", s, got)
		}
		if again := OneLine(got); again != got {
			t.Fatalf("%q is not left as it is, but became %q", got, again)
		}
	}))
}
