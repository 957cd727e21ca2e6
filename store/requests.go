package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/store/seal"
)

// What was asked for under an idempotency key is kept by days, so that it goes by days: a day's entries are deleted as one
// range when the day after the next begins. No key and no request is kept but by its keyed hash.

// dayOf counts days since 1970.
func dayOf(at time.Time) uint32 { return uint32(max(at.Unix(), 0) / (24 * 60 * 60)) }

func requestKey(day uint32, h seal.Hash) []byte {
	k := binary.BigEndian.AppendUint32(append(make([]byte, 0, 1+4+seal.HashSize), tableRequest), day)
	return append(k, h[:]...)
}

// request is the value of an entry.
type request struct {
	text seal.Hash
	at   int64 // nanoseconds since 1970
	id   string
}

func (r *request) value() []byte {
	v := append(make([]byte, 0, seal.HashSize+8+len(r.id)), r.text[:]...)
	return append(binary.BigEndian.AppendUint64(v, uint64(r.at)), r.id...)
}

func parseRequest(value []byte) (r request, err error) {
	if len(value) <= seal.HashSize+8 || len(value) > seal.HashSize+8+maxID {
		return r, fmt.Errorf("%w: what was asked for under a key", ErrCorrupt)
	}
	n := copy(r.text[:], value)
	r.at = int64(binary.BigEndian.Uint64(value[n:]))
	r.id = string(value[n+8:])
	return r, nil
}

// requestHashes returns the hash by which an entry is found, and that of what is asked for.
func (db *DB) requestHashes(tenant string, r binding.Repeat) (key, text seal.Hash) {
	return db.bindKeys.index.Hash(domainKey, tenant+"\x00"+r.Key), db.bindKeys.index.Hash(domainRequest, r.Request)
}

// Repeated implements binding.Store; ErrStalled besides. What was asked for can be read before it is on disk; the lock of its
// key is held until it is.
func (db *DB) Repeated(ctx context.Context, tenant string, r binding.Repeat, at time.Time) (binding.Binding, error) {
	if err := db.enter(ctx); err != nil {
		return binding.Binding{}, err
	}
	defer db.leave()
	key, text := db.requestHashes(tenant, r)
	if b, err := db.repeated(key, text, at); err == binding.ErrNotFound {
		return b, err
	}
	unlock, err := db.again.lock(ctx, db.opts.WriteTimeout, db.lockOfKey(tenant, r.Key))
	if err != nil {
		return binding.Binding{}, err
	}
	defer unlock()
	return db.repeated(key, text, at)
}

// lockOfKey names the lock of who asks under a key of a tenant.
func (db *DB) lockOfKey(tenant, key string) uint64 {
	return db.again.ofID("key " + tenant + "\x00" + key)
}

// repeated looks on the day of a moment and on those around it: clocks go back, too.
func (db *DB) repeated(key, text seal.Hash, at time.Time) (binding.Binding, error) {
	at = db.earlier(at)
	today := dayOf(at)
	for _, d := range [...]uint32{today, max(today, 1) - 1, today + 1} {
		value, ok, err := get(db.bind, requestKey(d, key))
		if err != nil {
			return binding.Binding{}, err
		}
		if !ok {
			continue
		}
		done, err := parseRequest(value)
		switch {
		case err != nil:
			return binding.Binding{}, err
		case at.Sub(timeOf(done.at)) >= binding.KeyLife:
			continue
		case done.text != text:
			return binding.Binding{}, binding.ErrKeyUsed
		}
		row, _, err := db.rowOf(db.bind, done.id)
		if errors.Is(err, binding.ErrNotFound) || errors.Is(err, ErrErased) {
			err = binding.ErrKeyGone
		}
		return row, err
	}
	return binding.Binding{}, binding.ErrNotFound
}

// putRequest notes which binding a request was answered with, and deletes what is over with the first one of a day.
func (db *DB) putRequest(b *pebble.Batch, key, text seal.Hash, at time.Time, id string) error {
	at = db.earlier(at)
	done := request{text: text, at: at.UnixNano(), id: id}
	if err := b.Set(requestKey(dayOf(at), key), done.value(), nil); err != nil {
		return err
	}
	return db.dropRequests(b, at)
}

// dropRequests deletes the entries of the days before yesterday, once a day.
func (db *DB) dropRequests(b *pebble.Batch, now time.Time) error {
	today := dayOf(now)
	if before := db.requestsOf.Load(); today < 2 || today <= before || !db.requestsOf.CompareAndSwap(before, today) {
		return nil
	}
	return b.DeleteRange([]byte{tableRequest}, requestKey(today-1, seal.Hash{})[:1+4], nil)
}

// forgetRequests drops what was asked for under a key of some bindings: the hash of a request has
// the numbers in it, and who asks again with a guess is told whether it is right. lost is as of eachSound.
func (db *DB) forgetRequests(ctx context.Context, bindings []partyRow, lost lostFunc) error {
	if len(bindings) == 0 {
		return nil
	}
	of := make(map[string]bool, len(bindings))
	for _, b := range bindings {
		of[b.id] = true
	}
	var keys [][]byte
	lower := []byte{tableRequest}
	err := db.eachSound(ctx, db.bind, lower, keyAfter(lower), lost, func(key, value []byte) (bool, error) {
		r, err := parseRequest(value)
		if err == nil && of[r.id] {
			keys = append(keys, bytes.Clone(key))
		}
		return true, nil // a damaged one is Check's to tell
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	return db.bindWrites.do(ctx, func(b *pebble.Batch) error { return deleteAll(b, keys) }, nil)
}
