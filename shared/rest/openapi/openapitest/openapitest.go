// Package openapitest holds answers, and the bodies of requests, against the description of the API. The one-machine
// cloud of the tests has Check look at every answer that any test gets.
package openapitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest/openapi"
)

// Operation is one method of one path of the description.
type Operation struct {
	Method, Path string
	ID           string
	Roles        [][]string // the alternatives of its security, none for a public one
	Parameters   []Parameter
	BodySchema   string // where in the document the schema of its JSON body is, "" where it takes none
	responses    map[string]any
}

// Parameter is a parameter of an operation.
type Parameter struct{ Name, In string }

// document is the description and its schemas, compiled as they are needed.
type document struct {
	root       map[string]any
	operations []Operation
	mu         sync.Mutex
	compiler   *jsonschema.Compiler
	compiled   map[string]*jsonschema.Schema
}

const location = "https://mci.example/openapi.json"

var read = sync.OnceValues(func() (*document, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(openapi.Document))
	if err != nil {
		return nil, fmt.Errorf("reading the description: %w", err)
	}
	root, isObject := value.(map[string]any)
	if !isObject {
		return nil, errors.New("the description is no object")
	}
	d := &document{root: root, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	for name, check := range map[string]func(string) error{
		"idn-email":    func(text string) error { _, err := mci.ParseEmail(text); return err },
		"idn-hostname": func(text string) error { _, err := mci.ParseDomain(strings.TrimSpace(text)); return err },
		"language-tag": languageTag,
	} {
		d.compiler.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			if text, isText := value.(string); isText {
				return check(text)
			}
			return nil
		}})
	}
	if err := d.compiler.AddResource(location, root); err != nil {
		return nil, fmt.Errorf("reading the description: %w", err)
	}
	for path, item := range object(root["paths"]) {
		for method, operation := range object(item) {
			d.operations = append(d.operations, d.operation(strings.ToUpper(method), path, object(operation)))
		}
	}
	slices.SortFunc(d.operations, func(a, b Operation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return d, nil
})

// languageTag takes none for none, as the API does.
func languageTag(text string) error {
	if text == "" {
		return nil
	}
	_, err := language.Parse(text)
	return err
}

// object gives a JSON object, empty where the value is none.
func object(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}

func (d *document) operation(method, path string, described map[string]any) Operation {
	o := Operation{Method: method, Path: path, responses: object(described["responses"])}
	o.ID, _ = described["operationId"].(string)
	security, _ := described["security"].([]any)
	for _, alternative := range security {
		for _, roles := range object(alternative) {
			var names []string
			for _, role := range roles.([]any) {
				names = append(names, role.(string))
			}
			o.Roles = append(o.Roles, names)
		}
	}
	parameters, _ := described["parameters"].([]any)
	for _, parameter := range parameters {
		fields := object(d.resolve(parameter))
		name, _ := fields["name"].(string)
		in, _ := fields["in"].(string)
		o.Parameters = append(o.Parameters, Parameter{name, in})
	}
	if _, takesJSON := object(object(described["requestBody"])["content"])["application/json"]; takesJSON {
		o.BodySchema = pointer("paths", path, strings.ToLower(method), "requestBody", "content", "application/json",
			"schema")
	}
	return o
}

// pointer is where in the document something is.
func pointer(steps ...string) string {
	escaped := make([]string, len(steps))
	for i, step := range steps {
		escaped[i] = strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
	}
	return "/" + strings.Join(escaped, "/")
}

