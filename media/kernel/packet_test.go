package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"mask700/media/rebase"
)

// frame is a UDP packet as an interface gets it.
type frame struct {
	from, to netip.AddrPort
	id       uint16
	ttl, tos uint8
	flow     uint32 // traffic class and flow label, IPv6
	payload  []byte
}

const (
	ethernet = 14
	ipv4     = 20
	ipv6     = 40
	udpSize  = 8
)

func sum16(b []byte) (sum uint32) {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}

// pseudo is the sum of the pseudo header of RFC 768 and RFC 8200 section 8.1.
func pseudo(from, to netip.Addr, length int) uint32 {
	return sum16(from.AsSlice()) + sum16(to.AsSlice()) + uint32(length) + 17
}

// bytes writes the frame with right checksums.
func (f frame) bytes() []byte {
	udp := make([]byte, udpSize, udpSize+len(f.payload))
	binary.BigEndian.PutUint16(udp, f.from.Port())
	binary.BigEndian.PutUint16(udp[2:], f.to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpSize+len(f.payload)))
	udp = append(udp, f.payload...)
	check := ^fold(pseudo(f.from.Addr(), f.to.Addr(), len(udp)) + sum16(udp))
	if check == 0 {
		check = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], check)
	if f.from.Addr().Is4() {
		b := make([]byte, ethernet+ipv4)
		binary.BigEndian.PutUint16(b[12:], 0x0800)
		h := b[ethernet:]
		h[0], h[1] = 0x45, f.tos
		binary.BigEndian.PutUint16(h[2:], uint16(ipv4+len(udp)))
		binary.BigEndian.PutUint16(h[4:], f.id)
		h[8], h[9] = f.ttl, 17
		copy(h[12:], f.from.Addr().AsSlice())
		copy(h[16:], f.to.Addr().AsSlice())
		binary.BigEndian.PutUint16(h[10:], ^fold(sum16(h)))
		return append(b, udp...)
	}
	b := make([]byte, ethernet+ipv6)
	binary.BigEndian.PutUint16(b[12:], 0x86dd)
	h := b[ethernet:]
	binary.BigEndian.PutUint32(h, 6<<28|f.flow)
	binary.BigEndian.PutUint16(h[4:], uint16(len(udp)))
	h[6], h[7] = 17, f.ttl
	copy(h[8:], f.from.Addr().AsSlice())
	copy(h[24:], f.to.Addr().AsSlice())
	return append(b, udp...)
}

// sound says whether every checksum of a frame is right.
func sound(b []byte) bool {
	h := b[ethernet:]
	if h[0]>>4 == 4 {
		from, _ := netip.AddrFromSlice(h[12:16])
		to, _ := netip.AddrFromSlice(h[16:20])
		return fold(sum16(h[:ipv4])) == 0xffff && fold(pseudo(from, to, len(h)-ipv4)+sum16(h[ipv4:])) == 0xffff
	}
	from, _ := netip.AddrFromSlice(h[8:24])
	to, _ := netip.AddrFromSlice(h[24:40])
	return fold(pseudo(from, to, len(h)-ipv6)+sum16(h[ipv6:])) == 0xffff
}

// Verdicts as a run reports them.
const (
	next     = ^uint32(0)
	pass     = 0
	drop     = 2
	redirect = 7
)

// run gives the program a packet and returns its verdict and the packet after it.
func run(t *testing.T, table *Table, in []byte) (uint32, []byte) {
	t.Helper()
	out := make([]byte, len(in)+256)
	o := &ebpf.RunOptions{Data: in, DataOut: out}
	verdict, err := table.objects.Relay.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return verdict, o.DataOut
}

// priorityOf is what the context of a packet says of its priority once the program has run: the ninth word.
func priorityOf(t *testing.T, table *Table, in []byte) uint32 {
	t.Helper()
	context := make([]uint32, 48)
	o := &ebpf.RunOptions{Data: in, DataOut: make([]byte, len(in)+256), Context: context, ContextOut: context}
	if _, err := table.objects.Relay.Run(o); err != nil {
		t.Fatal(err)
	}
	return context[8]
}

