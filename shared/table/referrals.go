package table

import (
	"context"

	"mci.example/customers/shared/mci"
)

// Referrals gives the claims of all partners that have a referral of that type, newest first, from a position on, in
// the order of Claims. Queries of every shard of the Referrals index, then BatchGetItem of the claims: 2 round trips;
// half a unit per 4 KB of keys, at least one a shard, and 2 per claim. It may lag by a moment (D14). A partner's own
// referrals are among its Claims.
func (t *Table) Referrals(ctx context.Context, referralType mci.ReferralType, from string, limit int) (Page[mci.Claim],
	error) {
	to := claimPrefix + last
	if from != "" {
		to = min(to, before(from))
	}
	spans := make([]span, ListShards)
	for shard := range spans {
		spans[shard] = span{
			index: Referrals, partition: referralQueue(referralType, shard), from: claimPrefix, to: to,
			descending: true,
		}
	}
	return t.claimsBy(ctx, SortKey, Descending, limit, spans...)
}
