// Package ring keeps the keys of a store, wrapped under its master key, in one file outside the data directory.
//
// Rows name the key that seals them; the keys themselves are in no copy of the data. So a key that is destroyed here is
// gone from every backup of the data, and with it all that it sealed. The file is to be copied with the master key: to
// another place than the data, and no older copy of it kept than the newest.
//
// The file is text, a fact a line; lines are added as keys are made, each on disk before its key is used. What takes
// something out (destroying, another master key) writes the file anew beside its place and moves it there, so that a
// crash leaves the one or the other whole.
//
// Being outside of the data directory, it also says up to where the audit log of the store was written: [Noted].
package ring

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"mask700/store/seal"
)

// Use is what a key is for. Keys are numbered within a use.
type Use string

// The uses.
const (
	Bindings     Use = "bindings"      // seals bindings; the one of all time names of tenants too
	Records      Use = "records"       // seals call records
	Recordings   Use = "recordings"    // wraps the keys of recordings
	BindingIndex Use = "binding-index" // hashes numbers and orders of bindings
	RecordIndex  Use = "record-index"  // hashes ids of records
)

var uses = []Use{Bindings, Records, Recordings, BindingIndex, RecordIndex}

// FirstID is that of the first key of a use. Below it recordings had the days since 1970 as ids.
func (u Use) FirstID() uint32 {
	if u == Recordings {
		return 1 << 20
	}
	return 1
}

// Key is one key, without its bytes.
type Key struct {
	Use       Use
	ID        uint32
	Tenant    uint32 // the store's number of it; 0: none, or all
	Bucket    Bucket
	Cipher    seal.Cipher
	Made      time.Time // to the second
	Retired   bool      // no new rows
	Destroyed time.Time // zero: it is not

	wrapped []byte
}

// id is by what a key is known.
type id struct {
	use Use
	n   uint32
}

// contents is what a ring's file says.
type contents struct {
	store  string // of which the keys are: 32 hexadecimal digits, drawn at random
	master string // fingerprint of the master key
	keys   map[id]*Key
	next   map[Use]uint32
	noted  Noted
	notes  int // lines that have said so
}

func newContents(store, master string) *contents {
	c := &contents{store: store, master: master, keys: make(map[id]*Key), next: make(map[Use]uint32)}
	for _, u := range uses {
		c.next[u] = u.FirstID()
	}
	return c
}

// clone copies c; the keys in it may be changed.
func (c *contents) clone() *contents {
	out := newContents(c.store, c.master)
	for k, v := range c.keys {
		own := *v
		out.keys[k] = &own
	}
	for u, n := range c.next {
		out.next[u] = n
	}
	if out.noted = c.noted; c.noted != (Noted{}) {
		out.notes = 1 // it is going to be written anew
	}
	return out
}

// put adds a key and moves the numbering behind it.
func (c *contents) put(k Key) {
	c.keys[id{k.Use, k.ID}] = &k
	if k.ID >= c.next[k.Use] {
		c.next[k.Use] = k.ID + 1
	}
}

// sorted is the keys in the order of use and number.
func (c *contents) sorted() []*Key {
	out := make([]*Key, 0, len(c.keys))
	for _, k := range c.keys {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b *Key) int {
		return cmp.Or(cmp.Compare(slices.Index(uses, a.Use), slices.Index(uses, b.Use)), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// purpose ties a wrapped key to its store and to all that its line says, so that lines cannot be exchanged or relabelled.
func (c *contents) purpose(k *Key) string {
	return fmt.Sprintf("mask700 ring %s %s %d %d %d %s", c.store, k.Use, k.ID, k.Tenant, k.Bucket, k.Cipher)
}

func (c *contents) wrap(m seal.Master, k *Key, plain []byte) (err error) {
	k.wrapped, err = m.Wrap(k.Cipher, c.purpose(k), plain)
	return err
}

func (c *contents) unwrap(m seal.Master, k *Key) ([]byte, error) {
	plain, err := m.Unwrap(k.Cipher, c.purpose(k), k.wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %s key %d: %w", ErrDamaged, k.Use, k.ID, err)
	}
	return plain, nil
}

// Errors of a ring. Each text says what to do.
var (
	// ErrDamaged: a line is not as it was written.
	ErrDamaged = errors.New("ring: the file of keys is damaged; put back the copy that was kept with the master key")
	// ErrInUse: another process has it open.
	ErrInUse = errors.New("ring: the file of keys is in use by another store or a copy of this one; end that, or give the copy a copy of the file (keys.ring)")
	// ErrMaster: its keys are wrapped under another master key.
	ErrMaster = errors.New("ring: the file of keys belongs to another master key")
	// ErrNewer: a later release wrote it.
	ErrNewer = errors.New("ring: the file of keys was written by a later release; run that release")
	// ErrDestroyed: the key was destroyed.
	ErrDestroyed = errors.New("ring: the key was destroyed")
	// ErrNone: there is no such key.
	ErrNone = errors.New("ring: no such key")
)
