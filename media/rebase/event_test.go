package rebase

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pion/rtp"
)

// told is a packet of an event.
type told struct {
	ts     uint32
	ticks  uint16
	end    bool
	marker bool
	event  uint8
}

func (p told) String() string {
	return fmt.Sprintf("%d at %d for %d, end %t, marker %t", p.event, p.ts, p.ticks, p.end, p.marker)
}

// key is what a sender tells of an event of so many ticks from a timestamp on (RFC 4733 section 2.5.1): every 50 ms, in
// segments, the end three times.
func key(event uint8, ts, clock uint32, ticks int64) (out []told) {
	step := int64(clock) / 20
	start := int64(0)
	for passed := step; ; passed += step {
		passed = min(passed, ticks)
		for passed-start > Segment {
			out = append(out, told{ts: ts + uint32(start), ticks: Segment, event: event})
			start += Segment
		}
		p := told{ts: ts + uint32(start), ticks: uint16(passed - start), event: event, marker: len(out) == 0}
		if passed < ticks {
			out = append(out, p)
			continue
		}
		p.end = true
		return append(out, p, p, p)
	}
}

// scaling sends packets through a stream, and gives them as they come out, with timestamps as if its offset were 0.
type scaling struct {
	t        *testing.T
	s        *Stream
	e        Events
	from, to uint32
	seq      uint16
}

func newScaling(t *testing.T, from, to uint32) *scaling {
	return &scaling{t: t, s: New(Initial{SSRC: 7, Seq: 1, Timestamp: 0}), from: from, to: to, seq: 65530}
}

func (x *scaling) send(packets ...told) (out []told) {
	x.t.Helper()
	for _, p := range packets {
		x.seq++
		out = append(out, x.as(x.seq, p))
	}
	return out
}

func (x *scaling) as(seq uint16, p told) told {
	x.t.Helper()
	payload := []byte{p.event, 10, 0, 0}
	if p.end {
		payload[1] |= 0x80
	}
	binary.BigEndian.PutUint16(payload[2:], p.ticks)
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, Marker: p.marker, SequenceNumber: seq, Timestamp: p.ts, SSRC: 9}, Payload: payload}).Marshal()
	if err != nil {
		x.t.Fatal(err)
	}
	var table Table
	table[101] = Type{PT: 97, Clock: x.from, Out: x.to, Known: true}
	if v := x.s.Read(b, 0, &table); v != OK {
		x.t.Fatalf("read: %v", v)
	}
	if !x.e.Scale(x.s, b, x.from, x.to) {
		x.t.Fatal("not scaled")
	}
	var written rtp.Packet
	if err := written.Unmarshal(x.s.Write(b)); err != nil {
		x.t.Fatal(err)
	}
	if written.PayloadType != 97 || written.SequenceNumber != seq+x.s.seq || written.Marker != p.marker || written.Payload[1]&0x3f != 10 {
		x.t.Fatalf("written %v", written)
	}
	return told{ts: written.Timestamp - x.s.ts, ticks: binary.BigEndian.Uint16(written.Payload[2:]), end: written.Payload[1]&0x80 != 0,
		marker: written.Marker, event: written.Payload[0]}
}

// listen is a receiver (RFC 4733 section 2.5.2): it gives the length in ticks of the one event that packets are of, and
// when it began.
func listen(t *testing.T, packets []told, whole bool) (start uint32, ticks int64) {
	t.Helper()
	var base int64
	now := packets[0]
	start = now.ts
	for i, p := range packets {
		switch {
		case p.event != now.event:
			t.Fatalf("packet %d is of another event: %v", i, p)
		case p.ts == now.ts:
			if p.ticks < now.ticks || now.end && p.ticks != now.ticks {
				t.Fatalf("packet %d goes back: %v after %v", i, p, now)
			}
		case now.end || p.marker || (p.ts-now.ts)%Segment != 0 || whole && (p.ts-now.ts != Segment || now.ticks != Segment && !p.end):
			t.Fatalf("packet %d is of another event: %v after %v", i, p, now)
		default:
			base += int64(p.ts - now.ts)
		}
		now = p
	}
	if !now.end {
		t.Fatalf("it has no end: %v", now)
	}
	return start, base + int64(now.ticks)
}

var eventClocks = []uint32{8000, 16000, 24000, 32000, 48000}

