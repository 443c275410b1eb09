package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
)

// verdict is what the other implementation says of a receipt.
type verdict struct {
	Header  map[string]string `json:"header"`
	Payload mci.Receipt       `json:"payload"`
	Refused string            `json:"refused"` // the library's code of why
}

// verifiedByAnother has receipts verified by a second implementation, which knows the published keys alone.
func verifiedByAnother(t *testing.T, receipts []string) []verdict {
	t.Helper()
	keys := localtest.Call(t, "GET", "/.well-known/jwks.json", "", nil).Expect(t, 200).Body
	input, err := json.Marshal(map[string]any{"keys": json.RawMessage(keys), "receipts": receipts})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "verify.mjs"),
		filepath.Join(localtest.Root(), "infra"))
	var failed bytes.Buffer
	command.Stdin, command.Stderr = bytes.NewReader(input), &failed
	said, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &failed)
	}
	var verdicts []verdict
	if err := json.Unmarshal(said, &verdicts); err != nil || len(verdicts) != len(receipts) {
		t.Fatalf("%v in %s", err, said)
	}
	return verdicts
}

func TestB4_AReceiptVerifiesByASecondImplementationAndAForgeryDoesNot(t *testing.T) {
	t.Parallel()
	p, engagement := story.NewPartner(t), story.Engagement(t, nil)
	c, other := story.NewCustomer(t, engagement), story.NewCustomer(t, engagement)
	claim, link := p.Bring(t, mci.Consented, c, engagement)
	_, otherLink := p.Bring(t, mci.Declined, other, engagement)
	file := localtest.Call(t, "GET", link+"/receipt", "", nil).Expect(t, 200)
	if file.Header.Get("Content-Type") != "application/jose" ||
		file.Header.Get("Content-Disposition") != `attachment; filename="consent-receipt.jws"` {
		t.Errorf("the receipt comes as %v", file.Header)
	}
	genuine := string(file.Body)
	part := strings.Split(genuine, ".")
	foreign := strings.Split(string(localtest.Call(t, "GET", otherLink+"/receipt", "", nil).Expect(t, 200).Body), ".")
	with := func(at int, old, new string) string {
		text, err := base64.RawURLEncoding.DecodeString(part[at])
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("part %d has no %q: %s, %v", at, old, text, err)
		}
		changed := []string{part[0], part[1], part[2]}
		changed[at] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), old, new, 1)))
		return strings.Join(changed, ".")
	}
	const notSigned = "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
	forgeries := []struct{ what, receipt, refused string }{
		{"another decision", with(1, "accepted", "declined"), notSigned},
		{"another customer", with(1, c.ID, other.ID), notSigned},
		{"another past", with(1, `"previousHash":"`, `"previousHash":"0`), notSigned},
		{"another receipt's signature", part[0] + "." + part[1] + "." + foreign[2], notSigned},
		{"another receipt's payload", part[0] + "." + foreign[1] + "." + part[2], notSigned},
		{"no signature", part[0] + "." + part[1] + ".", notSigned},
		{"no algorithm", with(0, "ES256", "none"), "ERR_JOSE_ALG_NOT_ALLOWED"},
		{"another type", with(0, "consent-receipt+jwt", "JWT"), notSigned},
		{"a key that nobody published", with(0, `"kid":"`, `"kid":"7`), "ERR_JWKS_NO_MATCHING_KEY"},
	}
	receipts := []string{genuine}
	for _, forgery := range forgeries {
		receipts = append(receipts, forgery.receipt)
	}
	verdicts := verifiedByAnother(t, receipts)
	for i, forgery := range forgeries {
		if said := verdicts[i+1].Refused; said != forgery.refused {
			t.Errorf("with %s it is refused as %q", forgery.what, said)
		}
	}

	said, decided := verdicts[0], p.Get(t, claim.ID)
	want := map[string]string{"alg": "ES256", "typ": "consent-receipt+jwt", "kid": signing(t)}
	if said.Refused != "" || !maps.Equal(said.Header, want) {
		t.Fatalf("it is refused as %q, its header is %v", said.Refused, said.Header)
	}
	receipt, event := said.Payload, decided.Events[3]
	want = map[string]string{
		"iss": localtest.URL(), "jti": event.Hash, "claimId": claim.ID, "decision": "accepted",
		"decidedAt": decided.ConsentedAt.Format(time.RFC3339Nano), "partner": p.ID + " " + p.Name,
		"customer": c.ID + " " + c.Name + " US", "engagement": engagement + " Assessment", "language": "en",
		"statementHash": event.Detail["statementHash"], "event": event.Hash + " after " + event.PreviousHash,
	}
	got := map[string]string{
		"iss": receipt.Issuer, "jti": receipt.ID, "claimId": string(receipt.ClaimID),
		"decision":  string(receipt.Decision),
		"decidedAt": receipt.DecidedAt.Format(time.RFC3339Nano), "partner": receipt.Partner.ID + " " +
			receipt.Partner.Name,
		"customer":   receipt.Customer.ID + " " + receipt.Customer.Name + " " + receipt.Customer.Country,
		"engagement": receipt.Engagement.ID + " " + receipt.Engagement.Name, "language": receipt.Language,
		"statementHash": receipt.StatementHash, "event": receipt.Event.Hash + " after " + receipt.Event.PreviousHash,
	}
	if !maps.Equal(got, want) || event.Type != "consent.accepted" || receipt.Event.Seq != event.Seq ||
		receipt.IssuedAt != decided.ConsentedAt.Unix() ||
		mci.StatementHash(receipt.Statement) != receipt.StatementHash {
		t.Errorf("it says %+v, want %v", receipt, want)
	}
}
