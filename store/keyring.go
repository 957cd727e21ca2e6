package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/crash"
	"mask700/store/ring"
	"mask700/store/seal"
)

// storeKey is the key of all time: it seals the names of tenants and the head of the audit log, which hold no subscriber's number,
// and in stores of before block lists and erasures that were begun, and the bindings of format 1. It is not destroyed.
const storeKey uint32 = 1

// maxOpenKeys bounds the keys of one use that are open in memory, at about 1.3 KB each.
const maxOpenKeys = 1 << 14

// keyring is the keys of one use, as rows ask for them. A key that was used before is found without a lock and without
// allocation: by its number for reading, by tenant and bucket for writing. Keys are made when a row first needs one.
type keyring struct {
	use    ring.Use
	period ring.Period
	cipher seal.Cipher
	ring   *ring.Ring
	engine *engine // has the number of the last key, so that an older copy of the ring is noticed
	now    func() time.Time
	wait   time.Duration
	index  *seal.Index

	// boxes are the open keys by number. The slice is replaced by a longer one, its elements are set in place.
	boxes   atomic.Pointer[[]atomic.Pointer[seal.Box]]
	current atomic.Pointer[currentKeys]

	gate chan struct{} // cap 1: who makes a key holds it, also after he was told ErrStalled

	open struct {
		sync.Mutex // protects what follows, and that a destroyed key is not opened again
		n          int
	}
}

// currentKeys are the numbers of the keys that seal new rows: by bucket, then by the tenant's number. Zero: none yet.
type currentKeys map[ring.Bucket][]atomic.Uint32

func (c *currentKeys) key(b ring.Bucket, tenant uint32) uint32 {
	if ids := (*c)[b]; uint64(tenant) < uint64(len(ids)) {
		return ids[tenant].Load()
	}
	return 0
}

func newKeyring(db *DB, u ring.Use, e *engine) *keyring {
	k := &keyring{
		use: u, period: db.opts.Period, cipher: db.opts.Cipher, ring: db.ring, engine: e, now: db.opts.Now, wait: db.opts.WriteTimeout,
		gate: make(chan struct{}, 1),
	}
	if u == ring.Recordings {
		k.period = ring.Day
	}
	k.boxes.Store(new([]atomic.Pointer[seal.Box]))
	k.reset()
	return k
}

// loadIndex opens the index key of a database.
func (k *keyring) loadIndex(u ring.Use) error {
	key, plain, err := k.ring.Unwrap(u, uint32(firstIndexKey))
	if err == nil {
		k.index, err = key.Cipher.Index(firstIndexKey, plain)
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", u, err)
	}
	return nil
}

// reset takes the keys that seal new rows from the ring: those of the cipher that is configured.
func (k *keyring) reset() {
	c := new(currentKeys)
	for _, key := range k.ring.Keys() {
		if key.Use == k.use && !key.Retired && key.Bucket != 0 && key.Cipher == k.cipher {
			c = c.with(key.Bucket, key.Tenant, key.ID)
		}
	}
	k.current.Store(c)
}

// with returns c with one more key; c itself where there is room for it.
func (c *currentKeys) with(b ring.Bucket, tenant, n uint32) *currentKeys {
	ids := (*c)[b]
	if uint64(tenant) < uint64(len(ids)) {
		ids[tenant].Store(n)
		return c
	}
	longer := make([]atomic.Uint32, max(16, 2*len(ids), int(tenant)+1))
	for i := range ids {
		longer[i].Store(ids[i].Load())
	}
	longer[tenant].Store(n)
	next := make(currentKeys, len(*c)+1)
	for bucket, ids := range *c {
		next[bucket] = ids
	}
	next[b] = longer
	return &next
}

// box returns the key that a row names. ErrErased: it was destroyed.
func (k *keyring) box(n uint32) (*seal.Box, error) {
	if boxes := *k.boxes.Load(); uint64(n) < uint64(len(boxes)) {
		if b := boxes[n].Load(); b != nil {
			return b, nil
		}
	}
	return k.openKey(n)
}

