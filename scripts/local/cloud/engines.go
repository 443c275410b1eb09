package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/table"
)

// healthTimeout is how long an engine may take to answer.
const healthTimeout = 30 * time.Second

// Memory is a folder whose files lie in memory, "" where there is none with that much room: a state that need not
// survive this machine is not held up there by a disk that others use too.
func Memory(room uint64) string {
	const folder = "/dev/shm"
	var found syscall.Statfs_t
	if err := syscall.Statfs(folder, &found); err != nil || found.Bavail*uint64(found.Bsize) < room {
		return ""
	}
	return folder
}

func databaseBinary(root string) string {
	return filepath.Join(root, "infra", "node_modules", "@dynoxide", "linux-x64", "dynoxide")
}

func sqliteModule(root string) string {
	return filepath.Join(root, "infra", "node_modules", "node-sqlite3-wasm")
}

func mailboxModule(root string) string {
	return filepath.Join(root, "infra", "node_modules", "aws-ses-v2-local")
}

// checkEngines finds what would keep the engines from starting, before anything that takes long.
func checkEngines(config Config) error {
	for variable, endpoint := range map[string]string{"DYNAMODB_ENDPOINT": config.DynamoDBEndpoint,
		"SES_ENDPOINT": config.SESEndpoint} {
		if parsed, err := url.Parse(endpoint); endpoint != "" && (err != nil || parsed.Host == "" ||
			parsed.Scheme != "http" && parsed.Scheme != "https") {
			return fmt.Errorf("%s is no address of the form http://host:port: %s", variable, endpoint)
		}
	}
	if config.DynamoDBEndpoint == "" {
		if err := free("DYNAMODB_PORT", config.DynamoDBPort); err != nil {
			return err
		}
		_, err := os.Stat(databaseBinary(config.Root))
		if err == nil {
			_, err = os.Stat(sqliteModule(config.Root))
		}
		if err != nil {
			if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
				return fmt.Errorf("the DynamoDB-compatible engine runs on Linux x64 only: start DynamoDB Local and " +
					"set DYNAMODB_ENDPOINT to its address")
			}
			return fmt.Errorf("the DynamoDB-compatible engine is not installed: run npm ci --prefix infra")
		}
	}
	if config.SESEndpoint == "" {
		if err := free("SES_PORT", config.SESPort); err != nil {
			return err
		}
		if _, err := os.Stat(mailboxModule(config.Root)); err != nil {
			return fmt.Errorf("the SES-compatible mailbox is not installed: run npm ci --prefix infra")
		}
	}
	if _, err := exec.LookPath("node"); err != nil && (config.DynamoDBEndpoint == "" || config.SESEndpoint == "") {
		return fmt.Errorf("node is not installed, and the local engines need it: install Node.js 20 or newer")
	}
	return nil
}

// free checks that a port that an engine is to have is not taken.
func free(variable string, port int) error {
	if port == 0 {
		return nil
	}
	listener, err := listen(variable, port)
	if err != nil {
		return err
	}
	return listener.Close()
}

// KillDatabase ends the engine as it stands, in the middle of whatever it does; RestartDatabase starts it again on what
// it has kept. Only an engine that this cloud started can be killed.
func (c *Cloud) KillDatabase() error {
	if c.engines[databaseEngine] == nil {
		return errors.New("the engine was not started here")
	}
	c.engines[databaseEngine].kill()
	return nil
}

// RestartDatabase starts the engine again, at the address that it had, and returns once it answers.
func (c *Cloud) RestartDatabase(ctx context.Context) error {
	address, err := url.Parse(c.config.DynamoDBEndpoint)
	if err != nil {
		return err
	}
	if c.config.DynamoDBPort, err = strconv.Atoi(address.Port()); err != nil {
		return err
	}
	_, err = c.startDatabase(ctx)
	return err
}

