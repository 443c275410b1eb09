package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
	"mci.example/customers/shared/write"
)

// The partner whose calls are measured, and its user.
const (
	partner  = "partner"
	location = "seattle"
)

var (
	partnerUser = user{partner, "ana@partner.example", mci.IncentivesAdmin}
	seller      = user{partner, "rui@partner.example", mci.ReferralAdmin}
	staff       = user{"", "kim@program.example", mci.ProgramAdmin}
)

// engagementNames are of the program's catalogue, the size of a real one. The first is nominated for when a customer is
// added, the second when one is claimed.
var engagementNames = []string{
	"Cloud Assessment", "Security Workshop", "Data Pilot", "App Modernization", "Copilot Adoption", "Endpoint Review",
	"Tenant Review", "Rapid Briefing", "Network Check", "Cost Review",
}

func engagementID(i int) string {
	return strings.ToLower(strings.ReplaceAll(engagementNames[i], " ", "-"))
}

func engagement(i int) object {
	return object{
		"id": engagementID(i), "name": engagementNames[i], "solutionArea": "Infrastructure",
		"description": "The partner looks at what the customer has, and shows what could be done with it, in three " +
			"days.",
		"payType": "fixed", "customerIdTypes": []string{"domain", "tenant-id", "tpid", "azure-subscription-id"},
		"startsOn": "2020-01-01", "endsOn": "2039-12-31", "consentWindowDays": 30, "submissionWindowDays": 60,
		"resubmissionWindowDays": 14, "claimLimits": object{"active": 5, "allowed": 10}, "exclusive": false,
		"payout":   "1250.00",
		"referral": object{"minDealSize": "10000.00"}, "coSell": object{"minDealSize": "50000.00",
			"managedCustomersOnly": true},
	}
}

// rules are an engagement's as the domain knows them.
func rules(i int) mci.Engagement {
	payout := mci.MustMoney("1250.00")
	return mci.Engagement{
		ID: engagementID(i), Name: engagementNames[i], PayType: mci.Fixed, CustomerIDTypes: []mci.IDType{mci.Domain,
			mci.TenantID},
		StartsOn: "2020-01-01", EndsOn: "2039-12-31", ConsentWindowDays: 30, SubmissionWindowDays: 60,
		ResubmissionWindowDays: 14,
		ClaimLimits:            mci.ClaimLimits{Active: 5, Allowed: 10}, Payout: &payout,
		Referral: &mci.ReferralRule{MinDealSize: mci.MustMoney("10000.00")},
	}
}

// customer is one of those that take part, by number.
type customer int

func (c customer) id() string     { return fmt.Sprintf("customer-%06d", c) }
func (c customer) name() string   { return fmt.Sprintf("Customer %06d", c) }
func (c customer) tenant() string { return fmt.Sprintf("3f2504e0-4f89-41d3-9a0c-%012d", c) }
func (c customer) domain() string { return fmt.Sprintf("customer-%06d.example", c) }
func (c customer) contact() object {
	return object{"name": "Kim Contact", "email": "kim@" + c.domain(), "phone": "+1 425 555 0100", "locale": "en"}
}

var partnerContact = object{"name": "Pat Partner", "email": "pat@partner.example", "phone": "+1 425 555 0199"}

// found lays the ground: the catalogue, the partner, and customers with their IDs, by way of the import.
func (s *stand) found(ctx context.Context, customers int) error {
	data := importer.Data{}
	for i := range engagementNames {
		data.Add("engagements.json", engagement(i))
	}
	data.Add("locations.csv", partner, "Partner Consulting", location, "Seattle", "US", true, "*")
	data.Add("locations.csv", partner, "Partner Consulting", "toronto", "Toronto", "CA", true, engagementID(0))
	data.Add("grants.csv", partner, partnerUser.id, location, mci.IncentivesAdmin)
	for n := range customers {
		c := customer(n)
		data.Add("customers.csv", c.id(), c.name(), "US", true)
		data.Add("customer-ids.csv", c.id(), mci.TenantID, c.tenant())
		data.Add("domains.csv", c.domain(), c.tenant())
		for i := range engagementNames {
			data.Add("eligibility.csv", engagementID(i), mci.TenantID, c.tenant(), true, "")
		}
	}
	_, err := data.Import(ctx, s.Database(), cloud.TableName, importer.Options{Progress: os.Stderr})
	return err
}

// write puts items into the table, as many at a time as the engine takes.
func (s *stand) write(ctx context.Context, requests []types.WriteRequest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for first := 0; first < len(requests); first += 25 {
		group.Go(func() error { return s.writeBatch(ctx, requests[first:min(first+25, len(requests))]) })
	}
	return group.Wait()
}

