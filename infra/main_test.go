package main

import (
	"os"
	"strings"
	"testing"
)

func TestNothingIsBegunOnWrongSettings(t *testing.T) {
	for given, says := range map[string]string{
		``:                                      `the stage is ""`,
		`{"stage":"prod","stages":{"prod":{}}}`: "alarmEmail is missing",
		`{"stage":"dev","stages":{"dev":{"sender":"nobody"}}}`:   `sender is "nobody"`,
		`{"stage":"dev","stages":{"dev":{"receiptKey":"many"}}}`: `receiptKey is "many"`,
		`{"stage":`: "reading the settings",
	} {
		folder := t.TempDir()
		t.Chdir(folder)
		t.Setenv("CDK_CONTEXT_JSON", given)
		t.Setenv("CDK_OUTDIR", folder)
		if err := run(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("settings %s: error %v, want one that says %q", given, err, says)
		}
		written, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		if len(written) > 0 {
			t.Errorf("settings %s: %v was written", given, written)
		}
	}
}
