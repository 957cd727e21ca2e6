package media

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"mask700/media/sdp"
	"mask700/media/srtp"
	"mask700/media/tone"
)

// A leg over IPv6 beside one over IPv4.
func TestMixedFamilies(t *testing.T) {
	six := netip.MustParseAddr("::1")
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15999}, {Name: "six", Address: six, Min: 15000, Max: 15999}}})
	s, err := r.Open(OpenSpec{PoolA: "six", PoolB: "one"})
	if err != nil {
		t.Fatal(err)
	}
	a := &phone{t: t, ssrc: 1, seq: 5, ts: 6}
	for _, c := range []**net.UDPConn{&a.rtp, &a.rtcp} {
		if *c, err = net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(six, 0))); err != nil {
			t.Fatal(err)
		}
		defer (*c).Close()
	}
	b := newPhone(t, "127.0.0.3")
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	if s.Local(A).Addr != six || s.Local(B).Addr != loopback {
		t.Fatalf("at %v and %v", s.Local(A), s.Local(B))
	}
	for range 3 {
		send(t, a.rtp, a.frame("from a"), at(s.Local(A)))
		if got := b.hear(); string(got.Payload) != "from a" || got.SSRC == a.ssrc {
			t.Errorf("B hears %v %q", got.Header, got.Payload)
		}
		send(t, b.rtp, b.frame("from b"), at(s.Local(B)))
		if got := a.hear(); string(got.Payload) != "from b" || got.SSRC == b.ssrc {
			t.Errorf("A hears %v %q", got.Header, got.Payload)
		}
	}
	s.Close()
	for _, p := range []*phone{a, b} {
		decode(t, receive(t, p.rtcp))
	}
	if st := s.Stats(); st.AtoB.Packets != 3 || st.BtoA.Packets != 3 || st.AtoB.Failed+st.BtoA.Failed+st.AtoB.Refused+st.BtoA.Refused != 0 {
		t.Errorf("%+v", st)
	}
}

// Keys within the audio, the two tones of each, pass as they are, and nothing is made
// of them: neither on the usual way, nor side by side, nor in the kernel.
func TestKeysInTheAudioAreLeftAlone(t *testing.T) {
	keysInTheAudioAreLeftAlone(t, newRelay(t, Options{OnKey: noKey(t)}), nil)
}

func TestLanesLeaveKeysInTheAudioAlone(t *testing.T) {
	keysInTheAudioAreLeftAlone(t, inUserSpace(t, Options{OnKey: noKey(t)}), riding)
}

func TestKernelLeavesKeysInTheAudioAlone(t *testing.T) {
	if alone(t) {
		keysInTheAudioAreLeftAlone(t, newRelay(t, Options{OnKey: noKey(t)}), active)
	}
}

// noKey is for relays whose phones press none.
func noKey(t *testing.T) func(Session, Side, byte, time.Duration) {
	return func(_ Session, from Side, key byte, _ time.Duration) { t.Errorf("%s has pressed %c", from, key) }
}

// keysInTheAudioAreLeftAlone is that for a way that settled directions have, nil: the
// usual one.
func keysInTheAudioAreLeftAlone(t *testing.T, r *Relay, on func(Session) int) {
	t.Helper()
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	for side, p := range []*phone{a, b} {
		m := p.remote()
		m.Types[1].Map = sdp.EndsHere + 101 // a key that is heard would be told of
		s.SetRemote(Side(side), m)
		s.Settle(Side(side))
	}
	if on == nil {
		s.Record(&taped{}) // a session with a tap goes the usual way
	} else {
		overTo(t, s, a, b, on)
	}
	before := s.Stats().AtoB
	low, high := tone.NewGenerator(770, -9), tone.NewGenerator(1336, -7) // the 5 (ITU-T Q.23)
	var sent, heard []byte
	const frames = 8
	for range frames {
		x, y := make([]int16, 160), make([]int16, 160)
		low.Samples(x)
		high.Samples(y)
		for i := range x {
			x[i] += y[i]
		}
		frame := tone.ALaw.Append(nil, x)
		sent = append(sent, frame...)
		send(t, a.rtp, a.frame(string(frame)), at(s.Local(A)))
		got := b.hear()
		if got.PayloadType != 8 {
			t.Fatalf("heard %v", got.Header)
		}
		heard = append(heard, got.Payload...)
	}
	if !bytes.Equal(sent, heard) {
		t.Error("other audio than was sent")
	}
	samples := tone.ALaw.AppendSamples(nil, heard)
	for _, hz := range []float64{770, 1336} {
		if l := tone.Level(samples, hz); l < -12 || l > -5 {
			t.Errorf("%.0f Hz at %.1f dB", hz, l)
		}
	}
	st := s.Stats().AtoB
	if st.Packets-before.Packets != frames {
		t.Errorf("%+v after %+v", st, before)
	}
	if on != nil && on(s) != 2 {
		t.Errorf("%d directions are not on their way", on(s))
	}
}

// A video that is encrypted on one leg: its picture and its feedback are.
func TestAnEncryptedVideo(t *testing.T) {
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: newClock().read}})
	session, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", Video: true})
	if err != nil {
		t.Fatal(err)
	}
	s := session.Video()
	suite := srtp.Suites[0]
	a, b := newGuarded(t, "127.0.0.2", 1, suite), newPhone(t, "127.0.0.3")
	types := []PayloadType{{PT: 96, Clock: 90000, Name: "VP8", Map: 96}}
	fromA, fromB := a.remote(), b.remote()
	fromA.Types, fromB.Types = types, slices.Clone(types)
	s.SetRemote(A, fromA)
	s.SetRemote(B, fromB)
	s.Settle(A)
	s.Settle(B)
	sealed, err := a.seal.Seal(a.picture(96, 3))
	if err != nil {
		t.Fatal(err)
	}
	send(t, a.rtp, sealed, at(s.Local(A)))
	got := b.hear()
	if len(got.Payload) != 1200 || got.Payload[0] != 3 {
		t.Fatalf("B sees %v", got.Header)
	}
	ask(t, b, s.Local(B), &rtcp.PictureLossIndication{SenderSSRC: b.ssrc, MediaSSRC: got.SSRC})
	report, err := a.get.OpenReport(receive(t, a.rtcp))
	if err != nil {
		t.Fatal(err)
	}
	packets := decode(t, report)
	if pli, ok := packets[len(packets)-1].(*rtcp.PictureLossIndication); !ok || pli.MediaSSRC != a.ssrc {
		t.Errorf("A is asked %v", packets)
	}
	send(t, b.rtp, b.picture(96, 4), at(s.Local(B)))
	plain, err := a.get.Open(receive(t, a.rtp))
	var p rtp.Packet
	if err != nil || p.Unmarshal(plain) != nil || p.Payload[0] != 4 {
		t.Errorf("A sees %v, %v", p.Header, err)
	}
	// In the clear it is not A's.
	send(t, a.rtp, a.picture(96, 5), at(s.Local(A)))
	eventually(t, "it is refused", func() bool { return s.Stats().AtoB.Forged == 1 })
}
