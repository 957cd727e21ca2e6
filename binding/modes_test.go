package binding_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

// shapes are bindings of every mode. The members of a group are digitsA and
// digitsD, and digitsA is its default where it has one.
func shapes(t testing.TB) map[string]binding.Binding {
	a, d := number(t, digitsA), number(t, digitsD)
	group := func(mode binding.Mode, first binding.Number) func(*binding.Binding) {
		return func(b *binding.Binding) { b.Mode, b.A, b.Group = mode, first, []binding.Number{a, d} }
	}
	none := binding.Number{}
	all := map[string]binding.Binding{}
	for name, change := range map[string]func(*binding.Binding){
		"axb":              func(*binding.Binding) {},
		"axyb":             func(b *binding.Binding) { b.Mode, b.Y = binding.ModeAXYB, y },
		"axyb a-to-b":      func(b *binding.Binding) { b.Mode, b.Y, b.OneWay = binding.ModeAXYB, y, binding.OneWayAToB },
		"gxb":              group(binding.ModeGXB, none),
		"gxb with default": group(binding.ModeGXB, a),
		"gxb b-to-a":       func(b *binding.Binding) { group(binding.ModeGXB, a)(b); b.OneWay = binding.OneWayBToA },
		"gxyb":             func(b *binding.Binding) { group(binding.ModeGXYB, a)(b); b.Y = y },
		"ax":               func(b *binding.Binding) { b.Mode, b.B = binding.ModeAX, none },
		"ax with b":        func(b *binding.Binding) { b.Mode = binding.ModeAX },
		"axe":              func(b *binding.Binding) { b.Mode, b.B, b.Extension = binding.ModeAXE, none, "1234" },
		"axe with b":       func(b *binding.Binding) { b.Mode, b.Extension = binding.ModeAXE, "1234" },
	} {
		all[name] = row(t, change)
	}
	return all
}

const digitsD = "8613600000004"

// TestModes asks every mode from the view of each party and of a stranger.
func TestModes(t *testing.T) {
	a, b, d, stranger := number(t, digitsA), number(t, digitsB), number(t, digitsD), number(t, digitsC)
	names := map[binding.Number]string{{}: "", a: "a", b: "b", d: "d", stranger: "stranger"}
	// Who dials what: who rings and is shown which number, or the refusal. What is not here is no_binding.
	type views map[string]string
	for mode, want := range map[string]views{
		"axb":              {"a x": "b x", "b x": "a x"},
		"axyb":             {"a x": "b y", "b y": "a x"},
		"axyb a-to-b":      {"a x": "b y", "b y": "one_way"},
		"gxb":              {"a x": "b x", "d x": "b x", "b x": "one_way"},
		"gxb with default": {"a x": "b x", "d x": "b x", "b x": "a x"},
		"gxb b-to-a":       {"a x": "one_way", "d x": "one_way", "b x": "a x"},
		"gxyb":             {"a x": "b y", "d x": "b y", "b y": "a x"},
		"ax":               {"a x": "one_way", "b x": "a x", "d x": "a x", "stranger x": "a x"},
		"ax with b":        {"a x": "b x", "b x": "a x", "d x": "a x", "stranger x": "a x"},
		"axe":              {"a x": "one_way", "b x1234": "a x", "d x1234": "a x", "stranger x1234": "a x"},
		"axe with b":       {"a x": "b x", "b x1234": "a x", "d x1234": "a x", "stranger x1234": "a x"},
	} {
		b, ok := shapes(t)[mode]
		if !ok {
			t.Fatalf("no %s", mode)
		}
		rows := []binding.Binding{b}
		for caller, name := range names {
			for dialled, q := range map[string]binding.Query{
				"x": {Dialled: x}, "y": {Dialled: y}, "x1234": {Dialled: x, Extension: "1234"}, "y1234": {Dialled: y, Extension: "1234"},
				"x123": {Dialled: x, Extension: "123"}, "x12345": {Dialled: x, Extension: "12345"},
			} {
				q.Caller, q.At, q.Strangers = caller, noon, true
				say := want[name+" "+dialled]
				if say == "" {
					say = "no_binding"
				}
				if caller.IsZero() {
					say = "no_caller"
				}
				d := binding.Explain(q, true, rows)
				got := string(d.Refusal)
				if d.Refusal == "" {
					got = names[d.Edge.Callee] + " " + map[binding.X]string{x: "x", y: "y"}[d.Edge.Shown]
				}
				if got != say {
					t.Errorf("%s: %s dials %s: %s, want %s", mode, name, dialled, got, say)
				}
				reasons(t, mode, d, len(b.Edges()))
				q.Strangers = false
				if closed := binding.Resolve(q, true, rows); d.Edge.Anyone && closed.Refusal != binding.RefusalNoBinding || !d.Edge.Anyone && closed.Edge != d.Edge {
					t.Errorf("%s: %s dials %s: without strangers %+v", mode, name, dialled, closed)
				}
			}
		}
	}
}

