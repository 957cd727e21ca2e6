package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mask700/binding"
	"mask700/binding/cdr"
)

// Rules that are stricter than the interface asks.

func TestRowOfAClockFarBackIsSeen(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	holdBlock(t, db)
	x := testBlock.Number(1)
	for i := range binding.MaxRowsOnX {
		b := testPair(t, testID(i), 100+i)
		b.X, b.CreatedAt = x, testStart.Add(time.Duration(i+1)*time.Hour)
		b.ExpiresAt = b.CreatedAt.Add(time.Second)
		mustBind(t, db, b)
	}
	b := testPair(t, "back", 999)
	b.X, b.ExpiresAt = x, testStart.Add(time.Minute)
	mustBind(t, db, b)
	rows, err := db.Candidates(context.Background(), x, testStart.Add(time.Second))
	if err != nil || len(rows) != binding.MaxRowsOnX+1 || rows[binding.MaxRowsOnX].ID != "back" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	checked(t, db)
}

func TestLimitOfANumber(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	o.LimitOnX = 3
	db := mustOpen(t, o)
	defer mustClose(t, db)
	holdBlock(t, db)
	add := func(i int, y binding.X) error {
		b := testPair(t, testID(i), 100+i)
		b.X, b.Mode, b.Y = testBlock.Number(1), binding.ModeAXYB, y
		return db.Bind(ctx, b)
	}
	for i := range 3 {
		if err := add(i, testBlock.Number(50+i)); err != nil {
			t.Fatal(err)
		}
	}
	var number *binding.NumberError
	if err := add(3, testBlock.Number(60)); !errors.Is(err, binding.ErrCrowded) || !errors.As(err, &number) || number.X != testBlock.Number(1) {
		t.Fatalf("a fourth binding: %v", err)
	}
	if _, err := db.Unbind(ctx, testID(1), testStart); err != nil {
		t.Fatal(err)
	}
	if err := add(3, testBlock.Number(60)); err != nil {
		t.Errorf("after one ended: %v", err)
	}
}

func TestOneWinnerAlthoughClocksDiffer(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	holdBlock(t, db)
	var wins atomic.Int32
	var all sync.WaitGroup
	for c := range 32 {
		all.Go(func() {
			b := testPair(t, testID(c), 10+c)
			b.X, b.A = testBlock.Number(1), testNumber(t, 1)
			b.CreatedAt = testStart.Add(-time.Duration(c) * time.Millisecond) // the later, the earlier
			var conflict *binding.ConflictError
			switch err := db.Bind(context.Background(), b); {
			case err == nil:
				wins.Add(1)
			case !errors.As(err, &conflict):
				t.Errorf("bind: %v", err)
			}
		})
	}
	all.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d winners", wins.Load())
	}
}

func TestRowsOfOneNanosecondKeepTheirOrder(t *testing.T) {
	ctx := context.Background()
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	holdBlock(t, db)
	x, y := testBlock.Number(1), testBlock.Number(2)
	for i := range 10 {
		b := testPair(t, testID(i), 100+i)
		b.X = x
		if i%2 == 1 {
			b.Mode, b.X, b.Y = binding.ModeAXYB, y, x
		}
		mustBind(t, db, b)
	}
	between := testPair(t, "between", 200) // one nanosecond later, where starts were moved to
	between.X, between.CreatedAt = x, testStart.Add(1)
	mustBind(t, db, between)
	rows, err := db.OnX(ctx, x)
	if err != nil || len(rows) != 11 || rows[0].ID != "between" {
		t.Fatalf("%d rows, first %s, %v", len(rows), rows[0].ID, err)
	}
	for i, b := range rows[1:] {
		if b.ID != testID(9-i) || !b.CreatedAt.Equal(testStart) {
			t.Errorf("row %d is %s of %v", i, b.ID, b.CreatedAt)
		}
	}
	checked(t, db)
}

