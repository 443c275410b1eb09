package table

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"mci.example/customers/shared/mci"
)

// Key is an item's primary key.
type Key struct {
	PK string `json:"pk"`
	SK string `json:"sk"`
}

// fits says whether an item can have the key. Keys longer than DynamoDB allows cannot exist, so they are not looked up.
func (k Key) fits() bool { return len(k.PK) <= 2048 && len(k.SK) <= 1024 }

// separator ends a name within a sort key. It sorts before every character that a name may hold, so that "Contoso"
// comes before "Contoso Ltd", and no name can contain it.
const separator = "\x01"

// first sorts before everything that a key may be; a key must not be empty.
const first = "\x00"

// last sorts after everything that a key may continue with.
const last = "\U0010FFFF"

var escaper = strings.NewReplacer("%", "%25", "#", "%23")

// join builds a key from its parts, which cannot run into each other.
func join(parts ...string) string {
	for i, part := range parts {
		parts[i] = escaper.Replace(part)
	}
	return strings.Join(parts, "#")
}

// Partition keys and sort-key prefixes of the items.
const (
	engagements       = "ENGAGEMENTS"
	locationPrefix    = "LOCATION#"
	claimPrefix       = "CLAIM#"
	eligibilityPrefix = "ELIGIBILITY#" // of an ID, and of a customer: between its own item and its participations
	participation     = "PARTICIPATION#"
	eventPrefix       = "EVENT#"
	privatePrefix     = "PRIVATE#"
	customerSK        = "CUSTOMER"
	ownerSK           = "CUSTOMER" // whose an ID is; before the ID's eligibility
	receiptSK         = "RECEIPT"  // after the events and private details of the same claim
	birthSuffix       = "#BIRTH"   // of the item that holds what a claim was born with, behind the claim's own
)

func partnerPK(partnerID string) string     { return join("PARTNER", partnerID) }
func customerPK(customerID string) string   { return join("CUSTOMER", customerID) }
func idPK(id mci.CustomerID) string         { return join("ID", string(id.Type), id.Value) }
func historyPK(claimID mci.ClaimID) string  { return join("CLAIM", string(claimID)) }
func engagementKey(engagementID string) Key { return Key{engagements, join(engagementID)} }
func locationKey(partnerID, locationID string) Key {
	return Key{partnerPK(partnerID), join("LOCATION", locationID)}
}
func grantPrefix(userID string) string  { return join("GRANT", userID, "") }
func customerKey(customerID string) Key { return Key{customerPK(customerID), customerSK} }
func idKey(id mci.CustomerID) Key       { return Key{idPK(id), ownerSK} }
func nominatedKey(partnerID, customerID string) Key {
	return Key{partnerPK(partnerID), join("CUSTOMER", customerID)}
}
func participationKey(customerID, engagement string) Key {
	return Key{customerPK(customerID), join("PARTICIPATION", engagement)}
}
func eligibilityKey(id mci.CustomerID, engagement string) Key {
	return Key{idPK(id), join("ELIGIBILITY", engagement)}
}
func eventKey(claimID mci.ClaimID, seq int) Key {
	return Key{historyPK(claimID), fmt.Sprintf("EVENT#%05d", seq)}
}
func privateKey(claimID mci.ClaimID, seq int) Key {
	return Key{historyPK(claimID), fmt.Sprintf("PRIVATE#%05d", seq)}
}
func linkKey(claimID mci.ClaimID, tokenHash string) Key {
	return Key{historyPK(claimID), join("CONSENT", tokenHash)}
}
func optOutKey(partnerID, addressHash string) Key {
	return Key{join("OPTOUT", hash(partnerID, addressHash)), "OPTOUT"}
}
func mailCountKey(kind, owner, day string) Key {
	return Key{join("MAILS", kind, owner), join("DAY", day)}
}
func receiptKey(claimID mci.ClaimID) Key { return Key{historyPK(claimID), receiptSK} }
func noticeKey(claimID mci.ClaimID, seq int, to mci.Recipient) Key {
	return Key{join("NOTICE", string(claimID)), fmt.Sprintf("%05d#%s", seq, to)}
}
func messageKey(messageID string) Key { return Key{join("MESSAGE", messageID), "MESSAGE"} }
func idempotencyKey(hash string) Key  { return Key{join("IDEMPOTENCY", hash), "IDEMPOTENCY"} }
func grantKey(g mci.Grant) Key {
	return Key{partnerPK(g.PartnerID), grantPrefix(g.UserID) + join(g.LocationID, string(g.Role))}
}

// claimKey is the claim's key. The claim's ID names its partner, so that whoever may read other partners' claims finds
// one in a single read; all others' keys are built from their own partner.
func claimKey(id mci.ClaimID) Key { return Key{partnerPK(id.PartnerID()), claimPrefix + id.Ordinal()} }

func birthKey(id mci.ClaimID) Key {
	key := claimKey(id)
	return Key{key.PK, key.SK + birthSuffix}
}

// claimIDAt is the ID of the claim of which an item has this key.
func claimIDAt(key Key) mci.ClaimID {
	ordinal := strings.TrimSuffix(strings.TrimPrefix(key.SK, claimPrefix), birthSuffix)
	return mci.NewClaimID(ordinal, key.Owner())
}

// openPages and donePages are prefixes of page keys: the claims that an engagement's Customers page shows to a partner,
// by customer name, and knownPages the customers known to the partner (D22).
func openPages(engagementID string) string { return join("OPEN", engagementID, "") }
func donePages(engagementID string) string { return join("DONE", engagementID, "") }

const knownPages = "KNOWN#"

// customersPage is the customer key of a partner's claims for a customer on an engagement.
func customersPage(engagementID, customerID string) string { return join(engagementID, customerID) }

// CustomerPosition is a customer's place in name order (D22).
func CustomerPosition(customer mci.CustomerSummary) string {
	return mci.SortName(customer.Name) + separator + customer.ID
}

// Shards is over how many partitions each queue of the sweep is spread, so that it can grow; ListShards is the same for
// lists across partners, of which each page reads them all.
const (
	Shards     = 16
	ListShards = 4
)

func dueQueue(shard int) string { return fmt.Sprintf("DUE#%02d", shard) }

// reviewQueue holds the submitted claims.
func reviewQueue(shard int) string { return fmt.Sprintf("REVIEW#%02d", shard) }

// referralQueue holds the claims that have a referral of a type.
func referralQueue(t mci.ReferralType, shard int) string {
	return join("REFERRAL", string(t), fmt.Sprintf("%02d", shard))
}

// endedQueue holds the ended claims of which people's data may be due to be erased (D37).
func endedQueue(shard int) string { return fmt.Sprintf("ENDED#%02d", shard) }

func shardOf(claimID mci.ClaimID) int {
	sum := sha256.Sum256([]byte(claimID))
	return int(binary.BigEndian.Uint32(sum[:4]) % Shards)
}

// instantKey writes an instant so that it sorts as it comes.
func instantKey(instant time.Time) string { return instant.UTC().Format("2006-01-02T15:04:05.000Z") }

func compareKeys(a, b Key) int {
	return cmp.Or(strings.Compare(a.PK, b.PK), strings.Compare(a.SK, b.SK))
}

// kind says what an item is without saying whose: "PARTNER CLAIM item", fit for logs.
func (k Key) kind() string {
	partition, _, _ := strings.Cut(k.PK, "#")
	sort, _, _ := strings.Cut(k.SK, "#")
	return partition + " " + sort
}

// hash is a SHA-256 in hexadecimal.
func hash(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
