package pool

import (
	"math/bits"
	"slices"
	"sync"
)

// Step is how many positions of fresh numbers are taken by one note on disk.
// What is left of a step at a restart is passed over, and found again when the
// fresh ones are gone.
const Step = 64

// Moments are whole seconds since 1970. Never is that of a number whose use
// has no end, Worn that of one that has had as many bindings as it takes, which
// is not drawn for whatever its last one's end; Unused that of one that never was
// in use.
const (
	Unused uint32 = 0
	Worn   uint32 = 1<<32 - 2
	Never  uint32 = 1<<32 - 1
)

// hold is for how many seconds a number that was drawn is kept for the binding
// that is being written. It lapses by itself.
const hold = 30

// Block is which numbers of a block are in use until when. Its methods may be
// called from several goroutines at once. It has 40 KB once it was counted.
//
//	position  0 ........ next ........ leased ........ Size
//	           drawn, or      to be drawn    noted on disk when
//	           passed over    as fresh       the first is drawn
//
// When the fresh ones are gone, a hand goes round over all positions and takes
// what is free: what was given back longest ago comes about first.
type Block struct {
	order *Order

	mu      sync.Mutex // protects what follows
	until   []uint32   // by position; nil: not counted yet
	locked  []uint64   // bits by position; nil: none
	absent  []uint64   // likewise: numbers that are not ours
	dialled []uint64   // bits by serial; nil: none
	next    int
	leased  int
	hand    int
	dry     uint32         // nothing is free before; Unused: not known
	early   map[int]uint32 // by serial: what was told while it was being counted
}

// NewBlock returns a block that was not counted yet. leased is what was noted
// on disk, hand any position, better not one that can be guessed.
func NewBlock(o *Order, leased, hand int) *Block {
	leased = min(max(leased, 0), Size)
	return &Block{order: o, next: leased, leased: leased, hand: hand % Size}
}

// Drawn is a number that is kept for a binding being written.
type Drawn struct {
	Serial int
	Note   int // what is to be noted on disk with the binding; 0: nothing

	before, kept uint32
}

// Counted reports whether it is known which numbers are in use.
func (b *Block) Counted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until != nil
}

// Watched reports whether Set is of use: the block was counted or is being.
func (b *Block) Watched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until != nil || b.early != nil
}

// BeginCount is called before the rows of the block are read: from now on Set
// is remembered beside what they say.
func (b *Block) BeginCount() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.early == nil {
		b.early = make(map[int]uint32)
	}
}

// EndCount takes what the rows say: by serial until when each number is in
// use. What Set said meanwhile is newer.
func (b *Block) EndCount(until []uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = make([]uint32, Size)
		for serial, u := range until {
			b.until[b.order.Position(serial)] = u
		}
		for serial, u := range b.early {
			b.until[b.order.Position(serial)] = u
		}
	}
	b.early = nil
}

// Set says until when a number is in use now: the last end of the bindings on
// it. Callers order what they say of one number.
func (b *Block) Set(serial int, until uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until != nil:
		b.until[b.order.Position(serial)] = until
		if until < b.dry {
			b.dry = until
		}
	case b.early != nil:
		b.early[serial] = until
	}
}

// IsWorn reports whether Worn was said of a number.
func (b *Block) IsWorn(serial int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until != nil && b.until[b.order.Position(serial)] == Worn
}

// Lock keeps a number from being drawn, or gives it free again.
func (b *Block) Lock(serial int, locked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.locked == nil {
		b.locked = make([]uint64, (Size+63)/64)
	}
	p := b.order.Position(serial)
	if locked {
		b.locked[p/64] |= 1 << (p % 64)
	} else {
		b.locked[p/64] &^= 1 << (p % 64)
		b.dry = Unused
	}
}

// Keep has a block only those numbers that has says. It is called before the block is
// used.
func (b *Block) Keep(has func(serial int) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.absent = make([]uint64, (Size+63)/64)
	for p := range Size {
		if !has(b.order.Serial(p)) {
			b.absent[p/64] |= 1 << (p % 64)
		}
	}
}

// Has reports whether a number is one of the block's.
func (b *Block) Has(serial int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.isAbsentLocked(b.order.Position(serial))
}

func (b *Block) isAbsentLocked(position int) bool {
	return b.absent != nil && b.absent[position/64]&(1<<(position%64)) != 0
}

