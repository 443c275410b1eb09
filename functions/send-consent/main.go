// Command send-consent asks a claim's customer for consent by email, and reminds (S21, S23, D9-D13).
//
// The email is sent after its commit and recorded after it was sent: no email goes out for what was not decided, and
// whatever is cut short is repaired by repeating the request.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mci.example/customers/shared/lifecycle"
	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mail/outbox"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("send-consent")
	f := function{
		table:     clients.Table(environment),
		sender:    outbox.Open(clients.Config(), environment.Setting(platform.Sender), environment.Setting(platform.ConfigurationSet)),
		publicURL: strings.TrimSuffix(environment.Setting(platform.PublicURL), "/"),
	}
	rest.Start(environment, map[string]rest.Handler{"POST /v1/claims/{claimId}/consent-requests": f.send})
}

type function struct {
	table     *table.Table
	sender    *outbox.Sender
	publicURL string
}

// sendingTime is how long SES may take. It is shorter than the lease, so that no two requests send at once.
const sendingTime = mci.SendingLease - 2*time.Second

var maxDealSize = mci.MustMoney("1000000000000.00")

func (f function) send(ctx context.Context, r *rest.Request) (rest.Answer, error) {
	request := mci.ConsentRequest{
		DealSize:           r.Body.OptionalMoney("dealSize", maxDealSize),
		DisclaimerAccepted: r.Body.OptionalBool("disclaimerAccepted"),
		CustomerContact:    rest.ReadContact(r.Body.OptionalObject("customerContact"), true),
		PartnerContact:     rest.ReadContact(r.Body.OptionalObject("partnerContact"), false),
	}
	if err := r.Valid(); err != nil {
		return rest.Answer{}, err
	}
	act := platform.Act(r.Now, r.Caller.UserID)
	begun, err := f.begin(ctx, r, act, request)
	if err != nil || begun.kept != nil {
		return begun.answer, err
	}
	claim := begun.change.After
	messageID, err := f.email(ctx, claim, begun)
	if err != nil {
		return rest.Answer{}, f.failed(ctx, claim, act, err)
	}
	return f.sent(ctx, r, act, begun, messageID)
}

// beginning is an email that was committed to, or the answer kept for a request that is repeated.
type beginning struct {
	kept       *table.Answer
	answer     rest.Answer
	change     mci.Change
	engagement mci.Engagement
	grants     mci.Grants
	token      string
}

// begin decides and commits: the claim is asked for consent, and a new link leads to its page.
func (f function) begin(ctx context.Context, r *rest.Request, act mci.Act, request mci.ConsentRequest) (beginning, error) {
	return table.Settle(ctx, func(ctx context.Context) (beginning, error) {
		loaded, err := lifecycle.LoadClaim(ctx, f.table, r, false)
		if err != nil {
			return beginning{}, err
		}
		begun := beginning{kept: loaded.Kept, grants: loaded.Grants, engagement: loaded.Catalogue[loaded.Claim.EngagementID]}
		if loaded.Kept != nil {
			begun.answer, err = lifecycle.Kept(r, loaded.Kept)
			return begun, err
		}
		if !loaded.Grants.At(loaded.Claim.LocationID) {
			return beginning{}, rest.NotGranted(loaded.Claim.LocationID)
		}
		claim := loaded.Claim.At(r.Now)
		if request.Evidence, err = evidence(claim, begun.engagement, request.CustomerContact); err != nil {
			return beginning{}, err
		}
		if begun.change, err = claim.RequestConsent(act, request, begun.engagement); err != nil {
			return beginning{}, err
		}
		var hash string
		begun.token, hash = mci.NewConsentToken(claim.ID, platform.RandomBytes(mci.TokenSecret))
		link := f.table.NewLink(begun.change.After, hash)
		if err := f.table.Commit(ctx, f.table.Change(begun.change), link, f.table.Unanswered(r.Idempotency(), r.Now)); err != nil {
			return beginning{}, err
		}
		platform.Count(begun.change)
		return begun, nil
	})
}

// evidence is what the email says, for the record.
func evidence(claim mci.Claim, engagement mci.Engagement, corrected *mci.Contact) (map[string]string, error) {
	if corrected != nil {
		claim.CustomerContact = *corrected
	}
	return mail.Evidence(mail.Choose(claim.CustomerContact.Locale, ""), mail.AskOf(claim, engagement))
}

// email sends the email, and gives SES's ID for it.
func (f function) email(ctx context.Context, claim mci.Claim, begun beginning) (string, error) {
	ask := mail.AskOf(claim, begun.engagement)
	ask.Link = f.publicURL + "/consent/" + begun.token
	ask.Reminder = claim.Email.Status != "" // an email to this very address went out before
	message, err := mail.Email(mail.Choose(claim.CustomerContact.Locale, ""), ask)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, sendingTime)
	defer cancel()
	tags := map[string]string{"claim": string(claim.ID), "number": strconv.Itoa(claim.Email.Pending.Number)}
	to, from := claim.CustomerContact, claim.PartnerContact
	return f.sender.Send(ctx, to.Email, from.Email, message, tags)
}

// failed frees the claim for the same request to be repeated at once, and says that it may be.
func (f function) failed(ctx context.Context, claim mci.Claim, act mci.Act, cause error) error {
	slog.Error("sending the consent email", "claim", claim.ID, "error", cause)
	if change, pending := claim.EmailFailed(act, claim.Email.Pending.Number, !errors.Is(cause, outbox.ErrUnanswered)); pending {
		if err := f.table.Commit(ctx, f.table.Change(change)); err != nil && !errors.Is(err, table.ErrLostRace) {
			slog.Error("noting that an email was not sent", "claim", claim.ID, "error", err) // its lease ends all the same
		}
	}
	detail := "Email cannot be sent just now; the claim waits, and the same request may be repeated."
	if errors.Is(cause, outbox.ErrRefused) {
		detail = "The mail service refused this email; the claim waits. Correct the addresses, or repeat the request."
	}
	return &mci.Refusal{Code: mci.MailUnavailable, Detail: detail, RetryAfter: time.Second}
}

// sent records that SES took the email, with the answer for whoever repeats the request.
func (f function) sent(ctx context.Context, r *rest.Request, act mci.Act, begun beginning, messageID string) (rest.Answer, error) {
	claim, number := begun.change.After, begun.change.After.Email.Pending.Number
	reload := false
	return table.Settle(ctx, func(ctx context.Context) (rest.Answer, error) {
		if reload {
			loaded, err := lifecycle.LoadClaim(ctx, f.table, r, false)
			if err != nil {
				return rest.Answer{}, err
			}
			claim = loaded.Claim.At(r.Now)
		}
		reload = true
		change, recorded := claim.EmailSent(act, number, messageID)
		shown := claim
		if recorded {
			shown = change.After
		}
		answer, keep, err := lifecycle.Keep(f.table, r, rest.Answer{Status: http.StatusAccepted, Body: rest.ViewClaim(shown, r.Caller, begun.grants)})
		if err != nil {
			return rest.Answer{}, err
		}
		if err := f.table.Commit(ctx, f.table.Change(change), f.table.NewMessage(messageID, claim.ID, r.Now), keep); err != nil {
			return rest.Answer{}, err
		}
		platform.Count(change)
		return answer, nil
	})
}
