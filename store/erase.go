package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
	"mask700/binding/cdr"
	"mask700/store/seal"
)

// PersonErased is the account of what became of one person's number.
type PersonErased struct {
	ID         string   `json:"id"`                   // of the erasure
	Bindings   int      `json:"bindings"`             // in which another number stands in its place now
	Records    int      `json:"records"`              // likewise, of calls and texts
	Contacts   int      `json:"contacts"`             // deleted: which numbers it dialled
	Bars       int      `json:"blocklist"`            // deleted: entries of block lists, as the number or its peer
	Recordings []string `json:"recordings,omitempty"` // ids of those of its calls that are kept
	// DeleteRecordings: they are to be deleted.
	DeleteRecordings bool `json:"-"`
	// Unread are the parts that are damaged, and may have the number where they cannot be read: UnreadBindings and so on.
	Unread []string `json:"unread,omitempty"`
	Digest string   `json:"digest"` // SHA-256 over the ids of those bindings and the numbers of those records

	touched touched
}

// String is the account as it stands in the audit log.
func (p PersonErased) String() string {
	text := fmt.Sprintf("erasure %s: %d bindings, %d records, %d contacts, %d block list entries; digest %s", p.ID, p.Bindings, p.Records, p.Contacts, p.Bars, p.Digest)
	if len(p.Unread) > 0 {
		text += "; damaged, and not searched to the end: " + strings.Join(p.Unread, ", ")
	}
	return text
}

// Parts of what is kept, as [PersonErased.Unread] has them.
const (
	UnreadBindings = "bindings"
	UnreadRequests = "idempotency keys"
	UnreadContacts = "contacts"
	UnreadBars     = "block lists"
	UnreadRecords  = "records"
	UnreadFiles    = "files that cannot be written anew"
)

// unread notes for an account what of a part cannot be read: it stays as it is, and all else is gone on with.
func (db *DB) unread(p *PersonErased, part string) lostFunc {
	return func(_, _ []byte, err error) {
		if !slices.Contains(p.Unread, part) {
			p.Unread = append(p.Unread, part)
			db.opts.Logger.Error("the erasure of a person could not search all; restore it from a backup and ask for it again",
				"erasure", p.ID, "of", part, "error", err)
		}
	}
}

// touched are the keys of rows that were written anew; of more than maxTouched only that there were so many.
type touched struct{ bindings, records [][]byte }

const maxTouched = 64

func (t *touched) add(to *[][]byte, key []byte) {
	if len(*to) <= maxTouched {
		*to = append(*to, bytes.Clone(key))
	}
}

// ErrCallsGoOn: a call of the person has no closing record yet.
var ErrCallsGoOn = errors.New("calls of this number go on; the erasure is done when they are over")

// erasing is an erasure that was begun. It is a row of its own until it is done, so that a crash leaves one that goes on at
// the next start.
type erasing struct {
	id     string
	who    binding.Number
	as     binding.Number // in its place
	reason string
	// recordings of the number's calls are deleted too, by who is told that it is done.
	recordings bool
	dataKey    uint32 // under which it stands
}

const (
	erasingVersion    = 3
	erasingAllTime    = 2 // under the key of all time, which it does not name
	erasingBefore     = 1 // likewise; says nothing of recordings: they stay
	erasingHeaderSize = 5
)

// erasingRow seals an erasure: number, what is put in its place, reason, whether recordings go u8. Its header is version u8,
// data key u32: that of today of the bindings that have no tenant.
func (db *DB) erasingRow(ctx context.Context, e *erasing) (pair, error) {
	plain, err := appendNumber(nil, e.who)
	if err == nil {
		plain, err = appendNumber(plain, e.as)
	}
	if err != nil {
		return pair{}, fmt.Errorf("%w: %w", ErrRow, err)
	}
	plain = append(appendText(plain, e.reason), 0)
	if e.recordings {
		plain[len(plain)-1] = 1
	}
	dataKey, box, err := db.bindKeys.forNew(ctx, 0, db.opts.Now())
	if err != nil {
		return pair{}, err
	}
	key := keyText(tableErasing, e.id)
	header := binary.BigEndian.AppendUint32(append(make([]byte, 0, erasingHeaderSize+len(plain)+seal.Overhead), erasingVersion), dataKey)
	return pair{key, box.Seal(header, plain, placeOf(key, header))}, nil
}

