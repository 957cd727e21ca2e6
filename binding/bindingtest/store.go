// Package bindingtest has a binding.Store for tests: in memory, exact about
// what the interface promises, with errors on demand.
package bindingtest

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"mask700/binding"
	"mask700/binding/pool"
)

// Store is a binding.Store in memory. The zero value is empty and ready.
// What it returns shares nothing with what it holds.
type Store struct {
	// Now is the clock of RemoveBlock; nil means time.Now. It is set before
	// the first use.
	Now func() time.Time
	// Limit is how many bindings may live on one number; 0 means
	// binding.DefaultLimitOnX. It is set before the first use.
	Limit int
	// Quarantine is for how long nobody comes back to a number; 0: there is
	// none. It is set before the first use.
	Quarantine time.Duration
	// Ahead is by how much the clock is not believed; nil: it is. It is set
	// before the first use.
	Ahead func() time.Duration
	// Share lets Draw take numbers that are in use. It is set before the first
	// use.
	Share bool
	// Served is which blocks of older ranges are served until when; nil: all are,
	// for good. It is set before the first use.
	Served binding.Served
	// Numbers is which numbers of those blocks there are; nil: all. It is set
	// before the first use.
	Numbers func(binding.X) bool

	mu       sync.Mutex // protects what follows
	blocks   map[binding.Block]binding.BlockState
	bindings map[string]binding.Binding
	onX      map[binding.X][]string // ids in order of Bind
	dialled  map[contact]time.Time
	drawn    map[binding.Block]*pool.Block
	turn     int // of draws
	tenants  map[string]binding.Tenant
	asked    map[[2]string]request // by tenant and key
	bars     map[string]binding.Bar
	tokens   map[string]binding.TenantToken
	failure  error
}

var _ binding.Store = (*Store)(nil)

// Fail makes every method that returns an error return err from now on, and
// change nothing; nil ends it.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// SetState opens, locks or drains a block that is held.
func (s *Store) SetState(b binding.Block, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held, ok := s.blocks[b]; ok {
		held.State = state
		s.blocks[b] = held
	}
}

// AddBlock implements binding.Store.
func (s *Store) AddBlock(ctx context.Context, b binding.BlockState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return err
	}
	if _, ok := s.blocks[b.Block]; ok {
		return binding.ErrExists
	}
	if s.blocks == nil {
		s.blocks = make(map[binding.Block]binding.BlockState)
	}
	b.Until = s.untilOf(b.Block)
	s.blocks[b.Block] = b
	return nil
}

// RemoveBlock implements binding.Store.
func (s *Store) RemoveBlock(ctx context.Context, b binding.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return err
	}
	if _, ok := s.blocks[b]; !ok {
		return binding.ErrNotHeld
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	at := now()
	for _, row := range s.bindings {
		if (row.X.Block() == b || row.Y.Block() == b) && row.EndedAt.IsZero() && endOf(&row).After(at) {
			return binding.ErrInUse
		}
	}
	delete(s.blocks, b)
	delete(s.drawn, b)
	return nil
}

// SetBlock implements binding.Store.
func (s *Store) SetBlock(ctx context.Context, b binding.Block, state string) (binding.BlockState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.BlockState{}, err
	}
	held, ok := s.blocks[b]
	if !ok {
		return binding.BlockState{}, binding.ErrNotHeld
	}
	held.State = state
	s.blocks[b] = held
	return held, nil
}

// LockNumber implements binding.Store.
func (s *Store) LockNumber(ctx context.Context, x binding.X, locked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return err
	}
	if _, ok := s.blocks[x.Block()]; !ok || !s.countedLocked(x.Block()).Has(int(x%binding.BlockSize)) {
		return binding.ErrNotHeld
	}
	s.countedLocked(x.Block()).Lock(int(x%binding.BlockSize), locked)
	return nil
}

// Stock implements binding.Store.
func (s *Store) Stock(ctx context.Context) ([]binding.Stock, error) {
	blocks, err := s.Blocks(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	all := make([]binding.Stock, 0, len(blocks))
	for _, state := range blocks {
		b := s.countedLocked(state.Block)
		use, _ := b.Count(second(now()), uint32(s.Quarantine.Seconds()))
		stock := binding.Stock{BlockState: state, InUse: use.InUse, Free: use.Free, Fresh: use.Fresh, Resting: use.Resting, Absent: use.Absent}
		if stock.Ended = !s.servedAt(state.Block, now()); stock.Ended {
			stock.Free, stock.Fresh, stock.Resting = 0, 0, 0
		}
		for _, serial := range b.Locked() {
			stock.LockedNumbers = append(stock.LockedNumbers, state.Block.Number(serial))
		}
		all = append(all, stock)
	}
	return all, nil
}

// Blocks implements binding.Store.
func (s *Store) Blocks(ctx context.Context) ([]binding.BlockState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	all := make([]binding.BlockState, 0, len(s.blocks))
	for _, b := range s.blocks {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b binding.BlockState) int { return cmp.Compare(a.Block, b.Block) })
	return all, nil
}

