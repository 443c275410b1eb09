package mail

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mci.example/customers/shared/mci"
)

func TestD11_TheCustomersLanguageIsChosen(t *testing.T) {
	for _, c := range []struct {
		rule, contact, browser string
		want                   Locale
	}{
		{"the contact's language comes first", "tr", "fr-FR,fr;q=0.9", "tr"},
		{"then the browser's", "", "fr-CA,fr;q=0.9,en;q=0.8", "fr"},
		{"then English", "", "", "en"},
		{"a contact's language that there is not leaves it to the browser", "de", "ja", "ja"},
		{"a language that neither has is English", "de-DE", "sv-SE,sv;q=0.9", "en"},
		{"the browser's order decides", "", "de,ja;q=0.4,pt-BR;q=0.7", "pt-BR"},
		{"what the browser excludes is not chosen", "", "fr;q=0,tr;q=0.5", "tr"},
		{"every Portuguese reads pt-BR", "pt-PT", "", "pt-BR"},
		{"the letter case does not matter", "ZH-tw", "", "zh-TW"},
		{"an underscore will do", "pt_BR", "", "pt-BR"},
		{"Hong Kong reads zh-TW", "", "zh-HK", "zh-TW"},
		{"so does Chinese with nothing said", "zh", "", "zh-TW"},
		{"English of anywhere is English", "en-AU", "fr", "en"},
		{"any language will do when the browser takes any", "", "*", "en"},
		{"nonsense leaves it to the browser", "\x00;;q=x", "ja", "ja"},
		{"nonsense twice is English", "%%%", strings.Repeat("fr,", 4000), "en"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := ChooseLocale(c.contact, c.browser); got != c.want {
				t.Errorf("ChooseLocale(%q, %q) = %s, want %s", c.contact, c.browser, got, c.want)
			}
		})
	}
	t.Run("whatever is asked for, what is chosen exists", rapid.MakeCheck(func(t *rapid.T) {
		contact, browser := rapid.String().Draw(t, "contact"), rapid.String().Draw(t, "browser")
		if got := ChooseLocale(contact, browser); !slices.Contains(Locales, got) {
			t.Fatalf("ChooseLocale(%q, %q) = %q", contact, browser, got)
		}
	}))
}

// shared are the words that a language has in common with English.
var shared = map[string]bool{"fr sentences.engagement": true}

var braces = regexp.MustCompile(`\{[^}]*\}`)

// filledIn lists the values that a text fills in.
func filledIn(s string) []string {
	found := braces.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// flat lists every text of a language by its path in the file.
func flat(t *testing.T, l Locale) map[string]string {
	t.Helper()
	data, err := textFiles.ReadFile("texts/" + string(l) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch value := value.(type) {
		case string:
			all[path] = value
		case []any:
			for i, element := range value {
				walk(path+"."+strconv.Itoa(i), element)
			}
		case map[string]any:
			for key, element := range value {
				walk(strings.TrimPrefix(path+"."+key, "."), element)
			}
		}
	}
	walk("", file)
	return all
}

func TestD11_EveryLanguageSaysEverything(t *testing.T) {
	english := flat(t, English)
	files, err := textFiles.ReadDir("texts")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(Locales) {
		t.Errorf("there are %d files of texts and %d languages", len(files), len(Locales))
	}
	for _, l := range Locales {
		t.Run(string(l), func(t *testing.T) {
			texts := flat(t, l)
			for key, sentence := range english {
				translated, ok := texts[key]
				switch {
				case !ok:
					t.Errorf("%s is missing", key)
				case strings.TrimSpace(translated) == "" && key != "format.groupMark":
					t.Errorf("%s is empty", key)
				case strings.TrimSpace(translated) != translated && key != "format.groupMark":
					t.Errorf("%s begins or ends with a space", key)
				case !slices.Equal(filledIn(sentence), filledIn(translated)):
					t.Errorf("%s fills in %v, the English %v", key, filledIn(translated), filledIn(sentence))
				case l != English && translated == sentence && !strings.HasPrefix(key, "format.") &&
					key != "direction" && !shared[string(l)+" "+key]:
					t.Errorf("%s is left in English: %q", key, sentence)
				}
			}
			for key := range texts {
				if _, ok := english[key]; !ok {
					t.Errorf("%s is of no use", key)
				}
			}
		})
	}
}

func TestD11_EverySentenceIsUsed(t *testing.T) {
	w, err := newWriter(English)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	note := func(keys ...string) {
		for _, key := range keys {
			used[key] = true
		}
	}
	for _, s := range states {
		note(s.words+"Title", s.words+"Heading", s.problem)
		note(s.paragraphs...)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`"([a-zA-Z]+)"`).FindAllSubmatch(source, -1) {
			note(string(match[1]))
		}
	}
	for key := range w.Sentences {
		if !used[key] {
			t.Errorf("nothing says %q", key)
		}
	}
}

func TestD11_DatesAndMoneyAreTheReadersOwn(t *testing.T) {
	first := time.Date(2026, 12, 1, 9, 5, 59, 0, time.FixedZone("", -3600))
	later := time.Date(2026, 8, 21, 0, 0, 0, 0, time.UTC)
	const nb, narrow = "\u00a0", "\u202f"
	for _, c := range []struct {
		locale                      Locale
		first, later, million, days string
	}{
		{"en", "1" + nb + "December 2026, 10:05" + nb + "(UTC)", "21" + nb + "August 2026, 00:00" + nb + "(UTC)",
			"US$1,234,567.80", "90 days"},
		{"zh-TW", "2026年12月1日 10:05" + nb + "(UTC)", "2026年8月21日 00:00" + nb + "(UTC)", "US$1,234,567.80", "90 天"},
		{"pt-BR", "1º de dezembro de 2026, 10:05" + nb + "(UTC)", "21 de agosto de 2026, 00:00" + nb + "(UTC)",
			"US$" + nb + "1.234.567,80", "90 dias"},
		{"ja", "2026年12月1日 10:05" + nb + "(UTC)", "2026年8月21日 00:00" + nb + "(UTC)", "1,234,567.80 米ドル", "90 日"},
		{"fr", "1er" + nb + "décembre 2026 à 10:05" + nb + "(UTC)", "21" + nb + "août 2026 à 00:00" + nb + "(UTC)",
			"1" + narrow + "234" + narrow + "567,80" + nb + "$" + nb + "US", "90 jours"},
		{"tr", "1" + nb + "Aralık 2026 10:05" + nb + "(UTC)", "21" + nb + "Ağustos 2026 00:00" + nb + "(UTC)",
			"1.234.567,80 ABD doları", "90 gün"},
	} {
		t.Run(string(c.locale), func(t *testing.T) {
			read, err := newWriter(c.locale)
			if err != nil {
				t.Fatal(err)
			}
			for _, pair := range [][2]string{
				{read.Format.date(first), c.first},
				{read.Format.date(later), c.later},
				{read.Format.money(mci.MustMoney("1234567.80")), c.million},
				{read.Format.days(90), c.days},
			} {
				if pair[0] != pair[1] {
					t.Errorf("got %q, want %q", pair[0], pair[1])
				}
			}
		})
	}
	t.Run("one day is singular where there is one", func(t *testing.T) {
		read, err := newWriter("fr")
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Format.days(1); got != "1 jour" {
			t.Errorf("got %q", got)
		}
	})
}
