package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	schema "mci.example/customers/shared/table"
)

func TestRoutesAreTheRouteTable(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		got := map[string]string{}
		for _, route := range stack.of("AWS::ApiGatewayV2::Route") {
			integration := stack.target(strings.TrimPrefix(route.say("Target"), "integrations/"))
			integration.is(t, "2.0", "PayloadFormatVersion")
			integration.is(t, "AWS_PROXY", "IntegrationType")
			got[route.say("RouteKey")] = stack.target(integration.get("IntegrationUri")).say("Description")
		}
		want := map[string]string{}
		for _, route := range rest.GatewayRoutes() {
			want[route.Key()] = "functions/" + route.Function
		}
		if !maps.Equal(got, want) {
			t.Errorf("routes lead to\n%v, want\n%v", got, want)
		}
	})
}

func TestOnlyPublicRoutesGoWithoutToken(t *testing.T) {
	public := map[string]bool{}
	for _, route := range rest.GatewayRoutes() {
		public[route.Key()] = route.Public()
	}
	templates(t, func(t *testing.T, stack *template) {
		authorizer := stack.one(t, "AWS::ApiGatewayV2::Authorizer")
		authorizer.is(t, "JWT", "AuthorizerType")
		for _, route := range stack.of("AWS::ApiGatewayV2::Route") {
			key := route.say("RouteKey")
			switch open := route.say("AuthorizationType") == "NONE" && route.get("AuthorizerId") == nil; {
			case open != public[key]:
				t.Errorf("route %s: open is %v, want %v", key, open, public[key])
			case !open && (route.say("AuthorizationType") != "JWT" ||
				stack.target(route.get("AuthorizerId")) != authorizer):
				t.Errorf("route %s has no authorizer", key)
			}
		}
	})
}

func TestTokensOfTheIssuerAlone(t *testing.T) {
	own := prodTemplate(t).one(t, "AWS::ApiGatewayV2::Authorizer")
	own.is(t, "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}", "JwtConfiguration", "Issuer")
	own.is(t, "${PortalClient}", "JwtConfiguration", "Audience", 0)
	foreign := allTemplate(t).one(t, "AWS::ApiGatewayV2::Authorizer")
	foreign.is(t, settingOf(all, "issuer"), "JwtConfiguration", "Issuer")
	foreign.is(t, settingOf(all, "audience"), "JwtConfiguration", "Audience", 0)
	for id, resource := range allTemplate(t).Resources {
		if strings.HasPrefix(resource.Type, "AWS::Cognito") {
			t.Errorf("%s is made though another issuer is set", id)
		}
	}
}

func TestBrowsersCallFromOneOtherPortalIfAny(t *testing.T) {
	for origin, stack := range map[string]*template{"http://localhost:3000": devTemplate(t),
		settingOf(all, "portalOrigin"): allTemplate(t)} {
		api := stack.one(t, "AWS::ApiGatewayV2::Api")
		same(t, "origins", texts(api.get("CorsConfiguration", "AllowOrigins")), []string{origin})
		api.is(t, nil, "CorsConfiguration", "AllowCredentials")
		var methods []string
		for _, route := range rest.Routes {
			if !slices.Contains(methods, route.Method) {
				methods = append(methods, route.Method)
			}
		}
		same(t, "methods", texts(api.get("CorsConfiguration", "AllowMethods")), methods)
	}
	prodTemplate(t).one(t, "AWS::ApiGatewayV2::Api").is(t, nil, "CorsConfiguration")
}

func TestStageIsLimitedAndLogged(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		stage := stack.one(t, "AWS::ApiGatewayV2::Stage")
		general, _ := stage.get("DefaultRouteSettings", "ThrottlingRateLimit").(float64)
		if general <= 0 {
			t.Errorf("the API has no limit")
		}
		for _, route := range rest.GatewayRoutes() {
			limit, _ := stage.get("RouteSettings", route.Key(), "ThrottlingRateLimit").(float64)
			if route.Public() && (limit <= 0 || limit >= general) {
				t.Errorf("public route %s has the limit %v beside the general %v", route.Key(), limit, general)
			}
		}
		var line map[string]string
		if err := json.Unmarshal([]byte(stage.say("AccessLogSettings", "Format")), &line); err != nil {
			t.Fatalf("the access log's format is no JSON: %v", err)
		}
		if line["routeKey"] != "$context.routeKey" {
			t.Errorf("the access log names the route by %q", line["routeKey"])
		}
		if line["subject"] != "$context.authorizer.claims.sub" {
			t.Errorf("the access log names the caller by %q", line["subject"])
		}
		delete(line, "subject")
		for _, value := range line {
			for _, secret := range []string{"path", "sourceIp", "userAgent", "authorizer.claims", "identity",
				"domain"} {
				if strings.Contains(value, secret) {
					t.Errorf("the access log holds %s", value)
				}
			}
		}
		if stack.target(stage.get("AccessLogSettings", "DestinationArn")).Type != "AWS::Logs::LogGroup" {
			t.Error("the access log goes to no log group of the stack")
		}
	})
}

func TestDomain(t *testing.T) {
	api := allTemplate(t).one(t, "AWS::ApiGatewayV2::Api")
	api.is(t, true, "DisableExecuteApiEndpoint")
	domain := allTemplate(t).one(t, "AWS::ApiGatewayV2::DomainName")
	domain.is(t, settingOf(all, "domain"), "DomainName")
	domain.is(t, settingOf(all, "certificate"), "DomainNameConfigurations", 0, "CertificateArn")
	allTemplate(t).one(t, "AWS::ApiGatewayV2::ApiMapping")
	environment(t, allTemplate(t), "send-consent").is(t, "https://mci.contoso.com", platform.PublicURL)
	environment(t, prodTemplate(t), "send-consent").is(t, "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}",
		platform.PublicURL)
	if found := prodTemplate(t).of("AWS::ApiGatewayV2::DomainName"); len(found) > 0 {
		t.Errorf("a domain is made that nobody set")
	}
}

