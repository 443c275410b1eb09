package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"

	"mci.example/customers/shared/platform"
)

// function is a Lambda function of the stack with its role.
type function struct {
	platform.Function
	awslambda.CfnFunction
	role awsiam.CfnRole
	logs awslogs.CfnLogGroup
}

// addFunctions makes every function that the application declares, each with a role that may do what its code calls.
func (s *system) addFunctions() error {
	for _, declared := range platform.Functions {
		s.addRole(declared)
	}
	s.addReceiptKeys()
	for _, declared := range platform.Functions {
		if err := s.addFunction(declared); err != nil {
			return err
		}
	}
	return nil
}

// addRole makes the function's log group, and its role: to write there and to do what the function's code calls.
func (s *system) addRole(declared platform.Function) {
	id := pascal(declared.Name)
	logs := s.logGroup(id+"Logs", "/"+s.name("")+"/"+declared.Name)
	policies := []any{&awsiam.CfnRole_PolicyProperty{
		PolicyName: str("runtime"),
		PolicyDocument: document(
			allow([]string{"logs:CreateLogStream", "logs:PutLogEvents"}, logs.AttrArn()),
			allow([]string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, str("*")),
		),
	}}
	if calls := s.calls(declared.Name); len(calls) > 0 {
		policies = append(policies, &awsiam.CfnRole_PolicyProperty{PolicyName: str("calls"),
			PolicyDocument: document(calls...)})
	}
	role := awsiam.NewCfnRole(s.stack, str(id+"Role"), &awsiam.CfnRoleProps{
		Description: str("What function " + declared.Name + " may do"),
		AssumeRolePolicyDocument: document(map[string]any{
			"Effect": "Allow", "Action": "sts:AssumeRole",
			"Principal": map[string]any{"Service": "lambda.amazonaws.com"},
		}),
		Policies: &policies,
	})
	accept(role, "AwsSolutions-IAM5", "X-Ray's two writing actions take no resource", "Resource::*")
	s.functions[declared.Name] = function{Function: declared, role: role, logs: logs}
}

func (s *system) addFunction(declared platform.Function) error {
	id, role, logs := pascal(declared.Name), s.functions[declared.Name].role, s.functions[declared.Name].logs
	zip := filepath.Join(s.assets, declared.Name+".zip")
	if _, err := os.Stat(zip); err != nil {
		return fmt.Errorf("finding the zip of function %s, which make build makes: %w", declared.Name, err)
	}
	environment, err := s.environment(declared)
	if err != nil {
		return err
	}
	if slices.Contains(platform.Permissions[declared.Name], platform.GetPublicKey) {
		s.permit(role, id+"Receipts", "receipts", allow([]string{platform.GetPublicKey}, s.receiptKeys...))
	}
	code := awss3assets.NewAsset(s.stack, str(id+"Code"), &awss3assets.AssetProps{Path: str(zip)})
	made := awslambda.NewCfnFunction(s.stack, str(id), &awslambda.CfnFunctionProps{
		FunctionName:  str(s.name(declared.Name)),
		Description:   str("functions/" + declared.Name),
		Runtime:       str("provided.al2023"),
		Architectures: strs("arm64"),
		Handler:       str("bootstrap"),
		Code: &awslambda.CfnFunction_CodeProperty{
			S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey(),
		},
		Role:          role.AttrArn(),
		MemorySize:    num(declared.MemoryMB),
		Timeout:       num(int(declared.Timeout.Seconds())),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: &environment},
		TracingConfig: &awslambda.CfnFunction_TracingConfigProperty{Mode: str("Active")},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogFormat: str("JSON"), LogGroup: logs.Ref()},
	})
	s.functions[declared.Name] = function{declared, made, role, logs}
	return nil
}

// environment is what the function reads, and nothing else: never what only the one-machine cloud sets.
func (s *system) environment(declared platform.Function) (map[string]*string, error) {
	values := map[string]*string{
		platform.TableName:        s.table.name,
		platform.PartnerClaim:     str(s.PartnerClaim),
		platform.RolesClaim:       str(s.RolesClaim),
		platform.Sender:           str(s.Sender),
		platform.ConfigurationSet: s.mail.configurationSet,
		platform.PublicURL:        s.publicURL(),
		platform.Stage:            str(string(s.Stage)),
		platform.ReceiptKeys:      s.numberedReceiptKeys,
		platform.OIDCIssuer:       s.issuer.url,
		platform.OIDCClientID:     s.issuer.audience,
		platform.SignOutURL:       s.issuer.signOut,
		platform.MailsPerPartner:  str(s.MailsPerPartnerPerDay),
		platform.RetentionMonths:  str(s.RetentionMonths),
	}
	environment := map[string]*string{}
	for _, name := range declared.Environment {
		value := values[name]
		if value == nil {
			return nil, fmt.Errorf("function %s reads %s, for which the stack has no value", declared.Name, name)
		}
		if *value != "" { // Lambda takes no empty variables; without it the function reads the same
			environment[name] = value
		}
	}
	return environment, nil
}

// calls are the policy statements for exactly the actions that the function's code calls: those of DynamoDB on the
// table, queries on its indexes too, writes in its partitions alone where it is limited to some; those of SES on our
// identity and configuration set, in our sender's name.
func (s *system) calls(name string) []map[string]any {
	var table, queries, writes, mail []string
	keys := platform.LeadingKeys[name]
	for _, action := range platform.Permissions[name] {
		switch {
		case strings.HasPrefix(action, "kms:"): // by the keys' own policies, and addFunction
		case strings.HasPrefix(action, "ses:"):
			mail = append(mail, action)
		case action == "dynamodb:Query":
			queries = append(queries, action)
		case len(keys) > 0 && slices.Contains(platform.Writes, action):
			writes = append(writes, action)
		default:
			table = append(table, action)
		}
	}
	var statements []map[string]any
	if len(table) > 0 {
		statements = append(statements, allow(table, s.table.arn))
	}
	if len(queries) > 0 {
		statements = append(statements, allow(queries, append(s.table.indexes(), s.table.arn)...))
	}
	if len(writes) > 0 {
		statement := allow(writes, s.table.arn)
		statement["Condition"] = map[string]any{
			"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": keys},
			"Null":                    map[string]any{"dynamodb:LeadingKeys": "false"}, // or no key at all would do
		}
		statements = append(statements, statement)
	}
	if len(mail) > 0 {
		statement := allow(mail, s.mail.identityArn, s.mail.configurationSetArn)
		statement["Condition"] = map[string]any{"StringEquals": map[string]any{"ses:FromAddress": s.Sender}}
		statements = append(statements, statement)
	}
	return statements
}

// permit gives a role one more policy, for what is made after its function.
func (s *system) permit(role awsiam.CfnRole, id, name string, statements ...map[string]any) awsiam.CfnPolicy {
	return awsiam.NewCfnPolicy(s.stack, str(id), &awsiam.CfnPolicyProps{
		Roles: &[]*string{role.Ref()}, PolicyName: str(name), PolicyDocument: document(statements...),
	})
}

// invocable lets an AWS service call the function on behalf of one source, whose ARN names this account.
func (s *system) invocable(id, name, service string, source *string) {
	awslambda.NewCfnPermission(s.stack, str(id), &awslambda.CfnPermissionProps{
		Action:       str("lambda:InvokeFunction"),
		FunctionName: s.functions[name].AttrArn(),
		Principal:    str(service),
		SourceArn:    source,
	})
}

// pascal turns a folder's name into a logical ID: add-customer is AddCustomer.
func pascal(name string) string {
	var id strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}
