package table

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Item is what DynamoDB stores.
type Item = map[string]types.AttributeValue

// encode turns a record, a struct with json tags, into an item.
func encode(record any) (Item, error) {
	item, err := attributevalue.MarshalMapWithOptions(record, func(o *attributevalue.EncoderOptions) {
		o.TagKey = "json"
		o.UseEncodingMarshalers = true
		o.OmitNullAttributeValues = true
	})
	if err != nil {
		return nil, fmt.Errorf("encoding %T for the table: %w", record, err)
	}
	return item, nil
}

// decode reads an item into a record.
func decode(item Item, record any) error {
	err := attributevalue.UnmarshalMapWithOptions(item, record, func(o *attributevalue.DecoderOptions) {
		o.TagKey = "json"
		o.UseEncodingUnmarshalers = true
	})
	if err != nil {
		return fmt.Errorf("decoding %T from the table: %w", record, err)
	}
	return nil
}