// reasons fails unless each edge but the one taken has its reason.
func reasons(t *testing.T, what string, d binding.Decision, edges int) {
	t.Helper()
	if d.Refusal == "" {
		edges--
	}
	if len(d.Candidates) != edges {
		t.Errorf("%s: %d reasons for %d edges", what, len(d.Candidates), edges)
	}
	for _, c := range d.Candidates {
		if c.Why == "" || hasDigit(c.Why) {
			t.Errorf("%s: reason %q", what, c.Why)
		}
	}
}

// TestExplainOfModes: the reasons that only some modes have.
func TestExplainOfModes(t *testing.T) {
	a, c := number(t, digitsA), number(t, digitsC)
	for name, test := range map[string]struct {
		mode   string
		caller binding.Number
		digits string
		closed bool
		want   [2]string // of the edges from A and from anyone
	}{
		"own extension":   {"axe", a, "1234", false, [2]string{"it has no extension", "the caller itself"}},
		"no extension":    {"axe", c, "", false, [2]string{"another caller", "was not dialled"}},
		"other extension": {"axe", c, "4321", false, [2]string{"another caller", "another extension"}},
		"not allowed":     {"ax", c, "", true, [2]string{"another caller", "allow_strangers"}},
		"a of ax":         {"ax", a, "", false, [2]string{"names nobody", "the caller itself"}},
		"digits on ax":    {"ax", c, "12", false, [2]string{"another caller", "it has no extension"}},
	} {
		q := binding.Query{Dialled: x, Extension: test.digits, Caller: test.caller, At: noon, Strangers: !test.closed}
		d := binding.Explain(q, true, []binding.Binding{shapes(t)[test.mode]})
		if d.Refusal == "" || len(d.Candidates) != 2 {
			t.Errorf("%s: decided %+v", name, d)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(d.Candidates[i].Why, want) {
				t.Errorf("%s: %q, want %q", name, d.Candidates[i].Why, want)
			}
		}
	}
}

// TestMatchingOrder: on one number who is named goes before anyone.
func TestMatchingOrder(t *testing.T) {
	a, b, c := number(t, digitsA), number(t, digitsB), number(t, digitsC)
	open := row(t, func(r *binding.Binding) {
		r.ID, r.Mode, r.A, r.B = "open", binding.ModeAX, number(t, digitsD), binding.Number{}
	})
	oneWay := row(t, func(r *binding.Binding) { r.OneWay = binding.OneWayBToA })
	for name, test := range map[string]struct {
		caller  binding.Number
		rows    []binding.Binding
		binding string
		refusal binding.Refusal
	}{
		"named":             {a, []binding.Binding{open, pair(t)}, "pair", ""},
		"named, other":      {b, []binding.Binding{open, pair(t)}, "pair", ""},
		"stranger":          {c, []binding.Binding{pair(t), open}, "open", ""},
		"named, forbidden":  {a, []binding.Binding{open, oneWay}, "pair", binding.RefusalOneWay},
		"named, but ended":  {a, []binding.Binding{row(t, func(r *binding.Binding) { r.EndedAt = noon }), open}, "open", ""},
		"stranger, expired": {c, []binding.Binding{row(t, func(r *binding.Binding) { *r = open; r.ExpiresAt = noon })}, "", binding.RefusalNoBinding},
	} {
		d := binding.Resolve(binding.Query{Dialled: x, Caller: test.caller, At: noon, Strangers: true}, true, test.rows)
		if d.Refusal != test.refusal || idOf(d.Binding) != test.binding {
			t.Errorf("%s: %q by %q, want %q by %q", name, d.Refusal, idOf(d.Binding), test.refusal, test.binding)
		}
		if d.Edge.Anyone && !d.Ended.IsZero() {
			t.Errorf("%s: connected, and told that it ended", name)
		}
	}
}

