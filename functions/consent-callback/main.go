// Command consent-callback is the page behind the emailed link, on which a customer accepts or declines (S22, S24, D10, D11).
// The link is the key: it names the claim and proves itself by its secret. Opening it changes nothing; only the page's form,
// POSTed, decides.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("consent-callback")
	go func() { _, _, _, _ = mail.Page{}.Render(mail.Choose("", "en")) }() // texts and code are in memory when the first request comes
	lambda.Start(function{clients.Table(environment), environment.Now}.handle)
}

type function struct {
	table *table.Table
	now   func() time.Time
}

// pageVisit is one request to the page.
type pageVisit struct {
	event rest.Event
	now   time.Time
	token string
}

// handle answers every request with a page in the customer's language; what fails is told as "try again".
func (f function) handle(ctx context.Context, event rest.Event) (response rest.Response, _ error) {
	v := pageVisit{event, f.now(), event.PathParameters["token"]}
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("panic", "request", event.RequestContext.RequestID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
			response = v.page(mail.Page{State: mail.Unavailable}, mci.Claim{})
		}
		slog.Info("answered", "route", event.RouteKey, "request", event.RequestContext.RequestID, "status", response.StatusCode)
	}()
	var err error
	if event.RequestContext.HTTP.Method == http.MethodPost {
		response, err = f.answer(ctx, v)
	} else {
		response, err = f.show(ctx, v)
	}
	if err != nil {
		slog.Error("failed", "request", event.RequestContext.RequestID, "error", err)
		response = v.page(mail.Page{State: mail.Unavailable}, mci.Claim{})
	}
	return response, nil
}

// show shows what there is to decide, or what was decided.
func (f function) show(ctx context.Context, v pageVisit) (rest.Response, error) {
	opened, err := f.open(ctx, v)
	if err != nil {
		return rest.Response{}, err
	}
	return v.page(opened.page, opened.claim), nil
}

// opened is what a link leads to.
type opened struct {
	page       mail.Page
	claim      mci.Claim // the zero value where the link leads to none
	engagement mci.Engagement
}

// open reads the claim that the link names with the link itself, and the catalogue if it has grown old, in parallel: 1 round
// trip, whether the link is right or wrong.
func (f function) open(ctx context.Context, v pageVisit) (opened, error) {
	id, hash, isToken := mci.ParseConsentToken(v.token)
	if !isToken {
		return opened{}, nil
	}
	var catalogue table.Catalogue
	var group errgroup.Group
	group.Go(func() (err error) {
		catalogue, err = f.table.Catalogue(ctx)
		return err
	})
	claim, link, _, err := f.table.ClaimWithLink(ctx, id, hash)
	if err := errors.Join(err, group.Wait()); err != nil {
		return opened{}, err
	}
	if link == nil || link.AddressVersion != claim.Email.AddressVersion {
		return opened{}, nil
	}
	if catalogue, err = f.table.Including(ctx, catalogue, claim.EngagementID); err != nil {
		return opened{}, err
	}
	claim = claim.At(v.now)
	engagement := catalogue[claim.EngagementID]
	page := mail.Page{State: stateOf(claim), Ask: mail.AskOf(claim, engagement)}
	switch page.State {
	case mail.Void:
		return opened{}, nil
	case mail.Accepted:
		page.DecidedAt = *claim.ConsentedAt
	case mail.Declined:
		page.DecidedAt = *claim.EndedAt
	}
	return opened{page, claim, engagement}, nil
}

// stateOf says what the page of a claim's link shows: a decision stands, whatever became of the claim since (D10).
func stateOf(claim mci.Claim) mail.State {
	accepted, answered := claim.Answered()
	switch {
	case accepted:
		return mail.Accepted
	case answered:
		return mail.Declined
	case claim.Status == mci.ConsentPending:
		return mail.Asking
	case claim.Status == mci.Expired:
		return mail.TooLate
	}
	return mail.Void
}

