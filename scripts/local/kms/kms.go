// Package kms is the one-machine cloud's edge to AWS KMS: it speaks KMS's JSON protocol for Sign and GetPublicKey, with
// keys of its own on the curve P-256.
package kms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// algorithm is the only one that the keys know.
const algorithm = "ECDSA_SHA_256"

// maximumMessage is KMS's limit for a message that it hashes itself.
const maximumMessage = 4096

// Service answers KMS's requests by the keys of a folder.
type Service struct {
	folder string
	arn    string // what a key's ARN begins with

	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey // by ID
}

// Open gives the service with the keys that the folder holds, in files named 1.pem, 2.pem and so on. It makes the first
// key where there is none.
func Open(folder, region, account string) (*Service, error) {
	arn := "arn:aws:kms:" + region + ":" + account + ":key/"
	s := &Service{folder: folder, arn: arn, keys: map[string]*ecdsa.PrivateKey{}}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of keys: %w", err)
	}
	for number := 1; ; number++ {
		content, err := os.ReadFile(s.file(number))
		if os.IsNotExist(err) && number > 1 {
			return s, nil
		}
		if os.IsNotExist(err) {
			return s, s.AddKey()
		}
		if err != nil {
			return nil, fmt.Errorf("read a key: %w", err)
		}
		block, _ := pem.Decode(content)
		if block == nil {
			return nil, fmt.Errorf("%s holds no key", s.file(number))
		}
		if s.keys[keyID(number)], err = x509.ParseECPrivateKey(block.Bytes); err != nil {
			return nil, fmt.Errorf("read the key in %s: %w", s.file(number), err)
		}
	}
}

func (s *Service) file(number int) string {
	return filepath.Join(s.folder, strconv.Itoa(number)+".pem")
}

// keyID is the ID of a key, which as KMS's has the form of a UUID.
func keyID(number int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", number) }

// AddKey makes the key of the next number and keeps it.
func (s *Service) AddKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	number := len(s.keys) + 1
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
	if err := os.WriteFile(s.file(number), block, 0o600); err != nil {
		return fmt.Errorf("keep a key: %w", err)
	}
	s.keys[keyID(number)] = key
	return nil
}

// ReceiptKeys gives the keys as functions are told of them: 1=<ARN>,2=<ARN>, by number.
func (s *Service) ReceiptKeys() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, len(s.keys))
	for i := range keys {
		keys[i] = strconv.Itoa(i+1) + "=" + s.arn + keyID(i+1)
	}
	return strings.Join(keys, ",")
}

// request has the parameters of both actions.
type request struct {
	KeyID     string `json:"KeyId"`
	Message   []byte
	Type      string `json:"MessageType"`
	Algorithm string `json:"SigningAlgorithm"`
}

// actions are those that the service knows.
var actions = map[string]func(request, *ecdsa.PrivateKey) (map[string]any, *Problem){
	"Sign": sign, "GetPublicKey": publicKey,
}

// ServeHTTP answers Sign and GetPublicKey.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, isKMS := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	answer := actions[action]
	if r.Method != http.MethodPost || !isKMS || answer == nil {
		Problem{http.StatusBadRequest, "UnknownOperationException", "only Sign and GetPublicKey are known"}.Write(w)
		return
	}
	var asked request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&asked); err != nil {
		Problem{http.StatusBadRequest, "SerializationException", "the request is not understood: " +
			err.Error()}.Write(w)
		return
	}
	id := strings.TrimPrefix(asked.KeyID, s.arn)
	s.mu.Lock()
	key := s.keys[id]
	s.mu.Unlock()
	if key == nil {
		Problem{http.StatusBadRequest, "NotFoundException", "Key '" + s.arn + id + "' does not exist"}.Write(w)
		return
	}
	content, problem := answer(asked, key)
	if problem != nil {
		problem.Write(w)
		return
	}
	content["KeyId"] = s.arn + id
	write(w, http.StatusOK, content)
}

func sign(asked request, key *ecdsa.PrivateKey) (map[string]any, *Problem) {
	refuse := func(kind, message string) (map[string]any, *Problem) {
		return nil, &Problem{http.StatusBadRequest, kind, message}
	}
	if asked.Algorithm != algorithm {
		return refuse("InvalidKeyUsageException",
			"Algorithm "+asked.Algorithm+" is incompatible with key spec ECC_NIST_P256.")
	}
	digest := asked.Message
	switch asked.Type {
	case "", "RAW":
		if len(asked.Message) == 0 || len(asked.Message) > maximumMessage {
			return refuse("ValidationException", "a message has 1 to 4096 bytes: sign its digest where it is longer")
		}
		sum := sha256.Sum256(asked.Message)
		digest = sum[:]
	case "DIGEST":
		if len(digest) != sha256.Size {
			return refuse("ValidationException", "Digest is invalid length for algorithm "+algorithm+".")
		}
	default:
		return refuse("ValidationException", "MessageType is neither RAW nor DIGEST")
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest)
	if err != nil {
		return nil, &Problem{http.StatusInternalServerError, "KMSInternalException", err.Error()}
	}
	return map[string]any{"Signature": signature, "SigningAlgorithm": algorithm}, nil
}

func publicKey(_ request, key *ecdsa.PrivateKey) (map[string]any, *Problem) {
	encoded, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, &Problem{http.StatusInternalServerError, "KMSInternalException", err.Error()}
	}
	return map[string]any{"PublicKey": encoded, "KeySpec": "ECC_NIST_P256", "CustomerMasterKeySpec": "ECC_NIST_P256",
		"KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": []string{algorithm}}, nil
}

// Problem is an error as KMS words it.
type Problem struct {
	Status  int
	Kind    string
	Message string
}

// Write answers with the problem.
func (p Problem) Write(w http.ResponseWriter) {
	write(w, p.Status, map[string]any{"__type": p.Kind, "message": p.Message})
}

func write(w http.ResponseWriter, status int, content map[string]any) {
	encoded, err := json.Marshal(content)
	if err != nil {
		panic(err) // strings and bytes always encode
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	w.Write(encoded) // a function that has gone away is not told
}