func TestEveryFunctionIsAFolder(t *testing.T) {
	var declared, folders []string
	for _, function := range platform.Functions {
		declared = append(declared, function.Name)
	}
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, main := range mains {
		folders = append(folders, filepath.Base(filepath.Dir(main)))
	}
	same(t, "folders of functions/", folders, declared)
	templates(t, func(t *testing.T, stack *template) {
		var deployed []string
		for _, function := range stack.of("AWS::Lambda::Function") {
			deployed = append(deployed, strings.TrimPrefix(function.say("Description"), "functions/"))
		}
		same(t, "functions of the stack", deployed, declared)
	})
}

// deployed is the function of a name.
func deployed(t *testing.T, stack *template, name string) *resource {
	t.Helper()
	for _, function := range stack.of("AWS::Lambda::Function") {
		if function.say("Description") == "functions/"+name {
			return function
		}
	}
	t.Fatalf("function %s is not in the stack", name)
	return nil
}

// environment is a function's environment, to look into as into a resource.
func environment(t *testing.T, stack *template, name string) *resource {
	t.Helper()
	variables, _ := deployed(t, stack, name).get("Environment", "Variables").(map[string]any)
	return &resource{id: name, Properties: variables}
}

func TestFunctionsRunAsDeclared(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		roles, logs := map[string]bool{}, map[string]bool{}
		for _, declared := range platform.Functions {
			function := deployed(t, stack, declared.Name)
			function.is(t, declared.MemoryMB, "MemorySize")
			function.is(t, declared.Timeout.Seconds(), "Timeout")
			function.is(t, "provided.al2023", "Runtime")
			same(t, "architectures", texts(function.get("Architectures")), []string{"arm64"})
			function.is(t, "Active", "TracingConfig", "Mode")
			function.is(t, "JSON", "LoggingConfig", "LogFormat")
			function.is(t, nil, "ReservedConcurrentExecutions")
			roles[function.say("Role")], logs[function.say("LoggingConfig", "LogGroup")] = true, true
			if stack.target(function.get("LoggingConfig", "LogGroup")).Type != "AWS::Logs::LogGroup" {
				t.Errorf("%s logs elsewhere", declared.Name)
			}
			given := environment(t, stack, declared.Name).Properties
			want := slices.DeleteFunc(slices.Clone(declared.Environment), func(name string) bool {
				// none says something
				return given[name] == nil && (name == platform.SignOutURL || name == platform.RetentionMonths)
			})
			same(t, "environment of "+declared.Name, slices.Collect(maps.Keys(given)), want)
			for name := range given {
				if environment(t, stack, declared.Name).say(name) == "" {
					t.Errorf("%s reads %s, which is empty", declared.Name, name)
				}
			}
		}
		if len(roles) != len(platform.Functions) || len(logs) != len(platform.Functions) {
			t.Errorf("%d functions share %d roles and %d log groups", len(platform.Functions), len(roles), len(logs))
		}
	})
}

func TestNothingOfTheOneMachineCloud(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		for _, forbidden := range []string{platform.ClockOffset, "ENDPOINT", "127.0.0.1", "0.0.0.0", "AWS_ACCESS_KEY",
			"/local/"} {
			if strings.Contains(stack.text, forbidden) {
				t.Errorf("the template holds %s", forbidden)
			}
		}
		for _, function := range stack.of("AWS::Lambda::Function") {
			if strings.Contains(function.say("Environment"), "localhost") {
				t.Errorf("%s reads of localhost", function.id)
			}
		}
	})
	if strings.Contains(prodTemplate(t).text, "localhost") {
		t.Error("production's template holds localhost")
	}
}

// statements are all policy statements of a role, in its own policies and those attached to it, by policy name.
func statements(stack *template, role *resource) map[string][]map[string]any {
	found := map[string][]map[string]any{}
	add := func(name string, document any) {
		for _, statement := range list(at(document, "Statement")) {
			found[name] = append(found[name], statement.(map[string]any))
		}
	}
	for _, policy := range list(role.get("Policies")) {
		add(said(at(policy, "PolicyName")), at(policy, "PolicyDocument"))
	}
	for _, policy := range stack.of("AWS::IAM::Policy") {
		for _, of := range list(policy.get("Roles")) {
			if stack.target(of) == role {
				add(policy.say("PolicyName"), policy.get("PolicyDocument"))
			}
		}
	}
	return found
}

func TestFunctionsMayDoExactlyWhatTheyCall(t *testing.T) {
	for name := range platform.Permissions {
		if !slices.ContainsFunc(platform.Functions, func(function platform.Function) bool {
			return function.Name == name
		}) {
			t.Errorf("permissions are declared for %s, which is no function", name)
		}
	}
	templates(t, func(t *testing.T, stack *template) {
		table := environment(t, stack, "add-customer").say(platform.TableName)
		tableArn := "${Table.Arn}"
		if table == "restored" {
			tableArn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/restored"
		}
		tables := []string{tableArn}
		for _, index := range schema.Indexes {
			tables = append(tables, tableArn+"/index/"+index.Name)
		}
		arn := "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:"
		mail := []string{arn + "identity/${Identity}", arn + "configuration-set/${ConfigurationSet}"}
		for _, declared := range platform.Functions {
			var actions []string
			given := statements(stack, stack.target(deployed(t, stack, declared.Name).get("Role")))
			for _, statement := range append(given["calls"], given["receipts"]...) {
				if statement["Effect"] != "Allow" {
					t.Errorf("%s: effect %v", declared.Name, statement["Effect"])
				}
				for _, action := range texts(statement["Action"]) {
					actions = append(actions, action)
					switch resources := texts(statement["Resource"]); {
					case action == platform.GetPublicKey:
						same(t, declared.Name+" reads the keys", resources, receiptKeys(stack))
					case strings.HasPrefix(action, "ses:"):
						same(t, declared.Name+" sends as", resources, mail)
						if said(at(statement, "Condition", "StringEquals", "ses:FromAddress")) == "" {
							t.Errorf("%s sends in anyone's name", declared.Name)
						}
					case action == "dynamodb:Query":
						same(t, declared.Name+" queries", resources, tables)
					default:
						same(t, declared.Name+" works on", resources, tables[:1])
						if keys := platform.LeadingKeys[declared.Name]; len(keys) > 0 &&
							slices.Contains(platform.Writes, action) {
							same(t, declared.Name+" writes to",
								texts(at(statement, "Condition", "ForAllValues:StringLike", "dynamodb:LeadingKeys")),
								keys)
						}
					}
				}
			}
			byKeyPolicy := func(action string) bool { return action == platform.Sign } // see TestTheSignerAloneSigns
			same(t, "actions of "+declared.Name, actions,
				slices.DeleteFunc(slices.Clone(platform.Permissions[declared.Name]), byKeyPolicy))
		}
	})
}

