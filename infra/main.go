// Command infra is the CDK app: it turns the application's own tables of functions, routes, keys and permissions, and
// the operator's few settings, into one CloudFormation stack. `make synth` runs it through the CDK's command line.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	os.Exit(run())
}

// run is main with an exit code: 1 when a setting is wrong or missing, or when a check finds something.
func run() int {
	defer jsii.Close()
	app := newApp(nil)
	settings, err := settingsOf(app.Node().GetAllContext(nil).(map[string]any))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stack, err := newStack(app, settings, "build")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	findings := findingsOf(app.Synth(nil).GetStackByName(stack.StackName()))
	for _, finding := range findings {
		fmt.Fprintln(os.Stderr, finding)
	}
	if len(findings) > 0 {
		return 1
	}
	return 0
}

// newApp returns the app with every check that there is switched on. Nothing in it depends on the machine.
func newApp(outdir *string) awscdk.App {
	return awscdk.NewApp(&awscdk.AppProps{
		Outdir:             outdir,
		AnalyticsReporting: jsii.Bool(false),
		TreeMetadata:       jsii.Bool(false),
		StackTraces:        jsii.Bool(false),
		PostCliContext:     &map[string]any{"@aws-cdk/core:validateAgainstDefaultRules": true},
	})
}
