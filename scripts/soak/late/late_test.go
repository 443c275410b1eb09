// Package late has the sweep run out of time.
package late

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/scripts/soak"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// A route's function has no more than atMost here, and the sweep takes up more for as long as working says: it keeps
// five seconds for its end.
const atMost, working = 10 * time.Second, 10 * time.Second

func TestMain(m *testing.M) {
	localtest.Main(m, func(config *cloud.Config) {
		config.Functions = slices.Clone(platform.Functions)
		for i := range config.Functions {
			config.Functions[i].Timeout = min(config.Functions[i].Timeout, atMost)
			if config.Functions[i].Name == platform.Schedule.Function {
				config.Functions[i].Timeout = 5*time.Second + working
			}
		}
	})
}

func TestWhileTheTableHangsEveryRouteAsksToTryAgain(t *testing.T) {
	held := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Service: localtest.DynamoDBService,
		Times: localtest.All})
	var answering sync.WaitGroup
	defer answering.Wait()
	for _, function := range platform.Functions {
		if !slices.Contains(function.Environment, platform.TableName) {
			continue
		}
		for _, sample := range localtest.Samples(t, function.Name) {
			var event rest.GatewayRequest
			if err := json.Unmarshal(sample, &event); err != nil || event.RouteKey == "" ||
				function.Name == "openapi" || event.RouteKey == "GET /.well-known/jwks.json" {
				continue // not asked over HTTP, or in no need of the table
			}
			answering.Go(func() {
				var answer rest.GatewayResponse
				if err := json.Unmarshal(localtest.Invoke(t, function.Name, sample).Body, &answer); err != nil {
					t.Error(err)
				}
				again := strings.Contains(answer.Body, "urn:mci:problem:try-again")
				again = again || strings.HasPrefix(answer.Headers["Content-Type"], "text/html") // a page, in words
				wait, err := strconv.Atoi(answer.Headers["Retry-After"])
				if answer.StatusCode != 503 || !again || err != nil || wait < 1 {
					t.Errorf("%s answers %d, Retry-After %q: %s", event.RouteKey, answer.StatusCode,
						answer.Headers["Retry-After"], answer.Body)
				}
			})
		}
	}
	answering.Wait()
	if held.Fired() == 0 {
		t.Error("nothing was asked of the table")
	}
}

func TestD3_ASweepThatRunsOutOfTimeSaysSoAndLeavesTheRestToTheNext(t *testing.T) {
	const claims = 60 // more than a sweep expires at a time
	p, e := story.NewPartner(t), story.Engagement(t, story.Object{"consentWindowDays": 1})
	var due []story.Claim
	for range claims {
		due = append(due, p.Add(t, story.NewCustomer(t, e), e))
	}
	story.ClockAt(t, due[claims-1].ConsentDue.Add(time.Minute))
	type result struct {
		Expired   int
		Remaining bool
	}
	slow := localtest.Inject(t, localtest.Fault{
		Effect: localtest.Slow, Delay: working, Function: "expiry-sweep", Action: "TransactWriteItems",
		Times: localtest.All,
	})
	first := localtest.Decode[result](t, localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200))
	if first.Expired == 0 || first.Expired >= claims || !first.Remaining {
		t.Errorf("a sweep that had time for some of %d claims says %+v", claims, first)
	}
	soak.Audit(t)
	slow.Remove()
	second := localtest.Decode[result](t, localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200))
	if second.Expired != claims-first.Expired || second.Remaining {
		t.Errorf("the first sweep expired %d of %d claims, the second one says %+v", first.Expired, claims, second)
	}
	for _, claim := range due {
		if now := p.Get(t, claim.ID); now.Types() != "claim.added claim.expired" {
			t.Errorf("a claim's events are %s", now.Types())
		}
	}
	soak.Audit(t)
}
