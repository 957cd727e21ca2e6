package media

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"mask700/media/srtp"
)

// keys are those of a leg: the peer's and ours.
func keys(n byte, suite srtp.Suite) (in, out srtp.Key) {
	return srtp.NewSecret([32]byte{n}).Key(suite, srtp.Key{}), srtp.NewSecret([32]byte{n, 1}).Key(suite, srtp.Key{})
}

// guarded is a phone that speaks SRTP.
type guarded struct {
	*phone
	in, out   srtp.Key // as the relay has them
	seal, get *srtp.Direction
}

func newGuarded(t *testing.T, host string, n byte, suite srtp.Suite) *guarded {
	t.Helper()
	g := &guarded{phone: newPhone(t, host)}
	g.rekey(n, suite)
	return g
}

func (g *guarded) rekey(n byte, suite srtp.Suite) {
	g.t.Helper()
	g.in, g.out = keys(n, suite)
	g.seal, g.get = direction(g.t, g.in), direction(g.t, g.out)
}

func direction(t *testing.T, k srtp.Key) *srtp.Direction {
	t.Helper()
	d, err := srtp.NewDirection(k)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (g *guarded) remote() Remote {
	r := g.phone.remote()
	r.In, r.Out = g.in, g.out
	return r
}

// sealed makes the next packet of the phone.
func (g *guarded) sealed(payload string) []byte {
	b, err := g.seal.Seal(g.frame(payload))
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}

// hear waits for the next packet and opens it.
func (g *guarded) hear() rtp.Packet {
	g.t.Helper()
	b, err := g.get.Open(receive(g.t, g.rtp))
	if err != nil {
		g.t.Fatal(err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		g.t.Fatal(err)
	}
	return p
}

func talkGuarded(t *testing.T, r *Relay, a *guarded, b *phone) Session {
	t.Helper()
	s := open(t, r)
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	return s
}

func TestAnEncryptedLegBesideAPlainOne(t *testing.T) {
	for _, suite := range srtp.Suites {
		c := newClock()
		r := newRelay(t, Options{Clock: Clock{Now: c.read}})
		a, b := newGuarded(t, "127.0.0.2", 1, suite), newPhone(t, "127.0.0.3")
		s := talkGuarded(t, r, a, b)
		for i := range 3 {
			send(t, a.rtp, a.sealed("from a"), at(s.Local(A)))
			if got := b.hear(); string(got.Payload) != "from a" || got.SSRC == a.ssrc || got.PayloadType != 8 {
				t.Fatalf("%v: b hears %q under %x", suite, got.Payload, got.SSRC)
			}
			send(t, b.rtp, b.frame("from b"), at(s.Local(B)))
			if got := a.hear(); string(got.Payload) != "from b" || got.SSRC == b.ssrc {
				t.Fatalf("%v: a hears %q under %x", suite, got.Payload, got.SSRC)
			}
			if i == 0 {
				// Our reports are sealed, and theirs opened.
				c.advance(r, 10*time.Second)
				c.advance(r, 10*time.Second)
				report, err := a.get.OpenReport(receive(t, a.rtcp))
				if err != nil {
					t.Fatalf("%v: a cannot open our report: %v", suite, err)
				}
				if packets, err := rtcp.Unmarshal(report); err != nil || len(packets) < 2 {
					t.Errorf("%v: %v, %v", suite, packets, err)
				}
				theirs, err := (&rtcp.SenderReport{SSRC: a.ssrc, NTPTime: 1 << 40}).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				plain := bytes.Clone(theirs)
				if theirs, err = a.seal.SealReport(theirs); err != nil {
					t.Fatal(err)
				}
				send(t, a.rtcp, theirs, control(s.Local(A)))
				eventually(t, "a's report is read", func() bool { return s.Stats().AtoB.RTCP == 1 })
				send(t, a.rtcp, plain, control(s.Local(A)))
				send(t, a.rtcp, theirs, control(s.Local(A)))
				eventually(t, "a report in the clear and a repeated one are not", func() bool { return s.Stats().AtoB.Forged == 2 })
			}
		}
		if st := s.Stats(); st.AtoB.Packets != 3 || st.AtoB.Bytes != 18 || st.BtoA.Packets != 3 || st.BtoA.Bytes != 18 || st.Codec != "PCMA" {
			t.Errorf("%v: %+v", suite, st)
		}
	}
}

// What is not authentic is counted, moves no latch and is heard by nobody.
func TestForgedPacketsAreNotHeard(t *testing.T) {
	r := newRelay(t, Options{Window: time.Nanosecond})
	a, b := newGuarded(t, "127.0.0.2", 1, srtp.AES128GCM), newPhone(t, "127.0.0.3")
	stranger := newGuarded(t, "127.0.0.2", 2, srtp.AES128GCM) // on the same host, with another key
	s := talkGuarded(t, r, a, b)
	send(t, stranger.rtp, stranger.sealed("forged"), at(s.Local(A)))
	send(t, stranger.rtp, stranger.frame("in the clear"), at(s.Local(A)))
	changed := a.sealed("changed")
	changed[len(changed)-1] ^= 1
	send(t, a.rtp, changed, at(s.Local(A)))
	eventually(t, "they are counted", func() bool { return s.Stats().AtoB.Forged == 3 })
	if st := s.Stats(); !st.LastSeen.IsZero() || st.AtoB.Packets != 0 {
		t.Errorf("they left a trace: %+v", st)
	}
	send(t, b.rtp, b.frame("to a"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "to a" {
		t.Errorf("a hears %q", got.Payload)
	}
	again := a.sealed("once")
	for range 2 {
		send(t, a.rtp, again, at(s.Local(A)))
	}
	if got := b.hear(); string(got.Payload) != "once" {
		t.Errorf("b hears %q", got.Payload)
	}
	eventually(t, "the repetition is counted", func() bool { return s.Stats().AtoB.Forged == 4 })
	if st := s.Stats(); st.AtoB.Packets != 1 {
		t.Errorf("%+v", st.AtoB)
	}
	// Once the source is fixed a stranger's packet is not even opened.
	send(t, stranger.rtp, stranger.sealed("forged"), at(s.Local(A)))
	eventually(t, "the stranger is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
}

// The rollover counter goes on through re-INVITEs that keep the key; another key
// begins anew, and an offer that was refused goes back to the first as it was.
func TestRolloverSurvivesReinvites(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newGuarded(t, "127.0.0.2", 1, srtp.AES128CMSHA180), newPhone(t, "127.0.0.3")
	s := talkGuarded(t, r, a, b)
	exchange := func(what string) {
		t.Helper()
		send(t, a.rtp, a.sealed(what), at(s.Local(A)))
		if got := b.hear(); string(got.Payload) != what {
			t.Fatalf("%s: b hears %q", what, got.Payload)
		}
		send(t, b.rtp, b.frame(what), at(s.Local(B)))
		if got := a.hear(); string(got.Payload) != what {
			t.Fatalf("%s: a hears %q", what, got.Payload)
		}
	}
	wrap := func() { // both ways, in steps that no receiver takes for a restart
		t.Helper()
		for range 20 {
			a.seq += 3000
			b.seq += 2900
			exchange("on")
		}
	}
	exchange("first")
	wrap()
	wrap()
	s.SetRemote(A, a.remote())
	s.Settle(A)
	exchange("the same key after two wraps")
	held := a.remote()
	held.Recv = false
	s.SetRemote(A, held)
	s.SetRemote(A, a.remote())
	exchange("after a hold")

	first := *a
	a.rekey(2, srtp.AES256GCM)
	s.SetRemote(A, a.remote())
	exchange("another key, from nothing")
	first.seq, first.ts = a.seq, a.ts
	*a = first
	s.SetRemote(A, a.remote())
	exchange("the first key again")

	off := a.remote()
	off.In, off.Out = srtp.Key{}, srtp.Key{}
	s.SetRemote(A, off)
	s.SetRemote(A, a.remote())
	exchange("switched off and on")
	if st := s.Stats(); st.AtoB.Forged != 0 {
		t.Errorf("%d packets were not authentic", st.AtoB.Forged)
	}
}

// A key that begins near a wrap begins with another stream, in the lower half of the numbers: who misses what comes up to
// the wrap would have another rollover counter than we. Elsewhere the stream goes on under it.
func TestANewKeyBeginsWithALowNumber(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Clock: Clock{Now: c.read}})
	a, b := newGuarded(t, "127.0.0.2", 1, srtp.AES128CMSHA180), newPhone(t, "127.0.0.3")
	s := talkGuarded(t, r, a, b)
	say := func(step uint16) rtp.Packet {
		t.Helper()
		b.seq += step - 1
		send(t, b.rtp, b.frame("on"), at(s.Local(B)))
		return a.hear()
	}
	first := say(1)
	a.rekey(2, srtp.AES128CMSHA180)
	s.SetRemote(A, a.remote())
	was := say(1)
	if was.SSRC != first.SSRC || was.SequenceNumber != first.SequenceNumber+1 {
		t.Errorf("packet %d of %x after %d of %x", was.SequenceNumber, was.SSRC, first.SequenceNumber, first.SSRC)
	}
	const near = 65530
	for was.SequenceNumber < near {
		was = say(min(near-was.SequenceNumber, 2900))
	}
	s.SetRemote(A, a.remote())
	if got := say(1); got.SSRC != was.SSRC || got.SequenceNumber != near+1 {
		t.Errorf("by the same key packet %d of %x after %d of %x", got.SequenceNumber, got.SSRC, near, was.SSRC)
	}
	reports := func(key *srtp.Direction) []rtcp.Packet {
		t.Helper()
		report, err := key.OpenReport(receive(t, a.rtcp))
		if err != nil {
			t.Fatal(err)
		}
		packets, err := rtcp.Unmarshal(report)
		if err != nil {
			t.Fatal(err)
		}
		return packets
	}
	says := func(ssrc uint32, lost uint32) {
		t.Helper()
		report, err := (&rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: ssrc, TotalLost: lost}}}).Marshal()
		if err == nil {
			report, err = a.seal.SealReport(report)
		}
		if err != nil {
			t.Fatal(err)
		}
		send(t, a.rtcp, report, control(s.Local(A)))
	}
	c.advance(r, 10*time.Second)
	c.advance(r, 10*time.Second)
	reports(a.get)
	says(was.SSRC, 5)
	eventually(t, "a's report is read", func() bool { return s.Stats().A.Lost == 5 })

	former := a.get
	a.rekey(3, srtp.AES256GCM)
	s.SetRemote(A, a.remote())
	for { // the reports before it first
		heard := reports(former)
		if left, ok := heard[len(heard)-1].(*rtcp.Goodbye); ok {
			if left.Sources[0] != was.SSRC {
				t.Errorf("the former stream's goodbye is of %x", left.Sources)
			}
			break
		}
	}
	begun := say(1)
	if begun.SSRC == was.SSRC || begun.SequenceNumber >= 1<<15 {
		t.Errorf("packet %d of %x after %d of %x", begun.SequenceNumber, begun.SSRC, near+1, was.SSRC)
	}
	if got := say(1); got.SSRC != begun.SSRC || got.SequenceNumber != begun.SequenceNumber+1 {
		t.Errorf("packet %d of %x after %d of %x", got.SequenceNumber, got.SSRC, begun.SequenceNumber, begun.SSRC)
	}
	// What it has said of the former stream is not forgotten.
	c.advance(r, 10*time.Second)
	if sent, ok := reports(a.get)[0].(*rtcp.SenderReport); !ok || sent.SSRC != begun.SSRC || sent.PacketCount != 2 {
		t.Errorf("the new stream's report is %v", sent)
	}
	says(begun.SSRC, 2)
	eventually(t, "both count", func() bool { return s.Stats().A.Lost == 7 })
	if st := s.Stats(); st.BtoA.Failed != 0 {
		t.Errorf("%+v", st.BtoA)
	}
}

