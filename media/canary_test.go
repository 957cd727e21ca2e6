package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"mask700/media/kernel"
	"mask700/media/mediatest"
	"mask700/media/socket"
	"mask700/sip/canary"
)

// Nothing of what one phone sends is on the other's wire: on both paths, and as
// video, in whole frames as they arrive there, with their IP headers.
func TestKernelAndUserSpaceShowNothingOfTheOtherLeg(t *testing.T) {
	if !alone(t) {
		return
	}
	a, b := newTeller(t, 1), newTeller(t, 2)
	a.peer, b.peer = b, a
	for _, path := range []string{"user space", "the kernel", "video"} {
		t.Run(path, func(t *testing.T) {
			o := Options{Pools: []Pool{
				{Name: "one", Address: netip.MustParseAddr("10.91.1.1"), Min: 15000, Max: 15099, DSCP: 46},
				{Name: "two", Address: netip.MustParseAddr("10.91.2.1"), Min: 16000, Max: 16099, DSCP: 46},
			}}
			if path == "the kernel" {
				k, err := kernel.Open(kernel.Options{})
				if err != nil {
					t.Fatal(err)
				}
				o.Kernel = k
			}
			r, err := NewRelay(o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			a.begin(t)
			b.begin(t)
			call, err := r.Open(OpenSpec{PoolA: "one", PoolB: "two", Video: path == "video"})
			if err != nil {
				t.Fatal(err)
			}
			s := call
			if path == "video" {
				s = call.Video()
			}
			for side, p := range []*teller{a, b} {
				p.to = s.Local(Side(side))
				remote := p.phone.remote()
				if path == "video" {
					remote.Types = []PayloadType{{PT: 8, Clock: 90000, Name: "H264", Map: 8}}
				}
				s.SetRemote(Side(side), remote)
				s.Settle(Side(side))
			}
			for end := time.Now().Add(patience); ; gap() {
				a.speak(a.frame(quiet))
				b.speak(b.frame(quiet))
				if path != "the kernel" && a.heard > 20 || active(s) == 2 {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("the kernel has %d directions", active(s))
				}
			}
			before := s.Stats()
			for range 30 {
				a.speak(a.frame(quiet))
				b.speak(b.frame(quiet))
			}
			if n := s.Stats().AtoB.Kernel - before.AtoB.Kernel; path == "the kernel" && n < 25 {
				t.Errorf("%d of 30 packets by the kernel", n)
			}
			a.tell(t)
			b.tell(t)
			for _, f := range []func() Flow{func() Flow { return s.Stats().AtoB }, func() Flow { return s.Stats().BtoA }} {
				eventually(t, "all of it is counted", func() bool {
					j := f().Junk
					return j.STUN == 1 && j.DTLS == 1 && j.ZRTP == 1 && j.TURN == 1 && j.Other == 3 && f().Unknown == 1 && f().RTCP >= 12
				})
			}
			call.Close()
			a.judge(t)
			b.judge(t)
		})
	}
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
	at      netip.Addr
	mac     net.HardwareAddr
	raw     int // writes datagrams with their IP headers
	capture int // reads frames
	to      Local
	id      uint16 // of the next datagram
	marks   int
	heard   int
	sent    []rtp.Header
	written [][]byte        // payloads of all datagrams of this call
	ids     map[uint16]bool // of all datagrams
}

// Values that no other writer of a header has.
const (
	tellersTTL = 37
	tellersTOS = 0x9c
)

func newTeller(t *testing.T, party int) *teller {
	t.Helper()
	p := &teller{party: party, at: netip.MustParseAddr(fmt.Sprintf("10.91.%d.2", party)), id: uint16(0x5100 * party), ids: map[uint16]bool{}}
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
		"ip addr add 10.91.%[1]d.1/24 dev wire%[1]d; ip link set wire%[1]d up", party))
	err = p.in.Do(func() error {
		line := fmt.Sprintf("ip addr add %s/24 dev eth; ip link set eth up; ip route add default via 10.91.%d.1", p.at, party)
		if out, err := exec.Command("sh", "-ec", line).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", line, err, out)
		}
		eth, err := net.InterfaceByName("eth")
		if err != nil {
			return err
		}
		p.mac = eth.HardwareAddr
		if p.raw, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			return err
		}
		const ip = unix.ETH_P_IP<<8 | unix.ETH_P_IP>>8 // in network order
		if p.capture, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(p.capture, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(p.capture, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return err
		}
		return unix.Bind(p.capture, &unix.SockaddrLinklayer{Protocol: ip & 0xffff, Ifindex: eth.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p.raw); unix.Close(p.capture) })
	return p
}

// begin gives the phone new ports and new identifiers.
func (p *teller) begin(t *testing.T) {
	t.Helper()
	p.phone = &phone{t: t, ssrc: 0x6b616e00 + uint32(p.party), seq: uint16(0x3300 * p.party), ts: 0x61726900 * uint32(p.party)}
	p.heard, p.sent, p.written, p.marks = 0, nil, nil, 0
	err := p.in.Do(func() error {
		for _, c := range []**net.UDPConn{&p.rtp, &p.rtcp} {
			conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.at, 0)))
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
	p.frames(t) // what is left of another call
}

