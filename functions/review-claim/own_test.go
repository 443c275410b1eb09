package main

import (
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

func TestD31_NobodyReviewsTheirOwn(t *testing.T) {
	t.Parallel()
	p, e := story.NewPartner(t), story.Engagement(t, nil)
	user := story.Name("user")
	p.Grant(t, user, mci.IncentivesUser, false)
	submitter := localtest.Token(t, p.ID, user, mci.IncentivesUser)
	complete := story.Object{"decision": "complete"}

	claim := p.Consented(t, story.NewCustomer(t, e), e)
	story.Post(t, submitter, claim.ID, "submission", story.Submission()).Expect(t, 200)
	story.Review(t, claim.ID, mci.Return)
	p.Submit(t, claim.ID) // another submits it again
	for who, token := range map[string]string{
		"a reviewer of the claim's partner": localtest.Token(t, p.ID, story.Name("both"), mci.ProgramAdmin),
		"the submitter, under a second role": localtest.Token(t, p.ID, user, mci.IncentivesUser,
			mci.ProgramAdmin),
		"the submitter, who left for the program":   localtest.Token(t, "", user, mci.ProgramAdmin),
		"the submitter, who left for another rival": localtest.Token(t, "rival", user, mci.ProgramAdmin),
	} {
		t.Log(who)
		seen := localtest.Decode[story.Claim](t,
			localtest.Call(t, "GET", "/v1/claims/"+claim.ID, token, nil).Expect(t, 200))
		if len(seen.Actions) > 0 {
			t.Errorf("offered is %v", seen.Actions)
		}
		story.Refused(t, review(t, token, claim.ID, complete), 403, mci.OwnClaim)
	}
	review(t, localtest.Token(t, "rival", story.Name("staff"), mci.ProgramAdmin), claim.ID, complete).Expect(t, 200)
}
