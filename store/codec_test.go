package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

func fullBinding(t testing.TB) binding.Binding {
	t.Helper()
	return binding.Binding{
		ID: "abcdefghijklmnop", Mode: binding.ModeGXYB, X: testBlock.Number(1), Y: testBlock.Number(2),
		A: testNumber(t, 1), B: testNumber(t, 2), Group: []binding.Number{testNumber(t, 3), testNumber(t, 4)},
		Extension: "12", Order: "order", Consent: "consent", IndustrialID: "industrial", Data: "data", Tenant: "tenant",
		CreatedAt: testStart, ExpiresAt: testStart.Add(time.Hour), MaxDuration: time.Minute, OneWay: binding.OneWayBToA, Back: binding.BackInTurn, Record: true, Texts: binding.TextsOff,
		UpdatedAt: testStart.Add(2), Sliding: time.Hour, Refs: 3, Changes: []binding.Change{
			{At: testStart.Add(1), Field: binding.ChangeA, Out: testNumber(t, 5), In: testNumber(t, 1)},
			{At: testStart.Add(1), Field: binding.ChangeGroup, In: testNumber(t, 4)},
			{At: testStart.Add(2), Field: binding.ChangeConsent, Was: "consent before"},
		},
	}
}

// sealedPart is what of a binding is in the sealed part of its row.
func sealedPart(b binding.Binding) binding.Binding {
	b.X, b.Tenant, b.CreatedAt, b.ExpiresAt, b.EndedAt = 0, "", time.Time{}, time.Time{}, time.Time{}
	return b
}

