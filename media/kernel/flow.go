package kernel

import (
	"errors"
	"net/netip"
	"runtime"
	"sync/atomic"

	"mask700/media/rebase"
)

// ToSocket is a payload type that goes up to the socket.
const ToSocket = 0xff

// Entry describes one direction: what comes to Local from Source leaves from From
// to To.
type Entry struct {
	Local, Source, From, To netip.AddrPort // one family

	// Heir is another source whose packets go up to the socket; invalid: there is none. Those of any other are dropped.
	Heir netip.AddrPort

	Offsets rebase.Offsets
	Types   [128]uint8 // what each payload type becomes, or ToSocket

	TTL   uint8  // or hop limit; 0: 64
	TOS   uint8  // or traffic class
	Queue uint8  // what SO_PRIORITY is to a socket (socket(7)), to 15
	ID    uint16 // IPv4 identification of the first packet; the next ones count on
	Label uint32 // IPv6 flow label, 20 bits

	Epoch int64 // the caller's time 0 as Monotonic tells time
}

// Flow is a direction in the table. Like the stream that it goes on with, it is
// for one goroutine at a time.
//
// It begins with packets going to the socket as before. When the caller has
// emptied the socket, it confirms what Passed said before that; with the first
// packet after a short gap in which nothing else came, the kernel goes on, so that
// no packet overtakes another.
//
//	n := f.Passed()
//	// read and send until the socket is empty
//	if !f.Active() { f.Confirm(n, carry) }
type Flow struct {
	table *Table
	slot  *relaySlot
	index uint32
	cell  *uint32
	entry Entry
	via   path
	ended bool
	last  Counters
}

// Counters is what the kernel did for a direction.
type Counters struct {
	rebase.Carry
	Type    uint8  // payload type of the last packet, as it came in
	Foreign uint64 // packets from another source, dropped
	Failed  uint64 // packets that could not be rewritten, dropped
}

// Put makes an entry. ErrPath: this direction must stay in user space. ErrFull:
// there is no room now. ErrPending: it is not known yet; put it again. It waits for
// nothing.
func (t *Table) Put(e Entry) (*Flow, error) {
	via, err := t.route(&e)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && !t.closed:
		return nil, err
	case t.closed:
		return nil, ErrClosed
	case len(t.free) == 0:
		return nil, ErrFull
	}
	index := t.free[len(t.free)-1]
	f := &Flow{table: t, slot: &t.slots[index], index: index, entry: e, via: via}
	if f.cell = t.vacant(e.Local); f.cell == nil {
		return nil, ErrFull
	}
	e.fill(f.slot, via)
	atomic.StoreUint32(f.cell, index<<12|tag(f.slot.Local))
	t.free = t.free[:len(t.free)-1]
	t.used++
	t.ways.hold(e.out())
	t.ways.hold(e.back())
	return f, nil
}

// Active says whether the kernel forwards this direction by now.
func (f *Flow) Active() bool { return !f.ended && atomic.LoadUint32(&f.slot.Active) != 0 }

// Passed counts the packets that the kernel has sent on to the socket.
func (f *Flow) Passed() uint64 { return atomic.LoadUint64(&f.slot.Passed) }

// Confirm says that n packets which were sent on to the socket have left it and
// the process, and where their reception stands. It must not be called once the
// flow is active.
func (f *Flow) Confirm(n uint64, c rebase.Carry) {
	s := f.slot
	if f.ended || s.Confirmed == n {
		return
	}
	s.Highest, s.Jitter, s.Transit, s.Last = c.Highest, c.Jitter, c.Transit, c.Last
	s.NewestTimestamp, s.NewestAt, s.Seen = c.NewestTimestamp, uint64(c.NewestAt), uint64(c.Seen)
	atomic.StoreUint64(&s.Confirmed, n)
}

// Read gives the counters. It makes no system call.
func (f *Flow) Read() Counters {
	if f.ended {
		return f.last
	}
	return f.slot.counters()
}

// Moved says whether packets of this direction would leave another way by now, and
// whether that is known yet. Ask when Table.Routes has changed, until it is.
func (f *Flow) Moved() (moved, known bool) {
	via, err := f.table.route(&f.entry)
	if errors.Is(err, ErrPending) {
		return false, false
	}
	return err != nil || via != f.via, true
}

// Remove ends the entry: no packet that comes in from now on is taken. It gives
// the last counters, and may be called again.
func (f *Flow) Remove() Counters {
	if f.ended {
		return f.last
	}
	// Programs that begin from here on leave the slot alone, whether or not they
	// still find the cell. Those at work have a few instructions to go.
	atomic.StoreUint32(&f.slot.Live, 0)
	t := f.table
	t.mu.Lock()
	if !t.closed {
		atomic.StoreUint32(f.cell, 0)
		t.used--
		t.rest(f.index)
	}
	t.mu.Unlock()
	t.ways.release(f.entry.out())
	t.ways.release(f.entry.back())
	for i := 0; i < spins && atomic.LoadUint64(&f.slot.State)&working != 0; i++ {
		if i >= spins/2 {
			runtime.Gosched()
		}
	}
	f.last, f.ended = f.slot.counters(), true
	return f.last
}

// spins bounds the wait for programs on other processors. None runs that long,
// but a processor may have been taken from a virtual machine.
const spins = 1 << 14
