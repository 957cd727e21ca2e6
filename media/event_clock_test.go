package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"mask700/media/sdp"
)

// A has telephone events of 16000 Hz alone, B of 8000: a key is heard for as long as it was pressed, either way, from the
// moment of the audio that it began at, and the audio goes on as if there had been none. In the kernel's table or in a lane
// the direction stays as it is; the events are user space's.
func TestEventsOfAnotherClock(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	fromA, fromB := a.remote(), b.remote()
	fromA.Types[1] = PayloadType{PT: 96, Clock: 16000, Name: "telephone-event", Map: 101, Turns: 8000}
	fromB.Types[1] = PayloadType{PT: 101, Clock: 8000, Name: "telephone-event", Map: 96, Turns: 16000}
	s.SetRemote(A, fromA)
	s.SetRemote(B, fromB)
	s.Settle(A)
	s.Settle(B)
	type packet struct {
		offset uint32 // of the event's or segment's timestamp from its beginning
		ticks  uint16
		end    bool
	}
	for _, way := range []struct {
		name     string
		from, to *phone
		side     Side
		pt, out  byte
		in, want []packet
	}{
		{"A to B", a, b, A, 96, 101,
			[]packet{{0, 800, false}, {0, 1600, false}, {0, 65535, false}, {65535, 800, false}, {65535, 1600, true}},
			[]packet{{0, 400, false}, {0, 800, false}, {0, 32767, false}, {0, 33167, false}, {0, 33567, true}}},
		{"B to A", b, a, B, 101, 96,
			[]packet{{0, 400, false}, {0, 32400, false}, {0, 32800, false}, {0, 33200, false}, {0, 40000, true}},
			[]packet{{0, 800, false}, {0, 64800, false}, {0, 65535, false}, {65535, 66400 - 65535, false}, {65535, 80000 - 65535, true}}},
	} {
		var voice rtp.Packet
		for range 12 { // enough for the kernel or a lane to take over
			gap()
			send(t, way.from.rtp, way.from.frame("voice"), at(s.Local(way.side)))
			voice = way.to.hear()
		}
		began := way.from.ts + 80 // between two packets of audio
		seq, last := voice.SequenceNumber, voice.Timestamp
		for i, p := range way.in {
			repeats := 1
			if p.end {
				repeats = endings
			}
			for range repeats {
				way.from.seq++
				send(t, way.from.rtp, eventPacket(t, way.from, way.pt, began+p.offset, p.ticks, p.end, i == 0), at(s.Local(way.side)))
				got, want := way.to.hearEvent(), way.want[i]
				seq++
				if got.event != 5 || got.PayloadType != way.out || got.duration != want.ticks || got.end != want.end || got.Marker != (i == 0) ||
					got.Timestamp != last+80+want.offset || got.SequenceNumber != seq || got.SSRC != voice.SSRC {
					t.Fatalf("%s, packet %d: %+v after %v, want %v", way.name, i, got, voice.Header, want)
				}
			}
		}
		way.from.ts += 160 * 300
		send(t, way.from.rtp, way.from.frame("voice"), at(s.Local(way.side)))
		if got := way.to.hear(); got.Timestamp != last+160*301 || got.SequenceNumber != seq+1 || got.PayloadType != 8 {
			t.Errorf("%s: %v after %v", way.name, got.Header, voice.Header)
		}
	}
	// What is no event is counted and dropped, and ours are in the clock of who hears them.
	a.seq++
	send(t, a.rtp, eventBytes(t, a, 96, a.ts, []byte{5, 10, 0}, false), at(s.Local(A)))
	eventually(t, "an event of three bytes", func() bool { return s.Stats().AtoB.Junk.Malformed == 1 })
	for _, way := range []struct {
		to    *phone
		side  Side
		ticks uint16
	}{{a, A, 800}, {b, B, 400}} {
		if !s.Press(way.side, '5', 50*time.Millisecond) {
			t.Fatal("not pressed")
		}
		for range endings {
			if got := way.to.hearEvent(); got.duration != way.ticks || !got.end {
				t.Errorf("%v pressed: %+v", way.side, got)
			}
		}
	}
}

func eventPacket(t *testing.T, p *phone, pt byte, ts uint32, ticks uint16, end, marker bool) []byte {
	t.Helper()
	payload := []byte{5, loudness, byte(ticks >> 8), byte(ticks)}
	if end {
		payload[1] |= 0x80
	}
	return eventBytes(t, p, pt, ts, payload, marker)
}

func eventBytes(t *testing.T, p *phone, pt byte, ts uint32, payload []byte, marker bool) []byte {
	t.Helper()
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, Marker: marker, PayloadType: pt, SequenceNumber: p.seq, Timestamp: ts, SSRC: p.ssrc}, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A payload type that turns is one of events: audio has no clock but its own.
func TestOnlyEventsTurn(t *testing.T) {
	t.Parallel()
	p := newPayloads([]PayloadType{
		{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}, {PT: 96, Clock: 16000, Name: telephoneEvent, Map: 101, Turns: 8000},
		{PT: 97, Clock: 8000, Name: telephoneEvent, Map: 101}, {PT: 98, Clock: 8000, Name: telephoneEvent, Map: sdp.EndsHere + 98},
	}, false)
	for pt := range uint8(128) {
		if p.turns(pt) != (pt == 96) {
			t.Errorf("%d turns: %t", pt, p.turns(pt))
		}
	}
}
