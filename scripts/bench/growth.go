package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/bench/replay"
	"mci.example/customers/scripts/measure"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

// growthFigures are how long one thing takes by the size of something else.
type growthFigures struct {
	Curve    string  `json:"curve"`
	Size     int     `json:"size"`
	Of       string  `json:"of"`
	P50      float64 `json:"p50Milliseconds"`
	FloorP50 float64 `json:"floorP50Milliseconds"`
	Ratio    float64 `json:"ratio"`
}

// flatFigures are how much longer the largest size takes than the smallest.
type flatFigures struct {
	Curve  string  `json:"curve"`
	Ratio  float64 `json:"ratio"`
	Target float64 `json:"target,omitempty"`
}

// largePartner has that many known customers. Of each four in a row, by name, one has an open claim on the engagement,
// one a completed claim, one is eligible and has none, one is not eligible: every page looks like every other.
func largePartner(size int) string { return fmt.Sprintf("partner-%d", size) }

func (b *bench) sizesOfPartners() []int {
	if b.quick {
		return []int{100, 1000}
	}
	return []int{100, 10_000, 100_000}
}

// growth measures what must not grow with what there is.
func (b *bench) growth(ctx context.Context) error {
	if err := b.loadPartners(ctx); err != nil {
		return err
	}
	for _, tab := range []string{"eligible", "ineligible", "complete"} {
		if err := b.customersPages(ctx, tab); err != nil {
			return err
		}
	}
	if err := b.claimsLists(ctx); err != nil {
		return err
	}
	return b.longHistories(ctx)
}

