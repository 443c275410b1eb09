package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The files are made, not edited: an edit by hand would be lost with the next making.
func TestTheSampleIsAsGenerated(t *testing.T) {
	made, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range made {
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
	takes := func(types ...string) func(engagement) bool {
		return func(e engagement) bool { return is(e) && slices.Equal(e.CustomerIDTypes, types) }
	}
	kinds := map[string]func(engagement) bool{
		"upcoming":                     func(e engagement) bool { return today < e.StartsOn },
		"ended":                        func(e engagement) bool { return e.EndsOn < today },
		"any ID of fixed pay":          takes(domain, tenant, tpid, subscription),
		"some IDs of fixed pay":        takes(domain, tenant),
		"domains alone":                takes(domain),
		"tenant IDs alone":             takes(tenant),
		"TPIDs alone":                  takes(tpid),
		"Azure subscription IDs alone": takes(subscription),
		"opportunities":                takes(opportunity),
		"exclusive, fixed pay":         func(e engagement) bool { return is(e) && e.Exclusive && e.PayType == "fixed" },
		"exclusive, variable pay": func(e engagement) bool {
			return is(e) && e.Exclusive && e.PayType == "variable"
		},
		"one claim and no more":    func(e engagement) bool { return is(e) && e.ClaimLimits == limits{1, 1} },
		"as many claims as can be": func(e engagement) bool { return is(e) && e.ClaimLimits == limits{500, 500} },
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
	for kind, holds := range kinds {
		if !slices.ContainsFunc(engagements, holds) {
			t.Errorf("no engagement shows %s", kind)
		}
	}
	d := directory()
	for _, e := range engagements {
		standings := map[string]int{}
		for _, row := range d.eligibility {
			if row[0] == e.ID {
				standings[row[3]]++
			}
		}
		if standings["true"] == 0 || standings["false"] == 0 {
			t.Errorf("%s has %v customer IDs that are eligible or not; want some of both", e.ID, standings)
		}
	}
	has := func(holds func(partner) bool) bool { return slices.ContainsFunc(partners, holds) }
	if !has(func(p partner) bool { return p.domains == "" }) ||
		!has(func(p partner) bool { return strings.Contains(p.domains, ";") }) {
		t.Error("want a partner with any mail domain, and one with several")
	}
	if len(partners) != 3 || len(d.customers) != 1+customers {
		t.Errorf("the sample has %d partners and %d customers", len(partners), len(d.customers)-1)
	}
}
