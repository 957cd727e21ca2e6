package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mask700/media/rebase"
)

func TestAPacketIsRewritten(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for name, l := range map[string]legs{"IPv4": over4, "IPv6": over6, "lo": overLo} {
		t.Log(name)
		s := begin(t, Monotonic())
		f := put(t, tb, l, s)
		start(t, tb, l, s, f, 65535)
		b := rtp(8, 0, 160*6, "sound")
		in := l.frame(b).bytes()
		verdict, out := run(t, tb, in)
		want := uint32(redirect)
		if l == overLo {
			want = pass
		}
		if verdict != want {
			t.Errorf("verdict %d, want %d", verdict, want)
		}
		s.Read(b, 0, table(8))
		expect := frame{from: l.from, to: l.to, id: 65535, ttl: 64, tos: 0xb8, flow: 0xb8<<20 | 0xabcde, payload: s.Write(b)}.bytes()
		if l.local.Addr().Is4() {
			expect[ethernet+10], expect[ethernet+11] = out[ethernet+10], out[ethernet+11]
		}
		if !bytes.Equal(out, expect) {
			t.Errorf("\n% x, want\n% x", out, expect)
		}
		if !sound(out) {
			t.Error("a wrong checksum")
		}
		c := f.Read()
		if c.Packets != 2 || c.Octets != 10 || c.Foreign != 0 || c.Failed != 0 {
			t.Errorf("%+v", c)
		}
	}
}

// ready is an active flow of some legs and the stream that it continues.
func ready(t *testing.T, tb *Table, l legs) (*Flow, *rebase.Stream) {
	t.Helper()
	s := begin(t, Monotonic())
	f := put(t, tb, l, s)
	start(t, tb, l, s, f, 65535)
	return f, s
}

// withSum sets a frame's IPv4 header checksum after a change.
func withSum(b []byte) []byte {
	h := b[ethernet : ethernet+int(b[ethernet]&0xf)*4]
	h[10], h[11] = 0, 0
	binary.BigEndian.PutUint16(h[10:], ^fold(sum16(h)))
	return b
}

