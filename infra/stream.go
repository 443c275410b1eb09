package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"

	"mci.example/customers/shared/platform"
)

// addStream lets the table's stream wake the function that upgrades referrals, for the records that matter alone. A
// dead letter names the place of a record in the stream, which forgets it after a day.
func (s *system) addStream() {
	failed := s.addDeadLetters("upgrade-failed",
		"Consents in the table's stream after which no upgrade could be decided")
	function := s.functions[platform.Stream.Function]
	s.async = append(s.async, platform.Stream.Function)
	permission := s.permit(function.role, "StreamPermission", "stream",
		allow(readStream, s.table.stream),
		allow([]string{"sqs:SendMessage"}, failed.AttrArn()))
	mapping := awslambda.NewCfnEventSourceMapping(s.stack, str("Stream"), &awslambda.CfnEventSourceMappingProps{
		FunctionName:     function.AttrArn(),
		EventSourceArn:   s.table.stream,
		StartingPosition: str("TRIM_HORIZON"),
		BatchSize:        num(platform.Stream.BatchSize),
		FilterCriteria: &awslambda.CfnEventSourceMapping_FilterCriteriaProperty{
			Filters: []any{&awslambda.CfnEventSourceMapping_FilterProperty{Pattern: str(platform.Stream.Filter)}},
		},
		FunctionResponseTypes:      strs("ReportBatchItemFailures"),
		BisectBatchOnFunctionError: yes,
		MaximumRetryAttempts:       num(platform.Stream.Retries),
		MaximumRecordAgeInSeconds:  num(int(platform.Stream.MaximumAge.Seconds())),
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: failed.AttrArn()},
		},
	})
	mapping.AddResourceDependency(permission, nil)
}
