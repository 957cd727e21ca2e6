package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// oldBlock is of a range that is served until theEnd, openEnd of one that has no last day; strayBlock is of none. Of partBlock
// the numbers from 3450 to 3459 are of a range.
const (
	oldBlock   = binding.Block(1700012)
	openEnd    = binding.Block(400123)
	strayBlock = binding.Block(1700100)
	partBlock  = binding.Block(1710012)
)

var theEnd = at(12 * time.Hour)

var older = binding.Plan{Legacy: []binding.LegacyRange{
	{Prefix: "17000", Length: 11, Until: theEnd.Add(-time.Nanosecond)}, {Prefix: "400123", Length: 10}, {Prefix: "1710012345", Length: 11},
}}

// thousand is a range of so many numbers, all that a block has here: 3000 to 3999 of it.
var thousand = binding.Plan{Legacy: []binding.LegacyRange{{Prefix: "17000123", Length: 11, Until: theEnd.Add(-time.Nanosecond)}}}

// Older tests numbers of older ranges. open returns an empty store each time, which is told what is served, has a clock, and
// shares numbers that are in use where it is asked to.
func Older(t *testing.T, open func(t *testing.T, o OlderOptions) binding.Store) {
	for name, test := range map[string]func(*testing.T, binding.Store){
		"a number's whole life":           olderLife,
		"nothing is bound after the end":  olderEnd,
		"no binding outlives its numbers": olderCut,
		"drawn last, and where it suits":  olderDraws,
		"a part of a block":               olderPart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, OlderOptions{Served: older.Served, Numbers: older.Numbers, Now: func() time.Time { return start }}))
		})
	}
	t.Run("shared last", func(t *testing.T) {
		t.Parallel()
		olderShared(t, open(t, OlderOptions{Served: thousand.Served, Numbers: thousand.Numbers, Now: func() time.Time { return start }, Share: true}))
	})
	t.Run("how the numbers stand", func(t *testing.T) {
		t.Parallel()
		now := theEnd.Add(-time.Nanosecond)
		olderStock(t, open(t, OlderOptions{Served: older.Served, Numbers: older.Numbers, Now: func() time.Time { return now }}), &now)
	})
}

// OlderOptions are of an engine for Older.
type OlderOptions struct {
	Served  binding.Served
	Numbers func(binding.X) bool
	Now     func() time.Time
	Share   bool
}

// olderPart has a block of which a range has ten numbers: the others cannot be bound, drawn or locked, and are not counted.
func olderPart(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, partBlock)
	for _, serial := range []int{0, 3449, 3460, 9999} {
		x := partBlock.Number(serial)
		wantError(t, "bound on "+x.String(), s.Bind(ctx, pair(t, "not ours", x, serial)), binding.ErrNotHeld)
		wantError(t, "locked "+x.String(), s.LockNumber(ctx, x, true), binding.ErrNotHeld)
	}
	bind(t, s, pair(t, "asked for", partBlock.Number(3455), 1))
	if err := s.LockNumber(ctx, partBlock.Number(3456), true); err != nil {
		t.Error(err)
	}
	for n := range 8 {
		b, err := drawFor(t, s, 10+n)
		if err != nil || b.X < partBlock.Number(3450) || b.X > partBlock.Number(3459) {
			t.Errorf("draw %d: %v, %v", n, b.X, err)
		}
	}
	_, err := drawFor(t, s, 100)
	wantNone(t, "when they are gone", err, binding.DefaultTenant, 1, 9)
	if err == nil || !strings.Contains(err.Error(), "of 10 numbers") {
		t.Errorf("%v", err)
	}
	all, err := s.Stock(ctx)
	if err != nil || len(all) != 1 || all[0].InUse != 9 || all[0].Free != 0 || len(all[0].LockedNumbers) != 1 || all[0].Absent != binding.BlockSize-10 {
		t.Errorf("%+v, %v", all, err)
	}
}

