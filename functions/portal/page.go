package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"mci.example/customers/shared/mail"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file of assets/, served under a name that changes with its content, so that browsers keep it for good.
type asset struct {
	address, contentType string
	content              []byte
}

// contentTypes are those of assets. The standard library would read the system's list of them at each cold start.
var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml"}

// assets are all of them: by their file's name for pages, by their address's last part for requests. They are read when
// they are first needed: a redirect needs none.
var assets = sync.OnceValues(func() (byFile, byName map[string]asset) {
	byFile, byName = map[string]asset{}, map[string]asset{}
	for _, file := range []string{"portal.css", "portal.mjs", "icon.svg"} {
		content, err := assetFiles.ReadFile("assets/" + file)
		if err != nil {
			panic("the build lacks " + file) // which the compiler embeds
		}
		sum := sha256.Sum256(content)
		extension := path.Ext(file)
		name := strings.TrimSuffix(file, extension) + "." + hex.EncodeToString(sum[:6]) + extension
		byFile[file] = asset{"/portal/assets/" + name, contentTypes[extension], content}
		byName[name] = byFile[file]
	}
	return byFile, byName
})

// serveAsset answers with a file, for ever the same under its name.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	_, byName := assets()
	asset, found := byName[r.PathValue("name")]
	if !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", asset.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(asset.content) // the recorder never fails
}

// page is a page's content in the portal's frame.
type page struct {
	Title   string   // the heading, and with Before the document's title
	Before  string   // what comes before the heading in the document's title: a step, or that something is wrong
	Lead    []g.Node // under the heading
	Content []g.Node
	Form    string // the ID of the form that the choice of a language posts along, so that nothing typed is lost
	Status  int    // 200 unless given
	CSP     string // in place of the usual policy
}

// show answers with the page.
func (v *visit) show(p page) error {
	if p.CSP != "" {
		v.w.Header().Set("Content-Security-Policy", p.CSP)
	}
	return v.answer(v.document(p), p.Status)
}

// answer answers with a page's HTML, or with a part of one that script asked for. A status of 0 is 200.
func (v *visit) answer(content g.Node, status int) error {
	var b strings.Builder
	b.Grow(16 << 10)
	if err := content.Render(&b); err != nil {
		return err
	}
	header := v.w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", string(v.words.locale))
	header.Add("Vary", "Cookie, Accept-Language")
	if status != 0 {
		v.w.WriteHeader(status)
	}
	_, _ = v.w.Write([]byte(b.String())) // the recorder never fails
	return nil
}

func (v *visit) document(p page) g.Node {
	assets, _ := assets()
	titles := []string{p.Title, v.words.say("portal")}
	if p.Before != "" {
		titles = slices.Insert(titles, 0, p.Before)
	}
	return h.Doctype(h.HTML(h.Lang(string(v.words.locale)),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.TitleEl(g.Text(strings.Join(titles, " – "))),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Link(h.Rel("icon"), h.Href(assets["icon.svg"].address)),
			h.Link(h.Rel("stylesheet"), h.Href(assets["portal.css"].address)),
			h.Script(h.Type("module"), h.Src(assets["portal.mjs"].address)),
		),
		h.Body(
			h.A(h.Class("skip"), h.Href("#main"), v.words.text("skip")),
			h.Header(h.Class("top"), h.Div(h.Class("wide"),
				h.A(h.Class("brand"), h.Href("/portal"), v.words.text("portal")),
				v.navigation(),
				g.Iff(v.user != nil, func() g.Node {
					return h.Form(h.Class("account"), h.Method("post"), h.Action("/portal/sign-out"),
						h.Span(g.Text(v.user.Name)),
						h.Button(h.Class("quiet"), h.Type("submit"), v.words.text("signOut")))
				}),
			)),
			h.Main(h.ID("main"), h.Class("wide"), h.TabIndex("-1"),
				h.H1(g.Text(p.Title)),
				g.Group(p.Lead),
				g.Group(p.Content),
			),
			h.Footer(h.Class("wide"),
				v.languageChoice(p),
				h.P(v.words.text("program")),
			),
			h.Div(h.ID("announcer"), h.Class("unseen"), h.Role("status")),
		),
	))
}

// navigation links to what the user's roles open.
func (v *visit) navigation() g.Node {
	if v.user == nil {
		return nil
	}
	var items []g.Node
	for _, item := range []struct {
		path, key string
		open      bool
	}{
		{"/portal", "home", true},
		{"/portal/engagements", "engagements", true},
		{"/portal/claims", "claims", v.user.incentives()},
		{"/portal/review", "review", v.user.has("program-admin")},
		{"/portal/referrals", "referrals", v.user.has("referral-admin", "field-seller", "program-admin")},
	} {
		if !item.open {
			continue
		}
		current := v.r.URL.Path == item.path || item.path != "/portal" && strings.HasPrefix(v.r.URL.Path, item.path+"/")
		items = append(items, h.Li(h.A(h.Href(item.path),
			g.If(current, h.Aria("current", currentOf(v.r.URL.Path == item.path))), v.words.text(item.key))))
	}
	return h.Nav(h.Aria("label", v.words.say("navigation")), h.Ul(items...))
}

// currentOf says whether a link leads to this very page or to one above it.
func currentOf(same bool) string {
	if same {
		return "page"
	}
	return "true"
}

