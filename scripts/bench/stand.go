package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"mci.example/customers/scripts/bench/replay"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/platform"
)

// The functions that others are measured against.
const (
	floorFunction = "floor"
	emptyFunction = "empty"        // holds no client
	emptyClient   = "empty-client" // holds an HTTP client, and makes the calls that it is told
	emptyTable    = "empty-table"  // holds the table's client
	emptyMail     = "empty-mail"   // holds the table's and SES's
	emptyKeys     = "empty-keys"   // holds the table's and KMS's
)

// stand is a one-machine cloud to measure on: the functions as they are deployed and the floor, on a table without a
// stream, for whose records the engine would take time.
type stand struct {
	*cloud.Cloud
	state     string
	recorder  *recorder
	recording atomic.Bool // whether processes started from now on are recorded
	peaks     map[string]int64
}

// openStand starts a stand. Functions is what is deployed; an endpoint of "" starts an engine of its own.
func openStand(ctx context.Context, root string, functions []platform.Function, endpoint string) (*stand, error) {
	state, err := os.MkdirTemp(cloud.Memory(8<<30), "bench-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the state: %w", err)
	}
	s := &stand{state: state, peaks: map[string]int64{}}
	if s.recorder, err = startRecorder(); err != nil {
		return nil, err
	}
	functions = slices.Clone(functions)
	for _, name := range []string{floorFunction, emptyFunction, emptyTable, emptyMail, emptyKeys,
		emptyClient} {
		functions = append(functions, platform.Function{Name: name, MemoryMB: 512, Timeout: 5 * time.Minute})
	}
	s.Cloud, err = cloud.Start(ctx, cloud.Config{
		Root: root, StateDir: state, Output: os.Stderr, NoSchedule: true, DynamoDBEndpoint: endpoint,
		Functions: functions,
		Packages: []string{"./functions/...", "./scripts/bench/floor", "./scripts/bench/empty",
			"./scripts/bench/empty-table", "./scripts/bench/empty-mail", "./scripts/bench/empty-keys",
			"./scripts/bench/empty-client"},
		Stream:         cloud.Stream{Filter: platform.Stream.Filter}, // which wakes nobody
		NoDomainEvents: true,
		Endpoints: func(string, string) cloud.Endpoints {
			if s.recording.Load() {
				return s.recorder.endpoints()
			}
			return s.Cloud.Endpoints()
		},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the one-machine cloud: %w", err)
	}
	s.recorder.connect(s.Cloud)
	if endpoint != "" {
		return s, nil
	}
	_, err = s.Database().UpdateTable(ctx, &dynamodb.UpdateTableInput{
		TableName:           aws.String(cloud.TableName),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)},
	})
	if err != nil {
		s.close()
		return nil, fmt.Errorf("taking away the table's stream: %w", err)
	}
	return s, nil
}

func (s *stand) close() {
	s.Stop()
	s.recorder.stop()
	os.RemoveAll(s.state) // a folder of temporary files that stays is harmless
}

// replace has every function begin anew, as after a deployment.
func (s *stand) replace() error { return s.SetClock(s.Offset()) }

// record has all requests of all functions go through the recorder from now on, or none.
func (s *stand) record(on bool) error {
	s.recording.Store(on)
	return s.replace()
}

// invoke runs a function and gives its answer, which must have the status; 0 is for functions that answer no gateway.
func (s *stand) invoke(function string, payload []byte, status int) ([]byte, error) {
	result := s.Invoke(function, uuid.NewString(), payload)
	if result.Failed {
		return nil, fmt.Errorf("%s failed: %s", function, result.Payload)
	}
	if status == 0 {
		return result.Payload, nil
	}
	var answer struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", function, err)
	}
	if answer.StatusCode != status {
		return nil, fmt.Errorf("%s answered %d instead of %d: %s", function, answer.StatusCode, status, answer.Body)
	}
	return result.Payload, nil
}

// time runs a function without looking into the answer, which has been looked at before.
func (s *stand) time(function string, payload []byte) error {
	if result := s.Invoke(function, uuid.NewString(), payload); result.Failed {
		return fmt.Errorf("%s failed: %s", function, result.Payload)
	}
	return nil
}

// teach has the floor's process, started anew, learn calls, in parts that are small enough for a payload.
func (s *stand) teach(calls []replay.Call) error {
	const part = 4 << 20
	program, size := replay.Program{First: true}, 0
	send := func() error {
		payload, err := json.Marshal(program)
		if err != nil {
			return fmt.Errorf("telling the floor what to do: %w", err)
		}
		_, err = s.invoke(floorFunction, append([]byte(replay.Load), payload...), 0)
		program, size = replay.Program{}, 0
		return err
	}
	for _, call := range calls {
		waves := call.Waves
		call.Waves = nil
		for _, wave := range waves {
			call.Waves = append(call.Waves, wave)
			for _, request := range wave {
				size += len(request.Body)
			}
		}
		program.Calls = append(program.Calls, call)
		if size > part {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// makes is the payload by which the floor makes a call that it has learnt, as long as the one of the function itself.
func makes(call int, payload []byte) []byte {
	return append([]byte(strconv.Itoa(call)+replay.End), payload...)
}

// look notes the most memory that any process of the functions has had so far: VmHWM, of those that still run.
func (s *stand) look() {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return
	}
	for _, folder := range processes {
		status, err := os.ReadFile(filepath.Join(folder, "status"))
		if err != nil {
			continue // it has ended
		}
		binary, err := os.Readlink(filepath.Join(folder, "exe"))
		if err != nil {
			continue // it is somebody else's
		}
		fields := map[string]string{}
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			fields[name] = strings.TrimSpace(value)
		}
		if fields["PPid"] != strconv.Itoa(os.Getpid()) {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(fields["VmHWM"], " kB"), 10, 64)
		if err == nil {
			name := filepath.Base(binary)
			s.peaks[name] = max(s.peaks[name], kilobytes<<10)
		}
	}
}