// receiptKeys are the ARNs of the keys of receipts.
func receiptKeys(stack *template) []string {
	var arns []string
	for _, key := range stack.of("AWS::KMS::Key") {
		if key.say("KeyUsage") == "SIGN_VERIFY" {
			arns = append(arns, "${"+key.id+".Arn}")
		}
	}
	return arns
}

func TestTheSignerAloneSigns(t *testing.T) {
	for name, actions := range platform.Permissions {
		if slices.Contains(actions, platform.Sign) && name != signer {
			t.Errorf("%s calls kms:Sign, and only %s may", name, signer)
		}
	}
	for stack, numbers := range map[*template]int{devTemplate(t): 1, prodTemplate(t): 1, allTemplate(t): 2} {
		if keys := receiptKeys(stack); len(keys) != numbers {
			t.Errorf("%d keys were numbered, and there are %q", numbers, keys)
		}
		role := said(deployed(t, stack, signer).get("Role"))
		for number := range numbers {
			key := stack.Resources[fmt.Sprint("ReceiptKey", number+1)]
			key.is(t, "ECC_NIST_P256", "KeySpec")
			key.is(t, map[bool]int{true: 7, false: 30}[stack == devTemplate(t)], "PendingWindowInDays")
			signs, denied := []string{}, false
			for _, statement := range list(key.get("KeyPolicy", "Statement")) {
				who, actions := said(at(statement, "Principal", "AWS")), texts(at(statement, "Action"))
				if said(at(statement, "Effect")) == "Deny" {
					denied = denied || who == "*" && slices.Contains(actions, "kms:Sign") &&
						said(at(statement, "Condition", "ArnNotEquals", "aws:PrincipalArn")) == role
					continue
				}
				for _, action := range actions {
					switch {
					case action == "kms:Sign":
						signs = append(signs, who)
					case strings.Contains(action, "*"), action == "kms:CreateGrant":
						t.Errorf("%s allows %s to %s", key.id, action, who)
					case action == "kms:PutKeyPolicy" && !strings.Contains(who, "cfn-exec-role"):
						t.Errorf("%s is administered by %s", key.id, who)
					}
				}
			}
			if !denied || !slices.Equal(signs, []string{role}) {
				t.Errorf("%s is signed with by %q, and denied to all others: %v", key.id, signs, denied)
			}
		}
	}
}

// TestReceiptKeysAreNumbered holds what functions read: every key that the stack has, by its number, the last one last.
func TestReceiptKeysAreNumbered(t *testing.T) {
	for stack, want := range map[*template]string{
		prodTemplate(t): "1=${ReceiptKey1.Arn}", allTemplate(t): "1=${ReceiptKey1.Arn},2=${ReceiptKey2.Arn}",
	} {
		for _, function := range platform.Functions {
			if slices.Contains(function.Environment, platform.ReceiptKeys) {
				environment(t, stack, function.Name).is(t, want, platform.ReceiptKeys)
			}
		}
	}
}

// TestThePortalMayDoNothing holds B5: all that the portal does, it does by the API, with its user's token.
func TestThePortalMayDoNothing(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		portal := deployed(t, stack, "portal")
		for name := range statements(stack, stack.target(portal.get("Role"))) {
			if name != "runtime" {
				t.Errorf("the portal's role has the policy %s", name)
			}
		}
		authorizer := stack.one(t, "AWS::ApiGatewayV2::Authorizer")
		environment(t, stack, "portal").is(t, authorizer.say("JwtConfiguration", "Issuer"), platform.OIDCIssuer)
		environment(t, stack, "portal").is(t, authorizer.say("JwtConfiguration", "Audience", 0), platform.OIDCClientID)
	})
	environment(t, prodTemplate(t), "portal").is(t, "https://${SignIn}.auth.${AWS::Region}.amazoncognito.com/logout",
		platform.SignOutURL)
	environment(t, allTemplate(t), "portal").is(t, nil, platform.SignOutURL)
}

func TestNoWildcards(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		for _, role := range stack.of("AWS::IAM::Role") {
			if managed := role.get("ManagedPolicyArns"); managed != nil {
				t.Errorf("%s has policies of AWS's making: %v", role.id, managed)
			}
			for name, policy := range statements(stack, role) {
				for _, statement := range policy {
					for _, action := range texts(statement["Action"]) {
						if strings.Contains(action, "*") {
							t.Errorf("%s %s: action %s", role.id, name, action)
						}
						for _, resource := range texts(statement["Resource"]) {
							if strings.Contains(resource, "*") && !strings.HasPrefix(action, "xray:") {
								t.Errorf("%s %s: %s on %s", role.id, name, action, resource)
							}
						}
					}
				}
			}
		}
	})
}

func TestServicesActForThisAccountAlone(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		for _, permission := range stack.of("AWS::Lambda::Permission") {
			if source := permission.say("SourceArn"); !strings.HasSuffix(source, ".Arn}") && !strings.Contains(source,
				":${AWS::AccountId}:") {
				t.Errorf("%s lets anyone's %s call", permission.id, permission.say("Principal"))
			}
		}
		for _, role := range stack.of("AWS::IAM::Role") {
			trust := said(role.get("AssumeRolePolicyDocument"))
			if !strings.Contains(trust, "lambda.amazonaws.com") && !strings.Contains(trust, "aws:SourceAccount") {
				t.Errorf("%s trusts on behalf of any account", role.id)
			}
		}
	})
}

