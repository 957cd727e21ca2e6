package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/seal"
)

// contacts are who dialled which number of ours, or was shown it, among those of whom no binding says that they know it. The rows are
// written with the records of their calls, in one batch, and stand in the database of the records: they cost no sync of
// their own.
//
// A row is 27 bytes. Of a number that goes on dialling another one row is kept, written again at most once an hour. Rows
// older than the quarantine are swept; beyond Options.ContactLimit none are added.
type contacts struct {
	rows   atomic.Int64  // about how many there are, a row that was written again counted twice until the next sweep; -1: not known
	lost   atomic.Uint64 // not kept, because there were too many
	recent [1 << 12]atomic.Uint64
}

// contact is a row to be written with a record.
type contact struct {
	contacts *contacts
	row      pair
	slot     *atomic.Uint64
	mark     uint64
}

const (
	contactKeySize = 1 + 8 + seal.HashSize
	contactRowSize = 1 + 4 // version u8, seconds since 1970 u32
)

func contactKey(x binding.X, h seal.Hash) []byte {
	key := make([]byte, 0, contactKeySize)
	key = binary.BigEndian.AppendUint64(append(key, tableContact), uint64(x))
	return append(key, h[:]...)
}

func parseContact(key, value []byte) (at uint32, err error) {
	if len(key) != contactKeySize || len(value) != contactRowSize || value[0] != rowVersion {
		return 0, fmt.Errorf("%w: who dialled a number", ErrCorrupt)
	}
	return binary.BigEndian.Uint32(value[1:]), nil
}

// loadContacts sees whether there are any. How many there are is the first sweep's to say.
func (db *DB) loadContacts() error {
	lower := []byte{tableContact}
	_, any, err := last(db.cdr, lower, keyAfter(lower))
	if any || errors.Is(err, ErrCorrupt) {
		db.contacts.rows.Store(-1)
		return nil
	}
	return err
}

// contactsOf returns what a record says of who dialled what, and who was shown what; nil: nothing that is to be kept. A party
// whose call was carried is known from its binding, but where that was decided by an endpoint: none is stored then.
func (db *DB) contactsOf(r *cdr.Record) (all [2]*contact) {
	decided := strings.HasPrefix(r.Evidence, cdr.EvidenceRemote)
	known := r.Refusal == binding.RefusalNone && r.Binding != "" && !db.opts.Strangers
	if !known || decided {
		all[0] = db.contactOf(r.CalleeIn.X, r.CallerIn.Number, r.ReceivedAt)
	}
	if decided {
		all[1] = db.contactOf(r.CallerOut.X, r.CalleeOut.Number, r.ReceivedAt)
	}
	return all
}

// contactOf returns that somebody had to do with a number at a moment; nil: it is not to be kept.
func (db *DB) contactOf(x binding.X, who binding.Number, when time.Time) *contact {
	if db.opts.Quarantine == 0 || x == 0 || who.IsZero() || when.IsZero() || !db.Holds(x.Block()) {
		return nil
	}
	if db.contacts.rows.Load() >= int64(db.opts.ContactLimit) {
		db.contacts.lost.Add(1)
		return nil
	}
	at, h := second(when), db.contactHash(who)
	key := contactKey(x, h)
	// A few of the last are remembered by their hash and hour. Where two meet in one place, both are written.
	mixed := binary.BigEndian.Uint64(h[1:]) ^ uint64(x)*0x9e3779b97f4a7c15
	c := &contact{
		contacts: &db.contacts,
		row:      pair{key, binary.BigEndian.AppendUint32([]byte{rowVersion}, at)},
		slot:     &db.contacts.recent[mixed>>52],
		mark:     mixed&(1<<44-1) | uint64(at/3600)<<44,
	}
	if c.slot.Load() == c.mark {
		return nil
	}
	if held := db.blocks.table.Load().held[x.Block()]; held != nil {
		held.Dialled(serialOf(x)) // before the row can be there
	}
	return c
}

// settle remembers a contact that is on disk. It may be called on none.
func (c *contact) settle(written bool) {
	if c == nil || !written {
		return
	}
	c.slot.Store(c.mark)
	if c.contacts.rows.Load() >= 0 {
		c.contacts.rows.Add(1)
	}
}

