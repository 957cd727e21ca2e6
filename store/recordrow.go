package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// recordHeader stands in clear in front of a sealed record; the seal covers it.
//
//	0 version u8   1
//	1 tenant u32
//	5 data key u32
//	9 mark u64     of a closed record: when it was closed, in nanoseconds since 1970
//	               of an open one: the run of the process that opened it
type recordHeader struct {
	tenant  uint32
	dataKey uint32
	mark    uint64
}

const recordHeaderSize = 17

func (h *recordHeader) append(b []byte) []byte {
	b = append(b, rowVersion)
	b = binary.BigEndian.AppendUint32(b, h.tenant)
	b = binary.BigEndian.AppendUint32(b, h.dataKey)
	return binary.BigEndian.AppendUint64(b, h.mark)
}

func parseRecordHeader(value []byte) (h recordHeader, sealed []byte, err error) {
	w := wire{b: value}
	version := w.byte()
	h = recordHeader{tenant: w.uint32(), dataKey: w.uint32(), mark: w.uint64()}
	if w.err != nil || version != rowVersion {
		return recordHeader{}, nil, errWire
	}
	return h, w.b, nil
}

// Fields of a sealed record. Each is its number and its value, and a field that is empty is not written: a record of a
// refused call is short, and a later release adds fields without another version. A sealed row does not compress, so
// that the names of a self-describing form would cost more than the record; and JSON would hold the numbers masked,
// because that is how they print.
//
// The lowest bit of a field's number tells how its value is read, also by a release that does not know it:
// 0 an unsigned varint, 1 a length and bytes.
type recordField uint64

