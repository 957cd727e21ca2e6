package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/seal"
)

// tenantTable gives each tenant's name a number, which rows carry. Tenants are few and never leave; the table is in
// memory and replaced as a whole, as the blocks are.
type tenantTable struct {
	ids   map[string]uint32
	names map[uint32]string
}

type tenants struct {
	table atomic.Pointer[tenantTable]
	gate  *stripes // its stripe 0 only
}

// maxTenants bounds the table: whoever may make bindings must not fill the memory.
const maxTenants = 1 << 16

// The value of a tenant's row: version u8, data key u32, sealed name.
const tenantHeaderSize = 5

// name returns the tenant's name; id 0 is no tenant.
func (t *tenants) name(id uint32) (string, error) {
	if id == 0 {
		return "", nil
	}
	name, ok := t.table.Load().names[id]
	if !ok {
		return "", fmt.Errorf("%w: it names tenant %d, which is not there", ErrCorrupt, id)
	}
	return name, nil
}

// known returns the number of a tenant, 0 when it has none yet.
func (t *tenants) known(name string) uint32 { return t.table.Load().ids[name] }

func (db *DB) loadTenants() error {
	t := &tenantTable{ids: make(map[string]uint32), names: make(map[uint32]string)}
	lower := []byte{tableTenant}
	err := scan(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		id, name, err := db.parseTenant(key, value)
		t.ids[name], t.names[id] = id, name
		return err == nil, err
	})
	if err != nil {
		return err
	}
	db.tenants.table.Store(t)
	return nil
}

func (db *DB) parseTenant(key, value []byte) (id uint32, name string, err error) {
	w := wire{b: value}
	version, dataKey := w.byte(), w.uint32()
	if len(key) != 5 || w.err != nil || version != rowVersion {
		return 0, "", fmt.Errorf("%w: a tenant", ErrCorrupt)
	}
	box, err := db.bindKeys.box(dataKey)
	if err != nil {
		return 0, "", err
	}
	plain, err := box.Open(nil, w.b, placeOf(key, value[:tenantHeaderSize]))
	if err != nil {
		return 0, "", fmt.Errorf("%w: a tenant: %w", ErrCorrupt, err)
	}
	return binary.BigEndian.Uint32(key[1:]), string(plain), nil
}

// tenantID returns the number of a tenant. One that was never seen gets the next number, on disk before it is used.
func (db *DB) tenantID(ctx context.Context, name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if id := db.tenants.known(name); id != 0 {
		return id, nil
	}
	if len(name) > maxText {
		return 0, fmt.Errorf("%w: a tenant's name over %d bytes", ErrRow, maxText)
	}
	unlock, err := db.tenants.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return 0, err
	}
	before := db.tenants.table.Load()
	if id := before.ids[name]; id != 0 {
		unlock()
		return id, nil
	}
	if len(before.ids) >= maxTenants {
		unlock()
		return 0, fmt.Errorf("%w: more than %d tenants", ErrRow, maxTenants)
	}
	id := uint32(len(before.ids)) + 1
	box, err := db.bindKeys.box(storeKey)
	if err != nil {
		unlock()
		return 0, err
	}
	key := key32(tableTenant, id)
	value := binary.BigEndian.AppendUint32(append(make([]byte, 0, tenantHeaderSize+len(name)+seal.Overhead), rowVersion), storeKey)
	value = box.Seal(value, []byte(name), placeOf(key, value))
	err = db.bindWrites.do(ctx,
		func(b *pebble.Batch) error { return b.Set(key, value, nil) },
		func(written bool) {
			if written {
				next := &tenantTable{ids: maps.Clone(before.ids), names: maps.Clone(before.names)}
				next.ids[name], next.names[id] = id, name
				db.tenants.table.Store(next)
			}
			unlock()
		})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// placeOf is what the seal of a row covers besides its content: the whole key, table first, and the header.
func placeOf(key, header []byte) []byte {
	return append(append(make([]byte, 0, len(key)+len(header)), key...), header...)
}