// A peer offers three keys in turn and then the first again: both ways go on where they
// were with it, and what a listener kept of it is not heard once more.
func TestAFormerKeyComesBack(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newGuarded(t, "127.0.0.2", 1, srtp.AES128CMSHA180), newPhone(t, "127.0.0.3")
	s := talkGuarded(t, r, a, b)
	say := func(packet []byte, what string) {
		t.Helper()
		send(t, a.rtp, packet, at(s.Local(A)))
		if got := b.hear(); string(got.Payload) != what {
			t.Fatalf("%s: b hears %q", what, got.Payload)
		}
		send(t, b.rtp, b.frame(what), at(s.Local(B)))
		if got := a.hear(); string(got.Payload) != what {
			t.Fatalf("%s: a hears %q", what, got.Payload)
		}
	}
	for range 25 { // both ways roll over
		a.seq += 3000
		b.seq += 2900
		say(a.sealed("on"), "on")
	}
	kept := a.sealed("kept by a listener")
	say(bytes.Clone(kept), "kept by a listener")
	first := *a
	for n := byte(2); n < 4; n++ {
		a.rekey(n, srtp.AES128CMSHA180)
		s.SetRemote(A, a.remote())
		s.Settle(A)
		say(a.sealed("another key"), "another key")
	}
	first.seq, first.ts = a.seq, a.ts
	*a = first
	s.SetRemote(A, a.remote())
	s.Settle(A)
	send(t, a.rtp, kept, at(s.Local(A)))
	eventually(t, "the repetition is refused", func() bool { return s.Stats().AtoB.Forged == 1 })
	say(a.sealed("the first key again"), "the first key again")
	if st := s.Stats(); st.AtoB.Forged != 1 || st.BtoA.Failed != 0 {
		t.Errorf("%+v, %+v", st.AtoB, st.BtoA)
	}
}

