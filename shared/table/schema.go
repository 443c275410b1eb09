// Package table keeps everything in one DynamoDB table. This file declares its keys and indexes, once, for the CDK app
// and the one-machine cloud; every other file is one access pattern, and says what it costs.
package table

// Attributes that the table and its indexes are keyed by, and the one that DynamoDB expires items by.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	PageKey      = "pageKey"     // sort key of Pages
	DueKey       = "dueKey"      // sort key of Due
	CustomerKey  = "customerKey" // sort key of Customers
	Queue        = "queue"       // partition key of Queues
	QueueKey     = "queueKey"    // sort key of Queues
	Referred     = "referred"    // partition key of Referrals
	TimeToLive   = "ttl"         // Unix seconds
)

// Index is a secondary index. Keys alone are projected: so it costs a write only where a key changes. Reads of a local
// index have DynamoDB fetch the rest of each item, in the same request; those of a global one read it by key.
type Index struct {
	Name         string
	PartitionKey string
	SortKey      string
	Local        bool // shares the table's partition key, and can be read strongly consistent
}

// The table's indexes. All are sparse: an item that lacks the key is not in the index. A local index cannot be added or
// changed later. Local ones show confirmed writes, as a partner's own lists must (D14).
var (
	// Pages orders what a partner's Customers pages show by customer name: open claims and ended claims per
	// engagement, and known customers.
	Pages = Index{Name: "pages", PartitionKey: PartitionKey, SortKey: PageKey, Local: true}
	// Due orders a partner's claims that run under a deadline, soonest first.
	Due = Index{Name: "due", PartitionKey: PartitionKey, SortKey: DueKey, Local: true}
	// Customers finds a partner's claims on an engagement by the customer's ID.
	Customers = Index{Name: "customers", PartitionKey: PartitionKey, SortKey: CustomerKey, Local: true}
	// Queues orders the claims of all partners by what they wait for, and may lag by a moment (D14): by the next
	// instant at which time does something to them, by how long they have waited for review, or by their end.
	Queues = Index{Name: "queues", PartitionKey: Queue, SortKey: QueueKey}
	// Referrals orders the claims of all partners that have a referral, by its type, by their birth; it may lag.
	Referrals = Index{Name: "referrals", PartitionKey: Referred, SortKey: SortKey}
)

// Indexes lists them, for those who create the table.
var Indexes = []Index{Pages, Due, Customers, Queues, Referrals}
