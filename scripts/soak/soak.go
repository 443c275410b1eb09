// Package soak is what the tests of crashes, races, models and faults share. Each of them has a size that make test can
// afford; make soak runs them for as long as SOAK says.
package soak

import (
	"bytes"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/scripts/audit/auditor"
	"mci.example/customers/scripts/local/localtest"
)

// Long says that the longer runs are wanted, and for how long each may go on: SOAK is a duration, such as 10m.
func Long() (time.Duration, bool) {
	limit, err := time.ParseDuration(os.Getenv("SOAK"))
	return limit, err == nil && limit > 0
}

// ended is what the latest audit of this test binary's table saw ended; no test empties the table.
var ended struct {
	sync.Mutex
	snapshot []byte
}

// Judge gives what an audit finds in the table, once the table's stream was worked on. What had ended at the audit
// before must be the same now.
func Judge(t testing.TB) auditor.Report {
	t.Helper()
	localtest.WaitDrained(t)
	ended.Lock()
	defer ended.Unlock()
	var snapshot bytes.Buffer
	published := localtest.Call(t, "GET", "/.well-known/jwks.json", "", nil).Expect(t, 200)
	keys := localtest.Decode[jose.JSONWebKeySet](t, published)
	report, err := auditor.Run(t.Context(), localtest.DynamoDB(), localtest.Table(), auditor.Options{
		Now: localtest.Now, Keys: &keys, Snapshot: &snapshot, Earlier: bytes.NewReader(ended.snapshot),
	})
	if err != nil {
		t.Fatalf("audit the table: %v", err)
	}
	ended.snapshot = snapshot.Bytes()
	return report
}

// Audit fails the test for each rule that something in the table breaks.
func Audit(t testing.TB) auditor.Report {
	t.Helper()
	report := Judge(t)
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