func TestAClipIsSealed(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newGuarded(t, "127.0.0.2", 1, srtp.AES128CMSHA132), newPhone(t, "127.0.0.3")
	s := talkGuarded(t, r, a, b)
	frame := bytes.Repeat([]byte{0x55}, 160)
	finished := make(chan bool, 1)
	if !s.Play(A, &Clip{Codec: "PCMA", Frames: [][]byte{frame, frame}}, func(f bool) { finished <- f }) {
		t.Fatal("it does not play")
	}
	for range 2 {
		if got := a.hear(); !bytes.Equal(got.Payload, frame) {
			t.Errorf("a hears %x", got.Payload)
		}
	}
	if !<-finished {
		t.Error("it was not played to the end")
	}
}

// clearTap gives what it hears to a test.
type clearTap struct{ heard chan string }

func (c clearTap) Voice(_ Side, _ string, _ uint16, _ uint32, _ time.Duration, payload []byte) {
	c.heard <- string(payload)
}

func TestATapHearsInTheClear(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newGuarded(t, "127.0.0.2", 1, srtp.AES128GCM), newPhone(t, "127.0.0.3")
	s := talkGuarded(t, r, a, b)
	c := clearTap{make(chan string, 1)}
	s.Record(c)
	send(t, a.rtp, a.sealed("to be kept"), at(s.Local(A)))
	if got := <-c.heard; got != "to be kept" {
		t.Errorf("the tap hears %q", got)
	}
}

