package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestMain(m *testing.M) { localtest.Main(m) }

// asked brings a claim whose customer was asked, for a deal of that size.
func asked(t *testing.T, p story.Partner, c story.Customer, engagement, dealSize string) (story.Claim, string) {
	t.Helper()
	claim := p.Add(t, c, engagement)
	claim = p.Request(t, claim.ID, story.FirstRequest(dealSize))
	return claim, story.Link(t, c.Email)
}

func upgrade(t *testing.T, token string, claim story.Claim, headers ...string) localtest.Response {
	t.Helper()
	return localtest.Call(t, "POST", claim.Referral.Href+"/upgrade", token, nil, headers...)
}

func TestS27_D9_TheConsentUpgradesWhatQualifies(t *testing.T) {
	t.Parallel()
	p := story.NewPartner(t)
	noCoSell := story.WithCoSell(false)
	noCoSell["coSell"] = nil
	for _, c := range []struct {
		rule       string
		engagement story.Object
		dealSize   string
		managed    bool
		upgraded   bool
	}{
		{"the deal reaches the minimum", story.WithCoSell(false), "50000.00", false, true},
		{"a cent less does not", story.WithCoSell(false), "49999.99", true, false},
		{"an engagement without co-sell", noCoSell, "900000.00", true, false},
		{"managed customers only, and it is", story.WithCoSell(true), "50000.00", true, true},
		{"managed customers only, and it is not", story.WithCoSell(true), "900000.00", false, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			e := story.Engagement(t, c.engagement)
			customer := story.NewCustomer(t, e)
			customer.Manage(t, c.managed)
			claim, link := asked(t, p, customer, e, c.dealSize)
			localtest.WaitDrained(t)
			if referral := claim.ReferralNow(t); referral.Type != "partner-led" || referral.State() != "new" {
				t.Errorf("before the consent it is %s, %s", referral.Type, referral.State())
			}
			story.Refused(t, upgrade(t, story.Program(t), claim), 409, mci.NotQualified)
			story.Accept(t, link)
			localtest.WaitDrained(t)
			referral, now := claim.ReferralNow(t), p.Get(t, claim.ID)
			if (referral.Type == "co-sell") != c.upgraded || (referral.UpgradedAt != nil) != c.upgraded ||
				referral.State() != "active" {
				t.Errorf("after the consent it is %s, %s, upgraded %v", referral.Type, referral.State(),
					referral.UpgradedAt)
			}
			if n := strings.Count(now.Types(), "referral.upgraded"); (n == 1) != c.upgraded || n > 1 ||
				!now.EventsIntact {
				t.Errorf("the history is %s", now.Types())
			}
			if c.upgraded {
				return
			}
			problem := story.Refused(t, upgrade(t, story.Program(t), claim), 409, mci.NotQualified)
			if problem.Detail == "" {
				t.Error("nobody learns why")
			}
		})
	}
}

