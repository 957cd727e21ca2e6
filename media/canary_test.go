package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"mask700/media/kernel"
	"mask700/media/mediatest"
	"mask700/media/socket"
	"mask700/media/srtp"
	"mask700/sip/canary"
)

// way is how two phones of the canary test are joined.
type way struct {
	name      string
	six       [2]bool // over IPv6
	kernel    bool
	video     bool
	encrypted [2]srtp.Suite // zero: in the clear
	fax       bool
}

const both, neither = true, false

var ways = []way{
	{name: "user space"},
	{name: "the kernel", kernel: true},
	{name: "video", video: true},
	{name: "IPv6", six: [2]bool{both, both}},
	{name: "IPv6 in the kernel", six: [2]bool{both, both}, kernel: true},
	{name: "video over IPv6", six: [2]bool{both, both}, video: true},
	{name: "IPv4 beside IPv6", six: [2]bool{neither, both}},
	{name: "SRTP", encrypted: [2]srtp.Suite{srtp.AES128CMSHA180, srtp.AES256GCM}},
	{name: "SRTP beside RTP", encrypted: [2]srtp.Suite{srtp.AES128GCM}},
	{name: "SRTP over IPv6", six: [2]bool{both, both}, encrypted: [2]srtp.Suite{srtp.AES128GCM, srtp.AES128CMSHA180}},
	{name: "video by SRTP", video: true, encrypted: [2]srtp.Suite{srtp.AES128GCM, srtp.AES128GCM}},
	{name: "T.38", fax: true},
	{name: "T.38 over IPv6", six: [2]bool{both, both}, fax: true},
	{name: "T.38 from IPv4 to IPv6", six: [2]bool{neither, both}, fax: true},
}

// Nothing of what one phone sends is on the other's wire: on both paths, as sound, video
// and fax, in the clear and encrypted, over IPv4 and IPv6, in whole frames as they arrive
// there, with their IP headers.
func TestKernelAndUserSpaceShowNothingOfTheOtherLeg(t *testing.T) {
	if !alone(t) {
		return
	}
	a, b := newTeller(t, 1), newTeller(t, 2)
	a.peer, b.peer = b, a
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { w.play(t, a, b) })
	}
}

// join opens a call of two phones, and gives the session that they speak in.
func (w way) join(t *testing.T, a, b *teller) (r *Relay, call, s Session) {
	t.Helper()
	phones := [2]*teller{a, b}
	o := Options{}
	for side, p := range phones {
		p.begin(t, w, Side(side))
		o.Pools = append(o.Pools, Pool{Name: strconv.Itoa(side), Address: p.gateway, Min: uint16(15000 + 1000*side), Max: uint16(15099 + 1000*side), DSCP: 46})
	}
	if w.kernel {
		k, err := kernel.Open(kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o.Kernel = k
	}
	r, err := newRelayOver(o, patiently())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	call, err = r.Open(OpenSpec{PoolA: "0", PoolB: "1", Video: w.video})
	if err != nil {
		t.Fatal(err)
	}
	s = call
	if w.video {
		s = call.Video()
	}
	for side, p := range phones {
		p.to = s.Local(Side(side))
		remote := p.remote()
		if w.video {
			remote.Types = []PayloadType{{PT: 8, Clock: 90000, Name: "H264", Map: 8}}
		}
		if w.fax {
			remote.Types, remote.Fax = nil, true
		}
		s.SetRemote(Side(side), remote)
		s.Settle(Side(side))
	}
	return r, call, s
}

func (w way) play(t *testing.T, a, b *teller) {
	r, call, s := w.join(t, a, b)
	defer r.Close()
	speak := func() {
		a.speak(a.next())
		b.speak(b.next())
	}
	for end := time.Now().Add(patience); ; gap() {
		speak()
		if !w.kernel && a.heard > 20 || active(s) == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the kernel has %d directions", active(s))
		}
	}
	before := s.Stats()
	for range 30 {
		speak()
	}
	if n := s.Stats().AtoB.Kernel - before.AtoB.Kernel; w.kernel && n < 25 {
		t.Errorf("%d of 30 packets by the kernel", n)
	}
	a.tell(t)
	b.tell(t)
	for side, f := range []func() Flow{func() Flow { return s.Stats().AtoB }, func() Flow { return s.Stats().BtoA }} {
		eventually(t, "all of it is counted", func() bool { return w.counted(Side(side), f()) })
	}
	call.Close()
	a.judge(t)
	b.judge(t)
}

