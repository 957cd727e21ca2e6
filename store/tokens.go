package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

// tokens has the tokens of tenants, by their ids. They are few; all are in memory and replaced as a whole: one is asked
// for with every request.
type tokens struct {
	table atomic.Pointer[map[string]binding.TenantToken]
	gate  *locks // the one named 0 only
}

var _ binding.TokenStore = (*DB)(nil)

// The value of a token: version u8, tenant u32, data key u32, sealed rest.
const (
	tokenVersion    = 1
	tokenHeaderSize = 9
	flagReveal      = 1
)

// tokenRow seals what is kept of a token: hash of its secret, created u64, flags u8, name.
func (db *DB) tokenRow(t *binding.TenantToken, tenant uint32) (pair, error) {
	created, ok := nanos(t.CreatedAt)
	switch {
	case t.ID == "" || len(t.ID) > maxID || len(t.Name) > maxText:
		return pair{}, fmt.Errorf("%w: a token without an id, or with a long one or a long name", ErrRow)
	case !ok:
		return pair{}, errTime
	}
	plain := binary.BigEndian.AppendUint64(append([]byte(nil), t.Hash[:]...), uint64(created))
	flags := byte(0)
	if t.Reveal {
		flags |= flagReveal
	}
	plain = appendText(append(plain, flags), t.Name)
	box, err := db.bindKeys.box(storeKey)
	if err != nil {
		return pair{}, err
	}
	key := keyText(tableToken, t.ID)
	value := append(make([]byte, 0, tokenHeaderSize+len(plain)+seal.Overhead), tokenVersion)
	value = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(value, tenant), storeKey)
	return pair{key, box.Seal(value, plain, placeOf(key, value))}, nil
}

func (db *DB) openToken(key, value []byte) (t binding.TenantToken, err error) {
	w := wire{b: value}
	version, tenant, dataKey := w.byte(), w.uint32(), w.uint32()
	if w.err != nil || version != tokenVersion || len(key) < 2 {
		return t, fmt.Errorf("%w: a token", ErrCorrupt)
	}
	box, err := db.bindKeys.box(dataKey)
	if err != nil {
		return t, err
	}
	plain, err := box.Open(nil, w.b, placeOf(key, value[:tokenHeaderSize]))
	if err != nil {
		return t, fmt.Errorf("%w: a token: %w", ErrCorrupt, err)
	}
	if len(plain) < len(t.Hash) {
		return t, fmt.Errorf("%w: a token", ErrCorrupt)
	}
	copy(t.Hash[:], plain)
	w = wire{b: plain[len(t.Hash):]}
	created, flags := int64(w.uint64()), w.byte()
	t.Name = w.text()
	if err := w.end(); err != nil || created < 0 || flags > flagReveal {
		return t, fmt.Errorf("%w: a token: %w", ErrCorrupt, errWire)
	}
	t.ID, t.CreatedAt, t.Reveal = string(key[1:]), timeOf(created), flags&flagReveal != 0
	t.Tenant, err = db.tenants.name(tenant)
	return t, err
}

func (db *DB) loadTokens() error {
	all := make(map[string]binding.TenantToken)
	lower := []byte{tableToken}
	err := salvage(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		t, err := db.openToken(key, value)
		if err == nil {
			all[t.ID] = t
		}
		return true, err
	}, db.lostAtOpen("tokens of tenants: those let nobody in", nil))
	if err != nil {
		return err
	}
	db.tokens.table.Store(&all)
	return nil
}

// AddToken implements binding.TokenStore; ErrStalled, ErrBusy and ErrRow besides.
func (db *DB) AddToken(ctx context.Context, t binding.TenantToken) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	tenant, err := db.tenantID(ctx, t.Tenant)
	if err != nil {
		return err
	}
	row, err := db.tokenRow(&t, tenant)
	if err != nil {
		return err
	}
	return db.changeTokens(ctx, func(all map[string]binding.TenantToken) (func(*pebble.Batch) error, error) {
		if _, ok := all[t.ID]; ok {
			return nil, binding.ErrExists
		}
		n := 0
		for _, other := range all {
			if other.Tenant == t.Tenant {
				n++
			}
		}
		if n >= binding.MaxTokensOfTenant {
			return nil, binding.ErrManyTokens
		}
		all[t.ID] = t
		return func(b *pebble.Batch) error { return b.Set(row.key, row.value, nil) }, nil
	})
}

// RemoveToken implements binding.TokenStore; ErrStalled and ErrBusy besides. It works on a full disk.
func (db *DB) RemoveToken(ctx context.Context, id string) (t binding.TenantToken, err error) {
	if err := db.enter(ctx); err != nil {
		return t, err
	}
	defer db.leave()
	err = db.changeTokens(ctx, func(all map[string]binding.TenantToken) (func(*pebble.Batch) error, error) {
		var ok bool
		if t, ok = all[id]; !ok {
			return nil, binding.ErrNoToken
		}
		delete(all, id)
		return func(b *pebble.Batch) error { return b.Delete(keyText(tableToken, id), nil) }, nil
	})
	return t, err
}

// changeTokens makes one change after the other, in a copy of what is in memory, which takes its place once it is on disk.
func (db *DB) changeTokens(ctx context.Context, change func(map[string]binding.TenantToken) (func(*pebble.Batch) error, error)) error {
	unlock, err := db.tokens.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return err
	}
	next := maps.Clone(*db.tokens.table.Load())
	write, err := change(next)
	if err != nil {
		unlock()
		return err
	}
	return db.bindWrites.do(ctx, write, func(written bool) {
		if written {
			db.tokens.table.Store(&next)
		}
		unlock()
	})
}

// Tokens implements binding.TokenStore.
func (db *DB) Tokens(ctx context.Context, tenant string) ([]binding.TenantToken, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	all := slices.Collect(maps.Values(*db.tokens.table.Load()))
	all = slices.DeleteFunc(all, func(t binding.TenantToken) bool { return tenant != "" && t.Tenant != tenant })
	slices.SortFunc(all, func(a, b binding.TenantToken) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Token implements binding.TokenStore: memory only.
func (db *DB) Token(id string) (binding.TenantToken, bool) {
	t, ok := (*db.tokens.table.Load())[id]
	return t, ok
}
