package media

import (
	"testing"
	"time"
)

// givesBackBeforeAnythingChanges is a test of either path that settled directions have beside the usual way; on tells
// how many directions of a session it has.
func givesBackBeforeAnythingChanges(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	type phones struct{ a, b, c *phone }
	held := func(p *phone) Remote {
		h := p.remote()
		h.Send, h.Recv = false, false
		return h
	}
	for name, tt := range map[string]struct {
		change func(s Session, p phones)
		heard  bool // by B afterwards
		back   bool // it may go over again
	}{
		"hold by B":          {func(s Session, p phones) { s.SetRemote(B, held(p.b)) }, false, false},
		"an offer as before": {func(s Session, p phones) { s.SetRemote(A, p.a.remote()) }, true, true},
		"pause":              {func(s Session, _ phones) { s.Pause(true) }, false, false},
		"tap":                {func(s Session, _ phones) { s.Record(&taped{}) }, true, false},
		"another address": {func(s Session, p phones) {
			s.SetRemote(B, p.c.remote())
			s.Settle(B)
		}, false, false},
		"end": {func(s Session, _ phones) { s.Close() }, false, false},
	} {
		p := phones{newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.4")}
		s := talk(t, r, p.a, p.b)
		overTo(t, s, p.a, p.b, on)
		tt.change(s, p)
		if n := on(s); n != 0 {
			t.Errorf("%s: %d directions left", name, n)
		}
		if k := r.options.Kernel; k != nil && k.Len() != 0 {
			t.Errorf("%s: %d entries left", name, k.Len())
		}
		for range 20 {
			send(t, p.a.rtp, p.a.frame("afterwards"), at(s.Local(A)))
			if tt.heard {
				p.b.hear()
			}
			gap()
		}
		if !tt.heard {
			silent(t, p.b)
		}
		if n := on(s); !tt.back && n != 0 {
			t.Errorf("%s: %d directions have gone over", name, n)
		}
		s.Close()
	}
	// A clip takes the place of one side; the other stays as it is, and after the
	// clip both go back.
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	overTo(t, s, a, b, on)
	done := make(ending, 1)
	if !s.Play(B, clip("PCMA", 3, false), done.done) || on(s) != 0 {
		t.Errorf("a clip beside %d directions", on(s))
	}
	for range 3 {
		b.hear()
	}
	if !done.wait(t) {
		t.Error("the clip was not played to its end")
	}
	overTo(t, s, a, b, on)
	// So does a key.
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	was := b.hear()
	if !s.Press(B, '1', 50*time.Millisecond) || on(s) != 0 {
		t.Errorf("a key beside %d directions", on(s))
	}
	for i := range 3 {
		if got := b.hearEvent(); got.event != 1 || !got.end || got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1+uint16(i) {
			t.Errorf("%d: %+v after %v", i, got, was.Header)
		}
	}
	overTo(t, s, a, b, on)
	recordedInTheMiddle(t, s, a, b, on)
}

// recordedInTheMiddle: a recording that begins in mid-call has every packet from then on, because the usual way relays
// them; once it has ended both directions go over again.
func recordedInTheMiddle(t *testing.T, s Session, a, b *phone, on func(Session) int) {
	t.Helper()
	const each = 12 // more than what settles a direction
	lastB, lastA := converse(t, s, a, b)
	before := s.Stats()
	var tape taped
	s.Record(&tape)
	for range each {
		toB, toA := converse(t, s, a, b)
		if on(s) != 0 || toB.SSRC != lastB.SSRC || toB.SequenceNumber != lastB.SequenceNumber+1 ||
			toA.SSRC != lastA.SSRC || toA.SequenceNumber != lastA.SequenceNumber+1 {
			t.Errorf("recorded with %d directions left: %v after %v, %v after %v", on(s), toB.Header, lastB.Header, toA.Header, lastA.Header)
		}
		lastB, lastA = toB, toA
		gap()
	}
	after := s.Stats()
	if after.AtoB.Packets != before.AtoB.Packets+each || after.BtoA.Packets != before.BtoA.Packets+each ||
		after.AtoB.Kernel != before.AtoB.Kernel || after.BtoA.Kernel != before.BtoA.Kernel {
		t.Errorf("%+v became %+v", before, after)
	}
	s.Record(nil)
	overTo(t, s, a, b, on)
	toB, toA := converse(t, s, a, b)
	if toB.SSRC != lastB.SSRC || toA.SSRC != lastA.SSRC || s.Stats().AtoB.Lost+s.Stats().BtoA.Lost != 0 {
		t.Errorf("%v after %v, %v after %v; %+v", toB.Header, lastB.Header, toA.Header, lastA.Header, s.Stats())
	}
	if n := len(tape.all()); n != 2*each {
		t.Errorf("%d packets on the tape", n)
	}
}

// seesAnotherCodec is a test of either path: a party may change between the codecs that were agreed on without a word.
func seesAnotherCodec(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	for side, p := range []*phone{a, b} {
		remote := p.remote()
		remote.Types = append(remote.Types, PayloadType{PT: 18, Clock: 8000, Name: "G729", Map: 18})
		s.SetRemote(Side(side), remote)
	}
	s.Settle(A)
	s.Settle(B)
	overTo(t, s, a, b, on)
	converse(t, s, a, b)
	if st := s.Stats(); st.Codec != "PCMA" || st.AtoB.Codec != "PCMA" || st.BtoA.Codec != "PCMA" {
		t.Errorf("%q, %q and %q", st.Codec, st.AtoB.Codec, st.BtoA.Codec)
	}
	other := a.frame("twenty")
	other[1] = 18
	send(t, a.rtp, other, at(s.Local(A)))
	if got := b.hear(); got.PayloadType != 18 || string(got.Payload) != "twenty" {
		t.Errorf("%v", got.Header)
	}
	if st := s.Stats(); st.Codec != "G729" || st.AtoB.Codec != "G729" || st.BtoA.Codec != "PCMA" {
		t.Errorf("%q, %q and %q", st.Codec, st.AtoB.Codec, st.BtoA.Codec)
	}
	if n := on(s); n != 2 {
		t.Errorf("%d directions have stayed over", n)
	}
	if st := s.Close(); st.Codec != "G729" || st.AtoB.Codec != "G729" || st.BtoA.Codec != "PCMA" {
		t.Errorf("at the end %q, %q and %q", st.Codec, st.AtoB.Codec, st.BtoA.Codec)
	}
}
