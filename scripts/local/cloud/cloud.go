// Package cloud is the part of AWS that the functions stand on, on one machine: API Gateway, Lambda, the table's event
// source mapping, EventBridge Scheduler and an identity provider, over a DynamoDB-compatible engine and a mailbox. It
// runs the functions as they are deployed: same source, same flags, built for the host.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/coreos/go-oidc/v3/oidc"

	"mci.example/customers/scripts/local/issuer"
	"mci.example/customers/scripts/local/kms"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// What the one-machine cloud has in place of an account's own names.
const (
	Region    = "us-east-1"
	Account   = "123456789012"
	TableName = "customers"
	ClientID  = "portal"                 // the portal at the issuer: the audience of tokens
	Sender    = "incentives@mci.example" // the address that consent emails come from
)

// issuerPath is where the issuer's addresses begin.
const issuerPath = "/local/issuer"

// Config says what to start and where. Root and StateDir must be set; the zero value of everything else works.
type Config struct {
	Root     string // the repository
	StateDir string // the table, the keys, the logs, the clock: all that survives a restart

	Port         int // of the API; 0 takes any free one, here and below
	DynamoDBPort int
	SESPort      int

	DynamoDBEndpoint string // use this engine and start none
	SESEndpoint      string // use this mailbox and start none
	AccessKeyID      string // what functions sign with; DynamoDB Local keeps a database for each

	Output io.Writer // progress, and functions' failures; nowhere if nil

	// Two settings of a stage, as functions are given them; "" is the product's own default.
	MailsPerPartner string
	RetentionMonths string

	NoSchedule bool // leave it to the caller to invoke what runs on a schedule

	// IssuerApart has the issuer answer at an address of another site than the API's, as it is in AWS.
	IssuerApart bool

	NoDomainEvents bool // for those who measure: nothing is read for the bus

	// Functions, Routes, Stream and Rules are the product's own, unless a test of the cloud itself brings others, and
	// Packages are those that make the functions' binaries.
	Functions []platform.Function
	Routes    []rest.Route
	Stream    Stream
	Rules     []Rule
	Packages  []string

	// AllowBroken starts without the functions that do not build, which then fail when they are called, so that work on
	// one function does not keep the tests of another from running.
	AllowBroken bool

	// Endpoints, if set, gives the endpoints that a function's process is started with, so that a test can stand
	// between the function and the engines.
	Endpoints func(function, process string) Endpoints
}

// Endpoints is where the AWS services that functions call are.
type Endpoints struct{ DynamoDB, SES, KMS string }

// Stream is what wakes a function by the table's stream; see platform.Stream.
type Stream struct {
	Function   string
	Filter     string
	BatchSize  int
	Retries    int
	MaximumAge time.Duration
}

// Cloud is a running one-machine cloud.
type Cloud struct {
	config   Config
	url      string
	clock    *clock
	issuer   *issuer.Issuer
	verifier *oidc.IDTokenVerifier
	kms      *kms.Service
	lambda   *lambda
	pollers  []*poller
	bus      *bus
	database *dynamodb.Client
	engines  map[string]*child // by name; without those that somebody else runs
	at       Endpoints         // of the engines themselves
	created  bool              // whether the table was created by this start

	stopOnce sync.Once
	closers  []func() // run last to first
}

// FindRoot is the repository: the working folder, or the nearest one above it that has a go.mod.
func FindRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("start this within the repository")
		}
		folder = parent
	}
}

