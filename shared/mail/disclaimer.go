package mail

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
)

// Disclaimer is what a partner accepts before a consent email is sent (D32). Its version is one for all languages: it
// changes with any word of any of them.
type Disclaimer struct {
	Version string
	Locale  Locale
	Text    string
}

//go:embed disclaimers
var disclaimerFiles embed.FS

// DisclaimerIn returns the disclaimer in a language. The error can only be one of the build: a file that is missing,
// which the tests rule out.
func DisclaimerIn(l Locale) (Disclaimer, error) {
	all, err := disclaimers()
	if err != nil {
		return Disclaimer{}, err
	}
	return all[existing(l)], nil
}

var disclaimers = sync.OnceValues(func() (map[Locale]Disclaimer, error) {
	all, together := make(map[Locale]Disclaimer, len(Locales)), sha256.New()
	for _, l := range Locales {
		text, err := disclaimerFiles.ReadFile("disclaimers/" + string(l) + ".txt")
		if err != nil {
			return nil, fmt.Errorf("reading the disclaimer in %q: %w", l, err)
		}
		fmt.Fprintf(together, "%s %d\n%s", l, len(text), text)
		all[l] = Disclaimer{Locale: l, Text: strings.TrimSpace(string(text))}
	}
	version := hex.EncodeToString(together.Sum(nil))
	for l, d := range all {
		d.Version = version
		all[l] = d
	}
	return all, nil
})
