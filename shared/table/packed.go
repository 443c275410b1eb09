package table

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// packed is a text that the table keeps compressed, for it is long, seldom read, and charged by the kilobyte.
type packed struct {
	text   string
	stored []byte // as it was read; another version of the compressor may write the same text otherwise
}

// packers and unpackers are kept, for one takes far longer to make than to use.
var (
	packers   sync.Pool
	unpackers = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// maxPacked is far more than any text that is packed.
const maxPacked = 1 << 20

// MarshalDynamoDBAttributeValue gives the compressed text.
func (p packed) MarshalDynamoDBAttributeValue() (types.AttributeValue, error) {
	if p.stored != nil {
		return &types.AttributeValueMemberB{Value: p.stored}, nil
	}
	var compressed bytes.Buffer
	writer, kept := packers.Get().(*flate.Writer)
	if !kept {
		var err error
		if writer, err = flate.NewWriter(nil, flate.DefaultCompression); err != nil {
			return nil, fmt.Errorf("making a compressor: %w", err)
		}
	}
	defer packers.Put(writer)
	writer.Reset(&compressed)
	if _, err := io.WriteString(writer, p.text); err != nil {
		return nil, fmt.Errorf("compressing a text: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("compressing a text: %w", err)
	}
	return &types.AttributeValueMemberB{Value: compressed.Bytes()}, nil
}

// UnmarshalDynamoDBAttributeValue reads what Marshal gave, and nothing else.
func (p *packed) UnmarshalDynamoDBAttributeValue(value types.AttributeValue) error {
	stored, isBinary := value.(*types.AttributeValueMemberB)
	if !isBinary {
		return fmt.Errorf("a compressed text is stored as %T", value)
	}
	compressed := bytes.NewReader(stored.Value)
	reader := unpackers.Get().(io.Reader)
	defer unpackers.Put(reader)
	if err := reader.(flate.Resetter).Reset(compressed, nil); err != nil {
		return fmt.Errorf("decompressing a text: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxPacked))
	if err != nil {
		return fmt.Errorf("decompressing a text: %w", err)
	}
	if compressed.Len() > 0 {
		return fmt.Errorf("%d bytes follow a compressed text", compressed.Len())
	}
	p.text, p.stored = string(text), stored.Value
	return nil
}
