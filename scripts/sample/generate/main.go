// Command generate makes the sample data: three partners, engagements that show every kind of rule, and some two
// hundred customers. It gives the same files each time. Every company is invented, and every domain ends in .example,
// which nobody can own.
//
//go:generate go run . ..
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: generate <folder>")
	}
	made, err := sample()
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range made {
		if err := os.WriteFile(filepath.Join(os.Args[1], name), content, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// sample gives every file's content by its name.
func sample() (map[string][]byte, error) {
	d := directory()
	tables := map[string][][]string{
		"locations.csv":     locations(),
		"grants.csv":        grants,
		"customers.csv":     d.customers,
		"customer-ids.csv":  d.ids,
		"domains.csv":       d.domains,
		"opportunities.csv": d.opportunities,
		"eligibility.csv":   d.eligibility,
	}
	made := map[string][]byte{}
	for name, rows := range tables {
		var text bytes.Buffer
		if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		made[name] = text.Bytes()
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(engagements); err != nil {
		return nil, fmt.Errorf("writing the engagements: %w", err)
	}
	made["engagements.json"] = text.Bytes()
	return made, nil
}

// partner is an invented company that earns incentives, with the mail domains of its people; without any, all will do
// (D23).
type partner struct {
	id, name, domains string
	locations         [][]string // locationId, locationName, country, enrolled, engagementIds
}

var partners = []partner{
	{"northwind", "Northwind Consulting", "", [][]string{
		{"nw-seattle", "Northwind Seattle", "US", "true", "*"},
		{"nw-toronto", "Northwind Toronto", "CA", "true", "cloud-assessment;security-workshop;migration-delivery"},
		{"nw-lisbon", "Northwind Lisboa", "PT", "true", "cloud-assessment;rapid-briefing"},
		{"nw-madrid", "Northwind Madrid", "ES", "false", "*"},
	}},
	{"fabrikam", "Fabrikam Services", "fabrikam.example;fabrikam-asia.example", [][]string{
		{"fb-taipei", "Fabrikam 臺北", "TW", "true", "*"},
		{"fb-saopaulo", "Fabrikam São Paulo", "BR", "true", "cloud-assessment;security-workshop;data-pilot;ai-build"},
		{"fb-tokyo", "Fabrikam 東京", "JP", "true", "security-workshop;tenant-review;migration-delivery"},
		{"fb-osaka", "Fabrikam 大阪", "JP", "false", "cloud-assessment"},
	}},
	{"tailspin", "Tailspin Advisors", "tailspin.example", [][]string{
		{"ts-paris", "Tailspin Paris", "FR", "true",
			"cloud-assessment;security-workshop;app-modernization;copilot-adoption;endpoint-review"},
		{"ts-istanbul", "Tailspin İstanbul", "TR", "true", "cloud-assessment;data-pilot;rapid-briefing;ai-build"},
		{"ts-berlin", "Tailspin Berlin", "DE", "true", ""},
	}},
}

// locations are the partners', one a row.
func locations() [][]string {
	rows := [][]string{
		{"partnerId", "partnerName", "locationId", "locationName", "country", "enrolled", "engagementIds",
			"partnerDomains"},
	}
	for _, p := range partners {
		for _, location := range p.locations {
			rows = append(rows, append(append([]string{p.id, p.name}, location...), p.domains))
		}
	}
	return rows
}

var grants = [][]string{
	{"partnerId", "userId", "locationId", "role", "revoked"},
	{"northwind", "ana@northwind", "nw-seattle", "incentives-admin", ""},
	{"northwind", "ana@northwind", "nw-toronto", "incentives-admin", ""},
	{"northwind", "ana@northwind", "nw-lisbon", "incentives-admin", ""},
	{"northwind", "ana@northwind", "nw-madrid", "incentives-admin", ""},
	{"northwind", "ben@northwind", "nw-seattle", "incentives-user", ""},
	{"northwind", "rui@northwind", "nw-lisbon", "incentives-user", ""},
	{"northwind", "left@northwind", "nw-seattle", "incentives-user", "true"},
	{"fabrikam", "mei@fabrikam", "fb-taipei", "incentives-admin", ""},
	{"fabrikam", "mei@fabrikam", "fb-saopaulo", "incentives-admin", ""},
	{"fabrikam", "mei@fabrikam", "fb-tokyo", "incentives-admin", ""},
	{"fabrikam", "mei@fabrikam", "fb-osaka", "incentives-admin", ""},
	{"fabrikam", "joao@fabrikam", "fb-saopaulo", "incentives-user", ""},
	{"fabrikam", "yuki@fabrikam", "fb-tokyo", "incentives-user", ""},
	{"tailspin", "claire@tailspin", "ts-paris", "incentives-admin", ""},
	{"tailspin", "claire@tailspin", "ts-berlin", "incentives-admin", ""},
	{"tailspin", "deniz@tailspin", "ts-istanbul", "incentives-user", ""},
}

// engagement has the fields of engagements.json.
type engagement struct {
	ID                     string     `json:"id"`
	Name                   string     `json:"name"`
	SolutionArea           string     `json:"solutionArea"`
	Description            string     `json:"description"`
	PayType                string     `json:"payType"`
	CustomerIDTypes        []string   `json:"customerIdTypes"`
	StartsOn               string     `json:"startsOn"`
	EndsOn                 string     `json:"endsOn"`
	ConsentWindowDays      int        `json:"consentWindowDays"`
	SubmissionWindowDays   int        `json:"submissionWindowDays"`
	ResubmissionWindowDays int        `json:"resubmissionWindowDays"`
	ClaimLimits            limits     `json:"claimLimits"`
	Exclusive              bool       `json:"exclusive"`
	Payout                 string     `json:"payout,omitempty"`
	Rates                  *rates     `json:"rates,omitempty"`
	Referral               *referral  `json:"referral"`
	CoSell                 *coSell    `json:"coSell"`
	Reminders              *reminders `json:"reminders,omitempty"`
}

type limits struct {
	Active  int `json:"active"`
	Allowed int `json:"allowed"`
}

type rates struct {
	PerHour               string `json:"perHour"`
	MinHours              int    `json:"minHours"`
	MaxHours              int    `json:"maxHours"`
	MaxPayout             string `json:"maxPayout"`
	MaxShareOfOpportunity string `json:"maxShareOfOpportunity"`
}

type referral struct {
	MinDealSize string `json:"minDealSize"`
}

type coSell struct {
	MinDealSize          string `json:"minDealSize"`
	ManagedCustomersOnly bool   `json:"managedCustomersOnly"`
}

type reminders struct {
	ConsentDays    []int `json:"consentDays,omitempty"`
	SubmissionDays []int `json:"submissionDays,omitempty"`
}

// The types of customer ID.
const (
	domain       = "domain"
	tenant       = "tenant-id"
	tpid         = "tpid"
	subscription = "azure-subscription-id"
	opportunity  = "msx-opportunity-id"
)

// engagements are open from 2024 to 2035, but for one that is over and one that is yet to come.
var engagements = []engagement{
	{
		ID: "cloud-assessment", Name: "Cloud Assessment", SolutionArea: "Infrastructure",
		Description: "Find out with the customer what moving to the cloud takes and brings, by any of its IDs.",
		PayType:     "fixed", CustomerIDTypes: []string{domain, tenant, tpid, subscription},
		StartsOn: "2024-07-01", EndsOn: "2035-06-30",
		ConsentWindowDays: 30, SubmissionWindowDays: 60, ResubmissionWindowDays: 14,
		ClaimLimits: limits{5, 10}, Payout: "2000.00",
		Referral: &referral{"10000.00"}, CoSell: &coSell{"50000.00", true},
		Reminders: &reminders{[]int{7, 2}, []int{14, 3}},
	},
	{
		ID: "security-workshop", Name: "Security Workshop", SolutionArea: "Security",
		Description: "Three days on threats and defences, with one partner at a time for a customer.",
		PayType:     "fixed", CustomerIDTypes: []string{domain, tenant},
		StartsOn: "2024-07-01", EndsOn: "2035-06-30",
		ConsentWindowDays: 21, SubmissionWindowDays: 90, ResubmissionWindowDays: 21,
		ClaimLimits: limits{1, 2}, Exclusive: true, Payout: "4500.00",
		Referral: &referral{"25000.00"}, CoSell: &coSell{"25000.00", false},
		Reminders: &reminders{ConsentDays: []int{10, 3}},
	},
	{
		ID: "data-pilot", Name: "Data and Analytics Pilot", SolutionArea: "Data and AI",
		Description: "A pilot on the customer's own data. Customers are nominated by TPID.",
		PayType:     "fixed", CustomerIDTypes: []string{tpid},
		StartsOn: "2024-10-01", EndsOn: "2035-12-31",
		ConsentWindowDays: 14, SubmissionWindowDays: 120, ResubmissionWindowDays: 30,
		ClaimLimits: limits{2, 3}, Payout: "7500.00",
		Referral: &referral{"0.00"},
	},
	{
		ID: "app-modernization", Name: "Application Modernization", SolutionArea: "Applications",
		Description: "Bring one application up to date in the subscription that it runs in, once and no more.",
		PayType:     "fixed", CustomerIDTypes: []string{subscription},
		StartsOn: "2024-07-01", EndsOn: "2035-06-30",
		ConsentWindowDays: 30, SubmissionWindowDays: 180, ResubmissionWindowDays: 30,
		ClaimLimits: limits{1, 1}, Payout: "12000.00",
	},
	{
		ID: "tenant-review", Name: "Tenant Review", SolutionArea: "Modern Work",
		Description: "A look at how the tenant is set up and used.",
		PayType:     "fixed", CustomerIDTypes: []string{tenant},
		StartsOn: "2025-01-01", EndsOn: "2035-12-31",
		ConsentWindowDays: 10, SubmissionWindowDays: 30, ResubmissionWindowDays: 10,
		ClaimLimits: limits{3, 500}, Payout: "850.50",
	},
	{
		ID: "rapid-briefing", Name: "Rapid Briefing", SolutionArea: "Modern Work",
		Description: "Half a day, asked for, held and claimed within the week.",
		PayType:     "fixed", CustomerIDTypes: []string{domain},
		StartsOn: "2024-07-01", EndsOn: "2035-06-30",
		ConsentWindowDays: 1, SubmissionWindowDays: 2, ResubmissionWindowDays: 1,
		ClaimLimits: limits{500, 500}, Payout: "500.00",
	},
	{
		ID: "migration-delivery", Name: "Migration Delivery", SolutionArea: "Infrastructure",
		Description: "Move the workloads of an open opportunity, paid by the hour.",
		PayType:     "variable", CustomerIDTypes: []string{opportunity},
		StartsOn: "2024-07-01", EndsOn: "2035-06-30",
		ConsentWindowDays: 30, SubmissionWindowDays: 365, ResubmissionWindowDays: 30,
		ClaimLimits: limits{1, 3}, Rates: &rates{"150.00", 10, 400, "50000.00", "0.15"},
		Referral: &referral{"50000.00"}, CoSell: &coSell{"100000.00", true},
		Reminders: &reminders{[]int{14, 7, 2}, []int{90, 60, 30, 14, 2}},
	},
	{
		ID: "ai-build", Name: "AI Solution Build", SolutionArea: "Data and AI",
		Description: "Build a first AI solution on an open opportunity, with one partner alone.",
		PayType:     "variable", CustomerIDTypes: []string{opportunity},
		StartsOn: "2025-07-01", EndsOn: "2035-06-30",
		ConsentWindowDays: 15, SubmissionWindowDays: 120, ResubmissionWindowDays: 20,
		ClaimLimits: limits{2, 2}, Exclusive: true, Rates: &rates{"187.50", 1, 200, "30000.00", "0.1"},
	},
	{
		ID: "copilot-adoption", Name: "Copilot Adoption", SolutionArea: "Modern Work",
		Description: "Not open yet: it shows what an engagement looks like before its first day.",
		PayType:     "fixed", CustomerIDTypes: []string{domain, tenant, tpid},
		StartsOn: "2035-07-01", EndsOn: "2038-06-30",
		ConsentWindowDays: 30, SubmissionWindowDays: 60, ResubmissionWindowDays: 14,
		ClaimLimits: limits{2, 4}, Payout: "3000.00",
		Referral: &referral{"10000.00"},
	},
	{
		ID: "endpoint-review", Name: "Endpoint Review", SolutionArea: "Security",
		Description: "Over: it takes no nominations any more, and its pages stay readable.",
		PayType:     "fixed", CustomerIDTypes: []string{tenant, tpid},
		StartsOn: "2023-01-01", EndsOn: "2024-06-30",
		ConsentWindowDays: 30, SubmissionWindowDays: 60, ResubmissionWindowDays: 14,
		ClaimLimits: limits{2, 2}, Payout: "1500.00",
	},
}

// data is everything about customers, table by table.
type data struct {
	customers, ids, domains, opportunities, eligibility [][]string
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

// directory makes the customers, their IDs and what each ID is eligible for.
func directory() data {
	d := data{
		customers:     [][]string{{"customerId", "name", "country", "managed"}},
		ids:           [][]string{{"customerId", "idType", "idValue"}},
		domains:       [][]string{{"domain", "tenantId"}},
		opportunities: [][]string{{"opportunityId", "customerId", "value", "status"}},
		eligibility:   [][]string{{"engagementId", "idType", "idValue", "eligible", "reason"}},
	}
	for i, c := range companies() {
		d.add(fmt.Sprintf("c-%04d", i+1), i, c)
	}
	return d
}

func (d *data) add(id string, i int, c company) {
	story := c.rule != byChance
	managed := c.rule == everything || !story && chance(100, id, "managed") < 30
	d.customers = append(d.customers, []string{id, c.name, c.country, strconv.FormatBool(managed)})

	tenantID := guid(id, "tenant")
	d.identify(id, c.rule, tenant, tenantID)
	if story || chance(100, id, "tpid") < 80 {
		d.identify(id, c.rule, tpid, strconv.Itoa(1000001+i*7919))
	}
	if story || chance(100, id, "subscription") < 60 {
		d.identify(id, c.rule, subscription, guid(id, "subscription"))
	}
	if chance(100, id, "second subscription") < 15 {
		d.identify(id, c.rule, subscription, guid(id, "second subscription"))
	}
	if c.rule != noDomain && (story || chance(100, id, "domain") < 90) {
		d.domains = append(d.domains, []string{c.slug + ".example", tenantID})
	}
	if c.rule == foreignEmail {
		d.domains = append(d.domains, []string{c.slug + "-mail.example", guid(id, "foreign tenant")})
	} else if chance(100, id, "second domain") < 20 {
		d.domains = append(d.domains, []string{c.slug + "-group.example", tenantID})
	}
	statuses := []string{"open", "open", "won", "lost"}
	for n := range chance(4, id, "opportunities") {
		d.opportunity(id, c.rule, n+1, statuses[chance(len(statuses), id, "status", n)])
	}
	if story {
		d.opportunity(id, c.rule, 8, "open")
		d.opportunity(id, c.rule, 9, "lost")
	}
}

func (d *data) opportunity(id string, rule rule, n int, status string) {
	value := fmt.Sprintf("%d.%02d", 20000+500*chance(1000, id, "value", n), chance(4, id, "cents", n)*25)
	opportunityID := fmt.Sprintf("opp-%s-%d", strings.TrimPrefix(id, "c-"), n)
	d.opportunities = append(d.opportunities, []string{opportunityID, id, value, status})
	d.judge(rule, opportunity, opportunityID)
}

func (d *data) identify(id string, rule rule, idType, value string) {
	d.ids = append(d.ids, []string{id, idType, value})
	d.judge(rule, idType, value)
}

// reasons are what the program says of customers that it found ineligible.
var reasons = []string{
	"The customer uses less than this engagement asks for.",
	"The customer took part in an earlier year.",
	"The customer's country is not part of this engagement.",
	"",
}

// judge says for which engagements the ID is eligible. An engagement that takes domains asks for the tenant.
func (d *data) judge(rule rule, idType, value string) {
	for _, e := range engagements {
		if !slices.Contains(e.CustomerIDTypes, idType) && !(idType == tenant && slices.Contains(e.CustomerIDTypes,
			domain)) {
			continue
		}
		eligible, reason := true, ""
		switch dice := chance(100, e.ID, value); {
		case rule == everything:
		case rule == nothing, rule == onlyByTPID && idType != tpid, rule == byChance && dice < 20:
			eligible, reason = false, reasons[chance(len(reasons), e.ID, value, "reason")]
		case rule == byChance && dice < 35:
			continue // not eligible for want of a row
		}
		d.eligibility = append(d.eligibility, []string{e.ID, idType, value, strconv.FormatBool(eligible), reason})
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
