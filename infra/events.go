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
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awspipes"

	"mci.example/customers/shared/platform"
)

//go:embed claim_event.schema.json
var claimEventSchema string

// addDomainEvents tells other systems of every event of every claim, on a bus of its own. Production's bus keeps every
// event for ever, so that a history rewritten in the table differs from what left it (B4).
func (s *system) addDomainEvents() {
	bus := awsevents.NewCfnEventBus(s.stack, str("Bus"), &awsevents.CfnEventBusProps{
		Name: str(s.name("")), Description: str("What happened to claims"),
	})
	s.bus = bus
	if s.Stage == Prod {
		s.addArchive()
	}
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
				Filters: []any{&awspipes.CfnPipe_FilterProperty{Pattern: str(platform.DomainEvents.Filter)}},
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

// addArchive keeps every event that is ever on the bus, and has a log group take the events of replays: what the
// archive holds comes out of it by a replay alone. Replays name the rule of the log group, so that nobody else hears
// them.
func (s *system) addArchive() {
	archive := awsevents.NewCfnArchive(s.stack, str("Archive"), &awsevents.CfnArchiveProps{
		ArchiveName: str(s.name("")), Description: str("Every event of every claim"), SourceArn: s.bus.AttrArn(),
	})
	s.retain(archive)
	logs := s.logGroup("ReplayedLogs", "/aws/events/"+s.name("replayed"))
	ruleArn := s.arn("events", "rule/"+s.name("")+"/"+s.name("replayed"))
	may := func(action string) map[string]any {
		return map[string]any{"Effect": "Allow", "Action": action, "Resource": logs.AttrArn(),
			"Principal": map[string]any{"Service": []string{"events.amazonaws.com", "delivery.logs.amazonaws.com"}},
			"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": ruleArn}}}
	}
	policy := awslogs.NewCfnResourcePolicy(s.stack, str("ReplayedLogsPolicy"), &awslogs.CfnResourcePolicyProps{
		PolicyName:     str(s.name("replayed")),
		PolicyDocument: s.stack.ToJsonString(document(may("logs:CreateLogStream"), may("logs:PutLogEvents")), nil),
	})
	undelivered := s.addDeadLetters("replay-undelivered", "Events of a replay that did not reach the log group",
		ruleArn)
	rule := awsevents.NewCfnRule(s.stack, str("ReplayedRule"), &awsevents.CfnRuleProps{
		Name:         str(s.name("replayed")),
		Description:  str("Events that the archive replays"),
		EventBusName: s.bus.Ref(),
		State:        str("ENABLED"),
		EventPattern: map[string]any{"replay-name": []any{map[string]any{"exists": true}}},
		Targets:      []any{s.target(logs.AttrArn(), undelivered)},
	})
	rule.AddResourceDependency(policy, nil)
	s.rules = append(s.rules, []any{"EventBusName", s.name(""), "RuleName", s.name("replayed")})
	s.output("ArchiveArn", "What keeps every domain event", archive.AttrArn())
	s.output("ReplayTo", "Where to replay the archive to", s.stack.ToJsonString(map[string]any{
		"Arn": s.bus.AttrArn(), "FilterArns": []*string{rule.AttrArn()},
	}, nil))
}

// addNotices has the bus wake the function that turns events into mail. Such an event can be lost in two places, on its
// way to the function and in it, so each has its dead letters.
func (s *system) addNotices() {
	undelivered := s.addDeadLetters("notices-undelivered",
		"Events that EventBridge could not hand to the function that mails them",
		s.arn("events", "rule/"+s.name("")+"/"+s.name("notices")))
	rule := awsevents.NewCfnRule(s.stack, str("NoticesRule"), &awsevents.CfnRuleProps{
		Name:         str(s.name("notices")),
		Description:  str("Events that people are told of by email"),
		EventBusName: s.bus.Ref(),
		State:        str("ENABLED"),
		EventPattern: object(platform.Notices.Pattern),
		Targets:      []any{s.target(s.functions[platform.Notices.Function].AttrArn(), undelivered)},
	})
	s.rules = append(s.rules, []any{"EventBusName", s.name(""), "RuleName", s.name("notices")})
	s.invocable("NoticesRulePermission", platform.Notices.Function, "events.amazonaws.com", rule.AttrArn())
	s.catchFailures(platform.Notices.Function, "Events that the function could not mail")
}

// target is where a rule leads, and its dead letters.
func (s *system) target(arn *string, undelivered deadLetters) *awsevents.CfnRule_TargetProperty {
	return &awsevents.CfnRule_TargetProperty{
		Id:               str("target"),
		Arn:              arn,
		DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: undelivered.AttrArn()},
		RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
			MaximumEventAgeInSeconds: num(int((6 * time.Hour).Seconds())), MaximumRetryAttempts: num(20),
		},
	}
}

// object is a JSON text that the application declares, such as an event pattern, as CloudFormation takes it.
func object(text string) map[string]any {
	var read map[string]any
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		panic(err) // the test of every stack would have seen it
	}
	return read
}

// readStream is what a reader of the table's stream does.
var readStream = []string{
	"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
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