// A fax goes as it is but for its numbers, whatever is in its packets, between the addresses
// that were signalled and no others. Nothing else goes as a fax.
func TestFax(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	b.hear()

	fax := func(p *phone) Remote {
		m := p.remote()
		m.Types, m.Fax = nil, true
		return m
	}
	s.SetRemote(A, fax(a))
	send(t, a.rtp, datagram(1, []byte("too early"), nil), at(s.Local(A)))
	eventually(t, "nothing goes while only one side is a fax", func() bool { return s.Stats().AtoB.Muted == 1 })
	s.SetRemote(B, fax(b))
	s.Settle(A)
	s.Settle(B)
	const first = 0x8006 // as voice begins
	for _, datagram := range [][]byte{
		datagram(first, []byte{0}, nil), datagram(first+1, []byte("\xc0\x01\x80\x00\x00\xff"), [][]byte{{1, 2}, {}}), datagram(first+4, nil, nil),
		datagram(first+2, bytes.Repeat([]byte{7}, 1000), [][]byte{bytes.Repeat([]byte{8}, 300)}),
		[]byte("\x80\x0a\x02ab\x80\x01\x03\x02\x01x\x02yz"), // parity of three packets each
	} {
		want := bytes.Clone(datagram)
		binary.BigEndian.PutUint16(want, binary.BigEndian.Uint16(want)-first) // which is our 0
		send(t, a.rtp, datagram, at(s.Local(A)))
		if got := receive(t, b.rtp); !bytes.Equal(got, want) {
			t.Errorf("b gets %x", got)
		}
		send(t, b.rtp, datagram, at(s.Local(B)))
		if got := receive(t, a.rtp); !bytes.Equal(got, want) {
			t.Errorf("a gets %x", got)
		}
	}
	send(t, a.rtp, datagram(first-1, nil, nil), at(s.Local(A)))
	eventually(t, "what was before the first has no number", func() bool { return s.Stats().AtoB.Failed == 1 })
	stranger := newPhone(t, "127.0.0.3")
	send(t, stranger.rtp, datagram(5, []byte("guessed"), nil), at(s.Local(B)))
	eventually(t, "another port of the same host is refused", func() bool { return s.Stats().BtoA.Refused == 1 })
	for i, other := range [][]byte{nil, a.frame("audio"), {0x80, 200, 0, 1, 1, 2, 3, 4}, []byte("BYE sip:b"), append(datagram(6, []byte("fax"), nil), "more"...)} {
		send(t, b.rtp, other, at(s.Local(B)))
		eventually(t, "it is no fax", func() bool { return s.Stats().BtoA.Invalid == uint64(i+1) })
	}
	if st := s.Stats(); st.AtoB.Packets != 6 || st.BtoA.Packets != 5 || st.BtoA.Bytes != st.AtoB.Bytes-5 {
		t.Errorf("%+v", st)
	}
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	send(t, a.rtp, a.frame("voice again"), at(s.Local(A)))
	if got := b.hear(); string(got.Payload) != "voice again" {
		t.Errorf("b hears %q", got.Payload)
	}
}

