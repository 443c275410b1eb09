package auditor

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/receipts"
	"mci.example/customers/shared/table"
)

// Rule is what must always hold.
type Rule string

// The rules. Each is judged by what is stored alone, and not by the code that wrote it, where that is possible.
const (
	PlaceRule     Rule = "every open claim has its place, and no place is without its claim"
	LimitRule     Rule = "limits are never exceeded"
	OneClaimRule  Rule = "a partner has at most one open claim for a customer on an engagement"
	ExclusiveRule Rule = "an exclusive engagement has one partner for a customer"
	KnownRule     Rule = "a customer is known to a partner by a consent, and from it on"
	ReferralRule  Rule = "a referral belongs to a claim, and its type and status follow from it"
	HistoryRule   Rule = "a claim's history is whole, and the claim is what it says"
	TerminalRule  Rule = "what has ended never changes"
	OwnerRule     Rule = "what is a partner's, a customer's or a claim's stands under its own key"
	IndexRule     Rule = "an item stands in the indexes where its state says"
	EventRule     Rule = "a history is the one that left the system as domain events"
)

// Rules lists them all.
var Rules = []Rule{
	PlaceRule, LimitRule, OneClaimRule, ExclusiveRule, KnownRule, ReferralRule, HistoryRule, TerminalRule, OwnerRule,
	IndexRule,
	EventRule,
}

// Violation is a rule that an item breaks. It names keys and statuses, and nothing that people typed.
type Violation struct {
	Rule   Rule
	Key    table.Key
	Detail string
}

// String gives one line.
func (v Violation) String() string {
	if ordinal, isClaim := strings.CutPrefix(v.Key.SK, "CLAIM#"); isClaim {
		return fmt.Sprintf("claim %s: %s: %s", mci.NewClaimID(ordinal, v.Key.Owner()), v.Rule, v.Detail)
	}
	return fmt.Sprintf("%q %q: %s: %s", v.Key.PK, v.Key.SK, v.Rule, v.Detail)
}

// judgement gathers the violations of one item.
type judgement struct {
	key   table.Key
	found []Violation
}

// must notes a violation unless the rule holds.
func (j *judgement) must(holds bool, rule Rule, detail string, values ...any) {
	if !holds {
		j.found = append(j.found, Violation{rule, j.key, fmt.Sprintf(detail, values...)})
	}
}

// judgeClaim holds a claim, at an instant, against all that follows from it.
func judgeClaim(id mci.ClaimID, s table.Surroundings, keys *jose.JSONWebKeySet, now time.Time) []Violation {
	j := &judgement{key: table.ClaimKey(id)}
	claim, participation := s.Claim, s.Participation
	j.must(claim.ID == id && claim.PartnerID == id.PartnerID(), OwnerRule, "the claim says that it is %s of partner %s",
		claim.ID, claim.PartnerID)
	for _, name := range s.Misplaced {
		j.must(false, IndexRule, "%s is not what a claim that is %s asks for", name, claim.Status)
	}

	place, held := participation.Places[id]
	open := !claim.At(now).Status.Terminal()
	switch {
	case open && !held:
		j.must(false, PlaceRule, "the claim is %s and has no place", claim.Status)
	case open:
		j.must(samePlace(place, claim.Place()), PlaceRule, "the claim is %s and its place is another's", claim.Status)
	case claim.Status.Terminal():
		j.must(!held, PlaceRule, "the claim is %s and still has its place", claim.Status)
	}
	if claim.Status == mci.Completed {
		completedHere := false
		for _, partner := range participation.CompletedBy {
			completedHere = completedHere || partner == claim.PartnerID
		}
		j.must(completedHere && participation.Completed > 0, LimitRule, "the claim is completed and not counted")
	}

	j.must(s.Nominated.PartnerID == claim.PartnerID && s.Nominated.Customer.ID == claim.Customer.ID, OwnerRule,
		"the partner never nominated customer %s", claim.Customer.ID)
	if claim.ConsentedAt != nil {
		since := s.Nominated.KnownSince
		j.must(since != nil && since.Sub(*claim.ConsentedAt) <= overtaking, KnownRule,
			"the customer consented and is not known since then")
	}
	judgeReferral(j, s.Claim)
	judgeHistory(j, s, keys)
	return j.found
}

// overtaking is by how much an earlier consent may be written after a later one: the instant of either is that at which
// its request began, for which consent-callback has its time, and the first to be written says since when the customer
// is known.
var overtaking = platform.FunctionOf("consent-callback").Timeout

