package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"mask700/binding"
)

// rowVersion is that of the binding rows that are written. Those of version 1 are read; one of another version is not
// guessed at. It is of the other small rows of this database too, which have had no other one.
const (
	rowVersion    = 1
	bindingRow    = 2
	oldBindingRow = 1
)

// rowHeader stands in clear in front of a sealed binding; the seal covers it.
//
//	version u8   2
//	flags u8     those below
//	tenant       uvarint
//	data key     uvarint
//	moved        uvarint: nanoseconds that the key's start is after CreatedAt; where flagged
//	lifetime     uvarint: seconds from CreatedAt to ExpiresAt; where flagged
//	expires u64  nanoseconds since 1970, where it is not of whole seconds after CreatedAt; where flagged
//	ended u64    nanoseconds since 1970; where flagged
//
// Without either of the two a binding never expires, without ended it was not unbound. Version 1 has all of it at full
// width:
//
//	 0 version u8, copy u8, moved u16, tenant u32
//	 8 data key u32
//	12 expires u64, ended u64   0: never
type rowHeader struct {
	version byte
	copy    bool // the row under Y of a binding whose own row is under X
	moved   uint16
	tenant  uint32
	dataKey uint32
	expires int64
	ended   int64
}

const (
	headerCopy     = 1 << iota
	headerMoved    // moved is there
	headerLifetime // lifetime is there
	headerExpires  // expires is there
	headerEnded    // ended is there
	headerEnd
)

const (
	oldHeaderSize = 28
	maxRowHeader  = 2 + 2*binary.MaxVarintLen32 + binary.MaxVarintLen16 + 8 + 8
)

// append writes the header of a row whose key has a start.
func (h *rowHeader) append(b []byte, start uint64) []byte {
	if h.version == oldBindingRow {
		return h.appendOld(b)
	}
	at := len(b)
	b = append(b, h.version, 0)
	b = binary.AppendUvarint(b, uint64(h.tenant))
	b = binary.AppendUvarint(b, uint64(h.dataKey))
	var flags byte
	if h.copy {
		flags |= headerCopy
	}
	if h.moved != 0 {
		flags |= headerMoved
		b = binary.AppendUvarint(b, uint64(h.moved))
	}
	lifetime := h.expires - (int64(start) - int64(h.moved))
	switch {
	case h.expires == 0:
	case lifetime >= 0 && lifetime%int64(time.Second) == 0:
		flags |= headerLifetime
		b = binary.AppendUvarint(b, uint64(lifetime/int64(time.Second)))
	default:
		flags |= headerExpires
		b = binary.BigEndian.AppendUint64(b, uint64(h.expires))
	}
	if h.ended != 0 {
		flags |= headerEnded
		b = binary.BigEndian.AppendUint64(b, uint64(h.ended))
	}
	b[at+1] = flags
	return b
}

func (h *rowHeader) appendOld(b []byte) []byte {
	b = append(b, oldBindingRow, 0)
	if h.copy {
		b[len(b)-1] = 1
	}
	b = binary.BigEndian.AppendUint16(b, h.moved)
	b = binary.BigEndian.AppendUint32(b, h.tenant)
	b = binary.BigEndian.AppendUint32(b, h.dataKey)
	b = binary.BigEndian.AppendUint64(b, uint64(h.expires))
	return binary.BigEndian.AppendUint64(b, uint64(h.ended))
}

// parseRowHeader returns the header and the sealed rest of the value of a row whose key has a start.
func parseRowHeader(value []byte, start uint64) (h rowHeader, sealed []byte, err error) {
	if len(value) > 0 && value[0] == oldBindingRow {
		return parseOldHeader(value)
	}
	w := wire{b: value}
	h.version = w.byte()
	flags := w.byte()
	tenant, dataKey := w.uvarint(), w.uvarint()
	h.tenant, h.dataKey, h.copy = uint32(tenant), uint32(dataKey), flags&headerCopy != 0
	if flags&headerMoved != 0 {
		h.moved = uint16(w.uvarint())
	}
	if flags&headerLifetime != 0 {
		// Where it does not fit, the header does not come out the same below.
		h.expires = int64(start) - int64(h.moved) + int64(w.uvarint()*uint64(time.Second))
	}
	if flags&headerExpires != 0 {
		h.expires = int64(w.uint64())
	}
	if flags&headerEnded != 0 {
		h.ended = int64(w.uint64())
	}
	var again [maxRowHeader]byte
	size := len(value) - len(w.b)
	switch {
	case w.err != nil || h.version != bindingRow || flags >= headerEnd || h.expires < 0 || h.ended < 0:
		return rowHeader{}, nil, errWire
	case size > maxRowHeader || !bytes.Equal(h.append(again[:0], start), value[:size]): // one header has one form
		return rowHeader{}, nil, errWire
	}
	return h, w.b, nil
}