func TestQueuesTopicsAndLogsAreEncryptedAndBounded(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		key := stack.Resources["Key"]
		key.is(t, true, "EnableKeyRotation")
		for _, queue := range stack.of("AWS::SQS::Queue") {
			queue.is(t, true, "SqsManagedSseEnabled")
			queue.is(t, 14*24*3600, "MessageRetentionPeriod")
		}
		for _, topic := range stack.of("AWS::SNS::Topic") {
			if stack.target(topic.get("KmsMasterKeyId")) != key {
				t.Errorf("topic %s is not encrypted with our key", topic.id)
			}
		}
		for _, logs := range stack.of("AWS::Logs::LogGroup") {
			if days, _ := logs.get("RetentionInDays").(float64); days <= 0 || days > 90 {
				t.Errorf("log group %s is kept for %v days", logs.id, days)
			}
			if stack.target(logs.get("KmsKeyId")) != key {
				t.Errorf("log group %s is not encrypted with our key", logs.id)
			}
		}
		// Each is reached over TLS alone, and has one policy: a second would replace the first.
		for kind, field := range map[string][2]string{"AWS::SQS::Queue": {"AWS::SQS::QueuePolicy", "Queues"},
			"AWS::SNS::Topic": {"AWS::SNS::TopicPolicy", "Topics"}} {
			for _, resource := range stack.of(kind) {
				var policies []string
				for _, policy := range stack.of(field[0]) {
					if stack.target(policy.get(field[1], 0)) == resource {
						policies = append(policies, policy.say("PolicyDocument"))
					}
				}
				if len(policies) != 1 || !strings.Contains(policies[0], `"Effect":"Deny"`) ||
					!strings.Contains(policies[0], "aws:SecureTransport") {
					t.Errorf("%s has the policies %v", resource.id, policies)
				}
			}
		}
	})
}

// asynchronous are the paths on which nobody waits for an answer: the kind of resource, and where it names its queue.
var asynchronous = map[string][]any{
	"AWS::Events::Rule":               {"Targets", 0, "DeadLetterConfig", "Arn"},
	"AWS::Lambda::EventSourceMapping": {"DestinationConfig", "OnFailure", "Destination"},
	"AWS::Lambda::EventInvokeConfig":  {"DestinationConfig", "OnFailure", "Destination"},
	"AWS::Scheduler::Schedule":        {"Target", "DeadLetterConfig", "Arn"},
	"AWS::Pipes::Pipe":                {"SourceParameters", "DynamoDBStreamParameters", "DeadLetterConfig", "Arn"},
}

func TestEveryAsynchronousPathEndsInDeadLettersWithAnAlarm(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		alarmed := map[string]bool{}
		for _, alarm := range stack.of("AWS::CloudWatch::Alarm") {
			for _, query := range list(alarm.get("Metrics")) {
				if said(at(query, "MetricStat", "Metric", "MetricName")) == "ApproximateNumberOfMessagesVisible" {
					alarmed[said(at(query, "MetricStat", "Metric", "Dimensions", 0, "Value"))] = true
				}
			}
		}
		used := map[string]bool{}
		for kind, path := range asynchronous {
			if len(stack.of(kind)) == 0 {
				t.Errorf("there is no %s", kind)
			}
			for _, resource := range stack.of(kind) {
				queue := stack.target(resource.get(path...))
				switch {
				case queue == nil || queue.Type != "AWS::SQS::Queue":
					t.Errorf("%s has no dead letters", resource.id)
				case used[queue.id]:
					t.Errorf("%s shares the dead letters %s", resource.id, queue.id)
				case !alarmed["${"+queue.id+".QueueName}"]:
					t.Errorf("nobody is told of dead letters in %s", queue.id)
				default:
					used[queue.id] = true
				}
			}
		}
		if len(used) != len(stack.of("AWS::SQS::Queue")) {
			t.Errorf("of %d queues %d are used", len(stack.of("AWS::SQS::Queue")), len(used))
		}
		// Whoever is called asynchronously can fail after it was called, too.
		caught := map[*resource]bool{}
		for _, config := range stack.of("AWS::Lambda::EventInvokeConfig") {
			caught[stack.target(config.get("FunctionName"))] = true
			if retries, _ := config.get("MaximumRetryAttempts").(float64); retries < 1 {
				t.Errorf("%s is not tried again", config.id)
			}
		}
		asynchronously := []any{stack.one(t, "AWS::Scheduler::Schedule").get("Target", "Arn")}
		for _, rule := range stack.of("AWS::Events::Rule") {
			if target := rule.get("Targets", 0, "Arn"); stack.target(target).Type == "AWS::Lambda::Function" {
				asynchronously = append(asynchronously, target)
			}
		}
		for _, called := range asynchronously {
			if !caught[stack.target(called)] {
				t.Errorf("%s has no on-failure destination", said(called))
			}
		}
	})
}

