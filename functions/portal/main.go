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
	lambda.Start(serveGateway(newPortal(platform.Open("portal")).handler()))
}

// portal is what every request shares.
type portal struct {
	publicURL string // scheme and host
	apiURL    string // where the API is: the same, but on one machine
	issuer    *issuer
	client    *http.Client
	now       func() time.Time
	timeToAdd time.Duration // one piece of a file's rows
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
		timeToAdd: timeToImport,
		roles:     environment.Setting(platform.RolesClaim),
		partner:   environment.Setting(platform.PartnerClaim),
	}
	signOut := environment.Setting(platform.SignOutURL)
	p.issuer = newIssuer(environment.Setting(platform.OIDCIssuer), environment.Setting(platform.OIDCClientID),
		p.publicURL, signOut)
	p.csp = policy(p.issuer.url, signOut)
	return p
}

// policy is the content security policy of every page. Browsers apply form-action to redirects: "Sign out" leads to the
// issuer.
func policy(issuer, signOut string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'" + originOf(issuer) + originOf(signOut)
}

// originOf gives an address's scheme and host behind a space, "" where it has none.
func originOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return ""
	}
	return " " + parsed.Scheme + "://" + parsed.Host
}

// route is a page: what answers, and who may see it. A page without roles is open to all; what the API refuses to a
// role need not be said here.
type route struct {
	pattern string // as http.ServeMux takes it
	answer  func(v *visit) error
	roles   []string
}

// openRoutes are the pages that need no session.
var openRoutes = []route{
	{"POST /portal/language", chooseLanguage, nil},
	{"GET /portal/sign-in", signIn, nil},
	{"GET /portal/signed-in", signedIn, nil},
	{"GET /portal/callback", callback, nil},
	{"POST /portal/sign-out", signOut, nil},
}

// routes are the pages for those who are signed in.
var routes = []route{
	{"GET /portal", home, nil},
	{"GET /portal/home.csv", homeCSV, incentives},
	{"GET /portal/engagements", engagements, nil},
	{"GET /portal/engagements.csv", engagementsCSV, nil},
	{"GET /portal/engagements/{id}/customers", customers, nil},
	{"GET /portal/engagements/{id}/customers.csv", customersCSV, nil},
	{"/portal/engagements/{id}/customers/add", addCustomer, incentives},
	{"/portal/engagements/{id}/customers/import", importCustomers, incentives},
	{"/portal/customers/{id}/claim", claimCustomer, incentives},
	{"GET /portal/claims", claims, incentives},
	{"GET /portal/claims.csv", claimsCSV, incentives},
	{"GET /portal/claims/{id}", claimPage, nil},
	{"GET /portal/claims/{id}/receipt", claimReceipt, nil},
	{"/portal/claims/{id}/consent", askForConsent, nil},
	{"/portal/claims/{id}/submission", submitClaim, nil},
	{"/portal/claims/{id}/cancellation", cancelClaim, nil},
	{"POST /portal/claims/{id}/review", reviewClaim, nil},
	{"GET /portal/review", reviewQueue, staff},
	{"GET /portal/review.csv", reviewQueueCSV, staff},
	{"GET /portal/referrals", referrals, nil},
	{"GET /portal/referrals.csv", referralsCSV, nil},
	{"GET /portal/referrals/{id}", referralPage, nil},
	{"POST /portal/referrals/{id}/upgrade", upgradeReferral, nil},
	{"/", notFound, nil},
}

// page answers those who may see it.
func (r route) page(v *visit) error {
	if len(r.roles) > 0 && !v.user.has(r.roles...) {
		return &problem{Status: http.StatusForbidden, Code: "forbidden"}
	}
	return r.answer(v)
}

// handler answers every request: first what needs no session, then the pages.
func (p *portal) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler("/portal", http.StatusSeeOther))
	mux.Handle("GET /portal/{$}", http.RedirectHandler("/portal", http.StatusSeeOther))
	mux.HandleFunc("GET /portal/assets/{name}", serveAsset)
	for _, route := range openRoutes {
		mux.HandleFunc(route.pattern, p.open(route.page))
	}
	for _, route := range routes {
		mux.HandleFunc(route.pattern, p.signedIn(route.page))
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
