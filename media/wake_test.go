package media

import (
	"encoding/binary"
	"testing"
	"time"
)

// What the relay's thread does for a packet, from its wait for the socket to what it sends, allocates nothing, on each way
// that user space has: the allocations of the whole process are counted.
func TestLanesAndTheUsualWayAllocateNothing(t *testing.T) {
	for name, on := range map[string]func(Session) int{"the usual way": nil, "side by side": riding} {
		r := inUserSpace(t, Options{Shards: 1})
		a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
		s := talk(t, r, a, b)
		if on == nil {
			s.Record(unheard{})
			converse(t, s, a, b)
		} else {
			overTo(t, s, a, b, on)
		}
		in, out, to := a.frame("voice"), make([]byte, 64), at(s.Local(A))
		if err := b.rtp.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		const packets = 200
		before := s.Stats().AtoB.Packets
		n := testing.AllocsPerRun(packets, func() {
			binary.BigEndian.PutUint16(in[2:], binary.BigEndian.Uint16(in[2:])+1)
			if _, err := a.rtp.WriteToUDPAddrPort(in, to); err != nil {
				t.Fatal(err)
			}
			if _, _, err := b.rtp.ReadFromUDPAddrPort(out); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if got := s.Stats().AtoB.Packets - before; got != packets+1 || riding(s) != 2 && on != nil || riding(s) != 0 && on == nil {
			t.Errorf("%s: %d packets, %d lanes", name, got, riding(s))
		}
		r.Close()
	}
}

// unheard is a tap that keeps nothing.
type unheard struct{}

func (unheard) Voice(Side, string, uint16, uint32, time.Duration, []byte) {}

// The relay's thread takes its lock once a wake: one of them serves as many sockets as a batch has, and not one packet.
func TestLanesAndTheUsualWayAreServedManyAtOneWake(t *testing.T) {
	r := inUserSpace(t, Options{Shards: 1, Timeout: -1})
	a, all := newPhone(t, "127.0.0.2"), make([]Session, 2*batch) // of which it may have been told of some already
	for i := range all {
		s, err := r.Open(OpenSpec{PoolA: "one", Alone: true})
		if err != nil {
			t.Fatal(err)
		}
		s.SetRemote(A, a.remote())
		all[i] = s
	}
	sh := r.shards[0]
	sh.mu.Lock()
	if sh.stats.Packets != 0 {
		t.Errorf("%d packets, and nobody has spoken", sh.stats.Packets)
	}
	for _, s := range all {
		send(t, a.rtp, a.frame("voice"), at(s.Local(A)))
	}
	sh.mu.Unlock()
	eventually(t, "all are read", func() bool { return r.Stats().Shards[0].Packets == uint64(len(all)) })
	if n := r.Stats().Shards[0].Deepest; n != batch {
		t.Errorf("at most %d sockets at one wake", n)
	}
}
