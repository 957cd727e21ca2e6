package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

// Dialled has an engine keep that somebody dialled a number at a moment, and waits until it does.
type Dialled func(x binding.X, who binding.Number, at time.Time)

// Quarantine tests that nobody comes back to a number too early. open returns an empty store with a quarantine each time.
func Quarantine(t *testing.T, open func(t *testing.T, rest time.Duration) (binding.Store, Dialled)) {
	for name, test := range map[string]func(*testing.T, binding.Store, Dialled){
		"who left a number":                 quarantineOfParties,
		"the same people at once":           quarantineOfTheSame,
		"who dialled a number":              quarantineOfCallers,
		"who comes and goes by a change":    quarantineOfChanges,
		"a number for anyone rests for all": quarantineOfStrangers,
		"a draw passes over":                quarantineOfDraws,
	} {
		t.Run(name, func(t *testing.T) {
			s, dialled := open(t, rest)
			hold(t, s, block)
			test(t, s, dialled)
		})
	}
	t.Run("none", func(t *testing.T) {
		s, dialled := open(t, 0)
		hold(t, s, block)
		x := block.Number(1)
		b := pair(t, "first", x, 1)
		b.ExpiresAt = at(time.Minute)
		bind(t, s, b)
		dialled(x, subscriber(t, 7), start)
		next := pair(t, "next", x, 1)
		next.CreatedAt, next.B = at(time.Minute), subscriber(t, 7)
		bind(t, s, next)
	})
}

const rest = 24 * time.Hour

// wantQuarantine fails unless err says that a party is kept off x until a moment, or, as clocks are kept in whole seconds,
// up to one later.
func wantQuarantine(t testing.TB, what string, err error, x binding.X, until time.Time) {
	t.Helper()
	var about *binding.NumberError
	var kept *binding.QuarantineError
	if !errors.As(err, &about) || about.X != x || !errors.As(err, &kept) || !errors.Is(err, binding.ErrQuarantine) {
		t.Errorf("%s: got error %v, want a quarantine of %v", what, err, x)
	} else if late := kept.Until.Sub(until); late < 0 || late > time.Second {
		t.Errorf("%s: kept off until %v, want %v", what, kept.Until, until)
	}
}

// onAt is a binding of two subscribers on x that begins some time after the start.
func onAt(t testing.TB, id string, x binding.X, a, b int, after time.Duration) binding.Binding {
	t.Helper()
	row := pair(t, id, x, 0)
	row.A, row.B, row.CreatedAt = subscriber(t, a), subscriber(t, b), at(after)
	return row
}

