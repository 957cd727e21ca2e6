package call

import (
	"bytes"
	"encoding/gob"
	"fmt"
)

// plain is a Call without its methods, so that gob looks at the fields.
type plain Call

// MarshalBinary encodes the whole state of the call, so that it can go on from
// what [Call.UnmarshalBinary] makes of it. The bytes hold the real numbers of
// both parties: they must be sealed before they touch a disk or a socket.
func (c *Call) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode((*plain)(c)); err != nil {
		return nil, fmt.Errorf("encoding a call: %w", err)
	}
	return b.Bytes(), nil
}

// UnmarshalBinary replaces the call by one that was encoded. After an error the
// call is what it was.
func (c *Call) UnmarshalBinary(b []byte) error {
	var p plain
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&p); err != nil {
		return fmt.Errorf("decoding a call: %w", err)
	}
	*c = Call(p)
	return nil
}
