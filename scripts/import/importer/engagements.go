package importer

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

const maxNesting = 10 // an engagement has three levels

// readEngagements goes through the array of engagements, one element at a time.
func readEngagements(s *source) error {
	text := &kept{reader: skipMark(s)}
	decoder := json.NewDecoder(text)
	index := 0
	fail := func(err error) error {
		r := &row{source: s, at: place{s.file, index}}
		if errors.Is(err, errTooLong) {
			return r.fail(err.Error())
		}
		if text.err != nil {
			return text.err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return r.fail("the file ends too early")
		}
		return r.fail("the file is not valid JSON" + text.where(err) + ": " + err.Error())
	}
	switch start, err := decoder.Token(); {
	case errors.Is(err, io.EOF):
		return (&row{source: s, at: place{s.file, 0}}).fail("the file is empty: it must hold an array of engagements")
	case err != nil:
		return fail(err)
	case start != json.Delim('['):
		return (&row{source: s, at: place{s.file, 0}}).fail("the file must hold an array of engagements")
	}
	for ; decoder.More(); index++ {
		s.unread = 0
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return fail(err)
		}
		r := &row{source: s, at: place{s.file, index}}
		if err := s.deliver(r, engagementChange(r, raw)); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return fail(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return (&row{source: s, at: place{s.file, index}}).fail("something follows the array")
	}
	return nil
}

// kept keeps the error of a reader, to tell a file that cannot be read from one that is not JSON, and where lines end.
type kept struct {
	reader io.Reader
	err    error
	read   int64
	ends   []int64
}

func (k *kept) Read(buffer []byte) (int, error) {
	n, err := k.reader.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	for i, character := range buffer[:n] {
		if character == '\n' {
			k.ends = append(k.ends, k.read+int64(i))
		}
	}
	k.read += int64(n)
	return n, err
}

// where says in which line a syntax error stands.
func (k *kept) where(err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before, _ := slices.BinarySearch(k.ends, syntax.Offset-1)
	return fmt.Sprintf(" in line %d", before+1)
}

//go:embed engagement.schema.json
var engagementSchemaText []byte

// engagementSchema says of each field what it must be: its descriptions are what mistakes are told with.
var engagementSchema = func() *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(engagementSchemaText))
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for name, check := range formats {
		compiler.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			if text, isText := value.(string); isText {
				return check(text)
			}
			return nil
		}})
	}
	if err := compiler.AddResource("engagement.schema.json", document); err != nil {
		panic(err)
	}
	return compiler.MustCompile("engagement.schema.json")
}()

// formats are the schema's own.
var formats = map[string]func(string) error{
	"id":     mci.CheckID,
	"name":   func(text string) error { return mci.CheckLine(strings.TrimSpace(text), mci.MaxName) },
	"notes":  func(text string) error { return mci.CheckText(text, mci.MaxNotes) },
	"day":    func(text string) error { _, err := mci.ParseDate(text); return err },
	"amount": func(text string) error { _, err := mci.ParseMoney(text); return err },
	"share":  func(text string) error { _, err := mci.ParseShare(text); return err },
}

