package issuer

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

//go:embed page.css
var pageStyle string

// showSignIn asks who signs in: one of the sample's people by a button, or anyone by hand. The forms carry the request.
func (i *Issuer) showSignIn(w http.ResponseWriter, status int, asked request, problem string) {
	form := func(content ...g.Node) g.Node {
		return h.Form(h.Method("post"), h.Action(i.path+"/sign-in"),
			h.Input(h.Type("hidden"), h.Name("request"), h.Value(asked.raw)), g.Group(content))
	}
	field := func(name, hint string, more ...g.Node) g.Node {
		return h.Div(
			h.Label(h.For(name), g.Text(name)),
			h.P(h.Class("hint"), h.ID(name+"-hint"), g.Text(hint)),
			h.Input(h.Type("text"), h.ID(name), h.Name(name), g.Attr("autocapitalize", "none"), h.AutoComplete("off"),
				g.Attr("spellcheck", "false"), g.Group(more)))
	}
	subject := g.Group{h.Required(), h.Aria("describedby", "sub-hint")}
	if problem != "" {
		subject = g.Group{h.Required(), h.Aria("describedby", "sub-hint problem"), h.Aria("invalid", "true"),
			h.AutoFocus()}
	}
	var people []g.Node
	for _, person := range People {
		people = append(people, h.Li(h.Button(h.Type("submit"), h.Name("person"), h.Value(person.Subject),
			g.Text(person.Name+", "+about(person)))))
	}
	show(w, status, asked.redirectTo, "Sign in",
		h.H1(g.Text("Sign in")),
		h.P(g.Text("This is the sign-in of the one-machine cloud: nobody needs a password.")),
		h.H2(g.Text("One of the sample’s people")),
		form(h.Ul(people...)),
		h.H2(g.Text("Anyone else")),
		g.If(problem != "", h.P(h.Class("problem"), h.ID("problem"), h.Role("alert"), g.Text(problem))),
		form(
			field("sub", "The user’s ID, as in grants.csv.", subject),
			field("partnerId", "The partner’s ID; empty for the program’s own staff and sellers.",
				h.Aria("describedby", "partnerId-hint")),
			field("roles", "With spaces between: incentives-admin, incentives-user, referral-admin, field-seller, "+
				"program-admin.", h.Aria("describedby", "roles-hint")),
			h.Button(h.Type("submit"), g.Text("Sign in")),
		),
	)
}

// about says of a person whom they work for and what they may do.
func about(person User) string {
	roles := strings.Join(person.Roles, " and ")
	if person.Partner == "" {
		return roles
	}
	return person.Partner + ", " + roles
}

// showMessage says something to the person and sends them nowhere.
func showMessage(w http.ResponseWriter, status int, message string) {
	show(w, status, "", "Sign in", h.H1(g.Text("Sign in")), h.P(g.Text(message)))
}

// show writes a page that loads nothing and whose forms go to the issuer alone; browsers hold the address that a form's
// answer leads to against form-action too.
func show(w http.ResponseWriter, status int, redirectTo, title string, content ...g.Node) {
	sum := sha256.Sum256([]byte(pageStyle))
	formAction := "'self'"
	if to, err := url.Parse(redirectTo); err == nil && to.Host != "" {
		formAction += " " + to.Scheme + "://" + to.Host
	}
	var page bytes.Buffer
	err := h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(title)),
			h.Link(h.Rel("icon"), h.Href("data:,")),
			h.StyleEl(g.Raw(pageStyle)),
		),
		h.Body(h.Main(content...)),
	)).Render(&page)
	if err != nil {
		http.Error(w, "the page cannot be written", http.StatusInternalServerError)
		return
	}
	for name, value := range map[string]string{
		"Content-Type": "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action " + formAction +
			"; base-uri 'none'; frame-ancestors 'none'",
		"Referrer-Policy":              "same-origin",
		"X-Frame-Options":              "DENY",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	w.Write(page.Bytes()) // a browser that has gone away is not told
}
