package binding_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"mask700/binding"
)

// row changes a copy of the pair.
func row(t testing.TB, change func(*binding.Binding)) binding.Binding {
	t.Helper()
	b := pair(t)
	change(&b)
	return b
}

func TestResolve(t *testing.T) {
	a, b, c := number(t, digitsA), number(t, digitsB), number(t, digitsC)
	hour := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	live := pair(t)
	named := func(id string, created int, change func(*binding.Binding)) binding.Binding {
		return row(t, func(r *binding.Binding) {
			r.ID, r.CreatedAt = id, hour(created)
			if change != nil {
				change(r)
			}
		})
	}
	expired := func(r *binding.Binding) { r.ExpiresAt = noon }
	unbound := func(r *binding.Binding) { r.EndedAt = noon }
	aToB := func(r *binding.Binding) { r.OneWay = binding.OneWayAToB }
	later := func(r *binding.Binding) { r.Mode = "hologram" } // of a later release
	onY := func(r *binding.Binding) { r.X = y }
	others := func(r *binding.Binding) { r.A, r.B = c, number(t, secret) }

	for name, test := range map[string]struct {
		caller  binding.Number
		rows    []binding.Binding
		notHeld bool
		refusal binding.Refusal
		binding string
		callee  binding.Number
	}{
		"a reaches b":                      {caller: a, rows: []binding.Binding{live}, binding: "pair", callee: b},
		"b reaches a":                      {caller: b, rows: []binding.Binding{live}, binding: "pair", callee: a},
		"stranger":                         {caller: c, rows: []binding.Binding{live}, refusal: binding.RefusalNoBinding},
		"no caller":                        {rows: []binding.Binding{live}, refusal: binding.RefusalNoCaller},
		"no caller, nothing held":          {notHeld: true, refusal: binding.RefusalNoCaller},
		"not held":                         {caller: a, rows: []binding.Binding{live}, notHeld: true, refusal: binding.RefusalNoBinding},
		"nothing bound":                    {caller: a, refusal: binding.RefusalNoBinding},
		"expired":                          {caller: a, rows: []binding.Binding{named("old", -2, expired)}, refusal: binding.RefusalExpired, binding: "old"},
		"stranger to an expired one":       {caller: c, rows: []binding.Binding{named("old", -2, expired)}, refusal: binding.RefusalNoBinding},
		"unbound":                          {caller: a, rows: []binding.Binding{named("old", -2, unbound)}, refusal: binding.RefusalNoBinding},
		"not made yet":                     {caller: a, rows: []binding.Binding{named("next", 1, nil)}, refusal: binding.RefusalNoBinding},
		"live beats an expired one":        {caller: a, rows: []binding.Binding{named("new", -1, expired), named("pair", -2, nil)}, binding: "pair", callee: b},
		"live beats an unbound one":        {caller: a, rows: []binding.Binding{named("new", -1, unbound), named("pair", -2, nil)}, binding: "pair", callee: b},
		"live after an expired one":        {caller: a, rows: []binding.Binding{named("pair", -1, nil), named("old", -2, expired)}, binding: "pair", callee: b},
		"latest of the ended: expired":     {caller: a, rows: []binding.Binding{named("two", -2, expired), named("three", -3, unbound)}, refusal: binding.RefusalExpired, binding: "two"},
		"latest of the ended: unbound":     {caller: a, rows: []binding.Binding{named("two", -2, unbound), named("three", -3, expired)}, refusal: binding.RefusalNoBinding},
		"order of the rows says nothing":   {caller: a, rows: []binding.Binding{named("three", -3, unbound), named("two", -2, expired)}, refusal: binding.RefusalExpired, binding: "two"},
		"expired after one to come":        {caller: a, rows: []binding.Binding{named("next", 1, nil), named("old", -2, expired)}, refusal: binding.RefusalExpired, binding: "old"},
		"one-way, the allowed way":         {caller: a, rows: []binding.Binding{named("one", -1, aToB)}, binding: "one", callee: b},
		"one-way, the other way":           {caller: b, rows: []binding.Binding{named("one", -1, aToB)}, refusal: binding.RefusalOneWay, binding: "one"},
		"one-way, stranger":                {caller: c, rows: []binding.Binding{named("one", -1, aToB)}, refusal: binding.RefusalNoBinding},
		"one-way beats an expired one":     {caller: b, rows: []binding.Binding{named("old", -2, expired), named("one", -1, aToB)}, refusal: binding.RefusalOneWay, binding: "one"},
		"live beats one-way":               {caller: b, rows: []binding.Binding{named("one", -1, aToB), named("pair", -2, nil)}, binding: "pair", callee: a},
		"one-way and expired":              {caller: b, rows: []binding.Binding{named("old", -2, func(r *binding.Binding) { aToB(r); expired(r) })}, refusal: binding.RefusalExpired, binding: "old"},
		"a mode that is not served":        {caller: a, rows: []binding.Binding{named("group", -1, later)}, refusal: binding.RefusalNoBinding},
		"beside a mode that is not":        {caller: a, rows: []binding.Binding{named("group", -1, later), named("pair", -2, nil)}, binding: "pair", callee: b},
		"an expired mode that is not":      {caller: a, rows: []binding.Binding{named("group", -2, func(r *binding.Binding) { later(r); expired(r) })}, refusal: binding.RefusalNoBinding},
		"a row of another number":          {caller: a, rows: []binding.Binding{named("other", -1, onY)}, refusal: binding.RefusalNoBinding},
		"several pairs on one number":      {caller: c, rows: []binding.Binding{live, named("others", -1, others)}, binding: "others", callee: number(t, secret)},
		"several pairs, the first of them": {caller: a, rows: []binding.Binding{named("others", -1, others), live}, binding: "pair", callee: b},
	} {
		q := binding.Query{Dialled: x, Caller: test.caller, At: noon}
		d := binding.Resolve(q, !test.notHeld, test.rows)
		if d.Refusal != test.refusal {
			t.Errorf("%s: refusal is %q, want %q", name, d.Refusal, test.refusal)
		}
		if got := idOf(d.Binding); got != test.binding {
			t.Errorf("%s: binding is %q, want %q", name, got, test.binding)
		}
		want := binding.Edge{}
		if test.refusal == binding.RefusalNone {
			want = binding.Edge{Dialled: x, Caller: test.caller, Callee: test.callee, Shown: x}
		}
		if d.Edge != want {
			t.Errorf("%s: edge is %+v, want %+v", name, d.Edge, want)
		}
		if d.Candidates != nil {
			t.Errorf("%s: candidates without being asked", name)
		}
		q.Explain = true
		explained := binding.Resolve(q, !test.notHeld, test.rows)
		explained.Candidates = nil
		if !reflect.DeepEqual(explained, d) {
			t.Errorf("%s: the explanation decides otherwise: %+v", name, explained)
		}
	}
}

