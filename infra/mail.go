package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsses"

	"mci.example/customers/shared/platform"
)

// mailer is what a consent email is sent with.
type mailer struct{ identityArn, configurationSet, configurationSetArn *string }

// mailEventTypes are SES's names for the event types behind EventBridge's detail types. Opens and clicks are not among
// them: to see those, SES would rewrite the consent link and so learn it.
var mailEventTypes = map[string]string{
	"Email Bounced":            "BOUNCE",
	"Email Complaint Received": "COMPLAINT",
	"Email Delivered":          "DELIVERY",
}

// addMail makes the sender's identity, and the configuration set that consent emails go through.
func (s *system) addMail() {
	set := awsses.NewCfnConfigurationSet(s.stack, str("ConfigurationSet"), &awsses.CfnConfigurationSetProps{
		Name:              str(s.name("")),
		DeliveryOptions:   &awsses.CfnConfigurationSet_DeliveryOptionsProperty{TlsPolicy: str("REQUIRE")},
		ReputationOptions: &awsses.CfnConfigurationSet_ReputationOptionsProperty{ReputationMetricsEnabled: yes},
		SendingOptions:    &awsses.CfnConfigurationSet_SendingOptionsProperty{SendingEnabled: yes},
		SuppressionOptions: &awsses.CfnConfigurationSet_SuppressionOptionsProperty{
			SuppressedReasons: strs("BOUNCE", "COMPLAINT"),
		},
	})
	domain := s.Sender[strings.LastIndex(s.Sender, "@")+1:]
	identity := awsses.NewCfnEmailIdentity(s.stack, str("Identity"), &awsses.CfnEmailIdentityProps{
		EmailIdentity:  str(domain),
		DkimAttributes: &awsses.CfnEmailIdentity_DkimAttributesProperty{SigningEnabled: yes},
		DkimSigningAttributes: &awsses.CfnEmailIdentity_DkimSigningAttributesProperty{
			NextSigningKeyLength: str("RSA_2048_BIT"),
		},
		// Where the record for it is missing, SES falls back to a domain of its own, and DKIM alone speaks for the
		// sender.
		MailFromAttributes: &awsses.CfnEmailIdentity_MailFromAttributesProperty{
			MailFromDomain: str("bounce." + domain), BehaviorOnMxFailure: str("USE_DEFAULT_VALUE"),
		},
		FeedbackAttributes: &awsses.CfnEmailIdentity_FeedbackAttributesProperty{EmailForwardingEnabled: no},
	})
	records := []*string{
		str(*identity.AttrDkimDnsTokenName1() + " CNAME " + *identity.AttrDkimDnsTokenValue1()),
		str(*identity.AttrDkimDnsTokenName2() + " CNAME " + *identity.AttrDkimDnsTokenValue2()),
		str(*identity.AttrDkimDnsTokenName3() + " CNAME " + *identity.AttrDkimDnsTokenValue3()),
		str("bounce." + domain + " MX 10 feedback-smtp." + *s.stack.Region() + ".amazonses.com"),
		str("bounce." + domain + ` TXT "v=spf1 include:amazonses.com -all"`),
		str("_dmarc." + domain + ` TXT "v=DMARC1; p=quarantine"`),
	}
	for i, record := range records {
		s.output(fmt.Sprint("SenderRecord", i+1), "DNS record for the sender's domain: name, type, value", record)
	}
	s.mail = mailer{s.arn("ses", "identity/"+*identity.Ref()), set.Ref(), s.arn("ses", "configuration-set/"+*set.Ref())}
}

// addMailEvents leads what SES tells of consent emails to its function, by EventBridge's default bus. Such an event
// can be lost in two places, on its way to the function and in it, so each has its dead letters.
func (s *system) addMailEvents() {
	var types []*string
	for _, detailType := range platform.MailEvents.DetailTypes {
		types = append(types, str(mailEventTypes[detailType]))
	}
	awsses.NewCfnConfigurationSetEventDestination(s.stack, str("MailEvents"),
		&awsses.CfnConfigurationSetEventDestinationProps{
			ConfigurationSetName: s.mail.configurationSet,
			EventDestination: &awsses.CfnConfigurationSetEventDestination_EventDestinationProperty{
				Name:               str("default-bus"),
				Enabled:            yes,
				MatchingEventTypes: &types,
				EventBridgeDestination: &awsses.CfnConfigurationSetEventDestination_EventBridgeDestinationProperty{
					EventBusArn: s.arn("events", "event-bus/default"),
				},
			},
		})
	undelivered := s.addDeadLetters("mail-undelivered", "Mail events that EventBridge could not hand to the function",
		s.arn("events", "rule/"+s.name("mail")))
	rule := awsevents.NewCfnRule(s.stack, str("MailRule"), &awsevents.CfnRuleProps{
		Name:        str(s.name("mail")),
		Description: str("What became of consent emails"),
		State:       str("ENABLED"),
		EventPattern: map[string]any{
			"source":      []string{platform.MailEvents.Source},
			"detail-type": platform.MailEvents.DetailTypes,
			"detail": map[string]any{"mail": map[string]any{"tags": map[string]any{
				"ses:configuration-set": []*string{s.mail.configurationSet},
			}}},
		},
		Targets: []any{s.target(s.functions[platform.MailEvents.Function].AttrArn(), undelivered)},
	})
	s.rules = append(s.rules, []any{"RuleName", s.name("mail")})
	s.invocable("MailRulePermission", platform.MailEvents.Function, "events.amazonaws.com", rule.AttrArn())
	s.catchFailures(platform.MailEvents.Function, "Mail events that the function failed on")
}
