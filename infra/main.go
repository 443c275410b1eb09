// Command infra is the CDK app: it turns the application's own tables of functions, routes, keys and permissions, and
// the operator's few settings, into one CloudFormation stack. `make synth` runs it through the CDK's command line.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/jsii-runtime-go"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run synthesises the stack that the settings ask for. The settings are checked before anything is started or written.
func run() error {
	context := map[string]any{}
	if given := os.Getenv("CDK_CONTEXT_JSON"); given != "" { // where the CDK's command line puts them
		if err := json.Unmarshal([]byte(given), &context); err != nil {
			return fmt.Errorf("reading the settings that the CDK hands over: %w", err)
		}
	}
	settings, err := settingsOf(context)
	if err != nil {
		return err
	}
	defer jsii.Close()
	_, err = synthesise(settings, "build", nil)
	return err
}