// at gives what a pointer leads to.
func (d *document) at(pointer string) any {
	var value any = d.root
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		value = object(value)[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return value
}

// resolve follows a reference within the document.
func (d *document) resolve(value any) any {
	if reference, isReference := object(value)["$ref"].(string); isReference {
		return d.at(strings.TrimPrefix(reference, "#"))
	}
	return value
}

// schema compiles the schema at a pointer, once.
func (d *document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if compiled := d.compiled[pointer]; compiled != nil {
		return compiled, nil
	}
	compiled, err := d.compiler.Compile(location + "#" + (&url.URL{Path: pointer}).EscapedPath())
	if err != nil {
		return nil, fmt.Errorf("the description's schema %s: %w", pointer, err)
	}
	d.compiled[pointer] = compiled
	return compiled, nil
}

// Operations lists every operation of the description.
func Operations() ([]Operation, error) {
	d, err := read()
	if err != nil {
		return nil, err
	}
	return slices.Clone(d.operations), nil
}

// Schema gives what the description says at a pointer, references followed.
func Schema(pointer string) (map[string]any, error) {
	d, err := read()
	if err != nil {
		return nil, err
	}
	return object(d.resolve(d.at(pointer))), nil
}

// Resolve follows the reference of a part of the description, if it is one.
func Resolve(part any) (map[string]any, error) {
	d, err := read()
	if err != nil {
		return nil, err
	}
	return object(d.resolve(part)), nil
}

// Fits says how a value departs from the schema at a pointer.
func Fits(pointer string, value any) error {
	d, err := read()
	if err != nil {
		return err
	}
	schema, err := d.schema(pointer)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// Description gives what an answer with that status is described to mean.
func (o Operation) Description(status int) string {
	response, err := Resolve(o.responses[strconv.Itoa(status)])
	if err != nil {
		return ""
	}
	text, _ := response["description"].(string)
	return text
}

// Types lists the problem types that the operation is described to answer with a status.
func (o Operation) Types(status int) []string {
	d, err := read()
	if err != nil {
		return nil
	}
	response := object(d.resolve(o.responses[strconv.Itoa(status)]))
	schema := object(object(object(response["content"])["application/problem+json"])["schema"])
	listed, _ := object(object(schema["properties"])["type"])["enum"].([]any)
	types := make([]string, len(listed))
	for i, each := range listed {
		types[i], _ = each.(string)
	}
	return types
}

// Statuses lists the statuses that the operation is described to answer with.
func (o Operation) Statuses() []int {
	var statuses []int
	for text := range o.responses {
		if status, err := strconv.Atoi(text); err == nil {
			statuses = append(statuses, status)
		}
	}
	slices.Sort(statuses)
	return statuses
}

// Check says how an answer departs from what the description says of its request's route: in its status, its headers or
// its body. Of a route that is not described it asks for a 404.
func Check(request *http.Request, status int, header http.Header, body []byte) error {
	d, err := read()
	if err != nil {
		return err
	}
	if strings.HasPrefix(request.URL.Path, "/local/") || status == http.StatusRequestHeaderFieldsTooLarge {
		return nil // not of the API, or the gateway's refusal of what it does not read any further
	}
	o, described := d.find(request.Method, request.URL.EscapedPath())
	if !described {
		if status != http.StatusNotFound {
			return fmt.Errorf("%s %s is not described, and is answered %d", request.Method, request.URL.Path, status)
		}
		return nil
	}
	where := pointer("paths", o.Path, strings.ToLower(o.Method), "responses", strconv.Itoa(status))
	response := o.responses[strconv.Itoa(status)]
	if reference, isReference := object(response)["$ref"].(string); isReference {
		where = strings.TrimPrefix(reference, "#")
	}
	said := object(d.resolve(response))
	if len(said) == 0 {
		return fmt.Errorf("%s %s is not described to answer %d: %s", o.Method, o.Path, status, body)
	}
	if err := d.checkHeaders(where, object(said["headers"]), header); err != nil {
		return fmt.Errorf("%s %s answers %d with a header that is not as described: %w", o.Method, o.Path, status, err)
	}
	content := object(said["content"])
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s %s is described to answer %d without a body, and has one: %s", o.Method, o.Path,
				status, body)
		}
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if _, known := content[mediaType]; err != nil || !known {
		return fmt.Errorf("%s %s answers %d as %q, and is described to as one of %q",
			o.Method, o.Path, status, header.Get("Content-Type"), slices.Sorted(maps.Keys(content)))
	}
	if !strings.HasSuffix(mediaType, "json") {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s answers %d with what is no JSON: %w: %s", o.Method, o.Path, status, err, body)
	}
	schema, err := d.schema(where + pointer("content", mediaType, "schema"))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s %s answers %d otherwise than described: %w\n%.1000s", o.Method, o.Path, status, err, body)
	}
	return nil
}

func (d *document) checkHeaders(where string, described map[string]any, header http.Header) error {
	for name, said := range described {
		value := header.Get(name)
		if value == "" {
			if required, _ := object(said)["required"].(bool); required {
				return fmt.Errorf("%s is missing", name)
			}
			continue
		}
		schema, err := d.schema(where + pointer("headers", name, "schema"))
		if err != nil {
			return err
		}
		if err := schema.Validate(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// find gives the operation that a request is for. A parameter is one segment of the path and never empty; what has no
// parameter goes first.
func (d *document) find(method, path string) (Operation, bool) {
	segments := strings.Split(path, "/")
	best, found := Operation{}, false
	for _, o := range d.operations {
		if o.Method == method && matches(strings.Split(o.Path, "/"), segments) &&
			(!found || strings.Count(o.Path, "{") < strings.Count(best.Path, "{")) {
			best, found = o, true
		}
	}
	return best, found
}

func matches(pattern, segments []string) bool {
	if len(pattern) != len(segments) {
		return false
	}
	for i, want := range pattern {
		got, err := url.PathUnescape(segments[i])
		if isParameter := strings.HasPrefix(want, "{"); err != nil || got != want && (!isParameter || got == "") {
			return false
		}
	}
	return true
}

// Mistakes gives the pointers of all that the description finds wrong with the JSON body of a request, sorted; none
// means that the body is as described.
func (o Operation) Mistakes(body any) ([]string, error) {
	d, err := read()
	if err != nil {
		return nil, err
	}
	schema, err := d.schema(o.BodySchema)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding a body: %w", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("reading a body again: %w", err)
	}
	var invalid *jsonschema.ValidationError
	switch err := schema.Validate(value); {
	case err == nil:
		return nil, nil
	case !errors.As(err, &invalid):
		return nil, fmt.Errorf("checking a body: %w", err)
	}
	found := map[string]bool{}
	collect(invalid, found)
	return slices.Sorted(maps.Keys(found)), nil
}

// collect gathers the pointers of an error: the place itself, or the field of it that is missing, unknown or doubled.
func collect(invalid *jsonschema.ValidationError, found map[string]bool) {
	for _, cause := range invalid.Causes {
		collect(cause, found)
	}
	if len(invalid.Causes) > 0 {
		return
	}
	at := func(more ...string) {
		found[pointer(append(slices.Clone(invalid.InstanceLocation), more...)...)] = true
	}
	switch what := invalid.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range what.Missing {
			at(name)
		}
	case *kind.AdditionalProperties:
		for _, name := range what.Properties {
			at(name)
		}
	case *kind.UniqueItems:
		at(strconv.Itoa(max(what.Duplicates[0], what.Duplicates[1])))
	default:
		at()
	}
}
