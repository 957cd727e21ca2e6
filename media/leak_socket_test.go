package media

import (
	"flag"
	"os"
	"runtime"
	"testing"
	"time"
)

var socketCalls = flag.Int("calls", socketLeakCalls, "how many calls of TestCallsOverSocketsLeaveNothing")

// held is what a process holds while calls are open, and must have given back after them.
type held struct{ files, goroutines, entries, ports, ends int }

func holds(t *testing.T, r *Relay) held {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	h := held{files: len(files), goroutines: runtime.NumGoroutine()}
	if k := r.options.Kernel; k != nil {
		h.entries = k.Len()
	}
	for _, p := range r.Stats().Pools {
		h.ports += p.InUse
	}
	for _, sh := range r.shards {
		sh.mu.Lock()
		h.ends += len(sh.ends) - len(sh.unused) + sh.stats.Sockets + sh.stats.Offloaded + len(sh.keys) + sh.players()
		sh.mu.Unlock()
	}
	return h
}

// Calls over sockets, and in a process that may do that in the kernel's table, leave nothing behind: each has settled, was
// relayed on the quick path both ways, and some had a video, nobody on one side, a clip, a key, or a hold that took the path
// away. What is held afterwards is counted and not thought: open files, the kernel's entries, ports, goroutines, memory.
func TestCallsOverSocketsLeaveNothing(t *testing.T) {
	const live = 40
	pools := []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15599}}
	r := newRelay(t, Options{Pools: pools, Rest: time.Millisecond})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	drain(t, a, b)
	sound := clip("PCMA", 1, true)
	var open [live]Session
	var most held
	talk := func(s Session, packets int) {
		for range packets {
			send(t, a.rtp, a.frame("from a"), at(s.Local(A)))
			send(t, b.rtp, b.frame("from b"), at(s.Local(B)))
		}
	}
	begin := func(n int) {
		s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one", Video: n%8 == 1, Alone: n%8 == 2})
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
		s.SetRemote(A, a.remote())
		s.SetRemote(B, b.remote())
		s.Settle(A)
		s.Settle(B)
		open[n%live] = s
		if n%8 == 2 {
			if !s.Play(A, sound, nil) {
				t.Fatalf("call %d: not played", n)
			}
			return
		}
		talk(s, settledAfter+1)
	}
	end := func(n int) {
		s := open[n%live]
		if s == nil {
			return
		}
		if n%8 != 2 {
			// Counted in packets, not in time: a machine may stand still for longer than anybody would wait.
			for sent := 0; quick(s) < 2; sent++ {
				if sent == 20_000 {
					t.Fatalf("call %d has %d of its directions on the quick path: %+v", n, quick(s), s.Stats())
				}
				time.Sleep(time.Millisecond)
				talk(s, 1)
			}
		}
		switch n % 8 {
		case 3:
			s.Press(B, '5', time.Second)
		case 4:
			hold := a.remote()
			hold.Send, hold.Recv = false, false
			s.SetRemote(A, hold)
		case 5:
			s.Pause(true)
		}
		if n%live == 0 {
			now := holds(t, r)
			most = held{max(most.files, now.files), now.goroutines, max(most.entries, now.entries), max(most.ports, now.ports), max(most.ends, now.ends)}
		}
		s.Close()
		open[n%live] = nil
	}
	round := func(from, to int) {
		for n := from; n < to; n++ {
			end(n)
			begin(n)
			for _, ago := range [...]int{10, 20, 30} { // a direction leaves the usual way with a packet that comes once its socket was empty
				if before := open[(n+live-ago)%live]; before != nil && (n+live-ago)%8 != 2 {
					talk(before, 1)
				}
			}
		}
		for n := to - live; n < to; n++ {
			end(n)
		}
	}
	round(0, 10*live) // makes what is kept: the runtime's own files, places that are used again
	before, memory := holds(t, r), heap()
	if before.entries+before.ports+before.ends != 0 {
		t.Fatalf("before: %+v", before)
	}
	round(0, *socketCalls)
	after := holds(t, r)
	if after != before {
		t.Errorf("%+v is held after %d calls, before them it was %+v", after, *socketCalls, before)
	}
	if grown := int64(heap()) - int64(memory); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	// While they were open there was something to be forgotten.
	kernel := r.options.Kernel != nil
	if most.files < before.files+4*live || most.ports < 2*live || most.ends < 6*live || kernel != (most.entries > live/2) {
		t.Errorf("only %+v was held meanwhile", most)
	}
	st := r.Stats()
	if p := st.Pools[0]; st.Sessions != 0 || st.Failed != 0 || st.NoPorts != 0 || p.InUse != 0 || p.Free+p.Resting != 300 || kernel && p.BindErrors != 0 { // without it, other tests of the machine have ports, too
		t.Errorf("%+v", st)
	}
	t.Logf("%d calls, of %d packets %d by the kernel; at most %+v", *socketCalls, st.AtoB.Packets+st.BtoA.Packets, st.AtoB.Kernel+st.BtoA.Kernel, most)
}

// quick is how many directions of a session have left the usual way.
func quick(s Session) (n int) {
	x := s.(*session)
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	for _, l := range x.legs {
		if l.offload.away() {
			n++
		}
	}
	return n
}

// drain reads what phones are sent, so that nothing waits in their sockets, until the end of the test.
func drain(t *testing.T, phones ...*phone) {
	t.Helper()
	for _, p := range phones {
		go func() {
			var b [2048]byte
			for {
				if _, _, err := p.rtp.ReadFromUDPAddrPort(b[:]); err != nil {
					return
				}
			}
		}()
	}
}
