package write

import (
	"crypto/rand"
	"time"

	"github.com/oklog/ulid/v2"

	"mci.example/customers/shared/mci"
)

// NewClaimIDs makes IDs for claims of the partner, in order.
func NewClaimIDs(now time.Time, partnerID string, n int) []mci.ClaimID {
	entropy := ulid.Monotonic(rand.Reader, 0)
	ids := make([]mci.ClaimID, n)
	for i := range ids {
		ids[i] = mci.NewClaimID(ulid.MustNew(ulid.Timestamp(now), entropy).String(), partnerID)
	}
	return ids
}