func idOf(b *binding.Binding) string {
	if b == nil {
		return ""
	}
	return b.ID
}

// TestResolveOverOneBinding: a call that was ordered over a binding goes over that or over none, and nothing is told of
// another that has the number.
func TestResolveOverOneBinding(t *testing.T) {
	live := row(t, func(r *binding.Binding) { r.ID = "pair" })
	former := live
	former.ID, former.EndedAt = "former", noon.Add(-time.Minute)
	oneWay, expired := live, former
	oneWay.OneWay, oneWay.B = binding.OneWayBToA, number(t, digitsC)
	expired.ExpiresAt, expired.EndedAt = former.EndedAt, time.Time{}
	for name, test := range map[string]struct {
		rows    []binding.Binding
		over    string
		refusal binding.Refusal
		binding string
	}{
		"it is live":          {[]binding.Binding{former, live}, "pair", binding.RefusalNone, "pair"},
		"it refuses":          {[]binding.Binding{oneWay}, "pair", binding.RefusalOneWay, "pair"},
		"it has expired":      {[]binding.Binding{expired}, "former", binding.RefusalExpired, "former"},
		"another is live":     {[]binding.Binding{former, live}, "former", binding.RefusalNoBinding, ""},
		"another refuses":     {[]binding.Binding{former, oneWay}, "former", binding.RefusalNoBinding, ""},
		"another has expired": {[]binding.Binding{expired}, "pair", binding.RefusalNoBinding, ""},
		"there is none":       {nil, "former", binding.RefusalNoBinding, ""},
	} {
		d := binding.Resolve(binding.Query{Dialled: x, Caller: number(t, digitsA), At: noon, Over: test.over}, true, test.rows)
		id := ""
		if d.Binding != nil {
			id = d.Binding.ID
		}
		if d.Refusal != test.refusal || id != test.binding {
			t.Errorf("%s: %q by %q, want %q by %q", name, d.Refusal, id, test.refusal, test.binding)
		}
		if id == "" && (d.Edge != binding.Edge{} || !d.Ended.IsZero() || d.Guess != nil) {
			t.Errorf("%s: something is told: %+v", name, d)
		}
	}
}

