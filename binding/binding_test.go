package binding_test

import (
	"fmt"
	"testing"
	"time"

	"mask700/binding"
)

// The people, the number and the moment of the tests.
const (
	digitsA = "8613800000001"
	digitsB = "8613900000002"
	digitsC = "8613700000003"

	block = binding.Block(70010000001)
	x     = binding.X(700100000010007)
	y     = binding.X(700100000010008)
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pair is a live binding of A and B on x, made an hour before noon.
func pair(t testing.TB) binding.Binding {
	t.Helper()
	return binding.Binding{
		ID: "pair", Mode: binding.ModeAXB, X: x, A: number(t, digitsA), B: number(t, digitsB),
		Order: "order", Tenant: binding.DefaultTenant, CreatedAt: noon.Add(-time.Hour),
	}
}

func TestState(t *testing.T) {
	const (
		pending = binding.StatePending
		live    = binding.StateLive
		expired = binding.StateExpired
		unbound = binding.StateUnbound
	)
	made := noon
	after := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	never := time.Time{}
	for name, test := range map[string]struct {
		expires, ended time.Time
		at             time.Time
		want           binding.State
	}{
		"before it was made":          {never, never, made.Add(-1), pending},
		"when it was made":            {never, never, made, live},
		"much later":                  {never, never, after(1e6), live},
		"before expiry":               {after(10), never, after(10).Add(-1), live},
		"at expiry":                   {after(10), never, after(10), expired},
		"after expiry":                {after(10), never, after(11), expired},
		"before it was unbound":       {never, after(10), after(9), live},
		"when it was unbound":         {never, after(10), after(10), unbound},
		"after it was unbound":        {never, after(10), after(11), unbound},
		"unbound, then expiry passed": {after(20), after(10), after(30), unbound},
		"unbound, expiry to come":     {after(20), after(10), after(15), unbound},
		"expired, then unbound":       {after(10), after(20), after(30), expired},
		"expired, unbinding to come":  {after(10), after(20), after(15), expired},
		"unbound at its expiry":       {after(10), after(10), after(10), expired},
		"unbound at once":             {never, made, made, unbound},
		"unbound later, asked before": {after(10), after(5), made.Add(-1), pending},
		"in another zone":             {after(10), never, after(10).In(time.FixedZone("", 8*3600)), expired},
	} {
		b := binding.Binding{CreatedAt: made, ExpiresAt: test.expires, EndedAt: test.ended}
		if got := b.State(test.at); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestHasParty(t *testing.T) {
	a, b, c := number(t, digitsA), number(t, digitsB), number(t, digitsC)
	axb := pair(t)
	group := binding.Binding{Mode: binding.ModeGXB, Group: []binding.Number{a, c}, B: b}
	for _, test := range []struct {
		binding binding.Binding
		n       binding.Number
		want    bool
	}{
		{axb, a, true}, {axb, b, true}, {axb, c, false}, {axb, binding.Number{}, false},
		{group, a, true}, {group, c, true}, {group, b, true}, {group, number(t, secret), false},
		{group, binding.Number{}, false}, // its A is the zero Number, which is nobody
	} {
		if got := test.binding.HasParty(test.n); got != test.want {
			t.Errorf("%s in mode %s: %v, want %v", test.n, test.binding.Mode, got, test.want)
		}
	}
}

func TestSharesParty(t *testing.T) {
	a, b, c, d := number(t, digitsA), number(t, digitsB), number(t, digitsC), number(t, secret)
	of := func(one, other binding.Number, group ...binding.Number) *binding.Binding {
		return &binding.Binding{A: one, B: other, Group: group}
	}
	var nobody binding.Number
	for i, test := range []struct {
		one, other *binding.Binding
		want       bool
	}{
		{of(a, b), of(a, b), true},
		{of(a, b), of(b, a), true},
		{of(a, b), of(c, a), true},
		{of(a, b), of(c, d), false},
		{of(a, b), of(nobody, c, d, b), true},
		{of(nobody, c, d, b), of(a, b), true},
		{of(nobody, a, b), of(nobody, c, d), false},
		{of(nobody, a, b, c), of(nobody, d, b), true},
		{of(a, nobody), of(b, nobody), false},
	} {
		if got := test.one.SharesParty(test.other); got != test.want {
			t.Errorf("%d: %v, want %v", i, got, test.want)
		}
	}
}

func TestOnX(t *testing.T) {
	b := binding.Binding{X: x, Y: y}
	if !b.OnX(x) || !b.OnX(y) || b.OnX(700100000010009) {
		t.Error("a binding is on the wrong numbers")
	}
	single := binding.Binding{X: x}
	if single.OnX(0) {
		t.Error("a binding without Y is on no number")
	}
}

func TestBindingPrintsMasked(t *testing.T) {
	b := pair(t)
	b.A = number(t, secret)
	b.Group = []binding.Number{b.A}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		assertHidden(t, format, fmt.Sprintf(format, b))
		assertHidden(t, format+" of a pointer", fmt.Sprintf(format, &b))
		assertHidden(t, format+" of the edges", fmt.Sprintf(format, b.Edges()))
	}
}
