// Command consent-callback is the page behind the emailed link, on which a customer accepts or declines (S22, S24, D10, D11).
// The link is the key: it names the claim and proves itself by its secret. Opening it changes nothing; only the page's form,
// POSTed, decides.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
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
	go func() { _, _, _, _ = mail.Page{}.Render(mail.ChooseLocale("", "en")) }() // texts and code are in memory when the first request comes
	lambda.Start(function{clients.Table(environment), environment.Now}.handle)
}

type function struct {
	table *table.Table
	now   func() time.Time
}

// pageVisit is one request to the page.
type pageVisit struct {
	event rest.GatewayRequest
	now   time.Time
	token string
}

// handle responds to every request with a page in the customer's language. A failure is shown as "try again".
func (f function) handle(ctx context.Context, event rest.GatewayRequest) (rest.GatewayResponse, error) {
	v := pageVisit{event, f.now(), event.PathParameters["token"]}
	respond := func(ctx context.Context) (rest.GatewayResponse, error) { return f.show(ctx, v) }
	if event.RequestContext.HTTP.Method == http.MethodPost {
		respond = func(ctx context.Context) (rest.GatewayResponse, error) { return f.decide(ctx, v) }
	}
	fail := func(*mci.Refusal) rest.GatewayResponse {
		return v.page(mail.Page{State: mail.Unavailable}, mci.Claim{})
	}
	return rest.Edge(ctx, event, respond, fail), nil
}

// show shows what there is to decide, or what was decided.
func (f function) show(ctx context.Context, v pageVisit) (rest.GatewayResponse, error) {
	opened, err := f.open(ctx, v)
	if err != nil {
		return rest.GatewayResponse{}, err
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
	page := mail.Page{State: stateOf(claim), Question: mail.QuestionOf(claim)}
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
	accepted, decided := claim.Decided()
	switch {
	case accepted:
		return mail.Accepted
	case decided:
		return mail.Declined
	case claim.Status == mci.ConsentPending:
		return mail.Asking
	case claim.Status == mci.Expired:
		return mail.TooLate
	}
	return mail.Void
}

// decisions are those that the page's buttons post.
var decisions = map[string]mci.Decision{"accept": mci.DecisionAccepted, "decline": mci.DecisionDeclined}

// decide records the customer's decision, once: the first stands, and a later one is shown it.
func (f function) decide(ctx context.Context, v pageVisit) (rest.GatewayResponse, error) {
	form, state := v.form()
	if form == nil {
		return v.page(mail.Page{State: state}, mci.Claim{}), nil
	}
	return table.Settle(ctx, func(ctx context.Context) (rest.GatewayResponse, error) {
		v.now = f.now() // a decision that lost its race is made anew at a later instant
		opened, err := f.open(ctx, v)
		if err != nil {
			return rest.GatewayResponse{}, err
		}
		switch opened.page.State {
		case mail.Accepted, mail.Declined:
			return v.seeOther(), nil
		case mail.Asking:
		default:
			return v.page(opened.page, opened.claim), nil
		}
		decision, reason := form["decision"], typed(form.Get("reason"))
		switch {
		case len(decision) != 1 || decisions[decision[0]] == "":
			opened.page.State, opened.page.Reason, opened.page.Stop = mail.WrongDecision, reason, form.Get("stop") == "yes"
			return v.page(opened.page, opened.claim), nil
		case decision[0] == "decline" && mci.CheckText(reason, mci.MaxReason) != nil:
			opened.page.State, opened.page.Reason, opened.page.Stop = mail.ReasonTooLong, reason, form.Get("stop") == "yes"
			return v.page(opened.page, opened.claim), nil
		}
		statement, present, err := opened.page.Question.StatementWithHash(form.Get("statement"))
		switch {
		case err != nil:
			return rest.GatewayResponse{}, err
		case !present && form.Has("statement"):
			opened.page.State, opened.page.Reason, opened.page.Stop = mail.StatementChanged, reason, form.Get("stop") == "yes"
			return v.page(opened.page, opened.claim), nil
		case !present:
			if statement, err = opened.page.Question.Statement(v.locale(opened.claim)); err != nil {
				return rest.GatewayResponse{}, err
			}
		}
		_, hash, _ := mci.ParseConsentToken(v.token)
		act := platform.Act(v.now, mci.ActorCustomer)
		change, open := opened.claim.Decide(act, decisions[decision[0]], mci.Evidence{
			Reason: reason, Shown: statement.Shown(), LinkHash: hash, Address: v.event.RequestContext.HTTP.SourceIP,
			Browser: clean(v.event.Headers["user-agent"], mci.MaxReason),
		})
		if !open {
			return rest.GatewayResponse{}, fmt.Errorf("claim %s is %s, and yet was asked", opened.claim.ID, opened.claim.Status)
		}
		if err := f.table.Commit(ctx, f.table.UpdateClaim(change)); err != nil {
			return rest.GatewayResponse{}, err
		}
		platform.Count(change)
		return v.seeOther(), nil
	})
}

// form reads the posted form; nil where it cannot be read, and the state says why.
func (v pageVisit) form() (url.Values, mail.State) {
	body, err := rest.Body(v.event)
	if mci.CodeOf(err) == mci.TooLarge {
		return nil, mail.TooLarge
	}
	if err != nil {
		return nil, mail.Unreadable
	}
	mediaType, _, err := mime.ParseMediaType(v.event.Headers["content-type"])
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, mail.UnsupportedForm
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, mail.Unreadable
	}
	return form, mail.Asking
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
	return mail.ChooseLocale(claim.CustomerContact.Locale, v.event.Headers["accept-language"])
}

// page renders the page.
func (v pageVisit) page(page mail.Page, claim mci.Claim) rest.GatewayResponse {
	locale := v.locale(claim)
	if v.event.RequestContext.HTTP.Method == http.MethodHead {
		status, headers := page.Head(locale)
		return rest.GatewayResponse{StatusCode: status, Headers: headers}
	}
	status, headers, body, err := page.Render(locale)
	if err != nil {
		slog.Error("rendering the consent page", "request", v.event.RequestContext.RequestID, "error", err)
		return rest.GatewayResponse{StatusCode: http.StatusInternalServerError}
	}
	return rest.GatewayResponse{StatusCode: status, Headers: headers, Body: body}
}

// seeOther sends the browser to the page that shows the decision.
func (v pageVisit) seeOther() rest.GatewayResponse {
	return rest.GatewayResponse{StatusCode: http.StatusSeeOther, Headers: map[string]string{
		"Location": "/consent/" + url.PathEscape(v.token), "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
	}}
}