func TestWhatIsNotFullyKnownGoesUpUnharmed(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	voice := rtp(8, 1, 1000, "voice")
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(voice)) }
	payloads := map[string][]byte{
		"telephone-event":        rtp(101, 1, 1000, "\x05\x0a\x00\xa0"),
		"unknown payload type":   rtp(18, 1, 1000, "voice"),
		"RTCP SR":                append([]byte{0x80, 200}, voice[2:]...),
		"RTCP RR":                append([]byte{0x80, 201}, voice[2:]...),
		"RTCP SDES":              append([]byte{0x80, 202}, voice[2:]...),
		"RTCP BYE":               append([]byte{0x80, 203}, voice[2:]...),
		"RTCP XR":                append([]byte{0x80, 207}, voice[2:]...),
		"first and last of RTCP": append([]byte{0x80, 192}, voice[2:]...),
		"STUN":                   append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
		"DTLS":                   append([]byte{22, 254, 253}, make([]byte, 40)...),
		"version 1":              change(func(b []byte) []byte { b[0] = 0x40; return b }),
		"version 3":              change(func(b []byte) []byte { b[0] = 0xc0; return b }),
		"another SSRC":           change(func(b []byte) []byte { b[11]++; return b }),
		"contributors":           change(func(b []byte) []byte { b[0] |= 1; return append(b, 0, 0, 0, 1) }),
		"extension":              change(func(b []byte) []byte { b[0] |= 0x10; return b }),
		"padding":                change(func(b []byte) []byte { b[0] |= 0x20; return append(b, 1) }),
		"a far jump":             rtp(8, 4000, 1000, "voice"),
		"a far step back":        rtp(8, 65000, 1000, "voice"),
		"short":                  voice[:11],
		"empty":                  {},
		"too long for the way":   rtp(8, 1, 1000, string(make([]byte, 1500))),
	}
	for name, l := range map[string]legs{"IPv4": over4, "IPv6": over6, "lo": overLo} {
		f, _ := ready(t, tb, l)
		before := f.Read()
		up := func(what string, in []byte) {
			t.Helper()
			verdict, out := run(t, tb, in)
			if verdict != next || !bytes.Equal(in, out) {
				t.Errorf("%s, %s: verdict %d, unharmed %t", name, what, verdict, bytes.Equal(in, out))
			}
		}
		for what, p := range payloads {
			if what != "too long for the way" || l != overLo { // lo takes any
				up(what, l.frame(p).bytes())
			}
		}
		good := l.frame(voice)
		mod := func(f func(b []byte) []byte) []byte { return f(good.bytes()) }
		up("bytes behind the packet", mod(func(b []byte) []byte { return append(b, 0, 0, 0, 0) }))
		up("cut", mod(func(b []byte) []byte { return b[:len(b)-1] }))
		head := ipv6
		if l.local.Addr().Is4() {
			head = ipv4
			up("fragment", mod(func(b []byte) []byte { b[ethernet+6] = 0x20; return withSum(b) }))
			up("the reserved flag", mod(func(b []byte) []byte { b[ethernet+6] = 0x80; return withSum(b) }))
			up("another version", mod(func(b []byte) []byte { b[ethernet] = 0x55; return b }))
			up("a longer IP length", mod(func(b []byte) []byte { b[ethernet+3]++; return withSum(b) }))
			up("a shorter IP length", mod(func(b []byte) []byte { b[ethernet+3]--; return withSum(b) }))
			up("shorter lengths, both", mod(func(b []byte) []byte { b[ethernet+3]--; b[ethernet+ipv4+5]--; return withSum(b) }))
			up("later fragment", mod(func(b []byte) []byte { b[ethernet+7] = 1; return withSum(b) }))
			up("TCP", mod(func(b []byte) []byte { b[ethernet+9] = 6; return withSum(b) }))
			up("IP options", mod(func(b []byte) []byte {
				b = append(b[:ethernet+ipv4], append([]byte{1, 1, 1, 0}, b[ethernet+ipv4:]...)...)
				b[ethernet], b[ethernet+3] = 0x46, b[ethernet+3]+4
				return withSum(b)
			}))
		} else {
			// Hop-by-hop, routing, fragment, ESP, authentication, none, destination, mobility,
			// HIP, Shim6: whole and empty, and only named.
			for _, kind := range []byte{0, 43, 44, 50, 51, 59, 60, 135, 139, 140} {
				up(fmt.Sprintf("extension header %d", kind), mod(func(b []byte) []byte {
					b = append(b[:ethernet+ipv6], append([]byte{17, 0, 1, 4, 0, 0, 0, 0}, b[ethernet+ipv6:]...)...)
					b[ethernet+6], b[ethernet+5] = kind, b[ethernet+5]+8
					return b
				}))
				up(fmt.Sprintf("extension header %d without any", kind), mod(func(b []byte) []byte { b[ethernet+6] = kind; return b }))
			}
			up("another version", mod(func(b []byte) []byte { b[ethernet] = 0x40 | b[ethernet]&0xf; return b }))
			up("a longer IP length", mod(func(b []byte) []byte { b[ethernet+5]++; return b }))
			up("a shorter IP length", mod(func(b []byte) []byte { b[ethernet+5]--; return b }))
			up("shorter lengths, both", mod(func(b []byte) []byte { b[ethernet+5]--; b[ethernet+ipv6+5]--; return b }))
		}
		up("no checksum", mod(func(b []byte) []byte { b[ethernet+head+6], b[ethernet+head+7] = 0, 0; return b }))
		up("UDP length", mod(func(b []byte) []byte { b[ethernet+head+5]--; return b }))
		up("a longer UDP length", mod(func(b []byte) []byte { b[ethernet+head+5]++; return b }))
		up("no UDP length", mod(func(b []byte) []byte { b[ethernet+head+4], b[ethernet+head+5] = 0, 0; return b }))
		up("a tag in the frame", mod(func(b []byte) []byte { return append(b[:12:12], append([]byte{0x81, 0, 0, 7}, b[12:]...)...) }))
		up("another port", mod(func(b []byte) []byte { b[ethernet+head+3]++; return b }))
		up("ARP", mod(func(b []byte) []byte { b[12], b[13] = 8, 6; return b }))
		up("another station's", mod(func(b []byte) []byte { b[0] = 2; return b }))
		if after := f.Read(); after != before {
			t.Errorf("%s: counted: %+v, before %+v", name, after, before)
		}
		// And after all that a good one still goes.
		if verdict, _ := run(t, tb, good.bytes()); verdict == next || f.Read().Packets != 2 {
			t.Errorf("%s: afterwards: verdict %d", name, verdict)
		}
		f.Remove()
	}
}

