package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"mci.example/customers/scripts/bench/replay"
)

// prepare turns a recorded request into the SDK's input, so that making the call costs what the SDK costs and no more.
func (f *floor) prepare(request replay.Request) (send, error) {
	switch request.Action {
	case "GetItem":
		return input(request, func(ctx context.Context, in dynamodb.GetItemInput) error {
			_, err := f.table.GetItem(ctx, &in)
			return err
		})
	case "Query":
		return input(request, func(ctx context.Context, in dynamodb.QueryInput) error {
			_, err := f.table.Query(ctx, &in)
			return err
		})
	case "BatchGetItem":
		return input(request, func(ctx context.Context, in dynamodb.BatchGetItemInput) error {
			_, err := f.table.BatchGetItem(ctx, &in)
			return err
		})
	case "UpdateItem":
		return input(request, func(ctx context.Context, in dynamodb.UpdateItemInput) error {
			_, err := f.table.UpdateItem(ctx, &in)
			return err
		})
	case "TransactWriteItems":
		return input(request, func(ctx context.Context, in dynamodb.TransactWriteItemsInput) error {
			_, err := f.table.TransactWriteItems(ctx, &in)
			return err
		})
	case "SendEmail":
		return input(request, func(ctx context.Context, in sesv2.SendEmailInput) error {
			_, err := f.mail.SendEmail(ctx, &in)
			return err
		})
	case "Sign":
		return input(request, func(ctx context.Context, in kms.SignInput) error {
			_, err := f.keys.Sign(ctx, &in)
			return err
		})
	case "GetPublicKey":
		return input(request, func(ctx context.Context, in kms.GetPublicKeyInput) error {
			_, err := f.keys.GetPublicKey(ctx, &in)
			return err
		})
	}
	return nil, fmt.Errorf("no function was ever seen to send this")
}

// input reads the request's parameters once, and sends a copy of them each time: the SDK fills in a token of its own.
func input[Input any](request replay.Request, send func(ctx context.Context, in Input) error) (
	func(ctx context.Context) error, error) {
	decoder := json.NewDecoder(bytes.NewReader(request.Body))
	decoder.UseNumber()
	var parameters map[string]any
	if err := decoder.Decode(&parameters); err != nil {
		return nil, err
	}
	// The token makes the engine take a repeated transaction for one that was made already.
	delete(parameters, "ClientRequestToken")
	var prepared Input
	if err := fill(reflect.ValueOf(&prepared).Elem(), parameters); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return send(ctx, prepared) }, nil
}

var attributeValue = reflect.TypeFor[types.AttributeValue]()

// fill sets an input, or a part of one, to what was on the wire, where all names are the same.
func fill(target reflect.Value, value any) error {
	if target.Type() == attributeValue {
		attribute, err := attributeOf(value)
		if err == nil {
			target.Set(reflect.ValueOf(attribute))
		}
		return err
	}
	wrong := func() error { return fmt.Errorf("%T is no %s", value, target.Type()) }
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return fill(target.Elem(), value)
	case reflect.Struct:
		fields, isObject := value.(map[string]any)
		if !isObject {
			return wrong()
		}
		for name, value := range fields {
			field := target.FieldByName(name)
			if !field.IsValid() {
				return fmt.Errorf("%s has no %s", target.Type(), name)
			}
			if err := fill(field, value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	case reflect.Map:
		entries, isObject := value.(map[string]any)
		if !isObject {
			return wrong()
		}
		target.Set(reflect.MakeMapWithSize(target.Type(), len(entries)))
		for name, value := range entries {
			entry := reflect.New(target.Type().Elem()).Elem()
			if err := fill(entry, value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			target.SetMapIndex(reflect.ValueOf(name).Convert(target.Type().Key()), entry)
		}
	case reflect.Slice:
		return fillSlice(target, value)
	case reflect.String:
		text, isText := value.(string)
		if !isText {
			return wrong()
		}
		target.SetString(text)
	case reflect.Bool:
		said, isBool := value.(bool)
		if !isBool {
			return wrong()
		}
		target.SetBool(said)
	case reflect.Int32, reflect.Int64:
		digits, isNumber := value.(json.Number)
		if !isNumber {
			return wrong()
		}
		number, err := digits.Int64()
		if err != nil {
			return err
		}
		target.SetInt(number)
	default:
		return wrong()
	}
	return nil
}

func fillSlice(target reflect.Value, value any) error {
	if target.Type().Elem().Kind() == reflect.Uint8 {
		text, isText := value.(string)
		if !isText {
			return fmt.Errorf("%T is no blob", value)
		}
		blob, err := base64.StdEncoding.DecodeString(text)
		target.SetBytes(blob)
		return err
	}
	elements, isList := value.([]any)
	if !isList {
		return fmt.Errorf("%T is no list", value)
	}
	target.Set(reflect.MakeSlice(target.Type(), len(elements), len(elements)))
	for i, element := range elements {
		if err := fill(target.Index(i), element); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

// attributeOf reads {"S":"…"} and the like.
func attributeOf(value any) (types.AttributeValue, error) {
	typed, isObject := value.(map[string]any)
	if !isObject || len(typed) != 1 {
		return nil, fmt.Errorf("%T is no attribute", value)
	}
	members := map[string]types.AttributeValue{
		"S": &types.AttributeValueMemberS{}, "N": &types.AttributeValueMemberN{}, "B": &types.AttributeValueMemberB{},
		"BOOL": &types.AttributeValueMemberBOOL{}, "NULL": &types.AttributeValueMemberNULL{},
		"M": &types.AttributeValueMemberM{}, "L": &types.AttributeValueMemberL{},
		"SS": &types.AttributeValueMemberSS{}, "NS": &types.AttributeValueMemberNS{},
		"BS": &types.AttributeValueMemberBS{},
	}
	for name, content := range typed {
		member, known := members[name]
		if !known {
			return nil, fmt.Errorf("there are no attributes of type %s", name)
		}
		return member, fill(reflect.ValueOf(member).Elem().FieldByName("Value"), content)
	}
	return nil, nil
}
