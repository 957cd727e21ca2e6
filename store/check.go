package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/ring"
)

// Check goes through the whole store as it is at one moment and opens every sealed value. It holds every index entry
// against its row and every row against its index entries, the numbering of the records and their spans, what is answered from memory
// against its rows, and the rule that nobody stands on a number twice. Of what nothing else names no more can be told than whether it is sound:
// that a request under a key, a contact, or how far a block is drawn is missing is not. A row whose key was destroyed is counted and is no fault. What it finds is in the Report; an error says that it did not get through:
// ErrClosed, ErrErasing or that of ctx. The store can be used meanwhile; what is erased or destroyed waits.
func (db *DB) Check(ctx context.Context) (Report, error) {
	if err := db.enter(ctx); err != nil {
		return Report{}, err
	}
	defer db.leave()
	c := db.newChecker(ctx)
	err := db.asItIs(ctx, func() error {
		memory, snapshot, err := db.memory(ctx)
		if err != nil {
			return err
		}
		c.memory = memory
		if err := errors.Join(c.bindings(snapshot), snapshot.Close()); err != nil {
			return err
		}
		snapshot = db.cdr.NewSnapshot()
		return errors.Join(c.records(snapshot), snapshot.Close())
	})
	return *c.report, err
}

func (db *DB) newChecker(ctx context.Context) *checker {
	return &checker{db: db, ctx: ctx, report: new(Report), cut: make(map[byte]bool), tenants: make(map[uint32]bool)}
}

type checker struct {
	db      *DB
	ctx     context.Context
	report  *Report
	looked  int
	stopped error         // why it was given up
	cut     map[byte]bool // tables that could not be read to the end
	tenants map[uint32]bool
	memory  *inMemory // of a running server; nil: of a backup

	miscounted bool   // there are entries of no record
	orphans    uint64 // so many records were deleted whose entries are being deleted; 0: none
}

// table goes through one table. A row that is wrong is a fault and the next one follows; where the table itself
// cannot be read on, that is one fault and the end of the table.
func (c *checker) table(r pebble.Reader, name string, table byte, each func(key, value []byte) error) error {
	lower := []byte{table}
	err := scan(r, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		if err := c.goOn(); err != nil {
			return false, err
		}
		if err := each(key, value); err != nil {
			c.report.fault("%s: %v", name, err)
		}
		return true, nil
	})
	if c.stopped != nil {
		return c.stopped
	}
	if err != nil {
		c.cut[table] = true
		c.report.fault("%s: cannot be read to the end: %v", name, err)
	}
	return nil
}

func (c *checker) goOn() error {
	if c.looked++; c.looked%256 != 1 {
		return nil
	}
	select {
	case <-c.db.use.closing:
		c.stopped = ErrClosed
	case <-c.ctx.Done():
		c.stopped = c.ctx.Err()
	default:
	}
	return c.stopped
}

// bindings checks the database of the bindings.
func (c *checker) bindings(r pebble.Reader) error {
	if err := c.strays(r, "bind"); err != nil {
		return err
	}
	held, err := c.few(r)
	if err != nil {
		return err
	}
	want, err := c.rows(r, held)
	if err != nil {
		return err
	}
	return c.indexes(r, want)
}

func (c *checker) blocks(r pebble.Reader) (map[binding.Block]bool, error) {
	held := make(map[binding.Block]bool)
	err := c.table(r, "blocks", tableBlock, func(key, value []byte) error {
		s, err := c.db.parseBlock(key, value)
		if err == nil {
			held[s.Block] = true
			c.report.Blocks++
		}
		return err
	})
	if err != nil || c.memory == nil || c.cut[tableBlock] {
		return held, err
	}
	for b := range c.memory.blocks {
		if !held[b] {
			c.report.fault("blocks: the row of %s is missing, or another than it was", b)
		}
	}
	return held, nil
}

// of names a tenant by its number.
func (c *checker) of(tenant uint32) string {
	if name, err := c.db.tenants.name(tenant); err == nil && name != "" {
		return ", tenant " + name
	}
	return ""
}