// erasings are the erasures that were begun and are not done. Of one whose key was destroyed, in a backup from before,
// nobody knows whom it was about. lost is as of eachSound.
func (db *DB) erasings(ctx context.Context, lost lostFunc) (all []erasing, err error) {
	lower := []byte{tableErasing}
	err = db.eachSound(ctx, db.bind, lower, keyAfter(lower), lost, func(key, value []byte) (bool, error) {
		e, err := db.openErasing(key, value)
		if errors.Is(err, ErrErased) {
			return true, nil
		}
		if err == nil {
			all = append(all, e)
		}
		return true, err
	})
	return all, err
}

func (db *DB) openErasing(key, value []byte) (erasing, error) {
	bad := fmt.Errorf("%w: an erasure that was begun", ErrCorrupt)
	w := wire{b: value}
	version, size, dataKey := w.byte(), 1, storeKey
	if version == erasingVersion {
		size, dataKey = erasingHeaderSize, w.uint32()
	}
	if w.err != nil || version < erasingBefore || version > erasingVersion || len(key) < 2 {
		return erasing{}, bad
	}
	box, err := db.bindKeys.box(dataKey)
	if err != nil {
		return erasing{}, err
	}
	plain, err := box.Open(nil, value[size:], placeOf(key, value[:size]))
	if err != nil {
		return erasing{}, bad
	}
	w = wire{b: plain}
	e := erasing{id: string(key[1:]), who: w.number(), as: w.number(), reason: w.text(), dataKey: dataKey}
	if value[0] != erasingBefore {
		e.recordings = w.byte() == 1
	}
	if w.end() != nil || e.who.IsZero() || e.as.IsZero() {
		return erasing{}, bad
	}
	return e, nil
}

// ErasePerson takes a subscriber's number out of everything that is kept. Bindings and records whose time is not over stay,
// as they have to, with a number in its place that is nobody's; what only finds or concerns the person is deleted. begin is
// called before anything is changed, done when all is, with the account; an error of either ends it. One that was begun and
// not done, after a crash or an error, goes on when it is asked for again, and with FinishErasures. recordings says that
// done is to delete those of the person's calls, which it is told; it is kept until then.
//
// What is damaged ends no erasure: it stays as it is, and the account says in which parts that was. Whoever restores it from a
// backup asks for the erasure again.
//
// Errors: ErrLiveBindings, where it is a party of one, and nothing is changed; ErrCallsGoOn; those of begin and done, of ctx, or of a write.
func (db *DB) ErasePerson(ctx context.Context, who binding.Number, reason string, recordings bool, begin func(id string) error, done func(PersonErased) error) (PersonErased, error) {
	if err := db.enter(ctx); err != nil {
		return PersonErased{}, err
	}
	defer db.leave()
	db.retention.Lock()
	defer db.retention.Unlock()
	if who.IsZero() || who.IsErased() || len(reason) > maxText {
		return PersonErased{}, fmt.Errorf("%w: no number is to be erased, or for a long reason", ErrRow)
	}
	if err := db.noneOfLive(ctx, who); err != nil {
		return PersonErased{}, err
	}
	damaged := func(_, _ []byte, _ error) {} // FinishErasures says so
	all, err := db.erasings(ctx, damaged)
	if err != nil {
		return PersonErased{}, err
	}
	if i := slices.IndexFunc(all, func(e erasing) bool { return e.who == who }); i >= 0 {
		e := all[i]
		if recordings && !e.recordings {
			e.recordings = true
			if err := db.putErasing(ctx, &e); err != nil {
				return PersonErased{}, err
			}
		}
		return db.erase(ctx, e, done)
	}
	e := erasing{who: who, reason: reason, recordings: recordings}
	if e.id, err = binding.NewID(nil); err != nil {
		return PersonErased{}, err
	}
	if e.as, err = binding.ErasedNumber(nil); err != nil {
		return PersonErased{}, err
	}
	if err := begin(e.id); err != nil {
		return PersonErased{}, err
	}
	if err := db.putErasing(ctx, &e); err != nil {
		return PersonErased{}, err
	}
	return db.erase(ctx, e, done)
}