// However long a key is held and whatever the clocks, a receiver hears it once, from when it began, for as long as it was
// held; of lost packets none but the last are needed.
func TestEventsKeepTheirLength(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 733))
	for _, from := range eventClocks {
		for _, to := range eventClocks {
			for _, ms := range []int64{20, 60, 999, 1366, 8200, 30_000} {
				length := ms*int64(from)/1000 + 1
				packets := key(5, 1000, from, length)
				for _, lossy := range []bool{false, true} {
					x, sent := newScaling(t, from, to), packets
					if lossy {
						sent = slices.DeleteFunc(slices.Clone(packets[:len(packets)-1]), func(p told) bool { return r.IntN(3) == 0 && p != packets[0] })
						sent = append(sent, packets[len(packets)-1])
					}
					start, ticks := listen(t, x.send(sent...), !lossy)
					if want := length * int64(to) / int64(from); start != 1000 || ticks != max(want, 1) {
						t.Errorf("%d to %d, %d ticks, lossy %t: from %d for %d, want %d", from, to, length, lossy, start, ticks, want)
					}
				}
			}
		}
	}
}

func check(t *testing.T, got []told, want ...told) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("came out as\n%v\nwant\n%v", got, want)
	}
}

// Where 16 bits of the narrower clock hold what those of the wider one do not, the end of each segment is told.
func TestAnEventIsCutWhereSixteenBitsAreFull(t *testing.T) {
	t.Parallel()
	x := newScaling(t, 8000, 48000)
	check(t, x.send(
		told{ts: 100, ticks: 400, event: 1, marker: true},
		told{ts: 100, ticks: 10800, event: 1}, // 64800
		told{ts: 100, ticks: 11200, event: 1}, // 67200: over the first
		told{ts: 100, ticks: 11600, event: 1},
		told{ts: 100, ticks: 22000, event: 1, end: true}, // 132000: over the second, and the end does not wait
		told{ts: 100, ticks: 22000, event: 1, end: true},
		told{ts: 100, ticks: 22000, event: 1, end: true},
		told{ts: 30000, ticks: 400, event: 1, marker: true}),
		told{ts: 100, ticks: 2400, event: 1, marker: true},
		told{ts: 100, ticks: 64800, event: 1},
		told{ts: 100, ticks: 65535, event: 1},
		told{ts: 100 + 65535, ticks: 69600 - 65535, event: 1},
		told{ts: 100 + 2*65535, ticks: 132000 - 2*65535, event: 1, end: true},
		told{ts: 100 + 2*65535, ticks: 132000 - 2*65535, event: 1, end: true},
		told{ts: 100 + 2*65535, ticks: 132000 - 2*65535, event: 1, end: true},
		told{ts: 30000, ticks: 2400, event: 1, marker: true})
}

// The segments of the wider clock are one event of the narrower.
func TestSegmentsArePutTogether(t *testing.T) {
	t.Parallel()
	x := newScaling(t, 48000, 8000)
	check(t, x.send(
		told{ts: 100, ticks: 60000, event: 11, marker: true},
		told{ts: 100, ticks: 65535, event: 11},
		told{ts: 100 + 65535, ticks: 2400, event: 11},
		told{ts: 100 + 65535, ticks: 48000, event: 11, end: true},
		told{ts: 100 + 65535, ticks: 48000, event: 11, end: true},
		told{ts: 100 + 2*65535, ticks: 2400, event: 11}), // another key: the one before has ended
		told{ts: 100, ticks: 10000, event: 11, marker: true},
		told{ts: 100, ticks: 10922, event: 11},
		told{ts: 100, ticks: 11322, event: 11},
		told{ts: 100, ticks: 18922, event: 11, end: true},
		told{ts: 100, ticks: 18922, event: 11, end: true},
		told{ts: 100 + 2*65535, ticks: 400, event: 11})
}