func TestResolveOfNoNumber(t *testing.T) {
	rows := []binding.Binding{row(t, func(b *binding.Binding) { b.X = 701100000010000 })}
	for _, dialled := range []binding.X{0, 701100000010000} {
		q := binding.Query{Dialled: dialled, Caller: number(t, digitsA), At: noon}
		if d := binding.Resolve(q, true, rows); d.Refusal != binding.RefusalNoBinding || d.Binding != nil {
			t.Errorf("%d: decided %+v", uint64(dialled), d)
		}
	}
}

// TestResolveAtItsEdgesInTime asks around the moments at which a binding
// begins and ends to live.
func TestResolveAtItsEdgesInTime(t *testing.T) {
	rows := []binding.Binding{row(t, func(b *binding.Binding) {
		b.CreatedAt, b.ExpiresAt = noon, noon.Add(time.Hour)
	})}
	for offset, want := range map[time.Duration]binding.Refusal{
		-1: binding.RefusalNoBinding, 0: "", time.Hour - 1: "", time.Hour: binding.RefusalExpired,
	} {
		q := binding.Query{Dialled: x, Caller: number(t, digitsA), At: noon.Add(offset)}
		if d := binding.Resolve(q, true, rows); d.Refusal != want {
			t.Errorf("%v: refusal is %q, want %q", offset, d.Refusal, want)
		}
	}
}

func TestResolvePointsIntoTheRows(t *testing.T) {
	rows := []binding.Binding{pair(t)}
	d := binding.Resolve(binding.Query{Dialled: x, Caller: number(t, digitsA), At: noon}, true, rows)
	if d.Binding != &rows[0] {
		t.Error("the binding was copied")
	}
}

// TestResolveProperties draws many sets of rows and checks what must hold of
// every decision, whatever the rows are.
func TestResolveProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	people := []binding.Number{number(t, digitsA), number(t, digitsB), number(t, digitsC), number(t, secret)}
	modes := []binding.Mode{binding.ModeAXB, binding.ModeAXB, binding.ModeAXB, binding.ModeGXB, "hologram"}
	moments := []time.Time{{}, noon.Add(-time.Hour), noon, noon.Add(time.Hour)}
	ways := []binding.OneWay{binding.BothWays, binding.BothWays, binding.OneWayAToB, binding.OneWayBToA, "sideways"}
	for range 20_000 {
		rows := make([]binding.Binding, random.IntN(5))
		for i := range rows {
			order := random.Perm(len(people))
			rows[i] = binding.Binding{
				ID: string(rune('a' + i)), Mode: modes[random.IntN(len(modes))], X: []binding.X{x, x, y}[random.IntN(3)],
				A: people[order[0]], B: people[order[1]], OneWay: ways[random.IntN(len(ways))],
				CreatedAt: noon.Add(time.Duration(random.IntN(5)-3) * time.Hour),
				ExpiresAt: moments[random.IntN(len(moments))], EndedAt: moments[random.IntN(len(moments))],
			}
		}
		q := binding.Query{Dialled: x, Caller: people[random.IntN(len(people))], At: noon, Explain: true}
		d := binding.Resolve(q, true, rows)
		edges := 0
		for i := range rows {
			edges += max(1, len(rows[i].Edges()))
		}
		switch d.Refusal {
		case binding.RefusalNone:
			edges--
			e := d.Edge
			if e.Dialled != q.Dialled || e.Caller != q.Caller || e.Forbidden || d.Binding.State(q.At) != binding.StateLive ||
				e.Callee == e.Caller || !d.Binding.HasParty(e.Callee) || !d.Binding.HasParty(e.Caller) || e.Shown != q.Dialled {
				t.Fatalf("connected by %+v of %+v", e, d.Binding)
			}
		case binding.RefusalOneWay:
			if d.Binding.State(q.At) != binding.StateLive || !d.Binding.HasParty(q.Caller) {
				t.Fatalf("one-way told to no party of %+v", d.Binding)
			}
		case binding.RefusalExpired:
			if d.Binding.State(q.At) != binding.StateExpired || !d.Binding.HasParty(q.Caller) {
				t.Fatalf("expired by %+v", d.Binding)
			}
		case binding.RefusalNoBinding:
			if d.Binding != nil {
				t.Fatalf("no binding, and yet %+v", d.Binding)
			}
		default:
			t.Fatalf("refusal is %q", d.Refusal)
		}
		if d.Refusal != binding.RefusalNone && d.Edge != (binding.Edge{}) {
			t.Fatalf("refused as %s with edge %+v", d.Refusal, d.Edge)
		}
		if len(d.Candidates) != edges {
			t.Fatalf("%d candidates of %d edges", len(d.Candidates), edges)
		}
	}
}

