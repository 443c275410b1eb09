package cloud

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mci.example/customers/scripts/local/issuer"
	"mci.example/customers/shared/platform"
)

// sign makes a token by hand.
func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, keyID string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: keyID}},
		nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// issuerKey is the key that the cloud's issuer signs with, and its name.
func issuerKey(t *testing.T, c *Cloud) (*rsa.PrivateKey, string) {
	t.Helper()
	block, _ := pem.Decode([]byte(read(t, filepath.Join(c.config.StateDir, "issuer-key.pem"))))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Token("user-1", "")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return key, signed.Signatures[0].Header.KeyID
}

func TestTokens(t *testing.T) {
	c := sharedCloud(t)
	key, keyID := issuerKey(t, c)
	claims := func(changes map[string]any) map[string]any {
		now := time.Now()
		all := map[string]any{"sub": "user-1", "iss": c.Issuer(), "aud": ClientID, "iat": now.Unix(),
			"exp": now.Add(time.Hour).Unix()}
		for name, value := range changes {
			if all[name] = value; value == nil {
				delete(all, name)
			}
		}
		return all
	}
	own := func(changes map[string]any) string { return sign(t, jose.RS256, key, keyID, claims(changes)) }
	otherRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	otherEC, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := own(nil)
	parts := strings.Split(good, ".")
	future, past := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	tests := map[string]struct {
		authorization string
		status        int
	}{
		"a good token":                      {"Bearer " + good, 200},
		"the token alone":                   {good, 200},
		"the scheme in another case":        {"bearer " + good, 200},
		"several audiences with ours":       {"Bearer " + own(map[string]any{"aud": []string{"other", ClientID}}), 200},
		"no header":                         {"", 401},
		"another scheme":                    {"Basic " + good, 401},
		"no token":                          {"Bearer nonsense", 401},
		"an expired token":                  {"Bearer " + own(map[string]any{"exp": past}), 401},
		"a token without an end":            {"Bearer " + own(map[string]any{"exp": nil}), 401},
		"a token not yet valid":             {"Bearer " + own(map[string]any{"nbf": future}), 401},
		"a token issued in the future":      {"Bearer " + own(map[string]any{"iat": future}), 401},
		"another issuer":                    {"Bearer " + own(map[string]any{"iss": "https://elsewhere.example"}), 401},
		"another audience":                  {"Bearer " + own(map[string]any{"aud": "other"}), 401},
		"no audience":                       {"Bearer " + own(map[string]any{"aud": nil}), 401},
		"an access token, which has none":   {"Bearer " + own(map[string]any{"aud": nil, "client_id": ClientID}), 200},
		"an access token of another client": {"Bearer " + own(map[string]any{"aud": nil, "client_id": "other"}), 401},
		"another audience of our client": {"Bearer " + own(map[string]any{"aud": "other", "client_id": ClientID}),
			401},
		"another key under our key's name": {"Bearer " + sign(t, jose.RS256, otherRSA, keyID, claims(nil)), 401},
		"another key":                      {"Bearer " + sign(t, jose.RS256, otherRSA, "other", claims(nil)), 401},
		"our key without its name":         {"Bearer " + sign(t, jose.RS256, key, "", claims(nil)), 401},
		"an algorithm of another kind":     {"Bearer " + sign(t, jose.ES256, otherEC, keyID, claims(nil)), 401},
		"the public key as a shared secret": {"Bearer " + sign(t, jose.HS256, key.PublicKey.N.Bytes(), keyID,
			claims(nil)), 401},
		"no signature": {"Bearer " + encode(`{"alg":"none"}`) + "." + encode(string(payload)) + ".",
			401},
		"a changed payload": {"Bearer " + parts[0] + "." + encode(strings.Replace(string(payload), "user-1",
			"user-2", 1)) + "." + parts[2], 401},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer, body := call(t, "GET", c.URL()+"/v1/things", "", "Authorization", test.authorization)
			if answer.StatusCode != test.status {
				t.Errorf("answered %d %s", answer.StatusCode, body)
			}
			if test.status == 401 && (body != `{"message":"Unauthorized"}` ||
				answer.Header.Get("WWW-Authenticate") == "") {
				t.Errorf("answered %s with %v", body, answer.Header)
			}
		})
	}
}

