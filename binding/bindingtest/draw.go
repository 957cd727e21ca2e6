package bindingtest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"mask700/binding"
	"mask700/binding/pool"
)

// maxDraws is how many numbers are tried for one binding.
const maxDraws = 256

// Draw implements binding.Store. The order of each block is always the same.
func (s *Store) Draw(ctx context.Context, b binding.Binding) (binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, err
	}
	return s.drawForLocked(b)
}

// Import implements binding.Store, one after the other.
func (s *Store) Import(ctx context.Context, bs []binding.Binding) []error {
	errs := make([]error, len(bs))
	for i, b := range bs {
		if !b.Lacks() {
			errs[i] = s.Bind(ctx, b)
		} else if b, errs[i] = s.Draw(ctx, b); errs[i] == nil {
			bs[i] = b
		}
	}
	return errs
}

// drawForLocked draws the numbers that b lacks and binds it.
func (s *Store) drawForLocked(b binding.Binding) (binding.Binding, error) {
	given := b
	for tries := range maxDraws {
		alone := true
		b.ExpiresAt = given.ExpiresAt
		for _, n := range []struct {
			into *binding.X
			want bool
		}{{&b.X, given.X == 0}, {&b.Y, given.Y == 0 && b.Mode.HasY()}} {
			if !n.want {
				continue
			}
			x, free := s.drawLocked(&b)
			if x == 0 {
				return binding.Binding{}, s.exhaustedLocked(&b, tries)
			}
			*n.into, alone = x, alone && free
		}
		if b.X == b.Y {
			continue
		}
		err := s.bindLocked(b, alone && given.X == 0 && given.Y == 0)
		var about *binding.NumberError
		switch {
		case err == nil:
			return clone(s.bindings[b.ID]), nil
		case !errors.As(err, &about) || about.X == given.X || about.X == given.Y:
			return binding.Binding{}, err
		}
	}
	return binding.Binding{}, s.exhaustedLocked(&b, maxDraws)
}

// drawLocked draws a number and gives it back at once: nobody else draws
// meanwhile. 0: there is none.
func (s *Store) drawLocked(lacking *binding.Binding) (x binding.X, free bool) {
	now := second(lacking.CreatedAt)
	open, older, _ := s.poolLocked(lacking)
	s.turn++
	fresh := func(p *pool.Block) (pool.Drawn, bool) { return p.DrawFresh(now) }
	any := func(p *pool.Block) (pool.Drawn, bool) { return p.Draw(now) }
	used := func(p *pool.Block) (pool.Drawn, bool) {
		if !s.Share {
			return pool.Drawn{}, false
		}
		return p.DrawUsed(s.turn%pool.Size, now)
	}
	for _, step := range []struct {
		from []binding.Block
		draw func(*pool.Block) (pool.Drawn, bool)
	}{{open, fresh}, {open, any}, {older, fresh}, {older, any}, {open, used}, {older, used}} {
		for i := range step.from {
			b := step.from[(s.turn+i)%len(step.from)]
			if d, ok := step.draw(s.countedLocked(b)); ok {
				s.drawn[b].Return(d)
				x := b.Number(d.Serial)
				return x, s.usedLocked(x) <= now
			}
		}
	}
	return 0, false
}

// poolLocked returns the open blocks that a binding draws from, in order: those of
// 700 numbers, and those of older ranges that suit it. ending is how many do not.
func (s *Store) poolLocked(lacking *binding.Binding) (open, older []binding.Block, ending int) {
	owner := s.ownerLocked(lacking.Tenant)
	for b, state := range s.blocks {
		if cmp.Or(state.Tenant, binding.DefaultTenant) != owner || state.State != binding.BlockOpen {
			continue
		}
		cut := *lacking
		switch {
		case !b.Older():
			open = append(open, b)
		case s.servedAt(b, lacking.CreatedAt) && cut.EndBy(s.Served.Until(b)) == nil:
			older = append(older, b)
		default:
			ending++
		}
	}
	slices.Sort(open)
	slices.Sort(older)
	return open, older, ending
}

