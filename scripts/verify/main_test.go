package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/shared/mci"
)

// issuer signs with a key of its own, which is published as key 1.
type issuer struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	jwks string // the file that publishes it
}

func newIssuer(t *testing.T) issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	return issuer{t, key, file(t, string(set))}
}

// sign gives a file with a receipt of whatever claims.
func (i issuer) sign(claims any) string {
	i.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType("consent-receipt+jwt").WithHeader("kid", "1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, options)
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return file(i.t, compact+"\n")
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "of somebody's")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func aReceipt() mci.Receipt {
	claim := mci.Claim{
		ID: mci.NewClaimID("01JBQ3E5Z8Q7C4T9W2X6Y1V0KM", "fabrikam"), PartnerID: "fabrikam", PartnerName: "Fabrikam",
		EngagementID: "assessment", EngagementName: "Assessment",
		Customer: mci.CustomerSummary{ID: "c1", Name: "緑川製作所", Country: "JP"},
	}
	event := mci.Event{
		Seq: 4, At: time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC), Type: mci.ConsentDeclined,
		Hash: strings.Repeat("b", 64), PreviousHash: strings.Repeat("a", 64),
	}
	return mci.NewReceipt("https://mci.example", claim, event, "ja", "同意の内容\n二行目")
}

func TestD28_AReceiptThatHoldsSaysWhoAnsweredWhatAndWhenToWhichText(t *testing.T) {
	i := newIssuer(t)
	path := i.sign(aReceipt())
	signed, _ := os.ReadFile(path)
	answer := file(t, `{"receipt":"`+strings.TrimSpace(string(signed))+`"}`)
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, i.jwks)
	}))
	defer published.Close()
	for _, path := range []string{path, answer} {
		for _, keys := range []string{i.jwks, published.URL} {
			var said strings.Builder
			if err := run(&said, path, keys); err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{
				"holds", "緑川製作所 (c1, JP)", "declined", "2026-11-02T09:30:00Z", "Fabrikam (fabrikam)",
				"Assessment (assessment)",
				"https://mci.example", "同意の内容\n二行目", strings.Repeat("b", 64),
			} {
				if !strings.Contains(said.String(), word) {
					t.Errorf("it does not say %q:\n%s", word, said.String())
				}
			}
		}
	}
}

func TestD28_WhyAReceiptDoesNotHoldIsTold(t *testing.T) {
	i, other := newIssuer(t), newIssuer(t)
	signed := i.sign(aReceipt())
	changed := func(change func(*mci.Receipt)) string {
		receipt := aReceipt()
		change(&receipt)
		return i.sign(receipt)
	}
	text, _ := os.ReadFile(signed)
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	tests := []struct{ what, receipt, keys, want string }{
		{"signed by another", other.sign(aReceipt()), i.jwks, "the receipt does not hold: key 1 did not sign it"},
		{"cut short", file(t, string(text[:len(text)-5])), i.jwks, "the receipt does not hold: key 1 did not sign it"},
		{"no receipt", i.jwks, i.jwks, "the receipt does not hold: it is not a JWS"},
		{"no decision", changed(func(r *mci.Receipt) { r.Decision = "perhaps" }), i.jwks,
			"neither accepted nor declined"},
		{"no customer", changed(func(r *mci.Receipt) { r.Customer.ID = "" }), i.jwks, "it lacks customer.id"},
		{"another statement", changed(func(r *mci.Receipt) { r.Statement += "!" }), i.jwks,
			"does not have the hash that it says"},
		{"no object", i.sign(7), i.jwks, "what was signed cannot be read"},
		{"no file", filepath.Join(t.TempDir(), "none"), i.jwks, "reading the receipt: "},
		{"no keys", signed, file(t, `{"keys":[]}`), "is no JWK Set that has a key"},
		{"keys that are no JSON", signed, signed, "is no JWK Set that has a key"},
		{"keys that nobody publishes", signed, gone.URL, "answered 404"},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			var said strings.Builder
			if err := run(&said, test.receipt, test.keys); err == nil || !strings.Contains(err.Error(), test.want) ||
				said.Len() > 0 {
				t.Errorf("it says %v, and %q", err, said.String())
			}
		})
	}
}
