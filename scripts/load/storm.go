package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/measure"
)

// storm has everyone meet at one thing, round after round. A round's calls come at once; who is told to try again does
// so, and the next round begins when all have their answers.
type storm struct {
	name string
	// begin gives the round's calls; none ends the storm. Born are the claims of the round before.
	begin func(ctx context.Context, t *traffic, round int, born []*claim) ([]*call, error)
	// judge says what is wrong with the answers, though each of them is allowed; "" for nothing. Born are this round's.
	judge func(ctx context.Context, t *traffic, born []*claim, answers []client.Answer) string
}

// crowd makes a call for each asker; there are as many as partners.
func crowd(ask func(asker int) *call) []*call {
	calls := make([]*call, partnerCount)
	for asker := range calls {
		calls[asker] = ask(asker)
	}
	return calls
}

// storms are all of them. Each has engagements to itself.
var storms = []storm{
	{"one customer", func(_ context.Context, t *traffic, round int, _ []*claim) ([]*call, error) {
		if round == customerCount {
			return nil, nil
		}
		return crowd(func(asker int) *call { return t.add(asker, round, 4+round%2) }), nil
	}, func(_ context.Context, _ *traffic, _ []*claim, answers []client.Answer) string {
		if born := statuses(answers)[http.StatusCreated]; born != limit {
			return fmt.Sprintf("%d partners got one of %d places", born, limit)
		}
		return ""
	}},
	{"one engagement", func(_ context.Context, t *traffic, round int, _ []*claim) ([]*call, error) {
		if round == customerCount/2 {
			return nil, nil
		}
		return crowd(func(asker int) *call { return t.add(asker, 2*((asker+round)%(customerCount/2)), roomy) }), nil
	}, allGet(http.StatusCreated)},
	{"one partner's list", func(_ context.Context, t *traffic, round int, born []*claim) ([]*call, error) {
		return crowd(func(asker int) *call {
			switch {
			case asker%2 == 1 && round%2 == 0:
				return t.add(0, 2*asker, 6)
			case asker%2 == 1 && asker/2 < len(born):
				return kindOf("cancel").about(t, born[asker/2]) // so that it can be added again
			}
			return &call{kind: kindOf("claims"), method: http.MethodGet, path: "/v1/claims", token: t.tokens[0]}
		}), nil
	}, func(ctx context.Context, t *traffic, born []*claim, answers []client.Answer) string {
		list, err := t.Send(ctx, http.MethodGet, "/v1/claims?limit=100", t.tokens[0], nil)
		if err != nil {
			return err.Error()
		}
		for _, c := range born {
			if !bytes.Contains(list.Body, []byte(c.id)) {
				return fmt.Sprintf("claim %s was confirmed, and the partner's list does not show it", c.id)
			}
		}
		return ""
	}},
	{"one link", func(ctx context.Context, t *traffic, round int, _ []*claim) ([]*call, error) {
		if round == customerCount {
			return nil, nil
		}
		c, err := t.openedClaim(ctx, round)
		if err != nil {
			return nil, err
		}
		c.unsettled = true // whichever decision stands, only one does: its receipt and the audit say so
		return crowd(func(asker int) *call {
			decision := []string{"accept", "decline"}[asker%2]
			return &call{kind: kindOf("answer"), method: http.MethodPost, path: c.link, claim: c,
				body: client.Fill(url.Values{"decision": {decision}}, c.page)}
		}), nil
	}, allGet(http.StatusSeeOther)},
	{"one Idempotency-Key", func(_ context.Context, t *traffic, round int, _ []*claim) ([]*call, error) {
		if round == customerCount {
			return nil, nil
		}
		one := t.add(2, round, round%2)
		return crowd(func(int) *call { return one }), nil
	}, func(ctx context.Context, t *traffic, born []*claim, answers []client.Answer) string {
		for _, answer := range answers {
			if !bytes.Equal(answer.Body, answers[0].Body) {
				return fmt.Sprintf("one was answered %s and another %s", answers[0].Body, answer.Body)
			}
		}
		return allGet(http.StatusCreated)(ctx, t, born, answers)
	}},
}

func allGet(status int) func(context.Context, *traffic, []*claim, []client.Answer) string {
	return func(_ context.Context, _ *traffic, _ []*claim, answers []client.Answer) string {
		if counted := statuses(answers); counted[status] != len(answers) {
			return fmt.Sprintf("not all got %d, but %s", status, counts(counted))
		}
		return ""
	}
}