// olderLife does with such a number what is done with a 700 number, beside one.
func olderLife(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	hold(t, s, oldBlock)
	x := oldBlock.Number(34)
	one, two := pair(t, "one", x, 1), pair(t, "two", x, 2)
	one.ExpiresAt = at(time.Hour)
	two.Mode, two.Y, two.ExpiresAt, two.Consent = binding.ModeAXYB, block.Number(34), theEnd, "signed"
	for _, b := range []binding.Binding{one, two} {
		bind(t, s, b)
		if got, err := s.Binding(ctx, b.ID); err != nil || !same(got, b) {
			t.Errorf("%s came back as %+v, %v", b.ID, got, err)
		}
	}
	if got := ids(onX(t, s, x)); got != "two one" && got != "one two" {
		t.Errorf("on it are %s", got)
	}
	if got := ids(onX(t, s, block.Number(34))); got != "two" {
		t.Errorf("on its other number is %s", got)
	}
	third := pair(t, "third", x, 3)
	third.A = one.A
	var conflict *binding.ConflictError
	if err := s.Bind(ctx, third); !errors.As(err, &conflict) || conflict.Binding != "one" {
		t.Errorf("a party twice on it: %v", err)
	}
	for name, f := range map[string]binding.Filter{"one": {X: x, Order: "order-one"}, "two": {Number: two.B}} {
		if got := ids(list(t, s, f)); got != name {
			t.Errorf("listed %s, want %s", got, name)
		}
	}
	if got := ids(list(t, s, binding.Filter{X: x, LiveAt: at(time.Minute)})); len(strings.Fields(got)) != 2 {
		t.Errorf("listed on it: %s", got)
	}
	if b, err := s.Change(ctx, "two", func(b *binding.Binding) error {
		b.A, b.UpdatedAt = subscriber(t, 40), at(time.Minute)
		return nil
	}); err != nil || b.A != subscriber(t, 40) {
		t.Errorf("changed: %+v, %v", b, err)
	}
	if b, err := s.Unbind(ctx, "one", at(2*time.Minute)); err != nil || !b.EndedAt.Equal(at(2*time.Minute)) {
		t.Errorf("unbound: %+v, %v", b, err)
	}
	after := theEnd.Add(24 * time.Hour)
	held := past(t, s, binding.HistoryQuery{X: x, Since: start.Add(-time.Hour), Until: after})
	if len(held) != 3 { // two has two stretches
		t.Errorf("history of it after its last day: %+v", held)
	}
	if held := past(t, s, binding.HistoryQuery{Number: one.A, Since: start.Add(-time.Hour), Until: after}); len(held) != 1 || held[0].Binding.X != x {
		t.Errorf("history of a party: %+v", held)
	}
	if err := s.LockNumber(ctx, oldBlock.Number(7), true); err != nil {
		t.Error(err)
	}
	wantError(t, "locked", s.Bind(ctx, pair(t, "locked", oldBlock.Number(7), 9)), binding.ErrNumberLocked)
	wantError(t, "not held", s.Bind(ctx, pair(t, "elsewhere", openEnd.Number(1), 9)), binding.ErrNotHeld)
	wantError(t, "in use", s.RemoveBlock(ctx, oldBlock), binding.ErrInUse)
	if _, err := s.Unbind(ctx, "two", start.Add(time.Nanosecond)); err != nil {
		t.Error(err)
	}
}

func olderEnd(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	hold(t, s, oldBlock)
	hold(t, s, strayBlock)
	for n, c := range []struct {
		x, y  binding.X
		after time.Duration
		want  error
	}{
		{oldBlock.Number(1), 0, 12*time.Hour - 1, nil},
		{oldBlock.Number(2), 0, 12 * time.Hour, binding.ErrRangeOver},
		{oldBlock.Number(3), 0, 24 * time.Hour, binding.ErrRangeOver},
		{block.Number(4), oldBlock.Number(4), 12 * time.Hour, binding.ErrRangeOver},
		{strayBlock.Number(1), 0, 0, binding.ErrRangeOver},
	} {
		b := pair(t, letters(n), c.x, n)
		b.CreatedAt = at(c.after)
		if c.y != 0 {
			b.Mode, b.Y = binding.ModeAXYB, c.y
		}
		wantError(t, "bound "+c.x.String(), s.Bind(ctx, b), c.want)
	}
}