// StartDatabase starts the engine alone, with its files in the folder, and says where it answers.
func StartDatabase(ctx context.Context, root, folder string) (endpoint string, stop func(), err error) {
	c := &Cloud{config: Config{Root: root, StateDir: folder}, engines: map[string]*child{}}
	if err := os.MkdirAll(filepath.Join(folder, "logs"), 0o755); err != nil {
		return "", nil, err
	}
	endpoint, err = c.startDatabase(ctx)
	return endpoint, c.Stop, err
}

func (c *Cloud) startDatabase(ctx context.Context) (string, error) {
	file := filepath.Join(c.config.StateDir, "dynamodb.sqlite")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := makeDatabaseFile(ctx, c.config.Root, file); err != nil {
			return "", fmt.Errorf("make the engine's file %s: %w", file, err)
		}
	}
	return c.startEngine(ctx, engine{
		name: databaseEngine, port: c.config.DynamoDBPort, health: "/",
		command: func(port string) *exec.Cmd {
			return exec.Command(databaseBinary(c.config.Root), "serve", "--host", "127.0.0.1", "--port", port,
				"--db-path", file)
		},
	})
}

// streamTable is the engine's table of the stream's records, as @dynoxide 1.2 would make it, with an index that it
// lacks: the engine looks for the highest number before it writes a record, and would read all records for it.
const streamTable = `CREATE TABLE _stream_records (
	id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL, event_name TEXT NOT NULL, keys_json TEXT NOT NULL,
	new_image TEXT, old_image TEXT, sequence_number TEXT NOT NULL, shard_id TEXT NOT NULL, created_at INTEGER NOT NULL,
	user_identity TEXT);
CREATE INDEX _stream_numbers ON _stream_records (table_name, CAST(sequence_number AS INTEGER));`

// sqliteScript carries out statements on a file of SQLite.
const sqliteScript = `const { Database } = require(process.argv[1]);
const database = new Database(process.argv[2]);
database.exec(process.argv[3]);
database.close();`