func TestD9_OnRequestItIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(true))
	c := story.NewCustomer(t, e)
	c.Manage(t, false)
	claim, link := asked(t, p, c, e, "50000.00")
	story.Accept(t, link)
	localtest.WaitDrained(t)
	admin := p.NewUser(t, "", mci.ReferralAdmin)
	key := story.Name("key")
	story.Refused(t, upgrade(t, admin, claim, "Idempotency-Key", key), 409, mci.NotQualified)
	version := p.Get(t, claim.ID).Version

	c.Manage(t, true)
	for who, token := range map[string]string{
		"an incentives admin": p.Token, "a field seller": localtest.Token(t, "", story.Name("seller"), mci.FieldSeller),
	} {
		if answer := upgrade(t, token, claim); answer.Status != 403 {
			t.Errorf("%s: answered %d", who, answer.Status)
		}
	}
	story.Refused(t, upgrade(t, story.NewPartner(t).NewUser(t, "", mci.ReferralAdmin), claim), 404, mci.NotFound)
	if now := p.Get(t, claim.ID); now.Version != version {
		t.Errorf("refusals changed the claim: %s", now.Types())
	}
	answer := upgrade(t, admin, claim, "Idempotency-Key", key).Expect(t, 200) // refusals are not kept
	upgraded := localtest.Decode[story.Referral](t, answer)
	if upgraded.Type != "co-sell" || upgraded.State() != "active" || upgraded.UpgradedAt == nil ||
		upgraded.ID != claim.Referral.ID {
		t.Errorf("answered %s", answer.Body)
	}
	if read := claim.ReferralNow(t); read.Type != "co-sell" || !read.UpgradedAt.Equal(*upgraded.UpgradedAt) {
		t.Errorf("read next, it is %+v", read)
	}
	if again := upgrade(t, admin, claim, "Idempotency-Key", key).Expect(t, 200); string(again.Body) != string(
		answer.Body) {
		t.Errorf("repeated, it answers %s", again.Body)
	}
	if again := upgrade(t, story.Program(t), claim).Expect(t, 200); string(again.Body) != string(answer.Body) {
		t.Errorf("asked for again, it answers %s", again.Body)
	}
	story.Refused(t, localtest.Call(t, "POST", claim.Referral.Href+"/upgrade", admin, `{ }`, "Idempotency-Key", key),
		409, mci.IdempotencyKeyReused)
	story.Refused(t, localtest.Call(t, "POST", claim.Referral.Href+"/upgrade", admin, `{"type":"co-sell"}`), 422,
		mci.Invalid)
	now := p.Get(t, claim.ID)
	if event := now.Events[len(now.Events)-1]; strings.Count(now.Types(), "referral.upgraded") != 1 ||
		event.Type != "referral.upgraded" || strings.HasPrefix(event.Actor, "system") {
		t.Errorf("the history is %s", now.Types())
	}
	p.Cancel(t, claim.ID)
	if closed := localtest.Decode[story.Referral](t, upgrade(t, admin, claim).Expect(t,
		200)); closed.State() != "closed/lost" || closed.Type != "co-sell" {
		t.Errorf("closed, it is %+v", closed)
	}
}

func TestD9_WhatIsNotThereOrClosedIsNotUpgraded(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(true))
	staff := story.Program(t)
	for _, status := range []mci.Status{mci.Declined, mci.Completed, mci.Rejected} {
		c := story.NewCustomer(t, e)
		c.Manage(t, false)
		claim, _ := p.Bring(t, status, c, e)
		c.Manage(t, true)
		story.Refused(t, upgrade(t, staff, claim), 409, mci.NotQualified)
	}
	plain := story.Engagement(t, nil)
	without, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, plain), plain)
	for _, id := range []string{"R" + without.ID, "R", "nothing", without.ID, "R01JD0000000000000000000000" +
		without.ID[26:]} {
		if answer := localtest.Call(t, "POST", "/v1/referrals/"+id+"/upgrade", staff, nil); answer.Status != 404 {
			t.Errorf("%s answers %d", id, answer.Status)
		}
	}
}

// record is a record of the table's stream: a claim that has just been consented to.
func record(sequence int, image story.Object) story.Object {
	return story.Object{
		"eventID": fmt.Sprint(sequence), "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
		"awsRegion": "eu-central-1",
		"dynamodb": story.Object{
			"ApproximateCreationDateTime": 1762000000, "Keys": story.Object{}, "NewImage": image,
			"SequenceNumber": fmt.Sprint(sequence),
			"SizeBytes":      1, "StreamViewType": "NEW_AND_OLD_IMAGES",
		},
	}
}

func ofClaim(sequence int, claim story.Claim) story.Object {
	return record(sequence, story.Object{"id": story.Object{"S": claim.ID}, "status": story.Object{"S": "consented"}})
}

// failures are the sequence numbers that the function wants to see again.
func failures(t *testing.T, records ...story.Object) []string {
	t.Helper()
	if records == nil {
		records = []story.Object{}
	}
	answer := localtest.Invoke(t, "referral-upgrade", story.Object{"Records": records}).Expect(t, 200)
	failed := localtest.Decode[struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}](t, answer)
	if failed.BatchItemFailures == nil {
		t.Errorf("the answer names no list of failures: Lambda would take it for a failure of all: %s", answer.Body)
	}
	numbers := []string{}
	for _, failure := range failed.BatchItemFailures {
		numbers = append(numbers, failure.ItemIdentifier)
	}
	return numbers
}

