// Package capacity has DynamoDB say what requests consume.
package capacity

import (
	"encoding/json"
	"slices"
)

// asked are the actions that can say what they consume.
var asked = []string{"GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem",
	"BatchWriteItem", "TransactGetItems", "TransactWriteItems"}

// Ask adds to a request's body that the answer shall say what was consumed.
func Ask(action string, body []byte) []byte {
	var parameters map[string]json.RawMessage
	if !slices.Contains(asked, action) || json.Unmarshal(body, &parameters) != nil {
		return body
	}
	parameters["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	asking, err := json.Marshal(parameters)
	if err != nil {
		return body
	}
	return asking
}

// Of adds up what an answer says was consumed, by one table or by a list of them.
func Of(answer []byte) (units float64) {
	var said struct{ ConsumedCapacity json.RawMessage }
	if json.Unmarshal(answer, &said) != nil || said.ConsumedCapacity == nil {
		return 0
	}
	type consumed struct{ CapacityUnits float64 }
	var list []consumed
	if json.Unmarshal(said.ConsumedCapacity, &list) != nil {
		list = make([]consumed, 1)
		if json.Unmarshal(said.ConsumedCapacity, &list[0]) != nil {
			return 0
		}
	}
	for _, one := range list {
		units += one.CapacityUnits
	}
	return units
}