// counted reports whether all that a phone told, and must not go on, was counted.
func (w way) counted(side Side, f Flow) bool {
	j := f.Junk
	if j.STUN == 0 || j.DTLS == 0 || j.ZRTP == 0 || j.TURN == 0 {
		return false
	}
	switch {
	case w.fax: // reports, audio and what is behind a datagram are no fax; reports to their own port are read
		return f.Invalid == 15 && f.RTCP == 6
	case w.encrypted[side] != srtp.None: // what comes where reports do has to be sealed
		return f.Invalid == 6 && f.Forged == 1 && f.Unknown == 1 && f.RTCP == 12
	}
	return f.Invalid == 7 && f.Unknown == 1 && f.RTCP == 12
}

// quiet is a frame of audio that says nothing.
var quiet = string(bytes.Repeat([]byte{0xd5}, 160))

// teller is a phone in a network of its own that writes marks into everything that
// is its own to write, IP headers too.
type teller struct {
	*phone
	party   int
	peer    *teller
	in      *mediatest.Namespace
	at      netip.Addr // of this call; gateway is ours on its network
	gateway netip.Addr
	mac     net.HardwareAddr
	raw     [2]int // write datagrams with their IP headers, v4 and v6
	capture int    // reads frames
	way     way
	keys    *guarded        // of a call that is encrypted on its leg
	opens   *srtp.Direction // as keys.get, for what was captured
	to      Local
	id      uint16 // of the next datagram
	marks   int
	heard   int
	sent    []rtp.Header
	written [][]byte // payloads of all datagrams of this call
	ids     []uint16 // of the datagrams of sent
}

// Values that no other writer of a header has.
const (
	tellersTTL   = 37
	tellersTOS   = 0x9d // a DSCP and an ECN codepoint
	tellersLabel = 0x6b610
)

func addressOf(party int, six bool, host int) netip.Addr {
	if six {
		return netip.MustParseAddr(fmt.Sprintf("fd91:6b61:%d::%d", party, host))
	}
	return netip.MustParseAddr(fmt.Sprintf("10.91.%d.%d", party, host))
}

func newTeller(t *testing.T, party int) *teller {
	t.Helper()
	p := &teller{party: party, id: uint16(0x5100 * party)}
	var err error
	if p.in, err = mediatest.NewNamespace(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.in.Close() })
	here := func(line string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", line)
		cmd.ExtraFiles = []*os.File{p.in.File()}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	here(fmt.Sprintf("ip link set lo up; ip link add wire%[1]d type veth peer name eth netns /proc/self/fd/3;"+
		"ip addr add 10.91.%[1]d.1/24 dev wire%[1]d; ip addr add fd91:6b61:%[1]d::1/64 dev wire%[1]d nodad; ip link set wire%[1]d up", party))
	err = p.in.Do(func() error {
		line := fmt.Sprintf("ip addr add 10.91.%[1]d.2/24 dev eth; ip addr add fd91:6b61:%[1]d::2/64 dev eth nodad; ip link set eth up;"+
			"ip route add default via 10.91.%[1]d.1; ip -6 route add default via fd91:6b61:%[1]d::1", party)
		if out, err := exec.Command("sh", "-ec", line).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", line, err, out)
		}
		eth, err := net.InterfaceByName("eth")
		if err != nil {
			return err
		}
		p.mac = eth.HardwareAddr
		for i, family := range []int{unix.AF_INET, unix.AF_INET6} {
			if p.raw[i], err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
				return err
			}
		}
		const all = unix.ETH_P_ALL << 8 // in network order
		if p.capture, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(p.capture, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(p.capture, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return err
		}
		return unix.Bind(p.capture, &unix.SockaddrLinklayer{Protocol: all, Ifindex: eth.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p.raw[0]); unix.Close(p.raw[1]); unix.Close(p.capture) })
	return p
}

