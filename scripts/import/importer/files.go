package importer

import (
	"fmt"
	"slices"
	"strings"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// The files by name, for messages that refer from one to another.
const (
	engagementsFile   = "engagements.json"
	locationsFile     = "locations.csv"
	grantsFile        = "grants.csv"
	customersFile     = "customers.csv"
	domainsFile       = "domains.csv"
	customerIDsFile   = "customer-ids.csv"
	opportunitiesFile = "opportunities.csv"
	eligibilityFile   = "eligibility.csv"
)

// file is one of the files that a folder may have.
type file struct {
	name     string
	columns  []string            // of a CSV file
	optional string              // the last column, where it may be left out
	key      string              // what no two rows may share
	read     func(*source) error // goes through the file
	change   func(*row) change   // what one row of a CSV file asks for
}

// files is every file there is, in the order of loading. What refers comes after what it refers to; domains come before
// customer IDs because these are asked, as they pass by, whose tenants the domains lead to.
var files = []file{
	{name: engagementsFile, key: "id", read: readEngagements},
	{
		name: locationsFile,
		columns: []string{
			"partnerId", "partnerName", "locationId", "locationName", "country", "enrolled", "engagementIds",
			"partnerDomains",
		},
		optional: "partnerDomains",
		key:      "partnerId and locationId", read: readCSV, change: locationChange,
	},
	{
		name:     grantsFile,
		columns:  []string{"partnerId", "userId", "locationId", "role", "revoked"},
		optional: "revoked",
		key:      "partnerId, userId, locationId and role", read: readCSV, change: grantChange,
	},
	{
		name:    customersFile,
		columns: []string{"customerId", "name", "country", "managed"},
		key:     "customerId", read: readCSV, change: customerChange,
	},
	{
		name:    domainsFile,
		columns: []string{"domain", "tenantId"},
		key:     "domain", read: readCSV, change: domainChange,
	},
	{
		name:    customerIDsFile,
		columns: []string{"customerId", "idType", "idValue"},
		key:     "idType and idValue", read: readCSV, change: customerIDChange,
	},
	{
		name:    opportunitiesFile,
		columns: []string{"opportunityId", "customerId", "value", "status"},
		key:     "opportunityId", read: readCSV, change: opportunityChange,
	},
	{
		name:    eligibilityFile,
		columns: []string{"engagementId", "idType", "idValue", "eligible", "reason"},
		key:     "engagementId, idType and idValue", read: readCSV, change: eligibilityChange,
	},
}

func fileNames() string {
	names := make([]string, len(files))
	for i := range files {
		names[i] = files[i].name
	}
	return strings.Join(names, ", ")
}

// change is what a row asks of the table: to put a record, or, where there is none, to take away what the key names.
type change struct {
	key    table.Key
	record any
	id     mci.CustomerID // whose owner or eligibility the record tells; the zero value for all others
}

const (
	maxCountry       = mci.MaxName
	maxEngagementIDs = 1000 // of a location: keeps its item far below what DynamoDB takes
	maxDomains       = 100  // of a partner's people
	maxSortName      = 700  // bytes: a name is part of an index key, of which DynamoDB takes 1024 bytes
)

func locationChange(r *row) change {
	location := mci.Location{
		PartnerID:   r.id("partnerId"),
		PartnerName: r.line("partnerName", mci.MaxName),
		ID:          r.id("locationId"),
		Name:        r.line("locationName", mci.MaxName),
		Country:     r.line("country", maxCountry),
		Enrolled:    r.flag("enrolled"),
	}
	ids := r.cell("engagementIds")
	if location.AllEngagements = ids == "*"; !location.AllEngagements && ids != "" {
		location.EngagementIDs = r.engagementIDs("engagementIds", strings.Split(ids, ";"))
	}
	if domains := r.cell("partnerDomains"); domains != "" {
		location.PartnerDomains = r.domains("partnerDomains", strings.Split(domains, ";"))
	}
	record := table.NewLocationRecord(location)
	return change{key: record.Key, record: record}
}

// domains reads a list of domains into their normal form.
func (r *row) domains(column string, names []string) []string {
	if len(names) > maxDomains {
		r.report(column, "must name at most %d domains, names %d", maxDomains, len(names))
		return nil
	}
	var domains []string
	for _, name := range names {
		domain, err := mci.ParseDomain(strings.TrimSpace(name))
		switch {
		case err != nil:
			r.report(column, "%w; is %s", err, quoted(name))
		case slices.Contains(domains, domain):
			r.report(column, "names %s twice", domain)
		default:
			domains = append(domains, domain)
		}
	}
	return domains
}

func (r *row) engagementIDs(column string, ids []string) []string {
	if len(ids) > maxEngagementIDs {
		r.report(column, "must name at most %d engagements, names %d; * stands for all", maxEngagementIDs, len(ids))
		return nil
	}
	named := map[string]bool{}
	for i, id := range ids {
		id = strings.TrimSpace(id)
		ids[i] = id
		switch err := mci.CheckID(id); {
		case id == "*":
			r.report(column, "* stands for all engagements, and alone")
		case err != nil:
			r.report(column, "%w: is %s", err, quoted(id))
		case named[id]:
			r.report(column, "names %s twice", id)
		default:
			r.refersToEngagement(column, id)
		}
		named[id] = true
	}
	return ids
}

func (r *row) refersToEngagement(column, id string) {
	r.refersTo(column, "engagement "+id, engagementsFile, table.NewEngagementRecord(mci.Engagement{ID: id}).Key)
}

func (r *row) refersToCustomer(column, id string) {
	r.refersTo(column, "customer "+id, customersFile, table.NewCustomerRecord(mci.Customer{ID: id}).Key)
}

func grantChange(r *row) change {
	grant := mci.Grant{
		PartnerID:  r.id("partnerId"),
		UserID:     r.id("userId"),
		LocationID: r.id("locationId"),
		Role:       word(r, "role", mci.Roles),
	}
	if grant.Role == "" {
		r.keyless = true
	}
	record := table.NewGrantRecord(grant)
	// A grant can be taken away wherever it was given.
	if r.cell("revoked") != "" && r.flag("revoked") {
		return change{key: record.Key}
	}
	if !r.keyless {
		location := table.NewLocationRecord(mci.Location{PartnerID: grant.PartnerID, ID: grant.LocationID})
		what := fmt.Sprintf("location %s of partner %s", grant.LocationID, grant.PartnerID)
		r.refersTo("locationId", what, locationsFile, location.Key)
	}
	return change{key: record.Key, record: record}
}

func customerChange(r *row) change {
	customer := mci.Customer{
		ID:      r.id("customerId"),
		Name:    r.line("name", mci.MaxName),
		Country: r.line("country", maxCountry),
		Managed: r.flag("managed"),
	}
	if len(mci.SortName(customer.Name)) > maxSortName {
		r.report("name", "is too long: it has characters that stand for many")
	}
	record := table.NewCustomerRecord(customer)
	return change{key: record.Key, record: record}
}

// domainChange takes any tenant: of one that no customer has, a nomination is told so (S10).
func domainChange(r *row) change {
	domain := r.customerID("domain", mci.Domain, r.cell("domain"))
	tenant := r.customerID("tenantId", mci.TenantID, r.cell("tenantId"))
	tenants := r.source.load.tenants
	if _, noted := tenants[tenant.Value]; !noted && tenant.Value != "" {
		tenants[tenant.Value] = ""
	}
	record := table.NewDomainRecord(domain, tenant, tenants[tenant.Value])
	return change{key: record.Key, record: record}
}

// customerIDTypes are those that customer-ids.csv gives; domains and opportunities have files of their own.
var customerIDTypes = []mci.IDType{mci.TenantID, mci.TPID, mci.AzureSubscription}

func customerIDChange(r *row) change {
	customerID := r.id("customerId")
	id := r.customerID("idValue", word(r, "idType", customerIDTypes), r.cell("idValue"))
	if customerID != "" {
		r.refersToCustomer("customerId", customerID)
	}
	if tenants := r.source.load.tenants; id.Type == mci.TenantID {
		if _, wanted := tenants[id.Value]; wanted {
			tenants[id.Value] = customerID
		}
	}
	record := table.NewDirectoryRecord(id, customerID)
	return change{record.Key, record, id}
}

var opportunityStatuses = []mci.OpportunityStatus{mci.OpportunityOpen, mci.OpportunityWon, mci.OpportunityLost}

func opportunityChange(r *row) change {
	id := r.customerID("opportunityId", mci.MSXOpportunity, r.cell("opportunityId"))
	opportunity := mci.Opportunity{
		ID:         id.Value,
		CustomerID: r.id("customerId"),
		Value:      r.money("value", r.cell("value")),
		Status:     word(r, "status", opportunityStatuses),
	}
	if opportunity.CustomerID != "" {
		r.refersToCustomer("customerId", opportunity.CustomerID)
	}
	record := table.NewOpportunityRecord(opportunity)
	return change{record.Key, record, id}
}

func eligibilityChange(r *row) change {
	id := r.customerID("idValue", word(r, "idType", mci.IDTypes), r.cell("idValue"))
	eligibility := mci.Eligibility{EngagementID: r.id("engagementId"), Eligible: r.flag("eligible")}
	if reason := r.cell("reason"); reason != "" {
		eligibility.Reason = r.line("reason", mci.MaxReason)
	}
	if eligibility.EngagementID != "" {
		r.refersToEngagement("engagementId", eligibility.EngagementID)
	}
	record := table.NewEligibilityRecord(id, eligibility)
	return change{record.Key, record, id}
}

// word reads a cell that holds one of a few words; "" if it holds another.
func word[T ~string](r *row, column string, words []T) T {
	found := T(r.cell(column))
	if !slices.Contains(words, found) {
		r.report(column, "must be one of %s; is %s", mci.Join(words), quoted(string(found)))
		return ""
	}
	return found
}