// openKey unwraps a key. Those of recordings are asked for seldom and not kept.
func (k *keyring) openKey(n uint32) (*seal.Box, error) {
	k.open.Lock()
	defer k.open.Unlock()
	key, plain, err := k.ring.Unwrap(k.use, n)
	switch {
	case errors.Is(err, ring.ErrDestroyed):
		return nil, ErrErased
	case errors.Is(err, ring.ErrNone):
		return nil, fmt.Errorf("%w: it names data key %d, which is not there", ErrCorrupt, n)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	b, err := key.Cipher.Box(plain)
	if err == nil && k.use != ring.Recordings {
		k.keepOpen(n, b)
	}
	return b, err
}

func (k *keyring) keepOpen(n uint32, b *seal.Box) {
	boxes := *k.boxes.Load()
	if uint64(n) >= uint64(len(boxes)) {
		longer := make([]atomic.Pointer[seal.Box], max(16, 2*len(boxes), int(n)+1))
		for i := range boxes {
			longer[i].Store(boxes[i].Load())
		}
		k.boxes.Store(&longer)
		boxes = longer
	}
	if k.open.n++; k.open.n > maxOpenKeys {
		for i := range boxes {
			boxes[i].Store(nil)
		}
		k.open.n = 1
	}
	boxes[n].Store(b)
}

// closeDestroyed forgets what is open, after keys were destroyed in the ring: what is asked for again is opened again,
// and they are not.
func (k *keyring) closeDestroyed() {
	k.open.Lock()
	defer k.open.Unlock()
	boxes := *k.boxes.Load()
	for i := range boxes {
		boxes[i].Store(nil)
	}
	k.open.n = 0
}

// forNew returns the key that seals a new row of a tenant and a moment. The first row of a tenant in a bucket makes it:
// it is on disk then, and that it is there is known to the database.
func (k *keyring) forNew(ctx context.Context, tenant uint32, at time.Time) (uint32, *seal.Box, error) {
	bucket := k.period.Of(at)
	n := k.current.Load().key(bucket, tenant)
	if n == 0 {
		var err error
		if n, err = k.make(ctx, tenant, bucket); err != nil {
			return 0, nil, err
		}
	}
	b, err := k.box(n)
	return n, b, err
}

// make makes the key of a tenant and a bucket, unless somebody else just did. The disk may hang: who waits for it is told
// ErrStalled, as with any write.
func (k *keyring) make(ctx context.Context, tenant uint32, bucket ring.Bucket) (uint32, error) {
	timer := time.NewTimer(k.wait)
	defer timer.Stop()
	select {
	case k.gate <- struct{}{}:
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-timer.C:
		return 0, ErrStalled
	}
	if n := k.current.Load().key(bucket, tenant); n != 0 {
		<-k.gate
		return n, nil
	}
	type made struct {
		n   uint32
		err error
	}
	done := make(chan made, 1)
	go func() {
		defer crash.Door()
		defer func() { <-k.gate }()
		n, err := k.write(tenant, bucket)
		done <- made{n, err}
	}()
	select {
	case m := <-done:
		return m.n, m.err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	case <-timer.C:
		return 0, ErrStalled
	}
}

// write has a new key on disk and lets it be found. The gate is held.
func (k *keyring) write(tenant uint32, bucket ring.Bucket) (uint32, error) {
	key, _, err := k.ring.Make(ring.Key{Use: k.use, Tenant: tenant, Bucket: bucket, Cipher: k.cipher}, k.now())
	if err != nil {
		return 0, fmt.Errorf("store: make a data key: %w", err)
	}
	last := binary.BigEndian.AppendUint32(nil, key.ID)
	if err := k.engine.Set(metaLastKey(k.use), last, pebble.Sync); err != nil {
		return 0, fmt.Errorf("store: make a data key: %w", err)
	}
	k.current.Store(k.current.Load().with(bucket, tenant, key.ID))
	return key.ID, nil
}

// withGate runs f while nobody makes a key.
func (k *keyring) withGate(f func()) {
	k.gate <- struct{}{}
	defer func() { <-k.gate }()
	f()
}

// metaLastKey is where a database has the number of the last key of a use.
func metaLastKey(u ring.Use) []byte { return keyText(tableMeta, "last key of "+string(u)) }
