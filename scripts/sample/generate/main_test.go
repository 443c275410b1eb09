package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/shared/mci"
)

// The files are made, not edited: an edit by hand would be lost with the next making.
func TestTheSampleIsAsGenerated(t *testing.T) {
	engagements, err := read("..")
	if err != nil {
		t.Fatal(err)
	}
	made := t.TempDir()
	if err := directory(engagements).Write(made); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(made)
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing is generated: %v", err)
	}
	for _, file := range files {
		name := file.Name()
		content, err := os.ReadFile(filepath.Join(made, name))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(kept, content) {
			t.Errorf("%s differs from what the generator makes; run go generate ./scripts/sample/generate", name)
		}
	}
}

// Whoever looks at the sample finds each rule at work somewhere.
func TestTheSampleShowsEveryKindOfRule(t *testing.T) {
	const today = "2026-11-21" // any day from 2025-07-01 to 2035-06-30
	is := func(e engagement) bool { return e.StartsOn <= today && today <= e.EndsOn }
	takes := func(types ...mci.IDType) func(engagement) bool {
		return func(e engagement) bool { return is(e) && slices.Equal(e.CustomerIDTypes, types) }
	}
	kinds := map[string]func(engagement) bool{
		"upcoming":                     func(e engagement) bool { return today < e.StartsOn },
		"ended":                        func(e engagement) bool { return e.EndsOn < today },
		"any ID of fixed pay":          takes(mci.Domain, mci.TenantID, mci.TPID, mci.AzureSubscription),
		"some IDs of fixed pay":        takes(mci.Domain, mci.TenantID),
		"domains alone":                takes(mci.Domain),
		"tenant IDs alone":             takes(mci.TenantID),
		"TPIDs alone":                  takes(mci.TPID),
		"Azure subscription IDs alone": takes(mci.AzureSubscription),
		"opportunities":                takes(mci.MSXOpportunity),
		"exclusive, fixed pay":         func(e engagement) bool { return is(e) && e.Exclusive && e.PayType == "fixed" },
		"exclusive, variable pay": func(e engagement) bool {
			return is(e) && e.Exclusive && e.PayType == "variable"
		},
		"one claim and no more": func(e engagement) bool {
			return is(e) && e.ClaimLimits == mci.ClaimLimits{Active: 1, Allowed: 1}
		},
		"as many claims as can be": func(e engagement) bool {
			return is(e) && e.ClaimLimits == mci.ClaimLimits{Active: 500, Allowed: 500}
		},
		"more allowed than active": func(e engagement) bool {
			return is(e) && e.ClaimLimits.Active < e.ClaimLimits.Allowed
		},
		"windows of a day": func(e engagement) bool {
			return is(e) && e.ConsentWindowDays == 1 && e.ResubmissionWindowDays == 1
		},
		"no referral":                func(e engagement) bool { return is(e) && e.Referral == nil },
		"a referral without co-sell": func(e engagement) bool { return is(e) && e.Referral != nil && e.CoSell == nil },
		"co-sell": func(e engagement) bool {
			return is(e) && e.CoSell != nil && !e.CoSell.ManagedCustomersOnly
		},
		"no reminders": func(e engagement) bool { return is(e) && e.Reminders == nil },
		"reminders of both deadlines": func(e engagement) bool {
			return is(e) && e.Reminders != nil && len(e.Reminders.ConsentDays) > 0 &&
				len(e.Reminders.SubmissionDays) > 0
		},
		"reminders of one deadline": func(e engagement) bool {
			return is(e) && e.Reminders != nil && len(e.Reminders.SubmissionDays) == 0
		},
		"co-sell for managed ones": func(e engagement) bool {
			return is(e) && e.CoSell != nil && e.CoSell.ManagedCustomersOnly
		},
	}
	engagements, err := read("..")
	if err != nil {
		t.Fatal(err)
	}
	for kind, holds := range kinds {
		if !slices.ContainsFunc(engagements, holds) {
			t.Errorf("no engagement shows %s", kind)
		}
	}
	d := directory(engagements)
	for _, e := range engagements {
		standings := map[bool]int{}
		for _, row := range d["eligibility.csv"] {
			if row[0] == e.ID {
				standings[row[3].(bool)]++
			}
		}
		if standings[true] == 0 || standings[false] == 0 {
			t.Errorf("%s has %v customer IDs that are eligible or not; want some of both", e.ID, standings)
		}
	}
	content, err := os.ReadFile("../locations.csv")
	if err != nil {
		t.Fatal(err)
	}
	domains := map[string]string{} // by the partner
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.TrimSpace(line), ",")
		domains[cells[0]] = cells[len(cells)-1]
	}
	delete(domains, "partnerId")
	all := slices.Collect(maps.Values(domains))
	if !slices.Contains(all, "") || !slices.ContainsFunc(all, func(d string) bool { return strings.Contains(d, ";") }) {
		t.Error("want a partner with any mail domain, and one with several")
	}
	if len(all) != 3 || len(d["customers.csv"]) != customers {
		t.Errorf("the sample has %d partners and %d customers", len(all), len(d["customers.csv"]))
	}
}
