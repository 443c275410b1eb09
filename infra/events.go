package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventschemas"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awspipes"

	"mci.example/customers/shared/platform"
	schema "mci.example/customers/shared/table"
)

//go:embed claim_event.schema.json
var claimEventSchema string

// addDomainEvents tells the portal and CRMs of every event of every claim, on a bus of their own.
func (s *system) addDomainEvents() {
	bus := awsevents.NewCfnEventBus(s.stack, str("Bus"), &awsevents.CfnEventBusProps{
		Name: str(s.name("")), Description: str("What happened to claims"),
	})
	registry := awseventschemas.NewCfnRegistry(s.stack, str("Schemas"), &awseventschemas.CfnRegistryProps{
		RegistryName: str(s.name("")), Description: str("Events on the bus of the same name"),
	})
	awseventschemas.NewCfnSchema(s.stack, str("ClaimEventSchema"), &awseventschemas.CfnSchemaProps{
		RegistryName: registry.AttrRegistryName(),
		SchemaName:   str(platform.DomainEvents.Source + "@ClaimEvent"),
		Type:         str("JSONSchemaDraft4"),
		Content:      str(claimEventSchema),
	})
	failed := s.addDeadLetters("events-failed", "Events of claims that did not reach the bus")
	logs := s.logGroup("EventsLogs", "/aws/vendedlogs/"+s.name("events"))
	role := awsiam.NewCfnRole(s.stack, str("EventsRole"), &awsiam.CfnRoleProps{
		Description:              str("What the pipe of domain events may do"),
		AssumeRolePolicyDocument: s.trust("pipes.amazonaws.com"),
		Policies: &[]any{&awsiam.CfnRole_PolicyProperty{
			PolicyName: str("pipe"),
			PolicyDocument: document(
				allow(readStream, s.table.stream),
				allow([]string{"events:PutEvents"}, bus.AttrArn()),
				allow([]string{"sqs:SendMessage"}, failed.AttrArn()),
				allow([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, logs.AttrArn()),
			),
		}},
	})
	awspipes.NewCfnPipe(s.stack, str("Events"), &awspipes.CfnPipeProps{
		Name:        str(s.name("events")),
		Description: str("Every event of every claim, from the table's stream to the bus"),
		RoleArn:     role.AttrArn(),
		Source:      s.table.stream,
		SourceParameters: &awspipes.CfnPipe_PipeSourceParametersProperty{
			FilterCriteria: &awspipes.CfnPipe_FilterCriteriaProperty{
				Filters: []any{&awspipes.CfnPipe_FilterProperty{Pattern: str(eventFilter())}},
			},
			DynamoDbStreamParameters: &awspipes.CfnPipe_PipeSourceDynamoDBStreamParametersProperty{
				StartingPosition:          str("TRIM_HORIZON"),
				BatchSize:                 num(10),
				MaximumRetryAttempts:      num(50),
				MaximumRecordAgeInSeconds: num(int((6 * time.Hour).Seconds())),
				OnPartialBatchItemFailure: str("AUTOMATIC_BISECT"),
				DeadLetterConfig:          &awspipes.CfnPipe_DeadLetterConfigProperty{Arn: failed.AttrArn()},
			},
		},
		Target: bus.AttrArn(),
		TargetParameters: &awspipes.CfnPipe_PipeTargetParametersProperty{
			EventBridgeEventBusParameters: &awspipes.CfnPipe_PipeTargetEventBridgeEventBusParametersProperty{
				Source: str(platform.DomainEvents.Source), DetailType: str(newImage("type")),
			},
			InputTemplate: str(eventTemplate()),
		},
		LogConfiguration: &awspipes.CfnPipe_PipeLogConfigurationProperty{
			Level: str("ERROR"), // without the events themselves: those hold personal data
			CloudwatchLogsLogDestination: &awspipes.CfnPipe_CloudwatchLogsLogDestinationProperty{
				LogGroupArn: logs.AttrArn(),
			},
		},
	})
	s.output("BusName", "Where domain events come out", bus.Ref())
}

// readStream is what a reader of the table's stream does.
var readStream = []string{
	"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
}

// eventFilter lets new events of claims through and nothing else.
func eventFilter() string {
	prefix := func(prefix string) map[string]any {
		return map[string]any{"S": []any{map[string]string{"prefix": prefix}}}
	}
	return compact(map[string]any{
		"eventName": []string{"INSERT"},
		"dynamodb": map[string]any{"Keys": map[string]any{
			schema.PartitionKey: prefix(platform.DomainEvents.PartitionPrefix), schema.SortKey: prefix(platform.DomainEvents.KeyPrefix),
		}},
	})
}

// eventTemplate is the detail as EventBridge Pipes fills it in from a record of the stream.
func eventTemplate() string {
	detail := map[string]string{}
	for property := range platform.DomainEvents.Detail {
		detail[property] = "<" + newImage(property) + ">"
	}
	return compact(detail)
}

// newImage is the path of an attribute in a record of the stream.
func newImage(attribute string) string {
	return "$.dynamodb.NewImage." + attribute + "." + platform.DomainEvents.Detail[attribute]
}

// compact is JSON on one line, with < and > as they are.
func compact(value any) string {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // maps and strings always encode
	}
	return strings.TrimSpace(line.String())
}
