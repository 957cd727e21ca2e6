package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

// tablesOf are the tables that each database has. A row in no table is nobody's.
var tablesOf = map[string]string{
	"bind": string([]byte{tableMeta, tableTenant, tableBlock, tableRow, tableID, tableWho, tableBar, tableBarID, tableErasing, tableToken, tableRequest, tableDraws, tableLock}),
	"cdr":  string([]byte{tableMeta, tableOpen, tableClosed, tableRecord, tableOf, tableSpan, tableContact}),
}

// strays looks for rows of no table of a database.
func (c *checker) strays(r pebble.Reader, database string) error {
	for lower := []byte{0}; lower != nil; {
		var found []byte
		err := scan(r, lower, nil, func(key, _ []byte) (bool, error) {
			found = append(found, key...)
			return false, nil
		})
		switch {
		case err != nil:
			c.report.fault("tables of %s: cannot be read to the end: %v", database, err)
			return nil
		case found == nil:
			return nil
		case !strings.Contains(tablesOf[database], string(found[:1])):
			c.report.fault("%s: rows of a table %q, which it does not have", database, found[:1])
		}
		if lower = keyAfter(found[:1]); lower == nil {
			return nil
		}
	}
	return nil
}

// inMemory is what a server answers from without asking the disk, as it is when the snapshot is made that it is held against.
type inMemory struct {
	blocks  map[binding.Block]binding.BlockState
	locked  map[binding.X]bool
	tenants map[uint32]binding.Tenant
	tokens  map[string]binding.TenantToken
	bars    *bars
}

// memory returns what is in memory and a snapshot that was made at the same moment: nobody changes any of it meanwhile. Errors: that of
// ctx, or ErrStalled: the disk does not let somebody finish who changes it.
func (db *DB) memory(ctx context.Context) (m *inMemory, s *pebble.Snapshot, err error) {
	var unlock []func()
	defer func() {
		for _, u := range unlock {
			u()
		}
	}()
	for _, gate := range []*locks{db.blocks.gate, db.tokens.gate, db.tenants.gate} {
		u, err := gate.lock(ctx, db.opts.WriteTimeout, 0)
		if err != nil {
			return nil, nil, err
		}
		unlock = append(unlock, u)
	}
	table := db.blocks.table.Load()
	m = &inMemory{
		blocks: table.states, locked: make(map[binding.X]bool), tenants: db.tenants.table.Load().rows, tokens: *db.tokens.table.Load(), bars: &db.bars,
	}
	for block, held := range table.held {
		for _, serial := range held.Locked() {
			m.locked[block.Number(serial)] = true
		}
	}
	return m, db.bind.NewSnapshot(), nil
}

// few checks the tables of which all rows are in memory, and the rest of those that are small.
func (c *checker) few(r pebble.Reader) (map[binding.Block]bool, error) {
	if err := c.tenantRows(r); err != nil {
		return nil, err
	}
	held, err := c.blocks(r)
	if err != nil {
		return nil, err
	}
	for _, check := range []func(pebble.Reader) error{c.draws, func(r pebble.Reader) error { return c.lockRows(r, held) }, c.tokens, c.requests, c.erasings, c.bars} {
		if err := check(r); err != nil {
			return nil, err
		}
	}
	return held, nil
}

func (c *checker) tenantRows(r pebble.Reader) error {
	names := make(map[string]bool)
	err := c.table(r, "tenants", tableTenant, func(key, value []byte) error {
		id, row, err := c.db.parseTenant(key, value)
		if err != nil {
			return err
		}
		c.report.Tenants++
		if names[row.Name] {
			err = fmt.Errorf("two are called %q", row.Name)
		}
		names[row.Name], c.tenants[id] = true, true
		return err
	})
	if err != nil || c.memory == nil || c.cut[tableTenant] {
		return err
	}
	for id, row := range c.memory.tenants {
		if !c.tenants[id] {
			c.report.fault("tenants: the row of %q is missing", row.Name)
		}
	}
	return nil
}

// tenant faults a row of a tenant that has none.
func (c *checker) tenant(what string, id uint32) {
	if id == 0 || c.tenants[id] || c.cut[tableTenant] {
		return
	}
	c.report.fault("%s is of tenant %d, which is not there", what, id)
}

func (c *checker) draws(r pebble.Reader) error {
	return c.table(r, "draws", tableDraws, func(key, value []byte) error {
		if len(key) != 1+8 || !binding.Block(binary.BigEndian.Uint64(key[1:])).Valid() {
			return fmt.Errorf("%w: its key", ErrCorrupt)
		}
		_, err := parseDraws(value)
		return err
	})
}

