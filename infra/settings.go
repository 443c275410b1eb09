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
	Dev  Stage = "dev"  // to try things: nothing is kept when the stack goes, and no setting must be given
	Prod Stage = "prod" // keeps its data whatever becomes of the stack
)

// Settings is what an operator chooses for a stage: what stands in cdk.json under context.stages.<stage>.
type Settings struct {
	Stage                 Stage
	Sender                string // the address that emails come from; its domain becomes the SES identity
	PortalOrigin          string // another portal's origin, which browsers may call the API from; empty for none
	AlarmEmail            string // who is told of alarms; empty for nobody, in dev
	Domain                string // the API's own host name; empty for API Gateway's
	Certificate           string // the domain's certificate in ACM
	Issuer                string // an OIDC issuer in place of the stack's own user pool
	Audience              string // whom that issuer's tokens are for
	PartnerClaim          string // the token's claim that names the caller's partner
	RolesClaim            string // the token's claim that lists the caller's roles
	ReceiptKey            int    // counts up to make a new key that signs receipts; the ones before it stay
	MailsPerPartnerPerDay string // how many consent emails one partner may send in a UTC day (D25)
	RetentionMonths       string // how long private detail of ended claims is kept (D37); empty for ever
	Table                 string // a table to work on in place of the stack's own, restored from a point in time
	TableStream           string // the ARN of that table's stream
}

// A setting is one thing that an operator may choose.
type setting struct {
	name    string
	meaning string // a good value, to be read after "it is"
	needs   string // another setting without which this one makes no sense
	absent  string // its value where none is given
	inDev   string // the same in dev
	must    bool   // whether prod refuses to do without
	good    func(Stage, string) bool
}

var settings = []setting{
	{name: "sender", meaning: "the address that emails come from, such as consent@mail.your-company.com",
		must: true, inDev: "consent@mci.example", good: emailAddress},
	{name: "alarmEmail", meaning: "the address that alarms are sent to",
		must: true, good: emailAddress},
	{name: "domain", meaning: "the API's own host name, such as mci.your-company.com",
		needs: "certificate", good: matches(`([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}`)},
	{name: "certificate", meaning: "the ARN of the domain's certificate in ACM, in the region of the stack",
		needs: "domain", good: matches(`arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+`)},
	{name: "issuer", meaning: "the https URL of an OIDC issuer, exactly as its tokens say it",
		needs: "audience", good: httpsURL},
	{name: "audience", meaning: "the issuer's client ID of the portal, which its ID tokens are for",
		needs: "issuer", good: matches(`[^\s\[\]{}]{1,255}`)},
	{name: "partnerClaim", meaning: "the name of the claim in the issuer's tokens that names the caller's partner",
		needs: "issuer", absent: "custom:partnerId", good: matches(`[\w:./-]{1,200}`)},
	{name: "rolesClaim", meaning: "the name of the claim in the issuer's tokens that lists the caller's roles",
		needs: "issuer", absent: "cognito:groups", good: matches(`[\w:./-]{1,200}`)},
	{name: "portalOrigin", meaning: "the origin of another portal, https://host without a path (in dev also " +
		"http://localhost:port)",
		inDev: "http://localhost:3000", good: origin},
	{name: "mailsPerPartnerPerDay", meaning: "how many consent emails a partner may send in a day, from 1 to 1000000",
		absent: "1000", good: matches(`[1-9][0-9]{0,5}|1000000`)},
	{name: "retentionMonths", meaning: "after how many months private detail of ended claims is erased, from 1 to 999",
		good: matches(`[1-9][0-9]{0,2}`)},
	{name: "receiptKey", meaning: "a whole number from 1 to 99, one more than before to make a new key that signs " +
		"receipts",
		absent: "1", good: matches(`[1-9][0-9]?`)},
	{name: "table", meaning: "the name of a restored table to work on in place of the stack's own",
		needs: "tableStream", good: matches(`[A-Za-z0-9_.-]{3,255}`)},
	{name: "tableStream", meaning: "the ARN of the stream of the restored table",
		needs: "table", good: matches(`arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]+/stream/` +
			`[0-9T:.-]+`)},
}

// settingsOf returns the settings of the stage that the CDK's context names, or every mistake in them at once.
// The context holds the CDK's own flags too. Those are never one plain word, so any other plain word is a mistake:
// a setting that is not in cdk.json could be forgotten at the next deployment.
func settingsOf(context map[string]any) (Settings, error) {
	stage := Stage(text(context["stage"]))
	if stage != Dev && stage != Prod {
		return Settings{}, fmt.Errorf("the stage is %q: choose STAGE=dev or STAGE=prod", stage)
	}
	place := "cdk.json: context.stages." + string(stage)
	stages, _ := context["stages"].(map[string]any)
	given, isObject := stages[string(stage)].(map[string]any)
	if !isObject {
		return Settings{}, fmt.Errorf("%s is missing: it is an object of the stage's settings", place)
	}
	values, known, mistakes := map[string]string{}, []string(nil), []error(nil)
	wrong := func(name, problem string, arguments ...any) {
		mistakes = append(mistakes, fmt.Errorf("%s.%s %s", place, name, fmt.Sprintf(problem, arguments...)))
	}
	for _, set := range settings {
		known = append(known, set.name)
		value := text(given[set.name])
		switch {
		case value == "" && stage == Prod && set.must:
			wrong(set.name, "is missing: it is %s", set.meaning)
		case value == "" && stage == Dev && set.inDev != "":
			value = set.inDev
		case value == "":
			value = set.absent
		case !set.good(stage, value):
			wrong(set.name, "is %q: it is %s", value, set.meaning)
		case set.needs != "" && text(given[set.needs]) == "":
			wrong(set.name, "needs %s beside it", set.needs)
		}
		values[set.name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			wrong(name, "is unknown: there are %s", strings.Join(known, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(context)) {
		if plainWord.MatchString(name) && name != "stage" && name != "stages" {
			mistakes = append(mistakes, fmt.Errorf("context.%s is no place for a setting: move it to %s.%s", name,
				place, name))
		}
	}
	if len(mistakes) > 0 {
		return Settings{}, errors.Join(mistakes...)
	}
	receiptKey, err := strconv.Atoi(values["receiptKey"])
	if err != nil {
		return Settings{}, fmt.Errorf("reading %s.receiptKey: %w", place, err)
	}
	return Settings{
		Stage:                 stage,
		Sender:                values["sender"],
		PortalOrigin:          values["portalOrigin"],
		AlarmEmail:            values["alarmEmail"],
		Domain:                values["domain"],
		Certificate:           values["certificate"],
		Issuer:                values["issuer"],
		Audience:              values["audience"],
		PartnerClaim:          values["partnerClaim"],
		RolesClaim:            values["rolesClaim"],
		ReceiptKey:            receiptKey,
		MailsPerPartnerPerDay: values["mailsPerPartnerPerDay"],
		RetentionMonths:       values["retentionMonths"],
		Table:                 values["table"],
		TableStream:           values["tableStream"],
	}, nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z]+$`)

// text returns a setting as it was typed. cdk.json may hold numbers as numbers.
func text(value any) string {
	if number, isNumber := value.(float64); isNumber {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
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
	return err == nil && address.Scheme == "https" && address.Host != "" && address.RawQuery == "" &&
		address.Fragment == ""
}

func origin(stage Stage, value string) bool {
	address, err := url.Parse(value)
	if err != nil || address.Host == "" || value != address.Scheme+"://"+address.Host || strings.Contains(value, "*") {
		return false
	}
	return address.Scheme == "https" || stage == Dev && address.Scheme == "http" && address.Hostname() == "localhost"
}
