package media

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"mask700/media/kernel"
	"mask700/media/rebase"
)

// A lane makes of any packet what the usual way makes of it, and counts it as that does; or it leaves the packet alone.
func TestLaneIsAsTheUsualWay(t *testing.T) {
	const runs, packets = 200, 400
	payloads := newPayloads([]PayloadType{
		{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}, {PT: 0, Clock: 8000, Name: "PCMU", Map: 100},
		{PT: 101, Clock: 8000, Name: "telephone-event", Map: 96}, {PT: 9, Clock: 16000, Name: "opus", Map: 9},
	}, false)
	rode, left := 0, 0
	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 7))
		source := random.Uint32()
		first := rebase.Initial{SSRC: random.Uint32(), Seq: uint16(random.Uint32()), Timestamp: random.Uint32()}
		usual, behind := rebase.New(first), rebase.New(first)
		seq, ts, now := uint16(random.Uint32()), random.Uint32(), random.Int64N(1<<40)
		next := func() []byte {
			b := make([]byte, rtpHeader+random.IntN(40))
			b[0] = 2 << 6
			b[1] = []byte{8, 8, 8, 8, 8, 8, 0, 0x88, 101, 9, 33}[random.IntN(11)]
			seq++
			ts += 160
			now += 15_000_000 + random.Int64N(10_000_000)
			at, stamp, from := seq, ts, source
			switch random.IntN(40) {
			case 0:
				seq += uint16(random.IntN(5000))
			case 1:
				at -= uint16(random.IntN(200))
			case 2:
				stamp += random.Uint32()
			case 3:
				from++
			case 4:
				b[0] |= 0x20
				b[len(b)-1] = byte(random.IntN(30))
			case 5:
				b[0] |= 0x10
			case 6:
				b[0] |= byte(random.IntN(16))
			case 7:
				b[0] = byte(random.Uint32())
			case 8:
				ts -= 160
			}
			b[2], b[3] = byte(at>>8), byte(at)
			b[4], b[5], b[6], b[7] = byte(stamp>>24), byte(stamp>>16), byte(stamp>>8), byte(stamp)
			b[8], b[9], b[10], b[11] = byte(from>>24), byte(from>>16), byte(from>>8), byte(from)
			return b
		}
		through := func(s *rebase.Stream, b []byte) []byte {
			if s.Read(b, now, &payloads.table) != rebase.OK {
				return nil
			}
			return s.Write(b)
		}
		var l *lane
		var seen kernel.Counters
		for range packets {
			b := next()
			c := bytes.Clone(b)
			want := through(usual, b)
			var got []byte
			switch before := bytes.Clone(c); {
			case l != nil && l.rewrite(c, now):
				l.count.Packets++
				l.count.Octets += uint64(len(c) - rtpHeader)
				got = c
				rode++
			case !bytes.Equal(c, before):
				t.Fatalf("run %d: a packet that it did not take was changed", seed)
			default: // as meet, voice and advance do it
				if l != nil {
					behind.TakeBack(seen.Carry, l.count.Carry)
					seen = l.count
				}
				got = through(behind, c)
				left++
				lent, carry, ok := behind.Lend()
				switch {
				case l != nil && (!ok || lent != l.lent):
					l = nil
				case l != nil:
					l.resume(carry)
					seen = l.count
				case ok && random.IntN(3) == 0:
					types := payloads.offloaded(lent.Clock)
					l = &lane{types: &types, lent: lent, count: kernel.Counters{Carry: carry}}
					seen = l.count
				}
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("run %d: %x, the usual way makes %x", seed, got, want)
			}
		}
		if l != nil {
			behind.TakeBack(seen.Carry, l.count.Carry)
		}
		a, b := &usual.Received, &behind.Received
		if a.Packets() != b.Packets() || a.Lost() != b.Lost() || usual.Packets != behind.Packets || usual.Octets != behind.Octets {
			t.Errorf("run %d: received %d and %d, lost %d and %d, written %d and %d, octets %d and %d", seed, a.Packets(), b.Packets(),
				a.Lost(), b.Lost(), usual.Packets, behind.Packets, usual.Octets, behind.Octets)
		}
		if a.Jitter() != b.Jitter() {
			t.Errorf("run %d: jitter %v and %v", seed, a.Jitter(), b.Jitter())
		}
	}
	if rode < runs*packets/3 || left < runs*packets/10 {
		t.Errorf("%d packets took the lane, %d did not", rode, left)
	}
}
