package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"mci.example/customers/shared/platform"
)

// Short names for what every resource is written with.
var (
	str  = jsii.String
	strs = jsii.Strings
	num  = func(n int) *float64 { return jsii.Number(n) }
	yes  = jsii.Bool(true)
	no   = jsii.Bool(false)
)

// system is the stack while it is being put together: what one concern makes and another refers to.
type system struct {
	Settings
	stack     awscdk.Stack
	assets    string // the folder of the functions' zips
	key       awskms.CfnKey
	table     table
	api       awsapigatewayv2.CfnApi
	issuer    tokenIssuer
	mail      mailer
	bus       awsevents.CfnEventBus
	functions map[string]function
	queues    []deadLetters
	rules     [][]any  // the dimensions of the metrics of rules that send dead letters
	async     []string // functions that send dead letters
	alarmArns []*string

	receiptKeys         []*string // their ARNs
	numberedReceiptKeys *string   // the same as functions read them
}

// newStack adds to the app the whole system as one stack. The folder assets holds a zip for every function.
func newStack(app awscdk.App, settings Settings, assets string) (awscdk.Stack, error) {
	s := &system{Settings: settings, assets: assets, functions: map[string]function{}}
	s.stack = awscdk.NewStack(app, str(s.name("")), &awscdk.StackProps{
		Description:           str("Customers of MCI engagements: nominating, consent, claims and referrals"),
		TerminationProtection: jsii.Bool(s.Stage == Prod),
	})
	awscdk.Tags_Of(s.stack).Add(str("system"), str("mci-customers"), nil)
	awscdk.Tags_Of(s.stack).Add(str("stage"), str(string(s.Stage)), nil)

	s.addKey()
	s.addTable()
	s.addAPI()
	s.addIdentity()
	s.addMail()
	if err := s.addFunctions(); err != nil {
		return nil, err
	}
	s.addRoutes()
	s.addMailEvents()
	s.addStream()
	s.addDomainEvents()
	if _, listed := s.functions[platform.Notices.Function]; listed {
		s.addNotices()
	}
	s.addSchedule()
	s.addAlarms()
	s.addDashboard()
	return s.stack, nil
}

// name is the name of a resource of this stage: mci-customers-dev-sweep.
func (s *system) name(suffix string) string {
	name := "mci-customers-" + string(s.Stage)
	if suffix != "" {
		name += "-" + suffix
	}
	return name
}

// retain keeps a resource that holds data when production's stack lets go of it, unless it was just being created.
func (s *system) retain(resource awscdk.CfnResource) {
	policy := awscdk.RemovalPolicy_DESTROY
	if s.Stage == Prod {
		policy = awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	resource.ApplyRemovalPolicy(policy, &awscdk.RemovalPolicyOptions{ApplyToUpdateReplacePolicy: yes})
}

// arn names a resource of this account and region.
func (s *system) arn(service, resource string) *string {
	return str("arn:" + *s.stack.Partition() + ":" + service + ":" + *s.stack.Region() + ":" + *s.stack.Account() +
		":" + resource)
}

func (s *system) output(name, meaning string, value *string) {
	awscdk.NewCfnOutput(s.stack, str(name), &awscdk.CfnOutputProps{Description: str(meaning), Value: value})
}

// logGroup makes a log group: encrypted with our key, and kept for as long as an incident may be looked into.
func (s *system) logGroup(id, name string) awslogs.CfnLogGroup {
	group := awslogs.NewCfnLogGroup(s.stack, str(id), &awslogs.CfnLogGroupProps{
		LogGroupName:    str(name),
		KmsKeyId:        s.key.AttrArn(),
		RetentionInDays: num(map[Stage]int{Dev: 14, Prod: 90}[s.Stage]),
	})
	s.retain(group)
	return group
}

// document is an IAM policy document of the statements.
func document(statements ...map[string]any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

func allow(actions []string, resources ...*string) map[string]any {
	return map[string]any{"Effect": "Allow", "Action": actions, "Resource": resources}
}

// trust lets an AWS service take a role, and only on behalf of this account.
func (s *system) trust(service string) map[string]any {
	return document(map[string]any{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": service},
		"Condition": map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": s.stack.Account()}},
	})
}

// overTLS denies a queue or topic to whoever does not encrypt the way to it.
func overTLS(action string, resource *string) map[string]any {
	return map[string]any{
		"Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource,
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
}

// accept tells cdk-nag why a finding on a resource is as it should be.
func accept(resource any, id, reason string, appliesTo ...any) {
	suppression := &cdknag.NagPackSuppression{Id: str(id), Reason: str(reason)}
	if len(appliesTo) > 0 {
		suppression.AppliesTo = &appliesTo
	}
	cdknag.NagSuppressions_AddResourceSuppressions(resource, &[]*cdknag.NagPackSuppression{suppression}, nil)
}

// synthesise writes the stack's template, with the zips of the folder assets beside it, into a folder that is the
// CDK's own choice where none is named. It returns what was written, or an error that lists every finding of the
// checks: those of cdk-nag and those of the CDK on CloudFormation templates.
func synthesise(settings Settings, assets string, outdir *string) (cxapi.CloudFormationStackArtifact, error) {
	app := newApp(outdir)
	stack, err := newStack(app, settings, assets)
	if err != nil {
		return nil, err
	}
	made := app.Synth(nil).GetStackByName(stack.StackName())
	return made, findings(made)
}

// newApp returns an app with every check switched on, and nothing in it that depends on the machine.
func newApp(outdir *string) awscdk.App {
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir:             outdir,
		AnalyticsReporting: no,
		TreeMetadata:       no,
		PostCliContext:     &map[string]any{"@aws-cdk/core:validateAgainstDefaultRules": true},
	})
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: yes}), nil)
	return app
}

// findings is an error that lists whatever the checks say of a stack, from warnings on.
func findings(made cxapi.CloudFormationStackArtifact) error {
	var found []error
	for _, message := range *made.Messages() {
		//lint:ignore SA1019 the type's new home is no package of the CDK's Go module
		line := fmt.Sprintf("%s at %s: %v", message.Level, *message.Id, message.Entry.Data)
		if !strings.HasPrefix(line, "INFO") {
			found = append(found, errors.New(line))
		}
	}
	return errors.Join(found...)
}
