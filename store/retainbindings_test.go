package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"mask700/binding"
)

// Many bindings go by few writes, and those on the same numbers that are not over stay.
func TestRetentionDeletesByFewWrites(t *testing.T) {
	t.Parallel()
	k := newKept(t, 30)
	const n = 3*deleteAtOnce + 1
	bs := make([]binding.Binding, n)
	for i := range bs {
		bs[i] = testPair(t, testID(i), i)
		bs[i].ExpiresAt = k.now.Add(time.Hour)
		if i%3 == 0 {
			bs[i].Mode, bs[i].Y = binding.ModeAXYB, testBlock.Number(5000+i)
		}
	}
	for _, err := range k.db.Import(context.Background(), bs) {
		if err != nil {
			t.Fatal(err)
		}
	}
	k.now = k.now.AddDate(0, 0, 32)
	for i := range 3 {
		k.bind(10_000+i, 0)
	}
	before := k.db.Stats().Bindings.Groups
	_, bindings, noted := k.sweep()
	if bindings.Deleted != n || bindings.Kept != 3 || bindings.Damaged != 0 || len(noted) != 1 || noted[0].Deleted != n {
		t.Errorf("%+v", bindings)
	}
	if groups := k.db.Stats().Bindings.Groups - before; groups > 8 {
		t.Errorf("%d writes", groups)
	}
	if r := checked(t, k.db); r.Bindings != 3 {
		t.Errorf("%s", r)
	}
	for _, i := range []int{0, 1, n - 1} {
		if _, err := k.db.Binding(context.Background(), testID(i)); !errors.Is(err, binding.ErrNotFound) {
			t.Errorf("binding %d: %v", i, err)
		}
	}
}

// A sweep that is broken off is gone on with where it was, also after a start; its account is of all of it, and what is over since
// then is another's, which follows.
func TestRetentionGoesOn(t *testing.T) {
	t.Parallel()
	k := newKept(t, 30)
	const first, last, stay = 100, 180, 8 // every so many stays
	for n := first; n < last; n++ {
		if n%stay == 0 {
			k.bind(n, 0)
		} else {
			k.bind(n, time.Hour)
		}
	}
	k.now = testStart.Add(30*day + 2*time.Hour)
	k.r.slice = 7
	half := place{x: testBlock.Number((first + last) / 2), start: 1<<64 - 1}.key()
	ctx, cancel := context.WithCancel(context.Background())
	k.r.looked = func(next []byte) {
		if bytes.Compare(next, half) > 0 {
			cancel()
		}
	}
	noted := 0
	note := func(Sweep) error { noted++; return nil }
	if _, err := k.db.SweepRetention(ctx, k.r, note); !errors.Is(err, context.Canceled) || noted != 0 {
		t.Fatalf("%v, noted %d times", err, noted)
	}
	if r := checked(t, k.db); r.Bindings < 30 || r.Bindings > 60 {
		t.Fatalf("%d bindings are left at half", r.Bindings)
	}
	// To keep them for longer begins anew, and deletes nothing.
	longer := k.r
	longer.Bindings, longer.looked = 60*day, nil
	so := func() (so []byte) {
		so, _, err := get(k.db.bind, keyText(tableMeta, metaSweeping))
		if err != nil {
			t.Fatal(err)
		}
		return so
	}
	under := so()
	if all, err := k.db.SweepRetention(context.Background(), longer, note); err != nil || len(all) != 2 || all[1].Deleted != 0 || all[1].Kept < 30 || len(so()) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := k.db.bind.Set(keyText(tableMeta, metaSweeping), under, nil); err != nil {
		t.Fatal(err)
	}

	k.reopen()
	k.now = testStart
	k.bind(1, time.Hour) // before all that is left to look at
	k.now = testStart.Add(31 * day)
	k.bind(2, 0)
	var least []byte
	k.r.looked = func(next []byte) {
		if least == nil {
			least = bytes.Clone(next)
		}
	}
	all, err := k.db.SweepRetention(context.Background(), k.r, note)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	const kept = (last - first) / stay
	if s := all[1]; s.Deleted != last-first-kept || s.Kept != kept || !s.Until.Equal(testStart.Add(2*time.Hour)) || !s.At.Equal(testStart.Add(30*day+2*time.Hour)) {
		t.Errorf("what was gone on with: %+v", s)
	}
	if bytes.Compare(least, half) <= 0 {
		t.Errorf("it began again before half: %x", least)
	}
	if s := all[2]; s.Deleted != 1 || s.Kept != kept+1 || !s.Until.Equal(testStart.Add(day)) {
		t.Errorf("what followed: %+v", s)
	}
	if len(so()) != 0 || noted != 2 {
		t.Errorf("%x is under way; noted %d times", so(), noted)
	}
	k.gone(1)
	if r := checked(t, k.db); r.Bindings != kept+1 {
		t.Errorf("%s", r)
	}
}

// What is paced is what is deleted; time that a slow disk took is not made up for by a burst.
func TestPaceOfASweep(t *testing.T) {
	t.Parallel()
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	ctx := context.Background()
	began := time.Now()
	p := pace{perSecond: 1_000_000, due: began.Add(-time.Hour)}
	if err := p.wait(db, ctx, 1000, 20_000); err != nil {
		t.Fatal(err)
	}
	if behind := time.Since(began) + mostBehind - 2*time.Millisecond; p.due.Before(began.Add(-mostBehind+2*time.Millisecond)) || time.Since(p.due) > behind {
		t.Errorf("paid until %v after the start", p.due.Sub(began))
	}
	p = pace{perSecond: 1, due: began}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := p.wait(db, ended, 1000, 0); !errors.Is(err, context.Canceled) || p.due.Sub(began) < 999*time.Second {
		t.Errorf("%v, paid until %v after the start", err, p.due.Sub(began))
	}
}

// BenchmarkRetention deletes bindings that are over, ten thousand a turn.
func BenchmarkRetention(b *testing.B) {
	o := options(b, b.TempDir())
	o.CacheSize = 64 << 20
	now := testStart
	o.Now = func() time.Time { return now }
	db := mustOpen(b, o)
	b.Cleanup(func() { mustClose(b, db) })
	holdBlock(b, db)
	ctx := context.Background()
	bs := make([]binding.Binding, 10_000)
	var took time.Duration
	turns := 0
	for b.Loop() {
		for i := range bs {
			bs[i] = testPair(b, scattered(turns*len(bs)+i), i)
			bs[i].CreatedAt, bs[i].ExpiresAt = now, now.Add(time.Hour)
		}
		for _, err := range db.Import(ctx, bs) {
			if err != nil {
				b.Fatal(err)
			}
		}
		now = now.Add(30*day + 2*time.Hour)
		if err := db.ConfirmClock(); err != nil {
			b.Fatal(err)
		}
		turns++
		began := time.Now()
		all, err := db.SweepRetention(ctx, Retention{Bindings: 30 * day}, func(Sweep) error { return nil })
		took += time.Since(began)
		if err != nil || all[len(all)-1].Deleted != uint64(len(bs)) {
			b.Fatal(fmt.Errorf("%+v: %w", all, err))
		}
	}
	b.ReportMetric(float64(turns*len(bs))/took.Seconds(), "rows/s")
}