// makeDatabaseFile makes the engine's file with the stream's table. The engine adds the other tables when it starts. A
// file that is there is whole.
func makeDatabaseFile(ctx context.Context, root, file string) error {
	folder, err := os.MkdirTemp(filepath.Dir(file), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	begun := filepath.Join(folder, filepath.Base(file))
	cmd := exec.CommandContext(ctx, "node", "-e", sqliteScript, sqliteModule(root), begun, streamTable)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return os.Rename(begun, file)
}

// mailboxScript runs the mailbox until its standard input closes, which it does when this process dies.
const mailboxScript = `require(process.argv[1]).default({ host: '127.0.0.1', port: Number(process.argv[2]) });
process.stdin.resume().on('end', () => process.exit());`

func (c *Cloud) startMailbox(ctx context.Context) (string, error) {
	return c.startEngine(ctx, engine{
		name: "ses", port: c.config.SESPort, health: "/health-check",
		command: func(port string) *exec.Cmd {
			return exec.Command("node", "-e", mailboxScript, mailboxModule(c.config.Root), port)
		},
	})
}

// databaseEngine is the DynamoDB-compatible engine's name.
const databaseEngine = "dynamodb"

type engine struct {
	name    string
	port    int
	health  string // the path that answers 200 once the engine is up
	command func(port string) *exec.Cmd
}

// startEngine starts the engine, waits until it answers, and says where.
func (c *Cloud) startEngine(ctx context.Context, e engine) (endpoint string, err error) {
	log, err := os.OpenFile(filepath.Join(c.config.StateDir, "logs", e.name+".log"),
		os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return "", fmt.Errorf("open the log of %s: %w", e.name, err)
	}
	c.onStop(func() { log.Close() })
	// A free port is free only until somebody else finds it, so that is tried again; a given port is not.
	attempts := 1
	if e.port == 0 {
		attempts = 5
	}
	for range attempts {
		port := strconv.Itoa(e.port)
		if e.port == 0 {
			ports, err := FreePorts(1)
			if err != nil {
				return "", err
			}
			port = ports[0]
		}
		cmd := e.command(port)
		cmd.Stdout, cmd.Stderr = log, log
		input, output, pipeErr := os.Pipe()
		if pipeErr != nil {
			return "", fmt.Errorf("start %s: %w", e.name, pipeErr)
		}
		cmd.Stdin = input
		var running *child
		running, err = spawn(cmd)
		input.Close()
		if err != nil {
			output.Close()
			return "", err
		}
		endpoint = "http://" + net.JoinHostPort("127.0.0.1", port)
		if err = waitHealthy(ctx, endpoint+e.health, running); err == nil {
			c.engines[e.name] = running
			c.onStop(func() { running.terminate(5 * time.Second); output.Close() })
			return endpoint, nil
		}
		running.kill()
		output.Close()
	}
	return "", fmt.Errorf("%s did not start: %w (log: %s)", e.name, err, log.Name())
}

// FreePorts finds loopback ports that are free. They lie below 32768, for systems give ports from there on to
// connections: nobody takes them before they are used, nor while an engine starts again.
func FreePorts(n int) ([]string, error) {
	var ports []string
	for range 100 * n {
		port := strconv.Itoa(10000 + rand.N(22000))
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		defer listener.Close() // not before all are found, so that they differ
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("find free ports: hundreds were tried, and are taken")
}

func waitHealthy(ctx context.Context, url string, running *child) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			// Whoever else has taken the port meanwhile answers in vain.
			if answer.StatusCode == http.StatusOK && running.running() {
				return nil
			}
		}
		select {
		case <-running.done:
			return fmt.Errorf("it ended (%v)", running.err)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// aws reaches the engine as the functions do, with credentials that open nothing.
func (config Config) aws() aws.Config {
	return aws.Config{
		Region:       Region,
		Credentials:  credentials.NewStaticCredentialsProvider(config.AccessKeyID, "local", ""),
		BaseEndpoint: aws.String(config.DynamoDBEndpoint),
	}
}

// ensureTable creates the table if the engine has none, and says whether it did.
func ensureTable(ctx context.Context, client *dynamodb.Client) (created bool, err error) {
	name := aws.String(TableName)
	_, err = client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
	if err == nil {
		return false, nil
	}
	if missing := (*types.ResourceNotFoundException)(nil); !errors.As(err, &missing) {
		return false, err
	}
	if _, err = client.CreateTable(ctx, table.CreateInput(TableName)); err != nil {
		return false, fmt.Errorf("create the table: %w", err)
	}
	if err = dynamodb.NewTableExistsWaiter(client, func(options *dynamodb.TableExistsWaiterOptions) {
		options.MinDelay = 20 * time.Millisecond
	}).Wait(ctx, &dynamodb.DescribeTableInput{TableName: name}, healthTimeout); err != nil {
		return false, fmt.Errorf("wait for the table: %w", err)
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(table.TimeToLive),
			Enabled: aws.Bool(true)}})
	if err != nil {
		return false, fmt.Errorf("set the attribute that items expire by: %w", err)
	}
	return true, nil
}

// WithoutStream runs f while the table has no stream, for loads that wake nobody: the engine takes about 1.4 times as
// many writes without one, and nobody reads their records afterwards. Nothing else may write meanwhile.
func (c *Cloud) WithoutStream(ctx context.Context, f func() error) error {
	if err := c.Drain(ctx); err != nil {
		return err
	}
	if err := c.setStream(ctx, &types.StreamSpecification{StreamEnabled: aws.Bool(false)}); err != nil {
		return fmt.Errorf("take away the table's stream: %w", err)
	}
	failed := f()
	if err := c.setStream(ctx, table.CreateInput(TableName).StreamSpecification); err != nil {
		return errors.Join(failed, fmt.Errorf("give the table a stream again: %w", err))
	}
	return failed
}

func (c *Cloud) setStream(ctx context.Context, stream *types.StreamSpecification) error {
	_, err := c.database.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: aws.String(TableName),
		StreamSpecification: stream})
	return err
}