func TestResolveAllocatesNothing(t *testing.T) {
	rows := manyPairs(t, binding.MaxRowsOnX)
	for name, caller := range map[string]binding.Number{
		"last pair": rows[len(rows)-1].B, "stranger": number(t, secret), "none": {},
	} {
		q := binding.Query{Dialled: x, Caller: caller, At: noon}
		if n := testing.AllocsPerRun(100, func() { _ = binding.Resolve(q, true, rows) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func manyPairs(t testing.TB, n int) []binding.Binding {
	t.Helper()
	rows := make([]binding.Binding, n)
	var plan binding.Plan
	for i := range rows {
		a, err := plan.ParseNumber("138000" + string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)}) + "00")
		if err != nil {
			t.Fatal(err)
		}
		b, err := plan.ParseNumber("139000" + string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)}) + "00")
		if err != nil {
			t.Fatal(err)
		}
		rows[i] = row(t, func(r *binding.Binding) { r.A, r.B = a, b })
	}
	return rows
}

func BenchmarkResolve(b *testing.B) {
	for name, n := range map[string]int{"one": 1, "full": binding.MaxRowsOnX} {
		rows := manyPairs(b, n)
		q := binding.Query{Dialled: x, Caller: rows[n-1].B, At: noon}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := binding.Resolve(q, true, rows); d.Refusal != "" {
					b.Fatal(d.Refusal)
				}
			}
		})
	}
}

// When the edge of the caller itself ended is told, whatever ended it; to others nothing is.
func TestResolveTellsWhenTheEdgeEnded(t *testing.T) {
	a, b, c := number(t, digitsA), number(t, digitsB), number(t, digitsC)
	ended := func(created, expires, ends time.Duration) binding.Binding {
		return row(t, func(r *binding.Binding) {
			r.CreatedAt = noon.Add(created)
			if expires != 0 {
				r.ExpiresAt = noon.Add(expires)
			}
			if ends != 0 {
				r.EndedAt = noon.Add(ends)
			}
		})
	}
	for name, test := range map[string]struct {
		caller binding.Number
		rows   []binding.Binding
		ended  time.Duration // before noon; 0: not told
	}{
		"live":                {a, []binding.Binding{pair(t)}, 0},
		"expired":             {a, []binding.Binding{ended(-3*time.Hour, -time.Hour, 0)}, -time.Hour},
		"unbound":             {b, []binding.Binding{ended(-3*time.Hour, 0, -2*time.Hour)}, -2 * time.Hour},
		"unbound in its time": {a, []binding.Binding{ended(-3*time.Hour, -time.Hour, -2*time.Hour)}, -2 * time.Hour},
		"expired first":       {a, []binding.Binding{ended(-3*time.Hour, -2*time.Hour, -time.Hour)}, -2 * time.Hour},
		"the newest":          {a, []binding.Binding{ended(-5*time.Hour, 0, -4*time.Hour), ended(-3*time.Hour, 0, -2*time.Hour)}, -2 * time.Hour},
		"a stranger":          {c, []binding.Binding{ended(-3*time.Hour, -time.Hour, 0)}, 0},
	} {
		d := binding.Resolve(binding.Query{Dialled: x, Caller: test.caller, At: noon}, true, test.rows)
		want := time.Time{}
		if test.ended != 0 {
			want = noon.Add(test.ended)
		}
		if !d.Ended.Equal(want) {
			t.Errorf("%s: ended %v, want %v", name, d.Ended, want)
		}
	}
}