func samePlace(a, b mci.Place) bool {
	due := func(p mci.Place) string {
		if p.Due == nil {
			return "none"
		}
		return p.Due.UTC().Format(time.RFC3339Nano)
	}
	return a.PartnerID == b.PartnerID && a.Consented == b.Consented && due(a) == due(b)
}

// judgeReferral holds a claim's referral against the claim.
func judgeReferral(j *judgement, claim mci.Claim) {
	if claim.Referral == nil {
		return
	}
	j.must(claim.DealSize != nil, ReferralRule, "the claim has a referral and no deal size")
	coSell := claim.Referral.Type == mci.CoSell
	j.must(coSell == (claim.Referral.UpgradedAt != nil), ReferralRule,
		"the referral is %s and its upgrade says otherwise", claim.Referral.Type)
	j.must(!coSell || claim.ConsentedAt != nil, ReferralRule, "the referral is co-sell without a consent")
}

// The events that end a claim, with the status to which each leads, and how a referral closes then (D1, D9).
var (
	endings = map[mci.EventType]mci.Status{
		mci.ConsentDeclined: mci.Declined, mci.ClaimCompleted: mci.Completed, mci.ClaimRejected: mci.Rejected,
		mci.ClaimCancelled: mci.Cancelled, mci.ClaimExpired: mci.Expired,
	}
	closings = map[mci.Status]string{
		mci.Completed: "won", mci.Rejected: "lost", mci.Cancelled: "lost", mci.Declined: "declined",
		mci.Expired: "expired",
	}
)

// receiptOf gives what a receipt says; nil where there is none that holds.
func receiptOf(compact string, keys *jose.JSONWebKeySet) *mci.Receipt {
	if compact == "" {
		return nil
	}
	receipt, err := receipts.Read(compact)
	if err == nil && keys != nil {
		receipt, err = receipts.Verify(compact, *keys)
	}
	if err != nil {
		return nil
	}
	return &receipt
}

// judgeHistory holds a claim against its history and its receipt.
func judgeHistory(j *judgement, s table.Surroundings, keys *jose.JSONWebKeySet) {
	claim := s.Claim
	for _, fault := range claim.Faults(s.History, receiptOf(s.History.Receipt, keys)) {
		j.must(false, HistoryRule, "%s", fault)
	}
	seen := map[mci.EventType]mci.Event{}
	ended := false
	for _, event := range s.History.Events {
		own := event.PartnerID == claim.PartnerID && event.EngagementID == claim.EngagementID &&
			event.CustomerID == claim.Customer.ID
		j.must(own, OwnerRule, "event %d says that it is of partner %s, engagement %s, customer %s", event.Seq,
			event.PartnerID, event.EngagementID, event.CustomerID)
		j.must(!ended || event.Type == mci.ReferralClosed, TerminalRule, "%s came after the end", event.Type)
		if _, repeated := seen[event.Type]; !repeated {
			seen[event.Type] = event
		} else {
			j.must(!once[event.Type], HistoryRule, "%s came twice", event.Type)
		}
		if status, ends := endings[event.Type]; ends {
			ended = true
			j.must(claim.Status == status, TerminalRule, "the claim ended by %s and is %s", event.Type, claim.Status)
			j.must(claim.EndedAt != nil && claim.EndedAt.Equal(event.At), TerminalRule,
				"the claim does not say when it ended")
		}
	}
	j.must(ended == claim.Status.Terminal(), TerminalRule, "the claim is %s", claim.Status)
	judgeFacts(j, claim, seen)
}

// once are the events that a claim has once at most.
var once = map[mci.EventType]bool{
	mci.ClaimAdded: true, mci.ClaimClaimed: true, mci.ConsentRequested: true, mci.ConsentAccepted: true,
	mci.ConsentDeclined: true,
	mci.ClaimCompleted:  true, mci.ClaimRejected: true, mci.ClaimCancelled: true, mci.ClaimExpired: true,
	mci.ReferralCreated: true, mci.ReferralUpgraded: true, mci.ReferralClosed: true,
}

