// Package receipts signs and verifies the receipts of customers' decisions (D28): a JWS in compact form, by a key of
// KMS that no code can read. Keys have numbers, so that a new one leaves old receipts verifiable.
package receipts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"mci.example/customers/shared/mci"
)

// mediaType is the type of a receipt, as its header says it.
const mediaType = "consent-receipt+jwt"

// algorithm signs with ECDSA on the curve P-256, over SHA-256.
const algorithm = jose.ES256

// timeout bounds one use of KMS, its retries included: a customer is told to try again rather than kept waiting.
const timeout = 3 * time.Second

// Key is one of the deployment's keys.
type Key struct {
	Number string // the receipts' kid
	ID     string // the key's ID or ARN in KMS
}

// ParseKeys reads the keys as platform.ReceiptKeys has them, "1=<ID or ARN>,2=…", in the order of their numbers.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	last := 0
	for entry := range strings.SplitSeq(text, ",") {
		number, id, _ := strings.Cut(entry, "=")
		n, err := strconv.Atoi(number)
		if err != nil || n <= last || strconv.Itoa(n) != number || id == "" {
			return nil, fmt.Errorf("receipt keys are written 1=<key ID or ARN>,2=… with rising numbers, not %q", text)
		}
		keys = append(keys, Key{number, id})
		last = n
	}
	return keys, nil
}

// Signer signs receipts with the latest of the deployment's keys.
type Signer struct {
	client *kms.Client
	key    Key
}

// NewSigner signs with the last of the keys; there must be one.
func NewSigner(client *kms.Client, keys []Key) *Signer { return &Signer{client, keys[len(keys)-1]} }

// Sign gives the receipt as a compact JWS. 1 round trip to KMS.
func (s *Signer) Sign(ctx context.Context, receipt mci.Receipt) (string, error) {
	if err := receipt.Check(); err != nil {
		return "", fmt.Errorf("signing a receipt: %w", err)
	}
	payload, err := json.Marshal(receipt)
	if err != nil {
		return "", fmt.Errorf("writing a receipt: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	options := (&jose.SignerOptions{}).WithType(mediaType).WithHeader("kid", s.key.Number)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: signature{ctx, s}}, options)
	if err != nil {
		return "", fmt.Errorf("preparing to sign a receipt: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing a receipt with key %s: %w", s.key.Number, err)
	}
	return signed.CompactSerialize()
}

// signature makes one signature for the JOSE library.
type signature struct {
	ctx    context.Context
	signer *Signer
}

func (signature) Public() *jose.JSONWebKey        { return nil } // the header names the key itself
func (signature) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{algorithm} }

// SignPayload has KMS sign the payload's digest. KMS gives the signature's two numbers in DER; a JWS has them as they
// are, 32 bytes each.
func (s signature) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	digest := sha256.Sum256(payload)
	output, err := s.signer.client.Sign(s.ctx, &kms.SignInput{
		KeyId:            &s.signer.key.ID,
		Message:          digest[:],
		MessageType:      types.MessageTypeDigest,
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, err
	}
	var numbers struct{ R, S *big.Int }
	const size = 32
	rest, err := asn1.Unmarshal(output.Signature, &numbers)
	if err != nil || len(rest) > 0 || !fits(numbers.R, size) || !fits(numbers.S, size) {
		return nil, errors.New("KMS gave something that is no ECDSA signature")
	}
	raw := make([]byte, 2*size)
	numbers.R.FillBytes(raw[:size])
	numbers.S.FillBytes(raw[size:])
	return raw, nil
}

func fits(number *big.Int, size int) bool { return number.Sign() > 0 && number.BitLen() <= 8*size }

// Open signs with the last of the keys that platform.ReceiptKeys names.
func Open(config aws.Config, setting string) (*Signer, error) {
	keys, err := ParseKeys(setting)
	if err != nil {
		return nil, err
	}
	return NewSigner(kms.NewFromConfig(config), keys), nil
}

// OpenPublicKeys gives the public halves of the keys that platform.ReceiptKeys names.
func OpenPublicKeys(config aws.Config, setting string) (*PublicKeys, error) {
	keys, err := ParseKeys(setting)
	if err != nil {
		return nil, err
	}
	return NewPublicKeys(kms.NewFromConfig(config), keys), nil
}

// PublicKeys gives the public halves of the deployment's keys. KMS is asked once for each: a key never changes.
type PublicKeys struct {
	client *kms.Client
	keys   []Key
	known  atomic.Pointer[jose.JSONWebKeySet]
	flight singleflight.Group
}

// NewPublicKeys gives the public halves of these keys.
func NewPublicKeys(client *kms.Client, keys []Key) *PublicKeys {
	return &PublicKeys{client: client, keys: keys}
}

// Set gives the keys of all receipts ever signed; TryAgain where KMS does not answer. The first success is kept; a
// failure is not. Callers that ask at the same time share one answer, and none waits longer than its context. Parallel
// GetPublicKey: 1 round trip to KMS, or none.
func (p *PublicKeys) Set(ctx context.Context) (jose.JSONWebKeySet, error) {
	set, own, err := p.share(ctx)
	if err != nil && !own && ctx.Err() == nil { // the other may have asked long ago, before the environment was frozen
		set, _, err = p.share(ctx)
	}
	return set, err
}

// share asks for the keys, or waits with whoever asks already. It says whether it asked itself.
func (p *PublicKeys) share(ctx context.Context) (set jose.JSONWebKeySet, own bool, err error) {
	if known := p.known.Load(); known != nil {
		return *known, false, nil
	}
	type answer struct {
		set   jose.JSONWebKeySet
		asker *byte
	}
	me := new(byte)
	asked := p.flight.DoChan("", func() (any, error) {
		if known := p.known.Load(); known != nil { // since it was looked at
			return answer{*known, me}, nil
		}
		set, err := p.ask(context.WithoutCancel(ctx))
		if err != nil {
			slog.Error("asking for the keys of receipts", "error", err)
			return answer{asker: me}, errors.Join(errNoKeys, err)
		}
		p.known.Store(&set)
		return answer{set, me}, nil
	})
	select {
	case answered := <-asked:
		got := answered.Val.(answer)
		return got.set, got.asker == me, answered.Err
	case <-ctx.Done():
		return set, false, fmt.Errorf("waiting for the keys of receipts: %w", ctx.Err())
	}
}

var errNoKeys = &mci.Refusal{
	Code: mci.TryAgain, Detail: "The keys of receipts cannot be read just now.", RetryAfter: time.Second,
}

// ask has KMS give the public half of each key.
func (p *PublicKeys) ask(ctx context.Context) (jose.JSONWebKeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, len(p.keys))}
	group, ctx := errgroup.WithContext(ctx)
	for i, key := range p.keys {
		group.Go(func() error {
			output, err := p.client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &key.ID})
			if err != nil {
				return fmt.Errorf("reading the public half of receipt key %s: %w", key.Number, err)
			}
			public, err := x509.ParsePKIXPublicKey(output.PublicKey)
			if err != nil {
				return fmt.Errorf("reading the public half of receipt key %s: %w", key.Number, err)
			}
			set.Keys[i] = jose.JSONWebKey{Key: public, KeyID: key.Number, Algorithm: string(algorithm), Use: "sig"}
			if !canVerify(set.Keys[i]) {
				return fmt.Errorf("receipt key %s is not one of ECDSA on the curve P-256", key.Number)
			}
			return nil
		})
	}
	return set, group.Wait()
}

