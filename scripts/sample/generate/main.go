// Command generate makes the sample's customers, some two hundred, with their IDs and what each is eligible for. The
// engagements, which show every kind of rule, and the three partners with their grants are written by hand. It gives
// the same files each time. Every company is invented, and every domain ends in .example, which nobody can own.
//
//go:generate go run . ..
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/shared/mci"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: generate <folder>")
	}
	engagements, err := read(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := directory(engagements).Write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// engagement is what the generator and its test look at in engagements.json.
type engagement struct {
	ID, PayType                               string
	CustomerIDTypes                           []mci.IDType
	StartsOn, EndsOn                          mci.Date
	ConsentWindowDays, ResubmissionWindowDays int
	ClaimLimits                               mci.ClaimLimits
	Exclusive                                 bool
	Referral                                  *struct{}
	CoSell                                    *struct{ ManagedCustomersOnly bool }
	Reminders                                 *mci.Reminders
}

// read gives the engagements of a folder.
func read(folder string) (engagements []engagement, err error) {
	content, err := os.ReadFile(filepath.Join(folder, "engagements.json"))
	if err == nil {
		err = json.Unmarshal(content, &engagements)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the engagements: %w", err)
	}
	return engagements, nil
}

// company is an invented customer.
type company struct {
	name, country, slug string
	rule                rule
}

// rule says how a customer's IDs stand.
type rule int

const (
	byChance     rule = iota
	everything        // eligible for all engagements by all IDs
	onlyByTPID        // which the answer to any other ID says (S13)
	noDomain          // its domain leads nowhere (S10)
	foreignEmail      // the domain of its email leads to a tenant that is nobody's (S12)
	nothing           // ineligible for all, with a reason
)

// named are the customers that stories and documents speak of.
var named = []company{
	{"Contoso", "US", "contoso", everything},
	{"Adatum Corporation", "US", "adatum", onlyByTPID},
	{"Woodgrove Bank", "GB", "woodgrove", foreignEmail},
	{"Proseware", "CA", "proseware", noDomain},
	{"Litware", "US", "litware", nothing},
	{"Münchner Brotmanufaktur", "DE", "münchner-brot", everything},
	{"緑川製作所", "JP", "緑川", everything},
	{"Café São Bento", "BR", "cafe-sao-bento", everything},
	{"Ünal Tekstil", "TR", "unal-tekstil", everything},
	{"玉山茶業", "TW", "yushan-tea", everything},
	{"Boulangerie Lefèvre", "FR", "boulangerie-lefevre", everything},
	{"contoso pharmaceuticals", "US", "contoso-pharma", byChance},
}

// Names of the others are made of these.
var (
	firstNames = []string{
		"Amber", "Birch", "Cedar", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo", "Juniper",
		"Kestrel", "Lumen", "Maple", "Nimbus", "Onyx", "Prairie", "Quartz", "River", "Summit", "Tundra",
	}
	secondNames = []string{
		"Valley Foods", "Logistics", "Health", "Energy", "Textiles", "Robotics", "Insurance", "Media", "Retail",
		"Shipping",
	}
	countries = []string{"US", "CA", "BR", "JP", "FR", "TR", "TW", "DE", "GB", "PT"}
)

const customers = 200

func companies() []company {
	all := slices.Clone(named)
	for i := 0; len(all) < customers; i++ {
		name := firstNames[i%len(firstNames)] + " " + secondNames[(i+i/len(firstNames))%len(secondNames)]
		slug := strings.ReplaceAll(strings.ToLower(name), " ", "-")
		all = append(all, company{name, countries[i%len(countries)], slug, byChance})
	}
	return all
}

// sample is the data in the making.
type sample struct {
	importer.Data
	engagements []engagement
}

// directory makes the customers, their IDs and what each ID is eligible for.
func directory(engagements []engagement) importer.Data {
	s := sample{importer.Data{}, engagements}
	for i, c := range companies() {
		s.add(fmt.Sprintf("c-%04d", i+1), i, c)
	}
	return s.Data
}

func (s sample) add(id string, i int, c company) {
	story := c.rule != byChance
	managed := c.rule == everything || !story && chance(100, id, "managed") < 30
	s.Add("customers.csv", id, c.name, c.country, managed)

	tenantID := guid(id, "tenant")
	s.identify(id, c.rule, mci.TenantID, tenantID)
	if story || chance(100, id, "tpid") < 80 {
		s.identify(id, c.rule, mci.TPID, strconv.Itoa(1000001+i*7919))
	}
	if story || chance(100, id, "subscription") < 60 {
		s.identify(id, c.rule, mci.AzureSubscription, guid(id, "subscription"))
	}
	if chance(100, id, "second subscription") < 15 {
		s.identify(id, c.rule, mci.AzureSubscription, guid(id, "second subscription"))
	}
	if c.rule != noDomain && (story || chance(100, id, "domain") < 90) {
		s.Add("domains.csv", c.slug+".example", tenantID)
	}
	if c.rule == foreignEmail {
		s.Add("domains.csv", c.slug+"-mail.example", guid(id, "foreign tenant"))
	} else if chance(100, id, "second domain") < 20 {
		s.Add("domains.csv", c.slug+"-group.example", tenantID)
	}
	statuses := []string{"open", "open", "won", "lost"}
	for n := range chance(4, id, "opportunities") {
		s.opportunity(id, c.rule, n+1, statuses[chance(len(statuses), id, "status", n)])
	}
	if story {
		s.opportunity(id, c.rule, 8, "open")
		s.opportunity(id, c.rule, 9, "lost")
	}
}

func (s sample) opportunity(id string, rule rule, n int, status string) {
	value := fmt.Sprintf("%d.%02d", 20000+500*chance(1000, id, "value", n), chance(4, id, "cents", n)*25)
	opportunityID := fmt.Sprintf("opp-%s-%d", strings.TrimPrefix(id, "c-"), n)
	s.Add("opportunities.csv", opportunityID, id, value, status)
	s.judge(rule, mci.MSXOpportunity, opportunityID)
}

func (s sample) identify(id string, rule rule, idType mci.IDType, value string) {
	s.Add("customer-ids.csv", id, idType, value)
	s.judge(rule, idType, value)
}

// reasons are what the program says of customers that it found ineligible.
var reasons = []string{
	"The customer uses less than this engagement asks for.",
	"The customer took part in an earlier year.",
	"The customer's country is not part of this engagement.",
	"",
}

// judge says for which engagements the ID is eligible. An engagement that takes domains asks for the tenant.
func (s sample) judge(rule rule, idType mci.IDType, value string) {
	for _, e := range s.engagements {
		byDomain := idType == mci.TenantID && slices.Contains(e.CustomerIDTypes, mci.Domain)
		if !slices.Contains(e.CustomerIDTypes, idType) && !byDomain {
			continue
		}
		eligible, reason := true, ""
		switch dice := chance(100, e.ID, value); {
		case rule == everything:
		case rule == nothing, rule == onlyByTPID && idType != mci.TPID, rule == byChance && dice < 20:
			eligible, reason = false, reasons[chance(len(reasons), e.ID, value, "reason")]
		case rule == byChance && dice < 35:
			continue // not eligible for want of a row
		}
		s.Add("eligibility.csv", e.ID, idType, value, eligible, reason)
	}
}

// chance gives a number below n that only the parts decide.
func chance(n int, parts ...any) int {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q", parts)))
	return int(binary.BigEndian.Uint32(sum[:4]) % uint32(n))
}

// guid gives a GUID that only the parts decide.
func guid(parts ...any) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(fmt.Sprintf("%q", parts))).String()
}
