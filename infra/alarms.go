package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	schema "mci.example/customers/shared/table"
)

// metric is a CloudWatch metric and how its values are put together.
type metric struct {
	namespace, name, statistic string
	dimensions                 []any // names and values by turns
}

// alarm is something to wake someone for. infra/README.md says what to do about each, by its name.
type alarm struct {
	name    string
	meaning string
	metrics []metric
	formula string // over m0, m1, …; where it is empty, the one metric itself
	above   float64
	minutes int    // of one period
	periods int    // in a row, all of them above
	missing string // what no data means: notBreaching where not said
}

// routeGroup is functions that answer alike, so that one limit of latency fits them.
type routeGroup struct {
	name      string
	functions []string
	slow      float64 // milliseconds
}

// routeGroups sorts every function into one group by its first route: the customer's page, the portal's pages, reads,
// writes; and without any, background work.
func routeGroups() []routeGroup {
	consent, portal := &routeGroup{name: "consent", slow: 1500}, &routeGroup{name: "portal", slow: 4000}
	reads, writes := &routeGroup{name: "reads", slow: 1500}, &routeGroup{name: "writes", slow: 3000}
	background := &routeGroup{name: "background"}
	routes := rest.GatewayRoutes()
	for _, function := range platform.Functions {
		at := slices.IndexFunc(routes, func(route rest.Route) bool { return route.Function == function.Name })
		group := background
		switch {
		case at < 0 || function.Name == platform.Stream.Function:
		case strings.HasPrefix(routes[at].Path, "/consent"):
			group = consent
		case at >= len(rest.Routes): // the portal's routes follow the API's
			group = portal
		case routes[at].Method == "GET":
			group = reads
		default:
			group = writes
		}
		group.functions = append(group.functions, function.Name)
	}
	return []routeGroup{*consent, *portal, *reads, *writes, *background}
}

