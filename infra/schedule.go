package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"

	"mci.example/customers/shared/platform"
)

// addSchedule runs the sweep. A sweep that could not be started is tried again only until the next is due; one that
// failed is kept as a dead letter. Sweeps may overlap, so the function's concurrency stays unreserved.
func (s *system) addSchedule() {
	function := s.functions[platform.Schedule.Function]
	undelivered := s.addDeadLetters("sweep-undelivered", "Sweeps that the scheduler could not start")
	group := awsscheduler.NewCfnScheduleGroup(s.stack, str("Schedules"),
		&awsscheduler.CfnScheduleGroupProps{Name: str(s.name(""))})
	role := awsiam.NewCfnRole(s.stack, str("ScheduleRole"), &awsiam.CfnRoleProps{
		Description:              str("What the scheduler may do"),
		AssumeRolePolicyDocument: s.trust("scheduler.amazonaws.com"),
		Policies: &[]any{&awsiam.CfnRole_PolicyProperty{
			PolicyName: str("sweep"),
			PolicyDocument: document(
				allow([]string{"lambda:InvokeFunction"}, function.AttrArn()),
				allow([]string{"sqs:SendMessage"}, undelivered.AttrArn()),
			),
		}},
	})
	minutes := int(platform.Schedule.Rate.Minutes())
	awsscheduler.NewCfnSchedule(s.stack, str("Sweep"), &awsscheduler.CfnScheduleProps{
		Name:               str(s.name("sweep")),
		GroupName:          group.Ref(),
		Description:        str("Writes down the expiry of claims past their deadline"),
		ScheduleExpression: str(fmt.Sprintf("rate(%d minutes)", minutes)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: str("OFF")},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:              function.AttrArn(),
			RoleArn:          role.AttrArn(),
			Input:            str("{}"),
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: undelivered.AttrArn()},
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: num(60 * minutes), MaximumRetryAttempts: num(3),
			},
		},
	})
	s.catchFailures(platform.Schedule.Function, "Sweeps that failed")
}