// Packets that come late say what they would have said in time, and move nothing.
func TestLateEventPackets(t *testing.T) {
	t.Parallel()
	x := newScaling(t, 48000, 8000)
	check(t, []told{
		x.as(10, told{ts: 0, ticks: 65535, event: 2}),
		x.as(12, told{ts: 65535, ticks: 600, event: 2}),
		x.as(11, told{ts: 65535, ticks: 300, event: 2}),
		x.as(9, told{ts: 0, ticks: 60000, event: 2}),
		x.as(13, told{ts: 65535, ticks: 900, event: 2, end: true}),
		x.as(15, told{ts: 200000, ticks: 600, event: 3, marker: true}),
		x.as(14, told{ts: 65535, ticks: 900, event: 2, end: true}), // its end once more, after the next has begun
		x.as(16, told{ts: 200000, ticks: 1200, event: 3, end: true}),
	}, []told{
		{ts: 0, ticks: 10922, event: 2},
		{ts: 0, ticks: 11022, event: 2},
		{ts: 0, ticks: 10972, event: 2},
		{ts: 0, ticks: 10000, event: 2},
		{ts: 0, ticks: 11072, event: 2, end: true},
		{ts: 200000, ticks: 100, event: 3, marker: true},
		{ts: 65535, ticks: 150, event: 2, end: true},
		{ts: 200000, ticks: 200, event: 3, end: true},
	}...)
}

// The timestamp of an event is a moment of the audio between whose packets it is, and what comes after goes on as if
// there had been none.
func TestAnEventStaysOnTheClockOfTheAudio(t *testing.T) {
	t.Parallel()
	x := newScaling(t, 8000, 48000)
	var table Table
	table[111] = Type{PT: 111, Clock: 48000, Known: true}
	audio := func(seq uint16, ts uint32) uint32 {
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: seq, Timestamp: ts, SSRC: 9}, Payload: []byte{1}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var p rtp.Packet
		if x.s.Read(b, 0, &table) != OK || p.Unmarshal(x.s.Write(b)) != nil {
			t.Fatal("not written")
		}
		return p.Timestamp
	}
	first := audio(1, 960)
	event := x.as(2, told{ts: 1920, ticks: 400, event: 1, marker: true, end: true})
	last := audio(3, 4320)
	if event.ts+x.s.ts-first != 960 || last-first != 3360 {
		t.Errorf("event at %d, audio at %d and %d", event.ts+x.s.ts, first, last)
	}
}

// Several events of one packet (RFC 4733 section 2.5.1.5) follow each other.
func TestSeveralEventsOfOnePacket(t *testing.T) {
	t.Parallel()
	payload := []byte{1, 0x8a, 0x01, 0x90, 2, 0x8a, 0x01, 0x91, 3, 0x0a, 0xff, 0xff, 4, 0x0a, 0, 0}
	scaleAll(payload, 8000, 16000)
	if want := []byte{1, 0x8a, 0x03, 0x20, 2, 0x8a, 0x03, 0x22, 3, 0x0a, 0xff, 0xff, 4, 0x0a, 0, 0}; !slices.Equal(payload, want) {
		t.Errorf("% x", payload)
	}
	payload = []byte{1, 0x8a, 0, 3, 2, 0x8a, 0, 3, 3, 0x8a, 0, 3}
	scaleAll(payload, 16000, 8000)
	if want := []byte{1, 0x8a, 0, 1, 2, 0x8a, 0, 2, 3, 0x8a, 0, 1}; !slices.Equal(payload, want) {
		t.Errorf("% x", payload)
	}
}

// What is no event is left as it is, and nothing makes it stumble.
func TestWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	var table Table
	table[101] = Type{PT: 97, Clock: 48000, Out: 8000, Known: true}
	s, e := New(Initial{}), Events{}
	for range 20_000 {
		payload := make([]byte, r.IntN(14))
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, SequenceNumber: uint16(r.Uint32()), Timestamp: uint32(r.IntN(4)) * Segment, SSRC: uint32(r.IntN(2))}, Payload: payload}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(b)
		if s.Read(b, 0, &table) != OK {
			t.Fatal("not read")
		}
		ok := e.Scale(s, b, 48000, 8000)
		if want := len(payload) >= 4 && len(payload)%4 == 0; ok != want {
			t.Fatalf("%d bytes: %t", len(payload), ok)
		}
		if !ok && !slices.Equal(b, before) {
			t.Fatal("changed")
		}
	}
}

func TestScalingAllocatesNothing(t *testing.T) {
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 101, SSRC: 1}, Payload: []byte{1, 10, 1, 0}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var table Table
	table[101] = Type{PT: 97, Clock: 48000, Out: 8000, Known: true}
	s, e := New(Initial{}), Events{}
	if n := testing.AllocsPerRun(100, func() {
		if s.Read(b, 0, &table) != OK || !e.Scale(s, b, 48000, 8000) {
			t.Fatal("not scaled")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
