package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

// manyPairs: as many pairs as may live on a number do, behind ended ones that are newer, and each is decided by what
// the store gives.
func manyPairs(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	x := block.Number(5)
	for i := range binding.DefaultLimitOnX {
		b := pair(t, letters(i), x, i)
		b.CreatedAt = at(time.Duration(i) * time.Second)
		bind(t, s, b)
	}
	late := at(time.Hour)
	one := pair(t, "onemore", x, 1000)
	one.CreatedAt = late
	var number *binding.NumberError
	if err := s.Bind(ctx, one); !errors.Is(err, binding.ErrCrowded) || !errors.As(err, &number) || number.X != x {
		t.Fatalf("one pair more than may live: %v", err)
	}
	two := pair(t, "two", block.Number(6), 1001)
	two.Mode, two.Y, two.CreatedAt = binding.ModeAXYB, x, late
	wantError(t, "its second number is full", s.Bind(ctx, two), binding.ErrCrowded)
	twin := pair(t, "twin", x, 1002)
	twin.A, twin.CreatedAt = subscriber(t, 0), late
	if err := s.Bind(ctx, twin); !errors.As(err, new(*binding.ConflictError)) && !errors.Is(err, binding.ErrCrowded) {
		t.Fatalf("a party of the oldest: %v", err)
	}
	last := letters(binding.DefaultLimitOnX - 1)
	if _, err := s.Unbind(ctx, last, late); err != nil {
		t.Fatal(err)
	}
	wantConflict(t, "a party of the oldest, behind many newer rows", s.Bind(ctx, twin), letters(0))
	for i := range 70 {
		b := pair(t, "ended"+letters(i), x, 2000+i)
		b.CreatedAt, b.ExpiresAt = late.Add(time.Duration(i)*time.Second), late.Add(time.Duration(i)*time.Second+time.Millisecond)
		bind(t, s, b)
	}
	after := late.Add(time.Hour)
	rows, err := s.Candidates(ctx, x, after)
	if err != nil || len(rows) != binding.MaxRowsOnX+binding.DefaultLimitOnX-1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := 1; i < len(rows); i++ {
		if rows[i].CreatedAt.After(rows[i-1].CreatedAt) {
			t.Fatalf("row %d is newer than the one before", i)
		}
	}
	for i := range binding.DefaultLimitOnX {
		p := pair(t, letters(i), x, i)
		d := binding.Resolve(binding.Query{Dialled: x, Caller: p.B, At: after}, true, rows)
		if live := letters(i) != last; live && d.Edge.Callee != p.A || !live && d.Refusal == "" {
			t.Errorf("pair %d: decided %q", i, d.Refusal)
		}
	}
	if rows, err := s.Candidates(ctx, x+1, after); err != nil || len(rows) != 0 {
		t.Errorf("on a free number: %s, %v", ids(rows), err)
	}
}

func oneForAnyone(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	open := func(id string, n int, extension string) binding.Binding {
		b := pair(t, id, block.Number(5), n)
		b.Mode, b.B, b.Extension = binding.ModeAX, binding.Number{}, extension
		if extension != "" {
			b.Mode = binding.ModeAXE
		}
		return b
	}
	for i, extension := range []string{"", "1234", "12345"} {
		bind(t, s, open("first"+letters(i), i, extension))
		var conflict *binding.ConflictError
		err := s.Bind(ctx, open("second"+letters(i), 10+i, extension))
		if !errors.As(err, &conflict) || conflict.Binding != "first"+letters(i) || !conflict.Anyone {
			t.Errorf("extension %q twice: %v", extension, err)
		}
	}
	bind(t, s, pair(t, "pair", block.Number(5), 20))
	if _, err := s.Unbind(ctx, "first"+letters(1), start); err != nil {
		t.Fatal(err)
	}
	bind(t, s, open("third", 30, "1234"))
	rows, err := s.Candidates(ctx, block.Number(5), at(time.Second))
	if err != nil || len(rows) != 5 {
		t.Errorf("%s, %v", ids(rows), err)
	}
	for _, r := range rows {
		if r.ID == "third" && (r.Extension != "1234" || r.Mode != binding.ModeAXE || !r.B.IsZero()) {
			t.Errorf("came back as %+v", r)
		}
	}
}
