package store

import (
	"encoding/binary"
	"fmt"
	"math"
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

// moreBit in the direction says that fields follow the extension. A release before it refuses such a row.
const moreBit = 0x40

// Fields behind the extension, by their tag: uvarint tag, length, content. One that is not known is refused: it may be
// a restriction. New ones are added at the end.
const (
	fieldRefs    = 1 // uvarint
	fieldSliding = 2 // uvarint, nanoseconds
	fieldUpdated = 3 // uvarint, nanoseconds since 1970
	fieldChanges = 4 // each: at uvarint, what u8, out, in, text
	fieldBack    = 5 // uvarint: the index in rowBacks
	fieldTexts   = 6 // uvarint: the index in rowTexts
)

// rowChanges is what a change is of, as fieldChanges holds it: the index. New ones are added at the end.
var rowChanges = [...]string{binding.ChangeA, binding.ChangeB, binding.ChangeGroup, binding.ChangeConsent}

// rowBacks is whom the protected side reaches, as fieldBack holds it: the index. New ones are added at the end.
var rowBacks = [...]binding.Back{binding.BackNamed, binding.BackInTurn, binding.BackLast}

// rowTexts is whether texts are carried, as fieldTexts holds it: the index. New ones are added at the end.
var rowTexts = [...]binding.Texts{binding.TextsAsTenant, binding.TextsOn, binding.TextsOff}

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
	case !slices.Contains(rowBacks[:], b.Back):
		return fmt.Errorf("%w: a way back that is not known", ErrRow)
	case !slices.Contains(rowTexts[:], b.Texts):
		return fmt.Errorf("%w: a switch of texts that is not known", ErrRow)
	case len(b.Group) > maxMembers:
		return fmt.Errorf("%w: more than %d members in a group", ErrRow, maxMembers)
	case b.MaxDuration < 0 || b.Sliding < 0:
		return fmt.Errorf("%w: a negative duration", ErrRow)
	case b.Refs < 0:
		return fmt.Errorf("%w: bound less than once", ErrRow)
	case len(b.Changes) > binding.MaxChanges:
		return fmt.Errorf("%w: more than %d changes", ErrRow, binding.MaxChanges)
	case b.CreatedAt.IsZero():
		return fmt.Errorf("%w: a binding that was never created", ErrRow)
	}
	for _, s := range []string{b.Order, b.Consent, b.IndustrialID, b.Tenant, b.Data, b.Extension} {
		if len(s) > maxText {
			return fmt.Errorf("%w: a text over %d bytes", ErrRow, maxText)
		}
	}
	for _, t := range []time.Time{b.CreatedAt, b.ExpiresAt, b.EndedAt, b.UpdatedAt} {
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
//	industrial id, data, extension, and with moreBit in the direction a text that holds the other fields
//
// The other number is Y, or X in the copy under Y, 0 for none. Texts are a length and the bytes, numbers are their
// digits as an integer; all integers are unsigned varints.
func appendBinding(b []byte, row *binding.Binding, other binding.X) ([]byte, error) {
	direction := byte(slices.Index(rowOneWays[:], row.OneWay))
	if row.Record {
		direction |= recordBit
	}
	more, err := appendMore(nil, row)
	if err != nil {
		return nil, err
	}
	if len(more) > 0 {
		direction |= moreBit
	}
	b = append(b, byte(slices.Index(rowModes[:], row.Mode)), direction)
	b = appendText(b, row.ID)
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
	if len(more) > 0 {
		b = appendText(b, string(more))
	}
	return b, nil
}

// appendMore writes the fields that most bindings do not have.
func appendMore(b []byte, row *binding.Binding) ([]byte, error) {
	updated, ok := nanos(row.UpdatedAt)
	if !ok {
		return nil, errTime
	}
	for _, f := range [...]struct {
		tag   uint64
		value uint64
	}{{fieldRefs, uint64(row.Refs)}, {fieldSliding, uint64(row.Sliding)}, {fieldUpdated, uint64(updated)},
		{fieldBack, uint64(slices.Index(rowBacks[:], row.Back))}, {fieldTexts, uint64(slices.Index(rowTexts[:], row.Texts))}} {
		if f.value != 0 {
			b = binary.AppendUvarint(b, f.tag)
			b = appendText(b, string(binary.AppendUvarint(nil, f.value)))
		}
	}
	if len(row.Changes) == 0 {
		return b, nil
	}
	var list []byte
	for _, c := range row.Changes {
		at, ok := nanos(c.At)
		what := slices.Index(rowChanges[:], c.Field)
		if !ok || what < 0 {
			return nil, errTime
		}
		list = append(binary.AppendUvarint(list, uint64(at)), byte(what))
		var err error
		for _, n := range [...]binding.Number{c.Out, c.In} {
			if list, err = appendNumber(list, n); err != nil {
				return nil, err
			}
		}
		list = appendText(list, c.Was)
	}
	b = binary.AppendUvarint(b, fieldChanges)
	return appendText(b, string(list)), nil
}

// parseMore reads what appendMore wrote.
func parseMore(row *binding.Binding, b []byte) error {
	w := wire{b: b}
	for w.err == nil && len(w.b) > 0 {
		tag := w.uvarint()
		f := wire{b: w.bytes(w.uvarint())}
		switch tag {
		case fieldRefs:
			row.Refs = f.count()
		case fieldSliding:
			row.Sliding = time.Duration(f.count())
		case fieldUpdated:
			row.UpdatedAt = timeOf(int64(f.count()))
		case fieldChanges:
			row.Changes = f.changes()
		case fieldBack:
			if i := f.count(); i < len(rowBacks) {
				row.Back = rowBacks[i]
			} else {
				f.fail()
			}
		case fieldTexts:
			if i := f.count(); i < len(rowTexts) {
				row.Texts = rowTexts[i]
			} else {
				f.fail()
			}
		default:
			f.fail()
		}
		if err := f.end(); err != nil {
			return err
		}
	}
	return w.end()
}

// count is an unsigned integer that fits a signed one.
func (w *wire) count() int {
	v := w.uvarint()
	if v > math.MaxInt64 {
		w.fail()
		return 0
	}
	return int(v)
}

func (w *wire) changes() (all []binding.Change) {
	for w.err == nil && len(w.b) > 0 {
		at, what := w.count(), int(w.byte())
		if what >= len(rowChanges) || len(all) == binding.MaxChanges {
			w.fail()
			return nil
		}
		c := binding.Change{At: timeOf(int64(at)), Field: rowChanges[what]}
		c.Out, c.In = w.number(), w.number()
		c.Was = w.text()
		all = append(all, c)
	}
	return all
}

// parseBinding reads what appendBinding wrote, the other number into Y. It takes any bytes: a fault is errWire.
func parseBinding(b []byte) (binding.Binding, error) {
	w := wire{b: b}
	var row binding.Binding
	mode, direction := int(w.byte()), w.byte()
	oneWay := int(direction &^ (recordBit | moreBit))
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
	if direction&moreBit != 0 {
		if err := parseMore(&row, w.bytes(w.uvarint())); err != nil {
			return binding.Binding{}, err
		}
	}
	if err := w.end(); err != nil {
		return binding.Binding{}, err
	}
	return row, nil
}