// IsLocked reports whether a number is kept from being drawn.
func (b *Block) IsLocked(serial int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.locked != nil && b.isLockedLocked(b.order.Position(serial))
}

// Locked returns the serials that are kept from being drawn, in ascending order.
func (b *Block) Locked() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []int
	for i, word := range b.locked {
		for ; word != 0; word &= word - 1 {
			all = append(all, b.order.Serial(i*64+bits.TrailingZeros64(word)))
		}
	}
	slices.Sort(all)
	return all
}

// Dialled says that somebody dialled a number, of whom it is kept.
func (b *Block) Dialled(serial int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dialled == nil {
		b.dialled = make([]uint64, (Size+63)/64)
	}
	b.dialled[serial/64] |= 1 << (serial % 64)
}

// MayBeDialled reports whether Dialled was said of a number, or the block was
// not counted yet.
func (b *Block) MayBeDialled(serial int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until == nil || b.dialled != nil && b.dialled[serial/64]&(1<<(serial%64)) != 0
}

func (b *Block) isLockedLocked(position int) bool {
	return b.locked != nil && b.locked[position/64]&(1<<(position%64)) != 0
}

// DrawFresh keeps the next number that never was in use. False: there is none.
// The block was counted.
func (b *Block) DrawFresh(now uint32) (Drawn, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.next < Size {
		p := b.next
		b.next++
		if b.until[p] != Unused || b.isLockedLocked(p) || b.isAbsentLocked(p) {
			continue
		}
		d := b.takeLocked(p, now)
		if b.next > b.leased {
			b.leased = min(b.next-1+Step, Size)
			d.Note = b.leased
		}
		return d, true
	}
	return Drawn{}, false
}

// Draw keeps the next number that is not in use, whether it was before or
// not. False: there is none. The block was counted.
func (b *Block) Draw(now uint32) (Drawn, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dry > now {
		return Drawn{}, false
	}
	soonest := Never
	for range Size {
		p := b.hand
		if b.hand++; b.hand == Size {
			b.hand = 0
		}
		switch {
		case b.isLockedLocked(p), b.isAbsentLocked(p):
		case b.until[p] <= now:
			return b.takeLocked(p, now), true
		default:
			soonest = min(soonest, b.until[p])
		}
	}
	b.dry = soonest
	return Drawn{}, false
}

// DrawUsed returns the number at a position, or behind it, that is in use: for
// a further pair. False: there is none. Nothing is kept. The block was counted.
func (b *Block) DrawUsed(position int, now uint32) (Drawn, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range Size {
		p := (position + i) % Size
		if u := b.until[p]; u > now && u != Worn && !b.isLockedLocked(p) && !b.isAbsentLocked(p) {
			return Drawn{Serial: b.order.Serial(p), before: u, kept: u}, true
		}
	}
	return Drawn{}, false
}

func (b *Block) takeLocked(p int, now uint32) Drawn {
	d := Drawn{Serial: b.order.Serial(p), before: b.until[p], kept: now + hold}
	b.until[p] = d.kept
	return d
}

// Return gives a number back that was drawn and not bound. What Set said of it
// meanwhile stays.
func (b *Block) Return(d Drawn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.order.Position(d.Serial)
	if b.until[p] != d.kept {
		return
	}
	b.until[p] = d.before
	if d.before < b.dry {
		b.dry = d.before
	}
}

// Use is how many numbers of a block are in what state.
type Use struct {
	InUse   int // a binding on it lives
	Worn    int // has had as many bindings as it takes; one may live on it
	Locked  int // and not in use
	Resting int // of the free ones, last in use less than the time of rest ago
	Fresh   int // of the free ones, never in use
	Free    int // neither in use nor worn nor locked
	Absent  int // not the block's
}

// Count says how the block stands. rest is for how many seconds a number rests
// after its last use. False: the block was not counted yet.
func (b *Block) Count(now, rest uint32) (Use, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		return Use{}, false
	}
	var u Use
	for p, until := range b.until {
		switch {
		case until == Worn:
			u.Worn++
			continue
		case until > now:
			u.InUse++
			continue
		case b.isAbsentLocked(p):
			u.Absent++
			continue
		case b.isLockedLocked(p):
			u.Locked++
			continue
		case until == Unused:
			u.Fresh++
		case rest > 0 && until > now-min(rest, now):
			u.Resting++
		}
		u.Free++
	}
	return u, true
}
