package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"mask700/binding"
)

func TestFlags(t *testing.T) {
	for line, want := range map[string]string{
		"-callers 0":              "not a number of callers",
		"-callers 1,x":            "not a number of callers",
		"-engines mask700,oracle": "there is no \"oracle\"",
		"-base 10":                "at least 1000",
		"-piece 0":                "-piece, -disk",
	} {
		if _, err := parse(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	o, err := parse([]string{"-callers", "1,2", "-engines", "redis"})
	if err != nil || len(o.callers) != 2 || len(o.engines) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// Every binding has its own id, number and parties, as the stores' conflicts are no part of the measurement.
func TestBindingsAreDistinct(t *testing.T) {
	const n = 3 * perBlock
	ids, numbers, parties := map[string]bool{}, map[binding.X]bool{}, map[binding.Number]bool{}
	for i := range n {
		b := bindingOf(i)
		ids[b.ID], numbers[b.X], parties[b.A], parties[b.B] = true, true, true, true
	}
	if len(ids) != n || len(numbers) != n || len(parties) != 2*n {
		t.Errorf("%d ids, %d numbers, %d parties of %d bindings", len(ids), len(numbers), len(parties), n)
	}
}

func TestRatiosAreToTheFirst(t *testing.T) {
	x := rate{callers: 64, each: 1000, p50: time.Millisecond, p99: 2 * time.Millisecond, cpu: time.Microsecond}
	y := rate{callers: 64, each: 250, p50: 4 * time.Millisecond, p99: 4 * time.Millisecond, cpu: 3 * time.Microsecond}
	r := report{options: options{callers: []int{64}}}
	r.add(figures{name: "one", load: 100, rest: time.Second, binds: []rate{x}, lookups: x, fresh: 200, size: 100, memory: 1 << 20, again: time.Second})
	r.add(figures{name: "two", load: 50, rest: 2 * time.Second, binds: []rate{y}, lookups: y, fresh: 300, size: 400, memory: 2 << 20, again: 3 * time.Second})
	var b bytes.Buffer
	r.end(&b)
	line := ""
	for l := range strings.Lines(b.String()) {
		if strings.HasPrefix(l, "two : one") {
			line = strings.Join(strings.Fields(l)[3:], " ")
		}
	}
	if line != "0.50 2.00 0.25 4.00 2.00 3.00 0.25 4.00 2.00 3.00 1.50 4.00 2.00 3.00" {
		t.Errorf("%q in\n%s", line, b.String())
	}
}

// Each set of keys is the one before it and one more, and all are bindings of their own.
func TestKeySets(t *testing.T) {
	for _, s := range keySets {
		b, other := s.made(1), s.made(2)
		if b.ID == other.ID || b.X == other.X || b.CreatedAt.IsZero() {
			t.Errorf("%s: %s and %s", s.name, b.ID, other.ID)
		}
	}
	full := keySets[fullSet].made(7)
	if want := bindingOf(7); full.ID != want.ID || full.Order != want.Order || full.A != want.A || full.B != want.B || !full.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("the full bind is %s, for %s", full.ID, full.Order)
	}
	if y := keySets[len(keySets)-1].made(7); y.Y == 0 || y.Y.Block() == y.X.Block() {
		t.Errorf("second number %s of %s", y.Y, y.X)
	}
}

func TestReportOfKeys(t *testing.T) {
	var b bytes.Buffer
	costs := make([]keyCost, len(keySets))
	for i := range costs {
		costs[i] = keyCost{size: float64(100 + 10*i), each: float64(1000 - 100*i), cpu: time.Duration(10+i) * time.Microsecond}
	}
	reportKeys(&b, options{callers: []int{1, 2}, keys: 5}, costs)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	found := false
	for _, l := range lines {
		if strings.HasPrefix(l, "and the index of A") {
			found = true
			if f := strings.Join(strings.Fields(l)[5:], " "); f != "3 900 11.0 +1.0 110 +10" {
				t.Errorf("%q", f)
			}
		}
	}
	if !found {
		t.Error(b.String())
	}
}

// TestLoadStopsBeforeTheDiskIsFull: what an engine takes is looked at as it is loaded.
func TestLoadStopsBeforeTheDiskIsFull(t *testing.T) {
	e := &growing{each: 1 << 10}
	err := load(context.Background(), e, options{base: 10_000_000, disk: 3})
	if err == nil || !strings.Contains(err.Error(), "-disk allows 3") || e.loaded != 4_000_000 {
		t.Errorf("%d loaded, %v", e.loaded, err)
	}
	if err := load(context.Background(), e, options{base: 2_500_000, disk: 3}); err != nil || e.loaded != 2_500_000 {
		t.Errorf("%d loaded, %v", e.loaded, err)
	}
}

// growing is an engine that takes so much for each binding.
type growing struct {
	engine
	each   int64
	loaded int
}

func (g *growing) load(_ context.Context, _, to int) error { g.loaded = to; return nil }
func (g *growing) size() (int64, error)                    { return int64(g.loaded) * g.each, nil }
