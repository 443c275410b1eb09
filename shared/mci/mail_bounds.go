package mci

import "time"

// The bounds of mail in a UTC day, beside MaxSendsADay (D25).
const (
	MaxMailsToAddress  = 30   // to one address, over all partners
	MaxMailsPerPartner = 1000 // of one partner, unless the deployment says otherwise
)

// OptedOut refuses to ask a recipient who does not want to be asked by this partner again (D26).
var OptedOut = Refuse(RecipientOptedOut,
	"This recipient does not want to be asked by your company again: name another contact of the customer.")

// TooMuchMail refuses an email beyond a bound of the UTC day (D25). It says how long the day still takes.
func TooMuchMail(detail string, now time.Time) *Refusal {
	midnight := now.UTC().Truncate(Days(1)).Add(Days(1))
	return &Refusal{Code: TooManyRequests, Detail: detail, RetryAfter: midnight.Sub(now)}
}

// TooManyBounce says whether more of a partner's consent emails of a day bounce than wrong addresses now and then
// explain: at least five, and more than one in twenty, at which the email service reviews whoever sends them.
func TooManyBounce(mails, bounced int) bool { return bounced >= 5 && 20*bounced > mails }
