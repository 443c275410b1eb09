package table

import "time"

// How long the table keeps what it does not keep for good. DynamoDB deletes such items some time after their ttl.
const (
	keptResponseLife = 24 * time.Hour       // a response kept for its Idempotency-Key (D13)
	messageLife      = 90 * 24 * time.Hour  // an email, while SES may still report on it
	noticeLife       = 90 * 24 * time.Hour  // that people were told of an event, longer than a dead letter waits (D29)
	linkLife         = 400 * 24 * time.Hour // a consent link, after its deadline: it still shows the decision
	mailCountLife    = 48 * time.Hour       // a day's count of emails (D25)
)
