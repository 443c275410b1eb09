package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"mci.example/customers/shared/mci"
)

// maxDepth is how deep a body may nest; none of ours needs more than four.
const maxDepth = 16

// Object is a JSON object whose fields are read one by one. It keeps every mistake with its JSON pointer, so that all
// can be told at once. A field that nobody read is unknown, which is a mistake too.
type Object struct {
	pointer  string
	fields   map[string]any
	read     map[string]bool
	children []*Object
	mistakes []mci.Mistake
}

// ParseObject reads a body; an empty one is an object without fields. It refuses what is not one JSON object in UTF-8,
// and names that occur twice.
func ParseObject(body []byte) (*Object, error) {
	if len(body) == 0 {
		return newObject("", map[string]any{}), nil
	}
	if !utf8.Valid(body) {
		return nil, mci.Refuse(mci.Malformed, "The body is not UTF-8.")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	value, err := readValue(decoder, 0)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = fmt.Errorf("there is more behind its end")
		}
	}
	if err != nil {
		return nil, mci.Refuse(mci.Malformed, fmt.Sprintf("The body is not JSON that can be read: %v (at byte %d).",
			err, decoder.InputOffset()))
	}
	fields, isObject := value.(map[string]any)
	if !isObject {
		return nil, mci.Refuse(mci.Malformed, "The body must be a JSON object.")
	}
	return newObject("", fields), nil
}

// readValue reads one JSON value, so that names that occur twice are seen.
func readValue(decoder *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests deeper than %d levels", maxDepth)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, readable(err)
	}
	switch token {
	case json.Delim('{'):
		fields := map[string]any{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, readable(err)
			}
			if _, twice := fields[name.(string)]; twice {
				return nil, fmt.Errorf("the name %q occurs twice", name)
			}
			if fields[name.(string)], err = readValue(decoder, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := decoder.Token()
		return fields, readable(err)
	case json.Delim('['):
		values := []any{}
		for decoder.More() {
			value, err := readValue(decoder, depth+1)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		_, err := decoder.Token()
		return values, readable(err)
	}
	return token, nil
}

// readable says in JSON's own terms what the decoder found wrong.
func readable(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends too early")
	case errors.As(err, &syntax):
		return errors.New(syntax.Error())
	}
	return errors.New("a value is out of place")
}

func newObject(pointer string, fields map[string]any) *Object {
	return &Object{pointer: pointer, fields: fields, read: map[string]bool{}}
}

// pointerTo gives the JSON pointer of a field.
func (o *Object) pointerTo(name string) string {
	return o.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// Mistake notes what is wrong with a field.
func (o *Object) Mistake(name, detail string) {
	o.mistakes = append(o.mistakes, mci.Mistake{Pointer: o.pointerTo(name), Detail: detail})
}

// Mistakes gives all that is wrong: with the fields that were read, and those that nobody knows. Every field must have
// been read by then.
func (o *Object) Mistakes() []mci.Mistake {
	all := slices.Clone(o.mistakes)
	for _, child := range o.children {
		all = append(all, child.Mistakes()...)
	}
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if !o.read[name] {
			all = append(all, mci.Mistake{Pointer: o.pointerTo(name), Detail: "is not a field that is known here"})
		}
	}
	return all
}

// value gives a field; null is as good as none.
func (o *Object) value(name string) (any, bool) {
	o.read[name] = true
	value := o.fields[name]
	return value, value != nil
}

func (o *Object) required(name string) { o.Mistake(name, "is required") }

// Has says whether the field, which is known here, is given; null is none.
func (o *Object) Has(name string) bool {
	_, given := o.value(name)
	return given
}

// String reads a text as it stands, "" where there is none; which says whether there was one.
func (o *Object) String(name string) (text string, given bool) {
	value, given := o.value(name)
	if !given {
		return "", false
	}
	text, isText := value.(string)
	if !isText {
		o.Mistake(name, "must be a text")
		return "", false
	}
	return text, true
}

// Line reads a required text of one line.
func (o *Object) Line(name string, max int) string {
	text, given := o.String(name)
	if !given {
		if !o.Has(name) {
			o.required(name)
		}
		return ""
	}
	if err := mci.CheckLine(text, max); err != nil {
		o.Mistake(name, err.Error())
	}
	return strings.TrimSpace(text)
}

