package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mask700/binding"
	"mask700/binding/pool"
)

// heldBlock is a block with what is known of its numbers. It is the same one in all tables that have the block.
type heldBlock struct {
	*pool.Block
	block    binding.Block
	until    time.Time  // when its numbers are not served any more; zero: they are for good
	decided  bool       // an endpoint gives its numbers out
	counting sync.Mutex // held while its rows are read
	rows     numbersSeen
}

// tenantPool is what the bindings of a tenant draw from, as one table of blocks has it.
type tenantPool struct {
	tenant string
	open   []*heldBlock
	older  []*heldBlock                 // the open ones of older ranges, which are none of those
	fresh  atomic.Pointer[[]*heldBlock] // those of open that still have numbers that never were in use

	spent atomic.Pointer[spentPool]
}

// spentPool is how a pool stood when its last number was gone. Counting a large one for every binding that is refused
// would be dear.
type spentPool struct {
	at    uint32
	older int // how many of the older blocks suited
	err   binding.PoolError
}

// ownerOf is the tenant whose blocks a tenant's bindings are on: itself, or where it has none DefaultTenant, unless it takes none of
// the shared ones. Nothing is gone through for it: it is asked for every bind.
func (db *DB) ownerOf(t *blockTable, tenant string) string {
	tenant = cmp.Or(tenant, binding.DefaultTenant)
	if _, ok := t.pools[tenant]; ok {
		return tenant
	}
	if settings, _ := db.Tenant(tenant); settings.OwnBlocks {
		return tenant
	}
	return binding.DefaultTenant
}

// index fills what is found by tenant.
func (t *blockTable) index() *blockTable {
	t.pools = make(map[string]*tenantPool)
	for block, s := range t.states {
		owner := cmp.Or(s.Tenant, binding.DefaultTenant)
		p := t.pools[owner]
		if p == nil {
			p = &tenantPool{tenant: owner}
			t.pools[owner] = p
		}
		switch {
		case s.State != binding.BlockOpen, t.held[block].decided:
		case block.Older():
			p.older = append(p.older, t.held[block])
		default:
			p.open = append(p.open, t.held[block])
		}
	}
	for _, p := range t.pools {
		for _, list := range [][]*heldBlock{p.open, p.older} {
			slices.SortFunc(list, func(a, b *heldBlock) int { return cmp.Compare(a.block, b.block) })
		}
		fresh := p.open
		p.fresh.Store(&fresh)
	}
	return t
}

// dropFresh takes a block out of those that have fresh numbers.
func (p *tenantPool) dropFresh(b *heldBlock) {
	for {
		before := p.fresh.Load()
		i := slices.Index(*before, b)
		if i < 0 {
			return
		}
		after := slices.Concat((*before)[:i], (*before)[i+1:])
		if p.fresh.CompareAndSwap(before, &after) {
			return
		}
	}
}

// newHeld makes what is known of a block that was not counted yet.
func (db *DB) newHeld(b binding.Block) (*heldBlock, error) {
	leased, err := db.leased(b)
	if errors.Is(err, ErrCorrupt) {
		db.lostAtOpen("how far a block is drawn: its free numbers are looked for one by one", nil)(nil, nil, err)
		leased, err = pool.Size, nil
	}
	if err != nil {
		return nil, err
	}
	held := &heldBlock{Block: pool.NewBlock(pool.NewOrder(db.orderSeed(b)), leased, rand.IntN(pool.Size)), block: b, until: db.opts.Served.Until(b)}
	held.decided = db.opts.Decided != nil && db.opts.Decided(b)
	if has := db.opts.Numbers; has != nil && b.Older() {
		held.Keep(func(serial int) bool { return has(b.Number(serial)) })
	}
	return held, nil
}

// served reports whether numbers of a block are bound and answered at a moment.
func (h *heldBlock) served(at time.Time) bool { return h.until.IsZero() || at.Before(h.until) }

// suits reports whether a binding can be on a block: its numbers are served, and as long as it lives or it can be cut.
func (h *heldBlock) suits(b *binding.Binding) bool {
	cut := *b
	return h.served(b.CreatedAt) && cut.EndBy(h.until) == nil
}

// orderSeed is the secret of the order in which the numbers of a block are drawn.
func (db *DB) orderSeed(b binding.Block) (seed [32]byte) {
	for i := 0; i*12 < len(seed); i++ {
		h := db.bindKeys.index.Hash(domainDraws, fmt.Sprintf("%s %d", b, i))
		copy(seed[i*12:], h[1:])
	}
	return seed
}

// The value of a row of draws: version u8, positions noted as drawn u16.
const drawsRowSize = 3

func drawsRow(b binding.Block, leased int) pair {
	return pair{key64(tableDraws, uint64(b)), binary.BigEndian.AppendUint16([]byte{rowVersion}, uint16(leased))}
}

// leased is how many positions of a block were noted as drawn. The note stays when the block goes.
func (db *DB) leased(b binding.Block) (int, error) {
	v, ok, err := get(db.bind, key64(tableDraws, uint64(b)))
	if err != nil || !ok {
		return 0, err
	}
	return parseDraws(v)
}

func parseDraws(v []byte) (int, error) {
	if len(v) != drawsRowSize || v[0] != rowVersion || binary.BigEndian.Uint16(v[1:]) > pool.Size {
		return 0, fmt.Errorf("%w: how far a block is drawn", ErrCorrupt)
	}
	return int(binary.BigEndian.Uint16(v[1:])), nil
}

// second is a moment of a pool, at or before t.
func second(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 1), int64(pool.Worn-1)))
}

