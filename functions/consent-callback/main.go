// Command consent-callback is the page behind the emailed link, on which a customer accepts or declines (S22, S24, D10,
// D11, D26-D28). The link is the key: it names the claim and proves itself by its secret. Opening it changes nothing;
// only the page's form, POSTed, decides. It signs the receipt of every decision, and nothing else can.
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
	"mci.example/customers/shared/receipts"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("consent-callback")
	signer := platform.Must(receipts.Open(clients.Config(), environment.Setting(platform.ReceiptKeys)))
	// Texts and code are in memory when the first request comes.
	go func() { _, _, _, _ = mail.Page{}.Render(mail.ChooseLocale("", "en")) }()
	issuer := strings.TrimSuffix(environment.Setting(platform.PublicURL), "/")
	lambda.Start(function{clients.Table(environment), signer, issuer, environment.Now}.handle)
}

type function struct {
	table  *table.Table
	signer *receipts.Signer
	issuer string // of receipts: the deployment's scheme and host
	now    func() time.Time
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
	respond := f.show
	switch {
	case event.RouteKey == "GET /consent/{token}/receipt":
		respond = f.receipt
	case event.RequestContext.HTTP.Method == http.MethodPost:
		respond = f.decide
	}
	fail := func(*mci.Refusal) rest.GatewayResponse {
		return v.page(mail.Page{State: mail.Unavailable}, mci.Claim{})
	}
	return rest.Edge(ctx, event, func(ctx context.Context) (rest.GatewayResponse, error) {
			return respond(ctx, v)
		}, fail),
		nil
}

// show shows the question, or the decision that stands.
func (f function) show(ctx context.Context, v pageVisit) (rest.GatewayResponse, error) {
	opened, err := f.open(ctx, v)
	if err != nil {
		return rest.GatewayResponse{}, err
	}
	return v.page(opened.page, opened.claim), nil
}

// receipt gives the receipt of the decision as a file (D28); where there is none the page says so.
func (f function) receipt(ctx context.Context, v pageVisit) (rest.GatewayResponse, error) {
	opened, err := f.open(ctx, v)
	if err != nil {
		return rest.GatewayResponse{}, err
	}
	receipt := ""
	if opened.page.State == mail.Accepted || opened.page.State == mail.Declined {
		if receipt, err = f.table.Receipt(ctx, opened.claim.ID); err != nil {
			return rest.GatewayResponse{}, err
		}
	}
	if receipt == "" {
		return v.page(mail.Page{State: mail.Void}, mci.Claim{}), nil
	}
	return rest.ReceiptFile(receipt), nil
}

// opened is what a link leads to.
type opened struct {
	page     mail.Page
	claim    mci.Claim // the zero value where the link leads to none
	linkHash string

	engagement mci.Engagement // only once openToDecide has read it
}