// TestSendersToDeadLettersMay looks for the permission of every sender: without it, a dead letter is silently lost.
func TestSendersToDeadLettersMay(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		may := func(role any, queue *resource) bool {
			for _, policy := range statements(stack, stack.target(role)) {
				for _, statement := range policy {
					if slices.Contains(texts(statement["Action"]), "sqs:SendMessage") &&
						slices.Contains(texts(statement["Resource"]), "${"+queue.id+".Arn}") {
						return true
					}
				}
			}
			return false
		}
		roleOf := map[string]func(*resource) any{
			"AWS::Lambda::EventSourceMapping": func(r *resource) any {
				return stack.target(r.get("FunctionName")).get("Role")
			},
			"AWS::Lambda::EventInvokeConfig": func(r *resource) any {
				return stack.target(r.get("FunctionName")).get("Role")
			},
			"AWS::Scheduler::Schedule": func(r *resource) any { return r.get("Target", "RoleArn") },
			"AWS::Pipes::Pipe":         func(r *resource) any { return r.get("RoleArn") },
		}
		for kind, role := range roleOf {
			for _, resource := range stack.of(kind) {
				if queue := stack.target(resource.get(asynchronous[kind]...)); !may(role(resource), queue) {
					t.Errorf("%s may not send to %s", resource.id, queue.id)
				}
			}
		}
		for _, rule := range stack.of("AWS::Events::Rule") {
			queue := stack.target(rule.get(asynchronous[rule.Type]...))
			name := rule.say("Name")
			if bus := stack.target(rule.get("EventBusName")); bus != nil {
				name = bus.say("Name") + "/" + name
			}
			for _, policy := range stack.of("AWS::SQS::QueuePolicy") {
				if stack.target(policy.get("Queues", 0)) == queue && !strings.Contains(policy.say("PolicyDocument"),
					":rule/"+name+
						`"`) {
					t.Errorf("%s does not let %s in: %s", queue.id, rule.id, policy.say("PolicyDocument"))
				}
			}
		}
	})
}

func TestAlarmsReachSomeone(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		topic := stack.one(t, "AWS::SNS::Topic")
		for _, alarm := range stack.of("AWS::CloudWatch::Alarm") {
			if stack.target(alarm.get("AlarmActions", 0)) != topic {
				t.Errorf("%s tells nobody", alarm.id)
			}
			if n := len(list(alarm.get("Metrics"))); n < 1 || n > 11 {
				t.Errorf("%s has %d queries: CloudWatch takes ten metrics and a formula", alarm.id, n)
			}
			returned := 0
			for _, query := range list(alarm.get("Metrics")) {
				if at(query, "ReturnData") == true {
					returned++
				}
			}
			if returned != 1 {
				t.Errorf("%s watches %d results", alarm.id, returned)
			}
		}
		key := stack.target(topic.get("KmsMasterKeyId"))
		publisher := slices.ContainsFunc(list(key.get("KeyPolicy", "Statement")), func(statement any) bool {
			actions := texts(at(statement, "Action"))
			return said(at(statement, "Principal", "Service")) == "cloudwatch.amazonaws.com" &&
				slices.Contains(actions, "kms:GenerateDataKey*") && slices.Contains(actions, "kms:Decrypt")
		})
		if !publisher {
			t.Error("CloudWatch may not use the topic's key: alarms would be lost without a word")
		}
		policy := stack.one(t, "AWS::SNS::TopicPolicy").say("PolicyDocument")
		if !strings.Contains(policy, `"Service":"cloudwatch.amazonaws.com"`) || !strings.Contains(policy,
			"aws:SourceAccount") {
			t.Error("CloudWatch may not publish to the topic")
		}
	})
	prodTemplate(t).one(t, "AWS::SNS::Subscription").is(t, settingOf(prod, "alarmEmail"), "Endpoint")
}

func TestWhatSomeoneIsWokenFor(t *testing.T) {
	watched := map[string]bool{}
	for _, alarm := range prodTemplate(t).of("AWS::CloudWatch::Alarm") {
		for _, query := range list(alarm.get("Metrics")) {
			metric := at(query, "MetricStat", "Metric")
			watched[said(at(metric, "Namespace"))+" "+said(at(metric, "MetricName"))] = true
			for _, dimension := range list(at(metric, "Dimensions")) {
				if value := said(at(dimension, "Value")); strings.Contains(value, "${") &&
					prodTemplate(t).target(value) == nil {
					t.Errorf("%s watches %s, which is not in the stack", alarm.id, value)
				}
			}
		}
	}
	for _, metric := range []string{
		"AWS/ApiGateway 5xx", "AWS/ApiGateway Latency", "AWS/Lambda Duration", "AWS/Lambda Throttles",
		"AWS/Lambda Errors",
		"AWS/SQS ApproximateNumberOfMessagesVisible", "MCI/Customers SweepLagSeconds", "AWS/Lambda IteratorAge",
		"AWS/SES Reputation.BounceRate", "AWS/SES Reputation.ComplaintRate", "AWS/EventBridge/Pipes ExecutionFailed",
		"MCI/Customers RequestsThrottled", "MCI/Customers RecordsUnreadable", "MCI/Customers ReceiptsUnsigned",
		"MCI/Customers PartnerBounceShareExceeded", "AWS/DynamoDB WriteThrottleEvents",
		"AWS/Lambda DestinationDeliveryFailures",
	} {
		if !watched[metric] {
			t.Errorf("no alarm watches %s", metric)
		}
	}
	var grouped, functions []string
	for _, group := range routeGroups() {
		grouped = append(grouped, group.functions...)
	}
	for _, function := range platform.Functions {
		functions = append(functions, function.Name)
	}
	same(t, "functions in groups of routes", grouped, functions)
	age := prodTemplate(t).Resources["StreamAgeAlarm"]
	if threshold, _ := age.get("Threshold").(float64); threshold > 6*3600e3 {
		t.Errorf("the stream is %v ms old before anyone is told, and forgets after a day", threshold)
	}
}

func TestDashboardShowsBusinessAndMachine(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		dashboard := stack.one(t, "AWS::CloudWatch::Dashboard").say("DashboardBody")
		if !json.Valid([]byte(dashboard)) {
			t.Error("the dashboard is no JSON")
		}
		for _, name := range []string{
			platform.ClaimsAdded, platform.ClaimsClaimed, platform.ConsentsRequested, platform.ConsentsReminded,
			platform.ConsentsAccepted,
			platform.ConsentsDeclined, platform.ClaimsSubmitted, platform.ClaimsReturned, platform.ClaimsCompleted,
			platform.ClaimsRejected,
			platform.ClaimsCancelled, platform.ClaimsExpired, platform.ReferralsCreated, platform.ReferralsUpgraded,
			platform.EmailsBounced,
			platform.EmailsComplained, platform.TimeToConsentHours, platform.SweepLagSeconds, "AWS/Lambda",
			"AWS/ApiGateway",
			"AWS/DynamoDB", "AWS/SQS",
		} {
			if !strings.Contains(dashboard, `"`+name+`"`) {
				t.Errorf("the dashboard lacks %s", name)
			}
		}
	})
}

