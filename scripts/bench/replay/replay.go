// Package replay is how the benchmark tells the floor which requests a function's call consisted of.
package replay

import "encoding/json"

// Load begins a payload that holds a Program, and Once one whose only call is made at once; End ends the number that
// begins any other.
const (
	Load = "load "
	Once = "once "
	End  = "\n"
)

// Program is a list of calls to learn, in addition to those that are known unless it is the first part.
type Program struct {
	First bool
	Calls []Call
}

// Call is what one call of a function asked of DynamoDB, SES and KMS: requests of one wave are sent at once, Limit at a
// time where it is set, and waves one after another.
type Call struct {
	Waves  [][]Request
	Limit  int
	Answer []byte // what to answer
}

// Request is one request as it went over the wire. The names of its parameters are those of the SDK's input.
type Request struct {
	Action string
	Body   json.RawMessage
}
