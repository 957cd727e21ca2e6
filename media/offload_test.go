package media

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"mask700/media/kernel"
	"mask700/media/tone"
)

// inKernel names the environment of a test process that has a network of its own,
// and whose relays use the kernel's path.
const inKernel = "MASK700_TEST_KERNEL"

// apart runs tests once more in such a process. It is true in that process.
func apart(t *testing.T, arguments ...string) bool {
	t.Helper()
	if os.Getenv(inKernel) != "" {
		return true
	}
	child := exec.Command(os.Args[0], arguments...)
	child.Env = append(os.Environ(), inKernel+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("in a network of its own (for which a test must be root's): %v\n%s", err, out)
	}
	return false
}

// kernelOf is the kernel's path for a relay of a test, where it is to have one.
func kernelOf(t *testing.T) *kernel.Table {
	t.Helper()
	if os.Getenv(inKernel) == "" {
		return nil
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	k, err := kernel.Open(kernel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// What holds for user space holds for both paths.
func TestEverythingElseWithTheKernel(t *testing.T) {
	if os.Getenv(inKernel) != "" {
		return
	}
	apart(t, "-test.skip", "^(TestKernel|TestLanes|TestALane|TestAPacketAllocatesNothing|TestAPortOfSomeoneElse|TestWildcard)")
}

func alone(t *testing.T) bool {
	t.Helper()
	return apart(t, "-test.run", "^"+t.Name()+"$", "-test.v")
}

// active is how many directions the kernel relays by now.
func active(s Session) (n int) {
	x := s.(*session)
	x.shard.mu.Lock()
	defer x.shard.mu.Unlock()
	for _, l := range x.legs {
		if l.offload.flow != nil && l.offload.flow.Active() {
			n++
		}
	}
	return n
}

// pace is longer than the gap in which a direction goes over.
const pace = 2 * time.Millisecond

// gap waits for as long as that.
func gap() {
	for until := time.Now().Add(pace); time.Now().Before(until); {
		time.Sleep(100 * time.Microsecond)
	}
}

// settled is a session of which the kernel relays both directions.
func settled(t *testing.T, r *Relay, a, b *phone) Session {
	t.Helper()
	s := talk(t, r, a, b)
	over(t, s, a, b)
	return s
}

// over speaks both ways until the kernel has both.
func over(t *testing.T, s Session, a, b *phone) {
	t.Helper()
	overTo(t, s, a, b, active)
}

// overTo speaks both ways until a path has both.
func overTo(t *testing.T, s Session, a, b *phone, on func(Session) int) {
	t.Helper()
	for end := time.Now().Add(patience); on(s) < 2; gap() {
		converse(t, s, a, b)
		if time.Now().After(end) {
			t.Fatalf("%d directions have gone over", on(s))
		}
	}
}

// converse sends a packet each way and hears it.
func converse(t *testing.T, s Session, a, b *phone) (toB, toA rtp.Packet) {
	t.Helper()
	send(t, a.rtp, a.frame("from a"), at(s.Local(A)))
	send(t, b.rtp, b.frame("from b"), at(s.Local(B)))
	return b.hear(), a.hear()
}

// silent says that a phone has nothing to hear, and hears nothing for a moment.
func silent(t *testing.T, p *phone) {
	t.Helper()
	_ = p.rtp.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	b := make([]byte, 2048)
	if n, _, err := p.rtp.ReadFromUDPAddrPort(b); err == nil {
		t.Errorf("heard % x", b[:n])
	}
}

func TestKernelRelaysAToneAsUserSpaceDoes(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b)
	s.Record(&taped{}) // a session with a tap stays on the usual way
	relaysATone(t, "the usual way", s, a, b, 0)
	s.Record(nil)
	over(t, s, a, b)
	relaysATone(t, "the kernel", s, a, b, toneFrames)
	if k := r.Stats().Kernel; k.On != "lo" || k.Entries != 2 || k.Room == 0 || k.Pinned {
		t.Errorf("%+v", k)
	}
	if st := s.Stats(); st.AtoB.Lost+st.BtoA.Lost != 0 || st.Codec != "PCMA" {
		t.Errorf("%+v", st)
	}
}

// toneFrames is how long a tone is that is relayed both ways.
const toneFrames = 50

// relaysATone sends a tone each way of a call and holds what comes out to it: its frequency, its level, each packet after
// the one before, and how many of them were the kernel's.
func relaysATone(t *testing.T, path string, s Session, a, b *phone, kernel uint64) {
	t.Helper()
	const hz, level = 1004, -10
	before := s.Stats()
	for _, dir := range []struct {
		from, to *phone
		side     Side
	}{{a, b, A}, {b, a, B}} {
		g := tone.NewGenerator(hz, level)
		var heard []int16
		var last rtp.Packet
		for i := range toneFrames {
			send(t, dir.from.rtp, dir.from.frame(string(g.AppendFrame(nil, tone.ALaw))), at(s.Local(dir.side)))
			got := dir.to.hear()
			if i > 0 && (got.SequenceNumber != last.SequenceNumber+1 || got.Timestamp != last.Timestamp+160 || got.SSRC != last.SSRC) {
				t.Errorf("%s: %v after %v", path, got.Header, last.Header)
			}
			last = got
			heard = tone.ALaw.AppendSamples(heard, got.Payload)
		}
		found, ok := tone.Detect(heard, 440, 697, hz, 1633, 2100)
		if !ok || found.Hz != hz || found.Level < level-0.5 || found.Level > level+0.5 {
			t.Errorf("%s, from %s: heard %+v, %t", path, dir.side, found, ok)
		}
	}
	after := s.Stats()
	for side, f := range [2][2]Flow{{before.AtoB, after.AtoB}, {before.BtoA, after.BtoA}} {
		if n, k := f[1].Packets-f[0].Packets, f[1].Kernel-f[0].Kernel; n != toneFrames || k != kernel {
			t.Errorf("%s: %d packets from %s, %d of them by the kernel", path, n, Side(side), k)
		}
	}
}

func TestKernelKeepsStrangersOut(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := settled(t, r, a, b)
	before := s.Stats().AtoB.Refused
	strangers := []*phone{newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.4"), newPhone(t, "127.0.0.3")}
	for _, x := range strangers {
		x.ssrc, x.seq, x.ts = a.ssrc, a.seq, a.ts // it knows everything
		for range 10 {
			send(t, x.rtp, x.frame("injected"), at(s.Local(A)))
		}
		send(t, x.rtp, report(t, x.ssrc), at(s.Local(A)))
	}
	toB, _ := converse(t, s, a, b)
	if string(toB.Payload) != "from a" {
		t.Errorf("heard %q", toB.Payload)
	}
	if got := s.Stats().AtoB.Refused - before; got != 33 || active(s) != 2 {
		t.Errorf("%d refused, %d directions in the kernel", got, active(s))
	}
	for _, x := range append(strangers, a, b) {
		silent(t, x)
	}
}

func TestKernelLeavesEventsAndNewSourcesToUserSpace(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := settled(t, r, a, b)
	last, _ := converse(t, s, a, b)
	say := func(b []byte) { send(t, a.rtp, b, at(s.Local(A))) }
	follows := func(what string, got rtp.Packet) {
		t.Helper()
		if got.SequenceNumber != last.SequenceNumber+1 || got.SSRC != last.SSRC {
			t.Errorf("%s: %v after %v", what, got.Header, last.Header)
		}
		last = got
	}
	for range 5 {
		event := a.frame("\x05\x0a\x00\xa0")
		event[1] = 101
		say(event)
		got := b.hear()
		follows("event", got)
		if got.PayloadType != 101 {
			t.Errorf("%v", got.Header)
		}
		say(a.frame("voice"))
		follows("voice", b.hear())
	}
	// What goes up but is not to go on.
	junk := a.frame("nobody knows this")
	junk[1] = 77
	say(junk)
	say(a.frame("voice"))
	if got := b.hear(); string(got.Payload) != "voice" || got.SequenceNumber != last.SequenceNumber+2 {
		t.Errorf("%v after %v", got.Header, last.Header)
	} else {
		last = got
	}
	if active(s) != 2 {
		t.Errorf("%d directions in the kernel", active(s))
	}
	a.ssrc, a.seq, a.ts = 0x33333333, 30000, 7
	say(a.frame("another source"))
	follows("another source", b.hear())
	if n := active(s); n != 1 {
		t.Errorf("%d directions in the kernel with another source", n)
	}
	over(t, s, a, b)
	got, _ := converse(t, s, a, b)
	a.seq += 2 // lost on the way
	next, _ := converse(t, s, a, b)
	if next.SequenceNumber != got.SequenceNumber+3 {
		t.Errorf("%v after %v", next.Header, got.Header)
	}
	if st := s.Stats(); st.AtoB.Lost != 3 || st.AtoB.Unknown+st.AtoB.Invalid+st.AtoB.RTCP == 0 || time.Since(st.LastSeen) > time.Second {
		t.Errorf("%+v", st)
	}
}

// Who talks in the kernel alone is not silent, and who stops there is.
func TestKernelEndsOnlyWhoIsSilent(t *testing.T) {
	if !alone(t) {
		return
	}
	const timeout = time.Second
	ended := make(chan Session, 1)
	r := newRelay(t, Options{Timeout: timeout, OnTimeout: func(s Session) { ended <- s }})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := settled(t, r, a, b)
	before := s.Stats()
	for until := time.Now().Add(3 * timeout); time.Now().Before(until); gap() {
		converse(t, s, a, b)
		if len(ended) > 0 {
			t.Fatal("ended though both talk")
		}
	}
	st := s.Stats()
	if up := st.AtoB.Packets - st.AtoB.Kernel - before.AtoB.Packets + before.AtoB.Kernel; up > 0 || active(s) != 2 {
		t.Errorf("%d packets came up, %d directions in the kernel", up, active(s))
	}
	select {
	case got := <-ended:
		if got != s {
			t.Error("another session")
		}
	case <-time.After(patience):
		t.Error("not ended though both are silent")
	}
}

// Whatever signalling does ends the entries before the call returns.
func TestKernelGivesBackBeforeAnythingChanges(t *testing.T) {
	if !alone(t) {
		return
	}
	givesBackBeforeAnythingChanges(t, newRelay(t, Options{}), active)
}

// Calls come and go, are held and offered anew, while everyone speaks: nobody
// hears another, a packet twice or out of order, or a call that has ended.
func TestKernelUnderLoad(t *testing.T) {
	if !alone(t) {
		return
	}
	if n := comeAndGo(t, active); n == 0 {
		t.Error("no packet by the kernel")
	}
}

func TestKernelSeesAnotherCodec(t *testing.T) {
	if !alone(t) {
		return
	}
	seesAnotherCodec(t, newRelay(t, Options{}), active)
}

func TestKernelGoesOnWithASourceThatBeginsAnew(t *testing.T) {
	if !alone(t) {
		return
	}
	goesOnWithASourceThatBeginsAnew(t, newRelay(t, Options{}), active)
}

// A direction asks which way it goes with every packet, but not for long.
func TestADirectionStopsAskingForItsWay(t *testing.T) {
	var o offload
	for range 3 {
		for range maxPending - 1 {
			o.pending(1000)
			if o.retry > 1000 {
				t.Fatalf("waits after %d packets", o.asks)
			}
		}
		if o.pending(1000); o.retry != 1000+pendingRetry || o.asks != 0 {
			t.Errorf("%+v", o)
		}
		o.retry = 0
	}
}

// What had to wait has a lane meanwhile, and goes into the kernel from there.
func TestKernelTakesWhatHadToWait(t *testing.T) {
	if !alone(t) {
		return
	}
	r := newRelay(t, Options{})
	a, b := newPhone(t, "127.0.0.2"), newPhone(t, "127.0.0.3")
	s := talk(t, r, a, b).(*session)
	converse(t, s, a, b) // both sources are settled
	s.shard.mu.Lock()
	for _, l := range s.legs {
		l.offload.retry = s.now() + int64(200*time.Millisecond)
	}
	s.shard.mu.Unlock()
	overTo(t, s, a, b, riding)
	last, _ := converse(t, s, a, b)
	over(t, s, a, b)
	if next, _ := converse(t, s, a, b); next.SSRC != last.SSRC || s.Stats().AtoB.Lost+s.Stats().BtoA.Lost != 0 {
		t.Errorf("%v after %v, %+v", next.Header, last.Header, s.Stats())
	}
}
