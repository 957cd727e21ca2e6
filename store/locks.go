package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// locks are on things by name, and can be waited for with a limit: who holds one may be held up by the disk. A lock is
// there only while somebody holds it or waits for it, and nobody ever waits for what another thing's holder does: with
// a few hundred writers a fixed number of locks would have most of them wait for a sync that is none of theirs.
//
// A bulk is very many locks at once, of one holder, who waits for those who have one of them; from when it is there on,
// nobody is given one of its locks.
type locks struct {
	seed   maphash.Seed
	shards [lockShards]lockShard
	bulk   atomic.Pointer[bulk]
	turn   chan struct{} // cap 1, held by whoever has a bulk
}

// bulk has its names sorted, so that they take no more room than that.
type bulk struct {
	names []uint64
	done  chan struct{} // closed when they are let go
}

const lockShards = 64

type lockShard struct {
	sync.Mutex // protects held
	held       map[uint64]lock
}

// lock is one that is held. Its holder hands it to the one who has waited longest.
type lock struct {
	users int           // who holds it and those who wait
	turn  chan struct{} // cap 1, nil while nobody ever waited: a token inside is the lock
}

func newLocks() *locks {
	l := &locks{seed: maphash.MakeSeed(), turn: make(chan struct{}, 1)}
	for i := range l.shards {
		l.shards[i].held = make(map[uint64]lock)
	}
	return l
}

// ofNumber and ofID name the lock of a 700 number, which it alone has, and of a binding id, which another id has too by
// a chance of 2^-63.
func (l *locks) ofNumber(x uint64) uint64 { return x &^ (1 << 63) }

func (l *locks) ofID(id string) uint64 { return maphash.String(l.seed, id) | 1<<63 }

func (l *locks) shard(name uint64) *lockShard {
	return &l.shards[maphash.Comparable(l.seed, name)%lockShards]
}

// lock takes all the locks named, in one order for everybody, so that nobody waits in a circle. ErrStalled when that
// takes longer than timeout for one of them, or than ctx allows.
func (l *locks) lock(ctx context.Context, timeout time.Duration, names ...uint64) (unlock func(), err error) {
	slices.Sort(names)
	names = slices.Compact(names)
	for {
		for n, name := range names {
			if err := l.take(ctx, timeout, name); err != nil {
				l.release(names[:n])
				return nil, err
			}
		}
		b := l.bulk.Load()
		if b == nil || !slices.ContainsFunc(names, b.has) {
			return func() { l.release(names) }, nil
		}
		// Whoever has a bulk waits for those who hold a lock. To wait for him, none is held.
		l.release(names)
		if err := b.wait(ctx, timeout); err != nil {
			return nil, err
		}
	}
}

// lockBulk takes very many locks, whose names are sorted, each once: as soon as nobody else has a bulk, and those who hold
// one of them have let go of it. ErrStalled when the latter takes longer than timeout for one of them, or than ctx allows.
func (l *locks) lockBulk(ctx context.Context, timeout time.Duration, names []uint64) (unlock func(), err error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	}
	b := &bulk{names: names, done: make(chan struct{})}
	l.bulk.Store(b)
	unlock = func() {
		l.bulk.Store(nil)
		close(b.done)
		<-l.turn
	}
	if err := l.await(ctx, timeout, b.has); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (b *bulk) has(name uint64) bool {
	_, is := slices.BinarySearch(b.names, name)
	return is
}

// wait returns when the bulk is let go of.
func (b *bulk) wait(ctx context.Context, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-timer.C:
		return ErrStalled
	}
}

func (l *locks) take(ctx context.Context, timeout time.Duration, name uint64) error {
	s := l.shard(name)
	s.Lock()
	e, taken := s.held[name]
	e.users++
	if taken && e.turn == nil {
		e.turn = make(chan struct{}, 1)
	}
	s.held[name] = e
	s.Unlock()
	if !taken {
		return nil
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-e.turn:
		return nil
	case <-ctx.Done():
		s.leave(name, false)
		return fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-timer.C:
		s.leave(name, false)
		return ErrStalled
	}
}

func (l *locks) release(names []uint64) {
	for _, name := range names {
		l.shard(name).leave(name, true)
	}
}

// leave is of a holder, who hands the lock on, or of one who does not wait any longer. A token that was meant for him
// stays for the others; without any it goes with the lock.
func (s *lockShard) leave(name uint64, holder bool) {
	s.Lock()
	defer s.Unlock()
	e := s.held[name]
	if e.users--; e.users == 0 {
		delete(s.held, name)
		return
	}
	s.held[name] = e
	if holder {
		e.turn <- struct{}{} // there is room: the token was the holder's
	}
}

// barrier returns when everybody who held a lock at the call has let go of it.
func (l *locks) barrier(ctx context.Context, timeout time.Duration) error {
	if b := l.bulk.Load(); b != nil {
		if err := b.wait(ctx, timeout); err != nil {
			return err
		}
	}
	return l.await(ctx, timeout, func(uint64) bool { return true })
}

// await returns when everybody who held, at the call, a lock that is meant has let go of it. Of a bulk it knows nothing.
func (l *locks) await(ctx context.Context, timeout time.Duration, meant func(name uint64) bool) error {
	var names []uint64
	for i := range l.shards {
		s := &l.shards[i]
		s.Lock()
		for name := range s.held {
			if meant(name) {
				names = append(names, name)
			}
		}
		s.Unlock()
	}
	for _, name := range names {
		if err := l.take(ctx, timeout, name); err != nil {
			return err
		}
		l.shard(name).leave(name, true)
	}
	return nil
}