func TestBindingRowReadsBack(t *testing.T) {
	// Every field that there is must be in the row: this finds one that was added and forgotten.
	every := fullBinding(t)
	for i := range reflect.TypeFor[binding.Binding]().NumField() {
		f := reflect.TypeFor[binding.Binding]().Field(i)
		if f.Name != "EndedAt" && reflect.ValueOf(every).Field(i).IsZero() {
			t.Errorf("field %s is not tried here", f.Name)
		}
	}
	for name, b := range map[string]binding.Binding{
		"full":  fullBinding(t),
		"least": {ID: "x", Mode: binding.ModeAXB},
		"more":  {ID: "x", Mode: binding.ModeAXB, Refs: 1},
	} {
		row, err := appendBinding(nil, &b, b.Y)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseBinding(bindingRow, row)
		if err != nil || !reflect.DeepEqual(got, sealedPart(b)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		for n := range len(row) {
			if _, err := parseBinding(bindingRow, row[:n]); !errors.Is(err, errWire) {
				t.Errorf("%s: cut to %d bytes: %v", name, n, err)
			}
		}
		if _, err := parseBinding(bindingRow, append(row, 0)); !errors.Is(err, errWire) {
			t.Errorf("%s: a byte too many: %v", name, err)
		}
	}
}

// The layout is a promise to stores that exist: a change of these bytes is a new version.
func TestBindingRowLayout(t *testing.T) {
	a, err := binding.NumberFromDigits("8613800138000")
	if err != nil {
		t.Fatal(err)
	}
	b := binding.Binding{ID: "ab", Mode: binding.ModeGXB, A: a, OneWay: binding.OneWayAToB, Order: "o", MaxDuration: 3, Extension: "7"}
	row, err := appendBinding(nil, &b, 5)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("\x02\x01\x8b\x03\xffab" + "\x90\xaa\xfd\xf3\xd8\xfa\x01" + "\x00" + "\x05" + "\x03" + "\x01o\x017")
	if !bytes.Equal(row, want) {
		t.Errorf("sealed part\n%x, want\n%x", row, want)
	}
	old := []byte("\x02\x01\x02ab" + "\x90\xaa\xfd\xf3\xd8\xfa\x01" + "\x00" + "\x05" + "\x03" + "\x00" + "\x01o\x00\x00\x00\x017")
	if got, err := parseBinding(oldBindingRow, old); err != nil || got.Y != 5 || got.ID != b.ID || got.Order != "o" || got.Extension != "7" || got.MaxDuration != 3 {
		t.Errorf("of version 1: %+v, %v", got, err)
	}
	b = binding.Binding{ID: "ab", Mode: binding.ModeAXB, Refs: 300, Sliding: 5, UpdatedAt: time.Unix(0, 6), Changes: []binding.Change{
		{At: time.Unix(0, 6), Field: binding.ChangeB, Out: a}, {At: time.Unix(0, 6), Field: binding.ChangeConsent, Was: "c"}}}
	if row, err = appendBinding(nil, &b, 0); err != nil {
		t.Fatal(err)
	}
	want = []byte("\x00\x40\x00\x03\xffab" + "\x00\x00" + "\x1d" +
		"\x01\x02\xac\x02" + "\x02\x01\x05" + "\x03\x01\x06" +
		"\x04\x11" + "\x06\x01\x90\xaa\xfd\xf3\xd8\xfa\x01\x00\x00" + "\x06\x03\x00\x00\x01c")
	if !bytes.Equal(row, want) {
		t.Errorf("sealed part with more\n%x, want\n%x", row, want)
	}
	h := rowHeader{version: oldBindingRow, copy: true, moved: 0x0102, tenant: 0x03040506, dataKey: 0x0708090a, expires: 0x0b0c0d0e0f101112, ended: 0x131415161718191a}
	wantHeader := append([]byte{1, 1}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26)
	if got := h.append(nil, 0); !bytes.Equal(got, wantHeader) {
		t.Errorf("header of version 1\n%x, want\n%x", got, wantHeader)
	}
	const start = 1_800_000_000_000_000_007
	for _, c := range []struct {
		h    rowHeader
		want string
	}{
		{rowHeader{tenant: 1, dataKey: 300}, "\x02\x00\x01\xac\x02"},
		{rowHeader{tenant: 1, dataKey: 2, expires: start + 7200e9}, "\x02\x04\x01\x02\xa0\x38"},
		{rowHeader{copy: true, moved: 7, tenant: 1, dataKey: 2, expires: start - 7, ended: 0x0102030405060708},
			"\x02\x17\x01\x02\x07\x00\x01\x02\x03\x04\x05\x06\x07\x08"},
		{rowHeader{tenant: 1, dataKey: 2, expires: 0x0102030405060708}, "\x02\x08\x01\x02\x01\x02\x03\x04\x05\x06\x07\x08"},
	} {
		c.h.version = bindingRow
		got := c.h.append(nil, start)
		if string(got) != c.want {
			t.Errorf("header\n%x, want\n%x", got, c.want)
		}
		if back, rest, err := parseRowHeader(append(got, 'x'), start); err != nil || back != c.h || string(rest) != "x" {
			t.Errorf("%+v reads back as %+v, %q, %v", c.h, back, rest, err)
		}
	}
	r := recordHeader{tenant: 0x02030405, dataKey: 0x06070809, mark: 0x0a0b0c0d0e0f1011}
	wantHeader = []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}
	if got := r.append(nil); !bytes.Equal(got, wantHeader) {
		t.Errorf("header of a record\n%x, want\n%x", got, wantHeader)
	}
	record, err := appendRecord(nil, &cdr.Record{ID: "i", SIPStatus: 200, Q850: -1, CallerIn: cdr.Party{Number: a, X: 9}, ReceivedAt: time.Unix(0, 300)})
	if err != nil {
		t.Fatal(err)
	}
	want = []byte("\x03\x01i" + "\x28\xac\x02" + "\x30\x90\x03" + "\x32\x01" + "\x3c\x09" + "\x3e\x90\xaa\xfd\xf3\xd8\xfa\x01")
	if !bytes.Equal(record, want) {
		t.Errorf("record\n%x, want\n%x", record, want)
	}
}

