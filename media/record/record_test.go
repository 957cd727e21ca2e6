package record

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	for _, c := range ciphers {
		packets := talk(20)
		want := End{Packets: [2]uint64{20, 20}, Lost: 3, Length: 383 * time.Millisecond}
		m := makeRecording(t, c, [][]Packet{packets[:9], packets[9:30], packets[30:]}, &want)
		got, end, err := m.read(m.bytes)
		if !errors.Is(err, io.EOF) || !equal(got, packets) || end == nil || *end != want {
			t.Fatalf("%s: %d packets, end %+v, %v", c, len(got), end, err)
		}
		r, err := NewReader(bytes.NewReader(m.bytes), m.unwrap)
		if err != nil || r.Header.ID != m.header.ID || !r.Header.Start.Equal(start) || r.Header.Key != m.header.Key || r.Header.Cipher != c {
			t.Errorf("%s: header %+v, %v", c, r.Header, err)
		}
		h, last, err := Last(bytes.NewReader(m.bytes), int64(len(m.bytes)), m.unwrap)
		if err != nil || h.ID != m.header.ID || last == nil || *last != want {
			t.Errorf("%s: its end alone: %+v, %v", c, last, err)
		}
	}
}

// TestEveryBit changes every bit of a recording: it is never read as it was, and what is read of it is genuine.
func TestEveryBit(t *testing.T) {
	for _, c := range ciphers {
		m, packets := small(t, c)
		for i := range m.bytes {
			for bit := range 8 {
				b := bytes.Clone(m.bytes)
				b[i] ^= 1 << bit
				got, end, err := m.read(b)
				if errors.Is(err, io.EOF) || err == nil || end != nil {
					t.Fatalf("%s: bit %d of byte %d was changed unseen", c, bit, i)
				}
				if len(got) > len(packets) || !equal(got, packets[:len(got)]) {
					t.Fatalf("%s: bit %d of byte %d: other packets were read", c, bit, i)
				}
				if i < m.ends[0] && len(got) > 0 {
					t.Fatalf("%s: bit %d of byte %d of the header: packets were read", c, bit, i)
				}
			}
		}
	}
}

// TestEveryLength cuts a recording off at every byte: what was written whole is read.
func TestEveryLength(t *testing.T) {
	for _, c := range ciphers {
		m, packets := small(t, c)
		for n := range m.bytes {
			got, end, err := m.read(m.bytes[:n])
			if !errors.Is(err, ErrCut) || end != nil {
				t.Fatalf("%s: cut to %d bytes: %v", c, n, err)
			}
			whole, _ := slices.BinarySearch(m.ends, n+1) // segments within n bytes, the header too
			if want := min(max(whole-1, 0)*2, len(packets)); len(got) != want || !equal(got, packets[:want]) {
				t.Fatalf("%s: cut to %d bytes: %d packets, want %d", c, n, len(got), want)
			}
			if _, last, _ := Last(bytes.NewReader(m.bytes), int64(n), m.unwrap); last != nil {
				t.Fatalf("%s: cut to %d bytes: it has an end", c, n)
			}
		}
	}
}

// TestSegmentsStayInPlace: segments cannot be left out, exchanged, written twice, put behind the end, or taken from
// another recording under the same key.
func TestSegmentsStayInPlace(t *testing.T) {
	packets := talk(6)
	m := makeRecording(t, AES256GCM, [][]Packet{packets[:4], packets[4:8], packets[8:]}, &End{})
	part := func(i int) []byte { return m.bytes[m.ends[i-1]:m.ends[i]] }
	head := m.bytes[:m.ends[0]]

	other := m.header
	other.ID = "another"
	s, otherHead, err := NewSealer(other, m.key)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuffer(0)
	b.Add(&packets[0])
	foreign := s.Voice(nil, b)
	foreignEnd := s.End(nil, End{})
	_ = otherHead

	for name, parts := range map[string][][]byte{
		"left out":          {part(1), part(3), part(4)},
		"first left out":    {part(2), part(3), part(4)},
		"exchanged":         {part(2), part(1), part(3), part(4)},
		"twice":             {part(1), part(1), part(2), part(3), part(4)},
		"cut out at end":    {part(1), part(2), part(4)},
		"behind the end":    {part(1), part(2), part(3), part(4), part(1)},
		"a byte behind":     {part(1), part(2), part(3), part(4), {0}},
		"end twice":         {part(1), part(2), part(3), part(4), part(4)},
		"of another":        {foreign, part(2), part(3), part(4)},
		"another's end":     {part(1), foreignEnd},
		"zeroes at the end": {part(1), part(2), part(3), make([]byte, 100)},
	} {
		got, end, err := m.read(bytes.Join(append([][]byte{head}, parts...), nil))
		if !errors.Is(err, ErrDamaged) || end != nil {
			t.Errorf("%s: %v, %+v", name, err, end)
		}
		if !equal(got, packets[:len(got)]) {
			t.Errorf("%s: other packets were read", name)
		}
	}
}

