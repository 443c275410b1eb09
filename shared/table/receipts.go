package table

import (
	"context"

	"mci.example/customers/shared/mci"
)

// receiptRecord is the receipt of a claim's decision (D28).
type receiptRecord struct {
	Key
	Receipt string `json:"receipt"` // a compact JWS
}

// Receipt returns the receipt of a claim's decision, "" if there is none. GetItem: 1 round trip; 1 unit per 4 KB.
func (t *Table) Receipt(ctx context.Context, id mci.ClaimID) (string, error) {
	var record receiptRecord
	_, err := t.get(ctx, receiptKey(id), &record)
	return record.Receipt, err
}
