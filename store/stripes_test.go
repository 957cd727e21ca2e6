package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestStripesExclude(t *testing.T) {
	s := newStripes()
	var all sync.WaitGroup
	counts := make([]int, 4) // guarded by the stripes, as the race detector sees
	for g := range 16 {
		all.Go(func() {
			for i := range 200 {
				// Overlapping sets in every order, some twice: nobody may wait in a circle.
				which := []int{(g + i) % 4, i % 4, (g * i) % 4}
				unlock, err := s.lock(context.Background(), time.Minute, which...)
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
}

func TestStripeThatStaysHeldIsGivenUp(t *testing.T) {
	ctx := context.Background()
	s := newStripes()
	unlock, err := s.lock(ctx, time.Minute, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.lock(ctx, time.Millisecond, 3, 5, 7); !errors.Is(err, ErrStalled) {
		t.Errorf("held: %v", err)
	}
	if err := s.barrier(ctx, time.Millisecond); !errors.Is(err, ErrStalled) {
		t.Errorf("barrier: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.lock(ended, time.Minute, 5); !errors.Is(err, ErrStalled) || !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	other, err := s.lock(ctx, time.Millisecond, 3, 7) // let go of when 5 was given up
	if err != nil {
		t.Errorf("others: %v", err)
	} else {
		other()
	}
	unlock()
	if err := s.barrier(ctx, time.Minute); err != nil {
		t.Errorf("barrier: %v", err)
	}
}

func TestStripesSpread(t *testing.T) {
	s := newStripes()
	seen := make(map[int]bool)
	for i := range 4 * stripeCount {
		n := s.ofNumber(uint64(testBlock.Number(i)))
		if n < 0 || n >= stripeCount || n != s.ofNumber(uint64(testBlock.Number(i))) {
			t.Fatalf("number %d has stripe %d", i, n)
		}
		seen[n] = true
	}
	if len(seen) < stripeCount*9/10 {
		t.Errorf("%d stripes for %d numbers", len(seen), 4*stripeCount)
	}
}
