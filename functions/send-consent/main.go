// Command send-consent asks a claim's customer for consent by email, and reminds (S21, S23, D9-D13, D23, D25, D26).
//
// The email is sent after its commit and recorded after it was sent: no email goes out for what was not decided, and
// whatever is cut short is repaired by repeating the request.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mail/outbox"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
	"mci.example/customers/shared/write"
)

func main() {
	environment := platform.Open("send-consent")
	sender, set := environment.Setting(platform.Sender), environment.Setting(platform.ConfigurationSet)
	f := function{
		table:      clients.Table(environment),
		sender:     outbox.Open(clients.Config(), sender, set),
		publicURL:  strings.TrimSuffix(environment.Setting(platform.PublicURL), "/"),
		perPartner: environment.Number(platform.MailsPerPartner),
		now:        environment.Now,
	}
	rest.Start(environment, map[string]rest.Handler{
		"POST /v1/claims/{claimId}/consent-requests": f.send,
		"POST /v1/claims/{claimId}/consent-previews": f.preview,
	})
}

type function struct {
	table      *table.Table
	sender     *outbox.Sender
	publicURL  string
	perPartner int
	now        func() time.Time
}

// beforeLease is how long before the lease ends the sending must be over, so that no two requests send at once.
const beforeLease = 2 * time.Second

var maxDealSize = mci.MustMoney("1000000000000.00")

// sending is one request to send the consent email.
type sending struct {
	function
	*rest.Request
	request mci.ConsentRequest
	claim   write.Claim
	change  mci.Change
	counted bool // the email is among those of the day (D25)
	token   string
}

func (f function) send(ctx context.Context, r *rest.Request) (rest.Response, error) {
	s := f.read(r)
	return write.Run(ctx, f.table, r, write.Case{Load: s.load, Decide: s.decide})
}

// read reads the request's body.
func (f function) read(r *rest.Request) *sending {
	return &sending{function: f, Request: r, request: mci.ConsentRequest{
		DealSize:           r.Body.OptionalMoney("dealSize", maxDealSize),
		DisclaimerAccepted: r.Body.OptionalBool("disclaimerAccepted"),
		DisclaimerVersion:  r.Body.OptionalText("disclaimerVersion", mci.MaxName),
		MismatchReason:     r.Body.OptionalText("mismatchReason", mci.MaxReason),
		CustomerContact:    rest.ReadContact(r.Body.OptionalObject("customerContact"), true),
		PartnerContact:     rest.ReadContact(r.Body.OptionalObject("partnerContact"), false),
	}}
}

// load reads the claim, the partner's locations, and the domain of a corrected address, in parallel: 1 round trip.
func (s *sending) load(ctx context.Context) (loaded write.Loaded, err error) {
	id, isID := mci.ParseClaimID(s.Path("claimId"))
	if !isID || id.PartnerID() != s.Caller.PartnerID {
		return write.Loaded{NotFound: mci.NoSuchClaim}, nil
	}
	var locations []mci.Location
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if s.claim, err = write.LoadClaim(groupCtx, s.table, id); errors.Is(err, mci.NoSuchClaim) {
			loaded.NotFound, err = err, nil
		}
		return err
	})
	group.Go(func() (err error) {
		locations, err = s.table.Locations(groupCtx, s.Caller.PartnerID)
		return err
	})
	if contact := s.request.CustomerContact; contact != nil {
		group.Go(func() (err error) {
			s.request.EmailDomain, err = s.table.EmailDomain(groupCtx, contact.Email)
			return err
		})
	}
	if err := group.Wait(); err != nil || loaded.NotFound != nil {
		return loaded, err
	}
	at := slices.IndexFunc(locations, func(l mci.Location) bool { return l.ID == s.claim.LocationID })
	if at >= 0 {
		s.request.Location = locations[at]
	}
	return write.Loaded{Location: s.claim.LocationID, Mistakes: s.claim.CheckContacts(s.request)}, nil
}

