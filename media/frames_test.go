package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"mask700/media/mediatest"
)

// TestKernelAndUserSpaceSendTheSameFrames: what a phone is sent does not tell on which path it came. Of the frames of one
// call over each of them, from the link's header to the last byte of the sound, nothing differs but what counts on from
// frame to frame: sequence number, timestamp and IP identification. Every checksum is right.
func TestKernelAndUserSpaceSendTheSameFrames(t *testing.T) {
	if !alone(t) {
		return
	}
	a, b := newTeller(t, 1), newTeller(t, 2)
	a.peer, b.peer = b, a
	here, err := mediatest.Here()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	for party := range 2 {
		if err := (mediatest.End{In: here, Name: fmt.Sprintf("wire%d", party+1)}).Checksummed(); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []way{{name: "IPv4", kernel: true}, {name: "IPv6", six: [2]bool{both, both}, kernel: true}} {
		t.Run(w.name, func(t *testing.T) { w.compare(t, a, b) })
	}
}

// compare has a call go over each path in turn, and holds the frames of all against each other.
func (w way) compare(t *testing.T, a, b *teller) {
	r, call, s := w.join(t, a, b)
	defer r.Close()
	speak := func() {
		a.speak(a.next())
		b.speak(b.next())
	}
	x := s.(*session)
	hold := func() {
		x.shard.mu.Lock()
		defer x.shard.mu.Unlock()
		for _, l := range x.legs {
			l.offload.retry = x.now() + int64(time.Hour)
		}
	}
	const frames = 5
	var like [2][]byte // a frame to each phone without what counts on
	for _, path := range []struct {
		name  string
		begin func()
		on    func(Session) int
		took  uint64
	}{
		{"the usual way", func() { s.Record(&taped{}) }, nil, 0},
		{"side by side", func() { s.Record(nil); hold() }, riding, 0},
		{"the kernel", func() { s.Record(nil) }, active, frames},
	} {
		path.begin()
		for end := time.Now().Add(patience); ; gap() {
			speak() // with the first both sources are known
			if path.on == nil || path.on(s) == 2 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s has %d directions", path.name, path.on(s))
			}
		}
		speak()
		for _, p := range [2]*teller{a, b} {
			p.frames(t)
		}
		before := s.Stats()
		for range frames {
			speak()
		}
		st := s.Stats()
		if st.AtoB.Kernel-before.AtoB.Kernel != path.took || st.BtoA.Kernel-before.BtoA.Kernel != path.took {
			t.Errorf("%s: the kernel has relayed %d and %d", path.name, st.AtoB.Kernel-before.AtoB.Kernel, st.BtoA.Kernel-before.BtoA.Kernel)
		}
		for side, p := range [2]*teller{a, b} {
			var was counting
			n := 0
			for _, f := range p.frames(t) {
				if f.source != p.to.Port {
					continue // a report
				}
				rest, now := p.strip(t, f)
				if n > 0 && now != was.next(p.at.Is4()) {
					t.Errorf("%s, to %s: %+v after %+v", path.name, Side(side), now, was)
				}
				was = now
				if n++; like[side] == nil {
					like[side] = rest
				}
				if !bytes.Equal(rest, like[side]) {
					t.Errorf("%s, to %s: % x, and before % x", path.name, Side(side), rest, like[side])
				}
			}
			if n != frames {
				t.Errorf("%s: %d frames to %s", path.name, n, Side(side))
			}
		}
	}
	call.Close()
}

// counting is what goes on from one frame of a stream to the next.
type counting struct {
	id, seq   uint16
	timestamp uint32
}

func (c counting) next(v4 bool) counting {
	if v4 {
		c.id++
	}
	return counting{c.id, c.seq + 1, c.timestamp + 160}
}

// strip takes out of a frame what counts on, and the checksums, which it has checked.
func (p *teller) strip(t *testing.T, f arrived) (rest []byte, c counting) {
	t.Helper()
	rest = bytes.Clone(f.frame)
	ip := rest[14:]
	from, to, udp := ip[8:24], ip[24:40], ip[40:]
	if p.at.Is4() {
		from, to, udp = ip[12:16], ip[16:20], ip[20:]
		if sumOf(ip[:20]) != 0xffff {
			t.Errorf("a wrong checksum of the IP header: % x", f.frame)
		}
		c.id = binary.BigEndian.Uint16(ip[4:])
		clear(ip[4:6])
		clear(ip[10:12])
	}
	if sumOfUDP(from, to, udp) != 0xffff || binary.BigEndian.Uint16(udp[6:]) == 0 {
		t.Errorf("a wrong checksum of UDP, or none: % x", f.frame)
	}
	clear(udp[6:8])
	c.seq, c.timestamp = binary.BigEndian.Uint16(udp[10:]), binary.BigEndian.Uint32(udp[12:])
	clear(udp[10:16])
	return rest, c
}
