package media

import (
	"testing"

	"github.com/pion/rtcp"
)

// With RTCP on a port of its own the payload types 64 to 95 are voice like any other, with the marker too, where they were
// agreed on; and a report that comes to the port of RTP all the same is none: on the usual way, side by side, by the kernel.
func TestEveryPayloadTypeIsVoice(t *testing.T) {
	everyPayloadTypeIsVoice(t, newRelay(t, Options{}), nil)
}

func TestLanesHaveEveryPayloadType(t *testing.T) {
	everyPayloadTypeIsVoice(t, inUserSpace(t, Options{}), riding)
}

func TestKernelHasEveryPayloadType(t *testing.T) {
	if alone(t) {
		everyPayloadTypeIsVoice(t, newRelay(t, Options{}), active)
	}
}

func everyPayloadTypeIsVoice(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	m := a.remote()
	for pt := uint8(64); pt < 96; pt++ {
		m.Types = append(m.Types, PayloadType{PT: pt, Clock: 8000, Name: "PCMA", Map: 8})
	}
	s.SetRemote(A, m)
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	if on == nil {
		s.Record(&taped{}) // a session with a tap goes the usual way
	} else {
		overTo(t, s, a, b, on)
	}
	speak := func(pt uint8) {
		t.Helper()
		frame := a.frame("a voice.")
		frame[1] = 0x80 | pt
		send(t, a.rtp, frame, at(s.Local(A)))
		if got := b.hear(); string(got.Payload) != "a voice." || got.PayloadType != 8 || !got.Marker {
			t.Fatalf("payload type %d is heard as %v %q", pt, got.Header, got.Payload)
		}
	}
	for pt := uint8(64); pt < 96; pt++ {
		speak(pt)
	}
	if on != nil && on(s) != 2 {
		t.Errorf("%d directions are not on their way", on(s))
	}
	// One whose sequence number is the length that a report would have there is the source's that is heard.
	a.seq = 2
	for range 3 {
		speak(72)
	}
	reports := s.Stats().AtoB.RTCP
	for _, p := range []rtcp.Packet{
		&rtcp.SenderReport{SSRC: a.ssrc, NTPTime: 1 << 40}, &rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: 5}}},
	} {
		b, err := rtcp.Marshal([]rtcp.Packet{p, rtcp.NewCNAMESourceDescription(a.ssrc, "13800138000@192.0.2.7")})
		if err != nil {
			t.Fatal(err)
		}
		send(t, a.rtp, b, at(s.Local(A)))
		reports++
		eventually(t, "the report is read", func() bool { return s.Stats().AtoB.RTCP == reports })
	}
	speak(76) // and is what B hears next
	if st := s.Stats(); st.AtoB.Invalid != 0 {
		t.Errorf("%+v", st.AtoB)
	}

	// On one port for both, they are RTCP.
	m.Mux = true
	s.SetRemote(A, m)
	before := s.Stats().AtoB
	frame := a.frame("voice")
	frame[1] = 0x80 | 72
	send(t, a.rtp, frame, at(s.Local(A)))
	eventually(t, "it is no RTCP", func() bool { return s.Stats().AtoB.Invalid == before.Invalid+1 })
	frame = a.frame("voice")
	frame[1] = 72
	send(t, a.rtp, frame, at(s.Local(A)))
	eventually(t, "it was not agreed on", func() bool { return s.Stats().AtoB.Unknown == before.Unknown+1 })
	send(t, a.rtp, report(t, a.ssrc), at(s.Local(A)))
	eventually(t, "the report is read", func() bool { return s.Stats().AtoB.RTCP == before.RTCP+1 })
}
