package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// left is how many locks are held.
func (l *locks) left() (n int) {
	for i := range l.shards {
		l.shards[i].Lock()
		n += len(l.shards[i].held)
		l.shards[i].Unlock()
	}
	if b := l.bulk.Load(); b != nil {
		n += len(b.names)
	}
	return n
}

func TestLocksExclude(t *testing.T) {
	t.Parallel()
	l := newLocks()
	var all sync.WaitGroup
	counts := make([]int, 4) // guarded by the locks, as the race detector sees
	for g := range 16 {
		all.Go(func() {
			for i := range 200 {
				// Overlapping sets in every order, some twice: nobody may wait in a circle.
				unlock, err := l.lock(context.Background(), time.Minute, uint64(g+i)%4, uint64(i)%4, uint64(g*i)%4)
				if err != nil {
					t.Errorf("lock: %v", err)
					return
				}
				counts[(g+i)%4]++
				unlock()
			}
		})
	}
	all.Wait()
	if sum := counts[0] + counts[1] + counts[2] + counts[3]; sum != 16*200 {
		t.Errorf("counted %d", sum)
	}
	if n := l.left(); n != 0 {
		t.Errorf("%d locks are kept of which nobody is in need", n)
	}
}

func TestLockThatStaysHeldIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLocks()
	unlock, err := l.lock(ctx, time.Minute, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.lock(ctx, time.Millisecond, 3, 5, 7); !errors.Is(err, ErrStalled) {
		t.Errorf("held: %v", err)
	}
	if err := l.barrier(ctx, time.Millisecond); !errors.Is(err, ErrStalled) {
		t.Errorf("barrier: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.lock(ended, time.Minute, 5); !errors.Is(err, ErrStalled) || !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	other, err := l.lock(ctx, time.Millisecond, 3, 7) // let go of when 5 was given up
	if err != nil {
		t.Errorf("others: %v", err)
	} else {
		other()
	}
	unlock()
	if err := l.barrier(ctx, time.Minute); err != nil {
		t.Errorf("barrier: %v", err)
	}
	if n := l.left(); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// TestLockIsHandedOnPastWhoGaveUp has half of those who wait give up while the others are served.
func TestLockIsHandedOnPastWhoGaveUp(t *testing.T) {
	t.Parallel()
	l := newLocks()
	unlock, err := l.lock(context.Background(), time.Minute, 1)
	if err != nil {
		t.Fatal(err)
	}
	hasty, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	served := make(chan struct{}, 64)
	for g := range 64 {
		all.Go(func() {
			ctx := context.Background()
			if g%2 == 0 {
				ctx = hasty
			}
			unlock, err := l.lock(ctx, time.Minute, 1)
			switch {
			case err == nil:
				unlock()
				served <- struct{}{}
			case g%2 != 0 || !errors.Is(err, context.Canceled):
				t.Errorf("lock: %v", err)
			}
		})
	}
	all.Go(cancel)
	all.Go(unlock)
	all.Wait()
	if len(served) < 32 || l.left() != 0 {
		t.Errorf("%d were served, %d locks are left", len(served), l.left())
	}
}

// TestLocksOfOneAreNotAnothers: numbers, and ids, that have nothing to do with each other never wait for each other.
func TestLocksOfOneAreNotAnothers(t *testing.T) {
	t.Parallel()
	l := newLocks()
	names := make(map[uint64]bool)
	for i := range 10_000 {
		names[l.ofNumber(uint64(testBlock.Number(i)))] = true
		names[l.ofID(testID(i))] = true
	}
	if len(names) != 20_000 {
		t.Errorf("%d locks for 20000 things", len(names))
	}
}

// TestBulkExcludesLikeItsLocks: who has many at once excludes, and is excluded by, who has some of them, and another bulk.
func TestBulkExcludesLikeItsLocks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLocks()
	var all sync.WaitGroup
	counts := make([]int, 12) // guarded by the locks, as the race detector sees
	for g := range 12 {
		all.Go(func() {
			for i := range 100 {
				names := []uint64{uint64(g+i) % 12, uint64(5*g+7*i) % 12}
				lock := func() (func(), error) { return l.lock(ctx, time.Minute, slices.Clone(names)...) }
				if g%3 == 0 {
					for n := range uint64(12) {
						if (n+uint64(i))%3 == 0 {
							names = append(names, n)
						}
					}
					slices.Sort(names)
					names = slices.Compact(names)
					lock = func() (func(), error) { return l.lockBulk(ctx, time.Minute, names) }
				}
				unlock, err := lock()
				if err != nil {
					t.Errorf("lock: %v", err)
					return
				}
				for _, n := range names {
					counts[n]++
				}
				unlock()
			}
		})
	}
	all.Wait()
	if n := l.left(); n != 0 {
		t.Errorf("%d locks are kept of which nobody is in need", n)
	}
}

func TestBulkIsWaitedForAndGivenUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLocks()
	held, err := l.lock(ctx, time.Minute, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.lockBulk(ctx, time.Millisecond, []uint64{3, 5, 7}); !errors.Is(err, ErrStalled) {
		t.Errorf("one is held: %v", err)
	}
	if others, err := l.lock(ctx, time.Millisecond, 3, 7); err != nil { // let go of when 5 was given up
		t.Errorf("others: %v", err)
	} else {
		others()
	}
	bulk, err := l.lockBulk(ctx, time.Minute, []uint64{3, 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.lock(ctx, time.Millisecond, 7, 9); !errors.Is(err, ErrStalled) {
		t.Errorf("of the bulk: %v", err)
	}
	if err := l.barrier(ctx, time.Millisecond); !errors.Is(err, ErrStalled) {
		t.Errorf("barrier: %v", err)
	}
	held()
	if other, err := l.lock(ctx, time.Millisecond, 5, 9); err != nil { // not of the bulk, and let go of by who waited for it
		t.Errorf("beside the bulk: %v", err)
	} else {
		other()
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.lockBulk(ended, time.Minute, []uint64{11}); !errors.Is(err, ErrStalled) || !errors.Is(err, context.Canceled) {
		t.Errorf("a second bulk: %v", err)
	}
	if _, err := l.lock(ended, time.Minute, 3); !errors.Is(err, ErrStalled) || !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	bulk()
	if err := l.barrier(ctx, time.Minute); err != nil {
		t.Errorf("barrier: %v", err)
	}
	if n := l.left(); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}