func TestAnotherSourceIsDroppedAndCounted(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for _, l := range []legs{over4, over6, overLo} {
		f, _ := ready(t, tb, l)
		stranger := l
		stranger.source = netip.AddrPortFrom(l.source.Addr(), l.source.Port()+1)
		neighbour := l
		neighbour.source = netip.AddrPortFrom(l.source.Addr().Next(), l.source.Port())
		for _, s := range []legs{stranger, neighbour} {
			if verdict, _ := run(t, tb, s.frame(rtp(8, 0, 960, "sound")).bytes()); verdict != drop {
				t.Errorf("verdict %d", verdict)
			}
		}
		if c := f.Read(); c.Foreign != 2 || c.Packets != 1 {
			t.Errorf("%+v", c)
		}
	}
}

func TestAWrongChecksumStaysWrong(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for _, l := range []legs{over4, over6} {
		ready(t, tb, l)
		in := l.frame(rtp(8, 0, 960, "sound")).bytes()
		in[len(in)-1] ^= 1
		verdict, out := run(t, tb, in)
		if verdict != redirect || sound(out) {
			t.Errorf("verdict %d, sound %t", verdict, sound(out))
		}
	}
}

func TestNothingIsTakenAfterRemove(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{Entries: 1})
	f, s := ready(t, tb, over4)
	if got := tb.Len(); got != 1 {
		t.Errorf("%d entries", got)
	}
	offsets, _, _ := s.Lend()
	other := Entry{Local: over6.local, Source: over6.source, From: over6.from, To: over6.to, Offsets: offsets}
	if _, err := known(tb, other); !errors.Is(err, ErrFull) {
		t.Errorf("a second one: %v", err)
	}
	c := f.Remove()
	in := over4.frame(rtp(8, 0, 960, "sound")).bytes()
	if verdict, out := run(t, tb, in); verdict != next || !bytes.Equal(in, out) {
		t.Errorf("verdict %d", verdict)
	}
	if again := f.Remove(); again != c || f.Read() != c || f.Active() || c.Packets != 1 {
		t.Errorf("%+v, then %+v", c, again)
	}
	if got := tb.Len(); got != 0 {
		t.Errorf("%d entries", got)
	}
	// The slot comes back when no program can see it any more, and knows nothing of
	// its former life.
	var g *Flow
	for g == nil {
		var err error
		if g, err = known(tb, Entry{Local: over4.local, Source: over4.source, From: over4.from, To: over4.to, Offsets: offsets, Types: types()}); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	if g.Active() || g.Read().Packets != 0 || g.index != f.index || g.slot.Live == 0 {
		t.Errorf("%+v", g.Read())
	}
	// The old handle does nothing to the new entry.
	f.Remove()
	f.Confirm(0, c.Carry)
	if tb.Len() != 1 || g.slot.Live == 0 || g.slot.Confirmed == 0 {
		t.Error("an old handle reached the new entry")
	}
	// A cell that is left, as a program may have read it, leads to nothing.
	g.Confirm(0, c.Carry)
	cell := *g.cell
	g.Remove()
	*g.cell = cell
	gap()
	if verdict, _ := run(t, tb, in); verdict != next || g.slot.Active != 0 {
		t.Errorf("an ended slot: verdict %d", verdict)
	}
}