const (
	kindInteger = 0
	kindBytes   = 1

	fieldID           recordField = 1<<1 | kindBytes
	fieldBinding      recordField = 2<<1 | kindBytes
	fieldOrder        recordField = 3<<1 | kindBytes
	fieldTenant       recordField = 4<<1 | kindBytes
	fieldIndustrialID recordField = 5<<1 | kindBytes
	fieldData         recordField = 6<<1 | kindBytes
	fieldTrunkIn      recordField = 7<<1 | kindBytes
	fieldTrunkOut     recordField = 8<<1 | kindBytes
	fieldReleasedBy   recordField = 9<<1 | kindBytes
	fieldEnd          recordField = 10<<1 | kindBytes
	fieldRefusal      recordField = 11<<1 | kindBytes
	fieldCodec        recordField = 12<<1 | kindBytes
	fieldMediaEnd     recordField = 13<<1 | kindBytes
	fieldMediaPath    recordField = 14<<1 | kindBytes
	fieldRecording    recordField = 15<<1 | kindBytes
	fieldVideoCodec   recordField = 16<<1 | kindBytes
	fieldRule         recordField = 17<<1 | kindBytes
	fieldShadow       recordField = 18<<1 | kindBytes
	fieldEvidence     recordField = 19<<1 | kindBytes

	fieldKind   recordField = 26<<1 | kindBytes
	fieldOrigin recordField = 27<<1 | kindBytes

	fieldAtoBPath recordField = 38<<1 | kindBytes
	fieldBtoAPath recordField = 39<<1 | kindBytes

	fieldReceivedAt recordField = 20<<1 | kindInteger // times: nanoseconds since 1970
	fieldRingingAt  recordField = 21<<1 | kindInteger
	fieldAnsweredAt recordField = 22<<1 | kindInteger
	fieldReleasedAt recordField = 23<<1 | kindInteger
	fieldSIPStatus  recordField = 24<<1 | kindInteger // signed values: zigzag
	fieldQ850       recordField = 25<<1 | kindInteger

	fieldCallerInX       recordField = 30<<1 | kindInteger // four parties: X, then the real number's digits
	fieldCallerInNumber  recordField = 31<<1 | kindInteger
	fieldCalleeInX       recordField = 32<<1 | kindInteger
	fieldCalleeInNumber  recordField = 33<<1 | kindInteger
	fieldCallerOutX      recordField = 34<<1 | kindInteger
	fieldCallerOutNumber recordField = 35<<1 | kindInteger
	fieldCalleeOutX      recordField = 36<<1 | kindInteger
	fieldCalleeOutNumber recordField = 37<<1 | kindInteger

	fieldAtoBPackets recordField = 40<<1 | kindInteger // five values of each direction
	fieldAtoBBytes   recordField = 41<<1 | kindInteger
	fieldAtoBLost    recordField = 42<<1 | kindInteger
	fieldAtoBRefused recordField = 43<<1 | kindInteger
	fieldAtoBJitter  recordField = 44<<1 | kindInteger // bits of a float64
	fieldBtoAPackets recordField = 45<<1 | kindInteger
	fieldBtoABytes   recordField = 46<<1 | kindInteger
	fieldBtoALost    recordField = 47<<1 | kindInteger
	fieldBtoARefused recordField = 48<<1 | kindInteger
	fieldBtoAJitter  recordField = 49<<1 | kindInteger
	fieldAtoBMOS     recordField = 50<<1 | kindInteger // bits of a float64, as all that follow but the losses
	fieldBtoAMOS     recordField = 51<<1 | kindInteger

	fieldCallerRoundTrip recordField = 52<<1 | kindInteger // what each phone reported
	fieldCallerLost      recordField = 53<<1 | kindInteger
	fieldCallerJitter    recordField = 54<<1 | kindInteger
	fieldCallerMOS       recordField = 55<<1 | kindInteger
	fieldCalleeRoundTrip recordField = 56<<1 | kindInteger
	fieldCalleeLost      recordField = 57<<1 | kindInteger
	fieldCalleeJitter    recordField = 58<<1 | kindInteger
	fieldCalleeMOS       recordField = 59<<1 | kindInteger

	fieldRecordingBytes recordField = 60<<1 | kindInteger
	fieldRecordingLost  recordField = 61<<1 | kindInteger

	fieldVideoAtoBPackets recordField = 62<<1 | kindInteger // four values of each direction
	fieldVideoAtoBBytes   recordField = 63<<1 | kindInteger
	fieldVideoAtoBLost    recordField = 64<<1 | kindInteger
	fieldVideoAtoBRefused recordField = 65<<1 | kindInteger
	fieldVideoBtoAPackets recordField = 66<<1 | kindInteger
	fieldVideoBtoABytes   recordField = 67<<1 | kindInteger
	fieldVideoBtoALost    recordField = 68<<1 | kindInteger
	fieldVideoBtoARefused recordField = 69<<1 | kindInteger

	fieldTextBytes     recordField = 70<<1 | kindInteger // of a text
	fieldTextSegments  recordField = 71<<1 | kindInteger
	fieldTextNumbers   recordField = 72<<1 | kindInteger
	fieldTextMasked    recordField = 73<<1 | kindInteger
	fieldTextFarStatus recordField = 74<<1 | kindInteger

	fieldAtoBKernel    recordField = 75<<1 | kindInteger // two more of each direction
	fieldBtoAKernel    recordField = 76<<1 | kindInteger
	fieldAtoBMaxJitter recordField = 77<<1 | kindInteger // bits of a float64
	fieldBtoAMaxJitter recordField = 78<<1 | kindInteger
	fieldAtoBDropped   recordField = 79<<1 | kindInteger // one more of each direction
	fieldBtoADropped   recordField = 80<<1 | kindInteger
)

