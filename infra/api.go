package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// addAPI makes the API alone, without routes: functions refer to its address, and routes to functions.
func (s *system) addAPI() {
	s.api = awsapigatewayv2.NewCfnApi(s.stack, str("Api"), &awsapigatewayv2.CfnApiProps{
		Name:              str(s.name("")),
		Description:       str("Customers of MCI engagements"),
		ProtocolType:      str("HTTP"),
		CorsConfiguration: s.cors(),
		// With a domain of its own the API has one address, so that consent links have one.
		DisableExecuteApiEndpoint: s.Domain != "",
	})
	s.output("ApiUrl", "Where the API and the consent pages are", s.publicURL())
}

// cors lets another portal's pages call the API, without cookies. The stack's own portal is not among those: its pages
// are on the API's own host, and its function calls the API.
func (s *system) cors() any {
	if s.PortalOrigin == "" {
		return nil
	}
	methods := map[string]bool{}
	for _, route := range rest.Routes {
		methods[route.Method] = true
	}
	allowed := slices.Sorted(maps.Keys(methods))
	// Without AllowCredentials: the portal's cookies open nothing to others.
	return &awsapigatewayv2.CfnApi_CorsProperty{
		AllowOrigins:  strs(s.PortalOrigin),
		AllowMethods:  strs(allowed...),
		AllowHeaders:  strs("authorization", "content-type", "idempotency-key"),
		ExposeHeaders: strs("retry-after"),
		MaxAge:        num(3600),
	}
}

// publicURL is what consent links begin with.
func (s *system) publicURL() *string {
	if s.Domain != "" {
		return str("https://" + s.Domain)
	}
	return str("https://" + *s.api.Ref() + ".execute-api." + *s.stack.Region() + "." + *s.stack.UrlSuffix())
}

// addRoutes makes every route of the route tables, the authorizer of all but the public ones, and the stage. Public
// routes, the portal's among them, have limits of their own: who floods those leaves the API its room.
func (s *system) addRoutes() {
	authorizer := awsapigatewayv2.NewCfnAuthorizer(s.stack, str("Authorizer"), &awsapigatewayv2.CfnAuthorizerProps{
		ApiId:          s.api.Ref(),
		Name:           str("token"),
		AuthorizerType: str("JWT"),
		IdentitySource: strs("$request.header.Authorization"),
		JwtConfiguration: &awsapigatewayv2.CfnAuthorizer_JWTConfigurationProperty{
			Issuer: s.issuer.url, Audience: &[]*string{s.issuer.audience},
		},
	})
	integrations := map[string]awsapigatewayv2.CfnIntegration{}
	limits := map[string]any{}
	var routes []awscdk.CfnResource
	for _, route := range rest.GatewayRoutes() {
		integration, exists := integrations[route.Function]
		if !exists {
			integration = s.addIntegration(route.Function)
			integrations[route.Function] = integration
		}
		props := &awsapigatewayv2.CfnRouteProps{
			ApiId: s.api.Ref(), RouteKey: str(route.Key()), Target: str("integrations/" + *integration.Ref()),
			AuthorizationType: str("JWT"), AuthorizerId: authorizer.Ref(),
		}
		if route.Public() {
			props.AuthorizationType, props.AuthorizerId = str("NONE"), nil
			limits[route.Key()] = map[string]any{"ThrottlingRateLimit": s.rate() / 2, "ThrottlingBurstLimit": s.rate()}
		}
		made := awsapigatewayv2.NewCfnRoute(s.stack, str(routeID(route)), props)
		if route.Public() {
			accept(made, "AwsSolutions-APIG4",
				"public: an emailed link or a session of the portal is the key, or there is nothing to protect")
		}
		routes = append(routes, made)
	}
	stage := awsapigatewayv2.NewCfnStage(s.stack, str("ApiStage"), &awsapigatewayv2.CfnStageProps{
		ApiId:      s.api.Ref(),
		StageName:  str("$default"),
		AutoDeploy: yes,
		DefaultRouteSettings: &awsapigatewayv2.CfnStage_RouteSettingsProperty{
			ThrottlingRateLimit: num(s.rate()), ThrottlingBurstLimit: num(2 * s.rate()),
		},
		RouteSettings: limits,
		AccessLogSettings: &awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
			DestinationArn: s.addAccessLog(), Format: str(s.accessLogFormat()),
		},
	})
	for _, route := range routes {
		stage.AddResourceDependency(route, nil) // whose own limits it sets
	}
	s.addDomain(stage)
}

