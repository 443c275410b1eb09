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
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/asking"
	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mail/outbox"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
	"mci.example/customers/shared/write"
)

func main() {
	environment := platform.Open("send-consent")
	sender := asking.Open(environment)
	f := function{sender.Table, sender, environment.Number(platform.MailsPerPartner)}
	rest.Start(environment, map[string]rest.Handler{
		"POST /v1/claims/{claimId}/consent-requests": f.send,
		"POST /v1/claims/{claimId}/consent-previews": f.preview,
	})
}

type function struct {
	table      *table.Table
	sender     asking.Sender
	perPartner int // emails in a day (D25)
}

var maxDealSize = mci.MustMoney("1000000000000.00")

// sending is one request to send the consent email.
type sending struct {
	function
	*rest.Request
	request mci.ConsentRequest
	claim   write.Claim
	change  mci.Change
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
	s.token, hash = asking.NewLink(claim.ID)
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
	change, refused := claim.RequestConsent(act, s.request, s.claim.Engagement)
	if refused != nil && mci.CodeOf(refused) != mci.TooManyRequests {
		return write.Decision{}, refused
	}
	// A twin of this request may have succeeded before the claim was read; one that succeeds from then on changes it.
	optedOut, kept, err := s.table.OptedOutOrKept(ctx, claim.PartnerID,
		mci.AddressHash(asked.CustomerContact.Email), s.Idempotency(), s.Now)
	switch {
	case err != nil:
		return write.Decision{}, err
	case kept:
		return write.Decision{}, table.ErrLostRace
	case optedOut: // which comes before the bounds of mail
		return write.Decision{}, mci.OptedOut
	case refused != nil:
		return write.Decision{}, refused
	}
	s.change = change
	return write.Decision{
		Changes: []mci.Change{change},
		Writes: slices.Concat(s.table.UpdateClaim(change), s.table.PutLink(change.After, hash),
			s.table.CountMail(change.After, s.perPartner, act.At)),
		After: func(ctx context.Context) (rest.Response, error) { return s.email(ctx, act, grants) },
	}, nil
}

// email sends the email that was committed to, and records that it was sent.
func (s *sending) email(ctx context.Context, act mci.Act, grants mci.Grants) (rest.Response, error) {
	claim := s.change.After
	act.Addresses = nil // they stand with the event of the request
	messageID, err := s.sender.Send(ctx, act, claim, s.token)
	if err != nil && !errors.Is(err, outbox.ErrUnanswered) {
		if err := s.table.UncountMail(ctx, claim, act.At); err != nil {
			slog.Error("taking an email that did not go out of the day's count", "claim", claim.ID, "error", err)
		}
	}
	if err != nil {
		return rest.Response{}, unsent(err)
	}
	var response rest.Response
	err = s.sender.Record(ctx, act, claim, messageID, func(claim mci.Claim) (keep []table.Write, err error) {
		view := rest.Response{Status: http.StatusAccepted, Body: s.ViewClaim(claim, grants)}
		response, keep, err = write.Keep(s.table, s.Request, view)
		return keep, err
	})
	return response, err
}

// unsent says that the same request may be repeated.
func unsent(cause error) error {
	detail := "Email cannot be sent just now; the claim waits, and the same request may be repeated."
	switch {
	case errors.Is(cause, outbox.ErrRefused):
		detail = "The mail service refused this email; the claim waits. Correct the addresses, or repeat the request."
	case !errors.Is(cause, outbox.ErrUnavailable):
		return cause
	}
	return &mci.Refusal{Code: mci.MailUnavailable, Detail: detail, RetryAfter: time.Second}
}
