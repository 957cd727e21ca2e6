package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mask700/binding"
)

// past is what a store says of a question.
func past(t testing.TB, s binding.Store, q binding.HistoryQuery) []binding.Holding {
	t.Helper()
	var all []binding.Holding
	err := s.History(context.Background(), q, func(h binding.Holding) error {
		all = append(all, h)
		return nil
	})
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	return all
}

// history asks every question about every moment at which something changes, and a nanosecond beside it.
func history(t *testing.T, s binding.Store) {
	ctx := context.Background()
	hold(t, s, block)
	var all []binding.Binding
	moments := []time.Time{{}, at(-time.Hour)}
	for i := range 40 {
		b := pair(t, letters(i*7%40), block.Number(i%5), i)
		b.A = subscriber(t, 1000+i%3)
		b.Order, b.Consent = []string{"red", "blue"}[i%2], []string{"", "signed", "told"}[i%3]
		b.CreatedAt = at(time.Duration(i) * time.Minute)
		switch i % 4 {
		case 0:
			b.ExpiresAt = b.CreatedAt.Add(90 * time.Second)
		case 1:
			b.ExpiresAt = b.CreatedAt.Add(48 * time.Hour)
		case 2:
			b.ExpiresAt = b.CreatedAt.Add(30*time.Second + time.Nanosecond)
		}
		if i%6 == 0 {
			b.Mode, b.Y = binding.ModeAXYB, block.Number(100+i)
		}
		if i%4 == 3 { // it never expires: nobody may be on it twice
			b.A, b.X = subscriber(t, 3000+i), block.Number(10+i)
		}
		if i%4 == 1 {
			b.X = block.Number(60 + i)
		}
		bind(t, s, b)
		if i%8 != 3 && i%4 != 0 {
			var err error
			if b, err = s.Unbind(ctx, b.ID, b.CreatedAt.Add(20*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, b)
		if i%9 == 0 {
			moments = append(moments, b.CreatedAt, b.CreatedAt.Add(20*time.Second), b.CreatedAt.Add(30*time.Second))
		}
	}
	slices.SortFunc(all, func(a, b binding.Binding) int { return b.CreatedAt.Compare(a.CreatedAt) })
	questions := map[string]binding.HistoryQuery{
		"X": {X: block.Number(2)}, "Y": {X: block.Number(106)}, "X of one": {X: block.Number(10 + 3)}, "free X": {X: block.Number(99)},
		"caller": {Number: subscriber(t, 1001)}, "callee": {Number: subscriber(t, 11)}, "nobody": {Number: subscriber(t, 77777)},
		"one who stays": {Number: subscriber(t, 3003)},
		"order":         {Order: "red"}, "no order": {Order: "re"}, "consent": {Consent: "signed"}, "no consent": {Consent: "red"},
	}
	found := 0
	for name, q := range questions {
		for _, since := range moments {
			for _, until := range moments {
				for _, shift := range []time.Duration{-1, 0, 1} {
					q.Since, q.Until = since, until
					if !until.IsZero() {
						q.Until = until.Add(shift)
					}
					if q.Check() != nil {
						continue
					}
					var want []string
					for _, b := range all {
						for range q.Holdings(&b) {
							want = append(want, b.ID)
						}
					}
					var got []string
					for _, h := range past(t, s, q) {
						got = append(got, h.Binding.ID)
					}
					found += len(got)
					if !slices.Equal(got, want) {
						t.Errorf("%s from %v to %v: %v, want %v", name, q.Since, q.Until, got, want)
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing was ever found")
	}
	for _, b := range all[:10] {
		during := b.CreatedAt.Add(time.Second)
		q := binding.HistoryQuery{X: b.X}.At(during)
		if got := past(t, s, q); len(got) != 1 || !same(got[0].Binding, b) {
			t.Errorf("%s a second after it began: %+v", b.ID, got)
		}
	}
	q := questions["order"]
	q.Limit = 3
	if got := past(t, s, q); len(got) != 3 {
		t.Errorf("%d of at most 3", len(got))
	}
}

// changedHistory: after a change of a party or the consent it is told who was there before, and from when to when.
func changedHistory(t *testing.T, s binding.Store) {
	hold(t, s, block)
	b := pair(t, "it", block.Number(1), 1)
	b.Consent = "first"
	bind(t, s, b)
	before, after := b.A, subscriber(t, 99)
	changed(t, s, "it", time.Minute, func(b *binding.Binding) { b.A = after })
	changed(t, s, "it", 2*time.Minute, func(b *binding.Binding) { b.Consent, b.ExpiresAt = "second", at(72*time.Hour) })
	if _, err := s.Unbind(context.Background(), "it", at(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	m := func(n int) time.Time { return at(time.Duration(n) * time.Minute) }
	type stretch struct {
		from, to int
		a        binding.Number
	}
	first, middle, last := stretch{0, 1, before}, stretch{1, 2, after}, stretch{2, 3, after}
	for name, c := range map[string]struct {
		q    binding.HistoryQuery
		want []stretch
	}{
		"X":                   {binding.HistoryQuery{X: b.X}, []stretch{last, middle, first}},
		"X before the change": {binding.HistoryQuery{X: b.X}.At(m(1).Add(-1)), []stretch{first}},
		"X at the change":     {binding.HistoryQuery{X: b.X}.At(m(1)), []stretch{middle}},
		"X at the end":        {binding.HistoryQuery{X: b.X}.At(m(3)), nil},
		"who went":            {binding.HistoryQuery{Number: before}, []stretch{first}},
		"who went, later":     {binding.HistoryQuery{Number: before, Since: m(1)}, nil},
		"who came":            {binding.HistoryQuery{Number: after}, []stretch{last, middle}},
		"who came, before":    {binding.HistoryQuery{Number: after, Until: m(1)}, nil},
		"who stayed":          {binding.HistoryQuery{Number: b.B, Since: m(1), Until: m(2)}, []stretch{middle}},
		"consent":             {binding.HistoryQuery{Consent: "second"}, []stretch{last}},
		"consent of before":   {binding.HistoryQuery{Consent: "first"}, []stretch{middle, first}},
		"order":               {binding.HistoryQuery{Order: b.Order, Limit: 2}, []stretch{last, middle}},
	} {
		var got []stretch
		for _, h := range past(t, s, c.q) {
			got = append(got, stretch{int(h.From.Sub(start) / time.Minute), int(h.To.Sub(start) / time.Minute), h.Binding.A})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// longHistory goes through more than what is read at a time, some of it made in one nanosecond.
func longHistory(t *testing.T, s binding.Store) {
	hold(t, s, block)
	const n = 700
	courier := subscriber(t, 5000)
	for i := range n {
		b := pair(t, letters(i), block.Number(i), i)
		b.A, b.Order = courier, "round"
		b.CreatedAt = at(time.Duration(i/3) * time.Minute)
		b.ExpiresAt = b.CreatedAt.Add(10 * time.Minute)
		bind(t, s, b)
	}
	for _, q := range []binding.HistoryQuery{{Number: courier}, {Order: "round"}} {
		got := past(t, s, q)
		if len(got) != n {
			t.Fatalf("%d in all, want %d", len(got), n)
		}
		seen := make(map[string]bool)
		for i, h := range got {
			if seen[h.Binding.ID] || i > 0 && h.From.After(got[i-1].From.Add(time.Millisecond)) {
				t.Errorf("row %d is %s, which began at %v", i, h.Binding.ID, h.From)
			}
			seen[h.Binding.ID] = true
		}
		if got := past(t, s, q.At(at(30*time.Minute))); len(got) != 30 {
			t.Errorf("%d at one moment, want 30", len(got))
		}
	}
	for _, q := range []binding.HistoryQuery{{Number: courier}, {Order: "round"}, {Number: courier, Until: at(60 * time.Minute)}, {X: block.Number(7)}} {
		pagedHistory(t, s, q)
	}
	stop := errors.New("enough")
	err := s.History(context.Background(), binding.HistoryQuery{Number: courier}, func(binding.Holding) error { return stop })
	wantError(t, "history that was ended", err, stop)
}

// pagedHistory: page by page it is the same as at once, whatever is bound or changed meanwhile that is newer.
func pagedHistory(t *testing.T, s binding.Store, q binding.HistoryQuery) {
	t.Helper()
	type row struct {
		id   string
		from time.Time
	}
	var want, got []row
	for _, h := range past(t, s, q) {
		want = append(want, row{h.Binding.ID, h.From})
	}
	for n := 1; ; n++ {
		q.Limit = 1 + n*37%97
		page := past(t, s, q)
		for _, h := range page {
			got = append(got, row{h.Binding.ID, h.From})
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1].Cursor
		if n == 1 && q.Order != "" {
			b := pair(t, "newer", block.Number(9000), 9000)
			b.Order, b.CreatedAt = q.Order, at(1000*time.Hour)
			bind(t, s, b)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d in pages, %d at once", len(got), len(want))
	}
}

// changedInPages: of a binding that was changed each stretch comes once, and a change that comes between two pages is newer
// than all that were seen.
func changedInPages(t *testing.T, s binding.Store) {
	hold(t, s, block)
	b := pair(t, "changing", block.Number(1), 1)
	b.Consent, b.CreatedAt, b.ExpiresAt = "0", start, at(100*time.Hour)
	bind(t, s, b)
	change := func(n int) {
		t.Helper()
		changed(t, s, b.ID, time.Duration(n)*time.Hour, func(b *binding.Binding) { b.Consent = fmt.Sprint(n) })
	}
	for n := range 4 {
		change(n + 1)
	}
	var got []string
	for q := (binding.HistoryQuery{X: b.X, Limit: 2}); ; {
		page := past(t, s, q)
		for _, h := range page {
			got = append(got, h.Binding.Consent)
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[1].Cursor
		change(10 + len(got))
	}
	if want := []string{"4", "3", "2", "1", "0"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func badHistory(t *testing.T, s binding.Store) {
	for name, q := range map[string]binding.HistoryQuery{
		"no cursor": {Order: "o", After: "x y"},
		"nothing":   {}, "two things": {X: block.Number(1), Order: "o"},
		"a window that ends first":  {Order: "o", Since: at(time.Hour), Until: start},
		"a window without a moment": {Order: "o", Since: start, Until: start},
	} {
		err := s.History(context.Background(), q, func(binding.Holding) error { return nil })
		if !errors.As(err, new(*binding.FieldError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, q := range []binding.HistoryQuery{
		{X: block.Number(1), Until: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)},
		{X: block.Number(1), Since: time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got := past(t, s, q); len(got) != 0 {
			t.Errorf("%d outside of all time", len(got))
		}
	}
}
