package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// deadLetters is a queue of what an asynchronous path gave up on.
type deadLetters struct {
	awssqs.CfnQueue
	name    string
	meaning string
}

// addDeadLetters makes the last stop of an asynchronous path; addAlarms gives each an alarm. Who sends there has a role
// that may, but for EventBridge's rules: of those, the queue itself must allow the one.
func (s *system) addDeadLetters(name, meaning string, rules ...*string) deadLetters {
	queue := awssqs.NewCfnQueue(s.stack, str(pascal(name)+"Queue"), &awssqs.CfnQueueProps{
		QueueName:              str(s.name(name)),
		SqsManagedSseEnabled:   yes,
		MessageRetentionPeriod: num(int((14 * 24 * time.Hour).Seconds())),
	})
	accept(queue, "AwsSolutions-SQS3", "it is itself where dead letters go")
	statements := []map[string]any{overTLS("sqs:*", queue.AttrArn())}
	for _, rule := range rules {
		statements = append(statements, map[string]any{
			"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue.AttrArn(),
			"Principal": map[string]any{"Service": "events.amazonaws.com"},
			"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rule}},
		})
	}
	awssqs.NewCfnQueuePolicy(s.stack, str(pascal(name)+"QueuePolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{queue.Ref()}, PolicyDocument: document(statements...),
	})
	made := deadLetters{queue, name, meaning}
	s.queues = append(s.queues, made)
	return made
}

// catchFailures keeps what an asynchronous call of the function failed on after its retries.
func (s *system) catchFailures(name, meaning string) {
	failed := s.addDeadLetters(name+"-failed", meaning)
	function := s.functions[name]
	s.async = append(s.async, name)
	permission := s.permit(function.role, pascal(name)+"Failures", "failures", allow([]string{"sqs:SendMessage"},
		failed.AttrArn()))
	config := awslambda.NewCfnEventInvokeConfig(s.stack, str(pascal(name)+"Async"),
		&awslambda.CfnEventInvokeConfigProps{
			FunctionName: function.Ref(),
			Qualifier:    str("$LATEST"),
			DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
				OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: failed.AttrArn()},
			},
			MaximumEventAgeInSeconds: num(int((6 * time.Hour).Seconds())),
			MaximumRetryAttempts:     num(2),
		})
	config.AddResourceDependency(permission, nil)
}