func (db *DB) putErasing(ctx context.Context, e *erasing) error {
	row, err := db.erasingRow(ctx, e)
	if err != nil {
		return err
	}
	return db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Set(row.key, row.value, nil) }, nil)
}

// FinishErasures goes on with the erasures that were begun and not done. done is called for each that is, with the reason
// that it was asked for. The error is that of the first that is left.
func (db *DB) FinishErasures(ctx context.Context, done func(p PersonErased, reason string) error) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.leave()
	db.retention.Lock()
	defer db.retention.Unlock()
	var damaged error
	all, err := db.erasings(ctx, func(_, _ []byte, err error) { damaged = err })
	for _, e := range all {
		_, failed := db.erase(ctx, e, func(p PersonErased) error { return done(p, e.reason) })
		if err == nil {
			err = failed
		}
	}
	return cmp.Or(err, damaged)
}

// erase does what an erasure consists of. Each step can be done again.
func (db *DB) erase(ctx context.Context, e erasing, done func(PersonErased) error) (p PersonErased, err error) {
	err = db.withoutSnapshots(ctx, func() error {
		p, err = db.eraseNow(ctx, e, done)
		return err
	})
	return p, err
}

func (db *DB) eraseNow(ctx context.Context, e erasing, done func(PersonErased) error) (p PersonErased, err error) {
	p.ID, p.DeleteRecordings = e.id, e.recordings
	for _, n := range []binding.Number{e.who, e.as} { // as: of an attempt before
		bindings, err := db.bindingsOf(ctx, n, db.unread(&p, UnreadBindings))
		if err == nil {
			err = db.forgetRequests(ctx, bindings, db.unread(&p, UnreadRequests))
		}
		if err != nil {
			return p, err
		}
	}
	if err := db.forgetBindings(ctx, &e, db.unread(&p, UnreadBindings)); err != nil {
		return p, err
	}
	if p.Contacts, err = db.eraseContacts(ctx, e.who, db.unread(&p, UnreadContacts)); err != nil {
		return p, err
	}
	if p.Bars, err = db.eraseBars(ctx, e.who, db.unread(&p, UnreadBars)); err != nil {
		return p, err
	}
	if err := db.noneOpen(ctx, e.who, db.unread(&p, UnreadRecords)); err != nil {
		return p, err
	}
	if err := db.forgetRecords(ctx, &e, &p); err != nil {
		return p, err
	}
	err = db.wipe(ctx, e.who, &p)
	if errors.Is(err, ErrCorrupt) {
		db.unread(&p, UnreadFiles)(nil, nil, err)
	} else if err != nil {
		return p, err
	}
	if err := done(p); err != nil {
		return p, err
	}
	key := keyText(tableErasing, e.id)
	if err := db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Delete(key, nil) }, nil); err != nil {
		return p, err
	}
	err = db.rewriteParts(ctx, part{db.bind, key, keyAfter(key)})
	if errors.Is(err, ErrCorrupt) && len(p.Unread) > 0 {
		err = nil // the account says so
	}
	return p, err
}

