package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pattern is an event pattern as EventBridge and event source mappings take it: an object whose leaves are lists of
// alternatives. The nil pattern matches everything.
type pattern map[string]any

// parsePattern reads a pattern and refuses what it does not know, rather than never matching it.
func parsePattern(text string) (pattern, error) {
	if text == "" {
		return nil, nil
	}
	parsed, err := decodeNumbers([]byte(text))
	if err != nil {
		return nil, err
	}
	object, ok := parsed.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a pattern is an object")
	}
	return object, checkPattern(object)
}

func checkPattern(object map[string]any) error {
	for name, value := range object {
		switch value := value.(type) {
		case map[string]any:
			if err := checkPattern(value); err != nil {
				return err
			}
		case []any:
			for _, alternative := range value {
				if operator, isObject := alternative.(map[string]any); isObject && name == "$or" {
					if err := checkPattern(operator); err != nil {
						return err
					}
				} else if isObject {
					if err := checkOperator(operator); err != nil {
						return fmt.Errorf("%s: %w", name, err)
					}
				}
			}
		default:
			return fmt.Errorf("%s: a leaf of a pattern is a list", name)
		}
	}
	return nil
}

func checkOperator(operator map[string]any) error {
	if len(operator) != 1 {
		return fmt.Errorf("an operator stands alone")
	}
	for name := range operator {
		if operators[name] == nil {
			return fmt.Errorf("operator %q is not known", name)
		}
	}
	return nil
}

// matches says whether the event, an encoded JSON object, matches.
func (p pattern) matches(event []byte) (bool, error) {
	value, err := decodeNumbers(event)
	if err != nil {
		return false, fmt.Errorf("read an event: %w", err)
	}
	return matchObject(p, value), nil
}

func matchObject(pattern map[string]any, value any) bool {
	object, _ := value.(map[string]any) // an absent object has no fields
	for name, want := range pattern {
		if name == "$or" {
			if !slices.ContainsFunc(want.([]any), func(branch any) bool {
				return matchObject(branch.(map[string]any), value)
			}) {
				return false
			}
			continue
		}
		got, present := object[name]
		var matched bool
		switch want := want.(type) {
		case map[string]any:
			matched = matchObject(want, got)
		case []any:
			matched = matchLeaf(want, got, present)
		}
		if !matched {
			return false
		}
	}
	return true
}

// matchLeaf says whether one of the alternatives fits the value, or one of its elements if it is a list.
func matchLeaf(alternatives []any, got any, present bool) bool {
	values := []any{got}
	if list, isList := got.([]any); isList {
		values = list
	}
	if _, isObject := got.(map[string]any); isObject {
		present, values = false, []any{nil} // only a leaf can match
	}
	for _, alternative := range alternatives {
		operator, isOperator := alternative.(map[string]any)
		for _, value := range values {
			if !isOperator && present && equal(alternative, value) {
				return true
			}
			for name, argument := range operator {
				if operators[name](argument, value, present) {
					return true
				}
			}
		}
	}
	return false
}

// operators of a pattern's leaf, besides the plain value.
var operators = map[string]func(argument, value any, present bool) bool{
	"exists":             func(argument, _ any, present bool) bool { return argument == present },
	"prefix":             textOperator("prefix"),
	"suffix":             textOperator("suffix"),
	"equals-ignore-case": textOperator("equals-ignore-case"),
	"anything-but":       func(argument, value any, present bool) bool { return present && !anyOf(argument, value) },
	"numeric":            func(argument, value any, present bool) bool { return present && numeric(argument, value) },
}

// textTests are the operators on strings, which anything-but takes too.
var textTests = map[string]func(text, want string) bool{
	"prefix":             strings.HasPrefix,
	"suffix":             strings.HasSuffix,
	"equals-ignore-case": strings.EqualFold,
}

func textOperator(name string) func(argument, value any, present bool) bool {
	return func(argument, value any, present bool) bool { return present && textTest(name, argument, value) }
}

func textTest(name string, argument, value any) bool {
	text, isText := value.(string)
	want, isString := argument.(string)
	test := textTests[name]
	return isText && isString && test != nil && test(text, want)
}

// anyOf is what anything-but negates: a value, a list of them, or an operator on strings.
func anyOf(argument, value any) bool {
	switch argument := argument.(type) {
	case []any:
		return slices.ContainsFunc(argument, func(one any) bool { return equal(one, value) })
	case map[string]any:
		for name, nested := range argument {
			if textTest(name, nested, value) {
				return true
			}
		}
		return false
	default:
		return equal(argument, value)
	}
}

// numeric compares a number as in [">=", 0, "<", 5].
func numeric(argument, value any) bool {
	conditions, isList := argument.([]any)
	got, isNumber := number(value)
	if !isList || !isNumber || len(conditions) == 0 || len(conditions)%2 != 0 {
		return false
	}
	for i := 0; i < len(conditions); i += 2 {
		bound, isNumber := number(conditions[i+1])
		holds := map[any]bool{"=": got == bound, "<": got < bound, "<=": got <= bound, ">": got > bound,
			">=": got >= bound}
		if !isNumber || !holds[conditions[i]] {
			return false
		}
	}
	return true
}

func equal(a, b any) bool {
	left, leftNumber := number(a)
	right, rightNumber := number(b)
	if leftNumber && rightNumber {
		return left == right
	}
	return a == b
}

func number(value any) (float64, bool) {
	literal, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}
	parsed, err := strconv.ParseFloat(string(literal), 64)
	return parsed, err == nil
}

func decodeNumbers(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}
