// Command demo walks a newcomer through the product, on a running `make run`: it makes each call of the story and
// prints it with its answer. It can be run again and again; each time it takes customers that are still free.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"mci.example/customers/scripts/local/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	d := &demo{Client: client.FromEnvironment(), ctx: ctx, out: os.Stdout}
	if err := d.run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is the walk, and what it has found on the way.
type demo struct {
	client.Client
	ctx   context.Context
	out   io.Writer
	step  int
	taken []string // customers that the walk has met
}

type object = client.Object

// The people of the story, as the sample's grants know them.
var (
	ana    = object{"sub": "ana@northwind", "partnerId": "northwind", "roles": []string{"incentives-admin"}}
	seller = object{"sub": "field-seller", "roles": []string{"field-seller"}}
	staff  = object{"sub": "program-staff", "roles": []string{"program-admin"}}
)

const (
	anasAddress = "ana@northwind.example"

	assessment = "cloud-assessment" // pays 2,000 dollars, has referrals and co-sell
	briefing   = "rapid-briefing"   // must be consented to within a day
)

func (d *demo) run() error {
	if err := d.Check(d.ctx); err != nil {
		return err
	}
	partner, err := d.Token(d.ctx, ana)
	if err != nil {
		return err
	}
	steps := []func(partner string) error{d.consentedAndPaid, d.declined, d.reminded, d.expired, d.page}
	for _, step := range steps {
		if err := step(partner); err != nil {
			return err
		}
	}
	d.say("That was the story. The mailbox is at " + d.Mailbox + ", the whole API at " + d.API + "/v1/openapi.json.")
	return nil
}