// legs is a direction for tests: voice of payload type 8 and 0 becomes 9 and 0,
// events stay with the socket.
type legs struct {
	local, source, from, to netip.AddrPort
}

var (
	over4 = legs{netip.MustParseAddrPort("192.0.2.1:20000"), netip.MustParseAddrPort("198.51.100.7:4000"),
		netip.MustParseAddrPort("192.0.2.1:20002"), netip.MustParseAddrPort("203.0.113.9:6000")}
	over6 = legs{netip.MustParseAddrPort("[2001:db8::1]:20000"), netip.MustParseAddrPort("[2001:db8:1::7]:4000"),
		netip.MustParseAddrPort("[2001:db8::1]:20002"), netip.MustParseAddrPort("[2001:db8:2::9]:6000")}
	overLo = legs{netip.MustParseAddrPort("127.0.0.1:20000"), netip.MustParseAddrPort("127.0.0.2:4000"),
		netip.MustParseAddrPort("127.0.0.1:20002"), netip.MustParseAddrPort("127.0.0.3:6000")}
)

const (
	sourceSSRC = 0x11223344
	ourSSRC    = 0x55667788
)

func table(voice ...uint8) *rebase.Table {
	var t rebase.Table
	for _, pt := range voice {
		t[pt] = rebase.Type{PT: pt + 1, Clock: 8000, Known: true}
	}
	t[101] = rebase.Type{PT: 96, Clock: 8000, Known: true}
	return &t
}

func types() (types [128]uint8) {
	for i := range types {
		types[i] = ToSocket
	}
	types[8], types[0] = 9, 1
	return types
}

// rtp is a plain packet of the source.
func rtp(pt uint8, seq uint16, ts uint32, payload string) []byte {
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, pt
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], ts)
	binary.BigEndian.PutUint32(b[8:], sourceSSRC)
	return append(b, payload...)
}

func (l legs) frame(payload []byte) frame {
	return frame{from: l.source, to: l.local, id: 77, ttl: 51, tos: 0x20, flow: 0x12345, payload: payload}
}

// begin gives a stream that five packets were written by.
func begin(t *testing.T, at int64) *rebase.Stream {
	t.Helper()
	s := rebase.New(rebase.Initial{SSRC: ourSSRC, Seq: 65000, Timestamp: 4294960000})
	for i := range 5 {
		b := rtp(8, uint16(65530+i), uint32(160*i), "voice")
		if s.Read(b, at+int64(i-5)*20e6, table(8, 0)) != rebase.OK {
			t.Fatal("not read")
		}
		s.Write(b)
	}
	return s
}

// put makes the entry of a stream.
func put(t *testing.T, table *Table, l legs, s *rebase.Stream) *Flow {
	t.Helper()
	offsets, _, ok := s.Lend()
	if !ok {
		t.Fatal("nothing to lend")
	}
	e := Entry{Local: l.local, Source: l.source, From: l.from, To: l.to, Offsets: offsets, Types: types(),
		TTL: 64, TOS: 0xb8, ID: 65534, Label: 0xabcde}
	f, err := known(table, e)
	for errors.Is(err, ErrFull) { // until slots have rested
		f, err = known(table, e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// known puts an entry and waits until its way is known.
func known(table *Table, e Entry) (f *Flow, err error) {
	for f, err = table.Put(e); errors.Is(err, ErrPending); f, err = table.Put(e) {
		time.Sleep(100 * time.Microsecond)
	}
	return f, err
}

// gap waits for as long as a flow does before it starts.
func gap() {
	for until := Monotonic() + 1_100_000; Monotonic() < until; {
	}
}

// start makes a flow active with a packet that the stream sees too.
func start(t *testing.T, tb *Table, l legs, s *rebase.Stream, f *Flow, seq uint16) {
	t.Helper()
	_, carry, _ := s.Lend()
	f.Confirm(f.Passed(), carry)
	gap()
	b := rtp(8, seq, uint32(seq)*160, "first")
	if verdict, _ := run(t, tb, l.frame(b).bytes()); verdict == next || !f.Active() {
		t.Fatalf("not started: verdict %d", verdict)
	}
	s.Read(b, f.Read().Seen, table(8, 0))
	s.Write(b)
}
