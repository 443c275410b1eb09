package cloud

import (
	"fmt"
	"os"
	"strconv"

	"mci.example/customers/scripts/local/issuer"
	"mci.example/customers/shared/platform"
)

// functionEnvironment gives the value of every variable that a function declares; in AWS the stack does. Functions call
// the API at the address inside.
func (c *Cloud) functionEnvironment(inside string) (map[string]string, error) {
	values := map[string]string{
		platform.Stage:            "local",
		platform.TableName:        TableName,
		platform.PartnerClaim:     issuer.PartnerClaim,
		platform.RolesClaim:       issuer.RolesClaim,
		platform.Sender:           Sender,
		platform.ConfigurationSet: "consent",
		platform.PublicURL:        c.url,
		platform.APIURL:           inside,
		platform.ReceiptKeys:      c.kms.ReceiptKeys(),
		platform.OIDCIssuer:       c.issuer.URL(),
		platform.OIDCClientID:     ClientID,
		platform.SignOutURL:       "", // discovery names it
		platform.MailsPerPartner:  c.config.MailsPerPartner,
		platform.RetentionMonths:  c.config.RetentionMonths,
	}
	for _, function := range c.config.Functions {
		for _, name := range function.Environment {
			if _, known := values[name]; !known {
				return nil, fmt.Errorf("%s reads %s, to which the one-machine cloud gives no value", function.Name,
					name)
			}
		}
	}
	return values, nil
}

// environment is what a process of the function is started with: its own variables and those that Lambda sets, and
// nothing of this process's, so that no credentials or settings of the user reach it.
func (l *lambda) environment(function platform.Function, process string) []string {
	at := l.at
	if l.config.Endpoints != nil {
		at = l.config.Endpoints(function.Name, process)
	}
	environment := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + l.config.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_FUNCTION_NAME=" + function.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(function.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + function.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + process,
		"AWS_LAMBDA_RUNTIME_API=" + l.runtimeAPI + "/" + process,
		"AWS_ENDPOINT_URL_DYNAMODB=" + at.DynamoDB,
		"AWS_ENDPOINT_URL_SESV2=" + at.SES,
		"AWS_ENDPOINT_URL_KMS=" + at.KMS,
		platform.APIURL + "=" + l.values[platform.APIURL],
		"LAMBDA_TASK_ROOT=" + l.binaries.folder,
		"_HANDLER=bootstrap",
	}
	if folder := coverage(); folder != "" {
		environment = append(environment, "GOCOVERDIR="+folder)
	}
	for _, name := range function.Environment {
		environment = append(environment, name+"="+l.values[name])
	}
	if offset := l.clock.offset(); offset != 0 {
		environment = append(environment, platform.ClockOffset+"="+offset.String())
	}
	return environment
}

// writeFile replaces the file as a whole or not at all, so that a killed run leaves no half of it.
func writeFile(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