// judgeFacts holds what the claim says against what its events say.
func judgeFacts(j *judgement, claim mci.Claim, seen map[mci.EventType]mci.Event) {
	birth, born := seen[map[mci.Origin]mci.EventType{mci.Added: mci.ClaimAdded,
		mci.Claimed: mci.ClaimClaimed}[claim.Origin]]
	j.must(born && birth.Seq == 1, HistoryRule, "the history does not begin with the claim's birth")
	for name, said := range map[string]string{
		"engagementId": claim.EngagementID, "locationId": claim.LocationID, "customerId": claim.Customer.ID,
		"idType": string(claim.Nominated.Type), "idValue": claim.Nominated.Value, "payout": claim.Payout.String(),
		"consentDue": claim.ConsentDue.Format(time.RFC3339Nano),
	} {
		j.must(birth.Detail[name] == said, HistoryRule, "the claim's %s is not that of its birth", name)
	}
	requested, asked := seen[mci.ConsentRequested]
	j.must(asked == (claim.DealSize != nil) && (!asked || requested.Detail["dealSize"] == claim.DealSize.String()),
		HistoryRule, "the deal size is not the one that was sent")
	accepted, consented := seen[mci.ConsentAccepted]
	j.must(consented == (claim.ConsentedAt != nil) && (!consented || accepted.At.Equal(*claim.ConsentedAt)), KnownRule,
		"the claim's consent is not that of its history")

	_, created := seen[mci.ReferralCreated]
	_, upgraded := seen[mci.ReferralUpgraded]
	closed, isClosed := seen[mci.ReferralClosed]
	has := claim.Referral != nil
	j.must(created == has, ReferralRule, "the referral is not that of the history")
	j.must(upgraded == (has && claim.Referral.Type == mci.CoSell), ReferralRule,
		"the referral's type is not that of the history")
	j.must(isClosed == (has && claim.Status.Terminal()), ReferralRule,
		"the claim is %s, and the history says otherwise of its referral", claim.Status)
	j.must(!isClosed || closed.Detail["substatus"] == closings[claim.Status], ReferralRule,
		"the claim is %s and its referral closed as %s", claim.Status, closed.Detail["substatus"])
}

// judgeParticipation holds a customer's part in an engagement, at an instant, against its claims, as far as there are
// such, and the engagement's rules.
func judgeParticipation(key table.Key, p mci.Participation, claims map[mci.ClaimID]mci.Claim, engagement mci.Engagement,
	now time.Time) []Violation {
	j := &judgement{key: key}
	j.must(table.ParticipationKey(p) == key, OwnerRule, "the item says that it is customer %s's on engagement %s",
		p.CustomerID, p.EngagementID)
	var held, completed = 0, len(p.CompletedBy)
	open := map[string]int{}
	partners := map[string]bool{}
	for id, place := range p.Places {
		claim, found := claims[id]
		its := found && claim.PartnerID == place.PartnerID && claim.Customer.ID == p.CustomerID &&
			claim.EngagementID == p.EngagementID
		j.must(its, PlaceRule, "there is no claim %s that the place of that ID belongs to", id)
		j.must(!its || !claim.Status.Terminal() && samePlace(place, claim.Place()), PlaceRule,
			"the place of claim %s is not that of one that is %s", id, claim.Status)
		if place.Due != nil && !now.Before(*place.Due) {
			continue // free since then (D3)
		}
		held++
		open[place.PartnerID]++
		partners[place.PartnerID] = true
	}
	for partner, claims := range open {
		j.must(claims == 1, OneClaimRule, "partner %s has %d", partner, claims)
	}
	j.must(p.Completed >= completed, LimitRule, "%d claims are counted as completed, of %d partners", p.Completed,
		completed)
	j.must(engagement.ID == p.EngagementID, OwnerRule, "the program has no engagement %s", p.EngagementID)
	if engagement.ID != "" {
		limits := engagement.ClaimLimits
		j.must(held <= limits.Active, LimitRule, "%d claims are open, of %d", held, limits.Active)
		j.must(held+p.Completed <= limits.Allowed, LimitRule, "%d claims are open or completed, of %d",
			held+p.Completed, limits.Allowed)
	}
	for _, partner := range p.CompletedBy {
		partners[partner] = true
	}
	j.must(!engagement.Exclusive || len(partners) <= 1, ExclusiveRule, "%d partners have open or completed claims",
		len(partners))
	return j.found
}

// judgeNominated holds what a partner has to do with a customer against its key.
func judgeNominated(key table.Key, n mci.NominatedCustomer, misplaced []string) []Violation {
	j := &judgement{key: key}
	for _, name := range misplaced {
		rule := IndexRule
		if name == table.PartitionKey || name == table.SortKey {
			rule = OwnerRule
		}
		j.must(false, rule, "%s is not what the item of customer %s asks for", name, n.Customer.ID)
	}
	return j.found
}