// entriesOf are the keys of what finds the bindings that a number is or was a party of. lost is as of eachSound.
func (db *DB) entriesOf(ctx context.Context, who binding.Number, lost lostFunc) (keys [][]byte, err error) {
	prefix := keyHash(tableWho, db.numberHash(who))
	err = db.eachSound(ctx, db.bind, prefix, keyAfter(prefix), lost, func(key, _ []byte) (bool, error) {
		keys = append(keys, bytes.Clone(key))
		return true, nil
	})
	return keys, err
}

// bindingsOf are those of them that can be read, with where they stand. lost is told of what is damaged.
func (db *DB) bindingsOf(ctx context.Context, who binding.Number, lost lostFunc) (all []partyRow, err error) {
	entries, err := db.entriesOf(ctx, who, lost)
	if err != nil {
		return nil, err
	}
	for i, entry := range entries {
		if i%256 == 0 {
			if err := db.ending(ctx); err != nil {
				return nil, err
			}
		}
		b, found, err := db.rowBy(db.bind, entry)
		switch {
		case errors.Is(err, ErrErased), errors.Is(err, binding.ErrNotFound):
		case errors.Is(err, ErrCorrupt):
			lost(entry, nil, err)
		case err != nil:
			return nil, err
		default:
			all = append(all, partyRow{b.ID, b.Y, found.place})
		}
	}
	return all, nil
}

// partyRow is a binding that somebody is a party of.
type partyRow struct {
	id string
	y  binding.X
	at place
}

// noneOfLive returns ErrLiveBindings where a number is a party of a binding that is not over. One that it was a party of before goes on for
// the others.
func (db *DB) noneOfLive(ctx context.Context, who binding.Number) error {
	damaged := func(_, _ []byte, _ error) {} // it carries no call; the account says so
	entries, err := db.entriesOf(ctx, who, damaged)
	if err != nil {
		return err
	}
	now, live := db.earlier(db.opts.Now()), 0
	for _, entry := range entries {
		b, _, err := db.rowBy(db.bind, entry)
		switch {
		case errors.Is(err, ErrErased), errors.Is(err, binding.ErrNotFound), errors.Is(err, ErrCorrupt):
		case err != nil:
			return err
		case b.HasParty(who) && notOver(&b, now):
			live++
		}
	}
	if live > 0 {
		return fmt.Errorf("%w: %d; unbind them first, or have that done with --hard", ErrLiveBindings, live)
	}
	return nil
}

// forgetBindings puts another number in the place of one in all bindings, until none is found by it but those that are damaged: what
// finds these stays, so that it finds them when they were restored.
func (db *DB) forgetBindings(ctx context.Context, e *erasing, lost lostFunc) error {
	damaged := make(map[string]bool)
	for {
		entries, err := db.entriesOf(ctx, e.who, lost)
		entries = slices.DeleteFunc(entries, func(entry []byte) bool { return damaged[string(entry)] })
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, entry := range entries {
			err := db.forgetBinding(ctx, e, entry)
			if errors.Is(err, ErrCorrupt) {
				lost(entry, nil, err)
				damaged[string(entry)] = true
			} else if err != nil {
				return err
			}
		}
	}
}

// forgetBinding does so in one, under the locks of its numbers, with what finds it.
func (db *DB) forgetBinding(ctx context.Context, e *erasing, entry []byte) error {
	b, _, err := db.rowBy(db.bind, entry)
	if errors.Is(err, ErrErased) || errors.Is(err, binding.ErrNotFound) { // what finds it goes, as nothing can be read there any more
		return db.bindWrites.do(ctx, func(b *pebble.Batch) error { return b.Delete(entry, nil) }, nil)
	}
	if err != nil {
		return err
	}
	numbers := []binding.X{b.X}
	which := []uint64{db.locks.ofNumber(uint64(b.X))}
	if b.Y != 0 {
		numbers = append(numbers, b.Y)
		which = append(which, db.locks.ofNumber(uint64(b.Y)))
	}
	unlock, err := db.locks.lock(ctx, db.opts.WriteTimeout, which...)
	if err != nil {
		return err
	}
	old, found, err := db.rowBy(db.bind, entry)
	var rows []pair
	var gone [][]byte
	live := err == nil && notOver(&old, db.earlier(db.opts.Now()))
	if live && old.HasParty(e.who) {
		err = fmt.Errorf("%w: one was made, or joined, meanwhile", ErrLiveBindings)
	}
	if err == nil {
		rows, gone, err = db.forgotten(e, &old, live, found, numbers)
	}
	if err != nil {
		unlock()
		return err
	}
	return db.bindWrites.do(ctx,
		func(batch *pebble.Batch) error { return errors.Join(deleteAll(batch, gone), putAll(batch, rows)) },
		func(bool) { unlock() })
}