// lost says which key is no more, and since when.
func (c *checker) lost(u ring.Use, n uint32) string {
	if k, _, err := c.db.ring.Unwrap(u, n); errors.Is(err, ring.ErrDestroyed) {
		return fmt.Sprintf("key %d was destroyed at %s", n, k.Destroyed.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("key %d was destroyed", n)
}

// rows checks every binding and returns how many entries each index must have.
func (c *checker) rows(r pebble.Reader, held map[binding.Block]bool) (want map[byte]uint64, err error) {
	want = make(map[byte]uint64)
	now := c.db.opts.Now()
	var on binding.X
	var live []binding.Binding // on that number
	err = c.table(r, "bindings", tableRow, func(key, value []byte) error {
		p, h, sealed, err := splitRow(key, value)
		if err != nil {
			return err
		}
		c.tenant(fmt.Sprintf("a binding on %s", p.x), h.tenant)
		row, err := c.db.openRow(p, h, sealed)
		if errors.Is(err, ErrErased) {
			if !h.copy {
				c.report.Bindings++
				c.report.ErasedBindings++
				c.report.erased("a binding on %s, made at %s%s: %s", p.x, h.times(p).CreatedAt.UTC().Format(time.RFC3339), c.of(h.tenant), c.lost(ring.Bindings, h.dataKey))
				want[tableID]++
			}
			return nil
		}
		if err != nil {
			return err
		}
		if p.x != on {
			on, live = p.x, live[:0]
		}
		if row.State(now) == binding.StateLive {
			if !held[p.x.Block()] {
				c.report.fault("binding %s is live on %s, whose block is not held", row.ID, p.x)
			}
			for _, other := range live {
				if row.Collides(&other) {
					c.report.fault("bindings %s and %s are live on %s with one party or for anyone", row.ID, other.ID, p.x)
				}
			}
			live = append(live, row)
		}
		if h.copy {
			return c.copied(r, row, p)
		}
		c.report.Bindings++
		if row.State(now) == binding.StateLive {
			c.report.Live++
		}
		for _, entry := range c.db.indexRows(&row, p) {
			want[entry.key[0]]++
			got, ok, err := get(r, entry.key)
			if err != nil {
				return err
			}
			if !ok || !entry.agrees(got) {
				c.report.fault("binding %s is not found through index %c", row.ID, entry.key[0])
			}
		}
		if row.Y != 0 {
			return c.copied(r, row, place{x: row.Y, start: p.start})
		}
		return nil
	})
	return want, err
}

// agrees reports whether an entry of an index may have a value where its row asks for that of e: the same, or for when a
// binding is over a later time, as one has that was ended early.
func (e *pair) agrees(value []byte) bool {
	if e.key[0] != tableWho {
		return bytes.Equal(value, e.value)
	}
	want, err := parseOver(e.key, e.value)
	got, gerr := parseOver(e.key, value)
	return err == nil && gerr == nil && !got.Before(want)
}

// copied checks that the row under X and the one under Y of a binding are one. There is the place of either.
func (c *checker) copied(r pebble.Reader, row binding.Binding, there place) error {
	own, _, err := c.db.rowOf(r, row.ID)
	if err != nil {
		return err
	}
	key := place{x: row.Y, start: there.start}.key()
	value, ok, err := get(r, key)
	if err != nil {
		return err
	}
	if !ok {
		c.report.fault("binding %s is missing under its second number", row.ID)
		return nil
	}
	p, h, sealed, err := splitRow(key, value)
	if err != nil {
		return err
	}
	copied, err := c.db.openRow(p, h, sealed)
	if err != nil {
		return err
	}
	if !h.copy || !reflect.DeepEqual(own, copied) {
		c.report.fault("binding %s differs under its two numbers", row.ID)
	}
	return nil
}

// indexes looks for entries that have no row. Every row has its entries, so that there is one too many where there
// are more than the rows ask for; only then each is held against its row. It cannot be told after a damaged block.
func (c *checker) indexes(r pebble.Reader, want map[byte]uint64) error {
	for _, index := range []struct {
		table byte
		name  string
	}{{tableID, "ids"}, {tableWho, "parties, orders and consents"}} {
		n := uint64(0)
		if err := c.table(r, index.name, index.table, func(_, _ []byte) error { n++; return nil }); err != nil {
			return err
		}
		c.report.Index += n
		if n == want[index.table] || c.cut[tableRow] || c.cut[index.table] {
			continue
		}
		err := c.table(r, index.name, index.table, func(key, value []byte) error {
			row, found, err := c.entryRow(r, key)
			if errors.Is(err, ErrErased) {
				if index.table != tableID {
					c.report.ErasedIndex++
				}
				return nil
			}
			if err != nil {
				return err
			}
			for _, entry := range c.db.indexRows(&row, found.place) {
				if bytes.Equal(entry.key, key) && entry.agrees(value) {
					return nil
				}
			}
			c.report.fault("%s: an entry of binding %s is not in its row", index.name, row.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// entryRow reads the binding that an entry of either index names.
func (c *checker) entryRow(r pebble.Reader, key []byte) (binding.Binding, foundRow, error) {
	if key[0] == tableWho {
		return c.db.rowBy(r, key)
	}
	id, ok := parseID(key[1:])
	if !ok {
		return binding.Binding{}, foundRow{}, errIDKey
	}
	return c.db.rowOf(r, id)
}
