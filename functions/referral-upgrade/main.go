// Command referral-upgrade makes a partner-led referral co-sell where it qualifies (S27, D9): by itself after the customer's
// consent, woken by the table's stream, and on request.
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
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/lifecycle"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("referral-upgrade")
	f := function{table: clients.Table(environment), now: environment.Now}
	f.server = rest.NewServer(environment, map[string]rest.Handler{"POST /v1/referrals/{referralId}/upgrade": f.onRequest})
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
	var event rest.Event
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("reading an event that is not the stream's: %w", err)
	}
	if event.RouteKey == "" { // an answer would tell the stream that all is done
		return nil, errors.New("the event is neither the stream's nor the gateway's")
	}
	return f.server.Handle(ctx, event)
}

// onStream upgrades what the batch's claims allow. One that fails keeps no other back: the rest is worked on, and then the
// stream brings it and all behind it again. A record seen twice, late or out of order changes nothing, for the claim itself
// decides, as it is now.
func (f function) onStream(ctx context.Context, records []json.RawMessage) events.DynamoDBEventResponse {
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	for _, payload := range records {
		var record events.DynamoDBEventRecord
		unread := json.Unmarshal(payload, &record)
		id, isClaim := claimOf(record)
		if unread != nil || !isClaim { // it would fail each time that it came again, and keep back what is behind it
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

func (f function) onClaim(ctx context.Context, id mci.ClaimID) error {
	_, err := table.Settle(ctx, func(ctx context.Context) (struct{}, error) {
		now := f.now()
		claim, catalogue, err := f.load(ctx, id)
		if err != nil || claim.Referral == nil {
			return struct{}{}, err
		}
		change, err := claim.At(now).Upgrade(platform.Act(now, mci.ActorSystem), catalogue[claim.EngagementID])
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, f.commit(ctx, change, catalogue)
	})
	var refusal *mci.Refusal
	if errors.As(err, &refusal) && refusal.Code == mci.NotQualified {
		return nil
	}
	return err
}

// onRequest looks again whether a referral qualifies.
func (f function) onRequest(ctx context.Context, r *rest.Request) (rest.Answer, error) {
	if err := r.Valid(); err != nil {
		return rest.Answer{}, err
	}
	id, isID := mci.ParseReferralID(r.Path("referralId"))
	if !isID || id.PartnerID() != r.Caller.PartnerID && !r.Caller.Has(mci.ProgramAdmin) {
		return rest.Answer{}, rest.NoSuchReferral
	}
	act := platform.Act(r.Now, r.Caller.UserID)
	return lifecycle.Settle(ctx, f.table, r, func(ctx context.Context) (rest.Answer, error) {
		var kept *table.Answer
		var claim mci.Claim
		var catalogue table.Catalogue
		group, groupCtx := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			claim, catalogue, err = f.load(groupCtx, id)
			return err
		})
		group.Go(func() (err error) {
			kept, err = f.table.Answer(groupCtx, r.Idempotency(), r.Now)
			return err
		})
		switch err := group.Wait(); {
		case err != nil:
			return rest.Answer{}, err
		case claim.Referral == nil:
			return rest.Answer{}, rest.NoSuchReferral
		case kept != nil:
			return lifecycle.Kept(r, kept)
		}
		claim = claim.At(r.Now)
		change, err := claim.Upgrade(act, catalogue[claim.EngagementID])
		if err != nil {
			return rest.Answer{}, err
		}
		if !change.Empty() {
			claim = change.After
		}
		answer, keep, err := lifecycle.Keep(f.table, r, rest.OK(claim.ReferralDetails()))
		if err != nil {
			return rest.Answer{}, err
		}
		return answer, f.commit(ctx, change, catalogue, keep)
	})
}

// load reads the claim, the zero one where it is not there, and the catalogue if it has grown old, in parallel: 1 round trip.
func (f function) load(ctx context.Context, id mci.ClaimID) (claim mci.Claim, catalogue table.Catalogue, err error) {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		claim, _, err = f.table.Claim(groupCtx, id)
		return err
	})
	group.Go(func() (err error) {
		catalogue, err = f.table.Catalogue(groupCtx)
		return err
	})
	if err = group.Wait(); err != nil || claim.Referral == nil {
		return claim, catalogue, err
	}
	catalogue, err = f.table.Including(ctx, catalogue, claim.EngagementID)
	return claim, catalogue, err
}

// commit writes the upgrade, with more.
func (f function) commit(ctx context.Context, change mci.Change, catalogue table.Catalogue, more ...[]table.Write) error {
	err := f.table.Commit(ctx, append(more, f.table.Upgrade(change, catalogue[change.After.EngagementID]))...)
	if errors.Is(err, table.ErrNotManaged) {
		return mci.Refuse(mci.NotQualified, "The engagement co-sells with managed customers only, and this one is not.")
	}
	if err == nil {
		platform.Count(change)
	}
	return err
}