func TestLocalTokens(t *testing.T) {
	c := sharedCloud(t)
	for name, test := range map[string]struct {
		body   string
		status int
		claims map[string]string
	}{
		"a partner's user": {`{"sub":"u","partnerId":"p","roles":["incentives-user","referral-admin"]}`, 200,
			map[string]string{"sub": "u", issuer.PartnerClaim: "p",
				issuer.RolesClaim: "[incentives-user referral-admin]"}},
		"one without partner": {`{"sub":"u","roles":["program-admin"]}`, 200, map[string]string{"sub": "u",
			issuer.PartnerClaim: "", issuer.RolesClaim: "[program-admin]"}},
		"one without roles":    {`{"sub":"u","partnerId":"p"}`, 200, map[string]string{issuer.RolesClaim: ""}},
		"nobody":               {`{"partnerId":"p"}`, 400, nil},
		"an unknown field":     {`{"sub":"u","partner":"p"}`, 400, nil},
		"no JSON":              {`sub=u`, 400, nil},
		"more than one object": {`{"sub":"u"}{}`, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := call(t, "POST", c.URL()+"/local/token", test.body)
			if answer.StatusCode != test.status {
				t.Fatalf("answered %d %s", answer.StatusCode, body)
			}
			if test.status != 200 {
				return
			}
			token := decode[struct{ Token string }](t, body).Token
			got := event(t, "GET", "/v1/things", "", "Authorization",
				"Bearer "+token).RequestContext.Authorizer.JWT.Claims
			for name, want := range test.claims {
				if got[name] != want {
					t.Errorf("claim %s is %q", name, got[name])
				}
			}
		})
	}
}

func TestTheIssuerStandsApartAndSettingsReachFunctions(t *testing.T) {
	config := echoConfig(t, t.TempDir())
	config.IssuerApart, config.MailsPerPartner = true, "7"
	config.Functions[0].Environment = []string{platform.OIDCIssuer, platform.MailsPerPartner, platform.ReceiptKeys}
	c := start(t, config)
	if answer, _ := call(t, "GET", c.URL()+issuerPath+"/.well-known/openid-configuration",
		""); answer.StatusCode != 404 {
		t.Errorf("the API's address answers for the issuer: %d", answer.StatusCode)
	}
	_, body := call(t, "GET", c.Issuer()+"/.well-known/openid-configuration", "")
	if found := decode[struct{ Issuer string }](t, body).Issuer; found != c.Issuer() || !strings.HasPrefix(found,
		"http://localhost:") {
		t.Errorf("the issuer at %s says that it is %s", c.Issuer(), found)
	}
	token, err := c.Token("user-1", "partner-1", "incentives-user")
	if err != nil {
		t.Fatal(err)
	}
	if answer, body := call(t, "GET", c.URL()+"/v1/things", "", "Authorization", "Bearer "+
		token); answer.StatusCode != 200 {
		t.Errorf("its token is answered with %d %s", answer.StatusCode, body)
	}
	for _, keys := range []int{1, 2} {
		_, body := call(t, "POST", c.URL()+"/open/x", `{"do":"environment"}`, "Content-Type", "application/json")
		environment := decode[struct{ Environment []string }](t, body).Environment
		for _, want := range []string{platform.OIDCIssuer + "=" + c.Issuer(), platform.MailsPerPartner + "=7",
			platform.ReceiptKeys + "=" + c.ReceiptKeys()} {
			if !slices.Contains(environment, want) {
				t.Errorf("the function's environment lacks %s", want)
			}
		}
		if got := strings.Count(c.ReceiptKeys(), "=arn:aws:kms:"); got != keys {
			t.Errorf("%d keys instead of %d", got, keys)
		}
		if err := c.AddReceiptKey(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClaimsAreRenderedAsStrings(t *testing.T) {
	got, err := renderClaims([]byte(`{"s":"x","n":1700000000,"f":1.5,"b":true,"a":["x","y z"],"e":[],"o":{"k":"v"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"s": "x", "n": "1700000000", "f": "1.5", "b": "true", "a": "[x y z]",
		"e": "[]", "o": "map[k:v]"} {
		if got[name] != want {
			t.Errorf("%s is %q instead of %q", name, got[name], want)
		}
	}
}