func parseOldHeader(value []byte) (h rowHeader, sealed []byte, err error) {
	if len(value) < oldHeaderSize || value[1] > 1 {
		return rowHeader{}, nil, errWire
	}
	h.version, h.copy = oldBindingRow, value[1] == 1
	h.moved = binary.BigEndian.Uint16(value[2:])
	h.tenant = binary.BigEndian.Uint32(value[4:])
	h.dataKey = binary.BigEndian.Uint32(value[8:])
	h.expires = int64(binary.BigEndian.Uint64(value[12:]))
	h.ended = int64(binary.BigEndian.Uint64(value[20:]))
	if h.expires < 0 || h.ended < 0 {
		return rowHeader{}, nil, errWire
	}
	return h, value[oldHeaderSize:], nil
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
//	mode u8, direction u8, fields u8, id, A, B, then those that fields has a bit for: other number, max duration in
//	nanoseconds, number of members and each, order, consent, industrial id, data, extension; and with moreBit in the
//	direction a text that holds the rest
//
// The other number is Y, or X in the copy under Y. The id is a text as appendID writes it. Texts are a length and the
// bytes, numbers are their digits as an integer; all integers are unsigned varints. Version 1 has all fields, no byte
// that says which, and the id in letters.
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
	b = append(b, byte(slices.Index(rowModes[:], row.Mode)), direction, 0)
	fields := len(b) - 1
	b = binary.AppendUvarint(b, uint64(idSize(row.ID)))
	b = appendID(b, row.ID)
	for _, n := range [...]binding.Number{row.A, row.B} {
		if b, err = appendNumber(b, n); err != nil {
			return nil, err
		}
	}
	for i, v := range [...]uint64{uint64(other), uint64(row.MaxDuration), uint64(len(row.Group))} {
		if v != 0 {
			b[fields] |= 1 << i
			b = binary.AppendUvarint(b, v)
		}
	}
	for _, n := range row.Group {
		if b, err = appendNumber(b, n); err != nil {
			return nil, err
		}
	}
	for i, s := range [...]string{row.Order, row.Consent, row.IndustrialID, row.Data, row.Extension} {
		if s != "" {
			b[fields] |= 1 << (rowIntegers + i)
			b = appendText(b, s)
		}
	}
	if len(more) > 0 {
		b = appendText(b, string(more))
	}
	return b, nil
}

// rowIntegers is how many bits of the fields are of integers. The texts have the others.
const rowIntegers = 3

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

// parseBinding reads what appendBinding wrote, the other number into Y, or a release before it under an older version of
// the row. It takes any bytes: a fault is errWire.
func parseBinding(version byte, b []byte) (binding.Binding, error) {
	w := wire{b: b}
	var row binding.Binding
	mode, direction := int(w.byte()), w.byte()
	oneWay := int(direction &^ (recordBit | moreBit))
	if mode >= len(rowModes) || oneWay >= len(rowOneWays) {
		return binding.Binding{}, errWire
	}
	row.Mode, row.OneWay, row.Record = rowModes[mode], rowOneWays[oneWay], direction&recordBit != 0
	fields := byte(0xff)
	if version == oldBindingRow {
		row.ID = w.text()
	} else {
		fields = w.byte()
		id, ok := parseID(w.bytes(w.uvarint()))
		if !ok {
			return binding.Binding{}, errWire
		}
		row.ID = id
	}
	row.A, row.B = w.number(), w.number()
	var integers [rowIntegers]uint64
	for i := range integers {
		if fields&(1<<i) != 0 {
			integers[i] = w.uvarint()
		}
	}
	row.Y, row.MaxDuration = binding.X(integers[0]), time.Duration(integers[1])
	members := integers[2]
	if members > maxMembers || row.MaxDuration < 0 {
		return binding.Binding{}, errWire
	}
	for range members {
		row.Group = append(row.Group, w.number())
	}
	for i, s := range [...]*string{&row.Order, &row.Consent, &row.IndustrialID, &row.Data, &row.Extension} {
		if fields&(1<<(rowIntegers+i)) != 0 {
			*s = w.text()
		}
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
