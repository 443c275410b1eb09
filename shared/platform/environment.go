package platform

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"mci.example/customers/shared/mci"
)

// defaults are of the settings that need not be given.
var defaults = map[string]string{PartnerClaim: "custom:partnerId", RolesClaim: "cognito:groups",
	MailsPerPartner: "1000"}

// mayBeEmpty are the settings for which no value means something.
var mayBeEmpty = map[string]bool{SignOutURL: true, RetentionMonths: true}

// Environment is what a function runs with: its settings and its clock.
type Environment struct {
	settings map[string]string
	offset   time.Duration
}

// garbagePercent has the collector run less often than it would by itself. A function's heap is a few megabytes and its
// memory far larger, so a call's answer need not wait for it.
const garbagePercent = 150

// Open reads what Functions says that the function needs, and ends the process with a clear line where something is
// missing: a function that cannot do its work shall not start.
func Open(function string) *Environment {
	debug.SetGCPercent(garbagePercent)
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("function", function))
	environment, err := open(function)
	if err != nil {
		Fail(err)
	}
	return environment
}

// Fail ends the process before it has begun to serve, and says why.
func Fail(err error) {
	slog.Error("cannot start", "error", err)
	os.Exit(1)
}

// Must gives the value; it ends the process, as Fail does, where there is an error instead.
func Must[T any](value T, err error) T {
	if err != nil {
		Fail(err)
	}
	return value
}

func open(function string) (*Environment, error) {
	declared := FunctionOf(function)
	if declared.Name == "" {
		return nil, fmt.Errorf("there is no function %q in the list of functions", function)
	}
	environment := &Environment{settings: map[string]string{}}
	for _, name := range declared.Environment {
		value := os.Getenv(name)
		if value == "" {
			value = defaults[name]
		}
		if value == "" && !mayBeEmpty[name] {
			return nil, fmt.Errorf("the environment variable %s is not set", name)
		}
		environment.settings[name] = value
	}
	if offset := os.Getenv(ClockOffset); offset != "" {
		var err error
		if environment.offset, err = time.ParseDuration(offset); err != nil {
			return nil, fmt.Errorf("reading %s: %w", ClockOffset, err)
		}
	}
	return environment, nil
}

// Setting gives the value of one of the function's environment variables.
func (e *Environment) Setting(name string) string { return e.settings[name] }

// API gives the address at which the function calls the API: PUBLIC_URL, except on one machine, where a function's own
// calls have an address apart so that the gateway can tell them from calls of the outside.
func (e *Environment) API() string { return cmp.Or(os.Getenv(APIURL), e.settings[PublicURL]) }

// Number gives the value of a setting that is a whole number; the process ends where it is none.
func (e *Environment) Number(name string) int {
	number, err := strconv.Atoi(e.settings[name])
	if err != nil {
		Fail(fmt.Errorf("the environment variable %s must be a whole number, not %q", name, e.settings[name]))
	}
	return number
}

// Now is the instant by the function's clock: UTC, whole milliseconds.
func (e *Environment) Now() time.Time {
	return time.Now().Add(e.offset).UTC().Truncate(time.Millisecond)
}

// Act says who does something at an instant.
func Act(at time.Time, actor string) mci.Act {
	return mci.Act{At: at, Actor: actor, Salt: RandomBytes(32)}
}

// RandomBytes gives n bytes that nobody can guess.
func RandomBytes(n int) []byte {
	random := make([]byte, n)
	_, _ = rand.Read(random) // never fails: it ends the process where the system has no randomness
	return random
}
