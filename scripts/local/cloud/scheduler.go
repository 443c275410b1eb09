package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"mci.example/customers/shared/platform"
)

// runSchedule invokes the scheduled function at every rate until ctx is over, as EventBridge Scheduler does: one run
// does not wait for the one before.
func runSchedule(ctx context.Context, lambda *lambda, clock *clock, output io.Writer) {
	ticker := time.NewTicker(platform.Schedule.Rate)
	defer ticker.Stop()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		payload, err := json.Marshal(scheduledEvent(platform.Schedule.Function, clock.now()))
		if err != nil {
			fmt.Fprintf(output, "the schedule of %s: %v\n", platform.Schedule.Function, err)
			continue
		}
		running.Go(func() { lambda.invoke(platform.Schedule.Function, newID(), payload) }) // which reports a failure
	}
}

// scheduledEvent is what EventBridge Scheduler hands to a target that has no input of its own.
func scheduledEvent(function string, at time.Time) map[string]any {
	return map[string]any{
		"version":     "0",
		"id":          newID(),
		"detail-type": "Scheduled Event",
		"source":      "aws.scheduler",
		"account":     Account,
		"time":        at.UTC().Format(time.RFC3339),
		"region":      Region,
		"resources":   []string{"arn:aws:scheduler:" + Region + ":" + Account + ":schedule/default/" + function},
		"detail":      "{}",
	}
}
