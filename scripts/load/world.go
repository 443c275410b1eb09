package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/operator"
	"mci.example/customers/shared/mci"
)

type object = client.Object

// How large the world is.
const (
	partnerCount    = 100
	customerCount   = 500
	engagementCount = 8
	contactCount    = 5  // people of a customer that partners write to
	limit           = 20 // of claims that a customer may have open on an engagement; two times as many in all
)

// world is a program of its own in the table: no run meets what another has left there.
type world struct {
	client.Client
	run      string // begins every name
	ran      *rand.Rand
	partners zipf
	popular  zipf // the customers

	tokens        [partnerCount]string // of each partner's user
	staff, seller string
}

// zipf chooses numbers below a bound by Zipf's law: the first ones far more often than all others.
type zipf struct{ *rand.Zipf }

// newZipf gives 0 about as often as the next flat numbers, and each one after those less than the one before.
func newZipf(ran *rand.Rand, flat float64, bound int) zipf {
	return zipf{rand.NewZipf(ran, 1.1, flat, uint64(bound-1))}
}

func (z zipf) choose() int { return int(z.Uint64()) }

func newWorld(seed uint64) *world {
	ran := rand.New(rand.NewPCG(seed, 0))
	return &world{Client: client.FromEnvironment(), run: fmt.Sprintf("load-%x", seed), ran: ran,
		partners: newZipf(ran, 4, partnerCount), popular: newZipf(ran, 20, customerCount)}
}

func (w *world) partner(n int) string    { return fmt.Sprintf("%s-partner-%d", w.run, n) }
func (w *world) location(n int) string   { return fmt.Sprintf("%s-location-%d", w.run, n) }
func (w *world) user(n int) string       { return fmt.Sprintf("%s-user-%d", w.run, n) }
func (w *world) engagement(n int) string { return fmt.Sprintf("%s-engagement-%d", w.run, n) }
func (w *world) customer(n int) string   { return fmt.Sprintf("%s-customer-%d", w.run, n) }
func (w *world) domain(n int) string     { return fmt.Sprintf("%s-%d.example", w.run, n) }
func (w *world) tenant(n int) string {
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", uint32(len(w.run)), uint16(n), n^int(hash(w.run)))
}

// hash spreads a name over 40 bits.
func hash(name string) (sum uint64) {
	for _, b := range []byte(name) {
		sum = (sum*1099511628211 + uint64(b)) & (1<<40 - 1)
	}
	return sum
}

// anEngagementFor gives one that the customer is eligible for.
func (w *world) anEngagementFor(customer int) int {
	return customer%2 + 2*w.ran.IntN(engagementCount/2)
}

const (
	oneDay    = 0 // the engagement that must be consented to within a day
	roomy     = 2 // the one with room for everyone
	exclusive = 7
)

// build imports the world, and signs its people in.
func (w *world) build(ctx context.Context) error {
	data := importer.Data{}
	for n := range engagementCount {
		active := limit
		if n == roomy {
			active = 250
		}
		data.Add("engagements.json", object{
			"id": w.engagement(n), "name": fmt.Sprintf("Engagement %d of %s", n, w.run),
			"solutionArea": "Infrastructure",
			"description":  "The partner looks at what the customer has, and shows what could be done with it.",
			"payType":      "fixed", "customerIdTypes": []string{"domain", "tenant-id"}, "startsOn": "2020-01-01",
			"endsOn": "2039-12-31", "consentWindowDays": map[bool]int{true: 1, false: 30}[n == oneDay],
			"submissionWindowDays": 60, "resubmissionWindowDays": 14,
			"claimLimits": object{"active": active, "allowed": 2 * active},
			"exclusive":   n == exclusive, "payout": "1250.00", "referral": object{"minDealSize": "10000.00"},
			"coSell": object{"minDealSize": "50000.00", "managedCustomersOnly": false},
		})
	}
	for n := range partnerCount {
		data.Add("locations.csv", w.partner(n), fmt.Sprintf("Partner %d", n), w.location(n), "Seattle", "US", true, "*")
		data.Add("grants.csv", w.partner(n), w.user(n), w.location(n), mci.IncentivesAdmin)
	}
	for n := range customerCount {
		data.Add("customers.csv", w.customer(n), fmt.Sprintf("Customer %04d", n), "US", true)
		data.Add("customer-ids.csv", w.customer(n), mci.TenantID, w.tenant(n))
		data.Add("domains.csv", w.domain(n), w.tenant(n))
		for e := n % 2; e < engagementCount; e += 2 { // half of them
			data.Add("eligibility.csv", w.engagement(e), mci.TenantID, w.tenant(n), true, "")
		}
	}
	database, table, where, err := operator.Connect(ctx)
	if err != nil {
		return err
	}
	if _, err := data.Import(ctx, database, table, importer.Options{Progress: os.Stderr}); err != nil {
		return fmt.Errorf("%w; %s", err, where)
	}
	return w.signIn(ctx)
}

func (w *world) signIn(ctx context.Context) (err error) {
	for n := range w.tokens {
		if w.tokens[n], err = w.Token(ctx, object{"sub": w.user(n), "partnerId": w.partner(n),
			"roles": []string{"incentives-admin", "referral-admin"}}); err != nil {
			return err
		}
	}
	if w.staff, err = w.Token(ctx, object{"sub": w.run + "-staff", "roles": []string{"program-admin"}}); err != nil {
		return err
	}
	w.seller, err = w.Token(ctx, object{"sub": w.run + "-seller", "roles": []string{"field-seller"}})
	return err
}

// locales are the languages of customers.
var locales = []string{"en", "zh-TW", "pt-BR", "ja", "fr", "tr"}

// nomination is the body by which the partner adds the customer; without its customerId, the one that claims it.
func (w *world) nomination(partner, customer, engagement int) object {
	return object{
		"friendlyName": "Work for " + w.customer(customer), "locationId": w.location(partner),
		"customerId":    object{"type": "domain", "value": w.domain(customer)},
		"engagementIds": []string{w.engagement(engagement)},
		"customerContact": object{"name": "Kim", "locale": locales[customer%len(locales)],
			"email": fmt.Sprintf("kim%d@%s", w.ran.IntN(contactCount), w.domain(customer))},
		"partnerContact": object{"name": "Pat", "locale": locales[partner%len(locales)],
			"email": fmt.Sprintf("pat@%s.example", w.partner(partner))},
	}
}
