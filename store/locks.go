package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// locks are on things by name, and can be waited for with a limit: who holds one may be held up by the disk. A lock is
// there only while somebody holds it or waits for it, and nobody ever waits for what another thing's holder does: with
// a few hundred writers a fixed number of locks would have most of them wait for a sync that is none of theirs.
type locks struct {
	seed   maphash.Seed
	shards [lockShards]lockShard
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
	l := &locks{seed: maphash.MakeSeed()}
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
	return l.lockSorted(ctx, timeout, slices.Compact(names))
}

// lockSorted is lock for names that are sorted already, each once.
func (l *locks) lockSorted(ctx context.Context, timeout time.Duration, names []uint64) (unlock func(), err error) {
	for n, name := range names {
		if err := l.take(ctx, timeout, name); err != nil {
			l.release(names[:n])
			return nil, err
		}
	}
	return func() { l.release(names) }, nil
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
	var names []uint64
	for i := range l.shards {
		s := &l.shards[i]
		s.Lock()
		for name := range s.held {
			names = append(names, name)
		}
		s.Unlock()
	}
	for _, name := range names {
		unlock, err := l.lock(ctx, timeout, name)
		if err != nil {
			return err
		}
		unlock()
	}
	return nil
}
