package store

import (
	"context"
	"testing"
	"time"
)

// TestBelieved: the mark follows the clock, goes after one that is ahead at twice the speed of time and never back; sweeps
// go by the clock up to a day ahead of it.
func TestBelieved(t *testing.T) {
	mark := testStart
	for i, c := range []struct {
		now  time.Duration // what the clock shows, since the start
		gone time.Duration // since the line before
		mark time.Duration
		at   time.Duration
	}{
		{now: time.Hour, gone: time.Hour, mark: time.Hour, at: time.Hour},
		{now: 24 * time.Hour, gone: time.Hour, mark: 3 * time.Hour, at: 24 * time.Hour},    // a jump of less than a day
		{now: 1000 * day, gone: time.Hour, mark: 5 * time.Hour, at: 29 * time.Hour},        // of years
		{now: 1000 * day, gone: 0, mark: 5 * time.Hour, at: 29 * time.Hour},                // asking often gains nothing
		{now: 6 * time.Hour, gone: time.Hour, mark: 6 * time.Hour, at: 6 * time.Hour},      // it was put right
		{now: -day, gone: time.Hour, mark: 6 * time.Hour, at: -day},                        // it is set back
		{now: 7 * time.Hour, gone: -time.Hour, mark: 6 * time.Hour, at: 7 * time.Hour},     // and what counts is faulty
		{now: 10 * day, gone: 3 * day, mark: 6*day + 6*time.Hour, at: 7*day + 6*time.Hour}, // a stop of ten days
		{now: 13 * day, gone: 3 * day, mark: 12*day + 6*time.Hour, at: 13 * day},           // is made up for
		{now: 16 * day, gone: 3 * day, mark: 16 * day, at: 16 * day},
	} {
		var got SweepTime
		now := testStart.Add(c.now)
		mark, got = believed(mark, now, c.gone)
		if !mark.Equal(testStart.Add(c.mark)) || !got.At.Equal(testStart.Add(c.at)) || got.Ahead != c.now-c.at {
			t.Errorf("%d: the mark is %v, sweeps go by %v, %v ahead", i, mark.Sub(testStart), got.At.Sub(testStart), got.Ahead)
		}
	}
}

// TestAClockThatJumpsDestroysNothing: neither rows nor keys, nor who dialled what, nor under which key something was asked for,
// also not over restarts; what is over goes when the time has passed, or when somebody says that the clock is right.
func TestAClockThatJumpsDestroysNothing(t *testing.T) {
	t.Parallel()
	k := newKept(t, 30)
	gone := time.Duration(0) // what has passed
	k.o.Steady = func() time.Duration { return gone }
	k.reopen()
	old := k.bind(1, time.Hour)
	k.call(1)
	keyed(t, k.db, 7, 0)
	pass := func(d time.Duration) { k.now, gone = k.now.Add(d), gone+d }
	deleted := func() uint64 {
		t.Helper()
		records, bindings, _ := k.sweep()
		return records.Deleted + bindings.Deleted
	}
	pass(time.Hour)
	if n := deleted(); n != 0 {
		t.Fatalf("%d deleted at the start", n)
	}
	right := k.now
	for _, jump := range []time.Duration{23 * time.Hour, 40 * day, 3000 * day} {
		k.now = right.Add(jump)
		for range 3 {
			mustClose(t, k.db)
			k.db = mustOpen(t, k.o)
			if n := deleted(); n != 0 {
				t.Fatalf("%d deleted by a clock that is %v ahead", n, jump)
			}
			if s, err := k.db.SweepTime(); err != nil || s.Ahead != max(0, jump-day) {
				t.Errorf("%+v, %v after a jump of %v", s, err, jump)
			}
		}
		if n := requests(t, k.db); n != 1 && jump > day {
			t.Errorf("%d requests are known after a jump of %v", n, jump)
		}
	}
	k.now = right
	if _, err := k.db.Binding(context.Background(), old.ID); err != nil {
		t.Fatal(err)
	}
	// The clock is right again, and time passes.
	pass(29 * day)
	if n := deleted(); n != 0 {
		t.Errorf("%d deleted a day too early", n)
	}
	pass(2 * day)
	if n := deleted(); n != 2 {
		t.Errorf("%d deleted when their time was over, want the binding and the record", n)
	}
	// The store was closed for a year.
	k.bind(2, time.Hour)
	mustClose(t, k.db)
	k.now = k.now.Add(365 * day)
	k.db = mustOpen(t, k.o)
	if n := deleted(); n != 0 {
		t.Errorf("%d deleted after a year without a word", n)
	}
	if err := k.db.ConfirmClock(); err != nil {
		t.Fatal(err)
	}
	if s, err := k.db.SweepTime(); err != nil || s.Ahead != 0 || !s.At.Equal(k.now) {
		t.Errorf("%+v, %v when it is confirmed", s, err)
	}
	if n := deleted(); n == 0 {
		t.Error("nothing is deleted when the clock is confirmed")
	}
	checked(t, k.db)
}
