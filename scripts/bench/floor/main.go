// Command floor is what a function's call is measured against: a bare Lambda function that sends the same requests to
// DynamoDB and SES as the call did, in the same order and as many at a time, by the plain SDK clients, and answers
// fixed bytes. It knows no rule of the program.
//
// A payload that begins with Load is a list of calls to learn, and one that begins with Once is a call to make. Any
// other begins with the number of a call that was learnt, which is then made; what follows stands for the event that
// the function gets, and is not read.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/bench/replay"
)

func main() {
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(&floor{
		table: dynamodb.NewFromConfig(settings), mail: sesv2.NewFromConfig(settings), keys: kms.NewFromConfig(settings),
	})
}

type floor struct {
	table *dynamodb.Client
	mail  *sesv2.Client
	keys  *kms.Client
	calls []call
}

// call is one call, ready to be made.
type call struct {
	waves  [][]send
	limit  int
	answer []byte
}

// send makes one request, prepared beforehand.
type send func(ctx context.Context) error

// Invoke learns calls, or makes one.
func (f *floor) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if program, loads := bytes.CutPrefix(payload, []byte(replay.Load)); loads {
		return []byte("{}"), f.load(program)
	}
	if program, once := bytes.CutPrefix(payload, []byte(replay.Once)); once {
		if err := f.load(program); err != nil {
			return nil, err
		}
		payload = []byte("0" + replay.End)
	}
	number, _, _ := bytes.Cut(payload, []byte(replay.End))
	index, err := strconv.Atoi(string(number))
	if err != nil || index < 0 || index >= len(f.calls) {
		return nil, fmt.Errorf("there is no call %q", number)
	}
	call := &f.calls[index]
	for _, wave := range call.waves {
		if len(wave) == 1 {
			if err := wave[0](ctx); err != nil {
				return nil, err
			}
			continue
		}
		group, ctx := errgroup.WithContext(ctx)
		if call.limit > 0 {
			group.SetLimit(call.limit)
		}
		for _, send := range wave {
			group.Go(func() error { return send(ctx) })
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	return call.answer, nil
}

func (f *floor) load(program []byte) error {
	var part replay.Program
	if err := json.Unmarshal(program, &part); err != nil {
		return fmt.Errorf("reading the calls to make: %w", err)
	}
	if part.First {
		f.calls = nil
	}
	for _, recorded := range part.Calls {
		made := call{limit: recorded.Limit, answer: recorded.Answer}
		for _, wave := range recorded.Waves {
			var sends []send
			for _, request := range wave {
				send, err := f.prepare(request)
				if err != nil {
					return fmt.Errorf("preparing a %s: %w", request.Action, err)
				}
				sends = append(sends, send)
			}
			made.waves = append(made.waves, sends)
		}
		f.calls = append(f.calls, made)
	}
	return nil
}
