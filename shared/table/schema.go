// Package table keeps everything in one DynamoDB table. This file declares its keys and indexes, once, for the CDK app
// and the one-machine cloud; every other file is one access pattern, and says what it costs.
package table

// Attributes that the table and its indexes are keyed by, and the one that DynamoDB expires items by.
const (
	PartitionKey = "pk"
	SortKey      = "sk"
	PageKey      = "pageKey"  // sort key of Pages
	Queue        = "queue"    // partition key of Queues
	QueueKey     = "queueKey" // sort key of Queues
	TimeToLive   = "ttl"      // Unix seconds
)

// Index is a secondary index. All attributes are projected.
type Index struct {
	Name         string
	PartitionKey string
	SortKey      string
	Local        bool // shares the table's partition key, and can be read strongly consistent
}

// The table's indexes. Both are sparse: an item that lacks the key is not in the index.
var (
	// Pages orders what a partner's Customers pages show by customer name: open claims and ended claims per
	// engagement, and known customers. It is local because a partner's own lists must show confirmed writes (D14).
	Pages = Index{Name: "pages", PartitionKey: PartitionKey, SortKey: PageKey, Local: true}
	// Queues orders work and lists across partners, which may lag by a moment (D14): claims by deadline for the
	// sweep, submitted claims by waiting time for review, referrals by type.
	Queues = Index{Name: "queues", PartitionKey: Queue, SortKey: QueueKey}
)

// Indexes lists them, for those who create the table.
var Indexes = []Index{Pages, Queues}
