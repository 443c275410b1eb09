package main

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestD37_PeoplesDataIsErasedOnceAClaimHasEndedSoLongAgo(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	var ended []story.Claim
	for _, status := range []mci.Status{mci.Completed, mci.Declined, mci.Cancelled} {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, e), e)
		ended = append(ended, claim)
	}
	waiting, _ := p.Bring(t, mci.Submitted, story.NewCustomer(t, e), e)
	erased := func() int {
		answer := localtest.Invoke(t, "expiry-sweep", story.Object{}).Expect(t, 200)
		return localtest.Decode[struct{ Erased int }](t, answer).Erased
	}
	end := *ended[0].EndedAt
	story.ClockAt(t, end.AddDate(0, 24, 0).Add(-time.Minute))
	erased() // whatever else the tests of this package have ended
	if now := p.Get(t, ended[0].ID); now.CustomerContact.Email != ended[0].CustomerContact.Email {
		t.Error("it is erased too early")
	}
	story.ClockAt(t, ended[len(ended)-1].EndedAt.AddDate(0, 24, 0).Add(time.Minute))
	if first, second := erased(), erased(); first < len(ended) || second != 0 {
		t.Errorf("%d are erased, then %d", first, second)
	}
	for _, claim := range ended {
		now := p.Get(t, claim.ID)
		if now.CustomerContact.Email != mci.ErasedContact.Email || now.FriendlyName == claim.FriendlyName ||
			!now.EventsIntact || now.Types() != claim.Types() {
			t.Errorf("the claim is %+v", now)
		}
		for _, item := range story.Items(t, "CLAIM#"+claim.ID, "PRIVATE#") {
			for part, kept := range item["parts"].(*types.AttributeValueMemberM).Value {
				if kept.(*types.AttributeValueMemberM).Value["data"] != nil {
					t.Errorf("the part %s of %s is still there", part, story.TextOf(item, "sk"))
				}
			}
		}
	}
	if now := p.Get(t, waiting.ID); now.CustomerContact.Email != waiting.CustomerContact.Email {
		t.Error("a claim that waits for its review was erased")
	}
}
