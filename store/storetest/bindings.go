package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
)

func blocks(t *testing.T, s binding.Store) {
	ctx := context.Background()
	if _, held := s.Block(block); held || s.Holds(block) {
		t.Error("an empty store holds a block")
	}
	states := []binding.BlockState{
		{Block: 70010000003, State: binding.BlockDraining, AddedAt: at(2), Tenant: "second"},
		{Block: 70010000001, State: binding.BlockOpen, AddedAt: at(1), Tenant: binding.DefaultTenant},
		{Block: 70010000002, State: binding.BlockLocked, AddedAt: at(3), Tenant: ""},
	}
	for _, b := range states {
		if err := s.AddBlock(ctx, b); err != nil {
			t.Fatal(err)
		}
		if !s.Holds(b.Block) {
			t.Errorf("%s is not held", b.Block)
		}
		wantError(t, "added again", s.AddBlock(ctx, binding.BlockState{Block: b.Block, State: binding.BlockOpen}), binding.ErrExists)
	}
	got, err := s.Blocks(ctx)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d blocks, %v", len(got), err)
	}
	for i, want := range []binding.BlockState{states[1], states[2], states[0]} {
		if !got[i].AddedAt.Equal(want.AddedAt) {
			t.Errorf("%s was added at %v", want.Block, got[i].AddedAt)
		}
		if one, held := s.Block(want.Block); !held || !reflect.DeepEqual(one, got[i]) {
			t.Errorf("asked for alone, block %d is %+v, %v; among all %+v", i, one, held, got[i])
		}
		if got[i].AddedAt = want.AddedAt; !reflect.DeepEqual(got[i], want) {
			t.Errorf("block %d is %+v, want %+v", i, got[i], want)
		}
	}
	if err := s.RemoveBlock(ctx, 70010000002); err != nil {
		t.Fatal(err)
	}
	if _, held := s.Block(70010000002); held || s.Holds(70010000002) {
		t.Error("a block that was removed is held")
	}
	wantError(t, "removed again", s.RemoveBlock(ctx, 70010000002), binding.ErrNotHeld)
	if got, err := s.Blocks(ctx); err != nil || len(got) != 2 {
		t.Errorf("%d blocks are left, %v", len(got), err)
	}
	hold(t, s, 70010000002)
}

// blockStates: what is locked or drains takes no new binding, keeps those it has, and is looked up as before.
func blockStates(t *testing.T, s binding.Store) {
	ctx := context.Background()
	_, err := s.SetBlock(ctx, block, binding.BlockLocked)
	wantError(t, "not held", err, binding.ErrNotHeld)
	hold(t, s, block)
	bind(t, s, pair(t, "before", block.Number(1), 1))
	for i, state := range []string{binding.BlockLocked, binding.BlockDraining} {
		for range 2 {
			got, err := s.SetBlock(ctx, block, state)
			if err != nil || got.State != state || got.Block != block || !got.AddedAt.Equal(start) || got.Tenant != binding.DefaultTenant {
				t.Fatalf("%s: %+v, %v", state, got, err)
			}
		}
		wantError(t, state, s.Bind(ctx, pair(t, "meanwhile", block.Number(2), 2)), binding.ErrNotOpen)
		all, err := s.Blocks(ctx)
		if err != nil || len(all) != 1 || all[0].State != state || !s.Holds(block) {
			t.Errorf("%s: %+v, %v", state, all, err)
		}
		if one, held := s.Block(block); !held || one.State != state {
			t.Errorf("%s: %+v, %v", state, one, held)
		}
		if rows, err := s.OnX(ctx, block.Number(1)); err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", state, len(rows), err)
		}
		if _, err := s.SetBlock(ctx, block, binding.BlockOpen); err != nil {
			t.Fatal(err)
		}
		bind(t, s, pair(t, "after"+string(rune('a'+i)), block.Number(3+i), 3+i))
	}
}

