package table

import (
	"context"
	"strconv"
	"time"

	"mci.example/customers/shared/mci"
)

// optOut is the customer's word that a partner shall not ask an address again (D26). The address itself is not stored.
type optOut struct {
	Key
	At time.Time `json:"at"`
}

// PutOptOut writes that a partner shall send no more consent emails to an address.
func (t *Table) PutOptOut(partnerID, address string, now time.Time) []Write {
	return []Write{t.put(optOut{optOutKey(partnerID, mci.AddressHash(address)), now}, "", nil, nil)}
}

// OptedOut says whether a partner shall send no more consent emails to an address. GetItem: 1 round trip, 1 unit.
func (t *Table) OptedOut(ctx context.Context, partnerID, addressHash string) (bool, error) {
	return t.get(ctx, optOutKey(partnerID, addressHash), &optOut{})
}

// OptedOutOrKept says whether a partner shall send no more consent emails to an address, and whether a response is kept
// for a request's key. BatchGetItem: 1 round trip, 1 unit each.
func (t *Table) OptedOutOrKept(ctx context.Context, partnerID, addressHash string, request mci.IdempotentRequest,
	now time.Time) (optedOut, kept bool, err error) {
	optOut, response := optOutKey(partnerID, addressHash), keptResponseKey(request)
	keys := []Key{optOut}
	if request.IdempotencyKey != "" {
		keys = append(keys, response)
	}
	items, err := t.getAll(ctx, keys)
	if err != nil {
		return false, false, err
	}
	var found KeptResponse
	err = decode(items[response], &found)
	return items[optOut] != nil, found.TimeToLive > now.Unix(), err
}

// CountMail counts a claim's consent email among its partner's and its address's of the day. The commit that it belongs
// to is refused where a bound of the day is reached (D25).
func (t *Table) CountMail(claim mci.Claim, perPartner int, now time.Time) []Write {
	address, partner := mailCountKeys(claim, now)
	return []Write{
		t.countOne(address, mci.MaxMailsToAddress, now,
			mci.TooMuchMail("One address gets at most 30 consent emails in a day (UTC), over all partners.", now)),
		t.countOne(partner, perPartner, now,
			mci.TooMuchMail("Your company has sent as many consent emails today (UTC) as it may.", now)),
	}
}

// UncountMail takes an email that was counted at that instant, and did not go out, from the day's counts. One
// TransactWriteItems: 1 round trip, 4 units.
func (t *Table) UncountMail(ctx context.Context, claim mci.Claim, counted time.Time) error {
	var writes []Write
	address, partner := mailCountKeys(claim, counted)
	for _, key := range []Key{address, partner} {
		writes = append(writes, t.update(key, "ADD mails :less", "mails > :none", nil,
			Item{":less": version(-1), ":none": version(0)}))
	}
	_, err := Settle(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, t.Commit(ctx, writes) })
	return err
}

func mailCountKeys(claim mci.Claim, now time.Time) (address, partner Key) {
	day := string(mci.DateOf(now))
	return mailCountKey("ADDRESS", claim.Email.AddressHash, day),
		mailCountKey("PARTNER", claim.PartnerID, day)
}

// countOne adds one to a day's count, unless that has reached its bound.
func (t *Table) countOne(key Key, bound int, now time.Time, refusal error) Write {
	write := t.update(key, "SET #ttl = :ttl ADD mails :one", "attribute_not_exists(mails) OR mails < :bound",
		map[string]string{"#ttl": TimeToLive}, Item{
			":one": version(1), ":bound": version(bound),
			":ttl": number(strconv.FormatInt(now.Add(mailCountLife).Unix(), 10)),
		})
	write.lost = refusal
	return write
}

// MailCount is how many consent emails a partner sent in a UTC day, and how many of those bounced.
type MailCount struct {
	Mails   int `json:"mails"`
	Bounced int `json:"bounced"`
}

// MailCount returns a partner's count of the day on which an email was sent. GetItem: 1 round trip, 1 unit.
func (t *Table) MailCount(ctx context.Context, partnerID string, sent time.Time) (MailCount, error) {
	var count MailCount
	_, err := t.get(ctx, mailCountKey("PARTNER", partnerID, string(mci.DateOf(sent))), &count)
	return count, err
}

// PutBounce counts a bounce among a partner's consent emails of the day on which it was sent.
func (t *Table) PutBounce(partnerID string, sent, now time.Time) []Write {
	return []Write{t.update(mailCountKey("PARTNER", partnerID, string(mci.DateOf(sent))),
		"SET #ttl = :ttl ADD bounced :one", "attribute_not_exists(bounced) OR bounced > :none",
		map[string]string{"#ttl": TimeToLive},
		Item{
			":one": version(1), ":none": version(0),
			":ttl": number(strconv.FormatInt(now.Add(mailCountLife).Unix(), 10)),
		})}
}
