package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// blockTable is the blocks held, in memory: Holds is asked for every call and must not wait for anything. It is
// replaced as a whole after the row is on disk; the map is never changed.
type blockTable struct {
	states map[binding.Block]binding.BlockState
	held   map[binding.Block]*heldBlock
	pools  map[string]*tenantPool // by tenant; one that has no block is not there
	// leaving is being removed: it takes no new bindings while the live ones are counted.
	leaving binding.Block
}

// blocks holds the current table. Who changes it holds the gate until its row is on disk.
type blocks struct {
	table atomic.Pointer[blockTable]
	gate  *locks // the one named 0 only
}

func (t *blockTable) with(s binding.BlockState, h *heldBlock) *blockTable {
	next := &blockTable{states: maps.Clone(t.states), held: maps.Clone(t.held), leaving: t.leaving}
	next.states[s.Block], next.held[s.Block] = s, h
	return next.index()
}

func (t *blockTable) without(b binding.Block) *blockTable {
	next := &blockTable{states: maps.Clone(t.states), held: maps.Clone(t.held)}
	delete(next.states, b)
	delete(next.held, b)
	return next.index()
}

// leave is the table with a block that is being removed.
func (t *blockTable) leave(b binding.Block) *blockTable {
	return &blockTable{states: t.states, held: t.held, pools: t.pools, leaving: b}
}

// open returns why x cannot be bound for a tenant, whose bindings are on the blocks of an owner, at a moment, if it cannot.
func (t *blockTable) open(x binding.X, owner string, at time.Time) error {
	s, ok := t.states[x.Block()]
	switch {
	case !ok:
		return binding.ErrNotHeld
	case cmp.Or(s.Tenant, binding.DefaultTenant) != owner:
		return binding.ErrOtherTenant
	case !t.held[s.Block].Has(serialOf(x)):
		return binding.ErrNotHeld
	case !t.held[s.Block].served(at):
		return binding.ErrRangeOver
	case s.State != binding.BlockOpen || t.leaving == s.Block:
		return binding.ErrNotOpen
	case t.held[s.Block].IsLocked(serialOf(x)):
		return binding.ErrNumberLocked
	}
	return nil
}

// MayAnswer says why calls to a number may not be decided by an endpoint of a tenant or, with shown, the number not be shown to
// somebody for it, if that is so: what may not be bound may not be answered either. To a number that is locked calls go on.
func (db *DB) MayAnswer(tenant string, x binding.X, shown bool) error {
	table := db.blocks.table.Load()
	err := table.open(x, db.ownerOf(table, tenant), db.opts.Now())
	if !shown && (errors.Is(err, binding.ErrNotOpen) || errors.Is(err, binding.ErrNumberLocked)) {
		return nil
	}
	return err
}

// States of a block as a row holds them: the index. New ones are added at the end.
var blockStates = [...]string{binding.BlockOpen, binding.BlockLocked, binding.BlockDraining}

// The value of a block's row: version u8, state u8, tenant u32, added u64. Nothing in it is secret.
const blockRowSize = 14

func (db *DB) loadBlocks() error {
	t := &blockTable{states: make(map[binding.Block]binding.BlockState), held: make(map[binding.Block]*heldBlock)}
	lower := []byte{tableBlock}
	err := salvage(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		s, err := db.parseBlock(key, value)
		if err != nil {
			return false, err
		}
		held, err := db.newHeld(s.Block)
		if err == nil {
			t.states[s.Block], t.held[s.Block] = s, held
		}
		return true, err
	}, db.lostAtOpen("blocks: their numbers are not held", nil))
	if err == nil {
		err = db.loadLocks(t)
	}
	if err != nil {
		return err
	}
	db.blocks.table.Store(t.index())
	return nil
}

func (db *DB) parseBlock(key, value []byte) (binding.BlockState, error) {
	w := wire{b: value}
	version, state, tenant, added := w.byte(), w.byte(), w.uint32(), w.uint64()
	if len(key) != 9 || w.end() != nil || version != rowVersion || int(state) >= len(blockStates) || int64(added) < 0 {
		return binding.BlockState{}, fmt.Errorf("%w: a block", ErrCorrupt)
	}
	name, err := db.tenants.name(tenant)
	if err != nil {
		return binding.BlockState{}, err
	}
	return binding.BlockState{
		Block:   binding.Block(binary.BigEndian.Uint64(key[1:])),
		State:   blockStates[state],
		AddedAt: timeOf(int64(added)),
		Tenant:  name,
		Until:   db.until(binding.Block(binary.BigEndian.Uint64(key[1:]))),
	}, nil
}

// until is when the numbers of a block are not served any more, as it is told: of one that is not served at all, and never
// was, there is no time to tell.
func (db *DB) until(b binding.Block) time.Time {
	if until := db.opts.Served.Until(b); until.Unix() != 0 {
		return until
	}
	return time.Time{}
}