// theAlarms lists every alarm.
func (s *system) theAlarms() []alarm {
	api := func(name, statistic string) metric {
		return metric{"AWS/ApiGateway", name, statistic, []any{"ApiId", s.api.Ref(), "Stage", "$default"}}
	}
	business := func(name, statistic string) metric {
		return metric{platform.MetricNamespace, name, statistic, []any{platform.MetricDimension, string(s.Stage)}}
	}
	alarms := []alarm{
		{name: "api-errors", meaning: "More than 1% of requests, and more than two, answered with a server error",
			metrics: []metric{api("5xx", "Sum"), api("Count", "Sum")}, formula: "IF(m0 > 2, 100 * m0 / m1, 0)",
			above:   1,
			minutes: 5, periods: 2},
		{name: "api-slow", meaning: "One request in a hundred takes longer than 5 seconds, gateway and cold starts " +
			"included",
			metrics: []metric{api("Latency", "p99")}, above: 5000, minutes: 5, periods: 3},
		{name: "api-throttled", meaning: "The API's own limits refuse requests",
			metrics: []metric{business(requestsThrottled, "Sum")}, above: 50, minutes: 5, periods: 2},
	}
	for _, group := range routeGroups() {
		var errors, throttles, durations []metric
		for _, name := range group.functions {
			function := []any{"FunctionName", s.functions[name].Ref()}
			errors = append(errors, metric{"AWS/Lambda", "Errors", "Sum", function})
			throttles = append(throttles, metric{"AWS/Lambda", "Throttles", "Sum", function})
			durations = append(durations, metric{"AWS/Lambda", "Duration", "p99", function})
		}
		alarms = append(alarms,
			alarm{name: group.name + "-errors", meaning: "Functions fail or run out of time: " +
				strings.Join(group.functions, ", "),
				metrics: errors, formula: "SUM(METRICS())", above: 2, minutes: 5, periods: 1},
			alarm{name: group.name + "-throttled", meaning: "Lambda refuses to run more of: " +
				strings.Join(group.functions, ", "),
				metrics: throttles, formula: "SUM(METRICS())", above: 0, minutes: 5, periods: 2})
		if group.slow > 0 {
			alarms = append(alarms, alarm{name: group.name + "-slow",
				meaning: fmt.Sprintf("One call in a hundred runs longer than %v ms in one of: %s", group.slow,
					strings.Join(group.functions, ", ")),
				metrics: durations, formula: "MAX(METRICS())", above: group.slow, minutes: 5, periods: 3})
		}
	}
	for _, queue := range s.queues {
		alarms = append(alarms, alarm{name: queue.name, meaning: "Dead letters. " + queue.meaning,
			metrics: []metric{{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum",
				[]any{"QueueName", queue.AttrQueueName()}}},
			above: 0, minutes: 5, periods: 1})
	}
	tableThrottles := []metric{
		{"AWS/DynamoDB", "ReadThrottleEvents", "Sum", []any{"TableName", s.table.name}},
		{"AWS/DynamoDB", "WriteThrottleEvents", "Sum", []any{"TableName", s.table.name}},
	}
	for _, index := range schema.Indexes {
		if !index.Local {
			of := []any{"TableName", s.table.name, "GlobalSecondaryIndexName", index.Name}
			tableThrottles = append(tableThrottles, metric{"AWS/DynamoDB", "ReadThrottleEvents", "Sum", of},
				metric{"AWS/DynamoDB", "WriteThrottleEvents", "Sum", of})
		}
	}
	upgrades := s.functions[platform.Stream.Function]
	return append(alarms,
		alarm{name: "table-throttled", meaning: "DynamoDB refuses reads or writes of the table",
			metrics: tableThrottles, formula: "SUM(METRICS())", above: 10, minutes: 5, periods: 2},
		alarm{name: "sweep-lag", meaning: "A claim waits longer than half an hour past its deadline for its expiry " +
			"to be written down, or no sweep says how long",
			metrics: []metric{business(platform.SweepLagSeconds, "Maximum")}, above: 1800, minutes: 5, periods: 3,
			missing: "breaching"},
		alarm{name: "stream-age", meaning: "Consents wait longer than an hour for the upgrade of their referral; the " +
			"stream forgets after a day",
			metrics: []metric{{"AWS/Lambda", "IteratorAge", "Maximum", []any{"FunctionName", upgrades.Ref()}}},
			above:   3600e3,
			minutes: 5, periods: 1},
		alarm{name: "stream-unreadable",
			meaning: "Records of the table's stream name no claim: what they were about waits for no upgrade",
			metrics: []metric{business(platform.RecordsUnreadable, "Sum")}, above: 0, minutes: 5, periods: 1},
		alarm{name: "events-delayed", meaning: "The pipe of domain events fails; the stream forgets after a day",
			metrics: []metric{{"AWS/EventBridge/Pipes", "ExecutionFailed", "Sum", []any{"PipeName", s.name("events")}}},
			above:   0, minutes: 5, periods: 3},
		alarm{name: "bounce-rate", meaning: "More than 4% of the account's mail bounces; SES reviews an account at 5%",
			metrics: []metric{{"AWS/SES", "Reputation.BounceRate", "Maximum", nil}}, above: 0.04, minutes: 60,
			periods: 1},
		alarm{name: "complaint-rate", meaning: "More than 0.08% of the account's mail is complained of; SES reviews " +
			"an account at 0.1%",
			metrics: []metric{{"AWS/SES", "Reputation.ComplaintRate", "Maximum", nil}}, above: 0.0008, minutes: 60,
			periods: 1},
		alarm{name: "partner-bounces", meaning: "A partner's mail bounces more than wrong addresses now and then " +
			"explain",
			metrics: []metric{business(platform.PartnerBounceShareExceeded, "Sum")}, above: 0, minutes: 60, periods: 1},
		alarm{name: "receipts-unsigned", meaning: "Customers' decisions are not taken, because KMS signs no receipt",
			metrics: []metric{business(platform.ReceiptsUnsigned, "Sum")}, above: 2, minutes: 5, periods: 1},
		alarm{name: "dead-letters-lost",
			meaning: "A dead letter could not be kept: what it was about is in the logs alone", metrics: s.lost(),
			formula: "SUM(METRICS())", above: 0, minutes: 5, periods: 1},
	)
}

