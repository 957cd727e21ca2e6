package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

// AheadStore is a store that does not believe a clock which jumps more than a day ahead, until somebody says that it is right.
type AheadStore interface {
	binding.Store
	binding.BarStore
	ConfirmClock() error
}

// ClockAhead tests that a clock which is set far ahead ends no quarantine and no entry of a block list, since it may be set
// back. open returns an empty store with a quarantine, under a clock and what time has gone by meanwhile.
func ClockAhead(t *testing.T, open func(t *testing.T, now func() time.Time, gone func() time.Duration, rest time.Duration) (AheadStore, Dialled)) {
	const days, long, jump = 24 * time.Hour, 10 * 24 * time.Hour, 300 * 24 * time.Hour
	ctx, c := context.Background(), NewClock()
	gone := time.Duration(0)
	s, dialled := open(t, c.Now, func() time.Duration { return gone }, long)
	hold(t, s, block)
	x, y := block.Number(1), block.Number(2)
	bind(t, s, onAt(t, "left", x, 1, 2, 0))
	if _, err := s.Unbind(ctx, "left", at(time.Minute)); err != nil {
		t.Fatal(err)
	}
	dialled(y, subscriber(t, 3), at(0))
	bar := func(n int) binding.Bar {
		b := binding.Bar{
			ID: "bar" + letters(n), Number: subscriber(t, 10), Peer: subscriber(t, 1000+n), Direction: binding.BarFrom, CreatedAt: c.Now(),
		}
		if n < binding.MaxBarsOnNumber {
			b.Until = at(3 * days)
		}
		return b
	}
	for n := range binding.MaxBarsOnNumber {
		addBar(t, s, bar(n))
	}

	c.set(jump)
	wantQuarantine(t, "who left", s.Bind(ctx, onAt(t, "early", x, 1, 50, jump)), x, at(time.Minute+long))
	wantQuarantine(t, "who dialled", s.Bind(ctx, onAt(t, "early", y, 3, 51, jump)), y, at(long))
	_, err := s.AddBar(ctx, bar(binding.MaxBarsOnNumber))
	wantError(t, "an entry in the place of those that stand", err, binding.ErrManyBars)
	bind(t, s, onAt(t, "others", y, 60, 61, jump)) // who knows neither number
	if _, err := s.Unbind(ctx, "others", c.Now()); err != nil {
		t.Fatal(err)
	}

	c.set(time.Hour) // it is put right
	gone = time.Hour
	for n := range binding.MaxBarsOnNumber {
		_, ok, err := s.Barred(ctx, subscriber(t, 10), subscriber(t, 1000+n), "", c.Now())
		if err != nil || !ok {
			t.Fatalf("entry %d bars nobody any more, %v", n, err)
		}
	}

	// As much time passes as it says.
	c.set(long + days)
	gone = long + days
	bind(t, s, onAt(t, "in time", x, 1, 50, long+days))
	addBar(t, s, bar(binding.MaxBarsOnNumber))
	if _, err := s.Bar(ctx, bar(0).ID); !errors.Is(err, binding.ErrNoBar) {
		t.Errorf("an entry that is over did not leave for another: %v", err)
	}

	// Nobody asked for a year, as after a stop; it is the operator's to say that the clock is right.
	c.set(jump)
	dialled(y, subscriber(t, 4), at(jump-long-days))
	wantQuarantine(t, "after a stop", s.Bind(ctx, onAt(t, "stopped", y, 4, 52, jump)), y, at(jump-days))
	if err := s.ConfirmClock(); err != nil {
		t.Fatal(err)
	}
	bind(t, s, onAt(t, "confirmed", y, 4, 52, jump))
}
