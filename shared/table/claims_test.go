package table

import (
	"reflect"
	"testing"
	"time"

	"mci.example/customers/shared/mci"
)

// The sweep reads what moves of a claim alone. What time brings to that is what it brings to the whole claim.
func TestTimeBringsTheSameToWhatMovesAsToTheWholeClaim(t *testing.T) {
	born := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	due := born.Add(mci.Days(10))
	remind, consented := due.Add(-mci.Days(2)), born.Add(mci.Days(1))
	erased := mci.Claim{Status: mci.ConsentPending, Corrected: true, CustomerContact: mci.ErasedContact,
		PartnerContact: mci.ErasedContact}
	for what, claim := range map[string]mci.Claim{
		"not asked":              {Status: mci.ConsentNotSent},
		"asked":                  {Status: mci.ConsentPending, Email: mci.Email{AddressHash: "hash"}},
		"of who was known":       {Status: mci.ConsentPending, WasKnown: true},
		"consented":              {Status: mci.Consented, ConsentedAt: &consented, SubmissionDue: &due},
		"corrected":              {Status: mci.ConsentPending, Corrected: true, MismatchReason: "Another brand."},
		"erased before it ended": erased,
	} {
		for _, name := range []string{"Contoso", "İstanbul Ꭰ", "A#1 100%"} {
			claim.ID, claim.PartnerID = mci.NewClaimID("01K8ZJ4T4M7Q1V3S5X9B2D6F8H", "north#wind%"), "north#wind%"
			claim.EngagementID, claim.Customer = "cloud#1%", mci.CustomerSummary{ID: "c#1%", Name: name, Country: "US"}
			claim.FriendlyName, claim.CreatedAt, claim.ConsentDue, claim.Version = "A name", born, due, 7
			claim.ReminderDays, claim.RemindAt = []int{2}, &remind
			_, moving, err := newClaimRecord(claim).items()
			if err != nil {
				t.Fatal(err)
			}
			swept, err := sweptOf(moving)
			if err != nil {
				t.Fatal(err)
			}
			act := mci.Act{At: remind, Actor: mci.ActorSystem}
			wholeReminded, is := claim.Remind(act, true)
			sweptReminded, was := swept.Remind(act, true)
			wholeExpired, expires := claim.Expire(due, act)
			sweptExpired, expired := swept.Expire(due, act)
			if !is || !was || !expires || !expired {
				t.Errorf("%s: time does nothing", what)
			}
			for _, both := range [][2]mci.Change{{wholeReminded, sweptReminded}, {wholeExpired, sweptExpired}} {
				_, want, err := newClaimRecord(both[0].After).items()
				if err != nil {
					t.Fatal(err)
				}
				_, got, err := newClaimRecord(both[1].After).items()
				if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(both[1].Events, both[0].Events) ||
					!reflect.DeepEqual(both[1].Place(), both[0].Place()) {
					t.Errorf("%s, %s: it becomes\n%v instead of\n%v (%v)", what, name, got, want, err)
				}
			}
		}
	}
}
