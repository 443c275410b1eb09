package main

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// As in AWS, the issuer has an address of another site than the portal.
func TestMain(m *testing.M) {
	localtest.Main(m, func(config *cloud.Config) { config.IssuerApart = true })
}

// TestPeopleUseThePortalInABrowser has testdata/browser.mjs live the life of a claim by clicks, by keyboard alone and
// without script, and look at every page in every language, on the sample data.
func TestPeopleUseThePortalInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes minutes")
	}
	localtest.LoadFolder(t, filepath.Join(localtest.Root(), "scripts", "sample"))
	// A referral that has come to qualify for co-sell since the customer consented.
	northwind := story.Partner{ID: "northwind", Location: "nw-seattle",
		Token: localtest.Token(t, "northwind", "ana@northwind", mci.IncentivesAdmin)}
	woodgrove := story.Customer{Name: "Woodgrove Bank", Tenant: "6f17141f-139e-5b84-9c8a-cfb22e6ef54e",
		Email: "kim@woodgrove.example"}
	northwind.Consented(t, woodgrove, "cloud-assessment")
	localtest.WaitDrained(t)
	localtest.LoadRow(t, "customers.csv", "c-0003", "Woodgrove Bank", "GB", true)
	busy := newEdge(t, localtest.Cloud().Issuer(), "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/claims" { // more than fit in one file
			fmt.Fprintf(w, `{"claims":[{}%s]}`, strings.Repeat(",{}", maxExport))
			return
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"type":"urn:mci:problem:try-again"}`)
	}))
	command := cloud.Browser(t.Context(), localtest.Root(), filepath.Join("testdata", "browser.mjs"), localtest.URL(),
		localtest.Cloud().SESEndpoint(), localtest.Cloud().Issuer(), busy.url)
	var said, failed bytes.Buffer
	command.Stdout, command.Stderr = &said, &failed
	if err := command.Run(); err != nil {
		t.Errorf("the browser ended with %v: %s", err, failed.String())
	}
	for line := range strings.Lines(said.String()) {
		t.Error(strings.TrimSpace(line))
	}
}