// decide decides to send, and commits to it: a new link leads to the claim's page.
func (s *sending) decide(ctx context.Context, act mci.Act, grants mci.Grants) (write.Decision, error) {
	claim := s.claim.At(act.At)
	var hash string
	s.token, hash = mci.NewConsentToken(claim.ID, platform.RandomBytes(mci.TokenSecret))
	disclaimer, err := mail.DisclaimerIn(mail.English)
	if err != nil {
		return write.Decision{}, err
	}
	asked := claim
	asked.CustomerContact, asked.PartnerContact = claim.CorrectedContacts(s.request)
	statement, err := mail.QuestionOf(asked).Statement(mail.ChooseLocale(asked.CustomerContact.Locale, ""))
	if err != nil {
		return write.Decision{}, err
	}
	s.request.LinkHash, s.request.CurrentDisclaimer, s.request.Shown = hash, disclaimer.Version, statement.Shown()
	change, err := claim.RequestConsent(act, s.request, s.claim.Engagement)
	if err != nil {
		return write.Decision{}, s.afterOptOut(ctx, asked.CustomerContact.Email, err)
	}
	if !s.counted {
		if err := s.table.CountMail(ctx, claim.PartnerID, asked.CustomerContact.Email, s.perPartner, act.At); err != nil {
			return write.Decision{}, err
		}
		s.counted = true
	}
	s.change = change
	return write.Decision{
		Changes: []mci.Change{change}, Writes: append(s.table.UpdateClaim(change), s.table.PutLink(change.After, hash)...),
		After: func(ctx context.Context) (rest.Response, error) { return s.email(ctx, act, grants) },
	}, nil
}

// afterOptOut gives the refusal that wins: a recipient's opt-out comes before the bounds of mail.
func (s *sending) afterOptOut(ctx context.Context, address string, refused error) error {
	if mci.CodeOf(refused) != mci.TooManyRequests {
		return refused
	}
	optedOut, err := s.table.OptedOut(ctx, s.claim.PartnerID, address)
	switch {
	case err != nil:
		return err
	case optedOut:
		return mci.OptedOut
	}
	return refused
}

// email sends the email that was committed to, and records that it was sent.
func (s *sending) email(ctx context.Context, act mci.Act, grants mci.Grants) (rest.Response, error) {
	claim := s.change.After
	act.Addresses = nil // they stand with the event of the request
	email := mail.ConsentEmail{
		Question: mail.QuestionOf(claim), Link: s.publicURL + "/consent/" + s.token,
		Reminder: claim.Email.Status != "", // an email to this very address went out before
	}
	message, err := email.Message(mail.ChooseLocale(claim.CustomerContact.Locale, ""))
	if err != nil {
		return rest.Response{}, err
	}
	inTime, cancel := context.WithTimeout(ctx, claim.Email.Pending.Lease.Sub(s.now())-beforeLease)
	defer cancel()
	tags := map[string]string{"claim": string(claim.ID), "number": strconv.Itoa(claim.Email.Pending.Number)}
	messageID, err := s.sender.Send(inTime, claim.CustomerContact.Email, claim.PartnerContact.Email, message, tags)
	if err != nil {
		return rest.Response{}, s.failed(ctx, act, err)
	}
	return s.sent(ctx, act, grants, messageID)
}

// failed frees the claim for the same request to be repeated at once, and says that it may be.
func (s *sending) failed(ctx context.Context, act mci.Act, cause error) error {
	claim := s.change.After
	slog.Error("sending the consent email", "claim", claim.ID, "error", cause)
	unsent := !errors.Is(cause, outbox.ErrUnanswered)
	if change, pending := claim.EmailFailed(act, claim.Email.Pending.Number, unsent); pending {
		err := s.table.Commit(ctx, s.table.UpdateClaim(change))
		if err != nil && !errors.Is(err, table.ErrLostRace) { // the lease ends all the same
			slog.Error("noting that an email was not sent", "claim", claim.ID, "error", err)
		}
	}
	detail := "Email cannot be sent just now; the claim waits, and the same request may be repeated."
	if errors.Is(cause, outbox.ErrRefused) {
		detail = "The mail service refused this email; the claim waits. Correct the addresses, or repeat the request."
	}
	return &mci.Refusal{Code: mci.MailUnavailable, Detail: detail, RetryAfter: time.Second}
}

// sent records that SES took the email, with the response for a repetition of the request.
func (s *sending) sent(ctx context.Context, act mci.Act, grants mci.Grants, messageID string) (rest.Response, error) {
	claim, number, reload := s.change.After, s.change.After.Email.Pending.Number, false
	return table.Settle(ctx, func(ctx context.Context) (rest.Response, error) {
		if reload {
			loaded, err := write.LoadClaim(ctx, s.table, claim.ID)
			if err != nil {
				return rest.Response{}, err
			}
			claim = loaded.At(s.now())
		}
		reload = true
		change, recorded := claim.EmailSent(act, number, messageID)
		shown := claim
		if recorded {
			shown = change.After
		}
		view := rest.Response{Status: http.StatusAccepted, Body: s.ViewClaim(shown, grants)}
		response, keep, err := write.Keep(s.table, s.Request, view)
		if err != nil {
			return rest.Response{}, err
		}
		message := s.table.PutMessage(messageID, claim.ID, s.Now)
		if err := s.table.Commit(ctx, s.table.UpdateClaim(change), message, keep); err != nil {
			return rest.Response{}, err
		}
		platform.Count(change)
		return response, nil
	})
}