func olderCut(t *testing.T, s binding.Store) {
	ctx := context.Background()
	for _, b := range []binding.Block{block, oldBlock, openEnd} {
		hold(t, s, b)
	}
	late := theEnd.Add(time.Hour)
	for n, c := range []struct {
		what    string
		x, y    binding.X
		expires time.Time
		sliding time.Duration
		want    time.Time
	}{
		{"never", oldBlock.Number(1), 0, time.Time{}, 0, theEnd},
		{"sliding", oldBlock.Number(2), 0, late, time.Hour, theEnd},
		{"early", oldBlock.Number(3), 0, at(time.Hour), 0, at(time.Hour)},
		{"y", block.Number(4), oldBlock.Number(4), time.Time{}, 0, theEnd},
		{"no end", openEnd.Number(5), 0, time.Time{}, 0, time.Time{}},
		{"a 700 number", block.Number(6), 0, late, 0, late},
	} {
		b := pair(t, letters(n), c.x, n)
		b.ExpiresAt, b.Sliding = c.expires, c.sliding
		if c.y != 0 {
			b.Mode, b.Y = binding.ModeAXYB, c.y
		}
		bind(t, s, b)
		if got, err := s.Binding(ctx, b.ID); err != nil || !got.ExpiresAt.Equal(c.want) {
			t.Errorf("%s: expires %v, %v, want %v", c.what, got.ExpiresAt, err, c.want)
		}
	}
	fixed := pair(t, "fixed", oldBlock.Number(20), 20)
	fixed.ExpiresAt = late
	wantLate(t, "bound", s.Bind(ctx, fixed))
	wantError(t, "nothing is left of it", errOf(s.Binding(ctx, "fixed")), binding.ErrNotFound)
	change := func(id string, expires time.Time) (binding.Binding, error) {
		return s.Change(ctx, id, func(b *binding.Binding) error {
			b.ExpiresAt, b.UpdatedAt = expires, at(time.Minute)
			return nil
		})
	}
	_, err := change(letters(2), late)
	wantLate(t, "extended", err)
	for n, want := range map[int]time.Time{0: theEnd, 1: theEnd, 2: theEnd, 3: theEnd, 4: {}, 5: {}} {
		if got, err := change(letters(n), time.Time{}); err != nil || !got.ExpiresAt.Equal(want) {
			t.Errorf("%d without expiry: %v, %v, want %v", n, got.ExpiresAt, err, want)
		}
	}

	// One that is bound once more for longer than the number lasts is bound anew, on another.
	asked := pair(t, "asked", 0, 2)
	asked.Order, asked.ExpiresAt = "order-"+letters(2), late
	got, again, err := s.BindAgain(ctx, asked, binding.Repeat{Reuse: true})
	if err != nil || again || got.X.Block() != block || !got.ExpiresAt.Equal(late) {
		t.Errorf("bound once more: %+v, %v, %v", got, again, err)
	}
	asked = pair(t, "asked again", 0, 0)
	asked.Order = "order-" + letters(0)
	if got, again, err := s.BindAgain(ctx, asked, binding.Repeat{Reuse: true}); err != nil || !again || !got.ExpiresAt.Equal(theEnd) || got.Refs != 1 {
		t.Errorf("bound once more without expiry: %+v, %v, %v", got, again, err)
	}
	asked = pair(t, "new", oldBlock.Number(30), 30)
	if got, again, err := s.BindAgain(ctx, asked, binding.Repeat{Reuse: true}); err != nil || again || !got.ExpiresAt.Equal(theEnd) {
		t.Errorf("bound for the first time: %+v, %v, %v", got, again, err)
	}
}

func errOf(_ binding.Binding, err error) error { return err }

func wantLate(t testing.TB, what string, err error) {
	t.Helper()
	var late *binding.RangeError
	if !errors.As(err, &late) || !late.End.Equal(theEnd) || !errors.Is(err, binding.ErrRangeEnds) {
		t.Errorf("%s: got error %v", what, err)
	}
}