// Holds implements binding.Store.
func (s *Store) Holds(b binding.Block) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.blocks[b]
	return ok
}

// Block implements binding.Store.
func (s *Store) Block(b binding.Block) (binding.BlockState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.blocks[b]
	return state, ok
}

// Bind implements binding.Store.
func (s *Store) Bind(ctx context.Context, b binding.Binding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return err
	}
	return s.bindLocked(b, false)
}

// bindLocked is Bind; alone: the numbers are to be nobody else's.
func (s *Store) bindLocked(b binding.Binding, alone bool) error {
	if _, ok := s.bindings[b.ID]; ok {
		return binding.ErrExists
	}
	for _, x := range numbers(b) {
		if err := s.openLocked(x, b.Tenant, b.CreatedAt); err != nil {
			return &binding.NumberError{X: x, Err: err}
		}
		if err := b.EndBy(s.Served.Until(x.Block())); err != nil {
			return &binding.NumberError{X: x, Err: err}
		}
	}
	for _, x := range numbers(b) {
		live := 0
		for _, id := range s.onX[x] {
			row := s.bindings[id]
			if !overlap(&b, &row) {
				continue
			}
			if row.Collides(&b) {
				return &binding.NumberError{X: x, Err: &binding.ConflictError{Binding: row.ID, Anyone: !row.SharesParty(&b)}}
			}
			live++
		}
		if alone && live > 0 || live >= cmp.Or(s.Limit, binding.DefaultLimitOnX) {
			return &binding.NumberError{X: x, Err: binding.ErrCrowded}
		}
		if err := s.restedLocked(&b, x, b.Parties()); err != nil {
			return &binding.NumberError{X: x, Err: err}
		}
	}
	if s.bindings == nil {
		s.bindings = make(map[string]binding.Binding)
		s.onX = make(map[binding.X][]string)
	}
	s.bindings[b.ID] = clone(b)
	for _, x := range numbers(b) {
		s.onX[x] = append(s.onX[x], b.ID)
		s.tellLocked(x)
	}
	return nil
}

// Change implements binding.Store.
func (s *Store) Change(ctx context.Context, id string, change func(*binding.Binding) error) (binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, err
	}
	return s.changeLocked(id, change)
}

func (s *Store) changeLocked(id string, change func(*binding.Binding) error) (binding.Binding, error) {
	row, ok := s.bindings[id]
	if !ok {
		return binding.Binding{}, binding.ErrNotFound
	}
	r, err := binding.Revise(clone(row), s.Served.Change(change))
	switch {
	case err != nil:
		return binding.Binding{}, err
	case r.Wider:
		for _, x := range numbers(row) {
			err := s.clearLocked(&r, x)
			if err == nil {
				later := r.Binding
				later.CreatedAt = r.From
				err = s.restedLocked(&later, x, r.Newcomers())
			}
			if err != nil {
				return binding.Binding{}, &binding.NumberError{X: x, Err: err}
			}
		}
	}
	s.bindings[id] = clone(r.Binding)
	for _, x := range numbers(row) {
		s.tellLocked(x)
	}
	return r.Binding, nil
}

// clearLocked checks that nobody else on x collides with what a binding
// becomes, from the moment of the change on.
func (s *Store) clearLocked(r *binding.Revision, x binding.X) error {
	for _, id := range s.onX[x] {
		row := s.bindings[id]
		if id == r.ID || !row.Collides(&r.Binding) {
			continue
		}
		from := r.From
		if row.CreatedAt.After(from) {
			from = row.CreatedAt
		}
		if row.State(from) == binding.StateLive && r.State(from) == binding.StateLive {
			return &binding.ConflictError{Binding: id, Anyone: !row.SharesParty(&r.Binding)}
		}
	}
	return nil
}

// Unbind implements binding.Store.
func (s *Store) Unbind(ctx context.Context, id string, at time.Time) (binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, err
	}
	row, ok := s.bindings[id]
	if !ok {
		return binding.Binding{}, binding.ErrNotFound
	}
	if row.EndedAt.IsZero() {
		row.EndedAt = at
		s.bindings[id] = row
		for _, x := range numbers(row) {
			s.tellLocked(x)
		}
	}
	return clone(row), nil
}

