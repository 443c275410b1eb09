// Command notify turns domain events into emails (D29, D30): the receipt of a decision to the customer, notices to the
// partner's contact, and reminders of the system to customers.
//
// It trusts an event for no more than which it is, and reads the claim again before it sends. What it sends is recorded
// before and after under the event's own number, so that an event told twice sends one email. What becomes of these
// emails changes nothing on the claim. An event that could not be mailed fails: tried in vain, it is a dead letter.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/asking"
	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mail/outbox"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

func main() {
	sender := asking.Open(platform.Open("notify"))
	lambda.Start(function{sender.Table, sender}.handle)
}

type function struct {
	table  *table.Table
	sender asking.Sender
}

// domainEvent is an event of a claim as the bus delivers it. A replayed one was told when it was new.
type domainEvent struct {
	ID     string `json:"id"`
	Replay string `json:"replay-name"`
	Detail struct {
		ClaimID string `json:"claimId"`
		Seq     string `json:"seq"`
	} `json:"detail"`
}

// result says how many emails an event sent.
type result struct {
	Sent int `json:"sent"`
}

func (f function) handle(ctx context.Context, event domainEvent) (result, error) {
	id, isID := mci.ParseClaimID(event.Detail.ClaimID)
	seq, err := strconv.Atoi(event.Detail.Seq)
	if event.Replay != "" || !isID || err != nil {
		slog.Warn("passed over: replayed, or no event of a claim", "event", event.ID, "replay", event.Replay)
		return result{}, nil
	}
	var done result
	for {
		err := f.tell(ctx, id, seq, &done)
		var refusal *mci.Refusal
		if !errors.As(err, &refusal) || refusal.Code != mci.TryAgain {
			if err != nil {
				slog.Error("telling of an event", "error", err)
			}
			return done, err
		}
		select { // another sends just now; should it have crashed, this one goes on
		case <-time.After(refusal.RetryAfter):
		case <-ctx.Done():
			return done, err
		}
	}
}

// tell sends the emails that follow from an event and have not gone out.
func (f function) tell(ctx context.Context, id mci.ClaimID, seq int, done *result) error {
	recorded, found, err := f.table.Recorded(ctx, id, seq)
	if err != nil {
		return err
	}
	if !found {
		slog.Warn("passed over: there is no such event", "claim", id, "seq", seq)
		return nil
	}
	recorded.Claim = recorded.Claim.At(f.sender.Now())
	var errs []error
	if recorded.Event.RemindsBySystem() {
		errs = append(errs, f.remind(ctx, recorded, done))
	}
	if recorded.Claim.TellsCustomer(recorded.Event) {
		errs = append(errs, f.once(ctx, recorded, mci.RecipientCustomer, f.receipt, done))
	}
	if recorded.Claim.TellsPartner(recorded.Event) {
		errs = append(errs, f.once(ctx, recorded, mci.RecipientPartner, f.notice, done))
	}
	return errors.Join(errs...)
}

// email is a message on its way.
type email struct {
	to, replyTo string
	message     mail.Message
}

// receipt writes the customer's email with the receipt of the decision.
func (f function) receipt(r table.Recorded) (email, error) {
	if r.Receipt == "" {
		return email{}, errors.New("the claim was decided, and has no receipt")
	}
	written := mail.ReceiptEmail{
		Question: mail.QuestionOf(r.Claim), Accepted: r.Event.Type == mci.ConsentAccepted, DecidedAt: r.Event.At,
		Stop: r.Claim.Stopped, Receipt: r.Receipt, KeysLink: f.sender.PublicURL + "/.well-known/jwks.json",
	}
	customer, partner := r.Claim.CustomerContact, r.Claim.PartnerContact
	message, err := written.Message(mail.ChooseLocale(customer.Locale, ""))
	if partner == mci.ErasedContact {
		partner.Email = ""
	}
	return email{customer.Email, partner.Email, message}, err
}