// AddBlock holds a block from now on. It implements binding.Store; ErrDiskFull, ErrStalled and ErrBusy besides.
func (db *DB) AddBlock(ctx context.Context, s binding.BlockState) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	added, ok := nanos(s.AddedAt)
	switch {
	case !s.Block.Valid():
		return fmt.Errorf("%w: %w", ErrRow, binding.ErrBlock)
	case !slices.Contains(blockStates[:], s.State):
		return fmt.Errorf("%w: a block's state that is not known", ErrRow)
	case !ok:
		return errTime
	case db.guard.full.Load():
		return ErrDiskFull
	}
	tenant, err := db.tenantID(ctx, s.Tenant)
	if err != nil {
		return err
	}
	unlock, err := db.blocks.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return err
	}
	if _, ok := db.blocks.table.Load().states[s.Block]; ok {
		unlock()
		return binding.ErrExists
	}
	held, err := db.newHeld(s.Block)
	if err != nil {
		unlock()
		return err
	}
	value := blockValue(s, tenant)
	s.AddedAt, s.Until = timeOf(added), db.until(s.Block)
	return db.bindWrites.do(ctx,
		func(b *pebble.Batch) error { return b.Set(key64(tableBlock, uint64(s.Block)), value, nil) },
		func(written bool) {
			if written {
				db.blocks.table.Store(db.blocks.table.Load().with(s, held))
			}
			unlock()
		})
}

// SetBlock puts a block into another state. It implements binding.Store; ErrRow, ErrStalled and ErrBusy besides. Whoever
// began to bind before may still be done with it after.
func (db *DB) SetBlock(ctx context.Context, block binding.Block, state string) (binding.BlockState, error) {
	if err := db.enter(ctx); err != nil {
		return binding.BlockState{}, err
	}
	defer db.leave()
	if !slices.Contains(blockStates[:], state) {
		return binding.BlockState{}, fmt.Errorf("%w: a block's state that is not known", ErrRow)
	}
	unlock, err := db.blocks.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return binding.BlockState{}, err
	}
	before := db.blocks.table.Load()
	s, ok := before.states[block]
	if !ok {
		unlock()
		return binding.BlockState{}, binding.ErrNotHeld
	}
	if s.State == state {
		unlock()
		return s, nil
	}
	tenant, err := db.tenantID(ctx, s.Tenant)
	if err != nil {
		unlock()
		return binding.BlockState{}, err
	}
	s.State = state
	value := blockValue(s, tenant)
	err = db.bindWrites.do(ctx,
		func(b *pebble.Batch) error { return b.Set(key64(tableBlock, uint64(block)), value, nil) },
		func(written bool) {
			if written {
				db.blocks.table.Store(before.with(s, before.held[block]))
			}
			unlock()
		})
	if err != nil {
		return binding.BlockState{}, err
	}
	return s, nil
}

// blockValue is a block's row. Its state and time are known to fit.
func blockValue(s binding.BlockState, tenant uint32) []byte {
	added, _ := nanos(s.AddedAt)
	value := append(make([]byte, 0, blockRowSize), rowVersion, byte(slices.Index(blockStates[:], s.State)))
	value = binary.BigEndian.AppendUint32(value, tenant)
	return binary.BigEndian.AppendUint64(value, uint64(added))
}

// RemoveBlock gives a block up. It implements binding.Store; ErrStalled and ErrBusy besides. Bindings on other blocks
// are made as before while it looks for live ones.
func (db *DB) RemoveBlock(ctx context.Context, block binding.Block) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	unlock, err := db.blocks.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return err
	}
	before := db.blocks.table.Load()
	if _, ok := before.states[block]; !ok {
		unlock()
		return binding.ErrNotHeld
	}
	settle := func(written bool) {
		after := before
		if written {
			after = before.without(block)
		}
		db.blocks.table.Store(after)
		unlock()
	}
	// From here on nobody begins to bind on it; who began before is waited for.
	db.blocks.table.Store(before.leave(block))
	if err := db.locks.barrier(ctx, db.opts.WriteTimeout); err != nil {
		settle(false)
		return err
	}
	if err := db.unused(ctx, block); err != nil {
		settle(false)
		return err
	}
	return db.bindWrites.do(ctx,
		func(b *pebble.Batch) error {
			first := uint64(block.Number(0))
			if err := b.DeleteRange(key64(tableLock, first), key64(tableLock, first+binding.BlockSize), nil); err != nil {
				return err
			}
			return b.Delete(key64(tableBlock, uint64(block)), nil)
		}, settle)
}

// unused returns ErrInUse when a binding on the block is live, or will be: one that was made by a clock which was set back
// since then.
func (db *DB) unused(ctx context.Context, block binding.Block) error {
	now := db.earlier(db.opts.Now())
	lower := key64(tableRow, uint64(block.Number(0)))
	upper := key64(tableRow, uint64(block.Number(0))+binding.BlockSize)
	n := 0
	return scan(db.bind, lower, upper, func(key, value []byte) (bool, error) {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		p, h, _, err := splitRow(key, value)
		if err != nil {
			return false, err
		}
		if times := h.times(p); notOver(&times, now) {
			return false, binding.ErrInUse
		}
		return true, nil
	})
}

// Blocks returns the blocks held, in ascending order. It implements binding.Store.
func (db *DB) Blocks(ctx context.Context) ([]binding.BlockState, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	states := db.blocks.table.Load().states
	out := make([]binding.BlockState, 0, len(states))
	for _, b := range slices.Sorted(maps.Keys(states)) {
		out = append(out, states[b])
	}
	return out, nil
}

// Block returns a block that is held. It implements binding.Store: memory only.
func (db *DB) Block(b binding.Block) (binding.BlockState, bool) {
	s, ok := db.blocks.table.Load().states[b]
	return s, ok
}

// Holds reports whether a block is held, in whatever state. It implements binding.Store: memory only.
func (db *DB) Holds(b binding.Block) bool {
	_, ok := db.blocks.table.Load().states[b]
	return ok
}
