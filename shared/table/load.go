package table

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// PutClaim puts a claim as it is, whatever it was before.
func (t *Table) PutClaim(claim mci.Claim) []Write {
	return []Write{t.putBorn(claim, ""), t.putMoving(claim, 0)}
}

// Puts gives the items that writes put, as requests of a batch, without the conditions that make the writes safe: for
// loading a table that nobody else uses, such as that of a benchmark. What the writes do to other items is left out.
func Puts(writes ...[]Write) ([]types.WriteRequest, error) {
	var puts []types.WriteRequest
	for _, list := range writes {
		for _, write := range list {
			if write.err != nil {
				return nil, write.err
			}
			if write.item.Put != nil {
				puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: write.item.Put.Item}})
			}
		}
	}
	return puts, nil
}
