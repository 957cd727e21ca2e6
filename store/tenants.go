package store

import (
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

// tenantTable has the tenants, and gives each name the number that rows carry. Tenants are few and never leave; the
// table is in memory and replaced as a whole, as the blocks are: it is asked for every call.
type tenantTable struct {
	ids  map[string]uint32
	rows map[uint32]binding.Tenant
	lost bool // some could not be read: what number the next would have is not known
}

func (t *tenantTable) with(id uint32, row binding.Tenant) *tenantTable {
	next := &tenantTable{ids: maps.Clone(t.ids), rows: maps.Clone(t.rows), lost: t.lost}
	next.ids[row.Name], next.rows[id] = id, row
	return next
}

// tenant is the tenant of a name. The default one is there before it has a row.
func (t *tenantTable) tenant(name string) (binding.Tenant, bool) {
	id, ok := t.ids[name]
	if !ok {
		return binding.Tenant{Name: name, State: binding.TenantActive}, name == binding.DefaultTenant && !t.lost
	}
	return t.rows[id], true
}

type tenants struct {
	table atomic.Pointer[tenantTable]
	gate  *locks // the one named 0 only
}

// name returns the tenant's name; id 0 is no tenant.
func (t *tenants) name(id uint32) (string, error) {
	if id == 0 {
		return "", nil
	}
	row, ok := t.table.Load().rows[id]
	if !ok {
		return "", fmt.Errorf("%w: it names tenant %d, which is not there", ErrCorrupt, id)
	}
	return row.Name, nil
}

// known returns the number of a tenant, 0 when it has none yet.
func (t *tenants) known(name string) uint32 { return t.table.Load().ids[name] }

func (db *DB) loadTenants() error {
	t := &tenantTable{ids: make(map[string]uint32), rows: make(map[uint32]binding.Tenant)}
	lower := []byte{tableTenant}
	err := salvage(db.bind, lower, keyAfter(lower), func(key, value []byte) (bool, error) {
		id, row, err := db.parseTenant(key, value)
		if err == nil {
			t.ids[row.Name], t.rows[id] = id, row
		}
		return true, err
	}, db.lostAtOpen("tenants: what is theirs is refused, and no tenant is added", func(_, _ []byte) { t.lost = true }))
	if err != nil {
		return err
	}
	db.tenants.table.Store(t)
	return nil
}

// Tenants returns the tenants in order of their names. It implements binding.Store.
func (db *DB) Tenants(ctx context.Context) ([]binding.Tenant, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	t := db.tenants.table.Load()
	names := slices.AppendSeq(make([]string, 0, len(t.ids)+1), maps.Keys(t.ids))
	if t.ids[binding.DefaultTenant] == 0 {
		names = append(names, binding.DefaultTenant)
	}
	slices.Sort(names)
	all := make([]binding.Tenant, len(names))
	for i, name := range names {
		all[i], _ = t.tenant(name)
	}
	return all, nil
}

// Tenant returns a tenant by its name. It implements binding.Store: memory only.
func (db *DB) Tenant(name string) (binding.Tenant, bool) {
	return db.tenants.table.Load().tenant(name)
}

// PutTenant adds or changes a tenant. It implements binding.Store; ErrStalled and ErrBusy besides. It works on a full
// disk, as the suspension of a tenant must not wait for room.
func (db *DB) PutTenant(ctx context.Context, name string, change func(*binding.Tenant, bool) error) (binding.Tenant, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Tenant{}, err
	}
	defer db.leave()
	_, t, err := db.putTenant(ctx, name, change)
	return t, err
}

// tenantID returns the number of a tenant. One that was never seen gets the next number, on disk before it is used.
func (db *DB) tenantID(ctx context.Context, name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if id := db.tenants.known(name); id != 0 {
		return id, nil
	}
	id, _, err := db.putTenant(ctx, name, func(*binding.Tenant, bool) error { return nil })
	return id, err
}

func (db *DB) putTenant(ctx context.Context, name string, change func(*binding.Tenant, bool) error) (uint32, binding.Tenant, error) {
	if name == "" || len(name) > maxText {
		return 0, binding.Tenant{}, fmt.Errorf("%w: a tenant without a name, or with one over %d bytes", ErrRow, maxText)
	}
	unlock, err := db.tenants.gate.lock(ctx, db.opts.WriteTimeout, 0)
	if err != nil {
		return 0, binding.Tenant{}, err
	}
	table := db.tenants.table.Load()
	id := table.ids[name]
	t, known := table.tenant(name)
	err = change(&t, known)
	t.Name = name
	if id == 0 {
		id = uint32(len(table.ids)) + 1
		switch {
		case err != nil:
		case table.lost:
			err = fmt.Errorf("%w: not all tenants could be read", ErrCorrupt)
		case id > binding.MaxTenants:
			err = binding.ErrTooManyTenants
		}
	}
	var row pair
	if err == nil {
		row, err = db.tenantRow(id, &t)
	}
	if err != nil {
		unlock()
		return 0, binding.Tenant{}, err
	}
	err = db.bindWrites.do(ctx,
		func(b *pebble.Batch) error { return b.Set(row.key, row.value, nil) },
		func(written bool) {
			if written {
				db.tenants.table.Store(table.with(id, t))
			}
			unlock()
		})
	if err != nil {
		return 0, binding.Tenant{}, err
	}
	return id, t, nil
}

