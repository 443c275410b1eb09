package platform

// DomainEvents is what other systems are told, on a bus of their own, of every event of every claim. A pipe reads the
// table's stream. Each record that passes Filter (an EventBridge event pattern) becomes an event on the bus: its source
// is Source, its detail type the item's attribute type, and its detail the attributes of Detail, each a string, from
// the DynamoDB type named here. They are identifiers and the hashes of the claim's history (B4): whoever may know more
// reads the claim.
var DomainEvents = struct {
	Source                     string
	PartitionPrefix, KeyPrefix string // of events in the table
	Filter                     string
	Detail                     map[string]string
}{
	Source:          "mci.customers",
	PartitionPrefix: "CLAIM#",
	KeyPrefix:       "EVENT#",
	Filter: `{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"CLAIM#"}]},` +
		`"sk":{"S":[{"prefix":"EVENT#"}]}}}}`,
	Detail: map[string]string{
		"claimId":      "S",
		"seq":          "N",
		"type":         "S",
		"at":           "S",
		"partnerId":    "S",
		"engagementId": "S",
		"customerId":   "S",
		"hash":         "S",
		"previousHash": "S",
	},
}

// Notices is how the bus wakes the function that turns events into mail (D29, D30): for the events that match
// Pattern. A replayed event carries the field replay-name, and wakes nobody: what it tells was mailed when it was new.
var Notices = struct {
	Function string
	Pattern  string // as a rule on the bus takes it
}{
	Function: "notify",
	Pattern: `{"source":["mci.customers"],"replay-name":[{"exists":false}],"detail-type":["consent.accepted",` +
		`"consent.declined",` +
		`"consent.reminded","consent.due-soon","submission.due-soon","claim.returned","claim.completed",` +
		`"claim.rejected",` +
		`"claim.expired","email.bounced","email.complained"]}`,
}
