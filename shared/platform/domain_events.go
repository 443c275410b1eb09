package platform

// DomainEvents is what the portal and CRMs are told, on a bus of their own, of every event of every claim. A pipe reads
// the table's stream: each new item under the two prefixes is an event, its type the detail type, and its detail has the
// attributes of Detail, by DynamoDB's type. Those are identifiers only; whoever may know more reads the claim.
var DomainEvents = struct {
	Source                     string
	PartitionPrefix, KeyPrefix string
	Detail                     map[string]string
}{
	Source:          "mci.customers",
	PartitionPrefix: "CLAIM#",
	KeyPrefix:       "EVENT#",
	Detail: map[string]string{
		"claimId":      "S",
		"seq":          "N",
		"type":         "S",
		"at":           "S",
		"partnerId":    "S",
		"engagementId": "S",
		"customerId":   "S",
	},
}
