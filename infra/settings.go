package main

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Stage is one of the two kinds of deployment.
type Stage string

// The stages.
const (
	Dev  Stage = "dev"  // to try things: nothing is kept when the stack goes, and every setting has a value
	Prod Stage = "prod" // keeps its data whatever becomes of the stack
)

// Settings is what an operator chooses, given to the CDK as `-c name=value`.
type Settings struct {
	Stage        Stage
	Sender       string // the address that consent emails come from; its domain becomes the SES identity
	PortalOrigin string // the only origin that browsers may call the API from
	AlarmEmail   string // who is told of alarms; empty for nobody, in dev
	Domain       string // the API's own host name; empty for API Gateway's
	Certificate  string // the domain's certificate in ACM
	Issuer       string // an OIDC issuer in place of the stack's own user pool
	Audience     string // whom that issuer's tokens are for
	PartnerClaim string // the token's claim that names the caller's partner
	RolesClaim   string // the token's claim that lists the caller's roles
	CursorKey    int    // counts up to make a new key for the cursors of lists
	Table        string // a table to work on in place of the stack's own, restored from a point in time
	TableStream  string // the ARN of that table's stream
}

// A setting is one thing that an operator may choose.
type setting struct {
	name    string
	meaning string // what a good value is, to be read after "it is"
	needs   string // another setting without which this one makes no sense
	absent  string // its value where none is given
	inDev   string // the same in dev
	must    bool   // whether prod refuses to do without
	good    func(Stage, string) bool
}

var settings = []setting{
	{name: "sender", meaning: "the address that consent emails come from, such as consent@mail.your-company.com",
		must: true, inDev: "consent@mci.example", good: emailAddress},
	{name: "portalOrigin", meaning: "the portal's origin, https://host without a path (in dev also http://localhost:port)",
		must: true, inDev: "http://localhost:3000", good: origin},
	{name: "alarmEmail", meaning: "the address that alarms are sent to",
		must: true, good: emailAddress},
	{name: "domain", meaning: "the API's own host name, such as mci.your-company.com",
		needs: "certificate", good: matches(`([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}`)},
	{name: "certificate", meaning: "the ARN of the domain's certificate in ACM, in the region of the stack",
		needs: "domain", good: matches(`arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+`)},
	{name: "issuer", meaning: "the https URL of an OIDC issuer, exactly as its tokens say it",
		needs: "audience", good: httpsURL},
	{name: "audience", meaning: "the audience that the issuer's tokens are for",
		needs: "issuer", good: matches(`\S+`)},
	{name: "partnerClaim", meaning: "the name of the claim in the issuer's tokens that names the caller's partner",
		needs: "issuer", absent: "custom:partnerId", good: matches(`[\w:./-]{1,200}`)},
	{name: "rolesClaim", meaning: "the name of the claim in the issuer's tokens that lists the caller's roles",
		needs: "issuer", absent: "cognito:groups", good: matches(`[\w:./-]{1,200}`)},
	{name: "cursorKey", meaning: "a whole number, one more than before, to make a new key for the cursors of lists",
		absent: "1", good: matches(`[1-9][0-9]{0,5}`)},
	{name: "table", meaning: "the name of a restored table to work on in place of the stack's own",
		needs: "tableStream", good: matches(`[A-Za-z0-9_.-]{3,255}`)},
	{name: "tableStream", meaning: "the ARN of the stream of the restored table",
		needs: "table", good: matches(`arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]+/stream/[0-9T:.-]+`)},
}

// settingsOf returns the operator's choices from the CDK's context, or every mistake in them at once. The context
// holds the CDK's own flags too; those are never one plain word, so a plain word that is no setting is a mistake.
func settingsOf(context map[string]any) (Settings, error) {
	stage := Stage(text(context["stage"]))
	if stage != Dev && stage != Prod {
		return Settings{}, fmt.Errorf("setting stage is %q: choose -c stage=dev or -c stage=prod", stage)
	}
	values, known, mistakes := map[string]string{}, []string{"stage"}, []error(nil)
	for _, set := range settings {
		known = append(known, set.name)
		value := text(context[set.name])
		switch {
		case value == "" && stage == Prod && set.must:
			mistakes = append(mistakes, fmt.Errorf("setting %s is missing: set -c %s=…, it is %s", set.name, set.name, set.meaning))
		case value == "" && stage == Dev && set.inDev != "":
			value = set.inDev
		case value == "":
			value = set.absent
		case !set.good(stage, value):
			mistakes = append(mistakes, fmt.Errorf("setting %s is %q: set -c %s=…, it is %s", set.name, value, set.name, set.meaning))
		case set.needs != "" && text(context[set.needs]) == "":
			mistakes = append(mistakes, fmt.Errorf("setting %s needs the setting %s too: set -c %s=…", set.name, set.needs, set.needs))
		}
		values[set.name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(context)) {
		if plainWord.MatchString(name) && !slices.Contains(known, name) {
			mistakes = append(mistakes, fmt.Errorf("setting %s is unknown: there are %s", name, strings.Join(known, ", ")))
		}
	}
	if len(mistakes) > 0 {
		return Settings{}, errors.Join(mistakes...)
	}
	cursorKey, err := strconv.Atoi(values["cursorKey"])
	if err != nil {
		return Settings{}, fmt.Errorf("reading setting cursorKey: %w", err)
	}
	return Settings{
		Stage:        stage,
		Sender:       values["sender"],
		PortalOrigin: values["portalOrigin"],
		AlarmEmail:   values["alarmEmail"],
		Domain:       values["domain"],
		Certificate:  values["certificate"],
		Issuer:       values["issuer"],
		Audience:     values["audience"],
		PartnerClaim: values["partnerClaim"],
		RolesClaim:   values["rolesClaim"],
		CursorKey:    cursorKey,
		Table:        values["table"],
		TableStream:  values["tableStream"],
	}, nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z]+$`)

// text is a setting as it was typed. The CDK reads numbers from cdk.json as numbers.
func text(value any) string {
	if value == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(value))
}

func matches(pattern string) func(Stage, string) bool {
	whole := regexp.MustCompile("^(?:" + pattern + ")$")
	return func(_ Stage, value string) bool { return whole.MatchString(value) }
}

// emailAddress is a plain address whose domain can be an SES identity.
func emailAddress(_ Stage, value string) bool {
	address, err := mail.ParseAddress(value)
	return err == nil && address.Address == value && strings.Contains(value[strings.LastIndex(value, "@"):], ".")
}

func httpsURL(_ Stage, value string) bool {
	address, err := url.Parse(value)
	return err == nil && address.Scheme == "https" && address.Host != "" && address.RawQuery == "" && address.Fragment == ""
}

func origin(stage Stage, value string) bool {
	address, err := url.Parse(value)
	if err != nil || address.Host == "" || value != address.Scheme+"://"+address.Host || strings.Contains(value, "*") {
		return false
	}
	return address.Scheme == "https" || stage == Dev && address.Scheme == "http" && address.Hostname() == "localhost"
}