// begin gives the phone new ports, new identifiers and the keys of its leg.
func (p *teller) begin(t *testing.T, w way, side Side) {
	t.Helper()
	p.phone = &phone{t: t, ssrc: 0x6b616e00 + uint32(p.party), seq: uint16(0x3300 * p.party), ts: 0x61726900 * uint32(p.party)}
	p.heard, p.sent, p.ids, p.written, p.marks = 0, nil, nil, nil, 0
	p.way, p.at, p.gateway, p.keys = w, addressOf(p.party, w.six[side], 2), addressOf(p.party, w.six[side], 1), nil
	err := p.in.Do(func() error {
		for _, c := range []**net.UDPConn{&p.rtp, &p.rtcp} {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.at, 0)))
			if err != nil {
				return err
			}
			*c = conn
			t.Cleanup(func() { conn.Close() })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if suite := w.encrypted[side]; suite != srtp.None {
		p.keys = &guarded{phone: p.phone}
		p.keys.rekey(byte(p.party), suite)
		p.opens = direction(t, p.keys.out)
	}
	for b := make([]byte, 4096); ; { // what is left of another call
		if _, _, err := unix.Recvfrom(p.capture, b, 0); err == unix.EAGAIN {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// remote is what signalling would say of the phone.
func (p *teller) remote() Remote {
	if p.keys != nil {
		return p.keys.remote()
	}
	return p.phone.remote()
}

// next is the next packet of the phone that says nothing of it.
func (p *teller) next() []byte {
	if p.way.fax {
		p.seq++
		return datagram(p.seq, []byte{0x06, 0xc0, 0x01, 0x80}, nil)
	}
	return p.frame(quiet)
}

// wrap puts an IP header of the phone's before a datagram of UDP, with options where
// there are any.
func (p *teller) wrap(dst netip.Addr, udp, options []byte) []byte {
	src := p.at.AsSlice()
	if p.at.Is4() {
		size := 20 + len(options)
		b := make([]byte, 20, size+len(udp))
		b[0], b[1], b[8], b[9] = 0x40|byte(size/4), tellersTOS, tellersTTL, unix.IPPROTO_UDP
		binary.BigEndian.PutUint16(b[4:], p.id)
		copy(b[12:], src)
		copy(b[16:], dst.AsSlice())
		return append(append(b, options...), udp...)
	}
	b := make([]byte, 40, 40+len(options)+len(udp))
	binary.BigEndian.PutUint32(b, 6<<28|tellersTOS<<20|p.label())
	binary.BigEndian.PutUint16(b[4:], uint16(len(options)+len(udp)))
	b[6], b[7] = unix.IPPROTO_UDP, tellersTTL
	if len(options) > 0 {
		b[6] = unix.IPPROTO_DSTOPTS
	}
	copy(b[8:], src)
	copy(b[24:], dst.AsSlice())
	return append(append(b, options...), udp...)
}

// label is the flow label of the phone.
func (p *teller) label() uint32 { return tellersLabel + uint32(p.party) }

// option is one of an IP header with an address or a word in it: timestamps (RFC 791), or
// one for the destination that nobody knows and may pass over (RFC 8200 section 4.2).
func (p *teller) option() []byte {
	if p.at.Is4() {
		return append([]byte{0x44, 12, 13, 1}, append(p.host(), 0, 0, 0, 0)...)
	}
	b := append([]byte{unix.IPPROTO_UDP, 2, 0x1e, 20}, p.text()+p.text()...)
	return b[:24]
}

// write sends a datagram from one of the phone's ports, its IP header ours.
func (p *teller) write(from *net.UDPConn, to netip.AddrPort, payload, options []byte) {
	p.t.Helper()
	p.id++
	p.written = append(p.written, append(bytes.Clone(options), payload...))
	p.post(from, to, payload, options)
}

// post is write of what is not searched for.
func (p *teller) post(from *net.UDPConn, to netip.AddrPort, payload, options []byte) {
	p.t.Helper()
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, addrOf(from).Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[6:], ^sumOfUDP(p.at.AsSlice(), to.Addr().AsSlice(), b))
	whole := p.wrap(to.Addr(), b, options)
	var err error
	if p.at.Is4() {
		err = unix.Sendto(p.raw[0], whole, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()})
	} else {
		err = unix.Sendto(p.raw[1], whole, 0, &unix.SockaddrInet6{Addr: to.Addr().As16()})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// sumOfUDP is what the checksum of a datagram is the complement of (RFC 768), and 0xffff when that is in it already.
func sumOfUDP(from, to, datagram []byte) uint16 {
	return sumOf([]byte{0, unix.IPPROTO_UDP, byte(len(datagram) >> 8), byte(len(datagram))}, from, to, datagram)
}

// sumOf is the sum of RFC 1071.
func sumOf(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, part := range parts {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i]) << 8
			if i+1 < len(part) {
				sum += uint32(part[i+1])
			}
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// tellRTP writes a packet of RTP as it goes on the phone's leg: in the clear, or sealed.
func (p *teller) tellRTP(b, options []byte) {
	p.t.Helper()
	p.id++
	p.written = append(p.written, append(bytes.Clone(options), b...))
	if p.keys != nil {
		var err error
		if b, err = p.keys.seal.Seal(bytes.Clone(b)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.post(p.rtp, at(p.to), b, options)
}

// tellRTCP is tellRTP for a report, to one of the ports.
func (p *teller) tellRTCP(from *net.UDPConn, to netip.AddrPort, b []byte) {
	p.t.Helper()
	p.written = append(p.written, b)
	if p.keys != nil {
		var err error
		if b, err = p.keys.seal.SealReport(bytes.Clone(b)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.post(from, to, b, nil)
}

// speak sends a packet of audio or fax, and waits until the other has heard it.
func (p *teller) speak(b []byte) {
	p.t.Helper()
	p.speakWith(b, nil)
}

func (p *teller) speakWith(b, options []byte) {
	p.t.Helper()
	h := rtp.Header{SSRC: p.ssrc, SequenceNumber: p.seq, Timestamp: p.ts}
	p.tellRTP(b, options)
	got := p.peer.hear()
	if p.way.fax && (len(got) < udptlSequence || !bytes.Equal(got[udptlSequence:], b[udptlSequence:])) || !p.way.fax && string(got) != quiet {
		p.t.Errorf("%x was heard as %x", b, got)
	}
	p.sent, p.ids = append(p.sent, h), append(p.ids, p.id)
	p.peer.heard++
}

// hear waits for the next packet and gives what is in it.
func (p *teller) hear() []byte {
	switch {
	case p.way.fax:
		return receive(p.t, p.rtp)
	case p.keys != nil:
		return p.keys.hear().Payload
	}
	return p.phone.hear().Payload
}

func (p *teller) number() string { p.marks++; return canary.Number(p.party*1000 + p.marks%1000) }
func (p *teller) text() string   { p.marks++; return canary.Text(p.party*1000 + p.marks%1000) }
func (p *teller) host() []byte {
	p.marks++
	return netip.MustParseAddr(canary.Host(p.party*1000 + p.marks%1000)).AsSlice()
}

// tell sends one of everything in which a phone may tell of itself.
func (p *teller) tell(t *testing.T) {
	t.Helper()
	if p.way.fax {
		p.tellFax(t)
		return
	}
	// RTP: contributing sources, header extensions of both forms and of neither, padding.
	with := func(change func(*rtp.Packet)) []byte {
		var packet rtp.Packet
		if err := packet.Unmarshal(p.frame(quiet)); err != nil {
			t.Fatal(err)
		}
		change(&packet)
		b, err := packet.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	extend := func(profile uint16, data []byte) []byte {
		b := p.frame(quiet)
		b[0] |= 0x10
		for len(data)%4 != 0 {
			data = append(data, 0)
		}
		head := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(bytes.Clone(b[:12]), profile), uint16(len(data)/4))
		return append(append(head, data...), b[12:]...)
	}
	pad := func(b []byte, text string) []byte {
		b[0] |= 0x20
		return append(append(b, text...), byte(len(text)+1))
	}
	p.speak(with(func(r *rtp.Packet) {
		for range 3 {
			r.CSRC = append(r.CSRC, binary.BigEndian.Uint32(p.host()))
		}
	}))
	one := p.text() // RFC 8285 section 4.2, such as the items of RFC 7941 and a level of RFC 6464
	p.speak(extend(0xbede, append([]byte{0x10 | byte(len(one)-1)}, one...)))
	two := p.number() + "@" + p.text()
	p.speak(extend(0x1000, append([]byte{1, byte(len(two))}, two...)))
	p.speak(extend(0x6b61, []byte(p.text()+p.number())))
	p.speak(pad(p.frame(quiet), p.text()+p.number()))
	three := []byte(p.text())
	if p.keys != nil { // what seals reads elements
		three = append([]byte{0x10 | byte(len(three)-1)}, three...)
	}
	p.speak(pad(extend(0xbede, three), p.number()))
	p.speakWith(p.frame(quiet), p.option())
	unknown := p.frame(p.text() + p.number())
	unknown[1] = 77
	p.tellRTP(unknown, nil)
	p.tellOthers(t)
}

// tellFax sends what a fax may, and what it may not.
func (p *teller) tellFax(t *testing.T) {
	t.Helper()
	p.speakWith(p.next(), p.option())
	for _, b := range [][]byte{
		append(p.frame(quiet), p.text()+p.number()...), // RTP
		append(p.next(), p.text()+p.number()...),       // something behind a datagram
	} {
		p.write(p.rtp, at(p.to), b, nil)
	}
	p.tellOthers(t)
}

// tellOthers sends reports, and what is neither sound nor a report.
func (p *teller) tellOthers(t *testing.T) {
	t.Helper()

	// RTCP, to its port and among the audio.
	for _, packet := range p.reports(t) {
		p.tellRTCP(p.rtcp, control(p.to), packet)
		p.tellRTCP(p.rtp, at(p.to), packet)
	}

	// What is neither.
	for _, junk := range [][]byte{
		p.stun(),
		append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 1}, p.number()+p.text()+".example"...), // DTLS: a client's hello with a name
		append([]byte("\x10\x00\x00\x01ZRTP\x6b\x61\x6e\x01\x50\x5a\x00\x1dHello   "), p.text()+p.number()...),
		append([]byte{0x40, 0, 0, 24}, p.number()+p.text()...), // TURN: a channel
		append([]byte{0xf0}, "INVITE sip:"+p.number()+"@"+p.text()+".example SIP/2.0\r\n\r\n"...),
		append([]byte{0xc1}, p.text()...),
	} {
		p.write(p.rtp, at(p.to), junk, nil)
	}
	p.write(p.rtcp, control(p.to), append([]byte{0xc1}, p.number()...), nil)
}

// reports are compound packets with every item of a source description, a goodbye
// with a reason, an application's own, extended reports and feedback.
func (p *teller) reports(t *testing.T) [][]byte {
	t.Helper()
	sender := &rtcp.SenderReport{SSRC: p.ssrc, NTPTime: 0x6b616e6172690000 + uint64(p.party), RTPTime: p.ts, PacketCount: 0x6b61, OctetCount: 0x6e61,
		Reports: []rtcp.ReceptionReport{{SSRC: binary.BigEndian.Uint32(p.host()), TotalLost: 7}}, ProfileExtensions: []byte(p.text() + "\x00\x00")}
	var items []rtcp.SourceDescriptionItem
	for kind := rtcp.SDESCNAME; kind <= rtcp.SDESPrivate; kind++ { // CNAME, NAME, EMAIL, PHONE, LOC, TOOL, NOTE, PRIV
		text := p.number() + "@" + p.text() + ".example"
		if kind == rtcp.SDESPrivate { // a prefix, and what it is for (RFC 3550 section 6.5.8)
			text = "\x0b" + text
		}
		items = append(items, rtcp.SourceDescriptionItem{Type: kind, Text: text})
	}
	named := &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: p.ssrc, Items: items}}}
	host := binary.BigEndian.Uint32(p.host())
	extended := &rtcp.ExtendedReport{SenderSSRC: p.ssrc, Reports: []rtcp.ReportBlock{
		&rtcp.LossRLEReportBlock{SSRC: host, BeginSeq: p.seq, EndSeq: p.seq + 1, Chunks: []rtcp.Chunk{0x6b61, 0x6e61}},
		&rtcp.PacketReceiptTimesReportBlock{SSRC: host, BeginSeq: p.seq, EndSeq: p.seq + 1, ReceiptTime: []uint32{p.ts}},
		&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 0x6b616e6172690000 + uint64(p.party)},
		&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{SSRC: host, LastRR: p.ts, DLRR: 1}}},
		&rtcp.StatisticsSummaryReportBlock{SSRC: host, BeginSeq: p.seq, EndSeq: p.seq + 1},
		&rtcp.VoIPMetricsReportBlock{SSRC: host},
		&rtcp.UnknownReportBlock{XRHeader: rtcp.XRHeader{BlockType: 77}, Bytes: []byte(p.text() + "\x00\x00")},
	}}
	var list [][]byte
	for _, packets := range [][]rtcp.Packet{
		{sender, named},
		{sender, named, &rtcp.ApplicationDefined{SSRC: p.ssrc, SubType: 1, Name: "kana", Data: []byte(p.number() + "\x00")}},
		{&rtcp.ReceiverReport{SSRC: p.ssrc, Reports: sender.Reports}, extended},
		{&rtcp.ReceiverReport{SSRC: p.ssrc}, &rtcp.TransportLayerNack{SenderSSRC: p.ssrc, MediaSSRC: host, Nacks: []rtcp.NackPair{{PacketID: p.seq}}}},
		{&rtcp.ReceiverReport{SSRC: p.ssrc}, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: p.ssrc, Bitrate: 64000, SSRCs: []uint32{host}}},
		{sender, named, &rtcp.Goodbye{Sources: []uint32{p.ssrc, host}, Reason: p.number() + " " + p.text()}},
	} {
		b, err := rtcp.Marshal(packets)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

// stun is a binding request with a name, a program and an address in it (RFC 8489).
func (p *teller) stun() []byte {
	attribute := func(kind uint16, value []byte) []byte {
		b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), uint16(len(value)))
		b = append(b, value...)
		return append(b, make([]byte, (4-len(value)%4)%4)...)
	}
	mapped := append([]byte{0, 1, 0x17, 0x70}, p.host()...)
	cookie := []byte{0x21, 0x12, 0xa4, 0x42}
	hidden := bytes.Clone(mapped)
	for i := range 4 {
		hidden[4+i] ^= cookie[i]
	}
	body := append(attribute(0x0006, []byte(p.text()+":"+p.number())), attribute(0x8022, []byte(p.text()))...)
	body = append(append(body, attribute(0x0001, mapped)...), attribute(0x0020, hidden)...)
	b := binary.BigEndian.AppendUint16([]byte{0, 1}, uint16(len(body)))
	b = append(append(b, cookie...), "kanaristun12"...)
	return append(b, body...)
}