func (b *bench) loadPartners(ctx context.Context) error {
	s := b.stand
	now := s.Now()
	for _, size := range b.sizesOfPartners() {
		partnerID := largePartner(size)
		user := mci.Grant{PartnerID: partnerID, UserID: partnerUser.id, LocationID: location, Role: mci.IncentivesAdmin}
		grant, err := table.Put(table.NewGrantRecord(user))
		if err != nil {
			return err
		}
		place, err := table.Put(table.NewLocationRecord(mci.Location{
			PartnerID: partnerID, PartnerName: "Partner Consulting", ID: location, Name: "Seattle", Country: "US",
			Enrolled: true, AllEngagements: true,
		}))
		if err != nil {
			return err
		}
		if err := s.write(ctx, []types.WriteRequest{grant, place}); err != nil {
			return err
		}
		err = s.load(ctx, "known customers", size, func(n int) ([]types.WriteRequest, error) {
			return b.knownCustomer(partnerID, customer(size*10+n), n, now)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// knownCustomer gives the nth known customer of a large partner, with its claim.
func (b *bench) knownCustomer(partnerID string, c customer, n int, now time.Time) ([]types.WriteRequest, error) {
	t := table.New(nil, "customers")
	since := now.Add(-mci.Days(1))
	birth, nominated, err := born(partnerID, c, 0, since)
	if err != nil {
		return nil, err
	}
	nominated.KnownSince = &since
	writes := [][]table.Write{t.PutNominated(mci.NominatedCustomer{}, nominated)}
	claim := birth.After
	switch n % 4 {
	case 0:
		writes = append(writes, t.PutBirth(mci.Change{After: claim}, mci.Participation{}, since))
	case 1:
		claim.Status, claim.ConsentedAt, claim.SubmittedAt, claim.EndedAt, claim.WasKnown = mci.Completed, &since,
			&since, &since, true
		writes = append(writes, t.PutClaim(claim))
	}
	puts, err := table.Puts(writes...)
	if err != nil {
		return nil, err
	}
	word := mci.Eligibility{EngagementID: engagementID(0), Eligible: n%4 != 3}
	if !word.Eligible {
		word.Reason = "Uses less than is asked for."
	}
	eligibility, err := table.Put(table.NewEligibilityRecord(mci.CustomerID{Type: mci.TenantID, Value: c.tenant()},
		word))
	return append(puts, eligibility), err
}

// curve measures calls of one function that differ in the size of something, all in turn with their floors.
func (b *bench) curve(ctx context.Context, name, of, function string, sizes []int, payloads [][]byte,
	rounds int) error {
	s := b.stand
	recordings, err := b.recordAll(ctx, kind{function: function, status: 200, payloads: payloads})
	if err != nil {
		return err
	}
	if err := s.record(false); err != nil {
		return err
	}
	var calls []replay.Call
	var contenders []contender
	for i, recorded := range recordings {
		calls = append(calls, recorded.call())
		contenders = append(contenders,
			contender{run: func(int) error { return s.time(function, payloads[i]) }},
			contender{run: func(int) error { return s.time(floorFunction, makes(i, payloads[i])) }})
	}
	if err := s.teach(calls); err != nil {
		return err
	}
	if _, err := interleave(min(20, rounds), contenders...); err != nil {
		return err
	}
	taken, err := interleave(rounds, contenders...)
	if err != nil {
		return err
	}
	s.look()
	for i, size := range sizes {
		f := growthFigures{Curve: name, Size: size, Of: of,
			P50: milliseconds(taken[2*i].percentile(50)), FloorP50: milliseconds(taken[2*i+1].percentile(50))}
		f.Ratio = f.P50 / f.FloorP50
		b.Growth = append(b.Growth, f)
		measure.Progress("%-44s %6.2f ms, %.2f × its floor", fmt.Sprintf("%s, %d %s", name, size, of), f.P50, f.Ratio)
	}
	return nil
}

// flat holds the latest curve against what it may grow by from its smallest size to its largest.
func (b *bench) flat(sizes int, target float64) {
	points := b.Growth[len(b.Growth)-sizes:]
	f := flatFigures{points[0].Curve, points[sizes-1].P50 / points[0].P50, target}
	b.Flat = append(b.Flat, f)
	b.expect(f.Ratio <= target, "%s: %.2f × from %d to %d %s, more than %.2f ×", f.Curve, f.Ratio, points[0].Size,
		points[sizes-1].Size, points[0].Of, target)
}

func pageOf(partnerID string, query map[string]string) request {
	return request{
		route: "GET /v1/engagements/{engagementId}/customers", user: user{partnerID, partnerUser.id,
			mci.IncentivesAdmin},
		path: map[string]string{"engagementId": engagementID(0)}, query: query,
	}
}

// customersPages measures the first and the last page of a tab.
func (b *bench) customersPages(ctx context.Context, tab string) error {
	sizes := b.sizesOfPartners()
	var first, last [][]byte
	for _, size := range sizes {
		first = append(first, pageOf(largePartner(size), map[string]string{"tab": tab}).payload())
		cursor, err := b.lastCursor(largePartner(size), tab)
		if err != nil {
			return fmt.Errorf("finding the last page: %w", err)
		}
		last = append(last, pageOf(largePartner(size), map[string]string{"tab": tab, "cursor": cursor}).payload())
	}
	rounds := b.size(200, 10)
	for _, page := range []struct {
		name     string
		payloads [][]byte
	}{{"first", first}, {"last", last}} {
		name := "list-customers, " + tab + ", " + page.name + " page"
		if err := b.curve(ctx, name, "known customers", "list-customers", sizes, page.payloads, rounds); err != nil {
			return err
		}
		b.flat(len(sizes), 1.15)
	}
	return nil
}

// lastCursor goes through a tab to its end, and gives the cursor of its last page of 25.
func (b *bench) lastCursor(partnerID, tab string) (string, error) {
	cursor, err := b.lastCursorFrom(partnerID, tab, "", 100)
	if err != nil {
		return "", err
	}
	return b.lastCursorFrom(partnerID, tab, cursor, 25)
}

func (b *bench) lastCursorFrom(partnerID, tab, cursor string, limit int) (string, error) {
	said := time.Now()
	for pages := 0; ; pages++ {
		query := map[string]string{"tab": tab, "limit": strconv.Itoa(limit)}
		if cursor != "" {
			query["cursor"] = cursor
		}
		answer, err := b.stand.invoke("list-customers", pageOf(partnerID, query).payload(), 200)
		if err != nil {
			return "", err
		}
		page, err := body[struct{ Cursor string }](answer)
		if err != nil {
			return "", err
		}
		if page.Cursor == "" {
			return cursor, nil
		}
		cursor = page.Cursor
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			measure.Progress("going through the %s customers of %s: page %d", tab, partnerID, pages)
		}
	}
}

// claimsLists measures a partner's list of claims: by how many there are, newest first and by deadline, and by how many
// are listed.
func (b *bench) claimsLists(ctx context.Context) error {
	sizes := b.sizesOfPartners()
	list := func(partnerID string, limit int, more map[string]string) []byte {
		query := map[string]string{"limit": strconv.Itoa(limit)}
		maps.Copy(query, more)
		return request{route: "GET /v1/claims", user: user{partnerID, partnerUser.id, mci.IncentivesAdmin},
			query: query}.payload()
	}
	for _, page := range []struct {
		name string
		more map[string]string
	}{{"list-claims, a page of 25", nil}, {"list-claims, by due, a page of 25", map[string]string{"sort": "due"}}} {
		var payloads [][]byte
		claims := make([]int, len(sizes))
		for i, size := range sizes {
			payloads = append(payloads, list(largePartner(size), 25, page.more))
			claims[i] = size / 2
		}
		if err := b.curve(ctx, page.name, "claims", "list-claims", claims, payloads, b.size(200, 10)); err != nil {
			return err
		}
		b.flat(len(sizes), 1.15)
	}
	limits := []int{1, 25, 50, 100}
	var payloads [][]byte
	for _, limit := range limits {
		payloads = append(payloads, list(largePartner(sizes[len(sizes)-1]), limit, nil))
	}
	if err := b.curve(ctx, "list-claims", "claims on a page", "list-claims", limits, payloads,
		b.size(200, 10)); err != nil {
		return err
	}
	b.flatPerItem(len(limits))
	return nil
}

// flatPerItem holds the latest curve against its floor: what each item takes must not grow with the number of items,
// unless the engine's own time does.
func (b *bench) flatPerItem(sizes int) {
	points := b.Growth[len(b.Growth)-sizes:]
	least, most := points[0], points[sizes-1]
	middle := points[sizes/2]
	each := func(from, to growthFigures) float64 { return (to.P50 - from.P50) / float64(to.Size-from.Size) }
	floor := func(from, to growthFigures) float64 {
		return (to.FloorP50 - from.FloorP50) / float64(to.Size-from.Size)
	}
	f := flatFigures{Curve: most.Curve + ", for each of the " + most.Of + ", by its floor", Target: 1.2,
		Ratio: each(middle, most) / each(least, middle) * floor(least, middle) / floor(middle, most)}
	b.Flat = append(b.Flat, f)
	b.expect(f.Ratio <= f.Target, "%s: each costs %.2f × as much from %d on as before, more than %.2f ×", f.Curve,
		f.Ratio, middle.Size, f.Target)
}

// longHistories measures a claim by how many events it has: one that goes back and forth between partner and program.
func (b *bench) longHistories(ctx context.Context) error {
	s := b.stand
	t := table.New(nil, "customers")
	var payloads [][]byte
	sizes := []int{1, 50, 100, 200}
	for i, size := range sizes {
		at := s.Now().Add(-mci.Days(1))
		birth, _, err := born(largePartner(100), customer(900_000+i), 2, at)
		if err != nil {
			return err
		}
		changes := []mci.Change{birth}
		if size > 1 {
			if changes, err = accepted(birth, 2, at); err != nil {
				return err
			}
		}
		claim := changes[len(changes)-1].After
		for claim.Events < size {
			act := platform.Act(at, partnerUser.id)
			change, err := claim.Submit(act, mci.DateOf(at), "The report is with the customer.")
			if claim.Status == mci.Submitted {
				change, err = claim.Review(act, mci.Return, "The report is missing.",
					mci.Engagement{ResubmissionWindowDays: 14})
			}
			if err != nil {
				return fmt.Errorf("giving a claim a history: %w", err)
			}
			changes, claim = append(changes, change), change.After
		}
		writes := [][]table.Write{t.PutBirth(birth, mci.Participation{}, at)}
		for _, change := range changes[1:] {
			writes = append(writes, t.UpdateClaim(change))
		}
		puts, err := table.Puts(writes...)
		if err != nil {
			return err
		}
		if err := s.write(ctx, last(puts)); err != nil {
			return err
		}
		payloads = append(payloads, request{route: "GET /v1/claims/{claimId}", user: user{largePartner(100),
			partnerUser.id, mci.IncentivesAdmin},
			path: map[string]string{"claimId": string(claim.ID)}}.payload())
	}
	if err := b.curve(ctx, "get-claim", "events", "get-claim", sizes, payloads, b.size(200, 10)); err != nil {
		return err
	}
	b.flatPerItem(len(sizes))
	return nil
}