func blockInUse(t *testing.T, s binding.Store) {
	ctx := context.Background()
	for _, b := range []binding.Block{block - 1, block, block + 1} {
		hold(t, s, b)
	}
	now := time.Now()
	live := pair(t, "live", block.Number(9999), 1)
	live.CreatedAt = now.Add(-time.Hour)
	bind(t, s, live)
	expired := pair(t, "expired", (block - 1).Number(9999), 2)
	expired.CreatedAt, expired.ExpiresAt = now.Add(-time.Hour), now.Add(-time.Minute)
	bind(t, s, expired)
	wantError(t, "block of a live binding", s.RemoveBlock(ctx, block), binding.ErrInUse)
	if !s.Holds(block) {
		t.Error("the block is gone all the same")
	}
	bind(t, s, pair(t, "another", block.Number(0), 3))
	if err := s.RemoveBlock(ctx, block-1); err != nil {
		t.Errorf("block of an expired binding: %v", err)
	}
	if err := s.RemoveBlock(ctx, block+1); err != nil {
		t.Errorf("block beside a live binding: %v", err)
	}
	for _, id := range []string{"live", "another"} {
		if _, err := s.Unbind(ctx, id, now.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RemoveBlock(ctx, block); err != nil {
		t.Errorf("block of ended bindings: %v", err)
	}
	if _, err := s.Binding(ctx, "live"); err != nil {
		t.Errorf("the row went with its block: %v", err)
	}
}

// full is a binding with every field set.
func full(t *testing.T) binding.Binding {
	return binding.Binding{
		ID: "full", Mode: binding.ModeGXYB, X: block.Number(1), Y: block.Number(2),
		A: subscriber(t, 1), B: subscriber(t, 2), Group: []binding.Number{subscriber(t, 3), subscriber(t, 4)},
		Extension: "1234", Order: "订单 17", Consent: "consent", IndustrialID: "700.100.1/x", Tenant: "tenant", Data: "\x00\xff",
		CreatedAt: start, ExpiresAt: at(time.Hour), MaxDuration: 10 * time.Minute, OneWay: binding.OneWayBToA, Record: true,
		Sliding: time.Hour, Refs: 2, Texts: binding.TextsOff,
	}
}

func everyField(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	least := binding.Binding{ID: "least", Mode: binding.ModeAXB, X: block.Number(3), CreatedAt: start}
	for _, want := range []binding.Binding{full(t), least} {
		bind(t, s, want)
		got, err := s.Binding(ctx, want.ID)
		if err != nil || !same(got, want) {
			t.Errorf("by id: %+v, %v\nwant %+v", got, err, want)
		}
		if rows := onX(t, s, want.X); len(rows) != 1 || !same(rows[0], want) {
			t.Errorf("by number: %+v\nwant %+v", rows, want)
		}
		if rows := list(t, s, binding.Filter{X: want.X}); len(rows) != 1 || !same(rows[0], want) {
			t.Errorf("listed: %+v\nwant %+v", rows, want)
		}
	}
	local := pair(t, "local", block.Number(4), 9)
	local.CreatedAt = start.In(time.FixedZone("CST", 8*3600))
	bind(t, s, local)
	if got, err := s.Binding(ctx, "local"); err != nil || !got.CreatedAt.Equal(start) {
		t.Errorf("a time of another zone came back as %v, %v", got.CreatedAt, err)
	}
	_, err := s.Binding(ctx, "nobody")
	wantError(t, "no such id", err, binding.ErrNotFound)
	_, err = s.Binding(ctx, "")
	wantError(t, "no id", err, binding.ErrNotFound)
}

func notShared(t *testing.T, s binding.Store) {
	hold(t, s, block)
	b := full(t)
	bind(t, s, b)
	b.Group[0] = binding.Number{}
	onX(t, s, b.X)[0].Group[1] = binding.Number{}
	if got, err := s.Binding(context.Background(), "full"); err != nil || !same(got, full(t)) {
		t.Errorf("a caller changed the row: %+v, %v", got, err)
	}
}

func openBlock(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	for b, state := range map[binding.Block]string{block + 1: binding.BlockLocked, block + 2: binding.BlockDraining} {
		if err := s.AddBlock(ctx, binding.BlockState{Block: b, State: state, AddedAt: start}); err != nil {
			t.Fatal(err)
		}
	}
	two := pair(t, "two", block.Number(1), 1)
	two.Mode = binding.ModeAXYB
	for name, c := range map[string]struct {
		x, y binding.X
		want error
	}{
		"not held":            {(block + 3).Number(1), 0, binding.ErrNotHeld},
		"locked":              {(block + 1).Number(1), 0, binding.ErrNotOpen},
		"draining":            {(block + 2).Number(1), 0, binding.ErrNotOpen},
		"second not held":     {block.Number(1), (block + 3).Number(1), binding.ErrNotHeld},
		"second locked":       {block.Number(1), (block + 1).Number(1), binding.ErrNotOpen},
		"first locked of two": {(block + 1).Number(1), block.Number(1), binding.ErrNotOpen},
	} {
		b := two
		b.X, b.Y = c.x, c.y
		wantError(t, name, s.Bind(ctx, b), c.want)
	}
	if rows := list(t, s, binding.Filter{}); len(rows) != 0 {
		t.Errorf("refused and written: %s", ids(rows))
	}
}

// wantConflict fails unless err names the binding in the way.
func wantConflict(t *testing.T, what string, err error, with string) {
	t.Helper()
	var conflict *binding.ConflictError
	if !errors.As(err, &conflict) || conflict.Binding != with {
		t.Errorf("%s: got error %v, want a conflict with %s", what, err, with)
	}
}

func conflicts(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	x := block.Number(7)
	there := pair(t, "there", x, 1)
	there.Mode, there.Group = binding.ModeGXB, []binding.Number{subscriber(t, 90)}
	there.ExpiresAt = at(time.Hour)
	bind(t, s, there)
	for i, c := range []struct {
		role string
		put  func(*binding.Binding, binding.Number)
	}{
		{"A", func(b *binding.Binding, n binding.Number) { b.A = n }},
		{"B", func(b *binding.Binding, n binding.Number) { b.B = n }},
		{"member", func(b *binding.Binding, n binding.Number) { b.Group = []binding.Number{subscriber(t, 91), n} }},
	} {
		for role, n := range map[string]binding.Number{"A": there.A, "B": there.B, "member": there.Group[0]} {
			b := pair(t, fmt.Sprint("new", letters(i)), x, 10)
			b.CreatedAt = at(time.Minute)
			c.put(&b, n)
			wantConflict(t, fmt.Sprintf("%s is %s there", c.role, role), s.Bind(ctx, b), "there")
		}
	}
	if rows := onX(t, s, x); ids(rows) != "there" {
		t.Errorf("refused and written: %s", ids(rows))
	}
	bind(t, s, pair(t, "strangers", x, 20))
	elsewhere := pair(t, "elsewhere", block.Number(8), 1)
	bind(t, s, elsewhere)
}

func freeAgain(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	x := block.Number(7)
	first := pair(t, "first", x, 1)
	first.ExpiresAt = at(time.Hour)
	bind(t, s, first)
	next := pair(t, "second", x, 1)
	next.CreatedAt = at(time.Hour - 1)
	wantConflict(t, "a moment before expiry", s.Bind(ctx, next), "first")
	next.CreatedAt = at(time.Hour)
	bind(t, s, next)
	last := pair(t, "third", x, 1)
	last.CreatedAt = at(3 * time.Hour)
	wantConflict(t, "before unbinding", s.Bind(ctx, last), "second")
	if _, err := s.Unbind(ctx, "second", at(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	bind(t, s, last)
	if rows := onX(t, s, x); ids(rows) != "third second first" {
		t.Errorf("on the number: %s", ids(rows))
	}
}

func idOnce(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	bind(t, s, pair(t, "one", block.Number(1), 1))
	wantError(t, "on another number", s.Bind(ctx, pair(t, "one", block.Number(2), 2)), binding.ErrExists)
	if _, err := s.Unbind(ctx, "one", at(time.Minute)); err != nil {
		t.Fatal(err)
	}
	again := pair(t, "one", block.Number(1), 1)
	again.CreatedAt = at(time.Hour)
	wantError(t, "after its end", s.Bind(ctx, again), binding.ErrExists)
	if rows := onX(t, s, block.Number(2)); len(rows) != 0 {
		t.Errorf("refused and written: %s", ids(rows))
	}
}

func newestFirst(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	x := block.Number(1)
	const n = binding.MaxRowsOnX + 10
	for i := range n {
		b := pair(t, letters(i), x, i)
		b.CreatedAt = at(time.Duration(i/2) * time.Second) // two in each second
		b.ExpiresAt = b.CreatedAt.Add(time.Millisecond)
		bind(t, s, b)
		if i%3 == 0 {
			if _, err := s.Unbind(ctx, b.ID, b.CreatedAt.Add(time.Microsecond)); err != nil {
				t.Fatal(err)
			}
		}
	}
	bind(t, s, pair(t, "neighbour", x+1, n+1))
	rows := onX(t, s, x)
	if len(rows) != binding.MaxRowsOnX {
		t.Fatalf("%d rows", len(rows))
	}
	for i, b := range rows {
		if want := letters(n - 1 - i); b.ID != want {
			t.Errorf("row %d is %s, want %s", i, b.ID, want)
		}
	}
	if rows := onX(t, s, x+2); len(rows) != 0 {
		t.Errorf("on a free number: %s", ids(rows))
	}
	if rows := list(t, s, binding.Filter{X: x}); len(rows) != n {
		t.Errorf("%d rows listed, want all %d", len(rows), n)
	}
}

func unbinding(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	want := full(t)
	bind(t, s, want)
	want.EndedAt = at(time.Minute)
	got, err := s.Unbind(ctx, "full", at(time.Minute))
	if err != nil || !same(got, want) {
		t.Errorf("unbound: %+v, %v\nwant %+v", got, err, want)
	}
	got, err = s.Unbind(ctx, "full", at(2*time.Minute))
	if err != nil || !same(got, want) {
		t.Errorf("unbound again: %+v, %v", got, err)
	}
	got, err = s.Binding(ctx, "full")
	if err != nil || !same(got, want) {
		t.Errorf("read: %+v, %v", got, err)
	}
	_, err = s.Unbind(ctx, "nobody", at(0))
	wantError(t, "no such id", err, binding.ErrNotFound)
}

func twoNumbers(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	want := full(t)
	bind(t, s, want)
	for _, x := range []binding.X{want.X, want.Y} {
		if rows := onX(t, s, x); len(rows) != 1 || !same(rows[0], want) {
			t.Errorf("on %s: %+v", x, rows)
		}
		if rows := list(t, s, binding.Filter{X: x}); ids(rows) != "full" {
			t.Errorf("listed by %s: %s", x, ids(rows))
		}
		b := pair(t, "new", x, 10)
		b.B = want.B
		wantConflict(t, "on "+x.String(), s.Bind(ctx, b), "full")
	}
	other := pair(t, "other", block.Number(3), 10)
	other.Mode, other.Y, other.A = binding.ModeAXYB, want.X, want.A
	wantConflict(t, "its second is the other's first", s.Bind(ctx, other), "full")
	if rows := list(t, s, binding.Filter{}); ids(rows) != "full" {
		t.Errorf("listed: %s", ids(rows))
	}
	want.EndedAt = at(time.Minute)
	if _, err := s.Unbind(ctx, "full", want.EndedAt); err != nil {
		t.Fatal(err)
	}
	for _, x := range []binding.X{want.X, want.Y} {
		if rows := onX(t, s, x); len(rows) != 1 || !same(rows[0], want) {
			t.Errorf("after unbinding, on %s: %+v", x, rows)
		}
	}
	other.CreatedAt = at(time.Hour)
	bind(t, s, other)
}

func endedContext(t *testing.T, s binding.Store) {
	hold(t, s, block)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := pair(t, "never", block.Number(1), 1)
	wantError(t, "bind", s.Bind(ctx, b), context.Canceled)
	wantError(t, "add block", s.AddBlock(ctx, binding.BlockState{Block: block + 1, State: binding.BlockOpen}), context.Canceled)
	wantError(t, "remove block", s.RemoveBlock(ctx, block), context.Canceled)
	_, err := s.OnX(ctx, b.X)
	wantError(t, "on a number", err, context.Canceled)
	wantError(t, "list", s.List(ctx, binding.Filter{}, func(binding.Binding) error { return nil }), context.Canceled)
	if rows := list(t, s, binding.Filter{}); len(rows) != 0 || s.Holds(block+1) || !s.Holds(block) {
		t.Error("something was done all the same")
	}
}
