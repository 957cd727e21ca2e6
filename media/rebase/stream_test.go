package rebase

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"
)

const ms = int64(time.Millisecond)

// table knows PCMA by 8, written as 8, and events by 101, written as 96.
func table() *Table {
	var t Table
	t[8] = Type{PT: 8, Clock: 8000, Known: true}
	t[101] = Type{PT: 96, Clock: 8000, Known: true}
	return &t
}

func packet(t *testing.T, h rtp.Header, payload string) []byte {
	t.Helper()
	h.Version = 2
	b, err := (&rtp.Packet{Header: h, Payload: []byte(payload)}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pass reads and writes a packet that must be OK.
func pass(t *testing.T, s *Stream, at int64, h rtp.Header, payload string) rtp.Packet {
	t.Helper()
	b := packet(t, h, payload)
	if v := s.Read(b, at, table()); v != OK {
		t.Fatalf("verdict %d", v)
	}
	var p rtp.Packet
	if err := p.Unmarshal(s.Write(b)); err != nil {
		t.Fatal(err)
	}
	if string(p.Payload) != payload {
		t.Errorf("payload %q, want %q", p.Payload, payload)
	}
	if p.Padding || p.Extension || len(p.CSRC) > 0 {
		t.Errorf("something was left in %v", p.Header)
	}
	return p
}

func TestIdentifiersAreOurs(t *testing.T) {
	s := New(Initial{SSRC: 0xabcd, Seq: 65535, Timestamp: 4294967290})
	tests := []struct {
		in, want rtp.Header
	}{
		{rtp.Header{PayloadType: 8, SequenceNumber: 7, Timestamp: 1000, SSRC: 1, Marker: true},
			rtp.Header{PayloadType: 8, SequenceNumber: 65535, Timestamp: 4294967290, Marker: true}},
		{rtp.Header{PayloadType: 8, SequenceNumber: 8, Timestamp: 1160, SSRC: 1},
			rtp.Header{PayloadType: 8, SequenceNumber: 0, Timestamp: 154}},
		{rtp.Header{PayloadType: 101, SequenceNumber: 9, Timestamp: 1160, SSRC: 1}, // payload type mapped
			rtp.Header{PayloadType: 96, SequenceNumber: 1, Timestamp: 154}},
		{rtp.Header{PayloadType: 8, SequenceNumber: 5009, Timestamp: 801160, SSRC: 1}, // a jump of one source passes
			rtp.Header{PayloadType: 8, SequenceNumber: 5001, Timestamp: 800154}},
		{rtp.Header{PayloadType: 8, SequenceNumber: 5008, Timestamp: 801000, SSRC: 1}, // so does a late packet
			rtp.Header{PayloadType: 8, SequenceNumber: 5000, Timestamp: 799994}},
	}
	for i, tt := range tests {
		p := pass(t, s, int64(i)*20*ms, tt.in, "voice")
		if p.SSRC != 0xabcd || p.SequenceNumber != tt.want.SequenceNumber || p.Timestamp != tt.want.Timestamp ||
			p.PayloadType != tt.want.PayloadType || p.Marker != tt.want.Marker {
			t.Errorf("packet %d: %v", i, p.Header)
		}
	}
	if s.Packets != 5 || s.Octets != 25 {
		t.Errorf("%d packets, %d octets", s.Packets, s.Octets)
	}
}

func TestANewSourceGoesOnWhereTheOldOneWas(t *testing.T) {
	s := New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000})
	pass(t, s, 0, rtp.Header{PayloadType: 8, SequenceNumber: 1, Timestamp: 0, SSRC: 1}, "x")
	pass(t, s, 20*ms, rtp.Header{PayloadType: 8, SequenceNumber: 2, Timestamp: 160, SSRC: 1}, "x")
	p := pass(t, s, 60*ms, rtp.Header{PayloadType: 8, SequenceNumber: 40000, Timestamp: 77, SSRC: 2}, "x")
	if p.SequenceNumber != 102 || p.Timestamp != 5160+320 || p.SSRC != 9 {
		t.Errorf("after the change: %v", p.Header)
	}
	p = pass(t, s, 80*ms, rtp.Header{PayloadType: 8, SequenceNumber: 40001, Timestamp: 237, SSRC: 2}, "x")
	if p.SequenceNumber != 103 || p.Timestamp != 5160+480 {
		t.Errorf("the packet after: %v", p.Header)
	}
	// In the same instant the timestamp still moves.
	p = pass(t, s, 80*ms, rtp.Header{PayloadType: 8, SequenceNumber: 0, Timestamp: 0, SSRC: 3}, "x")
	if p.SequenceNumber != 104 || p.Timestamp != 5160+481 {
		t.Errorf("at once: %v", p.Header)
	}
	// A late packet before the change does not set the stream back.
	pass(t, s, 90*ms, rtp.Header{PayloadType: 8, SequenceNumber: 65000, Timestamp: 0, SSRC: 3}, "x")
	p = pass(t, s, 100*ms, rtp.Header{PayloadType: 8, SequenceNumber: 9, Timestamp: 9, SSRC: 4}, "x")
	if p.SequenceNumber != 105 || p.Timestamp != 5160+481+160 {
		t.Errorf("after a late packet: %v", p.Header)
	}
}

