package main

import (
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
			map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": root}, "Action": "kms:*", "Resource": "*"},
			service("cloudwatch.amazonaws.com", []string{"kms:Decrypt", "kms:GenerateDataKey*"},
				map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": s.stack.Account()}}),
			service("logs."+*s.stack.Region()+".amazonaws.com",
				[]string{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"},
				map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": s.arn("logs", "log-group:*")}}),
		),
	})
	s.retain(s.key)
	awskms.NewCfnAlias(s.stack, str("KeyAlias"), &awskms.CfnAliasProps{
		AliasName:   str("alias/" + s.name("")),
		TargetKeyId: s.key.AttrArn(),
	})
}