func TestProductionKeepsItsDataAndDevDoesNot(t *testing.T) {
	holds := []string{"AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::Logs::LogGroup", "AWS::KMS::Key"}
	for _, rule := range []struct {
		stack           *template
		delete, replace string
		protected       any
		pool            string
	}{
		{prodTemplate(t), "RetainExceptOnCreate", "Retain", true, "ACTIVE"},
		{devTemplate(t), "Delete", "Delete", false, "INACTIVE"},
	} {
		for _, kind := range holds {
			if len(rule.stack.of(kind)) == 0 {
				t.Errorf("there is no %s", kind)
			}
			for _, resource := range rule.stack.of(kind) {
				if resource.DeletionPolicy != rule.delete || resource.UpdateReplacePolicy != rule.replace {
					t.Errorf("%s: %s on deletion, %s on replacement", resource.id, resource.DeletionPolicy,
						resource.UpdateReplacePolicy)
				}
			}
		}
		rule.stack.one(t, "AWS::DynamoDB::Table").is(t, rule.protected, "DeletionProtectionEnabled")
		rule.stack.one(t, "AWS::Cognito::UserPool").is(t, rule.pool, "DeletionProtection")
	}
}

func TestTableIsTheSchema(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		table := stack.one(t, "AWS::DynamoDB::Table")
		keys := func(value any) string {
			return said(at(value, "KeySchema", 0, "AttributeName")) + " " + said(at(value, "KeySchema", 1,
				"AttributeName"))
		}
		if got := keys(map[string]any(table.Properties)); got != schema.PartitionKey+" "+schema.SortKey {
			t.Errorf("the table's keys are %s", got)
		}
		var got, want []string
		for kind, local := range map[string]bool{"LocalSecondaryIndexes": true, "GlobalSecondaryIndexes": false} {
			for _, index := range list(table.get(kind)) {
				projection := said(at(index, "Projection", "ProjectionType"))
				got = append(got, fmt.Sprint(said(at(index, "IndexName")), " ", keys(index), " ", local, " ",
					projection))
			}
		}
		for _, index := range schema.Indexes {
			want = append(want, fmt.Sprint(index.Name, " ", index.PartitionKey, " ", index.SortKey, " ", index.Local,
				" KEYS_ONLY"))
		}
		same(t, "indexes", got, want)
		table.is(t, "PAY_PER_REQUEST", "BillingMode")
		table.is(t, true, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")
		table.is(t, true, "SSESpecification", "SSEEnabled")
		table.is(t, "NEW_AND_OLD_IMAGES", "StreamSpecification", "StreamViewType")
		table.is(t, schema.TimeToLive, "TimeToLiveSpecification", "AttributeName")
		table.is(t, true, "TimeToLiveSpecification", "Enabled")
	})
}

func TestARestoredTableTakesOverEverywhere(t *testing.T) {
	for _, function := range allTemplate(t).of("AWS::Lambda::Function") {
		if name := said(function.get("Environment", "Variables", platform.TableName)); name != "" &&
			name != "restored" {
			t.Errorf("%s works on %s", function.id, name)
		}
	}
	allTemplate(t).one(t, "AWS::Lambda::EventSourceMapping").is(t, settingOf(all, "tableStream"), "EventSourceArn")
	allTemplate(t).one(t, "AWS::Pipes::Pipe").is(t, settingOf(all, "tableStream"), "Source")
	for id, resource := range allTemplate(t).Resources {
		if text := said(resource.Properties); strings.Contains(text, `["Table",`) ||
			strings.Contains(text, `{"Ref":"Table"}`) {
			t.Errorf("%s still refers to the stack's own table", id)
		}
	}
}

func TestStreamWakesForWhatMatters(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		mapping := stack.one(t, "AWS::Lambda::EventSourceMapping")
		if stack.target(mapping.get("FunctionName")) != deployed(t, stack, platform.Stream.Function) {
			t.Error("the stream wakes another function")
		}
		mapping.is(t, platform.Stream.Filter, "FilterCriteria", "Filters", 0, "Pattern")
		mapping.is(t, platform.Stream.BatchSize, "BatchSize")
		mapping.is(t, platform.Stream.Retries, "MaximumRetryAttempts")
		mapping.is(t, platform.Stream.MaximumAge.Seconds(), "MaximumRecordAgeInSeconds")
		mapping.is(t, true, "BisectBatchOnFunctionError")
		same(t, "response types", texts(mapping.get("FunctionResponseTypes")), []string{"ReportBatchItemFailures"})
	})
}

func TestScheduleIsDeclaredOnce(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		schedule := stack.one(t, "AWS::Scheduler::Schedule")
		if stack.target(schedule.get("Target", "Arn")) != deployed(t, stack, platform.Schedule.Function) {
			t.Error("the schedule runs another function")
		}
		schedule.is(t, fmt.Sprintf("rate(%v minutes)", platform.Schedule.Rate.Minutes()), "ScheduleExpression")
		if retries, _ := schedule.get("Target", "RetryPolicy", "MaximumRetryAttempts").(float64); retries < 1 {
			t.Error("a sweep that did not start is not tried again")
		}
	})
}

