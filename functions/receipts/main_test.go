package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/receipts"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// published are the keys that anyone can have.
func published(t *testing.T) jose.JSONWebKeySet {
	t.Helper()
	answer := localtest.Call(t, "GET", "/.well-known/jwks.json", "", nil).Expect(t, 200)
	if kept := answer.Header.Get("Cache-Control"); !strings.Contains(kept, "public, max-age=") {
		t.Errorf("they may be kept %q", kept)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(answer.Body, &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

// signing is the number of the latest key, which signs.
func signing(t *testing.T) string {
	t.Helper()
	keys := published(t).Keys
	return keys[len(keys)-1].KeyID
}

func receiptOf(t *testing.T, token, claimID string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "GET", "/v1/claims/"+claimID+"/receipt", token, nil)
}

func TestD28_EveryDecisionHasAReceiptThatVerifiesWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	for status, decision := range map[mci.Status]mci.Decision{
		mci.Consented: mci.DecisionAccepted, mci.Declined: mci.DecisionDeclined, mci.Completed: mci.DecisionAccepted,
	} {
		c := story.NewCustomer(t, engagement)
		claim, _ := p.Bring(t, status, c, engagement)
		signed := localtest.Decode[struct{ Receipt string }](t, receiptOf(t, p.Token, claim.ID).Expect(t, 200)).Receipt
		receipt, err := receipts.Verify(signed, published(t))
		if err != nil {
			t.Fatal(err)
		}
		if receipt.Decision != decision || string(receipt.ClaimID) != claim.ID || receipt.Customer.Name != c.Name ||
			receipt.Partner.ID != p.ID {
			t.Errorf("of a claim that is %s it says %+v", status, receipt)
		}
		for _, personal := range []string{c.Email, "Pat", "pat@"} {
			if text, _ := json.Marshal(receipt); strings.Contains(string(text), personal) {
				t.Errorf("it names a person: %s", text)
			}
		}
	}
}

// TestD28_ANewKeySignsAndReceiptsOfTheOldOneGoOnToVerify gives the cloud one more key for good.
func TestD28_ANewKeySignsAndReceiptsOfTheOldOneGoOnToVerify(t *testing.T) {
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	claims, signers := []story.Claim{}, []string{}
	decide := func(status mci.Status) {
		claim, _ := p.Bring(t, status, story.NewCustomer(t, engagement), engagement)
		claims, signers = append(claims, claim), append(signers, signing(t))
	}
	decide(mci.Consented)
	if err := localtest.Cloud().AddReceiptKey(); err != nil {
		t.Fatal(err)
	}
	decide(mci.Declined)
	if signers[0] == signers[1] {
		t.Errorf("both are to be signed by key %s", signers[0])
	}
	keys := published(t)
	for i, claim := range claims {
		signed := localtest.Decode[struct{ Receipt string }](t, receiptOf(t, p.Token, claim.ID).Expect(t, 200)).Receipt
		if _, err := receipts.Verify(signed, jose.JSONWebKeySet{Keys: keys.Key(signers[i])}); err != nil {
			t.Errorf("by key %s of the published ones: %v", signers[i], err)
		}
		if now := p.Get(t, claim.ID); now.Status != claim.Status || !now.EventsIntact {
			t.Errorf("the claim is %s, its events intact: %v", now.Status, now.EventsIntact)
		}
	}
}

func TestContract_ThereIsNoReceiptBeforeADecisionNorForWhoMayNotSeeTheClaim(t *testing.T) {
	t.Parallel()
	p, plain, coSell := story.NewPartner(t), story.Engagement(t, nil), story.Engagement(t, story.WithCoSell(false))
	seller := localtest.Token(t, "", story.Name("seller"), mci.FieldSeller)
	other := story.NewPartner(t)
	asked, _ := p.Bring(t, mci.ConsentPending, story.NewCustomer(t, plain), plain)
	decided, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, plain), plain)
	sold, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, coSell), coSell)
	localtest.WaitDrained(t) // then its referral is co-sell
	for _, no := range []struct{ token, claimID string }{
		{p.Token, asked.ID}, {story.Program(t), asked.ID}, {other.Token, decided.ID}, {seller, decided.ID},
		{p.Token, "none"},
		{p.Token, string(mci.NewClaimID("01JBQ3E5Z8Q7C4T9W2X6Y1V0KM", p.ID))},
	} {
		story.Refused(t, receiptOf(t, no.token, no.claimID), 404, mci.NotFound)
	}
	receiptOf(t, seller, sold.ID).Expect(t, 200)
	receiptOf(t, story.Program(t), decided.ID).Expect(t, 200)
}

func TestWithoutKMSTheKeysAreToBeAskedForAgain(t *testing.T) {
	localtest.SetClock(t, localtest.Cloud().Offset()) // which replaces every process: none has the keys at hand
	localtest.Inject(t, localtest.Fault{Effect: localtest.Fail, Service: localtest.KMSService, Function: "receipts",
		Times: localtest.All})
	answer := localtest.Call(t, "GET", "/.well-known/jwks.json", "", nil)
	story.Refused(t, answer, 503, mci.TryAgain)
	if answer.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
}
