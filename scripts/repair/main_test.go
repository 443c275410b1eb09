package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
)

func TestMain(m *testing.M) { localtest.Main(m) }

func TestS27_AMissedUpgradeIsFoundAndRepaired(t *testing.T) {
	p := story.NewPartner(t)
	engagement := story.Engagement(t, story.Object{
		"referral": story.Object{"minDealSize": "0.00"},
		"coSell":   story.Object{"minDealSize": "0.00", "managedCustomersOnly": true},
	})
	c := story.NewCustomer(t, engagement)
	c.Manage(t, false)
	claim := p.Consented(t, c, engagement)
	localtest.WaitDrained(t)
	c.Manage(t, true)

	command := filepath.Join(t.TempDir(), "repair")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	repair := func(arguments ...string) string {
		t.Helper()
		run := exec.CommandContext(t.Context(), command, arguments...)
		run.Env = append(os.Environ(), "TABLE_NAME="+localtest.Table(), "DYNAMODB_ENDPOINT="+
			localtest.Cloud().DynamoDBEndpoint())
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}

	if out := repair("--dry-run"); !strings.Contains(out, claim.ID) ||
		p.Get(t, claim.ID).Referral.Type != "partner-led" {
		t.Fatalf("a dry run names what it would upgrade and upgrades nothing:\n%s", out)
	}
	if out := repair(); !strings.Contains(out, claim.ID) {
		t.Fatalf("the missed upgrade is not found:\n%s", out)
	}
	if repaired := p.Get(t, claim.ID); repaired.Referral.Type != "co-sell" || !repaired.EventsIntact {
		t.Fatalf("the referral is %s, the history intact: %v", repaired.Referral.Type, repaired.EventsIntact)
	}
	if out := repair(); strings.Contains(out, claim.ID) {
		t.Fatalf("what is repaired is repaired again:\n%s", out)
	}
}