func TestHeaderRefused(t *testing.T) {
	m, _ := small(t, AES256GCM)
	long := bytes.Clone(m.bytes)
	long[len(magic)], long[len(magic)+1] = 0xff, 0xff
	later := bytes.Clone(m.bytes)
	later[len(magic)-1] = 2
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":         {nil, ErrCut},
		"another file":  {[]byte("RIFF and so on, and so forth, up to what a header takes"), ErrFormat},
		"a later one":   {later, ErrFormat},
		"too long":      {long, ErrFormat},
		"a few bytes":   {m.bytes[:5], ErrCut},
		"half a header": {m.bytes[:30], ErrCut},
	} {
		if _, _, err := m.read(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	other := m
	other.key = make([]byte, KeySize)
	if _, _, err := other.read(m.bytes); !errors.Is(err, ErrDamaged) {
		t.Errorf("another key: %v", err)
	}
	for _, id := range []string{"", "..", "a/b", "138 000", ".x", "a\x00", string(make([]byte, MaxID+1))} {
		if _, _, err := NewSealer(Header{Cipher: AES256GCM, ID: id, Start: start}, m.key); err == nil {
			t.Errorf("id %q was taken", id)
		}
	}
	if _, _, err := NewSealer(Header{Cipher: 9, ID: "a", Start: start}, m.key); !errors.Is(err, ErrCipher) {
		t.Errorf("an unknown cipher: %v", err)
	}
	if _, _, err := NewSealer(Header{Cipher: SM4GCM, ID: "a", Start: start}, m.key[:16]); !errors.Is(err, ErrKey) {
		t.Errorf("half a key: %v", err)
	}
}

func TestParseCipher(t *testing.T) {
	for _, c := range ciphers {
		if got, err := ParseCipher(c.String()); err != nil || got != c {
			t.Errorf("%s: %v, %v", c, got, err)
		}
	}
	for _, s := range []string{"", "unknown", "AES", "sm4"} {
		if _, err := ParseCipher(s); !errors.Is(err, ErrCipher) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestBufferBounds: what does not fit is refused and changes nothing.
func TestBufferBounds(t *testing.T) {
	b := NewBuffer(0)
	p := Packet{Codec: "PCMA", Payload: make([]byte, 160)}
	n := 0
	for b.Add(&p) {
		n++
	}
	if size := b.Len(); n != (4096-codecSize-4)/(voiceSize+160) || size > 4096 || b.Voice != uint32(n) {
		t.Errorf("%d packets, %d bytes", n, size)
	}
	b.Reset()
	for _, wrong := range []Packet{
		{Codec: "PCMA", At: -1}, {Codec: "PCMA", At: MaxLength + time.Millisecond},
		{Codec: "PCMA", Payload: make([]byte, 4096)}, {Codec: string(make([]byte, maxCodec+1))},
	} {
		if b.Add(&wrong) || !b.Empty() {
			t.Errorf("taken: %q at %s, %d bytes", wrong.Codec, wrong.At, len(wrong.Payload))
		}
	}
	for _, codec := range []string{"1", "2", "3", "4"} {
		if !b.Add(&Packet{Codec: codec}) {
			t.Errorf("codec %s is refused", codec)
		}
	}
	if b.Add(&Packet{Codec: "5"}) {
		t.Error("a fifth codec in a segment")
	}
	if !b.Gap(7) {
		t.Error("no gap")
	}
	var c Contents
	if !c.parse(b.b) || c.Gap != 7 || len(c.Packets) != 4 {
		t.Errorf("%+v", c)
	}
}

func FuzzReader(f *testing.F) {
	m, _ := small(f, SM4GCM)
	f.Add(m.bytes, []byte{})
	f.Add(m.bytes[:len(m.bytes)-3], []byte{itemGap, 0, 0, 0, 1})
	f.Add([]byte(magic), []byte{itemCodec, 0, 1, 'x', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b, items []byte) {
		packets, end, err := m.read(b)
		if err == nil {
			t.Fatal("it never ended")
		}
		if end != nil && !errors.Is(err, io.EOF) {
			t.Fatal("an end, and an error")
		}
		if !bytes.Equal(b, m.bytes) && errors.Is(err, io.EOF) {
			t.Fatalf("%d packets of a recording that nobody sealed", len(packets))
		}
		// What was sealed with the key may still be anything.
		var c Contents
		if c.parse(items) {
			for _, p := range c.Packets {
				if p.Codec == "" || len(p.Payload) > len(items) {
					t.Fatalf("%+v", p)
				}
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	buffer := NewBuffer(40 << 10)
	p := Packet{Codec: "PCMA", Payload: make([]byte, 160)}
	b.ReportAllocs()
	for b.Loop() {
		if !buffer.Add(&p) {
			buffer.Reset()
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, c := range ciphers {
		b.Run(c.String(), func(b *testing.B) {
			s, _, err := NewSealer(Header{Cipher: c, ID: "a", Start: start}, make([]byte, KeySize))
			if err != nil {
				b.Fatal(err)
			}
			buffer := NewBuffer(40 << 10)
			p := Packet{Codec: "PCMA", Payload: make([]byte, 160)}
			for range 200 { // two seconds of a call
				buffer.Add(&p)
			}
			var dst []byte
			b.SetBytes(int64(buffer.Len()))
			b.ReportAllocs()
			for b.Loop() {
				dst = s.Voice(dst[:0], buffer)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/packet")
		})
	}
}
