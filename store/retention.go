package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/store/ring"
)

// Retention is how long rows are kept behind their end: a binding after it was over, a record after its call. Zero: for ever.
type Retention struct {
	Bindings time.Duration
	Records  time.Duration
	// RowsPerSecond is at most how many rows are deleted in a second, so that calls and bindings do not wait for the disk
	// because of it; looking at looksALike is as much. Zero: as many as there are.
	RowsPerSecond int

	slice  int               // rows that are looked at at a time; 0: slice
	looked func(next []byte) // is told how far the sweep of a class is
}

// Classes of what is kept.
const (
	ClassBindings = "bindings"
	ClassRecords  = "records"
)

// Sweep is what one look at a class found and deleted. It is kept, so that it can be told which was the last.
type Sweep struct {
	Class    string        `json:"class"`
	At       time.Time     `json:"at"`    // when it began
	Took     time.Duration `json:"took"`  // nanoseconds
	Until    time.Time     `json:"until"` // what was over before was deleted
	Deleted  uint64        `json:"deleted"`
	Kept     uint64        `json:"kept"`             // of bindings; 0 for records, of which not all are looked at
	Damaged  uint64        `json:"damaged"`          // rows, and stretches of them in a damaged block, that are left because they cannot be read
	Oldest   time.Time     `json:"oldest,omitzero"`  // when the oldest that is left began, or a call ended
	Keys     []GoneKey     `json:"keys,omitempty"`   // that were destroyed, since nothing is left that they sealed
	KeyCount int           `json:"key_count"`        // all of them, Keys being the first ones
	Digest   string        `json:"digest,omitempty"` // SHA-256 over all that is said here of what was destroyed
}

// GoneKey is a key that was destroyed.
type GoneKey struct {
	ID     uint32 `json:"id"`
	Tenant string `json:"tenant,omitempty"`
	Period string `json:"period"`
	// Print is the SHA-256 of the wrapped key: who has a ring of before can tell by it which key it was.
	Print string `json:"print"`
}

// maxGoneKeys is how many keys an account of a sweep names.
const maxGoneKeys = 64

// metaSweep is where a database has the account of the last sweep of its class, as JSON. Nothing in it is secret.
const metaSweep = "sweep"

// SweepRetention deletes the bindings and records whose time is over, and destroys the data keys of which nothing is left:
// what they sealed cannot be read in any copy of the data either. What is over is said by [DB.SweepTime]. note is called with the account of what was deleted, and
// before keys are destroyed with which they are; its error leaves them. What is damaged stays as it is and is counted, and keys stay
// while something may be sealed under them that cannot be read; where all of a class cannot be read on, the other one is swept. Errors: that of note, ErrReadAsItWas, ErrClosed, that
// of ctx, or of a write.
func (db *DB) SweepRetention(ctx context.Context, r Retention, note func(Sweep) error) ([]Sweep, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.leave()
	db.retention.Lock()
	defer db.retention.Unlock()
	now, err := db.SweepTime()
	if err != nil {
		return nil, err
	}
	if err := db.bindWrites.do(ctx, func(b *pebble.Batch) error { return db.dropRequests(b, now.At) }, nil); err != nil {
		return nil, err
	}
	var all []Sweep
	var damaged error
	for _, c := range []class{
		{ClassRecords, r.Records, ring.Records, db.cdr, (*sweeper).records, db.noRecordOf},
		{ClassBindings, r.Bindings, ring.Bindings, db.bind, (*sweeper).bindings, db.noBindingOf},
	} {
		if c.keep <= 0 {
			continue
		}
		// One that was broken off is ended as it was begun; what is over since then is another's.
		for resumed := true; resumed; {
			var done Sweep
			done, resumed, err = db.sweepClass(ctx, c, r, now.At, note)
			if errors.Is(err, ErrCorrupt) {
				damaged = errors.Join(damaged, fmt.Errorf("%s: %w", c.name, err))
				break
			}
			if err != nil {
				return all, err
			}
			all = append(all, done)
		}
	}
	return all, damaged
}

