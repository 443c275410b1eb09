package importer_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"mci.example/customers/scripts/import/enginetest"
	"mci.example/customers/scripts/import/importer"
)

// Whatever a file holds, it is loaded, or its mistakes are told on lines that a terminal can show.
func FuzzAnyFileIsLoadedOrItsMistakesAreTold(f *testing.F) {
	names := slices.Sorted(maps.Keys(sound()))
	for i, name := range names {
		content := sound()[name]
		f.Add(uint8(i), content)
		f.Add(uint8(i), content[:len(content)/2])
		f.Add(uint8(i), strings.ReplaceAll(content, "1", "\"\x00\u202e\xff\r"))
		f.Add(uint8(i), strings.ReplaceAll(content, ",", ";"))
	}
	f.Add(uint8(0), "\ufeff\ufeff")
	f.Fuzz(func(t *testing.T, which uint8, content string) {
		files := sound()
		files[names[int(which)%len(names)]] = content
		_, err := importer.Run(t.Context(), enginetest.Client(enginetest.Endpoint), "none", folderOf(t, files),
			importer.Options{DryRun: true})
		var mistakes importer.Mistakes
		if err != nil && !errors.As(err, &mistakes) && !strings.Contains(err.Error(), "there is no table none") {
			t.Errorf("%q: %v", content, err)
		}
		for _, mistake := range mistakes {
			if strings.ContainsFunc(mistake.String(), func(r rune) bool {
				return !unicode.IsPrint(r) || r == unicode.ReplacementChar
			}) {
				t.Errorf("%q: the mistake %q cannot be shown", content, mistake)
			}
		}
	})
}
