package media

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

// comeAndGo has calls come and go, held and offered anew, while everyone speaks. on tells how many directions of a
// session are on the path that is tested.
func comeAndGo(t *testing.T, on func(Session) int) (kernel uint64) {
	t.Helper()
	// Few ports that rest for no time, so that they are used again at once. Every phone says where it is, so nobody
	// has to be waited for.
	r := newRelay(t, Options{Rest: time.Nanosecond, Window: time.Hour, Pools: []Pool{{Name: "one", Address: loopback, Min: 15000, Max: 15031}}})
	const calls, rounds = 6, 12
	var wait sync.WaitGroup
	var sum struct {
		sync.Mutex // protects the rest
		over       int
		kernel     uint64
	}
	// Whoever has ended a call holds it while it sends what is late. No call ends before what was late when it began
	// has come: it would be the next but one's, of whose phones nothing is known.
	var late sync.RWMutex
	for n := range calls {
		callers, b := make([]*phone, rounds), newPhone(t, "127.0.0.3")
		for round := range callers {
			callers[round] = newPhone(t, "127.0.0.2")
		}
		marker := listen(t, "127.0.0.2")
		wait.Go(func() {
			for round, a := range callers {
				s, err := r.Open(OpenSpec{PoolA: "one", PoolB: "one"})
				if err != nil {
					t.Error(err)
					return
				}
				s.SetRemote(A, a.remote())
				s.SetRemote(B, b.remote())
				s.Settle(A)
				s.Settle(B)
				mark := string(rune('A'+n)) + string(rune('a'+round))
				to := at(s.Local(A))
				b.speak(s)
				over := 0
				for i := range 60 {
					switch i {
					case 25:
						over += on(s)
						s.SetRemote(B, b.remote())
						s.Settle(B)
					case 40:
						over += on(s)
						h := b.remote()
						h.Recv = false
						s.SetRemote(B, h)
					case 50:
						s.SetRemote(B, b.remote())
						s.Settle(B)
					}
					if i%10 == 0 {
						b.speak(s)
					}
					_, _ = a.rtp.WriteToUDPAddrPort(a.frame(mark), to)
					time.Sleep(pace)
				}
				await(&late)
				late.RLock()
				st := s.Close()
				in := func() { // on, into the void or into the next call's port
					for range 10 {
						_, _ = a.rtp.WriteToUDPAddrPort(a.frame("late"), to)
					}
				}
				if err := inOrder(in, a, marker); err != nil {
					t.Error(err)
				}
				late.RUnlock()
				sum.Lock()
				sum.over += over
				sum.kernel += st.AtoB.Kernel
				sum.Unlock()
				count, bad := b.count(mark, int(st.AtoB.Packets))
				if bad != "" || uint64(count) != st.AtoB.Packets {
					t.Errorf("call %s: %d heard, %d relayed, %d by the kernel: %s", mark, count, st.AtoB.Packets, st.AtoB.Kernel, bad)
				}
				a.deaf()
			}
		})
	}
	wait.Wait()
	if sum.over < calls {
		t.Errorf("%d directions have gone over", sum.over)
	}
	return sum.kernel
}

// await waits for those who hold a lock.
func await(l sync.Locker) {
	l.Lock()
	defer l.Unlock()
}

// inOrder sends packets and waits until all of them have come to their sockets, which a busy machine may put off: what
// one processor sends over lo comes in its order, so what a phone sends last to a marker comes last.
func inOrder(send func(), p *phone, marker *net.UDPConn) error {
	// The thread is left tied to its processor, and ends with this goroutine.
	tied := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		var may, one unix.CPUSet
		if err := unix.SchedGetaffinity(0, &may); err != nil {
			tied <- err
			return
		}
		for cpu := range 64 * len(may) {
			if may.IsSet(cpu) {
				one.Set(cpu)
				break
			}
		}
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			tied <- err
			return
		}
		send()
		_, err := p.rtp.WriteToUDPAddrPort([]byte("all"), addrOf(marker))
		tied <- err
	}()
	if err := <-tied; err != nil {
		return err
	}
	b := make([]byte, 16)
	if err := marker.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, _, err := marker.ReadFromUDPAddrPort(b)
	return err
}

// speak sends a packet to side B of a session.
func (p *phone) speak(s Session) {
	_, _ = p.rtp.WriteToUDPAddrPort(p.frame("b"), at(s.Local(B)))
}

// count takes the packets of a call, and those that come after the last for a moment: how many there are, and what is
// wrong.
func (p *phone) count(mark string, want int) (n int, bad string) {
	var last rtp.Packet
	b := make([]byte, 2048)
	for {
		wait := patience // what was sent may still be on its way on a busy machine
		if n >= want {
			wait = 20 * time.Millisecond
		}
		_ = p.rtp.SetReadDeadline(time.Now().Add(wait))
		size, _, err := p.rtp.ReadFromUDPAddrPort(b)
		if err != nil {
			return n, bad
		}
		var got rtp.Packet
		switch err := got.Unmarshal(append([]byte(nil), b[:size]...)); {
		case err != nil:
			bad = err.Error()
		case string(got.Payload) != mark:
			bad = "heard " + string(got.Payload)
		case n > 0 && int16(got.SequenceNumber-last.SequenceNumber) <= 0:
			bad = fmt.Sprintf("packet %d, %d, came after %d", n, got.SequenceNumber, last.SequenceNumber)
		}
		last = got
		n++
	}
}

// deaf throws away what waits.
func (p *phone) deaf() {
	b := make([]byte, 2048)
	for {
		_ = p.rtp.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, _, err := p.rtp.ReadFromUDPAddrPort(b); err != nil {
			return
		}
	}
}
