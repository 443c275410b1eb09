package mail

import "time"

// The receipt as a file: its name and its media type.
const (
	ReceiptName = "consent-receipt.jws"
	ReceiptType = "application/jose"
)

// ReceiptEmail gives a customer the receipt of their decision (D28, D29).
type ReceiptEmail struct {
	Question  ConsentQuestion
	Accepted  bool
	DecidedAt time.Time
	Stop      bool   // with declining: the partner shall not ask again (D26)
	Receipt   string // the compact JWS
	KeysLink  string // to the published keys
}

// Message returns the email in a language, with the receipt attached. It fails without a usable KeysLink.
func (e ReceiptEmail) Message(l Locale) (Message, error) {
	letter, err := e.letter(l)
	if err != nil {
		return Message{}, err
	}
	message, err := letter.message()
	message.Attachments = []Attachment{{ReceiptName, ReceiptType, []byte(e.Receipt)}}
	return message, err
}

func (e ReceiptEmail) letter(l Locale) (letter, error) {
	link, err := checkedLink(e.KeysLink)
	if err != nil {
		return letter{}, err
	}
	w, err := e.Question.writer(l)
	if err != nil {
		return letter{}, err
	}
	heading, short, text := "declinedHeading", "declinedTitle", "receiptDeclined"
	if e.Accepted {
		heading, short, text = "acceptedHeading", "acceptedTitle", "receiptAccepted"
	}
	w.words(answer, w.sentence(short).String())
	w.instant(decided, e.DecidedAt)
	w.link(keys, link)
	made := letter{
		writer: w, subject: w.sentence("receiptSubject"), preview: w.sentence(text),
		heading: w.sentence(heading), greeting: w.greeting(),
		paragraphs: []phrase{w.sentence(text)},
		rows:       w.rows(answer, decided, engagement, partner, customer),
		sections: []section{
			{title: w.sentence("receiptTitle"), paragraphs: []phrase{w.sentence("receiptAttached")}},
			{title: w.sentence("receiptVerifyTitle"), paragraphs: []phrase{w.sentence("receiptVerify")}},
		},
		why: w.sentence("receiptWhy"),
	}
	if e.Stop && !e.Accepted {
		made.paragraphs = append(made.paragraphs, w.sentence("stopped"))
	}
	if w.value(partnerContact) != nil {
		made.reply = w.sentence("receiptReply")
	}
	return made, w.failure("the receipt email")
}
