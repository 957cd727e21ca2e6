package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mask700/binding"
)

func listFilters(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	var all []binding.Binding
	for i := range 40 {
		b := pair(t, letters(i*7%40), block.Number(i%5), i)
		b.A = subscriber(t, 1000+i%3) // few callers, each on many numbers
		b.Order = []string{"red", "blue", ""}[i%3%2+i%2]
		b.CreatedAt = at(time.Duration(i) * time.Minute)
		b.ExpiresAt = b.CreatedAt.Add(30 * time.Second)
		if i%4 == 0 {
			b.Mode, b.Group = binding.ModeGXB, []binding.Number{subscriber(t, 2000), subscriber(t, 1000)}
		}
		if i%6 == 0 {
			b.Mode, b.Y = binding.ModeAXYB, block.Number(100+i)
		}
		if i%8 == 0 {
			b.Consent = "yes"
		}
		bind(t, s, b)
		if i%8 == 3 { // somebody goes, and so does the consent
			var err error
			b, err = s.Change(ctx, b.ID, func(b *binding.Binding) error {
				b.B, b.Consent, b.UpdatedAt = subscriber(t, 3000+i), "once "+b.Consent, b.CreatedAt.Add(time.Second/4)
				return nil
			})
			if err == nil && i == 3 {
				b, err = s.Change(ctx, b.ID, func(b *binding.Binding) error {
					b.Consent, b.UpdatedAt = "at last", b.CreatedAt.Add(time.Second/3)
					return nil
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if i%5 == 0 {
			var err error
			if b, err = s.Unbind(ctx, b.ID, b.CreatedAt.Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, b)
	}
	for name, f := range map[string]binding.Filter{
		"all":                   {},
		"caller":                {Number: subscriber(t, 1001)},
		"member":                {Number: subscriber(t, 2000)},
		"member or caller":      {Number: subscriber(t, 1000)},
		"callee":                {Number: subscriber(t, 11)},
		"nobody":                {Number: subscriber(t, 77777)},
		"X":                     {X: block.Number(2)},
		"Y":                     {X: block.Number(106)},
		"free X":                {X: block.Number(99)},
		"order":                 {Order: "red"},
		"part of an order":      {Order: "re"},
		"no order":              {Order: "green"},
		"live":                  {LiveAt: at(10*time.Minute + time.Second/2)},
		"live, one was ended":   {LiveAt: at(10*time.Minute + 2*time.Second)},
		"nobody lives":          {LiveAt: at(10*time.Minute + 31*time.Second)},
		"caller on X":           {Number: subscriber(t, 1002), X: block.Number(2)},
		"caller of order":       {Number: subscriber(t, 1000), Order: "blue"},
		"X of order":            {X: block.Number(1), Order: "blue"},
		"live on X":             {X: block.Number(3), LiveAt: at(13 * time.Minute)},
		"limit":                 {Limit: 7},
		"limit of a caller":     {Number: subscriber(t, 1000), Limit: 3},
		"limit over all":        {Limit: 1000},
		"after":                 {After: letters(20)},
		"after none":            {After: "zzz"},
		"after what is not":     {After: letters(20) + "x"},
		"caller after":          {Number: subscriber(t, 1000), After: letters(20), Limit: 2},
		"X after":               {X: block.Number(2), After: letters(20), Limit: 1},
		"consent":               {Consent: "yes"},
		"former consent":        {Consent: "once "},
		"no consent":            {Consent: "no"},
		"former callee":         {Number: subscriber(t, 7)},
		"callee now":            {Number: subscriber(t, 3003)},
		"callee who went":       {Number: subscriber(t, 7), LiveAt: at(3*time.Minute + time.Second/2)},
		"callee before":         {Number: subscriber(t, 7), LiveAt: at(3*time.Minute + time.Second/8)},
		"callee too early":      {Number: subscriber(t, 3003), LiveAt: at(3*time.Minute + time.Second/8)},
		"Y after":               {X: block.Number(106), After: letters(39)},
		"order after another's": {Order: "red", After: letters(7)}, // which is blue
	} {
		after := binding.Binding{ID: f.After}
		if i := slices.IndexFunc(all, func(b binding.Binding) bool { return b.ID == f.After }); i >= 0 {
			after = all[i]
		}
		slices.SortFunc(all, func(a, b binding.Binding) int { return f.Listed(&a, &b) })
		var want []binding.Binding
		for _, b := range all {
			if f.Match(&b) && (f.After == "" || f.Listed(&b, &after) > 0) && (f.Limit == 0 || len(want) < f.Limit) {
				want = append(want, b)
			}
		}
		got := list(t, s, f)
		if ids(got) != ids(want) {
			t.Errorf("%s: %s\nwant %s", name, ids(got), ids(want))
			continue
		}
		for i := range got {
			if !same(got[i], want[i]) {
				t.Errorf("%s: %+v\nwant %+v", name, got[i], want[i])
			}
		}
	}
	gone := binding.Filter{Order: "red", After: letters(20) + "x"}
	wantError(t, "a page behind what is not there", s.List(ctx, gone, func(binding.Binding) error { return nil }), binding.ErrCursor)
}

func listPages(t *testing.T, s binding.Store) {
	hold(t, s, block)
	const n = 700
	caller := subscriber(t, 99999)
	for i := range n {
		b := pair(t, letters(i*331%n), block.Number(i), i)
		b.A = caller
		b.CreatedAt = at(-time.Duration(i*331%n) * time.Second) // so that either order is the same
		bind(t, s, b)
	}
	for name, f := range map[string]binding.Filter{"all": {}, "of a caller": {Number: caller}} {
		if got := len(list(t, s, f)); got != n {
			t.Errorf("%s: %d in one list, want %d", name, got, n)
		}
		f.Limit = 100
		seen := 0
		for {
			rows := list(t, s, f)
			if len(rows) == 0 {
				break
			}
			for _, b := range rows {
				if b.ID != letters(seen) {
					t.Fatalf("%s: row %d is %s", name, seen, b.ID)
				}
				seen++
			}
			f.After = rows[len(rows)-1].ID
		}
		if seen != n {
			t.Errorf("%s: %d in pages, want %d", name, seen, n)
		}
	}
}

func listEnds(t *testing.T, s binding.Store) {
	hold(t, s, block)
	for i := range 5 {
		bind(t, s, pair(t, letters(i), block.Number(i), i))
	}
	enough := errors.New("enough")
	n := 0
	err := s.List(context.Background(), binding.Filter{}, func(b binding.Binding) error {
		// The list must not hold what the store needs for other work.
		if _, err := s.Binding(context.Background(), b.ID); err != nil {
			t.Error(err)
		}
		if _, err := s.Unbind(context.Background(), b.ID, at(time.Minute)); err != nil {
			t.Error(err)
		}
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if err != enough || n != 3 {
		t.Errorf("ended after %d rows with %v", n, err)
	}
}
