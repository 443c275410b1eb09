package table

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
)

// claimRecord is a claim as the table holds it, as two items: what it was born with, which is written once, and what
// moves, which every step writes. Where it stands in the indexes follows from the claim, here and nowhere else.
type claimRecord struct {
	Key
	PageKey     string `json:"pageKey,omitempty"`
	DueKey      string `json:"dueKey,omitempty"`
	CustomerKey string `json:"customerKey"` // of both items, so that one read of the index gives both
	Queue       string `json:"queue,omitempty"`
	QueueKey    string `json:"queueKey,omitempty"`
	Referred    string `json:"referred,omitempty"`
	mci.Claim
}

// The attributes of the item that holds what a claim was born with; all others move. Those that consent's asking may
// correct move once they were corrected.
var (
	bornWith = []string{
		"friendlyName", "partnerId", "partnerName", "locationId", "locationName", "engagementId", "engagementName",
		"payType", "customer", "nominated", "origin", "wasKnown", "hours", "payout", "createdAt", "consentDue",
		"submissionWindowDays",
	}
	correctable = []string{"customerContact", "partnerContact", "emailDomain", "mismatchReason"}

	// sweptBy stand in both items while consent is awaited, so that the sweep reads the moving item alone.
	sweptBy = []string{"wasKnown", "consentDue"}
)

// items gives the two items that hold the claim.
func (r claimRecord) items() (birth, moving Item, err error) {
	if moving, err = encode(r); err != nil {
		return nil, nil, err
	}
	if birth, err = encode(birthKey(r.Claim.ID)); err != nil {
		return nil, nil, err
	}
	birth[CustomerKey] = moving[CustomerKey]
	for _, name := range slices.Concat(bornWith, correctable) {
		value, set := moving[name]
		if set {
			birth[name] = value
		}
		switch {
		case r.AwaitsConsent() && slices.Contains(sweptBy, name):
		case !r.Corrected || slices.Contains(bornWith, name):
			delete(moving, name)
		case !set:
			moving[name] = &types.AttributeValueMemberNULL{Value: true} // it was taken away
		}
	}
	return birth, moving, nil
}

// claimOf reads a claim from the two items that hold it.
func claimOf(birth, moving Item) (claimRecord, error) {
	var record claimRecord
	item := maps.Clone(birth)
	maps.Copy(item, moving)
	return record, decode(item, &record)
}

// sweptOf reads what moves of a claim, with what time's work needs of the rest: whose claim it is, for whom, on which
// engagement.
func sweptOf(moving Item) (mci.Claim, error) {
	var record claimRecord
	if err := decode(moving, &record); err != nil {
		return mci.Claim{}, err
	}
	claim := record.Claim
	engagement, _, _ := strings.Cut(record.CustomerKey, "#")
	claim.PartnerID, claim.EngagementID = record.Key.Owner(), unescaper.Replace(engagement)
	position := strings.TrimPrefix(record.PageKey, openPages(claim.EngagementID))
	name, customer, _ := strings.Cut(position, separator)
	claim.ListedAs = name
	claim.Customer.ID, _, _ = strings.Cut(customer, separator)
	return claim, nil
}

// claimKeys are the keys of the two items that hold a claim.
func claimKeys(id mci.ClaimID) []Key { return []Key{birthKey(id), claimKey(id)} }

// claimIn gives a claim among items by their keys, and whether both its items are there: while the birth of a claim is
// being written, one may be.
func claimIn(items map[Key]Item, id mci.ClaimID) (claim mci.Claim, found bool, err error) {
	birth, moving := items[birthKey(id)], items[claimKey(id)]
	if birth == nil || moving == nil {
		return mci.Claim{}, false, nil
	}
	record, err := claimOf(birth, moving)
	return record.Claim, true, err
}

func newClaimRecord(claim mci.Claim) claimRecord {
	record := claimRecord{
		Key: claimKey(claim.ID), Claim: claim,
		CustomerKey: customersPage(claim.EngagementID, claim.Customer.ID),
	}
	place := ClaimPosition(claim)
	switch {
	case !claim.Status.Terminal():
		record.PageKey = openPages(claim.EngagementID) + place
	case !claim.Hidden():
		record.PageKey = donePages(claim.EngagementID) + place
	}
	if due := claim.Due(); due != nil {
		record.DueKey = queueKey(*due, claim.ID)
	}
	shard := shardOf(claim.ID)
	if next := claim.NextInstant(); next != nil {
		record.Queue, record.QueueKey = dueQueue(shard), queueKey(*next, claim.ID)
	} else if claim.Status == mci.Submitted {
		record.Queue, record.QueueKey = reviewQueue(shard%ListShards), queueKey(*claim.SubmittedAt, claim.ID)
	} else if claim.EndedAt != nil && !claim.Erased() {
		record.Queue, record.QueueKey = endedQueue(shard), queueKey(*claim.EndedAt, claim.ID)
	}
	if claim.Referral != nil {
		record.Referred = referralQueue(claim.Referral.Type, shard%ListShards)
	}
	return record
}

