package table

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/shared/mci"
)

// eraseAtOnce is how many private details are erased in one transaction.
const eraseAtOnce = 50

// Erase writes a claim without a person's data, and what is left of its private details. The details go first: cut
// short anywhere, what is left is whole, and repeating it completes it. It gives ErrLostRace where the claim has moved
// on.
func (t *Table) Erase(ctx context.Context, before, after mci.Claim, erased []mci.Private) error {
	for details := range slices.Chunk(erased, eraseAtOnce) {
		writes := make([]Write, len(details))
		for i, detail := range details {
			writes[i] = t.put(privateRecord{privateKey(before.ID, detail.Seq), detail}, "attribute_exists(pk)", nil,
				ErrLostRace)
		}
		if err := t.Commit(ctx, writes); err != nil {
			return err
		}
	}
	if after.Version == before.Version {
		return nil
	}
	return t.Commit(ctx, []Write{t.putBorn(after, "attribute_exists(pk)"), t.putMoving(after, before.Version)})
}

// KeptResponseKind is a kept response, which may hold contacts of a claim.
const KeptResponseKind Kind = "kept response"

// KeptResponseOf reads a kept response.
func KeptResponseOf(item Item) (KeptResponse, error) {
	var response KeptResponse
	err := decode(item, &response)
	return response, err
}

// DeleteKeptResponse takes a kept response away.
func (t *Table) DeleteKeptResponse(ctx context.Context, response KeptResponse) error {
	key, err := encode(response.Key)
	if err != nil {
		return err
	}
	if _, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.name, Key: key}); err != nil {
		return fmt.Errorf("deleting a kept response: %w", err)
	}
	return nil
}
