package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/aws/aws-lambda-go/events"

	"mci.example/customers/scripts/local/client"
	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/scripts/measure"
)

// What the portal's pages may take.
const (
	maxOverCalls  = 2.0    // milliseconds at p50, beside the page's calls
	maxFirstVisit = 61_440 // bytes in all, uncompressed
	minSpeed      = 95     // of Lighthouse's 100; the other marks must be 100
)

// pageFigures are a page of the portal: how long it takes, how long its calls to the API take by themselves, and how
// large a first visit is.
type pageFigures struct {
	Page  string  `json:"page"`
	P50   float64 `json:"p50Milliseconds"`
	Calls float64 `json:"callsMilliseconds"`
	Over  float64 `json:"overMilliseconds"`
	Bytes int     `json:"firstVisitBytes"`
}

// marks are Lighthouse's, of 100.
type marks struct {
	Page          string `json:"page"`
	Speed         int    `json:"performance"`
	Accessibility int    `json:"accessibility"`
	BestPractices int    `json:"best-practices"`
}

// portal measures the portal's pages.
func (b *bench) portal(ctx context.Context) error {
	token, err := b.stand.Token(partnerUser.id, partnerUser.partner, string(partnerUser.role))
	if err != nil {
		return fmt.Errorf("making a token: %w", err)
	}
	claimID, err := b.portalClaims(ctx, token)
	if err != nil {
		return fmt.Errorf("adding customers: %w", err)
	}
	engagement := engagementID(portalEngagement)
	claim, customers := "/portal/claims/"+claimID, "/portal/engagements/"+engagement+"/customers"
	pages := []struct {
		path  string
		waves [][]string // its calls
	}{
		{"/portal", [][]string{{"/v1/claims?sort=due"}}},
		{"/portal/engagements", [][]string{{"/v1/engagements?state=active", "/v1/engagements?state=upcoming",
			"/v1/engagements?state=ended"}}},
		{customers, [][]string{{"/v1/engagements/" + engagement,
			"/v1/engagements/" + engagement + "/customers?tab=eligible"}}},
		{claim, [][]string{{"/v1/claims/" + claimID}}},
		{claim + "/consent", [][]string{{"/v1/claims/" + claimID}}},
	}
	names := map[string]string{"/portal": "Home", "/portal/engagements": "Engagements", customers: "Customers",
		claim: "a claim", claim + "/consent": "Ask for consent"}
	for _, page := range pages {
		f, err := b.page(names[page.path], page.path, token, page.waves)
		if err != nil {
			return fmt.Errorf("%s: %w", names[page.path], err)
		}
		b.Pages = append(b.Pages, f)
		measure.Progress("%-44s %6.2f ms, %.2f over its calls; a first visit has %d bytes", "portal, "+f.Page, f.P50,
			f.Over, f.Bytes)
		b.expect(f.Over <= maxOverCalls, "portal, %s: takes %.2f ms beside its calls, more than %.0f", f.Page, f.Over,
			maxOverCalls)
		b.expect(f.Bytes <= maxFirstVisit, "portal, %s: a first visit has %d bytes, more than %d", f.Page, f.Bytes,
			maxFirstVisit)
	}
	return b.lighthouse(ctx, token, map[string]string{"Home": "/portal", "Customers": customers, "a claim": claim})
}

// portalEngagement is one that no other part nominates for.
const portalEngagement = 7

// portalClaims adds 25 customers, so that lists have a full page, and gives the ID of one claim.
func (b *bench) portalClaims(ctx context.Context, token string) (id string, err error) {
	for i := range b.size(25, 3) {
		c := customer(i)
		answer, err := b.ask(ctx, http.MethodPost, "/v1/customers", token, object{
			"friendlyName": "The claim of " + c.name(), "locationId": location,
			"engagementIds": []string{engagementID(portalEngagement)}, "customerContact": c.contact(),
			"partnerContact": partnerContact, "customerId": object{"type": "domain", "value": c.domain()},
		})
		if err != nil {
			return "", err
		}
		var added struct{ Claims []struct{ ID string } }
		if err := json.Unmarshal(answer, &added); err != nil || len(added.Claims) == 0 {
			return "", fmt.Errorf("reading the claim: %v in %s", err, answer)
		}
		id = added.Claims[0].ID
	}
	return id, nil
}

// ask calls the gateway.
func (b *bench) ask(ctx context.Context, method, path, token string, body any) ([]byte, error) {
	answer, err := client.Client{API: b.stand.URL()}.Send(ctx, method, path, token, body)
	if err == nil && answer.Status >= 300 {
		err = fmt.Errorf("%s is answered %d: %s", path, answer.Status, answer.Body)
	}
	return answer.Body, err
}

// sessionCookie is the portal's, which holds the user's token.
const sessionCookie = "portal-id-token"

// pagePayload is what the gateway hands to the portal for a page of somebody who is signed in.
func pagePayload(path, token string) ([]byte, error) {
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(request{route: "GET " + path}.payload(), &event); err != nil {
		return nil, fmt.Errorf("making a payload: %w", err)
	}
	event.RouteKey = "GET /portal/{proxy+}"
	event.Cookies = []string{sessionCookie + "=" + token}
	return json.Marshal(event)
}