// engagementChange reads an element of the array. Fields with a fault are reported and left out, so that the rules that
// hold between fields are checked on the others.
func engagementChange(r *row, raw json.RawMessage) change {
	r.keyless = true
	if !utf8.Valid(raw) {
		r.report("the element", "is not text in UTF-8")
		return change{}
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	value, err := r.value(decoder, "", 0)
	if err != nil {
		r.report("the element", "%w", err)
		return change{}
	}
	faults := faultsOf(value)
	for _, fault := range faults {
		r.report(printable(cmp.Or(strings.Join(fault.at, "."), "the element")), "%s", fault.reason)
	}
	fields, isObject := value.(map[string]any)
	if !isObject {
		return change{}
	}
	for _, fault := range faults {
		leaveOut(fields, fault.at)
	}
	engagement, err := engagementOf(fields)
	if err != nil {
		r.report("the element", "cannot be read: %w", err)
		return change{}
	}
	for _, mistake := range engagement.Mistakes() {
		r.report(strings.ReplaceAll(mistake.Pointer[1:], "/", "."), "%s", mistake.Detail)
	}
	r.keyless = engagement.ID == ""
	record := table.NewEngagementRecord(engagement)
	return change{key: record.Key, record: record}
}

// value reads a JSON value, and reports fields given twice, of which a plain decoder would take the last.
func (r *row) value(decoder *json.Decoder, path string, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("is nested too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		fields := map[string]any{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			field := path + fmt.Sprint(name)
			if _, twice := fields[fmt.Sprint(name)]; twice {
				r.report(printable(field), "is there twice")
			}
			if fields[fmt.Sprint(name)], err = r.value(decoder, field+".", depth+1); err != nil {
				return nil, err
			}
		}
		_, err = decoder.Token()
		return fields, err
	case json.Delim('['):
		values := []any{}
		for decoder.More() {
			value, err := r.value(decoder, path+strconv.Itoa(len(values))+".", depth+1)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		_, err = decoder.Token()
		return values, err
	}
	if number, isNumber := token.(json.Number); isNumber {
		return plain(number), nil
	}
	return token, nil
}

// plain writes a whole number without point or exponent, as 3e1 has one.
func plain(number json.Number) json.Number {
	if exact, ok := new(big.Rat).SetString(number.String()); ok && exact.IsInt() {
		return json.Number(exact.Num().String())
	}
	return number
}

// fault is what the schema finds wrong with one field.
type fault struct {
	at     []string
	reason string
}

// faultsOf gives everything that the schema finds wrong with a value, in the order in which it names the fields.
func faultsOf(value any) []fault {
	var invalid *jsonschema.ValidationError
	if err := engagementSchema.Validate(value); !errors.As(err, &invalid) {
		return nil
	}
	faults := collect(nil, invalid, value)
	slices.SortStableFunc(faults, func(a, b fault) int { return slices.Compare(order(a.at), order(b.at)) })
	return faults
}

// collect adds the faults that the validator tells of, which nests them as the schema nests.
func collect(faults []fault, invalid *jsonschema.ValidationError, value any) []fault {
	at := invalid.InstanceLocation
	add := func(reason string, fields ...string) {
		faults = append(faults, fault{append(slices.Clone(at), fields...), reason})
	}
	switch why := invalid.ErrorKind.(type) {
	case *kind.Required:
		for _, field := range why.Missing {
			add("is missing", field)
		}
	case *kind.AdditionalProperties:
		for _, field := range slices.Sorted(slices.Values(why.Properties)) {
			add("is not a field", field)
		}
	case *kind.MinItems:
		add("must name at least one type")
	case *kind.MaxItems:
		add(fmt.Sprintf("must have at most %d entries, has %d", why.Want, why.Got))
	case *kind.Format:
		add(why.Err.Error() + "; is " + kindOf(why.Got))
	case *kind.Type, *kind.Enum, *kind.Minimum, *kind.Maximum:
		schema, found, isField := find(value, at)
		if found == nil && isField {
			add("is missing") // a field that is null is one that is left out
		} else {
			add(schema.Description + "; is " + kindOf(found))
		}
	}
	for _, cause := range invalid.Causes {
		faults = collect(faults, cause, value)
	}
	return faults
}

// find gives the value at a place, the schema that says what it must be, and whether it is the field of an object.
func find(value any, at []string) (schema *jsonschema.Schema, found any, isField bool) {
	schema = engagementSchema
	for _, name := range at {
		switch inner := value.(type) {
		case map[string]any:
			schema, value, isField = schema.Properties[name], inner[name], true
		case []any:
			i, _ := strconv.Atoi(name)
			schema, value, isField = schema.Items2020, inner[i], false
		}
		if schema.Ref != nil {
			schema = schema.Ref
		}
	}
	return schema, value, isField
}

// order is where the schema names each field on the way to a place; entries of a list come by number.
func order(at []string) []int {
	places := make([]int, len(at))
	for i, name := range at {
		number, err := strconv.Atoi(name)
		if places[i] = strings.Index(string(engagementSchemaText), strconv.Quote(name)+": {"); err == nil {
			places[i] = number
		} else if places[i] < 0 {
			places[i] = math.MaxInt // fields that nobody knows come last
		}
	}
	return places
}

// standIns stand for fields with a fault that other fields rely on.
var standIns = map[string]any{"payout": "0.00", "rates": map[string]any{}, "referral": map[string]any{}}

// leaveOut takes a field with a fault away; an entry of a list becomes null, so that the others keep their places.
func leaveOut(value any, at []string) {
	if len(at) == 0 {
		return
	}
	switch inner := value.(type) {
	case map[string]any:
		standIn, needed := standIns[at[0]]
		switch {
		case len(at) > 1:
			leaveOut(inner[at[0]], at[1:])
		case needed:
			inner[at[0]] = standIn
		default:
			delete(inner, at[0])
		}
	case []any:
		if i, err := strconv.Atoi(at[0]); err == nil {
			inner[i] = nil
		}
	}
}

// engagementOf makes an engagement of its fields. The file has amounts as strings, the domain as objects with a
// currency.
func engagementOf(fields map[string]any) (engagement mci.Engagement, err error) {
	for _, amount := range []struct {
		in    any
		field string
	}{
		{fields, "payout"}, {fields["rates"], "perHour"}, {fields["rates"], "maxPayout"},
		{fields["referral"], "minDealSize"}, {fields["coSell"], "minDealSize"},
	} {
		if object, _ := amount.in.(map[string]any); object[amount.field] != nil {
			object[amount.field] = map[string]any{"amount": object[amount.field], "currency": mci.Currency}
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return engagement, err
	}
	if err := json.Unmarshal(text, &engagement); err != nil {
		return engagement, err
	}
	if reminders := engagement.Reminders; reminders != nil { // a list that is left out is empty
		reminders.ConsentDays = append([]int{}, reminders.ConsentDays...)
		reminders.SubmissionDays = append([]int{}, reminders.SubmissionDays...)
	}
	engagement.Name, engagement.SolutionArea = strings.TrimSpace(engagement.Name),
		strings.TrimSpace(engagement.SolutionArea)
	return engagement, nil
}

// kindOf says what a JSON value is.
func kindOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(value)
	case json.Number:
		return "the number " + strings.ReplaceAll(quoted(value.String()), `"`, "")
	case string:
		return quoted(value)
	case []any:
		return "an array"
	}
	return "an object"
}
