package record

import (
	"bufio"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Unwrap gives the data key of a header.
type Unwrap func(Header) ([]byte, error)

// Reader reads a recording segment by segment.
type Reader struct {
	Header Header

	in     *bufio.Reader
	aead   cipher.AEAD
	hash   [sha256.Size]byte
	number uint64 // of the last segment
	buf    []byte
	end    *End
	err    error // of the last segment, for good
}

// NewReader reads and checks the header. Errors: ErrFormat, ErrCut, ErrDamaged when the header is not as it was
// written, or those of unwrap and of the reader.
func NewReader(r io.Reader, unwrap Unwrap) (*Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	h, raw, err := ReadHeader(in)
	if err != nil {
		return nil, err
	}
	key, err := unwrap(h)
	if err != nil {
		return nil, err
	}
	a, err := h.Cipher.aead(key)
	if err != nil {
		return nil, err
	}
	if !authentic(a, raw) {
		return nil, ErrDamaged
	}
	return &Reader{Header: h, in: in, aead: a, hash: sha256.Sum256(raw)}, nil
}

// Next reads the next segment of voice into c. It returns io.EOF at the end of a whole recording, ErrCut where one
// stops without its end, ErrDamaged where it is not as it was written; then there is nothing more to read.
func (r *Reader) Next(c *Contents) error {
	if r.err == nil {
		r.err = r.next(c)
	}
	return r.err
}

// End is what the last segment says, once Next has returned io.EOF; else nil.
func (r *Reader) End() *End { return r.end }

func (r *Reader) next(c *Contents) error {
	var p [prefix]byte
	if err := readFull(r.in, p[:]); err != nil {
		return err
	}
	length, kind := binary.BigEndian.Uint32(p[:]), p[4]
	if length < tagSize || length > maxSealed {
		return ErrDamaged
	}
	if cap(r.buf) < int(length) {
		r.buf = make([]byte, length)
	}
	r.buf = r.buf[:length]
	if err := readFull(r.in, r.buf); err != nil {
		return err
	}
	contents, ok := openSegment(r.aead, &r.hash, p[:], r.buf, r.number+1)
	if !ok {
		return ErrDamaged
	}
	r.number++
	switch kind {
	case kindVoice:
		if !c.parse(contents) {
			return ErrDamaged
		}
		return nil
	case kindEnd:
		var e End
		if !e.parse(contents) {
			return ErrDamaged
		}
		if _, err := r.in.ReadByte(); err != io.EOF {
			return ErrDamaged // something was put behind it
		}
		r.end = &e
		return io.EOF
	}
	return ErrDamaged
}

// openSegment opens the sealed bytes behind a prefix in their own place, when they have that number.
func openSegment(a cipher.AEAD, header *[sha256.Size]byte, p, sealed []byte, number uint64) ([]byte, bool) {
	if binary.BigEndian.Uint64(p[5:]) != number {
		return nil, false
	}
	n := nonce(number)
	place := placeOf(header, p)
	contents, err := a.Open(sealed[:0], n[:], sealed, place[:])
	return contents, err == nil
}

// Last reads the header and the end of a file of a size and nothing between, for a list. The end is nil when the
// recording has none. Errors are those of NewReader.
func Last(f io.ReaderAt, size int64, unwrap Unwrap) (Header, *End, error) {
	r, err := NewReader(io.NewSectionReader(f, 0, size), unwrap)
	if err != nil {
		return Header{}, nil, err
	}
	var b [EndSize]byte
	if _, err := f.ReadAt(b[:], max(size-EndSize, 0)); err != nil && err != io.EOF {
		return Header{}, nil, err
	}
	if binary.BigEndian.Uint32(b[:]) != endSize+tagSize || b[4] != kindEnd {
		return r.Header, nil, nil
	}
	contents, ok := openSegment(r.aead, &r.hash, b[:prefix], b[prefix:], binary.BigEndian.Uint64(b[5:]))
	var e End
	if !ok || !e.parse(contents) {
		return r.Header, nil, nil
	}
	return r.Header, &e, nil
}