// lost counts the dead letters that could not be kept, of everyone who sends some.
func (s *system) lost() []metric {
	lost := []metric{{"AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount", "Sum",
		[]any{"ScheduleGroup", s.name("")}}}
	for _, rule := range s.rules {
		lost = append(lost, metric{"AWS/Events", "InvocationsFailedToBeSentToDlq", "Sum", rule})
	}
	for _, name := range s.async {
		lost = append(lost, metric{"AWS/Lambda", "DestinationDeliveryFailures", "Sum",
			[]any{"FunctionName", s.functions[name].Ref()}})
	}
	return lost
}

// addAlarms makes the alarms and the topic that they tell.
func (s *system) addAlarms() {
	topic := awssns.NewCfnTopic(s.stack, str("Alarms"), &awssns.CfnTopicProps{
		TopicName: str(s.name("alarms")), DisplayName: str(s.name("")), KmsMasterKeyId: s.key.AttrArn(),
	})
	awssns.NewCfnTopicPolicy(s.stack, str("AlarmsPolicy"), &awssns.CfnTopicPolicyProps{
		Topics: &[]*string{topic.Ref()},
		PolicyDocument: document(overTLS("sns:Publish", topic.Ref()), map[string]any{
			"Effect": "Allow", "Action": "sns:Publish", "Resource": topic.Ref(),
			"Principal": map[string]any{"Service": "cloudwatch.amazonaws.com"},
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": s.stack.Account()}},
		}),
	})
	if s.AlarmEmail != "" {
		awssns.NewCfnSubscription(s.stack, str("AlarmsEmail"), &awssns.CfnSubscriptionProps{
			TopicArn: topic.Ref(), Protocol: str("email"), Endpoint: str(s.AlarmEmail),
		})
	}
	for _, alarm := range s.theAlarms() {
		missing := "notBreaching"
		if alarm.missing != "" {
			missing = alarm.missing
		}
		made := awscloudwatch.NewCfnAlarm(s.stack, str(pascal(alarm.name)+"Alarm"), &awscloudwatch.CfnAlarmProps{
			AlarmName:          str(s.name(alarm.name)),
			AlarmDescription:   str(alarm.meaning + ". What to do: infra/README.md, " + alarm.name + "."),
			Metrics:            alarm.queries(),
			Threshold:          &alarm.above,
			ComparisonOperator: str("GreaterThanThreshold"),
			EvaluationPeriods:  num(alarm.periods),
			DatapointsToAlarm:  num(alarm.periods),
			TreatMissingData:   str(missing),
			AlarmActions:       &[]any{topic.Ref()},
			OkActions:          &[]any{topic.Ref()},
		})
		s.alarmArns = append(s.alarmArns, made.AttrArn())
	}
}

// queries are the alarm's metrics and formula as CloudWatch takes them.
func (a alarm) queries() []any {
	var queries []any
	for i, metric := range a.metrics {
		var dimensions []any
		for d := 0; d < len(metric.dimensions); d += 2 {
			dimensions = append(dimensions, &awscloudwatch.CfnAlarm_DimensionProperty{
				Name: str(metric.dimensions[d].(string)), Value: awscdk.Token_AsString(metric.dimensions[d+1], nil),
			})
		}
		queries = append(queries, &awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id: str(fmt.Sprint("m", i)), ReturnData: a.formula == "",
			MetricStat: &awscloudwatch.CfnAlarm_MetricStatProperty{
				Metric: &awscloudwatch.CfnAlarm_MetricProperty{
					Namespace: str(metric.namespace), MetricName: str(metric.name), Dimensions: dimensions,
				},
				Period: num(60 * a.minutes), Stat: str(metric.statistic),
			},
		})
	}
	if a.formula != "" {
		queries = append(queries, &awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id: str("result"), Expression: str(a.formula), ReturnData: true,
		})
	}
	return queries
}
