// Package soak is what the tests of crashes, races, models and faults share. Each of them has a size that make test can
// afford; make soak runs them for as long as SOAK says.
package soak

import (
	"flag"
	"os"
	"testing"
	"time"

	"mci.example/customers/scripts/audit/auditor"
	"mci.example/customers/scripts/local/localtest"
)

// Long says that the longer runs are wanted, and for how long each may go on: SOAK is a duration, such as 10m.
func Long() (time.Duration, bool) {
	limit, err := time.ParseDuration(os.Getenv("SOAK"))
	return limit, err == nil && limit > 0
}

// Audit fails the test for each rule that something in the table breaks, once the table's stream was worked on.
func Audit(t testing.TB) auditor.Report {
	t.Helper()
	localtest.WaitDrained(t)
	report, err := auditor.Run(t.Context(), localtest.DynamoDB(), localtest.Table(), auditor.Options{Now: localtest.Now})
	if err != nil {
		t.Fatalf("audit the table: %v", err)
	}
	for _, violation := range report.Violations {
		t.Error(violation)
	}
	return report
}

// Parallel has the test binary run that many tests side by side: most of these wait more than they work.
func Parallel(tests string) {
	flag.Parse()
	if err := flag.Set("test.parallel", tests); err != nil {
		panic(err) // the flag is the testing package's own
	}
}