// consentedAndPaid is a claim's good end: checked, added, asked, consented, co-sold, submitted, completed.
func (d *demo) consentedAndPaid(partner string) error {
	d.title("Ana of Northwind looks for work that pays")
	if _, err := d.call("GET", "/v1/engagements/"+assessment, partner, nil, "name", "payType", "payout",
		"customerIdTypes", "consentWindowDays", "submissionWindowDays", "claimLimits", "locations"); err != nil {
		return err
	}

	d.title("Is a customer eligible? She has only a domain; the system derives the tenant from it")
	domain, err := d.free(partner, assessment)
	if err != nil {
		return err
	}
	check := object{"customerId": object{"type": "domain", "value": domain}, "locationId": "nw-seattle",
		"customerEmail": "contact@" + domain}
	if _, err := d.call("POST", "/v1/eligibility-checks", partner, check, "customer", "checkedId", "eligible",
		"ineligible"); err != nil {
		return err
	}

	d.title("She adds the customer")
	claim, err := d.add(partner, assessment, domain)
	if err != nil {
		return err
	}
	path := "/v1/claims/" + claim

	d.title("She reads the email as it would go out")
	if _, err := d.call("POST", path+"/consent-previews", partner, object{}, "to", "replyTo", "locale", "subject",
		"text", "disclaimer", "sendsLeft"); err != nil {
		return err
	}

	d.title("She asks the customer for consent")
	link, err := d.ask(partner, claim, domain)
	if err != nil {
		return err
	}

	d.title("The customer opens the link, which changes nothing, and accepts on the page")
	if err := d.answer(link, url.Values{"decision": {"accept"}}); err != nil {
		return err
	}

	d.title("The claim is consented to, and its referral becomes co-sell by itself")
	if err := d.await(path, partner, func(claim object) bool {
		referral, _ := claim["referral"].(object)
		return referral["type"] == "co-sell"
	}); err != nil {
		return err
	}
	if _, err := d.call("GET", path, partner, nil, "status", "submissionDue", "referral", "actions"); err != nil {
		return err
	}

	d.title("The decision has a signed receipt, which the customer gets by email; Ana is told")
	receipt, err := d.fetch("GET", path+"/receipt", partner, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  GET %s/receipt\n  ← %.40s…\n", path, receipt["receipt"])
	if err := d.lastEmail("kim@"+domain, 2); err != nil { // the first one asked
		return err
	}
	if err := d.lastEmail(anasAddress, 1); err != nil {
		return err
	}

	d.title("A field seller of the program sees it now, without the customer's contact")
	sellerToken, err := d.Token(d.ctx, seller)
	if err != nil {
		return err
	}
	if _, err := d.call("GET", "/v1/referrals?type=co-sell&limit=1", sellerToken, nil, "referrals"); err != nil {
		return err
	}

	d.title("The work is done: Ana submits, the program's staff complete")
	submission := object{"completedOn": d.today(), "notes": "Assessment held, report handed over."}
	if _, err := d.call("POST", path+"/submission", partner, submission, "status"); err != nil {
		return err
	}
	staffToken, err := d.Token(d.ctx, staff)
	if err != nil {
		return err
	}
	if _, err := d.call("POST", path+"/review", staffToken, object{"decision": "complete",
		"reason": "Report received."}, "status", "payout", "endedAt"); err != nil {
		return err
	}

	d.title("All of it is on record, each entry bound to the one before")
	found, err := d.call("GET", path, partner, nil, "eventsIntact")
	if err != nil {
		return err
	}
	for _, each := range list(found["events"]) {
		hash, _ := each["hash"].(string)
		fmt.Fprintf(d.out, "    %2v  %-18v by %-14v %.16s…\n", each["seq"], each["type"], each["actor"], hash)
	}
	return nil
}

// declined is a customer's no.
func (d *demo) declined(partner string) error {
	d.title("Another customer declines, with a reason")
	claim, link, err := d.asked(partner)
	if err != nil {
		return err
	}
	if err := d.answer(link, url.Values{"decision": {"decline"},
		"reason": {"We have a briefing planned already."}}); err != nil {
		return err
	}
	_, err = d.call("GET", "/v1/claims/"+claim, partner, nil, "status", "declineReason", "endedAt")
	return err
}

// reminded is a customer who is reminded by the system a week before the deadline.
func (d *demo) reminded(partner string) error {
	d.title("A third customer has not answered a week before the deadline: the system reminds by email")
	domain, err := d.free(partner, assessment)
	if err != nil {
		return err
	}
	found, err := d.fetch("POST", "/v1/customers", partner, nomination(assessment, domain))
	if err != nil {
		return err
	}
	if _, err := d.ask(partner, claimID(found), domain); err != nil {
		return err
	}
	back, err := d.later(23*24*time.Hour + time.Minute)
	if err != nil {
		return err
	}
	defer back()
	if _, err := d.call("POST", "/local/invoke/expiry-sweep", "", nil, "reminded"); err != nil {
		return err
	}
	return d.lastEmail("kim@"+domain, 2)
}

// later moves the clock on. The walk shall leave it as it was: back does that.
func (d *demo) later(by time.Duration) (back func(), err error) {
	before, err := d.Clock(d.ctx)
	if err != nil {
		return nil, err
	}
	_, err = d.call("POST", "/local/clock", "", object{"offset": (before + by).String()}, "offset", "now")
	return func() { _ = d.SetClock(d.ctx, before) }, err
}

// expired is no answer in time.
func (d *demo) expired(partner string) error {
	d.title("A fourth customer never answers: a day later the claim is expired, before any sweep")
	claim, link, err := d.asked(partner)
	if err != nil {
		return err
	}
	back, err := d.later(25 * time.Hour)
	if err != nil {
		return err
	}
	defer back()
	if _, err := d.call("GET", "/v1/claims/"+claim, partner, nil, "status", "consentDue", "endedAt",
		"actions"); err != nil {
		return err
	}
	page, err := d.Send(d.ctx, "GET", link, "", nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  GET %s\n  ← %d: the page says that it is too late\n", masked(link), page.Status)
	_, err = d.call("POST", "/local/invoke/expiry-sweep", "", nil, "expired")
	return err
}

// page is the Customers page after all that.
func (d *demo) page(partner string) error {
	d.title("The Customers page, tab by tab; on Ineligible that of an engagement which takes Azure subscription IDs " +
		"only")
	for _, tab := range []string{"eligible", "ineligible", "complete"} {
		engagement := map[bool]string{true: "app-modernization", false: assessment}[tab == "ineligible"]
		path := "/v1/engagements/" + engagement + "/customers?tab=" + tab
		found, err := d.fetch("GET", path, partner, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "  GET %s\n", path)
		for _, row := range list(found["items"]) {
			customer, _ := row["customer"].(object)
			line := fmt.Sprintf("    %-24v", customer["name"])
			if claim, ok := row["claim"].(object); ok {
				line += fmt.Sprintf(" claim %v", claim["status"])
			}
			for _, reason := range list(row["reasons"]) {
				line += fmt.Sprintf(" %v", reason["code"])
			}
			if actions, ok := row["actions"].([]any); ok {
				line += fmt.Sprintf(" next: %v", actions)
			}
			fmt.Fprintln(d.out, line)
		}
	}
	return nil
}

// free finds a customer that Ana can add to the engagement: managed, so that its referral can be co-sold.
func (d *demo) free(partner, engagement string) (string, error) {
	customers, err := os.ReadFile("scripts/sample/customers.csv")
	if err != nil {
		return "", fmt.Errorf("run the demo in the repository's folder: %w", err)
	}
	domains, err := os.ReadFile("scripts/sample/domains.csv")
	if err != nil {
		return "", err
	}
	managed := map[string]bool{}
	for _, row := range strings.Split(string(customers), "\n")[1:] {
		if cells := strings.Split(row, ","); len(cells) == 4 && cells[3] == "true" {
			managed[cells[0]] = true
		}
	}
	for _, row := range strings.Split(string(domains), "\n")[1:] {
		domain, _, _ := strings.Cut(row, ",")
		if domain == "" {
			continue
		}
		found, err := d.fetch("POST", "/v1/eligibility-checks", partner,
			object{"customerId": object{"type": "domain", "value": domain}, "locationId": "nw-seattle"})
		if err != nil {
			continue // a domain without a tenant, or whose tenant is nobody's
		}
		customer, _ := found["customer"].(object)
		id, _ := customer["id"].(string)
		for _, each := range list(found["eligible"]) {
			if each["engagementId"] == engagement && managed[id] && !slices.Contains(d.taken, id) {
				d.taken = append(d.taken, id)
				return domain, nil
			}
		}
	}
	return "", fmt.Errorf("no customer of the sample is free for %s any more; begin anew with: make reset", engagement)
}

// nomination is the body that adds the customer.
func nomination(engagement, domain string) object {
	return object{
		"friendlyName": "Walk", "locationId": "nw-seattle", "customerId": object{"type": "domain", "value": domain},
		"engagementIds":   []string{engagement},
		"customerContact": object{"name": "Kim", "email": "kim@" + domain, "locale": "en"},
		"partnerContact":  object{"name": "Ana", "email": anasAddress},
	}
}

// add adds the customer, and gives the claim's ID.
func (d *demo) add(partner, engagement, domain string) (string, error) {
	found, err := d.call("POST", "/v1/customers", partner, nomination(engagement, domain), "claims")
	return claimID(found), err
}

// asked adds a customer that is free to the briefing, without showing it, and asks for consent.
func (d *demo) asked(partner string) (claim, link string, err error) {
	domain, err := d.free(partner, briefing)
	if err != nil {
		return "", "", err
	}
	found, err := d.fetch("POST", "/v1/customers", partner, nomination(briefing, domain))
	if err != nil {
		return "", "", err
	}
	claim = claimID(found)
	link, err = d.ask(partner, claim, domain)
	return claim, link, err
}

func claimID(found object) string {
	for _, claim := range list(found["claims"]) {
		id, _ := claim["id"].(string)
		return id
	}
	return ""
}

// ask sends the consent email and finds the link in the mailbox.
func (d *demo) ask(partner, claim, domain string) (string, error) {
	body := object{"dealSize": object{"amount": "60000.00", "currency": "USD"}, "disclaimerAccepted": true}
	if _, err := d.call("POST", "/v1/claims/"+claim+"/consent-requests", partner, body, "status", "emailStatus",
		"referral"); err != nil {
		return "", err
	}
	emails, err := d.Emails(d.ctx, 0)
	if err != nil {
		return "", err
	}
	link, subject := "", ""
	for _, email := range emails {
		if found := client.ConsentLink.FindStringSubmatch(email.Text); found != nil && found[1] == claim {
			link, subject = found[0], email.Subject
		}
	}
	if link == "" {
		return "", errors.New("the mailbox has no email for the claim")
	}
	fmt.Fprintf(d.out, "  email to kim@%s: %q\n  with the link %s\n", domain, subject, masked(link))
	return link, nil
}

// lastEmail waits until the address has so many emails, and prints the subject of the last.
func (d *demo) lastEmail(address string, atLeast int) error {
	name, domain, _ := strings.Cut(address, "@")
	ascii, err := idna.Lookup.ToASCII(domain) // as emails are addressed
	if err != nil {
		return fmt.Errorf("writing the domain of %s in ASCII: %w", address, err)
	}
	var subjects []string
	err = d.until("the email to "+address, "notify", func() (bool, error) {
		emails, err := d.Emails(d.ctx, 0)
		subjects = nil
		for _, email := range emails {
			if strings.Contains(strings.Join(email.To, " "), name+"@"+ascii) {
				subjects = append(subjects, email.Subject)
			}
		}
		return len(subjects) >= atLeast, err
	})
	if err == nil {
		fmt.Fprintf(d.out, "  email to %s: %q\n", address, subjects[len(subjects)-1])
	}
	return err
}

// masked shortens a link's secret, as nobody should print one.
func masked(link string) string {
	return regexp.MustCompile(`/consent/([A-Za-z0-9_-]{6})[A-Za-z0-9_-]*\.`).ReplaceAllString(link, "/consent/$1….")
}

// answer opens the link's page, and posts its form.
func (d *demo) answer(link string, form url.Values) error {
	page, err := d.Send(d.ctx, "GET", link, "", nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  GET  %s\n  ← %d\n", masked(link), page.Status)
	answer, err := d.Send(d.ctx, "POST", link, "", client.Fill(form, page.Body))
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  POST %s\n    %s\n  ← %d\n", masked(link), form.Encode(), answer.Status)
	if answer.Status != http.StatusSeeOther {
		return fmt.Errorf("the page answered %d", answer.Status)
	}
	return nil
}

// await asks for the claim until it is as it shall be: the table's stream takes a moment.
func (d *demo) await(path, token string, done func(object) bool) error {
	return d.until("the upgrade of the referral", "referral-upgrade", func() (bool, error) {
		claim, err := d.fetch("GET", path, token, nil)
		return err == nil && done(claim), err
	})
}

// until asks until it is done, which takes the function a moment.
func (d *demo) until(what, function string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(d.ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if is, err := done(); is || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not come in time; look into .local/logs/%s.log", what, function)
		case <-tick.C:
		}
	}
}

func (d *demo) today() string { return time.Now().UTC().Format(time.DateOnly) }

func (d *demo) say(text string) { fmt.Fprintf(d.out, "\n%s\n", text) }

func (d *demo) title(text string) {
	d.step++
	fmt.Fprintf(d.out, "\n%d. %s\n", d.step, text)
}

// call makes a call and prints it with the fields of its answer that matter here.
func (d *demo) call(method, path, token string, body object, fields ...string) (object, error) {
	fmt.Fprintf(d.out, "  %s %s\n", method, path)
	if body != nil {
		fmt.Fprintf(d.out, "    %s\n", layout(body, "    "))
	}
	found, err := d.fetch(method, path, token, body)
	if err != nil {
		return nil, err
	}
	shown := object{}
	for _, field := range fields {
		if value, ok := found[field]; ok {
			shown[field] = value
		}
	}
	fmt.Fprintf(d.out, "  ← %s\n", layout(shown, "    "))
	return found, nil
}

// fetch makes a call without showing it.
func (d *demo) fetch(method, path, token string, body object) (object, error) {
	return d.Fetch(d.ctx, method, path, token, body)
}

func list(value any) []object {
	var objects []object
	values, _ := value.([]any)
	for _, each := range values {
		if o, ok := each.(object); ok {
			objects = append(objects, o)
		}
	}
	return objects
}

// lineWidth is how long a value may be to stand on one line.
const lineWidth = 140

// layout writes a value on one line where that is short enough, else part by part.
func layout(value any, indent string) string {
	line := client.Compact(value)
	if len(line) <= lineWidth {
		return line
	}
	var parts []string
	opening, closing := "{", "}"
	switch value := value.(type) {
	case object:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			parts = append(parts, client.Compact(name)+": "+layout(value[name], indent+"  "))
		}
	case []any:
		opening, closing = "[", "]"
		for _, each := range value {
			parts = append(parts, layout(each, indent+"  "))
		}
	default:
		return line
	}
	return opening + "\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + "\n" + indent + closing
}