func TestMailIsEncryptedAndNeverTracked(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		set := stack.one(t, "AWS::SES::ConfigurationSet")
		set.is(t, "REQUIRE", "DeliveryOptions", "TlsPolicy")
		set.is(t, true, "ReputationOptions", "ReputationMetricsEnabled")
		set.is(t, nil, "TrackingOptions")
		set.is(t, nil, "VdmOptions")
		identity := stack.one(t, "AWS::SES::EmailIdentity")
		identity.is(t, true, "DkimAttributes", "SigningEnabled")
		destination := stack.one(t, "AWS::SES::ConfigurationSetEventDestination")
		destination.is(t, true, "EventDestination", "Enabled")
		destination.is(t, "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default",
			"EventDestination", "EventBridgeDestination", "EventBusArn")
		same(t, "events of mail", texts(destination.get("EventDestination", "MatchingEventTypes")),
			[]string{"BOUNCE", "COMPLAINT", "DELIVERY"})
		rule := stack.Resources["MailRule"]
		rule.is(t, nil, "EventBusName")
		same(t, "sources", texts(rule.get("EventPattern", "source")), []string{platform.MailEvents.Source})
		same(t, "detail types", texts(rule.get("EventPattern", "detail-type")), platform.MailEvents.DetailTypes)
		rule.is(t, "${ConfigurationSet}", "EventPattern", "detail", "mail", "tags", "ses:configuration-set", 0)
		if stack.target(rule.get("Targets", 0, "Arn")) != deployed(t, stack, platform.MailEvents.Function) {
			t.Error("mail events go to another function")
		}
		environment(t, stack, "send-consent").is(t, "${ConfigurationSet}", platform.ConfigurationSet)
	})
	identity := prodTemplate(t).one(t, "AWS::SES::EmailIdentity")
	identity.is(t, "mail.contoso.com", "EmailIdentity")
	identity.is(t, "bounce.mail.contoso.com", "MailFromAttributes", "MailFromDomain")
	for number, record := range map[int]string{
		1: "${Identity.DkimDNSTokenName1} CNAME ${Identity.DkimDNSTokenValue1}",
		2: "${Identity.DkimDNSTokenName2} CNAME ${Identity.DkimDNSTokenValue2}",
		3: "${Identity.DkimDNSTokenName3} CNAME ${Identity.DkimDNSTokenValue3}",
		4: "bounce.mail.contoso.com MX 10 feedback-smtp.${AWS::Region}.amazonses.com",
		5: `bounce.mail.contoso.com TXT "v=spf1 include:amazonses.com -all"`,
		6: `_dmarc.mail.contoso.com TXT "v=DMARC1; p=quarantine"`,
	} {
		if got := said(prodTemplate(t).Outputs[fmt.Sprint("SenderRecord", number)].Value); got != record {
			t.Errorf("record %d is %s, want %s", number, got, record)
		}
	}
}

func TestDomainEventsNameThingsAndTellNothing(t *testing.T) {
	var document struct {
		Required   []string
		Properties map[string]struct{ Enum []string }
	}
	if err := json.Unmarshal([]byte(claimEventSchema), &document); err != nil {
		t.Fatal(err)
	}
	identifiers := []string{"claimId", "seq", "type", "at", "partnerId", "engagementId", "customerId", "hash",
		"previousHash"}
	same(t, "properties of the schema", slices.Collect(maps.Keys(document.Properties)), identifiers)
	same(t, "required properties of the schema", document.Required, identifiers)
	var types []string
	for _, kind := range mci.EventTypes {
		types = append(types, string(kind))
	}
	same(t, "types of the schema", document.Properties["type"].Enum, types)
	templates(t, func(t *testing.T, stack *template) {
		pipe := stack.one(t, "AWS::Pipes::Pipe")
		var detail map[string]string
		if err := json.Unmarshal([]byte(pipe.say("TargetParameters", "InputTemplate")), &detail); err != nil {
			t.Fatalf("the pipe's template is no JSON: %v", err)
		}
		same(t, "properties of the detail", slices.Collect(maps.Keys(detail)), identifiers)
		for property, path := range detail {
			if !strings.HasPrefix(path, "<$.dynamodb.NewImage."+property+".") {
				t.Errorf("%s is taken from %s", property, path)
			}
		}
		pipe.is(t, platform.DomainEvents.Filter, "SourceParameters", "FilterCriteria", "Filters", 0, "Pattern")
		pipe.is(t, "AUTOMATIC_BISECT", "SourceParameters", "DynamoDBStreamParameters", "OnPartialBatchItemFailure")
		pipe.is(t, nil, "LogConfiguration", "IncludeExecutionData")
		bus := stack.one(t, "AWS::Events::EventBus")
		if stack.target(pipe.get("Target")) != bus || bus.say("Name") == "default" {
			t.Error("domain events go to another bus than their own")
		}
		pipe.is(t, platform.DomainEvents.Source, "TargetParameters", "EventBridgeEventBusParameters", "Source")
		pipe.is(t, "$.dynamodb.NewImage.type.S", "TargetParameters", "EventBridgeEventBusParameters", "DetailType")
		stack.one(t, "AWS::EventSchemas::Schema").is(t, claimEventSchema, "Content")
	})
}

// TestProductionKeepsItsEvents has the bus keep all that was on it, to compare the table with (B4).
func TestProductionKeepsItsEvents(t *testing.T) {
	archive := prodTemplate(t).one(t, "AWS::Events::Archive")
	if prodTemplate(t).target(archive.get("SourceArn")) != prodTemplate(t).one(t, "AWS::Events::EventBus") {
		t.Errorf("the archive keeps the events of %s", archive.say("SourceArn"))
	}
	archive.is(t, nil, "EventPattern")
	archive.is(t, nil, "RetentionDays")
	rule := prodTemplate(t).Resources["ReplayedRule"]
	rule.is(t, true, "EventPattern", "replay-name", 0, "exists")
	logs := prodTemplate(t).target(rule.get("Targets", 0, "Arn"))
	if policy := prodTemplate(t).one(t, "AWS::Logs::ResourcePolicy").say("PolicyDocument"); !strings.Contains(policy,
		"${"+logs.id+".Arn}") ||
		!strings.Contains(policy, ":rule/mci-customers-prod/"+rule.say("Name")) {
		t.Errorf("a replay may write to %s", policy)
	}
	if to := said(prodTemplate(t).Outputs["ReplayTo"].Value); !strings.Contains(to, "${"+rule.id+".Arn}") {
		t.Errorf("a replay goes to %s, and others would hear it", to)
	}
}

