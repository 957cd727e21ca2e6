package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func first(int) int { return 0 }

func TestPortsAreEvenPairsWithinTheRange(t *testing.T) {
	tests := []struct {
		lo, hi uint16
		want   []uint16
	}{
		{20000, 20003, []uint16{20000, 20002}},
		{20001, 20004, []uint16{20002}},
		{20000, 20000, nil},
		{20001, 20002, nil},
		{65532, 65535, []uint16{65532, 65534}},
		{0, 3, []uint16{2}},
		{5, 4, nil},
	}
	for _, tt := range tests {
		p := newPorts(tt.lo, tt.hi, time.Second)
		var got []uint16
		for {
			port, ok := p.take(epoch, first)
			if !ok {
				break
			}
			got = append(got, port)
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d-%d: %v, want %v", tt.lo, tt.hi, got, tt.want)
		}
	}
}

func TestPortsRestBeforeTheyAreUsedAgain(t *testing.T) {
	p := newPorts(20000, 20003, 5*time.Second)
	a, _ := p.take(epoch, first)
	b, _ := p.take(epoch, first)
	p.give(a, epoch)
	p.give(a, epoch) // twice is once
	p.give(b, epoch.Add(2*time.Second))
	p.give(9999, epoch) // never taken
	if free, used, resting := p.counts(); free != 0 || used != 0 || resting != 2 {
		t.Errorf("%d free, %d used, %d resting", free, used, resting)
	}
	if port, ok := p.take(epoch.Add(5*time.Second-1), first); ok {
		t.Errorf("%d before it had rested", port)
	}
	if port, ok := p.take(epoch.Add(5*time.Second), first); !ok || port != a {
		t.Errorf("got %d, %t, want %d", port, ok, a)
	}
	if _, ok := p.take(epoch.Add(5*time.Second), first); ok {
		t.Error("the other had not rested")
	}
	if port, ok := p.take(epoch.Add(7*time.Second), first); !ok || port != b {
		t.Errorf("got %d, %t, want %d", port, ok, b)
	}
}

// Over any run, a pair is never out twice nor before its rest is over, none is
// lost, and the order is not that of the range.
func TestPortsOverALongRun(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rest = 50 * time.Millisecond
	p := newPorts(30000, 30199, rest)
	given := map[uint16]time.Time{}
	var out []uint16
	var order []uint16
	now := epoch
	for range 20000 {
		now = now.Add(time.Duration(r.IntN(int(time.Millisecond))))
		if r.IntN(2) == 0 {
			port, ok := p.take(now, r.IntN)
			if !ok {
				continue
			}
			if slices.Contains(out, port) {
				t.Fatalf("%d is out twice", port)
			}
			if at, ok := given[port]; ok && now.Sub(at) < rest {
				t.Fatalf("%d rested %v", port, now.Sub(at))
			}
			out = append(out, port)
			order = append(order, port)
		} else if len(out) > 0 {
			i := r.IntN(len(out))
			p.give(out[i], now)
			given[out[i]] = now
			out = slices.Delete(out, i, i+1)
		}
		if free, used, resting := p.counts(); free+used+resting != 100 || used != len(out) {
			t.Fatalf("%d free, %d used, %d resting, %d out", free, used, resting, len(out))
		}
	}
	if slices.IsSorted(order[:50]) {
		t.Error("the ports come in order")
	}
}
