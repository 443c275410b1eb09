package cloud

import (
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// streamEvent is a record of the table's stream as Lambda hands it to a function.
func streamEvent(record types.Record, stream string) map[string]any {
	change := map[string]any{
		"SequenceNumber": aws.ToString(record.Dynamodb.SequenceNumber),
		"SizeBytes":      aws.ToInt64(record.Dynamodb.SizeBytes),
		"StreamViewType": string(record.Dynamodb.StreamViewType),
	}
	if record.Dynamodb.ApproximateCreationDateTime != nil {
		change["ApproximateCreationDateTime"] = record.Dynamodb.ApproximateCreationDateTime.Unix()
	}
	for name, image := range map[string]map[string]types.AttributeValue{
		"Keys": record.Dynamodb.Keys, "NewImage": record.Dynamodb.NewImage, "OldImage": record.Dynamodb.OldImage} {
		if len(image) > 0 {
			change[name] = attributes(image)
		}
	}
	event := map[string]any{
		"eventID":        aws.ToString(record.EventID),
		"eventName":      string(record.EventName),
		"eventVersion":   "1.1",
		"eventSource":    "aws:dynamodb",
		"awsRegion":      Region,
		"dynamodb":       change,
		"eventSourceARN": stream,
	}
	if record.UserIdentity != nil { // of an item that has expired
		event["userIdentity"] = map[string]any{"type": aws.ToString(record.UserIdentity.Type),
			"principalId": aws.ToString(record.UserIdentity.PrincipalId)}
	}
	return event
}

func attributes(image map[string]types.AttributeValue) map[string]any {
	encoded := make(map[string]any, len(image))
	for name, value := range image {
		encoded[name] = attribute(value)
	}
	return encoded
}

// attribute is a value in DynamoDB's JSON, {"S":"text"}.
func attribute(value types.AttributeValue) map[string]any {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": value.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": value.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": value.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": value.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": base64.StdEncoding.EncodeToString(value.Value)}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": value.Value}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": value.Value}
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": value.Value} // encoding/json writes bytes in base64
	case *types.AttributeValueMemberM:
		return map[string]any{"M": attributes(value.Value)}
	case *types.AttributeValueMemberL:
		list := make([]any, len(value.Value))
		for i, element := range value.Value {
			list[i] = attribute(element)
		}
		return map[string]any{"L": list}
	default:
		return map[string]any{} // DynamoDB has no other types
	}
}
