// Command referral-upgrade makes a partner-led referral co-sell where it qualifies (S27, D9): by itself after the
// customer's consent, woken by the table's stream, and on request.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
	"mci.example/customers/shared/write"
)

func main() {
	environment := platform.Open("referral-upgrade")
	f := function{table: clients.Table(environment), now: environment.Now}
	f.server = rest.NewServer(environment,
		map[string]rest.Handler{"POST /v1/referrals/{referralId}/upgrade": f.onRequest})
	lambda.Start(f.handle)
}

type function struct {
	table  *table.Table
	now    func() time.Time
	server *rest.Server
}

// handle tells a batch of the stream from a request of the gateway.
func (f function) handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var batch struct{ Records []json.RawMessage } // each is read by itself, for one that cannot be read is not all
	if err := json.Unmarshal(payload, &batch); err == nil && batch.Records != nil {
		return f.onStream(ctx, batch.Records), nil
	}
	var event rest.GatewayRequest
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("reading an event that is not the stream's: %w", err)
	}
	if event.RouteKey == "" { // an answer would tell the stream that all is done
		return nil, errors.New("the event is neither the stream's nor the gateway's")
	}
	return f.server.Handle(ctx, event)
}

// onStream upgrades what the batch's claims allow. One that fails keeps no other back: the rest is worked on, and then
// the stream brings it and all behind it again. A record seen twice, late or out of order changes nothing, for the
// claim itself decides, as it is now.
func (f function) onStream(ctx context.Context, records []json.RawMessage) events.DynamoDBEventResponse {
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, payload := range records {
		var record events.DynamoDBEventRecord
		unread := json.Unmarshal(payload, &record)
		id, isClaim := claimOf(record)
		if unread != nil || !isClaim { // reporting it would bring it again and again, and hold up the records behind it
			slog.Error("a record of the stream names no claim", "event", record.EventID, "error", unread)
			platform.Emit(map[string]float64{platform.RecordsUnreadable: 1})
			continue
		}
		if err := f.onClaim(ctx, id); err != nil {
			slog.Error("upgrading a referral from the stream", "event", record.EventID, "claim", id, "error", err)
			failed := events.DynamoDBBatchItemFailure{ItemIdentifier: record.Change.SequenceNumber}
			response.BatchItemFailures = append(response.BatchItemFailures, failed)
		}
	}
	return response
}

// claimOf gives the claim that a record is about.
func claimOf(record events.DynamoDBEventRecord) (mci.ClaimID, bool) {
	attribute, found := record.Change.NewImage["id"]
	if !found || attribute.DataType() != events.DataTypeString {
		return "", false
	}
	return mci.ParseClaimID(attribute.String())
}

// onClaim upgrades the claim's referral if it qualifies; there is nothing to do for any other claim.
func (f function) onClaim(ctx context.Context, id mci.ClaimID) error {
	_, err := table.Settle(ctx, func(ctx context.Context) (struct{}, error) {
		now := f.now()
		claim, err := write.LoadClaim(ctx, f.table, id)
		if err != nil || claim.Referral == nil {
			return struct{}{}, err
		}
		change, err := claim.At(now).Upgrade(platform.Act(now, mci.ActorSystem), claim.Engagement)
		if err != nil {
			return struct{}{}, err
		}
		if err := f.table.Commit(ctx, f.table.UpdateClaim(change)); err != nil {
			return struct{}{}, err
		}
		platform.Count(change)
		return struct{}{}, nil
	})
	var refusal *mci.Refusal
	if errors.As(err, &refusal) && (refusal.Code == mci.NotQualified || refusal.Code == mci.NotFound) {
		return nil
	}
	return err
}

// onRequest looks again whether a referral qualifies.
func (f function) onRequest(ctx context.Context, r *rest.Request) (rest.Response, error) {
	id, isID := mci.ParseReferralID(r.Path("referralId"))
	var claim write.Claim
	return write.Run(ctx, f.table, r, write.Case{
		Load: func(ctx context.Context) (_ write.Loaded, err error) {
			if isID && (id.PartnerID() == r.Caller.PartnerID || r.Caller.Has(mci.ProgramAdmin)) {
				claim, err = write.LoadClaim(ctx, f.table, id)
			}
			if err == nil && claim.Referral == nil || errors.Is(err, mci.NoSuchClaim) {
				return write.Loaded{NotFound: mci.NoSuchReferral}, nil
			}
			return write.Loaded{}, err
		},
		Decide: func(_ context.Context, act mci.Act, _ mci.Grants) (write.Decision, error) {
			present := claim.At(act.At)
			change, err := present.Upgrade(act, claim.Engagement)
			if err != nil {
				return write.Decision{}, err
			}
			if !change.Empty() {
				present = change.After
			}
			return write.Decision{
				Changes: []mci.Change{change}, Writes: f.table.UpdateClaim(change),
				Response: rest.OK(present.ReferralSummary()),
			}, nil
		},
	})
}
