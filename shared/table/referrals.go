package table

import (
	"context"

	"mci.example/customers/shared/mci"
)

// referralRecord lists a claim's referral; what the referral says follows from the claim, whose ID is the queue key.
type referralRecord struct {
	Key
	Queue    string      `json:"queue"`
	QueueKey mci.ClaimID `json:"queueKey"`
}

func newReferralRecord(claim mci.Claim) referralRecord {
	return referralRecord{referralKey(claim.ID), referralQueue(claim.Referral.Type), claim.ID}
}

func referralQueue(t mci.ReferralType) string { return join("REFERRAL", string(t)) }

// PartnerReferrals gives a partner's claims that have a referral, newest first, from a position on. Query of the
// partner's REFERRAL# items, then BatchGetItem of their claims: 2 round trips; 1 unit per 4 KB of the list and 1 per
// claim.
func (t *Table) PartnerReferrals(ctx context.Context, partnerID, from string, limit int) (Page[mci.Claim], error) {
	s := within(partnerPK(partnerID), referralPrefix)
	if from != "" {
		s.to = min(s.to, before(referralPrefix+mci.ClaimID(from).Ordinal()))
	}
	return t.referrals(ctx, s, limit)
}

// Referrals gives the claims of all partners that have a referral of that type, newest first, from a position on. Query
// of the Queues index, then BatchGetItem of the claims: 2 round trips; half a unit per 4 KB of the list and 1 per
// claim. It may lag by a moment (D14).
func (t *Table) Referrals(ctx context.Context, referralType mci.ReferralType, from string, limit int) (Page[mci.Claim],
	error) {
	s := span{index: Queues, partition: referralQueue(referralType), from: "0", to: last}
	if from != "" {
		s.to = min(s.to, before(from))
	}
	return t.referrals(ctx, s, limit)
}

// referrals reads a span of the list; positions are the claims' IDs, so that lists can be merged.
func (t *Table) referrals(ctx context.Context, s span, limit int) (Page[mci.Claim], error) {
	s.descending, s.limit = true, int32(limit)
	items, more, err := t.query(ctx, s)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	records, err := decodeAll[referralRecord](items)
	if err != nil {
		return Page[mci.Claim]{}, err
	}
	keys, positions := make([]Key, len(records)), make([]string, len(records))
	for i, record := range records {
		keys[i], positions[i] = claimKey(record.QueueKey), string(record.QueueKey)
	}
	return t.claimsAt(ctx, keys, positions, more)
}
