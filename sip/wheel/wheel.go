// Package wheel is a hierarchical timing wheel: many timers, most of which are
// stopped before they fire, at a constant cost and without an allocation each.
//
// It has no clock. Its owner says what time it is with Advance and asks Next
// when to come back.
package wheel

import (
	"math/bits"
	"time"
)

const (
	slotBits = 6
	slots    = 1 << slotBits
	levels   = 5 // 64^5 ticks: at 10 ms a tick, 124 days
)

// ID names a running timer. The zero ID names none.
type ID uint64

// node is one timer, a member of the doubly linked ring of its slot.
type node[K any] struct {
	due        uint64 // tick
	prev, next uint32
	generation uint32 // tells a reused node from the timer an old ID meant
	where      int32  // level*slots+slot; free: -1
	key        K
}

// Wheel keeps timers that carry a K. It is not safe for concurrent use.
type Wheel[K any] struct {
	start time.Time
	tick  time.Duration
	now   uint64 // ticks since start that Advance has gone through
	nodes []node[K]
	free  []uint32
	heads [levels * slots]uint32 // 0: empty; nodes[0] is never used
	full  [levels]uint64         // bit per slot that is not empty
	count int
}

// New returns an empty wheel whose time is start. Deadlines are rounded up to
// whole ticks, so a timer never fires early.
func New[K any](start time.Time, tick time.Duration) *Wheel[K] {
	return &Wheel[K]{start: start, tick: tick, nodes: make([]node[K], 1, 64)}
}

// Len counts the running timers.
func (w *Wheel[K]) Len() int { return w.count }

// Start runs a timer that fires at the first Advance to at or later. A time
// that has passed fires at the next tick.
func (w *Wheel[K]) Start(at time.Time, key K) ID {
	var i uint32
	if n := len(w.free); n > 0 {
		i = w.free[n-1]
		w.free = w.free[:n-1]
	} else {
		w.nodes = append(w.nodes, node[K]{})
		i = uint32(len(w.nodes) - 1)
	}
	n := &w.nodes[i]
	n.generation++
	n.key = key
	n.due = w.now + 1
	if d := at.Sub(w.start); d > 0 {
		if due := uint64((d + w.tick - 1) / w.tick); due > w.now {
			n.due = due
		}
	}
	w.link(i)
	w.count++
	return ID(uint64(n.generation)<<32 | uint64(i))
}

// Stop ends a timer and reports whether it was still running.
func (w *Wheel[K]) Stop(id ID) bool {
	i := uint32(id)
	if i == 0 || int(i) >= len(w.nodes) {
		return false
	}
	n := &w.nodes[i]
	if n.where < 0 || n.generation != uint32(id>>32) {
		return false
	}
	w.unlink(i)
	w.release(i)
	return true
}

// Advance moves the time to now and calls fire for every timer that is due, in
// order of their deadlines. Those of one tick fire in an order that depends on
// nothing but the calls before, so that a replay repeats it. fire may start and
// stop timers.
func (w *Wheel[K]) Advance(now time.Time, fire func(K)) {
	d := now.Sub(w.start)
	if d < 0 {
		return
	}
	target := uint64(d / w.tick)
	for w.now < target {
		next, ok := w.nextTick()
		if !ok || next > target {
			w.now = target
			return
		}
		w.now = next
		w.cascade()
		w.expire(fire)
	}
}

// expire fires everything in the level-0 slot of the present tick.
func (w *Wheel[K]) expire(fire func(K)) {
	s := int(w.now & (slots - 1))
	for w.heads[s] != 0 {
		i := w.heads[s]
		key := w.nodes[i].key
		w.unlink(i)
		w.release(i)
		fire(key)
	}
}

// cascade moves timers of coarser levels down when the present tick begins
// their slot.
func (w *Wheel[K]) cascade() {
	for level := 1; level < levels; level++ {
		shift := uint(level * slotBits)
		if w.now&(1<<shift-1) != 0 {
			return
		}
		s := level*slots + int(w.now>>shift)&(slots-1)
		head := w.heads[s]
		if head == 0 {
			continue
		}
		w.heads[s] = 0
		w.full[level] &^= 1 << uint(s&(slots-1))
		for i := head; ; {
			next := w.nodes[i].next
			w.link(i)
			if next == head {
				break
			}
			i = next
		}
	}
}

// Next returns a time at or before which Advance has work to do, and false
// when no timer runs. It may be earlier than the first deadline, never later.
func (w *Wheel[K]) Next() (time.Time, bool) {
	t, ok := w.nextTick()
	if !ok {
		return time.Time{}, false
	}
	return w.start.Add(time.Duration(t) * w.tick), true
}

// nextTick finds the nearest tick at which a slot of any level begins that is
// not empty.
func (w *Wheel[K]) nextTick() (uint64, bool) {
	best, found := uint64(0), false
	for level := range levels {
		if w.full[level] == 0 {
			continue
		}
		shift := uint(level * slotBits)
		at := w.now >> shift
		// Rotate so that the slot after the present one is bit 0.
		ahead := bits.RotateLeft64(w.full[level], -int((at+1)&(slots-1)))
		t := (at + 1 + uint64(bits.TrailingZeros64(ahead))) << shift
		if !found || t < best {
			best, found = t, true
		}
	}
	return best, found
}

// link puts node i into the slot of its deadline, behind those already there.
func (w *Wheel[K]) link(i uint32) {
	n := &w.nodes[i]
	delta := n.due - w.now
	level := 0
	for level < levels-1 && delta >= 1<<uint((level+1)*slotBits) {
		level++
	}
	due := n.due
	if limit := uint64(1)<<uint(levels*slotBits) - 1; delta > limit {
		due = w.now + limit // comes round and is linked anew
	}
	slot := int(due>>uint(level*slotBits)) & (slots - 1)
	s := level*slots + slot
	n.where = int32(s)
	if head := w.heads[s]; head != 0 {
		tail := w.nodes[head].prev
		n.prev, n.next = tail, head
		w.nodes[tail].next, w.nodes[head].prev = i, i
		return
	}
	n.prev, n.next = i, i
	w.heads[s] = i
	w.full[level] |= 1 << uint(slot)
}

func (w *Wheel[K]) unlink(i uint32) {
	n := &w.nodes[i]
	s := int(n.where)
	if n.next == i {
		w.heads[s] = 0
		w.full[s/slots] &^= 1 << uint(s%slots)
		return
	}
	w.nodes[n.prev].next, w.nodes[n.next].prev = n.next, n.prev
	if w.heads[s] == i {
		w.heads[s] = n.next
	}
}

func (w *Wheel[K]) release(i uint32) {
	n := &w.nodes[i]
	var none K
	n.where, n.key = -1, none
	w.free = append(w.free, i)
	w.count--
}