// servedAt reports whether numbers of a block are served at a moment.
func (s *Store) servedAt(b binding.Block, at time.Time) bool {
	until := s.Served.Until(b)
	return until.IsZero() || at.Before(until)
}

// untilOf is what is told of a block.
func (s *Store) untilOf(b binding.Block) time.Time {
	if until := s.Served.Until(b); until.Unix() != 0 {
		return until
	}
	return time.Time{}
}

// ownerLocked is the tenant whose blocks a tenant draws from.
func (s *Store) ownerLocked(tenant string) string {
	for _, state := range s.blocks {
		if cmp.Or(state.Tenant, binding.DefaultTenant) == tenant {
			return tenant
		}
	}
	if t, _ := s.tenantLocked(tenant); t.OwnBlocks {
		return tenant
	}
	return binding.DefaultTenant
}

func (s *Store) exhaustedLocked(lacking *binding.Binding, closed int) error {
	now := second(lacking.CreatedAt)
	open, older, ending := s.poolLocked(lacking)
	open = append(open, older...)
	err := &binding.PoolError{Tenant: s.ownerLocked(lacking.Tenant), Blocks: len(open), Closed: closed, Ending: ending}
	for _, b := range open {
		u, _ := s.countedLocked(b).Count(now, 0)
		err.InUse += u.InUse
		err.Locked += u.Locked
		err.Absent += u.Absent
	}
	return err
}

func (s *Store) openLocked(x binding.X, tenant string, at time.Time) error {
	b, ok := s.blocks[x.Block()]
	switch {
	case !ok:
		return binding.ErrNotHeld
	case cmp.Or(b.Tenant, binding.DefaultTenant) != s.ownerLocked(cmp.Or(tenant, binding.DefaultTenant)):
		return binding.ErrOtherTenant
	case !s.countedLocked(x.Block()).Has(int(x % binding.BlockSize)):
		return binding.ErrNotHeld
	case !s.servedAt(x.Block(), at):
		return binding.ErrRangeOver
	case b.State != binding.BlockOpen:
		return binding.ErrNotOpen
	case s.countedLocked(x.Block()).IsLocked(int(x % binding.BlockSize)):
		return binding.ErrNumberLocked
	}
	return nil
}

// countedLocked returns a block of which it is counted what is in use.
func (s *Store) countedLocked(b binding.Block) *pool.Block {
	if p := s.drawn[b]; p != nil {
		return p
	}
	if s.drawn == nil {
		s.drawn = make(map[binding.Block]*pool.Block)
	}
	until := make([]uint32, pool.Size)
	for x := range s.onX {
		if x.Block() == b {
			until[x%pool.Size] = s.usedLocked(x)
		}
	}
	p := pool.NewBlock(pool.NewOrder([32]byte{byte(b), byte(b >> 8)}), 0, 0)
	if has := s.Numbers; has != nil && b.Older() {
		p.Keep(func(serial int) bool { return has(b.Number(serial)) })
	}
	p.EndCount(until)
	s.drawn[b] = p
	return p
}

// tellLocked keeps the count of a number's block.
func (s *Store) tellLocked(x binding.X) {
	if b := s.drawn[x.Block()]; b != nil {
		b.Set(int(x%pool.Size), s.usedLocked(x))
	}
}

// usedLocked says until when a number is in use.
func (s *Store) usedLocked(x binding.X) (until uint32) {
	for _, id := range s.onX[x] {
		row := s.bindings[id]
		end := pool.Never
		if !row.ExpiresAt.IsZero() {
			end = second(row.ExpiresAt.Add(time.Second - 1))
		}
		if !row.EndedAt.IsZero() {
			end = min(end, second(row.EndedAt))
		}
		until = max(until, end)
	}
	return until
}

// second is a moment of a pool.
func second(t time.Time) uint32 { return uint32(min(max(t.Unix(), 1), int64(pool.Worn-1))) }
