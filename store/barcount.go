package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mask700/binding"
	"mask700/store/seal"
)

// barCount is how many entries the block lists have, which is bounded: for all, and for each tenant.
type barCount struct {
	sync.Mutex
	total int
	of    map[uint32]int // by tenant; 0: those over the bindings of all, which the bound of a tenant is not for
	swept time.Time      // when those were last looked for that are over

	// What was let in since the disk became full.
	filled    uint64         // the how manieth time that is
	onFull    int            // entries
	onFullFor map[uint32]int // of them by tenant
}

// How many entries are let in while the disk is full: so few that the records of calls do not miss their room, which is less than
// 2 KiB each with the log and the table that they come into. One tenant's are fewer, so that it leaves some to the others.
const (
	barsOnFull       = 1000
	barsOnFullTenant = 100
)

// take makes room for one of a tenant in whose place so many of it leave. filled is as of [guard.filled].
func (c *barCount) take(o *Options, tenant uint32, leave int, filled uint64) error {
	c.Lock()
	defer c.Unlock()
	switch {
	case tenant != 0 && c.of[tenant]-leave >= o.BarsOfTenant:
		return binding.ErrTenantBars
	case c.total-leave >= o.Bars:
		return binding.ErrAllBars
	case filled > 0 && !c.letInLocked(tenant, filled):
		return fmt.Errorf("%w, and entries of block lists too: as many as may be meanwhile were added", ErrDiskFull)
	}
	c.addLocked(tenant, 1-leave)
	return nil
}

// letInLocked reports whether one of a tenant is let in on a disk that is full for the how manieth time. One that fails has used its place
// up: it may still be written.
func (c *barCount) letInLocked(tenant uint32, filled uint64) bool {
	if c.filled != filled {
		c.filled, c.onFull, c.onFullFor = filled, 0, make(map[uint32]int)
	}
	if c.onFull >= barsOnFull || tenant != 0 && c.onFullFor[tenant] >= barsOnFullTenant {
		return false
	}
	c.onFull++
	c.onFullFor[tenant]++
	return true
}

func (c *barCount) add(tenant uint32, n int) {
	c.Lock()
	defer c.Unlock()
	c.addLocked(tenant, n)
}

func (c *barCount) addLocked(tenant uint32, n int) {
	if c.of == nil {
		c.of = make(map[uint32]int)
	}
	c.total += n
	if c.of[tenant] += n; c.of[tenant] <= 0 {
		delete(c.of, tenant)
	}
}

// barSweep is how often at most it is looked for entries that are over, where there is no room for another.
const barSweep = time.Minute

// sweepBars removes the entries that are over at a moment, and reports whether there were some. It looks at all of them, and so
// not often.
func (db *DB) sweepBars(ctx context.Context, at time.Time) (some bool, err error) {
	c := &db.barCount
	c.Lock()
	rest := at.Sub(c.swept)
	if rest < 0 || rest >= barSweep {
		c.swept, rest = at, barSweep
	}
	c.Unlock()
	if rest < barSweep {
		return false, nil
	}
	var ids []string
	lower, now := []byte{tableBar}, at.UnixNano()
	err = db.each(ctx, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		h, _, err := parseBarHeader(value)
		if err == nil && h.until != 0 && h.until <= now {
			ids = append(ids, string(key[1+seal.HashSize:]))
		}
		return true, err
	})
	if err != nil || len(ids) == 0 {
		return false, err
	}
	return true, db.removeBars(ctx, ids)
}

// BarStats is how full the block lists are.
type BarStats struct {
	Entries, Most int
	TenantMost    int            // of one tenant
	Tenants       map[string]int // by name; "": over the bindings of all
}

// BarStats returns it.
func (db *DB) BarStats() BarStats {
	c := &db.barCount
	c.Lock()
	defer c.Unlock()
	s := BarStats{Entries: c.total, Most: db.opts.Bars, TenantMost: db.opts.BarsOfTenant, Tenants: make(map[string]int, len(c.of))}
	for id, n := range c.of {
		name, err := db.tenants.name(id)
		if err != nil {
			continue // Check's to tell
		}
		s.Tenants[name] = n
	}
	return s
}
