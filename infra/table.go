package main

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	schema "mci.example/customers/shared/table"
)

// table is the DynamoDB table that the functions work on.
type table struct{ name, arn, stream *string }

// addTable makes the table as the application declares it. Where the operator names a restored table, everything
// works on that one, and the stack's own stays as it is.
func (s *system) addTable() {
	keys := func(partition, sort string) []any {
		return []any{
			&awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: str(partition), KeyType: str("HASH")},
			&awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: str(sort), KeyType: str("RANGE")},
		}
	}
	names := map[string]bool{schema.PartitionKey: true, schema.SortKey: true}
	var local, global, attributes []any
	for _, index := range schema.Indexes {
		names[index.PartitionKey], names[index.SortKey] = true, true
		projection := &awsdynamodb.CfnTable_ProjectionProperty{ProjectionType: str("KEYS_ONLY")}
		if index.Local {
			local = append(local, &awsdynamodb.CfnTable_LocalSecondaryIndexProperty{
				IndexName: str(index.Name), KeySchema: keys(index.PartitionKey, index.SortKey), Projection: projection})
			continue
		}
		global = append(global, &awsdynamodb.CfnTable_GlobalSecondaryIndexProperty{
			IndexName: str(index.Name), KeySchema: keys(index.PartitionKey, index.SortKey), Projection: projection})
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		attributes = append(attributes, &awsdynamodb.CfnTable_AttributeDefinitionProperty{
			AttributeName: str(name), AttributeType: str("S")})
	}
	own := awsdynamodb.NewCfnTable(s.stack, str("Table"), &awsdynamodb.CfnTableProps{
		TableName:                 str(s.name("")),
		BillingMode:               str("PAY_PER_REQUEST"),
		KeySchema:                 keys(schema.PartitionKey, schema.SortKey),
		AttributeDefinitions:      attributes,
		LocalSecondaryIndexes:     local,
		GlobalSecondaryIndexes:    global,
		DeletionProtectionEnabled: jsii.Bool(s.Stage == Prod),
		PointInTimeRecoverySpecification: &awsdynamodb.CfnTable_PointInTimeRecoverySpecificationProperty{
			PointInTimeRecoveryEnabled: yes,
		},
		SseSpecification: &awsdynamodb.CfnTable_SSESpecificationProperty{SseEnabled: yes, SseType: str("KMS")},
		StreamSpecification: &awsdynamodb.CfnTable_StreamSpecificationProperty{StreamViewType: str("NEW_AND_OLD_IMAGE" +
			"S")},
		TimeToLiveSpecification: &awsdynamodb.CfnTable_TimeToLiveSpecificationProperty{
			AttributeName: str(schema.TimeToLive), Enabled: yes,
		},
	})
	s.retain(own)
	s.table = table{own.Ref(), own.AttrArn(), own.AttrStreamArn()}
	if s.Table != "" {
		s.table = table{str(s.Table), s.arn("dynamodb", "table/"+s.Table), str(s.TableStream)}
	}
	s.output("TableName", "The table, for make import", s.table.name)
}

// indexes are the ARNs of the table's indexes.
func (t table) indexes() []*string {
	var arns []*string
	for _, index := range schema.Indexes {
		arns = append(arns, str(*t.arn+"/index/"+index.Name))
	}
	return arns
}
