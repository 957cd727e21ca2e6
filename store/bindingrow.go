package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"mask700/binding"
)

// Version of the binding row. A row of another version is not guessed at.
const rowVersion = 1

// rowHeader stands in clear in front of a sealed binding; the seal covers it.
//
//	 0 version u8   1
//	 1 copy u8      1: the row under Y of a binding whose own row is under X
//	 2 moved u16    nanoseconds that the key's start is after CreatedAt
//	 4 tenant u32
//	 8 data key u32
//	12 expires u64  nanoseconds since 1970, 0: never
//	20 ended u64    nanoseconds since 1970, 0: not unbound
type rowHeader struct {
	copy    bool
	moved   uint16
	tenant  uint32
	dataKey uint32
	expires int64
	ended   int64
}

const rowHeaderSize = 28

func (h *rowHeader) append(b []byte) []byte {
	b = append(b, rowVersion, 0)
	if h.copy {
		b[len(b)-1] = 1
	}
	b = binary.BigEndian.AppendUint16(b, h.moved)
	b = binary.BigEndian.AppendUint32(b, h.tenant)
	b = binary.BigEndian.AppendUint32(b, h.dataKey)
	b = binary.BigEndian.AppendUint64(b, uint64(h.expires))
	return binary.BigEndian.AppendUint64(b, uint64(h.ended))
}

// parseRowHeader returns the header and the sealed rest of a value.
func parseRowHeader(value []byte) (h rowHeader, sealed []byte, err error) {
	if len(value) < rowHeaderSize || value[0] != rowVersion || value[1] > 1 {
		return rowHeader{}, nil, errWire
	}
	h.copy = value[1] == 1
	h.moved = binary.BigEndian.Uint16(value[2:])
	h.tenant = binary.BigEndian.Uint32(value[4:])
	h.dataKey = binary.BigEndian.Uint32(value[8:])
	h.expires = int64(binary.BigEndian.Uint64(value[12:]))
	h.ended = int64(binary.BigEndian.Uint64(value[20:]))
	if h.expires < 0 || h.ended < 0 {
		return rowHeader{}, nil, errWire
	}
	return h, value[rowHeaderSize:], nil
}

// times returns a binding that has only its times: enough to tell its state without opening the row.
func (h *rowHeader) times(p place) binding.Binding {
	return binding.Binding{
		CreatedAt: timeOf(int64(p.start) - int64(h.moved)),
		ExpiresAt: timeOf(h.expires),
		EndedAt:   timeOf(h.ended),
	}
}

// Modes and directions as the sealed row holds them: the index. New ones are added at the end.
var (
	rowModes = [...]binding.Mode{binding.ModeAXB, binding.ModeAXYB, binding.ModeGXB, binding.ModeGXYB, binding.ModeAX,
		binding.ModeAXE, binding.ModeRemote}
	rowOneWays = [...]binding.OneWay{binding.BothWays, binding.OneWayAToB, binding.OneWayBToA}
)

// recordBit in the direction says that calls are recorded. A release before it refuses such a row: it would carry the
// calls and record none.
const recordBit = 0x80

// Bounds of what one row may hold: a list of any number of rows must fit in memory.
const (
	maxID      = 64
	maxText    = 4096
	maxMembers = 1000
)

// checkBinding refuses what a row cannot hold.
func checkBinding(b *binding.Binding) error {
	switch {
	case b.ID == "" || len(b.ID) > maxID:
		return fmt.Errorf("%w: a binding without an id, or with one over %d bytes", ErrRow, maxID)
	case !b.X.Valid() || b.Y != 0 && !b.Y.Valid() || b.X == b.Y:
		return fmt.Errorf("%w: the binding's X or Y is not a 700 number, or they are one", ErrRow)
	case !slices.Contains(rowModes[:], b.Mode):
		return fmt.Errorf("%w: %w", ErrRow, binding.ErrMode)
	case !slices.Contains(rowOneWays[:], b.OneWay):
		return fmt.Errorf("%w: a direction that is not known", ErrRow)
	case len(b.Group) > maxMembers:
		return fmt.Errorf("%w: more than %d members in a group", ErrRow, maxMembers)
	case b.MaxDuration < 0:
		return fmt.Errorf("%w: a negative duration", ErrRow)
	case b.CreatedAt.IsZero():
		return fmt.Errorf("%w: a binding that was never created", ErrRow)
	}
	for _, s := range []string{b.Order, b.Consent, b.IndustrialID, b.Tenant, b.Data, b.Extension} {
		if len(s) > maxText {
			return fmt.Errorf("%w: a text over %d bytes", ErrRow, maxText)
		}
	}
	for _, t := range []time.Time{b.CreatedAt, b.ExpiresAt, b.EndedAt} {
		if _, ok := nanos(t); !ok {
			return errTime
		}
	}
	return nil
}

var errTime = fmt.Errorf("%w: a time before 1970 or after 2262", ErrRow)

// appendBinding writes what is sealed of a binding: everything but the times and the tenant, which the header and the
// key have.
//
//	mode u8, direction u8, id, A, B, other number, max duration in nanoseconds, members, each member, order, consent,
//	industrial id, data, extension
//
// The other number is Y, or X in the copy under Y, 0 for none. Texts are a length and the bytes, numbers are their
// digits as an integer; all integers are unsigned varints.
func appendBinding(b []byte, row *binding.Binding, other binding.X) ([]byte, error) {
	direction := byte(slices.Index(rowOneWays[:], row.OneWay))
	if row.Record {
		direction |= recordBit
	}
	b = append(b, byte(slices.Index(rowModes[:], row.Mode)), direction)
	b = appendText(b, row.ID)
	var err error
	for _, n := range [...]binding.Number{row.A, row.B} {
		if b, err = appendNumber(b, n); err != nil {
			return nil, err
		}
	}
	b = binary.AppendUvarint(b, uint64(other))
	b = binary.AppendUvarint(b, uint64(row.MaxDuration))
	b = binary.AppendUvarint(b, uint64(len(row.Group)))
	for _, n := range row.Group {
		if b, err = appendNumber(b, n); err != nil {
			return nil, err
		}
	}
	for _, s := range [...]string{row.Order, row.Consent, row.IndustrialID, row.Data, row.Extension} {
		b = appendText(b, s)
	}
	return b, nil
}

// parseBinding reads what appendBinding wrote, the other number into Y. It takes any bytes: a fault is errWire.
func parseBinding(b []byte) (binding.Binding, error) {
	w := wire{b: b}
	var row binding.Binding
	mode, direction := int(w.byte()), w.byte()
	oneWay := int(direction &^ recordBit)
	if mode >= len(rowModes) || oneWay >= len(rowOneWays) {
		return binding.Binding{}, errWire
	}
	row.Mode, row.OneWay, row.Record = rowModes[mode], rowOneWays[oneWay], direction&recordBit != 0
	row.ID = w.text()
	row.A, row.B = w.number(), w.number()
	row.Y = binding.X(w.uvarint())
	row.MaxDuration = time.Duration(w.uvarint())
	members := w.uvarint()
	if members > maxMembers || row.MaxDuration < 0 {
		return binding.Binding{}, errWire
	}
	for range members {
		row.Group = append(row.Group, w.number())
	}
	for _, s := range [...]*string{&row.Order, &row.Consent, &row.IndustrialID, &row.Data, &row.Extension} {
		*s = w.text()
	}
	if err := w.end(); err != nil {
		return binding.Binding{}, err
	}
	return row, nil
}
