package media

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"mask700/media/sdp"
)

// heardPacket is one packet of an event, at a time in ms.
type heardPacket struct {
	at       int
	seq      uint16
	ts       uint32
	marker   bool
	event    byte
	end      bool
	duration uint16
	source   uint32
}

// payload is as RFC 4733 section 2.3 writes it.
func (p heardPacket) payload() []byte {
	b := []byte{p.event, loudness, 0, 0}
	if p.end {
		b[1] |= 1 << 7
	}
	binary.BigEndian.PutUint16(b[2:], p.duration)
	return b
}

func TestKeysAreHeardOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		packets []heardPacket
		lapse   int // ms, when the time is looked at after all
		want    string
	}{
		"begun, held, and its end three times": {[]heardPacket{
			{0, 1, 100, true, 5, false, 400, 1}, {50, 2, 100, false, 5, false, 800, 1},
			{100, 3, 100, false, 5, true, 1280, 1}, {110, 4, 100, false, 5, true, 1280, 1}, {120, 5, 100, false, 5, true, 1280, 1},
		}, 5000, "5 160ms"},
		"the end alone arrives": {[]heardPacket{{100, 3, 100, false, 11, true, 1280, 1}}, 5000, "# 160ms"},
		"the beginning comes after its end": {[]heardPacket{
			{0, 3, 100, false, 5, true, 1280, 1}, {1, 1, 100, true, 5, false, 400, 1},
		}, 5000, "5 160ms"},
		"a lost end is told of with the next key": {[]heardPacket{
			{0, 1, 100, true, 1, false, 400, 1}, {50, 2, 100, false, 1, false, 800, 1},
			{300, 6, 2500, true, 2, false, 400, 1}, {350, 7, 2500, false, 2, true, 640, 1},
		}, 5000, "1 100ms, 2 80ms"},
		"the same key twice": {[]heardPacket{
			{0, 1, 100, true, 7, true, 800, 1}, {200, 2, 1700, true, 7, true, 800, 1},
		}, 5000, "7 100ms, 7 100ms"},
		"the same key twice, both without their ends": {[]heardPacket{
			{0, 1, 100, true, 7, false, 800, 1}, {200, 2, 1700, true, 7, false, 400, 1},
		}, 5000, "7 100ms, 7 50ms"},
		"no end and nothing else":          {[]heardPacket{{0, 1, 100, true, 0, false, 800, 1}}, 500, "0 100ms"},
		"no end, but it may still be held": {[]heardPacket{{0, 1, 100, true, 0, false, 800, 1}}, 499, ""},
		"a packet of the key before comes late": {[]heardPacket{
			{0, 1, 100, true, 1, false, 400, 1}, {100, 3, 100, false, 1, true, 800, 1},
			{200, 5, 1700, true, 2, false, 400, 1}, {201, 4, 100, false, 1, true, 800, 1}, {250, 6, 1700, false, 2, true, 800, 1},
		}, 5000, "1 100ms, 2 100ms"},
		"longer than one timestamp can tell": {[]heardPacket{
			{0, 1, 100, true, 9, false, 400, 1}, {8192, 2, 100, false, 9, false, 0xffff, 1},
			{8200, 3, 100 + 0xffff, false, 9, false, 65, 1}, {9000, 4, 100 + 0xffff, false, 9, true, 8000, 1},
		}, 20000, "9 9.191875s"},
		"a timestamp that wraps": {[]heardPacket{
			{0, 65535, 0xffffffff, true, 3, false, 400, 1}, {50, 0, 0xffffffff, false, 3, true, 800, 1},
			{300, 1, 2399, true, 4, true, 800, 1},
		}, 5000, "3 100ms, 4 100ms"},
		"another source begins anew": {[]heardPacket{
			{0, 100, 9000, true, 3, false, 400, 1}, {50, 1, 50, true, 4, true, 800, 2},
		}, 5000, "3 50ms, 4 100ms"},
		"one timestamp is one key":           {[]heardPacket{{0, 1, 100, true, 3, false, 400, 1}, {50, 2, 100, false, 4, true, 800, 1}, {60, 3, 100, false, 3, true, 800, 1}}, 5000, "3 100ms"},
		"tones and hooks are no keys":        {[]heardPacket{{0, 1, 100, true, 16, true, 400, 1}, {50, 2, 900, true, 66, true, 800, 1}, {60, 3, 1700, true, 255, true, 800, 1}}, 5000, ""},
		"a key of no length is one":          {[]heardPacket{{0, 1, 100, true, 15, true, 0, 1}}, 5000, "D 0s"},
		"a repetition long after it is none": {[]heardPacket{{0, 1, 100, true, 1, true, 400, 1}, {9000, 2, 100, false, 1, true, 400, 1}}, 20000, "1 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			var e ear
			got := ""
			tell := func(k stroke) {
				if got != "" {
					got += ", "
				}
				got += fmt.Sprintf("%c %v", eventNames[k.event], time.Duration(k.length))
			}
			for _, p := range tt.packets {
				keys, n := e.hear(p.source, p.seq, p.ts, 8000, p.marker, p.payload(), int64(p.at)*int64(time.Millisecond))
				for _, k := range keys[:n] {
					tell(k)
				}
			}
			if k, ok := e.lapse(int64(tt.lapse) * int64(time.Millisecond)); ok {
				tell(k)
			}
			if k, ok := e.lapse(int64(time.Hour)); ok && tt.want != "" {
				tell(k)
			}
			if got != tt.want {
				t.Errorf("heard %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsNoEvent(t *testing.T) {
	var e ear
	for _, b := range [][]byte{nil, {1}, {1, 0x8a, 0}} {
		if _, n := e.hear(1, 1, 1, 8000, true, b, 0); n != 0 {
			t.Errorf("% x was a key", b)
		}
	}
	if _, n := e.hear(1, 1, 1, 0, true, []byte{1, 0x8a, 0, 80}, 0); n != 0 {
		t.Error("a key without a clock")
	}
}

// event makes a packet of an event of the phone: the last word of each key is sent three
// times.
func (p *phone) event(pt, event byte, duration uint16, end bool) []byte {
	b := p.frame(string(heardPacket{event: event, end: end, duration: duration}.payload()))
	p.ts -= 160
	b[1] = pt
	binary.BigEndian.PutUint32(b[4:], p.ts)
	return b
}

// Where telephone events end here, a key is told of once, on every way that a call's audio
// goes, and the voice goes on in time and without a gap in numbers. The other side is sent
// none; it is sent ours under the number that it has named.
func TestKeysAreToldOf(t *testing.T) {
	type key struct {
		from   Side
		key    byte
		length time.Duration
	}
	told := make(chan key, 100)
	r := newRelay(t, Options{OnKey: func(_ Session, from Side, k byte, length time.Duration) { told <- key{from, k, length} }})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	fromA := a.remote()
	fromA.Types[1] = PayloadType{PT: 96, Clock: 8000, Name: "telephone-event", Map: sdp.EndsHere + 98}
	fromB := b.remote()
	fromB.Types = fromB.Types[:1]
	s.SetRemote(A, fromA)
	s.SetRemote(B, fromB)
	s.Settle(A)
	s.Settle(B)
	var was uint16
	for i := range 10 { // enough to leave the usual way
		send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
		got := b.hear()
		if i > 0 && got.SequenceNumber != was+1 {
			t.Fatalf("%v after %d", got.Header, was)
		}
		was = got.SequenceNumber
	}
	for _, k := range []struct{ name, event byte }{{'0', 0}, {'*', 10}, {'#', 11}, {'D', 15}} {
		a.ts += 160
		send(t, a.rtp, a.event(96, k.event, 400, false), at(s.Local(A)))
		for range 3 {
			send(t, a.rtp, a.event(96, k.event, 800, true), at(s.Local(A)))
		}
		if got := <-told; got != (key{A, k.name, 100 * time.Millisecond}) {
			t.Errorf("told of %+v, want %c", got, k.name)
		}
		a.ts += 800
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "voice" || got.PayloadType != 8 || got.SequenceNumber != was+1 {
		t.Errorf("%v %q after %d", got.Header, got.Payload, was)
	}
	// What we press reaches A under its own number, though B has no events.
	if !s.Press(A, '3', 50*time.Millisecond) || s.Press(B, '3', 50*time.Millisecond) {
		t.Fatal("pressed for the wrong one")
	}
	for range 3 {
		if got := a.hearEvent(); got.event != 3 || !got.end || got.PayloadType != 98 {
			t.Errorf("heard %+v", got)
		}
	}
	select {
	case got := <-told:
		t.Errorf("told of %+v too", got)
	default:
	}
	// Nobody presses so many: from here on they are counted.
	for i := range 3 * maxHeard {
		a.ts += 800
		send(t, a.rtp, a.event(96, byte(i%10), 800, true), at(s.Local(A)))
	}
	eventually(t, "keys beyond what is told of", func() bool { return s.Stats().AtoB.Unheard > 0 })
}

// Of a held key whose end was lost is told with the second's look.
func TestALostEnd(t *testing.T) {
	told := make(chan byte, 10)
	c := newClock()
	r := newRelay(t, Options{Clock: Clock{Now: c.read}, Timeout: -1, OnKey: func(_ Session, _ Side, k byte, _ time.Duration) { told <- k }})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	m := a.remote()
	m.Types[1].Map = sdp.EndsHere + 101
	s.SetRemote(A, m)
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	send(t, a.rtp, a.event(101, 8, 400, false), at(s.Local(A)))
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	b.hear() // so that the event has been read
	for range 3 {
		c.advance(r, time.Second)
	}
	if got := <-told; got != '8' {
		t.Errorf("told of %c", got)
	}
}

// A call of which nobody asks for keys pays nothing for them, and one of which somebody
// does allocates nothing for a packet that is no new key.
func TestHeardEventsAllocateNothing(t *testing.T) {
	r := newRelay(t, Options{OnKey: func(Session, Side, byte, time.Duration) {}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r).(*session)
	m := a.remote()
	m.Types[1].Map = sdp.EndsHere + 101
	s.SetRemote(A, m)
	s.SetRemote(B, b.remote())
	in, src := a.event(101, 1, 400, false), addrOf(a.rtp)
	buf := make([]byte, len(in))
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if n := testing.AllocsPerRun(100, func() {
		copy(buf, in)
		if packet, _ := s.pass(A, buf, src, 1); packet != nil {
			t.Fatal("relayed")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Under which number a side is sent events, and in which clock.
func TestWhichEventsAreWritten(t *testing.T) {
	ours := func(pt, number uint8, clock uint32) PayloadType {
		return PayloadType{PT: pt, Clock: clock, Name: telephoneEvent, Map: sdp.EndsHere + number}
	}
	theirs := func(pt, number uint8, clock uint32) PayloadType {
		return PayloadType{PT: pt, Clock: clock, Name: telephoneEvent, Map: number}
	}
	for name, tt := range map[string]struct {
		own, other []PayloadType
		want       string
	}{
		"agreed on by both":              {[]PayloadType{theirs(96, 101, 8000)}, []PayloadType{theirs(101, 96, 8000)}, "96 8000 true"},
		"with us alone":                  {[]PayloadType{ours(101, 97, 8000)}, []PayloadType{{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}}, "97 8000 true"},
		"with us alone, of two clocks":   {[]PayloadType{ours(100, 100, 48000), ours(101, 97, 8000)}, nil, "97 8000 true"},
		"the other one's end here":       {nil, []PayloadType{ours(101, 97, 8000)}, "0 0 false"},
		"of another clock than is heard": {[]PayloadType{ours(100, 99, 48000)}, nil, "99 48000 true"},
		"that turn": {[]PayloadType{{PT: 96, Clock: 8000, Name: telephoneEvent, Map: 101, Turns: 16000}},
			[]PayloadType{{PT: 101, Clock: 16000, Name: telephoneEvent, Map: 96, Turns: 8000}}, "96 8000 true"},
	} {
		got, ok := events(newPayloads(tt.own, false), newPayloads(tt.other, false), 8000)
		if s := fmt.Sprint(got.Map, got.Clock, ok); s != tt.want {
			t.Errorf("%s: %s, want %s", name, s, tt.want)
		}
	}
	// Only events may end here.
	p := newPayloads([]PayloadType{{PT: 8, Clock: 8000, Name: "PCMA", Map: 200}, ours(101, 101, 8000)}, false)
	if p.table[8].Known || !p.ends(101) || p.ends(8) || p.ends(0) {
		t.Errorf("%+v", slices.Clip(p.listed))
	}
}
