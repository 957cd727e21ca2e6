package kernel

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"

	"mask700/media/rebase"
)

// party is a direction that differs from others in everything: port, source,
// destination and identifiers.
func party(n uint16) Entry {
	types := types()
	return Entry{
		Local:  netip.AddrPortFrom(over4.local.Addr(), 20000+4*n),
		Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), 4000+n),
		From:   netip.AddrPortFrom(over4.from.Addr(), 20002+4*n),
		To:     netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(n)}), 6000+n),
		Types:  types, TTL: 64,
		Offsets: rebase.Offsets{SSRCIn: sourceSSRC, SSRCOut: ourSSRC + uint32(n), Seq: n, Timestamp: uint32(n), Clock: 8000},
	}
}

func (e *Entry) legs() legs { return legs{e.Local, e.Source, e.From, e.To} }

// begun puts an entry that forwards from its first packet on.
func begun(t *testing.T, tb *Table, e Entry) *Flow {
	t.Helper()
	f, err := known(tb, e)
	for errors.Is(err, ErrFull) {
		f, err = known(tb, e)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.slot.Highest = 1<<16 - 1
	atomic.StoreUint32(&f.slot.Active, 1)
	return f
}

// written is what a packet of an entry becomes.
func (e *Entry) written(seq uint16, ts uint32) []byte {
	b := rtp(9, seq+e.Offsets.Seq, ts+e.Offsets.Timestamp, "sound")
	b[8], b[9], b[10], b[11] = byte(e.Offsets.SSRCOut>>24), byte(e.Offsets.SSRCOut>>16), byte(e.Offsets.SSRCOut>>8), byte(e.Offsets.SSRCOut)
	return b
}

// delivered says whether a frame goes to the other side of an entry, all of it as
// that entry has it.
func (e *Entry) delivered(frame []byte, seq uint16, ts uint32) bool {
	to, from := e.To.Addr().As4(), e.From.Addr().As4()
	h := frame[ethernet:]
	udp := h[ipv4:]
	return sound(frame) && bytes.Equal(h[12:16], from[:]) && bytes.Equal(h[16:20], to[:]) &&
		udp[0] == byte(e.From.Port()>>8) && udp[1] == byte(e.From.Port()) && udp[2] == byte(e.To.Port()>>8) && udp[3] == byte(e.To.Port()) &&
		bytes.Equal(udp[udpSize:], e.written(seq, ts))
}

// The next call has the port of the last one, and perhaps its slot: whoever goes on
// sending to it reaches nobody.
func TestAPortOfTheNextCall(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{Entries: 1})
	last := party(1)
	late := last.legs().frame(rtp(8, 0, 960, "sound")).bytes()
	f := begun(t, tb, last)
	if verdict, out := run(t, tb, late); verdict != redirect || !last.delivered(out, 0, 960) {
		t.Fatalf("verdict %d", verdict)
	}
	for n := range uint16(20) {
		f.Remove()
		e := party(2 + n)
		e.Local = last.Local
		f = begun(t, tb, e)
		if verdict, out := run(t, tb, late); verdict != drop || !bytes.Equal(out, late) || f.Read().Foreign != 1 {
			t.Errorf("the last call's packet: verdict %d, %+v", verdict, f.Read())
		}
		if verdict, out := run(t, tb, e.legs().frame(rtp(8, 0, 960, "sound")).bytes()); verdict != redirect || !e.delivered(out, 0, 960) {
			t.Errorf("the next call's packet: verdict %d, % x", verdict, out)
		}
	}
	f.Remove()
}

// A program is at work on another processor all the time while the slot of its
// direction changes hands, for a call that goes on with another phone each time:
// each packet reaches one phone, as a whole, or the socket, and none reaches a phone
// after its entry was removed.
func TestSlotsChangeHandsUnderAProgram(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{Entries: 32})
	const parties, turns = 7, 500
	var ends [parties]Entry // alike in all that a packet is found by
	for n := range ends {
		ends[n] = party(uint16(1 + n))
		ends[n].Local, ends[n].Source = ends[0].Local, ends[0].Source
	}
	var turn atomic.Int64 // twice the entries put, one more while there is one
	var done atomic.Bool
	type figures struct{ delivered, up, wrong, late int }
	counted := make(chan figures)
	go func() {
		var c figures
		defer func() { counted <- c }()
		in := ends[0].legs().frame(rtp(8, 0, 960, "sound")).bytes()
		for !done.Load() {
			before := turn.Load()
			verdict, out := run(t, tb, in)
			after := turn.Load()
			if verdict == next && bytes.Equal(in, out) {
				c.up++
				continue
			}
			got := -1
			for n := range ends {
				if verdict == redirect && ends[n].delivered(out, 0, 960) {
					got = n
				}
			}
			switch {
			case got < 0:
				c.wrong++
			case after-before < 2*(parties-1) && !between(before, after, got, parties):
				c.late++
			default:
				c.delivered++
			}
		}
	}()
	random := rand.New(rand.NewPCG(9, 10))
	for i := range turns {
		turn.Add(1)
		f := begun(t, tb, ends[i%parties])
		for f.Read().Packets == 0 {
			runtime.Gosched()
		}
		for until := Monotonic() + random.Int64N(10_000); Monotonic() < until; { // any moment of the next packet
		}
		f.Remove()
		turn.Add(1)
	}
	done.Store(true)
	if c := <-counted; c.wrong+c.late != 0 || c.up == 0 || c.delivered < turns {
		t.Errorf("%+v", c)
	}
}

// between says whether the entry of some phone was there at any time between two
// readings of the turn.
func between(before, after int64, phone, phones int) bool {
	for at := before; at <= after; at++ {
		if at%2 == 1 && int(at/2)%phones == phone {
			return true
		}
	}
	return false
}

// Two addresses of ours may have the same tag in the cells of a port.
func TestAnAddressWithTheSameTag(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	e := party(1)
	begun(t, tb, e)
	other := e.Local.Addr().Next()
	for tag(words(other)) != tag(words(e.Local.Addr())) {
		other = other.Next()
	}
	ip(t, "addr add "+other.String()+"/32 dev wire")
	l := e.legs()
	l.local = netip.AddrPortFrom(other, e.Local.Port())
	in := l.frame(rtp(8, 0, 960, "sound")).bytes()
	if verdict, out := run(t, tb, in); verdict != next || !bytes.Equal(in, out) {
		t.Errorf("to %v: verdict %d", other, verdict)
	}
	// It has no room beside the first, and takes nothing from it.
	second := e
	second.Local = l.local
	if _, err := known(tb, second); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if verdict, out := run(t, tb, e.legs().frame(rtp(8, 0, 960, "sound")).bytes()); verdict != redirect || !e.delivered(out, 0, 960) {
		t.Errorf("verdict %d", verdict)
	}
}