// consented brings claims that qualify, with the stream's own work on them held up: a test brings the records by hand.
func consented(t *testing.T, p story.Partner, engagement string, n int) (claims []story.Claim, release func()) {
	t.Helper()
	var ids []string
	for range n {
		claim, link := asked(t, p, story.NewCustomer(t, engagement), engagement, "50000.00")
		ids, claims = append(ids, claim.ID), append(claims, claim)
		if len(claims) == n {
			held := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "referral-upgrade",
				Action: "Query", Match: func(r localtest.Request) bool {
					return slices.ContainsFunc(ids, func(id string) bool {
						return strings.Contains(string(r.Body), id[:26])
					})
				}})
			defer held.Wait(t)
			release = held.Release
		}
		defer story.Accept(t, link)
	}
	return claims, release
}

// TestS27_RecordsOfTheStream holds the stream up, so it runs alone.
func TestS27_RecordsComeTwiceLateOutOfOrderAndPoisoned(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	types := func(claim story.Claim) string { return p.Get(t, claim.ID).Types() }
	const upgraded = "claim.added consent.requested referral.created email.sent consent.accepted referral.upgraded"
	const waiting = "claim.added consent.requested referral.created email.sent consent.accepted"
	poison := map[string]story.Object{
		"without an image":               record(7, nil),
		"without a claim":                record(7, story.Object{"pk": story.Object{"S": "PARTNER#x"}}),
		"whose claim is a number":        record(7, story.Object{"id": story.Object{"N": "7"}}),
		"whose claim cannot be one":      record(7, story.Object{"id": story.Object{"S": "nothing"}}),
		"whose claim is of another form": record(7, story.Object{"id": story.Object{"M": story.Object{}}}),
		"of a type that there is not":    record(7, story.Object{"id": story.Object{"Q": "x"}}),
		"of two types at once":           record(7, story.Object{"id": story.Object{"S": "x", "N": "1"}}),
		"whose number is none":           record(7, story.Object{"version": story.Object{"N": 1}}),
		"that is no record":              {"dynamodb": "nothing"},
	}
	t.Run("none at all", func(t *testing.T) {
		if failed := failures(t); len(failed) != 0 {
			t.Errorf("failed: %v", failed)
		}
	})
	t.Run("twice, in one batch and in two, in any order", func(t *testing.T) {
		claims, release := consented(t, p, e, 2)
		for range 2 {
			if failed := failures(t, ofClaim(9, claims[1]), ofClaim(8, claims[0]),
				ofClaim(9, claims[1])); len(failed) != 0 {
				t.Errorf("failed: %v", failed)
			}
		}
		release()
		localtest.WaitDrained(t)
		for _, claim := range claims {
			if got := types(claim); got != upgraded {
				t.Errorf("the history is %s", got)
			}
		}
	})
	t.Run("of a claim that there is not", func(t *testing.T) {
		claims, release := consented(t, p, e, 1)
		gone := story.Claim{ID: "01JD0000000000000000000000" + claims[0].ID[26:]}
		if failed := failures(t, ofClaim(1, gone), ofClaim(2, claims[0])); len(failed) != 0 ||
			types(claims[0]) != upgraded {
			t.Errorf("failed: %v; the history is %s", failed, types(claims[0]))
		}
		release()
	})
	for rule, bad := range poison {
		t.Run("one "+rule+" keeps none back, and does not come again", func(t *testing.T) {
			claims, release := consented(t, p, e, 2)
			failed := failures(t, ofClaim(6, claims[0]), bad, ofClaim(8, claims[1]))
			if len(failed) != 0 || types(claims[0]) != upgraded || types(claims[1]) != upgraded {
				t.Errorf("failed: %v; before it %s, behind it %s", failed, types(claims[0]), types(claims[1]))
			}
			release()
		})
	}
	t.Run("one that the table refuses keeps none back, and comes again", func(t *testing.T) {
		claims, release := consented(t, p, e, 3)
		fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Reject, Function: "referral-upgrade",
			Action: "TransactWriteItems", Times: localtest.All,
			Match: localtest.Naming(claims[1].ID)})
		batch := []story.Object{ofClaim(11, claims[0]), ofClaim(12, claims[1]), ofClaim(13, claims[2])}
		if failed := failures(t, batch...); !slices.Equal(failed, []string{"12"}) || types(claims[0]) != upgraded ||
			types(claims[1]) != waiting || types(claims[2]) != upgraded {
			t.Errorf("failed: %v; %s, %s, %s", failed, types(claims[0]), types(claims[1]), types(claims[2]))
		}
		fault.Remove()
		if failed := failures(t, batch[1:]...); len(failed) != 0 || types(claims[1]) != upgraded ||
			types(claims[2]) != upgraded {
			t.Errorf("then failed: %v; %s, %s", failed, types(claims[1]), types(claims[2]))
		}
		release()
	})
	t.Run("late, when the claim has ended", func(t *testing.T) {
		claims, release := consented(t, p, e, 1)
		p.Cancel(t, claims[0].ID)
		if failed := failures(t, ofClaim(1, claims[0])); len(failed) != 0 {
			t.Errorf("failed: %v", failed)
		}
		release()
		localtest.WaitDrained(t)
		if got := types(claims[0]); got != waiting+" claim.cancelled referral.closed" {
			t.Errorf("the history is %s", got)
		}
		if referral := claims[0].ReferralNow(t); referral.Type != "partner-led" || referral.State() != "closed/lost" {
			t.Errorf("the referral is %s, %s", referral.Type, referral.State())
		}
	})
	t.Run("late, when the claim has moved on", func(t *testing.T) {
		claims, release := consented(t, p, e, 1)
		p.Submit(t, claims[0].ID)
		if failed := failures(t, ofClaim(1, claims[0])); len(failed) != 0 {
			t.Errorf("failed: %v", failed)
		}
		release()
		if got := types(claims[0]); got != waiting+" claim.submitted referral.upgraded" {
			t.Errorf("the history is %s", got)
		}
	})
	t.Run("too early, or made up", func(t *testing.T) {
		claim, _ := asked(t, p, story.NewCustomer(t, e), e, "50000.00")
		plain := story.Engagement(t, nil)
		without, _ := p.Bring(t, mci.Consented, story.NewCustomer(t, plain), plain)
		if failed := failures(t, ofClaim(1, claim), ofClaim(2, without)); len(failed) != 0 {
			t.Errorf("failed: %v", failed)
		}
		if got := types(claim); strings.Contains(got, "upgraded") {
			t.Errorf("the claim itself decides, and yet: %s", got)
		}
	})
	t.Run("no record and no request", func(t *testing.T) {
		for _, event := range []any{`"nothing"`, story.Object{}, story.Object{"Records": nil},
			story.Object{"Records": "none"}, []int{}} {
			if answer := localtest.Invoke(t, "referral-upgrade", event); answer.Status != 500 {
				t.Errorf("%v was answered %d %s", event, answer.Status, answer.Body)
			}
		}
	})
	localtest.WaitDrained(t)
}

func TestS27_TheUpgradeRacesWithItsPartner(t *testing.T) {
	p, e := story.NewPartner(t), story.Engagement(t, story.WithCoSell(false))
	for what, want := range map[string]string{"submission": "co-sell", "cancellation": "partner-led"} {
		claim, link := asked(t, p, story.NewCustomer(t, e), e, "50000.00")
		fault := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "referral-upgrade",
			Action: "TransactWriteItems",
			Match:  localtest.Naming(claim.ID)})
		story.Accept(t, link)
		fault.Wait(t)
		body := map[string]story.Object{"submission": story.Submission(), "cancellation": {}}[what]
		story.Post(t, p.Token, claim.ID, what, body).Expect(t, 200)
		fault.Release()
		localtest.WaitDrained(t)
		now := p.Get(t, claim.ID)
		if now.Referral.Type != want || !now.EventsIntact || strings.Count(now.Types(), "referral.upgraded") > 1 {
			t.Errorf("with a %s between, the referral is %s: %s", what, now.Referral.Type, now.Types())
		}
	}
}
