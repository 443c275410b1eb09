package main

import (
	"context"
	"net/http"

	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/write"
)

// preview is the consent email as it would go out, and the disclaimer that the partner accepts with it (D32).
type preview struct {
	To         string      `json:"to"`
	ReplyTo    string      `json:"replyTo"`
	Locale     mail.Locale `json:"locale"`
	Subject    string      `json:"subject"`
	HTML       string      `json:"html"`
	Text       string      `json:"text"`
	Disclaimer disclaimer  `json:"disclaimer"`
	SendsLeft  int         `json:"sendsLeft"`
}

// disclaimer is in the language of the reader; its version is one for all languages.
type disclaimer struct {
	Version string      `json:"version"`
	Locale  mail.Locale `json:"locale"`
	Text    string      `json:"text"`
}

// previewLink opens no page: it holds no secret.
const previewLink = "/consent/preview"

// preview shows the email before it is sent; nothing is written. 2 round trips.
func (f function) preview(ctx context.Context, r *rest.Request) (rest.Response, error) {
	s := f.read(r)
	return write.Judge(ctx, f.table, r, write.Case{Load: s.load, Decide: s.show})
}

func (s *sending) show(ctx context.Context, act mci.Act, _ mci.Grants) (write.Decision, error) {
	claim := s.claim.At(act.At)
	if err := claim.PreviewConsent(s.request); err != nil {
		return write.Decision{}, err
	}
	claim.CustomerContact, claim.PartnerContact = claim.CorrectedContacts(s.request)
	optedOut, err := s.table.OptedOut(ctx, claim.PartnerID, mci.AddressHash(claim.CustomerContact.Email))
	if err != nil {
		return write.Decision{}, err
	}
	if optedOut {
		return write.Decision{}, mci.OptedOut
	}
	locale := mail.ChooseLocale(claim.CustomerContact.Locale, "")
	corrected := !mci.SameAddress(claim.CustomerContact.Email, s.claim.CustomerContact.Email)
	email := mail.ConsentEmail{
		Question: mail.QuestionOf(claim), Link: s.sender.PublicURL + previewLink,
		Reminder: claim.Email.Status != "" && !corrected,
	}
	message, err := email.Message(locale)
	if err != nil {
		return write.Decision{}, err
	}
	read, err := mail.DisclaimerIn(mail.ChooseLocale("", s.Header("accept-language")))
	if err != nil {
		return write.Decision{}, err
	}
	return write.Decision{Response: rest.Response{Status: http.StatusOK, Body: preview{
		To: claim.CustomerContact.Email, ReplyTo: claim.PartnerContact.Email, Locale: locale, Subject: message.Subject,
		HTML: message.HTML, Text: message.Text, Disclaimer: disclaimer{read.Version, read.Locale, read.Text},
		SendsLeft: claim.SendsLeft(act.At),
	}}}, nil
}
