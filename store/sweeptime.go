package store

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// What is destroyed because its time is over is destroyed for good, and a clock that was set far ahead would destroy all of
// it. So sweeps do not ask the clock alone: a mark is kept in the store, how far time has come for certain. It follows the
// clock, and while that is ahead of it goes forward by twice what a clock that nobody sets has counted: after a long stop it
// comes up in as long a time, and a wrong clock has gained nothing by then but that. A clock that is up to sweepAllowance
// ahead of the mark is believed, without moving it; so a day's stop is none. An operator may confirm the clock (ConfirmClock).
// By that too goes what looks whether a binding is over before it gives a block up, puts another number in the place of one or
// destroys a key; who may be bound again on a number; which entry of a block list, and which idempotency key, is over.
const sweepAllowance = 24 * time.Hour

// metaClock in tableMeta of bind/ is the mark, in nanoseconds since 1970.
const metaClock = "clock"

// sweepClock is the mark. It is written under the lock, and read without.
type sweepClock struct {
	sync.Mutex
	at atomic.Pointer[clockMark]
}

type clockMark struct {
	mark time.Time
	read time.Duration // what the steady clock showed when the mark was moved last
}

// SweepTime is until when what is over may be destroyed, and what the clock says.
type SweepTime struct {
	At    time.Time
	Ahead time.Duration // how much later the clock says that it is; 0: it is believed
}

// believed is the mark after the steady clock has gone on, and the time that sweeps may go by.
func believed(mark, now time.Time, gone time.Duration) (time.Time, SweepTime) {
	if next := mark.Add(2 * max(gone, 0)); now.After(mark) {
		mark = now
		if now.After(next) {
			mark = next
		}
	}
	at := mark.Add(sweepAllowance)
	if now.Before(at) {
		at = now
	}
	return mark, SweepTime{At: at, Ahead: now.Sub(at)}
}

// loadClock reads the mark, or begins it: a new store, or one of before, has none, and its clock is believed.
func (db *DB) loadClock() error {
	read := db.opts.Steady()
	n, ok, err := get64(db.bind, keyText(tableMeta, metaClock))
	switch {
	case err != nil:
		return err
	case ok:
		db.clock.at.Store(&clockMark{time.Unix(0, int64(n)).UTC(), read})
		return nil
	}
	return db.setMark(db.wall(), read)
}

// wall is the clock as it is set: without what else Go knows of a moment, by which two are compared where both have it.
func (db *DB) wall() time.Time { return db.opts.Now().Round(0) }

// setMark writes the mark; the caller holds the clock, or is alone.
func (db *DB) setMark(mark time.Time, read time.Duration) error {
	if err := db.bind.Set(keyText(tableMeta, metaClock), binary.BigEndian.AppendUint64(nil, uint64(mark.UnixNano())), pebble.Sync); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	db.clock.at.Store(&clockMark{mark, read})
	return nil
}

// SweepTime is the time that sweeps may go by now. It moves the mark, and is to be asked now and then while the store is open:
// time that nobody has asked about before a crash did not go by. An error is that of a write; nothing may be destroyed then.
func (db *DB) SweepTime() (SweepTime, error) {
	db.clock.Lock()
	defer db.clock.Unlock()
	now, read, before := db.wall(), db.opts.Steady(), db.clock.at.Load()
	mark, t := believed(before.mark, now, read-before.read)
	if mark.Equal(before.mark) {
		db.clock.at.Store(&clockMark{mark, read})
	} else if err := db.setMark(mark, read); err != nil {
		return SweepTime{At: now}, err
	}
	return t, nil
}

// earlier is a moment by the clock, as much earlier as the clock is not believed. What was to rest until then rests on,
// and what was to stand until then stands. It moves no mark and takes no lock.
func (db *DB) earlier(at time.Time) time.Time {
	c := db.clock.at.Load()
	_, t := believed(c.mark, db.wall(), db.opts.Steady()-c.read)
	return at.Add(-t.Ahead)
}

// ConfirmClock believes the clock as it is, also where it is behind the mark.
func (db *DB) ConfirmClock() error {
	db.clock.Lock()
	defer db.clock.Unlock()
	return db.setMark(db.wall(), db.opts.Steady())
}

// steadyClock counts what time has gone by, however the clock is set meanwhile; of a clock that is given nothing else is known.
func steadyClock(given func() time.Time) func() time.Duration {
	now := time.Now
	if given != nil {
		now = given
	}
	began := now()
	return func() time.Duration { return now().Sub(began) }
}