// class is what is kept for a time of its own.
type class struct {
	name   string
	keep   time.Duration
	use    ring.Use
	engine *engine
	sweep  func(*sweeper) error
	none   func(context.Context, map[uint32]bool) error
}

// sweepClass sweeps a class, or ends the sweep of it that was broken off.
func (db *DB) sweepClass(ctx context.Context, c class, r Retention, now time.Time, note func(Sweep) error) (done Sweep, resumed bool, err error) {
	began := time.Now()
	s := &sweeper{db: db, ctx: ctx, pace: pace{perSecond: r.RowsPerSecond, due: began}, inUse: make(map[uint32]bool), slice: cmp.Or(r.slice, slice), looked: r.looked}
	s.Sweep = Sweep{Class: c.name, At: db.opts.Now().UTC().Truncate(time.Second), Until: now.Add(-c.keep).UTC()}
	if c.name == ClassBindings {
		if resumed, err = s.resume(); err != nil {
			return done, false, err
		}
	}
	if err := c.sweep(s); err != nil {
		return done, resumed, err
	}
	err = s.destroy(c.use, c.none, note)
	if err == nil && s.Deleted > 0 && len(s.Keys) == 0 {
		err = note(s.Sweep)
	}
	if err != nil {
		return done, resumed, err
	}
	s.Took = time.Since(began).Round(time.Millisecond)
	return s.Sweep, resumed, s.done(c.engine)
}

// LastSweeps are the accounts of the last sweeps, of the classes that were swept.
func (db *DB) LastSweeps() ([]Sweep, error) {
	if err := db.enter(context.Background()); err != nil {
		return nil, err
	}
	defer db.leave()
	var all []Sweep
	for _, e := range []*engine{db.bind, db.cdr} {
		text, ok, err := get(e, keyText(tableMeta, metaSweep))
		if err != nil {
			return nil, err
		}
		var s Sweep
		if ok && json.Unmarshal(text, &s) != nil {
			return nil, fmt.Errorf("%w: the account of a sweep", ErrCorrupt)
		}
		if ok {
			all = append(all, s)
		}
	}
	return all, nil
}

// sweeper is one look at a class.
type sweeper struct {
	Sweep
	db    *DB
	ctx   context.Context
	pace  pace
	inUse map[uint32]bool // keys of what is left, as far as it was looked at

	// Of bindings:
	so      sweeping
	unnoted int // rows that were looked at since it was noted how far it is
	slice   int
	looked  func(next []byte)
}

// pace keeps work to so many rows in a second.
type pace struct {
	perSecond int
	due       time.Time // when what was done is paid for
}

const (
	looksALike = 20          // rows that are looked at for one that is deleted
	mostBehind = time.Second // so much that the disk took is made up for, and no more
)

