package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// The value of a locked number's row: its version. Nothing in it is secret.
const lockRowSize = 1

func parseLock(key, value []byte) (binding.X, error) {
	if len(key) == 9 && len(value) == lockRowSize && value[0] == rowVersion {
		if x := binding.X(binary.BigEndian.Uint64(key[1:])); x.Valid() {
			return x, nil
		}
	}
	return 0, fmt.Errorf("%w: a locked number", ErrCorrupt)
}

// loadLocks tells the blocks of a table which of their numbers are locked.
func (db *DB) loadLocks(t *blockTable) error {
	lower := []byte{tableLock}
	lock := func(x binding.X) {
		if held := t.held[x.Block()]; held != nil {
			held.Lock(serialOf(x), true)
		}
	}
	return salvage(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		x, err := parseLock(key, value)
		if err == nil {
			lock(x)
		}
		return true, err
	}, db.lostAtOpen("locks: numbers that may have had one are locked", func(from, to []byte) {
		for block := range t.held {
			for serial := range binding.BlockSize {
				x := block.Number(serial)
				if key := key64(tableLock, uint64(x)); bytes.Compare(key, from) >= 0 && bytes.Compare(key, to) < 0 {
					lock(x)
				}
			}
		}
	}))
}

// LockNumber implements binding.Store; ErrStalled and ErrBusy besides. It waits for who is binding on the number.
func (db *DB) LockNumber(ctx context.Context, x binding.X, locked bool) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	// A block that is removed takes its locks with it: none may come after.
	unlockBlocks, err := db.blocks.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return err
	}
	held := db.blocks.table.Load().held[x.Block()]
	if held == nil || !held.Has(serialOf(x)) {
		unlockBlocks()
		return binding.ErrNotHeld
	}
	unlockNumber, err := db.locks.lock(ctx, db.opts.WriteTimeout, db.locks.ofNumber(uint64(x)))
	if err != nil {
		unlockBlocks()
		return err
	}
	key := key64(tableLock, uint64(x))
	return db.bindWrites.do(ctx,
		func(b *pebble.Batch) error {
			if locked {
				return b.Set(key, []byte{rowVersion}, nil)
			}
			return b.Delete(key, nil)
		},
		func(written bool) {
			if written {
				held.Lock(serialOf(x), locked)
			}
			unlockNumber()
			unlockBlocks()
		})
}

// Stock implements binding.Store. What it cannot read is an alarm of the engine's besides.
func (db *DB) Stock(ctx context.Context) ([]binding.Stock, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	table := db.blocks.table.Load()
	now, rest := second(db.opts.Now()), uint32(db.opts.Quarantine.Seconds())
	all := make([]binding.Stock, 0, len(table.states))
	for _, block := range slices.Sorted(maps.Keys(table.states)) {
		held := table.held[block]
		if err := db.count(ctx, held); err != nil && ctx.Err() != nil {
			return nil, err
		}
		use, counted := held.Count(now, rest)
		s := binding.Stock{
			BlockState: table.states[block], InUse: use.InUse, Free: use.Free, Fresh: use.Fresh, Resting: use.Resting, Absent: use.Absent, Worn: use.Worn,
			Unread: !counted, Decided: held.decided,
		}
		if s.Ended = !held.served(db.opts.Now()); s.Ended {
			s.Free, s.Fresh, s.Resting = 0, 0, 0
		}
		for _, serial := range held.Locked() {
			s.LockedNumbers = append(s.LockedNumbers, block.Number(serial))
		}
		all = append(all, s)
	}
	return all, nil
}
