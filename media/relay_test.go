package media

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"mask700/media/socket"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// phone is a party with an RTP and an RTCP socket on a loopback address.
type phone struct {
	t         *testing.T
	rtp, rtcp *net.UDPConn
	ssrc      uint32
	seq       uint16
	ts        uint32
}

func newPhone(t *testing.T, host string) *phone {
	t.Helper()
	p := &phone{t: t, ssrc: 0x11111111, seq: 1000, ts: 160000}
	p.rtp, p.rtcp = listen(t, host), listen(t, host)
	return p
}

func listen(t *testing.T, host string) *net.UDPConn {
	t.Helper()
	return listenAt(t, netip.AddrPortFrom(netip.MustParseAddr(host), 0))
}

func listenAt(t *testing.T, place netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(place))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// remote is what signalling would say of the phone.
func (p *phone) remote() Remote {
	return Remote{RTP: addrOf(p.rtp), RTCP: addrOf(p.rtcp), Signal: addrOf(p.rtp).Addr(), Send: true, Recv: true,
		Types: []PayloadType{{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}, {PT: 101, Clock: 8000, Name: "telephone-event", Map: 101}}}
}

func at(l Local) netip.AddrPort { return netip.AddrPortFrom(l.Addr, l.Port) }

func control(l Local) netip.AddrPort { return netip.AddrPortFrom(l.Addr, l.Port+1) }

// frame makes the next packet of the phone.
func (p *phone) frame(payload string) []byte {
	p.seq++
	p.ts += 160
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: p.seq, Timestamp: p.ts, SSRC: p.ssrc}, Payload: []byte(payload)}).Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func send(t *testing.T, c *net.UDPConn, b []byte, to netip.AddrPort) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *net.UDPConn) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	n, _, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
	return b[:n]
}