// usedUntil is until when a binding has its numbers in use. A binding that is unbound gives them back at once, one that
// expires with the next whole second.
func usedUntil(b *binding.Binding) uint32 {
	end := ends(b)
	switch {
	case end.Equal(lastTime):
		return pool.Never
	case !b.EndedAt.IsZero() && end.Equal(b.EndedAt):
		return second(end)
	}
	return second(end.Add(time.Second - 1))
}

// count reads which numbers of a block are in use, unless that is known. Nothing is opened.
func (db *DB) count(ctx context.Context, b *heldBlock) error {
	if b.Counted() {
		return nil
	}
	b.counting.Lock()
	defer b.counting.Unlock()
	if b.Counted() {
		return nil
	}
	b.BeginCount()
	until, rows := make([]uint32, pool.Size), make([]int32, pool.Size)
	first := uint64(b.block.Number(0))
	err := db.each(ctx, key64(tableRow, first), key64(tableRow, first+pool.Size), func(key, value []byte) (bool, error) {
		serial := int(binary.BigEndian.Uint64(key[1:]) - first)
		until[serial] = max(until[serial], usedByRow(key, value))
		if rows[serial]++; int(rows[serial]) >= db.opts.maxRows {
			until[serial] = pool.Worn
		}
		return true, nil
	})
	if err == nil {
		err = db.countContacts(ctx, b)
	}
	if err != nil {
		return err
	}
	b.EndCount(until)
	return nil
}

// usedByRow is usedUntil of a row. One that cannot be read may be live.
func usedByRow(key, value []byte) uint32 {
	p, h, _, err := splitRow(key, value)
	if err != nil {
		return pool.Never
	}
	times := h.times(p)
	return usedUntil(&times)
}

// tellPool says that bindings on numbers, which the caller holds, were changed on disk. It reads what is on them: who answers for the
// disk has others wait meanwhile, and does so for what nobody could read before alone.
func (db *DB) tellPool(numbers []binding.X) {
	for _, x := range numbers {
		held := db.blocks.table.Load().held[x.Block()]
		if held == nil || !held.Watched() {
			continue
		}
		until, err := db.usedBeside(x, 0)
		if err != nil { // what cannot be read may be in use
			until = pool.Never
		}
		held.Set(serialOf(x), until)
	}
}

// usedBeside is until when a number is in use by the rows on it, but for the one at a start. Of those that are known to be over it is
// told from that. pool.Worn: there are as many as may be.
func (db *DB) usedBeside(x binding.X, own uint64) (until uint32, err error) {
	rows, unread := 0, false
	use := func(p place, used uint32) {
		if p.start != own {
			until = max(until, used)
		}
	}
	old := db.pasts.reader(pastOf{x: x})
	now := db.opts.Now()
	err = scanPrefix(db.bind, key64(tableRow, uint64(x)), func(key, value []byte) (bool, error) {
		p, h, _, err := splitRow(key, value)
		if err != nil {
			rows, until, unread = rows+1, pool.Never, true // it may be live
			return true, nil
		}
		if rows == 0 {
			old.recall()
		}
		if old.behind(p.start, lastTime) {
			rows += old.known.rows
			until = max(until, second(old.known.over.Add(time.Second-1)))
			return false, db.eachAt(x, old.rest(p.start), func(p place, h rowHeader, _ []byte) error {
				times := h.times(p)
				end := ends(&times)
				old.again(p.start, end, !end.After(now))
				use(p, usedUntil(&times))
				return nil
			})
		}
		rows++
		times := h.times(p)
		end := ends(&times)
		old.row(p.start, end, !end.After(now))
		use(p, usedUntil(&times))
		return true, nil
	})
	if err != nil {
		return pool.Never, err
	}
	if !unread {
		old.end()
	}
	if rows >= db.opts.maxRows {
		until = pool.Worn
	}
	return until, nil
}

// usedWith is until when each of a binding's numbers, which the caller holds, is in use once its row at a start is written anew;
// pool.Unused: nobody asks so far.
func (db *DB) usedWith(b *binding.Binding, numbers []binding.X, start uint64) []uint32 {
	used := make([]uint32, len(numbers))
	for i, x := range numbers {
		if held := db.blocks.table.Load().held[x.Block()]; held == nil || !held.Watched() {
			continue
		}
		until, err := db.usedBeside(x, start)
		switch {
		case err != nil: // what cannot be read may be in use
			until = pool.Never
		case until != pool.Worn:
			until = max(until, usedUntil(b))
		}
		used[i] = until
	}
	return used
}

// setPool tells the pool what usedWith said, when it is on disk.
func (db *DB) setPool(numbers []binding.X, used []uint32) {
	for i, x := range numbers {
		if used[i] == pool.Unused {
			db.tellPool(numbers[i : i+1])
		} else if held := db.blocks.table.Load().held[x.Block()]; held != nil {
			held.Set(serialOf(x), used[i])
		}
	}
}

// rowsGone says that rows at some places were deleted: their numbers can be drawn again, if they had as many as may be.
func (db *DB) rowsGone(ctx context.Context, places []place) error {
	for _, p := range places {
		held := db.blocks.table.Load().held[p.x.Block()]
		if held == nil || !held.IsWorn(serialOf(p.x)) {
			continue
		}
		unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, db.locks.ofNumber(uint64(p.x)))
		if err != nil {
			return err
		}
		db.tellPool([]binding.X{p.x})
		unlock()
	}
	return nil
}

func serialOf(x binding.X) int { return int(x % binding.BlockSize) }
