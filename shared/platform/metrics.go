package platform

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"mci.example/customers/shared/mci"
)

// metricOf names the metric that counts each event.
var metricOf = map[mci.EventType]string{
	mci.ClaimAdded: ClaimsAdded, mci.ClaimClaimed: ClaimsClaimed, mci.ConsentRequested: ConsentsRequested,
	mci.ConsentReminded: ConsentsReminded, mci.ConsentAccepted: ConsentsAccepted, mci.ConsentDeclined: ConsentsDeclined,
	mci.ClaimSubmitted: ClaimsSubmitted, mci.ClaimReturned: ClaimsReturned, mci.ClaimCompleted: ClaimsCompleted,
	mci.ClaimRejected: ClaimsRejected, mci.ClaimCancelled: ClaimsCancelled, mci.ClaimExpired: ClaimsExpired,
	mci.ReferralCreated: ReferralsCreated, mci.ReferralUpgraded: ReferralsUpgraded, mci.EmailBounced: EmailsBounced,
	mci.EmailComplained: EmailsComplained,
}

// Count counts what took effect, once it is committed.
func Count(changes ...mci.Change) {
	values := map[string]float64{}
	for _, change := range changes {
		for _, event := range change.Events {
			if name, counted := metricOf[event.Type]; counted {
				values[name]++
			}
			if event.Type == mci.ConsentAccepted {
				values[TimeToConsentHours] = event.At.Sub(change.After.CreatedAt).Hours()
			}
		}
	}
	Emit(values)
}

// units of the metrics that are no counts.
var units = map[string]string{TimeToConsentHours: "None", SweepLagSeconds: "Seconds"}

// Emit writes metrics in CloudWatch's embedded metric format.
func Emit(values map[string]float64) { emit(os.Stdout, time.Now(), values) }

func emit(out io.Writer, now time.Time, values map[string]float64) {
	if len(values) == 0 {
		return
	}
	type metric struct{ Name, Unit string }
	line := map[string]any{MetricDimension: os.Getenv(Stage)}
	metrics := []metric{}
	for name, value := range values {
		unit := units[name]
		if unit == "" {
			unit = "Count"
		}
		metrics = append(metrics, metric{name, unit})
		line[name] = value
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": MetricNamespace, "Dimensions": [][]string{{MetricDimension}}, "Metrics": metrics,
		}},
	}
	text, err := json.Marshal(line)
	if err == nil {
		_, err = out.Write(append(text, '\n'))
	}
	if err != nil {
		slog.Error("writing metrics", "error", err)
	}
}
