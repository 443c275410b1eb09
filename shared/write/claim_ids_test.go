package write

import (
	"testing"
	"time"

	"mci.example/customers/shared/mci"
)

func TestClaimIDsAreDistinctInOrderAndOfTheirPartner(t *testing.T) {
	t.Parallel()
	ids := NewClaimIDs(time.Now(), "partner-1", 10)
	for i, id := range ids {
		if parsed, isID := mci.ParseClaimID(string(id)); !isID || parsed.PartnerID() != "partner-1" {
			t.Errorf("%s is no ID of the partner's", id)
		}
		if i > 0 && ids[i-1].Ordinal() >= id.Ordinal() {
			t.Errorf("%s comes before %s", ids[i-1], id)
		}
	}
}
