package mail

import (
	"regexp"
	"strings"
	"testing"
)

func TestD32_TheDisclaimerHasOneVersionForAllItsLanguages(t *testing.T) {
	english, err := DisclaimerIn(English)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(english.Version) {
		t.Errorf("its version is %q", english.Version)
	}
	files, err := disclaimerFiles.ReadDir("disclaimers")
	if err != nil || len(files) != len(Locales) {
		t.Errorf("there are %d disclaimers for %d languages, %v", len(files), len(Locales), err)
	}
	texts := map[string]Locale{}
	for _, l := range Locales {
		d, err := DisclaimerIn(l)
		if err != nil || d.Locale != l || d.Version != english.Version {
			t.Errorf("of %s the locale is %s, the version %s, %v", l, d.Locale, d.Version, err)
		}
		if other, taken := texts[d.Text]; taken {
			t.Errorf("%s and %s have one text", l, other)
		}
		texts[d.Text] = l
		lines := strings.Split(d.Text, "\n")
		if len(lines) != len(strings.Split(english.Text, "\n")) {
			t.Errorf("%s says it in %d lines", l, len(lines))
		}
		for i, line := range lines {
			if strings.TrimSpace(line) != line || line == "" || i > 0 &&
				!strings.HasPrefix(line, string(rune('0'+i))+". ") {
				t.Errorf("line %d of %s is %q", i+1, l, line)
			}
		}
	}
	if unknown, err := DisclaimerIn("xx"); err != nil || unknown != english {
		t.Errorf("an unknown language's is %v, %v", unknown, err)
	}
}
