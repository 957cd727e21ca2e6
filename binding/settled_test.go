package binding_test

import (
	"slices"
	"testing"
	"time"

	"mask700/binding"
)

// TestSettled: what was bound and unbound by a clock that was set back is so for a call that comes now.
func TestSettled(t *testing.T) {
	later := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
	ahead := func(change ...func(*binding.Binding)) binding.Binding {
		b := pair(t)
		b.ID, b.CreatedAt = "ahead", later(5)
		for _, c := range change {
			c(&b)
		}
		return b
	}
	other := func(change ...func(*binding.Binding)) binding.Binding {
		b := pair(t)
		b.ID, b.B = "other", number(t, digitsC)
		for _, c := range change {
			c(&b)
		}
		return b
	}
	strangers := func(b *binding.Binding) { b.B, b.A = number(t, digitsD), number(t, digitsC) }
	for name, test := range map[string]struct {
		rows []binding.Binding
		want string // the binding that carries a call of A, and one of B
	}{
		"ahead":                      {[]binding.Binding{ahead()}, "ahead"},
		"by a day":                   {[]binding.Binding{ahead(func(b *binding.Binding) { b.CreatedAt = later(24) })}, "ahead"},
		"by more":                    {[]binding.Binding{ahead(func(b *binding.Binding) { b.CreatedAt = later(24).Add(1) })}, ""},
		"and expires":                {[]binding.Binding{ahead(func(b *binding.Binding) { b.ExpiresAt = later(6) })}, "ahead"},
		"and has expired since":      {[]binding.Binding{ahead(func(b *binding.Binding) { b.ExpiresAt = noon })}, ""},
		"and was unbound by it":      {[]binding.Binding{ahead(func(b *binding.Binding) { b.EndedAt = later(6) })}, ""},
		"and was unbound since":      {[]binding.Binding{ahead(func(b *binding.Binding) { b.EndedAt = noon.Add(-1) })}, ""},
		"unbound by it":              {[]binding.Binding{ahead(func(b *binding.Binding) { b.CreatedAt, b.EndedAt = later(-1), later(1) })}, ""},
		"and others live":            {[]binding.Binding{ahead(), other(strangers)}, "ahead"},
		"and one's other is over":    {[]binding.Binding{ahead(), other(func(b *binding.Binding) { b.EndedAt = later(-1) })}, "ahead"},
		"and one's other is so, too": {[]binding.Binding{other(func(b *binding.Binding) { b.CreatedAt = later(7) }), ahead(func(b *binding.Binding) { b.ExpiresAt = later(6) })}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, who := range []string{digitsA, digitsB} {
				q := binding.Query{Dialled: x, Caller: number(t, who), At: noon}
				rows := slices.Clone(test.rows)
				d := binding.Resolve(q, true, binding.Settled(rows, &q))
				got := ""
				if d.Refusal == binding.RefusalNone {
					got = d.Binding.ID
				}
				if got != test.want {
					t.Errorf("%q carries a call, want %q", got, test.want)
				}
			}
		})
	}
	// What the clock of now has bound goes first, and who was bound with her before does not get to her.
	rows := []binding.Binding{ahead(), other(func(b *binding.Binding) { b.ExpiresAt = later(1) })}
	for who, want := range map[string]string{digitsA: "other", digitsB: "", digitsC: "other"} {
		q := binding.Query{Dialled: x, Caller: number(t, who), At: noon}
		if d := binding.Resolve(q, true, binding.Settled(slices.Clone(rows), &q)); (d.Refusal == "") != (want != "") || want != "" && d.Binding.ID != want {
			t.Errorf("want %q: %+v", want, d.Refusal)
		}
	}
	// An extension is asked for, and taken.
	a := ahead(func(b *binding.Binding) {
		b.Mode, b.B, b.Extension = binding.ModeAXE, binding.Number{}, "12"
	})
	for extension, callee := range map[string]binding.Number{"": {}, "12": a.A} {
		q := binding.Query{Dialled: x, Extension: extension, Caller: number(t, digitsC), At: noon, Strangers: true}
		d := binding.Resolve(q, true, binding.Settled([]binding.Binding{a}, &q))
		if d.Edge.Callee != callee || extension == "" && !d.Extensions.Has(2) {
			t.Errorf("extension %q: %+v", extension, d.Refusal)
		}
	}
}