// putBorn writes what a claim is born with.
func (t *Table) putBorn(claim mci.Claim, condition string) Write {
	birth, _, err := newClaimRecord(claim).items()
	return t.putItem(birth, err, condition, nil, ErrLostRace)
}

// putMoving writes what moves of a claim, whose version was loaded; 0 is that of a claim that is born.
func (t *Table) putMoving(claim mci.Claim, loaded int) Write {
	_, moving, err := newClaimRecord(claim).items()
	condition, values := unchanged(loaded)
	return t.putItem(moving, err, condition, values, ErrLostRace)
}

// ClaimPosition is a claim's place among the open or ended claims of an engagement: by customer name, then ID (D22).
func ClaimPosition(claim mci.Claim) string {
	customer := CustomerPosition(claim.Customer)
	if claim.ListedAs != "" {
		customer = claim.ListedAs + separator + claim.Customer.ID
	}
	return customer + separator + claim.ID.Ordinal()
}

// queueKey orders claims by an instant; the claim's ordinal makes it a position of its own.
func queueKey(instant time.Time, id mci.ClaimID) string {
	return instantKey(instant) + "#" + id.Ordinal()
}

// Claim gives a claim as it is stored, and whether there is one; callers look at it At their instant (D3). Query of its
// two items: 1 round trip; 1 unit per 4 KB.
func (t *Table) Claim(ctx context.Context, id mci.ClaimID) (mci.Claim, bool, error) {
	key := claimKey(id)
	items, _, err := t.query(ctx, span{partition: key.PK, from: key.SK, to: birthKey(id).SK})
	if err != nil {
		return mci.Claim{}, false, err
	}
	found, err := joined(items, ordinalOf)
	if err != nil || len(found.Items) == 0 {
		return mci.Claim{}, false, err
	}
	return found.Items[0], true, nil
}

// ClaimWithLink gives a claim and the consent link of that token's hash, nil where there is none. BatchGetItem: 1 round
// trip, whether the link is right or wrong; 1 unit each per 4 KB.
func (t *Table) ClaimWithLink(ctx context.Context, id mci.ClaimID, tokenHash string) (mci.Claim, *Link, bool, error) {
	items, err := t.getAll(ctx, append(claimKeys(id), linkKey(id, tokenHash)))
	if err != nil {
		return mci.Claim{}, nil, false, err
	}
	claim, found, err := claimIn(items, id)
	item, linked := items[linkKey(id, tokenHash)]
	if err != nil || !found || !linked {
		return claim, nil, found, err
	}
	var link Link
	return claim, &link, true, decode(item, &link)
}

// Page is part of a list, in order. Next is where the rest begins, "" where there is none.
type Page[T any] struct {
	Items     []T
	Next      string
	positions []string
}

// Position is where the list goes on after the item at an index.
func (p Page[T]) Position(index int) string { return p.positions[index] }

// Claims gives a partner's claims, newest first, from a position on. Query of the partner's CLAIM# items: 1 round trip;
// 1 unit per 4 KB of claims looked at, at most limit of them.
func (t *Table) Claims(ctx context.Context, partnerID, from string, limit int) (Page[mci.Claim], error) {
	s := within(partnerPK(partnerID), claimPrefix)
	s.descending, s.limit = true, int32(2*limit) // a claim is two items
	if from != "" {
		s.to = min(s.to, before(from))
	}
	items, more, err := t.query(ctx, s)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	page, err := joined(items, func(record claimRecord) string { return record.SK })
	if more {
		end := KeyOf(items[len(items)-1]).SK
		if strings.HasSuffix(end, birthSuffix) { // a claim cut in two: an item of a newer one is being written just now
			end = KeyOf(items[len(items)-2]).SK
		}
		page.Next = strings.TrimSuffix(end, birthSuffix)
	}
	return page, err
}

