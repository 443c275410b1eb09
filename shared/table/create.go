package table

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// CreateInput is what creates the table on an engine: keys and indexes as declared, billed by request, with its stream.
func CreateInput(name string) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(PartitionKey, SortKey),
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled:  aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewAndOldImages,
		},
	}
	attributes := []string{PartitionKey, SortKey}
	for _, index := range Indexes {
		schema := keySchema(index.PartitionKey, index.SortKey)
		projection := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if index.Local {
			input.LocalSecondaryIndexes = append(input.LocalSecondaryIndexes,
				types.LocalSecondaryIndex{IndexName: aws.String(index.Name), KeySchema: schema, Projection: projection})
			attributes = append(attributes, index.SortKey)
		} else {
			input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes,
				types.GlobalSecondaryIndex{IndexName: aws.String(index.Name), KeySchema: schema,
					Projection: projection})
			attributes = append(attributes, index.PartitionKey, index.SortKey)
		}
	}
	slices.Sort(attributes)
	for _, attribute := range slices.Compact(attributes) {
		input.AttributeDefinitions = append(input.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: aws.String(attribute), AttributeType: types.ScalarAttributeTypeS})
	}
	return input
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}
