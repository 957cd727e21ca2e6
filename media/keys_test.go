package media

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// heardEvent is a telephone event as it was heard.
type heardEvent struct {
	rtp.Packet
	event    byte
	end      bool
	duration uint16
}

func (p *phone) hearEvent() heardEvent {
	p.t.Helper()
	got := p.hear()
	if len(got.Payload) != 4 || got.Payload[1]&0x7f != loudness {
		p.t.Fatalf("%v with % x is no event", got.Header, got.Payload)
	}
	return heardEvent{Packet: got, event: got.Payload[0], end: got.Payload[1]&0x80 != 0, duration: binary.BigEndian.Uint16(got.Payload[2:])}
}

// A key is an event of the stream that is heard, and the voice goes on after it
// without a gap in numbers.
func TestAKeyBecomesAnEvent(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	// B numbers events 96, A 101.
	fromA, fromB := a.remote(), b.remote()
	fromA.Types[1].Map = 96
	fromB.Types[1].PT, fromB.Types[1].Map = 96, 101
	s.SetRemote(A, fromA)
	s.SetRemote(B, fromB)
	s.Settle(A)
	s.Settle(B)
	for range 8 { // enough for the kernel to take over, where it may
		send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
		b.hear()
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	was := b.hear()
	pressed := time.Now()
	if !s.Press(B, '#', 160*time.Millisecond) || !s.Press(B, '7', 60*time.Millisecond) {
		t.Fatal("not sent")
	}
	send(t, a.rtp, a.frame("unheard"), at(s.Local(A)))
	for _, key := range []struct {
		event     byte
		durations []uint16 // the last three have the end
	}{{11, []uint16{400, 800, 1200, 1280, 1280, 1280}}, {7, []uint16{400, 480, 480, 480}}} {
		var start uint32
		for i, want := range key.durations {
			got := b.hearEvent()
			if i == 0 {
				start = got.Timestamp
			}
			if got.event != key.event || got.duration != want || got.end != (i >= len(key.durations)-3) || got.Marker != (i == 0) ||
				got.PayloadType != 96 || got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1 || got.Timestamp != start {
				t.Fatalf("event %d, %d: %+v after %v", key.event, i, got, was.Header)
			}
			was = got.Packet
		}
	}
	// Nine intervals are between the ten packets.
	if took := time.Since(pressed); took < 9*50*time.Millisecond-time.Duration(beat) {
		t.Errorf("it took %v", took)
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	got := b.hear()
	if string(got.Payload) != "voice" || got.PayloadType != 8 || got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1 ||
		int32(got.Timestamp-was.Timestamp) <= 0 {
		t.Errorf("%v after %v", got.Header, was.Header)
	}
	// The second event began 300 ms after the first, and the voice goes on after it.
	if st := s.Stats(); st.AtoB.Muted != 1 || st.AtoB.Packets != 10 || st.AtoB.Failed != 0 {
		t.Errorf("%+v", st.AtoB)
	}
	// The other direction was not touched.
	send(t, b.rtp, b.frame("voice"), at(s.Local(B)))
	a.hear()
}

// The time of an event is in its own clock, which is that of what is heard.
func TestAnEventOfAnotherClock(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	types := []PayloadType{{PT: 111, Clock: 48000, Name: "opus", Map: 111}, {PT: 101, Clock: 8000, Name: "telephone-event", Map: 101}, {PT: 110, Clock: 48000, Name: "telephone-event", Map: 110}}
	for side, p := range []*phone{a, b} {
		m := p.remote()
		m.Types = types
		s.SetRemote(Side(side), m)
		s.Settle(Side(side))
	}
	frame := a.frame("voice")
	frame[1] = 111
	send(t, a.rtp, frame, at(s.Local(A)))
	b.hear()
	// Ten seconds are more than its duration can say.
	if !s.Press(B, '1', 100*time.Millisecond) || !s.Press(B, '2', 10*time.Second) {
		t.Fatal("not sent")
	}
	for i, want := range []uint16{2400, 4800, 4800, 4800} {
		if got := b.hearEvent(); got.PayloadType != 110 || got.duration != want {
			t.Errorf("%d: type %d, %d", i, got.PayloadType, got.duration)
		}
	}
	for last := uint16(0); ; {
		got := b.hearEvent()
		if got.duration < last {
			t.Fatalf("%d after %d", got.duration, last)
		}
		if last = got.duration; got.end {
			break
		}
	}
}

func TestWhatCannotBePressed(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	if s.Press(B, '1', time.Second) {
		t.Error("sent to nowhere")
	}
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	for _, key := range []byte{'!', 'E', 'a', 0} {
		if s.Press(B, key, time.Second) {
			t.Errorf("%q was sent", key)
		}
	}
	if s.Press(B, '1', 0) {
		t.Error("a key of no length was sent")
	}
	for i := range maxKeys + 1 {
		if s.Press(B, '1', time.Second) != (i < maxKeys) {
			t.Errorf("key %d", i)
		}
	}
	held := a.remote()
	held.Recv = false
	s.SetRemote(A, held)
	if s.Press(A, '1', time.Second) {
		t.Error("sent to one who wants to hear nothing")
	}
	// Events were not agreed on.
	plain := b.remote()
	plain.Types = plain.Types[:1]
	s.SetRemote(B, plain)
	s.SetRemote(A, a.remote())
	if s.Press(A, '1', time.Second) {
		t.Error("sent without telephone events")
	}
	s.Close()
	if s.Press(B, '1', time.Second) {
		t.Error("sent when closed")
	}
	if n := r.Stats().Shards[0].Sessions; n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// A clip and a key are not sent at once: keys wait for the clip, and one that begins
// cuts off the key that is being sent.
func TestKeysAndClips(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	end := make(ending, 2)
	if !s.Play(B, clip("PCMA", 3, false), end.done) || !s.Press(B, '5', 50*time.Millisecond) {
		t.Fatal("not played")
	}
	var last rtp.Packet
	for range 3 {
		last = b.hear()
	}
	for i := range 3 {
		got := b.hearEvent()
		if got.event != 5 || !got.end || got.SequenceNumber != last.SequenceNumber+1 || got.Marker != (i == 0) {
			t.Errorf("%d: %+v after %v", i, got, last.Header)
		}
		last = got.Packet
	}
	if !end.wait(t) {
		t.Error("the clip did not finish")
	}
	if !s.Press(B, '6', time.Second) || !s.Press(B, '7', 50*time.Millisecond) {
		t.Fatal("not sent")
	}
	last = b.hearEvent().Packet
	if !s.Play(B, clip("PCMA", 2, false), end.done) {
		t.Fatal("not played")
	}
	for i := range 2 {
		got := b.hear()
		if got.PayloadType == 101 { // it was on its way
			last, got = got, b.hear()
		}
		if string(got.Payload) != []string{"frame 0", "frame 1"}[i] || got.SequenceNumber != last.SequenceNumber+1 || got.Marker != (i == 0) ||
			int32(got.Timestamp-last.Timestamp) <= 0 {
			t.Errorf("%d: %v %q after %v", i, got.Header, got.Payload, last.Header)
		}
		last = got
	}
	if !end.wait(t) {
		t.Error("the second clip did not finish")
	}
	for i := range 3 {
		got := b.hearEvent()
		if got.event != 7 || !got.end || got.SequenceNumber != last.SequenceNumber+1 || got.Marker != (i == 0) {
			t.Errorf("%d: %+v after %v", i, got, last.Header)
		}
		last = got.Packet
	}
}