// joined joins the items of claims, in their order. A claim of which there is one item alone is left out: its birth is
// being written just now.
func joined(items []Item, positionOf func(claimRecord) string) (page Page[mci.Claim], err error) {
	other := make(map[string]Item, len(items)/2)
	for _, item := range items {
		sk, isBirth := strings.CutSuffix(KeyOf(item).SK, birthSuffix)
		birth, moving := other[sk], item
		if isBirth {
			birth, moving = item, other[sk]
		}
		if birth == nil || moving == nil {
			other[sk] = item
			continue
		}
		record, err := claimOf(birth, moving)
		if err != nil {
			return Page[mci.Claim]{}, err
		}
		page.Items = append(page.Items, record.Claim)
		page.positions = append(page.positions, positionOf(record))
	}
	return page, nil
}

// ordinalOf is the position of a claim among all claims in the order of their birth.
func ordinalOf(record claimRecord) string { return record.Claim.ID.Ordinal() }

// OpenClaimsByDue gives a partner's claims that run under a deadline which has not passed, soonest first, from a
// position on. Query of the Due index, then BatchGetItem of the claims: 2 round trips; 1 unit per 4 KB of keys and 2
// per claim looked at, at most limit of them.
func (t *Table) OpenClaimsByDue(ctx context.Context, partnerID string, now time.Time, from string,
	limit int) (Page[mci.Claim], error) {
	return t.claimsBy(ctx, DueKey, Ascending, limit, span{
		index: Due, partition: partnerPK(partnerID), from: max(instantKey(now), after(from)), to: last,
	})
}

// SubmittedClaims gives the claims of all partners that wait for review, longest waiting first, from a position on.
// Queries of every shard of the Queues index, then BatchGetItem of the claims: 2 round trips; half a unit per 4 KB of
// keys, at least one a shard, and 2 per claim. It may lag by a moment (D14).
func (t *Table) SubmittedClaims(ctx context.Context, from string, limit int) (Page[mci.Claim], error) {
	spans := make([]span, ListShards)
	for shard := range spans {
		spans[shard] = span{index: Queues, partition: reviewQueue(shard), from: after(from), to: last}
	}
	return t.claimsBy(ctx, QueueKey, Ascending, limit, spans...)
}

// DueClaims gives claims of one shard to which time does something by now, the longest overdue first, from a position
// on: a deadline has passed, or the instant of a reminder (D3, D30). Query of the Queues index, then BatchGetItem of
// what moves of the claims: 2 round trips; half a unit per 4 KB of keys and 1 per claim, whatever else the table holds.
// Claims that have moved on since are among them. They are partial: they hold what the sweep needs.
func (t *Table) DueClaims(ctx context.Context, shard int, now time.Time, from string, limit int) (Page[mci.Claim],
	error) {
	entries, next, err := t.queue(ctx, span{
		index: Queues, partition: dueQueue(shard), from: after(from), to: instantKey(now) + last, limit: int32(limit),
	})
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	keys := make([]Key, len(entries))
	for i, entry := range entries {
		keys[i] = KeyOf(entry)
	}
	items, err := t.getAll(ctx, keys)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	page := Page[mci.Claim]{Next: next}
	for _, key := range keys {
		if items[key] == nil {
			continue
		}
		claim, err := sweptOf(items[key])
		if err != nil {
			return Page[mci.Claim]{}, err
		}
		page.Items = append(page.Items, claim)
	}
	return page, nil
}

// EndedClaims gives claims of one shard that ended by an instant and still hold people's data, longest ended first,
// from a position on. It costs as DueClaims does, with 2 units per claim.
func (t *Table) EndedClaims(ctx context.Context, shard int, by time.Time, from string, limit int) (Page[mci.Claim],
	error) {
	entries, next, err := t.queue(ctx, span{
		index: Queues, partition: endedQueue(shard), from: after(from), to: instantKey(by) + last, limit: int32(limit),
	})
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	return t.claimsAt(ctx, entries, QueueKey, next)
}

// queue reads a span of the Queues index, and where it goes on: no entry twice, so that what it costs is in proportion
// to what is due.
func (t *Table) queue(ctx context.Context, s span) (entries []Item, next string, err error) {
	s.mayEnd = true
	entries, more, err := t.query(ctx, s)
	if more {
		next = value(entries[len(entries)-1], QueueKey)
	}
	return entries, next, err
}

