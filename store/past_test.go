package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"mask700/binding"
)

// withPast puts rows on a number that are over, as years of binds leave them: a millisecond apart from testStart on, each of half one. It
// goes past the checks of Bind. The ids are those from 1 million on.
func withPast(t testing.TB, db *DB, x binding.X, n int) (end time.Time) {
	t.Helper()
	batch := db.bind.NewBatch()
	defer batch.Close()
	tenant, err := db.tenantID(context.Background(), binding.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		b := testPair(t, testID(1_000_000+i), 1_000_000+i)
		b.X, b.CreatedAt = x, testStart.Add(time.Duration(i)*time.Millisecond)
		b.EndedAt = b.CreatedAt.Add(time.Millisecond / 2)
		h := rowHeader{version: bindingRow, tenant: tenant}
		h.ended, _ = nanos(b.EndedAt)
		id, box, err := db.bindKeys.forNew(context.Background(), tenant, b.CreatedAt)
		if err != nil {
			t.Fatal(err)
		}
		h.dataKey = id
		at := place{x: x, start: uint64(b.CreatedAt.UnixNano())}
		rows, err := sealRows(box, &b, h, at.start, []binding.X{x})
		if err == nil {
			err = putAll(batch, append(rows, db.indexRows(&b, at)...))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	return testStart.Add(time.Duration(n) * time.Millisecond)
}

// passedBy is how many rows on numbers are gone through one by one by something.
func passedBy(db *DB, f func()) uint64 {
	before := db.pasts.passed.Load()
	f()
	return db.pasts.passed.Load() - before
}

// liveOn are the ids of the bindings on a number that live at a moment.
func liveOn(t testing.TB, db *DB, x binding.X, at time.Time) (ids []string) {
	t.Helper()
	rows, err := db.Candidates(context.Background(), x, at)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range rows {
		if b.State(at) == binding.StateLive {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// onPast is a store with a number that has a long past, between a binding that lives since before and one that lives since.
func onPast(t *testing.T, n int, change ...func(*Options)) (db *DB, x binding.X, now time.Time) {
	t.Helper()
	o := memOptions(t, nil)
	for _, c := range change {
		c(&o)
	}
	db = mustOpen(t, o)
	t.Cleanup(func() { mustClose(t, db) })
	holdBlock(t, db)
	x = testBlock.Number(1)
	old := testPair(t, "old", 1)
	old.X, old.CreatedAt = x, testStart.Add(-time.Hour)
	mustBind(t, db, old)
	now = withPast(t, db, x, n).Add(time.Hour)
	young := testPair(t, "young", 2)
	young.X, young.CreatedAt = x, now
	mustBind(t, db, young)
	return db, x, now
}

// TestPastIsGoneThroughOnce: a call to a number reads what came since the last, and those that lived then.
func TestPastIsGoneThroughOnce(t *testing.T) {
	const n = 5000
	db, x, now := onPast(t, n)
	db.pasts.known = nil // as it is after a start
	look := func() {
		t.Helper()
		if ids := fmt.Sprint(liveOn(t, db, x, now)); ids != "[young old]" {
			t.Errorf("live: %s", ids)
		}
	}
	if rows := passedBy(db, look); rows != n+2-binding.MaxRowsOnX {
		t.Errorf("%d rows the first time", rows)
	}
	if rows := passedBy(db, func() { look(); look() }); rows != 0 {
		t.Errorf("%d rows once it is known", rows)
	}
	const since = 100
	for i := range since {
		now = now.Add(time.Second)
		b := testPair(t, testID(i), 10+i)
		b.X, b.CreatedAt = x, now
		mustBind(t, db, b)
		now = now.Add(time.Second)
		if _, err := db.Unbind(context.Background(), b.ID, now); err != nil {
			t.Fatal(err)
		}
	}
	if rows := passedBy(db, look); rows > since {
		t.Errorf("%d rows after %d more", rows, since)
	}
	// As it was at a moment of the past is asked for seldom, and all is looked at.
	then := testStart.Add(n/2*time.Millisecond + time.Millisecond/4)
	if ids := fmt.Sprint(liveOn(t, db, x, then)); ids != fmt.Sprintf("[%s old]", testID(1_000_000+n/2)) {
		t.Errorf("then: %s", ids)
	}
	if rows := passedBy(db, look); rows > since {
		t.Errorf("%d rows after a look at the past", rows)
	}
}

// TestBindsReadThePastOnce: nor do a bind and an unbind go through it each time, with a quarantine that is long over and without.
func TestBindsReadThePastOnce(t *testing.T) {
	for _, rest := range []time.Duration{0, 10 * time.Minute} {
		const n = 5000
		db, x, now := onPast(t, n, func(o *Options) { o.Quarantine = rest })
		if _, err := db.Stock(context.Background()); err != nil { // from now on the pool is told
			t.Fatal(err)
		}
		pair := func(i int) {
			now = now.Add(time.Second)
			b := testPair(t, testID(i), 10+i)
			b.X, b.CreatedAt = x, now
			mustBind(t, db, b)
			now = now.Add(time.Second)
			if _, err := db.Unbind(context.Background(), b.ID, now); err != nil {
				t.Fatal(err)
			}
		}
		pair(0)
		const pairs = 100
		if rows := passedBy(db, func() {
			for i := range pairs {
				pair(1 + i)
			}
		}); rows > pairs*(pairs+10) {
			t.Errorf("rest %s: %d rows by %d binds and unbinds", rest, rows, pairs)
		}
		checked(t, db)
	}
}

// TestQuarantineBeforeAPast: who was on the number within the quarantine is found, however much is older.
func TestQuarantineBeforeAPast(t *testing.T) {
	const n = 2000
	db, x, now := onPast(t, n, func(o *Options) { o.Quarantine = 24 * time.Hour })
	bind := func(id string, a int) error {
		b := testPair(t, id, a)
		b.X, b.CreatedAt = x, now
		return db.Bind(context.Background(), b)
	}
	left := func(id string) {
		t.Helper()
		if _, err := db.Unbind(context.Background(), id, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := bind("again", 1_000_000+n-1); err != nil { // the same two people may have it back
		t.Fatal(err)
	}
	left("again")
	now = now.Add(36 * time.Hour)
	if err := bind("other", 3); err != nil {
		t.Fatal(err)
	}
	left("other")
	now = now.Add(time.Hour)
	b := testPair(t, "mixed", 3)
	b.X, b.CreatedAt, b.B = x, now, testNumber(t, 99)
	if rows := passedBy(db, func() {
		if err := db.Bind(context.Background(), b); !errors.Is(err, binding.ErrQuarantine) {
			t.Errorf("one of two who left an hour ago: %v", err)
		}
	}); rows > 10 {
		t.Errorf("%d rows", rows)
	}
	if err := bind("long ago", 1_000_000+n-2); err != nil {
		t.Error(err)
	}
}

// TestPastIsForgottenWhenItChanges: rows that are put among those that are known, changed or deleted there.
func TestPastIsForgottenWhenItChanges(t *testing.T) {
	ctx := context.Background()
	db, x, now := onPast(t, 1000, func(o *Options) { o.LimitOnX = 5000 })
	liveOn(t, db, x, now)
	// By a clock far back one comes to stand among them.
	b := testPair(t, "back", 3)
	b.X, b.CreatedAt = x, testStart.Add(300*time.Millisecond+time.Microsecond)
	mustBind(t, db, b)
	if ids := fmt.Sprint(liveOn(t, db, x, now)); ids != "[young back old]" {
		t.Errorf("live: %s", ids)
	}
	// One of those that live among them ends, and is ended.
	for _, id := range []string{"old", "back"} {
		if _, err := db.Unbind(ctx, id, now); err != nil {
			t.Fatal(err)
		}
	}
	if ids := fmt.Sprint(liveOn(t, db, x, now)); ids != "[young]" {
		t.Errorf("live: %s", ids)
	}
	// What was imported.
	b = testPair(t, "imported", 4)
	b.X, b.CreatedAt = x, testStart.Add(500*time.Millisecond+time.Microsecond)
	if errs := db.Import(ctx, []binding.Binding{b}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	if ids := fmt.Sprint(liveOn(t, db, x, now)); ids != "[young imported]" {
		t.Errorf("live: %s", ids)
	}
	var s pasts
	of := pastOf{x: x}
	known := func(want bool, what string) {
		t.Helper()
		if (s.get(of) != nil) != want {
			t.Errorf("%s: remembered: %v", what, !want)
		}
	}
	p := &past{from: 100, not: []uint64{50}}
	keep := func(turn uint32) { s.keep(of, turn, p) }
	keep(s.turn(x))
	s.changed(x, 101)
	known(true, "a row behind it")
	s.changed(x, 50)
	known(true, "one that is looked at anyway")
	s.changed(x+1, 60)
	known(true, "another number's")
	s.changed(x, 60)
	known(false, "one of its own")
	turn := s.turn(x)
	s.changed(x, 200)
	keep(turn)
	known(false, "kept after a change")
	keep(s.turn(x))
	s.added(x, time.Unix(0, 101))
	known(true, "a row added behind it")
	s.added(x, time.Unix(0, 50))
	known(false, "a row added among them")
	for i := range binding.X(mostPasts + 10) {
		s.keep(pastOf{x: i}, s.turn(i), p)
	}
	if len(s.known) != mostPasts {
		t.Errorf("%d are remembered", len(s.known))
	}
}

// TestPastAgreesWithRows: whatever is done with the rows of a number, what lives is what lives without anything remembered, and so
// is what is bound.
func TestPastAgreesWithRows(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		db, x, now := onPast(t, 600, func(o *Options) {
			if seed%2 == 1 {
				o.Quarantine = time.Minute
			}
		})
		all := []string{"old", "young"}
		for i := range 400 {
			now = now.Add(time.Duration(r.IntN(2000)) * time.Millisecond)
			at := now
			if r.IntN(8) == 0 {
				at = at.Add(-time.Duration(r.IntN(30)) * time.Second) // a clock that is behind
			}
			switch id := all[r.IntN(len(all))]; r.IntN(4) {
			case 0, 1:
				b := testPair(t, testID(i), 10+i)
				b.X, b.CreatedAt = x, at
				if r.IntN(2) == 0 {
					b.ExpiresAt = at.Add(time.Duration(1+r.IntN(60)) * time.Second)
				}
				if err := db.Bind(ctx, b); err != nil && !errors.Is(err, binding.ErrCrowded) {
					t.Fatal(err)
				}
				all = append(all, b.ID)
			case 2:
				if _, err := db.Unbind(ctx, id, at); err != nil && !errors.Is(err, binding.ErrNotFound) {
					t.Fatal(err)
				}
			case 3:
				_, err := db.Change(ctx, id, func(b *binding.Binding) error {
					b.UpdatedAt = at
					b.ExpiresAt = at.Add(time.Duration(1+r.IntN(90)) * time.Second)
					return nil
				})
				if err != nil && !errors.Is(err, binding.ErrNotFound) && !errors.Is(err, binding.ErrEnded) {
					t.Logf("%d: %v", i, err)
				}
			}
			got := fmt.Sprint(liveOn(t, db, x, at))
			db.pasts.mu.Lock()
			kept := db.pasts.known
			db.pasts.known = nil
			db.pasts.mu.Unlock()
			if want := fmt.Sprint(liveOn(t, db, x, at)); got != want {
				t.Fatalf("seed %d, step %d: %s, without what is remembered %s", seed, i, got, want)
			}
			if r.IntN(3) > 0 {
				db.pasts.known = kept
			}
		}
		checked(t, db)
	}
}

// TestWhoDialledIsLookedForAlone: of all who dialled a number nobody is read but those who come to it.
func TestWhoDialledIsLookedForAlone(t *testing.T) {
	o := memOptions(t, nil)
	o.Quarantine = time.Hour
	db := mustOpen(t, o)
	t.Cleanup(func() { mustClose(t, db) })
	holdBlock(t, db)
	x := testBlock.Number(1)
	dial(t, db, x, testNumber(t, 2), testStart)
	// The row of another, which cannot be read.
	if err := db.cdr.Set(contactKey(x, db.contactHash(testNumber(t, 900))), []byte{0}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Stock(context.Background()); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]error{1: binding.ErrQuarantine, 7: nil} {
		b := testPair(t, testID(n), n)
		b.X, b.CreatedAt = x, testStart.Add(time.Minute)
		if err := db.Bind(context.Background(), b); !errors.Is(err, want) {
			t.Errorf("%d: %v", n, err)
		}
	}
}
