package binding_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mask700/binding"
)

// lately answers who called last.
type lately struct {
	caller binding.Number
	err    error
	asked  []string
	since  time.Time
	called binding.Number
}

func (l *lately) LastCaller(_ context.Context, id string, called binding.Number, since time.Time) (binding.Number, error) {
	l.asked, l.called, l.since = append(l.asked, id), called, since
	return l.caller, l.err
}

// TestTheMembersInTurn: the one named rings first, else the first of the group, and then the others in their order.
func TestTheMembersInTurn(t *testing.T) {
	a, b, d := number(t, digitsA), number(t, digitsB), number(t, digitsD)
	for _, mode := range []binding.Mode{binding.ModeGXB, binding.ModeGXYB} {
		for name, c := range map[string]struct {
			named binding.Number
			rings []binding.Number
		}{
			"nobody is named":    {binding.Number{}, []binding.Number{a, d}},
			"the first is named": {a, []binding.Number{a, d}},
			"the last is named":  {d, []binding.Number{d, a}},
		} {
			row := row(t, func(r *binding.Binding) {
				r.Mode, r.A, r.B, r.Group, r.Back, r.Y = mode, c.named, b, []binding.Number{a, d}, binding.BackInTurn, y
			})
			dialled := x
			if mode == binding.ModeGXYB {
				dialled = y
			}
			got := binding.Resolve(binding.Query{Dialled: dialled, Caller: b, At: noon}, true, []binding.Binding{row})
			if got.Refusal != "" || !slices.Equal(append([]binding.Number{got.Edge.Callee}, got.Binding.Next(got.Edge)...), c.rings) {
				t.Errorf("%s, %s: refused as %q, %d ring after the first", mode, name, got.Refusal, len(row.Next(got.Edge)))
			}
			if got := binding.Resolve(binding.Query{Dialled: x, Caller: a, At: noon}, true, []binding.Binding{row}); got.Edge.Callee != b || got.Binding.Next(got.Edge) != nil {
				t.Errorf("%s, %s: a member's call goes elsewhere", mode, name)
			}
			row.OneWay = binding.OneWayAToB
			if got := binding.Resolve(binding.Query{Dialled: dialled, Caller: b, At: noon}, true, []binding.Binding{row}); got.Refusal != binding.RefusalOneWay {
				t.Errorf("%s, %s: one-way: %q", mode, name, got.Refusal)
			}
			row.OneWay = binding.BothWays
			legs := row.View(noon).Legs
			if last := legs[len(legs)-1]; len(last.Then) != 1 || last.Then[0] != c.rings[1].Masked() {
				t.Errorf("%s, %s: the legs say %v", mode, name, last.Then)
			}
		}
	}
}

// TestWhoCalledLast: a call back reaches who called last, else the one named, else nobody.
func TestWhoCalledLast(t *testing.T) {
	a, b, d, stranger := number(t, digitsA), number(t, digitsB), number(t, digitsD), number(t, digitsC)
	none := binding.Number{}
	group := row(t, func(r *binding.Binding) {
		r.Mode, r.A, r.Group, r.Back = binding.ModeGXB, none, []binding.Number{a, d}, binding.BackLast
	})
	named := group
	named.A = a
	open := row(t, func(r *binding.Binding) { r.Mode, r.A, r.B, r.Back = binding.ModeAX, b, none, binding.BackLast })
	for name, c := range map[string]struct {
		row    binding.Binding
		last   binding.Number
		callee binding.Number // none: refused
	}{
		"a member":                    {group, d, d},
		"nobody":                      {group, none, none},
		"one who is a member no more": {group, stranger, none},
		"nobody, one is named":        {named, none, a},
		"a member, another is named":  {named, d, d},
		"a stranger":                  {open, stranger, stranger},
		"no stranger":                 {open, none, none},
		"itself":                      {open, b, none},
	} {
		q := binding.Query{Dialled: x, Caller: b, At: noon, Strangers: true}
		got := binding.Resolve(q, true, []binding.Binding{c.row})
		calls := &lately{caller: c.last}
		if err := got.CallBack(context.Background(), &q, calls, time.Hour); err != nil {
			t.Fatal(err)
		}
		want := binding.RefusalNone
		if c.callee.IsZero() {
			want = binding.RefusalOneWay
		}
		if got.Refusal != want || got.Edge.Callee != c.callee || got.Binding == nil {
			t.Errorf("%s: refused as %q, want %q; callee %v, want %v", name, got.Refusal, want, got.Edge.Callee, c.callee)
		}
		if !slices.Equal(calls.asked, []string{c.row.ID}) || calls.called != b || !calls.since.Equal(noon.Add(-time.Hour)) {
			t.Errorf("%s: asked about %v since %v", name, calls.asked, calls.since)
		}
	}
	if legs := group.View(noon).Legs; legs[len(legs)-1].Rings != binding.LastCaller {
		t.Errorf("the legs say %q", legs[len(legs)-1].Rings)
	}
	if legs := named.View(noon).Legs; legs[len(legs)-1].Rings != a.Masked() {
		t.Errorf("the legs say %q", legs[len(legs)-1].Rings)
	}

	// Other calls ask for nothing, without an answer nothing is decided, and where nobody keeps calls nobody has called.
	q := binding.Query{Dialled: x, Caller: a, At: noon}
	got, calls := binding.Resolve(q, true, []binding.Binding{group}), &lately{err: errors.New("stalled")}
	if err := got.CallBack(context.Background(), &q, calls, 0); err != nil || len(calls.asked) > 0 || got.Edge.Callee != b {
		t.Errorf("a member's call: %v, asked %d times", err, len(calls.asked))
	}
	q.Caller = b
	got = binding.Resolve(q, true, []binding.Binding{group})
	if err := got.CallBack(context.Background(), &q, calls, 0); err == nil || !calls.since.Equal(noon.Add(-binding.DefaultCallBack)) {
		t.Errorf("without an answer: %v, since %v", err, calls.since)
	}
	if err := got.CallBack(context.Background(), &q, nil, 0); err != nil || got.Refusal != binding.RefusalOneWay {
		t.Errorf("where nobody keeps calls: %v, %q", err, got.Refusal)
	}
}
