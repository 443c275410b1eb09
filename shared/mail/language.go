package mail

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"

	"mci.example/customers/shared/mci"
)

// Locale is a language that customers read, by its BCP 47 tag.
type Locale string

// English is the language of readers whose contact and browser name none of Locales.
const English Locale = "en"

// Locales lists every language, English first. A further one is a file in texts/, one in disclaimers/, and its name
// here.
var Locales = []Locale{English, "zh-TW", "pt-BR", "ja", "fr", "tr"}

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(Locales))
	for i, l := range Locales {
		tags[i] = language.MustParse(string(l))
	}
	return language.NewMatcher(tags)
})

// ChooseLocale returns the language to address a customer in: that of their contact, then the browser's, then English
// (D11). Either argument may be empty, unknown or malformed; acceptLanguage is the value of that header. Close
// relatives count: a reader of Portuguese gets pt-BR, a reader of any Chinese zh-TW.
func ChooseLocale(contactLocale, acceptLanguage string) Locale {
	for _, wanted := range []string{contactLocale, acceptLanguage} {
		if len(wanted) > 500 { // far more than any browser sends
			continue
		}
		if slices.Contains(Locales, Locale(wanted)) {
			return Locale(wanted)
		}
		// What was understood before a mistake still counts.
		tags, _, _ := language.ParseAcceptLanguage(wanted)
		if len(tags) == 0 {
			continue
		}
		if _, i, confidence := matcher().Match(tags...); confidence > language.No {
			return Locales[i]
		}
	}
	return English
}

// texts is one file of texts/: all the words of a language, and how it writes dates and amounts. Words in braces are
// places to fill in.
type texts struct {
	Language  string              `json:"language"`
	Direction string              `json:"direction"`
	Format    format              `json:"format"`
	Meaning   []sentence          `json:"meaning"`
	Sentences map[string]sentence `json:"sentences"`
	Notices   map[mci.EventType]struct {
		Subject sentence `json:"subject"`
		Text    sentence `json:"text"`
		Next    sentence `json:"next"` // what the reader does next
	} `json:"notices"`
}

type format struct {
	Months       []string `json:"months"`
	FirstOfMonth string   `json:"firstOfMonth"`
	Date         string   `json:"date"`
	OneDay       string   `json:"oneDay"`
	Days         string   `json:"days"`
	DecimalMark  string   `json:"decimalMark"`
	GroupMark    string   `json:"groupMark"`
	Dollars      string   `json:"dollars"`
}

//go:embed texts
var textFiles embed.FS

// loaded holds a loader for each language, so that a function reads only the languages that it meets.
var loaded = func() map[Locale]func() (*texts, error) {
	m := make(map[Locale]func() (*texts, error), len(Locales))
	for _, l := range Locales {
		m[l] = sync.OnceValues(func() (*texts, error) { return load(l) })
	}
	return m
}()

func load(l Locale) (*texts, error) {
	data, err := textFiles.ReadFile("texts/" + string(l) + ".json")
	if err != nil {
		return nil, fmt.Errorf("reading the texts of %q: %w", l, err)
	}
	t := &texts{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(t); err != nil {
		return nil, fmt.Errorf("decoding the texts of %q: %w", l, err)
	}
	if len(t.Format.Months) != 12 {
		return nil, fmt.Errorf("the texts of %q name %d months", l, len(t.Format.Months))
	}
	return t, nil
}

// existing returns the language itself, or English for one that is not among Locales.
func existing(l Locale) Locale {
	if _, found := loaded[l]; found {
		return l
	}
	return English
}

// date writes an instant in UTC, to the minute.
func (f format) date(at time.Time) string {
	at = at.UTC()
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		day = f.FirstOfMonth
	}
	month, year := f.Months[at.Month()-1], strconv.Itoa(at.Year())
	return FillIn(f.Date, "{day}", day, "{month}", month, "{year}", year, "{time}", at.Format("15:04"))
}

// FillIn puts values, which have no braces, in the place of their names.
func FillIn(pattern string, namesAndValues ...string) string {
	for i := 0; i < len(namesAndValues); i += 2 {
		pattern = strings.ReplaceAll(pattern, namesAndValues[i], namesAndValues[i+1])
	}
	return pattern
}

// days writes a number of days.
func (f format) days(n int) string {
	pattern := f.Days
	if n == 1 {
		pattern = f.OneDay
	}
	return FillIn(pattern, "{n}", f.group(strconv.Itoa(n)))
}

// money writes an amount with the marks of the language.
func (f format) money(m mci.Money) string {
	whole, cents, _ := strings.Cut(m.String(), ".")
	return FillIn(f.Dollars, "{amount}", f.group(whole)+f.DecimalMark+cents)
}

// group sets the language's mark between each three digits.
func (f format) group(whole string) string {
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(f.GroupMark)
		}
		b.WriteByte(whole[i])
	}
	return b.String()
}
