package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"mci.example/customers/shared/platform"
)

// addDashboard shows the business beside the machine.
func (s *system) addDashboard() {
	business := func(statistic string, names ...string) []metric {
		var metrics []metric
		for _, name := range names {
			metrics = append(metrics, metric{platform.MetricNamespace, name, statistic, []any{platform.MetricDimension,
				string(s.Stage)}})
		}
		return metrics
	}
	ofFunctions := func(name, statistic string) []metric {
		var metrics []metric
		for _, function := range platform.Functions {
			metrics = append(metrics, metric{"AWS/Lambda", name, statistic,
				[]any{"FunctionName", s.functions[function.Name].Ref()}})
		}
		return metrics
	}
	api := func(name, statistic string) metric {
		return metric{"AWS/ApiGateway", name, statistic, []any{"ApiId", s.api.Ref(), "Stage", "$default"}}
	}
	table := func(name string) metric {
		return metric{"AWS/DynamoDB", name, "Sum", []any{"TableName", s.table.name}}
	}
	var dead []metric
	for _, queue := range s.queues {
		dead = append(dead, metric{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum",
			[]any{"QueueName", queue.AttrQueueName()}})
	}
	rows := [][]any{
		{s.graph("Customers nominated", 86400, business("Sum", platform.ClaimsAdded, platform.ClaimsClaimed)),
			s.graph("Consent", 86400, business("Sum", platform.ConsentsRequested, platform.ConsentsReminded,
				platform.ConsentsAccepted, platform.ConsentsDeclined, platform.ClaimsExpired)),
			s.graph("Hours to consent", 86400, append(business("p50", platform.TimeToConsentHours),
				business("p90", platform.TimeToConsentHours)...))},
		{s.graph("Claims", 86400, business("Sum", platform.ClaimsSubmitted, platform.ClaimsReturned,
			platform.ClaimsCompleted, platform.ClaimsRejected, platform.ClaimsCancelled)),
			s.graph("Referrals", 86400, business("Sum", platform.ReferralsCreated, platform.ReferralsUpgraded)),
			s.graph("Emails that failed", 86400, business("Sum", platform.EmailsBounced, platform.EmailsComplained))},
		{s.graph("Requests", 300, []metric{api("Count", "Sum"), api("4xx", "Sum"), api("5xx", "Sum")}),
			s.graph("Latency", 300, []metric{api("Latency", "p50"), api("Latency", "p99")}),
			s.graph("Table units", 300, []metric{table("ConsumedReadCapacityUnits"),
				table("ConsumedWriteCapacityUnits")})},
		{s.graph("Function errors", 300, ofFunctions("Errors", "Sum")),
			s.graph("Function time, p99", 300, ofFunctions("Duration", "p99")),
			s.graph("Dead letters", 300, dead)},
		{s.graph("Sweep lag, seconds", 300, business("Maximum", platform.SweepLagSeconds)),
			s.graph("Stream age, milliseconds", 300, []metric{{"AWS/Lambda", "IteratorAge", "Maximum",
				[]any{"FunctionName", s.functions[platform.Stream.Function].Ref()}}}),
			s.graph("Mail, account-wide", 3600, []metric{{"AWS/SES", "Reputation.BounceRate", "Maximum", nil},
				{"AWS/SES", "Reputation.ComplaintRate", "Maximum", nil}})},
	}
	widgets := []any{map[string]any{
		"type": "alarm", "x": 0, "y": 0, "width": 24, "height": 4,
		"properties": map[string]any{"title": "Alarms", "alarms": s.alarmArns},
	}}
	for y, row := range rows {
		for x, widget := range row {
			widgets = append(widgets, map[string]any{
				"type": "metric", "x": 8 * x, "y": 4 + 6*y, "width": 8, "height": 6, "properties": widget,
			})
		}
	}
	awscloudwatch.NewCfnDashboard(s.stack, str("Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: str(s.name("")),
		DashboardBody: s.stack.ToJsonString(map[string]any{"widgets": widgets}, nil),
	})
}

// graph is a widget that draws the metrics over time.
func (s *system) graph(title string, seconds int, metrics []metric) any {
	var lines []any
	for _, metric := range metrics {
		line := append([]any{metric.namespace, metric.name}, metric.dimensions...)
		lines = append(lines, append(line, map[string]any{"stat": metric.statistic}))
	}
	return map[string]any{
		"title": title, "view": "timeSeries", "region": s.stack.Region(), "period": seconds, "metrics": lines,
	}
}