func olderDraws(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, oldBlock)
	until := func(end time.Time) func(*binding.Binding) { return func(b *binding.Binding) { b.ExpiresAt = end } }
	b, err := drawFor(t, s, 1, until(at(time.Hour)))
	if err != nil || b.X.Block() != oldBlock || !b.ExpiresAt.Equal(at(time.Hour)) {
		t.Fatalf("drawn %+v, %v", b, err)
	}
	if b, err = drawFor(t, s, 2); err != nil || b.X.Block() != oldBlock || !b.ExpiresAt.Equal(theEnd) {
		t.Fatalf("drawn without expiry: %+v, %v", b, err)
	}
	if got, err := s.Binding(ctx, b.ID); err != nil || !same(got, b) {
		t.Errorf("stored %+v, %v", got, err)
	}
	if b, err = drawFor(t, s, 3, func(b *binding.Binding) { b.Mode = binding.ModeAXYB }); err != nil || b.X.Block() != oldBlock || b.Y.Block() != oldBlock || b.X == b.Y {
		t.Errorf("two numbers: %+v, %v", b, err)
	}
	var none *binding.PoolError
	_, err = drawFor(t, s, 4, until(theEnd.Add(time.Hour)))
	if !errors.As(err, &none) || none.Blocks != 0 || none.Ending != 1 || !strings.Contains(none.Error(), "older ranges") {
		t.Errorf("longer than the range: %v", err)
	}
	_, err = drawFor(t, s, 5, func(b *binding.Binding) { b.CreatedAt = theEnd })
	if !errors.As(err, &none) || none.Ending != 1 {
		t.Errorf("after its last day: %v", err)
	}
	if _, err := s.SetBlock(ctx, oldBlock, binding.BlockLocked); err != nil {
		t.Fatal(err)
	}
	if _, err = drawFor(t, s, 6); !errors.As(err, &none) || none.Ending != 0 {
		t.Errorf("locked: %v", err)
	}
	if _, err := s.SetBlock(ctx, oldBlock, binding.BlockOpen); err != nil {
		t.Fatal(err)
	}
	hold(t, s, block)
	for n := range 20 {
		if b, err := drawFor(t, s, 100+n); err != nil || b.X.Block() != block || !b.ExpiresAt.IsZero() {
			t.Errorf("there are 700 numbers, and drawn was %v, %v", b.X, err)
		}
	}
	if _, err := s.SetBlock(ctx, block, binding.BlockDraining); err != nil {
		t.Fatal(err)
	}
	if b, err := drawFor(t, s, 200); err != nil || b.X.Block() != oldBlock {
		t.Errorf("no block of 700 numbers is open, and drawn was %v, %v", b.X, err)
	}
}

// olderShared draws the last free number, and then some that are in use.
func olderShared(t *testing.T, s binding.Store) {
	hold(t, s, oldBlock)
	occupy(t, s, oldBlock, 3000, func(serial int) bool { return serial >= 4000 || serial%100 == 0 }) // ten are left
	for n := range 10 {
		if b, err := drawFor(t, s, n); err != nil || len(onX(t, s, b.X)) != 1 {
			t.Fatalf("drawn %v, %v", b.X, err)
		}
	}
	if b, err := drawFor(t, s, 50); err != nil || len(onX(t, s, b.X)) != 2 || !b.ExpiresAt.Equal(theEnd) {
		t.Errorf("shared %v, %v", b.X, err)
	}
	if _, err := drawFor(t, s, 51, func(b *binding.Binding) { b.ExpiresAt = theEnd.Add(time.Hour) }); !errors.Is(err, binding.ErrNoFreeNumber) {
		t.Errorf("longer than the range: %v", err)
	}
}

func olderStock(t *testing.T, s binding.Store, now *time.Time) {
	ctx := context.Background()
	for _, b := range []binding.Block{block, oldBlock, openEnd, strayBlock} {
		hold(t, s, b)
	}
	b := pair(t, "one", oldBlock.Number(1), 1)
	bind(t, s, b)
	for _, ended := range []bool{false, true} {
		stock, err := s.Stock(ctx)
		if err != nil || len(stock) != 4 {
			t.Fatalf("%+v, %v", stock, err)
		}
		for _, got := range stock {
			want := binding.Stock{Free: binding.BlockSize, Fresh: binding.BlockSize}
			switch got.Block {
			case oldBlock:
				want.Until, want.Ended = theEnd, ended
				want.InUse, want.Free, want.Fresh = 1, binding.BlockSize-1, binding.BlockSize-1
				if ended {
					want.InUse, want.Free, want.Fresh = 0, 0, 0
				}
			case strayBlock:
				want.Ended, want.Free, want.Fresh = true, 0, 0
			}
			if !got.Until.Equal(want.Until) || got.Ended != want.Ended || got.InUse != want.InUse || got.Free != want.Free || got.Fresh != want.Fresh {
				t.Errorf("ended %v: block %v stands %+v, want %+v", ended, got.Block, got, want)
			}
		}
		*now = theEnd.Add(time.Second)
	}
	if err := s.RemoveBlock(ctx, oldBlock); err != nil {
		t.Errorf("what was bound on it has ended with it: %v", err)
	}
	if s.Holds(oldBlock) || !s.Holds(openEnd) {
		t.Error("another block went")
	}
	if got, err := s.Binding(ctx, "one"); err != nil || got.X != oldBlock.Number(1) || len(past(t, s, binding.HistoryQuery{X: got.X, Since: start, Until: *now})) != 1 {
		t.Errorf("the past of a block that went: %+v, %v", got, err)
	}
}