// open reads the claim that the link names with the link itself: 1 round trip, whether the link is right or wrong.
func (f function) open(ctx context.Context, v pageVisit) (opened, error) {
	id, hash, isToken := mci.ParseConsentToken(v.token)
	if !isToken {
		return opened{}, nil
	}
	claim, link, _, err := f.table.ClaimWithLink(ctx, id, hash)
	if err != nil || link == nil || link.AddressVersion != claim.Email.AddressVersion {
		return opened{}, err
	}
	claim = claim.At(v.now)
	page := mail.Page{State: stateOf(claim), Question: mail.QuestionOf(claim)}
	switch page.State {
	case mail.Void:
		return opened{}, nil
	case mail.Accepted:
		page.DecidedAt = *claim.ConsentedAt
	case mail.Declined:
		page.DecidedAt, page.Stop = *claim.EndedAt, claim.Stopped
	}
	page.Receipt = "/consent/" + url.PathEscape(v.token) + "/receipt"
	return opened{page: page, claim: claim, linkHash: hash}, nil
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

// decide records the customer's decision with its receipt, once: the first stands, and a later one is shown it. 3 round
// trips: load, sign, commit.
func (f function) decide(ctx context.Context, v pageVisit) (rest.GatewayResponse, error) {
	form, problem := v.form()
	return table.Settle(ctx, func(ctx context.Context) (rest.GatewayResponse, error) {
		v.now = f.now() // a decision that lost its race is made anew at a later instant
		opened, sent, err := f.openToDecide(ctx, v)
		if err != nil {
			return rest.GatewayResponse{}, err
		}
		switch state := opened.page.State; {
		case state == mail.Accepted, state == mail.Declined:
			return v.seeOther(), nil
		case form == nil:
			return v.page(mail.Page{State: problem}, mci.Claim{}), nil
		case state != mail.Asking:
			return v.page(opened.page, opened.claim), nil
		}
		if !sent { // nobody was sent this link: it was planted in the table (B4)
			slog.Error("a link that no email holds was answered", "claim", opened.claim.ID)
			return v.page(mail.Page{State: mail.Void}, mci.Claim{}), nil
		}
		opened.page.Reason, opened.page.Stop = typed(form.Get("reason")), form.Get("stop") == "yes"
		statement, present, err := opened.page.Question.StatementWithHash(form.Get("statement"))
		if err != nil {
			return rest.GatewayResponse{}, err
		}
		decision := decisions[form.Get("decision")]
		switch {
		case len(form["decision"]) != 1 || decision == "":
			opened.page.State = mail.WrongDecision
		case decision == mci.DecisionDeclined && mci.CheckText(opened.page.Reason, mci.MaxReason) != nil:
			opened.page.State = mail.ReasonTooLong
		case !present:
			opened.page.State = mail.StatementChanged
		default:
			return v.seeOther(), f.commit(ctx, v, opened, decision, statement)
		}
		return v.page(opened.page, opened.claim), nil
	})
}

// openToDecide opens the link, and says whether it went out by an email that the claim's history holds. It reads the
// engagement too, if the catalogue has grown old. 1 round trip.
func (f function) openToDecide(ctx context.Context, v pageVisit) (opened opened, sent bool, err error) {
	id, hash, isToken := mci.ParseConsentToken(v.token)
	var history mci.History
	var catalogue table.Catalogue
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		opened, err = f.open(groupCtx, v)
		return err
	})
	if isToken {
		group.Go(func() (err error) {
			catalogue, err = f.table.Catalogue(groupCtx)
			return err
		})
		group.Go(func() (err error) {
			history, err = f.table.History(groupCtx, id)
			return err
		})
	}
	if err = group.Wait(); err != nil || opened.claim.ID == "" {
		return opened, false, err
	}
	catalogue, err = f.table.Including(ctx, catalogue, opened.claim.EngagementID)
	opened.engagement = catalogue[opened.claim.EngagementID]
	return opened, history.Sent(hash), err
}

// commit signs the receipt of a decision and writes both.
func (f function) commit(
	ctx context.Context, v pageVisit, opened opened, decision mci.Decision, statement mail.Statement,
) error {
	claim, act := opened.claim, platform.Act(v.now, mci.ActorCustomer)
	stop := decision == mci.DecisionDeclined && opened.page.Stop
	change, open := claim.Decide(act, decision, mci.Evidence{
		Reason: opened.page.Reason, Stop: stop, Shown: statement.Shown(), LinkHash: opened.linkHash,
		Address: v.event.RequestContext.HTTP.SourceIP,
		Browser: clean(v.event.Headers["user-agent"], mci.MaxReason),
	}, opened.engagement)
	if !open {
		return fmt.Errorf("claim %s is %s, and yet was asked", claim.ID, claim.Status)
	}
	var err error
	receipt := mci.NewReceipt(f.issuer, change.After, change.Events[0], string(statement.Locale), statement.Text)
	if change.Receipt, err = f.signer.Sign(ctx, receipt); err != nil {
		platform.Emit(map[string]float64{platform.ReceiptsUnsigned: 1})
		return err
	}
	writes := f.table.UpdateClaim(change)
	if stop {
		writes = append(writes, f.table.PutOptOut(claim.PartnerID, claim.CustomerContact.Email, v.now)...)
	}
	if err := f.table.Commit(ctx, writes); err != nil {
		return err
	}
	platform.Count(change)
	return nil
}

// form reads the posted form; nil where it cannot be read, and the state says why. Nothing at all is an empty form.
func (v pageVisit) form() (url.Values, mail.State) {
	body, err := rest.Body(v.event)
	var refusal *mci.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Code == mci.TooLarge:
		return nil, mail.TooLarge
	case err != nil:
		return nil, mail.Unreadable
	case len(body) == 0:
		return url.Values{}, mail.Asking
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

// typed is a text from a form, with the line ends of the web made plain, and without invisible characters.
func typed(text string) string {
	return strings.TrimSpace(lineEnds.Replace(clean(text, rest.MaxBody)))
}

// clean drops invisible characters, and all beyond max characters.
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
		"Location": "/consent/" + url.PathEscape(v.token), "Cache-Control": "no-store",
		"Referrer-Policy": "no-referrer",
	}}
}