func statuses(answers []client.Answer) map[int]int {
	counted := map[int]int{}
	for _, answer := range answers {
		counted[answer.Status]++
	}
	return counted
}

func kindOf(name string) *kind {
	return kinds[slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })]
}

// openedClaim brings a claim up to where the customer has the page of the emailed link open.
func (t *traffic) openedClaim(ctx context.Context, customer int) (*claim, error) {
	partner := 1
	added := t.add(partner, customer, customer%2)
	if _, err := t.ask(ctx, added); err != nil {
		return nil, err
	}
	c := added.claim
	if c == nil {
		return nil, fmt.Errorf("a customer for the link could not be added")
	}
	for _, step := range []string{"ask for consent", "open the link"} {
		if _, err := t.ask(ctx, kindOf(step).about(t, c)); err != nil {
			return nil, err
		}
		for until := time.Now().Add(patience); c.link == ""; {
			if err := t.readMail(ctx); err != nil {
				return nil, err
			}
			if time.Now().After(until) {
				return nil, fmt.Errorf("the consent email of claim %s did not come", c.id)
			}
			if err := pause(ctx, glance/10); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// ask makes a call, until its answer is another than to try again, and notes what that confirms.
func (t *traffic) ask(ctx context.Context, c *call) (asked, error) {
	made, err := t.send(ctx, c)
	if err == nil {
		t.answered(c, made.Status, made.Body, "")
	}
	return made, err
}

// asked is the last answer to a call, how often it was told to try again before, and how long all that took.
type asked struct {
	client.Answer
	again  int
	waited time.Duration
}

// send makes a call, until its answer is another than to try again.
func (t *traffic) send(ctx context.Context, c *call) (asked, error) {
	var made asked
	began := time.Now()
	for {
		answer, err := t.Send(ctx, c.method, c.path, c.token, c.body, c.headers()...)
		if err != nil {
			return made, err
		}
		made.Answer, made.waited = answer, time.Since(began)
		if answer.Status != http.StatusServiceUnavailable || made.waited > patience {
			return made, nil
		}
		made.again++
		seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if err != nil {
			return made, fmt.Errorf("%s was told to try again, but not when: %w", c.name, err)
		}
		if err := pause(ctx, time.Duration(seconds)*time.Second); err != nil {
			return made, err
		}
	}
}

// storms has each of them go on for some time.
func (t *traffic) storms(ctx context.Context, each time.Duration) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%d ask at once, round after round, for %s each.\n\n", partnerCount, each)
	text.WriteString("| everyone at | rounds | answers | told to try again | p50 | p99 | the last one waited |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, s := range storms {
		measure.Progress("everyone at %s", s.name)
		counted, again, round := map[int]int{}, 0, 0
		var waited []time.Duration
		var born []*claim
		for began := time.Now(); time.Since(began) < each; round++ {
			calls, err := s.begin(ctx, t, round, born)
			if err != nil {
				return "", err
			}
			if len(calls) == 0 {
				break
			}
			answers, made := make([]client.Answer, len(calls)), make([]asked, len(calls))
			group, asking := errgroup.WithContext(ctx)
			for i, c := range calls {
				group.Go(func() (err error) {
					made[i], err = t.send(asking, c)
					return err
				})
			}
			if err := group.Wait(); err != nil {
				return "", err
			}
			before := len(t.claims)
			for i, c := range calls {
				answers[i] = made[i].Answer
				counted[answers[i].Status]++
				again += made[i].again
				waited = append(waited, made[i].waited)
				if i == 0 || c != calls[i-1] {
					t.answered(c, answers[i].Status, answers[i].Body, "")
				}
			}
			born = t.claims[before:]
			if fault := s.judge(ctx, t, born, answers); fault != "" {
				t.breaks("%s, round %d: %s", s.name, round+1, fault)
			}
		}
		slices.Sort(waited)
		fmt.Fprintf(&text, "| %s | %d | %s | %d | %s | %s | %s |\n", s.name, round, counts(counted), again,
			milliseconds(percentile(waited, 50)), milliseconds(percentile(waited, 99)),
			milliseconds(percentile(waited, 100)))
	}
	checked, err := t.check(ctx)
	return text.String() + "\n" + checked, err
}
