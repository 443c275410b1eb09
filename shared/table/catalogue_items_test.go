package table

import (
	"reflect"
	"testing"

	"mci.example/customers/shared/mci"
)

// What the import writes is what the functions read, and no two things have one key.
func TestEveryCatalogueRecordIsReadAsItWasWritten(t *testing.T) {
	share, err := mci.ParseShare("0.15")
	if err != nil {
		t.Fatal(err)
	}
	payout := mci.MustMoney("1250.50")
	tenant := mci.CustomerID{Type: mci.TenantID, Value: "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
	domain := mci.CustomerID{Type: mci.Domain, Value: "contoso.example"}
	records := map[string]any{
		"an engagement of fixed pay": NewEngagementRecord(mci.Engagement{
			ID: "workshop", Name: "Workshop", PayType: mci.Fixed, CustomerIDTypes: []mci.IDType{mci.Domain, mci.TPID},
			StartsOn: "2026-01-01", EndsOn: "2026-12-31", ConsentWindowDays: 30, ClaimLimits: mci.ClaimLimits{Active: 1,
				Allowed: 500},
			Exclusive: true, Payout: &payout, Referral: &mci.ReferralRule{MinDealSize: mci.MustMoney("0.00")},
			CoSell:    &mci.CoSellRule{MinDealSize: mci.MustMoney("100000.00"), ManagedCustomersOnly: true},
			Reminders: &mci.Reminders{ConsentDays: []int{7, 2}, SubmissionDays: []int{}},
		}),
		"an engagement of variable pay": NewEngagementRecord(mci.Engagement{
			ID: "delivery", PayType: mci.Variable, CustomerIDTypes: []mci.IDType{mci.MSXOpportunity},
			Rates: &mci.Rates{PerHour: mci.MustMoney("99.99"), MinHours: 1, MaxHours: 40, MaxPayout: payout,
				MaxShareOfOpportunity: share},
		}),
		"a location for some engagements": NewLocationRecord(mci.Location{
			PartnerID: "p1", PartnerName: "Partner", ID: "l1", Name: "Örtchen", Enrolled: true,
			EngagementIDs:  []string{"workshop", "delivery"},
			PartnerDomains: []string{"partner.example"},
		}),
		"a location for all engagements": NewLocationRecord(mci.Location{PartnerID: "p1", ID: "l2",
			AllEngagements: true}),
		"a location for none":        NewLocationRecord(mci.Location{PartnerID: "p1", ID: "l3"}),
		"another partner's location": NewLocationRecord(mci.Location{PartnerID: "p2", ID: "l1"}),
		"a grant": NewGrantRecord(mci.Grant{PartnerID: "p1", UserID: "u1", LocationID: "l1",
			Role: mci.IncentivesAdmin}),
		"a grant of another role": NewGrantRecord(mci.Grant{PartnerID: "p1", UserID: "u1", LocationID: "l1",
			Role: mci.IncentivesUser}),
		"a customer": NewCustomerRecord(mci.Customer{ID: "c1", Name: "緑川製作所", Country: "JP",
			Managed: true}),
		"a tenant":                        NewDirectoryRecord(tenant, "c1"),
		"a domain of a customer's tenant": NewDomainRecord(domain, tenant, "c1"),
		"a domain of nobody's tenant": NewDomainRecord(mci.CustomerID{Type: mci.Domain, Value: "nobody.example"},
			tenant, ""),
		"an opportunity": NewOpportunityRecord(mci.Opportunity{ID: "o1", CustomerID: "c1", Value: payout,
			Status: mci.OpportunityWon}),
		"eligible for an engagement": NewEligibilityRecord(tenant, mci.Eligibility{EngagementID: "workshop",
			Eligible: true}),
		"ineligible for another engagement": NewEligibilityRecord(tenant, mci.Eligibility{EngagementID: "delivery",
			Reason: "Uses less than is asked for."}),
	}
	keys := map[Key]string{}
	for name, record := range records {
		t.Run(name, func(t *testing.T) {
			put, err := Put(record)
			if err != nil {
				t.Fatal(err)
			}
			item := put.PutRequest.Item
			read := reflect.New(reflect.TypeOf(record))
			if err := decode(item, read.Interface()); err != nil {
				t.Fatal(err)
			}
			if got := read.Elem().Interface(); !reflect.DeepEqual(got, record) {
				t.Errorf("wrote\n%+v\nand read\n%+v", record, got)
			}
			key := KeyOf(item)
			if key.PK == "" || key.SK == "" {
				t.Errorf("the item has no key: %v", item)
			}
			if other, taken := keys[key]; taken {
				t.Errorf("%s has the key of %s", name, other)
			}
			keys[key] = name
			if again := KeyOf(Delete(key).DeleteRequest.Key); again != key {
				t.Errorf("deleting by key asks for %v, not %v", again, key)
			}
		})
	}
}
