package main

import (
	"bytes"
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
	r.add(figures{name: "one", load: 100, binds: []rate{x}, lookups: x, size: 100, memory: 1 << 20, again: time.Second})
	r.add(figures{name: "two", load: 50, binds: []rate{y}, lookups: y, size: 400, memory: 2 << 20, again: 3 * time.Second})
	var b bytes.Buffer
	r.end(&b)
	line := ""
	for l := range strings.Lines(b.String()) {
		if strings.HasPrefix(l, "two : one") {
			line = strings.Join(strings.Fields(l)[3:], " ")
		}
	}
	if line != "0.50 0.25 4.00 2.00 3.00 0.25 4.00 2.00 3.00 4.00 2.00 3.00" {
		t.Errorf("%q in\n%s", line, b.String())
	}
}