// recordTexts, recordTimes … are the fields of a record by kind; writing and reading go through the same lists.
func recordTexts(r *cdr.Record) []textField {
	return []textField{
		{fieldID, &r.ID}, {fieldBinding, &r.Binding}, {fieldOrder, &r.Order}, {fieldTenant, &r.Tenant},
		{fieldIndustrialID, &r.IndustrialID}, {fieldData, &r.Data}, {fieldTrunkIn, &r.TrunkIn},
		{fieldTrunkOut, &r.TrunkOut}, {fieldReleasedBy, &r.ReleasedBy}, {fieldEnd, &r.End},
		{fieldRefusal, (*string)(&r.Refusal)}, {fieldCodec, &r.Media.Codec}, {fieldMediaEnd, &r.Media.End},
		{fieldMediaPath, &r.Media.Path}, {fieldRecording, &r.Media.Recording.ID}, {fieldVideoCodec, &r.Media.Video.Codec},
		{fieldRule, &r.Rule}, {fieldShadow, &r.Shadow}, {fieldEvidence, &r.Evidence},
		{fieldKind, &r.Kind}, {fieldOrigin, &r.Origin},
		{fieldAtoBPath, &r.Media.AtoB.Path}, {fieldBtoAPath, &r.Media.BtoA.Path},
	}
}

type textField struct {
	field recordField
	value *string
}

func recordTimes(r *cdr.Record) []timeField {
	return []timeField{
		{fieldReceivedAt, &r.ReceivedAt}, {fieldRingingAt, &r.RingingAt}, {fieldAnsweredAt, &r.AnsweredAt},
		{fieldReleasedAt, &r.ReleasedAt},
	}
}

type timeField struct {
	field recordField
	value *time.Time
}

func recordParties(r *cdr.Record) []partyField {
	return []partyField{
		{fieldCallerInX, fieldCallerInNumber, &r.CallerIn}, {fieldCalleeInX, fieldCalleeInNumber, &r.CalleeIn},
		{fieldCallerOutX, fieldCallerOutNumber, &r.CallerOut}, {fieldCalleeOutX, fieldCalleeOutNumber, &r.CalleeOut},
	}
}

type partyField struct {
	x, number recordField
	value     *cdr.Party
}

func recordCounts(r *cdr.Record) []countField {
	a, b := &r.Media.AtoB, &r.Media.BtoA
	va, vb := &r.Media.Video.AtoB, &r.Media.Video.BtoA
	return []countField{
		{fieldAtoBPackets, &a.Packets}, {fieldAtoBBytes, &a.Bytes}, {fieldAtoBLost, &a.Lost}, {fieldAtoBRefused, &a.Refused},
		{fieldBtoAPackets, &b.Packets}, {fieldBtoABytes, &b.Bytes}, {fieldBtoALost, &b.Lost}, {fieldBtoARefused, &b.Refused},
		{fieldAtoBKernel, &a.Kernel}, {fieldBtoAKernel, &b.Kernel}, {fieldAtoBDropped, &a.Dropped}, {fieldBtoADropped, &b.Dropped},
		{fieldCallerLost, &r.Media.Caller.Lost}, {fieldCalleeLost, &r.Media.Callee.Lost},
		{fieldRecordingBytes, &r.Media.Recording.Bytes}, {fieldRecordingLost, &r.Media.Recording.Lost},
		{fieldVideoAtoBPackets, &va.Packets}, {fieldVideoAtoBBytes, &va.Bytes}, {fieldVideoAtoBLost, &va.Lost}, {fieldVideoAtoBRefused, &va.Refused},
		{fieldTextBytes, &r.Text.Bytes}, {fieldTextSegments, &r.Text.Segments}, {fieldTextNumbers, &r.Text.Numbers},
		{fieldTextMasked, &r.Text.Masked}, {fieldTextFarStatus, &r.Text.FarStatus},
		{fieldVideoBtoAPackets, &vb.Packets}, {fieldVideoBtoABytes, &vb.Bytes}, {fieldVideoBtoALost, &vb.Lost}, {fieldVideoBtoARefused, &vb.Refused},
	}
}

type countField struct {
	field recordField
	value *uint64
}