// hear waits for the next RTP packet.
func (p *phone) hear() rtp.Packet {
	p.t.Helper()
	var got rtp.Packet
	if err := got.Unmarshal(receive(p.t, p.rtp)); err != nil {
		p.t.Fatal(err)
	}
	return got
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// clock is time that a test moves.
type clock struct {
	now chan time.Time // holds the one value
}

func newClock() *clock {
	c := &clock{now: make(chan time.Time, 1)}
	c.now <- epoch
	return c
}

func (c *clock) read() time.Time {
	t := <-c.now
	c.now <- t
	return t
}

// advance moves time and lets the relay do what is due for every session.
func (c *clock) advance(r *Relay, d time.Duration) {
	c.now <- (<-c.now).Add(d)
	for _, sh := range r.shards {
		sh.mu.Lock()
		now := r.now()
		for slot := range slots {
			sh.visit(slot, now)
		}
		sh.elapse(now)
		sh.unlock()
	}
}

// loopback is where the relays of this process are, and of no other: the same tests, of another checkout, may run beside, and
// would take its ports and be sent what is late for its calls.
var loopback = func() netip.Addr {
	pid := os.Getpid() // 22 bits
	return netip.AddrFrom4([4]byte{127, 64 | byte(pid>>16), byte(pid >> 8), byte(pid)})
}()

func newRelay(t *testing.T, o Options) *Relay {
	t.Helper()
	return newRelayOn(t, o, patiently())
}

// patiently is the kernel with as much room as it has for packets that wait, however old they are: a test sends many at
// once, and moves time, as no call does.
func patiently() edge {
	e := linux()
	e.slack = slack{}
	return e
}

func newRelayOn(t *testing.T, o Options, e edge) *Relay {
	t.Helper()
	if o.Pools == nil {
		o.Pools = []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15999}}
	}
	o.Kernel = kernelOf(t)
	r, err := newRelayOver(o, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func open(t *testing.T, r *Relay) Session {
	t.Helper()
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// talk opens a session between two phones that have offered and answered.
func talk(t *testing.T, r *Relay, a, b *phone) Session {
	t.Helper()
	s := open(t, r)
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	s.Settle(A)
	s.Settle(B)
	return s
}

func TestBothDirectionsUnderOurIdentifiers(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	for _, dir := range []struct {
		name     string
		from, to *phone
		side     Side
	}{{"A to B", a, b, A}, {"B to A", b, a, B}} {
		var was rtp.Packet
		for i := range 3 {
			in := dir.from.frame("voice")
			send(t, dir.from.rtp, in, at(s.Local(dir.side)))
			got := dir.to.hear()
			if string(got.Payload) != "voice" || got.PayloadType != 8 {
				t.Errorf("%s: got %v", dir.name, got.Header)
			}
			if got.SSRC == dir.from.ssrc || got.SequenceNumber == dir.from.seq && got.Timestamp == dir.from.ts {
				t.Errorf("%s: identifiers of the other leg: %v", dir.name, got.Header)
			}
			if i > 0 && (got.SSRC != was.SSRC || got.SequenceNumber != was.SequenceNumber+1 || got.Timestamp != was.Timestamp+160) {
				t.Errorf("%s: %v after %v", dir.name, got.Header, was.Header)
			}
			was = got
		}
	}
	st := s.Stats()
	if st.AtoB.Packets != 3 || st.BtoA.Packets != 3 || st.AtoB.Bytes != 15 || st.Codec != "PCMA" || st.LastSeen.IsZero() {
		t.Errorf("%+v", st)
	}
	if got := s.Close(); got.AtoB.Packets != 3 || got != s.Close() || got != s.Stats() {
		t.Errorf("closed with %+v", got)
	}
	if got := r.Stats(); got.Sessions != 0 || got.Opened != 1 || got.AtoB.Packets != 3 || got.BtoA.Packets != 3 {
		t.Errorf("%+v", got)
	}
}

func TestAStrangerIsNotHeard(t *testing.T) {
	r := newRelay(t, Options{})
	a, b, stranger := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.4")
	s := talk(t, r, a, b)
	local := at(s.Local(A))
	// Before the latch, after it, and from another port of the right address.
	send(t, stranger.rtp, stranger.frame("injected"), local)
	eventually(t, "the first is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
	send(t, a.rtp, a.frame("voice"), local)
	first := b.hear()
	send(t, stranger.rtp, stranger.frame("injected"), local)
	send(t, a.rtcp, stranger.frame("injected"), local)
	send(t, stranger.rtcp, report(t, 1), control(s.Local(A)))
	eventually(t, "the others are refused", func() bool { return s.Stats().AtoB.Refused == 4 })
	send(t, a.rtp, a.frame("voice"), local)
	second := b.hear()
	if string(first.Payload) != "voice" || string(second.Payload) != "voice" || second.SequenceNumber != first.SequenceNumber+1 {
		t.Errorf("heard %q, %q, numbered %d, %d", first.Payload, second.Payload, first.SequenceNumber, second.SequenceNumber)
	}
	// What B says still goes to A and nowhere else.
	send(t, b.rtp, b.frame("answer"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "answer" {
		t.Errorf("A heard %q", got.Payload)
	}
	if st := s.Stats(); st.AtoB.Packets != 2 || st.BtoA.Packets != 1 || st.AtoB.RTCP != 0 {
		t.Errorf("%+v", st)
	}
}

func TestOnlyNegotiatedRTPPasses(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	to := at(s.Local(A))
	for _, junk := range [][]byte{
		append([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 20)...), // STUN
		append([]byte{22, 254, 253}, make([]byte, 40)...),                       // DTLS
		{0x80, 8},                // short
		{},                       // empty
		make([]byte, bufferSize), // cut
		append([]byte{0x8f, 8}, make([]byte, 20)...), // lengths contradict
		{0x80, 200, 0xff, 0xff, 0, 0, 0, 0},          // RTCP that is none
	} {
		send(t, a.rtp, junk, to)
	}
	eventually(t, "all are counted", func() bool { return s.Stats().AtoB.Invalid == 7 })
	unknown := a.frame("voice")
	unknown[1] = 0 // PCMU
	send(t, a.rtp, unknown, to)
	eventually(t, "the payload type is counted", func() bool { return s.Stats().AtoB.Unknown == 1 })
	send(t, a.rtp, a.frame("voice"), to)
	if got := b.hear(); string(got.Payload) != "voice" {
		t.Errorf("heard %v", got)
	}
	if st := s.Stats(); st.AtoB.Packets != 1 {
		t.Errorf("%+v", st)
	}
}

func TestEarlyMediaMovesUntilTheAnswer(t *testing.T) {
	r := newRelay(t, Options{Window: time.Nanosecond})
	a, b, other := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.3")
	s := open(t, r)
	s.SetRemote(A, a.remote())
	send(t, b.rtp, b.frame("too early"), at(s.Local(B))) // before any description of B
	eventually(t, "it is refused", func() bool { return s.Stats().BtoA.Refused == 1 })
	s.SetRemote(B, b.remote())
	for _, from := range []*phone{b, other, b, other} {
		send(t, from.rtp, from.frame("ringing"), at(s.Local(B)))
		if got := a.hear(); string(got.Payload) != "ringing" {
			t.Errorf("heard %v", got)
		}
		send(t, a.rtp, a.frame("hello"), at(s.Local(A)))
		if got := from.hear(); string(got.Payload) != "hello" {
			t.Errorf("heard %v", got)
		}
	}
	s.Settle(B)
	send(t, b.rtp, b.frame("answered"), at(s.Local(B)))
	if got := a.hear(); string(got.Payload) != "answered" {
		t.Errorf("heard %v", got)
	}
	send(t, other.rtp, other.frame("late"), at(s.Local(B)))
	eventually(t, "the other is refused", func() bool { return s.Stats().BtoA.Refused == 2 })
}

func TestAnotherAddressInSignallingOpensTheWindow(t *testing.T) {
	r := newRelay(t, Options{})
	a, b, moved := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.5")
	s := talk(t, r, a, b)
	send(t, b.rtp, b.frame("here"), at(s.Local(B)))
	before := a.hear()
	s.SetRemote(B, moved.remote())
	send(t, a.rtp, a.frame("where"), at(s.Local(A)))
	if got := moved.hear(); string(got.Payload) != "where" {
		t.Errorf("heard %v", got)
	}
	moved.ssrc = 0x22222222
	send(t, moved.rtp, moved.frame("there"), at(s.Local(B)))
	after := a.hear()
	if string(after.Payload) != "there" || after.SSRC != before.SSRC || after.SequenceNumber != before.SequenceNumber+1 {
		t.Errorf("%v after %v", after.Header, before.Header)
	}
	send(t, b.rtp, b.frame("here"), at(s.Local(B)))
	eventually(t, "the old place is refused", func() bool { return s.Stats().BtoA.Refused == 1 })
}

func TestHoldAndPause(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	say := func(from, to *phone, side Side) rtp.Packet {
		t.Helper()
		send(t, from.rtp, from.frame("voice"), at(s.Local(side)))
		return to.hear()
	}
	before := say(b, a, B)
	say(a, b, A)
	held := a.remote()
	held.Recv = false
	s.SetRemote(A, held)
	send(t, b.rtp, b.frame("unheard"), at(s.Local(B)))
	eventually(t, "nothing goes to A", func() bool { return s.Stats().BtoA.Muted == 1 })
	if got := say(a, b, A); string(got.Payload) != "voice" { // music on hold goes on
		t.Errorf("heard %v", got)
	}
	s.SetRemote(A, a.remote())
	if after := say(b, a, B); after.SequenceNumber != before.SequenceNumber+1 {
		t.Errorf("the hold left a gap: %d after %d", after.SequenceNumber, before.SequenceNumber)
	}
	s.Pause(true)
	send(t, b.rtp, b.frame("unheard"), at(s.Local(B)))
	send(t, a.rtp, a.frame("unheard"), at(s.Local(A)))
	eventually(t, "nothing goes anywhere", func() bool { st := s.Stats(); return st.BtoA.Muted == 2 && st.AtoB.Muted == 1 })
	s.Pause(false)
	say(a, b, A)
	say(b, a, B)
}

// report makes a compound packet as an endpoint sends it, with a telling name.
func report(t *testing.T, ssrc uint32) []byte {
	t.Helper()
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: ssrc, NTPTime: 0x1111_2222_3333_4444, RTPTime: 1, PacketCount: 1, OctetCount: 1},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc, Items: []rtcp.SourceDescriptionItem{
			{Type: rtcp.SDESCNAME, Text: "13800138000@10.1.2.3"},
			{Type: rtcp.SDESName, Text: "Alice 13800138000"},
			{Type: rtcp.SDESPhone, Text: "+8613800138000"},
			{Type: rtcp.SDESLocation, Text: "13800138000"},
		}}}},
		&rtcp.ApplicationDefined{SSRC: ssrc, Name: "1380", Data: []byte("0138000\x00")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReportsAreOurOwn(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	c.advance(r, 0) // begins the interval
	var heard rtp.Packet
	for range 10 {
		send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
		heard = b.hear()
	}
	a.seq += 5 // lost
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	heard = b.hear()
	send(t, a.rtcp, report(t, a.ssrc), control(s.Local(A)))
	eventually(t, "the report is counted", func() bool { return s.Stats().AtoB.RTCP == 1 })
	c.advance(r, 4*time.Second) // past any first interval

	// A is told what came from it, and nothing of B.
	raw := receive(t, a.rtcp)
	packets := decode(t, raw)
	rr, ok := packets[0].(*rtcp.ReceiverReport)
	if !ok || len(rr.Reports) != 1 {
		t.Fatalf("A got %v", packets)
	}
	block := rr.Reports[0]
	if block.SSRC != a.ssrc || block.TotalLost != 5 || block.FractionLost != 256*5/16 ||
		block.LastSequenceNumber != uint32(a.seq) || block.LastSenderReport != 0x2222_3333 || block.Delay != 4<<16 {
		t.Errorf("A got %+v", block)
	}
	nameA := cname(t, packets)

	// B is told what we sent, under our identifiers and our time.
	raw = receive(t, b.rtcp)
	packets = decode(t, raw)
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok {
		t.Fatalf("B got %v", packets)
	}
	if sr.SSRC != heard.SSRC || sr.PacketCount != 11 || sr.OctetCount != 55 || len(sr.Reports) != 0 {
		t.Errorf("B got %+v", sr)
	}
	now := epoch.Add(4 * time.Second)
	if got := time.Unix(int64(sr.NTPTime>>32)-2208988800, 0); !got.Equal(now) {
		t.Errorf("NTP time %v, want %v", got, now)
	}
	if sr.RTPTime != heard.Timestamp+4*8000 {
		t.Errorf("RTP time %d, want %d", sr.RTPTime, heard.Timestamp+4*8000)
	}
	nameB := cname(t, packets)
	if nameA == nameB {
		t.Error("both legs have one name")
	}

	// The end.
	s.Close()
	for _, p := range []*phone{a, b} {
		packets = decode(t, receive(t, p.rtcp))
		if _, ok := packets[len(packets)-1].(*rtcp.Goodbye); !ok {
			t.Errorf("the last is %v", packets)
		}
	}
}

// Reports go to where the peer's come from, else to where signalling said, else
// next to its RTP; and nowhere when it has no address.
func TestWhereReportsGo(t *testing.T) {
	r := newRelay(t, Options{})
	a, b, nat := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2")
	s := talk(t, r, a, b).(*session)
	target := func() netip.AddrPort {
		s.shard.mu.Lock()
		defer s.shard.mu.Unlock()
		return s.legs[A].reportTarget()
	}
	if got := target(); got != addrOf(a.rtcp) {
		t.Errorf("signalled: %v", got)
	}
	send(t, nat.rtcp, report(t, 1), control(s.Local(A)))
	eventually(t, "the report is read", func() bool { return s.Stats().AtoB.RTCP == 1 })
	if got := target(); got != addrOf(nat.rtcp) {
		t.Errorf("heard: %v", got)
	}
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	b.hear()
	send(t, a.rtcp, report(t, 1), control(s.Local(A))) // what was signalled takes them back, and then for good
	eventually(t, "the report is read", func() bool { return s.Stats().AtoB.RTCP == 2 })
	send(t, nat.rtcp, report(t, 1), control(s.Local(A)))
	eventually(t, "the report is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
	if got := target(); got != addrOf(a.rtcp) {
		t.Errorf("after the latch: %v", got)
	}
	moved := a.remote()
	moved.RTP, moved.RTCP = netip.MustParseAddrPort("127.0.0.5:4000"), netip.AddrPort{}
	s.SetRemote(A, moved)
	if got := target(); got != netip.MustParseAddrPort("127.0.0.5:4001") {
		t.Errorf("moved: %v", got)
	}
	moved.RTP = netip.AddrPort{}
	s.SetRemote(A, moved)
	if got := target(); got.IsValid() {
		t.Errorf("held: %v", got)
	}
}

// Before the latch too: another party at the address of one that reports, which found its
// port, is neither read nor told anything, until that one has long been silent.
func TestWhoReportsKeepsIt(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Timeout: -1, Clock: Clock{Now: c.read}})
	a, b, nat, other := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3"), newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.2")
	s := open(t, r).(*session)
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	read, refused := uint64(0), uint64(0)
	tells := func(when string, p *phone, taken bool, want *phone) {
		t.Helper()
		send(t, p.rtcp, report(t, 1), control(s.Local(A)))
		if taken {
			read++
		} else {
			refused++
		}
		eventually(t, when, func() bool { st := s.Stats().AtoB; return st.RTCP == read && st.Refused == refused })
		s.shard.mu.Lock()
		defer s.shard.mu.Unlock()
		if got := s.legs[A].reportTarget(); got != addrOf(want.rtcp) {
			t.Errorf("%s: reports go to %v, want %v", when, got, addrOf(want.rtcp))
		}
	}
	tells("the first", nat, true, nat)
	tells("another", other, false, nat)
	c.advance(r, time.Duration(lapse)-time.Second)
	tells("another, later", other, false, nat)
	tells("the first again", nat, true, nat)
	c.advance(r, time.Duration(lapse)-time.Second)
	tells("another, since the first was heard again", other, false, nat)
	c.advance(r, time.Second)
	tells("another after a silence", other, true, other)
	tells("the signalled one", a, true, a)
	tells("another after the signalled one", other, false, a)
}

func decode(t *testing.T, b []byte) []rtcp.Packet {
	t.Helper()
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

// cname checks that a compound packet describes its source by a random name
// alone, and gives it.
func cname(t *testing.T, packets []rtcp.Packet) string {
	t.Helper()
	for _, p := range packets[1:] {
		d, ok := p.(*rtcp.SourceDescription)
		if !ok {
			continue
		}
		if len(d.Chunks) != 1 || len(d.Chunks[0].Items) != 1 || d.Chunks[0].Items[0].Type != rtcp.SDESCNAME {
			t.Fatalf("described by %v", d)
		}
		name := d.Chunks[0].Items[0].Text
		if len(name) != 16 {
			t.Errorf("the name is %q", name)
		}
		return name
	}
	t.Fatal("no description")
	return ""
}

func TestSilenceEndsASession(t *testing.T) {
	c := newClock()
	ended := make(chan Session, 10)
	r := newRelay(t, Options{Timeout: 60 * time.Second, Clock: Clock{Now: c.read}, OnTimeout: func(s Session) { ended <- s }})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	none := func(what string) {
		t.Helper()
		select {
		case <-ended:
			t.Fatalf("ended %s", what)
		default:
		}
	}
	s := open(t, r)
	s.SetRemote(A, a.remote())
	s.SetRemote(B, b.remote())
	c.advance(r, time.Hour)
	none("while it rang")
	s.Settle(A)
	s.Settle(B)
	c.advance(r, 59*time.Second)
	none("before the time")
	send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	b.hear()
	c.advance(r, 59*time.Second)
	none("though A spoke")
	send(t, b.rtcp, report(t, 5), control(s.Local(B)))
	eventually(t, "B's report is read", func() bool { return s.Stats().BtoA.RTCP == 1 })
	c.advance(r, 59*time.Second)
	none("though B reported")
	held := a.remote()
	held.Recv = false
	s.SetRemote(A, held)
	c.advance(r, time.Hour)
	none("while held")
	s.SetRemote(A, a.remote())
	c.advance(r, 59*time.Second)
	none("right after the hold")
	s.Pause(true)
	c.advance(r, time.Hour)
	none("while paused")
	s.Pause(false)
	stranger := newPhone(t, "127.0.0.4")
	send(t, stranger.rtp, stranger.frame("injected"), at(s.Local(A)))
	eventually(t, "the stranger is refused", func() bool { return s.Stats().AtoB.Refused == 1 })
	c.advance(r, 60*time.Second)
	select {
	case got := <-ended:
		if got != s {
			t.Error("another session ended")
		}
	default:
		t.Fatal("did not end")
	}
	c.advance(r, time.Hour)
	none("twice")
	if !s.Close().TimedOut || r.Stats().TimedOut != 1 {
		t.Error("the end is not counted")
	}
}

// With the system's own clock, too.
func TestSilenceByTheSystemClock(t *testing.T) {
	ended := make(chan Session, 1)
	r := newRelay(t, Options{Timeout: 20 * time.Millisecond, OnTimeout: func(s Session) { s.Close(); ended <- s }})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	select {
	case got := <-ended:
		if got != s {
			t.Error("another session ended")
		}
	case <-time.After(patience):
		t.Fatal("did not end")
	}
}

func TestPortsRunOutAndRest(t *testing.T) {
	c := newClock()
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 16000, Max: 16003}}, Clock: Clock{Now: c.read}})
	s := open(t, r)
	if a, b := s.Local(A), s.Local(B); a.Port%2 != 0 || b.Port%2 != 0 || a.Port == b.Port || a.Addr != loopback {
		t.Errorf("ports %v and %v", a, b)
	}
	refused := func() {
		t.Helper()
		if _, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"}); !errors.Is(err, ErrNoPorts) {
			t.Errorf("got %v", err)
		}
	}
	refused()
	s.Close()
	refused()
	c.advance(r, 5*time.Second)
	s = open(t, r)
	st := r.Stats()
	if st.NoPorts != 2 || st.Sessions != 1 || len(st.Pools) != 1 || st.Pools[0] != (PoolStats{Name: "one", InUse: 2}) {
		t.Errorf("%+v", st)
	}
	s.Close()
	// One pair left for two legs: the first must not be lost.
	r2 := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 16010, Max: 16011}}})
	if _, err := r2.Open(OpenSpec{PoolA: "one", PoolB: "one"}); !errors.Is(err, ErrNoPorts) {
		t.Errorf("got %v", err)
	}
	if st := r2.Stats(); st.Pools[0].InUse != 0 || st.Pools[0].Resting != 1 || st.Sessions != 0 {
		t.Errorf("%+v", st)
	}
}