// write sends a datagram from one of the phone's ports, its IP header ours.
func (p *teller) write(from *net.UDPConn, to netip.AddrPort, payload, options []byte) {
	p.t.Helper()
	size := 20 + len(options)
	b := make([]byte, size+8, size+8+len(payload))
	b[0] = 0x40 | byte(size/4)
	b[1] = tellersTOS
	p.id++
	p.ids[p.id] = true
	p.written = append(p.written, append(bytes.Clone(options), payload...))
	binary.BigEndian.PutUint16(b[4:], p.id)
	b[8], b[9] = tellersTTL, unix.IPPROTO_UDP
	dst := to.Addr().As4()
	src := p.at.As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	copy(b[20:], options)
	udp := b[size:]
	binary.BigEndian.PutUint16(udp, addrOf(from).Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(payload)))
	b = append(b, payload...)
	sum := uint32(unix.IPPROTO_UDP) + uint32(8+len(payload))
	for _, part := range [][]byte{src[:], dst[:], b[size:]} {
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
	binary.BigEndian.PutUint16(b[size+6:], ^uint16(sum))
	if err := unix.Sendto(p.raw, b, 0, &unix.SockaddrInet4{Addr: dst}); err != nil {
		p.t.Fatal(err)
	}
}

// speak sends a packet of audio, and waits until the other has heard it.
func (p *teller) speak(b []byte) {
	p.t.Helper()
	p.speakWith(b, nil)
}

func (p *teller) speakWith(b, options []byte) {
	p.t.Helper()
	h := rtp.Header{SSRC: p.ssrc, SequenceNumber: p.seq, Timestamp: p.ts}
	p.write(p.rtp, at(p.to), b, options)
	got := p.peer.hear()
	if string(got.Payload) != quiet {
		p.t.Errorf("%x was heard as %x", b, got.Payload)
	}
	p.sent = append(p.sent, h)
	p.peer.heard++
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
	p.speak(pad(extend(0xbede, []byte(p.text())), p.number()))
	p.speakWith(p.frame(quiet), append([]byte{0x44, 12, 13, 1}, append(p.host(), 0, 0, 0, 0)...)) // an IP option: timestamps and addresses
	unknown := p.frame(p.text() + p.number())
	unknown[1] = 77
	p.write(p.rtp, at(p.to), unknown, nil)

	// RTCP, to its port and among the audio.
	for _, packet := range p.reports(t) {
		p.write(p.rtcp, control(p.to), packet, nil)
		p.write(p.rtp, at(p.to), packet, nil)
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

// frames are those that have arrived and were not asked for before.
func (p *teller) frames(t *testing.T) (list [][]byte) {
	t.Helper()
	b := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(p.capture, b, 0)
		if err == unix.EAGAIN {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, bytes.Clone(b[:n]))
	}
}

// judge searches what came to the phone for what the other wrote.
func (p *teller) judge(t *testing.T) {
	t.Helper()
	other := p.peer
	finder := canary.NewFinder()
	planted := map[string]bool{}
	for _, b := range other.written {
		for _, h := range finder.Find(b) {
			if canary.Party(h.Mark) == other.party {
				planted[h.Mark] = true
			}
		}
	}
	if len(planted) != other.marks || len(planted) < 50 {
		t.Errorf("of %d marks that party %d has written %d can be found", other.marks, other.party, len(planted))
	}
	finder.AddHost(other.at)
	finder.Add("kanaristun12")
	var audio []rtp.Header
	var sources []uint16
	reports, bye := 0, false
	var frames [][]byte
	eventually(t, "the goodbye arrives", func() bool {
		frames = append(frames, p.frames(t)...)
		for _, f := range frames {
			bye = bye || len(f) > 46 && bytes.Contains(f[42:], []byte{0x81, 203, 0, 1})
		}
		return bye
	})
	same := 0
	for _, f := range frames {
		ip := f[14:]
		if ip[9] != unix.IPPROTO_UDP {
			t.Errorf("party %d is sent a packet of protocol %d", p.party, ip[9])
			continue
		}
		udp := ip[20:]
		payload := udp[8:]
		if ip[0] != 0x45 || ip[8] != socket.Hops || ip[1] != 46<<2 {
			t.Errorf("party %d: an IP header of %#x, TTL %d, type of service %#x", p.party, ip[0], ip[8], ip[1])
		}
		if src := netip.AddrFrom4([4]byte(ip[12:16])); src != p.to.Addr {
			t.Errorf("party %d is sent something by %s", p.party, src)
		}
		sources = append(sources, binary.BigEndian.Uint16(udp))
		if other.ids[binary.BigEndian.Uint16(ip[4:])] {
			same++
		}
		if bytes.Contains(f, other.mac) {
			t.Errorf("party %d sees the other's interface", p.party)
		}
		// The addresses of both ends are in the network of the marks, so only what is
		// behind them is searched for marks.
		for _, h := range finder.Find(payload) {
			t.Errorf("party %d is sent %s (%s): %x", p.party, h.Mark, h.How, payload)
		}
		for what, secret := range map[string][]byte{
			"SSRC":      binary.BigEndian.AppendUint32(nil, other.ssrc),
			"NTP time":  binary.BigEndian.AppendUint32(nil, 0x6b616e61),
			"address":   other.at.AsSlice(),
			"timestamp": binary.BigEndian.AppendUint32(nil, other.ts),
		} {
			if bytes.Contains(payload, secret) {
				t.Errorf("party %d is sent the other's %s: %x", p.party, what, payload)
			}
		}
		if isRTCP(payload) {
			reports++
			p.ours(t, payload)
			continue
		}
		var h rtp.Packet
		if err := h.Unmarshal(payload); err != nil || len(payload) != 172 || h.Extension || h.Padding || len(h.CSRC) != 0 || payload[0] != 0x80 {
			t.Errorf("party %d is sent %x", p.party, payload)
		}
		audio = append(audio, h.Header)
	}
	if same > len(frames)/8 {
		t.Errorf("party %d: %d of %d datagrams have an identification that the other has used", p.party, same, len(frames))
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
	for _, port := range sources {
		if port != p.to.Port && port != p.to.Port+1 {
			t.Errorf("party %d is sent something from port %d", p.party, port)
		}
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