// wait waits until so much more may be done.
func (p *pace) wait(db *DB, ctx context.Context, deleted, looked int) error {
	if p.perSecond <= 0 {
		return db.ending(ctx)
	}
	if least := time.Now().Add(-mostBehind); p.due.Before(least) {
		p.due = least
	}
	rows := float64(deleted) + float64(looked)/looksALike
	p.due = p.due.Add(time.Duration(rows / float64(p.perSecond) * float64(time.Second)))
	timer := time.NewTimer(time.Until(p.due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return db.ending(ctx)
	case <-ctx.Done():
		return ctx.Err()
	case <-db.use.closing:
		return ErrClosed
	}
}

// lost notes what cannot be read: it stays as it is, and all else is gone on with.
func (s *sweeper) lost(_, _ []byte, err error) {
	s.Damaged++
	s.db.opts.Logger.Error("a sweep could not read all; what it could not is not deleted: restore it from a backup", "of", s.Class, "error", err)
}

// oldest notes a moment of a row that is left.
func (s *Sweep) oldest(at time.Time) {
	if s.Oldest.IsZero() || at.Before(s.Oldest) {
		s.Oldest = at
	}
}

// destroy destroys the keys of a use whose month or day was over before all that is kept, once none is found that they
// sealed.
func (s *sweeper) destroy(use ring.Use, none func(context.Context, map[uint32]bool) error, note func(Sweep) error) error {
	chosen := func(k ring.Key) bool {
		return k.Use == use && k.Destroyed.IsZero() && endedBy(k, s.Until) && !s.inUse[k.ID]
	}
	if !slices.ContainsFunc(s.db.ring.Keys(), chosen) {
		return nil // nobody has to be waited for
	}
	return s.db.withoutSnapshots(s.ctx, func() error {
		s.db.rotation.Lock()
		defer s.db.rotation.Unlock()
		return s.destroyChosen(chosen, use, none, note)
	})
}

func (s *sweeper) destroyChosen(chosen func(ring.Key) bool, use ring.Use, none func(context.Context, map[uint32]bool) error, note func(Sweep) error) error {
	db := s.db
	keys := make(map[uint32]bool)
	for _, k := range db.ring.Keys() {
		if chosen(k) {
			keys[k.ID] = true
		}
	}
	if len(keys) == 0 {
		return nil
	}
	defer db.takeUpKeys()
	if err := db.leaveKeys(s.ctx, chosen); err != nil {
		return err
	}
	if err := none(s.ctx, keys); err != nil || len(keys) == 0 { // it takes those out that something is left of
		return err
	}
	victims := func(k ring.Key) bool { return chosen(k) && keys[k.ID] }
	if err := s.account(victims); err != nil {
		return err
	}
	if err := note(s.Sweep); err != nil {
		return err
	}
	older, err := db.unswept() // entries that were to be deleted before
	if err != nil {
		return err
	}
	if _, err := db.ring.Destroy(victims, db.opts.Now()); err != nil || use != ring.Bindings {
		return err
	}
	if !older { // nothing that they sealed is left, so that there are no entries of it either
		if err := db.bind.Set(keyText(tableMeta, metaSwept), binary.BigEndian.AppendUint64(nil, db.destroyedKeys()), pebble.Sync); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	return s.forget()
}

// takeUpKeys has new rows sealed under the keys there are, and forgets those that are open and were destroyed.
func (db *DB) takeUpKeys() {
	for _, k := range db.keyrings() {
		k.withGate(k.reset)
		k.closeDestroyed()
	}
}

// account says which keys are going to be destroyed.
func (s *sweeper) account(victims func(ring.Key) bool) error {
	sum := sha256.New()
	fmt.Fprintf(sum, "mask700 %s until %s deleted %d\n", s.Class, s.Until.Format(time.RFC3339Nano), s.Deleted)
	for _, k := range s.db.ring.Keys() {
		if !victims(k) {
			continue
		}
		name, err := s.db.tenants.name(k.Tenant)
		if err != nil {
			return err
		}
		gone := GoneKey{ID: k.ID, Tenant: name, Period: k.Bucket.String(), Print: s.db.ring.Print(k.Use, k.ID)}
		fmt.Fprintf(sum, "%s %d %q %s %s\n", k.Use, gone.ID, gone.Tenant, gone.Period, gone.Print)
		if s.KeyCount++; len(s.Keys) < maxGoneKeys {
			s.Keys = append(s.Keys, gone)
		}
	}
	s.Digest = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// forget writes the files anew by whose keys a subscriber's number could be tried: what was deleted of them is in none of
// them any more.
func (s *sweeper) forget() error {
	return s.db.forgetParts(s.ctx, part{s.db.bind, []byte{tableWho}, []byte{tableWho + 1}})
}

// String is the account as it stands in the audit log.
func (s Sweep) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s over before %s: %d deleted", s.Class, s.Until.Format(time.RFC3339), s.Deleted)
	for i, k := range s.Keys {
		if i == 0 {
			fmt.Fprintf(&b, "; %d keys:", s.KeyCount)
		}
		fmt.Fprintf(&b, " %d (%s %s, %s)", k.ID, k.Tenant, k.Period, k.Print[:16])
	}
	if s.Digest != "" {
		fmt.Fprintf(&b, "; digest %s", s.Digest)
	}
	return b.String()
}
