package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"time"
)

// stripes are locks that can be waited for with a limit: who holds one may be held up by the disk. Each stands for
// all keys of one hash.
type stripes struct {
	seed  maphash.Seed
	locks []chan struct{} // a token inside: held
}

const stripeCount = 1024

func newStripes() *stripes {
	s := &stripes{seed: maphash.MakeSeed(), locks: make([]chan struct{}, stripeCount)}
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	return s
}

// ofNumber and ofID are the stripes of a 700 number and of a binding id.
func (s *stripes) ofNumber(x uint64) int {
	return int(maphash.Comparable(s.seed, x) % stripeCount)
}

func (s *stripes) ofID(id string) int {
	return int(maphash.String(s.seed, id) % stripeCount)
}

// lock takes all the stripes given, in one order for everybody, so that nobody waits in a circle. ErrStalled when that
// takes longer than timeout or than ctx allows.
func (s *stripes) lock(ctx context.Context, timeout time.Duration, which ...int) (unlock func(), err error) {
	slices.Sort(which)
	which = slices.Compact(which)
	release := func(n int) {
		for _, i := range which[:n] {
			<-s.locks[i]
		}
	}
	for n, i := range which {
		select {
		case s.locks[i] <- struct{}{}:
			continue
		default:
		}
		if err := s.wait(ctx, timeout, i); err != nil {
			release(n)
			return nil, err
		}
	}
	return func() { release(len(which)) }, nil
}

func (s *stripes) wait(ctx context.Context, timeout time.Duration, i int) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case s.locks[i] <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-timer.C:
		return ErrStalled
	}
}

// barrier returns when everybody who held a stripe at the call has let go of it.
func (s *stripes) barrier(ctx context.Context, timeout time.Duration) error {
	for i := range s.locks {
		unlock, err := s.lock(ctx, timeout, i)
		if err != nil {
			return err
		}
		unlock()
	}
	return nil
}
