package store

import (
	"bytes"
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
		got, err := parseBinding(row)
		if err != nil || !reflect.DeepEqual(got, sealedPart(b)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		for n := range len(row) {
			if _, err := parseBinding(row[:n]); !errors.Is(err, errWire) {
				t.Errorf("%s: cut to %d bytes: %v", name, n, err)
			}
		}
		if _, err := parseBinding(append(row, 0)); !errors.Is(err, errWire) {
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
	want := []byte("\x02\x01\x02ab" + "\x90\xaa\xfd\xf3\xd8\xfa\x01" + "\x00" + "\x05" + "\x03" + "\x00" + "\x01o\x00\x00\x00\x017")
	if !bytes.Equal(row, want) {
		t.Errorf("sealed part\n%x, want\n%x", row, want)
	}
	b = binding.Binding{ID: "ab", Mode: binding.ModeAXB, Refs: 300, Sliding: 5, UpdatedAt: time.Unix(0, 6), Changes: []binding.Change{
		{At: time.Unix(0, 6), Field: binding.ChangeB, Out: a}, {At: time.Unix(0, 6), Field: binding.ChangeConsent, Was: "c"}}}
	if row, err = appendBinding(nil, &b, 0); err != nil {
		t.Fatal(err)
	}
	want = []byte("\x00\x40\x02ab" + "\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00" + "\x1d" +
		"\x01\x02\xac\x02" + "\x02\x01\x05" + "\x03\x01\x06" +
		"\x04\x11" + "\x06\x01\x90\xaa\xfd\xf3\xd8\xfa\x01\x00\x00" + "\x06\x03\x00\x00\x01c")
	if !bytes.Equal(row, want) {
		t.Errorf("sealed part with more\n%x, want\n%x", row, want)
	}
	h := rowHeader{copy: true, moved: 0x0102, tenant: 0x03040506, dataKey: 0x0708090a, expires: 0x0b0c0d0e0f101112, ended: 0x131415161718191a}
	wantHeader := append([]byte{1, 1}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26)
	if got := h.append(nil); !bytes.Equal(got, wantHeader) {
		t.Errorf("header\n%x, want\n%x", got, wantHeader)
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
		if _, err := parseBinding(later); !errors.Is(err, errWire) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseBinding(appendText(bytes.Clone(row[:at-1]), string(row[at:]))); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func TestHeadersAreRefused(t *testing.T) {
	good := (&rowHeader{tenant: 1, dataKey: 1}).append(nil)
	if _, sealed, err := parseRowHeader(append(good, 'x')); err != nil || string(sealed) != "x" {
		t.Fatalf("%q, %v", sealed, err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"short":    func(b []byte) []byte { return b[:rowHeaderSize-1] },
		"empty":    func([]byte) []byte { return nil },
		"version":  func(b []byte) []byte { b[0]++; return b },
		"copy":     func(b []byte) []byte { b[1] = 2; return b },
		"expires":  func(b []byte) []byte { b[12] = 0x80; return b },
		"ended at": func(b []byte) []byte { b[20] = 0x80; return b },
	} {
		if _, _, err := parseRowHeader(change(bytes.Clone(good))); !errors.Is(err, errWire) {
			t.Errorf("%s: %v", name, err)
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
			AtoB: cdr.Flow{Packets: 1, Bytes: 2, Lost: 3, Refused: math.MaxUint64, JitterMS: math.Inf(1)},
			BtoA: cdr.Flow{Packets: 5, Bytes: 6, Lost: 7, Refused: 8, JitterMS: -0.25}},
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
	f.Add([]byte("\x00\x40\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x01\x01\x00\x03\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := parseBinding(b)
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
		back, err := parseBinding(again)
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
	f.Add((&rowHeader{copy: true, moved: 1, tenant: 2, dataKey: 3, expires: 4, ended: 5}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, sealed, err := parseRowHeader(b); err == nil && !bytes.Equal(append(h.append(nil), sealed...), b) {
			t.Fatalf("%x reads as %+v", b, h)
		}
		if h, sealed, err := parseRecordHeader(b); err == nil && !bytes.Equal(append(h.append(nil), sealed...), b) {
			t.Fatalf("%x reads as %+v", b, h)
		}
	})
}
