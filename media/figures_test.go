package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"mask700/media/quality"
)

// B's phone reports what it heard, and how long our report took to it and back.
func TestWhatAPhoneHeardAndEverySecondOfIt(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	c.advance(r, 0)
	for range 20 {
		send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
		b.hear()
	}
	if st := s.Stats(); st.A.Known || st.B.Known {
		t.Errorf("before any report: %+v, %+v", st.A, st.B)
	}
	c.advance(r, 4*time.Second)
	sr, ok := decode(t, receive(t, b.rtcp))[0].(*rtcp.SenderReport)
	if !ok {
		t.Fatal("B got no sender report")
	}
	c.advance(r, 300*time.Millisecond)
	raw, err := (&rtcp.ReceiverReport{SSRC: b.ssrc, Reports: []rtcp.ReceptionReport{{
		SSRC: sr.SSRC, TotalLost: 4, Jitter: 80, LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 1 << 14,
	}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	send(t, b.rtcp, raw, control(s.Local(B)))
	eventually(t, "the report is taken", func() bool { return s.Stats().B.Known })
	want := Heard{Known: true, Lost: 4, Jitter: 10 * time.Millisecond, RoundTrip: 50 * time.Millisecond}
	if got := s.Stats(); got.B != want || got.A.Known {
		t.Errorf("B's phone: %+v, want %+v; A's: %+v", got.B, want, got.A)
	}

	a.seq += 3
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	b.hear()
	c.advance(r, time.Second)
	var came, lost uint32
	for _, second := range s.Seconds(A) { // time was moved by hand: which second is of no interest
		came, lost = came+second.Packets, lost+second.Lost
	}
	if came != 21 || lost != 3 {
		t.Errorf("the seconds of A hold %d packets and %d losses", came, lost)
	}
	theirs := s.Seconds(B)
	if got := theirs[len(theirs)-1]; got != (quality.Second{RoundTrip: 50 * time.Millisecond}) {
		t.Errorf("the last second of B is %+v", got)
	}
}