// addDomain gives the API its own host name, where one is set.
func (s *system) addDomain(stage awsapigatewayv2.CfnStage) {
	if s.Domain == "" {
		return
	}
	domain := awsapigatewayv2.NewCfnDomainName(s.stack, str("Domain"), &awsapigatewayv2.CfnDomainNameProps{
		DomainName: str(s.Domain),
		DomainNameConfigurations: []any{&awsapigatewayv2.CfnDomainName_DomainNameConfigurationProperty{
			CertificateArn: str(s.Certificate), EndpointType: str("REGIONAL"), SecurityPolicy: str("TLS_1_2"),
		}},
	})
	awsapigatewayv2.NewCfnApiMapping(s.stack, str("DomainMapping"), &awsapigatewayv2.CfnApiMappingProps{
		ApiId: s.api.Ref(), DomainName: domain.Ref(), Stage: stage.Ref(),
	})
	s.output("DomainRecord", "DNS record for the API: name CNAME value",
		str(s.Domain+" CNAME "+*domain.AttrRegionalDomainName()))
}

// rate is how many requests a second the API takes, over all callers.
func (s *system) rate() int { return map[Stage]int{Dev: 20, Prod: 200}[s.Stage] }

func (s *system) addIntegration(name string) awsapigatewayv2.CfnIntegration {
	s.invocable(pascal(name)+"ApiPermission", name, "apigateway.amazonaws.com",
		s.arn("execute-api", *s.api.Ref()+"/*/*"))
	return awsapigatewayv2.NewCfnIntegration(s.stack, str(pascal(name)+"Integration"),
		&awsapigatewayv2.CfnIntegrationProps{
			ApiId:                s.api.Ref(),
			IntegrationType:      str("AWS_PROXY"),
			IntegrationMethod:    str("POST"),
			IntegrationUri:       s.functions[name].AttrArn(),
			PayloadFormatVersion: str("2.0"),
		})
}

// accessLogFormat is a line of the access log. It has the route's key and never the path, which holds a consent token,
// and neither address nor browser of anyone. The caller is named by the token's subject.
func (s *system) accessLogFormat() string {
	line, err := json.Marshal(map[string]string{
		"requestId":          "$context.requestId",
		"time":               "$context.requestTimeEpoch",
		"routeKey":           "$context.routeKey",
		"subject":            "$context.authorizer.claims.sub",
		"status":             "$context.status",
		"responseLength":     "$context.responseLength",
		"latency":            "$context.responseLatency",
		"integrationLatency": "$context.integrationLatency",
		"integrationStatus":  "$context.integrationStatus",
		"errorType":          "$context.error.responseType",
		"stage":              string(s.Stage),
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(line)
}

// addAccessLog makes the access log and the count of requests that the API's limits refused, which API Gateway itself
// counts among all other mistakes of clients.
func (s *system) addAccessLog() *string {
	logs := s.logGroup("AccessLog", "/aws/vendedlogs/"+s.name("api"))
	awslogs.NewCfnMetricFilter(s.stack, str("ThrottledRequests"), &awslogs.CfnMetricFilterProps{
		LogGroupName:  logs.Ref(),
		FilterPattern: str(`{ $.status = "429" }`),
		MetricTransformations: []any{&awslogs.CfnMetricFilter_MetricTransformationProperty{
			MetricNamespace: str(platform.MetricNamespace),
			MetricName:      str(requestsThrottled),
			MetricValue:     str("1"),
			Dimensions: []any{&awslogs.CfnMetricFilter_DimensionProperty{
				Key: str(platform.MetricDimension), Value: str("$.stage"),
			}},
		}},
	})
	return logs.AttrArn()
}

// requestsThrottled is the metric of requests that the API's limits refused.
const requestsThrottled = "RequestsThrottled"

// routeID is a route's logical ID: "GET /v1/claims/{claimId}" is GetV1ClaimsClaimIdRoute.
func routeID(route rest.Route) string {
	words := strings.FieldsFunc(strings.ToLower(route.Method)+route.Path, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	return pascal(strings.Join(words, "-")) + "Route"
}
