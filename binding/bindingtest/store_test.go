package bindingtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"mask700/binding"
)

const (
	block = binding.Block(70010000001)
	other = binding.Block(70010000002)
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func party(t testing.TB, serial int) binding.Number {
	t.Helper()
	n, err := binding.NumberFromDigits(fmt.Sprintf("861380000%04d", serial))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// opened is a store with one open block, at noon.
func opened(t testing.TB) *Store {
	t.Helper()
	s := &Store{Now: func() time.Time { return noon }}
	if err := s.AddBlock(t.Context(), binding.BlockState{Block: block, State: binding.BlockOpen}); err != nil {
		t.Fatal(err)
	}
	return s
}

// of is a binding of two parties on the first number of the block.
func of(t testing.TB, id string, a, b int, change ...func(*binding.Binding)) binding.Binding {
	t.Helper()
	row := binding.Binding{
		ID: id, Mode: binding.ModeAXB, X: block.Number(0), A: party(t, a), B: party(t, b), Order: "order " + id, CreatedAt: noon,
	}
	for _, c := range change {
		c(&row)
	}
	return row
}

func ids(rows []binding.Binding) string {
	var all []string
	for _, row := range rows {
		all = append(all, row.ID)
	}
	return strings.Join(all, " ")
}

func TestBlocks(t *testing.T) {
	s := &Store{}
	if s.Holds(block) {
		t.Error("an empty store holds a block")
	}
	later := binding.BlockState{Block: other, State: binding.BlockLocked, AddedAt: noon, Tenant: "default"}
	first := binding.BlockState{Block: block, State: binding.BlockOpen, AddedAt: noon, Tenant: "default"}
	for _, b := range []binding.BlockState{later, first} {
		if err := s.AddBlock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddBlock(t.Context(), binding.BlockState{Block: block}); !errors.Is(err, binding.ErrExists) {
		t.Errorf("added twice: %v", err)
	}
	got, err := s.Blocks(t.Context())
	if err != nil || !reflect.DeepEqual(got, []binding.BlockState{first, later}) {
		t.Errorf("blocks are %+v, %v", got, err)
	}
	if !s.Holds(block) || !s.Holds(other) || s.Holds(0) {
		t.Error("it holds the wrong blocks")
	}
	s.SetState(block, binding.BlockDraining)
	s.SetState(70010000003, binding.BlockOpen)
	if got, err := s.Blocks(t.Context()); err != nil || len(got) != 2 || got[0].State != binding.BlockDraining {
		t.Errorf("blocks are %+v, %v", got, err)
	}
}

func TestRemoveBlock(t *testing.T) {
	s := opened(t)
	if err := s.RemoveBlock(t.Context(), other); !errors.Is(err, binding.ErrNotHeld) {
		t.Errorf("one that is not held: %v", err)
	}
	if err := s.Bind(t.Context(), of(t, "a", 1, 2, func(b *binding.Binding) { b.ExpiresAt = noon.Add(time.Hour) })); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveBlock(t.Context(), block); !errors.Is(err, binding.ErrInUse) || !s.Holds(block) {
		t.Errorf("with a live binding: %v", err)
	}
	s.Now = func() time.Time { return noon.Add(time.Hour) }
	if err := s.RemoveBlock(t.Context(), block); err != nil || s.Holds(block) {
		t.Errorf("after it expired: %v", err)
	}
	if _, err := s.Binding(t.Context(), "a"); err != nil {
		t.Errorf("the history went with the block: %v", err)
	}
	var real Store
	if err := real.AddBlock(t.Context(), binding.BlockState{Block: block, State: binding.BlockOpen}); err != nil {
		t.Fatal(err)
	}
	if err := real.Bind(t.Context(), of(t, "a", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := real.RemoveBlock(t.Context(), block); !errors.Is(err, binding.ErrInUse) {
		t.Errorf("by the real clock: %v", err)
	}
}

func TestRemoveBlockOfY(t *testing.T) {
	s := opened(t)
	if err := s.AddBlock(t.Context(), binding.BlockState{Block: other, State: binding.BlockOpen}); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), of(t, "a", 1, 2, func(b *binding.Binding) { b.Y = other.Number(0) })); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveBlock(t.Context(), other); !errors.Is(err, binding.ErrInUse) {
		t.Errorf("the block of a second number: %v", err)
	}
}

func TestBindChecksTheBlock(t *testing.T) {
	s := opened(t)
	if err := s.AddBlock(t.Context(), binding.BlockState{Block: other, State: binding.BlockLocked}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		x, y binding.X
		want error
	}{
		"locked":       {x: other.Number(0), want: binding.ErrNotOpen},
		"not held":     {x: 700100000030000, want: binding.ErrNotHeld},
		"no number":    {want: binding.ErrNotHeld},
		"locked y":     {x: block.Number(0), y: other.Number(0), want: binding.ErrNotOpen},
		"y not held":   {x: block.Number(0), y: 700100000030000, want: binding.ErrNotHeld},
		"both in open": {x: block.Number(0), y: block.Number(1)},
	} {
		err := s.Bind(t.Context(), of(t, "id of "+name, 1, 2, func(b *binding.Binding) { b.X, b.Y = test.x, test.y }))
		if !errors.Is(err, test.want) || test.want == binding.ErrNotHeld && errors.Is(err, binding.ErrNotOpen) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestBindChecksTheParties(t *testing.T) {
	onY := func(b *binding.Binding) { b.X, b.Y = block.Number(5), block.Number(0) }
	for name, test := range map[string]struct {
		row      func(t *testing.T) binding.Binding
		conflict bool
	}{
		"same pair":     {func(t *testing.T) binding.Binding { return of(t, "b", 1, 2) }, true},
		"the other way": {func(t *testing.T) binding.Binding { return of(t, "b", 2, 1) }, true},
		"one party":     {func(t *testing.T) binding.Binding { return of(t, "b", 3, 1) }, true},
		"disjoint":      {func(t *testing.T) binding.Binding { return of(t, "b", 3, 4) }, false},
		"as a member": {func(t *testing.T) binding.Binding {
			return of(t, "b", 3, 4, func(b *binding.Binding) { b.Group = []binding.Number{party(t, 2)} })
		}, true},
		"over its y":      {func(t *testing.T) binding.Binding { return of(t, "b", 1, 3, onY) }, true},
		"disjoint over y": {func(t *testing.T) binding.Binding { return of(t, "b", 3, 4, onY) }, false},
		"on another number": {func(t *testing.T) binding.Binding {
			return of(t, "b", 1, 2, func(b *binding.Binding) { b.X = block.Number(1) })
		}, false},
		"after it ended": {func(t *testing.T) binding.Binding {
			return of(t, "b", 1, 2, func(b *binding.Binding) { b.CreatedAt = noon.Add(time.Hour) })
		}, false},
		"just before": {func(t *testing.T) binding.Binding {
			return of(t, "b", 1, 2, func(b *binding.Binding) { b.CreatedAt = noon.Add(time.Hour - 1) })
		}, true},
	} {
		s := opened(t)
		if err := s.Bind(t.Context(), of(t, "a", 1, 2, func(b *binding.Binding) { b.ExpiresAt = noon.Add(time.Hour) })); err != nil {
			t.Fatal(err)
		}
		err := s.Bind(t.Context(), test.row(t))
		var conflict *binding.ConflictError
		if got := errors.As(err, &conflict); got != test.conflict || got && conflict.Binding != "a" || !got && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, found := s.Binding(t.Context(), "b"); (found == nil) == test.conflict {
			t.Errorf("%s: the row is there: %v", name, found)
		}
	}
}

func TestBindTakesAnIDOnce(t *testing.T) {
	s := opened(t)
	if err := s.Bind(t.Context(), of(t, "a", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), of(t, "a", 3, 4)); !errors.Is(err, binding.ErrExists) {
		t.Errorf("error is %v", err)
	}
}

func TestBindAtOnce(t *testing.T) {
	s := opened(t)
	var wait sync.WaitGroup
	results := make(chan error, 32)
	for i := range cap(results) {
		row := of(t, fmt.Sprint("id", i), 1, 2+i)
		wait.Go(func() { results <- s.Bind(context.Background(), row) })
	}
	wait.Wait()
	close(results)
	bound := 0
	for err := range results {
		if err == nil {
			bound++
		}
	}
	if bound != 1 {
		t.Errorf("a party was bound %d times on one number", bound)
	}
}

func TestUnbind(t *testing.T) {
	s := opened(t)
	if err := s.Bind(t.Context(), of(t, "a", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unbind(t.Context(), "b", noon); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("no such id: %v", err)
	}
	for _, minutes := range []time.Duration{1, 2} {
		got, err := s.Unbind(t.Context(), "a", noon.Add(minutes*time.Minute))
		if err != nil || !got.EndedAt.Equal(noon.Add(time.Minute)) || got.Order != "order a" {
			t.Errorf("unbound %+v, %v", got, err)
		}
	}
	got, err := s.Binding(t.Context(), "a")
	if err != nil || !got.EndedAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("stored %+v, %v", got, err)
	}
	if _, err := s.Binding(t.Context(), "b"); !errors.Is(err, binding.ErrNotFound) {
		t.Errorf("no such id: %v", err)
	}
}

func TestOnX(t *testing.T) {
	s := opened(t)
	at := func(minutes int) func(*binding.Binding) {
		return func(b *binding.Binding) { b.CreatedAt = noon.Add(time.Duration(minutes) * time.Minute) }
	}
	for _, row := range []binding.Binding{
		of(t, "early", 1, 2, at(1)),
		of(t, "late", 3, 4, at(3)),
		of(t, "middle", 5, 6, at(2)),
		of(t, "same", 7, 8, at(3)),
		of(t, "elsewhere", 1, 2, func(b *binding.Binding) { b.X = block.Number(1) }),
		of(t, "y", 9, 10, func(b *binding.Binding) {
			b.X, b.Y, b.CreatedAt = block.Number(2), block.Number(0), noon.Add(-time.Hour)
		}),
	} {
		if err := s.Bind(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Unbind(t.Context(), "late", noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	rows, err := s.OnX(t.Context(), block.Number(0))
	if err != nil || ids(rows) != "same late middle early y" {
		t.Errorf("rows are %s, %v", ids(rows), err)
	}
	if rows, err := s.OnX(t.Context(), block.Number(9)); err != nil || len(rows) != 0 {
		t.Errorf("rows of a free number are %s, %v", ids(rows), err)
	}
}

func TestOnXIsBounded(t *testing.T) {
	s := opened(t)
	for i := range 100 {
		row := of(t, fmt.Sprintf("id%03d", i), 2*i+1, 2*i+2, func(b *binding.Binding) { b.CreatedAt = noon.Add(time.Duration(i)) })
		if err := s.Bind(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := s.OnX(t.Context(), block.Number(0))
	if err != nil || len(rows) != binding.MaxRowsOnX || rows[0].ID != "id099" || rows[63].ID != "id036" {
		t.Errorf("%d rows: %s, %v", len(rows), ids(rows), err)
	}
}

func TestList(t *testing.T) {
	s := opened(t)
	for i, id := range []string{"delta", "alpha", "charlie", "bravo"} {
		if err := s.Bind(t.Context(), of(t, id, 2*i+1, 2*i+2)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Unbind(t.Context(), "charlie", noon); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]binding.Filter{
		"alpha bravo charlie delta": {},
		"alpha bravo":               {Limit: 2},
		"charlie delta":             {After: "bravo"},
		"charlie":                   {After: "bravo", Limit: 1},
		"alpha bravo delta":         {LiveAt: noon},
		"bravo delta":               {LiveAt: noon, After: "alpha", Limit: 2},
		"delta":                     {Number: party(t, 2)},
		"bravo":                     {Order: "order bravo"},
		"":                          {X: block.Number(1)},
	} {
		var rows []binding.Binding
		err := s.List(t.Context(), f, func(b binding.Binding) error { rows = append(rows, b); return nil })
		if err != nil || ids(rows) != want {
			t.Errorf("%+v: %s, %v, want %s", f, ids(rows), err, want)
		}
	}
}

func TestListStops(t *testing.T) {
	s := opened(t)
	for i, id := range []string{"a", "b", "c"} {
		if err := s.Bind(t.Context(), of(t, id, 2*i+1, 2*i+2)); err != nil {
			t.Fatal(err)
		}
	}
	enough, seen := errors.New("enough"), 0
	if err := s.List(t.Context(), binding.Filter{}, func(binding.Binding) error { seen++; return enough }); err != enough || seen != 1 {
		t.Errorf("stopped with %v after %d", err, seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.List(ctx, binding.Filter{}, func(binding.Binding) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// A callback may use the store.
	if err := s.List(t.Context(), binding.Filter{}, func(b binding.Binding) error {
		_, err := s.Unbind(t.Context(), b.ID, noon)
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestRowsAreCopies(t *testing.T) {
	s := opened(t)
	group := []binding.Number{party(t, 8)}
	if err := s.Bind(t.Context(), of(t, "a", 1, 2, func(b *binding.Binding) { b.Group = group })); err != nil {
		t.Fatal(err)
	}
	group[0] = party(t, 9)
	got, err := s.Binding(t.Context(), "a")
	if err != nil || got.Group[0] != party(t, 8) {
		t.Errorf("stored %+v, %v", got, err)
	}
	got.Group[0] = party(t, 9)
	rows, err := s.OnX(t.Context(), block.Number(0))
	if err != nil || rows[0].Group[0] != party(t, 8) {
		t.Errorf("stored %+v, %v", rows, err)
	}
}

func TestFail(t *testing.T) {
	s := opened(t)
	if err := s.Bind(t.Context(), of(t, "a", 1, 2)); err != nil {
		t.Fatal(err)
	}
	all := func(ctx context.Context) map[string]error {
		_, blocks := s.Blocks(ctx)
		_, unbind := s.Unbind(ctx, "a", noon)
		_, row := s.Binding(ctx, "a")
		_, onX := s.OnX(ctx, block.Number(0))
		return map[string]error{
			"AddBlock": s.AddBlock(ctx, binding.BlockState{Block: other}), "RemoveBlock": s.RemoveBlock(ctx, block), "Blocks": blocks,
			"Bind": s.Bind(ctx, of(t, "b", 3, 4)), "Unbind": unbind, "Binding": row, "OnX": onX,
			"List": s.List(ctx, binding.Filter{}, func(binding.Binding) error { return nil }),
		}
	}
	broken := errors.New("broken")
	s.Fail(broken)
	for method, err := range all(t.Context()) {
		if err != broken {
			t.Errorf("%s: %v", method, err)
		}
	}
	s.Fail(nil)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for method, err := range all(cancelled) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", method, err)
		}
	}
	if got, err := s.Binding(t.Context(), "a"); err != nil || !got.EndedAt.IsZero() || s.Holds(other) {
		t.Errorf("a failed write changed something: %+v, %v", got, err)
	}
}