// TestModesProperties makes random bindings of all modes as a service makes
// them, ends some, lets everybody dial everything, and holds each call
// against the bindings as the table of modes in words has them.
func TestModesProperties(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	const people, numbers = 14, 5
	var who [people]binding.Number
	for i := range who {
		who[i] = number(t, fmt.Sprintf("86138000%05d", i))
	}
	for round := range 150 {
		s, store := desk(t)
		s.Plan.Strangers = true
		now := noon
		s.Now = func() time.Time { return now }
		var made []binding.Binding
		for range 30 {
			now = now.Add(time.Minute)
			b, err := s.Create(t.Context(), randomRequest(random, people, numbers))
			if err == nil {
				made = append(made, b)
			} else if strings.ContainsAny(strings.ReplaceAll(err.Error(), "700", ""), "0123456789") {
				t.Fatalf("seed %d: a digit in %q", seed, err)
			}
			if len(made) > 0 && random.IntN(4) == 0 {
				i := random.IntN(len(made))
				if made[i], err = s.Delete(t.Context(), made[i].ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		now = now.Add(time.Minute)
		dial := func(caller binding.Number, dialled binding.X, digits string) binding.Decision {
			q := binding.Query{Dialled: dialled, Extension: digits, Caller: caller, At: now, Strangers: true}
			rows, err := store.Candidates(t.Context(), dialled, now)
			if err != nil {
				t.Fatal(err)
			}
			return binding.Resolve(q, true, rows)
		}
		for serial := range numbers {
			dialled := block.Number(serial)
			for _, digits := range []string{"", "11", "22"} {
				for _, caller := range who {
					d := dial(caller, dialled, digits)
					want := map[binding.Number]binding.X{}
					for i := range made {
						reaches(&made[i], now, dialled, digits, caller, want)
					}
					shown, given := want[d.Edge.Callee]
					if connected := d.Refusal == ""; connected && (!given || shown != d.Edge.Shown) || !connected && len(want) > 0 && d.Refusal != binding.RefusalOneWay {
						t.Fatalf("seed %d, round %d: %v dials %s %q: %+v, but bindings give %v", seed, round, caller, dialled, digits, d, want)
					} else if !connected {
						continue
					}
					if d.Edge.Callee == caller || !d.Edge.Shown.Valid() || !d.Binding.OnX(d.Edge.Shown) {
						t.Fatalf("seed %d: connected by %+v", seed, d.Edge)
					}
					back := dial(d.Edge.Callee, d.Edge.Shown, "")
					b := d.Binding
					if both := b.Mode == binding.ModeAXB || b.Mode == binding.ModeAXYB; both && b.OneWay == binding.BothWays {
						if back.Edge.Callee != caller {
							t.Fatalf("seed %d: %v reached %v, who dialled back and reached %+v", seed, caller, d.Edge.Callee, back)
						}
					}
				}
			}
		}
	}
}

// reaches adds to all who is reached over a binding and what is shown, said
// apart from edges. Where somebody is named, whoever is open to all does not
// count: the caller may be refused.
func reaches(b *binding.Binding, at time.Time, dialled binding.X, digits string, caller binding.Number, all map[binding.Number]binding.X) {
	if b.State(at) != binding.StateLive || digits != "" && digits != b.Extension {
		return
	}
	second := b.X
	if b.Y != 0 {
		second = b.Y
	}
	forward, backward := b.OneWay != binding.OneWayBToA, b.OneWay != binding.OneWayAToB
	isMember := caller == b.A
	for _, m := range b.Group {
		isMember = isMember || caller == m
	}
	switch b.Mode {
	case binding.ModeAX, binding.ModeAXE:
		if dialled != b.X {
			return
		}
		if caller != b.A && digits == b.Extension {
			all[b.A] = b.X
		}
		if caller == b.A && !b.B.IsZero() && digits == "" {
			all[b.B] = b.X
		}
	default:
		if isMember && dialled == b.X && forward {
			all[b.B] = second
		}
		if caller == b.B && dialled == second && backward && !b.A.IsZero() {
			all[b.A] = b.X
		}
	}
}

func randomRequest(random *rand.Rand, people, numbers int) binding.Request {
	someone := func() string { return fmt.Sprintf("138000%05d", random.IntN(people)) }
	maybe := func(s string) string {
		if random.IntN(2) == 0 {
			return ""
		}
		return s
	}
	on := func() string { return block.Number(random.IntN(numbers)).String() }
	r := binding.Request{
		Mode: []string{"axb", "axyb", "gxb", "gxyb", "ax", "axe"}[random.IntN(6)], A: someone(), B: someone(), X: on(), Order: "order",
		TTL: time.Duration(1+random.IntN(60)) * time.Minute,
	}
	switch r.Mode {
	case "axyb", "gxyb":
		r.Y = on()
	}
	switch r.Mode {
	case "gxb", "gxyb":
		r.A = maybe(r.A)
		for range 1 + random.IntN(3) {
			r.Group = append(r.Group, someone())
		}
		if r.A != "" {
			r.Group[0] = r.A
		}
	case "ax":
		r.B = maybe(r.B)
	case "axe":
		r.B, r.Extension = maybe(r.B), []string{"11", "22"}[random.IntN(2)]
	}
	if random.IntN(4) == 0 && r.Mode != "ax" && r.Mode != "axe" {
		r.OneWay = []string{"a-to-b", "b-to-a"}[random.IntN(2)]
	}
	return r
}
