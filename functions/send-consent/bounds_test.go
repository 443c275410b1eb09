package main

import (
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// refusedUntil checks that a request is refused until that instant, in whole seconds.
func refusedUntil(t *testing.T, instant time.Time, ask func() localtest.Response) {
	t.Helper()
	most := instant.Sub(localtest.Now()).Seconds() + 1
	answer := ask()
	least := instant.Sub(localtest.Now()).Seconds()
	story.Refused(t, answer, 429, mci.TooManyRequests)
	wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || float64(wait) < least || float64(wait) > most {
		t.Errorf("Retry-After is %q, and the refusal is over in %.3f to %.3f seconds", answer.Header.Get("Retry-After"),
			least, most-1)
	}
}

// midnight is the next one of UTC.
func midnight() time.Time { return localtest.Now().UTC().Truncate(story.Day).Add(story.Day) }

// Mails are counted by the UTC day: tests of a day's bound have one of their own, to which they move the clock.

func TestD25_OneAddressGetsThirtyEmailsADayOverAllPartners(t *testing.T) {
	story.DayBegins(t)
	e := story.Engagement(t, nil)
	c := story.NewCustomer(t, e)
	partners := story.NewPartners(t, 10)
	// One partner cancels and adds again and again, nine others join in.
	for i, p := range append(slices.Repeat(partners[:1], mci.MaxMailsToAddress-9), partners[1:]...) {
		claim := p.Add(t, c, e)
		request(t, p.Token, claim.ID, first).Expect(t, 202)
		if i < mci.MaxMailsToAddress-9 {
			p.Cancel(t, claim.ID)
		}
	}
	for _, p := range []story.Partner{partners[0], story.NewPartner(t)} {
		claim := p.Add(t, c, e)
		refusedUntil(t, midnight(), func() localtest.Response { return request(t, p.Token, claim.ID, first) })
		if status := p.Get(t, claim.ID).Status; status != string(mci.ConsentNotSent) {
			t.Errorf("a claim whose email was refused is %s", status)
		}
	}
	if mails := localtest.Mails(t, c.Email); len(mails) != mci.MaxMailsToAddress {
		t.Errorf("the address got %d emails", len(mails))
	}
}

func TestD25_AnEmailThatSESDoesNotTakeIsNotCounted(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Add(t, story.NewCustomer(t, e), e)
	fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Reject, Service: localtest.SESService,
		Match: about(claim), Times: localtest.All})
	for range mci.MaxMailsToAddress {
		story.Refused(t, request(t, p.Token, claim.ID, first), 503, mci.MailUnavailable)
	}
	fault.Remove()
	p.Request(t, claim.ID, first)
	localtest.Mail(t, claim.CustomerContact.Email, 1)
}

func TestD26_WhoSaysStopIsNotAskedByThisPartnerAgain(t *testing.T) {
	t.Parallel()
	e, other := story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, e, other)
	partners := story.NewPartners(t, 2)
	p, rival := partners[0], partners[1]
	link := p.Ask(t, p.Add(t, c, e))
	story.Answer(t, link, url.Values{"decision": {"decline"}, "stop": {"yes"}}).Expect(t, 303)

	again := p.Add(t, c, other)
	story.Refused(t, request(t, p.Token, again.ID, first), 422, mci.RecipientOptedOut)
	rival.Ask(t, rival.Add(t, c, other)) // other partners are not touched

	// Another contact of the customer may be asked.
	successor := story.Object{"name": "Sam", "email": "sam@" + c.Domain}
	p.Request(t, again.ID, with(first, story.Object{"customerContact": successor}))

	for _, item := range story.Every(t) {
		if kind := story.TextOf(item, "sk"); kind == "OPTOUT" && len(plain(item)) > 3 {
			t.Errorf("an opt-out holds %v", plain(item))
		}
	}
}

// mailsPerPartner is the bound of a partner's emails in a day in these tests.
const mailsPerPartner = 25

func TestD25_APartnerSendsSoManyEmailsADay(t *testing.T) {
	story.DayBegins(t)
	e := story.Engagement(t, nil)
	p := story.NewPartner(t)
	names := make([]string, mailsPerPartner+1)
	for i := range names {
		names[i] = story.Name("Customer")
	}
	for i, c := range story.NewCustomers(t, names, e) {
		claim := p.Add(t, c, e)
		if i < mailsPerPartner {
			request(t, p.Token, claim.ID, first).Expect(t, 202)
			continue
		}
		refusedUntil(t, midnight(), func() localtest.Response { return request(t, p.Token, claim.ID, first) })
		if len(localtest.Mails(t, c.Email)) > 0 {
			t.Error("the email beyond the bound went out")
		}
	}
}
