package route

import (
	"testing"
	"time"
)

func TestLease(t *testing.T) {
	times := DefaultTimes()
	now := time.Unix(1_000_000, 0)
	somewhere := []Place{{Priority: 0}}
	fails := errZone
	for _, c := range []struct {
		name    string
		answers []Answer // each learned when it is due, nil Places and TTL -1: a failure
		again   time.Duration
		places  int
	}{
		{"what its records say", []Answer{{somewhere, 10 * time.Minute}}, 10 * time.Minute, 1},
		{"at least", []Answer{{somewhere, time.Second}}, 30 * time.Second, 1},
		{"at most", []Answer{{somewhere, 48 * time.Hour}}, time.Hour, 1},
		{"not said", []Answer{{somewhere, 0}}, 30 * time.Second, 1},
		{"none", []Answer{{somewhere, time.Hour}, {nil, 0}}, 30 * time.Second, 0},
		{"nobody answers", []Answer{{somewhere, time.Hour}, {nil, -1}}, 30 * time.Second, 1},
		{"nobody ever answered", []Answer{{nil, -1}}, 30 * time.Second, 0},
	} {
		var l Lease
		at := now
		for _, a := range c.answers {
			if next, ok := l.Next(); !ok || next.After(at) {
				at = next
			}
			if !l.Ask(at) || l.Ask(at) {
				t.Fatalf("%s: not asked once when it is due", c.name)
			}
			if _, ok := l.Next(); ok {
				t.Errorf("%s: due while it is asked", c.name)
			}
			if a.TTL < 0 {
				l.Learn(at, Answer{}, fails, times)
			} else {
				l.Learn(at, a, nil, times)
			}
		}
		next, ok := l.Next()
		if !ok || next.Sub(at) != c.again || len(l.Places) != c.places {
			t.Errorf("%s: %d places, again after %s", c.name, len(l.Places), next.Sub(at))
		}
		if l.Ask(next.Add(-1)) || !l.Ask(next) {
			t.Errorf("%s: not due at its time", c.name)
		}
	}
}

// TestLeaseComplainsSeldom: a line a minute for a name that is not found.
func TestLeaseComplainsSeldom(t *testing.T) {
	times := DefaultTimes()
	now := time.Unix(1_000_000, 0)
	var l Lease
	var complaints []time.Duration
	learn := func(after time.Duration, a Answer, err error) {
		if l.Learn(now.Add(after), a, err, times) {
			complaints = append(complaints, after/time.Second)
		}
	}
	for s := range 5 {
		learn(time.Duration(s)*30*time.Second, Answer{}, map[bool]error{true: errZone}[s%2 == 0])
	}
	learn(150*time.Second, Answer{Places: []Place{{}}}, nil)
	learn(160*time.Second, Answer{}, errZone) // news again
	want := []time.Duration{0, 60, 120, 160}
	if len(complaints) != len(want) {
		t.Fatalf("complained at %d, want %d", complaints, want)
	}
	for i := range want {
		if complaints[i] != want[i] {
			t.Errorf("complained at %d, want %d", complaints, want)
		}
	}
}