func recordMeasures(r *cdr.Record) []measureField {
	m := &r.Media
	return []measureField{
		{fieldAtoBJitter, &m.AtoB.JitterMS}, {fieldBtoAJitter, &m.BtoA.JitterMS},
		{fieldAtoBMaxJitter, &m.AtoB.MaxJitterMS}, {fieldBtoAMaxJitter, &m.BtoA.MaxJitterMS},
		{fieldAtoBMOS, &m.AtoB.MOS}, {fieldBtoAMOS, &m.BtoA.MOS},
		{fieldCallerRoundTrip, &m.Caller.RoundTripMS}, {fieldCallerJitter, &m.Caller.JitterMS}, {fieldCallerMOS, &m.Caller.MOS},
		{fieldCalleeRoundTrip, &m.Callee.RoundTripMS}, {fieldCalleeJitter, &m.Callee.JitterMS}, {fieldCalleeMOS, &m.Callee.MOS},
	}
}

type measureField struct {
	field recordField
	value *float64
}

// checkRecord refuses what a row cannot hold.
func checkRecord(r *cdr.Record) error {
	if r.ID == "" {
		return fmt.Errorf("%w: a record without an id", ErrRow)
	}
	for _, f := range recordTexts(r) {
		if len(*f.value) > maxText {
			return fmt.Errorf("%w: a text over %d bytes", ErrRow, maxText)
		}
	}
	for _, f := range recordTimes(r) {
		if _, ok := nanos(*f.value); !ok {
			return errTime
		}
	}
	return nil
}

// appendRecord writes what is sealed of a record: everything but its Seq, which is the key.
func appendRecord(b []byte, r *cdr.Record) ([]byte, error) {
	integer := func(f recordField, v uint64) {
		if v != 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(f)), v)
		}
	}
	for _, f := range recordTexts(r) {
		if *f.value != "" {
			b = appendText(binary.AppendUvarint(b, uint64(f.field)), *f.value)
		}
	}
	for _, f := range recordTimes(r) {
		n, _ := nanos(*f.value)
		integer(f.field, uint64(n))
	}
	integer(fieldSIPStatus, zigzag(r.SIPStatus))
	integer(fieldQ850, zigzag(r.Q850))
	for _, f := range recordParties(r) {
		v, err := secret(f.value.Number)
		if err != nil {
			return nil, err
		}
		integer(f.x, uint64(f.value.X))
		integer(f.number, v)
	}
	for _, f := range recordCounts(r) {
		integer(f.field, *f.value)
	}
	for _, f := range recordMeasures(r) {
		integer(f.field, math.Float64bits(*f.value))
	}
	return b, nil
}

// parseRecord reads what appendRecord wrote, by this release or a later one. It takes any bytes: a fault is errWire.
func parseRecord(b []byte) (cdr.Record, error) {
	w := wire{b: b}
	var r cdr.Record
	texts := make(map[recordField]string)
	integers := make(map[recordField]uint64)
	for len(w.b) > 0 {
		f := recordField(w.uvarint())
		if f&1 == kindBytes {
			texts[f] = w.text()
		} else {
			integers[f] = w.uvarint()
		}
	}
	if w.err != nil {
		return cdr.Record{}, w.err
	}
	for _, f := range recordTexts(&r) {
		*f.value = texts[f.field]
	}
	for _, f := range recordTimes(&r) {
		if integers[f.field] > math.MaxInt64 {
			return cdr.Record{}, errWire
		}
		*f.value = timeOf(int64(integers[f.field]))
	}
	r.SIPStatus, r.Q850 = unzigzag(integers[fieldSIPStatus]), unzigzag(integers[fieldQ850])
	for _, f := range recordParties(&r) {
		f.value.X = binding.X(integers[f.x])
		var err error
		if f.value.Number, err = numberOf(integers[f.number]); err != nil {
			return cdr.Record{}, errWire
		}
	}
	for _, f := range recordCounts(&r) {
		*f.value = integers[f.field]
	}
	for _, f := range recordMeasures(&r) {
		*f.value = math.Float64frombits(integers[f.field])
	}
	return r, nil
}

// zigzag keeps small numbers of either sign short.
func zigzag(v int) uint64 { return uint64(int64(v)<<1) ^ uint64(int64(v)>>63) }

func unzigzag(v uint64) int { return int(int64(v>>1) ^ -int64(v&1)) }
