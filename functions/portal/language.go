package main

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"mci.example/customers/shared/mail"
)

// texts is one file of texts/: all sentences of a language, and how it writes dates and amounts.
type texts struct {
	Language    string            `json:"language"`
	Months      []string          `json:"months"`
	Day         string            `json:"day"`  // {day} {month} {year}
	Time        string            `json:"time"` // {day} {time}, in UTC
	DecimalMark string            `json:"decimalMark"`
	GroupMark   string            `json:"groupMark"`
	Sentences   map[string]string `json:"sentences"`
}

// words say things in a language. Its texts are read when the first is needed: a redirect says nothing.
type words struct{ locale mail.Locale }

//go:embed texts
var textFiles embed.FS

// loaded holds a loader for each language, so that a process reads only those that it meets.
var loaded = func() map[mail.Locale]func() (*texts, error) {
	loaders := map[mail.Locale]func() (*texts, error){}
	for _, locale := range mail.Locales {
		loaders[locale] = sync.OnceValues(func() (*texts, error) { return load(locale) })
	}
	return loaders
}()

func load(locale mail.Locale) (*texts, error) {
	content, err := textFiles.ReadFile("texts/" + string(locale) + ".json")
	if err != nil {
		return nil, fmt.Errorf("reading the texts of %q: %w", locale, err)
	}
	t := &texts{}
	if err := json.Unmarshal(content, t); err != nil {
		return nil, fmt.Errorf("decoding the texts of %q: %w", locale, err)
	}
	return t, nil
}

// texts gives the language's own; one that cannot be read cannot be in a build that passed its tests.
func (w *words) texts() *texts {
	t, err := loaded[w.locale]()
	if err != nil {
		return &texts{}
	}
	return t
}

// languageNames are the languages' own names: how each file of texts/ begins.
var languageNames = sync.OnceValue(func() map[mail.Locale]string {
	names := map[mail.Locale]string{}
	for _, locale := range mail.Locales {
		content, err := textFiles.ReadFile("texts/" + string(locale) + ".json")
		_, rest, found := strings.Cut(string(content), `"language": "`)
		name, _, ends := strings.Cut(rest, `"`)
		if err != nil || !found || !ends {
			name = string(locale)
		}
		names[locale] = name
	}
	return names
})

// languageName is a language's own name, its tag where the portal does not have it.
func languageName(locale string) string { return cmp.Or(languageNames()[mail.Locale(locale)], locale) }

// say gives a sentence with values, pairs of name and value, in the place of their names in braces. Without such a
// sentence it gives the key, which the tests rule out.
func (w *words) say(key string, namesAndValues ...string) string {
	sentence, known := w.texts().Sentences[key]
	if !known {
		return key
	}
	if len(namesAndValues) == 0 {
		return sentence
	}
	pairs := slices.Clone(namesAndValues)
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(sentence)
}

// knows says whether there is such a sentence.
func (w *words) knows(key string) bool { return w.texts().Sentences[key] != "" }

// text is a sentence as a node.
func (w *words) text(key string, namesAndValues ...string) g.Node {
	return g.Text(w.say(key, namesAndValues...))
}

// word says a word of the product, such as a status, in a family of keys. One that is new to the portal stands as it
// is.
func (w *words) word(family, code string) string {
	if key := family + "." + code; w.knows(key) {
		return w.say(key)
	}
	return strings.ReplaceAll(code, "-", " ")
}

// date writes a day.
func (w *words) date(at time.Time) string {
	t := w.texts()
	return mail.FillIn(t.Day, "{day}", strconv.Itoa(at.Day()), "{month}", t.Months[at.Month()-1], "{year}",
		strconv.Itoa(at.Year()))
}

// day writes a day such as 2026-11-01.
func (w *words) day(text string) string {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	return w.date(at)
}

// instant writes an instant in UTC, to the minute.
func (w *words) instant(at time.Time) string {
	at = at.UTC()
	return mail.FillIn(w.texts().Time, "{day}", w.date(at), "{time}", at.Format("15:04"))
}

// at is an instant on a page; script sets the reader's own time before the UTC.
func (w *words) at(at time.Time) g.Node {
	return h.Time(h.DateTime(at.UTC().Format(time.RFC3339)), h.Class("instant"), g.Text(w.instant(at)))
}

// instantOf is an instant on a page, nil where there is none.
func (v *visit) instantOf(at *time.Time) g.Node {
	if at == nil || at.IsZero() {
		return nil
	}
	return v.words.at(*at)
}

// money writes an amount with its currency: 5,000.00 USD.
func (w *words) money(m money) string {
	whole, fraction, _ := strings.Cut(m.Amount, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if strings.Trim(whole+fraction, "0123456789") != "" || whole == "" {
		return m.Amount + " " + m.Currency // no amount, as it was typed
	}
	return sign + w.group(whole) + w.texts().DecimalMark + (fraction + "00")[:max(2, len(fraction))] + " " + m.Currency
}

// group sets the language's mark between each three digits.
func (w *words) group(whole string) string {
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(w.texts().GroupMark)
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// number writes a whole number.
func (w *words) number(n int) string { return w.group(strconv.Itoa(n)) }

// join lists words of a family.
func (w *words) join(family string, codes []string) string {
	said := make([]string, len(codes))
	for i, code := range codes {
		said[i] = w.word(family, code)
	}
	return strings.Join(said, w.say("listMark"))
}

// chooseLanguage keeps the user's choice and leads back to the same page.
func chooseLanguage(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return v.problemPage(http.StatusBadRequest, "malformed")
	}
	v.keepLanguage(v.r.PostForm.Get("language"))
	return v.seeOther(ownPath(v.r.PostForm.Get("to")))
}

// keepLanguage has this and all later pages be in a language that there is.
func (v *visit) keepLanguage(locale string) {
	if slices.Contains(mail.Locales, mail.Locale(locale)) {
		v.setCookie(languageCookie, locale, languageLife)
		v.words = &words{mail.Locale(locale)}
		v.api.language = locale
	}
}