func (c *checker) lockRows(r pebble.Reader, held map[binding.Block]bool) error {
	there := make(map[binding.X]bool)
	err := c.table(r, "locked numbers", tableLock, func(key, value []byte) error {
		x, err := parseLock(key, value)
		if err != nil {
			return err
		}
		c.report.Locked++
		if there[x] = true; !held[x.Block()] {
			err = fmt.Errorf("%s is locked, whose block is not held", x)
		}
		return err
	})
	if err != nil || c.memory == nil || c.cut[tableLock] {
		return err
	}
	for x := range c.memory.locked {
		if !there[x] {
			c.report.fault("locked numbers: the row of %s is missing", x)
		}
	}
	return nil
}

// tokens checks that every token can be opened, and that none is missing that lets somebody in.
func (c *checker) tokens(r pebble.Reader) error {
	there := make(map[string]bool)
	err := c.table(r, "tokens", tableToken, func(key, value []byte) error {
		t, err := c.db.openToken(key, value)
		if err == nil {
			c.report.Tokens++
			there[t.ID] = true
		}
		return err
	})
	if err != nil || c.memory == nil || c.cut[tableToken] {
		return err
	}
	for id := range c.memory.tokens {
		if !there[id] {
			c.report.fault("tokens: %s is missing, or another than it was", id)
		}
	}
	return nil
}

// requests checks that what was asked for under a key stands on its day, and that its binding is there or may be gone.
func (c *checker) requests(r pebble.Reader) error {
	over, err := sweptBefore(r)
	if err != nil {
		c.report.fault("the account of the last sweep: %v", err)
	}
	return c.table(r, "requests under a key", tableRequest, func(key, value []byte) error {
		done, err := parseRequest(value)
		if err != nil {
			return err
		}
		c.report.Requests++
		at := timeOf(done.at)
		if len(key) != 1+4+seal.HashSize || binary.BigEndian.Uint32(key[1:]) != dayOf(at) {
			return fmt.Errorf("%w: its key", ErrCorrupt)
		}
		_, _, err = c.db.rowOf(r, done.id)
		switch {
		case errors.Is(err, binding.ErrNotFound) && !at.Before(over):
			return fmt.Errorf("binding %s is asked for by one and not there", done.id)
		case errors.Is(err, binding.ErrNotFound), errors.Is(err, ErrErased), errors.Is(err, ErrCorrupt): // the last is said of the binding
			return nil
		}
		return err
	})
}

// metaOver in tableMeta of bind/ is before what moment bindings that were over may be deleted: nanoseconds since 1970. It never
// goes back, as clocks do.
const metaOver = "over"

// noteOver notes it, before the first is deleted.
func (db *DB) noteOver(until time.Time) error {
	n, ok := nanos(until)
	before, _, err := get64(db.bind, keyText(tableMeta, metaOver))
	if err != nil || !ok || uint64(n) <= before {
		return err
	}
	if err := db.bind.Set(keyText(tableMeta, metaOver), binary.BigEndian.AppendUint64(nil, uint64(n)), pebble.Sync); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// sweptBefore reads it; of a store from before it was noted, from the account of the last sweep.
func sweptBefore(r pebble.Reader) (over time.Time, err error) {
	n, ok, err := get64(r, keyText(tableMeta, metaOver))
	if ok && err == nil {
		over = timeOf(int64(n))
	}
	text, there, terr := get(r, keyText(tableMeta, metaSweep))
	var s Sweep
	if there && terr == nil {
		terr = json.Unmarshal(text, &s)
	}
	if s.Until.After(over) {
		over = s.Until
	}
	return over, errors.Join(err, terr)
}

// erasings checks that every erasure that goes on can be opened, or it would never be done.
func (c *checker) erasings(r pebble.Reader) error {
	return c.table(r, "erasures that go on", tableErasing, func(key, value []byte) error {
		_, err := c.db.openErasing(key, value)
		if errors.Is(err, ErrErased) {
			c.report.erased("an erasure that went on when the backup was made: its key was destroyed")
			return nil
		}
		c.report.Erasing++
		return err
	})
}

func (c *checker) contacts(r pebble.Reader) error {
	return c.table(r, "who dialled what", tableContact, func(key, value []byte) error {
		c.report.Contacts++
		_, err := parseContact(key, value)
		if err == nil && !binding.X(binary.BigEndian.Uint64(key[1:])).Valid() {
			err = fmt.Errorf("%w: its number is none of ours", ErrCorrupt)
		}
		return err
	})
}
