package record

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// magic begins a file; its last byte is the version.
const magic = "M700REC\x01"

// Bounds of a header.
const (
	MaxID      = 64  // bytes
	maxWrapped = 512 // bytes
	minHeader  = len(magic) + 2 + 1 + 4 + 8 + 1 + 2 + tagSize
	maxHeader  = minHeader + MaxID + maxWrapped
)

// Header is what a recording says of itself in clear. Nothing in it tells who spoke.
type Header struct {
	Cipher  Cipher
	Key     uint32 // the store's key that wraps the data key
	Start   time.Time
	ID      string // of the recording: letters, digits, '-', '_', '.'
	Wrapped []byte // the data key
}

// GoodID reports whether a text may be the id of a recording, which is a file's name too.
func GoodID(id string) bool {
	if id == "" || len(id) > MaxID || id[0] == '.' {
		return false
	}
	for _, b := range []byte(id) {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_', b == '.':
		default:
			return false
		}
	}
	return true
}

// HeaderSize is how long the header of a recording is in a file, for an id and a wrapped key of so many bytes.
func HeaderSize(id string, wrapped int) int { return minHeader + len(id) + wrapped }

// append writes the header without its tag.
func (h *Header) append(b []byte) ([]byte, error) {
	if !GoodID(h.ID) || len(h.Wrapped) > maxWrapped || h.Start.UnixNano() < 0 {
		return nil, fmt.Errorf("%w: a header that cannot be written", ErrFormat)
	}
	length := HeaderSize(h.ID, len(h.Wrapped))
	b = binary.BigEndian.AppendUint16(append(b, magic...), uint16(length))
	b = binary.BigEndian.AppendUint32(append(b, byte(h.Cipher)), h.Key)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Start.UnixNano()))
	b = append(append(b, byte(len(h.ID))), h.ID...)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(h.Wrapped))), h.Wrapped...), nil
}

// ReadHeader reads a header, which is not yet authenticated: its key is in it. It returns the bytes of it as well.
// Errors: ErrFormat, ErrCut when there are too few bytes, or the reader's.
func ReadHeader(r io.Reader) (Header, []byte, error) {
	const fixed = len(magic) + 2
	raw := make([]byte, fixed, maxHeader)
	if err := readFull(r, raw); err != nil {
		return Header{}, nil, err
	}
	length := int(binary.BigEndian.Uint16(raw[len(magic):]))
	if string(raw[:len(magic)]) != magic || length < minHeader || length > maxHeader {
		return Header{}, nil, ErrFormat
	}
	raw = raw[:length]
	if err := readFull(r, raw[fixed:]); err != nil {
		return Header{}, nil, err
	}
	b := raw[fixed : length-tagSize]
	h := Header{Cipher: Cipher(b[0]), Key: binary.BigEndian.Uint32(b[1:])}
	start := int64(binary.BigEndian.Uint64(b[5:]))
	id := int(b[13])
	b = b[14:]
	if start < 0 || len(b) < id+2 {
		return Header{}, nil, ErrFormat
	}
	h.Start, h.ID = time.Unix(0, start).UTC(), string(b[:id])
	wrapped := int(binary.BigEndian.Uint16(b[id:]))
	if b = b[id+2:]; len(b) != wrapped || !GoodID(h.ID) || h.Cipher.String() == "unknown" {
		return Header{}, nil, ErrFormat
	}
	h.Wrapped = b
	return h, raw, nil
}

// readFull fills b. That there is less is ErrCut.
func readFull(r io.Reader, b []byte) error {
	switch _, err := io.ReadFull(r, b); err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return ErrCut
	default:
		return err
	}
}

// authentic checks the tag of a header.
func authentic(a cipher.AEAD, raw []byte) bool {
	n := nonce(0)
	body, tag := raw[:len(raw)-tagSize], raw[len(raw)-tagSize:]
	_, err := a.Open(nil, n[:], tag, body)
	return err == nil
}
