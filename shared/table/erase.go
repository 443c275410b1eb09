package table

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"mci.example/customers/shared/mci"
)

// eraseAtOnce is how many private details are erased in one transaction.
const eraseAtOnce = 50

// Erase writes a claim without a person's data, and what is left of its private details. The details go first: cut short
// anywhere, what is left is whole, and repeating it completes it. It gives ErrLostRace where the claim has moved on.
func (t *Table) Erase(ctx context.Context, before, after mci.Claim, erased []mci.Private) error {
	for details := range slices.Chunk(erased, eraseAtOnce) {
		writes := make([]Write, len(details))
		for i, detail := range details {
			writes[i] = t.put(privateRecord{privateKey(before.ID, detail.Seq), detail}, "attribute_exists(pk)", nil, ErrLostRace)
		}
		if err := t.Commit(ctx, writes); err != nil {
			return err
		}
	}
	if after.Version == before.Version {
		return nil
	}
	return t.Commit(ctx, []Write{t.putVersion(newClaimRecord(after), before.Version)})
}

// AnswerKind is a kept answer, which may hold what a claim said of people.
const AnswerKind Kind = "kept answer"

// AnswerOf reads a kept answer.
func AnswerOf(item Item) (Answer, error) {
	var answer Answer
	err := decode(item, &answer)
	return answer, err
}

// Forget takes a kept answer away.
func (t *Table) Forget(ctx context.Context, answer Answer) error {
	key, err := encode(answer.Key)
	if err != nil {
		return err
	}
	if _, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.name, Key: key}); err != nil {
		return errors.Join(errors.New("forgetting a kept answer"), err)
	}
	return nil
}