// Imported implements binding.Store.
func (s *Store) Imported(ctx context.Context, id string) (binding.Binding, error) {
	return s.Binding(ctx, id)
}

// Binding implements binding.Store.
func (s *Store) Binding(ctx context.Context, id string) (binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return binding.Binding{}, err
	}
	row, ok := s.bindings[id]
	if !ok {
		return binding.Binding{}, binding.ErrNotFound
	}
	return clone(row), nil
}

// OnX implements binding.Store. Of rows made at the same moment the one that
// was bound later is the newer.
func (s *Store) OnX(ctx context.Context, x binding.X) ([]binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	rows := s.onLocked(x)
	return rows[:min(len(rows), binding.MaxRowsOnX)], nil
}

// Candidates implements binding.Store.
func (s *Store) Candidates(ctx context.Context, x binding.X, at time.Time) ([]binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	rows := s.onLocked(x)
	n := min(len(rows), binding.MaxRowsOnX)
	older := slices.DeleteFunc(rows[n:], func(b binding.Binding) bool { return b.State(at) != binding.StateLive && !b.Ahead(at) })
	return rows[:n+len(older)], nil
}

// onLocked returns all rows on a number, newest first.
func (s *Store) onLocked(x binding.X) []binding.Binding {
	var rows []binding.Binding
	for _, id := range slices.Backward(s.onX[x]) {
		rows = append(rows, clone(s.bindings[id]))
	}
	newestFirst(rows)
	return rows
}

func newestFirst(rows []binding.Binding) {
	slices.SortStableFunc(rows, func(a, b binding.Binding) int { return b.CreatedAt.Compare(a.CreatedAt) })
}

// List implements binding.Store. Each runs without the lock, on the rows as
// they were at the start.
func (s *Store) List(ctx context.Context, f binding.Filter, each func(binding.Binding) error) error {
	rows, err := s.selected(ctx, f)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) selected(ctx context.Context, f binding.Filter) ([]binding.Binding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return nil, err
	}
	after := binding.Binding{ID: f.After}
	if f.After != "" && f.Newest() {
		var ok bool
		if after, ok = s.bindings[f.After]; !ok {
			return nil, &binding.FieldError{Field: "after", Err: binding.ErrCursor}
		}
	}
	var rows []binding.Binding
	for _, row := range s.bindings {
		if f.Match(&row) && (f.After == "" || f.Listed(&row, &after) > 0) {
			rows = append(rows, clone(row))
		}
	}
	slices.SortFunc(rows, func(a, b binding.Binding) int { return f.Listed(&a, &b) })
	if f.Limit > 0 {
		rows = rows[:min(f.Limit, len(rows))]
	}
	return rows, nil
}

// cursors are those of History.
var cursors = regexp.MustCompile(`^([A-Za-z]+_[0-9]+)?$`)

// History implements binding.Store. Each runs without the lock.
func (s *Store) History(ctx context.Context, q binding.HistoryQuery, each func(binding.Holding) error) error {
	if err := q.Check(); err != nil {
		return err
	}
	var rows []binding.Binding
	err := s.List(ctx, binding.Filter{}, func(b binding.Binding) error {
		rows = append(rows, b)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b binding.Binding) int { return b.CreatedAt.Compare(a.CreatedAt) })
	if !cursors.MatchString(q.After) {
		return &binding.FieldError{Field: "after", Err: binding.ErrCursor}
	}
	left, seen := q.Limit, q.After == ""
	for _, b := range rows {
		for _, h := range q.Holdings(&b) {
			h.Cursor = fmt.Sprintf("%s_%d", b.ID, h.From.UnixNano())
			if !seen {
				seen = h.Cursor == q.After
				continue
			}
			if err := each(h); err != nil {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
	}
	return nil
}

func (s *Store) usableLocked(ctx context.Context) error {
	if s.failure != nil {
		return s.failure
	}
	return ctx.Err()
}

// numbers returns the one or two numbers of b.
func numbers(b binding.Binding) []binding.X {
	if b.Y == 0 || b.Y == b.X {
		return []binding.X{b.X}
	}
	return []binding.X{b.X, b.Y}
}

func clone(b binding.Binding) binding.Binding {
	b.Group, b.Changes = slices.Clone(b.Group), slices.Clone(b.Changes)
	return b
}
