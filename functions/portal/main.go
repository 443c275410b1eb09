// Command portal is the page for people on which all of the product is done (P1–P12): server-rendered HTML, and a
// client of the public API like any other (B5). It keeps nothing: the session is in cookies, forms carry what was
// typed.
package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"mci.example/customers/shared/platform"
)

func main() {
	p := newPortal(platform.Open("portal"))
	go func() { _, _ = wordsIn("en") }() // texts are in memory when the first request comes
	lambda.Start(serveGateway(p.handler()))
}

// portal is what every request shares.
type portal struct {
	publicURL string // scheme and host
	apiURL    string // where the API is: the same, but on one machine
	issuer    *issuer
	client    *http.Client
	now       func() time.Time
	csp       string
	roles     string // the token's claim that lists the roles
	partner   string // the token's claim that names the partner
}

func newPortal(environment *platform.Environment) *portal {
	p := &portal{
		publicURL: environment.Setting(platform.PublicURL),
		apiURL:    environment.API(),
		client:    newAPIClient(),
		now:       environment.Now,
		roles:     environment.Setting(platform.RolesClaim),
		partner:   environment.Setting(platform.PartnerClaim),
	}
	signOut := environment.Setting(platform.SignOutURL)
	p.issuer = newIssuer(environment.Setting(platform.OIDCIssuer), environment.Setting(platform.OIDCClientID), p.publicURL,
		signOut)
	// Browsers apply form-action to redirects: "Sign out" leads to the issuer.
	p.csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
		"frame-ancestors 'none'; form-action 'self'" + originOf(p.issuer.url) + originOf(signOut)
	return p
}

// originOf gives an address's scheme and host behind a space, "" where it has none.
func originOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return ""
	}
	return " " + parsed.Scheme + "://" + parsed.Host
}

// route is a page: who may see it, and what answers. A page without roles is open to all who are signed in.
type route struct {
	pattern string // as http.ServeMux takes it
	answer  func(v *visit) error
}

// routes are the pages for those who are signed in. What a role may do there is for the API to say.
var routes = []route{
	{"GET /portal", home},
	{"GET /portal/home.csv", homeCSV},
	{"GET /portal/engagements", engagements},
	{"GET /portal/engagements.csv", engagementsCSV},
	{"GET /portal/engagements/{id}/customers", customers},
	{"GET /portal/engagements/{id}/customers.csv", customersCSV},
	{"/portal/engagements/{id}/customers/add", addCustomer},
	{"/portal/engagements/{id}/customers/import", importCustomers},
	{"/portal/customers/{id}/claim", claimCustomer},
	{"GET /portal/claims", claims},
	{"GET /portal/claims.csv", claimsCSV},
	{"GET /portal/claims/{id}", claimPage},
	{"GET /portal/claims/{id}/receipt", claimReceipt},
	{"/portal/claims/{id}/consent", askForConsent},
	{"/portal/claims/{id}/submission", submitClaim},
	{"/portal/claims/{id}/cancellation", cancelClaim},
	{"POST /portal/claims/{id}/review", reviewClaim},
	{"GET /portal/review", reviewQueue},
	{"GET /portal/review.csv", reviewQueueCSV},
	{"GET /portal/referrals", referrals},
	{"GET /portal/referrals.csv", referralsCSV},
	{"GET /portal/referrals/{id}", referralPage},
	{"POST /portal/referrals/{id}/upgrade", upgradeReferral},
	{"/", notFound},
}

// handler answers every request: first what needs no session, then the pages.
func (p *portal) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler("/portal", http.StatusSeeOther))
	mux.Handle("GET /portal/{$}", http.RedirectHandler("/portal", http.StatusSeeOther))
	mux.HandleFunc("GET /portal/assets/{name}", serveAsset)
	mux.HandleFunc("POST /portal/language", p.open(chooseLanguage))
	mux.HandleFunc("GET /portal/sign-in", p.open(signIn))
	mux.HandleFunc("GET /portal/signed-in", p.open(signedIn))
	mux.HandleFunc("GET /portal/callback", p.open(callback))
	mux.HandleFunc("POST /portal/sign-out", p.open(signOut))
	for _, route := range routes {
		mux.HandleFunc(route.pattern, p.signedIn(route.answer))
	}
	return p.secure(mux)
}

// secure gives every answer its headers, and refuses what another site's page may have sent (P12).
func (p *portal) secure(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	_ = protection.AddTrustedOrigin(strings.TrimSpace(originOf(p.publicURL))) // one that is none has no pages either
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", p.csp)
		header.Set("Cache-Control", "no-store")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("X-Robots-Tag", "noindex, nofollow")
		header.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		unproven := r.Method == http.MethodPost && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == ""
		if unproven || protection.Check(r) != nil {
			p.open(func(v *visit) error { return v.problemPage(http.StatusForbidden, "crossSite") })(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
