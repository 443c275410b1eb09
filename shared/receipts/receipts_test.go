package receipts_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/receipts"
)

// kmsEdge answers Sign and GetPublicKey as KMS does, with a key of its own for each ID that it is asked for.
type kmsEdge struct {
	mu     sync.Mutex
	keys   map[string]*ecdsa.PrivateKey
	other  any // a public key to give instead, if any
	broken bool
	asked  int
	held   chan chan struct{} // if any, each request goes on once the channel that it sends here is closed
}

func (e *kmsEdge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.held != nil {
		released := make(chan struct{})
		e.held <- released
		<-released
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	var input struct {
		KeyId, MessageType, SigningAlgorithm string
		Message                              []byte
	}
	_ = json.NewDecoder(r.Body).Decode(&input)
	key := e.keys[input.KeyId]
	answer := map[string]any{}
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.Sign":
		if e.broken || input.MessageType != "DIGEST" || input.SigningAlgorithm != "ECDSA_SHA_256" ||
			len(input.Message) != 32 {
			w.WriteHeader(http.StatusBadRequest)
			answer["__type"] = "ValidationException"
			break
		}
		answer["Signature"], _ = ecdsa.SignASN1(rand.Reader, key, input.Message)
	case "TrentService.GetPublicKey":
		var public any = &key.PublicKey
		if e.other != nil {
			public = e.other
		}
		answer["PublicKey"], _ = x509.MarshalPKIXPublicKey(public)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func newKMS(t *testing.T, ids ...string) (*kmsEdge, *kms.Client) {
	t.Helper()
	edge := &kmsEdge{keys: map[string]*ecdsa.PrivateKey{}}
	for _, id := range ids {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		edge.keys[id] = key
	}
	server := httptest.NewServer(edge)
	t.Cleanup(server.Close)
	return edge, kms.New(kms.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	})
}

func keysOf(t *testing.T, text string) []receipts.Key {
	t.Helper()
	keys, err := receipts.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// aDecision is a claim with the event of its customer's answer, and the receipt of it.
func aDecision() (mci.Claim, mci.Event, mci.Receipt) {
	at := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	claim := mci.Claim{
		ID: mci.NewClaimID("01JBQ3E5Z8Q7C4T9W2X6Y1V0KM", "fabrikam"), PartnerID: "fabrikam", PartnerName: "Fabrikam",
		EngagementID: "assessment", EngagementName: "Assessment", Customer: mci.CustomerSummary{ID: "c1", Name: "緑川製作所",
			Country: "JP"},
	}
	event := mci.Event{ClaimID: claim.ID, Seq: 4, At: at, Type: mci.ConsentDeclined, Hash: strings.Repeat("b", 64),
		PreviousHash: strings.Repeat("a", 64)}
	return claim, event, mci.NewReceipt("https://mci.example", claim, event, "ja", "緑川製作所は…\nに同意します")
}

func sign(t *testing.T, client *kms.Client, keys string, receipt mci.Receipt) string {
	t.Helper()
	signed, err := receipts.NewSigner(client, keysOf(t, keys)).Sign(t.Context(), receipt)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestD28_AReceiptVerifiesWithThePublishedKeysWhicheverKeySignedIt(t *testing.T) {
	edge, client := newKMS(t, "old", "new")
	claim, event, receipt := aDecision()
	first := sign(t, client, "1=old", receipt)
	second := sign(t, client, "1=old,2=new", receipt)
	public := receipts.NewPublicKeys(client, keysOf(t, "1=old,2=new"))
	asked := edge.asked
	for kid, signed := range map[string]string{"1": first, "2": second} {
		keys, err := public.Set(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		header, _ := base64.RawURLEncoding.DecodeString(signed[:strings.IndexByte(signed, '.')])
		if want := `{"alg":"ES256","kid":"` + kid + `","typ":"consent-receipt+jwt"}`; string(header) != want {
			t.Errorf("the header is %s, want %s", header, want)
		}
		got, err := receipts.Verify(signed, keys)
		if err != nil || got != receipt || !got.Proves(claim, event) {
			t.Errorf("it says %+v (%v), want %+v", got, err, receipt)
		}
	}
	if edge.asked-asked != 2 {
		t.Errorf("KMS was asked %d times for two keys that never change", edge.asked-asked)
	}
}

func TestB4_AReceiptThatWasAlteredOrSignedByAnotherDoesNotHold(t *testing.T) {
	_, client := newKMS(t, "k")
	_, forger := newKMS(t, "k")
	_, _, receipt := aDecision()
	keys, err := receipts.NewPublicKeys(client, keysOf(t, "1=k")).Set(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good := strings.Split(sign(t, client, "1=k", receipt), ".")
	with := func(part int, change func(string) string) string {
		parts := append([]string{}, good...)
		text, _ := base64.RawURLEncoding.DecodeString(parts[part])
		parts[part] = base64.RawURLEncoding.EncodeToString([]byte(change(string(text))))
		return strings.Join(parts, ".")
	}
	replace := func(part int, old, new string) string {
		return with(part, func(text string) string { return strings.Replace(text, old, new, 1) })
	}
	tests := []struct{ what, compact, want string }{
		{"nothing", "", "not a JWS"},
		{"no signature", good[0] + "." + good[1] + ".", "did not sign it"},
		{"another decision", replace(1, "declined", "accepted"), "key 1 did not sign it"},
		{"another statement", replace(1, "緑", "赤"), "key 1 did not sign it"},
		{"a signature in DER, as KMS gives it", with(2, func(s string) string {
			return "0" + s
		}), "key 1 did not sign it"},
		{"no algorithm", replace(0, "ES256", "none"), "not a JWS"},
		{"another type", replace(0, "consent-receipt+jwt", "JWT"), "consent-receipt+jwt"},
		{"a key that nobody knows", replace(0, `"kid":"1"`, `"kid":"2"`), `the key "2", which it names, is not known`},
		{"another's key of that number", sign(t, forger, "1=k", receipt), "key 1 did not sign it"},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			if _, err := receipts.Verify(test.compact, keys); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want %q", err, test.want)
			}
		})
	}
}

func TestD28_AReceiptProvesItsOwnDecisionAlone(t *testing.T) {
	claim, event, receipt := aDecision()
	changes := map[string]func(*mci.Claim, *mci.Event){
		"another claim": func(c *mci.Claim, _ *mci.Event) {
			c.ID = mci.NewClaimID("01JBQ3E5Z8Q7C4T9W2X6Y1V0KN", "fabrikam")
		},
		"another partner":    func(c *mci.Claim, _ *mci.Event) { c.PartnerID = "contoso" },
		"another customer":   func(c *mci.Claim, _ *mci.Event) { c.Customer.ID = "c2" },
		"another engagement": func(c *mci.Claim, _ *mci.Event) { c.EngagementID = "workshop" },
		"another answer":     func(_ *mci.Claim, e *mci.Event) { e.Type = mci.ConsentAccepted },
		"no answer":          func(_ *mci.Claim, e *mci.Event) { e.Type = mci.ClaimExpired },
		"another instant":    func(_ *mci.Claim, e *mci.Event) { e.At = e.At.Add(time.Millisecond) },
		"another event":      func(_ *mci.Claim, e *mci.Event) { e.Hash = strings.Repeat("c", 64) },
		"another past":       func(_ *mci.Claim, e *mci.Event) { e.PreviousHash = strings.Repeat("c", 64) },
		"another number":     func(_ *mci.Claim, e *mci.Event) { e.Seq++ },
	}
	if !receipt.Proves(claim, event) {
		t.Fatal("it does not prove its own")
	}
	for what, change := range changes {
		c, e := claim, event
		if change(&c, &e); receipt.Proves(c, e) {
			t.Errorf("it proves %s", what)
		}
	}
	receipt.Statement += "."
	if receipt.Proves(claim, event) {
		t.Error("it proves with a statement that does not have its hash")
	}
}

func TestD28_WhatCannotBeAReceiptIsNotSigned(t *testing.T) {
	edge, client := newKMS(t, "k")
	signer := receipts.NewSigner(client, keysOf(t, "1=k"))
	_, _, receipt := aDecision()
	blank := receipt
	blank.Statement, blank.StatementHash = "", mci.StatementHash("")
	if _, err := signer.Sign(t.Context(), blank); err == nil || !strings.Contains(err.Error(), "lacks statement") ||
		edge.asked > 0 {
		t.Errorf("it says %v", err)
	}
	edge.broken = true
	if _, err := signer.Sign(t.Context(), receipt); err == nil || !strings.Contains(err.Error(), "with key 1: ") {
		t.Errorf("it says %v", err)
	}
}

func TestKeysAreOfTheRightKindAndNumbered(t *testing.T) {
	edge, client := newKMS(t, "k")
	public := receipts.NewPublicKeys(client, keysOf(t, "1=k"))
	wrong, _ := rsa.GenerateKey(rand.Reader, 2048)
	edge.other = &wrong.PublicKey
	if _, err := public.Set(t.Context()); err == nil || !strings.Contains(err.Error(),
		"receipt key 1 is not one of ECDSA") {
		t.Errorf("it says %v", err)
	}
	edge.other = nil // a failure is not kept
	keys, err := public.Set(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(keys)
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(text, &published); err != nil || !strings.Contains(string(text), `"alg":"ES256"`) ||
		strings.Contains(string(text), `"d"`) {
		t.Errorf("what is published is %s (%v)", text, err)
	}
	for _, text := range []string{"", "k", "1=", "a=k", "01=k", "0=k", "2=k,1=l", "1=k,1=l", "1=k,"} {
		if keys, err := receipts.ParseKeys(text); err == nil {
			t.Errorf("%q gives %v", text, keys)
		}
	}
}

func TestReadersOfTheKeysShareOneAnswerAndWaitNoLongerThanTheyLike(t *testing.T) {
	edge, client := newKMS(t, "k")
	edge.held = make(chan chan struct{})
	public := receipts.NewPublicKeys(client, keysOf(t, "1=k"))
	first, hurried := context.WithCancel(t.Context())
	read := make(chan error)
	for _, ctx := range []context.Context{first, t.Context(), t.Context()} {
		go func() {
			_, err := public.Set(ctx)
			read <- err
		}()
	}
	released := <-edge.held
	hurried() // KMS has not answered, and goes on answering the others
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Errorf("who waits no longer is told %v", err)
	}
	close(released)
	for range 2 {
		if err := <-read; err != nil {
			t.Error(err)
		}
	}
	if edge.asked != 1 {
		t.Errorf("KMS was asked %d times for one key", edge.asked)
	}
}

func TestWhoWaitedForAnothersFailureAsksAgain(t *testing.T) {
	edge, client := newKMS(t, "k")
	wrong, _ := rsa.GenerateKey(rand.Reader, 2048)
	edge.other, edge.held = &wrong.PublicKey, make(chan chan struct{})
	public := receipts.NewPublicKeys(client, keysOf(t, "1=k"))
	read := func() chan error {
		done := make(chan error, 1)
		go func() {
			_, err := public.Set(t.Context())
			done <- err
		}()
		return done
	}
	first := read()
	released := <-edge.held
	second := read()
	close(released)
	if err := <-first; mci.CodeOf(err) != mci.TryAgain {
		t.Errorf("who asked is told %v", err)
	}
	released = <-edge.held
	edge.other = nil
	close(released)
	if err := <-second; err != nil {
		t.Errorf("who waited is told %v", err)
	}
}