// TestNoticesFollowNewEventsAlone holds the rule that wakes the function of D29 and D30.
func TestNoticesFollowNewEventsAlone(t *testing.T) {
	if platform.FunctionOf(platform.Notices.Function).Name == "" {
		t.Skip("nobody mails events yet")
	}
	templates(t, func(t *testing.T, stack *template) {
		rule := stack.Resources["NoticesRule"]
		if stack.target(rule.get("EventBusName")) != stack.one(t, "AWS::Events::EventBus") {
			t.Error("the rule listens to another bus")
		}
		if stack.target(rule.get("Targets", 0, "Arn")) != deployed(t, stack, platform.Notices.Function) {
			t.Error("notices are another function's")
		}
		rule.is(t, false, "EventPattern", "replay-name", 0, "exists")
		same(t, "sources", texts(rule.get("EventPattern", "source")), []string{platform.DomainEvents.Source})
		for _, kind := range texts(rule.get("EventPattern", "detail-type")) {
			if !slices.Contains(mci.EventTypes, mci.EventType(kind)) {
				t.Errorf("the rule waits for %s, which no event is", kind)
			}
		}
	})
}

func TestNobodyJoinsAPartnerAlone(t *testing.T) {
	for stack, mfa := range map[*template]string{devTemplate(t): "OPTIONAL", prodTemplate(t): "ON"} {
		pool := stack.one(t, "AWS::Cognito::UserPool")
		pool.is(t, true, "AdminCreateUserConfig", "AllowAdminCreateUserOnly")
		pool.is(t, "partnerId", "Schema", 0, "Name")
		pool.is(t, false, "Schema", 0, "Mutable")
		pool.is(t, mfa, "MfaConfiguration")
		for _, rule := range []string{"RequireLowercase", "RequireUppercase", "RequireNumbers", "RequireSymbols"} {
			pool.is(t, true, "Policies", "PasswordPolicy", rule)
		}
		pool.is(t, 12, "Policies", "PasswordPolicy", "MinimumLength")
		client := stack.one(t, "AWS::Cognito::UserPoolClient")
		client.is(t, false, "GenerateSecret")
		url := said(stack.Outputs["ApiUrl"].Value)
		client.is(t, url+"/portal/callback", "CallbackURLs", 0)
		client.is(t, url+"/portal", "LogoutURLs", 0)
		same(t, "flows", texts(client.get("AllowedOAuthFlows")), []string{"code"})
		if writable := texts(client.get("WriteAttributes")); len(writable) == 0 || slices.Contains(writable,
			"custom:partnerId") {
			t.Errorf("the portal may write %v", writable)
		}
		if !slices.Contains(texts(client.get("ReadAttributes")), "custom:partnerId") {
			t.Error("the token does not name the partner")
		}
		if slices.Contains(texts(client.get("AllowedOAuthScopes")), "aws.cognito.signin.user.admin") {
			t.Error("users may change their attributes")
		}
		stack.one(t, "AWS::Cognito::UserPoolDomain").is(t, 2, "ManagedLoginVersion")
		var groups, roles []string
		for _, group := range stack.of("AWS::Cognito::UserPoolGroup") {
			groups = append(groups, group.say("GroupName"))
		}
		for _, role := range mci.Roles {
			roles = append(roles, string(role))
		}
		same(t, "groups", groups, roles)
	}
}

func TestSuppressionsGiveAReason(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		for id, resource := range stack.Resources {
			for _, suppression := range list(at(resource.Metadata, "cdk_nag", "rules_to_suppress")) {
				if reason := said(at(suppression, "reason")); len(reason) < 20 || strings.Contains(reason, "\n") {
					t.Errorf("%s suppresses %v because %q", id, at(suppression, "id"), reason)
				}
			}
		}
	})
}

func TestMissingZipsSayMakeBuild(t *testing.T) {
	settings, err := settingsOf(dev)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if _, err := synthesise(settings, filepath.Join(folder, "nowhere"), &folder); err == nil ||
		!strings.Contains(err.Error(), "make build") {
		t.Errorf("without zips the synth says %v", err)
	}
}

func TestFindingsFailTheSynth(t *testing.T) {
	settings, err := settingsOf(dev)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	app := newApp(&folder)
	stack, err := newStack(app, settings, temporary)
	if err != nil {
		t.Fatal(err)
	}
	awssns.NewCfnTopic(stack, str("Open"), nil)
	if err := findings(app.Synth(nil).GetStackByName(stack.StackName())); err == nil || !strings.Contains(err.Error(),
		"/Open: AwsSolutions-SNS3") {
		t.Errorf("a topic without TLS is found as %v", err)
	}
}

func TestTwoSynthsAreByteEqual(t *testing.T) {
	again, err := synthesised(dev)
	if err != nil {
		t.Fatal(err)
	}
	first, second := devTemplate(t).folder, again.folder
	files := func(folder string) []string {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names
	}
	same(t, "files", files(second), files(first))
	for _, name := range files(first) {
		one, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(one) != string(other) {
			t.Errorf("%s differs from synth to synth", name)
		}
	}
}

func TestSynthAsksNobody(t *testing.T) {
	templates(t, func(t *testing.T, stack *template) {
		manifest, err := os.ReadFile(filepath.Join(stack.folder, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		var assembly struct {
			Missing   []any
			Artifacts map[string]struct{ Environment string }
		}
		if err := json.Unmarshal(manifest, &assembly); err != nil {
			t.Fatal(err)
		}
		if len(assembly.Missing) > 0 {
			t.Errorf("the synth looks up %v", assembly.Missing)
		}
		for name, artifact := range assembly.Artifacts {
			if artifact.Environment != "" && artifact.Environment != "aws://unknown-account/unknown-region" {
				t.Errorf("%s is bound to %s", name, artifact.Environment)
			}
		}
	})
}
