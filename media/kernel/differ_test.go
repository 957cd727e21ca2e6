package kernel

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"mask700/media/rebase"
)

// pair is one stream twice: alone handles every packet in user space, shared only
// what the kernel sends up.
type pair struct {
	alone, shared *rebase.Stream
	lent          rebase.Offsets
	flow          *Flow
	seen          Counters
}

// take gives shared what the kernel did.
func (p *pair) take() {
	c := p.flow.Read()
	p.shared.TakeBack(p.seen.Carry, c.Carry)
	p.seen = c
}

func newPair(t *testing.T, tb *Table, l legs) *pair {
	t.Helper()
	at := Monotonic()
	p := &pair{alone: begin(t, at), shared: begin(t, at)}
	p.flow = put(t, tb, l, p.shared)
	var carry rebase.Carry
	p.lent, carry, _ = p.shared.Lend()
	p.flow.Confirm(0, carry)
	p.seen = p.flow.Read()
	gap()
	return p
}

// feed sends a payload both ways and compares. The kernel may leave it to user
// space; if it does not, the bytes must be the same.
func (p *pair) feed(t *testing.T, tb *Table, l legs, payload []byte) (forwarded bool) {
	t.Helper()
	in := l.frame(payload).bytes()
	verdict, out := run(t, tb, in)
	b := bytes.Clone(payload)
	if verdict == next {
		if !bytes.Equal(in, out) {
			t.Fatalf("% x was changed on its way up", payload)
		}
		p.take()
		at := Monotonic()
		c := bytes.Clone(payload)
		a, s := p.alone.Read(b, at, table(8, 0)), p.shared.Read(c, at, table(8, 0))
		if a != s {
			t.Fatalf("% x: verdicts %d and %d", payload, a, s)
		}
		if a == rebase.OK {
			if w := p.alone.Write(b); !bytes.Equal(w, p.shared.Write(c)) {
				t.Fatalf("% x: two ways to write it", payload)
			}
		}
		return false
	}
	if p.alone.Read(b, p.flow.Read().Seen, table(8, 0)) != rebase.OK {
		t.Fatalf("% x: forwarded by the kernel (%d) and refused by the stream", payload, verdict)
	}
	size := ethernet + ipv6 + udpSize
	if l.local.Addr().Is4() {
		size = ethernet + ipv4 + udpSize
	}
	if w := p.alone.Write(b); !bytes.Equal(out[size:], w) {
		t.Fatalf("% x became % x in the kernel, want % x", payload, out[size:], w)
	}
	if !sound(out) {
		t.Fatalf("% x: a wrong checksum", payload)
	}
	return true
}

// same compares what is told of both.
func (p *pair) same(t *testing.T, jitter bool) {
	t.Helper()
	p.take()
	a, s := p.alone, p.shared
	if a.Packets != s.Packets || a.Octets != s.Octets || a.Received.Packets() != s.Received.Packets() || a.Received.Lost() != s.Received.Lost() {
		t.Fatalf("alone %d packets, %d octets, %d received, %d lost; shared %d, %d, %d, %d", a.Packets, a.Octets, a.Received.Packets(), a.Received.Lost(),
			s.Packets, s.Octets, s.Received.Packets(), s.Received.Lost())
	}
	seenA, _ := a.Received.Seen()
	seenS, _ := s.Received.Seen()
	at := Monotonic()
	tsA, _ := a.Timestamp(at)
	tsS, _ := s.Timestamp(at)
	ra, okA := a.Received.Report()
	rs, okS := s.Received.Report()
	if !jitter {
		ra.Jitter, rs.Jitter = 0, 0
	}
	if seenA != seenS || tsA != tsS || ra != rs || okA != okS {
		t.Fatalf("alone %d %d %+v, shared %d %d %+v", seenA, tsA, ra, seenS, tsS, rs)
	}
}

// Random packets, most of them nearly right, give the same bytes either way.
func TestBothPathsWriteTheSameBytes(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for _, l := range []legs{over4, over6, overLo} {
		r := rand.New(rand.NewPCG(5, 6))
		p := newPair(t, tb, l)
		seq, forwarded := uint16(65534), 0
		for range 8000 {
			seq += uint16(r.IntN(3))
			b := rtp([]uint8{8, 8, 8, 0, 101, 18}[r.IntN(6)], seq, r.Uint32(), string(make([]byte, r.IntN(200))))
			for i := range b[12:] {
				b[12+i] = byte(r.Uint32())
			}
			b[1] |= byte(r.IntN(2)) << 7
			switch r.IntN(12) {
			case 0: // anything in the header
				b[r.IntN(12)] = byte(r.Uint32())
			case 1:
				b[0] ^= 1 << r.IntN(8)
			case 2:
				binary.BigEndian.PutUint16(b[2:], seq-uint16(r.IntN(200)))
			case 3:
				b = b[:r.IntN(len(b)+1)]
			}
			if p.feed(t, tb, l, b) {
				forwarded++
			}
			if p.take(); !p.shared.InStep(p.lent, p.seen.Carry) {
				// As the relay does: another source, or one that began anew, ends the entry.
				p.flow.Remove()
				p.take()
				p.same(t, false)
				p = newPair(t, tb, l)
				seq = 65534
			}
		}
		if forwarded < 2000 {
			t.Errorf("only %d packets by the kernel", forwarded)
		}
		p.same(t, false)
		p.flow.Remove()
	}
}

// Losses, duplicates, late packets and jitter are the same figures.
func TestReceptionGoesOnInTheKernel(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	r := rand.New(rand.NewPCG(7, 8))
	p := newPair(t, tb, over4)
	seq, ts := uint16(65534), uint32(800)
	for i := range 60000 {
		s := seq
		switch r.IntN(20) {
		case 0:
			seq += uint16(r.IntN(4))
		case 1:
			s -= uint16(r.IntN(40))
		case 2:
			seq--
		case 3:
			ts += uint32(r.IntN(400))
		}
		seq++
		ts += 160
		if !p.feed(t, tb, over4, rtp(8, s+1, ts, "sound")) {
			t.Fatalf("packet %d went up", i)
		}
		if i%500 == 0 {
			p.same(t, true)
		}
	}
	p.flow.Remove()
	p.same(t, true)
}
