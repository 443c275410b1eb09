package cloud

import (
	"testing"

	"mci.example/customers/shared/platform"
)

func TestPatterns(t *testing.T) {
	for name, test := range map[string]struct {
		pattern, event string
		matches        bool
	}{
		"no pattern matches everything":     {``, `{"a":1}`, true},
		"one of the alternatives":           {`{"a":["x","y"]}`, `{"a":"y"}`, true},
		"none of the alternatives":          {`{"a":["x","y"]}`, `{"a":"z"}`, false},
		"an absent field":                   {`{"a":["x"]}`, `{}`, false},
		"all fields must match":             {`{"a":["x"],"b":["y"]}`, `{"a":"x"}`, false},
		"other fields do not matter":        {`{"a":["x"]}`, `{"a":"x","b":1}`, true},
		"nested":                            {`{"a":{"b":["x"]}}`, `{"a":{"b":"x"}}`, true},
		"nested in what is not there":       {`{"a":{"b":["x"]}}`, `{}`, false},
		"numbers by value":                  {`{"a":[1]}`, `{"a":1.0}`, true},
		"a number is not a string":          {`{"a":[1]}`, `{"a":"1"}`, false},
		"true":                              {`{"a":[true]}`, `{"a":true}`, true},
		"null is null":                      {`{"a":[null]}`, `{"a":null}`, true},
		"null is not absent":                {`{"a":[null]}`, `{}`, false},
		"an element of a list":              {`{"a":["x"]}`, `{"a":["w","x"]}`, true},
		"exists":                            {`{"a":[{"exists":true}]}`, `{"a":""}`, true},
		"exists, and does not":              {`{"a":[{"exists":true}]}`, `{}`, false},
		"exists not":                        {`{"a":[{"exists":false}]}`, `{}`, true},
		"exists not, nested in what is not": {`{"a":{"b":[{"exists":false}]}}`, `{}`, true},
		"prefix":                            {`{"a":[{"prefix":"x"}]}`, `{"a":"xy"}`, true},
		"prefix of a number":                {`{"a":[{"prefix":"1"}]}`, `{"a":1}`, false},
		"suffix":                            {`{"a":[{"suffix":"y"}]}`, `{"a":"xy"}`, true},
		"whatever the case":                 {`{"a":[{"equals-ignore-case":"X"}]}`, `{"a":"x"}`, true},
		"anything but one":                  {`{"a":[{"anything-but":"x"}]}`, `{"a":"y"}`, true},
		"anything but one, and it is":       {`{"a":[{"anything-but":"x"}]}`, `{"a":"x"}`, false},
		"anything but a list":               {`{"a":[{"anything-but":["x","y"]}]}`, `{"a":"y"}`, false},
		"anything but a prefix":             {`{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"a":"xy"}`, false},
		"anything but must be there":        {`{"a":[{"anything-but":"x"}]}`, `{}`, false},
		"a range":                           {`{"a":[{"numeric":[">",0,"<=",5]}]}`, `{"a":5}`, true},
		"out of the range":                  {`{"a":[{"numeric":[">",0,"<=",5]}]}`, `{"a":0}`, false},
		"or":                                {`{"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"b":"y"}`, true},
		"or, and neither":                   {`{"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"a":"y","b":"x"}`, false},
		"a leaf does not match an object":   {`{"a":[{"exists":true}]}`, `{"a":{"b":1}}`, false},
		"the table's own: a consent that counts": {platform.Stream.Filter, consent("MODIFY", "consent-pending",
			"consented", "partner-led"), true},
		"the table's own: a new claim": {platform.Stream.Filter, consent("INSERT", "consent-pending", "consented",
			"partner-led"), false},
		"the table's own: a later change": {platform.Stream.Filter, consent("MODIFY", "consented", "consented",
			"partner-led"), false},
		"the table's own: upgraded already": {platform.Stream.Filter, consent("MODIFY", "consent-pending", "consented",
			"co-sell"), false},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := parsePattern(test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			matches, err := parsed.matches([]byte(test.event))
			if err != nil || matches != test.matches {
				t.Errorf("matches: %t, %v", matches, err)
			}
		})
	}
	for _, wrong := range []string{`[]`, `{"a":"x"}`, `{"a":[{"cidr":"10.0.0.0/8"}]}`,
		`{"a":[{"prefix":"x","suffix":"y"}]}`, `{`} {
		if _, err := parsePattern(wrong); err == nil {
			t.Errorf("%s was taken for a pattern", wrong)
		}
	}
}

func consent(name, from, to, referral string) string {
	return `{"eventName":"` + name + `","dynamodb":{"OldImage":{"status":{"S":"` + from +
		`"}},"NewImage":{"status":{"S":"` + to +
		`"},"referral":{"M":{"type":{"S":"` + referral + `"}}}}}}`
}
