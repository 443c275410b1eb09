package table

import (
	"context"
	"time"

	"mci.example/customers/shared/mci"
)

// claimRecord is a claim as the table holds it; where it stands in the indexes follows from the claim, here and nowhere
// else.
type claimRecord struct {
	Key
	PageKey     string `json:"pageKey,omitempty"`
	DueKey      string `json:"dueKey,omitempty"`
	CustomerKey string `json:"customerKey"`
	Queue       string `json:"queue,omitempty"`
	QueueKey    string `json:"queueKey,omitempty"`
	Review      string `json:"review,omitempty"`
	ReviewKey   string `json:"reviewKey,omitempty"`
	mci.Claim
}

func newClaimRecord(claim mci.Claim) claimRecord {
	record := claimRecord{
		Key: claimKey(claim.ID), Claim: claim,
		CustomerKey: customersPage(claim.EngagementID, claim.Customer.ID) + claim.ID.Ordinal(),
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
	if next := claim.NextInstant(); next != nil {
		record.Queue, record.QueueKey = dueQueue(shardOf(claim.ID)), queueKey(*next, claim.ID)
	} else if claim.Status == mci.Submitted {
		record.Review, record.ReviewKey = reviewQueue, queueKey(*claim.SubmittedAt, claim.ID)
	} else if claim.EndedAt != nil && !claim.Erased() {
		record.Queue, record.QueueKey = endedQueue(shardOf(claim.ID)), queueKey(*claim.EndedAt, claim.ID)
	}
	return record
}

// ClaimPosition is a claim's place among the open or ended claims of an engagement: by customer name, then ID (D22).
func ClaimPosition(claim mci.Claim) string {
	return CustomerPosition(claim.Customer) + separator + claim.ID.Ordinal()
}

func queueKey(instant time.Time, id mci.ClaimID) string {
	return instantKey(instant) + "#" + string(id)
}

// Claim gives a claim as it is stored, and whether there is one; callers look at it At their instant (D3). GetItem: 1
// round trip; 1 unit per 4 KB.
func (t *Table) Claim(ctx context.Context, id mci.ClaimID) (mci.Claim, bool, error) {
	var record claimRecord
	found, err := t.get(ctx, claimKey(id), &record)
	return record.Claim, found, err
}

// ClaimWithLink gives a claim and the consent link of that token's hash, nil where there is none. BatchGetItem: 1 round
// trip, whether the link is right or wrong; 1 unit each per 4 KB.
func (t *Table) ClaimWithLink(ctx context.Context, id mci.ClaimID, tokenHash string) (mci.Claim, *Link, bool, error) {
	items, err := t.getAll(ctx, []Key{claimKey(id), linkKey(id, tokenHash)})
	if err != nil {
		return mci.Claim{}, nil, false, err
	}
	item, found := items[claimKey(id)]
	if !found {
		return mci.Claim{}, nil, false, nil
	}
	var record claimRecord
	if err := decode(item, &record); err != nil {
		return mci.Claim{}, nil, false, err
	}
	item, linked := items[linkKey(id, tokenHash)]
	if !linked {
		return record.Claim, nil, true, nil
	}
	var link Link
	return record.Claim, &link, true, decode(item, &link)
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
	s.descending, s.limit = true, int32(limit)
	if from != "" {
		s.to = min(s.to, before(from))
	}
	return t.claimPage(ctx, s, func(record claimRecord) string { return record.SK })
}

// OpenClaimsByDue gives a partner's claims that run under a deadline which has not passed, soonest first, from a
// position on. Query of the Due index: 1 round trip; 1 unit per claim looked at, at most limit of them.
func (t *Table) OpenClaimsByDue(ctx context.Context, partnerID string, now time.Time, from string,
	limit int) (Page[mci.Claim], error) {
	s := span{index: Due, partition: partnerPK(partnerID), from: max(instantKey(now), after(from)), to: last,
		limit: int32(limit)}
	return t.claimPage(ctx, s, func(record claimRecord) string { return record.DueKey })
}

// SubmittedClaims gives the claims of all partners that wait for review, longest waiting first. Query of the Reviews
// index: 1 round trip; half a unit per 4 KB of claims looked at. It may lag by a moment (D14).
func (t *Table) SubmittedClaims(ctx context.Context, from string, limit int) (Page[mci.Claim], error) {
	s := span{index: Reviews, partition: reviewQueue, from: after(from), to: last, limit: int32(limit)}
	return t.claimPage(ctx, s, func(record claimRecord) string { return record.ReviewKey })
}

// DueClaims gives claims of one shard to which time does something by now, the longest overdue first, from a position
// on: a deadline has passed, or the instant of a reminder (D3, D30). Query of the Queues index, then BatchGetItem of
// the claims: 2 round trips; half a unit per 4 KB of keys and 1 per claim, whatever else the table holds. Claims that
// have moved on since are among them.
func (t *Table) DueClaims(ctx context.Context, shard int, now time.Time, from string, limit int) (Page[mci.Claim],
	error) {
	return t.queue(ctx, span{
		index: Queues, partition: dueQueue(shard), from: after(from), to: instantKey(now) + last, limit: int32(limit),
	})
}

// queue reads a span of the Queues index, and the claims that it names: no entry twice, so that what it costs is in
// proportion to what is due.
func (t *Table) queue(ctx context.Context, s span) (Page[mci.Claim], error) {
	s.mayEnd = true
	entries, more, err := t.query(ctx, s)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	keys, positions := make([]Key, len(entries)), make([]string, len(entries))
	for i, entry := range entries {
		keys[i], positions[i] = KeyOf(entry), value(entry, QueueKey)
	}
	return t.claimsAt(ctx, keys, positions, more)
}

// claimsAt reads the claims that a list names by their keys; more says that the list goes on. BatchGetItem: 1 round trip.
func (t *Table) claimsAt(ctx context.Context, keys []Key, positions []string, more bool) (Page[mci.Claim], error) {
	claims, err := t.getAll(ctx, keys)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	var page Page[mci.Claim]
	for i, key := range keys {
		var record claimRecord
		if err := decode(claims[key], &record); err != nil {
			return Page[mci.Claim]{}, err
		}
		page.Items = append(page.Items, record.Claim)
		page.positions = append(page.positions, positions[i])
	}
	if more {
		page.Next = page.Position(len(keys) - 1)
	}
	return page, nil
}

// CustomerClaims gives all of a partner's claims for a customer on an engagement, oldest first. Query of the Customers
// index: 1 round trip; 1 unit per claim.
func (t *Table) CustomerClaims(ctx context.Context, partnerID, engagementID, customerID string) ([]mci.Claim, error) {
	page := customersPage(engagementID, customerID)
	s := span{index: Customers, partition: partnerPK(partnerID), from: page, to: page + last}
	found, err := t.claimPage(ctx, s, func(record claimRecord) string { return record.CustomerKey })
	return found.Items, err
}

// EndedClaims gives claims of one shard that ended by an instant and still hold people's data, longest ended first,
// from a position on. It costs as DueClaims does.
func (t *Table) EndedClaims(ctx context.Context, shard int, by time.Time, from string, limit int) (Page[mci.Claim],
	error) {
	return t.queue(ctx, span{
		index: Queues, partition: endedQueue(shard), from: after(from), to: instantKey(by) + last, limit: int32(limit),
	})
}

// OpenClaims gives a partner's claims on an engagement that are stored as open, by customer name, from a position on,
// where the name begins with prefix. Query of the Pages index: 1 round trip; 1 unit per claim looked at.
func (t *Table) OpenClaims(ctx context.Context, partnerID, engagementID, prefix, from string,
	limit int) (Page[mci.Claim], error) {
	return t.claimsByName(ctx, partnerID, openPages(engagementID), prefix, from, limit)
}

// DoneClaims gives a partner's ended claims on an engagement that are to be seen, as OpenClaims does.
func (t *Table) DoneClaims(ctx context.Context, partnerID, engagementID, prefix, from string,
	limit int) (Page[mci.Claim], error) {
	return t.claimsByName(ctx, partnerID, donePages(engagementID), prefix, from, limit)
}

func (t *Table) claimsByName(ctx context.Context, partnerID, page, prefix, from string, limit int) (Page[mci.Claim],
	error) {
	s := byName(partnerID, page, prefix, from, limit)
	return t.claimPage(ctx, s, func(record claimRecord) string { return record.PageKey[len(page):] })
}

// byName spans a page of the Pages index, from after a position on.
func byName(partnerID, page, prefix, from string, limit int) span {
	return span{
		index: Pages, partition: partnerPK(partnerID), limit: int32(limit),
		from: page + max(mci.SortName(prefix), after(from)), to: page + mci.SortName(prefix) + last,
	}
}

// claimPage reads a span of claims, and says where each stands in the list.
func (t *Table) claimPage(ctx context.Context, s span, positionOf func(claimRecord) string) (Page[mci.Claim], error) {
	items, more, err := t.query(ctx, s)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	records, err := decodeAll[claimRecord](items)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	var page Page[mci.Claim]
	for _, record := range records {
		page.Items = append(page.Items, record.Claim)
		page.positions = append(page.positions, positionOf(record))
	}
	if more {
		page.Next = page.Position(len(records) - 1)
	}
	return page, nil
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