func quarantineOfParties(t *testing.T, s binding.Store, _ Dialled) {
	ctx := context.Background()
	x, y := block.Number(1), block.Number(2)
	expired := onAt(t, "expired", x, 1, 2, 0)
	expired.Mode, expired.Y, expired.ExpiresAt = binding.ModeAXYB, y, at(time.Hour)
	bind(t, s, expired)
	unbound := onAt(t, "unbound", x, 3, 4, 0)
	unbound.Mode, unbound.Group, unbound.ExpiresAt = binding.ModeGXB, []binding.Number{subscriber(t, 5)}, at(100*time.Hour)
	bind(t, s, unbound)
	if _, err := s.Unbind(ctx, "unbound", at(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	later := onAt(t, "later", x, 90, 91, 10*time.Hour) // of others, alive
	bind(t, s, later)
	for _, c := range []struct {
		what  string
		x     binding.X
		a, b  int
		until time.Duration
	}{
		{"expired, as a", x, 1, 60, time.Hour + rest}, {"expired, as b", x, 61, 1, time.Hour + rest},
		{"on its second number", y, 2, 60, time.Hour + rest}, {"unbound", x, 3, 60, 2*time.Hour + rest},
		{"a member", x, 60, 5, 2*time.Hour + rest}, {"of both", x, 2, 4, 2*time.Hour + rest},
	} {
		wantQuarantine(t, c.what, s.Bind(ctx, onAt(t, "refused", c.x, c.a, c.b, 11*time.Hour)), c.x, at(c.until))
		wantQuarantine(t, c.what+", shortly before", s.Bind(ctx, onAt(t, "refused", c.x, c.a, c.b, c.until-time.Second)), c.x, at(c.until))
	}
	group := onAt(t, "refused", x, 60, 61, 11*time.Hour)
	group.Mode, group.Group = binding.ModeGXB, []binding.Number{subscriber(t, 60), subscriber(t, 2)}
	wantQuarantine(t, "in a group", s.Bind(ctx, group), x, at(time.Hour+rest))
	two := onAt(t, "refused", block.Number(3), 60, 2, 11*time.Hour)
	two.Mode, two.Y = binding.ModeAXYB, x
	wantQuarantine(t, "as second number", s.Bind(ctx, two), x, at(time.Hour+rest))
	bind(t, s, onAt(t, "others", x, 60, 61, 11*time.Hour))
	bind(t, s, onAt(t, "elsewhere", block.Number(4), 1, 3, 11*time.Hour))
	bind(t, s, onAt(t, "in time", x, 1, 5, 2*time.Hour+rest))
	if rows := list(t, s, binding.Filter{X: block.Number(3)}); len(rows) != 0 {
		t.Errorf("refused and written: %s", ids(rows))
	}
}

func quarantineOfTheSame(t *testing.T, s binding.Store, dialled Dialled) {
	ctx := context.Background()
	x := block.Number(1)
	n := 0
	// again binds on x and ends it an hour later, ever later.
	again := func(change ...func(*binding.Binding)) error {
		n++
		b := onAt(t, letters(n), x, 1, 2, time.Duration(n)*time.Hour)
		b.ExpiresAt = b.CreatedAt.Add(time.Hour)
		for _, c := range change {
			c(&b)
		}
		return s.Bind(ctx, b)
	}
	swap := func(b *binding.Binding) { b.A, b.B = b.B, b.A }
	wantError(t, "first", again(), nil)
	wantError(t, "again", again(), nil)
	wantError(t, "the other way round", again(swap), nil)
	dialled(x, subscriber(t, 1), at(5*time.Hour))
	wantError(t, "who dialled in between", again(), nil)
	wantQuarantine(t, "one of them and another", again(func(b *binding.Binding) { b.B = subscriber(t, 3) }), x, at(5*time.Hour+rest))
	wantQuarantine(t, "one more", again(func(b *binding.Binding) {
		b.Mode, b.Group = binding.ModeGXB, []binding.Number{b.A, subscriber(t, 3)}
	}), x, at(5*time.Hour+rest))
	x = block.Number(2)
	group := func(a int, members ...int) func(*binding.Binding) {
		return func(b *binding.Binding) {
			b.Mode, b.A = binding.ModeGXB, subscriber(t, a)
			for _, m := range members {
				b.Group = append(b.Group, subscriber(t, m))
			}
		}
	}
	wantError(t, "group", again(group(10, 10, 11, 12)), nil)
	wantError(t, "group again", again(group(10, 12, 10, 11)), nil)
	wantQuarantine(t, "another member is reached", again(group(11, 10, 11, 12)), x, at(time.Duration(n)*time.Hour+rest))
	wantQuarantine(t, "two of the group", again(func(b *binding.Binding) { b.A, b.B = subscriber(t, 10), subscriber(t, 11) }), x,
		at(time.Duration(n-1)*time.Hour+rest))
}

func quarantineOfCallers(t *testing.T, s binding.Store, dialled Dialled) {
	ctx := context.Background()
	x := block.Number(1)
	dialled(x, subscriber(t, 1), at(time.Hour))
	dialled(x, subscriber(t, 2), at(2*time.Hour))
	dialled(x, subscriber(t, 2), at(4*time.Hour))
	dialled(block.Number(2), subscriber(t, 3), at(5*time.Hour))
	wantQuarantine(t, "as a", s.Bind(ctx, onAt(t, "refused", x, 1, 60, 6*time.Hour)), x, at(time.Hour+rest))
	wantQuarantine(t, "the last time counts", s.Bind(ctx, onAt(t, "refused", x, 60, 2, 6*time.Hour)), x, at(4*time.Hour+rest))
	wantQuarantine(t, "both", s.Bind(ctx, onAt(t, "refused", x, 2, 1, 6*time.Hour)), x, at(4*time.Hour+rest))
	bind(t, s, onAt(t, "others", x, 3, 61, 6*time.Hour))
	bind(t, s, onAt(t, "in time", x, 1, 60, time.Hour+rest+time.Second))
}

func quarantineOfChanges(t *testing.T, s binding.Store, dialled Dialled) {
	ctx := context.Background()
	x := block.Number(1)
	old := onAt(t, "old", x, 1, 2, 0)
	old.ExpiresAt = at(time.Hour)
	bind(t, s, old)
	dialled(x, subscriber(t, 9), at(30*time.Minute))
	bind(t, s, onAt(t, "live", x, 3, 4, 2*time.Hour))
	change := func(to int, after time.Duration) error {
		_, err := s.Change(ctx, "live", func(b *binding.Binding) error {
			b.A, b.UpdatedAt = subscriber(t, to), at(after)
			return nil
		})
		return err
	}
	wantQuarantine(t, "a former party comes", change(1, 3*time.Hour), x, at(time.Hour+rest))
	wantQuarantine(t, "who dialled comes", change(9, 3*time.Hour), x, at(30*time.Minute+rest))
	wantError(t, "another comes", change(5, 3*time.Hour), nil)
	wantQuarantine(t, "who went", s.Bind(ctx, onAt(t, "refused", x, 3, 60, 4*time.Hour)), x, at(3*time.Hour+rest))
	_, err := s.Change(ctx, "live", func(b *binding.Binding) error {
		b.ExpiresAt, b.UpdatedAt = at(1000*time.Hour), at(5*time.Hour)
		return nil
	})
	wantError(t, "nobody comes", err, nil)
	wantError(t, "in time", change(1, time.Hour+rest), nil)
}

func quarantineOfStrangers(t *testing.T, s binding.Store, _ Dialled) {
	ctx := context.Background()
	x := block.Number(1)
	anyone := func(id string, to int, extension string, after time.Duration) binding.Binding {
		b := onAt(t, id, x, to, 0, after)
		b.Mode, b.B, b.Extension, b.ExpiresAt = binding.ModeAX, binding.Number{}, extension, at(after+time.Hour)
		if extension != "" {
			b.Mode = binding.ModeAXE
		}
		return b
	}
	bind(t, s, anyone("first", 1, "", 0))
	wantQuarantine(t, "of another", s.Bind(ctx, anyone("refused", 2, "", 2*time.Hour)), x, at(time.Hour+rest))
	bind(t, s, anyone("extension", 2, "12", 2*time.Hour))
	wantQuarantine(t, "its extension", s.Bind(ctx, anyone("refused", 3, "12", 4*time.Hour)), x, at(3*time.Hour+rest))
	bind(t, s, anyone("another extension", 3, "13", 4*time.Hour))
	bind(t, s, anyone("the same", 1, "", 4*time.Hour))
	bind(t, s, onAt(t, "pair", x, 60, 61, 4*time.Hour))
}

func quarantineOfDraws(t *testing.T, s binding.Store, dialled Dialled) {
	known := make(map[binding.X]bool)
	for n := range 40 {
		b, err := drawFor(t, s, n, func(b *binding.Binding) { b.A, b.ExpiresAt = subscriber(t, 5), at(time.Minute) })
		if err != nil {
			t.Fatal(err)
		}
		known[b.X] = true
	}
	for serial := range 60 {
		dialled(block.Number(serial), subscriber(t, 5), start)
		known[block.Number(serial)] = true
	}
	for n := 100; n < 200; n++ {
		b, err := drawFor(t, s, n, func(b *binding.Binding) { b.B, b.CreatedAt = subscriber(t, 5), at(time.Hour) })
		if err != nil || known[b.X] {
			t.Fatalf("draw %d: %v, %v", n, b.X, err)
		}
	}
}
