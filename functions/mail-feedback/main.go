// Command mail-feedback writes down what became of consent emails: SES's bounce, complaint and delivery events, as
// EventBridge delivers them (D12). They come late, twice, in any order or not at all, and that is normal.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("mail-feedback")
	lambda.Start(function{clients.Table(environment), environment.Now}.handle)
}

type function struct {
	table *table.Table
	now   func() time.Time
}

// detail is what SES tells of an email.
type detail struct {
	EventType string `json:"eventType"`
	Mail      struct {
		MessageID string              `json:"messageId"`
		Timestamp time.Time           `json:"timestamp"` // when it was sent
		Tags      map[string][]string `json:"tags"`
	} `json:"mail"`
	Bounce struct {
		BounceType string `json:"bounceType"`
	} `json:"bounce"`
}

// status is what the event makes of the email, "" for nothing: a bounce that may pass is none.
func (d detail) status() mci.EmailStatus {
	switch {
	case d.EventType == "Bounce" && d.Bounce.BounceType == "Permanent":
		return mci.EmailStatusBounced
	case d.EventType == "Complaint":
		return mci.EmailStatusComplained
	case d.EventType == "Delivery":
		return mci.EmailStatusDelivered
	}
	return ""
}

// number is which of the claim's emails it was, by its tag; 0 for none.
func (d detail) number() int {
	number, err := strconv.Atoi(first(d.Mail.Tags["number"]))
	if err != nil {
		return 0
	}
	return number
}

// sent is when the email was sent, as far as SES tells it.
func (d detail) sent(now time.Time) time.Time {
	if d.Mail.Timestamp.IsZero() {
		return now
	}
	return d.Mail.Timestamp
}

// result says what an event did.
type result struct {
	Recorded bool `json:"recorded"`
}

func (f function) handle(ctx context.Context, event events.CloudWatchEvent) (result, error) {
	var told detail
	if err := json.Unmarshal(event.Detail, &told); err != nil {
		return result{}, fmt.Errorf("reading SES's event %s: %w", event.ID, err)
	}
	if told.status() == "" || told.Mail.MessageID == "" {
		slog.Info("ignored", "event", event.ID, "type", told.EventType)
		return result{}, nil
	}
	now := f.now()
	return table.Settle(ctx, func(ctx context.Context) (result, error) {
		claim, known, err := f.load(ctx, told)
		if err != nil {
			return result{}, err
		}
		if !known {
			// SES's word can be faster than our record of the sending, or the record was never written: the tag tells
			// which sending it was, and that SES tells of it proves that it took it.
			sent, pending := claim.At(now).EmailSent(platform.Act(now, mci.ActorSystem), told.number(),
				told.Mail.MessageID)
			if !pending {
				slog.Info("ignored: no email of ours", "event", event.ID)
				return result{}, nil
			}
			if err := f.table.Commit(ctx, f.table.UpdateClaim(sent), f.table.PutMessage(told.Mail.MessageID, claim.ID,
				now)); err != nil {
				return result{}, err
			}
			claim = sent.After
		}
		change, isNews := claim.At(now).EmailFeedback(platform.Act(now, mci.ActorSystem), told.Mail.MessageID,
			told.status())
		if !isNews {
			return result{}, nil
		}
		writes := f.table.UpdateClaim(change)
		bounced := told.status() == mci.EmailStatusBounced
		if bounced {
			writes = append(writes, f.table.PutBounce(claim.PartnerID, told.sent(now), now)...)
		}
		if err := f.table.Commit(ctx, writes); err != nil {
			return result{}, err
		}
		platform.Count(change)
		if bounced {
			f.warn(ctx, claim.PartnerID, told.sent(now))
		}
		return result{Recorded: true}, nil
	})
}

// warn has an alarm ring where too much of a partner's mail bounces. The bounce is recorded whether or not this
// succeeds.
func (f function) warn(ctx context.Context, partnerID string, sent time.Time) {
	count, err := f.table.MailCount(ctx, partnerID, sent)
	if err != nil {
		slog.Error("counting a partner's bounces", "partner", partnerID, "error", err)
		return
	}
	if mci.TooManyBounce(count.Mails, count.Bounced) {
		slog.Warn("too much of a partner's mail bounces", "partner", partnerID, "mails", count.Mails, "bounced",
			count.Bounced)
		platform.Emit(map[string]float64{platform.PartnerBounceShareExceeded: 1})
	}
}

// load finds the claim by SES's message ID: 1 round trip where the email's tag names the claim rightly, else 2.
func (f function) load(ctx context.Context, told detail) (claim mci.Claim, known bool, err error) {
	tagged, isTagged := mci.ParseClaimID(first(told.Mail.Tags["claim"]))
	var message table.Message
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		message, known, err = f.table.Message(groupCtx, told.Mail.MessageID)
		return err
	})
	if isTagged {
		group.Go(func() (err error) {
			claim, _, err = f.table.Claim(groupCtx, tagged)
			return err
		})
	}
	switch err := group.Wait(); {
	case err != nil:
		return mci.Claim{}, false, err
	case !known || message.ClaimID == claim.ID:
		return claim, known, nil
	}
	return f.table.Claim(ctx, message.ClaimID)
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