// To another listener it is another stream, from its first packet on, of what is received
// as before.
func TestAnotherListenerHearsAnotherStream(t *testing.T) {
	s := New(Initial{SSRC: 0xabcd, Seq: 100, Timestamp: 5000})
	pass(t, s, 0, rtp.Header{PayloadType: 8, SequenceNumber: 7, Timestamp: 1000, SSRC: 1}, "one")
	pass(t, s, 20*ms, rtp.Header{PayloadType: 8, SequenceNumber: 8, Timestamp: 1160, SSRC: 1}, "two")
	s.Renew(Initial{SSRC: 0x1234, Seq: 30000, Timestamp: 9})
	if _, known := s.Timestamp(30 * ms); s.Packets != 0 || s.Octets != 0 || s.SSRC() != 0x1234 || known {
		t.Errorf("%d packets, %d octets of stream %x, written before: %t", s.Packets, s.Octets, s.SSRC(), known)
	}
	for i, want := range []rtp.Header{
		{SSRC: 0x1234, SequenceNumber: 30000, Timestamp: 9}, {SSRC: 0x1234, SequenceNumber: 30001, Timestamp: 169},
	} {
		n := uint16(9 + i)
		got := pass(t, s, int64(40+20*i)*ms, rtp.Header{PayloadType: 8, SequenceNumber: n, Timestamp: 1000 + 160*uint32(n-7), SSRC: 1}, "on")
		if got.SSRC != want.SSRC || got.SequenceNumber != want.SequenceNumber || got.Timestamp != want.Timestamp {
			t.Errorf("%d: %v, want %v", i, got.Header, want)
		}
	}
	if r := &s.Received; s.Packets != 2 || r.Packets() != 4 || r.Lost() != 0 {
		t.Errorf("%d packets written, %d received, %d lost", s.Packets, r.Packets(), r.Lost())
	}
}

func TestAGapOfOursIsNoLoss(t *testing.T) {
	s := New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000})
	pass(t, s, 0, rtp.Header{PayloadType: 8, SequenceNumber: 1, Timestamp: 0, SSRC: 1}, "x")
	for i := int64(1); i < 50; i++ { // held: received, not written
		b := packet(t, rtp.Header{PayloadType: 8, SequenceNumber: uint16(1 + i), Timestamp: uint32(160 * i), SSRC: 1}, "x")
		s.Read(b, 20*i*ms, table())
	}
	s.Refit()
	p := pass(t, s, 1000*ms, rtp.Header{PayloadType: 8, SequenceNumber: 51, Timestamp: 8000, SSRC: 1}, "x")
	if p.SequenceNumber != 101 || p.Timestamp != 13000 {
		t.Errorf("after the hold: %v", p.Header)
	}
	if got := s.Received.Packets(); got != 51 {
		t.Errorf("%d received", got)
	}
}

