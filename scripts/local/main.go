// Command local runs the whole system on this machine until Ctrl-C: make run. Its first line on standard output says
// that it is ready and where; everything else goes to standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/platform"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run starts everything, says so, and stays until ctx is over.
func run(ctx context.Context) error {
	config, err := configure()
	if err != nil {
		return err
	}
	started, err := cloud.Start(ctx, config)
	if err != nil {
		return err
	}
	defer started.Stop()
	if err := importSample(ctx, started, config); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "DynamoDB %s, mailbox %s, logs %s\n",
		started.DynamoDBEndpoint(), started.SESEndpoint(), filepath.Join(config.StateDir, "logs"))
	fmt.Println("ready", started.URL())
	fmt.Println("portal", started.URL()+"/portal", "(sign in as Ana, or anyone)")
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "stopping")
	return nil
}

// configure reads the environment.
func configure() (cloud.Config, error) {
	config := cloud.Config{
		DynamoDBEndpoint: os.Getenv("DYNAMODB_ENDPOINT"),
		SESEndpoint:      os.Getenv("SES_ENDPOINT"),
		StateDir:         os.Getenv("STATE_DIR"),
		MailsPerPartner:  os.Getenv(platform.MailsPerPartner),
		RetentionMonths:  os.Getenv(platform.RetentionMonths),
		Output:           os.Stderr,
	}
	var err error
	if config.Root, err = cloud.FindRoot(); err != nil {
		return config, err
	}
	if config.StateDir == "" {
		config.StateDir = filepath.Join(config.Root, ".local")
	}
	if config.StateDir, err = filepath.Abs(config.StateDir); err != nil {
		return config, fmt.Errorf("STATE_DIR: %w", err)
	}
	for _, port := range []struct {
		variable string
		value    *int
		standard int
	}{{"PORT", &config.Port, 8080}, {"DYNAMODB_PORT", &config.DynamoDBPort, 8000}, {"SES_PORT", &config.SESPort,
		8005}} {
		*port.value = port.standard
		if given := os.Getenv(port.variable); given != "" {
			if *port.value, err = strconv.Atoi(given); err != nil || *port.value < 1 || *port.value > 65535 {
				return config, fmt.Errorf("%s is no port from 1 to 65535: %s", port.variable, given)
			}
		}
	}
	for name, value := range map[string]string{
		platform.MailsPerPartner: config.MailsPerPartner, platform.RetentionMonths: config.RetentionMonths} {
		if number, err := strconv.Atoi(value); value != "" && (err != nil || number < 1) {
			return config, fmt.Errorf("%s is no whole number from 1 on: %s", name, value)
		}
	}
	return config, nil
}

// importSample loads the sample on the first run. A run that was cut short meanwhile does it again, which changes
// nothing that was loaded.
func importSample(ctx context.Context, started *cloud.Cloud, config cloud.Config) error {
	done := filepath.Join(config.StateDir, "sample-imported")
	_, err := os.Stat(done)
	if err == nil && !started.TableCreated() {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look whether the sample was imported: %w", err)
	}
	fmt.Fprintln(os.Stderr, "importing the sample data of scripts/sample")
	folder := filepath.Join(config.Root, "scripts", "sample")
	err = started.WithoutStream(ctx, func() error {
		_, err := importer.Run(ctx, started.Database(), cloud.TableName, folder, importer.Options{})
		return err
	})
	if err != nil {
		return fmt.Errorf("import the sample data: %w", err)
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		return fmt.Errorf("remember that the sample was imported: %w", err)
	}
	return nil
}
