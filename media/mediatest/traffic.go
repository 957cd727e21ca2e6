package mediatest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// period is the time between two packets of a stream.
const period = 20 * time.Millisecond

// defaultTick is how often the generator wakes up to send what is due.
const defaultTick = 50 * time.Microsecond

// Line is one direction of a call: where its packets are sent and where they must
// come out.
type Line struct {
	Stream *Stream
	From   *Wire
	Sender netip.AddrPort   // the party that sends
	In     netip.AddrPort   // the relay's port that it sends to
	Gate   net.HardwareAddr // the interface that In is behind
	To     *Wire            // nil: nobody is there to receive, and whatever comes out is a stray
	Party  netip.AddrPort   // the party that receives
	Out    netip.AddrPort   // the relay's port that it must come from

	frame *Frame
}

// Traffic sends the packets of many lines, 50 a second on each and spread evenly
// over time, and judges all that comes in. It is one loop on one thread, and not
// safe for concurrent use.
type Traffic struct {
	Tick    time.Duration // how often it wakes up; 0: 50 us
	Urgent  bool          // the process goes before all others on its processor while Run runs
	Between func()        // called once every 20 ms, between two packets
	Pace    Pace

	tally *Tally
	wires []*ear
	slots []*Line
	start time.Time
	turn  int64 // slots served since start

	sending int // so many slots are served
}

// Pace is how well the generator kept its own time. What it did not send in time
// is no loss of anyone's.
type Pace struct {
	Latest  time.Duration // how much later than planned a packet was sent at most
	Stalls  uint64        // wakings that were more than 5 ms late
	Skipped uint64        // packets that were not sent, as more than 20 ms had gone by
}

// ear is a wire with who listens at which port.
type ear struct {
	*Wire
	ports [1 << 16]*Line
}

// NewTraffic is traffic on some wires, for so many lines.
func NewTraffic(tally *Tally, lines int, wires ...*Wire) *Traffic {
	t := &Traffic{tally: tally, slots: make([]*Line, lines), sending: lines}
	for _, w := range wires {
		t.wires = append(t.wires, &ear{Wire: w})
	}
	return t
}

// Place puts a line into a slot, from 0 to below the number of lines, or with nil
// ends the one that is there: it sends no more. Its receiver stays until it is
// unplugged; what comes after that is a stray.
func (t *Traffic) Place(slot int, l *Line) error {
	if l == nil {
		t.slots[slot] = nil
		return nil
	}
	frame, err := NewFrame(l.Sender, l.In, Station, l.Gate, PacketSize)
	if err != nil {
		return err
	}
	l.frame = frame
	if l.To == nil && t.ear(l.From) != nil {
		t.slots[slot] = l
		return nil
	}
	to := t.ear(l.To)
	if to == nil || t.ear(l.From) == nil {
		return errors.New("mediatest: a line on a wire that is not of this traffic")
	}
	if to.ports[l.Party.Port()] != nil {
		return errors.New("mediatest: two lines end at one port")
	}
	to.ports[l.Party.Port()] = l
	t.slots[slot] = l
	return nil
}

// Unplug takes a line's receiver away.
func (t *Traffic) Unplug(l *Line) { t.ear(l.To).ports[l.Party.Port()] = nil }

func (t *Traffic) ear(w *Wire) *ear {
	for _, e := range t.wires {
		if e.Wire == w {
			return e
		}
	}
	return nil
}

// Limit lets only the first lines send; the others stay, and send nothing.
func (t *Traffic) Limit(lines int) { t.sending = min(lines, len(t.slots)) }

// Run sends and receives for a time. Every line sends in turn; one that begins
// waits for its turn.
func (t *Traffic) Run(ctx context.Context, d time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if t.Urgent {
		if err := urgeAll(Urgent); err != nil {
			return err
		}
		defer func() { _ = urgeAll(Normal) }() // always allowed
	}
	tick := t.Tick
	if tick == 0 {
		tick = defaultTick
	}
	t.start, t.turn = time.Now(), 0
	var lap int64
	for wake := tick; wake <= d; wake = max(wake+tick, time.Since(t.start)) {
		if err := sleepUntil(t.start, wake); err != nil {
			return err
		}
		t.serve(time.Since(t.start))
		t.Receive()
		if at := t.turn / int64(max(t.sending, 1)); at != lap {
			lap = at
			if err := ctx.Err(); err != nil {
				return err
			}
			if t.Between != nil {
				t.Between()
			}
		}
	}
	return nil
}

// Drain receives for a time, and sends nothing.
func (t *Traffic) Drain(d time.Duration) error {
	start := time.Now()
	for wake := time.Millisecond; wake <= d; wake += time.Millisecond {
		if err := sleepUntil(start, wake); err != nil {
			return err
		}
		t.Receive()
	}
	return nil
}

// serve sends what is due some time after the start.
func (t *Traffic) serve(since time.Duration) {
	n := int64(t.sending)
	if n == 0 {
		return
	}
	due := int64(since) * n / int64(period)
	planned := time.Duration(t.turn * int64(period) / n)
	if due > t.turn {
		t.Pace.Latest = max(t.Pace.Latest, since-planned)
	}
	if since-planned > 5*time.Millisecond {
		t.Pace.Stalls++
	}
	if due-t.turn > n {
		t.Pace.Skipped += uint64(due - t.turn - n)
		t.turn = due - n
	}
	for t.turn < due {
		// One time for as many as leave together: the first of them waits for
		// no other.
		now := time.Now().UnixNano()
		for range min(due-t.turn, batchSize/4, n) {
			if l := t.slots[t.turn%n]; l != nil {
				l.Stream.Write(l.frame.Payload(), now)
				l.frame.Seal()
				l.From.put(l.frame, l.Stream)
			}
			t.turn++
		}
		for _, w := range t.wires {
			w.flush(now)
		}
	}
}

// Receive judges what has come in.
func (t *Traffic) Receive() {
	for _, w := range t.wires {
		w.take(slotCount, func(frame []byte, at int64) { t.judge(w, frame, at) })
	}
}

// judge finds the line that a frame belongs to. What is not UDP is not looked at:
// a namespace speaks ICMPv6 of its own.
func (t *Traffic) judge(w *ear, frame []byte, at int64) {
	d, ok := parseFrame(frame)
	if !ok {
		return
	}
	if l := w.ports[d.to.Port()]; l != nil && d.to == l.Party && d.from == l.Out {
		l.Stream.Read(d.payload, at)
		return
	}
	if l := w.ports[d.to.Port()&^1]; l != nil && d.to.Addr() == l.Party.Addr() && d.from.Addr() == l.Out.Addr() &&
		len(d.payload) >= 8 && d.payload[1] >= 200 && d.payload[1] <= 207 {
		t.tally.Control++
		return
	}
	t.tally.Stray++
}

// sleepUntil sleeps until some time after another. The sleep is not told to the
// scheduler of Go: being woken up by it takes longer than many a sleep.
func sleepUntil(start time.Time, after time.Duration) error {
	for {
		left := after - time.Since(start)
		if left <= 0 {
			return nil
		}
		ts := unix.NsecToTimespec(int64(left))
		_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return errno
		}
	}
}