// Telephone events (RFC 4733) keep their payload, with the end repeated, and all
// packets of one their timestamp; the number is the other leg's, of the same clock.
func TestTelephoneEventsAreMapped(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	types := func(m Remote, list ...PayloadType) Remote {
		m.Types = list
		return m
	}
	s.SetRemote(A, types(a.remote(),
		PayloadType{PT: 111, Clock: 48000, Name: "opus", Map: 98}, PayloadType{PT: 101, Clock: 8000, Name: "telephone-event", Map: 97}, PayloadType{PT: 110, Clock: 48000, Name: "telephone-event", Map: 100}))
	s.SetRemote(B, types(b.remote(),
		PayloadType{PT: 98, Clock: 48000, Name: "opus", Map: 111}, PayloadType{PT: 97, Clock: 8000, Name: "telephone-event", Map: 101}, PayloadType{PT: 100, Clock: 48000, Name: "telephone-event", Map: 110}))
	s.Settle(A)
	s.Settle(B)
	for _, event := range []struct{ in, out uint8 }{{110, 100}, {101, 97}} {
		a.ts += 960
		var first uint32
		for i, payload := range [][]byte{{5, 10, 0, 160}, {5, 10, 1, 64}, {5, 0x8a, 1, 224}, {5, 0x8a, 1, 224}, {5, 0x8a, 1, 224}} {
			a.seq++
			packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, Marker: i == 0, PayloadType: event.in, SequenceNumber: a.seq, Timestamp: a.ts, SSRC: a.ssrc},
				Payload: payload}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			send(t, a.rtp, packet, at(s.Local(A)))
			got := b.hear()
			if got.PayloadType != event.out || got.Marker != (i == 0) || !bytes.Equal(got.Payload, payload) {
				t.Errorf("packet %d of %d: %+v", i, event.in, got)
			}
			if i == 0 {
				first = got.Timestamp
			} else if got.Timestamp != first {
				t.Errorf("packet %d of %d has another timestamp", i, event.in)
			}
		}
	}
	send(t, a.rtp, a.frame("PCMA was not agreed on"), at(s.Local(A)))
	eventually(t, "what was not agreed on is dropped", func() bool { return s.Stats().AtoB.Unknown == 1 })
}

func TestProtectionAllocatesNothing(t *testing.T) {
	for _, suite := range srtp.Suites {
		in, out := keys(1, suite)
		var l leg
		l.cipher.set(in, out)
		peer, err := srtp.NewDirection(in)
		if err != nil {
			t.Fatal(err)
		}
		var buf [bufferSize]byte
		packet := make([]byte, 172)
		packet[0], packet[1] = 0x80, 8
		seq := uint16(0)
		got := testing.AllocsPerRun(1000, func() {
			seq++
			binary.BigEndian.PutUint16(packet[2:], seq)
			b, err := peer.Seal(buf[:copy(buf[:], packet)])
			if err != nil {
				t.Fatal(err)
			}
			b, opened := l.open(b)
			if _, sealed := l.seal(b); !opened || !sealed {
				t.Fatal("not opened or not sealed")
			}
		})
		if got != 0 && !raceEnabled {
			t.Errorf("%v: %v allocations a packet", suite, got)
		}
	}
}