// placeOf is what the seal of a row covers besides its content: the whole key, table first, and the header.
func placeOf(key, header []byte) []byte {
	return append(append(make([]byte, 0, len(key)+len(header)), key...), header...)
}

// The value of a tenant's row: version u8, data key u32, sealed rest. In version 1 that was the name alone.
const (
	tenantHeaderSize = 5
	tenantVersion    = 3 // 2 has no limits
)

// States of a tenant and ways to treat texts as a row holds them: the index. New ones are added at the end.
var (
	tenantStates = [...]string{binding.TenantActive, binding.TenantSuspended}
	tenantTexts  = [...]string{"", binding.TextsPass, binding.TextsMask, binding.TextsRefuse, binding.TextsOff}
)

// Flags of a tenant's row.
const (
	flagConsent = 1 << iota
	flagOwnBlocks
)

// tenantRow seals what is kept of a tenant: name, state u8, flags, reason, added u64, since u64, ttl, longest call, way to
// treat texts u8, limits. Texts are a length and the bytes, times nanoseconds since 1970, durations nanoseconds; what has no width
// is an unsigned varint. New fields go to the end, where a row that lacks them has zeroes.
func (db *DB) tenantRow(id uint32, t *binding.Tenant) (pair, error) {
	state, texts := slices.Index(tenantStates[:], t.State), slices.Index(tenantTexts[:], t.Texts)
	added, okAdded := nanos(t.AddedAt)
	since, okSince := nanos(t.Since)
	switch {
	case state < 0 || texts < 0 || t.TTL < 0 || t.MaxDuration < 0 || len(t.Reason) > maxText || len(t.Limits) > maxText:
		return pair{}, fmt.Errorf("%w: a tenant's state or settings", ErrRow)
	case !okAdded || !okSince:
		return pair{}, errTime
	}
	var flags uint64
	if t.RequireConsent {
		flags |= flagConsent
	}
	if t.OwnBlocks {
		flags |= flagOwnBlocks
	}
	plain := append(appendText(nil, t.Name), byte(state))
	plain = appendText(binary.AppendUvarint(plain, flags), t.Reason)
	plain = binary.BigEndian.AppendUint64(plain, uint64(added))
	plain = binary.BigEndian.AppendUint64(plain, uint64(since))
	plain = binary.AppendUvarint(plain, uint64(t.TTL))
	plain = append(binary.AppendUvarint(plain, uint64(t.MaxDuration)), byte(texts))
	plain = appendText(plain, t.Limits)
	box, err := db.bindKeys.box(storeKey)
	if err != nil {
		return pair{}, err
	}
	key := key32(tableTenant, id)
	value := binary.BigEndian.AppendUint32(append(make([]byte, 0, tenantHeaderSize+len(plain)+seal.Overhead), tenantVersion), storeKey)
	return pair{key, box.Seal(value, plain, placeOf(key, value))}, nil
}

func (db *DB) parseTenant(key, value []byte) (id uint32, t binding.Tenant, err error) {
	w := wire{b: value}
	version, dataKey := w.byte(), w.uint32()
	if len(key) != 5 || w.err != nil || version == 0 || version > tenantVersion {
		return 0, binding.Tenant{}, fmt.Errorf("%w: a tenant", ErrCorrupt)
	}
	box, err := db.bindKeys.box(dataKey)
	if err != nil {
		return 0, binding.Tenant{}, err
	}
	plain, err := box.Open(nil, w.b, placeOf(key, value[:tenantHeaderSize]))
	if err == nil {
		t, err = parseTenantRow(version, plain)
	}
	if err != nil {
		return 0, binding.Tenant{}, fmt.Errorf("%w: a tenant: %w", ErrCorrupt, err)
	}
	return binary.BigEndian.Uint32(key[1:]), t, nil
}

// parseTenantRow reads what tenantRow sealed. A tenant of version 1 was learnt from a binding: it is active.
func parseTenantRow(version byte, plain []byte) (t binding.Tenant, err error) {
	if version == 1 {
		return binding.Tenant{Name: string(plain), State: binding.TenantActive}, nil
	}
	w := wire{b: plain}
	t.Name = w.text()
	state, flags := int(w.byte()), w.uvarint()
	t.Reason = w.text()
	added, since := int64(w.uint64()), int64(w.uint64())
	t.TTL, t.MaxDuration = binding.Duration(w.uvarint()), binding.Duration(w.uvarint())
	texts := int(w.byte())
	if version > 2 {
		t.Limits = w.text()
	}
	if err := w.end(); err != nil {
		return binding.Tenant{}, err
	}
	if state >= len(tenantStates) || texts >= len(tenantTexts) || flags >= flagOwnBlocks<<1 || added < 0 || since < 0 || t.TTL < 0 || t.MaxDuration < 0 {
		return binding.Tenant{}, errWire
	}
	t.State, t.Texts = tenantStates[state], tenantTexts[texts]
	t.RequireConsent, t.OwnBlocks = flags&flagConsent != 0, flags&flagOwnBlocks != 0
	t.AddedAt, t.Since = timeOf(added), timeOf(since)
	return t, nil
}
