package table

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
)

// optOut is the customer's word that a partner shall not ask an address again (D26). The address itself is not stored.
type optOut struct {
	Key
	At time.Time `json:"at"`
}

// PutOptOut writes that a partner shall send no more consent emails to an address.
func (t *Table) PutOptOut(partnerID, address string, now time.Time) []Write {
	return []Write{t.put(optOut{optOutKey(partnerID, address), now}, "", nil, nil)}
}

// OptedOut says whether a partner shall send no more consent emails to an address. GetItem: 1 round trip, 1 unit.
func (t *Table) OptedOut(ctx context.Context, partnerID, address string) (bool, error) {
	return t.get(ctx, optOutKey(partnerID, address), &optOut{})
}

// CountMail counts one more consent email of a partner to an address, and refuses it where the recipient opted out
// (mci.OptedOut) or a bound of the day is reached (D25, D26). One TransactWriteItems: 1 round trip, 6 units.
func (t *Table) CountMail(ctx context.Context, partnerID, address string, perPartner int, now time.Time) error {
	key, err := encode(optOutKey(partnerID, address))
	check := &types.ConditionCheck{
		TableName: &t.name, Key: key, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}
	day := string(mci.DateOf(now))
	writes := []Write{
		{item: types.TransactWriteItem{ConditionCheck: check}, lost: mci.OptedOut, err: err},
		t.countOne(mailCountKey("ADDRESS", hash(mci.NormalAddress(address)), day), mci.MaxMailsToAddress, now,
			mci.TooMuchMail("One address gets at most 30 consent emails in a day (UTC), over all partners.", now)),
		t.countOne(mailCountKey("PARTNER", partnerID, day), perPartner, now,
			mci.TooMuchMail("Your company has sent as many consent emails today (UTC) as it may.", now)),
	}
	_, err = Settle(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, t.Commit(ctx, writes) })
	return err
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