func TestOnlyHeaderAndPayloadPass(t *testing.T) {
	full := rtp.Header{PayloadType: 8, SequenceNumber: 1, Timestamp: 1, SSRC: 1, CSRC: []uint32{0xdead, 0xbeef}}
	if err := full.SetExtension(1, []byte("13800138000")); err != nil {
		t.Fatal(err)
	}
	whole, err := (&rtp.Packet{Header: full, Payload: []byte("voice")}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	whole[0] |= 0x40<<1 | 0x20 // version 2, padding
	whole = append(whole, "139"...)
	whole = append(whole, 4)
	s := New(Initial{SSRC: 9})
	if v := s.Read(whole, 0, table()); v != OK {
		t.Fatalf("verdict %d", v)
	}
	out := s.Write(whole)
	if len(out) != 12+len("voice") || !bytes.HasSuffix(out, []byte("voice")) || out[0] != 0x80 {
		t.Errorf("written % x", out)
	}
}

func TestWhatIsNotRTPIsRefused(t *testing.T) {
	good := packet(t, rtp.Header{PayloadType: 8, SSRC: 1}, "voice")
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	tests := []struct {
		name string
		in   []byte
		want Verdict
	}{
		{"good", good, OK},
		{"empty payload", good[:12], OK},
		{"nothing", nil, Invalid},
		{"short", good[:11], Invalid},
		{"version 1", change(func(b []byte) []byte { b[0] = 0x40; return b }), Invalid},
		{"STUN", append([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...), Invalid},
		{"DTLS", append([]byte{22, 254, 253}, make([]byte, 40)...), Invalid},
		{"contributors beyond the end", change(func(b []byte) []byte { b[0] |= 15; return b }), Invalid},
		{"extension beyond the end", change(func(b []byte) []byte { b[0] |= 0x10; return b }), Invalid},
		{"extension without a header", change(func(b []byte) []byte { b[0] |= 0x10; return b[:14] }), Invalid},
		{"no padding count", change(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 0; return b }), Invalid},
		{"padding into the header", change(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 6; return b }), Invalid},
		{"padding only", change(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 5; return b }), OK},
		{"a fault inside the extension", change(func(b []byte) []byte {
			b[0] |= 0x10
			return append(b[:12], 0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3, 'v')
		}), OK},
		{"payload type not negotiated", change(func(b []byte) []byte { b[1] = 0; return b }), Unknown},
	}
	for _, tt := range tests {
		s := New(Initial{})
		in := bytes.Clone(tt.in)
		if got := s.Read(in, 0, table()); got != tt.want {
			t.Errorf("%s: verdict %d, want %d", tt.name, got, tt.want)
		}
		if got := s.Received.Packets(); (tt.want == OK) != (got == 1) {
			t.Errorf("%s: %d received", tt.name, got)
		}
	}
}

func TestTimestampForReports(t *testing.T) {
	s := New(Initial{Timestamp: 5000})
	if _, ok := s.Timestamp(0); ok {
		t.Error("a timestamp before the first packet")
	}
	pass(t, s, 100*ms, rtp.Header{PayloadType: 8, SequenceNumber: 1, Timestamp: 0, SSRC: 1}, "x")
	if ts, ok := s.Timestamp(600 * ms); !ok || ts != 9000 {
		t.Errorf("%d, %t", ts, ok)
	}
}

