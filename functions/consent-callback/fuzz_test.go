package main

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mci.example/customers/shared/mail"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
)

// Whatever is posted is a form of at most so many bytes, or the page says why it is none; what is kept of it can be
// read.
func FuzzAPostIsAFormOrThePageSaysWhyNot(f *testing.F) {
	const ofForms = "application/x-www-form-urlencoded"
	for _, seed := range []string{
		"decision=accept&statement=0123456789abcdef", "decision=decline&reason=Not+now%0D%0Aperhaps+later",
		"decision=accept&decision=decline", "reason=%00%1b%E2%80%AE%ff%EF%BB%BF",
		"decision=accept;reason=x", "%zz", "=", "&&&", "", "reason=" + strings.Repeat("%0D%0A", 300), "reason=" +
			strings.Repeat("é", 600), `{"decision":"accept"}`,
		base64.StdEncoding.EncodeToString([]byte("decision=decline&reason=x")), strings.Repeat("a=&", rest.MaxBody/3+1),
	} {
		f.Add(seed, false, ofForms, "Browser/1.0")
		f.Add(seed, true, ofForms+"; charset=utf-8", seed)
		f.Add(seed, false, "application/json", "\x1b[31m\u202e\xff\r\n")
		f.Add(seed, false, "Application/X-WWW-Form-Urlencoded;;", "")
	}
	f.Fuzz(func(t *testing.T, body string, encoded bool, contentType, browser string) {
		v := pageVisit{event: rest.GatewayRequest{Body: body, IsBase64Encoded: encoded,
			Headers: map[string]string{"content-type": contentType, "user-agent": browser}}}
		sent, err := []byte(body), error(nil)
		if encoded {
			sent, err = base64.StdEncoding.DecodeString(body)
		}
		form, state := v.form()
		if (state == mail.TooLarge) != (err == nil && len(sent) > rest.MaxBody) {
			t.Errorf("of %d bytes the page says %d", len(sent), state)
		}
		kept := clean(browser, mci.MaxReason)
		if err := mci.CheckText(kept, mci.MaxReason); err != nil || !utf8.ValidString(kept) ||
			mci.CheckText(browser, mci.MaxReason) == nil && kept != browser {
			t.Errorf("of the browser %q there is kept %q: %v", browser, kept, err)
		}
		if form == nil {
			want, known := map[mail.State]int{mail.Unreadable: 400, mail.TooLarge: 413,
				mail.UnsupportedForm: 415}[state]
			if answer := v.page(mail.Page{State: state}, mci.Claim{}); !known || answer.StatusCode != want {
				t.Errorf("without a form the state is %d, answered %d", state, answer.StatusCode)
			}
			return
		}
		if err != nil || len(sent) > 0 && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), ofForms) {
			t.Errorf("%q of the type %q is taken as a form: %v", body, contentType, err)
		}
		for _, values := range form {
			for _, value := range values {
				reason := typed(value)
				if err := mci.CheckText(reason, rest.MaxBody); err != nil || !utf8.ValidString(reason) ||
					strings.Contains(reason, "\r\n") ||
					strings.TrimFunc(reason, unicode.IsSpace) != reason || len(reason) > len(value) {
					t.Errorf("of %q there is kept %q: %v", value, reason, err)
				}
				if answer := v.page(mail.Page{State: mail.ReasonTooLong, Reason: reason},
					mci.Claim{}); answer.StatusCode != 422 {
					t.Errorf("with %q the page is asked again with %d", reason, answer.StatusCode)
				}
			}
		}
	})
}