// dialled says until when somebody of who is kept off a number because he dialled it; the zero time: nobody is. Each is looked for by
// himself: a number may have been dialled by any number of others.
func (db *DB) dialled(x binding.X, who []binding.Number, now time.Time) (until time.Time, err error) {
	rest := db.opts.Quarantine
	if rest == 0 || len(who) == 0 || db.contacts.rows.Load() == 0 {
		return time.Time{}, nil
	}
	if held := db.blocks.table.Load().held[x.Block()]; held != nil && !held.MayBeDialled(serialOf(x)) {
		return time.Time{}, nil
	}
	for _, n := range who {
		key := contactKey(x, db.contactHash(n))
		value, ok, err := get(db.cdr, key)
		if err != nil {
			return time.Time{}, err
		}
		if !ok {
			continue
		}
		at, err := parseContact(key, value)
		if err != nil {
			return time.Time{}, err
		}
		if end := time.Unix(int64(at)+1, 0).Add(rest); end.After(now) && end.After(until) {
			until = end
		}
	}
	return until, nil
}

// countContacts marks the numbers of a block that somebody dialled.
func (db *DB) countContacts(ctx context.Context, b *heldBlock) error {
	if db.contacts.rows.Load() == 0 {
		return nil
	}
	first := uint64(b.block.Number(0))
	return db.eachOf(ctx, db.cdr, key64(tableContact, first), key64(tableContact, first+binding.BlockSize), func(key, _ []byte) (bool, error) {
		b.Dialled(int(binary.BigEndian.Uint64(key[1:]) - first))
		return true, nil
	})
}

// contactPage is how many rows are looked at between two deletions.
const contactPage = 4096

// SweepContacts deletes what is kept of who dialled what longer ago than the quarantine, all of it where there is none. It
// says how many it deleted and how many are left. ErrClosed, ErrStalled, ErrBusy or that of ctx: it did not get through.
func (db *DB) SweepContacts(ctx context.Context, now time.Time) (deleted, left int, err error) {
	if err := db.enter(ctx); err != nil {
		return 0, 0, err
	}
	defer db.leave()
	before := second(now.Add(-db.opts.Quarantine))
	old := func(key, value []byte) bool {
		at, err := parseContact(key, value)
		return err != nil || db.opts.Quarantine == 0 || at < before
	}
	added := db.contacts.rows.Load()
	for lower := []byte{tableContact}; lower != nil; {
		var page [][]byte
		looked := 0
		from := lower
		lower = nil
		err := db.eachOf(ctx, db.cdr, from, []byte{tableContact + 1}, func(key, value []byte) (bool, error) {
			if looked++; looked > contactPage {
				lower = append([]byte(nil), key...)
				return false, nil
			}
			if old(key, value) {
				page = append(page, append([]byte(nil), key...))
			}
			return true, nil
		})
		if err != nil {
			return deleted, left, err
		}
		n, err := db.dropContacts(ctx, page, old)
		deleted += n
		left += min(looked, contactPage) - n
		if err != nil {
			return deleted, left, err
		}
	}
	// Those that came meanwhile may have been counted or not; they are counted once more.
	if since := db.contacts.rows.Load() - added; added >= 0 && since > 0 {
		left += int(since)
	}
	db.contacts.rows.Store(int64(left))
	return deleted, left, nil
}

// dropContacts deletes rows that are still old. It does so in the order of writes: one may be written again meanwhile.
func (db *DB) dropContacts(ctx context.Context, keys [][]byte, old func(key, value []byte) bool) (n int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	var dropped atomic.Int64
	err = db.journal.writes.do(ctx, func(b *pebble.Batch) error {
		for _, key := range keys {
			value, ok, err := get(db.cdr, key)
			if err != nil {
				return err
			}
			if !ok || !old(key, value) || db.journal.dials[string(key)] != 0 {
				continue
			}
			if err := b.Delete(key, nil); err != nil {
				return err
			}
			dropped.Add(1)
		}
		return nil
	}, nil)
	return int(dropped.Load()), err
}

// EraseContacts deletes what is kept of which numbers somebody dialled, and says how much that was. It goes through all
// that is kept: two seconds for ten million.
func (db *DB) EraseContacts(ctx context.Context, who binding.Number) (deleted int, err error) {
	if err := db.enter(ctx); err != nil {
		return 0, err
	}
	defer db.leave()
	return db.eraseContacts(ctx, who, nil)
}

// eraseContacts is EraseContacts; lost is as of eachSound.
func (db *DB) eraseContacts(ctx context.Context, who binding.Number, lost lostFunc) (deleted int, err error) {
	h := db.contactHash(who)
	var keys [][]byte
	err = db.eachSound(ctx, db.cdr, []byte{tableContact}, []byte{tableContact + 1}, lost, func(key, _ []byte) (bool, error) {
		if len(key) == contactKeySize && seal.Hash(key[9:]) == h {
			keys = append(keys, append([]byte(nil), key...))
		}
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	return db.dropContacts(ctx, keys, func(_, _ []byte) bool { return true })
}