func (s *stand) writeBatch(ctx context.Context, batch []types.WriteRequest) error {
	for len(batch) > 0 {
		out, err := s.Database().BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{cloud.TableName: batch},
		})
		if err != nil {
			return fmt.Errorf("writing %d items: %w", len(batch), err)
		}
		batch = out.UnprocessedItems[cloud.TableName]
	}
	return nil
}

// load writes what make gives for each number, and shows how far it has come.
func (s *stand) load(ctx context.Context, what string, count int, make func(n int) ([]types.WriteRequest,
	error)) error {
	const portion = 5000
	began, said := time.Now(), time.Now()
	for first := 0; first < count; first += portion {
		var requests []types.WriteRequest
		for n := first; n < min(first+portion, count); n++ {
			made, err := make(n)
			if err != nil {
				return fmt.Errorf("loading %s: %w", what, err)
			}
			requests = append(requests, made...)
		}
		if err := s.write(ctx, requests); err != nil {
			return fmt.Errorf("loading %s: %w", what, err)
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			measure.Progress("loading %s: %d of %d", what, min(first+portion, count), count)
		}
	}
	if count >= portion {
		measure.Progress("loaded %d %s in %.0f s", count, what, time.Since(began).Seconds())
	}
	return nil
}

// born gives the birth of a customer's claim at a partner, as the rules have it, on the engagement of that number.
func born(partnerID string, c customer, number int, at time.Time) (mci.Change, mci.NominatedCustomer, error) {
	e := rules(number)
	id := mci.CustomerID{Type: mci.TenantID, Value: c.tenant()}
	nomination := mci.Nomination{
		Origin: mci.Added, FriendlyName: "The claim of " + c.name(),
		Location: mci.Location{PartnerID: partnerID, PartnerName: "Partner Consulting", ID: location, Enrolled: true,
			AllEngagements: true},
		Standing: mci.Standing{
			Customer: mci.Customer{ID: c.id(), Name: c.name(), Country: "US", Managed: true},
			Owners:   map[mci.CustomerID]string{id: c.id()},
			Eligibility: map[mci.CustomerID]map[string]*mci.Eligibility{id: {e.ID: {EngagementID: e.ID,
				Eligible: true}}},
		},
		IDs: []mci.NominatedID{{CustomerID: id}}, Engagements: []mci.Engagement{e},
		EmailDomain: mci.DirectoryEntry{Tenant: c.tenant(), Customer: c.id()},
		CustomerContact: mci.Contact{Name: "Kim Contact", Email: "kim@" + c.domain(), Phone: "+1 425 555 0100",
			Locale: "en"},
		PartnerContact: mci.Contact{Name: "Pat Partner", Email: "pat@partner.example", Phone: "+1 425 555 0199"},
	}
	changes, nominated, err := nomination.Decide(write.NewClaimIDs(at, partnerID, 1),
		platform.Act(at, partnerUser.id))
	if err != nil {
		return mci.Change{}, mci.NominatedCustomer{}, fmt.Errorf("adding a customer: %w", err)
	}
	return changes[0], nominated, nil
}

// accepted carries a claim from its birth to the customer's consent, and gives every change on the way.
func accepted(birth mci.Change, number int, at time.Time) ([]mci.Change, error) {
	e := rules(number)
	act := platform.Act(at, partnerUser.id)
	dealSize, yes := mci.MustMoney("60000.00"), true
	asked, err := birth.After.RequestConsent(act, mci.ConsentRequest{DealSize: &dealSize, DisclaimerAccepted: &yes}, e)
	if err != nil {
		return nil, fmt.Errorf("asking for consent: %w", err)
	}
	sent, _ := asked.After.EmailSent(act, asked.After.Email.Pending.Number, "0100018f-"+birth.After.ID.Ordinal())
	decided, open := sent.After.Decide(platform.Act(at, mci.ActorCustomer), mci.DecisionAccepted, mci.Evidence{}, e)
	if !open {
		return nil, fmt.Errorf("a claim that was just asked for cannot be consented to")
	}
	return []mci.Change{birth, asked, sent, decided}, nil
}

// last keeps of several writes of the same item only the last.
func last(requests []types.WriteRequest) []types.WriteRequest {
	at := map[table.Key]int{}
	var kept []types.WriteRequest
	for _, request := range requests {
		key := table.KeyOf(request.PutRequest.Item)
		if i, known := at[key]; known {
			kept[i] = request
			continue
		}
		at[key] = len(kept)
		kept = append(kept, request)
	}
	return kept
}