// forgotten is what is to be written for a binding, and what is to be deleted. The consent of those for whom it lives stays.
func (db *DB) forgotten(e *erasing, old *binding.Binding, live bool, found foundRow, numbers []binding.X) (rows []pair, gone [][]byte, err error) {
	box, err := db.bindKeys.box(found.header.dataKey)
	if err != nil {
		return nil, nil, err
	}
	b := old.Forget(e.who, e.as)
	if live {
		b.Consent = old.Consent
	}
	if rows, err = sealRows(box, &b, found.header, found.place.start, numbers); err != nil {
		return nil, nil, err
	}
	entries := db.whoRows(&b, found.place)
	for _, r := range db.whoRows(old, found.place) {
		if !slices.ContainsFunc(entries, func(p pair) bool { return bytes.Equal(p.key, r.key) }) {
			gone = append(gone, r.key)
		}
	}
	return append(rows, entries...), gone, nil
}

// eraseBars deletes the entries of block lists that have a number, as theirs or as that of the other side. lost is told of what is
// damaged; nil: that is an error.
func (db *DB) eraseBars(ctx context.Context, who binding.Number, lost lostFunc) (deleted int, err error) {
	var ids []string
	lower := []byte{tableBar}
	err = db.eachSound(ctx, db.bind, lower, keyAfter(lower), lost, func(key, value []byte) (bool, error) {
		b, err := db.openBar(key, value)
		if errors.Is(err, ErrErased) {
			return true, nil
		}
		if err == nil && (b.Number == who || b.Peer == who) {
			ids = append(ids, b.ID)
		}
		return true, err
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		_, err := db.RemoveBar(ctx, id)
		switch {
		case err == nil:
			deleted++
		case errors.Is(err, binding.ErrNoBar):
		case errors.Is(err, ErrCorrupt) && lost != nil:
			lost(nil, nil, err)
		default:
			return deleted, err
		}
	}
	return deleted, nil
}

// recordHas reports whether a record has a number, recordForget puts another in its place.
func recordHas(r *cdr.Record, who binding.Number) bool {
	for _, p := range [...]*cdr.Party{&r.CallerIn, &r.CalleeIn, &r.CallerOut, &r.CalleeOut} {
		if p.Number == who {
			return true
		}
	}
	return false
}

func recordForget(r *cdr.Record, who, as binding.Number) {
	for _, p := range [...]*cdr.Party{&r.CallerIn, &r.CalleeIn, &r.CallerOut, &r.CalleeOut} {
		if p.Number == who {
			p.Number = as
		}
	}
}

// noneOpen waits a little until no call of a number has an opening record alone: what is closed afterwards
// would have the number. lost is told of what is damaged.
func (db *DB) noneOpen(ctx context.Context, who binding.Number, lost lostFunc) error {
	timer := time.NewTimer(db.opts.WriteTimeout)
	defer timer.Stop()
	for {
		changed := db.Changed()
		open := false
		lower := []byte{tableOpen}
		err := db.eachSound(ctx, db.cdr, lower, keyAfter(lower), lost, func(key, value []byte) (bool, error) {
			r, _, err := db.journal.open(key, value)
			if errors.Is(err, ErrErased) {
				return true, nil
			}
			open = err == nil && recordHas(&r, who)
			return !open, err
		})
		if err != nil || !open {
			return err
		}
		select {
		case <-changed:
		case <-timer.C:
			return ErrCallsGoOn
		case <-ctx.Done():
			return ctx.Err()
		case <-db.use.closing:
			return ErrClosed
		}
	}
}

// forgetRecords goes through all records, puts another number in the place of one, and gives the account of those that
// have that: also of those of an attempt before.
func (db *DB) forgetRecords(ctx context.Context, e *erasing, p *PersonErased) error {
	lost := db.unread(p, UnreadRecords)
	sum := sha256.New()
	fmt.Fprintf(sum, "mask700 erasure %s\n", e.id)
	bindings, err := db.bindingsOf(ctx, e.as, db.unread(p, UnreadBindings))
	if err != nil {
		return err
	}
	slices.SortFunc(bindings, func(a, b partyRow) int { return strings.Compare(a.id, b.id) })
	p.Bindings = len(bindings)
	for _, b := range bindings {
		fmt.Fprintf(sum, "binding %s\n", b.id)
		p.touched.add(&p.touched.bindings, b.at.key())
		if b.y != 0 {
			p.touched.add(&p.touched.bindings, place{x: b.y, start: b.at.start}.key())
		}
	}
	for lower := []byte{tableClosed}; lower != nil; {
		var due []uint64
		looked := 0
		from := lower
		lower = nil
		err := db.eachSound(ctx, db.cdr, from, []byte{tableClosed + 1}, lost, func(key, value []byte) (bool, error) {
			if looked++; looked > slice {
				lower = bytes.Clone(key)
				return false, nil
			}
			r, _, err := db.journal.open(key, value)
			if errors.Is(err, ErrErased) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			seq, _ := seqOfKey(key)
			had := recordHas(&r, e.who)
			if had {
				due = append(due, seq)
			}
			if had || recordHas(&r, e.as) {
				p.Records++
				fmt.Fprintf(sum, "record %d\n", seq)
				if id := r.Media.Recording.ID; id != "" {
					p.Recordings = append(p.Recordings, id)
				}
				p.touched.add(&p.touched.records, key)
			}
			return true, nil
		})
		if err == nil {
			err = db.rewriteRecords(ctx, e, due, lost)
		}
		if err != nil {
			return err
		}
	}
	p.Digest = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// rewriteRecords puts another number in the place of one in some records. What was read before may have been deleted; lost is told
// of what is damaged.
func (db *DB) rewriteRecords(ctx context.Context, e *erasing, seqs []uint64, lost lostFunc) error {
	for some := range slices.Chunk(seqs, 256) {
		err := db.journal.writes.do(ctx, func(b *pebble.Batch) error {
			var rows []pair
			for _, seq := range some {
				row, err := db.forgottenRecord(e, seq)
				if errors.Is(err, ErrErased) || errors.Is(err, cdr.ErrNotFound) {
					continue
				}
				if errors.Is(err, ErrCorrupt) {
					lost(nil, nil, err)
					continue
				}
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			return putAll(b, rows)
		}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) forgottenRecord(e *erasing, seq uint64) (pair, error) {
	key := key64(tableClosed, seq)
	value, ok, err := get(db.cdr, key)
	if err == nil && !ok {
		err = cdr.ErrNotFound
	}
	if err != nil {
		return pair{}, err
	}
	r, h, err := db.journal.open(key, value)
	if err != nil {
		return pair{}, err
	}
	recordForget(&r, e.who, e.as)
	plain, err := appendRecord(nil, &r)
	if err != nil {
		return pair{}, fmt.Errorf("%w: %w", ErrRow, err)
	}
	box, err := db.cdrKeys.box(h.dataKey)
	if err != nil {
		return pair{}, err
	}
	sealed := h.append(make([]byte, 0, recordHeaderSize+len(plain)+seal.Overhead))
	return pair{key, box.Seal(sealed, plain, placeOf(key, sealed))}, nil
}