// arrived is a datagram of UDP as it came to a phone.
type arrived struct {
	frame   []byte
	ip      []byte
	source  uint16
	payload []byte // as it came
	plain   []byte // and opened
}

// frames are the datagrams that have arrived and were not asked for before. What else
// came, the neighbours' own messages, is searched for the other's addresses.
func (p *teller) frames(t *testing.T) (list []arrived) {
	t.Helper()
	buf := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(p.capture, buf, 0)
		if err == unix.EAGAIN {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		f := arrived{frame: bytes.Clone(buf[:n])}
		f.ip = f.frame[14:]
		var udp []byte
		switch kind := binary.BigEndian.Uint16(f.frame[12:]); {
		case kind == unix.ETH_P_IP && f.ip[9] == unix.IPPROTO_UDP:
			udp = f.ip[20:]
		case kind == unix.ETH_P_IPV6 && f.ip[6] == unix.IPPROTO_UDP:
			udp = f.ip[40:]
		case kind == unix.ETH_P_ARP, kind == unix.ETH_P_IPV6 && (f.ip[6] == unix.IPPROTO_ICMPV6 || f.ip[6] == unix.IPPROTO_HOPOPTS):
			if other := p.peer; bytes.Contains(f.frame, other.mac) || bytes.Contains(f.frame, other.at.AsSlice()) {
				t.Errorf("party %d: the network tells it of the other: %x", p.party, f.frame)
			}
			continue
		default:
			t.Errorf("party %d is sent %x", p.party, f.frame)
			continue
		}
		f.source, f.payload = binary.BigEndian.Uint16(udp), udp[8:]
		f.plain = f.payload
		if p.keys != nil {
			f.plain = p.open(t, bytes.Clone(f.payload))
		}
		list = append(list, f)
	}
}