// claimsBy reads at most limit of the claims that spans of an index name, in the order of the attribute that is their
// position: the spans all at once, then the claims.
func (t *Table) claimsBy(
	ctx context.Context, position string, order func(a, b string) int, limit int, spans ...span,
) (Page[mci.Claim], error) {
	lists := make([]List[Item], len(spans))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, s := range spans {
		group.Go(func() error {
			s.limit = int32(limit)
			entries, more, err := t.query(groupCtx, s)
			lists[i] = ListOf(entries, func(entry Item) string { return value(entry, position) }, more)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Page[mci.Claim]{}, err
	}
	entries, next := Merge(order, limit, lists...)
	return t.claimsAt(ctx, entries, position, next)
}

// claimsAt reads the claims that entries of an index name. BatchGetItem: 1 round trip; 2 units per claim.
func (t *Table) claimsAt(ctx context.Context, entries []Item, position, next string) (Page[mci.Claim], error) {
	var keys []Key
	for _, entry := range entries {
		keys = append(keys, claimKeys(claimIDAt(KeyOf(entry)))...)
	}
	items, err := t.getAll(ctx, keys)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	page := Page[mci.Claim]{Next: next}
	for _, entry := range entries {
		claim, found, err := claimIn(items, claimIDAt(KeyOf(entry)))
		if err != nil {
			return Page[mci.Claim]{}, err
		}
		if found {
			page.Items, page.positions = append(page.Items, claim), append(page.positions, value(entry, position))
		}
	}
	return page, nil
}

// CustomerClaims gives all of a partner's claims for a customer on an engagement. Query of the Customers
// index: 1 round trip; 2 units per claim.
func (t *Table) CustomerClaims(ctx context.Context, partnerID, engagementID, customerID string) ([]mci.Claim, error) {
	page := customersPage(engagementID, customerID)
	items, _, err := t.query(ctx, span{
		index: Customers, whole: true, partition: partnerPK(partnerID), from: page, to: page,
	})
	if err != nil {
		return nil, err
	}
	found, err := joined(items, ordinalOf)
	return found.Items, err
}

// ListedClaim is a claim's entry in a list by customer name.
type ListedClaim struct {
	ID         mci.ClaimID
	CustomerID string
	Position   string
}

// OpenClaims lists a partner's claims on an engagement that are stored as open, by customer name, from a position on,
// where the name begins with prefix. Query of the Pages index: 1 round trip; 1 unit per 4 KB of entries looked at.
func (t *Table) OpenClaims(ctx context.Context, partnerID, engagementID, prefix, from string,
	limit int) (Page[ListedClaim], error) {
	return t.claimsByName(ctx, partnerID, openPages(engagementID), prefix, from, limit)
}

// DoneClaims lists a partner's ended claims on an engagement that are to be seen, as OpenClaims does.
func (t *Table) DoneClaims(ctx context.Context, partnerID, engagementID, prefix, from string,
	limit int) (Page[ListedClaim], error) {
	return t.claimsByName(ctx, partnerID, donePages(engagementID), prefix, from, limit)
}

func (t *Table) claimsByName(ctx context.Context, partnerID, pages, prefix, from string,
	limit int) (Page[ListedClaim], error) {
	entries, more, err := t.query(ctx, byName(partnerID, pages, prefix, from, limit))
	if err != nil {
		return Page[ListedClaim]{}, err
	}
	var page Page[ListedClaim]
	for _, entry := range entries {
		position := value(entry, PageKey)[len(pages):]
		_, customer, _ := strings.Cut(position, separator) // behind the name
		customer, _, _ = strings.Cut(customer, separator)
		page.Items = append(page.Items, ListedClaim{claimIDAt(KeyOf(entry)), customer, position})
		page.positions = append(page.positions, position)
	}
	if more {
		page.Next = page.Position(len(entries) - 1)
	}
	return page, nil
}

// byName spans a page of the Pages index, from after a position on.
func byName(partnerID, page, prefix, from string, limit int) span {
	return span{
		index: Pages, partition: partnerPK(partnerID), limit: int32(limit),
		from: page + max(mci.SortName(prefix), after(from)), to: page + mci.SortName(prefix) + last,
	}
}

// after is the first key behind a position; the beginning, for "".
func after(position string) string {
	if position == "" {
		return first
	}
	return position + separator
}

// before is the last key ahead of a position that ends in an ASCII character.
func before(position string) string {
	end := len(position) - 1
	return position[:end] + string(position[end]-1) + last
}
