package table

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// The catalogue holds the program's files: engagements, locations, grants, customers, their IDs, and which ID is
// eligible for which engagement. The import writes these records, everybody else reads them. A record is written whole:
// to put it again, or a newer one, nothing need be read first.

// EngagementRecord is an engagement as the table holds it.
type EngagementRecord struct {
	Key
	mci.Engagement
}

// NewEngagementRecord gives the engagement its key.
func NewEngagementRecord(engagement mci.Engagement) EngagementRecord {
	return EngagementRecord{engagementKey(engagement.ID), engagement}
}

// LocationRecord is a partner's location as the table holds it.
type LocationRecord struct {
	Key
	mci.Location
}

// NewLocationRecord gives the location its key.
func NewLocationRecord(location mci.Location) LocationRecord {
	return LocationRecord{locationKey(location.PartnerID, location.ID), location}
}

// GrantRecord is a grant as the table holds it. A grant taken away is no record.
type GrantRecord struct {
	Key
	mci.Grant
}

// NewGrantRecord gives the grant its key.
func NewGrantRecord(grant mci.Grant) GrantRecord { return GrantRecord{grantKey(grant), grant} }

// CustomerRecord is a customer as the table holds it.
type CustomerRecord struct {
	Key
	mci.Customer
}

// NewCustomerRecord gives the customer its key.
func NewCustomerRecord(customer mci.Customer) CustomerRecord {
	return CustomerRecord{customerKey(customer.ID), customer}
}

// DirectoryRecord says whose a customer ID is (D5), as the table holds it.
type DirectoryRecord struct {
	Key
	mci.DirectoryEntry
}

// NewDirectoryRecord says that a tenant ID, TPID or Azure subscription ID is the customer's.
func NewDirectoryRecord(id mci.CustomerID, customerID string) DirectoryRecord {
	return DirectoryRecord{idKey(id), mci.DirectoryEntry{CustomerID: id, Customer: customerID}}
}

// NewDomainRecord says that a domain leads to the tenant, which customerID, or "", is known by.
func NewDomainRecord(domain, tenant mci.CustomerID, customerID string) DirectoryRecord {
	return DirectoryRecord{idKey(domain), mci.DirectoryEntry{CustomerID: domain, Tenant: tenant.Value,
		Customer: customerID}}
}

// NewOpportunityRecord says what an MSX opportunity ID names, and whose it is.
func NewOpportunityRecord(opportunity mci.Opportunity) DirectoryRecord {
	id := mci.CustomerID{Type: mci.MSXOpportunity, Value: opportunity.ID}
	entry := mci.DirectoryEntry{CustomerID: id, Customer: opportunity.CustomerID, Opportunity: &opportunity}
	return DirectoryRecord{idKey(id), entry}
}

// EligibilityRecord is the program's word on one customer ID for one engagement, as the table holds it (S11).
type EligibilityRecord struct {
	Key
	mci.Eligibility
}

// NewEligibilityRecord gives the program's word its key.
func NewEligibilityRecord(id mci.CustomerID, eligibility mci.Eligibility) EligibilityRecord {
	return EligibilityRecord{eligibilityKey(id, eligibility.EngagementID), eligibility}
}

// CustomerEligibilityRecord is the program's word on one customer ID for one engagement once more, beside the customer
// whose ID it is: so one query of the customer tells by which of its IDs it is eligible (D33).
type CustomerEligibilityRecord struct {
	Key
	mci.CustomerID
	mci.Eligibility
}

// NewCustomerEligibilityRecord gives the program's word its key beside the customer.
func NewCustomerEligibilityRecord(customerID string, id mci.CustomerID,
	eligibility mci.Eligibility) CustomerEligibilityRecord {
	sk := join("ELIGIBILITY", eligibility.EngagementID, string(id.Type), id.Value)
	return CustomerEligibilityRecord{Key{customerPK(customerID), sk}, id, eligibility}
}

// Put is the request that writes a record, one of this file's, in a batch.
func Put(record any) (types.WriteRequest, error) {
	item, err := encode(record)
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: item}}, err
}

// Delete is the request that takes a record away, in a batch.
func Delete(key Key) types.WriteRequest {
	return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: KeyItem(key)}}
}

// KeyItem is a key as DynamoDB takes it.
func KeyItem(key Key) Item {
	return Item{
		PartitionKey: &types.AttributeValueMemberS{Value: key.PK},
		SortKey:      &types.AttributeValueMemberS{Value: key.SK},
	}
}

// KeyOf is an item's key.
func KeyOf(item Item) Key {
	text := func(name string) string {
		value, _ := item[name].(*types.AttributeValueMemberS)
		if value == nil {
			return ""
		}
		return value.Value
	}
	return Key{text(PartitionKey), text(SortKey)}
}

// DecodeDirectoryRecord reads a customer ID's record.
func DecodeDirectoryRecord(item Item) (record DirectoryRecord, err error) {
	err = decode(item, &record)
	return record, err
}
