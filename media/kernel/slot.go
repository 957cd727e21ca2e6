package kernel

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"mask700/media/rebase"
)

// working are the bits of a slot's state that count programs at work on it. The
// packets are above them.
const working = 1<<16 - 1

// native reads memory as the program does: its words of addresses and ports are
// bytes in network order.
var native = binary.NativeEndian

// words is an address as the program compares it, IPv4 as ::ffff:a.b.c.d.
func words(a netip.Addr) (w [4]uint32) {
	b := a.As16()
	for i := range w {
		w[i] = native.Uint32(b[4*i:])
	}
	return w
}

// order16 and order32 put a number into network order.
func order16(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return native.Uint16(b[:])
}

func order32(v uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return native.Uint32(b[:])
}

// tag tells addresses of ours apart in the cells of a port. It is never 0.
func tag(local [4]uint32) uint32 {
	return (local[0]^local[1]^local[2]^local[3])*0x9e3779b1>>20 | 1
}

// vacant finds a free cell for a local end, nil when there is none or when another
// address has the same tag there. The caller holds mu.
func (t *Table) vacant(local netip.AddrPort) (free *uint32) {
	port := &t.ports[local.Port()/2]
	for i := range port.Cell {
		switch c := &port.Cell[i]; {
		case *c == 0:
			free = c
		case *c&0xfff == tag(words(local.Addr())):
			return nil
		}
	}
	return free
}

// fill writes a slot that no program sees.
func (e *Entry) fill(s *relaySlot, via path) {
	*s = relaySlot{
		Ifindex:      via.index,
		HopFamily:    via.family,
		Mtu:          via.mtu,
		Local:        words(e.Local.Addr()),
		Source:       words(e.Source.Addr()),
		From:         words(e.From.Addr()),
		To:           words(e.To.Addr()),
		LocalPort:    order16(e.Local.Port()),
		SourcePort:   order16(e.Source.Port()),
		FromPort:     order16(e.From.Port()),
		ToPort:       order16(e.To.Port()),
		SsrcIn:       order32(e.Offsets.SSRCIn),
		SsrcOut:      order32(e.Offsets.SSRCOut),
		SeqAdd:       e.Offsets.Seq,
		TimestampAdd: e.Offsets.Timestamp,
		Clock:        e.Offsets.Clock,
		IpId:         e.ID,
		Flow:         order32(6<<28 | uint32(e.TOS)<<20 | e.Label&(1<<20-1)),
		Tos:          e.TOS,
		Ttl:          e.TTL,
		Epoch:        uint64(e.Epoch),
		Priority:     e.Queue,
		Types:        e.Types,
		Confirmed:    ^uint64(0),
		PassedAt:     uint64(Monotonic()),
	}
	if e.Heir.IsValid() {
		s.Heir, s.HeirPort = words(e.Heir.Addr()), uint32(order16(e.Heir.Port()))
	}
	switch via.family {
	case unix.AF_INET:
		s.Hop4 = words(via.hop)[3]
	case unix.AF_INET6:
		s.Hop6 = words(via.hop)
	}
	if via.fromHere {
		s.FromHere = 1
	}
	if s.Ttl == 0 {
		s.Ttl = 64
	}
	// Where RTCP is multiplexed on the port, its packet types look like these with
	// a marker (RFC 5761 section 4).
	for pt := 64; pt < 96; pt++ {
		s.Types[pt] = ToSocket
	}
	var sum difference
	for i := range s.From {
		sum.replace(s.Source[i], s.From[i])
		sum.replace(s.Local[i], s.To[i])
	}
	s.AddressSum = sum.fold()
	sum = 0
	sum.replace(uint32(s.SourcePort), uint32(s.FromPort))
	sum.replace(uint32(s.LocalPort), uint32(s.ToPort))
	sum.replace(s.SsrcIn, s.SsrcOut)
	s.FixedSum = sum.fold()
	atomic.StoreUint32(&s.Live, 1)
}

// difference is what replacing words adds to a checksum (RFC 1624).
type difference uint64

func (d *difference) replace(from, to uint32) { *d += difference(^from) + difference(to) }

func (d difference) fold() uint32 {
	d = d&0xffffffff + d>>32
	return uint32(d&0xffffffff + d>>32)
}

func (s *relaySlot) counters() Counters {
	return Counters{
		Carry: rebase.Carry{
			// In this order: what is read later may belong to a later packet, which the
			// next look then counts.
			Packets: atomic.LoadUint64(&s.State) >> 16,
			Octets:  atomic.LoadUint64(&s.Octets),
			Highest: atomic.LoadUint32(&s.Highest),
			Clock:   s.Clock,
			Jitter:  atomic.LoadUint32(&s.Jitter),
			Transit: atomic.LoadInt32(&s.Transit),
			Last:    atomic.LoadUint32(&s.Last),
			Seen:    int64(atomic.LoadUint64(&s.Seen)),

			NewestTimestamp: atomic.LoadUint32(&s.NewestTimestamp),
			NewestAt:        int64(atomic.LoadUint64(&s.NewestAt)),
		},
		Type:    uint8(s.Type), // two bytes of their own, which nobody sees half of
		Foreign: atomic.LoadUint64(&s.Foreign),
		Failed:  atomic.LoadUint64(&s.Failed),
	}
}
