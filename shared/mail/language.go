package mail

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

// Locale is a language that customers read, by its BCP 47 tag.
type Locale string

// English is what is left when neither the contact nor the browser names a language that there is.
const English Locale = "en"

// Locales lists every language there is, English first. A further one is a file in texts/ and its name here.
var Locales = []Locale{English, "zh-TW", "pt-BR", "ja", "fr", "tr"}

var matcher = sync.OnceValue(func() language.Matcher {
	tags := make([]language.Tag, len(Locales))
	for i, l := range Locales {
		tags[i] = language.MustParse(string(l))
	}
	return language.NewMatcher(tags)
})

// Choose returns the language to address a customer in: that of their contact, then the browser's, then English (D11).
// Either argument may be empty, unknown or malformed; acceptLanguage is the value of that header. Close relatives
// count: a reader of Portuguese gets pt-BR, a reader of any Chinese zh-TW.
func Choose(contactLocale, acceptLanguage string) Locale {
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

// texts is one file of texts/: all the words of a language, and how it writes dates and amounts. Braces in a sentence
// name what is filled in.
type texts struct {
	Language  string            `json:"language"`
	Direction string            `json:"direction"`
	Format    format            `json:"format"`
	Meaning   []string          `json:"meaning"`
	Sentences map[string]string `json:"sentences"`

	version string
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
	Money        string   `json:"money"`
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
	hash := sha256.Sum256(data)
	t.version = string(l) + "-" + hex.EncodeToString(hash[:8])
	return t, nil
}

// textsOf returns the texts of a language, of English for one that there is not.
func textsOf(l Locale) (*texts, error) {
	if read, ok := loaded[l]; ok {
		return read()
	}
	return loaded[English]()
}

// TextVersion names the exact words of a language that customers are shown, as "en-" and 16 hexadecimal digits: it
// changes with any word of the texts. It is part of a decision's evidence.
func TextVersion(l Locale) string {
	t, err := textsOf(l)
	if err != nil {
		return "" // the files are embedded and tested: this cannot happen in a build that passed
	}
	return t.version
}

// date writes an instant in UTC, to the minute.
func (f format) date(at time.Time) string {
	at = at.UTC()
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		day = f.FirstOfMonth
	}
	return fillIn(f.Date, "{day}", day, "{month}", f.Months[at.Month()-1], "{year}", strconv.Itoa(at.Year()), "{time}", at.Format("15:04"))
}

// fillIn puts values, which have no braces, in the place of their names.
func fillIn(pattern string, namesAndValues ...string) string {
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
	return fillIn(pattern, "{n}", f.group(strconv.Itoa(n)))
}

// money writes an amount with the marks of the language. An amount that is no decimal number is written as it is.
func (f format) money(m Money) string {
	amount := m.Amount
	whole, fraction, point := strings.Cut(amount, ".")
	if digits(whole) && (!point || digits(fraction)) {
		amount = f.group(whole)
		if point {
			amount += f.DecimalMark + fraction
		}
	}
	pattern := f.Money
	if m.Currency == "USD" {
		pattern = f.Dollars
	}
	return fillIn(pattern, "{amount}", amount, "{currency}", m.Currency)
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

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
