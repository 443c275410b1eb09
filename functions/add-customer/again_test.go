package main

import (
	"bytes"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestD13_TheSameKeyAndBodyGetTheFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	key, body := story.Name("key"), p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	first := add(t, p, body, "Idempotency-Key", key).Expect(t, 201)
	again := add(t, p, body, "idempotency-key", key).Expect(t, 201)
	// Whatever became of the claim since, and of the user's grant.
	p.Cancel(t, story.Born(t, first)[0].ID)
	p.Grant(t, p.User, mci.IncentivesAdmin, true)
	later := add(t, p, body, "Idempotency-Key", key).Expect(t, 201)
	if !bytes.Equal(first.Body, again.Body) || !bytes.Equal(first.Body, later.Body) {
		t.Errorf("the answers differ:\n%s\n%s\n%s", first.Body, again.Body, later.Body)
	}
	if n := len(p.Claims(t)); n != 1 {
		t.Errorf("there are %d claims", n)
	}
}

func TestD13_WithoutAKeyARequestIsDoneAnew(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t, engagement)
	body := p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	add(t, p, body).Expect(t, 201)
	story.Refused(t, add(t, p, body), 409, mci.ClaimExists)
}

func TestD13_TheSameKeyWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c, d := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	key := story.Name("key")
	add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil), "Idempotency-Key", key).Expect(t, 201)
	for name, body := range map[string]object{
		"another customer": p.Nomination(d, d.By(mci.TPID), []string{engagement}, nil),
		"another name": p.Nomination(c, c.By(mci.TPID), []string{engagement},
			object{"friendlyName": "Another"}),
		"one field more, null": p.Nomination(c, c.By(mci.TPID), []string{engagement}, object{"hours": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			story.Refused(t, add(t, p, body, "Idempotency-Key", key), 409, mci.IdempotencyKeyReused)
		})
	}
	if n := len(p.Claims(t)); n != 1 {
		t.Errorf("there are %d claims", n)
	}
}

func TestD13_OfTwoBodiesUnderOneKeyAtOnceOneIsTaken(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c, d := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	key := story.Name("key")
	held := localtest.Inject(t, localtest.Fault{Effect: localtest.Hold, Function: "add-customer",
		Action: "TransactWriteItems",
		Match:  localtest.Naming(c.ID)})
	first := make(chan localtest.Response)
	go func() {
		first <- add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil), "Idempotency-Key", key)
	}()
	held.Wait(t) // it has decided, and found the key unused
	add(t, p, p.Nomination(d, d.By(mci.TPID), []string{engagement}, nil), "Idempotency-Key", key).Expect(t, 201)
	held.Release()
	story.Refused(t, <-first, 409, mci.IdempotencyKeyReused)
	if n := len(p.Claims(t)); n != 1 {
		t.Errorf("there are %d claims", n)
	}
}

func TestD13_AKeyIsItsCallersAndItsRoutes(t *testing.T) {
	t.Parallel()
	p, other, engagement := story.NewPartner(t), story.NewPartner(t), story.Engagement(t, nil)
	c, d := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	key := story.Name("key")
	first := story.Born(t, add(t, p, p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil), "Idempotency-Key",
		key))[0]

	colleague := p.NewUser(t, mci.IncentivesUser, mci.IncentivesUser)
	body := p.Nomination(d, d.By(mci.TPID), []string{engagement}, nil)
	byColleague := story.Born(t, localtest.Call(t, "POST", "/v1/customers", colleague, body, "Idempotency-Key", key))[0]
	byOther := story.Born(t, add(t, other, other.Nomination(c, c.By(mci.TPID), []string{engagement}, nil),
		"Idempotency-Key", key))[0]
	if byColleague.ID == first.ID || byOther.ID == first.ID || byOther.PartnerID != other.ID {
		t.Error("somebody got somebody else's answer")
	}
	story.Post(t, p.Token, first.ID, "cancellation", object{"reason": ""}, "Idempotency-Key", key).Expect(t, 200)
	story.Post(t, p.Token, byColleague.ID, "cancellation", object{"reason": ""}, "Idempotency-Key", key).Expect(t, 200)
	if got := p.Get(t, byColleague.ID); got.Status != "cancelled" {
		t.Errorf("the same key for another claim's cancellation left it %s", got.Status)
	}
}

func TestD13_OnlySuccessesAreKept(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c := story.NewCustomer(t)
	key, body := story.Name("key"), p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	story.Refused(t, add(t, p, body, "Idempotency-Key", key), 422, mci.NotEligible)
	story.Eligible(t, engagement, c.By(mci.TPID), "")
	body["friendlyName"] = "Another body, which is not refused: nothing was kept"
	add(t, p, body, "Idempotency-Key", key).Expect(t, 201)
}

// This test moves the clock.
func TestD13_AKeyServesForADay(t *testing.T) {
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c, d := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	key, body := story.Name("key"), p.Nomination(c, c.By(mci.TPID), []string{engagement}, nil)
	first := add(t, p, body, "Idempotency-Key", key).Expect(t, 201)
	born := story.Born(t, first)[0].CreatedAt

	story.ClockAt(t, born.Add(story.Day-5*time.Minute))
	if again := add(t, p, body, "Idempotency-Key", key).Expect(t, 201); !bytes.Equal(first.Body, again.Body) {
		t.Errorf("the answers differ:\n%s\n%s", first.Body, again.Body)
	}
	story.ClockAt(t, born.Add(story.Day+2*time.Second))
	story.Refused(t, add(t, p, body, "Idempotency-Key", key), 409, mci.ClaimExists) // done anew
	add(t, p, p.Nomination(d, d.By(mci.TPID), []string{engagement}, nil), "Idempotency-Key", key).Expect(t, 201)
}