// notice writes the email to the partner's contact.
func (f function) notice(r table.Recorded) (email, error) {
	notice := mail.NoticeOf(r.Claim, r.Event.Type, r.Event.At, f.sender.PublicURL)
	notice.Reason, notice.Stop = r.Shown["reason"], r.Event.Type == mci.ConsentDeclined && r.Claim.Stopped
	contact := r.Claim.PartnerContact
	message, err := notice.Message(mail.ChooseLocale(contact.Locale, ""))
	return email{to: contact.Email, message: message}, err
}

// once sends an email that follows from an event, unless it went out before. 2 round trips beside the sending.
func (f function) once(
	ctx context.Context, r table.Recorded, to mci.Recipient, write func(table.Recorded) (email, error), done *result,
) error {
	now, loaded := f.sender.Now(), r.Notices[to]
	begun, sends, err := loaded.Begin(now)
	if err != nil || !sends {
		return named(r, to, err)
	}
	written, err := write(r)
	if err != nil {
		return named(r, to, err)
	}
	if err := f.table.Commit(ctx, f.table.PutNotice(r.Event, to, loaded, begun, now)); err != nil {
		return raced(err)
	}
	inTime, cancel := context.WithTimeout(ctx, begun.Lease.Sub(f.sender.Now())-asking.BeforeLease)
	defer cancel()
	_, err = f.sender.Outbox.Send(inTime, written.to, written.replyTo, written.message, nil)
	after := begun.Sent()
	if err != nil {
		after = begun.Failed(f.sender.Now(), !errors.Is(err, outbox.ErrUnanswered))
	} else {
		done.Sent++
	}
	if putErr := f.table.Commit(ctx, f.table.PutNotice(r.Event, to, begun, after, now)); putErr != nil {
		// The lease ends all the same, and an email that has gone out is not to be sent again.
		slog.Error("recording an email", "claim", r.Claim.ID, "seq", r.Event.Seq, "to", to, "error", putErr)
	}
	return named(r, to, err)
}

// named adds to an error which email it concerns; nil stays nil.
func named(r table.Recorded, to mci.Recipient, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("event %d of claim %s, to the %s: %w", r.Event.Seq, r.Claim.ID, to, err)
}

// raced has a lost race be looked at again.
func raced(err error) error {
	if errors.Is(err, table.ErrLostRace) {
		return &mci.Refusal{Code: mci.TryAgain, Detail: "Another sends this just now.",
			RetryAfter: 100 * time.Millisecond}
	}
	return err
}

// remind sends the system's reminder to the customer, by the code by which partners ask (D30). Whether it may go is
// looked at again: what the customer or the mail service has said since leaves it out for good.
func (f function) remind(ctx context.Context, r table.Recorded, done *result) error {
	optedOut, err := f.table.OptedOut(ctx, r.Claim.PartnerID, mci.AddressHash(r.Claim.CustomerContact.Email))
	if err != nil {
		return err
	}
	act := platform.Act(f.sender.Now(), mci.ActorSystem)
	token, hash := asking.NewLink(r.Claim.ID)
	change, sends, err := r.Claim.SendReminder(act, r.Event.Seq, hash, optedOut)
	if err != nil || change.Empty() {
		return err
	}
	writes := f.table.UpdateClaim(change)
	if sends {
		writes = append(writes, f.table.PutLink(change.After, hash)...)
	}
	if err := f.table.Commit(ctx, writes); err != nil || !sends {
		return raced(err)
	}
	messageID, err := f.sender.Send(ctx, act, change.After, token)
	if err != nil {
		return named(r, mci.RecipientCustomer, err)
	}
	done.Sent++
	none := func(mci.Claim) ([]table.Write, error) { return nil, nil }
	if err := f.sender.Record(ctx, act, change.After, messageID, none); err != nil {
		// Not to be sent again: SES's word of its delivery is recorded instead.
		slog.Error("recording a reminder", "claim", r.Claim.ID, "error", err)
	}
	return nil
}
