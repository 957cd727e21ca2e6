package media

import (
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"mask700/media/socket"
)

// noNetwork opens sockets that are none.
func noNetwork() edge {
	return edge{
		listen: func(netip.AddrPort, uint8) (socket.UDP, error) { return socket.None, nil },
		watch:  func(*socket.Poll, socket.UDP, uint64) error { return nil },

		disconnect: func(socket.UDP) error { return nil },
	}
}

// A million calls leave nothing behind: no port, no socket's place, no session, no
// clip, and no memory.
func TestAMillionCallsLeaveNothing(t *testing.T) {
	const (
		calls = leakCalls
		pairs = 500
		live  = 100
	)
	var ms atomic.Int64
	now := func() time.Time { return epoch.Add(time.Duration(ms.Add(1)) * time.Millisecond) }
	r, err := newRelayOver(Options{
		Pools:  []Pool{{Name: "one", Address: loopback, Min: 20000, Max: 20000 + 2*pairs - 1}},
		Shards: 2, Rest: 20 * time.Millisecond, Clock: Clock{Now: now},
	}, noNetwork())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	remote := Remote{RTP: netip.MustParseAddrPort("127.0.0.2:4000"), Signal: loopback, Send: true, Recv: true,
		Types: []PayloadType{{PT: 8, Clock: 8000, Name: "PCMA", Map: 8}}}
	sound, ended := clip("PCMA", 1, true), 0
	var open [live]Session
	var memory uint64
	for n := range calls {
		if n == calls/10 {
			memory = heap()
		}
		at := n % live
		if open[at] != nil {
			open[at].Close()
		}
		s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"})
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		open[at] = s
		if n%16 == 0 {
			s.SetRemote(A, remote)
			s.SetRemote(B, remote)
			s.Settle(A)
			s.Settle(B)
			if !s.Play(B, sound, func(bool) { ended++ }) {
				t.Fatal("not played")
			}
		}
	}
	if grown := int64(heap()) - int64(memory); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for _, s := range open {
		s.Close()
	}
	if ended != calls/16 {
		t.Errorf("%d of %d clips ended", ended, calls/16)
	}
	st := r.Stats()
	if st.Opened != calls || st.Sessions != 0 || st.NoPorts != 0 {
		t.Errorf("%+v", st)
	}
	if p := st.Pools[0]; p.InUse != 0 || p.Free+p.Resting != pairs {
		t.Errorf("%+v", p)
	}
	for i, sh := range r.shards {
		if f := st.Shards[i]; f.Sessions != 0 || f.Sockets != 0 || f.Playing != 0 || r.state.load[i] != 0 {
			t.Errorf("shard %d: %+v, load %d", i, f, r.state.load[i])
		}
		if len(sh.unused) != len(sh.ends) || len(sh.ends) > 2*live*3 {
			t.Errorf("shard %d: %d of %d places are free", i, len(sh.unused), len(sh.ends))
		}
		for j := range sh.slots {
			if len(sh.slots[j].sessions) != 0 {
				t.Errorf("shard %d keeps sessions", i)
			}
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