// answer records the customer's decision, once: the first stands, and whoever posts again is shown it.
func (f function) answer(ctx context.Context, v pageVisit) (rest.Response, error) {
	form, state := v.form()
	if form == nil {
		return v.page(mail.Page{State: state}, mci.Claim{}), nil
	}
	act := platform.Act(v.now, mci.ActorCustomer)
	return table.Settle(ctx, func(ctx context.Context) (rest.Response, error) {
		opened, err := f.open(ctx, v)
		if err != nil {
			return rest.Response{}, err
		}
		switch opened.page.State {
		case mail.Accepted, mail.Declined:
			return v.seeOther(), nil
		case mail.Asking:
		default:
			return v.page(opened.page, opened.claim), nil
		}
		decision, reason := form["decision"], typed(form.Get("reason"))
		locale := v.locale(opened.claim)
		switch {
		case len(decision) != 1 || decision[0] != "accept" && decision[0] != "decline":
			opened.page.State, opened.page.Reason = mail.WrongDecision, reason
			return v.page(opened.page, opened.claim), nil
		case decision[0] == "decline" && mci.CheckText(reason, mci.MaxReason) != nil:
			opened.page.State, opened.page.Reason = mail.ReasonTooLong, reason
			return v.page(opened.page, opened.claim), nil
		case form.Has("version") && form.Get("version") != mail.TextVersion(locale):
			return v.seeOther(), nil // the text has changed since it was read: the customer shall read it
		}
		evidence, err := mail.Evidence(locale, opened.page.Ask)
		if err != nil {
			return rest.Response{}, err
		}
		evidence["address"], evidence["browser"] = v.event.RequestContext.HTTP.SourceIP, clean(v.event.Headers["user-agent"], mci.MaxReason)
		change, open := opened.claim.Decide(act, mci.Answer{Accept: decision[0] == "accept", Reason: reason, Evidence: evidence}, opened.engagement)
		if !open {
			return rest.Response{}, fmt.Errorf("claim %s is %s, and yet was asked", opened.claim.ID, opened.claim.Status)
		}
		if err := f.table.Commit(ctx, f.table.Change(change)); err != nil {
			return rest.Response{}, err
		}
		platform.Count(change)
		return v.seeOther(), nil
	})
}

// form reads the posted form; where it cannot be read there is none, and the state says why.
func (v pageVisit) form() (url.Values, mail.State) {
	body, state := []byte(v.event.Body), mail.Unreadable
	if v.event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(v.event.Body); err != nil {
			return nil, state
		}
	}
	if len(body) > rest.MaxBody {
		return nil, mail.TooLarge
	}
	mediaType, _, err := mime.ParseMediaType(v.event.Headers["content-type"])
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, mail.UnsupportedForm
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, state
	}
	return form, state
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// typed is a text from a form, with the line ends of the web made plain, and without what cannot be seen.
func typed(text string) string {
	return strings.TrimSpace(lineEnds.Replace(clean(text, rest.MaxBody)))
}

// clean drops what a reader cannot see, and what is too long.
func clean(text string, max int) string {
	kept := make([]rune, 0, min(len(text), max))
	for _, r := range text {
		if len(kept) < max && mci.CheckText(string(r), 1) == nil {
			kept = append(kept, r)
		}
	}
	return string(kept)
}

// locale is the language of the page: the contact's, then the browser's, then English (D11).
func (v pageVisit) locale(claim mci.Claim) mail.Locale {
	return mail.Choose(claim.CustomerContact.Locale, v.event.Headers["accept-language"])
}

// page renders the page.
func (v pageVisit) page(page mail.Page, claim mci.Claim) rest.Response {
	locale := v.locale(claim)
	if v.event.RequestContext.HTTP.Method == http.MethodHead {
		status, headers := page.Head(locale)
		return rest.Response{StatusCode: status, Headers: headers}
	}
	status, headers, body, err := page.Render(locale)
	if err != nil {
		slog.Error("rendering the consent page", "request", v.event.RequestContext.RequestID, "error", err)
		return rest.Response{StatusCode: http.StatusInternalServerError}
	}
	return rest.Response{StatusCode: status, Headers: headers, Body: body}
}

// seeOther sends the browser to the page that shows the decision.
func (v pageVisit) seeOther() rest.Response {
	return rest.Response{StatusCode: http.StatusSeeOther, Headers: map[string]string{
		"Location": "/consent/" + url.PathEscape(v.token), "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
	}}
}
