// Package asking sends the consent emails that were committed to: a partner's, for send-consent, and the system's
// reminders, for notify (S21, D30).
package asking

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mail/outbox"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/table"
)

// Sender sends consent emails.
type Sender struct {
	Table     *table.Table
	Outbox    *outbox.Sender
	PublicURL string // without a slash at its end
	Now       func() time.Time
}

// Open returns a sender by the environment's settings.
func Open(environment *platform.Environment) Sender {
	from, set := environment.Setting(platform.Sender), environment.Setting(platform.ConfigurationSet)
	return Sender{
		Table:     clients.Table(environment),
		Outbox:    outbox.Open(clients.Config(), from, set),
		PublicURL: strings.TrimSuffix(environment.Setting(platform.PublicURL), "/"),
		Now:       environment.Now,
	}
}

// BeforeLease is how long before its lease ends a sending must be over, so that no two send at once.
const BeforeLease = 2 * time.Second

// NewLink returns the token of a new link to the claim's page, and the hash that is kept of it.
func NewLink(id mci.ClaimID) (token, hash string) {
	return mci.NewConsentToken(id, platform.RandomBytes(mci.TokenSecret))
}

// Send sends the email that the claim waits for, with a link of that token, and returns SES's message ID. Where it
// fails, the claim is free for another try at once; the error is the outbox's.
func (s Sender) Send(ctx context.Context, act mci.Act, claim mci.Claim, token string) (string, error) {
	email := mail.ConsentEmail{
		Question: mail.QuestionOf(claim), Link: s.PublicURL + "/consent/" + token,
		Reminder: claim.Email.Status != "", // an email to this very address went out before
	}
	message, err := email.Message(mail.ChooseLocale(claim.CustomerContact.Locale, ""))
	if err != nil {
		return "", err
	}
	pending := claim.Email.Pending
	inTime, cancel := context.WithTimeout(ctx, pending.Lease.Sub(s.Now())-BeforeLease)
	defer cancel()
	tags := map[string]string{"claim": string(claim.ID), "number": strconv.Itoa(pending.Number)}
	messageID, err := s.Outbox.Send(inTime, claim.CustomerContact.Email, claim.PartnerContact.Email, message, tags)
	if err != nil {
		s.failed(ctx, act, claim, err)
	}
	return messageID, err
}

// failed notes that the email could not be sent.
func (s Sender) failed(ctx context.Context, act mci.Act, claim mci.Claim, cause error) {
	slog.Error("sending the consent email", "claim", claim.ID, "error", cause)
	unsent := !errors.Is(cause, outbox.ErrUnanswered)
	change, pending := claim.EmailFailed(act, claim.Email.Pending.Number, unsent)
	if !pending {
		return
	}
	err := s.Table.Commit(ctx, s.Table.UpdateClaim(change))
	if err != nil && !errors.Is(err, table.ErrLostRace) { // the lease ends all the same
		slog.Error("noting that an email was not sent", "claim", claim.ID, "error", err)
	}
}

// Record writes down that SES took the email that the claim waited for. With it goes what also gives for the claim as
// it stands then.
func (s Sender) Record(
	ctx context.Context, act mci.Act, claim mci.Claim, messageID string, also func(mci.Claim) ([]table.Write, error),
) error {
	number, reload, stored := claim.Email.Pending.Number, false, claim
	_, err := table.Settle(ctx, func(ctx context.Context) (none struct{}, err error) {
		if reload {
			var found bool
			if stored, found, err = s.Table.Claim(ctx, claim.ID); err != nil {
				return none, err
			}
			if !found {
				return none, mci.NoSuchClaim
			}
			claim = stored.At(s.Now())
		}
		reload = true
		change, recorded := claim.EmailSent(act, number, messageID)
		shown := claim
		if recorded {
			shown = change.After
		}
		more, err := also(shown)
		if err != nil {
			return none, err
		}
		if !recorded && len(more) > 0 && stored.AwaitsConsent() {
			// SES's word was recorded first. A twin of the request may have read the claim since, and no kept response.
			change = stored.Touch()
		}
		message := s.Table.PutMessage(messageID, claim.ID, act.At)
		if err := s.Table.Commit(ctx, s.Table.UpdateClaim(change), message, more); err != nil {
			return none, err
		}
		platform.Count(change)
		return none, nil
	})
	return err
}