func TestWhatARowCannotHoldIsRefused(t *testing.T) {
	ctx := context.Background()
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	holdBlock(t, db)
	long := strings.Repeat("x", maxText+1)
	for name, change := range map[string]func(*binding.Binding){
		"no id":             func(b *binding.Binding) { b.ID = "" },
		"long id":           func(b *binding.Binding) { b.ID = strings.Repeat("x", maxID+1) },
		"no X":              func(b *binding.Binding) { b.X = 0 },
		"X is no 700":       func(b *binding.Binding) { b.X = 400_100_000_010_001 },
		"Y is no 700":       func(b *binding.Binding) { b.Y = 1 },
		"X is Y":            func(b *binding.Binding) { b.Y = b.X },
		"mode":              func(b *binding.Binding) { b.Mode = "abx" },
		"direction":         func(b *binding.Binding) { b.OneWay = "up" },
		"never created":     func(b *binding.Binding) { b.CreatedAt = time.Time{} },
		"created in 1969":   func(b *binding.Binding) { b.CreatedAt = time.Unix(-1, 0) },
		"created in 1970":   func(b *binding.Binding) { b.CreatedAt = time.Unix(0, 0) },
		"expires in 2263":   func(b *binding.Binding) { b.ExpiresAt = time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC) },
		"negative duration": func(b *binding.Binding) { b.MaxDuration = -1 },
		"long order":        func(b *binding.Binding) { b.Order = long },
		"long data":         func(b *binding.Binding) { b.Data = long },
		"long tenant":       func(b *binding.Binding) { b.Tenant = long },
		"large group":       func(b *binding.Binding) { b.Group = make([]binding.Number, maxMembers+1) },
	} {
		b := testPair(t, "x", 1)
		change(&b)
		if err := db.Bind(ctx, b); !errors.Is(err, ErrRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*cdr.Record){
		"no id":            func(r *cdr.Record) { r.ID = "" },
		"long data":        func(r *cdr.Record) { r.Data = long },
		"received in 1969": func(r *cdr.Record) { r.ReceivedAt = time.Unix(-1, 0) },
		"released in 2263": func(r *cdr.Record) { r.ReleasedAt = time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		r := testRecord("x")
		change(&r)
		if err := openCall(t, db, r); !errors.Is(err, ErrRow) {
			t.Errorf("open, %s: %v", name, err)
		}
		if _, err := closeCall(t, db, r); !errors.Is(err, ErrRow) {
			t.Errorf("close, %s: %v", name, err)
		}
	}
	if err := db.AddBlock(ctx, binding.BlockState{Block: 70110000001, State: binding.BlockOpen}); !errors.Is(err, ErrRow) {
		t.Errorf("no block: %v", err)
	}
	if err := db.AddBlock(ctx, binding.BlockState{Block: testBlock + 1, State: "ajar"}); !errors.Is(err, ErrRow) {
		t.Errorf("state: %v", err)
	}
	if _, err := db.Unbind(ctx, "x", time.Time{}); !errors.Is(err, ErrRow) {
		t.Errorf("ended at no time: %v", err)
	}
	if r := checked(t, db); r.Bindings != 0 || r.Records != 0 || r.Blocks != 1 {
		t.Errorf("refused and written: %s", r)
	}
}

func TestCloseTellsTheSeqGivenBefore(t *testing.T) {
	db := mustOpen(t, options(t, t.TempDir()))
	defer mustClose(t, db)
	for i := range 3 {
		if seq, err := closeCall(t, db, testRecord(testID(i))); err != nil || seq != uint64(i+1) {
			t.Fatalf("closed as %d, %v", seq, err)
		}
	}
	if seq, err := closeCall(t, db, testRecord(testID(1))); seq != 2 || !errors.Is(err, cdr.ErrClosed) {
		t.Errorf("closed again as %d, %v; want 2 and ErrClosed", seq, err)
	}
}

func TestTenantsKeepTheirNumbers(t *testing.T) {
	ctx := context.Background()
	o := options(t, t.TempDir())
	db := mustOpen(t, o)
	holdBlock(t, db)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			b := testPair(t, testID(i), i)
			b.Tenant = "tenant " + testID(i%7)
			if err := db.Bind(ctx, b); err != nil {
				t.Errorf("bind: %v", err)
			}
		})
	}
	all.Wait()
	mustClose(t, db)
	db = mustOpen(t, o)
	defer mustClose(t, db)
	for i := range 40 {
		b, err := db.Binding(ctx, testID(i))
		if err != nil || b.Tenant != "tenant "+testID(i%7) {
			t.Errorf("tenant %q, %v", b.Tenant, err)
		}
	}
	if r := checked(t, db); r.Tenants != 8 {
		t.Errorf("%d tenants, want 8", r.Tenants)
	}
}
