package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
)

func oneWinner(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	const callers, numbers = 24, 12
	var wins [numbers]atomic.Int32
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for n := range numbers {
				x := block.Number(n)
				b := pair(t, letters(c*numbers+n), x, 10+c)
				// Everybody's own party in one role and the party they all want in one of three others.
				wanted := subscriber(t, 1+n)
				switch c % 3 {
				case 0:
					b.A = wanted
				case 1:
					b.B = wanted
				case 2:
					b.Mode, b.Group = binding.ModeGXB, []binding.Number{wanted}
				}
				err := s.Bind(ctx, b)
				var conflict *binding.ConflictError
				switch {
				case err == nil:
					wins[n].Add(1)
				case !errors.As(err, &conflict):
					t.Errorf("bind: %v", err)
				}
				if _, err := s.OnX(ctx, x); err != nil {
					t.Errorf("read meanwhile: %v", err)
				}
			}
		})
	}
	all.Wait()
	for n := range numbers {
		if w := wins[n].Load(); w != 1 {
			t.Errorf("number %d has %d winners", n, w)
		}
		if rows := onX(t, s, block.Number(n)); len(rows) != 1 {
			t.Errorf("number %d has %d rows", n, len(rows))
		}
	}
}

func oneWinnerOfID(t *testing.T, s binding.Store) {
	hold(t, s, block)
	var wins atomic.Int32
	var all sync.WaitGroup
	for c := range 24 {
		all.Go(func() {
			switch err := s.Bind(context.Background(), pair(t, "wanted", block.Number(c), c)); {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, binding.ErrExists):
				t.Errorf("bind: %v", err)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 || len(list(t, s, binding.Filter{})) != 1 {
		t.Errorf("%d winners, %d rows", wins.Load(), len(list(t, s, binding.Filter{})))
	}
}

func churn(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	const callers, rounds = 8, 30
	x := block.Number(1)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range rounds {
				b := pair(t, letters(c*rounds+i), x, c)
				b.CreatedAt = at(time.Duration(i) * time.Second)
				b.ExpiresAt = b.CreatedAt.Add(time.Second)
				if err := s.Bind(ctx, b); err != nil && !errors.Is(err, binding.ErrCrowded) {
					t.Errorf("bind: %v", err)
					return
				} else if err != nil {
					continue
				}
				rows, err := s.OnX(ctx, x)
				if err != nil {
					t.Errorf("read: %v", err)
				}
				seen := false
				for _, r := range rows {
					seen = seen || r.ID == b.ID
				}
				if !seen && len(rows) < binding.MaxRowsOnX {
					t.Errorf("a binding that was answered is not there")
				}
				if _, err := s.Unbind(ctx, b.ID, b.CreatedAt.Add(time.Millisecond)); err != nil {
					t.Errorf("unbind: %v", err)
				}
			}
		})
	}
	all.Wait()
	for _, b := range list(t, s, binding.Filter{X: x}) {
		if b.EndedAt.IsZero() {
			t.Errorf("%s is not ended", b.ID)
		}
	}
}

func unboundOnce(t *testing.T, s binding.Store) {
	hold(t, s, block)
	bind(t, s, full(t))
	var mu sync.Mutex
	ends := make(map[int64]int)
	var all sync.WaitGroup
	for c := range 16 {
		all.Go(func() {
			b, err := s.Unbind(context.Background(), "full", at(time.Duration(c+1)*time.Second))
			if err != nil {
				t.Errorf("unbind: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ends[b.EndedAt.UnixNano()]++
		})
	}
	all.Wait()
	if len(ends) != 1 {
		t.Errorf("it was ended at %d moments", len(ends))
	}
}

func removeUnder(t *testing.T, s binding.Store) {
	ctx := context.Background()
	for round := range 4 {
		hold(t, s, block)
		now := time.Now()
		var bound atomic.Int32
		var removed error
		var all sync.WaitGroup
		for c := range 8 {
			all.Go(func() {
				for i := range 10 {
					b := pair(t, letters(round*1000+c*10+i), block.Number(c*10+i), round*100+c)
					b.CreatedAt = now.Add(-time.Second)
					b.ExpiresAt = now.Add(time.Hour)
					switch err := s.Bind(ctx, b); {
					case err == nil:
						bound.Add(1)
					case !errors.Is(err, binding.ErrNotHeld):
						t.Errorf("bind: %v", err)
					}
				}
			})
		}
		all.Go(func() { removed = s.RemoveBlock(ctx, block) })
		all.Wait()
		live := list(t, s, binding.Filter{LiveAt: now})
		switch {
		case removed == nil && (len(live) != 0 || s.Holds(block)):
			t.Errorf("the block was removed with %d live bindings on it", len(live))
		case removed != nil && !errors.Is(removed, binding.ErrInUse):
			t.Errorf("remove: %v", removed)
		case len(live) != int(bound.Load()):
			t.Errorf("%d were bound, %d live", bound.Load(), len(live))
		}
		for _, b := range live {
			if _, err := s.Unbind(ctx, b.ID, now.Add(-time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if s.Holds(block) {
			if err := s.RemoveBlock(ctx, block); err != nil {
				t.Fatal(err)
			}
		}
	}
}
