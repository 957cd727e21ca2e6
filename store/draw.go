package store

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"mask700/binding"
	"mask700/binding/pool"
)

// maxDraws bounds how many numbers are tried for one binding: a number that is drawn may turn out to be closed to its
// parties.
const maxDraws = 256

// errInUse says that a number that was drawn for one binding alone has another.
var errInUse = errors.New("store: the number is in use")

// drawn is a number that was drawn and its block.
type drawn struct {
	pool.Drawn
	from  *heldBlock
	alone bool // nobody else is to have it at the same time
}

func (d *drawn) number() binding.X { return d.from.block.Number(d.Serial) }

// Draw draws the numbers that b lacks and binds it. It implements binding.Store; the errors of Bind besides.
func (db *DB) Draw(ctx context.Context, b binding.Binding) (binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Binding{}, err
	}
	defer db.leave()
	return db.drawFor(ctx, b, nil)
}

// drawFor draws the numbers that b lacks and binds it.
func (db *DB) drawFor(ctx context.Context, b binding.Binding, with *beside) (binding.Binding, error) {
	given := b
	if db.guard.full.Load() {
		return binding.Binding{}, ErrDiskFull
	}
	for tries := 0; ; tries++ {
		b = given // its end too may have been cut for a number that could not be had
		all, err := db.drawNumbers(ctx, &b, tries)
		if err != nil {
			return binding.Binding{}, err
		}
		if b.X == b.Y {
			giveBack(all, nil)
			continue
		}
		err = db.put(ctx, &b, all, with)
		if err == nil {
			return b, nil
		}
		// What is said of a number that was given is said for good; one that was drawn is drawn anew.
		var about *binding.NumberError
		if !errors.As(err, &about) || about.X == given.X || about.X == given.Y {
			return binding.Binding{}, err
		}
		if ctx.Err() != nil {
			return binding.Binding{}, ctx.Err()
		}
	}
}

// drawNumbers draws the numbers that b lacks, the tries-th time.
func (db *DB) drawNumbers(ctx context.Context, b *binding.Binding, tries int) (all []drawn, err error) {
	table := db.blocks.table.Load()
	owner := db.ownerOf(table, b.Tenant)
	from := table.pools[owner]
	if from == nil {
		return nil, &binding.PoolError{Tenant: owner}
	}
	var lacks []*binding.X
	if b.X == 0 {
		lacks = append(lacks, &b.X)
	}
	if b.Y == 0 && b.Mode.HasY() {
		lacks = append(lacks, &b.Y)
	}
	for _, x := range lacks {
		d, err := db.draw(ctx, from, b)
		if err != nil || d == nil || tries == maxDraws {
			giveBack(all, d)
			if err == nil {
				if err = from.exhausted(b, tries); tries > 0 {
					db.closedTo.add(owner)
				}
			}
			return nil, err
		}
		*x = d.number()
		all = append(all, *d)
	}
	return all, nil
}

func giveBack(all []drawn, last *drawn) {
	for i := range all {
		all[i].from.Return(all[i].Drawn)
	}
	if last != nil {
		last.from.Return(last.Drawn)
	}
}

// draw keeps a number of a pool for a binding; nil: there is none. A block whose rows cannot be read is passed over while
// there are others. Numbers of older ranges come after all free 700 numbers: sooner or later they are gone.
func (db *DB) draw(ctx context.Context, from *tenantPool, lacking *binding.Binding) (*drawn, error) {
	now := second(lacking.CreatedAt)
	for {
		fresh := *from.fresh.Load()
		if len(fresh) == 0 {
			break
		}
		b := fresh[rand.IntN(len(fresh))]
		if db.count(ctx, b) == nil {
			if d, ok := b.DrawFresh(now); ok {
				return &drawn{d, b, true}, nil
			}
		}
		from.dropFresh(b)
	}
	var unread error
	begin := rand.IntN(max(len(from.open), 1))
	for i := range from.open {
		b := from.open[(begin+i)%len(from.open)]
		if err := db.count(ctx, b); err != nil {
			unread = err
			continue
		}
		if d, ok := b.Draw(now); ok {
			return &drawn{d, b, true}, nil
		}
	}
	for _, b := range from.older {
		if !b.suits(lacking) {
			continue
		}
		if err := db.count(ctx, b); err != nil {
			unread = err
			continue
		}
		for _, draw := range [...]func(uint32) (pool.Drawn, bool){b.DrawFresh, b.Draw} {
			if d, ok := draw(now); ok {
				return &drawn{d, b, true}, nil
			}
		}
	}
	for i := range from.open {
		b := from.open[(begin+i)%len(from.open)]
		if d, ok := db.drawUsed(b, now); ok {
			return &drawn{d, b, false}, nil
		}
	}
	for _, b := range from.older {
		if !b.suits(lacking) {
			continue
		}
		if d, ok := db.drawUsed(b, now); ok {
			return &drawn{d, b, false}, nil
		}
	}
	return nil, unread
}

// drawUsed returns a number of a block that is in use, where such may be shared.
func (db *DB) drawUsed(b *heldBlock, now uint32) (pool.Drawn, bool) {
	if !db.opts.Share || !b.Counted() {
		return pool.Drawn{}, false
	}
	return b.DrawUsed(rand.IntN(pool.Size), now)
}

// closedTo counts the bindings that were refused though numbers were free, because those were closed to their parties, by the tenant
// whose blocks they are.
type closedTo struct {
	mu sync.Mutex
	of map[string]uint64
}

func (c *closedTo) add(owner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[string]uint64)
	}
	c.of[owner]++
}

// ClosedToParties returns how many bindings were refused since the store was opened though numbers were free: those that were tried were
// closed to their parties ([binding.PoolError].Closed). It is by the tenant whose blocks they are.
func (db *DB) ClosedToParties() map[string]uint64 {
	c := &db.closedTo
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.of)
}

// exhausted says how a pool stands in which there is no number for a binding. closed is how many were drawn and could not be
// had.
func (p *tenantPool) exhausted(lacking *binding.Binding, closed int) error {
	now := second(lacking.CreatedAt)
	suited := slices.DeleteFunc(slices.Clone(p.older), func(b *heldBlock) bool { return !b.suits(lacking) })
	s := p.spent.Load()
	if s == nil || s.at != now || s.older != len(suited) {
		all := slices.Concat(p.open, suited)
		s = &spentPool{at: now, older: len(suited), err: binding.PoolError{Tenant: p.tenant, Blocks: len(all), Ending: len(p.older) - len(suited)}}
		for _, b := range all {
			u, _ := b.Count(now, 0)
			s.err.InUse += u.InUse
			s.err.Locked += u.Locked
			s.err.Absent += u.Absent
			s.err.Worn += u.Worn
		}
		p.spent.Store(s)
	}
	err := s.err
	err.Closed = closed
	return &err
}
