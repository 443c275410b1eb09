package mci

import (
	"fmt"
	"slices"
)

// taken are the types of customer ID that each kind of pay may take (S9).
var taken = map[PayType][]IDType{
	Fixed:    {Domain, TenantID, TPID, AzureSubscription},
	Variable: {MSXOpportunity},
}

// Mistakes gives each way in which the engagement's fields contradict each other, in the order of its fields. A field
// that has its zero value contradicts nothing.
func (e Engagement) Mistakes() []Mistake {
	var mistakes []Mistake
	must := func(holds bool, pointer, detail string, values ...any) {
		if !holds {
			mistakes = append(mistakes, Mistake{pointer, fmt.Sprintf(detail, values...)})
		}
	}
	types := taken[e.PayType]
	for i, idType := range e.CustomerIDTypes {
		if idType == "" {
			continue
		}
		first := !slices.Contains(e.CustomerIDTypes[:i], idType)
		must(first, fmt.Sprintf("/customerIdTypes/%d", i), "%s is there twice", idType)
		must(types == nil || slices.Contains(types, idType), "/customerIdTypes", "%s pay takes %s; not %s", e.PayType,
			Join(types), idType)
	}
	must(e.StartsOn == "" || e.EndsOn == "" || e.EndsOn >= e.StartsOn, "/endsOn", "must not be before startsOn; is %s",
		e.EndsOn)
	limits := e.ClaimLimits
	must(limits.Active == 0 || limits.Allowed == 0 || limits.Active <= limits.Allowed, "/claimLimits/allowed",
		"must not be less than active, which is %d; is %d", limits.Active, limits.Allowed)
	if e.Rates != nil {
		least, most := e.Rates.MinHours, e.Rates.MaxHours
		must(least == 0 || most == 0 || least <= most, "/rates/maxHours",
			"must not be less than minHours, which is %d; is %d", least, most)
	}
	must(e.PayType != Fixed || e.Payout != nil, "/payout", "is missing, which fixed pay needs")
	must(e.PayType != Fixed || e.Rates == nil, "/rates", "has no meaning with fixed pay")
	must(e.PayType != Variable || e.Payout == nil, "/payout", "has no meaning with variable pay")
	must(e.PayType != Variable || e.Rates != nil, "/rates", "is missing, which variable pay needs")
	must(e.CoSell == nil || e.Referral != nil, "/coSell", "needs a referral to upgrade, and the engagement has none")
	if e.Reminders != nil {
		mistakes = append(mistakes, reminderMistakes("/reminders/consentDays", e.Reminders.ConsentDays,
			e.ConsentWindowDays)...)
		mistakes = append(mistakes, reminderMistakes("/reminders/submissionDays", e.Reminders.SubmissionDays,
			e.SubmissionWindowDays)...)
	}
	return mistakes
}

// reminderMistakes gives the days that are not below the window, or not below the day before them (D30).
func reminderMistakes(pointer string, days []int, window int) []Mistake {
	var mistakes []Mistake
	for i, day := range days {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch {
		case day == 0:
		case i > 0 && days[i-1] > 0 && day >= days[i-1]:
			mistakes = append(mistakes, Mistake{at, fmt.Sprintf("must be less than the one before, which is %d; is %d",
				days[i-1], day)})
		case window > 0 && day >= window:
			mistakes = append(mistakes, Mistake{at, fmt.Sprintf("must be less than the window of %d days; is %d",
				window, day)})
		}
	}
	return mistakes
}
