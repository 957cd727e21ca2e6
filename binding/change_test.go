package binding_test

import (
	"errors"
	"testing"
	"time"

	"mask700/binding"
)

// revised changes a binding so long after noon.
func revised(t *testing.T, b binding.Binding, after time.Duration, change func(*binding.Binding)) binding.Revision {
	t.Helper()
	r, err := binding.Revise(b, func(b *binding.Binding) error {
		change(b)
		b.UpdatedAt = noon.Add(after)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhoWasBoundAtAMoment(t *testing.T) {
	a, b, c := number(t, digitsA), number(t, digitsB), number(t, digitsC)
	d := number(t, "8613600000004")
	row := pair(t)
	row.Mode, row.A, row.Group, row.Consent = binding.ModeGXB, binding.Number{}, []binding.Number{a}, "first"
	row = revised(t, row, 1, func(b *binding.Binding) { b.Group = append(b.Group, c) }).Binding
	row = revised(t, row, 2, func(b *binding.Binding) { b.Group, b.A = b.Group[1:], c }).Binding
	row = revised(t, row, 3, func(b *binding.Binding) { b.B, b.Consent = d, "second" }).Binding
	for after, want := range map[time.Duration]struct {
		group   []binding.Number
		a, b    binding.Number
		consent string
	}{
		0: {[]binding.Number{a}, binding.Number{}, b, "first"},
		1: {[]binding.Number{a, c}, binding.Number{}, b, "first"},
		2: {[]binding.Number{c}, c, b, "first"},
		3: {[]binding.Number{c}, c, d, "second"},
		9: {[]binding.Number{c}, c, d, "second"},
	} {
		then := row.AsOf(noon.Add(after))
		members := make(map[binding.Number]bool)
		for _, n := range then.Group {
			members[n] = true
		}
		good := len(members) == len(want.group) && then.A == want.a && then.B == want.b && then.Consent == want.consent
		for _, n := range want.group {
			good = good && members[n]
		}
		if !good {
			t.Errorf("after %d: %+v", after, then)
		}
	}
	if len(row.Group) != 1 || row.Group[0] != c {
		t.Errorf("asking changed it: %+v", row)
	}
	for _, n := range []binding.Number{a, b, c, d} {
		if !row.HadParty(n) {
			t.Errorf("%s was a party", n)
		}
	}
	if row.HasParty(a) || row.HadParty(number(t, "8613600000005")) || row.HadParty(binding.Number{}) {
		t.Error("somebody is a party who is none")
	}
	if !row.HadConsent("first") || !row.HadConsent("second") || row.HadConsent("third") {
		t.Error("consents")
	}
}

func TestWhatMakesABindingWider(t *testing.T) {
	expires := noon.Add(time.Hour)
	row := pair(t)
	row.Mode, row.Group, row.A, row.ExpiresAt = binding.ModeGXB, []binding.Number{row.A}, binding.Number{}, expires
	c := number(t, digitsC)
	for name, test := range map[string]struct {
		change         func(*binding.Binding)
		changed, wider bool
	}{
		"nothing":        {func(*binding.Binding) {}, false, false},
		"zone of a time": {func(b *binding.Binding) { b.ExpiresAt = expires.In(time.FixedZone("", 3600)) }, false, false},
		"empty list":     {func(b *binding.Binding) { b.Changes = []binding.Change{} }, false, false},
		"another text":   {func(b *binding.Binding) { b.Data = "x" }, true, false},
		"one way":        {func(b *binding.Binding) { b.OneWay = binding.OneWayAToB }, true, false},
		"another B":      {func(b *binding.Binding) { b.B = c }, true, true},
		"one more":       {func(b *binding.Binding) { b.Group = append(b.Group, c) }, true, true},
		"one less":       {func(b *binding.Binding) { b.Group = nil }, true, false},
		"consent":        {func(b *binding.Binding) { b.Consent = "x" }, true, false},
		"longer":         {func(b *binding.Binding) { b.ExpiresAt = expires.Add(1) }, true, true},
		"for ever":       {func(b *binding.Binding) { b.ExpiresAt = time.Time{} }, true, true},
		"shorter":        {func(b *binding.Binding) { b.ExpiresAt = expires.Add(-1) }, true, false},
		"ended":          {func(b *binding.Binding) { b.EndedAt = noon }, true, false},
	} {
		r := revised(t, row, 0, test.change)
		if r.Changed != test.changed || r.Wider != test.wider {
			t.Errorf("%s: changed %v, wider %v", name, r.Changed, r.Wider)
		}
	}
}

func TestChangeBeforeItsBindingIsOfItsBeginning(t *testing.T) {
	row := pair(t)
	r := revised(t, row, -2*time.Hour, func(b *binding.Binding) { b.Data = "x" })
	if !r.From.Equal(row.CreatedAt) || !r.UpdatedAt.Equal(row.CreatedAt) {
		t.Errorf("from %v, updated %v", r.From, r.UpdatedAt)
	}
}

func TestChangeOfWhatHasEnded(t *testing.T) {
	row := pair(t)
	row.EndedAt = noon
	_, err := binding.Revise(row, func(b *binding.Binding) error {
		b.EndedAt, b.UpdatedAt = time.Time{}, noon.Add(-1)
		return nil
	})
	if !errors.Is(err, binding.ErrFixed) {
		t.Errorf("an end that is taken back: %v", err)
	}
}
