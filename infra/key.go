package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
)

// addKey makes the key of everything that operators read: logs and alarms. The key's policy lets exactly the two
// services use it that must: a topic encrypted with AWS's own key would swallow every alarm.
func (s *system) addKey() {
	service := func(principal string, actions []string, condition map[string]any) map[string]any {
		return map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": principal}, "Action": actions,
			"Resource": "*", "Condition": condition}
	}
	root := "arn:" + *s.stack.Partition() + ":iam::" + *s.stack.Account() + ":root"
	s.key = awskms.NewCfnKey(s.stack, str("Key"), &awskms.CfnKeyProps{
		Description:       str("Logs and alarms of " + s.name("")),
		EnableKeyRotation: yes,
		KeyPolicy: document(
			map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": root}, "Action": "kms:*",
				"Resource": "*"},
			service("cloudwatch.amazonaws.com", []string{"kms:Decrypt", "kms:GenerateDataKey*"},
				map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": s.stack.Account()}}),
			service("logs."+*s.stack.Region()+".amazonaws.com",
				[]string{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"},
				map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": s.arn("logs",
					"log-group:*")}}),
		),
	})
	s.retain(s.key)
	awskms.NewCfnAlias(s.stack, str("KeyAlias"), &awskms.CfnAliasProps{
		AliasName:   str("alias/" + s.name("")),
		TargetKeyId: s.key.AttrArn(),
	})
}

// signer is the function that takes customers' decisions, and the only one that may sign their receipts (D28).
const signer = "consent-callback"

// addReceiptKeys makes the keys that sign receipts, one for each number ever used: the last one signs, the others
// verify what they signed. A key's policy lets the signer's role sign, and denies it to all others, whatever their own
// policies say. The role that the CDK deploys with administers the key. The account's principals may read it where
// their policies say so.
func (s *system) addReceiptKeys() {
	role := s.functions[signer].role.AttrArn()
	root := "arn:" + *s.stack.Partition() + ":iam::" + *s.stack.Account() + ":root"
	deployer := awscdk.Fn_Sub(str(strings.ReplaceAll(*awscdk.DefaultStackSynthesizer_DEFAULT_CLOUDFORMATION_ROLE_ARN(),
		"${Qualifier}", *s.stack.Synthesizer().BootstrapQualifier())), nil)
	statement := func(effect string, principal *string, actions ...string) map[string]any {
		return map[string]any{"Effect": effect, "Principal": map[string]any{"AWS": principal}, "Action": actions,
			"Resource": "*"}
	}
	others := statement("Deny", str("*"), "kms:Sign")
	others["Condition"] = map[string]any{"ArnNotEquals": map[string]any{"aws:PrincipalArn": role}}
	var numbered []string
	for number := 1; number <= s.ReceiptKey; number++ {
		key := awskms.NewCfnKey(s.stack, str(fmt.Sprint("ReceiptKey", number)), &awskms.CfnKeyProps{
			Description:         str(fmt.Sprint("Signs consent receipts of ", s.name(""), ", number ", number)),
			KeySpec:             str("ECC_NIST_P256"),
			KeyUsage:            str("SIGN_VERIFY"),
			PendingWindowInDays: num(map[Stage]int{Dev: 7, Prod: 30}[s.Stage]),
			KeyPolicy: document(
				statement("Allow", role, "kms:Sign"),
				others,
				statement("Deny", str("*"), "kms:CreateGrant"),
				statement("Allow", deployer, administer...),
				statement("Allow", str(root), readKey...),
			),
		})
		s.retain(key)
		s.receiptKeys = append(s.receiptKeys, key.AttrArn())
		numbered = append(numbered, fmt.Sprint(number, "=", *key.AttrArn()))
	}
	s.numberedReceiptKeys = str(strings.Join(numbered, ","))
}

// administer is what a deployment does to a key, and readKey what anyone may who is let: neither signs.
var (
	administer = []string{
		"kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:GetKeyPolicy",
		"kms:GetKeyRotationStatus",
		"kms:GetPublicKey", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource",
		"kms:UntagResource", "kms:UpdateKeyDescription",
	}
	readKey = []string{"kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetPublicKey", "kms:ListResourceTags"}
)
