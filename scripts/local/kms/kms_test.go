package kms

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
)

// open gives the service of the folder, and a client of it.
func open(t *testing.T, folder string) (*Service, *kms.Client) {
	t.Helper()
	service, err := Open(folder, "us-east-1", "123456789012")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	return service, kms.New(kms.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
}

// verify holds a signature against the public key that the service gives.
func verify(t *testing.T, client *kms.Client, key string, message, signature []byte) bool {
	t.Helper()
	given, err := client.GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(given.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if given.KeySpec != types.KeySpecEccNistP256 || given.KeyUsage != types.KeyUsageTypeSignVerify ||
		aws.ToString(given.KeyId) != key {
		t.Errorf("the key is %+v", given)
	}
	digest := sha256.Sum256(message)
	return ecdsa.VerifyASN1(parsed.(*ecdsa.PublicKey), digest[:], signature)
}

func TestWhatAKeySignsItsPublicKeyVerifies(t *testing.T) {
	folder := t.TempDir()
	service, client := open(t, folder)
	_, key, _ := strings.Cut(service.ReceiptKeys(), "1=")
	message := []byte("what was decided")
	digest := sha256.Sum256(message)
	for kind, content := range map[types.MessageType][]byte{types.MessageTypeRaw: message,
		types.MessageTypeDigest: digest[:]} {
		signed, err := client.Sign(t.Context(), &kms.SignInput{KeyId: aws.String(key), Message: content,
			MessageType: kind, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
		if err != nil {
			t.Fatal(err)
		}
		if !verify(t, client, key, message, signed.Signature) || verify(t, client, key, []byte("another"),
			signed.Signature) {
			t.Errorf("%s: the signature is of something else", kind)
		}
		// The key outlives a restart, and a new key.
		if err := service.AddKey(); err != nil {
			t.Fatal(err)
		}
		var again *kms.Client
		service, again = open(t, folder)
		if !verify(t, again, key, message, signed.Signature) {
			t.Errorf("%s: another start has another key", kind)
		}
	}
	keys := strings.Split(service.ReceiptKeys(), ",")
	if len(keys) != 3 || keys[0] != "1="+key || !strings.HasPrefix(keys[2], "3=arn:aws:kms:") {
		t.Errorf("the keys are %v", keys)
	}
}

func TestRequestsThatKMSRefuses(t *testing.T) {
	service, client := open(t, t.TempDir())
	_, key, _ := strings.Cut(service.ReceiptKeys(), "1=")
	good := kms.SignInput{KeyId: aws.String(key), Message: []byte("x"), MessageType: types.MessageTypeRaw,
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256}
	for name, test := range map[string]struct {
		change func(*kms.SignInput)
		code   string
	}{
		"a key that is not there": {func(i *kms.SignInput) { i.KeyId = aws.String("other") }, "NotFoundException"},
		"another algorithm": {func(i *kms.SignInput) { i.SigningAlgorithm = types.SigningAlgorithmSpecEcdsaSha384 },
			"InvalidKeyUsageException"},
		"a digest that is none": {func(i *kms.SignInput) {
			i.MessageType = types.MessageTypeDigest
		}, "ValidationException"},
		"a message too long": {func(i *kms.SignInput) { i.Message = bytes.Repeat([]byte("x"), 4097) },
			"ValidationException"},
	} {
		input := good
		test.change(&input)
		_, err := client.Sign(t.Context(), &input)
		if problem := smithy.APIError(nil); !errors.As(err, &problem) || problem.ErrorCode() != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := client.ListKeys(t.Context(), &kms.ListKeysInput{})
	if problem := smithy.APIError(nil); !errors.As(err, &problem) ||
		problem.ErrorCode() != "UnknownOperationException" {
		t.Errorf("another action: %v", err)
	}
}
