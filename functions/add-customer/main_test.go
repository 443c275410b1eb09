package main

import (
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

func TestS18_TheCustomerIsOnThePageOfEveryChosenEngagementAtOnce(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	first, second := story.Engagement(t, nil), story.Engagement(t, nil)
	c := story.NewCustomer(t, first, second)

	body := p.Nomination(c, c.By(mci.TPID), []string{first, second}, nil)
	localtest.Call(t, "POST", "/v1/customers", p.Token, body).Expect(t, 201)

	for _, engagement := range []string{first, second} {
		row := story.Find(p.Customers(t, engagement, "eligible"), c)
		if row == nil || row.Claim == nil || row.Claim.Status != "consent-not-sent" {
			t.Errorf("the page of %s shows %+v", engagement, row)
		}
	}
}

func TestS6_AClaimGoesThroughItsWholeLife(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	claim := p.Consented(t, story.NewCustomer(t, engagement), engagement)
	p.Submit(t, claim.ID)
	if done := story.Review(t, claim.ID, mci.Complete); done.Status != "completed" {
		t.Errorf("the claim is %s", done.Status)
	}
	if whole := p.Get(t, claim.ID); !whole.EventsIntact {
		t.Errorf("the history is broken: %s", whole.Types())
	}
}