func TestAPortOfSomeoneElseIsPassedOver(t *testing.T) {
	taken, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice(), Port: 16101}) // an RTCP port
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := newClock()
	r := newRelay(t, Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 16100, Max: 16105}}, Clock: Clock{Now: c.read}})
	errors := uint64(0)
	for range 20 { // at random, one of the first opens meets the taken port
		s := open(t, r)
		if s.Local(A).Port == 16100 || s.Local(B).Port == 16100 {
			t.Error("bound a taken port")
		}
		s.Close()
		c.advance(r, time.Minute)
		errors = r.Stats().Pools[0].BindErrors
	}
	if errors == 0 {
		t.Error("no error was counted")
	}
}

func TestWildcardPoolUsesTheAddressTowardThePeer(t *testing.T) {
	r := newRelay(t, Options{Pools: []Pool{
		{Name: "one", Min: 16200, Max: 16299},
		{Name: "two", Address: netip.IPv4Unspecified(), Advertise: netip.MustParseAddr("192.0.2.7"), Min: 16300, Max: 16399},
	}})
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "two", PeerA: netip.MustParseAddr("127.0.0.9"), PeerB: netip.MustParseAddr("::ffff:127.0.0.9")})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Local(A).Addr; got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("A is at %v", got)
	}
	if got := s.Local(B).Addr; got != netip.MustParseAddr("192.0.2.7") {
		t.Errorf("B is told %v", got)
	}
	if _, err := r.Open(OpenSpec{PoolA: "one", PoolB: "two"}); err == nil {
		t.Error("opened without an address or a peer")
	}
	if st := r.Stats(); st.Pools[0].InUse != 1 || st.Pools[1].InUse != 1 {
		t.Errorf("%+v", st.Pools)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, pools := range map[string][]Pool{
		"no pair":             {{Name: "x", Min: 5, Max: 5}},
		"two of a name":       {{Name: "x", Min: 4000, Max: 4100}, {Name: "x", Min: 5000, Max: 5100}},
		"advertised wildcard": {{Name: "x", Min: 4000, Max: 4100, Advertise: netip.IPv4Unspecified()}},
		"multicast":           {{Name: "x", Min: 4000, Max: 4100, Address: netip.MustParseAddr("224.0.0.1")}},
		"another machine's":   {{Name: "x", Min: 4000, Max: 4100, Address: netip.MustParseAddr("192.0.2.77")}},
		"two families":        {{Name: "x", Min: 4000, Max: 4100, Address: loopback, Advertise: netip.MustParseAddr("2001:db8::1")}},
	} {
		if _, err := NewRelay(Options{Pools: pools}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewRelay(Options{Random: brokenReader{}}); err == nil {
		t.Error("started without randomness")
	}
	r := newRelay(t, Options{})
	if _, err := r.Open(OpenSpec{PoolA: "one", PoolB: "nowhere"}); !errors.Is(err, ErrNoPool) {
		t.Errorf("got %v", err)
	}
	if st := r.Stats(); st.Pools[0].InUse != 0 {
		t.Errorf("%+v", st)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestNothingIsLeftAfterClose(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	var s Session
	for range 20 {
		s = talk(t, r, a, b)
	}
	for range 5 {
		open(t, r).Close()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	if _, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	s.SetRemote(A, a.remote()) // harmless
	s.Settle(A)
	s.Close()
	if st := r.Stats(); st.Sessions != 0 || st.Pools[0].InUse != 0 || st.Opened != 25 {
		t.Errorf("%+v", st)
	}
}

// Signalling, packets, figures and the end come at the same time; the race
// detector watches.
func TestEverythingAtOnce(t *testing.T) {
	r := newRelay(t, Options{Rest: time.Nanosecond, Timeout: time.Millisecond, OnTimeout: func(s Session) { s.Close() }})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	in, remotes := a.frame("voice"), [2]Remote{a.remote(), b.remote()}
	var running sync.WaitGroup
	for range 20 {
		s := open(t, r)
		for _, do := range []func(i int){
			func(i int) { s.SetRemote(Side(i%2), remotes[i%2]) },
			func(i int) { s.Settle(Side(i % 2)) },
			func(i int) { s.Pause(i%3 == 0) },
			func(int) { s.Stats(); r.Stats() },
			func(i int) {
				if _, err := a.rtp.WriteToUDPAddrPort(in, at(s.Local(Side(i%2)))); err != nil {
					t.Error(err)
				}
			},
			func(i int) {
				if i == 40 {
					s.Close()
				}
			},
		} {
			running.Go(func() {
				for i := range 50 {
					do(i)
				}
			})
		}
	}
	running.Wait()
	if st := r.Stats(); st.Sessions != 0 || st.Opened != 20 {
		t.Errorf("%+v", st)
	}
}

// One packet's way through the relay without the sockets allocates nothing.
func TestAPacketAllocatesNothing(t *testing.T) {
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b).(*session)
	in, src, bad := a.frame("voice"), addrOf(a.rtp), netip.MustParseAddrPort("127.0.0.4:4000")
	buf := make([]byte, len(in))
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if n := testing.AllocsPerRun(100, func() {
		copy(buf, in)
		if packet, _ := s.pass(A, buf, src, 1); packet == nil {
			t.Fatal("refused")
		}
		s.pass(A, buf, bad, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRelay sends one packet through the relay and waits for it: two system
// calls of the relay's and two of the test's.
func BenchmarkRelay(b *testing.B) {
	r, err := NewRelay(Options{Pools: []Pool{{Name: "one", Address: loopback, Min: 17000, Max: 17099}}})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"})
	if err != nil {
		b.Fatal(err)
	}
	var c [2]*net.UDPConn
	for side := range c {
		if c[side], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(2+side))}); err != nil {
			b.Fatal(err)
		}
		defer c[side].Close()
		s.SetRemote(Side(side), Remote{RTP: addrOf(c[side]), Send: true, Recv: true, Types: []PayloadType{{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}}})
		s.Settle(Side(side))
	}
	in, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 1}, Payload: make([]byte, 160)}).Marshal()
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 2048)
	to := at(s.Local(A))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c[0].WriteToUDPAddrPort(in, to); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c[1].ReadFromUDPAddrPort(out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPass is what the relay does with a packet between its system calls.
func BenchmarkPass(b *testing.B) {
	r, err := NewRelay(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	s := &session{shard: r.shards[0], legs: [2]*leg{{}, {}}}
	src := netip.MustParseAddrPort("127.0.0.2:4000")
	for side := range s.legs {
		r.identify(s.legs[side])
		s.legs[side].sockets = [3]socket.UDP{socket.None, socket.None, socket.None}
		s.SetRemote(Side(side), Remote{RTP: src, Send: true, Recv: true, Types: []PayloadType{{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}}})
		s.Settle(Side(side))
	}
	in, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 1}, Payload: make([]byte, 160)}).Marshal()
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, len(in))
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, in)
		if packet, _ := s.pass(A, buf, src, 1); packet == nil {
			b.Fatal("refused")
		}
	}
}