// Whatever order packets come in, the offsets of one source stay what they were.
func TestOffsetsAreConstant(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := New(Initial{SSRC: 9, Seq: uint16(r.Uint32()), Timestamp: r.Uint32()})
	var seq uint16
	var ts uint32
	for i := range 2000 {
		h := rtp.Header{PayloadType: 8, SequenceNumber: uint16(r.Uint32()), Timestamp: r.Uint32(), SSRC: 5}
		p := pass(t, s, int64(i)*ms, h, "x")
		if i == 0 {
			seq, ts = p.SequenceNumber-h.SequenceNumber, p.Timestamp-h.Timestamp
		}
		if p.SequenceNumber-h.SequenceNumber != seq || p.Timestamp-h.Timestamp != ts {
			t.Fatalf("packet %d: another offset", i)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x80\x08\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01voice"))
	f.Add([]byte("\xb2\x08\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01aaaabbbb\xbe\xde\x00\x01\x10\xff\x00\x00voice\x00\x02"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := New(Initial{SSRC: 9, Seq: 1, Timestamp: 1})
		b := bytes.Clone(in)
		if s.Read(b, 0, table()) != OK {
			return
		}
		var p rtp.Packet
		out := s.Write(b)
		if err := p.Unmarshal(out); err != nil {
			t.Fatal(err)
		}
		if p.SSRC != 9 || p.SequenceNumber != 1 || p.Timestamp != 1 || len(p.CSRC) != 0 || p.Extension || p.Padding {
			t.Errorf("written %v", p.Header)
		}
		if len(p.Payload) > 0 && !bytes.Contains(in, p.Payload) {
			t.Error("the payload changed")
		}
	})
}

func TestRewritingDoesNotAllocate(t *testing.T) {
	s := New(Initial{})
	h := rtp.Header{PayloadType: 8, SSRC: 1, CSRC: make([]uint32, 15)}
	if err := h.SetExtension(1, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	good, tab := packet(t, h, "voice"), table()
	bad := bytes.Clone(good)[:20]
	b := make([]byte, len(good))
	if n := testing.AllocsPerRun(100, func() {
		copy(b, good)
		s.Read(b, 0, tab)
		s.Write(b)
		copy(b, bad)
		s.Read(b[:len(bad)], 0, tab)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRewrite(b *testing.B) {
	s := New(Initial{SSRC: 9})
	tab := table()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 1}, Payload: make([]byte, 160)}
	in, err := p.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	var seq uint16
	for b.Loop() {
		seq++
		in[2], in[3] = byte(seq>>8), byte(seq)
		in[11] = 1
		if s.Read(in, int64(seq)*20*ms, tab) != OK {
			b.Fatal("refused")
		}
		s.Write(in)
	}
}

// What we insert goes on where the stream was, and the stream goes on where we
// stopped.
func TestInsert(t *testing.T) {
	const ms = int64(1_000_000)
	s := New(Initial{SSRC: 7, Seq: 100, Timestamp: 5000})
	table := &Table{8: {PT: 8, Clock: 8000, Known: true}}
	buf := make([]byte, 64)
	var at int64
	check := func(what string, b []byte, seq uint16, ts uint32, marker bool, payload string) {
		t.Helper()
		var got rtp.Packet
		if err := got.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if got.SSRC != 7 || got.SequenceNumber != seq || got.Timestamp != ts || got.Marker != marker || string(got.Payload) != payload || got.PayloadType != 8 {
			t.Errorf("%s: %+v %q", what, got.Header, got.Payload)
		}
	}
	relay := func(seq uint16, ts uint32) []byte {
		t.Helper()
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: seq, Timestamp: ts, SSRC: 9}, Payload: []byte("in")}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if v := s.Read(b, at, table); v != OK {
			t.Fatal(v)
		}
		return s.Write(b)
	}
	insert := func() []byte { return s.Insert(buf, 8, 8000, 160, at, []byte("our")) }
	check("the first ever", insert(), 100, 5000, true, "our")
	at += 25 * ms // late: the step counts
	check("the next", insert(), 101, 5160, false, "our")
	at += 20 * ms
	check("another source after it", relay(60000, 1), 102, 5320, false, "in")
	at += 40 * ms
	check("ours again", insert(), 103, 5640, true, "our")
	at += 20 * ms
	check("the source again, further on", relay(60003, 999), 104, 5800, false, "in")
	if s.Packets != 5 || s.Octets != 13 {
		t.Errorf("%d packets, %d octets", s.Packets, s.Octets)
	}
	if n := testing.AllocsPerRun(100, func() { insert() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// An event is part of the stream: its packets share the time of its begin, and what
// comes in afterwards goes on from there.
func TestAnEventIsPartOfTheStream(t *testing.T) {
	var table Table
	table[8] = Type{PT: 8, Clock: 8000, Known: true}
	s := New(Initial{SSRC: 7, Seq: 65534, Timestamp: 1000})
	const ms = int64(1_000_000)
	read := func(seq uint16, ts uint32, at int64) rtp.Header {
		t.Helper()
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: seq, Timestamp: ts, SSRC: 1}, Payload: []byte{1}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if v := s.Read(b, at, &table); v != OK {
			t.Fatal(v)
		}
		var h rtp.Header
		if _, err := h.Unmarshal(s.Write(b)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := read(100, 0, 0); h.SequenceNumber != 65534 || h.Timestamp != 1000 {
		t.Errorf("first: %v", h)
	}
	if seq, ok := s.Original(65534); !ok || seq != 100 {
		t.Errorf("the original is %d, %t", seq, ok)
	}
	var room [64]byte
	for i := range 3 {
		var p rtp.Packet
		if err := p.Unmarshal(s.Event(room[:], 101, 8000, i == 0, 20*ms+int64(i)*50*ms, []byte{5, 10, 0, byte(i)})); err != nil {
			t.Fatal(err)
		}
		if p.SequenceNumber != 65535+uint16(i) || p.Timestamp != 1160 || p.Marker != (i == 0) || p.PayloadType != 101 || p.SSRC != 7 || p.Payload[3] != byte(i) {
			t.Errorf("%d: %v", i, p.Header)
		}
	}
	if _, ok := s.Original(65535); ok {
		t.Error("an event of ours has an original")
	}
	// 200 ms after the event began.
	if h := read(111, 1760, 220*ms); h.SequenceNumber != 2 || h.Timestamp != 1160+1600 || h.SSRC != 7 {
		t.Errorf("afterwards: %v", h)
	}
	if s.Packets != 5 || s.Clock() != 8000 {
		t.Errorf("%d packets, clock %d", s.Packets, s.Clock())
	}
}

// A source that begins anew under its SSRC goes on where it was, as another would: its
// old offsets would write numbers a second time.
func TestASourceThatBeginsAnewGoesOnWhereItWas(t *testing.T) {
	for _, back := range []uint16{200, 1000, 0x7fff, 0x8000, 0x8001, 60000} {
		s := New(Initial{SSRC: 9, Seq: 100, Timestamp: 5000})
		h := rtp.Header{PayloadType: 8, SequenceNumber: 40000, Timestamp: 160, SSRC: 1}
		for i := range int64(300) {
			pass(t, s, 20*i*ms, h, "x")
			h.SequenceNumber++
			h.Timestamp += 160
		}
		lent, carry, _ := s.Lend()
		h.SequenceNumber -= back
		h.Timestamp = 7
		b := packet(t, h, "x")
		if s.Read(b, 6000*ms, table()); !s.Far() || s.Anew(1, h.SequenceNumber) || !s.Anew(1, h.SequenceNumber+1) {
			t.Errorf("back by %d: far %v", back, s.Far())
		}
		for i := range uint16(300) {
			h.SequenceNumber++
			h.Timestamp += 160
			p := pass(t, s, (6020+20*int64(i))*ms, h, "x")
			if p.SequenceNumber != 400+i || p.Timestamp != 5000+160*(301+uint32(i)) || s.Far() {
				t.Fatalf("back by %d, packet %d: %v", back, i, p.Header)
			}
			if s.InStep(lent, carry) {
				t.Fatalf("back by %d, packet %d: in step with the old offsets", back, i)
			}
		}
	}
}

// Whole finds what Read refuses for its lengths, and nothing else.
func TestWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	found := map[bool]int{}
	var all Table
	for pt := range all {
		all[pt] = Type{Known: true, Clock: 8000}
	}
	for range 20000 {
		b := make([]byte, random.IntN(60))
		for i := range b {
			b[i] = byte(random.Uint32())
			if i > 11 && random.IntN(2) == 0 {
				b[i] = byte(random.IntN(4))
			}
		}
		if len(b) > 0 && random.IntN(10) > 0 {
			b[0] = b[0]&0x33 | 0x80
		}
		whole := Whole(b)
		found[whole]++
		if read := New(Initial{}).Read(b, 0, &all) == OK; read != whole {
			t.Fatalf("% x: whole %t, read %t", b, whole, read)
		}
	}
	if found[true] < 1000 || found[false] < 1000 {
		t.Errorf("tried %v", found)
	}
}