// open opens what came to a phone that has keys.
func (p *teller) open(t *testing.T, b []byte) []byte {
	t.Helper()
	opens := p.opens.Open
	if isRTCP(b) {
		opens = p.opens.OpenReport
	}
	plain, err := opens(b)
	if err != nil {
		t.Errorf("party %d is sent something that is not sealed for it: %v", p.party, err)
	}
	return plain
}

// judge searches what came to the phone for what the other wrote.
func (p *teller) judge(t *testing.T) {
	t.Helper()
	other := p.peer
	finder := canary.NewFinder()
	found, planted, written := map[string]bool{}, map[string]bool{}, 0
	for _, b := range other.written {
		for _, h := range finder.Find(b) {
			found[h.Mark] = true
		}
	}
	for n := range other.marks { // others are there by chance, in what is read in so many ways
		before, id := len(planted), other.party*1000+(n+1)%1000
		for _, mark := range []string{canary.Number(id), canary.Text(id), canary.Host(id)} {
			if found[mark] {
				planted[mark] = true
			}
		}
		if len(planted) > before {
			written++
		}
	}
	if written != other.marks || written < 40 {
		t.Errorf("of %d marks that party %d has written %d can be found", other.marks, other.party, written)
	}
	finder.AddHost(other.at)
	finder.Add("kanaristun12")
	var frames []arrived
	if p.way.fax { // says no goodbye; what it was sent was waited for
		frames = p.frames(t)
	} else {
		eventually(t, "the goodbye arrives", func() bool {
			frames = append(frames, p.frames(t)...)
			return slices.ContainsFunc(frames, func(f arrived) bool { return bytes.Contains(f.plain, []byte{0x81, 203, 0, 1}) })
		})
	}
	var audio []rtp.Header
	reports, same, faxes := 0, 0, 0
	for _, f := range frames {
		p.header(t, f)
		if i := len(audio) + faxes; p.at.Is4() && !isRTCP(f.plain) && i < len(other.ids) && binary.BigEndian.Uint16(f.ip[4:]) == other.ids[i] {
			same++ // all of them by chance, once in 65536 calls
		}
		// The addresses of both ends are in the network of the marks, so only what is
		// behind them is searched for marks.
		hits := finder.Find(f.plain)
		if p.keys != nil { // what is sealed is noise, in which short marks are by chance
			hits = append(hits, finder.Plain(f.payload)...)
		}
		for _, h := range hits {
			if canary.IsMark(h.Mark) && !planted[h.Mark] && h.Mark != other.at.String() {
				continue // nobody has written it: what is drawn at random looks like one now and then
			}
			t.Errorf("party %d is sent %s (%s): %x", p.party, h.Mark, h.How, f.plain)
		}
		for _, b := range [][]byte{f.payload, f.plain} {
			for what, secret := range map[string][]byte{
				"SSRC":      binary.BigEndian.AppendUint32(nil, other.ssrc),
				"NTP time":  binary.BigEndian.AppendUint32(nil, 0x6b616e61),
				"address":   other.at.AsSlice(),
				"timestamp": binary.BigEndian.AppendUint32(nil, other.ts),
			} {
				if bytes.Contains(b, secret) {
					t.Errorf("party %d is sent the other's %s: %x", p.party, what, b)
				}
			}
		}
		switch {
		case isRTCP(f.plain):
			reports++
			p.ours(t, f.plain)
		case p.way.fax:
			if seq := binary.BigEndian.Uint16(f.plain); faxes < len(other.sent) && seq != other.sent[faxes].SequenceNumber-other.sent[0].SequenceNumber {
				t.Errorf("party %d: datagram %d of a fax has the number %d", p.party, faxes, seq)
			}
			faxes++
		default:
			var h rtp.Packet
			if err := h.Unmarshal(f.plain); err != nil || len(f.plain) != 172 || h.Extension || h.Padding || len(h.CSRC) != 0 || f.payload[0] != 0x80 {
				t.Errorf("party %d is sent %x", p.party, f.plain)
			}
			audio = append(audio, h.Header)
		}
	}
	if same > len(frames)/8 {
		t.Errorf("party %d: %d of %d datagrams have the identification that the other gave them", p.party, same, len(frames))
	}
	if p.way.fax {
		if faxes != len(other.sent) || reports != 0 {
			t.Errorf("party %d: %d of %d datagrams of a fax, %d reports", p.party, faxes, len(other.sent), reports)
		}
		return
	}
	if len(audio) != len(other.sent) || reports == 0 {
		t.Fatalf("party %d: %d of %d packets of audio, %d reports", p.party, len(audio), len(other.sent), reports)
	}
	for i, h := range audio {
		was := other.sent[i]
		if h.SSRC == was.SSRC || h.SSRC != audio[0].SSRC || h.SequenceNumber == was.SequenceNumber || h.Timestamp == was.Timestamp {
			t.Errorf("party %d: %+v of %+v", p.party, h, was)
		}
	}
}