// A flow begins only when nothing can be overtaken.
func TestAFlowBeginsInAGap(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	s := begin(t, Monotonic())
	f := put(t, tb, over4, s)
	_, carry, _ := s.Lend()
	in := over4.frame(rtp(8, 65535, 800, "sound")).bytes()
	up := func(why string) {
		t.Helper()
		if verdict, _ := run(t, tb, in); verdict != next || f.Active() {
			t.Errorf("%s: verdict %d, active %t", why, verdict, f.Active())
		}
	}
	gap()
	up("nothing confirmed")
	if f.Passed() != 1 {
		t.Errorf("%d passed", f.Passed())
	}
	f.Confirm(1, carry)
	up("confirmed, but no gap")
	gap()
	up("one more passed than confirmed")
	f.Confirm(f.Passed(), carry)
	gap()
	event := over4.frame(rtp(101, 65535, 800, "sound")).bytes()
	if verdict, _ := run(t, tb, event); verdict != next || f.Active() {
		t.Error("an event began it")
	}
	f.Confirm(f.Passed(), carry)
	gap()
	if verdict, _ := run(t, tb, in); verdict != redirect || !f.Active() {
		t.Errorf("verdict %d, active %t", verdict, f.Active())
	}
}

func TestEntriesEndWithTheLease(t *testing.T) {
	space(t)
	wire(t)
	usual := open(t, Options{})
	if left := time.Duration(int64(*usual.lease) - Monotonic()); left > usualLease || left < usualLease/2 {
		t.Errorf("it outlives the process by %v", left)
	}
	if err := usual.Close(); err != nil {
		t.Error(err)
	}
	tb := open(t, Options{Lease: 24 * time.Hour})
	ready(t, tb, over4)
	in := over4.frame(rtp(8, 0, 960, "sound")).bytes()
	if verdict, _ := run(t, tb, in); verdict != redirect {
		t.Errorf("verdict %d", verdict)
	}
	*tb.lease = uint64(Monotonic()) - 1
	if verdict, _ := run(t, tb, in); verdict != next {
		t.Errorf("verdict %d", verdict)
	}
}

// TestAnHeirGoesUp: of other sources one may be the socket's to judge, and it alone.
func TestAnHeirGoesUp(t *testing.T) {
	space(t)
	wire(t)
	tb := open(t, Options{})
	for name, l := range map[string]legs{"IPv4": over4, "IPv6": over6, "lo": overLo} {
		heir := netip.AddrPortFrom(l.source.Addr(), l.source.Port()+10)
		s := begin(t, Monotonic())
		offsets, _, _ := s.Lend()
		f, err := known(tb, Entry{Local: l.local, Source: l.source, From: l.from, To: l.to, Heir: heir, Offsets: offsets, Types: types()})
		if err != nil {
			t.Fatal(err)
		}
		start(t, tb, l, s, f, 65535)
		b := rtp(8, 0, 960, "sound")
		for from, want := range map[netip.AddrPort]uint32{
			heir: next,
			netip.AddrPortFrom(l.source.Addr(), heir.Port()+1):             drop,
			netip.AddrPortFrom(l.source.Addr(), 0):                         drop,
			netip.AddrPortFrom(l.source.Addr().Next().Next(), heir.Port()): drop,
		} {
			in := l.frame(b)
			in.from = from
			if verdict, out := run(t, tb, in.bytes()); verdict != want || !bytes.Equal(out, in.bytes()) {
				t.Errorf("%s: from %s: verdict %d, want %d", name, from, verdict, want)
			}
		}
		if verdict, _ := run(t, tb, l.frame(b).bytes()); verdict == next || verdict == drop {
			t.Errorf("%s: from its source: verdict %d", name, verdict)
		}
		if c := f.Read(); c.Packets != 2 || c.Foreign != 3 {
			t.Errorf("%s: %+v", name, c)
		}
		f.Remove()
	}
}
