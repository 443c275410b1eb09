package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mci.example/customers/shared/platform"
)

// template is a synthesised stack as its file says it.
type template struct {
	Resources map[string]*resource
	Outputs   map[string]struct{ Value any }
	text      string
	folder    string
}

type resource struct {
	Type                string
	Properties          map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
	Metadata            map[string]any
	id                  string
}

// dev is what the CDK hands over for a stage without settings of its own.
var dev = stage("dev", nil)

// prod is what an operator must set in production, and no more.
var prod = stage("prod", map[string]any{"sender": "consent@mail.contoso.com", "alarmEmail": "operations@contoso.com"})

// all is production with everything that can be set.
var all = with(prod, map[string]any{
	"portalOrigin": "https://portal.contoso.com",
	"domain":       "mci.contoso.com", "certificate": "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b-2c3d",
	"issuer": "https://login.contoso.com/v2", "audience": "portal", "partnerClaim": "partner", "rolesClaim": "roles",
	"mailsPerPartnerPerDay": 250., "retentionMonths": 36., "receiptKey": 2., "table": "restored",
	"tableStream": "arn:aws:dynamodb:eu-west-1:123456789012:table/restored/stream/2026-11-01T00:00:00.000",
})

// stage is the CDK's context for a stage with these settings.
func stage(name string, settings map[string]any) map[string]any {
	if settings == nil {
		settings = map[string]any{}
	}
	return map[string]any{"stage": name, "stages": map[string]any{name: settings}}
}

// with is the context of the same stage with more settings.
func with(context, more map[string]any) map[string]any {
	name := context["stage"].(string)
	settings := maps.Clone(context["stages"].(map[string]any)[name].(map[string]any))
	maps.Copy(settings, more)
	return stage(name, settings)
}

func settingOf(context map[string]any, name string) string {
	return text(at(context, "stages", context["stage"].(string), name))
}

var (
	devTemplate  = once(dev)
	prodTemplate = once(prod)
	allTemplate  = once(all)
)

// once gives the stack of the settings, synthesised for the first test that asks.
func once(context map[string]any) func(*testing.T) *template {
	synth := sync.OnceValues(func() (*template, error) { return synthesised(context) })
	return func(t *testing.T) *template {
		t.Helper()
		made, err := synth()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// templates checks a rule of every stack.
func templates(t *testing.T, rule func(*testing.T, *template)) {
	for name, template := range map[string]func(*testing.T) *template{
		"dev": devTemplate, "prod": prodTemplate, "prod with every setting": allTemplate,
	} {
		t.Run(name, func(t *testing.T) { rule(t, template(t)) })
	}
}

var temporary string

func TestMain(m *testing.M) {
	var err error
	if temporary, err = os.MkdirTemp("", "infra"); err != nil {
		panic(err)
	}
	// The rules are about the template: a line stands for each function's binary.
	for _, function := range platform.Functions {
		if err := os.WriteFile(filepath.Join(temporary, function.Name+".zip"), []byte(function.Name),
			0o644); err != nil {
			panic(err)
		}
	}
	code := m.Run() // the jsii process ends with this one: closing it by hand races with jsii's own watcher of it
	if err := os.RemoveAll(temporary); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// synthesised reads the stack of the settings back from what was written. Any finding of the checks is an error.
func synthesised(context map[string]any) (*template, error) {
	settings, err := settingsOf(context)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(temporary, "out")
	if err != nil {
		return nil, err
	}
	made, err := synthesise(settings, temporary, &folder)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, *made.TemplateFile()))
	if err != nil {
		return nil, err
	}
	read := &template{text: string(text), folder: folder}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, err
	}
	for id, resource := range read.Resources {
		resource.id = id
	}
	return read, nil
}

// of lists the resources of a type, by ID.
func (t *template) of(kind string) []*resource {
	var found []*resource
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if t.Resources[id].Type == kind {
			found = append(found, t.Resources[id])
		}
	}
	return found
}

// one is the only resource of a type.
func (t *template) one(tt *testing.T, kind string) *resource {
	tt.Helper()
	found := t.of(kind)
	if len(found) != 1 {
		tt.Fatalf("%d resources of type %s, want one", len(found), kind)
	}
	return found[0]
}

// get is the value at a path of names and numbers, or nil.
func (r *resource) get(path ...any) any {
	if r == nil {
		return nil
	}
	return at(r.Properties, path...)
}

// say is the value at a path as text, with references as ${Id} or ${Id.Attribute}.
func (r *resource) say(path ...any) string { return said(r.get(path...)) }

func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// said is a template's value as text: joined where CloudFormation would join it, references as ${Id.Attribute}.
func said(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case []any:
		var parts []string
		for _, part := range value {
			parts = append(parts, said(part))
		}
		return strings.Join(parts, " ")
	case map[string]any:
		if id, ok := value["Ref"].(string); ok {
			return "${" + id + "}"
		}
		if of, ok := value["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("${%v.%v}", of[0], of[1])
		}
		if join, ok := value["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, said(part))
			}
			return strings.Join(parts, join[0].(string))
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// target is the resource that a value names, or nil.
func (t *template) target(value any) *resource {
	id := strings.TrimSuffix(strings.TrimPrefix(said(value), "${"), "}")
	id, _, _ = strings.Cut(id, ".")
	return t.Resources[id]
}

// list is a value that may stand alone where a list can stand.
func list(value any) []any {
	if many, ok := value.([]any); ok {
		return many
	}
	if value == nil {
		return nil
	}
	return []any{value}
}

func texts(value any) []string {
	var texts []string
	for _, one := range list(value) {
		texts = append(texts, said(one))
	}
	return texts
}

// same fails unless two lists hold the same, in whatever order.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// is fails unless the value at a path says what is wanted.
func (r *resource) is(t *testing.T, want any, path ...any) {
	t.Helper()
	if got := r.get(path...); fmt.Sprint(got) != fmt.Sprint(want) && said(got) != fmt.Sprint(want) {
		t.Errorf("%s %v is %v, want %v", r.id, path, said(got), want)
	}
}
