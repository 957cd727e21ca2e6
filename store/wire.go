package store

import (
	"encoding/binary"
	"errors"
	"strconv"

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

// appendNumber writes a real number, for a value that is going to be sealed.
func appendNumber(b []byte, n binding.Number) ([]byte, error) {
	v, err := secret(n)
	if err != nil {
		return nil, err
	}
	return binary.AppendUvarint(b, v), nil
}

// secret is the value of a real number, 0 for none. Canonical digits begin with no zero, so that nothing is lost.
func secret(n binding.Number) (uint64, error) {
	if n.IsZero() {
		return 0, nil
	}
	v, err := strconv.ParseUint(n.Digits(), 10, 64)
	if err != nil {
		return 0, errNumber // never err itself, which repeats the digits
	}
	return v, nil
}

var errNumber = errors.New("a number that is not all digits")

func numberOf(v uint64) (binding.Number, error) {
	if v == 0 {
		return binding.Number{}, nil
	}
	n, err := binding.NumberFromDigits(strconv.FormatUint(v, 10))
	if err != nil {
		return binding.Number{}, errNumber
	}
	return n, nil
}