// Start starts everything and returns once requests are answered. An error is one line that says what to do, except for
// what the compiler has to say about functions that do not build. ctx bounds the start alone; Stop ends what was
// started.
func Start(ctx context.Context, config Config) (_ *Cloud, err error) {
	config = config.withDefaults()
	c := &Cloud{config: config, engines: map[string]*child{}}
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	if err := os.MkdirAll(filepath.Join(config.StateDir, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("the state cannot be kept in %s (%w): set STATE_DIR to another folder", config.StateDir,
			err)
	}
	lock, err := lockFile(filepath.Join(config.StateDir, "lock"), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return nil, fmt.Errorf("%s is in use by another run: stop it, or set STATE_DIR to another folder",
			config.StateDir)
	}
	c.onStop(func() { lock.Close() })
	if err := checkForm(config.StateDir); err != nil {
		return nil, err
	}

	// Everything that may be wrong with the configuration is checked before anything that takes long.
	listener, err := listen("PORT", config.Port)
	if err != nil {
		return nil, err
	}
	c.onStop(func() { listener.Close() })
	c.url = "http://" + listener.Addr().String()
	if err := checkEngines(config); err != nil {
		return nil, err
	}

	if c.clock, err = openClock(filepath.Join(config.StateDir, "clock")); err != nil {
		return nil, err
	}
	if err := c.openIssuer(); err != nil {
		return nil, err
	}
	if c.kms, err = kms.Open(filepath.Join(config.StateDir, "kms"), Region, Account); err != nil {
		return nil, fmt.Errorf("the keys that sign receipts: %w", err)
	}
	if c.at.KMS, err = c.serve(c.kms); err != nil {
		return nil, err
	}
	inside, err := c.serve(http.HandlerFunc(c.serveFunction))
	if err != nil {
		return nil, err
	}
	values, err := c.functionEnvironment(inside)
	if err != nil {
		return nil, err
	}

	binaries, err := newBuild(ctx, config)
	if err != nil {
		return nil, err
	}
	c.onStop(binaries.release)
	if c.config.DynamoDBEndpoint == "" {
		if c.config.DynamoDBEndpoint, err = c.startDatabase(ctx); err != nil {
			return nil, err
		}
	}
	if c.config.SESEndpoint == "" {
		if c.config.SESEndpoint, err = c.startMailbox(ctx); err != nil {
			return nil, err
		}
	}
	c.at.DynamoDB, c.at.SES = c.config.DynamoDBEndpoint, c.config.SESEndpoint
	c.database = dynamodb.NewFromConfig(c.config.aws())
	if c.created, err = ensureTable(ctx, c.database); err != nil {
		return nil, fmt.Errorf("prepare the table at %s: %w", c.config.DynamoDBEndpoint, err)
	}
	if c.lambda, err = startLambda(c.config, c.at, binaries, values, c.clock); err != nil {
		return nil, err
	}
	background, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	c.onStop(func() {
		cancel()
		c.lambda.stop() // which ends what the background waits for
		running.Wait()
		if c.bus != nil {
			c.bus.stop()
		}
	})
	if c.bus, err = openBus(background, c.config, c.lambda, c.clock); err != nil {
		return nil, err
	}
	if err := c.readStream(); err != nil {
		return nil, err
	}
	for _, poller := range c.pollers {
		running.Go(func() { poller.run(background) })
	}
	if !config.NoSchedule {
		running.Go(func() { runSchedule(background, c.lambda, c.clock, c.config.Output) })
	}

	server := &http.Server{Handler: c, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	c.onStop(func() { server.Close() })
	go server.Serve(listener) // ends with http.ErrServerClosed when Stop closes the server
	return c, nil
}

func (config Config) withDefaults() Config {
	if config.Output == nil {
		config.Output = io.Discard
	}
	if config.AccessKeyID == "" {
		config.AccessKeyID = "local"
	}
	if config.Functions == nil {
		config.Functions = platform.Functions
	}
	if config.Routes == nil {
		config.Routes = rest.GatewayRoutes()
	}
	if config.Stream == (Stream{}) {
		config.Stream = Stream(platform.Stream)
	}
	if config.Rules == nil && slices.ContainsFunc(config.Functions,
		func(f platform.Function) bool { return f.Name == platform.Notices.Function }) {
		config.Rules = []Rule{Rule(platform.Notices)}
	}
	if config.Packages == nil {
		config.Packages = []string{"./functions/..."}
	}
	return config
}

// Stop ends everything that was started and returns when it is gone. The state stays.
func (c *Cloud) Stop() {
	c.stopOnce.Do(func() {
		for i := len(c.closers) - 1; i >= 0; i-- {
			c.closers[i]()
		}
	})
}

func (c *Cloud) onStop(f func()) { c.closers = append(c.closers, f) }

// URL is where the API answers, without a slash at its end.
func (c *Cloud) URL() string { return c.url }

// Endpoints is where the engines themselves are.
func (c *Cloud) Endpoints() Endpoints { return c.at }

// DynamoDBEndpoint is the engine's address.
func (c *Cloud) DynamoDBEndpoint() string { return c.at.DynamoDB }

// SESEndpoint is the mailbox's address.
func (c *Cloud) SESEndpoint() string { return c.at.SES }

// ReceiptKeys is what functions are told of the keys that sign receipts: 1=<ARN>,2=<ARN>, the last one signs.
func (c *Cloud) ReceiptKeys() string { return c.kms.ReceiptKeys() }

// AddReceiptKey makes one more key, which signs receipts from the next request on; earlier keys go on to verify.
func (c *Cloud) AddReceiptKey() error {
	if err := c.kms.AddKey(); err != nil {
		return err
	}
	c.lambda.set(platform.ReceiptKeys, c.kms.ReceiptKeys())
	return nil
}

// Database is a client of the engine, beside the functions' own.
func (c *Cloud) Database() *dynamodb.Client { return c.database }

// TableCreated says whether this start created the table, which is then empty.
func (c *Cloud) TableCreated() bool { return c.created }

// Now is the instant that the functions see.
func (c *Cloud) Now() time.Time { return c.clock.now() }

// Offset is how far ahead of the real time the functions run.
func (c *Cloud) Offset() time.Duration { return c.clock.offset() }

// SetClock has all functions run that far ahead, from the next request on.
func (c *Cloud) SetClock(offset time.Duration) error {
	if err := c.clock.set(offset); err != nil {
		return err
	}
	c.lambda.replaceProcesses()
	return nil
}

// form is the number of the state's form: what a table's items, keys and files look like. Whoever changes one of them
// so that the functions cannot read what is there counts it up.
const form = "4"

// checkForm refuses a state of another form, and notes the form of a new one.
func checkForm(state string) error {
	noted := filepath.Join(state, "form")
	kept, err := os.ReadFile(noted)
	if err == nil && strings.TrimSpace(string(kept)) == form {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the form of the state: %w", err)
	}
	entries, listErr := os.ReadDir(state)
	if listErr != nil {
		return fmt.Errorf("look what %s holds: %w", state, listErr)
	}
	isOlder := func(entry fs.DirEntry) bool { return entry.Name() != "lock" && entry.Name() != "logs" }
	if err == nil || slices.ContainsFunc(entries, isOlder) {
		return fmt.Errorf("%s is of an older form than this program: empty it by make reset", state)
	}
	return writeFile(noted, []byte(form))
}

// readStream makes the readers of the table's stream: the event source mapping of a function, and the pipe to the bus.
func (c *Cloud) readStream() error {
	add := func(stream Stream, checkpointFile string, target target) error {
		made, err := newPoller(c.config, stream, checkpointFile, c.created, target)
		if err == nil {
			c.pollers = append(c.pollers, made)
		}
		return err
	}
	if c.config.Stream.Function != "" {
		if err := add(c.config.Stream, "stream.json", c.offer); err != nil {
			return err
		}
	}
	if c.config.NoDomainEvents {
		return nil
	}
	return add(Stream{Function: pipe, Filter: platform.DomainEvents.Filter, BatchSize: 10, Retries: 50,
		MaximumAge: 6 * time.Hour},
		"pipe.json", c.publish)
}

// openIssuer makes the issuer of tokens. Its addresses are the API's own, unless it is to be apart.
func (c *Cloud) openIssuer() error {
	url := c.url
	if c.config.IssuerApart {
		apart, err := c.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.issuer.ServeHTTP(w, r)
		}))
		if err != nil {
			return err
		}
		url = strings.Replace(apart, "127.0.0.1", "localhost", 1)
	}
	var err error
	c.issuer, err = issuer.Open(url+issuerPath, filepath.Join(c.config.StateDir, "issuer-key.pem"),
		issuer.Client{ID: ClientID,
			RedirectTo:  []string{c.url + "/portal/callback"},
			SignedOutTo: []string{c.url + "/", c.url + "/portal", c.url + "/portal/sign-in"},
		})
	if err != nil {
		return err
	}
	keys := oidc.NewRemoteKeySet(context.Background(), c.issuer.KeysURL()) // fetched when a token first needs them
	c.verifier = oidc.NewVerifier(c.issuer.URL(), keys, &oidc.Config{SkipClientIDCheck: true})
	return nil
}

// Token gives an ID token of the user, as POST /local/token does.
func (c *Cloud) Token(subject, partner string, roles ...string) (string, error) {
	return c.issuer.Token(issuer.User{Subject: subject, Partner: partner, Roles: roles})
}

// Sign gives a token of the issuer with these very claims; tests make tokens with it that nobody should accept.
func (c *Cloud) Sign(claims map[string]any) (string, error) { return c.issuer.Sign(claims) }

// Issuer gives what the claim iss must say.
func (c *Cloud) Issuer() string { return c.issuer.URL() }

// serve answers on a free loopback port until Stop, and gives the address.
func (c *Cloud) serve(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen on a free port: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	c.onStop(func() { server.Close() })
	go server.Serve(listener) // ends with http.ErrServerClosed when Stop closes the server
	return "http://" + listener.Addr().String(), nil
}

// listen binds a loopback port, or says which variable moves it.
func listen(variable string, port int) (net.Listener, error) {
	// A run that was killed may need a moment to let go of its ports.
	for deadline := time.Now().Add(time.Second); ; time.Sleep(50 * time.Millisecond) {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("port %d cannot be used (%w): set %s to another one", port, err, variable)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("port %d is in use: set %s to another one", port, variable)
		}
	}
}
