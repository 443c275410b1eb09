package mci

// DirectoryEntry is a customer ID in the program's directory (D5). The zero value is an ID that the directory does not
// know.
//
// A domain leads to a tenant (S10). Its entry also names the tenant's customer as of the import, so that both can be
// read at once; "" where the tenant had no customer. The tenant's own entry decides.
type DirectoryEntry struct {
	CustomerID
	Customer    string       `json:"customerId,omitempty"`  // the ID of the customer
	Tenant      string       `json:"tenantId,omitempty"`    // of a domain
	Opportunity *Opportunity `json:"opportunity,omitempty"` // that an MSX opportunity ID names
}

// NominatedID is the ID on which eligibility is checked: a domain has become its tenant (S10, D5).
func (e DirectoryEntry) NominatedID() NominatedID {
	if e.Type == Domain {
		return NominatedID{CustomerID: CustomerID{Type: TenantID, Value: e.Tenant}, ByDomain: true}
	}
	return NominatedID{CustomerID: e.CustomerID}
}

// CheckNominated refuses an ID that cannot be nominated, by the directory's entry for it: a domain that leads to no
// tenant (S10), or another ID that the directory does not know (D5).
func (e DirectoryEntry) CheckNominated(id CustomerID) error {
	switch {
	case id.Type == Domain && e.Tenant == "":
		return Refuse(TenantNotFound, "No tenant is found for the "+id.String()+
			": nominate the customer by its tenant ID or its TPID.")
	case id.Type != Domain && e.Customer == "":
		return UnknownID(id)
	}
	return nil
}

// UnknownID refuses an ID that the program's directory does not know (D5).
func UnknownID(id CustomerID) error {
	return Refuse(CustomerNotFound, "The program's directory does not know the "+id.String()+".")
}