// A field that is not known may be a restriction, so that the row is refused and not read without it.
func TestFieldOfALaterReleaseIsRefused(t *testing.T) {
	b := binding.Binding{ID: "a", Mode: binding.ModeAXB, Refs: 1}
	row, err := appendBinding(nil, &b, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := len(row) - 3 // tag, length, content
	for name, more := range map[string]string{"tag": "\x7f\x01\x01", "content too long": "\x01\x02\x01\x01", "change of what": "\x04\x05\x01\x7f\x00\x00\x00"} {
		later := appendText(bytes.Clone(row[:at-1]), more)
		if _, err := parseBinding(bindingRow, later); !errors.Is(err, errWire) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseBinding(bindingRow, appendText(bytes.Clone(row[:at-1]), string(row[at:]))); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func TestHeadersAreRefused(t *testing.T) {
	const start = 1_800_000_000_000_000_000
	full := rowHeader{copy: true, moved: 1, tenant: 1, dataKey: 1, expires: 5, ended: 6}
	for _, full.version = range []byte{oldBindingRow, bindingRow} {
		good := full.append(nil, start)
		if _, sealed, err := parseRowHeader(append(good, 'x'), start); err != nil || string(sealed) != "x" {
			t.Fatalf("%q, %v", sealed, err)
		}
		size := len(good)
		for name, change := range map[string]func(b []byte) []byte{
			"short":    func(b []byte) []byte { return b[:size-1] },
			"empty":    func([]byte) []byte { return nil },
			"version":  func(b []byte) []byte { b[0] = 3; return b },
			"copy":     func(b []byte) []byte { b[1] |= 0x80; return b },
			"expires":  func(b []byte) []byte { b[size-16] = 0x80; return b },
			"ended at": func(b []byte) []byte { b[size-8] = 0x80; return b },
		} {
			if _, _, err := parseRowHeader(change(bytes.Clone(good)), start); !errors.Is(err, errWire) {
				t.Errorf("version %d, %s: %v", full.version, name, err)
			}
		}
	}
	// What could be written in another way is refused: the seal is over one form.
	for name, bad := range map[string]string{
		"a longer integer":           "\x02\x00\x81\x00\x02",
		"a time that is none":        "\x02\x08\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00",
		"a moment that is a life":    "\x02\x08\x01\x02" + string(binary.BigEndian.AppendUint64(nil, start+1e9)),
		"a life without an end":      "\x02\x04\x01\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"two ends":                   "\x02\x0c\x01\x02\x01" + string(binary.BigEndian.AppendUint64(nil, start+5)),
		"a tenant over what it held": "\x02\x00\x80\x80\x80\x80\x20\x02",
	} {
		if h, _, err := parseRowHeader([]byte(bad), start); !errors.Is(err, errWire) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	record := (&recordHeader{}).append(nil)
	if _, _, err := parseRecordHeader(record[:recordHeaderSize-1]); !errors.Is(err, errWire) {
		t.Errorf("short header of a record: %v", err)
	}
	record[0]++
	if _, _, err := parseRecordHeader(record); !errors.Is(err, errWire) {
		t.Errorf("version of a record: %v", err)
	}
}

func fullRow(t testing.TB) cdr.Record {
	t.Helper()
	return cdr.Record{
		ID: "id", Binding: "binding", Order: "order", Tenant: "tenant", IndustrialID: "industrial", Data: "data",
		TrunkIn: "in", TrunkOut: "out", CallerIn: cdr.Party{Number: testNumber(t, 1)}, CalleeIn: cdr.Party{X: testBlock.Number(1)},
		CallerOut: cdr.Party{X: testBlock.Number(2)}, CalleeOut: cdr.Party{Number: testNumber(t, 2)},
		ReceivedAt: testStart, RingingAt: testStart.Add(1), AnsweredAt: testStart.Add(2), ReleasedAt: testStart.Add(3),
		ReleasedBy: cdr.ByCaller, SIPStatus: 200, Q850: 16, End: cdr.EndCompleted, Refusal: binding.RefusalExpired,
		Rule: "rule", Shadow: "one,two", Evidence: "evidence", Kind: cdr.KindText, Origin: cdr.OriginDial, Text: cdr.Text{Bytes: 1, Segments: 2, Numbers: 3, Masked: 4, FarStatus: 202},
		Media: cdr.Media{Codec: "PCMU", End: "timeout",
			AtoB: cdr.Flow{Packets: 1, Kernel: 9, Bytes: 2, Lost: 3, Refused: math.MaxUint64, Dropped: 11, JitterMS: math.Inf(1), MaxJitterMS: 0.5, Path: cdr.PathUser},
			BtoA: cdr.Flow{Packets: 5, Kernel: 10, Bytes: 6, Lost: 7, Refused: 8, Dropped: 12, JitterMS: -0.25, MaxJitterMS: 1e9, Path: cdr.PathKernel}},
	}
}

func TestRecordReadsBack(t *testing.T) {
	want := fullRow(t)
	// Every field that there is must be in the row: this finds one that was added and forgotten.
	for i := range reflect.TypeFor[cdr.Record]().NumField() {
		f := reflect.TypeFor[cdr.Record]().Field(i)
		if f.Name != "Seq" && reflect.ValueOf(want).Field(i).IsZero() {
			t.Errorf("field %s is not tried here", f.Name)
		}
	}
	row, err := appendRecord(nil, &want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseRecord(row)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	if _, err := parseRecord(row[:len(row)-1]); !errors.Is(err, errWire) {
		t.Errorf("cut: %v", err)
	}
	// A row of a later release: fields that are not known are left out.
	later := append(bytes.Clone(row), "\xfe\x07\x05"+"\xff\x07\x03abc"...)
	if got, err := parseRecord(later); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with fields that are not known: %+v, %v", got, err)
	}
}

func TestZigzag(t *testing.T) {
	for _, v := range []int{0, 1, -1, 63, -64, math.MaxInt, math.MinInt} {
		if got := unzigzag(zigzag(v)); got != v {
			t.Errorf("%d came back as %d", v, got)
		}
	}
}

func FuzzBindingRow(f *testing.F) {
	full := fullBinding(f)
	row, err := appendBinding(nil, &full, full.Y)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row)
	f.Add([]byte{})
	f.Add([]byte("\x00\x40\xff\x02\xffa\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x01\x01\x00\x03\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := parseBinding(bindingRow, b)
		if err != nil {
			if !errors.Is(err, errWire) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		again, err := appendBinding(nil, &row, row.Y)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseBinding(bindingRow, again)
		if err != nil || !reflect.DeepEqual(back, row) {
			t.Fatalf("%+v is written and read as %+v, %v", row, back, err)
		}
		if len(again) > len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(again))
		}
	})
}

func FuzzRecordRow(f *testing.F) {
	full := fullRow(f)
	row, err := appendRecord(nil, &full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := parseRecord(b)
		if err != nil {
			if !errors.Is(err, errWire) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		again, err := appendRecord(nil, &row)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseRecord(again)
		if err != nil {
			t.Fatal(err)
		}
		once, err := appendRecord(nil, &back) // compares without tripping over NaN
		if err != nil || !bytes.Equal(once, again) {
			t.Fatalf("%+v is written and read as %+v, %v", row, back, err)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	h := rowHeader{copy: true, moved: 1, tenant: 2, dataKey: 3, expires: 4, ended: 5}
	for _, h.version = range []byte{oldBindingRow, bindingRow} {
		f.Add(h.append(nil, 0), uint64(0))
	}
	h.expires = 9e9
	f.Add(h.append(nil, 1), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, start uint64) {
		if h, sealed, err := parseRowHeader(b, start); err == nil && !bytes.Equal(append(h.append(nil, start), sealed...), b) {
			t.Fatalf("%x reads as %+v", b, h)
		}
		if h, sealed, err := parseRecordHeader(b); err == nil && !bytes.Equal(append(h.append(nil), sealed...), b) {
			t.Fatalf("%x reads as %+v", b, h)
		}
	})
}
