package store

import (
	"encoding/binary"
	"errors"

	"mask700/binding"
)

// errWire says that opened bytes are not a row of this version. It is wrapped in ErrCorrupt where the row is known.
var errWire = errors.New("not a row of this version")

// wire reads the fields of a row one after the other. After the first fault it returns zeroes and keeps the fault.
type wire struct {
	b   []byte
	err error
}

func (w *wire) fail() { w.b, w.err = nil, errWire }

func (w *wire) bytes(n uint64) []byte {
	if n > uint64(len(w.b)) {
		w.fail()
		return nil
	}
	out := w.b[:n]
	w.b = w.b[n:]
	return out
}

func (w *wire) byte() byte {
	b := w.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (w *wire) uint32() uint32 {
	b := w.bytes(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (w *wire) uint64() uint64 {
	b := w.bytes(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (w *wire) uvarint() uint64 {
	v, n := binary.Uvarint(w.b)
	if n <= 0 {
		w.fail()
		return 0
	}
	w.b = w.b[n:]
	return v
}

func (w *wire) text() string { return string(w.bytes(w.uvarint())) }

func (w *wire) number() binding.Number {
	n, err := numberOf(w.uvarint())
	if err != nil {
		w.fail()
	}
	return n
}

// end faults bytes left over and returns the fault of the row, if there is one.
func (w *wire) end() error {
	if w.err == nil && len(w.b) != 0 {
		w.fail()
	}
	return w.err
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