// header checks that what is before the payload is ours.
func (p *teller) header(t *testing.T, f arrived) {
	t.Helper()
	var src netip.Addr
	if p.at.Is4() {
		if f.ip[0] != 0x45 || f.ip[8] != socket.Hops || f.ip[1] != 46<<2 {
			t.Errorf("party %d: an IP header of %#x, TTL %d, type of service %#x", p.party, f.ip[0], f.ip[8], f.ip[1])
		}
		src = netip.AddrFrom4([4]byte(f.ip[12:16]))
	} else {
		first := binary.BigEndian.Uint32(f.ip)
		if first>>20 != 6<<8|46<<2 || first&0xfffff == p.peer.label() || f.ip[7] != socket.Hops {
			t.Errorf("party %d: an IP header of %#x, %d hops", p.party, first, f.ip[7])
		}
		src = netip.AddrFrom16([16]byte(f.ip[8:24]))
	}
	if src != p.to.Addr || f.source != p.to.Port && f.source != p.to.Port+1 {
		t.Errorf("party %d is sent something by %s, port %d", p.party, src, f.source)
	}
	if bytes.Contains(f.frame, p.peer.mac) {
		t.Errorf("party %d sees the other's interface", p.party)
	}
}

// ours checks that a compound packet has only what we write: a report, a name that
// means nothing, and a goodbye without a reason.
func (p *teller) ours(t *testing.T, b []byte) {
	t.Helper()
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range packets {
		switch r := packet.(type) {
		case *rtcp.SenderReport, *rtcp.ReceiverReport:
		case *rtcp.SourceDescription:
			for _, c := range r.Chunks {
				if len(c.Items) != 1 || c.Items[0].Type != rtcp.SDESCNAME || len(c.Items[0].Text) < 12 {
					t.Errorf("party %d is told %v", p.party, c.Items)
				}
			}
		case *rtcp.Goodbye:
			if r.Reason != "" {
				t.Errorf("party %d is told a reason", p.party)
			}
		default:
			t.Errorf("party %d is sent a %T", p.party, packet)
		}
	}
}