func canVerify(key jose.JSONWebKey) bool {
	public, ok := key.Key.(*ecdsa.PublicKey)
	return ok && public.Curve == elliptic.P256()
}

// Read gives what a receipt says, whoever signed it: for callers that have no keys and compare it with the claim alone.
func Read(compact string) (mci.Receipt, error) {
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return mci.Receipt{}, fmt.Errorf("it is not a JWS in compact form, signed by %s: %w", algorithm, err)
	}
	var receipt mci.Receipt
	if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &receipt); err != nil {
		return mci.Receipt{}, fmt.Errorf("reading a receipt: %w", err)
	}
	return receipt, nil
}

// Verify gives what a receipt says, if one of the keys signed it and it is whole. The error says why it does not hold.
func Verify(compact string, keys jose.JSONWebKeySet) (mci.Receipt, error) {
	signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return mci.Receipt{}, fmt.Errorf("it is not a JWS in compact form, signed by %s: %w", algorithm, err)
	}
	header := signed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != mediaType {
		return mci.Receipt{}, fmt.Errorf("its header does not say that it is a %s", mediaType)
	}
	named := keys.Key(header.KeyID)
	if header.KeyID == "" || len(named) != 1 || !canVerify(named[0]) {
		return mci.Receipt{}, fmt.Errorf("the key %q, which it names, is not known", header.KeyID)
	}
	payload, err := signed.Verify(named[0])
	if err != nil {
		return mci.Receipt{}, fmt.Errorf("key %s did not sign it: it was altered, or signed by another", header.KeyID)
	}
	var receipt mci.Receipt
	if err := json.Unmarshal(payload, &receipt); err != nil {
		return mci.Receipt{}, fmt.Errorf("what was signed cannot be read: %w", err)
	}
	if err := receipt.Check(); err != nil {
		return mci.Receipt{}, err
	}
	return receipt, nil
}
