package table

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"mci.example/customers/shared/mci"
)

// receiptRecord is the receipt of a claim's decision (D28).
type receiptRecord struct {
	Key
	Header    string `json:"header"` // the parts of a compact JWS; those of text as they are in it
	Payload   packed `json:"payload"`
	Signature string `json:"signature"`
}

// PutReceipt writes the receipt of a claim's decision, a compact JWS: 2 units per KB of its compressed payload.
func (t *Table) PutReceipt(id mci.ClaimID, receipt string) []Write {
	parts := strings.Split(receipt, ".")
	if len(parts) != 3 {
		return []Write{{err: errors.New("a receipt is not a compact JWS")}}
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	record := receiptRecord{receiptKey(id), parts[0], packed{text: string(payload)}, parts[2]}
	write := t.put(record, "attribute_not_exists(pk)", nil, ErrLostRace)
	write.err = errors.Join(write.err, err)
	return []Write{write}
}

// receipt is the compact JWS, "" for none.
func (r receiptRecord) receipt() string {
	if r.Header == "" {
		return ""
	}
	return r.Header + "." + base64.RawURLEncoding.EncodeToString([]byte(r.Payload.text)) + "." + r.Signature
}

// Receipt returns the receipt of a claim's decision, "" if there is none. GetItem: 1 round trip; 1 unit per 4 KB.
func (t *Table) Receipt(ctx context.Context, id mci.ClaimID) (string, error) {
	var record receiptRecord
	_, err := t.get(ctx, receiptKey(id), &record)
	return record.receipt(), err
}