// page times a page in turn with its calls alone, and weighs a first visit.
func (b *bench) page(name, path, token string, waves [][]string) (pageFigures, error) {
	f := pageFigures{Page: name}
	payload, err := pagePayload(path, token)
	if err != nil {
		return f, err
	}
	program := object{"token": token, "waves": waves}
	for _, wave := range waves {
		for i := range wave {
			wave[i] = b.stand.URL() + wave[i]
		}
	}
	calls := append([]byte("calls:"), encoded(program)...)
	answer, err := b.stand.invoke("portal", payload, http.StatusOK)
	if err != nil {
		return f, err
	}
	if f.Bytes, err = b.firstVisit(answer); err != nil {
		return f, err
	}
	taken, err := interleave(b.size(200, 5),
		contender{nil, func(int) error { return b.stand.time("portal", payload) }},
		contender{nil, func(int) error { return b.stand.time(emptyClient, calls) }})
	if err != nil {
		return f, err
	}
	f.P50, f.Calls = milliseconds(taken[0].percentile(50)), milliseconds(taken[1].percentile(50))
	f.Over = f.P50 - f.Calls
	return f, nil
}

var pageAssets = regexp.MustCompile(`(?:href|src)="(/portal/assets/[^"]+)"`)

// firstVisit is the size of a page with all that it asks for.
func (b *bench) firstVisit(answer []byte) (int, error) {
	var page struct{ Body string }
	if err := json.Unmarshal(answer, &page); err != nil {
		return 0, fmt.Errorf("reading the page: %w", err)
	}
	size := len(page.Body)
	for _, asset := range pageAssets.FindAllStringSubmatch(page.Body, -1) {
		content, err := b.ask(context.Background(), http.MethodGet, asset[1], "", nil)
		if err != nil {
			return 0, err
		}
		size += len(content)
	}
	return size, nil
}

// lighthouse has Lighthouse judge pages in the test browser.
func (b *bench) lighthouse(ctx context.Context, token string, pages map[string]string) error {
	folder := filepath.Join(b.root, "scripts", "bench", "lighthouse")
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		return errors.New("without Lighthouse, which make bench installs")
	}
	for _, name := range []string{"Home", "Customers", "a claim"} {
		address, err := url.JoinPath(b.stand.URL(), pages[name])
		if err != nil {
			return fmt.Errorf("making an address: %w", err)
		}
		command := cloud.Browser(ctx, b.root, filepath.Join(folder, "measure.mjs"), address)
		// The token goes by the environment, which other users of the machine cannot read.
		command.Env = append(command.Env, "COOKIE="+sessionCookie+"="+token)
		said, err := command.Output()
		if err != nil {
			return fmt.Errorf("judging %s by Lighthouse: %w", name, err)
		}
		m := marks{Page: name}
		if err := json.Unmarshal(said, &m); err != nil {
			return fmt.Errorf("reading what Lighthouse says: %w", err)
		}
		b.Marks = append(b.Marks, m)
		measure.Progress("%-44s %d, %d, %d", "portal, "+name+", by Lighthouse", m.Speed, m.Accessibility,
			m.BestPractices)
		b.expect(m.Speed >= minSpeed && m.Accessibility == 100 && m.BestPractices == 100,
			"portal, %s: Lighthouse gives %d for speed, %d for accessibility, %d for best practices", name, m.Speed,
			m.Accessibility, m.BestPractices)
	}
	return nil
}

// portalTables are the portal's figures for people.
func (b *bench) portalTables(section func(title string, columns []string, rows [][]string)) {
	var rows [][]string
	for _, p := range b.Pages {
		rows = append(rows, []string{p.Page, number("%.2f", p.P50), number("%.2f", p.Calls), number("%.2f", p.Over),
			fmt.Sprint(p.Bytes)})
	}
	section("The portal's pages, in milliseconds: the page, its calls by themselves, its own; bytes of a first visit",
		[]string{"page", "p50", "calls", "own", "bytes"}, rows)
	rows = nil
	for _, m := range b.Marks {
		rows = append(rows, []string{m.Page, fmt.Sprint(m.Speed), fmt.Sprint(m.Accessibility),
			fmt.Sprint(m.BestPractices)})
	}
	section("Lighthouse's marks of 100", []string{"page", "speed", "accessibility", "best practices"}, rows)
}

// portalTargets sums the portal's figures up.
func (b *bench) portalTargets(add func(what, reach, measured string, values ...any)) {
	if len(b.Pages) > 0 {
		most, largest := b.Pages[0], b.Pages[0]
		for _, p := range b.Pages {
			if p.Over > most.Over {
				most = p
			}
			if p.Bytes > largest.Bytes {
				largest = p
			}
		}
		add("a page of the portal, beside its calls, p50", "at most 2 ms", "%.2f ms at most (%s)", most.Over, most.Page)
		add("a first visit of a page, uncompressed", fmt.Sprintf("at most %d bytes", maxFirstVisit), "%d at most (%s)",
			largest.Bytes, largest.Page)
	}
	if len(b.Marks) > 0 {
		least := b.Marks[0]
		for _, m := range b.Marks {
			least.Speed, least.Accessibility = min(least.Speed, m.Speed), min(least.Accessibility, m.Accessibility)
			least.BestPractices = min(least.BestPractices, m.BestPractices)
		}
		add("Lighthouse on Home, Customers and a claim",
			"at least 95 for speed, 100 for accessibility and best practices", "%d, %d and %d at least", least.Speed,
			least.Accessibility, least.BestPractices)
	}
}