// OptionalText reads a text of any number of lines that may be left out or blank.
func (o *Object) OptionalText(name string, max int) string {
	text, _ := o.String(name)
	if err := mci.CheckText(text, max); err != nil {
		o.Mistake(name, err.Error())
	}
	return strings.TrimSpace(text)
}

// Parsed reads a required text by a function that says what is wrong with it.
func Parsed[T any](o *Object, name string, parse func(string) (T, error)) T {
	text, given := o.String(name)
	var value T
	switch {
	case given:
		var err error
		if value, err = parse(text); err != nil {
			o.Mistake(name, err.Error())
		}
	case !o.Has(name):
		o.required(name)
	}
	return value
}

// OptionalParsed reads a text that may be left out as Parsed does.
func OptionalParsed[T any](o *Object, name string, parse func(string) (T, error)) T {
	if !o.Has(name) {
		var none T
		return none
	}
	return Parsed(o, name, parse)
}

// OneOf reads a required text that is one of some words.
func OneOf[T ~string](o *Object, name string, words []T) T {
	return Parsed(o, name, func(text string) (T, error) {
		if !slices.Contains(words, T(text)) {
			return "", fmt.Errorf("must be one of %s", mci.Join(words))
		}
		return T(text), nil
	})
}

// OptionalWhole reads a whole number of at least 1, nil where there is none. JSON writes one number in many ways: 40 is
// 40.0 too.
func (o *Object) OptionalWhole(name string) *int {
	value, given := o.value(name)
	if !given {
		return nil
	}
	number, _ := value.(json.Number)
	// First as a float, which bounds the places that its exact value may need.
	if about, err := number.Float64(); err == nil && about >= 1 && about <= 1_000_000 {
		if exact, err := decimal.NewFromString(number.String()); err == nil && exact.IsInteger() {
			whole := int(exact.IntPart())
			return &whole
		}
	}
	o.Mistake(name, "must be a whole number from 1 to 1000000")
	return nil
}

// OptionalBool reads a true or false, nil where there is none.
func (o *Object) OptionalBool(name string) *bool {
	value, given := o.value(name)
	if !given {
		return nil
	}
	yes, isBool := value.(bool)
	if !isBool {
		o.Mistake(name, "must be true or false")
		return nil
	}
	return &yes
}

// OptionalMoney reads an amount of money from nothing to max, nil where there is none.
func (o *Object) OptionalMoney(name string, max mci.Money) *mci.Money {
	child := o.OptionalObject(name)
	if child == nil {
		return nil
	}
	amount := Parsed(child, "amount", mci.ParseMoney)
	OneOf(child, "currency", []string{mci.Currency})
	if max.Less(amount) {
		child.Mistake("amount", "must be at most "+max.String())
	}
	return &amount
}

// OptionalObject reads an object, nil where there is none.
func (o *Object) OptionalObject(name string) *Object {
	value, given := o.value(name)
	if !given {
		return nil
	}
	fields, isObject := value.(map[string]any)
	if !isObject {
		o.Mistake(name, "must be an object")
		return nil
	}
	child := newObject(o.pointerTo(name), fields)
	o.children = append(o.children, child)
	return child
}

// Object reads a required object, nil where it is missing, which is a mistake.
func (o *Object) Object(name string) *Object {
	if !o.Has(name) {
		o.required(name)
		return nil
	}
	return o.OptionalObject(name)
}

// IDs reads a required list of 1 to max distinct texts.
func (o *Object) IDs(name string, max int) []string {
	value, given := o.value(name)
	if !given {
		o.required(name)
		return nil
	}
	values, isList := value.([]any)
	if !isList {
		o.Mistake(name, "must be a list")
		return nil
	}
	if len(values) < 1 || len(values) > max {
		o.Mistake(name, fmt.Sprintf("must have 1 to %d entries, has %d", max, len(values)))
		return nil
	}
	ids := make([]string, len(values))
	for i, value := range values {
		entry := name + "/" + strconv.Itoa(i)
		id, isText := value.(string)
		switch {
		case !isText || id == "":
			o.mistakes = append(o.mistakes, mci.Mistake{Pointer: o.pointer + "/" + entry, Detail: "must be a text"})
		case slices.Contains(ids[:i], id):
			o.mistakes = append(o.mistakes, mci.Mistake{Pointer: o.pointer + "/" + entry, Detail: "occurs twice"})
		}
		ids[i] = id
	}
	return ids
}
