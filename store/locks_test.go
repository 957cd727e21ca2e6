package store

import (
	"context"
	"errors"
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