// languageChoice is the select of the footer. On a page with a form it belongs to that form.
func (v *visit) languageChoice(p page) g.Node {
	options := make([]g.Node, len(mail.Locales))
	for i, locale := range mail.Locales {
		options[i] = h.Option(h.Value(string(locale)), h.Lang(string(locale)), g.If(locale == v.words.locale,
			h.Selected()), g.Text(languageName(string(locale))))
	}
	label := h.Label(h.For("language"), v.words.text("language"))
	if p.Form != "" {
		return h.Div(h.Class("language"), label,
			h.Select(h.ID("language"), h.Name("language"), h.FormAttr(p.Form), g.Group(options)),
			h.Button(h.Class("quiet"), h.Type("submit"), h.FormAttr(p.Form), h.FormNoValidate(), h.Name("go"),
				h.Value("language"), v.words.text("changeLanguage")))
	}
	// Two pages that a POST makes have the address of a part of theirs.
	to := strings.TrimSuffix(strings.TrimSuffix(v.r.URL.RequestURI(), "/upgrade"), "/review")
	return h.Form(h.Class("language"), h.Method("post"), h.Action("/portal/language"), label,
		h.Input(h.Type("hidden"), h.Name("to"), h.Value(to)),
		h.Select(h.ID("language"), h.Name("language"), g.Group(options)),
		h.Button(h.Class("quiet"), h.Type("submit"), v.words.text("changeLanguage")))
}

func link(address, text string) g.Node { return h.A(h.Href(address), g.Text(text)) }

// problemPage is a page that says one thing: texts problem.<key>Title and problem.<key>Text.
func (v *visit) problemPage(status int, key string, more ...g.Node) error {
	content := []g.Node{h.P(h.Class("lead"), v.words.text("page."+key+"Text"))}
	if len(more) > 0 {
		content = append(content, h.P(more...))
	}
	return v.show(page{Title: v.words.say("page." + key + "Title"), Content: content, Status: status})
}

func notFound(v *visit) error {
	return v.problemPage(http.StatusNotFound, "notFound", link("/portal", v.words.say("home")))
}

// fail answers where no page could be made, and says what the user can do.
func (v *visit) fail(err error) {
	p := problemOf(err)
	if p == nil {
		p = &problem{Status: http.StatusInternalServerError, Code: "internal"}
	}
	if p.Status >= 500 {
		slog.Error("failed", "request", requestID(v.r.Context()), "code", p.Code, "error", err)
	}
	switch p.Status {
	case http.StatusUnauthorized:
		err = v.refusedToken()
	case http.StatusForbidden:
		err = v.problemPage(p.Status, "forbidden", link("/portal", v.words.say("home")))
	case http.StatusNotFound:
		err = notFound(v)
	default:
		again, form := h.P(link(v.r.URL.RequestURI(), v.words.say("tryAgain"))), ""
		if v.r.Method == http.MethodPost {
			again, form = v.carriedForm("tryAgain"), formID
		}
		err = v.show(page{Title: v.words.say("page.againTitle"), Status: v.statusOf(p), Form: form, Content: []g.Node{
			h.P(h.Class("lead"), g.Text(v.sentence(p))),
			h.P(h.Class("hint"), v.words.text("page.againRequest", "id", requestID(v.r.Context()))),
			again,
		}})
	}
	if err != nil {
		slog.Error("rendering a page", "request", requestID(v.r.Context()), "error", err)
		v.w.WriteHeader(http.StatusInternalServerError)
	}
}

// statusOf gives the status of a page that tells of a problem, and its Retry-After.
func (v *visit) statusOf(p *problem) int {
	if p.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	return p.Status
}

// refusedToken is the page where the API does not take the session's token.
func (v *visit) refusedToken() error {
	if v.r.Method == http.MethodPost {
		return v.sessionEnded()
	}
	v.forget()
	again := "/portal/sign-in?to=" + url.QueryEscape(v.r.URL.RequestURI())
	return v.problemPage(http.StatusUnauthorized, "sessionEnded", link(again, v.words.say("signIn")))
}

// sessionEnded keeps what was posted in a form, to be sent again once the user has signed in beside it.
func (v *visit) sessionEnded() error {
	if err := parseForm(v.r); err != nil {
		return v.refusedForm(err)
	}
	return v.show(page{
		Title: v.words.say("page.sessionEndedTitle"), Status: http.StatusUnauthorized, Form: formID,
		Content: []g.Node{
			h.P(h.Class("lead"), v.words.text("page.carriedText")),
			h.Ol(
				h.Li(h.A(h.Href("/portal/sign-in?to=%2Fportal%2Fsigned-in"), h.Target("_blank"), h.Rel("noopener"),
					v.words.text("signInBeside"))),
				h.Li(v.carriedForm("continue")),
			),
		},
	})
}

// carriedForm is the form that was posted, unseen, and a button that posts it again.
func (v *visit) carriedForm(buttonText string) g.Node {
	var carried []g.Node
	for _, name := range slices.Sorted(maps.Keys(v.r.PostForm)) {
		for _, value := range v.r.PostForm[name] {
			if name != "go" && name != "language" {
				carried = append(carried, hidden(name, value))
			}
		}
	}
	return h.Form(h.ID(formID), h.Method("post"), h.Action(v.r.URL.RequestURI()), g.Group(carried),
		button("primary", v.r.PostForm.Get("go"), v.words.say(buttonText)))
}

// retryAfter says when to try again.
func (v *visit) retryAfter(wait time.Duration) string {
	switch {
	case wait <= 0:
		return v.words.say("again.soon")
	case wait < 2*time.Minute:
		return v.words.say("again.seconds", "n", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	return v.words.say("again.at", "at", v.words.instant(v.p.now().Add(wait)))
}
