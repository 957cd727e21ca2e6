package call

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
)

// encodingVersion begins what MarshalBinary writes. It goes up with a change
// that gob would read wrongly instead of refusing.
const encodingVersion = 2

// ErrEncoding is bytes that are no call of this version.
var ErrEncoding = errors.New("call: not an encoded call of this version")

// plain is a Call without its methods, so that gob sees the fields.
type plain Call

// MarshalBinary encodes the whole state of the call, so that it can be carried
// on by another process.
//
// The bytes hold the real numbers of both parties, in clear. They must be sealed
// before they are stored or sent anywhere, and never be logged.
func (c *Call) MarshalBinary() ([]byte, error) {
	b := bytes.NewBuffer([]byte{encodingVersion})
	if err := gob.NewEncoder(b).Encode((*plain)(c)); err != nil {
		return nil, fmt.Errorf("call: encode: %w", err)
	}
	return b.Bytes(), nil
}

// UnmarshalBinary replaces the call by one that MarshalBinary wrote. It returns
// ErrEncoding for anything else and leaves the call as it was; the text of the
// error repeats nothing of the bytes.
func (c *Call) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != encodingVersion {
		return ErrEncoding
	}
	var p plain
	if err := gob.NewDecoder(bytes.NewReader(b[1:])).Decode(&p); err != nil {
		return ErrEncoding
	}
	if p.State > Over {
		return ErrEncoding
	}
	*c = Call(p)
	return nil
}
